/*
 * Kimberlite: a compliance-first database. The one public header.
 *
 * All data is an immutable, ordered, hash-chained log; all state is a derived view of it.
 */
#ifndef KIMBERLITE_H
#define KIMBERLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KMB_API __attribute__((visibility("default")))
#else
#define KMB_API
#endif

/*
 * Outcomes. The number is stable; kmb_status_name() gives the name, kmb_error_sqlstate() the SQLSTATE.
 * KMB_ROW and KMB_DONE are answers of kmb_step() alone.
 */
enum kmb_status {
    KMB_OK = 0,
    KMB_ROW = 1,
    KMB_DONE = 2,
    KMB_INTERNAL = 10,
    KMB_USAGE = 11,
    KMB_NO_MEMORY = 12,
    KMB_CANCELLED = 13,
    KMB_BUSY = 14,
    KMB_LIMIT = 15,
    KMB_CONFIG = 16,
    KMB_IO = 20,
    KMB_DISK_FULL = 21,
    KMB_READ_ONLY = 22,
    KMB_FILE_NOT_FOUND = 23,
    KMB_FILE_EXISTS = 24,
    KMB_LOCKED = 25,
    KMB_CORRUPT = 26,
    KMB_FORMAT = 27,
    KMB_FORMAT_VERSION = 28,
    KMB_NO_KEY = 29,
    KMB_WRONG_KEY = 30,
    KMB_FATAL = 31,
    KMB_ROLLED_BACK = 32,
    KMB_CLOCK = 33,
    KMB_PROOF_INVALID = 34,
    KMB_PROJECTION_DAMAGED = 35,
    KMB_NOT_A_DATABASE = 36,
    KMB_TENANT_NOT_FOUND = 40,
    KMB_TENANT_EXISTS = 41,
    KMB_STREAM_NOT_FOUND = 42,
    KMB_STREAM_EXISTS = 43,
    KMB_OFFSET_MISMATCH = 44,
    KMB_INVALID_OFFSET = 45,
    KMB_POSITION_AHEAD = 46,
    KMB_TIME_BEFORE_HISTORY = 47,
    KMB_TIME_IN_FUTURE = 48,
    KMB_TENANT_SEALED = 49,
    KMB_SYNTAX = 60,
    KMB_TOO_COMPLEX = 61,
    KMB_UNSUPPORTED = 62,
    KMB_UNDEFINED_TABLE = 63,
    KMB_UNDEFINED_COLUMN = 64,
    KMB_UNDEFINED_FUNCTION = 65,
    KMB_UNDEFINED_OBJECT = 66,
    KMB_UNDEFINED_PARAMETER = 67,
    KMB_DUPLICATE_TABLE = 68,
    KMB_DUPLICATE_COLUMN = 69,
    KMB_DUPLICATE_OBJECT = 70,
    KMB_DUPLICATE_ALIAS = 71,
    KMB_AMBIGUOUS_COLUMN = 72,
    KMB_AMBIGUOUS_FUNCTION = 73,
    KMB_AMBIGUOUS_PARAMETER = 74,
    KMB_INDETERMINATE_TYPE = 75,
    KMB_DATATYPE_MISMATCH = 76,
    KMB_CANNOT_COERCE = 77,
    KMB_GROUPING = 78,
    KMB_WINDOWING = 79,
    KMB_INVALID_COLUMN_REFERENCE = 80,
    KMB_INVALID_TABLE_DEFINITION = 81,
    KMB_INVALID_COLUMN_DEFINITION = 82,
    KMB_INVALID_NAME = 83,
    KMB_NAME_TOO_LONG = 84,
    KMB_WRONG_OBJECT_TYPE = 85,
    KMB_DEPENDENT_OBJECTS = 86,
    KMB_TOO_MANY_COLUMNS = 87,
    KMB_UNDEFINED_SCHEMA = 88,
    KMB_INVALID_RECURSION = 89,
    KMB_NOT_NULL_VIOLATION = 90,
    KMB_UNIQUE_VIOLATION = 91,
    KMB_CHECK_VIOLATION = 92,
    KMB_FOREIGN_KEY_VIOLATION = 93,
    KMB_CARDINALITY_VIOLATION = 94,
    KMB_OBJECT_NOT_IN_STATE = 95,
    KMB_INVALID_SAVEPOINT = 96,
    KMB_GENERATED_ALWAYS = 97,
    KMB_INVALID_FOREIGN_KEY = 98,
    KMB_INVALID_OBJECT_DEFINITION = 99,
    KMB_NUMERIC_OUT_OF_RANGE = 100,
    KMB_DIVISION_BY_ZERO = 101,
    KMB_INVALID_TEXT = 102,
    KMB_INVALID_BINARY = 103,
    KMB_INVALID_DATETIME = 104,
    KMB_DATETIME_OVERFLOW = 105,
    KMB_STRING_TOO_LONG = 106,
    KMB_INVALID_ENCODING = 107,
    KMB_INVALID_PARAMETER = 108,
    KMB_INVALID_ESCAPE = 109,
    KMB_INVALID_REGEX = 110,
    KMB_INVALID_LIMIT = 111,
    KMB_INVALID_LOG_ARGUMENT = 112,
    KMB_INVALID_POWER_ARGUMENT = 113,
    KMB_INVALID_JSON = 114,
    KMB_SUBSTRING_ERROR = 115,
    KMB_DATATYPE_RANGE = 116,
    KMB_BAD_COPY_FORMAT = 117,
    KMB_INVALID_OFFSET_CLAUSE = 118,
    KMB_INTERVAL_OVERFLOW = 119,
    KMB_SERIALIZATION = 120,
    KMB_TRANSACTION_ABORTED = 121,
    KMB_TRANSACTION_ACTIVE = 122,
    KMB_NO_TRANSACTION = 123,
    KMB_READ_ONLY_TRANSACTION = 124,
    KMB_HISTORY_READ_ONLY = 125,
    KMB_INVALID_FRAME_OFFSET = 126,
    KMB_INVALID_NTILE = 127,
    KMB_INVALID_NTH_VALUE = 128,
    KMB_NULL_NOT_ALLOWED = 129,
    KMB_PERMISSION = 130,
    KMB_AUTHENTICATION = 131,
    KMB_CONNECTION = 132,
    KMB_INVALID_WIDTH_BUCKET = 133,
    KMB_INVALID_ZONE_OFFSET = 134,
    KMB_SEQUENCE_LIMIT = 135,
    KMB_ARRAY_SUBSCRIPT = 136,
    KMB_JSON_SUBSCRIPT = 137,
    KMB_JSON_NOT_A_NUMBER = 138,
    KMB_JSON_SINGLE_ITEM = 139,
    KMB_JSON_ARRAY_NOT_FOUND = 140,
    KMB_JSON_MEMBER_NOT_FOUND = 141,
    KMB_JSON_NUMBER_NOT_FOUND = 142,
    KMB_JSON_OBJECT_NOT_FOUND = 143,
    KMB_DUPLICATE_PREPARED = 144,
    KMB_UNDEFINED_PREPARED = 145,
    KMB_DATA_EXCEPTION = 146,
    KMB_UNDEFINED_CURSOR = 160,
    KMB_DUPLICATE_CURSOR = 161,
    KMB_INVALID_CURSOR_STATE = 162,
    KMB_INVALID_CURSOR_DEFINITION = 163,
    KMB_INVALID_SAMPLE_ARGUMENT = 164,
    KMB_INVALID_SAMPLE_REPEAT = 165,
    KMB_TEMP_FILE_LIMIT = 170,
    KMB_DUPLICATE_SCHEMA = 175,
    KMB_RESERVED_NAME = 176,
    KMB_INVALID_SCHEMA_DEFINITION = 177,
    KMB_AMBIGUOUS_ALIAS = 178,
    KMB_VIEW_CHECK_VIOLATION = 185,
    KMB_SHUTDOWN = 191,
    KMB_IDLE_TIMEOUT = 192,
    KMB_IDLE_TRANSACTION_TIMEOUT = 193,
    KMB_PROTOCOL = 200,
    KMB_SUBSCRIPTION_NOT_FOUND = 201,
    KMB_RATE_LIMITED = 202,
    KMB_INVALID_PASSWORD = 210,
    KMB_API_KEY_NOT_FOUND = 211,
    KMB_TOO_MANY_ATTEMPTS = 212,
    KMB_TOO_MANY_CONNECTIONS = 213,
    KMB_SETTING_FIXED = 230,
    KMB_DEADLOCK = 231,
    KMB_LOCK_NOT_AVAILABLE = 232,
    KMB_RAISED = 233,  /* RAISE EXCEPTION, in the code of DO */
    KMB_WARNING = 234, /* RAISE WARNING, of a notice */
    KMB_JSON_DATETIME = 235,
    KMB_UNTRANSLATABLE_CHARACTER = 236,
    KMB_INFO = 240, /* RAISE INFO, LOG and DEBUG, of notices */
    KMB_LOG = 241,
    KMB_DEBUG = 242,
    KMB_NO_DATA_FOUND = 243,
    KMB_TOO_MANY_ROWS = 244,
    KMB_RESTRICT_VIOLATION = 245,
};

