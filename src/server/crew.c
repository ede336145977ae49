/*
 * The crew: threads, the loop, and which of them runs what.
 *
 * Problem: most statements take microseconds, so handing each to another thread would cost more than running it; a few
 * take seconds, and must hold up nobody. Idea: one thread has the loop. It waits for sockets, then runs the connections
 * that have something to do itself, one after the other. An idle thread stands by and looks every millisecond: when the
 * loop's owner has been in one step for longer than that, it takes the loop away and goes on with the rest; the former
 * owner finishes its step as a plain worker. A connection whose steps have taken long lately goes to another thread
 * from the start. When what is ready would take long together, as far as earlier steps tell, idle threads are woken to
 * share it. So a point query costs no switch of threads, and an hour's report one.
 *
 * Durability is the flusher's: machines do not wait for a sync. Their connections are parked until the flusher, which
 * leads the group commits, has published what they rest on. It waits while the loop's owner steps one connection after
 * the other, since a sync costs as much for one commit as for thirty. Where clients do little but commit, the owner
 * leads itself as soon as nobody else has anything to say: to wake another thread and be woken costs more than the
 * loop's time during a short sync.
 *
 * A thread that waits within its step (for a lock, a client within COPY, pg_sleep) is lent: it does not count among
 * server.threads, so others are made in its place, and end when there are more than are needed. And whoever is about to
 * run statements has somebody who stands by, made beyond that limit where all are busy: what takes long for the first
 * time would keep the loop otherwise.
 *
 * Everything in struct server behind `lock` is guarded by it, and so is the state of each connection. Poll handles are
 * touched by the owner of the loop alone.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/memory.h"
#include "engine/shard.h"
#include "server/internal.h"

/* A step that takes longer loses the loop. */
#define STEP_LONG_NS ((int64_t)1000000)
/* A connection whose steps take longer, as far as the last ones tell, is given to another thread at once. */
#define STEP_HEAVY_NS ((uint64_t)400000)
/* Ready work beyond this is shared with idle threads. */
#define SHARE_NS ((uint64_t)500000)
/* So many steps after a commit a connection is thought to change something again: the answer, the next, some reads. */
#define STEPS_OF_A_CHANGE 4
/* For so long at most commits wait for those that others are about to make: for the flusher, which has a thread of its
 * own, and for the loop's owner. */
#define ROUND_NS ((int64_t)500000)
#define LATE_NS  ((int64_t)2000000)
/* After so many steps of one connection alone, or of such that change something, the loop's owner leads the commits. */
#define SAME_MANY 8
/* Longer commits are the flusher's in any case: the loop would change hands at each. */
#define FLUSH_SHORT_NS ((int64_t)500000)
/* So often whoever waits for another session looks whether it is to go on waiting. */
#define BLOCKED_TICK_MS 20
#define BLOCKED_MANY    100
/* Without any step for so long, nobody stands by. */
#define STANDBY_IDLE_NS ((int64_t)200000000)

void crew_list_push(struct connection_list *list, struct connection *connection) {
    connection->next = NULL;
    if (list->last == NULL) {
        list->first = connection;
    } else {
        list->last->next = connection;
    }
    list->last = connection;
    list->count++;
}

struct connection *crew_list_pop(struct connection_list *list) {
    struct connection *connection = list->first;
    if (connection != NULL) {
        list->first = connection->next;
        list->last = list->first == NULL ? NULL : list->last;
        connection->next = NULL;
        list->count--;
    }
    return connection;
}

static void wake_flusher(struct server *server) {
    if (server->flusher_sleeps) {
        server->flusher_sleeps = false;
        pthread_cond_signal(&server->flush);
    }
}

