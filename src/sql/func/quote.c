/*
 * Values and names written so that they can stand in SQL: quote_literal, quote_ident, and format(), which puts them
 * into a text.
 */
#include "sql/func/array.h"
#include "sql/func/cast.h"
#include "sql/func/loops.h"
#include "sql/parse/parse.h"
#include "types/utf8.h"

#define FORMAT_BYTES_MAX ((size_t)1 << 30) /* of a result, PostgreSQL's limit of a value */

static struct slice literal_of(const struct sql_call *call, struct slice text) {
    bool escape = text.length > 0 && memchr(text.bytes, '\\', text.length) != NULL;
    uint8_t *quoted = result_bytes(call, text.length * 2 + 3);
    size_t length = 0;
    if (escape) {
        quoted[length++] = 'E';
    }
    quoted[length++] = '\'';
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '\'' || text.bytes[i] == '\\') {
            quoted[length++] = text.bytes[i];
        }
        quoted[length++] = text.bytes[i];
    }
    quoted[length++] = '\'';
    return slice_make(quoted, length);
}

static struct slice name_of(const struct sql_call *call, struct slice name) {
    const char *text = sql_printf(call->context, "%.*s", (int)name.length, (const char *)name.bytes);
    return slice_text(parse_quote_name(call->context, text));
}

/* Of a text, or of the text that a cast makes of any other value. */
static struct slice argument_text(const struct sql_call *call, struct vector *const *arguments, uint32_t n,
                                  uint32_t row) {
    struct value value = vector_get(arguments[n], vector_row(arguments[n], row));
    return cast_text_of(call, &value);
}

static void fn_quote_literal(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = literal_of(call, argument_text(call, arguments, 0, row));
    }
}

static void fn_quote_nullable(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = argument_null(arguments, 0, row)
                                 ? slice_text("NULL")
                                 : literal_of(call, argument_text(call, arguments, 0, row));
    }
}

static void fn_quote_ident(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = name_of(call, ARGUMENT_BYTES(0, row));
    }
}

/* --- format --- */

struct format_state {
    const struct sql_call *call;
    struct vector *const *arguments;
    uint32_t row;
    struct slice text;
    size_t at;
    uint32_t next; /* argument that comes without a number of its own */
    uint8_t *bytes;
    size_t length;
    size_t capacity;
};

static void format_append(struct format_state *state, const void *bytes, size_t count) {
    if (state->length + count > FORMAT_BYTES_MAX) {
        sql_raise(state->call->context, KMB_LIMIT, state->call->position, "requested length too large");
    }
    if (state->length + count > state->capacity) {
        state->capacity = (state->length + count) * 2;
        uint8_t *larger = result_bytes(state->call, state->capacity);
        if (state->length > 0) {
            memcpy(larger, state->bytes, state->length);
        }
        state->bytes = larger;
    }
    if (count > 0) {
        memcpy(state->bytes + state->length, bytes, count);
    }
    state->length += count;
}

static _Noreturn void format_raise_end(struct format_state *state) {
    sql_raise_with(state->call->context, KMB_INVALID_PARAMETER, state->call->position, NULL,
                   "For a single \"%%\" use \"%%%%\".", "unterminated format() type specifier");
}

static uint8_t format_byte(struct format_state *state) {
    if (state->at >= state->text.length) {
        format_raise_end(state);
    }
    return state->text.bytes[state->at];
}

/* Digits at the place, -1 where there are none. */
static int64_t format_number(struct format_state *state) {
    int64_t number = -1;
    while (format_byte(state) >= '0' && format_byte(state) <= '9') {
        number = (number < 0 ? 0 : number) * 10 + (format_byte(state) - '0');
        if (number > INT32_MAX) {
            sql_raise(state->call->context, KMB_NUMERIC_OUT_OF_RANGE, state->call->position, "number is out of range");
        }
        state->at++;
    }
    return number;
}

/* The argument with that number, counted from 1 behind the format. */
static uint32_t format_argument(struct format_state *state, int64_t number) {
    if (number == 0) {
        sql_raise(state->call->context, KMB_INVALID_PARAMETER, state->call->position,
                  "format specifies argument 0, but arguments are numbered from 1");
    }
    int64_t argument = number < 0 ? (int64_t)state->next : number;
    if (argument >= (int64_t)state->call->argument_count) {
        sql_raise(state->call->context, KMB_INVALID_PARAMETER, state->call->position, "too few arguments for format()");
    }
    state->next = (uint32_t)argument + 1;
    return (uint32_t)argument;
}

