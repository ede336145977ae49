/* Plans as EXPLAIN shows them: access paths, order, push-down, joins, folding. Goldens, by hand. */
#include "host.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    SQL("CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int NOT NULL, v varchar(9), UNIQUE (c))");
    SQL("CREATE INDEX t_ab ON t (a, b DESC)");
    SQL("CREATE TABLE k (x int, y text, z bigint, PRIMARY KEY (x, y))");
    SQL("CREATE TABLE big (id bigint PRIMARY KEY, g int, w text)");
    struct buffer text = {0};
    buffer_append_text(&text, "INSERT INTO big VALUES (0, 0, 'w')");
    for (int i = 1; i < 3000; i++) {
        buffer_printf(&text, ", (%d, %d, 'w%d')", i, i % 7, i);
    }
    SQL(buffer_text(&text));
    buffer_free(&text);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

#define PLAN(text_, expected_) ROWS("EXPLAIN (COSTS OFF) " text_, expected_)

static void test_access(void **state) {
    (void)state;
    PLAN("SELECT * FROM t", "Seq Scan on t\n");
    PLAN("SELECT * FROM t x WHERE b = 'q'", "Seq Scan on t x\n  Filter: (b = 'q'::text)\n");
    PLAN("SELECT * FROM t WHERE id = 5", "Index Scan using t_pkey on t\n  Index Cond: (id = 5)\n");
    PLAN("SELECT * FROM t WHERE 5 = id AND b = 'q'",
         "Index Scan using t_pkey on t\n  Index Cond: (id = 5)\n  Filter: (b = 'q'::text)\n");
    PLAN("SELECT * FROM t WHERE id > 5 AND id <= 10 AND id > 7",
         "Index Scan using t_pkey on t\n  Index Cond: ((id > 7) AND (id <= 10))\n  Filter: (id > 5)\n");
    PLAN("SELECT * FROM t WHERE id BETWEEN 5 AND 10",
         "Index Scan using t_pkey on t\n  Index Cond: ((id >= 5) AND (id <= 10))\n");
    PLAN("SELECT * FROM t WHERE c = 3 AND id > 0",
         "Index Scan using t_c_key on t\n  Index Cond: (c = 3)\n  Filter: (id > 0)\n");
    PLAN("SELECT * FROM t WHERE a = 1 AND b = 'x'",
         "Index Scan using t_ab on t\n  Index Cond: ((a = 1) AND (b = 'x'::text))\n");
    PLAN("SELECT * FROM t WHERE a = 1 AND b > 'x'",
         "Index Scan using t_ab on t\n  Index Cond: ((a = 1) AND (b > 'x'::text))\n  Filter: (b > 'x'::text)\n");
    PLAN("SELECT * FROM t WHERE a = 1 AND b < 'x'",
         "Index Scan using t_ab on t\n  Index Cond: ((a = 1) AND (b < 'x'::text))\n");
    /* NULLs stand above all values: a lower bound alone lets them in */
    PLAN("SELECT * FROM t WHERE a > 1", "Index Scan using t_ab on t\n  Index Cond: (a > 1)\n  Filter: (a > 1)\n");
    PLAN("SELECT * FROM t WHERE a < 1", "Index Scan using t_ab on t\n  Index Cond: (a < 1)\n");
    PLAN("SELECT * FROM t WHERE c > 1", "Index Scan using t_c_key on t\n  Index Cond: (c > 1)\n");
    PLAN("SELECT * FROM t WHERE b = 'x' AND v = 'y'",
         "Seq Scan on t\n  Filter: ((b = 'x'::text) AND ((v)::text = 'y'::text))\n");
    PLAN("SELECT * FROM k WHERE x = 1", "Index Scan using k_pkey on k\n  Index Cond: (x = 1)\n");
    PLAN("SELECT * FROM k WHERE y = 'a' AND x = 1",
         "Index Scan using k_pkey on k\n  Index Cond: ((x = 1) AND (y = 'a'::text))\n");
    PLAN("SELECT * FROM k WHERE y = 'a'", "Seq Scan on k\n  Filter: (y = 'a'::text)\n");
    PLAN("SELECT * FROM k WHERE x = 1 AND y LIKE 'ab%'",
         "Index Scan using k_pkey on k\n  Index Cond: ((x = 1) AND (y >= 'ab'::text) AND (y < 'ac'::text))\n"
         "  Filter: (y ~~ 'ab%'::text)\n");
    PLAN("SELECT * FROM t WHERE id IN (3, 9, 5)",
         "Index Scan using t_pkey on t\n  Index Cond: ((id >= 3) AND (id <= 9))\n"
         "  Filter: (id = ANY ('{3,9,5}'::integer[]))\n");
    PLAN("SELECT * FROM t WHERE id IN (3)", "Index Scan using t_pkey on t\n  Index Cond: (id = 3)\n");
    PLAN("SELECT * FROM big WHERE id = 7", "Index Scan using big_pkey on big\n  Index Cond: (id = '7'::bigint)\n");
    PLAN("SELECT * FROM t WHERE id = 7::bigint", "Index Scan using t_pkey on t\n  Index Cond: (id = 7)\n");
    PLAN("SELECT * FROM t WHERE id = 70000000000", "Seq Scan on t\n  Filter: ((id)::bigint = '70000000000'::bigint)\n");
    PLAN("SELECT * FROM t WHERE id = a", "Seq Scan on t\n  Filter: (id = a)\n");
    PLAN("SELECT * FROM t WHERE id = 1 OR id = 2", "Seq Scan on t\n  Filter: ((id = 1) OR (id = 2))\n");
    PLAN("DELETE FROM t WHERE id = 1",
         "Delete on t\n  ->  Index Scan using t_pkey on t\n        Index Cond: (id = 1)\n");
    PLAN("UPDATE t SET a = 2 WHERE c = 1",
         "Update on t\n  ->  Index Scan using t_c_key on t\n        Index Cond: (c = 1)\n");
    PLAN("INSERT INTO k VALUES (1, 'a', 2) ON CONFLICT (x, y) DO NOTHING",
         "Insert on k\n  Conflict Resolution: NOTHING\n  Conflict Arbiter Indexes: k_pkey\n  ->  Result\n");
    PLAN("SELECT * FROM t AT OFFSET 0 WHERE id = 1",
         "Index Scan using t_pkey on t\n  Index Cond: (id = 1)\n  As Of: position '0'::bigint\n");
}

