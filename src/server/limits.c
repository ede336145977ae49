/*
 * Parties in a map, and what each has in atomics.
 *
 * A rate is one number: the time until which everything is paid for. A request costs a second divided by its rate, and
 * so does a byte; what would lead further than a second ahead of now is refused, so a client may send a second's worth
 * at once, and what is larger than that alone when nothing is owed. Taking is one compare-and-swap.
 *
 * A party that everybody has left stays until it owes nothing: else who connects anew for each request would have no
 * limit.
 */
#include "server/limits.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/map.h"
#include "base/memory.h"
#include "engine/neighbours.h"
#include "server/metrics.h"

/* Between two looks whether what is slowed down is to end. */
#define PACE_STEP_NS INT64_C(50000000)

#define SECOND_NS INT64_C(1000000000)

enum limits_what { LIMITS_CONNECTIONS, LIMITS_REQUESTS, LIMITS_BYTES, LIMITS_MEMORY, LIMITS_WHATS };

struct limits_rate {
    _Atomic int64_t paid_ns; /* until then; in the past: nothing is owed */
};

struct limits_party {
    struct limits *limits;
    enum limits_kind kind;
    uint32_t tenant;
    uint64_t connections; /* under lock */
    struct limits_party *next_idle;
    struct limits_party **idle_place; /* NULL: somebody is there */
    struct limits_rate requests;
    struct limits_rate bytes;
    struct account memory;
    size_t key_length;
    char key[]; /* its kind and its name or number */
};

struct limits {
    _Atomic(const struct settings *) settings;
    const struct environment *environment;
    struct account memory; /* of all connections */
    _Atomic uint64_t refused[2][LIMITS_WHATS];
    _Atomic uint64_t refused_full;
    _Atomic uint64_t refused_memory; /* of all together */
    pthread_mutex_t lock;            /* of what follows, and of who is there */
    struct map parties;
    struct limits_party *idle;
};

struct limits *limits_new(const struct settings *settings, const struct environment *environment) {
    struct limits *limits = mem_alloc_zero(1, sizeof(*limits));
    if (limits != NULL) {
        limits->settings = settings;
        limits->environment = environment;
        limits->memory = (struct account){.bytes_max = settings->limits.memory_bytes,
                                          .refused = &limits->refused_memory,
                                          .whose = "all connections together",
                                          .setting = "limits.memory"};
        pthread_mutex_init(&limits->lock, NULL);
    }
    return limits;
}

static uint64_t most_of(const struct limits_party *party, enum limits_what what) {
    const struct settings *settings = party->limits->settings;
    bool source = party->kind == LIMITS_SOURCE;
    switch (what) {
    case LIMITS_CONNECTIONS:
        return source ? settings->limits.connections_per_source : settings->limits.connections_per_tenant;
    case LIMITS_REQUESTS:
        return source ? settings->limits.requests_per_source : settings->limits.requests_per_tenant;
    case LIMITS_BYTES:
        return source ? settings->limits.bytes_per_source : settings->limits.bytes_per_tenant;
    case LIMITS_MEMORY:
        return source ? settings->limits.memory_per_source_bytes : settings->limits.memory_per_tenant_bytes;
    case LIMITS_WHATS:
        break;
    }
    UNREACHABLE("a limit of nothing");
}

void limits_change(struct limits *limits, const struct settings *settings) {
    const struct map_entry *entry;
    limits->settings = settings;
    limits->memory.bytes_max = settings->limits.memory_bytes;
    pthread_mutex_lock(&limits->lock);
    for (size_t at = 0; (entry = map_next(&limits->parties, &at)) != NULL;) {
        struct limits_party *party = entry->value;
        party->memory.bytes_max = most_of(party, LIMITS_MEMORY);
    }
    pthread_mutex_unlock(&limits->lock);
}

