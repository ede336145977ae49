/*
 * What the contract promises beyond the oracle's reach: sizes, limits, ordered loads that fill pages, long-held roots,
 * tenants, numbers, what reopening costs.
 */
#include "store_model.h"

struct fixture {
    struct io_memory *disk;
    struct io io;
    struct test_random random;
    struct test_keys page_keys;
    struct store_options options;
    struct store *store;
    struct store_root *root;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->disk = io_memory_new(0);
    fixture->io = io_memory_table(fixture->disk);
    test_keys_make(&fixture->page_keys);
    fixture->options = test_options(&fixture->random, &fixture->page_keys, 1 << 20);
    assert_int_equal(store_open(&fixture->io, "/s", &fixture->options, NULL, &fixture->store, &fixture->root, NULL),
                     KMB_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    store_root_release(fixture->root);
    store_close(fixture->store);
    io_memory_free(fixture->disk);
    test_keys_free(&fixture->page_keys);
    free(fixture);
    return 0;
}

static struct store_fork *begin(struct fixture *fixture) {
    struct store_fork *fork;
    assert_int_equal(store_fork(fixture->root, &fork, NULL), KMB_OK);
    return fork;
}

static void commit(struct fixture *fixture, struct store_fork *fork) {
    struct store_root *root;
    assert_int_equal(store_fork_freeze(fork, &root, NULL), KMB_OK);
    store_root_release(fixture->root);
    fixture->root = root;
}

static void reopen(struct fixture *fixture) {
    struct store_reference reference;
    assert_int_equal(store_checkpoint(fixture->store, fixture->root, slice_make(NULL, 0), &reference, NULL), KMB_OK);
    store_checkpoint_confirmed(fixture->store);
    store_root_release(fixture->root);
    store_close(fixture->store);
    assert_int_equal(
        store_open(&fixture->io, "/s", &fixture->options, &reference, &fixture->store, &fixture->root, NULL), KMB_OK);
}

static struct slice number_key(uint32_t number, uint8_t bytes[4]) {
    codec_put_u32_big(bytes, number);
    return slice_make(bytes, 4);
}

/* Values from nothing to 64 MiB, with a cache of 1 MiB; and keys up to the limit. */
static void test_sizes(void **state) {
    struct fixture *fixture = *state;
    static const size_t sizes[] = {0,       1,        2600, 2690, 2700, 8119, 8120, 8121, 8120u * 338, 8120u * 338 + 1,
                                   1 << 20, 64u << 20};
    struct store_fork *fork = begin(fixture);
    uint8_t *bytes = malloc(64u << 20);
    assert_non_null(bytes);
    for (size_t i = 0; i < 64u << 20; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 8120);
    }
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t key[4];
        assert_int_equal(store_fork_put_parts(fork, 1, STORE_INDEX, number_key(i, key), slice_make(bytes, sizes[i] / 3),
                                              slice_make(bytes + sizes[i] / 3, sizes[i] - sizes[i] / 3), NULL),
                         KMB_OK);
    }
    static const size_t key_sizes[] = {1, 512, 513, 2047, 2048, 2049, 9000, STORE_KEY_MAX};
    for (uint32_t i = 0; i < sizeof key_sizes / sizeof key_sizes[0]; i++) {
        uint8_t value[4];
        assert_int_equal(
            store_fork_put(fork, 1, STORE_META, slice_make(bytes, key_sizes[i]), number_key(i, value), NULL), KMB_OK);
    }
    struct kmb_error error = {0};
    assert_int_equal(store_fork_put(fork, 1, STORE_META, slice_make(bytes, STORE_KEY_MAX + 1), slice_text("v"), &error),
                     KMB_LIMIT);
    assert_int_equal(store_fork_put(fork, 1, STORE_META, slice_make(bytes, 0), slice_text("v"), &error), KMB_LIMIT);
    assert_int_equal(
        store_fork_put(fork, 1, STORE_META, slice_text("k"), slice_make(bytes, STORE_VALUE_MAX + 1), &error),
        KMB_LIMIT);
    commit(fixture, fork);
    reopen(fixture);
    struct buffer value = {0};
    bool found;
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t key[4];
        assert_int_equal(
            store_get(store_view_root(fixture->root), 1, STORE_INDEX, number_key(i, key), &value, &found, NULL),
            KMB_OK);
        assert_true(found && slice_equal(buffer_slice(&value), slice_make(bytes, sizes[i])));
    }
    for (uint32_t i = 0; i < sizeof key_sizes / sizeof key_sizes[0]; i++) {
        uint8_t key[4];
        assert_int_equal(store_get(store_view_root(fixture->root), 1, STORE_META, slice_make(bytes, key_sizes[i]),
                                   &value, &found, NULL),
                         KMB_OK);
        assert_true(found && slice_equal(buffer_slice(&value), number_key(i, key)));
    }
    struct store_info info;
    store_info(fixture->store, &info);
    uint64_t used = info.pages_used;
    assert_true(info.cache_bytes <= 2 << 20);
    fork = begin(fixture);
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t key[4];
        assert_int_equal(store_fork_delete(fork, 1, STORE_INDEX, number_key(i, key), &found, NULL), KMB_OK);
        assert_true(found);
    }
    commit(fixture, fork);
    reopen(fixture);
    reopen(fixture);
    store_info(fixture->store, &info);
    assert_true(used > 8000 && info.pages_used < 500); /* the places of large values are free again */
    buffer_free(&value);
    free(bytes);
}

