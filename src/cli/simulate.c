/*
 * kimberlite sim: the simulator, run as the program of its own that it is: vopr, beside this one or in PATH. run and
 * verify become it; report reads what it says of each seed and makes a page of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/io.h"
#include "cli/output.h"

/* "<directory of this program>/vopr"; "vopr" where that is none. */
static void find_simulator(char path[CLI_PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", path, CLI_PATH_MAX - 8);
    char *slash = NULL;
    if (length > 0) {
        path[length] = 0;
        slash = strrchr(path, '/');
    }
    if (slash != NULL) {
        memcpy(slash + 1, "vopr", sizeof("vopr"));
        if (access(path, X_OK) == 0) {
            return;
        }
    }
    memcpy(path, "vopr", sizeof("vopr"));
}

/* --- report ------------------------------------------------------------------------------------------------------- */

struct sim_report {
    struct buffer rows; /* of the page's table */
    uint64_t runs;
    uint64_t violations;
    uint64_t transactions;
    double seconds;
    bool ended;          /* the simulator said its total */
    char floors[256];    /* what so many seeds should have met, and did not */
    struct buffer seeds; /* that failed, for people */
};

static void append_html(struct buffer *out, const char *text) {
    for (; *text != 0; text++) {
        switch (*text) {
        case '<':
            buffer_append_text(out, "&lt;");
            break;
        case '>':
            buffer_append_text(out, "&gt;");
            break;
        case '&':
            buffer_append_text(out, "&amp;");
            break;
        case '"':
            buffer_append_text(out, "&quot;");
            break;
        default:
            buffer_append_byte(out, (uint8_t)*text);
        }
    }
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static void append_cell(struct buffer *out, const char *text) {
    buffer_append_text(out, "<td>");
    append_html(out, text);
    buffer_append_text(out, "</td>");
}

static void append_number(struct buffer *out, json_int_t number) {
    buffer_printf(out, "<td class=\"n\">%" JSON_INTEGER_FORMAT "</td>", number);
}

static void take_run(struct sim_report *report, const json_t *run) {
    bool good = strcmp(text_of(run, "status"), "ok") == 0;
    json_int_t seed = json_integer_value(json_object_get(run, "seed"));
    json_int_t faults = 0;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(run, "faults"), name, value) {
        faults += json_integer_value(value);
    }
    report->runs++;
    report->transactions += (uint64_t)json_integer_value(json_object_get(run, "transactions"));
    if (!good) {
        report->violations++;
        buffer_printf(&report->seeds, "%s%" JSON_INTEGER_FORMAT, report->seeds.length == 0 ? "" : " ", seed);
    }
    buffer_printf(&report->rows, "<tr%s>", good ? "" : " class=\"bad\"");
    append_number(&report->rows, seed);
    append_cell(&report->rows, text_of(run, "scenario"));
    append_cell(&report->rows, text_of(run, "status"));
    append_number(&report->rows, json_integer_value(json_object_get(run, "transactions")));
    append_number(&report->rows, json_integer_value(json_object_get(run, "calls")));
    append_number(&report->rows, faults);
    append_number(&report->rows, json_integer_value(json_object_get(run, "recoveries")));
    append_cell(&report->rows, text_of(run, "state_hash"));
    buffer_append_text(&report->rows, "</tr>\n");
}

/* A violation comes behind the run that had it. */
static void take_violation(struct sim_report *report, const json_t *violation) {
    buffer_append_text(&report->rows, "<tr class=\"bad\"><td></td><td colspan=\"7\"><b>");
    append_html(&report->rows, text_of(violation, "invariant"));
    buffer_append_text(&report->rows, "</b>: ");
    append_html(&report->rows, text_of(violation, "message"));
    buffer_append_text(&report->rows, "<br><code>");
    append_html(&report->rows, text_of(violation, "repeat"));
    buffer_append_text(&report->rows, "</code></td></tr>\n");
}

static void take_line(struct sim_report *report, const char *line) {
    json_t *said = json_loads(line, 0, NULL);
    const char *type = text_of(said, "type");
    if (said == NULL) {
        snprintf(report->floors, sizeof(report->floors), "%.*s", (int)strcspn(line, "\n"), line);
    } else if (strcmp(type, "run") == 0) {
        take_run(report, said);
    } else if (strcmp(type, "violation") == 0) {
        take_violation(report, said);
    } else if (strcmp(type, "total") == 0) {
        report->seconds = json_number_value(json_object_get(said, "seconds"));
        report->ended = true;
    }
    json_decref(said);
}

/* Starts the simulator; what it prints comes out of *out. */
static int start_simulator(const char *const *arguments, const char *path, FILE **out, pid_t *child) {
    int ends[2];
    if (pipe(ends) != 0) {
        return cli_error(1, "cannot run the simulator: %s", strerror(errno));
    }
    *child = fork();
    if (*child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(path, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    close(ends[1]);
    *out = *child < 0 ? NULL : fdopen(ends[0], "r");
    return *out == NULL ? cli_error(1, "cannot run the simulator: %s", strerror(errno)) : 0;
}

static int write_page(const struct sim_report *report, uint64_t first, const char *name) {
    struct io io = io_posix();
    struct kmb_error error = {0};
    struct buffer page = {0};
    double rate = report->seconds > 0 ? (double)report->runs / report->seconds : 0;
    buffer_printf(&page,
                  "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Simulation</title>\n<style>"
                  "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}"
                  "td,th{padding:2px 10px;border-bottom:1px solid #ddd;text-align:left}"
                  ".n{text-align:right}.bad{background:#fdd}</style></head><body>\n<h1>Simulation: %s</h1>\n<table>\n",
                  report->violations == 0 ? "every invariant held" : "violations");
    buffer_printf(&page,
                  "<tr><th>version</th><td>%s</td></tr>\n<tr><th>first seed</th><td>%" PRIu64 "</td></tr>\n"
                  "<tr><th>runs</th><td>%" PRIu64 "</td></tr>\n<tr><th>successes</th><td>%" PRIu64 "</td></tr>\n"
                  "<tr><th>failures</th><td>%" PRIu64 "</td></tr>\n<tr><th>success rate</th><td>%.1f %%</td></tr>\n"
                  "<tr><th>transactions</th><td>%" PRIu64 "</td></tr>\n<tr><th>time</th><td>%.1f s</td></tr>\n"
                  "<tr><th>runs a second</th><td>%.2f</td></tr>\n",
                  kmb_version(), first, report->runs, report->runs - report->violations, report->violations,
                  report->runs == 0 ? 0 : 100.0 * (double)(report->runs - report->violations) / (double)report->runs,
                  report->transactions, report->seconds, rate);
    buffer_append_text(&page, "<tr><th>seeds that failed</th><td>");
    buffer_append_slice(&page, buffer_slice(&report->seeds));
    buffer_append_text(&page, report->seeds.length == 0 ? "none</td></tr>\n" : "</td></tr>\n");
    if (report->floors[0] != 0) {
        buffer_append_text(&page, "<tr class=\"bad\"><th>also</th><td>");
        append_html(&page, report->floors);
        buffer_append_text(&page, "</td></tr>\n");
    }
    buffer_append_text(&page,
                       "</table>\n<table>\n<tr><th>seed</th><th>scenario</th><th>status</th><th>transactions</th>"
                       "<th>I/O calls</th><th>faults</th><th>recoveries</th><th>state</th></tr>\n");
    buffer_append_slice(&page, buffer_slice(&report->rows));
    buffer_append_text(&page, "</table>\n</body></html>\n");
    enum kmb_status status = buffer_ok(&page) ? io_replace_file(&io, name, 0, buffer_slice(&page), &error)
                                              : error_set(&error, KMB_NO_MEMORY, "out of memory");
    buffer_free(&page);
    return status == KMB_OK ? 0 : cli_fail(&error, NULL, 0, name);
}

static int tell_report(const struct cli_options *options, struct sim_report *report, const char *name) {
    static const char *const names[] = {"report", "runs", "successes", "failures", "seconds", "per_second", "seeds"};
    char numbers[5][32];
    struct output output;
    const char *seeds = buffer_text(&report->seeds);
    snprintf(numbers[0], sizeof(numbers[0]), "%" PRIu64, report->runs);
    snprintf(numbers[1], sizeof(numbers[1]), "%" PRIu64, report->runs - report->violations);
    snprintf(numbers[2], sizeof(numbers[2]), "%" PRIu64, report->violations);
    snprintf(numbers[3], sizeof(numbers[3]), "%.1f", report->seconds);
    snprintf(numbers[4], sizeof(numbers[4]), "%.2f", report->seconds > 0 ? (double)report->runs / report->seconds : 0);
    const char *facts[] = {
        name, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], seeds == NULL ? "" : seeds};
    output_init(&output, options, CLI_TABLE);
    output_facts(&output, names, facts, "tnnnnnt");
    return report->violations == 0 && report->floors[0] == 0 ? 0 : 1;
}

/* Runs the seeds, all of them whatever some come to, and writes the page. */
static int make_report(const struct cli_options *options, const char *const *arguments, const char *path) {
    const char *name = options->argument_count > 1 ? options->arguments[1] : "report.html";
    struct sim_report report = {0};
    struct cli_progress progress;
    FILE *out = NULL;
    pid_t child = -1;
    char *line = NULL;
    size_t room = 0;
    int ended = 0;
    int code = start_simulator(arguments, path, &out, &child);
    if (code != 0) {
        return code;
    }
    cli_progress_start(&progress, "sim");
    progress.terminal = progress.terminal && !options->quiet;
    while (getline(&line, &room, out) >= 0) {
        take_line(&report, line);
        cli_progress_show(&progress, report.runs, options->iterations, report.runs, "runs");
    }
    cli_progress_end(&progress);
    free(line);
    fclose(out);
    waitpid(child, &ended, 0);
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 127 && report.runs == 0) {
        code = cli_error(6, "cannot run the simulator %s", path);
    } else if (!report.ended) {
        code = cli_error(1, "the simulator ended after %" PRIu64 " runs, before it was through", report.runs);
    }
    code = code == 0 ? write_page(&report, options->seed, name) : code;
    code = code == 0 ? tell_report(options, &report, name) : code;
    buffer_free(&report.rows);
    buffer_free(&report.seeds);
    return code;
}

int cli_sim(const struct cli_options *options) {
    char path[CLI_PATH_MAX];
    char seed[24];
    char iterations[24];
    const char *action = options->arguments[0];
    bool one = strcmp(action, "verify") == 0;
    bool page = strcmp(action, "report") == 0;
    const char *arguments[10] = {"vopr", "run", "--seed", seed, "--iterations", iterations};
    size_t count = 6;
    if (!one && !page && strcmp(action, "run") != 0) {
        return cli_error(2, "unrecognized argument \"%s\"; usage: kimberlite sim run|verify|report", action);
    }
    if (!page && options->argument_count > 1) {
        return cli_error(2, "unrecognized argument \"%s\" for sim %s", options->arguments[1], action);
    }
    snprintf(seed, sizeof(seed), "%" PRIu64, options->seed);
    snprintf(iterations, sizeof(iterations), "%" PRIu64, one ? 1 : options->iterations);
    if (!page && (one || options->verbose)) {
        arguments[count++] = "--verbose";
    }
    if (page || (options->format_given && options->format != CLI_TABLE)) {
        arguments[count++] = "--json";
    }
    find_simulator(path);
    if (page) {
        arguments[count++] = "--keep-going";
        return make_report(options, arguments, path);
    }
    execvp(path, (char *const *)(uintptr_t)arguments);
    return cli_error(6, "cannot run the simulator %s: %s", path, strerror(errno));
}