/* Room of the texts in a struct kmb_error, terminating zero included. Longer texts end in "...". */
#define KMB_ERROR_MESSAGE_SIZE 768
#define KMB_ERROR_DETAIL_SIZE  384
#define KMB_ERROR_HINT_SIZE    384
#define KMB_ERROR_NAME_SIZE    64

/*
 * What went wrong, in the caller's memory: no allocation, nothing to free. Zero it before first use.
 * position is the 1-based character in the SQL text, 0 when there is none.
 */
struct kmb_error {
    enum kmb_status status;
    uint32_t position;
    char message[KMB_ERROR_MESSAGE_SIZE];
    char detail[KMB_ERROR_DETAIL_SIZE];
    char hint[KMB_ERROR_HINT_SIZE];
    /* What it is about, where that is a violated constraint; else "". */
    char schema[KMB_ERROR_NAME_SIZE];
    char table[KMB_ERROR_NAME_SIZE];
    char column[KMB_ERROR_NAME_SIZE];
    char datatype[KMB_ERROR_NAME_SIZE]; /* a domain whose constraint it is; "" over a connection */
    char constraint[KMB_ERROR_NAME_SIZE];
    char context[KMB_ERROR_DETAIL_SIZE]; /* where it happened: "COPY t, line 2, column a: \"x\""; else "" */
};

/* ---- Errors and versions -------------------------------------------------------------------------------------- */

