/*
 * Logging in with a password: SASL as PostgreSQL speaks it, in two requests instead of four messages; and tenants by
 * name.
 *
 * Whoever the connection was before it stays until the exchange is at its end. A refusal ends the exchange, not the
 * connection; failures are counted against source and user where they are decided (authenticate.h).
 */
#include "base/memory.h"
#include "server/internal.h"
#include "server/native_internal.h"

void native_authentication_drop(struct native *native) {
    if (native->authentication != NULL) {
        authentication_wipe(native->authentication);
        mem_free(native->authentication);
        native->authentication = NULL;
    }
}

static enum kmb_status respond(struct native_call *call, struct slice message, bool done) {
    struct native *native = call->native;
    struct wire_authenticating_response response = {.message = message, .done = done};
    enum kmb_status status = KMB_OK;
    if (done) {
        native->identity = native->authentication->identity;
        response.tenant_id = native->authentication->tenant.value;
        status = native_tenants_name(native, &call->error);
    }
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_AUTHENTICATING, &response) : status;
}

/* A step of the exchange. Its end, good or bad, takes the exchange away. */
static enum kmb_status exchange(struct native_call *call, struct slice mechanism, struct slice message) {
    struct native *native = call->native;
    struct buffer reply = {0};
    enum kmb_status status = authenticate_sasl(native->authentication, mechanism, message, &reply, &call->error);
    bool more = status == KMB_ROW;
    if (status == KMB_ROW || status == KMB_DONE) {
        status = respond(call, buffer_slice(&reply), status == KMB_DONE);
    }
    buffer_free(&reply);
    if (!more || status != KMB_OK) {
        native_authentication_drop(native);
    }
    return status;
}

/* The tenant that is meant, 0 where there is none of the name. */
static struct tenant_id tenant_of(struct native_call *call, const struct slice *name) {
    if (name == NULL) {
        return (struct tenant_id){(uint32_t)call->message->tenant_id};
    }
    const char *text = arena_text(&call->native->arena, *name);
    return (struct tenant_id){text == NULL ? 0 : server_find_tenant(call->native->service->shard, text)};
}

enum kmb_status native_authenticate(struct native_call *call) {
    const struct wire_authenticate_request *request = call->message->payload;
    struct native *native = call->native;
    struct authenticator *authenticator = native->service->options.authenticator;
    struct authenticate_peer shown = native_shown(native);
    native_authentication_drop(native);
    if (authenticator == NULL) {
        return native_refuse(call, KMB_UNSUPPORTED, "this server asks nobody who they are");
    }
    enum kmb_status status = authenticate_source(authenticator, &shown, &call->error);
    if (status != KMB_OK) {
        return status;
    }
    native->authentication = mem_alloc_zero(1, sizeof(*native->authentication));
    if (native->authentication == NULL) {
        return native_no_memory(call);
    }
    status = authenticate_begin(authenticator, &shown, tenant_of(call, request->tenant_name), request->user,
                                native->authentication, &call->error);
    if (status == KMB_OK && native->authentication->ask == AUTHENTICATE_NOTHING) {
        status = respond(call, slice_make(NULL, 0), true);
        native_authentication_drop(native);
        return status;
    }
    if (status == KMB_OK && native->authentication->ask == AUTHENTICATE_CLEARTEXT) {
        status = native_refuse(call, KMB_AUTHENTICATION, "this server takes API keys and tokens, not passwords");
        error_hint(&call->error, "Show them in Handshake.");
    } else if (status == KMB_OK && request->mechanism.length == 0) {
        status = native_refuse(call, KMB_AUTHENTICATION, "a password is required for user \"%s\"",
                               native->authentication->user);
    }
    if (status != KMB_OK) {
        native_authentication_drop(native);
        return status;
    }
    return exchange(call, request->mechanism, request->message);
}

enum kmb_status native_authenticate_next(struct native_call *call) {
    const struct wire_authenticate_next_request *request = call->message->payload;
    if (call->native->authentication == NULL) {
        return native_refuse(call, KMB_AUTHENTICATION, "no login has begun");
    }
    return exchange(call, slice_make(NULL, 0), request->message);
}

enum kmb_status native_find_tenant(struct native_call *call) {
    const struct wire_find_tenant_request *request = call->message->payload;
    struct wire_tenant_facts facts = {.name = request->name, .tenant_id = tenant_of(call, &request->name).value};
    struct kernel_state *state = NULL;
    bool may = facts.tenant_id != 0 &&
               identity_may_use(&call->native->identity, (struct tenant_id){(uint32_t)facts.tenant_id});
    if (!may) { /* nobody learns which tenants of others there are */
        return native_refuse(call, KMB_TENANT_NOT_FOUND, "database \"%.*s\" does not exist",
                             (int)(request->name.length < 64 ? request->name.length : 64),
                             (const char *)request->name.bytes);
    }
    enum kmb_status status =
        shard_state(call->native->service->shard, (struct tenant_id){(uint32_t)facts.tenant_id}, &state, &call->error);
    if (status != KMB_OK) {
        return status;
    }
    facts.position = state->position;
    facts.entries = state->sequence;
    kernel_state_release(state);
    struct wire_tenants_response response = {.tenants = {1, &facts}};
    return native_respond(call, WIRE_RESPONSE_TENANTS, &response);
}
