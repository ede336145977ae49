/*
 * The tree of RFC 6962, kept as its complete subtrees.
 *
 * A tree of n leaves splits at the largest power of two below n, so it is a row of complete subtrees, one for each set
 * bit of n, the widest first. Complete subtrees are final: appending a leaf completes as many of them as the old size
 * has trailing ones, exactly like a carry in binary addition. So the right edge (one hash for each bit of n) is all an
 * appender needs, and any hash that a proof asks for is either one complete subtree or the fold of the few that make up
 * the right edge of an older tree.
 *
 * Proofs are written as one walk from the root to a leaf that notes the sibling at each step, as a range of leaves;
 * each range is then read as complete subtrees. Of a walk at most one sibling lies on the right edge and costs more
 * than one read, so a proof costs at most 2 log2(n) reads.
 *
 * Everything is arithmetic on uint64_t with loops bounded by MERKLE_LEVELS. No recursion, no allocation, no pointers
 * into a tree: verification is written as RFC 9162 writes it, so that one can be read beside the other.
 */
#include "crypto/merkle.h"

#include "base/assert.h"

struct hash256 merkle_leaf(struct slice data) {
    static const uint8_t prefix = 0x00;
    const struct slice parts[2] = {slice_make(&prefix, 1), data};
    return hash_sha256_parts(parts, 2);
}

struct hash256 merkle_node(const struct hash256 *left, const struct hash256 *right) {
    uint8_t joined[1 + 2 * HASH256_SIZE];
    joined[0] = 0x01;
    memcpy(joined + 1, left->bytes, HASH256_SIZE);
    memcpy(joined + 1 + HASH256_SIZE, right->bytes, HASH256_SIZE);
    return hash_sha256(joined, sizeof joined);
}

struct hash256 merkle_empty_root(void) {
    return hash_sha256(NULL, 0);
}

/* Is bit `level` of value set? */
static bool merkle_bit(uint64_t value, unsigned level) {
    return (value >> level & 1) != 0;
}

/* The largest power of two below width; width > 1. Where RFC 6962 splits a tree of that width. */
static uint64_t merkle_split(uint64_t width) {
    ASSERT(width > 1);
    uint64_t half = 1;
    for (unsigned level = 0; level + 1 < MERKLE_LEVELS && half < width - half; level++) {
        half *= 2;
    }
    return half;
}

void merkle_frontier_start(struct merkle_frontier *frontier) {
    memset(frontier, 0, sizeof *frontier);
}

unsigned merkle_frontier_append(struct merkle_frontier *frontier, const struct hash256 *leaf,
                                struct hash256 completed[MERKLE_LEVELS]) {
    ASSERT(frontier->size < MERKLE_SIZE_MAX);
    struct hash256 hash = *leaf;
    unsigned level = 0;
    while (merkle_bit(frontier->size, level)) { /* ends: size < 2^63 has a zero bit */
        if (completed != NULL) {
            completed[level] = hash;
        }
        hash = merkle_node(&frontier->nodes[level], &hash);
        level++;
    }
    if (completed != NULL) {
        completed[level] = hash;
    }
    frontier->nodes[level] = hash;
    frontier->size++;
    return level + 1;
}

struct hash256 merkle_frontier_root(const struct merkle_frontier *frontier) {
    if (frontier->size == 0) {
        return merkle_empty_root();
    }
    struct hash256 hash;
    bool begun = false;
    for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
        if (merkle_bit(frontier->size, level)) {
            hash = begun ? merkle_node(&frontier->nodes[level], &hash) : frontier->nodes[level];
            begun = true;
        }
    }
    return hash;
}

uint64_t merkle_place_count(uint64_t size) {
    ASSERT(size <= MERKLE_SIZE_MAX);
    uint64_t count = 0;
    for (uint64_t left = size; left > 0; left /= 2) { /* at most 63 rounds */
        count += left;
    }
    return count;
}

