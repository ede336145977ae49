/*
 * JSON text checked, and brought to the text of a jsonb value.
 *
 * One tokenizer serves both. The grammar is a machine of six states ("what may come now") with a stack of one bit a
 * level, object or array; the input's nesting costs bits, never C stack. To normalise, the same walk builds a tree of
 * arena nodes; each object's members are sorted (by length, then bytes: jsonb's own order) when it closes, and the
 * tree is printed by following parent links. Numbers are rewritten digit by digit, so they keep every digit.
 *
 * Error details are the sentences of PostgreSQL's json parser.
 */
#include "types/json.h"

#include <stdio.h>

#include "base/assert.h"
#include "types/json_tree.h"
#include "types/utf8.h"

#define NUMBER_WHOLE_MAX    131072 /* digits before and after the point that PostgreSQL's numeric has */
#define NUMBER_FRACTION_MAX 16383
#define SHOWN_MAX           100

/* What may come now. */
enum json_state {
    JSON_WANT_VALUE,
    JSON_WANT_FIRST_ELEMENT, /* or ']' */
    JSON_WANT_FIRST_KEY,     /* or '}' */
    JSON_WANT_KEY,
    JSON_WANT_COLON,
    JSON_WANT_MORE, /* ',' or the closing bracket */
    JSON_WANT_END,
};

struct json_reader {
    struct slice text;
    size_t at;
    struct slice token; /* of strings: with quotes */
    struct kmb_error *error;
    uint32_t depth;
    uint64_t objects[(JSON_DEPTH_MAX + 63) / 64]; /* bit per level: an object */
    enum json_state state;
};

/* --- errors --- */

static enum kmb_status json_fail(struct json_reader *r, const char *format, struct slice token) {
    error_set(r->error, KMB_INVALID_JSON, "invalid input syntax for type json");
    struct slice shown = utf8_cut(token, SHOWN_MAX);
    char text[SHOWN_MAX * 4 + 1];
    snprintf(text, sizeof(text), "%.*s", (int)shown.length, (const char *)shown.bytes);
    if (r->error != NULL) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        error_detail(r->error, format, text); /* all formats stand in this file, each with one %s or none */
#pragma GCC diagnostic pop
    }
    return KMB_INVALID_JSON;
}

static enum kmb_status json_unexpected(struct json_reader *r, enum json_token token) {
    static const char *const wanted[] = {
        [JSON_WANT_VALUE] = "Expected JSON value, but found \"%s\".",
        [JSON_WANT_FIRST_ELEMENT] = "Expected JSON value, but found \"%s\".",
        [JSON_WANT_FIRST_KEY] = "Expected string or \"}\", but found \"%s\".",
        [JSON_WANT_KEY] = "Expected string, but found \"%s\".",
        [JSON_WANT_COLON] = "Expected \":\", but found \"%s\".",
        [JSON_WANT_MORE] = NULL,
        [JSON_WANT_END] = "Expected end of input, but found \"%s\".",
    };
    if (token == JSON_END) {
        return json_fail(r, "The input string ended unexpectedly.", slice_make(NULL, 0));
    }
    if (r->state == JSON_WANT_MORE) {
        bool object = r->objects[(r->depth - 1) / 64] >> ((r->depth - 1) % 64) & 1;
        return json_fail(
            r, object ? "Expected \",\" or \"}\", but found \"%s\"." : "Expected \",\" or \"]\", but found \"%s\".",
            r->token);
    }
    return json_fail(r, wanted[r->state], r->token);
}

/* --- tokens --- */

static bool json_digit(struct slice text, size_t at) {
    return at < text.length && text.bytes[at] >= '0' && text.bytes[at] <= '9';
}

/* What PostgreSQL takes as part of one bad token. */
static bool json_word_byte(struct slice text, size_t at) {
    if (at >= text.length) {
        return false;
    }
    uint8_t byte = text.bytes[at];
    uint8_t lower = byte | 0x20;
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' || byte >= 0x80;
}

static enum kmb_status json_invalid_token(struct json_reader *r, size_t start, size_t at) {
    while (json_word_byte(r->text, at)) {
        at++;
    }
    at += at == start ? 1 : 0;
    return json_fail(r, "Token \"%s\" is invalid.", slice_make(r->text.bytes + start, at - start));
}

