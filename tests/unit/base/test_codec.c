/* Codecs: readers stop at their end whatever the bytes say; CRC-32C against RFC 3720; hexadecimal both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/codec.h"
#include "base/environment.h"
#include "base/memory.h"

#include <string.h>

static void crc32c_of_rfc_3720(void **state) {
    (void)state;
    uint8_t bytes[48];
    memset(bytes, 0, 32);
    assert_int_equal(codec_crc32c(0, bytes, 32), 0x8A9136AA);
    memset(bytes, 0xFF, 32);
    assert_int_equal(codec_crc32c(0, bytes, 32), 0x62A8AB43);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_int_equal(codec_crc32c(0, bytes, 32), 0x46DD794E);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(codec_crc32c(0, bytes, 32), 0x113FDB5C);
    static const uint8_t command[48] = {0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0,    0, 0, 0, 0,
                                        0x14, 0,    0, 0, 0, 0, 4, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
                                        0x28, 0,    0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0,    0, 0, 0, 0};
    assert_int_equal(codec_crc32c(0, command, 48), 0xD9963A56);
    assert_int_equal(codec_crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(codec_crc32c(0, NULL, 0), 0);
}

/* Bit by bit, from the polynomial. */
static uint32_t crc_slow(const uint8_t *bytes, size_t count) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
        }
    }
    return ~crc;
}

static void crc32c_in_pieces(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 1);
    static uint8_t bytes[5000];
    for (int round = 0; round < 200; round++) {
        size_t count = (size_t)prng_below(&prng, sizeof(bytes));
        prng_bytes(&prng, bytes, count);
        uint32_t expected = crc_slow(bytes, count);
        assert_int_equal(codec_crc32c(0, bytes, count), expected);
        size_t cut = (size_t)prng_below(&prng, count + 1);
        assert_int_equal(codec_crc32c(codec_crc32c(0, bytes, cut), bytes + cut, count - cut), expected);
    }
}

static void readers_stop_at_the_end(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 2);
    for (int round = 0; round < 20000; round++) {
        /* An exact heap block, so that a sanitizer sees one byte too many. */
        size_t length = (size_t)prng_below(&prng, 40);
        uint8_t *bytes = mem_alloc(length);
        prng_bytes(&prng, bytes, length);
        struct reader reader = reader_make(slice_make(bytes, length));
        for (int step = 0; step < 12; step++) {
            size_t left = reader_left(&reader);
            size_t wanted = (size_t)prng_below(&prng, 20);
            uint8_t target[20];
            struct slice taken;
            switch (prng_below(&prng, 7)) {
            case 0:
                reader_u8(&reader);
                break;
            case 1:
                reader_u16(&reader);
                break;
            case 2:
                reader_u32(&reader);
                break;
            case 3:
                reader_u64(&reader);
                break;
            case 4:
                taken = reader_bytes(&reader);
                assert_true(reader_ok(&reader) || taken.length == 0);
                break;
            case 5:
                reader_copy(&reader, target, wanted);
                assert_true(reader_ok(&reader) == (left >= wanted && left != 0) || left == 0 || wanted == 0);
                break;
            default:
                taken = reader_take(&reader, prng_chance(&prng, 1, 10) ? SIZE_MAX - wanted : wanted);
                assert_true(taken.length <= left);
                break;
            }
            assert_true(reader.offset <= length);
            assert_true(reader_ok(&reader) || reader_left(&reader) == 0);
        }
        mem_free(bytes);
    }
}

static void failed_reads_answer_zero(void **state) {
    (void)state;
    uint8_t bytes[3] = {1, 2, 3};
    struct reader reader = reader_make(slice_make(bytes, 3));
    assert_int_equal(reader_u32(&reader), 0);
    assert_false(reader_ok(&reader));
    assert_int_equal(reader_u8(&reader), 0); /* for ever after */
    uint8_t target[2] = {9, 9};
    reader_copy(&reader, target, 2);
    assert_int_equal(target[0] + target[1], 0);
    assert_false(reader_done(&reader));
    /* A length that runs past the end. */
    uint8_t lying[6] = {0xFF, 0xFF, 0xFF, 0xFF, 'a', 'b'};
    reader = reader_make(slice_make(lying, 6));
    assert_int_equal(reader_bytes(&reader).length, 0);
    assert_false(reader_ok(&reader));
    reader = reader_make(slice_make(NULL, 0));
    assert_true(reader_done(&reader));
}

static void fixed_places(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 3);
    for (int round = 0; round < 1000; round++) {
        uint8_t bytes[8];
        uint64_t value = prng_u64(&prng);
        codec_put_u64(bytes, value);
        assert_true(codec_get_u64(bytes) == value);
        assert_int_equal(bytes[0], (uint8_t)value);
        assert_int_equal(codec_get_u32(bytes), (uint32_t)value);
        assert_int_equal(codec_get_u16(bytes), (uint16_t)value);
        codec_put_u64_big(bytes, value);
        assert_true(codec_get_u64_big(bytes) == value);
        assert_int_equal(bytes[7], (uint8_t)value);
        codec_put_u32_big(bytes, (uint32_t)value);
        assert_int_equal(codec_get_u32_big(bytes), (uint32_t)value);
        codec_put_u32(bytes, (uint32_t)value);
        assert_int_equal(codec_get_u32(bytes), (uint32_t)value);
        codec_put_u16(bytes, (uint16_t)value);
        assert_int_equal(codec_get_u16(bytes), (uint16_t)value);
    }
}

static void hexadecimal(void **state) {
    (void)state;
    uint8_t bytes[4] = {0x00, 0x7F, 0xAB, 0xFF};
    char text[9];
    codec_hex(text, bytes, 4);
    assert_string_equal(text, "007fabff");
    uint8_t back[4];
    assert_true(codec_unhex(back, 4, slice_text(text)));
    assert_memory_equal(back, bytes, 4);
    assert_true(codec_unhex(back, 4, slice_text("007FABff")));
    assert_memory_equal(back, bytes, 4);
    assert_false(codec_unhex(back, 4, slice_text("007fabf")));
    assert_false(codec_unhex(back, 4, slice_text("007fabff00")));
    assert_false(codec_unhex(back, 4, slice_text("007fabfg")));
    assert_false(codec_unhex(back, 4, slice_text("007fab f")));
    assert_true(codec_unhex(back, 0, slice_text("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_of_rfc_3720),
        cmocka_unit_test(crc32c_in_pieces),
        cmocka_unit_test(readers_stop_at_the_end),
        cmocka_unit_test(failed_reads_answer_zero),
        cmocka_unit_test(fixed_places),
        cmocka_unit_test(hexadecimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
