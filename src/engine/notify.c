/*
 * LISTEN and NOTIFY.
 *
 * The shard has one queue: told messages with consecutive numbers, and behind them those whose commit is not durable
 * yet, in the order of their ops. A listener has the number of the next message it has not looked at. Who is up to date
 * and not meant passes on at once, so a message stays only until the slowest of those who are behind has taken it.
 * Telling allocates nothing: a message was made when it was said.
 */
#include "engine/notify.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct message {
    struct message *next;
    uint64_t number; /* once it is told */
    uint64_t op;
    struct tenant_id tenant;
    uint64_t session;
    size_t size;
    const char *payload; /* within texts, behind the channel */
    char texts[];        /* channel, payload, both with their zero */
};

struct notify {
    pthread_mutex_t mutex;
    struct message *first; /* told ones, then those that wait */
    struct message *last;
    struct message *wait; /* the first that waits; NULL: none */
    uint64_t number_next;
    size_t bytes;
    atomic_bool waits;
    struct notify_listener *listeners;
};

struct channel {
    struct channel *next;
    char name[];
};

/* What a transaction has said: a message, or to listen or not. */
struct said {
    struct message *message; /* NULL: */
    enum sql_listen how;
    struct channel *channel;
};

struct notify_listener {
    struct notify *notify;
    struct notify_listener *next;
    struct tenant_id tenant;
    uint64_t session;
    struct channel *channels; /* changed by its own thread, under the mutex */
    uint64_t number;          /* of the message to look at next */
    void (*wake)(void *context);
    void *wake_context;
    struct said *said;
    size_t said_count;
    size_t said_capacity;
    struct message *given; /* the message given last; nobody else has it */
};

struct notify *notify_new(void) {
    struct notify *notify = mem_alloc_zero(1, sizeof(*notify));
    if (notify != NULL) {
        pthread_mutex_init(&notify->mutex, NULL);
        atomic_init(&notify->waits, false);
    }
    return notify;
}

void notify_free(struct notify *notify) {
    if (notify != NULL) {
        while (notify->first != NULL) {
            struct message *message = notify->first;
            notify->first = message->next;
            mem_free(message);
        }
        pthread_mutex_destroy(&notify->mutex);
        mem_free(notify);
    }
}

struct notify_listener *notify_listener_new(struct notify *notify, struct tenant_id tenant, uint64_t number) {
    struct notify_listener *listener = mem_alloc_zero(1, sizeof(*listener));
    if (listener != NULL) {
        listener->notify = notify;
        listener->tenant = tenant;
        listener->session = number;
        pthread_mutex_lock(&notify->mutex);
        listener->next = notify->listeners;
        notify->listeners = listener;
        pthread_mutex_unlock(&notify->mutex);
    }
    return listener;
}

void notify_listener_wake(struct notify_listener *listener, void (*wake)(void *context), void *context) {
    pthread_mutex_lock(&listener->notify->mutex);
    listener->wake = wake;
    listener->wake_context = context;
    pthread_mutex_unlock(&listener->notify->mutex);
}

/* --- saying --- */

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

static bool said_reserve(struct notify_listener *listener) {
    if (listener->said_count < listener->said_capacity) {
        return true;
    }
    size_t capacity = listener->said_capacity == 0 ? 8 : listener->said_capacity * 2;
    struct said *grown = mem_realloc(listener->said, capacity * sizeof(*grown));
    if (grown != NULL) {
        listener->said = grown;
        listener->said_capacity = capacity;
    }
    return grown != NULL;
}

static bool said_before(const struct notify_listener *listener, struct slice channel, struct slice payload) {
    for (size_t i = 0; i < listener->said_count; i++) {
        const struct message *message = listener->said[i].message;
        if (message != NULL && slice_equal_text(channel, message->texts) &&
            slice_equal_text(payload, message->payload)) {
            return true;
        }
    }
    return false;
}

