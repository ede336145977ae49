/* Row images into column vectors. */
#ifndef KMB_SQL_DECODE_H
#define KMB_SQL_DECODE_H

#include "kernel/view.h"
#include "sql/context.h"
#include "sql/exec/vector.h"

/*
 * Column `ordinal` (of the table's living columns, as `catalogue` has it, or PLAN_SCAN_KEY) of the rows
 * selection[0..count) into the same row numbers of vector. Images of any schema version; bytes borrow from the images.
 * Null flags of the rows are set. Labels that were renamed are called as in `catalogue`; arrays of them need the arena,
 * whose memory lives as long as the batch.
 */
void decode_column(struct sql_context *context, const struct catalogue *catalogue, const struct table_definition *table,
                   const struct kernel_row *rows, uint32_t ordinal, const uint16_t *selection, uint32_t count,
                   struct vector *vector, struct arena *arena);

/* The value of a column with the names that its labels have in the catalogue. */
void decode_labels(struct sql_context *context, const struct catalogue *catalogue, struct value *value,
                   struct arena *arena);

#endif
