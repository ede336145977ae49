/*
 * Records of text: each format's rules, the place of what is wrong, and what is written read back. Every text is read
 * whole and in pieces of one, two and three bytes, which must come to the same.
 */
#include "types/record.h"

#include "base/status.h"
#include "support.h"

struct source {
    const char *text;
    size_t left;
    size_t piece;
};

static enum kmb_status give(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    struct source *source = context;
    (void)error;
    *count = source->left < source->piece ? source->left : source->piece;
    *count = *count < size ? *count : size;
    memcpy(bytes, source->text, *count);
    source->text += *count;
    source->left -= *count;
    return KMB_OK;
}

/* All of it as a text: fields in brackets, NULL as ~, the line in front, the error or "end" last. */
static void read_as(const struct record_format *format, const char *text, size_t piece, struct buffer *out) {
    static struct record_reader reader;
    struct source source = {.text = text, .left = strlen(text), .piece = piece};
    struct kmb_error error = {0};
    enum kmb_status status;
    record_reader_init(&reader, format, give, &source);
    while ((status = record_next(&reader, &error)) == KMB_ROW) {
        buffer_printf(out, "%llu", (unsigned long long)reader.line);
        for (uint32_t i = 0; i < reader.field_count; i++) {
            struct slice field = record_field_text(&reader, i);
            buffer_append_text(out, reader.fields[i].null ? "~" : "[");
            if (!reader.fields[i].null) {
                buffer_append_slice(out, field);
                buffer_append_text(out, "]");
            }
        }
        buffer_append_text(out, " ");
    }
    if (status == KMB_DONE) {
        buffer_append_text(out, "end");
    } else {
        buffer_printf(out, "%llu-%llu %s %s", (unsigned long long)reader.line, (unsigned long long)reader.line_last,
                      status_row_of(status)->sqlstate, error.message);
    }
    record_reader_free(&reader);
}

static void assert_read(int line, struct record_format format, const char *text, const char *expected) {
    for (size_t piece = 0; piece < 4; piece++) {
        struct buffer out = {0};
        read_as(&format, text, piece == 0 ? SIZE_MAX : piece, &out);
        if (strcmp(buffer_text(&out), expected) != 0) {
            fail_msg("line %d, pieces of %zu: \"%s\", expected \"%s\"", line, piece, buffer_text(&out), expected);
        }
        buffer_free(&out);
    }
}
#define READ(format, text, expected) assert_read(__LINE__, format, text, expected)

static void text_records(void **state) {
    (void)state;
    struct record_format text = record_format_text();
    READ(text, "", "end");
    READ(text, "a\tb\n\t\n", "1[a][b] 2[][] end");
    READ(text, "a", "1[a] end");
    READ(text, "\n\n", "1[] 2[] end");
    READ(text, "\\N\t\\\\N\tN\n", "1~[\\N][N] end");
    READ(text, "\\b\\f\\n\\r\\t\\v\\q\\\\\n", "1[\b\f\n\r\t\vq\\] end");
    READ(text, "\\101\\60\\0601\\x4a\\x4a4\\xg\\x\n", "1[A001JJ4xgx] end");
    READ(text, "a\\\tb\tc\\\nd\n", "1[a\tb][c\nd] end");
    READ(text, "a\n\\.\nb\n", "1[a] end");
    READ(text, "a\n\\.", "1[a] end");
    READ(text, "a\n\\.b\n", "1[a] 2-2 22P04 end-of-copy marker corrupt");
    READ(text, "a\r\nb\r\n", "1[a] 2[b] end");
    READ(text, "a\rb\r", "1[a] 2[b] end");
    READ(text, "a\nb\rc\n", "1[a] 2-2 22P04 literal carriage return found in data");
    READ(text, "a\r\nb\nc\r\n", "1[a] 2-2 22P04 literal newline found in data");
    READ(text, "a\nb\\xff\n", "1[a] 2-2 22021 invalid byte sequence for encoding \"UTF8\": 0xff");
    READ(text, "a\\", "1[a] end");
    text.delimiter = '|';
    text.null_text = slice_text("");
    READ(text, "a|\\||\n", "1[a][|]~ end");
}

static void csv_records(void **state) {
    (void)state;
    struct record_format csv = record_format_csv();
    READ(csv, "a,b\n,\"\"\n", "1[a][b] 2~[] end");
    /* As in PostgreSQL, a newline in quotes counts once it is known that lines end in newlines. */
    READ(csv, "\"a,\"\"b\"\"\nc\",d\ne\n", "1[a,\"b\"\nc][d] 2[e] end");
    READ(csv, "x\n\"a,\"\"b\"\"\nc\",d\ne\n", "1[x] 2[a,\"b\"\nc][d] 4[e] end");
    READ(csv, "a\"b,c\"d,e\"\"f\n", "1[ab,cd][ef] end");
    READ(csv, "\n", "1~ end");
    READ(csv, "a\n\\.\nb\n", "1[a] end");
    READ(csv, "\\.x\n", "1[\\.x] end");
    READ(csv, "a\n\"b\nc", "1[a] 2-3 22P04 unterminated CSV quoted field");
    READ(csv, "a\nb\rc\n", "1[a] 2-2 22P04 unquoted carriage return found in data");
    csv.escape = '\\';
    READ(csv, "\"a\\\"b\\\\\",\"c\\d\"\n", "1[a\"b\\][c\\d] end");
    csv = record_format_csv();
    bool values[3] = {true, false, false};
    bool nulls[3] = {false, true, false};
    csv.forced_value = values;
    csv.force_null = nulls;
    csv.forced_count = 3;
    READ(csv, ",\"\",\"\",,\n", "1[]~[]~~ end");
    csv.null_text = slice_text("NA");
    READ(csv, "NA,\"NA\",\"NA\",NA\n", "1[NA]~[NA]~ end");
}

