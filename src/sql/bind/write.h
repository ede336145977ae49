/* One write while it is bound: what INSERT (write.c), UPDATE and DELETE (change.c), MERGE (merge.c), SET lists share.
 */
#ifndef KMB_SQL_BIND_WRITE_H
#define KMB_SQL_BIND_WRITE_H

#include "sql/bind/bind.h"

struct write {
    struct bind *bind;
    const struct catalogue *catalogue;
    const struct table_definition *table;
    struct slice schema_name; /* of the table, or the view, that is named */
    const char *name;         /* of the table, for messages */
    const char *alias;
    uint32_t column_count;
    struct scope row;         /* the table's row */
    struct scope scope;       /* what names mean: the row, or the columns of a view over it */
    const struct expr *where; /* of the view written through, or NULL */
    const struct bind_view_check *view_checks;
    uint32_t view_check_count;
    bool view;
    PgQuery__OverridingKind override; /* INSERT */
    struct plan_node *node;
};

/* Finds the target, perhaps through a view; makes the node. */
void write_open(struct write *write, struct bind *bind, const PgQuery__RangeVar *name, enum plan_kind kind);
const struct column_definition *write_column(const struct write *write, uint32_t ordinal);
/* A column that a SET or column list names, or a part of it. */
struct write_target {
    uint32_t ordinal;               /* of the table's column */
    const char *name;               /* as it was written; NULL: it was not */
    const PgQuery__ResTarget *part; /* with subscripts; NULL: the whole column */
};
struct write_target write_find_column(const struct write *write, const PgQuery__ResTarget *target);
/* 0A000: DEFAULT for a part. */
void write_check_default(const struct write *write, const struct write_target *target, const PgQuery__Node *value);
/* The type of what is assigned to. */
struct type write_target_type(const struct write *write, const struct write_target *target);
/* 428C9: a value for a column that is always generated. */
_Noreturn void write_raise_not_default(struct write *write, uint32_t ordinal, bool insert);
/* The value brought to the column's type. */
const struct expr *write_assign(const struct write *write, uint32_t ordinal, const struct expr *value);
/* The scan of the target with the key behind its columns; of a view's rows those that it shows. */
struct plan_node *write_scan(struct write *write);
/* The table's CHECKs over the new row. */
void write_checks(struct write *write);
/* RETURNING over a row that begins with the table's. */
void write_returning(struct write *write, PgQuery__Node *const *returning, size_t count, const struct scope *scope);

/* INSERT's columns: those that the list names, in its order; all of them where it is empty. */
uint32_t write_named_columns(struct write *write, PgQuery__Node *const *list, size_t list_count,
                             struct write_target **targets);
/* Raises where there are more or fewer values than columns. */
void write_check_count(struct write *write, PgQuery__Node *const *list, size_t list_count, uint32_t given,
                       uint32_t wanted, uint32_t position_of_extra);
/* The whole row: `given` values (NULL: DEFAULT) for the targets, defaults for the others. defaults is a cache. */
void write_new_row(struct write *write, const struct write_target *targets, const struct expr *const *values,
                   uint32_t given, const struct expr **defaults, const struct expr **row);

/* set_list.c: an expression a table column over the scope's row, NULL where the column stays. old: the target's row in
 * that, before the change. */
const struct expr **write_set_list(struct write *write, PgQuery__Node *const *list, size_t count,
                                   const struct scope *scope, const struct scope *old);

#endif
