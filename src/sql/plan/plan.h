/*
 * Plans: what the binder makes, the optimiser rearranges and the executor runs. One node type with a kind: the logical
 * tree and the physical one differ in the kinds used and in the fields filled, so that a rule is a function from node
 * to node. Nodes live in the statement's arena.
 *
 * Each node's output row is columns[0..column_count). Expressions of a node read the concatenated output of its
 * children (left columns first), ordinals from 0.
 *
 * A table's columns are always its *living* columns, numbered as catalogue_column() numbers them; dropped ones have no
 * place in any row here.
 */
#ifndef KMB_SQL_PLAN_H
#define KMB_SQL_PLAN_H

#include "kernel/catalogue.h"
#include "kernel/transaction.h"
#include "sql/bind/expr.h"
#include "sql/func/function.h"

struct catalogue_relation;
struct kernel_view;
struct plan_copy; /* copy.h */

enum plan_kind {
    /* sources */
    PLAN_SCAN,      /* table in key order, or through index; range bounds; pushed filter; reads as of `at` */
    PLAN_HISTORY,   /* kimberlite_history(table): all versions, extra columns at the end */
    PLAN_DIFF,      /* kimberlite_diff(table, since, at): its columns, those of the old row, then operation, position */
    PLAN_VALUES,    /* rows of expressions */
    PLAN_FUNCTION,  /* the rows of set-returning functions (aggregates) side by side, NULL behind a shorter one's end */
    PLAN_CATALOGUE, /* an information_schema or SHOW relation, rows made by the executor from the catalogue */
    PLAN_COPY,      /* the records that COPY FROM reads */
    PLAN_CTE,       /* the rows of a WITH query, kept once for all who read them; or its working table */
    PLAN_ONE_ROW,   /* no columns, one row: SELECT without FROM */
    /* what names rows for a scan that has it as its left: no columns, for it gives keys of rows */
    PLAN_BITMAP_INDEX, /* those in a range of an index, or equal to any of its expressions in the first part */
    PLAN_BITMAP_AND,   /* those that both children name */
    PLAN_BITMAP_OR,    /* those that either does */
    /* one child */
    PLAN_FILTER,    /* predicate */
    PLAN_PROJECT,   /* expressions */
    PLAN_AGGREGATE, /* group expressions, then aggregates; output in that order */
    PLAN_WINDOW,    /* child's row, then a column a window function; expressions partition, keys order */
    PLAN_SORT,      /* keys; limit_hint lets it keep only the best rows */
    PLAN_LOCK,      /* FOR UPDATE: expressions are keys of rows of `locked`, which the transaction will rely on */
    PLAN_LIMIT,     /* limit, offset: expressions or NULL; with sort keys WITH TIES */
    PLAN_DISTINCT,  /* on all columns, or those in expressions: the first of equals stays */
    /* two children */
    PLAN_SET,  /* UNION ALL, INTERSECT, EXCEPT: columns of one number and type; UNION is DISTINCT over UNION ALL */
    PLAN_JOIN, /* join_type, predicate; physical strategy chosen by the optimiser */
    /* writes: child gives rows; each counts and answers RETURNING */
    PLAN_INSERT,
    PLAN_UPDATE,
    PLAN_DELETE,
    PLAN_MERGE,
};

enum plan_set_operation { PLAN_SET_UNION_ALL, PLAN_SET_INTERSECT, PLAN_SET_EXCEPT };
/* SEMI: left rows that have a partner, once; ANTI: those that have none. Their right columns say nothing. */
enum plan_join_type {
    PLAN_JOIN_INNER,
    PLAN_JOIN_LEFT,
    PLAN_JOIN_RIGHT,
    PLAN_JOIN_FULL,
    PLAN_JOIN_CROSS,
    PLAN_JOIN_SEMI,
    PLAN_JOIN_ANTI,
};
/* LATERAL: the right side is a query of its own, run for each left row with the values of left_keys as its outer ones.
 * MERGE: both sides come in the order of the keys, which are columns. */
enum plan_join_strategy { PLAN_JOIN_NESTED, PLAN_JOIN_HASH, PLAN_JOIN_INDEX, PLAN_JOIN_LATERAL, PLAN_JOIN_MERGE };