void limits_free(struct limits *limits) {
    const struct map_entry *entry;
    if (limits == NULL) {
        return;
    }
    for (size_t at = 0; (entry = map_next(&limits->parties, &at)) != NULL;) {
        struct limits_party *party = entry->value;
        ASSERT(party->connections == 0);
        mem_free(party);
    }
    map_free(&limits->parties);
    pthread_mutex_destroy(&limits->lock);
    mem_free(limits);
}

static int64_t now_ns(const struct limits *limits) {
    return limits->environment->monotonic_ns(limits->environment->context);
}

static const char *whose(const struct limits_party *party) {
    return party->kind == LIMITS_SOURCE ? "this address" : "this tenant";
}

static void count_refusal(struct limits_party *party, enum limits_what what) {
    atomic_fetch_add_explicit(&party->limits->refused[party->kind][what], 1, memory_order_relaxed);
}

/* --- coming and going --------------------------------------------------------------------------------------------- */

/* Under the lock. */
static void idle_remove(struct limits_party *party) {
    if (party->idle_place != NULL) {
        *party->idle_place = party->next_idle;
        if (party->next_idle != NULL) {
            party->next_idle->idle_place = party->idle_place;
        }
        party->idle_place = NULL;
        party->next_idle = NULL;
    }
}

static void idle_add(struct limits_party *party) {
    struct limits *limits = party->limits;
    party->next_idle = limits->idle;
    party->idle_place = &limits->idle;
    if (limits->idle != NULL) {
        limits->idle->idle_place = &party->next_idle;
    }
    limits->idle = party;
}

/* NULL: no memory. Under the lock. */
static struct limits_party *party_of(struct limits *limits, enum limits_kind kind, struct slice key, uint32_t tenant) {
    struct limits_party *party = map_get(&limits->parties, key);
    if (party != NULL || (party = mem_alloc_zero(1, sizeof(*party) + key.length)) == NULL) {
        return party;
    }
    party->limits = limits;
    party->kind = kind;
    party->tenant = tenant;
    party->key_length = key.length;
    memcpy(party->key, key.bytes, key.length);
    party->memory =
        (struct account){.bytes_max = most_of(party, LIMITS_MEMORY),
                         .refused = &limits->refused[kind][LIMITS_MEMORY],
                         .whose = whose(party),
                         .setting = kind == LIMITS_SOURCE ? "limits.memory_per_source" : "limits.memory_per_tenant"};
    if (!map_put(&limits->parties, key, party)) {
        mem_free(party);
        return NULL;
    }
    idle_add(party);
    return party;
}

enum kmb_status limits_enter(struct limits *limits, enum limits_kind kind, struct slice name, uint32_t tenant,
                             struct limits_party **out, struct kmb_error *error) {
    char key[128];
    *out = NULL;
    if (limits == NULL) {
        return KMB_OK;
    }
    int length = kind == LIMITS_TENANT
                     ? snprintf(key, sizeof(key), "t%u", tenant)
                     : snprintf(key, sizeof(key), "s%.*s", (int)(name.length < 100 ? name.length : 100),
                                name.bytes == NULL ? "" : (const char *)name.bytes);
    enum kmb_status status = KMB_OK;
    pthread_mutex_lock(&limits->lock);
    struct limits_party *party = party_of(limits, kind, slice_make(key, (size_t)length), tenant);
    if (party == NULL) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    } else {
        uint64_t most = most_of(party, LIMITS_CONNECTIONS);
        if (most != 0 && party->connections >= most) {
            count_refusal(party, LIMITS_CONNECTIONS);
            status = error_set(error, KMB_TOO_MANY_CONNECTIONS, "too many connections of %s", whose(party));
            error_hint(error, "There may be %llu at a time: limits.connections_per_%s.", (unsigned long long)most,
                       kind == LIMITS_SOURCE ? "source" : "tenant");
        } else {
            party->connections++;
            idle_remove(party);
            *out = party;
        }
    }
    pthread_mutex_unlock(&limits->lock);
    return status;
}

