/*
 * Mathematics beyond the usual: angles in degrees, hyperbolic functions, histogram buckets, and the number theory of
 * NUMERIC.
 *
 * The functions of degrees are exact where a pupil expects it: sind(30) is 0.5. As PostgreSQL has it, an angle is
 * brought into the first quadrant, and there each half of it is measured by its own end, which is known exactly: sines
 * of 0 to 30 degrees as parts of sin(30), cosines of 0 to 60 as parts of 1 - cos(60).
 */
#include <math.h>

#include "sql/func/arithmetic.h"
#include "sql/func/loops.h"
#include "types/decimal.h"

static _Noreturn void raise_input(const struct sql_call *call) {
    sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "input is out of range");
}

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

/* --- degrees --- */

#define RADIANS_PER_DEGREE (M_PI / 180.0)

/* The library's values, asked at run time: the compiler's may differ in the last bit. */
static double measure(double (*function)(double), double x) {
    volatile double given = x;
    return function(given);
}

static double sine_to_30(double x) {
    return measure(sin, x * RADIANS_PER_DEGREE) / measure(sin, 30.0 * RADIANS_PER_DEGREE) / 2.0;
}

static double cosine_to_60(double x) {
    return 1.0 - (1.0 - measure(cos, x * RADIANS_PER_DEGREE)) / (1.0 - measure(cos, 60.0 * RADIANS_PER_DEGREE)) / 2.0;
}

/* 0 <= x <= 90 */
static double sine_quadrant(double x) {
    return x <= 30.0 ? sine_to_30(x) : cosine_to_60(90.0 - x);
}

static double cosine_quadrant(double x) {
    return x <= 60.0 ? cosine_to_60(x) : sine_to_30(90.0 - x);
}

/* An angle of the first quadrant, and the signs that the way there gave to its functions. */
struct angle {
    double degrees;
    double sine;
    double cosine;
};

static struct angle angle_reduce(const struct sql_call *call, double x) {
    if (isinf(x)) {
        raise_input(call);
    }
    struct angle angle = {.degrees = fmod(x, 360.0), .sine = 1, .cosine = 1};
    if (angle.degrees < 0) {
        angle.degrees = -angle.degrees;
        angle.sine = -angle.sine;
    }
    if (angle.degrees > 180.0) {
        angle.degrees = 360.0 - angle.degrees;
        angle.sine = -angle.sine;
    }
    if (angle.degrees > 90.0) {
        angle.degrees = 180.0 - angle.degrees;
        angle.cosine = -angle.cosine;
    }
    return angle;
}

static double sine_degrees(const struct sql_call *call, double x) {
    struct angle angle = angle_reduce(call, x);
    return angle.sine * sine_quadrant(angle.degrees);
}

static double cosine_degrees(const struct sql_call *call, double x) {
    struct angle angle = angle_reduce(call, x);
    return angle.cosine * cosine_quadrant(angle.degrees);
}

/* + 0.0: never -0 */
static double tangent_degrees(const struct sql_call *call, double x) {
    struct angle angle = angle_reduce(call, x);
    double unit = sine_quadrant(45.0) / cosine_quadrant(45.0);
    return angle.sine * angle.cosine * (sine_quadrant(angle.degrees) / cosine_quadrant(angle.degrees) / unit) + 0.0;
}

static double cotangent_degrees(const struct sql_call *call, double x) {
    struct angle angle = angle_reduce(call, x);
    double unit = cosine_quadrant(45.0) / sine_quadrant(45.0);
    return angle.sine * angle.cosine * (cosine_quadrant(angle.degrees) / sine_quadrant(angle.degrees) / unit) + 0.0;
}

/* 0 <= x <= 1 */
static double arc_sine_quadrant(double x) {
    return x <= 0.5 ? measure(asin, x) / measure(asin, 0.5) * 30.0
                    : 90.0 - measure(acos, x) / measure(acos, 0.5) * 60.0;
}