static int json_hex(uint8_t byte) {
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Four hexadecimal digits at `at`; -1 when they are not. */
static int32_t json_read_hex(struct slice text, size_t at) {
    int32_t code = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = at + i < text.length ? json_hex(text.bytes[at + i]) : -1;
        if (digit < 0) {
            return -1;
        }
        code = code * 16 + digit;
    }
    return code;
}

static enum kmb_status json_scan_string(struct json_reader *r) {
    size_t at = r->at + 1;
    for (;;) {
        if (at >= r->text.length) {
            return json_fail(r, "Token \"%s\" is invalid.", slice_make(r->text.bytes + r->at, r->text.length - r->at));
        }
        uint8_t byte = r->text.bytes[at];
        if (byte == '"') {
            break;
        }
        if (byte < 0x20) {
            char value[8];
            snprintf(value, sizeof(value), "%02x", byte);
            return json_fail(r, "Character with value 0x%s must be escaped.", slice_text(value));
        }
        if (byte != '\\') {
            at++;
            continue;
        }
        uint8_t escape = at + 1 < r->text.length ? r->text.bytes[at + 1] : 0;
        if (escape == 'u') {
            if (json_read_hex(r->text, at + 2) < 0) {
                return json_fail(r, "\"\\u\" must be followed by four hexadecimal digits.", slice_make(NULL, 0));
            }
            at += 6;
        } else if (escape != 0 && strchr("\"\\/bfnrt", escape) != NULL) {
            at += 2;
        } else if (at + 1 >= r->text.length) {
            at = r->text.length;
        } else {
            struct slice rest = slice_make(r->text.bytes + at + 1, r->text.length - at - 1);
            return json_fail(r, "Escape sequence \"\\%s\" is invalid.", utf8_cut(rest, 1));
        }
    }
    r->token = slice_make(r->text.bytes + r->at, at + 1 - r->at);
    r->at = at + 1;
    return KMB_OK;
}

static enum kmb_status json_scan_number(struct json_reader *r) {
    struct slice text = r->text;
    size_t at = r->at + (text.bytes[r->at] == '-' ? 1 : 0);
    bool good = json_digit(text, at);
    if (good && text.bytes[at] == '0') {
        at++;
    } else {
        while (json_digit(text, at)) {
            at++;
        }
    }
    if (good && at < text.length && text.bytes[at] == '.') {
        at++;
        good = json_digit(text, at);
        while (json_digit(text, at)) {
            at++;
        }
    }
    if (good && at < text.length && (text.bytes[at] | 0x20) == 'e') {
        at++;
        at += at < text.length && (text.bytes[at] == '+' || text.bytes[at] == '-') ? 1 : 0;
        good = json_digit(text, at);
        while (json_digit(text, at)) {
            at++;
        }
    }
    if (!good || json_word_byte(text, at)) {
        return json_invalid_token(r, r->at, at);
    }
    r->token = slice_make(text.bytes + r->at, at - r->at);
    r->at = at;
    return KMB_OK;
}

static enum kmb_status json_scan_word(struct json_reader *r, enum json_token *token) {
    size_t at = r->at;
    while (json_word_byte(r->text, at)) {
        at++;
    }
    r->token = slice_make(r->text.bytes + r->at, at - r->at);
    if (slice_equal_text(r->token, "true")) {
        *token = JSON_TRUE;
    } else if (slice_equal_text(r->token, "false")) {
        *token = JSON_FALSE;
    } else if (slice_equal_text(r->token, "null")) {
        *token = JSON_NULL;
    } else {
        return json_invalid_token(r, r->at, at);
    }
    r->at = at;
    return KMB_OK;
}

static enum kmb_status json_scan(struct json_reader *r, enum json_token *token) {
    static const char marks[] = "{}[],:";
    static const enum json_token of_mark[] = {JSON_OBJECT_OPEN, JSON_OBJECT_CLOSE, JSON_ARRAY_OPEN,
                                              JSON_ARRAY_CLOSE, JSON_COMMA,        JSON_COLON};
    while (r->at < r->text.length && r->text.bytes[r->at] != 0 && strchr(" \t\n\r", r->text.bytes[r->at]) != NULL) {
        r->at++;
    }
    if (r->at == r->text.length) {
        *token = JSON_END;
        return KMB_OK;
    }
    uint8_t byte = r->text.bytes[r->at];
    const char *mark = byte == 0 ? NULL : strchr(marks, byte);
    if (mark != NULL) {
        *token = of_mark[mark - marks];
        r->token = slice_make(r->text.bytes + r->at, 1);
        r->at++;
        return KMB_OK;
    }
    if (byte == '"') {
        *token = JSON_STRING;
        return json_scan_string(r);
    }
    if (byte == '-' || (byte >= '0' && byte <= '9')) {
        *token = JSON_NUMBER;
        return json_scan_number(r);
    }
    return json_scan_word(r, token);
}

