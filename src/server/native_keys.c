/*
 * API keys: registered, revoked, rotated and listed, in the log of the tenant they are of. The text of a key is in the
 * one answer that makes it, and nowhere else.
 */
#include <string.h>

#include "base/memory.h"
#include "engine/identity.h"
#include "server/native_internal.h"

/* Who the record of a change names: whom the client says it acts for, else whom it is known as. */
static struct identity_actor actor_of(const struct native_call *call) {
    const struct wire_audit *audit = call->message->audit;
    bool named = audit != NULL && audit->actor != NULL && audit->actor->length > 0;
    return (struct identity_actor){.name = named ? *audit->actor : slice_text(call->native->identity.user),
                                   .source = call->native->peer.source};
}

static bool copy_text(char *to, size_t size, struct slice from) {
    bool fits = from.length < size && (from.length == 0 || memchr(from.bytes, 0, from.length) == NULL);
    if (fits && from.length > 0) {
        memcpy(to, from.bytes, from.length);
    }
    return fits;
}

static enum kmb_status info_of(struct native_call *call, const struct identity_key *key,
                               struct wire_api_key_info *info) {
    struct arena *arena = &call->native->arena;
    struct slice *roles = native_alloc(call, key->role_count, sizeof(*roles));
    uint64_t *expires = native_alloc(call, 1, sizeof(*expires));
    if (roles == NULL || expires == NULL) {
        return native_no_memory(call);
    }
    *info = (struct wire_api_key_info){.key_id = arena_dup_slice(arena, slice_text(key->id)),
                                       .subject = arena_dup_slice(arena, slice_text(key->subject)),
                                       .tenant_id = key->tenant.value,
                                       .roles = {key->role_count, roles},
                                       .expires_at_nanos = key->expires_ns == 0 ? NULL : expires};
    *expires = key->expires_ns;
    bool made = info->key_id.bytes != NULL && info->subject.bytes != NULL;
    for (uint32_t i = 0; i < key->role_count; i++) {
        roles[i] = arena_dup_slice(arena, slice_text(key->roles[i]));
        made = made && roles[i].bytes != NULL;
    }
    return made ? KMB_OK : native_no_memory(call);
}

static enum kmb_status key_of(struct native_call *call, const struct wire_api_key_register_request *request,
                              struct identity_key *key) {
    enum kmb_status status = native_tenant_check(call, request->tenant_id);
    status = status == KMB_OK ? native_may_use(call, request->tenant_id) : status;
    if (status != KMB_OK) {
        return status;
    }
    if (request->expires_at_nanos != NULL && *request->expires_at_nanos == 0) {
        return native_refuse(call, KMB_USAGE, "the key would have expired in 1970");
    }
    if (request->roles.count > API_KEY_ROLES_MAX) {
        return native_refuse(call, KMB_USAGE, "a key has at most %d roles", API_KEY_ROLES_MAX);
    }
    *key = (struct identity_key){.tenant = {(uint32_t)request->tenant_id},
                                 .role_count = request->roles.count,
                                 .expires_ns = request->expires_at_nanos == NULL ? 0 : *request->expires_at_nanos};
    bool fits = copy_text(key->subject, sizeof(key->subject), request->subject);
    for (uint32_t i = 0; i < request->roles.count; i++) {
        fits = fits && copy_text(key->roles[i], sizeof(key->roles[i]), request->roles.items[i]);
    }
    return fits ? KMB_OK : native_refuse(call, KMB_USAGE, "the subject or a role is too long, or has a zero byte");
}

/* An admin's key may speak for all tenants: whoever may not gives none away. */
static enum kmb_status may_give(struct native_call *call, const struct identity_key *key) {
    if (call->native->identity.any_tenant || identity_rank_of(key->roles, key->role_count) != IDENTITY_ADMIN) {
        return KMB_OK;
    }
    return native_refuse(call, KMB_PERMISSION,
                         "\"%s\" may speak for tenant %u alone: a key of the role admin speaks for all of them",
                         call->native->identity.user, (unsigned)call->native->identity.tenant.value);
}

