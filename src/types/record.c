/*
 * Two steps a record: where it ends, then its fields. The first looks at line ends, quotes and backslashes alone, so
 * the record stands whole in the input (and can be shown in an error); the second copies each field once into `text`.
 */
#include "types/record.h"

#include <endian.h>

#include "types/utf8.h"

#define READ_BYTES ((size_t)256 << 10)

struct record_format record_format_text(void) {
    return (struct record_format){.delimiter = '\t', .null_text = slice_text("\\N")};
}

struct record_format record_format_csv(void) {
    return (struct record_format){.csv = true, .delimiter = ',', .quote = '"', .escape = '"'};
}

struct record_format record_format_spreadsheet(void) {
    struct record_format format = record_format_csv();
    format.spreadsheet = true;
    return format;
}

void record_reader_init(struct record_reader *reader, const struct record_format *format,
                        enum kmb_status (*read)(void *context, void *bytes, size_t size, size_t *count,
                                                struct kmb_error *error),
                        void *context) {
    memset(reader, 0, sizeof(*reader));
    reader->format = *format;
    reader->read = read;
    reader->context = context;
    reader->line_next = 1;
}

void record_reader_free(struct record_reader *reader) {
    buffer_free(&reader->input);
    buffer_free(&reader->text);
}

/* --- plain bytes --- */

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Up to four bytes that something begins with, each eight times. */
struct stops {
    uint64_t words[4];
};

static struct stops stops_at(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    return (struct stops){{EACH_BYTE * a, EACH_BYTE * b, EACH_BYTE * c, EACH_BYTE * d}};
}

/* Which bytes are zero: the lowest that is has its high bit set, and none below it. */
static inline uint64_t zero_bytes(uint64_t word) {
    return (word - EACH_BYTE) & ~word & HIGH_BITS;
}

/* How many bytes come before the first of the stops, eight looked at at a time. */
static size_t plain_run(const uint8_t *bytes, size_t length, const struct stops *stops) {
    size_t at = 0;
    for (; length - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        word = le64toh(word);
        uint64_t found = zero_bytes(word ^ stops->words[0]) | zero_bytes(word ^ stops->words[1]) |
                         zero_bytes(word ^ stops->words[2]) | zero_bytes(word ^ stops->words[3]);
        if (found != 0) {
            return at + (size_t)__builtin_ctzll(found) / 8;
        }
    }
    for (; at < length; at++) {
        uint8_t byte = bytes[at];
        if (byte == (uint8_t)stops->words[0] || byte == (uint8_t)stops->words[1] || byte == (uint8_t)stops->words[2] ||
            byte == (uint8_t)stops->words[3]) {
            break;
        }
    }
    return at;
}

/* --- the source --- */

