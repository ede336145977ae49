/*
 * Sorting kept rows.
 *
 * A merge sort of row numbers, stable by nature. Beside each number stands a 64-bit prefix of its first key, mapped so
 * that unsigned order is the key's order, direction and NULLs included; nearly every comparison is decided by it
 * without touching the rows. Where prefixes tie (equal keys, long texts with a common start) the rows are compared key
 * by key.
 */
#include "base/assert.h"
#include "sql/exec/rowset.h"

struct sort_item {
    uint64_t prefix;
    uint32_t row;
};

/* <0, 0, >0: the elements of one key, NULLs and direction honoured. */
static inline int key_compare(const struct rowset_key *key, const struct vector *x, uint32_t row_x,
                              const struct vector *y, uint32_t row_y) {
    bool null_x = vector_is_null(x, row_x);
    bool null_y = vector_is_null(y, row_y);
    if (null_x || null_y) {
        return null_x == null_y ? 0 : null_x == key->nulls_first ? -1 : 1;
    }
    int order = vector_compare(x, row_x, y, row_y);
    return key->descending ? (order < 0) - (order > 0) : order;
}

static int compare_from(const struct rowset *rowset, const struct rowset_key *keys, uint32_t key_count, uint32_t a,
                        uint32_t b) {
    int order = 0;
    for (uint32_t i = 0; order == 0 && i < key_count; i++) {
        uint32_t place_a = 0;
        uint32_t place_b = 0;
        const struct vector *x = rowset_at(rowset, keys[i].column, a, &place_a);
        const struct vector *y = rowset_at(rowset, keys[i].column, b, &place_b);
        order = key_compare(&keys[i], x, place_a, y, place_b);
    }
    return order;
}

int vectors_compare(const struct rowset_key *keys, uint32_t key_count, const struct vector *const *a, uint32_t row_a,
                    const struct vector *const *b, uint32_t row_b) {
    int order = 0;
    for (uint32_t i = 0; order == 0 && i < key_count; i++) {
        const struct vector *x = a[keys[i].column];
        const struct vector *y = b[keys[i].column];
        order = key_compare(&keys[i], x, vector_row(x, row_a), y, vector_row(y, row_b));
    }
    return order;
}

int rowset_compare(const struct rowset *rowset, const struct rowset_key *keys, uint32_t key_count, uint32_t a,
                   uint32_t b) {
    int order = compare_from(rowset, keys, key_count, a, b);
    return order != 0 ? order : (a > b) - (a < b);
}

#define SIGN_BIT (UINT64_C(1) << 63)

/* Unsigned order of the answer never contradicts the order of the values. */
static uint64_t value_prefix(const struct vector *vector, uint32_t row) {
    uint64_t bits = 0;
    double real = 0;
    struct slice bytes;
    switch (vector->form) {
    case VECTOR_BOOL:
        return vector->boolean[row];
    case VECTOR_INT:
        return (uint64_t)vector->integer[row] ^ SIGN_BIT;
    case VECTOR_TIMESTAMP:
        return (uint64_t)vector->timestamp[row].us ^ SIGN_BIT;
    case VECTOR_REAL:
        real = vector->real[row];
        if (real != real) {
            return UINT64_MAX;
        }
        real = real == 0 ? 0 : real;
        memcpy(&bits, &real, sizeof bits);
        return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
    case VECTOR_BYTES:
        if (vector->type.id == TYPE_JSONB || type_is_array(vector->type.id)) {
            return 0; /* its order is not that of its bytes */
        }
        bytes = vector->type.id == TYPE_BPCHAR ? value_trim_blanks(vector->bytes[row]) : vector->bytes[row];
        for (size_t i = 0; i < 8; i++) {
            bits = bits << 8 | (i < bytes.length ? bytes.bytes[i] : 0);
        }
        return bits;
    case VECTOR_UUID:
        for (size_t i = 0; i < 8; i++) {
            bits = bits << 8 | vector->uuid[row][i];
        }
        return bits;
    case VECTOR_DECIMAL:
    case VECTOR_INTERVAL:
        return 0; /* decided by the full comparison */
    }
    UNREACHABLE("vector form");
}

