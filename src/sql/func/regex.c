/*
 * PostgreSQL's regular expressions on PCRE2.
 *
 * The two agree on most of the syntax; regex_translate() walks the pattern and writes PCRE2's. Different are escapes
 * (\m \M \y \Z, and \b, which is a backspace there), brackets, quantifiers of nothing, and what PCRE2 has and
 * PostgreSQL has not: refused, so that a pattern never means one thing here and another there.
 *
 * They also choose differently: PCRE2 takes the first alternative that works, PostgreSQL the longest match, or the
 * shortest where the pattern is not greedy. So the ends of a match are found by pcre2_dfa_match(), which knows all
 * matches at a place, and the groups within them by pcre2_match() held to these ends. Patterns that mix greedy and
 * lazy quantifiers have rules in PostgreSQL that neither follows: refused where the ends matter.
 *
 * Both searches have limits: a pattern that would run for long ends as 54001, never as a process that hangs.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "sql/func/regex.h"

#include <pcre2.h>
#include <stdio.h>

#include "base/assert.h"
#include "sql/func/loops.h"
#include "types/utf8.h"

#define MATCH_STEPS_MAX   1000000 /* of pcre2_match(): some 10 ms */
#define MATCH_DEPTH_MAX   10000
#define MATCH_HEAP_KB_MAX 20000
#define DFA_WORKSPACE     4096 /* ints; grows on demand up to the limit below */
#define DFA_WORKSPACE_MAX 262144
#define CHARACTER_MAX     0x7ffffffe /* PostgreSQL's own bound */
#define REPEAT_MAX        255        /* of {m,n}, PostgreSQL's own */

struct regex {
    struct slice pattern; /* as given */
    struct slice flags;
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    struct sql_context *context; /* whose list it is in */
    struct regex *next;
    int *workspace; /* of pcre2_dfa_match() */
    size_t workspace_size;
    uint32_t groups;
    bool global;
    bool greedy;
    bool lazy;
    bool backward; /* has a back reference: pcre2_dfa_match() cannot */
};

struct translation {
    const struct sql_call *call;
    struct slice text;
    size_t at;
    uint8_t *out;
    size_t length;
    uint32_t depth;
    uint32_t groups;
    bool atom;     /* what stands before can be repeated */
    bool any_line; /* a newline is no character for [^...] */
    bool expanded; /* blanks and comments do not count */
    struct regex *regex;
};

static _Noreturn void regex_raise(const struct sql_call *call, const char *why) {
    sql_raise(call->context, KMB_INVALID_REGEX, call->position, "invalid regular expression: %s", why);
}

static void put(struct translation *t, const char *text) {
    size_t length = strlen(text);
    memcpy(t->out + t->length, text, length);
    t->length += length;
}

static void put_byte(struct translation *t, uint8_t byte) {
    t->out[t->length++] = byte;
}

static uint8_t peek(const struct translation *t, size_t ahead) {
    return t->at + ahead < t->text.length ? t->text.bytes[t->at + ahead] : 0;
}

