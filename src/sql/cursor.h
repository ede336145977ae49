/*
 * Cursors: queries of a session that give their rows as they are asked for (DECLARE, FETCH, MOVE, CLOSE).
 *
 * A cursor reads the moment of its DECLARE. Its query goes on only when a row is wanted that it has not given yet; rows
 * that may be wanted again are kept, in the memory of one statement. What a transaction declared ends with it, but for
 * cursors WITH HOLD, whose remaining rows are made and kept when it commits. One thread at a time.
 */
#ifndef KMB_SQL_CURSOR_H
#define KMB_SQL_CURSOR_H

#include "sql/sql.h"

#define SQL_CURSORS_MAX 1000 /* of a session: names are looked up one by one */

struct sql_cursor;
struct sql_cursor_list {
    struct sql_cursor *first; /* newest first */
    uint32_t count;
    uint64_t
        made; /* so far: each cursor has a number of its own, from 1. Portals of a protocol take theirs here, too */
    uint64_t gone; /* what has this number or a later one is gone, by ROLLBACK TO: for whom portals are. 0: nothing */
};

/* --- the session's side --- */

/* A transaction is about to commit: cursors WITH HOLD get the rest of their rows. */
enum kmb_status sql_cursors_hold(struct sql_cursor_list *list, const struct sql_host *host, struct kmb_error *error);
/* The transaction ends: what it declared goes, but for the held. `since`: of them, those made later alone. */
void sql_cursors_end(struct sql_cursor_list *list, uint64_t since);
/* The same for a savepoint's, noted in `gone`. */
void sql_cursors_back(struct sql_cursor_list *list, uint64_t since);
void sql_cursors_free(struct sql_cursor_list *list);

/* What pg_cursors tells of each, newest first. */
struct sql_cursor_facts {
    const char *name;
    const char *text; /* of its DECLARE */
    bool hold;
    bool scroll; /* it can go back */
    int64_t made_us;
};
typedef void sql_cursor_fn(void *object, const struct sql_cursor_facts *cursor);
void sql_cursor_each(const struct sql_cursor_list *list, sql_cursor_fn *each, void *object);

/* --- the room's own; these raise --- */

struct plan_ddl;
struct rowset;

struct sql_cursor *sql_cursor_find(const struct sql_cursor_list *list, struct slice name); /* NULL: none */
_Noreturn void sql_cursor_raise_undefined(struct sql_context *context, const char *name);
/* The rows that FETCH gives: the query's columns. */
uint32_t sql_cursor_column_count(const struct sql_cursor *cursor);
const struct plan_column *sql_cursor_column(const struct sql_cursor *cursor, uint32_t index);

void sql_cursor_declare(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl,
                        const struct type *types, const struct value *parameters, uint32_t parameter_count);
void sql_cursor_close(struct sql_context *context, const struct sql_host *host, const char *name); /* NULL: all */
/* FETCH and MOVE as PostgreSQL does them; answers how many rows. out (NULL: MOVE) gets them. */
uint64_t sql_cursor_fetch(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl,
                          struct rowset *out);
/* WHERE CURRENT OF: the key of the table's row that the cursor stands on; valid until the cursor moves. */
struct slice sql_cursor_key(struct sql_context *context, const struct sql_host *host, const char *name,
                            const struct table_definition *table);

/* --- what a cursor is made of: sql.c --- */

/* The query in the text of a DECLARE. */
enum kmb_status sql_prepare_cursor(const struct sql_host *host, struct slice text, const struct type *types,
                                   uint32_t type_count, struct sql_statement **statement, struct kmb_error *error);
/* Another statement goes on with the run: its time begins anew. */
void sql_run_resume(struct sql_run *run, const struct sql_host *host);

#endif