/* A column that is a row: its text. Its parts (whether it is there, then its fields) are other columns of the node. */
struct plan_record {
    uint32_t first;
    uint32_t count; /* 0: they are no columns yet */
    bool sequence;  /* no row but a list of rows: what is shown of it, and the key that orders it */
    const char **names;
    uint32_t position;
};

struct plan_column {
    const char *name; /* output name */
    struct type type;
    const char *table_name; /* alias it came from, or NULL */
    const struct plan_record *record;
    bool part; /* of a row: has no name, and is not shown */
};

struct plan_sort_key {
    const struct expr *expr;
    bool descending;
    bool nulls_first;
};

struct plan_aggregate {
    const struct sql_function *function;
    const struct expr **arguments; /* over the child's row; none for count(*) */
    uint32_t argument_count;
    bool distinct;
    struct plan_sort_key *order; /* ORDER BY in the call, or what an ordered-set aggregate is WITHIN */
    uint32_t order_count;
    const struct expr **direct; /* of an ordered-set aggregate: over the node's own grouping columns */
    uint32_t direct_count;
    const struct expr *filter; /* FILTER (WHERE ...), or NULL */
    struct type type;
    uint32_t position;
};

/* Which rows a window function sees from a row: those of its partition between two bounds, less the excluded. */
enum plan_frame_mode { PLAN_FRAME_RANGE, PLAN_FRAME_ROWS, PLAN_FRAME_GROUPS };
enum plan_frame_bound {
    PLAN_UNBOUNDED_PRECEDING,
    PLAN_PRECEDING,
    PLAN_CURRENT_ROW,
    PLAN_FOLLOWING,
    PLAN_UNBOUNDED_FOLLOWING,
};
enum plan_frame_exclusion { PLAN_EXCLUDE_NONE, PLAN_EXCLUDE_CURRENT, PLAN_EXCLUDE_GROUP, PLAN_EXCLUDE_TIES };
struct plan_frame {
    enum plan_frame_mode mode;
    enum plan_frame_bound start;
    enum plan_frame_bound end;
    enum plan_frame_exclusion exclusion;
    const struct expr *start_offset; /* of PRECEDING and FOLLOWING: read no column */
    const struct expr *end_offset;
};

/* A moment of the past for one query block. kind NONE: the present. */
enum plan_at_kind { PLAN_AT_NONE, PLAN_AT_POSITION, PLAN_AT_TIME };
struct plan_at {
    enum plan_at_kind kind;
    const struct expr *value; /* constant or parameter: INT8, or TIMESTAMPTZ */
    uint32_t position;        /* in the text */
};

/* The column of a scan that is the row's key, as bytea: by it a write finds again what its search has found. */
#define PLAN_SCAN_KEY UINT32_MAX

/* One end of a key range: the first `count` columns of key order have these values. Evaluated when the scan opens. */
struct plan_bound {
    const struct expr **values;
    uint32_t count;
    bool inclusive;
};

struct plan_conflict { /* ON CONFLICT */
    bool present;
    bool do_nothing;
    bool any;                        /* no target named: any unique key */
    struct index_id index;           /* value 0 with any false: the primary key */
    const struct expr **assignments; /* per table column over (existing row, excluded row); NULL: unchanged */
    const struct expr *where;
};

/* A WHEN clause of MERGE: the first whose condition holds is done. */
enum plan_merge_kind { PLAN_MERGE_NOTHING, PLAN_MERGE_UPDATE, PLAN_MERGE_DELETE, PLAN_MERGE_INSERT };
struct plan_merge_action {
    enum plan_merge_kind kind;
    bool matched;                 /* for rows that have a key */
    const struct expr *condition; /* over the child's row; NULL: always */
    const struct expr **values;   /* the new row, over the child's row */
    uint32_t value_count;
};

