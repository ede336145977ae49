/* The appended requests of the native protocol: typed values, pages, prepared statements, transactions, proofs. */
#include <pthread.h>
#include <unistd.h>

#include "native.h"

#include "types/type.h"

static const struct wire_rows_response *run_with(struct client *client, const char *sql,
                                                 const struct wire_typed *values, uint32_t count,
                                                 struct wire_page page) {
    struct wire_run_request request = {
        .sql = TEXT(sql), .parameters = {count, (struct wire_typed *)(uintptr_t)values}, .page = page};
    return client_ask(client, WIRE_REQUEST_RUN, &request, WIRE_RESPONSE_ROWS);
}

static const struct wire_rows_response *run(struct client *client, const char *sql) {
    return run_with(client, sql, NULL, 0, (struct wire_page){0});
}

static void values(void **state) {
    (void)state;
    static const uint8_t uuid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct client client;
    client_open(&client, db, service, 900);
    run(&client, "CREATE TABLE v (a BOOLEAN, b BIGINT, c DOUBLE PRECISION, d NUMERIC, e TEXT, f BYTEA, g DATE, h TIME, "
                 "i TIMESTAMP, j TIMESTAMPTZ, k INTERVAL, l UUID, m JSONB, n INT[])");
    struct wire_typed row[14] = {
        {.tag = WIRE_TYPED_BOOLEAN, .as.boolean = true},
        {.tag = WIRE_TYPED_INTEGER, .as.integer = INT64_MIN},
        {.tag = WIRE_TYPED_REAL, .as.real = 0.1},
        {.tag = WIRE_TYPED_DECIMAL, .as.text = TEXT("-12345678901234567890.50")},
        {.tag = WIRE_TYPED_TEXT, .as.text = TEXT("t\xc3\xa9xt")},
        {.tag = WIRE_TYPED_BYTES, .as.text = slice_make("\0\xff", 2)},
        {.tag = WIRE_TYPED_DATE, .as.integer = -1},
        {.tag = WIRE_TYPED_TIME, .as.integer = 1},
        {.tag = WIRE_TYPED_TIMESTAMP, .as.timestamp = {.micros = -5}},
        {.tag = WIRE_TYPED_TIMESTAMP_UTC, .as.timestamp = {.micros = INT64_MAX}},
        {.tag = WIRE_TYPED_INTERVAL, .as.interval = {.months = -1, .days = 2, .micros = 3}},
        {.tag = WIRE_TYPED_UUID, .as.text = slice_make(uuid, sizeof(uuid))},
        {.tag = WIRE_TYPED_JSON, .as.text = TEXT("{\"a\": 1}")},
        {.tag = WIRE_TYPED_OTHER, .as.text = TEXT("{1,2}")},
    };
    const char *insert = "INSERT INTO v VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    const struct wire_rows_response *done = run_with(&client, insert, row, 14, (struct wire_page){0});
    assert_true(done->cursor == NULL && slice_equal_text(*done->command, "INSERT 0 1"));
    assert_true(done->rows_affected == 1 && done->position == 1);
    const struct wire_rows_response *got = run(&client, "SELECT * FROM v");
    assert_int_equal(got->columns.count, 14);
    assert_true(slice_equal_text(got->columns.items[3].name, "d"));
    assert_int_equal(got->columns.items[3].type_oid, 1700);
    assert_true(slice_equal_text(got->columns.items[13].type_name, "integer[]"));
    assert_int_equal(got->rows.count, 1);
    for (unsigned i = 0; i < 14; i++) { /* each comes back as it went */
        struct buffer sent = {0};
        struct buffer back = {0};
        wire_encode(&sent, wire_typed_type(), &row[i]);
        wire_encode(&back, wire_typed_type(), &got->rows.items[0].cells.items[i]);
        if (!slice_equal(buffer_slice(&sent), buffer_slice(&back))) {
            fail_msg("value %u came back as another", i + 1);
        }
        buffer_free(&sent);
        buffer_free(&back);
    }
    struct wire_typed wrong[] = {
        {.tag = WIRE_TYPED_DATE, .as.integer = INT64_MAX},
        {.tag = WIRE_TYPED_TIME, .as.integer = -1},
        {.tag = WIRE_TYPED_TIMESTAMP, .as.timestamp = {.micros = INT64_MAX - 1}},
        {.tag = WIRE_TYPED_TIMESTAMP, .as.timestamp = {.micros = 1, .nanos = 1000}},
        {.tag = WIRE_TYPED_INTERVAL, .as.interval = {.months = INT64_MAX}},
        {.tag = WIRE_TYPED_UUID, .as.text = TEXT("short")},
        {.tag = WIRE_TYPED_DECIMAL, .as.text = TEXT("1.2.3")},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct wire_run_request request = {.sql = TEXT("SELECT $1::text"), .parameters = {1, &wrong[i]}};
        client_refused(&client, WIRE_REQUEST_RUN, &request, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    }
    client_close(&client);
}

static void errors(void **state) {
    (void)state;
    struct client client;
    struct wire_message message;
    client_open(&client, db, service, 901);
    run(&client, "CREATE TABLE t (id INT PRIMARY KEY)");
    run(&client, "INSERT INTO t VALUES (1)");
    struct wire_run_request request = {.sql = TEXT("INSERT INTO t VALUES (1)")};
    client_send(&client, WIRE_REQUEST_RUN, &request);
    client_step(&client);
    assert_true(client_next(&client, &message));
    assert_int_equal(message.variant, WIRE_RESPONSE_ERROR_DETAIL);
    const struct wire_error_detail_response *error = message.payload;
    assert_int_equal(error->code, WIRE_ERROR_CODE_UNIQUE_CONSTRAINT_VIOLATION);
    assert_true(slice_equal_text(error->sqlstate, "23505"));
    assert_true(slice_equal_text(error->name, "UNIQUE_VIOLATION"));
    assert_true(slice_equal_text(*error->detail, "Key (id)=(1) already exists."));
    request.sql = TEXT("SELECT nothing FROM t");
    client_send(&client, WIRE_REQUEST_RUN, &request);
    client_step(&client);
    assert_true(client_next(&client, &message));
    error = message.payload;
    assert_true(slice_equal_text(error->sqlstate, "42703"));
    assert_int_equal(*error->position, 8);
    client_close(&client);
}

static void pages(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 902);
    run(&client, "CREATE TABLE t (id INT PRIMARY KEY)");
    run(&client, "INSERT INTO t SELECT g FROM generate_series(1, 10) g");
    const struct wire_rows_response *rows =
        run_with(&client, "SELECT id FROM t ORDER BY id", NULL, 0, (struct wire_page){.rows_max = 4});
    assert_true(rows->rows.count == 4 && rows->cursor != NULL && rows->command == NULL);
    uint64_t cursor = *rows->cursor;
    run(&client, "DELETE FROM t"); /* the cursor reads what was there */
    struct wire_fetch_request fetch = {.cursor = cursor, .page = {.rows_max = 4}};
    rows = client_ask(&client, WIRE_REQUEST_FETCH, &fetch, WIRE_RESPONSE_ROWS);
    assert_true(rows->rows.count == 4 && *rows->cursor == cursor && rows->columns.count == 0);
    assert_int_equal(rows->rows.items[0].cells.items[0].as.integer, 5);
    rows = client_ask(&client, WIRE_REQUEST_FETCH, &fetch, WIRE_RESPONSE_ROWS);
    assert_true(rows->rows.count == 2 && rows->cursor == NULL);
    assert_true(slice_equal_text(*rows->command, "SELECT 10") && rows->rows_affected == 10);
    client_refused(&client, WIRE_REQUEST_FETCH, &fetch, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    /* Pages by bytes: a result that no frame holds comes whole. */
    rows = run(&client, "SELECT repeat('x', 1000000) FROM generate_series(1, 40)");
    unsigned total = rows->rows.count;
    assert_true(rows->cursor != NULL);
    fetch.page = (struct wire_page){.bytes_max = UINT32_MAX};
    while (rows->cursor != NULL) {
        fetch.cursor = *rows->cursor;
        rows = client_ask(&client, WIRE_REQUEST_FETCH, &fetch, WIRE_RESPONSE_ROWS);
        total += rows->rows.count;
    }
    assert_int_equal(total, 40);
    rows = run_with(&client, "SELECT repeat('x', 10000000) FROM generate_series(1, 3)", NULL, 0,
                    (struct wire_page){.rows_max = 2, .bytes_max = UINT32_MAX});
    assert_true(rows->rows.count == 1 && rows->cursor != NULL);
    struct wire_close_cursor_request close = {.cursor = *rows->cursor};
    client_ask(&client, WIRE_REQUEST_CLOSE_CURSOR, &close, WIRE_RESPONSE_CLOSED);
    client_ask(&client, WIRE_REQUEST_CLOSE_CURSOR, &close, WIRE_RESPONSE_CLOSED);
    for (unsigned i = 0; i < 64; i++) {
        run_with(&client, "VALUES (1), (2)", NULL, 0, (struct wire_page){.rows_max = 1});
    }
    struct wire_run_request request = {.sql = TEXT("VALUES (1), (2)"), .page = {.rows_max = 1}};
    client_refused(&client, WIRE_REQUEST_RUN, &request, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_close(&client);
}

static void prepared(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 903);
    run(&client, "CREATE TABLE t (id INT PRIMARY KEY, n NUMERIC(10,2))");
    uint32_t types[1] = {20}; /* bigint */
    struct wire_prepare_request prepare = {
        .statement = 7, .sql = TEXT("INSERT INTO t VALUES ($1, $2) RETURNING id"), .parameter_types = {1, types}};
    const struct wire_prepared_response *made =
        client_ask(&client, WIRE_REQUEST_PREPARE, &prepare, WIRE_RESPONSE_PREPARED);
    assert_true(made->statement == 7 && made->writes && made->columns.count == 1);
    assert_int_equal(made->parameter_types.count, 2);
    assert_int_equal(made->parameter_types.items[0], 20);
    assert_int_equal(made->parameter_types.items[1], 1700);
    client_refused(&client, WIRE_REQUEST_PREPARE, &prepare, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    for (int64_t i = 1; i <= 5; i++) {
        struct wire_typed row[2] = {{.tag = WIRE_TYPED_INTEGER, .as.integer = i},
                                    {.tag = WIRE_TYPED_DECIMAL, .as.text = TEXT("1.50")}};
        struct wire_execute_request execute = {.statement = 7, .parameters = {2, row}};
        const struct wire_rows_response *rows = client_ask(&client, WIRE_REQUEST_EXECUTE, &execute, WIRE_RESPONSE_ROWS);
        assert_true(rows->rows.count == 1 && rows->rows.items[0].cells.items[0].as.integer == i);
    }
    prepare = (struct wire_prepare_request){.statement = 8, .sql = TEXT("SELECT id FROM t ORDER BY id")};
    client_ask(&client, WIRE_REQUEST_PREPARE, &prepare, WIRE_RESPONSE_PREPARED);
    struct wire_execute_request execute = {.statement = 8, .page = {.rows_max = 2}};
    const struct wire_rows_response *rows = client_ask(&client, WIRE_REQUEST_EXECUTE, &execute, WIRE_RESPONSE_ROWS);
    assert_true(rows->rows.count == 2 && rows->cursor != NULL);
    client_refused(&client, WIRE_REQUEST_EXECUTE, &execute, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    struct wire_fetch_request fetch = {.cursor = *rows->cursor};
    rows = client_ask(&client, WIRE_REQUEST_FETCH, &fetch, WIRE_RESPONSE_ROWS);
    assert_true(rows->rows.count == 3 && rows->cursor == NULL);
    rows = client_ask(&client, WIRE_REQUEST_EXECUTE, &execute, WIRE_RESPONSE_ROWS);
    struct wire_close_statement_request close = {.statement = 8};
    client_ask(&client, WIRE_REQUEST_CLOSE_STATEMENT, &close, WIRE_RESPONSE_CLOSED); /* and its cursor */
    client_refused(&client, WIRE_REQUEST_CLOSE_STATEMENT, &close, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_refused(&client, WIRE_REQUEST_EXECUTE, &execute, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    fetch.cursor = *rows->cursor;
    client_refused(&client, WIRE_REQUEST_FETCH, &fetch, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    /* Numbers are the tenant's. */
    client.tenant = 904;
    execute.statement = 7;
    client_refused(&client, WIRE_REQUEST_EXECUTE, &execute, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client.tenant = 903;
    types[0] = 999999;
    prepare = (struct wire_prepare_request){.statement = 9, .sql = TEXT("SELECT $1"), .parameter_types = {1, types}};
    client_refused(&client, WIRE_REQUEST_PREPARE, &prepare, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_close(&client);
}

static const struct wire_transaction_response *begin(struct client *client, uint32_t isolation, uint32_t access) {
    struct wire_begin_request request = {.isolation = isolation, .access = access};
    return client_ask(client, WIRE_REQUEST_BEGIN, &request, WIRE_RESPONSE_TRANSACTION);
}

static void transactions(void **state) {
    (void)state;
    struct client client;
    struct client other;
    client_open(&client, db, service, 905);
    client_open(&other, db, service, 905);
    run(&client, "CREATE TABLE t (id INT PRIMARY KEY, v INT)");
    run(&client, "INSERT INTO t VALUES (1, 0)");
    assert_int_equal(begin(&client, WIRE_ISOLATION_DEFAULT, WIRE_ACCESS_DEFAULT)->state, WIRE_TRANSACTION_OPEN);
    struct wire_begin_request again = {0};
    client_refused(&client, WIRE_REQUEST_BEGIN, &again, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    run(&client, "UPDATE t SET v = 1");
    assert_int_equal(run(&other, "SELECT * FROM t WHERE v = 1")->rows.count, 0);
    const struct wire_transaction_response *done =
        client_ask(&client, WIRE_REQUEST_COMMIT, NULL, WIRE_RESPONSE_TRANSACTION);
    assert_true(done->state == WIRE_TRANSACTION_NONE && done->position == 2);
    struct wire_run_request past = {.sql = TEXT("SELECT v FROM t"),
                                    .at = {.tag = WIRE_MOMENT_POSITION, .as.position = done->position - 1}};
    const struct wire_rows_response *rows = client_ask(&client, WIRE_REQUEST_RUN, &past, WIRE_RESPONSE_ROWS);
    assert_int_equal(rows->rows.items[0].cells.items[0].as.integer, 0);
    client_refused(&client, WIRE_REQUEST_COMMIT, NULL, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_refused(&client, WIRE_REQUEST_ROLLBACK, NULL, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    /* The first who commits wins. */
    begin(&client, WIRE_ISOLATION_SERIALIZABLE, WIRE_ACCESS_READ_WRITE);
    begin(&other, WIRE_ISOLATION_SNAPSHOT, WIRE_ACCESS_DEFAULT);
    run(&client, "UPDATE t SET v = 2");
    run(&other, "UPDATE t SET v = 3");
    client_ask(&client, WIRE_REQUEST_COMMIT, NULL, WIRE_RESPONSE_TRANSACTION);
    client_refused(&other, WIRE_REQUEST_COMMIT, NULL, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    /* Read only; and a failed one. */
    begin(&client, WIRE_ISOLATION_DEFAULT, WIRE_ACCESS_READ_ONLY);
    struct wire_run_request update = {.sql = TEXT("UPDATE t SET v = 4")};
    client_refused(&client, WIRE_REQUEST_RUN, &update, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_refused(&client, WIRE_REQUEST_COMMIT, NULL, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    begin(&client, WIRE_ISOLATION_DEFAULT, WIRE_ACCESS_DEFAULT);
    rows = run_with(&client, "SELECT * FROM generate_series(1, 5)", NULL, 0, (struct wire_page){.rows_max = 1});
    struct wire_fetch_request fetch = {.cursor = *rows->cursor};
    done = client_ask(&client, WIRE_REQUEST_ROLLBACK, NULL, WIRE_RESPONSE_TRANSACTION);
    assert_int_equal(done->state, WIRE_TRANSACTION_NONE);
    client_refused(&client, WIRE_REQUEST_FETCH, &fetch, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_close(&client);
    client_close(&other);
}

static void streams_and_positions(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 906);
    uint64_t stream = client_stream(&client, "s");
    struct slice events[2] = {TEXT("a"), TEXT("b")};
    struct wire_append_request append = {.stream_id = stream, .events = {2, events}};
    const struct wire_appended_response *appended =
        client_ask(&client, WIRE_REQUEST_APPEND, &append, WIRE_RESPONSE_APPENDED);
    assert_true(appended->first_offset == 0 && appended->count == 2 && appended->position == 2);
    appended = client_ask(&client, WIRE_REQUEST_APPEND, &append, WIRE_RESPONSE_APPENDED);
    assert_true(appended->first_offset == 2 && appended->position == 4);
    uint64_t wrong = 1;
    append.expected_offset = &wrong;
    client_refused(&client, WIRE_REQUEST_APPEND, &append, WIRE_ERROR_CODE_OFFSET_MISMATCH);
    append.events.count = 0;
    client_refused(&client, WIRE_REQUEST_APPEND, &append, WIRE_ERROR_CODE_INVALID_REQUEST);
    const struct wire_streams_response *streams =
        client_ask(&client, WIRE_REQUEST_LIST_STREAMS, NULL, WIRE_RESPONSE_STREAMS);
    assert_int_equal(streams->streams.count, 1);
    assert_true(streams->streams.items[0].stream_id == stream && streams->streams.items[0].length == 4);
    assert_int_equal(streams->streams.items[0].data_class, WIRE_DATA_CLASS_PUBLIC);
    const struct wire_position_response *position =
        client_ask(&client, WIRE_REQUEST_POSITION, NULL, WIRE_RESPONSE_POSITION);
    assert_true(position->position == 4 && position->sequence >= 3);
    assert_true(position->time_micros > INT64_C(1600000000000000));
    client_close(&client);
}

static void proofs(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 907);
    run(&client, "CREATE TABLE t (id INT)");
    char verifier[256];
    assert_int_equal(kmb_tenant_verifier(db, 907, verifier, sizeof(verifier), NULL), KMB_OK);
    struct wire_prove_request requests[] = {
        {.proof = {.tag = WIRE_PROOF_CHECKPOINT}},
        {.proof = {.tag = WIRE_PROOF_INCLUSION, .as.sequence = 1}},
        {.proof = {.tag = WIRE_PROOF_CONSISTENCY, .as.old_size = 1}},
    };
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const struct wire_proof_response *proof =
            client_ask(&client, WIRE_REQUEST_PROVE, &requests[i], WIRE_RESPONSE_PROOF);
        assert_int_equal(kmb_proof_verify((const char *)proof->text.bytes, proof->text.length, verifier, NULL), KMB_OK);
    }
    requests[1].proof.as.sequence = 1000000;
    client_refused(&client, WIRE_REQUEST_PROVE, &requests[1], WIRE_ERROR_CODE_INVALID_OFFSET);
    client_close(&client);
}

static void notifications(void **state) {
    (void)state;
    struct client client;
    struct client other;
    struct wire_message message;
    client_open(&client, db, service, 909);
    client_open(&other, db, service, 909);
    run(&client, "LISTEN news");
    unsigned wakes = atomic_load(&client.connection.wakes);
    client_query(&other, "LISTEN news"); /* hears nothing, for it has shown no sign that it could */
    client_query(&other, "NOTIFY news, 'hello'");
    assert_true(atomic_load(&client.connection.wakes) > wakes);
    client_step(&client);
    assert_true(client_next(&client, &message));
    assert_true(message.direction == WIRE_PUSH && message.variant == WIRE_PUSH_NOTIFICATION);
    const struct wire_notification_push *push = message.payload;
    assert_true(push->tenant_id == 909 && slice_equal_text(push->channel, "news"));
    assert_true(slice_equal_text(push->payload, "hello"));
    assert_false(client_next(&client, &message));
    client_step(&other);
    assert_false(client_next(&other, &message));
    client_close(&client);
    client_close(&other);
}

/* --- cancellation ------------------------------------------------------------------------------------------------- */

struct canceller {
    struct client client;
    struct wire_cancel_request request;
    atomic_bool stop;
};

static void *cancels(void *context) {
    struct canceller *canceller = context;
    while (!atomic_load(&canceller->stop)) {
        client_ask(&canceller->client, WIRE_REQUEST_CANCEL, &canceller->request, WIRE_RESPONSE_CANCELLED);
        usleep(1000);
    }
    return NULL;
}

static void cancellation(void **state) {
    (void)state;
    struct client client;
    struct canceller canceller = {.stop = false};
    pthread_t thread;
    client_open(&client, db, service, 908);
    client_open(&canceller.client, db, service, 1);
    const struct wire_session_key_response *key =
        client_ask(&client, WIRE_REQUEST_SESSION_KEY, NULL, WIRE_RESPONSE_SESSION_KEY);
    assert_true(key->secret.length >= 16);
    uint8_t wrong[16] = {0};
    canceller.request = (struct wire_cancel_request){.connection = key->connection, .secret = {wrong, sizeof(wrong)}};
    client_ask(&canceller.client, WIRE_REQUEST_CANCEL, &canceller.request, WIRE_RESPONSE_CANCELLED);
    canceller.request.secret = key->secret;
    struct wire_run_request request = {.sql = TEXT("SELECT count(*) FROM generate_series(1, 10000) a")};
    struct wire_message message;
    for (int round = 0; round < 2; round++) { /* one that has not begun; then one that is sent when it is over */
        if (round == 0) {
            client_send(&client, WIRE_REQUEST_RUN, &request);
        }
        client_ask(&canceller.client, WIRE_REQUEST_CANCEL, &canceller.request, WIRE_RESPONSE_CANCELLED);
        if (round == 1) {
            client_send(&client, WIRE_REQUEST_RUN, &request);
        }
        client_send(&client, WIRE_REQUEST_RUN, &request);
        client_step(&client);
        assert_true(client_next(&client, &message));
        assert_int_equal(message.variant, round == 0 ? WIRE_RESPONSE_ERROR_DETAIL : WIRE_RESPONSE_ROWS);
        assert_true(client_next(&client, &message));
        assert_int_equal(message.variant, WIRE_RESPONSE_ROWS);
    }
    assert_int_equal(pthread_create(&thread, NULL, cancels, &canceller), 0);
    request.sql = slice_text("SELECT count(*) FROM generate_series(1, 1000000000) a");
    client_send(&client, WIRE_REQUEST_RUN, &request);
    client_step(&client);
    atomic_store(&canceller.stop, true);
    pthread_join(thread, NULL);
    assert_true(client_next(&client, &message));
    assert_int_equal(message.variant, WIRE_RESPONSE_ERROR_DETAIL);
    const struct wire_error_detail_response *error = message.payload;
    assert_true(slice_equal_text(error->sqlstate, "57014"));
    assert_int_equal(run(&client, "SELECT 1")->rows.count, 1);
    client_close(&client);
    client_close(&canceller.client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),   cmocka_unit_test(errors),        cmocka_unit_test(pages),
        cmocka_unit_test(prepared), cmocka_unit_test(transactions),  cmocka_unit_test(streams_and_positions),
        cmocka_unit_test(proofs),   cmocka_unit_test(notifications), cmocka_unit_test(cancellation),
    };
    return cmocka_run_group_tests(tests, native_setup, native_teardown);
}
