/*
 * What windows, grouping sets and their kin refuse, with SQLSTATE, character and words: PostgreSQL 15's, taken from a
 * live one. What they answer is in tests/conformance/slt.
 */
#include "host.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    SQL("CREATE TABLE emp (id int PRIMARY KEY, dept text, pay int, hired date, rate numeric(8,2))");
    SQL("INSERT INTO emp VALUES (1, 'a', 100, '2020-01-01', 1.5), (2, 'a', 200, '2020-01-15', 2.25), "
        "(3, 'b', NULL, NULL, 4)");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

static void test_windows(void **state) {
    (void)state;
    REFUSED("SELECT ntile(0) OVER () FROM emp", "22014", 8, "argument of ntile must be greater than zero");
    REFUSED("SELECT lag(pay, 1, 'x') OVER (ORDER BY id) FROM emp", "22P02", 20,
            "invalid input syntax for type integer: \"x\"");
    REFUSED("SELECT lag(pay, 1, dept) OVER (ORDER BY id) FROM emp", "42883", 8,
            "function lag(integer, integer, text) does not exist");
    REFUSED("SELECT lag(pay, 1.5) OVER (ORDER BY id) FROM emp", "42883", 8,
            "function lag(integer, numeric) does not exist");
    REFUSED("SELECT nth_value(id, 0) OVER (ORDER BY id) FROM emp", "22016", 8,
            "argument of nth_value must be greater than zero");
    REFUSED("SELECT count(*) OVER nosuch FROM emp", "42704", 22, "window \"nosuch\" does not exist");
    REFUSED("SELECT count(*) OVER (w PARTITION BY dept) FROM emp WINDOW w AS (ORDER BY id)", "42P20", 22,
            "cannot override PARTITION BY clause of window \"w\"");
    REFUSED("SELECT count(*) OVER (w ORDER BY dept) FROM emp WINDOW w AS (ORDER BY id)", "42P20", 22,
            "cannot override ORDER BY clause of window \"w\"");
    REFUSED("SELECT count(*) OVER (w) FROM emp WINDOW w AS (ORDER BY id ROWS 1 PRECEDING)", "42P20", 22,
            "cannot copy window \"w\" because it has a frame clause");
    REFUSED("SELECT count(*) OVER w FROM emp WINDOW w AS (ORDER BY id), w AS (ORDER BY pay)", "42P20", 65,
            "window \"w\" is already defined");
    REFUSED("SELECT 1 FROM emp WINDOW w AS (ORDER BY nosuch)", "42703", 41, "column \"nosuch\" does not exist");
    REFUSED("SELECT dept, pay, sum(pay) OVER () FROM emp GROUP BY dept", "42803", 14,
            "column \"emp.pay\" must appear in the GROUP BY clause or be used in an aggregate function");
    REFUSED("SELECT id FROM emp WHERE row_number() OVER () > 1", "42P20", 26,
            "window functions are not allowed in WHERE");
    REFUSED("SELECT id FROM emp GROUP BY row_number() OVER ()", "42P20", 29,
            "window functions are not allowed in GROUP BY");
    REFUSED("SELECT dept FROM emp GROUP BY dept HAVING rank() OVER () > 1", "42P20", 43,
            "window functions are not allowed in HAVING");
    REFUSED("SELECT e.id FROM emp e JOIN emp f ON rank() OVER () = f.id", "42P20", 38,
            "window functions are not allowed in JOIN conditions");
    REFUSED("SELECT sum(row_number() OVER ()) OVER () FROM emp", "42P20", 12, "window function calls cannot be nested");
    REFUSED("SELECT sum(row_number() OVER ()) FROM emp", "42803", 12,
            "aggregate function calls cannot contain window function calls");
    REFUSED("SELECT count(*) FILTER (WHERE row_number() OVER () > 1) FROM emp", "42P20", 31,
            "window functions are not allowed in FILTER");
    REFUSED("SELECT row_number() OVER (ORDER BY rank() OVER ()) FROM emp", "42P20", 36,
            "window functions are not allowed in window definitions");
    REFUSED("SELECT row_number() FROM emp", "42809", 8, "window function row_number requires an OVER clause");
    REFUSED("SELECT rank() FROM emp", "42809", 8, "window function rank requires an OVER clause");
    REFUSED("SELECT lower(dept) OVER () FROM emp", "42809", 8,
            "OVER specified, but lower is not a window function nor an aggregate function");
    REFUSED("SELECT nosuch(1) OVER () FROM emp", "42883", 8, "function nosuch(integer) does not exist");
    REFUSED("SELECT count() OVER () FROM emp", "42809", 8,
            "count(*) must be used to call a parameterless aggregate function");
    REFUSED("SELECT row_number(1) OVER () FROM emp", "42883", 8, "function row_number(integer) does not exist");
    REFUSED("SELECT sum(id) OVER (ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW) FROM emp", "42P20", 35,
            "frame start cannot be UNBOUNDED FOLLOWING");
    REFUSED("SELECT sum(id) OVER (ROWS BETWEEN CURRENT ROW AND 1 PRECEDING) FROM emp", "42P20", 51,
            "frame starting from current row cannot have preceding rows");
    REFUSED("SELECT sum(id) OVER (ROWS BETWEEN 1 FOLLOWING AND CURRENT ROW) FROM emp", "42P20", 51,
            "frame starting from following row cannot have preceding rows");
    REFUSED("SELECT sum(id) OVER (ROWS -1 PRECEDING) FROM emp", "22013", 27,
            "frame starting offset must not be negative");
    REFUSED("SELECT sum(id) OVER (ROWS NULL PRECEDING) FROM emp", "22004", 27,
            "frame starting offset must not be null");
    REFUSED("SELECT sum(id) OVER (ROWS id PRECEDING) FROM emp", "42P10", 27,
            "argument of ROWS must not contain variables");
    REFUSED("SELECT sum(id) OVER (ROWS 'x' PRECEDING) FROM emp", "22P02", 27,
            "invalid input syntax for type bigint: \"x\"");
    REFUSED("SELECT sum(id) OVER (ROWS count(*) PRECEDING) FROM emp", "42803", 27,
            "aggregate functions are not allowed in window ROWS");
    REFUSED("SELECT sum(id) OVER (ORDER BY id RANGE -1 PRECEDING) FROM emp", "22013", 0,
            "invalid preceding or following size in window function");
    REFUSED("SELECT sum(id) OVER (RANGE 1 PRECEDING) FROM emp", "42P20", 21,
            "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column");
    REFUSED("SELECT sum(id) OVER (ORDER BY id, pay RANGE 1 PRECEDING) FROM emp", "42P20", 21,
            "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column");
    REFUSED("SELECT sum(id) OVER (GROUPS 1 PRECEDING) FROM emp", "42P20", 21,
            "GROUPS mode requires an ORDER BY clause");
    REFUSED("INSERT INTO emp (id) VALUES (row_number() OVER ())", "42P20", 30,
            "window functions are not allowed in VALUES");
    REFUSED("UPDATE emp SET pay = rank() OVER ()", "42P20", 22, "window functions are not allowed in UPDATE");
    REFUSED("DELETE FROM emp WHERE rank() OVER () = 1", "42P20", 23, "window functions are not allowed in WHERE");
    REFUSED("SELECT count(DISTINCT id) OVER () FROM emp", "0A000", 8,
            "DISTINCT is not implemented for window functions");
    REFUSED("SELECT row_number() FILTER (WHERE true) OVER () FROM emp", "0A000", 8,
            "FILTER is not implemented for non-aggregate window functions");
    REFUSED("SELECT sum(id) OVER (ORDER BY dept RANGE 1 PRECEDING) FROM emp", "0A000", 42,
            "RANGE with offset PRECEDING/FOLLOWING is not supported for column type text");
    REFUSED("SELECT sum(id) OVER (ORDER BY hired RANGE 1 PRECEDING) FROM emp", "0A000", 43,
            "RANGE with offset PRECEDING/FOLLOWING is not supported for column type date and offset type integer");
    REFUSED("SELECT sum(id) OVER (ORDER BY id RANGE 1.5 PRECEDING) FROM emp", "0A000", 40,
            "RANGE with offset PRECEDING/FOLLOWING is not supported for column type integer and offset type numeric");
    REFUSED("SELECT sum(id) OVER (ROWS BETWEEN 1 PRECEDING AND -1 FOLLOWING) FROM emp", "22013", 51,
            "frame ending offset must not be negative");
    REFUSED("SELECT sum(id) OVER (ROWS BETWEEN 1 PRECEDING AND NULL FOLLOWING) FROM emp", "22004", 51,
            "frame ending offset must not be null");
    REFUSED("SELECT sum(id) OVER (ORDER BY rate RANGE 'NaN' PRECEDING) FROM emp", "22013", 0,
            "invalid preceding or following size in window function");
    REFUSED("SELECT sum(id) OVER (ORDER BY hired RANGE '-1 day' PRECEDING) FROM emp", "22013", 0,
            "invalid preceding or following size in window function");
    REFUSED("SELECT sum(id) OVER (ROWS rank() OVER () PRECEDING) FROM emp", "42P20", 27,
            "window functions are not allowed in window definitions");
    REFUSED("SELECT sum(id) OVER (ORDER BY id RANGE count(*) PRECEDING) FROM emp", "42803", 40,
            "aggregate functions are not allowed in window RANGE");
    REFUSED("SELECT id FROM emp LIMIT rank() OVER ()", "42P20", 26, "window functions are not allowed in LIMIT");
    REFUSED("VALUES (rank() OVER ())", "42P20", 9, "window functions are not allowed in VALUES");
    REFUSED("SELECT (SELECT 1 WHERE rank() OVER () = 1)", "42P20", 24, "window functions are not allowed in WHERE");
    REFUSED("INSERT INTO emp (id) VALUES (9) RETURNING rank() OVER ()", "42P20", 43,
            "window functions are not allowed in RETURNING");
    REFUSED("SELECT sum(id) OVER (ORDER BY '{}'::json) FROM emp", "42883", 31,
            "could not identify an ordering operator for type json");
    REFUSED("SELECT sum(id) OVER (PARTITION BY '{}'::json) FROM emp", "42883", 35,
            "could not identify an equality operator for type json");
}

