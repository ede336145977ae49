/*
 * to_number: text read by a template. What is read is forgiving: signs and digits are taken where they stand near
 * enough to what the template says, and other characters are skipped one for one. The rules are PostgreSQL's.
 */
#include "base/assert.h"
#include "sql/func/loops.h"
#include "sql/func/template_number.h"

struct reader {
    struct number_template template;
    struct slice input;
    size_t at;
    uint8_t *digits; /* digits and point so far */
    size_t length;
    uint8_t sign; /* '-', '+'; ' ': none was read */
    int32_t before;
    int32_t after;
    bool point;
};

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

static bool at_end(const struct reader *reader) {
    return reader->at >= reader->input.length;
}

/* The byte in hand; 0 behind the end. */
static uint8_t byte_at(const struct reader *reader, size_t at) {
    return at < reader->input.length ? reader->input.bytes[at] : 0;
}

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_sign(uint8_t byte) {
    return byte == '-' || byte == '+';
}

/* Skips up to that many characters, but none that a number may have. */
static void skip_other(struct reader *reader, uint32_t count) {
    for (; count > 0 && !at_end(reader) && strchr("0123456789.,+-", byte_at(reader, reader->at)) == NULL; count--) {
        reader->at += template_character(reader->input, reader->at);
    }
}

static void read_sign_before(struct reader *reader) {
    uint8_t byte = byte_at(reader, reader->at);
    if (reader->template.sign && reader->template.sign_place == NUMBER_SIGN_BEFORE) {
        if (is_sign(byte)) {
            reader->sign = byte;
            reader->at++;
        }
    } else if (byte == '-' || (reader->template.bracket && byte == '<')) {
        reader->sign = '-';
        reader->at++;
    } else if (byte == '+') {
        reader->sign = '+';
        reader->at++;
    }
}

/* A digit or the point; false: neither is there. The reader stays on it. */
static bool read_character(struct reader *reader) {
    uint8_t byte = byte_at(reader, reader->at);
    if (is_digit(byte)) {
        reader->digits[reader->length++] = byte;
        *(reader->point ? &reader->after : &reader->before) += 1;
        return true;
    }
    if (reader->template.has_point && !reader->point && byte == '.') {
        reader->digits[reader->length++] = '.';
        reader->point = true;
        return true;
    }
    return false;
}

/* A sign behind the number: S stands behind the last digit, the others where nothing else was read. */
static void read_sign_behind(struct reader *reader, bool was_read) {
    const struct number_template *template = &reader->template;
    if (template->sign) {
        size_t next = reader->at + 1;
        if (was_read && next < reader->input.length && !is_digit(byte_at(reader, next)) &&
            is_sign(byte_at(reader, next))) {
            reader->sign = byte_at(reader, next);
            reader->at = next;
        }
    } else if (!was_read && (template->plus || template->minus) && is_sign(byte_at(reader, reader->at))) {
        reader->sign = byte_at(reader, reader->at);
    }
}

/* A field of a digit or of the point. */
static void read_place(struct reader *reader, bool digit) {
    if (at_end(reader)) {
        return;
    }
    reader->at += byte_at(reader, reader->at) == ' ';
    if (at_end(reader)) {
        return;
    }
    if (reader->sign == ' ' && digit && reader->before + reader->after == 0) {
        read_sign_before(reader);
    }
    if (at_end(reader)) {
        return;
    }
    if (is_digit(byte_at(reader, reader->at)) && reader->point && reader->after == reader->template.after) {
        return;
    }
    bool was_read = read_character(reader);
    if (reader->sign == ' ' && reader->before + reader->after > 0) {
        read_sign_behind(reader, was_read);
    }
}

