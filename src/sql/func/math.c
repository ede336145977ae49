/*
 * Mathematical functions.
 *
 * Each exists for DOUBLE PRECISION and, where PostgreSQL has it, for NUMERIC, where nothing passes through a float:
 * roundings, roots and integer powers are decimal arithmetic, logarithms, exp and other powers exact to the digit shown
 * (types/decimal_series.c).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql/func/arithmetic.h"
#include "sql/func/loops.h"
#include "types/decimal.h"

/* --- DOUBLE PRECISION --- */

#define REAL_FUNCTION(name, expression)                                                                                \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        const double *a = arguments[0]->real;                                                                          \
        double *out = result->real;                                                                                    \
        UNARY_LOOP(double, a, { out[row] = (expression); });                                                           \
    }
REAL_FUNCTION(real_ceil, ceil(x))
REAL_FUNCTION(real_floor, floor(x))
REAL_FUNCTION(real_round, rint(x))
REAL_FUNCTION(real_trunc, trunc(x))
REAL_FUNCTION(real_sign, (double)((x > 0) - (x < 0)))
REAL_FUNCTION(real_cbrt, cbrt(x))
REAL_FUNCTION(real_exp, arithmetic_check_real(call, exp(x), isinf(x), isinf(x)))
REAL_FUNCTION(real_degrees, arithmetic_check_real(call, x / (M_PI / 180.0), isinf(x), x == 0))
REAL_FUNCTION(real_radians, arithmetic_check_real(call, x *(M_PI / 180.0), isinf(x), x == 0))
REAL_FUNCTION(real_atan, atan(x))

static _Noreturn void raise_input(const struct sql_call *call) {
    sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "input is out of range");
}

#define REAL_BOUNDED(name, expression, bad)                                                                            \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        const double *a = arguments[0]->real;                                                                          \
        double *out = result->real;                                                                                    \
        UNARY_LOOP(double, a, {                                                                                        \
            if (bad) {                                                                                                 \
                raise_input(call);                                                                                     \
            }                                                                                                          \
            out[row] = (expression);                                                                                   \
        });                                                                                                            \
    }
REAL_BOUNDED(real_sin, sin(x), isinf(x))
REAL_BOUNDED(real_cos, cos(x), isinf(x))
REAL_BOUNDED(real_tan, tan(x), isinf(x))
REAL_BOUNDED(real_asin, asin(x), x<-1 || x> 1)
REAL_BOUNDED(real_acos, acos(x), x<-1 || x> 1)

static void real_atan2(SCALAR_PARAMETERS) {
    const double *a = arguments[0]->real;
    const double *b = arguments[1]->real;
    double *out = result->real;
    BINARY_LOOP(double, a, b, { out[row] = atan2(x, y); });
}

static void real_sqrt(SCALAR_PARAMETERS) {
    const double *a = arguments[0]->real;
    double *out = result->real;
    UNARY_LOOP(double, a, {
        if (x < 0) {
            sql_raise(call->context, KMB_INVALID_POWER_ARGUMENT, call->position,
                      "cannot take square root of a negative number");
        }
        out[row] = sqrt(x);
    });
}

static _Noreturn void raise_logarithm(const struct sql_call *call, bool zero) {
    sql_raise(call->context, KMB_INVALID_LOG_ARGUMENT, call->position,
              zero ? "cannot take logarithm of zero" : "cannot take logarithm of a negative number");
}

#define REAL_LOGARITHM(name, expression)                                                                               \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        const double *a = arguments[0]->real;                                                                          \
        double *out = result->real;                                                                                    \
        UNARY_LOOP(double, a, {                                                                                        \
            if (x <= 0) {                                                                                              \
                raise_logarithm(call, x == 0);                                                                         \
            }                                                                                                          \
            out[row] = (expression);                                                                                   \
        });                                                                                                            \
    }
REAL_LOGARITHM(real_ln, log(x))
REAL_LOGARITHM(real_log10, log10(x))

static _Noreturn void raise_power(const struct sql_call *call, bool zero) {
    sql_raise(call->context, KMB_INVALID_POWER_ARGUMENT, call->position,
              zero ? "zero raised to a negative power is undefined"
                   : "a negative number raised to a non-integer power yields a complex result");
}

