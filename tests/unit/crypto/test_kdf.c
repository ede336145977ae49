/* HMAC against RFC 4231 and the openssl command, HKDF against RFC 5869. */
#include "crypto_test.h"

#include "crypto/kdf.h"

static void hmac_published(void **state) {
    (void)state;
    static const struct {
        const char *key, *message, *code;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {"0102030405060708090a0b0c0d0e0f10111213141516171819",
         "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint8_t key[64];
        uint8_t message[128];
        struct slice key_slice = slice_make(key, test_unhex(cases[i].key, key, sizeof key));
        struct slice message_slice = slice_make(message, test_unhex(cases[i].message, message, sizeof message));
        struct hash256 code = kdf_hmac_sha256(key_slice, message_slice);
        test_assert_hex(code.bytes, HASH256_SIZE, cases[i].code);
    }
    uint8_t long_key[131]; /* longer than a block: cases 6 */
    memset(long_key, 0xaa, sizeof long_key);
    struct hash256 code = kdf_hmac_sha256(slice_make(long_key, sizeof long_key),
                                          slice_text("Test Using Larger Than Block-Size Key - Hash Key First"));
    test_assert_hex(code.bytes, HASH256_SIZE, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hkdf_published(void **state) {
    (void)state;
    uint8_t secret[80];
    uint8_t salt[80];
    uint8_t info[80];
    uint8_t out[82];
    memset(secret, 0x0b, 22);
    struct slice ten = slice_make(info, test_unhex("f0f1f2f3f4f5f6f7f8f9", info, sizeof info));
    struct slice thirteen = slice_make(salt, test_unhex("000102030405060708090a0b0c", salt, sizeof salt));
    kdf_hkdf_sha256(slice_make(secret, 22), thirteen, ten, out, 42);
    test_assert_hex(out, 42, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    kdf_hkdf_sha256(slice_make(secret, 22), slice_make(NULL, 0), slice_make(NULL, 0), out, 42);
    test_assert_hex(out, 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    for (size_t i = 0; i < 80; i++) {
        secret[i] = (uint8_t)i;
        salt[i] = (uint8_t)(0x60 + i);
        info[i] = (uint8_t)(0xb0 + i);
    }
    kdf_hkdf_sha256(slice_make(secret, 80), slice_make(salt, 80), slice_make(info, 80), out, 82);
    test_assert_hex(
        out, 82,
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da32"
        "75600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
    static uint8_t longest[KDF_OUTPUT_MAX];
    kdf_hkdf_sha256(slice_make(secret, 80), slice_make(salt, 80), slice_make(info, 80), longest, sizeof longest);
    assert_memory_equal(longest, out, sizeof out); /* a longer output begins with the shorter */
}

static void against_openssl(void **state) {
    (void)state;
    if (!test_command_exists("openssl")) {
        print_message("[  SKIPPED ] openssl is not installed: not compared with it\n");
        skip();
    }
    struct prng prng;
    prng_seed(&prng, 21);
    for (int round = 0; round < 6; round++) {
        uint8_t key[100];
        uint8_t info[30];
        uint8_t out[100];
        char key_hex[201];
        char info_hex[61];
        char command[600];
        char line[512];
        size_t size = 1 + (size_t)prng_below(&prng, sizeof out);
        prng_bytes(&prng, key, sizeof key);
        prng_bytes(&prng, info, sizeof info);
        codec_hex(key_hex, key, sizeof key);
        codec_hex(info_hex, info, sizeof info);
        kdf_hkdf_sha256(slice_make(key, sizeof key), slice_make(key, 32), slice_make(info, sizeof info), out, size);
        (void)snprintf(command, sizeof command,
                       "openssl kdf -keylen %zu -kdfopt digest:SHA256 -kdfopt hexkey:%s -kdfopt hexsalt:%.64s "
                       "-kdfopt hexinfo:%s -binary HKDF | od -An -v -tx1 | tr -d ' \\n'",
                       size, key_hex, key_hex, info_hex);
        test_command_line(command, line, sizeof line);
        test_assert_hex(out, size, line);
    }
}

/* RFC 7914, section 12. */
static void scrypt_published(void **state) {
    (void)state;
    uint8_t out[64];
    assert_true(kdf_scrypt(slice_text("password"), slice_text("NaCl"), (struct kdf_scrypt_cost){1024, 8, 16}, out, 64));
    test_assert_hex(out, 64,
                    "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830da"
                    "c727afb94a83ee6d8360cbdfa2cc0640");
    assert_true(kdf_scrypt(slice_text("pleaseletmein"), slice_text("SodiumChloride"),
                           (struct kdf_scrypt_cost){16384, 8, 1}, out, 64));
    test_assert_hex(out, 64,
                    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9"
                    "e61e85dc0d651e40dfcf017b45575887");
    assert_false(kdf_scrypt(slice_text("x"), slice_text("y"), (struct kdf_scrypt_cost){1000, 8, 1}, out, 64));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmac_published),
        cmocka_unit_test(hkdf_published),
        cmocka_unit_test(scrypt_published),
        cmocka_unit_test(against_openssl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
