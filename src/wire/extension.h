/*
 * What the native protocol says beyond the published releases: variants appended to its requests and responses, for
 * typed values, results in pages, prepared statements, transactions, positions, proofs, cancellation and errors told in
 * full. A server announces them as capabilities; a client that does not ask for them never meets one.
 *
 * Their numbers begin at WIRE_EXTENSION_FIRST: those between are left to the releases whose protocol this is.
 */
#ifndef KMB_WIRE_EXTENSION_H
#define KMB_WIRE_EXTENSION_H

#include "wire/message.h"

#define WIRE_EXTENSION_FIRST 64

enum wire_typed_tag {
    WIRE_TYPED_NULL,
    WIRE_TYPED_BOOLEAN,
    WIRE_TYPED_INTEGER,
    WIRE_TYPED_REAL,
    WIRE_TYPED_DECIMAL, /* its exact text; also NaN, Infinity, -Infinity */
    WIRE_TYPED_TEXT,
    WIRE_TYPED_BYTES,
    WIRE_TYPED_DATE,          /* days since 1970-01-01 */
    WIRE_TYPED_TIME,          /* microseconds since midnight */
    WIRE_TYPED_TIMESTAMP,     /* without a time zone */
    WIRE_TYPED_TIMESTAMP_UTC, /* a moment */
    WIRE_TYPED_INTERVAL,
    WIRE_TYPED_UUID,  /* 16 bytes */
    WIRE_TYPED_JSON,  /* its text */
    WIRE_TYPED_OTHER, /* any other type, in PostgreSQL's text form; of a parameter: of the type that is wanted */
};

struct wire_timestamp {
    int64_t micros; /* since 1970-01-01 00:00; the least and the greatest number are the infinities */
    uint32_t nanos; /* 0 to 999, beside them */
};

struct wire_interval {
    int64_t months;
    int64_t days;
    int64_t micros;
};

struct wire_typed {
    uint32_t tag; /* enum wire_typed_tag */
    union {
        bool boolean;
        int64_t integer; /* also date and time */
        double real;
        struct slice text; /* also decimal, bytes, uuid, json, other */
        struct wire_timestamp timestamp;
        struct wire_interval interval;
    } as;
};

struct wire_typed_row {
    WIRE_LIST_OF(struct wire_typed) cells;
};

struct wire_column {
    struct slice name;
    uint32_t type_oid;      /* PostgreSQL's; 0: it has none */
    int64_t modifier;       /* as PostgreSQL counts it; -1: none */
    struct slice type_name; /* "numeric(10,2)" */
};

enum wire_moment_tag { WIRE_MOMENT_PRESENT, WIRE_MOMENT_POSITION, WIRE_MOMENT_TIME };

struct wire_moment {
    uint32_t tag; /* enum wire_moment_tag */
    union {
        uint64_t position;
        int64_t time_micros;
    } as;
};

/* How much of a result one answer may hold; 0: as much as the server likes. */
struct wire_page {
    uint32_t rows_max;
    uint32_t bytes_max;
};

enum wire_isolation { WIRE_ISOLATION_DEFAULT, WIRE_ISOLATION_SNAPSHOT, WIRE_ISOLATION_SERIALIZABLE };
enum wire_access { WIRE_ACCESS_DEFAULT, WIRE_ACCESS_READ_WRITE, WIRE_ACCESS_READ_ONLY };
enum wire_transaction_state { WIRE_TRANSACTION_NONE, WIRE_TRANSACTION_OPEN, WIRE_TRANSACTION_FAILED };

enum wire_proof_tag { WIRE_PROOF_CHECKPOINT, WIRE_PROOF_INCLUSION, WIRE_PROOF_CONSISTENCY };

struct wire_proof {
    uint32_t tag; /* enum wire_proof_tag */
    union {
        uint64_t sequence;
        uint64_t old_size;
    } as;
};

/* --- requests --- */

struct wire_run_request {
    struct slice sql;
    WIRE_LIST_OF(struct wire_typed) parameters;
    struct wire_moment at;
    struct wire_page page;
};

struct wire_prepare_request {
    uint32_t statement; /* the client's number for it */
    struct slice sql;
    WIRE_LIST_OF(uint32_t) parameter_types; /* PostgreSQL's OIDs; 0, and those left out: inferred */
};

struct wire_execute_request {
    uint32_t statement;
    WIRE_LIST_OF(struct wire_typed) parameters;
    struct wire_moment at;
    struct wire_page page;
};

struct wire_close_statement_request {
    uint32_t statement;
};

struct wire_fetch_request {
    uint64_t cursor;
    struct wire_page page;
};

struct wire_close_cursor_request {
    uint64_t cursor;
};

struct wire_begin_request {
    uint32_t isolation; /* enum wire_isolation */
    uint32_t access;    /* enum wire_access */
};

struct wire_prove_request {
    struct wire_proof proof;
};

struct wire_cancel_request {
    uint64_t connection;
    struct slice secret;
};

