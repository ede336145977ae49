/*
 * apikey: keys of programs, made, listed, changed for others and taken away, by whoever may open the database, or by an
 * admin of a running server. A key is printed once, when it is made; "-" reads one from standard input, so that it
 * stands in no list of processes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/output.h"

#define US_PER_S INT64_C(1000000)

static void expiry_text(int64_t expires_us, char room[40]) {
    time_t seconds = (time_t)(expires_us / US_PER_S);
    struct tm moment;
    if (expires_us == 0) {
        snprintf(room, 40, "never");
    } else if (gmtime_r(&seconds, &moment) != NULL) {
        strftime(room, 40, "%Y-%m-%dT%H:%M:%SZ", &moment);
    }
}

static enum kmb_status show_key(void *context, const struct kmb_api_key *key) {
    static const char *const names[] = {"key", "id", "tenant", "subject", "roles", "expires"};
    const struct cli_options *options = context;
    char tenant[24];
    char expires[40] = "";
    expiry_text(key->expires_us, expires);
    snprintf(tenant, sizeof tenant, "%u", key->tenant);
    const char *facts[] = {key->text, key->id, tenant, key->subject, key->roles, expires};
    struct output output;
    output_init(&output, options, CLI_TABLE);
    output_facts(&output, names, facts, "ttnttt");
    cli_note(options, "The key is shown this once; the database keeps its hash alone.");
    return KMB_OK;
}

static int create(const struct cli_options *options, kmb_db *db, const char *subject) {
    struct kmb_error error = {0};
    struct kmb_api_key key = {.tenant = options->tenant_given || options->server == NULL ? options->tenant : 0,
                              .subject = subject,
                              .roles = options->roles};
    if (options->days > 0) {
        key.expires_us = (int64_t)time(NULL) * US_PER_S + (int64_t)options->days * 86400 * US_PER_S;
    }
    if (kmb_api_key_create(db, &key, show_key, (void *)(uintptr_t)options, &error) == KMB_OK) {
        return 0;
    }
    return error.status == KMB_USAGE ? cli_error(2, "%s", error.message) : cli_fail(&error, NULL, 0, "apikey create");
}

/* The cells of the rows, each from malloc(). */
struct key_list {
    char **cells;
    size_t count;
};

#define LIST_COLUMNS 5

static enum kmb_status add_key(void *context, const struct kmb_api_key *key) {
    struct key_list *list = context;
    char tenant[24];
    char expires[40] = "";
    const char *const row[LIST_COLUMNS] = {key->id, tenant, key->subject, key->roles, expires};
    char **cells = realloc(list->cells, (list->count + 1) * LIST_COLUMNS * sizeof *cells);
    if (cells == NULL) {
        return KMB_NO_MEMORY;
    }
    list->cells = cells;
    snprintf(tenant, sizeof tenant, "%u", key->tenant);
    expiry_text(key->expires_us, expires);
    bool made = true;
    for (size_t i = 0; i < LIST_COLUMNS; i++) {
        cells[list->count * LIST_COLUMNS + i] = strdup(row[i]);
        made = made && cells[list->count * LIST_COLUMNS + i] != NULL;
    }
    list->count++;
    return made ? KMB_OK : KMB_NO_MEMORY;
}

static int list_keys(const struct cli_options *options, kmb_db *db) {
    static const char *const names[LIST_COLUMNS] = {"id", "tenant", "subject", "roles", "expires"};
    struct kmb_error error = {0};
    struct key_list list = {0};
    int code = 0;
    enum kmb_status status = kmb_api_key_list(db, options->tenant_given ? options->tenant : 0, add_key, &list, &error);
    if (status == KMB_OK) {
        struct output output;
        output_init(&output, options, CLI_TABLE);
        output_table(&output, names, (const char *const *)list.cells, "tnttt", list.count);
    } else {
        if (error.status == KMB_OK) { /* add_key()'s */
            error.status = status;
            snprintf(error.message, sizeof error.message, "out of memory");
        }
        code = cli_fail(&error, NULL, 0, "apikey list");
    }
    for (size_t i = 0; i < list.count * LIST_COLUMNS; i++) {
        free(list.cells[i]);
    }
    free(list.cells);
    return code;
}

/* The key of an argument, or the first line of standard input. */
static const char *key_text(const char *argument, char *room, int size) {
    if (strcmp(argument, "-") != 0) {
        return argument;
    }
    room[0] = '\0';
    if (fgets(room, size, stdin) != NULL) {
        room[strcspn(room, "\r\n")] = '\0';
    }
    return room;
}

int cli_apikey(const struct cli_options *options) {
    const char *action = options->arguments[0];
    bool lists = strcmp(action, "list") == 0;
    if (!lists && strcmp(action, "create") != 0 && strcmp(action, "revoke") != 0 && strcmp(action, "rotate") != 0) {
        return cli_error(2, "invalid action '%s': create, list, revoke or rotate", action);
    }
    if (options->argument_count != (lists ? 1 : 2)) {
        return cli_error(2, lists ? "apikey list takes no name" : "apikey %s takes one name", action);
    }
    struct cli_place place = {0};
    struct kmb_error error = {0};
    kmb_db *db = NULL;
    int code = cli_open(options, 0, &place, &db, NULL);
    if (code != 0) {
        return code;
    }
    char room[128];
    if (lists) {
        code = list_keys(options, db);
    } else if (strcmp(action, "create") == 0) {
        code = create(options, db, options->arguments[1]);
    } else if (strcmp(action, "revoke") == 0) {
        if (kmb_api_key_revoke(db, key_text(options->arguments[1], room, sizeof room), &error) != KMB_OK) {
            code = cli_fail(&error, NULL, 0, "apikey revoke");
        }
    } else if (kmb_api_key_rotate(db, key_text(options->arguments[1], room, sizeof room), show_key,
                                  (void *)(uintptr_t)options, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "apikey rotate");
    }
    return cli_close(db, NULL, code);
}
