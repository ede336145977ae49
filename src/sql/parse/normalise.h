/*
 * The text of a statement without its literals, each replaced by $n: what may be shown of a statement to those who must
 * not see what it is about, and what tells that two statements are one.
 */
#ifndef KMB_SQL_NORMALISE_H
#define KMB_SQL_NORMALISE_H

#include "base/buffer.h"
#include "base/slice.h"

/* Appends it. False, and nothing is appended: the text can not be read as SQL, is a long one out of the ordinary, or
 * there is no memory. */
bool sql_normalise(struct slice text, struct buffer *out);

#endif
