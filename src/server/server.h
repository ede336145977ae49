/*
 * The server: one process, one database, many clients. It listens, tells protocols apart by their first bytes, and
 * steps each connection's machine (server/protocol.h) on a crew of threads.
 *
 *     server_open()   binds and listens; refuses what is not safe
 *     server_run()    serves until server_stop(), a signal, or a fatal error of the log; then drains
 *     server_close()  gives everything back; the database is the caller's
 */
#ifndef KMB_SERVER_SERVER_H
#define KMB_SERVER_SERVER_H

#include "base/error.h"
#include "base/logging.h"
#include "kimberlite.h"
#include "server/settings.h"

struct server;

struct server_options {
    kmb_db *db;
    struct logger logger;
    const struct settings *settings; /* outlives the server */
    bool handle_signals;             /* SIGTERM and SIGINT stop it, SIGHUP reloads */
    /* What a reload reads, settings_init() included; NULL: files are read again alone. With an error, nothing is to be
     * freed. */
    enum kmb_status (*reload)(void *context, struct settings *fresh, struct kmb_error *error);
    void *reload_context;
};

/* What a start would find wrong with settings, and with the files and directories that they name: KMB_CONFIG, KMB_IO...
 * Nothing is made and nothing is listened at. */
enum kmb_status server_check(const struct settings *settings, struct kmb_error *error);
enum kmb_status server_open(const struct server_options *options, struct server **server, struct kmb_error *error);
/* The port of the first TCP address that is listened at. */
unsigned server_port(const struct server *server);
/* KMB_OK after a stop that was asked for. KMB_FATAL: the log failed, what was in flight is unknown. */
enum kmb_status server_run(struct server *server, struct kmb_error *error);
/* Any thread, and signal handlers: begins the drain. */
void server_stop(struct server *server);
void server_close(struct server *server);

#endif
