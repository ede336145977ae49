/*
 * A table of kept plans, searched by hash, and a ring of the hashes met lately: only what comes again is worth a plan.
 */
#include "engine/plan_cache.h"

#include <string.h>

#include "base/memory.h"

#define MET_MAX     256  /* a power of two */
#define GROWTH_FREE 1000 /* events that a log may grow by in any case before plans are made anew */

struct plan_kept {
    uint64_t hash;
    char *key;
    uint32_t key_length;
    uint32_t literal_count;
    enum type_id types[SQL_DIGEST_LITERALS_MAX];
    struct sql_statement *statement; /* NULL: planned each time */
    uint64_t position;               /* of the log when it was made */
    uint64_t used;                   /* the cache's clock then */
    bool lent;
};

struct plan_cache {
    uint64_t hashes[PLAN_CACHE_PLANS]; /* of the plans, searched without touching them */
    struct plan_kept *plans[PLAN_CACHE_PLANS];
    uint64_t met[MET_MAX];
    uint64_t clock;
};

struct plan_cache *plan_cache_new(void) {
    return mem_alloc_zero(1, sizeof(struct plan_cache));
}

static void kept_free(struct plan_kept *kept) {
    if (kept != NULL) {
        sql_statement_free(kept->statement);
        mem_free(kept->key);
        mem_free(kept);
    }
}

void plan_cache_free(struct plan_cache *cache) {
    if (cache != NULL) {
        for (uint32_t i = 0; i < PLAN_CACHE_PLANS; i++) {
            kept_free(cache->plans[i]);
        }
        mem_free(cache);
    }
}

static bool is_of(const struct plan_kept *kept, const struct sql_digest *digest) {
    if (kept->hash != digest->hash || kept->key_length != digest->key_length ||
        kept->literal_count != digest->literal_count || memcmp(kept->key, digest->key, kept->key_length) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < kept->literal_count; i++) {
        if (kept->types[i] != digest->literals[i].type) {
            return false;
        }
    }
    return true;
}

static struct plan_kept **find(struct plan_cache *cache, const struct sql_digest *digest) {
    for (uint32_t i = 0; i < PLAN_CACHE_PLANS; i++) {
        if (cache->hashes[i] == digest->hash && cache->plans[i] != NULL && is_of(cache->plans[i], digest)) {
            return &cache->plans[i];
        }
    }
    return NULL;
}

struct plan_kept *plan_cache_take(struct plan_cache *cache, const struct sql_host *host,
                                  const struct sql_digest *digest) {
    struct plan_kept **place = find(cache, digest);
    struct plan_kept *kept = place == NULL ? NULL : *place;
    if (kept == NULL || kept->statement == NULL || kept->lent) {
        return NULL;
    }
    bool current = false;
    uint64_t position = 0;
    if (sql_statement_current(kept->statement, host, &current, &position, NULL) != KMB_OK || !current ||
        position > kept->position * 2 + GROWTH_FREE) {
        kept_free(kept);
        *place = NULL;
        return NULL;
    }
    kept->lent = true;
    kept->used = ++cache->clock;
    return kept;
}

struct sql_statement *plan_kept_statement(const struct plan_kept *kept) {
    return kept->statement;
}

void plan_cache_give(struct plan_kept *kept) {
    kept->lent = false;
}

/* Makes the plan with parameters; NULL: it is not to be kept. */
static struct sql_statement *plan_key(const struct sql_host *host, const struct plan_kept *kept,
                                      const struct sql_statement *statement) {
    struct type types[SQL_DIGEST_LITERALS_MAX];
    struct sql_statement *made = NULL;
    if (!sql_statement_keepable(statement)) {
        return NULL;
    }
    for (uint32_t i = 0; i < kept->literal_count; i++) {
        types[i] = type_make(kept->types[i]);
    }
    struct slice key = slice_make(kept->key, kept->key_length);
    if (sql_prepare(host, key, types, kept->literal_count, &made, NULL) != KMB_OK ||
        sql_statement_parameter_count(made) != kept->literal_count || !sql_statements_alike(statement, made)) {
        sql_statement_free(made);
        return NULL;
    }
    return made;
}

/* A free place, or that of the plan used longest ago; NULL: all are lent. */
static struct plan_kept **place_for(struct plan_cache *cache) {
    struct plan_kept **oldest = NULL;
    for (uint32_t i = 0; i < PLAN_CACHE_PLANS; i++) {
        struct plan_kept **place = &cache->plans[i];
        if (*place == NULL) {
            return place;
        }
        if (!(*place)->lent && (oldest == NULL || (*place)->used < (*oldest)->used)) {
            oldest = place;
        }
    }
    return oldest;
}

void plan_cache_note(struct plan_cache *cache, const struct sql_host *host, const struct sql_digest *digest,
                     const struct sql_statement *statement) {
    uint64_t *met = &cache->met[digest->hash & (MET_MAX - 1)];
    if (*met != digest->hash) {
        *met = digest->hash;
        return;
    }
    struct plan_kept **place = find(cache, digest) == NULL ? place_for(cache) : NULL;
    struct plan_kept *kept = place == NULL ? NULL : mem_alloc_zero(1, sizeof(*kept));
    if (kept == NULL) {
        return;
    }
    kept->hash = digest->hash;
    kept->key_length = digest->key_length;
    kept->literal_count = digest->literal_count;
    kept->key = mem_alloc(digest->key_length + 1);
    if (kept->key == NULL) {
        kept_free(kept);
        return;
    }
    memcpy(kept->key, digest->key, digest->key_length);
    for (uint32_t i = 0; i < digest->literal_count; i++) {
        kept->types[i] = digest->literals[i].type;
    }
    bool current = false;
    kept->statement = plan_key(host, kept, statement);
    if (kept->statement != NULL) {
        (void)sql_statement_current(kept->statement, host, &current, &kept->position, NULL);
    }
    kept->used = ++cache->clock;
    kept_free(*place);
    *place = kept;
    cache->hashes[place - cache->plans] = kept->hash;
}
