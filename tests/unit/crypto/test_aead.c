/*
 * XAES-256-GCM against the vectors of C2SP (single ones and the accumulated one), AES-256-GCM against NIST CAVP samples
 * and the GCM specification; every flipped bit refused; one key used by several threads.
 */
#include "crypto_test.h"

#include <pthread.h>

#include <openssl/evp.h>

#include "crypto/aead.h"

static struct aead_key *key_of(const uint8_t raw[32]) {
    struct secret_key secret;
    struct aead_key *key = NULL;
    memcpy(secret.bytes, raw, 32);
    assert_int_equal(aead_key_new(&secret, &key, NULL), KMB_OK);
    return key;
}

static struct aead_key *key_of_byte(uint8_t byte) {
    uint8_t raw[32];
    memset(raw, byte, sizeof raw);
    return key_of(raw);
}

static struct aead_nonce nonce_of_text(const char *text) {
    struct aead_nonce nonce;
    memcpy(nonce.bytes, text, AEAD_NONCE_SIZE);
    return nonce;
}

static void xaes_published(void **state) {
    (void)state;
    const struct aead_nonce nonce = nonce_of_text("ABCDEFGHIJKLMNOPQRSTUVWX");
    const struct slice plaintext = slice_text("XAES-256-GCM");
    uint8_t out[12 + AEAD_TAG_SIZE];
    struct aead_key *key = key_of_byte(1);
    aead_seal(key, &nonce, slice_make(NULL, 0), plaintext, out);
    test_assert_hex(out, sizeof out, "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
    aead_key_free(key);
    key = key_of_byte(3);
    aead_seal(key, &nonce, slice_text("c2sp.org/XAES-256-GCM"), plaintext, out);
    test_assert_hex(out, sizeof out, "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
    aead_key_free(key);
}

/* The accumulated vector: 10,000 messages drawn from SHAKE128, their ciphertexts hashed by SHAKE128. */
static void xaes_accumulated(void **state) {
    (void)state;
    enum { ROUNDS = 10000, ROUND_MAX = 32 + 24 + 1 + 255 + 1 + 255 };
    size_t room = (size_t)ROUNDS * ROUND_MAX;
    uint8_t *stream = mem_alloc(room);
    EVP_MD_CTX *source = EVP_MD_CTX_new();
    EVP_MD_CTX *sink = EVP_MD_CTX_new();
    assert_true(stream != NULL && source != NULL && sink != NULL);
    assert_int_equal(EVP_DigestInit_ex(source, EVP_shake128(), NULL), 1);
    assert_int_equal(EVP_DigestFinalXOF(source, stream, room), 1);
    assert_int_equal(EVP_DigestInit_ex(sink, EVP_shake128(), NULL), 1);
    struct reader reader = reader_make(slice_make(stream, room));
    for (int i = 0; i < ROUNDS; i++) {
        struct aead_key *key = key_of(reader_take(&reader, 32).bytes);
        struct aead_nonce nonce;
        uint8_t out[255 + AEAD_TAG_SIZE];
        uint8_t back[255];
        reader_copy(&reader, nonce.bytes, AEAD_NONCE_SIZE);
        struct slice plaintext = reader_take(&reader, reader_u8(&reader));
        struct slice aad = reader_take(&reader, reader_u8(&reader));
        assert_true(reader_ok(&reader));
        aead_seal(key, &nonce, aad, plaintext, out);
        assert_int_equal(EVP_DigestUpdate(sink, out, plaintext.length + AEAD_TAG_SIZE), 1);
        assert_true(aead_open(key, &nonce, aad, slice_make(out, plaintext.length + AEAD_TAG_SIZE), back));
        assert_true(slice_equal(plaintext, slice_make(back, plaintext.length)));
        aead_key_free(key);
    }
    uint8_t digest[32];
    assert_int_equal(EVP_DigestFinalXOF(sink, digest, sizeof digest), 1);
    test_assert_hex(digest, sizeof digest, "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
    EVP_MD_CTX_free(source);
    EVP_MD_CTX_free(sink);
    mem_free(stream);
}

static void gcm_published(void **state) {
    (void)state;
    static const struct {
        const char *key, *nonce, *plaintext, *aad, *sealed;
    } cases[] = {
        {"b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4", "516c33929df5a3284ff463d7", "", "",
         "bdc1ac884d332457a1d2664f168c76f0"},
        {"31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22", "0d18e06c7c725ac9e362e1ce",
         "2db5168e932556f8089a0622981d017d", "", "fa4362189661d163fcd6a56d8bf0405ad636ac1bbedd5cc3ee727dc2ab4a9489"},
        {"92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b", "ac93a1a6145299bde902f21a",
         "2d71bcfa914e4ac045b2aa60955fad24", "1e0889016f67601c8ebea4943bc23ad6",
         "8995ae2e6df3dbf96fac7b7137bae67feca5aa77d51d4a0a14d9c51e1da474ab"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0d"
         "e657ba637b39",
         "feedfacedeadbeeffeedfacedeadbeefabaddad2",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba"
         "7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct secret_key key;
        uint8_t nonce[12];
        uint8_t plaintext[128];
        uint8_t aad[64];
        uint8_t out[128 + AEAD_TAG_SIZE];
        assert_int_equal(test_unhex(cases[i].key, key.bytes, 32), 32);
        assert_int_equal(test_unhex(cases[i].nonce, nonce, 12), 12);
        size_t length = test_unhex(cases[i].plaintext, plaintext, sizeof plaintext);
        size_t aad_length = test_unhex(cases[i].aad, aad, sizeof aad);
        assert_true(aead_gcm_seal(&key, nonce, slice_make(aad, aad_length), slice_make(plaintext, length), out));
        test_assert_hex(out, length + AEAD_TAG_SIZE, cases[i].sealed);
        uint8_t back[128];
        struct slice sealed = slice_make(out, length + AEAD_TAG_SIZE);
        assert_true(aead_gcm_open(&key, nonce, slice_make(aad, aad_length), sealed, back));
        assert_memory_equal(back, plaintext, length);
        for (size_t bit = 0; bit < 8 * sealed.length; bit++) {
            out[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(aead_gcm_open(&key, nonce, slice_make(aad, aad_length), sealed, back));
            out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_false(aead_gcm_open(&key, nonce, slice_make(aad, aad_length), slice_make(out, 15), back));
    }
}

static void flips_are_refused(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 3);
    for (size_t length = 0; length < 70; length += 23) {
        uint8_t raw[32];
        uint8_t plaintext[70];
        uint8_t aad[21];
        uint8_t sealed[70 + AEAD_TAG_SIZE];
        uint8_t back[70];
        struct aead_nonce nonce;
        prng_bytes(&prng, raw, sizeof raw);
        prng_bytes(&prng, plaintext, length);
        prng_bytes(&prng, aad, sizeof aad);
        prng_bytes(&prng, nonce.bytes, sizeof nonce.bytes);
        struct aead_key *key = key_of(raw);
        struct slice label = slice_make(aad, sizeof aad);
        struct slice whole = slice_make(sealed, length + AEAD_TAG_SIZE);
        aead_seal(key, &nonce, label, slice_make(plaintext, length), sealed);
        struct {
            uint8_t *bytes;
            size_t size;
        } inputs[] = {{sealed, whole.length}, {aad, sizeof aad}, {nonce.bytes, AEAD_NONCE_SIZE}};
        for (size_t i = 0; i < ARRAY_LENGTH(inputs); i++) {
            for (size_t bit = 0; bit < 8 * inputs[i].size; bit++) {
                inputs[i].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                memset(back, 0x55, sizeof back);
                assert_false(aead_open(key, &nonce, label, whole, back));
                for (size_t j = 0; j < length; j++) {
                    assert_int_equal(back[j], 0); /* nothing of a forged message is handed out */
                }
                inputs[i].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            }
        }
        for (size_t cut = 0; cut < whole.length; cut++) {
            assert_false(aead_open(key, &nonce, label, slice_make(sealed, cut), back));
        }
        for (size_t bit = 0; bit < 8 * sizeof raw; bit++) {
            raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
            struct aead_key *other = key_of(raw);
            assert_false(aead_open(other, &nonce, label, whole, back));
            aead_key_free(other);
            raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_true(aead_open(key, &nonce, label, whole, back));
        assert_memory_equal(back, plaintext, length);
        aead_key_free(key);
    }
}

static void in_place(void **state) {
    (void)state;
    static uint8_t page[8192 + AEAD_TAG_SIZE];
    static uint8_t apart[8192 + AEAD_TAG_SIZE];
    static uint8_t plaintext[8192];
    struct prng prng;
    prng_seed(&prng, 5);
    prng_bytes(&prng, plaintext, sizeof plaintext);
    memcpy(page, plaintext, sizeof plaintext);
    const struct aead_nonce nonce = nonce_of_text("once, and never once more");
    struct aead_key *key = key_of_byte(9);
    aead_seal(key, &nonce, slice_text("page"), slice_make(plaintext, sizeof plaintext), apart);
    aead_seal(key, &nonce, slice_text("page"), slice_make(page, sizeof plaintext), page);
    assert_memory_equal(page, apart, sizeof page);
    assert_true(aead_open(key, &nonce, slice_text("page"), slice_make(page, sizeof page), page));
    assert_memory_equal(page, plaintext, sizeof plaintext);
    aead_key_free(key);
}

struct thread_case {
    struct aead_key *key;
    uint64_t seed;
    unsigned wrong;
};

static void *thread_seals(void *argument) {
    struct thread_case *mine = argument;
    struct prng prng;
    prng_seed(&prng, mine->seed);
    for (int i = 0; i < 500; i++) {
        uint8_t plaintext[600];
        uint8_t sealed[600 + AEAD_TAG_SIZE];
        uint8_t back[600];
        struct aead_nonce nonce;
        prng_bytes(&prng, plaintext, sizeof plaintext);
        prng_bytes(&prng, nonce.bytes, sizeof nonce.bytes);
        aead_seal(mine->key, &nonce, slice_text("thread"), slice_make(plaintext, sizeof plaintext), sealed);
        bool good = aead_open(mine->key, &nonce, slice_text("thread"), slice_make(sealed, sizeof sealed), back);
        mine->wrong += good && memcmp(plaintext, back, sizeof back) == 0 ? 0 : 1;
    }
    return NULL;
}

static void threads_share_a_key(void **state) {
    (void)state;
    enum { THREADS = 12 }; /* more than a key has lanes */
    pthread_t threads[THREADS];
    struct thread_case cases[THREADS];
    struct aead_key *key = key_of_byte(7);
    for (size_t i = 0; i < THREADS; i++) {
        cases[i] = (struct thread_case){.key = key, .seed = i};
        assert_int_equal(pthread_create(&threads[i], NULL, thread_seals, &cases[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(cases[i].wrong, 0);
    }
    aead_key_free(key);
}

static void bad_keys(void **state) {
    (void)state;
    struct secret_key raw = {{0}};
    struct aead_key *key = NULL;
    struct kmb_error error;
    assert_int_equal(aead_key_new(&raw, &key, &error), KMB_USAGE);
    assert_string_equal(error.message, "an encryption key of zeros is refused");
    raw.bytes[31] = 1;
    for (uint64_t number = 1;; number++) {
        mem_fail_plan(number);
        enum kmb_status status = aead_key_new(&raw, &key, &error);
        bool fired = mem_fail_count() >= number;
        mem_fail_plan(0);
        if (!fired) {
            assert_int_equal(status, KMB_OK);
            break;
        }
        assert_int_equal(status, KMB_NO_MEMORY);
        assert_null(key);
    }
    aead_key_free(key);
    aead_key_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xaes_published),    cmocka_unit_test(xaes_accumulated), cmocka_unit_test(gcm_published),
        cmocka_unit_test(flips_are_refused), cmocka_unit_test(in_place),         cmocka_unit_test(threads_share_a_key),
        cmocka_unit_test(bad_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