static void real_power(SCALAR_PARAMETERS) {
    const double *a = arguments[0]->real;
    const double *b = arguments[1]->real;
    double *out = result->real;
    BINARY_LOOP(double, a, b, {
        if (x == 0 && y < 0) {
            raise_power(call, true);
        }
        if (x < 0 && !isnan(y) && floor(y) != y) {
            raise_power(call, false);
        }
        bool infinite = isinf(x) || isinf(y);
        out[row] = arithmetic_check_real(call, pow(x, y), infinite, infinite || x == 0);
    });
}

static void real_pi(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->real[row] = M_PI;
    }
}

static void real_random(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        uint64_t bits = 0;
        if (call->context->random == NULL || !call->context->random(call->context->random_context, &bits, 8)) {
            sql_raise(call->context, KMB_INTERNAL, call->position, "no randomness to be had");
        }
        result->real[row] = (double)(bits >> 11) * 0x1.0p-53;
    }
}

/* --- NUMERIC --- */

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

static struct decimal argument(struct vector *const *arguments, uint32_t n, uint32_t row) {
    return arguments[n]->decimal[vector_row(arguments[n], row)];
}

static void round_rows(SCALAR_PARAMETERS, enum decimal_rounding rounding) {
    EACH_ROW(row) {
        int64_t scale = call->argument_count == 2 ? ARGUMENT_INT(1, row) : 0;
        scale = scale > DECIMAL_SCALE_MAX ? DECIMAL_SCALE_MAX : scale < -100 ? -100 : scale;
        check(call, decimal_round(argument(arguments, 0, row), (int32_t)scale, rounding, &result->decimal[row],
                                  call->context->error));
    }
}
static void numeric_round(SCALAR_PARAMETERS) {
    round_rows(call, arguments, result, selection, count, DECIMAL_HALF_AWAY);
}
static void numeric_trunc(SCALAR_PARAMETERS) {
    round_rows(call, arguments, result, selection, count, DECIMAL_TRUNCATE);
}
static void numeric_ceil(SCALAR_PARAMETERS) {
    round_rows(call, arguments, result, selection, count, DECIMAL_CEILING);
}
static void numeric_floor(SCALAR_PARAMETERS) {
    round_rows(call, arguments, result, selection, count, DECIMAL_FLOOR);
}

static void numeric_sign(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal a = argument(arguments, 0, row);
        result->decimal[row] = a.kind == DECIMAL_NAN ? a : decimal_of_int64(decimal_sign(a));
    }
}

static void numeric_sqrt(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        check(call, decimal_sqrt(argument(arguments, 0, row), &result->decimal[row], call->context->error));
    }
}

static void numeric_div(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        check(call, decimal_divide_integer(argument(arguments, 0, row), argument(arguments, 1, row),
                                           &result->decimal[row], call->context->error));
    }
}

static void numeric_scale(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal a = argument(arguments, 0, row);
        if (!decimal_is_finite(a)) {
            result_null(result, row);
        } else {
            result->integer[row] = a.scale;
        }
    }
}

static void numeric_trim_scale(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->decimal[row] = decimal_normalize(argument(arguments, 0, row));
    }
}

static void numeric_ln(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal a = argument(arguments, 0, row);
        if (!decimal_is_finite(a) && a.kind != DECIMAL_NEGATIVE_INFINITY) {
            result->decimal[row] = a;
            continue;
        }
        if (decimal_sign(a) <= 0) {
            raise_logarithm(call, decimal_is_zero(a));
        }
        check(call, decimal_ln(a, &result->decimal[row], call->context->error));
    }
}

/* log(x) of base 10 and log(base, x). */
static void numeric_log(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal base = call->argument_count == 2 ? argument(arguments, 0, row) : decimal_of_int64(10);
        struct decimal a = argument(arguments, call->argument_count - 1, row);
        if (a.kind == DECIMAL_NAN || base.kind == DECIMAL_NAN) {
            result->decimal[row] = decimal_special(DECIMAL_NAN);
            continue;
        }
        if (decimal_sign(base) <= 0 || decimal_sign(a) <= 0) {
            raise_logarithm(call, decimal_is_zero(decimal_sign(base) <= 0 ? base : a));
        }
        if (!decimal_is_finite(a) || !decimal_is_finite(base)) {
            result->decimal[row] = decimal_is_finite(base) ? decimal_special(DECIMAL_INFINITY)
                                   : decimal_is_finite(a)  ? decimal_of_int64(0)
                                                           : decimal_special(DECIMAL_NAN);
            continue;
        }
        check(call, decimal_log(base, a, &result->decimal[row], call->context->error));
    }
}

