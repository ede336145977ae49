/*
 * A SQL host on the kernel's test fixture: statements run against a tenant in memory, each in its own transaction.
 */
#ifndef KMB_TEST_SQL_HOST_H
#define KMB_TEST_SQL_HOST_H

#include "../kernel/fixture.h"
#include "sql/cursor.h"
#include "sql/sql.h"

struct sql_fixture {
    struct fixture *kernel;
    struct kernel_transaction *transaction; /* of the running write */
    struct sql_settings settings;
    struct sql_host host;
    struct sql_prepared_list prepared;
    struct sql_cursor_list cursors;
    struct kmb_error error;
    struct sql_control control; /* the last BEGIN, COMMIT or ROLLBACK */
    uint32_t control_count;
    struct prng prng;
};

static enum kmb_status host_view_open(void *context, const struct sql_point *point, struct kernel_view **view,
                                      struct kmb_error *error) {
    struct sql_fixture *fixture = context;
    switch (point->kind) {
    case PLAN_AT_POSITION:
        return kernel_view_open_at(fixture->kernel->head, point->offset, view, error);
    case PLAN_AT_TIME:
        return kernel_view_open_at_time(fixture->kernel->head, point->time_us, view, error);
    case PLAN_AT_NONE:
        break;
    }
    return fixture->transaction != NULL ? kernel_transaction_view(fixture->transaction, view, error)
                                        : kernel_view_open(fixture->kernel->head, view, error);
}

static void host_view_close(void *context, struct kernel_view *view) {
    (void)context;
    kernel_view_close(view);
}

static enum kmb_status host_transaction(void *context, struct kernel_transaction **transaction,
                                        struct kmb_error *error) {
    struct sql_fixture *fixture = context;
    (void)error;
    assert_non_null(fixture->transaction);
    *transaction = fixture->transaction;
    return KMB_OK;
}

static enum kmb_status host_control(void *context, const struct sql_control *control, struct kmb_error *error) {
    struct sql_fixture *fixture = context;
    (void)error;
    fixture->control = *control;
    fixture->control_count++;
    return KMB_OK;
}

static int64_t host_now(void *context) {
    (void)context;
    return INT64_C(1700000000000000);
}

static bool host_random(void *context, void *bytes, size_t count) {
    struct sql_fixture *fixture = context;
    prng_bytes(&fixture->prng, bytes, count);
    return true;
}

static inline struct sql_fixture *sql_fixture_new(void) {
    struct sql_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->kernel = fixture_new();
    prng_seed(&fixture->prng, 11);
    fixture->settings = (struct sql_settings){
        .time_zone_name = "UTC", .search_path = SQL_SEARCH_PATH_DEFAULT, .memory_bytes_max = UINT64_C(64) << 20};
    fixture->host = (struct sql_host){.context = fixture,
                                      .view_open = host_view_open,
                                      .view_close = host_view_close,
                                      .transaction = host_transaction,
                                      .control = host_control,
                                      .now_us = host_now,
                                      .random = host_random,
                                      .settings = &fixture->settings,
                                      .prepared = &fixture->prepared,
                                      .cursors = &fixture->cursors,
                                      .session_user = slice_text("tester")};
    return fixture;
}

static inline void sql_fixture_free(struct sql_fixture *fixture) {
    sql_cursors_free(&fixture->cursors);
    sql_prepared_clear(&fixture->prepared);
    fixture_free(fixture->kernel);
    free(fixture);
}

/* All rows as text: columns separated by '|', rows by a line feed, NULL as "null". */
static inline void host_print(const struct batch *batch, struct buffer *out) {
    uint32_t live = batch->selection != NULL ? batch->selection_count : batch->count;
    for (uint32_t i = 0; i < live; i++) {
        uint32_t row = batch->selection != NULL ? batch->selection[i] : i;
        for (uint32_t c = 0; c < batch->column_count; c++) {
            buffer_append_text(out, c > 0 ? "|" : "");
            struct value value = vector_get(&batch->columns[c], vector_row(&batch->columns[c], row));
            if (value.is_null) {
                buffer_append_text(out, "null");
            } else {
                value_print(&value, NULL, out);
            }
        }
        buffer_append_text(out, "\n");
    }
}

