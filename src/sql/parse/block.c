/* The code of DO, read into steps (sql/block.h), by PostgreSQL's own scanner. */
#include "sql/block.h"

#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/status.h"
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

/*
 * The text from here to a word, or to ';', outside of parentheses and of CASE ... END; it is not taken. stop NULL: to
 * the ';' alone, and CASE is not looked at.
 */
static struct slice text_to(struct reader *reader, const char *stop, const char *also) {
    int parentheses = 0;
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
        parentheses += is_token(reader, reader->at, TOKEN(ASCII_40));
        parentheses -= is_token(reader, reader->at, TOKEN(ASCII_41));
        cases += stop != NULL && is_word(reader, reader->at, "case");
        cases -= stop != NULL && cases > 0 && is_word(reader, reader->at, "end");
    }
    if (reader->at >= reader->count || reader->at == first) {
        raise_here(reader);
    }
    const PgQuery__ScanToken *last = reader->tokens[reader->at - 1];
    size_t start = (size_t)reader->tokens[first]->start;
    return slice_make(reader->code + start, (size_t)last->end - start);
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

static const char *state_of_condition(const struct reader *reader, struct slice name) {
    /* Of PostgreSQL's appendix of error codes, the ones that are met here. */
    static const struct {
        const char *name;
        const char *state;
    } rows[] = {
        {"others", ""},
        {"successful_completion", "00000"},
        {"no_data", "02000"},
        {"feature_not_supported", "0A000"},
        {"cardinality_violation", "21000"},
        {"data_exception", "22000"},
        {"string_data_right_truncation", "22001"},
        {"numeric_value_out_of_range", "22003"},
        {"null_value_not_allowed", "22004"},
        {"invalid_datetime_format", "22007"},
        {"datetime_field_overflow", "22008"},
        {"division_by_zero", "22012"},
        {"invalid_parameter_value", "22023"},
        {"invalid_text_representation", "22P02"},
        {"untranslatable_character", "22P05"},
        {"integrity_constraint_violation", "23000"},
        {"not_null_violation", "23502"},
        {"foreign_key_violation", "23503"},
        {"unique_violation", "23505"},
        {"check_violation", "23514"},
        {"invalid_transaction_state", "25000"},
        {"read_only_sql_transaction", "25006"},
        {"dependent_objects_still_exist", "2BP01"},
        {"invalid_schema_name", "3F000"},
        {"invalid_catalog_name", "3D000"},
        {"transaction_rollback", "40000"},
        {"serialization_failure", "40001"},
        {"deadlock_detected", "40P01"},
        {"syntax_error_or_access_rule_violation", "42000"},
        {"insufficient_privilege", "42501"},
        {"syntax_error", "42601"},
        {"duplicate_column", "42701"},
        {"ambiguous_column", "42702"},
        {"undefined_column", "42703"},
        {"undefined_object", "42704"},
        {"duplicate_object", "42710"},
        {"duplicate_function", "42723"},
        {"duplicate_alias", "42712"},
        {"datatype_mismatch", "42804"},
        {"wrong_object_type", "42809"},
        {"cannot_coerce", "42846"},
        {"undefined_function", "42883"},
        {"reserved_name", "42939"},
        {"undefined_table", "42P01"},
        {"duplicate_prepared_statement", "42P05"},
        {"duplicate_schema", "42P06"},
        {"duplicate_table", "42P07"},
        {"invalid_column_reference", "42P10"},
        {"invalid_table_definition", "42P16"},
        {"with_check_option_violation", "44000"},
        {"insufficient_resources", "53000"},
        {"disk_full", "53100"},
        {"out_of_memory", "53200"},
        {"program_limit_exceeded", "54000"},
        {"statement_too_complex", "54001"},
        {"object_not_in_prerequisite_state", "55000"},
        {"object_in_use", "55006"},
        {"lock_not_available", "55P03"},
        {"query_canceled", "57014"},
        {"raise_exception", "P0001"},
        {"plpgsql_error", "P0000"},
        {"internal_error", "XX000"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (name.length == strlen(rows[i].name) &&
            strncasecmp(rows[i].name, (const char *)name.bytes, name.length) == 0) {
            return rows[i].state;
        }
    }
    sql_raise(reader->context, KMB_UNDEFINED_OBJECT, place_of(reader, reader->at),
              "unrecognized exception condition \"%.*s\"", (int)name.length, (const char *)name.bytes);
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

bool block_handles(const struct block_handler *handler, enum kmb_status status) {
    bool handles = false;
    for (uint32_t i = 0; i < handler->state_count; i++) {
        handles = handles || state_matches(handler->states[i], status_row_of(status)->sqlstate);
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

static void set_text(const struct reader *reader, struct block_step *step, size_t first, struct slice text) {
    step->text = text;
    step->position = place_of(reader, first);
}

/* The list with room for one more; NULL: there is none yet. Its room is a power of two. */
static void *with_room(const struct reader *reader, void *list, uint32_t count, size_t size) {
    if ((count & (count - 1)) != 0) {
        return list;
    }
    void *grown = sql_alloc(reader->context, (count == 0 ? 1 : (size_t)count * 2) * size);
    if (count > 0) {
        memcpy(grown, list, count * size);
    }
    return grown;
}

/* WHEN condition [OR condition ...] THEN steps */
static const struct block_handler *read_handlers(struct reader *reader) {
    const struct block_handler *first = NULL;
    const struct block_handler **end = &first;
    while (take(reader, "when")) {
        struct block_handler *handler = sql_alloc_zero(reader->context, 1, sizeof(*handler));
        const char **states = NULL;
        do {
            states = with_room(reader, states, handler->state_count, sizeof(*states));
            states[handler->state_count++] = read_condition(reader);
        } while (take(reader, "or"));
        expect(reader, "then");
        handler->states = states;
        handler->steps = read_steps(reader);
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

/* USING option = expression, ... */
static void read_using(struct reader *reader, struct block_raise *raise) {
    do {
        bool code = take(reader, "errcode");
        bool message = !code && take(reader, "message");
        bool detail = !code && !message && take(reader, "detail");
        if (!code && !message && !detail) {
            expect(reader, "hint");
        }
        expect(reader, "=");
        if (code) {
            size_t at = reader->at;
            const char *name = read_string(reader);
            bool is_state = strlen(name) == 5 && strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5;
            reader->at = is_state ? reader->at : at;
            const char *state = is_state ? name : state_of_condition(reader, slice_text(name));
            reader->at = at + 1;
            raise->status = status_of(state);
        } else if (message) {
            raise->format = slice_text(read_string(reader));
        } else {
            *(detail ? &raise->detail : &raise->hint) = text_to(reader, ",", NULL);
        }
    } while (take(reader, ","));
}

static struct block_step *read_raise(struct reader *reader) {
    static const struct {
        const char *word;
        enum block_level level;
    } levels[] = {{"exception", BLOCK_EXCEPTION}, {"notice", BLOCK_NOTICE}, {"info", BLOCK_NOTICE},
                  {"warning", BLOCK_WARNING},     {"debug", BLOCK_QUIET},   {"log", BLOCK_QUIET}};
    struct block_step *step = step_new(reader, BLOCK_RAISE);
    struct block_raise *raise = sql_alloc_zero(reader->context, 1, sizeof(*raise));
    struct slice *values = NULL;
    *raise = (struct block_raise){.status = KMB_RAISED};
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
        while (take(reader, ",")) {
            values = with_room(reader, values, raise->value_count, sizeof(*values));
            values[raise->value_count++] = text_to(reader, ",", "using");
        }
        raise->values = values;
        uint32_t places = 0;
        for (size_t i = 0; i < raise->format.length; i++) {
            bool percent = raise->format.bytes[i] == '%';
            bool twice = percent && i + 1 < raise->format.length && raise->format.bytes[i + 1] == '%';
            places += percent && !twice;
            i += twice;
        }
        if (places != raise->value_count) {
            sql_raise(reader->context, KMB_SYNTAX, step->position, "too %s parameters specified for RAISE",
                      places > raise->value_count ? "few" : "many");
        }
    } else if (!is_word(reader, reader->at, "using")) {
        bool by_code = is_word(reader, reader->at, "sqlstate");
        struct slice name = reader->at < reader->count ? token_text(reader, reader->at) : (struct slice){0};
        const char *state = read_condition(reader);
        raise->status = status_of(state);
        raise->format = by_code ? slice_text(state) : name;
    }
    if (take(reader, "using")) {
        read_using(reader, raise);
    }
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
