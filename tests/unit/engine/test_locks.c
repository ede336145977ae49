/* Advisory locks without sessions: modes, counts, transactions, queues, circles, interruption. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/error.h"
#include "engine/locks.h"

static const struct tenant_id tenant = {1};
static const struct kernel_interrupt never = {NULL, NULL};

static struct sql_lock lock_of(int64_t number, bool shared, bool transaction) {
    return (struct sql_lock){
        .first = number, .mode = shared ? SQL_LOCK_SHARE : SQL_LOCK_EXCLUSIVE, .transaction = transaction};
}

static bool try_lock(struct lock_owner *owner, int64_t number, bool shared) {
    bool taken = false;
    struct sql_lock lock = lock_of(number, shared, false);
    assert_int_equal(locks_take(owner, &lock, true, never, &taken, NULL), KMB_OK);
    return taken;
}

static bool give(struct lock_owner *owner, int64_t number, bool shared) {
    struct sql_lock lock = lock_of(number, shared, false);
    return locks_give(owner, &lock);
}

/* Waits for a lock on a thread of its own. */
struct waiter {
    pthread_t thread;
    struct lock_owner *owner;
    struct sql_lock lock;
    struct kernel_interrupt interrupt;
    enum kmb_status status;
    struct kmb_error error;
};

static void *wait_for(void *context) {
    struct waiter *waiter = context;
    bool taken;
    waiter->status = locks_take(waiter->owner, &waiter->lock, false, waiter->interrupt, &taken, &waiter->error);
    return NULL;
}

static void waits_each(void *context, const struct sql_lock *lock, uint64_t session, bool granted) {
    (void)lock;
    (void)session;
    *(unsigned *)context += !granted;
}

static void start(struct locks *locks, struct waiter *waiter, struct lock_owner *owner, struct sql_lock lock,
                  unsigned waiting) {
    struct timespec step = {.tv_nsec = 1000000};
    unsigned count = 0;
    *waiter = (struct waiter){.owner = owner, .lock = lock, .status = KMB_INTERNAL};
    assert_int_equal(pthread_create(&waiter->thread, NULL, wait_for, waiter), 0);
    for (int i = 0; i < 10000 && count < waiting; i++) {
        (void)nanosleep(&step, NULL);
        count = 0;
        locks_each(locks, tenant, waits_each, &count);
    }
    assert_int_equal(count, waiting);
}

static enum kmb_status join(struct waiter *waiter) {
    assert_int_equal(pthread_join(waiter->thread, NULL), 0);
    return waiter->status;
}

struct three {
    struct locks *locks;
    struct lock_owner *a;
    struct lock_owner *b;
    struct lock_owner *c;
};

static struct three three_new(void) {
    struct three made = {.locks = locks_new()};
    made.a = locks_owner_new(made.locks, tenant, 1);
    made.b = locks_owner_new(made.locks, tenant, 2);
    made.c = locks_owner_new(made.locks, tenant, 3);
    return made;
}

static void three_free(struct three *three) {
    locks_owner_free(three->a);
    locks_owner_free(three->b);
    locks_owner_free(three->c);
    locks_free(three->locks);
}

static void modes_and_counts(void **state) {
    (void)state;
    struct three t = three_new();
    assert_true(try_lock(t.a, 1, false));
    assert_true(try_lock(t.a, 1, false));
    assert_true(try_lock(t.a, 1, true)); /* whoever has it may have it in either mode */
    assert_false(try_lock(t.b, 1, false));
    assert_false(try_lock(t.b, 1, true));
    assert_true(give(t.a, 1, false));
    assert_false(try_lock(t.b, 1, true)); /* taken twice, given once */
    assert_true(give(t.a, 1, false));
    assert_false(give(t.a, 1, false));
    assert_true(try_lock(t.b, 1, true));
    assert_false(try_lock(t.c, 1, false));
    struct sql_lock pair = {.kind = SQL_LOCK_PAIR, .mode = SQL_LOCK_EXCLUSIVE, .first = 1};
    bool taken = false;
    assert_int_equal(locks_take(t.c, &pair, true, never, &taken, NULL), KMB_OK);
    assert_true(taken); /* two numbers are another lock than one */
    struct lock_owner *other = locks_owner_new(t.locks, (struct tenant_id){2}, 9);
    assert_true(try_lock(other, 1, false)); /* and each tenant has its own */
    locks_owner_free(other);
    locks_give_session(t.a);
    assert_false(give(t.a, 1, true));
    three_free(&t);
}

