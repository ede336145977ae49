/*
 * Putting and deleting keys in a fork.
 *
 * The way to the last put is remembered for each tree (its "finger"): loads and the history of neighbouring rows mostly
 * hit the same leaf again, and then no descent is made. Pages below a finger are owned and pinned.
 *
 * The state hash is a sum modulo 2^256 of one BLAKE3 hash per key of CURRENT and META, so it does not depend on order:
 * a put subtracts the old hash and adds the new. A put that changes nothing is noticed and does nothing.
 */
#include "store/internal.h"

#define DIGEST_STACK 1024u

static struct hash256 pair_digest(unsigned tree_id, struct slice key, struct slice first, struct slice second) {
    uint8_t head[5];
    head[0] = (uint8_t)tree_id;
    codec_put_u32(head + 1, (uint32_t)key.length);
    uint8_t joined[DIGEST_STACK];
    size_t length = sizeof head + key.length + first.length + second.length;
    if (length > sizeof joined) {
        struct slice parts[4] = {slice_make(head, sizeof head), key, first, second};
        return hash_blake3_parts(parts, 4);
    }
    uint8_t *at = joined;
    memcpy(at, head, sizeof head);
    at += sizeof head;
    memcpy(at, key.bytes, key.length);
    at += key.length;
    if (first.length > 0) {
        memcpy(at, first.bytes, first.length);
        at += first.length;
    }
    if (second.length > 0) {
        memcpy(at, second.bytes, second.length);
    }
    return hash_blake3(joined, length);
}