static double arc_cosine_quadrant(double x) {
    return x <= 0.5 ? 90.0 - measure(asin, x) / measure(asin, 0.5) * 30.0
                    : measure(acos, x) / measure(acos, 0.5) * 60.0;
}

static double arc_sine_degrees(double x) {
    return x >= 0 ? arc_sine_quadrant(x) : -arc_sine_quadrant(-x);
}

static double arc_cosine_degrees(double x) {
    return x >= 0 ? arc_cosine_quadrant(x) : 90.0 + arc_sine_quadrant(-x);
}

static double arc_tangent_degrees(double x) {
    return measure(atan, x) / measure(atan, 1.0) * 45.0;
}

/* --- functions of one DOUBLE PRECISION --- */

#define REAL_BOUNDED(name, expression, bad)                                                                            \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        const double *a = arguments[0]->real;                                                                          \
        double *out = result->real;                                                                                    \
        UNARY_LOOP(double, a, {                                                                                        \
            if (bad) {                                                                                                 \
                raise_input(call);                                                                                     \
            }                                                                                                          \
            out[row] = isnan(x) ? x : (expression);                                                                    \
        });                                                                                                            \
    }
REAL_BOUNDED(real_sind, sine_degrees(call, x), false)
REAL_BOUNDED(real_cosd, cosine_degrees(call, x), false)
REAL_BOUNDED(real_tand, tangent_degrees(call, x), false)
REAL_BOUNDED(real_cotd, cotangent_degrees(call, x), false)
REAL_BOUNDED(real_asind, arc_sine_degrees(x), x<-1 || x> 1)
REAL_BOUNDED(real_acosd, arc_cosine_degrees(x), x<-1 || x> 1)
REAL_BOUNDED(real_atand, arc_tangent_degrees(x), false)
REAL_BOUNDED(real_cot, 1.0 / tan(x), isinf(x))
REAL_BOUNDED(real_sinh, sinh(x), false)
REAL_BOUNDED(real_cosh, cosh(x), false)
REAL_BOUNDED(real_tanh, tanh(x), false)
REAL_BOUNDED(real_asinh, asinh(x), false)
REAL_BOUNDED(real_acosh, acosh(x), x < 1)
REAL_BOUNDED(real_atanh, atanh(x), x<-1 || x> 1)

static void real_atan2d(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        double x = arguments[0]->real[vector_row(arguments[0], row)];
        double y = arguments[1]->real[vector_row(arguments[1], row)];
        result->real[row] = isnan(x) || isnan(y) ? (double)NAN : atan2(x, y) / measure(atan, 1.0) * 45.0;
    }
}

/* --- width_bucket --- */

static _Noreturn void raise_bucket(const struct sql_call *call, const char *message) {
    sql_raise(call->context, KMB_INVALID_WIDTH_BUCKET, call->position, "%s", message);
}

static int64_t bucket_count(const struct sql_call *call, int64_t count) {
    if (count <= 0) {
        raise_bucket(call, "count must be greater than zero");
    }
    return count;
}

/* The bucket beyond the last. */
static int64_t bucket_above(const struct sql_call *call, int64_t count) {
    if (count == INT32_MAX) {
        arithmetic_raise_range(call, TYPE_INT4);
    }
    return count + 1;
}

static int64_t real_bucket(const struct sql_call *call, double x, double low, double high, int64_t count) {
    if (isnan(x) || isnan(low) || isnan(high)) {
        raise_bucket(call, "operand, lower bound, and upper bound cannot be NaN");
    }
    if (isinf(low) || isinf(high)) {
        raise_bucket(call, "lower and upper bounds must be finite");
    }
    if (low == high) {
        raise_bucket(call, "lower bound cannot equal upper bound");
    }
    bool rising = low < high;
    if (rising ? x < low : x > low) {
        return 0;
    }
    if (rising ? x >= high : x <= high) {
        return bucket_above(call, count);
    }
    bool wide = isinf(high - low); /* halves then, which lose nothing */
    double part = wide ? (x / 2 - low / 2) / (high / 2 - low / 2) : (x - low) / (high - low);
    int64_t bucket = (int64_t)((double)count * part);
    return (bucket >= count ? count - 1 : bucket) + 1;
}

