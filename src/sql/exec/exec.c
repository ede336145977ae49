/*
 * Opening a plan: one operator per node, views pinned once per block of time travel, writes run to their end.
 *
 * In a write, scans without a time clause read a view of the transaction taken when the statement began. The kernel
 * keeps such a view as it was while the transaction goes on, so a write may change rows while its own search still
 * runs and never meets what it changed.
 */
#include "sql/exec/exec.h"

#include "base/assert.h"
#include "sql/exec/operator.h"
#include "sql/exec/reference.h"
#include "sql/exec/write.h"

struct exec_held {
    struct exec_held *next;
    void (*release)(void *object);
    void *object;
};

void exec_defer(struct exec *exec, void (*release)(void *object), void *object) {
    struct exec_held *held = sql_alloc_or_release(exec->context, sizeof(*held), release, object);
    *held = (struct exec_held){.next = exec->held, .release = release, .object = object};
    exec->held = held;
}

static void scratch_out_of_memory(void *object, bool budget) {
    sql_raise_memory(object, budget);
}

static void arena_release(void *object) {
    arena_free(object);
}

void exec_arena_init(struct exec *exec, struct arena *arena) {
    arena_init(arena, exec->context->arena.bytes_max);
    arena->charge = exec->context->arena.charge;
    arena->on_fail = scratch_out_of_memory;
    arena->on_fail_context = exec->context;
    exec_defer(exec, arena_release, arena);
}

void operator_arena_init(struct exec_operator *self, struct arena *arena) {
    exec_arena_init(self->exec, arena);
}

void operator_kept_init(struct exec_operator *self, struct arena *arena) {
    exec_arena_init(self->exec, arena);
    if (self->exec->measures != NULL) {
        struct operator_arena *kept = sql_alloc(self->exec->context, sizeof(*kept));
        *kept = (struct operator_arena){.next = self->kept, .arena = arena};
        self->kept = kept;
    }
}

void *operator_new(struct exec *exec, const struct plan_node *node, size_t size,
                   const struct batch *(*next)(struct exec_operator *self)) {
    ASSERT(size >= sizeof(struct exec_operator));
    struct exec_operator *self = sql_alloc_zero(exec->context, 1, size);
    self->next = next;
    self->exec = exec;
    self->node = node;
    operator_arena_init(self, &self->scratch);
    self->scratch_start = arena_mark(&self->scratch);
    self->rows_max = VECTOR_ROWS;
    self->wanted = UINT64_MAX;
    self->batch.column_count = node->column_count;
    return self;
}

void operator_begin(struct exec_operator *self) {
    sql_check_cancel(self->exec->context);
    if (self->scratch.chunks != NULL) {
        arena_rewind(&self->scratch, self->scratch_start);
    }
}

void operator_columns(struct exec_operator *self, uint32_t rows_max) {
    struct sql_context *context = self->exec->context;
    self->rows_max = rows_max;
    self->batch.columns = sql_alloc_zero(context, self->batch.column_count + 1, sizeof(struct vector));
    for (uint32_t i = 0; i < self->batch.column_count; i++) {
        vector_init_rows(context, &self->batch.columns[i], self->node->columns[i].type, rows_max);
    }
}

void operator_clear(struct exec_operator *self) {
    for (uint32_t i = 0; i < self->batch.column_count; i++) {
        vector_clear(&self->batch.columns[i], self->rows_max);
    }
    self->batch.selection = NULL;
    self->batch.selection_count = 0;
}

struct evaluator *operator_evaluator(struct exec_operator *self, const struct expr *expr, uint32_t rows_max) {
    struct evaluator_scope scope = {.context = self->exec->context,
                                    .arena = &self->scratch,
                                    .parameters = self->exec->parameters,
                                    .parameter_count = self->exec->parameter_count,
                                    .exec = self->exec,
                                    .rows_max = rows_max};
    return evaluator_make(&scope, expr);
}

struct value exec_value(struct exec *exec, const struct expr *expr) {
    struct evaluator_scope scope = {.context = exec->context,
                                    .arena = &exec->context->arena,
                                    .parameters = exec->parameters,
                                    .parameter_count = exec->parameter_count,
                                    .exec = exec,
                                    .rows_max = 1};
    return evaluator_value(&scope, expr);
}

/* --- views --- */

static void view_release(struct exec_view *view) {
    if (view->view == NULL) {
        return;
    }
    if (view->of_transaction) {
        kernel_view_close(view->view);
    } else {
        view->exec->host->view_close(view->exec->host->context, view->view);
    }
}

