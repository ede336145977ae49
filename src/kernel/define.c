/*
 * Events that change definitions: tables, schemas, streams, and facts of the tenant; parts of tables are in
 * define_part.c.
 *
 * Each makes a new version of one object: the definition is copied, changed, encoded, and decoded again as a table of
 * the next catalogue; so what the evolver works with is what a reader of the record will get. The version that ends is
 * kept in META with the moment of its end. A version that would end at the moment it began (two changes in one entry
 * at one position) is simply replaced: nobody can ever ask for it.
 *
 * Dropping a table takes its definition away and leaves rows, history and index entries where they are: ids are never
 * used again, so nothing can meet them, and the past still reads them.
 */
#include "kernel/define_internal.h"

#include <inttypes.h>

enum kmb_status define_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

struct catalogue_moment define_moment(const struct evolver *evolver) {
    return (struct catalogue_moment){.position = evolver->position, .sequence = evolver->sequence};
}

static enum kmb_status meta_write(struct evolver *evolver, const struct meta_key *key, struct slice value,
                                  struct kmb_error *error) {
    return store_fork_put(evolver->fork, evolver->tenant, STORE_META, meta_slice(key), value, error);
}

static enum kmb_status meta_write_moment(struct evolver *evolver, const struct meta_key *key,
                                         struct catalogue_moment moment, struct slice payload,
                                         struct kmb_error *error) {
    uint8_t bytes[16];
    codec_put_u64(bytes, moment.position);
    codec_put_u64(bytes + 8, moment.sequence);
    return store_fork_put_parts(evolver->fork, evolver->tenant, STORE_META, meta_slice(key),
                                slice_make(bytes, sizeof(bytes)), payload, error);
}

static struct meta_key object_key(enum meta_object object, uint32_t id) {
    struct meta_key key = meta_key_make(META_OBJECT);
    meta_key_u8(&key, (uint8_t)object);
    meta_key_u32(&key, id);
    return key;
}

/* The version `encoded` that began at `from` ends now. */
enum kmb_status define_version_end(struct evolver *evolver, enum meta_object object, uint32_t id,
                                   struct catalogue_moment from, struct slice encoded, struct kmb_error *error) {
    struct catalogue_moment now = define_moment(evolver);
    if (from.position == now.position && from.sequence == now.sequence) {
        return KMB_OK;
    }
    struct meta_key key = meta_key_make(META_PAST);
    meta_key_u8(&key, (uint8_t)object);
    meta_key_u32(&key, id);
    meta_key_u64(&key, from.sequence);
    meta_key_u64(&key, from.position);
    return meta_write_moment(evolver, &key, now, encoded, error);
}

enum kmb_status define_record_put(struct evolver *evolver, enum meta_object object, uint32_t id, struct slice encoded,
                                  struct kmb_error *error) {
    struct meta_key key = object_key(object, id);
    return meta_write_moment(evolver, &key, define_moment(evolver), encoded, error);
}

enum kmb_status define_record_delete(struct evolver *evolver, enum meta_object object, uint32_t id,
                                     struct kmb_error *error) {
    struct meta_key key = object_key(object, id);
    return store_fork_delete(evolver->fork, evolver->tenant, STORE_META, meta_slice(&key), NULL, error);
}

static enum kmb_status header_next(struct evolver *evolver, uint32_t object_id_next, struct catalogue_header *header,
                                   struct kmb_error *error) {
    *header = evolver->catalogue->header;
    header->change_count++;
    header->changed = define_moment(evolver);
    if (object_id_next > header->object_id_next) {
        header->object_id_next = object_id_next;
    }
    uint8_t bytes[CATALOGUE_HEADER_SIZE];
    catalogue_header_encode(header, bytes);
    struct meta_key key = meta_key_make(META_HEADER);
    return meta_write(evolver, &key, slice_make(bytes, sizeof(bytes)), error);
}

enum kmb_status define_apply(struct evolver *evolver, const struct catalogue_change *change, uint32_t object_id_next,
                             struct kmb_error *error) {
    struct catalogue_header header;
    enum kmb_status status = header_next(evolver, object_id_next, &header, error);
    if (status != KMB_OK) {
        catalogue_table_release(change->table_put);
        catalogue_stream_release(change->stream_put);
        catalogue_schema_release(change->schema_put);
        catalogue_principal_release(change->principal_put);
        return status;
    }
    const struct catalogue *next;
    status = catalogue_changed(evolver->catalogue, change, &header, &next, error);
    if (status == KMB_OK) {
        catalogue_release(evolver->catalogue);
        evolver->catalogue = next;
    }
    return status;
}