static void test_history(void **state) {
    (void)state;
    PLAN("SELECT * FROM kimberlite_history(big) WHERE id = 7 AND _operation = 'INSERT'",
         "History Scan on big kimberlite_history\n  Index Cond: (id = '7'::bigint)\n"
         "  Filter: ((id = '7'::bigint) AND (_operation = 'INSERT'::text))\n");
    ROWS("SELECT id, g, _operation FROM kimberlite_history(big) WHERE id = 7", "7|0|INSERT\n");
    ROWS("SELECT count(*) FROM kimberlite_history(big) WHERE id >= 2990 AND id < 2995", "5\n");
}

static void test_order(void **state) {
    (void)state;
    PLAN("SELECT * FROM t ORDER BY id", "Seq Scan on t\n");
    PLAN("SELECT * FROM t ORDER BY id DESC", "Index Scan Backward using t_pkey on t\n");
    PLAN("SELECT * FROM t ORDER BY id, b", "Seq Scan on t\n"); /* the key leaves nothing to order */
    PLAN("SELECT b, id + 1 FROM t WHERE id > 3 ORDER BY t.id DESC LIMIT 2",
         "Limit\n  ->  Index Scan Backward using t_pkey on t\n        Index Cond: (id > 3)\n");
    PLAN("SELECT * FROM t ORDER BY b", "Sort\n  Sort Key: b\n  ->  Seq Scan on t\n");
    PLAN("SELECT * FROM t ORDER BY a, b DESC LIMIT 5", "Limit\n  ->  Index Scan using t_ab on t\n");
    PLAN("SELECT * FROM t ORDER BY a DESC, b LIMIT 5", "Limit\n  ->  Index Scan Backward using t_ab on t\n");
    PLAN("SELECT * FROM t ORDER BY a, b LIMIT 5",
         "Limit\n  ->  Sort\n        Sort Key: a, b\n        ->  Seq Scan on t\n");
    PLAN("SELECT * FROM t ORDER BY a NULLS FIRST LIMIT 5",
         "Limit\n  ->  Sort\n        Sort Key: a NULLS FIRST\n        ->  Seq Scan on t\n");
    PLAN("SELECT * FROM t ORDER BY a, b DESC", "Sort\n  Sort Key: a, b DESC\n  ->  Seq Scan on t\n");
    PLAN("SELECT * FROM t WHERE a = 3 ORDER BY b DESC", "Index Scan using t_ab on t\n  Index Cond: (a = 3)\n");
    PLAN("SELECT * FROM t WHERE a = 3 ORDER BY b", "Index Scan Backward using t_ab on t\n  Index Cond: (a = 3)\n");
    PLAN("SELECT * FROM k WHERE x = 3 ORDER BY x DESC, y", "Index Scan using k_pkey on k\n  Index Cond: (x = 3)\n");
    PLAN("SELECT * FROM k ORDER BY x DESC, y", "Sort\n  Sort Key: x DESC, y\n  ->  Seq Scan on k\n");
    PLAN("SELECT DISTINCT a FROM t ORDER BY a",
         "Sort\n  Sort Key: a\n  ->  HashAggregate\n        Group Key: a\n        ->  Seq Scan on t\n");
    PLAN("SELECT a, count(*) FROM t GROUP BY a HAVING count(*) > 1 AND a > 2 ORDER BY 2",
         "Sort\n  Sort Key: count(*)\n  ->  HashAggregate\n        Group Key: a\n        Filter: (count(*) > "
         "'1'::bigint)\n"
         "        ->  Index Only Scan using t_ab on t\n              Index Cond: (a > 2)\n              Filter: (a > "
         "2)\n");
}

/* An index alone, where it has what is asked; its ends for min and max. */
static void test_index_only(void **state) {
    (void)state;
    PLAN("SELECT a, b, id FROM t WHERE a = 1", "Index Only Scan using t_ab on t\n  Index Cond: (a = 1)\n");
    PLAN("SELECT count(*) FROM t WHERE c < 9",
         "Aggregate\n  ->  Index Only Scan using t_c_key on t\n        Index Cond: (c < 9)\n");
    PLAN("SELECT c FROM t WHERE c < 9 AND b = 'x'",
         "Index Scan using t_c_key on t\n  Index Cond: (c < 9)\n  Filter: (b = 'x'::text)\n");
    PLAN("SELECT max(c) FROM t", "Aggregate\n  ->  Limit\n        ->  Index Only Scan Backward using t_c_key on t\n");
    PLAN("SELECT min(a) FROM t", "Aggregate\n  ->  Limit\n        ->  Index Only Scan using t_ab on t\n");
    PLAN("SELECT max(a) FROM t", "Aggregate\n  ->  Limit\n        ->  Index Only Scan Backward using t_ab on t\n"
                                 "              Filter: (a IS NOT NULL)\n");
    PLAN("SELECT min(a), max(id) FROM t",
         "Nested Loop\n  ->  Aggregate\n        ->  Limit\n              ->  Index Only Scan using t_ab on t\n"
         "  ->  Aggregate\n        ->  Limit\n              ->  Index Scan Backward using t_pkey on t\n");
    PLAN("SELECT min(b) FROM t WHERE a = 3", "Aggregate\n  ->  Limit\n        ->  Index Only Scan Backward using t_ab "
                                             "on t\n              Index Cond: (a = 3)\n");
    PLAN("SELECT min(b) FROM t WHERE a > 3", "Aggregate\n  ->  Index Only Scan using t_ab on t\n"
                                             "        Index Cond: (a > 3)\n        Filter: (a > 3)\n");
    PLAN("SELECT max(c), count(*) FROM t", "Aggregate\n  ->  Seq Scan on t\n");
}

