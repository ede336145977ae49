/* Entry and block codecs: what goes in comes out, and whatever is not a whole, known header is refused. */
#include "fixture.h"

#include "base/codec.h"

static struct log_entry sample(struct prng *prng) {
    struct log_entry entry = {
        .kind = LOG_ENTRY_EVENTS,
        .flags = (uint8_t)prng_below(prng, 4),
        .codec = (uint8_t)prng_below(prng, 3),
        .tenant = (uint32_t)prng_u64(prng),
        .sequence = 1 + prng_below(prng, UINT64_MAX - 1),
        .position_before = prng_u64(prng) / 2,
        .commit_time_us = (int64_t)prng_u64(prng),
        .session = prng_u64(prng),
        .request = prng_u64(prng),
    };
    entry.position_after = entry.position_before + prng_below(prng, 1000);
    if ((entry.flags & LOG_ENTRY_SEALED) != 0) {
        entry.key_id = (uint32_t)prng_u64(prng);
        entry.key_version = (uint32_t)prng_u64(prng);
    }
    entry.body_length = 40 + (uint32_t)prng_below(prng, LOG_ENTRY_PLAIN_MAX - 40);
    prng_bytes(prng, entry.uuid, sizeof entry.uuid);
    prng_bytes(prng, entry.previous.bytes, HASH256_SIZE);
    prng_bytes(prng, entry.body_hash.bytes, HASH256_SIZE);
    return entry;
}

static void test_entry_round_trip(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 1);
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t bytes[LOG_ENTRY_HEADER_SIZE];
        uint8_t again[LOG_ENTRY_HEADER_SIZE];
        struct log_entry entry = sample(&prng);
        struct log_entry decoded;
        log_entry_encode(&entry, bytes);
        assert_int_equal(log_entry_decode(bytes, &decoded, NULL), KMB_OK);
        log_entry_encode(&decoded, again);
        assert_memory_equal(bytes, again, sizeof bytes);
        assert_int_equal(decoded.commit_time_us, entry.commit_time_us);
        assert_int_equal(decoded.position_after, entry.position_after);
        assert_true(hash256_equal(&decoded.previous, &entry.previous));
    }
}

/* Sets bytes of a good header and makes its CRC right again. */
static enum kmb_status entry_with(const struct log_entry *entry, size_t at, const void *value, size_t size) {
    uint8_t bytes[LOG_ENTRY_HEADER_SIZE];
    struct log_entry decoded;
    log_entry_encode(entry, bytes);
    memcpy(bytes + at, value, size);
    codec_put_u32(bytes + 92, codec_crc32c(codec_crc32c(0, bytes, 92), bytes + 96, 64));
    return log_entry_decode(bytes, &decoded, NULL);
}

static void test_entry_refused(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 2);
    struct log_entry entry = sample(&prng);
    entry.flags = LOG_ENTRY_SEALED;
    uint8_t bytes[LOG_ENTRY_HEADER_SIZE];
    struct log_entry decoded;
    log_entry_encode(&entry, bytes);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(log_entry_decode(bytes, &decoded, NULL), KMB_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(entry_with(&entry, 0, "KMBE", 4), KMB_OK);
    assert_int_equal(entry_with(&entry, 0, "KMBF", 4), KMB_FORMAT);
    assert_int_equal(entry_with(&entry, 4, "\2\0", 2), KMB_FORMAT_VERSION);
    assert_int_equal(entry_with(&entry, 6, "\0", 1), KMB_CORRUPT);                /* kind */
    assert_int_equal(entry_with(&entry, 6, "\x80", 1), KMB_CORRUPT);              /* kind */
    assert_int_equal(entry_with(&entry, 7, "\4", 1), KMB_CORRUPT);                /* flag */
    assert_int_equal(entry_with(&entry, 7, "\1", 1), KMB_CORRUPT);                /* a key, and not sealed */
    assert_int_equal(entry_with(&entry, 28, "\3", 1), KMB_CORRUPT);               /* codec */
    assert_int_equal(entry_with(&entry, 30, "\1", 1), KMB_CORRUPT);               /* reserved */
    assert_int_equal(entry_with(&entry, 32, "\0\0\0\0\0\0\0\0", 8), KMB_CORRUPT); /* sequence 0 */
    assert_int_equal(entry_with(&entry, 40, "\xff\xff\xff\xff\xff\xff\xff\xff", 8), KMB_CORRUPT); /* before > after */
    uint32_t length = 39;
    assert_int_equal(entry_with(&entry, 88, &length, 4), KMB_CORRUPT); /* too short for a seal */
    length = LOG_ENTRY_STORED_MAX;
    assert_int_equal(entry_with(&entry, 88, &length, 4), KMB_OK);
    length++;
    assert_int_equal(entry_with(&entry, 88, &length, 4), KMB_CORRUPT);
}

