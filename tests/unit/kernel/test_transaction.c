/*
 * Transactions: what is refused and with which words, conflicts between transactions, marks, parts, own reads.
 */
#include "fixture.h"

static void creates_inserts_and_travels(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    OK(kernel_create_tenant(t, slice_text("clinic"), &f->error));
    fixture_create(f, t, "t", false);
    fixture_commit(f, t);
    assert_int_equal(f->head->position, 0);
    assert_int_equal(f->head->sequence, 1);
    assert_true(f->head->facts.exists);
    assert_true(slice_equal_text(f->head->facts.name, "clinic"));

    t = fixture_begin(f);
    OK(fixture_insert(f, t, "t", 2, 20, "two"));
    OK(fixture_insert(f, t, "t", 1, 10, "one"));
    OK(fixture_insert(f, t, "t", 3, INT64_MIN, NULL));
    fixture_commit(f, t);
    t = fixture_begin(f);
    OK(fixture_update(f, t, "t", 2, 2, 21, "TWO"));
    assert_true(fixture_delete(f, t, "t", 1));
    assert_false(fixture_delete(f, t, "t", 1));
    OK(fixture_update(f, t, "t", 3, 5, 50, "moved"));
    fixture_commit(f, t);
    assert_int_equal(f->head->position, 6);

    ASSERT_AT(0, "t", "");
    ASSERT_AT(1, "t", "2:20:two ");
    ASSERT_AT(3, "t", "1:10:one 2:20:two 3:null:null ");
    ASSERT_AT(4, "t", "1:10:one 2:21:TWO 3:null:null ");
    ASSERT_AT(5, "t", "2:21:TWO 3:null:null ");
    ASSERT_AT(6, "t", "2:21:TWO 5:50:moved ");
    struct kernel_view *view = NULL;
    assert_int_equal(kernel_view_open_at(f->head, 7, &view, &f->error), KMB_POSITION_AHEAD);
    assert_string_equal(f->error.message, "position 7 is ahead of current log position 6");
    struct kernel_range reverse = {.reverse = true};
    OK(kernel_view_open_at(f->head, 3, &view, &f->error));
    ASSERT_DUMP(view, "t", &reverse, "3:null:null 2:20:two 1:10:one ");
    kernel_view_close(view);
    OK(kernel_view_open(f->head, &view, &f->error));
    ASSERT_DUMP(view, "t", &reverse, "5:50:moved 2:21:TWO ");
    kernel_view_close(view);
    fixture_check_rebuild(f, 1);
    fixture_check_rebuild(f, 100);
    fixture_free(f);
}

