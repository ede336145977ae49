/*
 * How fast the store is by itself: load, point reads, scans, one-row commits, checkpoint, reopening, history.
 *
 *   bench_store [rows] [directory] [cache in MB]      default: 1,000,000 rows, in memory, everything cached
 *
 * One line per figure, in processor time. Rows are a key of 12 bytes (table id, number) and an image of 104 bytes
 * behind a 16-byte stamp.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/codec.h"
#include "base/io_memory.h"
#include "base/memory.h"
#include "store/history.h"

#define IMAGE    104u
#define TENANT   1u
#define BATCH    10000u
#define VERSIONS 10u

struct bench {
    struct io io;
    struct io_memory *disk;
    char path[4096];
    struct store_options options;
    struct aead_key *key;
    struct store *store;
    struct store_root *root;
    uint64_t rows;
    uint64_t position;
    struct prng prng;
};

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void must(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        fprintf(stderr, "bench_store: %s\n", error->message);
        exit(1);
    }
}

static void report(const char *what, double seconds, uint64_t count) {
    printf("%-44s %9.3f ms %12.1f ns each %12.0f /s\n", what, seconds * 1e3, seconds * 1e9 / (double)count,
           (double)count / seconds);
    fflush(stdout);
}

static enum kmb_status page_key(void *context, uint32_t tenant, struct aead_key **key, struct kmb_error *error) {
    (void)tenant;
    (void)error;
    *key = ((struct bench *)context)->key;
    return KMB_OK;
}

static struct slice row_key(uint8_t bytes[12], uint64_t row) {
    codec_put_u32_big(bytes, 1);
    codec_put_u64_big(bytes + 4, row);
    return slice_make(bytes, 12);
}

/* Mostly constant text; the row's number and the version's in the middle. */
static struct slice row_image(uint8_t bytes[IMAGE], uint64_t row, uint64_t version) {
    memset(bytes, 'x', IMAGE);
    codec_put_u64(bytes + 8, row);
    codec_put_u64(bytes + 40, version * 7919);
    return slice_make(bytes, IMAGE);
}

static void bench_open(struct bench *bench, const struct store_reference *reference) {
    struct kmb_error error = {0};
    must(store_open(&bench->io, bench->path, &bench->options, reference, &bench->store, &bench->root, &error), &error);
}

static void publish(struct bench *bench, struct store_fork *fork) {
    struct kmb_error error = {0};
    struct store_root *root;
    must(store_fork_freeze(fork, &root, &error), &error);
    store_root_release(bench->root);
    bench->root = root;
}

static void load(struct bench *bench, bool versions) {
    struct kmb_error error = {0};
    double start = now();
    for (uint64_t row = 0; row < bench->rows;) {
        struct store_fork *fork;
        must(store_fork(bench->root, &fork, &error), &error);
        for (uint64_t end = row + BATCH; row < end && row < bench->rows; row++) {
            uint8_t key[12];
            uint8_t image[IMAGE];
            uint8_t stamp[16] = {0};
            struct slice bytes = row_image(image, row, 0);
            if (versions) {
                struct history_stamp at = {.position = ++bench->position, .sequence = bench->position / BATCH};
                must(history_write(fork, TENANT, row_key(key, row), at, &bytes, NULL, &error), &error);
            } else {
                must(store_fork_put_parts(fork, TENANT, STORE_INDEX, row_key(key, row), slice_make(stamp, 16), bytes,
                                          &error),
                     &error);
            }
        }
        publish(bench, fork);
    }
    report(versions ? "load in order, with stamps and state hash" : "load in order, plain", now() - start, bench->rows);
}

static void gets(struct bench *bench, const char *what, bool versions, uint64_t position) {
    struct kmb_error error = {0};
    struct buffer value = {0};
    uint64_t count = 500000;
    double start = now();
    for (uint64_t i = 0; i < count; i++) {
        uint8_t key[12];
        bool found;
        struct slice name = row_key(key, prng_below(&bench->prng, bench->rows));
        if (versions) {
            struct history_stamp from;
            must(history_get_at(store_view_root(bench->root), TENANT, name, position, &from, NULL, &value, &found,
                                &error),
                 &error);
        } else {
            must(store_get(store_view_root(bench->root), TENANT, STORE_CURRENT, name, &value, &found, &error), &error);
        }
        if (!found) {
            fprintf(stderr, "bench_store: a row is not there\n");
            exit(1);
        }
    }
    report(what, now() - start, count);
    buffer_free(&value);
}

static void scan(struct bench *bench, const char *what) {
    struct kmb_error error = {0};
    struct store_cursor cursor;
    uint64_t sum = 0;
    uint64_t count = 0;
    double start = now();
    must(store_cursor_open(&cursor, store_view_root(bench->root), TENANT, STORE_CURRENT, &error), &error);
    must(store_cursor_first(&cursor, &error), &error);
    while (cursor.valid) {
        struct slice value;
        must(store_cursor_value(&cursor, &value, &error), &error);
        sum += value.bytes[24];
        count++;
        must(store_cursor_next(&cursor, &error), &error);
    }
    store_cursor_close(&cursor);
    report(what, now() - start, count);
    if (count != bench->rows || sum == 0) {
        fprintf(stderr, "bench_store: %" PRIu64 " rows\n", count);
        exit(1);
    }
}