static void test_block_refused(void **state) {
    struct log_block_header header = {.op = 5, .view = 1, .count = 1, .synced_op = 4, .length = 200, .guard = 7};
    struct log_block_header decoded;
    uint8_t good[LOG_BLOCK_HEADER_SIZE];
    (void)state;
    log_block_encode(&header, good);
    assert_int_equal(log_block_decode(good, &decoded, NULL), KMB_OK);
    for (size_t bit = 0; bit < sizeof good * 8; bit++) {
        good[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(log_block_decode(good, &decoded, NULL), KMB_OK);
        good[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    static const struct {
        size_t at;
        uint64_t value;
        size_t size;
        enum kmb_status status;
    } cases[] = {
        {4, 2, 2, KMB_FORMAT_VERSION},
        {6, 1, 2, KMB_CORRUPT},
        {6, 2, 2, KMB_CORRUPT},
        {28, 0, 4, KMB_CORRUPT},
        {28, LOG_BLOCK_ENTRIES_MAX + 1, 4, KMB_CORRUPT},
        {32, 0, 8, KMB_CORRUPT},
        {48, 5, 8, KMB_CORRUPT},
        {64, 0, 8, KMB_CORRUPT},
        {64, LOG_BLOCK_BYTES_MAX, 8, KMB_CORRUPT},
        {150, 1, 1, KMB_CORRUPT},
        {64, 300, 8, KMB_OK},
    };
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        uint8_t bytes[LOG_BLOCK_HEADER_SIZE];
        memcpy(bytes, good, sizeof bytes);
        memcpy(bytes + cases[at].at, &cases[at].value, cases[at].size);
        codec_put_u32(bytes + 156, codec_crc32c(0, bytes, 156));
        assert_int_equal(log_block_decode(bytes, &decoded, NULL), cases[at].status);
    }
}

/* Seals a body of every codec; opens it; and opens it nowhere else. */
static void test_bodies(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    (void)state;
    fixture_start(&fixture, true);
    assert_int_equal(log_block_init(&fixture.block, &fixture.identity, NULL), KMB_OK);
    static uint8_t body[100000];
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 65536, 100000};
    for (size_t at = 0; at < sizeof sizes / sizeof sizes[0]; at++) {
        for (unsigned variant = 0; variant < 12; variant++) {
            bool sealed = variant % 2 == 0;
            bool random = variant >= 6;
            if (random) {
                prng_bytes(&fixture.prng, body, sizes[at]);
            } else {
                fixture_body(body, sizes[at], 1, 1);
            }
            struct log_entry entry = {.kind = LOG_ENTRY_EVENTS,
                                      .tenant = 1,
                                      .sequence = 1,
                                      .codec = (uint8_t)(variant / 2 % 3),
                                      .key_id = 1,
                                      .key_version = 1};
            struct hash256 hash;
            struct buffer plain = {0};
            log_block_begin(&fixture.block, 1, 0);
            assert_int_equal(log_block_append(&fixture.block, &entry, slice_make(body, sizes[at]),
                                              sealed ? fixture.key : NULL, &fixture.environment, &hash, NULL),
                             KMB_OK);
            uint8_t *header = fixture.block.bytes + LOG_BLOCK_HEADER_SIZE;
            struct slice stored = slice_make(header + LOG_ENTRY_HEADER_SIZE, entry.body_length);
            if (random || sizes[at] < 16) {
                assert_int_equal(entry.codec, LOG_CODEC_NONE); /* packing does not shrink it */
            }
            assert_true(log_entry_body_matches(&entry, stored));
            struct hash256 again = log_entry_hash(header);
            assert_true(hash256_equal(&hash, &again));
            assert_int_equal(log_entry_open(header, stored, fixture.key, &plain, &error), KMB_OK);
            assert_int_equal(plain.length, sizes[at]);
            assert_true(sizes[at] == 0 || memcmp(plain.bytes, body, sizes[at]) == 0);
            if (sealed) {
                assert_int_equal(log_entry_open(header, stored, NULL, &plain, &error), KMB_NO_KEY);
                for (size_t byte = 0; byte < 128; byte += 3) { /* any other identity: it does not open */
                    bool crc = byte >= 92 && byte < 96;
                    if (byte == 7 || byte == 28 || crc) {
                        continue;
                    }
                    header[byte] ^= 1;
                    assert_int_equal(log_entry_open(header, stored, fixture.key, &plain, &error), KMB_CORRUPT);
                    header[byte] ^= 1;
                }
                assert_int_equal(plain.length, sizes[at]); /* failures add nothing */
            }
            buffer_free(&plain);
        }
    }
    fixture_stop(&fixture);
}

/* A packed body that lies about its length, or is cut, is refused without a large allocation. */
static void test_hostile_packing(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    (void)state;
    fixture_start(&fixture, false);
    struct log_entry entry = {.kind = LOG_ENTRY_EVENTS, .sequence = 1, .codec = LOG_CODEC_LZ4};
    uint8_t header[LOG_ENTRY_HEADER_SIZE];
    for (unsigned codec = LOG_CODEC_LZ4; codec <= LOG_CODEC_ZSTD; codec++) {
        entry.codec = (uint8_t)codec;
        log_entry_encode(&entry, header);
        for (unsigned round = 0; round < 3000; round++) {
            uint8_t packed[64];
            size_t length = (size_t)prng_below(&fixture.prng, sizeof packed);
            struct buffer plain = {0};
            prng_bytes(&fixture.prng, packed, sizeof packed);
            if (round % 2 == 0) {
                codec_put_u32(packed, (uint32_t)prng_below(&fixture.prng, 5000));
            }
            enum kmb_status status = log_entry_open(header, slice_make(packed, length), NULL, &plain, &error);
            assert_true(status == KMB_CORRUPT || (status == KMB_OK && plain.length <= 5000));
            buffer_free(&plain);
        }
    }
    fixture_stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_round_trip), cmocka_unit_test(test_entry_refused),
        cmocka_unit_test(test_block_refused),    cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_hostile_packing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