static void refuses_with_postgresql_words(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    struct table_id id = fixture_create(f, t, "t", false);
    struct key_part b = {.column = {3}};
    struct index_definition unique = {.parts = &b, .part_count = 1, .unique = true, .constraint = true};
    OK(kernel_create_index(t, id, &unique, NULL, &f->error));
    OK(fixture_insert(f, t, "t", 1, 10, "one"));
    uint64_t position = kernel_transaction_position(t);

    assert_int_equal(fixture_insert(f, t, "t", 1, 11, "other"), KMB_UNIQUE_VIOLATION);
    assert_string_equal(f->error.message, "duplicate key value violates unique constraint \"t_pkey\"");
    assert_string_equal(f->error.detail, "Key (id)=(1) already exists.");
    struct value values[3];
    fixture_values(values, 2, 22, "one");
    struct kernel_conflict conflict = {.index = {99}};
    assert_int_equal(kernel_insert(t, fixture_table(t, "t"), values, &conflict, NULL, &f->error), KMB_UNIQUE_VIOLATION);
    assert_string_equal(f->error.message, "duplicate key value violates unique constraint \"t_b_key\"");
    assert_string_equal(f->error.detail, "Key (b)=(one) already exists.");
    assert_int_equal(conflict.index.value, fixture_table(t, "t")->indexes[0].id.value);
    struct value there[3];
    OK(catalogue_row_read(kernel_transaction_catalogue(t), fixture_table(t, "t"), buffer_slice(&conflict.image), there,
                          &f->error));
    assert_int_equal(there[0].as.integer, 1);
    buffer_free(&conflict.key);
    buffer_free(&conflict.image);

    values[0] = value_null(TYPE_INT8);
    assert_int_equal(kernel_insert(t, fixture_table(t, "t"), values, NULL, NULL, &f->error), KMB_NOT_NULL_VIOLATION);
    assert_string_equal(f->error.message, "null value in column \"id\" of relation \"t\" violates not-null constraint");
    assert_string_equal(f->error.detail, "Failing row contains (null, 22, one).");

    /* NULLs are distinct; a row's own key does not clash with itself */
    OK(fixture_insert(f, t, "t", 3, 0, NULL));
    OK(fixture_insert(f, t, "t", 4, 0, NULL));
    OK(fixture_update(f, t, "t", 1, 1, 12, "one"));
    OK(fixture_update(f, t, "t", 1, 9, 12, "one"));
    assert_int_equal(fixture_update(f, t, "t", 3, 3, 0, "one"), KMB_UNIQUE_VIOLATION);
    assert_int_equal(fixture_update(f, t, "t", 3, 4, 0, "x"), KMB_UNIQUE_VIOLATION);
    assert_string_equal(f->error.detail, "Key (id)=(4) already exists.");
    assert_int_equal(fixture_update(f, t, "t", 77, 77, 0, "x"), KMB_SERIALIZATION);
    assert_int_equal(kernel_transaction_position(t), position + 4);

    size_t size = KERNEL_ROW_MAX + 1;
    char *big = malloc(size + 1);
    assert_non_null(big);
    memset(big, 'x', size);
    big[size] = 0;
    assert_int_equal(fixture_insert(f, t, "t", 50, 0, big), KMB_LIMIT);
    big[1 << 20] = 0; /* unique index on b: no key of 1 MiB */
    assert_int_equal(fixture_insert(f, t, "t", 50, 0, big), KMB_LIMIT);
    free(big);
    fixture_commit(f, t);
    ASSERT_AT(f->head->position, "t", "3:0:null 4:0:null 9:12:one ");
    fixture_check_rebuild(f, 1);
    fixture_free(f);
}

static void definitions_are_refused(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    struct table_id id = fixture_create(f, t, "t", false);
    OK(fixture_insert(f, t, "t", 1, INT64_MIN, "same"));
    OK(fixture_insert(f, t, "t", 2, 5, "same"));
    struct table_definition again = {.name = slice_text("t")};
    assert_int_equal(kernel_create_table(t, &again, NULL, &f->error), KMB_DUPLICATE_TABLE);
    assert_string_equal(f->error.message, "relation \"t\" already exists");
    again.name = slice_text("t_pkey");
    assert_int_equal(kernel_create_table(t, &again, NULL, &f->error), KMB_DUPLICATE_TABLE);
    struct column_definition twice[2] = {fixture_column("x", TYPE_INT4, false), fixture_column("x", TYPE_INT4, false)};
    struct table_definition doubled = {.name = slice_text("d"), .columns = twice, .column_count = 2};
    assert_int_equal(kernel_create_table(t, &doubled, NULL, &f->error), KMB_DUPLICATE_COLUMN);
    assert_string_equal(f->error.message, "column \"x\" specified more than once");
    struct column_definition json = fixture_column("j", TYPE_JSON, false);
    struct key_part first = {.column = {1}};
    struct table_definition keyed = {
        .name = slice_text("d"), .columns = &json, .column_count = 1, .primary_key = &first, .primary_key_count = 1};
    assert_int_not_equal(kernel_create_table(t, &keyed, NULL, &f->error), KMB_OK);

    struct column_definition column = fixture_column("b", TYPE_INT8, false);
    assert_int_equal(kernel_add_column(t, id, &column, &f->error), KMB_DUPLICATE_COLUMN);
    assert_string_equal(f->error.message, "column \"b\" of relation \"t\" already exists");
    column = fixture_column("c", TYPE_INT8, true);
    assert_int_equal(kernel_add_column(t, id, &column, &f->error), KMB_NOT_NULL_VIOLATION);
    assert_string_equal(f->error.message, "column \"c\" of relation \"t\" contains null values");
    assert_int_equal(kernel_change_not_null(t, id, (struct column_id){2}, true, &f->error), KMB_NOT_NULL_VIOLATION);
    assert_int_equal(kernel_drop_column(t, id, (struct column_id){1}, &f->error), KMB_UNSUPPORTED);
    assert_string_equal(f->error.message, "cannot drop primary-key column 'id' from table t");
    struct key_part b = {.column = {3}};
    struct index_definition unique = {.name = slice_text("u"), .parts = &b, .part_count = 1, .unique = true};
    assert_int_equal(kernel_create_index(t, id, &unique, NULL, &f->error), KMB_UNIQUE_VIOLATION);
    assert_string_equal(f->error.message, "could not create unique index \"u\"");
    assert_string_equal(f->error.detail, "Key (b)=(same) is duplicated.");
    assert_int_equal(fixture_table(t, "t")->index_count, 0);
    unique.unique = false;
    unique.name = slice_text("t");
    assert_int_equal(kernel_create_index(t, id, &unique, NULL, &f->error), KMB_DUPLICATE_TABLE);
    assert_int_equal(kernel_drop_table(t, (struct table_id){77}, &f->error), KMB_UNDEFINED_TABLE);
    /* nothing of it has left a trace */
    fixture_commit(f, t);
    ASSERT_AT(2, "t", "1:null:same 2:5:same ");
    fixture_check_rebuild(f, 1);
    fixture_free(f);
}

