/*
 * What the world may do to the store: every I/O call fails once in every way that fits it, every allocation fails once,
 * the disk is full, every page has a bit flipped. The answer is an error or the truth, never a wrong row and never a
 * crash; and the last confirmed root always opens again.
 */
#include "base/io_fault.h"
#include "store/history.h"
#include "store_model.h"

#define ROUNDS 3u

struct scene {
    struct model_keys keys;
    struct io_memory *disk;
    struct io inner;
    struct io io;
    struct test_random random;
    struct test_keys page_keys;
    struct store_options options;
    struct store_reference durable; /* confirmed */
    struct model durable_model;
    struct store_reference written; /* answered, not confirmed */
    struct model written_model;
    struct buffer value;
    struct buffer expected;
};

static void scene_make(struct scene *scene, uint64_t cache_bytes, bool sealed) {
    memset(scene, 0, sizeof *scene);
    model_keys_make(&scene->keys, 3);
    /* the oracle's own memory must not be what fails */
    assert_true(buffer_reserve(&scene->value, 64 << 10) && buffer_reserve(&scene->expected, 64 << 10));
    scene->disk = io_memory_new(0);
    scene->inner = io_memory_table(scene->disk);
    scene->io = scene->inner;
    assert_int_equal(io_make_directory(&scene->inner, "/d", NULL), KMB_OK);
    assert_int_equal(io_sync_directory(&scene->inner, "/", NULL), KMB_OK);
    test_keys_make(&scene->page_keys);
    scene->options = test_options(&scene->random, sealed ? &scene->page_keys : NULL, cache_bytes);
}

static void scene_free(struct scene *scene) {
    io_memory_free(scene->disk);
    test_keys_free(&scene->page_keys);
    model_keys_free(&scene->keys);
    buffer_free(&scene->value);
    buffer_free(&scene->expected);
}

/* One round of changes on a fork, the model beside it. Stops at the first error. */
static enum kmb_status scene_change(struct scene *scene, struct store_fork *fork, struct model *model,
                                    struct prng *prng) {
    enum kmb_status status = KMB_OK;
    for (unsigned i = 0; i < 150 && status == KMB_OK; i++) {
        unsigned t = (unsigned)prng_below(prng, MODEL_TENANTS);
        unsigned tree = (unsigned)prng_below(prng, MODEL_TREES);
        unsigned k = (unsigned)prng_below(prng, MODEL_KEYS);
        uint64_t seed = prng_below(prng, 4) == 0 ? 0 : prng_u64(prng) | 1;
        if (seed != 0) {
            struct slice value = model_value(seed, &scene->value);
            status = store_fork_put(fork, model_tenant[t], model_tree[tree], scene->keys.keys[k], value, NULL);
        } else {
            status = store_fork_delete(fork, model_tenant[t], model_tree[tree], scene->keys.keys[k], NULL, NULL);
        }
        model->seeds[t][tree][k] = seed;
    }
    return status;
}

/* Reads without trusting that reading works: an error, or what the model says. */
static enum kmb_status scene_look(struct scene *scene, const struct model *model, struct store_view view) {
    enum kmb_status first = KMB_OK;
    for (unsigned t = 0; t < MODEL_TENANTS; t++) {
        for (unsigned tree = 0; tree < MODEL_TREES; tree++) {
            for (unsigned k = 0; k < MODEL_KEYS; k++) {
                uint64_t seed = model->seeds[t][tree][k];
                bool found;
                struct kmb_error error = {0};
                enum kmb_status status = store_get(view, model_tenant[t], model_tree[tree], scene->keys.keys[k],
                                                   &scene->value, &found, &error);
                if (status != KMB_OK) {
                    assert_int_equal(error.status, status);
                    assert_true(error.message[0] != 0);
                    first = first == KMB_OK ? status : first;
                    continue;
                }
                assert_int_equal(found, seed != 0);
                assert_true(!found || slice_equal(buffer_slice(&scene->value), model_value(seed, &scene->expected)));
            }
        }
    }
    return first;
}

/*
 * Opens the last durable root, changes and checkpoints some rounds. Any step may fail; what was confirmed is noted.
 * The whole is the same for a given seed as long as nothing fails.
 */
