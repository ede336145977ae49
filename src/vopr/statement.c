/*
 * Statements of the workload, each drawn together with what it must do: the operations it comes to, the rows it must
 * report, or the refusal that must come. Few keys and few values, so that statements meet each other's rows.
 */
#include <string.h>

#include "base/assert.h"
#include "vopr/run.h"

#define VALUES     12 /* different values of column a, so that its index has keys of many rows */
#define TEXT_SHORT 24
#define TEXT_LONG  12000 /* beyond a page of the store: overflow pages */

static const char *const table_names[MODEL_TABLES] = {"t0", "t1", "t2"};

static bool value_taken(const struct model_table *table, int32_t a, int32_t except) {
    for (int32_t i = 0; table->unique && i < MODEL_KEYS; i++) {
        if (table->present[i] && i != except && !table->rows[i].a_null && table->rows[i].a == a) {
            return true;
        }
    }
    return false;
}

static int32_t draw_value(struct prng *prng, const struct model_table *table, int32_t except) {
    int32_t a = (int32_t)prng_below(prng, table->unique ? 100000 : VALUES);
    while (value_taken(table, a, except)) {
        a = (int32_t)prng_below(prng, 100000);
    }
    return a;
}

/* The parts of a row that are not its key. */
static void draw_fields(struct prng *prng, const struct model_table *table, int32_t except, struct model_row *row) {
    row->a_null = prng_chance(prng, 1, 10);
    row->a = row->a_null ? 0 : draw_value(prng, table, except);
    row->text_seed = (uint32_t)prng_u64(prng);
    row->text_length = (uint32_t)prng_below(prng, prng_chance(prng, 1, 60) ? TEXT_LONG : TEXT_SHORT);
    row->c = (int32_t)prng_below(prng, 1000);
}

bool statement_draw_row(struct prng *prng, const struct model_table *table, struct model_row *row) {
    int32_t start = (int32_t)prng_below(prng, MODEL_KEYS);
    for (int32_t i = 0; i < MODEL_KEYS; i++) {
        int32_t key = (start + i) % MODEL_KEYS;
        if (!table->present[key]) {
            *row = (struct model_row){.key = key};
            draw_fields(prng, table, key, row);
            return true;
        }
    }
    return false;
}

static bool draw_present(struct prng *prng, const struct model_table *table, int32_t *key) {
    int32_t start = (int32_t)prng_below(prng, MODEL_KEYS);
    for (int32_t i = 0; i < MODEL_KEYS; i++) {
        *key = (start + i) % MODEL_KEYS;
        if (table->present[*key]) {
            return true;
        }
    }
    return false;
}

static void print_value(struct buffer *out, const struct model_row *row) {
    if (row->a_null) {
        buffer_append_text(out, "NULL");
    } else {
        buffer_printf(out, "%d", row->a);
    }
}

static void print_text(struct buffer *out, const struct model_row *row) {
    struct buffer text = {0};
    buffer_printf(out, "'%s'", model_text(&text, row->text_seed, row->text_length));
    buffer_free(&text);
}

static void print_tuple(struct buffer *out, const struct model_table *table, const struct model_row *row) {
    buffer_printf(out, "(%d, ", row->key);
    print_value(out, row);
    buffer_append_text(out, ", ");
    print_text(out, row);
    if (table->wide) {
        buffer_printf(out, ", %d", row->c);
    }
    buffer_append_byte(out, ')');
}

/* Adds an operation and applies it to the working state. */
static void add(struct statement *statement, struct model_state *state, enum model_kind kind, unsigned object,
                const struct model_row *row) {
    ASSERT(statement->count < RUN_OPERATIONS_MAX);
    struct model_operation *operation = &statement->operations[statement->count++];
    *operation = (struct model_operation){.kind = kind, .object = object};
    if (row != NULL) {
        operation->row = *row;
    }
    statement->rows += model_events(kind);
    model_apply(state, operation);
}

static void draw_insert(struct prng *prng, struct model_state *state, unsigned table, struct statement *statement) {
    struct model_table *at = &state->tables[table];
    struct model_row row;
    uint64_t rows = 1 + prng_below(prng, prng_chance(prng, 1, 3) ? 8 : 2);
    buffer_printf(&statement->text, "INSERT INTO %s VALUES ", table_names[table]);
    for (uint64_t i = 0; i < rows && statement_draw_row(prng, at, &row); i++) {
        buffer_append_text(&statement->text, i == 0 ? "" : ", ");
        print_tuple(&statement->text, at, &row);
        add(statement, state, MODEL_INSERT, table, &row);
    }
}

