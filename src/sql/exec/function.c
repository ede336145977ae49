/*
 * Functions in FROM: the rows of one set-returning function, or of several side by side. One that ends before the
 * others gives NULL; the rows end with the longest. An ordinality column numbers them from 1.
 */
#include "base/assert.h"
#include "sql/exec/operator.h"

struct source {
    struct sql_call call;
    const struct sql_set *set;
    uint32_t column; /* its first one in the batch */
    void *state;
    struct value *arguments;
    bool done;
};

struct functions {
    struct exec_operator base;
    struct source *sources;
    bool opened;
    int64_t given;
    uint32_t count; /* rows of the batch at work */
};

static void source_open(struct functions *functions, uint32_t index) {
    struct exec *exec = functions->base.exec;
    const struct plan_aggregate *plan = &functions->base.node->aggregates[index];
    struct source *source = &functions->sources[index];
    struct type *types = sql_alloc(exec->context, sizeof(*types) * (plan->argument_count + 1));
    source->arguments = sql_alloc(exec->context, sizeof(*source->arguments) * (plan->argument_count + 1));
    for (uint32_t i = 0; i < plan->argument_count; i++) {
        types[i] = plan->arguments[i]->type;
        source->arguments[i] = exec_value(exec, plan->arguments[i]);
        source->done = source->done || (plan->function->strict && source->arguments[i].is_null);
    }
    source->set = plan->function->set;
    source->column = index == 0 ? 0 : source[-1].column + sql_set_columns(source[-1].set);
    source->state = sql_alloc_zero(exec->context, 1, source->set->state_size);
    source->call = (struct sql_call){.context = exec->context,
                                     .arena = &exec->context->arena,
                                     .result_type = plan->type,
                                     .argument_types = types,
                                     .argument_count = plan->argument_count,
                                     .position = plan->position};
    if (!source->done) {
        source->set->open(&source->call, source->state, source->arguments);
    }
}

/* The next row of one function, NULLs behind its end; false: it has none. */
static bool source_row(struct functions *functions, struct source *source, uint32_t row) {
    struct exec_operator *self = &functions->base;
    uint32_t count = sql_set_columns(source->set);
    struct value values[SQL_SET_COLUMNS_MAX];
    ASSERT(count <= SQL_SET_COLUMNS_MAX && source->column + count <= self->node->column_count);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = value_null(self->node->columns[source->column + i].type.id);
    }
    source->done = source->done || !source->set->next(&source->call, source->state, values);
    for (uint32_t i = 0; i < count; i++) {
        struct vector *column = &self->batch.columns[source->column + i];
        if (column->form == VECTOR_BYTES && !value_copy(&values[i], &self->scratch, &values[i])) {
            sql_raise(self->exec->context, KMB_NO_MEMORY, 0, "out of memory");
        }
        vector_set(column, row, &values[i]);
    }
    return !source->done;
}

/* Fills row `row` of the batch; false: no function has another row. */
static bool fill_row(struct functions *functions, uint32_t row) {
    struct exec_operator *self = &functions->base;
    bool any = false;
    for (uint32_t i = 0; i < self->node->aggregate_count; i++) {
        any |= source_row(functions, &functions->sources[i], row);
    }
    if (self->node->ordinality && any) {
        struct value number = value_int8(++functions->given);
        vector_set(&self->batch.columns[self->node->column_count - 1], row, &number);
    }
    return any;
}

static void fill(void *argument) {
    struct functions *functions = argument;
    const struct exec_operator *self = &functions->base;
    uint32_t most = self->wanted < self->rows_max ? (uint32_t)self->wanted : self->rows_max;
    while (functions->count < most && fill_row(functions, functions->count)) {
        functions->count++;
    }
}

static const struct batch *functions_next(struct exec_operator *self) {
    struct functions *functions = (struct functions *)self;
    operator_late(self);
    operator_begin(self);
    operator_clear(self);
    for (uint32_t i = 0; i < self->node->aggregate_count && !functions->opened; i++) {
        source_open(functions, i);
    }
    functions->opened = true;
    functions->count = 0;
    if (!operator_catch(self, fill, functions) && functions->count == 0) {
        operator_late(self);
    }
    self->batch.count = functions->count;
    return functions->count == 0 ? NULL : &self->batch;
}

struct exec_operator *functions_make(struct exec *exec, const struct plan_node *node) {
    struct functions *functions = operator_new(exec, node, sizeof(*functions), functions_next);
    operator_columns(&functions->base, VECTOR_ROWS);
    functions->sources = sql_alloc_zero(exec->context, node->aggregate_count + 1, sizeof(*functions->sources));
    return &functions->base;
}
