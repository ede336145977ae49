/*
 * The store against an array, under random operations: puts, deletes, reads and walks on roots and forks, savepoints,
 * discarded forks, long-held roots, checkpoints, restarts and crashes. STORE_STEPS in the environment sets the number
 * of operations of the long run.
 */
#include "store_model.h"

#define ROOTS_MAX 5u
#define FORKS_MAX 2u

struct world {
    struct model_keys keys;
    struct io_memory *disk;
    struct io io;
    struct test_random random;
    struct test_keys page_keys;
    struct store_options options;
    struct store *store;
    struct prng prng;
    /* roots[0] is the published one */
    struct store_root *roots[ROOTS_MAX];
    struct model root_models[ROOTS_MAX];
    unsigned root_count;
    struct store_fork *forks[FORKS_MAX];
    struct model fork_models[FORKS_MAX];
    bool fork_of_head[FORKS_MAX];
    struct store_reference durable;
    struct model durable_model;
    struct buffer value;
    struct buffer read;
};

static void world_open(struct world *world) {
    struct kmb_error error = {0};
    enum kmb_status status = store_open(&world->io, "/d/store.kst", &world->options, &world->durable, &world->store,
                                        &world->roots[0], &error);
    if (status != KMB_OK) {
        print_message("%s\n", error.message);
    }
    assert_int_equal(status, KMB_OK);
    world->root_count = 1;
    world->root_models[0] = world->durable_model;
}

static void world_close(struct world *world) {
    for (unsigned i = 0; i < FORKS_MAX; i++) {
        store_fork_discard(world->forks[i]);
        world->forks[i] = NULL;
    }
    for (unsigned i = 0; i < world->root_count; i++) {
        store_root_release(world->roots[i]);
    }
    world->root_count = 0;
    store_close(world->store);
    world->store = NULL;
}

static struct world *world_make(uint64_t seed, uint64_t cache_bytes, bool sealed) {
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    model_keys_make(&world->keys, seed);
    prng_seed(&world->prng, seed);
    world->disk = io_memory_new(0);
    world->io = io_memory_table(world->disk);
    assert_int_equal(io_make_directory(&world->io, "/d", NULL), KMB_OK);
    assert_int_equal(io_sync_directory(&world->io, "/", NULL), KMB_OK);
    test_keys_make(&world->page_keys);
    world->options = test_options(&world->random, sealed ? &world->page_keys : NULL, cache_bytes);
    world_open(world);
    return world;
}

static void world_free(struct world *world) {
    world_close(world);
    io_memory_free(world->disk);
    test_keys_free(&world->page_keys);
    model_keys_free(&world->keys);
    buffer_free(&world->value);
    buffer_free(&world->read);
    free(world);
}

static unsigned below(struct world *world, unsigned bound) {
    return (unsigned)prng_below(&world->prng, bound);
}

static void step_fork(struct world *world, unsigned f) {
    unsigned r = below(world, 4) == 0 ? below(world, world->root_count) : 0;
    assert_int_equal(store_fork(world->roots[r], &world->forks[f], NULL), KMB_OK);
    world->fork_models[f] = world->root_models[r];
    world->fork_of_head[f] = r == 0;
}

static void step_change(struct world *world, unsigned f) {
    unsigned t = below(world, MODEL_TENANTS);
    unsigned tree = below(world, MODEL_TREES);
    unsigned k = below(world, MODEL_KEYS);
    uint64_t *seed = &world->fork_models[f].seeds[t][tree][k];
    struct kmb_error error = {0};
    if (below(world, 10) < 7) {
        *seed = prng_u64(&world->prng) | 1;
        struct slice value = model_value(*seed, &world->value);
        assert_int_equal(
            store_fork_put(world->forks[f], model_tenant[t], model_tree[tree], world->keys.keys[k], value, &error),
            KMB_OK);
    } else {
        bool found;
        assert_int_equal(
            store_fork_delete(world->forks[f], model_tenant[t], model_tree[tree], world->keys.keys[k], &found, &error),
            KMB_OK);
        assert_int_equal(found, *seed != 0);
        *seed = 0;
    }
}

static void step_get(struct world *world, const struct model *model, struct store_view view) {
    unsigned t = below(world, MODEL_TENANTS);
    unsigned tree = below(world, MODEL_TREES);
    unsigned k = below(world, MODEL_KEYS);
    uint64_t seed = model->seeds[t][tree][k];
    bool found;
    assert_int_equal(
        store_get(view, model_tenant[t], model_tree[tree], world->keys.keys[k], &world->read, &found, NULL), KMB_OK);
    assert_int_equal(found, seed != 0);
    if (found) {
        assert_true(slice_equal(buffer_slice(&world->read), model_value(seed, &world->value)));
    }
}

