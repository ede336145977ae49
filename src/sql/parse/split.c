/*
 * Finding the statements of a script, with PostgreSQL's scanner, so that a ';' in a string, a dollar quote, a quoted
 * name, a comment or a parenthesis separates nothing.
 */
#include "base/assert.h"
#include "sql/parse/scan.h"
#include "sql/sql.h"

#define TOKEN(name) PG_QUERY__TOKEN__##name

static const struct sql_settings split_settings; /* no budget: the script is in memory already */

/* The script's tokens without comments, in the context's arena; NULL where it does not scan. */
static PgQuery__ScanResult *split_scan(struct sql_context *context, struct slice script) {
    char *text = sql_alloc(context, script.length + 1);
    if (script.length > 0) {
        memcpy(text, script.bytes, script.length);
    }
    text[script.length] = 0;
    context->text = text;
    context->text_length = script.length;
    PgQuery__ScanResult *scan = scan_tokens(context, text);
    size_t count = 0;
    for (size_t i = 0; i < scan->n_tokens; i++) {
        if (scan->tokens[i]->token != TOKEN(SQL_COMMENT) && scan->tokens[i]->token != TOKEN(C_COMMENT)) {
            scan->tokens[count++] = scan->tokens[i];
        }
    }
    scan->n_tokens = count;
    return scan;
}

struct split {
    PgQuery__ScanResult *scan;
    size_t at;
    int depth;
};

/* The next statement: from its first token's start to its separator, or to the end of the script. */
static bool split_next(struct split *split, struct slice script, size_t *from, size_t *to) {
    bool any = false;
    for (; split->at < split->scan->n_tokens; split->at++) {
        const PgQuery__ScanToken *token = split->scan->tokens[split->at];
        if (token->token == TOKEN(ASCII_59) && split->depth <= 0) {
            if (any) {
                *to = (size_t)token->start;
                split->at++;
                split->depth = 0;
                return true;
            }
            continue;
        }
        split->depth += token->token == TOKEN(ASCII_40);
        split->depth -= token->token == TOKEN(ASCII_41);
        if (!any) {
            *from = (size_t)token->start;
            any = true;
        }
    }
    *to = script.length;
    return any;
}

static struct slice split_trimmed(struct slice script, size_t from, size_t to) {
    while (to > from && (script.bytes[to - 1] == ' ' || script.bytes[to - 1] == '\n' || script.bytes[to - 1] == '\t' ||
                         script.bytes[to - 1] == '\r')) {
        to--;
    }
    return slice_make(script.bytes + from, to - from);
}

enum kmb_status sql_split(struct slice script, sql_split_fn *each, void *context, struct kmb_error *error) {
    if (script.length > INT32_MAX / 2) {
        return error_set(error, KMB_LIMIT, "script of %zu bytes is too long to split", script.length);
    }
    bool whole = script.length > 0 && memchr(script.bytes, 0, script.length) != NULL; /* its prepare tells of the NUL */
    struct sql_context own;
    sql_context_init(&own, &split_settings, NULL);
    struct split *volatile split = NULL;
    volatile enum kmb_status status = KMB_OK;
    SQL_GUARD(&own) {
        if (!whole) {
            struct split *made = sql_alloc_zero(&own, 1, sizeof(*made));
            made->scan = split_scan(&own, script);
            split = made;
        }
    }
    SQL_CAUGHT {
        status = own.status;
    }
    own.guarded = false;
    if (status == KMB_NO_MEMORY) {
        status = error_set(error, status, "out of memory");
    } else if (status != KMB_OK || whole) { /* what cannot be scanned is told by its prepare */
        status = KMB_OK;
        (void)each(context, script, 0);
    } else {
        size_t from = 0;
        size_t to = 0;
        while (split_next(split, script, &from, &to) && each(context, split_trimmed(script, from, to), from)) {
        }
    }
    sql_context_free(&own);
    return status;
}

bool sql_incomplete(struct slice script) {
    struct sql_context own;
    struct kmb_error error = {0};
    if (script.length > INT32_MAX / 2 || (script.length > 0 && memchr(script.bytes, 0, script.length) != NULL)) {
        return false;
    }
    sql_context_init(&own, &split_settings, &error);
    volatile bool incomplete = false;
    SQL_GUARD(&own) {
        const PgQuery__ScanResult *scan = split_scan(&own, script);
        int depth = 0;
        for (size_t i = 0; i < scan->n_tokens; i++) {
            depth += scan->tokens[i]->token == TOKEN(ASCII_40);
            depth -= scan->tokens[i]->token == TOKEN(ASCII_41);
        }
        incomplete = scan->n_tokens > 0 && (depth > 0 || scan->tokens[scan->n_tokens - 1]->token != TOKEN(ASCII_59));
    }
    SQL_CAUGHT {
        incomplete = strncmp(error.message, "unterminated", 12) == 0;
    }
    own.guarded = false;
    sql_context_free(&own);
    return incomplete;
}
