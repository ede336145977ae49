/*
 * Random expressions over random batches, evaluated by vectors, against an evaluator of one row at a time that is as
 * plain as SQL's definition: three-valued logic, CASE and COALESCE that stop where they are decided, division by zero
 * where and only where a row comes to it.
 */
#include "plan_fixture.h"

#include "sql/exec/evaluate.h"

#define COLUMNS 4
static const enum type_id types[COLUMNS] = {TYPE_INT4, TYPE_INT4, TYPE_BOOL, TYPE_TEXT};

/* --- the naive evaluator; *failed: division by zero --- */

static struct value naive(const struct expr *expr, const struct value *row, bool *failed);

static struct value naive_call(const struct expr *expr, const struct value *row, bool *failed) {
    struct value a = naive(expr->arguments[0], row, failed);
    struct value b = naive(expr->arguments[1], row, failed);
    const char *name = expr->function->name;
    enum type_id type = expr->type.id;
    if (*failed || a.is_null || b.is_null) {
        return value_null(type);
    }
    int order = expr->function->commutator == NULL ? 0 : value_compare(&a, &b);
    if (strcmp(name, "+") == 0) {
        return value_integer(type, a.as.integer + b.as.integer);
    }
    if (strcmp(name, "/") == 0) {
        *failed = b.as.integer == 0;
        return *failed ? value_null(type) : value_integer(type, a.as.integer / b.as.integer);
    }
    return value_bool(strcmp(name, "=") == 0 ? order == 0 : strcmp(name, "<") == 0 ? order < 0 : order >= 0);
}

static struct value naive_logic(const struct expr *expr, const struct value *row, bool *failed) {
    bool deciding = expr->kind == EXPR_OR;
    bool unknown = false;
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        struct value value = naive(expr->arguments[i], row, failed);
        if (*failed) {
            return value_null(TYPE_BOOL);
        }
        if (!value.is_null && value.as.boolean == deciding) {
            return value_bool(deciding);
        }
        unknown |= value.is_null;
    }
    return unknown ? value_null(TYPE_BOOL) : value_bool(!deciding);
}

static struct value naive_in(const struct expr *expr, const struct value *row, bool *failed) {
    struct value value = naive(expr->arguments[0], row, failed);
    bool unknown = false;
    for (uint32_t i = 1; i < expr->argument_count && !*failed && !value.is_null; i++) {
        struct value item = naive(expr->arguments[i], row, failed);
        if (!*failed && !item.is_null && value_compare(&value, &item) == 0) {
            return value_bool(!expr->negated);
        }
        unknown |= item.is_null;
    }
    return value.is_null || unknown ? value_null(TYPE_BOOL) : value_bool(expr->negated);
}

static struct value naive_choice(const struct expr *expr, const struct value *row, bool *failed) {
    uint32_t last = expr->argument_count - 1;
    if (expr->kind == EXPR_COALESCE) {
        for (uint32_t i = 0; i < last; i++) {
            struct value value = naive(expr->arguments[i], row, failed);
            if (*failed || !value.is_null) {
                return value;
            }
        }
        return naive(expr->arguments[last], row, failed);
    }
    for (uint32_t i = 0; i + 1 < expr->argument_count; i += 2) {
        struct value condition = naive(expr->arguments[i], row, failed);
        if (*failed || (!condition.is_null && condition.as.boolean)) {
            return *failed ? condition : naive(expr->arguments[i + 1], row, failed);
        }
    }
    return naive(expr->arguments[last], row, failed);
}

static struct value naive_extreme(const struct expr *expr, const struct value *row, bool *failed) {
    struct value best = value_null(expr->type.id);
    for (uint32_t i = 0; i < expr->argument_count && !*failed; i++) {
        struct value value = naive(expr->arguments[i], row, failed);
        if (!*failed && !value.is_null && (best.is_null || (value_compare(&value, &best) < 0) == expr->negated)) {
            best = best.is_null || value_compare(&value, &best) != 0 ? value : best;
        }
    }
    return best;
}