static void test_grouping_and_limits(void **state) {
    (void)state;
    REFUSED("SELECT GROUPING(nosuch) FROM emp GROUP BY dept", "42703", 17, "column \"nosuch\" does not exist");
    REFUSED("SELECT GROUPING(pay) FROM emp GROUP BY dept", "42803", 17,
            "arguments to GROUPING must be grouping expressions of the associated query level");
    REFUSED("SELECT GROUPING(dept) FROM emp", "42803", 17,
            "arguments to GROUPING must be grouping expressions of the associated query level");
    REFUSED("SELECT dept FROM emp WHERE GROUPING(dept) = 0 GROUP BY dept", "42803", 28,
            "grouping operations are not allowed in WHERE");
    REFUSED("SELECT sum(GROUPING(dept)) FROM emp GROUP BY dept", "42803", 12,
            "aggregate function calls cannot be nested");
    REFUSED("SELECT dept AS d, GROUPING(dept) AS g FROM emp GROUP BY dept, g", "42803", 19,
            "aggregate functions are not allowed in GROUP BY");
    REFUSED("SELECT dept, pay FROM emp GROUP BY ROLLUP (dept)", "42803", 14,
            "column \"emp.pay\" must appear in the GROUP BY clause or be used in an aggregate function");
    REFUSED("SELECT id, dept FROM emp GROUP BY ROLLUP (id)", "42803", 12,
            "column \"emp.dept\" must appear in the GROUP BY clause or be used in an aggregate function");
    REFUSED("SELECT 1 FROM emp GROUP BY CUBE (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)", "54011", 28,
            "CUBE is limited to 12 elements");
    REFUSED("SELECT 1 FROM emp GROUP BY CUBE (id, dept, pay, hired, rate, id + 1, id + 2), CUBE (id, dept, pay, hired, "
            "rate, id + 1, id + 2)",
            "54001", 79, "too many grouping sets present (maximum 4096)");
    REFUSED("SELECT dept FROM emp GROUP BY ROLLUP (3)", "42P10", 39, "GROUP BY position 3 is not in select list");
    REFUSED("SELECT dept FROM emp GROUP BY GROUPING SETS ((dept), ('{}'::json))", "42883", 55,
            "could not identify an equality operator for type json");
    REFUSED("SELECT DISTINCT ON (dept) id FROM emp ORDER BY id", "42P10", 21,
            "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
    REFUSED("SELECT DISTINCT ON (dept) id FROM emp ORDER BY id, dept", "42P10", 21,
            "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
    REFUSED("SELECT DISTINCT ON (dept, pay) id FROM emp ORDER BY dept, id", "42P10", 27,
            "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
    REFUSED("SELECT DISTINCT ON (9) id FROM emp", "42P10", 21, "DISTINCT ON position 9 is not in select list");
    REFUSED("SELECT DISTINCT ON (nosuch) id FROM emp", "42703", 21, "column \"nosuch\" does not exist");
    REFUSED("SELECT DISTINCT ON ('{}'::json) id FROM emp", "42883", 21,
            "could not identify an equality operator for type json");
    REFUSED("SELECT id FROM emp FETCH FIRST 1 ROW WITH TIES", "42601", 0,
            "WITH TIES cannot be specified without ORDER BY clause");
    REFUSED("SELECT id FROM emp ORDER BY id FETCH FIRST NULL ROWS WITH TIES", "2201W", 0,
            "row count cannot be null in FETCH FIRST ... WITH TIES clause");
    REFUSED("SELECT id FROM emp ORDER BY id FETCH FIRST (-1) ROWS WITH TIES", "2201W", 45,
            "LIMIT must not be negative");
    REFUSED("SELECT DISTINCT id FROM emp ORDER BY pay", "42P10", 38,
            "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
}

static void test_aggregates(void **state) {
    (void)state;
    REFUSED("SELECT mode() WITHIN GROUP (ORDER BY 'x') FROM emp", "42804", 8,
            "could not determine polymorphic type because input has type unknown");
    REFUSED("SELECT first_value('x') OVER () FROM emp", "42804", 8,
            "could not determine polymorphic type because input has type unknown");
    ROWS("SELECT lag('x', 1, 'y') OVER (ORDER BY id) FROM emp WHERE id < 3", "y\nx\n");
    REFUSED("SELECT string_agg(DISTINCT dept, ',' ORDER BY id) FROM emp", "42P10", 47,
            "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list");
    REFUSED("SELECT lower(dept ORDER BY id) FROM emp", "42809", 8,
            "ORDER BY specified, but lower is not an aggregate function");
    REFUSED("SELECT sum(count(*) ORDER BY 1) FROM emp", "42803", 12, "aggregate function calls cannot be nested");
    REFUSED("SELECT string_agg(dept, ',' ORDER BY sum(pay)) FROM emp", "42803", 38,
            "aggregate function calls cannot be nested");
    REFUSED("SELECT string_agg(dept, ',' ORDER BY rank() OVER ()) FROM emp", "42803", 38,
            "aggregate function calls cannot contain window function calls");
    REFUSED("SELECT sum(pay ORDER BY '{}'::json) FROM emp", "42883", 25,
            "could not identify an ordering operator for type json");
    REFUSED("SELECT count(DISTINCT '{}'::json) FROM emp", "42883", 23,
            "could not identify an equality operator for type json");
    REFUSED("SELECT percentile_cont(1.5) WITHIN GROUP (ORDER BY pay) FROM emp", "22003", 8,
            "percentile value 1.5 is not between 0 and 1");
    REFUSED("SELECT percentile_cont(-0.1) WITHIN GROUP (ORDER BY pay) FROM emp WHERE false", "22003", 8,
            "percentile value -0.1 is not between 0 and 1");
    REFUSED("SELECT percentile_cont(0.5) FROM emp", "42883", 8, "function percentile_cont(numeric) does not exist");
    REFUSED("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY dept) FROM emp", "42883", 8,
            "function percentile_cont(numeric, text) does not exist");
    REFUSED("SELECT percentile_disc(rate) WITHIN GROUP (ORDER BY pay) FROM emp", "42803", 24,
            "column \"emp.rate\" must appear in the GROUP BY clause or be used in an aggregate function");
    REFUSED("SELECT sum(pay) WITHIN GROUP (ORDER BY pay) FROM emp", "42883", 8,
            "function sum(integer, integer) does not exist");
    REFUSED("SELECT mode(pay) WITHIN GROUP (ORDER BY pay) FROM emp", "42883", 8,
            "function mode(integer, integer) does not exist");
    REFUSED("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY pay, dept) FROM emp", "42883", 8,
            "function percentile_cont(numeric, integer, text) does not exist");
    REFUSED("SELECT percentile_disc() WITHIN GROUP (ORDER BY 0.5, pay) FROM emp", "42883", 8,
            "function percentile_disc(numeric, integer) does not exist");
    REFUSED("SELECT mode() WITHIN GROUP (ORDER BY pay) OVER () FROM emp", "0A000", 8,
            "OVER is not supported for ordered-set aggregate mode");
    REFUSED("SELECT string_agg(dept, ',' ORDER BY dept) OVER () FROM emp", "0A000", 8,
            "aggregate ORDER BY is not implemented for window functions");
    REFUSED("SELECT mode() WITHIN GROUP (ORDER BY '{}'::json) FROM emp", "42883", 38,
            "could not identify an ordering operator for type json");
    REFUSED("SELECT bit_and(rate) FROM emp", "42883", 8, "function bit_and(numeric) does not exist");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_grouping_and_limits),
        cmocka_unit_test(test_aggregates),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
