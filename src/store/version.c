/*
 * Roots and forks, and when a page may be used again.
 *
 * Versions form a tree: a fork is a child of the root it was made from. Pages are immutable once their version is
 * frozen and are shared by all versions after it that did not replace them. Counting references per page would cost a
 * hundred atomic additions for every inner page copied. Instead each version keeps the list of pages of *older*
 * versions that it replaced ("retired"), each with the generation that made it, and three rules free everything exactly
 * when nobody can reach it:
 *
 *   - a fork that replaces a page it made itself frees it at once;
 *   - a version that nobody holds and that has exactly one child melts into it: retired pages of the child that the
 *     melted version had made (generation above that of its parent) are free, the rest stay retired;
 *   - a version that nobody holds and that has no child is taken away with all pages it made itself.
 *
 * What is taken away is found by walking down from its trees, unless it made few pages: it remembers those, since a
 * transaction's forks are thrown away as often as they are kept.
 *
 * A version keeps standing while it is held or has two children. Holding is an atomic count; only the last release
 * takes a lock. A checkpoint simply holds its version, so what is on disk is protected by the same rules. A long-held
 * old root costs one list entry and one page per page replaced since: space bounded by pages changed, not by commits.
 */
#include "store/internal.h"

void tenant_encode(const struct tenant_state *state, uint8_t record[TENANT_RECORD]) {
    for (unsigned i = 0; i < STORE_TREES; i++) {
        const struct tree_state *tree = &state->trees[i];
        memcpy(record, tree->ref, REF_SIZE);
        codec_put_u64(record + REF_SIZE, tree->count);
        record[REF_SIZE + 8] = tree->level;
        record += TREE_RECORD;
    }
    memcpy(record, state->hash, HASH256_SIZE);
}

void tenant_decode(struct tenant_state *state, uint32_t tenant, const uint8_t record[TENANT_RECORD]) {
    *state = (struct tenant_state){.tenant = tenant};
    for (unsigned i = 0; i < STORE_TREES; i++) {
        struct tree_state *tree = &state->trees[i];
        memcpy(tree->ref, record, REF_SIZE);
        tree->count = codec_get_u64(record + REF_SIZE);
        tree->level = record[REF_SIZE + 8];
        record += TREE_RECORD;
    }
    memcpy(state->hash, record, HASH256_SIZE);
}

/* --- the tree of versions; under version_lock ------------------------------------------------------------------- */

struct store_root *version_new(struct store *store, struct store_root *parent, bool open) {
    struct store_root *version = mem_alloc_zero(1, sizeof *version);
    if (version == NULL) {
        return NULL;
    }
    version->store = store;
    version->open = open;
    version->parent = parent;
    version->made_count = parent == NULL ? MADE_MAX + 1 : 0; /* one without a parent has all pages there are */
    pthread_mutex_lock(&store->version_lock);
    version->generation = ++store->generation;
    if (parent != NULL) {
        parent->children++;
    }
    version->all_next = store->versions;
    if (store->versions != NULL) {
        store->versions->all_previous = version;
    }
    store->versions = version;
    pthread_mutex_unlock(&store->version_lock);
    return version;
}

static void version_unlink(struct store_root *version) {
    if (version->all_previous != NULL) {
        version->all_previous->all_next = version->all_next;
    } else {
        version->store->versions = version->all_next;
    }
    if (version->all_next != NULL) {
        version->all_next->all_previous = version->all_previous;
    }
}

static bool retired_room(struct retired_list *list, size_t extra) {
    if (list->capacity - list->count >= extra) {
        return true;
    }
    size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
    capacity = capacity < list->count + extra ? list->count + extra : capacity;
    struct retired *items = mem_realloc(list->items, capacity * sizeof *items);
    if (items == NULL) {
        return false;
    }
    list->items = items;
    list->capacity = capacity;
    return true;
}

static struct store_root *version_child(const struct store_root *version) {
    for (struct store_root *other = version->store->versions; other != NULL; other = other->all_next) {
        if (other->parent == version) {
            return other;
        }
    }
    return NULL;
}

/* --- pages that a version made --- */

static void made_add(struct store_root *version, uint64_t slot) {
    if (version->made_count < MADE_MAX) {
        version->made[version->made_count++] = slot;
    } else {
        version->made_count = MADE_MAX + 1;
    }
}

static bool made_known(const struct store_root *version) {
    return version->made_count <= MADE_MAX;
}

