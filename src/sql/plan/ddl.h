/*
 * What plan_statement.ddl points to: definitions to make and to drop, transaction control, settings. Everything is
 * checked against the catalogue while binding; sql.c hands it to the transaction, which checks again what a
 * concurrent change could have broken.
 */
#ifndef KMB_SQL_DDL_H
#define KMB_SQL_DDL_H

#include "sql/bind/expr.h"
#include "sql/context.h"
#include "types/definition.h"

struct sql_prepared; /* prepared.h */

enum plan_ddl_kind {
    DDL_NOTHING,      /* IF EXISTS of what is absent, IF NOT EXISTS of what is there */
    DDL_CREATE_TABLE, /* or a view, a sequence or a type: drops, if any, first */
    DDL_DROP_TABLE,
    DDL_CREATE_INDEX,
    DDL_DROP_INDEX,
    DDL_ALTER_TABLE,
    DDL_ALTER_SEQUENCE,
    DDL_ADD_LABEL,
    DDL_RENAME_LABEL,
    DDL_ALTER_DOMAIN, /* or what renames a type */
    DDL_TRUNCATE,
    DDL_CREATE_SCHEMA,   /* value; after, in it */
    DDL_RENAME_SCHEMA,   /* schema, value */
    DDL_COMMENT_SCHEMA,  /* schema, value */
    DDL_COMMENT,         /* part, part_id; value: "" takes it away */
    DDL_SET_CONSTRAINTS, /* drops: which; none: all */
    DDL_CONTROL,         /* BEGIN, COMMIT, ROLLBACK */
    DDL_SET,
    DDL_SHOW,
    DDL_PREPARE,
    DDL_DEALLOCATE, /* value, NULL: all */
    DDL_DECLARE,
    DDL_FETCH,
    DDL_CLOSE, /* value, NULL: all */
    DDL_DISCARD,
    DDL_ANALYZE,  /* truncated: the tables */
    DDL_LISTEN,   /* value */
    DDL_UNLISTEN, /* value, NULL: all */
    DDL_NOTIFY,   /* value, payload */
    DDL_ROLE,     /* roles */
    DDL_LOCK,     /* truncated: the tables; lock_mode, nowait */
};

enum plan_alter_kind {
    ALTER_ADD_COLUMN,
    ALTER_DROP_COLUMN,
    ALTER_RENAME_COLUMN,
    ALTER_RENAME_TABLE,
    ALTER_DEFAULT, /* default_text, or none */
    ALTER_NOT_NULL,
    ALTER_ADD_UNIQUE,
    ALTER_DROP_CONSTRAINT,
    ALTER_ADD_IDENTITY,
    ALTER_SET_IDENTITY, /* rule, restart; default_kind, or NONE: it stays */
    ALTER_DROP_IDENTITY,
    ALTER_DROP_EXPRESSION,
    ALTER_ADD_FOREIGN,
    ALTER_ADD_CHECK,       /* text; columns: the one it reads, if it is one */
    ALTER_ADD_PRIMARY_KEY, /* columns */
    ALTER_USE_INDEX,       /* new_name: of the index; primary */
    ALTER_VALIDATE,
    ALTER_RENAME_CONSTRAINT,
    ALTER_RENAME_INDEX,
    ALTER_SET_SCHEMA, /* new_name */
    ALTER_TYPE,       /* column.type, text: what the rows get */
};

/* A stored text that is to be another: the default of a column, a check, or a view's query. */
struct plan_respell {
    struct table_id table;
    struct column_id column;    /* 0: a check, or the query */
    struct constraint_id check; /* 0: the query */
    const char *text;
};

/* A foreign key as it was written. */
struct plan_foreign {
    const char *name; /* NULL: made */
    uint32_t position;
    const char **columns;
    uint32_t column_count;
    const char *parent;
    const char *parent_schema;   /* NULL: none named */
    const char **parent_columns; /* none: those of its primary key */
    uint32_t parent_count;
    bool match_full;
    enum reference_action on_update;
    enum reference_action on_delete;
    const char **set_columns;
    uint32_t set_count;
    bool deferrable;
    bool deferred;
    bool not_valid;
};

/* A sequence that belongs to a column: made with it. */
struct plan_owned {
    uint32_t column;  /* ordinal in CREATE TABLE */
    const char *name; /* NULL: made of the table's and the column's */
    struct sequence_definition rule;
};

/* An index as it was written. */
struct plan_index_part {
    const char *column; /* NULL: an expression */
    const char *text;   /* of the expression */
    const char *label;  /* for the index's name */
    struct type type;
    bool descending;
    bool nulls_other;
};
struct plan_index {
    const char *name; /* NULL: made of the table's and the label */
    const char *label;
    const struct plan_index_part *parts;
    uint32_t part_count;
    const char *const *include;
    uint32_t include_count;
    bool unique;
    bool nulls_same;
    const char *predicate; /* NULL: all rows */
};

/* A view that goes with a column. */
struct plan_cascade {
    struct table_id view;
    const char *what; /* "view v", to be told */
};

