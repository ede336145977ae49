/*
 * The reference page of functions, printed from the one table, so that page and table can not differ.
 *
 *   functions_page        prints the page
 *   functions_page FILE   compares it with FILE; exit 1 when they differ
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "sql/func/function.h"

static const char *shown(enum type_id type) {
    return type == TYPE_ANY ? "any" : type_name(type);
}

static int compare_rows(const void *a, const void *b) {
    const struct sql_function *x = *(const struct sql_function *const *)a;
    const struct sql_function *y = *(const struct sql_function *const *)b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x > y) - (x < y);
}

/* The rows of a class, by name. */
static uint32_t rows_of(enum sql_function_class class, const struct sql_function **rows) {
    uint32_t all = 0;
    uint32_t count = 0;
    const struct sql_function *table = sql_function_table(&all);
    for (uint32_t i = 0; i < all; i++) {
        if (table[i].class == class) {
            rows[count++] = &table[i];
        }
    }
    qsort(rows, count, sizeof(*rows), compare_rows);
    return count;
}

/* In a Markdown table a bar ends the cell. */
static void print_escaped(struct buffer *page, const char *text) {
    for (; *text != 0; text++) {
        if (*text == '|') {
            buffer_append_byte(page, '\\');
        }
        buffer_append_byte(page, (uint8_t)*text);
    }
}

/* The type of the result; of a function that gives several columns, each with its name. */
static void print_result(struct buffer *page, const struct sql_function *row) {
    if (row->set == NULL || sql_set_columns(row->set) == 1) {
        buffer_append_text(page, shown(row->result));
        return;
    }
    for (uint32_t i = 0; i < row->set->column_count; i++) {
        const struct sql_set_column *column = &row->set->columns[i];
        buffer_printf(page, "%s%s %s", i == 0 ? "" : ", ", column->name, shown(column->type));
    }
}

static void print_call(struct buffer *page, const struct sql_function *row) {
    buffer_append_text(page, "| `");
    if (row->class == SQL_FUNCTION_OPERATOR) {
        if (row->argument_count == 2) {
            buffer_printf(page, "%s ", shown(row->arguments[0]));
        }
        print_escaped(page, row->name);
        buffer_printf(page, " %s", shown(row->arguments[row->argument_count - 1u]));
    } else {
        bool star = row->class == SQL_FUNCTION_AGGREGATE && row->argument_count == 0;
        uint32_t within = row->ordered_set == SQL_ORDERED_SET_NONE ? 0 : 1; /* arguments that are sorted */
        buffer_printf(page, "%s(%s", row->name, star ? "*" : "");
        for (uint32_t i = 0; i + within < row->argument_count; i++) {
            buffer_printf(page, "%s%s", i == 0 ? "" : ", ", shown(row->arguments[i]));
        }
        buffer_append_text(page, row->variadic ? ", ...)" : ")");
        if (within > 0) {
            buffer_printf(page, " WITHIN GROUP (ORDER BY %s)", shown(row->arguments[row->argument_count - 1u]));
        }
    }
    buffer_append_text(page, "` | ");
    print_result(page, row);
    buffer_append_text(page, " | ");
    print_escaped(page, row->summary);
    buffer_append_text(page, " |\n");
}

static void print_class(struct buffer *page, enum sql_function_class class, const char *title, const char *text) {
    static const struct sql_function *rows[4096];
    uint32_t count = rows_of(class, rows);
    buffer_printf(page, "\n## %s\n\n%s\n\n| Call | Result | |\n|---|---|---|\n", title, text);
    for (uint32_t i = 0; i < count; i++) {
        print_call(page, rows[i]);
    }
}

static void print_cast_list(struct buffer *page, enum type_id from, enum sql_cast_context context) {
    bool any = false;
    for (unsigned to = 1; to < TYPE_COUNT; to++) {
        const struct sql_function *cast = sql_cast_find(from, (enum type_id)to, SQL_CAST_EXPLICIT);
        if (cast != NULL && cast->cast_context == context && to != from) {
            buffer_printf(page, "%s%s", any ? ", " : "", type_name((enum type_id)to));
            any = true;
        }
    }
}

