/*
 * What an error says of a column that is not there: the one that may have been meant.
 *
 * As in PostgreSQL: the columns of the FROM items in sight, of the query at work first, are measured by how many
 * letters lie between the names, and a table's name counts where one was given. The nearest is named, or the two that
 * are as near; a name that is there, but can not be used where it stands, is told as such.
 */
#include "sql/bind/bind.h"

#define HINT_DISTANCE_MAX 3
#define HINT_NAME_MAX     63 /* bytes of a name that are compared */

/* Letters to be put in, taken out or changed between two names. */
static uint32_t distance(const char *a, const char *b) {
    uint32_t row[HINT_NAME_MAX + 1];
    uint32_t width = (uint32_t)strnlen(b, HINT_NAME_MAX);
    uint32_t height = (uint32_t)strnlen(a, HINT_NAME_MAX);
    for (uint32_t k = 0; k <= width; k++) {
        row[k] = k;
    }
    for (uint32_t i = 1; i <= height; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t k = 1; k <= width; k++) {
            uint32_t changed = diagonal + (a[i - 1] != b[k - 1]);
            uint32_t moved = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
            diagonal = row[k];
            row[k] = changed < moved ? changed : moved;
        }
    }
    return row[width];
}

struct nearest {
    uint32_t distance;
    const char *tables[2];
    const char *columns[2];
    uint32_t count;
};

static void measure(struct nearest *nearest, const char *table, uint32_t penalty, const char *column,
                    const char *wanted) {
    uint32_t far = distance(column, wanted);
    if (penalty > nearest->distance || far > strlen(wanted) / 2) {
        return;
    }
    far += penalty;
    if (far > nearest->distance || far > HINT_DISTANCE_MAX) {
        return;
    }
    if (far < nearest->distance) {
        nearest->distance = far;
        nearest->count = 0;
    } else if (nearest->count == 2) { /* too many that are as near: only a nearer one is told */
        nearest->count = 0;
        nearest->distance = far == 0 ? 0 : far - 1;
        return;
    }
    nearest->tables[nearest->count] = table;
    nearest->columns[nearest->count++] = column;
}

/* The FROM items in sight in the order of their queries, innermost first, and of the items in them. */
static uint32_t in_order(struct bind *bind, const struct bind_seen ***list) {
    uint32_t count = 0;
    for (const struct bind_seen *seen = bind->seen; seen != NULL; seen = seen->before) {
        count++;
    }
    *list = sql_alloc(bind->context, (count + 1) * sizeof(struct bind_seen *));
    uint32_t at = 0;
    for (const struct bind_seen *first = bind->seen; first != NULL;) {
        const struct bind_seen *end = first;
        uint32_t own = 0;
        for (; end != NULL && end->query == first->query; end = end->before) {
            own++;
        }
        for (uint32_t i = 0; i < own; i++, first = first->before) {
            (*list)[at + own - 1 - i] = first;
        }
        at += own;
    }
    return count;
}

const char *bind_column_hint(struct bind *bind, const char *table, const char *column) {
    const struct bind_seen **list = NULL;
    uint32_t count = in_order(bind, &list);
    struct nearest nearest = {.distance = HINT_DISTANCE_MAX + 1};
    for (uint32_t i = 0; i < count; i++) {
        const struct bind_seen *seen = list[i];
        uint32_t penalty = table == NULL ? 0 : distance(seen->alias, table);
        for (uint32_t k = 0; k < seen->column_count; k++) {
            const char *name = seen->columns[k].name;
            if (seen->columns[k].pseudo || name[0] == 0) {
                continue;
            }
            if (penalty == 0 && strcmp(name, column) == 0) {
                return sql_printf(bind->context,
                                  "There is a column named \"%s\" in table \"%s\", but it cannot be referenced from "
                                  "this part of the query.",
                                  column, seen->alias);
            }
            measure(&nearest, seen->alias, penalty, name, column);
        }
    }
    return nearest.count == 0 ? NULL
           : nearest.count == 1
               ? sql_printf(bind->context, "Perhaps you meant to reference the column \"%s.%s\".", nearest.tables[0],
                            nearest.columns[0])
               : sql_printf(bind->context,
                            "Perhaps you meant to reference the column \"%s.%s\" or the column "
                            "\"%s.%s\".",
                            nearest.tables[0], nearest.columns[0], nearest.tables[1], nearest.columns[1]);
}
