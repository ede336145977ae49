/*
 * The text of a SQL/JSON path read into steps: PostgreSQL's grammar, by descent.
 *
 * Values and predicates share their beginnings: a parenthesis may hold either. So one descent reads both, and where
 * only one of them may stand its kind is looked at. Depth is counted, since the text is the user's.
 */
#include "base/assert.h"
#include "sql/func/json_query.h"
#include "sql/func/loops.h"
#include "types/utf8.h"

enum token {
    TOKEN_END,
    TOKEN_NAME,   /* text: as written, escapes resolved */
    TOKEN_STRING, /* in double quotes */
    TOKEN_NUMBER,
    TOKEN_VARIABLE, /* $name */
    TOKEN_SYMBOL,   /* text: one or two characters */
};

struct parser {
    const struct sql_call *call;
    struct slice text;
    size_t at; /* behind the token in hand */
    enum token token;
    struct slice word; /* of the token */
    bool escaped;      /* a name that was written with escapes is no keyword */
    uint32_t depth;
    uint32_t filters;    /* around: @ is allowed */
    uint32_t subscripts; /* around: last is allowed */
    bool places;         /* .keyvalue() was read */
};

static _Noreturn void raise_syntax(const struct parser *parser) {
    if (parser->token == TOKEN_END) {
        sql_raise(parser->call->context, KMB_SYNTAX, parser->call->position, "syntax error at end of jsonpath input");
    }
    sql_raise(parser->call->context, KMB_SYNTAX, parser->call->position,
              "syntax error at or near \"%.*s\" of jsonpath input",
              (int)(parser->word.length > 64 ? 64 : parser->word.length), (const char *)parser->word.bytes);
}

static _Noreturn void raise_text(const struct parser *parser, const char *message) {
    sql_raise(parser->call->context, KMB_SYNTAX, parser->call->position, "%s", message);
}

/* --- tokens --- */

static uint8_t byte_at(const struct parser *parser, size_t at) {
    return at < parser->text.length ? parser->text.bytes[at] : 0;
}

static bool is_special(uint8_t byte) {
    return byte == 0 || strchr("?%$.[]{}()|&!=<>@#,*:-+/\" \t\n\r\f", byte) != NULL;
}

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static bool hex_digit(uint8_t byte, uint32_t *value) {
    uint8_t letter = byte | 0x20;
    if (is_digit(byte)) {
        *value = *value * 16 + (uint32_t)(byte - '0');
        return true;
    }
    if (letter >= 'a' && letter <= 'f') {
        *value = *value * 16 + (uint32_t)(letter - 'a' + 10);
        return true;
    }
    return false;
}

static size_t put_point(uint8_t *out, uint32_t point) {
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (uint8_t)((length == 2 ? 0xC0 : length == 3 ? 0xE0 : 0xF0) | point);
    return length;
}

/* XXXX or {X...} at *at (behind \u), moved behind it. */
static uint32_t unicode_unit(const struct parser *parser, size_t *at) {
    uint32_t point = 0;
    uint32_t digits = 0;
    bool braces = byte_at(parser, *at) == '{';
    *at += braces ? 1 : 0;
    while (digits < (braces ? 6 : 4) && hex_digit(byte_at(parser, *at), &point)) {
        (*at)++;
        digits++;
    }
    if (braces ? digits == 0 || byte_at(parser, *at) != '}' : digits < 4) {
        raise_text(parser, "invalid unicode sequence in jsonpath input");
    }
    *at += braces ? 1 : 0;
    return point;
}

/* A pair of surrogates is one character. */
static uint32_t unicode_escape(const struct parser *parser, size_t *at) {
    uint32_t point = unicode_unit(parser, at);
    bool high = point >= 0xD800 && point < 0xDC00;
    if (high && byte_at(parser, *at) == '\\' && byte_at(parser, *at + 1) == 'u') {
        *at += 2;
        uint32_t low = unicode_unit(parser, at);
        bool pair = low >= 0xDC00 && low <= 0xDFFF;
        return pair ? 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00) : point; /* alone it is refused */
    }
    return point;
}

