/*
 * The face of the SQL room: text in, batches out. The engine and the tests use this header alone.
 *
 *   sql_split()      finds the statements of a script
 *   sql_prepare()    text -> statement: parsed once, bound to the catalogue, planned
 *   sql_run_open()   statement + parameters -> run: pinned views, operators opened; a write is complete when it returns
 *   sql_run_next()   KMB_ROW with a batch, KMB_DONE at the end, else an error
 *   sql_run_close()  gives back all that the run held
 *
 * The room knows no log, no disk, no clock: all it needs of the world is in struct sql_host, which the engine fills.
 * A statement and its runs belong to one thread at a time. Nothing here raises: every function answers a status.
 */
#ifndef KMB_SQL_SQL_H
#define KMB_SQL_SQL_H

#include <stdatomic.h>

#include "base/error.h"
#include "base/slice.h"
#include "sql/context.h"
#include "sql/exec/vector.h"
#include "sql/plan/plan.h"
#include "sql/prepared.h"
#include "sql/server.h"

struct kernel_view;
struct kernel_transaction;
struct sql_cursor_list;
struct sql_spill;

/* A moment to read at. kind NONE: the present of the session (an open transaction's own fork, else the newest
 * published root). */
struct sql_point {
    enum plan_at_kind kind;
    uint64_t offset;   /* POSITION: the state after the first `offset` events */
    int64_t time_us;   /* TIME: the largest position committed at or before */
    uint32_t position; /* byte + 1 of the value in the text, 0 none */
};

enum sql_control_kind {
    SQL_CONTROL_BEGIN,
    SQL_CONTROL_COMMIT,
    SQL_CONTROL_ROLLBACK,
    SQL_CONTROL_SAVEPOINT,
    SQL_CONTROL_RELEASE,
    SQL_CONTROL_ROLLBACK_TO,
    SQL_CONTROL_CHANGE, /* SET TRANSACTION */
};

/* How a transaction is to be; DEFAULT: as the session says, or as it is. */
enum sql_access { SQL_ACCESS_DEFAULT, SQL_ACCESS_READ_WRITE, SQL_ACCESS_READ_ONLY };
enum sql_deferral { SQL_DEFERRAL_DEFAULT, SQL_DEFERRAL_OFF, SQL_DEFERRAL_ON };

struct sql_control {
    enum sql_control_kind kind;
    enum sql_access access; /* BEGIN READ ONLY */
    enum sql_isolation isolation;
    enum sql_deferral deferral;
    bool chain; /* COMMIT AND CHAIN */
    const char *savepoint;
};

/* What nextval() gave in a session: currval() and lastval(). */
struct sql_statistics; /* sql/statistics.h */

#define SQL_SEQUENCE_NAME_KEY 120
#define SQL_SEQUENCE_NAMES    2

struct sql_sequences {
    struct sql_sequence {
        struct table_id id;
        int64_t value;
    } * list;
    uint32_t count;
    uint32_t capacity;
    struct table_id last; /* 0: none yet */
    /* What a name meant last: a session that inserts names the same sequence again and again. */
    struct sql_sequence_name {
        uint64_t catalogue_version; /* 0: none */
        struct table_id id;
        size_t length;
        uint8_t key[SQL_SEQUENCE_NAME_KEY]; /* search_path, user and text */
    } names[SQL_SEQUENCE_NAMES];
    unsigned name_next;
};
void sql_sequences_free(struct sql_sequences *sequences);

/* What COPY FROM STDIN reads and COPY TO STDOUT writes, while sql_run_open() runs. */
struct sql_copy {
    /* Gives up to size bytes; *count 0: the end. */
    enum kmb_status (*read)(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error);
    enum kmb_status (*write)(void *context, const void *bytes, size_t length, struct kmb_error *error);
    void *context;
    bool by_row; /* each row, a header line and an end mark are written on their own, else many rows together */
};

