/*
 * One connection of the native protocol (docs/reference/protocol.md), from the client's side: requests out, responses
 * in, one after the other. A request whose response nobody waits for (closing things) is sent with the next one, and
 * what is answered to it is passed over.
 *
 * What breaks the connection breaks it for good: every later call answers the same error. One thread at a time;
 * exchange_cancel() from any, and from a signal's handler.
 */
#ifndef KMB_CLIENT_EXCHANGE_H
#define KMB_CLIENT_EXCHANGE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "client/channel.h"
#include "wire/extension.h"

struct exchange;

/* A text of a message, cut to what there is room for; NULL: none. */
void exchange_text(char *out, size_t size, const struct slice *text);

/* What may come between responses. The push's texts are borrowed for the call. */
struct exchange_listener {
    void (*setting)(void *context, const struct wire_setting_push *push);
    void (*notice)(void *context, const struct wire_notice_push *push);
    void *context;
    /* While a COPY runs: takes what it writes; false: it wants no more of it. */
    bool (*copy_out)(void *context, struct slice bytes);
    void *copy_context;
};

/* For a tenant; 0: the one that the address names. Connects, says who is asking, and tells the server what this client
 * understands. */
enum kmb_status exchange_open(const struct address *address, uint32_t tenant, struct exchange **exchange,
                              struct kmb_error *error);
void exchange_close(struct exchange *exchange); /* NULL is fine */
uint32_t exchange_tenant(const struct exchange *exchange);
bool exchange_is_broken(const struct exchange *exchange);
/* Of one that nothing is asked of: whether it is of no use any more. */
bool exchange_is_stale(struct exchange *exchange);
void exchange_listen(struct exchange *exchange, const struct exchange_listener *listener);
/* Who takes what a COPY writes from now on; NULL: nobody. */
void exchange_copy_out(struct exchange *exchange, bool (*copy_out)(void *context, struct slice bytes), void *context);

/* Sends a request, and waits for its response of the variant `wanted`, which is decoded into the arena (its texts
 * borrow until the next call). response may be NULL. An error of the server's is answered as it was there. */
enum kmb_status exchange_ask(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request,
                             uint32_t wanted, struct arena *arena, const void **response, struct kmb_error *error);
/* The same, but answers the payload from the response's first field on, borrowed until the next call. */
enum kmb_status exchange_ask_raw(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request,
                                 uint32_t wanted, struct slice *fields, struct kmb_error *error);
/*
 * A request that data follows: send it (exchange_send), then the data piece by piece with exchange_tell(), which have
 * no response, then wait for the request's own (exchange_wait, as exchange_ask_raw).
 */
enum kmb_status exchange_send(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request,
                              struct kmb_error *error);
enum kmb_status exchange_tell(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request,
                              struct kmb_error *error);
enum kmb_status exchange_wait(struct exchange *exchange, uint32_t wanted, struct slice *fields,
                              struct kmb_error *error);
/* Whether something of the response is there already: what is told meanwhile is told in vain. */
bool exchange_answered(struct exchange *exchange);
/* Sends a request whose response does not matter, now or with the next one. */
void exchange_leave(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request, bool now);

/* Until the request that is waited for is answered, exchange_cancel() asks the server to end what it is running; before
 * that and behind it, a cancel has no effect. */
void exchange_cancellable(struct exchange *exchange, bool cancellable);
void exchange_cancel(struct exchange *exchange);

#endif
