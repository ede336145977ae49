/*
 * Relations made from the catalogue: their rows are gathered when the first is asked for, and given a batch at a time.
 * A catalogue has thousands of objects at most, so gathering is cheap, and what gives rows can be written as it is
 * read.
 */
#include "sql/exec/catalogue.h"

#include "base/assert.h"
#include "sql/object.h"
#include "sql/path.h"
#include "types/array.h"

/* --- giving rows --- */

void catalogue_value(struct catalogue_rows *rows, struct value value) {
    if (rows->at == rows->capacity) {
        size_t capacity = rows->capacity == 0 ? 256 : rows->capacity * 2;
        struct value *grown = sql_alloc(rows->context, capacity * sizeof(*grown));
        if (rows->at > 0) {
            memcpy(grown, rows->values, rows->at * sizeof(*grown));
        }
        rows->values = grown;
        rows->capacity = capacity;
    }
    rows->values[rows->at++] = value;
}

/* Of the column that comes next. */
static enum type_id next_type(const struct catalogue_rows *rows) {
    return rows->relation->columns[rows->at % rows->relation->column_count].type.id;
}

void catalogue_text(struct catalogue_rows *rows, struct slice text) {
    enum type_id type = next_type(rows);
    ASSERT(type == TYPE_TEXT || type == TYPE_NAME || type == TYPE_CHAR);
    catalogue_value(rows, value_bytes(type, text));
}

void catalogue_word(struct catalogue_rows *rows, const char *text) {
    if (text == NULL) {
        catalogue_value(rows, value_null(next_type(rows)));
    } else {
        catalogue_text(rows, slice_text(text));
    }
}

void catalogue_number(struct catalogue_rows *rows, int64_t number) {
    catalogue_value(rows, value_integer(next_type(rows), number));
}

void catalogue_vector(struct catalogue_rows *rows, const int64_t *numbers, uint32_t count) {
    enum type_id type = type_element(next_type(rows));
    struct value *elements = sql_alloc(rows->context, (count + 1) * sizeof(*elements));
    for (uint32_t i = 0; i < count; i++) {
        elements[i] = value_integer(type, numbers[i]);
    }
    struct array_shape shape = array_shape_of(count);
    shape.lowers[0] = 0;
    struct value made;
    sql_try(rows->context, array_make(type, &shape, elements, &rows->context->arena, &made, rows->context->error));
    catalogue_value(rows, made);
}

void catalogue_words(struct catalogue_rows *rows, const char *const *texts, uint32_t count) {
    struct value *elements = sql_alloc(rows->context, (count + 1) * sizeof(*elements));
    for (uint32_t i = 0; i < count; i++) {
        elements[i] = value_text(slice_text(texts[i]));
    }
    struct array_shape shape = array_shape_of(count);
    struct value made;
    sql_try(rows->context, array_make(TYPE_TEXT, &shape, elements, &rows->context->arena, &made, rows->context->error));
    catalogue_value(rows, made);
}

void catalogue_function(struct catalogue_rows *rows, int64_t oid) {
    catalogue_value(rows, sql_object_of_oid(rows->context, rows->catalogue, TYPE_REGPROC, oid, &rows->context->arena));
}

void catalogue_bool(struct catalogue_rows *rows, bool is) {
    catalogue_value(rows, value_bool(is));
}

void catalogue_nulls(struct catalogue_rows *rows, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        catalogue_value(rows, value_null(next_type(rows)));
    }
}

const char *catalogue_copy(struct catalogue_rows *rows, struct slice text) {
    return sql_printf(rows->context, "%.*s", (int)text.length, (const char *)text.bytes);
}

static void release_buffer(void *object) {
    buffer_free(object);
}