/* The escape at *at (behind the backslash), written to out. */
static size_t read_escape(const struct parser *parser, size_t *at, uint8_t *out) {
    static const char letters[] = "bfnrtv";
    static const char meant[] = "\b\f\n\r\t\v";
    uint8_t byte = byte_at(parser, (*at)++);
    const char *plain = byte == 0 ? NULL : strchr(letters, byte);
    uint32_t point = 0;
    if (plain != NULL) {
        out[0] = (uint8_t)meant[plain - letters];
        return 1;
    }
    if (byte == 'x') {
        if (!hex_digit(byte_at(parser, *at), &point) || !hex_digit(byte_at(parser, *at + 1), &point)) {
            raise_text(parser, "invalid hex character sequence in jsonpath input");
        }
        *at += 2;
    } else if (byte == 'u') {
        point = unicode_escape(parser, at);
    } else if (byte == 0) {
        raise_text(parser, "unexpected end after backslash in jsonpath input");
    } else {
        out[0] = byte;
        return 1;
    }
    if (point == 0) {
        sql_raise_with(parser->call->context, KMB_UNTRANSLATABLE_CHARACTER, parser->call->position,
                       "\\u0000 cannot be converted to text.", NULL, "unsupported Unicode escape sequence");
    }
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) {
        sql_raise(parser->call->context, KMB_INVALID_TEXT, parser->call->position,
                  "invalid input syntax for type jsonpath");
    }
    return put_point(out, point);
}

/* A quoted string, or a name up to the next special character. */
static void read_word(struct parser *parser, bool quoted) {
    uint8_t *out = result_bytes(parser->call, parser->text.length + 4);
    size_t length = 0;
    size_t at = parser->at;
    parser->escaped = false;
    for (;;) {
        uint8_t byte = byte_at(parser, at);
        if (quoted ? byte == '"' : is_special(byte)) {
            break;
        }
        if (at >= parser->text.length) {
            raise_text(parser, "unterminated quoted string in jsonpath input");
        }
        at++;
        if (byte == '\\') {
            parser->escaped = true;
            length += read_escape(parser, &at, out + length);
        } else {
            out[length++] = byte;
        }
    }
    parser->at = at + (quoted ? 1 : 0);
    parser->word = slice_make(out, length);
}

static void read_number(struct parser *parser) {
    size_t start = parser->at;
    size_t at = start;
    while (is_digit(byte_at(parser, at))) {
        at++;
    }
    bool leading_zero = at - start > 1 && byte_at(parser, start) == '0';
    if (byte_at(parser, at) == '.') {
        at++;
        while (is_digit(byte_at(parser, at))) {
            at++;
        }
    }
    if ((byte_at(parser, at) | 0x20) == 'e') {
        size_t sign = byte_at(parser, at + 1) == '+' || byte_at(parser, at + 1) == '-' ? 1 : 0;
        size_t digits = at + 1 + sign;
        while (is_digit(byte_at(parser, digits))) {
            digits++;
        }
        at = digits > at + 1 + sign ? digits : at;
    }
    if (!is_special(byte_at(parser, at)) || leading_zero) {
        raise_text(parser, "trailing junk after numeric literal in jsonpath input");
    }
    parser->token = TOKEN_NUMBER;
    parser->word = slice_make(parser->text.bytes + start, at - start);
    parser->at = at;
}

static void skip_blanks(struct parser *parser) {
    for (;;) {
        uint8_t byte = byte_at(parser, parser->at);
        if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f') {
            parser->at++;
        } else if (byte == '/' && byte_at(parser, parser->at + 1) == '*') {
            const uint8_t *rest = parser->text.bytes + parser->at + 2;
            const uint8_t *end = memmem(rest, parser->text.length - parser->at - 2, "*/", 2);
            if (end == NULL) {
                raise_text(parser, "unexpected end of comment in jsonpath input");
            }
            parser->at = (size_t)(end - parser->text.bytes) + 2;
        } else {
            return;
        }
    }
}

