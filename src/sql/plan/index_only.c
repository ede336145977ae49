/*
 * Scans of an index that need no row.
 *
 * An entry of an index is the key of its columns and the row's own key behind it. If the columns that are read are
 * among these, and a key gives them back as they were, the rows need not be fetched, which is most of the cost. It does
 * not for floating point (0 and -0 are one key), intervals, numerics without a scale, arrays and labels, whose names
 * are in no key.
 */
#include "base/assert.h"
#include "sql/exec/scan.h"
#include "sql/plan/optimise.h"

/* Whether the key of a value gives the value back, to the byte. */
static bool is_exact(struct type type) {
    switch (type.id) {
    case TYPE_BOOL:
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BYTEA:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
    case TYPE_UUID:
        return true;
    case TYPE_NUMERIC:
        return type.modifier >= 0;
    default:
        return false;
    }
}

static bool has_part(const struct key_part *parts, uint32_t count, struct column_id column) {
    for (uint32_t i = 0; i < count; i++) {
        if (column_id_equal(parts[i].column, column)) {
            return true;
        }
    }
    return false;
}

static bool is_covered(const struct plan_node *scan) {
    const struct table_definition *table = scan->table;
    const struct key_part *parts = NULL;
    uint32_t count = scan_key_columns(table, scan->index, &parts);
    for (uint32_t i = 0; i < plan_scan_width(scan); i++) {
        if (scan->scan_columns[i] == PLAN_SCAN_KEY) {
            return false;
        }
        const struct column_definition *column = catalogue_column(scan->catalogue, table, scan->scan_columns[i]);
        if (!is_exact(column->type) || (!has_part(parts, count, column->id) &&
                                        !has_part(table->primary_key, table->primary_key_count, column->id))) {
            return false;
        }
    }
    return true;
}

void optimise_index_only(const struct optimiser *optimiser, struct plan_node *node) {
    if (node == NULL || !sql_way_open(optimiser->context->settings, SQL_WAY_INDEXONLYSCAN)) {
        return;
    }
    if (node->kind == PLAN_SCAN && node->index.value != 0) {
        node->index_only = node->at.kind == PLAN_AT_NONE && node->sample_percent == NULL && node->current_of == NULL &&
                           is_covered(node);
    }
    optimise_index_only(optimiser, node->left);
    optimise_index_only(optimiser, node->right);
}