static void sum_add(uint64_t sum[4], const struct hash256 *hash) {
    unsigned __int128 carry = 0;
    for (unsigned i = 0; i < 4; i++) {
        carry += (unsigned __int128)sum[i] + page_u64(hash->bytes + 8 * (size_t)i);
        sum[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

static void sum_subtract(uint64_t sum[4], const struct hash256 *hash) {
    uint64_t borrow = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t part = page_u64(hash->bytes + 8 * (size_t)i);
        uint64_t before = sum[i];
        sum[i] = before - part - borrow;
        borrow = before < part || (before == part && borrow != 0) ? 1 : 0;
    }
}

static bool parts_equal(struct slice whole, struct slice first, struct slice second) {
    return whole.length == first.length + second.length &&
           (first.length == 0 || memcmp(whole.bytes, first.bytes, first.length) == 0) &&
           (second.length == 0 || memcmp(whole.bytes + first.length, second.bytes, second.length) == 0);
}

/* Does the key belong into the finger's leaf? Then *index and *exact say where. Big keys are left to the descent. */
static bool finger_covers(struct store *store, struct store_path *path, struct slice key, bool *exact) {
    struct store_step *leaf = &path->steps[path->depth - 1];
    unsigned count = page_head(leaf->image)->count;
    if (count == 0) {
        return false;
    }
    const uint8_t *last = page_cell(leaf->image, count - 1);
    const uint8_t *first = page_cell(leaf->image, 0);
    if (cell_key_big(last) || cell_key_big(first)) {
        return false;
    }
    *exact = false;
    if (slice_compare(key, slice_make(cell_key(last), cell_key_length(last))) <= 0) {
        return slice_compare(key, slice_make(cell_key(first), cell_key_length(first))) >= 0 &&
               page_search(store, leaf->image, key, &leaf->index, exact, NULL) == KMB_OK;
    }
    leaf->index = count;
    for (unsigned i = path->depth - 1; i > 0; i--) {
        const struct store_step *step = &path->steps[i - 1];
        if (step->index + 1u < page_head(step->image)->count) {
            const uint8_t *bound = page_cell(step->image, step->index + 1);
            return !cell_key_big(bound) && slice_compare(key, slice_make(cell_key(bound), cell_key_length(bound))) < 0;
        }
    }
    return true;
}

static enum kmb_status tree_first_leaf(struct store_fork *fork, uint32_t tenant, unsigned tree_id,
                                       struct tree_state *tree, struct store_path *path, struct kmb_error *error) {
    struct store_step *step = &path->steps[0];
    uint64_t generation = fork->version->generation;
    enum kmb_status status = fork_page_new(fork, &step->slot, &step->entry, &step->image, error);
    if (status != KMB_OK) {
        return status;
    }
    page_start(step->image, PAGE_LEAF, 0, tenant, tree_id, generation);
    step->index = 0;
    path->depth = 1;
    tree->level = 0;
    memset(tree->ref, 0, REF_SIZE);
    codec_put_u64(tree->ref, step->slot);
    return KMB_OK;
}

/* A key's stored form: itself, or a prefix and a blob. */
static enum kmb_status key_store(struct store_fork *fork, uint32_t tenant, struct slice key,
                                 uint8_t stored[KEY_PREFIX + BLOB_REF_SIZE], struct cell *cell,
                                 struct kmb_error *error) {
    cell->key = key;
    cell->key_big = key.length > KEY_INLINE_MAX;
    if (!cell->key_big) {
        return KMB_OK;
    }
    memcpy(stored, key.bytes, KEY_PREFIX);
    cell->key = slice_make(stored, KEY_PREFIX + BLOB_REF_SIZE);
    return blob_write(fork->store, fork->version->generation, fork, tenant, key, slice_make(NULL, 0),
                      stored + KEY_PREFIX, error);
}

/* What a put knows between its steps. */
struct put {
    struct store_fork *fork;
    uint32_t tenant;
    unsigned tree_id;
    struct tree_state *tree;
    uint64_t *hash;
    struct slice key;
    struct slice first;
    struct slice second;
};

/* The value's form in its cell: as given, or a blob. */
static enum kmb_status value_store(const struct put *put, uint8_t reference[BLOB_REF_SIZE], struct cell *cell,
                                   struct kmb_error *error) {
    cell->first = put->first;
    cell->second = put->second;
    cell->value_big = CELL_HEAD + cell->key.length + put->first.length + put->second.length > CELL_MAX;
    if (!cell->value_big) {
        return KMB_OK;
    }
    cell->first = slice_make(reference, BLOB_REF_SIZE);
    cell->second = slice_make(NULL, 0);
    return blob_write(put->fork->store, put->fork->version->generation, put->fork, put->tenant, put->first, put->second,
                      reference, error);
}

/* Looks at the value that is there. *same: nothing is to be done. */
static enum kmb_status put_compare(const struct put *put, const uint8_t *cell, bool *same, struct kmb_error *error) {
    *same = false;
    if (put->hash == NULL && cell_value_big(cell)) {
        return KMB_OK;
    }
    struct buffer scratch = {0};
    struct slice old = {0};
    enum kmb_status status = cell_value_whole(put->fork->store, put->tenant, cell, &scratch, &old, error);
    if (status == KMB_OK) {
        *same = parts_equal(old, put->first, put->second);
        if (!*same && put->hash != NULL) {
            struct hash256 gone = pair_digest(put->tree_id, put->key, old, slice_make(NULL, 0));
            sum_subtract(put->hash, &gone);
        }
    }
    buffer_free(&scratch);
    return status;
}

static enum kmb_status put_over(const struct put *put, struct store_path *path, struct kmb_error *error) {
    struct store_step *leaf = &path->steps[path->depth - 1];
    uint8_t key_bytes[KEY_INLINE_MAX];
    uint8_t reference[BLOB_REF_SIZE];
    uint8_t old_reference[BLOB_REF_SIZE];
    struct cell old = cell_parts(page_cell(leaf->image, leaf->index));
    struct cell cell = {.key_big = old.key_big, .key = slice_make(key_bytes, old.key.length)};
    memcpy(key_bytes, old.key.bytes, old.key.length);
    bool old_big = old.value_big;
    if (old_big) {
        memcpy(old_reference, old.first.bytes, BLOB_REF_SIZE);
    }
    enum kmb_status status = value_store(put, reference, &cell, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!page_replace(leaf->image, leaf->index, &cell)) {
        page_remove(leaf->image, leaf->index);
        status = path_insert(put->fork, put->tenant, put->tree_id, put->tree, path, &cell, error);
    }
    if (status == KMB_OK && old_big) {
        status = blob_give_up(put->fork, put->tenant, old_reference, error);
    }
    return status;
}

static enum kmb_status put_new(const struct put *put, struct store_path *path, struct kmb_error *error) {
    uint8_t stored[KEY_PREFIX + BLOB_REF_SIZE];
    uint8_t reference[BLOB_REF_SIZE];
    struct cell cell = {0};
    enum kmb_status status = key_store(put->fork, put->tenant, put->key, stored, &cell, error);
    if (status == KMB_OK) {
        status = value_store(put, reference, &cell, error);
    }
    if (status == KMB_OK) {
        status = path_insert(put->fork, put->tenant, put->tree_id, put->tree, path, &cell, error);
    }
    if (status == KMB_OK) {
        put->tree->count++;
    }
    return status;
}

enum kmb_status tree_put(struct store_fork *fork, uint32_t tenant, unsigned tree_id, struct tree_state *tree,
                         struct finger *finger, uint64_t *hash, struct slice key, struct slice first,
                         struct slice second, struct kmb_error *error) {
    struct put put = {fork, tenant, tree_id, tree, hash, key, first, second};
    struct store_path local = {0};
    struct store_path *path = finger == NULL ? &local : &finger->path;
    bool exact = false;
    bool owned = true;
    enum kmb_status status = KMB_OK;
    if (finger == NULL || !finger->valid || finger->tenant != tenant ||
        !finger_covers(fork->store, path, key, &exact)) {
        if (finger != NULL && finger->valid) {
            finger->valid = false;
            path_drop(path);
        }
        status = tree_descend(fork->store, tenant, tree, key, path, &exact, error);
        owned = false;
    }
    bool same = false;
    if (status == KMB_OK && exact) {
        const struct store_step *leaf = &path->steps[path->depth - 1];
        status = put_compare(&put, page_cell(leaf->image, leaf->index), &same, error);
    }
    if (status == KMB_OK && !same) {
        if (path->depth == 0) {
            status = tree_first_leaf(fork, tenant, tree_id, tree, path, error);
        } else if (!owned) {
            status = path_own(fork, tree, path, error);
        }
        if (status == KMB_OK) {
            status = exact ? put_over(&put, path, error) : put_new(&put, path, error);
        }
        if (status == KMB_OK && hash != NULL) {
            struct hash256 added = pair_digest(tree_id, key, first, second);
            sum_add(hash, &added);
        }
        owned = true;
    }
    if (status == KMB_OK && finger != NULL && owned && path->depth > 0) {
        finger->valid = true;
        finger->tenant = tenant;
        return KMB_OK;
    }
    path_drop(path);
    if (finger != NULL) {
        finger->valid = false;
    }
    return status;
}

enum kmb_status tree_delete(struct store_fork *fork, uint32_t tenant, unsigned tree_id, struct tree_state *tree,
                            uint64_t *hash, struct slice key, bool *found, struct kmb_error *error) {
    struct put put = {.fork = fork, .tenant = tenant, .tree_id = tree_id, .tree = tree, .hash = hash, .key = key};
    struct store_path path = {0};
    bool exact = false;
    enum kmb_status status = tree_descend(fork->store, tenant, tree, key, &path, &exact, error);
    if (found != NULL) {
        *found = exact;
    }
    if (status != KMB_OK || !exact) {
        path_drop(&path);
        return status;
    }
    const struct store_step *leaf = &path.steps[path.depth - 1];
    struct buffer scratch = {0};
    if (hash != NULL) {
        struct slice old = {0};
        status = cell_value_whole(fork->store, tenant, page_cell(leaf->image, leaf->index), &scratch, &old, error);
        if (status == KMB_OK) {
            struct hash256 gone = pair_digest(put.tree_id, key, old, slice_make(NULL, 0));
            sum_subtract(hash, &gone);
        }
    }
    buffer_free(&scratch);
    if (status == KMB_OK) {
        status = path_own(fork, tree, &path, error);
    }
    if (status != KMB_OK) {
        path_drop(&path);
        return status;
    }
    uint8_t blobs[2][BLOB_REF_SIZE];
    unsigned blob_count = 0;
    const uint8_t *cell = page_cell(leaf->image, leaf->index);
    if (cell_key_big(cell)) {
        memcpy(blobs[blob_count++], cell_key(cell) + KEY_PREFIX, BLOB_REF_SIZE);
    }
    if (cell_value_big(cell)) {
        memcpy(blobs[blob_count++], cell_value(cell), BLOB_REF_SIZE);
    }
    page_remove(leaf->image, leaf->index);
    tree->count--;
    status = path_shrink(fork, tenant, tree, &path, error);
    while (blob_count > 0 && status == KMB_OK) {
        status = blob_give_up(fork, tenant, blobs[--blob_count], error);
    }
    return status;
}

/* --- the public face --------------------------------------------------------------------------------------------- */

static enum kmb_status fork_ready(struct store_fork *fork, struct slice key, size_t value_length,
                                  struct kmb_error *error) {
    if (fork->broken != KMB_OK) {
        return error_set(error, fork->broken, "the change failed before: %s", fork->why.message);
    }
    if (key.length == 0 || key.length > STORE_KEY_MAX) {
        return error_set(error, KMB_LIMIT, "a key of %zu bytes; the store takes 1 to %zu", key.length, STORE_KEY_MAX);
    }
    if (value_length > STORE_VALUE_MAX) {
        return error_set(error, KMB_LIMIT, "a value of %zu bytes; the store takes up to %zu", value_length,
                         STORE_VALUE_MAX);
    }
    if (cache_full(fork->store)) {
        cache_relieve(fork->store, fork);
    }
    return KMB_OK;
}

static enum kmb_status fork_done(struct store_fork *fork, enum kmb_status status, struct kmb_error *error) {
    if (status != KMB_OK) {
        fork->broken = status;
        if (error != NULL) {
            *error = fork->why;
        }
    }
    return status;
}

static bool tree_hashed(enum store_tree tree) {
    return tree == STORE_CURRENT || tree == STORE_META;
}

enum kmb_status store_fork_put_parts(struct store_fork *fork, uint32_t tenant, enum store_tree tree, struct slice key,
                                     struct slice first, struct slice second, struct kmb_error *error) {
    ASSERT(tree < STORE_TREES);
    enum kmb_status status = fork_ready(fork, key, first.length + second.length, error);
    if (status != KMB_OK) {
        return status;
    }
    struct tenant_state *state;
    status = fork_tenant(fork, tenant, &state, &fork->why);
    if (status == KMB_OK) {
        state->changed = true;
        fork->changes++;
        status = tree_put(fork, tenant, tree, &state->trees[tree], &fork->fingers[tree],
                          tree_hashed(tree) ? state->hash : NULL, key, first, second, &fork->why);
    }
    return fork_done(fork, status, error);
}

enum kmb_status store_fork_put(struct store_fork *fork, uint32_t tenant, enum store_tree tree, struct slice key,
                               struct slice value, struct kmb_error *error) {
    return store_fork_put_parts(fork, tenant, tree, key, value, slice_make(NULL, 0), error);
}

static void finger_drop(struct store_fork *fork, unsigned tree) {
    if (fork->fingers[tree].valid) {
        fork->fingers[tree].valid = false;
        path_drop(&fork->fingers[tree].path);
    }
}

enum kmb_status store_fork_delete(struct store_fork *fork, uint32_t tenant, enum store_tree tree, struct slice key,
                                  bool *found, struct kmb_error *error) {
    ASSERT(tree < STORE_TREES);
    enum kmb_status status = fork_ready(fork, key, 0, error);
    if (status != KMB_OK) {
        return status;
    }
    finger_drop(fork, tree);
    struct tenant_state *state;
    status = fork_tenant(fork, tenant, &state, &fork->why);
    bool was_there = false;
    if (status == KMB_OK) {
        status = tree_delete(fork, tenant, tree, &state->trees[tree], tree_hashed(tree) ? state->hash : NULL, key,
                             &was_there, &fork->why);
    }
    if (status == KMB_OK && was_there) {
        state->changed = true;
        fork->changes++;
    }
    if (found != NULL) {
        *found = was_there;
    }
    return fork_done(fork, status, error);
}

enum kmb_status store_fork_drop_tenant(struct store_fork *fork, uint32_t tenant, struct kmb_error *error) {
    const uint8_t any = 0;
    enum kmb_status status = fork_ready(fork, slice_make(&any, 1), 0, error);
    if (status != KMB_OK) {
        return status;
    }
    struct tenant_state *state;
    status = fork_tenant(fork, tenant, &state, &fork->why);
    for (unsigned tree = 0; tree < STORE_TREES && status == KMB_OK; tree++) {
        finger_drop(fork, tree);
        struct tree_state gone = state->trees[tree];
        state->trees[tree] = (struct tree_state){0};
        state->changed = true;
        fork->changes++;
        status = fork_give_up_all(fork, tenant, gone.ref, 0, &fork->why);
    }
    if (status == KMB_OK) {
        memset(state->hash, 0, sizeof state->hash);
    }
    return fork_done(fork, status, error);
}
