/*
 * Deciding schemas: made, dropped, renamed; what moves from one into another; views whose query is spelled anew.
 *
 * A table keeps its schema's name, not its number: a lookup by two names is one search. So a schema that is renamed
 * takes a new version of all that is in it, in one event.
 */
#include "kernel/transaction_internal.h"

static enum kmb_status emit(struct kernel_transaction *transaction, const struct event *event,
                            struct kmb_error *error) {
    enum kmb_status status = transaction_emit(transaction, event, error);
    return status == KMB_OK ? transaction_defined(transaction, error) : status;
}

static enum kmb_status name_free(struct kernel_transaction *transaction, struct slice name, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    if (name.length == 0) {
        return error_set(error, KMB_INVALID_NAME, "name of a schema is empty");
    }
    if (name.length > DEFINITION_NAME_BYTES_MAX) {
        return error_set(error, KMB_NAME_TOO_LONG, "name of schema \"%.*s...\" is longer than %d bytes", 32,
                         (const char *)name.bytes, DEFINITION_NAME_BYTES_MAX);
    }
    if (catalogue_schema(transaction->evolver.catalogue, name) != NULL) {
        return error_set(error, KMB_DUPLICATE_SCHEMA, "schema \"%.*s\" already exists", (int)name.length,
                         (const char *)name.bytes);
    }
    return KMB_OK;
}

static enum kmb_status schema_of_id(struct kernel_transaction *transaction, struct schema_id id,
                                    const struct schema_definition **schema, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    *schema = catalogue_schema_of_id(transaction->evolver.catalogue, id);
    return *schema != NULL ? KMB_OK
                           : error_set(error, KMB_UNDEFINED_SCHEMA, "schema with id %u does not exist", id.value);
}

static enum kmb_status relation_of_id(struct kernel_transaction *transaction, struct table_id id,
                                      const struct table_definition **table, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    *table = catalogue_table_of_id(transaction->evolver.catalogue, id);
    return *table != NULL ? KMB_OK : error_set(error, KMB_UNDEFINED_TABLE, "table with id %u not found", id.value);
}

enum kmb_status kernel_create_schema(struct kernel_transaction *transaction, struct slice name, struct schema_id *id,
                                     struct kmb_error *error) {
    enum kmb_status status = name_free(transaction, name, error);
    if (status != KMB_OK) {
        return status;
    }
    uint32_t next = catalogue_object_id_next(transaction->evolver.catalogue);
    if (next >= OBJECT_ID_MAX - DEFINITION_INDEXES_MAX) {
        return error_set(error, KMB_LIMIT, "there are no more object ids");
    }
    struct event event = {.kind = EVENT_SCHEMA_CREATED, .as.schema_created = {.schema = {next}, .name = name}};
    if (id != NULL) {
        id->value = next;
    }
    return emit(transaction, &event, error);
}

enum kmb_status kernel_drop_schema(struct kernel_transaction *transaction, struct schema_id id,
                                   struct kmb_error *error) {
    const struct schema_definition *schema = NULL;
    enum kmb_status status = schema_of_id(transaction, id, &schema, error);
    const struct catalogue *catalogue = transaction->evolver.catalogue;
    for (uint32_t i = 0; status == KMB_OK && i < catalogue_table_count(catalogue); i++) {
        if (slice_equal(catalogue_table_at(catalogue, i)->schema_name, schema->name)) {
            status =
                error_set(error, KMB_DEPENDENT_OBJECTS, "cannot drop schema %.*s because other objects depend on it",
                          (int)schema->name.length, (const char *)schema->name.bytes);
        }
    }
    for (uint32_t i = 0; status == KMB_OK && i < catalogue_type_count(catalogue); i++) {
        if (slice_equal(catalogue_type_at(catalogue, i)->schema_name, schema->name)) {
            status =
                error_set(error, KMB_DEPENDENT_OBJECTS, "cannot drop schema %.*s because other objects depend on it",
                          (int)schema->name.length, (const char *)schema->name.bytes);
        }
    }
    struct event event = {.kind = EVENT_SCHEMA_DROPPED, .as.schema_dropped = {.schema = id}};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_rename_schema(struct kernel_transaction *transaction, struct schema_id id, struct slice name,
                                     struct kmb_error *error) {
    const struct schema_definition *schema = NULL;
    enum kmb_status status = schema_of_id(transaction, id, &schema, error);
    if (status == KMB_OK) {
        status = name_free(transaction, name, error);
    }
    struct event event = {.kind = EVENT_SCHEMA_RENAMED, .as.schema_renamed = {.schema = id, .name = name}};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_comment_schema(struct kernel_transaction *transaction, struct schema_id id, struct slice text,
                                      struct kmb_error *error) {
    const struct schema_definition *schema = NULL;
    enum kmb_status status = schema_of_id(transaction, id, &schema, error);
    struct event event = {.kind = EVENT_SCHEMA_COMMENT_SET, .as.schema_comment_set = {.schema = id, .text = text}};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

/* Whether the schema has a relation of the name; the message is PostgreSQL's of a move. */
static enum kmb_status move_free(const struct kernel_transaction *transaction, struct slice schema, struct slice name,
                                 struct kmb_error *error) {
    if (!catalogue_relation_exists(transaction->evolver.catalogue, schema, name)) {
        return KMB_OK;
    }
    return error_set(error, KMB_DUPLICATE_TABLE, "relation \"%.*s\" already exists in schema \"%.*s\"",
                     (int)name.length, (const char *)name.bytes, (int)schema.length, (const char *)schema.bytes);
}

enum kmb_status kernel_move_table(struct kernel_transaction *transaction, struct table_id id, struct slice schema,
                                  struct kmb_error *error) {
    const struct table_definition *table = NULL;
    enum kmb_status status = relation_of_id(transaction, id, &table, error);
    if (status == KMB_OK && catalogue_schema(transaction->evolver.catalogue, schema) == NULL) {
        status = error_set(error, KMB_UNDEFINED_SCHEMA, "schema \"%.*s\" does not exist", (int)schema.length,
                           (const char *)schema.bytes);
    }
    if (status == KMB_OK && slice_equal(table->schema_name, schema)) {
        return KMB_OK; /* it is there */
    }
    if (status == KMB_OK) {
        status = move_free(transaction, schema, table->name, error);
    }
    if (status == KMB_OK && table->primary_key_count > 0) {
        status = move_free(transaction, schema, table->primary_key_name, error);
    }
    for (uint32_t i = 0; status == KMB_OK && i < table->index_count; i++) {
        status = move_free(transaction, schema, table->indexes[i].name, error);
    }
    struct event event = {.kind = EVENT_TABLE_MOVED, .as.table_moved = {.table = id, .schema_name = schema}};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_change_view(struct kernel_transaction *transaction, struct table_id id, struct slice query,
                                   struct kmb_error *error) {
    const struct table_definition *view = NULL;
    enum kmb_status status = relation_of_id(transaction, id, &view, error);
    ASSERT(status != KMB_OK || definition_is_view(view));
    struct event event = {.kind = EVENT_VIEW_CHANGED, .as.view_changed = {.view = id, .query = query}};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}
