/*
 * kimberlite_history(t): every version of every row.
 *
 * Keys come first, in order, some tens at a time from the store's walk over all that has or had a row; then the
 * versions of each key, newest first. A version says from which position to which it stood. What made it follows from
 * its neighbours: an older version that ends where it begins means UPDATE, else INSERT. Where a version ends and none
 * follows, the row was deleted: that is reported as a version of its own, with an empty range, so that the list is a
 * list of what happened. (An UPDATE that changes the key ends one key's versions and begins another's at the same
 * position.)
 *
 * Times are looked up in the entry index by the stamps' sequences; neighbours in a table mostly come from few entries,
 * so a small direct-mapped memory answers most of them.
 */
#include "kernel/internal.h"

#define HISTORY_KEYS_AT_ONCE 64
#define HISTORY_TIMES        256

struct history_time {
    uint64_t sequence; /* 0: empty */
    int64_t time_us;
};

struct kernel_history {
    struct kernel_view *view;
    const struct catalogue_table *table;
    struct buffer low; /* keys from here on are still to come */
    struct buffer high;
    struct buffer keys; /* u32 length, key */
    size_t keys_at;
    unsigned keys_gathered;
    bool keys_done;
    bool walking;
    struct history_walk walk;
    struct buffer key;
    struct buffer image;
    /* the version at hand, and whether the end of it must be told as a deletion first */
    bool held;
    struct history_stamp from;
    struct history_stamp to;
    uint64_t newer_from; /* of the version told before, LATEST at a key's start */
    bool deletion_told;
    struct history_time times[HISTORY_TIMES];
};

const char *kernel_operation_name(enum kernel_operation operation) {
    switch (operation) {
    case KERNEL_INSERT:
        return "INSERT";
    case KERNEL_UPDATE:
        return "UPDATE";
    default:
        return "DELETE";
    }
}

static enum kmb_status versions_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

enum kmb_status kernel_history_open(struct kernel_view *view, const struct table_definition *table,
                                    const struct kernel_range *range, struct kernel_history **out,
                                    struct kmb_error *error) {
    ASSERT(range == NULL || (range->index.value == 0 && !range->reverse));
    struct kernel_history *history = mem_alloc_zero(1, sizeof(*history));
    if (history == NULL) {
        return versions_no_memory(error);
    }
    history->view = view;
    history->table = catalogue_table_of(table);
    if (!key_range_bytes(table->id.value, range, &history->low, &history->high)) {
        kernel_history_close(history);
        return versions_no_memory(error);
    }
    history->keys_done = slice_compare(buffer_slice(&history->low), buffer_slice(&history->high)) >= 0;
    kernel_reads_add(view->reads, KERNEL_READ_HISTORY, table->id.value, 0, slice_make(NULL, 0), slice_make(NULL, 0));
    *out = history;
    return KMB_OK;
}

void kernel_history_close(struct kernel_history *history) {
    if (history == NULL) {
        return;
    }
    if (history->walking) {
        history_walk_close(&history->walk);
    }
    buffer_free(&history->low);
    buffer_free(&history->high);
    buffer_free(&history->keys);
    buffer_free(&history->key);
    buffer_free(&history->image);
    mem_free(history);
}

static enum kmb_status key_gather(void *context, struct slice key) {
    struct kernel_history *history = context;
    if (history->keys_gathered == HISTORY_KEYS_AT_ONCE) {
        return KMB_DONE;
    }
    history->keys_gathered++;
    buffer_bytes(&history->keys, key);
    return buffer_ok(&history->keys) ? KMB_OK : KMB_NO_MEMORY;
}

static enum kmb_status keys_next(struct kernel_history *history, struct kmb_error *error) {
    buffer_clear(&history->keys);
    history->keys_at = 0;
    history->keys_gathered = 0;
    enum kmb_status status =
        history_keys(store_view_root(history->view->state->root), history->view->state->tenant.value,
                     buffer_slice(&history->low), buffer_slice(&history->high), key_gather, history, error);
    if (status == KMB_NO_MEMORY) {
        return versions_no_memory(error);
    }
    history->keys_done = status == KMB_OK;
    return status == KMB_DONE ? KMB_OK : status;
}

