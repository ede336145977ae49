/*
 * A small state machine over PostgreSQL's lexical rules for what hides a semicolon. The statement handed out stays in
 * the buffer; it is dropped at the next call, so that memory follows the longest statement and not the script.
 */
#include "cli/splitter.h"

#include <ctype.h>

void splitter_feed(struct splitter *splitter, const char *bytes, size_t count) {
    buffer_append(&splitter->text, bytes, count);
}

static bool name_byte(uint8_t byte) {
    return isalnum(byte) || byte == '_' || byte >= 0x80;
}

/* Length of "$tag$" at the start of text, 0 when it is none, SIZE_MAX when the text ends before that is known. */
static size_t dollar_tag(const uint8_t *text, size_t length) {
    for (size_t i = 1; i < length; i++) {
        if (text[i] == '$') {
            return i + 1;
        }
        if (!name_byte(text[i]) || (i == 1 && isdigit(text[i]))) {
            return 0;
        }
    }
    return SIZE_MAX;
}

/* One step in plain text. false: more text is needed to tell. *end: a statement ends here. */
static bool step_plain(struct splitter *splitter, const uint8_t *text, size_t left, bool whole, bool *end) {
    uint8_t byte = text[0];
    bool two = left > 1;
    if ((byte == '-' || byte == '/') && !two && !whole) {
        return false;
    }
    if (byte == '-' && two && text[1] == '-') {
        splitter->state = SPLITTER_LINE_COMMENT;
        splitter->at += 2;
        return true;
    }
    if (byte == '/' && two && text[1] == '*') {
        splitter->state = SPLITTER_BLOCK_COMMENT;
        splitter->depth = 1;
        splitter->at += 2;
        return true;
    }
    if (byte == ';') {
        *end = true;
        return true;
    }
    if (!isspace(byte)) {
        splitter->any = true;
    }
    if (byte == '\'') {
        bool escape =
            splitter->at > 0 && (text[-1] == 'e' || text[-1] == 'E') && (splitter->at < 2 || !name_byte(text[-2]));
        splitter->state = escape ? SPLITTER_ESCAPE_STRING : SPLITTER_STRING;
    } else if (byte == '"') {
        splitter->state = SPLITTER_NAME;
    } else if (byte == '$' && (splitter->at == 0 || !name_byte(text[-1]))) {
        size_t length = dollar_tag(text, left);
        if (length == SIZE_MAX && !whole) {
            return false;
        }
        if (length != 0 && length != SIZE_MAX) {
            splitter->state = SPLITTER_DOLLAR;
            splitter->dollar = splitter->at;
            splitter->dollar_length = length;
            splitter->at += length;
            return true;
        }
    }
    splitter->at++;
    return true;
}

static bool step_inside(struct splitter *splitter, const uint8_t *text, size_t left, bool whole) {
    uint8_t byte = text[0];
    switch (splitter->state) {
    case SPLITTER_STRING:
    case SPLITTER_NAME:
        /* a doubled quote closes and opens again at once */
        if (byte == (splitter->state == SPLITTER_STRING ? '\'' : '"')) {
            splitter->state = SPLITTER_PLAIN;
        }
        break;
    case SPLITTER_ESCAPE_STRING:
        if (byte == '\\') {
            if (left < 2 && !whole) {
                return false;
            }
            splitter->at++;
        } else if (byte == '\'') {
            if (left < 2 && !whole) {
                return false;
            }
            if (left > 1 && text[1] == '\'') {
                splitter->at++;
            } else {
                splitter->state = SPLITTER_PLAIN;
            }
        }
        break;
    case SPLITTER_LINE_COMMENT:
        if (byte == '\n') {
            splitter->state = SPLITTER_PLAIN;
        }
        break;
    case SPLITTER_BLOCK_COMMENT:
        if ((byte == '*' || byte == '/') && left < 2 && !whole) {
            return false;
        }
        if (left > 1 && byte == '*' && text[1] == '/') {
            splitter->at++;
            if (--splitter->depth == 0) {
                splitter->state = SPLITTER_PLAIN;
            }
        } else if (left > 1 && byte == '/' && text[1] == '*') {
            splitter->at++;
            splitter->depth++;
        }
        break;
    case SPLITTER_DOLLAR:
        if (byte == '$') {
            if (left < splitter->dollar_length) {
                if (!whole) {
                    return false;
                }
            } else if (memcmp(text, splitter->text.bytes + splitter->dollar, splitter->dollar_length) == 0) {
                splitter->at += splitter->dollar_length - 1;
                splitter->state = SPLITTER_PLAIN;
            }
        }
        break;
    case SPLITTER_PLAIN:
        break;
    }
    splitter->at++;
    if (splitter->at > splitter->text.length) {
        splitter->at = splitter->text.length;
    }
    return true;
}

