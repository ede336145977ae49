/*
 * The operators and functions of regular expressions, and SIMILAR TO, whose patterns are translated into these.
 */
#include "base/assert.h"
#include "sql/func/loops.h"
#include "sql/func/regex.h"
#include "types/utf8.h"

#define MATCH_ROWS(name, letters, wanted)                                                                              \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        EACH_ROW(row) {                                                                                                \
            bool global = false;                                                                                       \
            struct regex *regex = regex_compile(call, ARGUMENT_BYTES(1, row), slice_text(letters), &global);           \
            result->boolean[row] = regex_test(call, regex, ARGUMENT_BYTES(0, row)) == (wanted);                        \
        }                                                                                                              \
    }
MATCH_ROWS(fn_match, "", true)
MATCH_ROWS(fn_match_any_case, "i", true)
MATCH_ROWS(fn_no_match, "", false)
MATCH_ROWS(fn_no_match_any_case, "i", false)

/* --- arguments --- */

/* The pattern compiled with the flags of argument n, where there is one; 'g' is not for these functions. */
static struct regex *compiled(const struct sql_call *call, struct vector *const *arguments, uint32_t row, uint32_t n,
                              const char *name) {
    bool global = false;
    struct slice flags = n < call->argument_count ? ARGUMENT_BYTES(n, row) : slice_text("");
    if (flags.length > 0 && memchr(flags.bytes, 'g', flags.length) != NULL) {
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "%s does not support the \"global\" option",
                  name);
    }
    return regex_compile(call, ARGUMENT_BYTES(1, row), flags, &global);
}

/* Integer argument n, or what it is without; not below `least`. */
static int64_t number(const struct sql_call *call, struct vector *const *arguments, uint32_t row, uint32_t n,
                      int64_t otherwise, int64_t least, const char *name) {
    int64_t value = n < call->argument_count ? ARGUMENT_INT(n, row) : otherwise;
    if (value < least) {
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "invalid value for parameter \"%s\": %d", name,
                  (int)value);
    }
    return value;
}

/* The place in bytes of a start counted in characters from 1; SIZE_MAX behind the end. */
static size_t start_of(struct slice text, int64_t start) {
    uint64_t characters = utf8_length(text);
    return (uint64_t)start - 1 > characters ? SIZE_MAX : utf8_offset_of(text, (uint64_t)start - 1);
}

/* The n-th match from a place on. */
static bool find_nth(const struct sql_call *call, struct regex *regex, struct slice text, size_t from, int64_t n,
                     struct regex_span *span) {
    while (from != SIZE_MAX && regex_find(call, regex, text, from, span)) {
        if (--n == 0) {
            return true;
        }
        from = regex_behind(text, *span);
    }
    return false;
}

/* The match itself, or one of its groups; false where that took no part. */
static bool find_part(const struct sql_call *call, struct regex *regex, struct slice text, int64_t group,
                      struct regex_span *span) {
    struct regex_span groups[REGEX_GROUPS_MAX];
    if (group == 0 || (group == 1 && regex_groups(regex) == 0)) { /* without groups the whole is the first */
        return true;
    }
    if (group > (int64_t)regex_groups(regex)) {
        return false;
    }
    regex_capture(call, regex, text, *span, groups);
    *span = groups[group - 1];
    return span->from != SIZE_MAX;
}

/* --- functions --- */

static void fn_like(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct regex *regex = compiled(call, arguments, row, 2, "regexp_like()");
        result->boolean[row] = regex_test(call, regex, ARGUMENT_BYTES(0, row));
    }
}

static void fn_count(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        int64_t start = number(call, arguments, row, 2, 1, 1, "start");
        struct regex *regex = compiled(call, arguments, row, 3, "regexp_count()");
        struct regex_span span;
        int64_t matches = 0;
        for (size_t from = start_of(text, start); from != SIZE_MAX && regex_find(call, regex, text, from, &span);
             from = regex_behind(text, span)) {
            matches++;
        }
        result->integer[row] = matches;
    }
}

