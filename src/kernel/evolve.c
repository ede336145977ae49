/*
 * Events to state: rows, streams, entries. (Definitions: define.c; filling an index: backfill.c.)
 *
 * The evolver is the only writer of a fork. A transaction drives it event by event as it decides, a fold drives it with
 * bodies of the log: the changes are made by the same functions in the same order, so the state hash is the same by
 * construction and not by test alone.
 *
 * A row costs one write to CURRENT (with what was there moved to history) and one to each index whose key it changes.
 * What an index loses is kept: the entry moves from the index's own prefix to the same prefix with the top bit set.
 * So an index answers for the past too: every (values, row) pair that ever was is in one of both places, and a
 * reader of position n looks the row up as of n and compares. An entry may be in both places (a value that came
 * back); readers take equal neighbours once.
 *
 * Inserts come mostly in key order. The evolver remembers a stretch of CURRENT that it knows to be empty, from the last
 * key it inserted up to the next one present; a key inside needs no look before it is written.
 *
 * Nothing here trusts a body: ids, versions, images, keys and counts are checked before they are used, and what does
 * not fit answers KMB_CORRUPT. Only deciding can meet a unique clash; in a fold it is damage as well.
 */
#include "kernel/internal.h"

#include <inttypes.h>
#include <stdio.h>

enum kmb_status evolve_damaged(struct kmb_error *error, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return error_set(error, KMB_CORRUPT, "event does not fit the state: %s", text);
}

static enum kmb_status out_of_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

enum kmb_status evolver_init(struct evolver *evolver, const struct kernel_state *state, struct kmb_error *error) {
    *evolver = (struct evolver){.tenant = state->tenant.value};
    arena_init(&evolver->arena, 0);
    buffer_append_slice(&evolver->facts_text, state->facts.name);
    if (!buffer_ok(&evolver->facts_text)) {
        return out_of_memory(error);
    }
    evolver->facts = state->facts;
    evolver->facts.name = buffer_slice(&evolver->facts_text);
    catalogue_retain(state->catalogue);
    evolver->catalogue = state->catalogue;
    evolver->position = state->position;
    evolver->sequence = state->sequence + 1;
    return KMB_OK;
}

void evolver_free(struct evolver *evolver) {
    store_fork_discard(evolver->fork);
    catalogue_release(evolver->catalogue);
    arena_free(&evolver->arena);
    mem_free(evolver->row_ids);
    buffer_free(&evolver->facts_text);
    buffer_free(&evolver->clash.key);
    buffer_free(&evolver->gap_low);
    buffer_free(&evolver->gap_high);
    buffer_free(&evolver->key);
    buffer_free(&evolver->key_other);
    buffer_free(&evolver->old_value);
    buffer_free(&evolver->index_key);
    buffer_free(&evolver->index_key_old);
    buffer_free(&evolver->record);
    *evolver = (struct evolver){.fork = NULL};
}

void evolver_forget(struct evolver *evolver) {
    evolver->row_id_count = 0;
    evolver->gap_known = false;
    evolver->clash.set = false;
}

static struct store_view fork_view(const struct evolver *evolver) {
    return store_view_fork(evolver->fork);
}

static enum kmb_status meta_put(struct evolver *evolver, const struct meta_key *key, struct slice value,
                                struct kmb_error *error) {
    return store_fork_put(evolver->fork, evolver->tenant, STORE_META, meta_slice(key), value, error);
}

/* --- row ids ------------------------------------------------------------------------------------------------------ */

static struct row_id_floor *row_id_find(struct evolver *evolver, uint32_t table) {
    for (uint32_t i = 0; i < evolver->row_id_count; i++) {
        if (evolver->row_ids[i].table == table) {
            return &evolver->row_ids[i];
        }
    }
    return NULL;
}

