/*
 * The kernel against a plain model: random definitions, rows, marks and transactions, and after them every past
 * position read in every way there is. The model keeps a whole copy of its tables for each position, so its answers
 * need no thought. KERNEL_STEPS sets the number of steps of each run.
 */
#include "fixture.h"

#define MODEL_TABLES    3
#define MODEL_ROWS_MAX  64
#define MODEL_IDS       24
#define MODEL_POSITIONS 4000
#define MODEL_MISSING   77 /* what rows older than column c read in it */

struct model_row {
    int64_t id; /* the key; of the keyless table: the row id */
    int64_t a;  /* INT64_MIN: NULL */
    int64_t b;  /* printed as text, -1: NULL */
    int64_t c;  /* INT64_MIN: NULL */
};

struct model_table {
    bool exists;
    bool ended; /* dropped at this very position: still to be found there */
    bool keyless;
    bool has_c;
    bool index_a; /* on (a, id) */
    bool index_b; /* unique, on b descending */
    uint32_t id;
    uint32_t count;
    struct model_row rows[MODEL_ROWS_MAX];
};

struct model {
    struct model_table tables[MODEL_TABLES];
};

struct world {
    struct fixture *f;
    struct prng prng;
    struct model now;
    struct model *at; /* by position */
    uint64_t position;
    struct kernel_transaction *transaction;
    uint64_t transactions;
    /* the transaction and position of each table's newest definition: one that ends where it began is never seen */
    uint64_t defined_in[MODEL_TABLES];
    uint64_t defined_at[MODEL_TABLES];
};

static const char *const NAMES[MODEL_TABLES] = {"alpha", "beta", "gamma"};

static uint64_t below(struct world *w, uint64_t bound) {
    return prng_below(&w->prng, bound);
}

static void defined(struct world *w, unsigned t) {
    w->defined_in[t] = w->transactions;
    w->defined_at[t] = w->position;
}

static void snapshot(struct world *w) {
    assert_true(w->position < MODEL_POSITIONS);
    w->at[w->position] = w->now;
}

/* A data event happened: what ended at the position before is out of sight at the next one. */
static void advance(struct world *w) {
    w->position++;
    for (unsigned i = 0; i < MODEL_TABLES; i++) {
        w->now.tables[i].ended = false;
        if (!w->now.tables[i].exists) {
            w->now.tables[i].count = 0;
        }
    }
    snapshot(w);
}

static struct model_row *find(struct model_table *table, int64_t id) {
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->rows[i].id == id) {
            return &table->rows[i];
        }
    }
    return NULL;
}

static bool b_taken(const struct model_table *table, int64_t b, int64_t but) {
    for (uint32_t i = 0; table->index_b && b >= 0 && i < table->count; i++) {
        if (table->rows[i].b == b && table->rows[i].id != but) {
            return true;
        }
    }
    return false;
}