/* --- what the sessions of a tenant have to do with each other --- */

/* The name of an advisory lock, and how it is asked for. */
/* Modes of locks, PostgreSQL's in its order; advisory locks know SHARE and EXCLUSIVE. */
enum sql_lock_mode {
    SQL_LOCK_ACCESS_SHARE = 1,
    SQL_LOCK_ROW_SHARE,
    SQL_LOCK_ROW_EXCLUSIVE,
    SQL_LOCK_SHARE_UPDATE_EXCLUSIVE,
    SQL_LOCK_SHARE,
    SQL_LOCK_SHARE_ROW_EXCLUSIVE,
    SQL_LOCK_EXCLUSIVE,
    SQL_LOCK_ACCESS_EXCLUSIVE,
};

enum sql_lock_kind {
    SQL_LOCK_NUMBER, /* of 64 bits */
    SQL_LOCK_PAIR,   /* two of 32 */
    SQL_LOCK_TABLE,  /* by its id */
    SQL_LOCK_ROW,    /* first: a hash of its key, second: its table or unique index */
};

struct sql_lock {
    enum sql_lock_kind kind;
    int64_t first;
    int64_t second; /* of a pair */
    enum sql_lock_mode mode;
    bool transaction; /* till the transaction ends, else till it is given back */
};
/* session: that of pg_backend_pid(). */
const char *sql_lock_mode_name(enum sql_lock_mode mode); /* "AccessShareLock" and so on */
typedef void sql_lock_fn(void *context, const struct sql_lock *lock, uint64_t session, bool granted);

enum sql_listen { SQL_LISTEN, SQL_UNLISTEN, SQL_UNLISTEN_ALL };

/* NULL in struct sql_host: the session is alone, and what needs others is refused. context: the host's. */
struct sql_neighbours {
    /* Waits unless `attempt`, then *taken says. KMB_DEADLOCK, KMB_LOCK_NOT_AVAILABLE, KMB_CANCELLED. */
    enum kmb_status (*lock)(void *context, const struct sql_lock *lock, bool attempt, bool *taken,
                            struct kmb_error *error);
    /* One of LOCK TABLE, till the transaction ends. What the transaction reads from now on is as new as the lock, if it
     * has read nothing yet; one of SHARE and above makes it rely on the table: it is refused at its commit where
     * another has written to it. */
    enum kmb_status (*lock_table)(void *context, struct table_id table, enum sql_lock_mode mode, bool attempt,
                                  bool *taken, struct kmb_error *error);
    /* Of those that are not the transaction's. *given false: the session has no such lock. */
    enum kmb_status (*unlock)(void *context, const struct sql_lock *lock, bool *given, struct kmb_error *error);
    enum kmb_status (*unlock_all)(void *context, struct kmb_error *error);
    /* The transaction's, down to a mark: where a transaction is one statement. */
    uint64_t (*lock_mark)(void *context);
    void (*unlock_to)(void *context, uint64_t mark);
    void (*locks)(void *context, sql_lock_fn *each, void *each_context);
    /* Whom a session waits for, by number, perhaps several times. each must not raise. */
    void (*blockers)(void *context, uint64_t session, void (*each)(void *context, uint64_t blocker),
                     void *each_context);
    /* Of the open transaction, or one that is this statement: larger than that of any that began before. */
    uint64_t (*transaction_number)(void *context);
    /* Told, listened to and not any more when the transaction commits. */
    enum kmb_status (*notify)(void *context, struct slice channel, struct slice payload, struct kmb_error *error);
    enum kmb_status (*listen)(void *context, enum sql_listen how, struct slice channel, struct kmb_error *error);
    const char *(*channel)(void *context, size_t at); /* those listened to, counted from 0; NULL: no more */
    double (*notify_usage)(void *context);            /* how full the queue is, 0 to 1 */
};

