/* Streams and subscriptions of the native protocol. */
#include "native.h"

static void create(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 800);
    uint64_t stream = client_stream(&client, "events");
    assert_int_equal(stream >> 32, 800);
    assert_true(client_stream(&client, "other") != stream);
    struct wire_create_stream_request request = {
        .name = TEXT("events"), .data_class = WIRE_DATA_CLASS_PHI, .placement = {.tag = WIRE_PLACEMENT_GLOBAL}};
    const struct wire_create_stream_response *again =
        client_ask(&client, WIRE_REQUEST_CREATE_STREAM, &request, WIRE_RESPONSE_CREATE_STREAM);
    assert_true(again->stream_id == stream);
    request.name = TEXT("regional");
    request.placement = (struct wire_placement){.tag = WIRE_PLACEMENT_REGION};
    client_refused(&client, WIRE_REQUEST_CREATE_STREAM, &request, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    request.placement.tag = WIRE_PLACEMENT_GLOBAL;
    request.name = TEXT("");
    client_refused(&client, WIRE_REQUEST_CREATE_STREAM, &request, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    request.name = slice_make("a\0b", 3);
    client_refused(&client, WIRE_REQUEST_CREATE_STREAM, &request, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_close(&client);
}

static void append_and_read(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 801);
    uint64_t stream = client_stream(&client, "s");
    assert_int_equal(client_append(&client, stream, 0, 3, "one", "", "three"), 0);
    assert_int_equal(client_append(&client, stream, 3, 1, "four"), 3);
    struct slice event = TEXT("x");
    struct wire_append_events_request wrong = {.stream_id = stream, .events = {1, &event}, .expected_offset = 3};
    client_refused(&client, WIRE_REQUEST_APPEND_EVENTS, &wrong, WIRE_ERROR_CODE_OFFSET_MISMATCH);
    wrong.expected_offset = UINT64_MAX;
    client_refused(&client, WIRE_REQUEST_APPEND_EVENTS, &wrong, WIRE_ERROR_CODE_OFFSET_MISMATCH);
    wrong.stream_id = stream + 1;
    wrong.expected_offset = 0;
    client_refused(&client, WIRE_REQUEST_APPEND_EVENTS, &wrong, WIRE_ERROR_CODE_STREAM_NOT_FOUND);
    struct wire_stream_info_request info = {.stream_id = stream};
    const struct wire_stream_info_response *length =
        client_ask(&client, WIRE_REQUEST_STREAM_INFO, &info, WIRE_RESPONSE_STREAM_INFO);
    assert_int_equal(length->length, 4);
    info.stream_id++;
    client_refused(&client, WIRE_REQUEST_STREAM_INFO, &info, WIRE_ERROR_CODE_STREAM_NOT_FOUND);
    static const struct {
        uint64_t from, max;
        uint32_t count;
    } reads[] = {{0, 1 << 20, 4}, {0, 0, 0},   {0, 1, 1},   {0, 4, 3},
                 {1, 1 << 20, 3}, {4, 100, 0}, {5, 100, 0}, {2, UINT64_MAX, 2}};
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        struct wire_read_events_request read = {
            .stream_id = stream, .from_offset = reads[i].from, .max_bytes = reads[i].max};
        const struct wire_read_events_response *events =
            client_ask(&client, WIRE_REQUEST_READ_EVENTS, &read, WIRE_RESPONSE_READ_EVENTS);
        assert_int_equal(events->events.count, reads[i].count);
        assert_true(reads[i].count == 0 ? events->next_offset == NULL
                                        : *events->next_offset == reads[i].from + reads[i].count);
    }
    struct wire_read_events_request unknown = {.stream_id = stream + 5, .max_bytes = 10};
    const struct wire_read_events_response *none =
        client_ask(&client, WIRE_REQUEST_READ_EVENTS, &unknown, WIRE_RESPONSE_READ_EVENTS);
    assert_int_equal(none->events.count, 0);
    const struct wire_sync_response *sync = client_ask(&client, WIRE_REQUEST_SYNC, NULL, WIRE_RESPONSE_SYNC);
    assert_true(sync->success);
    client_close(&client);
}

