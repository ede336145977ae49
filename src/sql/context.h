/*
 * What one statement runs in: its arena, its error, its limits, and the way out.
 *
 * Inside src/sql an error is *raised*: sql_raise() fills the error and leaves to the statement's guard with longjmp, as
 * PostgreSQL's ereport does. A binder and an executor of recursive shape would otherwise test a status after every
 * call. The rule that makes it safe: memory comes from the statement's arena, and everything else that must be given
 * back (a store cursor, a pinned root, a spool) is registered with sql_defer() before it can leak. Nothing raises
 * across the room's border: the functions of sql.h set up the guard and return a status.
 *
 * One thread at a time. The cancel flag may be set from any thread.
 */
#ifndef KMB_SQL_CONTEXT_H
#define KMB_SQL_CONTEXT_H

#include <setjmp.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/error.h"
#include "types/datetime.h"

#define SQL_SEARCH_PATH_SIZE    512
#define SQL_SEARCH_PATH_DEFAULT "\"$user\", public"

/* Ways to run a query that a session may forbid (enable_hashjoin and its kin): where there is another, it is taken. */
enum sql_way {
    SQL_WAY_BITMAPSCAN,
    SQL_WAY_HASHJOIN,
    SQL_WAY_INDEXONLYSCAN,
    SQL_WAY_INDEXSCAN,
    SQL_WAY_MERGEJOIN,
    SQL_WAY_NESTLOOP,
    SQL_WAY_SEQSCAN,
    SQL_WAY_COMMON_SUBPLANS,
    SQL_WAY_COUNT,
};

/* How long at most, each as its setting is called; 0: as long as it takes. */
enum sql_timeout {
    SQL_TIMEOUT_STATEMENT, /* 57014 when it is over */
    SQL_TIMEOUT_LOCK,      /* 55P03 */
    SQL_TIMEOUT_IDLE_TRANSACTION,
    SQL_TIMEOUT_IDLE_SESSION, /* both for whoever runs the session */
    SQL_TIMEOUT_COUNT,
};

/* Settings that may be on or off and change nothing here. */
enum sql_switch {
    SQL_SWITCH_ROW_SECURITY,
    SQL_SWITCH_FUNCTION_BODIES,
    SQL_SWITCH_JIT,
    SQL_SWITCH_ESCAPE_WARNING,
    SQL_SWITCH_COUNT,
};

#define SQL_MESSAGES_NOTICE 6    /* of the levels of client_min_messages, which a session counts from */
#define SQL_CUSTOM_SIZE     1024 /* of the settings that a session has invented, names and values */

/* What clients read to know what they may ask: PostgreSQL 15, and who speaks. */
#define SQL_SERVER_VERSION        "15.0 (Kimberlite " KMB_VERSION ")"
#define SQL_SERVER_VERSION_NUMBER "150000"

/* How parameters count in plans: by values that turn out otherwise than planned; always by values; never. */
/* How the session's user came in, and so what it may do with roles. */
enum sql_user {
    SQL_USER_TRUSTED, /* nobody asked: what the role of that name may, everything where there is none */
    SQL_USER_ROLE,    /* as the role of that name: what that one may, nothing once it is dropped */
    SQL_USER_ADMIN,   /* by other means, with every right, whatever roles there are */
    SQL_USER_GUEST,   /* by other means, with none */
};

enum sql_plan_mode { SQL_PLAN_AUTO, SQL_PLAN_GENERIC, SQL_PLAN_CUSTOM };
const char *sql_plan_mode_name(enum sql_plan_mode mode); /* "auto", "force_generic_plan", "force_custom_plan" */

enum sql_isolation {
    SQL_ISOLATION_DEFAULT, /* said of none: the session's */
    SQL_ISOLATION_READ_COMMITTED,
    SQL_ISOLATION_SNAPSHOT,
    SQL_ISOLATION_SERIALIZABLE
};

