/* Running statements and telling what came of them: what query and shell share. */
#ifndef KMB_CLI_RUN_H
#define KMB_CLI_RUN_H

#include "base/slice.h"
#include "cli/copy.h"
#include "cli/output.h"

struct runner {
    const struct cli_options *options;
    kmb_session *session;
    struct output output;
    struct cli_copy copy;
    uint64_t statements; /* run so far */
    bool timing;
    bool parameters_used; /* some statement took the -p values */
    bool last; /* no statement comes after this one: parameters that nobody took are an error before it runs */
};

/*
 * Prepares, binds -p values, runs, prints: rows on stdout, the tag of a statement without rows on stderr. 0 or an exit
 * code after telling the error with its number and position.
 */
int runner_run(struct runner *runner, struct slice sql);

/* Sets the session to --at or --as-of. */
int runner_set_moment(kmb_session *session, const struct cli_options *options);

#endif