/* A key, or a unique value, that is there already; behind a row that is fine, so that half of it would show. */
static void draw_duplicate(struct prng *prng, struct model_state *state, unsigned table, struct statement *statement) {
    const struct model_table *at = &state->tables[table];
    struct model_row fine = {0};
    struct model_row clash = {0};
    int32_t key = 0;
    bool room = statement_draw_row(prng, at, &fine);
    bool there = draw_present(prng, at, &key);
    ASSERT(there);
    clash = at->rows[key];
    buffer_printf(&statement->text, "INSERT INTO %s VALUES ", table_names[table]);
    if (room) {
        print_tuple(&statement->text, at, &fine);
        buffer_append_text(&statement->text, ", ");
    }
    print_tuple(&statement->text, at, &clash);
    statement->expected = KMB_UNIQUE_VIOLATION;
}

static void draw_upsert(struct prng *prng, struct model_state *state, unsigned table, struct statement *statement) {
    const struct model_table *at = &state->tables[table];
    struct model_row row = {.key = (int32_t)prng_below(prng, MODEL_KEYS)};
    draw_fields(prng, at, row.key, &row);
    buffer_printf(&statement->text, "INSERT INTO %s VALUES ", table_names[table]);
    print_tuple(&statement->text, at, &row);
    buffer_append_text(&statement->text, " ON CONFLICT (k) DO UPDATE SET a = excluded.a, b = excluded.b");
    bool present = at->present[row.key];
    if (present) {
        row.c = at->rows[row.key].c;
    }
    add(statement, state, present ? MODEL_UPDATE : MODEL_INSERT, table, &row);
}

static void draw_update(struct prng *prng, struct model_state *state, unsigned table, struct statement *statement) {
    const struct model_table *at = &state->tables[table];
    int32_t key = 0;
    bool there = draw_present(prng, at, &key);
    ASSERT(there);
    struct model_row row = at->rows[key];
    draw_fields(prng, at, key, &row);
    row.c = at->rows[key].c;
    buffer_printf(&statement->text, "UPDATE %s SET b = ", table_names[table]);
    print_text(&statement->text, &row);
    buffer_append_text(&statement->text, ", a = ");
    print_value(&statement->text, &row);
    buffer_printf(&statement->text, " WHERE k = %d", key);
    add(statement, state, MODEL_UPDATE, table, &row);
}

/* All rows of one value move to another: the statement that an index is most involved in. */
static void draw_update_many(struct prng *prng, struct model_state *state, unsigned table,
                             struct statement *statement) {
    const struct model_table *at = &state->tables[table];
    int32_t from = (int32_t)prng_below(prng, VALUES);
    int32_t to = at->unique ? draw_value(prng, at, -1) : (int32_t)prng_below(prng, VALUES);
    buffer_printf(&statement->text, "UPDATE %s SET a = %d WHERE a = %d", table_names[table], to, from);
    for (int32_t i = 0; i < MODEL_KEYS; i++) {
        if (at->present[i] && !at->rows[i].a_null && at->rows[i].a == from) {
            struct model_row row = at->rows[i];
            row.a = to;
            add(statement, state, MODEL_UPDATE, table, &row);
        }
    }
    statement->in_order = statement->count <= 1;
}

static void draw_delete(struct prng *prng, struct model_state *state, unsigned table, struct statement *statement) {
    const struct model_table *at = &state->tables[table];
    int32_t key = 0;
    bool there = draw_present(prng, at, &key);
    ASSERT(there);
    int32_t last = prng_chance(prng, 1, 3) ? key + (int32_t)prng_below(prng, 6) : key;
    buffer_printf(&statement->text, "DELETE FROM %s WHERE k >= %d AND k <= %d", table_names[table], key, last);
    for (int32_t i = key; i <= last && i < MODEL_KEYS; i++) {
        if (at->present[i]) {
            struct model_row row = at->rows[i];
            add(statement, state, MODEL_DELETE, table, &row);
        }
    }
    statement->in_order = statement->count <= 1;
}

