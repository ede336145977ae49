/*
 * Prints everything that the C API answers to a list of statements and calls, of a database in a directory or behind a
 * server: the two transcripts have to be the same.
 *
 * usage: transcript PLACE < SCRIPT       PLACE: a directory, made where there is none, or a URL of kmb_connect()
 *
 * A line of the script is a statement, or one of
 *   ?int N, ?double X, ?bool t|f, ?text T, ?bytes HEX, ?null    values for the parameters of the next statement, in
 * order !begin, !commit, !rollback, !at N, !as-of MICROSECONDS, !present, !state, !position !exec SQL       by
 * kmb_exec() !batch ROWS     the next statement by kmb_step_batch() !steps N        the next statement for N rows only
 *   !data TEXT      what the next statement's COPY reads; \n is a new line
 *   !copy-fails     the next COPY's function fails
 *   !append TABLE V|V|...    a row by an appender: values are N, 'text, x HEX, t, f, null, default, "." ends the row
 * early !flush          and closes the appender !stream-create NAME CLASS, !stream-append NAME OFFSET|- EVENT...,
 * !stream-read NAME FROM BYTES, !streams !tenant N NAME, !session N
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kimberlite.h"

#define VALUES_MAX 32

struct call {
    char *binds[VALUES_MAX];
    unsigned bind_count;
    unsigned batch;
    long steps; /* -1: all */
    char *data; /* of COPY */
    size_t data_at;
    bool copy_fails;
};

struct run {
    kmb_db *db;
    kmb_session *session;
    kmb_appender *appender;
    struct call call;
};

static void tell(const char *what, enum kmb_status status, const struct kmb_error *error) {
    if (status == KMB_OK || status == KMB_DONE || status == KMB_ROW) {
        printf("%s: ok\n", what);
        return;
    }
    printf("%s: %s %s %s\n", what, kmb_status_name(status), kmb_status_sqlstate(status), error->message);
    if (error->status != status) {
        printf("  the error says %s\n", kmb_status_name(error->status));
    }
    if (error->detail[0] != 0) {
        printf("  detail: %s\n", error->detail);
    }
    if (error->hint[0] != 0) {
        printf("  hint: %s\n", error->hint);
    }
    if (error->schema[0] != 0) {
        printf("  about: %s %s %s %s\n", error->schema, error->table, error->column, error->constraint);
    }
    if (error->context[0] != 0) {
        printf("  context: %s\n", error->context);
    }
    if (error->position != 0) {
        printf("  position: %u\n", error->position);
    }
}

static void hex(const void *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        printf("%02x", ((const unsigned char *)bytes)[i]);
    }
}

static size_t unhex(const char *text, unsigned char *bytes, size_t size) {
    size_t count = 0;
    unsigned byte;
    while (count < size && sscanf(text + 2 * count, "%2x", &byte) == 1) {
        bytes[count++] = (unsigned char)byte;
    }
    return count;
}

static enum kmb_status bind(kmb_statement *statement, unsigned number, const char *text, struct kmb_error *error) {
    unsigned char bytes[256];
    const char *value = strchr(text, ' ');
    value = value == NULL ? "" : value + 1;
    switch (text[0]) {
    case 'i':
        return kmb_bind_int64(statement, number, strtoll(value, NULL, 10), error);
    case 'd':
        return kmb_bind_double(statement, number, strtod(value, NULL), error);
    case 'b':
        return text[1] == 'o' ? kmb_bind_bool(statement, number, value[0] == 't', error)
                              : kmb_bind_bytes(statement, number, bytes, unhex(value, bytes, sizeof(bytes)), error);
    case 't':
        return kmb_bind_text(statement, number, value, strlen(value), error);
    default:
        return kmb_bind_null(statement, number, error);
    }
}

static enum kmb_status copy_read(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    struct call *call = context;
    if (call->copy_fails) {
        memset(error, 0, sizeof(*error));
        error->status = KMB_IO;
        snprintf(error->message, sizeof(error->message), "the function fails");
        return KMB_IO;
    }
    size_t left = call->data == NULL ? 0 : strlen(call->data) - call->data_at;
    *count = left < size ? left : size;
    *count = *count > 5 ? 5 : *count; /* small pieces */
    memcpy(bytes, call->data == NULL ? "" : call->data + call->data_at, *count);
    call->data_at += *count;
    return KMB_OK;
}

static enum kmb_status copy_write(void *context, const void *bytes, size_t length, struct kmb_error *error) {
    struct call *call = context;
    if (call->copy_fails) {
        memset(error, 0, sizeof(*error));
        error->status = KMB_IO;
        snprintf(error->message, sizeof(error->message), "the function fails");
        return KMB_IO;
    }
    fwrite(bytes, 1, length, stdout);
    return KMB_OK;
}

