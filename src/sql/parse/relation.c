/*
 * Names of relations that stand in texts: nextval('s'), 's'::regclass.
 *
 * PostgreSQL keeps such a name as the object's number, so that a default follows its sequence through a renaming and
 * stands in the way of its drop. Here a default is text: its tree is searched for the name, and written anew.
 */
#include "sql/parse/parse.h"

#include "base/assert.h"
#include "sql/path.h"

/* Letters, digits and _ in lower case, and no keyword that means something else. */
static bool name_is_plain(struct sql_context *context, const char *name) {
    for (const char *c = name; *c != 0; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || *c == '_';
        if (!letter && (c == name || *c < '0' || *c > '9')) {
            return false;
        }
    }
    if (name[0] == 0) {
        return false;
    }
    const PgQuery__ScanResult *scan = scan_tokens(context, name);
    return scan->n_tokens == 1 && (scan->tokens[0]->keyword_kind == PG_QUERY__KEYWORD_KIND__NO_KEYWORD ||
                                   scan->tokens[0]->keyword_kind == PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD);
}

const char *parse_quote_text(struct sql_context *context, const char *text) {
    char *quoted = sql_alloc(context, strlen(text) * 2 + 3);
    char *out = quoted;
    *out++ = '\'';
    for (const char *in = text; *in != 0; in++) {
        if (*in == '\'') {
            *out++ = '\'';
        }
        *out++ = *in;
    }
    *out++ = '\'';
    *out = 0;
    return quoted;
}

const char *parse_quote_name(struct sql_context *context, const char *name) {
    if (name_is_plain(context, name)) {
        return name;
    }
    char *quoted = sql_alloc(context, strlen(name) * 2 + 3);
    char *out = quoted;
    *out++ = '"';
    for (const char *c = name; *c != 0; c++) {
        if (*c == '"') {
            *out++ = '"';
        }
        *out++ = *c;
    }
    *out++ = '"';
    *out = 0;
    return quoted;
}

static _Noreturn void raise_invalid_name(struct sql_context *context) {
    sql_raise(context, KMB_INVALID_NAME, 0, "invalid name syntax");
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* One identifier at *at, which is moved behind it and the blanks around it. */
static const char *take_identifier(struct sql_context *context, const char **at) {
    const char *c = *at;
    while (is_blank(*c)) {
        c++;
    }
    char *name = sql_alloc(context, strlen(c) + 1);
    char *out = name;
    if (*c == '"') {
        for (c++; *c != 0 && (*c != '"' || c[1] == '"'); c++) {
            c += *c == '"';
            *out++ = *c;
        }
        if (*c != '"') {
            raise_invalid_name(context);
        }
        c++;
    } else {
        while (*c != 0 && *c != '.' && *c != '"' && !is_blank(*c)) {
            *out++ = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
            c++;
        }
    }
    while (is_blank(*c)) {
        c++;
    }
    *out = 0;
    if (out == name || (*c != 0 && *c != '.')) {
        raise_invalid_name(context);
    }
    *at = c;
    return name;
}

void parse_relation_name(struct sql_context *context, struct slice text, const char **schema, const char **name) {
    const char *at = sql_printf(context, "%.*s", (int)text.length, (const char *)text.bytes);
    *schema = "";
    *name = take_identifier(context, &at);
    for (int names = 1; *at == '.'; names++) {
        if (names > 2 || (names == 2 && strcmp(*schema, sql_database(context)) != 0)) {
            sql_raise(context, KMB_UNSUPPORTED, 0, "cross-database references are not implemented: %.*s",
                      (int)text.length, (const char *)text.bytes);
        }
        at++;
        *schema = *name;
        *name = take_identifier(context, &at);
    }
}

/* --- in expressions --- */

static bool is_string(const PgQuery__Node *node) {
    return node != NULL && node->node_case == PG_QUERY__NODE__NODE_A_CONST &&
           node->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL && !node->a_const->isnull;
}

static const char *last_name(PgQuery__Node *const *names, size_t count) {
    return count == 0 || names[count - 1]->node_case != PG_QUERY__NODE__NODE_STRING ? ""
                                                                                    : names[count - 1]->string->sval;
}

/* The place of a call's argument that is a sequence's name as a plain literal; NULL for other messages. */
static PgQuery__Node **bare_argument(ProtobufCMessage *message) {
    if (message->descriptor != &pg_query__func_call__descriptor) {
        return NULL;
    }
    PgQuery__FuncCall *call = (PgQuery__FuncCall *)message;
    const char *name = last_name(call->funcname, call->n_funcname);
    bool such = strcmp(name, "nextval") == 0 || strcmp(name, "currval") == 0 || strcmp(name, "setval") == 0;
    return such && call->n_args > 0 && is_string(call->args[0]) ? &call->args[0] : NULL;
}

PgQuery__String *parse_relation_literal(ProtobufCMessage *message) {
    PgQuery__Node **argument = bare_argument(message);
    if (argument != NULL) {
        return (*argument)->a_const->sval;
    }
    if (message->descriptor != &pg_query__type_cast__descriptor) {
        return NULL;
    }
    PgQuery__TypeCast *cast = (PgQuery__TypeCast *)message;
    bool such = cast->type_name != NULL && is_string(cast->arg) &&
                strcmp(last_name(cast->type_name->names, cast->type_name->n_names), "regclass") == 0;
    return such ? cast->arg->a_const->sval : NULL;
}

static bool visit_spell(ProtobufCMessage *message, void *object) {
    PgQuery__Node **argument = bare_argument(message);
    if (argument != NULL) {
        PgQuery__Node *cast = parse_expression(object, "''::regclass");
        ASSERT(cast->node_case == PG_QUERY__NODE__NODE_TYPE_CAST);
        cast->type_cast->arg = *argument;
        *argument = cast;
    }
    return true;
}

void parse_spell_sequences(struct sql_context *context, ProtobufCMessage *tree) {
    (void)parse_walk(tree, visit_spell, context);
}