/* More bytes behind those not yet taken, which move to the front. KMB_DONE at the end. */
static enum kmb_status fill(struct record_reader *reader, struct kmb_error *error) {
    if (reader->ended) {
        return KMB_DONE;
    }
    size_t left = reader->input.length - reader->at;
    if (left > RECORD_BYTES_MAX) {
        return error_set(error, KMB_LIMIT, "the record is longer than %zu bytes; is a quote missing?",
                         RECORD_BYTES_MAX);
    }
    if (left != 0 && reader->at != 0) {
        memmove(reader->input.bytes, reader->input.bytes + reader->at, left);
    }
    reader->input.length = left;
    reader->at = 0;
    uint8_t *room = buffer_extend(&reader->input, READ_BYTES);
    size_t count = 0;
    if (room == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    enum kmb_status status = reader->read(reader->context, room, READ_BYTES, &count, error);
    reader->input.length = left + (status == KMB_OK ? count : 0);
    if (status == KMB_OK && count == 0) {
        reader->ended = true;
        return KMB_DONE;
    }
    return status;
}

/* The byte `ahead` of where the reader stands. KMB_OK, KMB_DONE at the end, or a failure. */
static inline enum kmb_status look(struct record_reader *reader, size_t ahead, uint8_t *byte, struct kmb_error *error) {
    while (reader->at + ahead >= reader->input.length) {
        enum kmb_status status = fill(reader, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    *byte = reader->input.bytes[reader->at + ahead];
    return KMB_OK;
}

/* Of the bytes that are there already, how many from `ahead` on are plain. */
static inline size_t look_over(const struct record_reader *reader, size_t ahead, const struct stops *stops) {
    size_t from = reader->at + ahead;
    return from < reader->input.length ? plain_run(reader->input.bytes + from, reader->input.length - from, stops) : 0;
}

static void take(struct record_reader *reader, size_t count) {
    reader->at += count;
    reader->bytes_read += count;
}

/* --- where the record ends --- */

static enum kmb_status fail_line_end(const struct record_reader *reader, bool newline, struct kmb_error *error) {
    const char *name = newline ? "newline" : "carriage return";
    if (reader->format.csv) {
        error_set(error, KMB_BAD_COPY_FORMAT, "unquoted %s found in data", name);
        error_hint(error, "Use quoted CSV field to represent %s.", name);
    } else {
        error_set(error, KMB_BAD_COPY_FORMAT, "literal %s found in data", name);
        error_hint(error, "Use \"%s\" to represent %s.", newline ? "\\n" : "\\r", name);
    }
    return KMB_BAD_COPY_FORMAT;
}

/* A line end outside quotes, `ahead` of the reader; *width: its bytes. 0: it is none (a spreadsheet's field may hold a
 * carriage return that the second step refuses). */
static enum kmb_status line_end(struct record_reader *reader, size_t ahead, uint8_t byte, size_t *width,
                                struct kmb_error *error) {
    uint8_t next = 0;
    bool newline = byte == '\n';
    enum kmb_status status = newline ? KMB_OK : look(reader, ahead + 1, &next, error);
    if (status != KMB_OK && status != KMB_DONE) {
        return status;
    }
    bool both = !newline && status == KMB_OK && next == '\n';
    *width = both ? 2 : 1;
    if (reader->format.spreadsheet) {
        *width = newline || both || status == KMB_DONE ? *width : 0;
        return KMB_OK;
    }
    enum record_line_end found = newline ? RECORD_LINE_NEWLINE : both ? RECORD_LINE_BOTH : RECORD_LINE_RETURN;
    if (reader->line_end == RECORD_LINE_RETURN && both) { /* an empty line follows */
        *width = 1;
        found = RECORD_LINE_RETURN;
    }
    if (reader->line_end != RECORD_LINE_UNKNOWN && reader->line_end != found) {
        return fail_line_end(reader, newline, error);
    }
    reader->line_end = found;
    return KMB_OK;
}

/* Whether a line "\." stands here. */
static enum kmb_status is_end_mark(struct record_reader *reader, bool *mark, struct kmb_error *error) {
    uint8_t byte = 0;
    *mark = false;
    enum kmb_status status = look(reader, 0, &byte, error);
    if (status == KMB_OK && byte == '\\') {
        status = look(reader, 1, &byte, error);
        if (status == KMB_OK && byte == '.') {
            status = look(reader, 2, &byte, error);
            *mark = status == KMB_DONE || (status == KMB_OK && (byte == '\n' || byte == '\r'));
            if (status == KMB_OK && !*mark && !reader->format.csv) {
                return error_set(error, KMB_BAD_COPY_FORMAT, "end-of-copy marker corrupt");
            }
        }
    }
    return status == KMB_DONE ? KMB_OK : status;
}

/* In text: what a backslash stands before ends nothing. */
static enum kmb_status text_end(struct record_reader *reader, size_t *length, size_t *width, struct kmb_error *error) {
    uint8_t byte = 0;
    enum kmb_status status;
    struct stops stops = stops_at('\n', '\r', '\\', '\\');
    for (*length = 0;; (*length)++) {
        *length += look_over(reader, *length, &stops);
        status = look(reader, *length, &byte, error);
        if (status != KMB_OK) {
            break;
        }
        if (byte == '\n' || byte == '\r') {
            return line_end(reader, *length, byte, width, error);
        }
        if (byte == '\\') {
            status = look(reader, *length + 1, &byte, error);
            if (status != KMB_OK && status != KMB_DONE) {
                return status;
            }
            *length += status == KMB_OK;
            reader->line_next += status == KMB_OK && byte == '\n';
        }
    }
    *width = 0;
    return status == KMB_DONE ? KMB_OK : status;
}

static enum kmb_status csv_end(struct record_reader *reader, size_t *length, size_t *width, struct kmb_error *error) {
    const struct record_format *format = &reader->format;
    bool quoted = false;
    bool escaped = false;
    bool opens = true; /* of a spreadsheet: a quote here opens a field, or goes on with one */
    uint8_t byte = 0;
    enum kmb_status status;
    uint8_t counted = format->spreadsheet || reader->line_end == RECORD_LINE_NEWLINE ? '\n' : '\r';
    struct stops stops = stops_at('\n', '\r', format->quote, format->escape);
    for (*length = 0;; (*length)++) {
        size_t run = look_over(reader, *length, &stops);
        if (run > 0) {
            *length += run;
            escaped = false;
            opens = reader->input.bytes[reader->at + *length - 1] == format->delimiter;
        }
        status = look(reader, *length, &byte, error);
        if (status != KMB_OK) {
            break;
        }
        if (quoted && byte == format->escape && format->escape != format->quote) {
            escaped = !escaped;
        } else if (byte == format->quote && !escaped && (quoted || opens || !format->spreadsheet)) {
            quoted = !quoted;
            opens = true;
            continue;
        } else {
            escaped = false;
        }
        reader->line_next += quoted && byte == counted;
        if (!quoted && (byte == '\n' || byte == '\r')) {
            *width = 0;
            status = line_end(reader, *length, byte, width, error);
            if (status != KMB_OK || *width != 0) {
                return status;
            }
        }
        opens = byte == format->delimiter;
    }
    *width = 0;
    return status == KMB_DONE ? KMB_OK : status;
}

/* --- fields --- */

static enum kmb_status fail_field(const struct record_reader *reader, struct kmb_error *error, const char *what) {
    return error_set(error, KMB_BAD_COPY_FORMAT, "field %u: %s", reader->field_count + 1, what);
}

static int digit_of(uint8_t byte, int base) {
    int digit = byte >= '0' && byte <= '9'   ? byte - '0'
                : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                             : 99;
    return digit < base ? digit : -1;
}

/* What a backslash and what follows it stand for; `at` is behind the backslash, and moves on. */
static uint8_t unescape(struct slice raw, size_t *at) {
    uint8_t byte = raw.bytes[(*at)++];
    unsigned value = 0;
    if (digit_of(byte, 8) >= 0) {
        value = (unsigned)digit_of(byte, 8);
        for (int i = 0; i < 2 && *at < raw.length && digit_of(raw.bytes[*at], 8) >= 0; i++) {
            value = value * 8 + (unsigned)digit_of(raw.bytes[(*at)++], 8);
        }
        return (uint8_t)value;
    }
    switch (byte) {
    case 'x':
        if (*at == raw.length || digit_of(raw.bytes[*at], 16) < 0) {
            return byte;
        }
        for (int i = 0; i < 2 && *at < raw.length && digit_of(raw.bytes[*at], 16) >= 0; i++) {
            value = value * 16 + (unsigned)digit_of(raw.bytes[(*at)++], 16);
        }
        return (uint8_t)value;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    default:
        return byte;
    }
}

/* The field at *at of the record; *at comes to stand behind it, on the delimiter or the end. */
static void text_field(struct record_reader *reader, size_t *at) {
    struct slice raw = reader->raw;
    struct record_field *field = &reader->fields[reader->field_count];
    size_t begin = *at;
    size_t plain = *at; /* not yet copied */
    struct stops stops = stops_at(reader->format.delimiter, '\\', '\\', '\\');
    for (;;) {
        *at += plain_run(raw.bytes + *at, raw.length - *at, &stops);
        if (*at == raw.length || raw.bytes[*at] == reader->format.delimiter) {
            break;
        }
        buffer_append(&reader->text, raw.bytes + plain, *at - plain);
        (*at)++;
        if (*at < raw.length) { /* else it stands before the end and means nothing */
            buffer_append_byte(&reader->text, unescape(raw, at));
        }
        plain = *at;
    }
    buffer_append(&reader->text, raw.bytes + plain, *at - plain);
    field->null = slice_equal(slice_make(raw.bytes + begin, *at - begin), reader->format.null_text);
}

/* The inside of quotes, behind the first; *at comes to stand behind the last. */
static enum kmb_status csv_quoted(struct record_reader *reader, size_t *at, struct kmb_error *error) {
    const struct record_format *format = &reader->format;
    struct slice raw = reader->raw;
    size_t plain = *at;
    for (; *at < raw.length; (*at)++) {
        uint8_t byte = raw.bytes[*at];
        bool more = *at + 1 < raw.length;
        if (byte == format->escape && more &&
            (raw.bytes[*at + 1] == format->escape || raw.bytes[*at + 1] == format->quote)) {
            buffer_append(&reader->text, raw.bytes + plain, *at - plain);
            (*at)++;
            plain = *at;
        } else if (byte == format->quote) {
            buffer_append(&reader->text, raw.bytes + plain, *at - plain);
            (*at)++;
            return KMB_OK;
        }
    }
    return format->spreadsheet ? fail_field(reader, error, "the quoted field does not end")
                               : error_set(error, KMB_BAD_COPY_FORMAT, "unterminated CSV quoted field");
}

/* A spreadsheet's field is quoted whole or not at all, and holds no carriage return outside quotes. */
static enum kmb_status check_spreadsheet(const struct record_reader *reader, size_t begin, size_t end, bool quoted,
                                         struct kmb_error *error) {
    if (begin == end) {
        return KMB_OK;
    }
    if (quoted) {
        return fail_field(reader, error, "text stands after the closing quote");
    }
    if (memchr(reader->raw.bytes + begin, '\r', end - begin) != NULL) {
        return fail_field(reader, error, "a carriage return stands in a field without quotes; lines end with newlines");
    }
    return KMB_OK;
}

static enum kmb_status csv_field(struct record_reader *reader, size_t *at, struct kmb_error *error) {
    const struct record_format *format = &reader->format;
    struct slice raw = reader->raw;
    struct record_field *field = &reader->fields[reader->field_count];
    size_t begin = *at;
    uint8_t quote = format->spreadsheet ? format->delimiter : format->quote; /* in a spreadsheet it ends nothing */
    struct stops stops = stops_at(format->delimiter, quote, quote, quote);
    while (*at < raw.length && raw.bytes[*at] != format->delimiter) {
        size_t plain = *at;
        if (raw.bytes[*at] == format->quote && (!format->spreadsheet || *at == begin)) {
            field->quoted = true;
            (*at)++;
            enum kmb_status status = csv_quoted(reader, at, error);
            if (status != KMB_OK) {
                return status;
            }
            plain = *at;
        }
        *at += plain_run(raw.bytes + *at, raw.length - *at, &stops);
        buffer_append(&reader->text, raw.bytes + plain, *at - plain);
        enum kmb_status status =
            format->spreadsheet ? check_spreadsheet(reader, plain, *at, field->quoted, error) : KMB_OK;
        if (status != KMB_OK) {
            return status;
        }
    }
    bool listed = reader->field_count < format->forced_count;
    bool null = !field->quoted && slice_equal(slice_make(raw.bytes + begin, *at - begin), format->null_text);
    if (!listed || null) {
        field->null = null && !(listed && format->forced_value[reader->field_count]);
        return KMB_OK;
    }
    struct slice made = slice_make(reader->text.bytes + field->offset, reader->text.length - field->offset);
    field->null = format->force_null[reader->field_count] && slice_equal(made, format->null_text);
    return KMB_OK;
}

static enum kmb_status split(struct record_reader *reader, struct kmb_error *error) {
    size_t at = 0;
    for (bool more = true; more; at++) {
        if (reader->field_count == RECORD_FIELDS_MAX) {
            return error_set(error, KMB_TOO_MANY_COLUMNS, "more than %d fields", RECORD_FIELDS_MAX);
        }
        struct record_field *field = &reader->fields[reader->field_count];
        *field = (struct record_field){.offset = reader->text.length};
        enum kmb_status status = KMB_OK;
        if (reader->format.csv) {
            status = csv_field(reader, &at, error);
        } else {
            text_field(reader, &at);
        }
        if (status != KMB_OK) {
            return status;
        }
        field->length = reader->text.length - field->offset;
        reader->field_count++;
        more = at < reader->raw.length;
    }
    if (!buffer_ok(&reader->text)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return reader->format.spreadsheet ? KMB_OK : utf8_check(buffer_slice(&reader->text), error);
}

/* --- records --- */

static enum kmb_status drop_mark(struct record_reader *reader, struct kmb_error *error) {
    static const uint8_t mark[3] = {0xef, 0xbb, 0xbf};
    uint8_t byte = 0;
    enum kmb_status status = KMB_OK;
    size_t same = 0;
    while (same < sizeof(mark) && (status = look(reader, same, &byte, error)) == KMB_OK && byte == mark[same]) {
        same++;
    }
    if (same == sizeof(mark)) {
        take(reader, same);
    }
    return status == KMB_DONE ? KMB_OK : status;
}

/* Passes over what is before a spreadsheet's record: the byte order mark, empty lines. */
static enum kmb_status drop_blank(struct record_reader *reader, struct kmb_error *error) {
    enum kmb_status status = reader->bytes_read == 0 ? drop_mark(reader, error) : KMB_OK;
    uint8_t byte = 0;
    while (status == KMB_OK && !reader->blank_is_record && (status = look(reader, 0, &byte, error)) == KMB_OK &&
           (byte == '\n' || byte == '\r')) {
        reader->line_next += byte == '\n';
        take(reader, 1);
    }
    return status == KMB_DONE ? KMB_OK : status;
}

enum kmb_status record_next(struct record_reader *reader, struct kmb_error *error) {
    size_t length = 0;
    size_t width = 0;
    bool mark = false;
    uint8_t byte = 0;
    bool spreadsheet = reader->format.spreadsheet;
    enum kmb_status status = spreadsheet ? drop_blank(reader, error) : KMB_OK;
    reader->line = reader->line_next;
    reader->line_last = reader->line;
    reader->raw = slice_make(NULL, 0);
    reader->field_count = 0;
    buffer_clear(&reader->text);
    if (status == KMB_OK) {
        status = look(reader, 0, &byte, error);
    }
    if (status == KMB_OK && !spreadsheet) {
        status = is_end_mark(reader, &mark, error);
    }
    if (status != KMB_OK || mark) {
        return status == KMB_OK ? KMB_DONE : status;
    }
    status = reader->format.csv ? csv_end(reader, &length, &width, error) : text_end(reader, &length, &width, error);
    if (status != KMB_OK) {
        return status;
    }
    reader->raw = slice_make(reader->input.bytes + reader->at, length);
    reader->line_last = reader->line_next;
    reader->line_next += width > 0;
    take(reader, length + width);
    status = split(reader, error);
    return status == KMB_OK ? KMB_ROW : status;
}

/* --- writing --- */

static void append_text(struct buffer *out, const struct record_format *format, const char *text, size_t length) {
    static const char names[] = "\b\f\n\r\t\v";
    static const char letters[] = "bfnrtv";
    size_t plain = 0;
    for (size_t i = 0; i < length; i++) {
        bool delimiter = (uint8_t)text[i] == format->delimiter;
        if ((uint8_t)text[i] >= ' ' && text[i] != '\\' && !delimiter) {
            continue;
        }
        const char *name = text[i] == 0 ? NULL : strchr(names, text[i]);
        if (name == NULL && text[i] != '\\' && !delimiter) {
            continue;
        }
        buffer_append(out, text + plain, i - plain);
        buffer_append_byte(out, '\\');
        buffer_append_byte(out, (uint8_t)(name != NULL ? letters[name - names] : text[i]));
        plain = i + 1;
    }
    buffer_append(out, text + plain, length - plain);
}

void record_append(struct buffer *out, const struct record_format *format, const char *text, size_t length, bool forced,
                   bool alone) {
    if (text == NULL) {
        buffer_append_slice(out, format->null_text);
        return;
    }
    if (!format->csv) {
        append_text(out, format, text, length);
        return;
    }
    bool quote = forced || slice_equal(slice_make(text, length), format->null_text) ||
                 (alone && slice_equal_text(slice_make(text, length), "\\."));
    for (size_t i = 0; i < length && !quote; i++) {
        quote = (uint8_t)text[i] == format->delimiter || (uint8_t)text[i] == format->quote || text[i] == '\n' ||
                text[i] == '\r';
    }
    if (!quote) {
        buffer_append(out, text, length);
        return;
    }
    size_t plain = 0;
    buffer_append_byte(out, format->quote);
    for (size_t i = 0; i < length; i++) {
        if ((uint8_t)text[i] == format->quote || (uint8_t)text[i] == format->escape) {
            buffer_append(out, text + plain, i - plain);
            buffer_append_byte(out, format->escape);
            plain = i;
        }
    }
    buffer_append(out, text + plain, length - plain);
    buffer_append_byte(out, format->quote);
}
