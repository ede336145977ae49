/*
 * The end of a process that has found a bug of its own.
 *
 * Nothing clever: one line on stderr through stdio's unbuffered stream, then abort(), so that a core dump or a debugger
 * stands at the place. No cleanup runs, because the state that cleanup would act on is the state that was just found
 * wrong; the log on disk is what the next start trusts.
 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_fail(const char *file, int line, const char *function, const char *text) {
    fprintf(stderr, "%s:%d: %s: assertion `%s' failed\n", file, line, function, text);
    fflush(stderr);
    abort();
}
