/*
 * json_agg, json_object_agg and their jsonb forms: rows put together to one JSON text.
 *
 * A state is the text so far, without what closes it; NULL is a value like any other. jsonb is brought to its normal
 * text when it is finished, and not with each row: of equal keys the last then counts, as it must.
 */
#include "sql/func/aggregate.h"
#include "sql/func/json_path.h"
#include "sql/func/loops.h"
#include "sql/func/record.h"

struct json_state {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
};

static void state_append(const struct sql_call *call, struct json_state *at, struct slice text) {
    if (at->length + text.length > at->capacity) {
        size_t capacity = (at->length + text.length) * 2 + 16;
        uint8_t *bytes = result_bytes(call, capacity);
        if (at->length > 0) {
            memcpy(bytes, at->bytes, at->length);
        }
        at->bytes = bytes;
        at->capacity = capacity;
    }
    if (text.length > 0) {
        memcpy(at->bytes + at->length, text.bytes, text.length);
    }
    at->length += text.length;
}

/* What was written to the buffer, moved behind the state's text. */
static void state_take(const struct sql_call *call, struct json_state *at, struct buffer *out) {
    if (!buffer_ok(out)) {
        sql_raise(call->context, KMB_NO_MEMORY, call->position, "out of memory");
    }
    state_append(call, at, buffer_slice(out));
    buffer_clear(out);
}

static void add_element(const struct sql_call *call, struct json_state *at, struct vector *const *arguments,
                        uint32_t row, struct buffer *out) {
    bool line = type_is_array(call->argument_types[0].id) && !argument_null(arguments, 0, row); /* of its own */
    buffer_append_text(out, at->length == 0 ? "[" : line ? ", \n " : ", ");
    json_append_value(call, arguments, 0, row, out);
    state_take(call, at, out);
}

/* Of rows, which are JSON already. */
static void add_row(const struct sql_call *call, struct json_state *at, struct vector *const *arguments, uint32_t row,
                    struct buffer *out) {
    bool line = !argument_null(arguments, 0, row);
    buffer_append_text(out, at->length == 0 ? "[" : line ? ", \n " : ", ");
    json_append_value(call, arguments, 0, row, out);
    state_take(call, at, out);
}

static void add_member(const struct sql_call *call, struct json_state *at, struct vector *const *arguments,
                       uint32_t row, struct buffer *out) {
    if (argument_null(arguments, 0, row)) {
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "field name must not be null");
    }
    buffer_append_text(out, at->length == 0 ? "{ " : ", ");
    json_append_key(call, arguments, 0, row, out);
    buffer_append_text(out, " : ");
    json_append_value(call, arguments, 1, row, out);
    state_take(call, at, out);
}

#define JSON_ADDERS(prefix, add_one)                                                                                   \
    static void prefix##_add(const struct sql_call *call, void *const *states, struct vector *const *arguments,        \
                             const uint16_t *selection, uint32_t count) {                                              \
        struct buffer *out = json_buffer(call);                                                                        \
        for (uint32_t i = 0; i < count; i++) {                                                                         \
            add_one(call, states[i], arguments, selection ? selection[i] : i, out);                                    \
        }                                                                                                              \
        json_buffer_free(call, out);                                                                                   \
    }                                                                                                                  \
    static void prefix##_add_one(const struct sql_call *call, void *state, struct vector *const *arguments,            \
                                 const uint16_t *selection, uint32_t count) {                                          \
        struct buffer *out = json_buffer(call);                                                                        \
        for (uint32_t i = 0; i < count; i++) {                                                                         \
            add_one(call, state, arguments, selection ? selection[i] : i, out);                                        \
        }                                                                                                              \
        json_buffer_free(call, out);                                                                                   \
    }
JSON_ADDERS(element, add_element)
JSON_ADDERS(row, add_row)
JSON_ADDERS(member, add_member)

static void json_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct json_state *at = state;
    if (at->length == 0) {
        result_null(result, row);
        return;
    }
    struct buffer *out = json_buffer(call);
    buffer_append(out, at->bytes, at->length);
    buffer_append_text(out, at->bytes[0] == '[' ? "]" : " }");
    result->bytes[row] = json_finish_text(call, out);
    json_buffer_free(call, out);
}

static const struct sql_aggregate element_aggregate = {sizeof(struct json_state), element_add, element_add_one,
                                                       json_finish, NULL};
static const struct sql_aggregate row_aggregate = {sizeof(struct json_state), row_add, row_add_one, json_finish, NULL};
static const struct sql_aggregate member_aggregate = {sizeof(struct json_state), member_add, member_add_one,
                                                      json_finish, NULL};

/* clang-format off */
#define JSON_AGGREGATE(name_, aggregate_, polymorphic_, result_, summary_, ...)                                                      \
    {.class = SQL_FUNCTION_AGGREGATE, .name = (name_), .aggregate = &(aggregate_), .result = (result_),                \
     .summary = (summary_), .volatility = SQL_STABLE, .polymorphic = (polymorphic_),                                                                  \
     .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__}}

static const struct sql_function json_aggregate_rows[] = {
    JSON_AGGREGATE("json_agg", element_aggregate, true, TYPE_JSON, "array of the values, NULLs too", TYPE_ANY),
    JSON_AGGREGATE("jsonb_agg", element_aggregate, true, TYPE_JSONB, "array of the values, NULLs too", TYPE_ANY),
    JSON_AGGREGATE("json_object_agg", member_aggregate, false, TYPE_JSON, "object of keys and values", TYPE_ANY, TYPE_ANY),
    JSON_AGGREGATE("jsonb_object_agg", member_aggregate, false, TYPE_JSONB, "object of keys and values", TYPE_ANY, TYPE_ANY),
};
/* clang-format on */

const struct sql_function *record_json_aggregate(bool binary) {
    static const struct sql_function json =
        JSON_AGGREGATE("json_agg", row_aggregate, false, TYPE_JSON, "array of rows", TYPE_JSON);
    static const struct sql_function jsonb =
        JSON_AGGREGATE("jsonb_agg", row_aggregate, false, TYPE_JSONB, "array of rows", TYPE_JSONB);
    return binary ? &jsonb : &json;
}

struct function_rows function_rows_json_aggregate(void) {
    return FUNCTION_ROWS(json_aggregate_rows);
}
