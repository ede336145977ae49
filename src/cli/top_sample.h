/* What `kimberlite top` shows: a server's numbers and sessions at a moment, and what two moments say of the time
 * between. */
#ifndef KMB_CLI_TOP_SAMPLE_H
#define KMB_CLI_TOP_SAMPLE_H

#include "cli/cli.h"
#include "server/http_fetch.h"

#define TOP_BOUNDS_MAX  24
#define TOP_COLUMNS_MAX 16

/*
 * How a server is asked: at its HTTP port, or over a connection. A source that has lost its server tries again with the
 * next question.
 */
struct top_source {
    char name[300]; /* shown */
    enum kmb_status (*metrics)(struct top_source *source, struct buffer *text, struct kmb_error *error);
    /* Runs a statement for a tenant (0: the source's own). row gets each row's texts, NULL for NULL; false: no memory.
     */
    enum kmb_status (*query)(struct top_source *source, const char *sql, int64_t tenant,
                             bool (*row)(void *context, const char *const *texts), void *context,
                             struct kmb_error *error);
    struct http_place http;
    const struct cli_options *options;
    kmb_db *db;
    kmb_session *session;
};

/* false: the address is none. */
bool top_source_http(const char *address, struct top_source *source);
/* The server that the options name; 0, or an exit code after telling why it is not there. */
int top_source_server(const struct cli_options *options, struct top_source *source);
void top_source_close(struct top_source *source);

/* As /metrics has it: counts up to each bound, in seconds; all methods together. */
struct top_histogram {
    double bounds[TOP_BOUNDS_MAX];
    double counts[TOP_BOUNDS_MAX];
    size_t bound_count;
    double sum;
    double count;
};

struct top_numbers {
    char version[32];
    double uptime_s;
    double requests; /* ended, since the start */
    double errors;   /* that clients were told */
    double in_flight;
    double connections;
    double in_transaction;
    double committing;
    double turned_away;
    double slow;
    double log_bytes; /* written, since the start */
    double log_entries;
    double log_blocks;
    double log_position;
    double log_size;
    double store_size;
    double cache;
    double pinned;
    double resident;
    double threads;
    struct top_histogram durations;
    struct top_histogram syncs;
};

struct top_session {
    int64_t process;
    int64_t tenant;
    char user[64];
    char database[64];
    char application[64];
    char protocol[16];
    char client[64];
    char state[40];
    char wait[24];
    double age_s;         /* of the statement that runs; else of the state */
    double transaction_s; /* -1: none is open */
    char *query;
};

/* Statements that are one without their literals, since the server's start. */
struct top_statement {
    int64_t tenant;
    char user[64];
    double calls;
    double rows;
    double total_ms;
    double mean_ms;
    double p95_ms;
    double log_bytes;
    char *text;
};

enum top_statements { TOP_NO_STATEMENTS, TOP_BY_TOTAL, TOP_BY_CALLS, TOP_BY_MEAN, TOP_BY_LOG_BYTES, TOP_STATEMENTS };

struct top_sample {
    int64_t taken_ns;
    struct top_numbers numbers;
    struct top_session *sessions;
    size_t session_count;
    struct top_statement *statements; /* the first of them, in the order asked for */
    size_t statement_count;
};

/* What happened between two samples, a second. */
struct top_rates {
    double seconds;
    double requests;
    double errors;
    double log_bytes;
    double log_entries;
    double syncs;
    double p50_s; /* of requests that ended; 0: none */
    double p99_s;
    double sync_mean_s;
    double sync_p99_s;
};

/* statements: whether those are asked for, and in which order. */
enum kmb_status top_sample_take(struct top_source *source, enum top_statements statements, struct top_sample *sample,
                                struct kmb_error *error);
void top_sample_free(struct top_sample *sample);
void top_rates_between(const struct top_sample *before, const struct top_sample *now, struct top_rates *rates);

/* Ends the statement of a session, by the session's tenant. *done: there was such a session. */
enum kmb_status top_cancel(struct top_source *source, const struct top_session *session, bool *done,
                           struct kmb_error *error);

/* The numbers of a text of /metrics; for tests of it, too. */
void top_numbers_read(char *text, struct top_numbers *numbers);
/* The duration that such a share of those between two readings did not exceed, as far as classes tell; 0: none. */
double top_quantile(const struct top_histogram *before, const struct top_histogram *now, double share);

#endif
