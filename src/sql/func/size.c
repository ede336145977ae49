/*
 * How much room things take. A tenant's rows lie in one tree with everybody else's, so a relation has no file to
 * measure: its size is the estimate that pg_class.relpages is, in PostgreSQL's pages. Indexes are estimated by the
 * width of their keys in the same rows.
 */
#include "base/assert.h"
#include "kernel/view.h"
#include "sql/exec/catalogue.h"
#include "sql/func/loops.h"
#include "sql/object.h"
#include "sql/path.h"

#define KEY_BYTES 24 /* of an entry of an index, a column; what PostgreSQL's come to with their headers */

static int64_t table_bytes(const struct sql_call *call, struct kernel_view *view,
                           const struct table_definition *table) {
    uint64_t count = 0;
    if (!definition_is_table(table)) {
        return 0;
    }
    sql_try(call->context, kernel_table_estimate(view, table, &count, call->context->error));
    return catalogue_table_pages(view, table, count) * CATALOGUE_PAGE_BYTES;
}

static int64_t index_bytes(const struct sql_call *call, struct kernel_view *view, const struct table_definition *table,
                           uint32_t columns) {
    uint64_t count = 0;
    sql_try(call->context, kernel_table_estimate(view, table, &count, call->context->error));
    return ((int64_t)count * columns * KEY_BYTES / CATALOGUE_PAGE_BYTES + 1) * CATALOGUE_PAGE_BYTES;
}

static int64_t indexes_bytes(const struct sql_call *call, struct kernel_view *view,
                             const struct table_definition *table) {
    int64_t bytes = 0;
    if (definition_is_table(table) && table->primary_key_count > 0) {
        bytes += index_bytes(call, view, table, table->primary_key_count);
    }
    for (uint32_t i = 0; definition_is_table(table) && i < table->index_count; i++) {
        bytes += index_bytes(call, view, table, table->indexes[i].part_count + table->indexes[i].include_count);
    }
    return bytes;
}

static int64_t relation_bytes(const struct sql_call *call, struct kernel_view *view, const struct sql_relation *found) {
    uint32_t columns = found->index != NULL ? found->index->part_count : found->table->primary_key_count;
    return sql_relation_is_index(found) ? index_bytes(call, view, found->table, columns)
                                        : table_bytes(call, view, found->table);
}

enum measured { MEASURED_RELATION, MEASURED_INDEXES, MEASURED_ALL };

static void size_rows(SCALAR_PARAMETERS, enum measured what) {
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        struct sql_relation found;
        int64_t oid = sql_object_oid(ARGUMENT_BYTES(0, row));
        if (!catalogue_table_of_oid(view->catalogue, oid, &found)) {
            result->integer[row] = 0;
            if (catalogue_relation_of_oid(oid) == NULL) {
                result_null(result, row);
            }
            continue;
        }
        bool index = sql_relation_is_index(&found);
        int64_t own = what == MEASURED_INDEXES ? 0 : relation_bytes(call, view, &found);
        int64_t more = index || what == MEASURED_RELATION ? 0 : indexes_bytes(call, view, found.table);
        result->integer[row] = own + more;
    }
    sql_release(call->context, view);
}

static void fn_relation_size(SCALAR_PARAMETERS) {
    size_rows(call, arguments, result, selection, count, MEASURED_RELATION);
}

static void fn_indexes_size(SCALAR_PARAMETERS) {
    size_rows(call, arguments, result, selection, count, MEASURED_INDEXES);
}

static void fn_total_size(SCALAR_PARAMETERS) {
    size_rows(call, arguments, result, selection, count, MEASURED_ALL);
}

/* Of the one database, whatever its name or number. */
static void fn_database_size(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    int64_t bytes = 0;
    for (uint32_t i = 0; i < catalogue_table_count(view->catalogue); i++) {
        const struct table_definition *table = catalogue_table_at(view->catalogue, i);
        bytes += table_bytes(call, view, table) + indexes_bytes(call, view, table);
    }
    sql_release(call->context, view);
    EACH_ROW(row) {
        result->integer[row] = bytes;
    }
}

/* --- pg_size_pretty --- */

static int64_t half_rounded(int64_t value) {
    return (value + (value < 0 ? 0 : 1)) / 2;
}

