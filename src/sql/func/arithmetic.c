/*
 * Arithmetic operators of the number types.
 *
 * All integer types share one vector form (int64), so one loop serves them all, and the range check is what differs:
 * the loop only gathers whether any result was out of range, and the error is raised behind it, which leaves the
 * loop free of branches. NUMERIC takes the same road while both mantissas fit 64 bits and, for sums, the scales are
 * equal, which is the usual case of money columns; everything else goes to types/decimal.h.
 */
#include <math.h>

#include "sql/func/arithmetic.h"
#include "sql/func/loops.h"
#include "types/decimal.h"

_Noreturn void arithmetic_raise_range(const struct sql_call *call, enum type_id type) {
    const char *name = type == TYPE_INT8      ? "bigint"
                       : type == TYPE_INT4    ? "integer"
                       : type == TYPE_TINYINT ? "tinyint"
                                              : "smallint";
    sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "%s out of range", name);
}

static _Noreturn void raise_zero(const struct sql_call *call) {
    sql_raise(call->context, KMB_DIVISION_BY_ZERO, call->position, "division by zero");
}

/* --- integers --- */

static void integer_check(const struct sql_call *call, bool bad) {
    if (__builtin_expect(bad, 0)) {
        arithmetic_raise_range(call, call->result_type.id);
    }
}

#define INTEGER_OPERATOR(name, builtin)                                                                                \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        const int64_t *a = arguments[0]->integer;                                                                      \
        const int64_t *b = arguments[1]->integer;                                                                      \
        int64_t *out = result->integer;                                                                                \
        int64_t least = type_integer_min(call->result_type.id);                                                        \
        int64_t greatest = type_integer_max(call->result_type.id);                                                     \
        bool bad = false;                                                                                              \
        BINARY_LOOP(int64_t, a, b, {                                                                                   \
            int64_t value = 0;                                                                                         \
            bad |= builtin(x, y, &value);                                                                              \
            bad |= value < least || value > greatest;                                                                  \
            out[row] = value;                                                                                          \
        });                                                                                                            \
        integer_check(call, bad);                                                                                      \
    }

INTEGER_OPERATOR(int_add, __builtin_add_overflow)
INTEGER_OPERATOR(int_subtract, __builtin_sub_overflow)
INTEGER_OPERATOR(int_multiply, __builtin_mul_overflow)

static void int_divide(SCALAR_PARAMETERS) {
    const int64_t *a = arguments[0]->integer;
    const int64_t *b = arguments[1]->integer;
    EACH_ROW(row) {
        int64_t x = a[vector_row(arguments[0], row)];
        int64_t y = b[vector_row(arguments[1], row)];
        if (y == 0) {
            raise_zero(call);
        }
        if (y == -1) {
            integer_check(call, x == type_integer_min(call->result_type.id));
            result->integer[row] = -x;
        } else {
            result->integer[row] = x / y;
        }
    }
}

static void int_modulo(SCALAR_PARAMETERS) {
    const int64_t *a = arguments[0]->integer;
    const int64_t *b = arguments[1]->integer;
    EACH_ROW(row) {
        int64_t y = b[vector_row(arguments[1], row)];
        if (y == 0) {
            raise_zero(call);
        }
        result->integer[row] = y == -1 ? 0 : a[vector_row(arguments[0], row)] % y;
    }
}

static void int_negate(SCALAR_PARAMETERS) {
    const int64_t *a = arguments[0]->integer;
    int64_t *out = result->integer;
    int64_t least = type_integer_min(call->result_type.id);
    bool bad = false;
    UNARY_LOOP(int64_t, a, {
        bad |= x == least;
        out[row] = (int64_t)(0 - (uint64_t)x);
    });
    integer_check(call, bad);
}

static void int_absolute(SCALAR_PARAMETERS) {
    const int64_t *a = arguments[0]->integer;
    int64_t *out = result->integer;
    int64_t least = type_integer_min(call->result_type.id);
    bool bad = false;
    UNARY_LOOP(int64_t, a, {
        bad |= x == least;
        out[row] = x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
    });
    integer_check(call, bad);
}

