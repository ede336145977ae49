/* COPY in binary format: the bytes that PostgreSQL 15 writes, read and written; and bytes that it refuses. */
#include "box.h"

/* What is given to COPY FROM, and what COPY TO wrote. */
struct bytes {
    unsigned char bytes[16384];
    size_t length;
    size_t at;
    size_t piece;
};

static enum kmb_status give(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    (void)error;
    struct bytes *given = context;
    size_t left = given->length - given->at;
    *count = left < given->piece ? left : given->piece;
    *count = *count < size ? *count : size;
    memcpy(bytes, given->bytes + given->at, *count);
    given->at += *count;
    return KMB_OK;
}

static enum kmb_status take(void *context, const void *bytes, size_t length, struct kmb_error *error) {
    (void)error;
    struct bytes *taken = context;
    assert_true(length <= sizeof(taken->bytes) - taken->length);
    memcpy(taken->bytes + taken->length, bytes, length);
    taken->length += length;
    return KMB_OK;
}

static enum kmb_status copy(kmb_session *session, const char *sql, struct bytes *bytes, struct kmb_error *why) {
    kmb_statement *statement = NULL;
    MUST(kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error));
    if (kmb_statement_copy(statement) == KMB_COPY_IN) {
        MUST(kmb_copy_from(statement, give, bytes, &error));
    } else {
        MUST(kmb_copy_to(statement, take, bytes, &error));
    }
    enum kmb_status status = kmb_step(statement, why);
    kmb_finalize(statement);
    return status;
}

static void append(struct bytes *bytes, const void *more, size_t length) {
    assert_true(length <= sizeof(bytes->bytes) - bytes->length);
    memcpy(bytes->bytes + bytes->length, more, length);
    bytes->length += length;
}

static void append_file(struct bytes *bytes, const char *folder, const char *name) {
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    bytes->length += fread(bytes->bytes + bytes->length, 1, sizeof(bytes->bytes) - bytes->length, file);
    assert_true(feof(file));
    fclose(file);
}

static const char *golden_folder;

static char *read_text(const char *name) {
    static char text[16384];
    struct bytes bytes = {.length = 0};
    append_file(&bytes, golden_folder, name);
    assert_true(bytes.length < sizeof(text));
    memcpy(text, bytes.bytes, bytes.length);
    text[bytes.length] = 0;
    return text;
}

/* A table of every type, made by the same statements in PostgreSQL, whose COPY wrote the file. */
static void recorded(void **state) {
    struct box *box = *state;
    struct bytes golden = {.piece = 100};
    MUST(kmb_exec(box->one, read_text("every.sql"), &error));
    append_file(&golden, golden_folder, "every.bin");
    struct bytes taken = {.length = 0};
    assert_int_equal(copy(box->one, "COPY every TO STDOUT (FORMAT binary)", &taken, NULL), KMB_DONE);
    assert_int_equal(taken.length, golden.length);
    assert_memory_equal(taken.bytes, golden.bytes, golden.length);
    /* Read into an empty table of the same columns, in pieces of every size, it is the same again. */
    MUST(kmb_exec(box->one, "CREATE TABLE again AS SELECT * FROM every LIMIT 0", &error));
    for (size_t piece = 1; piece < 40; piece += 6) {
        golden.at = 0;
        golden.piece = piece;
        MUST(kmb_exec(box->one, "DELETE FROM again", &error));
        struct kmb_error why = {0};
        if (copy(box->one, "COPY again FROM STDIN BINARY", &golden, &why) != KMB_DONE) {
            fail_msg("%s %s", why.message, why.detail);
        }
        taken.length = 0;
        assert_int_equal(copy(box->one, "COPY (SELECT * FROM again) TO STDOUT BINARY", &taken, NULL), KMB_DONE);
        assert_int_equal(taken.length, golden.length);
        assert_memory_equal(taken.bytes, golden.bytes, golden.length);
    }
}

