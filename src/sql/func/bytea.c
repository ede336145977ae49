/*
 * Functions of bytes that text has too, counted in bytes here: trim, overlay, LIKE; and single bytes and bits.
 */
#include "base/assert.h"
#include "sql/func/like.h"
#include "sql/func/loops.h"

static bool in_set(struct slice set, uint8_t byte) {
    return set.length > 0 && memchr(set.bytes, byte, set.length) != NULL;
}

static void trim_rows(SCALAR_PARAMETERS, bool front, bool back) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        struct slice set = ARGUMENT_BYTES(1, row);
        size_t from = 0;
        size_t to = bytes.length;
        while (front && from < to && in_set(set, bytes.bytes[from])) {
            from++;
        }
        while (back && to > from && in_set(set, bytes.bytes[to - 1])) {
            to--;
        }
        result->bytes[row] = slice_make(bytes.length == 0 ? bytes.bytes : bytes.bytes + from, to - from);
    }
}

static void fn_btrim(SCALAR_PARAMETERS) {
    trim_rows(call, arguments, result, selection, count, true, true);
}

static void fn_ltrim(SCALAR_PARAMETERS) {
    trim_rows(call, arguments, result, selection, count, true, false);
}

static void fn_rtrim(SCALAR_PARAMETERS) {
    trim_rows(call, arguments, result, selection, count, false, true);
}

static struct slice joined(const struct sql_call *call, const struct slice *parts, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += parts[i].length;
    }
    uint8_t *target = result_bytes(call, size);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].length > 0) {
            memcpy(target + used, parts[i].bytes, parts[i].length);
        }
        used += parts[i].length;
    }
    return slice_make(target, size);
}

/* overlay(bytes placing new from start [for length]) */
static void fn_overlay(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        struct slice with = ARGUMENT_BYTES(1, row);
        int64_t start = ARGUMENT_INT(2, row);
        int64_t length = call->argument_count == 4 ? ARGUMENT_INT(3, row) : (int64_t)with.length;
        if (start <= 0) {
            sql_raise(call->context, KMB_SUBSTRING_ERROR, call->position, "negative substring length not allowed");
        }
        int64_t resume = start + length; /* both are int4 */
        if (resume > INT32_MAX || resume < INT32_MIN) {
            sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "integer out of range");
        }
        size_t head = start - 1 < (int64_t)bytes.length ? (size_t)(start - 1) : bytes.length;
        size_t tail = resume <= 1 ? 0 : resume - 1 < (int64_t)bytes.length ? (size_t)(resume - 1) : bytes.length;
        struct slice rest =
            tail < bytes.length ? slice_make(bytes.bytes + tail, bytes.length - tail) : slice_make(NULL, 0);
        result->bytes[row] = joined(call, (struct slice[]){slice_make(bytes.bytes, head), with, rest}, 3);
    }
}

/* --- single bytes and bits, counted from 0; the first bit is the lowest of the first byte --- */

static size_t index_of(const struct sql_call *call, int64_t index, struct slice bytes, int64_t units) {
    int64_t count = (int64_t)bytes.length * units;
    if (index < 0 || index >= count) {
        sql_raise(call->context, KMB_ARRAY_SUBSCRIPT, call->position, "index %lld out of valid range, 0..%lld",
                  (long long)index, (long long)count - 1);
    }
    return (size_t)index;
}

static uint8_t *copied(const struct sql_call *call, struct slice bytes) {
    uint8_t *copy = result_bytes(call, bytes.length);
    ASSERT(bytes.length > 0);
    memcpy(copy, bytes.bytes, bytes.length);
    return copy;
}

static void fn_get_byte(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        result->integer[row] = bytes.bytes[index_of(call, ARGUMENT_INT(1, row), bytes, 1)];
    }
}

static void fn_set_byte(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        size_t index = index_of(call, ARGUMENT_INT(1, row), bytes, 1);
        uint8_t *copy = copied(call, bytes);
        copy[index] = (uint8_t)ARGUMENT_INT(2, row);
        result->bytes[row] = slice_make(copy, bytes.length);
    }
}

static void fn_get_bit(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        size_t index = index_of(call, ARGUMENT_INT(1, row), bytes, 8);
        result->integer[row] = bytes.bytes[index / 8] >> (index % 8) & 1;
    }
}

