/*
 * Statistics of statements.
 *
 * Taking the constants out of a text costs a pass over it, for one that failed even a parse: more than counting may. So
 * texts are known again as they were written, by a hash of 128 bits under a seed of the process, in a table of one
 * place for each value of a few bits: a statement that is sent with parameters finds its entry there. What is not found
 * is made plain, outside of the lock, and looked up by that.
 *
 * Durations are counted in classes, four for each power of two of microseconds, from which percentiles are told to
 * about a tenth. Mean and deviation are Welford's.
 *
 * When there is no room, a twentieth of the entries gives way, those with the least use, which is the number of calls,
 * made one hundredth less each time: a statement that was called often long ago does not stay for ever.
 */
#include "server/statements.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "base/memory.h"
#include "sql/parse/normalise.h"

#define CLASSES         152  /* up to 2^38 us, three days */
#define TEXT_MAX        4096 /* of a text, as it is shown */
#define USE_KEPT        0.99 /* of an entry's use, each time others give way */
#define EVICTED_LEAST   10
#define ALIASES_PER_ONE 4
#define NOT_PLAIN       "(not shown)" /* what can not be read as SQL, or is too long */

struct entry {
    uint32_t at;      /* its place in the list */
    uint32_t version; /* changes when the entry is of another statement; 0: free */
    uint32_t tenant;
    struct slice key; /* tenant, user, text; memory of its own */
    struct slice user;
    struct slice text; /* TEXT_MAX bytes of it at most */
    int64_t id;
    double use;
    uint64_t calls;
    uint64_t errors;
    uint64_t rows;
    uint64_t log_bytes;
    uint64_t syncs;
    int64_t sync_ns;
    int64_t total_ns;
    int64_t least_ns;
    int64_t most_ns;
    double mean_ns;
    double squares; /* of the distances from the mean, added up */
    int64_t first_us;
    int64_t last_us;
    uint32_t classes[CLASSES];
};

/* A text as it was written, and where it leads. */
struct alias {
    uint64_t hash[2];
    struct statements_place place;
};

struct statements {
    const struct environment *environment;
    uint64_t seeds[2];
    pthread_mutex_t lock; /* of all that follows */
    struct map map;       /* key -> struct entry */
    struct entry **entries;
    size_t entry_count;
    size_t entries_max;
    uint32_t *free; /* places of entries that are none */
    size_t free_count;
    uint32_t *order; /* for evict() */
    struct alias *aliases;
    size_t alias_mask;
    uint32_t version_next;
    uint64_t evicted;
};

struct statements *statements_new(const struct environment *environment, size_t entries_max) {
    struct statements *statements = mem_alloc_zero(1, sizeof(*statements));
    size_t aliases = 1;
    while (aliases < entries_max * ALIASES_PER_ONE) {
        aliases *= 2;
    }
    if (statements == NULL) {
        return NULL;
    }
    pthread_mutex_init(&statements->lock, NULL);
    statements->environment = environment;
    statements->entries_max = entries_max;
    statements->alias_mask = aliases - 1;
    statements->version_next = 1;
    statements->entries = mem_alloc_zero(entries_max + 1, sizeof(struct entry *));
    statements->free = mem_alloc_zero(entries_max + 1, sizeof(uint32_t));
    statements->order = mem_alloc_zero(entries_max + 1, sizeof(uint32_t));
    statements->aliases = mem_alloc_zero(aliases, sizeof(struct alias));
    bool made = statements->entries != NULL && statements->free != NULL && statements->order != NULL &&
                statements->aliases != NULL &&
                environment->random(environment->context, statements->seeds, sizeof(statements->seeds));
    if (!made) {
        statements_free(statements);
        return NULL;
    }
    return statements;
}

static void entry_forget(struct statements *statements, struct entry *entry) {
    (void)map_remove(&statements->map, entry->key);
    mem_free((void *)(uintptr_t)entry->key.bytes);
    *entry = (struct entry){.at = entry->at};
    statements->free[statements->free_count++] = entry->at;
}

