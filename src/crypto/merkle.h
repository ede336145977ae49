/*
 * The Merkle tree of RFC 6962 / RFC 9162: leaf = SHA-256(0x00 | data), node = SHA-256(0x01 | left | right).
 *
 * A complete subtree is named by (level, index): it covers the leaves [index << level, (index + 1) << level). Complete
 * subtrees never change once made, so a log keeps them in append order (merkle_place) and any root or proof of any
 * size is made from O(log n) of them. No function here allocates; all are safe in any thread.
 */
#ifndef KMB_CRYPTO_MERKLE_H
#define KMB_CRYPTO_MERKLE_H

#include "crypto/hash.h"

#define MERKLE_LEVELS    64
#define MERKLE_PROOF_MAX 65
#define MERKLE_SIZE_MAX  (UINT64_MAX >> 1) /* so that no index arithmetic wraps */

struct hash256 merkle_leaf(struct slice data);
struct hash256 merkle_node(const struct hash256 *left, const struct hash256 *right);
struct hash256 merkle_empty_root(void); /* SHA-256 of nothing */

/* The right edge of a tree: nodes[l] is the complete subtree of level l where bit l of size is set. Plain data. */
struct merkle_frontier {
    uint64_t size;
    struct hash256 nodes[MERKLE_LEVELS];
};

void merkle_frontier_start(struct merkle_frontier *frontier);

/*
 * Appends a leaf hash. Where `completed` is not NULL, completed[l] gets the subtree of level l that this leaf completed
 * (index = new size / 2^l - 1); returns how many there are, at least 1 (level 0 is the leaf itself).
 * Requires size < MERKLE_SIZE_MAX.
 */
unsigned merkle_frontier_append(struct merkle_frontier *frontier, const struct hash256 *leaf,
                                struct hash256 completed[MERKLE_LEVELS]);

struct hash256 merkle_frontier_root(const struct merkle_frontier *frontier);

/* Where the subtree (level, index) stands when subtrees are stored in the order in which they complete, from 0. */
uint64_t merkle_place(unsigned level, uint64_t index);
/* How many subtrees a tree of `size` leaves has completed. */
uint64_t merkle_place_count(uint64_t size);

/* Gives the hash of a complete subtree. Its failures are handed through. */
struct merkle_source {
    enum kmb_status (*read_node)(void *context, unsigned level, uint64_t index, struct hash256 *hash,
                                 struct kmb_error *error);
    void *context;
};

/* The frontier, or the root, of the first `size` leaves. */
enum kmb_status merkle_frontier_read(const struct merkle_source *source, uint64_t size,
                                     struct merkle_frontier *frontier, struct kmb_error *error);
enum kmb_status merkle_root_read(const struct merkle_source *source, uint64_t size, struct hash256 *root,
                                 struct kmb_error *error);

/* Hashes in the order of the RFC: from the leaf up. */
struct merkle_proof {
    unsigned count;
    struct hash256 hashes[MERKLE_PROOF_MAX];
};

/* RFC 9162 section 2.1.3.1. KMB_USAGE unless index < size. At most 2 log2(size) reads. */
enum kmb_status merkle_inclusion_prove(const struct merkle_source *source, uint64_t index, uint64_t size,
                                       struct merkle_proof *proof, struct kmb_error *error);
/* RFC 9162 section 2.1.4.1. KMB_USAGE unless 0 < old_size <= size; equal sizes give an empty proof. */
enum kmb_status merkle_consistency_prove(const struct merkle_source *source, uint64_t old_size, uint64_t size,
                                         struct merkle_proof *proof, struct kmb_error *error);

/* RFC 9162 section 2.1.3.2: is `leaf` the leaf `index` of the tree of `size` leaves with this root? */
bool merkle_inclusion_verify(const struct hash256 *leaf, uint64_t index, uint64_t size, const struct hash256 *root,
                             const struct hash256 *path, size_t count) __attribute__((warn_unused_result));
/* RFC 9162 section 2.1.4.2: is the tree of old_size leaves with old_root a prefix of the other? old_size > 0. */
bool merkle_consistency_verify(uint64_t old_size, const struct hash256 *old_root, uint64_t size,
                               const struct hash256 *root, const struct hash256 *path, size_t count)
    __attribute__((warn_unused_result));

#endif
