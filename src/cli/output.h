/* Result sets on stdout in each format. */
#ifndef KMB_CLI_OUTPUT_H
#define KMB_CLI_OUTPUT_H

#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/cli.h"

struct output {
    FILE *out;
    enum cli_format format;
    bool color;
    bool expanded;  /* one column a line (\x) */
    unsigned width; /* of the terminal; 0: do not fit */
    uint64_t sets;  /* result sets written so far */
};

void output_init(struct output *output, const struct cli_options *options, enum cli_format fallback);

/*
 * Steps the statement to its end and writes its rows. KMB_DONE, or the failing status. Rows are streamed, but for the
 * table format, which measures the first rows and keeps those widths. *rows: how many.
 */
enum kmb_status output_rows(struct output *output, kmb_statement *statement, uint64_t *rows, struct kmb_error *error);

/* One CSV field, quoted as RFC 4180 wants it where needed; NULL text is an empty field, "" a quoted one. */
void output_csv_field(FILE *out, const char *text, size_t length);
/* A JSON string, with the quotes. */
void output_json_string(FILE *out, const char *text, size_t length);
/* Columns a text takes in a table on a terminal. */
size_t output_width(const char *text, size_t length);

/*
 * Small tables of texts, for verbs that list things: rows * columns texts, in the session's format. kinds has a
 * letter for each column: "n" number, anything else text ("nt" = a number, then a text).
 */
void output_table(struct output *output, const char *const *names, const char *const *texts, const char *kinds,
                  size_t rows);
/* One thing's facts: two columns, name and value; in JSON one object. kinds: a letter for each fact. */
void output_facts(struct output *output, const char *const *names, const char *const *values, const char *kinds);

#endif