/* Loading in order leaves full pages; so does loading several tables in turn, each in order. */
static void test_ordered_load(void **state) {
    struct fixture *fixture = *state;
    struct store_fork *fork = begin(fixture);
    uint8_t value[100];
    memset(value, 7, sizeof value);
    const uint32_t rows = 20000;
    for (uint32_t i = 0; i < rows; i++) {
        uint8_t key[8];
        codec_put_u32_big(key, i % 4);
        codec_put_u32_big(key + 4, i / 4);
        assert_int_equal(
            store_fork_put(fork, 1, STORE_CURRENT, slice_make(key, 8), slice_make(value, sizeof value), NULL), KMB_OK);
    }
    commit(fixture, fork);
    struct store_info info;
    store_info(fixture->store, &info);
    /* 8 + 100 + 4 + 6 bytes a row */
    uint64_t full = rows * 118u / 8120u;
    assert_in_range(info.pages_used, full, full + full / 10 + 10);
}

/* A root held while everything changes keeps its rows, costs what changed and no more, and is named. */
static void test_held_root(void **state) {
    struct fixture *fixture = *state;
    struct store_fork *fork = begin(fixture);
    uint8_t row[300];
    memset(row, 1, sizeof row);
    uint8_t key[4];
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(store_fork_put(fork, 1, STORE_CURRENT, number_key(i, key), slice_make(row, sizeof row), NULL),
                         KMB_OK);
    }
    commit(fixture, fork);
    struct store_info info;
    store_info(fixture->store, &info);
    uint64_t used = info.pages_used;
    assert_int_equal(info.roots, 1);
    struct store_root *held = store_root_retain(fixture->root);
    store_root_mark(held, 77);
    store_root_read_begin(held);
    struct prng prng;
    prng_seed(&prng, 4);
    for (unsigned round = 0; round < 2000; round++) {
        fork = begin(fixture);
        for (unsigned i = 0; i < 20; i++) {
            codec_put_u64(row, prng_u64(&prng));
            assert_int_equal(store_fork_put(fork, 1, STORE_CURRENT, number_key((uint32_t)prng_below(&prng, 5000), key),
                                            slice_make(row, sizeof row), NULL),
                             KMB_OK);
        }
        commit(fixture, fork);
    }
    store_info(fixture->store, &info);
    assert_int_equal(info.roots, 2);
    assert_int_equal(info.roots_read, 1);
    assert_int_equal(info.mark_oldest, 77);
    assert_true(info.read_bytes > used * 8192 * 9 / 10 && info.read_bytes <= used * 8192);
    assert_true(info.pages_used <= 2 * used + 32);
    memset(row, 1, sizeof row);
    struct store_cursor cursor;
    assert_int_equal(store_cursor_open(&cursor, store_view_root(held), 1, STORE_CURRENT, NULL), KMB_OK);
    assert_int_equal(store_cursor_first(&cursor, NULL), KMB_OK);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_true(cursor.valid && slice_equal(cursor.value, slice_make(row, sizeof row)));
        assert_int_equal(store_cursor_next(&cursor, NULL), KMB_OK);
    }
    assert_false(cursor.valid);
    store_root_read_end(held);
    store_root_release(held); /* the cursor still holds it */
    assert_int_equal(store_cursor_first(&cursor, NULL), KMB_OK);
    assert_true(cursor.valid);
    store_cursor_close(&cursor);
    store_info(fixture->store, &info);
    assert_int_equal(info.roots_read, 0);
    assert_int_equal(info.mark_oldest, 0);
    assert_int_equal(info.read_bytes, 0);
    assert_true(info.pages_used <= used + 32);
}

