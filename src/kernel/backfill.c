/*
 * Filling a new index from the rows that are there.
 *
 * Rows are read in key order, their entries gathered in bounded runs, each run sorted and written in order: the index's
 * pages are filled from one end for each run instead of being touched at random for each row. Writes that came between
 * declaration and filling have put their own entries; putting one again changes nothing.
 *
 * When deciding, a unique index looks each key up before it is written; rows with a NULL in the key never clash.
 */
#include "kernel/internal.h"

#include <stdlib.h>

#define ROWS_UNASKED       1024               /* between two questions whether to go on */
#define BACKFILL_RUN_BYTES ((size_t)16 << 20) /* memory of a run: entries and their places */

struct backfill_entry {
    uint32_t offset;
    uint32_t length;
    uint32_t columns_length; /* without the row key */
    bool has_null;
};

struct backfill {
    struct evolver *evolver;
    const struct catalogue_table *table;
    const struct index_definition *index;
    const struct key_plan *plan;
    struct buffer bytes;
    struct buffer entries; /* struct backfill_entry */
    struct buffer next;    /* full key to go on from */
    uint64_t rows;         /* read so far */
    bool done;
};

static int entry_order(const void *a, const void *b, void *bytes) {
    const struct backfill_entry *left = a;
    const struct backfill_entry *right = b;
    const uint8_t *base = bytes;
    return slice_compare(slice_make(base + left->offset, left->length),
                         slice_make(base + right->offset, right->length));
}

