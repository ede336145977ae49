/*
 * The binder's inside: what its files share. sql.c uses bind_statement() alone.
 *
 * Binding turns PostgreSQL's parse tree into bound expressions and a naive plan, in the context's arena; it raises on
 * everything that PostgreSQL would refuse, in PostgreSQL's words, and refuses by name (0A000) what the grammar takes
 * and this engine does not build. Nothing is ignored: each field of each parse node is used, or checked to be unset.
 */
#ifndef KMB_SQL_BIND_H
#define KMB_SQL_BIND_H

#include "kernel/catalogue.h"
#include "sql/parse/parse.h"
#include "sql/plan/ddl.h"
#include "sql/plan/optimise.h"
#include "sql/plan/plan.h"
#include "sql/path.h"
#include "sql/sql.h"

#define BIND_COLUMNS_MAX    1664 /* of a select list, as PostgreSQL (MaxTupleAttributeNumber) */
#define BIND_PARAMETERS_MAX 65535
#define BIND_POINTS_MAX     64 /* in time, that one statement reads at: each pins a root */

/* A column that a FROM item shows. */
struct scope_column {
    const char *name;
    struct type type;
    const struct expr *expr; /* over the row of the plan so far */
    uint32_t table;          /* index into tables of the scope, or SCOPE_MERGED */
    bool hidden;             /* merged by USING/NATURAL: reached through its table only, left out of * */
    bool pseudo;             /* reached by name only, left out of *, never merged */
    bool shadowed;           /* by a column of that name of its table: not reached at all */
};

/* Whether * shows it. */
static inline bool scope_shows(const struct scope_column *column) {
    return !column->hidden && !column->pseudo;
}
#define SCOPE_MERGED UINT32_MAX

/* A named FROM item. */
struct scope_table {
    const char *alias;
    const char *schema;                   /* of an unaliased table; else NULL */
    const struct table_definition *table; /* NULL: not a stored table */
    const struct catalogue *catalogue;
    uint32_t first; /* ordinal of its first column in the row */
    uint32_t count;
    uint32_t position;
    bool nullable;                           /* an outer join makes rows without it */
    const struct table_definition *relation; /* a stored table or view; else NULL */
    uint32_t renamed;                        /* columns, the first, that the query gives names of its own */
    bool plain;                              /* a function of one column: its name as a value is that column, no row */
};

/* What names mean at a place: the columns of one row. */
struct scope {
    struct scope_column *columns;
    uint32_t column_count;
    struct scope_table *tables;
    uint32_t table_count;
    uint32_t row_width; /* columns of the underlying row */
};

/* A view pinned while the statement is bound. */
struct bind_view {
    struct sql_point point;
    struct kernel_view *view;
    const struct sql_host *host;
    const struct catalogue *catalogue; /* retained by the statement */
};

/* A query inside an expression while it is bound: how its names reach those of the query around it. */
struct bind_scope;
struct bind_level {
    struct bind_level *outer;       /* of the query around it; NULL: that is the statement's own */
    const struct bind_scope *place; /* where the subquery stands */
    const struct expr **values;     /* what EXPR_OUTER 0, 1, ... stand for, over the row of `place` */
    uint32_t value_count;
    uint32_t value_capacity;
    bool hidden; /* a FROM item's left neighbours, while what is bound is not LATERAL: known, but not to be named */
    bool barred; /* the left side of a RIGHT or FULL JOIN: its row is not there for the right side, nothing is taken */
};

/* A FROM item that has been bound, of the query at work or of one around it. */
struct bind_seen {
    const struct bind_seen *before;
    const char *alias;
    const struct table_definition *table; /* NULL: not a stored table */
    const struct scope_column *columns;
    uint32_t column_count;
    uint32_t query; /* equal for the items of one query */
};

/* A WITH query in sight. */
struct bind_cte {
    struct bind_cte *next; /* further out, or before it */
    struct plan_cte *cte;
    struct plan_column *columns;
    uint32_t column_count;
    bool later;      /* of the same WITH RECURSIVE, not bound yet */
    bool anchor;     /* its non-recursive term is being bound */
    bool in_with;    /* or the WITH of both its terms */
    bool working;    /* its recursive term is being bound: a reference is the working table */
    uint32_t worked; /* references in the recursive term */
    bool writing;    /* a write that is being bound */
    uint32_t position;
    bool silent;          /* a write without RETURNING */
    uint32_t halt_column; /* CYCLE: a row of the working table that has this value there goes no further */
    const struct expr *halt_value;
    uint32_t query; /* a place in it that tells the moment it is read at; 0: it has rows of its own */
};

/* FOR UPDATE and its kin while the FROM of their query is bound. */
struct bind_locks {
    const PgQuery__SelectStmt *query;
};

/* Which literals become a label: their positions. */
#define BIND_LABELS_WATCHED 64
struct bind_label_watch {
    enum type_id type;
    struct slice label;
    uint32_t positions[BIND_LABELS_WATCHED];
    uint32_t count;
    bool many; /* more, or in an array */
};

/* Which names in a view's query mean a column that is renamed, or dropped. */
#define BIND_COLUMNS_WATCHED 1024
struct bind_column_watch {
    struct table_id table;
    const char *name;
    uint32_t view_depth;          /* of the query whose names are looked at, not those of views in it */
    const PgQuery__ColumnRef *at; /* being looked up; NULL: none */
    const PgQuery__ColumnRef *references[BIND_COLUMNS_WATCHED];
    uint32_t count;
    bool elsewhere; /* it is meant where no name of it stands: USING, NATURAL; or too often */
    uint16_t ordinal;
    bool renamed; /* it is read under a name that FROM gives it */
    bool beside;  /* FROM gives it a name that is not read, but others are: they are of places, which would move */
};

/* What the rows in an array become, as there is no type of them: an argument of a JSON function has objects. */
enum bind_rows { BIND_ROWS_TEXT, BIND_ROWS_JSON, BIND_ROWS_JSONB };