static enum kmb_status scene_play(struct scene *scene) {
    struct store *store;
    struct store_root *root;
    struct prng prng;
    prng_seed(&prng, 77);
    struct kmb_error error = {0};
    enum kmb_status status =
        store_open(&scene->io, "/d/store.kst", &scene->options, &scene->durable, &store, &root, &error);
    if (status != KMB_OK) {
        assert_int_equal(error.status, status);
        return status;
    }
    struct model model = scene->durable_model;
    for (unsigned round = 0; round < ROUNDS && status == KMB_OK; round++) {
        status = store_reserve(store, 100000, NULL);
        struct store_fork *fork = NULL;
        if (status == KMB_OK) {
            status = store_fork(root, &fork, NULL);
        }
        struct model changed = model;
        if (status == KMB_OK) {
            status = scene_change(scene, fork, &changed, &prng);
            if (status != KMB_OK) { /* a broken fork says so, always */
                assert_int_equal(store_fork_put(fork, 1, STORE_META, slice_text("k"), slice_text("v"), NULL), status);
                struct store_root *none;
                assert_int_equal(store_fork_freeze(fork, &none, NULL), status);
            }
        }
        struct store_root *next = NULL;
        if (status == KMB_OK) {
            status = store_fork_freeze(fork, &next, NULL);
        }
        if (status != KMB_OK) {
            store_fork_discard(fork);
            break;
        }
        store_root_release(root);
        root = next;
        model = changed;
        struct store_reference reference;
        status = store_checkpoint(store, root, slice_text("info"), &reference, NULL);
        if (status == KMB_OK) {
            scene->written = reference;
            scene->written_model = model;
            store_checkpoint_confirmed(store);
            scene->durable = reference;
            scene->durable_model = model;
        }
    }
    if (status == KMB_OK) {
        status = scene_look(scene, &model, store_view_root(root));
    } else {
        (void)scene_look(scene, &model, store_view_root(root)); /* what stands, stands: an error or the truth */
    }
    store_root_release(root);
    store_close(store);
    return status;
}

/* After whatever happened the confirmed root is there, whole. */
static void scene_recheck(struct scene *scene) {
    if (store_reference_is_zero(&scene->durable)) {
        return;
    }
    struct store *store;
    struct store_root *root;
    struct kmb_error error = {0};
    enum kmb_status status =
        store_open(&scene->inner, "/d/store.kst", &scene->options, &scene->durable, &store, &root, &error);
    if (status != KMB_OK) {
        print_message("%s\n", error.message);
    }
    assert_int_equal(status, KMB_OK);
    model_check(&scene->durable_model, &scene->keys, store_view_root(root));
    assert_int_equal(store_verify(store, root, NULL, NULL, NULL, NULL), KMB_OK);
    assert_true(slice_equal_text(store_info_opened(store), "info"));
    store_root_release(root);
    store_close(store);
}

static uint64_t count_calls(uint64_t cache_bytes) {
    struct scene scene;
    scene_make(&scene, cache_bytes, true);
    struct io_fault *fault = io_fault_new(&scene.inner, NULL, NULL);
    scene.io = io_fault_table(fault);
    assert_int_equal(scene_play(&scene), KMB_OK);
    assert_int_equal(scene_play(&scene), KMB_OK);
    uint64_t calls = io_fault_calls(fault);
    io_fault_free(fault);
    scene_free(&scene);
    return calls;
}

