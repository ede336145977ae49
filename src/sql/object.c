/*
 * The values of regclass and its kin are made where the catalogue is known and carry the name with them, so nothing
 * asks the catalogue to print one. They are never stored: an object that is renamed would keep its old name there.
 */
#include "sql/object.h"

#include "base/assert.h"
#include "base/codec.h"
#include "sql/exec/catalogue.h"
#include "sql/parse/parse.h"
#include "sql/path.h"
#include "sql/type_text.h"

int64_t sql_object_oid(struct slice label) {
    return (int64_t)codec_get_u64_big(label.bytes);
}

/* --- of a number --- */

static const char *relation_text(struct sql_context *context, const struct catalogue *catalogue, int64_t oid) {
    struct sql_relation found;
    const struct catalogue_relation *made = catalogue_relation_of_oid(oid);
    if (made != NULL) {
        const struct sql_path *path = sql_path_of(context);
        bool shown = false;
        for (uint32_t i = 0; i < path->count; i++) {
            shown = shown || strcmp(path->names[i], made->schema) == 0;
        }
        return shown ? made->name : sql_printf(context, "%s.%s", made->schema, made->name);
    }
    return catalogue_table_of_oid(catalogue, oid, &found)
               ? sql_path_text(context, catalogue, found.table->schema_name, sql_relation_name(&found))
               : NULL;
}

static const char *role_text(struct sql_context *context, const struct catalogue *catalogue, int64_t oid) {
    struct slice user;
    return catalogue_role_of_oid(context, catalogue, oid, &user)
               ? parse_quote_name(context, sql_printf(context, "%.*s", (int)user.length, (const char *)user.bytes))
               : NULL;
}

/* abs(integer) */
static const char *procedure_text(struct sql_context *context, int64_t oid) {
    const struct sql_function *function = catalogue_function_of(oid);
    if (function == NULL) {
        return catalogue_function_of_oid(oid);
    }
    const char *text = sql_printf(context, "%s(", parse_quote_name(context, function->name));
    for (uint32_t i = 0; i < function->argument_count; i++) {
        text = sql_printf(context, "%s%s%s", text, i == 0 ? "" : ",",
                          sql_type_text(context, type_make(function->arguments[i])));
    }
    return sql_printf(context, "%s)", text);
}

/* PostgreSQL's types of no values, which programs compare others with. */
static const struct {
    const char *name;
    int64_t oid;
} pseudo_types[] = {{"record", 2249},
                    {"cstring", 2275},
                    {"any", 2276},
                    {"anyarray", 2277},
                    {"void", 2278},
                    {"trigger", 2279},
                    {"language_handler", 2280},
                    {"internal", 2281},
                    {"anyelement", 2283},
                    {"anynonarray", 2776},
                    {"anyenum", 3500},
                    {"event_trigger", 3838},
                    {"anycompatible", 5077},
                    {"anycompatiblearray", 5078},
                    {"anycompatiblenonarray", 5079}};

const char *sql_pseudo_type_text(struct sql_context *context, int64_t oid) {
    for (size_t i = 0; i < ARRAY_LENGTH(pseudo_types); i++) {
        if (pseudo_types[i].oid == oid) {
            return parse_quote_name(context, pseudo_types[i].name);
        }
    }
    return NULL;
}

static const char *object_text(struct sql_context *context, const struct catalogue *catalogue, enum type_id type,
                               int64_t oid) {
    struct type of;
    const char *schema;
    if (oid == 0) {
        return type == TYPE_REGOPERATOR ? "0" : "-"; /* as PostgreSQL has it */
    }
    switch (type) {
    case TYPE_REGCLASS:
        return relation_text(context, catalogue, oid);
    case TYPE_REGTYPE:
        return !catalogue_type_of_oid(catalogue, oid, &of) ? sql_pseudo_type_text(context, oid)
                                                           : sql_type_text(context, of);
    case TYPE_REGPROC:
        return catalogue_function_of_oid(oid);
    case TYPE_REGPROCEDURE:
        return procedure_text(context, oid);
    case TYPE_REGOPERATOR: /* operators have no numbers here */
        return NULL;
    case TYPE_REGNAMESPACE:
        schema = catalogue_schema_of_oid(context, catalogue, oid);
        return schema == NULL ? NULL : parse_quote_name(context, schema);
    default:
        return role_text(context, catalogue, oid);
    }
}