/* '*' or '*n$': a width that an argument gives; NULL is none. */
static int64_t format_width_argument(struct format_state *state) {
    int64_t number = format_number(state);
    if (number >= 0) {
        if (format_byte(state) != '$') {
            sql_raise(state->call->context, KMB_INVALID_PARAMETER, state->call->position,
                      "width argument position must be ended by \"$\"");
        }
        state->at++;
    }
    uint32_t argument = format_argument(state, number);
    if (argument_null(state->arguments, argument, state->row)) {
        return 0;
    }
    struct slice text = argument_text(state->call, state->arguments, argument, state->row);
    int64_t width = 0;
    enum kmb_status status = value_parse_integer(TYPE_INT4, text, &width, state->call->context->error);
    if (status != KMB_OK) {
        sql_raise_status(state->call->context, status, state->call->position);
    }
    return width;
}

static void format_padded(struct format_state *state, struct slice text, int64_t width, bool left) {
    left = left || width < 0;
    uint64_t wanted = (uint64_t)(width < 0 ? -width : width);
    uint64_t characters = utf8_length(text);
    uint64_t blanks = wanted > characters ? wanted - characters : 0;
    if (left) {
        format_append(state, text.bytes, text.length);
    }
    for (; blanks > 0; blanks--) {
        format_append(state, " ", 1);
    }
    if (!left) {
        format_append(state, text.bytes, text.length);
    }
}

static struct slice format_value(struct format_state *state, uint8_t type, uint32_t argument) {
    if (argument_null(state->arguments, argument, state->row)) {
        if (type == 'I') {
            sql_raise(state->call->context, KMB_NULL_NOT_ALLOWED, state->call->position,
                      "null values cannot be formatted as an SQL identifier");
        }
        return slice_text(type == 'L' ? "NULL" : "");
    }
    struct value value = vector_get(state->arguments[argument], vector_row(state->arguments[argument], state->row));
    struct slice text =
        value.type == TYPE_BOOL ? slice_text(value.as.boolean ? "t" : "f") : cast_text_of(state->call, &value);
    return type == 'I' ? name_of(state->call, text) : type == 'L' ? literal_of(state->call, text) : text;
}

/* Behind a '%': [n$][-][width]type */
static void format_specifier(struct format_state *state) {
    if (format_byte(state) == '%') {
        format_append(state, "%", 1);
        state->at++;
        return;
    }
    int64_t width = format_number(state);
    int64_t number = -1;
    bool left = false;
    if (width >= 0 && format_byte(state) == '$') {
        number = width;
        width = -1;
        state->at++;
        if (number == 0) {
            (void)format_argument(state, number);
        }
    }
    if (width < 0) {
        for (; format_byte(state) == '-'; state->at++) {
            left = true;
        }
        if (format_byte(state) == '*') {
            state->at++;
            width = format_width_argument(state);
        } else {
            width = format_number(state);
            width = width < 0 ? 0 : width;
        }
    }
    uint8_t type = format_byte(state);
    if (type != 's' && type != 'I' && type != 'L') {
        size_t bytes = utf8_offset_of(slice_make(state->text.bytes + state->at, state->text.length - state->at), 1);
        sql_raise_with(state->call->context, KMB_INVALID_PARAMETER, state->call->position, NULL,
                       "For a single \"%\" use \"%%\".", "unrecognized format() type specifier \"%.*s\"", (int)bytes,
                       (const char *)state->text.bytes + state->at);
    }
    state->at++;
    format_padded(state, format_value(state, type, format_argument(state, number)), width, left);
}

static struct slice format_row(const struct sql_call *call, struct vector *const *arguments, uint32_t row) {
    struct format_state state = {
        .call = call, .arguments = arguments, .row = row, .text = ARGUMENT_BYTES(0, row), .next = 1};
    while (state.at < state.text.length) {
        const uint8_t *from = state.text.bytes + state.at;
        const uint8_t *sign = memchr(from, '%', state.text.length - state.at);
        size_t plain = sign == NULL ? state.text.length - state.at : (size_t)(sign - from);
        format_append(&state, from, plain);
        state.at += plain;
        if (sign != NULL) {
            state.at++;
            format_specifier(&state);
        }
    }
    return slice_make(state.bytes, state.length);
}

static void fn_format(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        if (argument_null(arguments, 0, row)) {
            result_null(result, row);
        } else {
            result->bytes[row] = format_row(call, arguments, row);
        }
    }
}

/* --- parse_ident --- */

/* A qualified name while it is read. */
struct names {
    const struct sql_call *call;
    struct slice whole;
    size_t at;
    struct value *parts; /* room for one every two bytes: there is a dot between */
    uint32_t count;
};

static _Noreturn void raise_name(const struct names *names, const char *detail) {
    int length = names->whole.length > 200 ? 200 : (int)names->whole.length;
    sql_raise_with(names->call->context, KMB_INVALID_PARAMETER, names->call->position, detail, NULL,
                   "string is not a valid identifier: \"%.*s\"", length, (const char *)names->whole.bytes);
}

/* The byte at the place; 0 behind the end. */
static uint8_t name_byte(const struct names *names) {
    return names->at < names->whole.length ? names->whole.bytes[names->at] : 0;
}

