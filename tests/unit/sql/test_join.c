/* Joins of random rows with NULLs, by every kind and strategy, against two nested loops over the same rows. */
#include "plan_fixture.h"

#include "base/assert.h"

static const enum type_id left_types[] = {TYPE_INT4, TYPE_TEXT, TYPE_NUMERIC};
static const enum type_id right_types[] = {TYPE_INT4, TYPE_TEXT, TYPE_NUMERIC, TYPE_INT8};
#define LEFT_COLUMNS  3
#define RIGHT_COLUMNS 4
#define COLUMNS       (LEFT_COLUMNS + RIGHT_COLUMNS)

struct expectation {
    struct value rows[ROWS_MAX][COLUMNS];
    uint32_t count;
};
static struct expectation expected;

static bool equal(const struct value *a, const struct value *b) {
    return !a->is_null && !b->is_null && value_compare(a, b) == 0;
}

/* left.c0 < right.c3 as the residual condition: INT4 against INT8. */
static bool holds(const struct value *left, const struct value *right, uint32_t keys, bool residual) {
    bool result = true;
    for (uint32_t k = 0; k < keys; k++) {
        result = result && equal(&left[k], &right[k]);
    }
    return result && (!residual || (!left[0].is_null && !right[3].is_null && left[0].as.integer < right[3].as.integer));
}

static void expect(const struct value *left, const struct value *right) {
    ASSERT(expected.count < ROWS_MAX);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        const struct value *side = c < LEFT_COLUMNS ? left : right;
        uint32_t place = c < LEFT_COLUMNS ? c : c - LEFT_COLUMNS;
        enum type_id type = c < LEFT_COLUMNS ? left_types[place] : right_types[place];
        expected.rows[expected.count][c] = side == NULL ? value_null(type) : side[place];
    }
    expected.count++;
}

static void expect_join(const struct value *left, uint32_t left_rows, const struct value *right, uint32_t right_rows,
                        enum plan_join_type type, uint32_t keys, bool residual) {
    static bool right_used[ROWS_MAX];
    memset(right_used, 0, sizeof right_used);
    expected.count = 0;
    for (uint32_t l = 0; l < left_rows; l++) {
        bool used = false;
        for (uint32_t r = 0; r < right_rows; r++) {
            if (holds(&left[l * LEFT_COLUMNS], &right[r * RIGHT_COLUMNS], keys, residual)) {
                expect(&left[l * LEFT_COLUMNS], &right[r * RIGHT_COLUMNS]);
                used = true;
                right_used[r] = true;
            }
        }
        if (!used && (type == PLAN_JOIN_LEFT || type == PLAN_JOIN_FULL)) {
            expect(&left[l * LEFT_COLUMNS], NULL);
        }
    }
    for (uint32_t r = 0; r < right_rows && (type == PLAN_JOIN_RIGHT || type == PLAN_JOIN_FULL); r++) {
        if (!right_used[r]) {
            expect(NULL, &right[r * RIGHT_COLUMNS]);
        }
    }
}

static const struct expr *less_than(struct fixture *fixture) {
    struct expr *wide = make_expr(fixture, EXPR_CALL, TYPE_INT8, 1);
    wide->function = sql_cast_find(TYPE_INT4, TYPE_INT8, SQL_CAST_IMPLICIT);
    wide->arguments[0] = make_column(fixture, 0, TYPE_INT4);
    return make_operator(fixture, "<", wide, make_column(fixture, LEFT_COLUMNS + 3, TYPE_INT8));
}

/* The condition as one expression, for a nested loop. */
static const struct expr *condition(struct fixture *fixture, uint32_t keys, bool residual) {
    struct expr *all = make_expr(fixture, EXPR_AND, TYPE_BOOL, keys + residual);
    for (uint32_t k = 0; k < keys; k++) {
        all->arguments[k] = make_operator(fixture, "=", make_column(fixture, k, left_types[k]),
                                          make_column(fixture, LEFT_COLUMNS + k, right_types[k]));
    }
    if (residual) {
        all->arguments[keys] = less_than(fixture);
    }
    return all->argument_count == 0 ? NULL : all->argument_count == 1 ? all->arguments[0] : all;
}