/* Views last: what is held by this query and by the subqueries in it reads through them. */
static void exec_release(void *object) {
    struct exec *exec = object;
    while (exec->held != NULL) {
        struct exec_held *held = exec->held;
        exec->held = held->next;
        held->release(held->object);
    }
    while (exec->views != NULL) {
        struct exec_view *view = exec->views;
        exec->views = view->next;
        view_release(view);
    }
}

struct sql_point exec_point_of(struct exec *exec, const struct plan_at *at) {
    if (at->kind == PLAN_AT_NONE) {
        return exec->host->at;
    }
    struct sql_point point = {.kind = at->kind, .position = at->position};
    struct value value = exec_value(exec, at->value);
    if (value.is_null) {
        sql_raise(exec->context, KMB_INVALID_PARAMETER, at->position, "the point to read at must not be null");
    }
    if (at->kind == PLAN_AT_POSITION) {
        if (value.as.integer < 0) {
            sql_raise(exec->context, KMB_INVALID_PARAMETER, at->position,
                      "a position must be a non-negative integer, got %lld", (long long)value.as.integer);
        }
        point.offset = (uint64_t)value.as.integer;
    } else {
        if (!timestamp_is_finite(value.as.timestamp)) {
            sql_raise(exec->context, KMB_DATETIME_OVERFLOW, at->position, "the time to read at must be finite");
        }
        point.time_us = value.as.timestamp.us;
    }
    return point;
}

struct kernel_view *exec_view_of(struct exec *exec, const struct plan_node *node) {
    while (exec->parent != NULL) {
        exec = exec->parent;
    }
    for (struct exec_view *view = exec->views; view != NULL; view = view->next) {
        if (view->block == node->at_block && view->present == (node->at.kind == PLAN_AT_NONE)) {
            return view->view;
        }
    }
    struct exec_view *view = sql_alloc_zero(exec->context, 1, sizeof(*view));
    view->exec = exec;
    view->block = node->at_block;
    view->present = node->at.kind == PLAN_AT_NONE;
    view->point = exec_point_of(exec, &node->at);
    view->next = exec->views;
    exec->views = view;
    if (exec->transaction != NULL && view->point.kind == PLAN_AT_NONE) {
        view->of_transaction = true;
        sql_try(exec->context, kernel_transaction_view(exec->transaction, &view->view, exec->context->error));
    } else {
        enum kmb_status status =
            exec->host->view_open(exec->host->context, &view->point, &view->view, exec->context->error);
        if (status != KMB_OK) {
            sql_raise_status(exec->context, status, node->at.position);
        }
    }
    if (view->view->catalogue != node->catalogue &&
        catalogue_version(view->view->catalogue) != catalogue_version(node->catalogue)) {
        exec->context->stale_plan = true; /* whoever holds the plan binds it anew and comes again */
        sql_raise_status(exec->context, KMB_INTERNAL, 0);
    }
    return view->view;
}

const struct table_definition *exec_table_of(struct exec *exec, const struct kernel_view *view,
                                             const struct plan_node *node) {
    const struct table_definition *table = catalogue_table_of_id(view->catalogue, node->table->id);
    if (table == NULL) {
        sql_raise(exec->context, KMB_UNDEFINED_TABLE, node->at.position, "relation \"%.*s\" does not exist",
                  (int)node->table->name.length, (const char *)node->table->name.bytes);
    }
    return table;
}

/* --- operators --- */