/* The page is free: another may be made in its place. */
static void made_remove(struct store_root *version, uint64_t slot) {
    for (unsigned i = 0; made_known(version) && i < version->made_count; i++) {
        if (version->made[i] == slot) {
            version->made[i] = version->made[--version->made_count];
            return;
        }
    }
}

static void made_discard(struct store_root *version) {
    for (unsigned i = 0; i < version->made_count; i++) {
        page_free(version->store, version->made[i]);
    }
    version->made_count = 0;
}

void fork_page_made(struct store_fork *fork, uint64_t slot) {
    made_add(fork->version, slot);
}

enum kmb_status fork_page_new(struct store_fork *fork, uint64_t *slot, struct store_entry **entry, uint8_t **image,
                              struct kmb_error *error) {
    enum kmb_status status = page_new(fork->store, fork->version->generation, slot, entry, image, error);
    if (status == KMB_OK) {
        made_add(fork->version, *slot);
    }
    return status;
}

/* --- */

/* The child takes the place of its parent, which nobody holds. */
static void version_melt(struct store_root *version, struct store_root *child) {
    struct store *store = version->store;
    struct store_root *parent = version->parent;
    size_t kept = 0;
    for (size_t i = 0; i < child->retired.count; i++) {
        struct retired page = child->retired.items[i];
        if (parent == NULL || page.birth > parent->generation) {
            made_remove(version, page.slot);
            page_free(store, page.slot);
        } else {
            child->retired.items[kept++] = page;
        }
    }
    child->retired.count = kept;
    for (size_t i = 0; parent == NULL && i < version->retired.count; i++) {
        page_free(store, version->retired.items[i].slot);
    }
    if (parent != NULL && version->retired.count > 0) {
        struct retired_list *longer = version->retired.count > kept ? &version->retired : &child->retired;
        struct retired_list *shorter = longer == &child->retired ? &version->retired : &child->retired;
        if (retired_room(longer, shorter->count)) {
            if (shorter->count > 0) {
                memcpy(longer->items + longer->count, shorter->items, shorter->count * sizeof *shorter->items);
            }
            longer->count += shorter->count;
            struct retired_list spare = *shorter;
            child->retired = *longer;
            version->retired = spare;
        } else {
            store->slots_lost += version->retired.count;
        }
    }
    if (parent == NULL || !made_known(version)) {
        child->made_count = MADE_MAX + 1;
    }
    for (unsigned i = 0; made_known(child) && i < version->made_count; i++) {
        made_add(child, version->made[i]);
    }
    child->parent = parent;
    version_unlink(version);
    mem_free(version->retired.items);
    mem_free(version);
}

/*
 * Frees every page below ref that was made after `floor`; `across`: also the trees that directory records name. Pages
 * that cannot be read are lost until the next open.
 */
static void pages_discard(struct store *store, uint32_t tenant, const uint8_t *ref, uint64_t floor, bool across,
                          unsigned depth) {
    uint64_t slot = page_u64(ref);
    struct store_entry *entry = entry_peek(store, slot);
    if (slot == 0 || entry == NULL || entry->birth <= floor || depth > 2 * STORE_DEPTH_MAX + BLOB_LEVELS) {
        return;
    }
    if ((entry_state(entry) & ENTRY_PLAIN) == 0) {
        uint8_t *image;
        if (page_pin(store, tenant, ref, &entry, &image, NULL) == KMB_OK) {
            const struct page_header *head = page_head(image);
            struct page_refs refs = {.image = image};
            unsigned offset;
            uint32_t child_tenant;
            bool follow = across || head->tree != STORE_DIRECTORY || head->type != PAGE_LEAF;
            while (follow && page_refs_next(&refs, &offset, &child_tenant)) {
                pages_discard(store, child_tenant, image + offset, floor, across, depth + 1);
            }
            page_unpin(entry);
        }
    }
    page_free(store, slot);
}

/*
 * Applies the rules from `version` upward; called and left with version_lock held. A version that is taken away stays
 * in the tree, marked open, while its pages are walked without the lock (which may read the disk): so its parent cannot
 * melt, and no page that the walk meets can be freed and used anew under its feet.
 */
