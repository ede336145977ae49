/*
 * The text of a statement without its constants, each replaced by $n, and without comments: what may be shown of a
 * statement to those who must not see what it is about, and what tells that two statements are one.
 */
#ifndef KMB_SQL_NORMALISE_H
#define KMB_SQL_NORMALISE_H

#include "base/buffer.h"
#include "base/slice.h"

#define SQL_NORMALISE_BYTES_MAX 65536u /* a longer text costs more to take apart than is gained by seeing it */

/* Appends it. read: the grammar has read the text, for it ran; else it is asked, and what it does not read has no such
 * text. False, and nothing is appended: the text can not be read as SQL, is too long, or there is no memory. */
bool sql_normalise(struct slice text, bool read, struct buffer *out);

#endif
