/*
 * The binary format of COPY: a signature, flags and a header; rows of fields, each with its length, as PostgreSQL's
 * send functions write them (value_send.h); an end mark.
 */
#ifndef KMB_TYPES_RECORD_BINARY_H
#define KMB_TYPES_RECORD_BINARY_H

#include "base/buffer.h"
#include "base/error.h"

/* --- reading --- */

struct binary_reader {
    /* Gives up to size bytes; *count 0 at the end. */
    enum kmb_status (*read)(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error);
    void *context;
    struct buffer input;
    size_t at;
    bool ended;
};

void binary_reader_free(struct binary_reader *reader);

/* What stands before the first row. KMB_BAD_COPY_FORMAT: "COPY file signature not recognized" and others. */
enum kmb_status binary_header(struct binary_reader *reader, struct kmb_error *error);
/*
 * KMB_ROW: a row begins, of as many fields as are wanted; KMB_DONE: the end mark, and the source's end behind it, or
 * that without the mark. KMB_BAD_COPY_FORMAT: "row field count is 2, expected 3", "received copy data after EOF
 * marker".
 */
enum kmb_status binary_row(struct binary_reader *reader, uint32_t field_count, struct kmb_error *error);
/* The row's next field, which is valid until the next call. KMB_BAD_COPY_FORMAT: "unexpected EOF in COPY data",
 * "invalid field size"; KMB_LIMIT: it is beyond RECORD_BYTES_MAX. */
enum kmb_status binary_field(struct binary_reader *reader, struct slice *field, bool *is_null, struct kmb_error *error);

/* --- writing --- */

void binary_put_header(struct buffer *out);
void binary_put_row(struct buffer *out, uint32_t field_count); /* the fields are put behind it */
void binary_put_end(struct buffer *out);
/* Begins a field, the bytes of which are appended by the caller; answers what binary_end_field() wants. */
size_t binary_begin_field(struct buffer *out);
void binary_end_field(struct buffer *out, size_t start);
void binary_put_null(struct buffer *out);

#endif