static void version_settle(struct store *store, struct store_root *version) {
    while (version != NULL) {
        if (version->open || atomic_load_explicit(&version->holds, memory_order_acquire) > 0 || version->children > 1) {
            return;
        }
        if (version->children == 1) {
            struct store_root *child = version_child(version);
            if (!child->open) {
                version_melt(version, child);
            }
            return;
        }
        struct store_root *parent = version->parent;
        if (!store->closing) {
            version->open = true;
            pthread_mutex_unlock(&store->version_lock);
            if (made_known(version)) {
                made_discard(version);
            } else {
                pages_discard(store, 0, version->directory.ref, parent == NULL ? 0 : parent->generation, true, 0);
            }
            pthread_mutex_lock(&store->version_lock);
        }
        version_unlink(version);
        mem_free(version->retired.items);
        mem_free(version);
        if (parent != NULL) {
            parent->children--;
        }
        version = parent;
    }
}

struct store_root *store_root_retain(struct store_root *root) {
    uint64_t before = atomic_fetch_add_explicit(&root->holds, 1, memory_order_relaxed);
    ASSERT(before > 0);
    return root;
}

void store_root_release(struct store_root *root) {
    if (root == NULL) {
        return;
    }
    uint64_t holds = atomic_load_explicit(&root->holds, memory_order_relaxed);
    ASSERT(holds > 0);
    while (holds > 1) {
        if (atomic_compare_exchange_weak_explicit(&root->holds, &holds, holds - 1, memory_order_release,
                                                  memory_order_relaxed)) {
            return;
        }
    }
    struct store *store = root->store;
    pthread_mutex_lock(&store->version_lock);
    if (atomic_fetch_sub_explicit(&root->holds, 1, memory_order_acq_rel) == 1) {
        version_settle(store, root);
    }
    pthread_mutex_unlock(&store->version_lock);
}

uint64_t store_root_generation(const struct store_root *root) {
    return root->generation;
}

void store_root_read_begin(struct store_root *root) {
    atomic_fetch_add_explicit(&root->readers, 1, memory_order_relaxed);
}

void store_root_read_end(struct store_root *root) {
    uint64_t before = atomic_fetch_sub_explicit(&root->readers, 1, memory_order_relaxed);
    ASSERT(before > 0);
}

void store_root_mark(struct store_root *root, uint64_t mark) {
    root->mark = mark;
}

/* --- forks ------------------------------------------------------------------------------------------------------- */

enum kmb_status store_fork(struct store_root *root, struct store_fork **fork, struct kmb_error *error) {
    ASSERT(!root->open && atomic_load_explicit(&root->holds, memory_order_relaxed) > 0);
    struct store_fork *made = mem_alloc_zero(1, sizeof *made);
    struct store_root *version = made == NULL ? NULL : version_new(root->store, root, true);
    if (version == NULL) {
        mem_free(made);
        return error_set(error, KMB_NO_MEMORY, "no memory to change the store");
    }
    made->store = root->store;
    made->version = version;
    made->directory = root->directory;
    version->mark = root->mark;
    version->kept_count = root->kept_count;
    memcpy(version->kept, root->kept, sizeof root->kept);
    *fork = made;
    return KMB_OK;
}

bool store_fork_changed(const struct store_fork *fork) {
    return fork->changes > 0;
}

static void fork_fingers_drop(struct store_fork *fork) {
    for (unsigned i = 0; i < STORE_TREES; i++) {
        if (fork->fingers[i].valid) {
            path_drop(&fork->fingers[i].path);
            fork->fingers[i].valid = false;
        }
    }
}

/* Writes the records of changed tenants into the directory. */
static enum kmb_status fork_directory(struct store_fork *fork, struct kmb_error *error) {
    for (size_t i = 0; i < fork->tenant_count; i++) {
        struct tenant_state *state = &fork->tenants[i];
        if (!state->changed) {
            continue;
        }
        uint8_t key[4];
        codec_put_u32_big(key, state->tenant);
        bool empty = true;
        for (unsigned t = 0; t < STORE_TREES; t++) {
            empty = empty && page_u64(state->trees[t].ref) == 0;
        }
        enum kmb_status status;
        if (empty) {
            status = tree_delete(fork, 0, STORE_DIRECTORY, &fork->directory, NULL, slice_make(key, 4), NULL, error);
        } else {
            uint8_t record[TENANT_RECORD];
            tenant_encode(state, record);
            status = tree_put(fork, 0, STORE_DIRECTORY, &fork->directory, NULL, NULL, slice_make(key, 4),
                              slice_make(record, sizeof record), slice_make(NULL, 0), error);
        }
        if (status != KMB_OK) {
            return status;
        }
        state->changed = false;
    }
    return KMB_OK;
}

