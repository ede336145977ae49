/*
 * Names of types in stored texts: which expressions are in the way of a type that goes, and how they follow one that
 * is called otherwise.
 */
#include <string.h>

#include "kernel/catalogue.h"
#include "sql/parse/parse.h"

struct naming {
    struct sql_context *context;
    const char *schema;
    const char *from;
    const char *to;
    const char *to_schema; /* NULL: the one it has */
};

/* The name of a TypeName that means the type; NULL for other messages. Without a schema it is in the default one. */
static PgQuery__String *type_name_of(ProtobufCMessage *message, const struct naming *naming) {
    if (message->descriptor != &pg_query__type_name__descriptor) {
        return NULL;
    }
    PgQuery__TypeName *name = (PgQuery__TypeName *)message;
    if (name->n_names == 0 || name->n_names > 2 ||
        name->names[name->n_names - 1]->node_case != PG_QUERY__NODE__NODE_STRING) {
        return NULL;
    }
    PgQuery__String *last = name->names[name->n_names - 1]->string;
    const char *schema = name->n_names == 2 ? name->names[0]->string->sval : CATALOGUE_SCHEMA_DEFAULT;
    return strcmp(last->sval, naming->from) == 0 && strcmp(schema, naming->schema) == 0 ? last : NULL;
}

static bool visit_names(ProtobufCMessage *message, void *context) {
    return type_name_of(message, context) == NULL;
}

/* A name of two parts, of which the first is that. */
static PgQuery__TypeName *type_name_in(struct sql_context *context, const char *schema) {
    PgQuery__Node *cast =
        parse_expression(context, sql_printf(context, "NULL::%s.x", parse_quote_name(context, schema)));
    return cast->type_cast->type_name;
}

static bool visit_rename(ProtobufCMessage *message, void *context) {
    const struct naming *naming = context;
    PgQuery__String *name = type_name_of(message, naming);
    if (name != NULL) {
        name->sval = sql_printf(naming->context, "%s", naming->to);
    }
    if (name != NULL && naming->to_schema != NULL) {
        PgQuery__TypeName *whole = (PgQuery__TypeName *)message;
        PgQuery__TypeName *spelled = type_name_in(naming->context, naming->to_schema);
        spelled->names[1] = whole->names[whole->n_names - 1];
        whole->names = spelled->names;
        whole->n_names = 2;
    }
    return true;
}

bool parse_names_type(PgQuery__Node *expression, const char *schema, const char *name) {
    struct naming naming = {.schema = schema, .from = name};
    return !parse_walk(&expression->base, visit_names, &naming);
}

bool parse_query_names_type(PgQuery__SelectStmt *select, const char *schema, const char *name) {
    struct naming naming = {.schema = schema, .from = name};
    return !parse_walk(&select->base, visit_names, &naming);
}

void parse_rename_type(struct sql_context *context, PgQuery__Node *expression, const char *schema, const char *from,
                       const char *to, const char *to_schema) {
    struct naming naming = {.context = context, .schema = schema, .from = from, .to = to, .to_schema = to_schema};
    (void)parse_walk(&expression->base, visit_rename, &naming);
}