/* One statement being bound. */
struct bind {
    struct sql_context *context;
    const struct sql_host *host;
    const struct tokens *tokens;
    struct type *parameter_types; /* BIND_PARAMETERS_MAX at most; UNKNOWN: not yet inferred */
    uint32_t parameter_count;
    uint32_t parameter_capacity;
    const struct value *parameters; /* values of a run, for time travel; NULL while preparing */
    uint32_t parameter_value_count;
    struct bind_view *views[BIND_POINTS_MAX];
    uint32_t view_count;
    uint32_t at_block_next;
    struct bind_level *level;      /* of the query being bound; NULL: the statement's own */
    struct bind_level *from_level; /* the level of the FROM being bound: those further in are its LATERAL items' */
    uint32_t query_count;
    uint32_t query;               /* the number of the one at work */
    const struct bind_seen *seen; /* the newest; for what an error says of a name that can not be used where it is */
    uint32_t subquery_count;
    uint32_t depth; /* of levels */
    uint32_t taken; /* values taken from outer levels so far */
    struct bind_cte *ctes;
    uint32_t rounds;          /* recursive terms around what is bound */
    const char *no_recursion; /* where in a recursive term what is bound stands: it must not read the term's query */
    const PgQuery__WithClause *top_with; /* of the statement itself: there writes may stand */
    struct plan_cte **writes;            /* in it */
    uint32_t write_count;
    const struct tokens_clause *view_clause; /* inside a view: the time-travel clause of who reads it */
    uint32_t view_depth;
    struct bind_locks *locks;        /* of the query whose FROM is being bound; NULL: none */
    const PgQuery__IntoClause *into; /* of the statement itself, and dealt with */
    uint32_t stored;                 /* above 0: what is bound is a text that was kept, not the statement's own */
    bool spell_stars;                /* a view is being made: * in the tree is replaced by what it stands for now */
    struct bind_label_watch *label_watch; /* NULL: nobody asks */
    struct bind_column_watch *column_watch;
    bool spell_names;                  /* a text is being made to be kept: names in the tree get their schema */
    const struct plan_notice *notices; /* newest first */
    bool cursor;                       /* the query of a DECLARE is bound, not the DECLARE */
    bool reads_past;
    bool at_parameter;   /* a point to read at is a parameter: bound anew with its value */
    bool advances;       /* a function moves a sequence */
    bool locked_rows;    /* FOR UPDATE or its kin stands somewhere */
    bool waits;          /* a function may wait for another session */
    enum bind_rows rows; /* of the array that is bound now */
    bool time_dependent; /* 'today'::date was read: the statement is bound anew for each run */
};

/* The clause an expression stands in: what it may hold and how errors call it. */
enum bind_place {
    BIND_SELECT,
    BIND_FROM, /* of a LATERAL item */
    BIND_WHERE,
    BIND_ON,
    BIND_GROUP,
    BIND_HAVING,
    BIND_ORDER,
    BIND_LIMIT,
    BIND_OFFSET,
    BIND_VALUES,
    BIND_SET,
    BIND_MERGE_WHEN,
    BIND_COPY_WHERE,
    BIND_EXECUTE,
    BIND_RETURNING,
    BIND_CHECK,
    BIND_DEFAULT,
    BIND_GENERATED,
    BIND_TRANSFORM, /* USING of ALTER COLUMN TYPE */
    BIND_INDEX,
    BIND_PREDICATE, /* of a partial index */
    BIND_AGGREGATE, /* argument of an aggregate */
    BIND_FILTER,
    BIND_FUNCTION, /* argument of a function in FROM */
    BIND_WINDOW_ARGUMENT,
    BIND_WINDOW, /* PARTITION BY and ORDER BY of a window */
    BIND_FRAME_RANGE,
    BIND_FRAME_ROWS,
    BIND_FRAME_GROUPS,
};

/* An aggregate call found while binding; stands in expressions as EXPR_COLUMN of BIND_AGGREGATE_BASE + index. */
#define BIND_AGGREGATE_BASE 0x40000000u
#define BIND_PLACEHOLDERS   0x10000000u /* from one base to the next */

/* GROUPING(a, b); stands in expressions as EXPR_COLUMN of BIND_GROUPING_BASE + index. */
#define BIND_GROUPING_BASE 0x50000000u
struct bind_grouping {
    const struct expr **arguments;
    uint32_t count;
    uint32_t position;
};

struct bind_aggregates {
    struct plan_aggregate *list;
    uint32_t count;
    uint32_t capacity;
    struct bind_grouping *groupings;
    uint32_t grouping_count;
    const char *ranked; /* a hypothetical-set aggregate of a column's value; NULL: none */
};

/* A window as it is defined; calls that define theirs alike share one. */
struct bind_window {
    const char *name; /* of the WINDOW clause; else NULL */
    const struct expr **partition;
    uint32_t partition_count;
    struct plan_sort_key *order;
    uint32_t order_count;
    struct plan_frame frame;
    bool framed; /* a frame was written */
};

/* The window function calls of a SELECT; each stands in expressions as EXPR_COLUMN of BIND_WINDOW_BASE + index. */
#define BIND_WINDOW_BASE 0x60000000u

struct bind_windows {
    struct bind_window *list;
    uint32_t count;
    uint32_t capacity;
    struct plan_aggregate *calls;
    uint32_t *call_windows; /* index into list, a call */
    uint32_t call_count;
    uint32_t call_capacity;
};

/* The set-returning calls of a select list; each stands in expressions as EXPR_COLUMN of BIND_SET_BASE + index. */
#define BIND_SET_BASE 0x70000000u

struct bind_sets {
    struct plan_aggregate *calls;
    uint32_t count;
};

/* Where an expression is bound. */
struct bind_scope {
    struct bind *bind;
    const struct scope *scope; /* NULL: no columns */
    enum bind_place place;
    struct bind_aggregates *aggregates; /* NULL: aggregates are not allowed here */
    struct bind_windows *windows;       /* NULL: window functions are not allowed here */
    struct bind_sets *sets;             /* NULL: set-returning functions are not allowed here */
    const char *no_sets;                /* because of this construct; NULL: because of the place */
    const struct type *wanted;          /* INSERT ... SELECT: types for untyped items of the select list */
    uint32_t wanted_count;
    bool keep_unknown; /* untyped items of the select list stay so: a set operation gives them their type */
};

/* --- expression.c --- */
const struct expr *bind_expression(const struct bind_scope *scope, const PgQuery__Node *node);
/* Bound and coerced to boolean: "argument of WHERE must be type boolean, not type integer". */
const struct expr *bind_condition(const struct bind_scope *scope, const PgQuery__Node *node, const char *clause);
/* 'now', 'today': a date or time that a kept plan must not freeze. */
bool bind_literal_moves(struct slice text);
/* COLLATE: byte order under any of its names, of a string; else raises. */
void bind_check_collation(struct bind *bind, const PgQuery__CollateClause *node, struct type type);
/* PostgreSQL's name of an output column without an alias. */
const char *bind_column_name(struct sql_context *context, const PgQuery__Node *node);
const char *bind_place_name(enum bind_place place);
uint32_t bind_location(int32_t location); /* parse tree -> byte + 1; -1 -> 0 */
uint32_t bind_node_position(const PgQuery__Node *node);
const char *bind_string(const PgQuery__Node *node); /* a String node's text */

/* A new node, its arguments zeroed. */
struct expr *bind_expr_new(struct bind *bind, enum expr_kind kind, struct type type, uint32_t argument_count,
                           uint32_t position);
/* left IS [NOT] DISTINCT FROM right. */
const struct expr *bind_distinct(struct bind *bind, const struct expr *left, const struct expr *right, bool negated,
                                 uint32_t position);

/* --- row.c: rows in comparisons, as comparisons of their fields --- */
bool bind_is_row(const PgQuery__Node *node);
const struct expr *bind_row_comparison(const struct bind_scope *scope, const char *name, const PgQuery__Node *left,
                                       const PgQuery__Node *right, uint32_t position);
const struct expr *bind_row_in(const struct bind_scope *scope, const PgQuery__RowExpr *left, const PgQuery__List *list,
                               bool negated, uint32_t position);
const struct expr *bind_row_distinct(const struct bind_scope *scope, const PgQuery__Node *left,
                                     const PgQuery__Node *right, bool negated, uint32_t position);
