/*
 * to_char of numbers.
 *
 * A number is first brought to plain digits: rounded to the template's places, its sign apart, '#' in every place where
 * it is too great. Then the template is walked: each of its digit fields is a *place*; the first `pad` places stand
 * before the number, the others take its characters one after the other. The rules of where the sign goes, which zeros
 * FM drops and when a zero before the point is a blank are PostgreSQL's, with all their corners: text that a report
 * gave yesterday must be the same tomorrow.
 */
#include <math.h>
#include <stdio.h>

#include "base/assert.h"
#include "sql/func/arithmetic.h"
#include "sql/func/json_path.h"
#include "sql/func/loops.h"
#include "sql/func/template_number.h"

#define ROMAN_WIDTH        15
#define ROMAN_MAX          3999
#define NUMERIC_PLACES_MAX 2000 /* digits behind the point that PostgreSQL's numeric has at most */
#define NO_PLACE           SIZE_MAX

/* The number as it goes into the template. */
struct digits {
    struct slice text; /* without sign */
    uint8_t sign;      /* '+', '-'; 0: part of the text or none */
    int32_t pad;       /* places before it */
};

struct walk {
    struct number_template template;
    struct digits number;
    struct buffer *out;
    size_t at;          /* the next character of the number */
    size_t relevant;    /* FM drops what is behind this one; NO_PLACE: nothing */
    int32_t place;      /* of the digit field in hand */
    int32_t place_last; /* of the last one */
    int32_t zero_start; /* the place of the first 0 */
    bool sign_written;
    bool inside; /* a digit was written last: a comma is one and not a blank */
};

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

/* --- the walk --- */

static uint8_t character(const struct walk *walk, size_t at) {
    return at < walk->number.text.length ? walk->number.text.bytes[at] : 0;
}

/* The last digit behind the point that is no 0, or the point itself. */
static size_t relevant_of(struct slice text) {
    const uint8_t *point = text.length == 0 ? NULL : memchr(text.bytes, '.', text.length);
    if (point == NULL) {
        return NO_PLACE;
    }
    size_t last = text.length - 1;
    while (text.bytes[last] == '0') {
        last--;
    }
    return last;
}

static bool relevant_is_point(const struct walk *walk) {
    return walk->relevant != NO_PLACE && character(walk, walk->relevant) == '.';
}

/* The zero of "0.1" where the template has no 0. */
static bool is_lone_zero(const struct walk *walk) {
    return !walk->template.zero && walk->at == 0 && character(walk, 0) == '0' && walk->template.after != 0;
}

static void write_sign_here(struct walk *walk) {
    uint8_t sign = walk->number.sign;
    if (walk->template.sign) {
        if (walk->template.sign_place == NUMBER_SIGN_BEFORE) {
            buffer_append_byte(walk->out, sign == '-' ? '-' : '+');
            walk->sign_written = true;
        }
    } else if (walk->template.bracket) {
        buffer_append_byte(walk->out, sign == '+' ? ' ' : '<');
        walk->sign_written = true;
    } else if (sign == '+') {
        if (!walk->template.fill) {
            buffer_append_byte(walk->out, ' ');
        }
        walk->sign_written = true;
    } else if (sign == '-') {
        buffer_append_byte(walk->out, '-');
        walk->sign_written = true;
    }
}

/* What stands behind the last digit: the bracket, or a sign that S asked for there. */
static void write_sign_behind(struct walk *walk) {
    uint8_t sign = walk->number.sign;
    if (walk->sign_written && walk->template.bracket) {
        buffer_append_byte(walk->out, sign == '+' ? ' ' : '>');
    } else if (walk->template.sign && walk->template.sign_place == NUMBER_SIGN_BEHIND) {
        buffer_append_byte(walk->out, sign == '-' ? '-' : '+');
    }
}

static void write_character(struct walk *walk, bool zero) {
    bool fill = walk->template.fill;
    if (character(walk, walk->at) == '.') {
        if (!relevant_is_point(walk) || fill) {
            buffer_append_byte(walk->out, '.');
        }
    } else if (walk->relevant != NO_PLACE && walk->at > walk->relevant && !zero) {
        /* a digit that FM drops */
    } else if (is_lone_zero(walk)) {
        if (!fill) {
            buffer_append_byte(walk->out, ' ');
        } else if (relevant_is_point(walk)) {
            buffer_append_byte(walk->out, '0');
        }
    } else {
        buffer_append_byte(walk->out, character(walk, walk->at)); /* a zero byte behind the number ends the text */
        walk->inside = true;
    }
    walk->at += walk->at < walk->number.text.length;
}