/* A stream is its tenant's alone, even where everybody may speak for every tenant. */
static void other_tenants_streams(void **state) {
    (void)state;
    struct client owner;
    struct client other;
    client_open(&owner, db, service, 802);
    client_open(&other, db, service, 803);
    uint64_t stream = client_stream(&owner, "s");
    client_append(&owner, stream, 0, 1, "secret");
    struct slice event = TEXT("x");
    struct wire_append_events_request append = {.stream_id = stream, .events = {1, &event}, .expected_offset = 1};
    client_refused(&other, WIRE_REQUEST_APPEND_EVENTS, &append, WIRE_ERROR_CODE_STREAM_NOT_FOUND);
    struct wire_append_request typed = {.stream_id = stream, .events = {1, &event}};
    client_refused(&other, WIRE_REQUEST_APPEND, &typed, WIRE_ERROR_CODE_STREAM_NOT_FOUND);
    struct wire_read_events_request read = {.stream_id = stream, .max_bytes = 100};
    client_refused(&other, WIRE_REQUEST_READ_EVENTS, &read, WIRE_ERROR_CODE_STREAM_NOT_FOUND);
    struct wire_stream_info_request info = {.stream_id = stream};
    client_refused(&other, WIRE_REQUEST_STREAM_INFO, &info, WIRE_ERROR_CODE_STREAM_NOT_FOUND);
    struct wire_subscribe_request subscribe = {.stream_id = stream, .initial_credits = 1};
    client_refused(&other, WIRE_REQUEST_SUBSCRIBE, &subscribe, WIRE_ERROR_CODE_STREAM_NOT_FOUND);
    info.stream_id = 1; /* a local id without a tenant */
    client_refused(&owner, WIRE_REQUEST_STREAM_INFO, &info, WIRE_ERROR_CODE_STREAM_NOT_FOUND);
    client_close(&owner);
    client_close(&other);
}

/* Larger than a frame in all: read in as many answers as it takes. */
static void large_reads(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 804);
    uint64_t stream = client_stream(&client, "s");
    const size_t size = (size_t)3 << 20;
    uint8_t *bytes = calloc(1, size);
    assert_non_null(bytes);
    for (uint64_t i = 0; i < 8; i++) {
        struct slice event = slice_make(bytes, size);
        struct wire_append_events_request append = {.stream_id = stream, .events = {1, &event}, .expected_offset = i};
        client_ask(&client, WIRE_REQUEST_APPEND_EVENTS, &append, WIRE_RESPONSE_APPEND_EVENTS);
    }
    uint64_t offset = 0;
    unsigned answers = 0;
    for (; offset < 8; answers++) {
        struct wire_read_events_request read = {.stream_id = stream, .from_offset = offset, .max_bytes = UINT64_MAX};
        const struct wire_read_events_response *events =
            client_ask(&client, WIRE_REQUEST_READ_EVENTS, &read, WIRE_RESPONSE_READ_EVENTS);
        assert_true(events->events.count > 0);
        offset = *events->next_offset;
    }
    assert_int_equal(answers, 2);
    free(bytes);
    client_close(&client);
}

/* A pipeline of appends rests on few syncs, and its answers are in order. */
static void pipeline(void **state) {
    (void)state;
    struct client client;
    struct wire_message message;
    client_open(&client, db, service, 805);
    uint64_t stream = client_stream(&client, "s");
    client.commits = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        struct slice event = TEXT("event");
        struct wire_append_events_request append = {.stream_id = stream, .events = {1, &event}, .expected_offset = i};
        client_send(&client, WIRE_REQUEST_APPEND_EVENTS, &append);
    }
    client_step(&client);
    assert_true(client.commits >= 1 && client.commits <= 2);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_true(client_next(&client, &message));
        const struct wire_append_events_response *appended = message.payload;
        assert_int_equal(message.variant, WIRE_RESPONSE_APPEND_EVENTS);
        assert_true(appended->first_offset == i);
    }
    struct wire_read_events_request read = {.stream_id = stream, .max_bytes = UINT64_MAX}; /* all of one block */
    const struct wire_read_events_response *events =
        client_ask(&client, WIRE_REQUEST_READ_EVENTS, &read, WIRE_RESPONSE_READ_EVENTS);
    assert_int_equal(events->events.count, 1000);
    client_close(&client);
}

/* --- subscriptions ------------------------------------------------------------------------------------------------ */

static uint64_t subscribe(struct client *client, uint64_t stream, uint64_t from, uint32_t credits, const char *group,
                          uint64_t *start) {
    struct slice name = TEXT(group == NULL ? "" : group);
    struct wire_subscribe_request request = {.stream_id = stream,
                                             .from_offset = from,
                                             .initial_credits = credits,
                                             .consumer_group = group == NULL ? NULL : &name};
    uint64_t id = client_send(client, WIRE_REQUEST_SUBSCRIBE, &request);
    struct wire_message message;
    client_step(client);
    assert_true(client_next(client, &message)); /* the answer is the first that is said of it */
    assert_true(message.direction == WIRE_RESPONSE && message.request_id == id);
    assert_int_equal(message.variant, WIRE_RESPONSE_SUBSCRIBE);
    const struct wire_subscribe_response *response = message.payload;
    assert_int_equal(response->credits, credits);
    if (start != NULL) {
        *start = response->start_offset;
    }
    return response->subscription_id;
}

