/* One request to an HTTP port, a server's or another's, and its answer. */
#ifndef KMB_SERVER_HTTP_FETCH_H
#define KMB_SERVER_HTTP_FETCH_H

#include "base/buffer.h"
#include "base/error.h"

struct http_place {
    bool tls;
    char host[256]; /* without brackets */
    char port[8];
    const char *token;   /* borrowed; NULL: none is shown */
    const char *headers; /* borrowed: more of them, each line with its CRLF; NULL: none */
    unsigned wait_s;     /* for each part of the answer; 0: 10 s */
};

/* "http://HOST:PORT", "https://HOST", "HOST:PORT", "[IPV6]:PORT", "PORT" of this machine. false: it is none. */
bool http_place_parse(const char *text, struct http_place *place);

/* A URL with a path, whose slashes at the end are left out; port: where it names none. false: it is none. */
bool http_url_parse(const char *text, const char *port, struct http_place *place, char *path, size_t path_size);

/*
 * body NULL: GET, else POST of JSON. *code: the answer's status; its body is appended to answer. KMB_CONNECTION: there
 * was no whole answer. Waits at most some seconds for each part of it.
 */
enum kmb_status http_fetch(const struct http_place *place, const char *path, const char *body, unsigned *code,
                           struct buffer *answer, struct kmb_error *error);

#endif
