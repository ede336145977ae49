/*
 * A cursor that SQL declared is a portal of that name: it is described, executed and closed as one. Execute is a FETCH
 * of as many rows, so the two ways can be mixed.
 */
#include <stdio.h>

#include "base/memory.h"
#include "server/internal.h"
#include "server/pg_internal.h"
#include "sql/cursor.h"

void pg_quote_name(struct buffer *text, struct slice name) {
    buffer_append_byte(text, '"');
    for (size_t i = 0; i < name.length; i++) {
        buffer_append(text, name.bytes + i, 1);
        if (name.bytes[i] == '"') {
            buffer_append_byte(text, '"');
        }
    }
    buffer_append_byte(text, '"');
}

bool pg_cursor_there(const struct pg_session *session, struct slice name) {
    const struct sql_cursor_list *list = session_host(session->inner)->cursors;
    return name.length > 0 && list != NULL && sql_cursor_find(list, name) != NULL;
}

static enum kmb_status prepare_of(struct pg_session *session, const char *words, struct slice name,
                                  kmb_statement **statement, struct kmb_error *error) {
    struct buffer text = {0};
    buffer_append_text(&text, words);
    pg_quote_name(&text, name);
    enum kmb_status status = buffer_ok(&text)
                                 ? statement_prepare(session->session, buffer_slice(&text), NULL, 0, statement, error)
                                 : error_set(error, KMB_NO_MEMORY, "out of memory");
    buffer_free(&text);
    return status;
}

enum kmb_status pg_cursor_fetch(struct pg_session *session, struct slice name, uint32_t count,
                                kmb_statement **statement, struct kmb_error *error) {
    char words[40] = "FETCH ALL FROM ";
    if (count > 0) {
        snprintf(words, sizeof(words), "FETCH FORWARD %u FROM ", count);
    }
    return prepare_of(session, words, name, statement, error);
}

void pg_cursor_close(struct pg_session *session, struct slice name) {
    kmb_statement *statement = NULL;
    if (prepare_of(session, "CLOSE ", name, &statement, NULL) == KMB_OK) {
        (void)kmb_step(statement, NULL);
    }
    kmb_finalize(statement);
}
