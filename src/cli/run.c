/* One statement: prepare, bind, step, print. Tags and times go to stderr, so that stdout holds results alone. */
#include "cli/run.h"

#include <string.h>

#include "cli/splitter.h"
#include "types/datetime.h"

int runner_set_moment(kmb_session *session, const struct cli_options *options) {
    struct kmb_error error = {0};
    enum kmb_status status = KMB_OK;
    if (options->at_given) {
        status = kmb_session_at(session, KMB_AT_POSITION, options->at, &error);
    } else if (options->as_of != NULL) {
        struct timestamp timestamp;
        status = timestamp_parse(slice_text(options->as_of), true, NULL, &timestamp, &error);
        if (status == KMB_OK) {
            status = kmb_session_at(session, KMB_AT_TIME, timestamp.us, &error);
        }
    }
    return status == KMB_OK ? 0 : cli_fail(&error, NULL, 0, options->as_of != NULL ? "--as-of" : "--at");
}

static enum kmb_status bind(struct runner *runner, kmb_statement *statement, struct kmb_error *error) {
    uint32_t wanted = kmb_parameter_count(statement);
    enum kmb_status status = KMB_OK;
    if (wanted > runner->options->parameter_count) {
        error_set(error, KMB_UNDEFINED_PARAMETER, "parameter $%u not provided", runner->options->parameter_count + 1);
        error_hint(error, "Give its value with -p VALUE, or --null-param.");
        return KMB_UNDEFINED_PARAMETER;
    }
    for (uint32_t i = 0; status == KMB_OK && i < wanted; i++) {
        const char *text = runner->options->parameters[i].text;
        status = text == NULL ? kmb_bind_null(statement, i + 1, error)
                              : kmb_bind_text(statement, i + 1, text, strlen(text), error);
    }
    runner->parameters_used = runner->parameters_used || wanted == runner->options->parameter_count;
    if (status == KMB_OK && runner->last && !runner->parameters_used) {
        error_set(error, KMB_USAGE, "invalid: %u parameters were given, no statement takes as many",
                  runner->options->parameter_count);
        return KMB_USAGE;
    }
    return status;
}

static enum kmb_status run(struct runner *runner, kmb_statement *statement, struct kmb_error *error) {
    uint64_t rows = 0;
    enum kmb_status status = bind(runner, statement, error);
    if (status == KMB_OK) {
        fflush(runner->output.out);
        status = cli_copy_attach(&runner->copy, statement, runner->output.out, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (kmb_column_count(statement) > 0) {
        status = output_rows(&runner->output, statement, &rows, error);
    } else {
        while ((status = kmb_step(statement, error)) == KMB_ROW) {
        }
    }
    if (status == KMB_DONE && (kmb_column_count(statement) == 0 || kmb_statement_writes(statement))) {
        if (kmb_statement_writes(statement) && !kmb_session_in_transaction(runner->session, NULL)) {
            cli_note(runner->options, "%s @ %llu", kmb_statement_tag(statement),
                     (unsigned long long)kmb_statement_position(statement));
        } else {
            cli_note(runner->options, "%s", kmb_statement_tag(statement));
        }
    }
    return status == KMB_DONE ? KMB_OK : status;
}

int runner_run(struct runner *runner, struct slice sql) {
    struct kmb_error error = {0};
    char where[64];
    kmb_statement *statement = NULL;
    const char *text = (const char *)sql.bytes;
    int64_t begun = cli_now_ns();
    runner->statements++;
    enum kmb_status status = kmb_prepare(runner->session, text, sql.length, &statement, NULL, &error);
    if (status == KMB_OK && statement != NULL) {
        status = run(runner, statement, &error);
    }
    kmb_finalize(statement);
    cli_copy_finish(&runner->copy);
    runner->copy = (struct cli_copy){.lines = runner->copy.lines};
    if (status != KMB_OK) {
        snprintf(where, sizeof(where), "statement %llu", (unsigned long long)runner->statements);
        sql = splitter_skip(sql); /* what the error's position counts from */
        return cli_fail(&error, (const char *)sql.bytes, sql.length, where);
    }
    if (runner->timing) {
        fprintf(stderr, "Time: %.3f ms\n", (double)(cli_now_ns() - begun) / 1e6);
    }
    return 0;
}