static void generated_names(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    struct table_id id = fixture_create(f, t, "orders", false);
    struct key_part parts[2] = {{.column = {2}}, {.column = {3}}};
    struct index_definition index = {.parts = parts, .part_count = 2};
    OK(kernel_create_index(t, id, &index, NULL, &f->error));
    OK(kernel_create_index(t, id, &index, NULL, &f->error));
    const struct table_definition *table = fixture_table(t, "orders");
    assert_true(slice_equal_text(table->primary_key_name, "orders_pkey"));
    assert_true(slice_equal_text(table->indexes[0].name, "orders_a_b_idx"));
    assert_true(slice_equal_text(table->indexes[1].name, "orders_a_b_idx1"));
    struct check_definition check = {.text = slice_text("a > 0")};
    OK(kernel_add_check(t, id, &check, &f->error));
    OK(kernel_add_check(t, id, &check, &f->error));
    table = fixture_table(t, "orders");
    assert_true(slice_equal_text(table->checks[0].name, "orders_check"));
    assert_true(slice_equal_text(table->checks[1].name, "orders_check1"));
    const char *longest = "a234567890123456789012345678901234567890123456789012345678901234";
    char name[64];
    snprintf(name, sizeof(name), "%.63s", longest);
    fixture_create(f, t, name, false);
    assert_int_equal(fixture_table(t, name)->primary_key_name.length, 63);
    kernel_transaction_discard(t);
    fixture_free(f);
}

