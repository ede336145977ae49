/*
 * A block: one op, one group commit. A header of 160 bytes, then `count` entries end to end, then zeros up to the next
 * multiple of 4096, so that no write ever touches a sector that holds an older, acknowledged block.
 *
 * struct log_block is a block being built: the engine begins it, appends entries in order while the previous block
 * syncs, finishes it when that sync has returned, and hands it to log_write(). Two of them take turns. It owns its
 * memory and belongs to one thread at a time; nothing in it is shared with struct log.
 */
#ifndef KMB_LOG_BLOCK_H
#define KMB_LOG_BLOCK_H

#include "log/entry.h"

#define LOG_BLOCK_HEADER_SIZE 160
#define LOG_BLOCK_VERSION     1
#define LOG_BLOCK_ALIGN       4096u
/* Header, entries and padding. Bounds what one transaction may weigh; readers never need a block in memory. */
#define LOG_BLOCK_BYTES_MAX   ((uint64_t)1 << 30)
#define LOG_BLOCK_ENTRIES_MAX ((uint32_t)1 << 22)

/* What every block and segment of one log carries. Plain data, fixed when the log is created. */
struct log_identity {
    uint8_t uuid[LOG_UUID_SIZE];
    uint8_t cluster[16]; /* zeros on a single node */
    uint32_t shard;
    uint64_t guard; /* random, shown nowhere: keeps user bytes inside a body from posing as a block header */
};

enum log_block_flag {
    LOG_BLOCK_SEAL = 1, /* no entries: written by an idle or closing log to say what is synced */
};

/* A decoded header. Plain data. */
struct log_block_header {
    uint16_t flags;
    uint8_t cluster[16];
    uint32_t shard;
    uint32_t count; /* entries */
    uint64_t op;    /* from 1, dense */
    uint64_t view;  /* in which it was made; never restamped */
    uint64_t synced_op;
    int64_t time_us;
    uint64_t length; /* of the entries, padding not counted */
    uint64_t guard;
    struct hash256 previous; /* block hash of op - 1; log_block_genesis() for op 1 */
    struct hash256 entries;  /* SHA-256 of the entry hashes joined */
};

struct hash256 log_block_genesis(const struct log_identity *identity);
void log_block_encode(const struct log_block_header *header, uint8_t bytes[LOG_BLOCK_HEADER_SIZE]);
/* Magic, version, CRC32C, reserved bytes, bounds. KMB_FORMAT, KMB_FORMAT_VERSION or KMB_CORRUPT. */
enum kmb_status log_block_decode(const uint8_t bytes[LOG_BLOCK_HEADER_SIZE], struct log_block_header *header,
                                 struct kmb_error *error);
/* The chain: SHA-256 of the header's bytes. */
struct hash256 log_block_hash(const uint8_t header[LOG_BLOCK_HEADER_SIZE]);
/* Bytes that a block of this many entry bytes takes on disk. */
uint64_t log_block_size(uint64_t entry_bytes);

struct log_block {
    struct log_identity identity;
    uint8_t *bytes; /* 4096-aligned */
    size_t capacity;
    size_t length;          /* header and entries so far */
    struct hash256 *hashes; /* of the entries */
    uint32_t hashes_capacity;
    struct log_block_header header;
    struct hash256 hash; /* set by log_block_finish */
    uint64_t segment;    /* set by log_write: first op of the segment it went to, and where in it */
    uint64_t offset;
    bool open; /* between begin and finish */
    bool finished;
    struct buffer packed; /* compression workspace */
};

enum kmb_status log_block_init(struct log_block *block, const struct log_identity *identity, struct kmb_error *error);
void log_block_free(struct log_block *block); /* a zeroed or freed block is fine */

/* Empties the block and starts op `op`. Memory beyond 8 MiB left by a large predecessor is given back. */
void log_block_begin(struct log_block *block, uint64_t op, uint64_t view);

/*
 * Seals `body` (at most LOG_ENTRY_PLAIN_MAX bytes) straight into the block.
 *
 * In `entry` the caller sets kind, LOG_ENTRY_LAST_PART, codec (the wish; NONE is taken where packing does not shrink),
 * tenant, sequence, positions, commit time, session, request, key id and version, previous. uuid, LOG_ENTRY_SEALED,
 * codec, body_length and body_hash are filled in. *hash gets the entry hash, which is `previous` of the tenant's next
 * entry and its Merkle leaf. key NULL: the body is stored in clear (a log without encryption). environment gives the
 * nonce. On failure the block is as before the call. KMB_LIMIT (body or block too large), KMB_NO_MEMORY, KMB_IO (no
 * randomness), KMB_USAGE.
 */
enum kmb_status log_block_append(struct log_block *block, struct log_entry *entry, struct slice body,
                                 struct aead_key *key, const struct environment *environment, struct hash256 *hash,
                                 struct kmb_error *error);

/* Takes back every entry after the first `count`, whose bytes were `length` (block->header.count, block->length). */
struct log_block_mark {
    size_t length;
    uint32_t count;
};
struct log_block_mark log_block_mark(const struct log_block *block);
void log_block_rewind(struct log_block *block, struct log_block_mark mark);

/*
 * Writes header and padding. previous: hash of block op - 1. synced_op: the newest op whose sync has returned by now
 * (log_synced_op()). time_us: when the block was made. A block without entries is a seal block. Sets block->hash.
 */
void log_block_finish(struct log_block *block, const struct hash256 *previous, uint64_t synced_op, int64_t time_us);

/* The finished block as it stands on disk, padding included. */
struct slice log_block_bytes(const struct log_block *block);

#endif
