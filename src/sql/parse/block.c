/* The code of DO, read into steps (sql/block.h), by PostgreSQL's own scanner. */
#include "sql/block.h"

#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/status.h"
#include "sql/parse/condition.h"
#include "sql/parse/scan.h"

#define TOKEN(name) PG_QUERY__TOKEN__##name

struct reader {
    struct sql_context *context;
    const char *code;
    PgQuery__ScanToken **tokens; /* without comments */
    size_t count;
    size_t at;
    uint32_t position; /* of the code in its statement, byte + 1; 0: not known */
    unsigned depth;
    unsigned handling; /* handlers around */
};

/* --- tokens ------------------------------------------------------------------------------------------------------- */

static struct slice token_text(const struct reader *reader, size_t at) {
    const PgQuery__ScanToken *token = reader->tokens[at];
    return slice_make(reader->code + token->start, (size_t)(token->end - token->start));
}

static bool is_word(const struct reader *reader, size_t at, const char *word) {
    if (at >= reader->count) {
        return false;
    }
    struct slice text = token_text(reader, at);
    return text.length == strlen(word) && strncasecmp((const char *)text.bytes, word, text.length) == 0;
}

static bool is_token(const struct reader *reader, size_t at, PgQuery__Token token) {
    return at < reader->count && reader->tokens[at]->token == token;
}

static uint32_t place_of(const struct reader *reader, size_t at) {
    uint32_t byte = at < reader->count ? (uint32_t)reader->tokens[at]->start : (uint32_t)strlen(reader->code);
    return reader->position == 0 ? 0 : reader->position + byte;
}

static _Noreturn void raise_here(const struct reader *reader) {
    if (reader->at >= reader->count) {
        sql_raise(reader->context, KMB_SYNTAX, place_of(reader, reader->at), "syntax error at end of input");
    }
    struct slice text = token_text(reader, reader->at);
    sql_raise(reader->context, KMB_SYNTAX, place_of(reader, reader->at), "syntax error at or near \"%.*s\"",
              (int)text.length, (const char *)text.bytes);
}

static bool take(struct reader *reader, const char *word) {
    bool there = is_word(reader, reader->at, word);
    reader->at += there;
    return there;
}

static void expect(struct reader *reader, const char *word) {
    if (!take(reader, word)) {
        raise_here(reader);
    }
}

/* --- variables --- */

/* Whether the token stands in INSERT INTO t (...): a column's name, whatever variables there are. */
static bool is_inserted(const struct reader *reader, size_t first, size_t at) {
    size_t open = first + 3;
    if (!is_word(reader, first, "insert") || !is_word(reader, first + 1, "into")) {
        return false;
    }
    while (is_token(reader, open, TOKEN(ASCII_46))) {
        open += 2;
    }
    open += is_word(reader, open, "as") ? 2 : 0;
    if (!is_token(reader, open, TOKEN(ASCII_40)) || at < open) {
        return false;
    }
    size_t close = open;
    while (close < reader->count && !is_token(reader, close, TOKEN(ASCII_41))) {
        close++;
    }
    return at < close;
}

/* Whether the text is a definition or the like, in which words are names. */
static bool is_utility(const struct reader *reader, size_t first) {
    static const char *const words[] = {"create", "alter", "drop",  "comment", "grant",   "revoke", "truncate",
                                        "lock",   "set",   "reset", "analyze", "reindex", "notify", "refresh"};
    bool is = false;
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        is = is || is_word(reader, first, words[i]);
    }
    return is;
}

/* Whether the word is a variable in the text that begins with token `first`: no part of a qualified name, no function,
 * no name that is given or written to. */
static bool is_variable(const struct reader *reader, size_t first, size_t at, const char *word) {
    bool inner = at > first;
    if (!is_word(reader, at, word) || is_token(reader, at + 1, TOKEN(ASCII_46)) ||
        is_token(reader, at + 1, TOKEN(ASCII_40)) || (inner && is_token(reader, at - 1, TOKEN(ASCII_46))) ||
        (inner && is_word(reader, at - 1, "as"))) {
        return false;
    }
    bool writes =
        is_word(reader, first, "update") || is_word(reader, first, "insert") || is_word(reader, first, "merge");
    bool set = inner && writes && is_word(reader, at + 1, "=") &&
               (is_word(reader, at - 1, "set") || is_token(reader, at - 1, TOKEN(ASCII_44)));
    return !set && !is_inserted(reader, first, at);
}

