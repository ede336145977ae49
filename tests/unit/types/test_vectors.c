/*
 * The text forms and the arithmetic against PostgreSQL's own answers, recorded in tests/golden/types: each line is an
 * input and what PostgreSQL 15 said to it, an error as "SQLSTATE: message".
 */
#include "support.h"

static const char *golden_folder;

/* Cuts a line into fields at tabs. */
static size_t cut(char *line, char **fields, size_t most) {
    size_t count = 0;
    fields[count++] = line;
    for (char *at = line; *at != 0; at++) {
        if (*at == '\t' && count < most) {
            *at = 0;
            fields[count++] = at + 1;
        }
    }
    return count;
}

static void describe(char *text, size_t size, enum kmb_status status, const struct kmb_error *error) {
    snprintf(text, size, "%s: %s", status_row_of(status)->sqlstate, error->message);
}

static size_t each_line(const char *file, size_t (*check)(char **fields, size_t count)) {
    char *text = test_read_file(golden_folder, file);
    size_t checked = 0;
    size_t wrong = 0;
    for (char *line = text; *line != 0;) {
        char *end = strchr(line, '\n');
        *end = 0;
        if (line[0] != '#') {
            char *fields[5];
            size_t count = cut(line, fields, 5);
            wrong += check(fields, count);
            checked++;
        }
        line = end + 1;
    }
    free(text);
    assert_int_equal(wrong, 0);
    return checked;
}

static size_t check_text(char **fields, size_t count) {
    assert_int_equal(count, 3);
    struct arena arena;
    arena_init(&arena, 0);
    struct kmb_error error = {0};
    struct type type;
    struct value value;
    char got[2048];
    assert_int_equal(type_parse(slice_text(fields[0]), &type, &error), KMB_OK);
    enum kmb_status status = value_parse(type, slice_text(fields[1]), NULL, &arena, &value, &error);
    if (status == KMB_OK) {
        assert_true(value_valid(&value));
        test_print(&value, got, sizeof(got));
    } else {
        describe(got, sizeof(got), status, &error);
    }
    bool same = strcmp(got, fields[2]) == 0;
    if (!same) {
        print_message("%s '%s': got '%s', PostgreSQL says '%s'\n", fields[0], fields[1], got, fields[2]);
    }
    arena_free(&arena);
    return same ? 0 : 1;
}

static void test_text(void **state) {
    (void)state;
    assert_true(each_line("text.tsv", check_text) > 1300);
}

/* One operation's operands and its answer as a value. */
struct operation {
    const char *name;
    const char *a;
    const char *b;
    struct value result;
    struct kmb_error error;
};

static enum kmb_status run_decimal(struct operation *o) {
    struct decimal a;
    struct decimal b = {0};
    struct decimal *out = &o->result.as.decimal;
    o->result.type = TYPE_NUMERIC;
    enum kmb_status status = decimal_parse(slice_text(o->a), &a, &o->error);
    bool integer_operand =
        strcmp(o->name, "round") == 0 || strcmp(o->name, "trunc") == 0 || strcmp(o->name, "pow") == 0;
    if (status == KMB_OK && o->b != NULL && !integer_operand) {
        status = decimal_parse(slice_text(o->b), &b, &o->error);
    }
    if (status != KMB_OK) {
        return status;
    }
    static const struct {
        const char *name;
        enum kmb_status (*run)(struct decimal, struct decimal, struct decimal *, struct kmb_error *);
    } table[] = {{"add", decimal_add},    {"sub", decimal_subtract}, {"mul", decimal_multiply},
                 {"div", decimal_divide}, {"mod", decimal_modulo},   {"idiv", decimal_divide_integer}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(o->name, table[i].name) == 0) {
            return table[i].run(a, b, out, &o->error);
        }
    }
    int32_t number = o->b == NULL ? 0 : (int32_t)strtol(o->b, NULL, 10);
    if (strcmp(o->name, "cmp") == 0) {
        int order = decimal_compare(a, b);
        assert_int_equal(test_sign(order), -test_sign(decimal_compare(b, a)));
        if (order == 0) {
            assert_true(decimal_hash(a) == decimal_hash(b));
        }
        o->result = value_int8(test_sign(order));
        return KMB_OK;
    }
    if (strcmp(o->name, "round") == 0) {
        return decimal_round(a, number, DECIMAL_HALF_AWAY, out, &o->error);
    }
    if (strcmp(o->name, "trunc") == 0) {
        return decimal_round(a, number, DECIMAL_TRUNCATE, out, &o->error);
    }
    if (strcmp(o->name, "ceil") == 0) {
        return decimal_round(a, 0, DECIMAL_CEILING, out, &o->error);
    }
    if (strcmp(o->name, "floor") == 0) {
        return decimal_round(a, 0, DECIMAL_FLOOR, out, &o->error);
    }
    if (strcmp(o->name, "sqrt") == 0) {
        return decimal_sqrt(a, out, &o->error);
    }
    if (strcmp(o->name, "pow") == 0) {
        return decimal_power_integer(a, number, out, &o->error);
    }
    if (strcmp(o->name, "int8") == 0) {
        o->result.type = TYPE_INT8;
        return decimal_to_int64(a, &o->result.as.integer, &o->error);
    }
    assert_string_equal(o->name, "f8");
    o->result = value_real(TYPE_FLOAT8, decimal_to_double(a));
    return KMB_OK;
}

