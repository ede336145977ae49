/*
 * Messages of PostgreSQL's protocol 3, as bytes.
 *
 * A message from outside is trusted with nothing: a cursor that knows the body's end takes integers, strings and runs
 * of bytes, and the first that is not there ends the reading with the words PostgreSQL has for it. Lists (types,
 * formats, values) are walked once here, so that who reads them later needs no checks and nothing has to be copied;
 * they stay where they came. Writing is the reverse: a length is left open and filled in when the message has its end.
 */
#include "wire/pg/message.h"

#include "base/assert.h"
#include "base/codec.h"
#include "types/utf8.h"

#define CODE_CANCEL PG_PROTOCOL_VERSION(1234, 5678)
#define CODE_TLS    PG_PROTOCOL_VERSION(1234, 5679)
#define CODE_GSS    PG_PROTOCOL_VERSION(1234, 5680)

#define VERSION_MAJOR 3

/* --- a body's bytes --- */

struct cursor {
    struct reader reader;
    enum kmb_status status; /* once it is not KMB_OK, everything answers nothing */
    struct kmb_error *error;
};

static struct cursor cursor_make(struct slice body, struct kmb_error *error) {
    return (struct cursor){.reader = reader_make(body), .status = KMB_OK, .error = error};
}

static struct slice take(struct cursor *cursor, size_t count) {
    if (cursor->status != KMB_OK) {
        return slice_make(NULL, 0);
    }
    struct slice bytes = reader_take(&cursor->reader, count);
    if (!reader_ok(&cursor->reader)) {
        cursor->status = error_set(cursor->error, KMB_PROTOCOL, "insufficient data left in message");
    }
    return bytes;
}

static uint8_t take_u8(struct cursor *cursor) {
    if (cursor->status == KMB_OK && reader_left(&cursor->reader) == 0) {
        cursor->status = error_set(cursor->error, KMB_PROTOCOL, "no data left in message");
    }
    struct slice bytes = take(cursor, 1);
    return bytes.length == 1 ? bytes.bytes[0] : 0;
}

static uint16_t get_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint16_t take_u16(struct cursor *cursor) {
    struct slice bytes = take(cursor, 2);
    return bytes.length == 2 ? get_u16(bytes.bytes) : 0;
}

static uint32_t take_u32(struct cursor *cursor) {
    struct slice bytes = take(cursor, 4);
    return bytes.length == 4 ? codec_get_u32_big(bytes.bytes) : 0;
}

/* Bytes up to a NUL, which is passed over. */
static struct slice take_string(struct cursor *cursor) {
    if (cursor->status != KMB_OK) {
        return slice_make(NULL, 0);
    }
    const uint8_t *start = cursor->reader.bytes + cursor->reader.offset;
    size_t left = reader_left(&cursor->reader);
    const uint8_t *end = left == 0 ? NULL : memchr(start, 0, left);
    if (end == NULL) {
        cursor->status = error_set(cursor->error, KMB_PROTOCOL, "invalid string in message");
        return slice_make(NULL, 0);
    }
    struct slice string = take(cursor, (size_t)(end - start));
    take(cursor, 1);
    return string;
}

static struct slice take_text(struct cursor *cursor) {
    struct slice text = take_string(cursor);
    if (cursor->status == KMB_OK) {
        cursor->status = utf8_check(text, cursor->error);
    }
    return text;
}

static struct pg_formats take_formats(struct cursor *cursor) {
    struct pg_formats formats = {.count = take_u16(cursor)};
    formats.codes = take(cursor, (size_t)formats.count * 2).bytes;
    return formats;
}

/* One value of a list; its length may be -1, but no other number below zero. */
static struct slice take_value(struct cursor *cursor, bool *is_null) {
    uint32_t length = take_u32(cursor);
    *is_null = length == UINT32_MAX;
    return *is_null ? slice_make(NULL, 0) : take(cursor, length);
}

static struct pg_values take_values(struct cursor *cursor, uint16_t count) {
    size_t start = cursor->reader.offset;
    bool is_null;
    for (uint16_t i = 0; i < count && cursor->status == KMB_OK; i++) {
        take_value(cursor, &is_null);
    }
    if (cursor->status != KMB_OK) {
        return (struct pg_values){0};
    }
    return (struct pg_values){.count = count,
                              .bytes = slice_make(cursor->reader.bytes + start, cursor->reader.offset - start)};
}