static void first_committer_wins(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    struct table_id id = fixture_create(f, t, "t", false);
    struct key_part b = {.column = {3}};
    struct index_definition unique = {.parts = &b, .part_count = 1, .unique = true};
    OK(kernel_create_index(t, id, &unique, NULL, &f->error));
    OK(fixture_insert(f, t, "t", 1, 10, "one"));
    OK(fixture_insert(f, t, "t", 2, 20, "two"));
    fixture_commit(f, t);

    /* different rows: both commit, the second at its real positions */
    struct kernel_transaction *one = fixture_begin(f);
    struct kernel_transaction *two = fixture_begin(f);
    OK(fixture_update(f, one, "t", 1, 1, 11, "one"));
    OK(fixture_update(f, two, "t", 2, 2, 21, "two"));
    OK(fixture_insert(f, two, "t", 3, 30, "three"));
    OK(fixture_update(f, two, "t", 3, 3, 31, "three"));
    fixture_commit(f, one);
    fixture_commit(f, two);
    assert_int_equal(f->head->position, 6);
    ASSERT_AT(3, "t", "1:11:one 2:20:two ");
    ASSERT_AT(5, "t", "1:11:one 2:21:two 3:30:three ");
    ASSERT_AT(6, "t", "1:11:one 2:21:two 3:31:three ");

    /* the same row */
    one = fixture_begin(f);
    two = fixture_begin(f);
    OK(fixture_update(f, one, "t", 1, 1, 12, "one"));
    OK(fixture_update(f, two, "t", 1, 1, 13, "one"));
    fixture_commit(f, one);
    assert_int_equal(fixture_try_commit(f, two), KMB_SERIALIZATION);
    assert_string_equal(f->error.message, "could not serialize access due to concurrent update");
    assert_true(strlen(f->error.hint) > 0);

    /* updated here, deleted there; inserted here and there; the same unique key of another row */
    one = fixture_begin(f);
    two = fixture_begin(f);
    struct kernel_transaction *three = fixture_begin(f);
    struct kernel_transaction *four = fixture_begin(f);
    assert_true(fixture_delete(f, one, "t", 2));
    OK(fixture_insert(f, one, "t", 7, 70, "seven"));
    OK(fixture_update(f, two, "t", 2, 2, 99, "two"));
    OK(fixture_insert(f, three, "t", 7, 71, "sieben"));
    OK(fixture_insert(f, four, "t", 8, 80, "seven"));
    fixture_commit(f, one);
    assert_int_equal(fixture_try_commit(f, two), KMB_SERIALIZATION);
    assert_int_equal(fixture_try_commit(f, three), KMB_SERIALIZATION);
    assert_int_equal(fixture_try_commit(f, four), KMB_SERIALIZATION);

    /* a definition changed: of the table written, and of another one */
    one = fixture_begin(f);
    two = fixture_begin(f);
    three = fixture_begin(f);
    fixture_create(f, one, "other", false);
    OK(fixture_update(f, two, "t", 1, 1, 14, "one"));
    fixture_create(f, three, "third", false);
    fixture_commit(f, one);
    fixture_commit(f, two);
    assert_int_equal(fixture_try_commit(f, three), KMB_SERIALIZATION);
    one = fixture_begin(f);
    two = fixture_begin(f);
    OK(kernel_drop_table(one, id, &f->error));
    OK(fixture_update(f, two, "t", 1, 1, 15, "one"));
    fixture_commit(f, one);
    assert_int_equal(fixture_try_commit(f, two), KMB_SERIALIZATION);
    fixture_check_rebuild(f, 3);
    fixture_free(f);
}

static void marks_undo_rows_definitions_and_events(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    fixture_create(f, t, "t", false);
    OK(fixture_insert(f, t, "t", 1, 1, "a"));
    struct kernel_mark *mark = NULL;
    OK(kernel_transaction_mark(t, &mark, &f->error));
    uint64_t version = catalogue_version(kernel_transaction_catalogue(t));
    OK(fixture_insert(f, t, "t", 2, 2, "b"));
    OK(fixture_update(f, t, "t", 1, 1, 9, "z"));
    fixture_create(f, t, "u", false);
    assert_int_not_equal(catalogue_version(kernel_transaction_catalogue(t)), version);
    OK(kernel_transaction_rollback_to(t, mark, &f->error));
    assert_null(fixture_table(t, "u"));
    assert_int_equal(kernel_transaction_position(t), 1);
    OK(fixture_insert(f, t, "t", 2, 3, "c"));
    /* a view does not see what comes after it */
    struct kernel_view *view = NULL;
    OK(kernel_transaction_view(t, &view, &f->error));
    OK(fixture_insert(f, t, "t", 3, 3, "d"));
    ASSERT_DUMP(view, "t", NULL, "1:1:a 2:3:c ");
    kernel_view_close(view);
    OK(kernel_transaction_view(t, &view, &f->error));
    ASSERT_DUMP(view, "t", NULL, "1:1:a 2:3:c 3:3:d ");
    kernel_view_close(view);
    OK(kernel_transaction_rollback_to(t, mark, &f->error));
    OK(fixture_insert(f, t, "t", 4, 4, "e"));
    kernel_mark_free(mark);
    fixture_commit(f, t);
    ASSERT_AT(2, "t", "1:1:a 4:4:e ");
    fixture_check_rebuild(f, 1);
    fixture_free(f);
}

