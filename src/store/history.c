/*
 * Versions of rows.
 *
 * The chunks of a row stand under its key followed by eight big-endian bytes: zero for the first chunk, to which
 * versions are added, and the complement of the newest version's `to` for closed ones. So a row's chunks lie together,
 * newest first, and the chunk of a position is one seek away however long the history is. When a chunk is closed its
 * newest version is made whole, so no chunk needs another one to be read.
 *
 * Reading at a position asks the current row first: if it is old enough, that is the answer, and history is not
 * touched. A scan therefore costs what a present scan costs plus one chunk for each row changed since. Rows deleted
 * since are found through STORE_DEPARTED, which has exactly the keys with history but no current row; without it a scan
 * would have to walk the history of every row.
 */
#include "store/history.h"

#include "base/codec.h"
#include "store/chunk.h"
#include "store/internal.h"

#define CHUNK_AHEAD     512u
#define CHUNK_KEY_STACK 256u /* longer names of chunks are made on the heap */

enum kmb_status history_malformed(struct kmb_error *error, const char *what) {
    error_set(error, KMB_PROJECTION_DAMAGED, "the store holds a malformed %s", what);
    error_hint(error, "the log is whole; rebuild the projection from it");
    return KMB_PROJECTION_DAMAGED;
}

enum kmb_status history_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "no memory for versions of a row");
}

void history_chunk_key(struct buffer *out, struct slice key, uint64_t suffix) {
    buffer_clear(out);
    buffer_append_slice(out, key);
    uint8_t bytes[CHUNK_SUFFIX];
    codec_put_u64_big(bytes, suffix);
    buffer_append(out, bytes, sizeof bytes);
}

