/*
 * Hash joins and nested loops whose right side is more than work_mem holds.
 *
 * A nested loop takes its right side in slices that fit, the whole left side beside each; which left rows had a partner
 * is kept from slice to slice. The rest is of hash joins.
 *
 * Both sides are spread over parts by the hash of their keys (spill.h), and each part is joined as a join of its own:
 * equal keys have equal hashes, so a left row finds all its partners in the right rows of its part, and what has none
 * there has none at all. A part that is still too large is spread again by other bits of the hash.
 *
 * Each row carries its number in its side along. What a part gives is written out with the number of its left row, and
 * merged by it in the end: the order of the answer is that of the left side here too, since plans rely on it.
 */
#include "base/assert.h"
#include "base/map.h"
#include "sql/exec/join.h"
#include "sql/exec/spill.h"

struct join_part {
    struct join_part *next;
    const struct spill_run *left; /* NULL: no rows */
    const struct spill_run *right;
    uint32_t level;
};

/* The right side of a nested loop. */
struct slices {
    uint32_t rows_max; /* of one: what fitted */
    uint32_t count;
    struct join_part *first;
    struct join_part **end;
    uint64_t *matched; /* left rows, by number, that had a partner in the slices until now */
};

struct join_spill {
    struct type *left_types;
    struct type *right_types;
    const struct vector **left_columns;
    const struct vector **right_columns;
    struct spill_parts left_parts; /* being written */
    struct spill_parts right_parts;
    struct spill_reader *left;
    struct spill_reader *right;
    struct join_part *waiting;
    struct join_part *current; /* NULL: the sides themselves */
    bool done;                 /* no part is left */
    struct slices *slices;     /* NULL: a hash join */

    struct vector number; /* of the batch's rows in their side */
    int64_t left_number;
    int64_t right_number;
    struct type *types; /* of what the join gives, and the number */
    const struct vector **columns;
    struct vector place; /* by row given: where it belongs */
    struct rowset_key key;
    struct spill_run *given;
    struct spill_merge *merge;
};

#define BEHIND_LEFT (INT64_C(1) << 62) /* right rows without a partner come after all others */

bool join_spill_possible(const struct join *join) {
    const struct join_part *current = join->spill == NULL ? NULL : join->spill->current;
    return (current == NULL || current->level < SPILL_LEVELS_MAX) &&
           spill_wanted_of(join->base.exec, &join->work, &join->table, &join->rows);
}

/* The columns' types, and that of a number behind them. */
static struct type *numbered_types(struct sql_context *context, const struct plan_column *columns, uint32_t count) {
    struct type *types = sql_alloc(context, sizeof(*types) * (count + 1));
    for (uint32_t i = 0; i < count; i++) {
        types[i] = columns[i].type;
    }
    types[count] = type_make(TYPE_INT8);
    return types;
}

static struct join_spill *spill_new(struct join *join) {
    struct exec *exec = join->base.exec;
    struct sql_context *context = exec->context;
    const struct plan_node *node = join->base.node;
    struct join_spill *spill = sql_alloc_zero(context, 1, sizeof(*spill));
    spill->left_types = numbered_types(context, node->left->columns, join->left_count);
    spill->right_types = numbered_types(context, node->right->columns, join->right_count);
    spill->types = numbered_types(context, node->columns, node->column_count);
    spill->left_columns = sql_alloc(context, sizeof(struct vector *) * (join->left_count + 1));
    spill->right_columns = sql_alloc(context, sizeof(struct vector *) * (join->right_count + 1));
    spill->columns = sql_alloc(context, sizeof(struct vector *) * (node->column_count + 1));
    vector_init(context, &spill->number, type_make(TYPE_INT8));
    vector_init(context, &spill->place, type_make(TYPE_INT8));
    spill->left = spill_reader_new(exec, spill->left_types, join->left_count + 1, join->base.left->rows_max);
    spill->right = spill_reader_new(exec, spill->right_types, join->right_count + 1, VECTOR_ROWS);
    spill->key.column = node->column_count;
    spill->merge = spill_merge_new(&join->base, &spill->key, 1, spill->types, node->column_count + 1);
    if (node->join_strategy != PLAN_JOIN_HASH) {
        spill->slices = sql_alloc_zero(context, 1, sizeof(*spill->slices));
        spill->slices->rows_max = join->rows.row_count;
        spill->slices->end = &spill->slices->first;
    }
    for (uint32_t i = 0; i < join->key_count; i++) { /* kept rows come back in batches larger than they were */
        join->right_keys[i] = operator_evaluator(&join->base, node->right_keys[i], VECTOR_ROWS);
    }
    return spill;
}

