/* What the tests of this room share: hexadecimal to bytes, and the includes that cmocka wants first. */
#ifndef KMB_TESTS_UNIT_CRYPTO_TEST_H
#define KMB_TESTS_UNIT_CRYPTO_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"

/* Bytes of a hexadecimal text; at most `room` of them. Returns how many. */
static inline size_t test_unhex(const char *text, uint8_t *bytes, size_t room) {
    size_t count = strlen(text) / 2;
    assert_true(count <= room);
    assert_true(codec_unhex(bytes, count, slice_text(text)));
    return count;
}

static inline void test_assert_hex(const void *bytes, size_t count, const char *expected) {
    char text[2 * 1024 + 1];
    assert_true(count <= 1024);
    codec_hex(text, bytes, count);
    assert_string_equal(text, expected);
}

static inline bool test_command_exists(const char *name) {
    char command[128];
    (void)snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", name);
    return system(command) == 0;
}

/* First line of a command's output, without its newline. */
static inline void test_command_line(const char *command, char *line, size_t size) {
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    line[0] = '\0';
    assert_non_null(fgets(line, (int)size, pipe));
    line[strcspn(line, "\r\n")] = '\0';
    assert_int_equal(pclose(pipe), 0);
}

#endif