#define SIGNATURE "PGCOPY\n\377\r\n\0"
#define HEADER    SIGNATURE "\0\0\0\0\0\0\0\0"
#define GOOD      "\0\3\0\0\0\4\0\0\0\1\0\0\0\2ab\0\0\0\12\0\1\0\0\0\0\0\0\0\1"

static void refused(void **state) {
    struct box *box = *state;
    static const struct {
        const char *bytes;
        size_t length;
        enum kmb_status status;
        const char *message;
        const char *context;
        const char *detail;
    } rows[] = {
#define DETAILED(bytes, ...) {bytes, sizeof(bytes) - 1, __VA_ARGS__}
#define ROW(bytes, ...)      DETAILED(bytes, __VA_ARGS__, "")
        ROW("", KMB_BAD_COPY_FORMAT, "COPY file signature not recognized", ""),
        ROW("PGC", KMB_BAD_COPY_FORMAT, "COPY file signature not recognized", ""),
        ROW("PGCOPX\n\377\r\n\0\0\0\0\0\0\0\0\0", KMB_BAD_COPY_FORMAT, "COPY file signature not recognized", ""),
        ROW(SIGNATURE "\0", KMB_BAD_COPY_FORMAT, "invalid COPY file header (missing flags)", ""),
        ROW(SIGNATURE "\0\1\0\0\0\0\0\0", KMB_BAD_COPY_FORMAT, "invalid COPY file header (WITH OIDS)", ""),
        ROW(SIGNATURE "\0\2\0\0\0\0\0\0", KMB_BAD_COPY_FORMAT, "unrecognized critical flags in COPY file header", ""),
        ROW(SIGNATURE "\0\0\0\0\0\0", KMB_BAD_COPY_FORMAT, "invalid COPY file header (missing length)", ""),
        ROW(SIGNATURE "\0\0\0\0\377\377\377\377", KMB_BAD_COPY_FORMAT, "invalid COPY file header (missing length)", ""),
        ROW(SIGNATURE "\0\0\0\0\0\0\0\5ab", KMB_BAD_COPY_FORMAT, "invalid COPY file header (wrong length)", ""),
        ROW(HEADER "\0\2\0\0\0\4\0\0\0\1\0\0\0\1x", KMB_BAD_COPY_FORMAT, "row field count is 2, expected 3",
            "COPY b, line 1"),
        ROW(HEADER "\377\376", KMB_BAD_COPY_FORMAT, "row field count is -2, expected 3", "COPY b, line 1"),
        ROW(HEADER "\377\377x", KMB_BAD_COPY_FORMAT, "received copy data after EOF marker", "COPY b, line 1"),
        ROW(HEADER "\0\3\0\0\0\4\0\0", KMB_BAD_COPY_FORMAT, "unexpected EOF in COPY data", "COPY b, line 1, column a"),
        ROW(HEADER "\0\3\0\0", KMB_BAD_COPY_FORMAT, "unexpected EOF in COPY data", "COPY b, line 1, column a"),
        ROW(HEADER "\0\3\377\377\377\376", KMB_BAD_COPY_FORMAT, "invalid field size", "COPY b, line 1, column a"),
        ROW(HEADER "\0\3\177\377\377\377", KMB_LIMIT, "the field is longer than 67108864 bytes",
            "COPY b, line 1, column a"),
        ROW(HEADER GOOD "\0\3\0\0\0\5\0\0\0\1x", KMB_INVALID_BINARY, "incorrect binary data format",
            "COPY b, line 2, column a"),
        ROW(HEADER GOOD "\0\3\0\0\0\3\0\0\1", KMB_PROTOCOL, "insufficient data left in message",
            "COPY b, line 2, column a"),
        ROW(HEADER GOOD GOOD "\0\3\0\0\0\4\0\0\0\1\0\0\0\1\377", KMB_INVALID_ENCODING,
            "invalid byte sequence for encoding \"UTF8\": 0xff", "COPY b, line 3, column t"),
        DETAILED(HEADER "\0\3\0\0\0\4\0\0\0\1\0\0\0\0\0\0\0\12\0\1\0\1\0\0\0\0\0\1", KMB_NUMERIC_OUT_OF_RANGE,
                 "numeric field overflow", "COPY b, line 1, column n",
                 "A field with precision 5, scale 2 must round to an absolute value less than 10^3."),
        DETAILED(HEADER "\0\3\377\377\377\377\377\377\377\377\377\377\377\377", KMB_NOT_NULL_VIOLATION,
                 "null value in column \"a\" of relation \"b\" violates not-null constraint", "COPY b, line 1",
                 "Failing row contains (null, null, null)."),
    };
    MUST(kmb_exec(box->one, "CREATE TABLE b (a int NOT NULL, t text, n numeric(5,2))", &error));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bytes given = {.piece = 7};
        struct kmb_error why = {0};
        append(&given, rows[i].bytes, rows[i].length);
        enum kmb_status status = copy(box->one, "COPY b FROM STDIN (FORMAT binary)", &given, &why);
        if (status != rows[i].status || strcmp(why.message, rows[i].message) != 0 ||
            strcmp(why.context, rows[i].context) != 0 || strcmp(why.detail, rows[i].detail) != 0) {
            fail_msg("row %zu: %d %s (%s, %s)", i, (int)status, why.message, why.detail, why.context);
        }
    }
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM b"), 0);
    /* The end mark may be missing, and flags that are not critical and extensions are passed over. */
    static const char *const good[] = {HEADER GOOD, HEADER GOOD "\377\377", SIGNATURE "\0\0\0\1\0\0\0\2ab" GOOD};
    static const size_t lengths[] = {sizeof(HEADER GOOD) - 1, sizeof(HEADER GOOD) + 1,
                                     sizeof(SIGNATURE "\0\0\0\1\0\0\0\2ab" GOOD) - 1};
    for (size_t i = 0; i < 3; i++) {
        struct bytes given = {.piece = 5};
        append(&given, good[i], lengths[i]);
        assert_int_equal(copy(box->one, "COPY b FROM STDIN (FORMAT binary)", &given, NULL), KMB_DONE);
        assert_int_equal(ASK(box->one, "SELECT count(*) FROM b"), (int)i + 1);
    }
}