struct value sql_object_of_oid(struct sql_context *context, const struct catalogue *catalogue, enum type_id type,
                               int64_t oid, struct arena *arena) {
    char digits[24];
    const char *text = object_text(context, catalogue, type, oid);
    size_t length = text == NULL ? value_format_integer(oid, digits) : strlen(text);
    uint8_t *bytes = arena_alloc(arena, VALUE_LABEL_PLACE + length);
    if (bytes == NULL) {
        sql_raise(context, KMB_NO_MEMORY, 0, "out of memory");
    }
    codec_put_u64_big(bytes, (uint64_t)oid);
    memcpy(bytes + VALUE_LABEL_PLACE, text == NULL ? digits : text, length);
    return value_bytes(type, slice_make(bytes, VALUE_LABEL_PLACE + length));
}

/* --- of a text --- */

static bool find_relation(struct sql_context *context, const struct catalogue *catalogue, struct slice text, bool need,
                          uint32_t position, int64_t *oid) {
    const struct sql_path *path = sql_path_of(context);
    const char *schema = NULL;
    const char *name = NULL;
    struct sql_relation found;
    parse_relation_name(context, text, &schema, &name);
    for (uint32_t i = 0; i < path->count; i++) {
        const char *in = schema[0] != 0 ? schema : path->names[i];
        const struct catalogue_relation *made = sql_schema_is_system(in) ? catalogue_relation_find(in, name) : NULL;
        if (made != NULL) {
            *oid = catalogue_oid_relation(made);
            return true;
        }
        if (sql_path_find(path, catalogue, in, name, &found)) {
            *oid = sql_relation_is_index(&found) ? catalogue_oid_index(found.table, found.index)
                                                 : catalogue_oid_table(found.table->id);
            return true;
        }
    }
    if (need) {
        sql_path_need_text(context, path, catalogue, text, position, &found);
    }
    return false;
}

/* The type name that a text is, read by PostgreSQL's grammar. */
static const PgQuery__TypeName *type_name_of(struct sql_context *context, struct slice text, uint32_t position) {
    PgQuery__Node *node =
        parse_expression(context, sql_printf(context, "NULL::%.*s", (int)text.length, (const char *)text.bytes));
    bool cast = node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST &&
                node->type_cast->arg->node_case == PG_QUERY__NODE__NODE_A_CONST &&
                node->type_cast->type_name->n_names > 0 && node->type_cast->type_name->n_names <= 2;
    if (!cast) {
        sql_raise(context, KMB_SYNTAX, position, "invalid type name \"%.*s\"", (int)text.length,
                  (const char *)text.bytes);
    }
    return node->type_cast->type_name;
}

static bool own_type(struct sql_context *context, const struct catalogue *catalogue, const char *schema,
                     const char *name, struct type *type) {
    const struct sql_path *path = sql_path_of(context);
    for (uint32_t i = 0; i < path->count; i++) {
        const char *in = schema != NULL ? schema : path->names[i];
        const struct table_definition *found = catalogue_type(catalogue, slice_text(in), slice_text(name));
        if (found != NULL) {
            *type = definition_type(found);
            return true;
        }
    }
    return false;
}

static bool find_pseudo(const char *name, int64_t *oid) {
    for (size_t i = 0; i < ARRAY_LENGTH(pseudo_types); i++) {
        if (strcmp(pseudo_types[i].name, name) == 0) {
            *oid = pseudo_types[i].oid;
            return true;
        }
    }
    return false;
}

static bool find_type(struct sql_context *context, const struct catalogue *catalogue, struct slice text, bool need,
                      uint32_t position, int64_t *oid) {
    const PgQuery__TypeName *written = type_name_of(context, text, position);
    const char *schema = written->n_names > 1 ? written->names[0]->string->sval : NULL;
    const char *name = written->names[written->n_names - 1]->string->sval;
    bool system = schema == NULL || strcmp(schema, SQL_SCHEMA_SYSTEM) == 0;
    enum type_id id;
    struct type type;
    bool found = system && type_of_name(slice_text(strcmp(name, "char") == 0 ? "\"char\"" : name), &id);
    if (!found && system && written->n_array_bounds == 0 && find_pseudo(name, oid)) {
        return true;
    }
    if (found) {
        type = type_make(id);
    } else if (!own_type(context, catalogue, schema, name, &type)) {
        if (!need) {
            return false;
        }
        if (schema != NULL && !sql_schema_exists(catalogue, schema)) {
            sql_raise(context, KMB_UNDEFINED_SCHEMA, position, "schema \"%s\" does not exist", schema);
        }
        sql_raise(context, KMB_UNDEFINED_OBJECT, position, "type \"%.*s\" does not exist", (int)text.length,
                  (const char *)text.bytes);
    }
    if (written->n_array_bounds > 0 && !type_is_array(type.id)) {
        if (type.domain != 0) {
            sql_raise_unsupported(context, position, "an array of a domain");
        }
        type = type_make(type_array_of(type.id));
    }
    *oid = catalogue_oid_type(type);
    return true;
}