/* Settings of a session that change what statements mean; plain data, copied. */
struct sql_settings {
    struct time_zone time_zone;  /* the session's; a zone's memory is the session's, too */
    char time_zone_name[64];     /* "UTC" */
    uint64_t memory_bytes_max;   /* of one statement: 53200 beyond; default 256 MiB */
    uint64_t work_bytes;         /* work_mem: one operator spills beyond; 0: a quarter of memory_bytes_max */
    int64_t temp_file_bytes_max; /* of one statement: 53400 beyond; 0: no limit; -1: nothing is spilled */
    uint64_t join_rows_max;      /* of one statement's joins: 54000 beyond; 0: unlimited */
    int64_t timeouts_ms[SQL_TIMEOUT_COUNT];
    bool default_read_only;               /* of transactions to come, and of statements alone */
    bool read_only;                       /* of the transaction that is open; else as the default */
    enum sql_isolation begin_isolation;   /* what RESET goes back to */
    enum sql_isolation default_isolation; /* of transactions to come; never SQL_ISOLATION_DEFAULT */
    enum sql_isolation isolation;         /* of the one that is open */
    bool default_deferrable; /* and of a word that changes nothing: no read-only transaction has to wait or fails */
    bool deferrable;
    enum sql_plan_mode plan_mode; /* plan_cache_mode */
    uint32_t ways_forbidden;      /* bits of enum sql_way */
    uint32_t switched;            /* bits of enum sql_switch: those that are off */
    int messages;                 /* client_min_messages: levels above notice, below where negative */
    struct datetime_style style;  /* DateStyle, IntervalStyle, bytea_output */
    char application_name[64];
    char custom[SQL_CUSTOM_SIZE];           /* name, value, name, value, each with its zero; an empty name ends them */
    char search_path[SQL_SEARCH_PATH_SIZE]; /* as SHOW has it */
};

/* What one operator keeps in memory at most before it spills; 0: no bound. */
static inline uint64_t sql_work_bytes(const struct sql_settings *settings) {
    return settings->work_bytes != 0 ? settings->work_bytes : settings->memory_bytes_max / 4;
}

const char *sql_way_name(enum sql_way way); /* of its setting */
static inline bool sql_way_open(const struct sql_settings *settings, enum sql_way way) {
    return settings == NULL || (settings->ways_forbidden >> way & 1u) == 0;
}

struct catalogue;
struct regex;
struct sql_host;
struct sql_path;

struct sql_deferred {
    struct sql_deferred *next;
    void (*release)(void *object);
    void *object;
};

struct sql_context {
    struct arena arena;
    struct kmb_error *error;
    struct sql_context *parent; /* what is raised here is raised there; NULL: this one has a guard of its own */
    jmp_buf guard;
    bool guarded;           /* guard is set: raising is allowed */
    enum kmb_status status; /* of the last raise, also where error is NULL */
    bool stale_plan;        /* of the last raise: the plan was bound to another catalogue than the run met */
    struct sql_deferred *deferred;
    const atomic_bool *cancel;              /* may be NULL */
    int64_t (*monotonic_ns)(void *context); /* asked where there is a deadline */
    void *monotonic_context;
    int64_t deadline_ns; /* 0: none */
    const struct sql_settings *settings;
    int64_t now_us;   /* one value a statement: NOW(), CURRENT_DATE... */
    const char *text; /* statement text as the user wrote it, for positions */
    size_t text_length;
    bool (*random)(void *context, void *bytes, size_t count); /* gen_random_uuid(), random(); never below the engine */
    void *random_context;
    const struct zone *(*zone_find)(void *zones, struct slice name); /* time zones by name; NULL: none */
    void *zones;
    int64_t (*clock_us)(void *context); /* the time while the statement runs; NULL: now_us */
    void *clock_context;
    struct error_about about;                            /* of the next raise */
    void (*tell)(void *object, struct kmb_error *error); /* adds to what the statement raises; NULL: nothing */
    void *tell_object;
    struct slice session_user;
    enum sql_user user_kind;
    const struct sql_host *host; /* of the run, for functions that reach beyond their arguments; NULL while binding */
    const struct sql_path *path; /* settings' search_path, once it was asked for */
    const struct catalogue *catalogue; /* has the names of types; NULL: none are known */
    struct regex *regexes;             /* patterns compiled by this statement, the last used first */
};

