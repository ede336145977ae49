/*
 * Running a query inside an expression.
 *
 * For each row that asks, the subquery's operators are made anew in a context of its own, with the row's values in
 * their hands, pulled until the answer is known, and given back whole. A subquery that takes nothing from outside is
 * run once: a scalar or EXISTS keeps its answer; IN, ANY and ALL keep the rows, and where the comparison is = of the
 * columns, a hash table over them, so that each asking row is one lookup.
 *
 * A scalar one of several columns is shared by as many expressions. Each asks for its column of all rows of a batch, in
 * the same order; the first that comes to a row runs the query, and the row's values are kept until the last has them.
 *
 * What the context raises, its statement raises (context.h: parent).
 */
#include "base/assert.h"
#include "sql/exec/hash_table.h"
#include "sql/exec/operator.h"

struct subquery_run {
    const struct plan_subquery *subquery;
    struct exec *parent;
    struct sql_context context;
    bool independent; /* its rows are the same for every asking row */

    /* independent, and asked before */
    bool known;
    struct value value; /* scalar, EXISTS */
    struct rowset rows; /* ANY, ALL */
    bool hashed;
    bool any_null; /* a row of the table had a NULL */
    struct hash_table table;
    uint32_t *test; /* which outer value is the left operand of each column */

    /* shared */
    struct subquery_run *next_shared;
    uint64_t *asked;      /* by column: how often */
    struct value *values; /* of the rows kept, row by row */
    uint64_t first_row;   /* number of the first kept */
    uint64_t row_count;
    uint64_t row_capacity;
    struct arena bytes; /* of the values */
};

/* --- one execution --- */

/* An error may have left the execution before in the middle. */
static void run_begin(struct subquery_run *run) {
    sql_context_free(&run->context);
    sql_context_inner(&run->context, run->parent->context);
}

static struct exec *run_open(struct subquery_run *run, const struct value *outers, uint32_t outer_count) {
    run_begin(run);
    return exec_open_inner(run->parent, &run->context, run->subquery->root, outers, outer_count);
}

static void run_close(struct subquery_run *run) {
    sql_context_free(&run->context);
}