static struct value naive(const struct expr *expr, const struct value *row, bool *failed) {
    struct value a;
    struct value b;
    switch (expr->kind) {
    case EXPR_CONSTANT:
        return expr->value;
    case EXPR_COLUMN:
        return row[expr->column];
    case EXPR_CALL:
        return naive_call(expr, row, failed);
    case EXPR_AND:
    case EXPR_OR:
        return naive_logic(expr, row, failed);
    case EXPR_NOT:
        a = naive(expr->arguments[0], row, failed);
        return a.is_null ? a : value_bool(!a.as.boolean);
    case EXPR_IS_NULL:
        a = naive(expr->arguments[0], row, failed);
        return value_bool(a.is_null != expr->negated);
    case EXPR_IS_TRUTH:
        a = naive(expr->arguments[0], row, failed);
        return value_bool((expr->truth == EXPR_TRUTH_UNKNOWN
                               ? a.is_null
                               : !a.is_null && a.as.boolean == (expr->truth == EXPR_TRUTH_TRUE)) != expr->negated);
    case EXPR_DISTINCT:
        a = naive(expr->arguments[0], row, failed);
        b = naive(expr->arguments[1], row, failed);
        return *failed ? a : value_bool((value_compare_nulls_last(&a, &b) != 0) != expr->negated);
    case EXPR_NULLIF:
        a = naive(expr->arguments[0], row, failed);
        b = naive(expr->arguments[1], row, failed);
        return !*failed && !a.is_null && !b.is_null && value_compare(&a, &b) == 0 ? value_null(a.type) : a;
    case EXPR_CASE:
    case EXPR_COALESCE:
        return naive_choice(expr, row, failed);
    case EXPR_EXTREME:
        return naive_extreme(expr, row, failed);
    default:
        return naive_in(expr, row, failed);
    }
}

/* --- random expressions --- */

static const struct expr *random_expr(struct fixture *fixture, struct prng *prng, enum type_id type, unsigned depth);

static const struct expr *random_list(struct fixture *fixture, struct prng *prng, enum expr_kind kind,
                                      enum type_id type, enum type_id of, uint32_t count, unsigned depth) {
    struct expr *expr = make_expr(fixture, kind, type, count);
    for (uint32_t i = 0; i < count; i++) {
        expr->arguments[i] = random_expr(fixture, prng, of, depth);
    }
    return expr;
}

static const struct expr *random_choice(struct fixture *fixture, struct prng *prng, enum type_id type, unsigned depth) {
    struct expr *expr = NULL;
    switch (prng_below(prng, 4)) {
    case 0:
        expr = make_expr(fixture, EXPR_CASE, type, 3 + 2 * (uint32_t)prng_below(prng, 2));
        for (uint32_t i = 0; i < expr->argument_count; i++) {
            bool condition = i % 2 == 0 && i + 1 < expr->argument_count;
            expr->arguments[i] = random_expr(fixture, prng, condition ? TYPE_BOOL : type, depth);
        }
        return expr;
    case 1:
        return random_list(fixture, prng, EXPR_COALESCE, type, type, 2 + (uint32_t)prng_below(prng, 2), depth);
    case 2:
        expr = (struct expr *)random_list(fixture, prng, EXPR_EXTREME, type, type, 2, depth);
        expr->negated = prng_chance(prng, 1, 2);
        return expr;
    default:
        expr = (struct expr *)random_list(fixture, prng, EXPR_NULLIF, type, type, 2, depth);
        expr->function = sql_comparison_find("=", type);
        return expr;
    }
}

