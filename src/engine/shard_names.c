/*
 * Tenants by name. The names stand in the tenants' own facts, so finding one among thousands by its name would open
 * them all; clients name theirs at each login. Here they are in a map, filled by one walk when somebody first asks and
 * kept by those that are made later. A name is given once, and no name is another tenant's number, since clients may
 * say either; to clients of the native protocol's published releases alone it is a label that several may have: it then
 * means the first of them.
 *
 * A lock of its own, taken before `commit`: who logs in meets nobody who writes.
 */
#include "base/memory.h"
#include "engine/shard_internal.h"

struct names_walk {
    struct shard *shard;
    struct kmb_error *error;
};

/* Under the lock of the names. */
static enum kmb_status note(struct shard *shard, uint32_t tenant, struct slice name, struct kmb_error *error) {
    uintptr_t known = (uintptr_t)map_get(&shard->names, name);
    if (name.length == 0 || tenant == 0 || (known != 0 && known <= tenant)) {
        return KMB_OK;
    }
    /* the number itself is the map's value */
    return map_put(&shard->names, name, (void *)(uintptr_t)tenant) ? KMB_OK
                                                                   : error_set(error, KMB_NO_MEMORY, "out of memory");
}

static enum kmb_status note_tenant(void *context, uint32_t tenant) {
    struct names_walk *walk = context;
    struct kernel_state *state = NULL;
    if (tenant == 0) {
        return KMB_OK;
    }
    enum kmb_status status = shard_state(walk->shard, (struct tenant_id){tenant}, &state, walk->error);
    if (status == KMB_OK) {
        status = note(walk->shard, tenant, state->facts.name, walk->error);
    } else if (status == KMB_TENANT_NOT_FOUND) { /* deleted */
        error_clear(walk->error);
        status = KMB_OK;
    }
    kernel_state_release(state);
    return status;
}

static enum kmb_status load(struct shard *shard, struct kmb_error *error) {
    struct names_walk walk = {.shard = shard, .error = error};
    struct store_root *root = shard_published(shard);
    enum kmb_status status = store_tenants(store_view_root(root), note_tenant, &walk, error);
    store_root_release(root);
    shard->names_loaded = status == KMB_OK;
    return status;
}

enum kmb_status shard_tenant_find(struct shard *shard, struct slice name, struct tenant_id *tenant,
                                  struct kmb_error *error) {
    pthread_mutex_lock(&shard->names_lock);
    enum kmb_status status = shard->names_loaded ? KMB_OK : load(shard, error);
    *tenant = (struct tenant_id){status == KMB_OK ? (uint32_t)(uintptr_t)map_get(&shard->names, name) : 0};
    pthread_mutex_unlock(&shard->names_lock);
    return status;
}

enum kmb_status shard_tenant_may_have(struct shard *shard, uint32_t tenant, struct slice name,
                                      struct kmb_error *error) {
    struct tenant_id known = {0};
    uint64_t number = 0;
    bool digits = name.length > 0 && name.bytes[0] != '0';
    for (size_t i = 0; digits && i < name.length; i++) {
        digits = name.bytes[i] >= '0' && name.bytes[i] <= '9';
        number = number > UINT32_MAX ? number : number * 10 + (uint64_t)(name.bytes[i] - '0');
    }
    if (digits && number <= UINT32_MAX && number != tenant) {
        return error_set(error, KMB_INVALID_NAME, "\"%.*s\" is the number of another tenant", (int)name.length,
                         (const char *)name.bytes);
    }
    enum kmb_status status = name.length == 0 ? KMB_OK : shard_tenant_find(shard, name, &known, error);
    if (status == KMB_OK && known.value != 0 && known.value != tenant) {
        status = error_set(error, KMB_TENANT_EXISTS, "the name \"%.*s\" is tenant %u's", (int)name.length,
                           (const char *)name.bytes, known.value);
    }
    return status;
}

void shard_tenant_unnamed(struct shard *shard) {
    pthread_mutex_lock(&shard->names_lock);
    map_free(&shard->names);
    shard->names = (struct map){0};
    shard->names_loaded = false; /* two may have had the name */
    pthread_mutex_unlock(&shard->names_lock);
}

void shard_tenant_named(struct shard *shard, uint32_t tenant) {
    struct names_walk walk = {.shard = shard};
    pthread_mutex_lock(&shard->names_lock);
    if (shard->names_loaded && note_tenant(&walk, tenant) != KMB_OK) {
        shard->names_loaded = false; /* by the next who asks, from the beginning */
    }
    pthread_mutex_unlock(&shard->names_lock);
}