static enum kmb_status gather_row(struct backfill *backfill, struct slice full_key, struct slice value,
                                  struct kmb_error *error) {
    struct history_stamp stamp;
    struct slice image;
    const struct table_layout *layout = NULL;
    if (history_value_split(value, &stamp, &image)) {
        layout = row_layout_of(backfill->table, image);
    }
    if (layout == NULL) {
        return meta_damaged(error, "a row has an unknown schema version");
    }
    if (!key_plan_takes(backfill->table, backfill->plan, layout, image, NULL)) {
        return KMB_OK;
    }
    struct backfill_entry entry = {.offset = (uint32_t)backfill->bytes.length};
    key_prefix(&backfill->bytes, backfill->index->id.value);
    key_of_image(backfill->table, backfill->plan, layout, image, &backfill->bytes, &entry.has_null);
    entry.columns_length = (uint32_t)(backfill->bytes.length - entry.offset);
    buffer_append(&backfill->bytes, full_key.bytes + TABLE_PREFIX_SIZE, full_key.length - TABLE_PREFIX_SIZE);
    entry.length = (uint32_t)(backfill->bytes.length - entry.offset);
    buffer_append(&backfill->entries, &entry, sizeof(entry));
    if (!buffer_ok(&backfill->bytes) || !buffer_ok(&backfill->entries)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return KMB_OK;
}

/* Reads rows from `next` on until the run is full or the table ends. */
static enum kmb_status gather_run(struct backfill *backfill, struct kmb_error *error) {
    struct store_cursor cursor = {.valid = false};
    uint8_t prefix[TABLE_PREFIX_SIZE];
    codec_put_u32_big(prefix, backfill->table->definition.id.value);
    buffer_clear(&backfill->bytes);
    buffer_clear(&backfill->entries);
    enum kmb_status status = store_cursor_open(&cursor, store_view_fork(backfill->evolver->fork),
                                               backfill->evolver->tenant, STORE_CURRENT, error);
    if (status == KMB_OK) {
        status = store_cursor_seek(&cursor, buffer_slice(&backfill->next), error);
    }
    for (;;) {
        if (status != KMB_OK) {
            break;
        }
        if (!cursor.valid || memcmp(cursor.key.bytes, prefix, sizeof(prefix)) != 0) {
            backfill->done = true;
            break;
        }
        if (backfill->bytes.length + backfill->entries.length > BACKFILL_RUN_BYTES) {
            buffer_clear(&backfill->next);
            buffer_append_slice(&backfill->next, cursor.key);
            status = buffer_ok(&backfill->next) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
            break;
        }
        struct slice value;
        status = store_cursor_value(&cursor, &value, error);
        if (status == KMB_OK && ++backfill->rows % ROWS_UNASKED == 0) {
            status = evolver_interrupted(backfill->evolver, error);
        }
        if (status == KMB_OK) {
            status = gather_row(backfill, cursor.key, value, error);
        }
        if (status == KMB_OK) {
            status = store_cursor_next(&cursor, error);
        }
    }
    store_cursor_close(&cursor);
    return status;
}

static enum kmb_status clash(struct backfill *backfill, struct slice row_key, struct kmb_error *error) {
    struct evolve_clash *found = &backfill->evolver->clash;
    found->set = true;
    found->index = backfill->index->id;
    buffer_clear(&found->key);
    buffer_append_slice(&found->key, row_key);
    return error_set(error, KMB_UNIQUE_VIOLATION, "two rows have one key");
}

static enum kmb_status unique_key_free(struct backfill *backfill, const struct backfill_entry *entry,
                                       struct kmb_error *error) {
    struct slice columns = slice_make(backfill->bytes.bytes + entry->offset, entry->columns_length);
    struct slice own = slice_make(backfill->bytes.bytes + entry->offset + entry->columns_length,
                                  entry->length - entry->columns_length);
    struct store_cursor cursor = {.valid = false};
    enum kmb_status status = store_cursor_open(&cursor, store_view_fork(backfill->evolver->fork),
                                               backfill->evolver->tenant, STORE_INDEX, error);
    if (status == KMB_OK) {
        status = store_cursor_seek(&cursor, columns, error);
    }
    if (status == KMB_OK && cursor.valid && cursor.key.length >= columns.length &&
        memcmp(cursor.key.bytes, columns.bytes, columns.length) == 0) {
        struct slice other = slice_make(cursor.key.bytes + columns.length, cursor.key.length - columns.length);
        if (!slice_equal(other, own)) {
            status = clash(backfill, own, error);
        }
    }
    store_cursor_close(&cursor);
    return status;
}

static enum kmb_status write_run(struct backfill *backfill, struct kmb_error *error) {
    size_t count = backfill->entries.length / sizeof(struct backfill_entry);
    struct backfill_entry *entries = (struct backfill_entry *)(void *)backfill->entries.bytes;
    if (count > 1) {
        qsort_r(entries, count, sizeof(*entries), entry_order, backfill->bytes.bytes);
    }
    for (size_t i = 0; i < count; i++) {
        if (i % ROWS_UNASKED == 0) {
            enum kmb_status status = evolver_interrupted(backfill->evolver, error);
            if (status != KMB_OK) {
                return status;
            }
        }
        if (backfill->index->unique && backfill->evolver->check_unique && !entries[i].has_null) {
            enum kmb_status status = unique_key_free(backfill, &entries[i], error);
            if (status != KMB_OK) {
                return status;
            }
        }
        struct slice key = slice_make(backfill->bytes.bytes + entries[i].offset, entries[i].length);
        enum kmb_status status = store_fork_put(backfill->evolver->fork, backfill->evolver->tenant, STORE_INDEX, key,
                                                (struct slice){.length = 0}, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    return KMB_OK;
}

enum kmb_status evolve_backfill(struct evolver *evolver, const struct catalogue_table *table,
                                const struct index_definition *index, struct kmb_error *error) {
    struct backfill backfill = {
        .evolver = evolver, .table = table, .index = index, .plan = key_plan_of_index(table, index->id, NULL)};
    ASSERT(backfill.plan != NULL);
    key_prefix(&backfill.next, table->definition.id.value);
    enum kmb_status status = buffer_ok(&backfill.next) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
    while (status == KMB_OK && !backfill.done) {
        status = gather_run(&backfill, error);
        if (status == KMB_OK) {
            status = write_run(&backfill, error);
        }
    }
    buffer_free(&backfill.bytes);
    buffer_free(&backfill.entries);
    buffer_free(&backfill.next);
    return status;
}
