/*
 * What a server counts, and the text in which Prometheus reads it.
 *
 * Counting takes no lock: a request is a handful of additions. What can be asked for (connections by state, sizes) is
 * asked for when the text is made.
 */
#ifndef KMB_SERVER_METRICS_H
#define KMB_SERVER_METRICS_H

#include "base/buffer.h"
#include "base/histogram.h"
#include "kimberlite.h"

struct server;

#define METRICS_METHODS_MAX 80
/* Tenants with numbers of their own: the first that come. Counters must not go down, so none ever leaves again; all
 * others are counted together. */
#define METRICS_TENANTS_MAX 100
/* SQLSTATE classes: two of 36 characters each. */
#define METRICS_CLASSES (36 * 36)

struct metrics_method {
    _Atomic(const char *) name; /* static text; NULL: free */
    _Atomic uint64_t succeeded;
    _Atomic uint64_t failed;
    struct histogram durations;
};

struct metrics_tenant {
    _Atomic uint32_t id; /* 0: free, or all others */
    _Atomic uint64_t succeeded;
    _Atomic uint64_t failed;
    _Atomic uint64_t duration_ns;
};

struct metrics {
    struct metrics_method methods[METRICS_METHODS_MAX];
    struct metrics_tenant tenants[METRICS_TENANTS_MAX];
    struct metrics_tenant tenants_other;
    _Atomic uint64_t errors[METRICS_CLASSES];
    _Atomic uint64_t in_flight;
    _Atomic uint64_t connections;
    _Atomic uint64_t rate_limited; /* clients and requests that were turned away */
    _Atomic uint64_t slow;         /* statements beyond log.slow_query */
};

/*
 * A request of a protocol begins and ends; answers the time to end it with. method: static text, of METRICS_METHODS_MAX
 * at most in all ("query", "execute", "append", ...). Any thread.
 */
int64_t metrics_begin(struct metrics *metrics);
void metrics_end(struct metrics *metrics, const char *method, uint32_t tenant, int64_t begun_ns, bool succeeded);
/* It is left for later: nothing is counted. */
void metrics_drop(struct metrics *metrics);
/* A client was told of an error. */
void metrics_error(struct metrics *metrics, enum kmb_status status);

/* The clock that requests are timed by. */
int64_t metrics_now_ns(void);

/* Writes a name with a type and help: what stands before its first value. */
void metrics_family(struct buffer *out, const char *name, const char *type, const char *help);
/* The counters alone. */
void metrics_write(const struct metrics *metrics, struct buffer *out);
/* All a server knows. */
void metrics_write_server(struct server *server, struct buffer *out);

#endif
