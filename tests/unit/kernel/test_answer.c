/* Requests with keys: found by them, forgotten in their order, told apart when two come at once; folded again, alike.
 */
#include "fixture.h"

static struct event_request_answered answer_of(const char *key, uint32_t number) {
    return (struct event_request_answered){.key = slice_text(key),
                                           .digest = {(uint8_t)number, 7},
                                           .answer = number,
                                           .form = ANSWER_POSITION,
                                           .bytes = slice_text("bytes")};
}

static bool has(struct fixture *f, const char *key, struct kernel_answer *answer) {
    struct arena arena;
    bool found = false;
    arena_init(&arena, 0);
    OK(kernel_answer_find(f->head, slice_text(key), &arena, answer, &found, &f->error));
    if (found) {
        assert_true(slice_equal_text(answer->stored.bytes, "bytes"));
    }
    arena_free(&arena);
    return found;
}

/* Appends events to a stream, notes the answer behind them. */
static struct kernel_transaction *request(struct fixture *f, const char *key, uint32_t number,
                                          struct stream_id stream) {
    struct kernel_transaction *transaction = fixture_begin(f);
    struct slice event = slice_text("e");
    struct event_request_answered answer = answer_of(key, number);
    uint64_t first;
    OK(kernel_append(transaction, stream, KERNEL_OFFSET_ANY, &event, 1, &first, &f->error));
    OK(kernel_note_answer(transaction, &answer, &f->error));
    return transaction;
}

static struct stream_id make_stream(struct fixture *f, const char *name) {
    struct stream_id stream;
    struct kernel_transaction *transaction = fixture_begin(f);
    OK(kernel_create_stream(transaction, slice_text(name), DATA_CLASS_PUBLIC, &stream, &f->error));
    fixture_commit(f, transaction);
    return stream;
}

static void found_by_key(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_answer answer;
    struct stream_id stream = make_stream(f, "s");
    fixture_commit(f, request(f, "one", 1, stream));
    fixture_commit(f, request(f, "two", 2, stream));
    assert_true(has(f, "one", &answer));
    assert_int_equal(answer.position, 1);
    assert_int_equal(answer.stored.answer, 1);
    assert_int_equal(answer.stored.digest[0], 1);
    assert_int_equal(answer.stored.form, ANSWER_POSITION);
    assert_true(has(f, "two", &answer));
    assert_int_equal(answer.position, 2);
    assert_false(has(f, "three", &answer));
    struct kernel_transaction *again = fixture_begin(f);
    struct event_request_answered twice = answer_of("one", 3);
    assert_int_equal(kernel_note_answer(again, &twice, &f->error), KMB_SERIALIZATION);
    kernel_transaction_discard(again);
    fixture_free(f);
}

/* Two that began at the same state: the second is refused, though they touch different streams. */
static void at_once(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_answer answer;
    struct stream_id first = make_stream(f, "s");
    struct stream_id second = make_stream(f, "t");
    struct kernel_transaction *one = request(f, "key", 1, first);
    struct kernel_transaction *two = request(f, "key", 1, second);
    struct kernel_transaction *other = request(f, "else", 2, second);
    fixture_commit(f, one);
    assert_int_equal(fixture_try_commit(f, two), KMB_SERIALIZATION);
    fixture_commit(f, other);
    assert_true(has(f, "key", &answer));
    assert_true(has(f, "else", &answer));
    assert_int_equal(answer.position, 2); /* as it is behind the other, not as it was when it was noted */
    fixture_check_rebuild(f, 1);
    fixture_free(f);
}

static void oldest_forgotten(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_answer answer;
    struct stream_id stream = make_stream(f, "s");
    fixture_commit(f, request(f, "first", 1, stream));
    for (uint32_t i = 0; i < KERNEL_ANSWERS_KEPT;) {
        struct kernel_transaction *transaction = fixture_begin(f);
        for (uint32_t end = i + 500; i < end; i++) {
            char key[24];
            snprintf(key, sizeof(key), "key %u", i);
            struct event_request_answered noted = answer_of(key, i);
            OK(kernel_note_answer(transaction, &noted, &f->error));
        }
        fixture_commit(f, transaction);
        assert_true(has(f, "first", &answer) == (i < KERNEL_ANSWERS_KEPT));
    }
    assert_true(has(f, "key 0", &answer));
    fixture_commit(f, request(f, "first", 2, stream)); /* free again */
    assert_true(has(f, "first", &answer));
    assert_int_equal(answer.stored.answer, 2);
    assert_false(has(f, "key 0", &answer));
    assert_true(has(f, "key 1", &answer));
    fixture_check_rebuild(f, 7);
    fixture_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_key),
        cmocka_unit_test(at_once),
        cmocka_unit_test(oldest_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