/* Remembers the tenants changed last, in front of those the base remembered. */
static void fork_keep_tenants(struct store_fork *fork) {
    struct store_root *version = fork->version;
    struct tenant_state kept[TENANTS_KEPT];
    unsigned count = 0;
    for (size_t i = 0; i < fork->tenant_count && count < TENANTS_KEPT; i++) {
        kept[count++] = fork->tenants[i];
    }
    for (unsigned i = 0; i < version->kept_count && count < TENANTS_KEPT; i++) {
        bool known = false;
        for (size_t j = 0; j < fork->tenant_count && !known; j++) {
            known = fork->tenants[j].tenant == version->kept[i].tenant;
        }
        if (!known) {
            kept[count++] = version->kept[i];
        }
    }
    memcpy(version->kept, kept, count * sizeof kept[0]);
    version->kept_count = count;
}

enum kmb_status store_fork_freeze(struct store_fork *fork, struct store_root **root, struct kmb_error *error) {
    ASSERT(fork->cursors == 0);
    struct store *store = fork->store;
    fork_fingers_drop(fork);
    enum kmb_status status = fork->broken;
    if (status != KMB_OK) {
        return error_set(error, status, "the change failed before: %s", fork->why.message);
    }
    status = fork_directory(fork, error);
    if (status != KMB_OK) {
        fork->broken = status;
        return status;
    }
    struct store_root *version = fork->version;
    fork_keep_tenants(fork);
    version->directory = fork->directory;
    atomic_store_explicit(&version->holds, 1, memory_order_relaxed);
    pthread_mutex_lock(&store->version_lock);
    version->open = false;
    version_settle(store, version->parent);
    pthread_mutex_unlock(&store->version_lock);
    mem_free(fork->tenants);
    mem_free(fork);
    *root = version;
    return KMB_OK;
}

void store_fork_discard(struct store_fork *fork) {
    if (fork == NULL) {
        return;
    }
    ASSERT(fork->cursors == 0);
    fork_fingers_drop(fork);
    struct store *store = fork->store;
    struct store_root *version = fork->version;
    uint64_t floor = version->parent->generation;
    bool walk = !made_known(version);
    for (size_t i = 0; walk && i < fork->tenant_count; i++) {
        for (unsigned t = 0; t < STORE_TREES; t++) {
            pages_discard(store, fork->tenants[i].tenant, fork->tenants[i].trees[t].ref, floor, true, 0);
        }
    }
    /* Every tree this fork made is in its table; directory pages of a freeze that failed may name them once more. */
    if (walk) {
        pages_discard(store, 0, fork->directory.ref, floor, false, 0);
    } else {
        made_discard(version);
    }
    version->directory = (struct tree_state){0};
    pthread_mutex_lock(&store->version_lock);
    version->open = false;
    version_settle(store, version);
    pthread_mutex_unlock(&store->version_lock);
    mem_free(fork->tenants);
    mem_free(fork);
}

enum kmb_status fork_give_up(struct store_fork *fork, uint64_t slot, struct kmb_error *error) {
    const struct store_entry *entry = entry_peek(fork->store, slot);
    uint64_t birth = entry == NULL ? 0 : entry->birth;
    if (birth == fork->version->generation) {
        made_remove(fork->version, slot);
        page_free(fork->store, slot);
        return KMB_OK;
    }
    if (!retired_room(&fork->version->retired, 1)) {
        return error_set(error, KMB_NO_MEMORY, "no memory to note a replaced page");
    }
    fork->version->retired.items[fork->version->retired.count++] = (struct retired){.slot = slot, .birth = birth};
    return KMB_OK;
}

enum kmb_status fork_give_up_all(struct store_fork *fork, uint32_t tenant, const uint8_t *ref, unsigned depth,
                                 struct kmb_error *error) {
    uint64_t slot = page_u64(ref);
    if (slot == 0) {
        return KMB_OK;
    }
    if (depth > STORE_DEPTH_MAX + BLOB_LEVELS) {
        return page_damaged(error, slot, "lies deeper than a tree can be");
    }
    struct store_entry *entry = entry_peek(fork->store, slot);
    if (entry == NULL || (entry_state(entry) & ENTRY_PLAIN) == 0) {
        uint8_t *image;
        enum kmb_status status = page_pin(fork->store, tenant, ref, &entry, &image, error);
        if (status != KMB_OK) {
            return status;
        }
        struct page_refs refs = {.image = image};
        unsigned offset;
        uint32_t child_tenant;
        while (status == KMB_OK && page_refs_next(&refs, &offset, &child_tenant)) {
            status = fork_give_up_all(fork, child_tenant, image + offset, depth + 1, error);
        }
        page_unpin(entry);
        if (status != KMB_OK) {
            return status;
        }
    }
    return fork_give_up(fork, slot, error);
}