static void next(struct parser *parser) {
    static const char *const pairs[] = {"&&", "||", "==", "!=", "<>", "<=", ">=", "**"};
    skip_blanks(parser);
    uint8_t byte = byte_at(parser, parser->at);
    uint8_t second = byte_at(parser, parser->at + 1);
    if (parser->at >= parser->text.length) {
        parser->token = TOKEN_END;
        parser->word = slice_make(NULL, 0);
    } else if (byte == '"') {
        parser->token = TOKEN_STRING;
        parser->at++;
        read_word(parser, true);
    } else if (byte == '$' && (second == '"' || !is_special(second))) {
        parser->token = TOKEN_VARIABLE;
        parser->at += second == '"' ? 2 : 1;
        read_word(parser, second == '"');
    } else if (is_digit(byte) || (byte == '.' && is_digit(second))) {
        read_number(parser);
    } else if (!is_special(byte)) {
        parser->token = TOKEN_NAME;
        read_word(parser, false);
    } else {
        size_t length = 1;
        for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
            length = byte == (uint8_t)pairs[i][0] && second == (uint8_t)pairs[i][1] ? 2 : length;
        }
        parser->token = TOKEN_SYMBOL;
        parser->word = slice_make(parser->text.bytes + parser->at, length);
        parser->at += length;
    }
}

static bool is_symbol(const struct parser *parser, const char *symbol) {
    return parser->token == TOKEN_SYMBOL && slice_equal_text(parser->word, symbol);
}

/* A keyword in any case; null, true and false are such in lower case only. */
static bool is_word(const struct parser *parser, const char *word) {
    bool exact = strcmp(word, "null") == 0 || strcmp(word, "true") == 0 || strcmp(word, "false") == 0;
    if (parser->token != TOKEN_NAME || parser->escaped || parser->word.length != strlen(word)) {
        return false;
    }
    return exact ? memcmp(parser->word.bytes, word, parser->word.length) == 0
                 : strncasecmp((const char *)parser->word.bytes, word, parser->word.length) == 0;
}

static bool take_symbol(struct parser *parser, const char *symbol) {
    bool here = is_symbol(parser, symbol);
    if (here) {
        next(parser);
    }
    return here;
}

static bool take_word(struct parser *parser, const char *word) {
    bool here = is_word(parser, word);
    if (here) {
        next(parser);
    }
    return here;
}

static void want_symbol(struct parser *parser, const char *symbol) {
    if (!take_symbol(parser, symbol)) {
        raise_syntax(parser);
    }
}

/* --- steps --- */

static struct json_query_step *step_new(const struct parser *parser, enum json_query_kind kind) {
    struct json_query_step *step = (struct json_query_step *)(void *)result_bytes(parser->call, sizeof(*step));
    *step = (struct json_query_step){.kind = kind};
    return step;
}

static struct json_query_step *step_pair(const struct parser *parser, enum json_query_kind kind,
                                         struct json_query_step *left, struct json_query_step *right) {
    struct json_query_step *step = step_new(parser, kind);
    step->left = left;
    step->right = right;
    return step;
}

static struct json_query_step *step_literal(const struct parser *parser, enum json_token kind, struct slice text) {
    struct json_query_step *step = step_new(parser, JSON_QUERY_LITERAL);
    struct json_node *node = (struct json_node *)(void *)result_bytes(parser->call, sizeof(*node));
    *node = (struct json_node){.kind = kind, .text = text};
    step->literal = node;
    return step;
}

static void want_value(const struct parser *parser, const struct json_query_step *step) {
    if (json_query_is_predicate(step)) {
        raise_syntax(parser);
    }
}

static void want_predicate(const struct parser *parser, const struct json_query_step *step) {
    if (!json_query_is_predicate(step)) {
        raise_syntax(parser);
    }
}

/* One level of nesting more. */
static void deeper(struct parser *parser) {
    if (++parser->depth > JSON_QUERY_DEPTH_MAX) {
        sql_raise(parser->call->context, KMB_TOO_COMPLEX, parser->call->position, "stack depth limit exceeded");
    }
}