static void int_same(SCALAR_PARAMETERS) {
    const int64_t *a = arguments[0]->integer;
    int64_t *out = result->integer;
    UNARY_LOOP(int64_t, a, { out[row] = x; });
}

#define INTEGER_BITS(name, expression)                                                                                 \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        const int64_t *a = arguments[0]->integer;                                                                      \
        const int64_t *b = arguments[1]->integer;                                                                      \
        int64_t *out = result->integer;                                                                                \
        BINARY_LOOP(int64_t, a, b, { out[row] = (expression); });                                                      \
    }
INTEGER_BITS(int_and, x &y)
INTEGER_BITS(int_or, x | y)
INTEGER_BITS(int_xor, x ^ y)

static void int_not(SCALAR_PARAMETERS) {
    const int64_t *a = arguments[0]->integer;
    int64_t *out = result->integer;
    UNARY_LOOP(int64_t, a, { out[row] = ~x; });
}

/* The low bits of the result type, sign extended: what a C shift of that width leaves. */
static int64_t narrow(enum type_id type, uint64_t bits) {
    return type == TYPE_INT8 ? (int64_t)bits : type == TYPE_INT4 ? (int32_t)(uint32_t)bits : (int16_t)(uint16_t)bits;
}

/* As PostgreSQL, whose C shifts take the count modulo the width on every common machine (int2 shifts as int4). */
static void int_shift_left(SCALAR_PARAMETERS) {
    unsigned mask = call->result_type.id == TYPE_INT8 ? 63 : 31;
    EACH_ROW(row) {
        result->integer[row] =
            narrow(call->result_type.id, (uint64_t)ARGUMENT_INT(0, row) << ((unsigned)ARGUMENT_INT(1, row) & mask));
    }
}

static void int_shift_right(SCALAR_PARAMETERS) {
    unsigned mask = call->result_type.id == TYPE_INT8 ? 63 : 31;
    EACH_ROW(row) {
        result->integer[row] = ARGUMENT_INT(0, row) >> ((unsigned)ARGUMENT_INT(1, row) & mask);
    }
}

/* --- floats --- */

double arithmetic_check_real(const struct sql_call *call, double value, bool infinite_input, bool zero_allowed) {
    if (call->result_type.id == TYPE_FLOAT4) {
        value = (double)(float)value;
    }
    if (__builtin_expect(isinf(value) && !infinite_input, 0)) {
        sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "value out of range: overflow");
    }
    if (__builtin_expect(value == 0 && !zero_allowed, 0)) {
        sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "value out of range: underflow");
    }
    return value;
}

#define REAL_OPERATOR(name, expression, zero_allowed)                                                                  \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        const double *a = arguments[0]->real;                                                                          \
        const double *b = arguments[1]->real;                                                                          \
        double *out = result->real;                                                                                    \
        BINARY_LOOP(double, a, b,                                                                                      \
                    { out[row] = arithmetic_check_real(call, (expression), isinf(x) || isinf(y), (zero_allowed)); });  \
    }
REAL_OPERATOR(real_add, x + y, true)
REAL_OPERATOR(real_subtract, x - y, true)
REAL_OPERATOR(real_multiply, x *y, x == 0 || y == 0)

static void real_divide(SCALAR_PARAMETERS) {
    const double *a = arguments[0]->real;
    const double *b = arguments[1]->real;
    double *out = result->real;
    BINARY_LOOP(double, a, b, {
        if (y == 0 && !isnan(x)) {
            raise_zero(call);
        }
        out[row] = arithmetic_check_real(call, x / y, isinf(x), x == 0 || isinf(y));
    });
}

static void real_negate(SCALAR_PARAMETERS) {
    const double *a = arguments[0]->real;
    double *out = result->real;
    UNARY_LOOP(double, a, { out[row] = -x; });
}