/* An order above a LIMIT does not change the one below it, which says what rows there are. */
static void test_order_of_limited(void **state) {
    (void)state;
    PLAN("SELECT b FROM (SELECT b, id FROM t ORDER BY id DESC LIMIT 2) x ORDER BY id",
         "Sort\n  Sort Key: id\n  ->  Limit\n        ->  Index Scan Backward using t_pkey on t\n");
}

static void test_joins(void **state) {
    (void)state;
    PLAN("SELECT * FROM big x, big y WHERE x.g = y.g AND x.w = 'a' AND y.id < 10 AND x.id + y.id > 3",
         "Hash Join\n  Hash Cond: (y.g = x.g)\n  Join Filter: ((x.id + y.id) > '3'::bigint)\n"
         "  ->  Index Scan using big_pkey on big y\n        Index Cond: (y.id < '10'::bigint)\n"
         "  ->  Hash\n        ->  Seq Scan on big x\n              Filter: (x.w = 'a'::text)\n");
    PLAN("SELECT * FROM t JOIN big ON big.id = t.a::bigint WHERE t.id = 1",
         "Nested Loop\n  ->  Index Scan using t_pkey on t\n        Index Cond: (t.id = 1)\n"
         "  ->  Index Scan using big_pkey on big\n        Index Cond: (big.id = (t.a)::bigint)\n");
    PLAN("SELECT * FROM t LEFT JOIN big ON big.g = t.a AND big.w = 'x' WHERE t.c = 1",
         "Hash Left Join\n  Hash Cond: (t.a = big.g)\n  ->  Index Scan using t_c_key on t\n"
         "        Index Cond: (t.c = 1)\n  ->  Hash\n        ->  Seq Scan on big\n              Filter: (big.w = "
         "'x'::text)\n");
    /* a condition that no missing row satisfies makes the outer join an inner one */
    PLAN("SELECT * FROM t LEFT JOIN k ON k.x = t.a WHERE k.y = 'x'",
         "Hash Join\n  Hash Cond: (t.a = k.x)\n  ->  Seq Scan on t\n  ->  Hash\n"
         "        ->  Seq Scan on k\n              Filter: (k.y = 'x'::text)\n");
    PLAN("SELECT * FROM t LEFT JOIN k ON k.x = t.a WHERE k.y IS NULL",
         "Hash Left Join\n  Hash Cond: (t.a = k.x)\n  Filter: (k.y IS NULL)\n  ->  Seq Scan on t\n"
         "  ->  Hash\n        ->  Seq Scan on k\n");
    PLAN("SELECT 1 FROM t, k", "Nested Loop\n  ->  Seq Scan on t\n  ->  Seq Scan on k\n");
    PLAN("SELECT 1 FROM t FULL JOIN k ON t.a = k.x WHERE t.id > 1 OR k.x > 1",
         "Hash Full Join\n  Hash Cond: (t.a = k.x)\n  Filter: ((t.id > 1) OR (k.x > 1))\n  ->  Seq Scan on t\n"
         "  ->  Hash\n        ->  Seq Scan on k\n");
}

