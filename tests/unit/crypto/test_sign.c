/* Ed25519 against RFC 8032; flips, foreign keys, unreduced S and points of small order refused. */
#include "crypto_test.h"

#include "crypto/sign.h"

static const struct {
    const char *seed, *public_key, *message, *signature;
} cases[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
     "5"
     "5141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
     "0"
     "0d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
     "0"
     "27beceea1ec40a"},
};

static struct sign_key *key_of(const char *seed_hex) {
    struct secret_key seed;
    struct sign_key *key = NULL;
    assert_int_equal(test_unhex(seed_hex, seed.bytes, 32), 32);
    assert_int_equal(sign_key_new(&seed, &key, NULL), KMB_OK);
    return key;
}

static void published(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint8_t message[16];
        struct slice slice = slice_make(message, test_unhex(cases[i].message, message, sizeof message));
        struct sign_signature signature;
        struct sign_key *key = key_of(cases[i].seed);
        test_assert_hex(sign_key_public(key)->bytes, 32, cases[i].public_key);
        assert_int_equal(sign_make(key, slice, &signature, NULL), KMB_OK);
        test_assert_hex(signature.bytes, 64, cases[i].signature);
        assert_true(sign_verify(sign_key_public(key), slice, &signature));
        sign_key_free(key);
    }
}

static void flips_are_refused(void **state) {
    (void)state;
    uint8_t message[] = "a tree head";
    struct slice slice = slice_make(message, sizeof message);
    struct sign_signature signature;
    struct sign_key *key = key_of(cases[1].seed);
    struct sign_public public_key = *sign_key_public(key);
    assert_int_equal(sign_make(key, slice, &signature, NULL), KMB_OK);
    struct {
        uint8_t *bytes;
        size_t size;
    } inputs[] = {{signature.bytes, 64}, {public_key.bytes, 32}, {message, sizeof message}};
    for (size_t i = 0; i < ARRAY_LENGTH(inputs); i++) {
        for (size_t bit = 0; bit < 8 * inputs[i].size; bit++) {
            inputs[i].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(sign_verify(&public_key, slice, &signature));
            inputs[i].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_true(sign_verify(&public_key, slice, &signature));
    sign_key_free(key);
}

/* S + L is the same scalar; taking it would give every signature a twin. */
static void unreduced_is_refused(void **state) {
    (void)state;
    uint8_t order[32];
    struct sign_signature signature;
    struct sign_key *key = key_of(cases[0].seed);
    struct slice slice = slice_text("twin");
    (void)test_unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order, 32);
    assert_int_equal(sign_make(key, slice, &signature, NULL), KMB_OK);
    unsigned carry = 0;
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)signature.bytes[32 + i] + order[i];
        signature.bytes[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    assert_false(sign_verify(sign_key_public(key), slice, &signature));
    sign_key_free(key);
}

/* With the neutral point as key and R, and S = 0, the plain equation holds for every message. */
static void small_order_is_refused(void **state) {
    (void)state;
    static const char *points[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(points); i++) {
        struct sign_public key;
        struct sign_signature signature = {{0}};
        (void)test_unhex(points[i], key.bytes, 32);
        signature.bytes[0] = 1;
        for (uint8_t message = 0; message < 16; message++) { /* of order 8: one message in eight would verify */
            assert_false(sign_verify(&key, slice_make(&message, 1), &signature));
        }
    }
}

static void bad_seeds(void **state) {
    (void)state;
    struct secret_key seed = {{0}};
    struct sign_key *key = NULL;
    struct kmb_error error;
    assert_int_equal(sign_key_new(&seed, &key, &error), KMB_USAGE);
    assert_string_equal(error.message, "a signing seed of zeros is refused");
    seed.bytes[0] = 1;
    mem_fail_plan(1);
    assert_int_equal(sign_key_new(&seed, &key, &error), KMB_NO_MEMORY);
    mem_fail_plan(0);
    assert_null(key);
    sign_key_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),
        cmocka_unit_test(flips_are_refused),
        cmocka_unit_test(unreduced_is_refused),
        cmocka_unit_test(small_order_is_refused),
        cmocka_unit_test(bad_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
