/*
 * The words and tokens that dates and times are written with. Private to the reader of dates.
 */
#ifndef KMB_TYPES_DATETIME_TOKEN_H
#define KMB_TYPES_DATETIME_TOKEN_H

#include "base/slice.h"

#define TOKENS_MAX  25 /* fields of one input, PostgreSQL's own bound */
#define TOKEN_BYTES 64 /* of one field; more is no date */

enum token_kind { TOKEN_NUMBER, TOKEN_DATE, TOKEN_TIME, TOKEN_WORD, TOKEN_ZONE, TOKEN_SPECIAL };

struct token {
    enum token_kind kind;
    struct slice text;
};

enum moment_special { SPECIAL_NONE, SPECIAL_INFINITY, SPECIAL_NEGATIVE_INFINITY, SPECIAL_EPOCH, SPECIAL_NOW };

enum word_kind {
    WORD_MONTH,
    WORD_DAY,
    WORD_ZONE,
    WORD_MERIDIAN,
    WORD_ERA,
    WORD_IGNORED,
    WORD_T,
    WORD_J,
    WORD_SPECIAL,
    WORD_RELATIVE,
    WORD_MIDNIGHT /* of UTC */
};

struct word_row {
    const char *word;
    enum word_kind kind;
    int32_t value;
};

static inline uint8_t text_lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}
static inline bool text_digit(struct slice text, size_t at) {
    return at < text.length && text.bytes[at] >= '0' && text.bytes[at] <= '9';
}
static inline bool text_alpha(struct slice text, size_t at) {
    return at < text.length && text_lower(text.bytes[at]) >= 'a' && text_lower(text.bytes[at]) <= 'z';
}
static inline bool text_is(struct slice text, size_t at, const char *set) { /* one of the characters of set */
    return at < text.length && text.bytes[at] != 0 && strchr(set, text.bytes[at]) != NULL;
}

/* The first place from `at` on that is none of these. */
size_t token_while(struct slice text, size_t at, bool digits, bool letters, const char *more);

/* A word in any case, or NULL. */
const struct word_row *word_find(struct slice word);

/* Cuts the text into at most TOKENS_MAX tokens; false for what no date has. */
bool tokens_cut(struct slice text, struct token *tokens, size_t *count);

#endif
