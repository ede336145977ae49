/* Batches: every type column by column equals what the statement says row by row, whatever the size of the batch. */
#include "box.h"

static bool valid(const struct kmb_column_batch *column, uint32_t row) {
    return column->validity == NULL || (column->validity[row / 8] >> (row % 8) & 1) != 0;
}

/* One value of a batch against the same of a statement that steps. */
static void same_value(const struct kmb_column_batch *column, uint32_t row, kmb_statement *statement, uint32_t at) {
    size_t length = 0;
    if (kmb_column_is_null(statement, at)) {
        assert_false(valid(column, row));
        return;
    }
    assert_true(valid(column, row));
    const uint8_t *value = (const uint8_t *)column->values + (size_t)row * column->width;
    int64_t integer = 0;
    switch (column->type) {
    case KMB_TYPE_BOOLEAN:
        integer = ((const uint8_t *)column->values)[row / 8] >> (row % 8) & 1;
        assert_int_equal(integer, kmb_column_bool(statement, at));
        return;
    case KMB_TYPE_SMALLINT:
    case KMB_TYPE_INTEGER:
    case KMB_TYPE_BIGINT:
    case KMB_TYPE_DATE:
    case KMB_TYPE_TIME:
    case KMB_TYPE_TIMESTAMP:
    case KMB_TYPE_TIMESTAMPTZ:
        integer = column->width == 2   ? *(const int16_t *)(const void *)value
                  : column->width == 4 ? *(const int32_t *)(const void *)value
                                       : *(const int64_t *)(const void *)value;
        assert_true(integer == kmb_column_int64(statement, at));
        return;
    case KMB_TYPE_REAL:
        assert_true((double)*(const float *)(const void *)value == kmb_column_double(statement, at));
        return;
    case KMB_TYPE_DOUBLE:
        assert_true(*(const double *)(const void *)value == kmb_column_double(statement, at));
        return;
    case KMB_TYPE_UUID: {
        char text[37];
        snprintf(text, sizeof(text), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", value[0],
                 value[1], value[2], value[3], value[4], value[5], value[6], value[7], value[8], value[9], value[10],
                 value[11], value[12], value[13], value[14], value[15]);
        assert_string_equal(text, kmb_column_text(statement, at, NULL));
        return;
    }
    default:
        break;
    }
    assert_non_null(column->offsets);
    const void *expected = column->type == KMB_TYPE_BYTEA ? kmb_column_bytes(statement, at, &length)
                                                          : kmb_column_text(statement, at, &length);
    assert_int_equal(column->offsets[row + 1] - column->offsets[row], length);
    assert_memory_equal((const uint8_t *)column->values + column->offsets[row], expected, length);
}

static const char query[] =
    "SELECT i % 3 = 0, i::smallint, i, i * 1000000000::bigint, i / 3::real, i / 7::float8, (i * 1.1)::numeric, 'text ' "
    "|| i, "
    "decode(lpad(i::text, 6, '0'), 'hex'), DATE '2000-01-01' + i, TIME '01:02:03' + i * INTERVAL '1 second', "
    "TIMESTAMP '2000-01-01' + i * INTERVAL '1 hour', TIMESTAMPTZ '2000-01-01Z' + i * INTERVAL '1 hour', i * INTERVAL "
    "'1 day', "
    "('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, ('{\"a\":' || i || '}')::jsonb, ARRAY[i, NULL], "
    "CASE WHEN i % 2 = 0 THEN i END, CASE WHEN i % 5 > 0 THEN 'x' END, NULL::int, (i::text)::varchar(20), "
    "'ab'::char(5), 7 "
    "FROM generate_series(1, 2500) AS i WHERE i % 11 <> 0";