static void row_sort(struct model_table *table) {
    for (uint32_t i = 1; i < table->count; i++) {
        for (uint32_t j = i; j > 0 && table->rows[j - 1].id > table->rows[j].id; j--) {
            struct model_row swap = table->rows[j];
            table->rows[j] = table->rows[j - 1];
            table->rows[j - 1] = swap;
        }
    }
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static char b_text[2][32];

static const char *text_of(int64_t b, unsigned which) {
    snprintf(b_text[which], sizeof(b_text[which]), "b%03lld", (long long)b);
    return b_text[which];
}

static uint32_t values_of(const struct model_table *table, const struct model_row *row, struct value values[4]) {
    values[0] = value_int8(row->id);
    values[1] = row->a == INT64_MIN ? value_null(TYPE_INT4) : value_integer(TYPE_INT4, row->a);
    values[2] = row->b < 0 ? value_null(TYPE_TEXT) : value_text(slice_text(text_of(row->b, 0)));
    values[3] = row->c == INT64_MIN ? value_null(TYPE_INT8) : value_int8(row->c);
    return table->has_c ? 4 : 3;
}

static struct model_row row_random(struct world *w, const struct model_table *table) {
    return (struct model_row){
        .id = (int64_t)below(w, MODEL_IDS) + 1,
        .a = below(w, 5) == 0 ? INT64_MIN : (int64_t)below(w, 6),
        .b = below(w, 5) == 0 ? -1 : (int64_t)below(w, 200),
        .c = !table->has_c || below(w, 4) == 0 ? INT64_MIN : (int64_t)below(w, 100),
    };
}

static void key_of(const struct model_table *table, int64_t id, struct buffer *key) {
    buffer_clear(key);
    if (table->keyless) {
        key_append_row_id(key, (uint64_t)id);
    } else {
        fixture_key(key, id);
    }
}

static void step_insert(struct world *w, unsigned t) {
    struct fixture *f = w->f;
    struct model_table *table = &w->now.tables[t];
    if (table->count >= MODEL_ROWS_MAX) {
        return;
    }
    struct model_row row = row_random(w, table);
    struct value values[4];
    values_of(table, &row, values);
    struct kernel_conflict conflict = {.index = {0}};
    struct buffer key = {.bytes = NULL};
    enum kmb_status status =
        kernel_insert(w->transaction, fixture_table(w->transaction, NAMES[t]), values, &conflict, &key, &f->error);
    if ((!table->keyless && find(table, row.id) != NULL) || b_taken(table, row.b, INT64_MIN)) {
        assert_int_equal(status, KMB_UNIQUE_VIOLATION);
        struct value there[4];
        OK(catalogue_row_read(kernel_transaction_catalogue(w->transaction), fixture_table(w->transaction, NAMES[t]),
                              buffer_slice(&conflict.image), there, &f->error));
        if (conflict.index.value == 0) {
            assert_int_equal(there[0].as.integer, row.id);
        } else {
            assert_true(slice_equal_text(there[2].as.bytes, text_of(row.b, 1)));
        }
    } else {
        OK(status);
        if (table->keyless) {
            uint64_t id = 0;
            assert_true(key_read_row_id(buffer_slice(&key), &id));
            row.id = (int64_t)id;
        }
        table->rows[table->count++] = row;
        row_sort(table);
        advance(w);
    }
    buffer_free(&conflict.key);
    buffer_free(&conflict.image);
    buffer_free(&key);
}

static void step_update(struct world *w, unsigned t) {
    struct fixture *f = w->f;
    struct model_table *table = &w->now.tables[t];
    if (table->count == 0) {
        return;
    }
    struct model_row *old = &table->rows[below(w, table->count)];
    struct model_row row = row_random(w, table);
    if (table->keyless || below(w, 4) != 0) {
        row.id = old->id;
    }
    if (below(w, 2) == 0) {
        row.b = old->b;
    }
    struct value values[4];
    values_of(table, &row, values);
    struct buffer key = {.bytes = NULL};
    key_of(table, old->id, &key);
    enum kmb_status status = kernel_update(w->transaction, fixture_table(w->transaction, NAMES[t]), buffer_slice(&key),
                                           values, NULL, &f->error);
    if ((row.id != old->id && find(table, row.id) != NULL) || b_taken(table, row.b, old->id)) {
        assert_int_equal(status, KMB_UNIQUE_VIOLATION);
    } else {
        OK(status);
        *old = row;
        row_sort(table);
        advance(w);
    }
    buffer_free(&key);
}

static void step_delete(struct world *w, unsigned t) {
    struct fixture *f = w->f;
    struct model_table *table = &w->now.tables[t];
    int64_t id = table->count > 0 ? table->rows[below(w, table->count)].id : (int64_t)below(w, MODEL_IDS);
    struct buffer key = {.bytes = NULL};
    key_of(table, id, &key);
    bool deleted = false;
    OK(kernel_delete(w->transaction, fixture_table(w->transaction, NAMES[t]), buffer_slice(&key), &deleted, &f->error));
    struct model_row *row = find(table, id);
    assert_int_equal(deleted, row != NULL);
    if (row != NULL) {
        *row = table->rows[--table->count];
        row_sort(table);
        advance(w);
    }
    buffer_free(&key);
}

static bool b_doubled(const struct model_table *table) {
    for (uint32_t i = 0; i < table->count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (table->rows[i].b >= 0 && table->rows[i].b == table->rows[j].b) {
                return true;
            }
        }
    }
    return false;
}

