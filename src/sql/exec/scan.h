/* Keys as scans and index joins build them. */
#ifndef KMB_SQL_SCAN_H
#define KMB_SQL_SCAN_H

#include "sql/exec/operator.h"

/* The columns of an order: of an index, or of the primary key where index is 0. */
uint32_t scan_key_columns(const struct table_definition *table, struct index_id index, const struct key_part **parts);

/* Appends one column of a key. False for NULL, which no comparison finds; nothing is appended then. */
bool scan_key_append(const struct table_definition *table, const struct key_part *part, const struct value *value,
                     struct buffer *key);

/* Encodes one end of a plan's range. False when one of its values is NULL: then no row is in the range. */
bool scan_bound(struct exec *exec, const struct table_definition *table, const struct plan_node *node,
                const struct plan_bound *bound, struct buffer *key);

/* The scan asks the filter of each row from now on, once it is filled. scan: an operator of PLAN_SCAN. */
struct join_filter;
void scan_filter_add(struct exec_operator *scan, struct join_filter *filter);

#endif