/* Of the log and the store, all tenants together, since they were opened. */
struct sql_log_figures {
    char uuid[37];
    uint64_t op; /* newest durable block */
    uint64_t blocks;
    uint64_t entries;
    uint64_t bytes;
    uint64_t syncs;
    double sync_ms; /* all of them */
    uint64_t checkpoints;
    uint64_t log_bytes; /* of its segments now */
    uint64_t store_bytes;
    uint64_t cache_bytes;
    uint64_t pinned_bytes; /* of the store, kept for open statements alone */
};

/* An entry of the tenant's log. Texts and bytes are valid until the next call. */
struct sql_log_entry {
    uint64_t sequence; /* of the tenant, from 1 */
    uint64_t op;
    uint64_t position_before;
    uint64_t position_after;
    int64_t time_us;
    uint32_t bytes; /* of its body, as it is stored */
    bool sealed;
    const uint8_t *hash; /* 32 bytes */
    const uint8_t *previous_hash;
    const char *segment;
    const char *events; /* in words */
};
struct sql_log;

/* What the engine gives. All functions may be called from sql_prepare and sql_run_* on the caller's thread. */
/* A block of temporary space. */
struct sql_spill_block {
    uint64_t place;
    uint64_t number; /* of those written: another block may come to the same place */
    uint32_t size;   /* of what was written */
};

struct sql_host {
    void *context;
    struct charge *charge; /* that memory of statements is counted to; NULL: nobody's */
    /* Pins the state of a point. The view is given back with view_close(), also after an error of the statement. */
    enum kmb_status (*view_open)(void *context, const struct sql_point *point, struct kernel_view **view,
                                 struct kmb_error *error);
    void (*view_close)(void *context, struct kernel_view *view);
    /* The transaction that this statement writes to: the open one, or the statement's own (autocommit), which the
     * engine commits after the run. Refuses with KMB_READ_ONLY_TRANSACTION where writing is not allowed. */
    enum kmb_status (*transaction)(void *context, struct kernel_transaction **transaction, struct kmb_error *error);
    /* BEGIN, COMMIT, ROLLBACK, and savepoints. */
    enum kmb_status (*control)(void *context, const struct sql_control *control, struct kmb_error *error);
    /* Something to be told beside the answer, status KMB_OK where nothing is amiss. NULL: nobody is told. */
    void (*notice)(void *context, const struct kmb_error *notice);
    int64_t (*now_us)(void *context);       /* of the transaction where one is open: NOW() stands still in it */
    int64_t (*clock_us)(void *context);     /* clock_timestamp(), which goes on within a statement; NULL: as now_us */
    int64_t (*monotonic_ns)(void *context); /* for statement_timeout; NULL: statements take the time they take */
    bool (*random)(void *context, void *bytes, size_t count);
    /*
     * Temporary space of one run, for what does not fit into work_mem (NULL: nothing is spilled). Blocks are written
     * once, read any number of times, and gone when they are given back or with the file. bytes_max:
     * KMB_TEMP_FILE_LIMIT beyond; 0: none.
     */
    enum kmb_status (*spill_open)(void *context, uint64_t bytes_max, struct sql_spill **spill, struct kmb_error *error);
    enum kmb_status (*spill_write)(struct sql_spill *spill, struct slice block, struct sql_spill_block *place,
                                   struct kmb_error *error);
    enum kmb_status (*spill_read)(struct sql_spill *spill, struct sql_spill_block block, void *bytes,
                                  struct kmb_error *error);
    void (*spill_give_back)(struct sql_spill *spill, struct sql_spill_block block);
    void (*spill_close)(struct sql_spill *spill);
    /* A time zone by name, whose memory lives as long as the session; NULL: none. The member may be NULL: none at all.
     */
    const struct zone *(*zone_find)(void *context, struct slice name);
    struct sql_settings *settings;      /* the session's; SET changes it */
    struct sql_settings *settings_kept; /* within BEGIN ... COMMIT: what COMMIT leaves, without SET LOCAL */
    struct sql_sequences *sequences;    /* the session's; nextval() changes it */
    struct sql_prepared_list *prepared; /* the session's, by PREPARE */
    struct sql_cursor_list *cursors;    /* the session's, by DECLARE */
    /* A run of a pointwise statement is about to read one row; NULL: none is to be told of. Its refusal is the run's.
     */
    enum kmb_status (*point)(void *context, struct table_id table, struct slice key, struct kmb_error *error);
    bool (*in_block)(void *context);   /* between BEGIN and COMMIT; NULL: never */
    struct sql_statistics *statistics; /* samples of tables, the shard's; NULL: none is kept */
    void (*log_figures)(void *context, struct sql_log_figures *figures); /* NULL: there is no log */
    /* The tenant's entries first..last, as far as they are there: those that a statement reading at host->at may show.
     * log_next answers KMB_ROW or KMB_DONE. The member may be NULL: there is no log. */
    enum kmb_status (*log_open)(void *context, uint64_t first, uint64_t last, struct sql_log **log,
                                struct kmb_error *error);
    enum kmb_status (*log_next)(struct sql_log *log, struct sql_log_entry *entry, struct kmb_error *error);
    void (*log_close)(struct sql_log *log);
    struct sql_usage *usage;     /* of tables and indexes, the shard's; NULL: none is counted */
    const atomic_bool *cancel;   /* may be NULL; set from any thread: 57014 */
    const struct sql_copy *copy; /* of the statement that is opened; may be NULL */
    bool references_held;        /* whoever runs the statement checks foreign keys itself */
    bool checks_held;            /* rows are written again as they are: CHECK constraints are not asked */
    struct slice session_user;   /* current_user */
    enum sql_user user_kind;
    struct slice database; /* current_database(); empty: "kimberlite" */
    uint64_t session;      /* its number: pg_backend_pid() */
    uint32_t tenant;
    const struct sql_neighbours *neighbours;
    const struct sql_server *server;
    struct sql_point at; /* a point given beside the text (--at): every read is there; a time-travel clause or
                          * a write is then an error */
};