/* What stands twice is done once: a view, a subquery, also where each reads other columns of it. */
static void test_common(void **state) {
    (void)state;
    SQL("CREATE VIEW sums AS SELECT g, sum(id) AS s, min(w) AS m FROM big GROUP BY g");
    PLAN("SELECT g FROM sums WHERE s = (SELECT max(s) FROM sums)",
         "CTE Scan on common_1\n  Filter: (sum = (InitPlan 1))\n  InitPlan 1\n    ->  Aggregate\n"
         "          ->  CTE Scan on common_1\n                CTE common_1\n"
         "                  ->  HashAggregate\n                        Group Key: g\n"
         "                        ->  Seq Scan on big\n");
    ROWS("SELECT g FROM sums WHERE s = (SELECT max(s) FROM sums)", "3\n");
    /* the join below two aggregates, of which each reads its columns */
    PLAN("SELECT y.g, sum(x.id) FROM big x, big y WHERE x.id = y.g AND y.w = 'w9' GROUP BY y.g HAVING sum(x.id) > "
         "(SELECT "
         "avg(y.id) FROM big x, big y WHERE x.id = y.g AND y.w = 'w9')",
         "HashAggregate\n"
         "  Group Key: y.g\n"
         "  Filter: (sum(x.id) > (InitPlan 1))\n"
         "  InitPlan 1\n"
         "    ->  Aggregate\n"
         "          ->  CTE Scan on common_1\n"
         "                CTE common_1\n"
         "                  ->  Nested Loop\n"
         "                        ->  Seq Scan on big y\n"
         "                              Filter: (y.w = 'w9'::text)\n"
         "                        ->  Index Scan using big_pkey on big x\n"
         "                              Index Cond: (x.id = (y.g)::bigint)\n"
         "  ->  CTE Scan on common_1\n");
    /* a condition pushed into one of them makes it another */
    PLAN("SELECT count(*) FROM sums a, sums b WHERE a.g = b.g AND a.g > 5",
         "Aggregate\n"
         "  ->  Hash Join\n"
         "        Hash Cond: (big.g = big.g)\n"
         "        ->  HashAggregate\n"
         "              Group Key: big.g\n"
         "              ->  Seq Scan on big\n"
         "        ->  Hash\n"
         "              ->  HashAggregate\n"
         "                    Group Key: big.g\n"
         "                    ->  Seq Scan on big\n"
         "                          Filter: (big.g > 5)\n");
    /* another moment has other rows */
    PLAN("SELECT (SELECT count(DISTINCT g) FROM big), (SELECT count(DISTINCT g) FROM big AT OFFSET 100)",
         "Result\n"
         "  InitPlan 1\n"
         "    ->  Aggregate\n"
         "          ->  Seq Scan on big\n"
         "  InitPlan 2\n"
         "    ->  Aggregate\n"
         "          ->  Seq Scan on big\n"
         "                As Of: position '100'::bigint\n");
    PLAN("SELECT (SELECT count(DISTINCT g) FROM big AT OFFSET 100), (SELECT count(DISTINCT g) FROM big AT OFFSET 100)",
         "Result\n"
         "  InitPlan 1\n"
         "    ->  CTE Scan on common_1\n"
         "          CTE common_1\n"
         "            ->  Aggregate\n"
         "                  ->  Seq Scan on big\n"
         "                        As Of: position '100'::bigint\n"
         "  InitPlan 2\n"
         "    ->  CTE Scan on common_1\n");
    SQL("SET kimberlite.enable_common_subplans = off");
    PLAN("SELECT g FROM sums WHERE s = (SELECT max(s) FROM sums)", "HashAggregate\n"
                                                                   "  Group Key: g\n"
                                                                   "  Filter: (sum(id) = (InitPlan 1))\n"
                                                                   "  InitPlan 1\n"
                                                                   "    ->  Aggregate\n"
                                                                   "          ->  HashAggregate\n"
                                                                   "                Group Key: g\n"
                                                                   "                ->  Seq Scan on big\n"
                                                                   "  ->  Seq Scan on big\n");
    ROWS("EXPLAIN (SETTINGS) SELECT 1", "Result  (cost=0.00..0.01 rows=1 width=4)\n"
                                        "Settings: kimberlite.enable_common_subplans = 'off'\n");
    SQL("RESET kimberlite.enable_common_subplans");
}

/* Sides that come in the order of the keys are merged, and the order is the answer's. */
static void test_merge(void **state) {
    (void)state;
    SQL("CREATE TABLE line (id bigint, n int, v int, PRIMARY KEY (id, n))");
    SQL("INSERT INTO line SELECT g / 3, g, g % 10 FROM generate_series(1, 9000) AS g");
    PLAN("SELECT * FROM big JOIN line ON big.id = line.id ORDER BY line.id", "Merge Join\n"
                                                                             "  Merge Cond: (line.id = big.id)\n"
                                                                             "  ->  Seq Scan on line\n"
                                                                             "  ->  Seq Scan on big\n");
    PLAN("SELECT * FROM line x JOIN line y ON x.n = y.n AND y.id = x.id",
         "Merge Join\n"
         "  Merge Cond: ((x.id = y.id) AND (x.n = y.n))\n"
         "  ->  Seq Scan on line x\n"
         "  ->  Seq Scan on line y\n");
    PLAN("SELECT * FROM line FULL JOIN big USING (id)", "Merge Full Join\n"
                                                        "  Merge Cond: (line.id = big.id)\n"
                                                        "  ->  Seq Scan on line\n"
                                                        "  ->  Seq Scan on big\n");
    PLAN("SELECT * FROM line WHERE NOT EXISTS (SELECT 1 FROM big WHERE big.id = line.id AND g > v)",
         "Merge Anti Join\n"
         "  Merge Cond: (line.id = big.id)\n"
         "  Join Filter: (big.g > line.v)\n"
         "  ->  Seq Scan on line\n"
         "  ->  Seq Scan on big\n");
    /* the other way round; an order of another column; few rows; few that have a partner */
    PLAN("SELECT line.id FROM line JOIN big ON big.id = line.id ORDER BY line.id DESC",
         "Hash Join\n"
         "  Hash Cond: (line.id = big.id)\n"
         "  ->  Index Scan Backward using line_pkey on line\n"
         "  ->  Hash\n"
         "        ->  Seq Scan on big\n");
    PLAN("SELECT count(*) FROM line JOIN big ON big.g = line.id", "Aggregate\n"
                                                                  "  ->  Hash Join\n"
                                                                  "        Hash Cond: (line.id = (big.g)::bigint)\n"
                                                                  "        ->  Seq Scan on line\n"
                                                                  "        ->  Hash\n"
                                                                  "              ->  Seq Scan on big\n");
    PLAN("SELECT count(*) FROM line JOIN big ON big.id = line.id AND big.w = 'w7'",
         "Aggregate\n"
         "  ->  Nested Loop\n"
         "        ->  Seq Scan on big\n"
         "              Filter: (big.w = 'w7'::text)\n"
         "        ->  Index Scan using line_pkey on line\n"
         "              Index Cond: (line.id = big.id)\n");
    /* nothing is put aside where a hash table would be */
    SQL("SET work_mem = '64kB'");
    ROWS("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*) FROM line FULL JOIN big USING (id)",
         "Aggregate (actual rows=1 loops=1)\n"
         "  Memory Usage: 1kB\n"
         "  ->  Merge Full Join (actual rows=9000 loops=1)\n"
         "        Merge Cond: (line.id = big.id)\n"
         "        ->  Seq Scan on line (actual rows=9000 loops=1)\n"
         "        ->  Seq Scan on big (actual rows=3000 loops=1)\n");
    SQL("SET enable_mergejoin = off");
    PLAN("SELECT count(*) FROM line FULL JOIN big USING (id)", "Aggregate\n"
                                                               "  ->  Hash Full Join\n"
                                                               "        Hash Cond: (line.id = big.id)\n"
                                                               "        ->  Seq Scan on line\n"
                                                               "        ->  Hash\n"
                                                               "              ->  Seq Scan on big\n");
    SQL("RESET ALL");
    /* where nothing may be hashed the sides are sorted, and an order above is theirs */
    SQL("SET enable_hashjoin = off");
    PLAN("SELECT t.a, x FROM t JOIN k ON t.a = k.x ORDER BY t.a", "Merge Join\n"
                                                                  "  Merge Cond: (t.a = k.x)\n"
                                                                  "  ->  Sort\n"
                                                                  "        Sort Key: t.a\n"
                                                                  "        ->  Seq Scan on t\n"
                                                                  "  ->  Seq Scan on k\n");
    PLAN("SELECT t.id, x FROM t LEFT JOIN k ON t.id = k.x ORDER BY t.id DESC", "Sort\n"
                                                                               "  Sort Key: t.id DESC\n"
                                                                               "  ->  Merge Left Join\n"
                                                                               "        Merge Cond: (t.id = k.x)\n"
                                                                               "        ->  Seq Scan on t\n"
                                                                               "        ->  Seq Scan on k\n");
    PLAN("SELECT count(*) FROM t JOIN k ON t.a + 1 = k.x", "Aggregate\n"
                                                           "  ->  Hash Join\n"
                                                           "        Hash Cond: ((t.a + 1) = k.x)\n"
                                                           "        ->  Seq Scan on t\n"
                                                           "        ->  Hash\n"
                                                           "              ->  Seq Scan on k\n");
    SQL("RESET ALL");
}

