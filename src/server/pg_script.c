/*
 * The simple protocol: one message, any number of statements.
 *
 * A single statement runs by itself. Several share a transaction that nobody has begun in words: all of them count, or
 * none (PostgreSQL's implicit block), unless BEGIN and COMMIT among them say otherwise. A script stops where the output
 * is large or a commit must be durable first, and goes on from there at the next step.
 */
#include <string.h>

#include "base/assert.h"
#include "server/internal.h"
#include "server/pg_internal.h"

/* Where a statement of the script stands. A message is far shorter than 4 GB. */
struct script_part {
    uint32_t first;
    uint32_t length;
};

static bool note_part(void *context, struct slice statement, size_t offset) {
    struct buffer *parts = context;
    struct script_part part = {.first = (uint32_t)offset, .length = (uint32_t)statement.length};
    buffer_append(parts, &part, sizeof(part));
    return buffer_ok(parts);
}

static void finish_statement(struct pg_session *session) {
    kmb_finalize(session->statement);
    session->statement = NULL;
}

void pg_drop_script(struct pg_session *session) {
    finish_statement(session);
    session->task = PG_TASK_NONE;
    session->block_due = false;
    session->script = (struct slice){0};
    session->script_next = 0;
    buffer_free(&session->script_parts);
    charge_give(session->peer->charge, session->script_bytes);
    session->script_bytes = 0;
    if (session->script_memory.capacity > ((size_t)64 << 10)) {
        buffer_free(&session->script_memory);
    } else {
        buffer_clear(&session->script_memory);
    }
}

/* Ends the message: the shared transaction, then ReadyForQuery. */
static void end_script(struct pg_session *session, struct buffer *out, bool failed) {
    struct kmb_error error;
    error_clear(&error);
    if (pg_end_implicit(session, failed, &error) != KMB_OK) {
        pg_tell_error(session, out, PG_SEVERITY_ERROR, &error);
    }
    if (!session_in_transaction(session->inner)) {
        pg_drop_portals(session);
    }
    pg_drop_portals_gone(session);
    pg_drop_script(session);
    pg_tell_settings(session, out, false);
    pg_tell_notifications(session, out);
    pg_write_ready_now(session, out);
}

/* An error's position counts from the beginning of the message, not of the statement. */
static void place_error(const struct pg_session *session, struct kmb_error *error) {
    if (error->position == 0 || session->statement_text.bytes == NULL) {
        return;
    }
    const uint8_t *at = session->script.bytes;
    uint32_t before = 0;
    for (; at < session->statement_text.bytes; at++) {
        before += (*at & 0xc0) != 0x80;
    }
    error->position += before;
}

static void fail_script(struct pg_session *session, struct buffer *out, struct kmb_error *error) {
    session->request.status = error->status;
    pg_request_end(session, false);
    place_error(session, error);
    pg_tell_error(session, out, PG_SEVERITY_ERROR, error);
    if (pg_leave_astray(session, out)) {
        pg_drop_script(session);
    } else {
        end_script(session, out, true);
    }
}

static struct slice part_of(const struct pg_session *session, size_t number) {
    struct script_part part;
    memcpy(&part, session->script_parts.bytes + number * sizeof(part), sizeof(part));
    return slice_make(session->script.bytes + part.first, part.length);
}

