/*
 * Settings from their layers. A file is read into a tree and walked: every key of it must be in the table, and one that
 * is not is answered with the nearest that is. Keys of parts that this version does not have (cluster, studio) are told
 * apart from typing errors.
 *
 * An environment has variables of others with the same beginning (an orchestrator makes KMB_PORT for a service named
 * "kmb"), so there only a name that is nearly one of ours is an error.
 */
#include "server/settings.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/io.h"
#include "base/memory.h"
#include "server/settings_internal.h"

#define NAME_MAX_COMPARED 64 /* characters of a name that edit distance looks at */
#define PATH_MAX_KEPT     4096

enum kmb_status settings_init(struct settings *settings, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    *settings = (struct settings){0};
    arena_init(&settings->arena, 0);
    settings->places = arena_alloc_zero(&settings->arena, settings_rows(), sizeof(settings->places[0]));
    if (settings->places == NULL) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; status == KMB_OK && i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        status = settings_from_text(settings, setting, slice_text(setting->initial), NULL, error);
        ASSERT(status == KMB_OK || status == KMB_NO_MEMORY);
    }
    if (status != KMB_OK) {
        settings_free(settings);
    }
    return status;
}

void settings_free(struct settings *settings) {
    arena_free(&settings->arena);
    *settings = (struct settings){0};
}

static size_t index_of(const struct settings_row *setting) {
    return (size_t)(setting - settings_row_at(0));
}

const struct setting_place *settings_place_of(const struct settings *settings, const struct settings_row *setting) {
    return &settings->places[index_of(setting)];
}

static enum kmb_status note_place(struct settings *settings, const struct settings_row *setting,
                                  enum setting_source source, const char *name, uint32_t line,
                                  struct kmb_error *error) {
    const char *kept = arena_text(&settings->arena, slice_text(name));
    settings->places[index_of(setting)] = (struct setting_place){.source = source, .name = kept, .line = line};
    return kept == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : KMB_OK;
}

/* --- names that are none ------------------------------------------------------------------------------------------ */

size_t settings_distance(struct slice a, struct slice b) {
    size_t row[NAME_MAX_COMPARED + 1];
    if (a.length > NAME_MAX_COMPARED || b.length > NAME_MAX_COMPARED) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b.length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.length; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t above = row[j];
            size_t change = corner + (a.bytes[i - 1] == b.bytes[j - 1] ? 0 : 1);
            size_t shorter = above < row[j - 1] ? above + 1 : row[j - 1] + 1;
            row[j] = change < shorter ? change : shorter;
            corner = above;
        }
    }
    return row[b.length];
}

/* The key nearest to a name that is none: within a third of its length, or equal behind the section. NULL: none is
 * near. */
static const char *nearest_key(struct slice key) {
    size_t best = key.length / 3 + 1;
    const char *nearest = NULL;
    const uint8_t *dot = memchr(key.bytes, '.', key.length);
    struct slice last = dot == NULL ? key : slice_make(dot + 1, key.length - (size_t)(dot + 1 - key.bytes));
    for (size_t i = 0; i < settings_rows(); i++) {
        const char *candidate = settings_row_at(i)->key;
        size_t away = settings_distance(key, slice_text(candidate));
        if (away < best) {
            best = away;
            nearest = candidate;
        }
    }
    for (size_t i = 0; nearest == NULL && i < settings_rows(); i++) {
        const char *candidate = strchr(settings_row_at(i)->key, '.') + 1;
        nearest = settings_distance(last, slice_text(candidate)) <= 1 ? settings_row_at(i)->key : NULL;
    }
    return nearest;
}

