/*
 * A list, searched from its beginning: a shard keeps samples of tens of tables, and a plan asks once a table. A table
 * is held while a plan uses it, so that it can be replaced meanwhile.
 */
#include "sql/statistics.h"

#include <pthread.h>

#include "base/assert.h"
#include "base/memory.h"

struct sql_statistics {
    pthread_mutex_t lock;
    struct statistics_table *first;
    size_t bytes;
    uint64_t clock;
};

struct sql_statistics *sql_statistics_new(void) {
    struct sql_statistics *statistics = mem_alloc_zero(1, sizeof(*statistics));
    if (statistics != NULL) {
        pthread_mutex_init(&statistics->lock, NULL);
    }
    return statistics;
}

void statistics_release(struct statistics_table *kept) {
    if (kept != NULL && atomic_fetch_sub(&kept->references, 1) == 1) {
        sql_context_free(&kept->memory);
        mem_free(kept);
    }
}

void sql_statistics_free(struct sql_statistics *statistics) {
    if (statistics == NULL) {
        return;
    }
    while (statistics->first != NULL) {
        struct statistics_table *kept = statistics->first;
        ASSERT(atomic_load(&kept->references) == 1);
        statistics->first = kept->next;
        statistics_release(kept);
    }
    pthread_mutex_destroy(&statistics->lock);
    mem_free(statistics);
}

struct statistics_table *statistics_table_new(struct sql_context *parent, const struct kernel_view *view,
                                              const struct table_definition *table) {
    struct statistics_table *made = mem_alloc_zero(1, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    atomic_init(&made->references, 1);
    made->tenant = view->state->tenant;
    made->table = table->id;
    made->version = table->version;
    made->position = view->state->position;
    atomic_init(&made->checked, made->position);
    made->settings = (struct sql_settings){.memory_bytes_max = STATISTICS_TABLE_BYTES_MAX};
    sql_context_init(&made->memory, &made->settings, parent->error);
    made->memory.parent = parent;
    return made;
}

static bool is_same(const struct statistics_table *kept, struct tenant_id tenant, struct table_id table) {
    return tenant_id_equal(kept->tenant, tenant) && table_id_equal(kept->table, table);
}

/* Takes one out of the list. */
static void drop(struct sql_statistics *statistics, struct statistics_table **place) {
    struct statistics_table *kept = *place;
    *place = kept->next;
    statistics->bytes -= kept->memory.arena.bytes_used;
    statistics_release(kept);
}

void statistics_keep(struct sql_statistics *statistics, struct statistics_table *kept) {
    kept->memory.parent = NULL;
    kept->memory.error = NULL;
    pthread_mutex_lock(&statistics->lock);
    for (struct statistics_table **place = &statistics->first; *place != NULL;) {
        if (is_same(*place, kept->tenant, kept->table)) {
            drop(statistics, place);
        } else {
            place = &(*place)->next;
        }
    }
    atomic_fetch_add(&kept->references, 1);
    kept->next = statistics->first;
    kept->used = ++statistics->clock;
    statistics->first = kept;
    statistics->bytes += kept->memory.arena.bytes_used;
    while (statistics->bytes > STATISTICS_BYTES_MAX) {
        struct statistics_table **oldest = &statistics->first;
        for (struct statistics_table **place = &statistics->first; *place != NULL; place = &(*place)->next) {
            oldest = (*place)->used < (*oldest)->used ? place : oldest;
        }
        drop(statistics, oldest);
    }
    pthread_mutex_unlock(&statistics->lock);
}

struct statistics_table *statistics_find(struct sql_statistics *statistics, struct tenant_id tenant,
                                         const struct table_definition *table) {
    pthread_mutex_lock(&statistics->lock);
    struct statistics_table *kept = statistics->first;
    while (kept != NULL && !is_same(kept, tenant, table->id)) {
        kept = kept->next;
    }
    if (kept != NULL && kept->version.value != table->version.value) {
        kept = NULL;
    }
    if (kept != NULL) {
        kept->used = ++statistics->clock;
        atomic_fetch_add(&kept->references, 1);
    }
    pthread_mutex_unlock(&statistics->lock);
    return kept;
}