static struct json_query_step *parse_any(struct parser *parser);
static struct json_query_step *parse_value(struct parser *parser);

static struct json_query_step *parse_predicate(struct parser *parser) {
    struct json_query_step *step = parse_any(parser);
    want_predicate(parser, step);
    return step;
}

static uint32_t parse_level(struct parser *parser) {
    if (take_word(parser, "last")) {
        return JSON_QUERY_LEVELS_MAX;
    }
    int64_t level = 0;
    if (parser->token != TOKEN_NUMBER || value_parse_integer(TYPE_INT4, parser->word, &level, NULL) != KMB_OK) {
        raise_syntax(parser);
    }
    next(parser);
    return (uint32_t)level;
}

/* Behind .** */
static struct json_query_step *parse_levels(struct parser *parser) {
    struct json_query_step *step = step_new(parser, JSON_QUERY_ANY);
    step->last = JSON_QUERY_LEVELS_MAX;
    if (take_symbol(parser, "{")) {
        step->first = parse_level(parser);
        step->last = step->first;
        if (take_word(parser, "to")) {
            step->last = parse_level(parser);
        }
        want_symbol(parser, "}");
    }
    return step;
}

/* .datetime() or .datetime("template"), by its name. */
static struct json_query_step *parse_datetime(struct parser *parser) {
    struct json_query_step *step = step_new(parser, JSON_QUERY_DATETIME);
    next(parser);
    want_symbol(parser, "(");
    if (parser->token == TOKEN_STRING) {
        step->templated = true;
        step->text = parser->word;
        next(parser);
    }
    want_symbol(parser, ")");
    return step;
}

/* A method by its name, when "()" follows; NULL: the name is a key. */
static struct json_query_step *parse_method(struct parser *parser) {
    static const struct {
        const char *name;
        enum json_query_kind kind;
    } methods[] = {{"type", JSON_QUERY_TYPE},        {"size", JSON_QUERY_SIZE},       {"abs", JSON_QUERY_ABS},
                   {"floor", JSON_QUERY_FLOOR},      {"ceiling", JSON_QUERY_CEILING}, {"double", JSON_QUERY_DOUBLE},
                   {"keyvalue", JSON_QUERY_KEYVALUE}};
    struct parser ahead = *parser;
    next(&ahead);
    if (!is_symbol(&ahead, "(")) {
        return NULL;
    }
    if (is_word(parser, "datetime")) {
        return parse_datetime(parser);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        if (is_word(parser, methods[i].name)) {
            next(parser);
            want_symbol(parser, "(");
            want_symbol(parser, ")");
            parser->places = parser->places || methods[i].kind == JSON_QUERY_KEYVALUE;
            return step_new(parser, methods[i].kind);
        }
    }
    return NULL;
}

/* Behind a dot. */
static struct json_query_step *parse_member(struct parser *parser) {
    if (take_symbol(parser, "*")) {
        return step_new(parser, JSON_QUERY_ANY_KEY);
    }
    if (take_symbol(parser, "**")) {
        return parse_levels(parser);
    }
    if (parser->token != TOKEN_NAME && parser->token != TOKEN_STRING) {
        raise_syntax(parser);
    }
    struct json_query_step *step = parser->token == TOKEN_NAME ? parse_method(parser) : NULL;
    if (step == NULL) {
        step = step_new(parser, JSON_QUERY_KEY);
        step->text = parser->word;
        next(parser);
    }
    return step;
}

/* Behind an opening bracket. */
static struct json_query_step *parse_subscripts(struct parser *parser) {
    struct json_query_step *first = NULL;
    struct json_query_step **place = &first;
    if (take_symbol(parser, "*")) {
        want_symbol(parser, "]");
        return step_new(parser, JSON_QUERY_ANY_ELEMENT);
    }
    parser->subscripts++;
    do {
        *place = step_new(parser, JSON_QUERY_INDEX);
        (*place)->left = parse_value(parser);
        if (take_word(parser, "to")) {
            (*place)->right = parse_value(parser);
        }
        place = &(*place)->more;
    } while (take_symbol(parser, ","));
    parser->subscripts--;
    want_symbol(parser, "]");
    return first;
}