/* "0.1.0". */
KMB_API const char *kmb_version(void);

/* "UNIQUE_VIOLATION"; "UNKNOWN" for a number that is none. Static text. */
KMB_API const char *kmb_status_name(enum kmb_status status);

/* Five characters and a zero: "23505". Static text. */
KMB_API const char *kmb_status_sqlstate(enum kmb_status status);

/* Exit code a command line tool should use: 0 ok, 1 error, 2 usage, 5 permission, 6 not found... */
KMB_API int kmb_status_exit_code(enum kmb_status status);

/* ---- Databases -------------------------------------------------------------------------------------------------
 *
 * A kmb_db is one opened database directory. Any thread may use it. One process at a time owns a directory for
 * writing; a second kmb_open() of it answers KMB_LOCKED and names the holder, also within one process.
 *
 * All functions that can fail take a struct kmb_error * last, which may be NULL, and return its status. A handle, text
 * or place for an answer that is NULL where this header does not allow it is KMB_USAGE; functions without a status
 * answer 0, NULL, false or "" then.
 */
struct kmb_db;
typedef struct kmb_db kmb_db;

enum kmb_open_flags {
    KMB_OPEN_CREATE = 1,    /* make the database when the directory has none */
    KMB_OPEN_READ_ONLY = 2, /* look only: takes no lock, works beside a running owner, sees what was durable at open */
    KMB_OPEN_NO_ENCRYPTION = 4, /* with CREATE: bodies and pages are stored in clear. Checksums and chain remain */
    KMB_OPEN_ACCEPT_CLOCK = 8,  /* write although the clock jumped or stands behind the log; recorded as an event */
};

/* Set size = sizeof(struct kmb_options) and zero the rest; zero means the default. A size that is none, and anything
 * set that this library does not know, is KMB_USAGE. The same holds for the other structs that begin with their size.
 */
struct kmb_options {
    size_t size;
    unsigned flags;
    const char *key_file;      /* root key; default "<path>.key" beside the directory. Created with KMB_OPEN_CREATE */
    const char *key_directory; /* where key_file is NULL: the key is "<key_directory>/<log uuid>.key" */
    uint64_t cache_bytes;      /* pages kept in memory; default 256 MiB, at least 256 KiB */
    uint64_t statement_bytes;  /* memory of one statement; default 256 MiB, at least 64 KiB. Beyond it: 53200 */
    uint64_t segment_bytes;    /* with CREATE: size of a log segment; default 64 MiB, 64 KiB to 1 GiB */
    const char *command;       /* shown to whoever finds the directory locked; default the process's name */
    void (*log)(void *context, const char *line); /* structured log lines; default: warnings to standard error */
    void *log_context;
    const char *passphrase; /* the root key is made of it (scrypt) and of the log's uuid, and is in no file */
};

/* options may be NULL. *db is NULL on failure. The caller closes *db. */
KMB_API enum kmb_status kmb_open(const char *path, const struct kmb_options *options, kmb_db **db,
                                 struct kmb_error *error);

/*
 * A database behind a server, over the native protocol. The handle is as one of kmb_open(): the same functions work on
 * it. What can not be done over a connection answers KMB_UNSUPPORTED and says so.
 *
 *     kimberlite://USER:PASSWORD@HOST:PORT/TENANT?tls=require&ca=FILE
 *     kimberlite+unix:///PATH?tenant=TENANT, or just /PATH
 *
 * Everything but HOST may be left out: the port is 5432, the tenant 1. Behind "?" also: cert and key (files of the
 * client's own), token, user, password, connect_timeout and timeout (seconds). tls is require (the certificate and its
 * name are verified), insecure (nothing is verified) or disable; where it is not said, it is disable for this machine
 * and require for any other. Secrets that neither URL nor options name are taken of the environment: KIMBERLITE_TOKEN,
 * or, with a user, KIMBERLITE_PASSWORD.
 *
 * Each session is a connection of its own. One that breaks answers KMB_CONNECTION from then on, and nothing connects
 * again by itself: whether a write that was under way is there, only the caller can find out. Close the session, open
 * another.
 */
struct kmb_connect_options {
    size_t size; /* sizeof(struct kmb_connect_options); what is not NULL comes before the URL's */
    const char *tenant;
    const char *user;
    const char *password;
    const char *token;            /* an API key or a JSON Web Token */
    const char *tls;              /* "disable", "require", "insecure" */
    const char *authority_file;   /* PEM: whom to trust; default those that the system trusts */
    const char *certificate_file; /* PEM, with key_file: who this client is */
    const char *key_file;
    uint32_t connect_timeout_ms; /* default 10 seconds */
    uint32_t answer_timeout_ms;  /* default none: a statement may take its time */
};
/* options may be NULL. *db is NULL on failure: KMB_CONNECTION, KMB_AUTHENTICATION, KMB_USAGE for a URL that is none.
 * The caller closes *db. */
KMB_API enum kmb_status kmb_connect(const char *url, const struct kmb_connect_options *options, kmb_db **db,
                                    struct kmb_error *error);

/*
 * Writes a checkpoint and a seal block, releases the directory. KMB_BUSY while a session is open: then nothing was done
 * and db is as before. Otherwise the answer says whether the checkpoint was written; the handle is gone in any case and
 * nothing that was acknowledged depends on it. db may be NULL.
 */
