/*
 * An entry: the portable, provable unit of a tenant's history. A fixed header of 160 bytes, then the stored body.
 *
 * The header says where the entry stands in its tenant's chain (sequence, previous entry hash) and in its positions,
 * and holds the SHA-256 of the stored body. entry_hash = SHA-256(0x00 | header) is at once the chain link and the leaf
 * hash of RFC 6962. Bytes: docs/internals/formats.md. Everything here is pure over its arguments; any thread.
 */
#ifndef KMB_LOG_ENTRY_H
#define KMB_LOG_ENTRY_H

#include "base/buffer.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/slice.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

#define LOG_ENTRY_HEADER_SIZE 160
#define LOG_ENTRY_VERSION     1
/* A plain body holds at most 4 MiB, so that a reader needs a buffer of known size; longer transactions go in parts. */
#define LOG_ENTRY_PLAIN_MAX  ((size_t)4 << 20)
#define LOG_ENTRY_STORED_MAX (LOG_ENTRY_PLAIN_MAX + AEAD_NONCE_SIZE + AEAD_TAG_SIZE)
#define LOG_ENTRY_BYTES_MAX  (LOG_ENTRY_HEADER_SIZE + LOG_ENTRY_STORED_MAX)
#define LOG_UUID_SIZE        16

/* What the body is. Kinds below 128 are known to every reader of version 1; others are refused by readers. */
enum log_entry_kind {
    LOG_ENTRY_EVENTS = 1, /* a list of events of one tenant (formats-events.md) */
};

enum log_entry_flag {
    LOG_ENTRY_LAST_PART = 1, /* the transaction ends with this entry */
    LOG_ENTRY_SEALED = 2,    /* the stored body is nonce | ciphertext | tag */
};

/* How the plain body is packed inside the seal. */
enum log_codec {
    LOG_CODEC_NONE = 0,
    LOG_CODEC_LZ4 = 1,
    LOG_CODEC_ZSTD = 2,
};

/* A decoded header. Plain data. */
struct log_entry {
    uint8_t kind;  /* enum log_entry_kind */
    uint8_t flags; /* enum log_entry_flag */
    uint8_t codec; /* enum log_codec */
    uint8_t uuid[LOG_UUID_SIZE];
    uint32_t tenant;
    uint64_t sequence;        /* of this tenant, from 1, dense */
    uint64_t position_before; /* events of this tenant before the entry */
    uint64_t position_after;  /* and with it; >= before */
    int64_t commit_time_us;   /* greater than the tenant's previous transaction's; equal among parts of one */
    uint64_t session;         /* 0: none */
    uint64_t request;
    uint32_t key_id; /* 0 with version 0 where not sealed */
    uint32_t key_version;
    uint32_t body_length;     /* of the stored body */
    struct hash256 previous;  /* entry hash of the tenant's previous entry; log_tenant_genesis() for the first */
    struct hash256 body_hash; /* SHA-256 of the stored body */
};

/* What stands as `previous` in a tenant's first entry: SHA-256(label | log uuid | tenant). */
struct hash256 log_tenant_genesis(const uint8_t uuid[LOG_UUID_SIZE], uint32_t tenant);

void log_entry_encode(const struct log_entry *entry, uint8_t bytes[LOG_ENTRY_HEADER_SIZE]);

/*
 * Checks magic, version, CRC32C, reserved bytes, known flags and codec, and the bounds of lengths and positions.
 * KMB_FORMAT, KMB_FORMAT_VERSION (a newer version, named) or KMB_CORRUPT.
 */
enum kmb_status log_entry_decode(const uint8_t bytes[LOG_ENTRY_HEADER_SIZE], struct log_entry *entry,
                                 struct kmb_error *error);

struct hash256 log_entry_hash(const uint8_t header[LOG_ENTRY_HEADER_SIZE]);

/* Does the stored body have the header's length and hash? */
bool log_entry_body_matches(const struct log_entry *entry, struct slice stored);

/*
 * Opens a stored body: seal, then codec. The plain body is appended to `plain`. key: NULL where the entry is not
 * sealed. header: the 160 bytes as stored (they are associated data). Does not look at body_hash.
 * KMB_NO_KEY: sealed and key is NULL. KMB_CORRUPT: does not open under this key. KMB_NO_MEMORY.
 */
enum kmb_status log_entry_open(const uint8_t header[LOG_ENTRY_HEADER_SIZE], struct slice stored, struct aead_key *key,
                               struct buffer *plain, struct kmb_error *error);

/* Gives the key of a sealed entry, valid until the next call. KMB_NO_KEY where there is none. */
struct log_keys {
    enum kmb_status (*key)(void *context, uint32_t tenant, uint32_t key_id, uint32_t key_version, struct aead_key **key,
                           struct kmb_error *error);
    void *context;
};

#endif