static void step_index(struct world *w, unsigned t, bool on_b) {
    struct fixture *f = w->f;
    struct model_table *table = &w->now.tables[t];
    bool *has = on_b ? &table->index_b : &table->index_a;
    char name[32];
    snprintf(name, sizeof(name), "%s_%s", NAMES[t], on_b ? "b" : "a");
    const struct table_definition *definition = fixture_table(w->transaction, NAMES[t]);
    if (*has) {
        const struct index_definition *index = definition_index_of_name(definition, slice_text(name));
        assert_non_null(index);
        OK(kernel_drop_index(w->transaction, definition->id, index->id, &f->error));
        *has = false;
    } else {
        struct key_part parts[2] = {{.column = {on_b ? 3u : 2u}, .descending = on_b}, {.column = {1}}};
        struct index_definition index = {
            .name = slice_text(name), .parts = parts, .part_count = on_b ? 1 : 2, .unique = on_b};
        enum kmb_status status = kernel_create_index(w->transaction, definition->id, &index, NULL, &f->error);
        if (on_b && b_doubled(table)) {
            assert_int_equal(status, KMB_UNIQUE_VIOLATION);
        } else {
            OK(status);
            *has = true;
        }
    }
    defined(w, t);
    snapshot(w);
}

static void step_column(struct world *w, unsigned t) {
    struct fixture *f = w->f;
    struct model_table *table = &w->now.tables[t];
    const struct table_definition *definition = fixture_table(w->transaction, NAMES[t]);
    if (table->has_c) {
        const struct column_definition *column = definition_column_of_name(definition, slice_text("c"));
        assert_non_null(column);
        OK(kernel_drop_column(w->transaction, definition->id, column->id, &f->error));
    } else {
        bool filled = below(w, 2) == 0;
        struct buffer missing = {.bytes = NULL};
        struct value value = value_int8(MODEL_MISSING);
        value_encode(&value, &missing);
        struct column_definition column = fixture_column("c", TYPE_INT8, false);
        column.missing_value = filled ? buffer_slice(&missing) : (struct slice){.length = 0};
        OK(kernel_add_column(w->transaction, definition->id, &column, &f->error));
        buffer_free(&missing);
        for (uint32_t i = 0; i < table->count; i++) {
            table->rows[i].c = filled ? MODEL_MISSING : INT64_MIN;
        }
    }
    table->has_c = !table->has_c;
    defined(w, t);
    snapshot(w);
}

static void step_table(struct world *w, unsigned t) {
    struct fixture *f = w->f;
    struct model_table *table = &w->now.tables[t];
    if (table->exists) {
        if (below(w, 3) != 0 || (w->defined_in[t] == w->transactions && w->defined_at[t] == w->position)) {
            return;
        }
        OK(kernel_drop_table(w->transaction, (struct table_id){table->id}, &f->error));
        table->exists = false;
        table->ended = true;
    } else {
        *table = (struct model_table){.exists = true, .keyless = t == 2};
        table->id = fixture_create(f, w->transaction, NAMES[t], table->keyless).value;
    }
    defined(w, t);
    snapshot(w);
}

/* --- checks ------------------------------------------------------------------------------------------------------- */

static void row_text(const struct model_table *table, const struct model_row *row, struct buffer *out) {
    /* a keyless table shows the id column it was given, which the model does not keep: its rows print a..c only */
    if (!table->keyless) {
        buffer_printf(out, "%lld:", (long long)row->id);
    }
    if (row->a == INT64_MIN) {
        buffer_append_text(out, "null:");
    } else {
        buffer_printf(out, "%lld:", (long long)row->a);
    }
    buffer_append_text(out, row->b < 0 ? "null" : text_of(row->b, 1));
    if (table->has_c && row->c == INT64_MIN) {
        buffer_append_text(out, ":null");
    } else if (table->has_c) {
        buffer_printf(out, ":%lld", (long long)row->c);
    }
    buffer_append_text(out, " ");
}