static void transactions(void **state) {
    (void)state;
    struct three t = three_new();
    bool taken;
    struct sql_lock one = lock_of(1, false, true);
    struct sql_lock two = lock_of(2, false, true);
    assert_int_equal(locks_take(t.a, &one, false, never, &taken, NULL), KMB_OK);
    size_t mark = locks_of_transaction(t.a);
    assert_int_equal(locks_take(t.a, &one, false, never, &taken, NULL), KMB_OK);
    assert_int_equal(locks_take(t.a, &two, false, never, &taken, NULL), KMB_OK);
    assert_true(try_lock(t.a, 2, false)); /* and the session's own */
    locks_give_transaction(t.a, mark);
    assert_false(try_lock(t.b, 2, false));
    assert_false(give(t.a, 1, false)); /* a transaction's is not given back alone */
    locks_give_transaction(t.a, 0);
    assert_true(try_lock(t.b, 1, false));
    assert_false(try_lock(t.b, 2, false));
    three_free(&t);
}

static void queues(void **state) {
    (void)state;
    struct three t = three_new();
    struct waiter exclusive;
    struct waiter shared;
    assert_true(try_lock(t.a, 1, true));
    start(t.locks, &exclusive, t.b, lock_of(1, false, false), 1);
    assert_false(try_lock(t.c, 1, true)); /* behind one that waits for it alone */
    start(t.locks, &shared, t.c, lock_of(1, true, false), 2);
    assert_true(give(t.a, 1, true));
    assert_int_equal(join(&exclusive), KMB_OK);
    assert_true(give(t.b, 1, false));
    assert_int_equal(join(&shared), KMB_OK);
    three_free(&t);
}

static void circles(void **state) {
    (void)state;
    struct three t = three_new();
    struct waiter b;
    struct waiter c;
    struct kmb_error error = {0};
    bool taken;
    assert_true(try_lock(t.a, 1, false) && try_lock(t.b, 2, false) && try_lock(t.c, 3, false));
    start(t.locks, &b, t.b, lock_of(1, false, false), 1);
    start(t.locks, &c, t.c, lock_of(2, false, false), 2);
    struct sql_lock third = lock_of(3, false, false);
    assert_int_equal(locks_take(t.a, &third, false, never, &taken, &error), KMB_DEADLOCK);
    assert_string_equal(error.message, "deadlock detected");
    assert_non_null(
        strstr(error.detail, "Process 1 waits for ExclusiveLock on advisory lock [1,0,3,1]; blocked by process 3."));
    assert_non_null(
        strstr(error.detail, "Process 2 waits for ExclusiveLock on advisory lock [1,0,1,1]; blocked by process 1."));
    assert_true(give(t.a, 1, false));
    assert_int_equal(join(&b), KMB_OK);
    assert_true(give(t.b, 2, false));
    assert_int_equal(join(&c), KMB_OK);
    three_free(&t);
}

/* Two that share a lock and both want it alone. */
static void upgrades(void **state) {
    (void)state;
    struct three t = three_new();
    struct waiter b;
    bool taken;
    struct sql_lock alone = lock_of(1, false, false);
    assert_true(try_lock(t.a, 1, true) && try_lock(t.b, 1, true));
    start(t.locks, &b, t.b, alone, 1);
    assert_int_equal(locks_take(t.a, &alone, false, never, &taken, NULL), KMB_DEADLOCK);
    assert_true(give(t.a, 1, true));
    assert_int_equal(join(&b), KMB_OK);
    three_free(&t);
}

/* Only the queue's order would make a circle: the newcomer goes to the front. */
static void order_makes_no_circle(void **state) {
    (void)state;
    struct three t = three_new();
    struct waiter b;
    bool taken = false;
    assert_true(try_lock(t.a, 2, false)); /* c waits for a on 2, and b behind c on 1, unless it passes */
    assert_true(try_lock(t.c, 1, true));
    start(t.locks, &b, t.b, lock_of(1, false, false), 1);
    struct waiter c;
    start(t.locks, &c, t.c, lock_of(2, false, false), 2);
    struct sql_lock shared = lock_of(1, true, false);
    /* a waits behind b, b for c, c for a */
    assert_int_equal(locks_take(t.a, &shared, false, never, &taken, NULL), KMB_OK);
    assert_true(taken);
    locks_give_session(t.a);
    assert_int_equal(join(&c), KMB_OK);
    locks_give_session(t.c);
    assert_int_equal(join(&b), KMB_OK);
    three_free(&t);
}

static enum kmb_status refuse(void *context, struct kmb_error *error) {
    (void)context;
    return error_set(error, KMB_CANCELLED, "enough");
}

