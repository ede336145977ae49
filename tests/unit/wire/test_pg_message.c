/* PostgreSQL's messages: what is read of right and of wrong bytes, and the bytes that are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/pg/message.h"

/* Bytes of a literal, its last NUL not among them. */
#define BYTES(literal) slice_make(literal, sizeof(literal) - 1)

static void assert_slice(struct slice slice, struct slice expected) {
    if (!slice_equal(slice, expected)) {
        fail_msg("%zu bytes \"%.*s\", not %zu bytes \"%.*s\"", slice.length, (int)slice.length,
                 (const char *)slice.bytes, expected.length, (int)expected.length, (const char *)expected.bytes);
    }
}

static void assert_text(struct slice slice, const char *text) {
    assert_slice(slice, slice_text(text));
}

/* --- startup --- */

static struct slice startup(struct buffer *buffer, uint32_t code, struct slice body) {
    buffer_clear(buffer);
    pg_put_u32(buffer, (uint32_t)(8 + body.length));
    pg_put_u32(buffer, code);
    buffer_append_slice(buffer, body);
    return buffer_slice(buffer);
}

static void test_startup(void **state) {
    (void)state;
    struct buffer buffer = {0};
    struct pg_startup out;
    struct kmb_error error = {0};
    struct slice whole =
        startup(&buffer, PG_PROTOCOL_VERSION(3, 0), BYTES("user\0ada\0application_name\0psql\0options\0-c a=b\0\0"));
    for (size_t cut = 0; cut < whole.length; cut++) {
        assert_int_equal(pg_startup_read(slice_make(whole.bytes, cut), &out, &error), PG_READ_INCOMPLETE);
    }
    assert_int_equal(pg_startup_read(whole, &out, &error), PG_READ_WHOLE);
    assert_int_equal(out.kind, PG_STARTUP_SESSION);
    assert_int_equal(out.size, whole.length);
    assert_int_equal(out.version, PG_PROTOCOL_VERSION(3, 0));
    assert_false(out.negotiate);
    assert_text(out.user, "ada");
    assert_text(out.database, "ada");
    assert_text(out.options, "-c a=b");
    static const char *const expected[] = {"user", "ada", "application_name", "psql", "options", "-c a=b"};
    struct slice rest = out.settings;
    struct slice name;
    struct slice value;
    for (size_t i = 0; i < 3; i++) {
        assert_true(pg_startup_next(&rest, &name, &value));
        assert_text(name, expected[2 * i]);
        assert_text(value, expected[2 * i + 1]);
    }
    assert_false(pg_startup_next(&rest, &name, &value));
    whole = startup(&buffer, PG_PROTOCOL_VERSION(3, 0), BYTES("user\0ada\0database\0books\0\0"));
    assert_int_equal(pg_startup_read(whole, &out, &error), PG_READ_WHOLE);
    assert_text(out.database, "books");
    buffer_free(&buffer);
}

static void test_negotiation(void **state) {
    (void)state;
    static const struct {
        uint32_t asked;
        struct slice body;
        uint32_t spoken;
        struct slice answer; /* empty: none */
    } rows[] = {
        {PG_PROTOCOL_VERSION(3, 2), {(const uint8_t *)"user\0a\0\0", 8}, PG_PROTOCOL_VERSION(3, 2), {NULL, 0}},
        {PG_PROTOCOL_VERSION(3, 9),
         {(const uint8_t *)"user\0a\0\0", 8},
         PG_PROTOCOL_VERSION(3, 2),
         {(const uint8_t *)"v\0\0\0\14\0\3\0\2\0\0\0\0", 13}},
        {PG_PROTOCOL_VERSION(3, 0),
         {(const uint8_t *)"user\0a\0_pq_.x\0on\0y\0z\0_pq_.zz\0\0\0", 31},
         PG_PROTOCOL_VERSION(3, 0),
         {(const uint8_t *)"v\0\0\0\33\0\3\0\0\0\0\0\2_pq_.x\0_pq_.zz\0", 28}},
    };
    struct buffer buffer = {0};
    struct buffer answer = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pg_startup out;
        struct slice whole = startup(&buffer, rows[i].asked, rows[i].body);
        assert_int_equal(pg_startup_read(whole, &out, NULL), PG_READ_WHOLE);
        assert_int_equal(out.version, rows[i].spoken);
        assert_int_equal(out.negotiate, rows[i].answer.length > 0);
        if (out.negotiate) {
            buffer_clear(&answer);
            pg_write_negotiation(&answer, &out);
            assert_slice(buffer_slice(&answer), rows[i].answer);
        }
    }
    buffer_free(&buffer);
    buffer_free(&answer);
}