enum kmb_status evolve_row_id_next(struct evolver *evolver, uint32_t table, uint64_t *next, struct kmb_error *error) {
    struct row_id_floor *floor = row_id_find(evolver, table);
    if (floor == NULL) {
        if (evolver->row_id_count == evolver->row_id_capacity) {
            uint32_t capacity = evolver->row_id_capacity == 0 ? 8 : evolver->row_id_capacity * 2;
            struct row_id_floor *grown = mem_realloc(evolver->row_ids, capacity * sizeof(*grown));
            if (grown == NULL) {
                return out_of_memory(error);
            }
            evolver->row_ids = grown;
            evolver->row_id_capacity = capacity;
        }
        struct meta_key key = meta_key_make(META_ROW_ID);
        meta_key_u32(&key, table);
        bool found = false;
        enum kmb_status status = store_get(fork_view(evolver), evolver->tenant, STORE_META, meta_slice(&key),
                                           &evolver->record, &found, error);
        if (status != KMB_OK) {
            return status;
        }
        if (found && evolver->record.length != 8) {
            return meta_damaged(error, "the record of a table's row ids");
        }
        floor = &evolver->row_ids[evolver->row_id_count++];
        floor->table = table;
        floor->next = found ? codec_get_u64(evolver->record.bytes) : 1;
    }
    *next = floor->next;
    return KMB_OK;
}

void evolve_note_row_id(struct evolver *evolver, uint32_t table, uint64_t row_id) {
    struct row_id_floor *floor = row_id_find(evolver, table);
    ASSERT(floor != NULL);
    if (row_id >= floor->next) {
        floor->next = row_id + 1;
    }
}

enum kmb_status evolver_flush(struct evolver *evolver, struct kmb_error *error) {
    for (uint32_t i = 0; i < evolver->row_id_count; i++) {
        struct meta_key key = meta_key_make(META_ROW_ID);
        meta_key_u32(&key, evolver->row_ids[i].table);
        uint8_t bytes[8];
        codec_put_u64(bytes, evolver->row_ids[i].next);
        enum kmb_status status = meta_put(evolver, &key, slice_make(bytes, sizeof(bytes)), error);
        if (status != KMB_OK) {
            return status;
        }
    }
    evolver->row_id_count = 0;
    return KMB_OK;
}

/* --- looking before writing --------------------------------------------------------------------------------------- */

static bool full_key(struct buffer *out, uint32_t id, struct slice key) {
    buffer_clear(out);
    key_prefix(out, id);
    buffer_append_slice(out, key);
    return buffer_ok(out);
}

enum kmb_status evolve_read(struct evolver *evolver, const struct catalogue_table *table, struct slice key, bool *found,
                            struct kmb_error *error) {
    if (!full_key(&evolver->key, table->definition.id.value, key)) {
        return out_of_memory(error);
    }
    return store_get(fork_view(evolver), evolver->tenant, STORE_CURRENT, buffer_slice(&evolver->key),
                     &evolver->old_value, found, error);
}

/* Is evolver->key (a full key of `table`) absent? Learns the gap around it. */
static enum kmb_status key_absent(struct evolver *evolver, uint32_t table, bool *absent, struct kmb_error *error) {
    struct slice key = buffer_slice(&evolver->key);
    if (evolver->gap_known && evolver->gap_table == table && slice_compare(key, buffer_slice(&evolver->gap_low)) > 0 &&
        (evolver->gap_high.length == 0 || slice_compare(key, buffer_slice(&evolver->gap_high)) < 0)) {
        *absent = true;
        return KMB_OK;
    }
    evolver->gap_known = false;
    struct store_cursor cursor = {.valid = false};
    enum kmb_status status = store_cursor_open(&cursor, fork_view(evolver), evolver->tenant, STORE_CURRENT, error);
    if (status == KMB_OK) {
        status = store_cursor_seek(&cursor, key, error);
    }
    if (status == KMB_OK) {
        *absent = !cursor.valid || !slice_equal(cursor.key, key);
        buffer_clear(&evolver->gap_high);
        if (cursor.valid && memcmp(cursor.key.bytes, key.bytes, TABLE_PREFIX_SIZE) == 0) {
            buffer_append_slice(&evolver->gap_high, cursor.key);
        }
        buffer_clear(&evolver->gap_low);
        buffer_append_slice(&evolver->gap_low, key);
        evolver->gap_known = *absent && buffer_ok(&evolver->gap_high) && buffer_ok(&evolver->gap_low);
        evolver->gap_table = table;
    }
    store_cursor_close(&cursor);
    return status;
}