static void numeric_exp(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal a = argument(arguments, 0, row);
        if (!decimal_is_finite(a)) {
            result->decimal[row] = a.kind == DECIMAL_NEGATIVE_INFINITY ? decimal_of_int64(0) : a;
            continue;
        }
        check(call, decimal_exp(a, &result->decimal[row], call->context->error));
    }
}

static bool is_integer(struct decimal a) {
    return decimal_is_finite(a) && decimal_min_scale(a) == 0;
}

static void numeric_power(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal a = argument(arguments, 0, row);
        struct decimal b = argument(arguments, 1, row);
        int64_t exponent = 0;
        if (decimal_is_zero(a) && decimal_sign(b) < 0) {
            raise_power(call, true);
        }
        if (a.kind == DECIMAL_NEGATIVE_INFINITY && decimal_is_finite(b) && !is_integer(b)) {
            raise_power(call, false);
        }
        if (!decimal_is_finite(a) || !decimal_is_finite(b)) {
            double value = pow(decimal_to_double(a), decimal_to_double(b));
            check(call, decimal_of_double(value, &result->decimal[row], call->context->error));
            continue;
        }
        if (is_integer(b) && decimal_to_int64(b, &exponent, NULL) == KMB_OK) {
            check(call, decimal_power_integer(a, exponent, &result->decimal[row], call->context->error));
            continue;
        }
        if (decimal_sign(a) < 0) {
            raise_power(call, false);
        }
        check(call, decimal_power(a, b, &result->decimal[row], call->context->error));
    }
}

/* --- integers --- */

static uint64_t magnitude(int64_t value) {
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

static uint64_t common_divisor(uint64_t a, uint64_t b) {
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void int_gcd(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        uint64_t value = common_divisor(magnitude(ARGUMENT_INT(0, row)), magnitude(ARGUMENT_INT(1, row)));
        if (value > (uint64_t)type_integer_max(call->result_type.id)) {
            arithmetic_raise_range(call, call->result_type.id);
        }
        result->integer[row] = (int64_t)value;
    }
}

static void int_lcm(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        uint64_t a = magnitude(ARGUMENT_INT(0, row));
        uint64_t b = magnitude(ARGUMENT_INT(1, row));
        uint64_t value = 0;
        bool bad = a != 0 && b != 0 && __builtin_mul_overflow(a / common_divisor(a, b), b, &value);
        if (bad || value > (uint64_t)type_integer_max(call->result_type.id)) {
            arithmetic_raise_range(call, call->result_type.id);
        }
        result->integer[row] = (int64_t)value;
    }
}

/* clang-format off */
#define BOTH(name, real, numeric, summary)                     \
    FN(name, real, TYPE_FLOAT8, summary, TYPE_FLOAT8),         \
    FN(name, numeric, TYPE_NUMERIC, summary, TYPE_NUMERIC)
#define BOTH2(name, real, numeric, summary)                                \
    FN(name, real, TYPE_FLOAT8, summary, TYPE_FLOAT8, TYPE_FLOAT8),        \
    FN(name, numeric, TYPE_NUMERIC, summary, TYPE_NUMERIC, TYPE_NUMERIC)