static void rows_without_key(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    fixture_create(f, t, "h", true);
    struct buffer key = {.bytes = NULL};
    struct value values[3];
    for (int64_t i = 1; i <= 3; i++) {
        fixture_values(values, 5, i, "same");
        OK(kernel_insert(t, fixture_table(t, "h"), values, NULL, &key, &f->error));
    }
    uint64_t row_id = 0;
    assert_true(key_read_row_id(buffer_slice(&key), &row_id));
    assert_int_equal(row_id, 3);
    fixture_values(values, 5, 33, "changed");
    OK(kernel_update(t, fixture_table(t, "h"), buffer_slice(&key), values, NULL, &f->error));
    bool deleted = false;
    OK(kernel_delete(t, fixture_table(t, "h"), buffer_slice(&key), &deleted, &f->error));
    assert_true(deleted);
    fixture_commit(f, t);
    t = fixture_begin(f);
    OK(kernel_insert(t, fixture_table(t, "h"), values, NULL, &key, &f->error));
    assert_true(key_read_row_id(buffer_slice(&key), &row_id));
    assert_int_equal(row_id, 4); /* 3 is never used again */
    fixture_commit(f, t);
    ASSERT_AT(3, "h", "5:1:same 5:2:same 5:3:same ");
    ASSERT_AT(4, "h", "5:1:same 5:2:same 5:33:changed ");
    ASSERT_AT(6, "h", "5:1:same 5:2:same 5:33:changed ");
    buffer_free(&key);
    fixture_check_rebuild(f, 1);
    fixture_free(f);
}

static void large_transactions_come_in_parts(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    fixture_create(f, t, "t", false);
    fixture_commit(f, t);
    size_t size = (size_t)3 << 19;
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, 'y', size);
    text[size] = 0;
    t = fixture_begin(f);
    for (int64_t i = 1; i <= 7; i++) {
        OK(fixture_insert(f, t, "t", i, i, text));
    }
    OK(fixture_update(f, t, "t", 1, 1, 100, "short"));
    OK(kernel_transaction_prepare(t, f->head, &f->error));
    assert_int_equal(kernel_transaction_part_count(t), 4);
    for (uint32_t i = 0; i < 4; i++) {
        struct kernel_part part;
        kernel_transaction_part(t, i, &part);
        assert_true(part.body.length <= KERNEL_PART_MAX);
        assert_int_equal(part.last, i == 3);
        assert_int_equal(part.sequence, 2 + i);
    }
    int64_t before = f->time_us;
    fixture_log(f, t);
    assert_int_equal(f->head->position, 8);
    struct kernel_entry entry;
    OK(kernel_entry_at_time(f->head, before + 999, &entry, &f->error));
    assert_int_equal(entry.sequence, 1);
    OK(kernel_entry_at_time(f->head, before + 1000, &entry, &f->error));
    assert_int_equal(entry.sequence, 5);
    OK(kernel_entry_of_position(f->head, 3, &entry, &f->error));
    assert_int_equal(entry.sequence, 3);
    struct kernel_view *view = NULL;
    OK(kernel_view_open_at_time(f->head, before + 999, &view, &f->error));
    ASSERT_DUMP(view, "t", NULL, "");
    kernel_view_close(view);
    free(text);
    fixture_check_rebuild(f, 2);
    fixture_free(f);
}

