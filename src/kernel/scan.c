/*
 * Scans: ranges of a table in the order of its key or of an index, at the present or in the past.
 *
 * Five ways to the rows, one interface:
 *
 *   key order, present   a cursor on CURRENT. Rows of one page are given as slices into it, without a copy: the batch
 *                        ends where the page does.
 *   key order, past      the store's merge of CURRENT, departed keys and history chunks. Its slices live for one step,
 *                        so rows are gathered in the scan's own memory, some tens of kilobytes at a time. The merge
 *                        goes forward only; a reverse scan gathers the keys first and reads them backwards.
 *   index, present       a cursor on the index; the rows it names are looked up together, some tens at a time.
 *   entries, present     the cursor on the index alone: as key order, for who needs no row.
 *   index, past          two cursors, on the index's entries and on its superseded ones, merged and equal neighbours
 *                        taken once. Where the row is as it was at the position, the index's own entry is true of it.
 *                        Of others an entry says only that the row once had this value: so the row is read as of the
 *                        position, its index key made again, and compared.
 *
 * Bounds are prefixes of keys. Both ends become one half-open range of bytes: an exclusive low bound and an inclusive
 * high one stand for all their extensions, so they move to the prefix's successor.
 */
#include "kernel/internal.h"

#define SCAN_PLACES 64    /* taken from a page at a time */
#define SCAN_BYTES  32768 /* of rows gathered at a time where they must be copied */

enum scan_way { SCAN_PRESENT, SCAN_PAST, SCAN_PAST_REVERSE, SCAN_INDEX, SCAN_ENTRIES };

/* An entry of an index: the key of the row it names, and the columns. */
struct entry_said {
    size_t key; /* where it begins */
    size_t key_length;
    size_t columns_length; /* behind the key */
    bool live;             /* in the index; else superseded only */
};

struct kernel_scan {
    struct kernel_view *view;
    const struct catalogue_table *table;
    enum scan_way way;
    bool reverse;
    bool moved; /* the cursor must move before it is read again */
    bool done;
    struct buffer low; /* [low, high) in the tree scanned */
    struct buffer high;
    struct store_cursor cursor;
    struct history_scan past;
    /* index */
    struct index_id index;
    const struct key_plan *plan;
    struct store_cursor superseded;
    struct buffer superseded_low;
    struct buffer superseded_high;
    struct buffer row_key; /* with table prefix */
    struct buffer image;
    struct buffer check;
    /* past, reverse: all keys, as offsets and bytes */
    struct buffer keys;
    struct buffer key_places; /* size_t offsets */
    size_t keys_left;
    /* index: what the next rows' entries said, the bytes in keys */
    struct entry_said said[SCAN_PLACES];
    size_t said_count;
    size_t said_taken;
    struct buffer memory;
};

static enum kmb_status scan_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

/* The half-open range of a prefix and its bounds. */
bool key_range_bytes(uint32_t prefix, const struct kernel_range *range, struct buffer *low, struct buffer *high) {
    buffer_clear(low);
    buffer_clear(high);
    key_prefix(low, prefix);
    key_prefix(high, prefix);
    if (range != NULL && range->low.key.length > 0) {
        buffer_append_slice(low, range->low.key);
        if (!range->low.inclusive && !key_prefix_successor(low)) {
            return false;
        }
    }
    if (range == NULL || range->high.key.length == 0) {
        return key_prefix_successor(high) && buffer_ok(low) && buffer_ok(high);
    }
    buffer_append_slice(high, range->high.key);
    if (range->high.inclusive && !key_prefix_successor(high)) {
        return false;
    }
    return buffer_ok(low) && buffer_ok(high);
}

/* Puts a cursor on the first place of [low, high), or on the last. */
static enum kmb_status range_start(struct store_cursor *cursor, struct slice low, struct slice high, bool reverse,
                                   struct kmb_error *error) {
    if (!reverse) {
        return store_cursor_seek(cursor, low, error);
    }
    enum kmb_status status = store_cursor_seek_back(cursor, high, error);
    if (status == KMB_OK && cursor->valid && slice_equal(cursor->key, high)) {
        status = store_cursor_prev(cursor, error);
    }
    return status;
}

static bool range_has(const struct store_cursor *cursor, struct slice low, struct slice high, bool reverse) {
    if (!cursor->valid) {
        return false;
    }
    return reverse ? slice_compare(cursor->key, low) >= 0 : slice_compare(cursor->key, high) < 0;
}