/* The accessors behind a value; NULL: there are none. */
static struct json_query_step *parse_accessors(struct parser *parser) {
    struct json_query_step *first = NULL;
    struct json_query_step **place = &first;
    for (;;) {
        if (take_symbol(parser, ".")) {
            *place = parse_member(parser);
        } else if (take_symbol(parser, "[")) {
            *place = parse_subscripts(parser);
        } else if (take_symbol(parser, "?")) {
            want_symbol(parser, "(");
            *place = step_new(parser, JSON_QUERY_FILTER);
            parser->filters++;
            (*place)->left = parse_predicate(parser);
            parser->filters--;
            want_symbol(parser, ")");
        } else {
            return first;
        }
        place = &(*place)->next;
    }
}

static struct json_query_step *parse_exists(struct parser *parser) {
    want_symbol(parser, "(");
    struct json_query_step *step = step_new(parser, JSON_QUERY_EXISTS);
    step->left = parse_value(parser);
    want_symbol(parser, ")");
    return step;
}

/* Behind an opening parenthesis: a value or a predicate, which "is unknown" may follow. */
static struct json_query_step *parse_parenthesis(struct parser *parser) {
    deeper(parser);
    struct json_query_step *step = parse_any(parser);
    parser->depth--;
    want_symbol(parser, ")");
    if (json_query_is_predicate(step) && take_word(parser, "is")) {
        if (!take_word(parser, "unknown")) {
            raise_syntax(parser);
        }
        return step_pair(parser, JSON_QUERY_UNKNOWN, step, NULL);
    }
    return step;
}

static struct json_query_step *parse_name(struct parser *parser) {
    struct json_query_step *step = NULL;
    if (is_word(parser, "null")) {
        step = step_literal(parser, JSON_NULL, slice_text("null"));
    } else if (is_word(parser, "true") || is_word(parser, "false")) {
        bool truth = is_word(parser, "true");
        step = step_literal(parser, truth ? JSON_TRUE : JSON_FALSE, slice_text(truth ? "true" : "false"));
    } else if (is_word(parser, "last")) {
        if (parser->subscripts == 0) {
            raise_text(parser, "LAST is allowed only in array subscripts");
        }
        step = step_new(parser, JSON_QUERY_LAST);
    } else {
        raise_syntax(parser);
    }
    next(parser);
    return step;
}

static struct slice number_text(const struct parser *parser) {
    struct decimal number;
    char text[DECIMAL_TEXT_SIZE];
    enum kmb_status status = decimal_parse(parser->word, &number, parser->call->context->error);
    if (status != KMB_OK) {
        sql_raise_status(parser->call->context, status, parser->call->position);
    }
    size_t length = decimal_format(number, text);
    uint8_t *bytes = result_bytes(parser->call, length);
    memcpy(bytes, text, length);
    return slice_make(bytes, length);
}

static struct json_query_step *parse_primary(struct parser *parser) {
    struct json_query_step *step = NULL;
    if (parser->token == TOKEN_STRING) {
        step = step_literal(parser, JSON_STRING, parser->word);
    } else if (parser->token == TOKEN_NUMBER) {
        step = step_literal(parser, JSON_NUMBER, number_text(parser));
    } else if (parser->token == TOKEN_VARIABLE) {
        step = step_new(parser, JSON_QUERY_VARIABLE);
        step->text = parser->word;
    } else if (is_symbol(parser, "$")) {
        step = step_new(parser, JSON_QUERY_ROOT);
    } else if (is_symbol(parser, "@")) {
        if (parser->filters == 0) {
            raise_text(parser, "@ is not allowed in root expressions");
        }
        step = step_new(parser, JSON_QUERY_CURRENT);
    } else if (parser->token == TOKEN_NAME) {
        return take_word(parser, "exists") ? parse_exists(parser) : parse_name(parser);
    } else if (take_symbol(parser, "(")) {
        return parse_parenthesis(parser);
    } else {
        raise_syntax(parser);
    }
    next(parser);
    return step;
}

