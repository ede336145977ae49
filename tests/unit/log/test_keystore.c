/*
 * The key store on a disk in memory: what comes back after reopening, what damage of one copy or both gives, every way
 * in which a root key can be wrong, power cuts and failing calls at every step, and the frozen bytes of version 1.
 */
#include "fixture.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/codec.h"
#include "log/keystore.h"
#include "log/keystore_format.h"

#define DATA_DIR "/db"
#define KEY_PATH "/keys/root.key"
#define FILE_1   DATA_DIR "/" KEYSTORE_FILE
#define FILE_2   DATA_DIR "/" KEYSTORE_COPY

struct bench {
    struct io_memory *disk;
    struct io io;
    struct prng prng;
    int64_t time_us;
    struct environment environment;
    struct keystore_options options;
};

static int64_t bench_time(void *context) {
    return ((struct bench *)context)->time_us += 1000;
}

static bool bench_random(void *context, void *bytes, size_t count) {
    prng_bytes(&((struct bench *)context)->prng, bytes, count);
    return true;
}

static void bench_start(struct bench *bench, bool encryption) {
    *bench = (struct bench){.time_us = 1700000000000000};
    prng_seed(&bench->prng, 2026);
    bench->disk = io_memory_new(0);
    assert_non_null(bench->disk);
    bench->io = io_memory_table(bench->disk);
    bench->environment = (struct environment){
        .time_us = bench_time, .monotonic_ns = bench_time, .random = bench_random, .context = bench};
    bench->options = (struct keystore_options){.io = &bench->io,
                                               .environment = &bench->environment,
                                               .directory = DATA_DIR,
                                               .root_key_path = KEY_PATH,
                                               .encryption = encryption};
    for (uint8_t i = 0; i < 16; i++) {
        bench->options.log_uuid[i] = (uint8_t)(i * 0x11);
    }
    assert_int_equal(io_make_directory(&bench->io, DATA_DIR, NULL), KMB_OK);
    assert_int_equal(io_sync_directory(&bench->io, "/", NULL), KMB_OK);
}

static void bench_stop(struct bench *bench) {
    io_memory_free(bench->disk);
}

static struct keystore *bench_create(struct bench *bench) {
    struct keystore *store = NULL;
    assert_int_equal(keystore_create(&bench->options, &store, NULL), KMB_OK);
    return store;
}

/* Opens, expecting both copies whole. */
static struct keystore *bench_open(struct bench *bench) {
    struct keystore *store = NULL;
    struct keystore_report report;
    assert_int_equal(keystore_open(&bench->options, &store, &report, NULL), KMB_OK);
    assert_false(report.copy_damaged);
    assert_string_equal(report.message, "");
    return store;
}

/* Do two keys seal alike? */
static bool keys_equal(struct aead_key *a, struct aead_key *b) {
    const struct aead_nonce nonce = {{1, 2, 3}};
    uint8_t from_a[8 + AEAD_TAG_SIZE];
    uint8_t from_b[8 + AEAD_TAG_SIZE];
    aead_seal(a, &nonce, slice_text("x"), slice_make("12345678", 8), from_a);
    aead_seal(b, &nonce, slice_text("x"), slice_make("12345678", 8), from_b);
    return memcmp(from_a, from_b, sizeof from_a) == 0;
}

static struct aead_key *key_of(struct keystore *store, uint32_t tenant, enum keystore_purpose purpose,
                               uint32_t version) {
    struct aead_key *key = NULL;
    assert_int_equal(keystore_key(store, tenant, purpose, version, &key, NULL), KMB_OK);
    return key;
}