static struct exec_operator *make(struct exec *exec, const struct plan_node *node) {
    switch (node->kind) {
    case PLAN_SCAN:
        return scan_make(exec, node);
    case PLAN_HISTORY:
        return history_make(exec, node);
    case PLAN_DIFF:
        return diff_make(exec, node);
    case PLAN_VALUES:
        return values_make(exec, node);
    case PLAN_FUNCTION:
        return functions_make(exec, node);
    case PLAN_COPY:
        return copy_make(exec, node);
    case PLAN_CATALOGUE:
        return catalogue_rows_make(exec, node);
    case PLAN_ONE_ROW:
        return one_row_make(exec, node);
    case PLAN_BITMAP_INDEX:
    case PLAN_BITMAP_AND:
    case PLAN_BITMAP_OR:
        break; /* read by their scan */
    case PLAN_FILTER:
        return filter_make(exec, node);
    case PLAN_PROJECT:
        return project_make(exec, node);
    case PLAN_AGGREGATE:
        return aggregate_make(exec, node);
    case PLAN_WINDOW:
        return window_make(exec, node);
    case PLAN_SORT:
        return sort_make(exec, node);
    case PLAN_LOCK:
        return lock_make(exec, node);
    case PLAN_LIMIT:
        return limit_make(exec, node);
    case PLAN_DISTINCT:
        return distinct_make(exec, node);
    case PLAN_JOIN:
        return join_make(exec, node);
    case PLAN_CTE:
        return cte_make(exec, node);
    case PLAN_SET:
        return set_make(exec, node);
    case PLAN_INSERT:
        return insert_make(exec, node);
    case PLAN_UPDATE:
        return update_make(exec, node);
    case PLAN_DELETE:
        return delete_make(exec, node);
    case PLAN_MERGE:
        return merge_make(exec, node);
    }
    UNREACHABLE("plan kind");
}

struct plan_measure *exec_measure(struct exec *exec, const struct plan_node *node) {
    if (exec->measures == NULL) {
        return NULL;
    }
    struct plan_measure *measure = exec->measures->list;
    while (measure != NULL && measure->node != node) {
        measure = measure->next;
    }
    if (measure == NULL) {
        struct exec *outermost = exec;
        while (outermost->parent != NULL) {
            outermost = outermost->parent;
        }
        measure = sql_alloc_zero(outermost->context, 1, sizeof(*measure));
        *measure = (struct plan_measure){.node = node, .next = exec->measures->list};
        exec->measures->list = measure;
    }
    return measure;
}

/* The clock and the counters before a piece of an operator's work. */
struct measuring {
    int64_t begun_ns;
    struct store_touched pages;
};

static int64_t measure_ns(const struct exec_operator *self) {
    const struct sql_host *host = self->exec->host;
    return self->exec->measures->timing && host->monotonic_ns != NULL ? host->monotonic_ns(host->context) : 0;
}

static struct measuring measure_begin(const struct exec_operator *self) {
    return (struct measuring){.begun_ns = measure_ns(self), .pages = store_touched()};
}

static void measure_pages(struct plan_measure *measure, const struct store_touched *before) {
    struct store_touched now = store_touched();
    measure->pages.hits += now.hits - before->hits;
    measure->pages.reads += now.reads - before->reads;
    measure->pages.dirtied += now.dirtied - before->dirtied;
}

static void measure_end(struct exec_operator *self, const struct measuring *measuring) {
    struct plan_measure *measure = self->measure;
    measure_pages(measure, &measuring->pages);
    int64_t took = measure_ns(self) - measuring->begun_ns;
    measure->total_ns += took;
    if (!self->begun) {
        self->begun = true;
        measure->loops++;
        measure->first_ns += took;
    }
    uint64_t memory = 0;
    for (const struct operator_arena *kept = self->kept; kept != NULL; kept = kept->next) {
        memory += kept->arena->bytes_peak;
    }
    measure->memory = memory > measure->memory ? memory : measure->memory;
}

static const struct batch *next_measured(struct exec_operator *self) {
    struct measuring measuring = measure_begin(self);
    const struct batch *batch = self->measured(self);
    measure_end(self, &measuring);
    self->measure->rows += batch == NULL ? 0 : batch_live(batch);
    return batch;
}

/* What making it reads counts, too: a scan is placed on its first row. */
struct exec_operator *operator_make(struct exec *exec, const struct plan_node *node) {
    struct store_touched before = store_touched();
    struct exec_operator *self = make(exec, node);
    if (exec->measures != NULL) {
        self->measure = exec_measure(exec, node);
        self->measured = self->next;
        self->next = next_measured;
        measure_pages(self->measure, &before);
    }
    return self;
}

/* A write runs at once, not by next(). */
static uint64_t write_measured(struct exec *exec) {
    if (exec->root->measure == NULL) {
        return write_run(exec->root);
    }
    struct measuring measuring = measure_begin(exec->root);
    uint64_t affected = write_run(exec->root);
    measure_end(exec->root, &measuring);
    return affected;
}

/*
 * The statement's own query first; it pulls from the writes in WITH that it reads. Then these to their end, last first,
 * for one may read what an earlier one returns.
 */
