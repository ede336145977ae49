/*
 * ASSERT is for our own bugs, never for the world's faults, and stays on in release: a database that has lost its
 * invariants must stop before it writes.
 */
#ifndef KMB_BASE_ASSERT_H
#define KMB_BASE_ASSERT_H

#include <assert.h>

/* Prints "file:line: function: assertion `text' failed" on stderr and aborts. */
_Noreturn void assert_fail(const char *file, int line, const char *function, const char *text);

#define ASSERT(condition)                                                                                              \
    do {                                                                                                               \
        if (__builtin_expect(!(condition), 0)) {                                                                       \
            assert_fail(__FILE__, __LINE__, __func__, #condition);                                                     \
        }                                                                                                              \
    } while (0)

#define UNREACHABLE(text) assert_fail(__FILE__, __LINE__, __func__, text)

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
