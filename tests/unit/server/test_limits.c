/* Limits by a clock that stands still: how many at once, how many after a while, whose they are, who is forgotten. */
#include "server_test.h"

#include "server/limits.h"

static int64_t now;

static int64_t clock_now(void *context) {
    (void)context;
    return now;
}

static const struct environment environment = {.monotonic_ns = clock_now};

static struct limits_party *enter(struct limits *limits, enum limits_kind kind, const char *name, uint32_t tenant) {
    struct limits_party *party = NULL;
    struct kmb_error error = {0};
    assert_int_equal(limits_enter(limits, kind, slice_text(name), tenant, &party, &error), KMB_OK);
    return party;
}

static unsigned count_taken(struct limits_party *party, size_t bytes) {
    struct kmb_error error = {0};
    unsigned count = 0;
    while (count < 1000 && limits_take(party, 1, bytes, &error) == KMB_OK) {
        count++;
    }
    return count;
}

static void connections(void **state) {
    (void)state;
    struct settings settings = {.limits = {.connections_per_source = 2, .connections_per_tenant = 1}};
    struct limits *limits = limits_new(&settings, &environment);
    struct limits_party *party = NULL;
    struct kmb_error error = {0};
    struct limits_party *first = enter(limits, LIMITS_SOURCE, "10.0.0.1", 0);
    struct limits_party *second = enter(limits, LIMITS_SOURCE, "10.0.0.1", 0);
    assert_ptr_equal(first, second);
    assert_int_equal(limits_enter(limits, LIMITS_SOURCE, slice_text("10.0.0.1"), 0, &party, &error),
                     KMB_TOO_MANY_CONNECTIONS);
    assert_null(party);
    struct limits_party *other = enter(limits, LIMITS_SOURCE, "10.0.0.2", 0);
    struct limits_party *tenant = enter(limits, LIMITS_TENANT, "", 7);
    assert_int_equal(limits_enter(limits, LIMITS_TENANT, slice_text(""), 7, &party, &error), KMB_TOO_MANY_CONNECTIONS);
    struct limits_party *eighth = enter(limits, LIMITS_TENANT, "", 8);
    limits_leave(first);
    limits_leave(enter(limits, LIMITS_SOURCE, "10.0.0.1", 0));
    limits_leave(second);
    limits_leave(other);
    limits_leave(tenant);
    limits_leave(eighth);
    limits_leave(NULL);
    limits_sweep(limits);
    limits_free(limits);
}

static void rates(void **state) {
    (void)state;
    struct settings settings = {.limits = {.requests_per_tenant = 10, .bytes_per_source = 1000}};
    struct limits *limits = limits_new(&settings, &environment);
    struct kmb_error error = {0};
    now = 5000000000;
    struct limits_party *tenant = enter(limits, LIMITS_TENANT, "", 7);
    struct limits_party *source = enter(limits, LIMITS_SOURCE, "::1", 0);
    assert_int_equal(count_taken(tenant, 1 << 20), 10); /* bytes of a tenant have no limit */
    assert_int_equal(limits_wait_ms(tenant), 101);
    assert_int_equal(limits_take(tenant, 1, 0, &error), KMB_RATE_LIMITED);
    assert_string_equal(error.message, "more than 10 requests a second of this tenant");
    assert_string_equal(error.hint,
                        "Wait 101 ms and send it again: nothing was done. limits.requests_per_tenant says how "
                        "many there may be.");
    now += 300000000;
    assert_int_equal(count_taken(tenant, 0), 3);
    limits_return(tenant, 1, 0);
    assert_int_equal(count_taken(tenant, 0), 1);
    now += 3600 * INT64_C(1000000000);
    assert_int_equal(count_taken(tenant, 0), 10); /* nothing is saved up */
    assert_int_equal(count_taken(source, 100), 10);
    assert_int_equal(limits_take(source, 1, 100, &error), KMB_RATE_LIMITED);
    assert_string_equal(error.message, "more than 1000 bytes a second of this address");
    now += 1000000000;
    assert_int_equal(limits_take(source, 1, 5000, &error), KMB_OK); /* what is larger comes alone */
    now += 4000000000;
    assert_int_equal(limits_take(source, 1, 100, &error), KMB_RATE_LIMITED);
    now += 100000000;
    assert_int_equal(limits_take(source, 1, 100, &error), KMB_OK);
    now += 5000000000;
    assert_int_equal(limits_owe(source, 1000), 0);
    assert_int_equal(limits_owe(source, 500), 500000000); /* what can not be refused waits */
    assert_int_equal(count_taken(NULL, 1), 1000);
    limits_leave(tenant);
    limits_leave(source);
    limits_free(limits);
}

/* Who comes anew finds what he owes, and is forgotten when that is nothing. */
static void coming_again(void **state) {
    (void)state;
    struct settings settings = {.limits = {.requests_per_source = 5}};
    struct limits *limits = limits_new(&settings, &environment);
    struct limits_party *party = enter(limits, LIMITS_SOURCE, "unix", 0);
    assert_int_equal(count_taken(party, 0), 5);
    limits_leave(party);
    limits_sweep(limits);
    struct limits_party *again = enter(limits, LIMITS_SOURCE, "unix", 0);
    assert_ptr_equal(again, party);
    assert_int_equal(count_taken(again, 0), 0);
    limits_leave(again);
    now += 2000000000;
    limits_sweep(limits);
    for (unsigned i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof(name), "10.0.0.%u", i);
        limits_leave(enter(limits, LIMITS_SOURCE, name, 0));
    }
    limits_sweep(limits);
    again = enter(limits, LIMITS_SOURCE, "unix", 0);
    assert_int_equal(count_taken(again, 0), 5);
    limits_leave(again);
    limits_free(limits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections),
        cmocka_unit_test(rates),
        cmocka_unit_test(coming_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