static void found_text(struct fixture *f, const struct model_table *table, struct kernel_view *view,
                       const struct table_definition *definition, struct slice image, struct buffer *out) {
    struct value values[4];
    assert_int_equal(catalogue_column_count(view->catalogue, definition), table->has_c ? 4 : 3);
    OK(catalogue_row_read(view->catalogue, definition, image, values, &f->error));
    for (uint32_t i = table->keyless ? 1 : 0; i < (table->has_c ? 4u : 3u); i++) {
        buffer_append_text(out, i == (table->keyless ? 1u : 0u) ? "" : ":");
        if (values[i].is_null) {
            buffer_append_text(out, "null");
        } else {
            value_print(&values[i], NULL, out);
        }
    }
    buffer_append_text(out, " ");
}

static void scan_text(struct world *w, const struct model_table *table, struct kernel_view *view,
                      const struct table_definition *definition, const struct kernel_range *range, struct buffer *out) {
    struct fixture *f = w->f;
    struct kernel_scan *scan = NULL;
    struct kernel_row rows[7];
    size_t count = 0;
    buffer_clear(out);
    OK(kernel_scan_open(view, definition, range, &scan, &f->error));
    do {
        OK(kernel_scan_next(scan, rows, 1 + below(w, 7), &count, &f->error));
        for (size_t i = 0; i < count; i++) {
            found_text(f, table, view, definition, rows[i].image, out);
        }
    } while (count > 0);
    kernel_scan_close(scan);
}

static void same_text(struct world *w, struct buffer *got, struct buffer *expected, uint64_t position,
                      const char *what) {
    if (!slice_equal(buffer_slice(got), buffer_slice(expected))) {
        print_message("position %llu of %llu, %s\n got      %s\n expected %s\n", (unsigned long long)position,
                      (unsigned long long)w->position, what, buffer_text(got), buffer_text(expected));
        fail();
    }
}

/* Order of the index on (a, id), NULLs last. */
static bool a_before(const struct model_row *x, const struct model_row *y) {
    if (x->a != y->a) {
        return y->a == INT64_MIN || (x->a != INT64_MIN && x->a < y->a);
    }
    return x->id < y->id;
}

/* Order of the index on b descending: NULLs first, then key. */
static bool b_before(const struct model_row *x, const struct model_row *y) {
    if (x->b != y->b) {
        return x->b < 0 || (y->b >= 0 && x->b > y->b);
    }
    return x->id < y->id;
}

static void expect_sorted(const struct model_table *table,
                          bool (*before)(const struct model_row *, const struct model_row *),
                          bool (*wanted)(const struct model_row *, int64_t, int64_t), int64_t low, int64_t high,
                          bool reverse, struct buffer *out) {
    struct model_row rows[MODEL_ROWS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        if (wanted(&table->rows[i], low, high)) {
            rows[count++] = table->rows[i];
        }
    }
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t j = i; j > 0 && before(&rows[j], &rows[j - 1]); j--) {
            struct model_row swap = rows[j];
            rows[j] = rows[j - 1];
            rows[j - 1] = swap;
        }
    }
    buffer_clear(out);
    for (uint32_t i = 0; i < count; i++) {
        row_text(table, &rows[reverse ? count - 1 - i : i], out);
    }
}

static bool id_before(const struct model_row *x, const struct model_row *y) {
    return x->id < y->id;
}
static bool id_within(const struct model_row *row, int64_t low, int64_t high) {
    return low < row->id && row->id <= high;
}
static bool a_within(const struct model_row *row, int64_t low, int64_t high) {
    return row->a != INT64_MIN && low <= row->a && row->a < high;
}
static bool all(const struct model_row *row, int64_t low, int64_t high) {
    (void)row;
    (void)low;
    (void)high;
    return true;
}

