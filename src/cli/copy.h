/*
 * COPY at the command line: data that follows the statement up to a line "\.", and the files of \copy.
 */
#ifndef KMB_CLI_COPY_H
#define KMB_CLI_COPY_H

#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"

/* Lines that follow a statement in what it was read from. */
struct cli_lines {
    /* Appends the next line with its end; false where there is none. */
    bool (*next)(void *context, struct buffer *line);
    void *context;
};

struct cli_copy {
    const struct cli_lines *lines; /* NULL: none follow */
    FILE *file;                    /* of \copy: read or written instead; NULL: none */
    const char *file_name;
    struct buffer line;
    size_t at;
    bool begun; /* lines are data, until the end of it was met */
    bool ended;
};

/* If the statement is a COPY, sets what it reads or writes. out: of COPY TO STDOUT. */
enum kmb_status cli_copy_attach(struct cli_copy *copy, kmb_statement *statement, FILE *out, struct kmb_error *error);
/* After the statement: passes over data that it did not read. */
void cli_copy_finish(struct cli_copy *copy);

/* "\copy" ARGUMENT: appends the COPY statement to sql and the file's name to file (left empty: standard input or
 * output). false: it is no COPY, with a message. */
bool cli_copy_parse(const char *argument, struct buffer *sql, struct buffer *file, bool *from);

/* The lines of a FILE *. */
bool cli_file_line(void *file, struct buffer *line);

#endif
