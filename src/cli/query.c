/* kimberlite query: statements from the command line, a file or standard input, each run as it arrives. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/run.h"
#include "cli/splitter.h"

static int run_ready(struct runner *runner, struct splitter *splitter) {
    struct slice statement;
    int code = 0;
    while (code == 0 && splitter_next(splitter, &statement)) {
        code = runner_run(runner, statement);
    }
    return code;
}

static int run_stream(struct runner *runner, FILE *file, const char *name) {
    struct splitter splitter = {0};
    struct slice statement;
    struct buffer line = {0};
    struct cli_lines lines = {.next = cli_file_line, .context = file};
    int code = 0;
    runner->copy.lines = &lines;
    while (code == 0 && cli_file_line(file, &line)) {
        splitter_feed(&splitter, (const char *)line.bytes, line.length);
        if (!buffer_ok(&splitter.text) || !buffer_ok(&line)) {
            code = cli_error(1, "out of memory");
            break;
        }
        buffer_clear(&line);
        code = run_ready(runner, &splitter);
    }
    if (code == 0 && ferror(file)) {
        code = cli_error(1, "cannot read %s: %s", name, strerror(errno));
    }
    if (code == 0 && splitter_rest(&splitter, &statement)) {
        code = runner_run(runner, statement);
    }
    runner->copy.lines = NULL;
    buffer_free(&line);
    splitter_free(&splitter);
    return code;
}

static int run_text(struct runner *runner, const char *text) {
    struct splitter splitter = {0};
    struct slice statement;
    int code = 0;
    unsigned left = splitter_count(text);
    struct cli_lines lines = {.next = cli_file_line, .context = stdin};
    runner->copy.lines = &lines;
    splitter_feed(&splitter, text, strlen(text));
    while (code == 0 && (splitter_next(&splitter, &statement) || splitter_rest(&splitter, &statement))) {
        runner->last = --left == 0;
        code = runner_run(runner, statement);
        if (runner->last) {
            break;
        }
    }
    runner->copy.lines = NULL;
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
    FILE *file = stdin;
    if (text == NULL && file_name != NULL) {
        file = fopen(file_name, "re");
        if (file == NULL) {
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
    if (file != stdin) {
        fclose(file);
    }
    return cli_close(db, runner.session, code);
}
