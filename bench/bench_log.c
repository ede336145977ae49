/*
 * What the log costs over what it cannot avoid.
 *
 * Appends records of 1 KiB in groups of 1,000, encrypted and chained, each group one block and one sync, and sets the
 * rate beside the two things that bound it: writing and syncing the same bytes to a preallocated file, and sealing
 * and hashing them on one core. Then verification beside plain SHA-256 over the same bytes. Every figure is the median
 * of five runs, taken in turn, so that a disk that changes its mood changes it for all.
 *
 *     bench_log DIR [MIB]     DIR is made and must not exist; default 512 MiB a run
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/memory.h"
#include "log/verify.h"

#define RUNS    5
#define COMMITS 1000u
#define RECORD  1024u
#define RECORDS 1000u
#define GROUP   ((size_t)RECORD * RECORDS)

struct bench {
    struct io io;
    struct environment environment;
    struct aead_key *key;
    const char *dir;
    uint64_t groups;
    uint8_t *body;
};

static void check(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        fprintf(stderr, "bench_log: %s\n", error->message);
        exit(1);
    }
}

static double now(const struct bench *bench) {
    return (double)bench->environment.monotonic_ns(bench->environment.context) / 1e9;
}

static int order(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double median(double *values) {
    qsort(values, RUNS, sizeof *values, order);
    return values[RUNS / 2];
}

/* pwrite + fdatasync of the group's bytes, into a file allocated beforehand. */
static double run_write(const struct bench *bench) {
    struct kmb_error error = {0};
    char path[512];
    struct io_file *file = NULL;
    size_t block = (size_t)log_block_size(GROUP + 200);
    uint8_t *bytes = mem_alloc_aligned(4096, block);
    memset(bytes, 0xa5, block);
    snprintf(path, sizeof path, "%s/raw", bench->dir);
    check(io_open(&bench->io, path, IO_WRITE | IO_CREATE, &file, &error), &error);
    check(io_allocate(&bench->io, file, block * bench->groups, &error), &error);
    check(io_sync(&bench->io, file, &error), &error);
    double start = now(bench);
    for (uint64_t group = 0; group < bench->groups; group++) {
        check(io_write(&bench->io, file, group * block, bytes, block, &error), &error);
        check(io_sync(&bench->io, file, &error), &error);
    }
    double seconds = now(bench) - start;
    io_close(&bench->io, file);
    check(io_unlink(&bench->io, path, &error), &error);
    mem_free(bytes);
    return seconds;
}

static double run_seal(const struct bench *bench) {
    uint8_t *sealed = mem_alloc(GROUP + AEAD_TAG_SIZE);
    struct aead_nonce nonce = {{0}};
    double start = now(bench);
    for (uint64_t group = 0; group < bench->groups; group++) {
        memcpy(nonce.bytes, &group, sizeof group);
        aead_seal(bench->key, &nonce, slice_text("bench"), slice_make(bench->body, GROUP), sealed);
        struct hash256 hash = hash_sha256(sealed, GROUP + AEAD_TAG_SIZE);
        bench->body[0] = hash.bytes[0];
    }
    double seconds = now(bench) - start;
    mem_free(sealed);
    return seconds;
}

static double run_hash(const struct bench *bench) {
    double start = now(bench);
    for (uint64_t group = 0; group < bench->groups; group++) {
        struct hash256 hash = hash_sha256(bench->body, GROUP);
        bench->body[0] = hash.bytes[0];
    }
    return now(bench) - start;
}

/* The writer thread: takes the block that is offered, writes and syncs it, hands it back. */
struct writer {
    struct log *log;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct log_block *offered;
    bool stop;
};