/* --- grammar --- */

static bool json_in_object(const struct json_reader *r) {
    ASSERT(r->depth > 0);
    return r->objects[(r->depth - 1) / 64] >> ((r->depth - 1) % 64) & 1;
}

static enum kmb_status json_open(struct json_reader *r, bool object) {
    if (r->depth == JSON_DEPTH_MAX) {
        error_set(r->error, KMB_TOO_COMPLEX, "json nesting exceeds %d levels", JSON_DEPTH_MAX);
        return KMB_TOO_COMPLEX;
    }
    uint64_t bit = UINT64_C(1) << (r->depth % 64);
    r->objects[r->depth / 64] = object ? r->objects[r->depth / 64] | bit : r->objects[r->depth / 64] & ~bit;
    r->depth++;
    r->state = object ? JSON_WANT_FIRST_KEY : JSON_WANT_FIRST_ELEMENT;
    return KMB_OK;
}

/* A value has ended: what may follow it. */
static void json_after_value(struct json_reader *r) {
    r->state = r->depth == 0 ? JSON_WANT_END : JSON_WANT_MORE;
}

/* Moves the machine by one token. */
static enum kmb_status json_step(struct json_reader *r, enum json_token token) {
    bool scalar =
        token == JSON_STRING || token == JSON_NUMBER || token == JSON_TRUE || token == JSON_FALSE || token == JSON_NULL;
    switch (r->state) {
    case JSON_WANT_FIRST_ELEMENT:
    case JSON_WANT_VALUE:
        if (token == JSON_ARRAY_CLOSE && r->state == JSON_WANT_FIRST_ELEMENT) {
            r->depth--;
            json_after_value(r);
            return KMB_OK;
        }
        if (token == JSON_OBJECT_OPEN || token == JSON_ARRAY_OPEN) {
            return json_open(r, token == JSON_OBJECT_OPEN);
        }
        if (!scalar) {
            return json_unexpected(r, token);
        }
        json_after_value(r);
        return KMB_OK;
    case JSON_WANT_FIRST_KEY:
    case JSON_WANT_KEY:
        if (token == JSON_OBJECT_CLOSE && r->state == JSON_WANT_FIRST_KEY) {
            r->depth--;
            json_after_value(r);
            return KMB_OK;
        }
        if (token != JSON_STRING) {
            return json_unexpected(r, token);
        }
        r->state = JSON_WANT_COLON;
        return KMB_OK;
    case JSON_WANT_COLON:
        if (token != JSON_COLON) {
            return json_unexpected(r, token);
        }
        r->state = JSON_WANT_VALUE;
        return KMB_OK;
    case JSON_WANT_MORE:
        if (token == JSON_COMMA) {
            r->state = json_in_object(r) ? JSON_WANT_KEY : JSON_WANT_VALUE;
            return KMB_OK;
        }
        if (token == (json_in_object(r) ? JSON_OBJECT_CLOSE : JSON_ARRAY_CLOSE)) {
            r->depth--;
            json_after_value(r);
            return KMB_OK;
        }
        return json_unexpected(r, token);
    case JSON_WANT_END:
        break;
    }
    return token == JSON_END ? KMB_OK : json_unexpected(r, token);
}

enum kmb_status json_validate(struct slice text, struct kmb_error *error) {
    struct json_reader reader = {.text = text, .error = error, .state = JSON_WANT_VALUE};
    enum json_token token;
    do {
        enum kmb_status status = json_scan(&reader, &token);
        if (status == KMB_OK) {
            status = json_step(&reader, token);
        }
        if (status != KMB_OK) {
            return status;
        }
    } while (token != JSON_END);
    return KMB_OK;
}

/* --- the tree --- */

static enum kmb_status json_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

static enum kmb_status json_bad_escape(struct kmb_error *error, bool zero, const char *detail) {
    enum kmb_status status = zero ? KMB_UNTRANSLATABLE_CHARACTER : KMB_INVALID_JSON;
    error_set(error, status, zero ? "unsupported Unicode escape sequence" : "invalid input syntax for type json");
    if (error != NULL) {
        error_detail(error, "%s", detail);
    }
    return status;
}

