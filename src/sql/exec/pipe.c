/*
 * Operators that pass rows on: filter, projection, LIMIT and OFFSET.
 *
 * None of them moves a row. A filter shortens the selection, a projection answers new columns under the same row
 * numbers, a limit cuts the selection. A limit WITH TIES keeps the sort keys of its last row.
 *
 * What a row raises is raised when the row is asked for (late_error.c). A projection right below a limit computes no
 * more rows than the limit still gives: a subquery or nextval() of the others is never run.
 */
#include "base/assert.h"
#include "sql/exec/operator.h"
#include "sql/exec/rowset.h"

/* --- filter --- */

struct filter {
    struct exec_operator base;
    struct evaluator *predicate; /* NULL: every row passes */
    uint16_t *selection;
    const struct batch *batch; /* at work */
    uint32_t kept;             /* rows of it that pass */
    bool asked;                /* the condition that reads no row */
    bool closed;               /* and it does not hold: the rows below are never asked for */
};

static bool holds(struct exec *exec, const struct expr *condition) {
    struct value value = exec_value(exec, condition);
    return !value.is_null && value.as.boolean;
}

/* Live rows [first, first + count) of a batch as a selection; room: where it can be written. */
static const uint16_t *rows_part(const struct batch *batch, uint32_t first, uint32_t count, uint16_t *room) {
    if (batch->selection != NULL) {
        return batch->selection + first;
    }
    for (uint32_t i = 0; first > 0 && i < count; i++) {
        room[i] = (uint16_t)(first + i);
    }
    return first == 0 ? NULL : room;
}

static void filter_rows(void *argument, uint32_t first, uint32_t count) {
    struct filter *filter = argument;
    const uint16_t *rows = rows_part(filter->batch, first, count, filter->selection);
    filter->kept = evaluator_select(filter->predicate, filter->batch, rows, count, filter->selection);
}

static const struct batch *filter_next(struct exec_operator *self) {
    struct filter *filter = (struct filter *)self;
    const struct batch *batch = NULL;
    operator_late(self);
    if (!filter->asked && self->node->once != NULL) {
        filter->closed = !holds(self->exec, self->node->once);
    }
    filter->asked = true;
    while (!filter->closed && (batch = self->left->next(self->left)) != NULL) {
        if (filter->predicate == NULL) {
            return batch;
        }
        operator_begin(self);
        filter->batch = batch;
        uint32_t live = batch_live(batch);
        uint32_t asked = operator_attempt(self, filter_rows, filter, live);
        uint32_t kept = filter->kept;
        if (self->measure != NULL) {
            self->measure->removed += asked - kept;
        }
        if (kept == 0) {
            operator_late(self);
        } else {
            self->batch = *batch;
            if (kept < live || batch->selection != NULL) {
                self->batch.selection = filter->selection;
                self->batch.selection_count = kept;
            }
            return &self->batch;
        }
    }
    return NULL;
}

struct exec_operator *filter_make(struct exec *exec, const struct plan_node *node) {
    struct filter *filter = operator_new(exec, node, sizeof(*filter), filter_next);
    filter->base.left = operator_make(exec, node->left);
    filter->base.rows_max = filter->base.left->rows_max;
    if (node->predicate != NULL) {
        filter->predicate = operator_evaluator(&filter->base, node->predicate, filter->base.rows_max);
    }
    filter->selection = sql_alloc(exec->context, sizeof(uint16_t) * filter->base.rows_max);
    return &filter->base;
}

/* --- projection --- */

struct project {
    struct exec_operator base;
    struct evaluator **expressions;
    bool plain;                /* columns and constants, of which nothing is computed */
    const struct batch *batch; /* at work */
    uint32_t given;            /* live rows of it that are done with */
    uint16_t *rows; /* of a batch without a selection, where a part of it is computed; NULL: not needed yet */
};

static const uint16_t *project_part(struct project *project, uint32_t first, uint32_t count) {
    if (project->rows == NULL && project->batch->selection == NULL && first > 0) {
        project->rows = sql_alloc(project->base.exec->context, sizeof(uint16_t) * project->base.rows_max);
    }
    return rows_part(project->batch, first, count, project->rows);
}

