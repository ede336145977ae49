/* TOML: what the specification's cases accept and what they refuse, values with their types, places in the document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "server/toml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void print_text(struct buffer *out, struct slice text) {
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < ' ' || text.bytes[i] == '"' || text.bytes[i] == '\\') {
            buffer_printf(out, "\\%02x", text.bytes[i]);
        } else {
            buffer_append_byte(out, text.bytes[i]);
        }
    }
    buffer_append_byte(out, '"');
}

/* A value in one line: tables {k:v}, arrays [v], kinds by letters. */
static void print(struct buffer *out, const struct toml_value *value) {
    bool first = true;
    switch (value->kind) {
    case TOML_TABLE:
    case TOML_ARRAY:
        buffer_append_byte(out, value->kind == TOML_TABLE ? '{' : '[');
        for (const struct toml_value *member = value->first; member != NULL; member = member->next) {
            buffer_append_text(out, first ? "" : ",");
            first = false;
            if (value->kind == TOML_TABLE) {
                print_text(out, member->key);
                buffer_append_byte(out, ':');
            }
            print(out, member);
        }
        buffer_append_byte(out, value->kind == TOML_TABLE ? '}' : ']');
        return;
    case TOML_TEXT:
        print_text(out, value->text);
        return;
    case TOML_INTEGER:
        buffer_printf(out, "%lld", (long long)value->integer);
        return;
    case TOML_FLOAT:
        buffer_printf(out, "f%.17g", value->real);
        return;
    case TOML_BOOLEAN:
        buffer_append_text(out, value->boolean ? "true" : "false");
        return;
    case TOML_MOMENT:
    case TOML_LOCAL_MOMENT:
    case TOML_DATE:
    case TOML_TIME:
        buffer_append_byte(out, (uint8_t) "mldt"[value->kind - TOML_MOMENT]);
        buffer_append_slice(out, value->text);
        return;
    }
}

static void reads(const char *document, const char *expected) {
    struct arena arena;
    struct toml_value *root = NULL;
    struct kmb_error error = {0};
    struct buffer out = {0};
    arena_init(&arena, 0);
    if (toml_parse(slice_text(document), &arena, &root, &error) != KMB_OK) {
        fail_msg("%s\n---\n%s", error.message, document);
    }
    print(&out, root);
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
    arena_free(&arena);
}

static void refuses(const char *document, const char *message) {
    struct arena arena;
    struct toml_value *root = NULL;
    struct kmb_error error = {0};
    arena_init(&arena, 0);
    if (toml_parse(slice_text(document), &arena, &root, &error) != KMB_CONFIG) {
        fail_msg("accepted:\n%s", document);
    }
    assert_null(root);
    if (message != NULL) {
        assert_string_equal(error.message, message);
    }
    arena_free(&arena);
}

static void keys(void **state) {
    (void)state;
    reads("", "{}");
    reads("# only this\n\n\t \r\n", "{}");
    reads("a=1\nb-_1 = 2\n1234 = 3", "{\"a\":1,\"b-_1\":2,\"1234\":3}");
    reads("\"a b\" = 1\n'c\"d' = 2\n\"\" = 3\n\"\\u00e9\"=4", "{\"a b\":1,\"c\\22d\":2,\"\":3,\"\xc3\xa9\":4}");
    reads("a.b = 1\na . c = 2\n\"a\".'d'.e = 3", "{\"a\":{\"b\":1,\"c\":2,\"d\":{\"e\":3}}}");
    reads("3.14 = 'pi'", "{\"3\":{\"14\":\"pi\"}}");
    reads("true = 1\ninf = 2\n2026-01-31 = 3", "{\"true\":1,\"inf\":2,\"2026-01-31\":3}");
    refuses("= 1", "line 1: a key is missing: letters, digits, _ and -, or a text in quotes");
    refuses("\n\na", "line 3: \"=\" and a value are missing behind a");
    refuses("a = ", "line 1: a value is missing");
    refuses("a = 1\na = 2", "line 2: a stands in the file twice, first on line 1");
    refuses("a = 1\n\"a\" = 2", NULL);
    refuses("a.b = 1\na = 2", NULL);
    refuses("a = 1\na.b = 2", NULL);
    refuses("a = 1 b = 2", "line 1: nothing may follow a value on its line");
    refuses("a. = 1", NULL);
    refuses(".a = 1", NULL);
    refuses("a b = 1", NULL);
    refuses("\"\"\"a\"\"\" = 1", NULL);
    refuses("\xc3\xa9 = 1", NULL);
    refuses("a\n= 1", NULL);
    refuses("a = 1 # \x01", NULL);
}

