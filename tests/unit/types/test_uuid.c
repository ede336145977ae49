/* UUIDs: versions, order in time, text. */
#include "types/uuid.h"
#include "support.h"

static void test_versions(void **state) {
    (void)state;
    uint8_t random[16];
    uint8_t uuid[16];
    uint8_t last[16] = {0};
    memset(random, 0xff, sizeof(random));
    uuid_make_v4(random, uuid);
    char text[UUID_TEXT_SIZE];
    uuid_format(uuid, text);
    assert_string_equal(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    /* RFC 9562, appendix A.6: 2022-02-22 19:22:22 UTC */
    static const uint8_t sample[10] = {0xd8, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f, 0, 0};
    uuid_make_v7(INT64_C(1645557742000000), sample, uuid);
    uuid_format(uuid, text);
    assert_string_equal(text, "017f22e2-79b0-7000-98c4-dc0c0c07398f");
    for (int64_t us = 1; us < 5000; us += 7) {
        uuid_make_v7(INT64_C(1700000000000000) + us, random, uuid);
        assert_true(memcmp(last, uuid, 16) < 0);
        assert_int_equal(uuid[6] >> 4, 7);
        assert_int_equal(uuid[8] >> 6, 2);
        memcpy(last, uuid, 16);
    }
}

static void test_text(void **state) {
    (void)state;
    for (int round = 0; round < 5000; round++) {
        uint8_t uuid[16];
        uint8_t back[16];
        for (size_t i = 0; i < 16; i++) {
            uuid[i] = (uint8_t)test_random();
        }
        char text[UUID_TEXT_SIZE];
        uuid_format(uuid, text);
        assert_int_equal(uuid_parse(slice_text(text), back, NULL), KMB_OK);
        assert_memory_equal(uuid, back, 16);
        text[test_below(36)] = (char)test_random();
        (void)uuid_parse(slice_make(text, test_below(37)), back, NULL);
    }
    struct kmb_error error = {0};
    uint8_t uuid[16];
    assert_int_equal(uuid_parse(slice_text("a0ee"), uuid, &error), KMB_INVALID_TEXT);
    assert_string_equal(error.message, "invalid input syntax for type uuid: \"a0ee\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