uint64_t merkle_place(unsigned level, uint64_t index) {
    ASSERT(level < MERKLE_LEVELS && index < MERKLE_SIZE_MAX >> level);
    /* The leaf that completes the subtree is its last one; subtrees of lower levels are stored just before it. */
    uint64_t leaf = ((index + 1) << level) - 1;
    return merkle_place_count(leaf) + level;
}

static enum kmb_status merkle_read(const struct merkle_source *source, unsigned level, uint64_t index,
                                   struct hash256 *hash, struct kmb_error *error) {
    ASSERT(level < MERKLE_LEVELS);
    return source->read_node(source->context, level, index, hash, error);
}

/*
 * The hash of the leaves [start, end), one or more, where start is a multiple of the widest power of two in the width:
 * true of every range a tree is split into.
 */
static enum kmb_status merkle_range_read(const struct merkle_source *source, uint64_t start, uint64_t end,
                                         struct hash256 *hash, struct kmb_error *error) {
    ASSERT(start < end && end <= MERKLE_SIZE_MAX);
    uint64_t width = end - start;
    bool begun = false;
    for (unsigned level = 0; level < MERKLE_LEVELS && width >> level > 0; level++) {
        if (!merkle_bit(width, level)) {
            continue;
        }
        uint64_t first = end - ((uint64_t)1 << level);
        ASSERT(first % ((uint64_t)1 << level) == 0);
        struct hash256 node;
        enum kmb_status status = merkle_read(source, level, first >> level, &node, error);
        if (status != KMB_OK) {
            return status;
        }
        *hash = begun ? merkle_node(&node, hash) : node;
        begun = true;
        end = first;
    }
    ASSERT(end == start);
    return KMB_OK;
}

enum kmb_status merkle_frontier_read(const struct merkle_source *source, uint64_t size,
                                     struct merkle_frontier *frontier, struct kmb_error *error) {
    if (size > MERKLE_SIZE_MAX) {
        return error_set(error, KMB_USAGE, "tree size %llu is too large", (unsigned long long)size);
    }
    merkle_frontier_start(frontier);
    frontier->size = size;
    for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
        if (merkle_bit(size, level)) {
            enum kmb_status status = merkle_read(source, level, (size >> level) - 1, &frontier->nodes[level], error);
            if (status != KMB_OK) {
                return status;
            }
        }
    }
    return KMB_OK;
}

enum kmb_status merkle_root_read(const struct merkle_source *source, uint64_t size, struct hash256 *root,
                                 struct kmb_error *error) {
    if (size == 0) {
        *root = merkle_empty_root();
        return KMB_OK;
    }
    if (size > MERKLE_SIZE_MAX) {
        return error_set(error, KMB_USAGE, "tree size %llu is too large", (unsigned long long)size);
    }
    return merkle_range_read(source, 0, size, root, error);
}

/* Siblings met on the way down, as ranges of leaves. */
struct merkle_walk {
    unsigned count;
    uint64_t start[MERKLE_PROOF_MAX];
    uint64_t end[MERKLE_PROOF_MAX];
};

static void merkle_walk_note(struct merkle_walk *walk, uint64_t start, uint64_t end) {
    ASSERT(walk->count < MERKLE_PROOF_MAX && start < end);
    walk->start[walk->count] = start;
    walk->end[walk->count] = end;
    walk->count++;
}

/* Reads the siblings of a walk, the lowest first. */
static enum kmb_status merkle_walk_read(const struct merkle_source *source, const struct merkle_walk *walk,
                                        struct merkle_proof *proof, struct kmb_error *error) {
    proof->count = walk->count;
    for (unsigned i = 0; i < walk->count; i++) {
        unsigned from = walk->count - 1 - i;
        enum kmb_status status =
            merkle_range_read(source, walk->start[from], walk->end[from], &proof->hashes[i], error);
        if (status != KMB_OK) {
            return status;
        }
    }
    return KMB_OK;
}