static void batches_equal_rows(void **state) {
    struct box *box = *state;
    static const uint32_t sizes[] = {1, 7, 1000, 1024, 5000};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        kmb_statement *rows = NULL;
        kmb_statement *batches = NULL;
        struct kmb_batch batch = {.size = sizeof(batch)};
        struct kmb_error wrong = {0};
        uint64_t total = 0;
        enum kmb_status status;
        MUST(kmb_prepare(box->one, query, strlen(query), &rows, NULL, &error));
        MUST(kmb_prepare(box->two, query, strlen(query), &batches, NULL, &error));
        for (int again = 0; again < 2; again++) { /* a statement that ended begins anew */
            total = 0;
            while ((status = kmb_step_batch(batches, sizes[s], &batch, &wrong)) == KMB_ROW) {
                assert_in_range(batch.rows, 1, sizes[s]);
                assert_int_equal(batch.columns, kmb_column_count(rows));
                for (uint32_t row = 0; row < batch.rows; row++) {
                    assert_int_equal(kmb_step(rows, &wrong), KMB_ROW);
                    for (uint32_t column = 0; column < batch.columns; column++) {
                        same_value(&batch.column[column], row, rows, column);
                    }
                }
                total += batch.rows;
            }
            assert_int_equal(status, KMB_DONE);
            assert_int_equal(batch.rows, 0);
            assert_int_equal(kmb_step(rows, &wrong), KMB_DONE);
            assert_int_equal(total, 2273);
        }
        kmb_finalize(rows);
        kmb_finalize(batches);
    }
}

static void batches_mix_with_steps_and_end_in_errors(void **state) {
    struct box *box = *state;
    static const char sql[] = "SELECT i, 10 / (2000 - i) FROM generate_series(1, 3000) AS i";
    kmb_statement *statement = NULL;
    struct kmb_batch batch = {.size = sizeof(batch)};
    struct kmb_error wrong = {0};
    MUST(kmb_prepare(box->one, sql, strlen(sql), &statement, NULL, &error));
    assert_int_equal(kmb_step(statement, &wrong), KMB_ROW);
    assert_int_equal(kmb_step_batch(statement, 3, &batch, &wrong), KMB_ROW);
    assert_int_equal(batch.rows, 3);
    assert_int_equal(((const int32_t *)batch.column[0].values)[0], 2); /* after the row that was stepped over */
    assert_int_equal(batch.column[0].null_count, 0);
    assert_null(batch.column[0].validity);
    assert_int_equal(kmb_step(statement, &wrong), KMB_ROW);
    assert_int_equal(kmb_column_int64(statement, 0), 5);
    assert_int_equal(kmb_step_batch(statement, 1000000, &batch, &wrong), KMB_DIVISION_BY_ZERO);
    kmb_reset(statement);
    assert_int_equal(kmb_step_batch(statement, 2, &batch, &wrong), KMB_ROW);
    assert_int_equal(((const int32_t *)batch.column[0].values)[1], 2);
    assert_int_equal(kmb_step_batch(statement, 0, &batch, &wrong), KMB_USAGE);
    assert_int_equal(kmb_step_batch(NULL, 1, &batch, &wrong), KMB_USAGE);
    assert_int_equal(kmb_step_batch(statement, 1, NULL, &wrong), KMB_USAGE);
    batch.size = 3;
    assert_int_equal(kmb_step_batch(statement, 1, &batch, &wrong), KMB_USAGE);
    kmb_finalize(statement);
    batch.size = sizeof(batch);
    MUST(kmb_prepare(box->one, "CREATE TABLE t (a INT)", 22, &statement, NULL, &error));
    assert_int_equal(kmb_step_batch(statement, 10, &batch, &wrong), KMB_DONE);
    assert_int_equal(batch.columns, 0);
    kmb_finalize(statement);
}

/* A statement whose table was altered since its last run gives batches of the columns that there are. */
static void batches_follow_the_table(void **state) {
    struct box *box = *state;
    static const char *const changes[] = {"ALTER TABLE w DROP COLUMN b", "ALTER TABLE w ADD COLUMN d TEXT DEFAULT 'd'",
                                          "ALTER TABLE w ALTER COLUMN a TYPE BIGINT", "DELETE FROM w"};
    static const uint32_t columns[] = {3, 2, 3, 3, 3};
    struct kmb_batch batch = {.size = sizeof(batch)};
    kmb_statement *statement = NULL;
    MUST(kmb_exec(box->one, "CREATE TABLE w (a INT, b TEXT, c INT); INSERT INTO w VALUES (1, 'x', 2)", &error));
    MUST(kmb_prepare(box->one, "SELECT * FROM w", 15, &statement, NULL, &error));
    for (size_t i = 0; i < 5; i++) {
        struct kmb_error wrong = {0};
        assert_int_equal(kmb_step_batch(statement, 10, &batch, &wrong), i < 4 ? KMB_ROW : KMB_DONE);
        assert_int_equal(batch.columns, columns[i]);
        assert_int_equal(batch.column[0].width, i < 3 ? 4 : 8);
        assert_true(i == 4 || *(const int32_t *)batch.column[0].values == 1);
        kmb_reset(statement);
        if (i < 4) {
            MUST(kmb_exec(box->one, changes[i], &error));
        }
    }
    kmb_finalize(statement);
}