/* A query inside an expression (EXPR_SUBQUERY). */
enum plan_subquery_kind {
    PLAN_SUBQUERY_SCALAR, /* the one value of the one row; NULL without a row; 21000 with several */
    PLAN_SUBQUERY_EXISTS,
    PLAN_SUBQUERY_ANY, /* comparison is true for some row: IN, = ANY */
    PLAN_SUBQUERY_ALL, /* comparison is true for all rows */
};
struct plan_subquery {
    enum plan_subquery_kind kind;
    uint32_t number; /* from 1, in the order of binding: for EXPLAIN */
    struct plan_node *root;
    uint32_t outer_count; /* outer values that root reads; behind them those of comparison alone */
    uint32_t shares;      /* SCALAR of several columns: how many expressions take one each (EXPR_SUBQUERY's column) */
    const struct expr *comparison; /* ANY, ALL: over root's row; the left operands are outer values */
    const struct expr *joined;     /* what stands for it where it has become a join */
    bool optimised;
    bool collected; /* common.c has seen it */
    bool finished;
    uint32_t position;
};

/* A WITH query, or a write in WITH. Its rows (a write's: RETURNING's) are made when they are first asked for, in the
 * execution of the query that defines it. */
struct plan_cte {
    const char *name;
    struct plan_node *root;      /* all of it, or the non-recursive term */
    struct plan_node *recursive; /* over the working table (PLAN_CTE with cte_work); NULL: not recursive */
    bool distinct;               /* recursive: UNION, not UNION ALL */
    bool keep;                   /* MATERIALIZED, or a write: never put in place of its reference */
    uint32_t depth;              /* of the query that defines it: 0 the statement, 1 a subquery in it, ... */
    uint32_t rounds;             /* recursive terms around it: one that is in a term is made anew for each round */
    uint32_t references;
    uint32_t own_columns; /* that * shows of its working table; 0: all */
    bool takes_outer;     /* reads values of the query around its own */
    bool optimised;
    bool collected; /* common.c has seen it */
    bool finished;
    /* a subplan that stands several times (common.c) */
    struct plan_node **readers;   /* `references` of them; NULL: it is a query that was written in WITH */
    uint64_t *needed;             /* its columns that they read */
    struct plan_cte *next_common; /* also while common.c walks */
};

/* FOR UPDATE, FOR SHARE of one table: what is done about rows that another has locked. */
enum plan_lock_wait { PLAN_LOCK_WAITS, PLAN_LOCK_FAILS, PLAN_LOCK_SKIPS };
struct plan_locking {
    enum kernel_claim_mode mode;
    enum plan_lock_wait wait;
};

struct plan_node {
    enum plan_kind kind;
    struct plan_node *left;
    struct plan_node *right;
    struct plan_column *columns;
    uint32_t column_count;

    /* PLAN_SCAN, PLAN_HISTORY, writes */
    const struct catalogue *catalogue; /* of the position read: the schema of then */
    const struct table_definition *table;
    struct plan_at at;
    struct plan_at since;         /* PLAN_DIFF: the first of the two moments */
    uint32_t at_block;            /* equal for scans that share one point: one snapshot */
    const uint32_t *scan_columns; /* living-column ordinal of each output column, or PLAN_SCAN_KEY */
    uint32_t unseen_count;        /* SCAN: columns behind the output's, which its predicate alone reads */
    /* SCAN of the present or past: what hidden columns are of, over the table's columns by their ordinals. */
    const struct expr **indexed;
    uint32_t indexed_count;
    struct index_id index; /* value 0: primary key order */
    bool index_only;       /* at the present its entries have all columns that are read */
    struct plan_bound low;
    struct plan_bound high;
    bool reverse;
    const struct expr *sample_percent; /* SCAN: TABLESAMPLE, FLOAT8; NULL: all rows */
    const struct expr *sample_seed;    /* REPEATABLE, FLOAT8; NULL: another each time */
    const char *sample_method;         /* for EXPLAIN */
    const char *current_of;            /* SCAN of a write: the row that this cursor stands on, alone */

