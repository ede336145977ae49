/*
 * Two ways to ask a server. At its HTTP port: /metrics and POST /query, with a token. Over a connection of the native
 * protocol: kimberlite_metrics() and the same statements, as any user who may.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top_sample.h"

/* --- the HTTP port ------------------------------------------------------------------------------------------------ */

static enum kmb_status http_metrics(struct top_source *source, struct buffer *text, struct kmb_error *error) {
    unsigned code = 0;
    enum kmb_status status = http_fetch(&source->http, "/metrics", NULL, &code, text, error);
    return status != KMB_OK || code == 200
               ? status
               : error_set(error, code == 401 ? KMB_AUTHENTICATION : KMB_CONNECTION,
                           "%s answers %u to a question for its metrics", source->name, code);
}

/* A value's text, in room or where it stands; NULL for null. */
static const char *text_of(const json_t *value, char room[32]) {
    if (json_is_integer(value)) {
        snprintf(room, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(room, 32, "%.17g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        snprintf(room, 32, "%s", json_is_true(value) ? "t" : "f");
    } else {
        return json_string_value(value);
    }
    return room;
}

static enum kmb_status give_rows(const json_t *rows, bool (*row)(void *context, const char *const *texts),
                                 void *context, struct kmb_error *error) {
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *values = json_array_get(rows, i);
        char room[TOP_COLUMNS_MAX][32];
        const char *texts[TOP_COLUMNS_MAX] = {NULL};
        for (size_t j = 0; j < json_array_size(values) && j < TOP_COLUMNS_MAX; j++) {
            texts[j] = text_of(json_array_get(values, j), room[j]);
        }
        if (!row(context, texts)) {
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
    }
    return KMB_OK;
}

/* What an answer without a tag says of its error. */
static enum kmb_status http_failure(const json_t *answer, unsigned code, struct kmb_error *error) {
    const char *message = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
    enum kmb_status status =
        error_set(error, code == 401 ? KMB_AUTHENTICATION : KMB_CONNECTION, "%s",
                  message != NULL ? message : "the server does not answer statements at that port");
    if (code == 401) {
        error_hint(error, "Set KIMBERLITE_TOKEN to an API key or a JSON Web Token.");
    }
    return status;
}

static enum kmb_status http_query(struct top_source *source, const char *sql, int64_t tenant,
                                  bool (*row)(void *context, const char *const *texts), void *context,
                                  struct kmb_error *error) {
    struct buffer body = {0};
    unsigned code = 0;
    char number[24];
    snprintf(number, sizeof(number), "%" PRId64, tenant);
    json_t *request = tenant == 0 ? json_pack("{ss}", "sql", sql) : json_pack("{ssss}", "sql", sql, "tenant", number);
    char *text = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);
    enum kmb_status status = text == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory")
                                          : http_fetch(&source->http, "/query", text, &code, &body, error);
    json_t *answer = status == KMB_OK ? json_loadb((const char *)body.bytes, body.length, 0, NULL) : NULL;
    if (status == KMB_OK && (code != 200 || json_object_get(answer, "tag") == NULL)) {
        status = http_failure(answer, code, error);
    }
    status = status == KMB_OK ? give_rows(json_object_get(answer, "rows"), row, context, error) : status;
    free(text);
    json_decref(request);
    json_decref(answer);
    buffer_free(&body);
    return status;
}

bool top_source_http(const char *address, struct top_source *source) {
    *source = (struct top_source){.metrics = http_metrics, .query = http_query};
    if (!http_place_parse(address, &source->http)) {
        return false;
    }
    source->http.token = getenv("KIMBERLITE_TOKEN");
    snprintf(source->name, sizeof(source->name), "%s:%s", source->http.host, source->http.port);
    return true;
}

/* --- a connection ------------------------------------------------------------------------------------------------- */

/* A session that has lost its server answers nothing ever more: the next question opens another. */
static void drop_lost(struct top_source *source, enum kmb_status status) {
    if (status == KMB_CONNECTION) {
        kmb_session_close(source->session);
        source->session = NULL;
    }
}

static enum kmb_status run_rows(kmb_session *session, const char *sql,
                                bool (*row)(void *context, const char *const *texts), void *context,
                                struct kmb_error *error) {
    kmb_statement *statement = NULL;
    enum kmb_status status = kmb_prepare(session, sql, strlen(sql), &statement, NULL, error);
    while (status == KMB_OK && (status = kmb_step(statement, error)) == KMB_ROW) {
        const char *texts[TOP_COLUMNS_MAX] = {NULL};
        for (uint32_t i = 0; i < kmb_column_count(statement) && i < TOP_COLUMNS_MAX; i++) {
            texts[i] = kmb_column_is_null(statement, i) ? NULL : kmb_column_text(statement, i, NULL);
        }
        status = row(context, texts) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    kmb_finalize(statement);
    return status == KMB_DONE ? KMB_OK : status;
}

static enum kmb_status remote_query(struct top_source *source, const char *sql, int64_t tenant,
                                    bool (*row)(void *context, const char *const *texts), void *context,
                                    struct kmb_error *error) {
    kmb_session *other = NULL;
    enum kmb_status status = KMB_OK;
    if (tenant != 0) { /* in a session of that tenant: one cancels within one's own alone */
        status = kmb_session_open(source->db, (uint32_t)tenant, &other, error);
        status = status == KMB_OK ? run_rows(other, sql, row, context, error) : status;
        kmb_session_close(other);
        return status;
    }
    if (source->session == NULL) {
        status = kmb_session_open(source->db, source->options->tenant, &source->session, error);
    }
    status = status == KMB_OK ? run_rows(source->session, sql, row, context, error) : status;
    drop_lost(source, status);
    return status;
}

static bool take_text(void *context, const char *const *texts) {
    struct buffer *out = context;
    buffer_append_text(out, texts[0] == NULL ? "" : texts[0]);
    return buffer_ok(out);
}

static enum kmb_status remote_metrics(struct top_source *source, struct buffer *text, struct kmb_error *error) {
    return remote_query(source, "SELECT kimberlite_metrics()", 0, take_text, text, error);
}

int top_source_server(const struct cli_options *options, struct top_source *source) {
    struct cli_place place = {0};
    *source = (struct top_source){.metrics = remote_metrics, .query = remote_query, .options = options};
    cli_place_text(options, &place, source->name);
    return cli_open(options, 0, &place, &source->db, &source->session);
}

void top_source_close(struct top_source *source) {
    kmb_session_close(source->session);
    kmb_close(source->db, NULL);
    source->session = NULL;
    source->db = NULL;
}