static enum kmb_status note_tenant(void *context, uint32_t tenant) {
    struct buffer *list = context;
    buffer_u32(list, tenant);
    return KMB_OK;
}

static void expect_tenants(struct store_view view, const uint32_t *tenants, size_t count) {
    struct buffer list = {0};
    assert_int_equal(store_tenants(view, note_tenant, &list, NULL), KMB_OK);
    assert_int_equal(list.length, count * 4);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(codec_get_u32(list.bytes + 4 * i), tenants[i]);
    }
    buffer_free(&list);
}

static void test_tenants(void **state) {
    struct fixture *fixture = *state;
    expect_tenants(store_view_root(fixture->root), NULL, 0);
    struct store_fork *fork = begin(fixture);
    for (uint32_t tenant = 0; tenant < 300; tenant++) {
        assert_int_equal(store_fork_put(fork, tenant * 3, STORE_META, slice_text("k"), slice_text("v"), NULL), KMB_OK);
    }
    commit(fixture, fork);
    uint32_t all[301];
    for (uint32_t i = 0; i < 300; i++) {
        all[i] = i * 3;
    }
    expect_tenants(store_view_root(fixture->root), all, 300);
    reopen(fixture);
    expect_tenants(store_view_root(fixture->root), all, 300);
    fork = begin(fixture);
    assert_int_equal(store_fork_drop_tenant(fork, 0, NULL), KMB_OK);
    assert_int_equal(store_fork_delete(fork, 3, STORE_META, slice_text("k"), NULL, NULL), KMB_OK);
    assert_int_equal(store_fork_put(fork, 4000000000u, STORE_INDEX, slice_text("k"), slice_text("v"), NULL), KMB_OK);
    all[300] = 4000000000u;
    expect_tenants(store_view_fork(fork), all + 2, 299);
    commit(fixture, fork);
    expect_tenants(store_view_root(fixture->root), all + 2, 299);
    struct hash256 hash;
    assert_int_equal(store_state_hash(store_view_root(fixture->root), 0, &hash, NULL), KMB_OK);
    assert_true(hash256_is_zero(&hash));
    /* A fork that touches one tenant copies nothing of the others. */
    struct store_info before;
    struct store_info after;
    struct store_root *held = store_root_retain(fixture->root);
    store_info(fixture->store, &before);
    fork = begin(fixture);
    assert_int_equal(store_fork_put(fork, 30, STORE_META, slice_text("k"), slice_text("w"), NULL), KMB_OK);
    commit(fixture, fork);
    store_info(fixture->store, &after);
    assert_true(after.pages_used - before.pages_used <= 4);
    store_root_release(held);
}

/* Opening reads a handful of pages, whatever the size. */
static void test_lazy_open(void **state) {
    struct fixture *fixture = *state;
    struct store_fork *fork = begin(fixture);
    uint8_t row[300] = {0};
    uint8_t key[4];
    for (uint32_t i = 0; i < 50000; i++) {
        assert_int_equal(store_fork_put(fork, 1, STORE_CURRENT, number_key(i, key), slice_make(row, sizeof row), NULL),
                         KMB_OK);
    }
    commit(fixture, fork);
    reopen(fixture);
    bool found;
    assert_int_equal(
        store_get(store_view_root(fixture->root), 1, STORE_CURRENT, number_key(7, key), NULL, &found, NULL), KMB_OK);
    assert_true(found);
    struct store_info info;
    store_info(fixture->store, &info);
    assert_true(info.pages_used > 1800);
    assert_true(info.pages_read < 10);
    assert_true(info.cache_bytes < 10 * 8192);
}

