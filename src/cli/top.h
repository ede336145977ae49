/* What the files of `kimberlite top` share. */
#ifndef KMB_CLI_TOP_H
#define KMB_CLI_TOP_H

#include "cli/top_sample.h"

enum top_sort { TOP_BY_AGE, TOP_BY_PROCESS, TOP_BY_TENANT, TOP_BY_USER, TOP_BY_STATE, TOP_SORTS };

struct top {
    const struct cli_options *options;
    struct top_source source;
    struct top_sample before;
    struct top_sample now;
    struct top_rates rates;
    enum top_statements statements; /* that are asked for */
    enum top_sort sort;
    bool reverse;
};

/* Takes a new sample in place of the newest; on an error both stay. */
enum kmb_status top_look(struct top *top, struct kmb_error *error);
/* Orders the sessions of the newest sample. */
void top_order(struct top *top);
/* "2d 03:04:05", "59.2 s", "1.25 ms". */
void top_duration_print(double seconds, char out[24]);
/* "1.5 MiB". */
void top_bytes_print(double bytes, char out[24]);

/* The live view, until it is left. */
int top_screen_run(struct top *top, int64_t interval_ms);

#endif