static void check_indexes(struct world *w, const struct model_table *table, struct kernel_view *view,
                          const struct table_definition *definition, unsigned t, uint64_t position) {
    struct buffer got = {.bytes = NULL};
    struct buffer expected = {.bytes = NULL};
    struct buffer low = {.bytes = NULL};
    struct buffer high = {.bytes = NULL};
    char name[32];
    assert_int_equal(definition->index_count, (table->index_a ? 1 : 0) + (table->index_b ? 1 : 0));
    if (table->index_a && !table->keyless) {
        snprintf(name, sizeof(name), "%s_a", NAMES[t]);
        int64_t from = (int64_t)below(w, 6);
        int64_t to = (int64_t)below(w, 8);
        struct value value = value_integer(TYPE_INT4, from);
        struct key_column column = {.type = type_make(TYPE_INT4)};
        key_append(&low, column, &value);
        value = value_integer(TYPE_INT4, to);
        key_append(&high, column, &value);
        struct kernel_range range = {.index = definition_index_of_name(definition, slice_text(name))->id,
                                     .low = {.key = buffer_slice(&low), .inclusive = true},
                                     .high = {.key = buffer_slice(&high), .inclusive = false},
                                     .reverse = below(w, 2) == 0};
        scan_text(w, table, view, definition, &range, &got);
        expect_sorted(table, a_before, a_within, from, to, range.reverse, &expected);
        same_text(w, &got, &expected, position, "range of the index on a");
    }
    if (table->index_b) {
        snprintf(name, sizeof(name), "%s_b", NAMES[t]);
        struct kernel_range range = {.index = definition_index_of_name(definition, slice_text(name))->id,
                                     .reverse = below(w, 2) == 0};
        scan_text(w, table, view, definition, &range, &got);
        expect_sorted(table, b_before, all, 0, 0, range.reverse, &expected);
        same_text(w, &got, &expected, position, "the index on b");
    }
    buffer_free(&got);
    buffer_free(&expected);
    buffer_free(&low);
    buffer_free(&high);
}

static void check_table(struct world *w, const struct model_table *table, struct kernel_view *view, unsigned t,
                        uint64_t position) {
    struct fixture *f = w->f;
    const struct table_definition *definition =
        catalogue_table(view->catalogue, (struct slice){.length = 0}, slice_text(NAMES[t]));
    if (!table->exists && !table->ended) {
        assert_null(definition);
        return;
    }
    if (definition == NULL) {
        print_message("position %llu: no table %s\n", (unsigned long long)position, NAMES[t]);
    }
    assert_non_null(definition);
    assert_int_equal(definition->id.value, table->id);
    struct buffer got = {.bytes = NULL};
    struct buffer expected = {.bytes = NULL};
    struct buffer low = {.bytes = NULL};
    struct buffer high = {.bytes = NULL};
    scan_text(w, table, view, definition, NULL, &got);
    expect_sorted(table, id_before, all, 0, 0, false, &expected);
    same_text(w, &got, &expected, position, "whole table");
    int64_t from = (int64_t)below(w, MODEL_IDS);
    int64_t to = (int64_t)below(w, MODEL_IDS + 8);
    key_of(table, from, &low);
    key_of(table, to, &high);
    struct kernel_range range = {.low = {.key = buffer_slice(&low), .inclusive = false},
                                 .high = {.key = buffer_slice(&high), .inclusive = true},
                                 .reverse = below(w, 2) == 0};
    scan_text(w, table, view, definition, &range, &got);
    expect_sorted(table, id_before, id_within, from, to, range.reverse, &expected);
    same_text(w, &got, &expected, position, "range of keys");
    for (unsigned i = 0; i < 3; i++) {
        int64_t id = (int64_t)below(w, MODEL_IDS + 4);
        struct kernel_row row;
        bool found = false;
        key_of(table, id, &low);
        OK(kernel_get(view, definition, buffer_slice(&low), &high, &row, &found, &f->error));
        const struct model_row *wanted = NULL;
        for (uint32_t k = 0; k < table->count; k++) {
            wanted = table->rows[k].id == id ? &table->rows[k] : wanted;
        }
        assert_int_equal(found, wanted != NULL);
        if (found) {
            buffer_clear(&got);
            buffer_clear(&expected);
            found_text(f, table, view, definition, row.image, &got);
            row_text(table, wanted, &expected);
            same_text(w, &got, &expected, position, "one row");
            assert_true(row.stamp.position <= position);
        }
    }
    check_indexes(w, table, view, definition, t, position);
    buffer_free(&got);
    buffer_free(&expected);
    buffer_free(&low);
    buffer_free(&high);
}

