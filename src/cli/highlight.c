/*
 * The splitter says what is string, name or comment; in what is left, words and numbers are told by their first
 * character. Nothing is parsed: what is typed is seldom a statement yet.
 */
#include "cli/highlight.h"

#include <stdlib.h>

#include "cli/complete.h"
#include "cli/splitter.h"
#include "sql/func/keyword.h"

#define WORD_MAX 32 /* no word of the grammar is longer */

#define RESET   "\033[0m"
#define STRING  "\033[32m"
#define NUMBER  "\033[33m"
#define WORD    "\033[1;34m"
#define COMMENT "\033[2m"
#define COMMAND "\033[36m"

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static bool in_word(uint8_t byte) {
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           byte == '$' || byte >= 0x80;
}

static void append_colored(struct buffer *out, const char *color, struct slice text) {
    if (color != NULL) {
        buffer_append_text(out, color);
    }
    buffer_append_slice(out, text);
    if (color != NULL) {
        buffer_append_text(out, RESET);
    }
}

/* Words that are reserved, or common enough that Tab offers them, as long as they are not written as a part of a name.
 */
static const char *color_of_word(struct slice word, bool behind_dot) {
    uint8_t folded[WORD_MAX];
    if (is_digit(word.bytes[0])) {
        return NUMBER;
    }
    if (behind_dot || word.length > WORD_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < word.length; i++) {
        uint8_t byte = word.bytes[i];
        folded[i] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
    }
    struct slice lower = slice_make(folded, word.length);
    return sql_keyword_reserved(lower) || completion_knows(lower) ? WORD : NULL;
}

static const char *color_of_state(uint8_t state) {
    switch ((enum splitter_state)state) {
    case SPLITTER_STRING:
    case SPLITTER_ESCAPE_STRING:
    case SPLITTER_DOLLAR:
        return STRING;
    case SPLITTER_LINE_COMMENT:
    case SPLITTER_BLOCK_COMMENT:
        return COMMENT;
    case SPLITTER_NAME:
    case SPLITTER_PLAIN:
        break;
    }
    return NULL;
}

/* Length of the token at text, all of it in one state. */
static size_t token_length(struct slice text, const uint8_t *states) {
    size_t length = 1;
    bool plain = states[0] == SPLITTER_PLAIN;
    bool word = in_word(text.bytes[0]);
    bool number = is_digit(text.bytes[0]);
    while (length < text.length && states[length] == states[0] &&
           (!plain || (in_word(text.bytes[length]) ? word : number && text.bytes[length] == '.'))) {
        length++;
    }
    return length;
}

void highlight_line(struct slice before, struct slice line, struct buffer *out) {
    struct buffer all = {0};
    size_t length = before.length + line.length;
    if (before.length == 0 && line.length > 0 && (line.bytes[0] == '\\' || line.bytes[0] == '.')) {
        size_t name = 1;
        while (name < line.length && line.bytes[name] != ' ') {
            name++;
        }
        append_colored(out, COMMAND, slice_make(line.bytes, name));
        buffer_append(out, line.bytes + name, line.length - name);
        return;
    }
    uint8_t *states = malloc(length + 1);
    buffer_append_slice(&all, before);
    buffer_append_slice(&all, line);
    if (states == NULL || !buffer_ok(&all)) {
        buffer_append_slice(out, line);
    } else {
        splitter_mark(buffer_slice(&all), states);
        for (size_t at = before.length; at < length;) {
            size_t token = token_length(slice_make(all.bytes + at, length - at), states + at);
            struct slice text = slice_make(all.bytes + at, token);
            bool word = states[at] == SPLITTER_PLAIN && in_word(text.bytes[0]);
            append_colored(
                out, word ? color_of_word(text, at > 0 && all.bytes[at - 1] == '.') : color_of_state(states[at]), text);
            at += token;
        }
    }
    free(states);
    buffer_free(&all);
}
