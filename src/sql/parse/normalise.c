/*
 * Statements without their constants. The digest does it in one pass for plain statements; all others are taken apart
 * by PostgreSQL's scanner, which knows a constant in whatever statement it stands: a DEFAULT, the query of a PREPARE, a
 * password. The scanner does not say where all of its tokens end, so each is taken to reach to the next one's start,
 * blanks left out.
 *
 * A text that the grammar does not read is not shown: with one quote too many, what was meant to be inside of the
 * quotes is outside.
 */
#include "sql/parse/normalise.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sql/parse/digest.h"
#include "sql/parse/parse.h"

#define TOKEN(name) PG_QUERY__TOKEN__##name

static const struct sql_settings normalise_settings; /* no budget: SQL_NORMALISE_BYTES_MAX is one */

/* How far SET of a setting that is none of ours (app.patient = rosa) has come: its values need no quotes. */
enum setting { SETTING_NONE, SETTING_NAMED, SETTING_CUSTOM, SETTING_VALUES };

struct showing {
    struct slice text;
    const PgQuery__ScanResult *scan;
    struct buffer *out;
    size_t start; /* of what is shown, in out */
    unsigned long constants;
    enum setting setting;
    bool sets; /* the statement may be about settings */
};

static bool is_blank(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}
static bool is_letter(uint8_t byte) {
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}
static bool is_part(uint8_t byte) {
    return is_letter(byte) || (byte >= '0' && byte <= '9') || byte == '_' || byte == '$' || byte >= 0x80;
}

static bool is_comment(PgQuery__Token token) {
    return token == TOKEN(SQL_COMMENT) || token == TOKEN(C_COMMENT);
}

static bool is_constant(PgQuery__Token token) {
    switch ((int)token) {
    case TOKEN(SCONST):
    case TOKEN(USCONST):
    case TOKEN(BCONST):
    case TOKEN(XCONST):
    case TOKEN(ICONST):
    case TOKEN(FCONST):
    case TOKEN(TRUE_P):
    case TOKEN(FALSE_P):
        return true;
    default:
        return false;
    }
}

static size_t token_start(const struct showing *showing, size_t index) {
    return index < showing->scan->n_tokens ? (size_t)showing->scan->tokens[index]->start : showing->text.length;
}

/* Constants are numbered from behind the last parameter on, as in pg_stat_statements. */
static unsigned long last_parameter(const struct showing *showing) {
    unsigned long last = 0;
    for (size_t i = 0; i < showing->scan->n_tokens; i++) {
        if (showing->scan->tokens[i]->token == TOKEN(PARAM)) {
            const char *digits = (const char *)showing->text.bytes + token_start(showing, i) + 1;
            unsigned long number = strtoul(digits, NULL, 10); /* a text is followed by its zero */
            last = number > last ? number : last;
        }
    }
    return last;
}

/* A value of SET, which a word may be. */
static bool follow_setting(struct showing *showing, PgQuery__Token token, uint8_t first) {
    if (token == TOKEN(ASCII_59)) {
        showing->setting = SETTING_NONE;
    } else if (showing->setting == SETTING_VALUES) {
        return is_letter(first) || first == '"' || first == '_' || first >= 0x80;
    } else if (token == TOKEN(SET) && showing->sets) {
        showing->setting = SETTING_NAMED;
    } else if (token == TOKEN(ASCII_46) && showing->setting == SETTING_NAMED) {
        showing->setting = SETTING_CUSTOM;
    } else if ((token == TOKEN(ASCII_61) || token == TOKEN(TO)) && showing->setting == SETTING_CUSTOM) {
        showing->setting = SETTING_VALUES;
    }
    return false;
}

static uint8_t last_byte(const struct showing *showing) {
    return showing->out->length == showing->start ? ' ' : showing->out->bytes[showing->out->length - 1];
}

static void show_token(struct showing *showing, size_t index) {
    PgQuery__Token token = showing->scan->tokens[index]->token;
    size_t from = token_start(showing, index);
    size_t next = token_start(showing, index + 1);
    size_t to = next;
    while (to > from && is_blank(showing->text.bytes[to - 1])) {
        to--;
    }
    struct slice gap = slice_make(showing->text.bytes + to, next - to);
    if (is_comment(token)) {
        if (!is_blank(last_byte(showing))) {
            buffer_append_slice(showing->out, gap.length == 0 ? slice_text(" ") : gap);
        }
        return;
    }
    bool value = follow_setting(showing, token, showing->text.bytes[from]);
    if (!value && !is_constant(token)) {
        buffer_append(showing->out, showing->text.bytes + from, next - from);
        return;
    }
    bool behind_word = is_part(last_byte(showing));
    bool before_word = gap.length == 0 && next < showing->text.length && is_part(showing->text.bytes[next]);
    buffer_printf(showing->out, "%s$%lu%s", behind_word ? " " : "", ++showing->constants, before_word ? " " : "");
    buffer_append_slice(showing->out, gap);
}