static void texts(void **state) {
    (void)state;
    reads("a = \"x\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\U0001F600\"",
          "{\"a\":\"x\\08\\09\\0a\\0c\\0d\\22\\5c\xc3\xa9\xf0\x9f\x98\x80\"}");
    reads("a = 'C:\\x\\n'\nb = ''", "{\"a\":\"C:\\5cx\\5cn\",\"b\":\"\"}");
    reads("a = \"\"\"\nx\r\ny\\\n   \n  z\"\"\"", "{\"a\":\"x\\0ayz\"}");
    reads("a = \"\"\"x\"\"y\"\"\"\"\"", "{\"a\":\"x\\22\\22y\\22\\22\"}");
    reads("a = '''\n'x' ''y'''''", "{\"a\":\"'x' ''y''\"}");
    reads("a = \"\"\"x \\   \n y\"\"\"", "{\"a\":\"x y\"}");
    reads("a = \"# no comment\" # one", "{\"a\":\"# no comment\"}");
    refuses("a = \"x", "line 1: a text does not end on its line");
    refuses("a = \"x\ny\"", NULL);
    refuses("a = \"\\q\"",
            "line 1: a text holds a backslash before what is no escape; write \\\\, or the text in single quotes");
    refuses("a = \"\\ud800\"", "line 1: U+D800 is no character");
    refuses("a = \"\\U00110000\"", NULL);
    refuses("a = \"\\u12\"", "line 1: a character by number takes 4 hexadecimal digits");
    refuses("a = \"x\x01y\"", "line 1: a text holds a control character");
    refuses("a = 'x\x7fy'", NULL);
    refuses("a = \"\"\"x\n\n", "line 3: a text does not end");
    refuses("a = \"\"\"x\"\"\"\"\"\"", NULL);
    refuses("a = \"\"\"\\ x\"\"\"", NULL);
    refuses("a = '''x", NULL);
    refuses("a = \"\"\"\rx\"\"\"", NULL);
    refuses("a = 'x\xff'", "line 1: byte 0xff is no UTF-8");
    refuses("a = text", "line 1: \"text\" is no value; a text stands in quotes");
}

static void numbers(void **state) {
    (void)state;
    reads("a=+99\nb=-17\nc=-0\nd=1_000\ne=9223372036854775807\nf=-9223372036854775808",
          "{\"a\":99,\"b\":-17,\"c\":0,\"d\":1000,\"e\":9223372036854775807,\"f\":-9223372036854775808}");
    reads("a=0xDEAD_beef\nb=0o755\nc=0b1101\nd=0x00", "{\"a\":3735928559,\"b\":493,\"c\":13,\"d\":0}");
    reads(
        "a=1.5\nb=-0.01\nc=5e+22\nd=1e06\ne=-2E-2\nf=6.5e-1\ng=1_0.2_5",
        "{\"a\":f1.5,\"b\":f-0.01,\"c\":f4.9999999999999996e+22,\"d\":f1000000,\"e\":f-0.02,\"f\":f0.65000000000000002,"
        "\"g\":f10.25}");
    reads("a=inf\nb=+inf\nc=-inf", "{\"a\":finf,\"b\":finf,\"c\":f-inf}");
    reads("a=true\nb=false", "{\"a\":true,\"b\":false}");
    static const char *const bad[] = {"01",
                                      "-01",
                                      "1__0",
                                      "_1",
                                      "1_",
                                      "0x",
                                      "0x_1",
                                      "0x1_",
                                      "+0x1",
                                      "0X1",
                                      "0o8",
                                      "0b2",
                                      "1.",
                                      ".5",
                                      "1.e5",
                                      "1e",
                                      "1e_1",
                                      "1_.5",
                                      "1._5",
                                      "00.5",
                                      "++1",
                                      "1-1",
                                      "True",
                                      "TRUE",
                                      "Inf",
                                      "NaN",
                                      "+",
                                      "-",
                                      "1e1.5",
                                      "0xg",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "0x8000000000000000",
                                      "1,5"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        char document[64];
        snprintf(document, sizeof(document), "a = %s\n", bad[i]);
        refuses(document, NULL);
    }
    refuses("a = 9223372036854775808", "line 1: the number 9223372036854775808 does not fit 64 bits");
}