static bool digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static bool letter(uint8_t byte) {
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

static int hex_value(uint8_t byte) {
    return digit(byte) ? byte - '0' : (byte | 0x20) >= 'a' && (byte | 0x20) <= 'f' ? (byte | 0x20) - 'a' + 10 : -1;
}

/* A character by its number. */
static void put_character(struct translation *t, uint32_t code) {
    uint8_t bytes[4];
    if (code > CHARACTER_MAX) {
        regex_raise(t->call, "invalid escape \\ sequence");
    }
    if (utf8_encode(code, bytes) == 0) {
        code = 0; /* like the zero character, in no text */
    }
    char text[16];
    (void)snprintf(text, sizeof text, "\\x{%x}", code);
    put(t, text);
}

/* Hexadecimal digits, `count` of them, or as many as there are where count is 0. */
static uint32_t read_hex(struct translation *t, uint32_t count) {
    uint64_t value = 0;
    uint32_t read = 0;
    for (; (count == 0 || read < count) && hex_value(peek(t, 0)) >= 0; read++, t->at++) {
        value = value > CHARACTER_MAX ? value : value * 16 + (uint32_t)hex_value(peek(t, 0));
    }
    if (read == 0 || read < count || value > CHARACTER_MAX) {
        regex_raise(t->call, "invalid escape \\ sequence");
    }
    return (uint32_t)value;
}

/* Escapes for characters, alike in and out of brackets; `byte` has been read. False: it is none. */
static bool escape_character(struct translation *t, uint8_t byte) {
    static const char letters[] = "abefnrtv";
    static const uint8_t meant[] = {7, 8, 27, 12, 10, 13, 9, 11};
    const char *simple = byte == 0 ? NULL : strchr(letters, byte);
    if (simple != NULL) {
        put_character(t, meant[simple - letters]);
    } else if (byte == 'B') {
        put(t, "\\\\");
    } else if (byte == 'c' && peek(t, 0) != 0) {
        put_character(t, peek(t, 0) & 31u);
        t->at++;
    } else if (byte == 'u' || byte == 'U' || byte == 'x') {
        put_character(t, read_hex(t, byte == 'u' ? 4 : byte == 'U' ? 8 : 0));
    } else if (!letter(byte) && !digit(byte)) {
        if (byte < 0x80) {
            put_byte(t, '\\');
        }
        put_byte(t, byte);
    } else {
        return false;
    }
    return true;
}

/* Digits behind a backslash: a back reference, or else a character in octal. */
static void translate_number(struct translation *t, uint8_t byte) {
    uint32_t number = (uint32_t)byte - '0';
    size_t digits = 0;
    while (byte != '0' && digit(peek(t, digits)) && number * 10 + peek(t, digits) - '0' <= t->groups) {
        number = number * 10 + peek(t, digits) - '0';
        digits++;
    }
    if (byte != '0' && number <= t->groups) {
        char text[16];
        (void)snprintf(text, sizeof text, "\\g{%u}", number);
        put(t, text);
        t->at += digits;
        t->regex->backward = true;
        return;
    }
    bool octal = byte == '0' || (byte < '8' && peek(t, 0) >= '0' && peek(t, 0) <= '7');
    if (!octal) {
        regex_raise(t->call, "invalid backreference number");
    }
    number = (uint32_t)byte - '0';
    for (digits = 0; digits < 2 && peek(t, 0) >= '0' && peek(t, 0) <= '7'; digits++, t->at++) {
        number = number * 8 + peek(t, 0) - '0';
    }
    put_character(t, number);
}

static void translate_escape(struct translation *t) {
    t->at++;
    uint8_t byte = peek(t, 0);
    if (t->at >= t->text.length) {
        regex_raise(t->call, "invalid escape \\ sequence");
    }
    t->at++;
    t->atom = true;
    static const struct {
        uint8_t byte;
        const char *pcre;
        bool atom;
    } rows[] = {{'d', "\\d", true},  {'D', "\\D", true},  {'s', "\\s", true},         {'S', "\\S", true},
                {'w', "\\w", true},  {'W', "\\W", true},  {'A', "\\A", false},        {'Z', "\\z", false},
                {'y', "\\b", false}, {'Y', "\\B", false}, {'m', "\\b(?=\\w)", false}, {'M', "\\b(?<=\\w)", false}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].byte == byte) {
            put(t, rows[i].pcre);
            t->atom = rows[i].atom;
            return;
        }
    }
    if (digit(byte)) {
        translate_number(t, byte);
    } else if (!escape_character(t, byte)) {
        regex_raise(t->call, "invalid escape \\ sequence");
    }
}