/* Into the parked ones, by op: they come almost in order. */
static void park(struct server *server, struct connection *connection, bool owner) {
    struct connection_list *list = &server->parked;
    connection->state = CONNECTION_PARKED;
    if (list->last == NULL || list->last->durable_op <= connection->durable_op) {
        crew_list_push(list, connection);
    } else {
        struct connection **at = &list->first;
        while ((*at)->durable_op <= connection->durable_op) {
            at = &(*at)->next;
        }
        connection->next = *at;
        *at = connection;
        list->count++;
    }
    bool alone = server->same_count >= SAME_MANY || server->change_count >= SAME_MANY;
    if (owner && alone && server->flush_ns < FLUSH_SHORT_NS) {
        server->flush_due = true; /* by the loop's owner, when the round is over */
    } else if (!server->rounding && !server->flush_due) {
        wake_flusher(server);
    }
}

/* Wakes somebody idle: one who does not stand by, if there is one. Under the lock. */
static void rouse(struct server *server) {
    if (server->idle_count > (server->standing_by ? 1u : 0u)) {
        pthread_cond_signal(&server->work);
    } else {
        pthread_cond_signal(&server->standby);
    }
}

/* Somebody must look at the lists: the owner of the loop when it sleeps, or an idle thread when nobody has it. */
static void wake_loop(struct server *server) {
    if (server->loop_sleeps) {
        server->loop_sleeps = false; /* once is enough */
        uv_async_send(&server->nudge);
    } else if (server->loop_owner == NULL && server->idle_count > 0) {
        rouse(server);
    }
}

void crew_ready(struct connection *connection) {
    connection->server->blocked_count -= connection->state == CONNECTION_BLOCKED;
    connection->state = CONNECTION_READY;
    crew_list_push(&connection->server->ready, connection);
}

void crew_wake(struct connection *connection) {
    struct server *server = connection->server;
    if (connection->state == CONNECTION_WAITING || connection->state == CONNECTION_BLOCKED) {
        atomic_store(&connection->woken, true);
        crew_ready(connection);
        wake_loop(server);
    } else {
        atomic_store(&connection->woken, true);
    }
}

void connection_note_cancel(struct connection *connection) {
    pthread_mutex_lock(&connection->server->lock);
    crew_cancel(connection);
    pthread_mutex_unlock(&connection->server->lock);
}

void connection_wake(struct connection *connection) {
    pthread_mutex_lock(&connection->server->lock);
    crew_wake(connection);
    pthread_mutex_unlock(&connection->server->lock);
}

/* --- polls: by the owner of the loop ------------------------------------------------------------------------------ */

static void on_socket(uv_poll_t *poll, int status, int events) {
    struct connection *connection = poll->data;
    struct server *server = connection->server;
    (void)events;
    (void)status; /* an error shows itself when the socket is read */
    pthread_mutex_lock(&server->lock);
    if (connection->state == CONNECTION_WAITING) {
        crew_ready(connection);
    } else {
        /* Nobody takes these bytes now: stop asking, so that the loop does not spin on them. */
        connection->quiet = true;
        uv_poll_stop(poll);
    }
    pthread_mutex_unlock(&server->lock);
}

void crew_poll(struct connection *connection, int events) {
    connection->events = events;
    connection->quiet = false;
    if (uv_poll_start(&connection->poll, events, on_socket) != 0) {
        connection->broken = true;
    }
}

static void closed(uv_handle_t *handle) {
    struct connection *connection = handle->data;
    struct server *server = connection->server;
    pthread_mutex_lock(&server->lock);
    if (connection->newer != NULL) {
        connection->newer->older = connection->older;
    } else {
        server->newest = connection->older;
    }
    if (connection->older != NULL) {
        connection->older->newer = connection->newer;
    }
    server->connection_count--;
    server->refused_count -= connection->refusal != NULL;
    pthread_mutex_unlock(&server->lock);
    connection_log(connection, "connection.closed");
    connection_free(connection);
}

void crew_close(struct connection *connection) {
    uv_poll_stop(&connection->poll);
    uv_close((uv_handle_t *)&connection->poll, closed);
}

/* --- waiting for other sessions ------------------------------------------------------------------------------------
 */

/* Whoever is blocked for longer than this tick looks whether it was cancelled, or its time is over; of thousands each
 * looks less often. */
