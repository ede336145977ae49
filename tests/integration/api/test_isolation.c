/*
 * The classical anomalies of concurrent transactions, each as the statements that would show it: at both levels of
 * isolation, what every statement answers. A snapshot lets write skew and the read-only anomaly through and nothing
 * else; SERIALIZABLE nothing at all. After the list of cases known as Hermitage (Kleppmann), and Fekete, O'Neil and
 * O'Neil, "A read-only transaction anomaly under snapshot isolation" (2004).
 */
#include "box.h"

#define STEPS_MAX 16

struct step {
    int session; /* 1 to 3; 0: no more steps */
    const char *sql;
    const char *outcome; /* the first value of its first row; "" anything; or one of these */
};
#define REFUSED_BOTH "refused at both levels"
#define SKEW         "refused when serializable"

struct anomaly {
    const char *name;
    struct step steps[STEPS_MAX];
};

/* The table has rows (1, 10) and (2, 20) each time. */
static const struct anomaly anomalies[] = {
    {"dirty write (G0)",
     {{1, "UPDATE test SET value = 11 WHERE id = 1", ""},
      {2, "UPDATE test SET value = 12 WHERE id = 1", ""},
      {1, "UPDATE test SET value = 21 WHERE id = 2", ""},
      {1, "COMMIT", ""},
      {2, "UPDATE test SET value = 22 WHERE id = 2", ""},
      {2, "COMMIT", REFUSED_BOTH},
      {3, "SELECT sum(value) FROM test", "32"}}},
    {"aborted read, dirty read (G1a)",
     {{1, "UPDATE test SET value = 101 WHERE id = 1", ""},
      {2, "SELECT value FROM test WHERE id = 1", "10"},
      {1, "ROLLBACK", ""},
      {2, "SELECT value FROM test WHERE id = 1", "10"},
      {2, "COMMIT", ""}}},
    {"intermediate read (G1b)",
     {{1, "UPDATE test SET value = 101 WHERE id = 1", ""},
      {2, "SELECT value FROM test WHERE id = 1", "10"},
      {1, "UPDATE test SET value = 11 WHERE id = 1", ""},
      {1, "COMMIT", ""},
      {2, "SELECT value FROM test WHERE id = 1", "10"},
      {2, "COMMIT", ""}}},
    {"circular information flow (G1c)",
     {{1, "UPDATE test SET value = 11 WHERE id = 1", ""},
      {2, "UPDATE test SET value = 22 WHERE id = 2", ""},
      {1, "SELECT value FROM test WHERE id = 2", "20"},
      {2, "SELECT value FROM test WHERE id = 1", "10"},
      {1, "COMMIT", ""},
      {2, "COMMIT", SKEW}}},
    {"observed transaction vanishes (OTV)",
     {{1, "UPDATE test SET value = 11 WHERE id = 1", ""},
      {1, "UPDATE test SET value = 19 WHERE id = 2", ""},
      {2, "UPDATE test SET value = 12 WHERE id = 1", ""},
      {1, "COMMIT", ""},
      {3, "SELECT value FROM test WHERE id = 1", "11"},
      {2, "UPDATE test SET value = 18 WHERE id = 2", ""},
      {3, "SELECT value FROM test WHERE id = 2", "19"},
      {2, "COMMIT", REFUSED_BOTH},
      {3, "SELECT value FROM test WHERE id = 2", "19"},
      {3, "SELECT value FROM test WHERE id = 1", "11"}}},
    {"predicate many preceders (PMP)",
     {{1, "SELECT count(*) FROM test WHERE value = 30", "0"},
      {2, "INSERT INTO test VALUES (3, 30)", ""},
      {2, "COMMIT", ""},
      {1, "SELECT count(*) FROM test WHERE value % 3 = 0", "0"},
      {1, "COMMIT", ""}}},
    {"predicate many preceders, writing",
     {{1, "UPDATE test SET value = value + 10", ""},
      {2, "DELETE FROM test WHERE value = 20", ""},
      {1, "COMMIT", ""},
      {2, "COMMIT", REFUSED_BOTH}}},
    {"lost update (P4)",
     {{1, "SELECT value FROM test WHERE id = 1", "10"},
      {2, "SELECT value FROM test WHERE id = 1", "10"},
      {1, "UPDATE test SET value = 11 WHERE id = 1", ""},
      {2, "UPDATE test SET value = 11 WHERE id = 1", ""},
      {1, "COMMIT", ""},
      {2, "COMMIT", REFUSED_BOTH}}},
    {"read skew, unrepeatable read (G-single)",
     {{1, "SELECT value FROM test WHERE id = 1", "10"},
      {2, "UPDATE test SET value = 12 WHERE id = 1", ""},
      {2, "UPDATE test SET value = 18 WHERE id = 2", ""},
      {2, "COMMIT", ""},
      {1, "SELECT value FROM test WHERE id = 2", "20"},
      {1, "COMMIT", ""}}},
    {"read skew on a predicate",
     {{1, "SELECT count(*) FROM test WHERE value % 5 = 0", "2"},
      {2, "UPDATE test SET value = 12 WHERE value = 10", ""},
      {2, "COMMIT", ""},
      {1, "SELECT count(*) FROM test WHERE value % 3 = 0", "0"},
      {1, "COMMIT", ""}}},
    {"read skew, writing on a predicate",
     {{1, "SELECT value FROM test WHERE id = 1", "10"},
      {2, "UPDATE test SET value = value + 5", ""},
      {2, "COMMIT", ""},
      {1, "DELETE FROM test WHERE value = 20", ""},
      {1, "COMMIT", REFUSED_BOTH}}},
    {"write skew (G2-item)",
     {{1, "SELECT sum(value) FROM test WHERE id IN (1, 2)", "30"},
      {2, "SELECT sum(value) FROM test WHERE id IN (1, 2)", "30"},
      {1, "UPDATE test SET value = 11 WHERE id = 1", ""},
      {2, "UPDATE test SET value = 21 WHERE id = 2", ""},
      {1, "COMMIT", ""},
      {2, "COMMIT", SKEW}}},
    {"phantoms on both sides (G2)",
     {{1, "SELECT count(*) FROM test WHERE value % 3 = 0", "0"},
      {2, "SELECT count(*) FROM test WHERE value % 3 = 0", "0"},
      {1, "INSERT INTO test VALUES (3, 30)", ""},
      {2, "INSERT INTO test VALUES (4, 42)", ""},
      {1, "COMMIT", ""},
      {2, "COMMIT", SKEW}}},
    {"two of three edges are readings (G2)",
     {{1, "SELECT sum(value) FROM test", "30"},
      {2, "UPDATE test SET value = value + 5 WHERE id = 2", ""},
      {2, "COMMIT", ""},
      {3, "SELECT sum(value) FROM test", "35"},
      {3, "COMMIT", ""},
      {1, "UPDATE test SET value = 0 WHERE id = 1", ""},
      {1, "COMMIT", SKEW}}},
    {"read-only anomaly: the audit sees a balance that no order explains",
     {{2, "SELECT sum(value) FROM test", "30"},
      {1, "UPDATE test SET value = 40 WHERE id = 2", ""},
      {1, "COMMIT", ""},
      {3, "SELECT sum(value) FROM test", "50"},
      {3, "COMMIT", ""},
      {2, "UPDATE test SET value = -11 WHERE id = 1", ""},
      {2, "COMMIT", SKEW}}},
    {"a key that is absent was read",
     {{1, "SELECT count(*) FROM test WHERE id = 7", "0"},
      {2, "INSERT INTO test VALUES (7, 0)", ""},
      {2, "COMMIT", ""},
      {1, "UPDATE test SET value = 0 WHERE id = 1", ""},
      {1, "COMMIT", SKEW}}},
};

