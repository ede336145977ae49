/* What the files of the client share: the two structs behind a remote kmb_db and its kmb_sessions. Nobody else includes
 * this. */
#ifndef KMB_CLIENT_CLIENT_H
#define KMB_CLIENT_CLIENT_H

#include <pthread.h>

#include "client/exchange.h"
#include "engine/remote.h"
#include "engine/zones.h"

/* A database over a connection. The first connection says whether it is there, and is the first session's; what the
 * database is asked without a session goes over a connection that no session has, made when there is none. */
struct client {
    struct arena arena; /* of the address */
    struct address address;
    uint32_t tenant; /* that the address names */
    struct io io;
    pthread_mutex_t lock; /* of what follows */
    struct exchange *idle;
};

struct client_session {
    struct client *client;
    struct exchange *exchange;
    uint32_t tenant;
    uint32_t statements; /* numbers given out */
    uint32_t appenders;
    struct zones zones;
    /* The session's on the server. */
    struct time_zone zone;
    char zone_name[64];
    struct datetime_style style;
    void (*notice)(void *context, const struct kmb_error *notice); /* NULL: nobody listens */
    void *notice_context;
};

/* A response in an arena of its own: arena_free() it. */
enum kmb_status client_ask(struct client_session *session, uint32_t variant, const void *request, uint32_t wanted,
                           struct arena *arena, const void **response, struct kmb_error *error);

/* --- operations (engine/remote.h) --- */

struct datetime_context client_datetime(void *session);

enum kmb_status client_prepare(void *session, struct slice text, const struct sql_point *at,
                               struct remote_statement **statement, struct kmb_error *error);
void client_finalize(struct remote_statement *statement);
enum kmb_status client_run(struct remote_statement *statement, const struct remote_run *run, struct kmb_error *error);
enum kmb_status client_next(struct remote_statement *statement, const struct batch **batch, struct kmb_error *error);
void client_reset(struct remote_statement *statement);
enum kmb_status client_stream_create(void *session, struct slice name, enum kmb_data_class data_class, uint32_t *stream,
                                     struct kmb_error *error);
enum kmb_status client_stream_list(void *session,
                                   enum kmb_status (*each)(void *context, const struct kmb_stream *stream),
                                   void *context, struct kmb_error *error);
enum kmb_status client_stream_append(void *session, uint32_t stream, const uint64_t *expected,
                                     const struct slice *events, size_t count, uint64_t *first,
                                     struct kmb_error *error);
enum kmb_status client_stream_read(void *session, uint32_t stream, uint64_t from, uint64_t bytes_max,
                                   enum kmb_status (*each)(void *context, uint64_t offset, const void *bytes,
                                                           size_t length),
                                   void *context, struct kmb_error *error);
enum kmb_status client_stream_length(void *session, uint32_t stream, uint64_t *length, struct kmb_error *error);
enum kmb_status client_prove(void *session, enum remote_proof proof, uint64_t number, struct buffer *text,
                             struct kmb_error *error);
enum kmb_status client_appender_open(void *session, const char *table, void **appender,
                                     struct remote_append_column **columns, uint32_t *count, struct kmb_error *error);
void client_appender_close(void *appender);
enum kmb_status client_append(void *appender, const struct value *values, const bool *defaults, size_t rows,
                              uint32_t columns, struct kmb_error *error);
/* Runs a COPY: as exchange_ask_raw() of the Execute. */
enum kmb_status client_copy(struct client_session *session, const struct wire_execute_request *request,
                            enum kmb_copy direction, const struct sql_copy *copy, struct slice *fields,
                            struct kmb_error *error);
enum kmb_status client_exec(void *session, struct slice text, const struct sql_point *at, struct kmb_error *error);

#endif
