/* What is asked of the database as a whole, and of its tenants: the C API's answers. */
#include <string.h>

#include "server/native_internal.h"

struct listing {
    struct native_call *call;
    struct wire_tenant_facts *items;
    uint32_t count;
    uint32_t room;
};

static enum kmb_status add(void *context, const struct kmb_tenant *tenant) {
    struct listing *listing = context;
    struct native_call *call = listing->call;
    if (listing->count == listing->room) {
        uint32_t room = listing->room == 0 ? 64 : listing->room * 2;
        struct wire_tenant_facts *items = native_alloc(call, room, sizeof(*items));
        if (items == NULL) {
            return native_no_memory(call);
        }
        if (listing->count > 0) {
            memcpy(items, listing->items, listing->count * sizeof(*items));
        }
        listing->items = items;
        listing->room = room;
    }
    struct slice name = arena_dup_slice(&call->native->arena, slice_text(tenant->name));
    if (name.bytes == NULL && name.length > 0) {
        return native_no_memory(call);
    }
    listing->items[listing->count++] = (struct wire_tenant_facts){
        .tenant_id = tenant->id, .name = name, .position = tenant->position, .entries = tenant->entries};
    return KMB_OK;
}

enum kmb_status native_list_tenants(struct native_call *call) {
    struct listing listing = {.call = call};
    enum kmb_status status = native_may_use_all(call);
    if (status == KMB_OK) {
        status = kmb_tenant_list(call->native->service->options.db, add, &listing, &call->error);
    }
    struct wire_tenants_response response = {.tenants = {listing.count, listing.items}};
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_TENANTS, &response) : status;
}

enum kmb_status native_verifier(struct native_call *call) {
    const struct wire_verifier_request *request = call->message->payload;
    char text[512];
    enum kmb_status status = native_tenant_check(call, request->tenant_id);
    if (status == KMB_OK) {
        status = native_may_use(call, request->tenant_id);
    }
    if (status == KMB_OK) {
        status = kmb_tenant_verifier(call->native->service->options.db, (uint32_t)request->tenant_id, text,
                                     sizeof(text), &call->error);
    }
    struct wire_text_response response = {.text = status == KMB_OK ? slice_text(text) : slice_make(NULL, 0)};
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_TEXT, &response) : status;
}

enum kmb_status native_database_info(struct native_call *call) {
    struct kmb_info info = {.size = sizeof(info)};
    enum kmb_status status = native_may_use_all(call);
    if (status == KMB_OK) {
        status = kmb_info(call->native->service->options.db, &info, &call->error);
    }
    struct wire_database_info_response response = {
        .uuid = slice_text(info.uuid),
        .encrypted = info.encrypted,
        .key_on_same_filesystem = info.key_on_same_filesystem,
        .clock_refused = info.clock_refused,
        .op = info.op,
        .log_bytes = info.log_bytes,
        .store_bytes = info.store_bytes,
        .cache_bytes = info.cache_bytes,
        .pinned_roots = info.pinned_roots,
        .pinned_oldest_op = info.pinned_oldest_op,
        .pinned_bytes = info.pinned_bytes,
        .recovered_entries = info.recovered_entries,
        .cut_bytes = info.cut_bytes,
        .tenants = info.tenants,
    };
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_DATABASE_INFO, &response) : status;
}

enum kmb_status native_state_hash(struct native_call *call) {
    char hash[65];
    enum kmb_status status = native_may_use_all(call);
    if (status == KMB_OK) {
        status = kmb_state_hash(call->native->service->options.db, hash, &call->error);
    }
    struct wire_text_response response = {.text = status == KMB_OK ? slice_text(hash) : slice_make(NULL, 0)};
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_TEXT, &response) : status;
}

enum kmb_status native_checkpoint(struct native_call *call) {
    enum kmb_status status = native_may_use_all(call);
    if (status == KMB_OK) {
        status = kmb_checkpoint(call->native->service->options.db, &call->error);
    }
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_DONE, NULL) : status;
}