static void project_rows(void *argument, uint32_t first, uint32_t count) {
    struct project *project = argument;
    struct batch *out = &project->base.batch;
    const uint16_t *rows = project_part(project, project->given + first, count);
    for (uint32_t i = 0; i < out->column_count; i++) {
        out->columns[i] = *evaluator_run(project->expressions[i], project->batch, rows, count);
    }
}

/* Rows of the batch below that are to be computed now. */
static uint32_t project_live(struct project *project) {
    struct exec_operator *self = &project->base;
    if (project->batch == NULL) {
        self->left->wanted = self->wanted;
        project->batch = self->left->next(self->left);
        project->given = 0;
    }
    uint32_t live = project->batch == NULL ? 0 : batch_live(project->batch) - project->given;
    return live <= self->wanted ? live : (uint32_t)self->wanted;
}

static const struct batch *project_next(struct exec_operator *self) {
    struct project *project = (struct project *)self;
    operator_late(self);
    uint32_t live = project_live(project);
    if (live == 0) {
        return NULL;
    }
    operator_begin(self);
    uint32_t made = live;
    if (project->plain) {
        project_rows(project, 0, live);
    } else {
        made = operator_attempt(self, project_rows, project, live);
    }
    const struct batch *batch = project->batch;
    uint32_t all = batch_live(batch);
    self->batch.count = batch->count;
    self->batch.selection = project_part(project, project->given, made);
    self->batch.selection_count = made;
    if (self->batch.selection == NULL) {
        self->batch.count = made; /* the first rows of it */
    }
    project->given += made;
    if (project->given == all) {
        project->batch = NULL;
    }
    return &self->batch;
}

struct exec_operator *project_make(struct exec *exec, const struct plan_node *node) {
    struct project *project = operator_new(exec, node, sizeof(*project), project_next);
    project->base.left = operator_make(exec, node->left);
    project->base.rows_max = project->base.left->rows_max;
    ASSERT(node->expression_count == node->column_count);
    project->base.batch.columns = sql_alloc_zero(exec->context, node->column_count + 1, sizeof(struct vector));
    project->expressions = sql_alloc(exec->context, sizeof(struct evaluator *) * (node->column_count + 1));
    project->plain = true;
    for (uint32_t i = 0; i < node->column_count; i++) {
        enum expr_kind kind = node->expressions[i]->kind;
        project->plain = project->plain && (kind == EXPR_COLUMN || kind == EXPR_CONSTANT || kind == EXPR_PARAMETER);
        project->expressions[i] = operator_evaluator(&project->base, node->expressions[i], project->base.rows_max);
    }
    return &project->base;
}

/* --- LIMIT, OFFSET --- */

struct limit {
    struct exec_operator base;
    uint64_t skip; /* rows still to leave out */
    uint64_t left; /* rows still to give */
    uint16_t *selection;
    struct rowset last; /* WITH TIES: the keys of the last row given, once the limit is reached */
    const struct vector **keys;
};

/* Whether the row ties with the last one. */
static bool ties(const struct limit *limit, const struct batch *batch, uint32_t row) {
    const struct plan_node *node = limit->base.node;
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        const struct vector *column = &batch->columns[node->sort_keys[i].expr->column];
        uint32_t place = 0;
        const struct vector *last = rowset_at(&limit->last, i, 0, &place);
        if (!vector_equal(column, vector_row(column, row), last, place)) {
            return false;
        }
    }
    return true;
}

static uint32_t live_row(const struct batch *batch, uint32_t i) {
    return batch->selection == NULL ? i : batch->selection[i];
}

static void limit_remember(struct limit *limit, const struct batch *batch, uint32_t row) {
    const struct plan_node *node = limit->base.node;
    uint16_t one = (uint16_t)row;
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        limit->keys[i] = &batch->columns[node->sort_keys[i].expr->column];
    }
    rowset_append(&limit->last, limit->keys, &one, 1);
}