const struct expr *bind_row_null_test(const struct bind_scope *scope, const PgQuery__RowExpr *node, bool negated,
                                      uint32_t position);

/* The fields of a row, * spelled out. */
uint32_t bind_row_fields(const struct bind_scope *scope, const PgQuery__RowExpr *node, const struct expr ***fields);

/* Fields against fields, as rows that are written out compare. */
const struct expr *bind_row_pairs(struct bind *bind, const char *name, const struct expr **left,
                                  const struct expr **right, uint32_t count, uint32_t position);

/* --- record.c: rows as values, which are calls over their parts --- */
struct bind_record {
    const struct expr *there; /* NULL or false: there is no row */
    const struct expr **fields;
    const char **names;
    uint32_t count;
    bool plain; /* as scope_table says it: its one field is the value */
};
const struct expr *bind_record(struct bind *bind, const struct bind_record *record, uint32_t position);
bool bind_is_record(const struct expr *expr); /* NULL is none */
/* What a list of rows is ordered by (plan_record.sequence); NULL: it is none. */
const struct expr *bind_sequence_key(const struct expr *expr);
struct bind_record bind_record_parts(struct bind *bind, const struct expr *expr);
const struct expr *bind_row_value(const struct bind_scope *scope, const PgQuery__RowExpr *node);
/* 42703 where it has none of that name. */
const struct expr *bind_record_field(struct bind *bind, const struct expr *row, const char *name);
/* The text of the row, which is no row any more. */
const struct expr *bind_record_as_text(struct bind *bind, const struct expr *row);
/* By PostgreSQL's order of records, in which NULL is equal to NULL and behind all else. */
const struct expr *bind_record_comparison(struct bind *bind, const char *name, const struct expr *left,
                                          const struct expr *right, uint32_t position);
const struct expr *bind_record_distinct(struct bind *bind, const struct expr *left, const struct expr *right,
                                        bool negated, uint32_t position);
const struct expr *bind_record_null_test(struct bind *bind, const struct expr *row, bool negated);
/* What rows become in an array that is written as an argument of the function. */
enum bind_rows bind_rows_within(const char *name, const PgQuery__Node *argument);
/* An element of an array: a row as its JSON where that is meant. */
const struct expr *bind_row_element(struct bind *bind, const struct expr *element, enum bind_rows rows);
/* Rows among a function's arguments become what it takes of them; 42883 where it takes none. */
void bind_record_arguments(struct bind *bind, const char *name, const struct expr **arguments, uint32_t count,
                           uint32_t position);
/* json_agg of what was a row. */
const struct sql_function *bind_record_aggregate(const struct sql_function *function, const struct expr *argument);
const struct expr *bind_row_to_json(struct bind *bind, const struct expr *const *arguments, uint32_t count);
/* Gives the rows among a query's columns to the query around it: their parts become columns. */
void bind_record_unfold(struct bind *bind, struct plan_node *node);
/* The row again, over its parts. */
const struct expr *bind_record_of_columns(struct bind *bind, const struct plan_node *node, uint32_t column,
                                          const struct expr *(*part)(struct bind *bind, uint32_t ordinal,
                                                                     struct type type));
void bind_refuse_records(struct bind *bind, const struct plan_node *node, const char *where);

/* --- with.c --- */
/* Brings the queries of a WITH clause in sight; the caller puts bind->ctes back when its own query is bound. */
void bind_with(struct bind *bind, const PgQuery__WithClause *with);
/* A FROM item that names one; NULL: there is none of that name. */
struct plan_node *bind_cte_scan(struct bind *bind, const PgQuery__RangeVar *name);
/* Whether rows of a recursive query's working table are among those that a FROM, not a subquery in it, has read. */
bool bind_reads_round(const struct plan_node *from);

/* --- enum.c --- */
/* The enum type that this number, or that of an array of it, stands for. */
const struct table_definition *bind_enum(struct bind *bind, enum type_id type);
/* A label, or an array of them, of its text; 22P02 where there is no such. */
struct value bind_label(struct bind *bind, enum type_id type, struct slice text, uint32_t position);
/* All labels of the type, in order, as an array: what functions that look names up are given. */
const struct expr *bind_labels(struct bind *bind, enum type_id type);

/* --- rename_label.c --- */
/* Tells who watches that a literal became this. */
void bind_note_label(struct bind *bind, const struct value *value, uint32_t position);
/* Finds the stored texts that have the label, and what they are when it is renamed. */
void bind_label_texts(struct bind *bind, const struct table_definition *type, struct slice label, const char *name,
                      struct plan_ddl *ddl);

/* --- type.c --- */
struct type_name {
    const char *schema; /* NULL: none was written */
    const char *name;
};
struct type_name bind_own_name(struct bind *bind, PgQuery__Node *const *list, size_t count);
const struct table_definition *bind_find_type(struct bind *bind, struct type_name name); /* NULL: none */
const struct table_definition *bind_own_type(struct bind *bind, struct type_name name);  /* raises 42704 */
_Noreturn void bind_no_type(struct bind *bind, struct type_name name, uint32_t position);
/* Where a type of the name goes; raises 3F000. */
const char *bind_type_schema(struct bind *bind, struct type_name name);
void bind_type_free(struct bind *bind, const char *schema, const char *text); /* raises 42710 */
void bind_create_enum(struct bind *bind, const PgQuery__CreateEnumStmt *create, struct plan_statement *statement);
void bind_alter_enum(struct bind *bind, const PgQuery__AlterEnumStmt *alter, struct plan_statement *statement);

/* --- domain.c --- */
void bind_create_domain(struct bind *bind, const PgQuery__CreateDomainStmt *create, struct plan_statement *statement);

/* --- alter_domain.c --- */
void bind_alter_domain(struct bind *bind, const PgQuery__AlterDomainStmt *alter, struct plan_statement *statement);
void bind_rename_domain_check(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement);
void bind_rename_type(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement);
void bind_move_type(struct bind *bind, const PgQuery__AlterObjectSchemaStmt *alter, struct plan_statement *statement);

/* --- view.c --- */
/* A String node. */
PgQuery__Node *bind_string_node(struct sql_context *context, const char *text);
void bind_create_view(struct bind *bind, const PgQuery__ViewStmt *create, struct plan_statement *statement);
/* The rows of a view, read at the moment of the clause (or NULL). */
struct plan_node *bind_view_rows(struct bind *bind, const struct catalogue *catalogue,
                                 const struct table_definition *view, const struct tokens_clause *clause);
/* The same of a tree of its query, which tells what was made of it. */
PgQuery__SelectStmt *bind_view_query(struct bind *bind, const struct table_definition *view);
struct plan_node *bind_view_rows_of(struct bind *bind, const struct catalogue *catalogue,
                                    const struct table_definition *view, const PgQuery__SelectStmt *query,
                                    const struct tokens_clause *clause);
/* A view as the target of a write: its columns over the row of the table below it, and its condition (or NULL). */
struct bind_view_check {
    const char *view;
    const struct expr *holds; /* over the table's row; true, not NULL */
};
struct bind_view_target {
    const struct table_definition *table;
    struct scope scope; /* its columns; expr over the table's row */
    const struct expr *where;
    bool cascaded;                  /* by a view above */
    struct bind_view_check *checks; /* of CHECK OPTIONs, those of inner views first */
    uint32_t check_count;
};
/* verb: "insert into", "update", "delete from". Raises 55000 where a view is more than one table's rows. */
void bind_view_target(struct bind *bind, const struct catalogue *catalogue, const struct table_definition *view,
                      const char *verb, struct bind_view_target *target);