/* "[:alpha:]", "[.x.]" and "[=x=]" within a bracket; only the first and single characters. */
static void translate_named(struct translation *t) {
    uint8_t kind = peek(t, 1);
    size_t from = t->at + 2;
    size_t end = from;
    while (end + 1 < t->text.length && !(t->text.bytes[end] == kind && t->text.bytes[end + 1] == ']')) {
        end++;
    }
    if (end + 1 >= t->text.length) {
        regex_raise(t->call, "brackets [] not balanced");
    }
    struct slice name = slice_make(t->text.bytes + from, end - from);
    t->at = end + 2;
    if (kind == ':') {
        static const char *const names[] = {"alnum", "alpha", "blank", "cntrl", "digit",  "graph", "lower",
                                            "print", "punct", "space", "upper", "xdigit", "word"};
        for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
            if (slice_equal_text(name, names[i])) {
                put(t, "[:");
                put(t, names[i]);
                put(t, ":]");
                return;
            }
        }
        regex_raise(t->call, "invalid character class");
    }
    size_t offset = 0;
    uint32_t code = name.length == 0 ? 0 : utf8_decode(name, &offset);
    if (name.length == 0 || offset != name.length) {
        sql_raise_unsupported(t->call->context, t->call->position, "a collating element of a regular expression");
    }
    put_character(t, code);
}

static void translate_bracket(struct translation *t) {
    if (t->text.length - t->at >= 7 &&
        (memcmp(t->text.bytes + t->at, "[[:<:]]", 7) == 0 || memcmp(t->text.bytes + t->at, "[[:>:]]", 7) == 0)) {
        put(t, peek(t, 3) == '<' ? "\\b(?=\\w)" : "\\b(?<=\\w)");
        t->at += 7;
        t->atom = false;
        return;
    }
    put_byte(t, '[');
    t->at++;
    if (peek(t, 0) == '^') {
        put(t, t->any_line ? "^\\n" : "^");
        t->at++;
    }
    for (bool first = true;; first = false) {
        uint8_t byte = peek(t, 0);
        if (t->at >= t->text.length) {
            regex_raise(t->call, "brackets [] not balanced");
        }
        if (byte == ']' && !first) {
            break;
        }
        if (byte == '[' && (peek(t, 1) == ':' || peek(t, 1) == '.' || peek(t, 1) == '=')) {
            translate_named(t);
        } else if (byte == '\\') {
            uint8_t escape = peek(t, 1);
            t->at += 2;
            if (t->at > t->text.length) {
                regex_raise(t->call, "invalid escape \\ sequence");
            }
            if (escape != 0 && strchr("dsw", escape) != NULL) {
                put_byte(t, '\\');
                put_byte(t, escape);
            } else if (!escape_character(t, escape)) {
                regex_raise(t->call, "invalid escape \\ sequence");
            }
        } else {
            if (byte == '[' || byte == ']' || byte == '#' || byte == ' ') {
                put_byte(t, '\\');
            }
            put_byte(t, byte);
            t->at++;
        }
    }
    put_byte(t, ']');
    t->at++;
    t->atom = true;
}

static uint32_t read_repeat(struct translation *t) {
    uint32_t value = 0;
    if (!digit(peek(t, 0))) {
        regex_raise(t->call, "invalid repetition count(s)");
    }
    for (; digit(peek(t, 0)); t->at++) {
        value = value * 10 + peek(t, 0) - '0';
        if (value > REPEAT_MAX) {
            regex_raise(t->call, "invalid repetition count(s)");
        }
    }
    return value;
}