/* A field of a digit or of the point. */
static void write_place(struct walk *walk, bool zero) {
    const struct number_template *template = &walk->template;
    int32_t pad = walk->number.pad;
    if (template->roman) {
        return;
    }
    walk->inside = false;
    if (!walk->sign_written && (walk->place >= pad || (template->zero && walk->zero_start == walk->place)) &&
        (!is_lone_zero(walk) || relevant_is_point(walk))) {
        write_sign_here(walk);
    }
    if (walk->place < pad && (walk->zero_start > walk->place || !template->zero)) {
        if (!template->fill) {
            buffer_append_byte(walk->out, ' ');
        }
    } else if (template->zero && walk->place < pad) {
        buffer_append_byte(walk->out, '0');
        walk->inside = true;
    } else {
        write_character(walk, zero);
    }
    int32_t end = walk->place_last + (pad != 0) + template->has_point;
    if (walk->relevant != NO_PLACE && walk->relevant == walk->at) {
        end = walk->place;
    }
    if (walk->place + 1 == end) {
        write_sign_behind(walk);
    }
    walk->place++;
}

/* Where the sign will go, and what FM drops. */
static void walk_begin(struct walk *walk) {
    struct number_template *template = &walk->template;
    uint8_t sign = walk->number.sign;
    walk->zero_start = template->zero_start > 0 ? template->zero_start - 1 : 0;
    if (template->roman) {
        bool fill = template->fill;
        struct template items = template->items;
        *template = (struct number_template){.items = items, .fill = fill, .roman = true};
    }
    if (template->plus || template->minus) {
        walk->sign_written = !(template->plus && !template->minus);
    } else {
        if (sign != '-' && template->fill) {
            template->bracket = false;
        }
        walk->sign_written = sign == '+' && template->fill && !template->sign;
        if (template->sign_place == NUMBER_SIGN_BEFORE && template->before == template->sign_before) {
            template->sign_place = NUMBER_SIGN_BEHIND;
        }
    }
    walk->place_last = template->after + template->before - 1;
    walk->relevant = NO_PLACE;
    int32_t pad = walk->number.pad;
    if (template->fill && template->has_point) {
        walk->relevant = relevant_of(walk->number.text);
        if (walk->relevant != NO_PLACE && template->zero_end > pad) {
            size_t last = walk->number.text.length - 1;
            size_t zero = (size_t)(template->zero_end - pad);
            zero = zero < last ? zero : last;
            walk->relevant = zero > walk->relevant ? zero : walk->relevant;
        }
    }
    if (!walk->sign_written && pad == 0) {
        walk->place_last++;
    }
}

static void write_roman(struct walk *walk, bool lower) {
    struct slice text = walk->number.text;
    for (size_t i = text.length; i < ROMAN_WIDTH && !walk->template.fill; i++) {
        buffer_append_byte(walk->out, ' ');
    }
    for (size_t i = 0; i < text.length; i++) {
        uint8_t letter = text.bytes[i];
        buffer_append_byte(walk->out, lower && letter != '#' ? (uint8_t)(letter | 0x20) : letter);
    }
}

static void write_ordinal(const struct sql_call *call, struct walk *walk, bool upper) {
    if (!walk->template.roman && character(walk, 0) != '#' && walk->number.sign != '-' && !walk->template.has_point) {
        buffer_append_text(walk->out, template_ordinal(call, walk->number.text, upper));
    }
}

/* A sign of MI or PL: a blank where it is the other, unless FM drops that. */
static void write_sign_word(struct walk *walk, uint8_t sign) {
    if (walk->number.sign == sign) {
        buffer_append_byte(walk->out, sign);
    } else if (!walk->template.fill) {
        buffer_append_byte(walk->out, ' ');
    }
}

static void write_field(const struct sql_call *call, struct walk *walk, enum number_field field) {
    switch (field) {
    case NUMBER_NINE:
    case NUMBER_ZERO:
    case NUMBER_POINT:
    case NUMBER_POINT_LOCALE:
        write_place(walk, field == NUMBER_ZERO);
        break;
    case NUMBER_COMMA:
    case NUMBER_GROUP:
        if (walk->inside || !walk->template.fill) {
            buffer_append_byte(walk->out, walk->inside ? ',' : ' ');
        }
        break;
    case NUMBER_CURRENCY:
        buffer_append_byte(walk->out, ' '); /* there is no currency in the locale "C" */
        break;
    case NUMBER_ROMAN:
    case NUMBER_ROMAN_LOWER:
        write_roman(walk, field == NUMBER_ROMAN_LOWER);
        break;
    case NUMBER_ORDINAL:
    case NUMBER_ORDINAL_LOWER:
        write_ordinal(call, walk, field == NUMBER_ORDINAL);
        break;
    case NUMBER_MINUS:
    case NUMBER_PLUS:
        write_sign_word(walk, field == NUMBER_MINUS ? '-' : '+');
        break;
    case NUMBER_BOTH:
        buffer_append_byte(walk->out, walk->number.sign);
        break;
    case NUMBER_SIGN:
    case NUMBER_BRACKET:
    case NUMBER_SHIFT:
    case NUMBER_EXPONENT:
    case NUMBER_FILL:
    case NUMBER_BLANK:
    case NUMBER_SPELL:
        break;
    }
}

