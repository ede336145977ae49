/*
 * libFuzzer target: PostgreSQL's protocol and its values.
 *
 * The first byte says what follows: a connection's bytes (a startup message, then frames, whose lists are walked and
 * whose parameters are read as types that the bytes themselves choose), one value of a type and format, or a file of
 * COPY's binary format. What is read is a valid value, and what is sent of it is a fixed point: it is received as what
 * sends the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "types/record_binary.h"
#include "types/utf8.h"
#include "types/value_send.h"
#include "wire/pg/format.h"

#define MEMORY_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good) {
    if (!good) {
        abort();
    }
}

/* --- values --- */

/* Any byte is a type: those of the list, arrays of them, and some with modifiers. */
static struct type type_of_byte(uint8_t byte) {
    static const struct {
        enum type_id id;
        int32_t modifier;
    } fitted[] = {{TYPE_NUMERIC, 5 << 16 | 2}, {TYPE_VARCHAR, 3},  {TYPE_BPCHAR, 4}, {TYPE_TIMESTAMP, 3},
                  {TYPE_TIMESTAMPTZ, 0},       {TYPE_INTERVAL, 2}, {TYPE_TIME, 1},   {TYPE_NUMERIC, 38 << 16 | 38}};
    unsigned number = byte & 0x7f;
    bool array = byte >= 0x80;
    struct type type = type_make(TYPE_TEXT);
    if (number > TYPE_UNKNOWN && number < TYPE_COUNT) {
        type = type_make((enum type_id)number);
    } else if (number >= 64 && number - 64 < sizeof(fitted) / sizeof(fitted[0])) {
        type = type_with(fitted[number - 64].id, fitted[number - 64].modifier);
    }
    if (type.id == TYPE_ENUM) {
        type.id = type_of_object(TYPE_ENUM, 7);
    }
    type.id = array ? type_array_of(type.id) : type.id;
    return type;
}

static void check_value(struct type type, const struct value *value, struct arena *arena) {
    struct buffer first = {0};
    struct buffer second = {0};
    struct value again;
    must(!value->is_null);
    if (type_is_label(type_element(type.id))) {
        must(value->type == TYPE_UNKNOWN && utf8_valid(value->as.bytes));
        return;
    }
    must(value->type == type.id && value_valid(value));
    pg_write_field(&first, value, PG_TEXT, NULL);
    must(buffer_ok(&first) && first.length >= 4);
    buffer_clear(&first);
    value_send(value, &first);
    struct reader reader = reader_make(buffer_slice(&first));
    must(value_receive(type, &reader, arena, &again, NULL) == KMB_OK && reader_done(&reader));
    value_send(&again, &second);
    must(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    buffer_free(&first);
    buffer_free(&second);
}

static void read_value(struct type type, enum pg_format format, struct slice bytes) {
    struct arena arena;
    struct value value;
    struct kmb_error error = {0};
    arena_init(&arena, MEMORY_MAX);
    enum kmb_status status = pg_parameter_read(type, format, bytes, 1, NULL, &arena, &value, &error);
    if (status == KMB_OK) {
        check_value(type, &value, &arena);
    } else {
        must(error.status == status && error.message[0] != 0);
    }
    arena_free(&arena);
}

/* --- messages --- */

static void walk_values(const struct pg_values *values, const struct pg_formats *formats) {
    struct slice rest = values->bytes;
    struct slice value;
    bool is_null;
    uint16_t count = 0;
    while (pg_values_next(&rest, &value, &is_null)) {
        int code = pg_formats_code(formats, count++);
        must(code == PG_TEXT || code == PG_BINARY);
        must(!is_null || value.length == 0);
        if (value.length > 0) {
            struct slice inner = slice_make(value.bytes + 1, value.length - 1);
            read_value(type_of_byte(value.bytes[0]), (enum pg_format)code, inner);
        }
    }
    must(count == values->count && rest.length == 0);
}

static void walk_message(const struct pg_message *message) {
    switch (message->type) {
    case PG_BIND:
        walk_values(&message->as.bind.parameters, &message->as.bind.formats);
        must(pg_formats_check(&message->as.bind.result_formats, NULL) == KMB_OK);
        break;
    case PG_FUNCTION_CALL:
        walk_values(&message->as.function_call.arguments, &message->as.function_call.formats);
        break;
    case PG_PARSE:
        must(utf8_valid(message->as.parse.query) && utf8_valid(message->as.parse.statement));
        for (uint16_t i = 0; i < message->as.parse.type_count; i++) {
            (void)pg_parse_type(&message->as.parse, i);
        }
        break;
    case PG_PASSWORD: {
        struct slice password;
        struct pg_sasl_initial initial;
        (void)pg_password_read(message->as.bytes, &password, NULL);
        (void)pg_sasl_initial_read(message->as.bytes, &initial, NULL);
        break;
    }
    default:
        break;
    }
}

static void read_connection(struct slice input) {
    struct pg_startup startup;
    struct pg_frame frame;
    struct kmb_error error = {0};
    if (pg_startup_read(input, &startup, &error) == PG_READ_WHOLE) {
        must(startup.size <= input.length);
        input = slice_make(input.bytes + startup.size, input.length - startup.size);
        if (startup.kind == PG_STARTUP_SESSION) {
            struct buffer out = {0};
            pg_write_negotiation(&out, &startup);
            must(buffer_ok(&out) && startup.user.length > 0 && startup.database.length > 0);
            buffer_free(&out);
        }
    }
    while (pg_frame_read(input, 1 << 20, &frame, &error) == PG_READ_WHOLE) {
        struct pg_message message;
        must(frame.size <= input.length && frame.size == frame.body.length + 5);
        if (pg_message_read(&frame, &message, &error) == KMB_OK) {
            walk_message(&message);
        } else {
            struct buffer out = {0};
            pg_write_error(&out, PG_SEVERITY_ERROR, &error);
            must(buffer_ok(&out));
            buffer_free(&out);
        }
        input = slice_make(input.bytes + frame.size, input.length - frame.size);
    }
}

/* --- COPY --- */

static enum kmb_status give(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    struct slice *left = context;
    (void)error;
    *count = left->length < 7 ? left->length : 7; /* in small pieces */
    must(*count <= size);
    if (*count > 0) {
        memcpy(bytes, left->bytes, *count);
    }
    *left = slice_make(left->bytes + *count, left->length - *count);
    return KMB_OK;
}

static void read_copy(uint8_t columns, struct slice input) {
    struct slice left = input;
    struct binary_reader reader = {.read = give, .context = &left};
    uint32_t count = columns % 5u;
    enum kmb_status status = binary_header(&reader, NULL);
    while (status == KMB_OK && (status = binary_row(&reader, count, NULL)) == KMB_ROW) {
        status = KMB_OK;
        for (uint32_t i = 0; i < count && status == KMB_OK; i++) {
            struct slice field;
            bool is_null;
            status = binary_field(&reader, &field, &is_null, NULL);
            must(status != KMB_OK || field.length <= input.length);
        }
    }
    binary_reader_free(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) {
        return 0;
    }
    switch (data[0] % 3) {
    case 0:
        read_connection(slice_make(data + 1, size - 1));
        break;
    case 1:
        read_value(type_of_byte(data[1]), data[2] % 2 == 0 ? PG_TEXT : PG_BINARY, slice_make(data + 3, size - 3));
        break;
    default:
        read_copy(data[1], slice_make(data + 2, size - 2));
        break;
    }
    return 0;
}