static void on_blocked_tick(uv_timer_t *timer) {
    struct server *server = timer->data;
    pthread_mutex_lock(&server->lock);
    int64_t ticks = 1 + server->blocked_count / BLOCKED_MANY;
    int64_t before = server_now_ns(server) - ticks * BLOCKED_TICK_MS * 1000000;
    for (struct connection *at = server->newest; at != NULL && server->blocked_count > 0; at = at->older) {
        if (at->state == CONNECTION_BLOCKED && at->active_ns < before) {
            crew_ready(at);
        }
    }
    pthread_mutex_unlock(&server->lock);
}

bool crew_init_timers(struct server *server) {
    server->blocked_tick.data = server;
    return uv_timer_init(&server->loop, &server->blocked_tick) == 0;
}

/* By the owner of the loop, under the lock. */
static void watch_blocked(struct server *server) {
    bool due = server->blocked_count > 0;
    if (due != server->blocked_watched) {
        server->blocked_watched = due;
        if (due) {
            (void)uv_timer_start(&server->blocked_tick, on_blocked_tick, BLOCKED_TICK_MS, BLOCKED_TICK_MS);
        } else {
            (void)uv_timer_stop(&server->blocked_tick);
        }
    }
}

/* --- after a step ------------------------------------------------------------------------------------------------- */

static int events_of(enum connection_want want) {
    return want == CONNECTION_WANT_WRITE ? UV_WRITABLE : UV_READABLE;
}

/* Where a connection goes that was run. Under the lock; owner: this thread has the loop. */
static void settle(struct server *server, struct connection *connection, enum connection_want want, bool owner) {
    if (want == CONNECTION_WANT_SEND) {
        crew_list_push(&server->unsent, connection);
        return;
    }
    connection->changes = want == CONNECTION_WANT_DURABLE ? STEPS_OF_A_CHANGE
                          : connection->changes > 0       ? connection->changes - 1
                                                          : 0;
    if (want == CONNECTION_WANT_DURABLE) {
        park(server, connection, owner);
        return;
    }
    bool waits = want == CONNECTION_WANT_READ || want == CONNECTION_WANT_WAIT;
    if (want == CONNECTION_WANT_RUN || (waits && atomic_load(&connection->woken))) {
        crew_ready(connection);
        if (!owner) {
            wake_loop(server);
        }
        return;
    }
    if (want == CONNECTION_WANT_WAIT) {
        connection->state = CONNECTION_BLOCKED;
        server->blocked_count++;
        if (!owner && !server->blocked_watched) {
            wake_loop(server);
        }
        return;
    }
    bool polls = want != CONNECTION_WANT_CLOSE && !connection->quiet && connection->events == events_of(want);
    if (polls) {
        connection->state = CONNECTION_WAITING;
        return;
    }
    if (!owner) {
        connection->next_want = (int)want;
        crew_list_push(&server->done, connection);
        wake_loop(server);
        return;
    }
    if (want == CONNECTION_WANT_CLOSE) {
        connection->state = CONNECTION_CLOSED;
        crew_close(connection);
    } else {
        connection->state = CONNECTION_WAITING;
        crew_poll(connection, events_of(want));
    }
}

static int64_t thread_cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What the round has parked is synced together, by the flusher unless the loop's owner will. Under the lock. */
static void end_round(struct server *server) {
    server->rounding = false;
    if (server->parked.first != NULL && !server->flush_due) {
        wake_flusher(server);
    }
}

/* Runs one connection that was taken from the ready ones; when that was over. The lock is held before and after, not
 * meanwhile. */
