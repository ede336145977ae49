/*
 * Plans made by hand, for tests of operators: expressions, VALUES nodes with random rows, and running a plan to a list
 * of rows of values.
 */
#ifndef KMB_TEST_PLAN_FIXTURE_H
#define KMB_TEST_PLAN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/environment.h"
#include "sql/exec/exec.h"

#define ROWS_MAX    20000
#define COLUMNS_MAX 8

struct fixture {
    struct sql_context context;
    struct sql_settings settings;
    struct kmb_error error;
    struct sql_host host;
};

static inline void fixture_open(struct fixture *fixture) {
    memset(fixture, 0, sizeof *fixture);
    fixture->settings.memory_bytes_max = (uint64_t)1 << 30;
    sql_context_init(&fixture->context, &fixture->settings, &fixture->error);
    fixture->context.text = "";
}

static inline void fixture_close(struct fixture *fixture) {
    sql_context_free(&fixture->context);
}

static inline struct expr *make_expr(struct fixture *fixture, enum expr_kind kind, enum type_id type,
                                     uint32_t arguments) {
    struct expr *expr = sql_alloc_zero(&fixture->context, 1, sizeof(*expr));
    expr->kind = kind;
    expr->type = type_make(type);
    expr->argument_count = arguments;
    expr->arguments = sql_alloc_zero(&fixture->context, arguments + 1, sizeof(*expr->arguments));
    return expr;
}

static inline const struct expr *make_constant(struct fixture *fixture, struct value value) {
    struct expr *expr = make_expr(fixture, EXPR_CONSTANT, value.type, 0);
    expr->value = value;
    return expr;
}

static inline const struct expr *make_column(struct fixture *fixture, uint32_t column, enum type_id type) {
    struct expr *expr = make_expr(fixture, EXPR_COLUMN, type, 0);
    expr->column = column;
    return expr;
}

static inline const struct expr *make_operator(struct fixture *fixture, const char *name, const struct expr *a,
                                               const struct expr *b) {
    uint32_t count = 0;
    const struct sql_function *const *rows =
        sql_function_candidates(&fixture->context, SQL_FUNCTION_OPERATOR, name, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i]->argument_count == 2 && rows[i]->arguments[0] == a->type.id &&
            rows[i]->arguments[1] == b->type.id) {
            struct expr *call = make_expr(fixture, EXPR_CALL, rows[i]->result, 2);
            call->function = rows[i];
            call->arguments[0] = a;
            call->arguments[1] = b;
            return call;
        }
    }
    fail_msg("no operator %s", name);
    return NULL;
}

static inline struct plan_node *make_node(struct fixture *fixture, enum plan_kind kind, struct plan_node *left,
                                          struct plan_node *right, const struct plan_column *columns, uint32_t count) {
    struct plan_node *node = sql_alloc_zero(&fixture->context, 1, sizeof(*node));
    node->kind = kind;
    node->left = left;
    node->right = right;
    node->column_count = count;
    node->columns = sql_alloc_zero(&fixture->context, count + 1, sizeof(*node->columns));
    if (columns != NULL) {
        memcpy(node->columns, columns, count * sizeof(*columns));
    }
    return node;
}

/* A random value of a type, from a small range so that equal ones are frequent; NULL one time in six. */
static inline struct value random_value(struct fixture *fixture, struct prng *prng, enum type_id type) {
    if (prng_chance(prng, 1, 6)) {
        return value_null(type);
    }
    int64_t number = (int64_t)prng_below(prng, 12) - 4;
    char *text = NULL;
    switch (type) {
    case TYPE_BOOL:
        return value_bool(number & 1);
    case TYPE_FLOAT8:
        return value_real(type, number == 3 ? __builtin_nan("") : (double)number / 2);
    case TYPE_NUMERIC: { /* equal numbers of different scales */
        struct decimal decimal = decimal_of_int64(number * (prng_chance(prng, 1, 2) ? 1 : 10));
        decimal.scale = decimal.low == (uint64_t)number && number != 0 ? 0 : 1;
        return value_decimal(decimal);
    }
    case TYPE_TEXT:
        text = sql_printf(&fixture->context, "%.*s%lld", (int)prng_below(prng, 9), "aaaaaaaaaa", (long long)number);
        return value_text(slice_text(text));
    case TYPE_TIMESTAMP:
        return value_timestamp(type, (struct timestamp){.us = number, .ns = (uint16_t)prng_below(prng, 2)});
    default:
        return value_integer(type, number);
    }
}

/* A VALUES node of random rows; their values are also answered, row by row. */
static inline struct plan_node *random_values(struct fixture *fixture, struct prng *prng, const enum type_id *types,
                                              uint32_t columns, uint32_t rows, struct value **values) {
    struct plan_node *node = make_node(fixture, PLAN_VALUES, NULL, NULL, NULL, columns);
    *values = sql_alloc(&fixture->context, sizeof(struct value) * (rows * columns + 1));
    node->row_count = rows;
    node->rows = sql_alloc(&fixture->context, sizeof(*node->rows) * (rows + 1));
    for (uint32_t r = 0; r < rows; r++) {
        node->rows[r] = sql_alloc(&fixture->context, sizeof(**node->rows) * columns);
        for (uint32_t c = 0; c < columns; c++) {
            (*values)[r * columns + c] = random_value(fixture, prng, types[c]);
            node->rows[r][c] = make_constant(fixture, (*values)[r * columns + c]);
        }
    }
    for (uint32_t c = 0; c < columns; c++) {
        node->columns[c] = (struct plan_column){.name = "c", .type = type_make(types[c])};
    }
    return node;
}

/* Runs a plan; the values of all rows, row by row, in the context's arena. Raises what the plan raises. */
static inline struct value *run_plan(struct fixture *fixture, const struct plan_node *root, uint32_t *rows) {
    struct exec *exec = exec_open(&fixture->context, &fixture->host, root, NULL, 0, NULL);
    struct value *values = sql_alloc(&fixture->context, sizeof(struct value) * ROWS_MAX * COLUMNS_MAX);
    const struct batch *batch = NULL;
    *rows = 0;
    while ((batch = exec_next(exec)) != NULL) {
        uint32_t live = batch->selection == NULL ? batch->count : batch->selection_count;
        assert_true(live > 0);
        for (uint32_t i = 0; i < live; i++) {
            uint32_t row = batch->selection == NULL ? i : batch->selection[i];
            for (uint32_t c = 0; c < batch->column_count; c++) {
                struct value value = vector_get(&batch->columns[c], vector_row(&batch->columns[c], row));
                assert_true(
                    value_copy(&value, &fixture->context.arena, &values[(size_t)*rows * batch->column_count + c]));
            }
            assert_true(++*rows < ROWS_MAX);
        }
    }
    assert_null(exec_next(exec));
    exec_close(exec);
    return values;
}

static inline int compare_rows(const struct value *a, const struct value *b, uint32_t columns) {
    for (uint32_t c = 0; c < columns; c++) {
        int order = value_compare_nulls_last(&a[c], &b[c]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

#endif