/* Prepares the next statement of the script. false: there is none, or it failed; then the message is over. */
static bool next_statement(struct pg_session *session, struct buffer *out) {
    struct kmb_error error;
    error_clear(&error);
    size_t count = session->script_parts.length / sizeof(struct script_part);
    enum kmb_status status = KMB_OK;
    struct slice text = session->script;
    if (atomic_load(&session->connection->terminated)) {
        pg_drop_script(session);
        return false;
    }
    if (session->script_next == 0) { /* of a text that does not scan, all is one statement, whose prepare tells why */
        status = sql_split(session->script, note_part, &session->script_parts, &error);
        count = session->script_parts.length / sizeof(struct script_part);
        if (status == KMB_OK && !buffer_ok(&session->script_parts)) {
            status = error_set(&error, KMB_NO_MEMORY, "out of memory");
        }
        for (size_t i = 0; status == KMB_OK && count > 1 && i < count; i++) { /* all parse, or nothing is done */
            text = part_of(session, i);
            status = sql_parse_check(session_host(session->inner), text, &error);
        }
        status = status == KMB_OK ? KMB_OK : session_fail_prepare(session->inner, status, &error);
    }
    if (status == KMB_OK && session->script_next == count) {
        if (count == 0) {
            pg_write_plain(out, PG_EMPTY_QUERY);
        }
        end_script(session, out, false);
        return false;
    }
    session->script_many = count > 1;
    if (status == KMB_OK) {
        text = part_of(session, session->script_next++);
    }
    session->statement_text = text;
    pg_request_begin(session, "query", text);
    if (status == KMB_OK && (status = pg_limit_request(session, &error)) != KMB_OK) {
        session_fail(session->inner);
    }
    if (status == KMB_OK) {
        status = statement_prepare(session->session, text, NULL, 0, &session->statement, &error);
        request_prepared(&session->source, &session->request);
    }
    if (status == KMB_OK && statement_parameter_count(session->statement) > 0) {
        status = error_set(&error, KMB_UNDEFINED_PARAMETER, "there is no parameter $1");
        status = session_fail_prepare(session->inner, status, &error);
    }
    if (status == KMB_OK && session->script_many && !session_in_transaction(session->inner)) {
        session->block_due = pg_control_of(session->statement) < 0;
    }
    if (status != KMB_OK) {
        fail_script(session, out, &error);
        return false;
    }
    session->row_limit = 0;
    session->row_count = 0;
    session->partial = false;
    session->described = false;
    return true;
}

bool pg_continue_script(struct pg_session *session, struct protocol_io *io) {
    while (session->task == PG_TASK_SCRIPT) {
        struct kmb_error error;
        error_clear(&error);
        enum kmb_status status = KMB_OK;
        if (session->statement == NULL && !next_statement(session, io->output)) {
            break;
        }
        if (!pg_begin_due(session, &status, &error)) {
            return false;
        }
        if (status != KMB_OK) {
            fail_script(session, io->output, &error);
            break;
        }
        enum pg_outcome outcome = pg_run(session, io, session->statement, true, &(struct pg_formats){0}, &error);
        if (outcome == PG_PAUSED) {
            return false;
        }
        if (outcome == PG_LOST) {
            pg_request_end(session, false);
            session->terminated = true;
            pg_drop_script(session);
            return true;
        }
        if (outcome == PG_FAILED && atomic_load(&session->connection->terminated)) { /* that is all that is told */
            pg_request_end(session, false);
            pg_drop_script(session);
            return true;
        }
        if (outcome == PG_FAILED) {
            fail_script(session, io->output, &error);
            break;
        }
        pg_request_end(session, true);
        finish_statement(session);
    }
    return true;
}

void pg_query(struct pg_session *session, struct protocol_io *io, struct slice text) {
    ASSERT(session->task == PG_TASK_NONE && session->statement == NULL);
    pg_drop_unnamed(session);
    if (!charge_take(session->peer->charge, text.length)) {
        struct kmb_error error;
        error_clear(&error);
        (void)charge_error(session->peer->charge, &error);
        pg_tell_error(session, io->output, PG_SEVERITY_ERROR, &error);
        session_fail(session->inner);
        pg_write_ready_now(session, io->output);
        return;
    }
    session->script_bytes = text.length;
    session->task = PG_TASK_SCRIPT;
    session->script_next = 0;
    session->script_many = false;
    buffer_clear(&session->script_memory);
    buffer_append_slice(&session->script_memory, text);
    session->script = buffer_slice(&session->script_memory);
    activity_query(session->server, &session->connection->activity, text);
}