void statements_free(struct statements *statements) {
    if (statements == NULL) {
        return;
    }
    for (size_t i = 0; i < statements->entry_count; i++) {
        mem_free((void *)(uintptr_t)statements->entries[i]->key.bytes);
        mem_free(statements->entries[i]);
    }
    map_free(&statements->map);
    mem_free(statements->entries);
    mem_free(statements->free);
    mem_free(statements->order);
    mem_free(statements->aliases);
    pthread_mutex_destroy(&statements->lock);
    mem_free(statements);
}

/* --- classes of durations ----------------------------------------------------------------------------------------- */

static unsigned class_of(int64_t duration_ns) {
    uint64_t us = duration_ns < 0 ? 0 : (uint64_t)duration_ns / 1000;
    if (us < 4) {
        return (unsigned)us;
    }
    unsigned power = 63 - (unsigned)__builtin_clzll(us);
    unsigned class = 4 * (power - 1) + (unsigned)(us >> (power - 2) & 3);
    return class < CLASSES ? class : CLASSES - 1;
}

/* The least duration of a class. */
static double class_begin_ns(unsigned class) {
    return class < 4 ? class * 1e3 : ldexp(4 + class % 4, (int)class / 4 - 1) * 1e3;
}

/* What a share of the runs took no longer than, as if those of a class lay evenly in it. */
static double percentile_ns(const struct entry *entry, double share) {
    double wanted = share * (double)entry->calls;
    double before = 0;
    for (unsigned i = 0; i < CLASSES; i++) {
        double count = entry->classes[i];
        if (count > 0 && before + count >= wanted) {
            double begin = class_begin_ns(i);
            double found = begin + (class_begin_ns(i + 1) - begin) * (wanted - before) / count;
            found = found > (double)entry->most_ns ? (double)entry->most_ns : found;
            return found < (double)entry->least_ns ? (double)entry->least_ns : found;
        }
        before += count;
    }
    return (double)entry->most_ns;
}

/* --- counting ----------------------------------------------------------------------------------------------------- */

static struct alias *alias_of(struct statements *statements, struct slice text, uint64_t hash[2]) {
    hash[0] = map_hash(text.bytes, text.length, statements->seeds[0]);
    hash[1] = map_hash(text.bytes, text.length, statements->seeds[1]);
    return &statements->aliases[hash[0] & statements->alias_mask];
}

/* The entry that a place is of; NULL: it has given way. Under the lock. */
static struct entry *entry_at(struct statements *statements, struct statements_place place) {
    struct entry *entry =
        place.version == 0 || place.entry >= statements->entry_count ? NULL : statements->entries[place.entry];
    return entry != NULL && entry->version == place.version ? entry : NULL;
}

static void count(struct statements *statements, struct entry *entry, const struct statements_run *run) {
    int64_t duration = run->duration_ns < 0 ? 0 : run->duration_ns;
    entry->last_us = statements->environment->time_us(statements->environment->context);
    entry->first_us = entry->calls == 0 ? entry->last_us : entry->first_us;
    entry->least_ns = entry->calls == 0 || duration < entry->least_ns ? duration : entry->least_ns;
    entry->most_ns = duration > entry->most_ns ? duration : entry->most_ns;
    entry->calls++;
    entry->use += 1;
    entry->errors += !run->succeeded;
    entry->rows += run->rows;
    entry->log_bytes += run->log_bytes;
    entry->total_ns += duration;
    double distance = (double)duration - entry->mean_ns;
    entry->mean_ns += distance / (double)entry->calls;
    entry->squares += distance * ((double)duration - entry->mean_ns);
    uint32_t *class = &entry->classes[class_of(duration)];
    *class += *class < UINT32_MAX;
}

static int by_use(const void *a, const void *b, void *context) {
    struct entry *const *entries = context;
    double x = entries[*(const uint32_t *)a]->use;
    double y = entries[*(const uint32_t *)b]->use;
    return (x > y) - (x < y);
}