static struct slice walk_run(const struct sql_call *call, const struct number_template *template, struct digits number,
                             struct buffer *out) {
    struct walk walk = {.template = *template, .number = number, .out = out};
    if (template->exponent) {
        return number.text;
    }
    walk_begin(&walk);
    for (uint32_t i = 0; i < template->items.count; i++) {
        const struct template_item *item = &template->items.items[i];
        if (item->kind == TEMPLATE_FIELD) {
            write_field(call, &walk, (enum number_field)item->field->id);
        } else {
            buffer_append_slice(out, item->text);
        }
    }
    struct slice text = json_buffer_keep(call, out);
    const uint8_t *end = text.length == 0 ? NULL : memchr(text.bytes, 0, text.length);
    return end == NULL ? text : slice_make(text.bytes, (size_t)(end - text.bytes));
}

/* --- digits --- */

/* Plain digits put before the places of the template; '#' where they are more. */
static struct digits digits_fit(const struct sql_call *call, const struct number_template *template,
                                struct slice text) {
    struct digits number = {.text = text, .sign = '+'};
    if (text.length > 0 && text.bytes[0] == '-') {
        number.sign = '-';
        number.text = slice_make(text.bytes + 1, text.length - 1);
    }
    const uint8_t *point = number.text.length == 0 ? NULL : memchr(number.text.bytes, '.', number.text.length);
    size_t before = point == NULL ? number.text.length : (size_t)(point - number.text.bytes);
    size_t places = (size_t) template->before;
    if (before < places) {
        number.pad = (int32_t)(places - before);
    } else if (before > places) {
        size_t size = places + (size_t) template->after + 1;
        uint8_t *full = result_bytes(call, size);
        memset(full, '#', size);
        full[places] = '.';
        number.text = slice_make(full, size);
    }
    return number;
}

static struct digits digits_roman(const struct sql_call *call, int64_t value) {
    static const struct {
        int64_t value;
        const char *letters;
    } steps[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
                 {40, "XL"},  {10, "X"},   {9, "IX"},  {5, "V"},    {4, "IV"},  {1, "I"}};
    uint8_t *text = result_bytes(call, ROMAN_WIDTH);
    size_t length = 0;
    if (value < 1 || value > ROMAN_MAX) {
        memset(text, '#', ROMAN_WIDTH);
        return (struct digits){.text = slice_make(text, ROMAN_WIDTH)};
    }
    for (size_t i = 0; value > 0;) {
        size_t letters = strlen(steps[i].letters);
        if (value < steps[i].value) {
            i++;
            continue;
        }
        ASSERT(length + letters <= ROMAN_WIDTH);
        memcpy(text + length, steps[i].letters, letters);
        length += letters;
        value -= steps[i].value;
    }
    return (struct digits){.text = slice_make(text, length)};
}

/* What EEEE gives for a number that has no digits. */
static struct slice exponent_of_none(const struct sql_call *call, const struct number_template *template) {
    size_t size = (size_t) template->before + (size_t) template->after + 6;
    uint8_t *text = result_bytes(call, size);
    memset(text, '#', size);
    text[0] = ' ';
    text[template->before + 1] = '.';
    return slice_make(text, size);
}

/* The text with zeros behind its point, as many as the places. */
static struct slice with_zeros(const struct sql_call *call, struct slice text, size_t zeros, bool point) {
    uint8_t *bytes = result_bytes(call, text.length + zeros + 1);
    memcpy(bytes, text.bytes, text.length);
    size_t length = text.length;
    if (point) {
        bytes[length++] = '.';
    }
    memset(bytes + length, '0', zeros);
    return slice_make(bytes, length + zeros);
}

static struct slice copy_text(const struct sql_call *call, const char *text, size_t length) {
    uint8_t *bytes = result_bytes(call, length);
    memcpy(bytes, text, length);
    return slice_make(bytes, length);
}