static void begin(struct statement *statement) {
    buffer_clear(&statement->text);
    statement->count = 0;
    statement->rows = 0;
    statement->in_order = true;
    statement->expected = KMB_OK;
}

void statement_draw_rows(struct prng *prng, struct model_state *state, unsigned table, struct statement *statement) {
    const struct model_table *at = &state->tables[table];
    unsigned present = 0;
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        present += at->present[i] ? 1 : 0;
    }
    uint64_t dice = prng_below(prng, 100);
    begin(statement);
    if (present == 0 || (dice < 35 && present < MODEL_KEYS - 8)) {
        draw_insert(prng, state, table, statement);
    } else if (dice < 45 || present > MODEL_KEYS - 4) {
        draw_delete(prng, state, table, statement);
    } else if (dice < 55) {
        draw_upsert(prng, state, table, statement);
    } else if (dice < 80) {
        draw_update(prng, state, table, statement);
    } else if (dice < 94) {
        draw_update_many(prng, state, table, statement);
    } else {
        draw_duplicate(prng, state, table, statement);
    }
}

/* The definitions that an existing table may get. */
static void draw_alteration(struct prng *prng, struct model_state *state, unsigned table, struct statement *statement) {
    const struct model_table *at = &state->tables[table];
    const char *name = table_names[table];
    uint64_t dice = prng_below(prng, 10);
    if (dice < 5) {
        struct model_row row = {.c = (int32_t)prng_below(prng, 1000)};
        if (at->wide) {
            buffer_printf(&statement->text, "ALTER TABLE %s DROP COLUMN c", name);
        } else {
            buffer_printf(&statement->text, "ALTER TABLE %s ADD COLUMN c INTEGER NOT NULL DEFAULT %d", name, row.c);
        }
        add(statement, state, at->wide ? MODEL_DROP_COLUMN : MODEL_ADD_COLUMN, table, &row);
    } else if (dice < 9) {
        if (at->indexed) {
            buffer_printf(&statement->text, "DROP INDEX %s_by_a", name);
        } else {
            buffer_printf(&statement->text, "CREATE INDEX %s_by_a ON %s (a)", name, name);
        }
        add(statement, state, at->indexed ? MODEL_DROP_INDEX : MODEL_CREATE_INDEX, table, NULL);
    } else {
        buffer_printf(&statement->text, "DROP TABLE %s", name);
        add(statement, state, MODEL_DROP_TABLE, table, NULL);
    }
}

void statement_draw_definition(struct prng *prng, struct model_state *state, struct statement *statement) {
    begin(statement);
    unsigned table = (unsigned)prng_below(prng, MODEL_TABLES);
    for (unsigned i = 0; i < MODEL_TABLES; i++) {
        if (!state->tables[i].exists) {
            table = i;
        }
    }
    if (state->tables[table].exists) {
        draw_alteration(prng, state, table, statement);
    } else {
        struct model_row row = {.a = table == 1 ? 1 : 0};
        buffer_printf(&statement->text, "CREATE TABLE %s (k INTEGER PRIMARY KEY, a INTEGER%s, b TEXT NOT NULL)",
                      table_names[table], table == 1 ? " UNIQUE" : "");
        add(statement, state, MODEL_CREATE_TABLE, table, &row);
    }
}

void statement_run(kmb_session *session, const char *text, struct buffer *out, struct answer *answer) {
    kmb_statement *statement = NULL;
    memset(answer, 0, sizeof(*answer));
    answer->status = kmb_prepare(session, text, strlen(text), &statement, NULL, &answer->error);
    while (answer->status == KMB_OK || answer->status == KMB_ROW) {
        answer->status = kmb_step(statement, &answer->error);
        if (answer->status != KMB_ROW || out == NULL) {
            continue;
        }
        for (uint32_t i = 0; i < kmb_column_count(statement); i++) {
            size_t length = 0;
            const char *field = kmb_column_text(statement, i, &length);
            buffer_append(out, field == NULL ? "" : field, length);
            buffer_append_byte(out, '|');
        }
        buffer_append_byte(out, '\n');
    }
    if (answer->status == KMB_DONE) {
        answer->status = KMB_OK;
        answer->position = kmb_statement_position(statement);
        answer->rows = kmb_statement_rows(statement);
    }
    kmb_finalize(statement);
}
