/*
 * Folding: entries that do not follow, bodies that no kernel wrote. Every byte of real bodies is changed, bodies are
 * cut, joined and put in the wrong place: each answers an error or a state, never a crash, and never KMB_INTERNAL.
 */
#include "fixture.h"

/* Bodies with every kind of event. */
static struct fixture *history_make(void) {
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    OK(kernel_create_tenant(t, slice_text("clinic"), &f->error));
    struct event_checkpoint_key key = {.version = {1}, .verifier = {1, 2, 3}};
    OK(kernel_set_checkpoint_key(t, EVENT_CHECKPOINT_KEY_SET, &key, &f->error));
    OK(kernel_accept_clock(t, 5, 6, &f->error));
    fixture_commit(f, t);
    t = fixture_begin(f);
    struct table_id id = fixture_create(f, t, "t", false);
    struct table_id keyless = fixture_create(f, t, "h", true);
    struct key_part parts[2] = {{.column = {3}}, {.column = {2}, .descending = true}};
    struct index_definition index = {.name = slice_text("i"), .parts = parts, .part_count = 2};
    OK(fixture_insert(f, t, "t", 1, 10, "one"));
    OK(fixture_insert(f, t, "t", 2, 20, "two"));
    OK(fixture_insert(f, t, "h", 2, 20, "two"));
    OK(kernel_create_index(t, id, &index, NULL, &f->error));
    fixture_commit(f, t);
    t = fixture_begin(f);
    OK(fixture_update(f, t, "t", 1, 1, 11, "ONE"));
    OK(fixture_update(f, t, "t", 2, 3, 20, "two"));
    assert_true(fixture_delete(f, t, "t", 1));
    struct stream_id s = {0};
    struct slice payloads[2] = {slice_text("first"), slice_text("second")};
    OK(kernel_create_stream(t, slice_text("s"), DATA_CLASS_PII, &s, &f->error));
    OK(kernel_append(t, s, 0, payloads, 2, NULL, &f->error));
    fixture_commit(f, t);
    t = fixture_begin(f);
    struct column_definition column = fixture_column("c", TYPE_TEXT, false);
    column.default_kind = DEFAULT_EXPRESSION;
    column.default_text = slice_text("'x'");
    OK(kernel_add_column(t, id, &column, &f->error));
    OK(kernel_rename_column(t, id, (struct column_id){4}, slice_text("d"), &f->error));
    OK(kernel_change_default(t, id, (struct column_id){4}, DEFAULT_NONE, slice_text(""), &f->error));
    OK(kernel_change_not_null(t, id, (struct column_id){2}, true, &f->error));
    struct check_definition check = {.name = slice_text("positive"), .text = slice_text("a > 0")};
    OK(kernel_add_check(t, id, &check, &f->error));
    OK(kernel_drop_check(t, id, (struct constraint_id){1}, &f->error));
    OK(kernel_rename_table(t, id, slice_text("u"), &f->error));
    OK(kernel_drop_column(t, id, (struct column_id){3}, &f->error));
    OK(kernel_drop_table(t, keyless, &f->error));
    struct event_request_answered answer = {.key = slice_text("key"), .answer = 4, .bytes = slice_text("done")};
    OK(kernel_note_answer(t, &answer, &f->error));
    fixture_commit(f, t);
    uint32_t tables;
    t = fixture_begin(f);
    OK(kernel_delete_tenant(t, &tables, &f->error));
    assert_int_equal(tables, 1);
    fixture_commit(f, t);
    return f;
}

/* Folds the entries, the body of `which` replaced. */
static enum kmb_status fold_with(struct fixture *f, struct kernel_state *empty, size_t which, struct slice body,
                                 struct kmb_error *error) {
    struct kernel_fold *fold = NULL;
    OK(kernel_fold_begin(empty, &fold, error));
    enum kmb_status status = KMB_OK;
    for (size_t i = 0; i < f->entry_count && status == KMB_OK; i++) {
        struct fixture_entry *e = &f->entries[i];
        status = kernel_fold_entry(fold, &e->entry, e->op, &e->hash, i == which ? body : buffer_slice(&e->body), error);
    }
    if (status == KMB_OK) {
        struct kernel_state *state = NULL;
        status = kernel_fold_end(fold, &state, error);
        if (status == KMB_OK) {
            kernel_state_release(state);
        }
    } else {
        kernel_fold_discard(fold);
    }
    return status;
}

static void plausible(enum kmb_status status) {
    assert_true(status == KMB_OK || status == KMB_CORRUPT || status == KMB_FORMAT_VERSION || status == KMB_LIMIT ||
                status == KMB_TOO_MANY_COLUMNS || status == KMB_FORMAT);
}

static void changed_bytes(void **state) {
    (void)state;
    struct fixture *f = history_make();
    struct io_memory *disk = NULL;
    struct io io;
    struct kernel_state *empty = NULL;
    struct store *store = fixture_store(&disk, &io, &empty);
    struct kmb_error error;
    assert_int_equal(fold_with(f, empty, SIZE_MAX, (struct slice){.length = 0}, &error), KMB_OK);
    size_t refused = 0;
    size_t tried = 0;
    static const uint8_t changes[] = {0x01, 0x80, 0xff, 0x10};
    for (size_t e = 0; e < f->entry_count; e++) {
        struct buffer body = {.bytes = NULL};
        buffer_append_slice(&body, buffer_slice(&f->entries[e].body));
        for (size_t i = 0; i < body.length; i++) {
            for (size_t c = 0; c < sizeof(changes); c++) {
                body.bytes[i] ^= changes[c];
                enum kmb_status status = fold_with(f, empty, e, buffer_slice(&body), &error);
                body.bytes[i] ^= changes[c];
                plausible(status);
                tried++;
                refused += status != KMB_OK ? 1 : 0;
            }
        }
        for (size_t length = 0; length < body.length; length++) {
            plausible(fold_with(f, empty, e, slice_make(body.bytes, length), &error));
        }
        for (size_t other = 0; other < f->entry_count; other++) {
            enum kmb_status status = fold_with(f, empty, e, buffer_slice(&f->entries[other].body), &error);
            plausible(status);
            assert_int_equal(status == KMB_OK, other == e);
        }
        buffer_free(&body);
    }
    assert_true(tried > 1000 && refused > tried / 3);
    kernel_state_release(empty);
    store_close(store);
    io_memory_free(disk);
    fixture_check_rebuild(f, 1);
    fixture_free(f);
}

