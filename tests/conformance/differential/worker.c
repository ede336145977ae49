/*
 * Answers SQL statements over a pipe: differential_worker DIRECTORY
 *
 * The differential test needs of each statement what a client sees: names and types of the columns, rows, command tag
 * or SQLSTATE. The program's own output forms leave the types out, so this speaks the C API. A request is a decimal
 * length, a space, the number of a session (opened when it is first named), a newline and that many bytes, one
 * statement. The answer is framed the same way. In it a field is its length, a colon and its bytes, whatever they are;
 * NULL is "-:", and a semicolon ends a record:
 *
 *     ok rows tag ; names ; types ; row ; row ...
 *     error sqlstate message ;
 *
 * The database is made in DIRECTORY, without encryption: this test is not about the disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kimberlite.h"

#define REQUEST_MAX  (4u << 20)
#define SESSIONS_MAX 16

struct answer {
    char *bytes;
    size_t length;
    size_t capacity;
};

static void add(struct answer *answer, const char *bytes, size_t length) {
    if (length == 0) {
        return;
    }
    if (answer->length + length > answer->capacity) {
        answer->capacity = (answer->length + length) * 2;
        answer->bytes = realloc(answer->bytes, answer->capacity);
        if (answer->bytes == NULL) {
            fprintf(stderr, "differential_worker: out of memory\n");
            exit(1);
        }
    }
    memcpy(answer->bytes + answer->length, bytes, length);
    answer->length += length;
}

static void add_bytes(struct answer *answer, const char *bytes, size_t length) {
    char frame[32];
    add(answer, frame, (size_t)snprintf(frame, sizeof(frame), "%zu:", length));
    add(answer, bytes, length);
}

static void add_field(struct answer *answer, const char *text) {
    add_bytes(answer, text, strlen(text));
}

static void end_record(struct answer *answer) {
    add(answer, ";", 1);
}

static void answer_error(struct answer *answer, enum kmb_status status, const struct kmb_error *error) {
    answer->length = 0;
    add_field(answer, "error");
    add_field(answer, kmb_status_sqlstate(status));
    add_field(answer, error->message);
    end_record(answer);
}

static void add_row(struct answer *answer, kmb_statement *statement, uint32_t columns) {
    for (uint32_t i = 0; i < columns; i++) {
        size_t length = 0;
        const char *text = kmb_column_text(statement, i, &length);
        if (text == NULL) {
            add(answer, "-:", 2);
        } else {
            add_bytes(answer, text, length);
        }
    }
    end_record(answer);
}

/* One statement, from its text to its answer. */
static void run(kmb_session *session, const char *sql, size_t length, struct answer *answer) {
    struct kmb_error error = {0};
    struct answer rows = {0};
    kmb_statement *statement = NULL;
    char number[32];

    enum kmb_status status = kmb_prepare(session, sql, length, &statement, NULL, &error);
    if (status == KMB_OK && statement == NULL) {
        status = KMB_USAGE;
    }
    if (status == KMB_OK) {
        uint32_t columns = kmb_column_count(statement);
        while ((status = kmb_step(statement, &error)) == KMB_ROW) {
            add_row(&rows, statement, columns);
        }
    }
    if (status == KMB_DONE) {
        uint32_t columns = kmb_column_count(statement);
        snprintf(number, sizeof(number), "%llu", (unsigned long long)kmb_statement_rows(statement));
        add_field(answer, "ok");
        add_field(answer, number);
        add_field(answer, kmb_statement_tag(statement));
        end_record(answer);
        for (uint32_t i = 0; i < columns; i++) {
            add_field(answer, kmb_column_name(statement, i));
        }
        end_record(answer);
        for (uint32_t i = 0; i < columns; i++) {
            add_field(answer, kmb_column_type_name(statement, i));
        }
        end_record(answer);
        if (rows.length != 0) {
            add(answer, rows.bytes, rows.length);
        }
    } else {
        answer_error(answer, status, &error);
    }
    kmb_finalize(statement);
    free(rows.bytes);
}

/* The session of that number, opened where it was not; NULL: it cannot be. */
static kmb_session *session_of(kmb_db *db, kmb_session **sessions, unsigned long number) {
    struct kmb_error error = {0};
    if (number >= SESSIONS_MAX) {
        return NULL;
    }
    if (sessions[number] == NULL && kmb_session_open(db, 1, &sessions[number], &error) != KMB_OK) {
        fprintf(stderr, "differential_worker: cannot open session %lu: %s\n", number, error.message);
    }
    return sessions[number];
}

static void serve(kmb_db *db, kmb_session **sessions) {
    char *request = malloc(REQUEST_MAX);
    struct answer answer = {0};
    char line[32];
    while (request != NULL && fgets(line, sizeof(line), stdin) != NULL) {
        char *number = line;
        size_t length = strtoul(line, &number, 10);
        kmb_session *session = session_of(db, sessions, strtoul(number, NULL, 10));
        if (session == NULL || length == 0 || length > REQUEST_MAX || fread(request, 1, length, stdin) != length) {
            break;
        }
        answer.length = 0;
        run(session, request, length, &answer);
        printf("%zu\n", answer.length);
        fwrite(answer.bytes, 1, answer.length, stdout);
        fflush(stdout);
    }
    free(answer.bytes);
    free(request);
}

int main(int argc, char **argv) {
    struct kmb_options options = {
        .size = sizeof(options), .flags = KMB_OPEN_CREATE | KMB_OPEN_NO_ENCRYPTION, .segment_bytes = 4 << 20};
    struct kmb_error error = {0};
    kmb_db *db = NULL;
    kmb_session *sessions[SESSIONS_MAX] = {NULL};
    if (argc != 2) {
        fprintf(stderr, "usage: differential_worker DIRECTORY\n");
        return 2;
    }
    if (kmb_open(argv[1], &options, &db, &error) != KMB_OK) {
        fprintf(stderr, "differential_worker: cannot open a database in %s: %s\n", argv[1], error.message);
        return 1;
    }
    serve(db, sessions);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        kmb_session_close(sessions[i]);
    }
    if (kmb_close(db, &error) != KMB_OK) {
        fprintf(stderr, "differential_worker: closing failed: %s\n", error.message);
        return 1;
    }
    return 0;
}
