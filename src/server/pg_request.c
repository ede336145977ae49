/*
 * Requests of a PostgreSQL session (server/request.h): a statement of a script, or one execution of a portal, from its
 * text to its tag.
 */
#include "base/assert.h"
#include "server/internal.h"
#include "server/pg_internal.h"

void pg_request_begin(struct pg_session *session, const char *method, struct slice text) {
    request_begin(&session->source, &session->request, method, text);
}

/* What the statement in hand has given or changed. */
static uint64_t rows_of(const struct pg_session *session) {
    const kmb_statement *statement = session->portal != NULL ? session->portal->statement : session->statement;
    return session->row_count > 0 || statement == NULL ? session->row_count : kmb_statement_rows(statement);
}

void pg_request_end(struct pg_session *session, bool succeeded) {
    struct request *request = &session->request;
    if (request->method == NULL) {
        return; /* the error was of a message that is no request */
    }
    request_done(&session->source, request, succeeded ? rows_of(session) : 0, succeeded);
}

void pg_tell_error(struct pg_session *session, struct buffer *out, enum pg_severity severity,
                   const struct kmb_error *error) {
    request_error(&session->source, severity >= PG_SEVERITY_FATAL, error);
    pg_write_error(out, severity, error);
}