static struct plan_node *join_node(struct fixture *fixture, struct plan_node *left, struct plan_node *right,
                                   enum plan_join_type type, enum plan_join_strategy strategy, uint32_t keys,
                                   bool residual) {
    struct plan_column columns[COLUMNS];
    memcpy(columns, left->columns, sizeof(*columns) * LEFT_COLUMNS);
    memcpy(columns + LEFT_COLUMNS, right->columns, sizeof(*columns) * RIGHT_COLUMNS);
    struct plan_node *join = make_node(fixture, PLAN_JOIN, left, right, columns, COLUMNS);
    join->join_type = type;
    join->join_strategy = strategy;
    if (strategy == PLAN_JOIN_NESTED) {
        join->predicate = condition(fixture, keys, residual);
        return join;
    }
    join->key_count = keys;
    join->left_keys = sql_alloc(&fixture->context, sizeof(*join->left_keys) * keys);
    join->right_keys = sql_alloc(&fixture->context, sizeof(*join->right_keys) * keys);
    for (uint32_t k = 0; k < keys; k++) {
        join->left_keys[k] = make_column(fixture, k, left_types[k]);
        join->right_keys[k] = make_column(fixture, k, right_types[k]);
    }
    join->predicate = residual ? less_than(fixture) : NULL;
    return join;
}

static struct plan_node *sorted(struct fixture *fixture, struct plan_node *node, const enum type_id *types,
                                uint32_t keys, bool descending) {
    struct plan_node *sort = make_node(fixture, PLAN_SORT, node, NULL, node->columns, node->column_count);
    sort->sort_key_count = keys;
    sort->sort_keys = sql_alloc_zero(&fixture->context, keys, sizeof(*sort->sort_keys));
    for (uint32_t k = 0; k < keys; k++) {
        sort->sort_keys[k] = (struct plan_sort_key){
            .expr = make_column(fixture, k, types[k]), .descending = descending, .nulls_first = descending};
    }
    return sort;
}

static int order_of_rows(const void *a, const void *b) {
    return compare_rows(a, b, COLUMNS);
}

/* The left side's order is the answer's, where every row has a left one. */
static void check_order(const struct value *rows, uint32_t count, enum plan_join_type type, uint32_t keys,
                        bool descending) {
    for (uint32_t i = 1; i < count && (type == PLAN_JOIN_INNER || type == PLAN_JOIN_LEFT); i++) {
        int order = compare_rows(&rows[(size_t)(i - 1) * COLUMNS], &rows[(size_t)i * COLUMNS], keys);
        assert_true(descending ? order >= 0 : order <= 0);
    }
}

static void one_join(uint64_t seed, enum plan_join_type type, enum plan_join_strategy strategy, uint32_t keys,
                     bool residual, uint32_t left_rows, uint32_t right_rows) {
    struct fixture fixture;
    struct prng prng;
    volatile bool raised = false;
    prng_seed(&prng, seed);
    fixture_open(&fixture);
    SQL_GUARD(&fixture.context) {
        struct value *left = NULL;
        struct value *right = NULL;
        struct plan_node *l = random_values(&fixture, &prng, left_types, LEFT_COLUMNS, left_rows, &left);
        struct plan_node *r = random_values(&fixture, &prng, right_types, RIGHT_COLUMNS, right_rows, &right);
        uint32_t rows = 0;
        bool merge = strategy == PLAN_JOIN_MERGE;
        bool descending = merge && seed % 2 == 0;
        if (merge) {
            l = sorted(&fixture, l, left_types, keys, descending);
            r = sorted(&fixture, r, right_types, keys, descending);
        }
        struct plan_node *join = join_node(&fixture, l, r, type, strategy, keys, residual);
        join->descending = descending;
        struct value *got = run_plan(&fixture, join, &rows);
        expect_join(left, left_rows, right, right_rows, type, keys, residual);
        assert_int_equal(rows, expected.count);
        if (merge) {
            check_order(got, rows, type, keys, descending);
            qsort(got, rows, sizeof(*got) * COLUMNS, order_of_rows);
            qsort(expected.rows, rows, sizeof(expected.rows[0]), order_of_rows);
        }
        for (uint32_t i = 0; i < rows; i++) { /* the order too: that of the left side, unmatched right rows last */
            assert_int_equal(compare_rows(&got[(size_t)i * COLUMNS], expected.rows[i], COLUMNS), 0);
        }
    }
    SQL_CAUGHT {
        raised = true;
    }
    assert_false(raised);
    fixture_close(&fixture);
}

static void joins_agree_with_nested_loops(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = {{0, 0}, {0, 5}, {5, 0}, {1, 1}, {40, 60}, {120, 3}, {3, 700}, {1500, 8}};
    uint64_t seed = 1;
    for (uint32_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (unsigned type = PLAN_JOIN_INNER; type <= PLAN_JOIN_FULL; type++) {
            for (uint32_t keys = 0; keys <= 3; keys++) {
                for (unsigned residual = 0; residual < 2; residual++) {
                    one_join(seed++, (enum plan_join_type)type, PLAN_JOIN_NESTED, keys, residual, sizes[s][0],
                             sizes[s][1]);
                    if (keys > 0) {
                        one_join(seed++, (enum plan_join_type)type, PLAN_JOIN_HASH, keys, residual, sizes[s][0],
                                 sizes[s][1]);
                        for (unsigned way = 0; way < 2; way++) { /* up and down */
                            one_join(seed++, (enum plan_join_type)type, PLAN_JOIN_MERGE, keys, residual, sizes[s][0],
                                     sizes[s][1]);
                        }
                    }
                }
            }
        }
    }
}