static void forget_keys(struct join *join) {
    if (join->key_count > 0) {
        hash_table_reset(&join->table);
    }
}

/* Spreads a batch by the hashes of its keys, if there are any. next: the number of its first row, where the rows have
 * none yet. */
static void spread(struct join *join, struct evaluator **keys, const struct batch *batch, struct spill_parts *parts,
                   const struct vector **columns, int64_t *next) {
    uint64_t hashes[VECTOR_ROWS] = {0};
    uint32_t live = batch_live(batch);
    for (uint32_t i = 0; i < join->key_count; i++) {
        join->keys[i] = evaluator_run(keys[i], batch, batch->selection, live);
    }
    if (join->key_count > 0) {
        hash_table_hash(&join->table, join->keys, batch->selection, live, hashes);
    }
    for (uint32_t i = 0; i < batch->column_count; i++) {
        columns[i] = &batch->columns[i];
    }
    if (batch->column_count < parts->column_count) {
        for (uint32_t i = 0; i < live; i++) {
            join->spill->number.integer[batch->selection == NULL ? i : batch->selection[i]] = (*next)++;
        }
        columns[batch->column_count] = &join->spill->number;
    }
    spill_parts_add(parts, columns, batch->selection, live, hashes);
}

static void slice_end(struct join *join) {
    struct spill_parts *parts = &join->spill->right_parts;
    struct slices *slices = join->spill->slices;
    struct join_part *part = sql_alloc(join->base.exec->context, sizeof(*part));
    spill_parts_end(parts);
    *part = (struct join_part){.right = parts->runs[0], .level = SPILL_LEVELS_MAX};
    *slices->end = part;
    slices->end = &part->next;
    slices->count++;
    parts->runs[0] = NULL;
}

void join_spill_right(struct join *join, const struct batch *batch) {
    struct join_spill *spill = join->spill;
    spread(join, join->right_keys, batch, &spill->right_parts, spill->right_columns, &spill->right_number);
    if (spill->slices != NULL && spill_run_rows(spill->right_parts.runs[0]) >= spill->slices->rows_max) {
        slice_end(join);
    }
}

void join_spill_begin(struct join *join) {
    struct exec *exec = join->base.exec;
    if (join->spill == NULL) {
        join->spill = spill_new(join);
    }
    struct join_spill *spill = join->spill;
    uint32_t level = spill->current == NULL ? 0 : spill->current->level;
    uint32_t parts = spill->slices == NULL ? SPILL_PARTS : 1;
    spill_parts_init(&spill->right_parts, &join->base, spill->right_types, join->right_count + 1, level, parts);
    spill_parts_init(&spill->left_parts, &join->base, spill->left_types, join->left_count + 1, level, parts);
    for (uint32_t chunk = 0; chunk * VECTOR_ROWS < join->rows.row_count; chunk++) {
        struct batch batch = rowset_chunk(&join->rows, chunk);
        operator_begin(&join->base);
        join_spill_right(join, &batch);
    }
    arena_free(&join->work);
    rowset_init(&join->rows, exec->context, &join->work, spill->right_types, join->right_count + 1);
    forget_keys(join);
}

/* Each slice is joined with the whole left side. */
static void wait_slices(struct join *join) {
    struct join_spill *spill = join->spill;
    struct slices *slices = spill->slices;
    if (spill->right_parts.runs[0] != NULL) {
        slice_end(join);
    }
    for (struct join_part *part = slices->first; part != NULL; part = part->next) {
        part->left = spill->left_parts.runs[0];
    }
    slices->matched = sql_alloc_zero(join->base.exec->context, (size_t)spill->left_number / 64 + 1, sizeof(uint64_t));
    spill->waiting = slices->first;
}