/* Before rows were changed and deleted. */
static void check_bits_at(long position) {
    struct buffer text = {0};
    struct buffer out = {0};
    buffer_printf(&text, "SELECT count(*), sum(id) FROM bits AT OFFSET %ld WHERE a = 1 OR b = 2", position);
    assert_int_equal(sql_fixture_text(f, buffer_text(&text), &out), KMB_OK);
    assert_string_equal(buffer_text(&out), "24|71082\n");
    buffer_free(&text);
    buffer_free(&out);
}

/* Rows that several ranges of indexes name, in all of them or in any. */
static void test_bitmap(void **state) {
    (void)state;
    SQL("CREATE TABLE bits (id int PRIMARY KEY, a int, b int, c text)");
    SQL("INSERT INTO bits SELECT n, n % 500, n * 7 % 499, 'c' || n % 10 FROM generate_series(1, 6000) AS n");
    SQL("CREATE INDEX bits_a ON bits (a)");
    SQL("CREATE INDEX bits_b ON bits (b)");
    SQL("UPDATE bits SET c = 'c2' WHERE id = 1");
    PLAN("SELECT * FROM bits WHERE a = 1 OR b = 2", "Bitmap Heap Scan on bits\n"
                                                    "  Recheck Cond: ((a = 1) OR (b = 2))\n"
                                                    "  ->  BitmapOr\n"
                                                    "        ->  Bitmap Index Scan on bits_a\n"
                                                    "              Index Cond: (a = 1)\n"
                                                    "        ->  Bitmap Index Scan on bits_b\n"
                                                    "              Index Cond: (b = 2)\n");
    PLAN("SELECT * FROM bits WHERE (a = 1 OR b = 2 OR id = 4) AND c = 'c1' ORDER BY id DESC",
         "Bitmap Heap Scan on bits\n"
         "  Recheck Cond: ((a = 1) OR (b = 2) OR (id = 4))\n"
         "  Filter: (c = 'c1'::text)\n"
         "  ->  BitmapOr\n"
         "        ->  Bitmap Index Scan on bits_a\n"
         "              Index Cond: (a = 1)\n"
         "        ->  Bitmap Index Scan on bits_b\n"
         "              Index Cond: (b = 2)\n"
         "        ->  Bitmap Index Scan on bits_pkey\n"
         "              Index Cond: (id = 4)\n");
    PLAN("SELECT * FROM bits WHERE a < 40 AND b < 40", "Bitmap Heap Scan on bits\n"
                                                       "  Recheck Cond: ((a < 40) AND (b < 40))\n"
                                                       "  ->  BitmapAnd\n"
                                                       "        ->  Bitmap Index Scan on bits_a\n"
                                                       "              Index Cond: (a < 40)\n"
                                                       "        ->  Bitmap Index Scan on bits_b\n"
                                                       "              Index Cond: (b < 40)\n");
    PLAN("SELECT * FROM bits x WHERE x.a IN (1, 9, 400) OR x.b BETWEEN 2 AND 3",
         "Bitmap Heap Scan on bits x\n"
         "  Recheck Cond: ((a = ANY ('{1,9,400}'::integer[])) OR ((b >= 2) AND (b <= 3)))\n"
         "  ->  BitmapOr\n"
         "        ->  Bitmap Index Scan on bits_a\n"
         "              Index Cond: (a = ANY ('{1,9,400}'::integer[]))\n"
         "        ->  Bitmap Index Scan on bits_b\n"
         "              Index Cond: ((b >= 2) AND (b <= 3))\n");
    PLAN("SELECT * FROM bits WHERE id IN (1, 5999)", "Bitmap Heap Scan on bits\n"
                                                     "  Recheck Cond: (id = ANY ('{1,5999}'::integer[]))\n"
                                                     "  ->  Bitmap Index Scan on bits_pkey\n"
                                                     "        Index Cond: (id = ANY ('{1,5999}'::integer[]))\n");
    struct buffer before = {0};
    struct buffer past = {0};
    assert_int_equal(sql_fixture_text(f, "SELECT max(_position_from) FROM kimberlite_history(bits)", &before), KMB_OK);
    long position = strtol(buffer_text(&before), NULL, 10);
    /* an arm that no index answers; a range that is most of the table; one index that is enough */
    PLAN("SELECT * FROM bits WHERE a = 1 OR c = 'c1'", "Seq Scan on bits\n"
                                                       "  Filter: ((a = 1) OR (c = 'c1'::text))\n");
    PLAN("SELECT * FROM bits WHERE a > 1 OR b = 2", "Seq Scan on bits\n"
                                                    "  Filter: ((a > 1) OR (b = 2))\n");
    PLAN("SELECT * FROM bits WHERE a = 1 AND b < 400", "Index Scan using bits_a on bits\n"
                                                       "  Index Cond: (a = 1)\n"
                                                       "  Filter: (b < 400)\n");
    /* few rows that ask: each looks its partner up, and what the bitmap would have answered is asked of that */
    PLAN("SELECT * FROM big JOIN bits ON bits.id = big.g WHERE big.id = 3 AND (bits.a = 1 OR bits.b = 2)",
         "Nested Loop\n"
         "  ->  Index Scan using big_pkey on big\n"
         "        Index Cond: (big.id = '3'::bigint)\n"
         "  ->  Index Scan using bits_pkey on bits\n"
         "        Index Cond: (bits.id = big.g)\n"
         "        Filter: ((bits.a = 1) OR (bits.b = 2))\n");
    ROWS("SELECT count(*), sum(id) FROM bits WHERE a = 1 OR b = 2", "24|71082\n");
    ROWS("SELECT id FROM bits WHERE (a = 1 OR b = 2 OR id = 4) AND c = 'c1' ORDER BY id DESC", "5501\n"
                                                                                               "5001\n"
                                                                                               "4501\n"
                                                                                               "4001\n"
                                                                                               "3921\n"
                                                                                               "3501\n"
                                                                                               "3001\n"
                                                                                               "2501\n"
                                                                                               "2001\n"
                                                                                               "1501\n"
                                                                                               "1001\n"
                                                                                               "501\n");
    SQL("UPDATE bits SET a = 1 WHERE id = 4 OR id = 5");
    SQL("DELETE FROM bits WHERE a = 1 AND b = 7");
    ROWS("SELECT count(*), sum(id) FROM bits WHERE a = 1 OR b = 2", "25|71090\n");
    check_bits_at(position);
    SQL("SET enable_bitmapscan = off");
    PLAN("SELECT * FROM bits WHERE a = 1 OR b = 2", "Seq Scan on bits\n"
                                                    "  Filter: ((a = 1) OR (b = 2))\n");
    ROWS("SELECT count(*), sum(id) FROM bits WHERE a = 1 OR b = 2", "25|71090\n");
    check_bits_at(position);
    SQL("RESET ALL");
    buffer_printf(&past, "EXPLAIN SELECT * FROM bits AT OFFSET %ld WHERE a = 1 OR b = 2", position);
    buffer_clear(&before);
    assert_int_equal(sql_fixture_text(f, buffer_text(&past), &before), KMB_OK);
    assert_non_null(strstr(buffer_text(&before), "Bitmap Heap Scan"));
    buffer_free(&before);
    buffer_free(&past);
    /* more keys than work_mem holds are given up, and the table is read */
    SQL("SET enable_seqscan = off");
    ROWS("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM bits WHERE (a < 300 OR b > 7) AND c = "
         "'c1'",
         "Bitmap Heap Scan on bits (actual rows=595 loops=1)\n"
         "  Recheck Cond: ((a < 300) OR (b > 7))\n"
         "  Filter: (c = 'c1'::text)\n"
         "  Rows Removed by Filter: 5357\n"
         "  Memory Usage: 1305kB\n"
         "  ->  BitmapOr (actual rows=5952 loops=1)\n"
         "        ->  Bitmap Index Scan on bits_a (actual rows=3599 loops=1)\n"
         "              Index Cond: (a < 300)\n"
         "        ->  Bitmap Index Scan on bits_b (actual rows=5903 loops=1)\n"
         "              Index Cond: (b > 7)\n");
    SQL("SET work_mem = '64kB'");
    ROWS("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM bits WHERE (a < 300 OR b > 7) AND c = "
         "'c1'",
         "Bitmap Heap Scan on bits (actual rows=595 loops=1)\n"
         "  Recheck Cond: ((a < 300) OR (b > 7))\n"
         "  Filter: (c = 'c1'::text)\n"
         "  Rows Removed by Filter: 5404\n"
         "  Memory Usage: 65kB\n"
         "  ->  BitmapOr (actual rows=0 loops=1)\n"
         "        ->  Bitmap Index Scan on bits_a (actual rows=0 loops=1)\n"
         "              Index Cond: (a < 300)\n"
         "        ->  Bitmap Index Scan on bits_b (never executed)\n"
         "              Index Cond: (b > 7)\n");
    SQL("RESET ALL");
}