/* alias.name, or (alias NULL) the bare name, as an item of a select list. */
PgQuery__Node *bind_column_target(struct sql_context *context, const char *alias, const char *name, int32_t location);
/* Whether rows can be written through a view, told by its text. */
bool bind_view_writable(struct sql_context *context, const struct catalogue *catalogue,
                        const struct table_definition *view);
/* Of one of its columns: whether it is a column below. */
bool bind_view_column_writable(struct sql_context *context, const struct catalogue *catalogue,
                               const struct table_definition *view, uint32_t ordinal);
/* Replaces each * of the select list by the columns it stands for. */
void bind_spell_stars(struct bind *bind, const PgQuery__SelectStmt *select, const struct scope *scope);
/* Whether the view reads the table or view. */
bool bind_view_reads(struct bind *bind, const struct table_definition *view, const struct table_definition *table);
/* Whether its query names the type, in a cast. */
bool bind_view_names_type(struct bind *bind, const struct table_definition *view, const struct table_definition *type);

/* --- rename_column.c --- */
/* A column of the scope has been found by its name. */
void bind_note_column(struct bind *bind, const struct scope *scope, const struct scope_column *column);
/* The views that read the column get their new texts. */
void bind_renamed_column(struct bind *bind, const struct table_definition *table, const char *name,
                         const char *new_name, struct plan_ddl *ddl);
/* Whether a view reads this column of the table. */
bool bind_view_reads_column(struct bind *bind, const struct catalogue *catalogue, const struct table_definition *view,
                            const struct table_definition *table, const char *name);
/* The first view of the catalogue that does; NULL: none. */
const struct table_definition *bind_view_reading(struct bind *bind, const struct catalogue *catalogue,
                                                 const struct table_definition *table, const char *column);

/* --- view_text.c --- */
/* A view's query that gives its columns their names. */
const char *bind_view_text(struct sql_context *context, const struct catalogue *catalogue,
                           const struct table_definition *definition);

/* --- subquery.c --- */
const struct expr *bind_sub_link(const struct bind_scope *scope, const PgQuery__SubLink *node);
/* A scalar subquery of several columns: the value of its first. Each column's value is this expression with its number
 * and type, and each must be asked for, for the same rows. */
const struct expr *bind_sub_link_row(const struct bind_scope *scope, const PgQuery__SubLink *node, uint32_t columns);
/* (a, b) = (SELECT ...): a row against the one row of a query. */
const struct expr *bind_sub_link_compared(const struct bind_scope *scope, const char *name, const PgQuery__RowExpr *row,
                                          const PgQuery__SubLink *node);
/* How many values each level has taken; those taken since are forgotten again, for an expression that is bound anew. */
const uint32_t *bind_level_mark(struct bind *bind);
void bind_level_forget(struct bind_level *level, const uint32_t *mark);
/* A value of the enclosing query's row, as the query being bound sees it. */
const struct expr *bind_outer_value(struct bind *bind, struct bind_level *level, const struct expr *value,
                                    uint32_t position);

/* --- call.c: functions, operators, aggregates --- */
const struct expr *bind_operator(struct bind *bind, const char *name, const struct expr *left, const struct expr *right,
                                 uint32_t position);
bool bind_call_is_system(const PgQuery__FuncCall *call);
const struct expr *bind_function_call(const struct bind_scope *scope, const PgQuery__FuncCall *call);
const struct expr *bind_named_call(struct bind *bind, const char *name, const struct expr **arguments, uint32_t count,
                                   uint32_t position);

/* --- variadic.c: f(a, VARIADIC array) --- */
const struct expr *bind_variadic_call(struct bind *bind, const char *name, const struct expr **arguments,
                                      uint32_t count, uint32_t position);

/* --- call.c --- */
/* The candidate that the arguments mean, as a call with its arguments brought to its types; raises when none or several
 * fit. */
const struct expr *bind_chosen_call(struct bind *bind, const struct sql_function *const *candidates,
                                    uint32_t candidate_count, const char *name, const struct expr **arguments,
                                    uint32_t count, uint32_t position);
/* "function lag(integer, text) does not exist" */
_Noreturn void bind_no_function(struct bind *bind, const char *name, const struct expr *const *arguments,
                                uint32_t count, uint32_t position);
/* Refuses what is written in a call and a set-returning function does not take. */
void bind_check_set_call(struct bind *bind, const PgQuery__FuncCall *call, const char *name);
bool bind_is_volatile(const struct expr *expr); /* or holds a subquery, which is no other's equal */
/* Whether one computation serves both calls. */
bool bind_outside_only(const struct expr *const *arguments, uint32_t count); /* columns of queries around it alone */
bool bind_aggregate_equal(const struct plan_aggregate *a, const struct plan_aggregate *b);

/* --- set_function.c --- */
/* The candidates of a call to a set-returning function; none: it is not one. */
const struct sql_function *const *bind_set_candidates(struct bind *bind, const PgQuery__FuncCall *call,
                                                      uint32_t *count);
struct plan_aggregate bind_set_call(const struct bind_scope *scope, const PgQuery__FuncCall *call,
                                    const struct sql_function *const *candidates, uint32_t candidate_count);
/* A call in an expression: allowed in a select list. */
const struct expr *bind_set_item(const struct bind_scope *scope, const PgQuery__FuncCall *call,
                                 const struct sql_function *const *candidates, uint32_t candidate_count);
/* The scope inside CASE and the like, which may not evaluate what they hold. */
struct bind_scope bind_without_sets(const struct bind_scope *scope, const char *construct);
/* The place of every argument of the calls, to be replaced. */
void bind_sets_expressions(struct bind_sets *sets, void (*each)(void *context, const struct expr **place),
                           void *context);
/* The plan with the calls' rows joined to it; targets take their columns. */
struct plan_node *bind_sets_plan(struct bind *bind, struct bind_sets *sets, struct plan_node *plan,
                                 const struct expr **targets, uint32_t target_count);

/* --- window.c --- */
/* The expression with column columns[i] in place of the placeholder base + i. */
const struct expr *bind_placeholders(struct bind *bind, const struct expr *expr, uint32_t base,
                                     const uint32_t *columns);
/* The WINDOW clause, before the calls that name its windows. */
void bind_window_clause(const struct bind_scope *scope, PgQuery__Node *const *clause, size_t count);
/* A call with OVER. */
const struct expr *bind_window_call(const struct bind_scope *scope, const PgQuery__FuncCall *call, const char *name);
/* The expression of every definition and call, to be replaced. */
void bind_windows_expressions(struct bind_windows *windows, void (*each)(void *context, const struct expr **place),
                              void *context);
/* The plan with a node for each window that is called; targets take the nodes' columns for their calls. */
struct plan_node *bind_windows_plan(struct bind *bind, struct bind_windows *windows, struct plan_node *plan,
                                    const struct expr **targets, uint32_t target_count);

