/*
 * What one source of clients and one tenant may have: connections at a time, requests and bytes a second, memory; the
 * settings limits.*_per_source and limits.*_per_tenant.
 *
 * A party is a source or a tenant that is here at present. Who comes in enters it and keeps it until he leaves, which
 * takes a lock; what he does in between takes none, and where nothing is limited, nothing at all. Any thread.
 */
#ifndef KMB_SERVER_LIMITS_H
#define KMB_SERVER_LIMITS_H

#include "base/account.h"
#include "base/buffer.h"
#include "base/environment.h"
#include "server/settings.h"

enum limits_kind { LIMITS_SOURCE, LIMITS_TENANT };

struct limits;
struct limits_party;

/* settings and environment outlive it. NULL: no memory. */
struct limits *limits_new(const struct settings *settings, const struct environment *environment);
/* Other settings count from now on. */
void limits_change(struct limits *limits, const struct settings *settings);
void limits_free(struct limits *limits); /* everybody has left; NULL is fine */

/* Comes in as a connection: of a source by its address, of a tenant by its number (name empty). limits NULL: *party is
 * NULL, which is fine everywhere. KMB_TOO_MANY_CONNECTIONS, KMB_NO_MEMORY. */
enum kmb_status limits_enter(struct limits *limits, enum limits_kind kind, struct slice name, uint32_t tenant,
                             struct limits_party **party, struct kmb_error *error);
void limits_leave(struct limits_party *party);

/* KMB_RATE_LIMITED: too many a second; nothing is counted then. */
enum kmb_status limits_take(struct limits_party *party, unsigned requests, size_t bytes, struct kmb_error *error);
/* What was taken comes again later. */
void limits_return(struct limits_party *party, unsigned requests, size_t bytes);
/* For bytes that can not be refused: counts them, and says how long who sends them is to be left waiting, in ns. */
int64_t limits_owe(struct limits_party *party, size_t bytes);
struct session;
/* The same of bytes of a COPY, which count to both: waits so long, or until the session's statement is to end, with
 * why.
 */
enum kmb_status limits_pace(struct limits_party *source, struct limits_party *tenant, size_t bytes,
                            struct session *session, struct kmb_error *error);
/* How long until what was refused may be sent again. */
int64_t limits_wait_ms(struct limits_party *party);

/* What is held counts to all connections, this source and this tenant (NULL: it does not yet) from now on. */
void limits_charge(struct limits *limits, struct limits_party *source, struct limits_party *tenant,
                   struct charge *charge);
void limits_charge_tenant(struct limits_party *tenant, struct charge *charge);

/* Forgets those that have left and owe nothing any more; now and then. */
void limits_sweep(struct limits *limits);
/* A connection was turned away, since there are as many as there may be. */
void limits_full(struct limits *limits);
/* The counters, for Prometheus. */
void limits_write(struct limits *limits, struct buffer *out);

#endif