/* Makes room. */
static void evict(struct statements *statements) {
    size_t count = statements->entry_count;
    size_t leaving = count / 20 > EVICTED_LEAST ? count / 20 : EVICTED_LEAST;
    for (size_t i = 0; i < count; i++) {
        statements->order[i] = (uint32_t)i;
        statements->entries[i]->use *= USE_KEPT;
    }
    qsort_r(statements->order, count, sizeof(*statements->order), by_use, statements->entries);
    for (size_t i = 0; i < count && i < leaving; i++) {
        struct entry *entry = statements->entries[statements->order[i]];
        ASSERT(entry->version != 0); /* none was free */
        statements->evicted++;
        entry_forget(statements, entry);
    }
}

/* One that is free; NULL: no memory. */
static struct entry *entry_take(struct statements *statements) {
    if (statements->free_count == 0 && statements->entry_count < statements->entries_max) {
        struct entry *entry = mem_alloc_zero(1, sizeof(*entry));
        if (entry != NULL) {
            entry->at = (uint32_t)statements->entry_count;
            statements->entries[statements->entry_count++] = entry;
        }
        return entry;
    }
    if (statements->free_count == 0) {
        evict(statements);
    }
    return statements->entries[statements->free[--statements->free_count]];
}

/* The entry of a key, made where there is none; NULL: no memory. user_length: of the part between tenant and text. */
static struct entry *entry_of(struct statements *statements, struct slice key, size_t user_length) {
    struct entry *entry = map_get(&statements->map, key);
    if (entry != NULL) {
        return entry;
    }
    entry = entry_take(statements);
    uint8_t *copy = entry == NULL ? NULL : mem_dup(key.bytes, key.length);
    if (copy == NULL || !map_put(&statements->map, key, entry)) {
        if (entry != NULL) {
            statements->free[statements->free_count++] = entry->at;
        }
        mem_free(copy);
        return NULL;
    }
    size_t head = sizeof(entry->tenant) + user_length + 1;
    memcpy(&entry->tenant, copy, sizeof(entry->tenant));
    entry->version = statements->version_next;
    statements->version_next += statements->version_next == UINT32_MAX ? 2 : 1;
    entry->key = slice_make(copy, key.length);
    entry->user = slice_make(copy + sizeof(entry->tenant), user_length);
    entry->text = slice_make(copy + head, key.length - head);
    entry->id = (int64_t)map_hash(entry->text.bytes, entry->text.length, 0);
    return entry;
}

/* The text without its constants, as far as it is shown. */
static void append_plain(const struct statements_run *run, struct buffer *out) {
    size_t start = out->length;
    if (!sql_normalise(run->text, run->succeeded, out)) {
        buffer_append_text(out, NOT_PLAIN);
    }
    if (out->length - start > TEXT_MAX) {
        size_t length = TEXT_MAX;
        while ((out->bytes[start + length] & 0xc0) == 0x80) {
            length--; /* no character is cut */
        }
        out->length = start + length;
    }
}

struct statements_place statements_add(struct statements *statements, const struct statements_run *run) {
    uint64_t hash[2];
    struct statements_place place = {0};
    if (statements->entries_max == 0 || run->text.length == 0) {
        return place;
    }
    struct alias *alias = alias_of(statements, run->text, hash);
    size_t user_length = strlen(run->user);
    pthread_mutex_lock(&statements->lock);
    struct entry *entry =
        alias->hash[0] == hash[0] && alias->hash[1] == hash[1] ? entry_at(statements, alias->place) : NULL;
    if (entry != NULL && entry->tenant == run->tenant && slice_equal(entry->user, slice_make(run->user, user_length))) {
        place = alias->place;
        count(statements, entry, run);
        pthread_mutex_unlock(&statements->lock);
        return place;
    }
    pthread_mutex_unlock(&statements->lock);
    struct buffer key = {0};
    buffer_append(&key, &run->tenant, sizeof(run->tenant));
    buffer_append(&key, run->user, user_length + 1);
    append_plain(run, &key);
    if (buffer_ok(&key)) {
        pthread_mutex_lock(&statements->lock);
        entry = entry_of(statements, buffer_slice(&key), user_length);
        if (entry != NULL) {
            place = (struct statements_place){.entry = entry->at, .version = entry->version};
            count(statements, entry, run);
            *alias = (struct alias){.hash = {hash[0], hash[1]}, .place = place};
        }
        pthread_mutex_unlock(&statements->lock);
    }
    buffer_free(&key);
    return place;
}

