/*
 * MERGE: a batch of source rows, each with its target row or without one.
 *
 * For the whole batch it is decided first which clause does what with each row, and the new rows are computed and
 * checked, a clause at a time. Then the rows are written in their order, up to the first that breaks a constraint. A
 * target row that meets a second source row is an error, unless nothing is to be done with it.
 */
#include "base/assert.h"
#include "sql/exec/write.h"

#define ROW_OF_NONE UINT32_MAX

struct action {
    const struct plan_merge_action *plan;
    struct evaluator *condition; /* NULL: always */
    struct evaluator **values;
    struct evaluator **generated;
    struct batch row; /* the new rows, at the numbers of the child's rows; its selection are those of this action */
    uint16_t selection[VECTOR_ROWS];
    uint32_t count;
    struct write_fault fault;
};

struct merge {
    struct write write;
    struct action *actions;
    struct value *values;
    uint16_t open[VECTOR_ROWS];   /* rows without an action yet */
    uint16_t asked[VECTOR_ROWS];  /* of them, those that a clause is for */
    uint32_t chosen[VECTOR_ROWS]; /* by row: its action, or action_count */
};

static bool has_key(const struct batch *batch, uint32_t row) {
    const struct vector *keys = &batch->columns[batch->column_count - 1];
    return !vector_is_null(keys, vector_row(keys, row));
}

/* Which rows the clause takes of those still open; the others stay so. */
static uint32_t action_choose(struct merge *merge, uint32_t number, const struct batch *batch, uint32_t open) {
    struct action *action = &merge->actions[number];
    uint32_t asked = 0;
    for (uint32_t i = 0; i < open; i++) {
        if (has_key(batch, merge->open[i]) == action->plan->matched) {
            merge->asked[asked++] = merge->open[i];
        }
    }
    if (action->condition == NULL) {
        memcpy(action->selection, merge->asked, asked * sizeof(*merge->asked));
        action->count = asked;
    } else {
        action->count =
            asked == 0 ? 0 : evaluator_select(action->condition, batch, merge->asked, asked, action->selection);
    }
    for (uint32_t i = 0; i < action->count; i++) {
        merge->chosen[action->selection[i]] = number;
    }
    uint32_t left = 0;
    for (uint32_t i = 0; i < open; i++) {
        uint16_t row = merge->open[i];
        merge->open[left] = row;
        left += merge->chosen[row] != number;
    }
    return left;
}

/* The new rows of a clause; answers the first that breaks a constraint, or ROW_OF_NONE. */
static uint32_t action_compute(struct merge *merge, struct action *action, const struct batch *batch) {
    const struct plan_node *node = merge->write.base.node;
    action->fault = (struct write_fault){0};
    if (action->plan->value_count == 0 || action->count == 0) {
        return ROW_OF_NONE;
    }
    for (uint32_t i = 0; i < action->plan->value_count; i++) {
        action->row.columns[i] = *evaluator_run(action->values[i], batch, action->selection, action->count);
    }
    action->row.count = batch->count;
    action->row.selection = action->selection;
    action->row.selection_count = action->count;
    for (uint32_t i = 0; i < node->generated_count; i++) {
        action->row.columns[node->generated_columns[i]] =
            *evaluator_run(action->generated[i], &action->row, action->selection, action->count);
    }
    action->fault = write_check(&merge->write, &action->row);
    return action->fault.present ? action->selection[action->fault.place] : ROW_OF_NONE;
}

static void merge_row(struct merge *merge, const struct action *action, const struct batch *batch, uint16_t row) {
    struct write *write = &merge->write;
    struct exec *exec = write->base.exec;
    struct sql_context *context = exec->context;
    enum plan_merge_kind kind = action->plan->kind;
    if (kind == PLAN_MERGE_NOTHING) {
        return;
    }
    if (kind != PLAN_MERGE_INSERT && !write_claim(write, write_key(batch, row))) {
        sql_raise_with(context, KMB_CARDINALITY_VIOLATION, 0, NULL,
                       "Ensure that not more than one source row matches any one target row.",
                       "MERGE command cannot affect row a second time");
    }
    if (kind == PLAN_MERGE_DELETE) {
        sql_try(context, kernel_delete(exec->transaction, write->table, write_key(batch, row), NULL, context->error));
    } else {
        struct batch one = action->row;
        one.selection = &row;
        one.selection_count = 1;
        write_hide(write, &one);
        write_values(write, &action->row, row, merge->values);
        sql_try(context, kind == PLAN_MERGE_INSERT
                             ? kernel_insert(exec->transaction, write->table, merge->values, NULL, NULL, context->error)
                             : kernel_update(exec->transaction, write->table, write_key(batch, row), merge->values,
                                             NULL, context->error));
    }
    write->affected++;
    write->written.inserted += kind == PLAN_MERGE_INSERT;
    write->written.deleted += kind == PLAN_MERGE_DELETE;
    write->written.updated += kind != PLAN_MERGE_INSERT && kind != PLAN_MERGE_DELETE;
}

static void merge_take(struct write *write, const struct batch *batch) {
    struct merge *merge = (struct merge *)write;
    uint32_t count = write->base.node->action_count;
    uint32_t live = batch_live(batch);
    for (uint32_t i = 0; i < live; i++) {
        uint16_t row = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
        merge->open[i] = row;
        merge->chosen[row] = count;
    }
    uint32_t open = live;
    uint32_t fault_row = ROW_OF_NONE;
    for (uint32_t a = 0; a < count; a++) {
        open = action_choose(merge, a, batch, open);
    }
    for (uint32_t a = 0; a < count; a++) {
        uint32_t row = action_compute(merge, &merge->actions[a], batch);
        fault_row = row < fault_row ? row : fault_row;
    }
    for (uint32_t i = 0; i < live; i++) {
        uint16_t row = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
        if (merge->chosen[row] == count) {
            continue;
        }
        struct action *action = &merge->actions[merge->chosen[row]];
        if (row == fault_row) {
            write_raise(write, &action->row, &action->fault);
        }
        merge_row(merge, action, batch, row);
    }
}

struct exec_operator *merge_make(struct exec *exec, const struct plan_node *node) {
    struct merge *merge = write_make(exec, node, sizeof(*merge), merge_take);
    struct write *write = &merge->write;
    uint32_t rows_max = write->base.left->rows_max;
    ASSERT(node->left->columns[node->left->column_count - 1].type.id == TYPE_BYTEA);
    merge->values = sql_alloc(exec->context, sizeof(struct value) * (write->stored_count + 1));
    merge->actions = sql_alloc_zero(exec->context, node->action_count, sizeof(*merge->actions));
    for (uint32_t a = 0; a < node->action_count; a++) {
        struct action *action = &merge->actions[a];
        action->plan = &node->actions[a];
        if (action->plan->condition != NULL) {
            action->condition = operator_evaluator(&write->base, action->plan->condition, rows_max);
        }
        uint32_t values = action->plan->value_count;
        action->row.column_count = values;
        action->row.columns = sql_alloc_zero(exec->context, values + 1, sizeof(struct vector));
        action->values = sql_alloc(exec->context, sizeof(struct evaluator *) * (values + 1));
        action->generated = sql_alloc(exec->context, sizeof(struct evaluator *) * (node->generated_count + 1));
        for (uint32_t i = 0; i < node->generated_count; i++) {
            action->generated[i] = operator_evaluator(&write->base, node->generated[i], rows_max);
        }
        for (uint32_t i = 0; i < values; i++) {
            action->values[i] = operator_evaluator(&write->base, action->plan->values[i], rows_max);
        }
    }
    return &write->base;
}