static int64_t run_one(struct server *server, struct worker *worker, struct connection *connection) {
    connection->state = CONNECTION_RUNNING;
    server->same_count = server->last_run == connection ? server->same_count + 1 : 0;
    server->last_run = connection;
    bool owner = server->loop_owner == worker;
    pthread_mutex_unlock(&server->lock);
    int64_t begun = server_now_ns(server);
    if (owner) {
        atomic_store_explicit(&server->stepping_since_ns, begun, memory_order_relaxed);
    }
    /* On a machine that is busy with other things a short step may take long, too: who seems heavy is looked at twice.
     */
    bool close_look = connection->cost_ns >= STEP_HEAVY_NS / 4;
    int64_t cpu_begun = close_look ? thread_cpu_ns() : 0;
    enum connection_want want = connection_run(connection, worker);
    if (want == CONNECTION_WANT_CLOSE) {
        connection_end(connection);
    }
    int64_t ended = server_now_ns(server);
    connection->active_ns = ended;
    uint64_t cost = (uint64_t)(close_look ? thread_cpu_ns() - cpu_begun : ended - begun);
    connection->cost_ns = connection->cost_ns - connection->cost_ns / 4 + cost / 4;
    pthread_mutex_lock(&server->lock);
    owner = server->loop_owner == worker;
    if (owner) {
        atomic_store_explicit(&server->stepping_since_ns, 0, memory_order_relaxed);
    }
    settle(server, connection, want, owner);
    server->change_count = connection->changes > 0 ? server->change_count + 1 : 0;
    return ended;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* Of so many clients at most the answers are sent together. */
#define GATHER_MANY 64

/* Sends what the first of the list have to say, at most GATHER_MANY; up to this op where it is not 0. The lock is held
 * before and after, not meanwhile. */
static void send_first(struct server *server, struct worker *worker, struct connection_list *from, uint64_t op) {
    struct connection *list[GATHER_MANY];
    enum connection_want wants[GATHER_MANY];
    size_t count = 0;
    while (count < GATHER_MANY && from->first != NULL && (op == 0 || from->first->durable_op <= op)) {
        list[count] = crew_list_pop(from);
        list[count++]->state = CONNECTION_RUNNING;
    }
    pthread_mutex_unlock(&server->lock);
    int64_t now = server_now_ns(server);
    for (size_t i = 0; i < count; i++) {
        list[i]->active_ns = now;
        wants[i] = connection_send(list[i], worker);
        if (wants[i] == CONNECTION_WANT_CLOSE) {
            connection_end(list[i]);
        }
    }
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < count; i++) {
        settle(server, list[i], wants[i], server->loop_owner == worker);
    }
}

/*
 * Sends what was gathered. A client that is sent an answer while it sleeps is woken, which costs this thread more than
 * to answer: of clients that share a process, as those of a pool do, only the first is asleep when answers come at
 * once. The lock is held before and after, not meanwhile.
 */
static void send_gathered(struct server *server, struct worker *worker) {
    while (server->unsent.first != NULL) {
        send_first(server, worker, &server->unsent, 0);
    }
}

/* --- commits ------------------------------------------------------------------------------------------------------ */

/* Leads what the first of the parked ones waits for, and answers those whom it serves. The lock is held before and
 * after, not meanwhile. */
static void flush_once(struct server *server, struct worker *worker) {
    struct kmb_error error;
    error_clear(&error);
    uint64_t op = server->parked.first->durable_op;
    pthread_mutex_unlock(&server->lock);
    int64_t begun = server_now_ns(server);
    enum kmb_status status = shard_wait(server->shard, op, &error);
    int64_t took = server_now_ns(server) - begun;
    op = shard_published_op(server->shard);
    pthread_mutex_lock(&server->lock);
    server->flush_ns += (took - server->flush_ns) / 8;
    if (status != KMB_OK) {
        server->fatal = true; /* what is parked was promised nothing */
        server->fatal_error = error;
        server_stop(server);
        return;
    }
    while (server->parked.first != NULL && server->parked.first->durable_op <= op) {
        send_first(server, worker, &server->parked, op);
    }
}

/* Few clients that commit and wait, again and again: handing their commits to the flusher and back would take longer
 * than all the rest. Under the lock. */
static void flush_own(struct server *server, struct worker *worker) {
    atomic_store_explicit(&server->stepping_since_ns, server_now_ns(server), memory_order_relaxed);
    flush_once(server, worker);
    if (server->loop_owner == worker) {
        atomic_store_explicit(&server->stepping_since_ns, 0, memory_order_relaxed);
    } else {
        wake_loop(server); /* the disk was slow: another has the loop now */
    }
}