static void times_and_proofs(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_entry entry;
    assert_int_equal(kernel_entry_at_time(f->head, 5, &entry, &f->error), KMB_TIME_BEFORE_HISTORY);
    assert_non_null(strstr(f->error.message, "no log offset at or before timestamp 5000 ns"));
    assert_string_equal(f->error.detail, "That is 1970-01-01 00:00:00.000005+00, and nothing has happened yet.");
    struct kernel_transaction *t = fixture_begin(f);
    fixture_create(f, t, "t", false);
    fixture_commit(f, t);
    int64_t first = f->time_us;
    for (int64_t i = 1; i <= 40; i++) {
        t = fixture_begin(f);
        OK(fixture_insert(f, t, "t", i, i, "x"));
        fixture_commit(f, t);
    }
    assert_int_equal(kernel_entry_at_time(f->head, first - 1, &entry, &f->error), KMB_TIME_BEFORE_HISTORY);
    assert_non_null(strstr(f->error.message, "precedes the earliest retained event"));
    assert_non_null(strstr(f->error.detail, ", and the first entry is of "));
    for (int64_t i = 0; i <= 40; i++) {
        OK(kernel_entry_at_time(f->head, first + i * 1000 + 999, &entry, &f->error));
        assert_int_equal(entry.sequence, i + 1);
        assert_int_equal(entry.position_after, i);
        OK(kernel_entry_at_time(f->head, first + i * 1000, &entry, &f->error));
        assert_int_equal(entry.sequence, i + 1);
        if (i > 0) {
            OK(kernel_entry_of_position(f->head, (uint64_t)i, &entry, &f->error));
            assert_int_equal(entry.sequence, i + 1);
        }
    }
    for (uint64_t size = 1; size <= f->head->sequence; size++) {
        struct hash256 root;
        OK(kernel_merkle_root(f->head, size, &root, &f->error));
        struct hash256 newest;
        OK(kernel_merkle_root(f->head, f->head->sequence, &newest, &f->error));
        struct merkle_proof proof;
        OK(kernel_merkle_consistency(f->head, size, f->head->sequence, &proof, &f->error));
        assert_true(merkle_consistency_verify(size, &root, f->head->sequence, &newest, proof.hashes, proof.count));
        for (uint64_t leaf = 1; leaf <= size; leaf++) {
            OK(kernel_merkle_inclusion(f->head, leaf, size, &proof, &f->error));
            assert_true(
                merkle_inclusion_verify(&f->entries[leaf - 1].hash, leaf - 1, size, &root, proof.hashes, proof.count));
        }
    }
    struct merkle_proof proof;
    assert_int_equal(kernel_merkle_inclusion(f->head, 42, 41, &proof, &f->error), KMB_USAGE);
    assert_int_equal(kernel_merkle_inclusion(f->head, 0, 41, &proof, &f->error), KMB_USAGE);
    assert_int_equal(kernel_entry_at(f->head, 42, &entry, &f->error), KMB_USAGE);
    fixture_free(f);
}

struct collected {
    struct buffer text;
    size_t stop_after;
};

static enum kmb_status collect(void *context, const struct kernel_stream_event *event) {
    struct collected *collected = context;
    buffer_printf(&collected->text, "%llu@%llu=%.*s ", (unsigned long long)event->offset,
                  (unsigned long long)event->position, (int)event->payload.length, (const char *)event->payload.bytes);
    return --collected->stop_after == 0 ? KMB_DONE : KMB_OK;
}

static enum kmb_status load_body(void *context, struct tenant_id tenant, const struct kernel_entry *entry,
                                 struct slice *body, struct kmb_error *error) {
    struct fixture *f = context;
    (void)tenant;
    (void)error;
    *body = buffer_slice(&f->entries[entry->sequence - 1].body);
    return KMB_OK;
}

static void read_stream(struct fixture *f, struct kernel_view *view, struct stream_id stream, uint64_t from,
                        size_t stop_after, const char *expected) {
    struct kernel_bodies bodies = {.load = load_body, .context = f};
    struct collected collected = {.stop_after = stop_after};
    OK(kernel_stream_read(view, &bodies, stream, from, collect, &collected, &f->error));
    buffer_append_byte(&collected.text, 0);
    assert_string_equal((const char *)collected.text.bytes, expected);
    buffer_free(&collected.text);
}