/* Whether the reader goes on to the next byte behind the field. */
static bool read_field(const struct sql_call *call, struct reader *reader, enum number_field field) {
    uint8_t byte = byte_at(reader, reader->at);
    switch (field) {
    case NUMBER_NINE:
    case NUMBER_ZERO:
    case NUMBER_POINT:
    case NUMBER_POINT_LOCALE:
        read_place(reader, field == NUMBER_NINE || field == NUMBER_ZERO);
        return true;
    case NUMBER_COMMA:
    case NUMBER_GROUP:
        return !reader->template.fill && byte == ',';
    case NUMBER_CURRENCY:
        skip_other(reader, 1);
        return false;
    case NUMBER_ORDINAL:
    case NUMBER_ORDINAL_LOWER:
        if (!reader->template.has_point) {
            skip_other(reader, 2);
        }
        return false;
    case NUMBER_MINUS:
    case NUMBER_PLUS:
    case NUMBER_BOTH:
        if ((byte == '-' && field != NUMBER_PLUS) || (byte == '+' && field != NUMBER_MINUS)) {
            reader->sign = byte;
            return true;
        }
        skip_other(reader, 1);
        return false;
    case NUMBER_ROMAN:
    case NUMBER_ROMAN_LOWER:
        sql_raise(call->context, KMB_UNSUPPORTED, call->position, "\"RN\" not supported for input");
    case NUMBER_SIGN:
    case NUMBER_BRACKET:
    case NUMBER_SHIFT:
    case NUMBER_EXPONENT:
    case NUMBER_FILL:
    case NUMBER_BLANK:
    case NUMBER_SPELL:
        break;
    }
    return false;
}

static void read_all(const struct sql_call *call, struct reader *reader) {
    const struct template *items = &reader->template.items;
    if (reader->template.exponent || reader->template.roman) {
        sql_raise(call->context, KMB_UNSUPPORTED, call->position, "\"%s\" not supported for input",
                  reader->template.exponent ? "EEEE" : "RN");
    }
    for (uint32_t i = 0; i < items->count && !at_end(reader); i++) {
        const struct template_item *item = &items->items[i];
        if (item->kind != TEMPLATE_FIELD) {
            reader->at += template_character(reader->input, reader->at);
        } else if (read_field(call, reader, (enum number_field)item->field->id)) {
            reader->at++;
        }
    }
}

static struct decimal number_of(const struct sql_call *call, const struct number_template *template,
                                struct slice input) {
    struct kmb_error *error = call->context->error;
    struct reader reader = {.template = *template, .input = input, .sign = ' '};
    reader.digits = result_bytes(call, template->items.count + 2);
    reader.digits[reader.length++] = ' ';
    read_all(call, &reader);
    if (reader.digits[reader.length - 1] == '.') {
        reader.length--;
    }
    reader.digits[0] = reader.sign;
    struct decimal number;
    check(call, decimal_parse(slice_make(reader.digits, reader.length), &number, error));
    int32_t precision = template->before + template->shift + reader.after;
    if (precision <= DECIMAL_DIGITS_MAX) {
        check(call, decimal_apply_modifier(number, type_modifier_numeric(precision, reader.after), &number, error));
    }
    if (template->shifted) {
        struct decimal power;
        check(call, decimal_power_integer(decimal_of_int64(10), -(int64_t) template->shift, &power, error));
        check(call, decimal_multiply(number, power, &number, error));
    }
    return number;
}

static void fn_to_number(SCALAR_PARAMETERS) {
    struct number_template template = {0};
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(1, row);
        if (row_n == 0 || !arguments[1]->constant) {
            template = number_template_read(call, text);
        }
        if (text.length == 0) {
            result_null(result, row);
        } else {
            result->decimal[row] = number_of(call, &template, ARGUMENT_BYTES(0, row));
        }
    }
}

/* clang-format off */
static const struct sql_function to_number_rows[] = {
    {.class = SQL_FUNCTION_SCALAR, .name = "to_number", .scalar = fn_to_number, .result = TYPE_NUMERIC,
     .summary = "number of a text, read by a template", .strict = true, .volatility = SQL_STABLE, .argument_count = 2,
     .arguments = {TYPE_TEXT, TYPE_TEXT}},
};
/* clang-format on */

struct function_rows function_rows_to_number(void) {
    return FUNCTION_ROWS(to_number_rows);
}