static void test_folding(void **state) {
    (void)state;
    PLAN("SELECT * FROM t WHERE id = 2 + 3 * 4", "Index Scan using t_pkey on t\n  Index Cond: (id = 14)\n");
    PLAN("SELECT * FROM t WHERE true AND a IS NULL AND (false OR b = 'x')",
         "Seq Scan on t\n  Filter: ((a IS NULL) AND (b = 'x'::text))\n");
    PLAN("SELECT 1 WHERE 1 = 2", "Result\n  One-Time Filter: false\n");
    PLAN("SELECT * FROM t WHERE CASE WHEN true THEN a = 1 ELSE 1 / 0 = 1 END",
         "Index Scan using t_ab on t\n  Index Cond: (a = 1)\n");
    PLAN("SELECT * FROM t WHERE b = COALESCE(NULL, 'x', b)", "Seq Scan on t\n  Filter: (b = 'x'::text)\n");
    /* an error in a constant comes when a row meets it, not before */
    ROWS("SELECT CASE WHEN id > 0 THEN 1 ELSE 1 / 0 END FROM k LEFT JOIN t ON true", "");
    REFUSED("SELECT 1 / 0", "22012", 10, "division by zero");
    ROWS("SELECT 1 / 0 FROM k", "");
}

/* Comma joins of many tables are joined along their equalities, never across. */
static void test_many_tables(void **state) {
    (void)state;
    struct buffer text = {0};
    for (int i = 0; i < 60; i++) {
        buffer_clear(&text);
        buffer_printf(&text, "CREATE TABLE m%d (a int PRIMARY KEY, b int, x text)", i);
        SQL(buffer_text(&text));
        buffer_clear(&text);
        buffer_printf(&text, "INSERT INTO m%d VALUES (1, 2, 'a'), (2, 3, 'b'), (3, 1, 'c')", i);
        SQL(buffer_text(&text));
    }
    buffer_clear(&text);
    buffer_append_text(&text, "SELECT m0.x, m59.x FROM m0");
    for (int i = 1; i < 60; i++) {
        buffer_printf(&text, ", m%d", i);
    }
    buffer_append_text(&text, " WHERE m0.a = 2");
    for (int i = 59; i > 0; i--) {
        buffer_printf(&text, " AND m%d.b = m%d.a", i - 1, i);
    }
    struct buffer out = {0};
    assert_int_equal(sql_fixture_text(f, buffer_text(&text), &out), KMB_OK);
    assert_string_equal(buffer_text(&out), "b|a\n");
    buffer_free(&text);
    buffer_free(&out);
}