/* Called for each statement of a script: the text between separators, without blanks and comments around it; offset
 * is that of its first byte. A false answer stops the split. Empty statements are left out. */
typedef bool sql_split_fn(void *context, struct slice statement, size_t offset);
/* Splits at top-level ';'. Strings, dollar quotes, quoted names and comments are respected. A text that does not scan
 * (an open quote) comes as one statement, so that its prepare tells the error. */
enum kmb_status sql_split(struct slice script, sql_split_fn *each, void *context, struct kmb_error *error);
/* Whether the text read so far ends inside a statement (open quote, comment, parenthesis, or no ';' yet): what a shell
 * asks before it prompts for more. */
bool sql_incomplete(struct slice script);

/* The setting as SHOW gives it, of a session that runs no statement; false: there is none, or it is longer. */
bool sql_setting_show(const struct sql_host *host, const char *name, char *text, size_t size);

/* The table, view or sequence of that name (schema empty: by the session's search_path); NULL: there is none. */
enum kmb_status sql_find_relation(const struct sql_host *host, const struct catalogue *catalogue, struct slice schema,
                                  struct slice name, const struct table_definition **table, struct kmb_error *error);

struct sql_statement;

/*
 * Parses, binds and plans one statement. parameter_types may be NULL; entries of TYPE_UNKNOWN are inferred. The
 * statement is re-bound by itself when a run finds another catalogue version. More than one statement in the text is
 * an error. Free with sql_statement_free(); a run must be closed before its statement.
 */
enum kmb_status sql_prepare(const struct sql_host *host, struct slice text, const struct type *parameter_types,
                            uint32_t parameter_type_count, struct sql_statement **statement, struct kmb_error *error);
/* Whether the text is one statement that parses; names in it are not looked for. Its errors are sql_prepare()'s. */
enum kmb_status sql_parse_check(const struct sql_host *host, struct slice text, struct kmb_error *error);
void sql_statement_free(struct sql_statement *statement); /* NULL is fine */

