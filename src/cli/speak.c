/* How the command line speaks: errors with a caret, notes, colours, progress. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

#define PROGRESS_INTERVAL_NS INT64_C(100000000)
#define CONTEXT_CHARACTERS   60 /* of the statement shown before and after an error */

int64_t cli_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool cli_color(const struct cli_options *options, FILE *stream) {
    return !options->no_color && getenv("NO_COLOR") == NULL && isatty(fileno(stream)) == 1;
}

int cli_error(int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("Error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return code;
}

void cli_warning(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("Warning: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

void cli_note(const struct cli_options *options, const char *format, ...) {
    va_list arguments;
    if (options->quiet) {
        return;
    }
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/* Bytes of the character at text; 1 for what is no UTF-8. */
static size_t character_length(const char *text, size_t left) {
    unsigned char first = (unsigned char)*text;
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return length > left ? left : length;
}

/* "LINE 2: ...text" and a caret below the character, as psql does. */
static void print_caret(const char *sql, size_t length, uint32_t position) {
    size_t line_start = 0;
    size_t at = 0;
    unsigned line = 1;
    for (uint32_t character = 1; character < position && at < length; character++) {
        if (sql[at] == '\n') {
            line++;
            line_start = at + 1;
        }
        at += character_length(sql + at, length - at);
    }
    size_t line_end = at;
    while (line_end < length && sql[line_end] != '\n') {
        line_end++;
    }
    size_t from = line_start;
    unsigned before = 0;
    for (size_t i = line_start; i < at; i += character_length(sql + i, length - i)) {
        before++;
    }
    while (before > CONTEXT_CHARACTERS) {
        from += character_length(sql + from, length - from);
        before--;
    }
    size_t to = at;
    for (unsigned after = 0; to < line_end && after < CONTEXT_CHARACTERS; after++) {
        to += character_length(sql + to, length - to);
    }
    int prefix = fprintf(stderr, "LINE %u: %s", line, from > line_start ? "..." : "");
    for (size_t i = from; i < to; i++) { /* a tab or a control character would move the caret */
        putc((unsigned char)sql[i] < ' ' ? ' ' : sql[i], stderr);
    }
    fprintf(stderr, "%s\n%*s^\n", to < line_end ? "..." : "", prefix + (int)before, "");
}

int cli_fail(const struct kmb_error *error, const char *sql, size_t sql_length, const char *where) {
    fflush(stdout);
    fprintf(stderr, "Error: %s%s%s\n", where == NULL ? "" : where, where == NULL ? "" : ": ",
            error->message[0] == 0 ? kmb_status_name(error->status) : error->message);
    if (sql != NULL && error->position != 0) {
        print_caret(sql, sql_length, error->position);
    }
    if (error->detail[0] != 0) {
        fprintf(stderr, "Detail: %s\n", error->detail);
    }
    if (error->hint[0] != 0) {
        fprintf(stderr, "Hint: %s\n", error->hint);
    }
    if (error->context[0] != 0) {
        fprintf(stderr, "Context: %s\n", error->context);
    }
    fprintf(stderr, "SQLSTATE: %s %s\n", kmb_status_sqlstate(error->status), kmb_status_name(error->status));
    int code = kmb_status_exit_code(error->status);
    return code == 0 ? 1 : code;
}

void cli_progress_start(struct cli_progress *progress, const char *label) {
    *progress = (struct cli_progress){.label = label, .begun_ns = cli_now_ns(), .terminal = isatty(STDERR_FILENO) == 1};
}

void cli_progress_show(struct cli_progress *progress, uint64_t done, uint64_t total, uint64_t count, const char *kind) {
    int64_t now = cli_now_ns();
    if (!progress->terminal || now - progress->drawn_ns < PROGRESS_INTERVAL_NS) {
        return;
    }
    progress->drawn_ns = now;
    progress->drawn = true;
    double seconds = (double)(now - progress->begun_ns) / 1e9;
    double rate = seconds > 0 ? (double)count / seconds : 0;
    fprintf(stderr, "\r\033[K%s ", progress->label);
    if (total != 0) {
        double part = done >= total ? 1.0 : (double)done / (double)total;
        int filled = (int)(part * 30);
        double left = part > 0 ? seconds * (1 - part) / part : 0;
        fprintf(stderr, "[%.*s%*s] %3.0f%% ", filled, "##############################", 30 - filled, "", part * 100);
        fprintf(stderr, "%" PRIu64 " %s, %.0f/s, %.0f s left", count, kind, rate, left);
    } else {
        fprintf(stderr, "%" PRIu64 " %s, %.0f/s", count, kind, rate);
    }
    fflush(stderr);
}

void cli_progress_end(struct cli_progress *progress) {
    if (progress->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