/* Runs a prepared statement; a write commits when it succeeds. The answer's rows are appended to out (may be NULL). */
static inline enum kmb_status sql_fixture_run(struct sql_fixture *fixture, struct sql_statement *statement,
                                              const struct value *parameters, uint32_t parameter_count,
                                              struct buffer *out) {
    fixture->error = (struct kmb_error){0};
    bool writes = sql_statement_writes(statement);
    if (writes) {
        fixture->transaction = fixture_begin(fixture->kernel);
    }
    struct sql_run *run = NULL;
    enum kmb_status status =
        sql_run_open(statement, &fixture->host, parameters, parameter_count, &run, &fixture->error);
    const struct batch *batch = NULL;
    while (status == KMB_OK && (status = sql_run_next(run, &batch, &fixture->error)) == KMB_ROW) {
        if (out != NULL) {
            host_print(batch, out);
        }
        status = KMB_OK;
    }
    sql_run_close(run);
    if (writes) {
        struct kernel_transaction *transaction = fixture->transaction;
        fixture->transaction = NULL;
        if (status != KMB_DONE || kernel_transaction_empty(transaction)) {
            kernel_transaction_discard(transaction);
        } else {
            enum kmb_status committed = fixture_try_commit(fixture->kernel, transaction);
            assert_int_equal(committed, KMB_OK);
        }
    }
    return status == KMB_DONE ? KMB_OK : status;
}

static inline enum kmb_status sql_fixture_text(struct sql_fixture *fixture, const char *text, struct buffer *out) {
    fixture->error = (struct kmb_error){0};
    struct sql_statement *statement = NULL;
    enum kmb_status status = sql_prepare(&fixture->host, slice_text(text), NULL, 0, &statement, &fixture->error);
    if (status == KMB_OK) {
        status = sql_fixture_run(fixture, statement, NULL, 0, out);
    }
    sql_statement_free(statement);
    return status;
}

/* The statement must succeed. */
#define SQL(text_)                                                                                                     \
    do {                                                                                                               \
        enum kmb_status got_ = sql_fixture_text(f, text_, NULL);                                                       \
        if (got_ != KMB_OK) {                                                                                          \
            print_message("%s:%d: %s: %s\n", __FILE__, __LINE__, text_, f->error.message);                             \
        }                                                                                                              \
        assert_int_equal(got_, KMB_OK);                                                                                \
    } while (0)

/* ... and answer these rows. */
#define ROWS(text_, expected_)                                                                                         \
    do {                                                                                                               \
        struct buffer out_ = {0};                                                                                      \
        enum kmb_status got_ = sql_fixture_text(f, text_, &out_);                                                      \
        if (got_ != KMB_OK) {                                                                                          \
            print_message("%s:%d: %s: %s\n", __FILE__, __LINE__, text_, f->error.message);                             \
        }                                                                                                              \
        assert_int_equal(got_, KMB_OK);                                                                                \
        assert_string_equal(buffer_text(&out_), expected_);                                                            \
        buffer_free(&out_);                                                                                            \
    } while (0)

/* The statement must fail with this SQLSTATE, at this character, in these words. */
#define REFUSED(text_, sqlstate_, position_, message_)                                                                 \
    do {                                                                                                               \
        enum kmb_status got_ = sql_fixture_text(f, text_, NULL);                                                       \
        if (strcmp(status_row_of(got_)->sqlstate, sqlstate_) != 0 || f->error.position != (position_) ||               \
            strcmp(f->error.message, message_) != 0) {                                                                 \
            print_message("%s:%d: %s: %s at %u: %s\n", __FILE__, __LINE__, text_, status_row_of(got_)->sqlstate,       \
                          f->error.position, f->error.message);                                                        \
        }                                                                                                              \
        assert_string_equal(status_row_of(got_)->sqlstate, sqlstate_);                                                 \
        assert_string_equal(f->error.message, message_);                                                               \
        assert_int_equal(f->error.position, position_);                                                                \
    } while (0)

#endif
