/*
 * Serializable transactions: what they read, in whatever way, is what their commit is refused for, and nothing else is.
 */
#include "fixture.h"

#include "kernel/reads.h"

#define KEYS 200 /* ids of the table; its index has a tenth of them */

struct world {
    struct fixture *f;
    struct prng prng;
    struct index_id index;
    struct buffer first; /* what the reads of a transaction gave */
    struct buffer again;
};

static unsigned below(struct world *world, unsigned bound) {
    return (unsigned)prng_below(&world->prng, bound);
}

static void world_make(struct world *world, uint64_t seed) {
    *world = (struct world){.f = fixture_new()};
    struct fixture *f = world->f;
    prng_seed(&world->prng, seed);
    struct kernel_transaction *t = fixture_begin(f);
    OK(kernel_create_tenant(t, slice_text("clinic"), &f->error));
    struct table_id id = fixture_create(f, t, "t", false);
    struct key_part a = {.column = {2}};
    struct index_definition index = {.parts = &a, .part_count = 1};
    OK(kernel_create_index(t, id, &index, &world->index, &f->error));
    for (int i = 0; i < KEYS; i += 2) {
        OK(fixture_insert(f, t, "t", i, i / 10, "x"));
    }
    fixture_commit(f, t);
}

static void world_free(struct world *world) {
    buffer_free(&world->first);
    buffer_free(&world->again);
    fixture_free(world->f);
}

/* One read, as drawn: to be made again, whatever it finds. */
struct question {
    bool by_key; /* a get of low */
    bool by_index;
    bool reverse;
    bool low_inclusive;
    bool high_inclusive;
    int low;  /* -1: no bound */
    int high; /* -1: no bound */
    size_t most;
};

static struct question draw_question(struct world *world, bool whole) {
    bool by_index = below(world, 2) == 0;
    unsigned keys = by_index ? KEYS / 10 : KEYS;
    struct question question = {
        .by_key = below(world, 4) == 0,
        .by_index = by_index,
        .reverse = below(world, 2) == 0,
        .low_inclusive = below(world, 2) == 0,
        .high_inclusive = below(world, 2) == 0,
        .low = below(world, 5) == 0 ? -1 : (int)below(world, keys),
        .most = whole ? SIZE_MAX : 1 + below(world, 8),
    };
    question.high = below(world, 5) == 0 ? -1 : question.low + (int)below(world, whole ? 5 : keys);
    if (question.by_key) {
        question.low = (int)below(world, KEYS);
    }
    return question;
}

static void answer_row(const struct kernel_row *row, struct buffer *answer) {
    buffer_bytes(answer, row->key);
    buffer_u64(answer, row->stamp.position);
}

static void ask(struct world *world, struct kernel_view *view, const struct question *question, struct buffer *answer) {
    struct fixture *f = world->f;
    const struct table_definition *table =
        catalogue_table(view->catalogue, (struct slice){.length = 0}, slice_text("t"));
    struct buffer low = {.bytes = NULL};
    struct buffer high = {.bytes = NULL};
    if (question->by_key) {
        struct buffer memory = {.bytes = NULL};
        struct kernel_row row;
        bool found = false;
        fixture_key(&low, question->low);
        OK(kernel_get(view, table, buffer_slice(&low), &memory, &row, &found, &f->error));
        if (found) {
            answer_row(&row, answer);
        }
        buffer_free(&memory);
    } else {
        struct key_column column = {.type = type_make(question->by_index ? TYPE_INT4 : TYPE_INT8)};
        struct value value = value_integer(column.type.id, question->low);
        if (question->low >= 0) {
            key_append(&low, column, &value);
        }
        value = value_integer(column.type.id, question->high);
        if (question->high >= 0) {
            key_append(&high, column, &value);
        }
        struct kernel_range range = {.index = question->by_index ? world->index : (struct index_id){0},
                                     .low = {buffer_slice(&low), question->low_inclusive},
                                     .high = {buffer_slice(&high), question->high_inclusive},
                                     .reverse = question->reverse};
        struct kernel_scan *scan = NULL;
        OK(kernel_scan_open(view, table, &range, &scan, &f->error));
        for (size_t left = question->most; left > 0;) {
            struct kernel_row rows[3];
            size_t count = 0;
            OK(kernel_scan_next(scan, rows, left < 3 ? left : 3, &count, &f->error));
            for (size_t i = 0; i < count; i++) {
                answer_row(&rows[i], answer);
            }
            left = count == 0 ? 0 : left - count;
        }
        kernel_scan_close(scan);
    }
    assert_true(buffer_ok(answer));
    buffer_free(&low);
    buffer_free(&high);
}