static void fn_real_bucket(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t buckets = bucket_count(call, ARGUMENT_INT(3, row));
        result->integer[row] = real_bucket(call, arguments[0]->real[vector_row(arguments[0], row)],
                                           arguments[1]->real[vector_row(arguments[1], row)],
                                           arguments[2]->real[vector_row(arguments[2], row)], buckets);
    }
}

static int64_t numeric_bucket(const struct sql_call *call, struct decimal x, struct decimal low, struct decimal high,
                              int64_t count) {
    struct kmb_error *error = call->context->error;
    if (x.kind == DECIMAL_NAN || low.kind == DECIMAL_NAN || high.kind == DECIMAL_NAN) {
        raise_bucket(call, "operand, lower bound, and upper bound cannot be NaN");
    }
    if (!decimal_is_finite(low) || !decimal_is_finite(high)) {
        raise_bucket(call, "lower and upper bounds must be finite");
    }
    int order = decimal_compare(low, high);
    if (order == 0) {
        raise_bucket(call, "lower bound cannot equal upper bound");
    }
    if (decimal_compare(x, low) * order > 0) {
        return 0;
    }
    if (decimal_compare(x, high) * order <= 0) {
        return bucket_above(call, count);
    }
    struct decimal above;
    struct decimal width;
    struct decimal bucket;
    int64_t number = 0;
    check(call, decimal_subtract(x, low, &above, error));
    check(call, decimal_subtract(high, low, &width, error));
    check(call, decimal_multiply(above, decimal_of_int64(count), &above, error));
    check(call, decimal_divide_integer(above, width, &bucket, error));
    check(call, decimal_to_int64(bucket, &number, error));
    return number + 1;
}

static void fn_numeric_bucket(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t buckets = bucket_count(call, ARGUMENT_INT(3, row));
        result->integer[row] = numeric_bucket(call, arguments[0]->decimal[vector_row(arguments[0], row)],
                                              arguments[1]->decimal[vector_row(arguments[1], row)],
                                              arguments[2]->decimal[vector_row(arguments[2], row)], buckets);
    }
}

/* --- NUMERIC --- */

static void fn_factorial(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t n = ARGUMENT_INT(0, row);
        if (n < 0) {
            sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position,
                      "factorial of a negative number is undefined");
        }
        struct decimal product = decimal_of_int64(1);
        for (int64_t i = 2; i <= n; i++) { /* leaves with an error soon, where n is great */
            check(call, decimal_multiply(product, decimal_of_int64(i), &product, call->context->error));
        }
        result->decimal[row] = product;
    }
}

static void fn_min_scale(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal value = arguments[0]->decimal[vector_row(arguments[0], row)];
        result->integer[row] = (int64_t)decimal_min_scale(value);
        if (!decimal_is_finite(value)) {
            result_null(result, row);
        }
    }
}

/* The greater scale of the two, and no sign. NaN where one is no number or infinite. */
static struct decimal numeric_divisor(const struct sql_call *call, struct decimal a, struct decimal b) {
    struct kmb_error *error = call->context->error;
    int32_t scale = a.scale > b.scale ? a.scale : b.scale;
    a = decimal_absolute(a);
    b = decimal_absolute(b);
    while (!decimal_is_zero(b)) {
        struct decimal rest;
        check(call, decimal_modulo(a, b, &rest, error));
        a = b;
        b = rest;
    }
    check(call, decimal_round(a, scale, DECIMAL_TRUNCATE, &a, error));
    return a;
}

static void numeric_gcd(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal a = arguments[0]->decimal[vector_row(arguments[0], row)];
        struct decimal b = arguments[1]->decimal[vector_row(arguments[1], row)];
        bool finite = decimal_is_finite(a) && decimal_is_finite(b);
        result->decimal[row] = finite ? numeric_divisor(call, a, b) : decimal_special(DECIMAL_NAN);
    }
}

