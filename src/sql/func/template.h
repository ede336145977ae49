/*
 * Templates of to_char, to_date, to_timestamp and to_number: 'YYYY-MM-DD', 'FM999.00'.
 *
 * A template is a row of items: fields, found by the longest spelling that a topic's table lists first; and what stands
 * between them, character by character. Text in double quotes is no field. In templates of dates a field may have one
 * modifier before it (FM, TM) and one behind it (TH, th, SP).
 */
#ifndef KMB_SQL_TEMPLATE_H
#define KMB_SQL_TEMPLATE_H

#include "sql/func/function.h"

/* One spelling of a field. Spellings with one first letter stand together, a longer one before its beginning. */
struct template_field {
    const char *name;
    uint8_t id;
    bool digits;      /* of dates: what is read is a number */
    uint8_t calendar; /* of dates: the convention of weeks and years that it belongs to, 0: none */
};

enum template_kind { TEMPLATE_FIELD, TEMPLATE_BLANK, TEMPLATE_SEPARATOR, TEMPLATE_TEXT };

enum template_modifier {
    TEMPLATE_FILL = 1,          /* FM: no padding */
    TEMPLATE_TRANSLATED = 2,    /* TM: names unpadded; they are English here */
    TEMPLATE_ORDINAL_UPPER = 4, /* TH */
    TEMPLATE_ORDINAL_LOWER = 8, /* th */
};
#define TEMPLATE_ORDINAL (TEMPLATE_ORDINAL_UPPER | TEMPLATE_ORDINAL_LOWER)

struct template_item {
    enum template_kind kind;
    uint8_t modifiers;
    bool quoted;                        /* of text: it stood in double quotes */
    const struct template_field *field; /* of fields */
    struct slice text;                  /* of all others: one character */
};

struct template {
    struct template_item *items;
    uint32_t count;
};

struct template template_read(const struct sql_call *call, struct slice text, const struct template_field *fields,
                              size_t field_count, bool of_dates);
/* "st", "nd", "rd" or "th" for digits; raises when they are none: "NaN" is not a number. */
const char *template_ordinal(const struct sql_call *call, struct slice digits, bool upper);
/* Bytes of the character at text[at]. */
size_t template_character(struct slice text, size_t at);
static inline bool template_blank(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}
/* Printable ASCII that is no letter, digit or blank. */
bool template_separator(uint8_t byte);

#endif
