/*
 * Every function, operator, cast and aggregate against answers that a live PostgreSQL 15 gave (functions.tsv, made by
 * functions.py). A line holds: result type, expected text, class, name, then type and text of each argument; \N is
 * NULL; an expected text that begins with '!' is an error's SQLSTATE and message. An aggregate's arguments are those of
 * its rows, one row after the other.
 *
 *   test_functions FILE [-v]   runs the cases, prints what differs
 *   test_functions --list      prints the signatures of the table, for functions.py
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "sql/exec/exec.h"
#include "sql/func/function.h"

#define FIELDS_MAX    40
#define VALUES_MAX    32
#define LINE_MAX_SIZE 65536

static const char *cases_path;

static const char *class_name(enum sql_function_class class) {
    static const char *const names[] = {"function", "operator", "cast", "aggregate"};
    return names[class];
}

static void list_signatures(void) {
    uint32_t count = 0;
    const struct sql_function *rows = sql_function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].class > SQL_FUNCTION_AGGREGATE || rows[i].ordered_set != SQL_ORDERED_SET_NONE) {
            continue; /* window functions have no value of their own, and ordered sets need an order */
        }
        printf("%s\t%s\t%s\t%d\t%d", class_name(rows[i].class), rows[i].name,
               rows[i].result == TYPE_ANY ? "any" : type_internal_name(rows[i].result), rows[i].variadic,
               (int)rows[i].volatility);
        for (uint32_t n = 0; n < rows[i].argument_count; n++) {
            enum type_id type = rows[i].arguments[n];
            printf("\t%s", type == TYPE_ANY ? "any" : type == TYPE_UNKNOWN ? "unknown" : type_internal_name(type));
        }
        printf("\n");
    }
}

/* Whether a row's argument takes values of that type. */
static bool takes(enum type_id wanted, enum type_id type) {
    switch (wanted) {
    case TYPE_ANY:
        return true;
    case TYPE_ANYARRAY:
    case TYPE_ANYCOMPATIBLEARRAY:
        return type_is_array(type);
    case TYPE_ANYELEMENT:
    case TYPE_ANYNONARRAY:
    case TYPE_ANYCOMPATIBLE:
        return !type_is_array(type);
    default:
        return wanted == type;
    }
}

static uint32_t split(char *line, char *fields[FIELDS_MAX]) {
    uint32_t count = 0;
    char *at = line;
    while (at != NULL && count < FIELDS_MAX) {
        fields[count++] = at;
        at = strchr(at, '\t');
        if (at != NULL) {
            *at++ = 0;
        }
    }
    return count;
}

struct test_case {
    enum sql_function_class class;
    const char *name;
    uint32_t argument_count;
    struct type types[VALUES_MAX];
    struct value values[VALUES_MAX];
};

/* The row of the table with exactly these argument types. */
static const struct sql_function *find(struct sql_context *context, const struct test_case *test, enum type_id result) {
    if (test->class == SQL_FUNCTION_CAST) {
        return sql_cast_find(test->types[0].id, result, SQL_CAST_EXPLICIT);
    }
    uint32_t count = 0;
    const struct sql_function *const *rows = sql_function_candidates(context, test->class, test->name, &count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t arguments = test->class == SQL_FUNCTION_AGGREGATE && test->argument_count > 0 ? rows[i]->argument_count
                                                                                               : test->argument_count;
        bool hit = rows[i]->argument_count == arguments || (rows[i]->variadic && arguments > rows[i]->argument_count);
        hit = hit && (arguments == 0 ? test->argument_count == 0 : test->argument_count % arguments == 0);
        for (uint32_t n = 0; n < arguments && hit; n++) {
            uint32_t place = n < rows[i]->argument_count ? n : rows[i]->argument_count - 1u;
            enum type_id wanted = rows[i]->arguments[place];
            hit = takes(wanted, test->types[n].id);
        }
        if (hit) {
            return rows[i];
        }
    }
    return NULL;
}

static struct value evaluate(struct sql_context *context, const struct test_case *test,
                             const struct sql_function *function, struct type result) {
    struct expr constants[VALUES_MAX];
    const struct expr *arguments[VALUES_MAX];
    memset(constants, 0, sizeof constants);
    for (uint32_t i = 0; i < test->argument_count; i++) {
        constants[i].kind = EXPR_CONSTANT;
        constants[i].type = test->types[i];
        constants[i].value = test->values[i];
        arguments[i] = &constants[i];
    }
    struct expr call = {.kind = EXPR_CALL,
                        .type = result,
                        .function = function,
                        .arguments = arguments,
                        .argument_count = test->argument_count,
                        .explicit_cast = true};
    return exec_evaluate(context, &call, NULL, 0);
}

