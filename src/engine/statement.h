/*
 * Statements for hosts within the program (the server): the C API's own (include/kimberlite.h), with types and values
 * as they are instead of texts and numbers.
 */
#ifndef KMB_ENGINE_STATEMENT_H
#define KMB_ENGINE_STATEMENT_H

#include "engine/session.h"
#include "kimberlite.h"

/* The session behind a handle of the C API. */
struct session *api_session(kmb_session *session);
struct shard *api_shard(kmb_db *db);

/*
 * kmb_prepare() of a text that is one statement, with the types of its first parameters, TYPE_UNKNOWN where they are to
 * be inferred. *statement is NULL for an empty text.
 */
enum kmb_status statement_prepare(kmb_session *session, struct slice text, const struct type *types,
                                  uint32_t type_count, kmb_statement **statement, struct kmb_error *error);
const struct sql_statement *statement_sql(const kmb_statement *statement);

uint32_t statement_parameter_count(const kmb_statement *statement);
/* number: from 1. */
struct type statement_parameter_type(const kmb_statement *statement, uint32_t number);
/* false: it was to be bound anew, since the catalogue has changed, and that failed: prepare another. */
bool statement_is_bound(const kmb_statement *statement);
/* The value is copied. As kmb_bind_...() otherwise. */
enum kmb_status statement_bind_value(kmb_statement *statement, uint32_t number, struct value value,
                                     struct kmb_error *error);

uint32_t statement_column_count(const kmb_statement *statement);
const struct plan_column *statement_column(const kmb_statement *statement, uint32_t column);
/* Of the row that stands ready, after KMB_ROW; bytes are borrowed until the next step. */
struct value statement_value(const kmb_statement *statement, uint32_t column);
/* The batch the row stands in, and its number in the vectors: for reading row after row without a call a value. */
const struct batch *statement_batch(const kmb_statement *statement, uint32_t *row);

/* kmb_copy_from() and kmb_copy_to() at once: what the statement's COPY reads and writes. */
enum kmb_status statement_set_copy(kmb_statement *statement, const struct sql_copy *copy, struct kmb_error *error);
void statement_clear_copy(kmb_statement *statement); /* what they point to is gone */

/* --- appenders --- */

struct appender_column {
    const char *name;
    struct type type;
    bool not_null;
};
uint32_t appender_column_count(const kmb_appender *appender);
struct appender_column appender_column(const kmb_appender *appender, uint32_t column);
/* kmb_append_...() of a value; one of no type is read by the column's. */
enum kmb_status appender_append(kmb_appender *appender, const struct value *value, struct kmb_error *error);
void appender_forget(kmb_appender *appender); /* the rows gathered and not written, and the one in the making */

#endif