static enum kmb_status finish(struct cursor *cursor) {
    if (cursor->status == KMB_OK && !reader_done(&cursor->reader)) {
        cursor->status = error_set(cursor->error, KMB_PROTOCOL, "invalid message format");
    }
    return cursor->status;
}

/* --- startup --- */

static enum pg_read refuse(enum pg_read answer, enum kmb_status status) {
    ASSERT(status != KMB_OK);
    return answer;
}

static enum pg_read bad_startup_length(struct kmb_error *error) {
    return refuse(PG_READ_BROKEN, error_set(error, KMB_PROTOCOL, "invalid length of startup packet"));
}

bool pg_startup_is_option(struct slice name) {
    return name.length >= 5 && memcmp(name.bytes, "_pq_.", 5) == 0;
}

bool pg_startup_next(struct slice *rest, struct slice *name, struct slice *value) {
    struct cursor cursor = cursor_make(*rest, NULL);
    *name = take_string(&cursor);
    *value = take_string(&cursor);
    if (cursor.status != KMB_OK) {
        return false;
    }
    *rest = slice_make(rest->bytes + cursor.reader.offset, rest->length - cursor.reader.offset);
    return true;
}

/* The settings: pairs of strings, then an empty name, then nothing. */
static enum pg_read settings_read(struct slice bytes, struct pg_startup *out, struct kmb_error *error) {
    struct cursor cursor = cursor_make(bytes, error);
    for (;;) {
        size_t start = cursor.reader.offset;
        struct slice name = take_string(&cursor);
        if (cursor.status == KMB_OK && name.length == 0) {
            out->settings = slice_make(bytes.bytes, start);
            break;
        }
        struct slice value = take_string(&cursor);
        if (cursor.status != KMB_OK) {
            break;
        }
        if (utf8_check(name, error) != KMB_OK || utf8_check(value, error) != KMB_OK) {
            return PG_READ_REFUSED;
        }
        out->negotiate = out->negotiate || pg_startup_is_option(name);
        struct slice *known = slice_equal_text(name, "user")          ? &out->user
                              : slice_equal_text(name, "database")    ? &out->database
                              : slice_equal_text(name, "options")     ? &out->options
                              : slice_equal_text(name, "replication") ? &out->replication
                                                                      : NULL;
        if (known != NULL) {
            *known = value;
        }
    }
    if (cursor.status != KMB_OK || !reader_done(&cursor.reader)) {
        return refuse(PG_READ_REFUSED, error_set(error, KMB_PROTOCOL,
                                                 "invalid startup packet layout: expected terminator as last byte"));
    }
    return PG_READ_WHOLE;
}

static enum pg_read session_read(uint32_t version, struct slice bytes, struct pg_startup *out,
                                 struct kmb_error *error) {
    uint32_t major = version >> 16;
    uint32_t minor = version & 0xffff;
    uint32_t minor_latest = PG_PROTOCOL_LATEST & 0xffff;
    if (major != VERSION_MAJOR) {
        return refuse(PG_READ_REFUSED, error_set(error, KMB_UNSUPPORTED,
                                                 "unsupported frontend protocol %u.%u: server supports %u.0 to %u.%u",
                                                 major, minor, VERSION_MAJOR, VERSION_MAJOR, minor_latest));
    }
    out->negotiate = minor > minor_latest;
    out->version = out->negotiate ? PG_PROTOCOL_LATEST : version;
    enum pg_read answer = settings_read(bytes, out, error);
    if (answer != PG_READ_WHOLE) {
        return answer;
    }
    if (out->user.length == 0) {
        return refuse(PG_READ_REFUSED,
                      error_set(error, KMB_AUTHENTICATION, "no PostgreSQL user name specified in startup packet"));
    }
    if (out->database.length == 0) {
        out->database = out->user;
    }
    return PG_READ_WHOLE;
}

