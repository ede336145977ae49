/*
 * The function table, put together from its topics, and how it is searched.
 *
 * Names are found by binary search in an index of the table sorted by (class, name); casts and comparisons, which the
 * binder asks for all the time, by two direct arrays over the types. All of it is built once, on first use, under
 * pthread_once, and never changes after: it is a constant that C's initialisers can not write down.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "sql/func/array.h"
#include "sql/func/loops.h"

#define FUNCTIONS_MAX    1536 /* asserted below; the table has some 800 rows */
#define COMPARISON_KINDS 6

static const char *const comparison_names[COMPARISON_KINDS] = {"=", "<>", "<", "<=", ">", ">="};

static struct {
    struct sql_function rows[FUNCTIONS_MAX];
    uint32_t count;
    const struct sql_function *sorted[FUNCTIONS_MAX];
    uint16_t casts[TYPE_COUNT][TYPE_COUNT];             /* row + 1; 0: none */
    uint16_t comparisons[COMPARISON_KINDS][TYPE_COUNT]; /* row + 1 */
    uint16_t array_comparisons[COMPARISON_KINDS];       /* row + 1 */
} table;

static int order(const struct sql_function *a, enum sql_function_class class, const char *name) {
    return a->class != class ? (int)a->class - (int)class : strcmp(a->name, name);
}

/* Ties keep the order of the table, so that the answer to a search is stable. */
static int compare_rows(const void *a, const void *b) {
    const struct sql_function *x = *(const struct sql_function *const *)a;
    const struct sql_function *y = *(const struct sql_function *const *)b;
    int result = order(x, y->class, y->name);
    return result != 0 ? result : (x > y) - (x < y);
}

static void table_append(struct function_rows topic) {
    ASSERT(table.count + topic.count <= FUNCTIONS_MAX);
    memcpy(&table.rows[table.count], topic.rows, topic.count * sizeof(topic.rows[0]));
    table.count += topic.count;
}

static void table_build(void) {
    table_append(function_rows_comparison());
    table_append(function_rows_arithmetic());
    table_append(function_rows_text());
    table_append(function_rows_bytea());
    table_append(function_rows_normalize());
    table_append(function_rows_encode());
    table_append(function_rows_math());
    table_append(function_rows_math_more());
    table_append(function_rows_datetime());
    table_append(function_rows_datetime_make());
    table_append(function_rows_to_char_datetime());
    table_append(function_rows_to_char_number());
    table_append(function_rows_to_number());
    table_append(function_rows_to_timestamp());
    table_append(function_rows_quote());
    table_append(function_rows_regexp());
    table_append(function_rows_json());
    table_append(function_rows_json_change());
    table_append(function_rows_json_query());
    table_append(function_rows_system());
    table_append(function_rows_aggregate());
    table_append(function_rows_variance());
    table_append(function_rows_bit());
    table_append(function_rows_regression());
    table_append(function_rows_ordered_set());
    table_append(function_rows_json_object());
    table_append(function_rows_json_aggregate());
    table_append(function_rows_window());
    table_append(function_rows_set());
    table_append(function_rows_sequence());
    table_append(function_rows_comment());
    table_append(function_rows_json_set());
    table_append(function_rows_regexp_parts());
    table_append(function_rows_array());
    table_append(function_rows_array_search());
    table_append(function_rows_array_aggregate());
    table_append(function_rows_enum());
    table_append(function_rows_object());
    table_append(function_rows_session());
    table_append(function_rows_log());
    table_append(function_rows_client());
    table_append(function_rows_keyword());
    table_append(function_rows_privilege());
    table_append(function_rows_size());
    table_append(function_rows_cast());
    for (uint32_t i = 0; i < table.count; i++) {
        const struct sql_function *row = &table.rows[i];
        table.sorted[i] = row;
        if (row->class == SQL_FUNCTION_CAST) {
            ASSERT(table.casts[row->arguments[0]][row->result] == 0);
            table.casts[row->arguments[0]][row->result] = (uint16_t)(i + 1);
        }
        for (uint32_t kind = 0; row->commutator != NULL && kind < COMPARISON_KINDS; kind++) {
            if (strcmp(row->name, comparison_names[kind]) == 0) {
                bool array = row->arguments[0] == TYPE_ANYARRAY;
                bool label = row->arguments[0] == TYPE_ANYENUM;
                enum type_id type = label ? TYPE_ENUM : row->arguments[0];
                *(array ? &table.array_comparisons[kind] : &table.comparisons[kind][array ? TYPE_UNKNOWN : type]) =
                    (uint16_t)(i + 1);
            }
        }
    }
    for (uint32_t kind = 0; kind < COMPARISON_KINDS; kind++) {
        table.comparisons[kind][TYPE_VARCHAR] = table.comparisons[kind][TYPE_TEXT];
        for (unsigned id = TYPE_REGCLASS; id <= TYPE_REGOPERATOR; id++) { /* a place and a name, as labels are */
            table.comparisons[kind][id] = table.comparisons[kind][TYPE_ENUM];
        }
    }
    qsort(table.sorted, table.count, sizeof(table.sorted[0]), compare_rows);
}

static void table_ready(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, table_build);
}

const struct sql_function *sql_function_table(uint32_t *count) {
    table_ready();
    *count = table.count;
    return table.rows;
}

const struct sql_function *const *sql_function_candidates(struct sql_context *context, enum sql_function_class class,
                                                          const char *name, uint32_t *count) {
    (void)context; /* the sorted table itself holds them next to each other */
    table_ready();
    uint32_t low = 0;
    uint32_t high = table.count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (order(table.sorted[middle], class, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint32_t end = low;
    while (end < table.count && order(table.sorted[end], class, name) == 0) {
        end++;
    }
    *count = end - low;
    return &table.sorted[low];
}

const struct sql_function *sql_cast_find(enum type_id from, enum type_id to, enum sql_cast_context context) {
    table_ready();
    if (type_is_array(from) || type_is_array(to)) {
        return array_cast_find(from, to, context);
    }
    from = type_kind(from); /* between two enum types there is none */
    to = type_kind(to);
    if ((unsigned)from >= TYPE_COUNT || (unsigned)to >= TYPE_COUNT || table.casts[from][to] == 0) {
        return NULL;
    }
    const struct sql_function *cast = &table.rows[table.casts[from][to] - 1];
    return cast->cast_context <= context ? cast : NULL;
}

const struct sql_function *sql_comparison_find(const char *operator_name, enum type_id type) {
    table_ready();
    enum type_id element = type_kind(type_element(type)); /* an array compares if its elements do */
    for (uint32_t kind = 0; kind < COMPARISON_KINDS && (unsigned)element < TYPE_COUNT; kind++) {
        if (strcmp(operator_name, comparison_names[kind]) == 0) {
            uint16_t at = table.comparisons[kind][element];
            at = at != 0 && type_is_array(type) ? table.array_comparisons[kind] : at;
            return at == 0 ? NULL : &table.rows[at - 1];
        }
    }
    return NULL;
}