struct seen {
    char text[256];
};

static enum kmb_status see(void *context, const struct kmb_stream *stream) {
    struct seen *seen = context;
    size_t at = strlen(seen->text);
    snprintf(seen->text + at, sizeof(seen->text) - at, "%s %u %d %d;", stream->name, stream->id,
             (int)stream->data_class, (int)stream->length);
    return stream->name[0] == 'z' ? KMB_CANCELLED : KMB_OK;
}

static void streams_are_listed(void **state) {
    struct box *box = *state;
    struct seen seen = {{0}};
    struct kmb_bytes event = {"x", 1};
    uint32_t b = 0, a = 0;
    struct kmb_error wrong = {0};
    MUST(kmb_stream_list(box->one, see, &seen, &error));
    assert_string_equal(seen.text, "");
    MUST(kmb_stream_create(box->one, "b", KMB_CLASS_PHI, &b, &error));
    MUST(kmb_stream_create(box->one, "a", KMB_CLASS_PUBLIC, &a, &error));
    MUST(kmb_stream_append(box->one, b, UINT64_MAX, &event, 1, NULL, &error));
    MUST(kmb_stream_list(box->one, see, &seen, &error));
    char expected[64];
    snprintf(expected, sizeof(expected), "a %u 7 0;b %u 0 1;", a, b);
    assert_string_equal(seen.text, expected);
    MUST(kmb_stream_create(box->one, "z", KMB_CLASS_PUBLIC, &a, &error));
    assert_int_equal(kmb_stream_list(box->one, see, &seen, &wrong), KMB_CANCELLED);
    assert_int_equal(kmb_stream_list(NULL, see, &seen, &wrong), KMB_USAGE);
    assert_int_equal(kmb_stream_list(box->one, NULL, &seen, &wrong), KMB_USAGE);
}

static void a_passphrase_is_a_root_key(void **state) {
    struct box *box = *state;
    char path[SCRATCH_SIZE + 16];
    kmb_db *db = NULL;
    struct kmb_error wrong = {0};
    struct kmb_options options = {
        .size = sizeof(options), .flags = KMB_OPEN_CREATE, .log = quiet, .passphrase = "correct horse"};
    struct kmb_verify_options verify = {.size = sizeof(verify), .passphrase = "correct horse"};
    struct kmb_verify_report report = {.size = sizeof(report)};
    snprintf(path, sizeof(path), "%s/secret", box->folder);
    MUST(kmb_open(path, &options, &db, &error));
    MUST(kmb_close(db, &error));
    char key[SCRATCH_SIZE + 32];
    snprintf(key, sizeof(key), "%s.key", path);
    assert_int_not_equal(access(key, F_OK), 0); /* no file has the key */
    MUST(kmb_open(path, &options, &db, &error));
    MUST(kmb_close(db, &error));
    MUST(kmb_verify(path, &verify, &report, &error));
    assert_true(report.bodies_opened);
    options.passphrase = "correct horsf";
    assert_int_equal(kmb_open(path, &options, &db, &wrong), KMB_WRONG_KEY);
    options.passphrase = "";
    assert_int_equal(kmb_open(path, &options, &db, &wrong), KMB_WRONG_KEY);
    options.passphrase = NULL;
    assert_int_equal(kmb_open(path, &options, &db, &wrong), KMB_NO_KEY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batches_equal_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batches_mix_with_steps_and_end_in_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batches_follow_the_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(streams_are_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_passphrase_is_a_root_key, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
