/*
 * Where a server is and how to come in, from a URL:
 *
 *     kimberlite://user:password@host:port/tenant?tls=require&ca=FILE
 *     kimberlite+unix:///run/kimberlite/.s.PGSQL.5432?tenant=clinic
 *     /run/kimberlite/.s.PGSQL.5432
 *
 * Of user, password, host, tenant and the values behind "?", %XX is a byte. IPv6 stands in brackets. What the options
 * of kmb_connect() say comes before the URL, the environment (KIMBERLITE_TOKEN, KIMBERLITE_PASSWORD) behind it.
 */
#ifndef KMB_CLIENT_ADDRESS_H
#define KMB_CLIENT_ADDRESS_H

#include "base/arena.h"
#include "kimberlite.h"

#define ADDRESS_PORT_DEFAULT       5432
#define ADDRESS_CONNECT_MS_DEFAULT 10000

enum address_tls {
    ADDRESS_TLS_DISABLE,
    ADDRESS_TLS_REQUIRE,  /* the certificate is verified, and its name */
    ADDRESS_TLS_INSECURE, /* it is not: nobody listens in, but who answers is anybody */
};

/* Texts live in the arena that the address was read into. */
struct address {
    const char *shown;       /* for messages: no password in it */
    const char *host;        /* NULL: a Unix socket */
    const char *socket_path; /* of it */
    uint16_t port;
    const char *tenant;   /* a number or a name; NULL: not said */
    const char *user;     /* NULL: not said */
    const char *password; /* NULL: none */
    const char *token;    /* an API key or a JSON Web Token; NULL: none */
    enum address_tls tls;
    const char *authority_file; /* NULL: those that the system trusts */
    const char *certificate_file;
    const char *key_file;
    uint32_t connect_ms;
    uint32_t answer_ms; /* 0: for ever */
};

/* options may be NULL. KMB_USAGE: what is wrong with the URL or the options. KMB_NO_MEMORY. */
enum kmb_status address_read(const char *url, const struct kmb_connect_options *options, struct arena *arena,
                             struct address *address, struct kmb_error *error);

#endif