/*
 * d.ddde+xx of decimal digits: `after` of them behind the point, rounded half away from zero. A carry out of the first
 * digit makes two digits before the point: the exponent is that of the number before it was rounded.
 */
static struct slice scientific(const struct sql_call *call, struct slice number, int32_t after) {
    bool negative = number.bytes[0] == '-';
    size_t first = negative; /* the first digit that is no zero */
    while (first < number.length && (number.bytes[first] == '0' || number.bytes[first] == '.')) {
        first++;
    }
    const uint8_t *dot = memchr(number.bytes, '.', number.length);
    size_t point = dot == NULL ? number.length : (size_t)(dot - number.bytes);
    int32_t exponent = first == number.length ? 0 : (int32_t)point - (int32_t)first - (first < point ? 1 : 0);
    size_t wanted = (size_t)after + 1;
    uint8_t *digits = result_bytes(call, number.length + wanted);
    size_t count = 0;
    for (size_t i = first; i < number.length; i++) {
        if (number.bytes[i] != '.') {
            digits[count++] = number.bytes[i];
        }
    }
    bool up = count > wanted && digits[wanted] >= '5';
    for (; count < wanted; count++) {
        digits[count] = '0';
    }
    for (size_t i = wanted; i > 0 && up; i--) {
        up = digits[i - 1] == '9';
        digits[i - 1] = up ? '0' : (uint8_t)(digits[i - 1] + 1);
    }
    struct buffer *out = json_buffer(call);
    buffer_append_byte(out, negative ? '-' : ' ');
    if (up) {
        buffer_append_byte(out, '1');
    }
    buffer_append_byte(out, digits[0]);
    if (after > 0) {
        buffer_append_byte(out, '.');
        buffer_append(out, digits + 1, (size_t)after);
    }
    buffer_printf(out, "e%+03d", exponent);
    struct slice text = json_buffer_keep(call, out);
    json_buffer_free(call, out);
    return text;
}

/* --- of each type --- */

/* The value times ten to the power of the digits behind V. That of an int4 wraps around, as in PostgreSQL. */
static int64_t shifted(const struct sql_call *call, int64_t value, int32_t digits, enum type_id type) {
    double power = pow(10, digits);
    if (type == TYPE_INT4) {
        int64_t factor = power > INT32_MAX ? INT32_MIN : (int64_t)power;
        return (int32_t)(uint32_t)((uint64_t)value * (uint64_t)factor);
    }
    int64_t out;
    if (power > (double)INT64_MAX || __builtin_mul_overflow(value, (int64_t)power, &out)) {
        arithmetic_raise_range(call, type);
    }
    return out;
}

static struct slice real_text(const struct sql_call *call, double value, int32_t after, bool exponent);

static struct digits digits_of_integer(const struct sql_call *call, struct number_template *template, int64_t value,
                                       enum type_id type) {
    char text[24];
    if (template->roman) {
        if (value != (int32_t)value) {
            arithmetic_raise_range(call, TYPE_INT4);
        }
        return digits_roman(call, value);
    }
    if (template->exponent) {
        return (struct digits){
            .text = type == TYPE_INT4
                        ? real_text(call, (double)value, template->after, true)
                        : scientific(call, copy_text(call, text, value_format_integer(value, text)), template->after)};
    }
    if (template->shifted) {
        value = shifted(call, value, template->shift, type);
        template->before += template->shift;
    }
    struct slice digits = copy_text(call, text, value_format_integer(value, text));
    if (template->after > 0) {
        digits = with_zeros(call, digits, (size_t) template->after, true);
    }
    return digits_fit(call, template, digits);
}

static struct digits roman_of_decimal(const struct sql_call *call, struct decimal value) {
    int64_t whole = 0;
    if (!decimal_is_finite(value)) {
        sql_raise(call->context, KMB_UNSUPPORTED, call->position, "cannot convert %s to integer",
                  value.kind == DECIMAL_NAN ? "NaN" : "infinity");
    }
    if (decimal_to_int64(value, &whole, NULL) != KMB_OK || whole != (int32_t)whole) {
        arithmetic_raise_range(call, TYPE_INT4);
    }
    return digits_roman(call, whole);
}