/* Reads the pushes that are there: events from `from` on, one a frame. Answers how many; *credits: left after them. */
static uint32_t pushes(struct client *client, uint64_t id, uint64_t from, uint32_t *credits) {
    struct wire_message message;
    uint32_t count = 0;
    client_step(client);
    while (client_next(client, &message)) {
        assert_true(message.direction == WIRE_PUSH && message.variant == WIRE_PUSH_SUBSCRIPTION_EVENTS);
        const struct wire_subscription_events_push *push = message.payload;
        assert_true(push->subscription_id == id);
        assert_int_equal(push->events.count, 1);
        assert_true(push->start_offset == from + count);
        if (credits != NULL) {
            *credits = push->credits_remaining;
        }
        count++;
    }
    return count;
}

static uint32_t grant(struct client *client, uint64_t id, uint32_t credits) {
    struct wire_subscribe_credit_request request = {.subscription_id = id, .additional_credits = credits};
    const struct wire_subscription_ack_response *ack =
        client_ask(client, WIRE_REQUEST_SUBSCRIBE_CREDIT, &request, WIRE_RESPONSE_SUBSCRIPTION_ACK);
    assert_true(ack->subscription_id == id);
    return ack->credits_remaining;
}

static void credits(void **state) {
    (void)state;
    struct client client;
    struct client writer;
    uint32_t left = 99;
    client_open(&client, db, service, 810);
    client_open(&writer, db, service, 810);
    uint64_t stream = client_stream(&client, "s");
    client_append(&writer, stream, 0, 5, "a", "b", "", "d", "e");
    uint64_t id = subscribe(&client, stream, 1, 3, NULL, NULL);
    assert_int_equal(pushes(&client, id, 1, &left), 3);
    assert_int_equal(left, 0);
    assert_int_equal(pushes(&client, id, 4, NULL), 0);
    assert_int_equal(grant(&client, id, 10), 10);
    assert_int_equal(pushes(&client, id, 4, &left), 1);
    assert_int_equal(left, 9);
    unsigned wakes = atomic_load(&client.connection.wakes);
    client_append(&writer, stream, 5, 2, "f", "g");
    assert_true(atomic_load(&client.connection.wakes) > wakes); /* on commit, without being asked */
    assert_int_equal(pushes(&client, id, 5, NULL), 2);
    assert_int_equal(grant(&client, id, UINT32_MAX), UINT32_MAX); /* as far as the number goes */
    assert_false(native_protocol.busy(client.machine));           /* a server that stops need not wait for it */
    /* What is not committed is not pushed, not even to whoever wrote it. */
    client_query(&client, "BEGIN");
    client_append(&client, stream, 7, 1, "h");
    assert_int_equal(pushes(&client, id, 7, NULL), 0);
    client_query(&client, "COMMIT");
    assert_int_equal(pushes(&client, id, 7, NULL), 1);
    struct wire_unsubscribe_request end = {.subscription_id = id};
    uint64_t request = client_send(&client, WIRE_REQUEST_UNSUBSCRIBE, &end);
    struct wire_message message;
    client_step(&client);
    assert_true(client_next(&client, &message)); /* first the push, then the answer */
    const struct wire_subscription_closed_push *closed = message.payload;
    assert_int_equal(message.variant, WIRE_PUSH_SUBSCRIPTION_CLOSED);
    assert_true(closed->subscription_id == id && closed->reason == WIRE_CLOSE_REASON_CLIENT_CANCELLED);
    assert_true(client_next(&client, &message) && message.request_id == request);
    const struct wire_subscription_ack_response *ack = message.payload;
    assert_int_equal(message.variant, WIRE_RESPONSE_SUBSCRIPTION_ACK);
    assert_int_equal(ack->credits_remaining, 0);
    client_refused(&client, WIRE_REQUEST_UNSUBSCRIBE, &end, WIRE_ERROR_CODE_SUBSCRIPTION_NOT_FOUND);
    client_append(&writer, stream, 8, 1, "i");
    assert_int_equal(pushes(&client, id, 8, NULL), 0);
    client_close(&client);
    client_close(&writer);
}

