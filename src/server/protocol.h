/*
 * What the listener and the protocols say to each other. A protocol is a machine: bytes of the client in, bytes for the
 * client out. It knows no socket and no loop, so tests and fuzz targets drive it with nothing but buffers.
 *
 * One thread at a time steps a machine, but not always the same one; cancel() comes from any. A machine never sleeps
 * for a commit: it says which one its output must not be sent before, and is stepped again. Nor need it for a row that
 * another session has claimed.
 */
#ifndef KMB_SERVER_PROTOCOL_H
#define KMB_SERVER_PROTOCOL_H

#include "base/buffer.h"
#include "base/slice.h"
#include "kimberlite.h"

struct charge;
struct limits_party;
struct server;

/* What a machine wants next. */
enum protocol_next {
    PROTOCOL_READ,   /* the rest of input is no whole message: more, please */
    PROTOCOL_FLUSH,  /* output is large enough: send it, then step again, also without new input */
    PROTOCOL_COMMIT, /* output holds what rests on durable_op: when that is durable tell synced(), send it, go on as
                        `then` says */
    PROTOCOL_WAIT,   /* another session is in the way: step again when woken, or now and then to look */
    PROTOCOL_TLS,    /* output (one byte, "S") goes out in clear; what the client sends next is TLS */
    PROTOCOL_CLOSE,  /* send the output, then close */
};

/* Output beyond this is given to the socket before more is made: a client that does not read holds up itself alone. */
#define PROTOCOL_OUTPUT_SOFT ((size_t)64 << 10)

/* Who is at the other end, as far as the listener knows; texts live as long as the machine. */
struct protocol_peer {
    const char *address; /* "127.0.0.1:50312", "[::1]:50312", "unix" */
    struct slice source; /* the same without its port: "127.0.0.1", "::1", "unix" */
    bool local;          /* loopback or a Unix socket */
    bool tls;
    const char *certificate_name;    /* subject CN of a verified client certificate; NULL: none */
    struct slice channel_binding;    /* tls-server-end-point hash; empty: none */
    struct limits_party *party;      /* of limits.*_per_source; NULL: none is kept */
    const struct kmb_error *refusal; /* why it is not let in, which it is told when it says who it is; NULL: it is */
    struct charge *charge;           /* that buffers, and what the machine keeps, are counted to; NULL: nobody's */
};

/* One step's dealings. */
struct protocol_io {
    struct slice input; /* not yet consumed; borrowed for the step */
    size_t consumed;    /* set by the machine: so much of input is done with */
    struct buffer *output;
    uint64_t durable_op;     /* with PROTOCOL_COMMIT */
    enum protocol_next then; /* with PROTOCOL_COMMIT: what the answer would be without it */
    bool ended;              /* the client has closed its side: no more input will come */
    bool draining;           /* the server is stopping: end after what is being done */
    bool terminated;         /* somebody has asked to end this session: say so and end */
    bool expired;            /* the time the machine may wait (protocol.patience_ms) is over: say so and end */
    /*
     * For COPY FROM STDIN alone, within a step: waits for more bytes of the client behind those that were consumed so
     * far and shows them in io->input (consumed is set to 0). false: the client is gone, or cancelled. What is in
     * output is sent before. May hold the thread for long.
     */
    bool (*more)(struct protocol_io *io);
    /* Sends what is in output within a step, waiting for the socket (COPY TO STDOUT). false: the client is gone. */
    bool (*flush)(struct protocol_io *io);
    /* Whether somebody has cancelled after the client sent what stands at `consumed`: then it is meant as well, where
     * nothing was running. Else a cancellation is of the past. NULL: nobody does. */
    bool (*cancelled)(const struct protocol_io *io);
    void *context; /* of these */
};

struct protocol {
    const char *name; /* "postgresql", "native" */
    enum protocol_next (*step)(void *machine, struct protocol_io *io);
    void (*synced)(void *machine);        /* what the last step's PROTOCOL_COMMIT named is durable; between two steps */
    void (*cancel)(void *machine);        /* ends what runs; any thread */
    bool (*busy)(const void *machine);    /* within a transaction or a message: not idle */
    bool (*welcome)(const void *machine); /* who the client is is known: until then timeouts.connection counts */
    /* How long a welcome client may be waited for as things stand now; 0: for ever. Under no lock, between steps. */
    int64_t (*patience_ms)(const void *machine);
    void (*free)(void *machine);
    size_t input_max; /* bytes of one message; the listener reads no further than that ahead */
};

/* Wakes a machine from outside its steps (a notification, a subscription's event): it is stepped soon, with whatever
 * input there is. Any thread; connection: as given to the machine when it was made. */
struct connection;
void connection_wake(struct connection *connection);
/* A machine is about to be told cancel(): what its client has sent so far is noted. Any thread. */
void connection_note_cancel(struct connection *connection);

#endif
