/*
 * States, and the entry index they answer from.
 *
 * A state is what a commit publishes: a pinned root and, decoded beside it, what every statement asks at once
 * (catalogue, position, newest entry, right edge of the Merkle tree). It is made from the previous one and the
 * transaction without reading the store; only at open is it read back.
 *
 * The entry index is the META range of entry records, one per tenant sequence. Both position and commit time grow with
 * the sequence, so a position or a time is found by binary search: log2(entries) reads, no second index to keep. A
 * time is answered with the end of a whole transaction; the parts of one that had to be split are never shown half.
 */
#include "kernel/internal.h"

#include <inttypes.h>

enum kmb_status state_make(const struct state_parts *parts, struct kernel_state **out, struct kmb_error *error) {
    struct kernel_state *state = mem_alloc_zero(1, sizeof(*state));
    if (state == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    buffer_append_slice(&state->text, parts->facts.name);
    if (!buffer_ok(&state->text)) {
        mem_free(state);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    atomic_init(&state->references, 1);
    state->tenant = parts->tenant;
    state->root = store_root_retain(parts->root);
    catalogue_retain(parts->catalogue);
    state->catalogue = parts->catalogue;
    state->facts = parts->facts;
    state->facts.name = buffer_slice(&state->text);
    state->position = parts->position;
    state->time_us = INT64_MIN;
    if (parts->entry != NULL && parts->entry->sequence > 0) {
        state->sequence = parts->entry->sequence;
        state->time_us = parts->entry->time_us;
        state->entry_hash = parts->entry->hash;
    }
    state->frontier = *parts->frontier;
    state->own = parts->own;
    *out = state;
    return KMB_OK;
}

struct kernel_state *kernel_state_retain(struct kernel_state *state) {
    uint32_t before = atomic_fetch_add(&state->references, 1);
    ASSERT(before > 0);
    return state;
}

void kernel_state_release(struct kernel_state *state) {
    if (state == NULL) {
        return;
    }
    uint32_t before = atomic_fetch_sub(&state->references, 1);
    ASSERT(before > 0);
    if (before == 1) {
        store_root_release(state->root);
        catalogue_release(state->catalogue);
        buffer_free(&state->text);
        mem_free(state);
    }
}

struct kernel_state *kernel_state_move(const struct kernel_state *from, struct store_root *root) {
    struct kernel_entry newest = {.sequence = from->sequence, .time_us = from->time_us, .hash = from->entry_hash};
    struct state_parts parts = {
        .tenant = from->tenant,
        .root = root,
        .catalogue = from->catalogue,
        .facts = from->facts,
        .position = from->position,
        .entry = &newest,
        .frontier = &from->frontier,
    };
    struct kernel_state *state;
    return state_make(&parts, &state, NULL) == KMB_OK ? state : NULL;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

enum kmb_status kernel_tenant_is_deleted(struct store_view view, uint32_t tenant, bool *deleted,
                                         struct kmb_error *error) {
    struct buffer value = {.bytes = NULL};
    struct meta_key key = meta_key_make(META_DELETED);
    enum kmb_status status = store_get(view, tenant, STORE_META, meta_slice(&key), &value, deleted, error);
    buffer_free(&value);
    return status;
}

static enum kmb_status facts_load(struct store_view view, uint32_t tenant, struct kernel_facts *facts,
                                  struct buffer *name, struct kmb_error *error) {
    struct buffer value = {.bytes = NULL};
    bool found = false;
    struct meta_key key = meta_key_make(META_TENANT);
    enum kmb_status status = store_get(view, tenant, STORE_META, meta_slice(&key), name, &found, error);
    *facts = (struct kernel_facts){.exists = found};
    if (status == KMB_OK) {
        key = meta_key_make(META_CHECKPOINT_KEY);
        status = store_get(view, tenant, STORE_META, meta_slice(&key), &value, &found, error);
    }
    if (status == KMB_OK && found) {
        if (value.length != 36) {
            status = meta_damaged(error, "the record of the checkpoint key");
        } else {
            facts->checkpoint_key.value = codec_get_u32(value.bytes);
            memcpy(facts->checkpoint_verifier, value.bytes + 4, 32);
        }
    }
    if (status == KMB_OK) {
        key = meta_key_make(META_CLOCK);
        status = store_get(view, tenant, STORE_META, meta_slice(&key), &value, &found, error);
    }
    if (status == KMB_OK && found) {
        if (value.length != 16) {
            status = meta_damaged(error, "the record of the accepted clock");
        } else {
            facts->clock_accepted_us = (int64_t)codec_get_u64(value.bytes + 8);
        }
    }
    if (status == KMB_OK) {
        status = kernel_tenant_is_deleted(view, tenant, &facts->deleted, error);
    }
    buffer_free(&value);
    facts->name = buffer_slice(name);
    return status;
}

static enum kmb_status newest_load(struct store_view view, uint32_t tenant, struct kernel_entry *entry,
                                   struct kmb_error *error) {
    *entry = (struct kernel_entry){.sequence = 0};
    struct store_cursor cursor = {.valid = false};
    struct meta_key end = meta_key_make(META_ENTRY);
    meta_key_u64(&end, UINT64_MAX);
    enum kmb_status status = store_cursor_open(&cursor, view, tenant, STORE_META, error);
    if (status == KMB_OK) {
        status = store_cursor_seek_back(&cursor, meta_slice(&end), error);
    }
    if (status == KMB_OK && cursor.valid && cursor.key.bytes[0] == META_ENTRY) {
        struct slice value;
        status = store_cursor_value(&cursor, &value, error);
        if (status == KMB_OK &&
            (cursor.key.length != 9 ||
             !meta_entry_decode(value, codec_get_u64_big(cursor.key.bytes + 1), entry, NULL, NULL))) {
            status = meta_damaged(error, "the record of an entry");
        }
    }
    store_cursor_close(&cursor);
    return status;
}

struct entry_source {
    struct store_view view;
    uint32_t tenant;
    struct buffer value;
};

static enum kmb_status entry_load(struct entry_source *source, uint64_t sequence, struct kernel_entry *entry,
                                  const uint8_t **nodes, unsigned *node_count, struct kmb_error *error) {
    struct meta_key key = meta_key_make(META_ENTRY);
    meta_key_u64(&key, sequence);
    bool found = false;
    enum kmb_status status =
        store_get(source->view, source->tenant, STORE_META, meta_slice(&key), &source->value, &found, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!found || !meta_entry_decode(buffer_slice(&source->value), sequence, entry, nodes, node_count)) {
        return meta_damaged(error, "the record of an entry");
    }
    return KMB_OK;
}

/* Level 0 is the entry's hash; the others stand in the record of the entry that completed them. */
static enum kmb_status read_node(void *context, unsigned level, uint64_t index, struct hash256 *hash,
                                 struct kmb_error *error) {
    struct entry_source *source = context;
    struct kernel_entry entry;
    const uint8_t *nodes = NULL;
    unsigned count = 0;
    uint64_t sequence = (index + 1) << level;
    enum kmb_status status = entry_load(source, sequence, &entry, &nodes, &count, error);
    if (status != KMB_OK) {
        return status;
    }
    if (level == 0) {
        *hash = entry.hash;
        return KMB_OK;
    }
    if (level > count) {
        return meta_damaged(error, "the Merkle nodes of an entry");
    }
    memcpy(hash->bytes, nodes + (size_t)(level - 1) * HASH256_SIZE, HASH256_SIZE);
    return KMB_OK;
}

static struct entry_source source_of(const struct kernel_state *state) {
    return (struct entry_source){.view = store_view_root(state->root), .tenant = state->tenant.value};
}

static enum kmb_status catalogue_same_or_load(struct store_view view, uint32_t tenant,
                                              const struct kernel_state *previous, const struct catalogue **catalogue,
                                              struct kmb_error *error) {
    if (previous != NULL && previous->own == NULL) {
        struct buffer value = {.bytes = NULL};
        bool found = false;
        struct catalogue_header header = {.object_id_next = 1};
        struct meta_key key = meta_key_make(META_HEADER);
        enum kmb_status status = store_get(view, tenant, STORE_META, meta_slice(&key), &value, &found, error);
        bool same = status == KMB_OK && (!found || catalogue_header_decode(buffer_slice(&value), &header)) &&
                    memcmp(&header.change_count, &previous->catalogue->header.change_count, 8) == 0 &&
                    header.changed.sequence == previous->catalogue->header.changed.sequence;
        buffer_free(&value);
        if (status != KMB_OK) {
            return status;
        }
        if (same) {
            catalogue_retain(previous->catalogue);
            *catalogue = previous->catalogue;
            return KMB_OK;
        }
    }
    return catalogue_load(view, tenant, catalogue, error);
}

enum kmb_status kernel_state_open(struct store_root *root, struct tenant_id tenant, const struct kernel_state *previous,
                                  struct kernel_state **out, struct kmb_error *error) {
    ASSERT(root != NULL);
    struct store_view view = store_view_root(root);
    struct kernel_facts facts;
    struct buffer name = {.bytes = NULL};
    struct kernel_entry entry;
    struct merkle_frontier frontier;
    const struct catalogue *catalogue = NULL;
    struct entry_source source = {.view = view, .tenant = tenant.value};
    struct merkle_source merkle = {.read_node = read_node, .context = &source};

    enum kmb_status status = facts_load(view, tenant.value, &facts, &name, error);
    if (status == KMB_OK) {
        status = newest_load(view, tenant.value, &entry, error);
    }
    if (status == KMB_OK) {
        status = merkle_frontier_read(&merkle, entry.sequence, &frontier, error);
    }
    if (status == KMB_OK) {
        status = catalogue_same_or_load(view, tenant.value, previous, &catalogue, error);
    }
    if (status == KMB_OK) {
        struct state_parts parts = {
            .tenant = tenant,
            .root = root,
            .catalogue = catalogue,
            .facts = facts,
            .position = entry.position_after,
            .entry = &entry,
            .frontier = &frontier,
        };
        status = state_make(&parts, out, error);
    }
    catalogue_release(catalogue);
    buffer_free(&source.value);
    buffer_free(&name);
    return status;
}

/* --- entries and times -------------------------------------------------------------------------------------------- */

enum kmb_status kernel_entry_at(const struct kernel_state *state, uint64_t sequence, struct kernel_entry *entry,
                                struct kmb_error *error) {
    if (sequence == 0 || sequence > state->sequence) {
        return error_set(error, KMB_USAGE, "entry %" PRIu64 " is not there: tenant %u has %" PRIu64, sequence,
                         state->tenant.value, state->sequence);
    }
    struct entry_source source = source_of(state);
    enum kmb_status status = entry_load(&source, sequence, entry, NULL, NULL, error);
    buffer_free(&source.value);
    return status;
}

enum kmb_status state_entry_time(const struct kernel_state *state, uint64_t sequence, int64_t *time_us,
                                 struct kmb_error *error) {
    if (sequence > state->sequence) {
        *time_us = KERNEL_TIME_OPEN;
        return KMB_OK;
    }
    struct kernel_entry entry;
    enum kmb_status status = kernel_entry_at(state, sequence, &entry, error);
    if (status == KMB_OK) {
        *time_us = entry.time_us;
    }
    return status;
}

enum kmb_status kernel_entry_of_position(const struct kernel_state *state, uint64_t position,
                                         struct kernel_entry *entry, struct kmb_error *error) {
    if (position == 0 || position > state->position) {
        return error_set(error, KMB_POSITION_AHEAD, "position %" PRIu64 " is ahead of current log position %" PRIu64,
                         position, state->position);
    }
    struct entry_source source = source_of(state);
    uint64_t low = 1;
    uint64_t high = state->sequence;
    enum kmb_status status = KMB_OK;
    while (status == KMB_OK && low < high) { /* the first entry with position_after >= position */
        uint64_t middle = low + (high - low) / 2;
        status = entry_load(&source, middle, entry, NULL, NULL, error);
        if (status == KMB_OK && entry->position_after >= position) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (status == KMB_OK) {
        status = entry_load(&source, low, entry, NULL, NULL, error);
    }
    buffer_free(&source.value);
    return status;
}

/* What both messages say in nanoseconds, to be read: first_us NULL: there is no entry. */
static void time_before_detail(int64_t time_us, const int64_t *first_us, struct kmb_error *error) {
    char asked[DATETIME_TEXT_SIZE];
    char first[DATETIME_TEXT_SIZE];
    (void)timestamp_print(timestamp_of_us(time_us), NULL, true, asked);
    if (first_us == NULL) {
        error_detail(error, "That is %s, and nothing has happened yet.", asked);
        return;
    }
    (void)timestamp_print(timestamp_of_us(*first_us), NULL, true, first);
    error_detail(error, "That is %s, and the first entry is of %s.", asked, first);
}

static enum kmb_status time_before(const struct kernel_state *state, int64_t time_us, int64_t first_us,
                                   struct kmb_error *error) {
    if (state->sequence == 0) {
        error_set(error, KMB_TIME_BEFORE_HISTORY,
                  "unsupported feature: no log offset at or before timestamp %" PRId64
                  "%s ns (empty log or predates genesis)",
                  time_us, time_us == 0 ? "" : "000");
        time_before_detail(time_us, NULL, error);
        return KMB_TIME_BEFORE_HISTORY;
    }
    error_set(error, KMB_TIME_BEFORE_HISTORY,
              "AS OF TIMESTAMP %" PRId64 "%s ns precedes the earliest retained event (retention horizon: %" PRId64
              "%s ns)",
              time_us, time_us == 0 ? "" : "000", first_us, first_us == 0 ? "" : "000");
    time_before_detail(time_us, &first_us, error);
    error_hint(error, "times are nanoseconds since 1970-01-01 00:00:00 UTC");
    return KMB_TIME_BEFORE_HISTORY;
}

enum kmb_status kernel_entry_at_time(const struct kernel_state *state, int64_t time_us, struct kernel_entry *entry,
                                     struct kmb_error *error) {
    struct entry_source source = source_of(state);
    enum kmb_status status = KMB_OK;
    uint64_t low = 0; /* every entry up to low is at or before the time, every one from high on is after it */
    uint64_t high = state->sequence + 1;
    int64_t first_us = 0;
    if (state->sequence > 0 && time_us >= state->time_us) {
        low = state->sequence;
        high = low + 1;
    }
    while (status == KMB_OK && high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        status = entry_load(&source, middle, entry, NULL, NULL, error);
        if (status == KMB_OK && entry->time_us <= time_us) {
            low = middle;
        } else {
            high = middle;
            first_us = entry->time_us;
        }
    }
    while (status == KMB_OK && low > 0) { /* back over the parts of a transaction that ends after the time */
        status = entry_load(&source, low, entry, NULL, NULL, error);
        if (status != KMB_OK || entry->last_part) {
            break;
        }
        first_us = entry->time_us;
        low--;
    }
    if (status == KMB_OK && low == 0) {
        status = time_before(state, time_us, first_us, error);
    }
    buffer_free(&source.value);
    return status;
}

/* --- proofs ------------------------------------------------------------------------------------------------------- */

static enum kmb_status size_check(const struct kernel_state *state, uint64_t size, struct kmb_error *error) {
    if (size > state->sequence) {
        return error_set(error, KMB_USAGE, "tree size %" PRIu64 " is above the %" PRIu64 " entries of tenant %u", size,
                         state->sequence, state->tenant.value);
    }
    return KMB_OK;
}

enum kmb_status kernel_merkle_root(const struct kernel_state *state, uint64_t size, struct hash256 *root,
                                   struct kmb_error *error) {
    enum kmb_status status = size_check(state, size, error);
    if (status != KMB_OK) {
        return status;
    }
    if (size == state->sequence) {
        *root = merkle_frontier_root(&state->frontier);
        return KMB_OK;
    }
    struct entry_source source = source_of(state);
    struct merkle_source merkle = {.read_node = read_node, .context = &source};
    status = merkle_root_read(&merkle, size, root, error);
    buffer_free(&source.value);
    return status;
}

enum kmb_status kernel_merkle_inclusion(const struct kernel_state *state, uint64_t sequence, uint64_t size,
                                        struct merkle_proof *proof, struct kmb_error *error) {
    enum kmb_status status = size_check(state, size, error);
    if (status != KMB_OK) {
        return status;
    }
    if (sequence == 0 || sequence > size) {
        return error_set(error, KMB_USAGE, "entry %" PRIu64 " is not in a tree of %" PRIu64 " entries", sequence, size);
    }
    struct entry_source source = source_of(state);
    struct merkle_source merkle = {.read_node = read_node, .context = &source};
    status = merkle_inclusion_prove(&merkle, sequence - 1, size, proof, error);
    buffer_free(&source.value);
    return status;
}

enum kmb_status kernel_merkle_consistency(const struct kernel_state *state, uint64_t old_size, uint64_t size,
                                          struct merkle_proof *proof, struct kmb_error *error) {
    enum kmb_status status = size_check(state, size, error);
    if (status != KMB_OK) {
        return status;
    }
    struct entry_source source = source_of(state);
    struct merkle_source merkle = {.read_node = read_node, .context = &source};
    status = merkle_consistency_prove(&merkle, old_size, size, proof, error);
    buffer_free(&source.value);
    return status;
}

enum kmb_status kernel_state_hash(const struct kernel_state *state, struct hash256 *hash, struct kmb_error *error) {
    return store_state_hash(store_view_root(state->root), state->tenant.value, hash, error);
}
