/*
 * The entry codec: 160 header bytes at fixed places, and the way from a plain body to a stored one and back.
 *
 * A header is read only as a whole: decode checks every byte it has, magic, version, CRC, reserved bytes and bounds, so
 * that whoever holds a struct log_entry holds a true one. The CRC is for accidents and costs nothing; what an adversary
 * changes is found by the hash chain. The associated data of the seal are the header's own bytes, so a body opens
 * only at the place in history for which it was sealed.
 *
 * Compression stands inside the seal and is bounded by the plain length that stands with it: nothing is allocated
 * before that length has been checked against LOG_ENTRY_PLAIN_MAX.
 */
#include <lz4.h>
#include <zstd.h>

#include "base/assert.h"
#include "base/codec.h"
#include "log/private.h"

#define ENTRY_MAGIC          0x45424d4bu /* "KMBE" */
#define ENTRY_CRC_AT         92
#define ENTRY_PREVIOUS_AT    96
#define ENTRY_BODY_HASH_AT   128
#define ENTRY_FLAGS_KNOWN    (LOG_ENTRY_LAST_PART | LOG_ENTRY_SEALED)
#define ENTRY_LABEL          "kimberlite entry v1"
#define ENTRY_LABEL_SIZE     (sizeof ENTRY_LABEL - 1)
#define ENTRY_AAD_SIZE       (ENTRY_LABEL_SIZE + ENTRY_CRC_AT + HASH256_SIZE)
#define TENANT_GENESIS_LABEL "kimberlite tenant genesis v1"
#define ZSTD_LEVEL           1

struct hash256 log_tenant_genesis(const uint8_t uuid[LOG_UUID_SIZE], uint32_t tenant) {
    uint8_t number[4];
    codec_put_u32(number, tenant);
    const struct slice parts[] = {slice_text(TENANT_GENESIS_LABEL), slice_make(uuid, LOG_UUID_SIZE),
                                  slice_make(number, sizeof number)};
    return hash_sha256_parts(parts, ARRAY_LENGTH(parts));
}

static uint32_t entry_crc(const uint8_t bytes[LOG_ENTRY_HEADER_SIZE]) {
    uint32_t crc = codec_crc32c(0, bytes, ENTRY_CRC_AT);
    return codec_crc32c(crc, bytes + ENTRY_PREVIOUS_AT, LOG_ENTRY_HEADER_SIZE - ENTRY_PREVIOUS_AT);
}

bool log_entry_crc_good(const uint8_t bytes[LOG_ENTRY_HEADER_SIZE]) {
    return codec_get_u32(bytes) == ENTRY_MAGIC && entry_crc(bytes) == codec_get_u32(bytes + ENTRY_CRC_AT);
}

void log_entry_encode(const struct log_entry *entry, uint8_t bytes[LOG_ENTRY_HEADER_SIZE]) {
    ASSERT((entry->flags & ~ENTRY_FLAGS_KNOWN) == 0);
    ASSERT(entry->position_after >= entry->position_before);
    codec_put_u32(bytes, ENTRY_MAGIC);
    codec_put_u16(bytes + 4, LOG_ENTRY_VERSION);
    bytes[6] = entry->kind;
    bytes[7] = entry->flags;
    memcpy(bytes + 8, entry->uuid, LOG_UUID_SIZE);
    codec_put_u32(bytes + 24, entry->tenant);
    bytes[28] = entry->codec;
    memset(bytes + 29, 0, 3);
    codec_put_u64(bytes + 32, entry->sequence);
    codec_put_u64(bytes + 40, entry->position_before);
    codec_put_u64(bytes + 48, entry->position_after);
    codec_put_u64(bytes + 56, (uint64_t)entry->commit_time_us);
    codec_put_u64(bytes + 64, entry->session);
    codec_put_u64(bytes + 72, entry->request);
    codec_put_u32(bytes + 80, entry->key_id);
    codec_put_u32(bytes + 84, entry->key_version);
    codec_put_u32(bytes + 88, entry->body_length);
    memcpy(bytes + ENTRY_PREVIOUS_AT, entry->previous.bytes, HASH256_SIZE);
    memcpy(bytes + ENTRY_BODY_HASH_AT, entry->body_hash.bytes, HASH256_SIZE);
    codec_put_u32(bytes + ENTRY_CRC_AT, entry_crc(bytes));
}