const char *catalogue_type_name(struct catalogue_rows *rows, struct type type) {
    struct buffer *text = sql_alloc_zero(rows->context, 1, sizeof(*text));
    sql_defer(rows->context, release_buffer, text);
    catalogue_type_text(rows->catalogue, type, text);
    if (!buffer_ok(text)) {
        sql_raise(rows->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    const char *copy = catalogue_copy(rows, buffer_slice(text));
    sql_release(rows->context, text);
    return copy;
}

/* --- constraints --- */

bool catalogue_not_null(const struct table_definition *table, const struct column_definition *column) {
    bool key = false;
    for (uint32_t i = 0; i < table->primary_key_count && !key; i++) {
        key = column_id_equal(table->primary_key[i].column, column->id);
    }
    return key || column->not_null;
}

int64_t catalogue_attribute(const struct catalogue *catalogue, const struct table_definition *table,
                            struct column_id column) {
    uint16_t ordinal = catalogue_column_ordinal(catalogue, table, column);
    return ordinal == CATALOGUE_COLUMN_MISSING || ordinal >= catalogue_column_count(catalogue, table) ? 0 : ordinal + 1;
}

static bool constraint_at(struct catalogue_rows *rows, const struct table_definition *table, uint32_t at,
                          struct catalogue_constraint *constraint) {
    *constraint = (struct catalogue_constraint){.kind = CATALOGUE_PRIMARY};
    if (at == 0) {
        constraint->name = table->primary_key_name;
        constraint->parts = table->primary_key;
        constraint->part_count = table->primary_key_count;
        return table->primary_key_count > 0;
    }
    at--;
    if (at < table->index_count) {
        const struct index_definition *index = &table->indexes[at];
        *constraint = (struct catalogue_constraint){.kind = CATALOGUE_UNIQUE,
                                                    .name = index->name,
                                                    .parts = index->parts,
                                                    .part_count = index->part_count,
                                                    .index = index};
        return index->constraint;
    }
    at -= table->index_count;
    if (at < table->check_count) {
        *constraint = (struct catalogue_constraint){
            .kind = CATALOGUE_CHECK, .name = table->checks[at].name, .check = &table->checks[at]};
        return true;
    }
    at -= table->check_count;
    if (at < table->foreign_key_count) {
        *constraint = (struct catalogue_constraint){
            .kind = CATALOGUE_FOREIGN, .name = table->foreign_keys[at].name, .key = &table->foreign_keys[at]};
        return true;
    }
    at -= table->foreign_key_count;
    const struct column_definition *column = catalogue_column(rows->catalogue, table, at);
    const char *name = sql_printf(rows->context, "%lld_%lld_%u_not_null",
                                  (long long)catalogue_oid_schema(rows->catalogue, table->schema_name),
                                  (long long)catalogue_oid_table(table->id), at + 1);
    *constraint = (struct catalogue_constraint){.kind = CATALOGUE_NOT_NULL, .name = slice_text(name), .column = column};
    return catalogue_not_null(table, column);
}

bool catalogue_constraint_next(struct catalogue_rows *rows, const struct table_definition *table, uint32_t *at,
                               struct catalogue_constraint *constraint) {
    uint32_t count = 1 + table->index_count + table->check_count + table->foreign_key_count +
                     catalogue_column_count(rows->catalogue, table);
    while (definition_is_table(table) && *at < count) {
        if (constraint_at(rows, table, (*at)++, constraint)) {
            return true;
        }
    }
    return false;
}

static bool key_has(const struct foreign_key_definition *key, const struct key_part *parts, uint32_t count) {
    bool same = key->part_count == count;
    for (uint32_t i = 0; i < count && same; i++) {
        bool found = false;
        for (uint32_t k = 0; k < count; k++) {
            found = found || column_id_equal(key->parts[k].parent, parts[i].column);
        }
        same = found;
    }
    return same;
}

bool catalogue_constraint_needed(struct catalogue_rows *rows, const struct foreign_key_definition *key,
                                 const struct table_definition **parent, struct catalogue_constraint *constraint) {
    *parent = catalogue_table_of_id(rows->catalogue, key->parent);
    uint32_t at = 0;
    while (*parent != NULL && catalogue_constraint_next(rows, *parent, &at, constraint)) {
        bool unique = constraint->kind == CATALOGUE_PRIMARY || constraint->kind == CATALOGUE_UNIQUE;
        if (unique && key_has(key, constraint->parts, constraint->part_count)) {
            return true;
        }
    }
    return false;
}

/* --- those without a schema --- */

static const struct plan_column show_tables_columns[] = {TEXT("table_name"), INT4("column_count")};

static void show_tables(struct catalogue_rows *rows) {
    for (uint32_t i = 0; i < catalogue_table_count(rows->catalogue); i++) {
        const struct table_definition *table = catalogue_table_at(rows->catalogue, i);
        if (!definition_is_sequence(table)) {
            catalogue_word(rows, sql_path_text(rows->context, rows->catalogue, table->schema_name, table->name));
            catalogue_number(rows, catalogue_column_count(rows->catalogue, table));
        }
    }
}

static const struct plan_column show_columns_columns[] = {TEXT("column_name"), TEXT("data_type"), BOOL("nullable")};

/* Types with their modifiers, as psql's \d shows them. */
static void show_columns(struct catalogue_rows *rows) {
    const struct table_definition *table = catalogue_table_of_id(rows->catalogue, rows->only);
    for (uint32_t i = 0; table != NULL && i < catalogue_column_count(rows->catalogue, table); i++) {
        const struct column_definition *column = catalogue_column(rows->catalogue, table, i);
        catalogue_text(rows, column->name);
        catalogue_word(rows, catalogue_type_name(rows, column->type));
        catalogue_bool(rows, !catalogue_not_null(table, column));
    }
}

static const struct plan_column sequence_columns[] = {INT8("last_value"), INT8("log_cnt"), BOOL("is_called")};

static void sequence(struct catalogue_rows *rows) {
    const struct table_definition *table = catalogue_table_of_id(rows->catalogue, rows->only);
    struct kernel_sequence state;
    if (table != NULL) {
        sql_try(rows->context, kernel_sequence_read(rows->view, table, &state, rows->context->error));
        catalogue_number(rows, state.last);
        catalogue_number(rows, 0); /* values are taken from the log one by one */
        catalogue_bool(rows, state.called);
    }
}

static const struct catalogue_relation unnamed[] = {
    {NULL, "show_tables", show_tables_columns, ARRAY_LENGTH(show_tables_columns), show_tables},
    {NULL, "show_columns", show_columns_columns, ARRAY_LENGTH(show_columns_columns), show_columns},
    {NULL, "sequence", sequence_columns, ARRAY_LENGTH(sequence_columns), sequence},
};

static bool same_schema(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const struct catalogue_relation *find_in(const struct catalogue_relation *list, size_t count, const char *schema,
                                                const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0 && same_schema(list[i].schema, schema)) {
            return &list[i];
        }
    }
    return NULL;
}

const struct catalogue_relation *catalogue_relation_find(const char *schema, const char *name) {
    const struct catalogue_relation *found = find_in(unnamed, ARRAY_LENGTH(unnamed), schema, name);
    for (size_t i = 0; i < CATALOGUE_LISTS && found == NULL; i++) {
        found = find_in(catalogue_lists[i].list, *catalogue_lists[i].count, schema, name);
    }
    return found;
}

/* --- the operator --- */

struct catalogue_scan {
    struct exec_operator base;
    struct catalogue_rows rows;
    bool gathered;
    size_t given; /* values */
};

static const struct batch *catalogue_next(struct exec_operator *self) {
    struct catalogue_scan *scan = (struct catalogue_scan *)self;
    struct catalogue_rows *rows = &scan->rows;
    operator_begin(self);
    operator_clear(self);
    if (!scan->gathered) {
        rows->relation->rows(rows);
        ASSERT(rows->at % rows->relation->column_count == 0);
        scan->gathered = true;
    }
    uint32_t count = 0;
    for (; count < self->rows_max && scan->given < rows->at; count++) {
        for (uint32_t i = 0; i < rows->relation->column_count; i++) {
            vector_set(&self->batch.columns[i], count, &rows->values[scan->given++]);
        }
        if (self->batch.column_count > rows->relation->column_count) { /* tableoid */
            struct value own = value_integer(TYPE_OID, catalogue_oid_relation(rows->relation));
            vector_set(&self->batch.columns[self->batch.column_count - 1], count, &own);
        }
    }
    self->batch.count = count;
    return count == 0 ? NULL : &self->batch;
}

struct exec_operator *catalogue_rows_make(struct exec *exec, const struct plan_node *node) {
    struct catalogue_scan *scan = operator_new(exec, node, sizeof(*scan), catalogue_next);
    ASSERT(node->column_count >= node->relation->column_count &&
           node->column_count <= node->relation->column_count + 1);
    struct kernel_view *view = exec_view_of(exec, node);
    scan->rows = (struct catalogue_rows){.context = exec->context,
                                         .view = view,
                                         .catalogue = view->catalogue,
                                         .relation = node->relation,
                                         .only = node->relation_of};
    operator_columns(&scan->base, 256);
    return &scan->base;
}
