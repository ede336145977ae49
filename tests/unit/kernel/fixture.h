/*
 * A tenant without an engine around it: a store in memory, a head state, and the log as a list of plain bodies, so that
 * tests can commit, and fold what was committed into an empty store again.
 */
#ifndef KMB_TEST_KERNEL_FIXTURE_H
#define KMB_TEST_KERNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/environment.h"
#include "base/io_memory.h"
#include "base/memory.h"
#include "kernel/evolve.h"
#include "kernel/transaction.h"
#include "kernel/view.h"

#define FIXTURE_ENTRIES_MAX 20000

struct fixture_entry {
    struct log_entry entry;
    struct hash256 hash;
    uint64_t op;
    struct buffer body;
};

struct fixture {
    struct io_memory *disk;
    struct io io;
    struct store *store;
    struct kernel_state *head;
    struct fixture_entry *entries;
    size_t entry_count;
    int64_t time_us;
    struct kmb_error error;
};

#define TENANT ((struct tenant_id){1})

#define OK(expression)                                                                                                 \
    do {                                                                                                               \
        enum kmb_status got_ = (expression);                                                                           \
        if (got_ != KMB_OK) {                                                                                          \
            print_message("%s:%d: %s: %s (%s)\n", __FILE__, __LINE__, #expression, status_row_of(got_)->name,          \
                          f->error.message);                                                                           \
        }                                                                                                              \
        assert_int_equal(got_, KMB_OK);                                                                                \
    } while (0)

static inline bool fixture_random(void *context, void *bytes, size_t count) {
    prng_bytes(context, bytes, count);
    return true;
}

/* An empty store on a memory disk of its own, and the tenant's empty state in it. */
static inline struct store *fixture_store(struct io_memory **disk, struct io *io, struct kernel_state **state) {
    static struct prng prng;
    prng_seed(&prng, 7);
    *disk = io_memory_new(0);
    *io = io_memory_table(*disk);
    assert_int_equal(io_make_directory(io, "/d", NULL), KMB_OK);
    struct store_options options = {.environment = {.random = fixture_random, .context = &prng}};
    struct store *store = NULL;
    struct store_root *root = NULL;
    struct kmb_error error;
    assert_int_equal(store_open(io, "/d/store", &options, NULL, &store, &root, &error), KMB_OK);
    assert_int_equal(kernel_state_open(root, TENANT, NULL, state, &error), KMB_OK);
    store_root_release(root);
    return store;
}

static inline struct fixture *fixture_new(void) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->entries = calloc(FIXTURE_ENTRIES_MAX, sizeof(*f->entries));
    assert_non_null(f->entries);
    f->store = fixture_store(&f->disk, &f->io, &f->head);
    f->time_us = 1000000;
    return f;
}

static inline void fixture_free(struct fixture *f) {
    kernel_state_release(f->head);
    store_close(f->store);
    io_memory_free(f->disk);
    for (size_t i = 0; i < f->entry_count; i++) {
        buffer_free(&f->entries[i].body);
    }
    free(f->entries);
    free(f);
}

static inline struct kernel_transaction *fixture_begin(struct fixture *f) {
    struct kernel_transaction *transaction = NULL;
    OK(kernel_transaction_begin(f->head, NULL, &transaction, &f->error));
    return transaction;
}

/* Logs and finishes a prepared transaction; its state is the new head. */
static inline void fixture_log(struct fixture *f, struct kernel_transaction *transaction) {
    for (uint32_t i = 0; i < kernel_transaction_part_count(transaction); i++) {
        struct kernel_part part;
        kernel_transaction_part(transaction, i, &part);
        assert_true(f->entry_count < FIXTURE_ENTRIES_MAX);
        struct fixture_entry *e = &f->entries[f->entry_count++];
        f->time_us += i == 0 ? 1000 : 0; /* parts of a transaction share its time */
        e->entry = (struct log_entry){.kind = LOG_ENTRY_EVENTS,
                                      .flags = part.last ? LOG_ENTRY_LAST_PART : 0,
                                      .tenant = TENANT.value,
                                      .sequence = part.sequence,
                                      .position_before = part.position_before,
                                      .position_after = part.position_after,
                                      .commit_time_us = f->time_us};
        e->op = f->entry_count + 100;
        buffer_append_slice(&e->body, part.body);
        e->hash = hash_sha256(part.body.bytes, part.body.length);
        e->hash.bytes[0] ^= (uint8_t)part.sequence;
        OK(kernel_transaction_entry(transaction, i, &e->entry, e->op, &e->hash, &f->error));
    }
    struct kernel_state *state = NULL;
    OK(kernel_transaction_finish(transaction, &state, &f->error));
    kernel_state_release(f->head);
    f->head = state;
}

