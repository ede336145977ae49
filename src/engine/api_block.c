/*
 * The code of DO (sql/block.h), run step by step. Each step is a statement of the session like any other, within one
 * transaction: the open one, or one that is made for the code and committed behind it. A block with handlers is a place
 * to go back to.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "engine/api_internal.h"
#include "engine/neighbours.h"
#include "engine/statement.h"
#include "sql/block.h"

struct running {
    struct kmb_session *session;
    struct kmb_error *error;
    const struct kmb_error *handled; /* the exception whose handler runs; NULL: none */
    const char *state;               /* its SQLSTATE */
    const char *raised;              /* what RAISE said of the last KMB_RAISED, which has no SQLSTATE of its own */
    unsigned depth;                  /* of blocks with handlers */
    bool returned;
};

static enum kmb_status run_steps(struct running *running, const struct block_step *step);

static enum kmb_status no_memory(struct running *running) {
    return error_set(running->error, KMB_NO_MEMORY, "out of memory");
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

/* What stands for SQLERRM or SQLSTATE. */
static void append_mark(const struct running *running, const struct block_mark *mark, struct buffer *sql) {
    const char *value = mark->state ? running->state : running->handled->message;
    buffer_append_text(sql, "'");
    for (; *value != 0; value++) {
        buffer_append(sql, value, 1);
        if (*value == '\'') {
            buffer_append(sql, value, 1);
        }
    }
    buffer_append_text(sql, "'::text");
}

static void append_text(const struct running *running, const struct block_text *text, struct buffer *sql) {
    size_t from = 0;
    for (uint32_t i = 0; i < text->mark_count; i++) {
        const struct block_mark *mark = &text->marks[i];
        buffer_append(sql, text->text.bytes + from, mark->offset - from);
        append_mark(running, mark, sql);
        from = mark->offset + mark->length;
    }
    buffer_append(sql, text->text.bytes + from, text->text.length - from);
}

static uint32_t characters(struct slice text) {
    uint32_t count = 0;
    for (size_t i = 0; i < text.length; i++) {
        count += (text.bytes[i] & 0xc0u) != 0x80u;
    }
    return count;
}

/* A character, from 0, of the text as it was run: where it is in the text as it was written. */
static uint32_t place_written(const struct running *running, const struct block_text *text, uint32_t at) {
    uint32_t grown = 0; /* what stands for a mark may be shorter: counted modulo 2^32 */
    for (uint32_t i = 0; i < text->mark_count; i++) {
        struct buffer value = {0};
        append_mark(running, &text->marks[i], &value);
        uint32_t length = characters(buffer_slice(&value));
        buffer_free(&value);
        uint32_t start = characters(slice_make(text->text.bytes, text->marks[i].offset));
        if (at < start + grown + length) {
            return at < start + grown ? at - grown : start;
        }
        grown += length - text->marks[i].length;
    }
    return at - grown;
}

/* An error of a part of the code is placed in the statement that holds it. */
static void place(struct running *running, const struct block_step *step, size_t before) {
    uint32_t inner = running->error->position;
    bool known = inner > before && step->position != 0;
    running->error->position =
        known ? step->position + place_written(running, &step->text, inner - 1 - (uint32_t)before) : 0;
}

/* The statement's first row is left standing; KMB_ROW or KMB_DONE. */
static enum kmb_status open_text(struct running *running, const char *before, const struct block_text *text,
                                 const char *behind, kmb_statement **statement) {
    struct buffer sql = {0};
    *statement = NULL;
    buffer_append_text(&sql, before);
    append_text(running, text, &sql);
    buffer_append_text(&sql, behind);
    if (!buffer_ok(&sql)) {
        buffer_free(&sql);
        return no_memory(running);
    }
    enum kmb_status status =
        statement_prepare(running->session, buffer_slice(&sql), NULL, 0, statement, running->error);
    if (status == KMB_OK && *statement != NULL) {
        const enum plan_statement_kind kind = sql_statement_kind(statement_sql(*statement));
        status =
            kind == STATEMENT_TRANSACTION || kind == STATEMENT_COPY || kmb_statement_copy(*statement) != KMB_COPY_NONE
                ? error_set(running->error, KMB_UNSUPPORTED, "%s in the code of DO is not supported",
                            sql_statement_tag(statement_sql(*statement)))
                : kmb_step(*statement, running->error);
    }
    buffer_free(&sql);
    return *statement == NULL && status == KMB_OK ? KMB_DONE : status;
}

/* Runs a statement to its end; rows are refused unless they are wanted. */
static enum kmb_status run_text(struct running *running, const char *before, const struct block_text *text,
                                bool wants_rows) {
    kmb_statement *statement = NULL;
    enum kmb_status status = open_text(running, before, text, "", &statement);
    bool gives = statement != NULL && kmb_column_count(statement) > 0;
    while (status == KMB_ROW) {
        status = kmb_step(statement, running->error);
    }
    kmb_finalize(statement);
    if (status == KMB_DONE && gives && !wants_rows) {
        status = error_set(running->error, KMB_SYNTAX, "query has no destination for result data");
        error_hint(running->error, "If you want to discard the results of a SELECT, use PERFORM instead.");
    }
    return status == KMB_DONE ? KMB_OK : status;
}

static enum kmb_status run_sql(struct running *running, const struct block_step *step) {
    const char *before = step->performs ? "SELECT " : "";
    enum kmb_status status = run_text(running, before, &step->text, step->performs);
    if (status != KMB_OK) {
        place(running, step, strlen(before));
    }
    return status;
}

/* The value of an expression as text, appended; *null: it is NULL. */
static enum kmb_status append_value(struct running *running, const struct block_text *expression, struct buffer *out,
                                    bool *null) {
    kmb_statement *statement = NULL;
    enum kmb_status status = open_text(running, "SELECT (", expression, "\n)", &statement);
    if (status == KMB_ROW) {
        size_t length = 0;
        const char *text = kmb_column_text(statement, 0, &length);
        *null = kmb_column_is_null(statement, 0);
        if (text != NULL) {
            buffer_append(out, text, length);
        }
        status = (text == NULL && !*null) || !buffer_ok(out) ? no_memory(running) : KMB_OK;
    }
    kmb_finalize(statement);
    return status;
}

struct executed {
    struct running *running;
    enum kmb_status status;
};

static bool execute_one(void *context, struct slice statement, size_t offset) {
    struct executed *executed = context;
    (void)offset;
    executed->status = run_text(executed->running, "", &(struct block_text){.text = statement}, true);
    return executed->status == KMB_OK;
}

static enum kmb_status run_execute(struct running *running, const struct block_step *step) {
    struct buffer sql = {0};
    bool null = false;
    enum kmb_status status = append_value(running, &step->text, &sql, &null);
    if (status != KMB_OK) {
        place(running, step, strlen("SELECT ("));
    } else if (null) {
        status = error_set(running->error, KMB_NULL_NOT_ALLOWED, "query string argument of EXECUTE is null");
    } else {
        struct executed executed = {.running = running};
        status = sql_split(buffer_slice(&sql), execute_one, &executed, running->error);
        status = status == KMB_OK ? executed.status : status;
        running->error->position = 0; /* in a text that nobody has written */
    }
    buffer_free(&sql);
    return status;
}

static enum kmb_status run_if(struct running *running, const struct block_step *step) {
    kmb_statement *statement = NULL;
    enum kmb_status status = open_text(running, "SELECT (", &step->text, "\n)::boolean", &statement);
    bool holds = status == KMB_ROW && !kmb_column_is_null(statement, 0) && kmb_column_bool(statement, 0);
    kmb_finalize(statement);
    if (status != KMB_ROW && status != KMB_DONE) {
        place(running, step, strlen("SELECT ("));
        return status;
    }
    return run_steps(running, holds ? step->inner : step->otherwise);
}

/* --- RAISE -------------------------------------------------------------------------------------------------------- */

/* The format with a value in place of each %. */
static enum kmb_status format_message(struct running *running, const struct block_raise *raise, struct buffer *out) {
    enum kmb_status status = KMB_OK;
    uint32_t value = 0;
    for (size_t i = 0; i < raise->format.length && status == KMB_OK; i++) {
        const uint8_t *at = raise->format.bytes + i;
        bool twice = *at == '%' && i + 1 < raise->format.length && at[1] == '%';
        if (*at != '%' || twice) {
            buffer_append(out, at, 1);
            i += twice;
            continue;
        }
        bool null = false;
        status = append_value(running, &raise->values[value++], out, &null);
        if (null) {
            buffer_append_text(out, "<NULL>");
        }
    }
    return status == KMB_OK && !buffer_ok(out) ? no_memory(running) : status;
}

static enum kmb_status option_text(struct running *running, const struct block_text *expression, struct buffer *text) {
    bool null = false;
    enum kmb_status status = append_value(running, expression, text, &null);
    if (status == KMB_OK && null) {
        status = error_set(running->error, KMB_NULL_NOT_ALLOWED, "RAISE statement option cannot be null");
    }
    return status != KMB_OK || buffer_text(text) != NULL ? status : no_memory(running);
}

/* What USING says beside the message; of a type there is no place in an error. */
static enum kmb_status add_options(struct running *running, const struct block_raise *raise, struct kmb_error *told) {
    struct buffer texts[BLOCK_OPTION_COUNT] = {0};
    enum kmb_status status = KMB_OK;
    for (size_t i = BLOCK_OPTION_DETAIL; i < BLOCK_OPTION_COUNT && status == KMB_OK; i++) {
        if (raise->options[i].text.length > 0) {
            status = option_text(running, &raise->options[i], &texts[i]);
        }
    }
    if (status == KMB_OK) {
        struct error_about about = {.schema = buffer_slice(&texts[BLOCK_OPTION_SCHEMA]),
                                    .table = buffer_slice(&texts[BLOCK_OPTION_TABLE]),
                                    .column = buffer_slice(&texts[BLOCK_OPTION_COLUMN]),
                                    .constraint = buffer_slice(&texts[BLOCK_OPTION_CONSTRAINT])};
        error_about(told, &about);
        if (texts[BLOCK_OPTION_DETAIL].length > 0) {
            error_detail(told, "%s", buffer_text(&texts[BLOCK_OPTION_DETAIL]));
        }
        if (texts[BLOCK_OPTION_HINT].length > 0) {
            error_hint(told, "%s", buffer_text(&texts[BLOCK_OPTION_HINT]));
        }
    }
    for (size_t i = 0; i < BLOCK_OPTION_COUNT; i++) {
        buffer_free(&texts[i]);
    }
    return status;
}

static enum kmb_status add_message(struct running *running, const struct block_raise *raise, struct kmb_error *told) {
    struct buffer message = {0};
    const struct block_text *given = &raise->options[BLOCK_OPTION_MESSAGE];
    enum kmb_status status =
        given->text.length > 0 ? option_text(running, given, &message) : format_message(running, raise, &message);
    if (status == KMB_OK) {
        error_set(told, raise->status, "%.*s", (int)message.length, (const char *)message.bytes);
    }
    buffer_free(&message);
    return status;
}

/* What a notice of a level is, and up to which client_min_messages it is told. */
static const struct {
    enum kmb_status status;
    int messages;
} levels[] = {
    [BLOCK_WARNING] = {KMB_WARNING, 1}, [BLOCK_NOTICE] = {KMB_OK, 0},    [BLOCK_INFO] = {KMB_INFO, INT_MAX},
    [BLOCK_LOG] = {KMB_LOG, -1},        [BLOCK_DEBUG] = {KMB_DEBUG, -2},
};

static enum kmb_status run_raise(struct running *running, const struct block_step *step) {
    const struct block_raise *raise = step->raise;
    if (raise->again) {
        if (running->handled == NULL) {
            return error_set(running->error, KMB_SYNTAX,
                             "RAISE without parameters cannot be used outside an exception handler");
        }
        *running->error = *running->handled;
        running->raised = running->state;
        return running->handled->status;
    }
    struct kmb_error told = {0};
    enum kmb_status status = add_message(running, raise, &told);
    status = status == KMB_OK ? add_options(running, raise, &told) : status;
    if (status != KMB_OK) {
        running->error->position = 0;
        return status;
    }
    const struct sql_host *host = session_host(running->session->session);
    if (raise->level == BLOCK_EXCEPTION) {
        *running->error = told;
        running->raised = raise->state;
        return told.status;
    }
    if (host->notice != NULL && host->settings->messages <= levels[raise->level].messages) {
        told.status = levels[raise->level].status;
        host->notice(host->context, &told);
    }
    return KMB_OK;
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

static enum kmb_status run_handler(struct running *running, const struct block_step *block, enum kmb_status failed) {
    const struct block_handler *handler = block->handlers;
    const char *state = failed == KMB_RAISED ? running->raised : status_row_of(failed)->sqlstate;
    while (handler != NULL && !block_handles(handler, state)) {
        handler = handler->next;
    }
    if (handler == NULL) {
        return failed;
    }
    const struct kmb_error *before = running->handled;
    const char *state_before = running->state;
    const struct kmb_error caught = *running->error;
    error_clear(running->error);
    if (failed == KMB_CANCELLED) {
        session_forget_cancel(running->session->session); /* it has ended what it was meant for */
    }
    running->handled = &caught;
    running->state = state;
    running->raised = status_row_of(KMB_RAISED)->sqlstate;
    enum kmb_status status = run_steps(running, handler->steps);
    running->handled = before;
    running->state = state_before;
    return status;
}

static enum kmb_status run_nested(struct running *running, const struct block_step *block) {
    struct session *session = running->session->session;
    char name[32];
    if (block->handlers == NULL) {
        return run_steps(running, block->inner);
    }
    snprintf(name, sizeof(name), "block %u of DO", ++running->depth);
    enum kmb_status status = session_place(session, SESSION_SAVEPOINT_SET, name, running->error);
    if (status != KMB_OK) {
        running->depth--;
        return status;
    }
    enum kmb_status inner = run_steps(running, block->inner);
    struct kmb_error told = *running->error;
    if (inner != KMB_OK) {
        status = session_place(session, SESSION_SAVEPOINT_ROLLBACK, name, running->error);
    }
    if (status == KMB_OK) {
        status = session_place(session, SESSION_SAVEPOINT_RELEASE, name, running->error);
    }
    running->depth--;
    if (status == KMB_OK && inner != KMB_OK) {
        *running->error = told;
        status = run_handler(running, block, inner);
    }
    return status;
}

static enum kmb_status run_step(struct running *running, const struct block_step *step) {
    switch (step->kind) {
    case BLOCK_SQL:
        return run_sql(running, step);
    case BLOCK_EXECUTE:
        return run_execute(running, step);
    case BLOCK_IF:
        return run_if(running, step);
    case BLOCK_RAISE:
        return run_raise(running, step);
    case BLOCK_NESTED:
        return run_nested(running, step);
    case BLOCK_RETURN:
        break;
    }
    running->returned = true;
    return KMB_OK;
}

static enum kmb_status run_steps(struct running *running, const struct block_step *step) {
    enum kmb_status status = KMB_OK;
    for (; step != NULL && status == KMB_OK && !running->returned; step = step->next) {
        status = session_interrupted(running->session->session, running->error);
        status = status == KMB_OK ? run_step(running, step) : status;
    }
    return status;
}

enum kmb_status api_block_run(struct kmb_session *session, const struct block_step *block, struct kmb_error *error) {
    struct session *inner = session->session;
    struct kmb_error local = {0};
    struct running running = {
        .session = session, .error = error == NULL ? &local : error, .raised = status_row_of(KMB_RAISED)->sqlstate};
    bool own = !session_in_transaction(inner);
    if (session_failed(inner)) {
        return kmb_exec(session, "SELECT 1", running.error); /* 25P02 */
    }
    enum kmb_status status = own ? session_begin_implicit(inner, running.error) : KMB_OK;
    if (status != KMB_OK) {
        return status;
    }
    bool nested = session_nest(inner, true);
    status = run_steps(&running, block);
    session_nest(inner, nested);
    if (status != KMB_OK) {
        session_fail(inner);
    }
    if (own) {
        struct kmb_error failed = *running.error;
        bool rolled_back = false;
        enum kmb_status ended =
            status == KMB_OK ? session_commit(inner, &rolled_back, NULL, running.error) : session_rollback(inner, NULL);
        if (status == KMB_OK) {
            status = ended;
        } else {
            *running.error = failed;
        }
    }
    return status;
}