/* Estimates: exact within a leaf, near elsewhere. */
static void test_estimate(void **state) {
    struct fixture *fixture = *state;
    uint64_t rows;
    uint8_t low[4];
    uint8_t high[4];
    assert_int_equal(store_estimate(store_view_root(fixture->root), 1, STORE_CURRENT, number_key(1, low),
                                    number_key(9, high), &rows, NULL),
                     KMB_OK);
    assert_int_equal(rows, 0);
    struct store_fork *fork = begin(fixture);
    uint8_t row[100] = {0};
    struct prng prng;
    prng_seed(&prng, 3);
    for (uint32_t i = 0; i < 40000; i++) {
        uint32_t number = (i * 7919u) % 40000u;
        assert_int_equal(
            store_fork_put(fork, 1, STORE_CURRENT, number_key(number, low), slice_make(row, 20 + i % 80), NULL),
            KMB_OK);
    }
    for (unsigned i = 0; i < 300; i++) {
        uint32_t from = (uint32_t)prng_below(&prng, 40000);
        uint32_t to = from + (uint32_t)prng_below(&prng, i % 2 == 0 ? 40001 - from : 20);
        assert_int_equal(store_estimate(store_view_fork(fork), 1, STORE_CURRENT, number_key(from, low),
                                        number_key(to, high), &rows, NULL),
                         KMB_OK);
        uint64_t real = (to < 40000 ? to : 40000) - from;
        assert_in_range(rows, real > 700 ? real - real / 8 - 400 : 0, real + real / 8 + 400);
        if (real == 0) {
            assert_int_equal(rows, 0);
        }
    }
    assert_int_equal(store_estimate(store_view_fork(fork), 1, STORE_CURRENT, number_key(10000, low),
                                    slice_make(NULL, 0), &rows, NULL),
                     KMB_OK);
    assert_in_range(rows, 27000, 33000);
    commit(fixture, fork);
}

/* A fork without changes, a put of the same value, a fork that was discarded: nothing happened. */
static void test_nothing(void **state) {
    struct fixture *fixture = *state;
    struct store_fork *fork = begin(fixture);
    assert_false(store_fork_changed(fork));
    assert_int_equal(store_fork_put(fork, 1, STORE_META, slice_text("k"), slice_text("v"), NULL), KMB_OK);
    assert_true(store_fork_changed(fork));
    commit(fixture, fork);
    struct store_info before;
    struct store_info after;
    store_info(fixture->store, &before);
    fork = begin(fixture);
    bool found;
    assert_int_equal(store_fork_delete(fork, 1, STORE_META, slice_text("none"), &found, NULL), KMB_OK);
    assert_false(found);
    assert_false(store_fork_changed(fork));
    assert_int_equal(store_fork_put(fork, 1, STORE_META, slice_text("k2"), slice_text("v"), NULL), KMB_OK);
    store_fork_discard(fork);
    store_fork_discard(NULL);
    store_root_release(NULL);
    store_close(NULL);
    store_info(fixture->store, &after);
    assert_int_equal(after.pages_used, before.pages_used);
    assert_int_equal(after.pages_dirty, before.pages_dirty);
    struct store_reference reference;
    struct kmb_error error = {0};
    uint8_t much[STORE_INFO_MAX + 1] = {0};
    assert_int_equal(store_checkpoint(fixture->store, fixture->root, slice_make(much, sizeof much), &reference, &error),
                     KMB_LIMIT);
    /* a root that is not of the line of the last checkpoint is refused */
    struct store_root *old = store_root_retain(fixture->root);
    fork = begin(fixture);
    assert_int_equal(store_fork_put(fork, 1, STORE_META, slice_text("k3"), slice_text("v"), NULL), KMB_OK);
    commit(fixture, fork);
    assert_int_equal(
        store_checkpoint(fixture->store, fixture->root, slice_make(much, STORE_INFO_MAX), &reference, NULL), KMB_OK);
    assert_int_equal(store_checkpoint(fixture->store, old, slice_make(NULL, 0), &reference, &error), KMB_USAGE);
    store_root_release(old);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ordered_load, setup, teardown),
        cmocka_unit_test_setup_teardown(test_held_root, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tenants, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lazy_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_estimate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
