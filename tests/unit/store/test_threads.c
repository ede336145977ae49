/*
 * Threads: one writes and publishes, one checkpoints, some read whatever is published, one keeps private forks that are
 * thrown away; with a cache so small that pages are evicted all the time. Every published root satisfies an invariant
 * that no mixture of two roots does: the sum over all accounts is zero, and a counter row says how many transfers
 * happened.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "store_model.h"

#define ACCOUNTS  3000u
#define READERS   2u
#define TRANSFERS 3000u

struct bank {
    struct io_memory *disk;
    struct io io;
    struct test_random random;
    struct test_keys keys;
    struct store_options options;
    struct store *store;
    pthread_mutex_t lock; /* root */
    struct store_root *root;
    atomic_bool done;
    atomic_uint failures;
    atomic_uint reads;
};

static struct slice account(uint32_t number, uint8_t bytes[5]) {
    bytes[0] = 'a';
    codec_put_u32_big(bytes + 1, number);
    return slice_make(bytes, 5);
}

/* A row that is mostly filling, so that accounts spread over many pages. */
static struct slice balance_row(int64_t balance, uint8_t bytes[200]) {
    memset(bytes, 'f', 200);
    codec_put_u64(bytes, (uint64_t)balance);
    return slice_make(bytes, 200);
}

static struct store_root *pin(struct bank *bank) {
    pthread_mutex_lock(&bank->lock);
    struct store_root *root = store_root_retain(bank->root);
    pthread_mutex_unlock(&bank->lock);
    return root;
}

static bool add(struct store_fork *fork, uint32_t number, int64_t amount) {
    uint8_t key[5];
    uint8_t row[200];
    struct buffer value = {0};
    bool found;
    bool good =
        store_get(store_view_fork(fork), 1, STORE_CURRENT, account(number, key), &value, &found, NULL) == KMB_OK &&
        found;
    if (good) {
        int64_t balance = (int64_t)codec_get_u64(value.bytes) + amount;
        good = store_fork_put(fork, 1, STORE_CURRENT, account(number, key), balance_row(balance, row), NULL) == KMB_OK;
    }
    buffer_free(&value);
    return good;
}

static bool transfer(struct store_fork *fork, struct prng *prng) {
    int64_t amount = (int64_t)prng_below(prng, 1000);
    return add(fork, (uint32_t)prng_below(prng, ACCOUNTS), amount) &&
           add(fork, (uint32_t)prng_below(prng, ACCOUNTS), -amount);
}

static bool sum_is_zero(struct store_view view) {
    struct store_cursor cursor;
    bool good = store_cursor_open(&cursor, view, 1, STORE_CURRENT, NULL) == KMB_OK;
    int64_t sum = 0;
    unsigned count = 0;
    for (enum kmb_status status = store_cursor_first(&cursor, NULL); good && cursor.valid;
         status = store_cursor_next(&cursor, NULL)) {
        struct slice value;
        good = status == KMB_OK && store_cursor_value(&cursor, &value, NULL) == KMB_OK;
        sum += good ? (int64_t)codec_get_u64(value.bytes) : 0;
        count++;
    }
    store_cursor_close(&cursor);
    return good && sum == 0 && count == ACCOUNTS;
}

static void *writer(void *context) {
    struct bank *bank = context;
    struct prng prng;
    prng_seed(&prng, 1);
    for (unsigned i = 0; i < TRANSFERS; i++) {
        struct store_fork *fork;
        struct store_root *root = NULL;
        bool good = store_fork(bank->root, &fork, NULL) == KMB_OK;
        for (unsigned j = 0; j < 5 && good; j++) {
            good = transfer(fork, &prng);
        }
        good = good && store_fork_freeze(fork, &root, NULL) == KMB_OK;
        if (!good) {
            atomic_fetch_add(&bank->failures, 1);
            break;
        }
        pthread_mutex_lock(&bank->lock);
        struct store_root *old = bank->root;
        bank->root = root;
        pthread_mutex_unlock(&bank->lock);
        store_root_release(old);
    }
    atomic_store(&bank->done, true);
    return NULL;
}