/* Finds what in the tokens from `first` to here is about the exception that is handled. */
static void text_marks(const struct reader *reader, size_t first, struct block_text *text) {
    struct block_mark *marks = NULL;
    for (size_t at = first; at < reader->at && !is_utility(reader, first); at++) {
        if (is_variable(reader, first, at, "found")) {
            sql_raise_unsupported(reader->context, place_of(reader, at), "FOUND in the code of DO");
        }
        bool state = is_variable(reader, first, at, "sqlstate");
        if (reader->handling == 0 || (!state && !is_variable(reader, first, at, "sqlerrm"))) {
            continue;
        }
        if (marks == NULL) {
            marks = sql_alloc(reader->context, (reader->at - first) * sizeof(*marks));
        }
        uint32_t offset = (uint32_t)(reader->tokens[at]->start - reader->tokens[first]->start);
        uint32_t length = (uint32_t)token_text(reader, at).length;
        marks[text->mark_count++] = (struct block_mark){.offset = offset, .length = length, .state = state};
    }
    text->marks = marks;
}

/*
 * The text from here to a word, or to ';', outside of parentheses, brackets and CASE ... END; it is not taken. stop
 * NULL: to the ';' alone, and CASE is not looked at.
 */
static struct block_text text_to(struct reader *reader, const char *stop, const char *also) {
    int parentheses = 0; /* and brackets */
    int cases = 0;
    size_t first = reader->at;
    for (; reader->at < reader->count; reader->at++) {
        bool outside = parentheses <= 0 && cases <= 0;
        if (outside && ((stop != NULL && is_word(reader, reader->at, stop)) ||
                        (also != NULL && is_word(reader, reader->at, also)))) {
            break;
        }
        if (parentheses <= 0 && is_token(reader, reader->at, TOKEN(ASCII_59))) {
            break;
        }
        parentheses += is_token(reader, reader->at, TOKEN(ASCII_40)) || is_token(reader, reader->at, TOKEN(ASCII_91));
        parentheses -= is_token(reader, reader->at, TOKEN(ASCII_41)) || is_token(reader, reader->at, TOKEN(ASCII_93));
        cases += stop != NULL && is_word(reader, reader->at, "case");
        cases -= stop != NULL && cases > 0 && is_word(reader, reader->at, "end");
    }
    if (reader->at >= reader->count || reader->at == first) {
        raise_here(reader);
    }
    const PgQuery__ScanToken *last = reader->tokens[reader->at - 1];
    size_t start = (size_t)reader->tokens[first]->start;
    struct block_text text = {.text = slice_make(reader->code + start, (size_t)last->end - start)};
    text_marks(reader, first, &text);
    return text;
}