/* A \u escape (and its second half) at `at`, which stands on the backslash. */
static enum kmb_status json_unescape_unicode(struct slice text, size_t *at, uint32_t *code, struct kmb_error *error) {
    uint32_t first = (uint32_t)json_read_hex(text, *at + 2);
    *at += 6;
    if (first == 0) {
        return json_bad_escape(error, true, "\\u0000 cannot be converted to text.");
    }
    bool high = first >= 0xd800 && first <= 0xdbff;
    bool low = first >= 0xdc00 && first <= 0xdfff;
    if (high && *at + 1 < text.length && text.bytes[*at] == '\\' && text.bytes[*at + 1] == 'u') {
        uint32_t second = (uint32_t)json_read_hex(text, *at + 2);
        if (second >= 0xd800 && second <= 0xdbff) {
            return json_bad_escape(error, false, "Unicode high surrogate must not follow a high surrogate.");
        }
        if (second >= 0xdc00 && second <= 0xdfff) {
            *at += 6;
            *code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return KMB_OK;
        }
    }
    if (high || low) {
        return json_bad_escape(error, false, "Unicode low surrogate must follow a high surrogate.");
    }
    *code = first;
    return KMB_OK;
}

/* A checked string token without its quotes and escapes. */
static enum kmb_status json_unescape(struct slice token, struct arena *arena, struct slice *out,
                                     struct kmb_error *error) {
    struct slice inner = slice_make(token.bytes + 1, token.length - 2);
    if (memchr(inner.bytes, '\\', inner.length) == NULL) {
        *out = inner;
        return KMB_OK;
    }
    uint8_t *bytes = arena_alloc(arena, inner.length);
    if (bytes == NULL) {
        return json_no_memory(error);
    }
    static const char escapes[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    size_t length = 0;
    for (size_t at = 0; at < inner.length;) {
        if (inner.bytes[at] != '\\') {
            bytes[length++] = inner.bytes[at++];
        } else if (inner.bytes[at + 1] == 'u') {
            uint32_t code = 0;
            enum kmb_status status = json_unescape_unicode(inner, &at, &code, error);
            if (status != KMB_OK) {
                return status;
            }
            length += utf8_encode(code, bytes + length); /* at most 4 bytes for at least 6 */
        } else {
            bytes[length++] = (uint8_t)meant[strchr(escapes, inner.bytes[at + 1]) - escapes];
            at += 2;
        }
    }
    *out = slice_make(bytes, length);
    return KMB_OK;
}

enum kmb_status json_string_read(struct slice token, struct arena *arena, struct slice *out, struct kmb_error *error) {
    ASSERT(token.length >= 2 && token.bytes[0] == '"' && token.bytes[token.length - 1] == '"');
    return json_unescape(token, arena, out, error);
}

int json_key_compare(struct slice a, struct slice b) {
    if (a.length != b.length) {
        return a.length < b.length ? -1 : 1;
    }
    return slice_compare(a, b);
}

/* Merges two sorted lists; equal keys keep their order. */
static struct json_node *json_merge(struct json_node *a, struct json_node *b) {
    struct json_node head = {.next = NULL};
    struct json_node *tail = &head;
    while (a != NULL && b != NULL) {
        struct json_node **from = json_key_compare(b->key, a->key) < 0 ? &b : &a;
        tail->next = *from;
        tail = *from;
        *from = (*from)->next;
    }
    tail->next = a != NULL ? a : b;
    return head.next;
}

/* Sorts the members by runs of doubling length (no recursion), then keeps the last of equal keys. */
static void json_sort_members(struct json_node *object) {
    struct json_node *bins[40] = {NULL}; /* bin i holds a sorted list of 2^i members */
    for (struct json_node *node = object->first; node != NULL;) {
        struct json_node *next = node->next;
        node->next = NULL;
        size_t bin = 0;
        for (; bin < ARRAY_LENGTH(bins) - 1 && bins[bin] != NULL; bin++) {
            node = json_merge(bins[bin], node);
            bins[bin] = NULL;
        }
        bins[bin] = node;
        node = next;
    }
    struct json_node *sorted = NULL;
    for (size_t bin = 0; bin < ARRAY_LENGTH(bins); bin++) {
        sorted = bins[bin] == NULL ? sorted : json_merge(bins[bin], sorted);
    }
    struct json_node **link = &sorted;
    while (*link != NULL) {
        struct json_node *node = *link;
        if (node->next != NULL && slice_equal(node->key, node->next->key)) {
            *link = node->next;
        } else {
            link = &node->next;
        }
    }
    object->first = sorted;
}

struct json_builder {
    struct arena *arena;
    struct json_node *open; /* the innermost object or array */
    struct json_node *root;
    struct slice key;
    bool sorted; /* members as jsonb has them */
};

static enum kmb_status json_build_value(struct json_builder *b, struct json_reader *r, enum json_token token) {
    struct json_node *node = arena_alloc_zero(b->arena, 1, sizeof(*node));
    if (node == NULL) {
        return json_no_memory(r->error);
    }
    node->kind = token;
    node->parent = b->open;
    node->key = b->key;
    node->text = r->token;
    node->source = r->token;
    if (token == JSON_STRING) {
        enum kmb_status status = json_unescape(r->token, b->arena, &node->text, r->error);
        if (status != KMB_OK) {
            return status;
        }
    }
    if (b->open == NULL) {
        b->root = node;
    } else if (b->open->first == NULL) {
        b->open->first = b->open->last = node;
    } else {
        b->open->last->next = node;
        b->open->last = node;
    }
    if (token == JSON_OBJECT_OPEN || token == JSON_ARRAY_OPEN) {
        b->open = node;
    }
    return KMB_OK;
}

/* Follows the machine: `before` is the state in which the token came. */
static enum kmb_status json_build(struct json_builder *b, struct json_reader *r, enum json_state before,
                                  enum json_token token) {
    if (token == JSON_OBJECT_CLOSE || token == JSON_ARRAY_CLOSE) {
        if (token == JSON_OBJECT_CLOSE && b->sorted) {
            json_sort_members(b->open);
        }
        b->open->source.length = (size_t)(r->text.bytes + r->at - b->open->source.bytes);
        b->open = b->open->parent;
        return KMB_OK;
    }
    if (token == JSON_STRING && (before == JSON_WANT_KEY || before == JSON_WANT_FIRST_KEY)) {
        return json_unescape(r->token, b->arena, &b->key, r->error);
    }
    if (token == JSON_COMMA || token == JSON_COLON || token == JSON_END) {
        return KMB_OK;
    }
    return json_build_value(b, r, token);
}

/* --- printing --- */

void json_print_string(struct slice text, struct buffer *out) {
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    buffer_append_byte(out, '"');
    size_t start = 0;
    for (size_t at = 0; at < text.length; at++) {
        uint8_t byte = text.bytes[at];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        buffer_append(out, text.bytes + start, at - start);
        start = at + 1;
        const char *name = strchr(named, byte);
        if (name != NULL) {
            buffer_append_byte(out, '\\');
            buffer_append_byte(out, (uint8_t)letters[name - named]);
        } else {
            buffer_printf(out, "\\u%04x", byte);
        }
    }
    buffer_append(out, text.bytes + start, text.length - start);
    buffer_append_byte(out, '"');
}

/* A number token as numeric prints it: no exponent, no zeros before, the fraction as long as it was meant. */
static enum kmb_status json_print_number(struct slice token, struct buffer *out, struct kmb_error *error) {
    bool negative = token.bytes[0] == '-';
    size_t start = negative ? 1 : 0;
    size_t end = start;
    int64_t point = -1; /* digits before the point */
    int64_t digits = 0;
    bool zero = true;
    for (; end < token.length && (token.bytes[end] | 0x20) != 'e'; end++) {
        if (token.bytes[end] == '.') {
            point = digits;
        } else {
            digits++;
            zero = zero && token.bytes[end] == '0';
        }
    }
    point = point < 0 ? digits : point;
    int64_t exponent = 0;
    if (end < token.length) {
        size_t at = end + 1;
        bool down = token.bytes[at] == '-';
        at += token.bytes[at] == '-' || token.bytes[at] == '+' ? 1 : 0;
        for (; at < token.length; at++) {
            exponent = exponent > 10000000 ? exponent : exponent * 10 + (token.bytes[at] - '0');
        }
        exponent = down ? -exponent : exponent;
    }
    int64_t scale = digits - point - exponent;
    scale = scale < 0 ? 0 : scale;
    int64_t whole = point + exponent; /* digits before the point now; may be negative */
    if ((!zero && whole > NUMBER_WHOLE_MAX) || scale > NUMBER_FRACTION_MAX) {
        return error_set(error, KMB_NUMERIC_OUT_OF_RANGE, "value overflows numeric format");
    }
    if (negative && !zero) {
        buffer_append_byte(out, '-');
    }
    /* Digit i of the number stands at place i - whole after the point. */
    size_t at = start;
    bool leading = true;
    int64_t last = zero ? 0 : whole;
    for (int64_t i = 0; i < last; i++) {
        at += at < end && token.bytes[at] == '.' ? 1 : 0;
        uint8_t digit = at < end ? token.bytes[at++] : '0';
        leading = leading && digit == '0';
        if (!leading) {
            buffer_append_byte(out, digit);
        }
    }
    if (leading) {
        buffer_append_byte(out, '0');
    }
    if (scale > 0) {
        buffer_append_byte(out, '.');
    }
    for (int64_t place = 0; place < scale; place++) {
        bool before = zero || place < -whole; /* zeros that the exponent put in front */
        at += !before && at < end && token.bytes[at] == '.' ? 1 : 0;
        buffer_append_byte(out, before || at >= end ? '0' : token.bytes[at++]);
    }
    return KMB_OK;
}

static enum kmb_status json_print_scalar(const struct json_node *node, struct buffer *out, struct kmb_error *error) {
    if (node->kind == JSON_STRING) {
        json_print_string(node->text, out);
    } else if (node->kind == JSON_NUMBER) {
        return json_print_number(node->text, out, error);
    } else {
        buffer_append_slice(out, node->text);
    }
    return KMB_OK;
}

/* Prints a tree by walking it: down to the first child, along to the next sibling, up through closing brackets. */
static enum kmb_status json_print(const struct json_node *root, struct buffer *out, struct kmb_error *error) {
    const struct json_node *node = root;
    while (node != NULL) {
        if (node->parent != NULL && node->parent->kind == JSON_OBJECT_OPEN) {
            json_print_string(node->key, out);
            buffer_append(out, ": ", 2);
        }
        bool object = node->kind == JSON_OBJECT_OPEN;
        if (object || node->kind == JSON_ARRAY_OPEN) {
            buffer_append_byte(out, object ? '{' : '[');
            if (node->first != NULL) {
                node = node->first;
                continue;
            }
            buffer_append_byte(out, object ? '}' : ']');
        } else {
            enum kmb_status status = json_print_scalar(node, out, error);
            if (status != KMB_OK) {
                return status;
            }
        }
        while (node != root && node->next == NULL) {
            node = node->parent;
            buffer_append_byte(out, node->kind == JSON_OBJECT_OPEN ? '}' : ']');
        }
        if (node == root) {
            return KMB_OK;
        }
        buffer_append(out, ", ", 2);
        node = node->next;
    }
    return KMB_OK;
}

enum kmb_status json_tree_parse(struct slice text, bool sorted, struct arena *arena, struct json_node **root,
                                struct kmb_error *error) {
    struct json_reader reader = {.text = text, .error = error, .state = JSON_WANT_VALUE};
    struct json_builder builder = {.arena = arena, .sorted = sorted};
    enum kmb_status status;
    enum json_token token;
    do {
        status = json_scan(&reader, &token);
        enum json_state state = reader.state;
        if (status == KMB_OK) {
            status = json_step(&reader, token);
        }
        if (status == KMB_OK) {
            status = json_build(&builder, &reader, state, token);
        }
    } while (status == KMB_OK && token != JSON_END);
    *root = builder.root;
    return status;
}

enum kmb_status json_tree_print(const struct json_node *root, struct buffer *out, struct kmb_error *error) {
    enum kmb_status status = json_print(root, out, error);
    return status == KMB_OK && !buffer_ok(out) ? json_no_memory(error) : status;
}

enum kmb_status json_normalize(struct slice text, struct arena *arena, struct buffer *out, struct kmb_error *error) {
    struct arena_mark mark = arena_mark(arena);
    size_t before = out->length;
    struct json_node *root = NULL;
    enum kmb_status status = json_tree_parse(text, true, arena, &root, error);
    if (status == KMB_OK) {
        status = json_tree_print(root, out, error);
    }
    if (status != KMB_OK) {
        out->length = before;
    }
    arena_rewind(arena, mark);
    return status;
}