static void keys_come_back(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    uint32_t version = 0;
    assert_true(keystore_encrypted(store));
    assert_int_equal(keystore_generation(store), 1);
    assert_false(keystore_tenant_exists(store, 7));
    for (uint32_t tenant = 20; tenant > 0; tenant--) { /* not in order */
        assert_int_equal(keystore_tenant_create(store, tenant, NULL), KMB_OK);
    }
    assert_int_equal(keystore_tenant_create(store, 0, NULL), KMB_OK);
    assert_int_equal(keystore_generation(store), 22);
    assert_int_equal(keystore_rotate(store, 7, KEYSTORE_DATA, &version, NULL), KMB_OK);
    assert_int_equal(version, 2);
    assert_int_equal(keystore_version(store, 7, KEYSTORE_DATA), 2);
    assert_int_equal(keystore_version(store, 8, KEYSTORE_DATA), 1);

    struct keystore *again = bench_open(&bench);
    assert_int_equal(keystore_generation(again), 23);
    for (uint32_t tenant = 0; tenant <= 20; tenant++) {
        assert_true(keystore_tenant_exists(again, tenant));
        for (int purpose = KEYSTORE_DATA; purpose <= KEYSTORE_PROJECTION; purpose++) {
            struct aead_key *key = key_of(store, tenant, (enum keystore_purpose)purpose, 1);
            assert_true(keys_equal(key, key_of(again, tenant, (enum keystore_purpose)purpose, 1)));
            assert_ptr_equal(key, key_of(store, tenant, (enum keystore_purpose)purpose, 1));
        }
        assert_false(
            keys_equal(key_of(again, tenant, KEYSTORE_DATA, 1), key_of(again, tenant, KEYSTORE_PROJECTION, 1)));
    }
    assert_false(keys_equal(key_of(again, 7, KEYSTORE_DATA, 1), key_of(again, 7, KEYSTORE_DATA, 2)));
    assert_ptr_equal(key_of(again, 7, KEYSTORE_DATA, 0), key_of(again, 7, KEYSTORE_DATA, 2));
    assert_false(keys_equal(key_of(again, 7, KEYSTORE_DATA, 1), key_of(again, 8, KEYSTORE_DATA, 1)));

    struct log_keys keys = keystore_log_keys(again);
    struct aead_key *key = NULL;
    assert_int_equal(keys.key(keys.context, 7, KEYSTORE_KEY_ID, 2, &key, NULL), KMB_OK);
    assert_ptr_equal(key, key_of(again, 7, KEYSTORE_DATA, 2));
    struct kmb_error error;
    assert_int_equal(keys.key(keys.context, 7, 2, 1, &key, &error), KMB_NO_KEY);
    assert_string_equal(error.message, "the key store has no data key 2 of version 1 for tenant 7");
    keystore_close(again);
    keystore_close(store);
    bench_stop(&bench);
}

static void refusals(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    struct aead_key *key = NULL;
    const struct sign_key *sign = NULL;
    struct kmb_error error;
    assert_int_equal(keystore_key(store, 3, KEYSTORE_DATA, 0, &key, &error), KMB_NO_KEY);
    assert_string_equal(error.message, "the key store has no data key for tenant 3");
    assert_int_equal(keystore_rotate(store, 3, KEYSTORE_PROJECTION, NULL, &error), KMB_NO_KEY);
    assert_string_equal(error.message, "tenant 3 has no projection key to rotate");
    assert_int_equal(keystore_checkpoint_key(store, 2, &sign, &error), KMB_NO_KEY);
    assert_int_equal(keystore_tenant_create(store, 3, &error), KMB_OK);
    assert_int_equal(keystore_tenant_create(store, 3, &error), KMB_TENANT_EXISTS);
    assert_string_equal(error.message, "tenant 3 has keys already");
    assert_int_equal(keystore_key(store, 3, KEYSTORE_DATA, 9, &key, &error), KMB_NO_KEY);
    assert_string_equal(error.message, "the key store has no data key of version 9 for tenant 3");
    keystore_close(store);
    assert_int_equal(keystore_create(&bench.options, &store, &error), KMB_FILE_EXISTS);
    assert_string_equal(error.message, "there is a key store already: '" FILE_1 "'");
    bench.options.read_only = true;
    store = bench_open(&bench);
    assert_int_equal(keystore_tenant_create(store, 4, &error), KMB_READ_ONLY);
    assert_int_equal(keystore_rotate(store, 3, KEYSTORE_DATA, NULL, &error), KMB_READ_ONLY);
    keystore_close(store);
    keystore_close(NULL);
    bench_stop(&bench);
}