KMB_API enum kmb_status kmb_close(kmb_db *db, struct kmb_error *error);

/* Writes the projection to disk now, so that the next open replays nothing. Any thread. */
KMB_API enum kmb_status kmb_checkpoint(kmb_db *db, struct kmb_error *error);

/* Facts about an open database. Texts stay valid until kmb_close(). */
struct kmb_info {
    size_t size;   /* set to sizeof(struct kmb_info) */
    char uuid[37]; /* of the log */
    bool encrypted;
    bool key_on_same_filesystem; /* true: a stolen disk holds both */
    bool clock_refused;          /* writes are refused until KMB_OPEN_ACCEPT_CLOCK */
    uint64_t op;                 /* newest durable block */
    uint64_t log_bytes;
    uint64_t store_bytes;
    uint64_t cache_bytes;       /* in use */
    uint64_t pinned_roots;      /* snapshots that statements and transactions hold, the newest included */
    uint64_t pinned_oldest_op;  /* newest block that the oldest of them sees; 0 none */
    uint64_t pinned_bytes;      /* pages replaced since and kept only for them */
    uint64_t recovered_entries; /* replayed by the open */
    uint64_t cut_bytes;         /* torn tail removed by the open */
    uint32_t tenants;
};
KMB_API enum kmb_status kmb_info(kmb_db *db, struct kmb_info *info, struct kmb_error *error);

/* ---- Tenants ---------------------------------------------------------------------------------------------------
 *
 * Tenants 1..4294967295 have their own keys, positions, chain and proofs. kmb_open() with CREATE makes tenant 1.
 */
struct kmb_tenant {
    uint32_t id;
    const char *name; /* "" when it has none */
    uint64_t position;
    uint64_t entries; /* entries of its log */
};
/* name may be NULL. KMB_TENANT_EXISTS when the id is taken under another name, or the name by another id; the same
 * again is fine. KMB_INVALID_NAME also for the number of another tenant: clients may say either. */
KMB_API enum kmb_status kmb_tenant_create(kmb_db *db, uint32_t id, const char *name, struct kmb_error *error);
/*
 * Deletes a tenant: whatever it has can not be read or written any more, the past too, and its id is not used again.
 * Its log stays, with its proofs. tables (may be NULL): how many it had. KMB_TENANT_NOT_FOUND; KMB_USAGE for tenant 1.
 */
KMB_API enum kmb_status kmb_tenant_delete(kmb_db *db, uint32_t id, uint32_t *tables, struct kmb_error *error);
/* Calls each in order of id; stops at the first answer that is not KMB_OK and returns it. */
KMB_API enum kmb_status kmb_tenant_list(kmb_db *db,
                                        enum kmb_status (*each)(void *context, const struct kmb_tenant *tenant),
                                        void *context, struct kmb_error *error);
/* The key that verifies the tenant's checkpoints, in signed-note form: "name+hash+base64". text: at least 256 bytes. */
KMB_API enum kmb_status kmb_tenant_verifier(kmb_db *db, uint32_t tenant, char *text, size_t text_size,
                                            struct kmb_error *error);

/* ---- API keys --------------------------------------------------------------------------------------------------
 *
 * By a key a program says to a server who it is. Keys are in the log of the tenant they are of, as hashes: the text of
 * one is told when it is made, and never again. Over a connection all of this is for an admin.
 */
struct kmb_api_key {
    const char *id;      /* names the key without giving it away: 8 hexadecimal digits; not asked of a new one */
    uint32_t tenant;     /* 0, of a new one over a connection: that of the URL */
    const char *subject; /* who it is: 1 to 255 bytes */
    const char *roles;   /* at most 16 names of 63 bytes, separated by commas; NULL, of a new one: "user" */
    int64_t expires_us;  /* microseconds since 1970; 0: never */
    const char *text;    /* the key itself, when it has just been made; else NULL */
};
/* Texts live until it returns. */
typedef enum kmb_status kmb_api_key_fn(void *context, const struct kmb_api_key *key);
/* Calls each once, with the key made. KMB_USAGE; KMB_TENANT_NOT_FOUND. */
KMB_API enum kmb_status kmb_api_key_create(kmb_db *db, const struct kmb_api_key *key, kmb_api_key_fn *each,
                                           void *context, struct kmb_error *error);
/* Another key for the same program; the old one, as text, dies in the same transaction. KMB_API_KEY_NOT_FOUND. */
KMB_API enum kmb_status kmb_api_key_rotate(kmb_db *db, const char *old, kmb_api_key_fn *each, void *context,
                                           struct kmb_error *error);
/* key: its text. KMB_API_KEY_NOT_FOUND. */
KMB_API enum kmb_status kmb_api_key_revoke(kmb_db *db, const char *key, struct kmb_error *error);
/* Those that have not expired, of one tenant or (0) of all, by tenant and id; stops at an answer that is not KMB_OK. */
KMB_API enum kmb_status kmb_api_key_list(kmb_db *db, uint32_t tenant, kmb_api_key_fn *each, void *context,
                                         struct kmb_error *error);

/* ---- Sessions --------------------------------------------------------------------------------------------------
 *
 * A session is one tenant's conversation: settings, at most one transaction. One thread at a time; kmb_cancel() from
 * any.
 */
struct kmb_session;
typedef struct kmb_session kmb_session;