static void gap_advance(struct evolver *evolver) {
    if (evolver->gap_known) {
        buffer_clear(&evolver->gap_low);
        buffer_append_slice(&evolver->gap_low, buffer_slice(&evolver->key));
        evolver->gap_known = buffer_ok(&evolver->gap_low);
    }
}

static enum kmb_status clash_with(struct evolver *evolver, struct index_id index, struct slice row_key,
                                  struct kmb_error *error) {
    evolver->clash.set = true;
    evolver->clash.index = index;
    buffer_clear(&evolver->clash.key);
    buffer_append_slice(&evolver->clash.key, row_key);
    if (!buffer_ok(&evolver->clash.key)) {
        return out_of_memory(error);
    }
    return error_set(error, KMB_UNIQUE_VIOLATION, "a row with this key is there already");
}

/* evolver->index_key holds a unique key without row key: does an entry of another row than `own` have it? */
static enum kmb_status unique_check(struct evolver *evolver, struct index_id index, struct slice own,
                                    struct kmb_error *error) {
    struct store_cursor cursor = {.valid = false};
    struct slice prefix = buffer_slice(&evolver->index_key);
    enum kmb_status status = store_cursor_open(&cursor, fork_view(evolver), evolver->tenant, STORE_INDEX, error);
    if (status == KMB_OK) {
        status = store_cursor_seek(&cursor, prefix, error);
    }
    while (status == KMB_OK && cursor.valid && cursor.key.length >= prefix.length &&
           memcmp(cursor.key.bytes, prefix.bytes, prefix.length) == 0) {
        struct slice row_key = slice_make(cursor.key.bytes + prefix.length, cursor.key.length - prefix.length);
        if (own.length == 0 || !slice_equal(row_key, own)) {
            status = clash_with(evolver, index, row_key, error);
            break;
        }
        status = store_cursor_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return status;
}

static enum kmb_status unique_checks(struct evolver *evolver, const struct catalogue_table *table,
                                     const struct value *values, struct slice own, struct kmb_error *error) {
    for (uint32_t i = 0; i < table->definition.index_count; i++) {
        const struct index_definition *index = &table->definition.indexes[i];
        if (!index->unique || !key_plan_takes(table, &table->indexes[i], NULL, (struct slice){.length = 0}, values)) {
            continue;
        }
        bool has_null = false;
        buffer_clear(&evolver->index_key);
        key_prefix(&evolver->index_key, index->id.value);
        key_of_values(&table->indexes[i], values, &evolver->index_key, &has_null);
        if (!buffer_ok(&evolver->index_key)) {
            return out_of_memory(error);
        }
        if (has_null) {
            continue;
        }
        enum kmb_status status = unique_check(evolver, index->id, own, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    return KMB_OK;
}

enum kmb_status evolve_check_insert(struct evolver *evolver, const struct catalogue_table *table, struct slice key,
                                    const struct value *values, struct kmb_error *error) {
    if (!full_key(&evolver->key, table->definition.id.value, key)) {
        return out_of_memory(error);
    }
    bool absent = false;
    enum kmb_status status = key_absent(evolver, table->definition.id.value, &absent, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!absent) {
        return clash_with(evolver, (struct index_id){0}, key, error);
    }
    return unique_checks(evolver, table, values, (struct slice){.length = 0}, error);
}

enum kmb_status evolve_check_update(struct evolver *evolver, const struct catalogue_table *table, struct slice old_key,
                                    struct slice new_key, const struct value *values, struct kmb_error *error) {
    if (!slice_equal(old_key, new_key)) {
        if (!full_key(&evolver->key, table->definition.id.value, new_key)) {
            return out_of_memory(error);
        }
        bool found = false;
        enum kmb_status status = store_get(fork_view(evolver), evolver->tenant, STORE_CURRENT,
                                           buffer_slice(&evolver->key), NULL, &found, error);
        if (status != KMB_OK) {
            return status;
        }
        if (found) {
            return clash_with(evolver, (struct index_id){0}, new_key, error);
        }
    }
    return unique_checks(evolver, table, values, old_key, error);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static struct history_stamp stamp_next(const struct evolver *evolver) {
    return (struct history_stamp){.position = evolver->position + 1, .sequence = evolver->sequence};
}

static enum kmb_status index_put(struct evolver *evolver, struct slice key, struct kmb_error *error) {
    return store_fork_put(evolver->fork, evolver->tenant, STORE_INDEX, key, (struct slice){.length = 0}, error);
}

/* Takes an entry out of the index and keeps it among the superseded ones. The key in `entry` is changed. */
static enum kmb_status index_supersede(struct evolver *evolver, struct buffer *entry, struct kmb_error *error) {
    enum kmb_status status =
        store_fork_delete(evolver->fork, evolver->tenant, STORE_INDEX, buffer_slice(entry), NULL, error);
    if (status != KMB_OK) {
        return status;
    }
    entry->bytes[0] |= 0x80;
    return index_put(evolver, buffer_slice(entry), error);
}

/* The whole entry of an index: prefix, columns, row key. */
static bool index_entry(struct buffer *out, const struct catalogue_table *table, uint32_t ordinal,
                        const struct table_layout *layout, struct slice image, const struct value *values,
                        struct slice row_key) {
    buffer_clear(out);
    key_prefix(out, table->definition.indexes[ordinal].id.value);
    if (values != NULL) {
        key_of_values(&table->indexes[ordinal], values, out, NULL);
    } else {
        key_of_image(table, &table->indexes[ordinal], layout, image, out, NULL);
    }
    buffer_append_slice(out, row_key);
    return buffer_ok(out);
}

enum kmb_status evolve_insert(struct evolver *evolver, const struct catalogue_table *table, struct slice key,
                              struct slice image, const struct value *values, struct kmb_error *error) {
    if (!full_key(&evolver->key, table->definition.id.value, key)) {
        return out_of_memory(error);
    }
    enum kmb_status status = history_write_over(evolver->fork, evolver->tenant, buffer_slice(&evolver->key), NULL,
                                                stamp_next(evolver), &image, error);
    if (status != KMB_OK) {
        return status;
    }
    gap_advance(evolver);
    evolver->position++;
    const struct table_layout *layout = &table->versions[table->definition.version.value - 1];
    for (uint32_t i = 0; i < table->definition.index_count; i++) {
        if (!key_plan_takes(table, &table->indexes[i], layout, image, values)) {
            continue;
        }
        if (!index_entry(&evolver->index_key, table, i, layout, image, values, key)) {
            return out_of_memory(error);
        }
        status = index_put(evolver, buffer_slice(&evolver->index_key), error);
        if (status != KMB_OK) {
            return status;
        }
    }
    return KMB_OK;
}

/* Moves a row's entries from its old image to its new one; image NULL: the row goes. */
static enum kmb_status indexes_move(struct evolver *evolver, const struct catalogue_table *table, struct slice old_key,
                                    struct slice old_image, struct slice new_key, const struct slice *image,
                                    struct kmb_error *error) {
    if (table->definition.index_count == 0) {
        return KMB_OK;
    }
    const struct table_layout *old_layout = row_layout_of(table, old_image);
    if (old_layout == NULL) {
        return meta_damaged(error, "a row has an unknown schema version");
    }
    const struct table_layout *layout = &table->versions[table->definition.version.value - 1];
    for (uint32_t i = 0; i < table->definition.index_count; i++) {
        const struct key_plan *plan = &table->indexes[i];
        bool had = key_plan_takes(table, plan, old_layout, old_image, NULL);
        if (!index_entry(&evolver->index_key_old, table, i, old_layout, old_image, NULL, old_key)) {
            return out_of_memory(error);
        }
        if (image != NULL && key_plan_takes(table, plan, layout, *image, NULL)) {
            if (!index_entry(&evolver->index_key, table, i, layout, *image, NULL, new_key)) {
                return out_of_memory(error);
            }
            if (had && slice_equal(buffer_slice(&evolver->index_key_old), buffer_slice(&evolver->index_key))) {
                continue;
            }
            enum kmb_status status = index_put(evolver, buffer_slice(&evolver->index_key), error);
            if (status != KMB_OK) {
                return status;
            }
        }
        enum kmb_status status = had ? index_supersede(evolver, &evolver->index_key_old, error) : KMB_OK;
        if (status != KMB_OK) {
            return status;
        }
    }
    return KMB_OK;
}

/* The row that was read last, with evolve_read: value and image. */
static enum kmb_status old_of(const struct evolver *evolver, struct slice *old, struct slice *old_image,
                              struct kmb_error *error) {
    struct history_stamp stamp;
    *old = buffer_slice(&evolver->old_value);
    if (!history_value_split(*old, &stamp, old_image)) {
        return meta_damaged(error, "a row is shorter than its stamp");
    }
    return KMB_OK;
}

enum kmb_status evolve_update(struct evolver *evolver, const struct catalogue_table *table, struct slice old_key,
                              struct slice new_key, struct slice image, struct kmb_error *error) {
    struct slice old;
    struct slice old_image;
    enum kmb_status status = old_of(evolver, &old, &old_image, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!full_key(&evolver->key, table->definition.id.value, old_key)) {
        return out_of_memory(error);
    }
    struct history_stamp stamp = stamp_next(evolver);
    if (slice_equal(old_key, new_key)) {
        status =
            history_write_over(evolver->fork, evolver->tenant, buffer_slice(&evolver->key), &old, stamp, &image, error);
    } else {
        evolver->gap_known = false;
        if (!full_key(&evolver->key_other, table->definition.id.value, new_key)) {
            return out_of_memory(error);
        }
        status =
            history_write_over(evolver->fork, evolver->tenant, buffer_slice(&evolver->key), &old, stamp, NULL, error);
        if (status == KMB_OK) {
            status = history_write_over(evolver->fork, evolver->tenant, buffer_slice(&evolver->key_other), NULL, stamp,
                                        &image, error);
        }
    }
    if (status == KMB_OK) {
        evolver->position++;
        status = indexes_move(evolver, table, old_key, old_image, new_key, &image, error);
    }
    return status;
}

enum kmb_status evolve_delete(struct evolver *evolver, const struct catalogue_table *table, struct slice key,
                              struct kmb_error *error) {
    struct slice old;
    struct slice old_image;
    enum kmb_status status = old_of(evolver, &old, &old_image, error);
    if (status == KMB_OK) {
        status = full_key(&evolver->key, table->definition.id.value, key)
                     ? history_write_over(evolver->fork, evolver->tenant, buffer_slice(&evolver->key), &old,
                                          stamp_next(evolver), NULL, error)
                     : out_of_memory(error);
    }
    if (status == KMB_OK) {
        evolver->position++;
        status = indexes_move(evolver, table, key, old_image, (struct slice){.length = 0}, NULL, error);
    }
    return status;
}

/* --- streams ------------------------------------------------------------------------------------------------------ */

enum kmb_status evolve_stream_length(struct store_view view, uint32_t tenant, struct stream_id stream, uint64_t *length,
                                     struct kmb_error *error) {
    struct meta_key key = meta_key_make(META_STREAM_LENGTH);
    meta_key_u32(&key, stream.value);
    struct buffer value = {.bytes = NULL};
    bool found = false;
    enum kmb_status status = store_get(view, tenant, STORE_META, meta_slice(&key), &value, &found, error);
    if (status == KMB_OK) {
        *length = 0;
        if (found && value.length != 8) {
            status = meta_damaged(error, "the length of a stream");
        } else if (found) {
            *length = codec_get_u64(value.bytes);
        }
    }
    buffer_free(&value);
    return status;
}

enum kmb_status evolve_append(struct evolver *evolver, struct stream_id stream, uint64_t base, uint32_t count,
                              size_t frame_offset, struct kmb_error *error) {
    if (catalogue_stream_of_id(evolver->catalogue, stream) == NULL) {
        return evolve_damaged(error, "stream %u is not there", stream.value);
    }
    uint64_t length = 0;
    enum kmb_status status = evolve_stream_length(fork_view(evolver), evolver->tenant, stream, &length, error);
    if (status != KMB_OK) {
        return status;
    }
    if (base != length || count == 0 || frame_offset > UINT32_MAX) {
        return evolve_damaged(error, "stream %u has %" PRIu64 " events, the append begins at %" PRIu64, stream.value,
                              length, base);
    }
    struct stream_run run = {.count = count,
                             .sequence = evolver->sequence,
                             .position = evolver->position + 1,
                             .frame_offset = (uint32_t)frame_offset};
    uint8_t bytes[STREAM_RUN_SIZE];
    meta_run_encode(&run, bytes);
    struct meta_key key = meta_key_make(META_STREAM_RUN);
    meta_key_u32(&key, stream.value);
    meta_key_u64(&key, base);
    status = meta_put(evolver, &key, slice_make(bytes, sizeof(bytes)), error);
    if (status == KMB_OK) {
        uint8_t next[8];
        codec_put_u64(next, length + count);
        key = meta_key_make(META_STREAM_LENGTH);
        meta_key_u32(&key, stream.value);
        status = meta_put(evolver, &key, slice_make(next, sizeof(next)), error);
    }
    evolver->position += count;
    return status;
}

/* --- events and entries ------------------------------------------------------------------------------------------- */

static enum kmb_status values_of_image(struct evolver *evolver, const struct catalogue_table *table, struct slice image,
                                       const struct value **values, struct kmb_error *error) {
    struct value *room = arena_alloc(&evolver->arena, (table->living_count + 1) * sizeof(*room));
    if (room == NULL) {
        return out_of_memory(error);
    }
    const struct table_layout *layout = &table->versions[table->definition.version.value - 1];
    for (uint32_t i = 0; i < table->living_count; i++) {
        row_column_get(table, layout, image, i, &room[i]);
    }
    *values = room;
    return KMB_OK;
}

/* The key that an image gives its row; of a table with row ids: `row_key`. In evolver->record. */
static enum kmb_status key_of_event(struct evolver *evolver, const struct catalogue_table *table, struct slice image,
                                    struct slice row_key, struct slice *key, struct kmb_error *error) {
    if (definition_has_row_id(&table->definition)) {
        *key = row_key;
        return KMB_OK;
    }
    bool has_null = false;
    buffer_clear(&evolver->record);
    key_of_image(table, &table->primary, &table->versions[table->definition.version.value - 1], image, &evolver->record,
                 &has_null);
    if (!buffer_ok(&evolver->record)) {
        return out_of_memory(error);
    }
    if (has_null) {
        return evolve_damaged(error, "a row of table %u has NULL in its primary key", table->definition.id.value);
    }
    *key = buffer_slice(&evolver->record);
    return KMB_OK;
}

static enum kmb_status image_check(const struct catalogue_table *table, struct slice image, struct kmb_error *error) {
    const struct table_layout *layout = &table->versions[table->definition.version.value - 1];
    enum kmb_status status = row_validate(&layout->layout, image, error);
    if (status != KMB_OK) {
        return status;
    }
    if (row_layout_of(table, image) != layout) {
        return evolve_damaged(error, "a row image is not of table %u, version %u", table->definition.id.value,
                              table->definition.version.value);
    }
    return KMB_OK;
}

static enum kmb_status row_inserted(struct evolver *evolver, const struct catalogue_table *table,
                                    const struct event_row *row, struct kmb_error *error) {
    enum kmb_status status = image_check(table, row->image, error);
    if (status != KMB_OK) {
        return status;
    }
    uint8_t id_bytes[8];
    struct slice row_key = slice_make(id_bytes, sizeof(id_bytes));
    if (definition_has_row_id(&table->definition)) {
        uint64_t next = 0;
        status = evolve_row_id_next(evolver, table->definition.id.value, &next, error);
        if (status != KMB_OK) {
            return status;
        }
        if (row->row_id.value == 0 || row->row_id.value == UINT64_MAX) {
            return evolve_damaged(error, "row id %" PRIu64 " can not be", row->row_id.value);
        }
        codec_put_u64_big(id_bytes, row->row_id.value);
        evolve_note_row_id(evolver, table->definition.id.value, row->row_id.value);
    }
    struct slice key;
    status = key_of_event(evolver, table, row->image, row_key, &key, error);
    if (status != KMB_OK) {
        return status;
    }
    if (evolver->check_unique) {
        const struct value *values;
        status = values_of_image(evolver, table, row->image, &values, error);
        if (status == KMB_OK) {
            status = evolve_check_insert(evolver, table, key, values, error);
        }
    } else {
        bool absent = false;
        status = full_key(&evolver->key, table->definition.id.value, key)
                     ? key_absent(evolver, table->definition.id.value, &absent, error)
                     : out_of_memory(error);
        if (status == KMB_OK && !absent) {
            status = evolve_damaged(error, "table %u has a row of the key it inserts", table->definition.id.value);
        }
    }
    return status != KMB_OK ? status : evolve_insert(evolver, table, key, row->image, NULL, error);
}

/* Reads the row that an update or delete names; absent is damage. */
static enum kmb_status read_named(struct evolver *evolver, const struct catalogue_table *table, struct slice key,
                                  struct kmb_error *error) {
    bool found = false;
    enum kmb_status status = evolve_read(evolver, table, key, &found, error);
    if (status == KMB_OK && !found) {
        return evolve_damaged(error, "table %u has no row of the key it changes", table->definition.id.value);
    }
    return status;
}

static enum kmb_status row_updated(struct evolver *evolver, const struct catalogue_table *table,
                                   const struct event_row *row, struct kmb_error *error) {
    enum kmb_status status = image_check(table, row->image, error);
    struct slice key;
    if (status == KMB_OK) {
        status = key_of_event(evolver, table, row->image, row->old_key, &key, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (evolver->check_unique) {
        const struct value *values;
        status = values_of_image(evolver, table, row->image, &values, error);
        if (status == KMB_OK) {
            status = evolve_check_update(evolver, table, row->old_key, key, values, error);
        }
    } else if (!slice_equal(key, row->old_key)) {
        bool found = false;
        status = evolve_read(evolver, table, key, &found, error);
        if (status == KMB_OK && found) {
            status = evolve_damaged(error, "table %u has a row of the key it updates to", table->definition.id.value);
        }
    }
    if (status == KMB_OK) {
        status = read_named(evolver, table, row->old_key, error);
    }
    return status != KMB_OK ? status : evolve_update(evolver, table, row->old_key, key, row->image, error);
}

static enum kmb_status evolve_rows(struct evolver *evolver, const struct event *event, struct kmb_error *error) {
    const struct event_rows *rows = &event->as.rows;
    const struct table_definition *definition = catalogue_table_of_id(evolver->catalogue, rows->table);
    if (definition == NULL) {
        return evolve_damaged(error, "table %u is not there", rows->table.value);
    }
    if (!definition_is_table(definition)) {
        return evolve_damaged(error, "rows of table %u, which has none", rows->table.value);
    }
    const struct catalogue_table *table = catalogue_table_of(definition);
    if (event->kind != EVENT_ROWS_DELETED && rows->version.value != definition->version.value) {
        return evolve_damaged(error, "rows of table %u are of version %u, the table is at version %u",
                              rows->table.value, rows->version.value, definition->version.value);
    }
    if (event->kind == EVENT_ROWS_INSERTED && rows->has_row_ids != definition_has_row_id(definition)) {
        return evolve_damaged(error, "rows of table %u come %s row ids", rows->table.value,
                              rows->has_row_ids ? "with" : "without");
    }
    struct reader reader = event_row_start(event);
    struct event_row row;
    enum kmb_status status = KMB_OK;
    uint32_t seen = 0;
    struct arena_mark mark = arena_mark(&evolver->arena);
    while (status == KMB_OK && event_row_next(event, &reader, &row)) {
        seen++;
        arena_rewind(&evolver->arena, mark);
        switch (event->kind) {
        case EVENT_ROWS_INSERTED:
            status = row_inserted(evolver, table, &row, error);
            break;
        case EVENT_ROWS_UPDATED:
            status = row_updated(evolver, table, &row, error);
            break;
        default:
            status = read_named(evolver, table, row.old_key, error);
            if (status == KMB_OK) {
                status = evolve_delete(evolver, table, row.old_key, error);
            }
            break;
        }
    }
    if (status == KMB_OK && seen != rows->count) {
        return evolve_damaged(error, "a batch says %u rows and has %u", rows->count, seen);
    }
    return status;
}

enum kmb_status evolve_event(struct evolver *evolver, const struct event *event, size_t frame_offset,
                             struct kmb_error *error) {
    switch (event->kind) {
    case EVENT_ROWS_INSERTED:
    case EVENT_ROWS_UPDATED:
    case EVENT_ROWS_DELETED:
        return evolve_rows(evolver, event, error);
    case EVENT_STREAM_APPENDED:
        return evolve_append(evolver, event->as.stream_appended.stream, event->as.stream_appended.base.value,
                             event->as.stream_appended.count, frame_offset, error);
    default:
        evolver->gap_known = false;
        return evolve_definition(evolver, event, error);
    }
}

enum kmb_status evolve_body(struct evolver *evolver, struct slice body, struct kmb_error *error) {
    return evolve_body_range(evolver, body, 0, body.length, error);
}

enum kmb_status evolve_body_range(struct evolver *evolver, struct slice body, size_t from, size_t to,
                                  struct kmb_error *error) {
    struct event_reader reader = event_reader_make(slice_make(body.bytes + from, to - from), &evolver->arena);
    struct event event;
    for (;;) {
        struct arena_mark mark = arena_mark(&evolver->arena);
        enum kmb_status status = event_next(&reader, &event, error);
        if (status == KMB_DONE) {
            return KMB_OK;
        }
        if (status != KMB_ROW) {
            return status;
        }
        size_t payload_offset = (size_t)(event.payload.bytes - body.bytes);
        ASSERT(payload_offset >= EVENT_FRAME_SIZE && payload_offset <= body.length);
        status = evolve_event(evolver, &event, payload_offset - EVENT_FRAME_SIZE, error);
        if (status != KMB_OK) {
            return status;
        }
        arena_rewind(&evolver->arena, mark);
    }
}

enum kmb_status evolve_entry(struct evolver *evolver, struct merkle_frontier *frontier,
                             const struct kernel_entry *entry, struct kmb_error *error) {
    ASSERT(frontier->size + 1 == entry->sequence);
    struct hash256 completed[MERKLE_LEVELS];
    unsigned count = merkle_frontier_append(frontier, &entry->hash, completed);
    ASSERT(count >= 1 && count <= MERKLE_LEVELS);
    meta_entry_encode(entry, completed + 1, count - 1, &evolver->record);
    if (!buffer_ok(&evolver->record)) {
        return out_of_memory(error);
    }
    struct meta_key key = meta_key_make(META_ENTRY);
    meta_key_u64(&key, entry->sequence);
    return meta_put(evolver, &key, buffer_slice(&evolver->record), error);
}
