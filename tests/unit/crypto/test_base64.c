/* Base64: RFC 4648's vectors, round trips, and every spelling but the canonical one refused. */
#include "crypto_test.h"

#include "crypto/base64.h"

static void published(void **state) {
    (void)state;
    static const char *texts[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        char text[16];
        uint8_t bytes[8];
        size_t size = 99;
        base64_encode(text, "foobar", i);
        assert_string_equal(text, texts[i]);
        assert_true(base64_decode(slice_text(texts[i]), bytes, sizeof bytes, &size));
        assert_int_equal(size, i);
        assert_memory_equal(bytes, "foobar", i);
        assert_true(base64_decode_exact(slice_text(texts[i]), bytes, i));
        assert_false(base64_decode_exact(slice_text(texts[i]), bytes, i + 1));
        assert_true(i == 0 || !base64_decode(slice_text(texts[i]), bytes, i - 1, &size));
    }
}

static void round_trips(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 1);
    for (size_t size = 0; size < 200; size++) {
        uint8_t bytes[200];
        uint8_t back[200];
        char text[BASE64_LENGTH(200) + 1];
        prng_bytes(&prng, bytes, size);
        base64_encode(text, bytes, size);
        assert_int_equal(strlen(text), BASE64_LENGTH(size));
        assert_true(base64_decode_exact(slice_text(text), back, size));
        assert_memory_equal(bytes, back, size);
    }
}

static void others_are_refused(void **state) {
    (void)state;
    static const char *texts[] = {"Z",    "Zg",   "Zg=",  "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "Zm9v\n",   "Zm-v",
                                  "Zm_v", "====", "Z===", "=g==", "Zg=v", "Zm9vZ",    " Zm9", "Zm9v====", "\xc3\xa4Zg"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        uint8_t bytes[16];
        size_t size = 0;
        assert_false(base64_decode(slice_text(texts[i]), bytes, sizeof bytes, &size));
    }
    /* One spelling for each value: whatever decodes encodes to itself. */
    struct prng prng;
    prng_seed(&prng, 2);
    unsigned decoded = 0;
    for (int i = 0; i < 200000; i++) {
        static const char digits[] = "AQgwZ09+/=";
        char text[9] = {0};
        char again[9];
        uint8_t bytes[6];
        size_t size = 0;
        for (size_t j = 0; j < 8; j++) {
            text[j] = digits[prng_below(&prng, sizeof digits - 1)];
        }
        if (base64_decode(slice_text(text), bytes, sizeof bytes, &size)) {
            base64_encode(again, bytes, size);
            assert_string_equal(text, again);
            decoded++;
        }
    }
    assert_true(decoded > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
