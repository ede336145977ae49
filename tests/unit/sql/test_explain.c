/* EXPLAIN's options and formats: the layout of each to the byte, as PostgreSQL's; costs that follow the rows; what
 * nodes used. */
#include "host.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    SQL("CREATE TABLE t (id int PRIMARY KEY, a text, b int)");
    SQL("CREATE TABLE u (id int PRIMARY KEY, t_id int)");
    SQL("INSERT INTO t SELECT g, 'x' || g, g % 5 FROM generate_series(1, 100) AS g");
    SQL("INSERT INTO u SELECT g, g FROM generate_series(1, 10) AS g");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

static void formats_are_laid_out_as_postgresql_does(void **state) {
    (void)state;
    ROWS("EXPLAIN (COSTS OFF, FORMAT json) SELECT id FROM t WHERE b = 3 AND a <> '\"<&>'",
         "[\n  {\n    \"Plan\": {\n      \"Node Type\": \"Seq Scan\",\n      \"Parallel Aware\": false,\n"
         "      \"Async Capable\": false,\n      \"Relation Name\": \"t\",\n      \"Alias\": \"t\",\n"
         "      \"Filter\": \"((b = 3) AND (a <> '\\\"<&>'::text))\"\n    }\n  }\n]\n");
    ROWS(
        "EXPLAIN (COSTS OFF, FORMAT yaml) SELECT id FROM t ORDER BY a, b DESC LIMIT 2",
        "- Plan: \n    Node Type: \"Limit\"\n    Parallel Aware: false\n    Async Capable: false\n    Plans: \n"
        "      - Node Type: \"Sort\"\n        Parent Relationship: \"Outer\"\n        Parallel Aware: false\n"
        "        Async Capable: false\n        Sort Key: \n          - \"a\"\n          - \"b DESC\"\n        Plans: \n"
        "          - Node Type: \"Seq Scan\"\n            Parent Relationship: \"Outer\"\n"
        "            Parallel Aware: false\n            Async Capable: false\n            Relation Name: \"t\"\n"
        "            Alias: \"t\"\n");
    ROWS("EXPLAIN (COSTS OFF, FORMAT xml) SELECT id FROM t WHERE a <> '\"<&>' ORDER BY b",
         "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>\n    <Plan>\n"
         "      <Node-Type>Sort</Node-Type>\n      <Parallel-Aware>false</Parallel-Aware>\n"
         "      <Async-Capable>false</Async-Capable>\n      <Sort-Key>\n        <Item>b</Item>\n      </Sort-Key>\n"
         "      <Plans>\n        <Plan>\n          <Node-Type>Seq Scan</Node-Type>\n"
         "          <Parent-Relationship>Outer</Parent-Relationship>\n"
         "          <Parallel-Aware>false</Parallel-Aware>\n          <Async-Capable>false</Async-Capable>\n"
         "          <Relation-Name>t</Relation-Name>\n          <Alias>t</Alias>\n"
         "          <Filter>(a &lt;&gt; '\"&lt;&amp;&gt;'::text)</Filter>\n        </Plan>\n      </Plans>\n    "
         "</Plan>\n"
         "  </Query>\n</explain>\n");
    ROWS("EXPLAIN (COSTS OFF, FORMAT json) SELECT b, a, count(*) FROM t GROUP BY GROUPING SETS ((b, a), ())",
         "[\n  {\n    \"Plan\": {\n      \"Node Type\": \"Aggregate\",\n      \"Parallel Aware\": false,\n"
         "      \"Async Capable\": false,\n      \"Strategy\": \"Hashed\",\n      \"Grouping Sets\": [\n        {\n"
         "          \"Group Keys\": [\n            [\"b\", \"a\"],\n            []\n          ]\n        }\n      ],\n"
         "      \"Plans\": [\n        {\n          \"Node Type\": \"Seq Scan\",\n"
         "          \"Parent Relationship\": \"Outer\",\n          \"Parallel Aware\": false,\n"
         "          \"Async Capable\": false,\n          \"Relation Name\": \"t\",\n          \"Alias\": \"t\"\n"
         "        }\n      ]\n    }\n  }\n]\n");
    ROWS("EXPLAIN (FORMAT json, ANALYZE) CREATE TABLE IF NOT EXISTS t AS SELECT 1", "[\n  \"CREATE TABLE AS\"\n]\n");
    ROWS("EXPLAIN (FORMAT yaml) CREATE TABLE IF NOT EXISTS t AS SELECT 1", "- \"CREATE TABLE AS\"\n");
    ROWS("EXPLAIN (FORMAT xml) CREATE TABLE IF NOT EXISTS t AS SELECT 1",
         "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <CREATE-TABLE-AS />\n</explain>\n");
    ROWS("EXPLAIN CREATE TABLE IF NOT EXISTS t AS SELECT 1", "");
}