enum kmb_status settings_unknown(struct slice key, struct kmb_error *error) {
    static const char *const later[] = {
        "cluster.",   "consensus.", "replication.", "studio.",     "development.studio",
        "standby.",   "retention.", "compliance.",  "encryption.", "tenants.definitions",
        "monitoring."};
    const char *nearest = nearest_key(key);
    error_set(error, KMB_CONFIG, "unknown setting %.*s", (int)(key.length > 80 ? 80 : key.length),
              (const char *)key.bytes);
    for (size_t i = 0; i < ARRAY_LENGTH(later); i++) {
        size_t length = strlen(later[i]);
        if (key.length >= length && memcmp(key.bytes, later[i], length) == 0) {
            error_hint(error, "It belongs to a part that this version does not have; take it out.");
            return KMB_CONFIG;
        }
    }
    if (nearest != NULL) {
        error_hint(error, "Did you mean %s?", nearest);
    } else {
        error_hint(error, "\"kimberlite config show\" lists them.");
    }
    return KMB_CONFIG;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

struct file_layer {
    struct settings *settings;
    const char *path;
    const char *directory;
    enum setting_source source;
    struct kmb_error *error;
};

static enum kmb_status walk(struct file_layer *layer, const struct toml_value *table, struct buffer *key);

static enum kmb_status take_member(struct file_layer *layer, const struct toml_value *member, struct buffer *key) {
    const struct settings_row *setting = settings_find(buffer_slice(key));
    enum kmb_status status = KMB_OK;
    if (!buffer_ok(key)) {
        return error_set(layer->error, KMB_NO_MEMORY, "out of memory");
    }
    if (setting == NULL && member->kind == TOML_TABLE && member->first != NULL) {
        return walk(layer, member, key);
    }
    if (setting == NULL && member->kind == TOML_TABLE) {
        return KMB_OK; /* a header with nothing below it says nothing */
    }
    if (setting == NULL) {
        status = settings_unknown(buffer_slice(key), layer->error);
    } else {
        status = settings_from_toml(layer->settings, setting, member, layer->directory, layer->error);
    }
    if (status == KMB_OK) {
        return note_place(layer->settings, setting, layer->source, layer->path, member->line, layer->error);
    }
    if (status == KMB_CONFIG) {
        error_prefix(layer->error, "%s: line %u", layer->path, member->line);
    }
    return status;
}

/* Keys nest as deep as tables do, TOML_DEPTH_MAX at most for inline ones; headers are bounded here. */
static enum kmb_status walk(struct file_layer *layer, const struct toml_value *table, struct buffer *key) {
    size_t length = key->length;
    enum kmb_status status = KMB_OK;
    if (length > NAME_MAX_COMPARED * 4) {
        error_set(layer->error, KMB_CONFIG, "%s: line %u: unknown setting %.80s...", layer->path, table->line,
                  buffer_text(key));
        return KMB_CONFIG;
    }
    for (const struct toml_value *member = table->first; status == KMB_OK && member != NULL; member = member->next) {
        buffer_append_text(key, length == 0 ? "" : ".");
        buffer_append_slice(key, member->key);
        status = take_member(layer, member, key);
        key->length = length;
    }
    return status;
}

enum kmb_status settings_read_file(struct settings *settings, const char *path, enum setting_source source,
                                   struct kmb_error *error) {
    struct io io = io_posix();
    struct buffer text = {0};
    struct buffer key = {0};
    struct arena arena;
    struct toml_value *root = NULL;
    const char *slash = strrchr(path, '/');
    struct file_layer layer = {
        .settings = settings,
        .path = path,
        .directory = slash == NULL ? NULL : arena_text(&settings->arena, slice_make(path, (size_t)(slash - path) + 1)),
        .source = source,
        .error = error,
    };
    arena_init(&arena, 0);
    enum kmb_status status = slash != NULL && layer.directory == NULL
                                 ? error_set(error, KMB_NO_MEMORY, "out of memory")
                                 : io_read_file(&io, path, TOML_BYTES_MAX + 1, &text, error);
    if (status == KMB_OK) {
        status = toml_parse(buffer_slice(&text), &arena, &root, error);
        if (status == KMB_CONFIG) {
            error_prefix(error, "%s", path);
        }
    }
    if (status == KMB_OK) {
        status = walk(&layer, root, &key);
    }
    arena_free(&arena);
    buffer_free(&key);
    buffer_free(&text);
    return status;
}

/* A file that may be absent. */
static enum kmb_status read_if_there(struct settings *settings, const char *path, enum setting_source source,
                                     struct kmb_error *error) {
    struct kmb_error unread = {0};
    enum kmb_status status = settings_read_file(settings, path, source, &unread);
    if (status == KMB_FILE_NOT_FOUND) {
        return KMB_OK;
    }
    if (status != KMB_OK && error != NULL) {
        *error = unread;
    }
    return status;
}

/* --- the environment ---------------------------------------------------------------------------------------------- */

static const char *variable_of(char *const *environment, const char *name) {
    size_t length = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') {
            return *environment + length + 1;
        }
    }
    return NULL;
}