/* regexp_instr(text, pattern, start, n, end, flags, group) */
static void fn_instr(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        int64_t start = number(call, arguments, row, 2, 1, 1, "start");
        int64_t n = number(call, arguments, row, 3, 1, 1, "n");
        int64_t end = number(call, arguments, row, 4, 0, 0, "endoption");
        int64_t group = number(call, arguments, row, 6, 0, 0, "subexpr");
        if (end > 1) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position,
                      "invalid value for parameter \"endoption\": %d", (int)end);
        }
        struct regex *regex = compiled(call, arguments, row, 5, "regexp_instr()");
        struct regex_span span;
        bool found =
            find_nth(call, regex, text, start_of(text, start), n, &span) && find_part(call, regex, text, group, &span);
        size_t at = found ? (end == 1 ? span.to : span.from) : 0;
        result->integer[row] = found ? (int64_t)utf8_length(slice_make(text.bytes, at)) + 1 : 0;
    }
}

/* regexp_substr(text, pattern, start, n, flags, group) */
static void fn_substr(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        int64_t start = number(call, arguments, row, 2, 1, 1, "start");
        int64_t n = number(call, arguments, row, 3, 1, 1, "n");
        int64_t group = number(call, arguments, row, 5, 0, 0, "subexpr");
        struct regex *regex = compiled(call, arguments, row, 4, "regexp_substr()");
        struct regex_span span;
        bool found =
            find_nth(call, regex, text, start_of(text, start), n, &span) && find_part(call, regex, text, group, &span);
        if (found) {
            result->bytes[row] = regex_part(text, span);
        } else {
            result_null(result, row);
        }
    }
}

/* substring(text FROM pattern): the first group, or the whole where the pattern has none. */
static void fn_substring(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        bool global = false;
        struct regex *regex = regex_compile(call, ARGUMENT_BYTES(1, row), slice_text(""), &global);
        struct regex_span span;
        bool found = regex_find(call, regex, text, 0, &span) &&
                     find_part(call, regex, text, regex_groups(regex) > 0 ? 1 : 0, &span);
        if (found) {
            result->bytes[row] = regex_part(text, span);
        } else {
            result_null(result, row);
        }
    }
}

/* --- regexp_replace --- */

struct replaced {
    const struct sql_call *call;
    uint8_t *bytes;
    size_t length;
    size_t capacity;
};

static void replaced_append(struct replaced *out, struct slice text) {
    if (out->length + text.length > out->capacity) {
        out->capacity = (out->length + text.length) * 2;
        uint8_t *larger = result_bytes(out->call, out->capacity);
        if (out->length > 0) {
            memcpy(larger, out->bytes, out->length);
        }
        out->bytes = larger;
    }
    if (text.length > 0) {
        memcpy(out->bytes + out->length, text.bytes, text.length);
    }
    out->length += text.length;
}

/* The replacement of one match: \& is the match, \1 to \9 its groups, \\ a backslash. */
static void replaced_match(struct replaced *out, struct regex *regex, struct slice text, struct regex_span span,
                           struct slice with) {
    struct regex_span groups[REGEX_GROUPS_MAX];
    bool known = false;
    for (size_t at = 0; at < with.length; at++) {
        uint8_t next = at + 1 < with.length ? with.bytes[at + 1] : 0;
        bool escape = with.bytes[at] == '\\' && (next == '&' || next == '\\' || (next >= '1' && next <= '9'));
        if (!escape) {
            replaced_append(out, slice_make(with.bytes + at, 1));
            continue;
        }
        at++;
        if (next == '&') {
            replaced_append(out, regex_part(text, span));
        } else if (next == '\\') {
            replaced_append(out, slice_text("\\"));
        } else if ((uint32_t)(next - '0') <= regex_groups(regex)) {
            if (!known) {
                regex_capture(out->call, regex, text, span, groups);
                known = true;
            }
            struct regex_span group = groups[next - '1'];
            replaced_append(out, group.from == SIZE_MAX ? slice_text("") : regex_part(text, group));
        }
    }
}