/* 'text', E'text' is not read: what a format or a SQLSTATE needs. */
static const char *read_string(struct reader *reader) {
    struct slice text = reader->at < reader->count ? token_text(reader, reader->at) : (struct slice){0};
    if (text.length < 2 || text.bytes[0] != '\'') {
        raise_here(reader);
    }
    char *plain = sql_alloc(reader->context, text.length);
    size_t length = 0;
    for (size_t i = 1; i + 1 < text.length; i++) {
        plain[length++] = (char)text.bytes[i];
        i += text.bytes[i] == '\''; /* '' */
    }
    plain[length] = 0;
    reader->at++;
    return plain;
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

#define STATE_OTHERS "" /* of no error: what OTHERS is kept as */

static _Noreturn void raise_condition(const struct reader *reader, struct slice name) {
    sql_raise(reader->context, KMB_UNDEFINED_OBJECT, place_of(reader, reader->at),
              "unrecognized exception condition \"%.*s\"", (int)name.length, (const char *)name.bytes);
}

static const char *state_of_condition(const struct reader *reader, struct slice name) {
    const char *state = condition_state(name, 0);
    if (state == NULL) {
        raise_condition(reader, name);
    }
    return state;
}

/* A name, or SQLSTATE 'xxxxx'. */
static const char *read_condition(struct reader *reader) {
    if (take(reader, "sqlstate")) {
        size_t at = reader->at;
        const char *state = read_string(reader);
        if (strlen(state) != 5 || strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5) {
            reader->at = at;
            sql_raise(reader->context, KMB_SYNTAX, place_of(reader, at), "invalid SQLSTATE code");
        }
        return state;
    }
    if (reader->at >= reader->count) {
        raise_here(reader);
    }
    const char *state = state_of_condition(reader, token_text(reader, reader->at));
    reader->at++;
    return state;
}

/* Of a handler: the states that a name has. */
static uint32_t read_conditions(struct reader *reader, const char **states) {
    struct slice name = reader->at < reader->count ? token_text(reader, reader->at) : (struct slice){0};
    if (take(reader, "others")) {
        states[0] = STATE_OTHERS;
        return 1;
    }
    states[0] = read_condition(reader);
    states[1] = condition_state(name, 1);
    return states[1] == NULL ? 1 : CONDITION_STATES_MAX;
}

/* Of what is raised: P0001 where it is no error, or none that is known here. */
static enum kmb_status status_of(const char *state) {
    enum kmb_status status = state[0] == 0 ? KMB_RAISED : status_of_sqlstate(state);
    bool unknown = status == KMB_INTERNAL && strcmp(state, "XX000") != 0;
    return status <= KMB_DONE || unknown ? KMB_RAISED : status;
}

static bool state_matches(const char *wanted, const char *state) {
    bool class = strcmp(wanted + (wanted[0] == 0 ? 0 : 2), "000") == 0;
    return wanted[0] == 0 ? strcmp(state, "57014") != 0 : memcmp(wanted, state, class ? 2 : 5) == 0;
}

bool block_handles(const struct block_handler *handler, const char *state) {
    bool handles = false;
    for (uint32_t i = 0; i < handler->state_count; i++) {
        handles = handles || state_matches(handler->states[i], state);
    }
    return handles;
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static const struct block_step *read_steps(struct reader *reader);

static struct block_step *step_new(const struct reader *reader, enum block_kind kind) {
    struct block_step *step = sql_alloc_zero(reader->context, 1, sizeof(*step));
    step->kind = kind;
    return step;
}

static void enter(struct reader *reader) {
    if (++reader->depth > BLOCK_DEPTH_MAX) {
        sql_raise(reader->context, KMB_TOO_COMPLEX, place_of(reader, reader->at), "blocks nest deeper than %d levels",
                  BLOCK_DEPTH_MAX);
    }
}

static void set_text(const struct reader *reader, struct block_step *step, size_t first, struct block_text text) {
    step->text = text;
    step->position = place_of(reader, first);
}

/* WHEN condition [OR condition ...] THEN steps */
static const struct block_handler *read_handlers(struct reader *reader) {
    const struct block_handler *first = NULL;
    const struct block_handler **end = &first;
    while (take(reader, "when")) {
        struct block_handler *handler = sql_alloc_zero(reader->context, 1, sizeof(*handler));
        size_t then = reader->at;
        while (then < reader->count && !is_word(reader, then, "then")) {
            then++;
        }
        size_t room = (then - reader->at + 1) * CONDITION_STATES_MAX;
        const char **states = sql_alloc(reader->context, room * sizeof(*states));
        do {
            handler->state_count += read_conditions(reader, &states[handler->state_count]);
        } while (take(reader, "or"));
        expect(reader, "then");
        handler->states = states;
        reader->handling++;
        handler->steps = read_steps(reader);
        reader->handling--;
        *end = handler;
        end = &handler->next;
    }
    if (first == NULL) {
        raise_here(reader);
    }
    return first;
}

/* Behind BEGIN, to END. */
static struct block_step *read_nested(struct reader *reader) {
    struct block_step *step = step_new(reader, BLOCK_NESTED);
    enter(reader);
    step->inner = read_steps(reader);
    if (take(reader, "exception")) {
        step->handlers = read_handlers(reader);
    }
    expect(reader, "end");
    reader->depth--;
    return step;
}

/* Behind IF or ELSIF, to END IF, which the outermost takes. */
static struct block_step *read_if(struct reader *reader) {
    struct block_step *step = step_new(reader, BLOCK_IF);
    size_t first = reader->at;
    enter(reader);
    set_text(reader, step, first, text_to(reader, "then", NULL));
    expect(reader, "then");
    step->inner = read_steps(reader);
    if (take(reader, "elsif") || take(reader, "elseif")) {
        step->otherwise = read_if(reader);
    } else {
        step->otherwise = take(reader, "else") ? read_steps(reader) : NULL;
        expect(reader, "end");
        expect(reader, "if");
    }
    reader->depth--;
    return step;
}

/* ERRCODE: a condition's name, or a SQLSTATE. */
static void read_code(struct reader *reader, struct block_raise *raise) {
    size_t at = reader->at;
    const char *name = read_string(reader);
    bool is_state = strlen(name) == 5 && strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5;
    reader->at = is_state ? reader->at : at;
    raise->state = is_state ? name : state_of_condition(reader, slice_text(name));
    reader->at = at + 1;
    raise->status = status_of(raise->state);
    raise->format = raise->format.bytes == NULL ? slice_text(name) : raise->format;
}

/* USING option = expression, ... */
static void read_using(struct reader *reader, struct block_raise *raise, bool has_message) {
    static const char *const words[BLOCK_OPTION_COUNT] = {"MESSAGE", "DETAIL", "HINT",       "SCHEMA",
                                                          "TABLE",   "COLUMN", "CONSTRAINT", "DATATYPE"};
    bool coded = false;
    do {
        size_t option = 0;
        size_t at = reader->at;
        bool code = take(reader, "errcode");
        while (!code && option < BLOCK_OPTION_COUNT && !take(reader, words[option])) {
            option++;
        }
        if (!code && option == BLOCK_OPTION_COUNT) {
            struct slice near = at < reader->count ? token_text(reader, at) : slice_text(";");
            sql_raise(reader->context, KMB_SYNTAX, place_of(reader, at),
                      "unrecognized RAISE statement option at or near \"%.*s\"", (int)near.length,
                      (const char *)near.bytes);
        }
        bool twice =
            code ? coded : raise->options[option].text.length > 0 || (option == BLOCK_OPTION_MESSAGE && has_message);
        if (twice) {
            sql_raise(reader->context, KMB_SYNTAX, place_of(reader, at), "RAISE option already specified: %s",
                      code ? "ERRCODE" : words[option]);
        }
        coded = coded || code;
        if (!take(reader, ":=")) {
            expect(reader, "=");
        }
        if (code) {
            read_code(reader, raise);
        } else {
            raise->options[option] = text_to(reader, ",", NULL);
        }
    } while (take(reader, ","));
}

/* The arguments of a format, one for each %. */
static void read_values(struct reader *reader, const struct block_step *step, struct block_raise *raise) {
    uint32_t places = 0;
    for (size_t i = 0; i < raise->format.length; i++) {
        bool percent = raise->format.bytes[i] == '%';
        bool twice = percent && i + 1 < raise->format.length && raise->format.bytes[i + 1] == '%';
        places += percent && !twice;
        i += twice;
    }
    struct block_text *values = sql_alloc_zero(reader->context, places + 1, sizeof(*values));
    while (take(reader, ",")) {
        struct block_text value = text_to(reader, ",", "using");
        if (raise->value_count < places) {
            values[raise->value_count] = value;
        }
        raise->value_count++;
    }
    if (places != raise->value_count) {
        sql_raise(reader->context, KMB_SYNTAX, step->position, "too %s parameters specified for RAISE",
                  places > raise->value_count ? "few" : "many");
    }
    raise->values = values;
}

static struct block_step *read_raise(struct reader *reader) {
    static const struct {
        const char *word;
        enum block_level level;
    } levels[] = {{"exception", BLOCK_EXCEPTION}, {"notice", BLOCK_NOTICE}, {"info", BLOCK_INFO},
                  {"warning", BLOCK_WARNING},     {"debug", BLOCK_DEBUG},   {"log", BLOCK_LOG}};
    struct block_step *step = step_new(reader, BLOCK_RAISE);
    struct block_raise *raise = sql_alloc_zero(reader->context, 1, sizeof(*raise));
    bool has_message = false;
    *raise = (struct block_raise){.status = KMB_RAISED, .state = "P0001"};
    step->raise = raise;
    step->position = place_of(reader, reader->at);
    if (is_token(reader, reader->at, TOKEN(ASCII_59))) {
        raise->again = true;
        return step;
    }
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (take(reader, levels[i].word)) {
            raise->level = levels[i].level;
            break;
        }
    }
    if (is_token(reader, reader->at, TOKEN(SCONST))) {
        raise->format = slice_text(read_string(reader));
        has_message = true;
        read_values(reader, step, raise);
    } else if (!is_word(reader, reader->at, "using")) {
        bool by_code = is_word(reader, reader->at, "sqlstate");
        struct slice name = reader->at < reader->count ? token_text(reader, reader->at) : (struct slice){0};
        raise->state = read_condition(reader);
        raise->status = status_of(raise->state);
        raise->format = by_code ? slice_text(raise->state) : name;
    }
    if (take(reader, "using")) {
        read_using(reader, raise, has_message);
    }
    raise->format = raise->format.bytes == NULL ? slice_text(raise->state) : raise->format;
    return step;
}

static _Noreturn void raise_beyond(const struct reader *reader, const char *what) {
    sql_raise_with(reader->context, KMB_UNSUPPORTED, place_of(reader, reader->at), NULL,
                   "DO knows SQL statements, PERFORM, EXECUTE, IF, RAISE, blocks and their exception handlers.",
                   "%s in the code of DO is not supported", what);
}

static void refuse_beyond(const struct reader *reader) {
    static const char *const words[] = {"declare", "loop",   "while",    "for",       "foreach", "case", "open",
                                        "fetch",   "close",  "move",     "get",       "assert",  "exit", "continue",
                                        "call",    "commit", "rollback", "savepoint", "start",   "do"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (is_word(reader, reader->at, words[i])) {
            char *upper = sql_printf(reader->context, "%s", words[i]);
            for (char *at = upper; *at != 0; at++) {
                *at = (char)(*at - ('a' - 'A'));
            }
            raise_beyond(reader, upper);
        }
    }
    if (is_token(reader, reader->at + 1, TOKEN(COLON_EQUALS)) || is_word(reader, reader->at + 1, "=")) {
        raise_beyond(reader, "a variable");
    }
    if (is_word(reader, reader->at, "<<")) {
        raise_beyond(reader, "a label");
    }
}

/* One step and its ';', or NULL for one that does nothing. */
static struct block_step *read_step(struct reader *reader) {
    struct block_step *step = NULL;
    size_t first = reader->at;
    refuse_beyond(reader);
    if (take(reader, "begin")) {
        step = read_nested(reader);
    } else if (take(reader, "if")) {
        step = read_if(reader);
    } else if (take(reader, "raise")) {
        step = read_raise(reader);
    } else if (take(reader, "return")) {
        step = step_new(reader, BLOCK_RETURN);
    } else if (is_word(reader, first, "null") && is_token(reader, first + 1, TOKEN(ASCII_59))) {
        reader->at++;
    } else {
        bool performs = take(reader, "perform");
        bool executes = !performs && take(reader, "execute");
        first = reader->at;
        step = step_new(reader, executes ? BLOCK_EXECUTE : BLOCK_SQL);
        step->performs = performs;
        set_text(reader, step, first, executes ? text_to(reader, "into", "using") : text_to(reader, NULL, NULL));
    }
    if (!is_token(reader, reader->at, TOKEN(ASCII_59))) {
        if (step != NULL && step->kind == BLOCK_EXECUTE) {
            raise_beyond(reader, "EXECUTE ... INTO and USING");
        }
        raise_here(reader);
    }
    reader->at++;
    return step;
}

/* To a word that ends them, which is not taken. */
static const struct block_step *read_steps(struct reader *reader) {
    static const char *const ends[] = {"end", "exception", "elsif", "elseif", "else", "when"};
    const struct block_step *first = NULL;
    const struct block_step **end = &first;
    for (;;) {
        bool over = reader->at >= reader->count;
        for (size_t i = 0; !over && i < sizeof(ends) / sizeof(ends[0]); i++) {
            over = is_word(reader, reader->at, ends[i]);
        }
        if (over) {
            return first;
        }
        struct block_step *step = read_step(reader);
        if (step != NULL) {
            *end = step;
            end = &step->next;
        }
    }
}

const struct block_step *block_parse(struct sql_context *context, const char *code, uint32_t position) {
    PgQuery__ScanResult *scan = scan_tokens(context, code);
    struct reader reader = {.context = context, .code = code, .tokens = scan->tokens, .position = position};
    for (size_t i = 0; i < scan->n_tokens; i++) {
        if (scan->tokens[i]->token != TOKEN(SQL_COMMENT) && scan->tokens[i]->token != TOKEN(C_COMMENT)) {
            reader.tokens[reader.count++] = scan->tokens[i];
        }
    }
    refuse_beyond(&reader);
    expect(&reader, "begin");
    struct block_step *block = read_nested(&reader);
    if (is_token(&reader, reader.at, TOKEN(ASCII_59))) {
        reader.at++;
    }
    if (reader.at < reader.count) {
        raise_here(&reader);
    }
    return block;
}
