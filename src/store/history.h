/*
 * Versions of rows: the newest in STORE_CURRENT, all older ones in STORE_HISTORY.
 *
 * A current value is a stamp (the event that made the row so) followed by the row's image. When a row is replaced or
 * deleted the old image moves into the key's history as a difference to the next newer version; versions stand newest
 * first in chunks of at most about 2 KiB, so that present reads never meet them. A version is visible at position n
 * when from <= n < to.
 *
 * Contract on keys: no key that is written here is a proper prefix of another one in the same tenant. (Keys made of a
 * fixed-width table id and self-delimiting column values are so.)
 */
#ifndef KMB_STORE_HISTORY_H
#define KMB_STORE_HISTORY_H

#include "store/store.h"

/* The event that wrote a version: its position, and the tenant's entry that carries it. */
struct history_stamp {
    uint64_t position;
    uint64_t sequence;
};
#define HISTORY_STAMP_SIZE 16
#define HISTORY_NEVER      UINT64_MAX /* `to` of a version that is still current */

/* Splits a value of STORE_CURRENT. false: shorter than a stamp. */
static inline bool history_value_split(struct slice value, struct history_stamp *stamp, struct slice *image) {
    if (value.length < HISTORY_STAMP_SIZE) {
        return false;
    }
    memcpy(&stamp->position, value.bytes, sizeof stamp->position);
    memcpy(&stamp->sequence, value.bytes + 8, sizeof stamp->sequence);
    *image = slice_make(value.bytes + HISTORY_STAMP_SIZE, value.length - HISTORY_STAMP_SIZE);
    return true;
}

/*
 * Writes the row (image, stamped `at`) or, with image NULL, deletes it, and keeps what was there. *existed (may be
 * NULL): whether there was a row; deleting none changes nothing. at.position must not be below that of the row that is
 * there (KMB_USAGE); a version replaced at its own position was never visible and leaves no trace. Fails as
 * store_fork_put() does.
 */
enum kmb_status history_write(struct store_fork *fork, uint32_t tenant, struct slice key, struct history_stamp at,
                              const struct slice *image, bool *existed, struct kmb_error *error);

/*
 * The same for a caller that has read the current value itself: `old` is the present value of the key with its stamp,
 * or NULL when there is none. It must stay valid during the call: not a slice of a cursor on this fork.
 */
enum kmb_status history_write_over(struct store_fork *fork, uint32_t tenant, struct slice key, const struct slice *old,
                                   struct history_stamp at, const struct slice *image, struct kmb_error *error);

/* The present row: stamp and image (in the buffer, replaced). */
enum kmb_status history_get(struct store_view view, uint32_t tenant, struct slice key, struct history_stamp *from,
                            struct buffer *image, bool *found, struct kmb_error *error);

/* The row as of a position; *to.position is HISTORY_NEVER when the version is still the current one. to may be NULL. */
enum kmb_status history_get_at(struct store_view view, uint32_t tenant, struct slice key, uint64_t position,
                               struct history_stamp *from, struct history_stamp *to, struct buffer *image, bool *found,
                               struct kmb_error *error);

/*
 * Rows as of a position, in key order, within [low, high) (high empty: no bound). Zero it or open it; closing a zeroed
 * one is fine. key, image, from and to are valid until the next move. Must not outlive a change of a fork it reads.
 */
struct history_scan {
    bool valid;
    struct slice key;
    struct slice image;
    struct history_stamp from;
    struct history_stamp to; /* position HISTORY_NEVER: still current */
    /* private */
    uint64_t position;
    bool standing; /* a row was shown: move on before looking */
    bool on_departed;
    struct buffer high;
    struct store_cursor current;
    struct store_cursor departed;
    struct store_cursor chunks;
    struct buffer seek;
    struct buffer work;
};
enum kmb_status history_scan_open(struct history_scan *scan, struct store_view view, uint32_t tenant, struct slice low,
                                  struct slice high, uint64_t position, struct kmb_error *error);
enum kmb_status history_scan_next(struct history_scan *scan, struct kmb_error *error); /* after open: already first */
void history_scan_close(struct history_scan *scan);

/* All versions of one key, newest first. Same rules as a scan. */
struct history_walk {
    bool valid;
    struct slice image;
    struct history_stamp from;
    struct history_stamp to;
    /* private */
    struct buffer key;
    struct store_cursor chunks;
    struct store_view view;
    uint32_t tenant;
    uint32_t index; /* of the version shown in its chunk */
    bool in_chunk;
    struct buffer work;
};
enum kmb_status history_walk_open(struct history_walk *walk, struct store_view view, uint32_t tenant, struct slice key,
                                  struct kmb_error *error);
enum kmb_status history_walk_next(struct history_walk *walk, struct kmb_error *error);
void history_walk_close(struct history_walk *walk);

/*
 * The keys of [low, high) that have any version, current or not, in order: what kimberlite_history(table) goes over.
 * Calls each once a key; an answer other than KMB_OK ends the walk and is returned.
 */
enum kmb_status history_keys(struct store_view view, uint32_t tenant, struct slice low, struct slice high,
                             enum kmb_status (*each)(void *context, struct slice key), void *context,
                             struct kmb_error *error);

#endif
