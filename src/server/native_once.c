/*
 * Requests that bring an idempotency key along: carried out once, however often they come.
 *
 * A client that has lost its connection does not know whether its request was carried out. With a key it sends it again
 * and gets the first answer. What a request of a key does and the answer to it are one transaction, so one entry of the
 * log: a crash leaves both or neither, and of two that come at the same time one finds the other's answer when it is
 * validated. Only what has changed something is kept; an error is no answer, and a request without effect may run
 * again.
 *
 * An answer that names the tenant's position behind the request is kept without it: the position is known when the
 * entry is, and is put in when the answer is told. Positions are the last number of the responses that have one.
 */
#include "server/native_internal.h"

#include "base/assert.h"
#include "base/memory.h"
#include "crypto/hash.h"

/* Somebody else's commit came between; each time it is looked for the answer again. */
#define ONCE_TRIES_MAX 16

struct slice native_key_of(const struct native_call *call) {
    const struct wire_audit *audit = call->message->audit;
    const struct slice *key = audit == NULL ? NULL : audit->idempotency_key;
    bool open = call->tenant == NULL || session_in_transaction(call->tenant->session);
    return key == NULL || open ? slice_make(NULL, 0) : *key;
}

enum kmb_status native_key_check(struct native_call *call) {
    const struct wire_audit *audit = call->message->audit;
    const struct slice *key = audit == NULL ? NULL : audit->idempotency_key;
    bool given = key != NULL && call->tenant != NULL && !session_in_transaction(call->tenant->session);
    return !given || (key->length > 0 && key->length <= ANSWER_KEY_MAX)
               ? KMB_OK
               : native_refuse(call, KMB_USAGE, "an idempotency key has 1 to %d bytes", ANSWER_KEY_MAX);
}

/* What the request asks for, whatever its id and whoever sends it. */
static enum kmb_status digest_of(struct native_call *call, uint8_t digest[32]) {
    struct buffer bytes = {0};
    struct wire_message message = {.direction = WIRE_REQUEST,
                                   .tenant_id = call->message->tenant_id,
                                   .variant = call->message->variant,
                                   .payload = call->message->payload};
    wire_message_encode(&bytes, &message);
    if (!buffer_ok(&bytes)) {
        buffer_free(&bytes);
        return native_no_memory(call);
    }
    struct hash256 hash = hash_sha256(bytes.bytes, bytes.length);
    memcpy(digest, hash.bytes, 32);
    buffer_free(&bytes);
    return KMB_OK;
}

static enum kmb_status tell(struct native_call *call, const struct event_request_answered *answer, uint64_t position) {
    size_t start = native_respond_begin(call, answer->answer);
    buffer_append_slice(call->out, answer->bytes);
    if (answer->form == ANSWER_POSITION) {
        postcard_write_unsigned(call->out, position);
    } else if (answer->form == ANSWER_POSITION_SIGNED) {
        postcard_write_signed(call->out, (int64_t)position);
    }
    return native_respond_end(call, start);
}

enum kmb_status native_once_find(struct native_call *call, bool *found) {
    struct kernel_state *state = NULL;
    struct kernel_answer answer;
    *found = false;
    enum kmb_status status = digest_of(call, call->digest);
    if (status == KMB_OK) {
        status = shard_state(call->native->service->shard, session_tenant(call->tenant->session), &state, &call->error);
    }
    if (status == KMB_OK) {
        status = kernel_answer_find(state, call->key, &call->native->arena, &answer, found, &call->error);
    }
    kernel_state_release(state);
    if (status != KMB_OK || !*found) {
        return status;
    }
    call->native->once_tries = 0;
    if (memcmp(answer.stored.digest, call->digest, sizeof(call->digest)) != 0) {
        return native_refuse(call, KMB_USAGE, "the idempotency key was used for another request");
    }
    if (answer.stored.form == ANSWER_NOT_KEPT) {
        return native_refuse(call, KMB_LIMIT,
                             "the request of this idempotency key was carried out, at position %llu; its answer took "
                             "more than %d bytes and is not kept",
                             (unsigned long long)answer.position, ANSWER_KEPT_MAX);
    }
    return tell(call, &answer.stored, answer.position);
}

