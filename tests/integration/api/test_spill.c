/*
 * Queries that need ten times the memory of a statement: they complete by spilling, fail cleanly where they may not,
 * and leave no file behind.
 */
#include "box.h"

#include <dirent.h>

#define STATEMENT_BYTES ((uint64_t)2 << 20)

static unsigned temporary_files(const struct box *box) {
    unsigned count = 0;
    DIR *directory = opendir(box->path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        count += strncmp(entry->d_name, "spill-", 6) == 0;
    }
    closedir(directory);
    return count;
}

/* Twenty megabytes of rows in a table, and as many keys. */
static int set_up_large(void **state) {
    (void)set_up(state);
    struct box *box = *state;
    ASK(box->one, "CREATE TABLE large (id integer PRIMARY KEY, k integer, pad text)");
    ASK(box->one,
        "INSERT INTO large SELECT i, i * 7919 % 50021, repeat(md5(i::text), 12) FROM generate_series(1, 50000) i");
    box_close(box);
    box->statement_bytes = STATEMENT_BYTES;
    box_open(box);
    return 0;
}

static const char sorted[] = "SELECT count(*) FROM (SELECT k, lag(k) OVER () AS before FROM "
                             "(SELECT k, pad FROM large ORDER BY k, pad) s) w WHERE before > k";

static void larger_than_memory(void **state) {
    struct box *box = *state;
    assert_int_equal(ASK(box->one, "SELECT id FROM large ORDER BY pad, id OFFSET 49999"),
                     ASK(box->one, "SELECT id FROM large WHERE pad = (SELECT max(pad) FROM large)"));
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM (SELECT k, pad, count(*) FROM large GROUP BY k, pad) g"),
                     50000);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM (SELECT DISTINCT pad FROM large) d"), 50000);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM large a JOIN large b ON a.pad = b.pad AND a.id = b.id"),
                     50000);
    assert_int_equal(ASK(box->one, "SELECT sum(n) FROM (SELECT row_number() OVER (PARTITION BY id % 5000 ORDER BY pad) "
                                   "AS n FROM large) w"),
                     5000 * 55);
    /* the inner side in slices: only rows 30 to 60 have no partner in any of them */
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM (SELECT id, id BETWEEN 30 AND 60 AS alone FROM large "
                                   "WHERE id <= 90) a LEFT JOIN large b ON b.id >= a.id + 49900 AND NOT a.alone "
                                   "AND b.pad > '' WHERE b.pad IS NULL"),
                     31);
    /* many small rounds; one large one, read twice; a recursion without an end */
    assert_int_equal(ASK(box->one, "WITH RECURSIVE w(n, pad) AS (SELECT 1, repeat(md5('1'), 12) UNION ALL "
                                   "SELECT n + 1, pad FROM w WHERE n < 50000) SELECT sum(n) + count(pad) FROM w"),
                     INT64_C(50000) * 50001 / 2 + 50000);
    assert_int_equal(ASK(box->one, "WITH RECURSIVE w(n, k, pad) AS (SELECT 1, k, pad FROM large UNION ALL "
                                   "SELECT n + 1, k, pad FROM w WHERE n < 3) "
                                   "SELECT count(*) FROM w a JOIN w b ON a.n = b.n AND a.k = b.k"),
                     150000);
    assert_int_equal(ASK(box->one, "WITH RECURSIVE w(n, pad) AS (SELECT 1, repeat(md5('1'), 12) UNION ALL "
                                   "SELECT n + 1, pad FROM w) SELECT max(n) FROM (SELECT n FROM w LIMIT 30000) l"),
                     30000);
    assert_int_equal(temporary_files(box), 0);
}

/* Whether EXPLAIN ANALYZE of a query tells of a disk for its node. */
static bool tells_disk(kmb_session *session, const char *query, const char *node) {
    char sql[512];
    bool of_node = false;
    bool told = false;
    kmb_statement *statement = NULL;
    snprintf(sql, sizeof(sql), "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) %s", query);
    MUST(kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error));
    while (kmb_step(statement, NULL) == KMB_ROW) {
        size_t length = 0;
        const char *line = kmb_column_text(statement, 0, &length);
        of_node = strstr(line, "(actual") != NULL ? strstr(line, node) != NULL : of_node;
        told = told || (of_node && strstr(line, "Disk") != NULL);
    }
    kmb_finalize(statement);
    return told;
}