static struct value keep(struct subquery_run *run, struct value value, struct arena *arena) {
    struct value copy;
    if (!value_copy(&value, arena, &copy)) {
        sql_raise(run->parent->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    return copy;
}

/* The one row's values; NULLs without a row. */
static void run_row(struct subquery_run *run, const struct value *outers, uint32_t outer_count, struct arena *arena,
                    struct value *values) {
    const struct plan_node *root = run->subquery->root;
    struct exec *exec = run_open(run, outers, outer_count);
    for (uint32_t i = 0; i < root->column_count; i++) {
        values[i] = value_null(root->columns[i].type.id);
    }
    bool found = false;
    const struct batch *batch;
    while ((batch = exec_next(exec)) != NULL) {
        if (found || batch_live(batch) > 1) {
            sql_raise(run->parent->context, KMB_CARDINALITY_VIOLATION, 0,
                      "more than one row returned by a subquery used as an expression");
        }
        uint32_t row = batch->selection == NULL ? 0 : batch->selection[0];
        for (uint32_t i = 0; i < root->column_count; i++) {
            const struct vector *column = &batch->columns[i];
            values[i] = keep(run, vector_get(column, vector_row(column, row)), arena);
        }
        found = true;
    }
    run_close(run);
}

static struct value run_scalar(struct subquery_run *run, const struct value *outers, uint32_t outer_count,
                               struct arena *arena) {
    ASSERT(run->subquery->root->column_count == 1);
    struct value value;
    run_row(run, outers, outer_count, arena, &value);
    return value;
}

/* --- one execution for several columns --- */

static struct value *shared_room(struct subquery_run *run) {
    uint32_t width = run->subquery->shares;
    if (run->row_count == run->row_capacity) {
        uint64_t capacity = run->row_capacity == 0 ? 1 : run->row_capacity * 2;
        struct value *grown = sql_alloc(run->parent->context, sizeof(*grown) * width * capacity);
        if (run->row_count > 0) {
            memcpy(grown, run->values, sizeof(*grown) * width * run->row_count);
        }
        run->values = grown;
        run->row_capacity = capacity;
    }
    return run->values + run->row_count++ * width;
}

static struct value shared_value(struct subquery_run *run, const struct value *outers, uint32_t outer_count,
                                 uint32_t column, struct arena *arena) {
    uint32_t width = run->subquery->shares;
    uint64_t number = run->asked[column]++;
    ASSERT(number >= run->first_row && number <= run->first_row + run->row_count);
    if (number == run->first_row + run->row_count) {
        run_row(run, outers, outer_count, &run->bytes, shared_room(run));
    }
    struct value value = keep(run, run->values[(number - run->first_row) * width + column], arena);
    bool all = true;
    for (uint32_t i = 0; i < width; i++) {
        all = all && run->asked[i] == run->first_row + run->row_count;
    }
    if (all) {
        run->first_row += run->row_count;
        run->row_count = 0;
        arena_free(&run->bytes);
    }
    return value;
}

static struct value run_exists(struct subquery_run *run, const struct value *outers, uint32_t outer_count) {
    bool exists = exec_next(run_open(run, outers, outer_count)) != NULL;
    run_close(run);
    return value_bool(exists);
}

/* --- ANY and ALL --- */

/* What is known after some rows: a row that decides ends it, a NULL is remembered. */
struct verdict {
    bool all;
    bool decided;
    bool unknown;
};

static void judge(struct verdict *verdict, struct evaluator *comparison, const struct batch *batch) {
    uint32_t live = batch_live(batch);
    const struct vector *outcome = evaluator_run(comparison, batch, batch->selection, live);
    for (uint32_t i = 0; i < live && !verdict->decided; i++) {
        uint32_t row = vector_row(outcome, batch->selection == NULL ? i : batch->selection[i]);
        if (outcome->may_have_null && outcome->null[row]) {
            verdict->unknown = true;
        } else {
            verdict->decided = (outcome->boolean[row] != 0) != verdict->all;
        }
    }
}

static struct value verdict_value(const struct verdict *verdict) {
    if (verdict->decided) {
        return value_bool(!verdict->all);
    }
    return verdict->unknown ? value_null(TYPE_BOOL) : value_bool(verdict->all);
}

static struct evaluator_scope comparison_scope(struct subquery_run *run, struct exec *exec, uint32_t rows_max) {
    return (struct evaluator_scope){.context = &run->context,
                                    .arena = &run->context.arena,
                                    .parameters = exec->parameters,
                                    .parameter_count = exec->parameter_count,
                                    .exec = exec,
                                    .rows_max = rows_max};
}

static struct evaluator *comparison_make(struct subquery_run *run, struct exec *exec, uint32_t rows_max) {
    struct evaluator_scope scope = comparison_scope(run, exec, rows_max);
    return evaluator_make(&scope, run->subquery->comparison);
}

static struct value run_compare(struct subquery_run *run, const struct value *outers, uint32_t outer_count) {
    struct exec *exec = run_open(run, outers, outer_count);
    struct evaluator *comparison = comparison_make(run, exec, exec->root->rows_max);
    struct verdict verdict = {.all = run->subquery->kind == PLAN_SUBQUERY_ALL};
    const struct batch *batch;
    while (!verdict.decided && (batch = exec_next(exec)) != NULL) {
        judge(&verdict, comparison, batch);
    }
    run_close(run);
    return verdict_value(&verdict);
}

/* --- ANY and ALL over rows that stay --- */

/* The pairs of the comparison when each is = of an outer value and something of the row, both of one type. */
static uint32_t equal_pairs(const struct plan_subquery *subquery, const struct expr *const **pairs) {
    const struct expr *comparison = subquery->comparison;
    bool several = comparison->kind == EXPR_AND;
    *pairs = several ? comparison->arguments : &subquery->comparison;
    uint32_t count = several ? comparison->argument_count : 1;
    for (uint32_t i = 0; i < count; i++) {
        const struct expr *pair = (*pairs)[i];
        if (pair->kind != EXPR_CALL || pair->function->class != SQL_FUNCTION_OPERATOR ||
            strcmp(pair->function->name, "=") != 0 || pair->arguments[0]->kind != EXPR_OUTER ||
            pair->arguments[0]->type.id != pair->arguments[1]->type.id) {
            return 0;
        }
    }
    return count;
}

/* The operands of the equalities that are of the row, as keys of the hash table. */
struct row_keys {
    uint32_t count;
    struct evaluator **evaluators;
    const struct vector **vectors;
    uint32_t *ids;
};

static void keys_make(struct subquery_run *run, struct exec *exec, const struct expr *const *pairs,
                      struct row_keys *keys) {
    struct sql_context *context = run->parent->context;
    struct type *types = sql_alloc(context, sizeof(*types) * keys->count);
    struct evaluator_scope scope = comparison_scope(run, exec, exec->root->rows_max);
    keys->evaluators = sql_alloc(&run->context, sizeof(*keys->evaluators) * keys->count);
    keys->vectors = sql_alloc(&run->context, sizeof(*keys->vectors) * keys->count);
    keys->ids = sql_alloc(&run->context, sizeof(*keys->ids) * exec->root->rows_max);
    run->test = sql_alloc(context, sizeof(*run->test) * keys->count);
    for (uint32_t i = 0; i < keys->count; i++) {
        types[i] = pairs[i]->arguments[1]->type;
        keys->evaluators[i] = evaluator_make(&scope, pairs[i]->arguments[1]);
        run->test[i] = pairs[i]->arguments[0]->column;
    }
    hash_table_init(&run->table, context, NULL, types, keys->count);
    run->hashed = true;
}

static void keys_take(struct subquery_run *run, struct row_keys *keys, const struct batch *batch) {
    uint32_t live = batch_live(batch);
    for (uint32_t i = 0; i < keys->count; i++) {
        keys->vectors[i] = evaluator_run(keys->evaluators[i], batch, batch->selection, live);
        for (uint32_t k = 0; k < live && !run->any_null; k++) {
            uint32_t row = batch->selection == NULL ? k : batch->selection[k];
            run->any_null = vector_is_null(keys->vectors[i], vector_row(keys->vectors[i], row));
        }
    }
    hash_table_insert(&run->table, keys->vectors, batch->selection, live, keys->ids, NULL);
}

static void rows_keep(struct subquery_run *run, const struct batch *batch) {
    uint32_t count = run->rows.column_count;
    const struct vector **columns = sql_alloc(&run->context, sizeof(*columns) * (count + 1));
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = &batch->columns[i];
    }
    rowset_append(&run->rows, columns, batch->selection, batch_live(batch));
}

/* One column of equalities needs the hash table alone; else the rows are kept as well, for what NULLs leave open. */
static void rows_fill(struct subquery_run *run, const struct value *outers, uint32_t outer_count) {
    struct sql_context *context = run->parent->context;
    const struct plan_node *root = run->subquery->root;
    const struct expr *const *pairs = NULL;
    struct exec *exec = run_open(run, outers, outer_count);
    struct row_keys keys = {.count = run->subquery->kind == PLAN_SUBQUERY_ANY ? equal_pairs(run->subquery, &pairs) : 0};
    if (keys.count > 0) {
        keys_make(run, exec, pairs, &keys);
    }
    struct type *types = sql_alloc(context, sizeof(*types) * (root->column_count + 1));
    for (uint32_t i = 0; i < root->column_count; i++) {
        types[i] = root->columns[i].type;
    }
    rowset_init(&run->rows, context, NULL, types, root->column_count);
    const struct batch *batch;
    while ((batch = exec_next(exec)) != NULL) {
        if (keys.count > 0) {
            keys_take(run, &keys, batch);
        }
        if (keys.count != 1) {
            rows_keep(run, batch);
        }
    }
    run_close(run);
    run->known = true;
}

static struct value find_kept(struct subquery_run *run, const struct value *outers, uint32_t outer_count);

/* One lookup. A NULL on either side leaves open whether there is an equal row, except in an empty set. */
static struct value find_hashed(struct subquery_run *run, const struct value *outers, uint32_t outer_count) {
    uint32_t count = run->table.keys.column_count;
    if (run->table.keys.row_count == 0) {
        return value_bool(false);
    }
    run_begin(run);
    struct vector *columns = sql_alloc_zero(&run->context, count, sizeof(*columns));
    const struct vector **list = sql_alloc(&run->context, sizeof(*list) * count);
    bool null = false;
    for (uint32_t i = 0; i < count; i++) {
        struct value test = outers[run->test[i]];
        test.type = run->table.keys.types[i].id;
        null = null || test.is_null;
        vector_init_rows(&run->context, &columns[i], run->table.keys.types[i], 1);
        vector_set(&columns[i], 0, &test);
        list[i] = &columns[i];
    }
    uint32_t id = ROWSET_NONE;
    if (!null) {
        hash_table_find(&run->table, list, NULL, 1, &id);
    }
    run_close(run);
    if (id != ROWSET_NONE) {
        return value_bool(true);
    }
    if (count > 1 && (null || run->any_null)) {
        return find_kept(run, outers, outer_count);
    }
    return null || run->any_null ? value_null(TYPE_BOOL) : value_bool(false);
}

/* Goes through the rows kept, a chunk at a time. */
static struct value find_kept(struct subquery_run *run, const struct value *outers, uint32_t outer_count) {
    run_begin(run);
    struct exec inner = {.context = &run->context,
                         .host = run->parent->host,
                         .parent = run->parent,
                         .parameters = run->parent->parameters,
                         .parameter_count = run->parent->parameter_count,
                         .outers = outers,
                         .outer_count = outer_count};
    struct evaluator *comparison = comparison_make(run, &inner, VECTOR_ROWS);
    struct verdict verdict = {.all = run->subquery->kind == PLAN_SUBQUERY_ALL};
    for (uint32_t first = 0; first < run->rows.row_count && !verdict.decided; first += VECTOR_ROWS) {
        uint32_t left = run->rows.row_count - first;
        struct batch batch = {.column_count = run->rows.column_count,
                              .count = left < VECTOR_ROWS ? left : VECTOR_ROWS,
                              .columns = run->rows.chunks[first / VECTOR_ROWS]};
        judge(&verdict, comparison, &batch);
    }
    run_close(run);
    return verdict_value(&verdict);
}

/* --- the face --- */

static void run_free(void *object) {
    struct subquery_run *run = object;
    run_close(run);
}

struct subquery_run *subquery_make(struct exec *exec, const struct plan_subquery *subquery) {
    for (struct subquery_run *shared = exec->shared; shared != NULL; shared = shared->next_shared) {
        if (shared->subquery == subquery) {
            return shared;
        }
    }
    struct subquery_run *run = sql_alloc_zero(exec->context, 1, sizeof(*run));
    exec_arena_init(exec, &run->bytes);
    if (subquery->shares > 0) {
        run->asked = sql_alloc_zero(exec->context, subquery->shares, sizeof(*run->asked));
        run->next_shared = exec->shared;
        exec->shared = run;
    }
    run->subquery = subquery;
    run->parent = exec;
    run->independent = subquery->outer_count == 0;
    sql_context_inner(&run->context, exec->context);
    exec_defer(exec, run_free, run);
    return run;
}

void subquery_restart(struct exec *exec) {
    for (struct subquery_run *run = exec->shared; run != NULL; run = run->next_shared) {
        memset(run->asked, 0, sizeof(*run->asked) * run->subquery->shares);
        run->first_row = 0;
        run->row_count = 0;
        arena_free(&run->bytes);
    }
}

struct value subquery_value(struct subquery_run *run, const struct value *outers, uint32_t outer_count, uint32_t column,
                            struct arena *arena) {
    sql_check_cancel(run->parent->context);
    if (run->subquery->shares > 0) {
        return shared_value(run, outers, outer_count, column, arena);
    }
    switch (run->subquery->kind) {
    case PLAN_SUBQUERY_SCALAR:
        if (!run->independent) {
            return run_scalar(run, outers, outer_count, arena);
        }
        if (!run->known) {
            run->value = run_scalar(run, outers, outer_count, &run->parent->context->arena);
            run->known = true;
        }
        return run->value;
    case PLAN_SUBQUERY_EXISTS:
        if (!run->known) {
            run->value = run_exists(run, outers, outer_count);
            run->known = run->independent;
        }
        return run->value;
    case PLAN_SUBQUERY_ANY:
    case PLAN_SUBQUERY_ALL:
        if (!run->independent) {
            return run_compare(run, outers, outer_count);
        }
        if (!run->known) {
            rows_fill(run, outers, outer_count);
        }
        return run->hashed ? find_hashed(run, outers, outer_count) : find_kept(run, outers, outer_count);
    }
    UNREACHABLE("subquery kind");
}
