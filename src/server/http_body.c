/*
 * The body of a query: an object of three members, read where it stands. A number is the digits that were sent, so what
 * no double holds comes to a NUMERIC as it was written; a document is the text that was sent.
 */
#include <string.h>

#include "base/assert.h"
#include "base/status.h"
#include "server/http_internal.h"
#include "types/json.h"
#include "types/utf8.h"

#define BODY_WANTED "{\"sql\": \"...\", \"params\": [...], \"tenant\": \"...\"}"
/* Of a member's name that is none, as it is told. */
#define NAME_SHOWN_MAX 64
/* A whole number of SQL's integer types has fewer digits. */
#define WHOLE_DIGITS_MAX 32

static bool is_kind(struct slice value, char first) {
    return value.length > 0 && value.bytes[0] == (uint8_t)first;
}

static bool is_number(struct slice value) {
    return is_kind(value, '-') || (value.length > 0 && value.bytes[0] >= '0' && value.bytes[0] <= '9');
}

/* --- members ------------------------------------------------------------------------------------------------------ */

static enum kmb_status refuse_member(struct slice name, struct kmb_error *error) {
    static const char *const names[] = {"sql", "params", "tenant"};
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    struct slice shown = utf8_cut(name, NAME_SHOWN_MAX);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        size_t away = settings_distance(name, slice_text(names[i]));
        if (away <= 1 + strlen(names[i]) / 3 && away < least) {
            least = away;
            nearest = names[i];
        }
    }
    error_set(error, KMB_USAGE, "the body has an unknown member \"%.*s\"", (int)shown.length,
              (const char *)shown.bytes);
    return nearest != NULL ? error_hint(error, "Did you mean \"%s\"?", nearest)
                           : error_hint(error, "There are \"sql\", \"params\" and \"tenant\".");
}

static enum kmb_status take_member(struct http_body *body, struct slice name, struct slice value,
                                   struct kmb_error *error) {
    struct slice *member = slice_equal_text(name, "sql")      ? &body->sql
                           : slice_equal_text(name, "params") ? &body->params
                           : slice_equal_text(name, "tenant") ? &body->tenant
                                                              : NULL;
    if (member == NULL) {
        return refuse_member(name, error);
    }
    if (member->length > 0) {
        return error_set(error, KMB_USAGE, "the body has \"%.*s\" twice", (int)name.length, (const char *)name.bytes);
    }
    *member = value;
    return KMB_OK;
}

/* Of which kinds the members are to be. */
static enum kmb_status check_members(const struct http_body *body, struct kmb_error *error) {
    bool whole = is_number(body->tenant) && !is_kind(body->tenant, '-');
    for (size_t i = 0; whole && i < body->tenant.length; i++) {
        whole = body->tenant.bytes[i] >= '0' && body->tenant.bytes[i] <= '9';
    }
    if (body->sql.length == 0) {
        return error_set(error, KMB_USAGE, "the body has no \"sql\": expected " BODY_WANTED);
    }
    if (!is_kind(body->sql, '"')) {
        return error_set(error, KMB_USAGE, "\"sql\" must be a text with one statement");
    }
    if (body->params.length > 0 && !is_kind(body->params, '[')) {
        return error_set(error, KMB_USAGE, "\"params\" must be an array");
    }
    if (body->tenant.length > 0 && !whole && !is_kind(body->tenant, '"')) {
        return error_set(error, KMB_USAGE, "\"tenant\" must be a name or a number");
    }
    return KMB_OK;
}

static enum kmb_status check_text(struct slice text, struct kmb_error *error) {
    struct kmb_error why = {0};
    struct slice trimmed = text;
    while (trimmed.length > 0 && trimmed.bytes[0] != 0 && strchr(" \t\r\n", trimmed.bytes[0]) != NULL) {
        trimmed = slice_make(trimmed.bytes + 1, trimmed.length - 1);
    }
    if (trimmed.length == 0) {
        return error_set(error, KMB_USAGE, "the body is empty: expected " BODY_WANTED);
    }
    if (!utf8_valid(text)) {
        return error_set(error, KMB_USAGE, "the body is no JSON: it is no UTF-8");
    }
    if (json_validate(text, &why) != KMB_OK) {
        error_set(error, KMB_USAGE, "the body is no JSON: expected " BODY_WANTED);
        return error_detail(error, "%s", why.detail[0] != 0 ? why.detail : why.message);
    }
    return is_kind(trimmed, '{') ? KMB_OK : error_set(error, KMB_USAGE, "the body is no object: expected " BODY_WANTED);
}

/* A string's meaning in its place; what is none stays. */
static enum kmb_status read_string(struct slice *value, struct arena *arena, struct kmb_error *error) {
    return is_kind(*value, '"') ? json_string_read(*value, arena, value, error) : KMB_OK;
}