static void each_node_spills(void **state) {
    struct box *box = *state;
    static const struct {
        const char *node;
        const char *query;
    } cases[] = {
        {"Sort", "SELECT pad FROM large ORDER BY pad"},
        {"HashAggregate", "SELECT pad, count(*) FROM large GROUP BY pad"},
        {"HashAggregate", "SELECT pad, k, count(*) FROM large GROUP BY ROLLUP (pad, k)"},
        {"Hash Join", "SELECT count(*) FROM large a JOIN large b ON a.pad = b.pad"},
        {"Hash Full Join", "SELECT count(*) FROM large a FULL JOIN large b ON a.pad = b.pad"},
        {"Nested Loop Left Join", "SELECT count(b.pad) FROM (SELECT * FROM large WHERE id <= 20) a "
                                  "LEFT JOIN large b ON b.pad > a.pad AND b.k < a.k"},
        {"HashAggregate", "SELECT DISTINCT pad FROM large"},
        {"Aggregate", "SELECT count(DISTINCT pad) FROM large"},
        {"Aggregate", "SELECT max(md5(pad) ORDER BY pad) FROM large"},
        {"Aggregate", "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY pad) FROM large"},
        {"HashAggregate", "SELECT k % 3, mode() WITHIN GROUP (ORDER BY pad) FROM large GROUP BY 1"},
        {"WindowAgg", "SELECT count(*) OVER (PARTITION BY pad) FROM large"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!tells_disk(box->one, cases[i].query, cases[i].node)) {
            fail_msg("%s spills nothing in: %s", cases[i].node, cases[i].query);
        }
    }
    assert_false(tells_disk(box->one, "SELECT k FROM large WHERE id < 100 ORDER BY k", "Sort"));
}

static void no_temporary_files(void **state) {
    struct box *box = *state;
    ASK(box->one, "SET temp_file_limit = 0");
    REFUSED(box->one, sorted, KMB_NO_MEMORY, "statement needs more than its memory limit of 2097152 bytes");
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM large"), 50000);
    ASK(box->one, "SET temp_file_limit = '1MB'");
    REFUSED(box->one, "SELECT pad FROM large ORDER BY pad", KMB_TEMP_FILE_LIMIT,
            "temporary file size exceeds temp_file_limit (1024kB)");
    assert_int_equal(temporary_files(box), 0);
    ASK(box->one, "RESET temp_file_limit");
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM (SELECT pad FROM large ORDER BY pad, id OFFSET 0) s"), 50000);
}

static void given_up_half_way(void **state) {
    struct box *box = *state;
    kmb_statement *statement = NULL;
    static const char query[] = "SELECT pad FROM large ORDER BY pad";
    MUST(kmb_prepare(box->one, query, strlen(query), &statement, NULL, &error));
    assert_int_equal(kmb_step(statement, NULL), KMB_ROW);
    assert_int_equal(temporary_files(box), 1);
    kmb_finalize(statement);
    assert_int_equal(temporary_files(box), 0);
    ASK(box->one, "SET statement_timeout = '5ms'");
    REFUSED(box->one, query, KMB_CANCELLED, "canceling statement due to statement timeout");
    assert_int_equal(temporary_files(box), 0);
}

/* What a crash leaves behind is removed by the next opening. */
static void left_behind(void **state) {
    struct box *box = *state;
    char path[SCRATCH_SIZE + 64];
    box_close(box);
    snprintf(path, sizeof(path), "%s/spill-0123456789abcdef", box->path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(temporary_files(box), 1);
    box_open(box);
    assert_int_equal(temporary_files(box), 0);
}

/* A block that is not what was written is told, and no row made of it. */
static void changed_on_disk(void **state) {
    struct box *box = *state;
    kmb_statement *statement = NULL;
    char path[SCRATCH_SIZE + 300] = "";
    static const char query[] = "SELECT pad FROM large ORDER BY pad";
    MUST(kmb_prepare(box->one, query, strlen(query), &statement, NULL, &error));
    assert_int_equal(kmb_step(statement, NULL), KMB_ROW);
    DIR *directory = opendir(box->path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, "spill-", 6) == 0) {
            snprintf(path, sizeof(path), "%s/%s", box->path, entry->d_name);
        }
    }
    closedir(directory);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    for (long at = ftell(file) - 1000; at > 0 && fseek(file, at, SEEK_SET) == 0; at -= 50000) {
        fputc('x', file);
    }
    assert_int_equal(fclose(file), 0);
    struct kmb_error error = {0};
    enum kmb_status status = KMB_ROW;
    while (status == KMB_ROW) {
        size_t length = 0;
        assert_non_null(kmb_column_text(statement, 0, &length));
        assert_int_equal(length, 384);
        status = kmb_step(statement, &error);
    }
    assert_int_equal(status, KMB_CORRUPT);
    assert_non_null(strstr(error.message, "was changed at byte"));
    kmb_finalize(statement);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(larger_than_memory, set_up_large, tear_down),
        cmocka_unit_test_setup_teardown(each_node_spills, set_up_large, tear_down),
        cmocka_unit_test_setup_teardown(no_temporary_files, set_up_large, tear_down),
        cmocka_unit_test_setup_teardown(given_up_half_way, set_up_large, tear_down),
        cmocka_unit_test_setup_teardown(left_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changed_on_disk, set_up_large, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
