/* What the files of the native protocol share. Nobody else includes this. */
#ifndef KMB_SERVER_NATIVE_INTERNAL_H
#define KMB_SERVER_NATIVE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "engine/statement.h"
#include "server/authenticate.h"
#include "server/limits.h"
#include "server/activity.h"
#include "server/native.h"
#include "server/request.h"
#include "wire/extension.h"
#include "wire/frame.h"

/* Bounds of one connection. */
#define NATIVE_TENANTS_MAX      16   /* sessions held at once */
#define NATIVE_STATEMENTS_MAX   1024 /* prepared by the client */
#define NATIVE_CURSORS_MAX      64
#define NATIVE_CAPABILITIES_MAX 32
#define NATIVE_NOTICES_MAX                                                                                             \
    ((size_t)1 << 20) /* bytes of those of one request; of what comes then the number is told                          \
                       */
#define NATIVE_SUBSCRIPTIONS_MAX 256
#define NATIVE_APPENDERS_MAX     16
#define NATIVE_APPEND_BYTES_MAX  ((size_t)256 << 20) /* of memory, gathered by its appenders and not written yet */
#define NATIVE_KEPT_MAX          16                  /* statements of Query with parameters, kept for the next time */
#define NATIVE_KEPT_BYTES_MAX    4096                /* of such a text */
#define NATIVE_DECODED_MAX       ((size_t)64 << 20)  /* what one request may come to in memory */

#define NATIVE_TENANT_MAX  UINT64_C(4294967295)
#define NATIVE_SECRET_SIZE 16

/* --- the service ---------------------------------------------------------------------------------------------------
 */

struct native;

/* Members of one consumer group share a stream: each event goes to one of them. */
struct native_group {
    struct native_group *next;
    uint32_t tenant;
    uint32_t stream;
    uint32_t members;
    uint64_t offset;        /* the next to be given out */
    uint64_t returned_from; /* given to a member that is gone before it was sent: [from, to), empty where equal */
    uint64_t returned_to;
    size_t name_length;
    char name[];
};

struct native_service {
    struct native_options options;
    _Atomic(const struct settings *) settings; /* those of options, or of a reload */
    struct shard *shard;
    struct shard_watcher watcher;
    int64_t started_ns;
    atomic_uint_fast64_t subscription_next;

    pthread_mutex_t lock; /* of what follows; nothing that waits is called under it */
    struct native *machines;
    uint64_t machine_next;
    uint32_t watching; /* tenants that machines watch, added up */
    struct native_group *groups;
};

int64_t native_now_ns(const struct native_service *service);
void native_service_add(struct native *native);
void native_service_remove(struct native *native);
/* The tenants with subscriptions have changed. */
void native_service_watch(struct native *native);
/* Cancels what runs on the connection, if the secret is its own. */
void native_service_cancel(struct native_service *service, uint64_t connection, struct slice secret);

/* NULL: no memory. *offset: where the first member begins; answers where the group stands. */
struct native_group *native_group_join(struct native_service *service, uint32_t tenant, uint32_t stream,
                                       struct slice name, uint64_t *offset);
void native_group_leave(struct native_service *service, struct native_group *group);
/* Takes up to count events below length: *from is the first. Answers how many. */
uint32_t native_group_claim(struct native_service *service, struct native_group *group, uint64_t length, uint32_t count,
                            uint64_t *from);
void native_group_give_back(struct native_service *service, struct native_group *group, uint64_t from, uint64_t to);

/* --- the machine ---------------------------------------------------------------------------------------------------
 */

struct native_kept {
    char *text;
    size_t length;
    kmb_statement *statement;
    uint64_t used;
};

/* A tenant that the connection speaks for. */
struct native_tenant {
    struct native *native;
    uint32_t id;
    struct limits_party *party;
    struct charge charge; /* what its sessions have */
    uint32_t holds;       /* statements, cursors and subscriptions of it */
    uint32_t subscriptions;
    uint64_t used;
    kmb_session *handle;
    struct session *session;
    bool told; /* the client knows settings of this session: those that follow */
    char told_zone[64];
    struct datetime_style told_style;
    struct activity activity; /* how others see it */
    char name[256];           /* current_database() */
    kmb_session *reader; /* of subscriptions: sees what is published, whatever the session does; NULL: not needed yet */
    struct native_kept kept[NATIVE_KEPT_MAX];
};

struct native_statement {
    struct native_statement *next;
    struct native_tenant *tenant;
    uint32_t number;
    kmb_statement *statement;
    struct slice text; /* memory of its own; empty: there was none for it */
    bool lent;         /* a cursor runs it */
};

struct native_cursor {
    struct native_cursor *next;
    struct native_tenant *tenant;
    uint64_t number;
    kmb_statement *statement;
    struct native_statement *lender; /* NULL: the statement is the cursor's own */
    bool row;                        /* a row that the last page had no room for stands ready */
    struct kmb_error *fault;         /* what the next page is answered with; NULL: with rows */
};

