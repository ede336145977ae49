/*
 * Subplans that a statement has several times.
 *
 * A view read twice, a subquery written again in HAVING: the same operators over the same rows. Where that is seen, the
 * plan is made a WITH query of its own, kept once and read by all (exec/cte.c). It is looked for when conditions have
 * been pushed and joins put in order, so that what a condition has made different is no longer the same, and before
 * columns are pruned, so that readers may want different ones: what is kept are those that any of them reads.
 *
 * Not taken: what is volatile, or locks, or takes values of a row around it (it has another result each time); a scan
 * alone, which is as cheap as what is kept; and what a hash join above would have most rows dropped from where they are
 * read (exec/join_filter.c), which it can not below a kept result. The largest equals are found first; what is in them
 * may be shared with others again.
 */
#include "base/assert.h"
#include "base/map.h"
#include "sql/plan/explain_tree.h"
#include "sql/plan/optimise.h"

#define COMMON_NODES_MAX 2048 /* larger statements are left: each is compared with the others of its hash */
#define COST_KEPT_ROW    0.02 /* to keep a row, or read it again; as EXPLAIN counts */
#define REDUCED          4    /* a join that leaves less than one in so many drops the others below */

/* A node; in the order of the walk, so that what is below it follows it. */
struct entry {
    struct plan_node **place;
    uint64_t hash;
    uint32_t extent; /* entries of it and below */
    bool candidate;
};

struct common {
    struct optimiser *optimiser;
    struct entry *entries;
    uint32_t count;
    uint32_t capacity;
    uint32_t shared;
    bool many;
    struct plan_cte *ctes; /* met, and not walked yet: they are below none of their readers alone */
};

/* --- what may be shared --- */

static bool visit_own(const struct expr *expr, void *context) {
    (void)context;
    return expr->kind != EXPR_OUTER && expr->kind != EXPR_SUBQUERY;
}

static void note_unsafe(void *context, const struct expr **place) {
    bool *unsafe = context;
    *unsafe = *unsafe || optimise_is_volatile(*place) || !expr_walk(*place, visit_own, NULL);
}

static bool is_safe(struct plan_node *node) {
    bool unsafe = node->kind == PLAN_LOCK || node->kind == PLAN_COPY || plan_writes(node) || node->current_of != NULL ||
                  node->sample_percent != NULL || node->join_strategy == PLAN_JOIN_LATERAL ||
                  (node->kind == PLAN_CTE && (node->cte_work || node->cte->depth > 0 || node->cte->rounds > 0));
    for (uint32_t i = 0; node->kind == PLAN_SCAN && i < node->column_count; i++) {
        unsafe = unsafe || node->scan_columns[i] == PLAN_SCAN_KEY;
    }
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        unsafe = unsafe || node->aggregates[i].function->volatility == SQL_VOLATILE;
    }
    if (!unsafe) {
        plan_expressions(node, note_unsafe, &unsafe);
    }
    return !unsafe;
}

/* Does more than read. */
static bool is_work(const struct plan_node *node) {
    return node->kind == PLAN_JOIN || node->kind == PLAN_AGGREGATE || node->kind == PLAN_DISTINCT ||
           node->kind == PLAN_WINDOW || node->kind == PLAN_SET;
}

/* Whether a hash join drops rows of its left side where they are read. */
static bool is_reduced(const struct plan_node *node, bool above) {
    switch (node->kind) {
    case PLAN_JOIN:
        return above || (node->join_strategy == PLAN_JOIN_HASH &&
                         (node->join_type == PLAN_JOIN_INNER || node->join_type == PLAN_JOIN_SEMI) &&
                         node->rows_estimate * REDUCED < node->left->rows_estimate);
    case PLAN_FILTER:
    case PLAN_PROJECT:
    case PLAN_AGGREGATE:
        return above;
    default:
        return false;
    }
}

/* --- the nodes of a statement --- */

struct below {
    bool safe;
    bool work;
};

