/*
 * A connection: a socket, its buffers, and the machine that speaks on it.
 *
 * Most connections wait most of the time, so one that waits holds no buffer: bytes are received into the memory of the
 * thread that runs it and consumed there; output is made in memory that the thread lends. Only what is left over
 * (half a message, output that the socket does not take, output that waits for a sync) stays with the connection.
 *
 * connection_run() goes as far as it can without waiting: send what is there, receive once, step, send. What it could
 * not do it answers, and the crew waits for it.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/memory.h"
#include "server/hangup.h"
#include "server/internal.h"
#include "server/native.h"
#include "server/pg.h"
#include "wire/pg/message.h"

/* Memory that a thread keeps to lend: more is given back. */
#define SPARE_BYTES_MAX ((size_t)256 << 10)

/* Looks at how much a client has sent, where another thread is just receiving it. */
#define CANCEL_TRIES 100

#define NATIVE_MAGIC_BYTE 0x56 /* "VDB " */
#define TLS_HANDSHAKE     0x16

int64_t server_now_ns(const struct server *server) {
    (void)server;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct connection *connection_new(struct server *server, int fd) {
    struct connection *connection = mem_alloc_zero(1, sizeof(*connection));
    if (connection == NULL) {
        close(fd);
        return NULL;
    }
    connection->server = server;
    connection->fd = fd;
    connection->next_step = PROTOCOL_READ;
    connection->opened_ns = server_now_ns(server);
    connection->opened_us = shard_now_us(server->shard);
    connection->active_ns = connection->opened_ns;
    return connection;
}

void connection_end(struct connection *connection) {
    pthread_mutex_lock(&connection->server->lock);
    void *machine = connection->machine;
    connection->machine = NULL; /* nobody cancels it any more */
    pthread_mutex_unlock(&connection->server->lock);
    if (machine != NULL) {
        connection->protocol->free(machine);
    }
}

void connection_free(struct connection *connection) {
    if (connection->machine != NULL) {
        connection->protocol->free(connection->machine);
    }
    buffer_free(&connection->input);
    buffer_free(&connection->output);
    charge_give(&connection->charge, connection->buffers_bytes);
    charge_close(&connection->charge);
    limits_leave(connection->tenant_party);
    limits_leave(connection->peer.party);
    tls_free(connection->tls);
    mem_free(connection->refusal);
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    mem_free(connection);
}

void connection_log(const struct connection *connection, const char *event) {
    char number[16];
    snprintf(number, sizeof(number), "%u", connection->number);
    logger_write(&connection->server->logger, LOG_DEBUG, event, "connection", number, "peer", connection->address,
                 "protocol", connection->protocol == NULL ? "" : connection->protocol->name, NULL);
}

void connection_make_key(struct connection *connection, uint32_t length) {
    uint8_t key[sizeof(connection->cancel_key)];
    ASSERT(length <= sizeof(key));
    const struct environment *environment = shard_environment(connection->server->shard);
    bool drawn = environment->random(environment->context, key, length);
    pthread_mutex_lock(&connection->server->lock);
    memcpy(connection->cancel_key, key, length);
    connection->cancel_key_length = drawn ? length : 0; /* without one it can not be cancelled */
    pthread_mutex_unlock(&connection->server->lock);
}

void server_cancel(struct server *server, uint32_t number, struct slice key) {
    pthread_mutex_lock(&server->lock);
    struct connection *at = server->newest;
    while (at != NULL && at->activity.session != number) {
        at = at->older;
    }
    if (at != NULL && at->cancel_key_length > 0 && key.length == at->cancel_key_length) {
        uint8_t differs = 0;
        for (uint32_t i = 0; i < key.length; i++) {
            differs |= (uint8_t)(key.bytes[i] ^ at->cancel_key[i]);
        }
        if (differs == 0 && at->machine != NULL) {
            crew_cancel(at);
            at->protocol->cancel(at->machine);
        }
    }
    pthread_mutex_unlock(&server->lock);
}

/* --- bytes out ---------------------------------------------------------------------------------------------------- */

static bool has_output(const struct connection *connection) {
    return connection->output.length > connection->output_at;
}

/* Lends memory to make output in. */
static void lend(struct connection *connection, struct worker *worker) {
    if (connection->output.bytes == NULL && worker->spare_count > 0) {
        connection->output = worker->spares[--worker->spare_count];
        buffer_clear(&connection->output);
    }
}

/* All output is sent: its memory goes back. */
static void give_back(struct connection *connection, struct worker *worker) {
    connection->output_at = 0;
    buffer_clear(&connection->output);
    if (connection->output.bytes == NULL) {
        return;
    }
    if (worker->spare_count < WORKER_SPARES &&
        connection->output.capacity <= SPARE_BYTES_MAX / (1 + worker->spare_count)) {
        worker->spares[worker->spare_count++] = connection->output;
        connection->output = (struct buffer){0};
    } else {
        buffer_free(&connection->output);
    }
}

/* Sends some. Answers how many bytes, -1 when the socket takes none now; a broken socket takes all. */
static ssize_t send_some(struct connection *connection, const uint8_t *bytes, size_t length) {
    size_t count = 0;
    if (connection->tls != NULL) {
        enum tls_result result = tls_write(connection->tls, bytes, length, &count, NULL);
        if (result == TLS_WANT_WRITE || result == TLS_WANT_READ) {
            return -1;
        }
        connection->broken = result != TLS_DONE;
        return connection->broken ? (ssize_t)length : (ssize_t)count;
    }
    for (;;) {
        ssize_t sent = send(connection->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            return sent;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return -1;
        }
        if (errno != EINTR) {
            connection->broken = true;
            return (ssize_t)length;
        }
    }
}

/* What is sent is whole messages, once all of it is: until then nobody may come between. */
static void begin_sending(struct connection *connection) {
    while (!connection->sends && atomic_exchange(&connection->sending, true)) {
        (void)sched_yield(); /* connection_watch() has a few bytes to send */
    }
    connection->sends = true;
}

static void end_sending(struct connection *connection) {
    if (connection->protocol == &pg_protocol && connection->activity.session != 0) {
        atomic_store(&connection->greeted, true);
    }
    connection->sends = false;
    atomic_store(&connection->sending, false);
}

/* Sends what the socket takes. false: not all. */
static bool send_output(struct connection *connection) {
    if (!has_output(connection)) {
        return true;
    }
    begin_sending(connection);
    while (has_output(connection) && !connection->broken) {
        ssize_t sent = send_some(connection, connection->output.bytes + connection->output_at,
                                 connection->output.length - connection->output_at);
        if (sent < 0) {
            return false;
        }
        connection->output_at += (size_t)sent;
        atomic_fetch_add_explicit(&connection->sent, (uint64_t)sent, memory_order_relaxed);
    }
    end_sending(connection);
    return true;
}

/* --- clients that are gone ---------------------------------------------------------------------------------------- */

/* What a client has sent before it closed its side may take so long. */
#define HALF_PATIENCE_NS ((int64_t)1500000000)
/* So often one that sends no more is asked whether it reads. */
#define PROBE_NS ((int64_t)5000000000)

/* Sends what a client of PostgreSQL's protocol may be told at any time, and knows: one that has closed its socket
 * answers with a reset. */
static void probe(struct connection *connection, int64_t now_ns) {
    int unsent = 1;
    struct buffer bytes = {0};
    if (!atomic_load(&connection->greeted) || atomic_exchange(&connection->sending, true)) {
        return;
    }
    pg_write_parameter_status(&bytes, "integer_datetimes", "on");
    if (ioctl(connection->fd, SIOCOUTQ, &unsent) == 0 && unsent == 0 && buffer_ok(&bytes)) { /* all of it, or nothing */
        (void)send(connection->fd, bytes.bytes, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        connection->probed_ns = now_ns;
    }
    atomic_store(&connection->sending, false);
    buffer_free(&bytes);
}

void connection_watch(struct connection *connection, int64_t now_ns) {
    enum hangup hangup = connection->machine == NULL ? HANGUP_NONE : hangup_of(connection->fd);
    if (hangup == HANGUP_HALF && connection->half_ns == 0) {
        connection->half_ns = now_ns;
    }
    if (hangup == HANGUP_NONE || (hangup == HANGUP_HALF && now_ns - connection->half_ns < HALF_PATIENCE_NS)) {
        return;
    }
    if (hangup == HANGUP_HALF && atomic_load(&connection->tls_version) == NULL) {
        if (connection->probed_ns == 0 || now_ns - connection->probed_ns > PROBE_NS) {
            probe(connection, now_ns);
        }
        if (!connection->hastened) {
            connection->hastened = true;
            hangup_hasten(connection->fd);
        }
        return;
    }
    crew_cancel(connection); /* no client of TLS closes one side alone */
    connection->protocol->cancel(connection->machine);
}

/* --- bytes in ----------------------------------------------------------------------------------------------------- */

/* Receives what there is, up to size. Answers how many bytes, 0 at the end, -1 when there are none now. */
static ssize_t receive_tls(struct connection *connection, uint8_t *bytes, size_t size) {
    size_t total = 0;
    enum tls_result result = TLS_DONE;
    while (result == TLS_DONE && total < size) {
        size_t count = 0;
        result = tls_read(connection->tls, bytes + total, size - total, &count, NULL);
        total += count;
    }
    connection->wants_write = result == TLS_WANT_WRITE;
    connection->broken = connection->broken || result == TLS_FAILED;
    if (total > 0) {
        return (ssize_t)total;
    }
    connection->ended = result == TLS_CLOSED || result == TLS_FAILED;
    return connection->ended ? 0 : -1;
}

static ssize_t receive_any(struct connection *connection, uint8_t *bytes, size_t size) {
    if (connection->tls != NULL) {
        return receive_tls(connection, bytes, size);
    }
    for (;;) {
        ssize_t count = recv(connection->fd, bytes, size, MSG_DONTWAIT);
        if (count >= 0) {
            connection->ended = count == 0;
            return count;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return -1;
        }
        if (errno != EINTR) {
            connection->ended = true;
            connection->broken = true;
            return 0;
        }
    }
}

static ssize_t receive(struct connection *connection, uint8_t *bytes, size_t size) {
    atomic_store(&connection->receiving, true);
    ssize_t count = receive_any(connection, bytes, size);
    atomic_fetch_add(&connection->received, count > 0 ? (uint64_t)count : 0);
    atomic_store(&connection->receiving, false);
    return count;
}

/* What is in the socket counts: it may wait there for as long as the statements of others take. Under the lock, while
 * another thread may receive. */
void crew_cancel(struct connection *connection) {
    uint64_t received = 0;
    int unread = 0;
    bool settled = false;
    for (unsigned tries = 0; !settled && tries < CANCEL_TRIES; tries++) {
        received = atomic_load(&connection->received);
        settled = !atomic_load(&connection->receiving);
        (void)ioctl(connection->fd, FIONREAD, &unread);
        settled = settled && !atomic_load(&connection->receiving) && received == atomic_load(&connection->received);
    }
    uint64_t more = settled ? (uint64_t)unread : CONNECTION_RECEIVE_BYTES;
    if (connection->tls != NULL) { /* those are not the client's bytes */
        more = more > 0;
    }
    atomic_store(&connection->cancel_mark, received + more);
}

static struct slice kept_input(const struct connection *connection) {
    size_t at = connection->input_at;
    const uint8_t *bytes = connection->input.bytes;
    return slice_make(bytes == NULL ? NULL : bytes + at,
                      connection->input.length - at); /* NULL + 0 is not defined in C */
}

/* Keeps what was not consumed of a slice that is not the connection's own. */
static bool keep_input(struct connection *connection, struct slice rest) {
    buffer_append(&connection->input, rest.bytes, rest.length);
    return buffer_ok(&connection->input);
}

static void drop_input(struct connection *connection, size_t count) {
    connection->input_at += count;
    if (connection->input_at == connection->input.length) {
        connection->input_at = 0;
        if (connection->input.capacity > CONNECTION_RECEIVE_BYTES) {
            buffer_free(&connection->input);
        } else {
            buffer_clear(&connection->input);
        }
    } else if (connection->input_at > connection->input.length / 2) {
        memmove(connection->input.bytes, connection->input.bytes + connection->input_at,
                connection->input.length - connection->input_at);
        connection->input.length -= connection->input_at;
        connection->input_at = 0;
    }
}

/* --- what is spoken ----------------------------------------------------------------------------------------------- */

/* --- TLS ---------------------------------------------------------------------------------------------------------- */

/* What comes from now on is TLS; early: what was received of it already. */
static void begin_tls(struct connection *connection, struct slice early) {
    struct kmb_error error = {0};
    if (tls_accept(connection->server->tls, connection->fd, early, &connection->tls, &error) != KMB_OK) {
        connection->broken = true;
        return;
    }
    connection->handshaking = true;
    connection->peer.tls = true;
}

/* true: it stands. Else *want says what for it waits. */
static bool shake_hands(struct connection *connection, enum connection_want *want) {
    struct kmb_error error = {0};
    switch (tls_handshake(connection->tls, &error)) {
    case TLS_DONE:
        connection->handshaking = false;
        atomic_store(&connection->tls_version, tls_version(connection->tls));
        atomic_store(&connection->tls_cipher, tls_cipher(connection->tls));
        connection->peer.certificate_name = tls_peer_name(connection->tls);
        connection->peer.channel_binding = tls_channel_binding(connection->tls);
        return true;
    case TLS_WANT_READ:
        *want = CONNECTION_WANT_READ;
        return false;
    case TLS_WANT_WRITE:
        *want = CONNECTION_WANT_WRITE;
        return false;
    case TLS_CLOSED:
    case TLS_FAILED:
        break;
    }
    logger_write(&connection->server->logger, LOG_INFO, "tls.refused", "peer", connection->address, "why",
                 error.message, NULL);
    *want = CONNECTION_WANT_CLOSE;
    return false;
}

/* Tells by the first byte. false: nothing that is spoken here. */
static bool choose(struct connection *connection, uint8_t first) {
    void *machine = NULL;
    const struct protocol *protocol = NULL;
    if (first == 0) { /* the length of PostgreSQL's startup message */
        machine = pg_new(connection->server, connection, &connection->peer);
        protocol = &pg_protocol;
    } else if (first == NATIVE_MAGIC_BYTE && connection->refusal == NULL) {
        machine = native_new(connection->server->native, &connection->peer, connection);
        protocol = &native_protocol;
    }
    if (machine != NULL) {
        pthread_mutex_lock(&connection->server->lock); /* from now on it may be cancelled */
        connection->machine = machine;
        connection->protocol = protocol;
        pthread_mutex_unlock(&connection->server->lock);
    }
    return machine != NULL;
}

static void refuse(struct connection *connection, struct slice input) {
    static const char *const words[] = {"GET ", "POST", "HEAD", "PUT ", "OPTI"};
    if (connection->refusal != NULL) {
        metrics_error(&connection->server->metrics, connection->refusal->status);
        pg_write_error(&connection->output, PG_SEVERITY_FATAL, connection->refusal);
        return;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (input.length >= 4 && memcmp(input.bytes, words[i], 4) == 0) {
            buffer_append_text(&connection->output,
                               "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close"
                               "\r\n\r\nThis port speaks PostgreSQL's protocol and Kimberlite's own; HTTP"
                               " has a port of its own.\n");
            return;
        }
    }
}

/* --- waiting within a step ---------------------------------------------------------------------------------------- */

struct step {
    struct connection *connection;
    struct worker *worker;
    bool own_input; /* io.input is the connection's, not the thread's */
};

/* How long a step waits for its socket before it looks whether it is to end. */
#define WAIT_SLICE_MS 200

/* Waits until the socket can be read or written. false: the server is stopping and out of patience, or the client takes
 * nothing for too long. */
static bool wait_socket(struct connection *connection, short events) {
    struct server *server = connection->server;
    int64_t write_ns = 1000000 * (int64_t)(events == POLLOUT ? server->settings->timeouts.write_ms
                                                             : server->settings->timeouts.idle_in_transaction_ms);
    int64_t begun = server_now_ns(server);
    for (;;) {
        struct pollfd descriptor = {.fd = connection->fd, .events = events};
        int ready = poll(&descriptor, 1, WAIT_SLICE_MS);
        if (ready > 0) {
            return true;
        }
        bool over = atomic_load(&connection->expired) || atomic_load(&connection->terminated) ||
                    (write_ns > 0 && server_now_ns(server) - begun > write_ns) ||
                    (atomic_load(&server->draining) && server_now_ns(server) > atomic_load(&server->drain_until_ns));
        if (over || (ready < 0 && errno != EINTR)) {
            return false;
        }
    }
}

static bool flush_waiting(struct protocol_io *io) {
    const struct step *step = io->context;
    struct connection *connection = step->connection;
    while (!send_output(connection)) {
        crew_leave_loop(connection->server, step->worker);
        if (!wait_socket(connection, POLLOUT)) {
            connection->broken = true;
        }
    }
    connection->output_at = 0;
    buffer_clear(&connection->output);
    return !connection->broken;
}

static bool more_waiting(struct protocol_io *io) {
    struct step *step = io->context;
    struct connection *connection = step->connection;
    if (!flush_waiting(io)) {
        return false;
    }
    if (step->own_input) {
        drop_input(connection, io->consumed);
    } else if (!keep_input(connection, slice_make(io->input.bytes + io->consumed, io->input.length - io->consumed))) {
        return false;
    }
    step->own_input = true;
    io->consumed = 0;
    io->input = kept_input(connection);
    for (;;) {
        uint8_t *room = buffer_reserve(&connection->input, CONNECTION_RECEIVE_BYTES)
                            ? connection->input.bytes + connection->input.length
                            : NULL;
        ssize_t count = room == NULL ? 0 : receive(connection, room, CONNECTION_RECEIVE_BYTES);
        if (count > 0) {
            connection->input.length += (size_t)count;
            io->input = kept_input(connection);
            return true;
        }
        crew_leave_loop(connection->server, step->worker);
        if (count == 0 || !wait_socket(connection, POLLIN)) {
            io->ended = connection->ended;
            return false;
        }
    }
}

/* --- running ------------------------------------------------------------------------------------------------------ */

/* Steps the machine once over what there is of input. */
static bool was_cancelled(const struct protocol_io *io) {
    const struct step *step = io->context;
    uint64_t left = io->input.length - io->consumed;
    return atomic_load(&step->connection->received) - left < atomic_load(&step->connection->cancel_mark);
}

static void step_machine(struct connection *connection, struct worker *worker, struct slice fresh) {
    struct step step = {.connection = connection, .worker = worker, .own_input = fresh.length == 0};
    struct protocol_io io = {
        .input = fresh.length == 0 ? kept_input(connection) : fresh,
        .output = &connection->output,
        .ended = connection->ended,
        .draining = atomic_load(&connection->server->draining),
        .expired = atomic_load(&connection->expired),
        .terminated = atomic_load(&connection->terminated),
        .more = more_waiting,
        .flush = flush_waiting,
        .cancelled = was_cancelled,
        .context = &step,
    };
    lend(connection, worker);
    enum protocol_next next = connection->protocol->step(connection->machine, &io);
    ASSERT(io.consumed <= io.input.length);
    if (step.own_input) {
        drop_input(connection, io.consumed);
    } else if (!keep_input(connection, slice_make(io.input.bytes + io.consumed, io.input.length - io.consumed))) {
        connection->broken = true;
    }
    connection->next_step = next;
    connection->broken = connection->broken || !buffer_ok(&connection->output); /* what is there may rest on a commit */
    connection->durable_op = next == PROTOCOL_COMMIT ? io.durable_op : 0;
    connection->then = io.then;
}

/* Receives what the machine asks for. false: nothing came. *fresh: new bytes in the thread's memory, unless the
 * connection keeps some already, behind which they are put. */
static bool feed(struct connection *connection, struct worker *worker, struct slice *fresh) {
    ssize_t count = receive(connection, worker->receive, CONNECTION_RECEIVE_BYTES);
    *fresh = (struct slice){0};
    if (count <= 0) {
        return count == 0;
    }
    *fresh = slice_make(worker->receive, (size_t)count);
    if (connection->input.length > connection->input_at) {
        connection->broken = !keep_input(connection, *fresh);
        *fresh = (struct slice){0};
    }
    return true;
}

static enum connection_want after_step(struct connection *connection, struct worker *worker) {
    if (connection->broken) {
        return CONNECTION_WANT_CLOSE;
    }
    if (connection->next_step == PROTOCOL_COMMIT) {
        return CONNECTION_WANT_DURABLE;
    }
    if (!send_output(connection)) {
        return CONNECTION_WANT_WRITE;
    }
    give_back(connection, worker);
    if (connection->next_step == PROTOCOL_TLS) {
        begin_tls(connection, kept_input(connection));
        drop_input(connection, kept_input(connection).length);
        connection->next_step = PROTOCOL_READ;
        return connection->broken ? CONNECTION_WANT_CLOSE : CONNECTION_WANT_RUN;
    }
    if (connection->broken || connection->next_step == PROTOCOL_CLOSE) {
        return CONNECTION_WANT_CLOSE;
    }
    if (connection->next_step == PROTOCOL_WAIT) {
        return CONNECTION_WANT_WAIT;
    }
    if (connection->next_step != PROTOCOL_READ || connection->ended ||
        (connection->tls != NULL && tls_has_input(connection->tls))) {
        return CONNECTION_WANT_RUN;
    }
    return connection->wants_write ? CONNECTION_WANT_WRITE : CONNECTION_WANT_READ;
}

/* What it keeps until its next step is counted. */
static void count_buffers(struct connection *connection) {
    uint64_t bytes = (uint64_t)connection->input.capacity + connection->output.capacity;
    if (bytes > connection->buffers_bytes) {
        charge_force(&connection->charge, bytes - connection->buffers_bytes);
    } else {
        charge_give(&connection->charge, connection->buffers_bytes - bytes);
    }
    connection->buffers_bytes = bytes;
}

static enum connection_want run(struct connection *connection, struct worker *worker) {
    struct slice fresh = {0};
    bool over = atomic_load(&connection->expired) || atomic_load(&connection->terminated);
    if (over && has_output(connection)) {
        return CONNECTION_WANT_CLOSE; /* it takes nothing: there is nobody to say anything to */
    }
    /* First what an earlier step left. */
    if (has_output(connection) || connection->next_step == PROTOCOL_CLOSE) {
        enum connection_want want = after_step(connection, worker);
        if (want == CONNECTION_WANT_WRITE || want == CONNECTION_WANT_CLOSE) {
            return want;
        }
    }
    enum connection_want want = CONNECTION_WANT_READ;
    if (connection->handshaking && !atomic_load(&connection->expired) && !shake_hands(connection, &want)) {
        return want;
    }
    bool woken = atomic_exchange(&connection->woken, false) || atomic_load(&connection->terminated);
    bool idle = connection->next_step == PROTOCOL_READ;
    bool fed = idle && !connection->ended && feed(connection, worker, &fresh);
    if (connection->broken) {
        return CONNECTION_WANT_CLOSE;
    }
    if (idle && !fed && !woken && !connection->ended && !atomic_load(&connection->expired) &&
        !atomic_load(&connection->server->draining)) {
        return CONNECTION_WANT_READ;
    }
    if (connection->protocol == NULL) {
        struct slice first = fresh.length == 0 ? kept_input(connection) : fresh;
        if (first.length == 0) {
            return CONNECTION_WANT_CLOSE;
        }
        if (first.bytes[0] == TLS_HANDSHAKE && connection->server->tls != NULL && connection->tls == NULL) {
            begin_tls(connection, first);
            if (fresh.length == 0) {
                drop_input(connection, first.length);
            }
            return connection->broken ? CONNECTION_WANT_CLOSE : CONNECTION_WANT_RUN;
        }
        if (!choose(connection, first.bytes[0])) {
            refuse(connection, first);
            (void)send_output(connection);
            return CONNECTION_WANT_CLOSE;
        }
    }
    step_machine(connection, worker, fresh);
    bool answers = connection->next_step == PROTOCOL_READ && has_output(connection) && !connection->broken;
    return worker->gathers && answers ? CONNECTION_WANT_SEND : after_step(connection, worker);
}

enum connection_want connection_send(struct connection *connection, struct worker *worker) {
    if (connection->next_step == PROTOCOL_COMMIT) {
        connection->protocol->synced(connection->machine);
        connection->next_step = connection->then;
    }
    enum connection_want want = after_step(connection, worker);
    count_buffers(connection);
    return want;
}

enum connection_want connection_run(struct connection *connection, struct worker *worker) {
    enum connection_want want = run(connection, worker);
    count_buffers(connection);
    return want;
}