/* KMB_TENANT_NOT_FOUND when the tenant does not exist. Over a connection tenant 0 is the one that the URL names. The
 * caller closes *session before the database. */
KMB_API enum kmb_status kmb_session_open(kmb_db *db, uint32_t tenant, kmb_session **session, struct kmb_error *error);
/* Rolls back an open transaction. A statement or appender that is still open keeps the session until it is finalized or
 * closed; then the session goes. NULL is fine. */
KMB_API void kmb_session_close(kmb_session *session);

/* Ends the session's running statement with KMB_CANCELLED soon. Any thread; nothing happens when none runs. */
KMB_API void kmb_cancel(kmb_session *session);

/*
 * Who is told what a statement says beside its answer: that IF EXISTS has skipped something, what CASCADE drops.
 * notice: message, and detail where there is one; status KMB_OK where nothing is amiss, KMB_WARNING or
 * KMB_NO_TRANSACTION where it warns, KMB_INFO, KMB_LOG or KMB_DEBUG where the code of DO says so, else what would be an
 * error elsewhere. Called by the thread that runs the statement, which must not use the session in it. notice NULL:
 * nobody, as at first.
 */
KMB_API void kmb_session_notices(kmb_session *session, void (*notice)(void *context, const struct kmb_error *notice),
                                 void *context);

/* What reads of this session see from now on. A time-travel clause in a statement is an error while one is set. */
enum kmb_at { KMB_AT_PRESENT, KMB_AT_POSITION, KMB_AT_TIME };
/* value: a position, or microseconds since 1970-01-01 UTC; ignored for KMB_AT_PRESENT. */
KMB_API enum kmb_status kmb_session_at(kmb_session *session, enum kmb_at kind, int64_t value, struct kmb_error *error);

/* Position of the tenant after its newest committed entry. */
KMB_API uint64_t kmb_session_position(kmb_session *session);

/* true inside BEGIN ... COMMIT; *failed (may be NULL): only ROLLBACK is accepted. */
KMB_API bool kmb_session_in_transaction(kmb_session *session, bool *failed);

/* With the session's defaults: SET SESSION CHARACTERISTICS. */
KMB_API enum kmb_status kmb_begin(kmb_session *session, struct kmb_error *error);
/* KMB_SERIALIZATION when another transaction changed the same rows first, or rows that this one, at the level
 * SERIALIZABLE, has read: run it again. */
KMB_API enum kmb_status kmb_commit(kmb_session *session, struct kmb_error *error);
KMB_API enum kmb_status kmb_rollback(kmb_session *session, struct kmb_error *error);

/* ---- Statements ------------------------------------------------------------------------------------------------
 *
 * prepare, bind, step until KMB_DONE, reset or finalize. Rows are read with kmb_column_*(), ordinals from 0; texts and
 * bytes borrow from the statement and stay valid until the next step, reset or finalize. Parameters are numbered
 * from 1.
 *
 * A reader sees the state that was published when its first step ran, however long it takes; it never waits for the
 * writer nor holds it up. A write is durable when step answers KMB_DONE.
 */
struct kmb_statement;
typedef struct kmb_statement kmb_statement;

/* Type of a column or parameter. */
enum kmb_type {
    KMB_TYPE_UNKNOWN = 0,
    KMB_TYPE_BOOLEAN = 1,
    KMB_TYPE_SMALLINT = 2,
    KMB_TYPE_INTEGER = 3,
    KMB_TYPE_BIGINT = 4,
    KMB_TYPE_REAL = 5,
    KMB_TYPE_DOUBLE = 6,
    KMB_TYPE_NUMERIC = 7,
    KMB_TYPE_TEXT = 8,
    KMB_TYPE_VARCHAR = 9,
    KMB_TYPE_CHAR = 10,
    KMB_TYPE_BYTEA = 11,
    KMB_TYPE_DATE = 12,
    KMB_TYPE_TIME = 13,
    KMB_TYPE_TIMESTAMP = 14,
    KMB_TYPE_TIMESTAMPTZ = 15,
    KMB_TYPE_INTERVAL = 16,
    KMB_TYPE_UUID = 17,
    KMB_TYPE_JSON = 18,
    KMB_TYPE_JSONB = 19,
    KMB_TYPE_TINYINT = 20,
    KMB_TYPE_ENUM = 21, /* of the user's: kmb_column_type_name() tells which; read and bound as text, the label */
    KMB_TYPE_NAME = 22, /* PostgreSQL's name, "char", regclass and its kin: kmb_column_type_name() tells which; text */
    KMB_TYPE_OID = 24,
    KMB_TYPE_ARRAY = 64, /* of any elements: kmb_column_type_name() tells which; read and bound as text, '{1,2}' */
};

/*
 * Compiles the first statement of sql[0..length). *tail (may be NULL) is set behind it: compile again from there.
 * *statement is NULL where only blanks and comments are left. The caller finalizes *statement.
 */
KMB_API enum kmb_status kmb_prepare(kmb_session *session, const char *sql, size_t length, kmb_statement **statement,
                                    const char **tail, struct kmb_error *error);
KMB_API void kmb_finalize(kmb_statement *statement); /* NULL is fine */

KMB_API uint32_t kmb_parameter_count(const kmb_statement *statement);
KMB_API enum kmb_type kmb_parameter_type(const kmb_statement *statement, uint32_t number);

