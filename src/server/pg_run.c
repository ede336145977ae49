/*
 * Running statements: rows, COPY in both directions, tags, and what a client is told of the session around them.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "engine/neighbours.h"
#include "server/internal.h"
#include "server/pg_internal.h"
#include "sql/plan/copy.h"
#include "types/utf8.h"

/* Of one CopyData message: far more than any client sends at once. */
#define COPY_MESSAGE_MAX ((size_t)64 << 20)

/* --- the session around --------------------------------------------------------------------------------------------
 */

void pg_write_warning(struct buffer *out, enum kmb_status status, const char *message) {
    pg_write_report(out, &(struct pg_report){.severity = PG_SEVERITY_WARNING, .status = status, .message = message});
}

void pg_tell_notifications(struct pg_session *session, struct buffer *out) {
    struct notification heard;
    struct notify_listener *listener = session_neighbours(session->inner)->notices;
    while (!session_in_transaction(session->inner) && notify_next(listener, &heard)) {
        pg_write_notification(out, (uint32_t)heard.session, slice_text(heard.channel), slice_text(heard.payload));
    }
}

void pg_write_ready_now(struct pg_session *session, struct buffer *out) {
    enum pg_status status = !session_in_transaction(session->inner) ? PG_IDLE
                            : session_failed(session->inner)        ? PG_IN_FAILED_BLOCK
                                                                    : PG_IN_BLOCK;
    pg_write_ready(out, status);
    session_forget_cancel(session->inner); /* it was meant for what is answered */
}

static void tell(struct buffer *out, const char *name, char *told, size_t size, const char *value, bool all) {
    if (all || strcmp(told, value) != 0) {
        snprintf(told, size, "%s", value);
        pg_write_parameter_status(out, name, value);
    }
}

static void tell_style(const struct pg_session *session, struct buffer *out, const char *name, bool all) {
    char now[32];
    char told[32];
    sql_style_text(session_settings(session->inner)->style, name, now, sizeof(now));
    sql_style_text(session->told_style, name, told, sizeof(told));
    if (all || strcmp(now, told) != 0) {
        pg_write_parameter_status(out, name, now);
    }
}

void pg_tell_settings(struct pg_session *session, struct buffer *out, bool all) {
    const struct sql_settings *settings = session_settings(session->inner);
    tell(out, "TimeZone", session->told_time_zone, sizeof(session->told_time_zone), settings->time_zone_name, all);
    if (all || !datetime_style_equal(session->told_style, settings->style)) {
        tell_style(session, out, "DateStyle", all);
        tell_style(session, out, "IntervalStyle", all);
        session->told_style = settings->style;
    }
    tell(out, "application_name", session->told_application_name, sizeof(session->told_application_name),
         settings->application_name, all);
    if (all || session->told_read_only != settings->default_read_only) {
        session->told_read_only = settings->default_read_only;
        pg_write_parameter_status(out, "default_transaction_read_only", settings->default_read_only ? "on" : "off");
    }
}

int pg_control_of(const kmb_statement *statement) {
    const struct plan_statement *plan = sql_statement_plan(statement_sql(statement));
    const struct plan_ddl *ddl = plan->ddl;
    return plan->kind == STATEMENT_TRANSACTION && ddl->kind == DDL_CONTROL ? ddl->control : -1;
}

bool pg_begin_due(struct pg_session *session, enum kmb_status *status, struct kmb_error *error) {
    *status = KMB_OK;
    if (!session->block_due) {
        return true;
    }
    if (session_pending(session->inner) != 0) {
        return false;
    }
    session->block_due = false;
    *status = session_begin_implicit(session->inner, error);
    return true;
}

enum kmb_status pg_end_implicit(struct pg_session *session, bool failed, struct kmb_error *error) {
    if (!session_is_implicit(session->inner)) {
        return KMB_OK;
    }
    if (failed) {
        return session_rollback(session->inner, error);
    }
    return session_commit(session->inner, NULL, NULL, error);
}

/* --- COPY FROM STDIN -----------------------------------------------------------------------------------------------
 */

struct copy_source {
    struct pg_session *session;
    struct protocol_io *io;
    struct slice rest; /* of the CopyData message at io->consumed, not yet given */
    size_t message;    /* its size; 0: none is begun */
    bool ended;
    bool lost;
    bool astray; /* the client sends what has no place within a COPY: nothing it says has a meaning any more */
};

/* The next message's frame at the place consumed so far, waiting for it. */
static enum kmb_status next_frame(struct copy_source *source, struct pg_frame *frame, struct kmb_error *error) {
    struct protocol_io *io = source->io;
    for (;;) {
        struct slice input = slice_make(io->input.bytes + io->consumed, io->input.length - io->consumed);
        enum pg_read read = pg_frame_read(input, COPY_MESSAGE_MAX, frame, error);
        if (read == PG_READ_WHOLE) {
            return pg_limit_copy(source->session, frame->size, error);
        }
        if (read != PG_READ_INCOMPLETE) {
            source->lost = true;
            return KMB_CONNECTION;
        }
        enum kmb_status status = pg_limit_memory(source->session, input, error);
        if (status != KMB_OK) {
            return status;
        }
        if (!io->more(io)) {
            source->lost = true;
            return error_set(error, KMB_CONNECTION, "unexpected EOF on client connection during COPY from stdin");
        }
    }
}