static void run_writes(struct exec *exec, const struct plan_node *root) {
    for (uint32_t i = 0; i < root->write_count; i++) {
        cte_open(exec, root->writes[i]);
    }
    if (plan_writes(root)) {
        exec->affected = write_measured(exec);
    } else {
        exec->root = kept_make(exec, root, exec->root);
        exec->affected = kept_run(exec->root);
    }
    for (uint32_t i = root->write_count; i > 0; i--) {
        cte_finish(exec, root->writes[i - 1]);
    }
}

static void release_before(void *object) {
    kernel_view_close(object);
}

/* Whether a foreign key of or to a table that the statement writes is to be looked at. */
static bool writes_refer(const struct exec *exec, const struct plan_node *root) {
    const struct catalogue *catalogue = kernel_transaction_catalogue(exec->transaction);
    bool refer = false;
    for (uint32_t i = 0; i <= root->write_count && catalogue_has_foreign_keys(catalogue) && !refer; i++) {
        const struct plan_node *node = i == root->write_count ? root : root->writes[i]->root;
        const struct table_definition *table =
            plan_writes(node) ? catalogue_table_of_id(catalogue, node->table->id) : NULL;
        refer = table != NULL && catalogue_table_refers(catalogue, table);
    }
    return refer;
}

struct exec *exec_open(struct sql_context *context, const struct sql_host *host, const struct plan_node *root,
                       const struct value *parameters, uint32_t parameter_count, struct plan_measures *measures) {
    struct exec *exec = sql_alloc_zero(context, 1, sizeof(*exec));
    exec->context = context;
    exec->measures = measures;
    exec->host = host;
    exec->usage = host == NULL ? NULL : host->usage;
    exec->parameters = parameters;
    exec->parameter_count = parameter_count;
    sql_defer(context, exec_release, exec);
    if (plan_writes(root) || root->write_count > 0) {
        sql_try(context, host->transaction(host->context, &exec->transaction, context->error));
    }
    if (root->write_count > 0) { /* several writes, one moment that all of them read */
        exec->several = true;
        (void)exec_view_of(exec, root->writes[0]->root);
    }
    struct kernel_place start = {.part = 0};
    struct kernel_view *before = NULL;
    if (exec->transaction != NULL && !host->references_held && writes_refer(exec, root)) {
        sql_try(context, kernel_transaction_place(exec->transaction, &start, context->error));
        sql_try(context, kernel_transaction_view(exec->transaction, &before, context->error));
        sql_defer(context, release_before, before);
    }
    exec->root = operator_make(exec, root);
    if (exec->transaction != NULL) {
        run_writes(exec, root);
        if (before != NULL) {
            references_run(exec, &start, before);
        }
        exec_release(exec); /* what follows is rows from memory */
    }
    return exec;
}

static struct exec *exec_new_inner(struct exec *parent, struct sql_context *context, const struct value *outers,
                                   uint32_t outer_count) {
    struct exec *exec = sql_alloc_zero(context, 1, sizeof(*exec));
    exec->context = context;
    exec->host = parent->host;
    exec->usage = parent->usage;
    exec->measures = parent->measures;
    exec->parent = parent;
    exec->depth = parent->depth;
    exec->rounds = parent->rounds;
    exec->parameters = parent->parameters;
    exec->parameter_count = parent->parameter_count;
    exec->outers = outers;
    exec->outer_count = outer_count;
    sql_defer(context, exec_release, exec);
    return exec;
}

struct exec *exec_open_inner(struct exec *parent, struct sql_context *context, const struct plan_node *root,
                             const struct value *outers, uint32_t outer_count) {
    struct exec *exec = exec_new_inner(parent, context, outers, outer_count);
    exec->depth++;
    exec->root = operator_make(exec, root);
    return exec;
}

struct exec *exec_open_round(struct exec *parent, struct sql_context *context, const struct plan_node *root) {
    struct exec *exec = exec_new_inner(parent, context, parent->outers, parent->outer_count);
    exec->rounds++;
    exec->root = operator_make(exec, root);
    return exec;
}

const struct batch *exec_next(struct exec *exec) {
    if (exec->closed) {
        return NULL;
    }
    const struct batch *batch = exec->root->next(exec->root);
    if (batch == NULL) {
        exec_close(exec);
    }
    return batch;
}

uint64_t exec_rows_affected(const struct exec *exec) {
    return exec->affected;
}

void exec_close(struct exec *exec) {
    if (exec == NULL) {
        return;
    }
    exec->closed = true;
    exec_release(exec);
}
