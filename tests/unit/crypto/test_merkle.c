/*
 * The tree against a naive recursive one written straight from RFC 6962 section 2.1: every size to 130 with every
 * proof, random large sizes, the published roots of the certificate-transparency tests, and everything that must not
 * verify.
 */
#include "crypto_test.h"

#include "crypto/merkle.h"

enum { SMALL = 130 };

/* Leaf i of the test trees is the leaf hash of the number's eight bytes. */
static struct hash256 leaf_of(uint64_t i) {
    uint8_t bytes[8];
    codec_put_u64(bytes, i);
    return merkle_leaf(slice_make(bytes, 8));
}

/* RFC 6962: MTH of the leaves [from, to). */
static struct hash256 naive_root(uint64_t from, uint64_t to) {
    if (to == from) {
        return hash_sha256("", 0);
    }
    if (to - from == 1) {
        return leaf_of(from);
    }
    uint64_t k = 1;
    while (2 * k < to - from) {
        k *= 2;
    }
    struct hash256 left = naive_root(from, from + k);
    struct hash256 right = naive_root(from + k, to);
    uint8_t joined[65] = {1};
    memcpy(joined + 1, left.bytes, 32);
    memcpy(joined + 33, right.bytes, 32);
    return hash_sha256(joined, 65);
}

/* RFC 6962: PATH(m, D[n]) over [from, to), m counted from `from`. */
static void naive_path(uint64_t m, uint64_t from, uint64_t to, struct merkle_proof *proof) {
    if (to - from == 1) {
        return;
    }
    uint64_t k = 1;
    while (2 * k < to - from) {
        k *= 2;
    }
    if (m < k) {
        naive_path(m, from, from + k, proof);
        proof->hashes[proof->count++] = naive_root(from + k, to);
    } else {
        naive_path(m - k, from + k, to, proof);
        proof->hashes[proof->count++] = naive_root(from, from + k);
    }
}

/* RFC 6962: SUBPROOF(m, D[n], b). */
static void naive_subproof(uint64_t m, uint64_t from, uint64_t to, bool known, struct merkle_proof *proof) {
    if (m == to - from) {
        if (!known) {
            proof->hashes[proof->count++] = naive_root(from, to);
        }
        return;
    }
    uint64_t k = 1;
    while (2 * k < to - from) {
        k *= 2;
    }
    if (m <= k) {
        naive_subproof(m, from, from + k, known, proof);
        proof->hashes[proof->count++] = naive_root(from + k, to);
    } else {
        naive_subproof(m - k, from + k, to, false, proof);
        proof->hashes[proof->count++] = naive_root(from, from + k);
    }
}

/* A tree kept as a log keeps it: complete subtrees in the order in which they complete. */
struct stored_tree {
    struct merkle_frontier frontier;
    struct hash256 *nodes;
    uint64_t count;
    uint64_t reads;
};

static void stored_append(struct stored_tree *tree, const struct hash256 *leaf) {
    struct hash256 completed[MERKLE_LEVELS];
    uint64_t index = tree->frontier.size;
    unsigned count = merkle_frontier_append(&tree->frontier, leaf, completed);
    for (unsigned level = 0; level < count; level++) {
        assert_int_equal(merkle_place(level, index >> level), tree->count);
        tree->nodes[tree->count++] = completed[level];
    }
    assert_int_equal(merkle_place_count(tree->frontier.size), tree->count);
}

static enum kmb_status stored_read(void *context, unsigned level, uint64_t index, struct hash256 *hash,
                                   struct kmb_error *error) {
    struct stored_tree *tree = context;
    uint64_t place = merkle_place(level, index);
    if (place >= tree->count) {
        return error_set(error, KMB_CORRUPT, "no subtree (%u, %llu)", level, (unsigned long long)index);
    }
    *hash = tree->nodes[place];
    tree->reads++;
    return KMB_OK;
}

static struct stored_tree stored_make(uint64_t size) {
    struct stored_tree tree = {.nodes = mem_alloc((size_t)(2 * size + 1) * sizeof(struct hash256))};
    assert_non_null(tree.nodes);
    merkle_frontier_start(&tree.frontier);
    for (uint64_t i = 0; i < size; i++) {
        struct hash256 leaf = leaf_of(i);
        stored_append(&tree, &leaf);
    }
    return tree;
}