static struct decimal numeric_multiple(const struct sql_call *call, struct decimal a, struct decimal b) {
    struct kmb_error *error = call->context->error;
    int32_t scale = a.scale > b.scale ? a.scale : b.scale;
    struct decimal value = decimal_of_int64(0);
    if (!decimal_is_zero(a) && !decimal_is_zero(b)) {
        struct decimal parts;
        check(call, decimal_divide_integer(a, numeric_divisor(call, a, b), &parts, error));
        check(call, decimal_multiply(parts, b, &value, error));
    }
    check(call, decimal_round(decimal_absolute(value), scale, DECIMAL_TRUNCATE, &value, error));
    return value;
}

static void numeric_lcm(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal a = arguments[0]->decimal[vector_row(arguments[0], row)];
        struct decimal b = arguments[1]->decimal[vector_row(arguments[1], row)];
        bool finite = decimal_is_finite(a) && decimal_is_finite(b);
        result->decimal[row] = finite ? numeric_multiple(call, a, b) : decimal_special(DECIMAL_NAN);
    }
}

static void fn_bit_count(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        int64_t bits = 0;
        for (size_t i = 0; i < bytes.length; i++) {
            bits += __builtin_popcount(bytes.bytes[i]);
        }
        result->integer[row] = bits;
    }
}

/* clang-format off */
#define REAL(name, scalar, summary) FN(name, scalar, TYPE_FLOAT8, summary, TYPE_FLOAT8)

static const struct sql_function math_more_rows[] = {
    REAL("sind", real_sind, "sine of degrees"),
    REAL("cosd", real_cosd, "cosine of degrees"),
    REAL("tand", real_tand, "tangent of degrees"),
    REAL("cotd", real_cotd, "cotangent of degrees"),
    REAL("asind", real_asind, "arc sine in degrees"),
    REAL("acosd", real_acosd, "arc cosine in degrees"),
    REAL("atand", real_atand, "arc tangent in degrees"),
    FN("atan2d", real_atan2d, TYPE_FLOAT8, "arc tangent of first / second in degrees", TYPE_FLOAT8, TYPE_FLOAT8),
    REAL("cot", real_cot, "cotangent of radians"),
    REAL("sinh", real_sinh, "hyperbolic sine"),
    REAL("cosh", real_cosh, "hyperbolic cosine"),
    REAL("tanh", real_tanh, "hyperbolic tangent"),
    REAL("asinh", real_asinh, "inverse hyperbolic sine"),
    REAL("acosh", real_acosh, "inverse hyperbolic cosine"),
    REAL("atanh", real_atanh, "inverse hyperbolic tangent"),
    FN("width_bucket", fn_real_bucket, TYPE_INT4, "number of the bucket among n between two bounds",
       TYPE_FLOAT8, TYPE_FLOAT8, TYPE_FLOAT8, TYPE_INT4),
    FN("width_bucket", fn_numeric_bucket, TYPE_INT4, "number of the bucket among n between two bounds",
       TYPE_NUMERIC, TYPE_NUMERIC, TYPE_NUMERIC, TYPE_INT4),
    FN("factorial", fn_factorial, TYPE_NUMERIC, "product of 1 to n", TYPE_INT8),
    FN("min_scale", fn_min_scale, TYPE_INT4, "digits after the point that are needed", TYPE_NUMERIC),
    FN("gcd", numeric_gcd, TYPE_NUMERIC, "greatest common divisor", TYPE_NUMERIC, TYPE_NUMERIC),
    FN("lcm", numeric_lcm, TYPE_NUMERIC, "least common multiple", TYPE_NUMERIC, TYPE_NUMERIC),
    FN("bit_count", fn_bit_count, TYPE_INT8, "bits that are set", TYPE_BYTEA),
};
/* clang-format on */

struct function_rows function_rows_math_more(void) {
    return FUNCTION_ROWS(math_more_rows);
}
