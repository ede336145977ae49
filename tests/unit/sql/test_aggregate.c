/* GROUP BY, DISTINCT, FILTER and ORDER BY over random rows, against the plainest code that gives the same. */
#include "plan_fixture.h"

#include "base/assert.h"

static const enum type_id types[] = {TYPE_INT4, TYPE_TEXT, TYPE_NUMERIC, TYPE_FLOAT8, TYPE_TIMESTAMP, TYPE_BOOL};
#define COLUMNS 6

static const struct sql_function *aggregate_of(struct fixture *fixture, const char *name, uint32_t arguments,
                                               enum type_id type) {
    uint32_t count = 0;
    const struct sql_function *const *rows =
        sql_function_candidates(&fixture->context, SQL_FUNCTION_AGGREGATE, name, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i]->argument_count == arguments &&
            (arguments == 0 || rows[i]->arguments[0] == type || rows[i]->arguments[0] == TYPE_ANY)) {
            return rows[i];
        }
    }
    fail_msg("no aggregate %s", name);
    return NULL;
}

static struct plan_aggregate call(struct fixture *fixture, const char *name, bool star, uint32_t column, bool distinct,
                                  const struct expr *filter) {
    struct plan_aggregate aggregate = {.distinct = distinct, .filter = filter};
    aggregate.function = aggregate_of(fixture, name, star ? 0 : 1, types[column]);
    aggregate.type = type_make(aggregate.function->result);
    aggregate.argument_count = star ? 0 : 1;
    aggregate.arguments = sql_alloc(&fixture->context, sizeof(*aggregate.arguments));
    aggregate.arguments[0] = star ? NULL : make_column(fixture, column, types[column]);
    return aggregate;
}

/* The answers of the calls below for the rows of one group. */
static void expect_group(const struct value *rows, const uint32_t *members, uint32_t count, struct value *out) {
    int64_t all = count;
    int64_t filtered = 0;
    int64_t sum = 0;
    int64_t distinct = 0;
    bool any = false;
    int64_t seen[64];
    uint32_t seen_count = 0;
    struct value least = value_null(TYPE_TEXT);
    for (uint32_t i = 0; i < count; i++) {
        const struct value *row = &rows[members[i] * COLUMNS];
        filtered += !row[5].is_null && row[5].as.boolean;
        if (!row[0].is_null) {
            sum += row[0].as.integer;
            any = true;
            bool known = false;
            for (uint32_t k = 0; k < seen_count; k++) {
                known |= seen[k] == row[0].as.integer;
            }
            if (!known) {
                seen[seen_count++] = row[0].as.integer;
                distinct += row[0].as.integer;
            }
        }
        if (!row[1].is_null && (least.is_null || value_compare(&row[1], &least) < 0)) {
            least = row[1];
        }
    }
    out[0] = value_int8(all);
    out[1] = any ? value_int8(sum) : value_null(TYPE_INT8);
    out[2] = any ? value_int8(distinct) : value_null(TYPE_INT8);
    out[3] = least;
    out[4] = value_int8(filtered);
    out[5] = value_int8((int64_t)seen_count);
}
#define CALLS 6

static struct plan_node *aggregate_node(struct fixture *fixture, struct plan_node *child, const uint32_t *keys,
                                        uint32_t key_count) {
    struct plan_node *node = make_node(fixture, PLAN_AGGREGATE, child, NULL, NULL, key_count + CALLS);
    const struct expr *filter = make_column(fixture, 5, TYPE_BOOL);
    node->expression_count = key_count;
    node->expressions = sql_alloc(&fixture->context, sizeof(*node->expressions) * (key_count + 1));
    for (uint32_t i = 0; i < key_count; i++) {
        node->expressions[i] = make_column(fixture, keys[i], types[keys[i]]);
        node->columns[i].type = type_make(types[keys[i]]);
    }
    node->aggregate_count = CALLS;
    node->aggregates = sql_alloc(&fixture->context, sizeof(*node->aggregates) * CALLS);
    node->aggregates[0] = call(fixture, "count", true, 0, false, NULL);
    node->aggregates[1] = call(fixture, "sum", false, 0, false, NULL);
    node->aggregates[2] = call(fixture, "sum", false, 0, true, NULL);
    node->aggregates[3] = call(fixture, "min", false, 1, false, NULL);
    node->aggregates[4] = call(fixture, "count", true, 0, false, filter);
    node->aggregates[5] = call(fixture, "count", false, 0, true, NULL);
    for (uint32_t i = 0; i < CALLS; i++) {
        node->columns[key_count + i].type = node->aggregates[i].type;
    }
    return node;
}

