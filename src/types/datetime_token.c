/*
 * Cutting the text of a date into tokens.
 *
 * By shape alone, before anything is known of meaning: digits are a number, with ':' a clock time, with '-', '/' or '.'
 * a date; letters are a word, or with the same marks a date or a zone's name; a sign before digits is a zone offset.
 * Other marks only separate. The words are those PostgreSQL knows without its zone database: months, days of the week,
 * fixed zone abbreviations, AM and BC, and the names of special moments.
 */
#include "types/datetime_token.h"

#include "base/assert.h"

/* Zones: seconds east. Relative: days from today. Words are known whole or by PostgreSQL's short forms. */
static const struct word_row WORDS[] = {
    {"jan", WORD_MONTH, 1},
    {"january", WORD_MONTH, 1},
    {"feb", WORD_MONTH, 2},
    {"february", WORD_MONTH, 2},
    {"mar", WORD_MONTH, 3},
    {"march", WORD_MONTH, 3},
    {"apr", WORD_MONTH, 4},
    {"april", WORD_MONTH, 4},
    {"may", WORD_MONTH, 5},
    {"jun", WORD_MONTH, 6},
    {"june", WORD_MONTH, 6},
    {"jul", WORD_MONTH, 7},
    {"july", WORD_MONTH, 7},
    {"aug", WORD_MONTH, 8},
    {"august", WORD_MONTH, 8},
    {"sep", WORD_MONTH, 9},
    {"sept", WORD_MONTH, 9},
    {"september", WORD_MONTH, 9},
    {"oct", WORD_MONTH, 10},
    {"october", WORD_MONTH, 10},
    {"nov", WORD_MONTH, 11},
    {"november", WORD_MONTH, 11},
    {"dec", WORD_MONTH, 12},
    {"december", WORD_MONTH, 12},
    {"sun", WORD_DAY, 0},
    {"sunday", WORD_DAY, 0},
    {"mon", WORD_DAY, 1},
    {"monday", WORD_DAY, 1},
    {"tue", WORD_DAY, 2},
    {"tues", WORD_DAY, 2},
    {"tuesday", WORD_DAY, 2},
    {"wed", WORD_DAY, 3},
    {"weds", WORD_DAY, 3},
    {"wednesday", WORD_DAY, 3},
    {"thu", WORD_DAY, 4},
    {"thur", WORD_DAY, 4},
    {"thurs", WORD_DAY, 4},
    {"thursday", WORD_DAY, 4},
    {"fri", WORD_DAY, 5},
    {"friday", WORD_DAY, 5},
    {"sat", WORD_DAY, 6},
    {"saturday", WORD_DAY, 6},
    {"z", WORD_ZONE, 0},
    {"zulu", WORD_ZONE, 0},
    {"utc", WORD_ZONE, 0},
    {"ut", WORD_ZONE, 0},
    {"uct", WORD_ZONE, 0},
    {"gmt", WORD_ZONE, 0},
    {"wet", WORD_ZONE, 0},
    {"bst", WORD_ZONE, 3600},
    {"west", WORD_ZONE, 3600},
    {"cet", WORD_ZONE, 3600},
    {"met", WORD_ZONE, 3600},
    {"cest", WORD_ZONE, 7200},
    {"mest", WORD_ZONE, 7200},
    {"eet", WORD_ZONE, 7200},
    {"sast", WORD_ZONE, 7200},
    {"ist", WORD_ZONE, 7200},
    {"eest", WORD_ZONE, 10800},
    {"msk", WORD_ZONE, 10800},
    {"hkt", WORD_ZONE, 28800},
    {"jst", WORD_ZONE, 32400},
    {"kst", WORD_ZONE, 32400},
    {"aest", WORD_ZONE, 36000},
    {"aedt", WORD_ZONE, 39600},
    {"nzst", WORD_ZONE, 43200},
    {"nzdt", WORD_ZONE, 46800},
    {"ast", WORD_ZONE, -14400},
    {"adt", WORD_ZONE, -10800},
    {"est", WORD_ZONE, -18000},
    {"edt", WORD_ZONE, -14400},
    {"cst", WORD_ZONE, -21600},
    {"cdt", WORD_ZONE, -18000},
    {"mst", WORD_ZONE, -25200},
    {"mdt", WORD_ZONE, -21600},
    {"pst", WORD_ZONE, -28800},
    {"pdt", WORD_ZONE, -25200},
    {"akst", WORD_ZONE, -32400},
    {"akdt", WORD_ZONE, -28800},
    {"hst", WORD_ZONE, -36000},
    {"am", WORD_MERIDIAN, 1},
    {"pm", WORD_MERIDIAN, 2},
    {"ad", WORD_ERA, 0},
    {"bc", WORD_ERA, 1},
    {"at", WORD_IGNORED, 0},
    {"on", WORD_IGNORED, 0},
    {"t", WORD_T, 0},
    {"j", WORD_J, 0},
    {"jd", WORD_J, 0},
    {"julian", WORD_J, 0},
    {"infinity", WORD_SPECIAL, SPECIAL_INFINITY},
    {"epoch", WORD_SPECIAL, SPECIAL_EPOCH},
    {"now", WORD_SPECIAL, SPECIAL_NOW},
    {"allballs", WORD_MIDNIGHT, 0},
    {"today", WORD_RELATIVE, 0},
    {"tomorrow", WORD_RELATIVE, 1},
    {"yesterday", WORD_RELATIVE, -1},
};

