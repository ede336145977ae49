/*
 * Limits of a session of PostgreSQL's protocol: what a message costs its source and its tenant.
 *
 * A message beyond a limit is refused and the session goes on: of the extended protocol up to the next Sync, as after
 * any error. What comes within a COPY is slowed down instead, since a COPY cut off has to begin anew.
 */
#include "base/codec.h"
#include "engine/neighbours.h"
#include "server/internal.h"
#include "server/pg_internal.h"

static struct limits_party *source_of(const struct pg_session *session) {
    return session->peer->party;
}

static struct limits_party *tenant_of(const struct pg_session *session) {
    return session->connection->tenant_party;
}

static enum kmb_status take(struct pg_session *session, unsigned requests, size_t bytes, struct kmb_error *error) {
    enum kmb_status status = limits_take(source_of(session), requests, bytes, error);
    if (status == KMB_OK && (status = limits_take(tenant_of(session), requests, bytes, error)) != KMB_OK) {
        limits_return(source_of(session), requests, bytes);
    }
    return status;
}

enum kmb_status pg_limit_request(struct pg_session *session, struct kmb_error *error) {
    return take(session, 1, 0, error);
}

enum kmb_status pg_limit_message(struct pg_session *session, const struct pg_frame *frame, struct kmb_error *error) {
    switch (frame->type) {
    case PG_QUERY:
    case PG_PARSE:
    case PG_BIND:
    case PG_DESCRIBE:
    case PG_EXECUTE:
    case PG_FUNCTION_CALL:
        return take(session, 0, frame->size, error);
    default:
        (void)limits_owe(source_of(session), frame->size);
        (void)limits_owe(tenant_of(session), frame->size);
        return KMB_OK;
    }
}

enum kmb_status pg_limit_copy(struct pg_session *session, size_t bytes, struct kmb_error *error) {
    return limits_pace(source_of(session), tenant_of(session), bytes, session->inner, error);
}

enum kmb_status pg_limit_memory(struct pg_session *session, struct slice input, struct kmb_error *error) {
    struct charge *charge = session->peer->charge;
    uint64_t size = input.length < 5 ? 0 : 1 + (uint64_t)codec_get_u32_big(input.bytes + 1);
    if (size <= CONNECTION_RECEIVE_BYTES) {
        return KMB_OK; /* it fits into what every connection may have */
    }
    if (charge_take(charge, size - input.length)) {
        charge_give(charge, size - input.length); /* counted when it is there */
        return KMB_OK;
    }
    session->skip = size;
    return charge_error(charge, error);
}