static inline enum kmb_status fixture_try_commit(struct fixture *f, struct kernel_transaction *transaction) {
    enum kmb_status status = kernel_transaction_prepare(transaction, f->head, &f->error);
    if (status != KMB_OK) {
        kernel_transaction_discard(transaction);
        return status;
    }
    fixture_log(f, transaction);
    return KMB_OK;
}

static inline void fixture_commit(struct fixture *f, struct kernel_transaction *transaction) {
    OK(fixture_try_commit(f, transaction));
}

/* Folds all entries into an empty store; step: entries per fold. */
static inline struct store *fixture_rebuild(struct fixture *f, struct io_memory **disk, struct kernel_state **state,
                                            size_t step) {
    struct io io;
    struct store *store = fixture_store(disk, &io, state);
    for (size_t at = 0; at < f->entry_count;) {
        struct kernel_fold *fold = NULL;
        OK(kernel_fold_begin(*state, &fold, &f->error));
        for (size_t i = 0; i < step && at < f->entry_count; i++, at++) {
            struct fixture_entry *e = &f->entries[at];
            OK(kernel_fold_entry(fold, &e->entry, e->op, &e->hash, buffer_slice(&e->body), &f->error));
        }
        struct kernel_state *next = NULL;
        OK(kernel_fold_end(fold, &next, &f->error));
        kernel_state_release(*state);
        *state = next;
    }
    return store;
}

/* The head is what a fold of the log gives, and what opening its root gives. */
static inline void fixture_check_rebuild(struct fixture *f, size_t step) {
    struct io_memory *disk = NULL;
    struct kernel_state *state = NULL;
    struct store *store = fixture_rebuild(f, &disk, &state, step);
    struct kernel_state *opened = NULL;
    OK(kernel_state_open(f->head->root, TENANT, NULL, &opened, &f->error));
    struct hash256 live;
    struct hash256 rebuilt;
    OK(kernel_state_hash(f->head, &live, &f->error));
    OK(kernel_state_hash(state, &rebuilt, &f->error));
    assert_true(hash256_equal(&live, &rebuilt));
    const struct kernel_state *others[2] = {state, opened};
    for (size_t i = 0; i < 2; i++) {
        const struct kernel_state *other = others[i];
        assert_int_equal(f->head->position, other->position);
        assert_int_equal(f->head->sequence, other->sequence);
        assert_int_equal(f->head->time_us, other->time_us);
        assert_true(hash256_equal(&f->head->entry_hash, &other->entry_hash));
        assert_int_equal(catalogue_version(f->head->catalogue), catalogue_version(other->catalogue));
        assert_int_equal(catalogue_table_count(f->head->catalogue), catalogue_table_count(other->catalogue));
        assert_int_equal(catalogue_stream_count(f->head->catalogue), catalogue_stream_count(other->catalogue));
        assert_int_equal(catalogue_object_id_next(f->head->catalogue), catalogue_object_id_next(other->catalogue));
        struct hash256 a;
        struct hash256 b;
        OK(kernel_merkle_root(f->head, f->head->sequence, &a, &f->error));
        OK(kernel_merkle_root(other, other->sequence, &b, &f->error));
        assert_true(hash256_equal(&a, &b));
    }
    kernel_state_release(opened);
    kernel_state_release(state);
    store_close(store);
    io_memory_free(disk);
}

static inline struct column_definition fixture_column(const char *name, enum type_id type, bool not_null) {
    return (struct column_definition){.name = slice_text(name), .type = type_make(type), .not_null = not_null};
}

/* id INT8 primary key (unless keyless), a INT4, b TEXT. */
static inline struct table_id fixture_create(struct fixture *f, struct kernel_transaction *transaction,
                                             const char *name, bool keyless) {
    struct column_definition columns[3] = {fixture_column("id", TYPE_INT8, !keyless),
                                           fixture_column("a", TYPE_INT4, false),
                                           fixture_column("b", TYPE_TEXT, false)};
    struct key_part key = {.column = {1}};
    struct table_definition table = {.name = slice_text(name),
                                     .columns = columns,
                                     .column_count = 3,
                                     .primary_key = &key,
                                     .primary_key_count = keyless ? 0 : 1};
    struct table_id id = {0};
    OK(kernel_create_table(transaction, &table, &id, &f->error));
    return id;
}