/* Some tens of keys of a tree at once, there or not, some of them twice. */
static void step_get_many(struct world *world, const struct model *model, struct store_view view) {
    enum { MANY = 40 };
    unsigned t = below(world, MODEL_TENANTS);
    unsigned tree = below(world, MODEL_TREES);
    size_t count = below(world, MANY + 1);
    unsigned numbers[MANY];
    struct slice keys[MANY];
    struct store_held held[MANY];
    for (size_t i = 0; i < count; i++) {
        numbers[i] = below(world, MODEL_KEYS);
        keys[i] = world->keys.keys[numbers[i]];
    }
    assert_int_equal(store_get_many(view, model_tenant[t], model_tree[tree], keys, count, held, NULL), KMB_OK);
    for (size_t i = 0; i < count; i++) {
        uint64_t seed = model->seeds[t][tree][numbers[i]];
        assert_int_equal(held[i].entry != NULL, seed != 0);
        if (seed != 0) {
            struct slice value;
            assert_int_equal(store_held_value(view, model_tenant[t], &held[i], &world->read, &value, NULL), KMB_OK);
            assert_true(slice_equal(value, model_value(seed, &world->value)));
        }
    }
    store_held_drop(held, count);
}

static int next_key(const uint64_t *seeds, int k, int step) {
    for (k += step; k >= 0 && k < (int)MODEL_KEYS; k += step) {
        if (seeds[k] != 0) {
            return k;
        }
    }
    return -1;
}

/* A walk of some steps; on a fork with changes in between. */
static void step_walk(struct world *world, struct model *model, struct store_view view, int fork) {
    unsigned t = below(world, MODEL_TENANTS);
    unsigned tree = below(world, MODEL_TREES);
    const uint64_t *seeds = model->seeds[t][tree];
    int k = (int)below(world, MODEL_KEYS);
    bool back = below(world, 2) == 0;
    struct store_cursor cursor;
    assert_int_equal(store_cursor_open(&cursor, view, model_tenant[t], model_tree[tree], NULL), KMB_OK);
    struct slice key = world->keys.keys[k];
    assert_int_equal(back ? store_cursor_seek_back(&cursor, key, NULL) : store_cursor_seek(&cursor, key, NULL), KMB_OK);
    int at = seeds[k] != 0 ? k : next_key(seeds, k, back ? -1 : 1);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(cursor.valid, at >= 0);
        if (at < 0) {
            break;
        }
        assert_true(slice_equal(cursor.key, world->keys.keys[at]));
        struct slice value;
        assert_int_equal(store_cursor_value(&cursor, &value, NULL), KMB_OK);
        assert_true(slice_equal(value, model_value(seeds[at], &world->value)));
        if (fork >= 0 && below(world, 3) == 0) {
            step_change(world, (unsigned)fork);
        }
        if (below(world, 6) == 0) {
            int target = at + (int)below(world, 20);
            target = target < (int)MODEL_KEYS ? target : (int)MODEL_KEYS - 1;
            at = seeds[target] != 0 ? target : next_key(seeds, target, 1);
            assert_int_equal(store_cursor_seek(&cursor, world->keys.keys[target], NULL), KMB_OK);
            continue;
        }
        bool turn = below(world, 5) == 0;
        back = turn ? !back : back;
        at = next_key(seeds, at, back ? -1 : 1);
        assert_int_equal(back ? store_cursor_prev(&cursor, NULL) : store_cursor_next(&cursor, NULL), KMB_OK);
    }
    store_cursor_close(&cursor);
}

static void root_drop(struct world *world, unsigned r) {
    store_root_release(world->roots[r]);
    world->root_count--;
    world->roots[r] = world->roots[world->root_count];
    world->root_models[r] = world->root_models[world->root_count];
}

/* Two seeds of one value: small ones may be equal, as empty ones are. */
static bool same_values(struct world *world, uint64_t a, uint64_t b) {
    if (a == 0 || b == 0) {
        return a == b;
    }
    struct slice first = model_value(a, &world->value);
    return slice_equal(first, model_value(b, &world->read));
}