/* Values are copied. Binding while stepping is KMB_USAGE; a number out of 1..count is KMB_UNDEFINED_PARAMETER. */
KMB_API enum kmb_status kmb_bind_null(kmb_statement *statement, uint32_t number, struct kmb_error *error);
KMB_API enum kmb_status kmb_bind_bool(kmb_statement *statement, uint32_t number, bool value, struct kmb_error *error);
KMB_API enum kmb_status kmb_bind_int64(kmb_statement *statement, uint32_t number, int64_t value,
                                       struct kmb_error *error);
KMB_API enum kmb_status kmb_bind_double(kmb_statement *statement, uint32_t number, double value,
                                        struct kmb_error *error);
/* Text in any form the parameter's type reads: '12.50' for numeric, '2026-01-31' for date. UTF-8 without zero bytes. */
KMB_API enum kmb_status kmb_bind_text(kmb_statement *statement, uint32_t number, const char *text, size_t length,
                                      struct kmb_error *error);
KMB_API enum kmb_status kmb_bind_bytes(kmb_statement *statement, uint32_t number, const void *bytes, size_t length,
                                       struct kmb_error *error);

/* KMB_ROW: a row stands ready. KMB_DONE: finished, and durable if it wrote. Anything else: failed, nothing was done. */
KMB_API enum kmb_status kmb_step(kmb_statement *statement, struct kmb_error *error);
/* Ends the run; the bound values stay. */
KMB_API void kmb_reset(kmb_statement *statement);

KMB_API uint32_t kmb_column_count(const kmb_statement *statement);
KMB_API const char *kmb_column_name(const kmb_statement *statement, uint32_t column);
KMB_API enum kmb_type kmb_column_type(const kmb_statement *statement, uint32_t column);
/* SQL name with modifiers: "numeric(10,2)". Valid until finalize. */
KMB_API const char *kmb_column_type_name(const kmb_statement *statement, uint32_t column);

KMB_API bool kmb_column_is_null(const kmb_statement *statement, uint32_t column);
/* Numbers convert as SQL casts would, saturating never: what does not fit answers 0. Booleans are 0 and 1. */
KMB_API int64_t kmb_column_int64(const kmb_statement *statement, uint32_t column);
KMB_API double kmb_column_double(const kmb_statement *statement, uint32_t column);
KMB_API bool kmb_column_bool(const kmb_statement *statement, uint32_t column);
/* PostgreSQL's text form of any type, zero-terminated; NULL for SQL NULL. *length (may be NULL) without the zero.
 * NULL for a value that is not (kmb_column_is_null() tells): memory is out; nothing else changed, ask again. */
KMB_API const char *kmb_column_text(kmb_statement *statement, uint32_t column, size_t *length);
/* Raw bytes of text and bytea without a copy, not zero-terminated; NULL for SQL NULL and for other types. length may be
 * NULL. */
KMB_API const void *kmb_column_bytes(const kmb_statement *statement, uint32_t column, size_t *length);

/* After KMB_DONE: "INSERT 0 3", "SELECT 5", "CREATE TABLE". Valid until the next step. */
KMB_API const char *kmb_statement_tag(const kmb_statement *statement);
/* After KMB_DONE: rows changed by a write (matched rows of an UPDATE), or rows returned. */
KMB_API uint64_t kmb_statement_rows(const kmb_statement *statement);
/* Position of the tenant after this write: `AT OFFSET` it shows this write and nothing later. For reads, the position
 * read; inside a transaction, the position the transaction began at. */
KMB_API uint64_t kmb_statement_position(const kmb_statement *statement);
/* true: the statement can change data or schema. */
KMB_API bool kmb_statement_writes(const kmb_statement *statement);

/*
 * COPY ... FROM STDIN reads what the caller gives, COPY ... TO STDOUT writes to the caller: set the function before the
 * first step, which runs the statement to its end and calls it as often as needed. Without one the step is refused
 * (55000).
 */
enum kmb_copy { KMB_COPY_NONE, KMB_COPY_IN, KMB_COPY_OUT };
KMB_API enum kmb_copy kmb_statement_copy(const kmb_statement *statement);
/* read: puts up to size bytes (1 at least) at `bytes` and their number into *count; 0 is the end, as is a line "\\." of
 * text. Pieces need not be whole lines. An answer other than KMB_OK, with *error filled, fails the statement: nothing
 * of it is done. KMB_USAGE when the statement is no COPY FROM. The function must not use the session. */
KMB_API enum kmb_status kmb_copy_from(kmb_statement *statement,
                                      enum kmb_status (*read)(void *context, void *bytes, size_t size, size_t *count,
                                                              struct kmb_error *error),
                                      void *context, struct kmb_error *error);
/* write: takes `length` bytes, whole lines or rows; an answer other than KMB_OK, with *error filled, ends the
 * statement. */
KMB_API enum kmb_status kmb_copy_to(kmb_statement *statement,
                                    enum kmb_status (*write)(void *context, const void *bytes, size_t length,
                                                             struct kmb_error *error),
                                    void *context, struct kmb_error *error);

/*
 * Many rows at once, column by column, in the memory layout of Apache Arrow (little-endian machines): for readers of
 * whole results. Instead of kmb_step(); all pointers stay valid until the next step, reset or finalize.
 */