/* The roots that certificate-transparency implementations test with. */
static void published_roots(void **state) {
    (void)state;
    static const char *leaves[] = {
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
    static const char *roots[] = {
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct merkle_frontier frontier;
    merkle_frontier_start(&frontier);
    struct hash256 root = merkle_frontier_root(&frontier);
    test_assert_hex(root.bytes, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < ARRAY_LENGTH(leaves); i++) {
        uint8_t data[16];
        struct hash256 leaf = merkle_leaf(slice_make(data, test_unhex(leaves[i], data, sizeof data)));
        (void)merkle_frontier_append(&frontier, &leaf, NULL);
        root = merkle_frontier_root(&frontier);
        test_assert_hex(root.bytes, 32, roots[i]);
    }
}

static void small_roots(void **state) {
    (void)state;
    struct stored_tree tree = stored_make(SMALL);
    const struct merkle_source source = {stored_read, &tree};
    struct merkle_frontier frontier;
    merkle_frontier_start(&frontier);
    for (uint64_t size = 0; size <= SMALL; size++) {
        struct hash256 expected = naive_root(0, size);
        struct hash256 root = merkle_frontier_root(&frontier);
        assert_true(hash256_equal(&expected, &root));
        assert_int_equal(merkle_root_read(&source, size, &root, NULL), KMB_OK);
        assert_true(hash256_equal(&expected, &root));
        struct merkle_frontier read;
        assert_int_equal(merkle_frontier_read(&source, size, &read, NULL), KMB_OK);
        root = merkle_frontier_root(&read);
        assert_true(hash256_equal(&expected, &root));
        struct hash256 leaf = leaf_of(size);
        (void)merkle_frontier_append(&frontier, &leaf, NULL);
        if (size < SMALL) { /* a frontier read back goes on like the one that was never put away */
            (void)merkle_frontier_append(&read, &leaf, NULL);
            struct hash256 next = merkle_frontier_root(&frontier);
            root = merkle_frontier_root(&read);
            assert_true(hash256_equal(&next, &root));
        }
    }
    mem_free(tree.nodes);
}

static void assert_proof_equal(const struct merkle_proof *a, const struct merkle_proof *b) {
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hashes, b->hashes, a->count * sizeof a->hashes[0]);
}

static void small_inclusion(void **state) {
    (void)state;
    struct stored_tree tree = stored_make(SMALL);
    const struct merkle_source source = {stored_read, &tree};
    for (uint64_t size = 1; size <= SMALL; size++) {
        struct hash256 root = naive_root(0, size);
        for (uint64_t index = 0; index < size; index++) {
            struct merkle_proof proof;
            struct merkle_proof expected = {0};
            struct hash256 leaf = leaf_of(index);
            assert_int_equal(merkle_inclusion_prove(&source, index, size, &proof, NULL), KMB_OK);
            if (size % 7 == 3 || size > SMALL - 3 || size < 20) { /* the naive tree is cubic */
                naive_path(index, 0, size, &expected);
                assert_proof_equal(&proof, &expected);
            }
            assert_true(merkle_inclusion_verify(&leaf, index, size, &root, proof.hashes, proof.count));
            struct hash256 other = leaf_of(index + 1);
            assert_false(merkle_inclusion_verify(&other, index, size, &root, proof.hashes, proof.count));
            assert_false(merkle_inclusion_verify(&leaf, index, size, &other, proof.hashes, proof.count));
            assert_false(merkle_inclusion_verify(&leaf, size, size, &root, proof.hashes, proof.count));
            assert_false(merkle_inclusion_verify(&leaf, index ^ 1, size, &root, proof.hashes, proof.count) && size > 1);
            proof.hashes[proof.count] = other;
            assert_false(merkle_inclusion_verify(&leaf, index, size, &root, proof.hashes, proof.count + 1));
            assert_false(proof.count > 0 &&
                         merkle_inclusion_verify(&leaf, index, size, &root, proof.hashes, proof.count - 1));
            for (unsigned i = 0; i < proof.count; i++) {
                proof.hashes[i].bytes[(index + i) % 32] ^= 0x10;
                assert_false(merkle_inclusion_verify(&leaf, index, size, &root, proof.hashes, proof.count));
                proof.hashes[i].bytes[(index + i) % 32] ^= 0x10;
            }
        }
    }
    mem_free(tree.nodes);
}

static void small_consistency(void **state) {
    (void)state;
    struct stored_tree tree = stored_make(SMALL);
    const struct merkle_source source = {stored_read, &tree};
    struct hash256 roots[SMALL + 1];
    for (uint64_t size = 0; size <= SMALL; size++) {
        roots[size] = naive_root(0, size);
    }
    for (uint64_t size = 1; size <= SMALL; size++) {
        for (uint64_t old = 1; old <= size; old++) {
            struct merkle_proof proof;
            struct merkle_proof expected = {0};
            assert_int_equal(merkle_consistency_prove(&source, old, size, &proof, NULL), KMB_OK);
            if (size % 7 == 3 || size > SMALL - 3 || size < 20) {
                naive_subproof(old, 0, size, true, &expected);
                assert_proof_equal(&proof, &expected);
            }
            assert_true(merkle_consistency_verify(old, &roots[old], size, &roots[size], proof.hashes, proof.count));
            assert_false(
                merkle_consistency_verify(old, &roots[old - 1], size, &roots[size], proof.hashes, proof.count));
            assert_false(
                merkle_consistency_verify(old, &roots[old], size, &roots[size - 1], proof.hashes, proof.count));
            assert_false(size != old && merkle_consistency_verify(old + 1, &roots[old], size, &roots[size],
                                                                  proof.hashes, proof.count));
            proof.hashes[proof.count] = roots[old];
            assert_false(
                merkle_consistency_verify(old, &roots[old], size, &roots[size], proof.hashes, proof.count + 1));
            assert_false(proof.count > 0 && merkle_consistency_verify(old, &roots[old], size, &roots[size],
                                                                      proof.hashes, proof.count - 1));
            for (unsigned i = 0; i < proof.count; i++) {
                proof.hashes[i].bytes[(old + i) % 32] ^= 0x01;
                assert_false(
                    merkle_consistency_verify(old, &roots[old], size, &roots[size], proof.hashes, proof.count));
                proof.hashes[i].bytes[(old + i) % 32] ^= 0x01;
            }
        }
    }
    mem_free(tree.nodes);
}

/* Larger trees: proofs verify against roots taken from the frontier as it grew, within the promised reads. */
static void random_sizes(void **state) {
    (void)state;
    enum { LARGE = 20000, ROUNDS = 600 };
    struct prng prng;
    prng_seed(&prng, 17);
    struct stored_tree tree = {.nodes = mem_alloc((size_t)(2 * LARGE) * sizeof(struct hash256))};
    struct hash256 *roots = mem_alloc((size_t)(LARGE + 1) * sizeof(struct hash256));
    assert_true(tree.nodes != NULL && roots != NULL);
    merkle_frontier_start(&tree.frontier);
    for (uint64_t i = 0; i < LARGE; i++) {
        struct hash256 leaf = leaf_of(i);
        stored_append(&tree, &leaf);
        roots[i + 1] = merkle_frontier_root(&tree.frontier);
    }
    const struct merkle_source source = {stored_read, &tree};
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t size = 1 + prng_below(&prng, LARGE);
        uint64_t index = prng_below(&prng, size);
        struct merkle_proof proof;
        struct hash256 leaf = leaf_of(index);
        tree.reads = 0;
        assert_int_equal(merkle_inclusion_prove(&source, index, size, &proof, NULL), KMB_OK);
        assert_true(tree.reads <= 30);
        assert_true(merkle_inclusion_verify(&leaf, index, size, &roots[size], proof.hashes, proof.count));
        uint64_t old = index + 1;
        tree.reads = 0;
        assert_int_equal(merkle_consistency_prove(&source, old, size, &proof, NULL), KMB_OK);
        assert_true(tree.reads <= 30);
        assert_true(merkle_consistency_verify(old, &roots[old], size, &roots[size], proof.hashes, proof.count));
    }
    mem_free(roots);
    mem_free(tree.nodes);
}