static const struct expr *random_bool(struct fixture *fixture, struct prng *prng, unsigned depth) {
    static const enum type_id compared[] = {TYPE_INT4, TYPE_TEXT, TYPE_BOOL};
    static const char *const names[] = {"=", "<", ">="};
    enum type_id of = compared[prng_below(prng, 3)];
    struct expr *expr = NULL;
    switch (prng_below(prng, 9)) {
    case 0:
    case 1:
        return make_operator(fixture, names[prng_below(prng, 3)], random_expr(fixture, prng, of, depth),
                             random_expr(fixture, prng, of, depth));
    case 2:
    case 3:
        return random_list(fixture, prng, prng_chance(prng, 1, 2) ? EXPR_AND : EXPR_OR, TYPE_BOOL, TYPE_BOOL,
                           2 + (uint32_t)prng_below(prng, 2), depth);
    case 4:
        return random_list(fixture, prng, EXPR_NOT, TYPE_BOOL, TYPE_BOOL, 1, depth);
    case 5:
        expr = (struct expr *)random_list(fixture, prng, EXPR_IS_NULL, TYPE_BOOL, of, 1, depth);
        break;
    case 6:
        expr = (struct expr *)random_list(fixture, prng, EXPR_IS_TRUTH, TYPE_BOOL, TYPE_BOOL, 1, depth);
        expr->truth = (enum expr_truth)prng_below(prng, 3);
        break;
    case 7:
        expr = (struct expr *)random_list(fixture, prng, EXPR_DISTINCT, TYPE_BOOL, of, 2, depth);
        expr->function = sql_comparison_find("=", of);
        break;
    default: /* long constant lists are hashed */
        expr = make_expr(fixture, EXPR_IN_LIST, TYPE_BOOL, 2 + (uint32_t)prng_below(prng, 9));
        expr->function = sql_comparison_find("=", of);
        for (uint32_t i = 0; i < expr->argument_count; i++) {
            expr->arguments[i] = i > 0 && expr->argument_count > 5
                                     ? make_constant(fixture, random_value(fixture, prng, of))
                                     : random_expr(fixture, prng, of, depth);
        }
        break;
    }
    expr->negated = prng_chance(prng, 1, 2);
    return expr;
}

static const struct expr *random_expr(struct fixture *fixture, struct prng *prng, enum type_id type, unsigned depth) {
    if (depth == 0 || prng_chance(prng, 1, 4)) {
        if (prng_chance(prng, 1, 4)) {
            return make_constant(fixture, random_value(fixture, prng, type));
        }
        uint32_t column = type == TYPE_INT4 ? (uint32_t)prng_below(prng, 2) : type == TYPE_BOOL ? 2 : 3;
        return make_column(fixture, column, type);
    }
    if (prng_chance(prng, 1, 3)) {
        return random_choice(fixture, prng, type, depth - 1);
    }
    if (type == TYPE_BOOL) {
        return random_bool(fixture, prng, depth - 1);
    }
    if (type == TYPE_INT4) {
        return make_operator(fixture, prng_chance(prng, 1, 4) ? "/" : "+", random_expr(fixture, prng, type, depth - 1),
                             random_expr(fixture, prng, type, depth - 1));
    }
    return random_choice(fixture, prng, type, depth - 1);
}

/* --- the comparison --- */

struct trial {
    struct batch batch;
    struct vector columns[COLUMNS];
    struct value *rows;
    uint16_t selection[VECTOR_ROWS];
    uint32_t selected;
};

static void trial_fill(struct fixture *fixture, struct prng *prng, struct trial *trial) {
    uint32_t rows = 1 + (uint32_t)prng_below(prng, prng_chance(prng, 1, 8) ? VECTOR_ROWS : 40);
    trial->rows = sql_alloc(&fixture->context, sizeof(struct value) * rows * COLUMNS);
    trial->batch = (struct batch){.column_count = COLUMNS, .count = rows, .columns = trial->columns};
    bool with_nulls = prng_chance(prng, 3, 4);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        vector_init(&fixture->context, &trial->columns[c], type_make(types[c]));
        for (uint32_t r = 0; r < rows; r++) {
            struct value value = random_value(fixture, prng, types[c]);
            while (value.is_null && !with_nulls) {
                value = random_value(fixture, prng, types[c]);
            }
            trial->rows[r * COLUMNS + c] = value;
            vector_set(&trial->columns[c], r, &value);
        }
    }
    trial->selected = 0;
    for (uint32_t r = 0; r < rows; r++) {
        trial->selection[trial->selected] = (uint16_t)r;
        trial->selected += prng_chance(prng, 1, 2);
    }
}

/* Division by zero somewhere in the rows asked for. */
static bool any_failure(const struct expr *expr, const struct trial *trial, const uint16_t *selection, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        bool failed = false;
        (void)naive(expr, &trial->rows[(selection == NULL ? i : selection[i]) * COLUMNS], &failed);
        if (failed) {
            return true;
        }
    }
    return false;
}