bool history_chunk_of(struct slice chunk, struct slice key) {
    return chunk.length == key.length + CHUNK_SUFFIX && memcmp(chunk.bytes, key.bytes, key.length) == 0;
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

struct push {
    struct store_fork *fork;
    uint32_t tenant;
    struct slice key;
    struct buffer name;
    struct buffer head;
    struct buffer made;
    struct buffer payload;
    struct buffer image;
};

static void push_free(struct push *push) {
    buffer_free(&push->name);
    buffer_free(&push->head);
    buffer_free(&push->made);
    buffer_free(&push->payload);
    buffer_free(&push->image);
}

/* Stores the full first chunk under its final key, its newest version made whole from the image that followed it. */
static enum kmb_status push_close(struct push *push, const struct chunk *head, struct slice newer,
                                  struct kmb_error *error) {
    struct chunk_place place;
    buffer_clear(&push->image);
    buffer_append_slice(&push->image, newer);
    if (!chunk_first(head, &place) || !chunk_apply(&place, &push->image)) {
        return history_malformed(error, "chunk of versions");
    }
    buffer_clear(&push->made);
    chunk_close(&push->made, head, buffer_slice(&push->image));
    history_chunk_key(&push->name, push->key, UINT64_MAX - place.to.position);
    if (!buffer_ok(&push->made) || !buffer_ok(&push->image) || !buffer_ok(&push->name)) {
        return history_no_memory(error);
    }
    return store_fork_put(push->fork, push->tenant, STORE_HISTORY, buffer_slice(&push->name), buffer_slice(&push->made),
                          error);
}

/* Adds a superseded version to the row's first chunk. */
static enum kmb_status push_version(struct push *push, struct history_stamp from, struct history_stamp to,
                                    struct slice older, const struct slice *newer, struct kmb_error *error) {
    history_chunk_key(&push->name, push->key, 0);
    if (!buffer_ok(&push->name)) {
        return history_no_memory(error);
    }
    bool found;
    enum kmb_status status = store_get(store_view_fork(push->fork), push->tenant, STORE_HISTORY,
                                       buffer_slice(&push->name), &push->head, &found, error);
    if (status != KMB_OK) {
        return status;
    }
    struct chunk head;
    if (found && !chunk_parse(&head, buffer_slice(&push->head))) {
        return history_malformed(error, "chunk of versions");
    }
    uint32_t whole = chunk_difference(&push->payload, older, newer);
    size_t grown = push->head.length + CHUNK_VERSION + HISTORY_STAMP_SIZE + push->payload.length;
    if (found && (grown > CHUNK_MAX || head.count == UINT16_MAX)) {
        status = push_close(push, &head, older, error);
        if (status != KMB_OK) {
            return status;
        }
        found = false;
        history_chunk_key(&push->name, push->key, 0);
    }
    buffer_clear(&push->made);
    chunk_prepend(&push->made, found ? &head : NULL, from, to, whole, buffer_slice(&push->payload));
    if (!buffer_ok(&push->made) || !buffer_ok(&push->payload) || !buffer_ok(&push->name)) {
        return history_no_memory(error);
    }
    return store_fork_put(push->fork, push->tenant, STORE_HISTORY, buffer_slice(&push->name), buffer_slice(&push->made),
                          error);
}

static enum kmb_status departed_forget(struct store_fork *fork, uint32_t tenant, struct slice key,
                                       struct kmb_error *error) {
    uint64_t departed = 0;
    enum kmb_status status = store_count(store_view_fork(fork), tenant, STORE_DEPARTED, &departed, error);
    if (status == KMB_OK && departed > 0) {
        status = store_fork_delete(fork, tenant, STORE_DEPARTED, key, NULL, error);
    }
    return status;
}

enum kmb_status history_write_over(struct store_fork *fork, uint32_t tenant, struct slice key, const struct slice *old,
                                   struct history_stamp at, const struct slice *image, struct kmb_error *error) {
    if (old == NULL && image == NULL) {
        return KMB_OK;
    }
    enum kmb_status status = KMB_OK;
    bool kept = false; /* something of the row is in history now */
    if (old != NULL) {
        struct history_stamp from;
        struct slice older;
        if (!history_value_split(*old, &from, &older)) {
            return history_malformed(error, "row");
        }
        if (at.position < from.position) {
            return error_set(error, KMB_USAGE, "a row of position %llu cannot be changed at position %llu",
                             (unsigned long long)from.position, (unsigned long long)at.position);
        }
        if (at.position > from.position) {
            struct push push = {.fork = fork, .tenant = tenant, .key = key};
            status = push_version(&push, from, at, older, image, error);
            push_free(&push);
            kept = true;
        }
    } else {
        status = departed_forget(fork, tenant, key, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (image != NULL) {
        uint8_t stamp[HISTORY_STAMP_SIZE];
        codec_put_u64(stamp, at.position);
        codec_put_u64(stamp + 8, at.sequence);
        return store_fork_put_parts(fork, tenant, STORE_CURRENT, key, slice_make(stamp, sizeof stamp), *image, error);
    }
    status = store_fork_delete(fork, tenant, STORE_CURRENT, key, NULL, error);
    if (status == KMB_OK && !kept) { /* made and gone at one position: older versions may still be there */
        struct buffer name = {0};
        history_chunk_key(&name, key, 0);
        status = buffer_ok(&name)
                     ? store_get(store_view_fork(fork), tenant, STORE_HISTORY, buffer_slice(&name), NULL, &kept, error)
                     : history_no_memory(error);
        buffer_free(&name);
    }
    if (status == KMB_OK && kept) {
        status = store_fork_put(fork, tenant, STORE_DEPARTED, key, slice_make(NULL, 0), error);
    }
    return status;
}

enum kmb_status history_write(struct store_fork *fork, uint32_t tenant, struct slice key, struct history_stamp at,
                              const struct slice *image, bool *existed, struct kmb_error *error) {
    struct buffer old = {0};
    bool found;
    enum kmb_status status = store_get(store_view_fork(fork), tenant, STORE_CURRENT, key, &old, &found, error);
    if (status == KMB_OK) {
        struct slice value = buffer_slice(&old);
        status = history_write_over(fork, tenant, key, found ? &value : NULL, at, image, error);
    }
    buffer_free(&old);
    if (existed != NULL) {
        *existed = found;
    }
    return status;
}

/* --- one row ----------------------------------------------------------------------------------------------------- */

enum kmb_status history_chunk_seek(struct slice value, struct chunk_sought *sought, struct buffer *image,
                                   struct kmb_error *error) {
    struct chunk chunk;
    struct chunk_place place;
    sought->found = false;
    sought->older = false;
    for (size_t at = 64; at < value.length && at < CHUNK_AHEAD; at += 64) {
        __builtin_prefetch(value.bytes + at); /* all at once, not one after the other as they are needed */
    }
    if (!chunk_parse(&chunk, value)) {
        return history_malformed(error, "chunk of versions");
    }
    if (chunk_from(&chunk, chunk.count - 1).position > sought->position) {
        sought->older = true;
        return KMB_OK;
    }
    if (!chunk_find(&chunk, sought->position, &place, image)) {
        return history_malformed(error, "chunk of versions");
    }
    sought->from = chunk_from(&chunk, place.index);
    if (!buffer_ok(image)) {
        return history_no_memory(error);
    }
    sought->to = place.to;
    sought->found = sought->position < place.to.position;
    return KMB_OK;
}

/* Splits the value of the current row where it lies. big: joined in the buffer, which then holds the image alone. */
static enum kmb_status current_hold(struct store_view view, uint32_t tenant, struct slice key, struct store_held *held,
                                    struct history_stamp *from, struct slice *image, struct buffer *joined,
                                    struct kmb_error *error) {
    enum kmb_status status = view_hold(view, tenant, STORE_CURRENT, key, held, error);
    if (status != KMB_OK || held->entry == NULL) {
        return status;
    }
    struct slice value = held->value;
    if (held->big) {
        status = held_read(view_store(view), tenant, held, joined, error);
        value = buffer_slice(joined);
    }
    if (status == KMB_OK && !history_value_split(value, from, image)) {
        status = history_malformed(error, "row");
    }
    if (status != KMB_OK) {
        held_drop(held);
    }
    return status;
}

static enum kmb_status image_take(struct slice image, struct buffer *out, struct kmb_error *error) {
    if (out->length > 0 && image.bytes >= out->bytes && image.bytes <= out->bytes + out->length) {
        memmove(out->bytes, image.bytes, image.length); /* it was joined there */
        out->length = image.length;
        return KMB_OK;
    }
    buffer_clear(out);
    buffer_append_slice(out, image);
    return buffer_ok(out) ? KMB_OK : history_no_memory(error);
}

enum kmb_status history_get(struct store_view view, uint32_t tenant, struct slice key, struct history_stamp *from,
                            struct buffer *image, bool *found, struct kmb_error *error) {
    struct store_held held;
    struct slice there;
    *found = false;
    enum kmb_status status = current_hold(view, tenant, key, &held, from, &there, image, error);
    if (status == KMB_OK && held.entry != NULL) {
        *found = true;
        status = image_take(there, image, error);
        held_drop(&held);
    }
    return status;
}

enum kmb_status history_older_seek(struct store_cursor *cursor, struct slice key, struct buffer *name,
                                   struct chunk_sought *sought, struct buffer *image, struct kmb_error *error) {
    sought->found = false;
    history_chunk_key(name, key, UINT64_MAX - sought->position - 1);
    if (!buffer_ok(name)) {
        return history_no_memory(error);
    }
    enum kmb_status status = store_cursor_seek_back(cursor, buffer_slice(name), error);
    if (status != KMB_OK || !cursor->valid || !history_chunk_of(cursor->key, key)) {
        return status;
    }
    struct slice value;
    status = store_cursor_value(cursor, &value, error);
    return status == KMB_OK ? history_chunk_seek(value, sought, image, error) : status;
}

/* Looks the version up in the row's chunks; image holds the current one, if there is one. */
static enum kmb_status chunks_seek(struct store_view view, uint32_t tenant, struct slice key,
                                   struct chunk_sought *sought, struct buffer *image, struct kmb_error *error) {
    uint8_t place[CHUNK_KEY_STACK + CHUNK_SUFFIX] = {0};
    struct buffer name = {0};
    struct slice first = slice_make(place, key.length + CHUNK_SUFFIX);
    if (key.length <= CHUNK_KEY_STACK) {
        memcpy(place, key.bytes, key.length);
    } else {
        history_chunk_key(&name, key, 0);
        first = buffer_slice(&name);
    }
    struct store_held held = {0};
    struct buffer joined = {0};
    enum kmb_status status =
        buffer_ok(&name) ? view_hold(view, tenant, STORE_HISTORY, first, &held, error) : history_no_memory(error);
    if (status == KMB_OK && held.entry != NULL) {
        struct slice value = held.value;
        if (held.big) {
            status = held_read(view_store(view), tenant, &held, &joined, error);
            value = buffer_slice(&joined);
        }
        if (status == KMB_OK) {
            status = history_chunk_seek(value, sought, image, error);
        }
        held_drop(&held);
    }
    if (status == KMB_OK && sought->older && sought->position < UINT64_MAX) {
        struct store_cursor cursor;
        status = store_cursor_open(&cursor, view, tenant, STORE_HISTORY, error);
        if (status == KMB_OK) {
            status = history_older_seek(&cursor, key, &name, sought, image, error);
            store_cursor_close(&cursor);
        }
    }
    buffer_free(&name);
    buffer_free(&joined);
    return status;
}

enum kmb_status history_get_at(struct store_view view, uint32_t tenant, struct slice key, uint64_t position,
                               struct history_stamp *from, struct history_stamp *to, struct buffer *image, bool *found,
                               struct kmb_error *error) {
    bool present;
    *found = false;
    enum kmb_status status = history_get(view, tenant, key, from, image, &present, error);
    if (status != KMB_OK) {
        return status;
    }
    if (present && from->position <= position) {
        if (to != NULL) {
            *to = (struct history_stamp){.position = HISTORY_NEVER};
        }
        *found = true;
        return KMB_OK;
    }
    if (!present) {
        buffer_clear(image);
    }
    struct chunk_sought sought = {.position = position};
    status = chunks_seek(view, tenant, key, &sought, image, error);
    *found = status == KMB_OK && sought.found;
    *from = sought.from;
    if (to != NULL) {
        *to = sought.to;
    }
    return status;
}
