/*
 * What a pattern finds in a text, as arrays and rows: the groups of its matches (regexp_match, regexp_matches) and the
 * parts between them (regexp_split_to_array, regexp_split_to_table).
 */
#include "base/assert.h"
#include "sql/func/array.h"
#include "sql/func/loops.h"
#include "sql/func/regex.h"

/* The pattern compiled with flags, of which 'g' is not for this function. */
static struct regex *compiled(const struct sql_call *call, struct slice pattern, struct slice flags, const char *name,
                              const char *hint) {
    bool global = false;
    struct regex *regex = regex_compile(call, pattern, flags, &global);
    if (global) {
        sql_raise_with(call->context, KMB_INVALID_PARAMETER, call->position, NULL, hint,
                       "%s does not support the \"global\" option", name);
    }
    return regex;
}

/* --- groups --- */

/* The groups of a match, or, where the pattern has none, the whole; answers how many. */
static uint32_t groups_of(const struct sql_call *call, struct regex *regex, struct slice text, struct regex_span span,
                          struct value elements[REGEX_GROUPS_MAX]) {
    struct regex_span groups[REGEX_GROUPS_MAX];
    uint32_t count = regex_groups(regex);
    if (count == 0) {
        elements[0] = value_text(regex_part(text, span));
        return 1;
    }
    regex_capture(call, regex, text, span, groups);
    for (uint32_t i = 0; i < count; i++) {
        elements[i] = groups[i].from == SIZE_MAX ? value_null(TYPE_TEXT) : value_text(regex_part(text, groups[i]));
    }
    return count;
}

static void fn_match(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        struct slice flags = call->argument_count > 2 ? ARGUMENT_BYTES(2, row) : slice_text("");
        struct regex *regex =
            compiled(call, ARGUMENT_BYTES(1, row), flags, "regexp_match()", "Use the regexp_matches function instead.");
        struct value elements[REGEX_GROUPS_MAX];
        struct regex_span span;
        if (!regex_find(call, regex, text, 0, &span)) {
            result_null(result, row);
            continue;
        }
        struct array_shape shape = array_shape_of(groups_of(call, regex, text, span, elements));
        array_result(call, result, row, &shape, elements);
    }
}

struct matches {
    struct regex *regex;
    struct slice text;
    size_t search; /* where the next match is looked for; SIZE_MAX: nowhere */
    bool global;
};

static void matches_open(const struct sql_call *call, void *state, const struct value *arguments) {
    struct matches *matches = state;
    struct slice flags = call->argument_count > 2 ? arguments[2].as.bytes : slice_text("");
    matches->text = arguments[0].as.bytes;
    matches->regex = regex_compile(call, arguments[1].as.bytes, flags, &matches->global);
}

static bool matches_next(const struct sql_call *call, void *state, struct value *row) {
    struct matches *matches = state;
    struct regex_span span;
    if (matches->search == SIZE_MAX || !regex_find(call, matches->regex, matches->text, matches->search, &span)) {
        return false;
    }
    struct value elements[REGEX_GROUPS_MAX];
    struct array_shape shape = array_shape_of(groups_of(call, matches->regex, matches->text, span, elements));
    enum kmb_status status = array_make(TYPE_TEXT, &shape, elements, call->arena, row, call->context->error);
    if (status != KMB_OK) {
        sql_raise_status(call->context, status, call->position);
    }
    matches->search = matches->global ? regex_behind(matches->text, span) : SIZE_MAX;
    return true;
}

/* --- parts --- */

struct split {
    struct regex *regex;
    struct slice text;
    size_t part;     /* where the next part begins */
    size_t search;   /* where the next match is looked for */
    size_t last_end; /* of the last match */
    bool done;
};

/* The next match that separates: an empty one does not at either end of the text and right behind another. */
static bool separator(const struct sql_call *call, struct split *split, struct regex_span *span) {
    while (split->search != SIZE_MAX && regex_find(call, split->regex, split->text, split->search, span)) {
        bool counts = span->from < split->text.length && span->to > split->last_end;
        split->last_end = span->to;
        split->search = regex_behind(split->text, *span);
        if (counts) {
            return true;
        }
    }
    return false;
}