/* What two roots differ in, from a random key to another. */
static void step_difference(struct world *world, unsigned a, unsigned b) {
    unsigned t = below(world, MODEL_TENANTS);
    unsigned tree = below(world, MODEL_TREES);
    unsigned low = below(world, MODEL_KEYS);
    unsigned high = low + below(world, MODEL_KEYS - low);
    const uint64_t *before = world->root_models[a].seeds[t][tree];
    const uint64_t *after = world->root_models[b].seeds[t][tree];
    struct store_difference difference;
    assert_int_equal(store_difference_open(&difference, world->roots[a], world->roots[b], model_tenant[t],
                                           model_tree[tree], world->keys.keys[low], world->keys.keys[high], NULL),
                     KMB_OK);
    for (unsigned k = low; k < high; k++) {
        if (same_values(world, before[k], after[k])) {
            continue;
        }
        assert_int_equal(store_difference_next(&difference, NULL), KMB_ROW);
        assert_int_equal(difference.in_before, before[k] != 0);
        assert_int_equal(difference.in_after, after[k] != 0);
        struct store_cursor *cursor = difference.in_before ? &difference.before : &difference.after;
        struct slice value;
        assert_true(slice_equal(cursor->key, world->keys.keys[k]));
        assert_int_equal(store_cursor_value(cursor, &value, NULL), KMB_OK);
        assert_true(slice_equal(value, model_value(difference.in_before ? before[k] : after[k], &world->value)));
    }
    assert_int_equal(store_difference_next(&difference, NULL), KMB_DONE);
    store_difference_close(&difference);
}

/* The fork's state becomes the published root if it was made from that, else one more held root. */
static void step_freeze(struct world *world, unsigned f) {
    struct store_root *root;
    assert_int_equal(store_fork_freeze(world->forks[f], &root, NULL), KMB_OK);
    world->forks[f] = NULL;
    if (below(world, 3) == 0) { /* a savepoint: go on from here */
        assert_int_equal(store_fork(root, &world->forks[f], NULL), KMB_OK);
        store_root_release(root);
        return;
    }
    if (world->fork_of_head[f]) {
        for (unsigned other = 0; other < FORKS_MAX; other++) {
            world->fork_of_head[other] = false;
        }
        if (below(world, 4) == 0 && world->root_count < ROOTS_MAX) { /* somebody keeps the old one */
            world->roots[world->root_count] = world->roots[0];
            world->root_models[world->root_count++] = world->root_models[0];
        } else {
            store_root_release(world->roots[0]);
        }
        world->roots[0] = root;
        world->root_models[0] = world->fork_models[f];
    } else if (world->root_count < ROOTS_MAX) {
        world->roots[world->root_count] = root;
        world->root_models[world->root_count++] = world->fork_models[f];
    } else {
        store_root_release(root);
    }
}

static void step_checkpoint(struct world *world) {
    struct store_reference reference;
    uint8_t info[8];
    codec_put_u64(info, store_root_generation(world->roots[0]));
    struct kmb_error error = {0};
    assert_int_equal(store_checkpoint(world->store, world->roots[0], slice_make(info, sizeof info), &reference, &error),
                     KMB_OK);
    if (below(world, 4) == 0) {
        return; /* the reference got lost: the next checkpoint comes without a confirmation of this one */
    }
    store_checkpoint_confirmed(world->store);
    world->durable = reference;
    world->durable_model = world->root_models[0];
}

static void step_restart(struct world *world, bool crash) {
    if (crash) {
        enum io_crash_mode mode = (enum io_crash_mode)below(world, 4);
        struct io_crash_report report;
        world_close(world);
        io_memory_crash(world->disk, mode, &world->prng, &report);
    } else {
        world_close(world);
    }
    world_open(world);
    model_check(&world->root_models[0], &world->keys, store_view_root(world->roots[0]));
}

static void world_step(struct world *world) {
    unsigned f = below(world, FORKS_MAX);
    if (world->forks[f] == NULL) {
        step_fork(world, f);
    }
    unsigned kind = below(world, 1000);
    unsigned r = below(world, world->root_count);
    if (kind < 650) {
        step_change(world, f);
    } else if (kind < 750) {
        step_get(world, &world->fork_models[f], store_view_fork(world->forks[f]));
    } else if (kind < 760) {
        step_get_many(world, &world->root_models[r], store_view_root(world->roots[r]));
    } else if (kind < 850) {
        step_get(world, &world->root_models[r], store_view_root(world->roots[r]));
    } else if (kind < 900) {
        step_walk(world, &world->root_models[r], store_view_root(world->roots[r]), -1);
    } else if (kind < 940) {
        step_walk(world, &world->fork_models[f], store_view_fork(world->forks[f]), (int)f);
    } else if (kind < 975) {
        step_freeze(world, f);
    } else if (kind < 985) {
        store_fork_discard(world->forks[f]);
        world->forks[f] = NULL;
    } else if (kind < 993) {
        if (r > 0) {
            root_drop(world, r);
        }
    } else if (kind < 995) {
        step_checkpoint(world);
    } else if (kind < 997) {
        step_difference(world, below(world, world->root_count), r);
    } else if (kind < 999) {
        model_check(&world->root_models[r], &world->keys, store_view_root(world->roots[r]));
    } else {
        step_restart(world, below(world, 2) == 0);
    }
}