static void moments(void **state) {
    (void)state;
    reads("a=1979-05-27T07:32:00Z\nb=1979-05-27 00:32:00.999999-07:00\nc=1979-05-27t07:32:00z",
          "{\"a\":m1979-05-27T07:32:00Z,\"b\":m1979-05-27 00:32:00.999999-07:00,\"c\":m1979-05-27t07:32:00z}");
    reads("a=1979-05-27T07:32:00.5\nb=2024-02-29\nc=07:32:00\nd=23:59:60.1",
          "{\"a\":l1979-05-27T07:32:00.5,\"b\":d2024-02-29,\"c\":t07:32:00,\"d\":t23:59:60.1}");
    reads("a=[1979-05-27, 07:32:00]", "{\"a\":[d1979-05-27,t07:32:00]}");
    static const char *const bad[] = {"2023-02-29",
                                      "2100-02-29",
                                      "2023-13-01",
                                      "2023-00-01",
                                      "2023-04-31",
                                      "2023-1-01",
                                      "23-01-01",
                                      "2023-01-01T",
                                      "2023-01-01T24:00:00",
                                      "2023-01-01T10:60:00",
                                      "2023-01-01T10:00",
                                      "2023-01-01T10:00:61",
                                      "10:00",
                                      "10:00:00.",
                                      "2023-01-01T10:00:00+25:00",
                                      "2023-01-01T10:00:00+01:60",
                                      "2023-01-01T10:00:00+0100",
                                      "2023-01-01x",
                                      "2023-01-01T10:00:00ZZ",
                                      "24:00:00",
                                      "1:00:00"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        char document[64];
        snprintf(document, sizeof(document), "a = %s\n", bad[i]);
        refuses(document, NULL);
    }
}

static void arrays_and_inline_tables(void **state) {
    (void)state;
    reads("a=[]\nb=[1,'x',[2.5,],]\nc=[ # one\n1 # two\n, # three\n2\n]",
          "{\"a\":[],\"b\":[1,\"x\",[f2.5]],\"c\":[1,2]}");
    reads("a={}\nb={x=1,y.z=2, y.w = {v=[1]}}", "{\"a\":{},\"b\":{\"x\":1,\"y\":{\"z\":2,\"w\":{\"v\":[1]}}}}");
    reads("a=[{b=1},{b=2}]", "{\"a\":[{\"b\":1},{\"b\":2}]}");
    refuses("a=[1,,2]", NULL);
    refuses("a=[,1]", NULL);
    refuses("a=[1 2]", "line 1: an array's members are separated by commas and end with \"]\"");
    refuses("a=[1", NULL);
    refuses("a=[\n", NULL);
    refuses("a={b=1,}", NULL);
    refuses("a={b=1\n}", NULL);
    refuses("a={b=1 c=2}", NULL);
    refuses("a={b=1,b=2}", NULL);
    refuses("a={b=1}\na.c=2", NULL);
    refuses("a={b=1}\n[a]", NULL);
    refuses("a={b=1}\n[a.c]", NULL);
    refuses("a={b={c=1}, b.d=2}", NULL);
    refuses("a={b.c=1, b={d=2}}", NULL);
    refuses("a=[{b=1}]\n[[a]]", NULL);
    refuses("a={,}", NULL);
    refuses("a={", NULL);
}

