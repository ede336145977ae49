/* A directory of a test's own, removed with all it holds at the end. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SCRATCH_SIZE 256 /* room for the path of a directory */

/* Makes one below parent and writes its path; ends the process where that fails. */
static inline void scratch_make_in(const char *parent, char *path, size_t size) {
    int length = snprintf(path, size, "%s/kimberlite-test-XXXXXX", parent);
    if (length < 0 || (size_t)length >= size) {
        fprintf(stderr, "%s: too long for a path of a test's directory\n", parent);
        exit(1);
    }
    if (mkdtemp(path) == NULL) {
        perror(path);
        exit(1);
    }
}

/* Below TMPDIR. */
static inline void scratch_make(char *path, size_t size) {
    const char *parent = getenv("TMPDIR");
    scratch_make_in(parent != NULL && parent[0] != 0 ? parent : "/tmp", path, size);
}

static inline int scratch_remove_one(const char *path, const struct stat *facts, int type, struct FTW *walk) {
    (void)facts;
    (void)type;
    (void)walk;
    return remove(path);
}

/* 0, or what nftw() answers when something could not be removed. */
static inline int scratch_remove(const char *path) {
    return nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