static struct digits digits_of_decimal(const struct sql_call *call, struct number_template *template,
                                       struct decimal value) {
    struct kmb_error *error = call->context->error;
    char text[DECIMAL_TEXT_SIZE];
    if (template->roman) {
        return roman_of_decimal(call, value);
    }
    if (template->exponent) {
        struct slice plain = copy_text(call, text, decimal_format(value, text));
        return (struct digits){.text = decimal_is_finite(value) ? scientific(call, plain, template->after)
                                                                : exponent_of_none(call, template)};
    }
    if (template->shifted) {
        struct decimal power;
        check(call, decimal_power_integer(decimal_of_int64(10), template->shift, &power, error));
        check(call, decimal_multiply(value, power, &value, error));
        template->before += template->shift;
    }
    if (!decimal_is_finite(value)) {
        return digits_fit(call, template, copy_text(call, text, decimal_format(value, text)));
    }
    int32_t after = template->after < NUMERIC_PLACES_MAX ? template->after : NUMERIC_PLACES_MAX;
    if (value.scale > after) {
        check(call, decimal_round(value, after, DECIMAL_HALF_AWAY, &value, error));
    }
    struct slice digits = copy_text(call, text, decimal_format(value, text));
    size_t missing = (size_t)after - value.scale;
    return digits_fit(call, template, missing > 0 ? with_zeros(call, digits, missing, value.scale == 0) : digits);
}

/* A real with so many digits behind the point, whatever the program's locale takes for one. */
static struct slice real_text(const struct sql_call *call, double value, int32_t after, bool exponent) {
    if (isnan(value) || isinf(value)) {
        return slice_text(isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
    }
    const char *format = exponent ? "% .*e" : "%.*f";
    int length = snprintf(NULL, 0, format, after, value);
    ASSERT(length > 0);
    char *raw = (char *)result_bytes(call, (size_t)length + 1);
    (void)snprintf(raw, (size_t)length + 1, format, after, value);
    size_t used = 0;
    bool point = false;
    for (size_t i = 0; i < (size_t)length; i++) {
        bool known = strchr("0123456789 +-e", raw[i]) != NULL;
        if (known || !point) {
            raw[used++] = known ? raw[i] : '.';
        }
        point = point || !known;
    }
    return slice_make((uint8_t *)raw, used);
}

static struct digits digits_of_real(const struct sql_call *call, struct number_template *template, double value,
                                    enum type_id type) {
    int32_t precision = type == TYPE_FLOAT4 ? 6 : 15; /* decimal digits that the type surely has */
    if (template->roman) {
        double whole = rint(value);
        return digits_roman(call, whole >= 1 && whole <= ROMAN_MAX ? (int64_t)whole : 0);
    }
    if (template->exponent) {
        return (struct digits){.text = isnan(value) || isinf(value) ? exponent_of_none(call, template)
                                                                    : real_text(call, value, template->after, true)};
    }
    if (template->shifted) {
        double power = pow(10, template->shift);
        value = type == TYPE_FLOAT4 ? (double)((float)value * (float)power) : value * power;
        template->before += template->shift;
    }
    int32_t before = (int32_t)real_text(call, fabs(value), 0, false).length;
    if (before >= precision) {
        template->after = 0;
    } else if (before + template->after > precision) {
        template->after = precision - before;
    }
    return digits_fit(call, template, real_text(call, value, template->after, false));
}

static void fn_to_char(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    struct number_template read = {0};
    enum type_id type = call->argument_types[0].id;
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(1, row);
        if (row_n == 0 || !arguments[1]->constant) {
            read = number_template_read(call, text);
        }
        if (text.length == 0) {
            result->bytes[row] = text;
            continue;
        }
        struct number_template template = read;
        uint32_t at = vector_row(arguments[0], row);
        struct digits number = type == TYPE_NUMERIC ? digits_of_decimal(call, &template, arguments[0]->decimal[at])
                               : type == TYPE_FLOAT4 || type == TYPE_FLOAT8
                                   ? digits_of_real(call, &template, arguments[0]->real[at], type)
                                   : digits_of_integer(call, &template, arguments[0]->integer[at], type);
        result->bytes[row] = walk_run(call, &template, number, out);
    }
    json_buffer_free(call, out);
}

/* clang-format off */
#define TO_CHAR(type)                                                                                                  \
    {.class = SQL_FUNCTION_SCALAR, .name = "to_char", .scalar = fn_to_char, .result = TYPE_TEXT,                       \
     .summary = "number as a template writes it", .strict = true, .volatility = SQL_STABLE, .argument_count = 2,       \
     .arguments = {type, TYPE_TEXT}}

static const struct sql_function to_char_number_rows[] = {
    TO_CHAR(TYPE_INT4), TO_CHAR(TYPE_INT8), TO_CHAR(TYPE_NUMERIC), TO_CHAR(TYPE_FLOAT4), TO_CHAR(TYPE_FLOAT8),
};
/* clang-format on */

struct function_rows function_rows_to_char_number(void) {
    return FUNCTION_ROWS(to_char_number_rows);
}
