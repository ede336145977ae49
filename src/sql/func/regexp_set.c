/* regexp_split_to_table: the parts of a text between the matches of a pattern. */
#include "base/assert.h"
#include "sql/func/loops.h"
#include "sql/func/regex.h"

struct split {
    struct regex *regex;
    struct slice text;
    size_t part;     /* where the next part begins */
    size_t search;   /* where the next match is looked for */
    size_t last_end; /* of the last match */
    bool done;
};

static void split_open(const struct sql_call *call, void *state, const struct value *arguments) {
    struct split *split = state;
    bool global = false;
    struct slice flags = call->argument_count > 2 ? arguments[2].as.bytes : slice_make(NULL, 0);
    split->text = arguments[0].as.bytes;
    split->regex = regex_compile(call, arguments[1].as.bytes, flags, &global);
    if (global) {
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position,
                  "regexp_split_to_table() does not support the \"global\" option");
    }
}

/* The byte behind the character at `at`. */
static size_t behind(struct slice text, size_t at) {
    do {
        at++;
    } while (at < text.length && (text.bytes[at] & 0xC0) == 0x80);
    return at;
}

/* The next match that separates: an empty one does not at either end of the text and right behind another. */
static bool separator(const struct sql_call *call, struct split *split, struct regex_span *span) {
    while (split->search <= split->text.length && regex_find(call, split->regex, split->text, split->search, span)) {
        bool counts = span->from < split->text.length && span->to > split->last_end;
        split->last_end = span->to;
        split->search = span->from == span->to ? behind(split->text, span->to) : span->to;
        if (counts) {
            return true;
        }
    }
    return false;
}

static bool split_next(const struct sql_call *call, void *state, struct value *row) {
    struct split *split = state;
    struct regex_span span = {0};
    if (split->done) {
        return false;
    }
    split->done = !separator(call, split, &span);
    size_t end = split->done ? split->text.length : span.from;
    ASSERT(end >= split->part);
    *row = value_text(end == split->part ? slice_make(NULL, 0)
                                         : slice_make(split->text.bytes + split->part, end - split->part));
    split->part = span.to;
    return true;
}

static const struct sql_set split_set = {sizeof(struct split), split_open, split_next, NULL, 0};

/* clang-format off */
#define SPLIT(count_, summary_)                                                                                        \
    {.class = SQL_FUNCTION_SET, .name = "regexp_split_to_table", .set = &split_set, .strict = true,                    \
     .volatility = SQL_IMMUTABLE, .result = TYPE_TEXT, .summary = (summary_), .argument_count = (count_),              \
     .arguments = {TYPE_TEXT, TYPE_TEXT, TYPE_TEXT}}

static const struct sql_function regexp_set_rows[] = {
    SPLIT(2, "the parts between the matches of a pattern"),
    SPLIT(3, "the parts between the matches of a pattern, with flags"),
};
/* clang-format on */

struct function_rows function_rows_regexp_set(void) {
    return FUNCTION_ROWS(regexp_set_rows);
}
