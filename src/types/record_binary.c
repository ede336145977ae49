/*
 * The binary format of COPY.
 *
 * Lengths come from outside and are believed only as far as bytes come with them: a field is gathered in steps of what
 * the source gives, so that one that claims a gigabyte and ends takes no memory. Errors are those of PostgreSQL 15.
 */
#include "types/record_binary.h"

#include "base/assert.h"
#include "base/codec.h"
#include "types/record.h"

#define READ_BYTES ((size_t)64 << 10)

static const uint8_t signature[] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};

#define FLAG_OIDS          (UINT32_C(1) << 16)
#define FLAGS_CRITICAL     UINT32_C(0xffff0000)
#define FIELD_COUNT_END    0xffff
#define FIELD_LENGTH_NULL  UINT32_MAX
#define FIELD_LENGTH_BOUND ((uint32_t)INT32_MAX)

static enum kmb_status bad(struct kmb_error *error, const char *message) {
    return error_set(error, KMB_BAD_COPY_FORMAT, "%s", message);
}

void binary_reader_free(struct binary_reader *reader) {
    buffer_free(&reader->input);
}

/* Reads until so many bytes stand ready. KMB_DONE: the source ended before. */
static enum kmb_status gather(struct binary_reader *reader, size_t count, struct kmb_error *error) {
    while (reader->input.length - reader->at < count) {
        if (reader->ended) {
            return KMB_DONE;
        }
        size_t left = reader->input.length - reader->at;
        if (left != 0 && reader->at != 0) {
            memmove(reader->input.bytes, reader->input.bytes + reader->at, left);
        }
        reader->input.length = left;
        reader->at = 0;
        uint8_t *room = buffer_extend(&reader->input, READ_BYTES);
        if (room == NULL) {
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        size_t given = 0;
        enum kmb_status status = reader->read(reader->context, room, READ_BYTES, &given, error);
        reader->input.length = left + (status == KMB_OK ? given : 0);
        if (status != KMB_OK) {
            return status;
        }
        reader->ended = given == 0;
    }
    return KMB_OK;
}

/* The next so many bytes; KMB_DONE: they are not there. */
static enum kmb_status take(struct binary_reader *reader, size_t count, struct slice *out, struct kmb_error *error) {
    enum kmb_status status = gather(reader, count, error);
    if (status == KMB_OK) {
        *out = slice_make(reader->input.bytes == NULL ? NULL : reader->input.bytes + reader->at, count);
        reader->at += count;
    }
    return status;
}

/* The same, where their absence is an error of its own. */
static enum kmb_status take_or(struct binary_reader *reader, size_t count, struct slice *out, const char *fault,
                               struct kmb_error *error) {
    enum kmb_status status = take(reader, count, out, error);
    return status == KMB_DONE ? bad(error, fault) : status;
}

enum kmb_status binary_header(struct binary_reader *reader, struct kmb_error *error) {
    struct slice bytes;
    enum kmb_status status = take_or(reader, sizeof(signature), &bytes, "COPY file signature not recognized", error);
    if (status == KMB_OK && memcmp(bytes.bytes, signature, sizeof(signature)) != 0) {
        status = bad(error, "COPY file signature not recognized");
    }
    if (status == KMB_OK) {
        status = take_or(reader, 4, &bytes, "invalid COPY file header (missing flags)", error);
    }
    if (status != KMB_OK) {
        return status;
    }
    uint32_t flags = codec_get_u32_big(bytes.bytes);
    if ((flags & FLAG_OIDS) != 0) {
        return bad(error, "invalid COPY file header (WITH OIDS)");
    }
    if ((flags & FLAGS_CRITICAL) != 0) {
        return bad(error, "unrecognized critical flags in COPY file header");
    }
    status = take_or(reader, 4, &bytes, "invalid COPY file header (missing length)", error);
    if (status != KMB_OK) {
        return status;
    }
    uint32_t length = codec_get_u32_big(bytes.bytes);
    if (length > FIELD_LENGTH_BOUND) {
        return bad(error, "invalid COPY file header (missing length)");
    }
    for (size_t step = 0; length > 0 && status == KMB_OK; length -= (uint32_t)step) { /* an extension nobody knows */
        step = length < READ_BYTES ? length : READ_BYTES;
        status = take_or(reader, step, &bytes, "invalid COPY file header (wrong length)", error);
    }
    return status;
}

enum kmb_status binary_row(struct binary_reader *reader, uint32_t field_count, struct kmb_error *error) {
    struct slice bytes;
    enum kmb_status status = take(reader, 2, &bytes, error);
    if (status != KMB_OK) {
        return status;
    }
    uint16_t count = (uint16_t)(bytes.bytes[0] << 8 | bytes.bytes[1]);
    if (count == FIELD_COUNT_END) {
        status = take(reader, 1, &bytes, error);
        return status == KMB_OK ? bad(error, "received copy data after EOF marker") : status;
    }
    if (count != field_count) {
        return error_set(error, KMB_BAD_COPY_FORMAT, "row field count is %d, expected %u", (int16_t)count, field_count);
    }
    return KMB_ROW;
}

enum kmb_status binary_field(struct binary_reader *reader, struct slice *field, bool *is_null,
                             struct kmb_error *error) {
    static const char short_of[] = "unexpected EOF in COPY data";
    struct slice bytes;
    enum kmb_status status = take_or(reader, 4, &bytes, short_of, error);
    if (status != KMB_OK) {
        return status;
    }
    uint32_t length = codec_get_u32_big(bytes.bytes);
    *is_null = length == FIELD_LENGTH_NULL;
    if (*is_null) {
        *field = slice_make(NULL, 0);
        return KMB_OK;
    }
    if (length > FIELD_LENGTH_BOUND) {
        return bad(error, "invalid field size");
    }
    if (length > RECORD_BYTES_MAX) {
        return error_set(error, KMB_LIMIT, "the field is longer than %zu bytes", RECORD_BYTES_MAX);
    }
    return take_or(reader, length, field, short_of, error);
}

/* --- writing --- */

static void put_u32(struct buffer *out, uint32_t value) {
    uint8_t *place = buffer_extend(out, 4);
    if (place != NULL) {
        codec_put_u32_big(place, value);
    }
}

void binary_put_header(struct buffer *out) {
    buffer_append(out, signature, sizeof(signature));
    put_u32(out, 0); /* flags */
    put_u32(out, 0); /* bytes of an extension */
}

void binary_put_row(struct buffer *out, uint32_t field_count) {
    uint8_t *place = buffer_extend(out, 2);
    if (place != NULL) {
        place[0] = (uint8_t)(field_count >> 8);
        place[1] = (uint8_t)field_count;
    }
}

void binary_put_end(struct buffer *out) {
    binary_put_row(out, FIELD_COUNT_END);
}

size_t binary_begin_field(struct buffer *out) {
    put_u32(out, 0);
    return out->length;
}

void binary_end_field(struct buffer *out, size_t start) {
    size_t length = out->length - start;
    if (out->failed || length > FIELD_LENGTH_BOUND) {
        out->failed = true;
        return;
    }
    codec_put_u32_big(out->bytes + start - 4, (uint32_t)length);
}

void binary_put_null(struct buffer *out) {
    put_u32(out, FIELD_LENGTH_NULL);
}