static enum kmb_status run_of_real(struct operation *o) {
    bool single = strcmp(o->name, "off4") == 0;
    double real;
    enum kmb_status status = value_parse_real(single ? TYPE_FLOAT4 : TYPE_FLOAT8, slice_text(o->a), &real, &o->error);
    o->result.type = TYPE_NUMERIC;
    if (status != KMB_OK) {
        return status;
    }
    return single ? decimal_of_float((float)real, &o->result.as.decimal, &o->error)
                  : decimal_of_double(real, &o->result.as.decimal, &o->error);
}

static enum kmb_status run_timestamp(struct operation *o) {
    struct timestamp a;
    struct timestamp b;
    struct interval span;
    enum kmb_status status = timestamp_parse(slice_text(o->a), false, NULL, &a, &o->error);
    if (status != KMB_OK) {
        return status;
    }
    if (strcmp(o->name, "tsadd") == 0 || strcmp(o->name, "tssub") == 0) {
        assert_int_equal(interval_parse(slice_text(o->b), -1, &span, &o->error), KMB_OK);
        o->result.type = TYPE_TIMESTAMP;
        return o->name[2] == 'a'
                   ? timestamp_add_interval(a, span, time_zone_fixed(0), &o->result.as.timestamp, &o->error)
                   : timestamp_subtract_interval(a, span, time_zone_fixed(0), &o->result.as.timestamp, &o->error);
    }
    status = timestamp_parse(slice_text(o->b), false, NULL, &b, &o->error);
    o->result.type = TYPE_INTERVAL;
    if (status != KMB_OK) {
        return status;
    }
    return o->name[0] == 'a' ? timestamp_age(a, b, &o->result.as.interval, &o->error)
                             : timestamp_subtract(a, b, &o->result.as.interval, &o->error);
}