static void test_options(void **state) {
    (void)state;
    ROWS("EXPLAIN (COSTS OFF, FORMAT text) SELECT 1", "Result\n");
    REFUSED("EXPLAIN (TIMING) SELECT 1", "22023", 0, "EXPLAIN option TIMING requires ANALYZE");
    REFUSED("EXPLAIN (NOSUCH) SELECT 1", "42601", 10, "unrecognized EXPLAIN option \"nosuch\"");
    REFUSED("EXPLAIN SELECT nosuch FROM t", "42703", 16, "column \"nosuch\" does not exist");
}

/* The plan, without the lines that tell memory: bytes differ from build to build. */
static const char *analyzed(const char *text) {
    static char lines[4096];
    struct buffer out = {0};
    assert_int_equal(sql_fixture_text(f, text, &out), KMB_OK);
    size_t length = 0;
    for (const char *line = buffer_text(&out); *line != 0;) {
        size_t size = strcspn(line, "\n") + 1;
        if (memmem(line, size, "Memory", strlen("Memory")) == NULL) {
            assert_true(length + size < sizeof(lines));
            memcpy(lines + length, line, size);
            length += size;
        }
        line += size;
    }
    lines[length] = 0;
    buffer_free(&out);
    return lines;
}

#define ANALYZED(text_, expected_)                                                                                     \
    assert_string_equal(analyzed("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " text_), expected_)

/* What was run and what it gave, by each kind of node that counts for itself. */
static void test_analyze(void **state) {
    (void)state;
    SQL("CREATE TABLE ea (id int PRIMARY KEY, v int)");
    SQL("CREATE TABLE eb (id int PRIMARY KEY, ea int)");
    SQL("INSERT INTO ea SELECT g, g % 3 FROM generate_series(1, 6) AS g");
    SQL("INSERT INTO eb SELECT g, g FROM generate_series(1, 4) AS g");
    ANALYZED("SELECT * FROM ea WHERE v = 1",
             "Seq Scan on ea (actual rows=2 loops=1)\n  Filter: (v = 1)\n  Rows Removed by Filter: 4\n");
    ANALYZED("SELECT * FROM ea WHERE false", "Seq Scan on ea (actual rows=0 loops=1)\n  One-Time Filter: false\n");
    ANALYZED("SELECT v, count(*) FROM ea JOIN eb ON ea.id = eb.ea GROUP BY v",
             "HashAggregate (actual rows=3 loops=1)\n  Group Key: ea.v\n  ->  Hash Join (actual rows=4 loops=1)\n"
             "        Hash Cond: (ea.id = eb.ea)\n        ->  Seq Scan on ea (actual rows=4 loops=1)\n"
             "              Rows Removed by Runtime Filter: 2\n"
             "        ->  Hash (actual rows=4 loops=1)\n              ->  Seq Scan on eb (actual rows=4 loops=1)\n");
    ANALYZED("SELECT (SELECT max(v) FROM ea WHERE ea.id <= eb.id) FROM eb WHERE id > 2",
             "Index Scan using eb_pkey on eb (actual rows=2 loops=1)\n  Index Cond: (id > 2)\n  SubPlan 1\n"
             "    ->  Aggregate (actual rows=1 loops=2)\n"
             "          ->  Index Scan using ea_pkey on ea (actual rows=4 loops=2)\n"
             "                Index Cond: (id <= $0)\n");
    ANALYZED("SELECT * FROM eb, generate_series(1, eb.id) AS g",
             "Nested Loop (actual rows=10 loops=1)\n  ->  Seq Scan on eb (actual rows=4 loops=1)\n"
             "  ->  Function Scan on generate_series (actual rows=2 loops=4)\n");
    ANALYZED("UPDATE eb SET ea = 9 WHERE id = 1",
             "Update on eb (actual rows=0 loops=1)\n  ->  Index Scan using eb_pkey on eb (actual rows=1 loops=1)\n"
             "        Index Cond: (id = 1)\n");
    ROWS("SELECT ea FROM eb WHERE id = 1", "9\n");
    ANALYZED("SELECT (SELECT 1 FROM ea LIMIT 1) WHERE false",
             "Result (actual rows=0 loops=1)\n  One-Time Filter: false\n  InitPlan 1\n"
             "    ->  Limit (never executed)\n          ->  Seq Scan on ea (never executed)\n");
}

