/*
 * Enum types: text to labels and back, and the functions that list them.
 *
 * A label carries its name, so nothing asks the catalogue to print one. Reading one does: the binder gives such calls
 * the labels that the type has at that moment, in their order, as one more argument.
 */
#include "base/assert.h"
#include "sql/func/array.h"
#include "sql/func/cast.h"
#include "sql/func/loops.h"
#include "sql/type_text.h"
#include "types/array.h"

/* The labels are the last argument, the same in each row. */
static struct array labels_argument(const struct sql_call *call, struct vector *const *arguments, uint32_t row) {
    ASSERT(call->argument_count > 0 && type_is_array(call->argument_types[call->argument_count - 1].id));
    return array_argument(call, arguments, call->argument_count - 1, row);
}

static struct slice label_of_name(const struct sql_call *call, const struct array *labels, struct slice name) {
    for (uint32_t i = 0; i < labels->count; i++) {
        struct slice label = array_get(labels, i).as.bytes;
        if (slice_equal(value_label_name(label), name)) {
            return label;
        }
    }
    struct type type = type_make(labels->element);
    sql_raise(call->context, KMB_INVALID_TEXT, call->position, "invalid input value for enum %s: \"%.*s\"",
              sql_type_text(call->context, type), (int)name.length, (const char *)name.bytes);
}

/* Of a label, or of an array of them in its text form. */
static void fn_label(SCALAR_PARAMETERS) {
    bool whole = type_is_array(call->result_type.id);
    EACH_ROW(row) {
        struct array labels = labels_argument(call, arguments, row);
        struct slice text = ARGUMENT_BYTES(0, row);
        if (call->argument_types[0].id == TYPE_BPCHAR) {
            text = value_trim_blanks(text);
        }
        if (!whole) {
            result->bytes[row] = label_of_name(call, &labels, text);
            continue;
        }
        struct value names;
        struct array array;
        enum kmb_status status =
            value_parse(type_make(TYPE_ARRAY_TEXT), text, NULL, call->arena, &names, call->context->error);
        if (status != KMB_OK) {
            sql_raise_status(call->context, status, call->position);
        }
        array_open(&names, &array);
        struct value *elements = array_values(call, &array);
        for (uint32_t i = 0; i < array.count; i++) {
            elements[i] = elements[i].is_null
                              ? value_null(labels.element)
                              : value_bytes(labels.element, label_of_name(call, &labels, elements[i].as.bytes));
        }
        array_result(call, result, row, &array.shape, elements);
    }
}

static struct array labels_some(const struct sql_call *call, struct vector *const *arguments, uint32_t row) {
    struct array labels = labels_argument(call, arguments, row);
    if (labels.count == 0) {
        sql_raise(call->context, KMB_OBJECT_NOT_IN_STATE, 0, "enum %s contains no values",
                  sql_type_text(call->context, type_make(labels.element)));
    }
    return labels;
}

static void fn_first(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct array labels = labels_some(call, arguments, row);
        result->bytes[row] = array_get(&labels, 0).as.bytes;
    }
}

static void fn_last(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct array labels = labels_some(call, arguments, row);
        result->bytes[row] = array_get(&labels, labels.count - 1).as.bytes;
    }
}

/* enum_range(any): all of them; enum_range(from, to): NULL is no bound. */
static void fn_range(SCALAR_PARAMETERS) {
    bool bounded = call->argument_count == 3;
    EACH_ROW(row) {
        struct array labels = labels_argument(call, arguments, row);
        struct value *elements = array_values(call, &labels);
        uint32_t first = 0;
        uint32_t end = labels.count;
        for (uint32_t i = 0; bounded && i < labels.count; i++) {
            struct value low = argument_value(arguments, 0, row);
            struct value high = argument_value(arguments, 1, row);
            first += !low.is_null && first == i && value_compare(&elements[i], &low) < 0;
            end = !high.is_null && end > i && value_compare(&elements[i], &high) > 0 ? i : end;
        }
        uint32_t many = first < end ? end - first : 0;
        struct array_shape shape = array_shape_of(many);
        array_result(call, result, row, &shape, elements + (many > 0 ? first : 0));
    }
}

#define READING(from)                                                                                                  \
    {                                                                                                                  \
        .class = SQL_FUNCTION_CAST, .name = "cast", .argument_count = 1, .strict = true, .volatility = SQL_STABLE,     \
        .cast_context = SQL_CAST_EXPLICIT, .arguments = {from}, .result = TYPE_ENUM, .scalar = fn_label,               \
        .labels = true, .summary = "conversion"                                                                        \
    }
#define PRINTING(to)                                                                                                   \
    {                                                                                                                  \
        .class = SQL_FUNCTION_CAST, .name = "cast", .argument_count = 1, .strict = true, .volatility = SQL_STABLE,     \
        .cast_context = SQL_CAST_ASSIGNMENT, .arguments = {TYPE_ENUM}, .result = (to), .scalar = cast_to_text,         \
        .summary = "conversion"                                                                                        \
    }
#define LISTING(name_, scalar_, result_, summary_, ...)                                                                \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .labels = true, .volatility = SQL_STABLE,                       \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
        .result = (result_), .scalar = (scalar_), .summary = (summary_)                                                \
    }

/* clang-format off */
static const struct sql_function enum_rows[] = {
    READING(TYPE_TEXT),
    READING(TYPE_VARCHAR),
    READING(TYPE_BPCHAR),
    PRINTING(TYPE_TEXT),
    PRINTING(TYPE_VARCHAR),
    PRINTING(TYPE_BPCHAR),
    LISTING("enum_first", fn_first, TYPE_ANYENUM, "first label of the argument's type", TYPE_ANYENUM),
    LISTING("enum_last", fn_last, TYPE_ANYENUM, "last label of the argument's type", TYPE_ANYENUM),
    LISTING("enum_range", fn_range, TYPE_ANYARRAY, "all labels of the argument's type, in order", TYPE_ANYENUM),
    LISTING("enum_range", fn_range, TYPE_ANYARRAY, "labels from one to another", TYPE_ANYENUM, TYPE_ANYENUM),
};
/* clang-format on */

struct function_rows function_rows_enum(void) {
    return FUNCTION_ROWS(enum_rows);
}