/* Moves on to the end of a statement. */
static bool scan(struct splitter *splitter, bool whole) {
    bool end = false;
    while (splitter->at < splitter->text.length && !end) {
        const uint8_t *text = splitter->text.bytes + splitter->at;
        size_t left = splitter->text.length - splitter->at;
        bool moved = splitter->state == SPLITTER_PLAIN ? step_plain(splitter, text, left, whole, &end)
                                                       : step_inside(splitter, text, left, whole);
        if (!moved) {
            return false;
        }
    }
    return end;
}

void splitter_mark(struct slice text, uint8_t *states) {
    struct splitter splitter = {
        .text = {.bytes = (uint8_t *)(uintptr_t)text.bytes, .length = text.length, .capacity = text.length}};
    while (splitter.at < text.length) {
        size_t from = splitter.at;
        bool end = false;
        enum splitter_state state = splitter.state;
        if (state == SPLITTER_PLAIN) {
            (void)step_plain(&splitter, text.bytes + from, text.length - from, true, &end);
            state = splitter.state;
        } else {
            (void)step_inside(&splitter, text.bytes + from, text.length - from, true);
        }
        splitter.at += end ? 1 : 0;
        memset(states + from, (int)state, splitter.at - from);
    }
}

/* Forgets the first `count` bytes. */
static void drop(struct splitter *splitter, size_t count) {
    size_t left = splitter->text.length - count;
    if (left != 0) {
        memmove(splitter->text.bytes, splitter->text.bytes + count, left);
    }
    splitter->text.length = left;
    splitter->at = 0;
    splitter->state = SPLITTER_PLAIN;
    splitter->any = false;
}

bool splitter_next(struct splitter *splitter, struct slice *statement) {
    if (splitter->given != 0) {
        size_t end = splitter->given;
        splitter->given = 0;
        drop(splitter, end);
    }
    while (scan(splitter, false)) {
        size_t end = splitter->at + 1; /* behind the ';' */
        if (splitter->any) {
            *statement = slice_make(splitter->text.bytes, splitter->at);
            splitter->given = end;
            return true;
        }
        drop(splitter, end);
    }
    return false;
}

bool splitter_rest(struct splitter *splitter, struct slice *statement) {
    if (splitter->given == 0 && scan(splitter, true)) {
        return splitter_next(splitter, statement);
    }
    *statement = buffer_slice(&splitter->text);
    /* an open string, name or comment is an error to be told, but a comment of one line ends with the text */
    return splitter->any || (splitter->state != SPLITTER_PLAIN && splitter->state != SPLITTER_LINE_COMMENT);
}

unsigned splitter_count(const char *text) {
    struct splitter splitter = {0};
    struct slice statement;
    unsigned count = 0;
    splitter_feed(&splitter, text, strlen(text));
    while (splitter_next(&splitter, &statement)) {
        count++;
    }
    count += splitter_rest(&splitter, &statement);
    splitter_free(&splitter);
    return count;
}

bool splitter_empty(const struct splitter *splitter) {
    return !splitter->any && splitter->state == SPLITTER_PLAIN;
}

void splitter_clear(struct splitter *splitter) {
    buffer_clear(&splitter->text);
    splitter->at = 0;
    splitter->state = SPLITTER_PLAIN;
    splitter->any = false;
    splitter->given = 0;
}

void splitter_free(struct splitter *splitter) {
    buffer_free(&splitter->text);
    *splitter = (struct splitter){0};
}

/* Behind a comment that begins at `at`: of a line, or of a block, which nests; `at` itself where none does. */
static size_t comment_end(struct slice text, size_t at) {
    bool two = at + 1 < text.length;
    if (two && text.bytes[at] == '-' && text.bytes[at + 1] == '-') {
        while (at < text.length && text.bytes[at] != '\n') {
            at++;
        }
    } else if (two && text.bytes[at] == '/' && text.bytes[at + 1] == '*') {
        unsigned depth = 0;
        do {
            bool opens = text.bytes[at] == '/' && text.bytes[at + 1] == '*';
            bool closes = text.bytes[at] == '*' && text.bytes[at + 1] == '/';
            depth = depth + (opens ? 1 : 0) - (closes ? 1 : 0);
            at += opens || closes ? 2 : 1;
        } while (depth > 0 && at + 1 < text.length);
        at = depth > 0 ? text.length : at;
    }
    return at;
}

struct slice splitter_skip(struct slice statement) {
    size_t at = 0;
    for (size_t before = SIZE_MAX; at != before && at < statement.length;) {
        before = at;
        while (at < statement.length && strchr(" \t\r\n\f\v", (char)statement.bytes[at]) != NULL &&
               statement.bytes[at] != 0) {
            at++;
        }
        at = comment_end(statement, at);
    }
    return slice_make(statement.bytes + at, statement.length - at);
}
