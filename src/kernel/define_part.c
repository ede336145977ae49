/*
 * Events that change a part of a table: its columns, its constraints, its keys, its indexes, what is said about them.
 *
 * Each takes a copy of the definition, changes the part, and makes it the table's next version (define.c). A new index
 * is filled from the rows that are there when it becomes ready; no other part touches a row.
 */
#include "kernel/define_internal.h"

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
        alteration_copy(&evolver->arena, alteration.next.primary_key, count, sizeof(*alteration.next.primary_key));
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

static enum kmb_status column_shown(struct evolver *evolver, const struct event_column_shown *event,
                                    struct kmb_error *error) {
    struct alteration alteration;
    enum kmb_status status = alteration_begin(evolver, event->table, event->version, &alteration, error);
    if (status != KMB_OK) {
        return status;
    }
    struct column_definition *column = alteration_column(&alteration, event->column);
    if (column == NULL || !column->hidden) {
        return column_absent(event->table, event->column, error);
    }
    if (definition_column_of_name(&alteration.next, event->name) != NULL) {
        return evolve_damaged(error, "a new column of table %u has the name of another", event->table.value);
    }
    column->name = event->name;
    column->hidden = false;
    column->default_kind = DEFAULT_NONE;
    column->default_text = (struct slice){.length = 0};
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
        status = evolve_id_fresh(evolver, event->index.id.value, error);
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

enum kmb_status evolve_part(struct evolver *evolver, const struct event *event, struct kmb_error *error) {
    switch (event->kind) {
    case EVENT_FOREIGN_KEY_ADDED:
        return foreign_key_added(evolver, &event->as.foreign_key_added, error);
    case EVENT_FOREIGN_KEY_DROPPED:
        return foreign_key_dropped(evolver, &event->as.foreign_key_dropped, error);
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
    case EVENT_COLUMN_SHOWN:
        return column_shown(evolver, &event->as.column_shown, error);
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
    default:
        return evolve_damaged(error, "event kind 0x%04x has no meaning here", (unsigned)event->kind);
    }
}