/* A tree of 2^62 and more leaves that are all alike: the subtree of a level is one hash, so no storage is needed. */
static enum kmb_status uniform_read(void *context, unsigned level, uint64_t index, struct hash256 *hash,
                                    struct kmb_error *error) {
    (void)error;
    (void)index;
    const struct hash256 *levels = context;
    *hash = levels[level];
    return KMB_OK;
}

static void vast_sizes(void **state) {
    (void)state;
    struct hash256 levels[MERKLE_LEVELS];
    levels[0] = leaf_of(0);
    for (unsigned level = 1; level < MERKLE_LEVELS; level++) {
        levels[level] = merkle_node(&levels[level - 1], &levels[level - 1]);
    }
    const struct merkle_source source = {uniform_read, levels};
    struct prng prng;
    prng_seed(&prng, 23);
    for (int round = 0; round < 300; round++) {
        uint64_t size = round == 0 ? MERKLE_SIZE_MAX : 1 + prng_u64(&prng) % MERKLE_SIZE_MAX;
        uint64_t index = round % 3 == 0 ? size - 1 : prng_below(&prng, size);
        struct hash256 root;
        struct hash256 old_root;
        struct merkle_proof proof;
        assert_int_equal(merkle_root_read(&source, size, &root, NULL), KMB_OK);
        assert_int_equal(merkle_inclusion_prove(&source, index, size, &proof, NULL), KMB_OK);
        assert_true(merkle_inclusion_verify(&levels[0], index, size, &root, proof.hashes, proof.count));
        assert_false(merkle_inclusion_verify(&levels[1], index, size, &root, proof.hashes, proof.count));
        assert_int_equal(merkle_root_read(&source, index + 1, &old_root, NULL), KMB_OK);
        assert_int_equal(merkle_consistency_prove(&source, index + 1, size, &proof, NULL), KMB_OK);
        assert_true(merkle_consistency_verify(index + 1, &old_root, size, &root, proof.hashes, proof.count));
    }
    assert_int_equal(merkle_place_count(MERKLE_SIZE_MAX), 2 * (MERKLE_SIZE_MAX)-63);
}