/* Tells a notice, unless the session does not want to hear any; detail NULL: none. */
void sql_notice(struct sql_context *context, enum kmb_status status, const char *detail, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* What goes with what is dropped, to be told: "drop cascades to view v", or how many they are, with a line for each. */
#define SQL_CASCADE_LINES 100 /* as PostgreSQL */
struct sql_cascades {
    uint32_t count;
    const char *lines;
};
void sql_cascades_add(struct sql_context *context, struct sql_cascades *cascades, const char *what);

/*
 * Positions: inside the room a byte offset + 1 (0: none), as tokens and parse trees have it; in an error a character
 * counted from 1. These two convert; a position behind the text's end becomes the end.
 */
uint32_t sql_position_character(struct slice text, uint32_t byte_position);
uint32_t sql_position_byte(struct slice text, uint32_t character_position);

/* Raises. position: byte offset in text of the offending token + 1, or 0; it is converted to characters here. */
_Noreturn void sql_raise(struct sql_context *context, enum kmb_status status, uint32_t position, const char *format,
                         ...) __attribute__((format(printf, 4, 5)));
/* The same with a hint and/or detail (either may be NULL). */
_Noreturn void sql_raise_with(struct sql_context *context, enum kmb_status status, uint32_t position,
                              const char *detail, const char *hint, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* For a status from a lower room that has already filled context->error (position is added when it has none). */
_Noreturn void sql_raise_status(struct sql_context *context, enum kmb_status status, uint32_t position);
/* An arena of the statement has failed: as arena.on_fail is told. */
_Noreturn void sql_raise_memory(struct sql_context *context, bool budget);
static inline void sql_try(struct sql_context *context, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(context, status, 0);
    }
}
/* Runs work and answers what it raises, the error filled; what it deferred stays until the statement ends. */
enum kmb_status sql_catch(struct sql_context *context, void (*work)(void *argument), void *argument);
/* 0A000 "<what> is not supported" naming the construct. */
_Noreturn void sql_raise_unsupported(struct sql_context *context, uint32_t position, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Arena memory that never comes back NULL: 53200 is raised instead. */
void *sql_alloc(struct sql_context *context, size_t size);
void *sql_alloc_zero(struct sql_context *context, size_t count, size_t size);
/* For lists of what is to be given back: the object is released before 53200 is raised. */
void *sql_alloc_or_release(struct sql_context *context, size_t size, void (*release)(void *object), void *object);
char *sql_printf(struct sql_context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* release(object) runs when the statement ends, however it ends, last registered first; at once, before the raise,
 * where there is no memory to remember it. sql_release() runs it now. */
void sql_defer(struct sql_context *context, void (*release)(void *object), void *object);
void sql_release(struct sql_context *context, void *object);

/* Raises 57014 when the statement was cancelled or its time is over. Called once a batch and in every long loop. */
void sql_check_cancel(struct sql_context *context);
/* Whether that would raise. */
bool sql_is_cancelled(const struct sql_context *context);

/* What text of dates and times needs to know: the statement's time, the session's zone, and zones by name. */
/* A zone of one offset as times show it, where it has a name of letters: "UTC"; else "". */
const char *sql_zone_shown(const struct sql_settings *settings);
const char *sql_zone_name_shown(const char *name); /* of that zone */
struct datetime_context sql_datetime(const struct sql_context *context);
void sql_context_init(struct sql_context *context, const struct sql_settings *settings, struct kmb_error *error);
/*
 * A context within another, for work whose memory is given back before the statement ends: raises as its parent does,
 * within the same limits. Call it anew before each use, for the parent's error moves. Whoever makes it sees to it that
 * sql_context_free() is called, also when something raises.
 */
void sql_context_inner(struct sql_context *context, struct sql_context *parent);
/* Forgets what was taken from the arena since the mark, and runs what was deferred since `deferred` was the newest. */
void sql_context_rewind(struct sql_context *context, struct arena_mark mark, const struct sql_deferred *deferred);
void sql_context_free(struct sql_context *context); /* runs what is deferred, gives memory back */

/*
 * SQL_GUARD(context) { ... } SQL_CAUGHT { ... }: the body may raise; the second block runs when it did, context->error
 * set. Locals changed in the body and read after it must be volatile or live in the arena.
 */
#define SQL_GUARD(context) if (((context)->guarded = true), setjmp((context)->guard) == 0)
#define SQL_CAUGHT         else

#endif
