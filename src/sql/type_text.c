/*
 * The number of an enum type or a domain says which object it is, and the catalogue how that is called. A type that is
 * gone by the statement's moment is called by its number.
 */
#include "sql/type_text.h"

#include "kernel/catalogue.h"
#include "sql/parse/parse.h"
#include "sql/path.h"

static const char *object_text(struct sql_context *context, uint32_t object) {
    const struct table_definition *found =
        context->catalogue == NULL ? NULL : catalogue_table_of_id(context->catalogue, (struct table_id){object});
    if (found == NULL) {
        return sql_printf(context, "type %u", object);
    }
    const struct sql_path *path = sql_path_of(context);
    for (uint32_t i = 0; i < path->count; i++) { /* alone where the path leads to it */
        const struct table_definition *first =
            catalogue_type(context->catalogue, slice_text(path->names[i]), found->name);
        if (first != NULL) {
            return first == found ? parse_quote_name(context, sql_printf(context, "%.*s", (int)found->name.length,
                                                                         (const char *)found->name.bytes))
                                  : sql_qualified(context, found->schema_name, found->name);
        }
    }
    return sql_qualified(context, found->schema_name, found->name);
}

/* NULL: a type of PostgreSQL's own. */
static const char *own_text(struct sql_context *context, struct type type) {
    if (type.domain != 0) {
        return object_text(context, type.domain);
    }
    if (type_object(type.id) == 0) {
        return NULL;
    }
    return sql_printf(context, "%s%s", object_text(context, type_object(type.id)), type_is_array(type.id) ? "[]" : "");
}

const char *sql_type_text(struct sql_context *context, struct type type) {
    const char *own = own_text(context, type);
    return own != NULL ? own : type_name(type.id);
}

const char *sql_type_format(struct sql_context *context, struct type type) {
    const char *own = own_text(context, type);
    char text[TYPE_NAME_SIZE];
    return own != NULL ? own : sql_printf(context, "%s", type_format(type, text));
}
