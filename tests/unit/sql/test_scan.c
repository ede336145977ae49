/*
 * Reading tables: ranges and points of the key and of indexes against the same question asked of every row; index
 * joins; rows of older schema versions; the past; history; the catalogue's own relations.
 */
#include "host.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

static void insert_rows(struct prng *prng, uint32_t rows) {
    for (uint32_t i = 0; i < rows; i++) {
        char text[256];
        char a[16];
        char b[16];
        (void)snprintf(a, sizeof a, "%d", (int)prng_below(prng, 12) - 2);
        (void)snprintf(b, sizeof b, "'%c%c'", (int)('a' + prng_below(prng, 3)), (int)('a' + prng_below(prng, 3)));
        (void)snprintf(text, sizeof text, "INSERT INTO r VALUES (%d, %u, %s, %s, %u)", (int)prng_below(prng, 8), i,
                       prng_chance(prng, 1, 5) ? "null" : a, prng_chance(prng, 1, 5) ? "null" : b, i);
        SQL(text);
    }
}

/* A condition that an index or the key answers, and one that hides the columns from it. */
static void compare_ways(const char *condition, const char *hidden) {
    char text[512];
    struct buffer a = {0};
    struct buffer b = {0};
    (void)snprintf(text, sizeof text, "SELECT * FROM r WHERE %s ORDER BY n", condition);
    assert_int_equal(sql_fixture_text(f, text, &a), KMB_OK);
    (void)snprintf(text, sizeof text, "SELECT * FROM r WHERE %s ORDER BY n", hidden);
    assert_int_equal(sql_fixture_text(f, text, &b), KMB_OK);
    if (strcmp(buffer_text(&a), buffer_text(&b)) != 0) {
        print_message("%s\n%s--- but %s\n%s", condition, buffer_text(&a), hidden, buffer_text(&b));
    }
    assert_string_equal(buffer_text(&a), buffer_text(&b));
    buffer_free(&a);
    buffer_free(&b);
}

static void test_access_paths_agree(void **state) {
    (void)state;
    static const char *const relations[] = {"=", "<", "<=", ">", ">="};
    struct prng prng;
    prng_seed(&prng, 4);
    SQL("CREATE TABLE r (k int, n int, a int, b text, c int, PRIMARY KEY (k, n))");
    SQL("CREATE INDEX r_a ON r (a)");
    SQL("CREATE INDEX r_ba ON r (b, a DESC)");
    insert_rows(&prng, 150);
    SQL("UPDATE r SET a = a + 1, b = b || 'x' WHERE n % 3 = 0");
    SQL("DELETE FROM r WHERE n % 7 = 0");
    for (uint32_t i = 0; i < 400; i++) {
        char condition[256];
        char hidden[256];
        const char *relation = relations[prng_below(&prng, 5)];
        const char *other = relations[prng_below(&prng, 5)];
        int x = (int)prng_below(&prng, 10) - 1;
        int y = (int)prng_below(&prng, 150);
        char letter = (char)('a' + prng_below(&prng, 3));
        switch (prng_below(&prng, 5)) {
        case 0:
            (void)snprintf(condition, sizeof condition, "k %s %d", relation, x);
            (void)snprintf(hidden, sizeof hidden, "k + 0 %s %d", relation, x);
            break;
        case 1:
            (void)snprintf(condition, sizeof condition, "k = %d AND n %s %d", x, relation, y);
            (void)snprintf(hidden, sizeof hidden, "k + 0 = %d AND n + 0 %s %d", x, relation, y);
            break;
        case 2:
            (void)snprintf(condition, sizeof condition, "a %s %d AND a %s %d", relation, x, other, x + 2);
            (void)snprintf(hidden, sizeof hidden, "a + 0 %s %d AND a + 0 %s %d", relation, x, other, x + 2);
            break;
        case 3:
            (void)snprintf(condition, sizeof condition, "b = '%c%c' AND a %s %d", letter, letter, relation, x);
            (void)snprintf(hidden, sizeof hidden, "b || '' = '%c%c' AND a + 0 %s %d", letter, letter, relation, x);
            break;
        default:
            (void)snprintf(condition, sizeof condition, "b %s '%cb' AND c > %d", relation, letter, y);
            (void)snprintf(hidden, sizeof hidden, "b || '' %s '%cb' AND c + 0 > %d", relation, letter, y);
            break;
        }
        compare_ways(condition, hidden);
    }
    compare_ways("a = null", "a + 0 = null");
    compare_ways("k = 3 AND n = 999999", "k + 0 = 3 AND n + 0 = 999999");
}