enum pg_read pg_startup_read(struct slice input, struct pg_startup *out, struct kmb_error *error) {
    *out = (struct pg_startup){.kind = PG_STARTUP_SESSION};
    if (input.length < 4) {
        return PG_READ_INCOMPLETE;
    }
    uint32_t length = codec_get_u32_big(input.bytes);
    if (length < 8 || length - 4 > PG_STARTUP_MAX) {
        return bad_startup_length(error);
    }
    if (input.length < length) {
        return PG_READ_INCOMPLETE;
    }
    out->size = length;
    uint32_t code = codec_get_u32_big(input.bytes + 4);
    struct slice body = slice_make(input.bytes + 8, length - 8);
    switch (code) {
    case CODE_TLS:
    case CODE_GSS:
        out->kind = code == CODE_TLS ? PG_STARTUP_TLS : PG_STARTUP_GSS;
        return body.length == 0 ? PG_READ_WHOLE : bad_startup_length(error);
    case CODE_CANCEL:
        if (body.length < 4 + PG_CANCEL_KEY_MIN || body.length > 4 + PG_CANCEL_KEY_MAX) {
            return bad_startup_length(error);
        }
        out->kind = PG_STARTUP_CANCEL;
        out->process = codec_get_u32_big(body.bytes);
        out->key = slice_make(body.bytes + 4, body.length - 4);
        return PG_READ_WHOLE;
    default:
        return session_read(code, body, out, error);
    }
}

/* --- frames --- */

/* Bytes of a body of that type, as PostgreSQL bounds them; 0: no such type. */
static size_t body_bound(uint8_t type) {
    switch (type) {
    case PG_BIND:
    case PG_COPY_DATA:
    case PG_FUNCTION_CALL:
    case PG_PARSE:
    case PG_QUERY:
        return PG_MESSAGE_MAX;
    case PG_PASSWORD:
        return PG_TOKEN_MAX;
    case PG_CLOSE:
    case PG_COPY_DONE:
    case PG_COPY_FAIL:
    case PG_DESCRIBE:
    case PG_EXECUTE:
    case PG_FLUSH:
    case PG_SYNC:
    case PG_TERMINATE:
        return PG_MESSAGE_SMALL_MAX;
    default:
        return 0;
    }
}

enum pg_read pg_frame_read(struct slice input, size_t body_max, struct pg_frame *out, struct kmb_error *error) {
    *out = (struct pg_frame){.type = PG_TERMINATE};
    if (input.length == 0) {
        return PG_READ_INCOMPLETE;
    }
    size_t bound = body_bound(input.bytes[0]);
    if (bound == 0) {
        return refuse(PG_READ_REFUSED,
                      error_set(error, KMB_PROTOCOL, "invalid frontend message type %u", input.bytes[0]));
    }
    out->type = (enum pg_frontend)input.bytes[0];
    if (input.length < 5) {
        return PG_READ_INCOMPLETE;
    }
    uint32_t length = codec_get_u32_big(input.bytes + 1);
    if (length < 4 || length - 4 > (bound < body_max ? bound : body_max)) {
        return refuse(PG_READ_BROKEN, error_set(error, KMB_PROTOCOL, "invalid message length"));
    }
    out->size = 1 + (size_t)length;
    if (input.length < out->size) {
        return PG_READ_INCOMPLETE;
    }
    out->body = slice_make(input.bytes + 5, length - 4);
    return PG_READ_WHOLE;
}

/* --- messages --- */

uint32_t pg_parse_type(const struct pg_parse *parse, uint16_t number) {
    ASSERT(number < parse->type_count);
    return codec_get_u32_big(parse->types + (size_t)number * 4);
}

static uint16_t format_at(const struct pg_formats *formats, uint16_t number) {
    ASSERT(number < formats->count);
    return get_u16(formats->codes + (size_t)number * 2);
}

int pg_formats_code(const struct pg_formats *formats, uint16_t number) {
    if (formats->count == 0) {
        return PG_TEXT;
    }
    uint16_t code = format_at(formats, formats->count == 1 ? 0 : number);
    return code <= PG_BINARY ? (int)code : -1;
}

enum kmb_status pg_formats_check(const struct pg_formats *formats, struct kmb_error *error) {
    for (uint16_t i = 0; i < formats->count; i++) {
        uint16_t code = format_at(formats, i);
        if (code > PG_BINARY) {
            return error_set(error, KMB_INVALID_PARAMETER, "unsupported format code: %d", (int16_t)code);
        }
    }
    return KMB_OK;
}

bool pg_values_next(struct slice *rest, struct slice *value, bool *is_null) {
    if (rest->length == 0) {
        return false;
    }
    struct cursor cursor = cursor_make(*rest, NULL);
    *value = take_value(&cursor, is_null);
    ASSERT(cursor.status == KMB_OK);
    *rest = slice_make(rest->bytes + cursor.reader.offset, rest->length - cursor.reader.offset);
    return true;
}

