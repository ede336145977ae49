/*
 * The HTTP port: health, readiness, numbers, the version, and queries for those who have no driver at hand. A thread
 * for each client, and few clients: it is for operators and their tools, and keeps out of the way of all others.
 */
#ifndef KMB_SERVER_HTTP_H
#define KMB_SERVER_HTTP_H

#include "base/buffer.h"
#include "base/error.h"

struct server;
struct http;

/* Listens at http.listen; *http NULL: there is none. KMB_CONNECTION: the address is taken, though it was asked for. */
enum kmb_status http_open(struct server *server, struct http **http, struct kmb_error *error);
/* Nothing new; what runs has until the server's drain is over, then it is cancelled. */
void http_close(struct http *http);
/* Now and then: ends what runs for clients that are gone. NULL is fine. */
void http_watch(struct http *http);
unsigned http_port(const struct http *http); /* 0: none */

/*
 * A reload, in two parts. The first starts a daemon with the settings' certificate on the port that is listened at, if
 * the port speaks TLS (else *daemon is NULL): KMB_CONNECTION, KMB_FILE_NOT_FOUND. The second, which can not fail,
 * leaves new clients to it. Or it is dropped. NULL is fine.
 */
struct http_daemon;
struct settings;
enum kmb_status http_daemon_new(struct http *http, const struct settings *settings, struct http_daemon **daemon,
                                struct kmb_error *error);
void http_daemon_drop(struct http_daemon *daemon);
void http_daemon_change(struct http *http, struct http_daemon *fresh);

#endif
