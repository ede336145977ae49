/* What the tests of this room share: the includes that cmocka wants first, and a folder of their own for files. */
#ifndef KMB_TESTS_UNIT_SERVER_TEST_H
#define KMB_TESTS_UNIT_SERVER_TEST_H

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

struct test_folder {
    char path[64];
};

static inline struct test_folder test_folder_make(void) {
    struct test_folder folder = {"/tmp/kmb-server-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

static inline void test_folder_remove(const struct test_folder *folder) {
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder->path);
    assert_int_equal(system(command), 0);
}

/* A path in the folder, in one of eight places that take turns. */
static inline const char *test_path(const struct test_folder *folder, const char *name) {
    static char paths[8][160];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder->path, name);
    return path;
}

static inline bool test_command_exists(const char *name) {
    char command[128];
    (void)snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", name);
    return system(command) == 0;
}

/* Exit code of a command made of a format. */
static inline int test_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline int test_run(const char *format, ...) {
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    return system(command);
}

#endif
