/*
 * Filters that come of hash joins (join_filter.h).
 *
 * The way down from the join to the scan: through filters, sorts, projections of plain columns, groups made by the
 * column, and the sides of joins whose rows are lost without harm. Nothing volatile may lie between, for it would be
 * asked less often. A filter that lets most rows through costs more than it saves, and is not asked any more.
 */
#include "sql/exec/join_filter.h"

#include "base/assert.h"
#include "sql/exec/operator.h"
#include "sql/exec/scan.h"
#include "sql/plan/optimise.h"

#define KEYS_MAX     (1u << 20) /* a set of more is out of cache, and seldom rare */
#define BITS_A_KEY   16u        /* one in sixteen of the others passes */
#define BITS_MIN     1024u
#define ROWS_TO_KNOW 4096u /* asked before it is judged */

static void note_volatile(void *context, const struct expr **place) {
    bool *found = context;
    *found = *found || optimise_is_volatile(*place) || !expr_walk(*place, optimise_visit_no_subquery, NULL);
}

/* The operator below from which *column of the operator's row comes as it is; NULL: none. *column becomes that of its
 * row. */
static struct exec_operator *below(const struct exec_operator *op, uint32_t *column) {
    const struct plan_node *node = op->node;
    switch (node->kind) {
    case PLAN_FILTER:
        return op->left;
    case PLAN_SORT:
        return node->limit_hint == 0 ? op->left : NULL; /* else it keeps the first rows alone */
    case PLAN_PROJECT:
    case PLAN_AGGREGATE: {
        bool moves = *column < node->expression_count && node->expressions[*column]->kind == EXPR_COLUMN;
        if (!moves || (node->kind == PLAN_AGGREGATE && node->grouping_set_count > 0)) {
            return NULL;
        }
        *column = node->expressions[*column]->column;
        return op->left;
    }
    case PLAN_JOIN: {
        uint32_t split = node->left->column_count;
        bool left = *column < split;
        bool inner = node->join_type == PLAN_JOIN_INNER || node->join_type == PLAN_JOIN_CROSS;
        bool half = node->join_type == PLAN_JOIN_SEMI || node->join_type == PLAN_JOIN_ANTI;
        if (left) {
            return inner || half || node->join_type == PLAN_JOIN_LEFT ? op->left : NULL;
        }
        *column -= split;
        return inner ? op->right : NULL;
    }
    default:
        return NULL;
    }
}

struct join_filter *join_filter_place(struct exec_operator *op, const struct expr *const *columns, uint32_t count) {
    struct sql_context *context = op->exec->context;
    uint32_t *places = sql_alloc(context, sizeof(*places) * (count + 1));
    struct exec_operator *scan = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct exec_operator *at = op;
        if (columns[i]->kind != EXPR_COLUMN) {
            return NULL;
        }
        places[i] = columns[i]->column;
        while (at != NULL && at->node->kind != PLAN_SCAN) {
            bool found = false;
            plan_expressions((struct plan_node *)(uintptr_t)at->node, note_volatile, &found);
            at = found ? NULL : below(at, &places[i]);
        }
        if (at == NULL || (scan != NULL && at != scan)) {
            return NULL;
        }
        scan = at;
    }
    if (scan == NULL) {
        return NULL;
    }
    struct join_filter *filter = sql_alloc_zero(context, 1, sizeof(*filter));
    filter->key_count = count;
    filter->columns = places;
    filter->keys = sql_alloc(context, sizeof(*filter->keys) * count);
    scan_filter_add(scan, filter);
    return filter;
}

void join_filter_fill(struct join_filter *filter, const struct hash_table *table, struct arena *arena) {
    uint32_t count = table->keys.row_count;
    if (count > KEYS_MAX) {
        return;
    }
    uint64_t size = BITS_MIN;
    while (size < (uint64_t)count * BITS_A_KEY) {
        size *= 2;
    }
    filter->bits = arena_alloc_zero(arena, size / 64, sizeof(*filter->bits));
    ASSERT(filter->bits != NULL); /* on_fail raises */
    filter->mask = size - 1;
    uint64_t hashes[VECTOR_ROWS];
    for (uint32_t first = 0; first < count; first += VECTOR_ROWS) {
        uint32_t rows = count - first < VECTOR_ROWS ? count - first : VECTOR_ROWS;
        for (uint32_t i = 0; i < filter->key_count; i++) {
            filter->keys[i] = &table->keys.chunks[first / VECTOR_ROWS][i];
        }
        hash_table_hash(table, filter->keys, NULL, rows, hashes);
        for (uint32_t i = 0; i < rows; i++) {
            uint64_t bit = hashes[i] & filter->mask;
            filter->bits[bit / 64] |= UINT64_C(1) << (bit % 64);
        }
    }
}

bool join_filter_open(const struct join_filter *filter) {
    return filter->bits != NULL && (filter->asked < ROWS_TO_KNOW || filter->passed < filter->asked / 4 * 3);
}

uint32_t join_filter_select(struct join_filter *filter, const uint16_t *selection, uint32_t count, uint16_t *rows_out) {
    uint64_t hashes[VECTOR_ROWS];
    ASSERT(filter->bits != NULL && count <= VECTOR_ROWS);
    memset(hashes, 0, sizeof(*hashes) * count);
    for (uint32_t i = 0; i < filter->key_count; i++) {
        vector_hash(filter->keys[i], selection, count, hashes);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bit = hashes[i] & filter->mask;
        rows_out[kept] = selection == NULL ? (uint16_t)i : selection[i];
        kept += (uint32_t)(filter->bits[bit / 64] >> (bit % 64) & 1);
    }
    filter->asked += count;
    filter->passed += kept;
    return kept;
}
