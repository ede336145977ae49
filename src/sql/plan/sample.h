/* Rows of tables for the optimiser to try conditions on; estimate.c and known.c ask them. */
#ifndef KMB_SQL_SAMPLE_H
#define KMB_SQL_SAMPLE_H

#include "base/map.h"
#include "sql/exec/rowset.h"
#include "sql/plan/optimise.h"
#include "sql/statistics.h"

#define SAMPLE_SPOTS_ANALYZED 512  /* places that ANALYZE reads rows at */
#define SAMPLE_WHOLE_MAX      2000 /* tables of at most so many rows are read whole */

/* Rows of a table, all living columns. */
struct plan_sample {
    struct plan_sample *next;
    const struct table_definition *table;
    struct kernel_view *view;
    bool failed;
    bool whole; /* the rows are all that the table has */
    struct rowset rows;
    _Atomic double *distinct; /* different values of each column in the table; NULL: nobody keeps them */
    struct statistics_table *kept;
};
/* At the end of planning. */
void samples_release(struct optimiser *optimiser);

/* Takes a sample of the present and keeps it, held; NULL: it could not be taken. context: no guard of its own is set.
 * spots: 0 for as many as a plan takes. */
struct statistics_table *sample_take(struct sql_context *context, struct sql_statistics *statistics,
                                     struct kernel_view *view, const struct table_definition *table, unsigned spots);

/* The table's sample, taken when it is first asked for; NULL: there is none, or it has no row. */
const struct plan_sample *sample_of(struct optimiser *optimiser, const struct plan_node *scan);
/* Sets the bits of the rows for which the condition (over all living columns) holds; how many, or UINT32_MAX: it cannot
 * be known while planning, or fails. */
uint32_t sample_match(struct optimiser *optimiser, const struct plan_sample *sample, const struct expr *condition,
                      uint64_t *bits);
static inline size_t sample_words(const struct plan_sample *sample) {
    return sample->rows.row_count / 64 + 1;
}
/* The ordinal among the living columns of a key part; UINT32_MAX: none. */
uint32_t sample_ordinal(const struct plan_sample *sample, const struct key_part *part);

#endif
