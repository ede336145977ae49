/*
 * Rows of the past in the columns that the table has now, as history and differences show them.
 */
#ifndef KMB_SQL_DECODE_PAST_H
#define KMB_SQL_DECODE_PAST_H

#include "sql/exec/operator.h"

struct decode_past;

/* For an operator and a table of the view's catalogue; lives in the statement's arena. */
struct decode_past *decode_past_make(struct exec_operator *self, struct kernel_view *view,
                                     const struct table_definition *table);

/*
 * A whole row of any version. Where a column has taken the place of another, an older row has the value of that one,
 * cast to today's type as an assignment would, or NULL where it does not fit. What ADD COLUMN gave to older rows they
 * have always had; but under a name that another column had before, only if they stood when that was done, which
 * position, the last at which the row stood so, tells.
 * values: room for the stored columns; bytes borrow from the image, the catalogue and the operator's scratch memory.
 */
void decode_past_row(struct decode_past *past, struct slice image, uint64_t position, struct value *values);

/* Whether rows of equal images may differ: one of them may have come too early for what was given. */
bool decode_past_lacks(const struct decode_past *past);

#endif