    const struct expr *asked;        /* SCAN, until it is planned: all that is asked of its rows; NULL: nothing */
    const struct expr *recheck;      /* SCAN with a bitmap: the conditions that the bitmap answers */
    bool large;                      /* SCAN: the table is of some size */
    bool by_value;                   /* SCAN: how many rows it gives is up to a parameter */
    const struct expr *predicate;    /* FILTER, JOIN ON, SCAN's pushed filter; BITMAP_INDEX: column 0 = any, as shown */
    const struct expr *once;         /* FILTER: reads no column; asked before the first row is */
    const struct expr **expressions; /* PROJECT; AGGREGATE's groups; WINDOW's partition */
    uint32_t expression_count;
    uint64_t **grouping_sets;    /* AGGREGATE: bits of expressions; the last expression is then the set's number */
    uint32_t grouping_set_count; /* 0: each row is in one group */
    struct plan_aggregate *aggregates; /* of AGGREGATE; of WINDOW, FUNCTION: the functions called, of any class */
    uint32_t aggregate_count;
    const struct expr ***rows; /* VALUES: row_count arrays of column_count */
    uint32_t row_count;
    struct plan_sort_key *sort_keys; /* SORT; WINDOW's order */
    uint32_t sort_key_count;
    struct plan_frame frame; /* WINDOW */
    const struct expr *limit;
    const struct expr *offset;
    uint64_t limit_hint; /* SORT: rows needed at most; 0 unknown */

    enum plan_join_type join_type;
    enum plan_join_strategy join_strategy;
    bool ordinality;               /* FUNCTION: a last column numbers the rows */
    const struct expr **left_keys; /* HASH and INDEX: equal pairs; left_keys over left's row, right_keys over right's */
    const struct expr **right_keys;
    uint32_t key_count;
    bool descending; /* MERGE: the order of the keys */
    bool repeats;    /* LATERAL: for the same values the right side gives the same rows */

    enum plan_set_operation set_operation;
    bool set_all; /* INTERSECT ALL, EXCEPT ALL: rows count */

    struct plan_cte *cte;
    bool cte_work;      /* the rows of the last round, inside the recursive term */
    uint32_t cte_depth; /* of the query that reads it; of a common subplan scan_columns are its columns there */

    const struct plan_copy *copy;           /* COPY */
    const struct table_definition **locked; /* LOCK: the table of each expression */
    const struct plan_locking *lockings;    /* and how it is locked; limit, offset: rows wanted, where it skips */

    const struct catalogue_relation *relation; /* CATALOGUE (exec/catalogue.h) */
    struct table_id relation_of;               /* 0: of all */

    /* INSERT: child's columns are the table's columns in order, defaults filled in, types coerced.
     * UPDATE: child's columns are the old row, then the new row; DELETE: the old row. Behind that stand, of both, the
     * columns of the other tables that RETURNING reads, and last the old row's key (PLAN_SCAN_KEY). */
    const struct table_definition *creates; /* INSERT: the table is made first (CREATE TABLE AS) */
    bool no_data;                           /* and stays empty */
    struct plan_conflict conflict;
    bool claims;                       /* UPDATE, DELETE: a row may be found again, and is changed once */
    struct plan_merge_action *actions; /* MERGE; child's last column is the target's key, NULL where it has no row */
    uint32_t action_count;
    const struct expr **generated; /* values of generated columns over the new row */
    uint32_t *generated_columns;   /* their ordinals */
    uint32_t generated_count;
    const struct expr **hidden; /* values of hidden columns over the new row, in their order */
    uint32_t hidden_count;
    const struct expr **checks; /* table's CHECKs over the new row, then CHECK OPTIONs of views */
    const char **check_names;   /* of constraints; of views */
    uint32_t check_count;
    uint32_t view_check_count;     /* the last ones of them */
    const struct expr **returning; /* over the new (DELETE: old) row and what stands behind it; NULL: no RETURNING */
    uint32_t returning_count;

    /* A statement's root: the writes in its WITH, in order. Each is run once and to its end, read or not. */
    struct plan_cte **writes;
    uint32_t write_count;

    double rows_estimate;
    double read_estimate; /* SCAN: rows met before its filter */
};

static inline bool plan_writes(const struct plan_node *node) {
    return node->kind >= PLAN_INSERT;
}

/* Whether the node reads at a moment: has a catalogue, an at and an at_block. */
static inline bool plan_reads(const struct plan_node *node) {
    return node->kind == PLAN_SCAN || node->kind == PLAN_HISTORY || node->kind == PLAN_DIFF ||
           node->kind == PLAN_CATALOGUE;
}