/* Small cache: pages are written out and read back in the middle of changes. */
static void test_every_call(void **state) {
    (void)state;
    static const enum io_fault_kind kinds[] = {IO_FAULT_EIO, IO_FAULT_ENOSPC, IO_FAULT_SHORT_WRITE, IO_FAULT_SYNC,
                                               IO_FAULT_READ_FLIP};
    uint64_t calls = count_calls(1);
    assert_true(calls > 60);
    uint64_t step = calls / 50 + 1;
    const char *text = getenv("STORE_STEPS");
    step = text == NULL ? step : 1;
    uint64_t failed = 0;
    for (unsigned kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        for (uint64_t call = 1 + kind % step; call <= calls; call += step) {
            struct scene scene;
            scene_make(&scene, 1, true);
            struct prng prng;
            prng_seed(&prng, call);
            struct io_fault *fault = io_fault_new(&scene.inner, NULL, NULL);
            scene.io = io_fault_table(fault);
            io_fault_plan(fault, call, kinds[kind], &prng);
            enum kmb_status one = scene_play(&scene);
            enum kmb_status two = scene_play(&scene);
            failed += one != KMB_OK || two != KMB_OK ? 1 : 0;
            io_fault_free(fault);
            scene_recheck(&scene);
            scene_free(&scene);
        }
    }
    assert_true(failed > 30);
}

struct crashing {
    struct scene *scene;
    struct prng prng;
    enum io_crash_mode mode;
    bool crashed;
};
static void crash_now(void *context) {
    struct crashing *crashing = context;
    struct io_crash_report report;
    io_memory_crash(crashing->scene->disk, crashing->mode, &crashing->prng, &report);
    crashing->crashed = true;
}

/* The machine stops before each call, in each way: the confirmed root opens, and so does one written but not confirmed.
 */
static void test_crash_at_every_call(void **state) {
    (void)state;
    uint64_t calls = count_calls(1);
    uint64_t step = getenv("STORE_STEPS") == NULL ? calls / 60 + 1 : 1;
    uint64_t crashes = 0;
    for (unsigned mode = IO_CRASH_LOSE; mode <= IO_CRASH_TEAR; mode++) {
        for (uint64_t call = 1 + mode % step; call <= calls; call += step) {
            struct scene scene;
            scene_make(&scene, 1, mode % 2 == 0);
            struct crashing crashing = {.scene = &scene, .mode = (enum io_crash_mode)mode};
            prng_seed(&crashing.prng, call * 4 + mode);
            struct io_fault *fault = io_fault_new(&scene.inner, crash_now, &crashing);
            scene.io = io_fault_table(fault);
            io_fault_plan(fault, call, IO_FAULT_CRASH_BEFORE, &crashing.prng);
            if (scene_play(&scene) == KMB_OK) {
                (void)scene_play(&scene);
            }
            crashes += crashing.crashed ? 1 : 0;
            io_fault_free(fault);
            scene_recheck(&scene);
            scene.durable = scene.written;
            scene.durable_model = scene.written_model;
            scene_recheck(&scene);
            scene_free(&scene);
        }
    }
    assert_true(crashes > 80);
}

static void test_every_allocation(void **state) {
    (void)state;
    struct scene scene;
    scene_make(&scene, 1, true);
    mem_fail_plan(0);
    assert_int_equal(scene_play(&scene), KMB_OK);
    assert_int_equal(scene_play(&scene), KMB_OK);
    scene_free(&scene);
    uint64_t failed = 0;
    for (uint64_t number = 1;; number++) {
        scene_make(&scene, 1, true);
        mem_fail_plan(number);
        enum kmb_status one = scene_play(&scene);
        bool reached = mem_fail_count() >= number;
        mem_fail_plan(0);
        assert_true(one == KMB_OK || one == KMB_NO_MEMORY);
        failed += one != KMB_OK ? 1 : 0;
        scene_recheck(&scene);
        scene_free(&scene);
        if (!reached) {
            break;
        }
    }
    assert_true(failed > 60);
}