/* A change of some rows, by somebody else. */
static void change(struct world *world) {
    struct fixture *f = world->f;
    struct kernel_transaction *t = fixture_begin(f);
    for (unsigned i = 0; i < 1 + below(world, 3); i++) {
        int id = (int)below(world, KEYS);
        int a = (int)below(world, KEYS / 10);
        if (!fixture_delete(f, t, "t", id) || below(world, 2) == 0) {
            OK(fixture_insert(f, t, "t", id, a, "y"));
        }
    }
    fixture_commit(f, t);
}

/*
 * A transaction reads, others commit, it writes a row of its own: its commit is accepted only where all that it read
 * reads the same; and where it read ranges to their end, in each such case.
 */
static void refused_for_what_was_read(void **state) {
    (void)state;
    unsigned accepted = 0;
    unsigned refused = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct world world;
        world_make(&world, seed);
        struct fixture *f = world.f;
        for (int round = 0; round < 150; round++) {
            struct question questions[4];
            bool whole = below(&world, 2) == 0;
            unsigned count = 1 + below(&world, 4);
            struct kernel_transaction *t = fixture_begin(f);
            OK(kernel_transaction_serializable(t, true, &f->error));
            struct kernel_view *view = NULL;
            OK(kernel_transaction_view(t, &view, &f->error));
            buffer_clear(&world.first);
            for (unsigned i = 0; i < count; i++) {
                questions[i] = draw_question(&world, whole);
                ask(&world, view, &questions[i], &world.first);
            }
            kernel_view_close(view);
            for (unsigned i = below(&world, 4); i > 0; i--) {
                change(&world);
            }
            OK(kernel_view_open(f->head, &view, &f->error));
            buffer_clear(&world.again);
            for (unsigned i = 0; i < count; i++) {
                ask(&world, view, &questions[i], &world.again);
            }
            kernel_view_close(view);
            bool same = slice_equal(buffer_slice(&world.first), buffer_slice(&world.again));
            OK(fixture_insert(f, t, "t", KEYS + 1000 * (int)seed + round, 1000, "own"));
            enum kmb_status status = fixture_try_commit(f, t);
            if (status == KMB_OK) {
                assert_true(same);
                accepted++;
            } else {
                assert_int_equal(status, KMB_SERIALIZATION);
                assert_string_equal(f->error.message,
                                    "could not serialize access due to read/write dependencies among transactions");
                bool open = false; /* to the end of the table, where its own rows come */
                for (unsigned i = 0; i < count; i++) {
                    open = open || (!questions[i].by_key && questions[i].high < 0);
                }
                assert_true(!same || !whole || open);
                refused++;
            }
        }
        world_free(&world);
    }
    assert_true(accepted > 150 && refused > 150);
}

/* However many ranges, and however long their bounds: fewer are kept, and nothing is lost. */
static void ranges_are_widened_and_not_lost(void **state) {
    (void)state;
    struct kernel_reads *reads = kernel_reads_new();
    assert_non_null(reads);
    struct buffer key = {.bytes = NULL};
    struct prng prng;
    prng_seed(&prng, 3);
    for (int i = 0; i < 50000; i++) {
        fixture_key(&key, (int64_t)prng_below(&prng, 1u << 20));
        kernel_reads_add_key(reads, 1, buffer_slice(&key));
        assert_true(kernel_reads_count(reads) <= KERNEL_READS_MAX);
    }
    assert_true(kernel_reads_count(reads) > KERNEL_READS_MAX / 8);
    /* one range where each meets the next */
    for (int i = 0; i < 10000; i++) {
        fixture_key(&key, i);
        struct buffer next = {.bytes = NULL};
        fixture_key(&next, i + 1);
        kernel_reads_add(reads, KERNEL_READ_ROWS, 2, 0, buffer_slice(&key), buffer_slice(&next));
        buffer_free(&next);
    }
    uint32_t before = kernel_reads_count(reads);
    kernel_reads_add(reads, KERNEL_READ_ROWS, 2, 0, slice_make(NULL, 0), slice_make(NULL, 0));
    assert_int_equal(kernel_reads_count(reads), before);
    kernel_reads_add(reads, KERNEL_READ_ROWS, 1, 0, slice_make(NULL, 0), slice_make(NULL, 0));
    assert_int_equal(kernel_reads_count(reads), 2);
    /* more tables than ranges */
    for (uint32_t table = 10; table < 10 + KERNEL_READS_MAX + 10; table++) {
        kernel_reads_add(reads, KERNEL_READ_ROWS, table, 0, slice_make(NULL, 0), slice_make(NULL, 0));
    }
    assert_int_equal(kernel_reads_count(reads), UINT32_MAX);
    buffer_free(&key);
    kernel_reads_release(reads);
}

