/*
 * The hash set behind `x IN (1, 2, 3, ...)`.
 *
 * Open addressing over the values themselves, at most half full, built once a statement. Integers are looked up by a
 * multiplied hash without a call; other types by the value's own hash, under which equal values of any scale or
 * padding meet.
 */
#include "sql/exec/evaluate_list.h"

#include "base/assert.h"

struct evaluate_list {
    struct value *values; /* capacity places; type TYPE_ANY: empty */
    int64_t *integers;    /* the same for integers, beside `used` */
    uint8_t *used;
    uint32_t mask;
    bool has_null;
    bool integer; /* all values are of the integer form */
};

struct evaluate_list *evaluate_list_make(struct sql_context *context, uint32_t count_max) {
    struct evaluate_list *list = sql_alloc_zero(context, 1, sizeof(*list));
    uint32_t capacity = 16;
    while (capacity < count_max * 2) {
        capacity *= 2;
    }
    list->mask = capacity - 1;
    list->values = sql_alloc(context, sizeof(struct value) * capacity);
    list->integers = sql_alloc(context, sizeof(int64_t) * capacity);
    list->used = sql_alloc_zero(context, capacity, 1);
    return list;
}

static inline uint32_t integer_slot(const struct evaluate_list *list, int64_t integer) {
    return (uint32_t)(((uint64_t)integer * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & list->mask;
}

void evaluate_list_add(struct evaluate_list *list, const struct value *value) {
    if (value->is_null) {
        list->has_null = true;
        return;
    }
    list->integer = vector_form_of(value->type) == VECTOR_INT;
    uint32_t slot = list->integer ? integer_slot(list, value->as.integer) : (uint32_t)value_hash(value, 0) & list->mask;
    while (list->used[slot]) {
        if (list->integer ? list->integers[slot] == value->as.integer
                          : value_compare(&list->values[slot], value) == 0) {
            return;
        }
        slot = (slot + 1) & list->mask;
    }
    list->used[slot] = 1;
    list->values[slot] = *value;
    list->integers[slot] = list->integer ? value->as.integer : 0;
}

static bool list_has(const struct evaluate_list *list, const struct vector *value, uint32_t row) {
    if (list->integer) {
        int64_t integer = value->integer[row];
        for (uint32_t slot = integer_slot(list, integer); list->used[slot]; slot = (slot + 1) & list->mask) {
            if (list->integers[slot] == integer) {
                return true;
            }
        }
        return false;
    }
    struct value wanted = vector_get(value, row);
    for (uint32_t slot = (uint32_t)value_hash(&wanted, 0) & list->mask; list->used[slot];
         slot = (slot + 1) & list->mask) {
        if (value_compare(&list->values[slot], &wanted) == 0) {
            return true;
        }
    }
    return false;
}

void evaluate_list_find(const struct evaluate_list *list, const struct vector *value, struct vector *result,
                        const uint16_t *rows, uint32_t count, bool negated) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i];
        if (list_has(list, value, vector_row(value, row))) {
            result->boolean[row] = !negated;
        } else if (list->has_null) {
            result->null[row] = 1;
            result->may_have_null = true;
        }
    }
}
