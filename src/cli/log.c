/*
 * kimberlite log show: the log's entries. Of a directory they are read beside its owner, all tenants' where none is
 * named; over a connection they are those of one tenant, as kimberlite_log() gives them.
 */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "cli/output.h"
#include "types/datetime.h"

struct show {
    const struct cli_options *options;
    enum cli_format format;
    uint64_t shown;
};

static enum kmb_status show_entry(void *context, const struct kmb_log_entry *entry) {
    struct show *show = context;
    char time_text[DATETIME_TEXT_SIZE];
    timestamptz_format(timestamp_of_us(entry->time_us), time_zone_fixed(0), time_text);
    if (show->format == CLI_TABLE) {
        printf("op %" PRIu64 "  tenant %u  entry %" PRIu64 "  positions %" PRIu64 "..%" PRIu64 "  %s\n", entry->op,
               entry->tenant, entry->sequence, entry->position_before, entry->position_after, time_text);
        printf("  hash %s\n  prev %s\n  %s, %u bytes%s%s%s\n", entry->hash, entry->previous_hash, entry->segment,
               entry->stored_bytes, entry->encrypted ? ", sealed" : "", entry->events[0] == 0 ? "" : "\n  ",
               entry->events);
    } else {
        bool array = show->format == CLI_JSON;
        printf("%s{\"op\":%" PRIu64 ",\"tenant\":%u,\"entry\":%" PRIu64 ",\"position_before\":%" PRIu64
               ",\"position_after\":%" PRIu64 ",\"time\":\"%s\",\"hash\":\"%s\",\"previous_hash\":\"%s\",\"segment\":"
               "\"%s\",\"stored_bytes\":%u,\"encrypted\":%s,\"events\":",
               array ? show->shown == 0 ? "[" : ",\n" : "", entry->op, entry->tenant, entry->sequence,
               entry->position_before, entry->position_after, time_text, entry->hash, entry->previous_hash,
               entry->segment, entry->stored_bytes, entry->encrypted ? "true" : "false");
        output_json_string(stdout, entry->events, strlen(entry->events));
        fputs(array ? "}" : "}\n", stdout);
    }
    show->shown++;
    return KMB_OK;
}

static enum kmb_status first_entry(void *context, const struct kmb_log_entry *entry) {
    (void)context;
    (void)entry;
    return KMB_CANCELLED; /* one is enough */
}

/* A tenant's log has entries from its creation on: none at all is no tenant. */
static bool tenant_in_log(const struct cli_place *place, const char *key, uint32_t tenant) {
    return kmb_log_show(place->data, key, tenant, 0, first_entry, NULL, NULL) != KMB_OK;
}

static int show_directory(const struct cli_options *options, struct show *show) {
    struct cli_place place = {0};
    struct kmb_error error = {0};
    char key[CLI_PATH_MAX];
    int code = cli_find(options, &place);
    if (code != 0) {
        return code;
    }
    cli_key_path(&place, key);
    const char *key_file = key[0] == 0 ? NULL : key;
    enum kmb_status status = kmb_log_show(place.data, key_file, options->tenant_given ? options->tenant : 0,
                                          options->from, show_entry, show, &error);
    if (status == KMB_OK && show->shown == 0 && options->tenant_given &&
        !tenant_in_log(&place, key_file, options->tenant)) {
        status = error_set(&error, KMB_TENANT_NOT_FOUND, "tenant not found: %u", options->tenant);
    }
    return status == KMB_OK ? 0 : cli_fail(&error, NULL, 0, "log show");
}

/* --- over a connection -------------------------------------------------------------------------------------------- */

/* One number that a query answers with one parameter; 0: no row. */
static enum kmb_status ask_number(kmb_session *session, const char *sql, int64_t parameter, int64_t *number,
                                  struct kmb_error *error) {
    kmb_statement *statement = NULL;
    *number = 0;
    enum kmb_status status = kmb_prepare(session, sql, strlen(sql), &statement, NULL, error);
    if (status == KMB_OK) {
        status = kmb_bind_int64(statement, 1, parameter, error);
    }
    if (status == KMB_OK) {
        status = kmb_step(statement, error);
    }
    if (status == KMB_ROW) {
        *number = kmb_column_int64(statement, 0);
    }
    kmb_finalize(statement);
    return status == KMB_ROW || status == KMB_DONE ? KMB_OK : status;
}

