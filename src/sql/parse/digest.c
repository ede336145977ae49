/*
 * The digest's pass.
 *
 * It knows words, numbers, strings, names in quotes, operators and parentheses, and for each literal what stood before
 * it. Where it is not sure it gives up, which costs the statement nothing but its place among the kept plans.
 */
#include "sql/parse/digest.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "types/decimal.h"
#include "types/utf8.h"

#define PARENTHESES_MAX 50

enum before {
    BEFORE_OTHER,
    BEFORE_EQUALS, /* = */
    BEFORE_OPEN,   /* the parenthesis of a list */
    BEFORE_COMMA,  /* in a list */
    BEFORE_LIST,   /* VALUES or IN: a parenthesis now opens a list */
    BEFORE_ROW,    /* a list of VALUES has closed */
    BEFORE_NEXT,   /* ... and a comma: another may follow */
};

struct pass {
    const char *text;
    uint32_t length;
    uint32_t at;
    struct sql_digest *digest;
    enum before before;
    bool lists[PARENTHESES_MAX]; /* by open parenthesis: it is a list */
    bool rows[PARENTHESES_MAX];  /* ... of VALUES */
    uint32_t depth;
    bool values_word; /* the word before was VALUES */
    bool counted;     /* literals may be numbers of columns or rows from here on */
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}
static bool is_operator(char c) {
    return c != 0 && strchr("+-*/<>=~!@#%^&|`?", c) != NULL;
}

static char peek(const struct pass *pass, uint32_t ahead) {
    return pass->at + ahead < pass->length ? pass->text[pass->at + ahead] : 0;
}

static bool put(struct pass *pass, const char *bytes, uint32_t count) {
    struct sql_digest *digest = pass->digest;
    if (count > SQL_DIGEST_BYTES_MAX - digest->key_length) {
        return false;
    }
    memcpy(digest->key + digest->key_length, bytes, count);
    digest->key_length += count;
    return true;
}

/* The first byte behind `from` that is no blank; 0 at the end. */
static char next_solid(const struct pass *pass, uint32_t from) {
    while (from < pass->length && is_blank(pass->text[from])) {
        from++;
    }
    return from < pass->length ? pass->text[from] : 0;
}

/* Whether a literal that ends at `end` may be a parameter. */
static bool replaceable(const struct pass *pass, uint32_t end) {
    if (pass->counted || pass->digest->literal_count == SQL_DIGEST_LITERALS_MAX) {
        return false;
    }
    char next = next_solid(pass, end);
    if (pass->before == BEFORE_OPEN || pass->before == BEFORE_COMMA) {
        return next == ',' || next == ')';
    }
    return pass->before == BEFORE_EQUALS && (next == 0 || next == ')' || next == ',' || next == ';' || is_word(next));
}

static bool put_literal(struct pass *pass, enum type_id type, uint32_t end) {
    struct sql_digest *digest = pass->digest;
    uint32_t first = pass->at;
    bool replaced = replaceable(pass, end);
    pass->at = end;
    pass->before = BEFORE_OTHER;
    if (!replaced) {
        return put(pass, pass->text + first, end - first);
    }
    char parameter[16];
    int length = snprintf(parameter, sizeof(parameter), "$%u", digest->literal_count + 1);
    digest->literals[digest->literal_count++] = (struct sql_literal){
        .type = type, .first = first, .end = end, .in_key = digest->key_length, .in_key_length = (uint32_t)length};
    return put(pass, parameter, (uint32_t)length);
}

static bool number(struct pass *pass) {
    uint32_t end = pass->at;
    bool point = false;
    while (end < pass->length && (is_digit(pass->text[end]) || (pass->text[end] == '.' && !point))) {
        point = point || pass->text[end] == '.';
        end++;
    }
    char next = end < pass->length ? pass->text[end] : 0;
    uint32_t digits = end - pass->at;
    if (is_word(next) || next == '.' || (next & 0x80) != 0 || pass->text[end - 1] == '.' || digits > 30) {
        return false; /* 1e5, 0x1f, 1..2, 1. */
    }
    int64_t value = 0;
    enum type_id type = TYPE_NUMERIC;
    if (!point && digits <= 18) {
        for (uint32_t i = pass->at; i < end; i++) {
            value = value * 10 + (pass->text[i] - '0');
        }
        type = value <= INT32_MAX ? TYPE_INT4 : TYPE_INT8;
    } else if (!point) {
        return false;
    }
    return put_literal(pass, type, end);
}