/* Whatever was held or dropped: after a checkpoint is confirmed twice, only what the root reaches is in use. */
static void world_no_leak(struct world *world) {
    for (unsigned f = 0; f < FORKS_MAX; f++) {
        store_fork_discard(world->forks[f]);
        world->forks[f] = NULL;
    }
    while (world->root_count > 1) {
        root_drop(world, 1);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct store_reference reference;
        assert_int_equal(store_checkpoint(world->store, world->roots[0], slice_make(NULL, 0), &reference, NULL),
                         KMB_OK);
        store_checkpoint_confirmed(world->store);
        world->durable = reference;
        world->durable_model = world->root_models[0];
    }
    uint64_t pages = 0;
    struct kmb_error error = {0};
    enum kmb_status status = store_verify(world->store, world->roots[0], NULL, NULL, &pages, &error);
    if (status != KMB_OK) {
        print_message("%s\n", error.message);
    }
    assert_int_equal(status, KMB_OK);
    struct store_info info;
    store_info(world->store, &info);
    assert_int_equal(info.pages_dirty, 0);
    /* each of the two checkpoints has a page and a map of one page (or two) */
    assert_in_range(info.pages_used, pages + 4, pages + 8);
    assert_int_equal(info.roots, 1);
}

static void run(uint64_t seed, uint64_t cache_bytes, bool sealed, uint64_t steps) {
    struct world *world = world_make(seed, cache_bytes, sealed);
    for (uint64_t i = 0; i < steps; i++) {
        world_step(world);
    }
    world_no_leak(world);
    step_restart(world, false);
    world_no_leak(world);
    world_free(world);
}

static uint64_t steps_wanted(void) {
    const char *text = getenv("STORE_STEPS");
    return text == NULL ? 60000 : strtoull(text, NULL, 10);
}

static void test_plain(void **state) {
    (void)state;
    run(1, 0, false, steps_wanted());
}

static void test_sealed_small_cache(void **state) {
    (void)state;
    run(2, 1, true, steps_wanted());
}

static void test_many_seeds(void **state) {
    (void)state;
    for (uint64_t seed = 10; seed < 22; seed++) {
        run(seed, seed % 2 == 0 ? 300000 : 0, seed % 3 == 0, steps_wanted() / 20);
    }
}

/* Once built up by a long history, once by puts alone in another order: one state, one hash. */
static void test_state_hash(void **state) {
    (void)state;
    struct world *world = world_make(5, 0, false);
    for (unsigned i = 0; i < 5000; i++) {
        world_step(world);
    }
    struct world *twin = world_make(5, 0, false);
    struct store_fork *fork;
    assert_int_equal(store_fork(twin->roots[0], &fork, NULL), KMB_OK);
    for (unsigned t = 0; t < MODEL_TENANTS; t++) {
        for (unsigned tree = 0; tree < MODEL_TREES; tree++) {
            for (unsigned k = MODEL_KEYS; k > 0; k--) {
                uint64_t seed = world->root_models[0].seeds[t][tree][k - 1];
                if (seed != 0) {
                    assert_int_equal(store_fork_put(fork, model_tenant[t], model_tree[tree], twin->keys.keys[k - 1],
                                                    model_value(seed, &twin->value), NULL),
                                     KMB_OK);
                }
            }
        }
    }
    for (unsigned t = 0; t < MODEL_TENANTS; t++) {
        struct hash256 one;
        struct hash256 other;
        assert_int_equal(store_state_hash(store_view_root(world->roots[0]), model_tenant[t], &one, NULL), KMB_OK);
        assert_int_equal(store_state_hash(store_view_fork(fork), model_tenant[t], &other, NULL), KMB_OK);
        assert_false(hash256_is_zero(&one));
        assert_true(hash256_equal(&one, &other));
    }
    assert_int_equal(store_fork_put(fork, 1, STORE_META, slice_text("x"), slice_text("y"), NULL), KMB_OK);
    struct hash256 one;
    struct hash256 other;
    assert_int_equal(store_state_hash(store_view_root(world->roots[0]), 1, &one, NULL), KMB_OK);
    assert_int_equal(store_state_hash(store_view_fork(fork), 1, &other, NULL), KMB_OK);
    assert_false(hash256_equal(&one, &other));
    store_fork_discard(fork);
    world_free(world);
    world_free(twin);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_sealed_small_cache),
        cmocka_unit_test(test_many_seeds),
        cmocka_unit_test(test_state_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
