/*
 * What a server tells its sessions of the others. Sessions are known by the number that pg_backend_pid() gives; one
 * sees those of its own tenant alone, but for an operator, who is shown that others are there and not what they ask.
 */
#include "server/activity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "server/internal.h"
#include "sql/secret.h"

/* Of the text of a statement that is shown: as PostgreSQL's track_activity_query_size. */
#define QUERY_SHOWN_MAX 1024

/* Sessions of a user of a tenant. Under the lock. */
static int64_t sessions_of(const struct server *server, uint32_t tenant, const char *user) {
    int64_t count = 0;
    for (const struct activity *at = server->activities; at != NULL; at = at->older) {
        count += at->tenant == tenant && strcmp(at->user, user) == 0;
    }
    return count;
}

/* As much of a text as there is room for, without cutting a character. */
static void copy_name(char *to, size_t size, const char *text) {
    size_t length = strlen(text);
    if (length >= size) {
        for (length = size - 1; length > 0 && (text[length] & 0xc0) == 0x80;) {
            length--;
        }
    }
    memcpy(to, text, length);
    to[length] = 0;
}

enum kmb_status activity_begin(struct server *server, struct activity *activity, const struct identity *identity,
                               const char *database, const char *address, struct kmb_error *error) {
    ASSERT(activity->session != 0 && activity->protocol != NULL && activity->cancel != NULL);
    int32_t sessions_max = identity->superuser ? ROLE_CONNECTIONS_ANY : identity->connection_limit;
    copy_name(activity->user, sizeof(activity->user), identity->user);
    copy_name(activity->database, sizeof(activity->database), database);
    copy_name(activity->address, sizeof(activity->address), address);
    int64_t now = shard_now_us(server->shard);
    pthread_mutex_lock(&server->lock);
    bool begun = sessions_max < 0 || sessions_of(server, activity->tenant, activity->user) < sessions_max;
    if (begun) {
        activity->begun_us = now;
        activity->state_us = now;
        activity->state = "idle";
        activity->older = server->activities;
        activity->newer = NULL;
        if (activity->older != NULL) {
            activity->older->newer = activity;
        }
        server->activities = activity;
        if (activity->connection != NULL) {
            activity->connection->sessions++;
        }
    } else {
        activity->session = 0;
    }
    pthread_mutex_unlock(&server->lock);
    return begun ? KMB_OK
                 : error_set(error, KMB_TOO_MANY_CONNECTIONS, "too many connections for role \"%s\"", identity->user);
}

void activity_name(struct server *server, struct activity *activity, const char *user) {
    if (activity->session != 0) {
        pthread_mutex_lock(&server->lock);
        copy_name(activity->user, sizeof(activity->user), user);
        pthread_mutex_unlock(&server->lock);
    }
}

void activity_end(struct server *server, struct activity *activity) {
    if (activity->session == 0) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    activity->session = 0;
    activity->transaction_us = 0;
    if (activity->connection != NULL) {
        activity->connection->sessions--;
    }
    *(activity->newer != NULL ? &activity->newer->older : &server->activities) = activity->older;
    if (activity->older != NULL) {
        activity->older->newer = activity->newer;
    }
    mem_free(activity->query);
    activity->query = NULL;
    activity->query_length = 0;
    activity->query_room = 0;
    pthread_mutex_unlock(&server->lock);
}

void activity_query(struct server *server, struct activity *activity, struct slice written) {
    struct slice text = sql_text_shown(written);
    size_t length = text.length < QUERY_SHOWN_MAX ? text.length : QUERY_SHOWN_MAX;
    while (length < text.length && length > 0 && (text.bytes[length] & 0xc0) == 0x80) {
        length--; /* no character is cut */
    }
    if (activity->session == 0) {
        return;
    }
    int64_t now = shard_now_us(server->shard);
    pthread_mutex_lock(&server->lock);
    if (activity->query_room < length) {
        char *room = mem_realloc(activity->query, length);
        activity->query = room == NULL ? activity->query : room;
        activity->query_room = room == NULL ? activity->query_room : length;
        length = room == NULL ? 0 : length;
    }
    if (length > 0) {
        memcpy(activity->query, text.bytes, length);
    }
    activity->query_length = length;
    activity->query_us = now;
    activity->state_us = now;
    activity->state = "active";
    pthread_mutex_unlock(&server->lock);
}

void activity_state(struct server *server, struct activity *activity, const char *state, const char *application,
                    bool in_transaction) {
    bool renamed = strcmp(activity->application, application) != 0;
    if (activity->session == 0 || (activity->state == state && !renamed)) {
        return; /* this thread alone writes them */
    }
    int64_t now = shard_now_us(server->shard);
    pthread_mutex_lock(&server->lock);
    activity->state = state;
    activity->state_us = now;
    activity->transaction_us = !in_transaction ? 0 : activity->transaction_us != 0 ? activity->transaction_us : now;
    if (renamed) {
        snprintf(activity->application, sizeof(activity->application), "%s", application);
    }
    pthread_mutex_unlock(&server->lock);
}
