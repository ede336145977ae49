/* PostgreSQL's protocol 3 as a machine: see server/protocol.h. The tenant is the database's name. */
#ifndef KMB_SERVER_PG_H
#define KMB_SERVER_PG_H

#include "server/protocol.h"

extern const struct protocol pg_protocol;

/* NULL: no memory. peer and connection outlive the machine. */
void *pg_new(struct server *server, struct connection *connection, const struct protocol_peer *peer);

#endif
