/*
 * UNION ALL, INTERSECT and EXCEPT.
 *
 * UNION ALL passes the batches of its left side on, then those of its right. The others count the rows of the right
 * side in a hash table and let each row of the left through or not; without ALL a row passes once. NULLs are equal
 * here, as everywhere in set operations.
 *
 * More than work_mem: the table takes no new key. Rows of both sides whose keys are not in it are spread over
 * partitions by hash, which are matched in turn, each in the same way, when the left side is at its end.
 */
#include "base/assert.h"
#include "sql/exec/hash_table.h"
#include "sql/exec/operator.h"
#include "sql/exec/spill.h"

/* Rows of both sides with the same part of the hash, to be matched later. */
struct set_aside {
    struct set_aside *next;
    struct spill_run *left;
    struct spill_run *right; /* NULL: no rows */
    uint32_t level;
};

struct set {
    struct exec_operator base;
    bool left_done; /* UNION ALL */
    bool built;
    struct arena work; /* of the table and the counts */
    struct hash_table table;
    const struct type *types;
    const struct vector **columns;
    uint32_t *ids;
    uint8_t *fresh;
    uint64_t *counts; /* by key: rows of the right side still to be matched, or PASSED */
    uint32_t capacity;
    uint16_t *selection;
    uint16_t *unknown;
    /* what does not fit */
    bool full;
    uint32_t level;
    struct spill_parts left_parts;
    struct spill_parts right_parts;
    struct set_aside *asides;
    struct set_aside *aside; /* matched now; NULL: the children's rows */
    struct spill_reader *left_reader;
    struct spill_reader *right_reader;
};

static const struct batch *union_next(struct exec_operator *self) {
    struct set *set = (struct set *)self;
    if (!set->left_done) {
        const struct batch *batch = self->left->next(self->left);
        if (batch != NULL) {
            return batch;
        }
        set->left_done = true;
    }
    return self->right->next(self->right);
}

static void counts_reserve(struct set *set) {
    uint32_t keys = set->table.keys.row_count;
    if (keys <= set->capacity) {
        return;
    }
    uint32_t capacity = set->capacity == 0 ? 1024 : set->capacity;
    while (capacity < keys) {
        capacity *= 2;
    }
    uint64_t *grown = arena_alloc_zero(&set->work, capacity, sizeof(*grown));
    ASSERT(grown != NULL); /* on_fail raises */
    if (set->capacity > 0) {
        memcpy(grown, set->counts, set->capacity * sizeof(*grown));
    }
    set->counts = grown;
    set->capacity = capacity;
}

/* Numbers of the batch's keys; new ones are added if they may be. Answers the live rows. */
static uint32_t set_lookup(struct set *set, const struct batch *batch, bool add) {
    uint32_t live = batch_live(batch);
    for (uint32_t i = 0; i < batch->column_count; i++) {
        set->columns[i] = &batch->columns[i];
    }
    if (add && !set->full) {
        hash_table_insert(&set->table, set->columns, batch->selection, live, set->ids, set->fresh);
        counts_reserve(set);
    } else {
        hash_table_find(&set->table, set->columns, batch->selection, live, set->ids);
        memset(set->fresh, 0, live);
    }
    return live;
}

/* Puts the batch's rows aside whose keys are not in the table. */
static void put_aside(struct set *set, const struct batch *batch, uint32_t live, struct spill_parts *parts) {
    uint64_t hashes[VECTOR_ROWS];
    uint32_t unknown = 0;
    for (uint32_t i = 0; i < live; i++) {
        set->unknown[unknown] = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
        unknown += set->ids[i] == ROWSET_NONE;
    }
    if (unknown > 0) {
        hash_table_hash(&set->table, set->columns, set->unknown, unknown, hashes);
        spill_parts_add(parts, set->columns, set->unknown, unknown, hashes);
    }
}

static void check_room(struct set *set) {
    struct exec_operator *self = &set->base;
    uint32_t columns = self->node->column_count;
    if (set->full || columns == 0 || set->level >= SPILL_LEVELS_MAX ||
        !spill_wanted_of(self->exec, &set->work, &set->table, NULL)) {
        return;
    }
    set->full = true;
    spill_parts_init(&set->left_parts, self, set->types, columns, set->level, SPILL_PARTS);
    spill_parts_init(&set->right_parts, self, set->types, columns, set->level, SPILL_PARTS);
}

static const struct batch *right_next(struct set *set) {
    if (set->aside == NULL) {
        return set->base.right->next(set->base.right);
    }
    return set->aside->right == NULL ? NULL : spill_reader_next(set->right_reader);
}

static const struct batch *left_next(struct set *set) {
    return set->aside == NULL ? set->base.left->next(set->base.left) : spill_reader_next(set->left_reader);
}

static void set_build(struct set *set) {
    const struct batch *batch;
    while ((batch = right_next(set)) != NULL) {
        operator_begin(&set->base);
        uint32_t live = set_lookup(set, batch, true);
        for (uint32_t i = 0; i < live; i++) {
            if (set->ids[i] != ROWSET_NONE) {
                set->counts[set->ids[i]]++;
            }
        }
        if (set->full) {
            put_aside(set, batch, live, &set->right_parts);
        }
        check_room(set);
    }
    set->built = true;
}

