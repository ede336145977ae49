/*
 * Subscriptions: events pushed as they become durable, as far as the client has given credit.
 *
 * A push carries one event: clients exist that look at the first of a frame alone. Events are read by a session of the
 * subscription's own, so that what is pushed is published, whatever the connection's transaction has written.
 *
 * A subscription that has reached the end is looked at again in each step of its machine; the service has it stepped
 * when its tenant's events are published. So nothing asks in vain.
 */
#include "server/native_internal.h"

#include "base/assert.h"
#include "base/memory.h"

/* Read at once for one subscription, then the next has its turn. */
#define BATCH_EVENTS 64
#define BATCH_BYTES  ((uint64_t)1 << 20)

static struct native_subscription **find(struct native *native, uint64_t tenant, uint64_t id) {
    struct native_subscription **place = &native->subscriptions;
    while (*place != NULL && ((*place)->id != id || (*place)->tenant->id != tenant)) {
        place = &(*place)->next;
    }
    return place;
}

static void end(struct native *native, struct native_subscription **place) {
    struct native_subscription *subscription = *place;
    struct native_tenant *tenant = subscription->tenant;
    *place = subscription->next;
    native->subscription_count--;
    tenant->holds--;
    tenant->subscriptions--;
    native_service_watch(native);
    if (subscription->group != NULL) {
        native_group_give_back(native->service, subscription->group, subscription->unsent_from,
                               subscription->unsent_to);
        native_group_leave(native->service, subscription->group);
    }
    mem_free(subscription);
}

static enum kmb_status open_reader(struct native_call *call) {
    struct native_tenant *tenant = call->tenant;
    return tenant->reader != NULL
               ? KMB_OK
               : kmb_session_open(call->native->service->options.db, tenant->id, &tenant->reader, &call->error);
}

enum kmb_status native_subscribe(struct native_call *call) {
    const struct wire_subscribe_request *request = call->message->payload;
    struct native *native = call->native;
    uint64_t length = 0;
    uint32_t stream;
    enum kmb_status status = native_stream_of(call, request->stream_id, &stream);
    if (status == KMB_OK && native->subscription_count == NATIVE_SUBSCRIPTIONS_MAX) {
        status = native_refuse(call, KMB_LIMIT, "a connection has at most %d subscriptions", NATIVE_SUBSCRIPTIONS_MAX);
    }
    if (status == KMB_OK) {
        status = open_reader(call);
    }
    if (status == KMB_OK) {
        status = kmb_stream_length(call->tenant->reader, stream, &length, &call->error);
    }
    if (status == KMB_OK && request->from_offset > length) {
        status = native_refuse(call, KMB_INVALID_OFFSET, "offset %llu is beyond the length %llu of stream %u",
                               (unsigned long long)request->from_offset, (unsigned long long)length, stream);
    }
    struct native_subscription *made = status == KMB_OK ? mem_alloc_zero(1, sizeof(*made)) : NULL;
    if (made == NULL) {
        return status == KMB_OK ? native_no_memory(call) : status;
    }
    made->id = atomic_fetch_add(&native->service->subscription_next, 1);
    made->tenant = call->tenant;
    made->stream = stream;
    made->offset = request->from_offset;
    made->credits = request->initial_credits;
    if (request->consumer_group != NULL) {
        made->group =
            native_group_join(native->service, call->tenant->id, stream, *request->consumer_group, &made->offset);
        if (made->group == NULL) {
            mem_free(made);
            return native_no_memory(call);
        }
    }
    struct native_subscription **last = &native->subscriptions; /* at the end: the oldest has its turn first */
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = made;
    native->subscription_count++;
    call->tenant->holds++;
    call->tenant->subscriptions++;
    native_service_watch(native);
    struct wire_subscribe_response response = {
        .subscription_id = made->id, .start_offset = made->offset, .credits = made->credits};
    return native_respond(call, WIRE_RESPONSE_SUBSCRIBE, &response);
}

static enum kmb_status not_found(struct native_call *call, uint64_t id) {
    return native_refuse(call, KMB_SUBSCRIPTION_NOT_FOUND, "subscription %llu not found on this connection",
                         (unsigned long long)id);
}

enum kmb_status native_subscribe_credit(struct native_call *call) {
    const struct wire_subscribe_credit_request *request = call->message->payload;
    struct native_subscription *subscription = *find(call->native, call->message->tenant_id, request->subscription_id);
    if (subscription == NULL) {
        return not_found(call, request->subscription_id);
    }
    uint64_t credits = (uint64_t)subscription->credits + request->additional_credits;
    subscription->credits = credits > UINT32_MAX ? UINT32_MAX : (uint32_t)credits;
    struct wire_subscription_ack_response response = {.subscription_id = subscription->id,
                                                      .credits_remaining = subscription->credits};
    return native_respond(call, WIRE_RESPONSE_SUBSCRIPTION_ACK, &response);
}

static void push_closed(struct buffer *out, uint64_t id, uint32_t reason) {
    struct wire_subscription_closed_push push = {.subscription_id = id, .reason = reason};
    (void)native_push(out, WIRE_PUSH_SUBSCRIPTION_CLOSED, &push);
}

