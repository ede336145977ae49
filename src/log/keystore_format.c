/*
 * keys.kks: a header, fixed records in order, and two seals over the whole.
 *
 * The file is small, read whole and replaced whole, so it can be checked whole: SHA-256 tells damage from everything
 * else and needs no key, the HMAC under a key derived from the root tells whether someone without the root key changed
 * it (records dropped, reordered, taken from an older file). The wraps inside are authenticated one by one as well,
 * each bound by its associated data to its log, tenant, purpose and version, so that a record cannot serve in another's
 * place even for a reader who skips the whole.
 *
 * Decoding accepts one encoding of each store: reserved bytes are zero, records are in strictly rising order.
 */
#include "log/keystore_format.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "log/keystore.h"

static const uint8_t keystore_magic[8] = {'K', 'M', 'B', 'K', 'E', 'Y', 'S', 0};
static const char keystore_wrap_label[] = "kimberlite key wrap v1"; /* with its zero */

enum { KEYSTORE_FLAG_ENCRYPTED = 1 };

_Static_assert(sizeof keystore_wrap_label + 16 + 4 + 1 + 4 + 4 + 1 == KEYSTORE_WRAP_AAD_SIZE, "label, uuid, identity");
_Static_assert(56 + KEYSTORE_WRAPPED_SIZE == KEYSTORE_RECORD_SIZE, "a record is 128 bytes");

void keystore_wrap_aad(const uint8_t log_uuid[16], const struct keystore_record *record,
                       uint8_t aad[KEYSTORE_WRAP_AAD_SIZE]) {
    uint8_t *at = aad;
    memcpy(at, keystore_wrap_label, sizeof keystore_wrap_label);
    at += sizeof keystore_wrap_label;
    memcpy(at, log_uuid, 16);
    at += 16;
    codec_put_u32(at, record->tenant);
    at[4] = record->purpose;
    at[5] = 0;
    codec_put_u32(at + 6, record->key_id);
    codec_put_u32(at + 10, record->version);
    ASSERT(at + 14 == aad + KEYSTORE_WRAP_AAD_SIZE);
}

void keystore_image_free(struct keystore_image *image) {
    if (image->records != NULL) {
        mem_wipe(image->records, (size_t)image->capacity * sizeof image->records[0]);
        mem_free(image->records);
    }
    *image = (struct keystore_image){0};
}