enum kmb_status merkle_inclusion_prove(const struct merkle_source *source, uint64_t index, uint64_t size,
                                       struct merkle_proof *proof, struct kmb_error *error) {
    if (index >= size || size > MERKLE_SIZE_MAX) {
        return error_set(error, KMB_USAGE, "there is no leaf %llu in a tree of %llu", (unsigned long long)index,
                         (unsigned long long)size);
    }
    struct merkle_walk walk = {0};
    uint64_t start = 0;
    uint64_t end = size;
    while (end - start > 1) { /* each step at least drops the highest bit of the width: at most 63 */
        uint64_t middle = start + merkle_split(end - start);
        if (index < middle) {
            merkle_walk_note(&walk, middle, end);
            end = middle;
        } else {
            merkle_walk_note(&walk, start, middle);
            start = middle;
        }
    }
    ASSERT(start == index);
    return merkle_walk_read(source, &walk, proof, error);
}

enum kmb_status merkle_consistency_prove(const struct merkle_source *source, uint64_t old_size, uint64_t size,
                                         struct merkle_proof *proof, struct kmb_error *error) {
    if (old_size == 0 || old_size > size || size > MERKLE_SIZE_MAX) {
        return error_set(error, KMB_USAGE, "a tree of %llu leaves is no proper start of a tree of %llu",
                         (unsigned long long)old_size, (unsigned long long)size);
    }
    struct merkle_walk walk = {0};
    uint64_t start = 0;
    uint64_t end = size;
    while (end != old_size) { /* as above: at most 63 steps */
        uint64_t middle = start + merkle_split(end - start);
        if (old_size <= middle) {
            merkle_walk_note(&walk, middle, end);
            end = middle;
        } else {
            merkle_walk_note(&walk, start, middle);
            start = middle;
        }
    }
    if (start > 0) { /* else the old tree is itself a subtree, and its root is known to the verifier */
        merkle_walk_note(&walk, start, end);
    }
    return merkle_walk_read(source, &walk, proof, error);
}

bool merkle_inclusion_verify(const struct hash256 *leaf, uint64_t index, uint64_t size, const struct hash256 *root,
                             const struct hash256 *path, size_t count) {
    if (index >= size || count > MERKLE_PROOF_MAX) {
        return false;
    }
    uint64_t fn = index;
    uint64_t sn = size - 1;
    struct hash256 r = *leaf;
    for (size_t i = 0; i < count; i++) {
        if (sn == 0) {
            return false;
        }
        if (fn % 2 == 1 || fn == sn) {
            r = merkle_node(&path[i], &r);
            while (fn % 2 == 0 && fn != 0) { /* at most 63 shifts */
                fn /= 2;
                sn /= 2;
            }
        } else {
            r = merkle_node(&r, &path[i]);
        }
        fn /= 2;
        sn /= 2;
    }
    return sn == 0 && hash256_equal(&r, root);
}

bool merkle_consistency_verify(uint64_t old_size, const struct hash256 *old_root, uint64_t size,
                               const struct hash256 *root, const struct hash256 *path, size_t count) {
    if (old_size == 0 || old_size > size || count > MERKLE_PROOF_MAX) {
        return false;
    }
    if (old_size == size) {
        return count == 0 && hash256_equal(old_root, root);
    }
    bool power = (old_size & (old_size - 1)) == 0; /* then the old root itself begins the path */
    if (count == 0) {
        return false;
    }
    uint64_t fn = old_size - 1;
    uint64_t sn = size - 1;
    while (fn % 2 == 1) { /* at most 63 shifts */
        fn /= 2;
        sn /= 2;
    }
    struct hash256 fr = power ? *old_root : path[0];
    struct hash256 sr = fr;
    for (size_t i = power ? 0 : 1; i < count; i++) {
        const struct hash256 *c = &path[i];
        if (sn == 0) {
            return false;
        }
        if (fn % 2 == 1 || fn == sn) {
            fr = merkle_node(c, &fr);
            sr = merkle_node(c, &sr);
            while (fn % 2 == 0 && fn != 0) {
                fn /= 2;
                sn /= 2;
            }
        } else {
            sr = merkle_node(&sr, c);
        }
        fn /= 2;
        sn /= 2;
    }
    return sn == 0 && hash256_equal(&fr, old_root) && hash256_equal(&sr, root);
}
