/* Buffers: what is appended is there, failure is sticky, integers are little-endian. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/codec.h"
#include "base/memory.h"

#include <string.h>

static void appends_arrive(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_append_text(&buffer, "ab");
    buffer_append_byte(&buffer, 'c');
    buffer_append_slice(&buffer, slice_text("def"));
    buffer_printf(&buffer, "%d-%s", 42, "x");
    buffer_append(&buffer, NULL, 0);
    assert_string_equal(buffer_text(&buffer), "abcdef42-x");
    assert_int_equal(buffer.length, 10);
    assert_true(slice_equal_text(buffer_slice(&buffer), "abcdef42-x"));
    buffer_clear(&buffer);
    assert_int_equal(buffer.length, 0);
    for (int i = 0; i < 100000; i++) {
        buffer_append_byte(&buffer, (uint8_t)i);
    }
    assert_true(buffer_ok(&buffer));
    for (size_t i = 0; i < 100000; i++) {
        assert_int_equal(buffer.bytes[i], (uint8_t)i);
    }
    buffer_free(&buffer);
    assert_null(buffer.bytes);
}

static void integers_are_little_endian(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_u8(&buffer, 0x01);
    buffer_u16(&buffer, 0x0302);
    buffer_u32(&buffer, 0x07060504);
    buffer_u64(&buffer, UINT64_C(0x0F0E0D0C0B0A0908));
    buffer_i64(&buffer, -2);
    buffer_bytes(&buffer, slice_text("hi"));
    static const uint8_t expected[] = {1,    2,    3,    4,    5,    6,    7,    8,    9, 10, 11, 12, 13,  14, 15,
                                       0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0,  0,  0,  'h', 'i'};
    assert_true(slice_equal(buffer_slice(&buffer), slice_make(expected, sizeof(expected))));
    struct reader reader = reader_make(buffer_slice(&buffer));
    assert_int_equal(reader_u8(&reader), 1);
    assert_int_equal(reader_u16(&reader), 0x0302);
    assert_int_equal(reader_u32(&reader), 0x07060504);
    assert_true(reader_u64(&reader) == UINT64_C(0x0F0E0D0C0B0A0908));
    assert_true(reader_i64(&reader) == -2);
    assert_true(slice_equal_text(reader_bytes(&reader), "hi"));
    assert_true(reader_done(&reader));
    buffer_free(&buffer);
}

static void failure_is_sticky(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_append_text(&buffer, "kept");
    mem_fail_plan(1);
    uint8_t big[1000] = {0};
    buffer_append(&buffer, big, sizeof(big));
    mem_fail_plan(0);
    assert_false(buffer_ok(&buffer));
    buffer_append_text(&buffer, "x");
    buffer_u64(&buffer, 1);
    buffer_printf(&buffer, "%d", 1);
    assert_null(buffer_extend(&buffer, 1));
    assert_null(buffer_text(&buffer));
    assert_int_equal(buffer.length, 4);
    buffer_clear(&buffer);
    buffer_append_text(&buffer, "again");
    assert_string_equal(buffer_text(&buffer), "again");
    assert_false(buffer_reserve(&buffer, SIZE_MAX - 2)); /* the sum would wrap */
    assert_false(buffer_ok(&buffer));
    buffer_free(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_arrive),
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(failure_is_sticky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