static enum kmb_status check_variable(const char *entry, struct kmb_error *error) {
    char name[SETTING_VARIABLE_SIZE];
    char nearest[SETTING_VARIABLE_SIZE] = "";
    const char *equals = strchr(entry, '=');
    struct slice given = slice_make(entry, equals == NULL ? 0 : (size_t)(equals - entry));
    if (given.length < 4 || memcmp(given.bytes, "KMB_", 4) != 0) {
        return KMB_OK;
    }
    for (size_t i = 0; i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        settings_variable(setting, name);
        size_t away = settings_distance(given, slice_text(name));
        if (away == 0 || (setting->variable != NULL && slice_equal_text(given, setting->variable))) {
            return KMB_OK;
        }
        if (away <= 2) {
            memcpy(nearest, name, sizeof(nearest));
        }
    }
    if (nearest[0] == 0) {
        return KMB_OK;
    }
    error_set(error, KMB_CONFIG, "unknown setting %.*s in the environment", (int)given.length,
              (const char *)given.bytes);
    error_hint(error, "Did you mean %s?", nearest);
    return KMB_CONFIG;
}

enum kmb_status settings_read_environment(struct settings *settings, char *const *environment,
                                          struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (size_t i = 0; status == KMB_OK && i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        char name[SETTING_VARIABLE_SIZE];
        settings_variable(setting, name);
        const char *value = setting->variable == NULL ? NULL : variable_of(environment, setting->variable);
        if (value != NULL) {
            status = settings_set(settings, setting, value, SETTING_ENVIRONMENT, setting->variable, error);
        }
        value = variable_of(environment, name);
        if (status == KMB_OK && value != NULL) {
            status = settings_set(settings, setting, value, SETTING_ENVIRONMENT, name, error);
        }
    }
    for (; status == KMB_OK && environment != NULL && *environment != NULL; environment++) {
        status = check_variable(*environment, error);
    }
    return status;
}

enum kmb_status settings_set(struct settings *settings, const struct settings_row *setting, const char *text,
                             enum setting_source source, const char *name, struct kmb_error *error) {
    enum kmb_status status = settings_from_text(settings, setting, slice_text(text), NULL, error);
    if (status == KMB_OK) {
        return note_place(settings, setting, source, name, 0, error);
    }
    if (status == KMB_CONFIG) {
        error_prefix(error, "%s", name);
    }
    return status;
}

/* Paths that no file names are a project's too. */
static enum kmb_status place_defaults(struct settings *settings, const char *project, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (size_t i = 0; status == KMB_OK && i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        if (setting->type == SETTING_PATH && setting->initial[0] != 0 &&
            settings->places[i].source == SETTING_DEFAULT) {
            status = settings_from_text(settings, setting, slice_text(setting->initial), project, error);
        }
    }
    return status;
}

enum kmb_status settings_load(struct settings *settings, const char *project, char *const *environment,
                              struct kmb_error *error) {
    char path[PATH_MAX_KEPT];
    const char *base = variable_of(environment, "XDG_CONFIG_HOME");
    const char *home = variable_of(environment, "HOME");
    enum kmb_status status = KMB_OK;
    bool user = base != NULL && base[0] == '/';
    if (user || (home != NULL && home[0] == '/')) {
        int length =
            snprintf(path, sizeof(path), "%s%s/kimberlite/config.toml", user ? base : home, user ? "" : "/.config");
        status = length < PATH_MAX_KEPT ? read_if_there(settings, path, SETTING_USER_FILE, error) : KMB_OK;
    }
    if (status == KMB_OK && project != NULL) {
        if (snprintf(path, sizeof(path), "%s/kimberlite.toml", project) >= PATH_MAX_KEPT - 16) {
            return error_set(error, KMB_CONFIG, "path is longer than %d bytes: %.80s...", PATH_MAX_KEPT - 32, project);
        }
        status = settings_read_file(settings, path, SETTING_FILE, error);
        if (status == KMB_OK) {
            snprintf(path, sizeof(path), "%.*s/kimberlite.local.toml", PATH_MAX_KEPT - 32, project);
            status = read_if_there(settings, path, SETTING_LOCAL_FILE, error);
        }
    }
    if (status == KMB_OK && project != NULL) {
        status = place_defaults(settings, project, error);
    }
    return status == KMB_OK ? settings_read_environment(settings, environment, error) : status;
}

/* --- what no row can tell ----------------------------------------------------------------------------------------- */

bool settings_address_parse(const char *text, struct setting_address *address) {
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t length = colon == NULL ? 0 : (size_t)(colon - text);
    const char *digits = colon == NULL ? text : colon + 1;
    unsigned port = 0;
    *address = (struct setting_address){0};
    if (colon == NULL) {
        host = "127.0.0.1";
        length = strlen(host);
    } else if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        host = text + 1;
        length -= 2;
    } else if (memchr(text, ':', length) != NULL) {
        return false; /* IPv6 without brackets: where the port begins is a guess */
    } else if (length == 1 && text[0] == '*') {
        length = 0;
    }
    for (size_t i = 0; digits[i] != 0; i++) {
        if (digits[i] < '0' || digits[i] > '9' || i == 5) {
            return false;
        }
        port = port * 10 + (unsigned)(digits[i] - '0');
    }
    if (digits[0] == 0 || port > UINT16_MAX || length >= sizeof(address->host)) {
        return false;
    }
    memcpy(address->host, host, length);
    address->port = (uint16_t)port;
    return memchr(address->host, ' ', length) == NULL;
}

