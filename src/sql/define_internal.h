/*
 * What the files that make definitions share: define.c (tables, what is none of the others), define_alter.c,
 * define_foreign.c, define_index.c, define_setting.c and define_rows.c (definitions that look at the rows of a table,
 * or write them anew).
 */
#ifndef KMB_SQL_DEFINE_INTERNAL_H
#define KMB_SQL_DEFINE_INTERNAL_H

#include "kernel/transaction.h"
#include "sql/define.h"

struct define {
    struct sql_context *context;
    struct kernel_transaction *transaction;
    struct table_id table_id;
    struct sql_cascades cascades; /* of one action, to be told behind it */
};

/* Raises what is not KMB_OK. */
void define_try(struct define *define, enum kmb_status status);
const struct catalogue *define_catalogue(const struct define *define);
/* The table as the transaction has it now; raises when it is gone. */
const struct table_definition *define_table(const struct define *define);
const char *define_text(const struct define *define, struct slice slice);                          /* arena memory */
const struct column_definition *define_find_column(const struct define *define, const char *name); /* NULL: none */
const struct column_definition *define_column(const struct define *define, const char *name);      /* raises 42703 */
bool define_is_key(const struct define *define, struct column_id column);
bool define_constraint_named(const struct table_definition *table, const char *name);
/* Runs a statement of our own in the open transaction; rows that it writes again are asked for no CHECK. */
void define_execute(struct define *define, const char *text);
/* Foreign keys that need this key of the table go with it, or are in its way. */
void define_drop_references(struct define *define, const struct key_part *parts, uint32_t part_count, const char *what,
                            const char *index, bool cascade);
_Noreturn void define_raise_types(struct define *define, uint32_t position, const char *name,
                                  const struct column_definition *column, const struct column_definition *other);
/* Parts by name; kind: "unique", "primary key". */
struct key_part *define_key_parts(struct define *define, const struct plan_alter *action, const char *kind);

struct parse_move;
struct plan_owned;
/* Makes the sequence of a column that is about to be made, or is there. Answers nextval() of it. */
struct slice define_owned(struct define *define, const struct plan_owned *owned, struct slice schema,
                          struct slice table_name, struct slice column_name, struct table_id table,
                          struct column_id column);

/* --- define_alter.c --- */
/* New types stand one behind the other, and are one change. */
void define_alters(struct define *define, const struct plan_alter *actions, uint32_t count);
/* With what needs it, when that is asked for. */
void define_drop_column(struct define *define, const char *name, bool cascade);
/* Texts that name a table or a schema are spelled anew. */
void define_respell(struct define *define, const struct parse_move *move);

/* --- define_foreign.c --- */
void define_foreign(struct define *define, const struct plan_foreign *foreign);
/* Foreign keys with a column go with it: those of its own table, and, when asked, those that refer to it. */
void define_drop_foreign(struct define *define, const char *name, struct column_id column, bool cascade);

/* --- define_index.c --- */
void define_create_index(struct define *define, const struct plan_index *plan);
/* Adds a hidden column; its values come with define_hidden_fill(), which writes every row again as it is. */
struct column_id define_hidden_add(struct define *define, struct type type, const char *text);
void define_hidden_fill(struct define *define);
/* With the hidden columns that are its own. */
void define_drop_index(struct define *define, struct table_id table, struct index_id index);

/* --- define_setting.c --- */
/* SET is undone by ROLLBACK; SET LOCAL ends with the transaction, and alone it does nothing. */
void define_set(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl);
/* What SET LOCAL does where the transaction is the statement alone: undone when that ends. */
void define_set_statement(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl);
void define_lock(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl);
void define_listen(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl);
void define_discard(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl);

/* Says something to whoever listens (func/session.c). Raises what is no channel or too long. */
void sql_notify(struct sql_context *context, struct slice channel, struct slice payload);

/* --- define_type.c --- */
void define_alter_type(struct define *define, const struct plan_alter *action);
void define_retext(struct define *define, const struct plan_respell *respell);

/* --- define_role.c --- */
void define_roles(struct define *define, const struct plan_ddl *ddl);

/* --- define_rows.c --- */
/* Whether a query of our own has a row, in the open transaction. */
bool define_any(struct define *define, const char *text);
void define_add_check(struct define *define, const struct plan_alter *action);
void define_add_primary_key(struct define *define, const struct plan_alter *action);
void define_drop_primary_key(struct define *define);
void define_use_index(struct define *define, const struct plan_alter *action);
void define_validate(struct define *define, const struct plan_alter *action);
void define_rename_constraint(struct define *define, const struct plan_alter *action);
void define_rename_index(struct define *define, const struct plan_alter *action);
/* All columns of a statement that change their types: what USING says is of the rows as they were before. */
void define_change_types(struct define *define, const struct plan_alter *actions, uint32_t count);

#endif