enum kmb_status notify_tell(struct notify_listener *listener, struct slice channel, struct slice payload,
                            struct kmb_error *error) {
    struct notify *notify = listener->notify;
    if (said_before(listener, channel, payload)) {
        return KMB_OK;
    }
    size_t size = sizeof(struct message) + channel.length + payload.length + 2;
    pthread_mutex_lock(&notify->mutex);
    bool room = notify->bytes + size <= NOTIFY_QUEUE_BYTES_MAX;
    notify->bytes += room ? size : 0;
    pthread_mutex_unlock(&notify->mutex);
    if (!room) {
        return error_set(error, KMB_LIMIT, "too many notifications in the NOTIFY queue");
    }
    struct message *message = said_reserve(listener) ? mem_alloc_zero(1, size) : NULL;
    if (message == NULL) {
        pthread_mutex_lock(&notify->mutex);
        notify->bytes -= size;
        pthread_mutex_unlock(&notify->mutex);
        return no_memory(error);
    }
    message->tenant = listener->tenant;
    message->session = listener->session;
    message->size = size;
    memcpy(message->texts, channel.bytes, channel.length);
    message->payload = message->texts + channel.length + 1;
    if (payload.length > 0) {
        memcpy(message->texts + channel.length + 1, payload.bytes, payload.length);
    }
    listener->said[listener->said_count++] = (struct said){.message = message};
    return KMB_OK;
}

enum kmb_status notify_listen(struct notify_listener *listener, enum sql_listen how, struct slice channel,
                              struct kmb_error *error) {
    struct channel *made = said_reserve(listener) ? mem_alloc_zero(1, sizeof(*made) + channel.length + 1) : NULL;
    if (made == NULL) {
        return no_memory(error);
    }
    if (channel.length > 0) {
        memcpy(made->name, channel.bytes, channel.length);
    }
    listener->said[listener->said_count++] = (struct said){.how = how, .channel = made};
    return KMB_OK;
}

size_t notify_mark(const struct notify_listener *listener) {
    return listener->said_count;
}

void notify_forget(struct notify_listener *listener, size_t mark) {
    struct notify *notify = listener->notify;
    if (listener->said_count <= mark) {
        return;
    }
    pthread_mutex_lock(&notify->mutex);
    while (listener->said_count > mark) {
        struct said *said = &listener->said[--listener->said_count];
        notify->bytes -= said->message == NULL ? 0 : said->message->size;
        mem_free(said->message);
        mem_free(said->channel);
    }
    pthread_mutex_unlock(&notify->mutex);
}

/* --- telling; under the mutex --- */

static struct channel **channel_find(struct notify_listener *listener, const char *name) {
    struct channel **at = &listener->channels;
    while (*at != NULL && strcmp((*at)->name, name) != 0) {
        at = &(*at)->next;
    }
    return at;
}

static bool hears(struct notify_listener *listener, const struct message *message) {
    return listener->tenant.value == message->tenant.value && *channel_find(listener, message->texts) != NULL;
}

/* Messages that nobody will look at any more. */
static void forget_heard(struct notify *notify) {
    uint64_t least = notify->number_next;
    if (notify->first == notify->wait) {
        return; /* as at most statements: listeners may be thousands */
    }
    for (const struct notify_listener *listener = notify->listeners; listener != NULL; listener = listener->next) {
        least = listener->channels != NULL && listener->number < least ? listener->number : least;
    }
    while (notify->first != notify->wait && notify->first->number < least) {
        struct message *message = notify->first;
        notify->first = message->next;
        notify->last = notify->first == NULL ? NULL : notify->last;
        notify->bytes -= message->size;
        mem_free(message);
    }
}

static void tell(struct notify *notify, struct message *message) {
    message->number = notify->number_next++;
    for (struct notify_listener *listener = notify->listeners; listener != NULL; listener = listener->next) {
        if (listener->channels == NULL) {
            continue;
        }
        if (!hears(listener, message)) {
            listener->number += listener->number == message->number;
        } else if (listener->wake != NULL) {
            listener->wake(listener->wake_context);
        }
    }
}

static void channel_remove(struct channel **at) {
    struct channel *gone = *at;
    *at = gone->next;
    mem_free(gone);
}