static bool find_function(struct sql_context *context, struct slice text, bool need, uint32_t position, int64_t *oid) {
    const char *schema = NULL;
    const char *name = NULL;
    parse_relation_name(context, text, &schema, &name);
    bool system = schema[0] == 0 || strcmp(schema, SQL_SCHEMA_SYSTEM) == 0;
    uint32_t found = system ? catalogue_function_named(name, oid) : 0;
    if (found > 1 && need) {
        sql_raise(context, KMB_AMBIGUOUS_FUNCTION, position, "more than one function named \"%.*s\"", (int)text.length,
                  (const char *)text.bytes);
    }
    if (found == 0 && need) {
        sql_raise(context, KMB_UNDEFINED_FUNCTION, position, "function \"%.*s\" does not exist", (int)text.length,
                  (const char *)text.bytes);
    }
    return found == 1;
}

#define PROCEDURE_ARGUMENTS_MAX 100 /* as PostgreSQL */

/* abs(integer): the name, and the types that it is called with. */
static bool find_procedure(struct sql_context *context, const struct catalogue *catalogue, struct slice text, bool need,
                           uint32_t position, int64_t *oid) {
    const char *schema = NULL;
    const char *name = NULL;
    int64_t types[PROCEDURE_ARGUMENTS_MAX];
    uint32_t count = 0;
    const char *whole = sql_printf(context, "%.*s", (int)text.length, (const char *)text.bytes);
    size_t open = strcspn(whole, "(");
    size_t end = strlen(whole);
    while (end > open && whole[end - 1] == ' ') {
        end--;
    }
    if (whole[open] == 0 || whole[end - 1] != ')') {
        sql_raise(context, KMB_INVALID_TEXT, position, "expected a %s parenthesis",
                  whole[open] == 0 ? "left" : "right");
    }
    parse_relation_name(context, slice_make((const uint8_t *)whole, open), &schema, &name);
    for (size_t at = open + 1; at < end - 1 && count < PROCEDURE_ARGUMENTS_MAX;) {
        size_t length = strcspn(whole + at, ",");
        length = at + length < end ? length : end - 1 - at;
        if (!find_type(context, catalogue, slice_make((const uint8_t *)whole + at, length), need, position,
                       &types[count++])) {
            return false;
        }
        at += length + 1;
    }
    bool system = schema[0] == 0 || strcmp(schema, SQL_SCHEMA_SYSTEM) == 0;
    bool found = system && catalogue_function_exact(name, types, count, oid);
    if (!found && need) {
        sql_raise(context, KMB_UNDEFINED_FUNCTION, position, "function \"%s\" does not exist", whole);
    }
    return found;
}

static bool find_name(struct sql_context *context, const struct catalogue *catalogue, enum type_id type,
                      struct slice text, bool need, uint32_t position, int64_t *oid) {
    const char *schema = NULL;
    const char *name = NULL;
    bool role = type == TYPE_REGROLE;
    parse_relation_name(context, text, &schema, &name);
    bool found = schema[0] == 0 && (role ? catalogue_role_find(context, catalogue, slice_text(name), oid)
                                         : sql_schema_exists(catalogue, name));
    if (found && !role) {
        *oid = catalogue_oid_schema(catalogue, slice_text(name));
    } else if (!found && need) {
        sql_raise(context, role ? KMB_UNDEFINED_OBJECT : KMB_UNDEFINED_SCHEMA, position, "%s \"%s\" does not exist",
                  role ? "role" : "schema", name);
    }
    return found;
}

bool sql_object_of_text(struct sql_context *context, const struct catalogue *catalogue, enum type_id type,
                        struct slice text, bool need, uint32_t position, int64_t *oid) {
    struct value number;
    bool digits = text.length > 0 && text.bytes[0] >= '0' && text.bytes[0] <= '9';
    if (slice_equal_text(text, "-")) {
        *oid = 0;
        return true;
    }
    if (digits && value_parse(type_make(TYPE_OID), text, NULL, &context->arena, &number, NULL) == KMB_OK) {
        *oid = number.as.integer;
        return true;
    }
    switch (type) {
    case TYPE_REGCLASS:
        return find_relation(context, catalogue, text, need, position, oid);
    case TYPE_REGPROC:
        return find_function(context, text, need, position, oid);
    case TYPE_REGPROCEDURE:
        return find_procedure(context, catalogue, text, need, position, oid);
    case TYPE_REGOPERATOR:
        sql_raise_unsupported(context, position, "the name of an operator");
    case TYPE_REGTYPE:
        return find_type(context, catalogue, text, need, position, oid);
    default:
        return find_name(context, catalogue, type, text, need, position, oid);
    }
}