void join_spill_left(struct join *join) {
    struct join_spill *spill = join->spill;
    const struct batch *batch;
    while ((batch = join_spill_left_next(join)) != NULL) {
        operator_begin(&join->base);
        spread(join, join->left_keys, batch, &spill->left_parts, spill->left_columns, &spill->left_number);
    }
    spill_parts_end(&spill->left_parts);
    if (spill->slices != NULL) {
        wait_slices(join);
        return;
    }
    spill_parts_end(&spill->right_parts);
    uint32_t level = spill->current == NULL ? 0 : spill->current->level;
    for (uint32_t i = 0; i < SPILL_PARTS; i++) {
        const struct spill_run *left = spill->left_parts.runs[i];
        const struct spill_run *right = spill->right_parts.runs[i];
        if (left != NULL || right != NULL) {
            struct join_part *part = sql_alloc(join->base.exec->context, sizeof(*part));
            *part = (struct join_part){.next = spill->waiting, .left = left, .right = right, .level = level + 1};
            spill->waiting = part;
        }
    }
}

bool join_spill_next(struct join *join) {
    struct join_spill *spill = join->spill;
    if (spill == NULL || spill->done) {
        return false;
    }
    arena_free(&join->work);
    rowset_reset(&join->rows);
    forget_keys(join);
    spill->current = spill->waiting;
    if (spill->current == NULL) {
        spill->done = true;
        return false;
    }
    spill->waiting = spill->current->next;
    if (spill->current->left != NULL) {
        spill_reader_open(spill->left, spill->current->left);
    }
    if (spill->current->right != NULL) {
        spill_reader_open(spill->right, spill->current->right);
    }
    return true;
}

const struct batch *join_spill_right_next(struct join *join) {
    struct join_spill *spill = join->spill;
    if (spill == NULL || (spill->current == NULL && !spill->done)) {
        return join->base.right->next(join->base.right);
    }
    return spill->done || spill->current->right == NULL ? NULL : spill_reader_next(spill->right);
}

const struct batch *join_spill_left_next(struct join *join) {
    struct join_spill *spill = join->spill;
    if (spill == NULL || (spill->current == NULL && !spill->done)) {
        return join->base.left->next(join->base.left);
    }
    return spill->done || spill->current->left == NULL ? NULL : spill_reader_next(spill->left);
}

bool join_spill_last(const struct join *join) {
    const struct join_spill *spill = join->spill;
    return spill == NULL || spill->slices == NULL || spill->current == NULL || spill->current->next == NULL;
}

void join_spill_matches(struct join *join, bool store) {
    if (join->spill == NULL || join->spill->slices == NULL) {
        return;
    }
    uint64_t *matched = join->spill->slices->matched;
    const struct vector *numbers = &join->left_batch->columns[join->left_count];
    for (uint32_t i = 0; i < join->left_batch->count; i++) {
        size_t number = (size_t)numbers->integer[i];
        if (!store) {
            join->left_matched[i] = bitset_get(matched, number);
        } else if (join->left_matched[i] != 0) {
            bitset_set(matched, number);
        }
    }
}

/* --- what parts give --- */

void join_spill_places(struct join *join) {
    struct join_spill *spill = join->spill;
    for (uint32_t i = 0; i < join->pair_count; i++) {
        if (join->left_batch != NULL) {
            spill->place.integer[i] = join->left_batch->columns[join->left_count].integer[join->pair_left[i]];
            continue;
        }
        uint32_t place = 0;
        const struct vector *numbers = rowset_at(&join->rows, join->right_count, join->pair_right[i], &place);
        spill->place.integer[i] = BEHIND_LEFT + numbers->integer[place];
    }
}

void join_spill_give(struct join *join, const struct batch *batch) {
    struct join_spill *spill = join->spill;
    const struct plan_node *node = join->base.node;
    if (spill->given == NULL) {
        spill->given = spill_run_new(&join->base, spill->types, node->column_count + 1);
    }
    for (uint32_t i = 0; i < node->column_count; i++) {
        spill->columns[i] = &batch->columns[i];
    }
    spill->columns[node->column_count] = &spill->place;
    spill_run_append(spill->given, spill->columns, batch->selection, batch_live(batch));
}

void join_spill_given(struct join *join) {
    struct join_spill *spill = join->spill;
    if (spill->given != NULL) {
        spill_run_end(spill->given);
        spill_merge_add_run(spill->merge, spill->given);
        spill->given = NULL;
    }
}

const struct batch *join_spill_merged(struct join *join) {
    const struct batch *batch = spill_merge_next(join->spill->merge);
    if (batch == NULL) {
        return NULL;
    }
    join->base.batch.columns = batch->columns; /* and the number behind them */
    join->base.batch.count = batch->count;
    join->base.batch.selection = NULL;
    return &join->base.batch;
}