/* Joins whose inner side can be looked up, against the same with the columns hidden. */
static void test_index_joins_agree(void **state) {
    (void)state;
    static const char *const joins[] = {"JOIN", "LEFT JOIN"};
    static const char *const pairs[][2] = {
        {"y.k = x.k AND y.n = x.c", "y.k + 0 = x.k AND y.n + 0 = x.c"},
        {"y.k = x.a", "y.k + 0 = x.a"},
        {"y.a = x.k AND y.b > x.b", "y.a + 0 = x.k AND y.b > x.b"},
        {"y.b = x.b AND y.a = x.a", "y.b || '' = x.b AND y.a + 0 = x.a"},
    };
    for (size_t j = 0; j < 2; j++) {
        for (size_t p = 0; p < 4; p++) {
            char text[512];
            struct buffer a = {0};
            struct buffer b = {0};
            for (size_t way = 0; way < 2; way++) {
                (void)snprintf(text, sizeof text,
                               "SELECT x.n, y.n, y.b FROM r x %s r y ON %s WHERE x.n < 40 ORDER BY 1, 2", joins[j],
                               pairs[p][way]);
                assert_int_equal(sql_fixture_text(f, text, way == 0 ? &a : &b), KMB_OK);
            }
            assert_true(a.length > 0);
            assert_string_equal(buffer_text(&a), buffer_text(&b));
            buffer_free(&a);
            buffer_free(&b);
        }
    }
}

