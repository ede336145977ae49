/*
 * Arrays: comparison, elements looked for in them, and arrays to and from text with separators.
 *
 * Two elements are the same when they are not distinct; in @>, <@ and && a NULL is never the same as anything.
 */
#include "sql/func/array.h"

#include <string.h>

#include "sql/func/cast.h"
#include "sql/func/loops.h"

/* --- comparison --- */

static int order_of(const struct sql_call *call, struct vector *const *arguments, uint32_t row) {
    return array_compare(call->argument_types[0].id, ARGUMENT_BYTES(0, row), ARGUMENT_BYTES(1, row));
}

#define ARRAY_COMPARISON(name, relation)                                                                               \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        EACH_ROW(row) {                                                                                                \
            result->boolean[row] = order_of(call, arguments, row) relation 0;                                          \
        }                                                                                                              \
    }
ARRAY_COMPARISON(fn_eq, ==)
ARRAY_COMPARISON(fn_ne, !=)
ARRAY_COMPARISON(fn_lt, <)
ARRAY_COMPARISON(fn_le, <=)
ARRAY_COMPARISON(fn_gt, >)
ARRAY_COMPARISON(fn_ge, >=)

/* --- @>, <@, && --- */

#define SORTED_MIN 16 /* of so many elements, looking one up goes by a table of hashes */

/* The elements of an array, by hash. */
struct element_set {
    const struct array *array;
    uint32_t *slots; /* index + 1; 0: free; NULL: the array is short */
    uint32_t mask;
};

static struct element_set set_of(const struct sql_call *call, const struct array *array) {
    struct element_set set = {.array = array};
    if (array->count < SORTED_MIN) {
        return set;
    }
    uint32_t capacity = 64;
    while (capacity < array->count * 2) {
        capacity *= 2;
    }
    set.mask = capacity - 1;
    set.slots = (uint32_t *)(void *)result_bytes(call, sizeof(uint32_t) * capacity);
    memset(set.slots, 0, sizeof(uint32_t) * capacity);
    for (uint32_t i = 0; i < array->count; i++) {
        struct value element = array_get(array, i);
        uint32_t at = (uint32_t)value_hash(&element, 0) & set.mask;
        while (set.slots[at] != 0) {
            at = (at + 1) & set.mask;
        }
        set.slots[at] = i + 1;
    }
    return set;
}