/* Makes `definition` the version of its table from now on; old NULL: a new table. */
static enum kmb_status table_put(struct evolver *evolver, const struct catalogue_table *old,
                                 const struct table_definition *definition, uint32_t object_id_next,
                                 struct kmb_error *error) {
    struct buffer encoded = {.bytes = NULL};
    definition_encode_table(definition, &encoded);
    if (!buffer_ok(&encoded)) {
        buffer_free(&encoded);
        return define_no_memory(error);
    }
    struct catalogue_table *table = NULL;
    enum kmb_status status = catalogue_table_make(buffer_slice(&encoded), define_moment(evolver), &table, error);
    if (status == KMB_OK && old != NULL) {
        status = define_version_end(evolver, META_OBJECT_TABLE, definition->id.value, old->from, old->encoded, error);
    }
    if (status == KMB_OK) {
        struct meta_key key = object_key(META_OBJECT_TABLE, definition->id.value);
        status = meta_write_moment(evolver, &key, define_moment(evolver), buffer_slice(&encoded), error);
    }
    buffer_free(&encoded);
    if (status != KMB_OK) {
        catalogue_table_release(table);
        return status;
    }
    struct catalogue_change change = {.table_put = table};
    return define_apply(evolver, &change, object_id_next, error);
}

void *alteration_copy(struct arena *arena, const void *from, uint32_t count, size_t size) {
    uint8_t *array = arena_alloc_zero(arena, (size_t)count + 1, size);
    if (array != NULL && count > 0) {
        memcpy(array, from, count * size);
    }
    return array;
}

enum kmb_status alteration_begin(struct evolver *evolver, struct table_id id, struct schema_version version,
                                 struct alteration *alteration, struct kmb_error *error) {
    const struct table_definition *definition = catalogue_table_of_id(evolver->catalogue, id);
    if (definition == NULL) {
        return evolve_damaged(error, "table %u is not there", id.value);
    }
    alteration->old = catalogue_table_of(definition);
    alteration->next = *definition;
    if (version.value != 0) {
        if (version.value != definition->version.value + 1) {
            return evolve_damaged(error, "table %u goes from version %u to %u", id.value, definition->version.value,
                                  version.value);
        }
        alteration->next.version = version;
    }
    alteration->columns =
        alteration_copy(&evolver->arena, definition->columns, definition->column_count, sizeof(*alteration->columns));
    alteration->indexes =
        alteration_copy(&evolver->arena, definition->indexes, definition->index_count, sizeof(*alteration->indexes));
    alteration->checks =
        alteration_copy(&evolver->arena, definition->checks, definition->check_count, sizeof(*alteration->checks));
    alteration->foreign_keys = alteration_copy(&evolver->arena, definition->foreign_keys, definition->foreign_key_count,
                                               sizeof(*alteration->foreign_keys));
    alteration->comments = alteration_copy(&evolver->arena, definition->comments, definition->comment_count,
                                           sizeof(*alteration->comments));
    if (alteration->comments == NULL || alteration->columns == NULL || alteration->indexes == NULL ||
        alteration->checks == NULL || alteration->foreign_keys == NULL) {
        return define_no_memory(error);
    }
    alteration->next.columns = alteration->columns;
    alteration->next.indexes = alteration->indexes;
    alteration->next.checks = alteration->checks;
    alteration->next.foreign_keys = alteration->foreign_keys;
    alteration->next.comments = alteration->comments;
    return KMB_OK;
}

struct column_definition *alteration_column(struct alteration *alteration, struct column_id id) {
    for (uint32_t i = 0; i < alteration->next.column_count; i++) {
        if (alteration->columns[i].id.value == id.value && !alteration->columns[i].dropped) {
            return &alteration->columns[i];
        }
    }
    return NULL;
}

void alteration_forget(struct alteration *alteration, enum definition_part part, uint32_t id) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < alteration->next.comment_count; i++) {
        if (alteration->comments[i].part != part || alteration->comments[i].id != id) {
            alteration->comments[kept++] = alteration->comments[i];
        }
    }
    alteration->next.comment_count = kept;
}