static void streams(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    struct stream_id s = {0};
    OK(kernel_create_stream(t, slice_text("labs"), DATA_CLASS_PHI, &s, &f->error));
    assert_int_equal(kernel_create_stream(t, slice_text("labs"), DATA_CLASS_PHI, NULL, &f->error), KMB_STREAM_EXISTS);
    struct slice some[3] = {slice_text("a"), slice_text("b"), slice_text("c")};
    uint64_t first = 99;
    OK(kernel_append(t, s, 0, some, 3, &first, &f->error));
    assert_int_equal(first, 0);
    assert_int_equal(kernel_append(t, s, 0, some, 1, NULL, &f->error), KMB_OFFSET_MISMATCH);
    char expected[96];
    snprintf(expected, sizeof(expected), "offset mismatch for stream %u: expected 0, actual 3", s.value);
    assert_string_equal(f->error.message, expected);
    assert_int_equal(kernel_append(t, (struct stream_id){77}, 0, some, 1, NULL, &f->error), KMB_STREAM_NOT_FOUND);
    struct kernel_view *view = NULL;
    OK(kernel_transaction_view(t, &view, &f->error));
    read_stream(f, view, s, 1, 0, "1@2=b 2@3=c "); /* own events, not committed */
    kernel_view_close(view);
    fixture_commit(f, t);

    t = fixture_begin(f);
    OK(kernel_append(t, s, KERNEL_OFFSET_ANY, some, 2, &first, &f->error));
    assert_int_equal(first, 3);
    struct kernel_transaction *late = fixture_begin(f);
    OK(kernel_append(late, s, 3, some, 1, NULL, &f->error));
    fixture_commit(f, t);
    assert_int_equal(fixture_try_commit(f, late), KMB_SERIALIZATION);

    OK(kernel_view_open(f->head, &view, &f->error));
    uint64_t length = 0;
    OK(kernel_stream_length(view, s, &length, &f->error));
    assert_int_equal(length, 5);
    read_stream(f, view, s, 0, 0, "0@1=a 1@2=b 2@3=c 3@4=a 4@5=b ");
    read_stream(f, view, s, 2, 2, "2@3=c 3@4=a ");
    read_stream(f, view, s, 5, 0, "");
    struct kernel_bodies bodies = {.load = load_body, .context = f};
    struct collected none = {.stop_after = 0};
    assert_int_equal(kernel_stream_read(view, &bodies, s, 6, collect, &none, &f->error), KMB_INVALID_OFFSET);
    kernel_view_close(view);
    for (uint64_t n = 0; n <= 5; n++) {
        OK(kernel_view_open_at(f->head, n, &view, &f->error));
        OK(kernel_stream_length(view, s, &length, &f->error));
        assert_int_equal(length, n);
        kernel_view_close(view);
    }
    fixture_check_rebuild(f, 1);
    fixture_free(f);
}

/* What is known of an empty stretch of keys must not outlive a key that is moved into it. */
static void keys_moved_between_inserts(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    fixture_create(f, t, "t", false);
    OK(fixture_insert(f, t, "t", 1, 1, "a"));
    OK(fixture_insert(f, t, "t", 5, 5, "b"));
    OK(fixture_insert(f, t, "t", 6, 6, "c"));
    OK(fixture_update(f, t, "t", 1, 8, 1, "a"));
    assert_int_equal(fixture_insert(f, t, "t", 8, 8, "d"), KMB_UNIQUE_VIOLATION);
    OK(fixture_insert(f, t, "t", 7, 7, "e"));
    assert_true(fixture_delete(f, t, "t", 8));
    OK(fixture_insert(f, t, "t", 8, 8, "f"));
    assert_int_equal(fixture_insert(f, t, "t", 8, 8, "g"), KMB_UNIQUE_VIOLATION);
    assert_int_equal(fixture_insert(f, t, "t", 7, 8, "g"), KMB_UNIQUE_VIOLATION);
    fixture_commit(f, t);
    ASSERT_AT(f->head->position, "t", "5:5:b 6:6:c 7:7:e 8:8:f ");
    fixture_check_rebuild(f, 1);
    fixture_free(f);
}

static uint64_t take_ids(void *context, struct tenant_id tenant, struct table_id table, uint64_t floor,
                         uint64_t count) {
    uint64_t *next = context;
    (void)tenant;
    (void)table;
    *next = *next < floor ? floor : *next;
    uint64_t first = *next;
    *next += count;
    return first;
}

static void row_ids_are_shared(void **state) {
    (void)state;
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    fixture_create(f, t, "h", true);
    fixture_commit(f, t);
    uint64_t next = 0;
    struct kernel_row_ids ids = {.take = take_ids, .context = &next};
    struct kernel_transaction *one = NULL;
    struct kernel_transaction *two = NULL;
    OK(kernel_transaction_begin(f->head, &ids, &one, &f->error));
    OK(kernel_transaction_begin(f->head, &ids, &two, &f->error));
    OK(fixture_insert(f, one, "h", 1, 1, "one"));
    OK(fixture_insert(f, two, "h", 1, 2, "two"));
    OK(fixture_insert(f, one, "h", 1, 3, "three"));
    fixture_commit(f, two);
    fixture_commit(f, one);
    ASSERT_AT(3, "h", "1:1:one 1:2:two 1:3:three ");
    fixture_check_rebuild(f, 1);
    fixture_free(f);
}

