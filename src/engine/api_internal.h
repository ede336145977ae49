/* What the files of the C API share: the structs behind the public handles. Nobody else includes this. */
#ifndef KMB_ENGINE_API_INTERNAL_H
#define KMB_ENGINE_API_INTERNAL_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "engine/remote.h"
#include "engine/session.h"
#include "kimberlite.h"

/* Of a database over a connection: `remote` has its operations, `far` is the client's side of the handle, and what is
 * the shard's is not there. */
struct kmb_db {
    struct shard *shard; /* NULL: remote */
    const struct remote_operations *remote;
    void *far;
    atomic_uint_fast64_t session_next;
    atomic_uint_fast32_t sessions; /* open */
    uint64_t statement_bytes;
    void (*log)(void *context, const char *line);
    void *log_context;
};

struct kmb_session {
    struct kmb_db *db;
    struct session *session; /* NULL: remote */
    const struct remote_operations *remote;
    void *far;
    struct sql_point at;       /* of a remote one: what it reads */
    struct plan_cache *plans;  /* NULL: no memory for it */
    struct sql_digest *digest; /* of the statement being prepared; NULL likewise */
    atomic_uint_fast32_t uses; /* the caller's, and one of each open statement and appender; the last frees it */
};

/* Runs the code of DO, in a transaction of its own where none is open. */
enum kmb_status api_block_run(struct kmb_session *session, const struct block_step *block, struct kmb_error *error);

struct kmb_statement {
    struct kmb_session *session;
    struct sql_statement *statement;
    struct remote_statement *far; /* in its place; NULL: embedded */
    bool far_running;
    struct plan_kept *kept; /* whose statement this is; NULL: our own */
    char *text;             /* with kept: as it was written, for positions of errors */
    size_t text_length;
    struct value *parameters;
    bool *bound;
    uint32_t parameter_count;
    uint32_t bound_count;
    struct arena parameter_memory;
    size_t parameter_bytes;  /* of it, when older values were dropped last */
    char **type_names;       /* of columns, made when asked */
    uint32_t column_room;    /* of texts and type_names */
    uint64_t column_version; /* of the catalogue that they are of */

    struct sql_run *run; /* NULL: not stepping */
    bool done;
    const struct batch *batch;
    uint32_t next; /* in the batch */
    uint32_t row;  /* the row that stands ready: its number in the batch's vectors */
    bool has_row;
    struct buffer *texts; /* one a column */
    char tag[SQL_TAG_SIZE];
    uint64_t rows;
    uint64_t position;
    struct sql_copy copy;
    struct api_batch *batches; /* of kmb_step_batch(); NULL: never asked for */
    bool rolled_back;          /* a COMMIT that was one of a failed transaction */
};

/* How times of a session are read and written. */
struct datetime_context api_datetime(const struct kmb_session *session);
/* Gives up one use of a session. */
void api_session_drop(struct kmb_session *session);
/* The options of an open, resolved. */
enum kmb_status api_shard_options(const char *path, const struct kmb_options *options, struct shard_options *out,
                                  struct kmb_error *error);
/* KMB_USAGE: something that must be there is NULL. */
enum kmb_status api_absent(const char *what, struct kmb_error *error);
/* KMB_USAGE where the size that a struct of the caller's begins with is none. */
enum kmb_status api_check_size(const void *in, const char *name, struct kmb_error *error);
/* The other way: fills what the caller's struct has room for. */
void api_fill_sized(void *caller, const void *ours, size_t ours_size);
/* A note that does not open is no proof, whatever is wrong with it. */
enum kmb_status api_proof_status(enum kmb_status status, struct kmb_error *error);
struct api_batch;
void api_batch_free(struct api_batch *batch);  /* NULL is fine */
void api_batch_reset(struct api_batch *batch); /* the statement begins anew; NULL is fine */

#endif