void limits_leave(struct limits_party *party) {
    if (party != NULL) {
        pthread_mutex_lock(&party->limits->lock);
        ASSERT(party->connections > 0);
        if (--party->connections == 0) {
            idle_add(party);
        }
        pthread_mutex_unlock(&party->limits->lock);
    }
}

void limits_sweep(struct limits *limits) {
    int64_t now = now_ns(limits);
    struct limits_party *next;
    pthread_mutex_lock(&limits->lock);
    for (struct limits_party *party = limits->idle; party != NULL; party = next) {
        next = party->next_idle;
        if (atomic_load(&party->requests.paid_ns) <= now && atomic_load(&party->bytes.paid_ns) <= now) {
            idle_remove(party);
            (void)map_remove(&limits->parties, slice_make(party->key, party->key_length));
            mem_free(party);
        }
    }
    pthread_mutex_unlock(&limits->lock);
}

/* --- rates -------------------------------------------------------------------------------------------------------- */

static int64_t cost_of(uint64_t count, uint64_t rate) {
    double cost = (double)count * 1e9 / (double)rate;
    return cost > 1e18 ? INT64_C(1000000000000000000) : (int64_t)cost;
}

/* Adds to what is owed. false: it would be more than a second's worth; must: it is added all the same. */
static bool rate_take(struct limits_rate *rate, int64_t cost, int64_t now, bool must) {
    int64_t paid = atomic_load_explicit(&rate->paid_ns, memory_order_relaxed);
    int64_t start;
    do {
        start = paid > now ? paid : now;
        if (!must && start > now && start - now + cost > SECOND_NS) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&rate->paid_ns, &paid, start + cost, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static enum kmb_status refuse_rate(struct limits_party *party, enum limits_what what, uint64_t most,
                                   struct kmb_error *error) {
    const char *name = what == LIMITS_REQUESTS ? "requests" : "bytes";
    count_refusal(party, what);
    error_set(error, KMB_RATE_LIMITED, "more than %llu %s a second of %s", (unsigned long long)most, name,
              whose(party));
    error_hint(error, "Wait %lld ms and send it again: nothing was done. limits.%s_per_%s says how many there may be.",
               (long long)limits_wait_ms(party), name, party->kind == LIMITS_SOURCE ? "source" : "tenant");
    return KMB_RATE_LIMITED;
}

enum kmb_status limits_take(struct limits_party *party, unsigned requests, size_t bytes, struct kmb_error *error) {
    uint64_t requests_max = party == NULL || requests == 0 ? 0 : most_of(party, LIMITS_REQUESTS);
    uint64_t bytes_max = party == NULL || bytes == 0 ? 0 : most_of(party, LIMITS_BYTES);
    if (requests_max == 0 && bytes_max == 0) {
        return KMB_OK;
    }
    int64_t now = now_ns(party->limits);
    if (requests_max != 0 && !rate_take(&party->requests, cost_of(requests, requests_max), now, false)) {
        return refuse_rate(party, LIMITS_REQUESTS, requests_max, error);
    }
    if (bytes_max != 0 && !rate_take(&party->bytes, cost_of(bytes, bytes_max), now, false)) {
        limits_return(party, requests, 0);
        return refuse_rate(party, LIMITS_BYTES, bytes_max, error);
    }
    return KMB_OK;
}

void limits_return(struct limits_party *party, unsigned requests, size_t bytes) {
    uint64_t requests_max = party == NULL || requests == 0 ? 0 : most_of(party, LIMITS_REQUESTS);
    uint64_t bytes_max = party == NULL || bytes == 0 ? 0 : most_of(party, LIMITS_BYTES);
    if (requests_max != 0) {
        atomic_fetch_sub(&party->requests.paid_ns, cost_of(requests, requests_max));
    }
    if (bytes_max != 0) {
        atomic_fetch_sub(&party->bytes.paid_ns, cost_of(bytes, bytes_max));
    }
}

int64_t limits_owe(struct limits_party *party, size_t bytes) {
    uint64_t most = party == NULL ? 0 : most_of(party, LIMITS_BYTES);
    if (most == 0) {
        return 0;
    }
    int64_t now = now_ns(party->limits);
    (void)rate_take(&party->bytes, cost_of(bytes, most), now, true);
    int64_t ahead = atomic_load(&party->bytes.paid_ns) - now - SECOND_NS;
    return ahead > 0 ? ahead : 0;
}

enum kmb_status limits_pace(struct limits_party *source, struct limits_party *tenant, size_t bytes,
                            struct session *session, struct kmb_error *error) {
    int64_t source_ns = limits_owe(source, bytes);
    int64_t tenant_ns = limits_owe(tenant, bytes);
    int64_t left = source_ns > tenant_ns ? source_ns : tenant_ns;
    enum kmb_status status = KMB_OK;
    const struct limits *limits = left == 0 ? NULL : source_ns > 0 ? source->limits : tenant->limits;
    int64_t end = left == 0 ? 0 : now_ns(limits) + left;
    while (left > 0 && status == KMB_OK) {
        struct timespec step = {.tv_nsec = (long)(left < PACE_STEP_NS ? left : PACE_STEP_NS)};
        (void)nanosleep(&step, NULL);
        status = session_interrupted(session, error);
        left = end - now_ns(limits);
    }
    return status;
}

int64_t limits_wait_ms(struct limits_party *party) {
    if (party == NULL) {
        return 0;
    }
    int64_t now = now_ns(party->limits);
    int64_t requests = atomic_load(&party->requests.paid_ns) - now;
    int64_t bytes = atomic_load(&party->bytes.paid_ns) - now;
    int64_t cost = most_of(party, LIMITS_REQUESTS) == 0 ? 0 : cost_of(1, most_of(party, LIMITS_REQUESTS));
    requests = requests + cost > SECOND_NS ? requests + cost - SECOND_NS : 0; /* until there is room for one */
    int64_t wait = requests > bytes ? requests : bytes;
    return wait > 0 ? wait / 1000000 + 1 : 0;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

void limits_charge(struct limits *limits, struct limits_party *source, struct limits_party *tenant,
                   struct charge *charge) {
    if (limits != NULL) {
        charge_join(charge, &limits->memory);
    }
    if (source != NULL) {
        charge_join(charge, &source->memory);
    }
    limits_charge_tenant(tenant, charge);
}

void limits_charge_tenant(struct limits_party *tenant, struct charge *charge) {
    if (tenant != NULL) {
        charge_join(charge, &tenant->memory);
    }
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

void limits_full(struct limits *limits) {
    atomic_fetch_add_explicit(&limits->refused_full, 1, memory_order_relaxed);
}

static void write_refused(struct buffer *out, const char *what, const char *of, uint64_t count) {
    buffer_printf(out, "kimberlite_limit_refused_total{limit=\"%s%s\"} %llu\n", what, of, (unsigned long long)count);
}

void limits_write(struct limits *limits, struct buffer *out) {
    static const char *const whats[] = {"connections", "requests", "bytes", "memory"};
    static const char *const kinds[] = {"_per_source", "_per_tenant"};
    metrics_family(out, "kimberlite_limit_refused_total", "counter",
                   "Connections, requests and memory that a limit of that name has refused.");
    write_refused(out, "connections", "", atomic_load(&limits->refused_full));
    write_refused(out, "memory", "", atomic_load(&limits->refused_memory));
    for (size_t what = 0; what < LIMITS_WHATS; what++) {
        for (size_t kind = 0; kind < ARRAY_LENGTH(kinds); kind++) {
            write_refused(out, whats[what], kinds[kind], atomic_load(&limits->refused[kind][what]));
        }
    }
    metrics_family(out, "kimberlite_memory_held_bytes", "gauge",
                   "Memory of connections and statements, as limits.memory counts it.");
    buffer_printf(out, "kimberlite_memory_held_bytes %llu\n", (unsigned long long)atomic_load(&limits->memory.bytes));
}
