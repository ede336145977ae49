/* What code of DO calls errors: division_by_zero. */
#ifndef KMB_SQL_CONDITION_H
#define KMB_SQL_CONDITION_H

#include <stdint.h>

#include "base/slice.h"

#define CONDITION_STATES_MAX 2 /* that have one name */

/* The SQLSTATE of a name, the number'th from 0 that has it; NULL: there is none. */
const char *condition_state(struct slice name, uint32_t number);

#endif