static enum kmb_status failing_read(void *context, unsigned level, uint64_t index, struct hash256 *hash,
                                    struct kmb_error *error) {
    int *left = context;
    (void)level;
    (void)index;
    memset(hash, 7, sizeof *hash);
    return (*left)-- == 0 ? error_set(error, KMB_IO, "disk") : KMB_OK;
}

static void refusals(void **state) {
    (void)state;
    struct stored_tree tree = stored_make(10);
    const struct merkle_source source = {stored_read, &tree};
    struct merkle_proof proof;
    struct kmb_error error;
    struct hash256 root;
    struct merkle_frontier frontier;
    assert_int_equal(merkle_inclusion_prove(&source, 5, 5, &proof, &error), KMB_USAGE);
    assert_string_equal(error.message, "there is no leaf 5 in a tree of 5");
    assert_int_equal(merkle_inclusion_prove(&source, 0, 0, &proof, &error), KMB_USAGE);
    assert_int_equal(merkle_inclusion_prove(&source, 0, UINT64_MAX, &proof, &error), KMB_USAGE);
    assert_int_equal(merkle_consistency_prove(&source, 0, 5, &proof, &error), KMB_USAGE);
    assert_int_equal(merkle_consistency_prove(&source, 6, 5, &proof, &error), KMB_USAGE);
    assert_int_equal(merkle_consistency_prove(&source, 6, UINT64_MAX, &proof, &error), KMB_USAGE);
    assert_int_equal(merkle_root_read(&source, UINT64_MAX, &root, &error), KMB_USAGE);
    assert_int_equal(merkle_frontier_read(&source, UINT64_MAX, &frontier, &error), KMB_USAGE);
    assert_false(merkle_consistency_verify(0, &root, 5, &root, proof.hashes, 0));
    assert_false(merkle_inclusion_verify(&root, 0, 1, &root, proof.hashes, MERKLE_PROOF_MAX + 1));
    for (int reads = 0; reads < 3; reads++) { /* whatever read fails, its error arrives */
        int left = reads;
        const struct merkle_source failing = {failing_read, &left};
        assert_int_equal(merkle_inclusion_prove(&failing, 4, 10, &proof, &error), KMB_IO);
        assert_string_equal(error.message, "disk");
        left = reads;
        assert_int_equal(merkle_consistency_prove(&failing, 5, 10, &proof, &error), KMB_IO);
        left = reads;
        assert_int_equal(merkle_frontier_read(&failing, 11, &frontier, &error), KMB_IO);
        left = reads;
        assert_int_equal(merkle_root_read(&failing, 11, &root, &error), KMB_IO);
    }
    mem_free(tree.nodes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_roots),   cmocka_unit_test(small_roots),  cmocka_unit_test(small_inclusion),
        cmocka_unit_test(small_consistency), cmocka_unit_test(random_sizes), cmocka_unit_test(vast_sizes),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
