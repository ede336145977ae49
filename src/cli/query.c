/* kimberlite query: statements from the command line, a file or standard input, each run as it arrives. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#include "cli/run.h"
#include "cli/splitter.h"

#define READ_BYTES 65536

static int run_ready(struct runner *runner, struct splitter *splitter) {
    struct slice statement;
    int code = 0;
    while (code == 0 && splitter_next(splitter, &statement)) {
        code = runner_run(runner, statement);
    }
    return code;
}

static int run_stream(struct runner *runner, int file, const char *name) {
    struct splitter splitter = {0};
    struct slice statement;
    char bytes[READ_BYTES];
    int code = 0;
    for (;;) {
        ssize_t count = read(file, bytes, sizeof(bytes));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            code = cli_error(1, "cannot read %s: %s", name, strerror(errno));
        }
        if (count <= 0 || code != 0) {
            break;
        }
        splitter_feed(&splitter, bytes, (size_t)count);
        if (!buffer_ok(&splitter.text)) {
            code = cli_error(1, "out of memory");
            break;
        }
        code = run_ready(runner, &splitter);
        if (code != 0) {
            break;
        }
    }
    if (code == 0) {
        code = run_ready(runner, &splitter);
    }
    if (code == 0 && splitter_rest(&splitter, &statement)) {
        code = runner_run(runner, statement);
    }
    splitter_free(&splitter);
    return code;
}

static unsigned count_statements(const char *text) {
    struct splitter splitter = {0};
    struct slice statement;
    unsigned count = 0;
    splitter_feed(&splitter, text, strlen(text));
    while (splitter_next(&splitter, &statement)) {
        count++;
    }
    count += splitter_rest(&splitter, &statement);
    splitter_free(&splitter);
    return count;
}

static int run_text(struct runner *runner, const char *text) {
    struct splitter splitter = {0};
    struct slice statement;
    int code = 0;
    unsigned left = count_statements(text);
    splitter_feed(&splitter, text, strlen(text));
    while (code == 0 && (splitter_next(&splitter, &statement) || splitter_rest(&splitter, &statement))) {
        runner->last = --left == 0;
        code = runner_run(runner, statement);
        if (runner->last) {
            break;
        }
    }
    splitter_free(&splitter);
    return code;
}

int cli_query(const struct cli_options *options) {
    struct cli_place place = {0};
    struct runner runner = {.options = options};
    kmb_db *db = NULL;
    const char *text = options->argument_count == 0 ? NULL : options->arguments[0];
    if (text != NULL && options->file != NULL) {
        return cli_error(2, "invalid: give the statement or --file, not both");
    }
    const char *file_name = options->file == NULL || strcmp(options->file, "-") == 0 ? NULL : options->file;
    int file = STDIN_FILENO;
    if (text == NULL && file_name != NULL) {
        file = open(file_name, O_RDONLY | O_CLOEXEC);
        if (file < 0) {
            return cli_error(errno == ENOENT ? 6 : 1, "cannot read %s: %s", file_name, strerror(errno));
        }
    }
    int code = cli_open(options, 0, &place, &db, &runner.session);
    if (code != 0) {
        return code;
    }
    output_init(&runner.output, options, CLI_TABLE);
    code = runner_set_moment(runner.session, options);
    if (code == 0) {
        code = text != NULL ? run_text(&runner, text)
                            : run_stream(&runner, file, file_name == NULL ? "standard input" : file_name);
    }
    if (code == 0 && options->parameter_count > 0 && !runner.parameters_used) {
        code = cli_error(2, "invalid: %u parameters were given, no statement takes as many", options->parameter_count);
    }
    if (file != STDIN_FILENO) {
        close(file);
    }
    return cli_close(db, runner.session, code);
}
