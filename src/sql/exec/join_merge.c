/*
 * Merge joins: both sides come in the order of the keys.
 *
 * Right rows are kept, a batch at a time, from the first whose key is not before that of the left row at work. Those
 * equal to it are its candidates, and again those of the next left rows with that key. What lies before them meets no
 * left row any more and is forgotten now and then: nothing grows but with the number of rows of one key, nothing is
 * hashed, and nothing spills. When the right side is at its end and no row of it is equal, an inner join is over
 * without reading the rest of the left.
 *
 * The order in which NULLs stand is known, but they are equal to nothing. RIGHT and FULL give the right rows that found
 * no partner when they are forgotten.
 */
#include "base/assert.h"
#include "sql/exec/join.h"

/* What is kept of right rows beyond their use: forgetting copies the others. */
#define FORGET_ROWS  8192
#define FORGET_BYTES ((uint64_t)256 << 10)

struct join_merge {
    uint32_t key_count;
    const uint32_t *left_columns;
    const uint32_t *right_columns;
    struct rowset_key *order;         /* column i: key i */
    const struct vector **left_keys;  /* of the left batch */
    const struct vector **right_keys; /* of a chunk */
    const struct vector **other_keys; /* of another */
    const struct vector **columns;    /* of a batch of the right side */
    bool integer;                     /* one key of the integer form */
    bool right_done;                  /* all of its rows have been read */
    uint32_t first;                   /* the first right row whose key is not before the left row's */
    uint32_t end;                     /* behind the last that is equal to it; not behind first: not looked for yet */
    struct arena bytes[2];            /* of join->rows, and of those that it was before */
    uint32_t at;                      /* which of them is in use */
    struct type *types;
    uint32_t matched_capacity;
};

void join_merge_make(struct join *join, const struct type *types) {
    struct exec *exec = join->base.exec;
    struct sql_context *context = exec->context;
    const struct plan_node *node = join->base.node;
    struct join_merge *merge = sql_alloc_zero(context, 1, sizeof(*merge));
    uint32_t count = node->key_count;
    uint32_t *left = sql_alloc(context, sizeof(*left) * count);
    uint32_t *right = sql_alloc(context, sizeof(*right) * count);
    merge->order = sql_alloc_zero(context, count, sizeof(*merge->order));
    merge->left_keys = sql_alloc(context, sizeof(*merge->left_keys) * count);
    merge->right_keys = sql_alloc(context, sizeof(*merge->right_keys) * count);
    merge->other_keys = sql_alloc(context, sizeof(*merge->other_keys) * count);
    merge->columns = sql_alloc(context, sizeof(*merge->columns) * (join->right_count + 1));
    merge->types = sql_alloc(context, sizeof(*merge->types) * (join->right_count + 1));
    memcpy(merge->types, types, sizeof(*types) * join->right_count);
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(node->left_keys[i]->kind == EXPR_COLUMN && node->right_keys[i]->kind == EXPR_COLUMN);
        left[i] = node->left_keys[i]->column;
        right[i] = node->right_keys[i]->column;
        merge->order[i] =
            (struct rowset_key){.column = i, .descending = node->descending, .nulls_first = node->descending};
    }
    merge->left_columns = left;
    merge->right_columns = right;
    merge->key_count = count;
    merge->integer = count == 1 && !node->descending && vector_form_of(types[right[0]].id) == VECTOR_INT &&
                     vector_form_of(node->left_keys[0]->type.id) == VECTOR_INT;
    operator_kept_init(&join->base, &merge->bytes[0]);
    operator_kept_init(&join->base, &merge->bytes[1]);
    rowset_init(&join->rows, context, &merge->bytes[0], merge->types, join->right_count);
    join->merge = merge;
    join->base.right = operator_make(exec, node->right);
}

/* --- the right side --- */

static void keys_of_row(const struct join *join, uint32_t row, const struct vector **keys) {
    const struct join_merge *merge = join->merge;
    struct vector *chunk = join->rows.chunks[row / VECTOR_ROWS];
    for (uint32_t i = 0; i < merge->key_count; i++) {
        keys[i] = &chunk[merge->right_columns[i]];
    }
}

/* Two right rows. */
static int compare_right(const struct join *join, uint32_t a, uint32_t b) {
    const struct join_merge *merge = join->merge;
    keys_of_row(join, a, merge->right_keys);
    keys_of_row(join, b, merge->other_keys);
    return vectors_compare(merge->order, merge->key_count, merge->right_keys, a % VECTOR_ROWS, merge->other_keys,
                           b % VECTOR_ROWS);
}

/* A row of the left batch and a right row. */
static int compare_sides(const struct join *join, uint32_t left, uint32_t right) {
    const struct join_merge *merge = join->merge;
    if (merge->integer) {
        const struct vector *x = merge->left_keys[0];
        uint32_t place = 0;
        const struct vector *y = rowset_at(&join->rows, merge->right_columns[0], right, &place);
        if (!vector_is_null(y, place)) {
            int64_t a = x->integer[vector_row(x, left)];
            return (a > y->integer[place]) - (a < y->integer[place]);
        }
    }
    keys_of_row(join, right, merge->right_keys);
    return vectors_compare(merge->order, merge->key_count, merge->left_keys, left, merge->right_keys,
                           right % VECTOR_ROWS);
}