/* * + ? {m,n}, each with a ? behind it for the fewest. */
static void translate_quantifier(struct translation *t) {
    if (!t->atom) {
        regex_raise(t->call, "quantifier operand invalid");
    }
    bool fixed = false;
    if (peek(t, 0) == '{') {
        char text[32];
        t->at++;
        uint32_t low = read_repeat(t);
        uint32_t high = low;
        bool open = false;
        fixed = true;
        if (peek(t, 0) == ',') {
            t->at++;
            fixed = false;
            open = peek(t, 0) == '}';
            high = open ? low : read_repeat(t);
        }
        if (peek(t, 0) != '}' || high < low) {
            regex_raise(t->call, "invalid repetition count(s)");
        }
        (void)snprintf(text, sizeof text, open ? "{%u,}" : "{%u,%u}", low, high);
        put(t, text);
    } else {
        put_byte(t, peek(t, 0));
    }
    t->at++;
    bool lazy = peek(t, 0) == '?';
    if (lazy) {
        put_byte(t, '?');
        t->at++;
    }
    t->regex->lazy = t->regex->lazy || (lazy && !fixed);
    t->regex->greedy = t->regex->greedy || (!lazy && !fixed);
    t->atom = false;
}

static void translate_open(struct translation *t) {
    static const char *const kinds[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!"};
    size_t left = t->text.length - t->at;
    const char *found = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        size_t length = strlen(kinds[i]);
        found = left >= length && memcmp(t->text.bytes + t->at, kinds[i], length) == 0 ? kinds[i] : found;
    }
    if (left >= 3 && memcmp(t->text.bytes + t->at, "(?#", 3) == 0) {
        while (t->at < t->text.length && peek(t, 0) != ')') {
            t->at++;
        }
        t->at++;
        return;
    }
    if (found == NULL && (peek(t, 1) == '?' || peek(t, 1) == '*' || peek(t, 1) == '+')) {
        regex_raise(t->call, "quantifier operand invalid");
    }
    if (found == NULL && ++t->groups >= REGEX_GROUPS_MAX) {
        sql_raise(t->call->context, KMB_TOO_COMPLEX, t->call->position, "regular expression has more than %d groups",
                  REGEX_GROUPS_MAX - 1);
    }
    put(t, found == NULL ? "(" : found);
    t->at += found == NULL ? 1 : strlen(found);
    t->depth++;
    t->atom = false;
}

static void translate_one(struct translation *t) {
    uint8_t byte = peek(t, 0);
    switch (byte) {
    case '\\':
        translate_escape(t);
        return;
    case '[':
        translate_bracket(t);
        return;
    case '(':
        translate_open(t);
        return;
    case ')':
        if (t->depth == 0) {
            regex_raise(t->call, "parentheses () not balanced");
        }
        t->depth--;
        t->atom = true;
        break;
    case '*':
    case '+':
    case '?':
        translate_quantifier(t);
        return;
    case '{':
        if (digit(peek(t, 1))) {
            translate_quantifier(t);
            return;
        }
        put_byte(t, '\\');
        t->atom = true;
        break;
    case '|':
    case '^':
    case '$':
        t->atom = false;
        break;
    case '}':
        put_byte(t, '\\');
        t->atom = true;
        break;
    case '#':
        if (t->expanded) {
            while (t->at < t->text.length && peek(t, 0) != '\n') {
                t->at++;
            }
            return;
        }
        t->atom = true;
        break;
    default:
        if (t->expanded && (byte == ' ' || (byte >= '\t' && byte <= '\r'))) {
            t->at++;
            return;
        }
        t->atom = true;
        break;
    }
    put_byte(t, byte);
    t->at++;
}

/* --- flags --- */

struct flags {
    uint32_t options; /* of PCRE2 */
    bool global;
    bool literal;
    bool expanded;
    bool line_atoms;   /* . and [^ do not match a newline */
    bool line_anchors; /* ^ and $ match at lines */
};