static void check_rows(const struct expr *expr, const struct trial *trial, const struct vector *vector,
                       const uint16_t *selection, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        bool failed = false;
        struct value want = naive(expr, &trial->rows[row * COLUMNS], &failed);
        struct value got = vector_get(vector, vector_row(vector, row));
        assert_int_equal(want.is_null, got.is_null);
        assert_true(want.is_null || value_compare(&want, &got) == 0);
    }
}

static void check_select(struct evaluator *evaluator, const struct expr *expr, const struct trial *trial,
                         const uint16_t *selection, uint32_t count) {
    uint16_t kept[VECTOR_ROWS];
    uint32_t got = evaluator_select(evaluator, &trial->batch, selection, count, kept);
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        bool failed = false;
        struct value want = naive(expr, &trial->rows[row * COLUMNS], &failed);
        if (!want.is_null && want.as.boolean) {
            assert_true(at < got && kept[at] == row);
            at++;
        }
    }
    assert_int_equal(at, got);
}

/* One expression, compiled once, over several batches: stale nulls of one must not show in the next. Answers whether
 * the evaluation raised. */
static bool one_expression(struct prng *prng, uint64_t *compared) {
    struct fixture fixture;
    struct trial trial;
    volatile bool expected_failure = false;
    volatile bool raised = false;
    fixture_open(&fixture);
    SQL_GUARD(&fixture.context) {
        enum type_id type = types[prng_below(prng, COLUMNS)];
        const struct expr *expr = random_expr(&fixture, prng, type, 1 + (unsigned)prng_below(prng, 4));
        struct evaluator_scope scope = {
            .context = &fixture.context, .arena = &fixture.context.arena, .rows_max = VECTOR_ROWS};
        struct evaluator *evaluator = evaluator_make(&scope, expr);
        for (unsigned n = 0; n < 4; n++) {
            trial_fill(&fixture, prng, &trial);
            const uint16_t *selection = n % 2 == 0 ? NULL : trial.selection;
            uint32_t count = n % 2 == 0 ? trial.batch.count : trial.selected;
            expected_failure = any_failure(expr, &trial, selection, count);
            const struct vector *vector = evaluator_run(evaluator, &trial.batch, selection, count);
            assert_false(expected_failure);
            if (count > 0) {
                check_rows(expr, &trial, vector, selection, count);
            }
            if (type == TYPE_BOOL) {
                check_select(evaluator, expr, &trial, selection, count);
            }
            *compared += count;
        }
    }
    SQL_CAUGHT {
        raised = true;
        assert_true(expected_failure);
        assert_int_equal(fixture.error.status, KMB_DIVISION_BY_ZERO);
    }
    fixture_close(&fixture);
    return raised;
}

static void random_expressions_agree_with_a_naive_evaluator(void **state) {
    (void)state;
    struct prng prng;
    uint64_t compared = 0;
    unsigned raised = 0;
    prng_seed(&prng, 2024);
    for (unsigned i = 0; i < 4000; i++) {
        raised += one_expression(&prng, &compared);
    }
    print_message("%llu values compared, %u expressions divided by zero\n", (unsigned long long)compared, raised);
    assert_true(compared > 100000 && raised > 100 && raised < 2000);
}

/* Errors of rows that CASE does not reach must not be raised, constants included. */
static void undecided_branches_are_not_computed(void **state) {
    (void)state;
    struct fixture fixture;
    volatile bool raised = false;
    fixture_open(&fixture);
    SQL_GUARD(&fixture.context) {
        const struct expr *one = make_constant(&fixture, value_integer(TYPE_INT4, 1));
        const struct expr *zero = make_constant(&fixture, value_integer(TYPE_INT4, 0));
        struct expr *choice = make_expr(&fixture, EXPR_CASE, TYPE_INT4, 3);
        choice->arguments[0] = make_operator(&fixture, "=", one, zero);
        choice->arguments[1] = make_operator(&fixture, "/", one, zero);
        choice->arguments[2] = one;
        struct value value = exec_evaluate(&fixture.context, choice, NULL, 0);
        assert_int_equal(value.as.integer, 1);
    }
    SQL_CAUGHT {
        raised = true;
    }
    assert_false(raised);
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_expressions_agree_with_a_naive_evaluator),
        cmocka_unit_test(undecided_branches_are_not_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