/* One bit of each page, wherever it is: damage is named, or the page was not in use. */
static void flip_each_page(bool sealed) {
    struct scene scene;
    scene_make(&scene, 0, sealed);
    assert_int_equal(scene_play(&scene), KMB_OK);
    struct store *store;
    struct store_root *root;
    struct prng prng;
    prng_seed(&prng, 5);
    uint64_t size = 0;
    struct io_file *file;
    assert_int_equal(io_open(&scene.inner, "/d/store.kst", IO_READ, &file, NULL), KMB_OK);
    assert_int_equal(io_size(&scene.inner, file, &size, NULL), KMB_OK);
    io_close(&scene.inner, file);
    unsigned damaged = 0;
    for (uint64_t slot = 0; slot < size / 8192; slot++) {
        uint64_t at = slot * 8192 + (slot == 0 ? prng_below(&prng, 48) : prng_below(&prng, 8192));
        unsigned bit = (unsigned)prng_below(&prng, 8);
        assert_true(io_memory_flip(scene.disk, "/d/store.kst", at, bit));
        struct kmb_error error = {0};
        enum kmb_status status =
            store_open(&scene.inner, "/d/store.kst", &scene.options, &scene.durable, &store, &root, &error);
        if (status == KMB_OK) {
            enum kmb_status read = scene_look(&scene, &scene.durable_model, store_view_root(root));
            status = store_verify(store, root, NULL, NULL, NULL, &error);
            assert_true(read == KMB_OK || status == KMB_PROJECTION_DAMAGED);
            char name[40];
            snprintf(name, sizeof name, "page %llu ", (unsigned long long)slot);
            assert_true(status == KMB_OK || strstr(error.message, name) != NULL);
            store_root_release(root);
            store_close(store);
        }
        assert_true(status == KMB_OK || status == KMB_PROJECTION_DAMAGED);
        damaged += status == KMB_OK ? 0 : 1;
        assert_true(io_memory_flip(scene.disk, "/d/store.kst", at, bit));
    }
    assert_true(damaged > 20);
    scene_recheck(&scene);
    scene_free(&scene);
}

static void test_flips(void **state) {
    (void)state;
    flip_each_page(true);
    flip_each_page(false);
}

/* Pages put in each other's places, an old file under a new reference, a reference or a file of another log. */
static void test_wrong_pages(void **state) {
    (void)state;
    struct scene scene;
    scene_make(&scene, 0, false);
    assert_int_equal(scene_play(&scene), KMB_OK);
    struct io_file *file;
    uint8_t one[8192];
    uint8_t two[8192];
    struct store *store;
    struct store_root *root;
    struct kmb_error error = {0};
    assert_int_equal(io_open(&scene.inner, "/d/store.kst", IO_WRITE, &file, NULL), KMB_OK);
    unsigned damaged = 0;
    for (uint64_t slot = 1; slot < 60; slot++) {
        assert_int_equal(io_read_exact(&scene.inner, file, slot * 8192, one, sizeof one, NULL), KMB_OK);
        assert_int_equal(io_read_exact(&scene.inner, file, (slot + 1) * 8192, two, sizeof two, NULL), KMB_OK);
        assert_int_equal(io_write(&scene.inner, file, slot * 8192, two, sizeof two, NULL), KMB_OK);
        enum kmb_status status =
            store_open(&scene.inner, "/d/store.kst", &scene.options, &scene.durable, &store, &root, &error);
        if (status == KMB_OK) {
            (void)scene_look(&scene, &scene.durable_model, store_view_root(root));
            status = store_verify(store, root, NULL, NULL, NULL, NULL);
            store_root_release(root);
            store_close(store);
        }
        damaged += status == KMB_PROJECTION_DAMAGED ? 1 : 0;
        assert_true(status == KMB_OK || status == KMB_PROJECTION_DAMAGED);
        assert_int_equal(io_write(&scene.inner, file, slot * 8192, one, sizeof one, NULL), KMB_OK);
    }
    assert_true(damaged > 20);
    io_close(&scene.inner, file);
    struct store_reference reference = scene.durable;
    for (unsigned byte = 0; byte < STORE_REFERENCE_MAX; byte++) {
        reference.bytes[byte] ^= 0x10;
        enum kmb_status status =
            store_open(&scene.inner, "/d/store.kst", &scene.options, &reference, &store, &root, &error);
        if (status == KMB_OK) { /* the generation, and bytes not in use, are not proved by the tag */
            assert_true(byte >= 28);
            store_root_release(root);
            store_close(store);
        } else {
            assert_int_equal(status, KMB_PROJECTION_DAMAGED);
        }
        reference.bytes[byte] ^= 0x10;
    }
    scene.options.uuid[3] ^= 1;
    assert_int_equal(store_open(&scene.inner, "/d/store.kst", &scene.options, &scene.durable, &store, &root, &error),
                     KMB_PROJECTION_DAMAGED);
    assert_non_null(strstr(error.message, "another log"));
    scene.options.uuid[3] ^= 1;
    assert_int_equal(store_open(&scene.inner, "/d/none.kst", &scene.options, &scene.durable, &store, &root, &error),
                     KMB_PROJECTION_DAMAGED);
    scene_free(&scene);
}