enum plan_statement_kind sql_statement_kind(const struct sql_statement *statement);
const char *sql_statement_tag(const struct sql_statement *statement); /* "SELECT", "CREATE TABLE" */
bool sql_statement_writes(const struct sql_statement *statement);     /* needs a transaction: DML or DDL */
uint32_t sql_statement_column_count(const struct sql_statement *statement);
const struct plan_column *sql_statement_column(const struct sql_statement *statement, uint32_t index);
const struct catalogue *sql_statement_catalogue(const struct sql_statement *statement); /* it was bound to; or NULL */
uint32_t sql_statement_parameter_count(const struct sql_statement *statement);
struct type sql_statement_parameter_type(const struct sql_statement *statement, uint32_t index);
/* The whole bound statement, for tools; valid until the next run or free. */
/* DateStyle, IntervalStyle or bytea_output, as SHOW has it. */
void sql_style_text(struct datetime_style style, const char *name, char *text, size_t size);
/* TimeZone, as SET has it; false: there is no such zone. */
bool sql_zone_read(const char *value, const struct datetime_context *when, struct time_zone *zone);
/* The other way of sql_style_text(); false: it is no such text. */
bool sql_style_read(const char *name, struct slice text, struct datetime_style *style);

/* Nests deeper than the callers' stacks are meant for. */
bool sql_statement_is_deep(const struct sql_statement *statement);
const struct plan_statement *sql_statement_plan(const struct sql_statement *statement);

/* --- plans kept between statements that differ in their literals (sql/parse/digest.h) --- */

/* Whether a statement's plan may be kept: it reads or writes rows, and holds no value of the moment. */
bool sql_statement_keepable(const struct sql_statement *statement);
/* Whether two such statements have the same columns and plans that differ in constants alone. */
bool sql_statements_alike(const struct sql_statement *a, const struct sql_statement *b);
/* Whether the plan is of the present catalogue and session, so that a run would not make it anew; *position is that of
 * the present. */
enum kmb_status sql_statement_current(const struct sql_statement *statement, const struct sql_host *host, bool *current,
                                      uint64_t *position, struct kmb_error *error);
/* Brings strings of no type to the parameters' types, in arena memory; false: one of them is no value of its type. */
bool sql_statement_convert(const struct sql_statement *statement, const struct sql_host *host, struct arena *arena,
                           struct value *values, uint32_t count);

struct sql_run;

/*
 * Opens a run. parameters: one value each for $1..$n, of any type: each is converted to the statement's type (text by
 * the type's input rules). Fewer or more values than the statement has parameters is an error. The values may be
 * given up after the call. A write (INSERT, UPDATE, DELETE, DDL, transaction control, SET) is done when this returns;
 * its RETURNING rows follow through sql_run_next.
 */
enum kmb_status sql_run_open(struct sql_statement *statement, const struct sql_host *host,
                             const struct value *parameters, uint32_t parameter_count, struct sql_run **run,
                             struct kmb_error *error);
/* KMB_ROW: *batch holds rows (use its selection) until the next call. KMB_DONE: no more. */
enum kmb_status sql_run_next(struct sql_run *run, const struct batch **batch, struct kmb_error *error);
uint64_t sql_run_rows_affected(const struct sql_run *run); /* of a write; rows given so far of a query */
/* The plan that is run: of a statement with parameters perhaps one for their values (sql/replan.h). */
const struct plan_statement *sql_run_plan(const struct sql_run *run);
#define SQL_TAG_SIZE 128
/* The command tag as PostgreSQL prints it: "INSERT 0 3", "SELECT 5", "CREATE TABLE". */
void sql_run_tag(const struct sql_run *run, char tag[SQL_TAG_SIZE]);
void sql_run_close(struct sql_run *run); /* NULL is fine */

#endif
