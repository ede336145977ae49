/*
 * Values on PostgreSQL's wire: columns of results in text and in binary format, parameters in both.
 *
 * The binary encodings are those of types/value_send.h, the texts those of value_print() and value_parse().
 */
#ifndef KMB_WIRE_PG_FORMAT_H
#define KMB_WIRE_PG_FORMAT_H

#include "sql/exec/vector.h"
#include "wire/pg/message.h"

/* The facts of a type in a row description: OID, length and modifier; of a domain those of the type below it, of
 * UNKNOWN those of TEXT. */
void pg_column_set_type(struct pg_column *column, struct type type);

/* A field of a row: its length and its bytes. context: the session's, for text; NULL: UTC. */
void pg_write_field(struct buffer *out, const struct value *value, enum pg_format format,
                    const struct datetime_context *context);
/* The same for a row of a vector. */
void pg_write_vector_field(struct buffer *out, const struct vector *vector, uint32_t row, enum pg_format format,
                           const struct datetime_context *context);

/*
 * Row descriptions have no more columns than formats, or one format or none for all: pg_formats_code(). Writes a
 * DataRow of the batch's columns.
 */
void pg_write_row(struct buffer *out, const struct batch *batch, uint32_t row, const struct pg_formats *formats,
                  const struct datetime_context *context);

/*
 * Reads a parameter, the number of which counts from 1. The value borrows from the bytes or is the arena's. Where the
 * type is one of labels (an enum type, REGCLASS and its kin, arrays of these), the value is text of type UNKNOWN: who
 * has the catalogue reads it (catalogue_value_parse).
 *
 * Errors: those of value_parse() and value_receive(); KMB_INVALID_BINARY (22P03) "incorrect binary data format in bind
 * parameter 1".
 */
enum kmb_status pg_parameter_read(struct type type, enum pg_format format, struct slice bytes, uint32_t number,
                                  const struct datetime_context *context, struct arena *arena, struct value *out,
                                  struct kmb_error *error);

#endif