static void flag_set(const struct sql_call *call, struct flags *flags, struct slice letters, size_t at) {
    switch (letters.bytes[at]) {
    case 'g':
        flags->global = true;
        break;
    case 'i':
        flags->options |= PCRE2_CASELESS;
        break;
    case 'c':
        flags->options &= ~(uint32_t)PCRE2_CASELESS;
        break;
    case 'm':
    case 'n':
        flags->line_atoms = true;
        flags->line_anchors = true;
        break;
    case 'p':
        flags->line_atoms = true;
        flags->line_anchors = false;
        break;
    case 'w':
        flags->line_atoms = false;
        flags->line_anchors = true;
        break;
    case 's':
        flags->line_atoms = false;
        flags->line_anchors = false;
        break;
    case 't':
        flags->expanded = false;
        break;
    case 'x':
        flags->expanded = true;
        break;
    case 'q':
        flags->literal = true;
        break;
    case 'b':
    case 'e':
        sql_raise_unsupported(call->context, call->position, "regular expression option \"%c\"", letters.bytes[at]);
    default:
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "invalid regular expression option: \"%.*s\"",
                  (int)utf8_offset_of(slice_make(letters.bytes + at, letters.length - at), 1),
                  (const char *)letters.bytes + at);
    }
}

/* "***=" and "***:" and "(?xyz)" at the start of a pattern; answers the rest. */
static struct slice director(const struct sql_call *call, struct slice pattern, struct flags *flags) {
    size_t at = 0;
    if (pattern.length >= 4 && memcmp(pattern.bytes, "***", 3) == 0) {
        flags->literal = pattern.bytes[3] == '=';
        if (pattern.bytes[3] != '=' && pattern.bytes[3] != ':') {
            regex_raise(call, "quantifier operand invalid");
        }
        at = 4;
    }
    if (!flags->literal && pattern.length >= at + 3 && pattern.bytes[at] == '(' && pattern.bytes[at + 1] == '?' &&
        letter(pattern.bytes[at + 2])) {
        size_t end = at + 2;
        while (end < pattern.length && letter(pattern.bytes[end])) {
            if (pattern.bytes[end] == 'g') {
                regex_raise(call, "invalid embedded option");
            }
            flag_set(call, flags, pattern, end++);
        }
        if (end == pattern.length || pattern.bytes[end] != ')') {
            regex_raise(call, "invalid embedded option");
        }
        at = end + 1;
    }
    return slice_make(pattern.bytes + at, pattern.length - at);
}

/* --- compilation --- */

static void regex_release(void *object) {
    struct regex *regex = object;
    struct regex **link = &regex->context->regexes;
    while (*link != NULL && *link != regex) {
        link = &(*link)->next;
    }
    if (*link == regex) {
        *link = regex->next;
    }
    pcre2_match_data_free(regex->match);
    pcre2_match_context_free(regex->limits);
    pcre2_code_free(regex->code);
}

static struct slice translate(const struct sql_call *call, struct slice pattern, const struct flags *flags,
                              struct regex *regex) {
    struct translation t = {.call = call,
                            .text = pattern,
                            .any_line = flags->line_atoms,
                            .expanded = flags->expanded,
                            .regex = regex,
                            .out = sql_alloc(call->context, pattern.length * 10 + 16)};
    while (t.at < pattern.length) {
        size_t before = t.length;
        size_t start = t.at;
        translate_one(&t);
        ASSERT(t.at > start && t.length - before <= (t.at - start) * 10 + 10);
    }
    if (t.depth > 0) {
        regex_raise(call, "parentheses () not balanced");
    }
    regex->groups = t.groups;
    return slice_make(t.out, t.length);
}

static _Noreturn void raise_compile(const struct sql_call *call, int code) {
    PCRE2_UCHAR message[128] = "";
    (void)pcre2_get_error_message(code, message, sizeof message);
    if (code == PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH) {
        sql_raise_unsupported(call->context, call->position, "a regular expression's look-behind of varying length");
    }
    regex_raise(call, (const char *)message);
}

