/* URLs of servers. A text goes from left to right once; whatever has no place in it is an error that names it. */
#include "client/address.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/error.h"
#include "base/slice.h"

#define SCHEME      "kimberlite://"
#define SCHEME_UNIX "kimberlite+unix://"

struct reading {
    struct arena *arena;
    struct address *address;
    bool tls_given;
    struct kmb_error *error;
};

static enum kmb_status no_memory(const struct reading *reading) {
    return error_set(reading->error, KMB_NO_MEMORY, "out of memory");
}

static int hex_of(uint8_t digit) {
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

/* The text with its %XX read. */
static enum kmb_status decode(const struct reading *reading, struct slice text, const char **out) {
    char *copy = arena_text(reading->arena, text);
    size_t at = 0;
    if (copy == NULL) {
        return no_memory(reading);
    }
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];
        if (byte == '%') {
            int high = i + 2 < text.length ? hex_of(text.bytes[i + 1]) : -1;
            int low = high >= 0 ? hex_of(text.bytes[i + 2]) : -1;
            if (low < 0 || high * 16 + low == 0) {
                return error_set(reading->error, KMB_USAGE, "\"%.*s\" has a %% that begins no byte: %%25 is a %%",
                                 (int)text.length, (const char *)text.bytes);
            }
            byte = (uint8_t)(high * 16 + low);
            i += 2;
        }
        copy[at++] = (char)byte;
    }
    copy[at] = 0;
    *out = copy;
    return KMB_OK;
}

/* Cuts the text at the first of a byte: what is before it, and what is behind it into *rest. Without one, all of it is
 * before and false is answered. */
static bool cut(struct slice text, char at, struct slice *before, struct slice *rest) {
    const uint8_t *found = text.length == 0 ? NULL : memchr(text.bytes, at, text.length);
    size_t length = found == NULL ? text.length : (size_t)(found - text.bytes);
    *before = slice_make(text.bytes, length);
    *rest = found == NULL ? slice_make(NULL, 0) : slice_make(found + 1, text.length - length - 1);
    return found != NULL;
}

static bool number_of(struct slice text, uint64_t most, uint64_t *number) {
    *number = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9' || *number > most) {
            return false;
        }
        *number = *number * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    return text.length > 0 && *number <= most;
}

/* --- what stands behind "?" --------------------------------------------------------------------------------------- */

static enum kmb_status set_tls(struct reading *reading, const char *value) {
    static const char *const names[] = {
        [ADDRESS_TLS_DISABLE] = "disable", [ADDRESS_TLS_REQUIRE] = "require", [ADDRESS_TLS_INSECURE] = "insecure"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], value) == 0) {
            reading->address->tls = (enum address_tls)i;
            reading->tls_given = true;
            return KMB_OK;
        }
    }
    return error_set(reading->error, KMB_USAGE, "tls is \"%s\"; disable, require and insecure are possible", value);
}

static enum kmb_status set_seconds(const struct reading *reading, const char *name, const char *value, uint32_t *ms) {
    uint64_t seconds;
    if (!number_of(slice_text(value), 86400, &seconds)) {
        return error_set(reading->error, KMB_USAGE, "%s is \"%s\"; seconds from 0 to 86400 are possible", name, value);
    }
    *ms = (uint32_t)seconds * 1000;
    return KMB_OK;
}

static enum kmb_status set_pair(struct reading *reading, struct slice name, const char *value) {
    struct address *address = reading->address;
    const struct {
        const char *name;
        const char **place;
    } texts[] = {
        {"ca", &address->authority_file}, {"cert", &address->certificate_file},
        {"key", &address->key_file},      {"token", &address->token},
        {"user", &address->user},         {"password", &address->password},
        {"tenant", &address->tenant},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (slice_equal_text(name, texts[i].name)) {
            *texts[i].place = value;
            return KMB_OK;
        }
    }
    if (slice_equal_text(name, "tls")) {
        return set_tls(reading, value);
    }
    if (slice_equal_text(name, "connect_timeout")) {
        return set_seconds(reading, "connect_timeout", value, &address->connect_ms);
    }
    if (slice_equal_text(name, "timeout")) {
        return set_seconds(reading, "timeout", value, &address->answer_ms);
    }
    error_set(reading->error, KMB_USAGE, "the server's URL has an unknown parameter \"%.*s\"",
              (int)(name.length < 64 ? name.length : 64), (const char *)name.bytes);
    error_hint(reading->error,
               "tenant, user, password, token, tls, ca, cert, key, connect_timeout and timeout are possible.");
    return KMB_USAGE;
}