/* Of the n-th match from a place on, or, with n = 0, of all. */
static struct slice replace(const struct sql_call *call, struct regex *regex, struct slice text, struct slice with,
                            size_t from, int64_t n) {
    struct replaced out = {.call = call};
    size_t copied = 0;
    int64_t match = 0;
    struct regex_span span;
    while (from != SIZE_MAX && regex_find(call, regex, text, from, &span)) {
        match++;
        if (n == 0 || match == n) {
            replaced_append(&out, regex_part(text, (struct regex_span){.from = copied, .to = span.from}));
            replaced_match(&out, regex, text, span, with);
            copied = span.to;
        }
        if (n > 0 && match == n) {
            break;
        }
        from = regex_behind(text, span);
    }
    if (copied == 0 && out.length == 0) {
        return text;
    }
    replaced_append(&out, regex_part(text, (struct regex_span){.from = copied, .to = text.length}));
    return slice_make(out.bytes, out.length);
}

/* regexp_replace(text, pattern, with, flags) */
static void fn_replace(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        bool global = false;
        struct slice flags = call->argument_count == 4 ? ARGUMENT_BYTES(3, row) : slice_text("");
        if (flags.length > 0 && flags.bytes[0] >= '0' && flags.bytes[0] <= '9') {
            sql_raise_with(call->context, KMB_INVALID_PARAMETER, call->position, NULL,
                           "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to "
                           "integer explicitly.",
                           "invalid regular expression option: \"%c\"", flags.bytes[0]);
        }
        struct regex *regex = regex_compile(call, ARGUMENT_BYTES(1, row), flags, &global);
        result->bytes[row] = replace(call, regex, ARGUMENT_BYTES(0, row), ARGUMENT_BYTES(2, row), 0, global ? 0 : 1);
    }
}

/* regexp_replace(text, pattern, with, start, n, flags) */
static void fn_replace_from(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        int64_t start = number(call, arguments, row, 3, 1, 1, "start");
        int64_t n = number(call, arguments, row, 4, 1, 0, "n");
        bool global = false;
        struct slice flags = call->argument_count == 6 ? ARGUMENT_BYTES(5, row) : slice_text("");
        struct regex *regex = regex_compile(call, ARGUMENT_BYTES(1, row), flags, &global);
        n = call->argument_count < 5 && global ? 0 : n;
        result->bytes[row] = replace(call, regex, text, ARGUMENT_BYTES(2, row), start_of(text, start), n);
    }
}

/* --- SIMILAR TO --- */

/* The regular expression of a SIMILAR TO pattern: % is any text, _ any character, the rest as it is. */
static struct slice similar(const struct sql_call *call, struct slice pattern, struct slice escape) {
    uint8_t *out = result_bytes(call, pattern.length * 3 + 16);
    size_t length = 4;
    bool bracket = false;
    memcpy(out, "^(?:", 4);
    for (size_t at = 0; at < pattern.length; at++) {
        uint8_t byte = pattern.bytes[at];
        bool escaped = escape.length > 0 && pattern.length - at >= escape.length &&
                       memcmp(pattern.bytes + at, escape.bytes, escape.length) == 0 &&
                       at + escape.length < pattern.length;
        if (escaped && !bracket) {
            at += escape.length;
            if (pattern.bytes[at] == '"') {
                sql_raise_unsupported(call->context, call->position, "a part marked in a SIMILAR TO pattern");
            }
            out[length++] = '\\';
            out[length++] = pattern.bytes[at];
        } else if (bracket) {
            bracket = byte != ']';
            if (byte == '\\') {
                out[length++] = '\\';
            }
            out[length++] = byte;
        } else if (byte == '%') {
            memcpy(out + length, ".*", 2);
            length += 2;
        } else if (byte == '_') {
            out[length++] = '.';
        } else if (byte == '(') {
            memcpy(out + length, "(?:", 3);
            length += 3;
        } else {
            bracket = byte == '[';
            if (byte == '\\' || byte == '.' || byte == '^' || byte == '$') {
                out[length++] = '\\';
            }
            out[length++] = byte;
        }
    }
    memcpy(out + length, ")$", 2);
    return slice_make(out, length + 2);
}

