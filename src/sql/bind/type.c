/*
 * CREATE TYPE ... AS ENUM and ALTER TYPE.
 *
 * A label's place among the others is given once and never changes: the first have wide gaps between them, one that is
 * put between two takes the middle. So a row that was written keeps its order whatever comes later.
 */
#include "base/assert.h"
#include "base/codec.h"
#include "sql/bind/bind.h"

#define LABEL_GAP (UINT64_C(1) << 40)

struct type_name bind_own_name(struct bind *bind, PgQuery__Node *const *list, size_t count) {
    struct type_name name;
    bind_name_parts(bind, list, count, &name.schema, &name.name);
    return name;
}

const char *bind_type_schema(struct bind *bind, struct type_name name) {
    const char *schema = name.schema != NULL ? name.schema : sql_path_first(bind_path(bind), bind_present(bind));
    if (schema == NULL) {
        sql_raise(bind->context, KMB_UNDEFINED_SCHEMA, 0, "no schema has been selected to create in");
    }
    (void)bind_find_schema(bind, schema);
    return schema;
}

const struct table_definition *bind_find_type(struct bind *bind, struct type_name name) {
    const struct sql_path *path = bind_path(bind);
    const struct catalogue *catalogue = bind_present(bind);
    if (name.schema != NULL) {
        return catalogue_type(catalogue, slice_text(name.schema), slice_text(name.name));
    }
    for (uint32_t i = 0; i < path->count; i++) {
        const struct table_definition *found =
            catalogue_type(catalogue, slice_text(path->names[i]), slice_text(name.name));
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

const struct table_definition *bind_own_type(struct bind *bind, struct type_name name) {
    const struct table_definition *found = bind_find_type(bind, name);
    enum type_id id;
    if (found == NULL) {
        bool known = name.schema == NULL && type_of_name(slice_text(name.name), &id);
        if (known) {
            sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "%s is not an enum", type_name(id));
        }
        bind_no_type(bind, name, 0);
    }
    return found;
}

_Noreturn void bind_no_type(struct bind *bind, struct type_name name, uint32_t position) {
    bool there = name.schema == NULL || sql_schema_exists(bind_present(bind), name.schema);
    if (!there) {
        sql_raise(bind->context, KMB_UNDEFINED_SCHEMA, position, "schema \"%s\" does not exist", name.schema);
    }
    sql_raise(bind->context, KMB_UNDEFINED_OBJECT, position, "type \"%s%s%s\" does not exist",
              name.schema == NULL ? "" : name.schema, name.schema == NULL ? "" : ".", name.name);
}

void bind_type_free(struct bind *bind, const char *schema, const char *text) {
    const struct catalogue *catalogue = bind_present(bind);
    const struct table_definition *relation = catalogue_table(catalogue, slice_text(schema), slice_text(text));
    struct type_name name = {.schema = schema, .name = text};
    if (catalogue_type(catalogue, slice_text(schema), slice_text(text)) != NULL ||
        (relation != NULL && !definition_is_sequence(relation))) {
        sql_raise(bind->context, KMB_DUPLICATE_OBJECT, 0, "type \"%s\" already exists", name.name);
    }
}

/* --- labels --- */

static struct slice label_make(struct bind *bind, uint64_t place, struct slice name) {
    uint8_t *bytes = sql_alloc(bind->context, VALUE_LABEL_PLACE + name.length);
    codec_put_u64_big(bytes, place);
    memcpy(bytes + VALUE_LABEL_PLACE, name.bytes, name.length);
    return slice_make(bytes, VALUE_LABEL_PLACE + name.length);
}

static void label_check(struct bind *bind, const char *name) {
    if (strlen(name) > DEFINITION_NAME_BYTES_MAX) {
        sql_raise_with(bind->context, KMB_INVALID_NAME, 0, "Labels must be 63 bytes or less.", NULL,
                       "invalid enum label \"%s\"", name);
    }
}

void bind_create_enum(struct bind *bind, const PgQuery__CreateEnumStmt *create, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    struct type_name name = bind_own_name(bind, create->type_name, create->n_type_name);
    const char *schema = bind_type_schema(bind, name);
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    struct table_definition *type = sql_alloc_zero(context, 1, sizeof(*type));
    struct slice *labels = sql_alloc(context, (create->n_vals + 1) * sizeof(*labels));
    bind_type_free(bind, schema, name.name);
    if (create->n_vals > DEFINITION_LABELS_MAX) {
        sql_raise(context, KMB_LIMIT, 0, "an enum type can have at most %d labels", DEFINITION_LABELS_MAX);
    }
    for (size_t i = 0; i < create->n_vals; i++) {
        const char *label = bind_string(create->vals[i]);
        label_check(bind, label);
        for (size_t k = 0; k < i; k++) {
            if (slice_equal_text(value_label_name(labels[k]), label)) {
                sql_raise_with(context, KMB_UNIQUE_VIOLATION, 0,
                               sql_printf(context, "Key (enumtypid, enumlabel)=(%u, %s) already exists.",
                                          catalogue_object_id_next(bind_present(bind)), label),
                               NULL, "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"");
            }
        }
        labels[i] = label_make(bind, (i + 1) * LABEL_GAP, slice_text(label));
    }
    *type = (struct table_definition){.schema_name = slice_text(schema),
                                      .name = slice_text(name.name),
                                      .form = DEFINITION_ENUM,
                                      .labels = labels,
                                      .label_count = (uint32_t)create->n_vals};
    ddl->kind = DDL_CREATE_TABLE;
    ddl->table = type;
    statement->ddl = ddl;
    statement->tag = "CREATE TYPE";
}

static uint64_t label_place(struct slice label) {
    return codec_get_u64_big(label.bytes);
}

/* The place of a new label beside a neighbour, or behind all. */
static uint64_t label_between(struct bind *bind, const struct table_definition *type, const char *neighbour,
                              bool after) {
    struct sql_context *context = bind->context;
    if (neighbour == NULL) {
        return type->label_count == 0 ? LABEL_GAP : label_place(type->labels[type->label_count - 1]) + LABEL_GAP;
    }
    const struct slice *found = definition_label_of_name(type, slice_text(neighbour));
    if (found == NULL) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "\"%s\" is not an existing enum label", neighbour);
    }
    uint32_t at = (uint32_t)(found - type->labels) + (after ? 1 : 0);
    uint64_t low = at == 0 ? 0 : label_place(type->labels[at - 1]);
    if (at == type->label_count) {
        return low + LABEL_GAP;
    }
    uint64_t middle = low + (label_place(type->labels[at]) - low) / 2;
    if (middle == low) {
        sql_raise(context, KMB_LIMIT, 0, "there is no place left beside enum label \"%s\"", neighbour);
    }
    return middle;
}