/* --- named.c --- */
/* The arguments of a call, bound and in the order of the function's parameters: *arguments has as many as it says. */
uint32_t bind_arguments(const struct bind_scope *scope, const PgQuery__FuncCall *call, const char *name,
                        const struct expr ***arguments);
/* Raises 42883 where an argument has a name: for aggregates and windows, which have none. */
void bind_refuse_names(const struct bind_scope *scope, const PgQuery__FuncCall *call, const char *name);

/* --- known.c --- */
/* Raises 0A000 when PostgreSQL has such a function or operator; called where no candidate has the name. */
void bind_refuse_known(struct bind *bind, enum sql_function_class class, const char *name, uint32_t position);

/* --- polymorphic.c --- */
/* What the polymorphic arguments of a call stand for; UNKNOWN: nothing settles it. */
struct bind_polymorphic {
    enum type_id element; /* of anyelement, anyarray, anynonarray */
    enum type_id common;  /* of anycompatible, anycompatiblearray */
};
bool bind_is_polymorphic(enum type_id type);
/* Whether the arguments agree; they are reachable one by one. */
bool bind_polymorphic_fit(const struct sql_function *function, const enum type_id *types, uint32_t count,
                          struct bind_polymorphic *fit);
/* The type that one of a signature stands for; any other type: itself. */
enum type_id bind_polymorphic_type(const struct bind_polymorphic *fit, enum type_id wanted);
/* Raises where nothing settles the type, and where elements are compared that have no comparison. */
void bind_polymorphic_check(struct bind *bind, const struct sql_function *function, const struct bind_polymorphic *fit,
                            uint32_t position);
/* The type of a candidate's n-th argument, also of a variadic one. */
enum type_id bind_candidate_type(const struct sql_function *function, uint32_t argument);

/* --- array.c --- */
/* ARRAY[...]; written: the type of a cast that stands right behind it, or NULL. */
const struct expr *bind_array(const struct bind_scope *scope, const PgQuery__AArrayExpr *node,
                              const struct type *written);
/* x op ANY (array), or ALL. */
const struct expr *bind_any_array(const struct bind_scope *scope, const PgQuery__AExpr *node, bool all);
/* A call of a function that is in no table, of arguments of the types it takes. */
struct expr *bind_unnamed_call(struct bind *bind, const struct sql_function *function, struct type type,
                               const struct expr **arguments, uint32_t count, uint32_t position);

/* --- subscript.c --- */
const struct expr *bind_indirection(const struct bind_scope *scope, const PgQuery__AIndirection *node);
/* The row of (row).*, which stands for all its fields; NULL: it is something else. */
const struct expr *bind_all_fields(const struct bind_scope *scope, const PgQuery__Node *node);
/* The type of what a target with subscripts names; refuses fields. */
struct type bind_part_type(struct bind *bind, const PgQuery__ResTarget *target, struct type column);
/* The whole column with that value at the target's subscripts. */
const struct expr *bind_assign_part(const struct bind_scope *scope, const PgQuery__ResTarget *target,
                                    const struct expr *whole, const struct expr *value);

/* --- coerce.c --- */
struct type bind_type_name(struct bind *bind, const PgQuery__TypeName *name);
/* The same of what is stored, which refuses regclass and its kin: their values are the names of the moment. */
struct type bind_column_type(struct bind *bind, const PgQuery__TypeName *name);
void bind_refuse_objects(struct bind *bind, struct type type, uint32_t position);
/* A number that NUMERIC cannot hold, from the constant of its text: NUMERIC, which raises 22003 where it is computed,
 * and a coercion to a float takes the text. */
const struct expr *bind_unheld(struct bind *bind, const struct expr *text);
/* NULL: no such cast in that context. Raises for literals that do not parse. */
const struct expr *bind_coerce(struct bind *bind, const struct expr *expr, struct type type,
                               enum sql_cast_context cast_context, uint32_t position);
bool bind_can_coerce(enum type_id from, enum type_id to, enum sql_cast_context cast_context);
/* CAST(expr AS type), raising 42846 "cannot cast type x to y". */
const struct expr *bind_cast(struct bind *bind, const struct expr *expr, struct type type, uint32_t position);
/* Value of a column: assignment cast, raising 42804 `column "c" is of type x but expression is of type y`. */
const struct expr *bind_assign(struct bind *bind, const struct expr *expr, struct type type, const char *column);
/* One type for the branches of CASE, COALESCE, IN, VALUES...; construct names it in errors. All unknown: text. */
struct type bind_common_type(struct bind *bind, const struct expr *const *list, uint32_t count, const char *construct);
/* The common type so far becomes that with another one; false: they are not of one category. UNKNOWN: none yet. */
bool bind_common_take(enum type_id *common, enum type_id next);
const struct expr *bind_to_common(struct bind *bind, const struct expr *expr, struct type type, const char *construct);
/* An output column: an unknown literal becomes text. */
const struct expr *bind_resolve_unknown(struct bind *bind, const struct expr *expr);
const char *bind_type_text(struct bind *bind, struct type type); /* format_type without modifier */
bool bind_type_preferred(enum type_id type);

/* --- scope.c --- */
/* The FROM item that the column of the row belongs to; NULL: none. */
const struct scope_table *bind_table_at(const struct scope *scope, uint32_t ordinal);
/* Remembers a FROM item for what an error says of it. */
void bind_see(struct bind *bind, const char *alias, const struct table_definition *table, const struct scope *scope);
/* --- hint.c: of a column that is not there; table: as it was named, or NULL. NULL: there is nothing to say --- */
const char *bind_column_hint(struct bind *bind, const char *table, const char *column);
const struct expr *bind_column_ref(const struct bind_scope *scope, const PgQuery__ColumnRef *reference);
/* What * or table.* stands for: expressions and names, and how many. */
uint32_t bind_star(struct bind *bind, const struct scope *scope, const PgQuery__ColumnRef *reference,
                   const struct expr ***expressions, const char ***names);
/* Scope of a table's columns alone, from ordinal `first` of a row. */
void bind_table_scope(struct bind *bind, const struct catalogue *catalogue, const struct table_definition *table,
                      const char *alias, uint32_t first, struct scope *scope);
/* Scope of one named item whose row is the node's. */
void bind_item_scope(struct bind *bind, struct plan_node *node, const char *alias, const char *schema,
                     uint32_t position, struct scope *scope);
/* scope := scope and, behind it, right. */
void bind_scope_join(struct sql_context *context, struct scope *scope, const struct scope *right);
void bind_scope_check_aliases(struct bind *bind, const struct scope *left, const struct scope *right);

/* --- from.c --- */
/* The plan and scope of a FROM list; at is the block's clause or NULL. */
struct plan_node *bind_from(struct bind *bind, PgQuery__Node *const *items, size_t count,
                            const struct tokens_clause *at, struct scope *scope);
/* alias (a, b, ...): renames the first columns. */
void bind_apply_alias(struct bind *bind, const PgQuery__Alias *alias, struct plan_node *node, uint32_t position);
const struct table_definition *bind_find_table(struct bind *bind, const struct catalogue *catalogue,
                                               const PgQuery__RangeVar *name); /* NULL: there is none */