static void real_absolute(SCALAR_PARAMETERS) {
    const double *a = arguments[0]->real;
    double *out = result->real;
    UNARY_LOOP(double, a, { out[row] = fabs(x); });
}

static void real_same(SCALAR_PARAMETERS) {
    const double *a = arguments[0]->real;
    double *out = result->real;
    UNARY_LOOP(double, a, { out[row] = x; });
}

/* --- NUMERIC --- */

/* A finite number whose mantissa fits 64 bits. */
static inline bool small(const struct decimal *a) {
    return a->kind == DECIMAL_FINITE && a->high == ((int64_t)a->low >> 63);
}

static inline struct decimal decimal_of_product(__int128 mantissa, uint32_t scale) {
    return (struct decimal){.low = (uint64_t)mantissa, .high = (int64_t)(mantissa >> 64), .scale = (uint16_t)scale};
}

static void numeric_check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

#define NUMERIC_SUM(name, sign, slow)                                                                                  \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        const struct decimal *a = arguments[0]->decimal;                                                               \
        const struct decimal *b = arguments[1]->decimal;                                                               \
        EACH_ROW(row) {                                                                                                \
            const struct decimal *x = &a[vector_row(arguments[0], row)];                                               \
            const struct decimal *y = &b[vector_row(arguments[1], row)];                                               \
            if (small(x) && small(y) && x->scale == y->scale) {                                                        \
                result->decimal[row] =                                                                                 \
                    decimal_of_product((__int128)(int64_t)x->low sign(__int128)(int64_t) y->low, x->scale);            \
            } else {                                                                                                   \
                numeric_check(call, slow(*x, *y, &result->decimal[row], call->context->error));                        \
            }                                                                                                          \
        }                                                                                                              \
    }
NUMERIC_SUM(numeric_add, +, decimal_add)
NUMERIC_SUM(numeric_subtract, -, decimal_subtract)

static void numeric_multiply(SCALAR_PARAMETERS) {
    const struct decimal *a = arguments[0]->decimal;
    const struct decimal *b = arguments[1]->decimal;
    EACH_ROW(row) {
        const struct decimal *x = &a[vector_row(arguments[0], row)];
        const struct decimal *y = &b[vector_row(arguments[1], row)];
        uint32_t scale = (uint32_t)x->scale + y->scale;
        if (small(x) && small(y) && scale <= DECIMAL_SCALE_MAX) { /* a product of two int64 has at most 38 digits */
            result->decimal[row] = decimal_of_product((__int128)(int64_t)x->low * (int64_t)y->low, scale);
        } else {
            numeric_check(call, decimal_multiply(*x, *y, &result->decimal[row], call->context->error));
        }
    }
}

#define NUMERIC_OPERATOR(name, function)                                                                               \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        const struct decimal *a = arguments[0]->decimal;                                                               \
        const struct decimal *b = arguments[1]->decimal;                                                               \
        EACH_ROW(row) {                                                                                                \
            numeric_check(call, function(a[vector_row(arguments[0], row)], b[vector_row(arguments[1], row)],           \
                                         &result->decimal[row], call->context->error));                                \
        }                                                                                                              \
    }
NUMERIC_OPERATOR(numeric_divide, decimal_divide)
NUMERIC_OPERATOR(numeric_modulo, decimal_modulo)

static void numeric_negate(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->decimal[row] = decimal_negate(arguments[0]->decimal[vector_row(arguments[0], row)]);
    }
}

static void numeric_absolute(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->decimal[row] = decimal_absolute(arguments[0]->decimal[vector_row(arguments[0], row)]);
    }
}

static void numeric_same(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->decimal[row] = arguments[0]->decimal[vector_row(arguments[0], row)];
    }
}

/* clang-format off */
/* One row of every operator for an integer type; small integers of different width meet in the wider one, as in
 * PostgreSQL, by the implicit casts. TINYINT computes as SMALLINT does. */