void statements_synced(struct statements *statements, struct statements_place place, int64_t wait_ns) {
    if (place.version == 0) {
        return;
    }
    pthread_mutex_lock(&statements->lock);
    struct entry *entry = entry_at(statements, place);
    if (entry != NULL) {
        entry->syncs++;
        entry->sync_ns += wait_ns < 0 ? 0 : wait_ns;
    }
    pthread_mutex_unlock(&statements->lock);
}

void statements_reset(struct statements *statements, uint32_t tenant) {
    pthread_mutex_lock(&statements->lock);
    for (size_t i = 0; i < statements->entry_count; i++) {
        struct entry *entry = statements->entries[i];
        if (entry->version != 0 && entry->tenant == tenant) {
            entry_forget(statements, entry);
        }
    }
    pthread_mutex_unlock(&statements->lock);
}

void statements_counts(struct statements *statements, size_t *kept, uint64_t *evicted) {
    pthread_mutex_lock(&statements->lock);
    *kept = statements->map.live_count;
    *evicted = statements->evicted;
    pthread_mutex_unlock(&statements->lock);
}

/* --- telling ------------------------------------------------------------------------------------------------------ */

static bool is_told(const struct entry *entry, uint32_t tenant) {
    return entry->version != 0 && (tenant == 0 || entry->tenant == tenant);
}

static struct slice copy_text(uint8_t **to, struct slice text) {
    struct slice copy = slice_make(*to, text.length);
    if (text.length > 0) {
        memcpy(*to, text.bytes, text.length);
    }
    *to += text.length;
    return copy;
}

static struct sql_statement_figures figures_of(const struct entry *entry, uint8_t **texts) {
    double calls = (double)entry->calls;
    return (struct sql_statement_figures){
        .tenant = entry->tenant,
        .user = copy_text(texts, entry->user),
        .text = copy_text(texts, entry->text),
        .id = entry->id,
        .calls = entry->calls,
        .errors = entry->errors,
        .rows = entry->rows,
        .total = (double)entry->total_ns / 1e6,
        .least = (double)entry->least_ns / 1e6,
        .most = (double)entry->most_ns / 1e6,
        .mean = entry->mean_ns / 1e6,
        .deviation = calls == 0 ? 0 : sqrt(entry->squares / calls) / 1e6,
        .median = percentile_ns(entry, 0.5) / 1e6,
        .p95 = percentile_ns(entry, 0.95) / 1e6,
        .p99 = percentile_ns(entry, 0.99) / 1e6,
        .log_bytes = entry->log_bytes,
        .syncs = entry->syncs,
        .sync_total = (double)entry->sync_ns / 1e6,
        .first_us = entry->first_us,
        .last_us = entry->last_us,
    };
}

struct sql_statement_figures *statements_list(struct statements *statements, uint32_t tenant, size_t *count) {
    size_t told = 0;
    size_t bytes = 0;
    pthread_mutex_lock(&statements->lock);
    for (size_t i = 0; i < statements->entry_count; i++) {
        const struct entry *entry = statements->entries[i];
        told += is_told(entry, tenant);
        bytes += is_told(entry, tenant) ? entry->user.length + entry->text.length : 0;
    }
    struct sql_statement_figures *list = mem_alloc(told * sizeof(*list) + bytes + 1);
    uint8_t *texts = list == NULL ? NULL : (uint8_t *)(list + told);
    *count = 0;
    for (size_t i = 0; list != NULL && i < statements->entry_count; i++) {
        if (is_told(statements->entries[i], tenant)) {
            list[(*count)++] = figures_of(statements->entries[i], &texts);
        }
    }
    pthread_mutex_unlock(&statements->lock);
    return list;
}
