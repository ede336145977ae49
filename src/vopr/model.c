/*
 * The model: lists that grow, and a fold over them. It is deliberately slow and plain: the past is found by going
 * through it from the beginning, so that there is no second clever thing that could be wrong.
 */
#include "vopr/model.h"

#include <string.h>

#include "base/assert.h"
#include "base/memory.h"

void model_free(struct model *model) {
    for (unsigned i = 0; i < MODEL_TENANTS; i++) {
        mem_free(model->tenants[i].operations);
        mem_free(model->tenants[i].transactions);
    }
    memset(model, 0, sizeof(*model));
}

uint64_t model_events(enum model_kind kind) {
    switch (kind) {
    case MODEL_INSERT:
    case MODEL_UPDATE:
    case MODEL_DELETE:
    case MODEL_APPEND:
        return 1;
    default:
        return 0;
    }
}

static void apply_row(struct model_table *table, const struct model_operation *operation) {
    const struct model_row *row = &operation->row;
    ASSERT(table->exists && row->key >= 0 && row->key < MODEL_KEYS);
    ASSERT(table->present[row->key] == (operation->kind != MODEL_INSERT));
    table->present[row->key] = operation->kind != MODEL_DELETE;
    table->rows[row->key] = *row;
}

void model_apply(struct model_state *state, const struct model_operation *operation) {
    struct model_table *table = &state->tables[operation->object % MODEL_TABLES];
    switch (operation->kind) {
    case MODEL_INSERT:
    case MODEL_UPDATE:
    case MODEL_DELETE:
        apply_row(table, operation);
        break;
    case MODEL_APPEND:
        state->lengths[operation->object]++;
        break;
    case MODEL_CREATE_TABLE:
        *table = (struct model_table){.exists = true, .unique = operation->row.a == 1};
        break;
    case MODEL_DROP_TABLE:
        *table = (struct model_table){0};
        break;
    case MODEL_ADD_COLUMN:
        table->wide = true;
        for (unsigned i = 0; i < MODEL_KEYS; i++) {
            table->rows[i].c = operation->row.c;
        }
        break;
    case MODEL_DROP_COLUMN:
        table->wide = false;
        break;
    case MODEL_CREATE_INDEX:
        table->indexed = true;
        break;
    case MODEL_DROP_INDEX:
        table->indexed = false;
        break;
    case MODEL_CREATE_STREAM:
        state->streams[operation->object] = true;
        break;
    case MODEL_FACT:
        break;
    }
}

void model_state_at(const struct model_tenant *tenant, size_t transactions, size_t operations,
                    struct model_state *state) {
    memset(state, 0, sizeof(*state));
    size_t end = 0;
    if (transactions > 0) {
        const struct model_transaction *last = &tenant->transactions[transactions - 1];
        end = last->first + last->count;
    }
    for (size_t i = 0; i < end + operations; i++) {
        model_apply(state, &tenant->operations[i]);
    }
}

uint64_t model_position(const struct model_tenant *tenant) {
    return tenant->transaction_count == 0 ? 0 : tenant->transactions[tenant->transaction_count - 1].position;
}

uint64_t model_sequence(const struct model_tenant *tenant) {
    return tenant->transaction_count == 0 ? 0 : tenant->transactions[tenant->transaction_count - 1].sequence;
}

/* Room for `extra` more in an array; the simulator has no answer to a machine without memory. */
static void *grow(void *array, size_t count, size_t extra, size_t *capacity, size_t size) {
    if (count + extra > *capacity) {
        *capacity = (count + extra) * 2 + 64;
        array = mem_realloc(array, *capacity * size);
        ASSERT(array != NULL);
    }
    return array;
}

void model_commit(struct model_tenant *tenant, const struct model_operation *operations, size_t count, bool in_order,
                  int64_t time_us) {
    tenant->operations = grow(tenant->operations, tenant->operation_count, count, &tenant->operation_capacity,
                              sizeof(struct model_operation));
    tenant->transactions = grow(tenant->transactions, tenant->transaction_count, 1, &tenant->transaction_capacity,
                                sizeof(struct model_transaction));
    struct model_transaction transaction = {.first = tenant->operation_count,
                                            .count = count,
                                            .position = model_position(tenant),
                                            .sequence = model_sequence(tenant) + 1,
                                            .time_us = time_us,
                                            .in_order = in_order};
    for (size_t i = 0; i < count; i++) {
        tenant->operations[tenant->operation_count++] = operations[i];
        transaction.position += model_events(operations[i].kind);
        model_apply(&tenant->state, &operations[i]);
    }
    tenant->transactions[tenant->transaction_count++] = transaction;
}

void model_truncate(struct model_tenant *tenant, size_t count) {
    if (count >= tenant->transaction_count) {
        return;
    }
    tenant->transaction_count = count;
    tenant->operation_count =
        count == 0 ? 0 : tenant->transactions[count - 1].first + tenant->transactions[count - 1].count;
    tenant->exists = count > 0;
    model_state_at(tenant, count, 0, &tenant->state);
}

const char *model_text(struct buffer *buffer, uint32_t seed, uint32_t length) {
    buffer_clear(buffer);
    uint8_t *bytes = buffer_extend(buffer, length);
    uint64_t word = seed;
    for (uint32_t i = 0; i < length; i++) {
        word = word * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (uint8_t)('a' + (word >> 33) % 26);
    }
    return buffer_text(buffer);
}

void model_dump_row(const struct model_table *table, const struct model_row *row, struct buffer *out) {
    struct buffer text = {0};
    buffer_printf(out, "%d|", row->key);
    if (row->a_null) {
        buffer_append_text(out, "|");
    } else {
        buffer_printf(out, "%d|", row->a);
    }
    buffer_append_text(out, model_text(&text, row->text_seed, row->text_length));
    buffer_append_byte(out, '|');
    if (table->wide) {
        buffer_printf(out, "%d|", row->c);
    }
    buffer_append_byte(out, '\n');
    buffer_free(&text);
}

void model_dump_table(const struct model_table *table, struct buffer *out) {
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        if (table->present[i]) {
            model_dump_row(table, &table->rows[i], out);
        }
    }
}
