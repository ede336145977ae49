/*
 * Reading CSV (RFC 4180, with LF or CRLF): records as they come, with the line each began on.
 *
 * A field is quoted or not: the caller may tell an empty text from an empty field. Quotes inside an unquoted field are
 * ordinary characters, as spreadsheets write them.
 */
#ifndef KMB_CLI_CSV_H
#define KMB_CLI_CSV_H

#include "base/buffer.h"
#include "base/error.h"

#define CSV_FIELDS_MAX       1600
#define CSV_RECORD_BYTES_MAX ((size_t)64 << 20)

struct csv_field {
    size_t offset; /* into text */
    size_t length;
    bool quoted;
};

struct csv {
    /* Gives up to size bytes; *count 0 at the end. */
    enum kmb_status (*read)(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error);
    void *context;
    struct buffer input;
    size_t at;
    bool ended;
    bool blank_is_record; /* set it for a file of one column: there an empty line is a NULL */
    uint64_t line_next;   /* of what is read next, from 1 */
    uint64_t bytes_read;  /* of the source, up to the end of the record */
    /* the record */
    uint64_t line; /* it began on */
    struct buffer text;
    struct csv_field fields[CSV_FIELDS_MAX];
    uint32_t field_count;
};

void csv_init(struct csv *csv,
              enum kmb_status (*read)(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error),
              void *context);
void csv_free(struct csv *csv);

/* KMB_ROW: a record (valid until the next call); KMB_DONE; KMB_BAD_COPY_FORMAT naming the field, or KMB_LIMIT, both of
 * the record at `line`. Lines that are wholly empty are passed over unless blank_is_record. A byte order mark at the
 * start is dropped. */
enum kmb_status csv_next(struct csv *csv, struct kmb_error *error);

static inline struct slice csv_field_text(const struct csv *csv, uint32_t field) {
    return slice_make(csv->text.bytes + csv->fields[field].offset, csv->fields[field].length);
}
/* An unquoted empty field is NULL. */
static inline bool csv_field_is_null(const struct csv *csv, uint32_t field) {
    return csv->fields[field].length == 0 && !csv->fields[field].quoted;
}

#endif
