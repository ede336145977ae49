/*
 * How a template is split into items: see template.h. What a field does is the business of its topic
 * (to_char_number.c, to_char_datetime.c, to_timestamp.c); here are only spellings.
 */
#include "sql/func/template.h"

#include "base/assert.h"
#include "sql/func/loops.h"

bool template_separator(uint8_t byte) {
    bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
    return byte > ' ' && byte < 0x7F && !letter && !(byte >= '0' && byte <= '9');
}

size_t template_character(struct slice text, size_t at) {
    ASSERT(at < text.length);
    size_t length = 1;
    while (at + length < text.length && (text.bytes[at + length] & 0xC0) == 0x80) {
        length++;
    }
    return length;
}

static bool stands_at(struct slice text, size_t at, const char *word) {
    size_t length = strlen(word);
    return text.length - at >= length && memcmp(text.bytes + at, word, length) == 0;
}

static uint8_t prefix_at(struct slice text, size_t at) {
    if (stands_at(text, at, "FM") || stands_at(text, at, "fm")) {
        return TEMPLATE_FILL;
    }
    return stands_at(text, at, "TM") || stands_at(text, at, "tm") ? TEMPLATE_TRANSLATED : 0;
}

/* Behind a field. SP, which would spell numbers out, is taken and has no effect, as in PostgreSQL. */
static uint8_t suffix_at(struct slice text, size_t *at) {
    uint8_t suffix = stands_at(text, *at, "TH")   ? TEMPLATE_ORDINAL_UPPER
                     : stands_at(text, *at, "th") ? TEMPLATE_ORDINAL_LOWER
                                                  : 0;
    *at += suffix != 0 || stands_at(text, *at, "SP") ? 2 : 0;
    return suffix;
}

static const struct template_field *field_at(struct slice text, size_t at, const struct template_field *fields,
                                             size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (stands_at(text, at, fields[i].name)) {
            return &fields[i];
        }
    }
    return NULL;
}

/* The character at *at, as an item that stands for itself. */
static struct template_item character_item(struct slice text, size_t *at, bool quoted, bool of_dates) {
    size_t length = template_character(text, *at);
    uint8_t byte = text.bytes[*at];
    struct template_item item = {.kind = TEMPLATE_TEXT, .quoted = quoted, .text = slice_make(text.bytes + *at, length)};
    if (!quoted) {
        item.kind = of_dates && template_separator(byte) ? TEMPLATE_SEPARATOR
                    : template_blank(byte)               ? TEMPLATE_BLANK
                                                         : TEMPLATE_TEXT;
    }
    *at += length;
    return item;
}

struct template template_read(const struct sql_call *call, struct slice text, const struct template_field *fields,
                              size_t field_count, bool of_dates) {
    struct template read = {0};
    size_t at = 0;
    bool quoted = false;
    read.items = (struct template_item *)(void *)result_bytes(call, (text.length + 1) * sizeof(*read.items));
    while (at < text.length) {
        uint8_t prefix = of_dates && !quoted ? prefix_at(text, at) : 0;
        at += prefix != 0 ? 2 : 0;
        const struct template_field *field = quoted ? NULL : field_at(text, at, fields, field_count);
        if (field != NULL) {
            at += strlen(field->name);
            uint8_t suffix = of_dates ? suffix_at(text, &at) : 0;
            read.items[read.count++] =
                (struct template_item){.kind = TEMPLATE_FIELD, .modifiers = prefix | suffix, .field = field};
        } else if (at < text.length && text.bytes[at] == '"') {
            quoted = !quoted;
            at++;
        } else if (at < text.length) {
            bool escape = text.bytes[at] == '\\' && at + 1 < text.length && (quoted || text.bytes[at + 1] == '"');
            at += escape;
            read.items[read.count++] = character_item(text, &at, quoted, of_dates);
        }
    }
    return read;
}

const char *template_ordinal(const struct sql_call *call, struct slice digits, bool upper) {
    uint8_t last = digits.length > 0 ? digits.bytes[digits.length - 1] : 0;
    if (last < '0' || last > '9') {
        sql_raise(call->context, KMB_INVALID_TEXT, call->position, "\"%.*s\" is not a number", (int)digits.length,
                  (const char *)digits.bytes);
    }
    bool teen = digits.length > 1 && digits.bytes[digits.length - 2] == '1';
    switch (teen ? '0' : last) {
    case '1':
        return upper ? "ST" : "st";
    case '2':
        return upper ? "ND" : "nd";
    case '3':
        return upper ? "RD" : "rd";
    default:
        return upper ? "TH" : "th";
    }
}