static void checkpoint_keys(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    struct note_verifier verifier;
    struct buffer note = {0};
    const struct sign_key *key = NULL;
    struct note_checkpoint parsed;
    uint32_t version = 0;
    assert_int_equal(keystore_rotate(store, 0, KEYSTORE_CHECKPOINT, &version, NULL), KMB_OK);
    assert_int_equal(version, 2);
    keystore_close(store);
    store = bench_open(&bench);
    for (version = 1; version <= 2; version++) {
        assert_int_equal(keystore_checkpoint_key(store, version, &key, NULL), KMB_OK);
        assert_int_equal(keystore_checkpoint_verifier(store, version, 9, &verifier, NULL), KMB_OK);
        assert_string_equal(verifier.name, "00112233-4455-6677-8899-aabbccddeeff/tenant/9");
        const struct note_checkpoint checkpoint = {.origin = slice_text(verifier.name), .size = version};
        buffer_clear(&note);
        assert_int_equal(note_checkpoint_sign(&checkpoint, &verifier, key, &note, NULL), KMB_OK);
        assert_int_equal(note_checkpoint_open(buffer_slice(&note), &verifier, &parsed, NULL), KMB_OK);
        struct keystore_public seen; /* without any key */
        assert_int_equal(keystore_public_read(&bench.io, DATA_DIR, &seen, NULL), KMB_OK);
        assert_int_equal(seen.checkpoint_count, 2);
        assert_int_equal(seen.generation, 2);
        assert_true(seen.encrypted);
        assert_memory_equal(seen.log_uuid, bench.options.log_uuid, 16);
        assert_memory_equal(seen.checkpoint[version - 1].bytes, verifier.key.bytes, SIGN_PUBLIC_SIZE);
    }
    buffer_free(&note);
    keystore_close(store);
    bench_stop(&bench);
}

static void without_encryption(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, false);
    struct keystore *store = bench_create(&bench);
    struct aead_key *key = (struct aead_key *)&bench;
    const struct sign_key *first = NULL;
    const struct sign_key *second = NULL;
    bool exists = true;
    assert_int_equal(keystore_tenant_create(store, 5, NULL), KMB_OK);
    assert_int_equal(keystore_tenant_create(store, 5, NULL), KMB_TENANT_EXISTS);
    assert_int_equal(keystore_checkpoint_key(store, 0, &first, NULL), KMB_OK);
    assert_int_equal(io_exists(&bench.io, KEY_PATH, &exists, NULL), KMB_OK);
    assert_false(exists); /* no root key is made */
    struct keystore *again = bench_open(&bench);
    assert_false(keystore_encrypted(again));
    assert_true(keystore_tenant_exists(again, 5));
    assert_int_equal(keystore_key(again, 5, KEYSTORE_DATA, 0, &key, NULL), KMB_OK);
    assert_null(key);
    assert_int_equal(keystore_checkpoint_key(again, 1, &second, NULL), KMB_OK);
    assert_memory_equal(sign_key_public(first)->bytes, sign_key_public(second)->bytes, SIGN_PUBLIC_SIZE);
    struct log_keys keys = keystore_log_keys(again);
    assert_int_equal(keys.key(keys.context, 5, KEYSTORE_KEY_ID, 1, &key, NULL), KMB_NO_KEY);
    keystore_close(again);
    keystore_close(store);
    bench_stop(&bench);
}

static struct buffer file_read(struct bench *bench, const char *path) {
    struct buffer bytes = {0};
    assert_int_equal(io_read_file(&bench->io, path, (size_t)1 << 20, &bytes, NULL), KMB_OK);
    return bytes;
}

static void file_write(struct bench *bench, const char *path, struct slice bytes) {
    assert_int_equal(io_replace_file(&bench->io, path, IO_PRIVATE, bytes, NULL), KMB_OK);
}