static void parse_read(struct cursor *cursor, struct pg_parse *out) {
    out->statement = take_text(cursor);
    out->query = take_text(cursor);
    out->type_count = take_u16(cursor);
    out->types = take(cursor, (size_t)out->type_count * 4).bytes;
}

/* What BIND and FUNCTION CALL have in common: formats, then values; either may be the message's fault. */
static void values_read(struct cursor *cursor, const char *fault, struct pg_formats *formats,
                        struct pg_values *values) {
    *formats = take_formats(cursor);
    uint16_t count = take_u16(cursor);
    if (cursor->status == KMB_OK && formats->count > 1 && formats->count != count) {
        cursor->status = error_set(cursor->error, KMB_PROTOCOL, fault, formats->count, count);
    }
    *values = take_values(cursor, count);
    if (cursor->status == KMB_OK && count > 0) {
        cursor->status = pg_formats_check(formats, cursor->error);
    }
}

static void bind_read(struct cursor *cursor, struct pg_bind *out) {
    out->portal = take_text(cursor);
    out->statement = take_text(cursor);
    values_read(cursor, "bind message has %d parameter formats but %d parameters", &out->formats, &out->parameters);
    out->result_formats = take_formats(cursor);
    if (cursor->status == KMB_OK) {
        cursor->status = pg_formats_check(&out->result_formats, cursor->error);
    }
}

static void function_call_read(struct cursor *cursor, struct pg_function_call *out) {
    out->function = take_u32(cursor);
    values_read(cursor, "function call message contains %d argument formats but %d arguments", &out->formats,
                &out->arguments);
    out->result_format = take_u16(cursor);
}

static void target_read(struct cursor *cursor, const char *fault, struct pg_target *out) {
    uint8_t kind = take_u8(cursor);
    out->portal = kind == 'P';
    out->name = take_text(cursor);
    if (cursor->status == KMB_OK && kind != 'P' && kind != 'S' && reader_done(&cursor->reader)) {
        cursor->status = error_set(cursor->error, KMB_PROTOCOL, fault, kind);
    }
}

enum kmb_status pg_message_read(const struct pg_frame *frame, struct pg_message *out, struct kmb_error *error) {
    struct cursor cursor = cursor_make(frame->body, error);
    *out = (struct pg_message){.type = frame->type};
    switch (frame->type) {
    case PG_BIND:
        bind_read(&cursor, &out->as.bind);
        break;
    case PG_CLOSE:
        target_read(&cursor, "invalid CLOSE message subtype %d", &out->as.target);
        break;
    case PG_COPY_DATA:
    case PG_PASSWORD:
        out->as.bytes = take(&cursor, frame->body.length);
        break;
    case PG_COPY_FAIL:
    case PG_QUERY:
        out->as.text = take_text(&cursor);
        break;
    case PG_DESCRIBE:
        target_read(&cursor, "invalid DESCRIBE message subtype %d", &out->as.target);
        break;
    case PG_EXECUTE:
        out->as.execute.portal = take_text(&cursor);
        out->as.execute.row_limit = (int32_t)take_u32(&cursor);
        break;
    case PG_FUNCTION_CALL:
        function_call_read(&cursor, &out->as.function_call);
        break;
    case PG_PARSE:
        parse_read(&cursor, &out->as.parse);
        break;
    case PG_COPY_DONE:
    case PG_FLUSH:
    case PG_SYNC:
    case PG_TERMINATE:
        break;
    }
    return finish(&cursor);
}

enum kmb_status pg_password_read(struct slice body, struct slice *password, struct kmb_error *error) {
    struct cursor cursor = cursor_make(body, NULL);
    *password = take_string(&cursor);
    if (finish(&cursor) != KMB_OK) {
        return error_set(error, KMB_PROTOCOL, "invalid password packet size");
    }
    return KMB_OK;
}

enum kmb_status pg_sasl_initial_read(struct slice body, struct pg_sasl_initial *out, struct kmb_error *error) {
    struct cursor cursor = cursor_make(body, error);
    bool is_null;
    out->mechanism = take_string(&cursor);
    out->response = take_value(&cursor, &is_null);
    out->has_response = !is_null;
    return finish(&cursor);
}