static inline bool plan_names_rows(const struct plan_node *node) {
    return node->kind == PLAN_BITMAP_INDEX || node->kind == PLAN_BITMAP_AND || node->kind == PLAN_BITMAP_OR;
}

/* Columns of a scan's row as its own predicate sees it. */
static inline uint32_t plan_scan_width(const struct plan_node *scan) {
    return scan->column_count + scan->unseen_count;
}

/* Calls each with the place of every expression of this node alone (not its children's), so that it may be replaced. */
void plan_expressions(struct plan_node *node, void (*each)(void *context, const struct expr **place), void *context);
/* Calls each with every subquery in the node's own expressions, outermost first; not those inside subqueries. */
void plan_subqueries(struct plan_node *node, void (*each)(void *context, struct plan_subquery *subquery),
                     void *context);

/* What EXPLAIN was asked for. */
enum plan_explain_format { PLAN_EXPLAIN_TEXT, PLAN_EXPLAIN_JSON, PLAN_EXPLAIN_XML, PLAN_EXPLAIN_YAML };
struct plan_explain_options {
    enum plan_explain_format format;
    bool analyze; /* the statement is run */
    bool verbose;
    bool costs;
    bool buffers;
    bool timing;
    bool summary; /* times of planning and running */
    bool settings;
};

/* A bound statement. */
enum plan_statement_kind {
    STATEMENT_QUERY, /* root gives rows */
    STATEMENT_WRITE, /* root is INSERT, UPDATE, DELETE or MERGE; gives rows when returning */
    STATEMENT_DDL,
    STATEMENT_TRANSACTION, /* BEGIN, COMMIT, ROLLBACK, SAVEPOINT... */
    STATEMENT_EXPLAIN,     /* root is the explained plan; output one text column "QUERY PLAN" */
    STATEMENT_SETTING,     /* SET, SHOW of a setting, PREPARE, DECLARE and their kin: the session alone is changed */
    STATEMENT_FETCH,       /* FETCH and MOVE: rows of a cursor */
    STATEMENT_COPY,        /* COPY TO: root's rows are written, none is given */
    STATEMENT_BLOCK,       /* DO: the engine runs its steps, each a statement of its own */
    STATEMENT_EMPTY,       /* nothing but blanks and comments */
};

/* What a statement tells beside its answer, when it is run: KMB_OK where nothing is amiss. */
struct plan_notice {
    const struct plan_notice *next;
    enum kmb_status status;
    const char *message;
    const char *detail; /* NULL: none */
};

struct plan_statement {
    enum plan_statement_kind kind;
    const char *tag; /* "SELECT", "INSERT", "CREATE TABLE": first words of the command tag */
    struct plan_node *root;
    struct plan_column *columns; /* of the answer; none for statements without rows */
    uint32_t column_count;
    struct type *parameter_types; /* of $1..$n, inferred where not given */
    uint32_t parameter_count;
    const struct expr **arguments; /* EXECUTE: the parameters that root reads, over the statement's own; else NULL */
    uint32_t argument_count;
    const struct plan_copy *copy;   /* COPY FROM (a WRITE) and COPY TO */
    const void *ddl;                /* struct plan_ddl, ddl.h */
    const struct block_step *block; /* BLOCK: sql/block.h */
    const struct plan_notice *notices;
    struct table_id cursor_table; /* of a cursor that rows may be changed through: the last column is their key */
    uint64_t catalogue_version;   /* plan is valid while this is current */
    bool reads_past;              /* any time-travel clause */
    bool writes;                  /* running it changes rows: a write, EXPLAIN ANALYZE or COPY TO of one */
    bool secret;                  /* its text may hold a password: it is kept and logged nowhere */
    bool advances;                /* a query that moves sequences: it runs as a write does */
    bool locks;                   /* a query FOR UPDATE and its kin */
    bool waits;                   /* perhaps for another session */
    bool pointwise;               /* plan_is_pointwise() */
    struct plan_explain_options explain;
};

/* Whether bounds are equalities with the whole primary key of the table: then there is one row at most. */
bool plan_reads_one_row(const struct plan_node *scan, const struct table_definition *table);
/* Whether a statement that is planned reads nothing but such rows (struct sql_host's point). */
bool plan_is_pointwise(const struct plan_statement *statement);

#endif