/* Every bit of one copy: the other serves, the damage is told and mended. */
static void one_copy_damaged(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    assert_int_equal(keystore_tenant_create(store, 1, NULL), KMB_OK);
    keystore_close(store);
    struct buffer good = file_read(&bench, FILE_1);
    for (size_t bit = 0; bit < 8 * good.length; bit += bit < 8 * 64 ? 1 : 5) {
        const char *path = bit % 2 == 0 ? FILE_1 : FILE_2;
        struct keystore_report report;
        assert_true(io_memory_flip(bench.disk, path, bit / 8, (unsigned)(bit % 8)));
        assert_int_equal(keystore_open(&bench.options, &store, &report, NULL), KMB_OK);
        assert_true(report.copy_damaged && report.copy_rewritten);
        assert_non_null(strstr(report.message, path));
        assert_non_null(strstr(report.message, "written anew from the other copy"));
        keystore_close(store);
        struct buffer mended = file_read(&bench, path);
        assert_true(slice_equal(buffer_slice(&mended), buffer_slice(&good)));
        buffer_free(&mended);
    }
    struct keystore_report report;
    assert_int_equal(io_unlink(&bench.io, FILE_1, NULL), KMB_OK);
    bench.options.read_only = true;
    assert_int_equal(keystore_open(&bench.options, &store, &report, NULL), KMB_OK);
    assert_true(report.copy_damaged && !report.copy_rewritten);
    assert_string_equal(report.message, "key store '" FILE_1 "' did not serve (missing): left as it is");
    keystore_close(store);
    buffer_free(&good);
    bench_stop(&bench);
}

static void both_copies_damaged(void **state) {
    (void)state;
    struct bench bench;
    struct kmb_error error;
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    keystore_close(store);
    struct buffer good = file_read(&bench, FILE_1);
    struct prng prng;
    prng_seed(&prng, 4);
    for (unsigned round = 0; round < 300; round++) {
        assert_true(io_memory_flip(bench.disk, FILE_1, prng_below(&prng, good.length), round % 8));
        assert_true(io_memory_flip(bench.disk, FILE_2, prng_below(&prng, good.length), round % 7));
        assert_int_equal(keystore_open(&bench.options, &store, NULL, &error), KMB_CORRUPT);
        assert_non_null(strstr(error.message, "both copies of the key store are damaged: '" FILE_1 "'"));
        assert_non_null(strstr(error.message, "'" FILE_2 "'"));
        file_write(&bench, FILE_1, buffer_slice(&good));
        file_write(&bench, FILE_2, buffer_slice(&good));
    }
    for (size_t cut = 0; cut < good.length; cut += 7) {
        file_write(&bench, FILE_1, slice_make(good.bytes, cut));
        file_write(&bench, FILE_2, slice_make(good.bytes, good.length - 1 - cut));
        assert_int_equal(keystore_open(&bench.options, &store, NULL, &error), KMB_CORRUPT);
    }
    assert_int_equal(io_unlink(&bench.io, FILE_1, NULL), KMB_OK);
    assert_int_equal(keystore_open(&bench.options, &store, NULL, &error), KMB_CORRUPT);
    assert_non_null(strstr(error.message, "'" FILE_1 "' (missing)"));
    assert_int_equal(io_unlink(&bench.io, FILE_2, NULL), KMB_OK);
    assert_int_equal(keystore_open(&bench.options, &store, NULL, &error), KMB_FILE_NOT_FOUND);
    assert_string_equal(error.message, "there is no key store: neither '" FILE_1 "' nor '" FILE_2 "' exists");
    buffer_free(&good);
    bench_stop(&bench);
}

/* Puts a right checksum on changed bytes: what someone without the root key can do. */
static void checksum_repair(struct buffer *bytes) {
    struct hash256 hash = hash_sha256(bytes->bytes, bytes->length - HASH256_SIZE);
    memcpy(bytes->bytes + bytes->length - HASH256_SIZE, hash.bytes, HASH256_SIZE);
}