static const struct sql_function math_rows[] = {
    BOTH("ceil", real_ceil, numeric_ceil, "nearest integer not below"),
    BOTH("ceiling", real_ceil, numeric_ceil, "nearest integer not below"),
    BOTH("floor", real_floor, numeric_floor, "nearest integer not above"),
    BOTH("round", real_round, numeric_round, "nearest integer; ties to even for double precision, away from zero for numeric"),
    FN("round", numeric_round, TYPE_NUMERIC, "rounded to n places, ties away from zero", TYPE_NUMERIC, TYPE_INT4),
    BOTH("trunc", real_trunc, numeric_trunc, "toward zero"),
    FN("trunc", numeric_trunc, TYPE_NUMERIC, "cut to n places", TYPE_NUMERIC, TYPE_INT4),
    BOTH("sign", real_sign, numeric_sign, "-1, 0 or 1"),
    BOTH("sqrt", real_sqrt, numeric_sqrt, "square root"),
    FN("cbrt", real_cbrt, TYPE_FLOAT8, "cube root", TYPE_FLOAT8),
    BOTH("exp", real_exp, numeric_exp, "e to this power"),
    BOTH("ln", real_ln, numeric_ln, "natural logarithm"),
    BOTH("log", real_log10, numeric_log, "logarithm to base 10"),
    FN("log", numeric_log, TYPE_NUMERIC, "logarithm of the second to the base of the first", TYPE_NUMERIC, TYPE_NUMERIC),
    BOTH("log10", real_log10, numeric_log, "logarithm to base 10"),
    BOTH2("power", real_power, numeric_power, "first to the power of the second"),
    BOTH2("pow", real_power, numeric_power, "first to the power of the second"),
    OP("^", real_power, TYPE_FLOAT8, "power", TYPE_FLOAT8, TYPE_FLOAT8),
    OP("^", numeric_power, TYPE_NUMERIC, "power", TYPE_NUMERIC, TYPE_NUMERIC),
    OP("|/", real_sqrt, TYPE_FLOAT8, "square root", TYPE_FLOAT8),
    OP("||/", real_cbrt, TYPE_FLOAT8, "cube root", TYPE_FLOAT8),
    FN("degrees", real_degrees, TYPE_FLOAT8, "radians to degrees", TYPE_FLOAT8),
    FN("radians", real_radians, TYPE_FLOAT8, "degrees to radians", TYPE_FLOAT8),
    FN("sin", real_sin, TYPE_FLOAT8, "sine of radians", TYPE_FLOAT8),
    FN("cos", real_cos, TYPE_FLOAT8, "cosine of radians", TYPE_FLOAT8),
    FN("tan", real_tan, TYPE_FLOAT8, "tangent of radians", TYPE_FLOAT8),
    FN("asin", real_asin, TYPE_FLOAT8, "arc sine", TYPE_FLOAT8),
    FN("acos", real_acos, TYPE_FLOAT8, "arc cosine", TYPE_FLOAT8),
    FN("atan", real_atan, TYPE_FLOAT8, "arc tangent", TYPE_FLOAT8),
    FN("atan2", real_atan2, TYPE_FLOAT8, "arc tangent of first / second", TYPE_FLOAT8, TYPE_FLOAT8),
    FN("div", numeric_div, TYPE_NUMERIC, "integer quotient, truncated toward zero", TYPE_NUMERIC, TYPE_NUMERIC),
    FN("scale", numeric_scale, TYPE_INT4, "digits after the point", TYPE_NUMERIC),
    FN("trim_scale", numeric_trim_scale, TYPE_NUMERIC, "without zeros at the end", TYPE_NUMERIC),
    FN("gcd", int_gcd, TYPE_INT4, "greatest common divisor", TYPE_INT4, TYPE_INT4),
    FN("gcd", int_gcd, TYPE_INT8, "greatest common divisor", TYPE_INT8, TYPE_INT8),
    FN("lcm", int_lcm, TYPE_INT4, "least common multiple", TYPE_INT4, TYPE_INT4),
    FN("lcm", int_lcm, TYPE_INT8, "least common multiple", TYPE_INT8, TYPE_INT8),
    {.class = SQL_FUNCTION_SCALAR, .name = "pi", .strict = true, .result = TYPE_FLOAT8, .scalar = real_pi,
     .summary = "ratio of a circle's circumference to its diameter"},
    {.class = SQL_FUNCTION_SCALAR, .name = "random", .strict = true, .volatility = SQL_VOLATILE,
     .result = TYPE_FLOAT8, .scalar = real_random, .summary = "random number from 0 up to, not including, 1"},
};
/* clang-format on */

struct function_rows function_rows_math(void) {
    return FUNCTION_ROWS(math_rows);
}