/* The transaction reads many single rows, more than there is room for; each change of one of them is found. */
static void a_widened_read_is_validated(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    OK(kernel_create_tenant(t, slice_text("clinic"), &f->error));
    fixture_create(f, t, "t", false);
    for (int i = 0; i < 3 * KERNEL_READS_MAX; i++) {
        OK(fixture_insert(f, t, "t", 2 * i, i, NULL));
    }
    fixture_commit(f, t);
    for (int changed = 0; changed < 3 * KERNEL_READS_MAX; changed += 997) {
        struct kernel_view *view = NULL;
        struct buffer key = {.bytes = NULL};
        struct buffer memory = {.bytes = NULL};
        t = fixture_begin(f);
        OK(kernel_transaction_serializable(t, true, &f->error));
        OK(kernel_transaction_view(t, &view, &f->error));
        const struct table_definition *table =
            catalogue_table(view->catalogue, (struct slice){.length = 0}, slice_text("t"));
        for (int i = 0; i < 3 * KERNEL_READS_MAX; i++) {
            struct kernel_row row;
            bool found = false;
            fixture_key(&key, 2 * (int64_t)i);
            OK(kernel_get(view, table, buffer_slice(&key), &memory, &row, &found, &f->error));
            assert_true(found);
        }
        kernel_view_close(view);
        struct kernel_transaction *other = fixture_begin(f);
        OK(fixture_update(f, other, "t", 2 * changed, 2 * changed, -1, NULL));
        fixture_commit(f, other);
        OK(fixture_insert(f, t, "t", -1 - changed, 0, NULL));
        assert_int_equal(fixture_try_commit(f, t), KMB_SERIALIZATION);
        buffer_free(&key);
        buffer_free(&memory);
    }
    fixture_free(f);
}

/* What a transaction wrote nothing with, what it undid, and what nobody changed. */
static void what_is_never_and_always_refused(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    OK(kernel_create_tenant(t, slice_text("clinic"), &f->error));
    fixture_create(f, t, "t", false);
    OK(fixture_insert(f, t, "t", 1, 10, NULL));
    fixture_commit(f, t);

    /* an insert that was undone had seen that there was no such row */
    struct kernel_mark *mark = NULL;
    t = fixture_begin(f);
    OK(kernel_transaction_serializable(t, true, &f->error));
    OK(kernel_transaction_mark(t, &mark, &f->error));
    OK(fixture_insert(f, t, "t", 7, 0, NULL));
    OK(kernel_transaction_rollback_to(t, mark, &f->error));
    kernel_mark_free(mark);
    struct kernel_transaction *other = fixture_begin(f);
    OK(fixture_insert(f, other, "t", 7, 1, NULL));
    fixture_commit(f, other);
    OK(fixture_insert(f, t, "t", 8, 0, NULL));
    assert_int_equal(fixture_try_commit(f, t), KMB_SERIALIZATION);

    /* reads go on after the commit only of who wrote nothing */
    for (int writes = 0; writes < 2; writes++) {
        struct kernel_view *view = NULL;
        struct kernel_scan *scan = NULL;
        struct kernel_row row;
        size_t count = 0;
        t = fixture_begin(f);
        OK(kernel_transaction_serializable(t, true, &f->error));
        OK(kernel_transaction_view(t, &view, &f->error));
        const struct table_definition *table =
            catalogue_table(view->catalogue, (struct slice){.length = 0}, slice_text("t"));
        OK(kernel_scan_open(view, table, NULL, &scan, &f->error));
        OK(kernel_scan_next(scan, &row, 1, &count, &f->error));
        if (writes == 1) {
            OK(fixture_insert(f, t, "t", 20, 0, NULL));
            fixture_commit(f, t);
        } else {
            kernel_transaction_discard(t);
        }
        assert_int_equal(kernel_scan_next(scan, &row, 1, &count, &f->error), writes == 1 ? KMB_NO_TRANSACTION : KMB_OK);
        kernel_scan_close(scan);
        kernel_view_close(view);
    }
    fixture_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_for_what_was_read),
        cmocka_unit_test(ranges_are_widened_and_not_lost),
        cmocka_unit_test(a_widened_read_is_validated),
        cmocka_unit_test(what_is_never_and_always_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