static void show_row(kmb_statement *statement) {
    for (uint32_t i = 0; i < kmb_column_count(statement); i++) {
        size_t length = 0, raw = 0;
        const char *text = kmb_column_text(statement, i, &length);
        const void *bytes = kmb_column_bytes(statement, i, &raw);
        printf("  %u: %s [%zu] ", i, text == NULL ? "NULL" : text, length);
        if (bytes != NULL) {
            hex(bytes, raw);
        }
        printf(" %d %lld %.17g %d\n", kmb_column_is_null(statement, i), (long long)kmb_column_int64(statement, i),
               kmb_column_double(statement, i), kmb_column_bool(statement, i));
    }
}

static void show_columns(const kmb_statement *statement) {
    printf("columns:");
    for (uint32_t i = 0; i < kmb_column_count(statement); i++) {
        printf(" %s/%d/%s", kmb_column_name(statement, i), (int)kmb_column_type(statement, i),
               kmb_column_type_name(statement, i));
    }
    printf("\n");
}

static void show_batch(const struct kmb_batch *batch) {
    printf("batch of %u rows\n", batch->rows);
    for (uint32_t i = 0; i < batch->columns; i++) {
        const struct kmb_column_batch *column = &batch->column[i];
        printf("  %u: type %d width %u nulls %u ", i, (int)column->type, column->width, column->null_count);
        if (column->validity != NULL) {
            hex(column->validity, (batch->rows + 7) / 8);
        }
        printf(" ");
        size_t bytes = column->offsets != NULL ? (size_t)column->offsets[batch->rows]
                       : column->width != 0    ? (size_t)column->width * batch->rows
                                               : (batch->rows + 7) / 8;
        hex(column->values, bytes);
        printf("\n");
    }
}

static enum kmb_status step_batches(kmb_statement *statement, unsigned rows, struct kmb_error *error) {
    struct kmb_batch batch = {.size = sizeof(batch)};
    enum kmb_status status;
    while ((status = kmb_step_batch(statement, rows, &batch, error)) == KMB_ROW) {
        show_batch(&batch);
    }
    return status;
}

static void forget(struct call *call) {
    for (unsigned i = 0; i < call->bind_count; i++) {
        free(call->binds[i]);
    }
    free(call->data);
    *call = (struct call){.steps = -1};
}

