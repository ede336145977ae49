/* A hand-written scanner: one pass, no look-ahead beyond one byte, fields copied once into the record's text. */
#include "cli/csv.h"

#define READ_BYTES ((size_t)256 << 10)

void csv_init(struct csv *csv,
              enum kmb_status (*read)(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error),
              void *context) {
    memset(csv, 0, sizeof(*csv));
    csv->read = read;
    csv->context = context;
    csv->line_next = 1;
}

void csv_free(struct csv *csv) {
    buffer_free(&csv->input);
    buffer_free(&csv->text);
}

/* Makes another byte available. KMB_DONE at the end. */
static enum kmb_status fill(struct csv *csv, struct kmb_error *error) {
    if (csv->ended) {
        return KMB_DONE;
    }
    size_t left = csv->input.length - csv->at;
    if (left != 0 && csv->at != 0) {
        memmove(csv->input.bytes, csv->input.bytes + csv->at, left);
    }
    csv->input.length = left;
    csv->at = 0;
    uint8_t *room = buffer_extend(&csv->input, READ_BYTES);
    size_t count = 0;
    if (room == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    enum kmb_status status = csv->read(csv->context, room, READ_BYTES, &count, error);
    csv->input.length = left + (status == KMB_OK ? count : 0);
    if (status == KMB_OK && count == 0) {
        csv->ended = true;
        return KMB_DONE;
    }
    return status;
}

/* The next byte without taking it. KMB_OK, KMB_DONE, or a failure. */
static inline enum kmb_status peek(struct csv *csv, uint8_t *byte, struct kmb_error *error) {
    if (csv->at == csv->input.length) {
        enum kmb_status status = fill(csv, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    *byte = csv->input.bytes[csv->at];
    return KMB_OK;
}

static inline void take(struct csv *csv) {
    csv->at++;
    csv->bytes_read++;
}

static enum kmb_status fail(struct csv *csv, struct kmb_error *error, const char *what) {
    return error_set(error, KMB_BAD_COPY_FORMAT, "field %u: %s", csv->field_count + 1, what);
}

/* The rest of a quoted field, behind its opening quote. */
static enum kmb_status quoted_field(struct csv *csv, struct kmb_error *error) {
    uint8_t byte = 0;
    enum kmb_status status;
    while ((status = peek(csv, &byte, error)) == KMB_OK) {
        take(csv);
        if (byte == '"') {
            status = peek(csv, &byte, error);
            if (status != KMB_OK || byte != '"') {
                return status == KMB_DONE ? KMB_OK : status;
            }
            take(csv);
        } else if (byte == '\n') {
            csv->line_next++;
        }
        buffer_append_byte(&csv->text, byte);
        if (csv->text.length > CSV_RECORD_BYTES_MAX) {
            return error_set(error, KMB_LIMIT, "the record is longer than %zu bytes; is a quote missing?",
                             CSV_RECORD_BYTES_MAX);
        }
    }
    return status == KMB_DONE ? fail(csv, error, "the quoted field does not end") : status;
}

static enum kmb_status bare_field(struct csv *csv, struct kmb_error *error) {
    for (;;) {
        if (csv->at == csv->input.length) {
            enum kmb_status status = fill(csv, error);
            if (status != KMB_OK) {
                return status == KMB_DONE ? KMB_OK : status;
            }
        }
        const uint8_t *bytes = csv->input.bytes + csv->at;
        size_t left = csv->input.length - csv->at;
        size_t count = 0;
        while (count < left && bytes[count] != ',' && bytes[count] != '\n' && bytes[count] != '\r') {
            count++;
        }
        buffer_append(&csv->text, bytes, count);
        csv->at += count;
        csv->bytes_read += count;
        if (csv->text.length > CSV_RECORD_BYTES_MAX) {
            return error_set(error, KMB_LIMIT, "the record is longer than %zu bytes", CSV_RECORD_BYTES_MAX);
        }
        if (count == left) {
            continue;
        }
        if (bytes[count] == '\r') { /* ends the line only before a newline or the end */
            uint8_t byte = 0;
            take(csv);
            enum kmb_status status = peek(csv, &byte, error);
            if (status == KMB_OK && byte != '\n') {
                return fail(csv, error, "a carriage return stands in a field without quotes; lines end with newlines");
            }
            return status == KMB_DONE ? KMB_OK : status;
        }
        return KMB_OK;
    }
}

/* One field and what ends it. *last: the record ends here. */
static enum kmb_status field(struct csv *csv, bool *last, struct kmb_error *error) {
    uint8_t byte = 0;
    struct csv_field *out = &csv->fields[csv->field_count];
    *out = (struct csv_field){.offset = csv->text.length};
    enum kmb_status status = peek(csv, &byte, error);
    if (status == KMB_OK && byte == '"') {
        take(csv);
        out->quoted = true;
        status = quoted_field(csv, error);
    } else if (status == KMB_OK) {
        status = bare_field(csv, error);
    } else if (status == KMB_DONE) {
        status = KMB_OK;
    }
    if (status != KMB_OK) {
        return status;
    }
    out->length = csv->text.length - out->offset;
    status = peek(csv, &byte, error);
    if (status == KMB_OK && byte == '\r' && out->quoted) {
        take(csv);
        status = peek(csv, &byte, error);
    }
    if (status == KMB_DONE) {
        *last = true;
    } else if (status == KMB_OK && byte == ',') {
        take(csv);
        *last = false;
    } else if (status == KMB_OK && byte == '\n') {
        take(csv);
        csv->line_next++;
        *last = true;
    } else if (status == KMB_OK) {
        return fail(csv, error, "text stands after the closing quote");
    } else {
        return status;
    }
    csv->field_count++;
    return KMB_OK;
}

static enum kmb_status drop_mark(struct csv *csv, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    static const uint8_t mark[3] = {0xef, 0xbb, 0xbf};
    while (status == KMB_OK && csv->input.length - csv->at < sizeof(mark)) { /* a pipe may give single bytes */
        status = fill(csv, error);
    }
    status = status == KMB_DONE ? KMB_OK : status;
    if (status == KMB_OK && csv->input.length - csv->at >= 3 && memcmp(csv->input.bytes + csv->at, mark, 3) == 0) {
        csv->at += 3;
        csv->bytes_read += 3;
    }
    return status;
}

enum kmb_status csv_next(struct csv *csv, struct kmb_error *error) {
    enum kmb_status status = csv->bytes_read == 0 ? drop_mark(csv, error) : KMB_OK;
    uint8_t byte = 0;
    while (status == KMB_OK && (status = peek(csv, &byte, error)) == KMB_OK && (byte == '\n' || byte == '\r')) {
        if (csv->blank_is_record) {
            break;
        }
        csv->line_next += byte == '\n';
        take(csv);
    }
    if (status != KMB_OK) {
        return status;
    }
    bool last = false;
    csv->line = csv->line_next;
    csv->field_count = 0;
    buffer_clear(&csv->text);
    while (status == KMB_OK && !last) {
        if (csv->field_count == CSV_FIELDS_MAX) {
            return error_set(error, KMB_TOO_MANY_COLUMNS, "more than %d fields", CSV_FIELDS_MAX);
        }
        status = field(csv, &last, error);
    }
    if (status == KMB_OK && !buffer_ok(&csv->text)) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return status == KMB_OK ? KMB_ROW : status;
}