/* Takes the next message of a COPY. */
static enum kmb_status next_message(struct copy_source *source, struct kmb_error *error) {
    struct pg_frame frame;
    struct pg_message message;
    enum kmb_status status = next_frame(source, &frame, error);
    if (status != KMB_OK) {
        return status;
    }
    switch (frame.type) {
    case PG_COPY_DATA:
        source->rest = frame.body;
        source->message = frame.size;
        return KMB_OK;
    case PG_COPY_DONE:
        source->ended = true;
        break;
    case PG_COPY_FAIL:
        source->ended = true;
        status = pg_message_read(&frame, &message, error);
        if (status == KMB_OK) {
            status = error_set(error, KMB_CANCELLED, "COPY from stdin failed: %.*s", (int)message.as.text.length,
                               (const char *)message.as.text.bytes);
        }
        break;
    case PG_FLUSH:
    case PG_SYNC:
        break; /* as pipelined clients send them: nothing to do meanwhile */
    default:
        source->astray = true;
        return error_set(error, KMB_PROTOCOL, "unexpected message type 0x%02X during COPY from stdin",
                         (unsigned)frame.type);
    }
    source->io->consumed += frame.size;
    return status;
}

static enum kmb_status read_copy(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    struct copy_source *source = context;
    *count = 0;
    while (*count == 0 && !source->ended) {
        if (source->message == 0) {
            enum kmb_status status = next_message(source, error);
            if (status != KMB_OK) {
                return status;
            }
            continue;
        }
        size_t given = source->rest.length < size ? source->rest.length : size;
        if (given > 0) {
            memcpy(bytes, source->rest.bytes, given);
        }
        source->rest = slice_make(source->rest.bytes + given, source->rest.length - given);
        *count = given;
        if (source->rest.length == 0) {
            source->io->consumed += source->message;
            source->message = 0;
        }
    }
    return KMB_OK;
}

/* --- COPY TO STDOUT ------------------------------------------------------------------------------------------------
 */