static void test_windows(void **state) {
    (void)state;
    PLAN("SELECT * FROM (SELECT id, b, sum(a) OVER (PARTITION BY b ORDER BY id) FROM t) x WHERE b = 'q' AND id > 3",
         "WindowAgg\n  Filter: (id > 3)\n  ->  Seq Scan on t\n        Filter: (b = 'q'::text)\n");
    PLAN("SELECT id FROM (SELECT id, sum(a) OVER (ORDER BY id) AS s, rank() OVER (ORDER BY id) FROM t) x WHERE s > 1",
         "WindowAgg\n  Filter: (sum(a) OVER (?) > '1'::bigint)\n  ->  Seq Scan on t\n");
    PLAN("SELECT * FROM (SELECT DISTINCT ON (v) v, b FROM t ORDER BY v, b) x WHERE v IS NULL AND b = 'z'",
         "Unique\n  Filter: (b = 'z'::text)\n  ->  Sort\n        Sort Key: v, b\n        ->  Seq Scan on t\n"
         "              Filter: (v IS NULL)\n");
    PLAN("SELECT * FROM (SELECT v, b, count(*) FROM t GROUP BY ROLLUP (v, b)) x WHERE b = 'q'",
         "HashAggregate\n  Group Key: v, b\n  Group Key: v\n  Group Key: ()\n  Filter: (b = 'q'::text)\n"
         "  ->  Seq Scan on t\n");
    PLAN("SELECT v FROM t ORDER BY v FETCH FIRST 1 ROW WITH TIES",
         "Limit\n  ->  Sort\n        Sort Key: v\n        ->  Seq Scan on t\n");
}

/* A small table is read while planning: what its rows meet is known, however unevenly they meet it. */
static void test_known_values(void **state) {
    (void)state;
    SQL("CREATE TABLE form (id int PRIMARY KEY, name text)");
    SQL("CREATE TABLE item (id int PRIMARY KEY, form int, other int)");
    SQL("CREATE INDEX item_form ON item (form)");
    SQL("INSERT INTO form VALUES (1, 'frequent'), (2, 'rare'), (3, 'none')");
    SQL("INSERT INTO item SELECT g, CASE WHEN g % 400 = 0 THEN 2 ELSE 1 END, g FROM generate_series(1, 8000) AS g");
    PLAN("SELECT item.id FROM form, item WHERE item.form = form.id AND name = 'frequent'",
         "Hash Join\n  Hash Cond: (item.form = form.id)\n  ->  Seq Scan on item\n  ->  Hash\n"
         "        ->  Seq Scan on form\n              Filter: (form.name = 'frequent'::text)\n");
    PLAN("SELECT item.id FROM form, item WHERE item.form = form.id AND name = 'rare'",
         "Nested Loop\n  ->  Seq Scan on form\n        Filter: (form.name = 'rare'::text)\n"
         "  ->  Index Only Scan using item_form on item\n        Index Cond: (item.form = form.id)\n");
    ROWS("SELECT count(*) FROM form, item WHERE item.form = form.id AND name = 'rare'", "20\n");
    /* what is known of a column holds for those equal to it */
    PLAN("SELECT item.other FROM form, item WHERE item.form = form.id AND form.id = 2 AND form.name > 'a'",
         "Nested Loop\n  ->  Index Scan using form_pkey on form\n        Index Cond: (form.id = 2)\n"
         "        Filter: (form.name > 'a'::text)\n  ->  Index Scan using item_form on item\n        Index Cond: "
         "(item.form = 2)\n");
    ROWS("SELECT count(*) FROM form, item WHERE item.form = form.id AND form.id = 2 AND form.name > 'a'", "20\n");
    ROWS("SELECT count(*) FROM form, item WHERE item.form = form.id AND form.id = 2 AND item.form = 1", "0\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),      cmocka_unit_test(test_order_of_limited),
        cmocka_unit_test(test_access),       cmocka_unit_test(test_history),
        cmocka_unit_test(test_order),        cmocka_unit_test(test_index_only),
        cmocka_unit_test(test_joins),        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_many_tables),  cmocka_unit_test(test_options),
        cmocka_unit_test(test_analyze),      cmocka_unit_test(test_common),
        cmocka_unit_test(test_known_values), cmocka_unit_test(test_bitmap),
        cmocka_unit_test(test_merge),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
