/*
 * start: serves the database until it is told to stop. What it says on standard output is one line, when clients may
 * come; everything else is its log, on standard error. dev: the same for a project at work on: pending migrations are
 * applied, a port that is taken gives way to the next, and each client is told how to connect.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/project.h"
#include "cli/watch.h"
#include "server/server.h"

/* Tells systemd, where it is the one that started us (sd_notify(3)): one datagram. */
static void notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path)) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = 0;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, length);
        close(fd);
    }
}

/* The port that an address ends in; 0: none. */
static unsigned port_of(const char *address) {
    struct setting_address parsed;
    return settings_address_parse(address, &parsed) ? parsed.port : 0;
}

static enum kmb_status use_port(struct settings *settings, unsigned port, const char *option, struct kmb_error *error) {
    char address[32];
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    return settings_set(settings, settings_of_option(slice_text("--address")), address, SETTING_OPTION, option, error);
}

/* What a reload reads: the same layers as at the start. */
struct rereading {
    const struct cli_options *options;
    const char *project;
    const struct settings *first;
};

static void hush(const struct cli_options *options, struct settings *settings) {
    settings->log.level = options->quiet ? LOG_WARNING : settings->log.level;
}

static enum kmb_status reread(void *context, struct settings *fresh, struct kmb_error *error) {
    const struct rereading *rereading = context;
    const struct settings_row *listen = settings_of_option(slice_text("--address"));
    const char *option = settings_place_of(rereading->first, listen)->name;
    enum kmb_status status = cli_read_settings(rereading->options, rereading->project, fresh, error);
    if (status == KMB_OK && option != NULL && strcmp(option, "--port") == 0) { /* it was chosen when we started */
        status = settings_set(fresh, listen, rereading->first->server.listen.texts[0], SETTING_OPTION, option, error);
        if (status != KMB_OK) {
            settings_free(fresh);
        }
    }
    if (status == KMB_OK) {
        hush(rereading->options, fresh);
    }
    return status;
}

/* Opens a server for a database; `more` ports behind the default one are tried where others have it. */
static enum kmb_status open_server(const struct cli_options *options, kmb_db *db, struct settings *settings,
                                   struct rereading *rereading, unsigned more, struct server **server,
                                   struct kmb_error *error) {
    const struct server_options server_options = {
        .db = db,
        .logger = {.level = (enum log_level)settings->log.level},
        .settings = settings,
        .handle_signals = true,
        .reload = reread,
        .reload_context = rereading,
    };
    enum kmb_status status = server_open(&server_options, server, error);
    unsigned port = settings->server.listen.count == 1 ? port_of(settings->server.listen.texts[0]) : 0;
    for (unsigned i = 1; status == KMB_CONNECTION && port != 0 && i <= more; i++) {
        cli_note(options, "port %u is taken, trying %u", port + i - 1, port + i);
        error_clear(error);
        status = use_port(settings, port + i, "--port", error);
        status = status == KMB_OK ? server_open(&server_options, server, error) : status;
    }
    return status;
}

/* Serves until told to stop; says what is to be said when clients may come. */
static int serve(const struct cli_options *options, kmb_db *db, struct settings *settings, unsigned more,
                 void (*ready)(const struct server *server, const char *data), const struct cli_place *place) {
    struct rereading rereading = {
        .options = options, .project = place->project[0] == 0 ? NULL : place->project, .first = settings};
    struct kmb_error error = {0};
    struct server *server = NULL;
    hush(options, settings);
    if (open_server(options, db, settings, &rereading, more, &server, &error) != KMB_OK) {
        return cli_fail(&error, NULL, 0, NULL);
    }
    ready(server, place->data);
    fflush(stdout);
    notify("READY=1");
    enum kmb_status status = server_run(server, &error);
    notify("STOPPING=1");
    server_close(server);
    return status == KMB_OK ? 0 : cli_fail(&error, NULL, 0, NULL);
}

static void say_start(const struct server *server, const char *data) {
    if (server_port(server) == 0) {
        printf("kimberlite %s serves \"%s\" on a Unix socket\n", kmb_version(), data);
    } else {
        printf("kimberlite %s serves \"%s\" on port %u\n", kmb_version(), data, server_port(server));
    }
}