/* --- the loop's owner --------------------------------------------------------------------------------------------- */

/* Sets polls as threads without the loop left them. Under the lock. */
static void settle_done(struct server *server) {
    struct connection *connection;
    while ((connection = crew_list_pop(&server->done)) != NULL) {
        settle(server, connection, (enum connection_want)connection->next_want, true);
    }
}

/* Wakes idle threads when what is ready would take long, and whoever stands by. Under the lock. */
static void share(struct server *server) {
    uint64_t sum = 0;
    unsigned spare = server->idle_count;
    for (struct connection *at = server->ready.first; at != NULL && spare > 0; at = at->next) {
        sum += at->changes > 0 ? 0 : at->cost_ns; /* who changes something waits for the others who do so anyway */
        if (sum > SHARE_NS) {
            sum = 0;
            spare--;
            server->sharing = true;
            rouse(server);
        }
    }
    if (server->ready.first != NULL) {
        server->worked_ns = server_now_ns(server);
        if (server->standby_sleeps) {
            server->standby_sleeps = false;
            pthread_cond_signal(&server->standby);
        }
    }
}

static bool spawn(struct server *server);

/* Whether one more would be more than server.threads. */
static bool is_crowded(const struct server *server) {
    return server->thread_count - server->lent_count >= server->threads_max;
}

/* Wakes or makes a thread for heavy work, one that does not stand by. false: there is none to be had. */
static bool find_helper(struct server *server) {
    size_t idle = server->idle_count - (server->standing_by ? 1u : 0u);
    if (idle > server->heavy.count) {
        pthread_cond_signal(&server->work);
        return true;
    }
    return !is_crowded(server) && spawn(server);
}

/* Sees to it that somebody stands by: who is about to run statements may be long at it. Under the lock. */
static void post_standby(struct server *server) {
    if (!server->standing_by && server->idle_count > 0) {
        pthread_cond_signal(&server->work);
    } else if (!server->standing_by && server->starting_count == 0) {
        (void)spawn(server);
    }
}

/* Whether anybody may take over what the loop's owner begins. Without, it leaves what is long to those who come free.
 */
static bool is_guarded(const struct server *server) {
    return server->idle_count > 0 || !is_crowded(server);
}