static void add_label(struct bind *bind, const PgQuery__AlterEnumStmt *alter, const struct table_definition *type,
                      struct plan_ddl *ddl) {
    const char *neighbour =
        alter->new_val_neighbor == NULL || alter->new_val_neighbor[0] == 0 ? NULL : alter->new_val_neighbor;
    label_check(bind, alter->new_val);
    if (definition_label_of_name(type, slice_text(alter->new_val)) != NULL) {
        if (!alter->skip_if_new_val_exists) {
            sql_raise(bind->context, KMB_DUPLICATE_OBJECT, 0, "enum label \"%s\" already exists", alter->new_val);
        }
        bind_notice(bind, KMB_DUPLICATE_OBJECT, "enum label \"%s\" already exists, skipping", alter->new_val);
        ddl->kind = DDL_NOTHING;
        return;
    }
    if (type->label_count >= DEFINITION_LABELS_MAX) {
        sql_raise(bind->context, KMB_LIMIT, 0, "an enum type can have at most %d labels", DEFINITION_LABELS_MAX);
    }
    uint64_t place = label_between(bind, type, neighbour, alter->new_val_is_after);
    ddl->kind = DDL_ADD_LABEL;
    ddl->label = label_make(bind, place, slice_text(alter->new_val));
}

static void rename_label(struct bind *bind, const PgQuery__AlterEnumStmt *alter, const struct table_definition *type,
                         struct plan_ddl *ddl) {
    const struct slice *old = definition_label_of_name(type, slice_text(alter->old_val));
    label_check(bind, alter->new_val);
    if (old == NULL) {
        sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "\"%s\" is not an existing enum label", alter->old_val);
    }
    if (definition_label_of_name(type, slice_text(alter->new_val)) != NULL) {
        sql_raise(bind->context, KMB_DUPLICATE_OBJECT, 0, "enum label \"%s\" already exists", alter->new_val);
    }
    ddl->kind = DDL_RENAME_LABEL;
    bind_label_texts(bind, type, *old, alter->new_val, ddl);
    ddl->label = label_make(bind, label_place(*old), slice_text(alter->new_val));
}

void bind_alter_enum(struct bind *bind, const PgQuery__AlterEnumStmt *alter, struct plan_statement *statement) {
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    struct type_name name = bind_own_name(bind, alter->type_name, alter->n_type_name);
    const struct table_definition *type = bind_own_type(bind, name);
    if (type->form != DEFINITION_ENUM) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "%s is not an enum",
                  bind_type_text(bind, definition_type(type)));
    }
    ddl->table_id = type->id;
    statement->ddl = ddl;
    statement->tag = "ALTER TYPE";
    if (alter->old_val != NULL && alter->old_val[0] != 0) {
        rename_label(bind, alter, type, ddl);
    } else {
        add_label(bind, alter, type, ddl);
    }
}