static int keystore_order(uint32_t a, uint32_t b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

int keystore_record_compare(const struct keystore_record *a, const struct keystore_record *b) {
    int order = keystore_order(a->tenant, b->tenant);
    if (order == 0) {
        order = keystore_order(a->purpose, b->purpose);
    }
    if (order == 0) {
        order = keystore_order(a->key_id, b->key_id);
    }
    return order == 0 ? keystore_order(a->version, b->version) : order;
}

uint32_t keystore_image_find(const struct keystore_image *image, const struct keystore_record *wanted) {
    uint32_t low = 0;
    uint32_t high = image->count;
    while (low < high) { /* at most 20 rounds */
        uint32_t middle = low + (high - low) / 2;
        if (keystore_record_compare(&image->records[middle], wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Room for `count` records. Grows by copying, so that what is left behind can be wiped. */
static enum kmb_status keystore_image_reserve(struct keystore_image *image, uint32_t count, struct kmb_error *error) {
    if (count > KEYSTORE_RECORDS_MAX) {
        return error_set(error, KMB_LIMIT, "a key store holds at most %" PRIu32 " keys", KEYSTORE_RECORDS_MAX);
    }
    if (count <= image->capacity) {
        return KMB_OK;
    }
    uint32_t capacity = count < 8 ? 16 : count * 2;
    struct keystore_record *records = mem_alloc_zero(capacity, sizeof records[0]);
    if (records == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for %" PRIu32 " keys", capacity);
    }
    if (image->records != NULL) {
        memcpy(records, image->records, (size_t)image->count * sizeof records[0]);
        mem_wipe(image->records, (size_t)image->capacity * sizeof records[0]);
        mem_free(image->records);
    }
    image->records = records;
    image->capacity = capacity;
    return KMB_OK;
}

enum kmb_status keystore_image_insert(struct keystore_image *image, const struct keystore_record *record,
                                      struct kmb_error *error) {
    enum kmb_status status = keystore_image_reserve(image, image->count + 1, error);
    if (status != KMB_OK) {
        return status;
    }
    uint32_t place = keystore_image_find(image, record);
    ASSERT(place == image->count || keystore_record_compare(&image->records[place], record) > 0);
    memmove(&image->records[place + 1], &image->records[place],
            (size_t)(image->count - place) * sizeof image->records[0]);
    image->records[place] = *record;
    image->count++;
    return KMB_OK;
}

enum kmb_status keystore_image_copy(const struct keystore_image *image, struct keystore_image *copy,
                                    struct kmb_error *error) {
    *copy = *image;
    copy->records = NULL;
    copy->count = 0;
    copy->capacity = 0;
    enum kmb_status status = keystore_image_reserve(copy, image->count, error);
    if (status == KMB_OK && image->count > 0) {
        memcpy(copy->records, image->records, (size_t)image->count * sizeof image->records[0]);
        copy->count = image->count;
    }
    return status;
}

static void keystore_record_encode(const struct keystore_record *record, uint8_t bytes[KEYSTORE_RECORD_SIZE]) {
    memset(bytes, 0, KEYSTORE_RECORD_SIZE);
    bytes[0] = record->purpose;
    codec_put_u32(bytes + 4, record->tenant);
    codec_put_u32(bytes + 8, record->key_id);
    codec_put_u32(bytes + 12, record->version);
    codec_put_u64(bytes + 16, (uint64_t)record->created_us);
    memcpy(bytes + 24, record->public_key.bytes, SIGN_PUBLIC_SIZE);
    memcpy(bytes + 56, record->wrapped, KEYSTORE_WRAPPED_SIZE);
}

/* false: a field that no writer of this version writes. */
static bool keystore_record_decode(const uint8_t bytes[KEYSTORE_RECORD_SIZE], struct keystore_record *record) {
    record->purpose = bytes[0];
    record->tenant = codec_get_u32(bytes + 4);
    record->key_id = codec_get_u32(bytes + 8);
    record->version = codec_get_u32(bytes + 12);
    record->created_us = (int64_t)codec_get_u64(bytes + 16);
    memcpy(record->public_key.bytes, bytes + 24, SIGN_PUBLIC_SIZE);
    memcpy(record->wrapped, bytes + 56, KEYSTORE_WRAPPED_SIZE);
    return bytes[1] == 0 && bytes[2] == 0 && bytes[3] == 0 && record->purpose >= KEYSTORE_DATA &&
           record->purpose <= KEYSTORE_TENANT && record->key_id > 0 && record->version > 0;
}

enum kmb_status keystore_image_encode(const struct keystore_image *image, const struct secret_key *mac_key,
                                      struct buffer *bytes, struct kmb_error *error) {
    ASSERT((mac_key != NULL) == image->encrypted);
    size_t start = bytes->length;
    size_t size = KEYSTORE_HEADER_SIZE + (size_t)image->count * KEYSTORE_RECORD_SIZE + KEYSTORE_TRAILER_SIZE;
    uint8_t *at = buffer_extend(bytes, size);
    if (at == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a key store of %zu bytes", size);
    }
    memset(at, 0, KEYSTORE_HEADER_SIZE);
    memcpy(at, keystore_magic, sizeof keystore_magic);
    codec_put_u16(at + 8, KEYSTORE_VERSION);
    codec_put_u16(at + 10, image->encrypted ? KEYSTORE_FLAG_ENCRYPTED : 0);
    codec_put_u32(at + 12, image->count);
    codec_put_u64(at + 16, image->generation);
    memcpy(at + 24, image->log_uuid, 16);
    for (uint32_t i = 0; i < image->count; i++) {
        keystore_record_encode(&image->records[i], at + KEYSTORE_HEADER_SIZE + (size_t)i * KEYSTORE_RECORD_SIZE);
    }
    uint8_t *trailer = at + size - KEYSTORE_TRAILER_SIZE;
    struct hash256 mac = {{0}};
    if (mac_key != NULL) {
        mac =
            kdf_hmac_sha256(slice_make(mac_key->bytes, SECRET_KEY_SIZE), slice_make(at, size - KEYSTORE_TRAILER_SIZE));
    }
    memcpy(trailer, mac.bytes, HASH256_SIZE);
    struct hash256 checksum = hash_sha256(at, size - HASH256_SIZE);
    memcpy(trailer + HASH256_SIZE, checksum.bytes, HASH256_SIZE);
    ASSERT(bytes->length == start + size);
    return KMB_OK;
}

/* The header's checks, in the order in which a reader wants to know. */
static enum kmb_status keystore_header_check(struct slice bytes, struct kmb_error *error) {
    if (bytes.length < KEYSTORE_HEADER_SIZE + KEYSTORE_TRAILER_SIZE) {
        return error_set(error, KMB_CORRUPT, "%zu bytes are too few for a key store", bytes.length);
    }
    if (memcmp(bytes.bytes, keystore_magic, sizeof keystore_magic) != 0) {
        return error_set(error, KMB_CORRUPT, "it does not start as a key store does");
    }
    uint16_t version = codec_get_u16(bytes.bytes + 8);
    uint32_t count = codec_get_u32(bytes.bytes + 12);
    size_t body = bytes.length - HASH256_SIZE;
    struct hash256 checksum = hash_sha256(bytes.bytes, body);
    bool whole = memcmp(checksum.bytes, bytes.bytes + body, HASH256_SIZE) == 0; /* true of every version */
    if (!whole) {
        return error_set(error, KMB_CORRUPT, "its checksum does not match its %zu bytes", bytes.length);
    }
    if (version != KEYSTORE_VERSION) {
        return error_set(error, version > KEYSTORE_VERSION ? KMB_FORMAT_VERSION : KMB_CORRUPT,
                         "key store of format version %u; this program reads version %d", version, KEYSTORE_VERSION);
    }
    if (count > KEYSTORE_RECORDS_MAX ||
        bytes.length != KEYSTORE_HEADER_SIZE + (size_t)count * KEYSTORE_RECORD_SIZE + KEYSTORE_TRAILER_SIZE) {
        return error_set(error, KMB_CORRUPT, "%zu bytes do not fit its %" PRIu32 " keys", bytes.length, count);
    }
    if (codec_get_u16(bytes.bytes + 10) > KEYSTORE_FLAG_ENCRYPTED || codec_get_u64(bytes.bytes + 40) != 0) {
        return error_set(error, KMB_CORRUPT, "it has flags or reserved bytes that version %d does not know",
                         KEYSTORE_VERSION);
    }
    return KMB_OK;
}

enum kmb_status keystore_image_decode(struct slice bytes, struct keystore_image *image, struct kmb_error *error) {
    *image = (struct keystore_image){0};
    enum kmb_status status = keystore_header_check(bytes, error);
    if (status != KMB_OK) {
        return status;
    }
    uint32_t count = codec_get_u32(bytes.bytes + 12);
    image->encrypted = codec_get_u16(bytes.bytes + 10) == KEYSTORE_FLAG_ENCRYPTED;
    image->generation = codec_get_u64(bytes.bytes + 16);
    memcpy(image->log_uuid, bytes.bytes + 24, 16);
    status = keystore_image_reserve(image, count, error);
    for (uint32_t i = 0; i < count && status == KMB_OK; i++) {
        const uint8_t *at = bytes.bytes + KEYSTORE_HEADER_SIZE + (size_t)i * KEYSTORE_RECORD_SIZE;
        struct keystore_record *record = &image->records[i];
        image->count = i + 1;
        if (!keystore_record_decode(at, record) ||
            (i > 0 && keystore_record_compare(&image->records[i - 1], record) >= 0)) {
            status = error_set(error, KMB_CORRUPT, "its key %" PRIu32 " is not valid or out of order", i + 1);
        }
    }
    if (status != KMB_OK) {
        keystore_image_free(image);
    }
    return status;
}

bool keystore_image_authentic(struct slice bytes, const struct secret_key *mac_key) {
    ASSERT(bytes.length >= KEYSTORE_HEADER_SIZE + KEYSTORE_TRAILER_SIZE);
    size_t body = bytes.length - KEYSTORE_TRAILER_SIZE;
    struct hash256 mac = kdf_hmac_sha256(slice_make(mac_key->bytes, SECRET_KEY_SIZE), slice_make(bytes.bytes, body));
    return secret_equal(mac.bytes, bytes.bytes + body, HASH256_SIZE);
}
