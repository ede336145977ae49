/*
 * Events that change definitions: tables, columns, indexes, streams, and facts of the tenant.
 *
 * Each makes a new version of one object: the definition is copied, changed, encoded, and decoded again as a table of
 * the next catalogue; so what the evolver works with is what a reader of the record will get. The version that ends is
 * kept in META with the moment of its end. A version that would end at the moment it began (two changes in one entry
 * at one position) is simply replaced: nobody can ever ask for it.
 *
 * Dropping a table takes its definition away and leaves rows, history and index entries where they are: ids are never
 * used again, so nothing can meet them, and the past still reads them.
 */
#include "kernel/internal.h"

#include <inttypes.h>

static enum kmb_status define_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

static struct catalogue_moment moment_now(const struct evolver *evolver) {
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
static enum kmb_status version_end(struct evolver *evolver, enum meta_object object, uint32_t id,
                                   struct catalogue_moment from, struct slice encoded, struct kmb_error *error) {
    struct catalogue_moment now = moment_now(evolver);
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

static enum kmb_status header_next(struct evolver *evolver, uint32_t object_id_next, struct catalogue_header *header,
                                   struct kmb_error *error) {
    *header = evolver->catalogue->header;
    header->change_count++;
    header->changed = moment_now(evolver);
    if (object_id_next > header->object_id_next) {
        header->object_id_next = object_id_next;
    }
    uint8_t bytes[CATALOGUE_HEADER_SIZE];
    catalogue_header_encode(header, bytes);
    struct meta_key key = meta_key_make(META_HEADER);
    return meta_write(evolver, &key, slice_make(bytes, sizeof(bytes)), error);
}

static enum kmb_status catalogue_apply(struct evolver *evolver, const struct catalogue_change *change,
                                       uint32_t object_id_next, struct kmb_error *error) {
    struct catalogue_header header;
    enum kmb_status status = header_next(evolver, object_id_next, &header, error);
    if (status != KMB_OK) {
        catalogue_table_release(change->table_put);
        catalogue_stream_release(change->stream_put);
        catalogue_schema_release(change->schema_put);
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
    enum kmb_status status = catalogue_table_make(buffer_slice(&encoded), moment_now(evolver), &table, error);
    if (status == KMB_OK && old != NULL) {
        status = version_end(evolver, META_OBJECT_TABLE, definition->id.value, old->from, old->encoded, error);
    }
    if (status == KMB_OK) {
        struct meta_key key = object_key(META_OBJECT_TABLE, definition->id.value);
        status = meta_write_moment(evolver, &key, moment_now(evolver), buffer_slice(&encoded), error);
    }
    buffer_free(&encoded);
    if (status != KMB_OK) {
        catalogue_table_release(table);
        return status;
    }
    struct catalogue_change change = {.table_put = table};
    return catalogue_apply(evolver, &change, object_id_next, error);
}

/* The table an event changes, and a copy of its definition whose columns, indexes and checks have one free place. */
struct alteration {
    const struct catalogue_table *old;
    struct table_definition next;
    struct column_definition *columns;
    struct index_definition *indexes;
    struct check_definition *checks;
    struct foreign_key_definition *foreign_keys;
    struct comment_definition *comments;
};

static void *copy_array(struct arena *arena, const void *from, uint32_t count, size_t size) {
    uint8_t *array = arena_alloc_zero(arena, (size_t)count + 1, size);
    if (array != NULL && count > 0) {
        memcpy(array, from, count * size);
    }
    return array;
}

/* version 0: the event carries none, the version stays. */
static enum kmb_status alteration_begin(struct evolver *evolver, struct table_id id, struct schema_version version,
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
        copy_array(&evolver->arena, definition->columns, definition->column_count, sizeof(*alteration->columns));
    alteration->indexes =
        copy_array(&evolver->arena, definition->indexes, definition->index_count, sizeof(*alteration->indexes));
    alteration->checks =
        copy_array(&evolver->arena, definition->checks, definition->check_count, sizeof(*alteration->checks));
    alteration->foreign_keys = copy_array(&evolver->arena, definition->foreign_keys, definition->foreign_key_count,
                                          sizeof(*alteration->foreign_keys));
    alteration->comments =
        copy_array(&evolver->arena, definition->comments, definition->comment_count, sizeof(*alteration->comments));
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

static struct column_definition *alteration_column(struct alteration *alteration, struct column_id id) {
    for (uint32_t i = 0; i < alteration->next.column_count; i++) {
        if (alteration->columns[i].id.value == id.value && !alteration->columns[i].dropped) {
            return &alteration->columns[i];
        }
    }
    return NULL;
}

/* What is said about a part goes with it. */
static void alteration_forget(struct alteration *alteration, enum definition_part part, uint32_t id) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < alteration->next.comment_count; i++) {
        if (alteration->comments[i].part != part || alteration->comments[i].id != id) {
            alteration->comments[kept++] = alteration->comments[i];
        }
    }
    alteration->next.comment_count = kept;
}

static enum kmb_status alteration_end(struct evolver *evolver, struct alteration *alteration, uint32_t object_id_next,
                                      struct kmb_error *error) {
    return table_put(evolver, alteration->old, &alteration->next, object_id_next, error);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

static enum kmb_status id_fresh(const struct evolver *evolver, uint32_t id, struct kmb_error *error) {
    if (id < evolver->catalogue->header.object_id_next || id >= OBJECT_ID_MAX) {
        return evolve_damaged(error, "object id %u is not a new one", id);
    }
    return KMB_OK;
}

static enum kmb_status table_created(struct evolver *evolver, const struct event_table_created *event,
                                     struct kmb_error *error) {
    const struct table_definition *table = &event->table;
    enum kmb_status status = id_fresh(evolver, table->id.value, error);
    uint32_t next = table->id.value + 1;
    for (uint32_t i = 0; status == KMB_OK && i < table->index_count; i++) {
        uint32_t index = table->indexes[i].id.value;
        status = index < next ? evolve_damaged(error, "index id %u is not a new one", index)
                              : id_fresh(evolver, index, error);
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
        version_end(evolver, META_OBJECT_TABLE, event->table.value, old->from, old->encoded, error);
    if (status == KMB_OK) {
        struct meta_key key = object_key(META_OBJECT_TABLE, event->table.value);
        status = store_fork_delete(evolver->fork, evolver->tenant, STORE_META, meta_slice(&key), NULL, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct catalogue_change change = {.table_removed = event->table};
    return catalogue_apply(evolver, &change, 0, error);
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
        copy_array(&evolver->arena, alteration->next.labels, alteration->next.label_count, sizeof(*labels));
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

/* --- columns and checks ------------------------------------------------------------------------------------------- */

static enum kmb_status column_absent(struct table_id table, struct column_id column, struct kmb_error *error) {
    return evolve_damaged(error, "table %u has no column %u", table.value, column.value);
}

static enum kmb_status column_added(struct evolver *evolver, const struct event_column_added *event,
                                    struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    if (event->column.id.value < alteration.next.column_id_next || event->column.id.value == UINT32_MAX) {
        return evolve_damaged(error, "column id %u of table %u is not a new one", event->column.id.value,
                              event->table.value);
    }
    if (definition_column_of_name(&alteration.next, event->column.name) != NULL) {
        return evolve_damaged(error, "a new column of table %u has the name of another", event->table.value);
    }
    struct column_definition *column = &alteration.columns[alteration.next.column_count++];
    *column = event->column;
    column->dropped = false;
    column->added_in = event->version;
    column->dropped_in.value = 0;
    alteration.next.column_id_next = event->column.id.value + 1;
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status column_dropped(struct evolver *evolver, const struct event_column_dropped *event,
                                      struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    struct column_definition *column = alteration_column(&alteration, event->column);
    if (column == NULL) {
        return column_absent(event->table, event->column, error);
    }
    column->dropped = true;
    column->dropped_in = event->version;
    alteration_forget(&alteration, DEFINITION_COLUMN, event->column.value);
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status column_renamed(struct evolver *evolver, const struct event_column_renamed *event,
                                      struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    struct column_definition *column = alteration_column(&alteration, event->column);
    if (column == NULL) {
        return column_absent(event->table, event->column, error);
    }
    if (definition_column_of_name(&alteration.next, event->name) != NULL) {
        return evolve_damaged(error, "a column of table %u is renamed to the name of another", event->table.value);
    }
    column->name = event->name;
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status column_default_changed(struct evolver *evolver, const struct event_column_default_changed *event,
                                              struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    struct column_definition *column = alteration_column(&alteration, event->column);
    if (column == NULL) {
        return column_absent(event->table, event->column, error);
    }
    column->default_kind = event->default_kind;
    column->default_text = event->default_text;
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status column_not_null_changed(struct evolver *evolver,
                                               const struct event_column_not_null_changed *event,
                                               struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    struct column_definition *column = alteration_column(&alteration, event->column);
    if (column == NULL) {
        return column_absent(event->table, event->column, error);
    }
    column->not_null = event->not_null;
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status check_added(struct evolver *evolver, const struct event_check_added *event,
                                   struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    if (event->check.id.value < alteration.next.constraint_id_next || event->check.id.value == UINT32_MAX ||
        alteration.next.check_count >= DEFINITION_CHECKS_MAX) {
        return evolve_damaged(error, "constraint %u of table %u is not a new one", event->check.id.value,
                              event->table.value);
    }
    alteration.checks[alteration.next.check_count++] = event->check;
    alteration.next.constraint_id_next = event->check.id.value + 1;
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status check_dropped(struct evolver *evolver, const struct event_check_dropped *event,
                                     struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    for (uint32_t i = 0; i < alteration.next.check_count; i++) {
        if (alteration.checks[i].id.value == event->check.value) {
            uint32_t behind = alteration.next.check_count - i - 1;
            memmove(&alteration.checks[i], &alteration.checks[i + 1], behind * sizeof(*alteration.checks));
            alteration.next.check_count--;
            alteration_forget(&alteration, DEFINITION_CONSTRAINT, event->check.value);
            return alteration_end(evolver, &alteration, 0, error);
        }
    }
    return evolve_damaged(error, "table %u has no constraint %u", event->table.value, event->check.value);
}

static enum kmb_status foreign_key_added(struct evolver *evolver, const struct event_foreign_key_added *event,
                                         struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct table_definition *parent = catalogue_table_of_id(evolver->catalogue, event->key.parent);
    bool good = parent != NULL && definition_is_table(parent) && definition_is_table(&alteration.next) &&
                event->key.id.value >= alteration.next.constraint_id_next && event->key.id.value != UINT32_MAX &&
                alteration.next.foreign_key_count < DEFINITION_FOREIGN_MAX;
    for (uint32_t i = 0; good && i < event->key.part_count; i++) {
        const struct column_definition *other = definition_column_of_id(parent, event->key.parts[i].parent);
        good = alteration_column(&alteration, event->key.parts[i].column) != NULL && other != NULL && !other->dropped;
    }
    if (!good) {
        return evolve_damaged(error, "foreign key %u of table %u is not a good one", event->key.id.value,
                              event->table.value);
    }
    alteration.foreign_keys[alteration.next.foreign_key_count++] = event->key;
    alteration.next.constraint_id_next = event->key.id.value + 1;
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status foreign_key_dropped(struct evolver *evolver, const struct event_foreign_key_dropped *event,
                                           struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    for (uint32_t i = 0; i < alteration.next.foreign_key_count; i++) {
        if (alteration.foreign_keys[i].id.value == event->key.value) {
            uint32_t behind = alteration.next.foreign_key_count - i - 1;
            memmove(&alteration.foreign_keys[i], &alteration.foreign_keys[i + 1],
                    behind * sizeof(*alteration.foreign_keys));
            alteration.next.foreign_key_count--;
            alteration_forget(&alteration, DEFINITION_CONSTRAINT, event->key.value);
            return alteration_end(evolver, &alteration, 0, error);
        }
    }
    return evolve_damaged(error, "table %u has no foreign key %u", event->table.value, event->key.value);
}

/* Constraints that are renamed, or looked at after all. */
static enum kmb_status constraint_renamed(struct evolver *evolver, const struct event_constraint_renamed *event,
                                          struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    struct slice *name = NULL;
    for (uint32_t i = 0; event->part == DEFINITION_CONSTRAINT && i < alteration.next.check_count; i++) {
        name = alteration.checks[i].id.value == event->id ? &alteration.checks[i].name : name;
    }
    for (uint32_t i = 0; event->part == DEFINITION_CONSTRAINT && i < alteration.next.foreign_key_count; i++) {
        name = alteration.foreign_keys[i].id.value == event->id ? &alteration.foreign_keys[i].name : name;
    }
    for (uint32_t i = 0; event->part == DEFINITION_INDEX && i < alteration.next.index_count; i++) {
        name = alteration.indexes[i].id.value == event->id ? &alteration.indexes[i].name : name;
    }
    if (event->part == DEFINITION_PRIMARY_KEY && alteration.next.primary_key_count > 0) {
        name = &alteration.next.primary_key_name;
    }
    if (name == NULL) {
        return evolve_damaged(error, "table %u has no constraint %u", event->table.value, event->id);
    }
    *name = event->name;
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status constraint_valid_changed(struct evolver *evolver,
                                                const struct event_constraint_valid_changed *event,
                                                struct kmb_error *error) {
    struct alteration alteration;
    bool found = false;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    for (uint32_t i = 0; i < alteration.next.check_count; i++) {
        if (alteration.checks[i].id.value == event->constraint.value) {
            alteration.checks[i].not_valid = !event->valid;
            found = true;
        }
    }
    for (uint32_t i = 0; i < alteration.next.foreign_key_count; i++) {
        if (alteration.foreign_keys[i].id.value == event->constraint.value) {
            alteration.foreign_keys[i].not_valid = !event->valid;
            found = true;
        }
    }
    return found ? alteration_end(evolver, &alteration, 0, error)
                 : evolve_damaged(error, "table %u has no constraint %u", event->table.value, event->constraint.value);
}

static bool comment_has_part(const struct table_definition *table, const struct event_comment_set *event) {
    bool found =
        event->part == DEFINITION_TABLE || (event->part == DEFINITION_PRIMARY_KEY && table->primary_key_count > 0);
    for (uint32_t i = 0; event->part == DEFINITION_COLUMN && i < table->column_count; i++) {
        found = found || (table->columns[i].id.value == event->id && !table->columns[i].dropped);
    }
    for (uint32_t i = 0; event->part == DEFINITION_INDEX && i < table->index_count; i++) {
        found = found || table->indexes[i].id.value == event->id;
    }
    for (uint32_t i = 0; event->part == DEFINITION_CONSTRAINT && i < table->check_count; i++) {
        found = found || table->checks[i].id.value == event->id;
    }
    for (uint32_t i = 0; event->part == DEFINITION_CONSTRAINT && i < table->foreign_key_count; i++) {
        found = found || table->foreign_keys[i].id.value == event->id;
    }
    return found;
}

static enum kmb_status comment_set(struct evolver *evolver, const struct event_comment_set *event,
                                   struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, (struct schema_version){0}, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!comment_has_part(&alteration.next, event)) {
        return evolve_damaged(error, "a comment is on what table %u does not have", event->table.value);
    }
    uint32_t at = 0;
    uint32_t count = alteration.next.comment_count;
    while (at < count && (alteration.comments[at].part != event->part || alteration.comments[at].id != event->id)) {
        at++;
    }
    if (event->text.length > 0) {
        alteration.comments[at] = (struct comment_definition){event->part, event->id, event->text};
        alteration.next.comment_count = at == count ? count + 1 : count;
    } else if (at < count) {
        memmove(&alteration.comments[at], &alteration.comments[at + 1],
                (count - at - 1) * sizeof(*alteration.comments));
        alteration.next.comment_count--;
    }
    if (alteration.next.comment_count > DEFINITION_COMMENTS_MAX) {
        return evolve_damaged(error, "table %u has too many comments", event->table.value);
    }
    return alteration_end(evolver, &alteration, 0, error);
}

/* --- keys of rows ------------------------------------------------------------------------------------------------- */

static enum kmb_status table_is_empty(const struct evolver *evolver, struct table_id table, bool *empty,
                                      struct kmb_error *error) {
    struct store_cursor cursor = {.valid = false};
    uint8_t prefix[TABLE_PREFIX_SIZE];
    codec_put_u32_big(prefix, table.value);
    enum kmb_status status =
        store_cursor_open(&cursor, store_view_fork(evolver->fork), evolver->tenant, STORE_CURRENT, error);
    if (status == KMB_OK) {
        status = store_cursor_seek(&cursor, slice_make(prefix, sizeof(prefix)), error);
    }
    if (status == KMB_OK) {
        *empty = !cursor.valid || memcmp(cursor.key.bytes, prefix, sizeof(prefix)) != 0;
    }
    store_cursor_close(&cursor);
    return status;
}

/* Rows stand under their keys: a table whose keys change has no rows at that moment. */
static enum kmb_status rows_absent(const struct evolver *evolver, struct table_id table, struct kmb_error *error) {
    bool empty = false;
    enum kmb_status status = table_is_empty(evolver, table, &empty, error);
    return status == KMB_OK && !empty
               ? evolve_damaged(error, "the key of table %u changes while it has rows", table.value)
               : status;
}

static enum kmb_status column_replaced(struct evolver *evolver, const struct event_column_replaced *event,
                                       struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    struct column_definition *old = alteration_column(&alteration, event->old);
    struct column_definition *column = alteration_column(&alteration, event->column);
    uint32_t count = alteration.next.primary_key_count;
    struct key_part *parts =
        copy_array(&evolver->arena, alteration.next.primary_key, count, sizeof(*alteration.next.primary_key));
    if (parts == NULL) {
        return define_no_memory(error);
    }
    if (old == NULL || column == NULL || old->id.value >= column->id.value || old->hidden || !column->hidden) {
        return column_absent(event->table, event->column, error);
    }
    for (uint32_t i = 0; status == KMB_OK && i < count; i++) {
        if (parts[i].column.value == event->old.value) {
            parts[i].column = event->column;
            alteration.next.keys_since = event->version;
            status = rows_absent(evolver, event->table, error);
        }
    }
    if (status != KMB_OK) {
        return status;
    }
    column->name = old->name;
    column->place = old->place.value != 0 ? old->place : old->id;
    column->hidden = false;
    column->default_kind = DEFAULT_NONE;
    column->default_text = (struct slice){.length = 0};
    old->dropped = true;
    old->dropped_in = event->version;
    alteration.next.primary_key = count == 0 ? NULL : parts;
    for (uint32_t i = 0; i < alteration.next.comment_count; i++) {
        if (alteration.comments[i].part == DEFINITION_COLUMN && alteration.comments[i].id == event->old.value) {
            alteration.comments[i].id = event->column.value;
        }
    }
    return alteration_end(evolver, &alteration, 0, error);
}

static enum kmb_status primary_key_changed(struct evolver *evolver, const struct event_primary_key_changed *event,
                                           struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status == KMB_OK) {
        status = rows_absent(evolver, event->table, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    alteration_forget(&alteration, DEFINITION_PRIMARY_KEY, 0);
    alteration.next.primary_key = event->parts;
    alteration.next.primary_key_count = event->part_count;
    alteration.next.primary_key_name = event->name;
    alteration.next.keys_since = event->version;
    return alteration_end(evolver, &alteration, 0, error);
}

/* --- indexes ------------------------------------------------------------------------------------------------------ */

static enum kmb_status index_declared(struct evolver *evolver, const struct event_index_declared *event,
                                      struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, (struct schema_version){0}, &alteration, error);
    if (status == KMB_OK) {
        status = id_fresh(evolver, event->index.id.value, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (alteration.next.index_count >= DEFINITION_INDEXES_MAX ||
        definition_index_of_name(&alteration.next, event->index.name) != NULL) {
        return evolve_damaged(error, "table %u can not have the index", event->table.value);
    }
    struct index_definition *index = &alteration.indexes[alteration.next.index_count++];
    *index = event->index;
    index->state = INDEX_DECLARED;
    return alteration_end(evolver, &alteration, event->index.id.value + 1, error);
}

static enum kmb_status index_ready(struct evolver *evolver, const struct event_index_ready *event,
                                   struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, (struct schema_version){0}, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    for (uint32_t i = 0; i < alteration.next.index_count; i++) {
        struct index_definition *index = &alteration.indexes[i];
        if (index->id.value == event->index.value && index->state == INDEX_DECLARED) {
            status = evolve_backfill(evolver, alteration.old, index, error);
            index->state = INDEX_READY;
            return status != KMB_OK ? status : alteration_end(evolver, &alteration, 0, error);
        }
    }
    return evolve_damaged(error, "table %u has no index %u that waits to be ready", event->table.value,
                          event->index.value);
}

static enum kmb_status index_dropped(struct evolver *evolver, const struct event_index_dropped *event,
                                     struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, (struct schema_version){0}, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    for (uint32_t i = 0; i < alteration.next.index_count; i++) {
        if (alteration.indexes[i].id.value == event->index.value) {
            uint32_t behind = alteration.next.index_count - i - 1;
            memmove(&alteration.indexes[i], &alteration.indexes[i + 1], behind * sizeof(*alteration.indexes));
            alteration.next.index_count--;
            alteration_forget(&alteration, DEFINITION_INDEX, event->index.value);
            return alteration_end(evolver, &alteration, 0, error);
        }
    }
    return evolve_damaged(error, "table %u has no index %u", event->table.value, event->index.value);
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
        status = buffer_ok(&encoded)
                     ? version_end(evolver, META_OBJECT_SCHEMA, id.value, was->from, buffer_slice(&encoded), error)
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
        status = catalogue_schema_make(id, buffer_slice(&encoded), moment_now(evolver), &change.schema_put, error);
        if (status == KMB_OK) {
            status = meta_write_moment(evolver, &key, moment_now(evolver), buffer_slice(&encoded), error);
        }
    }
    buffer_free(&encoded);
    if (status != KMB_OK) {
        catalogue_schema_release(change.schema_put);
        return status;
    }
    return catalogue_apply(evolver, &change, old == NULL ? id.value + 1 : 0, error);
}

static enum kmb_status schema_created(struct evolver *evolver, const struct event_schema_created *event,
                                      struct kmb_error *error) {
    enum kmb_status status = id_fresh(evolver, event->schema.value, error);
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
    enum kmb_status status = id_fresh(evolver, event->stream.value, error);
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
    status = buffer_ok(&payload) ? meta_write_moment(evolver, &key, moment_now(evolver), buffer_slice(&payload), error)
                                 : define_no_memory(error);
    buffer_free(&payload);
    if (status != KMB_OK) {
        return status;
    }
    struct catalogue_change change = {.stream_put = NULL};
    status = catalogue_stream_make(event->stream, event->name, event->data_class, moment_now(evolver),
                                   &change.stream_put, error);
    return status != KMB_OK ? status : catalogue_apply(evolver, &change, event->stream.value + 1, error);
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

enum kmb_status evolve_definition(struct evolver *evolver, const struct event *event, struct kmb_error *error) {
    switch (event->kind) {
    case EVENT_TENANT_CREATED:
        return tenant_created(evolver, &event->as.tenant_created, error);
    case EVENT_CHECKPOINT_KEY_SET:
    case EVENT_CHECKPOINT_KEY_ROTATED:
        return checkpoint_key_set(evolver, &event->as.checkpoint_key, error);
    case EVENT_CLOCK_ACCEPTED:
        return clock_accepted(evolver, &event->as.clock_accepted, error);
    case EVENT_TABLE_CREATED:
    case EVENT_VIEW_CREATED:
    case EVENT_SEQUENCE_CREATED:
    case EVENT_TYPE_CREATED:
        return table_created(evolver, &event->as.table_created, error);
    case EVENT_FOREIGN_KEY_ADDED:
        return foreign_key_added(evolver, &event->as.foreign_key_added, error);
    case EVENT_FOREIGN_KEY_DROPPED:
        return foreign_key_dropped(evolver, &event->as.foreign_key_dropped, error);
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
    case EVENT_COLUMN_ADDED:
        return column_added(evolver, &event->as.column_added, error);
    case EVENT_COLUMN_DROPPED:
        return column_dropped(evolver, &event->as.column_dropped, error);
    case EVENT_COLUMN_RENAMED:
        return column_renamed(evolver, &event->as.column_renamed, error);
    case EVENT_COLUMN_DEFAULT_CHANGED:
        return column_default_changed(evolver, &event->as.column_default_changed, error);
    case EVENT_COLUMN_NOT_NULL_CHANGED:
        return column_not_null_changed(evolver, &event->as.column_not_null_changed, error);
    case EVENT_CHECK_ADDED:
        return check_added(evolver, &event->as.check_added, error);
    case EVENT_CHECK_DROPPED:
        return check_dropped(evolver, &event->as.check_dropped, error);
    case EVENT_COLUMN_REPLACED:
        return column_replaced(evolver, &event->as.column_replaced, error);
    case EVENT_PRIMARY_KEY_CHANGED:
        return primary_key_changed(evolver, &event->as.primary_key_changed, error);
    case EVENT_CONSTRAINT_RENAMED:
        return constraint_renamed(evolver, &event->as.constraint_renamed, error);
    case EVENT_CONSTRAINT_VALID_CHANGED:
        return constraint_valid_changed(evolver, &event->as.constraint_valid_changed, error);
    case EVENT_COMMENT_SET:
        return comment_set(evolver, &event->as.comment_set, error);
    case EVENT_INDEX_DECLARED:
        return index_declared(evolver, &event->as.index_declared, error);
    case EVENT_INDEX_READY:
        return index_ready(evolver, &event->as.index_ready, error);
    case EVENT_INDEX_DROPPED:
        return index_dropped(evolver, &event->as.index_dropped, error);
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
    default:
        return evolve_damaged(error, "event kind 0x%04x has no meaning here", (unsigned)event->kind);
    }
}