static void skip_blanks(struct names *names) {
    while (memchr(" \t\n\r\f", name_byte(names), 5) != NULL) {
        names->at++;
    }
}

static bool name_starts(uint8_t byte) {
    return byte == '_' || byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static struct slice quoted_part(struct names *names) {
    uint8_t *out = result_bytes(names->call, names->whole.length);
    size_t length = 0;
    for (names->at++;; names->at++) {
        if (names->at >= names->whole.length) {
            raise_name(names, "String has unclosed double quotes.");
        }
        if (name_byte(names) == '"') {
            names->at++;
            if (name_byte(names) != '"') {
                break;
            }
        }
        out[length++] = name_byte(names);
    }
    if (length == 0) {
        raise_name(names, "Quoted identifier must not be empty.");
    }
    return slice_make(out, length);
}

static struct slice plain_part(struct names *names) {
    size_t from = names->at;
    uint8_t byte = name_byte(names);
    while (name_starts(byte) || byte == '$' || (byte >= '0' && byte <= '9')) {
        names->at++;
        byte = name_byte(names);
    }
    uint8_t *out = result_bytes(names->call, names->at - from);
    for (size_t i = from; i < names->at; i++) {
        byte = names->whole.bytes[i];
        out[i - from] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
    }
    return slice_make(out, names->at - from);
}

static void read_names(struct names *names, bool strict) {
    bool after_dot = false;
    skip_blanks(names);
    for (;;) {
        uint8_t first = name_byte(names);
        if (first != '"' && !name_starts(first)) {
            raise_name(names, first == '.' ? "No valid identifier before \".\"."
                              : after_dot  ? "No valid identifier after \".\"."
                                           : NULL);
        }
        names->parts[names->count++] = value_text(first == '"' ? quoted_part(names) : plain_part(names));
        skip_blanks(names);
        if (name_byte(names) != '.') {
            break;
        }
        after_dot = true;
        names->at++;
        skip_blanks(names);
    }
    if (strict && names->at < names->whole.length) {
        raise_name(names, NULL);
    }
}

/* parse_ident(name, strict): strict unless it is said otherwise. */
static void fn_parse_ident(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct names names = {.call = call, .whole = ARGUMENT_BYTES(0, row)};
        names.parts = (struct value *)(void *)result_bytes(call, sizeof(*names.parts) * (names.whole.length / 2 + 1));
        read_names(&names, call->argument_count < 2 || arguments[1]->boolean[vector_row(arguments[1], row)] != 0);
        struct array_shape shape = array_shape_of(names.count);
        array_result(call, result, row, &shape, names.parts);
    }
}

/* clang-format off */
static const struct sql_function quote_rows[] = {
    {.class = SQL_FUNCTION_SCALAR, .name = "format", .argument_count = 1, .volatility = SQL_STABLE,
     .arguments = {TYPE_TEXT}, .result = TYPE_TEXT, .scalar = fn_format, .summary = "text with %% and nothing to put in"},
    {.class = SQL_FUNCTION_SCALAR, .name = "format", .argument_count = 2, .variadic = true, .volatility = SQL_STABLE,
     .arguments = {TYPE_TEXT, TYPE_ANY}, .result = TYPE_TEXT, .scalar = fn_format,
     .summary = "text with values put in at %s, as names at %I, as literals at %L"},
    FN("parse_ident", fn_parse_ident, TYPE_ARRAY_TEXT, "parts of a qualified name", TYPE_TEXT),
    FN("parse_ident", fn_parse_ident, TYPE_ARRAY_TEXT, "parts of a qualified name; not strict: whatever stands behind it", TYPE_TEXT, TYPE_BOOL),
    FN("quote_ident", fn_quote_ident, TYPE_TEXT, "as a name, in quotes where it needs them", TYPE_TEXT),
    FN("quote_literal", fn_quote_literal, TYPE_TEXT, "as a string literal", TYPE_TEXT),
    {.class = SQL_FUNCTION_SCALAR, .name = "quote_literal", .argument_count = 1, .strict = true,
     .volatility = SQL_STABLE, .arguments = {TYPE_ANY}, .result = TYPE_TEXT, .scalar = fn_quote_literal,
     .summary = "the text of a value as a string literal"},
    {.class = SQL_FUNCTION_SCALAR, .name = "quote_nullable", .argument_count = 1, .arguments = {TYPE_TEXT},
     .result = TYPE_TEXT, .scalar = fn_quote_nullable, .summary = "as a string literal, NULL as the word"},
    {.class = SQL_FUNCTION_SCALAR, .name = "quote_nullable", .argument_count = 1, .volatility = SQL_STABLE,
     .arguments = {TYPE_ANY}, .result = TYPE_TEXT, .scalar = fn_quote_nullable,
     .summary = "the text of a value as a string literal, NULL as the word"},
};
/* clang-format on */

struct function_rows function_rows_quote(void) {
    return FUNCTION_ROWS(quote_rows);
}
