/*
 * Whether a request's head says one thing alone. Where two readers of it may disagree on where the request ends, or on
 * whom it is for, one of them takes a part of it for a request of its own: such a head is refused, and the connection
 * ends with it (RFC 9112, sections 3.2 and 6.3). The library's own strictness is of no use for that: it looks at the
 * first of two headers alone.
 */
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "server/http_internal.h"

struct head {
    const char *version;
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
    uint64_t length;
    struct kmb_error *error;
    bool refused;
};

static enum MHD_Result refuse(struct head *head, const char *why) {
    head->refused = true;
    error_set(head->error, KMB_USAGE, "%s", why);
    return MHD_NO;
}

/* RFC 9110, section 5.6.2. */
static bool is_token(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        if (!letter && (byte == 0 || strchr("!#$%&'*+-.^_`|~", byte) == NULL)) {
            return false;
        }
    }
    return length > 0;
}

static bool is_digits(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return length > 0;
}

static bool is_value(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_named(const char *name, size_t length, const char *wanted) {
    return length == strlen(wanted) && strncasecmp(name, wanted, length) == 0;
}

static uint64_t length_of(const char *digits, size_t count) {
    uint64_t length = 0;
    for (size_t i = 0; i < count; i++) {
        length = length > UINT64_MAX / 16 ? length : length * 10 + (uint64_t)(digits[i] - '0');
    }
    return length;
}

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name, size_t name_length,
                               const char *value, size_t length) {
    struct head *head = context;
    (void)kind;
    if (!is_token(name, name_length)) {
        return refuse(head, "the request has a header whose name is none");
    }
    if (!is_value(value, length)) {
        return refuse(head, "the request has a header with a control character");
    }
    if (is_named(name, name_length, MHD_HTTP_HEADER_HOST)) {
        head->hosts++;
        return memchr(value, ' ', length) == NULL && memchr(value, ',', length) == NULL &&
                       memchr(value, '/', length) == NULL && memchr(value, '@', length) == NULL
                   ? MHD_YES
                   : refuse(head, "the request's Host is none");
    }
    if (is_named(name, name_length, MHD_HTTP_HEADER_CONTENT_LENGTH)) {
        head->lengths++;
        if (!is_digits(value, length)) {
            return refuse(head, "the request's Content-Length is no number");
        }
        head->length = length_of(value, length);
    }
    if (is_named(name, name_length, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
        head->codings++;
        return is_named(value, length, "chunked")
                   ? MHD_YES
                   : refuse(head, "the request's Transfer-Encoding is not \"chunked\" alone");
    }
    return MHD_YES;
}

enum kmb_status http_head_check(struct MHD_Connection *connection, const char *version, uint64_t *length,
                                struct kmb_error *error) {
    struct head head = {.version = version, .error = error};
    bool newest = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, look_at, &head);
    *length = head.length;
    if (head.refused) {
        return KMB_USAGE;
    }
    if (head.hosts > 1 || (newest && head.hosts == 0)) {
        return error_set(error, KMB_USAGE, "the request has %s Host", head.hosts == 0 ? "no" : "more than one");
    }
    if (head.lengths > 1 || head.codings > 1) {
        return error_set(error, KMB_USAGE, "the request has more than one %s",
                         head.lengths > 1 ? MHD_HTTP_HEADER_CONTENT_LENGTH : MHD_HTTP_HEADER_TRANSFER_ENCODING);
    }
    if (head.codings > 0 && (head.lengths > 0 || !newest)) {
        return error_set(error, KMB_USAGE, "the request has a Transfer-Encoding %s",
                         newest ? "and a Content-Length" : "and is not of HTTP/1.1");
    }
    return KMB_OK;
}

/* --- what the library refuses itself ------------------------------------------------------------------------------ */

/* A thread serves one connection. */
static _Thread_local struct MHD_Connection *served;

void *http_head_begins(void *context, const char *uri, struct MHD_Connection *connection) {
    (void)context;
    (void)uri;
    served = connection;
    return NULL;
}

/*
 * Libraries up to 0.9.75 put the head of their answer to a Content-Length that is none before it once more, where the
 * body should stand. They say what they are about to do: the answer is given here, and theirs finds the socket shut.
 */
void http_head_refused(void *context, const char *format, va_list arguments) {
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nCache-Control: no-store"
                                 "\r\nConnection: close\r\nContent-Length: 100\r\n\r\n"
                                 "{\"error\":{\"code\":\"USAGE\",\"sqlstate\":\"22023\","
                                 "\"message\":\"the request's Content-Length is no number\"}}\n";
    const struct http *http = context;
    (void)arguments;
    if (served == NULL || strstr(format, MHD_HTTP_HEADER_CONTENT_LENGTH) == NULL) {
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(served, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL) {
        return;
    }
    if (!http->tls) {
        (void)send(info->connect_fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    (void)shutdown(info->connect_fd, SHUT_WR);
}