struct native_appender {
    struct native_appender *next;
    struct native_tenant *tenant;
    uint32_t number;
    kmb_appender *appender;
    size_t bytes; /* of memory, gathered since it was last written; counted to the tenant */
};

struct native_subscription {
    struct native_subscription *next;
    struct native_tenant *tenant;
    uint64_t id;
    uint32_t stream;
    uint32_t credits;
    uint64_t offset;            /* the next */
    struct native_group *group; /* NULL: alone */
    uint64_t unsent_from;       /* of a group: given in the step before this one, and perhaps not sent */
    uint64_t unsent_to;
};

struct native {
    struct native_service *service;
    struct native *older; /* in the service's list; under its lock */
    struct native *newer;
    struct connection *connection;
    struct protocol_peer peer;
    uint64_t number; /* of this service, from 1 */
    uint8_t secret[NATIVE_SECRET_SIZE];
    /* Tenants with subscriptions: those whose events wake it. Changed by the machine under the service's lock. */
    uint32_t watched[NATIVE_TENANTS_MAX];
    uint32_t watched_count;

    struct identity identity;
    uint64_t skip; /* bytes of a frame that was refused before it was whole: still to come, and dropped */
    struct authentication *authentication; /* a login that goes on; NULL: none */
    struct protocol_io *io;                /* of the step */
    size_t frame_left;                     /* bytes of the request in hand that io->consumed does not count yet */

    struct arena arena;    /* of the request in hand */
    struct buffer scratch; /* rows, before their number is known */
    struct native_tenant *tenants[NATIVE_TENANTS_MAX];
    uint32_t tenant_count;
    uint64_t uses;
    bool extended;     /* has sent an appended request, so it knows appended pushes */
    bool wants_errors; /* what it has said with Options */
    bool wants_full;
    bool keeps_cursors;
    bool wants_settings;
    bool wants_notices;
    struct buffer notices;   /* pushes that the request in hand gave rise to */
    uint64_t notices_beyond; /* NATIVE_NOTICES_MAX: counted, not kept */
    struct native_statement *statements;
    uint32_t statement_count;
    struct native_cursor *cursors;
    uint32_t cursor_count;
    uint64_t cursor_next;
    struct native_appender *appenders;
    uint32_t appender_count;
    struct native_subscription *subscriptions;
    uint32_t subscription_count;
    unsigned once_tries; /* of the request in hand, which has a key */
    bool closing;
    atomic_bool busy;

    struct request_source source;

    pthread_mutex_t running_lock;
    kmb_session *running; /* what cancel() ends */
    bool cancel_due;      /* cancel() came while nothing ran: what runs next is meant, if it had been sent */
};

/* A request in hand. */
struct native_call {
    struct native *native;
    const struct wire_message *message;
    struct buffer *out;
    struct native_tenant *tenant; /* of the message; NULL: the request needs none */
    struct slice key;             /* idempotency key that is acted on; empty: none */
    uint8_t digest[32];           /* of the request, where it has a key */
    bool once;                    /* it runs in a block with its answer */
    enum answer_form form;        /* what stands at the end of the response */
    size_t response_at;           /* where in out the response begins */
    size_t bytes;                 /* of its frame */
    struct request request;
    uint64_t rows; /* that it has given or changed */
    struct kmb_error error;
};

/* A handler answers KMB_OK with its response written, or a status with call->error set and nothing written. */
typedef enum kmb_status native_handler(struct native_call *call);