static void scan_at(struct bench *bench, const char *what, uint64_t position) {
    struct kmb_error error = {0};
    struct history_scan rows;
    uint64_t count = 0;
    uint64_t sum = 0;
    double start = now();
    must(history_scan_open(&rows, store_view_root(bench->root), TENANT, slice_make(NULL, 0), slice_make(NULL, 0),
                           position, &error),
         &error);
    while (rows.valid) {
        count++;
        sum += rows.image.bytes[8];
        must(history_scan_next(&rows, &error), &error);
    }
    history_scan_close(&rows);
    report(what, now() - start, count);
    if (count != bench->rows || sum == 0) {
        fprintf(stderr, "bench_store: %" PRIu64 " rows at %" PRIu64 "\n", count, position);
        exit(1);
    }
}

static void commits(struct bench *bench) {
    struct kmb_error error = {0};
    uint64_t count = 200000;
    double start = now();
    for (uint64_t i = 0; i < count; i++) {
        uint8_t key[12];
        uint8_t value[IMAGE];
        struct store_fork *fork;
        must(store_fork(bench->root, &fork, &error), &error);
        uint64_t row = prng_below(&bench->prng, bench->rows);
        must(store_fork_put(fork, TENANT, STORE_INDEX, row_key(key, row), row_image(value, row, i), &error), &error);
        publish(bench, fork);
    }
    report("one-row commit, random, plain", now() - start, count);
}

static void updates(struct bench *bench) {
    struct kmb_error error = {0};
    double start = now();
    uint64_t count = 0;
    for (uint64_t version = 1; version <= VERSIONS; version++) {
        for (uint64_t i = 0; i < bench->rows;) {
            struct store_fork *fork;
            must(store_fork(bench->root, &fork, &error), &error);
            for (uint64_t end = i + BATCH; i < end && i < bench->rows; i++, count++) {
                /* every row once a round, in a scattered order */
                uint64_t row = (i * 7368787u + version) % bench->rows;
                uint8_t key[12];
                uint8_t image[IMAGE];
                struct slice bytes = row_image(image, row, version);
                struct history_stamp at = {.position = ++bench->position, .sequence = bench->position / BATCH};
                must(history_write(fork, TENANT, row_key(key, row), at, &bytes, NULL, &error), &error);
            }
            publish(bench, fork);
        }
        if (version == 1) {
            report("update each row once, scattered", now() - start, count);
        }
    }
    report("update each row ten times, scattered", now() - start, count);
}

static void checkpoint(struct bench *bench, const char *what, struct store_reference *reference) {
    struct kmb_error error = {0};
    struct store_info before;
    store_info(bench->store, &before);
    double start = now();
    must(store_checkpoint(bench->store, bench->root, slice_make(NULL, 0), reference, &error), &error);
    store_checkpoint_confirmed(bench->store);
    report(what, now() - start, before.pages_dirty + 1);
}

int main(int argc, char **argv) {
    struct bench bench = {.rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000};
    struct kmb_error error = {0};
    prng_seed(&bench.prng, 7);
    struct secret_key raw;
    memset(&raw, 3, sizeof raw);
    must(aead_key_new(&raw, &bench.key, &error), &error);
    if (argc > 2) {
        bench.io = io_posix();
        snprintf(bench.path, sizeof bench.path, "%s/bench.kst", argv[2]);
    } else {
        bench.disk = io_memory_new(0);
        bench.io = io_memory_table(bench.disk);
        snprintf(bench.path, sizeof bench.path, "/bench.kst");
    }
    bench.options = (struct store_options){.cache_bytes_max = (argc > 3 ? strtoull(argv[3], NULL, 10) : 4096) << 20,
                                           .page_key = page_key,
                                           .page_key_context = &bench,
                                           .environment = environment_system()};
    struct store_reference reference;
    bench_open(&bench, NULL);
    load(&bench, false);
    commits(&bench);
    load(&bench, true);
    gets(&bench, "point read, random", false, 0);
    scan(&bench, "scan");
    checkpoint(&bench, "checkpoint, sealed (per page)", &reference);
    store_root_release(bench.root);
    store_close(bench.store);
    double start = now();
    bench_open(&bench, &reference);
    gets(&bench, "point read, first after opening", false, 0);
    report("reopen with those reads", now() - start, 1);
    scan(&bench, "scan after reopening");
    scan(&bench, "scan, no history");
    updates(&bench);
    uint64_t last = bench.position;
    scan(&bench, "scan, ten versions a row");
    gets(&bench, "point read, ten versions a row", false, 0);
    gets(&bench, "point read at present position", true, last);
    gets(&bench, "point read half-way back", true, last / 2);
    gets(&bench, "point read at the beginning", true, bench.rows);
    scan_at(&bench, "scan at present position", last);
    scan_at(&bench, "scan before the last 1 % of changes", last - last / 100);
    scan_at(&bench, "scan half-way back", last / 2);
    scan_at(&bench, "scan at the beginning", bench.rows);
    checkpoint(&bench, "checkpoint, sealed (per page)", &reference);
    struct store_info info;
    store_info(bench.store, &info);
    printf("pages used %" PRIu64 ", free %" PRIu64 ", file %.1f MB, cache %.1f MB\n", info.pages_used, info.pages_free,
           (double)info.file_bytes / 1e6, (double)info.cache_bytes / 1e6);
    store_root_release(bench.root);
    store_close(bench.store);
    aead_key_free(bench.key);
    io_memory_free(bench.disk);
    return 0;
}
