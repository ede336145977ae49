/*
 * A chunk: some consecutive superseded versions of one row, newest first. Private to this room.
 *
 *   u16 count, u16 zero
 *   u64 position, u64 sequence        `to` of the newest version
 *   count times: u64 position, u64 sequence of `from`; u32 size of the payload | CHUNK_WHOLE | CHUNK_GAP
 *   payloads: with CHUNK_GAP first the version's own `to` (u64, u64); then the whole image, or a difference to the next
 *   newer version: varint length of the common prefix, varint length of the common suffix, the bytes between
 *
 * Without CHUNK_GAP a version's `to` is the `from` of the next newer one. The newest version of a key's first chunk
 * differs from the current image; that of every later chunk is whole.
 */
#ifndef KMB_STORE_CHUNK_H
#define KMB_STORE_CHUNK_H

#include "base/buffer.h"
#include "store/history.h"

#define CHUNK_WHOLE   0x80000000u
#define CHUNK_GAP     0x40000000u
#define CHUNK_SIZE    0x3fffffffu
#define CHUNK_HEAD    20u
#define CHUNK_VERSION 20u
#define CHUNK_MAX     1800u /* bytes; a chunk that would grow beyond is closed */

struct chunk {
    const uint8_t *bytes;
    size_t length;
    unsigned count;
    size_t payloads;
};

/* false: malformed. */
bool chunk_parse(struct chunk *chunk, struct slice value);
struct history_stamp chunk_from(const struct chunk *chunk, unsigned index);

/* One version while going from newest to oldest; start with index 0 and offset chunk.payloads. */
struct chunk_place {
    unsigned index;
    size_t offset;
    struct history_stamp to;
    bool whole;
    struct slice payload; /* without the gap's stamp */
};
/* false: malformed. */
bool chunk_first(const struct chunk *chunk, struct chunk_place *place);
bool chunk_next(const struct chunk *chunk, struct chunk_place *place); /* index + 1 < count */
/* Turns the next newer image in the buffer (any content, when the version is whole) into this version's. */
bool chunk_apply(const struct chunk_place *place, struct buffer *image);

/*
 * Goes to the newest version whose `from` is at or before the position, which must be there, making its image in the
 * buffer, which holds what followed the chunk's newest version. A difference that covers the one before it makes that
 * one superfluous: runs of updates of the same columns cost one copy. false: malformed.
 */
bool chunk_find(const struct chunk *chunk, uint64_t position, struct chunk_place *place, struct buffer *image);

/* Appends the payload that makes `older` from `newer` (NULL: none). Answers CHUNK_WHOLE or 0. */
uint32_t chunk_difference(struct buffer *out, struct slice older, const struct slice *newer);

/*
 * A chunk with one more version in front: `from`..`to`, payload and flag as chunk_difference() made them. old: NULL for
 * none. Appended to out.
 */
void chunk_prepend(struct buffer *out, const struct chunk *old, struct history_stamp from, struct history_stamp to,
                   uint32_t whole, struct slice payload);
/* The same chunk with its newest version whole. */
void chunk_close(struct buffer *out, const struct chunk *old, struct slice newest);

/* --- chunks in their tree: history.c for history_scan.c ----------------------------------------------------------- */

#define CHUNK_SUFFIX 8u /* behind the row's key: zero, or the complement of the newest version's `to` */

/* The version of a position, once its chunk is at hand. */
struct chunk_sought {
    uint64_t position;
    struct history_stamp from;
    struct history_stamp to;
    bool found;
    bool older; /* the position lies before everything in this chunk */
};

enum kmb_status history_malformed(struct kmb_error *error, const char *what);
enum kmb_status history_no_memory(struct kmb_error *error);
void history_chunk_key(struct buffer *out, struct slice key, uint64_t suffix); /* replaces what is in out */
bool history_chunk_of(struct slice chunk_key, struct slice key);               /* is it a chunk of that row? */
/*
 * Looks for the position in a chunk; image holds what followed the chunk's newest version (needed for the first chunk
 * of a row that is there) and gets the version's image.
 */
enum kmb_status history_chunk_seek(struct slice value, struct chunk_sought *sought, struct buffer *image,
                                   struct kmb_error *error);
/* The closed chunk that may hold the position, when the first one is too young. */
enum kmb_status history_older_seek(struct store_cursor *cursor, struct slice key, struct buffer *name,
                                   struct chunk_sought *sought, struct buffer *image, struct kmb_error *error);

#endif
