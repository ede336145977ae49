/* Rows that the plan itself holds: VALUES, and the one row without columns that a SELECT without FROM reads. */
#include "sql/exec/operator.h"

struct values {
    struct exec_operator base;
    uint32_t row; /* next */
};

/* A cell: constants and parameters, nearly all of them, need no evaluator. */
static struct value cell(struct exec *exec, const struct expr *expr) {
    if (expr->kind == EXPR_CONSTANT) {
        return expr->value;
    }
    return exec_value(exec, expr);
}

static const struct batch *values_next(struct exec_operator *self) {
    struct values *values = (struct values *)self;
    const struct plan_node *node = self->node;
    if (values->row == node->row_count) {
        return NULL;
    }
    operator_begin(self);
    operator_clear(self);
    uint32_t count = 0;
    while (count < self->rows_max && values->row < node->row_count) {
        for (uint32_t i = 0; i < node->column_count; i++) {
            struct value value = cell(self->exec, node->rows[values->row][i]);
            vector_set(&self->batch.columns[i], count, &value);
        }
        count++;
        values->row++;
    }
    self->batch.count = count;
    return &self->batch;
}

struct exec_operator *values_make(struct exec *exec, const struct plan_node *node) {
    struct values *values = operator_new(exec, node, sizeof(*values), values_next);
    uint32_t rows = node->row_count < VECTOR_ROWS ? node->row_count : VECTOR_ROWS;
    operator_columns(&values->base, rows == 0 ? 1 : rows);
    return &values->base;
}

struct one_row {
    struct exec_operator base;
    bool given;
};

static const struct batch *one_row_next(struct exec_operator *self) {
    struct one_row *one = (struct one_row *)self;
    if (one->given) {
        return NULL;
    }
    one->given = true;
    self->batch.count = 1;
    return &self->batch;
}

struct exec_operator *one_row_make(struct exec *exec, const struct plan_node *node) {
    struct one_row *one = operator_new(exec, node, sizeof(*one), one_row_next);
    operator_columns(&one->base, 1);
    return &one->base;
}