static bool string(struct pass *pass) {
    uint32_t end = pass->at + 1;
    for (;; end++) {
        const char *quote = memchr(pass->text + end, '\'', pass->length - end);
        if (quote == NULL) {
            return false;
        }
        end = (uint32_t)(quote - pass->text) + 1;
        if (end == pass->length || pass->text[end] != '\'') {
            break;
        }
    }
    struct slice inside = slice_make(pass->text + pass->at, end - pass->at);
    if (next_solid(pass, end) == '\'' || memchr(inside.bytes, 0, inside.length) != NULL ||
        utf8_check(inside, NULL) != KMB_OK) {
        return false;
    }
    return put_literal(pass, TYPE_UNKNOWN, end);
}

static bool word_is(const char *word, uint32_t length, const char *wanted) {
    return length == strlen(wanted) && strncasecmp(word, wanted, length) == 0;
}

static bool word(struct pass *pass) {
    uint32_t end = pass->at;
    while (end < pass->length && (is_word(pass->text[end]) || is_digit(pass->text[end]) || pass->text[end] == '$')) {
        end++;
    }
    char next = end < pass->length ? pass->text[end] : 0;
    if ((next & 0x80) != 0 || next == '\'' || (next == '&' && end - pass->at == 1)) {
        return false; /* another alphabet; E'', B'', U&'' */
    }
    const char *name = pass->text + pass->at;
    uint32_t length = end - pass->at;
    static const char *const counting[] = {"BY", "LIMIT", "OFFSET", "FETCH", "WINDOW"};
    for (size_t i = 0; i < sizeof(counting) / sizeof(counting[0]); i++) {
        pass->counted = pass->counted || word_is(name, length, counting[i]);
    }
    bool values = word_is(name, length, "VALUES");
    pass->before = values || word_is(name, length, "IN") ? BEFORE_LIST : BEFORE_OTHER;
    pass->values_word = values;
    pass->at = end;
    return put(pass, name, length);
}

static bool quoted_name(struct pass *pass) {
    const char *quote = memchr(pass->text + pass->at + 1, '"', pass->length - pass->at - 1);
    if (quote == NULL) {
        return false;
    }
    const char *from = pass->text + pass->at;
    uint32_t length = (uint32_t)(quote - from) + 1;
    for (uint32_t i = 0; i < length; i++) {
        if ((from[i] & 0x80) != 0 || from[i] == 0) {
            return false;
        }
    }
    pass->at += length;
    pass->before = BEFORE_OTHER;
    return put(pass, from, length);
}

static bool operators(struct pass *pass) {
    uint32_t end = pass->at;
    while (end < pass->length && is_operator(pass->text[end])) {
        if (end + 1 < pass->length && ((pass->text[end] == '-' && pass->text[end + 1] == '-') ||
                                       (pass->text[end] == '/' && pass->text[end + 1] == '*'))) {
            return false; /* a comment */
        }
        end++;
    }
    const char *from = pass->text + pass->at;
    uint32_t length = end - pass->at;
    pass->before = length == 1 && from[0] == '=' ? BEFORE_EQUALS : BEFORE_OTHER;
    pass->at = end;
    return put(pass, from, length);
}

static bool mark(struct pass *pass, char c) {
    if (c == '(') {
        if (pass->depth == PARENTHESES_MAX) {
            return false;
        }
        bool list = pass->before == BEFORE_LIST || pass->before == BEFORE_NEXT;
        pass->lists[pass->depth] = list;
        pass->rows[pass->depth] = pass->before == BEFORE_NEXT || (list && pass->values_word);
        pass->depth++;
        pass->before = list ? BEFORE_OPEN : BEFORE_OTHER;
    } else if (c == ')') {
        if (pass->depth == 0) {
            return false;
        }
        pass->depth--;
        pass->before = pass->rows[pass->depth] ? BEFORE_ROW : BEFORE_OTHER;
    } else if (c == ',') {
        bool in_list = pass->depth > 0 && pass->lists[pass->depth - 1];
        pass->before = pass->before == BEFORE_ROW ? BEFORE_NEXT : in_list ? BEFORE_COMMA : BEFORE_OTHER;
    } else {
        pass->before = BEFORE_OTHER;
    }
    pass->at++;
    return put(pass, &c, 1);
}

static bool token(struct pass *pass) {
    char c = peek(pass, 0);
    if (is_word(c)) {
        return word(pass);
    }
    if (is_digit(c)) {
        return number(pass);
    }
    if (c == '\'') {
        return string(pass);
    }
    if (c == '"') {
        return quoted_name(pass);
    }
    if (is_operator(c)) {
        return operators(pass);
    }
    if (c == '.' && is_digit(peek(pass, 1))) {
        return false;
    }
    return c != 0 && strchr("(),.:[]*", c) != NULL && mark(pass, c);
}