static void fn_similar(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice escape = call->argument_count == 2 ? ARGUMENT_BYTES(1, row) : slice_text("\\");
        if (utf8_length(escape) > 1) {
            sql_raise_with(call->context, KMB_INVALID_ESCAPE, call->position, NULL,
                           "Escape string must be empty or one character.", "invalid escape string");
        }
        result->bytes[row] = similar(call, ARGUMENT_BYTES(0, row), escape);
    }
}

/* clang-format off */
#define TEXT TYPE_TEXT
#define INT  TYPE_INT4
#define COUNT(...)   FN("regexp_count", fn_count, INT, "how often the pattern matches", TEXT, TEXT, ##__VA_ARGS__)
#define INSTR(...)   FN("regexp_instr", fn_instr, INT, "place of a match: start, n, end or start, flags, group", TEXT, TEXT, ##__VA_ARGS__)
#define SUBSTR(...)  FN("regexp_substr", fn_substr, TEXT, "text of a match: start, n, flags, group", TEXT, TEXT, ##__VA_ARGS__)
#define REPLACE(...) FN("regexp_replace", fn_replace_from, TEXT, "matches replaced: start, n (0: all), flags", TEXT, TEXT, TEXT, INT, ##__VA_ARGS__)

static const struct sql_function regexp_rows[] = {
    OP("~", fn_match, TYPE_BOOL, "matches the regular expression", TEXT, TEXT),
    OP("~*", fn_match_any_case, TYPE_BOOL, "matches the regular expression in any case", TEXT, TEXT),
    OP("!~", fn_no_match, TYPE_BOOL, "does not match the regular expression", TEXT, TEXT),
    OP("!~*", fn_no_match_any_case, TYPE_BOOL, "does not match the regular expression in any case", TEXT, TEXT),
    FN("regexp_like", fn_like, TYPE_BOOL, "whether the pattern matches", TEXT, TEXT),
    FN("regexp_like", fn_like, TYPE_BOOL, "whether the pattern matches, with flags", TEXT, TEXT, TEXT),
    COUNT(),
    COUNT(INT),
    COUNT(INT, TEXT),
    INSTR(),
    INSTR(INT),
    INSTR(INT, INT),
    INSTR(INT, INT, INT),
    INSTR(INT, INT, INT, TEXT),
    INSTR(INT, INT, INT, TEXT, INT),
    SUBSTR(),
    SUBSTR(INT),
    SUBSTR(INT, INT),
    SUBSTR(INT, INT, TEXT),
    SUBSTR(INT, INT, TEXT, INT),
    FN("regexp_replace", fn_replace, TEXT, "the first match replaced", TEXT, TEXT, TEXT),
    FN("regexp_replace", fn_replace, TEXT, "the first match, or all with flag g, replaced", TEXT, TEXT, TEXT, TEXT),
    REPLACE(),
    REPLACE(INT),
    REPLACE(INT, TEXT),
    FN("substring", fn_substring, TEXT, "what the regular expression, or its first group, matches", TEXT, TEXT),
    FN("similar_to_escape", fn_similar, TEXT, "regular expression of a SIMILAR TO pattern", TEXT),
    FN("similar_to_escape", fn_similar, TEXT, "regular expression of a SIMILAR TO pattern with an escape", TEXT, TEXT),
};
/* clang-format on */

struct function_rows function_rows_regexp(void) {
    return FUNCTION_ROWS(regexp_rows);
}