static void options(void **state) {
    struct box *box = *state;
    static const struct {
        const char *sql;
        enum kmb_status status;
        const char *message;
    } rows[] = {
        {"COPY b FROM STDIN (FORMAT binary, DELIMITER ',')", KMB_SYNTAX, "cannot specify DELIMITER in BINARY mode"},
        {"COPY b TO STDOUT BINARY NULL 'x'", KMB_SYNTAX, "cannot specify NULL in BINARY mode"},
        {"COPY b TO STDOUT (FORMAT binary, HEADER)", KMB_UNSUPPORTED, "cannot specify HEADER in BINARY mode"},
        {"COPY b TO STDOUT (FORMAT binary, QUOTE '\"')", KMB_UNSUPPORTED, "COPY quote available only in CSV mode"},
        {"COPY b TO STDOUT (FORMAT binary, FORCE_QUOTE *)", KMB_UNSUPPORTED,
         "COPY force quote available only in CSV mode"},
    };
    MUST(kmb_exec(box->one, "CREATE TABLE b (a int)", &error));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kmb_error why = {0};
        kmb_statement *statement = NULL;
        assert_int_equal(kmb_prepare(box->one, rows[i].sql, strlen(rows[i].sql), &statement, NULL, &why),
                         rows[i].status);
        assert_string_equal(why.message, rows[i].message);
    }
    /* An empty table has a header and an end all the same. */
    struct bytes taken = {.length = 0};
    assert_int_equal(copy(box->one, "COPY b TO STDOUT (FORMAT binary, HEADER false)", &taken, NULL), KMB_DONE);
    assert_int_equal(taken.length, sizeof(HEADER) + 1);
    assert_memory_equal(taken.bytes, HEADER "\377\377", taken.length);
}

int main(int argc, char **argv) {
    golden_folder = argc > 1 ? argv[1] : "tests/golden/copy";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(recorded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
