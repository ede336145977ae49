/*
 * Going over rows as of a position, over the versions of one row, over keys that ever had a row.
 *
 * A scan merges two ordered streams, current rows and departed keys, which have no key in common. For each key it
 * either shows the current image in place, or looks the version up with a third cursor, over chunks. That one moves
 * ahead in key order with the scan, so its seeks mostly stay in the leaf it stands in.
 */
#include "base/codec.h"
#include "store/chunk.h"
#include "store/history.h"
#include "store/internal.h"

#define CHUNK_LINES 7u /* cache lines of a chunk worth asking for ahead */

enum kmb_status history_scan_open(struct history_scan *scan, struct store_view view, uint32_t tenant, struct slice low,
                                  struct slice high, uint64_t position, struct kmb_error *error) {
    *scan = (struct history_scan){.position = position};
    buffer_append_slice(&scan->high, high);
    enum kmb_status status = buffer_ok(&scan->high) ? KMB_OK : history_no_memory(error);
    if (status == KMB_OK) {
        status = store_cursor_open(&scan->current, view, tenant, STORE_CURRENT, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_open(&scan->departed, view, tenant, STORE_DEPARTED, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_open(&scan->chunks, view, tenant, STORE_HISTORY, error);
    }
    if (status == KMB_OK) {
        scan->chunks.lines_ahead = CHUNK_LINES;
        status = store_cursor_seek(&scan->current, low, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_seek(&scan->departed, low, error);
    }
    if (status == KMB_OK) {
        status = history_scan_next(scan, error);
    }
    if (status != KMB_OK) {
        history_scan_close(scan);
    }
    return status;
}

void history_scan_close(struct history_scan *scan) {
    store_cursor_close(&scan->current);
    store_cursor_close(&scan->departed);
    store_cursor_close(&scan->chunks);
    buffer_free(&scan->high);
    buffer_free(&scan->seek);
    buffer_free(&scan->work);
    scan->valid = false;
}

/* Looks the key's version up; `work` holds the current image, if there is one. */
static enum kmb_status scan_lookup(struct history_scan *scan, struct slice key, struct kmb_error *error) {
    history_chunk_key(&scan->seek, key, 0);
    if (!buffer_ok(&scan->seek) || !buffer_ok(&scan->work)) {
        return history_no_memory(error);
    }
    enum kmb_status status = store_cursor_seek(&scan->chunks, buffer_slice(&scan->seek), error);
    if (status != KMB_OK || !scan->chunks.valid || !slice_equal(scan->chunks.key, buffer_slice(&scan->seek))) {
        return status;
    }
    struct chunk_sought sought = {.position = scan->position};
    struct slice value;
    status = store_cursor_value(&scan->chunks, &value, error);
    if (status == KMB_OK) {
        status = history_chunk_seek(value, &sought, &scan->work, error);
    }
    if (status == KMB_OK && sought.older && scan->position < UINT64_MAX) {
        status = history_older_seek(&scan->chunks, key, &scan->seek, &sought, &scan->work, error);
    }
    if (status == KMB_OK && sought.found) {
        scan->valid = true;
        scan->key = key;
        scan->image = buffer_slice(&scan->work);
        scan->from = sought.from;
        scan->to = sought.to;
    }
    return status;
}

/* Shows the version of the current row, if it has one. */
static enum kmb_status scan_current(struct history_scan *scan, struct kmb_error *error) {
    struct slice value;
    struct slice image;
    struct history_stamp from;
    enum kmb_status status = store_cursor_value(&scan->current, &value, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!history_value_split(value, &from, &image)) {
        return history_malformed(error, "row");
    }
    if (from.position <= scan->position) {
        scan->valid = true;
        scan->key = scan->current.key;
        scan->image = image;
        scan->from = from;
        scan->to = (struct history_stamp){.position = HISTORY_NEVER};
        return KMB_OK;
    }
    buffer_clear(&scan->work);
    buffer_append_slice(&scan->work, image);
    return scan_lookup(scan, scan->current.key, error);
}

enum kmb_status history_scan_next(struct history_scan *scan, struct kmb_error *error) {
    scan->valid = false;
    struct slice high = buffer_slice(&scan->high);
    for (;;) {
        enum kmb_status status = KMB_OK;
        if (scan->standing) {
            status = store_cursor_next(scan->on_departed ? &scan->departed : &scan->current, error);
            scan->standing = false;
        }
        if (status != KMB_OK) {
            return status;
        }
        const struct store_cursor *current = &scan->current;
        const struct store_cursor *departed = &scan->departed;
        if (!current->valid && !departed->valid) {
            return KMB_OK;
        }
        scan->on_departed = !current->valid || (departed->valid && slice_compare(departed->key, current->key) < 0);
        const struct store_cursor *lower = scan->on_departed ? departed : current;
        if (high.length > 0 && slice_compare(lower->key, high) >= 0) {
            return KMB_OK;
        }
        scan->standing = true;
        if (scan->on_departed) {
            buffer_clear(&scan->work);
            status = scan_lookup(scan, departed->key, error);
        } else {
            status = scan_current(scan, error);
        }
        if (status != KMB_OK || scan->valid) {
            return status;
        }
    }
}

/* --- the versions of one row -------------------------------------------------------------------------------------- */

enum kmb_status history_walk_open(struct history_walk *walk, struct store_view view, uint32_t tenant, struct slice key,
                                  struct kmb_error *error) {
    *walk = (struct history_walk){.view = view, .tenant = tenant};
    struct buffer first = {0};
    history_chunk_key(&first, key, 0);
    buffer_append_slice(&walk->key, key);
    enum kmb_status status = buffer_ok(&first) && buffer_ok(&walk->key) ? KMB_OK : history_no_memory(error);
    bool present = false;
    if (status == KMB_OK) {
        status = history_get(view, tenant, key, &walk->from, &walk->work, &present, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_open(&walk->chunks, view, tenant, STORE_HISTORY, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_seek(&walk->chunks, buffer_slice(&first), error);
    }
    buffer_free(&first);
    if (status == KMB_OK && present) {
        walk->valid = true;
        walk->image = buffer_slice(&walk->work);
        walk->to = (struct history_stamp){.position = HISTORY_NEVER};
    } else if (status == KMB_OK) {
        status = history_walk_next(walk, error);
    }
    if (status != KMB_OK) {
        history_walk_close(walk);
    }
    return status;
}

void history_walk_close(struct history_walk *walk) {
    store_cursor_close(&walk->chunks);
    buffer_free(&walk->key);
    buffer_free(&walk->work);
    walk->valid = false;
}

/* Goes to the place of the given version of the chunk under the cursor; *past: it has no such version. */
static enum kmb_status walk_place(struct history_walk *walk, unsigned index, struct chunk *chunk,
                                  struct chunk_place *place, bool *past, struct kmb_error *error) {
    struct slice value;
    enum kmb_status status = store_cursor_value(&walk->chunks, &value, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!chunk_parse(chunk, value) || !chunk_first(chunk, place)) {
        return history_malformed(error, "chunk of versions");
    }
    *past = index >= chunk->count;
    while (!*past && place->index < index) {
        if (!chunk_next(chunk, place)) {
            return history_malformed(error, "chunk of versions");
        }
    }
    return KMB_OK;
}

enum kmb_status history_walk_next(struct history_walk *walk, struct kmb_error *error) {
    walk->valid = false;
    unsigned index = walk->in_chunk ? walk->index + 1 : 0;
    for (;;) {
        if (!walk->chunks.valid || !history_chunk_of(walk->chunks.key, buffer_slice(&walk->key))) {
            return KMB_OK;
        }
        struct chunk chunk;
        struct chunk_place place;
        bool past;
        enum kmb_status status = walk_place(walk, index, &chunk, &place, &past, error);
        if (status != KMB_OK) {
            return status;
        }
        if (past) {
            status = store_cursor_next(&walk->chunks, error);
            if (status != KMB_OK) {
                return status;
            }
            index = 0;
            continue;
        }
        if (!chunk_apply(&place, &walk->work)) {
            return history_malformed(error, "chunk of versions");
        }
        if (!buffer_ok(&walk->work)) {
            return history_no_memory(error);
        }
        walk->valid = true;
        walk->in_chunk = true;
        walk->index = index;
        walk->image = buffer_slice(&walk->work);
        walk->from = chunk_from(&chunk, index);
        walk->to = place.to;
        return KMB_OK;
    }
}

/* --- keys ----------------------------------------------------------------------------------------------------------
 */

enum kmb_status history_keys(struct store_view view, uint32_t tenant, struct slice low, struct slice high,
                             enum kmb_status (*each)(void *context, struct slice key), void *context,
                             struct kmb_error *error) {
    struct store_cursor current = {0};
    struct store_cursor departed = {0};
    enum kmb_status status = store_cursor_open(&current, view, tenant, STORE_CURRENT, error);
    if (status == KMB_OK) {
        status = store_cursor_open(&departed, view, tenant, STORE_DEPARTED, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_seek(&current, low, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_seek(&departed, low, error);
    }
    while (status == KMB_OK && (current.valid || departed.valid)) {
        bool second = !current.valid || (departed.valid && slice_compare(departed.key, current.key) < 0);
        struct store_cursor *lower = second ? &departed : &current;
        if (high.length > 0 && slice_compare(lower->key, high) >= 0) {
            break;
        }
        status = each(context, lower->key);
        if (status == KMB_OK) {
            status = store_cursor_next(lower, error);
        }
    }
    store_cursor_close(&current);
    store_cursor_close(&departed);
    return status;
}