/* --- writing --- */

void pg_put_text(struct buffer *out, struct slice text) {
    uint8_t *place = buffer_extend(out, text.length + 1);
    if (place == NULL) {
        return;
    }
    if (text.length > 0) {
        memcpy(place, text.bytes, text.length);
    }
    place[text.length] = 0;
}

void pg_write_plain(struct buffer *out, int type) {
    pg_end(out, pg_begin(out, type));
}

/* Numbers of the authentication requests. */
enum { AUTHENTICATION_OK = 0, AUTHENTICATION_PASSWORD = 3, SASL = 10, SASL_CONTINUE = 11, SASL_FINAL = 12 };

static void write_authentication(struct buffer *out, uint32_t number, struct slice data) {
    size_t start = pg_begin(out, PG_AUTHENTICATION);
    pg_put_u32(out, number);
    buffer_append_slice(out, data);
    pg_end(out, start);
}

void pg_write_authentication_ok(struct buffer *out) {
    write_authentication(out, AUTHENTICATION_OK, slice_make(NULL, 0));
}

void pg_write_authentication_password(struct buffer *out) {
    write_authentication(out, AUTHENTICATION_PASSWORD, slice_make(NULL, 0));
}

void pg_write_authentication_sasl(struct buffer *out, const char *const *mechanisms) {
    size_t start = pg_begin(out, PG_AUTHENTICATION);
    pg_put_u32(out, SASL);
    for (; *mechanisms != NULL; mechanisms++) {
        pg_put_text(out, slice_text(*mechanisms));
    }
    pg_put_u8(out, 0);
    pg_end(out, start);
}

void pg_write_authentication_sasl_continue(struct buffer *out, struct slice data) {
    write_authentication(out, SASL_CONTINUE, data);
}

void pg_write_authentication_sasl_final(struct buffer *out, struct slice data) {
    write_authentication(out, SASL_FINAL, data);
}

void pg_write_backend_key(struct buffer *out, uint32_t process, struct slice key) {
    ASSERT(key.length >= PG_CANCEL_KEY_MIN && key.length <= PG_CANCEL_KEY_MAX);
    size_t start = pg_begin(out, PG_BACKEND_KEY);
    pg_put_u32(out, process);
    buffer_append_slice(out, key);
    pg_end(out, start);
}

void pg_write_negotiation(struct buffer *out, const struct pg_startup *startup) {
    struct slice name;
    struct slice value;
    uint32_t count = 0;
    for (struct slice rest = startup->settings; pg_startup_next(&rest, &name, &value);) {
        count += pg_startup_is_option(name) ? 1 : 0;
    }
    size_t start = pg_begin(out, PG_NEGOTIATE);
    pg_put_u32(out, startup->version);
    pg_put_u32(out, count);
    for (struct slice rest = startup->settings; pg_startup_next(&rest, &name, &value);) {
        if (pg_startup_is_option(name)) {
            pg_put_text(out, name);
        }
    }
    pg_end(out, start);
}

void pg_write_parameter_status(struct buffer *out, const char *name, const char *value) {
    size_t start = pg_begin(out, PG_PARAMETER_STATUS);
    pg_put_text(out, slice_text(name));
    pg_put_text(out, slice_text(value));
    pg_end(out, start);
}

void pg_write_ready(struct buffer *out, enum pg_status status) {
    size_t start = pg_begin(out, PG_READY);
    pg_put_u8(out, (uint8_t)status);
    pg_end(out, start);
}

void pg_write_command_complete(struct buffer *out, struct slice tag) {
    size_t start = pg_begin(out, PG_COMMAND_COMPLETE);
    pg_put_text(out, tag);
    pg_end(out, start);
}

void pg_write_notification(struct buffer *out, uint32_t process, struct slice channel, struct slice payload) {
    size_t start = pg_begin(out, PG_NOTIFICATION);
    pg_put_u32(out, process);
    pg_put_text(out, channel);
    pg_put_text(out, payload);
    pg_end(out, start);
}

void pg_write_parameter_description(struct buffer *out, const uint32_t *types, uint16_t count) {
    size_t start = pg_begin(out, PG_PARAMETER_DESCRIPTION);
    pg_put_u16(out, count);
    for (uint16_t i = 0; i < count; i++) {
        pg_put_u32(out, types[i]);
    }
    pg_end(out, start);
}