static void tampering(void **state) {
    (void)state;
    struct bench bench;
    struct kmb_error error;
    struct keystore_report report;
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    assert_int_equal(keystore_tenant_create(store, 1, NULL), KMB_OK);
    keystore_close(store);
    struct buffer good = file_read(&bench, FILE_1);
    struct buffer forged = {0};
    for (size_t bit = 0; bit < 8 * (good.length - HASH256_SIZE); bit += 3) {
        buffer_clear(&forged);
        buffer_append_slice(&forged, buffer_slice(&good));
        forged.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        checksum_repair(&forged);
        file_write(&bench, FILE_1, buffer_slice(&forged));
        assert_int_equal(keystore_open(&bench.options, &store, &report, NULL), KMB_OK); /* the copy serves */
        assert_true(report.copy_damaged);
        keystore_close(store);
        file_write(&bench, FILE_1, buffer_slice(&forged));
        file_write(&bench, FILE_2, buffer_slice(&forged));
        enum kmb_status status = keystore_open(&bench.options, &store, NULL, &error);
        assert_true(status == KMB_WRONG_KEY || status == KMB_CORRUPT || status == KMB_FORMAT_VERSION);
        assert_true(status != KMB_FORMAT_VERSION || bit / 8 == 8 || bit / 8 == 9);
        file_write(&bench, FILE_2, buffer_slice(&good));
    }
    /* A store without encryption in its place, whole in itself. */
    struct bench plain;
    bench_start(&plain, false);
    store = bench_create(&plain);
    keystore_close(store);
    struct buffer other = file_read(&plain, FILE_1);
    file_write(&bench, FILE_1, buffer_slice(&other));
    file_write(&bench, FILE_2, buffer_slice(&other));
    assert_int_equal(keystore_open(&bench.options, &store, NULL, &error), KMB_WRONG_KEY);
    buffer_free(&other);
    buffer_free(&forged);
    buffer_free(&good);
    bench_stop(&plain);
    bench_stop(&bench);
}

static void later_version(void **state) {
    (void)state;
    struct bench bench;
    struct kmb_error error;
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    keystore_close(store);
    struct buffer later = file_read(&bench, FILE_1);
    later.bytes[8] = 2;
    checksum_repair(&later);
    file_write(&bench, FILE_1, buffer_slice(&later));
    file_write(&bench, FILE_2, buffer_slice(&later));
    assert_int_equal(keystore_open(&bench.options, &store, NULL, &error), KMB_FORMAT_VERSION);
    assert_string_equal(error.message,
                        "key store '" FILE_1 "': key store of format version 2; this program reads version 1");
    buffer_free(&later);
    bench_stop(&bench);
}

static void rolled_back(void **state) {
    (void)state;
    struct bench bench;
    struct kmb_error error;
    struct keystore_report report;
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    struct buffer old = file_read(&bench, FILE_1);
    assert_int_equal(keystore_tenant_create(store, 1, NULL), KMB_OK);
    keystore_close(store);
    bench.options.generation_min = 2;
    file_write(&bench, FILE_1, buffer_slice(&old)); /* one copy of an older generation loses to the other */
    assert_int_equal(keystore_open(&bench.options, &store, &report, NULL), KMB_OK);
    assert_non_null(strstr(report.message, "older than the other copy"));
    assert_true(keystore_tenant_exists(store, 1));
    keystore_close(store);
    file_write(&bench, FILE_1, buffer_slice(&old));
    file_write(&bench, FILE_2, buffer_slice(&old));
    assert_int_equal(keystore_open(&bench.options, &store, NULL, &error), KMB_ROLLED_BACK);
    assert_string_equal(error.message, "key store '" FILE_1 "' is of generation 1; the log has seen generation 2");
    buffer_free(&old);
    bench_stop(&bench);
}

