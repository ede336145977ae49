/*
 * Some maps, each with a lock of its own, from tenant, table and index to counters. A lock is held for a look-up alone:
 * the counters are added to without one, for they are never freed before the end.
 */
#include "sql/usage.h"

#include <pthread.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"

#define STRIPES  16
#define COUNTERS 6
#define WHOLE    UINT32_MAX             /* in place of an index's number: the table's own counters */
#define TENANT   ((struct table_id){0}) /* in place of a table: those of the tenant's transactions */

struct place {
    _Atomic uint64_t counters[COUNTERS];
};

struct stripe {
    pthread_mutex_t lock;
    struct map map; /* struct key -> struct place */
};

struct key {
    uint32_t tenant;
    uint32_t table;
    uint32_t index;
};

struct sql_usage {
    int64_t since_us;
    struct stripe stripes[STRIPES];
};

struct sql_usage *sql_usage_new(int64_t now_us) {
    struct sql_usage *usage = mem_alloc_zero(1, sizeof(*usage));
    for (unsigned i = 0; usage != NULL && i < STRIPES; i++) {
        pthread_mutex_init(&usage->stripes[i].lock, NULL);
    }
    if (usage != NULL) {
        usage->since_us = now_us;
    }
    return usage;
}

void sql_usage_free(struct sql_usage *usage) {
    for (unsigned i = 0; usage != NULL && i < STRIPES; i++) {
        const struct map_entry *entry = NULL;
        for (size_t at = 0; (entry = map_next(&usage->stripes[i].map, &at)) != NULL;) {
            mem_free(entry->value);
        }
        map_free(&usage->stripes[i].map);
        pthread_mutex_destroy(&usage->stripes[i].lock);
    }
    mem_free(usage);
}

int64_t sql_usage_since(const struct sql_usage *usage) {
    return usage == NULL ? 0 : usage->since_us;
}

/* make: where there is none yet. NULL: there is none. */
static struct place *place_of(struct sql_usage *usage, struct tenant_id tenant, struct table_id table, uint32_t index,
                              bool make) {
    const struct key key = {.tenant = (uint32_t)tenant.value, .table = (uint32_t)table.value, .index = index};
    if (usage == NULL) {
        return NULL;
    }
    struct slice bytes = slice_make(&key, sizeof(key));
    struct stripe *stripe = &usage->stripes[(key.tenant * 31 + key.table) % STRIPES];
    pthread_mutex_lock(&stripe->lock);
    struct place *place = map_get(&stripe->map, bytes);
    if (place == NULL && make && stripe->map.live_count < USAGE_PLACES_MAX / STRIPES) {
        place = mem_alloc_zero(1, sizeof(*place));
        if (place != NULL && !map_put(&stripe->map, bytes, place)) {
            mem_free(place);
            place = NULL;
        }
    }
    pthread_mutex_unlock(&stripe->lock);
    return place;
}

static void add(struct place *place, const uint64_t *more, unsigned count) {
    for (unsigned i = 0; place != NULL && i < count; i++) {
        if (more[i] > 0) {
            atomic_fetch_add_explicit(&place->counters[i], more[i], memory_order_relaxed);
        }
    }
}

static uint64_t get(struct place *place, unsigned at) {
    return place == NULL ? 0 : atomic_load_explicit(&place->counters[at], memory_order_relaxed);
}

void usage_add_table(struct sql_usage *usage, struct tenant_id tenant, struct table_id table,
                     const struct usage_table *more) {
    const uint64_t counters[] = {more->scans,    more->scan_rows, more->fetched,
                                 more->inserted, more->updated,   more->deleted};
    add(place_of(usage, tenant, table, WHOLE, true), counters, 6);
}

void usage_add_index(struct sql_usage *usage, struct tenant_id tenant, struct table_id table, struct index_id index,
                     const struct usage_index *more) {
    const uint64_t counters[] = {more->scans, more->rows};
    add(place_of(usage, tenant, table, (uint32_t)index.value, true), counters, 2);
}

void usage_add_transaction(struct sql_usage *usage, struct tenant_id tenant, bool committed) {
    const uint64_t counters[] = {committed, !committed};
    add(place_of(usage, tenant, TENANT, WHOLE, true), counters, 2);
}

struct usage_transactions usage_of_transactions(struct sql_usage *usage, struct tenant_id tenant) {
    struct place *place = place_of(usage, tenant, TENANT, WHOLE, false);
    return (struct usage_transactions){.committed = get(place, 0), .rolled_back = get(place, 1)};
}

void usage_tally_end(struct usage_tally *tally) {
    const struct usage_index index = {.scans = tally->scans, .rows = tally->rows};
    const struct usage_table table = {.scans = tally->whole ? tally->scans : 0,
                                      .scan_rows = tally->whole ? tally->rows : 0,
                                      .fetched = tally->fetched};
    if (tally->scans > 0 && !tally->whole) {
        usage_add_index(tally->usage, tally->tenant, tally->table, tally->index, &index);
    }
    if (tally->whole || tally->fetched > 0) {
        usage_add_table(tally->usage, tally->tenant, tally->table, &table);
    }
    tally->scans = 0;
    tally->rows = 0;
    tally->fetched = 0;
    tally->whole = false;
}

struct usage_table usage_of_table(struct sql_usage *usage, struct tenant_id tenant, struct table_id table) {
    struct place *place = place_of(usage, tenant, table, WHOLE, false);
    return (struct usage_table){.scans = get(place, 0),
                                .scan_rows = get(place, 1),
                                .fetched = get(place, 2),
                                .inserted = get(place, 3),
                                .updated = get(place, 4),
                                .deleted = get(place, 5)};
}

struct usage_index usage_of_index(struct sql_usage *usage, struct tenant_id tenant, struct table_id table,
                                  struct index_id index) {
    struct place *place = place_of(usage, tenant, table, (uint32_t)index.value, false);
    return (struct usage_index){.scans = get(place, 0), .rows = get(place, 1)};
}
