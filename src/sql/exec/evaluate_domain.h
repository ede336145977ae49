/* Values that become a domain's: its constraints, over batches. */
#ifndef KMB_SQL_EVALUATE_DOMAIN_H
#define KMB_SQL_EVALUATE_DOMAIN_H

#include "sql/exec/evaluate.h"

struct evaluate_domain;
struct evaluate_domain *evaluate_domain_make(const struct evaluator_scope *scope, const struct expr_domain *rules);
/* Raises 23502 or 23514 for the first of the rows whose value the domain refuses. */
void evaluate_domain_run(struct evaluate_domain *domain, const struct vector *values, const uint16_t *selection,
                         uint32_t count);

#endif