static void wrong_root_keys(void **state) {
    (void)state;
    struct bench bench;
    struct bench other;
    struct kmb_error error;
    bench_start(&bench, true);
    bench_start(&other, true);
    prng_seed(&other.prng, 99);
    struct keystore *store = bench_create(&bench);
    keystore_close(store);
    store = bench_create(&other);
    keystore_close(store);
    struct buffer good = file_read(&bench, KEY_PATH);
    struct buffer foreign = file_read(&other, KEY_PATH);
    assert_int_equal(io_unlink(&bench.io, KEY_PATH, NULL), KMB_OK);
    assert_int_equal(keystore_open(&bench.options, &store, NULL, &error), KMB_NO_KEY);
    assert_string_equal(error.message,
                        "no key for log 00112233-4455-6677-8899-aabbccddeeff: expected in '" KEY_PATH "'");
    file_write(&bench, KEY_PATH, buffer_slice(&foreign)); /* of a log with the same uuid */
    assert_int_equal(keystore_open(&bench.options, &store, NULL, &error), KMB_WRONG_KEY);
    assert_string_equal(error.message, "the key in '" KEY_PATH "' does not open the key store '" FILE_1 "'");
    /* Each changed bit is refused, except in the comments. */
    struct slice text = buffer_slice(&good);
    const uint8_t *body = memmem(text.bytes, text.length, "kimberlite-root-key", 19);
    assert_non_null(body);
    size_t start = (size_t)(body - text.bytes);
    for (size_t bit = 8 * start; bit < 8 * text.length; bit++) {
        good.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        file_write(&bench, KEY_PATH, text);
        good.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum kmb_status status = keystore_open(&bench.options, &store, NULL, &error);
        assert_int_equal(status, KMB_WRONG_KEY);
        assert_non_null(strstr(error.message, KEY_PATH));
    }
    for (size_t cut = 0; cut < text.length - 1; cut++) {
        file_write(&bench, KEY_PATH, slice_make(text.bytes, cut));
        assert_int_equal(keystore_open(&bench.options, &store, NULL, &error), KMB_WRONG_KEY);
    }
    struct buffer edited = {0}; /* an editor's carriage returns and an added remark do no harm */
    buffer_append_text(&edited, "# kept in the safe\r\n\r\n");
    for (size_t i = start; i < text.length; i++) {
        buffer_append_text(&edited, text.bytes[i] == '\n' ? "\r" : "");
        buffer_append_byte(&edited, text.bytes[i]);
    }
    file_write(&bench, KEY_PATH, buffer_slice(&edited));
    store = bench_open(&bench);
    keystore_close(store);
    /* Another log's key is named as such, and never overwritten. */
    other.options.log_uuid[0] = 0xff;
    assert_int_equal(io_unlink(&other.io, FILE_1, NULL), KMB_OK);
    assert_int_equal(io_unlink(&other.io, FILE_2, NULL), KMB_OK);
    assert_int_equal(keystore_create(&other.options, &store, &error), KMB_FILE_EXISTS);
    assert_non_null(strstr(error.message, "is of log 00112233-4455-6677-8899-aabbccddeeff; this is log ff112233-"));
    struct buffer untouched = file_read(&other, KEY_PATH);
    assert_true(slice_equal(buffer_slice(&untouched), buffer_slice(&foreign)));
    buffer_free(&untouched);
    buffer_free(&edited);
    buffer_free(&foreign);
    buffer_free(&good);
    bench_stop(&other);
    bench_stop(&bench);
}

/* No raw key stands in any file of the data directory. */
static void nothing_in_clear(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, true);
    struct prng replay = bench.prng; /* every random byte the store will draw */
    struct keystore *store = bench_create(&bench);
    assert_int_equal(keystore_tenant_create(store, 1, NULL), KMB_OK);
    keystore_close(store);
    struct buffer file = file_read(&bench, FILE_1);
    unsigned nonces = 0;
    /* Draws, in order: root, seed, nonce, then for each of three keys: key, nonce. */
    static const size_t sizes[] = {32, 32, 24, 32, 24, 32, 24, 32, 24};
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        uint8_t drawn[32];
        prng_bytes(&replay, drawn, sizes[i]);
        bool found = memmem(file.bytes, file.length, drawn, sizes[i]) != NULL;
        assert_true(found == (sizes[i] == AEAD_NONCE_SIZE));
        nonces += found ? 1 : 0;
    }
    assert_int_equal(nonces, 4);
    buffer_free(&file);
    bench_stop(&bench);
}

static bool random_fails(void *context, void *bytes, size_t count) {
    (void)context;
    (void)bytes;
    (void)count;
    return false;
}

static void no_randomness(void **state) {
    (void)state;
    struct bench bench;
    struct kmb_error error;
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    keystore_close(store);
    bench.environment.random = random_fails;
    store = bench_open(&bench); /* drawing nothing */
    assert_int_equal(keystore_tenant_create(store, 1, &error), KMB_IO);
    assert_string_equal(error.message, "the system gives no random bytes for a key");
    assert_false(keystore_tenant_exists(store, 1));
    keystore_close(store);
    bench_stop(&bench);
}

static void crashed(void *context) {
    (void)context;
}