static struct json_query_step *parse_accessed(struct parser *parser) {
    bool bare = is_word(parser, "exists"); /* a predicate has accessors in parentheses alone */
    struct json_query_step *step = parse_primary(parser);
    struct json_query_step *accessors = bare ? NULL : parse_accessors(parser);
    if (accessors != NULL) {
        struct json_query_step *end = step;
        while (end->next != NULL) {
            end = end->next;
        }
        end->next = accessors;
    }
    return step;
}

static struct json_query_step *parse_unary(struct parser *parser) {
    deeper(parser);
    bool plus = is_symbol(parser, "+");
    struct json_query_step *step;
    if (plus || is_symbol(parser, "-")) {
        next(parser);
        struct json_query_step *operand = parse_unary(parser);
        want_value(parser, operand);
        step = step_pair(parser, plus ? JSON_QUERY_PLUS : JSON_QUERY_MINUS, operand, NULL);
    } else {
        step = parse_accessed(parser);
    }
    parser->depth--;
    return step;
}

struct operator_kind {
    const char *symbol;
    enum json_query_kind kind;
};

static bool take_operator(struct parser *parser, const struct operator_kind *operators, size_t count,
                          enum json_query_kind *kind) {
    for (size_t i = 0; i < count; i++) {
        if (take_symbol(parser, operators[i].symbol)) {
            *kind = operators[i].kind;
            return true;
        }
    }
    return false;
}

static struct json_query_step *parse_product(struct parser *parser) {
    static const struct operator_kind operators[] = {
        {"*", JSON_QUERY_MULTIPLY}, {"/", JSON_QUERY_DIVIDE}, {"%", JSON_QUERY_MODULO}};
    struct json_query_step *left = parse_unary(parser);
    enum json_query_kind kind;
    while (take_operator(parser, operators, ARRAY_LENGTH(operators), &kind)) {
        want_value(parser, left);
        struct json_query_step *right = parse_unary(parser);
        want_value(parser, right);
        left = step_pair(parser, kind, left, right);
    }
    return left;
}

static struct json_query_step *parse_sum(struct parser *parser) {
    static const struct operator_kind operators[] = {{"+", JSON_QUERY_ADD}, {"-", JSON_QUERY_SUBTRACT}};
    struct json_query_step *left = parse_product(parser);
    enum json_query_kind kind;
    while (take_operator(parser, operators, ARRAY_LENGTH(operators), &kind)) {
        want_value(parser, left);
        struct json_query_step *right = parse_product(parser);
        want_value(parser, right);
        left = step_pair(parser, kind, left, right);
    }
    return left;
}

static struct json_query_step *parse_value(struct parser *parser) {
    struct json_query_step *step = parse_sum(parser);
    want_value(parser, step);
    return step;
}

/* The flags of like_regex, as our own compiler of patterns takes them: the dot matches no newline without "s". */
static struct slice regex_flags(const struct parser *parser, struct slice text) {
    bool fold = false;
    bool dot_all = false;
    bool lines = false;
    bool quote = false;
    for (size_t i = 0; i < text.length; i++) {
        switch (text.bytes[i]) {
        case 'i':
            fold = true;
            break;
        case 's':
            dot_all = true;
            break;
        case 'm':
            lines = true;
            break;
        case 'q':
            quote = true;
            break;
        case 'x':
            sql_raise(parser->call->context, KMB_UNSUPPORTED, parser->call->position,
                      "XQuery \"x\" flag (expanded regular expressions) is not implemented");
        default:
            raise_text(parser, "invalid input syntax for type jsonpath");
        }
    }
    const char *flags = quote              ? (fold ? "qi" : "q")
                        : dot_all && lines ? (fold ? "wi" : "w")
                        : dot_all          ? (fold ? "si" : "s")
                        : lines            ? (fold ? "ni" : "n")
                                           : (fold ? "pi" : "p");
    return slice_text(flags);
}