/* What is wrong with a header whose magic, version and CRC are right; NULL where nothing is. */
static const char *entry_fault(const struct log_entry *entry, const uint8_t *bytes) {
    if (entry->kind != LOG_ENTRY_EVENTS) {
        return "unknown kind of entry";
    }
    if ((entry->flags & ~ENTRY_FLAGS_KNOWN) != 0 || bytes[29] != 0 || bytes[30] != 0 || bytes[31] != 0) {
        return "reserved bits of the header are set";
    }
    if (entry->codec > LOG_CODEC_ZSTD) {
        return "unknown codec";
    }
    if (entry->sequence == 0 || entry->position_after < entry->position_before) {
        return "sequence or positions are out of bounds";
    }
    bool sealed = (entry->flags & LOG_ENTRY_SEALED) != 0;
    if (!sealed && (entry->key_id != 0 || entry->key_version != 0)) {
        return "the header names a key but the body is not sealed";
    }
    size_t least = sealed ? AEAD_NONCE_SIZE + AEAD_TAG_SIZE : 0;
    size_t most = sealed ? LOG_ENTRY_STORED_MAX : LOG_ENTRY_PLAIN_MAX;
    if (entry->body_length < least || entry->body_length > most) {
        return "body length is out of bounds";
    }
    return NULL;
}

enum kmb_status log_entry_decode(const uint8_t bytes[LOG_ENTRY_HEADER_SIZE], struct log_entry *entry,
                                 struct kmb_error *error) {
    if (codec_get_u32(bytes) != ENTRY_MAGIC) {
        return error_set(error, KMB_FORMAT, "no entry header here");
    }
    if (entry_crc(bytes) != codec_get_u32(bytes + ENTRY_CRC_AT)) {
        return error_set(error, KMB_CORRUPT, "the CRC of the entry header does not match");
    }
    uint16_t version = codec_get_u16(bytes + 4);
    if (version != LOG_ENTRY_VERSION) {
        return error_set(error, KMB_FORMAT_VERSION, "entry format version %u, this program knows version %u", version,
                         LOG_ENTRY_VERSION);
    }
    *entry = (struct log_entry){
        .kind = bytes[6],
        .flags = bytes[7],
        .codec = bytes[28],
        .tenant = codec_get_u32(bytes + 24),
        .sequence = codec_get_u64(bytes + 32),
        .position_before = codec_get_u64(bytes + 40),
        .position_after = codec_get_u64(bytes + 48),
        .commit_time_us = (int64_t)codec_get_u64(bytes + 56),
        .session = codec_get_u64(bytes + 64),
        .request = codec_get_u64(bytes + 72),
        .key_id = codec_get_u32(bytes + 80),
        .key_version = codec_get_u32(bytes + 84),
        .body_length = codec_get_u32(bytes + 88),
    };
    memcpy(entry->uuid, bytes + 8, LOG_UUID_SIZE);
    memcpy(entry->previous.bytes, bytes + ENTRY_PREVIOUS_AT, HASH256_SIZE);
    memcpy(entry->body_hash.bytes, bytes + ENTRY_BODY_HASH_AT, HASH256_SIZE);
    const char *fault = entry_fault(entry, bytes);
    if (fault != NULL) {
        return error_set(error, KMB_CORRUPT, "%s", fault);
    }
    return KMB_OK;
}

struct hash256 log_entry_hash(const uint8_t header[LOG_ENTRY_HEADER_SIZE]) {
    uint8_t leaf[1 + LOG_ENTRY_HEADER_SIZE];
    leaf[0] = 0;
    memcpy(leaf + 1, header, LOG_ENTRY_HEADER_SIZE);
    return hash_sha256(leaf, sizeof leaf);
}

bool log_entry_body_matches(const struct log_entry *entry, struct slice stored) {
    if (stored.length != entry->body_length) {
        return false;
    }
    struct hash256 hash = hash_sha256(stored.bytes, stored.length);
    return hash256_equal(&hash, &entry->body_hash);
}

static struct slice entry_aad(const uint8_t header[LOG_ENTRY_HEADER_SIZE], uint8_t aad[ENTRY_AAD_SIZE]) {
    memcpy(aad, ENTRY_LABEL, ENTRY_LABEL_SIZE);
    memcpy(aad + ENTRY_LABEL_SIZE, header, ENTRY_CRC_AT);
    memcpy(aad + ENTRY_LABEL_SIZE + ENTRY_CRC_AT, header + ENTRY_PREVIOUS_AT, HASH256_SIZE);
    return slice_make(aad, ENTRY_AAD_SIZE);
}

void log_entry_seal(const uint8_t header[LOG_ENTRY_HEADER_SIZE], struct slice packed, struct aead_key *key,
                    const struct aead_nonce *nonce, uint8_t *stored) {
    uint8_t aad[ENTRY_AAD_SIZE];
    memcpy(stored, nonce->bytes, AEAD_NONCE_SIZE);
    aead_seal(key, nonce, entry_aad(header, aad), packed, stored + AEAD_NONCE_SIZE);
}