/* What a caller did and was told, on a disk whose calls fail by plan. */
static void workload(struct bench *bench, unsigned *told) {
    struct keystore *store = NULL;
    *told = 0;
    if (keystore_create(&bench->options, &store, NULL) != KMB_OK) {
        return;
    }
    *told = 1;
    for (uint32_t tenant = 1; tenant <= 2; tenant++) {
        if (keystore_tenant_create(store, tenant, NULL) == KMB_OK) {
            *told |= 1U << tenant;
        }
    }
    if (keystore_rotate(store, 1, KEYSTORE_DATA, NULL, NULL) == KMB_OK) {
        *told |= 1U << 3;
    }
    keystore_close(store);
}

/* Every call of a clean run fails in every way that suits it, then the power goes; what was told must be there. */
static void every_call_fails(void **state) {
    (void)state;
    static const enum io_fault_kind kinds[] = {IO_FAULT_EIO,          IO_FAULT_ENOSPC,     IO_FAULT_SHORT_WRITE,
                                               IO_FAULT_TORN_SECTOR,  IO_FAULT_LOST_WRITE, IO_FAULT_SYNC,
                                               IO_FAULT_CRASH_BEFORE, IO_FAULT_CRASH_AFTER};
    unsigned fired = 0;
    unsigned kept = 0;
    uint64_t calls = 1;
    for (uint64_t number = 1; number <= calls; number++) {
        for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++) {
            struct bench bench;
            unsigned told = 0;
            bench_start(&bench, true);
            struct io inner = bench.io;
            struct io_fault *fault = io_fault_new(&inner, crashed, NULL);
            assert_non_null(fault);
            bench.io = io_fault_table(fault);
            io_fault_plan(fault, number, kinds[k], &bench.prng);
            workload(&bench, &told);
            calls = io_fault_calls(fault) > calls ? io_fault_calls(fault) : calls;
            fired += (unsigned)io_fault_applied(fault, kinds[k]);
            io_fault_free(fault);
            bench.io = inner;
            struct io_crash_report report;
            io_memory_crash(bench.disk, number % 2 == 0 ? IO_CRASH_LOSE : IO_CRASH_REORDER, &bench.prng, &report);
            if (told != 0) {
                struct keystore *store = NULL;
                struct keystore_report found;
                struct kmb_error error = {0};
                enum kmb_status status = keystore_open(&bench.options, &store, &found, &error);
                if (status != KMB_OK) {
                    fail_msg("call %" PRIu64 ", %s: %s", number, io_fault_name(kinds[k]), error.message);
                }
                for (uint32_t tenant = 1; tenant <= 2; tenant++) {
                    if ((told >> tenant & 1) != 0) {
                        (void)key_of(store, tenant, KEYSTORE_DATA, 1);
                        kept++;
                    }
                }
                assert_true((told >> 3 & 1) == 0 || keystore_version(store, 1, KEYSTORE_DATA) == 2);
                keystore_close(store);
            }
            bench_stop(&bench);
        }
    }
    assert_true(calls > 40 && fired > 100 && kept > 100);
}

static void memory_runs_out(void **state) {
    (void)state;
    for (uint64_t number = 1;; number++) {
        struct bench bench;
        struct keystore *store = NULL;
        struct aead_key *key = NULL;
        struct keystore_public seen;
        enum kmb_status statuses[5] = {KMB_NO_MEMORY, KMB_OK, KMB_OK, KMB_OK, KMB_OK};
        bench_start(&bench, true);
        mem_fail_plan(number);
        statuses[0] = keystore_create(&bench.options, &store, NULL);
        if (statuses[0] == KMB_OK) {
            statuses[1] = keystore_tenant_create(store, 1, NULL);
            statuses[2] = statuses[1] == KMB_OK ? keystore_key(store, 1, KEYSTORE_DATA, 0, &key, NULL) : KMB_OK;
            keystore_close(store);
            statuses[3] = keystore_open(&bench.options, &store, NULL, NULL);
            if (statuses[3] == KMB_OK) {
                keystore_close(store);
            }
            statuses[4] = keystore_public_read(&bench.io, DATA_DIR, &seen, NULL);
        }
        bool fired = mem_fail_count() >= number;
        mem_fail_plan(0);
        bench_stop(&bench);
        unsigned failed = 0;
        for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
            assert_true(statuses[i] == KMB_OK || statuses[i] == KMB_NO_MEMORY);
            failed += statuses[i] == KMB_OK ? 0 : 1;
        }
        if (!fired) {
            assert_int_equal(failed, 0);
            assert_true(number > 30);
            break;
        }
        /* One failure, told once; opening may do without the rewriting of a copy that could not be read. */
        assert_true(failed <= 1);
    }
}