/* A right side so long that a merge join forgets what lies behind it, also while a row of it is still wanted. */
static void merges_forget(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (unsigned type = PLAN_JOIN_INNER; type <= PLAN_JOIN_FULL; type++) {
        for (uint32_t keys = 1; keys <= 3; keys++) {
            one_join(seed++, (enum plan_join_type)type, PLAN_JOIN_MERGE, keys, true, 4, 15000);
            one_join(seed++, (enum plan_join_type)type, PLAN_JOIN_MERGE, keys, false, 3, 15000);
        }
    }
}

static void a_join_beyond_the_limit_is_an_error(void **state) {
    (void)state;
    struct fixture fixture;
    struct prng prng;
    volatile bool raised = false;
    prng_seed(&prng, 7);
    fixture_open(&fixture);
    fixture.settings.join_rows_max = 1000;
    SQL_GUARD(&fixture.context) {
        struct value *values = NULL;
        uint32_t rows = 0;
        struct plan_node *l = random_values(&fixture, &prng, left_types, LEFT_COLUMNS, 40, &values);
        struct plan_node *r = random_values(&fixture, &prng, right_types, RIGHT_COLUMNS, 40, &values);
        run_plan(&fixture, join_node(&fixture, l, r, PLAN_JOIN_CROSS, PLAN_JOIN_NESTED, 0, false), &rows);
    }
    SQL_CAUGHT {
        raised = true;
    }
    assert_true(raised);
    assert_int_equal(fixture.error.status, KMB_LIMIT);
    assert_string_equal(fixture.error.message, "joins of this statement make more than 1000 rows");
    fixture_close(&fixture);
}

static void a_join_beyond_the_budget_is_an_error(void **state) {
    (void)state;
    struct fixture fixture;
    struct prng prng;
    volatile bool raised = false;
    prng_seed(&prng, 7);
    fixture_open(&fixture);
    struct sql_context inner; /* the rows stand outside of what the join may use */
    sql_context_inner(&inner, &fixture.context);
    inner.arena.bytes_max = 1000000;
    SQL_GUARD(&fixture.context) {
        struct value *values = NULL;
        struct plan_node *l = random_values(&fixture, &prng, left_types, LEFT_COLUMNS, 10, &values);
        struct plan_node *r = random_values(&fixture, &prng, right_types, RIGHT_COLUMNS, 20000, &values);
        struct plan_node *join = join_node(&fixture, l, r, PLAN_JOIN_INNER, PLAN_JOIN_HASH, 1, false);
        struct exec *exec = exec_open(&inner, &fixture.host, join, NULL, 0, NULL);
        (void)exec_next(exec);
    }
    SQL_CAUGHT {
        raised = true;
    }
    assert_true(raised);
    assert_int_equal(fixture.error.status, KMB_NO_MEMORY);
    assert_non_null(strstr(fixture.error.message, "memory limit"));
    sql_context_free(&inner);
    fixture_close(&fixture);
}

static void a_cancelled_join_stops(void **state) {
    (void)state;
    struct fixture fixture;
    struct prng prng;
    atomic_bool cancel = false;
    volatile bool raised = false;
    prng_seed(&prng, 7);
    fixture_open(&fixture);
    fixture.context.cancel = &cancel;
    SQL_GUARD(&fixture.context) {
        struct value *values = NULL;
        struct plan_node *l = random_values(&fixture, &prng, left_types, LEFT_COLUMNS, 100, &values);
        struct plan_node *r = random_values(&fixture, &prng, right_types, RIGHT_COLUMNS, 100, &values);
        struct exec *exec =
            exec_open(&fixture.context, &fixture.host,
                      join_node(&fixture, l, r, PLAN_JOIN_CROSS, PLAN_JOIN_NESTED, 0, false), NULL, 0, NULL);
        assert_non_null(exec_next(exec));
        atomic_store(&cancel, true);
        (void)exec_next(exec);
    }
    SQL_CAUGHT {
        raised = true;
    }
    assert_true(raised);
    assert_int_equal(fixture.error.status, KMB_CANCELLED);
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_agree_with_nested_loops),
        cmocka_unit_test(merges_forget),
        cmocka_unit_test(a_join_beyond_the_limit_is_an_error),
        cmocka_unit_test(a_join_beyond_the_budget_is_an_error),
        cmocka_unit_test(a_cancelled_join_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