static uint64_t mixed(uint64_t hash, uint64_t number) {
    return (hash ^ number) * UINT64_C(0x100000001B3) ^ (hash >> 29);
}

static uint64_t hash_of(const struct plan_node *node) {
    uint64_t hash = mixed(UINT64_C(0xCBF29CE484222325), (uint64_t)node->kind);
    hash = mixed(hash, node->table == NULL ? 0 : node->table->id.value);
    hash = mixed(hash, (uint64_t)node->index.value << 32 | node->column_count);
    hash = mixed(hash, (uint64_t)node->key_count << 32 | node->expression_count);
    return mixed(hash, (uint64_t)node->join_strategy << 32 | node->aggregate_count);
}

static struct below collect(struct common *common, struct plan_node **place, bool reduced);

static void collect_subquery(void *context, struct plan_subquery *subquery) {
    if (!subquery->collected) {
        subquery->collected = true;
        (void)collect(context, &subquery->root, false);
    }
}

static void note_cte(struct common *common, struct plan_cte *cte) {
    if (!cte->collected) {
        cte->collected = true;
        cte->next_common = common->ctes;
        common->ctes = cte;
    }
}

/* What the walk has met, and what is met in it. */
static void collect_ctes(struct common *common) {
    while (common->ctes != NULL) {
        struct plan_cte *cte = common->ctes;
        common->ctes = cte->next_common;
        (void)collect(common, &cte->root, false);
        if (cte->recursive != NULL) {
            (void)collect(common, &cte->recursive, false);
        }
    }
}

static uint32_t entry_new(struct common *common) {
    if (common->count == common->capacity) {
        uint32_t capacity = common->capacity == 0 ? 16 : common->capacity * 2;
        struct entry *grown = sql_alloc(common->optimiser->context, capacity * sizeof(*grown));
        if (common->count > 0) {
            memcpy(grown, common->entries, common->count * sizeof(*grown));
        }
        common->entries = grown;
        common->capacity = capacity;
    }
    return common->count++;
}

static struct below collect(struct common *common, struct plan_node **place, bool reduced) {
    struct plan_node *node = *place;
    if (common->count == COMMON_NODES_MAX) {
        common->many = true;
        return (struct below){.safe = false};
    }
    uint32_t own = entry_new(common);
    struct entry entry = {.place = place, .hash = hash_of(node)};
    struct below below = {.safe = is_safe(node), .work = is_work(node)};
    plan_subqueries(node, collect_subquery, common);
    if (node->kind == PLAN_CTE) {
        note_cte(common, node->cte);
    }
    struct plan_node **children[] = {&node->left, &node->right};
    for (uint32_t i = 0; i < ARRAY_LENGTH(children); i++) {
        uint32_t at = common->count;
        if (*children[i] == NULL) {
            continue;
        }
        struct below child = collect(common, children[i], i == 0 && is_reduced(node, reduced));
        below.safe = below.safe && child.safe;
        below.work = below.work || child.work;
        entry.hash = mixed(entry.hash, common->many ? 0 : common->entries[at].hash);
    }
    entry.extent = common->count - own;
    entry.candidate = below.safe && below.work && !reduced;
    common->entries[own] = entry;
    return below;
}

/* --- equality --- */

struct expressions {
    struct optimiser *optimiser;
    struct conditions list;
};

static void note_expression(void *context, const struct expr **place) {
    struct expressions *expressions = context;
    conditions_add(expressions->optimiser, &expressions->list, *place);
}