static inline const struct table_definition *fixture_table(struct kernel_transaction *transaction, const char *name) {
    return catalogue_table(kernel_transaction_catalogue(transaction), (struct slice){.length = 0}, slice_text(name));
}

static inline void fixture_values(struct value values[3], int64_t id, int64_t a, const char *b) {
    values[0] = value_int8(id);
    values[1] = a == INT64_MIN ? value_null(TYPE_INT4) : value_integer(TYPE_INT4, a);
    values[2] = b == NULL ? value_null(TYPE_TEXT) : value_text(slice_text(b));
}

static inline enum kmb_status fixture_insert(struct fixture *f, struct kernel_transaction *transaction,
                                             const char *name, int64_t id, int64_t a, const char *b) {
    struct value values[3];
    fixture_values(values, id, a, b);
    return kernel_insert(transaction, fixture_table(transaction, name), values, NULL, NULL, &f->error);
}

static inline void fixture_key(struct buffer *key, int64_t id) {
    struct value value = value_int8(id);
    buffer_clear(key);
    key_append(key, (struct key_column){.type = type_make(TYPE_INT8)}, &value);
}

static inline enum kmb_status fixture_update(struct fixture *f, struct kernel_transaction *transaction,
                                             const char *name, int64_t old_id, int64_t id, int64_t a, const char *b) {
    struct value values[3];
    struct buffer key = {.bytes = NULL};
    fixture_values(values, id, a, b);
    fixture_key(&key, old_id);
    enum kmb_status status =
        kernel_update(transaction, fixture_table(transaction, name), buffer_slice(&key), values, NULL, &f->error);
    buffer_free(&key);
    return status;
}

static inline bool fixture_delete(struct fixture *f, struct kernel_transaction *transaction, const char *name,
                                  int64_t id) {
    struct buffer key = {.bytes = NULL};
    bool deleted = false;
    fixture_key(&key, id);
    OK(kernel_delete(transaction, fixture_table(transaction, name), buffer_slice(&key), &deleted, &f->error));
    buffer_free(&key);
    return deleted;
}

/* All rows of a range, one text: "1:10:x 2:null:y ". */
static inline void fixture_dump(struct fixture *f, struct kernel_view *view, const char *name,
                                const struct kernel_range *range, struct buffer *out) {
    buffer_clear(out);
    const struct table_definition *table =
        catalogue_table(view->catalogue, (struct slice){.length = 0}, slice_text(name));
    if (table == NULL) {
        buffer_append_text(out, "no table");
        return;
    }
    struct kernel_scan *scan = NULL;
    OK(kernel_scan_open(view, table, range, &scan, &f->error));
    for (;;) {
        struct kernel_row rows[5];
        size_t count = 0;
        OK(kernel_scan_next(scan, rows, 5, &count, &f->error));
        if (count == 0) {
            break;
        }
        for (size_t i = 0; i < count; i++) {
            struct value values[16];
            uint32_t columns = catalogue_column_count(view->catalogue, table);
            assert_true(columns <= 16);
            OK(catalogue_row_read(view->catalogue, table, rows[i].image, values, &f->error));
            for (uint32_t c = 0; c < columns; c++) {
                buffer_append_text(out, c == 0 ? "" : ":");
                if (values[c].is_null) {
                    buffer_append_text(out, "null");
                } else {
                    value_print(&values[c], NULL, out);
                }
            }
            buffer_append_text(out, " ");
        }
    }
    kernel_scan_close(scan);
}

#define ASSERT_DUMP(view, name, range, expected)                                                                       \
    do {                                                                                                               \
        struct buffer dump_ = {.bytes = NULL};                                                                         \
        fixture_dump(f, view, name, range, &dump_);                                                                    \
        assert_string_equal(buffer_text(&dump_), expected);                                                            \
        buffer_free(&dump_);                                                                                           \
    } while (0)

#define ASSERT_AT(at, name, expected)                                                                                  \
    do {                                                                                                               \
        struct kernel_view *view_ = NULL;                                                                              \
        OK(kernel_view_open_at(f->head, at, &view_, &f->error));                                                       \
        ASSERT_DUMP(view_, name, NULL, expected);                                                                      \
        kernel_view_close(view_);                                                                                      \
    } while (0)

#endif
