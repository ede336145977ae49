/*
 * Bytes to a server and back: a socket of TCP or of Unix, with TLS around it where the address asks for it.
 *
 * Calls wait, up to a deadline of CLOCK_MONOTONIC in nanoseconds (CHANNEL_NO_DEADLINE: for ever). A server that is gone
 * without a word is found by keep-alive within a minute. No SIGPIPE is raised. One thread at a time.
 */
#ifndef KMB_CLIENT_CHANNEL_H
#define KMB_CLIENT_CHANNEL_H

#include "base/slice.h"
#include "client/address.h"

#define CHANNEL_NO_DEADLINE INT64_MAX

struct channel;

int64_t channel_now_ns(void);
/* Within the address's connect_ms. KMB_CONNECTION, KMB_CONFIG (files of TLS), KMB_NO_MEMORY. */
enum kmb_status channel_open(const struct address *address, struct channel **channel, struct kmb_error *error);
void channel_close(struct channel *channel); /* NULL is fine */
/* All of it. KMB_CONNECTION: broken from now on. */
enum kmb_status channel_send(struct channel *channel, struct slice bytes, int64_t deadline_ns, struct kmb_error *error);
/*
 * Some bytes, 1 at least. KMB_CONNECTION: closed or broken. KMB_CANCELLED: nothing came yet, but `wake` (a descriptor,
 * -1: none) can be read.
 */
enum kmb_status channel_receive(struct channel *channel, void *bytes, size_t size, size_t *count, int wake,
                                int64_t deadline_ns, struct kmb_error *error);
/* Whether bytes are there to be received without waiting. */
bool channel_ready(struct channel *channel);
/* The binding of type tls-server-end-point (RFC 5929); empty without TLS. */
struct slice channel_binding(const struct channel *channel);

#endif
