/* What the files of the HTTP port share. Nobody else includes this. */
#ifndef KMB_SERVER_HTTP_INTERNAL_H
#define KMB_SERVER_HTTP_INTERNAL_H

#include <microhttpd.h>

#include "server/http.h"
#include "server/internal.h"

/* A request, as far as it has come in. */
struct http_request {
    struct http *http;
    struct MHD_Connection *connection;
    struct buffer body;
    bool too_large;
    int64_t retry_ms; /* of a refusal: when it may come again; 0: that is not known */
};

struct http_query;

struct http {
    struct server *server;
    atomic_bool stopping; /* what still runs is to end */
    pthread_mutex_t lock;
    struct http_query *queries;  /* under lock */
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

/* --- http_query.c --- */

enum MHD_Result http_query(struct http_request *request);
/* Whether any statement runs; ends those that do, if they are in a step now. */
bool http_queries_any(struct http *http);
bool http_queries_cancel(struct http *http);

/* --- http_health.c --- */

void http_write_health(struct server *server, struct buffer *out);
/* false: not ready. */
bool http_write_ready(struct server *server, struct buffer *out);

#endif