static struct regex *regex_make(const struct sql_call *call, struct slice pattern, struct slice letters) {
    struct regex *regex = sql_alloc_zero(call->context, 1, sizeof(*regex));
    regex->context = call->context;
    struct flags flags = {0};
    for (size_t i = 0; i < letters.length; i++) {
        flag_set(call, &flags, letters, i);
    }
    struct slice rest = director(call, pattern, &flags);
    uint32_t options = flags.options | PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK;
    if (flags.literal) {
        options = (flags.options & PCRE2_CASELESS) | PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_LITERAL;
    } else {
        options |= flags.line_atoms ? 0 : PCRE2_DOTALL;
        /* pcre2_dfa_match() obeys DOLLAR_ENDONLY also where lines end; ^ is also behind a line feed that ends the text.
         */
        options |= flags.line_anchors ? PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX : PCRE2_DOLLAR_ENDONLY;
        rest = translate(call, rest, &flags, regex);
    }
    int error = 0;
    PCRE2_SIZE at = 0;
    sql_defer(call->context, regex_release, regex);
    pcre2_compile_context *newline = pcre2_compile_context_create(NULL);
    if (newline != NULL) {
        (void)pcre2_set_newline(newline, PCRE2_NEWLINE_LF);
        regex->code =
            pcre2_compile(rest.length == 0 ? (PCRE2_SPTR) "" : rest.bytes, rest.length, options, &error, &at, newline);
        pcre2_compile_context_free(newline);
    }
    if (regex->code == NULL && newline != NULL) {
        raise_compile(call, error);
    }
    regex->limits = pcre2_match_context_create(NULL);
    regex->match = pcre2_match_data_create(REGEX_GROUPS_MAX, NULL);
    if (regex->code == NULL || regex->limits == NULL || regex->match == NULL) {
        sql_raise(call->context, KMB_NO_MEMORY, call->position, "out of memory");
    }
    (void)pcre2_set_match_limit(regex->limits, MATCH_STEPS_MAX);
    (void)pcre2_set_depth_limit(regex->limits, MATCH_DEPTH_MAX);
    (void)pcre2_set_heap_limit(regex->limits, MATCH_HEAP_KB_MAX);
    regex->pattern = arena_dup_slice(&call->context->arena, pattern);
    regex->flags = arena_dup_slice(&call->context->arena, letters);
    regex->global = flags.global;
    return regex;
}

struct regex *regex_compile(const struct sql_call *call, struct slice pattern, struct slice flags, bool *global) {
    struct regex **kept = &call->context->regexes;
    for (uint32_t i = 0; *kept != NULL; kept = &(*kept)->next, i++) {
        struct regex *regex = *kept;
        if (slice_equal(regex->pattern, pattern) && slice_equal(regex->flags, flags)) {
            *global = regex->global;
            *kept = regex->next; /* to the front: the next row asks for it again */
            regex->next = call->context->regexes;
            call->context->regexes = regex;
            return regex;
        }
        if (i == 31) { /* a pattern per row: the oldest goes */
            sql_release(call->context, regex);
            break;
        }
    }
    struct regex *made = regex_make(call, pattern, flags);
    made->next = call->context->regexes;
    call->context->regexes = made;
    *global = made->global;
    return made;
}

uint32_t regex_groups(const struct regex *regex) {
    return regex->groups;
}

/* --- matching --- */

static _Noreturn void raise_match(const struct sql_call *call, int code) {
    bool limit = code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT || code == PCRE2_ERROR_HEAPLIMIT ||
                 code == PCRE2_ERROR_DFA_WSSIZE || code == PCRE2_ERROR_DFA_RECURSE;
    if (limit) {
        sql_raise(call->context, KMB_TOO_COMPLEX, call->position,
                  "regular expression failed: it takes more steps than allowed");
    }
    if (code == PCRE2_ERROR_NOMEMORY) {
        sql_raise(call->context, KMB_NO_MEMORY, call->position, "out of memory");
    }
    sql_raise_unsupported(call->context, call->position, "this regular expression");
}

static PCRE2_SPTR subject_of(struct slice text) {
    return text.length == 0 ? (PCRE2_SPTR) "" : text.bytes;
}