enum kmb_status http_body_read(struct slice text, struct arena *arena, struct http_body *body,
                               struct kmb_error *error) {
    struct slice key;
    struct slice value;
    *body = (struct http_body){0};
    enum kmb_status status = check_text(text, error);
    if (status != KMB_OK) {
        return status;
    }
    for (struct json_walk walk = json_walk(text); status == KMB_OK && json_walk_next(&walk, &key, &value);) {
        status = read_string(&key, arena, error);
        status = status == KMB_OK ? take_member(body, key, value, error) : status;
    }
    status = status == KMB_OK ? check_members(body, error) : status;
    status = status == KMB_OK ? read_string(&body->sql, arena, error) : status;
    return status == KMB_OK ? read_string(&body->tenant, arena, error) : status;
}

/* --- parameters --------------------------------------------------------------------------------------------------- */

/* A number with a fraction or an exponent that is a whole one all the same (1.0, 1e3), as integers are written. Any
 * other stays as it is. */
static struct slice as_whole(struct slice number, char digits[WHOLE_DIGITS_MAX]) {
    size_t length = 0;
    size_t at = is_kind(number, '-') ? 1 : 0;
    long point = -1; /* digits before it */
    long exponent = 0;
    bool fits = true;
    for (; fits && at < number.length && (number.bytes[at] | 0x20) != 'e'; at++) {
        if (number.bytes[at] == '.') {
            point = (long)length;
        } else {
            fits = length + 1 < WHOLE_DIGITS_MAX - 1;
            digits[1 + length++] = (char)number.bytes[at];
        }
    }
    bool has_exponent = fits && at < number.length;
    bool down = has_exponent && number.bytes[at + 1] == '-';
    for (at += has_exponent ? 1 : 0; has_exponent && at < number.length; at++) {
        if (number.bytes[at] >= '0' && number.bytes[at] <= '9') {
            exponent = exponent < WHOLE_DIGITS_MAX ? exponent * 10 + (number.bytes[at] - '0') : exponent;
        }
    }
    long whole = (point < 0 ? (long)length : point) + (down ? -exponent : exponent);
    if (!fits || (point < 0 && !has_exponent) || whole < 1 || whole >= WHOLE_DIGITS_MAX - 1) {
        return number;
    }
    for (size_t i = (size_t)whole; i < length; i++) {
        if (digits[1 + i] != '0') {
            return number;
        }
    }
    for (; length < (size_t)whole; length++) {
        digits[1 + length] = '0';
    }
    digits[0] = '-';
    bool minus = is_kind(number, '-');
    return slice_make(digits + (minus ? 0 : 1), (size_t)whole + (minus ? 1 : 0));
}

static bool is_integer_type(struct type type) {
    return type.id == TYPE_INT2 || type.id == TYPE_INT4 || type.id == TYPE_INT8 || type.id == TYPE_TINYINT;
}

static enum kmb_status bind_one(kmb_statement *statement, uint32_t number, struct slice param, struct arena *arena,
                                struct kmb_error *error) {
    char digits[WHOLE_DIGITS_MAX];
    bool written_number = is_number(param);
    enum kmb_status status = read_string(&param, arena, error);
    if (status != KMB_OK) {
        return status;
    }
    if (written_number && is_integer_type(statement_parameter_type(statement, number))) {
        param = as_whole(param, digits);
    }
    return statement_bind_value(statement, number, value_bytes(TYPE_UNKNOWN, param), error);
}

enum kmb_status http_body_bind(const struct http_body *body, kmb_statement *statement, struct arena *arena,
                               struct kmb_error *error) {
    uint32_t wanted = statement_parameter_count(statement);
    uint32_t count = 0;
    struct slice key;
    struct slice param;
    enum kmb_status status = KMB_OK;
    if (body->params.length > 0) {
        for (struct json_walk walk = json_walk(body->params); json_walk_next(&walk, &key, &param);) {
            count++;
        }
    }
    if (count != wanted) {
        return error_set(error, KMB_USAGE, "\"params\" has %u values, but the statement takes %u", count, wanted);
    }
    if (count == 0) {
        return KMB_OK;
    }
    uint32_t number = 0;
    for (struct json_walk walk = json_walk(body->params); status == KMB_OK && json_walk_next(&walk, &key, &param);) {
        struct arena_mark mark = arena_mark(arena);
        number++;
        status = slice_equal_text(param, "null")
                     ? statement_bind_value(statement, number, value_null(TYPE_UNKNOWN), error)
                     : bind_one(statement, number, param, arena, error);
        arena_rewind(arena, mark); /* the value was copied */
    }
    return status;
}
