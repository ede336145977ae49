/* One write while it is bound: what INSERT (write.c), UPDATE and DELETE (change.c) and SET lists (set_list.c) share. */
#ifndef KMB_SQL_BIND_WRITE_H
#define KMB_SQL_BIND_WRITE_H

#include "sql/bind/bind.h"

struct write {
    struct bind *bind;
    const struct catalogue *catalogue;
    const struct table_definition *table;
    const char *name; /* of the table, for messages */
    const char *alias;
    uint32_t column_count;
    struct scope row;         /* the table's row */
    struct scope scope;       /* what names mean: the row, or the columns of a view over it */
    const struct expr *where; /* of the view written through, or NULL */
    bool view;
    struct plan_node *node;
};

/* Finds the target, perhaps through a view; makes the node. */
void write_open(struct write *write, struct bind *bind, const PgQuery__RangeVar *name, enum plan_kind kind);
const struct column_definition *write_column(const struct write *write, uint32_t ordinal);
/* The ordinal of the table's column that a SET or column list names. */
uint32_t write_find_column(const struct write *write, const PgQuery__ResTarget *target);
/* The value brought to the column's type. */
const struct expr *write_assign(const struct write *write, uint32_t ordinal, const struct expr *value);
void write_checks(struct write *write);
/* RETURNING over a row that begins with the table's. */
void write_returning(struct write *write, PgQuery__Node *const *returning, size_t count, const struct scope *scope);

/* set_list.c: an expression a table column over the scope's row, NULL where the column stays. */
const struct expr **write_set_list(struct write *write, PgQuery__Node *const *list, size_t count,
                                   const struct scope *scope);

#endif