static void check_groups(struct fixture *fixture, struct prng *prng, uint32_t row_count, const uint32_t *keys,
                         uint32_t key_count) {
    static uint32_t members[ROWS_MAX];
    static bool done[ROWS_MAX];
    struct value *rows = NULL;
    uint32_t groups = 0;
    uint32_t found = 0;
    struct plan_node *child = random_values(fixture, prng, types, COLUMNS, row_count, &rows);
    uint32_t width = key_count + CALLS;
    struct value *got = run_plan(fixture, aggregate_node(fixture, child, keys, key_count), &groups);
    memset(done, 0, sizeof done);
    for (uint32_t g = 0; g < groups; g++) { /* each answered group holds exactly its rows */
        uint32_t count = 0;
        struct value expected[CALLS];
        const struct value *group = &got[(size_t)g * width];
        for (uint32_t r = 0; r < row_count; r++) {
            bool in = true;
            for (uint32_t k = 0; k < key_count; k++) {
                in = in && value_compare_nulls_last(&rows[r * COLUMNS + keys[k]], &group[k]) == 0;
            }
            if (in) {
                assert_false(done[r]);
                done[r] = true;
                members[count++] = r;
            }
        }
        found += count;
        assert_true(count > 0 || key_count == 0);
        expect_group(rows, members, count, expected);
        for (uint32_t c = 0; c < CALLS; c++) {
            assert_int_equal(group[key_count + c].is_null, expected[c].is_null);
            assert_true(expected[c].is_null || value_compare(&group[key_count + c], &expected[c]) == 0);
        }
        assert_true(g == 0 || compare_rows(group - width, group, key_count) < 0); /* in the order of the keys */
    }
    assert_int_equal(found, row_count);
    assert_true(key_count > 0 || groups == 1);
}

static void groups_agree_with_a_naive_count(void **state) {
    (void)state;
    static const uint32_t keys[][3] = {{0, 0, 0}, {0, 1, 2}, {2, 3, 0}, {1, 0, 0}, {4, 5, 1}, {3, 0, 0}};
    static const uint32_t counts[] = {0, 1, 2, 3, 2, 1};
    static const uint32_t sizes[] = {0, 1, 17, 1024, 1025, 3000};
    struct prng prng;
    prng_seed(&prng, 3);
    for (uint32_t k = 0; k < 6; k++) {
        for (uint32_t s = 0; s < 6; s++) {
            struct fixture fixture;
            volatile bool raised = false;
            fixture_open(&fixture);
            SQL_GUARD(&fixture.context) {
                check_groups(&fixture, &prng, sizes[s], keys[k], counts[k]);
            }
            SQL_CAUGHT {
                raised = true;
            }
            assert_false(raised);
            fixture_close(&fixture);
        }
    }
}

static void distinct_keeps_the_first_of_equals(void **state) {
    (void)state;
    struct fixture fixture;
    struct prng prng;
    volatile bool raised = false;
    prng_seed(&prng, 11);
    fixture_open(&fixture);
    SQL_GUARD(&fixture.context) {
        struct value *rows = NULL;
        uint32_t count = 0;
        uint32_t kept = 0;
        struct plan_node *child = random_values(&fixture, &prng, types, 3, 2500, &rows);
        struct plan_node *node = make_node(&fixture, PLAN_DISTINCT, child, NULL, child->columns, 3);
        struct value *got = run_plan(&fixture, node, &count);
        for (uint32_t r = 0; r < 2500; r++) {
            bool first = true;
            for (uint32_t before = 0; before < r && first; before++) {
                first = compare_rows(&rows[before * 3], &rows[r * 3], 3) != 0;
            }
            if (first) {
                assert_true(kept < count);
                assert_int_equal(compare_rows(&got[kept * 3], &rows[r * 3], 3), 0);
                kept++;
            }
        }
        assert_int_equal(kept, count);
    }
    SQL_CAUGHT {
        raised = true;
    }
    assert_false(raised);
    fixture_close(&fixture);
}