static enum kmb_status read_pairs(struct reading *reading, struct slice rest) {
    enum kmb_status status = KMB_OK;
    bool more = rest.length > 0;
    while (more && status == KMB_OK) {
        struct slice pair, name, text;
        const char *value = NULL;
        more = cut(rest, '&', &pair, &rest);
        (void)cut(pair, '=', &name, &text);
        status = decode(reading, text, &value);
        if (status == KMB_OK) {
            status = set_pair(reading, name, value);
        }
    }
    return status;
}

/* --- the rest of it ----------------------------------------------------------------------------------------------- */

static enum kmb_status read_port(const struct reading *reading, struct slice text) {
    uint64_t port;
    if (!number_of(text, 65535, &port) || port == 0) {
        return error_set(reading->error, KMB_USAGE, "the server's URL has the port \"%.*s\"; 1 to 65535 are possible",
                         (int)(text.length < 64 ? text.length : 64), (const char *)text.bytes);
    }
    reading->address->port = (uint16_t)port;
    return KMB_OK;
}

/* "host", "host:port", "[::1]:port" */
static enum kmb_status read_host(const struct reading *reading, struct slice text) {
    struct slice host, rest;
    bool port;
    if (text.length > 0 && text.bytes[0] == '[') {
        if (!cut(slice_make(text.bytes + 1, text.length - 1), ']', &host, &rest) ||
            (rest.length > 0 && rest.bytes[0] != ':')) {
            return error_set(reading->error, KMB_USAGE, "the server's URL has a \"[\" without its \"]\"");
        }
        port = rest.length > 0;
        rest = port ? slice_make(rest.bytes + 1, rest.length - 1) : rest;
    } else {
        port = cut(text, ':', &host, &rest);
    }
    enum kmb_status status = port ? read_port(reading, rest) : KMB_OK;
    if (status == KMB_OK && host.length == 0) {
        status = error_set(reading->error, KMB_USAGE, "the server's URL names no host");
    }
    return status == KMB_OK ? decode(reading, host, &reading->address->host) : status;
}

/* "user:password@host:port/tenant" */
static enum kmb_status read_network(const struct reading *reading, struct slice text) {
    struct address *address = reading->address;
    struct slice place, tenant, host;
    enum kmb_status status = KMB_OK;
    bool path = cut(text, '/', &place, &tenant);
    size_t at = place.length; /* a password may have an @ in it: the last one counts */
    while (at > 0 && place.bytes[at - 1] != '@') {
        at--;
    }
    host = slice_make(place.bytes + at, place.length - at);
    if (at > 0) {
        struct slice user, password;
        bool both = cut(slice_make(place.bytes, at - 1), ':', &user, &password);
        status = decode(reading, user, &address->user);
        status = status == KMB_OK && both ? decode(reading, password, &address->password) : status;
    }
    if (status == KMB_OK && path && tenant.length > 0) {
        status = decode(reading, tenant, &address->tenant);
    }
    return status == KMB_OK ? read_host(reading, host) : status;
}

static bool starts_with(struct slice text, const char *prefix, struct slice *rest) {
    size_t length = strlen(prefix);
    bool starts = text.length >= length && memcmp(text.bytes, prefix, length) == 0;
    *rest = starts ? slice_make(text.bytes + length, text.length - length) : text;
    return starts;
}

static enum kmb_status read_url(struct reading *reading, struct slice url) {
    struct slice rest, place, pairs;
    if (url.length > 0 && url.bytes[0] == '/') {
        reading->address->socket_path = arena_text(reading->arena, url);
        return reading->address->socket_path == NULL ? no_memory(reading) : KMB_OK;
    }
    bool unix_socket = starts_with(url, SCHEME_UNIX, &rest);
    if (!unix_socket && !starts_with(url, SCHEME, &rest)) {
        error_set(reading->error, KMB_USAGE, "no URL of a server: \"%.*s\"", (int)(url.length < 128 ? url.length : 128),
                  (const char *)url.bytes);
        error_hint(reading->error, "kimberlite://HOST:PORT/TENANT, kimberlite+unix:///PATH or /PATH.");
        return KMB_USAGE;
    }
    (void)cut(rest, '?', &place, &pairs);
    enum kmb_status status =
        unix_socket ? decode(reading, place, &reading->address->socket_path) : read_network(reading, place);
    if (status == KMB_OK && unix_socket && reading->address->socket_path[0] != '/') {
        status = error_set(reading->error, KMB_USAGE, "the path of a Unix socket begins with /: \"%s\"",
                           reading->address->socket_path);
    }
    return status == KMB_OK ? read_pairs(reading, pairs) : status;
}