_Noreturn void bind_no_relation(struct bind *bind, const PgQuery__RangeVar *name);
/* Between what LATERAL items see of the FROM being bound (false) and what its other parts see. */
void bind_levels_hide(struct bind *bind, bool hidden);
/* A table by name at the present, for writes and DDL: raises 42P01. catalogue is that of the present. */
const struct table_definition *bind_table(struct bind *bind, const PgQuery__RangeVar *name,
                                          const struct catalogue **catalogue, bool missing_ok);

/* What the table's hidden columns are of, over its columns by their ordinals. */
const struct expr **bind_indexed(struct bind *bind, const struct catalogue *catalogue,
                                 const struct table_definition *table, uint32_t *count);
struct plan_node *bind_scan(struct bind *bind, const struct catalogue *catalogue, const struct table_definition *table,
                            const char *alias);
const struct catalogue *bind_present(struct bind *bind);
struct plan_node *bind_join_node(struct bind *bind, enum plan_join_type type, struct plan_node *left,
                                 struct plan_node *right);
/* A relation that the executor makes from the catalogue. */
/* A relation made from the catalogue, of one table or of all (0); NULL: no such one. */
struct plan_node *bind_catalogue_node(struct bind *bind, const char *schema, const char *name, struct table_id of);
const char *bind_text(struct sql_context *context, struct slice slice);
void bind_refuse_name(struct bind *bind, const PgQuery__RangeVar *name);
/* Raises where a catalogue is named that is not this database; what: the whole name. */
void bind_check_catalog(struct bind *bind, const char *catalog, const char *what, uint32_t position);
/* Where names without a schema are looked for. */
const struct sql_path *bind_path(struct bind *bind);
/* A name as a list of one to three: s.t, kimberlite.s.t. The schema is NULL where none is named. */
void bind_name_parts(struct bind *bind, PgQuery__Node *const *list, size_t count, const char **schema,
                     const char **name);
/* Where a text is being made to be kept: the name gets its schema. */
void bind_spell_name(struct bind *bind, const PgQuery__RangeVar *name, const char *schema);
/* Any relation. False: there is none. */
bool bind_find_relation(struct bind *bind, const struct catalogue *catalogue, const PgQuery__RangeVar *name,
                        struct sql_relation *relation);
/* A relation as messages have it: with its schema where the path does not lead to it. */
const char *bind_relation_text(struct bind *bind, const struct catalogue *catalogue,
                               const struct table_definition *table);

/* --- from_function.c --- */
/* Functions in FROM: kimberlite_history(table), set-returning ones, and those of one value. */
struct plan_node *bind_functions(struct bind *bind, const PgQuery__RangeFunction *item,
                                 const struct tokens_clause *clause, struct scope *scope);

/* --- from_record.c: json_to_record and its kin --- */
bool bind_is_record_source(const PgQuery__Node *node);
struct plan_node *bind_record_source(const struct bind_scope *place, const PgQuery__RangeFunction *item,
                                     const PgQuery__Node *node);
/* Whether some argument of the item's calls is such. */
bool bind_function_arguments(const PgQuery__RangeFunction *item, bool (*such)(const PgQuery__Node *argument));

/* --- history.c --- */
/* FROM kimberlite_history(table). */
struct plan_node *bind_history(struct bind *bind, const PgQuery__FuncCall *call, const PgQuery__Alias *alias,
                               const struct tokens_clause *clause, struct scope *scope);
/* FROM kimberlite_diff('table', a, b). */
struct plan_node *bind_diff(struct bind *bind, const PgQuery__FuncCall *call, const PgQuery__Alias *alias,
                            struct scope *scope);
/* FROM table FOR SYSTEM_TIME with a range. */
struct plan_node *bind_range(struct bind *bind, const PgQuery__RangeVar *name, const struct tokens_range *range,
                             const struct tokens_clause *clause, struct scope *scope);
/* Raises where a range stands behind something that is no table. */
void bind_refuse_range(struct bind *bind, uint32_t reference);

/* --- select.c --- */
struct plan_node *bind_select(struct bind *bind, const PgQuery__SelectStmt *select);
/* The source of an INSERT: untyped literals of the list take these types. */
struct plan_node *bind_select_for(struct bind *bind, const PgQuery__SelectStmt *select, const struct type *wanted,
                                  uint32_t wanted_count);
struct plan_node *bind_plan(struct bind *bind, enum plan_kind kind, struct plan_node *left, struct plan_node *right);
struct plan_node *bind_project(struct bind *bind, struct plan_node *child, const struct expr **expressions,
                               const char **names, uint32_t count);
/* UNION, INTERSECT, EXCEPT of two queries; untyped literals of the branches have their common type. */
struct plan_node *bind_set_operation(struct bind *bind, const PgQuery__SelectStmt *select);
/* A branch of one: a query whose untyped literals stay untyped where they can. */
struct plan_node *bind_select_branch(struct bind *bind, const PgQuery__SelectStmt *select);
void bind_check_equality(struct bind *bind, const struct expr *expr); /* 42883 for types that have none */
/* An item of ORDER BY over what it orders by. */
struct plan_sort_key bind_sort_key(struct bind *bind, const PgQuery__SortBy *sort, const struct expr *expr);
/* A select list: stars expanded, unknowns resolved to text unless keep_unknown. */
uint32_t bind_targets(const struct bind_scope *scope, PgQuery__Node *const *list, size_t count,
                      const struct expr ***expressions, const char ***names);
/* Rows of a VALUES list; types unified. columns NULL: DEFAULT is not allowed. */
struct plan_node *bind_values(struct bind *bind, const PgQuery__SelectStmt *select);

/* --- grouping.c --- */
const struct expr *bind_grouping(const struct bind_scope *scope, const PgQuery__GroupingFunc *node);

/* --- change.c --- */
struct plan_node *bind_update(struct bind *bind, const PgQuery__UpdateStmt *update);
struct plan_node *bind_delete(struct bind *bind, const PgQuery__DeleteStmt *statement);

/* --- merge.c --- */
struct plan_node *bind_merge(struct bind *bind, const PgQuery__MergeStmt *node);

/* --- write.c --- */
struct plan_node *bind_insert(struct bind *bind, const PgQuery__InsertStmt *insert);
/* A stored CHECK or DEFAULT text over the table's columns (NULL: none), as it was written. */
const struct expr *bind_stored(struct bind *bind, const char *text, const struct scope *scope, enum bind_place place);

/* The default of a column as an expression of its type: NULL where it has none. */
const struct expr *bind_default(struct bind *bind, const struct table_definition *table,
                                const struct column_definition *column);

/* --- system_column.c: xmin, ctid and their kin, which no table may have as columns of its own --- */
bool bind_is_system_column(const char *name);
/* The stored table whose system column a name is where no column has it: `named`, or the only one (NULL); NULL: it is
 * none. Raises 42702. */
const struct scope_table *bind_system_table(const struct bind_scope *scope, const struct scope_table *named,
                                            const char *name, uint32_t position);
/* Its value: `tableoid`, NULL where `there` (NULL: always) is not true; others are refused, with a hint. */
const struct expr *bind_system_column(const struct bind_scope *scope, const struct scope_table *table, const char *name,
                                      const struct expr *there, uint32_t position);