static bool set_has(const struct element_set *set, const struct value *value) {
    if (value->is_null) {
        return false;
    }
    if (set->slots == NULL) {
        for (uint32_t i = 0; i < set->array->count; i++) {
            struct value element = array_get(set->array, i);
            if (!element.is_null && value_compare(&element, value) == 0) {
                return true;
            }
        }
        return false;
    }
    for (uint32_t at = (uint32_t)value_hash(value, 0) & set->mask; set->slots[at] != 0; at = (at + 1) & set->mask) {
        struct value element = array_get(set->array, set->slots[at] - 1);
        if (!element.is_null && value_compare(&element, value) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether all (else: any) elements of the one argument are in the other. */
static void contain_rows(SCALAR_PARAMETERS, uint32_t whole, bool all) {
    EACH_ROW(row) {
        struct array within = array_argument(call, arguments, whole, row);
        struct array parts = array_argument(call, arguments, 1 - whole, row);
        struct element_set set = set_of(call, &within);
        bool decided = false;
        for (uint32_t i = 0; i < parts.count && !decided; i++) {
            struct value part = array_get(&parts, i);
            decided = set_has(&set, &part) != all;
        }
        result->boolean[row] = decided != all;
    }
}

static void fn_contains(SCALAR_PARAMETERS) {
    contain_rows(call, arguments, result, selection, count, 0, true);
}
static void fn_contained(SCALAR_PARAMETERS) {
    contain_rows(call, arguments, result, selection, count, 1, true);
}
static void fn_overlaps(SCALAR_PARAMETERS) {
    contain_rows(call, arguments, result, selection, count, 0, false);
}

/* --- places --- */

static bool same(const struct value *a, const struct value *b) {
    return value_compare_nulls_last(a, b) == 0;
}

static void check_searchable(const struct sql_call *call, const struct array *array) {
    if (array->shape.dimensions > 1) {
        sql_raise(call->context, KMB_UNSUPPORTED, call->position,
                  "searching for elements in multidimensional arrays is not supported");
    }
}

static void position_row(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                         uint32_t row) {
    result_null(result, row);
    if (argument_null(arguments, 0, row)) {
        return;
    }
    struct array array = array_argument(call, arguments, 0, row);
    check_searchable(call, &array);
    if (call->argument_count > 2 && argument_null(arguments, 2, row)) {
        sql_raise(call->context, KMB_NULL_NOT_ALLOWED, call->position, "initial position must not be null");
    }
    struct value wanted = argument_value(arguments, 1, row);
    int64_t first = call->argument_count > 2 ? ARGUMENT_INT(2, row) : INT64_MIN;
    for (uint32_t i = 0; i < array.count; i++) {
        struct value element = array_get(&array, i);
        int64_t position = (int64_t)array.shape.lowers[0] + i;
        if (position >= first && same(&element, &wanted)) {
            result->null[row] = 0;
            result->integer[row] = position;
            return;
        }
    }
}

static void fn_position(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        position_row(call, arguments, result, row);
    }
}

static void fn_positions(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        if (argument_null(arguments, 0, row)) {
            result_null(result, row);
            continue;
        }
        struct array array = array_argument(call, arguments, 0, row);
        check_searchable(call, &array);
        struct value wanted = argument_value(arguments, 1, row);
        struct value *places = (struct value *)(void *)result_bytes(call, sizeof(*places) * ((size_t)array.count + 1));
        uint32_t found = 0;
        for (uint32_t i = 0; i < array.count; i++) {
            struct value element = array_get(&array, i);
            if (same(&element, &wanted)) {
                places[found++] = value_integer(TYPE_INT4, (int64_t)array.shape.lowers[0] + i);
            }
        }
        struct array_shape shape = array_shape_of(found);
        array_result(call, result, row, &shape, places);
    }
}

static void fn_remove(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        if (argument_null(arguments, 0, row)) {
            result_null(result, row);
            continue;
        }
        struct array array = array_argument(call, arguments, 0, row);
        if (array.shape.dimensions > 1) {
            sql_raise(call->context, KMB_UNSUPPORTED, call->position,
                      "removing elements from multidimensional arrays is not supported");
        }
        struct value wanted = argument_value(arguments, 1, row);
        struct value *elements = array_values(call, &array);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < array.count; i++) {
            elements[kept] = elements[i];
            kept += !same(&elements[i], &wanted);
        }
        struct array_shape shape = array_shape_of(kept);
        shape.lowers[0] = array.shape.lowers[0];
        array_result(call, result, row, &shape, elements);
    }
}

static void fn_replace(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        if (argument_null(arguments, 0, row)) {
            result_null(result, row);
            continue;
        }
        struct array array = array_argument(call, arguments, 0, row);
        struct value wanted = argument_value(arguments, 1, row);
        struct value other = argument_value(arguments, 2, row);
        struct value *elements = array_values(call, &array);
        for (uint32_t i = 0; i < array.count; i++) {
            elements[i] = same(&elements[i], &wanted) ? other : elements[i];
        }
        array_result(call, result, row, &array.shape, elements);
    }
}

/* --- texts --- */

/* The output text of an element: not that of a cast, which calls a boolean "true". */
static struct slice element_text(const struct sql_call *call, const struct value *element) {
    if (element->type == TYPE_BOOL) {
        return slice_text(element->as.boolean ? "t" : "f");
    }
    return cast_text_of(call, element);
}

