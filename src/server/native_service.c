/*
 * What the native connections of one server have in common.
 *
 * Events are waited for without asking: the shard says after each publication which tenants have grown, and the service
 * wakes the machines that have subscriptions there. A woken machine looks for itself; a wake too many does no harm.
 *
 * A consumer group is a cursor in memory that its members share. It begins where its first member asks to, and is gone
 * with its last. An offset is given to one member; what a member had been given in its last step goes back when it
 * leaves, so an event reaches the group at least once.
 */
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "crypto/secret.h"
#include "server/native_internal.h"

int64_t native_now_ns(const struct native_service *service) {
    const struct environment *environment = shard_environment(service->shard);
    return environment->monotonic_ns(environment->context);
}

static bool watches(const struct native *native, uint32_t tenant) {
    for (uint32_t i = 0; i < native->watched_count; i++) {
        if (native->watched[i] == tenant) {
            return true;
        }
    }
    return false;
}

static void wake_tenant(struct native_service *service, uint32_t tenant) {
    for (struct native *native = service->machines; native != NULL; native = native->older) {
        if (watches(native, tenant)) {
            connection_wake(native->connection);
        }
    }
}

static void published(void *context, struct kernel_state *const *states, size_t count) {
    struct native_service *service = context;
    pthread_mutex_lock(&service->lock);
    for (size_t i = 0; i < count && service->watching != 0; i++) {
        wake_tenant(service, (uint32_t)states[i]->tenant.value);
    }
    pthread_mutex_unlock(&service->lock);
}

enum kmb_status native_service_new(const struct native_options *options, struct native_service **out,
                                   struct kmb_error *error) {
    *out = NULL;
    struct native_service *service = mem_alloc_zero(1, sizeof(*service));
    if (service == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    service->options = *options;
    service->settings = options->settings;
    service->shard = api_shard(options->db);
    service->started_ns = native_now_ns(service);
    atomic_init(&service->subscription_next, 1);
    pthread_mutex_init(&service->lock, NULL);
    service->watcher = (struct shard_watcher){.published = published, .context = service};
    shard_watch(service->shard, &service->watcher);
    *out = service;
    return KMB_OK;
}

void native_service_change(struct native_service *service, const struct settings *settings) {
    service->settings = settings;
}

void native_service_free(struct native_service *service) {
    if (service != NULL) {
        ASSERT(service->machines == NULL && service->groups == NULL);
        shard_unwatch(service->shard, &service->watcher);
        pthread_mutex_destroy(&service->lock);
        mem_free(service);
    }
}

/* --- machines --- */

void native_service_add(struct native *native) {
    struct native_service *service = native->service;
    pthread_mutex_lock(&service->lock);
    native->number = ++service->machine_next;
    native->older = service->machines;
    if (service->machines != NULL) {
        service->machines->newer = native;
    }
    service->machines = native;
    pthread_mutex_unlock(&service->lock);
}

void native_service_remove(struct native *native) {
    struct native_service *service = native->service;
    pthread_mutex_lock(&service->lock);
    if (native->newer != NULL) {
        native->newer->older = native->older;
    } else {
        service->machines = native->older;
    }
    if (native->older != NULL) {
        native->older->newer = native->newer;
    }
    service->watching -= native->watched_count;
    native->watched_count = 0;
    pthread_mutex_unlock(&service->lock);
}

void native_service_watch(struct native *native) {
    struct native_service *service = native->service;
    uint32_t tenants[NATIVE_TENANTS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < native->tenant_count; i++) {
        if (native->tenants[i]->subscriptions != 0) {
            tenants[count++] = native->tenants[i]->id;
        }
    }
    pthread_mutex_lock(&service->lock);
    service->watching += count;
    service->watching -= native->watched_count;
    memcpy(native->watched, tenants, count * sizeof(tenants[0]));
    native->watched_count = count;
    pthread_mutex_unlock(&service->lock);
}

void native_service_cancel(struct native_service *service, uint64_t connection, struct slice secret) {
    pthread_mutex_lock(&service->lock);
    for (struct native *native = service->machines; native != NULL; native = native->older) {
        if (native->number == connection && secret.length == NATIVE_SECRET_SIZE &&
            secret_equal(secret.bytes, native->secret, NATIVE_SECRET_SIZE)) {
            connection_note_cancel(native->connection);
            native_protocol.cancel(native);
        }
    }
    pthread_mutex_unlock(&service->lock);
}

/* --- consumer groups --- */

struct native_group *native_group_join(struct native_service *service, uint32_t tenant, uint32_t stream,
                                       struct slice name, uint64_t *offset) {
    pthread_mutex_lock(&service->lock);
    struct native_group *group = service->groups;
    while (group != NULL && !(group->tenant == tenant && group->stream == stream &&
                              slice_equal(slice_make(group->name, group->name_length), name))) {
        group = group->next;
    }
    if (group == NULL && (group = mem_alloc_zero(1, sizeof(*group) + name.length)) != NULL) {
        group->tenant = tenant;
        group->stream = stream;
        group->offset = *offset;
        group->name_length = name.length;
        memcpy(group->name, name.bytes == NULL ? (const uint8_t *)"" : name.bytes, name.length);
        group->next = service->groups;
        service->groups = group;
    }
    if (group != NULL) {
        group->members++;
        *offset = group->returned_from < group->returned_to ? group->returned_from : group->offset;
    }
    pthread_mutex_unlock(&service->lock);
    return group;
}

void native_group_leave(struct native_service *service, struct native_group *group) {
    pthread_mutex_lock(&service->lock);
    if (--group->members == 0) {
        struct native_group **place = &service->groups;
        while (*place != group) {
            place = &(*place)->next;
        }
        *place = group->next;
        mem_free(group);
    }
    pthread_mutex_unlock(&service->lock);
}

uint32_t native_group_claim(struct native_service *service, struct native_group *group, uint64_t length, uint32_t count,
                            uint64_t *from) {
    pthread_mutex_lock(&service->lock);
    bool returned = group->returned_from < group->returned_to;
    uint64_t *next = returned ? &group->returned_from : &group->offset;
    uint64_t end = returned ? group->returned_to : length;
    uint64_t left = end > *next ? end - *next : 0;
    uint32_t taken = left < count ? (uint32_t)left : count;
    *from = *next;
    *next += taken;
    pthread_mutex_unlock(&service->lock);
    return taken;
}

void native_group_give_back(struct native_service *service, struct native_group *group, uint64_t from, uint64_t to) {
    if (from == to) {
        return;
    }
    pthread_mutex_lock(&service->lock);
    if (group->returned_from >= group->returned_to) {
        group->returned_from = from;
        group->returned_to = to;
    } else { /* one range for all: what lies between is given out once more */
        group->returned_from = from < group->returned_from ? from : group->returned_from;
        group->returned_to = to > group->returned_to ? to : group->returned_to;
    }
    wake_tenant(service, group->tenant);
    pthread_mutex_unlock(&service->lock);
}