bool settings_address_local(const struct setting_address *address) {
    return strncmp(address->host, "127.", 4) == 0 || strcmp(address->host, "::1") == 0 ||
           strcmp(address->host, "localhost") == 0;
}

static enum kmb_status check_listen(const struct settings *settings, struct kmb_error *error) {
    struct setting_address address;
    for (size_t i = 0; i < settings->server.listen.count; i++) {
        const char *text = settings->server.listen.texts[i];
        if (!settings_address_parse(text, &address)) {
            return error_set(error, KMB_CONFIG,
                             "invalid address \"%.80s\" in server.listen: HOST:PORT, [IPV6]:PORT, *:PORT or PORT",
                             text);
        }
        if (!settings_address_local(&address) && settings->auth.mode == SETTINGS_AUTH_NONE &&
            !settings->auth.allow_unauthenticated) {
            error_set(error, KMB_CONFIG, "server.listen has \"%.80s\", which others reach, and auth.mode is none",
                      text);
            error_hint(error, "Set auth.mode (any), or say --allow-unauthenticated.");
            return KMB_CONFIG;
        }
    }
    if (settings->http.listen[0] != 0 && !settings_address_parse(settings->http.listen, &address)) {
        return error_set(error, KMB_CONFIG,
                         "invalid address \"%.80s\" in http.listen: HOST:PORT, [IPV6]:PORT, *:PORT or PORT",
                         settings->http.listen);
    }
    return KMB_OK;
}

/* By their names: links are not followed. */
static bool is_within(const char *path, const char *directory) {
    size_t length = strlen(directory);
    return length > 0 && strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == 0);
}

enum kmb_status settings_check(const struct settings *settings, struct kmb_error *error) {
    bool certificate = settings->tls.cert[0] != 0;
    bool token = settings->jwt.secret[0] != 0 || settings->jwt.keys[0] != 0;
    unsigned mode = settings->auth.mode;
    if (certificate != (settings->tls.key[0] != 0)) {
        return error_set(error, KMB_CONFIG, "tls.cert and tls.key go together: %s is not set",
                         certificate ? "tls.key" : "tls.cert");
    }
    if (!certificate && (settings->tls.required || settings->tls.client != SETTINGS_TLS_CLIENT_NONE)) {
        return error_set(error, KMB_CONFIG, "%s is set without a certificate: tls.cert and tls.key are wanted",
                         settings->tls.required ? "tls.required" : "tls.client");
    }
    if (settings->tls.client != SETTINGS_TLS_CLIENT_NONE && settings->tls.ca[0] == 0) {
        return error_set(error, KMB_CONFIG, "tls.client is set without tls.ca to verify certificates against");
    }
    if (mode == SETTINGS_AUTH_CERTIFICATE && settings->tls.client == SETTINGS_TLS_CLIENT_NONE) {
        return error_set(error, KMB_CONFIG, "auth.mode certificate needs tls.client: required or optional");
    }
    if ((mode == SETTINGS_AUTH_JWT || mode == SETTINGS_AUTH_BOTH) && !token) {
        return error_set(error, KMB_CONFIG, "auth.mode takes tokens, but neither jwt.secret nor jwt.keys is set");
    }
    if (settings->jwt.secret[0] != 0 && strlen(settings->jwt.secret) < 32) {
        return error_set(error, KMB_CONFIG, "jwt.secret is shorter than 32 bytes");
    }
    if (is_within(settings->storage.keys, settings->storage.data)) {
        return error_set(error, KMB_CONFIG,
                         "storage.keys is within storage.data: whoever copies the data would have its keys");
    }
    return check_listen(settings, error);
}

size_t settings_reload_faults(const struct settings *running, const struct settings *fresh, struct buffer *keys) {
    size_t count = 0;
    for (size_t i = 0; i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        if ((setting->flags & SETTING_RELOADS) == 0 && !settings_equal(running, fresh, setting)) {
            buffer_printf(keys, "%s%s", count == 0 ? "" : ", ", setting->key);
            count++;
        }
    }
    return count;
}