/* 10240 bytes and more in the next unit, rounded from half of it up. */
static const char *size_pretty(struct sql_context *context, int64_t size) {
    static const struct {
        const char *name;
        int64_t limit;
        bool round;
        unsigned shift;
    } units[] = {{"bytes", 10 * 1024, false, 0},  {"kB", 20 * 1024 - 1, true, 10}, {"MB", 20 * 1024 - 1, true, 20},
                 {"GB", 20 * 1024 - 1, true, 30}, {"TB", 20 * 1024 - 1, true, 40}, {"PB", 20 * 1024 - 1, true, 50}};
    size_t i = 0;
    for (;; i++) {
        int64_t magnitude = size == INT64_MIN ? INT64_MAX : size < 0 ? -size : size;
        if (i + 1 == ARRAY_LENGTH(units) || magnitude < units[i].limit) {
            break;
        }
        unsigned bits = units[i + 1].shift - units[i].shift - (units[i + 1].round ? 1 : 0) + units[i].round;
        size /= INT64_C(1) << bits;
    }
    size = units[i].round ? half_rounded(size) : size;
    return sql_printf(context, "%lld %s", (long long)size, units[i].name);
}

static void fn_size_pretty(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = slice_text(size_pretty(call->context, ARGUMENT_INT(0, row)));
    }
}

/* A fraction shows among single bytes alone: it is cut off by the first division. */
static void fn_size_pretty_numeric(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal given = arguments[0]->decimal[vector_row(arguments[0], row)];
        struct decimal whole;
        int64_t size = 0;
        char text[DECIMAL_TEXT_SIZE];
        enum kmb_status status = decimal_round(given, 0, DECIMAL_TRUNCATE, &whole, call->context->error);
        if (status == KMB_OK) {
            status = decimal_to_int64(whole, &size, call->context->error);
        }
        if (status != KMB_OK) {
            sql_raise_status(call->context, status, call->position);
        }
        if (size > -10 * 1024 && size < 10 * 1024) {
            size_t length = decimal_format(given, text);
            result->bytes[row] = slice_text(sql_printf(call->context, "%.*s bytes", (int)length, text));
        } else {
            result->bytes[row] = slice_text(size_pretty(call->context, size));
        }
    }
}

#define SIZE(name_, scalar_, result_, summary_, ...)                                                                   \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = (result_),                       \
        .summary = (summary_), .strict = true, .volatility = SQL_VOLATILE,                                             \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }

/* clang-format off */
static const struct sql_function size_rows_table[] = {
    SIZE("pg_relation_size", fn_relation_size, TYPE_INT8, "estimate of the bytes of a table or an index", TYPE_REGCLASS),
    SIZE("pg_relation_size", fn_relation_size, TYPE_INT8, "the same, whatever the fork", TYPE_REGCLASS, TYPE_TEXT),
    SIZE("pg_table_size", fn_relation_size, TYPE_INT8, "estimate of the bytes of a table", TYPE_REGCLASS),
    SIZE("pg_indexes_size", fn_indexes_size, TYPE_INT8, "estimate of the bytes of a table's indexes", TYPE_REGCLASS),
    SIZE("pg_total_relation_size", fn_total_size, TYPE_INT8, "estimate of the bytes of a table and its indexes", TYPE_REGCLASS),
    SIZE("pg_database_size", fn_database_size, TYPE_INT8, "estimate of the bytes of all tables and indexes", TYPE_NAME),
    SIZE("pg_database_size", fn_database_size, TYPE_INT8, "estimate of the bytes of all tables and indexes", TYPE_OID),
    SIZE("pg_tablespace_size", fn_database_size, TYPE_INT8, "estimate of the bytes of all tables and indexes", TYPE_NAME),
    SIZE("pg_tablespace_size", fn_database_size, TYPE_INT8, "estimate of the bytes of all tables and indexes", TYPE_OID),
    FN("pg_size_pretty", fn_size_pretty_numeric, TYPE_TEXT, "so many bytes in the largest unit that fits", TYPE_NUMERIC),
    FN("pg_size_pretty", fn_size_pretty, TYPE_TEXT, "so many bytes in the largest unit that fits", TYPE_INT8),
};
/* clang-format on */

struct function_rows function_rows_size(void) {
    return FUNCTION_ROWS(size_rows_table);
}