/* No room: said before anything is logged, and again when pages are written; nothing confirmed is lost. */
static void test_full_disk(void **state) {
    (void)state;
    struct scene scene;
    scene_make(&scene, 0, true);
    io_memory_free(scene.disk);
    scene.disk = io_memory_new(6 << 20);
    scene.inner = io_memory_table(scene.disk);
    scene.io = scene.inner;
    assert_int_equal(io_make_directory(&scene.inner, "/d", NULL), KMB_OK);
    assert_int_equal(scene_play(&scene), KMB_OK);
    struct store *store;
    struct store_root *root;
    struct store_fork *fork;
    struct kmb_error error = {0};
    assert_int_equal(store_open(&scene.inner, "/d/store.kst", &scene.options, &scene.durable, &store, &root, NULL),
                     KMB_OK);
    assert_int_equal(store_reserve(store, 64 << 20, &error), KMB_DISK_FULL);
    assert_int_equal(store_reserve(store, 1000, &error), KMB_OK);
    assert_int_equal(store_fork(root, &fork, NULL), KMB_OK);
    uint8_t *big = calloc(1, 8 << 20);
    assert_non_null(big);
    assert_int_equal(store_fork_put(fork, 1, STORE_CURRENT, slice_text("big"), slice_make(big, 8 << 20), NULL), KMB_OK);
    free(big);
    struct store_root *next;
    assert_int_equal(store_fork_freeze(fork, &next, NULL), KMB_OK);
    struct store_reference reference;
    assert_int_equal(store_checkpoint(store, next, slice_make(NULL, 0), &reference, &error), KMB_DISK_FULL);
    store_root_release(next);
    assert_int_equal(store_checkpoint(store, root, slice_text("info"), &reference, &error), KMB_OK);
    store_checkpoint_confirmed(store);
    scene.durable = reference;
    store_root_release(root);
    store_close(store);
    scene_recheck(&scene);
    scene_free(&scene);
}

static void test_read_only(void **state) {
    (void)state;
    struct scene scene;
    scene_make(&scene, 1, true);
    struct store *store;
    struct store_root *root;
    scene.options.read_only = true;
    assert_int_equal(store_open(&scene.inner, "/d/store.kst", &scene.options, NULL, &store, &root, NULL),
                     KMB_PROJECTION_DAMAGED);
    scene.options.read_only = false;
    assert_int_equal(scene_play(&scene), KMB_OK);
    scene.options.read_only = true;
    assert_int_equal(store_open(&scene.inner, "/d/store.kst", &scene.options, &scene.durable, &store, &root, NULL),
                     KMB_OK);
    model_check(&scene.durable_model, &scene.keys, store_view_root(root));
    struct store_fork *fork;
    assert_int_equal(store_fork(root, &fork, NULL), KMB_OK);
    struct prng prng;
    prng_seed(&prng, 1);
    struct model model = scene.durable_model;
    assert_int_equal(scene_change(&scene, fork, &model, &prng), KMB_OK);
    model_check(&model, &scene.keys, store_view_fork(fork));
    store_fork_discard(fork);
    struct store_reference reference;
    assert_int_equal(store_checkpoint(store, root, slice_make(NULL, 0), &reference, NULL), KMB_READ_ONLY);
    assert_int_equal(store_reserve(store, 1, NULL), KMB_READ_ONLY);
    struct store_info info;
    store_info(store, &info);
    assert_int_equal(info.pages_written, 0);
    store_root_release(root);
    store_close(store);
    scene_free(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call),       cmocka_unit_test(test_crash_at_every_call),
        cmocka_unit_test(test_every_allocation), cmocka_unit_test(test_flips),
        cmocka_unit_test(test_wrong_pages),      cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_read_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