static void spreadsheets(void **state) {
    (void)state;
    struct record_format csv = record_format_spreadsheet();
    READ(csv,
         "\xef\xbb\xbf"
         "a,b\r\n\r\n\nc,\"d\"\n",
         "1[a][b] 4[c][d] end");
    READ(csv, "5\" disk,it's\n", "1[5\" disk][it's] end");
    READ(csv, "\"a\nb\"\r\nc\n", "1[a\nb] 3[c] end");
    READ(csv, "a,\"b\"c\n", "1-1 22P04 field 2: text stands after the closing quote");
    READ(csv, "a,b\rc\n",
         "1-1 22P04 field 2: a carriage return stands in a field without quotes; lines end with "
         "newlines");
    READ(csv, "a\n\"b\n", "1[a] 2-3 22P04 field 1: the quoted field does not end");
    READ(csv, "\\.\n", "1[\\.] end");
}

static const char *written(struct record_format format, const char *text, bool forced, bool alone, struct buffer *out) {
    buffer_clear(out);
    record_append(out, &format, text, text == NULL ? 0 : strlen(text), forced, alone);
    return buffer_text(out);
}

static void writing(void **state) {
    (void)state;
    struct buffer out = {0};
    struct record_format text = record_format_text();
    struct record_format csv = record_format_csv();
    assert_string_equal(written(text, NULL, false, false, &out), "\\N");
    assert_string_equal(written(text, "\\N", false, false, &out), "\\\\N");
    assert_string_equal(written(text, "a\tb\b\f\n\r\v", false, false, &out), "a\\tb\\b\\f\\n\\r\\v");
    text.delimiter = '|';
    assert_string_equal(written(text, "a|b", false, false, &out), "a\\|b");
    assert_string_equal(written(csv, NULL, true, false, &out), "");
    assert_string_equal(written(csv, "", false, false, &out), "\"\"");
    assert_string_equal(written(csv, "a b", false, false, &out), "a b");
    assert_string_equal(written(csv, "a b", true, false, &out), "\"a b\"");
    assert_string_equal(written(csv, "a,\"b\"", false, false, &out), "\"a,\"\"b\"\"\"");
    assert_string_equal(written(csv, "\\.", false, false, &out), "\\.");
    assert_string_equal(written(csv, "\\.", false, true, &out), "\"\\.\"");
    csv.escape = '\\';
    assert_string_equal(written(csv, "\"\\", false, false, &out), "\"\\\"\\\\\"");
    buffer_free(&out);
}

/* What is written in a format reads back as it was. */
static void there_and_back(void **state) {
    (void)state;
    static const char letters[] = "ab,;\"\\\n\r\tN.x01'\x7f";
    struct record_format formats[4] = {record_format_text(), record_format_csv(), record_format_csv(),
                                       record_format_text()};
    formats[2].escape = '\\';
    formats[2].delimiter = ';';
    formats[2].null_text = slice_text("N");
    formats[3].delimiter = ',';
    for (int round = 0; round < 20000; round++) {
        static struct record_reader reader;
        const struct record_format *format = &formats[round % 4];
        struct buffer line = {0};
        char fields[3][8];
        bool null[3];
        uint32_t count = 1 + (uint32_t)(test_random() % 3);
        for (uint32_t i = 0; i < count; i++) {
            size_t length = (size_t)(test_random() % sizeof(fields[0]));
            for (size_t k = 0; k < length; k++) {
                fields[i][k] = letters[test_random() % (sizeof(letters) - 1)];
            }
            fields[i][length] = 0;
            null[i] = test_random() % 8 == 0;
            if (i > 0) {
                buffer_append_byte(&line, format->delimiter);
            }
            record_append(&line, format, null[i] ? NULL : fields[i], length, test_random() % 4 == 0, count == 1);
        }
        buffer_append_byte(&line, '\n');
        struct source source = {.text = (const char *)line.bytes, .left = line.length, .piece = SIZE_MAX};
        record_reader_init(&reader, format, give, &source);
        assert_int_equal(record_next(&reader, NULL), KMB_ROW);
        assert_int_equal(reader.field_count, count);
        for (uint32_t i = 0; i < count; i++) {
            /* a CSV NULL is not quoted, whatever is forced */
            assert_int_equal(reader.fields[i].null, null[i]);
            assert_true(null[i] || slice_equal_text(record_field_text(&reader, i), fields[i]));
        }
        assert_int_equal(record_next(&reader, NULL), KMB_DONE);
        record_reader_free(&reader);
        buffer_free(&line);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_records), cmocka_unit_test(csv_records),    cmocka_unit_test(spreadsheets),
        cmocka_unit_test(writing),      cmocka_unit_test(there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