#define INTEGER_ROWS(type, wide)                                                                                       \
    OP("+", int_add, wide, "sum", type, type),                                                                         \
    OP("-", int_subtract, wide, "difference", type, type),                                                             \
    OP("*", int_multiply, wide, "product", type, type),                                                                \
    OP("/", int_divide, wide, "quotient, truncated toward zero", type, type),                                          \
    OP("%", int_modulo, wide, "remainder, with the sign of the dividend", type, type),                                 \
    OP("-", int_negate, wide, "negated", type),                                                                        \
    OP("+", int_same, wide, "unchanged", type),                                                                        \
    OP("@", int_absolute, wide, "absolute value", type),                                                               \
    OP("&", int_and, wide, "bitwise and", type, type),                                                                 \
    OP("|", int_or, wide, "bitwise or", type, type),                                                                   \
    OP("#", int_xor, wide, "bitwise exclusive or", type, type),                                                        \
    OP("~", int_not, wide, "bitwise not", type),                                                                       \
    OP("<<", int_shift_left, wide, "shifted left", type, TYPE_INT4),                                                   \
    OP(">>", int_shift_right, wide, "shifted right", type, TYPE_INT4),                                                 \
    FN("abs", int_absolute, wide, "absolute value", type),                                                             \
    FN("mod", int_modulo, wide, "remainder, with the sign of the dividend", type, type)

#define REAL_ROWS(type)                                                                                                \
    OP("+", real_add, type, "sum", type, type),                                                                        \
    OP("-", real_subtract, type, "difference", type, type),                                                            \
    OP("*", real_multiply, type, "product", type, type),                                                               \
    OP("/", real_divide, type, "quotient", type, type),                                                                \
    OP("-", real_negate, type, "negated", type),                                                                       \
    OP("+", real_same, type, "unchanged", type),                                                                       \
    OP("@", real_absolute, type, "absolute value", type),                                                              \
    FN("abs", real_absolute, type, "absolute value", type)

static const struct sql_function arithmetic_rows[] = {
    INTEGER_ROWS(TYPE_TINYINT, TYPE_INT2),
    INTEGER_ROWS(TYPE_INT2, TYPE_INT2),
    INTEGER_ROWS(TYPE_INT4, TYPE_INT4),
    INTEGER_ROWS(TYPE_INT8, TYPE_INT8),
    REAL_ROWS(TYPE_FLOAT4),
    REAL_ROWS(TYPE_FLOAT8),
    OP("+", numeric_add, TYPE_NUMERIC, "sum", TYPE_NUMERIC, TYPE_NUMERIC),
    OP("-", numeric_subtract, TYPE_NUMERIC, "difference", TYPE_NUMERIC, TYPE_NUMERIC),
    OP("*", numeric_multiply, TYPE_NUMERIC, "product", TYPE_NUMERIC, TYPE_NUMERIC),
    OP("/", numeric_divide, TYPE_NUMERIC, "quotient", TYPE_NUMERIC, TYPE_NUMERIC),
    OP("%", numeric_modulo, TYPE_NUMERIC, "remainder, with the sign of the dividend", TYPE_NUMERIC, TYPE_NUMERIC),
    OP("-", numeric_negate, TYPE_NUMERIC, "negated", TYPE_NUMERIC),
    OP("+", numeric_same, TYPE_NUMERIC, "unchanged", TYPE_NUMERIC),
    OP("@", numeric_absolute, TYPE_NUMERIC, "absolute value", TYPE_NUMERIC),
    FN("abs", numeric_absolute, TYPE_NUMERIC, "absolute value", TYPE_NUMERIC),
    FN("mod", numeric_modulo, TYPE_NUMERIC, "remainder, with the sign of the dividend", TYPE_NUMERIC, TYPE_NUMERIC),
};
/* clang-format on */

struct function_rows function_rows_arithmetic(void) {
    return FUNCTION_ROWS(arithmetic_rows);
}