/* The rows at hand are matched: on to what was put aside. False: nothing was. */
static bool aside_next(struct set *set) {
    struct exec *exec = set->base.exec;
    if (set->full) {
        spill_parts_end(&set->left_parts);
        spill_parts_end(&set->right_parts);
        for (uint32_t i = 0; i < SPILL_PARTS; i++) {
            if (set->left_parts.runs[i] != NULL) {
                struct set_aside *aside = sql_alloc(exec->context, sizeof(*aside));
                *aside = (struct set_aside){.next = set->asides,
                                            .left = set->left_parts.runs[i],
                                            .right = set->right_parts.runs[i],
                                            .level = set->level + 1};
                set->asides = aside;
            }
        }
    }
    set->aside = set->asides;
    if (set->aside == NULL) {
        return false;
    }
    set->asides = set->aside->next;
    set->level = set->aside->level;
    set->full = false;
    set->built = false;
    set->counts = NULL;
    set->capacity = 0;
    arena_free(&set->work);
    hash_table_reset(&set->table);
    if (set->left_reader == NULL) {
        uint32_t columns = set->base.node->column_count;
        set->left_reader = spill_reader_new(exec, set->types, columns, VECTOR_ROWS);
        set->right_reader = spill_reader_new(exec, set->types, columns, VECTOR_ROWS);
    }
    spill_reader_open(set->left_reader, set->aside->left);
    if (set->aside->right != NULL) {
        spill_reader_open(set->right_reader, set->aside->right);
    }
    return true;
}

#define PASSED UINT64_MAX /* in place of a count: this row went through before */

/* Whether a row of the left side passes; *count is what is known of its key. */
static bool set_passes(const struct plan_node *node, uint64_t *count, bool fresh) {
    bool in_right = *count != 0 && *count != PASSED;
    if (node->set_all) {
        *count -= in_right ? 1 : 0;
        return in_right == (node->set_operation == PLAN_SET_INTERSECT);
    }
    if (node->set_operation == PLAN_SET_INTERSECT) {
        *count = in_right ? PASSED : *count;
        return in_right;
    }
    return fresh; /* EXCEPT: neither in the right side nor met before */
}

/* Which rows of a left batch pass, in set->selection. */
static uint32_t match(struct set *set, const struct batch *batch) {
    const struct plan_node *node = set->base.node;
    bool except = node->set_operation != PLAN_SET_INTERSECT;
    uint32_t live = set_lookup(set, batch, except && !node->set_all); /* EXCEPT: a row met before does not pass again */
    uint32_t kept = 0;
    for (uint32_t i = 0; i < live; i++) {
        set->selection[kept] = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
        if (set->ids[i] == ROWSET_NONE) {
            kept += except && !set->full; /* there is none on the right; if full, not known yet */
        } else {
            kept += set_passes(node, &set->counts[set->ids[i]], set->fresh[i] != 0);
        }
    }
    if (set->full) {
        put_aside(set, batch, live, &set->left_parts);
    }
    check_room(set);
    return kept;
}

static const struct batch *match_next(struct exec_operator *self) {
    struct set *set = (struct set *)self;
    do {
        const struct batch *batch;
        if (!set->built) {
            set_build(set);
        }
        while ((batch = left_next(set)) != NULL) {
            operator_begin(self);
            uint32_t kept = match(set, batch);
            if (kept > 0) {
                self->batch = *batch;
                self->batch.selection = set->selection;
                self->batch.selection_count = kept;
                return &self->batch;
            }
        }
    } while (aside_next(set));
    return NULL;
}

struct exec_operator *set_make(struct exec *exec, const struct plan_node *node) {
    struct sql_context *context = exec->context;
    bool all = node->set_operation == PLAN_SET_UNION_ALL;
    struct set *set = operator_new(exec, node, sizeof(*set), all ? union_next : match_next);
    set->base.left = operator_make(exec, node->left);
    set->base.right = operator_make(exec, node->right);
    uint32_t left = set->base.left->rows_max;
    uint32_t right = set->base.right->rows_max;
    set->base.rows_max = all && right > left ? right : left;
    if (all) {
        return &set->base;
    }
    struct type *types = sql_alloc(context, sizeof(*types) * (node->column_count + 1));
    for (uint32_t i = 0; i < node->column_count; i++) {
        types[i] = node->columns[i].type;
    }
    operator_kept_init(&set->base, &set->work);
    hash_table_init(&set->table, context, &set->work, types, node->column_count);
    set->types = types;
    set->base.rows_max = VECTOR_ROWS; /* of batches read back */
    set->columns = sql_alloc(context, sizeof(*set->columns) * (node->column_count + 1));
    set->ids = sql_alloc(context, sizeof(*set->ids) * VECTOR_ROWS);
    set->fresh = sql_alloc(context, VECTOR_ROWS);
    set->selection = sql_alloc(context, sizeof(*set->selection) * VECTOR_ROWS);
    set->unknown = sql_alloc(context, sizeof(*set->unknown) * VECTOR_ROWS);
    return &set->base;
}