static void to_string_row(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                          uint32_t row) {
    if (argument_null(arguments, 0, row) || argument_null(arguments, 1, row)) {
        result_null(result, row);
        return;
    }
    struct array array = array_argument(call, arguments, 0, row);
    struct slice separator = ARGUMENT_BYTES(1, row);
    bool shown = call->argument_count > 2 && !argument_null(arguments, 2, row);
    struct slice *parts = (struct slice *)(void *)result_bytes(call, sizeof(*parts) * ((size_t)array.count + 1));
    uint32_t count = 0;
    size_t length = 0;
    for (uint32_t i = 0; i < array.count; i++) {
        struct value element = array_get(&array, i);
        if (element.is_null && !shown) {
            continue;
        }
        parts[count] = element.is_null ? ARGUMENT_BYTES(2, row) : element_text(call, &element);
        length += parts[count].length + (count > 0 ? separator.length : 0);
        count++;
    }
    if (length >= 1u << 30) {
        sql_raise(call->context, KMB_LIMIT, call->position, "text of %zu bytes is too long", length);
    }
    uint8_t *text = result_bytes(call, length);
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct slice pieces[2] = {i > 0 ? separator : slice_make(NULL, 0), parts[i]};
        for (int k = 0; k < 2; k++) {
            if (pieces[k].length > 0) {
                memcpy(text + at, pieces[k].bytes, pieces[k].length);
            }
            at += pieces[k].length;
        }
    }
    result->bytes[row] = slice_make(text, length);
}

static void fn_to_string(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        to_string_row(call, arguments, result, row);
    }
}

/* Bytes of the first part of a text; *skip: of what stands behind it. No separator (NULL): one character. */
static size_t part_length(struct slice text, const struct slice *separator, size_t *skip) {
    *skip = 0;
    if (separator == NULL) {
        size_t length = 1;
        while (length < text.length && (text.bytes[length] & 0xC0) == 0x80) {
            length++;
        }
        return length;
    }
    const uint8_t *found =
        separator->length == 0 ? NULL : memmem(text.bytes, text.length, separator->bytes, separator->length);
    *skip = found == NULL ? 0 : separator->length;
    return found == NULL ? text.length : (size_t)(found - text.bytes);
}

/* Sets elements (or counts them only, where it is NULL) and answers how many there are. */
static uint32_t split(struct slice text, const struct slice *separator, const struct slice *null,
                      struct value *elements) {
    uint32_t count = 0;
    bool more = text.length > 0;
    while (more) {
        size_t skip;
        size_t length = part_length(text, separator, &skip);
        struct slice part = slice_make(text.bytes, length);
        if (elements != NULL) {
            elements[count] = null != NULL && slice_equal(part, *null) ? value_null(TYPE_TEXT) : value_text(part);
        }
        count++;
        text = slice_make(text.bytes + length + skip, text.length - length - skip);
        more = separator == NULL ? text.length > 0 : skip > 0; /* "a," has an empty part at its end */
    }
    return count;
}

static void fn_of_string(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        if (argument_null(arguments, 0, row)) {
            result_null(result, row);
            continue;
        }
        bool each = argument_null(arguments, 1, row);
        bool nulls = call->argument_count > 2 && !argument_null(arguments, 2, row);
        struct slice separator = each ? slice_make(NULL, 0) : ARGUMENT_BYTES(1, row);
        struct slice null = nulls ? ARGUMENT_BYTES(2, row) : slice_make(NULL, 0);
        struct slice text = ARGUMENT_BYTES(0, row);
        uint32_t parts = split(text, each ? NULL : &separator, nulls ? &null : NULL, NULL);
        struct value *elements = (struct value *)(void *)result_bytes(call, sizeof(*elements) * ((size_t)parts + 1));
        (void)split(text, each ? NULL : &separator, nulls ? &null : NULL, elements);
        struct array_shape shape = array_shape_of(parts);
        array_result(call, result, row, &shape, elements);
    }
}

/* --- width_bucket --- */

/* How many of the ascending thresholds are not above the operand. */
static void fn_bucket(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct array thresholds = array_argument(call, arguments, 1, row);
        struct value operand = argument_value(arguments, 0, row);
        if (thresholds.shape.dimensions > 1) {
            sql_raise(call->context, KMB_ARRAY_SUBSCRIPT, call->position, "thresholds must be one-dimensional array");
        }
        if (array_has_null(&thresholds)) {
            sql_raise(call->context, KMB_NULL_NOT_ALLOWED, call->position, "thresholds array must not contain NULLs");
        }
        uint32_t low = 0;
        uint32_t high = thresholds.count;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            struct value threshold = array_get(&thresholds, middle);
            if (value_compare(&operand, &threshold) < 0) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        result->integer[row] = low;
    }
}

/* --- the table --- */