static void *reader_thread(void *argument) {
    struct keystore *store = argument;
    for (int i = 0; i < 200; i++) {
        for (uint32_t tenant = 1; tenant <= 4; tenant++) {
            struct aead_key *key = NULL;
            if (keystore_key(store, tenant, KEYSTORE_DATA, 1, &key, NULL) == KMB_OK && !keys_equal(key, key)) {
                return store;
            }
            (void)keystore_version(store, tenant, KEYSTORE_DATA);
        }
    }
    return NULL;
}

static void readers_beside_changes(void **state) {
    (void)state;
    struct bench bench;
    pthread_t threads[3];
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, reader_thread, store), 0);
    }
    for (uint32_t tenant = 1; tenant <= 4; tenant++) {
        assert_int_equal(keystore_tenant_create(store, tenant, NULL), KMB_OK);
        assert_int_equal(keystore_rotate(store, tenant, KEYSTORE_DATA, NULL, NULL), KMB_OK);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    keystore_close(store);
    bench_stop(&bench);
}

/* Compares a file with its golden bytes. With KMB_GOLDEN_WRITE set it makes them instead. */
static void golden_compare(struct bench *bench, const char *path, const char *name) {
    const struct io disk = io_posix();
    char golden[512];
    struct buffer made = file_read(bench, path);
    struct buffer frozen = {0};
    (void)snprintf(golden, sizeof golden, "%s/%s", GOLDEN_FOLDER, name);
    if (getenv("KMB_GOLDEN_WRITE") != NULL) {
        assert_int_equal(io_replace_file(&disk, golden, 0, buffer_slice(&made), NULL), KMB_OK);
    }
    assert_int_equal(io_read_file(&disk, golden, (size_t)1 << 20, &frozen, NULL), KMB_OK);
    assert_true(slice_equal(buffer_slice(&made), buffer_slice(&frozen)));
    buffer_free(&frozen);
    buffer_free(&made);
}

static void golden(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, true);
    struct keystore *store = bench_create(&bench);
    assert_int_equal(keystore_tenant_create(store, 0, NULL), KMB_OK);
    assert_int_equal(keystore_tenant_create(store, 1, NULL), KMB_OK);
    assert_int_equal(keystore_rotate(store, 1, KEYSTORE_DATA, NULL, NULL), KMB_OK);
    assert_int_equal(keystore_rotate(store, 0, KEYSTORE_CHECKPOINT, NULL, NULL), KMB_OK);
    keystore_close(store);
    golden_compare(&bench, FILE_1, "keys.kks");
    golden_compare(&bench, FILE_2, "keys.kks");
    golden_compare(&bench, KEY_PATH, "root.key");
    bench_stop(&bench);
    bench_start(&bench, false);
    store = bench_create(&bench);
    assert_int_equal(keystore_tenant_create(store, 1, NULL), KMB_OK);
    keystore_close(store);
    golden_compare(&bench, FILE_1, "keys-plain.kks");
    bench_stop(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_back),
        cmocka_unit_test(refusals),
        cmocka_unit_test(checkpoint_keys),
        cmocka_unit_test(without_encryption),
        cmocka_unit_test(one_copy_damaged),
        cmocka_unit_test(both_copies_damaged),
        cmocka_unit_test(tampering),
        cmocka_unit_test(later_version),
        cmocka_unit_test(rolled_back),
        cmocka_unit_test(wrong_root_keys),
        cmocka_unit_test(nothing_in_clear),
        cmocka_unit_test(no_randomness),
        cmocka_unit_test(every_call_fails),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(readers_beside_changes),
        cmocka_unit_test(golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
