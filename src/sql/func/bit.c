/* Aggregates over the bits of whole numbers: bit_and, bit_or, bit_xor. */
#include "sql/func/aggregate.h"
#include "sql/func/loops.h"

struct bit_state {
    int64_t bits;
    bool present;
};

static void bit_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct bit_state *at = state;
    (void)call;
    if (!at->present) {
        result_null(result, row);
        return;
    }
    result->integer[row] = at->bits;
}

/* Numbers are kept in 64 bits with their sign, which these operators keep right for the narrower types too. */
#define BIT(prefix, operation)                                                                                         \
    AGGREGATE_ADDERS(prefix, struct bit_state, {                                                                       \
        int64_t value = arguments[0]->integer[vector_row(arguments[0], row)];                                          \
        at->bits = at->present ? at->bits operation value : value;                                                     \
        at->present = true;                                                                                            \
    })                                                                                                                 \
    static const struct sql_aggregate prefix = {sizeof(struct bit_state), prefix##_add, prefix##_add_one, bit_finish,  \
                                                NULL};

BIT(bit_and, &)
BIT(bit_or, |)
BIT(bit_xor, ^)

/* clang-format off */
#define BIT_ROWS(name, aggregate, summary)                                                                             \
    AGGREGATE(name, &aggregate, TYPE_INT2, summary, TYPE_INT2),                                                        \
    AGGREGATE(name, &aggregate, TYPE_INT4, summary, TYPE_INT4),                                                        \
    AGGREGATE(name, &aggregate, TYPE_INT8, summary, TYPE_INT8)

static const struct sql_function bit_rows[] = {
    BIT_ROWS("bit_and", bit_and, "bits that all have"),
    BIT_ROWS("bit_or", bit_or, "bits that any has"),
    BIT_ROWS("bit_xor", bit_xor, "bits that an odd number has"),
};
/* clang-format on */

struct function_rows function_rows_bit(void) {
    return FUNCTION_ROWS(bit_rows);
}
