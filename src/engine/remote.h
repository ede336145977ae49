/*
 * Handles of the C API whose database is at the other end of a connection: what stands in the place of the shard.
 *
 * The functions of include/kimberlite.h check what comes from outside, keep bound values and read columns themselves,
 * whatever is behind a handle; what needs the database they ask of a shard, or of a table of operations that a client
 * (src/client) gives. What a connection can not do answers KMB_UNSUPPORTED.
 *
 * `void *` are the client's own: a database, a session of it. Who may call: as the functions of the C API that ask.
 */
#ifndef KMB_ENGINE_REMOTE_H
#define KMB_ENGINE_REMOTE_H

#include "base/buffer.h"
#include "kimberlite.h"
#include "sql/exec/operator.h"
#include "sql/sql.h"

struct remote_column {
    char *name;
    char *type_name;
    enum kmb_type type;
};

/* The head of the client's statement: what there is to be known of it. Columns may be others after a run. */
struct remote_statement {
    uint32_t parameter_count;
    const enum kmb_type *parameters;
    uint32_t column_count;
    const struct remote_column *columns;
    bool writes;
    enum kmb_copy copy;
    /* Of the run that has ended. */
    char tag[SQL_TAG_SIZE];
    uint64_t rows;
    uint64_t position; /* also of one that goes on */
};

struct remote_run {
    const struct value *parameters; /* as they were bound: of no type, BOOL, INT8, FLOAT8 or BYTEA */
    uint32_t parameter_count;
    struct sql_point at;
    const struct sql_copy *copy;
};

/* A column of a table that rows are appended to. */
struct remote_append_column {
    char *name;
    struct type type; /* TEXT where the type is one that only the database can read */
    bool not_null;
};

enum remote_proof { REMOTE_PROOF_CHECKPOINT, REMOTE_PROOF_INCLUSION, REMOTE_PROOF_CONSISTENCY };

struct remote_operations {
    /* --- databases; any thread --- */
    void (*close)(void *db);
    enum kmb_status (*info)(void *db, struct kmb_info *info, struct kmb_error *error);
    enum kmb_status (*state_hash)(void *db, char *hash, struct kmb_error *error);
    enum kmb_status (*checkpoint)(void *db, struct kmb_error *error);
    enum kmb_status (*tenant_create)(void *db, uint32_t id, struct slice name, struct kmb_error *error);
    enum kmb_status (*tenant_delete)(void *db, uint32_t id, uint32_t *tables, struct kmb_error *error);
    enum kmb_status (*tenant_list)(void *db, enum kmb_status (*each)(void *context, const struct kmb_tenant *tenant),
                                   void *context, struct kmb_error *error);
    enum kmb_status (*tenant_verifier)(void *db, uint32_t tenant, struct buffer *text, struct kmb_error *error);
    enum kmb_status (*api_key_create)(void *db, const struct kmb_api_key *key, kmb_api_key_fn *each, void *context,
                                      struct kmb_error *error);
    enum kmb_status (*api_key_rotate)(void *db, struct slice old, kmb_api_key_fn *each, void *context,
                                      struct kmb_error *error);
    enum kmb_status (*api_key_revoke)(void *db, struct slice key, struct kmb_error *error);
    enum kmb_status (*api_key_list)(void *db, uint32_t tenant, kmb_api_key_fn *each, void *context,
                                    struct kmb_error *error);
    enum kmb_status (*session_open)(void *db, uint32_t tenant, void **session, struct kmb_error *error);

    /* --- sessions; one thread at a time, cancel from any and from a signal's handler --- */
    void (*session_close)(void *session);
    void (*cancel)(void *session);
    void (*notices)(void *session, void (*notice)(void *context, const struct kmb_error *notice), void *context);
    enum kmb_status (*position)(void *session, uint64_t *position, struct kmb_error *error);
    bool (*in_transaction)(void *session, bool *failed);
    enum kmb_status (*begin)(void *session, struct kmb_error *error);
    enum kmb_status (*commit)(void *session, struct kmb_error *error);
    enum kmb_status (*rollback)(void *session, struct kmb_error *error);
    /* How times of the session are read and written. */
    struct datetime_context (*datetime)(void *session);

    /* --- statements --- */
    enum kmb_status (*prepare)(void *session, struct slice text, const struct sql_point *at,
                               struct remote_statement **statement, struct kmb_error *error);
    void (*finalize)(struct remote_statement *statement);
    enum kmb_status (*run)(struct remote_statement *statement, const struct remote_run *run, struct kmb_error *error);
    /* KMB_ROW: *batch, until the next call. KMB_DONE: tag, rows and position stand. Else it is over. */
    enum kmb_status (*next)(struct remote_statement *statement, const struct batch **batch, struct kmb_error *error);
    void (*reset)(struct remote_statement *statement); /* ends the run */
    /* Runs one statement and throws its rows away. */
    enum kmb_status (*exec)(void *session, struct slice text, const struct sql_point *at, struct kmb_error *error);

    /* --- streams and proofs --- */
    enum kmb_status (*stream_create)(void *session, struct slice name, enum kmb_data_class data_class, uint32_t *stream,
                                     struct kmb_error *error);
    enum kmb_status (*stream_list)(void *session,
                                   enum kmb_status (*each)(void *context, const struct kmb_stream *stream),
                                   void *context, struct kmb_error *error);
    enum kmb_status (*stream_append)(void *session, uint32_t stream, const uint64_t *expected,
                                     const struct slice *events, size_t count, uint64_t *first,
                                     struct kmb_error *error);
    enum kmb_status (*stream_read)(void *session, uint32_t stream, uint64_t from, uint64_t bytes_max,
                                   enum kmb_status (*each)(void *context, uint64_t offset, const void *bytes,
                                                           size_t length),
                                   void *context, struct kmb_error *error);
    enum kmb_status (*stream_length)(void *session, uint32_t stream, uint64_t *length, struct kmb_error *error);
    enum kmb_status (*prove)(void *session, enum remote_proof proof, uint64_t number, struct buffer *text,
                             struct kmb_error *error);

    /* --- appenders --- */
    /* Columns are the caller's: mem_free() the names and the list. */
    enum kmb_status (*appender_open)(void *session, const char *table, void **appender,
                                     struct remote_append_column **columns, uint32_t *count, struct kmb_error *error);
    void (*appender_close)(void *appender);
    /* Writes rows, value after value, `defaults` where a column's DEFAULT is meant; all of them or none. */
    enum kmb_status (*append)(void *appender, const struct value *values, const bool *defaults, size_t rows,
                              uint32_t columns, struct kmb_error *error);
};

enum kmb_type api_type(enum type_id type);
/* A struct of the caller's that begins with its size: copied into ours, what it does not have is zero. in may be NULL.
 * KMB_USAGE for a size that is none, and for anything set behind what we know. */
enum kmb_status api_copy_sized(void *out, size_t out_size, const void *in, const char *name, struct kmb_error *error);

/* Makes a handle of the C API. The client's database is the handle's from now on, also on failure. */
enum kmb_status remote_database(const struct remote_operations *operations, void *db, kmb_db **out,
                                struct kmb_error *error);
/* KMB_UNSUPPORTED: "the state hash is not told over a connection". what: "the state hash is not told". */
enum kmb_status remote_unsupported(const char *what, struct kmb_error *error);

#endif