/* --- define.c --- */
void bind_create_table(struct bind *bind, const PgQuery__CreateStmt *create, struct plan_statement *statement);
/* COLLATE and the operator class of what an index is on: those that it has anyway, or what is not there is refused. */
void bind_index_order(struct bind *bind, const PgQuery__IndexElem *element, struct type type, uint32_t position);
void bind_create_index(struct bind *bind, const PgQuery__IndexStmt *create, struct plan_statement *statement);
/* --- comment.c --- */
void bind_comment(struct bind *bind, const PgQuery__CommentStmt *comment, struct plan_statement *statement);

/* --- drop.c --- */
void bind_drop(struct bind *bind, const PgQuery__DropStmt *drop, struct plan_statement *statement);

/* --- drop_type.c --- */
void bind_drop_type(struct bind *bind, const PgQuery__DropStmt *drop, struct plan_statement *statement);
/* Whether a column that users see is of the type itself, not of a domain on it. */
bool bind_column_of(const struct table_definition *type, const struct column_definition *column);

/* --- index.c --- */
/* CREATE INDEX as it would be written again; name NULL: without one. table_name: as SQL text. */
/* Constraints as a table's definition has them: constraint_text.c. index NULL: the primary key. */
const char *bind_key_text(struct sql_context *context, const struct table_definition *table,
                          const struct index_definition *index);
const char *bind_check_text(struct sql_context *context, const struct catalogue *catalogue,
                            const struct check_definition *check);
/* An expression as pg_get_expr() gives it: that of an operator in parentheses, so that it can stand anywhere. */
const char *bind_kept_text(struct sql_context *context, const struct catalogue *catalogue, struct slice text);
const char *bind_reference_text(struct sql_context *context, const struct catalogue *catalogue,
                                const struct table_definition *table, const struct foreign_key_definition *key);
const char *bind_index_part_text(struct sql_context *context, const struct table_definition *table,
                                 const struct key_part *part);
const char *bind_index_text(struct sql_context *context, const struct table_definition *table,
                            const struct index_definition *index, const char *name, const char *table_name);
/* Whether the index has the column, or is of an expression or a condition that names it. */
bool bind_index_reads(struct sql_context *context, const struct table_definition *table,
                      const struct index_definition *index, const struct column_definition *column);
/* Of columns alone, and of all rows. */
bool bind_index_plain(const struct table_definition *table, const struct index_definition *index);

/* A column as CREATE TABLE and ADD COLUMN define it. What its constraints ask beside the column goes to `extra`. */
struct bind_column_extra {
    bool primary_key;
    const char *primary_key_name; /* NULL: made */
    bool unique;
    const char *unique_name;
    bool nulls_same; /* UNIQUE NULLS NOT DISTINCT */
    const PgQuery__Constraint **checks;
    uint32_t check_count;
    bool not_null_said;
    bool null_said;
    struct plan_owned *owned; /* serial and identity columns */
    struct plan_foreign **foreigns;
    uint32_t foreign_count;
    bool foreign_last;                    /* DEFERRABLE behind it is its own */
    const PgQuery__Constraint *generated; /* its expression is bound when all columns are known */
};
/* 42701 for the names of PostgreSQL's system columns. */
void bind_check_column_name(struct bind *bind, const char *name, uint32_t position);
struct column_definition bind_column_definition(struct bind *bind, const char *table, const PgQuery__ColumnDef *column,
                                                struct bind_column_extra *extra);