static bool begins_as_kept(const struct pass *pass) {
    static const char *const words[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "VALUES", "WITH"};
    uint32_t end = pass->at;
    while (end < pass->length && is_word(pass->text[end])) {
        end++;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (word_is(pass->text + pass->at, end - pass->at, words[i])) {
            return true;
        }
    }
    return false;
}

/* FNV-1a over words of eight bytes, mixed at the end. */
static uint64_t hash_key(const char *key, uint32_t length) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ length;
    for (uint32_t at = 0; at < length; at += 8) {
        uint64_t eight = 0;
        memcpy(&eight, key + at, length - at < 8 ? length - at : 8);
        hash = (hash ^ eight) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    return hash;
}

bool sql_digest(struct slice text, struct sql_digest *digest) {
    if (text.length > SQL_DIGEST_BYTES_MAX) {
        return false;
    }
    struct pass pass = {.text = (const char *)text.bytes, .length = (uint32_t)text.length, .digest = digest};
    digest->key_length = 0;
    digest->literal_count = 0;
    while (pass.at < pass.length && is_blank(pass.text[pass.at])) {
        pass.at++;
    }
    if (!begins_as_kept(&pass)) {
        return false;
    }
    digest->first = pass.at;
    digest->end = pass.length;
    while (pass.at < pass.length) {
        char c = pass.text[pass.at];
        if (c == ';') {
            digest->end = pass.at;
            for (pass.at++; pass.at < pass.length && is_blank(pass.text[pass.at]); pass.at++) {
            }
            if (pass.at < pass.length) {
                return false;
            }
            break;
        }
        if (is_blank(c)) {
            pass.at++;
            if (!put(&pass, &c, 1)) {
                return false;
            }
        } else if (!token(&pass)) {
            return false;
        }
    }
    while (is_blank(pass.text[digest->end - 1])) { /* a word is before it */
        digest->end--;
    }
    while (is_blank(digest->key[digest->key_length - 1])) {
        digest->key_length--;
    }
    digest->hash = hash_key(digest->key, digest->key_length);
    for (uint32_t i = 0; i < digest->literal_count; i++) {
        digest->hash = (digest->hash ^ (uint64_t)digest->literals[i].type) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return pass.depth == 0;
}

static bool string_value(struct slice quoted, struct arena *arena, struct value *value) {
    char *copy = arena_alloc(arena, quoted.length);
    if (copy == NULL) {
        return false;
    }
    size_t length = 0;
    for (size_t i = 1; i + 1 < quoted.length; i++) {
        copy[length++] = (char)quoted.bytes[i];
        i += quoted.bytes[i] == '\'';
    }
    *value = value_bytes(TYPE_UNKNOWN, slice_make(copy, length));
    return true;
}

bool sql_digest_values(struct slice text, const struct sql_digest *digest, struct arena *arena, struct value *values) {
    for (uint32_t i = 0; i < digest->literal_count; i++) {
        const struct sql_literal *literal = &digest->literals[i];
        struct slice written = slice_make(text.bytes + literal->first, literal->end - literal->first);
        if (literal->type == TYPE_UNKNOWN) {
            if (!string_value(written, arena, &values[i])) {
                return false;
            }
            continue;
        }
        if (literal->type == TYPE_NUMERIC) {
            struct decimal decimal;
            if (decimal_parse(written, &decimal, NULL) != KMB_OK) {
                return false;
            }
            values[i] = value_decimal(decimal);
            continue;
        }
        int64_t number = 0;
        for (size_t n = 0; n < written.length; n++) {
            number = number * 10 + (written.bytes[n] - '0');
        }
        values[i] = value_int8(number);
        values[i].type = literal->type;
    }
    return true;
}

uint32_t sql_digest_position(struct slice text, const struct sql_digest *digest, uint32_t position) {
    uint32_t text_at = digest->first;
    uint32_t in_key = 1; /* characters */
    uint32_t in_text = 1;
    uint32_t literal = 0;
    for (uint32_t key_at = 0; key_at < digest->key_length && in_key < position;) {
        const struct sql_literal *next = literal < digest->literal_count ? &digest->literals[literal] : NULL;
        if (next != NULL && key_at == next->in_key) {
            if (position < in_key + next->in_key_length) {
                break; /* within the parameter: where the literal begins */
            }
            in_key += next->in_key_length;
            key_at += next->in_key_length;
            for (; text_at < next->end; text_at++) {
                in_text += (text.bytes[text_at] & 0xc0) != 0x80;
            }
            literal++;
            continue;
        }
        do { /* one character, the same in both */
            key_at++;
            text_at++;
        } while (key_at < digest->key_length && (digest->key[key_at] & 0xc0) == 0x80);
        in_key++;
        in_text++;
    }
    return position == 0 ? 0 : in_text;
}