#define LOOSE_FN(name_, scalar_, result_, volatility_, summary_, ...)                                                  \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = (result_),                       \
        .summary = (summary_), .volatility = (volatility_),                                                            \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }
#define COMPARISON(name_, commutator_, scalar_, summary_)                                                              \
    {                                                                                                                  \
        .class = SQL_FUNCTION_OPERATOR, .name = (name_), .argument_count = 2, .strict = true,                          \
        .arguments = {TYPE_ANYARRAY, TYPE_ANYARRAY}, .result = TYPE_BOOL, .scalar = (scalar_),                         \
        .commutator = (commutator_), .summary = (summary_)                                                             \
    }

/* clang-format off */
static const struct sql_function array_search_rows[] = {
    COMPARISON("=", "=", fn_eq, "equal"),
    COMPARISON("<>", "<>", fn_ne, "not equal"),
    COMPARISON("<", ">", fn_lt, "less than"),
    COMPARISON("<=", ">=", fn_le, "less than or equal"),
    COMPARISON(">", "<", fn_gt, "greater than"),
    COMPARISON(">=", "<=", fn_ge, "greater than or equal"),
    OP("@>", fn_contains, TYPE_BOOL, "whether the left has all elements of the right", TYPE_ANYARRAY, TYPE_ANYARRAY),
    OP("<@", fn_contained, TYPE_BOOL, "whether the right has all elements of the left", TYPE_ANYARRAY, TYPE_ANYARRAY),
    OP("&&", fn_overlaps, TYPE_BOOL, "whether they have an element in common", TYPE_ANYARRAY, TYPE_ANYARRAY),
    LOOSE_FN("array_position", fn_position, TYPE_INT4, SQL_IMMUTABLE, "subscript of the first such element", TYPE_ANYCOMPATIBLEARRAY, TYPE_ANYCOMPATIBLE),
    LOOSE_FN("array_position", fn_position, TYPE_INT4, SQL_IMMUTABLE, "the same, from a subscript on", TYPE_ANYCOMPATIBLEARRAY, TYPE_ANYCOMPATIBLE, TYPE_INT4),
    LOOSE_FN("array_positions", fn_positions, TYPE_ARRAY_INT4, SQL_IMMUTABLE, "subscripts of all such elements", TYPE_ANYCOMPATIBLEARRAY, TYPE_ANYCOMPATIBLE),
    LOOSE_FN("array_remove", fn_remove, TYPE_ANYCOMPATIBLEARRAY, SQL_IMMUTABLE, "without such elements", TYPE_ANYCOMPATIBLEARRAY, TYPE_ANYCOMPATIBLE),
    LOOSE_FN("array_replace", fn_replace, TYPE_ANYCOMPATIBLEARRAY, SQL_IMMUTABLE, "with another in place of such elements", TYPE_ANYCOMPATIBLEARRAY, TYPE_ANYCOMPATIBLE, TYPE_ANYCOMPATIBLE),
    FN("width_bucket", fn_bucket, TYPE_INT4, "number of the bucket between ascending thresholds", TYPE_ANYCOMPATIBLE, TYPE_ANYCOMPATIBLEARRAY),
    LOOSE_FN("array_to_string", fn_to_string, TYPE_TEXT, SQL_STABLE, "elements as text, with a separator between", TYPE_ANYARRAY, TYPE_TEXT),
    LOOSE_FN("array_to_string", fn_to_string, TYPE_TEXT, SQL_STABLE, "the same, with a text for NULLs", TYPE_ANYARRAY, TYPE_TEXT, TYPE_TEXT),
    LOOSE_FN("string_to_array", fn_of_string, TYPE_ARRAY_TEXT, SQL_IMMUTABLE, "the parts between separators; NULL: each character", TYPE_TEXT, TYPE_TEXT),
    LOOSE_FN("string_to_array", fn_of_string, TYPE_ARRAY_TEXT, SQL_IMMUTABLE, "the same, with NULL for parts equal to the third", TYPE_TEXT, TYPE_TEXT, TYPE_TEXT),
};
/* clang-format on */

struct function_rows function_rows_array_search(void) {
    return FUNCTION_ROWS(array_search_rows);
}
