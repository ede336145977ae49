/*
 * Templates of numbers, as to_char and to_number share them: how many digits stand where, and what else is asked for.
 */
#ifndef KMB_SQL_TEMPLATE_NUMBER_H
#define KMB_SQL_TEMPLATE_NUMBER_H

#include "sql/func/template.h"

enum number_field {
    NUMBER_NINE,
    NUMBER_ZERO,
    NUMBER_POINT,
    NUMBER_POINT_LOCALE, /* D */
    NUMBER_COMMA,
    NUMBER_GROUP, /* G */
    NUMBER_CURRENCY,
    NUMBER_SIGN, /* S */
    NUMBER_MINUS,
    NUMBER_PLUS,
    NUMBER_BOTH, /* SG */
    NUMBER_BRACKET,
    NUMBER_ROMAN,
    NUMBER_ROMAN_LOWER,
    NUMBER_ORDINAL,
    NUMBER_ORDINAL_LOWER,
    NUMBER_SHIFT, /* V */
    NUMBER_EXPONENT,
    NUMBER_FILL,
    NUMBER_BLANK,
    NUMBER_SPELL,
};

enum number_sign_place { NUMBER_SIGN_NONE, NUMBER_SIGN_BEFORE, NUMBER_SIGN_BEHIND };

struct number_template {
    struct template items;
    int32_t before; /* digits before the point */
    int32_t after;
    int32_t shift;                     /* digits behind V: the number is multiplied by that power of ten */
    int32_t zero_start;                /* the place of the first 0, counted from 1; 0: there is none before the point */
    int32_t zero_end;                  /* digits up to the last 0 */
    enum number_sign_place sign_place; /* of S */
    int32_t sign_before;               /* digits before S */
    bool has_point;
    bool fill;
    bool blank;
    bool zero;
    bool sign; /* S */
    bool minus;
    bool plus;
    bool bracket;
    bool roman;
    bool shifted;
    bool exponent;
};

struct number_template number_template_read(const struct sql_call *call, struct slice text);

#endif