/* One bit is given to NULLs: the value's prefix loses its lowest. */
static uint64_t key_prefix(const struct rowset *rowset, const struct rowset_key *key, uint32_t row) {
    uint32_t place = 0;
    const struct vector *vector = rowset_at(rowset, key->column, row, &place);
    if (vector_is_null(vector, place)) {
        return key->nulls_first ? 0 : UINT64_MAX;
    }
    uint64_t prefix = value_prefix(vector, place);
    prefix = (key->descending ? ~prefix : prefix) >> 1;
    return key->nulls_first ? prefix | SIGN_BIT : prefix;
}

#define ROWS_UNASKED 16384 /* a pass over so many takes a millisecond or a few */

struct sorter {
    const struct rowset *rowset;
    const struct rowset_key *keys;
    uint32_t key_count;
};

static inline bool before_or_equal(const struct sorter *sorter, const struct sort_item *a, const struct sort_item *b) {
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix;
    }
    return compare_from(sorter->rowset, sorter->keys, sorter->key_count, a->row, b->row) <= 0;
}

/* Called for each row that a pass over all of them takes. */
static inline void row_passed(const struct sorter *sorter, uint32_t row) {
    if (row % ROWS_UNASKED == 0) {
        sql_check_cancel(sorter->rowset->context);
    }
}

static void merge(const struct sorter *sorter, const struct sort_item *from, struct sort_item *to, uint32_t low,
                  uint32_t middle, uint32_t high) {
    uint32_t left = low;
    uint32_t right = middle;
    for (uint32_t at = low; at < high; at++) {
        row_passed(sorter, at);
        bool take_left = left < middle && (right >= high || before_or_equal(sorter, &from[left], &from[right]));
        to[at] = take_left ? from[left++] : from[right++];
    }
}

#define RUN_ROWS 16

static void insertion_sort(const struct sorter *sorter, struct sort_item *items, uint32_t low, uint32_t high) {
    for (uint32_t i = low + 1; i < high; i++) {
        struct sort_item item = items[i];
        uint32_t at = i;
        while (at > low && !before_or_equal(sorter, &items[at - 1], &item)) {
            items[at] = items[at - 1];
            at--;
        }
        items[at] = item;
    }
}

void rowset_sort(const struct rowset *rowset, const struct rowset_key *keys, uint32_t key_count, uint32_t *order,
                 uint32_t count) {
    struct sorter sorter = {.rowset = rowset, .keys = keys, .key_count = key_count};
    if (key_count == 0 || count == 0) {
        for (uint32_t i = 0; i < count; i++) {
            order[i] = i;
        }
        return;
    }
    struct arena_mark mark = arena_mark(&rowset->context->arena);
    struct sort_item *items = sql_alloc(rowset->context, sizeof(*items) * count);
    struct sort_item *other = sql_alloc(rowset->context, sizeof(*other) * count);
    for (uint32_t i = 0; i < count; i++) {
        row_passed(&sorter, i);
        items[i] = (struct sort_item){.prefix = key_prefix(rowset, &keys[0], i), .row = i};
    }
    for (uint32_t low = 0; low < count; low += RUN_ROWS) {
        row_passed(&sorter, low);
        insertion_sort(&sorter, items, low, count - low < RUN_ROWS ? count : low + RUN_ROWS);
    }
    for (uint64_t width = RUN_ROWS; width < count; width *= 2) {
        for (uint64_t low = 0; low < count; low += 2 * width) {
            uint64_t middle = low + width < count ? low + width : count;
            uint64_t high = low + 2 * width < count ? low + 2 * width : count;
            merge(&sorter, items, other, (uint32_t)low, (uint32_t)middle, (uint32_t)high);
        }
        struct sort_item *swap = items;
        items = other;
        other = swap;
    }
    for (uint32_t i = 0; i < count; i++) {
        order[i] = items[i].row;
    }
    arena_rewind(&rowset->context->arena, mark);
}
