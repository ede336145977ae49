/* Looking for one word. Letters of other alphabets are parts of words, as in names. */
#include "sql/secret.h"

#include <strings.h>

static const char word[] = "password";
#define WORD_LENGTH (sizeof(word) - 1)

static bool part_of_word(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           c >= 0x80;
}

bool sql_text_secret(struct slice text) {
    for (size_t i = 0; i + WORD_LENGTH <= text.length; i++) {
        bool first = (text.bytes[i] | 0x20) == word[0]; /* most letters are told apart without a call */
        if (!first || strncasecmp((const char *)text.bytes + i, word, WORD_LENGTH) != 0) {
            continue;
        }
        bool begins = i == 0 || !part_of_word(text.bytes[i - 1]);
        bool ends = i + WORD_LENGTH == text.length || !part_of_word(text.bytes[i + WORD_LENGTH]);
        if (begins && ends) {
            return true;
        }
    }
    return false;
}

struct slice sql_text_shown(struct slice text) {
    return sql_text_secret(text) ? slice_text("<a statement with a password>") : text;
}
