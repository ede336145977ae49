/*
 * Requests whose part of the engine does not exist: each is checked as far as its bytes can be, then refused by name.
 * None of them is ever answered as if something had been done.
 */
#include "server/native_internal.h"

#include "base/memory.h"
#include "crypto/base64.h"
#include "types/uuid.h"

static enum kmb_status check_uuid(struct native_call *call, const char *what, struct slice text) {
    static const char urn[] = "urn:uuid:";
    uint8_t uuid[16];
    if (text.length > sizeof(urn) - 1 && memcmp(text.bytes, urn, sizeof(urn) - 1) == 0) {
        text = slice_make(text.bytes + sizeof(urn) - 1, text.length - (sizeof(urn) - 1));
    }
    if (uuid_parse(text, uuid, NULL) != KMB_OK) {
        return native_refuse(call, KMB_USAGE, "%s is no UUID: \"%.*s\"", what,
                             (int)(text.length < 64 ? text.length : 64), (const char *)text.bytes);
    }
    return KMB_OK;
}

static enum kmb_status check_text(struct native_call *call, const char *what, struct slice text) {
    return text.length != 0 ? KMB_OK : native_refuse(call, KMB_USAGE, "%s is empty", what);
}

static enum kmb_status check_indicator(struct native_call *call, const struct wire_breach_indicator *indicator) {
    const struct wire_breach_indicator_privilege_escalation *roles = &indicator->as.privilege_escalation;
    enum kmb_status status = KMB_OK;
    switch (indicator->tag) {
    case WIRE_BREACH_INDICATOR_UNUSUAL_ACCESS_TIME:
        if (indicator->as.unusual_access_time.hour > 23) {
            status = native_refuse(call, KMB_USAGE, "an hour is from 0 to 23, not %u",
                                   indicator->as.unusual_access_time.hour);
        }
        break;
    case WIRE_BREACH_INDICATOR_PRIVILEGE_ESCALATION:
        status = check_text(call, "from_role", roles->from_role);
        status = status == KMB_OK ? check_text(call, "to_role", roles->to_role) : status;
        break;
    default:
        break;
    }
    return status;
}

static enum kmb_status check_export(struct native_call *call, const struct wire_verify_export_request *request) {
    size_t size = 0;
    enum kmb_status status = check_uuid(call, "export_id", request->export_id);
    if (status == KMB_OK) {
        void *body = native_alloc(call, request->body_base64.length, 1);
        if (body == NULL) {
            return native_no_memory(call);
        }
        if (!base64_decode(request->body_base64, body, request->body_base64.length, &size)) {
            status = native_refuse(call, KMB_USAGE, "body_base64 is no base64");
        }
    }
    return status;
}

/* The fields that a request names first: most begin with the id or the subject they are about. */
static enum kmb_status check_first(struct native_call *call) {
    const struct slice *first = call->message->payload;
    switch (call->message->variant) {
    case WIRE_REQUEST_CONSENT_GRANT:
    case WIRE_REQUEST_CONSENT_CHECK:
    case WIRE_REQUEST_CONSENT_LIST:
    case WIRE_REQUEST_ERASURE_REQUEST:
    case WIRE_REQUEST_EXPORT_SUBJECT:
        return check_text(call, "subject_id", *first);
    case WIRE_REQUEST_CONSENT_WITHDRAW:
        return check_uuid(call, "consent_id", *first);
    case WIRE_REQUEST_ERASURE_MARK_PROGRESS:
    case WIRE_REQUEST_ERASURE_MARK_STREAM_ERASED:
    case WIRE_REQUEST_ERASURE_COMPLETE:
    case WIRE_REQUEST_ERASURE_EXEMPT:
    case WIRE_REQUEST_ERASURE_STATUS:
        return check_uuid(call, "request_id", *first);
    case WIRE_REQUEST_BREACH_QUERY_STATUS:
    case WIRE_REQUEST_BREACH_CONFIRM:
    case WIRE_REQUEST_BREACH_RESOLVE:
        return check_uuid(call, "event_id", *first);
    default:
        return KMB_OK;
    }
}

static enum kmb_status check(struct native_call *call) {
    enum kmb_status status = check_first(call);
    if (status != KMB_OK) {
        return status;
    }
    switch (call->message->variant) {
    case WIRE_REQUEST_BREACH_REPORT_INDICATOR: {
        const struct wire_breach_report_indicator_request *report = call->message->payload;
        return check_indicator(call, &report->indicator);
    }
    case WIRE_REQUEST_BREACH_RESOLVE: {
        const struct wire_breach_resolve_request *resolve = call->message->payload;
        return check_text(call, "remediation", resolve->remediation);
    }
    case WIRE_REQUEST_VERIFY_EXPORT:
        return check_export(call, call->message->payload);
    default:
        return KMB_OK;
    }
}

enum kmb_status native_later(struct native_call *call) {
    uint32_t count;
    enum kmb_status status = check(call);
    const struct wire_member *names = wire_variants(WIRE_REQUEST, &count);
    return status != KMB_OK ? status
                            : native_refuse(call, KMB_UNSUPPORTED, "%s is not implemented by this server",
                                            names[call->message->variant].name);
}
