/* Limits on failed logins: how many, how long, who shares them, and what a flood of names does to them. */
#include "server_test.h"

#include "server/attempts.h"

#define SECOND INT64_C(1000000)

static struct attempts *make(void) {
    struct attempts *attempts = NULL;
    struct hash256 secret = hash_sha256("secret", 6);
    assert_int_equal(attempts_new(&ATTEMPTS_LIMITS_DEFAULT, &secret, &attempts, NULL), KMB_OK);
    return attempts;
}

static bool allowed(struct attempts *attempts, const char *source, const char *user, int64_t now) {
    struct kmb_error error = {0};
    enum kmb_status status = attempts_allow(attempts, slice_text(source), slice_text(user), now, &error);
    assert_true(status == KMB_OK || status == KMB_TOO_MANY_ATTEMPTS);
    if (status != KMB_OK) {
        assert_string_equal(error.message, "too many failed attempts to authenticate");
        assert_non_null(strstr(error.hint, "Try again in "));
    }
    return status == KMB_OK;
}

static void fail_login(struct attempts *attempts, const char *source, const char *user, int64_t now) {
    attempts_failed(attempts, slice_text(source), slice_text(user), now);
}

static void ten_then_five_a_minute(void **state) {
    (void)state;
    struct attempts *attempts = make();
    int64_t now = SECOND;
    for (int i = 0; i < 10; i++) {
        assert_true(allowed(attempts, "10.0.0.1", "alice", now));
        fail_login(attempts, "10.0.0.1", "alice", now);
    }
    assert_false(allowed(attempts, "10.0.0.1", "alice", now));
    assert_false(allowed(attempts, "10.0.0.1", "bob", now)); /* whoever it says it is */
    assert_true(allowed(attempts, "10.0.0.2", "alice", now));
    assert_false(allowed(attempts, "10.0.0.1", "alice", now + 11 * SECOND));
    assert_true(allowed(attempts, "10.0.0.1", "alice", now + 12 * SECOND));
    fail_login(attempts, "10.0.0.1", "alice", now + 12 * SECOND);
    assert_false(allowed(attempts, "10.0.0.1", "alice", now + 13 * SECOND));
    int left = 0; /* an hour later all is paid */
    for (now += 3600 * SECOND; allowed(attempts, "10.0.0.1", "alice", now); left++) {
        fail_login(attempts, "10.0.0.1", "alice", now);
    }
    assert_int_equal(left, 10);
    attempts_free(attempts);
}

static void racing_past_the_limit_does_not_lock_out_for_longer(void **state) {
    (void)state;
    struct attempts *attempts = make();
    for (int i = 0; i < 1000; i++) {
        fail_login(attempts, "10.0.0.1", "alice", SECOND);
    }
    assert_true(allowed(attempts, "10.0.0.1", "bob", SECOND + 12 * SECOND));
    attempts_free(attempts);
}

static void many_sources_at_one_user(void **state) {
    (void)state;
    struct attempts *attempts = make();
    char source[32];
    for (int i = 0; i < 50; i++) {
        (void)snprintf(source, sizeof source, "10.0.1.%d", i);
        assert_true(allowed(attempts, source, "alice", SECOND));
        fail_login(attempts, source, "alice", SECOND);
    }
    assert_false(allowed(attempts, "10.0.2.1", "alice", SECOND));
    assert_true(allowed(attempts, "10.0.2.1", "bob", SECOND));
    assert_true(allowed(attempts, "10.0.2.1", "alice", 4 * SECOND)); /* 25 a minute */
    /* a source and a user of one name are two */
    assert_true(allowed(attempts, "alice", "bob", SECOND));
    attempts_free(attempts);
}

static void a_flood_of_names_forgets_small_sinners_first(void **state) {
    (void)state;
    struct attempts *attempts = make();
    char source[32];
    char user[32];
    for (int i = 0; i < 10; i++) {
        fail_login(attempts, "10.0.0.1", "alice", SECOND);
    }
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(source, sizeof source, "2001:db8::%x", i);
        (void)snprintf(user, sizeof user, "user%d", i);
        fail_login(attempts, source, user, SECOND + i);
    }
    assert_false(allowed(attempts, "10.0.0.1", "alice", 2 * SECOND));
    attempts_free(attempts);
}

static void no_limit(void **state) {
    (void)state;
    struct attempts *attempts = NULL;
    struct hash256 secret = {{0}};
    struct attempts_limits limits = {0};
    assert_int_equal(attempts_new(&limits, &secret, &attempts, NULL), KMB_OK);
    for (int i = 0; i < 1000; i++) {
        fail_login(attempts, "10.0.0.1", "alice", SECOND);
    }
    assert_true(allowed(attempts, "10.0.0.1", "alice", SECOND));
    attempts_free(attempts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_then_five_a_minute),
        cmocka_unit_test(racing_past_the_limit_does_not_lock_out_for_longer),
        cmocka_unit_test(many_sources_at_one_user),
        cmocka_unit_test(a_flood_of_names_forgets_small_sinners_first),
        cmocka_unit_test(no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
