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

static const char *role_text(struct sql_context *context, int64_t oid) {
    struct slice user = context->session_user;
    return oid == CATALOGUE_OID_OWNER
               ? parse_quote_name(context, sql_printf(context, "%.*s", (int)user.length, (const char *)user.bytes))
               : NULL;
}

static const char *object_text(struct sql_context *context, const struct catalogue *catalogue, enum type_id type,
                               int64_t oid) {
    struct type of;
    const char *schema;
    if (oid == 0) {
        return "-";
    }
    switch (type) {
    case TYPE_REGCLASS:
        return relation_text(context, catalogue, oid);
    case TYPE_REGTYPE:
        return !catalogue_type_of_oid(catalogue, oid, &of) ? NULL : sql_type_text(context, of);
    case TYPE_REGNAMESPACE:
        schema = catalogue_schema_of_oid(context, catalogue, oid);
        return schema == NULL ? NULL : parse_quote_name(context, schema);
    default:
        return role_text(context, oid);
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

static bool find_type(struct sql_context *context, const struct catalogue *catalogue, struct slice text, bool need,
                      uint32_t position, int64_t *oid) {
    const PgQuery__TypeName *written = type_name_of(context, text, position);
    const char *schema = written->n_names > 1 ? written->names[0]->string->sval : NULL;
    const char *name = written->names[written->n_names - 1]->string->sval;
    bool system = schema == NULL || strcmp(schema, SQL_SCHEMA_SYSTEM) == 0;
    enum type_id id;
    struct type type;
    bool found = system && type_of_name(slice_text(strcmp(name, "char") == 0 ? "\"char\"" : name), &id);
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

static bool find_name(struct sql_context *context, const struct catalogue *catalogue, enum type_id type,
                      struct slice text, bool need, uint32_t position, int64_t *oid) {
    const char *schema = NULL;
    const char *name = NULL;
    bool role = type == TYPE_REGROLE;
    parse_relation_name(context, text, &schema, &name);
    bool found =
        schema[0] == 0 && (role ? slice_equal_text(context->session_user, name) : sql_schema_exists(catalogue, name));
    if (found) {
        *oid = role ? CATALOGUE_OID_OWNER : catalogue_oid_schema(catalogue, slice_text(name));
    } else if (need) {
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
    case TYPE_REGTYPE:
        return find_type(context, catalogue, text, need, position, oid);
    default:
        return find_name(context, catalogue, type, text, need, position, oid);
    }
}