/* The next part; false: there is none left. */
static bool part_next(const struct sql_call *call, struct split *split, struct value *part) {
    struct regex_span span = {0};
    if (split->done) {
        return false;
    }
    split->done = !separator(call, split, &span);
    size_t end = split->done ? split->text.length : span.from;
    ASSERT(end >= split->part);
    *part = value_text(regex_part(split->text, (struct regex_span){.from = split->part, .to = end}));
    split->part = span.to;
    return true;
}

static void split_open(const struct sql_call *call, void *state, const struct value *arguments) {
    struct split *split = state;
    struct slice flags = call->argument_count > 2 ? arguments[2].as.bytes : slice_text("");
    split->text = arguments[0].as.bytes;
    split->regex = compiled(call, arguments[1].as.bytes, flags, "regexp_split_to_table()", NULL);
}

static bool split_next(const struct sql_call *call, void *state, struct value *row) {
    return part_next(call, state, row);
}

static void fn_split(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice flags = call->argument_count > 2 ? ARGUMENT_BYTES(2, row) : slice_text("");
        struct split first = {.text = ARGUMENT_BYTES(0, row)};
        first.regex = compiled(call, ARGUMENT_BYTES(1, row), flags, "regexp_split_to_array()", NULL);
        struct value part;
        uint32_t parts = 0;
        for (struct split split = first; part_next(call, &split, &part);) {
            parts++;
        }
        struct value *elements = (struct value *)(void *)result_bytes(call, sizeof(*elements) * parts);
        for (uint32_t i = 0; i < parts; i++) {
            bool more = part_next(call, &first, &elements[i]);
            ASSERT(more);
        }
        struct array_shape shape = array_shape_of(parts);
        array_result(call, result, row, &shape, elements);
    }
}

/* --- the table --- */

static const struct sql_set matches_set = {sizeof(struct matches), matches_open, matches_next, NULL, 0};
static const struct sql_set split_set = {sizeof(struct split), split_open, split_next, NULL, 0};

/* clang-format off */
#define SET(name_, set_, result_, count_, summary_)                                                                    \
    {.class = SQL_FUNCTION_SET, .name = (name_), .set = &(set_), .strict = true, .volatility = SQL_IMMUTABLE,          \
     .result = (result_), .summary = (summary_), .argument_count = (count_),                                           \
     .arguments = {TYPE_TEXT, TYPE_TEXT, TYPE_TEXT}}

static const struct sql_function regexp_parts_rows[] = {
    FN("regexp_match", fn_match, TYPE_ARRAY_TEXT, "the groups of the first match", TYPE_TEXT, TYPE_TEXT),
    FN("regexp_match", fn_match, TYPE_ARRAY_TEXT, "the groups of the first match, with flags", TYPE_TEXT, TYPE_TEXT, TYPE_TEXT),
    SET("regexp_matches", matches_set, TYPE_ARRAY_TEXT, 2, "the groups of the first match"),
    SET("regexp_matches", matches_set, TYPE_ARRAY_TEXT, 3, "the groups of the first match, or, with flag g, of each"),
    FN("regexp_split_to_array", fn_split, TYPE_ARRAY_TEXT, "the parts between the matches of a pattern", TYPE_TEXT, TYPE_TEXT),
    FN("regexp_split_to_array", fn_split, TYPE_ARRAY_TEXT, "the parts between the matches of a pattern, with flags", TYPE_TEXT, TYPE_TEXT, TYPE_TEXT),
    SET("regexp_split_to_table", split_set, TYPE_TEXT, 2, "the parts between the matches of a pattern"),
    SET("regexp_split_to_table", split_set, TYPE_TEXT, 3, "the parts between the matches of a pattern, with flags"),
};
/* clang-format on */

struct function_rows function_rows_regexp_parts(void) {
    return FUNCTION_ROWS(regexp_parts_rows);
}