static void run_statement(struct run *run, const char *sql) {
    struct call *call = &run->call;
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    const char *tail = NULL;
    enum kmb_status status = kmb_prepare(run->session, sql, strlen(sql), &statement, &tail, &error);
    tell("prepare", status, &error);
    if (status != KMB_OK || statement == NULL) {
        return;
    }
    printf("tail \"%s\", parameters:", tail);
    for (uint32_t i = 1; i <= kmb_parameter_count(statement); i++) {
        printf(" %d", (int)kmb_parameter_type(statement, i));
    }
    printf(", writes %d, copy %d\n", kmb_statement_writes(statement), (int)kmb_statement_copy(statement));
    show_columns(statement);
    for (unsigned i = 0; status == KMB_OK && i < call->bind_count; i++) {
        status = bind(statement, i + 1, call->binds[i], &error);
        tell("bind", status, &error);
    }
    if (kmb_statement_copy(statement) == KMB_COPY_IN && (call->data != NULL || call->copy_fails)) {
        (void)kmb_copy_from(statement, copy_read, call, &error);
    } else if (kmb_statement_copy(statement) == KMB_COPY_OUT) {
        (void)kmb_copy_to(statement, copy_write, call, &error);
    }
    for (int again = 0; again < 2; again++) { /* a statement may be run more than once */
        long steps = call->steps;
        call->data_at = 0;
        if (call->batch != 0) {
            status = step_batches(statement, call->batch, &error);
        } else {
            while (steps-- != 0 && (status = kmb_step(statement, &error)) == KMB_ROW) {
                show_row(statement);
            }
        }
        tell("run", status, &error);
        if (status == KMB_DONE) {
            printf("tag \"%s\" rows %llu position %llu\n", kmb_statement_tag(statement),
                   (unsigned long long)kmb_statement_rows(statement),
                   (unsigned long long)kmb_statement_position(statement));
        }
        show_columns(statement);
        kmb_reset(statement);
        if (call->bind_count == 0 || status != KMB_DONE) {
            break;
        }
    }
    kmb_finalize(statement);
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

static enum kmb_status show_stream(void *context, const struct kmb_stream *stream) {
    (void)context;
    printf("  %u %s %d %llu\n", stream->id, stream->name, (int)stream->data_class, (unsigned long long)stream->length);
    return KMB_OK;
}

static enum kmb_status show_event(void *context, uint64_t offset, const void *bytes, size_t length) {
    (void)context;
    printf("  %llu %.*s\n", (unsigned long long)offset, (int)length, (const char *)bytes);
    return KMB_OK;
}

static enum kmb_status append_value(kmb_appender *appender, const char *value, struct kmb_error *error) {
    unsigned char bytes[256];
    if (strcmp(value, "null") == 0) {
        return kmb_append_null(appender, error);
    }
    if (strcmp(value, "default") == 0) {
        return kmb_append_default(appender, error);
    }
    if (strcmp(value, "t") == 0 || strcmp(value, "f") == 0) {
        return kmb_append_bool(appender, value[0] == 't', error);
    }
    if (value[0] == '\'') {
        return kmb_append_text(appender, value + 1, strlen(value + 1), error);
    }
    if (value[0] == 'x') {
        return kmb_append_bytes(appender, bytes, unhex(value + 1, bytes, sizeof(bytes)), error);
    }
    return strchr(value, '.') != NULL ? kmb_append_double(appender, strtod(value, NULL), error)
                                      : kmb_append_int64(appender, strtoll(value, NULL, 10), error);
}

static void append_row(struct run *run, char *rest) {
    struct kmb_error error = {0};
    char *table = strtok(rest, " ");
    char *values = strtok(NULL, "");
    if (run->appender == NULL) {
        enum kmb_status status = kmb_appender_open(run->session, table, &run->appender, &error);
        tell("appender", status, &error);
        if (status != KMB_OK) {
            return;
        }
    }
    for (char *value = strtok(values, "|"); value != NULL && strcmp(value, ".") != 0; value = strtok(NULL, "|")) {
        enum kmb_status status = append_value(run->appender, value, &error);
        if (status != KMB_OK) {
            tell("value", status, &error);
        }
    }
    tell("row", kmb_append_row(run->appender, &error), &error);
}

static void stream_append(struct run *run, char *rest) {
    struct kmb_bytes events[VALUES_MAX];
    size_t count = 0;
    struct kmb_error error = {0};
    uint64_t first = 0;
    uint32_t id = 0;
    const char *name = strtok(rest, " ");
    const char *offset = strtok(NULL, " ");
    for (char *event = strtok(NULL, " "); event != NULL && count < VALUES_MAX; event = strtok(NULL, " ")) {
        events[count++] = (struct kmb_bytes){event, strlen(event)};
    }
    enum kmb_status status = kmb_stream_find(run->session, name, &id, &error);
    if (status == KMB_OK) {
        uint64_t expected = offset[0] == '-' ? UINT64_MAX : strtoull(offset, NULL, 10);
        status = kmb_stream_append(run->session, id, expected, events, count, &first, &error);
    }
    tell("append", status, &error);
    printf("first %llu\n", (unsigned long long)first);
}

static void call(struct run *run, char *line) {
    struct kmb_error error = {0};
    char *name = line + 1;
    char *rest = strchr(line, ' ');
    bool failed = false;
    uint64_t number = 0;
    uint32_t id = 0;
    if (rest != NULL) {
        *rest++ = 0;
    } else {
        rest = line + strlen(line);
    }
    if (strcmp(name, "begin") == 0) {
        tell(name, kmb_begin(run->session, &error), &error);
    } else if (strcmp(name, "commit") == 0) {
        tell(name, kmb_commit(run->session, &error), &error);
    } else if (strcmp(name, "rollback") == 0) {
        tell(name, kmb_rollback(run->session, &error), &error);
    } else if (strcmp(name, "at") == 0) {
        tell(name, kmb_session_at(run->session, KMB_AT_POSITION, strtoll(rest, NULL, 10), &error), &error);
    } else if (strcmp(name, "as-of") == 0) {
        tell(name, kmb_session_at(run->session, KMB_AT_TIME, strtoll(rest, NULL, 10), &error), &error);
    } else if (strcmp(name, "present") == 0) {
        tell(name, kmb_session_at(run->session, KMB_AT_PRESENT, 0, &error), &error);
    } else if (strcmp(name, "state") == 0) {
        bool open = kmb_session_in_transaction(run->session, &failed);
        printf("state %d %d\n", open, failed);
    } else if (strcmp(name, "position") == 0) {
        printf("position %llu\n", (unsigned long long)kmb_session_position(run->session));
    } else if (strcmp(name, "exec") == 0) {
        tell(name, kmb_exec(run->session, rest, &error), &error);
    } else if (strcmp(name, "append") == 0) {
        append_row(run, rest);
    } else if (strcmp(name, "flush") == 0) {
        tell(name, kmb_appender_flush(run->appender, &number, &error), &error);
        printf("rows %llu\n", (unsigned long long)number);
        kmb_appender_close(run->appender);
        run->appender = NULL;
    } else if (strcmp(name, "stream-create") == 0) {
        char *class = strchr(rest, ' ');
        *class ++ = 0;
        tell(name, kmb_stream_create(run->session, rest, (enum kmb_data_class)atoi(class), &id, &error), &error);
        printf("stream %u\n", id);
    } else if (strcmp(name, "stream-append") == 0) {
        stream_append(run, rest);
    } else if (strcmp(name, "stream-read") == 0) {
        char *from = strchr(rest, ' ');
        *from++ = 0;
        char *bytes = NULL;
        uint64_t first = strtoull(from, &bytes, 10);
        enum kmb_status status = kmb_stream_find(run->session, rest, &id, &error);
        if (status == KMB_OK) {
            status = kmb_stream_length(run->session, id, &number, &error);
            printf("length %llu\n", (unsigned long long)number);
        }
        if (status == KMB_OK) {
            status = kmb_stream_read(run->session, id, first, strtoull(bytes, NULL, 10), show_event, NULL, &error);
        }
        tell(name, status, &error);
    } else if (strcmp(name, "streams") == 0) {
        tell(name, kmb_stream_list(run->session, show_stream, NULL, &error), &error);
    } else if (strcmp(name, "tenant") == 0) {
        char *tenant = strchr(rest, ' ');
        tell(name,
             kmb_tenant_create(run->db, (uint32_t)strtoul(rest, NULL, 10), tenant == NULL ? NULL : tenant + 1, &error),
             &error);
    } else if (strcmp(name, "session") == 0) {
        kmb_session_close(run->session);
        run->session = NULL;
        tell(name, kmb_session_open(run->db, (uint32_t)strtoul(rest, NULL, 10), &run->session, &error), &error);
        if (run->session == NULL) {
            (void)kmb_session_open(run->db, 1, &run->session, &error);
        }
    } else {
        printf("unknown call %s\n", name);
        exit(2);
    }
}

/* What the next statement is given. */
static bool prepare_call(struct call *next, const char *line) {
    if (line[0] == '?' && next->bind_count < VALUES_MAX) {
        next->binds[next->bind_count++] = strdup(line + 1);
    } else if (strncmp(line, "!batch ", 7) == 0) {
        next->batch = (unsigned)atoi(line + 7);
    } else if (strncmp(line, "!steps ", 7) == 0) {
        next->steps = atol(line + 7);
    } else if (strncmp(line, "!data ", 6) == 0) {
        free(next->data);
        next->data = strdup(line + 6);
        for (char *at = next->data; (at = strstr(at, "\\n")) != NULL;) {
            *at = '\n';
            memmove(at + 1, at + 2, strlen(at + 2) + 1);
        }
    } else if (strcmp(line, "!copy-fails") == 0) {
        next->copy_fails = true;
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv) {
    struct run run = {.call.steps = -1};
    struct kmb_error error = {0};
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    if (argc != 2) {
        fprintf(stderr, "usage: transcript PLACE < SCRIPT\n");
        return 2;
    }
    enum kmb_status status = strstr(argv[1], "://") != NULL ? kmb_connect(argv[1], NULL, &run.db, &error)
                                                            : kmb_open(argv[1], &options, &run.db, &error);
    if (status == KMB_OK) {
        status = kmb_session_open(run.db, 1, &run.session, &error);
    }
    if (status != KMB_OK) {
        fprintf(stderr, "%s\n", error.message);
        kmb_close(run.db, NULL);
        return 1;
    }
    while ((length = getline(&line, &room, stdin)) > 0) {
        line[length - 1] = line[length - 1] == '\n' ? 0 : line[length - 1];
        if (line[0] == 0 || line[0] == '#' || prepare_call(&run.call, line)) {
            continue;
        }
        printf("--- %s\n", line);
        if (line[0] == '!') {
            call(&run, line);
        } else {
            run_statement(&run, line);
        }
        forget(&run.call);
        if (run.session == NULL) {
            break;
        }
    }
    free(line);
    forget(&run.call);
    kmb_appender_close(run.appender);
    kmb_session_close(run.session);
    status = kmb_close(run.db, &error);
    tell("close", status, &error);
    return status == KMB_OK ? 0 : 1;
}