static void *writer_run(void *context) {
    struct writer *writer = context;
    struct kmb_error error = {0};
    pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (writer->offered == NULL && !writer->stop) {
            pthread_cond_wait(&writer->changed, &writer->lock);
        }
        if (writer->offered == NULL) {
            break;
        }
        pthread_mutex_unlock(&writer->lock);
        check(log_write(writer->log, writer->offered, &error), &error);
        check(log_sync(writer->log, &error), &error);
        pthread_mutex_lock(&writer->lock);
        writer->offered = NULL;
        pthread_cond_broadcast(&writer->changed);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

static void writer_wait(struct writer *writer) {
    pthread_mutex_lock(&writer->lock);
    while (writer->offered != NULL) {
        pthread_cond_wait(&writer->changed, &writer->lock);
    }
    pthread_mutex_unlock(&writer->lock);
}

static void writer_offer(struct writer *writer, struct log_block *block) {
    pthread_mutex_lock(&writer->lock);
    writer->offered = block;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}

static double run_append(const struct bench *bench, const char *dir, struct log_identity *identity) {
    struct kmb_error error = {0};
    const struct log_params params = {.identity.uuid = "bench"};
    const struct log_options options = {.environment = &bench->environment};
    check(log_create(&bench->io, dir, &params, slice_text(""), &bench->environment, &error), &error);
    struct writer writer = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    check(log_open(&bench->io, dir, &options, NULL, &writer.log, &error), &error);
    *identity = *log_identity_of(writer.log);
    struct log_block blocks[2];
    check(log_block_init(&blocks[0], identity, &error), &error);
    check(log_block_init(&blocks[1], identity, &error), &error);
    pthread_t thread;
    pthread_create(&thread, NULL, writer_run, &writer);
    struct hash256 previous = log_tenant_genesis(identity->uuid, 1);
    struct hash256 chain = log_head(writer.log).hash;
    double start = now(bench);
    for (uint64_t group = 0; group < bench->groups; group++) {
        struct log_block *block = &blocks[group % 2];
        struct log_entry entry = {.kind = LOG_ENTRY_EVENTS,
                                  .flags = LOG_ENTRY_LAST_PART,
                                  .tenant = 1,
                                  .sequence = group + 1,
                                  .position_before = group * RECORDS,
                                  .position_after = (group + 1) * RECORDS,
                                  .commit_time_us = (int64_t)group,
                                  .key_id = 1,
                                  .key_version = 1,
                                  .previous = previous};
        check(log_reserve(writer.log, 2 * log_block_size(GROUP + 200), &error), &error);
        log_block_begin(block, group + 1, 0);
        check(log_block_append(block, &entry, slice_make(bench->body, GROUP), bench->key, &bench->environment,
                               &previous, &error),
              &error);
        writer_wait(&writer);
        log_block_finish(block, &chain, log_synced_op(writer.log), (int64_t)group);
        chain = block->hash;
        writer_offer(&writer, block);
    }
    writer_wait(&writer);
    double seconds = now(bench) - start;
    pthread_mutex_lock(&writer.lock);
    writer.stop = true;
    pthread_cond_broadcast(&writer.changed);
    pthread_mutex_unlock(&writer.lock);
    pthread_join(thread, NULL);
    log_block_free(&blocks[0]);
    log_block_free(&blocks[1]);
    check(log_close(writer.log, &error), &error);
    return seconds;
}

/* Seconds for COMMITS syncs of one page each: into a preallocated file, and as commits of one small entry. */
static double run_sync(const struct bench *bench) {
    struct kmb_error error = {0};
    char path[512];
    struct io_file *file = NULL;
    uint8_t *bytes = mem_alloc_aligned(4096, 4096);
    memset(bytes, 0xa5, 4096);
    snprintf(path, sizeof path, "%s/raw", bench->dir);
    check(io_open(&bench->io, path, IO_WRITE | IO_CREATE, &file, &error), &error);
    check(io_allocate(&bench->io, file, (uint64_t)64 << 20, &error), &error);
    check(io_sync(&bench->io, file, &error), &error);
    double start = now(bench);
    for (uint64_t commit = 0; commit < COMMITS; commit++) {
        check(io_write(&bench->io, file, commit * 4096, bytes, 4096, &error), &error);
        check(io_sync(&bench->io, file, &error), &error);
    }
    double seconds = now(bench) - start;
    io_close(&bench->io, file);
    check(io_unlink(&bench->io, path, &error), &error);
    mem_free(bytes);
    return seconds;
}

static double run_commit(const struct bench *bench, const char *dir) {
    struct kmb_error error = {0};
    struct log *log = NULL;
    struct log_block block;
    const struct log_params params = {.identity.uuid = "bench"};
    const struct log_options options = {.environment = &bench->environment};
    check(log_create(&bench->io, dir, &params, slice_text(""), &bench->environment, &error), &error);
    check(log_open(&bench->io, dir, &options, NULL, &log, &error), &error);
    check(log_block_init(&block, log_identity_of(log), &error), &error);
    struct hash256 previous = log_tenant_genesis(log_identity_of(log)->uuid, 1);
    double start = now(bench);
    for (uint64_t commit = 0; commit < COMMITS; commit++) {
        struct log_entry entry = {.kind = LOG_ENTRY_EVENTS,
                                  .flags = LOG_ENTRY_LAST_PART,
                                  .tenant = 1,
                                  .sequence = commit + 1,
                                  .commit_time_us = (int64_t)commit,
                                  .previous = previous};
        struct log_place head = log_head(log);
        log_block_begin(&block, head.op + 1, 0);
        check(log_block_append(&block, &entry, slice_make(bench->body, 200), bench->key, &bench->environment, &previous,
                               &error),
              &error);
        log_block_finish(&block, &head.hash, log_synced_op(log), (int64_t)commit);
        check(log_write(log, &block, &error), &error);
        check(log_sync(log, &error), &error);
    }
    double seconds = now(bench) - start;
    log_block_free(&block);
    check(log_close(log, &error), &error);
    return seconds;
}

static double run_verify(const struct bench *bench, const char *dir) {
    struct kmb_error error = {0};
    struct log_verify_report report;
    const struct log_verify_options options = {0};
    double start = now(bench);
    check(log_verify(&bench->io, dir, &options, &report, &error), &error);
    return now(bench) - start;
}

static enum kmb_status replay_key(void *context, uint32_t tenant, uint32_t key_id, uint32_t key_version,
                                  struct aead_key **key, struct kmb_error *error) {
    const struct bench *bench = context;
    (void)tenant;
    (void)key_id;
    (void)key_version;
    (void)error;
    *key = bench->key;
    return KMB_OK;
}

static enum kmb_status replay_each(void *context, const struct log_reader_entry *entry, struct slice plain,
                                   struct kmb_error *error) {
    (void)context;
    (void)entry;
    (void)plain;
    (void)error;
    return KMB_OK;
}

static double run_replay(struct bench *bench, const char *dir, const struct log_identity *identity) {
    struct kmb_error error = {0};
    const struct log_keys keys = {.key = replay_key, .context = bench};
    const struct log_replay replay = {.op_last = bench->groups, .keys = &keys, .each = replay_each};
    double start = now(bench);
    check(log_replay_run(&bench->io, dir, identity, &replay, &error), &error);
    return now(bench) - start;
}

static enum kmb_status remove_name(void *context, const char *name, bool directory) {
    char path[768];
    (void)directory;
    snprintf(path, sizeof path, "%s/%s", (const char *)context, name);
    unlink(path);
    return KMB_OK;
}

static void remove_log(const struct bench *bench, char *dir) {
    struct kmb_error error = {0};
    check(io_list(&bench->io, dir, remove_name, dir, &error), &error);
    rmdir(dir);
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: bench_log DIR [MIB]\n");
        return 2;
    }
    uint64_t mib = argc == 3 ? strtoull(argv[2], NULL, 10) : 512;
    struct bench bench = {.io = io_posix(), .environment = environment_system(), .dir = argv[1]};
    struct secret_key raw = {.bytes = {1, 2, 3}};
    struct kmb_error error = {0};
    bench.groups = (mib << 20) / GROUP;
    bench.body = mem_alloc(GROUP);
    if (bench.groups == 0 || bench.body == NULL ||
        !bench.environment.random(bench.environment.context, bench.body, GROUP)) {
        fprintf(stderr, "bench_log: at least 1 MiB, and memory and randomness\n");
        return 1;
    }
    check(aead_key_new(&raw, &bench.key, &error), &error);
    check(io_make_directory(&bench.io, bench.dir, &error), &error);
    double write[RUNS], seal[RUNS], append[RUNS], verify[RUNS], hash[RUNS], replay[RUNS];
    char dir[512];
    snprintf(dir, sizeof dir, "%s/log", bench.dir);
    double sync[RUNS], commit[RUNS];
    for (unsigned run = 0; run < RUNS; run++) {
        struct log_identity identity;
        sync[run] = run_sync(&bench);
        commit[run] = run_commit(&bench, dir);
        remove_log(&bench, dir);
        write[run] = run_write(&bench);
        seal[run] = run_seal(&bench);
        append[run] = run_append(&bench, dir, &identity);
        hash[run] = run_hash(&bench);
        run_verify(&bench, dir); /* the bar is for a warm page cache: the unused tail is not in it yet */
        verify[run] = run_verify(&bench, dir);
        replay[run] = run_replay(&bench, dir, &identity);

        remove_log(&bench, dir);
    }
    double bytes = (double)bench.groups * (double)GROUP / 1e6;
    double raw_rate = bytes / median(write);
    double seal_rate = bytes / median(seal);
    double append_rate = bytes / median(append);
    double hash_rate = bytes / median(hash);
    double verify_rate = bytes / median(verify);
    double bound = raw_rate < seal_rate ? raw_rate : seal_rate;
    printf("write + fdatasync, preallocated   %8.0f MB/s\n", raw_rate);
    printf("seal + SHA-256, one core          %8.0f MB/s\n", seal_rate);
    printf("log append                        %8.0f MB/s   %3.0f %% of the smaller (at least 60, aim 90)\n",
           append_rate, 100 * append_rate / bound);
    printf("SHA-256, one core                 %8.0f MB/s\n", hash_rate);
    printf("log verify                        %8.0f MB/s   %3.0f %% of SHA-256 (at least 80)\n", verify_rate,
           100 * verify_rate / hash_rate);
    printf("log replay, opened                %8.0f MB/s\n", bytes / median(replay));
    printf("sync of one page, preallocated    %8.0f us\n", median(sync) / COMMITS * 1e6);
    printf("durable commit of one entry       %8.0f us     %3.2f of the sync (at most 1.5)\n",
           median(commit) / COMMITS * 1e6, median(commit) / median(sync));
    rmdir(bench.dir);
    aead_key_free(bench.key);
    mem_free(bench.body);
    return 0;
}