enum kmb_status alteration_end(struct evolver *evolver, struct alteration *alteration, uint32_t object_id_next,
                               struct kmb_error *error) {
    return table_put(evolver, alteration->old, &alteration->next, object_id_next, error);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

enum kmb_status evolve_id_fresh(const struct evolver *evolver, uint32_t id, struct kmb_error *error) {
    if (id < evolver->catalogue->header.object_id_next || id >= OBJECT_ID_MAX) {
        return evolve_damaged(error, "object id %u is not a new one", id);
    }
    return KMB_OK;
}

static enum kmb_status table_created(struct evolver *evolver, const struct event_table_created *event,
                                     struct kmb_error *error) {
    const struct table_definition *table = &event->table;
    enum kmb_status status = evolve_id_fresh(evolver, table->id.value, error);
    uint32_t next = table->id.value + 1;
    for (uint32_t i = 0; status == KMB_OK && i < table->index_count; i++) {
        uint32_t index = table->indexes[i].id.value;
        status = index < next ? evolve_damaged(error, "index id %u is not a new one", index)
                              : evolve_id_fresh(evolver, index, error);
        next = index + 1;
    }
    if (status != KMB_OK) {
        return status;
    }
    if (table->version.value != 1) {
        return evolve_damaged(error, "a new table is of version %u", table->version.value);
    }
    if ((definition_is_type(table) ? catalogue_type : catalogue_table)(evolver->catalogue, table->schema_name,
                                                                       table->name) != NULL) {
        return evolve_damaged(error, "a new table has the name of another");
    }
    return table_put(evolver, NULL, table, next, error);
}

static enum kmb_status table_dropped(struct evolver *evolver, const struct event_table_dropped *event,
                                     struct kmb_error *error) {
    const struct table_definition *definition = catalogue_table_of_id(evolver->catalogue, event->table);
    if (definition == NULL) {
        return evolve_damaged(error, "table %u is not there", event->table.value);
    }
    const struct catalogue_table *old = catalogue_table_of(definition);
    enum kmb_status status =
        define_version_end(evolver, META_OBJECT_TABLE, event->table.value, old->from, old->encoded, error);
    if (status == KMB_OK) {
        struct meta_key key = object_key(META_OBJECT_TABLE, event->table.value);
        status = store_fork_delete(evolver->fork, evolver->tenant, STORE_META, meta_slice(&key), NULL, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct catalogue_change change = {.table_removed = event->table};
    return define_apply(evolver, &change, 0, error);
}

static enum kmb_status table_renamed(struct evolver *evolver, const struct event_table_renamed *event,
                                     struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, (struct schema_version){0}, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    if ((definition_is_type(&alteration.next) ? catalogue_type : catalogue_table)(
            evolver->catalogue, alteration.next.schema_name, event->name) != NULL) {
        return evolve_damaged(error, "a table is renamed to the name of another");
    }
    alteration.next.name = event->name;
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status sequence_changed(struct evolver *evolver, const struct event_sequence_changed *event,
                                        struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->sequence, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!definition_is_sequence(&alteration.next)) {
        return evolve_damaged(error, "table %u is no sequence", event->sequence.value);
    }
    alteration.next.sequence = event->definition;
    return alteration_end(evolver, &alteration, 0, error);
}

/* --- labels of enum types ----------------------------------------------------------------------------------------- */

/* The labels, with one free place behind them, or NULL: no memory. */
static struct slice *alteration_labels(struct evolver *evolver, struct alteration *alteration) {
    struct slice *labels =
        alteration_copy(&evolver->arena, alteration->next.labels, alteration->next.label_count, sizeof(*labels));
    alteration->next.labels = labels;
    return labels;
}

static enum kmb_status label_added(struct evolver *evolver, const struct event_label *event, struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->type, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    struct table_definition *next = &alteration.next;
    if (next->form != DEFINITION_ENUM || next->label_count >= DEFINITION_LABELS_MAX ||
        definition_label_of_place(next, event->label) != NULL ||
        definition_label_of_name(next, value_label_name(event->label)) != NULL) {
        return evolve_damaged(error, "type %u has no room for a label", event->type.value);
    }
    struct slice *labels = alteration_labels(evolver, &alteration);
    if (labels == NULL) {
        return define_no_memory(error);
    }
    uint32_t at = next->label_count++;
    for (; at > 0 && memcmp(event->label.bytes, labels[at - 1].bytes, VALUE_LABEL_PLACE) < 0; at--) {
        labels[at] = labels[at - 1];
    }
    labels[at] = event->label;
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status label_renamed(struct evolver *evolver, const struct event_label *event,
                                     struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->type, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    struct table_definition *next = &alteration.next;
    if (next->form != DEFINITION_ENUM || definition_label_of_place(next, event->label) == NULL ||
        definition_label_of_name(next, value_label_name(event->label)) != NULL) {
        return evolve_damaged(error, "type %u has no such label, or one of that name", event->type.value);
    }
    struct slice *labels = alteration_labels(evolver, &alteration);
    if (labels == NULL) {
        return define_no_memory(error);
    }
    labels[definition_label_of_place(next, event->label) - next->labels] = event->label;
    next->labels_renamed = true;
    return alteration_end(evolver, &alteration, 0, error);
}

/* --- schemas ------------------------------------------------------------------------------------------------------ */

/* A schema from now on; old NULL: a new one. The default one is never taken away: it has no name then. */
static enum kmb_status schema_put(struct evolver *evolver, const struct schema_definition *old, struct schema_id id,
                                  struct slice name, struct slice comment, struct kmb_error *error) {
    struct buffer encoded = {.bytes = NULL};
    struct catalogue_change change = {.schema_put = NULL};
    enum kmb_status status = KMB_OK;
    if (old != NULL) {
        const struct catalogue_schema *was = (const struct catalogue_schema *)old;
        catalogue_schema_encode(old->name, old->comment, &encoded);
        status = buffer_ok(&encoded) ? define_version_end(evolver, META_OBJECT_SCHEMA, id.value, was->from,
                                                          buffer_slice(&encoded), error)
                                     : define_no_memory(error);
    }
    buffer_clear(&encoded);
    catalogue_schema_encode(name, comment, &encoded);
    struct meta_key key = object_key(META_OBJECT_SCHEMA, id.value);
    if (status == KMB_OK && !buffer_ok(&encoded)) {
        status = define_no_memory(error);
    } else if (status == KMB_OK && name.length == 0 && id.value != 0) {
        change.schema_removed = id;
        status = store_fork_delete(evolver->fork, evolver->tenant, STORE_META, meta_slice(&key), NULL, error);
    } else if (status == KMB_OK) {
        status = catalogue_schema_make(id, buffer_slice(&encoded), define_moment(evolver), &change.schema_put, error);
        if (status == KMB_OK) {
            status = meta_write_moment(evolver, &key, define_moment(evolver), buffer_slice(&encoded), error);
        }
    }
    buffer_free(&encoded);
    if (status != KMB_OK) {
        catalogue_schema_release(change.schema_put);
        return status;
    }
    return define_apply(evolver, &change, old == NULL ? id.value + 1 : 0, error);
}

static enum kmb_status schema_created(struct evolver *evolver, const struct event_schema_created *event,
                                      struct kmb_error *error) {
    enum kmb_status status = evolve_id_fresh(evolver, event->schema.value, error);
    if (status != KMB_OK) {
        return status;
    }
    if (catalogue_schema(evolver->catalogue, event->name) != NULL) {
        return evolve_damaged(error, "a new schema has the name of another");
    }
    return schema_put(evolver, NULL, event->schema, event->name, (struct slice){.length = 0}, error);
}

static enum kmb_status schema_absent(struct schema_id id, struct kmb_error *error) {
    return evolve_damaged(error, "schema %u is not there", id.value);
}

static enum kmb_status schema_dropped(struct evolver *evolver, const struct event_schema_dropped *event,
                                      struct kmb_error *error) {
    const struct schema_definition *schema = catalogue_schema_of_id(evolver->catalogue, event->schema);
    if (schema == NULL) {
        return schema_absent(event->schema, error);
    }
    for (uint32_t i = 0; i < evolver->catalogue->object_count; i++) {
        if (slice_equal(evolver->catalogue->tables_by_id[i]->definition.schema_name, schema->name)) {
            return evolve_damaged(error, "schema %u is dropped with tables in it", event->schema.value);
        }
    }
    struct slice nothing = {.length = 0};
    return schema_put(evolver, schema, event->schema, nothing, nothing, error);
}

/* Tables keep the name of their schema: each that is in it gets another version. */
static enum kmb_status schema_renamed(struct evolver *evolver, const struct event_schema_renamed *event,
                                      struct kmb_error *error) {
    const struct schema_definition *schema = catalogue_schema_of_id(evolver->catalogue, event->schema);
    if (schema == NULL) {
        return schema_absent(event->schema, error);
    }
    if (catalogue_schema(evolver->catalogue, event->name) != NULL) {
        return evolve_damaged(error, "a schema is renamed to the name of another");
    }
    struct slice old = arena_dup_slice(&evolver->arena, schema->name);
    if (old.bytes == NULL) {
        return define_no_memory(error);
    }
    enum kmb_status status = schema_put(evolver, schema, event->schema, event->name, schema->comment, error);
    for (uint32_t i = 0; status == KMB_OK && i < evolver->catalogue->object_count; i++) {
        const struct catalogue_table *table = evolver->catalogue->tables_by_id[i];
        if (slice_equal(table->definition.schema_name, old)) {
            struct table_definition next = table->definition;
            next.schema_name = event->name;
            status = table_put(evolver, table, &next, 0, error);
        }
    }
    return status;
}

static enum kmb_status schema_comment_set(struct evolver *evolver, const struct event_schema_comment_set *event,
                                          struct kmb_error *error) {
    const struct schema_definition *schema = catalogue_schema_of_id(evolver->catalogue, event->schema);
    return schema == NULL ? schema_absent(event->schema, error)
                          : schema_put(evolver, schema, event->schema, schema->name, event->text, error);
}

static enum kmb_status table_moved(struct evolver *evolver, const struct event_table_moved *event,
                                   struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, (struct schema_version){0}, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    bool type = definition_is_type(&alteration.next);
    const struct table_definition *there =
        type ? catalogue_type(evolver->catalogue, event->schema_name, alteration.next.name)
             : catalogue_table(evolver->catalogue, event->schema_name, alteration.next.name);
    if (catalogue_schema(evolver->catalogue, event->schema_name) == NULL || there != NULL) {
        return evolve_damaged(error, "table %u can not be moved", event->table.value);
    }
    alteration.next.schema_name = event->schema_name;
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status view_changed(struct evolver *evolver, const struct event_view_changed *event,
                                    struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->view, (struct schema_version){0}, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!definition_is_view(&alteration.next)) {
        return evolve_damaged(error, "table %u is no view", event->view.value);
    }
    alteration.next.view_query = event->query;
    return alteration_end(evolver, &alteration, 0, error);
}

/* --- streams and facts -------------------------------------------------------------------------------------------- */

static enum kmb_status stream_created(struct evolver *evolver, const struct event_stream_created *event,
                                      struct kmb_error *error) {
    enum kmb_status status = evolve_id_fresh(evolver, event->stream.value, error);
    if (status != KMB_OK) {
        return status;
    }
    if (catalogue_stream(evolver->catalogue, event->name) != NULL) {
        return evolve_damaged(error, "a new stream has the name of another");
    }
    struct buffer payload = {.bytes = NULL};
    buffer_u8(&payload, (uint8_t)event->data_class);
    buffer_append_slice(&payload, event->name);
    struct meta_key key = object_key(META_OBJECT_STREAM, event->stream.value);
    status = buffer_ok(&payload)
                 ? meta_write_moment(evolver, &key, define_moment(evolver), buffer_slice(&payload), error)
                 : define_no_memory(error);
    buffer_free(&payload);
    if (status != KMB_OK) {
        return status;
    }
    struct catalogue_change change = {.stream_put = NULL};
    status = catalogue_stream_make(event->stream, event->name, event->data_class, define_moment(evolver),
                                   &change.stream_put, error);
    return status != KMB_OK ? status : define_apply(evolver, &change, event->stream.value + 1, error);
}

static enum kmb_status tenant_created(struct evolver *evolver, const struct event_tenant_created *event,
                                      struct kmb_error *error) {
    if (evolver->facts.exists || event->tenant.value != evolver->tenant) {
        return evolve_damaged(error, "tenant %u is created in the entry of tenant %u", event->tenant.value,
                              evolver->tenant);
    }
    buffer_clear(&evolver->facts_text);
    buffer_append_slice(&evolver->facts_text, event->name);
    if (!buffer_ok(&evolver->facts_text)) {
        return define_no_memory(error);
    }
    evolver->facts.exists = true;
    evolver->facts.name = buffer_slice(&evolver->facts_text);
    struct meta_key key = meta_key_make(META_TENANT);
    return meta_write(evolver, &key, event->name, error);
}

static enum kmb_status checkpoint_key_set(struct evolver *evolver, const struct event_checkpoint_key *event,
                                          struct kmb_error *error) {
    uint8_t bytes[36];
    codec_put_u32(bytes, event->version.value);
    memcpy(bytes + 4, event->verifier, 32);
    evolver->facts.checkpoint_key = event->version;
    memcpy(evolver->facts.checkpoint_verifier, event->verifier, 32);
    struct meta_key key = meta_key_make(META_CHECKPOINT_KEY);
    return meta_write(evolver, &key, slice_make(bytes, sizeof(bytes)), error);
}

static enum kmb_status clock_accepted(struct evolver *evolver, const struct event_clock_accepted *event,
                                      struct kmb_error *error) {
    uint8_t bytes[16];
    codec_put_u64(bytes, (uint64_t)event->log_time_us);
    codec_put_u64(bytes + 8, (uint64_t)event->clock_time_us);
    evolver->facts.clock_accepted_us = event->clock_time_us;
    struct meta_key key = meta_key_make(META_CLOCK);
    return meta_write(evolver, &key, slice_make(bytes, sizeof(bytes)), error);
}

static enum kmb_status tenant_deleted(struct evolver *evolver, const struct event_tenant_deleted *event,
                                      struct kmb_error *error) {
    uint8_t bytes[4];
    if (!evolver->facts.exists || evolver->facts.deleted || event->tenant.value != evolver->tenant) {
        return evolve_damaged(error, "tenant %u is deleted in the entry of tenant %u", event->tenant.value,
                              evolver->tenant);
    }
    codec_put_u32(bytes, event->tables);
    evolver->facts.deleted = true;
    struct meta_key key = meta_key_make(META_DELETED);
    return meta_write(evolver, &key, slice_make(bytes, sizeof(bytes)), error);
}

enum kmb_status evolve_definition(struct evolver *evolver, const struct event *event, struct kmb_error *error) {
    switch (event->kind) {
    case EVENT_TENANT_CREATED:
        return tenant_created(evolver, &event->as.tenant_created, error);
    case EVENT_CHECKPOINT_KEY_SET:
    case EVENT_CHECKPOINT_KEY_ROTATED:
        return checkpoint_key_set(evolver, &event->as.checkpoint_key, error);
    case EVENT_CLOCK_ACCEPTED:
        return clock_accepted(evolver, &event->as.clock_accepted, error);
    case EVENT_TENANT_DELETED:
        return tenant_deleted(evolver, &event->as.tenant_deleted, error);
    case EVENT_REQUEST_ANSWERED:
        return evolve_answer(evolver, &event->as.answered, error);
    case EVENT_TABLE_CREATED:
    case EVENT_VIEW_CREATED:
    case EVENT_SEQUENCE_CREATED:
    case EVENT_TYPE_CREATED:
        return table_created(evolver, &event->as.table_created, error);
    case EVENT_SEQUENCE_CHANGED:
        return sequence_changed(evolver, &event->as.sequence_changed, error);
    case EVENT_SEQUENCE_ADVANCED:
        return evolve_sequence(evolver, &event->as.sequence_advanced, error);
    case EVENT_LABEL_ADDED:
        return label_added(evolver, &event->as.label, error);
    case EVENT_LABEL_RENAMED:
        return label_renamed(evolver, &event->as.label, error);
    case EVENT_TABLE_DROPPED:
        return table_dropped(evolver, &event->as.table_dropped, error);
    case EVENT_TABLE_RENAMED:
        return table_renamed(evolver, &event->as.table_renamed, error);
    case EVENT_STREAM_CREATED:
        return stream_created(evolver, &event->as.stream_created, error);
    case EVENT_SCHEMA_CREATED:
        return schema_created(evolver, &event->as.schema_created, error);
    case EVENT_SCHEMA_DROPPED:
        return schema_dropped(evolver, &event->as.schema_dropped, error);
    case EVENT_SCHEMA_RENAMED:
        return schema_renamed(evolver, &event->as.schema_renamed, error);
    case EVENT_SCHEMA_COMMENT_SET:
        return schema_comment_set(evolver, &event->as.schema_comment_set, error);
    case EVENT_TABLE_MOVED:
        return table_moved(evolver, &event->as.table_moved, error);
    case EVENT_VIEW_CHANGED:
        return view_changed(evolver, &event->as.view_changed, error);
    case EVENT_ROLE_CREATED:
    case EVENT_ROLE_CHANGED:
    case EVENT_ROLE_DROPPED:
    case EVENT_API_KEY_CREATED:
    case EVENT_API_KEY_REVOKED:
    case EVENT_ACCESS_RECORDED:
        return evolve_principal(evolver, event, error);
    default:
        return evolve_part(evolver, event, error);
    }
}