static enum kmb_status run_field(struct operation *o) {
    enum datetime_field field;
    struct timestamp timestamp;
    struct interval span;
    int64_t number;
    bool is_null = false;
    assert_true(datetime_field_of_name(slice_text(o->a), &field));
    o->result.type = TYPE_NUMERIC;
    struct decimal *out = &o->result.as.decimal;
    struct slice text = slice_text(o->b);
    enum kmb_status status;
    if (strcmp(o->name, "iext") == 0 || strcmp(o->name, "itrc") == 0) {
        status = interval_parse(text, -1, &span, &o->error);
        if (status == KMB_OK && o->name[1] == 't') {
            o->result.type = TYPE_INTERVAL;
            return interval_truncate(field, span, &o->result.as.interval, &o->error);
        }
        return status != KMB_OK ? status : interval_extract(field, span, out, &o->error);
    }
    if (strcmp(o->name, "text") == 0) {
        status = time_parse(text, NULL, &number, &o->error);
        return status != KMB_OK ? status : time_extract(field, number, out, &o->error);
    }
    if (strcmp(o->name, "dext") == 0) {
        status = date_parse(text, NULL, &number, &o->error);
        status = status != KMB_OK ? status : date_extract(field, number, out, &is_null, &o->error);
        o->result.is_null = is_null;
        return status;
    }
    status = timestamp_parse(text, false, NULL, &timestamp, &o->error);
    if (status != KMB_OK) {
        return status;
    }
    if (strcmp(o->name, "trc") == 0) {
        o->result.type = TYPE_TIMESTAMP;
        return timestamp_truncate(field, timestamp, &o->result.as.timestamp, &o->error);
    }
    assert_string_equal(o->name, "ext");
    status = timestamp_extract(field, timestamp, out, &is_null, &o->error);
    o->result.is_null = is_null;
    return status;
}

static enum kmb_status run_interval(struct operation *o) {
    struct interval a;
    struct interval b;
    struct interval *out = &o->result.as.interval;
    o->result.type = TYPE_INTERVAL;
    enum kmb_status status = interval_parse(slice_text(o->a), -1, &a, &o->error);
    if (status != KMB_OK) {
        return status;
    }
    if (strcmp(o->name, "imul") == 0) {
        return interval_multiply(a, strtod(o->b, NULL), out, &o->error);
    }
    if (strcmp(o->name, "idv") == 0) {
        return interval_divide(a, strtod(o->b, NULL), out, &o->error);
    }
    if (o->name[0] == 'j') {
        return o->name[1] == 'h'   ? interval_justify_hours(a, out, &o->error)
               : o->name[1] == 'd' ? interval_justify_days(a, out, &o->error)
                                   : interval_justify(a, out, &o->error);
    }
    status = interval_parse(slice_text(o->b), -1, &b, &o->error);
    if (status != KMB_OK) {
        return status;
    }
    if (strcmp(o->name, "iadd") == 0) {
        return interval_add(a, b, out, &o->error);
    }
    assert_string_equal(o->name, "icmp");
    if (interval_compare(a, b) == 0) {
        assert_true(interval_hash(a) == interval_hash(b));
    }
    o->result = value_int8(test_sign(interval_compare(a, b)));
    return KMB_OK;
}

static bool one_of(const char *name, const char *list) {
    const char *found = strstr(list, name);
    size_t length = strlen(name);
    while (found != NULL && ((found != list && found[-1] != ' ') || (found[length] != ' ' && found[length] != 0))) {
        found = strstr(found + 1, name);
    }
    return found != NULL;
}

static size_t check_operation(char **fields, size_t count) {
    struct operation o = {.name = fields[0], .a = fields[1], .b = count > 3 ? fields[2] : NULL};
    const char *expected = fields[count - 1];
    char got[2048] = "";
    enum kmb_status status = one_of(o.name, "off8 off4")                     ? run_of_real(&o)
                             : one_of(o.name, "tsadd tssub tsdiff age")      ? run_timestamp(&o)
                             : one_of(o.name, "ext dext iext text trc itrc") ? run_field(&o)
                             : one_of(o.name, "imul idv iadd icmp jh jd ji") ? run_interval(&o)
                                                                             : run_decimal(&o);
    if (status == KMB_OK) {
        test_print(&o.result, got, sizeof(got));
    } else {
        describe(got, sizeof(got), status, &o.error);
    }
    bool same = strcmp(got, expected) == 0;
    if (!same) {
        print_message("%s '%s' '%s': got '%s', PostgreSQL says '%s'\n", o.name, o.a, o.b == NULL ? "" : o.b, got,
                      expected);
    }
    return same ? 0 : 1;
}

static void test_operations(void **state) {
    (void)state;
    assert_true(each_line("operations.tsv", check_operation) > 3900);
}

int main(int argc, char **argv) {
    golden_folder = argc > 1 ? argv[1] : "tests/golden/types";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