static void matched_reserve(struct join *join, uint32_t count) {
    struct join_merge *merge = join->merge;
    if (count > merge->matched_capacity) {
        uint32_t capacity = count > merge->matched_capacity * 2 ? count : merge->matched_capacity * 2;
        uint8_t *matched = sql_alloc_zero(join->base.exec->context, capacity, 1);
        if (merge->matched_capacity > 0) {
            memcpy(matched, join->right_matched, merge->matched_capacity);
        }
        join->right_matched = matched;
        merge->matched_capacity = capacity;
    }
}

/* Keeps the next batch of the right side; false: there is none. */
static bool right_more(struct join *join) {
    struct join_merge *merge = join->merge;
    const struct batch *batch = merge->right_done ? NULL : join->base.right->next(join->base.right);
    if (batch == NULL) {
        merge->right_done = true;
        return false;
    }
    uint32_t before = join->rows.row_count;
    for (uint32_t i = 0; i < join->right_count; i++) {
        merge->columns[i] = &batch->columns[i];
    }
    rowset_append(&join->rows, merge->columns, batch->selection, batch_live(batch));
    ASSERT(before == 0 || compare_right(join, before - 1, before) <= 0); /* what the plan relies on */
    matched_reserve(join, join->rows.row_count);
    return true;
}

/* Whether the row is there, or comes. */
static bool right_has(struct join *join, uint32_t row) {
    return row < join->rows.row_count || right_more(join);
}

/* --- the left side --- */

void join_merge_batch(struct join *join) {
    struct join_merge *merge = join->merge;
    for (uint32_t i = 0; i < merge->key_count; i++) {
        merge->left_keys[i] = &join->left_batch->columns[merge->left_columns[i]];
    }
}

static bool left_has_null(const struct join_merge *merge, uint32_t row) {
    bool null = false;
    for (uint32_t i = 0; i < merge->key_count; i++) {
        null = null || vector_is_null(merge->left_keys[i], vector_row(merge->left_keys[i], row));
    }
    return null;
}

void join_merge_row(struct join *join, uint16_t row) {
    struct join_merge *merge = join->merge;
    join->candidate = 0;
    join->candidate_end = 0;
    if (left_has_null(merge, row)) {
        return;
    }
    int order = 1;
    while (right_has(join, merge->first)) {
        order = compare_sides(join, row, merge->first);
        if (order <= 0) {
            break;
        }
        merge->first = merge->end > merge->first ? merge->end : merge->first + 1;
        order = 1;
    }
    if (order != 0) {
        return;
    }
    if (merge->end <= merge->first) {
        merge->end = merge->first + 1;
        while (right_has(join, merge->end) && compare_sides(join, row, merge->end) == 0) {
            merge->end++;
        }
    }
    join->candidate = merge->first;
    join->candidate_end = merge->end;
}

bool join_merge_over(const struct join *join) {
    return join->merge->right_done && join->merge->first == join->rows.row_count;
}

/* --- forgetting --- */

/* Keeps the rows from merge->first on, in the other arena. */
static void forget(struct join *join) {
    struct join_merge *merge = join->merge;
    struct sql_context *context = join->base.exec->context;
    struct rowset kept;
    uint32_t from = merge->first;
    uint32_t all = join->rows.row_count;
    merge->at = 1 - merge->at;
    rowset_init(&kept, context, &merge->bytes[merge->at], merge->types, join->right_count);
    while (from < all) {
        struct batch chunk = rowset_chunk(&join->rows, from / VECTOR_ROWS);
        uint16_t selection[VECTOR_ROWS];
        uint32_t count = 0;
        for (uint32_t i = from % VECTOR_ROWS; i < chunk.count; i++) {
            selection[count++] = (uint16_t)i;
        }
        for (uint32_t i = 0; i < join->right_count; i++) {
            merge->columns[i] = &chunk.columns[i];
        }
        rowset_append(&kept, merge->columns, selection, count);
        from += count;
    }
    if (all > merge->first) {
        memmove(join->right_matched, join->right_matched + merge->first, all - merge->first);
    }
    memset(join->right_matched + (all - merge->first), 0, merge->first);
    join->rows = kept;
    arena_free(&merge->bytes[1 - merge->at]);
    join->rest_at -= join->rest_at < merge->first ? join->rest_at : merge->first;
    merge->end -= merge->end < merge->first ? merge->end : merge->first;
    merge->first = 0;
}

/* There is much to forget. */
static bool worth(const struct join_merge *merge) {
    return merge->first >= FORGET_ROWS || (merge->first > 0 && merge->bytes[merge->at].bytes_used >= FORGET_BYTES);
}

void join_merge_forget(struct join *join) {
    const struct join_merge *merge = join->merge;
    enum plan_join_type type = join->base.node->join_type;
    bool keeps = type == PLAN_JOIN_RIGHT || type == PLAN_JOIN_FULL;
    if (worth(merge) && merge->first >= join->rows.row_count / 2 && (!keeps || join->rest_at >= merge->first)) {
        forget(join);
    }
}

bool join_merge_rest(struct join *join, uint32_t *end) {
    struct join_merge *merge = join->merge;
    *end = merge->first;
    if (!join->left_done) {
        return *end >= join->rest_at + VECTOR_ROWS;
    }
    if (join->rest_at == join->rows.row_count && !merge->right_done) {
        merge->first = join->rows.row_count;
        merge->end = merge->first;
        if (worth(merge)) {
            forget(join);
        }
        (void)right_more(join);
    }
    *end = join->rows.row_count;
    return *end > join->rest_at;
}