/* All matches at the leftmost place are known to it; the first pair is the longest. */
static int dfa_match(const struct sql_call *call, struct regex *regex, struct slice text, size_t from,
                     uint32_t options) {
    for (;;) {
        if (regex->workspace == NULL) {
            regex->workspace_size = regex->workspace_size == 0 ? DFA_WORKSPACE : regex->workspace_size * 4;
            regex->workspace = sql_alloc(call->context, regex->workspace_size * sizeof(*regex->workspace));
        }
        int code = pcre2_dfa_match(regex->code, subject_of(text), text.length, from, options, regex->match,
                                   regex->limits, regex->workspace, regex->workspace_size);
        if (code != PCRE2_ERROR_DFA_WSSIZE || regex->workspace_size >= DFA_WORKSPACE_MAX) {
            return code;
        }
        regex->workspace = NULL;
    }
}

bool regex_test(const struct sql_call *call, struct regex *regex, struct slice text) {
    int code =
        pcre2_match(regex->code, subject_of(text), text.length, 0, PCRE2_NO_UTF_CHECK, regex->match, regex->limits);
    if (code == PCRE2_ERROR_MATCHLIMIT && !regex->backward) { /* which that search need not tread all ways for */
        sql_check_cancel(call->context);
        code = dfa_match(call, regex, text, 0, PCRE2_NO_UTF_CHECK | PCRE2_DFA_SHORTEST);
    }
    if (code < 0 && code != PCRE2_ERROR_NOMATCH) {
        raise_match(call, code);
    }
    return code >= 0;
}

bool regex_find(const struct sql_call *call, struct regex *regex, struct slice text, size_t from,
                struct regex_span *span) {
    if (regex->greedy && regex->lazy) {
        sql_raise_unsupported(call->context, call->position,
                              "a regular expression that mixes greedy and non-greedy quantifiers here");
    }
    sql_check_cancel(call->context);
    int code = regex->backward ? pcre2_match(regex->code, subject_of(text), text.length, from, PCRE2_NO_UTF_CHECK,
                                             regex->match, regex->limits)
                               : dfa_match(call, regex, text, from,
                                           PCRE2_NO_UTF_CHECK | (regex->lazy ? (uint32_t)PCRE2_DFA_SHORTEST : 0));
    if (code == PCRE2_ERROR_NOMATCH) {
        return false;
    }
    if (code < 0) {
        raise_match(call, code);
    }
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(regex->match);
    *span = (struct regex_span){.from = ends[0], .to = ends[1]};
    ASSERT(span->from >= from && span->to >= span->from && span->to <= text.length);
    return true;
}

void regex_capture(const struct sql_call *call, struct regex *regex, struct slice text, struct regex_span span,
                   struct regex_span *groups) {
    struct slice head = slice_make(text.bytes, span.to);
    int code = pcre2_match(regex->code, subject_of(text), text.length, span.from, PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED,
                           regex->match, regex->limits);
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(regex->match);
    if (code > 0 && ends[1] != span.to) { /* it stopped elsewhere: hold it to the end */
        code = pcre2_match(regex->code, subject_of(head), head.length, span.from,
                           PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED | PCRE2_ENDANCHORED, regex->match, regex->limits);
    }
    if (code <= 0) {
        raise_match(call, code);
    }
    for (uint32_t i = 1; i <= regex->groups; i++) {
        bool part = i < (uint32_t)code && ends[2 * i] != PCRE2_UNSET;
        groups[i - 1] = part ? (struct regex_span){.from = ends[2 * i], .to = ends[2 * i + 1]}
                             : (struct regex_span){.from = SIZE_MAX};
    }
}

size_t regex_behind(struct slice text, struct regex_span span) {
    if (span.to > span.from) {
        return span.to;
    }
    if (span.to >= text.length) {
        return SIZE_MAX;
    }
    return span.to + utf8_offset_of(slice_make(text.bytes + span.to, text.length - span.to), 1);
}

struct slice regex_part(struct slice text, struct regex_span span) {
    return slice_make(text.length == 0 ? text.bytes : text.bytes + span.from, span.to - span.from);
}