enum kmb_status native_once_begin(struct native_call *call) {
    if (call->key.length == 0 || call->once) {
        return KMB_OK;
    }
    enum kmb_status status = session_begin_implicit(call->tenant->session, &call->error);
    call->once = status == KMB_OK;
    return status;
}

/* The answer as it stands in the output, without what form says is behind it. */
static void read_answer(const struct native_call *call, struct event_request_answered *answer) {
    struct slice frame = slice_make(call->out->bytes + call->response_at, call->out->length - call->response_at);
    struct postcard_reader reader =
        postcard_reader_make(slice_make(frame.bytes + WIRE_HEADER_SIZE, frame.length - WIRE_HEADER_SIZE));
    (void)postcard_read_unsigned(&reader, 32);
    (void)postcard_read_unsigned(&reader, 64);
    answer->answer = (uint32_t)postcard_read_unsigned(&reader, 32);
    ASSERT(reader.error == POSTCARD_OK);
    size_t end = reader.length;
    if (answer->form != ANSWER_PLAIN) {
        end--; /* of a number, the last byte alone has its top bit clear */
        while (end > reader.at && (reader.bytes[end - 1] & 0x80) != 0) {
            end--;
        }
    }
    answer->bytes = slice_make(reader.bytes + reader.at, end - reader.at);
    if (answer->bytes.length > ANSWER_KEPT_MAX) {
        answer->form = ANSWER_NOT_KEPT;
        answer->bytes = slice_make(NULL, 0);
    }
}

static enum kmb_status note(void *context, struct kernel_transaction *transaction, struct kmb_error *error) {
    const struct event_request_answered *answer = context;
    return kernel_transaction_empty(transaction) ? KMB_OK : kernel_note_answer(transaction, answer, error);
}

/* The response once more, with the position that it has now. */
static enum kmb_status place_answer(struct native_call *call, uint64_t position) {
    struct event_request_answered answer = {.form = call->form};
    read_answer(call, &answer);
    if (answer.form == ANSWER_PLAIN || answer.form == ANSWER_NOT_KEPT) {
        return KMB_OK;
    }
    answer.bytes = arena_dup_slice(&call->native->arena, answer.bytes);
    if (answer.bytes.bytes == NULL) {
        return native_no_memory(call);
    }
    call->out->length = call->response_at;
    return tell(call, &answer, position);
}

enum kmb_status native_once_end(struct native_call *call, enum kmb_status status, bool *wait) {
    struct session *session = call->tenant->session;
    struct native *native = call->native;
    struct shard_ticket ticket = {0};
    struct event_request_answered answer = {.key = call->key, .form = call->form};
    ASSERT(session_in_transaction(session) && session_is_implicit(session));
    if (status == KMB_OK) {
        memcpy(answer.digest, call->digest, sizeof(call->digest));
        read_answer(call, &answer);
        status = session_write(session, note, &answer, NULL, &call->error);
    }
    if (status != KMB_OK) {
        (void)session_rollback(session, NULL);
    } else {
        status = session_commit(session, NULL, &ticket, &call->error);
    }
    if (status == KMB_OK) {
        native->once_tries = 0;
        return ticket.op == 0 ? KMB_OK : place_answer(call, ticket.position);
    }
    call->out->length = call->response_at;
    if (status == KMB_SERIALIZATION && native->once_tries < ONCE_TRIES_MAX) {
        native->once_tries++;
        error_clear(&call->error);
        *wait = true; /* until what it lost to is durable; then the answer is there, or it is tried once more */
        return KMB_OK;
    }
    native->once_tries = 0;
    return status;
}
