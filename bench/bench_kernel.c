/*
 * The kernel by itself, on a store in memory: what its share of a load, a commit, a replay and a scan is. No log, no
 * sealing, no SQL. One line per measure: name, unit, value.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/environment.h"
#include "base/io_memory.h"
#include "kernel/evolve.h"
#include "kernel/transaction.h"
#include "kernel/view.h"

#define BATCH 10000

static double now_s(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void must(enum kmb_status status, const struct kmb_error *error, const char *what) {
    if (status != KMB_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, status_row_of(status)->name, error->message);
        exit(1);
    }
}

struct bench_entry {
    struct log_entry entry;
    struct hash256 hash;
    struct buffer body;
};

static struct bench_entry *entries;
static size_t entry_count;
static struct kernel_state *head;
static struct kmb_error error;
static int64_t clock_us = 1;

static bool fill(void *context, void *bytes, size_t count) {
    prng_bytes(context, bytes, count);
    return true;
}

static struct store *open_store(struct io *io, struct kernel_state **state) {
    static struct prng prng;
    prng_seed(&prng, 1);
    must(io_make_directory(io, "/d", &error), &error, "directory");
    struct store_options options = {.cache_bytes_max = (uint64_t)4 << 30,
                                    .environment = {.random = fill, .context = &prng}};
    struct store *store = NULL;
    struct store_root *root = NULL;
    must(store_open(io, "/d/s", &options, NULL, &store, &root, &error), &error, "open");
    must(kernel_state_open(root, (struct tenant_id){1}, NULL, state, &error), &error, "state");
    store_root_release(root);
    return store;
}

static void commit(struct kernel_transaction *transaction, bool keep) {
    must(kernel_transaction_prepare(transaction, head, &error), &error, "prepare");
    for (uint32_t i = 0; i < kernel_transaction_part_count(transaction); i++) {
        struct kernel_part part;
        kernel_transaction_part(transaction, i, &part);
        struct bench_entry e = {.entry = {.kind = LOG_ENTRY_EVENTS,
                                          .flags = part.last ? LOG_ENTRY_LAST_PART : 0,
                                          .tenant = 1,
                                          .sequence = part.sequence,
                                          .position_before = part.position_before,
                                          .position_after = part.position_after,
                                          .commit_time_us = clock_us++}};
        e.hash.bytes[0] = (uint8_t)part.sequence;
        if (keep) {
            buffer_append_slice(&e.body, part.body);
            entries = realloc(entries, (entry_count + 1) * sizeof(*entries));
            entries[entry_count++] = e;
        }
        must(kernel_transaction_entry(transaction, i, &e.entry, part.sequence, &e.hash, &error), &error, "entry");
    }
    struct kernel_state *state = NULL;
    must(kernel_transaction_finish(transaction, &state, &error), &error, "finish");
    kernel_state_release(head);
    head = state;
}

static struct kernel_transaction *begin(void) {
    struct kernel_transaction *transaction = NULL;
    must(kernel_transaction_begin(head, NULL, &transaction, &error), &error, "begin");
    return transaction;
}

static const struct table_definition *table_of(const struct catalogue *catalogue) {
    return catalogue_table(catalogue, (struct slice){.length = 0}, slice_text("t"));
}

static double replay(size_t from, size_t to, struct kernel_state **state) {
    double start = now_s();
    for (size_t at = from; at < to;) {
        struct kernel_fold *fold = NULL;
        must(kernel_fold_begin(*state, &fold, &error), &error, "fold");
        for (size_t i = 0; i < 8 && at < to; i++, at++) {
            must(kernel_fold_entry(fold, &entries[at].entry, entries[at].entry.sequence, &entries[at].hash,
                                   buffer_slice(&entries[at].body), &error),
                 &error, "fold entry");
        }
        struct kernel_state *next = NULL;
        must(kernel_fold_end(fold, &next, &error), &error, "fold end");
        kernel_state_release(*state);
        *state = next;
    }
    return now_s() - start;
}

static double scan(struct kernel_view *view, uint64_t *rows_seen) {
    double start = now_s();
    struct kernel_scan *scan_of = NULL;
    must(kernel_scan_open(view, table_of(view->catalogue), NULL, &scan_of, &error), &error, "scan");
    static struct kernel_row rows[1024];
    uint64_t sum = 0;
    size_t count = 0;
    *rows_seen = 0;
    do {
        must(kernel_scan_next(scan_of, rows, 1024, &count, &error), &error, "scan");
        for (size_t i = 0; i < count; i++) {
            sum += rows[i].image.bytes[rows[i].image.length - 1];
        }
        *rows_seen += count;
    } while (count > 0);
    kernel_scan_close(scan_of);
    if (sum == 1) {
        printf("%llu\n", (unsigned long long)sum);
    }
    return now_s() - start;
}

static void get_rate(struct kernel_view *view, uint64_t rows, const char *name) {
    struct prng prng;
    prng_seed(&prng, 5);
    struct buffer key = {.bytes = NULL};
    struct buffer memory = {.bytes = NULL};
    double start = now_s();
    for (unsigned i = 0; i < 200000; i++) {
        struct value value = value_int8((int64_t)prng_below(&prng, rows));
        struct kernel_row row;
        bool found = false;
        buffer_clear(&key);
        key_append(&key, (struct key_column){.type = type_make(TYPE_INT8)}, &value);
        must(kernel_get(view, table_of(view->catalogue), buffer_slice(&key), &memory, &row, &found, &error), &error,
             "get");
    }
    printf("%-28s us    %8.2f\n", name, (now_s() - start) / 200000 * 1e6);
    buffer_free(&key);
    buffer_free(&memory);
}

int main(int argc, char **argv) {
    uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct io_memory *disk = io_memory_new(0);
    struct io io = io_memory_table(disk);
    struct store *store = open_store(&io, &head);
    struct column_definition columns[2] = {{.name = slice_text("id"), .type = type_make(TYPE_INT8), .not_null = true},
                                           {.name = slice_text("b"), .type = type_make(TYPE_TEXT)}};
    struct key_part key_part = {.column = {1}};
    struct table_definition definition = {.name = slice_text("t"),
                                          .columns = columns,
                                          .column_count = 2,
                                          .primary_key = &key_part,
                                          .primary_key_count = 1};
    struct kernel_transaction *transaction = begin();
    must(kernel_create_table(transaction, &definition, NULL, &error), &error, "create");
    commit(transaction, true);

    char text[101];
    memset(text, 'a', 100);
    text[100] = 0;
    struct value *values = calloc(2 * BATCH, sizeof(*values));
    double start = now_s();
    for (uint64_t at = 0; at < rows; at += BATCH) {
        transaction = begin();
        for (uint64_t i = 0; i < BATCH; i++) {
            values[2 * i] = value_int8((int64_t)(at + i));
            values[2 * i + 1] = value_text(slice_make(text, 100));
        }
        must(kernel_insert_rows(transaction, table_of(kernel_transaction_catalogue(transaction)), values, BATCH, NULL,
                                &error),
             &error, "insert");
        commit(transaction, true);
    }
    printf("%-28s M/s   %8.2f\n", "load (with a copy of the log)", (double)rows / (now_s() - start) / 1e6);
    size_t loaded = entry_count;

    uint64_t seen = 0;
    struct kernel_view *view = NULL;
    must(kernel_view_open(head, &view, &error), &error, "view");
    double present = scan(view, &seen);
    present = scan(view, &seen);
    printf("%-28s ms    %8.2f  (%llu rows)\n", "scan, present", present * 1e3, (unsigned long long)seen);
    get_rate(view, rows, "get, present");
    kernel_view_close(view);

    unsigned commits = 50000;
    start = now_s();
    for (unsigned i = 0; i < commits; i++) {
        transaction = begin();
        values[0] = value_int8((int64_t)(rows + i));
        must(
            kernel_insert(transaction, table_of(kernel_transaction_catalogue(transaction)), values, NULL, NULL, &error),
            &error, "insert");
        commit(transaction, false);
    }
    printf("%-28s us    %8.2f\n", "one-row commit", (now_s() - start) / commits * 1e6);

    /* ten versions a row, in random order: on a state folded from the load, as a replay would be */
    struct io_memory *other_disk = io_memory_new(0);
    struct io other_io = io_memory_table(other_disk);
    struct kernel_state *state = NULL;
    struct store *other = open_store(&other_io, &state);
    printf("%-28s M/s   %8.2f\n", "replay of inserts", (double)rows / replay(0, loaded, &state) / 1e6);
    kernel_state_release(head);
    head = state;
    struct prng prng;
    prng_seed(&prng, 9);
    struct buffer key = {.bytes = NULL};
    uint64_t updates = rows;
    start = now_s();
    for (uint64_t at = 0; at < updates; at += BATCH) {
        transaction = begin();
        for (uint64_t i = 0; i < BATCH; i++) {
            int64_t id = (int64_t)prng_below(&prng, rows);
            values[0] = value_int8(id);
            text[at / BATCH % 100] = (char)('b' + at % 20);
            buffer_clear(&key);
            key_append(&key, (struct key_column){.type = type_make(TYPE_INT8)}, &values[0]);
            must(kernel_update(transaction, table_of(kernel_transaction_catalogue(transaction)), buffer_slice(&key),
                               values, NULL, &error),
                 &error, "update");
        }
        commit(transaction, true);
    }
    printf("%-28s k/s   %8.1f\n", "random updates", (double)updates / (now_s() - start) / 1e3);

    must(kernel_view_open(head, &view, &error), &error, "view");
    double now = scan(view, &seen);
    printf("%-28s ms    %8.2f\n", "scan, present, with history", now * 1e3);
    get_rate(view, rows, "get, present");
    kernel_view_close(view);
    uint64_t half = rows + updates / 2;
    must(kernel_view_open_at(head, half, &view, &error), &error, "view");
    printf("%-28s ms    %8.2f\n", "scan, half-way", scan(view, &seen) * 1e3);
    get_rate(view, rows, "get, half-way");
    kernel_view_close(view);
    must(kernel_view_open_at(head, rows + updates - updates / 100, &view, &error), &error, "view");
    printf("%-28s ms    %8.2f\n", "scan, last 1 %", scan(view, &seen) * 1e3);
    kernel_view_close(view);

    struct io_memory *third_disk = io_memory_new(0);
    struct io third_io = io_memory_table(third_disk);
    struct kernel_state *third_state = NULL;
    struct store *third = open_store(&third_io, &third_state);
    replay(0, loaded, &third_state);
    printf("%-28s k/s   %8.1f\n", "replay of random updates",
           (double)updates / replay(loaded, entry_count, &third_state) / 1e3);
    struct hash256 a;
    struct hash256 b;
    must(kernel_state_hash(head, &a, &error), &error, "hash");
    must(kernel_state_hash(third_state, &b, &error), &error, "hash");
    printf("%-28s       %8s\n", "state hashes", hash256_equal(&a, &b) ? "equal" : "DIFFER");
    kernel_state_release(third_state);
    kernel_state_release(head);
    store_close(third);
    store_close(other);
    store_close(store);
    io_memory_free(third_disk);
    io_memory_free(other_disk);
    io_memory_free(disk);
    for (size_t i = 0; i < entry_count; i++) {
        buffer_free(&entries[i].body);
    }
    free(entries);
    free(values);
    buffer_free(&key);
    return 0;
}