/* DEFAULT of a column: its text, checked against the type. */
struct slice bind_default_text(struct bind *bind, const PgQuery__Node *node, struct type type, const char *column);
/* Raises 3F000 where it names a schema that is not there. */
void bind_check_schema(struct bind *bind, const PgQuery__RangeVar *name);
/* Something to be told when the statement is run, in PostgreSQL's words. */
void bind_notice(struct bind *bind, enum kmb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What else a DROP ... CASCADE drops, as one notice; nothing where that is nothing. */
void bind_tell_cascades(struct bind *bind, const struct sql_cascades *cascades);
/* WITH (...) of a table or an index: takes fillfactor, raises on others. */
void bind_storage_parameters(struct bind *bind, PgQuery__Node **options, size_t count);
/* Where a relation of this name is to be made. */
struct slice bind_creation_schema(struct bind *bind, const PgQuery__RangeVar *name);

/* A generation expression over the columns of a table: its text, checked against the type of column `ordinal`. */
struct slice bind_generated_text(struct bind *bind, const PgQuery__Node *node, const struct scope *scope,
                                 const struct column_definition *columns, uint32_t count, uint32_t ordinal);

/* --- sequence.c --- */
void bind_create_sequence(struct bind *bind, const PgQuery__CreateSeqStmt *create, struct plan_statement *statement);
void bind_alter_sequence(struct bind *bind, const PgQuery__AlterSeqStmt *alter, struct plan_statement *statement);
/* The sequence of a serial or identity column of that type. */
struct plan_owned *bind_owned_sequence(struct bind *bind, enum type_id type, PgQuery__Node *const *list, size_t count);
/* SET options of an identity column: what its sequence becomes. */
void bind_change_owned(struct bind *bind, const struct table_definition *sequence, PgQuery__Node *const *list,
                       size_t count, struct sequence_definition *rule, const int64_t **restart);
/* A sequence as a relation: what reading it as a table shows. */
struct table_definition *bind_sequence_definition(struct sql_context *context, struct slice schema, const char *name,
                                                  const struct sequence_definition *rule);
/* "nextval('public.s'::regclass)" */
const char *bind_nextval_text(struct sql_context *context, struct slice schema, struct slice name);
/* Whether its owner is an identity column. */
bool bind_is_identity(struct bind *bind, const struct sequence_definition *rule);
/* --- create_as.c --- */
/* The INTO of a query's first SELECT; NULL: none. */
const PgQuery__IntoClause *bind_into(const PgQuery__SelectStmt *select);
void bind_create_as(struct bind *bind, const PgQuery__Node *node, struct plan_statement *statement);
void bind_select_into(struct bind *bind, const PgQuery__SelectStmt *select, struct plan_statement *statement);

/* --- hypothetical.c --- */
bool bind_is_hypothetical(const char *name);
const struct expr *bind_hypothetical(const struct bind_scope *scope, const PgQuery__FuncCall *node, const char *name);

/* --- locking.c --- */
/* Raises for a query whose rows cannot be locked. */
void bind_check_locking(struct bind *bind, const PgQuery__SelectStmt *query);
/* Whether a locking clause means this FROM item. */
bool bind_locks_item(struct bind *bind, const char *alias);
/* The scan's rows carry their key behind their columns; its name is empty. */
void bind_append_key(struct bind *bind, struct plan_node *scan);
/* After FROM: every name of OF was found there; outer joins do not make the rows' other side. */
void bind_check_locked(struct bind *bind, const struct bind_locks *locks, const struct scope *scope,
                       const struct plan_node *from);
/* FOR UPDATE, as it was written. */
const char *bind_locking_name(const PgQuery__SelectStmt *query);
struct plan_locking bind_locking_of(const PgQuery__SelectStmt *query, const char *alias);

/* --- copy.c --- */
void bind_copy(struct bind *bind, const PgQuery__CopyStmt *node, struct plan_statement *statement);

/* --- cursor.c --- */
void bind_declare(struct bind *bind, const PgQuery__DeclareCursorStmt *node, struct plan_statement *statement);
/* The query of a DECLARE as the statement itself. */
void bind_cursor_query(struct bind *bind, const PgQuery__DeclareCursorStmt *node, struct plan_statement *statement);
void bind_fetch(struct bind *bind, const PgQuery__FetchStmt *node, struct plan_statement *statement);
void bind_close(struct bind *bind, const PgQuery__ClosePortalStmt *node, struct plan_statement *statement);

/* --- prepare.c --- */
void bind_prepare(struct bind *bind, const PgQuery__PrepareStmt *node, struct plan_statement *statement);
void bind_execute(struct bind *bind, const PgQuery__ExecuteStmt *node, struct plan_statement *statement);
void bind_deallocate(struct bind *bind, const PgQuery__DeallocateStmt *node, struct plan_statement *statement);

/* --- reference.c --- */
/* A FOREIGN KEY, or REFERENCES of a column. */
struct plan_foreign *bind_foreign_key(struct bind *bind, const PgQuery__Constraint *constraint, const char *column);
/* DEFERRABLE and its kin, which stand behind the constraint that they belong to. */
bool bind_is_attribute(const PgQuery__Constraint *constraint);
void bind_foreign_attribute(struct bind *bind, const PgQuery__Constraint *attribute, struct plan_foreign *foreign);
void bind_set_constraints(struct bind *bind, const PgQuery__ConstraintsSetStmt *set, struct plan_statement *statement);
/* A foreign key (of *child) that needs this key of a table to be unique; NULL: none does. */
const struct foreign_key_definition *bind_key_needed(const struct catalogue *catalogue,
                                                     const struct table_definition *table, const struct key_part *parts,
                                                     uint32_t part_count, const struct table_definition **child);

/* --- alter.c --- */
void bind_alter_table(struct bind *bind, const PgQuery__AlterTableStmt *alter, struct plan_statement *statement);
void bind_rename(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement);
void bind_alter_schema(struct bind *bind, const PgQuery__AlterObjectSchemaStmt *alter,
                       struct plan_statement *statement);

/* --- schema.c --- */
void bind_create_role(struct bind *bind, const PgQuery__CreateRoleStmt *create, struct plan_statement *statement);
void bind_alter_role(struct bind *bind, const PgQuery__AlterRoleStmt *alter, struct plan_statement *statement);
void bind_drop_role(struct bind *bind, const PgQuery__DropRoleStmt *drop, struct plan_statement *statement);
void bind_rename_role(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement);
void bind_create_schema(struct bind *bind, const PgQuery__CreateSchemaStmt *create, struct plan_statement *statement);
void bind_rename_schema(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement);
/* Raises 3F000 where there is none. */
const struct schema_definition *bind_find_schema(struct bind *bind, const char *name);

/* --- statement.c --- */
void bind_statement_query(struct plan_statement *statement, struct plan_node *root);
/* node NULL: an empty statement. */
void bind_statement(struct bind *bind, const PgQuery__Node *node, struct plan_statement *statement);
/* One statement's node, without what is done once for the whole text. */
void bind_dispatch(struct bind *bind, const PgQuery__Node *node, struct plan_statement *statement);
void bind_check_parameters(struct bind *bind); /* 42P18 where one has no type */
void bind_show(struct bind *bind, const PgQuery__VariableShowStmt *show, struct plan_statement *statement);
void bind_discard(struct bind *bind, const PgQuery__DiscardStmt *discard, struct plan_statement *statement);
/* An option of BEGIN or SET TRANSACTION. */
void bind_control_option(struct bind *bind, const PgQuery__DefElem *option, struct plan_ddl *ddl);
/* By its name in SQL or as a setting's value; name: of what is set. */
/* --- owner.c --- */
/* ALTER TABLE and its kin with nothing but OWNER TO; false: it is another. */
bool bind_relation_owner(struct bind *bind, const PgQuery__AlterTableStmt *alter, struct plan_statement *statement);
void bind_owner(struct bind *bind, const PgQuery__AlterOwnerStmt *alter, struct plan_statement *statement);
const char *bind_alter_tag(PgQuery__ObjectType type);
/* The relation of that kind; false: there is none, and that is no error. */
bool bind_alter_relation(struct bind *bind, const PgQuery__RangeVar *name, PgQuery__ObjectType type, bool missing_ok,
                         struct sql_relation *found);
/* What CURRENT_USER and its kin stand for, too. */
const char *bind_role_name(struct bind *bind, const PgQuery__RoleSpec *spec);

void bind_lock_table(struct bind *bind, const PgQuery__LockStmt *node, struct plan_statement *statement);
void bind_listen(struct bind *bind, const char *tag, const char *channel, const char *payload,
                 struct plan_statement *statement);
void bind_set(struct bind *bind, const PgQuery__VariableSetStmt *set, struct plan_statement *statement);
/* "CREATE VIEW": for statements that are refused. */
const char *bind_statement_name(const PgQuery__Node *node);

/* --- moment.c --- */
/* Pins the view of a point once per statement; gives its catalogue. */
const struct bind_view *bind_view_at(struct bind *bind, const struct sql_point *point);
/* Lets go of the views (a kept plan must pin no root); the catalogues stay. */
void bind_close_views(struct bind *bind);
/* What the optimiser asks, while the views are held. */
struct plan_estimator bind_estimator(struct bind *bind);
/* The point that a time-travel clause with this value names; raises for NULL, negative and infinite ones. */
struct sql_point bind_point(struct sql_context *context, const struct plan_at *at, const struct value *value);
/* The value of a point: a constant or a parameter, BIGINT or TIMESTAMPTZ. */
const struct expr *bind_point_value(struct bind *bind, const struct tokens_point *point);
/* Fills *at by the clause (or NULL) and gives the view of that moment, whose catalogue names what is read. */
const struct bind_view *bind_moment_of(struct bind *bind, const struct tokens_clause *clause, struct plan_at *at);
/* The view of a moment whose value is known; while a parameter in it is not, the present stands in. */
const struct bind_view *bind_moment(struct bind *bind, const struct plan_at *at);
/* The clause of a table reference: its own, else that of the block around it (or NULL). */
const struct tokens_clause *bind_clause_at(struct bind *bind, uint32_t reference, const struct tokens_clause *around);
/* A clause right behind it, whether it binds it alone or its block; NULL: none. */
const struct tokens_clause *bind_clause_behind(struct bind *bind, uint32_t reference);
const struct tokens_range *bind_range_at(struct bind *bind, uint32_t reference); /* NULL: none */
/* At the end: every clause of the statement names a point there is, and each moment has one snapshot. */
void bind_moments(struct bind *bind, struct plan_node *root);

/* --- do.c --- */
void bind_do(struct bind *bind, const PgQuery__DoStmt *node, struct plan_statement *statement);
void bind_create_extension(struct bind *bind, const PgQuery__CreateExtensionStmt *node,
                           struct plan_statement *statement);

#endif