static int compare_keys(const struct value *a, const struct value *b, const struct plan_sort_key *keys,
                        uint32_t key_count) {
    for (uint32_t i = 0; i < key_count; i++) {
        const struct value *x = &a[keys[i].expr->column];
        const struct value *y = &b[keys[i].expr->column];
        if (x->is_null || y->is_null) {
            if (x->is_null != y->is_null) {
                return x->is_null == keys[i].nulls_first ? -1 : 1;
            }
            continue;
        }
        int order = value_compare(x, y);
        if (order != 0) {
            return (order < 0) == keys[i].descending ? 1 : -1;
        }
    }
    return 0;
}

/* The last column numbers the rows, so that stability shows. */
static void check_sort(struct fixture *fixture, struct prng *prng, uint32_t row_count, uint64_t limit) {
    static uint32_t order[ROWS_MAX];
    struct value *rows = NULL;
    uint32_t count = 0;
    struct plan_node *child = random_values(fixture, prng, types, COLUMNS, row_count, &rows);
    for (uint32_t r = 0; r < row_count; r++) {
        rows[r * COLUMNS + 5] = value_bool(false);
        rows[r * COLUMNS] = value_integer(TYPE_INT4, r);
        child->rows[r][0] = make_constant(fixture, rows[r * COLUMNS]);
        child->rows[r][5] = make_constant(fixture, rows[r * COLUMNS + 5]);
        order[r] = r;
    }
    struct plan_node *node = make_node(fixture, PLAN_SORT, child, NULL, child->columns, COLUMNS);
    struct plan_sort_key keys[3];
    node->sort_key_count = 1 + (uint32_t)prng_below(prng, 3);
    node->sort_keys = keys;
    node->limit_hint = limit;
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        uint32_t column = 1 + (uint32_t)prng_below(prng, 4);
        keys[i] = (struct plan_sort_key){.expr = make_column(fixture, column, types[column]),
                                         .descending = prng_chance(prng, 1, 2),
                                         .nulls_first = prng_chance(prng, 1, 2)};
    }
    struct value *got = run_plan(fixture, node, &count);
    for (uint32_t i = 1; i < row_count; i++) { /* insertion sort: stable and plain */
        uint32_t row = order[i];
        uint32_t at = i;
        while (at > 0 &&
               compare_keys(&rows[order[at - 1] * COLUMNS], &rows[row * COLUMNS], keys, node->sort_key_count) > 0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = row;
    }
    assert_int_equal(count, limit > 0 && limit < row_count ? limit : row_count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(got[(size_t)i * COLUMNS].as.integer, order[i]);
        assert_int_equal(compare_rows(&got[(size_t)i * COLUMNS], &rows[order[i] * COLUMNS], COLUMNS), 0);
    }
}

static void sorts_agree_with_insertion_sort(void **state) {
    (void)state;
    static const uint32_t sizes[] = {0, 1, 16, 17, 1000, 2100};
    struct prng prng;
    prng_seed(&prng, 5);
    for (uint32_t i = 0; i < 48; i++) {
        struct fixture fixture;
        volatile bool raised = false;
        fixture_open(&fixture);
        SQL_GUARD(&fixture.context) {
            check_sort(&fixture, &prng, sizes[i % 6], 0);
        }
        SQL_CAUGHT {
            raised = true;
        }
        assert_false(raised);
        fixture_close(&fixture);
    }
}

static void the_best_rows_agree_with_the_whole_sort(void **state) {
    (void)state;
    static const uint64_t limits[] = {1, 3, 100, 1500};
    struct prng prng;
    prng_seed(&prng, 6);
    for (uint32_t i = 0; i < 4; i++) {
        struct fixture fixture;
        volatile bool raised = false;
        fixture_open(&fixture);
        SQL_GUARD(&fixture.context) {
            check_sort(&fixture, &prng, 7000, limits[i]); /* beyond the store: it is cut */
        }
        SQL_CAUGHT {
            raised = true;
        }
        assert_false(raised);
        fixture_close(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_agree_with_a_naive_count),
        cmocka_unit_test(distinct_keeps_the_first_of_equals),
        cmocka_unit_test(sorts_agree_with_insertion_sort),
        cmocka_unit_test(the_best_rows_agree_with_the_whole_sort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