/* Adds the rows twice over: in one batch to one group, and row by row to another state; both must agree. */
static struct value aggregate(struct sql_context *context, const struct test_case *test,
                              const struct sql_function *function, struct type result) {
    const struct sql_aggregate *functions = function->aggregate;
    uint32_t width = function->argument_count;
    struct vector columns[2];
    struct vector *arguments[2] = {&columns[0], &columns[1]};
    struct vector out;
    uint16_t rows[VALUES_MAX];
    uint32_t count = 0;
    assert_true(width <= 2);
    vector_init(context, &out, result);
    for (uint32_t k = 0; k < 2; k++) {
        vector_init(context, &columns[k],
                    k < width && test->argument_count > 0 ? test->types[k] : type_make(TYPE_INT4));
    }
    for (uint32_t i = 0; width > 0 && i < test->argument_count / width; i++) {
        bool null = false;
        for (uint32_t k = 0; k < width; k++) {
            const struct value *value = &test->values[i * width + k];
            vector_set(&columns[k], i, value);
            null = null || value->is_null;
        }
        rows[count] = (uint16_t)i;
        count += !null || !function->strict;
    }
    struct sql_call call = {.context = context,
                            .arena = &context->arena,
                            .result_type = result,
                            .argument_types = test->types,
                            .argument_count = width};
    void *one = sql_alloc_zero(context, 1, functions->state_size);
    void *many = sql_alloc_zero(context, 1, functions->state_size);
    if (count > 0) {
        functions->add_one_group(&call, one, arguments, rows, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        functions->add(&call, &many, arguments, &rows[i], 1);
    }
    functions->finish(&call, one, &out, 0);
    functions->finish(&call, many, &out, 1);
    struct value a = vector_get(&out, 0);
    struct value b = vector_get(&out, 1);
    assert_true(value_equal(&a, &b));
    return a;
}

static bool run_case(char *line, char *text, size_t text_size) {
    char *fields[FIELDS_MAX];
    uint32_t count = split(line, fields);
    struct test_case test = {.name = fields[3]};
    struct kmb_error error = {0};
    struct sql_settings settings = {.memory_bytes_max = 64 << 20};
    struct sql_context context;
    struct buffer out = {0};
    struct type result = type_make(TYPE_BOOL);
    volatile bool failed = false;
    bool same = false;
    assert_true(count >= 4 && count % 2 == 0);
    while (strcmp(fields[2], class_name(test.class)) != 0) {
        test.class ++;
    }
    test.argument_count = (count - 4) / 2;
    sql_context_init(&context, &settings, &error);
    context.text = "";
    assert_int_equal(type_parse(slice_text(fields[0]), &result, &error), KMB_OK);
    SQL_GUARD(&context) {
        for (uint32_t i = 0; i < test.argument_count; i++) {
            struct slice argument = slice_text(fields[5 + 2 * i]);
            sql_try(&context, type_parse(slice_text(fields[4 + 2 * i]), &test.types[i], &error));
            if (slice_equal_text(argument, "\\N")) {
                test.values[i] = value_null(test.types[i].id);
            } else {
                sql_try(&context, value_parse(test.types[i], argument, NULL, &context.arena, &test.values[i], &error));
            }
        }
        const struct sql_function *function = find(&context, &test, result.id);
        if (function == NULL) {
            sql_raise(&context, KMB_UNDEFINED_FUNCTION, 0, "no such row in the table");
        }
        struct value value = test.class == SQL_FUNCTION_AGGREGATE ? aggregate(&context, &test, function, result)
                                                                  : evaluate(&context, &test, function, result);
        if (value.is_null) {
            buffer_append_text(&out, "\\N");
        } else {
            value_print(&value, NULL, &out);
        }
        if (fields[1][0] != '!' && !takes(function->result, result.id)) {
            buffer_printf(&out, " of the wrong type %s", type_name(function->result));
        }
    }
    SQL_CAUGHT {
        failed = true;
    }
    if (failed) {
        buffer_printf(&out, "!%s %s", status_row_of(error.status)->sqlstate, error.message);
    }
    same = strcmp(buffer_text(&out), fields[1]) == 0;
    if (!same) {
        (void)snprintf(text, text_size, "%s %s", fields[2], fields[3]);
        for (uint32_t i = 4; i + 1 < count; i += 2) {
            size_t used = strlen(text);
            (void)snprintf(text + used, text_size - used, " %s '%s'", fields[i], fields[i + 1]);
        }
        size_t used = strlen(text);
        (void)snprintf(text + used, text_size - used, "\n    expected %s\n    got      %s\n", fields[1],
                       buffer_text(&out));
    }
    buffer_free(&out);
    sql_context_free(&context);
    return same;
}

static void functions_agree_with_postgresql(void **state) {
    (void)state;
    static char line[LINE_MAX_SIZE];
    static char text[LINE_MAX_SIZE];
    FILE *file = fopen(cases_path, "r");
    assert_non_null(file);
    uint32_t cases = 0;
    uint32_t different = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        cases++;
        if (!run_case(line, text, sizeof text)) {
            different++;
            fputs(text, stderr);
        }
    }
    (void)fclose(file);
    print_message("%u cases, %u different\n", cases, different);
    assert_true(cases > 1000);
    assert_int_equal(different, 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(functions_agree_with_postgresql)};
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list_signatures();
        return 0;
    }
    if (argc < 2) {
        (void)fprintf(stderr, "usage: test_functions FILE | --list\n");
        return 2;
    }
    cases_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
