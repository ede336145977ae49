/*
 * Times queries on a database that is there: bench_queries DIR [--runs N] FILE.sql...
 *
 * DIR is a data directory whose key lies in ../keys, as `kimberlite init` makes it. Each file holds one query. It is
 * run once unmeasured, so that pages are in memory, then N times (5) with all rows fetched; a line a file: its name,
 * the median of the seconds that passed, the least of those a core worked, which a busy machine disturbs less, and the
 * rows. The last line has the geometric means.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "figures.h"
#include "kimberlite.h"

#define RUNS_MAX 99

static double core_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static char *read_text(const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        die(path, "cannot be opened");
    }
    size_t room = 1 << 20;
    char *text = calloc(room, 1);
    if (text == NULL) {
        die(path, "out of memory");
    }
    size_t length = fread(text, 1, room - 1, file);
    fclose(file);
    text[length] = 0;
    return text;
}

/* One execution; the number of rows. */
static unsigned long run(kmb_session *session, const char *path, const char *sql) {
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    if (kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error) != KMB_OK) {
        die(path, error.message);
    }
    unsigned long rows = 0;
    enum kmb_status status;
    while ((status = kmb_step(statement, &error)) == KMB_ROW) {
        size_t length = 0;
        for (unsigned i = 0; i < kmb_column_count(statement); i++) {
            (void)kmb_column_bytes(statement, i, &length);
        }
        rows++;
    }
    if (status != KMB_DONE) {
        die(path, error.message);
    }
    kmb_finalize(statement);
    return rows;
}

int main(int argc, char **argv) {
    struct kmb_error error = {0};
    char keys[4096];
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    unsigned runs = 5;
    int first = 2;
    if (argc > 3 && strcmp(argv[2], "--runs") == 0) {
        runs = (unsigned)strtoul(argv[3], NULL, 10);
        first = 4;
    }
    if (argc <= first || runs == 0 || runs > RUNS_MAX) {
        fprintf(stderr, "usage: bench_queries DIR [--runs 1..%d] FILE.sql...\n", RUNS_MAX);
        return 2;
    }
    snprintf(keys, sizeof(keys), "%s/../keys", argv[1]);
    struct kmb_options options = {.size = sizeof(options), .key_directory = keys, .cache_bytes = (uint64_t)4 << 30};
    if (kmb_open(argv[1], &options, &db, &error) != KMB_OK || kmb_session_open(db, 1, &session, &error) != KMB_OK) {
        die(argv[1], error.message);
    }
    double logs = 0;
    double core_logs = 0;
    for (int i = first; i < argc; i++) {
        char *sql = read_text(argv[i]);
        double seconds[RUNS_MAX];
        double core_seconds[RUNS_MAX];
        unsigned long rows = run(session, argv[i], sql);
        for (unsigned n = 0; n < runs; n++) {
            double begun = now();
            double core_begun = core_now();
            (void)run(session, argv[i], sql);
            seconds[n] = now() - begun;
            core_seconds[n] = core_now() - core_begun;
        }
        qsort(seconds, runs, sizeof(double), figures_compare);
        qsort(core_seconds, runs, sizeof(double), figures_compare);
        const char *name = strrchr(argv[i], '/') == NULL ? argv[i] : strrchr(argv[i], '/') + 1;
        printf("%-12s %10.6f s %10.6f s %8lu rows\n", name, seconds[runs / 2], core_seconds[0], rows);
        fflush(stdout);
        logs += log(seconds[runs / 2]);
        core_logs += log(core_seconds[0]);
        free(sql);
    }
    printf("geom. mean   %10.6f s %10.6f s\n", exp(logs / (argc - first)), exp(core_logs / (argc - first)));
    kmb_session_close(session);
    return kmb_close(db, &error) == KMB_OK ? 0 : 1;
}