struct wire_append_request {
    uint64_t stream_id;
    WIRE_LIST_OF(struct slice) events;
    uint64_t *expected_offset; /* NULL: wherever the end is */
};

/* What the client understands beside what every one does, from now on: WIRE_OPTION_... */
#define WIRE_OPTION_ERRORS   "errors"      /* ErrorDetail to the published requests, too */
#define WIRE_OPTION_FULL     "errors.full" /* ErrorFull to all that fail */
#define WIRE_OPTION_SETTINGS "settings"    /* pushes of Setting */
#define WIRE_OPTION_CURSORS  "cursors"     /* they outlive Commit and Rollback */
#define WIRE_OPTION_NOTICES  "notices"     /* pushes of Notice */

struct wire_options_request {
    WIRE_LIST_OF(struct slice) names;
};

/* As PREPARE, also of a COPY. */
struct wire_compile_request {
    uint32_t statement;
    struct slice sql;
    WIRE_LIST_OF(uint32_t) parameter_types;
    struct wire_moment at; /* what it will be run at, as far as is known */
};

struct wire_authenticate_request {
    struct slice user;
    struct slice mechanism; /* of SASL; empty: the user alone is told */
    struct slice message;
    struct slice *tenant_name; /* NULL: the message's tenant */
};

struct wire_authenticate_next_request {
    struct slice message;
};

struct wire_find_tenant_request {
    struct slice name;
};

struct wire_verifier_request {
    uint64_t tenant_id;
};

/* Data of a COPY that reads, while it runs: these two have no response. */
struct wire_copy_data_request {
    struct slice bytes;
};

struct wire_copy_end_request {
    struct slice *failure; /* NULL: the data is whole */
};

struct wire_open_appender_request {
    uint32_t appender; /* the client's number for it */
    struct slice table;
};

struct wire_append_rows_request {
    uint32_t appender;
    WIRE_LIST_OF(struct wire_typed_row) rows;
    WIRE_LIST_OF(uint64_t) defaults; /* cells that are to be the column's DEFAULT, counted from 0 through all rows */
    bool flush;
};

struct wire_close_appender_request {
    uint32_t appender;
};

enum wire_extension_request {
    WIRE_REQUEST_RUN = WIRE_EXTENSION_FIRST,
    WIRE_REQUEST_PREPARE,
    WIRE_REQUEST_EXECUTE,
    WIRE_REQUEST_CLOSE_STATEMENT,
    WIRE_REQUEST_FETCH,
    WIRE_REQUEST_CLOSE_CURSOR,
    WIRE_REQUEST_BEGIN,
    WIRE_REQUEST_COMMIT,
    WIRE_REQUEST_ROLLBACK,
    WIRE_REQUEST_POSITION,
    WIRE_REQUEST_PROVE,
    WIRE_REQUEST_SESSION_KEY,
    WIRE_REQUEST_CANCEL,
    WIRE_REQUEST_APPEND,
    WIRE_REQUEST_LIST_STREAMS,
    WIRE_REQUEST_OPTIONS,
    WIRE_REQUEST_STATE,
    WIRE_REQUEST_COMPILE,
    WIRE_REQUEST_AUTHENTICATE,
    WIRE_REQUEST_AUTHENTICATE_NEXT,
    WIRE_REQUEST_FIND_TENANT,
    WIRE_REQUEST_LIST_TENANTS,
    WIRE_REQUEST_VERIFIER,
    WIRE_REQUEST_DATABASE_INFO,
    WIRE_REQUEST_STATE_HASH,
    WIRE_REQUEST_CHECKPOINT,
    WIRE_REQUEST_COPY_DATA,
    WIRE_REQUEST_COPY_END,
    WIRE_REQUEST_OPEN_APPENDER,
    WIRE_REQUEST_APPEND_ROWS,
    WIRE_REQUEST_CLOSE_APPENDER,
    WIRE_REQUEST_END, /* how many there are */
};

/* --- responses --- */

struct wire_error_detail_response {
    uint32_t code;         /* enum wire_error_code */
    struct slice sqlstate; /* five characters */
    struct slice name;     /* of the status: "UNIQUE_VIOLATION" */
    struct slice message;
    struct slice *detail;
    struct slice *hint;
    uint32_t *position; /* of the character in the SQL text, from 1 */
};

struct wire_rows_response {
    WIRE_LIST_OF(struct wire_column) columns; /* of a further page: none */
    WIRE_LIST_OF(struct wire_typed_row) rows;
    uint64_t *cursor;      /* there are more rows: Fetch them */
    struct slice *command; /* "INSERT 0 3", with the last rows */
    uint64_t rows_affected;
    uint64_t position;
};

struct wire_prepared_response {
    uint32_t statement;
    WIRE_LIST_OF(uint32_t) parameter_types;
    WIRE_LIST_OF(struct wire_column) columns;
    bool writes;
};