/* The first entry of an op or one behind it: ops rise with their entries. */
static enum kmb_status find_first(kmb_session *session, int64_t op, int64_t *first, struct kmb_error *error) {
    int64_t behind = 0;
    *first = 1;
    enum kmb_status status =
        op <= 1 ? KMB_OK : ask_number(session, "SELECT entries + $1 FROM kimberlite_stat_log", 1, &behind, error);
    while (status == KMB_OK && *first < behind) {
        int64_t middle = *first + (behind - *first) / 2;
        int64_t there = 0;
        status = ask_number(session, "SELECT op FROM kimberlite_log($1, $1)", middle, &there, error);
        if (there >= op) {
            behind = middle;
        } else {
            *first = middle + 1;
        }
    }
    return status;
}

static enum kmb_status show_rows(kmb_statement *statement, struct show *show, struct kmb_error *error) {
    enum kmb_status status;
    while ((status = kmb_step(statement, error)) == KMB_ROW) {
        struct kmb_log_entry entry = {
            .size = sizeof(entry),
            .op = (uint64_t)kmb_column_int64(statement, 0),
            .tenant = (uint32_t)kmb_column_int64(statement, 1),
            .sequence = (uint64_t)kmb_column_int64(statement, 2),
            .position_before = (uint64_t)kmb_column_int64(statement, 3),
            .position_after = (uint64_t)kmb_column_int64(statement, 4),
            .time_us = kmb_column_int64(statement, 5),
            .stored_bytes = (uint32_t)kmb_column_int64(statement, 6),
            .encrypted = kmb_column_bool(statement, 7),
            .hash = kmb_column_text(statement, 8, NULL),
            .previous_hash = kmb_column_text(statement, 9, NULL),
            .segment = kmb_column_text(statement, 10, NULL),
            .events = kmb_column_text(statement, 11, NULL),
        };
        if (entry.hash == NULL || entry.previous_hash == NULL || entry.segment == NULL || entry.events == NULL) {
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        (void)show_entry(show, &entry);
    }
    return status == KMB_DONE ? KMB_OK : status;
}

static int show_server(const struct cli_options *options, struct show *show) {
    static const char sql[] =
        "SELECT op, tenant, entry, position_before, position_after, time, bytes, encrypted, hash, "
        "previous_hash, segment, events FROM kimberlite_log($1)";
    struct cli_place place = {0};
    struct kmb_error error = {0};
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    kmb_statement *statement = NULL;
    int64_t first = 1;
    int code = cli_open(options, KMB_OPEN_READ_ONLY, &place, &db, &session);
    if (code != 0) {
        return code;
    }
    uint64_t from = options->from < INT64_MAX ? options->from : INT64_MAX;
    enum kmb_status status = find_first(session, (int64_t)from, &first, &error);
    if (status == KMB_OK) {
        status = kmb_prepare(session, sql, sizeof(sql) - 1, &statement, NULL, &error);
    }
    if (status == KMB_OK) {
        status = kmb_bind_int64(statement, 1, first, &error);
    }
    if (status == KMB_OK) {
        status = show_rows(statement, show, &error);
    }
    kmb_finalize(statement);
    return cli_close(db, session, status == KMB_OK ? 0 : cli_fail(&error, NULL, 0, "log show"));
}

int cli_log(const struct cli_options *options) {
    struct show show = {.options = options, .format = options->format_given ? options->format : CLI_TABLE};
    if (strcmp(options->arguments[0], "show") != 0) {
        return cli_error(2, "unrecognized argument \"%s\"; usage: kimberlite log show", options->arguments[0]);
    }
    if (show.format == CLI_CSV || show.format == CLI_TSV) {
        return cli_error(2, "invalid value for --output: log show knows table, json and ndjson");
    }
    int code = options->server == NULL ? show_directory(options, &show) : show_server(options, &show);
    if (show.format == CLI_JSON && (code == 0 || show.shown > 0)) {
        puts(show.shown == 0 ? "[]" : "]");
    }
    return code;
}