int cli_start(const struct cli_options *options) {
    struct cli_options opened = *options;
    struct cli_place place = {0};
    struct settings settings;
    kmb_db *db = NULL;
    if (options->argument_count > 0) {
        if (options->data != NULL) {
            return cli_error(2, "the database directory is given twice: \"%s\" and --data", options->arguments[0]);
        }
        opened.data = options->arguments[0];
    }
    if (options->validates || options->shows_config) {
        return cli_check_settings(&opened, options->shows_config);
    }
    int code = cli_open(&opened, opened.create ? KMB_OPEN_CREATE : 0, &place, &db, NULL);
    if (code != 0) {
        return code;
    }
    code = cli_settings(options, place.project[0] == 0 ? NULL : place.project, &settings);
    if (code != 0) {
        return cli_close(db, NULL, code);
    }
    code = serve(options, db, &settings, 0, say_start, &place);
    settings_free(&settings);
    return cli_close(db, NULL, code);
}

/* --- dev ---------------------------------------------------------------------------------------------------------- */

#define DEV_PORTS_MORE 16

static void say_dev(const struct server *server, const char *data) {
    unsigned port = server_port(server);
    printf("kimberlite %s serves \"%s\"; Ctrl-C stops it\n\n", kmb_version(), data);
    printf("  shell    kimberlite shell --server kimberlite://127.0.0.1:%u\n", port);
    printf("  psql     psql -h 127.0.0.1 -p %u -d kimberlite\n", port);
    printf("  URL      postgresql://127.0.0.1:%u/kimberlite\n", port);
    printf("  JDBC     jdbc:postgresql://127.0.0.1:%u/kimberlite\n", port);
    printf("  Python   psycopg.connect(\"host=127.0.0.1 port=%u dbname=kimberlite\")\n", port);
    printf("  Node     new Client(\"postgresql://127.0.0.1:%u/kimberlite\")\n", port);
    printf("  Go       pgx.Connect(ctx, \"postgresql://127.0.0.1:%u/kimberlite\")\n", port);
    printf("  Rust     tokio_postgres::connect(\"host=127.0.0.1 port=%u dbname=kimberlite\", NoTls)\n\n", port);
}

/* The options of `migration up`, as dev runs it. */
static struct cli_options options_of_up(const struct cli_options *options) {
    return (struct cli_options){.verb = "migration",
                                .data = options->data,
                                .key = options->key,
                                .passphrase_file = options->passphrase_file,
                                .tenant = options->tenant == 0 ? 1 : options->tenant,
                                .quiet = options->quiet,
                                .no_color = options->no_color,
                                .arguments = {"up"},
                                .argument_count = 1};
}

static int serve_project(const struct cli_options *options, const struct cli_options *up, struct settings *settings,
                         struct cli_place *place) {
    const struct setting_place *listen = settings_place_of(settings, settings_of_option(slice_text("--address")));
    struct watch *watch = NULL;
    kmb_db *db = NULL;
    int code = cli_open(options, 0, place, &db, NULL);
    if (code != 0) {
        return code;
    }
    if (settings->development.watch && !options->no_migrate) {
        code = watch_start(up, place->migrations, db, &watch);
    }
    if (code == 0) {
        code = serve(options, db, settings, listen->source == SETTING_DEFAULT ? DEV_PORTS_MORE : 0, say_dev, place);
    }
    watch_stop(watch);
    return cli_close(db, NULL, code);
}

int cli_dev(const struct cli_options *options) {
    struct cli_options up = options_of_up(options);
    struct cli_place place = {0};
    struct settings settings;
    struct kmb_error error = {0};
    int code = cli_find(options, &place);
    if (code == 0 && place.project[0] == 0) {
        code = cli_error(6, "no project: there is no " PROJECT_FILE " here or above; kimberlite init makes one");
    }
    code = code == 0 ? cli_settings(options, place.project, &settings) : code;
    if (code != 0) {
        return code;
    }
    if (options->port_given && use_port(&settings, (unsigned)options->port, "--port", &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, NULL);
    }
    if (code == 0 && settings.development.auto_migrate && !options->no_migrate) {
        code = cli_migration(&up);
    }
    code = code == 0 ? serve_project(options, &up, &settings, &place) : code;
    settings_free(&settings);
    return code;
}