static void interruption(void **state) {
    (void)state;
    struct three t = three_new();
    struct kmb_error error = {0};
    bool taken = true;
    struct sql_lock lock = lock_of(1, false, false);
    assert_true(try_lock(t.a, 1, false));
    assert_int_equal(locks_take(t.b, &lock, false, (struct kernel_interrupt){refuse, NULL}, &taken, &error),
                     KMB_CANCELLED);
    assert_false(taken);
    assert_true(give(t.a, 1, false));
    assert_true(try_lock(t.c, 1, false)); /* nobody waits any more */
    three_free(&t);
}

/* PostgreSQL's table of what conflicts, row by row: https://www.postgresql.org/docs/15/explicit-locking.html */
static void modes_of_tables(void **state) {
    static const char *const conflicts[] = {".......X", "......XX", "....XXXX", "...XXXXX",
                                            "..XX.XXX", "..XXXXXX", ".XXXXXXX", "XXXXXXXX"};
    (void)state;
    for (int held = SQL_LOCK_ACCESS_SHARE; held <= SQL_LOCK_ACCESS_EXCLUSIVE; held++) {
        for (int asked = SQL_LOCK_ACCESS_SHARE; asked <= SQL_LOCK_ACCESS_EXCLUSIVE; asked++) {
            struct three t = three_new();
            bool taken = false;
            struct sql_lock lock = {
                .kind = SQL_LOCK_TABLE, .first = 1, .mode = (enum sql_lock_mode)held, .transaction = true};
            assert_int_equal(locks_take(t.a, &lock, true, never, &taken, NULL), KMB_OK);
            assert_true(taken);
            lock.mode = (enum sql_lock_mode)asked;
            assert_int_equal(locks_take(t.b, &lock, true, never, &taken, NULL), KMB_OK);
            assert_int_equal(taken, conflicts[held - 1][asked - 1] == '.');
            locks_give_transaction(t.b, 0);
            assert_int_equal(locks_take(t.a, &lock, true, never, &taken, NULL), KMB_OK);
            assert_true(taken); /* nobody is in its own way */
            locks_give_transaction(t.a, 0);
            three_free(&t);
        }
    }
}

/* The four modes of rows, weakest first: KEY SHARE, SHARE, NO KEY UPDATE, UPDATE. */
static const enum sql_lock_mode row_modes[] = {SQL_LOCK_ACCESS_SHARE, SQL_LOCK_ROW_SHARE, SQL_LOCK_EXCLUSIVE,
                                               SQL_LOCK_ACCESS_EXCLUSIVE};

static struct sql_lock row_of(unsigned mode) {
    return (struct sql_lock){.kind = SQL_LOCK_ROW, .first = 1, .mode = row_modes[mode], .transaction = true};
}

static bool try_row(struct lock_owner *owner, unsigned mode) {
    bool taken = false;
    struct sql_lock lock = row_of(mode);
    assert_int_equal(locks_take(owner, &lock, true, never, &taken, NULL), KMB_OK);
    return taken;
}

static void modes_of_rows(void **state) {
    static const char *const conflicts[] = {"...X", "..XX", ".XXX", "XXXX"};
    (void)state;
    for (unsigned held = 0; held < 4; held++) {
        for (unsigned asked = 0; asked < 4; asked++) {
            struct three t = three_new();
            assert_true(try_row(t.a, held));
            assert_int_equal(try_row(t.b, asked), conflicts[held][asked] == '.');
            locks_give_rows(t.b, 0);
            assert_true(try_row(t.a, asked));
            assert_int_equal(locks_of_rows(t.a), asked > held ? 2 : 1); /* a stronger one is as good */
            locks_give_rows(t.a, 1);
            assert_int_equal(try_row(t.b, 0), held < 3);
            three_free(&t);
        }
    }
}

/* A deletion waits for two children, one of which came meanwhile, and for what their transactions do to the parent. */
static void rows_are_shared_past_the_queue(void **state) {
    (void)state;
    struct three t = three_new();
    struct waiter deletion;
    assert_true(try_row(t.a, 0));
    start(t.locks, &deletion, t.b, row_of(3), 1);
    assert_true(try_row(t.c, 0));
    assert_true(try_row(t.a, 2));
    assert_false(try_row(t.c, 2));
    locks_give_rows(t.a, 0);
    assert_true(try_row(t.c, 2));
    assert_false(try_row(t.a, 2));
    locks_give_rows(t.c, 0);
    assert_int_equal(join(&deletion), KMB_OK);
    assert_false(try_row(t.a, 0));
    three_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_and_counts), cmocka_unit_test(transactions),
        cmocka_unit_test(queues),           cmocka_unit_test(circles),
        cmocka_unit_test(upgrades),         cmocka_unit_test(order_makes_no_circle),
        cmocka_unit_test(interruption),     cmocka_unit_test(modes_of_tables),
        cmocka_unit_test(modes_of_rows),    cmocka_unit_test(rows_are_shared_past_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