size_t pg_begin_row_description(struct buffer *out, uint16_t count) {
    size_t start = pg_begin(out, PG_ROW_DESCRIPTION);
    pg_put_u16(out, count);
    return start;
}

void pg_write_column(struct buffer *out, const struct pg_column *column) {
    pg_put_text(out, column->name);
    uint8_t *place = buffer_extend(out, 18);
    if (place == NULL) {
        return;
    }
    pg_store_u32(place, column->table);
    pg_store_u16(place + 4, column->number);
    pg_store_u32(place + 6, column->type);
    pg_store_u16(place + 10, (uint16_t)column->type_length);
    pg_store_u32(place + 12, (uint32_t)column->type_modifier);
    pg_store_u16(place + 16, (uint16_t)column->format);
}

void pg_write_copy_response(struct buffer *out, enum pg_backend type, enum pg_format format, uint16_t column_count) {
    ASSERT(type == PG_COPY_IN_RESPONSE || type == PG_COPY_OUT_RESPONSE || type == PG_COPY_BOTH_RESPONSE);
    size_t start = pg_begin(out, (int)type);
    pg_put_u8(out, (uint8_t)format);
    pg_put_u16(out, column_count);
    for (uint16_t i = 0; i < column_count; i++) {
        pg_put_u16(out, (uint16_t)format);
    }
    pg_end(out, start);
}

void pg_write_copy_data(struct buffer *out, struct slice data) {
    size_t start = pg_begin(out, PG_COPY_DATA);
    buffer_append_slice(out, data);
    pg_end(out, start);
}

void pg_write_function_result(struct buffer *out, bool is_null, struct slice value) {
    size_t start = pg_begin(out, PG_FUNCTION_RESULT);
    if (is_null) {
        pg_write_null(out);
    } else {
        pg_write_value(out, value);
    }
    pg_end(out, start);
}

static void write_field(struct buffer *out, char field, const char *text) {
    if (text != NULL && text[0] != 0) {
        pg_put_u8(out, (uint8_t)field);
        pg_put_text(out, slice_text(text));
    }
}

void pg_write_report(struct buffer *out, const struct pg_report *report) {
    static const char *const severities[] = {
        [PG_SEVERITY_LOG] = "LOG",       [PG_SEVERITY_DEBUG] = "DEBUG",     [PG_SEVERITY_INFO] = "INFO",
        [PG_SEVERITY_NOTICE] = "NOTICE", [PG_SEVERITY_WARNING] = "WARNING", [PG_SEVERITY_ERROR] = "ERROR",
        [PG_SEVERITY_FATAL] = "FATAL",   [PG_SEVERITY_PANIC] = "PANIC",
    };
    const char *severity = severities[report->severity];
    size_t start = pg_begin(out, report->severity >= PG_SEVERITY_ERROR ? PG_ERROR : PG_NOTICE);
    write_field(out, 'S', severity);
    write_field(out, 'V', severity);
    write_field(out, 'C', report->sqlstate != NULL ? report->sqlstate : status_row_of(report->status)->sqlstate);
    pg_put_u8(out, 'M'); /* there always, even when it says nothing */
    pg_put_text(out, slice_text(report->message == NULL ? "" : report->message));
    write_field(out, 'D', report->detail);
    write_field(out, 'H', report->hint);
    if (report->position > 0) {
        pg_put_u8(out, 'P');
        buffer_printf(out, "%u", report->position);
        pg_put_u8(out, 0);
    }
    write_field(out, 'W', report->context);
    write_field(out, 's', report->schema);
    write_field(out, 't', report->table);
    write_field(out, 'c', report->column);
    write_field(out, 'd', report->type);
    write_field(out, 'n', report->constraint);
    pg_put_u8(out, 0);
    pg_end(out, start);
}

void pg_write_error(struct buffer *out, enum pg_severity severity, const struct kmb_error *error) {
    pg_write_report(out, &(struct pg_report){.severity = severity,
                                             .status = error->status,
                                             .message = error->message,
                                             .detail = error->detail,
                                             .hint = error->hint,
                                             .position = error->position,
                                             .context = error->context,
                                             .schema = error->schema,
                                             .table = error->table,
                                             .column = error->column,
                                             .type = error->datatype,
                                             .constraint = error->constraint});
}
