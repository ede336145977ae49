/*
 * Flips bits of a closed log, one at a time, and prints what log_verify names. For compare.py.
 *
 *     name_flips DIR < lines of "file offset bit"
 *
 * Works on a copy in memory. One line per flip: part|file|offset|op|entry|tenant|sequence|position; "whole" where
 * nothing was found.
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/io_memory.h"
#include "log/verify.h"

struct load {
    const char *dir;
    struct io from;
    struct io to;
};

static enum kmb_status load_file(void *context, const char *name, bool directory) {
    struct load *load = context;
    struct buffer bytes = {0};
    char from[1024];
    char to[1024];
    (void)directory;
    (void)snprintf(from, sizeof from, "%s/%s", load->dir, name);
    (void)snprintf(to, sizeof to, "/log/%s", name);
    enum kmb_status status = io_read_file(&load->from, from, (size_t)1 << 30, &bytes, NULL);
    if (status == KMB_OK) {
        status = io_replace_file(&load->to, to, 0, buffer_slice(&bytes), NULL);
    }
    buffer_free(&bytes);
    return status;
}

static void name_flip(struct io_memory *disk, const struct io *io, const char *file, unsigned long long offset,
                      unsigned bit) {
    struct log_verify_report report;
    const struct log_verify_options options = {0};
    char path[1024];
    (void)snprintf(path, sizeof path, "/log/%s", file);
    if (!io_memory_flip(disk, path, offset, bit)) {
        printf("no such byte\n");
        return;
    }
    enum kmb_status status = log_verify(io, "/log", &options, &report, NULL);
    const struct log_verify_failure *failure = &report.failure;
    if (status == KMB_OK) {
        printf("whole\n");
    } else {
        printf("%s|%s|%llu|%llu|%u|%u|%llu|%llu\n", log_part_name(failure->part), failure->file,
               (unsigned long long)failure->offset, (unsigned long long)failure->op, failure->index, failure->tenant,
               (unsigned long long)failure->sequence, (unsigned long long)failure->position);
    }
    (void)io_memory_flip(disk, path, offset, bit);
}

int main(int argc, char **argv) {
    struct io_memory *disk = io_memory_new(0);
    if (argc != 2 || disk == NULL) {
        (void)fprintf(stderr, "usage: name_flips DIR\n");
        return 2;
    }
    struct load load = {.dir = argv[1], .from = io_posix(), .to = io_memory_table(disk)};
    if (io_make_directory(&load.to, "/log", NULL) != KMB_OK ||
        io_list(&load.from, argv[1], load_file, &load, NULL) != KMB_OK) {
        (void)fprintf(stderr, "name_flips: cannot read %s\n", argv[1]);
        return 1;
    }
    char file[64];
    unsigned long long offset = 0;
    unsigned bit = 0;
    while (scanf("%63s %llu %u", file, &offset, &bit) == 3) {
        name_flip(disk, &load.to, file, offset, bit);
    }
    io_memory_free(disk);
    return 0;
}
