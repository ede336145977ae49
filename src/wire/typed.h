/* SQL values as typed cells (wire/extension.h), and back. Every value goes as it is. */
#ifndef KMB_WIRE_TYPED_H
#define KMB_WIRE_TYPED_H

#include "base/error.h"
#include "types/value.h"
#include "wire/extension.h"

/* Appends the cell. context: how the types are printed that have no member of their own. */
void wire_typed_write(const struct value *value, const struct datetime_context *context, struct buffer *out);
/* A value of its own type; texts, JSON and others are of no type yet (TYPE_UNKNOWN): what wants the value reads them.
 * Borrows from the cell, decimals aside. KMB_DATETIME_OVERFLOW, KMB_INTERVAL_OVERFLOW, KMB_INVALID_BINARY, ... */
enum kmb_status wire_typed_read(const struct wire_typed *typed, struct arena *arena, struct value *value,
                                struct kmb_error *error);

/* PostgreSQL's text of the value, with its length before it. */
void wire_printed_write(const struct value *value, const struct datetime_context *context, struct buffer *out);

#endif
