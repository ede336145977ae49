/*
 * What a template of a number asks for, and which patterns do not go together.
 */
#include "sql/func/template_number.h"

#include "base/assert.h"
#include "sql/func/loops.h"

/* clang-format off */
static const struct template_field number_fields[] = {
    {",", NUMBER_COMMA, 0, 0}, {".", NUMBER_POINT, 0, 0}, {"0", NUMBER_ZERO, 0, 0}, {"9", NUMBER_NINE, 0, 0},
    {"B", NUMBER_BLANK, 0, 0}, {"D", NUMBER_POINT_LOCALE, 0, 0}, {"EEEE", NUMBER_EXPONENT, 0, 0},
    {"FM", NUMBER_FILL, 0, 0}, {"G", NUMBER_GROUP, 0, 0}, {"L", NUMBER_CURRENCY, 0, 0}, {"MI", NUMBER_MINUS, 0, 0},
    {"PL", NUMBER_PLUS, 0, 0}, {"PR", NUMBER_BRACKET, 0, 0}, {"RN", NUMBER_ROMAN, 0, 0}, {"SG", NUMBER_BOTH, 0, 0},
    {"SP", NUMBER_SPELL, 0, 0}, {"S", NUMBER_SIGN, 0, 0}, {"TH", NUMBER_ORDINAL, 0, 0}, {"V", NUMBER_SHIFT, 0, 0},
    {"b", NUMBER_BLANK, 0, 0}, {"d", NUMBER_POINT_LOCALE, 0, 0}, {"eeee", NUMBER_EXPONENT, 0, 0},
    {"fm", NUMBER_FILL, 0, 0}, {"g", NUMBER_GROUP, 0, 0}, {"l", NUMBER_CURRENCY, 0, 0}, {"mi", NUMBER_MINUS, 0, 0},
    {"pl", NUMBER_PLUS, 0, 0}, {"pr", NUMBER_BRACKET, 0, 0}, {"rn", NUMBER_ROMAN_LOWER, 0, 0},
    {"sg", NUMBER_BOTH, 0, 0}, {"sp", NUMBER_SPELL, 0, 0}, {"s", NUMBER_SIGN, 0, 0},
    {"th", NUMBER_ORDINAL_LOWER, 0, 0}, {"v", NUMBER_SHIFT, 0, 0},
};
/* clang-format on */

static _Noreturn void raise_template(const struct sql_call *call, const char *message) {
    sql_raise(call->context, KMB_SYNTAX, call->position, "%s", message);
}

static void refuse_when(const struct sql_call *call, bool wrong, const char *message) {
    if (wrong) {
        raise_template(call, message);
    }
}

static void take_digit(const struct sql_call *call, struct number_template *number, bool zero) {
    refuse_when(call, number->bracket, zero ? "\"0\" must be ahead of \"PR\"" : "\"9\" must be ahead of \"PR\"");
    if (!zero && number->shifted) {
        number->shift++;
        return;
    }
    if (zero && !number->zero && !number->has_point) {
        number->zero = true;
        number->zero_start = number->before + 1;
    }
    *(number->has_point ? &number->after : &number->before) += 1;
    if (zero) {
        number->zero_end = number->before + number->after;
    }
}

static void take_sign(const struct sql_call *call, struct number_template *number) {
    refuse_when(call, number->sign, "cannot use \"S\" twice");
    refuse_when(call, number->plus || number->minus || number->bracket,
                "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
    number->sign = true;
    if (!number->has_point) {
        number->sign_place = NUMBER_SIGN_BEFORE;
        number->sign_before = number->before;
    } else if (number->sign_place == NUMBER_SIGN_NONE) {
        number->sign_place = NUMBER_SIGN_BEHIND;
    }
}

static void take_exponent(const struct sql_call *call, struct number_template *number) {
    refuse_when(call, number->exponent, "cannot use \"EEEE\" twice");
    if (number->blank || number->fill || number->sign || number->bracket || number->minus || number->plus ||
        number->roman || number->shifted) {
        sql_raise_with(call->context, KMB_SYNTAX, call->position,
                       "\"EEEE\" may only be used together with digit and decimal point patterns.", NULL,
                       "\"EEEE\" is incompatible with other formats");
    }
    number->exponent = true;
}

/* The fields that say something about the sign, but S. */
static void take_sign_word(const struct sql_call *call, struct number_template *number, enum number_field field) {
    bool words = field == NUMBER_BRACKET;
    refuse_when(call, words && (number->sign || number->plus || number->minus),
                "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
    refuse_when(call, number->sign,
                field == NUMBER_MINUS  ? "cannot use \"S\" and \"MI\" together"
                : field == NUMBER_PLUS ? "cannot use \"S\" and \"PL\" together"
                                       : "cannot use \"S\" and \"SG\" together");
    number->bracket = number->bracket || words;
    number->minus = number->minus || field == NUMBER_MINUS || field == NUMBER_BOTH;
    number->plus = number->plus || field == NUMBER_PLUS || field == NUMBER_BOTH;
}

static void take_field(const struct sql_call *call, struct number_template *number, enum number_field field) {
    refuse_when(call, number->exponent && field != NUMBER_EXPONENT, "\"EEEE\" must be the last pattern used");
    switch (field) {
    case NUMBER_NINE:
    case NUMBER_ZERO:
        take_digit(call, number, field == NUMBER_ZERO);
        break;
    case NUMBER_POINT:
    case NUMBER_POINT_LOCALE:
        refuse_when(call, number->has_point, "multiple decimal points");
        refuse_when(call, number->shifted, "cannot use \"V\" and decimal point together");
        number->has_point = true;
        break;
    case NUMBER_SIGN:
        take_sign(call, number);
        break;
    case NUMBER_MINUS:
    case NUMBER_PLUS:
    case NUMBER_BOTH:
    case NUMBER_BRACKET:
        take_sign_word(call, number, field);
        break;
    case NUMBER_ROMAN:
    case NUMBER_ROMAN_LOWER:
        number->roman = true;
        break;
    case NUMBER_SHIFT:
        refuse_when(call, number->has_point, "cannot use \"V\" and decimal point together");
        number->shifted = true;
        break;
    case NUMBER_EXPONENT:
        take_exponent(call, number);
        break;
    case NUMBER_FILL:
        number->fill = true;
        break;
    case NUMBER_BLANK:
        number->blank = number->blank || (number->before == 0 && number->after == 0 && !number->zero);
        break;
    case NUMBER_COMMA:
    case NUMBER_GROUP:
    case NUMBER_CURRENCY:
    case NUMBER_ORDINAL:
    case NUMBER_ORDINAL_LOWER:
    case NUMBER_SPELL:
        break;
    }
}

struct number_template number_template_read(const struct sql_call *call, struct slice text) {
    struct number_template number = {0};
    if (text.length > INT32_MAX / 8) {
        sql_raise(call->context, KMB_LIMIT, call->position, "format string is too long");
    }
    number.items = template_read(call, text, number_fields, ARRAY_LENGTH(number_fields), false);
    for (uint32_t i = 0; i < number.items.count; i++) {
        if (number.items.items[i].kind == TEMPLATE_FIELD) {
            take_field(call, &number, (enum number_field)number.items.items[i].field->id);
        }
    }
    ASSERT(number.before >= 0 && number.after >= 0 && number.shift >= 0);
    return number;
}