/* --- tenants ------------------------------------------------------------------------------------------------------ */

static enum kmb_status directory_find(struct store *store, const struct tree_state *directory, uint32_t tenant,
                                      struct tenant_state *state, struct kmb_error *error) {
    *state = (struct tenant_state){.tenant = tenant};
    uint8_t key[4];
    codec_put_u32_big(key, tenant);
    struct store_path path = {0};
    bool exact = false;
    enum kmb_status status = tree_descend(store, 0, directory, slice_make(key, 4), &path, &exact, error);
    if (status == KMB_OK && exact) {
        const struct store_step *leaf = &path.steps[path.depth - 1];
        const uint8_t *cell = page_cell(leaf->image, leaf->index);
        if (cell_value_length(cell) == TENANT_RECORD && page_head(leaf->image)->tree == STORE_DIRECTORY) {
            tenant_decode(state, tenant, cell_value(cell));
            for (unsigned t = 0; t < STORE_TREES; t++) {
                if (state->trees[t].level >= STORE_DEPTH_MAX) {
                    status = page_damaged(error, leaf->slot, "is malformed");
                }
            }
        } else {
            status = page_damaged(error, leaf->slot, "is malformed");
        }
    }
    path_drop(&path);
    return status;
}

static const struct tenant_state *kept_find(const struct store_root *version, uint32_t tenant) {
    for (unsigned i = 0; i < version->kept_count; i++) {
        if (version->kept[i].tenant == tenant) {
            return &version->kept[i];
        }
    }
    return NULL;
}

static size_t fork_place(const struct store_fork *fork, uint32_t tenant) {
    size_t low = 0;
    size_t high = fork->tenant_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (fork->tenants[middle].tenant < tenant) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

enum kmb_status fork_tenant(struct store_fork *fork, uint32_t tenant, struct tenant_state **state,
                            struct kmb_error *error) {
    size_t place = fork_place(fork, tenant);
    if (place < fork->tenant_count && fork->tenants[place].tenant == tenant) {
        *state = &fork->tenants[place];
        return KMB_OK;
    }
    struct tenant_state found;
    const struct tenant_state *kept = kept_find(fork->version, tenant);
    if (kept != NULL) {
        found = *kept;
    } else {
        enum kmb_status status = directory_find(fork->store, &fork->directory, tenant, &found, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    if (fork->tenant_count == fork->tenant_capacity) {
        size_t capacity = fork->tenant_capacity == 0 ? 2 : fork->tenant_capacity * 2;
        struct tenant_state *tenants = mem_realloc(fork->tenants, capacity * sizeof *tenants);
        if (tenants == NULL) {
            return error_set(error, KMB_NO_MEMORY, "no memory to change the store");
        }
        fork->tenants = tenants;
        fork->tenant_capacity = capacity;
    }
    memmove(fork->tenants + place + 1, fork->tenants + place, (fork->tenant_count - place) * sizeof found);
    fork->tenants[place] = found;
    fork->tenants[place].changed = false;
    fork->tenant_count++;
    *state = &fork->tenants[place];
    return KMB_OK;
}

const struct tenant_state *view_tenant_quick(struct store_view view, uint32_t tenant) {
    if (view.fork == NULL) {
        return kept_find(view.root, tenant);
    }
    const struct store_fork *fork = view.fork;
    if (fork->broken != KMB_OK) {
        return NULL;
    }
    size_t place = fork_place(fork, tenant);
    return place < fork->tenant_count && fork->tenants[place].tenant == tenant ? &fork->tenants[place]
                                                                               : kept_find(fork->version, tenant);
}

enum kmb_status view_tenant(struct store_view view, uint32_t tenant, struct tenant_state *state,
                            struct kmb_error *error) {
    const struct tenant_state *quick = view_tenant_quick(view, tenant);
    if (quick != NULL) {
        *state = *quick;
        return KMB_OK;
    }
    if (view.fork != NULL && view.fork->broken != KMB_OK) {
        return error_set(error, view.fork->broken, "the change failed before: %s", view.fork->why.message);
    }
    const struct tree_state *directory = view.fork != NULL ? &view.fork->directory : &view.root->directory;
    return directory_find(view_store(view), directory, tenant, state, error);
}
