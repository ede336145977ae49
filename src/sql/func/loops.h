/*
 * Loops of vectorised functions: over the selected rows, with constant arguments read at row 0.
 *
 * EACH_ROW is for functions whose body costs more than the loop. BINARY_LOOP and UNARY_LOOP are for arithmetic and
 * comparisons: they give the compiler a plain counted loop for each usual shape (column with constant, constant with
 * column, column with column, no selection), which it can unroll and vectorise, and one general form for the rest.
 */
#ifndef KMB_SQL_LOOPS_H
#define KMB_SQL_LOOPS_H

#include "sql/func/function.h"

#define LONG_RESULT ((size_t)64 << 10) /* bytes of one text */

#define EACH_ROW(row)                                                                                                  \
    for (uint32_t row##_n = 0, row = 0; row##_n < count && ((row = selection ? selection[row##_n] : row##_n), true);   \
         row##_n++)

/* Runs body with x and y of one row, target being result's element. */
#define BINARY_LOOP(type, a, b, body)                                                                                  \
    do {                                                                                                               \
        bool a_constant_ = arguments[0]->constant;                                                                     \
        bool b_constant_ = arguments[1]->constant;                                                                     \
        if (selection == NULL && !a_constant_ && b_constant_) {                                                        \
            const type y = (b)[0];                                                                                     \
            for (uint32_t row = 0; row < count; row++) {                                                               \
                const type x = (a)[row];                                                                               \
                body                                                                                                   \
            }                                                                                                          \
        } else if (selection == NULL && a_constant_ && !b_constant_) {                                                 \
            const type x = (a)[0];                                                                                     \
            for (uint32_t row = 0; row < count; row++) {                                                               \
                const type y = (b)[row];                                                                               \
                body                                                                                                   \
            }                                                                                                          \
        } else if (selection == NULL && !a_constant_ && !b_constant_) {                                                \
            for (uint32_t row = 0; row < count; row++) {                                                               \
                const type x = (a)[row];                                                                               \
                const type y = (b)[row];                                                                               \
                body                                                                                                   \
            }                                                                                                          \
        } else {                                                                                                       \
            EACH_ROW(row) {                                                                                            \
                const type x = (a)[a_constant_ ? 0 : row];                                                             \
                const type y = (b)[b_constant_ ? 0 : row];                                                             \
                body                                                                                                   \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

#define UNARY_LOOP(type, a, body)                                                                                      \
    do {                                                                                                               \
        if (selection == NULL && !arguments[0]->constant) {                                                            \
            for (uint32_t row = 0; row < count; row++) {                                                               \
                const type x = (a)[row];                                                                               \
                body                                                                                                   \
            }                                                                                                          \
        } else {                                                                                                       \
            EACH_ROW(row) {                                                                                            \
                const type x = (a)[arguments[0]->constant ? 0 : row];                                                  \
                body                                                                                                   \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

/* Parameters of every scalar function; few functions use them all. */
#define SCALAR_PARAMETERS                                                                                              \
    const struct sql_call *call __attribute__((unused)), struct vector *const *arguments __attribute__((unused)),      \
        struct vector *result __attribute__((unused)), const uint16_t *selection __attribute__((unused)),              \
        uint32_t count __attribute__((unused))

/* The element of argument n at a row. */
#define ARGUMENT_INT(n, row)   (arguments[n]->integer[vector_row(arguments[n], row)])
#define ARGUMENT_BYTES(n, row) (arguments[n]->bytes[vector_row(arguments[n], row)])

static inline bool argument_null(struct vector *const *arguments, uint32_t n, uint32_t row) {
    return arguments[n]->may_have_null && arguments[n]->null[vector_row(arguments[n], row)] != 0;
}

static inline struct value argument_value(struct vector *const *arguments, uint32_t n, uint32_t row) {
    return vector_get(arguments[n], vector_row(arguments[n], row)); /* borrows bytes */
}

/* Sets a row's result to NULL; a strict function may do so. */
static inline void result_null(struct vector *result, uint32_t row) {
    result->null[row] = 1;
    result->may_have_null = true;
}

/* Memory for the bytes of a result; lives as long as the batch. */
static inline uint8_t *result_bytes(const struct sql_call *call, size_t size) {
    if (size > LONG_RESULT) { /* one row of these takes as long as a batch of others */
        sql_check_cancel(call->context);
    }
    uint8_t *bytes = arena_alloc(call->arena, size == 0 ? 1 : size);
    if (bytes == NULL) {
        sql_raise(call->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    return bytes;
}

/* Rows of the function table of one topic. */
struct function_rows {
    const struct sql_function *rows;
    uint32_t count;
};

#define FUNCTION_ROWS(array) ((struct function_rows){(array), sizeof(array) / sizeof((array)[0])})

/* A row: name, vectorised function, result type, summary, argument types. Strict and immutable. */
#define FUNCTION_ROW(class_, name_, scalar_, result_, summary_, ...)                                                   \
    {                                                                                                                  \
        .class = (class_), .name = (name_), .scalar = (scalar_), .result = (result_), .summary = (summary_),           \
        .strict = true, .volatility = SQL_IMMUTABLE,                                                                   \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }
#define FN(...) FUNCTION_ROW(SQL_FUNCTION_SCALAR, __VA_ARGS__)
#define OP(...) FUNCTION_ROW(SQL_FUNCTION_OPERATOR, __VA_ARGS__)

struct function_rows function_rows_arithmetic(void);
struct function_rows function_rows_session(void);
struct function_rows function_rows_log(void);
struct function_rows function_rows_client(void);
struct function_rows function_rows_keyword(void);
struct function_rows function_rows_privilege(void);
struct function_rows function_rows_size(void);
struct function_rows function_rows_array(void);
struct function_rows function_rows_array_aggregate(void);
struct function_rows function_rows_array_search(void);
struct function_rows function_rows_comparison(void);
struct function_rows function_rows_enum(void);
struct function_rows function_rows_text(void);
struct function_rows function_rows_encode(void);
struct function_rows function_rows_math(void);
struct function_rows function_rows_math_more(void);
struct function_rows function_rows_datetime(void);
struct function_rows function_rows_datetime_make(void);
struct function_rows function_rows_to_char_datetime(void);
struct function_rows function_rows_to_char_number(void);
struct function_rows function_rows_to_number(void);
struct function_rows function_rows_to_timestamp(void);
struct function_rows function_rows_quote(void);
struct function_rows function_rows_bytea(void);
struct function_rows function_rows_json(void);
struct function_rows function_rows_json_aggregate(void);
struct function_rows function_rows_json_object(void);
struct function_rows function_rows_json_query(void);
struct function_rows function_rows_json_set(void);
struct function_rows function_rows_normalize(void);
struct function_rows function_rows_object(void);
struct function_rows function_rows_regexp_parts(void);
struct function_rows function_rows_regexp(void);
struct function_rows function_rows_json_change(void);
struct function_rows function_rows_cast(void);
struct function_rows function_rows_aggregate(void);
struct function_rows function_rows_system(void);
struct function_rows function_rows_variance(void);
struct function_rows function_rows_bit(void);
struct function_rows function_rows_regression(void);
struct function_rows function_rows_ordered_set(void);
struct function_rows function_rows_window(void);
struct function_rows function_rows_set(void);
struct function_rows function_rows_sequence(void);
struct function_rows function_rows_comment(void);
/* A view of the session's present, with its open transaction's own catalogue; sql_release() it. */
struct kernel_view *function_present_view(const struct sql_call *call);

#endif
