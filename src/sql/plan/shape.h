/* Comparing plans. */
#ifndef KMB_SQL_SHAPE_H
#define KMB_SQL_SHAPE_H

#include "sql/plan/plan.h"

/* Whether two plans differ in constants and parameters alone; NULL is like NULL. */
bool plan_same_shape(const struct plan_node *a, const struct plan_node *b);

#endif