/* One action of an ALTER TABLE. Columns are named, because an earlier action may have changed them. */
struct plan_alter {
    enum plan_alter_kind kind;
    const char *name;     /* of the column or constraint; "" for a name to be made */
    const char *new_name; /* RENAME */
    bool missing_ok;      /* IF EXISTS, IF NOT EXISTS: nothing to do is no error */
    bool cascade;         /* DROP */
    const struct plan_cascade *cascades;
    uint32_t cascade_count;
    bool not_null;
    struct column_definition column; /* ADD */
    const struct expr *missing;      /* ADD: what existing rows read, evaluated once; NULL: NULL */
    struct slice default_text;       /* empty: DROP DEFAULT */
    enum default_kind default_kind;  /* of an identity column */
    const struct plan_owned *owned;  /* ADD COLUMN, ADD IDENTITY; NULL: none */
    struct sequence_definition rule;
    const int64_t *restart;
    const struct plan_foreign *foreign;
    bool fill;            /* ADD COLUMN: existing rows are given the default, each its own */
    const char **columns; /* of a key */
    uint32_t column_count;
    const char **include; /* UNIQUE */
    uint32_t include_count;
    bool nulls_same;  /* UNIQUE */
    const char *text; /* of an expression */
    bool primary;
    bool not_valid;
};

struct plan_drop {
    bool of_schema; /* then of nothing else */
    struct schema_id schema;
    struct table_id table;
    struct index_id index;
    struct constraint_id foreign_key; /* of the table; 0: not that */
    struct column_id default_of;      /* its default goes, the table stays; 0: the table goes */
    struct column_id column;          /* it goes, and what needs it */
    struct constraint_id check;
};

enum plan_setting_id {
    SETTING_IGNORED,
    SETTING_ALL, /* RESET ALL */
    SETTING_TIME_ZONE,
    SETTING_JOIN_ROWS_MAX,
    SETTING_WORK_MEM,
    SETTING_TEMP_FILE_LIMIT,
    SETTING_TRANSACTIONS, /* access, isolation, deferral of those to come */
    SETTING_APPLICATION_NAME,
    SETTING_SEARCH_PATH,
    SETTING_PLAN_MODE, /* number: enum sql_plan_mode */
    SETTING_TIMEOUT,   /* timeout, number */
    SETTING_MESSAGES,  /* number */
    SETTING_SWITCH,    /* number: of enum sql_switch, times two, and whether it is on */
    SETTING_CUSTOM,    /* custom, value */
    SETTING_STYLE,     /* style; number: 0 DateStyle's part of it, 1 IntervalStyle's, 2 bytea_output's */
    SETTING_WAY,       /* number: bit of enum sql_way, times two, and whether it is open */
};

enum plan_fetch { PLAN_FETCH_FORWARD, PLAN_FETCH_BACKWARD, PLAN_FETCH_ABSOLUTE, PLAN_FETCH_RELATIVE };

enum plan_role_kind { PLAN_ROLE_CREATE, PLAN_ROLE_CHANGE, PLAN_ROLE_RENAME, PLAN_ROLE_DROP };

struct plan_role {
    enum plan_role_kind kind;
    const char *name;
    const char *new_name; /* RENAME */
    uint32_t flags_set;   /* enum role_flag */
    uint32_t flags_cleared;
    bool has_limit;
    int32_t limit;
    bool has_password;
    const char *password;    /* as written; NULL: none from now on */
    const char *valid_until; /* NULL: not written */
    bool missing_ok;         /* DROP */
};

struct plan_ddl {
    enum plan_ddl_kind kind;
    const struct table_definition *table; /* CREATE TABLE: ids of columns and checks set, own id by the transaction */
    struct table_id table_id;             /* CREATE INDEX, ALTER */
    struct schema_id schema;
    const struct plan_foreign **foreigns; /* CREATE TABLE */
    uint32_t foreign_count;
    enum definition_part part; /* COMMENT */
    uint32_t part_id;
    bool deferred;                         /* SET CONSTRAINTS */
    const struct plan_owned *const *owned; /* CREATE TABLE */
    uint32_t owned_count;
    const char **after; /* CREATE TABLE: statements to run when it is there */
    uint32_t after_count;
    struct sequence_definition sequence; /* ALTER SEQUENCE */
    const int64_t *restart;
    const struct plan_respell *respells; /* RENAME VALUE, RENAME COLUMN */
    uint32_t respell_count;
    struct slice label;             /* of an enum type: where it stands and its name */
    const struct plan_index *index; /* CREATE INDEX */
    const struct plan_drop *drops;
    uint32_t drop_count;
    const struct plan_alter *alters;
    uint32_t alter_count;
    const struct plan_role *roles;
    uint32_t role_count;

    const char *alone; /* how it is called, where it must not be in a transaction block; else NULL */

    int control;   /* enum sql_control_kind */
    int access;    /* enum sql_access */
    int isolation; /* enum sql_isolation */
    bool isolation_reset;
    int deferral;
    bool chain;
    const char *savepoint;
    bool restart_identity;
    const struct table_id *truncated;
    uint32_t truncated_count;

    const struct sql_prepared *prepared; /* PREPARE */
    bool deep;

    struct {
        bool scroll;
        bool no_scroll;
        bool hold;
    } cursor;              /* DECLARE */
    enum plan_fetch fetch; /* number: how many; INT64_MAX: all */
    bool move;

    enum plan_setting_id setting;
    bool local;         /* SET LOCAL */
    const char *value;  /* SET: the new one, NULL for the default; SHOW: the text to answer; else the name */
    const char *custom; /* the name */
    enum sql_timeout timeout;
    const char *payload; /* NULL: none */
    struct datetime_style style;
    uint8_t lock_mode; /* enum sql_lock_mode */
    bool nowait;
    struct time_zone zone;
    int64_t number; /* of the other settings, of FETCH */
};

#endif