enum kmb_status native_unsubscribe(struct native_call *call) {
    const struct wire_unsubscribe_request *request = call->message->payload;
    struct native_subscription **place = find(call->native, call->message->tenant_id, request->subscription_id);
    if (*place == NULL) {
        return not_found(call, request->subscription_id);
    }
    push_closed(call->out, request->subscription_id, WIRE_CLOSE_REASON_CLIENT_CANCELLED);
    end(call->native, place);
    struct wire_subscription_ack_response response = {.subscription_id = request->subscription_id};
    return native_respond(call, WIRE_RESPONSE_SUBSCRIPTION_ACK, &response);
}

/* --- pushing ------------------------------------------------------------------------------------------------------ */

struct pushing {
    struct native_subscription *subscription;
    struct buffer *out;
    uint32_t left;
    uint32_t pushed;
};

static enum kmb_status push_event(void *context, uint64_t offset, const void *bytes, size_t length) {
    struct pushing *pushing = context;
    struct native_subscription *subscription = pushing->subscription;
    struct slice event = slice_make(bytes, length);
    struct wire_subscription_events_push push = {.subscription_id = subscription->id,
                                                 .start_offset = offset,
                                                 .events = {1, &event},
                                                 .credits_remaining = subscription->credits - 1};
    if (!native_push(pushing->out, WIRE_PUSH_SUBSCRIPTION_EVENTS, &push)) {
        return KMB_LIMIT;
    }
    subscription->credits--;
    pushing->pushed++;
    return --pushing->left == 0 || pushing->out->length >= PROTOCOL_OUTPUT_SOFT ? KMB_DONE : KMB_OK;
}

/* The next events of the subscription: [*from, *from + answer). */
static uint32_t claim(struct native *native, struct native_subscription *subscription, uint64_t length,
                      uint64_t *from) {
    uint32_t count = subscription->credits < BATCH_EVENTS ? subscription->credits : BATCH_EVENTS;
    if (subscription->group != NULL) {
        return native_group_claim(native->service, subscription->group, length, count, from);
    }
    *from = subscription->offset;
    return length - *from < count ? (uint32_t)(length - *from) : count;
}

static void note_sent(struct native *native, struct native_subscription *subscription, uint64_t from, uint32_t claimed,
                      uint32_t pushed) {
    subscription->offset = from + pushed;
    if (subscription->group == NULL) {
        return;
    }
    native_group_give_back(native->service, subscription->group, from + pushed, from + claimed);
    if (pushed == 0) {
        return;
    }
    bool none = subscription->unsent_from == subscription->unsent_to;
    uint64_t to = from + pushed;
    subscription->unsent_from = none || from < subscription->unsent_from ? from : subscription->unsent_from;
    subscription->unsent_to = none || to > subscription->unsent_to ? to : subscription->unsent_to;
}

/* *pushed: how many events. Another status than KMB_OK ends the subscription. */
static enum kmb_status push_some(struct native *native, struct native_subscription *subscription, struct buffer *out,
                                 uint32_t *pushed) {
    kmb_session *reader = subscription->tenant->reader;
    uint64_t length = 0;
    uint64_t from = 0;
    *pushed = 0;
    enum kmb_status status = kmb_stream_length(reader, subscription->stream, &length, NULL);
    uint32_t claimed = status == KMB_OK ? claim(native, subscription, length, &from) : 0;
    if (claimed == 0) {
        return status;
    }
    struct pushing pushing = {.subscription = subscription, .out = out, .left = claimed};
    status = kmb_stream_read(reader, subscription->stream, from, BATCH_BYTES, push_event, &pushing, NULL);
    note_sent(native, subscription, from, claimed, pushing.pushed);
    *pushed = pushing.pushed;
    return status;
}

bool native_subscriptions_push(struct native *native, struct buffer *out) {
    bool more = true;
    while (more && out->length < PROTOCOL_OUTPUT_SOFT && buffer_ok(out)) {
        more = false;
        for (struct native_subscription **place = &native->subscriptions; *place != NULL;) {
            struct native_subscription *subscription = *place;
            uint32_t pushed = 0;
            enum kmb_status status =
                subscription->credits == 0 ? KMB_OK : push_some(native, subscription, out, &pushed);
            more = more || pushed > 0;
            if (status != KMB_OK) {
                push_closed(out, subscription->id,
                            status == KMB_STREAM_NOT_FOUND ? WIRE_CLOSE_REASON_STREAM_DELETED
                                                           : WIRE_CLOSE_REASON_PROTOCOL_ERROR);
                end(native, place);
            } else {
                place = &subscription->next;
            }
        }
    }
    return more;
}

void native_subscriptions_sent(struct native *native) {
    for (struct native_subscription *next = native->subscriptions; next != NULL; next = next->next) {
        next->unsent_from = next->unsent_to = 0;
    }
}

void native_subscriptions_close(struct native *native, struct buffer *out, uint32_t reason) {
    while (native->subscriptions != NULL) {
        if (out != NULL) {
            push_closed(out, native->subscriptions->id, reason);
        }
        end(native, &native->subscriptions);
    }
}