static void refused_subscriptions(void **state) {
    (void)state;
    struct client client;
    struct client other;
    client_open(&client, db, service, 811);
    client_open(&other, db, service, 811);
    uint64_t stream = client_stream(&client, "s");
    struct wire_subscribe_request request = {.stream_id = stream + 1, .initial_credits = 1};
    client_refused(&client, WIRE_REQUEST_SUBSCRIBE, &request, WIRE_ERROR_CODE_STREAM_NOT_FOUND);
    request = (struct wire_subscribe_request){.stream_id = stream, .from_offset = 1, .initial_credits = 1};
    client_refused(&client, WIRE_REQUEST_SUBSCRIBE, &request, WIRE_ERROR_CODE_INVALID_OFFSET);
    uint64_t id = subscribe(&client, stream, 0, 0, NULL, NULL); /* no credit at first is legal */
    assert_true(subscribe(&client, stream, 0, 0, NULL, NULL) != id);
    /* A subscription is its connection's. */
    struct wire_subscribe_credit_request credit = {.subscription_id = id, .additional_credits = 1};
    client_refused(&other, WIRE_REQUEST_SUBSCRIBE_CREDIT, &credit, WIRE_ERROR_CODE_SUBSCRIPTION_NOT_FOUND);
    client.tenant = 812;
    client_refused(&client, WIRE_REQUEST_SUBSCRIBE_CREDIT, &credit, WIRE_ERROR_CODE_SUBSCRIPTION_NOT_FOUND);
    client.tenant = 811;
    for (unsigned i = 2; i < 256; i++) {
        subscribe(&client, stream, 0, 0, NULL, NULL);
    }
    request.from_offset = 0;
    client_refused(&client, WIRE_REQUEST_SUBSCRIBE, &request, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    client_close(&client);
    client_close(&other);
}

/* Output beyond what the socket is given at once waits: the machine is stepped for the rest. */
static void many_events(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 813);
    uint64_t stream = client_stream(&client, "s");
    static uint8_t bytes[1000];
    struct slice events[1000];
    for (unsigned i = 0; i < 1000; i++) {
        events[i] = slice_make(bytes, i);
    }
    struct wire_append_events_request append = {.stream_id = stream, .events = {1000, events}};
    client_ask(&client, WIRE_REQUEST_APPEND_EVENTS, &append, WIRE_RESPONSE_APPEND_EVENTS);
    uint64_t id = subscribe(&client, stream, 0, 999, NULL, NULL);
    assert_int_equal(pushes(&client, id, 0, NULL), 999);
    client_close(&client);
}

/* Counts the events of each offset that the client was pushed. */
static void note_pushes(struct client *client, unsigned seen[64]) {
    struct wire_message message;
    client_step(client);
    while (client_next(client, &message)) {
        const struct wire_subscription_events_push *push = message.payload;
        assert_int_equal(message.variant, WIRE_PUSH_SUBSCRIPTION_EVENTS);
        assert_true(push->start_offset < 64);
        seen[push->start_offset]++;
    }
}

static void consumer_group(void **state) {
    (void)state;
    struct client a;
    struct client b;
    struct client c;
    unsigned seen[64] = {0};
    uint64_t start = 0;
    client_open(&a, db, service, 814);
    client_open(&b, db, service, 814);
    client_open(&c, db, service, 814);
    uint64_t stream = client_stream(&a, "s");
    client_append(&a, stream, 0, 6, "0", "1", "2", "3", "4", "5");
    uint64_t first = subscribe(&a, stream, 1, 2, "workers", &start);
    assert_int_equal(start, 1);
    note_pushes(&a, seen);
    assert_true(seen[1] == 1 && seen[2] == 1 && seen[3] == 0);
    subscribe(&b, stream, 0, 100, "workers", &start);
    assert_int_equal(start, 3); /* where the group stands */
    note_pushes(&b, seen);
    client_append(&c, stream, 6, 2, "6", "7");
    note_pushes(&a, seen); /* has no credit */
    note_pushes(&b, seen);
    assert_int_equal(seen[0], 0);
    for (unsigned i = 1; i < 8; i++) {
        assert_int_equal(seen[i], 1);
    }
    /* Another name is another group, and so is none. */
    unsigned others[64] = {0};
    subscribe(&c, stream, 0, 100, "others", &start);
    note_pushes(&c, others);
    assert_true(others[0] == 1 && others[7] == 1);
    /* What was given to a member whose connection ends before it was sent goes to another. */
    struct protocol_io io = {.output = &(struct buffer){0}};
    client_append(&c, stream, 8, 2, "8", "9");
    others[8] = others[9] = 0;
    assert_int_equal(native_protocol.step(b.machine, &io), PROTOCOL_READ);
    assert_true(io.output->length > 0);
    buffer_free(io.output);
    client_close(&b);
    assert_int_equal(grant(&a, first, 10), 10);
    note_pushes(&a, seen);
    assert_true(seen[8] == 1 && seen[9] == 1);
    client_close(&a);
    client_close(&c);
    /* With its last member the group is gone. */
    client_open(&a, db, service, 814);
    subscribe(&a, stream, 0, 0, "workers", &start);
    assert_int_equal(start, 0);
    client_close(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create),
        cmocka_unit_test(append_and_read),
        cmocka_unit_test(other_tenants_streams),
        cmocka_unit_test(large_reads),
        cmocka_unit_test(pipeline),
        cmocka_unit_test(credits),
        cmocka_unit_test(refused_subscriptions),
        cmocka_unit_test(many_events),
        cmocka_unit_test(consumer_group),
    };
    return cmocka_run_group_tests(tests, native_setup, native_teardown);
}