static void headers(void **state) {
    (void)state;
    reads("[a]\nb=1\n[ c . \"d e\" ] # here\nf=2\n[c]\ng=3", "{\"a\":{\"b\":1},\"c\":{\"d e\":{\"f\":2},\"g\":3}}");
    reads("[[a]]\nb=1\n[a.c]\nd=2\n[[a]]\n[[a.e]]\n[[a.e]]\nf=3",
          "{\"a\":[{\"b\":1,\"c\":{\"d\":2}},{\"e\":[{},{\"f\":3}]}]}");
    reads("[f]\na.c=1\na.t.s=true\n[f.a.x]\ny=2", "{\"f\":{\"a\":{\"c\":1,\"t\":{\"s\":true},\"x\":{\"y\":2}}}}");
    reads("[a.b.c]\nx=1\n[a]\ny=2\nb.z=3", "{\"a\":{\"b\":{\"c\":{\"x\":1},\"z\":3},\"y\":2}}");
    refuses("[a]\n[a]", "line 2: a stands in the file twice, first on line 1");
    refuses("[a]\nb=1\n[a.b]", NULL);
    refuses("[a.b]\n[a]\n[a]", NULL);
    refuses("[a]\nb.c=1\n[a.b]", NULL);
    refuses("[a]\nb.c=1\n[a.b.c]", NULL);
    refuses("[a.b.c]\nz=9\n[a]\nb.c.t='x'", NULL);
    refuses("[a.b.c.d]\nz=9\n[a]\nb.c.d.k.t='x'", NULL);
    refuses("[[a]]\n[a]", NULL);
    refuses("[a]\n[[a]]", NULL);
    refuses("[a.b]\n[[a]]", NULL);
    refuses("a=[]\n[[a]]", NULL);
    refuses("[[a.b]]\n[a]\nb.c=1", NULL);
    refuses("[]", NULL);
    refuses("[a", "line 1: a header ends with \"]\"");
    refuses("[[a]", "line 1: a header ends with \"]]\"");
    refuses("[ [a]]", NULL);
    refuses("[a]]", NULL);
    refuses("[a] b=1", "line 1: nothing may follow a header on its line");
    refuses("[a..b]", NULL);
    refuses("[a]\rb=1", NULL);
}

static void places(void **state) {
    (void)state;
    static const char document[] = "a = 1\n\n[ b ] # x\nc =  \"y\"  # z\nd = [1,\n 2]\n";
    struct arena arena;
    struct toml_value *root = NULL;
    arena_init(&arena, 0);
    assert_int_equal(toml_parse(slice_text(document), &arena, &root, NULL), KMB_OK);
    const struct toml_value *table = toml_member(root, slice_text("b"));
    const struct toml_value *text = toml_member(table, slice_text("c"));
    const struct toml_value *array = toml_member(table, slice_text("d"));
    assert_int_equal(table->line, 3);
    assert_memory_equal(document + table->begin, "[ b ]", table->end - table->begin);
    assert_int_equal(text->line, 4);
    assert_memory_equal(document + text->begin, "\"y\"", text->end - text->begin);
    assert_int_equal(array->line, 5);
    assert_memory_equal(document + array->begin, "[1,\n 2]", array->end - array->begin);
    assert_null(toml_member(root, slice_text("c")));
    arena_free(&arena);
}

static void bounds(void **state) {
    (void)state;
    struct buffer document = {0};
    buffer_append_text(&document, "a=");
    for (int i = 0; i < TOML_DEPTH_MAX + 1; i++) {
        buffer_append_byte(&document, '[');
    }
    refuses(buffer_text(&document), "line 1: arrays and inline tables nest deeper than 64");
    buffer_clear(&document);
    for (int i = 0; i <= TOML_VALUES_MAX; i++) {
        buffer_printf(&document, "k%d=1\n", i);
    }
    refuses(buffer_text(&document), "line 10001: more than 10000 values");
    buffer_clear(&document);
    uint8_t *blanks = buffer_extend(&document, TOML_BYTES_MAX + 1);
    memset(blanks, ' ', TOML_BYTES_MAX + 1);
    refuses(buffer_text(&document), "larger than 1048576 bytes");
    buffer_free(&document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),    cmocka_unit_test(texts),   cmocka_unit_test(numbers),
        cmocka_unit_test(moments), cmocka_unit_test(headers), cmocka_unit_test(arrays_and_inline_tables),
        cmocka_unit_test(places),  cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
