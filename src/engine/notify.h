/*
 * LISTEN and NOTIFY: short messages between the sessions of a tenant, told when what was done with them is durable.
 *
 * A transaction's messages wait in its session until it commits; then in the shard's queue until the commit is durable;
 * then each session that listens on the channel is woken and takes them, in order of commits, when it likes. Messages
 * are of the moment: they are in no log, and nobody who was not listening hears of them.
 *
 * A listener belongs to its session, one thread at a time; the wake function is called from any thread and must do no
 * more than have that session run.
 */
#ifndef KMB_ENGINE_NOTIFY_H
#define KMB_ENGINE_NOTIFY_H

#include "sql/sql.h"
#include "types/ids.h"

#define NOTIFY_QUEUE_BYTES_MAX ((size_t)8 << 20) /* waiting for listeners, of all tenants of the shard */

struct notify;
struct notify_listener;

struct notification {
    uint64_t session; /* whose it is */
    const char *channel;
    const char *payload; /* "": none */
};

struct notify *notify_new(void); /* NULL: no memory */
void notify_free(struct notify *notify);

struct notify_listener *notify_listener_new(struct notify *notify, struct tenant_id tenant, uint64_t number);
void notify_listener_free(struct notify_listener *listener); /* NULL is fine */
void notify_listener_wake(struct notify_listener *listener, void (*wake)(void *context), void *context);

/* --- within a transaction --- */
/* A message to be told at the commit; the same one twice is told once. KMB_LIMIT: too many wait to be heard. */
enum kmb_status notify_tell(struct notify_listener *listener, struct slice channel, struct slice payload,
                            struct kmb_error *error);
enum kmb_status notify_listen(struct notify_listener *listener, enum sql_listen how, struct slice channel,
                              struct kmb_error *error);
/* How much the transaction has said so far, and back to it. */
size_t notify_mark(const struct notify_listener *listener);
void notify_forget(struct notify_listener *listener, size_t mark);

/* The transaction commits: in the order of commits, within the turn where there is one. op: what is to be durable
 * before its messages are told. */
void notify_commit(struct notify_listener *listener, uint64_t op);
/* Everything up to op is durable. Any thread. */
void notify_publish(struct notify *notify, uint64_t op);

/* --- hearing --- */
/* The next message, whose texts live until the next call. */
bool notify_next(struct notify_listener *listener, struct notification *notification);
/* The channels that the session listens on. */
size_t notify_channel_count(const struct notify_listener *listener);
const char *notify_channel(const struct notify_listener *listener, size_t at);
double notify_usage(struct notify *notify); /* of the queue: 0 to 1 */

#endif