/* The packed form of body in `packed` (cleared first). false: it is not shorter, or there is no memory for trying. */
bool log_entry_pack(enum log_codec codec, struct slice body, struct buffer *packed) {
    buffer_clear(packed);
    if (codec == LOG_CODEC_NONE || body.length < 16 || body.length > LOG_ENTRY_PLAIN_MAX) {
        return false;
    }
    size_t bound =
        codec == LOG_CODEC_LZ4 ? (size_t)LZ4_compressBound((int)body.length) : ZSTD_compressBound(body.length);
    buffer_u32(packed, (uint32_t)body.length);
    uint8_t *target = buffer_extend(packed, bound);
    if (target == NULL) {
        return false;
    }
    size_t size = 0;
    if (codec == LOG_CODEC_LZ4) {
        int written = LZ4_compress_default((const char *)body.bytes, (char *)target, (int)body.length, (int)bound);
        size = written > 0 ? (size_t)written : 0;
    } else {
        size_t written = ZSTD_compress(target, bound, body.bytes, body.length, ZSTD_LEVEL);
        size = ZSTD_isError(written) ? 0 : written;
    }
    packed->length = 4 + size;
    return size > 0 && packed->length < body.length;
}

static enum kmb_status entry_unpack(unsigned codec, struct slice packed, struct buffer *plain,
                                    struct kmb_error *error) {
    struct reader reader = reader_make(packed);
    size_t length = reader_u32(&reader);
    struct slice content = reader_take(&reader, reader_left(&reader));
    if (!reader_ok(&reader) || length > LOG_ENTRY_PLAIN_MAX) {
        return error_set(error, KMB_CORRUPT, "the packed body states a length out of bounds");
    }
    uint8_t *target = buffer_extend(plain, length);
    if (target == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a body of %zu bytes", length);
    }
    bool good = false;
    if (codec == LOG_CODEC_LZ4) {
        good = LZ4_decompress_safe((const char *)content.bytes, (char *)target, (int)content.length, (int)length) ==
               (int)length;
    } else {
        good = ZSTD_decompress(target, length, content.bytes, content.length) == length;
    }
    if (!good) {
        plain->length -= length;
        return error_set(error, KMB_CORRUPT, "the packed body does not unpack");
    }
    return KMB_OK;
}

enum kmb_status log_entry_open(const uint8_t header[LOG_ENTRY_HEADER_SIZE], struct slice stored, struct aead_key *key,
                               struct buffer *plain, struct kmb_error *error) {
    bool sealed = (header[7] & LOG_ENTRY_SEALED) != 0;
    unsigned codec = header[28];
    ASSERT(stored.length <= LOG_ENTRY_STORED_MAX && codec <= LOG_CODEC_ZSTD);
    struct slice packed = stored;
    struct buffer opened = {0};
    enum kmb_status status = KMB_OK;
    size_t before = plain->length;
    if (sealed) {
        if (key == NULL) {
            return error_set(error, KMB_NO_KEY, "the body is sealed and no key was given");
        }
        if (stored.length < AEAD_NONCE_SIZE + AEAD_TAG_SIZE) {
            return error_set(error, KMB_CORRUPT, "a sealed body of %zu bytes is too short", stored.length);
        }
        struct buffer *target = codec == LOG_CODEC_NONE ? plain : &opened;
        size_t length = stored.length - AEAD_NONCE_SIZE - AEAD_TAG_SIZE;
        uint8_t *out = buffer_extend(target, length);
        if (out == NULL) {
            status = error_set(error, KMB_NO_MEMORY, "no memory for a body of %zu bytes", length);
            goto cleanup;
        }
        struct aead_nonce nonce;
        uint8_t aad[ENTRY_AAD_SIZE];
        memcpy(nonce.bytes, stored.bytes, AEAD_NONCE_SIZE);
        if (!aead_open(key, &nonce, entry_aad(header, aad),
                       slice_make(stored.bytes + AEAD_NONCE_SIZE, stored.length - AEAD_NONCE_SIZE), out)) {
            status = error_set(error, KMB_CORRUPT, "the body does not open under its key");
            goto cleanup;
        }
        packed = slice_make(out, length);
    }
    if (codec != LOG_CODEC_NONE) {
        status = entry_unpack(codec, packed, plain, error);
    } else if (!sealed) {
        buffer_append_slice(plain, packed);
        if (!buffer_ok(plain)) {
            status = error_set(error, KMB_NO_MEMORY, "no memory for a body of %zu bytes", packed.length);
        }
    }
cleanup:
    if (status != KMB_OK) {
        plain->length = before;
    }
    buffer_free(&opened);
    return status;
}