static enum kmb_status range_move(struct store_cursor *cursor, bool reverse, struct kmb_error *error) {
    return reverse ? store_cursor_prev(cursor, error) : store_cursor_next(cursor, error);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static enum kmb_status open_index(struct kernel_scan *scan, const struct kernel_range *range, struct kmb_error *error) {
    const struct index_definition *index = NULL;
    scan->index = range->index;
    scan->plan = key_plan_of_index(scan->table, range->index, &index);
    if (scan->plan == NULL || index->state != INDEX_READY) {
        return error_set(error, KMB_UNDEFINED_OBJECT, "table \"%.*s\" has no index %u that can be read",
                         (int)scan->table->definition.name.length, (const char *)scan->table->definition.name.bytes,
                         range->index.value);
    }
    struct store_view store = store_view_root(scan->view->state->root);
    uint32_t tenant = scan->view->state->tenant.value;
    scan->way = range->entries ? SCAN_ENTRIES : SCAN_INDEX;
    ASSERT(!range->entries || !scan->view->past);
    if (!key_range_bytes(index->id.value, range, &scan->low, &scan->high)) {
        return scan_no_memory(error);
    }
    enum kmb_status status = store_cursor_open(&scan->cursor, store, tenant, STORE_INDEX, error);
    if (status == KMB_OK) {
        status = range_start(&scan->cursor, buffer_slice(&scan->low), buffer_slice(&scan->high), scan->reverse, error);
    }
    if (status == KMB_OK && !scan->view->past) {
        return KMB_OK;
    }
    if (status == KMB_OK &&
        !key_range_bytes(index->id.value | INDEX_SUPERSEDED, range, &scan->superseded_low, &scan->superseded_high)) {
        status = scan_no_memory(error);
    }
    if (status == KMB_OK) {
        status = store_cursor_open(&scan->superseded, store, tenant, STORE_INDEX, error);
    }
    if (status == KMB_OK) {
        status = range_start(&scan->superseded, buffer_slice(&scan->superseded_low),
                             buffer_slice(&scan->superseded_high), scan->reverse, error);
    }
    return status;
}

/* Keys of the rows of the range, to be read from the last one. */
static enum kmb_status gather_keys(struct kernel_scan *scan, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    while (status == KMB_OK && scan->past.valid) {
        size_t offset = scan->keys.length;
        buffer_append_slice(&scan->keys, scan->past.key);
        buffer_append(&scan->key_places, &offset, sizeof(offset));
        if (!buffer_ok(&scan->keys) || !buffer_ok(&scan->key_places)) {
            return scan_no_memory(error);
        }
        scan->keys_left++;
        status = history_scan_next(&scan->past, error);
    }
    return status;
}

static enum kmb_status open_key_order(struct kernel_scan *scan, const struct kernel_range *range,
                                      struct kmb_error *error) {
    struct store_view store = store_view_root(scan->view->state->root);
    uint32_t tenant = scan->view->state->tenant.value;
    if (!key_range_bytes(scan->table->definition.id.value, range, &scan->low, &scan->high)) {
        return scan_no_memory(error);
    }
    struct slice low = buffer_slice(&scan->low);
    struct slice high = buffer_slice(&scan->high);
    if (slice_compare(low, high) >= 0) {
        scan->done = true;
        return KMB_OK;
    }
    if (!scan->view->past) {
        scan->way = SCAN_PRESENT;
        enum kmb_status status = store_cursor_open(&scan->cursor, store, tenant, STORE_CURRENT, error);
        return status != KMB_OK ? status : range_start(&scan->cursor, low, high, scan->reverse, error);
    }
    scan->way = scan->reverse ? SCAN_PAST_REVERSE : SCAN_PAST;
    enum kmb_status status = history_scan_open(&scan->past, store, tenant, low, high, scan->view->position, error);
    return status != KMB_OK || !scan->reverse ? status : gather_keys(scan, error);
}

enum kmb_status kernel_scan_open(struct kernel_view *view, const struct table_definition *table,
                                 const struct kernel_range *range, struct kernel_scan **out, struct kmb_error *error) {
    struct kernel_scan *scan = mem_alloc_zero(1, sizeof(*scan));
    if (scan == NULL) {
        return scan_no_memory(error);
    }
    scan->view = view;
    scan->table = catalogue_table_of(table);
    scan->reverse = range != NULL && range->reverse;
    enum kmb_status status =
        range != NULL && range->index.value != 0 ? open_index(scan, range, error) : open_key_order(scan, range, error);
    if (status != KMB_OK) {
        kernel_scan_close(scan);
        return status;
    }
    *out = scan;
    return KMB_OK;
}

void kernel_scan_close(struct kernel_scan *scan) {
    if (scan == NULL) {
        return;
    }
    store_cursor_close(&scan->cursor);
    store_cursor_close(&scan->superseded);
    history_scan_close(&scan->past);
    buffer_free(&scan->low);
    buffer_free(&scan->high);
    buffer_free(&scan->superseded_low);
    buffer_free(&scan->superseded_high);
    buffer_free(&scan->row_key);
    buffer_free(&scan->image);
    buffer_free(&scan->check);
    buffer_free(&scan->keys);
    buffer_free(&scan->key_places);
    buffer_free(&scan->memory);
    mem_free(scan);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static enum kmb_status row_fill(struct kernel_row *row, struct kmb_error *error) {
    return row_version_read(row->image, &row->version) ? KMB_OK : meta_damaged(error, "a row image has no header");
}

static enum kmb_status rows_fill(struct kernel_row *rows, const struct store_place *places, size_t count,
                                 struct kmb_error *error) {
    for (size_t i = 0; i < count; i++) {
        struct slice key = places[i].key;
        rows[i].key = slice_make(key.bytes + TABLE_PREFIX_SIZE, key.length - TABLE_PREFIX_SIZE);
        if (!history_value_split(places[i].value, &rows[i].stamp, &rows[i].image)) {
            return meta_damaged(error, "a row is shorter than its stamp");
        }
        enum kmb_status status = row_fill(&rows[i], error);
        if (status != KMB_OK) {
            return status;
        }
    }
    return KMB_OK;
}

/* Entries of an index stand for the rows. */
static void entries_fill(struct kernel_row *rows, const struct store_place *places, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct slice key = places[i].key;
        rows[i] = (struct kernel_row){.key = slice_make(key.bytes + TABLE_PREFIX_SIZE, key.length - TABLE_PREFIX_SIZE)};
    }
}

/* Key order, and entries of an index: what lies in a page is given from there. */
static enum kmb_status next_present(struct kernel_scan *scan, struct kernel_row *rows, size_t max, size_t *count,
                                    struct kmb_error *error) {
    struct slice low = buffer_slice(&scan->low);
    struct slice high = buffer_slice(&scan->high);
    struct store_place places[SCAN_PLACES];
    if (scan->moved) {
        scan->moved = false;
        enum kmb_status status = range_move(&scan->cursor, scan->reverse, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    while (*count < max && range_has(&scan->cursor, low, high, scan->reverse)) {
        size_t wanted = max - *count < SCAN_PLACES ? max - *count : SCAN_PLACES;
        size_t taken = scan->reverse ? 0 : store_cursor_take(&scan->cursor, high, places, wanted);
        enum kmb_status status = KMB_OK;
        if (taken == 0) {
            places[0].key = scan->cursor.key;
            status = store_cursor_value(&scan->cursor, &places[0].value, error);
            taken = 1;
        }
        if (status == KMB_OK && scan->way == SCAN_ENTRIES) {
            entries_fill(rows + *count, places, taken);
        } else if (status == KMB_OK) {
            status = rows_fill(rows + *count, places, taken, error);
        }
        if (status != KMB_OK) {
            return status;
        }
        *count += taken;
        if (!store_cursor_settled(&scan->cursor, scan->reverse)) {
            scan->moved = true;
            return KMB_OK;
        }
        status = range_move(&scan->cursor, scan->reverse, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    scan->done = *count < max;
    return KMB_OK;
}

/* Copies a row into the scan's memory; its slices are set when the batch is complete, for the memory may move. */
static enum kmb_status gather_row(struct kernel_scan *scan, struct kernel_row *row, struct slice key,
                                  struct slice image, struct history_stamp stamp, struct kmb_error *error) {
    row->stamp = stamp;
    row->key = slice_make(NULL, key.length);
    row->image = slice_make(NULL, image.length);
    buffer_append_slice(&scan->memory, key);
    buffer_append_slice(&scan->memory, image);
    return buffer_ok(&scan->memory) ? KMB_OK : scan_no_memory(error);
}

static enum kmb_status gathered(struct kernel_scan *scan, struct kernel_row *rows, size_t count,
                                struct kmb_error *error) {
    const uint8_t *at = scan->memory.bytes;
    for (size_t i = 0; i < count; i++) {
        rows[i].key.bytes = at;
        rows[i].image.bytes = at + rows[i].key.length;
        at += rows[i].key.length + rows[i].image.length;
        enum kmb_status status = row_fill(&rows[i], error);
        if (status != KMB_OK) {
            return status;
        }
    }
    return KMB_OK;
}

static struct slice without_prefix(struct slice key) {
    ASSERT(key.length >= TABLE_PREFIX_SIZE);
    return slice_make(key.bytes + TABLE_PREFIX_SIZE, key.length - TABLE_PREFIX_SIZE);
}

static enum kmb_status next_past(struct kernel_scan *scan, struct kernel_row *rows, size_t max, size_t *count,
                                 struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    while (status == KMB_OK && *count < max && scan->past.valid && scan->memory.length < SCAN_BYTES) {
        status =
            gather_row(scan, &rows[*count], without_prefix(scan->past.key), scan->past.image, scan->past.from, error);
        if (status == KMB_OK) {
            ++*count;
            status = history_scan_next(&scan->past, error);
        }
    }
    scan->done = status == KMB_OK && !scan->past.valid;
    return status;
}

static enum kmb_status next_past_reverse(struct kernel_scan *scan, struct kernel_row *rows, size_t max, size_t *count,
                                         struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    const size_t *places = (const size_t *)(const void *)scan->key_places.bytes;
    size_t end = scan->keys.length;
    while (status == KMB_OK && *count < max && scan->keys_left > 0 && scan->memory.length < SCAN_BYTES) {
        size_t place = places[--scan->keys_left];
        struct slice key = slice_make(scan->keys.bytes + place, end - place);
        end = place;
        scan->keys.length = place;
        bool found = false;
        struct history_stamp from;
        status = history_get_at(store_view_root(scan->view->state->root), scan->view->state->tenant.value, key,
                                scan->view->position, &from, NULL, &scan->image, &found, error);
        if (status == KMB_OK && !found) {
            status = meta_damaged(error, "a row of the past is not found again");
        }
        if (status == KMB_OK) {
            status = gather_row(scan, &rows[*count], without_prefix(key), buffer_slice(&scan->image), from, error);
            ++*count;
        }
    }
    scan->done = scan->keys_left == 0;
    return status;
}

/* --- index scans -------------------------------------------------------------------------------------------------- */

static enum kmb_status entry_columns(const struct kernel_scan *scan, struct slice entry, size_t *length,
                                     struct kmb_error *error) {
    *length = TABLE_PREFIX_SIZE;
    for (uint16_t i = 0; i < scan->plan->count; i++) {
        if (key_skip(entry, length, scan->plan->columns[i], NULL) != KMB_OK) {
            return meta_damaged(error, "an index entry does not decode");
        }
    }
    return KMB_OK;
}

/* The row as of the view's position, if it then had the columns of the entry. */
static enum kmb_status index_row_past(struct kernel_scan *scan, struct slice key, struct slice columns,
                                      struct kernel_row *row, bool *found, struct kmb_error *error) {
    struct history_stamp from;
    enum kmb_status status = history_get_at(store_view_root(scan->view->state->root), scan->view->state->tenant.value,
                                            key, scan->view->position, &from, NULL, &scan->image, found, error);
    if (status != KMB_OK || !*found) {
        return status;
    }
    struct slice image = buffer_slice(&scan->image);
    const struct table_layout *layout = row_layout_of(scan->table, image);
    if (layout == NULL) {
        return meta_damaged(error, "a row has an unknown schema version");
    }
    buffer_clear(&scan->check);
    key_of_image(scan->table, scan->plan, layout, image, &scan->check, NULL);
    if (!buffer_ok(&scan->check)) {
        return scan_no_memory(error);
    }
    bool entered = key_plan_takes(scan->table, scan->plan, layout, image, NULL);
    if (!entered || !slice_equal(buffer_slice(&scan->check), columns)) {
        *found = false;
        return KMB_OK;
    }
    return gather_row(scan, row, without_prefix(key), image, from, error);
}

/* The entry to look at next, of the one or two cursors; equal ones are passed in both. False: there is none. */
static bool index_entry_next(const struct kernel_scan *scan, struct slice *entry, bool *from_index,
                             bool *from_superseded) {
    bool live = range_has(&scan->cursor, buffer_slice(&scan->low), buffer_slice(&scan->high), scan->reverse);
    bool dead = scan->view->past && range_has(&scan->superseded, buffer_slice(&scan->superseded_low),
                                              buffer_slice(&scan->superseded_high), scan->reverse);
    *from_index = live;
    *from_superseded = dead;
    if (live && dead) {
        int order = slice_compare(without_prefix(scan->cursor.key), without_prefix(scan->superseded.key));
        order = scan->reverse ? -order : order;
        *from_index = order <= 0;
        *from_superseded = order >= 0;
    }
    *entry = *from_index ? scan->cursor.key : scan->superseded.key;
    return live || dead;
}

/* Takes what the next entries say, up to `max` of them. */
static enum kmb_status index_take(struct kernel_scan *scan, size_t max, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    struct slice entry;
    bool from_index = false;
    bool from_superseded = false;
    buffer_clear(&scan->keys);
    scan->said_count = 0;
    scan->said_taken = 0;
    while (status == KMB_OK && scan->said_count < max &&
           index_entry_next(scan, &entry, &from_index, &from_superseded)) {
        size_t columns_end = 0;
        status = entry_columns(scan, entry, &columns_end, error);
        if (status != KMB_OK) {
            return status;
        }
        struct entry_said *said = &scan->said[scan->said_count++];
        *said = (struct entry_said){.key = scan->keys.length,
                                    .key_length = TABLE_PREFIX_SIZE + entry.length - columns_end,
                                    .columns_length = scan->view->past ? columns_end - TABLE_PREFIX_SIZE : 0,
                                    .live = from_index};
        key_prefix(&scan->keys, scan->table->definition.id.value);
        buffer_append(&scan->keys, entry.bytes + columns_end, entry.length - columns_end);
        buffer_append(&scan->keys, entry.bytes + TABLE_PREFIX_SIZE, said->columns_length);
        if (!buffer_ok(&scan->keys)) {
            return scan_no_memory(error);
        }
        status = from_index ? range_move(&scan->cursor, scan->reverse, error) : KMB_OK;
        if (status == KMB_OK && from_superseded) {
            status = range_move(&scan->superseded, scan->reverse, error);
        }
    }
    return status;
}

/* The row an entry names, if the entry is true of it at the view's position. `held`: the row of now. */
static enum kmb_status index_row(struct kernel_scan *scan, const struct entry_said *said, struct slice key,
                                 const struct store_held *held, struct kernel_row *row, bool *found,
                                 struct kmb_error *error) {
    struct slice value;
    struct slice image = {.length = 0};
    struct history_stamp stamp = {.position = HISTORY_NEVER};
    struct slice columns = slice_make(key.bytes + key.length, said->columns_length);
    *found = false;
    if (held->entry == NULL && !scan->view->past) {
        return meta_damaged(error, "an index names a row that is not there");
    }
    if (held->entry != NULL) {
        enum kmb_status status = store_held_value(store_view_root(scan->view->state->root),
                                                  scan->view->state->tenant.value, held, &scan->image, &value, error);
        if (status != KMB_OK) {
            return status;
        }
        if (!history_value_split(value, &stamp, &image)) {
            return meta_damaged(error, "a row is shorter than its stamp");
        }
    }
    if (scan->view->past && stamp.position > scan->view->position) {
        return index_row_past(scan, key, columns, row, found, error);
    }
    *found = said->live; /* it is as it was: what is superseded is not true of it */
    return said->live ? gather_row(scan, row, without_prefix(key), image, stamp, error) : KMB_OK;
}

/* Rows are looked up together. What large rows leave over of the entries is for the next call. */
static enum kmb_status next_index(struct kernel_scan *scan, struct kernel_row *rows, size_t max, size_t *count,
                                  struct kmb_error *error) {
    size_t wanted = max < SCAN_PLACES ? max : SCAN_PLACES;
    enum kmb_status status = scan->said_taken == scan->said_count ? index_take(scan, wanted, error) : KMB_OK;
    size_t left = scan->said_count - scan->said_taken;
    if (status != KMB_OK || left == 0) {
        scan->done = true;
        return status;
    }
    struct slice keys[SCAN_PLACES];
    struct store_held held[SCAN_PLACES];
    size_t taken = left < wanted ? left : wanted;
    for (size_t i = 0; i < taken; i++) {
        const struct entry_said *said = &scan->said[scan->said_taken + i];
        keys[i] = slice_make(scan->keys.bytes + said->key, said->key_length);
    }
    status = store_get_many(store_view_root(scan->view->state->root), scan->view->state->tenant.value, STORE_CURRENT,
                            keys, taken, held, error);
    if (status != KMB_OK) {
        return status;
    }
    for (size_t i = 0; i < taken && status == KMB_OK && scan->memory.length < SCAN_BYTES; i++) {
        bool found = false;
        status = index_row(scan, &scan->said[scan->said_taken++], keys[i], &held[i], &rows[*count], &found, error);
        *count += status == KMB_OK && found ? 1 : 0;
    }
    store_held_drop(held, taken);
    return status;
}

/*
 * Notes what a serializable transaction has passed so far: all of [low, high) at the end of the scan; before it, up to
 * the last row given, and of an index up to the entry that comes next.
 */
static void scan_note(struct kernel_scan *scan, const struct kernel_row *rows, size_t count) {
    struct kernel_reads *reads = scan->view->reads;
    struct slice low = buffer_slice(&scan->low);
    struct slice high = buffer_slice(&scan->high);
    if (slice_compare(low, high) >= 0) {
        return;
    }
    bool bounded = high.length > TABLE_PREFIX_SIZE && memcmp(low.bytes, high.bytes, TABLE_PREFIX_SIZE) == 0;
    bool by_index = scan->way == SCAN_INDEX || scan->way == SCAN_ENTRIES;
    bool at_entry = scan->way == SCAN_INDEX && !scan->done && range_has(&scan->cursor, low, high, scan->reverse);
    bool at_row = scan->way != SCAN_INDEX && !scan->done && count > 0;
    low = without_prefix(low);
    high = bounded ? without_prefix(high) : slice_make(NULL, 0);
    uint32_t table = scan->table->definition.id.value;
    if (at_row && by_index && !scan->reverse) {
        buffer_clear(&scan->row_key); /* the first key behind the entry */
        buffer_append_slice(&scan->row_key, rows[count - 1].key);
        buffer_append(&scan->row_key, "", 1);
        high = buffer_ok(&scan->row_key) ? buffer_slice(&scan->row_key) : high;
    } else if (at_row && !scan->reverse) {
        kernel_reads_add_through(reads, table, low, rows[count - 1].key);
        return;
    }
    if (at_entry || (at_row && scan->reverse)) {
        struct slice at = at_row ? rows[count - 1].key : without_prefix(scan->cursor.key);
        low = scan->reverse ? at : low;
        high = scan->reverse ? high : at;
    }
    kernel_reads_add(reads, KERNEL_READ_ROWS, table, by_index ? scan->index.value : 0, low, high);
}

enum kmb_status kernel_scan_next(struct kernel_scan *scan, struct kernel_row *rows, size_t max, size_t *count,
                                 struct kmb_error *error) {
    ASSERT(max > 0);
    *count = 0;
    buffer_clear(&scan->memory);
    enum kmb_status status = kernel_reads_check(scan->view->reads, error);
    while (status == KMB_OK && !scan->done && *count == 0) {
        switch (scan->way) {
        case SCAN_PRESENT:
        case SCAN_ENTRIES:
            status = next_present(scan, rows, max, count, error);
            break;
        case SCAN_PAST:
            status = next_past(scan, rows, max, count, error);
            break;
        case SCAN_PAST_REVERSE:
            status = next_past_reverse(scan, rows, max, count, error);
            break;
        case SCAN_INDEX:
            status = next_index(scan, rows, max, count, error);
            break;
        }
    }
    if (status == KMB_OK && scan->way != SCAN_PRESENT && scan->way != SCAN_ENTRIES) {
        status = gathered(scan, rows, *count, error);
    }
    if (status != KMB_OK) {
        *count = 0;
    } else if (scan->view->reads != NULL) {
        scan_note(scan, rows, *count);
    }
    return status;
}
