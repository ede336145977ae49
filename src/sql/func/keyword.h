/* The words of the grammar. */
#ifndef KMB_SQL_FUNC_KEYWORD_H
#define KMB_SQL_FUNC_KEYWORD_H

#include "base/slice.h"

/* In order, lower case; NULL behind the last one. */
const char *sql_keyword_at(size_t index);

/* Whether a word, in lower case, is one of the grammar's that cannot be the name of a column. */
bool sql_keyword_reserved(struct slice word);

#endif