static void random_bodies(void **state) {
    (void)state;
    struct fixture *f = history_make();
    struct io_memory *disk = NULL;
    struct io io;
    struct kernel_state *empty = NULL;
    struct store *store = fixture_store(&disk, &io, &empty);
    struct prng prng;
    struct kmb_error error;
    prng_seed(&prng, 3);
    struct buffer body = {.bytes = NULL};
    for (unsigned round = 0; round < 3000; round++) {
        buffer_clear(&body);
        /* pieces of real bodies, with some noise */
        for (uint64_t pieces = 1 + prng_below(&prng, 4); pieces > 0; pieces--) {
            struct slice source = buffer_slice(&f->entries[prng_below(&prng, f->entry_count)].body);
            size_t from = prng_below(&prng, 3) == 0 ? 0 : prng_below(&prng, source.length);
            size_t length = prng_below(&prng, source.length - from + 1);
            buffer_append(&body, source.bytes + from, length);
        }
        for (uint64_t noise = prng_below(&prng, 4); noise > 0 && body.length > 0; noise--) {
            body.bytes[prng_below(&prng, body.length)] = (uint8_t)prng_u64(&prng);
        }
        plausible(fold_with(f, empty, prng_below(&prng, f->entry_count), buffer_slice(&body), &error));
    }
    buffer_free(&body);
    kernel_state_release(empty);
    store_close(store);
    io_memory_free(disk);
    fixture_free(f);
}

static void entries_must_follow(void **state) {
    (void)state;
    struct fixture *f = history_make();
    struct kmb_error error;
    for (unsigned what = 0; what < 6; what++) {
        struct io_memory *disk = NULL;
        struct io io;
        struct kernel_state *empty = NULL;
        struct store *store = fixture_store(&disk, &io, &empty);
        struct kernel_fold *fold = NULL;
        OK(kernel_fold_begin(empty, &fold, &error));
        struct fixture_entry *first = &f->entries[0];
        OK(kernel_fold_entry(fold, &first->entry, first->op, &first->hash, buffer_slice(&first->body), &error));
        struct log_entry entry = f->entries[1].entry;
        entry.sequence += what == 0 ? 1 : 0;
        entry.position_before += what == 1 ? 1 : 0;
        entry.position_after += what == 2 ? 1 : 0;
        entry.tenant += what == 3 ? 1 : 0;
        entry.commit_time_us = what == 4 ? first->entry.commit_time_us : entry.commit_time_us;
        entry.kind = what == 5 ? 9 : entry.kind;
        enum kmb_status status =
            kernel_fold_entry(fold, &entry, 7, &f->entries[1].hash, buffer_slice(&f->entries[1].body), &error);
        assert_int_equal(status, what == 5 ? KMB_FORMAT_VERSION : KMB_CORRUPT);
        assert_true(strlen(error.message) > 0);
        kernel_fold_discard(fold);
        kernel_state_release(empty);
        store_close(store);
        io_memory_free(disk);
    }
    fixture_free(f);
}

/* Every allocation of a commit and of a fold fails once: an error, no leak, and the next attempt succeeds. */
static void memory_runs_out(void **state) {
    (void)state;
    struct fixture *f = history_make();
    for (uint64_t number = 1;; number++) {
        mem_fail_plan(number);
        struct kernel_transaction *t = NULL;
        struct kmb_error error;
        struct value values[3];
        struct kernel_view *view = NULL;
        struct kernel_scan *scan = NULL;
        enum kmb_status status = kernel_transaction_begin(f->head, NULL, &t, &error);
        if (status == KMB_OK) {
            values[0] = value_int8(50);
            values[1] = value_integer(TYPE_INT4, 1);
            values[2] = value_text(slice_text("text"));
            status = kernel_insert(t, fixture_table(t, "u"), values, NULL, NULL, &error);
        }
        if (status == KMB_OK) {
            struct column_definition column = fixture_column("z", TYPE_TEXT, false);
            status = kernel_add_column(t, fixture_table(t, "u")->id, &column, &error);
        }
        if (status == KMB_OK) {
            status = kernel_transaction_view(t, &view, &error);
        }
        if (status == KMB_OK) {
            struct kernel_row row;
            size_t count = 0;
            status = kernel_scan_open(view, fixture_table(t, "u"), NULL, &scan, &error);
            if (status == KMB_OK) {
                status = kernel_scan_next(scan, &row, 1, &count, &error);
            }
        }
        kernel_scan_close(scan);
        kernel_view_close(view);
        if (status == KMB_OK) {
            status = kernel_transaction_prepare(t, f->head, &error);
        }
        uint64_t used = mem_fail_count();
        mem_fail_plan(0);
        kernel_transaction_discard(t);
        assert_true(status == KMB_OK || status == KMB_NO_MEMORY);
        assert_true(number < 2000);
        if (used < number) {
            assert_int_equal(status, KMB_OK);
            break;
        }
    }
    fixture_check_rebuild(f, 1);
    fixture_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_bytes),
        cmocka_unit_test(random_bodies),
        cmocka_unit_test(entries_must_follow),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