enum kmb_status native_api_key_register(struct native_call *call) {
    struct identity_key key;
    struct wire_api_key_register_response response;
    struct identity_actor actor = actor_of(call);
    char text[IDENTITY_KEY_LENGTH + 1];
    enum kmb_status status = key_of(call, call->message->payload, &key);
    status = status == KMB_OK ? may_give(call, &key) : status;
    if (status == KMB_OK) {
        status = identity_key_register(call->native->service->shard, &key, &actor, text, &call->error);
    }
    if (status == KMB_OK) {
        status = info_of(call, &key, &response.info);
    }
    if (status == KMB_OK) {
        response.key = slice_text(text);
        status = native_respond(call, WIRE_RESPONSE_API_KEY_REGISTER, &response);
    }
    mem_wipe(text, sizeof(text));
    return status;
}

/* Another tenant's key is not found by whoever is not of all tenants. give: a new one is asked for in its place. */
static enum kmb_status check_own(struct native_call *call, struct slice text, bool give) {
    struct identity_key key;
    if (call->native->identity.any_tenant) {
        return KMB_OK;
    }
    enum kmb_status status = identity_key_find(call->native->service->shard, text, &key, &call->error);
    if (status == KMB_OK && !identity_may_use(&call->native->identity, key.tenant)) {
        status = native_refuse(call, KMB_API_KEY_NOT_FOUND, "there is no such API key");
    }
    return status == KMB_OK && give ? may_give(call, &key) : status;
}

enum kmb_status native_api_key_revoke(struct native_call *call) {
    const struct wire_api_key_revoke_request *request = call->message->payload;
    struct wire_api_key_revoke_response response = {.revoked = true};
    struct identity_actor actor = actor_of(call);
    enum kmb_status status = check_own(call, request->key, false);
    if (status == KMB_OK) {
        status = identity_key_revoke(call->native->service->shard, request->key, &actor, &call->error);
    }
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_API_KEY_REVOKE, &response) : status;
}

enum kmb_status native_api_key_rotate(struct native_call *call) {
    const struct wire_api_key_rotate_request *request = call->message->payload;
    struct identity_key key;
    struct wire_api_key_rotate_response response;
    struct identity_actor actor = actor_of(call);
    char text[IDENTITY_KEY_LENGTH + 1];
    enum kmb_status status = check_own(call, request->old_key, true);
    if (status == KMB_OK) {
        status = identity_key_rotate(call->native->service->shard, request->old_key, &actor, text, &key, &call->error);
    }
    if (status == KMB_OK) {
        status = info_of(call, &key, &response.info);
    }
    if (status == KMB_OK) {
        response.new_key = slice_text(text);
        status = native_respond(call, WIRE_RESPONSE_API_KEY_ROTATE, &response);
    }
    mem_wipe(text, sizeof(text));
    return status;
}

struct key_list {
    struct native_call *call;
    struct wire_api_key_info *items;
    uint32_t count;
    uint32_t capacity;
};

static enum kmb_status add_key(void *context, const struct identity_key *key) {
    struct key_list *list = context;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        struct wire_api_key_info *items = native_alloc(list->call, capacity, sizeof(*items));
        if (items == NULL) {
            return native_no_memory(list->call);
        }
        for (uint32_t i = 0; i < list->count; i++) {
            items[i] = list->items[i];
        }
        list->items = items;
        list->capacity = capacity;
    }
    return info_of(list->call, key, &list->items[list->count++]);
}

enum kmb_status native_api_key_list(struct native_call *call) {
    const struct wire_api_key_list_request *request = call->message->payload;
    struct key_list list = {.call = call};
    struct tenant_id tenant = call->native->identity.tenant;
    bool all = request->tenant_id == NULL && call->native->identity.any_tenant;
    enum kmb_status status = KMB_OK;
    if (request->tenant_id != NULL) {
        status = native_tenant_check(call, *request->tenant_id);
        status = status == KMB_OK ? native_may_use(call, *request->tenant_id) : status;
        tenant.value = (uint32_t)*request->tenant_id;
    }
    if (status == KMB_OK) {
        status = identity_key_list(call->native->service->shard, all ? NULL : &tenant, add_key, &list, &call->error);
    }
    struct wire_api_key_list_response response = {.keys = {list.count, list.items}};
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_API_KEY_LIST, &response) : status;
}