const struct word_row *word_find(struct slice word) {
    for (size_t i = 0; i < ARRAY_LENGTH(WORDS); i++) {
        const char *known = WORDS[i].word;
        size_t at = 0;
        while (at < word.length && known[at] != 0 && text_lower(word.bytes[at]) == (uint8_t)known[at]) {
            at++;
        }
        if (at == word.length && known[at] == 0) {
            return &WORDS[i];
        }
    }
    return NULL;
}

size_t token_while(struct slice text, size_t at, bool digits, bool letters, const char *more) {
    while ((digits && text_digit(text, at)) || (letters && text_alpha(text, at)) || text_is(text, at, more)) {
        at++;
    }
    return at;
}

/* A token that begins with a digit, or with a point before one. */
static size_t token_of_digit(struct slice text, size_t at, enum token_kind *kind) {
    *kind = TOKEN_NUMBER;
    if (text.bytes[at] == '.') {
        return token_while(text, at + 1, true, false, "");
    }
    at = token_while(text, at, true, false, "");
    if (text_is(text, at, ":")) {
        *kind = TOKEN_TIME;
        return token_while(text, at, true, false, ":.");
    }
    if (!text_is(text, at, "-/.")) {
        return at;
    }
    const char delimiter[2] = {(char)text.bytes[at], 0};
    at++;
    if (!text_digit(text, at)) {
        *kind = TOKEN_DATE; /* "08-Jan-1999" */
        return token_while(text, at, true, true, delimiter);
    }
    *kind = delimiter[0] == '.' ? TOKEN_NUMBER : TOKEN_DATE;
    at = token_while(text, at, true, false, "");
    if (text_is(text, at, delimiter)) {
        *kind = TOKEN_DATE;
        at = token_while(text, at, true, false, delimiter);
    }
    return at;
}

static size_t token_of_letter(struct slice text, size_t at, enum token_kind *kind) {
    size_t start = at;
    *kind = TOKEN_WORD;
    at = token_while(text, at, false, true, "");
    bool date = text_is(text, at, "-/.");
    if (text_is(text, at, "+") || text_digit(text, at)) {
        const struct word_row *word = word_find(slice_make(text.bytes + start, at - start));
        date = word == NULL || word->kind == WORD_ZONE; /* "GMT+8" is a zone's rule */
    }
    if (date) {
        *kind = TOKEN_DATE; /* "Jan-08-1999", or a zone's name */
        at = token_while(text, at, true, true, "+-/_.:");
    }
    return at;
}

bool tokens_cut(struct slice text, struct token *tokens, size_t *count) {
    size_t at = 0;
    *count = 0;
    while (at < text.length) {
        uint8_t byte = text.bytes[at];
        if (byte == ' ' || (byte >= '\t' && byte <= '\r')) {
            at++;
            continue;
        }
        size_t start = at;
        enum token_kind kind;
        if (text_digit(text, at) || (byte == '.' && text_digit(text, at + 1))) {
            at = token_of_digit(text, at, &kind);
        } else if (text_alpha(text, at)) {
            at = token_of_letter(text, at, &kind);
        } else if (byte == '+' || byte == '-') {
            at = token_while(text, at + 1, false, false, " \t\n\v\f\r");
            kind = text_digit(text, at) ? TOKEN_ZONE : TOKEN_SPECIAL;
            if (!text_digit(text, at) && !text_alpha(text, at)) {
                return false;
            }
            at =
                kind == TOKEN_ZONE ? token_while(text, at, true, false, ":.-") : token_while(text, at, false, true, "");
        } else if (byte < 0x80 && byte > ' ' && byte != 0x7f) {
            at++; /* other punctuation only separates: "January 8, 1999" */
            continue;
        } else {
            return false;
        }
        if (*count == TOKENS_MAX || at - start > TOKEN_BYTES) {
            return false;
        }
        tokens[(*count)++] = (struct token){kind, slice_make(text.bytes + start, at - start)};
    }
    return *count > 0;
}