/* --- options and environment -------------------------------------------------------------------------------------- */

static void prefer(const char **place, const char *text, struct arena *arena, bool *failed) {
    if (text != NULL) {
        *place = arena_text(arena, slice_text(text));
        *failed = *failed || *place == NULL;
    }
}

static enum kmb_status take_options(struct reading *reading, const struct kmb_connect_options *options) {
    struct address *address = reading->address;
    bool failed = false;
    prefer(&address->tenant, options->tenant, reading->arena, &failed);
    prefer(&address->user, options->user, reading->arena, &failed);
    prefer(&address->password, options->password, reading->arena, &failed);
    prefer(&address->token, options->token, reading->arena, &failed);
    prefer(&address->authority_file, options->authority_file, reading->arena, &failed);
    prefer(&address->certificate_file, options->certificate_file, reading->arena, &failed);
    prefer(&address->key_file, options->key_file, reading->arena, &failed);
    address->connect_ms = options->connect_timeout_ms != 0 ? options->connect_timeout_ms : address->connect_ms;
    address->answer_ms = options->answer_timeout_ms != 0 ? options->answer_timeout_ms : address->answer_ms;
    return failed ? no_memory(reading) : options->tls != NULL ? set_tls(reading, options->tls) : KMB_OK;
}

static bool is_loopback(const char *host) {
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* Over a network nothing goes in clear unless that is asked for. */
static enum kmb_status choose_tls(struct reading *reading) {
    struct address *address = reading->address;
    bool named = address->authority_file != NULL || address->certificate_file != NULL;
    if (!reading->tls_given) {
        bool local = address->host == NULL || is_loopback(address->host);
        address->tls = local && !named ? ADDRESS_TLS_DISABLE : ADDRESS_TLS_REQUIRE;
    }
    if (address->tls == ADDRESS_TLS_DISABLE && named) {
        return error_set(reading->error, KMB_USAGE, "certificates were given, but tls is \"disable\"");
    }
    if ((address->certificate_file == NULL) != (address->key_file == NULL)) {
        return error_set(reading->error, KMB_USAGE, "a client's certificate and its key belong together: cert and key");
    }
    if (address->host == NULL && address->tls == ADDRESS_TLS_REQUIRE) {
        return error_set(reading->error, KMB_USAGE, "a Unix socket has no name that a certificate could be for");
    }
    return KMB_OK;
}

enum kmb_status address_read(const char *url, const struct kmb_connect_options *options, struct arena *arena,
                             struct address *address, struct kmb_error *error) {
    struct reading reading = {.arena = arena, .address = address, .error = error};
    *address = (struct address){.port = ADDRESS_PORT_DEFAULT, .connect_ms = ADDRESS_CONNECT_MS_DEFAULT};
    enum kmb_status status = read_url(&reading, slice_text(url));
    if (status == KMB_OK && options != NULL) {
        status = take_options(&reading, options);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (address->token == NULL && address->password == NULL) {
        bool failed = false;
        prefer(&address->token, getenv("KIMBERLITE_TOKEN"), arena, &failed);
        if (address->token == NULL && address->user != NULL) {
            prefer(&address->password, getenv("KIMBERLITE_PASSWORD"), arena, &failed);
        }
        if (failed) {
            return no_memory(&reading);
        }
    }
    if (address->password != NULL && address->user == NULL) {
        return error_set(error, KMB_USAGE, "a password was given, but no user");
    }
    address->shown = address->host == NULL                ? address->socket_path
                     : strchr(address->host, ':') != NULL ? arena_printf(arena, "[%s]:%u", address->host, address->port)
                                                          : arena_printf(arena, "%s:%u", address->host, address->port);
    return address->shown == NULL ? no_memory(&reading) : choose_tls(&reading);
}