static const char *level_begin(bool serializable, bool read_only) {
    return serializable
               ? read_only ? "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY" : "BEGIN ISOLATION LEVEL SERIALIZABLE"
           : read_only ? "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                       : "BEGIN ISOLATION LEVEL REPEATABLE READ";
}

static bool writes(const struct anomaly *anomaly, int session) {
    bool any = false;
    for (size_t i = 0; i < STEPS_MAX && anomaly->steps[i].session != 0; i++) {
        any = any || (anomaly->steps[i].session == session && strncmp(anomaly->steps[i].sql, "SELECT", 6) != 0 &&
                      strcmp(anomaly->steps[i].sql, "COMMIT") != 0);
    }
    return any;
}

static void play(struct box *box, kmb_session *three, const struct anomaly *anomaly, bool serializable) {
    kmb_session *const sessions[] = {NULL, box->one, box->two, three};
    bool begun[4] = {false};
    (void)ASK(box->one, "DELETE FROM test");
    (void)ASK(box->one, "INSERT INTO test VALUES (1, 10), (2, 20)");
    for (size_t i = 0; i < STEPS_MAX && anomaly->steps[i].session != 0; i++) {
        const struct step *step = &anomaly->steps[i];
        kmb_session *session = sessions[step->session];
        struct kmb_error error = {0};
        int64_t value = 0;
        /* A session without writes begins by its first step; those with them by the first of anybody, as in the books.
         */
        for (int s = 1; s < 4; s++) {
            if (!begun[s] && (s == step->session || writes(anomaly, s))) {
                (void)ASK(sessions[s], level_begin(serializable, !writes(anomaly, s)));
                begun[s] = true;
            }
        }
        bool skew = strcmp(step->outcome, SKEW) == 0;
        bool refused = strcmp(step->outcome, REFUSED_BOTH) == 0 || (skew && serializable);
        enum kmb_status status = run(session, step->sql, &value, &error);
        bool known = step->outcome[0] != 0 && !refused && !skew;
        if (status != (refused ? KMB_SERIALIZATION : KMB_OK) || (known && value != strtoll(step->outcome, NULL, 10))) {
            fail_msg("%s, %s, step %zu: %s: %s %s, %lld", anomaly->name, serializable ? "serializable" : "snapshot",
                     i + 1, step->sql, kmb_status_name(status), error.message, (long long)value);
        }
        if (status != KMB_OK) {
            assert_string_equal(error.message,
                                skew ? "could not serialize access due to read/write dependencies among transactions"
                                     : "could not serialize access due to concurrent update");
            assert_true(strstr(error.hint, "changed since the transaction began; run it again") != NULL);
        }
    }
    for (int s = 1; s < 4; s++) {
        bool failed = false;
        if (kmb_session_in_transaction(sessions[s], &failed)) {
            MUST(kmb_rollback(sessions[s], &error));
        }
    }
}

static void classical_anomalies(void **state) {
    struct box *box = *state;
    kmb_session *three = NULL;
    MUST(kmb_session_open(box->db, 1, &three, &error));
    (void)ASK(box->one, "CREATE TABLE test (id int PRIMARY KEY, value int)");
    for (size_t i = 0; i < sizeof(anomalies) / sizeof(*anomalies); i++) {
        play(box, three, &anomalies[i], false);
        play(box, three, &anomalies[i], true);
    }
    kmb_session_close(three);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(classical_anomalies, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