static void test_startup_others(void **state) {
    (void)state;
    struct pg_startup out;
    assert_int_equal(pg_startup_read(BYTES("\0\0\0\10\4\322\26\57"), &out, NULL), PG_READ_WHOLE);
    assert_int_equal(out.kind, PG_STARTUP_TLS);
    assert_int_equal(out.size, 8);
    assert_int_equal(pg_startup_read(BYTES("\0\0\0\10\4\322\26\60"), &out, NULL), PG_READ_WHOLE);
    assert_int_equal(out.kind, PG_STARTUP_GSS);
    assert_int_equal(pg_startup_read(BYTES("\0\0\0\20\4\322\26\56\0\0\0\7abcd"), &out, NULL), PG_READ_WHOLE);
    assert_int_equal(out.kind, PG_STARTUP_CANCEL);
    assert_int_equal(out.process, 7);
    assert_text(out.key, "abcd");
    assert_int_equal(pg_startup_read(BYTES("\0\0\0\23\4\322\26\56\0\0\0\7abcdefg"), &out, NULL), PG_READ_WHOLE);
    assert_text(out.key, "abcdefg");
}

static void test_startup_refused(void **state) {
    (void)state;
    static const char layout[] = "invalid startup packet layout: expected terminator as last byte";
    static const char length[] = "invalid length of startup packet";
    static const char version[] = "unsupported frontend protocol 2.0: server supports 3.0 to 3.2";
    static const struct {
        const char *bytes;
        size_t size;
        enum pg_read answer;
        enum kmb_status status;
        const char *message;
    } rows[] = {
        {"\0\0\0\7", 4, PG_READ_BROKEN, KMB_PROTOCOL, length},
        {"\0\0\0\0", 4, PG_READ_BROKEN, KMB_PROTOCOL, length},
        {"\0\0\47\25", 4, PG_READ_BROKEN, KMB_PROTOCOL, length}, /* 10,005 */
        {"GET / HTTP/1.1\r\n", 16, PG_READ_BROKEN, KMB_PROTOCOL, length},
        {"\0\0\0\11\4\322\26\57x", 9, PG_READ_BROKEN, KMB_PROTOCOL, length},
        {"\0\0\0\17\4\322\26\56\0\0\0\7abc", 15, PG_READ_BROKEN, KMB_PROTOCOL, length},
        {"\0\0\0\10\0\2\0\0", 8, PG_READ_REFUSED, KMB_UNSUPPORTED, version},
        {"\0\0\0\10\0\3\0\0", 8, PG_READ_REFUSED, KMB_PROTOCOL, layout},
        {"\0\0\0\14\0\3\0\0user", 12, PG_READ_REFUSED, KMB_PROTOCOL, layout},
        {"\0\0\0\17\0\3\0\0user\0a\0", 15, PG_READ_REFUSED, KMB_PROTOCOL, layout},
        {"\0\0\0\17\0\3\0\0user\0\0\0", 15, PG_READ_REFUSED, KMB_AUTHENTICATION,
         "no PostgreSQL user name specified in startup packet"},
        {"\0\0\0\21\0\3\0\0user\0a\0\0x", 17, PG_READ_REFUSED, KMB_PROTOCOL, layout},
        {"\0\0\0\11\0\3\0\0\0", 9, PG_READ_REFUSED, KMB_AUTHENTICATION,
         "no PostgreSQL user name specified in startup packet"},
        {"\0\0\0\20\0\3\0\0user\0\377\0\0", 16, PG_READ_REFUSED, KMB_INVALID_ENCODING,
         "invalid byte sequence for encoding \"UTF8\": 0xff"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pg_startup out;
        struct kmb_error error = {0};
        assert_int_equal(pg_startup_read(slice_make(rows[i].bytes, rows[i].size), &out, &error), rows[i].answer);
        assert_int_equal(error.status, rows[i].status);
        assert_string_equal(error.message, rows[i].message);
    }
    struct pg_startup out;
    assert_int_equal(pg_startup_read(BYTES("\0\0\47\24"), &out, NULL), PG_READ_INCOMPLETE); /* the longest */
}

/* --- frames --- */

static void test_frames(void **state) {
    (void)state;
    struct pg_frame frame;
    struct kmb_error error = {0};
    struct slice whole = BYTES("Q\0\0\0\12abcde\0S");
    for (size_t cut = 0; cut < 11; cut++) {
        assert_int_equal(pg_frame_read(slice_make(whole.bytes, cut), 100, &frame, &error), PG_READ_INCOMPLETE);
        assert_int_equal(frame.size, cut < 5 ? 0 : 11);
    }
    assert_int_equal(pg_frame_read(whole, 6, &frame, &error), PG_READ_WHOLE);
    assert_int_equal(frame.type, PG_QUERY);
    assert_int_equal(frame.size, 11);
    assert_slice(frame.body, BYTES("abcde\0"));
    assert_int_equal(pg_frame_read(whole, 5, &frame, &error), PG_READ_BROKEN);
    assert_string_equal(error.message, "invalid message length");
    assert_int_equal(pg_frame_read(BYTES("Q\0\0\0\3"), 100, &frame, &error), PG_READ_BROKEN);
    assert_int_equal(pg_frame_read(BYTES("Q\377\377\377\377"), SIZE_MAX, &frame, &error), PG_READ_BROKEN);
    assert_int_equal(pg_frame_read(BYTES("S\0\0\47\25"), SIZE_MAX, &frame, &error), PG_READ_BROKEN); /* 10,005 */
    assert_int_equal(pg_frame_read(BYTES("S\0\0\47\24"), SIZE_MAX, &frame, &error), PG_READ_INCOMPLETE);
    assert_int_equal(pg_frame_read(BYTES("p\0\1\0\4"), SIZE_MAX, &frame, &error), PG_READ_BROKEN);
    for (int type = 0; type < 256; type++) {
        uint8_t byte = (uint8_t)type;
        bool known = type != 0 && strchr("BCDEFHPQSXcdfp", type) != NULL;
        char message[64];
        snprintf(message, sizeof(message), "invalid frontend message type %d", type);
        assert_int_equal(pg_frame_read(slice_make(&byte, 1), 100, &frame, &error),
                         known ? PG_READ_INCOMPLETE : PG_READ_REFUSED);
        if (!known) {
            assert_int_equal(error.status, KMB_PROTOCOL);
            assert_string_equal(error.message, message);
        }
    }
}

/* --- messages --- */

static enum kmb_status read(enum pg_frontend type, struct slice body, struct pg_message *out, struct kmb_error *error) {
    struct pg_frame frame = {.type = type, .body = body, .size = 5 + body.length};
    return pg_message_read(&frame, out, error);
}

static void test_bind(void **state) {
    (void)state;
    struct pg_message out;
    struct slice body = BYTES("po\0st\0\0\3\0\0\0\1\0\0\0\3\0\0\0\1x\377\377\377\377\0\0\0\0\0\1\0\1");
    assert_int_equal(read(PG_BIND, body, &out, NULL), KMB_OK);
    const struct pg_bind *bind = &out.as.bind;
    assert_text(bind->portal, "po");
    assert_text(bind->statement, "st");
    assert_int_equal(bind->parameters.count, 3);
    assert_int_equal(pg_formats_code(&bind->formats, 0), PG_TEXT);
    assert_int_equal(pg_formats_code(&bind->formats, 1), PG_BINARY);
    struct slice rest = bind->parameters.bytes;
    struct slice value;
    bool is_null;
    assert_true(pg_values_next(&rest, &value, &is_null));
    assert_text(value, "x");
    assert_false(is_null);
    assert_true(pg_values_next(&rest, &value, &is_null));
    assert_true(is_null);
    assert_true(pg_values_next(&rest, &value, &is_null));
    assert_false(is_null);
    assert_int_equal(value.length, 0);
    assert_false(pg_values_next(&rest, &value, &is_null));
    assert_int_equal(bind->result_formats.count, 1);
    assert_int_equal(pg_formats_code(&bind->result_formats, 500), PG_BINARY);
    /* Whatever is cut off, it is an error. */
    for (size_t cut = 0; cut < body.length; cut++) {
        struct kmb_error error = {0};
        assert_int_equal(read(PG_BIND, slice_make(body.bytes, cut), &out, &error), KMB_PROTOCOL);
        assert_string_equal(error.message, cut < 6 ? "invalid string in message" : "insufficient data left in message");
    }
}

static void test_messages(void **state) {
    (void)state;
    struct pg_message out;
    assert_int_equal(read(PG_QUERY, BYTES("select 1\0"), &out, NULL), KMB_OK);
    assert_text(out.as.text, "select 1");
    assert_int_equal(read(PG_PARSE, BYTES("s\0select $1\0\0\2\0\0\0\27\0\0\0\0"), &out, NULL), KMB_OK);
    assert_text(out.as.parse.statement, "s");
    assert_text(out.as.parse.query, "select $1");
    assert_int_equal(out.as.parse.type_count, 2);
    assert_int_equal(pg_parse_type(&out.as.parse, 0), 23);
    assert_int_equal(pg_parse_type(&out.as.parse, 1), 0);
    assert_int_equal(read(PG_DESCRIBE, BYTES("Sst\0"), &out, NULL), KMB_OK);
    assert_false(out.as.target.portal);
    assert_text(out.as.target.name, "st");
    assert_int_equal(read(PG_CLOSE, BYTES("P\0"), &out, NULL), KMB_OK);
    assert_true(out.as.target.portal);
    assert_int_equal(out.as.target.name.length, 0);
    assert_int_equal(read(PG_EXECUTE, BYTES("p\0\0\0\1\0"), &out, NULL), KMB_OK);
    assert_text(out.as.execute.portal, "p");
    assert_int_equal(out.as.execute.row_limit, 256);
    assert_int_equal(read(PG_COPY_DATA, BYTES("a\0\377"), &out, NULL), KMB_OK);
    assert_slice(out.as.bytes, BYTES("a\0\377"));
    assert_int_equal(read(PG_COPY_FAIL, BYTES("why\0"), &out, NULL), KMB_OK);
    assert_text(out.as.text, "why");
    assert_int_equal(read(PG_FUNCTION_CALL, BYTES("\0\0\0\7\0\1\0\1\0\1\0\0\0\2hi\0\1"), &out, NULL), KMB_OK);
    assert_int_equal(out.as.function_call.function, 7);
    assert_int_equal(out.as.function_call.arguments.count, 1);
    assert_int_equal(out.as.function_call.result_format, 1);
    static const enum pg_frontend plain[] = {PG_COPY_DONE, PG_FLUSH, PG_SYNC, PG_TERMINATE};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        assert_int_equal(read(plain[i], BYTES(""), &out, NULL), KMB_OK);
        assert_int_equal(read(plain[i], BYTES("x"), &out, NULL), KMB_PROTOCOL);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        enum pg_frontend type;
        const char *bytes;
        size_t size;
        enum kmb_status status;
        const char *message;
    } rows[] = {
        {PG_QUERY, "select", 6, KMB_PROTOCOL, "invalid string in message"},
        {PG_QUERY, "", 0, KMB_PROTOCOL, "invalid string in message"},
        {PG_QUERY, "a\0b", 3, KMB_PROTOCOL, "invalid message format"},
        {PG_QUERY, "\303\50\0", 3, KMB_INVALID_ENCODING, "invalid byte sequence for encoding \"UTF8\": 0xc3 0x28"},
        {PG_DESCRIBE, "", 0, KMB_PROTOCOL, "no data left in message"},
        {PG_DESCRIBE, "Aa\0", 3, KMB_PROTOCOL, "invalid DESCRIBE message subtype 65"},
        {PG_CLOSE, "Xa\0", 3, KMB_PROTOCOL, "invalid CLOSE message subtype 88"},
        {PG_CLOSE, "S\0\0", 3, KMB_PROTOCOL, "invalid message format"},
        {PG_EXECUTE, "\0\0\0\1", 4, KMB_PROTOCOL, "insufficient data left in message"},
        {PG_PARSE, "\0\0\377\377", 4, KMB_PROTOCOL, "insufficient data left in message"},
        {PG_BIND, "\0\0\0\2\0\0\0\0\0\3", 10, KMB_PROTOCOL, "bind message has 2 parameter formats but 3 parameters"},
        {PG_BIND, "\0\0\0\1\0\2\0\1\0\0\0\0\0\0", 14, KMB_INVALID_PARAMETER, "unsupported format code: 2"},
        {PG_BIND, "\0\0\0\0\0\0\0\1\377\377", 10, KMB_INVALID_PARAMETER, "unsupported format code: -1"},
        {PG_BIND, "\0\0\0\0\0\1\377\377\377\376\0\0", 12, KMB_PROTOCOL, "insufficient data left in message"},
        {PG_BIND, "\0\0\0\0\377\377\0\0\0\0", 10, KMB_PROTOCOL, "insufficient data left in message"},
        {PG_FUNCTION_CALL, "\0\0\0\1\0\2\0\0\0\0\0\1", 12, KMB_PROTOCOL,
         "function call message contains 2 argument formats but 1 arguments"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pg_message out;
        struct kmb_error error = {0};
        assert_int_equal(read(rows[i].type, slice_make(rows[i].bytes, rows[i].size), &out, &error), rows[i].status);
        assert_string_equal(error.message, rows[i].message);
    }
}

static void test_passwords(void **state) {
    (void)state;
    struct slice password;
    struct kmb_error error = {0};
    assert_int_equal(pg_password_read(BYTES("secret\0"), &password, &error), KMB_OK);
    assert_text(password, "secret");
    assert_int_equal(pg_password_read(BYTES("secret"), &password, &error), KMB_PROTOCOL);
    assert_string_equal(error.message, "invalid password packet size");
    assert_int_equal(pg_password_read(BYTES("sec\0ret\0"), &password, &error), KMB_PROTOCOL);
    struct pg_sasl_initial initial;
    assert_int_equal(pg_sasl_initial_read(BYTES("SCRAM-SHA-256\0\0\0\0\3n,,"), &initial, &error), KMB_OK);
    assert_text(initial.mechanism, "SCRAM-SHA-256");
    assert_true(initial.has_response);
    assert_text(initial.response, "n,,");
    assert_int_equal(pg_sasl_initial_read(BYTES("X\0\377\377\377\377"), &initial, &error), KMB_OK);
    assert_false(initial.has_response);
    assert_int_equal(pg_sasl_initial_read(BYTES("X\0\0\0\0\4n,,"), &initial, &error), KMB_PROTOCOL);
    assert_int_equal(pg_sasl_initial_read(BYTES("X\0\0\0\0\2n,,"), &initial, &error), KMB_PROTOCOL);
    assert_string_equal(error.message, "invalid message format");
}

/* --- writing --- */

static void assert_written(struct buffer *buffer, struct slice expected) {
    assert_true(buffer_ok(buffer));
    assert_slice(buffer_slice(buffer), expected);
    buffer_clear(buffer);
}

static void test_written(void **state) {
    (void)state;
    struct buffer out = {0};
    static const char *const mechanisms[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", NULL};
    static const uint32_t types[] = {23, 1700};
    pg_write_plain(&out, PG_PARSE_COMPLETE);
    assert_written(&out, BYTES("1\0\0\0\4"));
    pg_write_authentication_ok(&out);
    assert_written(&out, BYTES("R\0\0\0\10\0\0\0\0"));
    pg_write_authentication_password(&out);
    assert_written(&out, BYTES("R\0\0\0\10\0\0\0\3"));
    pg_write_authentication_sasl(&out, mechanisms);
    assert_written(&out, BYTES("R\0\0\0\52\0\0\0\12SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"));
    pg_write_authentication_sasl_continue(&out, BYTES("r="));
    assert_written(&out, BYTES("R\0\0\0\12\0\0\0\13r="));
    pg_write_authentication_sasl_final(&out, BYTES("v="));
    assert_written(&out, BYTES("R\0\0\0\12\0\0\0\14v="));
    pg_write_backend_key(&out, 258, BYTES("\1\2\3\4"));
    assert_written(&out, BYTES("K\0\0\0\14\0\0\1\2\1\2\3\4"));
    pg_write_parameter_status(&out, "DateStyle", "ISO, MDY");
    assert_written(&out, BYTES("S\0\0\0\27DateStyle\0ISO, MDY\0"));
    pg_write_ready(&out, PG_IN_FAILED_BLOCK);
    assert_written(&out, BYTES("Z\0\0\0\5E"));
    pg_write_command_complete(&out, slice_text("INSERT 0 1"));
    assert_written(&out, BYTES("C\0\0\0\17INSERT 0 1\0"));
    pg_write_notification(&out, 7, slice_text("c"), slice_text("p"));
    assert_written(&out, BYTES("A\0\0\0\14\0\0\0\7c\0p\0"));
    pg_write_parameter_description(&out, types, 2);
    assert_written(&out, BYTES("t\0\0\0\16\0\2\0\0\0\27\0\0\6\244"));
    pg_write_copy_response(&out, PG_COPY_IN_RESPONSE, PG_BINARY, 2);
    assert_written(&out, BYTES("G\0\0\0\13\1\0\2\0\1\0\1"));
    pg_write_copy_data(&out, slice_text("x\n"));
    assert_written(&out, BYTES("d\0\0\0\6x\n"));
    pg_write_function_result(&out, true, slice_make(NULL, 0));
    assert_written(&out, BYTES("V\0\0\0\10\377\377\377\377"));
    pg_write_function_result(&out, false, slice_text("ab"));
    assert_written(&out, BYTES("V\0\0\0\12\0\0\0\2ab"));
    size_t start = pg_begin_row_description(&out, 1);
    pg_write_column(&out, &(struct pg_column){.name = slice_text("n"),
                                              .table = 16384,
                                              .number = 2,
                                              .type = 1043,
                                              .type_length = -1,
                                              .type_modifier = 14,
                                              .format = PG_BINARY});
    pg_end(&out, start);
    assert_written(&out, BYTES("T\0\0\0\32\0\1n\0\0\0\100\0\0\2\0\0\4\23\377\377\0\0\0\16\0\1"));
    start = pg_begin_row(&out, 3);
    pg_write_value(&out, slice_text("42"));
    pg_write_null(&out);
    pg_write_value(&out, slice_make(NULL, 0));
    pg_end(&out, start);
    assert_written(&out, BYTES("D\0\0\0\24\0\3\0\0\0\00242\377\377\377\377\0\0\0\0"));
    buffer_free(&out);
}

static void test_reports(void **state) {
    (void)state;
    struct buffer out = {0};
    struct kmb_error error = {
        .status = KMB_UNIQUE_VIOLATION, .message = "m", .detail = "d", .hint = "h", .position = 42};
    pg_write_error(&out, PG_SEVERITY_ERROR, &error);
    assert_written(&out, BYTES("E\0\0\0\47SERROR\0VERROR\0C23505\0Mm\0Dd\0Hh\0P42\0\0"));
    struct pg_report report = {.severity = PG_SEVERITY_WARNING,
                               .sqlstate = "01000",
                               .message = "w",
                               .schema = "s",
                               .table = "t",
                               .column = "c",
                               .type = "y",
                               .constraint = "n"};
    pg_write_report(&out, &report);
    assert_written(&out, BYTES("N\0\0\0\60SWARNING\0VWARNING\0C01000\0Mw\0ss\0tt\0cc\0dy\0nn\0\0"));
    pg_write_report(&out, &(struct pg_report){.severity = PG_SEVERITY_FATAL, .status = KMB_PROTOCOL});
    assert_written(&out, BYTES("E\0\0\0\34SFATAL\0VFATAL\0C08P01\0M\0\0"));
    buffer_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_startup),        cmocka_unit_test(test_negotiation),
        cmocka_unit_test(test_startup_others), cmocka_unit_test(test_startup_refused),
        cmocka_unit_test(test_frames),         cmocka_unit_test(test_bind),
        cmocka_unit_test(test_messages),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_passwords),      cmocka_unit_test(test_written),
        cmocka_unit_test(test_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
