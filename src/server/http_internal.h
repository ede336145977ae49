/* What the files of the HTTP port share. Nobody else includes this. */
#ifndef KMB_SERVER_HTTP_INTERNAL_H
#define KMB_SERVER_HTTP_INTERNAL_H

#include <microhttpd.h>

#include "server/http.h"
#include "server/internal.h"

struct http_query;

/* A request, as far as it has come in. */
struct http_request {
    struct http *http;
    struct MHD_Connection *connection;
    const char *version;      /* as the library keeps it; only to be compared while the request lives */
    uint64_t length;          /* of the body, where the head says it */
    struct http_query *query; /* that was let in by its head and is not answered yet; NULL: none, and no body is kept */
    int64_t retry_ms;         /* of a refusal: when it may come again; 0: that is not known */
};

/* Clients beyond are not heard; of queries only so many run, or come in, at a time: what is left is for whoever asks
 * how the server is. */
#define HTTP_CLIENTS_MAX 256
#define HTTP_QUERIES_MAX 64

struct http {
    struct server *server;
    atomic_bool stopping; /* what still runs is to end */
    pthread_mutex_t lock;
    struct http_query *queries;  /* those that run; under lock */
    unsigned query_count;        /* that are let in; under lock */
    struct http_daemon *daemons; /* the newest is the one that new clients come to; the loop's thread */
    unsigned port;
    bool tls;
};

/* Answers with a text, which is copied. type: NULL: JSON. */
enum MHD_Result http_answer(struct http_request *request, unsigned status, const char *type, struct buffer *text);
/* Answers with {"error": ...}. */
enum MHD_Result http_tell_error(struct http_request *request, unsigned status, const struct kmb_error *error);
/* The same, and counts it. */
enum MHD_Result http_refuse(struct http_request *request, unsigned status, const struct kmb_error *error);
/* In quotes, with JSON's escapes. */
void http_write_string(struct slice text, struct buffer *out);
/* The object of an error: {"code": ..., "message": ...}. */
void http_write_error(struct buffer *out, const struct kmb_error *error);

/* --- http_body.c --- */

/* What the body of a query says; what it does not is empty. */
struct http_body {
    struct slice sql;    /* the text */
    struct slice params; /* an array's JSON */
    struct slice tenant; /* a name or a number */
};
/* Borrows from text and arena, which outlive *body. KMB_USAGE: the text is no such object. */
enum kmb_status http_body_read(struct slice text, struct arena *arena, struct http_body *body, struct kmb_error *error);
enum kmb_status http_body_bind(const struct http_body *body, kmb_statement *statement, struct arena *arena,
                               struct kmb_error *error);

/* --- http_head.c --- */

/* KMB_USAGE: the head is not clear. *length: of the body, 0 where it is not told. */
enum kmb_status http_head_check(struct MHD_Connection *connection, const char *version, uint64_t *length,
                                struct kmb_error *error);
/* For the library: a request's first line has come; it has something to say. */
void *http_head_begins(void *context, const char *uri, struct MHD_Connection *connection);
void http_head_refused(void *context, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/* --- http_query.c --- */

/* The head has come: lets the query in, whose body then may come, or answers why not. */
enum MHD_Result http_query_begin(struct http_request *request);
void http_query_part(struct http_request *request, const char *part, size_t size);
/* The body is whole. */
enum MHD_Result http_query(struct http_request *request);
void http_query_drop(struct http_request *request); /* it will not be asked */
/* Ends those whose clients are gone; now and then. */
void http_queries_watch(struct http *http);
/* Whether any statement runs; ends those that do, if they are in a step now. */
bool http_queries_any(struct http *http);
bool http_queries_cancel(struct http *http);

/* --- http_health.c --- */

void http_write_health(struct server *server, struct buffer *out);
/* false: not ready. */
bool http_write_ready(struct server *server, struct buffer *out);

#endif