/* Looks at the sockets; with nothing else to do, until something comes. The lock is held before and after. */
static void poll_sockets(struct server *server, bool sleeps) {
    watch_blocked(server);
    server->loop_sleeps = sleeps;
    pthread_mutex_unlock(&server->lock);
    uv_run(&server->loop, sleeps ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    pthread_mutex_lock(&server->lock);
    server->loop_sleeps = false;
    settle_done(server);
}

/* The loop's owner has said that it leads the commits: it does when nobody else is about to commit as well. Where that
 * takes too long the flusher does, while it goes on. Under the lock; true: it has led them. */
static bool flush_due(struct server *server, struct worker *worker) {
    const struct connection *first = server->parked.first;
    bool more = server->ready.first != NULL;
    if (more && first != NULL && server_now_ns(server) - first->active_ns < LATE_NS) {
        return false;
    }
    server->flush_due = false;
    if (more || first == NULL || !server->flusher_sleeps || server->fatal) {
        wake_flusher(server);
        return false;
    }
    flush_own(server, worker);
    return true;
}

/* One round: waits for events unless there is work, then takes what is ready. The lock is held before and after. */
static void turn_loop(struct server *server, struct worker *worker) {
    settle_done(server);
    if (!server->flush_due || server->same_count < SAME_MANY) {
        poll_sockets(server, server->ready.first == NULL && !server->flush_due);
    }
    if (server->flush_due && flush_due(server, worker)) {
        return;
    }
    share(server);
    /* What became ready now, and nothing that comes meanwhile: then sockets are looked at again. */
    size_t count = server->ready.count;
    worker->gathers = count > 1;
    server->rounding = count > 1;
    int64_t round_until = count > 1 ? server_now_ns(server) + ROUND_NS : INT64_MAX;
    for (size_t i = 0; i < count && server->loop_owner == worker && server->ready.first != NULL && !server->stopping;
         i++) {
        struct connection *connection = crew_list_pop(&server->ready);
        bool heavy = connection->cost_ns >= STEP_HEAVY_NS;
        if (heavy && (find_helper(server) || !is_guarded(server))) {
            crew_list_push(&server->heavy, connection);
        } else if (run_one(server, worker, connection) > round_until) {
            end_round(server);
        }
        if (server->unsent.count >= GATHER_MANY) {
            send_gathered(server, worker);
        }
    }
    worker->gathers = false;
    if (server->loop_owner == worker) {
        end_round(server);
    }
    send_gathered(server, worker);
}

/* --- workers ------------------------------------------------------------------------------------------------------ */

static void *work(void *context);

/* A place for a thread; what ended there is joined. NULL: all are taken. Under the lock. */
static struct worker *worker_place(struct server *server) {
    for (unsigned i = 1; i < server->worker_count; i++) {
        if (server->workers[i].state != WORKER_LIVES) {
            return &server->workers[i];
        }
    }
    return NULL;
}

/* Under the lock. */
static bool spawn(struct server *server) {
    struct worker *worker = server->stopping ? NULL : worker_place(server);
    if (worker == NULL) {
        return false;
    }
    if (worker->state == WORKER_ENDED) {
        (void)pthread_join(worker->thread, NULL); /* it is on its last steps, and needs no lock for them */
    }
    *worker = (struct worker){.server = server, .receive = mem_alloc(CONNECTION_RECEIVE_BYTES)};
    if (worker->receive == NULL || pthread_create(&worker->thread, NULL, work, worker) != 0) {
        mem_free(worker->receive);
        worker->receive = NULL;
        return false;
    }
    worker->state = WORKER_LIVES;
    server->thread_count++;
    server->starting_count++;
    return true;
}

void crew_leave_loop(struct server *server, struct worker *worker) {
    pthread_mutex_lock(&server->lock);
    if (server->loop_owner == worker) {
        server->loop_owner = NULL;
        end_round(server);
        atomic_store_explicit(&server->stepping_since_ns, 0, memory_order_relaxed);
        if (server->idle_count > 0) {
            rouse(server);
        } else {
            (void)spawn(server);
        }
    }
    pthread_mutex_unlock(&server->lock);
}

/* The worker that the calling thread is; NULL: none. */
static _Thread_local struct worker *this_worker;

bool crew_lend(struct server *server) {
    pthread_mutex_lock(&server->lock);
    bool lent = server->lent_count < server->lent_max;
    server->lent_count += lent;
    pthread_mutex_unlock(&server->lock);
    if (lent && this_worker != NULL) {
        crew_leave_loop(server, this_worker);
    }
    return lent;
}

void crew_take_back(struct server *server) {
    pthread_mutex_lock(&server->lock);
    ASSERT(server->lent_count > 0);
    server->lent_count--;
    pthread_mutex_unlock(&server->lock);
}

/* Whether the loop's owner has been in one step for too long. */
static bool owner_is_late(const struct server *server) {
    int64_t since = atomic_load_explicit(&server->stepping_since_ns, memory_order_relaxed);
    return server->loop_owner != NULL && since != 0 && server_now_ns(server) - since > STEP_LONG_NS;
}

/* Sleeps until there is something for this thread; one of those who do so stands by. Under the lock. */
static void rest(struct server *server) {
    server->idle_count++;
    if (server->standing_by) {
        pthread_cond_wait(&server->work, &server->lock);
    } else if (server->loop_owner != NULL && server_now_ns(server) - server->worked_ns > STANDBY_IDLE_NS) {
        server->standing_by = true;
        server->standby_sleeps = true;
        pthread_cond_wait(&server->standby, &server->lock);
        server->standby_sleeps = false;
        server->standing_by = false;
    } else {
        struct timespec until;
        server->standing_by = true;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += STEP_LONG_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&server->standby, &server->lock, &until);
        server->standing_by = false;
    }
    server->idle_count--;
}

