/* What the files of the C API share: the structs behind the public handles. Nobody else includes this. */
#ifndef KMB_ENGINE_API_INTERNAL_H
#define KMB_ENGINE_API_INTERNAL_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "engine/session.h"
#include "kimberlite.h"

struct kmb_db {
    struct shard *shard;
    atomic_uint_fast64_t session_next;
    atomic_uint_fast32_t sessions; /* open */
    uint64_t statement_bytes;
    void (*log)(void *context, const char *line);
    void *log_context;
};

struct kmb_session {
    struct kmb_db *db;
    struct session *session;
    struct plan_cache *plans;  /* NULL: no memory for it */
    struct sql_digest *digest; /* of the statement being prepared; NULL likewise */
    atomic_uint_fast32_t uses; /* the caller's, and one of each open statement and appender; the last frees it */
};

struct kmb_statement {
    struct kmb_session *session;
    struct sql_statement *statement;
    struct plan_kept *kept; /* whose statement this is; NULL: our own */
    char *text;             /* with kept: as it was written, for positions of errors */
    size_t text_length;
    struct value *parameters;
    bool *bound;
    uint32_t parameter_count;
    struct arena parameter_memory;
    char **type_names; /* of columns, made when asked */

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
    bool rolled_back; /* a COMMIT that was one of a failed transaction */
};

/* Gives up one use of a session. */
void api_session_drop(struct kmb_session *session);
/* The options of an open, resolved. */
enum kmb_status api_shard_options(const char *path, const struct kmb_options *options, struct shard_options *out,
                                  struct kmb_error *error);
/* KMB_USAGE: something that must be there is NULL. */
enum kmb_status api_absent(const char *what, struct kmb_error *error);
/* KMB_USAGE where the size that a struct of the caller's begins with is none. */
enum kmb_status api_check_size(const void *in, const char *name, struct kmb_error *error);
/* A struct of the caller's that begins with its size: copied into ours, what it does not have is zero. KMB_USAGE for a
 * size that is none, and for anything set behind what we know. */
enum kmb_status api_copy_sized(void *out, size_t out_size, const void *in, const char *name, struct kmb_error *error);
/* The other way: fills what the caller's struct has room for. */
void api_fill_sized(void *caller, const void *ours, size_t ours_size);
/* A note that does not open is no proof, whatever is wrong with it. */
enum kmb_status api_proof_status(enum kmb_status status, struct kmb_error *error);
enum kmb_type api_type(enum type_id type);

#endif