static void fn_set_bit(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        size_t index = index_of(call, ARGUMENT_INT(1, row), bytes, 8);
        int64_t bit = ARGUMENT_INT(2, row);
        if (bit != 0 && bit != 1) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "new bit must be 0 or 1");
        }
        uint8_t *copy = copied(call, bytes);
        uint8_t mask = (uint8_t)(1u << (index % 8));
        copy[index / 8] = (uint8_t)(bit != 0 ? copy[index / 8] | mask : copy[index / 8] & ~mask);
        result->bytes[row] = slice_make(copy, bytes.length);
    }
}

/* --- LIKE --- */

static void like_rows(SCALAR_PARAMETERS, bool negated) {
    bool bad_escape = false;
    EACH_ROW(row) {
        struct like_pattern pattern = like_prepare(ARGUMENT_BYTES(1, row));
        pattern.of_bytes = true;
        result->boolean[row] = like_match(&pattern, ARGUMENT_BYTES(0, row), &bad_escape) != negated;
    }
    if (bad_escape) {
        sql_raise(call->context, KMB_INVALID_ESCAPE, call->position, "LIKE pattern must not end with escape character");
    }
}

static void fn_like(SCALAR_PARAMETERS) {
    like_rows(call, arguments, result, selection, count, false);
}

static void fn_not_like(SCALAR_PARAMETERS) {
    like_rows(call, arguments, result, selection, count, true);
}

/* like_escape(pattern, escape): the same pattern with \ as its escape byte. */
static void fn_like_escape(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice pattern = ARGUMENT_BYTES(0, row);
        struct slice escape = ARGUMENT_BYTES(1, row);
        if (escape.length > 1) {
            sql_raise_with(call->context, KMB_INVALID_ESCAPE, call->position, NULL,
                           "Escape string must be empty or one character.", "invalid escape string");
        }
        uint8_t *target = result_bytes(call, pattern.length * 2);
        size_t length = 0;
        bool after_escape = false;
        for (size_t i = 0; i < pattern.length; i++) {
            uint8_t byte = pattern.bytes[i];
            bool escapes = escape.length == 1 && byte == escape.bytes[0] && !after_escape;
            if (escapes || (byte == '\\' && !after_escape)) {
                target[length++] = '\\';
            }
            if (!escapes) {
                target[length++] = byte;
            }
            after_escape = escapes;
        }
        result->bytes[row] = slice_make(target, length);
    }
}

/* clang-format off */
static const struct sql_function bytea_rows[] = {
    FN("btrim", fn_btrim, TYPE_BYTEA, "without the given bytes at both ends", TYPE_BYTEA, TYPE_BYTEA),
    FN("ltrim", fn_ltrim, TYPE_BYTEA, "without the given bytes at the start", TYPE_BYTEA, TYPE_BYTEA),
    FN("rtrim", fn_rtrim, TYPE_BYTEA, "without the given bytes at the end", TYPE_BYTEA, TYPE_BYTEA),
    FN("overlay", fn_overlay, TYPE_BYTEA, "with a part replaced, from a place on", TYPE_BYTEA, TYPE_BYTEA, TYPE_INT4),
    FN("overlay", fn_overlay, TYPE_BYTEA, "with a part of a length replaced, from a place on", TYPE_BYTEA, TYPE_BYTEA,
       TYPE_INT4, TYPE_INT4),
    FN("get_byte", fn_get_byte, TYPE_INT4, "byte at a place, counted from 0", TYPE_BYTEA, TYPE_INT4),
    FN("set_byte", fn_set_byte, TYPE_BYTEA, "with another byte at a place", TYPE_BYTEA, TYPE_INT4, TYPE_INT4),
    FN("get_bit", fn_get_bit, TYPE_INT4, "bit at a place, counted from 0", TYPE_BYTEA, TYPE_INT8),
    FN("set_bit", fn_set_bit, TYPE_BYTEA, "with another bit at a place", TYPE_BYTEA, TYPE_INT8, TYPE_INT4),
    FN("like_escape", fn_like_escape, TYPE_BYTEA, "LIKE pattern with another escape byte", TYPE_BYTEA, TYPE_BYTEA),
    OP("~~", fn_like, TYPE_BOOL, "LIKE", TYPE_BYTEA, TYPE_BYTEA),
    OP("!~~", fn_not_like, TYPE_BOOL, "NOT LIKE", TYPE_BYTEA, TYPE_BYTEA),
};
/* clang-format on */

struct function_rows function_rows_bytea(void) {
    return FUNCTION_ROWS(bytea_rows);
}
