/*
 * The code of DO (sql/block.h), run step by step. Each step is a statement of the session like any other, within one
 * transaction: the open one, or one that is made for the code and committed behind it. A block with handlers is a place
 * to go back to.
 */
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
    unsigned depth;                  /* of blocks with handlers */
    bool returned;
};

static enum kmb_status run_steps(struct running *running, const struct block_step *step);

static enum kmb_status no_memory(struct running *running) {
    return error_set(running->error, KMB_NO_MEMORY, "out of memory");
}

/* An error of a part of the code is placed in the statement that holds it. */
static void place(struct running *running, const struct block_step *step, size_t before) {
    uint32_t inner = running->error->position;
    bool known = inner > before && step->position != 0;
    running->error->position = known ? step->position + inner - 1 - (uint32_t)before : 0;
}

/* The statement's first row is left standing; KMB_ROW or KMB_DONE. */
static enum kmb_status open_text(struct running *running, const char *before, struct slice text, const char *behind,
                                 kmb_statement **statement) {
    struct buffer sql = {0};
    *statement = NULL;
    buffer_append_text(&sql, before);
    buffer_append_slice(&sql, text);
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
static enum kmb_status run_text(struct running *running, const char *before, struct slice text, bool wants_rows) {
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
    enum kmb_status status = run_text(running, before, step->text, step->performs);
    if (status != KMB_OK) {
        place(running, step, strlen(before));
    }
    return status;
}

/* The value of an expression as text, appended; *null: it is NULL. */
static enum kmb_status append_value(struct running *running, struct slice expression, struct buffer *out, bool *null) {
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
    executed->status = run_text(executed->running, "", statement, true);
    return executed->status == KMB_OK;
}

static enum kmb_status run_execute(struct running *running, const struct block_step *step) {
    struct buffer sql = {0};
    bool null = false;
    enum kmb_status status = append_value(running, step->text, &sql, &null);
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
    enum kmb_status status = open_text(running, "SELECT (", step->text, "\n)::boolean", &statement);
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
        status = append_value(running, raise->values[value++], out, &null);
        if (null) {
            buffer_append_text(out, "<NULL>");
        }
    }
    return status == KMB_OK && !buffer_ok(out) ? no_memory(running) : status;
}

/* DETAIL or HINT, where it is given and no NULL. */
static enum kmb_status add_text(struct running *running, struct slice expression, struct kmb_error *told, bool hint) {
    struct buffer text = {0};
    bool null = false;
    if (expression.length == 0) {
        return KMB_OK;
    }
    enum kmb_status status = append_value(running, expression, &text, &null);
    const char *words = status == KMB_OK && !null ? buffer_text(&text) : NULL;
    if (words != NULL) {
        (void)(hint ? error_hint(told, "%s", words) : error_detail(told, "%s", words));
    }
    buffer_free(&text);
    return status;
}

static enum kmb_status run_raise(struct running *running, const struct block_step *step) {
    const struct block_raise *raise = step->raise;
    if (raise->again) {
        if (running->handled == NULL) {
            return error_set(running->error, KMB_SYNTAX,
                             "RAISE without parameters cannot be used outside an exception handler");
        }
        *running->error = *running->handled;
        return running->handled->status;
    }
    struct buffer message = {0};
    struct kmb_error told = {0};
    enum kmb_status status = format_message(running, raise, &message);
    if (status == KMB_OK) {
        error_set(&told, raise->status, "%.*s", (int)message.length, (const char *)message.bytes);
        status = add_text(running, raise->detail, &told, false);
    }
    if (status == KMB_OK) {
        status = add_text(running, raise->hint, &told, true);
    }
    buffer_free(&message);
    if (status != KMB_OK) {
        running->error->position = 0;
        return status;
    }
    const struct sql_host *host = session_host(running->session->session);
    if (raise->level == BLOCK_EXCEPTION) {
        *running->error = told;
        return told.status;
    }
    bool heard = raise->level != BLOCK_QUIET && host->notice != NULL &&
                 (host->settings->messages <= 0 || (raise->level == BLOCK_WARNING && host->settings->messages == 1));
    if (heard) {
        told.status = raise->level == BLOCK_WARNING ? KMB_WARNING : KMB_OK;
        host->notice(host->context, &told);
    }
    return KMB_OK;
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

static enum kmb_status run_handler(struct running *running, const struct block_step *block, enum kmb_status failed) {
    const struct block_handler *handler = block->handlers;
    while (handler != NULL && !block_handles(handler, failed)) {
        handler = handler->next;
    }
    if (handler == NULL) {
        return failed;
    }
    const struct kmb_error *before = running->handled;
    const struct kmb_error caught = *running->error;
    error_clear(running->error);
    if (failed == KMB_CANCELLED) {
        session_forget_cancel(running->session->session); /* it has ended what it was meant for */
    }
    running->handled = &caught;
    enum kmb_status status = run_steps(running, handler->steps);
    running->handled = before;
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
    struct running running = {.session = session, .error = error == NULL ? &local : error};
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