/* Whether there are more threads than are needed, now that those who waited go on. Not the one that runs the server. */
static bool is_surplus(const struct server *server, const struct worker *worker) {
    return server->standing_by && worker != &server->workers[0] &&
           server->thread_count - server->lent_count > server->threads_max;
}

static void serve(struct server *server, struct worker *worker) {
    this_worker = worker;
    pthread_mutex_lock(&server->lock);
    server->starting_count -= worker != &server->workers[0];
    while (!server->stopping) {
        if (server->loop_owner == worker) {
            turn_loop(server, worker);
        } else if (server->loop_owner == NULL || owner_is_late(server)) {
            server->loop_owner = worker;
            atomic_store_explicit(&server->stepping_since_ns, 0, memory_order_relaxed);
            end_round(server); /* of him who had the loop */
            post_standby(server);
            send_gathered(server, worker); /* of him who had the loop, and is late */
        } else if (server->heavy.first != NULL) {
            post_standby(server);
            (void)run_one(server, worker, crew_list_pop(&server->heavy));
        } else if (server->ready.first != NULL && server->sharing) {
            post_standby(server);
            (void)run_one(server, worker, crew_list_pop(&server->ready));
        } else if (is_surplus(server, worker)) {
            break;
        } else {
            server->sharing = false;
            rest(server);
        }
    }
    worker->state = WORKER_ENDED;
    server->thread_count--;
    pthread_cond_broadcast(&server->work);
    pthread_cond_broadcast(&server->standby);
    pthread_mutex_unlock(&server->lock);
}

static void free_memory(struct worker *worker) {
    while (worker->spare_count > 0) {
        buffer_free(&worker->spares[--worker->spare_count]);
    }
    mem_free(worker->receive);
}

static void *work(void *context) {
    struct worker *worker = context;
    serve(worker->server, worker);
    free_memory(worker);
    return NULL; /* the place is given to another only when this has returned */
}

/* Who still runs a statement when all is over does so for nobody. */
static void join_canceling(struct server *server, pthread_t thread) {
    struct timespec until;
    do {
        pthread_mutex_lock(&server->lock);
        server_cancel_running(server);
        pthread_mutex_unlock(&server->lock);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
    } while (pthread_timedjoin_np(thread, NULL, &until) != 0);
}

/* --- the flusher -------------------------------------------------------------------------------------------------- */

static void *flush(void *context) {
    struct server *server = context;
    struct worker worker = {.server = server};
    pthread_mutex_lock(&server->lock);
    while (!server->stopping && !server->fatal) {
        if (server->parked.first == NULL || server->rounding || server->flush_due) {
            server->flusher_sleeps = true;
            pthread_cond_wait(&server->flush, &server->lock);
            server->flusher_sleeps = false;
            continue;
        }
        flush_once(server, &worker);
        wake_loop(server);
    }
    pthread_mutex_unlock(&server->lock);
    free_memory(&worker);
    return NULL;
}

enum kmb_status crew_run(struct server *server, struct kmb_error *error) {
    struct worker *self = &server->workers[0];
    *self = (struct worker){.server = server, .receive = mem_alloc(CONNECTION_RECEIVE_BYTES)};
    if (self->receive == NULL || pthread_create(&server->flusher, NULL, flush, server) != 0) {
        mem_free(self->receive);
        return error_set(error, KMB_NO_MEMORY, "cannot start the server's threads");
    }
    self->state = WORKER_LIVES;
    server->thread_count = 1;
    serve(server, self);
    pthread_mutex_lock(&server->lock);
    pthread_cond_broadcast(&server->flush);
    pthread_mutex_unlock(&server->lock);
    for (unsigned i = 1; i < server->worker_count; i++) { /* nobody makes others any more */
        pthread_mutex_lock(&server->lock);
        bool made = server->workers[i].state != WORKER_NONE;
        pthread_mutex_unlock(&server->lock);
        if (made) {
            join_canceling(server, server->workers[i].thread);
        }
    }
    pthread_join(server->flusher, NULL);
    free_memory(self);
    return KMB_OK;
}