#define ASSERT_OWN(transaction, expected)                                                                              \
    do {                                                                                                               \
        struct kernel_view *own_ = NULL;                                                                               \
        OK(kernel_transaction_view(transaction, &own_, &f->error));                                                    \
        ASSERT_DUMP(own_, "t", NULL, expected);                                                                        \
        kernel_view_close(own_);                                                                                       \
    } while (0)

/* One transaction with two marks, and another that commits; the allocation of this number fails while the first goes
 * over. Answers whether it failed. */
static bool move_without_memory(uint64_t number) {
    struct fixture *f = fixture_new();
    struct kernel_transaction *t = fixture_begin(f);
    struct kernel_mark *marks[2] = {NULL};
    OK(kernel_create_tenant(t, slice_text("clinic"), &f->error));
    fixture_create(f, t, "t", false);
    OK(fixture_insert(f, t, "t", 1, 1, "one"));
    fixture_commit(f, t);
    t = fixture_begin(f);
    OK(kernel_transaction_mark(t, &marks[0], &f->error));
    OK(fixture_insert(f, t, "t", 10, 1, "own"));
    OK(fixture_update(f, t, "t", 1, 1, 2, "own"));
    OK(kernel_transaction_mark(t, &marks[1], &f->error));
    OK(fixture_insert(f, t, "t", 11, 1, "own"));
    struct kernel_transaction *other = fixture_begin(f);
    OK(fixture_insert(f, other, "t", 2, 1, "other"));
    fixture_commit(f, other);

    mem_fail_plan(number);
    enum kmb_status status = kernel_transaction_move(t, NULL, f->head, marks, 2, &f->error);
    bool failed = mem_fail_count() >= number;
    mem_fail_plan(0);
    if (status != KMB_OK) {
        assert_int_equal(status, KMB_NO_MEMORY);
        OK(kernel_transaction_rollback_to(t, marks[1], &f->error));
        ASSERT_OWN(t, "1:2:own 10:1:own ");
        OK(kernel_transaction_move(t, NULL, f->head, marks, 2, &f->error));
    } else {
        ASSERT_OWN(t, "1:2:own 2:1:other 10:1:own 11:1:own ");
        OK(kernel_transaction_rollback_to(t, marks[1], &f->error));
    }
    ASSERT_OWN(t, "1:2:own 2:1:other 10:1:own ");
    if (number % 2 == 0) {
        OK(kernel_transaction_rollback_to(t, marks[0], &f->error));
        ASSERT_OWN(t, "1:1:one 2:1:other ");
        OK(fixture_insert(f, t, "t", 12, 1, "own"));
    }
    kernel_mark_free(marks[0]);
    kernel_mark_free(marks[1]);
    fixture_commit(f, t);
    struct kernel_view *view = NULL;
    OK(kernel_view_open(f->head, &view, &f->error));
    ASSERT_DUMP(view, "t", NULL, number % 2 == 0 ? "1:1:one 2:1:other 12:1:own " : "1:2:own 2:1:other 10:1:own ");
    kernel_view_close(view);
    fixture_check_rebuild(f, 1);
    fixture_free(f);
    return failed;
}

static void moves_as_a_whole_or_not_at_all(void **state) {
    (void)state;
    uint64_t number = 1;
    while (move_without_memory(number)) {
        number++;
    }
    assert_true(number > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates_inserts_and_travels),
        cmocka_unit_test(refuses_with_postgresql_words),
        cmocka_unit_test(definitions_are_refused),
        cmocka_unit_test(generated_names),
        cmocka_unit_test(first_committer_wins),
        cmocka_unit_test(marks_undo_rows_definitions_and_events),
        cmocka_unit_test(moves_as_a_whole_or_not_at_all),
        cmocka_unit_test(rows_without_key),
        cmocka_unit_test(large_transactions_come_in_parts),
        cmocka_unit_test(times_and_proofs),
        cmocka_unit_test(streams),
        cmocka_unit_test(row_ids_are_shared),
        cmocka_unit_test(keys_moved_between_inserts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