struct wire_transaction_response {
    uint32_t state; /* enum wire_transaction_state */
    uint64_t position;
};

struct wire_position_response {
    uint64_t position;
    uint64_t sequence;
    int64_t time_micros;
};

struct wire_proof_response {
    struct slice text;
};

struct wire_session_key_response {
    uint64_t connection;
    struct slice secret;
};

struct wire_appended_response {
    uint64_t first_offset;
    uint32_t count;
    uint64_t position;
};

struct wire_stream_info {
    uint64_t stream_id;
    struct slice name;
    uint32_t data_class; /* enum wire_data_class */
    uint64_t length;
};

struct wire_streams_response {
    WIRE_LIST_OF(struct wire_stream_info) streams;
};

enum wire_copy { WIRE_COPY_NONE, WIRE_COPY_IN, WIRE_COPY_OUT };

struct wire_compiled_response {
    uint32_t statement;
    WIRE_LIST_OF(struct wire_column) parameters; /* without names */
    WIRE_LIST_OF(struct wire_column) columns;
    bool writes;
    uint32_t copy; /* enum wire_copy */
};

struct wire_authenticating_response {
    struct slice message;
    bool done;
    uint64_t tenant_id; /* when done */
};

struct wire_tenant_facts {
    uint64_t tenant_id;
    struct slice name; /* empty: it has none */
    uint64_t position;
    uint64_t entries;
};

struct wire_tenants_response {
    WIRE_LIST_OF(struct wire_tenant_facts) tenants;
};

struct wire_text_response {
    struct slice text;
};

struct wire_database_info_response {
    struct slice uuid;
    bool encrypted;
    bool key_on_same_filesystem;
    bool clock_refused;
    uint64_t op;
    uint64_t log_bytes;
    uint64_t store_bytes;
    uint64_t cache_bytes;
    uint64_t pinned_roots;
    uint64_t pinned_oldest_op;
    uint64_t pinned_bytes;
    uint64_t recovered_entries;
    uint64_t cut_bytes;
    uint32_t tenants;
};

struct wire_append_column {
    struct wire_column column;
    bool not_null;
};

struct wire_appender_response {
    WIRE_LIST_OF(struct wire_append_column) columns;
};

struct wire_error_full_response {
    struct wire_error_detail_response detail;
    struct slice *schema;
    struct slice *table;
    struct slice *column;
    struct slice *constraint;
    struct slice *context; /* where it happened */
};

enum wire_extension_response {
    WIRE_RESPONSE_ERROR_DETAIL = WIRE_EXTENSION_FIRST,
    WIRE_RESPONSE_ROWS,
    WIRE_RESPONSE_PREPARED,
    WIRE_RESPONSE_CLOSED,
    WIRE_RESPONSE_TRANSACTION,
    WIRE_RESPONSE_POSITION,
    WIRE_RESPONSE_PROOF,
    WIRE_RESPONSE_SESSION_KEY,
    WIRE_RESPONSE_CANCELLED,
    WIRE_RESPONSE_APPENDED,
    WIRE_RESPONSE_STREAMS,
    WIRE_RESPONSE_DONE,
    WIRE_RESPONSE_COMPILED,
    WIRE_RESPONSE_AUTHENTICATING,
    WIRE_RESPONSE_TENANTS,
    WIRE_RESPONSE_TEXT,
    WIRE_RESPONSE_DATABASE_INFO,
    WIRE_RESPONSE_APPENDER,
    WIRE_RESPONSE_ERROR_FULL,
    WIRE_RESPONSE_END,
};

/* --- pushes --- */

struct wire_notification_push {
    uint64_t tenant_id;
    struct slice channel;
    struct slice payload;
    uint64_t session; /* who has said it: its pg_backend_pid() */
};

/* A setting of the tenant's session that bears upon how its values are read. */
struct wire_setting_push {
    uint64_t tenant_id;
    struct slice name; /* "TimeZone" */
    struct slice value;
};

/* What a COPY writes, before the response to the request that runs it. */
struct wire_copy_out_push {
    uint64_t request_id;
    struct slice bytes;
};

/* What a statement says beside its answer, before the response to the request that runs it. */
struct wire_notice_push {
    uint64_t tenant_id;
    struct slice severity; /* "NOTICE", "WARNING" */
    struct slice sqlstate;
    struct slice message;
    struct slice *detail; /* NULL: none, as the next */
    struct slice *hint;
};

enum wire_extension_push {
    WIRE_PUSH_NOTIFICATION = WIRE_EXTENSION_FIRST,
    WIRE_PUSH_SETTING,
    WIRE_PUSH_COPY_OUT,
    WIRE_PUSH_NOTICE,
    WIRE_PUSH_END,
};

/* The appended variant of a direction with this number on the wire; NULL: there is none. */
const struct wire_member *wire_extension(uint32_t direction, uint32_t variant);
/* For what writes rows one by one. */
const struct wire_type *wire_typed_type(void);
const struct wire_type *wire_column_type(void);

#endif