static bool about_settings(const PgQuery__ScanResult *scan) {
    size_t first = 0;
    while (first < scan->n_tokens && is_comment(scan->tokens[first]->token)) {
        first++;
    }
    PgQuery__Token token = first < scan->n_tokens ? scan->tokens[first]->token : TOKEN(NUL);
    return token == TOKEN(SET) || token == TOKEN(ALTER) || token == TOKEN(CREATE);
}

/* Raises where the grammar does not read the text. Texts that need a stack of their own for it are not tried. */
static void check_grammar(struct sql_context *context) {
    struct tokens tokens;
    tokens_scan(context, &tokens);
    if (tokens.chain > TOKENS_CHAIN_SHALLOW) {
        sql_raise(context, KMB_TOO_COMPLEX, 0, "too deep to be read for its text alone");
    }
    if (tokens.custom == TOKENS_CUSTOM_NONE) {
        (void)parse_statement(context, &tokens);
    }
}

/* Appends the text without constants and comments, or raises. */
static void by_scanner(struct sql_context *context, bool read, struct buffer *out) {
    struct slice text = slice_make(context->text, context->text_length);
    if (!read) {
        check_grammar(context);
    }
    struct showing showing = {.text = text, .scan = scan_tokens(context, context->text), .out = out};
    showing.start = out->length;
    showing.constants = last_parameter(&showing);
    showing.sets = about_settings(showing.scan);
    for (size_t i = 0; i < showing.scan->n_tokens; i++) {
        show_token(&showing, i);
    }
    while (out->length > showing.start && (is_blank(last_byte(&showing)) || last_byte(&showing) == ';')) {
        out->length--;
    }
}

static bool scanned(struct slice text, bool read, struct buffer *out) {
    struct sql_context context;
    volatile size_t start = out->length;
    volatile bool made = false;
    sql_context_init(&context, &normalise_settings, NULL);
    SQL_GUARD(&context) {
        char *copy = sql_alloc(&context, text.length + 1);
        memcpy(copy, text.bytes, text.length);
        copy[text.length] = 0;
        context.text = copy;
        context.text_length = text.length;
        by_scanner(&context, read, out);
        made = out->length > start;
    }
    SQL_CAUGHT {
        out->length = start;
    }
    context.guarded = false;
    sql_context_free(&context);
    return made && buffer_ok(out);
}

/* The text without a comment at its end, which tools that trace make another each time: the digest takes none. Where
 * what looks like one is none, the rest has an open quote, and no digest. */
static struct slice without_comment(struct slice text) {
    size_t end = text.length;
    while (end > 0 && (is_blank(text.bytes[end - 1]) || text.bytes[end - 1] == ';')) {
        end--;
    }
    size_t begin = end < 4 || memcmp(text.bytes + end - 2, "*/", 2) != 0 ? 0 : end - 3;
    while (begin > 0 && memcmp(text.bytes + begin - 1, "/*", 2) != 0) {
        begin--;
    }
    return begin == 0 ? text : slice_make(text.bytes, begin - 1);
}

/* Whether the word that begins at a byte of the key is a constant. */
static bool word_is_constant(const struct sql_digest *digest, uint32_t at) {
    uint32_t end = at;
    while (end < digest->key_length && is_part((uint8_t)digest->key[end])) {
        end++;
    }
    return (end - at == 4 && strncasecmp(digest->key + at, "true", 4) == 0) ||
           (end - at == 5 && strncasecmp(digest->key + at, "false", 5) == 0);
}

/* A digest keeps the constants that it takes no parameter for: only one that took all of them will do. */
static bool took_all(const struct sql_digest *digest) {
    bool inside = false; /* of a word, or a parameter */
    for (uint32_t i = 0; i < digest->key_length; i++) {
        uint8_t byte = (uint8_t)digest->key[i];
        if (byte == '\'' || (!inside && byte >= '0' && byte <= '9') || (!inside && word_is_constant(digest, i))) {
            return false;
        }
        inside = is_part(byte);
    }
    return true;
}

bool sql_normalise(struct slice text, bool read, struct buffer *out) {
    if (text.length == 0 || text.length > SQL_NORMALISE_BYTES_MAX || memchr(text.bytes, 0, text.length) != NULL) {
        return false;
    }
    if (read) {
        struct sql_digest *digest = mem_alloc(sizeof(*digest));
        bool made = digest != NULL && sql_digest(without_comment(text), digest) && took_all(digest);
        if (made) {
            buffer_append(out, digest->key, digest->key_length);
        }
        mem_free(digest);
        if (made) {
            return buffer_ok(out);
        }
    }
    return scanned(text, read, out);
}