/* Goes to the next key and opens its walk. KMB_DONE: there is none. */
static enum kmb_status key_begin(struct kernel_history *history, struct kmb_error *error) {
    while (history->keys_at == history->keys.length) {
        if (history->keys_done) {
            return KMB_DONE;
        }
        enum kmb_status status = keys_next(history, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    struct reader reader =
        reader_make(slice_make(history->keys.bytes + history->keys_at, history->keys.length - history->keys_at));
    struct slice key = reader_bytes(&reader);
    history->keys_at += reader.offset;
    buffer_clear(&history->key);
    buffer_append_slice(&history->key, key);
    /* The next gathering begins behind this key: the key with a zero byte is the first key after it. */
    buffer_clear(&history->low);
    buffer_append_slice(&history->low, key);
    buffer_append_byte(&history->low, 0);
    if (!buffer_ok(&history->key) || !buffer_ok(&history->low)) {
        return versions_no_memory(error);
    }
    history->newer_from = KERNEL_POSITION_LATEST;
    enum kmb_status status = history_walk_open(&history->walk, store_view_root(history->view->state->root),
                                               history->view->state->tenant.value, buffer_slice(&history->key), error);
    history->walking = status == KMB_OK;
    return status;
}

static void key_end(struct kernel_history *history) {
    history_walk_close(&history->walk);
    history->walk = (struct history_walk){.valid = false};
    history->walking = false;
}

static enum kmb_status time_of(struct kernel_history *history, uint64_t sequence, int64_t *time_us,
                               struct kmb_error *error) {
    struct history_time *place = &history->times[sequence % HISTORY_TIMES];
    if (place->sequence != sequence) {
        enum kmb_status status = state_entry_time(history->view->state, sequence, &place->time_us, error);
        if (status != KMB_OK) {
            place->sequence = 0;
            return status;
        }
        place->sequence = sequence;
    }
    *time_us = place->time_us;
    return KMB_OK;
}

/* Takes the walk's version in hand and moves the walk on, so that the next older one can be asked. */
static enum kmb_status version_hold(struct kernel_history *history, struct kmb_error *error) {
    history->from = history->walk.from;
    history->to = history->walk.to;
    buffer_clear(&history->image);
    buffer_append_slice(&history->image, history->walk.image);
    if (!buffer_ok(&history->image)) {
        return versions_no_memory(error);
    }
    history->held = true;
    history->deletion_told = false;
    return history_walk_next(&history->walk, error);
}

static bool visible_to(const struct kernel_history *history, uint64_t position) {
    return position <= history->view->position;
}

static enum kmb_status version_common(struct kernel_history *history, struct kernel_version *version,
                                      struct kmb_error *error) {
    struct row_header header;
    version->key = slice_make(history->key.bytes + TABLE_PREFIX_SIZE, history->key.length - TABLE_PREFIX_SIZE);
    version->image = buffer_slice(&history->image);
    if (!row_header_read(version->image, &header)) {
        return meta_damaged(error, "a row image has no header");
    }
    version->version = header.version;
    return KMB_OK;
}

static enum kmb_status tell_deletion(struct kernel_history *history, struct kernel_version *version,
                                     struct kmb_error *error) {
    history->deletion_told = true;
    version->operation = KERNEL_DELETE;
    version->position_from = history->to.position;
    version->position_to = history->to.position;
    version->entry = history->to.sequence;
    enum kmb_status status = time_of(history, history->to.sequence, &version->time_from_us, error);
    version->time_to_us = version->time_from_us;
    return status;
}

static enum kmb_status tell_version(struct kernel_history *history, struct kernel_version *version,
                                    struct kmb_error *error) {
    history->held = false;
    history->newer_from = history->from.position;
    bool follows = history->walk.valid && history->walk.to.position == history->from.position;
    version->operation = follows ? KERNEL_UPDATE : KERNEL_INSERT;
    version->position_from = history->from.position;
    version->position_to = KERNEL_POSITION_LATEST;
    version->entry = history->from.sequence;
    version->time_to_us = KERNEL_TIME_OPEN;
    enum kmb_status status = time_of(history, history->from.sequence, &version->time_from_us, error);
    if (status == KMB_OK && history->to.position != HISTORY_NEVER && visible_to(history, history->to.position)) {
        version->position_to = history->to.position;
        status = time_of(history, history->to.sequence, &version->time_to_us, error);
    }
    return status;
}

enum kmb_status kernel_history_next(struct kernel_history *history, struct kernel_version *version,
                                    struct kmb_error *error) {
    for (;;) {
        enum kmb_status status = KMB_OK;
        if (!history->held && !history->walking) {
            status = key_begin(history, error);
        }
        if (status == KMB_OK && !history->held) {
            if (!history->walk.valid) {
                key_end(history);
                continue;
            }
            status = version_hold(history, error);
        }
        if (status != KMB_OK) {
            return status;
        }
        if (!visible_to(history, history->from.position)) {
            history->held = false; /* it came after the view's position */
            continue;
        }
        status = version_common(history, version, error);
        if (status == KMB_OK) {
            bool ended = history->to.position != HISTORY_NEVER && visible_to(history, history->to.position);
            bool replaced = ended && history->to.position == history->newer_from;
            status = ended && !replaced && !history->deletion_told ? tell_deletion(history, version, error)
                                                                   : tell_version(history, version, error);
        }
        return status == KMB_OK ? KMB_ROW : status;
    }
}
