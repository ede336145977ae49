/*
 * SIGHUP: settings and files are read again.
 *
 * All that can fail is done first: the settings, the log's file, certificates, keys of tokens, the HTTP port's daemon
 * with new certificates. If any of it does, nothing has changed, and the log says why. Then everything changes at once,
 * by what can not fail.
 *
 * Settings are read by any thread, which holds them for a moment; so those that were replaced are given back some
 * reloads and minutes later.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/memory.h"
#include "server/internal.h"
#include "server/limits.h"
#include "server/native.h"

#define RETIRED_NS (INT64_C(600) * 1000000000)

/* Settings that a reload has read. */
struct reload_settings {
    struct reload_settings *older;
    int64_t since_ns;
    struct settings settings;
};

static void settings_drop(struct reload_settings *settings) {
    if (settings != NULL) {
        settings_free(&settings->settings);
        mem_free(settings);
    }
}

void reload_free(struct server *server) {
    while (server->reloaded != NULL) {
        struct reload_settings *older = server->reloaded->older;
        settings_drop(server->reloaded);
        server->reloaded = older;
    }
}

/* --- the log ------------------------------------------------------------------------------------------------------ */

/* *fd 0: standard error. */
static enum kmb_status open_log_file(const struct settings *settings, int *fd, struct kmb_error *error) {
    *fd = 0;
    if (settings->log.file[0] == 0) {
        return KMB_OK;
    }
    *fd = open(settings->log.file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (*fd >= 0) {
        return KMB_OK;
    }
    *fd = 0;
    return error_set(error, KMB_IO, "cannot open the log \"%s\": %s", settings->log.file, strerror(errno));
}

enum kmb_status reload_open_log(struct server *server, struct kmb_error *error) {
    const struct settings *settings = server->settings;
    int fd = 0;
    enum kmb_status status = open_log_file(settings, &fd, error);
    server->logger.json = settings->log.format == SETTINGS_LOG_JSON;
    server->logger.fd = fd;
    return status;
}

/* Lines go on in the new file. Whoever writes at this moment has the old descriptor, which so goes on to be one. */
static void change_log(struct server *server, const struct settings *settings, int fd) {
    int old = server->logger.fd;
    server->logger.level = (enum log_level)settings->log.level;
    server->logger.json = settings->log.format == SETTINGS_LOG_JSON;
    if (old == 0) {
        server->logger.fd = fd;
        return;
    }
    (void)dup3(fd == 0 ? STDERR_FILENO : fd, old, O_CLOEXEC);
    if (fd != 0) {
        close(fd);
    }
}

/* --- what is made before anything changes ------------------------------------------------------------------------- */

struct tls_settings reload_tls_settings(const struct settings *settings) {
    static const enum tls_client_certificate clients[] = {
        [SETTINGS_TLS_CLIENT_NONE] = TLS_CLIENT_NONE,
        [SETTINGS_TLS_CLIENT_OPTIONAL] = TLS_CLIENT_OPTIONAL,
        [SETTINGS_TLS_CLIENT_REQUIRED] = TLS_CLIENT_REQUIRED,
    };
    return (struct tls_settings){
        .certificate_file = settings->tls.cert,
        .key_file = settings->tls.key,
        .authority_file = settings->tls.ca[0] == 0 ? NULL : settings->tls.ca,
        .client = clients[settings->tls.client],
        .allow_1_2 = settings->tls.min_version == SETTINGS_TLS_1_2,
    };
}

static enum kmb_status check_log(const struct settings *settings, struct kmb_error *error) {
    const char *file = settings->log.file;
    char directory[PATH_MAX];
    if (file[0] == 0 || access(file, W_OK) == 0) {
        return KMB_OK;
    }
    int reason = errno;
    snprintf(directory, sizeof(directory), "%s", file);
    if (reason == ENOENT && access(dirname(directory), W_OK | X_OK) == 0) {
        return KMB_OK; /* it is made */
    }
    return error_set(error, KMB_IO, "log.file: cannot write \"%s\": %s", file, strerror(reason));
}

static enum kmb_status check_socket(const struct settings *settings, struct kmb_error *error) {
    const char *directory = settings->server.unix_socket;
    if (directory[0] == 0 || access(directory, W_OK | X_OK) == 0) {
        return KMB_OK;
    }
    return error_set(error, KMB_IO, "server.unix_socket: cannot make a socket in \"%s\": %s", directory,
                     strerror(errno));
}

static enum kmb_status check_certificates(const struct settings *settings, struct kmb_error *error) {
    const struct tls_settings files = reload_tls_settings(settings);
    struct tls_generation *tls = NULL;
    if (settings->tls.cert[0] == 0) {
        return KMB_OK;
    }
    enum kmb_status status = tls_generation_new(&files, &tls, error);
    tls_generation_drop(tls);
    return status;
}

static enum kmb_status check_tokens(const struct settings *settings, struct kmb_error *error) {
    struct token_verifier *verifier = NULL;
    enum kmb_status status = authenticator_read_tokens(settings, &verifier, error);
    token_verifier_free(verifier);
    return status;
}

static enum kmb_status check_tracer(const struct settings *settings, struct kmb_error *error) {
    const struct tracer_options options = {.endpoint = settings->telemetry.otlp,
                                           .headers = settings->telemetry.headers};
    return settings->telemetry.otlp[0] == 0 ? KMB_OK : tracer_check(&options, error);
}

enum kmb_status server_check(const struct settings *settings, struct kmb_error *error) {
    static enum kmb_status (*const checks[])(const struct settings *, struct kmb_error *) = {
        settings_check, check_certificates, check_tokens, check_tracer, check_log, check_socket};
    enum kmb_status status = KMB_OK;
    for (size_t i = 0; status == KMB_OK && i < ARRAY_LENGTH(checks); i++) {
        status = checks[i](settings, error);
    }
    return status;
}

struct reload {
    struct reload_settings *fresh; /* NULL: nobody reads settings, and those there are stay */
    const struct settings *settings;
    int log_fd;
    struct tls_generation *tls;
    struct token_verifier *tokens;
    struct http_daemon *http;
    struct buffer changed; /* keys */
};

/* Whether the settings may take the place of those that count. Notes what is other about them. */
static enum kmb_status compare(const struct server *server, const struct settings *fresh, struct buffer *changed,
                               struct kmb_error *error) {
    const struct settings *running = server->settings;
    struct buffer faults = {0};
    size_t count = settings_reload_faults(running, fresh, &faults);
    if ((running->tls.cert[0] == 0) != (fresh->tls.cert[0] == 0)) {
        buffer_printf(&faults, "%stls.cert", count++ == 0 ? "" : ", ");
    }
    const char *keys = buffer_text(&faults);
    if (count > 0) {
        error_set(error, KMB_CONFIG, "a restart is needed for %s", keys == NULL ? "some settings" : keys);
    }
    buffer_free(&faults);
    for (size_t i = 0; i < settings_rows(); i++) {
        const struct settings_row *row = settings_row_at(i);
        if (!settings_equal(running, fresh, row)) {
            buffer_printf(changed, "%s%s", changed->length == 0 ? "" : ", ", row->key);
        }
    }
    return count == 0 ? KMB_OK : KMB_CONFIG;
}

static enum kmb_status read_settings(const struct server *server, struct reload *reload, struct kmb_error *error) {
    reload->settings = server->settings;
    if (server->options.reload == NULL) {
        return KMB_OK;
    }
    struct reload_settings *fresh = mem_alloc_zero(1, sizeof(*fresh));
    if (fresh == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    enum kmb_status status = server->options.reload(server->options.reload_context, &fresh->settings, error);
    if (status != KMB_OK) {
        mem_free(fresh);
        return status;
    }
    reload->fresh = fresh;
    reload->settings = &fresh->settings;
    status = settings_check(&fresh->settings, error);
    return status == KMB_OK ? compare(server, &fresh->settings, &reload->changed, error) : status;
}

static enum kmb_status prepare(const struct server *server, struct reload *reload, struct kmb_error *error) {
    enum kmb_status status = read_settings(server, reload, error);
    if (status == KMB_OK && server->tls != NULL) {
        const struct tls_settings files = reload_tls_settings(reload->settings);
        status = tls_generation_new(&files, &reload->tls, error);
    }
    if (status == KMB_OK) {
        status = authenticator_read_tokens(reload->settings, &reload->tokens, error);
    }
    if (status == KMB_OK && server->http != NULL) {
        status = http_daemon_new(server->http, reload->settings, &reload->http, error);
    }
    return status == KMB_OK ? open_log_file(reload->settings, &reload->log_fd, error) : status;
}

static void drop(struct reload *reload) {
    settings_drop(reload->fresh);
    tls_generation_drop(reload->tls);
    token_verifier_free(reload->tokens);
    http_daemon_drop(reload->http);
}

/* --- the change --------------------------------------------------------------------------------------------------- */

static void change_settings(struct server *server, struct reload_settings *fresh) {
    int64_t now = server_now_ns(server);
    if (fresh == NULL) {
        return;
    }
    fresh->since_ns = now;
    fresh->older = server->reloaded;
    server->reloaded = fresh;
    server->settings = &fresh->settings;
    limits_change(server->limits, &fresh->settings);
    if (server->tracer != NULL) {
        tracer_sample(server->tracer, fresh->settings.telemetry.sample_percent);
    }
    native_service_change(server->native, &fresh->settings);
    /* Those that were replaced long ago. */
    struct reload_settings *kept = fresh;
    while (kept->older != NULL && now - kept->since_ns < RETIRED_NS) {
        kept = kept->older;
    }
    struct reload_settings *old = kept->older;
    kept->older = NULL;
    while (old != NULL) {
        struct reload_settings *older = old->older;
        settings_drop(old);
        old = older;
    }
}

void server_reload(struct server *server) {
    struct kmb_error error = {0};
    struct reload reload = {.log_fd = 0};
    if (prepare(server, &reload, &error) != KMB_OK) {
        logger_write(&server->logger, LOG_ERROR, "server.reload.failed", "why", error.message, NULL);
        drop(&reload);
        buffer_free(&reload.changed);
        return;
    }
    change_log(server, reload.settings, reload.log_fd);
    server->loaded_us = shard_now_us(server->shard);
    change_settings(server, reload.fresh);
    authenticator_change(server->authenticator, reload.settings, reload.tokens);
    if (reload.tls != NULL) {
        tls_context_change(server->tls, reload.tls);
    }
    http_daemon_change(server->http, reload.http);
    const char *changed = buffer_text(&reload.changed);
    logger_write(&server->logger, LOG_INFO, "server.reloaded", "changed", changed == NULL ? "" : changed, NULL);
    buffer_free(&reload.changed);
}