struct kmb_column_batch {
    enum kmb_type type;
    uint32_t width; /* bytes of a value: tinyint 1, smallint 2, integer, real and date 4, bigint, double, time,
                       timestamp and oid 8, uuid 16. 0: boolean (bits), and all that has offsets */
    uint32_t null_count;
    const uint8_t *validity; /* bit i % 8 of byte i / 8 is 0 where row i is NULL; NULL: no row is */
    const void *values;      /* integers and floats as the machine has them; date: days since 1970-01-01; time and
                                timestamp: microseconds (INT64_MAX and INT64_MIN: infinity and -infinity) */
    const int32_t *offsets;  /* not NULL: row i is the bytes offsets[i] up to offsets[i + 1] of values: bytea as it is,
                                any  other type as kmb_column_text() gives it, without the zero */
};
struct kmb_batch {
    size_t size; /* set to sizeof(struct kmb_batch) */
    uint32_t rows;
    uint32_t columns;
    const struct kmb_column_batch *column;
};
/* Up to rows_max rows (1 at least; a few thousand is a good number). KMB_ROW: batch->rows rows; KMB_DONE: no more. */
KMB_API enum kmb_status kmb_step_batch(kmb_statement *statement, uint32_t rows_max, struct kmb_batch *batch,
                                       struct kmb_error *error);

/* Runs every statement of a text in order; stops at the first that fails, or where kmb_cancel() is called, also between
 * two of them. Rows are thrown away. */
KMB_API enum kmb_status kmb_exec(kmb_session *session, const char *sql, struct kmb_error *error);

/* ---- Bulk appender ---------------------------------------------------------------------------------------------
 *
 * The fast way in: rows of one table, without SQL in between, gathered and written in the session's transaction (or one
 * of its own at each flush). Values come column by column in the table's order.
 */
struct kmb_appender;
typedef struct kmb_appender kmb_appender;

/* table: "t", in the session's search_path, or "schema.t". Names are taken verbatim, not folded; one with a dot in it
 * stands in double quotes: "audit.\"odd.name\"". */
KMB_API enum kmb_status kmb_appender_open(kmb_session *session, const char *table, kmb_appender **appender,
                                          struct kmb_error *error);
KMB_API enum kmb_status kmb_append_null(kmb_appender *appender, struct kmb_error *error);
KMB_API enum kmb_status kmb_append_default(kmb_appender *appender, struct kmb_error *error);
KMB_API enum kmb_status kmb_append_bool(kmb_appender *appender, bool value, struct kmb_error *error);
KMB_API enum kmb_status kmb_append_int64(kmb_appender *appender, int64_t value, struct kmb_error *error);
KMB_API enum kmb_status kmb_append_double(kmb_appender *appender, double value, struct kmb_error *error);
KMB_API enum kmb_status kmb_append_text(kmb_appender *appender, const char *text, size_t length,
                                        struct kmb_error *error);
KMB_API enum kmb_status kmb_append_bytes(kmb_appender *appender, const void *bytes, size_t length,
                                         struct kmb_error *error);
/* Ends the row: checks count, NOT NULL, CHECKs. A refused row is dropped whole; the appender goes on. */
KMB_API enum kmb_status kmb_append_row(kmb_appender *appender, struct kmb_error *error);
/* Writes the gathered rows: durable on return unless a transaction is open. *rows (may be NULL): how many.
 * KMB_SERIALIZATION when the table was altered since the appender was opened: open another. On failure none of them is
 * written and the appender is empty. */
KMB_API enum kmb_status kmb_appender_flush(kmb_appender *appender, uint64_t *rows, struct kmb_error *error);
/* Drops what was not flushed. NULL is fine. */
KMB_API void kmb_appender_close(kmb_appender *appender);

/* ---- Streams ---------------------------------------------------------------------------------------------------
 *
 * A stream is an ordered, gapless list of byte events, offsets from 0, apart from positions.
 */
enum kmb_data_class {
    KMB_CLASS_PHI = 0,
    KMB_CLASS_DEIDENTIFIED = 1,
    KMB_CLASS_PII = 2,
    KMB_CLASS_SENSITIVE = 3,
    KMB_CLASS_PCI = 4,
    KMB_CLASS_FINANCIAL = 5,
    KMB_CLASS_CONFIDENTIAL = 6,
    KMB_CLASS_PUBLIC = 7,
};
struct kmb_bytes {
    const void *bytes;
    size_t length;
};
/* The same name again answers the existing id. */
KMB_API enum kmb_status kmb_stream_create(kmb_session *session, const char *name, enum kmb_data_class data_class,
                                          uint32_t *stream, struct kmb_error *error);
/* The id of a name, or KMB_STREAM_NOT_FOUND. */
KMB_API enum kmb_status kmb_stream_find(kmb_session *session, const char *name, uint32_t *stream,
                                        struct kmb_error *error);
struct kmb_stream {
    uint32_t id;
    const char *name;
    enum kmb_data_class data_class;
    uint64_t length; /* events */
};
/* Calls each in order of name; stops at the first answer that is not KMB_OK and returns it. */
KMB_API enum kmb_status kmb_stream_list(kmb_session *session,
                                        enum kmb_status (*each)(void *context, const struct kmb_stream *stream),
                                        void *context, struct kmb_error *error);
