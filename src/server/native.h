/*
 * The native protocol's machine: frames in, frames out (server/protocol.h), over the C API and the engine's sessions.
 *
 * A service is what all native connections of one server have in common: the database, who wakes whom when events are
 * published, the members of consumer groups, whom a cancellation means. Any thread may make and free machines.
 */
#ifndef KMB_SERVER_NATIVE_H
#define KMB_SERVER_NATIVE_H

#include "base/error.h"
#include "server/protocol.h"

struct authenticator;
struct settings;

struct limits;
struct server;
struct sql_server;

struct native_options {
    kmb_db *db;
    struct authenticator *authenticator; /* NULL: nobody is asked who he is, and all are trusted in every tenant */
    const struct settings *settings;     /* timeouts, and whether tenants are made; NULL: no timeouts, they are */
    struct server *server;               /* whose sessions they are, and where is counted; NULL: none */
    const struct sql_server *face;       /* what sessions see of the server; NULL: nothing */
    struct limits *limits;               /* of tenants; NULL: there are none */
};

struct native_service;

enum kmb_status native_service_new(const struct native_options *options, struct native_service **service,
                                   struct kmb_error *error);
/* Other settings count from now on. */
void native_service_change(struct native_service *service, const struct settings *settings);
/* All its machines are freed. NULL is fine. */
void native_service_free(struct native_service *service);

/*
 * A machine for native_protocol's functions; NULL: no memory. peer is copied, its texts live as long as the machine.
 * connection is given to connection_wake() when events come for it.
 */
void *native_new(struct native_service *service, const struct protocol_peer *peer, struct connection *connection);

extern const struct protocol native_protocol;

#endif
