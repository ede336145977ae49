/*
 * Texts of statements that may hold a password. Who logs statements, shows them to others (pg_stat_activity) or keeps
 * them shows this in their place.
 */
#ifndef KMB_SQL_SECRET_H
#define KMB_SQL_SECRET_H

#include "base/slice.h"

/* Is the word PASSWORD in it, in any case, as a word? A password is written behind that word alone. So this errs on the
 * safe side, and needs no grammar: it holds for statements that do not parse. */
bool sql_text_secret(struct slice text);

/* The text itself, or what is shown in its place. */
struct slice sql_text_shown(struct slice text);

#endif