static enum kmb_status write_copy(void *context, const void *bytes, size_t length, struct kmb_error *error) {
    struct protocol_io *io = context;
    pg_write_copy_data(io->output, slice_make(bytes, length));
    if (!buffer_ok(io->output)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (io->output->length >= PROTOCOL_OUTPUT_SOFT && !io->flush(io)) {
        return error_set(error, KMB_CONNECTION, "the client does not take the rows of COPY TO STDOUT");
    }
    return KMB_OK;
}

bool pg_leave_astray(struct pg_session *session, struct buffer *out) {
    struct kmb_error error;
    error_clear(&error);
    if (session->astray) {
        session->terminated = true;
        error_set(&error, KMB_PROTOCOL, "terminating connection because protocol synchronization was lost");
        pg_tell_error(session, out, PG_SEVERITY_FATAL, &error);
    }
    return session->astray;
}

static enum pg_outcome run_copy(struct pg_session *session, struct protocol_io *io, kmb_statement *statement,
                                struct kmb_error *error) {
    const struct plan_statement *plan = sql_statement_plan(statement_sql(statement));
    bool in = kmb_statement_copy(statement) == KMB_COPY_IN;
    struct copy_source source = {.session = session, .io = io};
    struct sql_copy copy = {
        .read = in ? read_copy : NULL,
        .write = in ? NULL : write_copy,
        .context = in ? (void *)&source : (void *)io,
        .by_row = true,
    };
    enum kmb_status status = statement_set_copy(statement, &copy, error);
    if (status == KMB_OK) {
        pg_write_copy_response(io->output, in ? PG_COPY_IN_RESPONSE : PG_COPY_OUT_RESPONSE,
                               plan->copy->binary ? PG_BINARY : PG_TEXT, (uint16_t)plan->copy->column_count);
        status = kmb_step(statement, error);
    }
    session->astray = session->astray || source.astray;
    if (status != KMB_DONE) {
        return source.lost ? PG_LOST : PG_FAILED;
    }
    if (in && source.message != 0) { /* "\." within a message: what is behind it has no meaning */
        io->consumed += source.message;
        source.message = 0;
    }
    while (in && !source.ended) {
        status = next_message(&source, error);
        if (status != KMB_OK) {
            session->astray = session->astray || source.astray;
            return source.lost ? PG_LOST : PG_FAILED;
        }
        io->consumed += source.message;
        source.message = 0;
    }
    if (!in) {
        pg_write_plain(io->output, PG_COPY_DONE);
    }
    pg_write_command_complete(io->output, slice_text(kmb_statement_tag(statement)));
    return PG_FINISHED;
}

/* A COPY holds its thread while it waits for its client: so many at a time, that others are served beside them. */
static enum pg_outcome lend_copy(struct pg_session *session, struct protocol_io *io, kmb_statement *statement,
                                 struct kmb_error *error) {
    if (!crew_lend(session->server)) {
        error_set(error, KMB_TOO_MANY_CONNECTIONS, "too many clients copy at a time");
        error_hint(error, "Try again when others are done.");
        session_fail(session->inner);
        return PG_FAILED;
    }
    enum pg_outcome outcome = run_copy(session, io, statement, error);
    statement_clear_copy(statement);
    crew_take_back(session->server);
    return outcome;
}

/* --- statements ----------------------------------------------------------------------------------------------------
 */

bool pg_gives_rows(const kmb_statement *statement) {
    return statement_column_count(statement) > 0 ||
           sql_statement_plan(statement_sql(statement))->kind == STATEMENT_QUERY;
}

/* BEGIN within a block, and COMMIT and ROLLBACK outside of one: a warning. *done: nothing else is to be done. */
static void warn_of_control(struct pg_session *session, struct buffer *out, const kmb_statement *statement,
                            bool *done) {
    int control = pg_control_of(statement);
    bool in_words = session_in_transaction(session->inner) && !session_is_implicit(session->inner);
    *done = control == SQL_CONTROL_BEGIN && in_words && !session_failed(session->inner);
    if (*done) {
        pg_write_warning(out, KMB_TRANSACTION_ACTIVE, "there is already a transaction in progress");
        pg_write_command_complete(out, slice_text(sql_statement_tag(statement_sql(statement))));
    }
}

/* The tag of a run that gave a part of the rows alone tells of that part, as PostgreSQL's does. */
void pg_write_tag(const struct pg_session *session, struct buffer *out, const kmb_statement *statement, bool part) {
    const char *tag = kmb_statement_tag(statement);
    const char *count = strrchr(tag, ' ');
    char partial[40];
    bool fetched = session->fetch != NULL && session->portal == session->fetch;
    bool counted = part && pg_gives_rows(statement) && count != NULL && count[1] >= '0' && count[1] <= '9';
    if (fetched || counted) {
        snprintf(partial, sizeof(partial), "%.*s %llu", fetched ? 6 : (int)(count - tag), fetched ? "SELECT" : tag,
                 (unsigned long long)session->row_count);
        tag = partial;
    }
    pg_write_command_complete(out, slice_text(tag));
}

/* Of the definitions that its columns are of. */
static uint64_t version_of(const kmb_statement *statement) {
    const struct catalogue *catalogue = sql_statement_catalogue(statement_sql(statement));
    return catalogue == NULL ? 0 : catalogue_version(catalogue);
}

enum pg_outcome pg_run(struct pg_session *session, struct protocol_io *io, kmb_statement *statement, bool describe,
                       const struct pg_formats *formats, struct kmb_error *error) {
    bool rows = pg_gives_rows(statement);
    bool done = false;
    bool outside = !session_in_transaction(session->inner) || session_is_implicit(session->inner);
    warn_of_control(session, io->output, statement, &done);
    if (done) {
        return PG_FINISHED;
    }
    if (session->row_count == 0 && session_waits(session->inner, statement_sql(statement))) {
        return PG_PAUSED;
    }
    if (kmb_statement_copy(statement) != KMB_COPY_NONE) {
        session->request.method = "copy";
        return lend_copy(session, io, statement, error);
    }
    struct datetime_context datetime = session_datetime(session->inner);
    for (;;) {
        if (session->row_limit != 0 && session->row_count == session->row_limit) {
            return PG_SUSPENDED;
        }
        uint64_t version = version_of(statement);
        enum kmb_status status = kmb_step(statement, error);
        if (session_parked(session->inner)) {
            error_clear(error);
            return PG_PAUSED;
        }
        if (status != KMB_ROW && status != KMB_DONE) {
            return PG_FAILED;
        }
        if (!describe && version != version_of(statement) && !pg_is_as_told(session, error)) { /* altered meanwhile */
            return PG_FAILED;
        }
        if (describe && rows && !session->described) {
            session->described = true;
            pg_describe_rows(io->output, statement, formats);
        }
        if (status == KMB_DONE) {
            break;
        }
        uint32_t row = 0;
        const struct batch *batch = statement_batch(statement, &row);
        pg_write_row(io->output, batch, row, formats, &datetime);
        session->row_count++;
        if (!buffer_ok(io->output)) {
            error_set(error, KMB_NO_MEMORY, "out of memory");
            return PG_FAILED;
        }
        if (io->output->length >= PROTOCOL_OUTPUT_SOFT) {
            return PG_PAUSED;
        }
    }
    int control = pg_control_of(statement);
    if (outside && (control == SQL_CONTROL_COMMIT || control == SQL_CONTROL_ROLLBACK)) {
        pg_write_warning(io->output, KMB_NO_TRANSACTION, "there is no transaction in progress");
    }
    pg_write_tag(session, io->output, statement, session->partial);
    return PG_FINISHED;
}
