/*
 * Records of fields as text: the text and CSV formats of COPY, by PostgreSQL's rules, and the CSV of spreadsheets.
 *
 * A record is a line; in CSV quotes may hide line ends. Spreadsheets' CSV (RFC 4180) differs from PostgreSQL's: a quote
 * that stands inside a field without quotes is an ordinary character, lines may end in either way, wholly empty ones
 * are passed over, and a byte order mark at the start is dropped.
 */
#ifndef KMB_TYPES_RECORD_H
#define KMB_TYPES_RECORD_H

#include "base/buffer.h"
#include "base/error.h"

#define RECORD_FIELDS_MAX 1600
#define RECORD_BYTES_MAX  ((size_t)64 << 20)

struct record_format {
    bool csv; /* else text: backslashes */
    bool spreadsheet;
    uint8_t delimiter;
    uint8_t quote;            /* CSV */
    uint8_t escape;           /* CSV: before a quote inside quotes */
    struct slice null_text;   /* a field that is this, without quotes, is NULL */
    const bool *force_null;   /* by field: also with quotes */
    const bool *forced_value; /* by field: never */
    uint32_t forced_count;    /* of both */
};

/* "\N" in text, an empty field in CSV. */
struct record_format record_format_text(void);
struct record_format record_format_csv(void);
struct record_format record_format_spreadsheet(void);

/* --- reading --- */

struct record_field {
    size_t offset; /* into text */
    size_t length;
    bool quoted;
    bool null;
};

enum record_line_end { RECORD_LINE_UNKNOWN, RECORD_LINE_NEWLINE, RECORD_LINE_RETURN, RECORD_LINE_BOTH };

struct record_reader {
    /* Gives up to size bytes; *count 0 at the end. */
    enum kmb_status (*read)(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error);
    void *context;
    struct record_format format;
    struct buffer input;
    size_t at;
    bool ended;
    enum record_line_end line_end;
    bool blank_is_record; /* of spreadsheets' CSV, for a file of one column: there an empty line is a NULL */
    uint64_t line_next;   /* of what is read next, from 1 */
    uint64_t bytes_read;  /* of the source, up to the end of the record */
    /* the record */
    uint64_t line;      /* it began on */
    uint64_t line_last; /* it ended on, as PostgreSQL counts */
    struct slice raw;   /* as it stands in the source, without the line end; valid until the next call */
    struct buffer text; /* of the fields, one behind the other */
    struct record_field fields[RECORD_FIELDS_MAX];
    uint32_t field_count;
};

void record_reader_init(struct record_reader *reader, const struct record_format *format,
                        enum kmb_status (*read)(void *context, void *bytes, size_t size, size_t *count,
                                                struct kmb_error *error),
                        void *context);
void record_reader_free(struct record_reader *reader);

/* KMB_ROW: a record (valid until the next call); KMB_DONE: the source ended, or a line "\." did; KMB_BAD_COPY_FORMAT,
 * KMB_INVALID_ENCODING, KMB_LIMIT and KMB_TOO_MANY_COLUMNS, all of the record at `line`. */
enum kmb_status record_next(struct record_reader *reader, struct kmb_error *error);

static inline struct slice record_field_text(const struct record_reader *reader, uint32_t field) {
    return slice_make(reader->text.bytes + reader->fields[field].offset, reader->fields[field].length);
}

/* --- writing --- */

/* Appends one field; text NULL: NULL. alone: it is the only one of its record. Delimiters and line ends are the
 * caller's. */
void record_append(struct buffer *out, const struct record_format *format, const char *text, size_t length, bool forced,
                   bool alone);

#endif