/* Writes the response of this call. KMB_LIMIT: it is larger than a frame. */
enum kmb_status native_respond(struct native_call *call, uint32_t variant, const void *payload);
/* For responses that are written by hand: the payload's bytes follow, then native_respond_end(). */
size_t native_respond_begin(struct native_call *call, uint32_t variant);
enum kmb_status native_respond_end(struct native_call *call, size_t start);
bool native_push(struct buffer *out, uint32_t variant, const void *payload); /* false: larger than a frame */
enum kmb_status native_refuse(struct native_call *call, enum kmb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum kmb_status native_no_memory(struct native_call *call);
/* Memory of the request; NULL: none is left. */
void *native_alloc(struct native_call *call, size_t count, size_t size);
/* KMB_PERMISSION; KMB_USAGE above the greatest id. */
enum kmb_status native_may_write(struct native_call *call);
enum kmb_status native_tenant_check(struct native_call *call, uint64_t tenant);
/* KMB_PERMISSION: the identity is of another tenant; of all tenants together, where it is not of all. */
enum kmb_status native_may_use(struct native_call *call, uint64_t tenant);
enum kmb_status native_may_use_all(struct native_call *call);
/* Between these the session is what cancel() ends. */
void native_run_begin(struct native *native, kmb_session *session);
void native_run_end(struct native *native);
/* The request's statement is parsed and planned. */
void native_prepared(struct native_call *call);
/* The text of the statement that the request runs; empty: it runs none. */
struct slice native_text_of(struct native *native, const struct wire_message *message);

/* --- tenants and statements --- */

/* What its sessions do while the client is waited for. */
void native_tenants_rest(struct native *native);
/* What was cancelled so far was not meant for what comes now. */
void native_cancel_forget(struct native *native);
/* Another identity speaks from now on. */
enum kmb_status native_tenants_name(struct native *native, struct kmb_error *error);

/* The connection's session of a tenant, opened where it is not; the tenant is made where there is none. */
enum kmb_status native_tenant_open(struct native *native, uint64_t id, struct native_tenant **tenant,
                                   struct kmb_error *error);
void native_tenants_close(struct native *native);
/* Takes what its sessions LISTEN to, and tells a client that knows how to hear it. True: there is more at once. */
bool native_notifications_push(struct native *native, struct buffer *out);
/* The op that the answers so far rest on; 0: all of it is durable. */
uint64_t native_pending(const struct native *native);
/* A statement for the text: kept from the last time, or prepared. *kept: where it is kept, or NULL. */
enum kmb_status native_statement_take(struct native_call *call, struct slice text, kmb_statement **statement,
                                      struct native_kept **kept);
/* types NULL: all are inferred. One statement, and no COPY through the connection. */
enum kmb_status native_statement_prepare(struct native_call *call, struct slice text, const struct type *types,
                                         uint32_t type_count, kmb_statement **statement);
/* The same, also of a COPY. */
enum kmb_status native_statement_compile(struct native_call *call, struct slice text, const struct type *types,
                                         uint32_t type_count, kmb_statement **statement);
void native_statement_give(struct native_kept *kept, kmb_statement *statement);
void native_kept_drop(struct native_kept *kept);
/* Whether a request can be answered at once though commits of the session are not durable yet. */
bool native_runs_ahead(const struct native_tenant *tenant, const struct wire_message *message);

/* --- requests with keys (native_once.c) --- */

/* Empty: it has none, or it is within a transaction, whose end decides. */
struct slice native_key_of(const struct native_call *call);
/* KMB_USAGE: it has one that is none. */
enum kmb_status native_key_check(struct native_call *call);
/* *found: it was answered before, and is again. KMB_USAGE: the key is another request's. */
enum kmb_status native_once_find(struct native_call *call, bool *found);
/* Something is going to be written: where the request has a key, together with its answer. */
enum kmb_status native_once_begin(struct native_call *call);
/* What was begun ends. *wait: nothing was done, come again. */
enum kmb_status native_once_end(struct native_call *call, enum kmb_status status, bool *wait);

/* --- values --- */

enum kmb_status native_value_of(struct native_call *call, const struct wire_value *wire, struct value *value);
void native_value_write(const struct value *value, const struct datetime_context *context, struct buffer *out);

/* --- handlers --- */

native_handler native_create_stream, native_append_events, native_read_events, native_stream_info, native_append,
    native_list_streams;
native_handler native_query, native_query_at, native_sync;
native_handler native_subscribe, native_subscribe_credit, native_unsubscribe;
native_handler native_list_tables, native_describe_table, native_list_indexes;
native_handler native_tenant_create, native_tenant_list, native_tenant_delete, native_tenant_get, native_server_info;
native_handler native_api_key_register, native_api_key_revoke, native_api_key_list, native_api_key_rotate;
native_handler native_later;
native_handler native_run, native_prepare, native_execute, native_close_statement, native_fetch, native_close_cursor,
    native_begin, native_commit, native_rollback, native_position, native_prove, native_session_key, native_cancel;
native_handler native_options, native_state, native_compile;
native_handler native_authenticate, native_authenticate_next, native_find_tenant;
native_handler native_list_tenants, native_verifier, native_database_info, native_state_hash, native_checkpoint;
native_handler native_open_appender, native_append_rows, native_close_appender;

/* What the other end has shown without a word. */
struct authenticate_peer native_shown(const struct native *native);
void native_authentication_drop(struct native *native);
/* Whether an Execute runs a COPY, which talks to the client while it runs. */
bool native_executes_copy(const struct native_call *call);
/* Runs it. KMB_OK: it is at its end. */
enum kmb_status native_copy(struct native_call *call, kmb_statement *statement);
void native_appenders_close(struct native *native);

/* KMB_STREAM_NOT_FOUND where the stream is not of the request's tenant. */
enum kmb_status native_stream_of(struct native_call *call, uint64_t stream_id, uint32_t *stream);

/* The names that the published protocol has for a response, in its order, and behind them those of what was appended.
 * How many there are. */
uint32_t native_capabilities(const char *const *published, uint32_t count,
                             struct slice capabilities[static NATIVE_CAPABILITIES_MAX]);
/* A session's: told before the response to the request in hand, to clients that want such. context: the tenant. */
void native_notice(void *context, const struct kmb_error *notice);

void native_cursors_close(struct native *native, const struct native_tenant *tenant); /* NULL: all */
void native_statements_close(struct native *native);

/* Pushes what the subscriptions have credits for, until the output is large. True: there is more at once. */
bool native_subscriptions_push(struct native *native, struct buffer *out);
/* Output of the step before was taken by the socket. */
void native_subscriptions_sent(struct native *native);
void native_subscriptions_close(struct native *native, struct buffer *out, uint32_t reason);

#endif