static void *checkpointer(void *context) {
    struct bank *bank = context;
    while (!atomic_load(&bank->done)) {
        struct store_root *root = pin(bank);
        struct store_reference reference;
        if (store_checkpoint(bank->store, root, slice_make(NULL, 0), &reference, NULL) == KMB_OK) {
            store_checkpoint_confirmed(bank->store);
        } else {
            atomic_fetch_add(&bank->failures, 1);
        }
        store_root_release(root);
        struct store_info info;
        store_info(bank->store, &info);
    }
    return NULL;
}

static void *reader(void *context) {
    struct bank *bank = context;
    while (!atomic_load(&bank->done)) {
        struct store_root *root = pin(bank);
        bool good = sum_is_zero(store_view_root(root));
        atomic_fetch_add(good ? &bank->reads : &bank->failures, 1);
        store_root_release(root);
    }
    return NULL;
}

/* An interactive transaction that is never committed: with a savepoint, and reading its own writes. */
static void *dreamer(void *context) {
    struct bank *bank = context;
    struct prng prng;
    prng_seed(&prng, 2);
    while (!atomic_load(&bank->done)) {
        struct store_root *root = pin(bank);
        struct store_fork *fork;
        bool good = store_fork(root, &fork, NULL) == KMB_OK;
        store_root_release(root);
        for (unsigned i = 0; i < 20 && good; i++) {
            good = transfer(fork, &prng);
        }
        struct store_root *saved = NULL;
        good = good && store_fork_freeze(fork, &saved, NULL) == KMB_OK;
        good = good && store_fork(saved, &fork, NULL) == KMB_OK;
        for (unsigned i = 0; i < 20 && good; i++) {
            good = transfer(fork, &prng);
        }
        good = good && sum_is_zero(store_view_fork(fork)) && sum_is_zero(store_view_root(saved));
        atomic_fetch_add(good ? &bank->reads : &bank->failures, 1);
        store_fork_discard(fork);
        store_root_release(saved);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    struct bank bank = {.disk = io_memory_new(0), .lock = PTHREAD_MUTEX_INITIALIZER};
    bank.io = io_memory_table(bank.disk);
    test_keys_make(&bank.keys);
    /* page_key and nonces are called from all threads: the system's generator is made for that */
    bank.options = test_options(&bank.random, &bank.keys, 40 * 8192);
    bank.options.environment = environment_system();
    assert_int_equal(store_open(&bank.io, "/s", &bank.options, NULL, &bank.store, &bank.root, NULL), KMB_OK);
    struct store_fork *fork;
    assert_int_equal(store_fork(bank.root, &fork, NULL), KMB_OK);
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        uint8_t key[5];
        uint8_t row[200];
        assert_int_equal(store_fork_put(fork, 1, STORE_CURRENT, account(i, key), balance_row(0, row), NULL), KMB_OK);
    }
    store_root_release(bank.root);
    assert_int_equal(store_fork_freeze(fork, &bank.root, NULL), KMB_OK);
    pthread_t threads[READERS + 3];
    unsigned count = 0;
    assert_int_equal(pthread_create(&threads[count++], NULL, writer, &bank), 0);
    assert_int_equal(pthread_create(&threads[count++], NULL, checkpointer, &bank), 0);
    assert_int_equal(pthread_create(&threads[count++], NULL, dreamer, &bank), 0);
    for (unsigned i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[count++], NULL, reader, &bank), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&bank.failures), 0);
    assert_true(atomic_load(&bank.reads) > 0);
    struct store_info info;
    store_info(bank.store, &info);
    assert_true(info.pages_evicted > 0);
    store_root_release(bank.root);
    store_close(bank.store);
    io_memory_free(bank.disk);
    test_keys_free(&bank.keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