/* A piece of a batch: live rows [skip, skip + give). */
static const struct batch *limit_give(struct limit *limit, const struct batch *batch, uint32_t skip, uint32_t give) {
    limit->base.batch = *batch;
    if (give < batch_live(batch)) {
        for (uint32_t i = 0; i < give; i++) {
            limit->selection[i] = (uint16_t)live_row(batch, skip + i);
        }
        limit->base.batch.selection = limit->selection;
        limit->base.batch.selection_count = give;
    }
    return &limit->base.batch;
}

/* Behind the limit: what ties with the last row, until one does not. */
static const struct batch *limit_ties(struct limit *limit) {
    struct exec_operator *below = limit->base.left;
    below->wanted = UINT64_MAX;
    const struct batch *batch = limit->last.row_count == 0 ? NULL : below->next(below);
    if (batch == NULL) {
        return NULL;
    }
    uint32_t live = batch_live(batch);
    uint32_t give = 0;
    while (give < live && ties(limit, batch, live_row(batch, give))) {
        give++;
    }
    if (give < live) {
        rowset_clear(&limit->last);
    }
    return give == 0 ? NULL : limit_give(limit, batch, 0, give);
}

static const struct batch *limit_next(struct exec_operator *self) {
    struct limit *limit = (struct limit *)self;
    while (limit->left > 0) {
        self->left->wanted = limit->skip > UINT64_MAX - limit->left ? UINT64_MAX : limit->skip + limit->left;
        const struct batch *batch = self->left->next(self->left);
        if (batch == NULL) {
            return NULL;
        }
        uint32_t live = batch_live(batch);
        uint32_t skip = limit->skip < live ? (uint32_t)limit->skip : live;
        limit->skip -= skip;
        uint32_t give = live - skip;
        if (give == 0) {
            continue;
        }
        give = limit->left < give ? (uint32_t)limit->left : give;
        limit->left -= give;
        if (limit->left == 0 && limit->keys != NULL) {
            limit_remember(limit, batch, live_row(batch, skip + give - 1));
            while (skip + give < live && ties(limit, batch, live_row(batch, skip + give))) {
                give++;
            }
            if (skip + give < live) {
                rowset_clear(&limit->last);
            }
        }
        return limit_give(limit, batch, skip, give);
    }
    return limit_ties(limit);
}

uint64_t limit_value(struct exec *exec, const struct expr *expr, uint64_t otherwise, enum kmb_status status,
                     const char *name) {
    if (expr == NULL) {
        return otherwise;
    }
    struct value value = exec_value(exec, expr);
    if (value.is_null) {
        return otherwise;
    }
    if (value.as.integer < 0) {
        sql_raise(exec->context, status, expr->position, "%s must not be negative", name);
    }
    return (uint64_t)value.as.integer;
}

struct exec_operator *limit_make(struct exec *exec, const struct plan_node *node) {
    struct limit *limit = operator_new(exec, node, sizeof(*limit), limit_next);
    limit->skip = limit_value(exec, node->offset, 0, KMB_INVALID_OFFSET_CLAUSE, "OFFSET");
    limit->left = limit_value(exec, node->limit, UINT64_MAX, KMB_INVALID_LIMIT, "LIMIT");
    limit->base.left = operator_make(exec, node->left);
    limit->base.rows_max = limit->base.left->rows_max;
    limit->selection = sql_alloc(exec->context, sizeof(uint16_t) * limit->base.rows_max);
    if (node->sort_key_count > 0) {
        struct type *types = sql_alloc(exec->context, sizeof(*types) * node->sort_key_count);
        for (uint32_t i = 0; i < node->sort_key_count; i++) {
            types[i] = node->sort_keys[i].expr->type;
        }
        rowset_init(&limit->last, exec->context, NULL, types, node->sort_key_count);
        limit->keys = sql_alloc(exec->context, sizeof(*limit->keys) * node->sort_key_count);
    }
    return &limit->base;
}