static void print_casts(struct buffer *page) {
    buffer_append_text(page, "\n## Casts\n\n"
                             "An implicit cast is made wherever the other type is wanted; one on assignment where a "
                             "value is stored in a column; an\nexplicit one where it is written, "
                             "`CAST(x AS type)` or `x::type`.\n\n"
                             "| From | Implicit | On assignment | Explicit |\n|---|---|---|---|\n");
    for (unsigned from = 1; from < TYPE_COUNT; from++) {
        buffer_printf(page, "| %s | ", type_name((enum type_id)from));
        print_cast_list(page, (enum type_id)from, SQL_CAST_IMPLICIT);
        buffer_append_text(page, " | ");
        print_cast_list(page, (enum type_id)from, SQL_CAST_ASSIGNMENT);
        buffer_append_text(page, " | ");
        print_cast_list(page, (enum type_id)from, SQL_CAST_EXPLICIT);
        buffer_append_text(page, " |\n");
    }
}

static void print_page(struct buffer *page) {
    buffer_append_text(
        page, "# Functions, operators, aggregates and casts\n\n"
              "Printed from the function table (`src/sql/func/`) by `functions_page`; a test compares the two. Names, "
              "types, results and\nerrors are those of PostgreSQL 15, and the answers are held to it.\n\n"
              "The conditional forms `CASE`, `COALESCE`, `NULLIF`, `GREATEST`, `LEAST`, `IN`, `BETWEEN`, `IS NULL`, "
              "`IS TRUE` and `IS DISTINCT FROM`\nare part of the grammar and take all types. Unless said "
              "otherwise an argument that is NULL makes the result NULL.\n");
    print_class(page, SQL_FUNCTION_OPERATOR, "Operators",
                "`LIKE` is `~~`, `ILIKE` is `~~*`; with `NOT` they are `!~~` and `!~~*`.");
    print_class(page, SQL_FUNCTION_SCALAR, "Functions",
                "`EXTRACT(field FROM x)`, `SUBSTRING(x FROM a FOR b)`, `POSITION(a IN b)`, `TRIM(...)`, "
                "`OVERLAY(...)` and `x AT TIME ZONE z`\nare other spellings of functions below.");
    print_class(page, SQL_FUNCTION_AGGREGATE, "Aggregates",
                "Each takes `DISTINCT` before its argument, `ORDER BY` behind it and `FILTER (WHERE ...)` behind the "
                "call. NULLs are left out; over\nno rows the answer is NULL, of `count` 0.");
    print_class(page, SQL_FUNCTION_WINDOW, "Window functions",
                "Only with `OVER`. Every aggregate is a window function too, with `FILTER` but without `DISTINCT` and "
                "`ORDER BY` in the call.\n`first_value`, `last_value`, `nth_value` and aggregates look at the frame, "
                "the others at the partition.");
    print_class(page, SQL_FUNCTION_SET, "Set-returning functions",
                "In `FROM`, where an argument may name what stands to the left; several side by side in `ROWS FROM "
                "(...)`; `WITH ORDINALITY`\nnumbers the rows.");
    print_casts(page);
}

int main(int argc, char **argv) {
    static char kept[1 << 20];
    struct buffer page = {0};
    print_page(&page);
    if (!buffer_ok(&page)) {
        return 2;
    }
    if (argc < 2) {
        (void)fwrite(page.bytes, 1, page.length, stdout);
        buffer_free(&page);
        return 0;
    }
    FILE *file = fopen(argv[1], "r");
    size_t length = file == NULL ? 0 : fread(kept, 1, sizeof kept, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    bool same = length == page.length && memcmp(kept, page.bytes, length) == 0;
    if (!same) {
        (void)fprintf(stderr, "%s differs from the function table: print it again with functions_page\n", argv[1]);
    }
    buffer_free(&page);
    return same ? 0 : 1;
}