static void check_view(struct world *w, struct kernel_view *view, uint64_t position, const struct model *model) {
    for (unsigned t = 0; t < MODEL_TABLES; t++) {
        check_table(w, &model->tables[t], view, t, position);
    }
}

static void check_position(struct world *w, uint64_t position) {
    struct fixture *f = w->f;
    struct kernel_view *view = NULL;
    OK(kernel_view_open_at(f->head, position, &view, &f->error));
    check_view(w, view, position, &w->at[position]);
    kernel_view_close(view);
}

/* What a present view shows: ended tables are gone. */
static void check_present(struct world *w, struct kernel_view *view) {
    struct model *model = malloc(sizeof(*model));
    assert_non_null(model);
    *model = w->now;
    for (unsigned t = 0; t < MODEL_TABLES; t++) {
        model->tables[t].ended = false;
    }
    check_view(w, view, w->position, model);
    free(model);
}

/* Each version is there at its positions with its values, and together they are all there is. */
static void check_history(struct world *w, unsigned t) {
    struct fixture *f = w->f;
    struct model_table *table = &w->now.tables[t];
    if (!table->exists) {
        return;
    }
    struct kernel_view *view = NULL;
    OK(kernel_view_open(f->head, &view, &f->error));
    const struct table_definition *definition = fixture_table(w->transaction, NAMES[t]);
    struct kernel_history *history = NULL;
    OK(kernel_history_open(view, definition, NULL, &history, &f->error));
    uint64_t versions_positions = 0;
    uint64_t model_positions = 0;
    uint64_t deletions = 0;
    uint64_t model_deletions = 0;
    struct kernel_version version;
    enum kmb_status status;
    while ((status = kernel_history_next(history, &version, &f->error)) == KMB_ROW) {
        uint64_t to = version.position_to == KERNEL_POSITION_LATEST ? w->position + 1 : version.position_to;
        struct value values[4];
        struct kernel_entry entry;
        OK(kernel_entry_of_position(f->head, version.position_from, &entry, &f->error));
        assert_int_equal(entry.sequence, version.entry);
        assert_int_equal(entry.time_us, version.time_from_us);
        if (version.operation == KERNEL_DELETE) {
            assert_int_equal(version.position_from, version.position_to);
            deletions++;
            continue;
        }
        assert_true(version.position_from < to);
        OK(catalogue_row_read(view->catalogue, definition, version.image, values, &f->error));
        uint64_t row_id = 0;
        int64_t id = values[0].as.integer;
        if (table->keyless) {
            assert_true(key_read_row_id(version.key, &row_id));
            id = (int64_t)row_id;
        }
        for (uint64_t n = version.position_from; n < to; n++) {
            struct model_row *row = find(&w->at[n].tables[t], id);
            assert_non_null(row);
            assert_int_equal(row->a, values[1].is_null ? INT64_MIN : values[1].as.integer);
            versions_positions++;
        }
        bool before = find(&w->at[version.position_from - 1].tables[t], id) != NULL &&
                      w->at[version.position_from - 1].tables[t].id == table->id;
        assert_int_equal(version.operation, before ? KERNEL_UPDATE : KERNEL_INSERT);
    }
    assert_int_equal(status, KMB_DONE);
    for (uint64_t n = 0; n <= w->position; n++) {
        struct model_table *then = &w->at[n].tables[t];
        model_positions += then->id == table->id ? then->count : 0;
        for (uint32_t i = 0; n < w->position && then->id == table->id && i < then->count; i++) {
            model_deletions += find(&w->at[n + 1].tables[t], then->rows[i].id) == NULL ? 1 : 0;
        }
    }
    assert_int_equal(deletions, model_deletions);
    assert_int_equal(versions_positions, model_positions);
    kernel_history_close(history);
    kernel_view_close(view);
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

static void step(struct world *w) {
    unsigned t = (unsigned)below(w, MODEL_TABLES);
    uint64_t what = below(w, 200);
    if (!w->now.tables[t].exists) {
        step_table(w, t);
    } else if (what < 90) {
        step_insert(w, t);
    } else if (what < 150) {
        step_update(w, t);
    } else if (what < 185) {
        step_delete(w, t);
    } else if (what < 190) {
        step_index(w, t, false);
    } else if (what < 194) {
        step_index(w, t, true);
    } else if (what < 197) {
        step_column(w, t);
    } else {
        step_table(w, t);
    }
}

/* Steps that are rolled back: the model is put back, the positions above are forgotten. */
static void undone(struct world *w) {
    struct fixture *f = w->f;
    struct model *saved = malloc(sizeof(*saved));
    struct model *saved_at = malloc(sizeof(*saved_at));
    assert_non_null(saved);
    assert_non_null(saved_at);
    *saved = w->now;
    *saved_at = w->at[w->position];
    uint64_t position = w->position;
    struct kernel_mark *mark = NULL;
    OK(kernel_transaction_mark(w->transaction, &mark, &f->error));
    for (uint64_t i = below(w, 6); i > 0; i--) {
        step(w);
    }
    OK(kernel_transaction_rollback_to(w->transaction, mark, &f->error));
    kernel_mark_free(mark);
    w->now = *saved;
    w->position = position;
    w->at[position] = *saved_at;
    free(saved);
    free(saved_at);
}

static void run(uint64_t seed, unsigned steps) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    struct fixture *f = w->f = fixture_new();
    w->at = calloc(MODEL_POSITIONS, sizeof(*w->at));
    assert_non_null(w->at);
    prng_seed(&w->prng, seed);
    w->transaction = fixture_begin(f);
    w->transactions = 1;
    for (unsigned i = 0; i < steps && w->position + 10 < MODEL_POSITIONS; i++) {
        uint64_t what = below(w, 40);
        if (what == 0) {
            undone(w);
        } else if (what == 1) {
            struct kernel_view *view = NULL;
            OK(kernel_transaction_view(w->transaction, &view, &f->error));
            check_present(w, view);
            kernel_view_close(view);
        } else if (what < 8) {
            fixture_commit(f, w->transaction);
            assert_int_equal(f->head->position, w->position);
            w->transaction = fixture_begin(f);
            w->transactions++;
            check_position(w, below(w, w->position + 1));
            check_position(w, w->position);
        } else {
            step(w);
        }
    }
    fixture_commit(f, w->transaction);
    for (uint64_t n = 0; n <= w->position; n += 1 + below(w, 5)) {
        check_position(w, n);
    }
    w->transaction = fixture_begin(f);
    struct kernel_view *view = NULL;
    OK(kernel_view_open(f->head, &view, &f->error));
    check_present(w, view);
    kernel_view_close(view);
    for (unsigned t = 0; t < MODEL_TABLES; t++) {
        check_history(w, t);
    }
    kernel_transaction_discard(w->transaction);
    fixture_check_rebuild(f, 1 + seed % 9);
    fixture_free(f);
    free(w->at);
    free(w);
}

static void random_runs(void **state) {
    (void)state;
    const char *text = getenv("KERNEL_STEPS");
    unsigned steps = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 700;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        run(seed, steps);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