/* expected_offset: the offset the first event must get, else KMB_OFFSET_MISMATCH; UINT64_MAX: wherever the end is.
 * *first_offset (may be NULL): the one it got. All events are durable on return, or none is written. */
KMB_API enum kmb_status kmb_stream_append(kmb_session *session, uint32_t stream, uint64_t expected_offset,
                                          const struct kmb_bytes *events, size_t event_count, uint64_t *first_offset,
                                          struct kmb_error *error);
/* Calls each for the events from offset `from` on until bytes_max bytes were given (the event that reaches it is still
 * given) or each answers anything but KMB_OK, which is returned. */
KMB_API enum kmb_status kmb_stream_read(kmb_session *session, uint32_t stream, uint64_t from, uint64_t bytes_max,
                                        enum kmb_status (*each)(void *context, uint64_t offset, const void *bytes,
                                                                size_t length),
                                        void *context, struct kmb_error *error);
KMB_API enum kmb_status kmb_stream_length(kmb_session *session, uint32_t stream, uint64_t *length,
                                          struct kmb_error *error);

/* ---- Proofs ----------------------------------------------------------------------------------------------------
 *
 * Texts that a stranger verifies without the database: docs/reference/proofs.md. The caller frees with kmb_free().
 */
/* A signed checkpoint (C2SP tlog-checkpoint) of the tenant's tree as it is now. */
KMB_API enum kmb_status kmb_proof_checkpoint(kmb_session *session, char **text, struct kmb_error *error);
/* That entry `sequence` (from 1) stands in the tree of the newest checkpoint; contains that checkpoint. */
KMB_API enum kmb_status kmb_proof_inclusion(kmb_session *session, uint64_t sequence, char **text,
                                            struct kmb_error *error);
/* That the tree of old_size entries is a prefix of today's. */
KMB_API enum kmb_status kmb_proof_consistency(kmb_session *session, uint64_t old_size, char **text,
                                              struct kmb_error *error);
/* Checks any of the three texts alone. verifier: key as kmb_tenant_verifier() gives it, or NULL to trust the one in the
 * text (then only the arithmetic is proved). KMB_PROOF_INVALID says what does not hold, KMB_FORMAT why it is no proof.
 */
KMB_API enum kmb_status kmb_proof_verify(const char *text, size_t length, const char *verifier,
                                         struct kmb_error *error);
KMB_API void kmb_free(void *memory);

/* ---- Verification and rebuild ----------------------------------------------------------------------------------*/
struct kmb_verify_options {
    size_t size;          /* sizeof(struct kmb_verify_options) */
    const char *key_file; /* as in kmb_options */
    const char
        *checkpoint_file; /* a checkpoint kept outside: a rollback or a rewritten log fails against it; NULL none */
    bool log_only;        /* leave the store alone */
    /* Called from time to time; an answer other than KMB_OK ends the run with it. */
    enum kmb_status (*progress)(void *context, uint64_t bytes_done, uint64_t bytes_total);
    void *context;
    const char *passphrase; /* as in kmb_options */
};
struct kmb_verify_report {
    size_t size;
    uint64_t segments;
    uint64_t blocks;
    uint64_t entries;
    uint64_t bytes;
    uint64_t tenants;
    uint64_t pages;           /* of the store, checked */
    bool bodies_opened;       /* false: no key, bodies checked by hash only */
    bool store_matches_log;   /* checked and equal */
    char failure_segment[32]; /* where the first failure is; "" none */
    uint64_t failure_op;
    uint64_t failure_entry; /* tenant's entry number (from 1), 0 unknown */
    uint32_t failure_tenant;
    uint64_t failure_position;
};
/* Reads everything and trusts nothing. Works beside a running owner. KMB_OK: whole; else what failed and where. */
KMB_API enum kmb_status kmb_verify(const char *path, const struct kmb_verify_options *options,
                                   struct kmb_verify_report *report, struct kmb_error *error);

/* Drops the store and makes it anew from the log. hash (may be NULL): 65 bytes for the state hash in hexadecimal. */
KMB_API enum kmb_status kmb_rebuild(const char *path, const struct kmb_options *options, char *hash,
                                    struct kmb_error *error);
/* The state hash of an open database, 65 bytes: equal for equal logs, live and rebuilt. */
KMB_API enum kmb_status kmb_state_hash(kmb_db *db, char *hash, struct kmb_error *error);

/* ---- Looking at the log ----------------------------------------------------------------------------------------*/
struct kmb_log_entry {
    size_t size;
    uint64_t op;
    uint32_t tenant;
    uint64_t sequence; /* of the tenant, from 1 */
    uint64_t position_before;
    uint64_t position_after;
    int64_t time_us;
    uint32_t stored_bytes;
    bool encrypted;
    const char *hash; /* 64 hexadecimal characters */
    const char *previous_hash;
    const char *segment;
    const char *events; /* one line naming the events: "rows_inserted patients x3"; "" without the key */
};
/* Entries of all tenants (tenant 0 for all, else one) in log order from op `from` on. Works beside a running owner. */
KMB_API enum kmb_status kmb_log_show(const char *path, const char *key_file, uint32_t tenant, uint64_t from,
                                     enum kmb_status (*each)(void *context, const struct kmb_log_entry *entry),
                                     void *context, struct kmb_error *error);

#ifdef __cplusplus
}
#endif

#endif