static void test_every_type_is_read_back(void **state) {
    (void)state;
    SQL("CREATE TABLE y (id int PRIMARY KEY, a boolean, b smallint, c int, d bigint, e real, f double precision, "
        "g numeric, h numeric(10,2), i text, j varchar(5), k char(4), l bytea, m date, n time, o timestamp, "
        "p timestamptz, q interval, r uuid, s json, t jsonb, u tinyint)");
    SQL("INSERT INTO y VALUES (1, true, -32768, 2147483647, -9223372036854775808, 1.5, '1e300', "
        "12345678901234567890.5, "
        "-0.05, 'äöü', 'abcde', 'ab', '\\x00ff', '0001-01-01', '23:59:59.999999', '1999-12-31 23:59:59.123456', "
        "'2024-02-29 12:00:00+02', '1 mon 2 days 03:04:05', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{ \"x\":1 }', "
        "'{ \"x\":1, \"a\":[1, 2] }', -128)");
    SQL("INSERT INTO y (id) VALUES (2)");
    ROWS(
        "SELECT * FROM y",
        "1|t|-32768|2147483647|-9223372036854775808|1.5|1e+300|12345678901234567890.5|-0.05|äöü|abcde|ab  |\\x00ff|"
        "0001-01-01|23:59:59.999999|1999-12-31 23:59:59.123456|2024-02-29 10:00:00+00|1 mon 2 days 03:04:05|"
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|{ \"x\":1 }|{\"a\": [1, 2], \"x\": 1}|-128\n"
        "2|null|null|null|null|null|null|null|null|null|null|null|null|null|null|null|null|null|null|null|null|null\n");
}

static void test_rows_of_older_schemas(void **state) {
    (void)state;
    SQL("CREATE TABLE s (id int PRIMARY KEY, a text, b int)");
    SQL("INSERT INTO s VALUES (1, 'one', 10), (2, 'two', 20)");
    SQL("ALTER TABLE s ADD COLUMN c int DEFAULT 5");
    SQL("ALTER TABLE s DROP COLUMN a");
    SQL("INSERT INTO s VALUES (3, 30, null), (4, 40, 8)");
    SQL("ALTER TABLE s ADD COLUMN d text");
    SQL("UPDATE s SET d = 'new' WHERE id = 2");
    ROWS("SELECT * FROM s", "1|10|5|null\n2|20|5|new\n3|30|null|null\n4|40|8|null\n");
    ROWS("SELECT id FROM s WHERE c = 5 AND d IS NULL", "1\n");
    ROWS("SELECT * FROM s AT OFFSET 2", "1|10|5\n2|20|5\n"); /* the schema of then */
}

static void test_the_past(void **state) {
    (void)state;
    uint64_t start = f->kernel->head->position;
    char text[128];
    SQL("CREATE TABLE p (id int PRIMARY KEY, v int)");
    SQL("CREATE INDEX p_v ON p (v)");
    SQL("INSERT INTO p VALUES (1, 10), (2, 20)");
    SQL("UPDATE p SET v = v + 1");
    SQL("DELETE FROM p WHERE id = 1");
    static const char *const states[] = {"", "1|10\n", "1|10\n2|20\n", "1|11\n2|20\n", "1|11\n2|21\n", "2|21\n"};
    for (uint64_t n = 0; n < 6; n++) {
        (void)snprintf(text, sizeof text, "SELECT * FROM p AT OFFSET %llu", (unsigned long long)(start + n));
        ROWS(text, states[n]);
    }
    (void)snprintf(text, sizeof text, "SELECT id FROM p AT OFFSET %llu WHERE v = 20", (unsigned long long)start + 3);
    ROWS(text, "2\n");
    (void)snprintf(text, sizeof text, "SELECT * FROM p AT OFFSET %llu WHERE id = 1", (unsigned long long)start + 4);
    ROWS(text, "1|11\n");
    (void)snprintf(text, sizeof text, "INSERT INTO p SELECT id + 10, v FROM p AT OFFSET %llu",
                   (unsigned long long)start + 2);
    SQL(text);
    ROWS("SELECT * FROM p", "2|21\n11|10\n12|20\n");
    ROWS("SELECT id, v, _operation, _position_to IS NULL FROM kimberlite_history(p) WHERE id = 1",
         "1|11|DELETE|f\n1|11|UPDATE|f\n1|10|INSERT|f\n");
    ROWS("SELECT count(*) FROM kimberlite_history(p) WHERE _position_to IS NULL", "3\n");
}

static void test_catalogue_relations(void **state) {
    (void)state;
    SQL("CREATE TABLE z (id int PRIMARY KEY, name varchar(7) NOT NULL DEFAULT 'q', price numeric(8,3))");
    ROWS("SELECT column_name, ordinal_position, is_nullable, data_type, character_maximum_length, numeric_precision, "
         "numeric_scale, udt_name, column_default FROM information_schema.columns WHERE table_name = 'z'",
         "id|1|NO|integer|null|32|0|int4|null\nname|2|NO|character varying|7|null|null|varchar|'q'\n"
         "price|3|YES|numeric|null|8|3|numeric|null\n");
    ROWS("SELECT table_schema, table_type, column_count, primary_key_count FROM information_schema.tables "
         "WHERE table_name = 'z'",
         "public|BASE TABLE|3|1\n");
    ROWS("SHOW COLUMNS FROM z", "id|integer|f\nname|character varying(7)|f\nprice|numeric(8,3)|t\n");
    ROWS("SELECT t.table_name, count(*) FROM information_schema.tables t JOIN information_schema.columns c "
         "USING (table_name) WHERE t.table_name < 's' GROUP BY 1",
         "p|2\nr|5\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_older_schemas), /* counts positions from the first */
        cmocka_unit_test(test_access_paths_agree),      cmocka_unit_test(test_index_joins_agree),
        cmocka_unit_test(test_every_type_is_read_back), cmocka_unit_test(test_the_past),
        cmocka_unit_test(test_catalogue_relations),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
