/* Columns out of the entries of an index, for scans that need no row (plan/index_only.c). */
#ifndef KMB_SQL_DECODE_ENTRY_H
#define KMB_SQL_DECODE_ENTRY_H

#include "kernel/view.h"
#include "sql/exec/vector.h"
#include "sql/plan/plan.h"

/* For the node's index and columns. */
struct entry_decoder *entry_decoder_make(struct sql_context *context, const struct plan_node *scan,
                                         const struct table_definition *table);
/* All columns of the first `count` rows, whose keys are entries. Text lives in the arena or in the entries. */
void entry_decode(struct entry_decoder *decoder, const struct kernel_row *rows, uint32_t count, struct vector *columns,
                  struct arena *arena);

#endif
