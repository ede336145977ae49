/* Query and QueryAt of the native protocol: cells, parameters, statements without rows, positions, pipelines. */
#include "native.h"

static const struct wire_result *ask(struct client *client, const char *sql, const struct wire_value *values,
                                     uint32_t count) {
    struct wire_query_request query = {.sql = TEXT(sql), .params = {count, (struct wire_value *)(uintptr_t)values}};
    return client_ask(client, WIRE_REQUEST_QUERY, &query, WIRE_RESPONSE_QUERY);
}

static void refused(struct client *client, const char *sql, uint32_t code) {
    struct wire_query_request query = {.sql = TEXT(sql)};
    client_refused(client, WIRE_REQUEST_QUERY, &query, code);
}

static void cells(void **state) {
    (void)state;
    static const struct {
        const char *expression;
        const char *cell;
    } cases[] = {
        {"NULL::int", "NULL"},
        {"true", "true"},
        {"42::smallint", "42"},
        {"(-9223372036854775808)::bigint", "-9223372036854775808"},
        {"'t\xc3\xa9xt'", "t\xc3\xa9xt"},
        {"1.50::numeric(10,2)", "1.50"},
        {"12345678901234567890.123456789::numeric", "12345678901234567890.123456789"},
        {"1.5::double precision", "1.5"},
        {"2::double precision", "2"},
        {"1e20::double precision", "100000000000000000000"},
        {"-1.25e21::double precision", "-1250000000000000000000"},
        {"1.5e-7::double precision", "0.00000015"},
        {"1e-5::real", "0.00001"},
        {"'NaN'::double precision", "NaN"},
        {"'-Infinity'::double precision", "-inf"},
        {"'\\x00ff10'::bytea", "AP8Q"},
        {"''::bytea", ""},
        {"DATE '1970-01-11'", "Date(10)"},
        {"TIME '00:00:01.5'", "Time(1500000000)"},
        {"TIMESTAMP '1970-01-01 00:00:01.000001'", "@1000001000"},
        {"TIMESTAMPTZ '1969-12-31 23:59:59+00'", "@-1000000000"},
        {"TIMESTAMP 'infinity'", "infinity"},
        {"TIMESTAMP '3000-01-01'", "3000-01-01 00:00:00"},
        {"'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
        {"'{\"a b\": [1, \"x \\\" y\"]}'::json", "{\"a b\":[1,\"x \\\" y\"]}"},
        {"'{\"a\": {\"b\": null}}'::jsonb", "{\"a\":{\"b\":null}}"},
        {"INTERVAL '1 day'", "1 day"},
        {"ARRAY[1,2]", "{1,2}"},
    };
    struct client client;
    client_open(&client, db, service, 700);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char sql[256];
        snprintf(sql, sizeof(sql), "SELECT %s AS x", cases[i].expression);
        const struct wire_result *result = client_query(&client, sql);
        assert_int_equal(result->columns.count, 1);
        assert_true(slice_equal_text(result->columns.items[0], "x"));
        assert_string_equal(client_cell(&client, result, 0, 0), cases[i].cell);
    }
    client_close(&client);
}