static struct json_query_step *parse_like(struct parser *parser, struct json_query_step *left) {
    struct json_query_step *step = step_pair(parser, JSON_QUERY_LIKE, left, NULL);
    struct slice flags = slice_make(NULL, 0);
    if (parser->token != TOKEN_STRING) {
        raise_syntax(parser);
    }
    step->text = parser->word;
    next(parser);
    if (take_word(parser, "flag")) {
        if (parser->token != TOKEN_STRING) {
            raise_syntax(parser);
        }
        flags = parser->word;
        next(parser);
    }
    step->flags = regex_flags(parser, flags);
    return step;
}

static struct json_query_step *parse_comparison(struct parser *parser) {
    static const struct operator_kind operators[] = {{"==", JSON_QUERY_EQUAL},     {"!=", JSON_QUERY_NOT_EQUAL},
                                                     {"<>", JSON_QUERY_NOT_EQUAL}, {"<=", JSON_QUERY_LESS_EQUAL},
                                                     {"<", JSON_QUERY_LESS},       {">=", JSON_QUERY_GREATER_EQUAL},
                                                     {">", JSON_QUERY_GREATER}};
    enum json_query_kind kind;
    if (take_symbol(parser, "!")) {
        bool parenthesis = is_symbol(parser, "(");
        if (!parenthesis && !is_word(parser, "exists")) {
            raise_syntax(parser);
        }
        struct json_query_step *operand = parse_primary(parser);
        want_predicate(parser, operand);
        return step_pair(parser, JSON_QUERY_NOT, operand, NULL);
    }
    struct json_query_step *left = parse_sum(parser);
    if (take_operator(parser, operators, ARRAY_LENGTH(operators), &kind)) {
        want_value(parser, left);
        return step_pair(parser, kind, left, parse_value(parser));
    }
    if (take_word(parser, "like_regex")) {
        want_value(parser, left);
        return parse_like(parser, left);
    }
    if (take_word(parser, "starts")) {
        want_value(parser, left);
        if (!take_word(parser, "with") || (parser->token != TOKEN_STRING && parser->token != TOKEN_VARIABLE)) {
            raise_syntax(parser);
        }
        return step_pair(parser, JSON_QUERY_STARTS, left, parse_primary(parser));
    }
    return left;
}

static struct json_query_step *parse_and(struct parser *parser) {
    struct json_query_step *left = parse_comparison(parser);
    while (take_symbol(parser, "&&")) {
        want_predicate(parser, left);
        struct json_query_step *right = parse_comparison(parser);
        want_predicate(parser, right);
        left = step_pair(parser, JSON_QUERY_AND, left, right);
    }
    return left;
}

static struct json_query_step *parse_any(struct parser *parser) {
    struct json_query_step *left = parse_and(parser);
    while (take_symbol(parser, "||")) {
        want_predicate(parser, left);
        struct json_query_step *right = parse_and(parser);
        want_predicate(parser, right);
        left = step_pair(parser, JSON_QUERY_OR, left, right);
    }
    return left;
}

struct json_query json_query_parse(const struct sql_call *call, struct slice text) {
    struct parser parser = {.call = call, .text = text};
    struct json_query query = {0};
    next(&parser);
    if (parser.token == TOKEN_END) {
        sql_raise(call->context, KMB_INVALID_TEXT, call->position, "invalid input syntax for type jsonpath: \"%.*s\"",
                  (int)text.length, (const char *)text.bytes);
    }
    query.strict = take_word(&parser, "strict");
    if (!query.strict) {
        (void)take_word(&parser, "lax");
    }
    query.root = parse_any(&parser);
    query.places = parser.places;
    if (parser.token != TOKEN_END) {
        raise_syntax(&parser);
    }
    ASSERT(parser.depth == 0 && parser.filters == 0 && parser.subscripts == 0);
    return query;
}