static void costs_follow_the_rows(void **state) {
    (void)state;
    ROWS("EXPLAIN SELECT 1", "Result  (cost=0.00..0.01 rows=1 width=4)\n");
    ROWS("EXPLAIN SELECT * FROM t", "Seq Scan on t  (cost=0.00..1.00 rows=100 width=40)\n");
    ROWS("EXPLAIN SELECT id FROM t WHERE id = 3",
         "Index Scan using t_pkey on t  (cost=0.00..0.01 rows=1 width=4)\n  Index Cond: (id = 3)\n");
    ROWS("EXPLAIN DELETE FROM u", "Delete on u  (cost=0.00..0.20 rows=0 width=0)\n"
                                  "  ->  Seq Scan on u  (cost=0.00..0.10 rows=10 width=40)\n");
    ROWS("EXPLAIN (COSTS OFF, SETTINGS) SELECT 1", "Result\n");
}

static void verbose_tells_what_nodes_give(void **state) {
    (void)state;
    ROWS("EXPLAIN (VERBOSE, COSTS OFF) SELECT b % 2 AS r, count(*) FROM t WHERE id > 7 GROUP BY r",
         "HashAggregate\n  Output: (b % 2), count(*)\n  Group Key: (t.b % 2)\n"
         "  ->  Index Scan using t_pkey on public.t\n        Output: b\n        Index Cond: (t.id > 7)\n");
    ROWS("EXPLAIN (VERBOSE, COSTS OFF) SELECT x.a, u.id FROM t AS x JOIN u ON x.id = u.t_id",
         "Nested Loop\n  Output: x.a, u.id\n  ->  Seq Scan on public.u\n        Output: u.id, u.t_id\n"
         "  ->  Index Scan using t_pkey on public.t x\n        Output: x.id, x.a\n"
         "        Index Cond: (x.id = u.t_id)\n");
    ROWS("EXPLAIN (VERBOSE, COSTS OFF) DELETE FROM u WHERE id = 1 RETURNING t_id + 1",
         "Delete on public.u\n  Output: (t_id + 1)\n  ->  Index Scan using u_pkey on public.u\n"
         "        Output: id, t_id, key\n        Index Cond: (u.id = 1)\n");
}

static bool says(const char *text, const char *part) {
    struct buffer out = {0};
    assert_int_equal(sql_fixture_text(f, text, &out), KMB_OK);
    bool found = strstr(buffer_text(&out), part) != NULL;
    if (!found) {
        print_message("%s\n%s", text, buffer_text(&out));
    }
    buffer_free(&out);
    return found;
}

static void analyze_tells_what_nodes_used(void **state) {
    (void)state;
    assert_true(says("EXPLAIN (ANALYZE) SELECT a FROM t ORDER BY a", "  Sort Method: quicksort  Memory: "));
    assert_true(says("EXPLAIN (ANALYZE) SELECT a FROM t ORDER BY a LIMIT 3", "Sort Method: top-N heapsort  Memory: "));
    assert_true(says("EXPLAIN (ANALYZE) SELECT b, count(*) FROM t GROUP BY b", "  Memory Usage: "));
    assert_true(says("EXPLAIN (ANALYZE, FORMAT json) SELECT b, count(*) FROM t GROUP BY b", "\"Peak Memory Usage\": "));
    assert_true(says("EXPLAIN (ANALYZE, FORMAT json) SELECT b FROM t ORDER BY b", "\"Sort Space Type\": \"Memory\""));
    assert_true(says("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) SELECT * FROM t",
                     "Seq Scan on t (actual rows=100 loops=1)\n  Buffers: shared hit="));
    assert_true(says("EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM t", "\"Shared Hit Blocks\": "));
    assert_true(says("EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM t", "\"Triggers\": [\n    ]"));
    assert_true(says("EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM t WHERE id < 0", "\"Actual Loops\": 1"));
    assert_true(says("EXPLAIN (ANALYZE, BUFFERS) UPDATE u SET t_id = 3", " dirtied="));
}

static void options_are_checked(void **state) {
    (void)state;
    REFUSED("EXPLAIN (FORMAT foo) SELECT 1", "22023", 10, "unrecognized value for EXPLAIN option \"format\": \"foo\"");
    REFUSED("EXPLAIN (FORMAT) SELECT 1", "42601", 0, "format requires a parameter");
    REFUSED("EXPLAIN (BUFFERS foo) SELECT 1", "42601", 0, "buffers requires a Boolean value");
    REFUSED("EXPLAIN (COSTS 2) SELECT 1", "42601", 0, "costs requires a Boolean value");
    REFUSED("EXPLAIN (COSTS yes) SELECT 1", "42601", 0, "costs requires a Boolean value");
    REFUSED("EXPLAIN (WAL) SELECT 1", "22023", 0, "EXPLAIN option WAL requires ANALYZE");
    REFUSED("EXPLAIN (TIMING) SELECT 1", "22023", 0, "EXPLAIN option TIMING requires ANALYZE");
    ROWS("EXPLAIN (COSTS 0, TIMING false, WAL off) SELECT 1", "Result\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_laid_out_as_postgresql_does),
        cmocka_unit_test(costs_follow_the_rows),
        cmocka_unit_test(verbose_tells_what_nodes_give),
        cmocka_unit_test(analyze_tells_what_nodes_used),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