/* What a walk over the nodes' expressions would not tell apart: which of them there are. */
static bool same_places(const struct plan_node *a, const struct plan_node *b) {
    return (a->recheck == NULL) == (b->recheck == NULL) && (a->predicate == NULL) == (b->predicate == NULL) &&
           (a->once == NULL) == (b->once == NULL) && (a->limit == NULL) == (b->limit == NULL) &&
           (a->offset == NULL) == (b->offset == NULL) &&
           (a->frame.start_offset == NULL) == (b->frame.start_offset == NULL) &&
           (a->frame.end_offset == NULL) == (b->frame.end_offset == NULL) &&
           (a->right_keys == NULL) == (b->right_keys == NULL) && a->low.count == b->low.count &&
           a->high.count == b->high.count && a->expression_count == b->expression_count &&
           a->aggregate_count == b->aggregate_count && a->row_count == b->row_count &&
           a->sort_key_count == b->sort_key_count && a->key_count == b->key_count &&
           a->grouping_set_count == b->grouping_set_count;
}

static bool same_sort_keys(const struct plan_sort_key *a, const struct plan_sort_key *b, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (a[i].descending != b[i].descending || a[i].nulls_first != b[i].nulls_first) {
            return false;
        }
    }
    return true;
}

static bool same_aggregates(const struct plan_node *a, const struct plan_node *b) {
    for (uint32_t i = 0; i < a->aggregate_count; i++) {
        const struct plan_aggregate *x = &a->aggregates[i];
        const struct plan_aggregate *y = &b->aggregates[i];
        if (x->function != y->function || x->argument_count != y->argument_count || x->distinct != y->distinct ||
            x->order_count != y->order_count || x->direct_count != y->direct_count ||
            (x->filter == NULL) != (y->filter == NULL) || !same_sort_keys(x->order, y->order, x->order_count)) {
            return false;
        }
    }
    for (uint32_t s = 0; s < a->grouping_set_count; s++) {
        for (uint32_t i = 0; i < a->expression_count; i++) {
            if (bitset_get(a->grouping_sets[s], i) != bitset_get(b->grouping_sets[s], i)) {
                return false;
            }
        }
    }
    return true;
}

static bool same_source(const struct plan_node *a, const struct plan_node *b) {
    if (a->table != b->table || a->catalogue != b->catalogue || a->at_block != b->at_block ||
        a->relation != b->relation || !table_id_equal(a->relation_of, b->relation_of) || a->cte != b->cte ||
        !index_id_equal(a->index, b->index) || a->reverse != b->reverse || a->low.inclusive != b->low.inclusive ||
        a->high.inclusive != b->high.inclusive || a->since.kind != b->since.kind) {
        return false;
    }
    for (uint32_t i = 0; a->kind == PLAN_SCAN && i < a->column_count; i++) {
        if (a->scan_columns[i] != b->scan_columns[i]) {
            return false;
        }
    }
    return a->since.kind == PLAN_AT_NONE || expr_equal(a->since.value, b->since.value);
}

static bool same_node(struct optimiser *optimiser, struct plan_node *a, struct plan_node *b) {
    struct expressions in_a = {.optimiser = optimiser};
    struct expressions in_b = {.optimiser = optimiser};
    if (a->kind != b->kind || a->column_count != b->column_count || !same_places(a, b) || !same_source(a, b) ||
        !same_aggregates(a, b) || !same_sort_keys(a->sort_keys, b->sort_keys, a->sort_key_count) ||
        a->frame.mode != b->frame.mode || a->frame.start != b->frame.start || a->frame.end != b->frame.end ||
        a->frame.exclusion != b->frame.exclusion || a->limit_hint != b->limit_hint || a->join_type != b->join_type ||
        a->join_strategy != b->join_strategy || a->ordinality != b->ordinality || a->descending != b->descending ||
        a->set_operation != b->set_operation || a->set_all != b->set_all) {
        return false;
    }
    for (uint32_t i = 0; i < a->column_count; i++) {
        if (!type_equal(a->columns[i].type, b->columns[i].type)) {
            return false;
        }
    }
    plan_expressions(a, note_expression, &in_a);
    plan_expressions(b, note_expression, &in_b);
    bool same = in_a.list.count == in_b.list.count;
    for (uint32_t i = 0; same && i < in_a.list.count; i++) {
        same = expr_equal(in_a.list.list[i], in_b.list.list[i]);
    }
    return same;
}

