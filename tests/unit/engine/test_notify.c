/* LISTEN and NOTIFY without sessions: who hears what, when, in which order, and what is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "engine/notify.h"

static const struct tenant_id tenant = {1};

static void say(struct notify_listener *listener, const char *channel, const char *payload) {
    assert_int_equal(notify_tell(listener, slice_text(channel), slice_text(payload), NULL), KMB_OK);
}

static void hear(struct notify_listener *listener, enum sql_listen how, const char *channel) {
    assert_int_equal(notify_listen(listener, how, slice_text(channel), NULL), KMB_OK);
    notify_commit(listener, 0);
}

static void heard(struct notify_listener *listener, uint64_t session, const char *channel, const char *payload) {
    struct notification got;
    assert_true(notify_next(listener, &got));
    assert_int_equal(got.session, session);
    assert_string_equal(got.channel, channel);
    assert_string_equal(got.payload, payload);
}

static void nothing(struct notify_listener *listener) {
    struct notification got;
    assert_false(notify_next(listener, &got));
}

static void woken(void *context) {
    ++*(unsigned *)context;
}

static void durable_and_in_order(void **state) {
    (void)state;
    unsigned wakes = 0;
    struct notify *notify = notify_new();
    struct notify_listener *a = notify_listener_new(notify, tenant, 1);
    struct notify_listener *b = notify_listener_new(notify, tenant, 2);
    notify_listener_wake(a, woken, &wakes);
    hear(a, SQL_LISTEN, "news");
    say(b, "news", "one");
    say(b, "news", "one"); /* said twice, told once */
    say(b, "other", "unheard");
    nothing(a);
    notify_commit(b, 7);
    say(a, "news", "two");
    notify_commit(a, 8);
    notify_publish(notify, 6);
    nothing(a);
    notify_publish(notify, 7);
    heard(a, 2, "news", "one");
    nothing(a);
    notify_publish(notify, 8);
    heard(a, 1, "news", "two");
    nothing(a);
    nothing(b);
    assert_int_equal(wakes, 2);
    assert_true(notify_usage(notify) == 0);
    notify_listener_free(a);
    notify_listener_free(b);
    notify_free(notify);
}

static void forgotten(void **state) {
    (void)state;
    struct notify *notify = notify_new();
    struct notify_listener *a = notify_listener_new(notify, tenant, 1);
    struct notify_listener *stranger = notify_listener_new(notify, (struct tenant_id){2}, 3);
    hear(stranger, SQL_LISTEN, "news");
    hear(a, SQL_LISTEN, "news");
    say(a, "news", "kept");
    size_t mark = notify_mark(a);
    say(a, "news", "rolled back");
    assert_int_equal(notify_listen(a, SQL_UNLISTEN_ALL, slice_text(""), NULL), KMB_OK);
    notify_forget(a, mark);
    notify_commit(a, 0);
    notify_publish(notify, 0);
    heard(a, 1, "news", "kept");
    nothing(a);
    nothing(stranger); /* another tenant's */
    assert_int_equal(notify_channel_count(a), 1);
    hear(a, SQL_LISTEN, "more");
    hear(a, SQL_UNLISTEN, "news");
    assert_int_equal(notify_channel_count(a), 1);
    assert_string_equal(notify_channel(a, 0), "more");
    hear(a, SQL_UNLISTEN_ALL, "");
    assert_int_equal(notify_channel_count(a), 0);
    say(a, "news", "late");
    notify_commit(a, 0);
    notify_publish(notify, 0);
    hear(a, SQL_LISTEN, "news");
    nothing(a); /* said before it listened */
    notify_listener_free(a);
    notify_listener_free(stranger);
    notify_free(notify);
}

/* A listener that never listens up fills the queue, and no further. */
static void bounded(void **state) {
    (void)state;
    char payload[7001];
    struct notify *notify = notify_new();
    struct notify_listener *deaf = notify_listener_new(notify, tenant, 1);
    struct notify_listener *b = notify_listener_new(notify, tenant, 2);
    struct kmb_error error = {0};
    enum kmb_status status = KMB_OK;
    size_t told = 0;
    hear(deaf, SQL_LISTEN, "news");
    memset(payload, 'x', sizeof(payload));
    for (size_t i = 0; i < 5000 && status == KMB_OK; i++) {
        (void)snprintf(payload, 8, "%07zu", i);
        payload[7] = 'x';
        status = notify_tell(b, slice_text("news"), slice_make(payload, sizeof(payload) - 1), &error);
        told += status == KMB_OK;
        notify_commit(b, i);
        notify_publish(notify, i);
    }
    assert_int_equal(status, KMB_LIMIT);
    assert_string_equal(error.message, "too many notifications in the NOTIFY queue");
    assert_true(told * sizeof(payload) < NOTIFY_QUEUE_BYTES_MAX && told > 1000);
    for (size_t i = 0; i < told; i++) {
        struct notification got;
        assert_true(notify_next(deaf, &got));
    }
    nothing(deaf);
    say(b, "news", "room again");
    notify_listener_free(deaf);
    notify_listener_free(b);
    notify_free(notify);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durable_and_in_order),
        cmocka_unit_test(forgotten),
        cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