static void listen(struct notify_listener *listener, struct said *said) {
    if (said->how == SQL_UNLISTEN_ALL) {
        while (listener->channels != NULL) {
            channel_remove(&listener->channels);
        }
        return;
    }
    struct channel **there = channel_find(listener, said->channel->name);
    if (said->how == SQL_UNLISTEN && *there != NULL) {
        channel_remove(there);
    }
    if (said->how == SQL_LISTEN && *there == NULL) {
        if (listener->channels == NULL) {
            listener->number = listener->notify->number_next;
        }
        *there = said->channel;
        said->channel = NULL;
    }
}

void notify_commit(struct notify_listener *listener, uint64_t op) {
    struct notify *notify = listener->notify;
    if (listener->said_count == 0) {
        return;
    }
    pthread_mutex_lock(&notify->mutex);
    for (size_t i = 0; i < listener->said_count; i++) {
        struct said *said = &listener->said[i];
        struct message *message = said->message;
        if (message == NULL) {
            listen(listener, said);
            mem_free(said->channel);
            continue;
        }
        message->op = notify->wait != NULL && notify->last->op > op ? notify->last->op : op;
        if (notify->last != NULL) {
            notify->last->next = message;
        } else {
            notify->first = message;
        }
        notify->last = message;
        notify->wait = notify->wait == NULL ? message : notify->wait;
        atomic_store(&notify->waits, true);
    }
    forget_heard(notify);
    pthread_mutex_unlock(&notify->mutex);
    listener->said_count = 0;
}

void notify_publish(struct notify *notify, uint64_t op) {
    if (!atomic_load(&notify->waits)) {
        return;
    }
    pthread_mutex_lock(&notify->mutex);
    while (notify->wait != NULL && notify->wait->op <= op) {
        struct message *message = notify->wait;
        notify->wait = message->next;
        tell(notify, message);
    }
    atomic_store(&notify->waits, notify->wait != NULL);
    forget_heard(notify);
    pthread_mutex_unlock(&notify->mutex);
}

/* --- hearing --- */

bool notify_next(struct notify_listener *listener, struct notification *notification) {
    struct notify *notify = listener->notify;
    mem_free(listener->given);
    listener->given = NULL;
    pthread_mutex_lock(&notify->mutex);
    struct message *message = listener->channels == NULL ? notify->wait : notify->first;
    while (message != notify->wait && (message->number < listener->number || !hears(listener, message))) {
        message = message->next;
    }
    bool found = message != notify->wait;
    if (found) {
        listener->given = mem_dup(message, message->size);
    }
    found = listener->given != NULL; /* without memory it stays, to be asked for again */
    if (found || message == notify->wait) {
        listener->number = found ? message->number + 1 : notify->number_next;
        forget_heard(notify);
    }
    pthread_mutex_unlock(&notify->mutex);
    if (found) {
        struct message *given = listener->given;
        *notification = (struct notification){
            .session = given->session, .channel = given->texts, .payload = given->texts + strlen(given->texts) + 1};
    }
    return found;
}

size_t notify_channel_count(const struct notify_listener *listener) {
    size_t count = 0;
    for (const struct channel *channel = listener->channels; channel != NULL; channel = channel->next) {
        count++;
    }
    return count;
}

const char *notify_channel(const struct notify_listener *listener, size_t at) {
    const struct channel *channel = listener->channels;
    for (; at > 0; at--) {
        channel = channel->next;
    }
    return channel->name;
}

double notify_usage(struct notify *notify) {
    pthread_mutex_lock(&notify->mutex);
    double usage = (double)notify->bytes / (double)NOTIFY_QUEUE_BYTES_MAX;
    pthread_mutex_unlock(&notify->mutex);
    return usage;
}

void notify_listener_free(struct notify_listener *listener) {
    if (listener == NULL) {
        return;
    }
    struct notify *notify = listener->notify;
    notify_forget(listener, 0);
    pthread_mutex_lock(&notify->mutex);
    struct notify_listener **at = &notify->listeners;
    while (*at != listener) {
        at = &(*at)->next;
    }
    *at = listener->next;
    while (listener->channels != NULL) {
        channel_remove(&listener->channels);
    }
    forget_heard(notify);
    pthread_mutex_unlock(&notify->mutex);
    mem_free(listener->given);
    mem_free(listener->said);
    mem_free(listener);
}
