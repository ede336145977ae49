/*
 * What EXPLAIN says a plan will cost: in PostgreSQL's unit (a page read in order is 1, a row handled 0.01), from the
 * planner's numbers of rows. The planner itself counts in rows read in order (optimise.h); a row looked up by its key
 * is PLAN_COST_LOOKUP of them here, too, so what it compared can be read off the figures.
 *
 * A node that must see all of its input before it gives a row starts at the input's total.
 */
#include "sql/plan/explain_tree.h"
#include "sql/plan/optimise.h"

#define COST_ROW       0.01
#define COST_OPERATION 0.0025 /* a comparison, a hash, a call */

/* Bytes of a value, as PostgreSQL guesses them. */
static uint32_t type_width(struct type type) {
    switch (type.id) {
    case TYPE_BOOL:
        return 1;
    case TYPE_INT2:
    case TYPE_TINYINT:
        return 2;
    case TYPE_INT4:
    case TYPE_FLOAT4:
    case TYPE_DATE:
        return 4;
    case TYPE_INT8:
    case TYPE_FLOAT8:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return 8;
    case TYPE_INTERVAL:
    case TYPE_UUID:
        return 16;
    default:
        return 32;
    }
}

static double logarithm(double rows) {
    double steps = 1;
    for (; rows > 2; rows /= 2) {
        steps++;
    }
    return steps;
}

static void scan_cost(const struct plan_node *node, struct explain_cost *cost) {
    double read = node->read_estimate < cost->rows ? cost->rows : node->read_estimate;
    bool looked_up = node->index.value != 0;
    if (node->left != NULL) {
        cost->startup = explain_cost_of(node->left).total;
        cost->total = cost->startup + read * (PLAN_COST_FETCH * COST_ROW + COST_OPERATION);
        return;
    }
    cost->total = looked_up ? (1 + read) * PLAN_COST_LOOKUP * COST_ROW : read * COST_ROW;
    cost->total += node->predicate == NULL ? 0 : read * COST_OPERATION;
}

static void join_cost(const struct plan_node *node, struct explain_cost *cost) {
    struct explain_cost left = explain_cost_of(node->left);
    struct explain_cost right = explain_cost_of(node->right);
    switch (node->join_strategy) {
    case PLAN_JOIN_HASH:
        cost->startup = left.startup + right.total + right.rows * COST_OPERATION;
        cost->total = cost->startup + left.total - left.startup + left.rows * COST_OPERATION;
        break;
    case PLAN_JOIN_MERGE:
        cost->startup = left.startup + right.startup;
        cost->total = left.total + right.total + (left.rows + right.rows) * COST_OPERATION;
        break;
    case PLAN_JOIN_INDEX:
        cost->startup = left.startup;
        cost->total = left.total + left.rows * PLAN_COST_LOOKUP * COST_ROW;
        break;
    case PLAN_JOIN_LATERAL:
        cost->startup = left.startup + right.startup;
        cost->total = left.total + left.rows * right.total;
        break;
    case PLAN_JOIN_NESTED: /* the right side is read once and kept */
        cost->startup = left.startup + right.startup;
        cost->total = left.total + right.total + left.rows * right.rows * COST_OPERATION;
        break;
    }
    cost->total += cost->rows * COST_ROW;
}

static void one_child_cost(const struct plan_node *node, const struct explain_cost *left, struct explain_cost *cost) {
    cost->startup = left->startup;
    cost->total = left->total;
    switch (node->kind) {
    case PLAN_FILTER:
        cost->total += left->rows * COST_OPERATION;
        break;
    case PLAN_AGGREGATE:
        cost->startup = left->total + left->rows * COST_OPERATION * (node->expression_count + node->aggregate_count);
        cost->total = cost->startup + cost->rows * COST_ROW;
        break;
    case PLAN_DISTINCT:
        cost->total += left->rows * COST_OPERATION * left->width / 32 + cost->rows * COST_ROW;
        break;
    case PLAN_SORT:
    case PLAN_WINDOW:
        cost->startup = left->total + left->rows * logarithm(left->rows) * 2 * COST_OPERATION;
        cost->total = cost->startup + left->rows * COST_OPERATION;
        break;
    case PLAN_LIMIT:
        cost->total = left->startup + (left->total - left->startup) * (left->rows < 1 ? 1 : cost->rows / left->rows);
        break;
    case PLAN_INSERT:
    case PLAN_UPDATE:
    case PLAN_DELETE:
    case PLAN_MERGE:
    case PLAN_LOCK:
        cost->total += left->rows * COST_ROW;
        break;
    default:
        break;
    }
}

/* Where the planner wrote nothing down, as many as come in. */
static double node_rows(const struct plan_node *node) {
    if (plan_writes(node) && node->returning == NULL) {
        return 0;
    }
    double rows = node->rows_estimate;
    if (rows <= 0 && node->left != NULL) {
        rows = node_rows(node->left) + (node->kind == PLAN_SET && node->right != NULL ? node_rows(node->right) : 0);
    }
    return rows < 1 ? 1 : rows;
}

struct explain_cost explain_cost_of(const struct plan_node *node) {
    struct explain_cost cost = {.rows = node_rows(node)};
    for (uint32_t i = 0; i < node->column_count; i++) {
        cost.width += type_width(node->columns[i].type);
    }
    if (plan_names_rows(node)) {
        uint32_t ranges = node->expression_count == 0 ? 1 : node->expression_count;
        cost.total = node->kind == PLAN_BITMAP_INDEX
                         ? (ranges * PLAN_COST_LOOKUP + cost.rows * PLAN_COST_ENTRY) * COST_ROW
                         : explain_cost_of(node->left).total + explain_cost_of(node->right).total;
        return cost;
    }
    if (node->kind == PLAN_SCAN) {
        scan_cost(node, &cost);
    } else if (node->kind == PLAN_JOIN) {
        join_cost(node, &cost);
    } else if (node->kind == PLAN_SET) {
        struct explain_cost left = explain_cost_of(node->left);
        struct explain_cost right = explain_cost_of(node->right);
        bool append = node->set_operation == PLAN_SET_UNION_ALL;
        cost.startup = append ? left.startup : left.startup + right.total;
        cost.total = left.total + right.total + (append ? 0 : (left.rows + right.rows) * COST_OPERATION);
    } else if (node->kind == PLAN_CTE && !node->cte_work) { /* what fills it is told where it stands */
        cost.total = cost.rows * 2 * COST_ROW;
    } else if (node->left != NULL) {
        struct explain_cost left = explain_cost_of(node->left);
        one_child_cost(node, &left, &cost);
    } else {
        cost.total = cost.rows * COST_ROW;
    }
    cost.total = cost.total < cost.startup ? cost.startup : cost.total;
    return cost;
}