static bool same_plan(struct optimiser *optimiser, struct plan_node *a, struct plan_node *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return same_node(optimiser, a, b) && same_plan(optimiser, a->left, b->left) &&
           same_plan(optimiser, a->right, b->right);
}

/* --- sharing --- */

static struct plan_node *reader_new(struct optimiser *optimiser, struct plan_cte *cte, const struct plan_node *like) {
    struct plan_node *reader = sql_alloc_zero(optimiser->context, 1, sizeof(*reader));
    uint32_t *columns = sql_alloc(optimiser->context, (like->column_count + 1) * sizeof(*columns));
    for (uint32_t i = 0; i < like->column_count; i++) {
        columns[i] = i;
    }
    reader->kind = PLAN_CTE;
    reader->cte = cte;
    reader->columns = like->columns;
    reader->column_count = like->column_count;
    reader->scan_columns = columns;
    reader->rows_estimate = like->rows_estimate;
    return reader;
}

static void share(struct common *common, const uint32_t *members, uint32_t count) {
    struct optimiser *optimiser = common->optimiser;
    struct plan_cte *cte = sql_alloc_zero(optimiser->context, 1, sizeof(*cte));
    cte->name = sql_printf(optimiser->context, "common_%u", ++common->shared);
    cte->root = *common->entries[members[0]].place;
    cte->references = count;
    cte->optimised = true;
    cte->collected = true;
    cte->needed = sql_alloc_zero(optimiser->context, cte->root->column_count / 64 + 1, sizeof(*cte->needed));
    cte->readers = sql_alloc(optimiser->context, count * sizeof(struct plan_node *));
    for (uint32_t i = 0; i < count; i++) {
        struct entry *member = &common->entries[members[i]];
        cte->readers[i] = reader_new(optimiser, cte, *member->place);
        *member->place = cte->readers[i];
        for (uint32_t k = 0; k < (i == 0 ? 1 : member->extent); k++) { /* the first one's inside is what is kept */
            member[k].candidate = false;
        }
    }
    *optimiser->common_end = cte;
    optimiser->common_end = &cte->next_common;
}

/* Shares the node of an entry with all that are like it, if it is worth it. */
static void try_entry(struct common *common, uint32_t first) {
    struct entry *entry = &common->entries[first];
    uint32_t members[COMMON_NODES_MAX];
    uint32_t count = 1;
    members[0] = first;
    for (uint32_t i = first + 1; i < common->count; i++) {
        const struct entry *other = &common->entries[i];
        if (other->candidate && other->hash == entry->hash && other->extent == entry->extent &&
            same_plan(common->optimiser, *entry->place, *other->place)) {
            members[count++] = i;
        }
    }
    struct explain_cost cost = explain_cost_of(*entry->place);
    if (count > 1 && (count - 1) * cost.total > count * cost.rows * COST_KEPT_ROW) {
        share(common, members, count);
    }
}

void optimise_common(struct optimiser *optimiser, struct plan_node **root, struct plan_cte *const *writes,
                     uint32_t write_count) {
    struct common common = {.optimiser = optimiser};
    uint32_t largest = 0;
    if (!sql_way_open(optimiser->context->settings, SQL_WAY_COMMON_SUBPLANS)) {
        return;
    }
    (void)collect(&common, root, false);
    for (uint32_t i = 0; i < write_count; i++) {
        note_cte(&common, writes[i]);
    }
    collect_ctes(&common);
    if (common.many) {
        return;
    }
    for (uint32_t i = 0; i < common.count; i++) {
        bool open = common.entries[i].candidate && common.entries[i].extent > largest;
        largest = open ? common.entries[i].extent : largest;
    }
    for (uint32_t extent = largest; extent > 1; extent--) {
        for (uint32_t i = 0; i < common.count; i++) {
            if (common.entries[i].candidate && common.entries[i].extent == extent) {
                try_entry(&common, i);
            }
        }
    }
}