static void statements(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 701);
    const struct wire_result *result = client_query(&client, "CREATE TABLE t (id INT PRIMARY KEY, name TEXT);");
    assert_int_equal(result->columns.count, 2);
    assert_true(slice_equal_text(result->columns.items[0], "rows_affected"));
    assert_true(slice_equal_text(result->columns.items[1], "log_offset"));
    result = client_query(&client, "INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    assert_string_equal(client_cell(&client, result, 0, 0), "2");
    result = client_query(&client, "UPDATE t SET name = 'c' WHERE id > 5");
    assert_string_equal(client_cell(&client, result, 0, 0), "0");
    result = client_query(&client, "INSERT INTO t VALUES (3, 'z') RETURNING id, name");
    assert_int_equal(result->rows.count, 1);
    assert_string_equal(client_cell(&client, result, 0, 1), "z");
    assert_int_equal(client_query(&client, "SELECT id FROM t WHERE false")->rows.count, 0);
    assert_int_equal(client_query(&client, "-- a comment\n (SELECT id FROM t)")->rows.count, 3);
    assert_int_equal(client_query(&client, "WITH x AS (SELECT 1 AS a) SELECT a FROM x")->rows.count, 1);
    assert_int_equal(client_query(&client, "VALUES (1), (2)")->rows.count, 2);
    result = client_query(&client, "EXPLAIN SELECT * FROM t ORDER BY name"); /* one cell, whatever the plan */
    assert_true(result->columns.count == 1 && slice_equal_text(result->columns.items[0], "plan"));
    assert_int_equal(result->rows.count, 1);
    assert_non_null(strchr(client_cell(&client, result, 0, 0), '\n'));
    assert_int_equal(client_query(&client, "SHOW TABLES")->rows.count, 1);
    /* By kind, never by text: each has the code that clients know it by. */
    refused(&client, "INSERT INTO t VALUES (1, 'a')", WIRE_ERROR_CODE_UNIQUE_CONSTRAINT_VIOLATION);
    refused(&client, "SELECT * FROM nothing", WIRE_ERROR_CODE_TABLE_NOT_FOUND);
    refused(&client, "INSERT INTO nothing VALUES (1)", WIRE_ERROR_CODE_TABLE_NOT_FOUND);
    refused(&client, "CREATE TABLE t (x INT)", WIRE_ERROR_CODE_STREAM_ALREADY_EXISTS);
    refused(&client, "SELEC 1", WIRE_ERROR_CODE_QUERY_PARSE_ERROR);
    refused(&client, "SELECT nothing FROM t", WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    refused(&client, "SELECT 1/0", WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    refused(&client, "SELECT * FROM t AT OFFSET 1000000", WIRE_ERROR_CODE_POSITION_AHEAD);
    refused(&client, "", WIRE_ERROR_CODE_QUERY_PARSE_ERROR);
    refused(&client, " ; -- nothing", WIRE_ERROR_CODE_QUERY_PARSE_ERROR);
    refused(&client, "SELECT 1; SELECT 2", WIRE_ERROR_CODE_QUERY_PARSE_ERROR);
    refused(&client, "COPY t FROM STDIN", WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    refused(&client, "SELECT $1", WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    assert_int_equal(client_query(&client, "SELECT id FROM t")->rows.count, 3);
    struct slice reason = TEXT("emergency");
    struct wire_query_request query = {.sql = TEXT("SELECT id FROM t"), .break_glass_reason = &reason};
    client_refused(&client, WIRE_REQUEST_QUERY, &query, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_close(&client);
}

static void parameters(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 702);
    client_query(&client, "CREATE TABLE t (id INT PRIMARY KEY, n NUMERIC, b BOOLEAN, s TEXT, d DATE, at TIMESTAMP)");
    const char *insert = "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)";
    struct wire_value values[6] = {
        {.tag = WIRE_VALUE_BIG_INT, .as.big_int = 7},
        {.tag = WIRE_VALUE_TEXT, .as.text = TEXT("1.10")},
        {.tag = WIRE_VALUE_BOOLEAN, .as.boolean = true},
        {.tag = WIRE_VALUE_TEXT, .as.text = TEXT("x")},
        {.tag = WIRE_VALUE_TEXT, .as.text = TEXT("2026-01-31")},
        {.tag = WIRE_VALUE_TIMESTAMP, .as.timestamp = INT64_C(-1500000000)},
    };
    ask(&client, insert, values, 6);
    values[0].as.big_int = 8;
    values[3] = (struct wire_value){.tag = WIRE_VALUE_NULL};
    ask(&client, insert, values, 6); /* kept from before */
    const struct wire_result *result = client_query(&client, "SELECT n, b, s, d, at FROM t ORDER BY id");
    assert_int_equal(result->rows.count, 2);
    assert_string_equal(client_cell(&client, result, 0, 0), "1.10");
    assert_string_equal(client_cell(&client, result, 0, 1), "true");
    assert_string_equal(client_cell(&client, result, 1, 2), "NULL");
    assert_string_equal(client_cell(&client, result, 1, 4), "@-1500000000");
    struct wire_query_request query = {.sql = TEXT(insert), .params = {5, values}};
    client_refused(&client, WIRE_REQUEST_QUERY, &query, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    values[0] = (struct wire_value){.tag = WIRE_VALUE_TEXT, .as.text = TEXT("no number")};
    query.params.count = 6;
    client_refused(&client, WIRE_REQUEST_QUERY, &query, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    values[0].as.text = slice_make("a\0b", 3);
    client_refused(&client, WIRE_REQUEST_QUERY, &query, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    assert_int_equal(client_query(&client, "SELECT * FROM t")->rows.count, 2);
    /* A statement that is kept outlives changes of its table. */
    struct wire_value id = {.tag = WIRE_VALUE_BIG_INT, .as.big_int = 7};
    assert_int_equal(ask(&client, "SELECT * FROM t WHERE id = $1", &id, 1)->columns.count, 6);
    client_query(&client, "ALTER TABLE t DROP COLUMN d");
    assert_int_equal(ask(&client, "SELECT * FROM t WHERE id = $1", &id, 1)->columns.count, 5);
    client_query(&client, "BEGIN");
    client_query(&client, "ALTER TABLE t DROP COLUMN b");
    assert_int_equal(ask(&client, "SELECT * FROM t WHERE id = $1", &id, 1)->columns.count, 4);
    client_query(&client, "COMMIT");
    for (int64_t i = 0; i < 100; i++) { /* more texts than are kept */
        char sql[64];
        snprintf(sql, sizeof(sql), "SELECT %d + $1::int AS x", (int)i);
        id.as.big_int = 1000;
        char want[16];
        snprintf(want, sizeof(want), "%d", (int)(i + 1000));
        assert_string_equal(client_cell(&client, ask(&client, sql, &id, 1), 0, 0), want);
    }
    client_close(&client);
}

/* One scale: the log_offset of any statement is a position, and a query there sees exactly what the statement left. */
static void positions(void **state) {
    (void)state;
    struct client client;
    struct client other;
    uint64_t after[12];
    client_open(&client, db, service, 703);
    client_open(&other, db, service, 704);
    client_query(&other, "CREATE TABLE t (id INT)");
    client_query(&client, "CREATE TABLE t (id INT PRIMARY KEY, v INT)");
    client_query(&client, "CREATE INDEX ON t (v)");
    uint64_t stream = client_stream(&client, "s");
    for (unsigned i = 0; i < 12; i++) {
        char sql[96];
        snprintf(sql, sizeof(sql), i % 3 == 2 ? "UPDATE t SET v = v + 1" : "INSERT INTO t VALUES (%u, 0), (%u, 0)",
                 2 * i, 2 * i + 1);
        const struct wire_result *result = client_query(&client, sql);
        after[i] = strtoull(client_cell(&client, result, 0, 1), NULL, 10);
        client_append(&client, stream, i, 1, "event");
        client_query(&other, "INSERT INTO t VALUES (1)"); /* of no concern */
    }
    for (unsigned i = 0; i < 12; i++) {
        char want[32];
        struct wire_query_at_request query = {.sql = TEXT("SELECT count(*), coalesce(sum(v), 0) FROM t"),
                                              .position = after[i]};
        const struct wire_result *result = client_ask(&client, WIRE_REQUEST_QUERY_AT, &query, WIRE_RESPONSE_QUERY_AT);
        unsigned rows = 0;
        unsigned sum = 0;
        for (unsigned before = 0; before <= i; before++) {
            rows += before % 3 == 2 ? 0 : 2;
            sum += before % 3 == 2 ? rows : 0;
        }
        snprintf(want, sizeof(want), "%u %u", rows, sum);
        char got[64];
        snprintf(got, sizeof(got), "%s %s", client_cell(&client, result, 0, 0), client_cell(&client, result, 0, 1));
        assert_string_equal(got, want);
    }
    struct wire_query_at_request ahead = {.sql = TEXT("SELECT 1 FROM t"), .position = after[11] + 100};
    client_refused(&client, WIRE_REQUEST_QUERY_AT, &ahead, WIRE_ERROR_CODE_POSITION_AHEAD);
    ahead.position = UINT64_MAX;
    client_refused(&client, WIRE_REQUEST_QUERY_AT, &ahead, WIRE_ERROR_CODE_POSITION_AHEAD);
    ahead = (struct wire_query_at_request){.sql = TEXT("DELETE FROM t"), .position = after[0]};
    client_refused(&client, WIRE_REQUEST_QUERY_AT, &ahead, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    assert_int_equal(client_query(&client, "SELECT * FROM t")->rows.count, 16); /* of the present again */
    client_close(&client);
    client_close(&other);
}

static void time_travel_of_the_clients(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 705);
    client_query(&client, "CREATE TABLE t (id INT)");
    client_query(&client, "INSERT INTO t VALUES (1)");
    const char *now =
        client_cell(&client, client_query(&client, "SELECT to_char(now(), 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"), 0, 0);
    client_query(&client, "INSERT INTO t VALUES (2)");
    static const char *const forms[] = {"AS OF TIMESTAMP '%s+00:00'", "AS OF TIMESTAMP '%sZ'", "AS OF '%sZ'",
                                        "FOR SYSTEM_TIME AS OF '%sZ'"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char suffix[128];
        char sql[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(suffix, sizeof(suffix), forms[i], now);
#pragma GCC diagnostic pop
        snprintf(sql, sizeof(sql), "SELECT id FROM t %s", suffix);
        assert_int_equal(client_query(&client, sql)->rows.count, 1);
    }
    client_close(&client);
}

/* Many writes in one go share a sync; what reads behind them sees them. */
static void pipeline(void **state) {
    (void)state;
    struct client client;
    struct wire_message message;
    client_open(&client, db, service, 706);
    client_query(&client, "CREATE TABLE t (id INT PRIMARY KEY)");
    struct wire_value id = {.tag = WIRE_VALUE_BIG_INT};
    ask(&client, "INSERT INTO t VALUES ($1)", &id, 1);
    client.commits = 0;
    for (unsigned i = 1; i <= 500; i++) {
        id.as.big_int = i;
        struct wire_query_request query = {.sql = TEXT("INSERT INTO t VALUES ($1)"), .params = {1, &id}};
        client_send(&client, WIRE_REQUEST_QUERY, &query);
    }
    id.as.big_int = 1; /* is there */
    struct wire_query_request again = {.sql = TEXT("INSERT INTO t VALUES ($1)"), .params = {1, &id}};
    uint64_t refused_id = client_send(&client, WIRE_REQUEST_QUERY, &again);
    struct wire_query_request count = {.sql = TEXT("SELECT count(*) FROM t")};
    uint64_t last = client_send(&client, WIRE_REQUEST_QUERY, &count);
    client_step(&client);
    assert_true(client.commits <= 3);
    uint64_t expected = last - 501;
    while (client_next(&client, &message)) {
        assert_true(message.request_id == expected++);
        assert_int_equal(message.variant, message.request_id == refused_id ? WIRE_RESPONSE_ERROR : WIRE_RESPONSE_QUERY);
        if (message.request_id == last) {
            assert_string_equal(client_cell(&client, message.payload, 0, 0), "501");
        }
    }
    assert_true(expected == last + 1);
    client_close(&client);
}

/* A result that no frame holds is an error, and the connection goes on. */
static void too_large(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 707);
    refused(&client, "SELECT repeat('x', 1000000) FROM generate_series(1, 17)", WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    assert_int_equal(client_query(&client, "SELECT repeat('x', 1000000) FROM generate_series(1, 16)")->rows.count, 16);
    client_query(&client, "CREATE TABLE t (x TEXT)");
    refused(&client, "INSERT INTO t SELECT repeat('x', 1000000) FROM generate_series(1, 17) RETURNING x",
            WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_close(&client);
}

/* A transaction by words is the connection's; another connection does not see into it. */
static void transactions(void **state) {
    (void)state;
    struct client client;
    struct client other;
    client_open(&client, db, service, 708);
    client_open(&other, db, service, 708);
    client_query(&client, "CREATE TABLE t (id INT PRIMARY KEY)");
    client_query(&client, "BEGIN");
    assert_true(native_protocol.busy(client.machine));
    client_query(&client, "INSERT INTO t VALUES (1)");
    assert_int_equal(client_query(&client, "SELECT * FROM t")->rows.count, 1);
    assert_int_equal(client_query(&other, "SELECT * FROM t")->rows.count, 0);
    client_query(&client, "COMMIT");
    assert_false(native_protocol.busy(client.machine));
    assert_int_equal(client_query(&other, "SELECT * FROM t")->rows.count, 1);
    client_query(&client, "BEGIN");
    refused(&client, "INSERT INTO t VALUES (1)", WIRE_ERROR_CODE_UNIQUE_CONSTRAINT_VIOLATION);
    refused(&client, "SELECT 1", WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_query(&client, "ROLLBACK");
    client_query(&client, "BEGIN");
    client_query(&client, "INSERT INTO t VALUES (2)");
    client_close(&client); /* rolls back */
    assert_int_equal(client_query(&other, "SELECT * FROM t")->rows.count, 1);
    client_close(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells),
        cmocka_unit_test(statements),
        cmocka_unit_test(parameters),
        cmocka_unit_test(positions),
        cmocka_unit_test(time_travel_of_the_clients),
        cmocka_unit_test(pipeline),
        cmocka_unit_test(too_large),
        cmocka_unit_test(transactions),
    };
    return cmocka_run_group_tests(tests, native_setup, native_teardown);
}
