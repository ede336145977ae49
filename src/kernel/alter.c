/*
 * Deciding definitions: tables, columns, checks, indexes.
 *
 * Everything a user could get wrong is refused here, with PostgreSQL's words; then ids and versions are given, the
 * event is written and evolved. What evolving can still refuse (too many columns, two rows with one key for a new
 * unique index) rolls the event back. An index takes two events, declared and ready, so that filling can become a
 * series of bounded steps between them without a change of format.
 *
 * Names that were left empty are made as PostgreSQL makes them: t_pkey, t_a_b_key, t_a_idx, t_check, shortened in the
 * middle to 63 bytes and numbered when taken.
 */
#include "kernel/transaction_internal.h"

#include <inttypes.h>
#include <stdio.h>

static enum kmb_status alter_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

static enum kmb_status table_of_id(struct kernel_transaction *transaction, struct table_id id,
                                   const struct catalogue_table **table, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct table_definition *definition = catalogue_table_of_id(transaction->evolver.catalogue, id);
    if (definition == NULL) {
        return error_set(error, KMB_UNDEFINED_TABLE, "table with id %u not found", id.value);
    }
    *table = catalogue_table_of(definition);
    return KMB_OK;
}

/* Writes the event, evolves it, and renumbers the transaction's catalogue. */
static enum kmb_status emit(struct kernel_transaction *transaction, const struct event *event,
                            struct kmb_error *error) {
    enum kmb_status status = transaction_emit(transaction, event, error);
    return status == KMB_OK ? transaction_defined(transaction, error) : status;
}

static enum kmb_status version_next(const struct catalogue_table *table, struct schema_version *version,
                                    struct kmb_error *error) {
    if (table->definition.version.value >= 65535) {
        return error_set(error, KMB_LIMIT, "table \"%.*s\" has been changed %u times, which is the most",
                         (int)table->definition.name.length, (const char *)table->definition.name.bytes,
                         table->definition.version.value);
    }
    version->value = table->definition.version.value + 1;
    return KMB_OK;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static enum kmb_status name_check(struct slice name, const char *what, struct kmb_error *error) {
    if (name.length == 0) {
        return error_set(error, KMB_INVALID_NAME, "name of a %s is empty", what);
    }
    if (name.length > DEFINITION_NAME_BYTES_MAX) {
        return error_set(error, KMB_NAME_TOO_LONG, "name of %s \"%.*s...\" is longer than %d bytes", what, 32,
                         (const char *)name.bytes, DEFINITION_NAME_BYTES_MAX);
    }
    return KMB_OK;
}

static enum kmb_status relation_taken(struct slice name, struct kmb_error *error) {
    return error_set(error, KMB_DUPLICATE_TABLE, "relation \"%.*s\" already exists", (int)name.length,
                     (const char *)name.bytes);
}

/* A cut must not split a UTF-8 character. */
static size_t cut_utf8(struct slice text, size_t length) {
    if (length >= text.length) {
        return text.length;
    }
    while (length > 0 && (text.bytes[length] & 0xc0) == 0x80) {
        length--;
    }
    return length;
}

/* PostgreSQL's makeObjectName: name1_name2_label in 63 bytes, the longer of the two names cut first. */
void kernel_name_make(struct slice first, struct slice second, const char *label, unsigned number, char *out) {
    char tail[32];
    if (number > 0) {
        snprintf(tail, sizeof(tail), "_%s%u", label, number);
    } else {
        snprintf(tail, sizeof(tail), "_%s", label);
    }
    size_t overhead = strlen(tail) + (second.length > 0 ? 1 : 0);
    size_t room = DEFINITION_NAME_BYTES_MAX - overhead;
    size_t one = first.length;
    size_t two = second.length;
    while (one + two > room) {
        if (one > two) {
            one--;
        } else {
            two--;
        }
    }
    one = cut_utf8(first, one);
    two = cut_utf8(second, two);
    snprintf(out, DEFINITION_NAME_BYTES_MAX + 1, "%.*s%s%.*s%s", (int)one, (const char *)first.bytes,
             second.length > 0 ? "_" : "", (int)two, (const char *)second.bytes, tail);
}

/* Names given within the statement at hand, which the catalogue does not know yet. */
struct names {
    struct slice *taken;
    uint32_t count;
};

static bool name_free(const struct kernel_transaction *transaction, const struct names *names, struct slice schema,
                      struct slice name) {
    for (uint32_t i = 0; i < names->count; i++) {
        if (slice_equal(names->taken[i], name)) {
            return false;
        }
    }
    return !catalogue_relation_exists(transaction->evolver.catalogue, schema, name);
}

#define NAME_NUMBERS_MAX 100000 /* tries before a generated name is given up */

static enum kmb_status name_choose(struct kernel_transaction *transaction, const struct names *names,
                                   struct slice schema, struct slice table, struct slice columns, const char *label,
                                   struct arena *arena, struct slice *name, struct kmb_error *error) {
    char text[DEFINITION_NAME_BYTES_MAX + 1];
    for (unsigned number = 0; number < NAME_NUMBERS_MAX; number++) {
        kernel_name_make(table, columns, label, number, text);
        if (name_free(transaction, names, schema, slice_text(text))) {
            *name = arena_dup_slice(arena, slice_text(text));
            return name->bytes != NULL ? KMB_OK : alter_no_memory(error);
        }
    }
    return error_set(error, KMB_DUPLICATE_TABLE, "no free name for relation \"%s\" was found", text);
}

enum kmb_status kernel_name_choose(struct kernel_transaction *transaction, struct slice schema, struct slice table,
                                   struct slice column, const char *label, struct arena *arena, struct slice *name,
                                   struct kmb_error *error) {
    struct names none = {.count = 0};
    return name_choose(transaction, &none, schema, table, column, label, arena, name, error);
}

/* "a_b" of an index's columns. */
static struct slice columns_text(const struct table_definition *table, const struct index_definition *index,
                                 struct arena *arena) {
    struct buffer text = {.bytes = NULL};
    uint32_t count = index->part_count + index->include_count;
    for (uint32_t i = 0; i < count && text.length < DEFINITION_NAME_BYTES_MAX; i++) {
        bool part = i < index->part_count;
        const struct column_definition *column =
            definition_column_of_id(table, part ? index->parts[i].column : index->include[i - index->part_count]);
        if (column != NULL) {
            buffer_append_text(&text, i == 0 ? "" : "_");
            buffer_append_slice(&text, column->name);
        }
    }
    struct slice copy = arena_dup_slice(arena, buffer_slice(&text));
    buffer_free(&text);
    return copy;
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

static enum kmb_status key_parts_check(const struct table_definition *table, const struct key_part *parts,
                                       uint32_t count, const char *what, struct kmb_error *error) {
    if (count == 0 || count > DEFINITION_KEY_COLUMNS_MAX) {
        return error_set(error, KMB_TOO_MANY_COLUMNS, "a %s has 1 to %d columns, not %u", what,
                         DEFINITION_KEY_COLUMNS_MAX, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct column_definition *column = definition_column_of_id(table, parts[i].column);
        if (column == NULL || column->dropped) {
            return error_set(error, KMB_UNDEFINED_COLUMN, "column %u of a %s does not exist", parts[i].column.value,
                             what);
        }
        enum kmb_status status = key_type_check(column->type, error);
        if (status != KMB_OK) {
            return status;
        }
        for (uint32_t other = 0; other < i; other++) {
            if (parts[other].column.value == parts[i].column.value && strcmp(what, "index") != 0) {
                return error_set(error, KMB_DUPLICATE_COLUMN, "column \"%.*s\" appears twice in %s constraint",
                                 (int)column->name.length, (const char *)column->name.bytes, what);
            }
        }
    }
    return KMB_OK;
}

static enum kmb_status create_columns(const struct table_definition *definition, struct table_definition *table,
                                      struct arena *arena, struct kmb_error *error) {
    struct column_definition *columns = arena_alloc_zero(arena, definition->column_count + 1, sizeof(*columns));
    if (columns == NULL) {
        return alter_no_memory(error);
    }
    if (definition->column_count > ROW_COLUMNS_MAX) {
        return error_set(error, KMB_TOO_MANY_COLUMNS, "tables can have at most %d columns", ROW_COLUMNS_MAX);
    }
    for (uint32_t i = 0; i < definition->column_count; i++) {
        columns[i] = definition->columns[i];
        columns[i].id.value = i + 1;
        columns[i].dropped = false;
        columns[i].sealed = false;
        columns[i].missing_value = (struct slice){.length = 0};
        columns[i].added_in.value = 1;
        columns[i].dropped_in.value = 0;
        enum kmb_status status = name_check(columns[i].name, "column", error);
        if (status != KMB_OK) {
            return status;
        }
        for (uint32_t other = 0; other < i; other++) {
            if (slice_equal(columns[other].name, columns[i].name)) {
                return error_set(error, KMB_DUPLICATE_COLUMN, "column \"%.*s\" specified more than once",
                                 (int)columns[i].name.length, (const char *)columns[i].name.bytes);
            }
        }
    }
    for (uint32_t i = 0; i < definition->primary_key_count; i++) {
        uint32_t id = definition->primary_key[i].column.value;
        if (id >= 1 && id <= definition->column_count) {
            columns[id - 1].not_null = true;
        }
    }
    table->columns = columns;
    table->column_count = definition->column_count;
    table->column_id_next = definition->column_count + 1;
    return KMB_OK;
}

static enum kmb_status create_indexes(struct kernel_transaction *transaction, const struct table_definition *definition,
                                      struct table_definition *table, struct names *names, struct arena *arena,
                                      struct kmb_error *error) {
    struct index_definition *indexes = arena_alloc_zero(arena, definition->index_count + 1, sizeof(*indexes));
    if (indexes == NULL) {
        return alter_no_memory(error);
    }
    for (uint32_t i = 0; i < definition->index_count; i++) {
        struct index_definition *index = &indexes[i];
        *index = definition->indexes[i];
        index->id.value = table->id.value + 1 + i;
        index->state = INDEX_READY;
        enum kmb_status status =
            key_parts_check(table, index->parts, index->part_count, index->constraint ? "unique" : "index", error);
        if (status == KMB_OK && index->name.length == 0) {
            status = name_choose(transaction, names, table->schema_name, table->name, columns_text(table, index, arena),
                                 index->constraint ? "key" : "idx", arena, &index->name, error);
        } else if (status == KMB_OK) {
            status = name_check(index->name, "index", error);
            if (status == KMB_OK && !name_free(transaction, names, table->schema_name, index->name)) {
                status = relation_taken(index->name, error);
            }
        }
        if (status != KMB_OK) {
            return status;
        }
        names->taken[names->count++] = index->name;
    }
    table->indexes = indexes;
    table->index_count = definition->index_count;
    return KMB_OK;
}

static bool check_named(const struct check_definition *checks, uint32_t count, struct slice name) {
    for (uint32_t i = 0; i < count; i++) {
        if (slice_equal(checks[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* Constraint names are of the table, not of the schema. */
static enum kmb_status check_name(const struct table_definition *table, const struct check_definition *checks,
                                  uint32_t count, struct check_definition *check, struct arena *arena,
                                  struct kmb_error *error) {
    if (check->name.length > 0) {
        enum kmb_status status = name_check(check->name, "constraint", error);
        if (status == KMB_OK && check_named(checks, count, check->name)) {
            status = error_set(error, KMB_DUPLICATE_OBJECT, "constraint \"%.*s\" for relation \"%.*s\" already exists",
                               (int)check->name.length, (const char *)check->name.bytes, (int)table->name.length,
                               (const char *)table->name.bytes);
        }
        return status;
    }
    char text[DEFINITION_NAME_BYTES_MAX + 1];
    unsigned number = 0;
    do {
        kernel_name_make(table->name, (struct slice){.length = 0}, "check", number++, text);
    } while (check_named(checks, count, slice_text(text)));
    check->name = arena_dup_slice(arena, slice_text(text));
    return check->name.bytes != NULL ? KMB_OK : alter_no_memory(error);
}

static enum kmb_status create_checks(const struct table_definition *definition, struct table_definition *table,
                                     struct arena *arena, struct kmb_error *error) {
    struct check_definition *checks = arena_alloc_zero(arena, definition->check_count + 1, sizeof(*checks));
    if (checks == NULL) {
        return alter_no_memory(error);
    }
    for (uint32_t i = 0; i < definition->check_count; i++) {
        checks[i] = definition->checks[i];
        checks[i].id.value = i + 1;
        enum kmb_status status = check_name(table, checks, i, &checks[i], arena, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    table->checks = checks;
    table->check_count = definition->check_count;
    table->constraint_id_next = definition->check_count + 1;
    return KMB_OK;
}

/* Types share their names with tables and views, whose rows are of a type too. */
static enum kmb_status type_name_free(const struct kernel_transaction *transaction,
                                      const struct table_definition *definition, struct slice name,
                                      struct kmb_error *error) {
    const struct catalogue *catalogue = transaction->evolver.catalogue;
    const struct table_definition *table = catalogue_table(catalogue, definition->schema_name, name);
    bool rows = table != NULL && !definition_is_sequence(table);
    bool taken = catalogue_type(catalogue, definition->schema_name, name) != NULL;
    if (definition_is_type(definition) ? rows || taken : taken && !definition_is_sequence(definition)) {
        error_set(error, KMB_DUPLICATE_OBJECT, "type \"%.*s\" already exists", (int)name.length,
                  (const char *)name.bytes);
        if (!definition_is_type(definition)) {
            error_hint(error, "A relation has an associated type of the same name, so you must use a name that doesn't "
                              "conflict with any existing type.");
        }
        return KMB_DUPLICATE_OBJECT;
    }
    return KMB_OK;
}

static enum kmb_status create_build(struct kernel_transaction *transaction, const struct table_definition *definition,
                                    struct table_definition *table, struct arena *arena, struct kmb_error *error) {
    *table = *definition;
    if (table->schema_name.length == 0) {
        table->schema_name = slice_text(CATALOGUE_SCHEMA_DEFAULT);
    }
    table->id.value = catalogue_object_id_next(transaction->evolver.catalogue);
    table->version.value = 1;
    if (definition->index_count > DEFINITION_INDEXES_MAX || definition->check_count > DEFINITION_CHECKS_MAX ||
        table->id.value >= OBJECT_ID_MAX - DEFINITION_INDEXES_MAX) {
        return error_set(error, KMB_LIMIT, "table \"%.*s\" has too many indexes or constraints",
                         (int)table->name.length, (const char *)table->name.bytes);
    }
    bool type = definition_is_type(table);
    enum kmb_status status = name_check(table->name, type ? "type" : "table", error);
    if (status == KMB_OK && catalogue_schema(transaction->evolver.catalogue, table->schema_name) == NULL) {
        status = error_set(error, KMB_UNDEFINED_SCHEMA, "schema \"%.*s\" does not exist",
                           (int)table->schema_name.length, (const char *)table->schema_name.bytes);
    }
    if (status == KMB_OK && !type &&
        catalogue_relation_exists(transaction->evolver.catalogue, table->schema_name, table->name)) {
        status = relation_taken(table->name, error);
    }
    if (status == KMB_OK) {
        status = type_name_free(transaction, table, table->name, error);
    }
    if (status == KMB_OK && type && table->id.value > TYPE_OBJECT_MAX) {
        status = error_set(error, KMB_LIMIT, "type \"%.*s\" is one too many", (int)table->name.length,
                           (const char *)table->name.bytes);
    }
    if (status == KMB_OK) {
        status = create_columns(definition, table, arena, error);
    }
    struct names names = {.taken = arena_alloc(arena, ((size_t)definition->index_count + 2) * sizeof(struct slice)),
                          .count = 0};
    if (status == KMB_OK && names.taken == NULL) {
        status = alter_no_memory(error);
    }
    if (status != KMB_OK) {
        return status;
    }
    names.taken[names.count++] = table->name;
    if (definition->primary_key_count > 0) {
        status = key_parts_check(table, definition->primary_key, definition->primary_key_count, "primary key", error);
        if (status == KMB_OK && table->primary_key_name.length == 0) {
            status = name_choose(transaction, &names, table->schema_name, table->name, (struct slice){.length = 0},
                                 "pkey", arena, &table->primary_key_name, error);
        } else if (status == KMB_OK) {
            status = name_check(table->primary_key_name, "constraint", error);
            if (status == KMB_OK && !name_free(transaction, &names, table->schema_name, table->primary_key_name)) {
                status = relation_taken(table->primary_key_name, error);
            }
        }
        names.taken[names.count++] = table->primary_key_name;
    } else {
        table->primary_key_name = (struct slice){.length = 0};
    }
    if (status == KMB_OK) {
        status = create_indexes(transaction, definition, table, &names, arena, error);
    }
    return status == KMB_OK ? create_checks(definition, table, arena, error) : status;
}

enum kmb_status kernel_create_table(struct kernel_transaction *transaction, const struct table_definition *definition,
                                    struct table_id *id, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    struct arena arena;
    arena_init(&arena, 0);
    struct event event = {.kind = definition_is_view(definition)       ? EVENT_VIEW_CREATED
                                  : definition_is_sequence(definition) ? EVENT_SEQUENCE_CREATED
                                  : definition_is_type(definition)     ? EVENT_TYPE_CREATED
                                                                       : EVENT_TABLE_CREATED};
    struct table_definition *table = &event.as.table_created.table;
    status = create_build(transaction, definition, table, &arena, error);
    if (status == KMB_OK) {
        status = emit(transaction, &event, error);
    }
    if (status == KMB_OK && id != NULL) {
        *id = table->id;
    }
    arena_free(&arena);
    return status;
}

enum kmb_status kernel_drop_table(struct kernel_transaction *transaction, struct table_id id, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    struct event event = {.kind = EVENT_TABLE_DROPPED, .as.table_dropped = {.table = id}};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_rename_table(struct kernel_transaction *transaction, struct table_id id, struct slice name,
                                    struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status == KMB_OK) {
        status = name_check(name, definition_is_type(&table->definition) ? "type" : "table", error);
    }
    if (status == KMB_OK && !definition_is_type(&table->definition) &&
        catalogue_relation_exists(transaction->evolver.catalogue, table->definition.schema_name, name)) {
        status = relation_taken(name, error);
    }
    if (status == KMB_OK) {
        status = type_name_free(transaction, &table->definition, name, error);
    }
    struct event event = {.kind = EVENT_TABLE_RENAMED, .as.table_renamed = {.table = id, .name = name}};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

static enum kmb_status column_of_id(const struct catalogue_table *table, struct column_id id, uint32_t *ordinal,
                                    struct kmb_error *error) {
    for (uint32_t i = 0; i < table->living_count; i++) {
        if (table->living[i]->id.value == id.value) {
            *ordinal = i;
            return KMB_OK;
        }
    }
    return error_set(error, KMB_UNDEFINED_COLUMN, "column %u of relation \"%.*s\" does not exist", id.value,
                     (int)table->definition.name.length, (const char *)table->definition.name.bytes);
}

static enum kmb_status column_taken(const struct catalogue_table *table, struct slice name, struct kmb_error *error) {
    return error_set(error, KMB_DUPLICATE_COLUMN, "column \"%.*s\" of relation \"%.*s\" already exists",
                     (int)name.length, (const char *)name.bytes, (int)table->definition.name.length,
                     (const char *)table->definition.name.bytes);
}

static enum kmb_status column_has_nulls(const struct catalogue_table *table, struct slice name,
                                        struct kmb_error *error) {
    error_set(error, KMB_NOT_NULL_VIOLATION, "column \"%.*s\" of relation \"%.*s\" contains null values",
              (int)name.length, (const char *)name.bytes, (int)table->definition.name.length,
              (const char *)table->definition.name.bytes);
    error_about(error, &(struct error_about){
                           .schema = table->definition.schema_name, .table = table->definition.name, .column = name});
    return KMB_NOT_NULL_VIOLATION;
}

/* Does any row have NULL in living column `ordinal`; or, with UINT32_MAX, is there any row? */
static enum kmb_status rows_have_null(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                      uint32_t ordinal, bool *answer, struct kmb_error *error) {
    struct kernel_view *view = NULL;
    struct kernel_scan *scan = NULL;
    *answer = false;
    enum kmb_status status = kernel_transaction_view(transaction, &view, error);
    if (status == KMB_OK) {
        status = kernel_scan_open(view, &table->definition, NULL, &scan, error);
    }
    while (status == KMB_OK && !*answer) {
        struct kernel_row rows[64];
        size_t count = 0;
        status = evolver_interrupted(&transaction->evolver, error);
        if (status != KMB_OK) {
            break;
        }
        status = kernel_scan_next(scan, rows, ARRAY_LENGTH(rows), &count, error);
        if (status != KMB_OK || count == 0) {
            break;
        }
        for (size_t i = 0; i < count && !*answer; i++) {
            const struct table_layout *layout = row_layout_of(table, rows[i].image);
            if (layout == NULL) {
                status = meta_damaged(error, "a row has an unknown schema version");
                break;
            }
            struct value value = value_null(TYPE_UNKNOWN);
            if (ordinal != UINT32_MAX) {
                row_column_get(table, layout, rows[i].image, ordinal, &value);
            }
            *answer = value.is_null;
        }
    }
    kernel_scan_close(scan);
    kernel_view_close(view);
    return status;
}

enum kmb_status kernel_add_column(struct kernel_transaction *transaction, struct table_id id,
                                  const struct column_definition *column, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status == KMB_OK) {
        status = name_check(column->name, "column", error);
    }
    if (status == KMB_OK && definition_column_of_name(&table->definition, column->name) != NULL) {
        status = column_taken(table, column->name, error);
    }
    if (status == KMB_OK && table->living_count >= ROW_COLUMNS_MAX) {
        status = error_set(error, KMB_TOO_MANY_COLUMNS, "tables can have at most %d columns", ROW_COLUMNS_MAX);
    }
    if (status == KMB_OK && column->not_null && column->missing_value.length == 0) {
        bool any = false;
        status = rows_have_null(transaction, table, UINT32_MAX, &any, error);
        if (status == KMB_OK && any) {
            status = column_has_nulls(table, column->name, error);
        }
    }
    struct event event = {.kind = EVENT_COLUMN_ADDED, .as.column_added = {.table = id}};
    struct event_column_added *added = &event.as.column_added;
    if (status == KMB_OK) {
        status = version_next(table, &added->version, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    added->column = *column;
    added->column.id.value = table->definition.column_id_next;
    added->column.dropped = false;
    added->column.sealed = false;
    added->column.added_in = added->version;
    added->column.dropped_in.value = 0;
    return emit(transaction, &event, error);
}

static bool index_uses(const struct index_definition *index, struct column_id column) {
    for (uint32_t i = 0; i < index->part_count; i++) {
        if (index->parts[i].column.value == column.value) {
            return true;
        }
    }
    return false;
}

enum kmb_status kernel_drop_column(struct kernel_transaction *transaction, struct table_id id, struct column_id column,
                                   struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    uint32_t ordinal = 0;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status == KMB_OK) {
        status = column_of_id(table, column, &ordinal, error);
    }
    for (uint32_t i = 0; status == KMB_OK && i < table->definition.primary_key_count; i++) {
        if (table->definition.primary_key[i].column.value == column.value) {
            struct slice name = table->living[ordinal]->name;
            error_set(error, KMB_UNSUPPORTED, "cannot drop primary-key column '%.*s' from table %.*s", (int)name.length,
                      (const char *)name.bytes, (int)table->definition.name.length,
                      (const char *)table->definition.name.bytes);
            error_hint(error, "drop or recreate the table instead");
            return KMB_UNSUPPORTED;
        }
    }
    /* Indexes on the column go with it, as in PostgreSQL; each drop makes another version of the table. */
    while (status == KMB_OK) {
        const struct index_definition *user = NULL;
        for (uint32_t i = 0; i < table->definition.index_count && user == NULL; i++) {
            user = index_uses(&table->definition.indexes[i], column) ? &table->definition.indexes[i] : NULL;
        }
        if (user == NULL) {
            break;
        }
        status = kernel_drop_index(transaction, id, user->id, error);
        if (status == KMB_OK) {
            status = table_of_id(transaction, id, &table, error);
        }
    }
    struct event event = {.kind = EVENT_COLUMN_DROPPED, .as.column_dropped = {.table = id, .column = column}};
    if (status == KMB_OK) {
        status = version_next(table, &event.as.column_dropped.version, error);
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

/* The table, once it is sure that its column may have that name. */
static enum kmb_status table_to_name(struct kernel_transaction *transaction, struct table_id id,
                                     struct column_id column, struct slice name, const struct catalogue_table **table,
                                     struct kmb_error *error) {
    uint32_t ordinal = 0;
    enum kmb_status status = table_of_id(transaction, id, table, error);
    if (status == KMB_OK) {
        status = column_of_id(*table, column, &ordinal, error);
    }
    if (status == KMB_OK) {
        status = name_check(name, "column", error);
    }
    if (status == KMB_OK && definition_column_of_name(&(*table)->definition, name) != NULL) {
        status = column_taken(*table, name, error);
    }
    return status;
}

enum kmb_status kernel_rename_column(struct kernel_transaction *transaction, struct table_id id,
                                     struct column_id column, struct slice name, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_to_name(transaction, id, column, name, &table, error);
    struct event event = {.kind = EVENT_COLUMN_RENAMED,
                          .as.column_renamed = {.table = id, .column = column, .name = name}};
    if (status == KMB_OK) {
        status = version_next(table, &event.as.column_renamed.version, error);
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_change_default(struct kernel_transaction *transaction, struct table_id id,
                                      struct column_id column, enum default_kind kind, struct slice text,
                                      struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    uint32_t ordinal = 0;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status == KMB_OK) {
        status = column_of_id(table, column, &ordinal, error);
    }
    struct event event = {
        .kind = EVENT_COLUMN_DEFAULT_CHANGED,
        .as.column_default_changed = {.table = id, .column = column, .default_kind = kind, .default_text = text}};
    if (status == KMB_OK) {
        status = version_next(table, &event.as.column_default_changed.version, error);
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_change_not_null(struct kernel_transaction *transaction, struct table_id id,
                                       struct column_id column, bool not_null, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    uint32_t ordinal = 0;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status == KMB_OK) {
        status = column_of_id(table, column, &ordinal, error);
    }
    bool found = false;
    if (status == KMB_OK && not_null) {
        status = rows_have_null(transaction, table, ordinal, &found, error);
        if (status == KMB_OK && found) {
            status = column_has_nulls(table, table->living[ordinal]->name, error);
        }
    }
    for (uint32_t i = 0; status == KMB_OK && !not_null && i < table->definition.primary_key_count; i++) {
        if (table->definition.primary_key[i].column.value == column.value) {
            struct slice name = table->living[ordinal]->name;
            return error_set(error, KMB_INVALID_TABLE_DEFINITION, "column \"%.*s\" is in a primary key",
                             (int)name.length, (const char *)name.bytes);
        }
    }
    struct event event = {.kind = EVENT_COLUMN_NOT_NULL_CHANGED,
                          .as.column_not_null_changed = {.table = id, .column = column, .not_null = not_null}};
    if (status == KMB_OK) {
        status = version_next(table, &event.as.column_not_null_changed.version, error);
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

/* --- checks and indexes ------------------------------------------------------------------------------------------- */

enum kmb_status kernel_add_check(struct kernel_transaction *transaction, struct table_id id,
                                 const struct check_definition *check, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status != KMB_OK) {
        return status;
    }
    if (table->definition.check_count >= DEFINITION_CHECKS_MAX) {
        return error_set(error, KMB_LIMIT, "table \"%.*s\" has %d constraints, which is the most",
                         (int)table->definition.name.length, (const char *)table->definition.name.bytes,
                         DEFINITION_CHECKS_MAX);
    }
    struct arena arena;
    arena_init(&arena, 0);
    struct event event = {.kind = EVENT_CHECK_ADDED, .as.check_added = {.table = id, .check = *check}};
    event.as.check_added.check.id.value = table->definition.constraint_id_next;
    status = check_name(&table->definition, table->definition.checks, table->definition.check_count,
                        &event.as.check_added.check, &arena, error);
    if (status == KMB_OK) {
        status = version_next(table, &event.as.check_added.version, error);
    }
    if (status == KMB_OK) {
        status = emit(transaction, &event, error);
    }
    arena_free(&arena);
    return status;
}

enum kmb_status kernel_drop_check(struct kernel_transaction *transaction, struct table_id id,
                                  struct constraint_id check, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status != KMB_OK) {
        return status;
    }
    struct event event = {.kind = EVENT_CHECK_DROPPED, .as.check_dropped = {.table = id, .check = check}};
    for (uint32_t i = 0; i < table->definition.check_count; i++) {
        if (table->definition.checks[i].id.value == check.value) {
            status = version_next(table, &event.as.check_dropped.version, error);
            return status == KMB_OK ? emit(transaction, &event, error) : status;
        }
    }
    return error_set(error, KMB_UNDEFINED_OBJECT, "constraint %u of relation \"%.*s\" does not exist", check.value,
                     (int)table->definition.name.length, (const char *)table->definition.name.bytes);
}

static enum kmb_status constraint_absent(const struct catalogue_table *table, uint32_t id, struct kmb_error *error) {
    return error_set(error, KMB_UNDEFINED_OBJECT, "constraint %u of relation \"%.*s\" does not exist", id,
                     (int)table->definition.name.length, (const char *)table->definition.name.bytes);
}

enum kmb_status kernel_replace_column(struct kernel_transaction *transaction, struct table_id id, struct column_id old,
                                      struct column_id column, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    uint32_t ordinal = 0;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status == KMB_OK) {
        status = column_of_id(table, old, &ordinal, error);
    }
    if (status == KMB_OK) {
        status = column_of_id(table, column, &ordinal, error);
    }
    struct event event = {.kind = EVENT_COLUMN_REPLACED,
                          .as.column_replaced = {.table = id, .old = old, .column = column}};
    if (status == KMB_OK) {
        status = version_next(table, &event.as.column_replaced.version, error);
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_show_column(struct kernel_transaction *transaction, struct table_id id, struct column_id column,
                                   struct slice name, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_to_name(transaction, id, column, name, &table, error);
    struct event event = {.kind = EVENT_COLUMN_SHOWN, .as.column_shown = {.table = id, .column = column, .name = name}};
    if (status == KMB_OK) {
        status = version_next(table, &event.as.column_shown.version, error);
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_change_primary_key(struct kernel_transaction *transaction, struct table_id id, struct slice name,
                                          const struct key_part *parts, uint32_t part_count, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status == KMB_OK && part_count > 0) {
        status = key_parts_check(&table->definition, parts, part_count, "primary key", error);
    }
    struct arena arena;
    struct names none = {.count = 0};
    arena_init(&arena, 0);
    struct event event = {.kind = EVENT_PRIMARY_KEY_CHANGED,
                          .as.primary_key_changed = {.table = id, .parts = parts, .part_count = part_count}};
    if (status == KMB_OK && part_count > 0 && name.length == 0) {
        status = name_choose(transaction, &none, table->definition.schema_name, table->definition.name,
                             (struct slice){.length = 0}, "pkey", &arena, &name, error);
    } else if (status == KMB_OK && part_count > 0) {
        status = name_check(name, "constraint", error);
        if (status == KMB_OK && !name_free(transaction, &none, table->definition.schema_name, name)) {
            status = relation_taken(name, error);
        }
    }
    event.as.primary_key_changed.name = name;
    if (status == KMB_OK) {
        status = version_next(table, &event.as.primary_key_changed.version, error);
    }
    if (status == KMB_OK) {
        status = emit(transaction, &event, error);
    }
    arena_free(&arena);
    return status;
}

enum kmb_status kernel_rename_constraint(struct kernel_transaction *transaction, struct table_id id,
                                         enum definition_part part, uint32_t constraint, struct slice name,
                                         struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    bool relation = part == DEFINITION_INDEX || part == DEFINITION_PRIMARY_KEY;
    if (status == KMB_OK) {
        status = name_check(name, relation ? "index" : "constraint", error);
    }
    if (status == KMB_OK && relation &&
        catalogue_relation_exists(transaction->evolver.catalogue, table->definition.schema_name, name)) {
        status = relation_taken(name, error);
    }
    struct event event = {.kind = EVENT_CONSTRAINT_RENAMED,
                          .as.constraint_renamed = {.table = id, .part = part, .id = constraint, .name = name}};
    if (status == KMB_OK) {
        status = version_next(table, &event.as.constraint_renamed.version, error);
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_change_valid(struct kernel_transaction *transaction, struct table_id id,
                                    struct constraint_id constraint, bool valid, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status != KMB_OK) {
        return status;
    }
    struct event event = {
        .kind = EVENT_CONSTRAINT_VALID_CHANGED,
        .as.constraint_valid_changed = {.table = id, .constraint = constraint, .valid = valid},
    };
    const struct foreign_key_definition *key = NULL;
    bool found = false;
    for (uint32_t i = 0; i < table->definition.check_count; i++) {
        found = found || table->definition.checks[i].id.value == constraint.value;
    }
    for (uint32_t i = 0; i < table->definition.foreign_key_count; i++) {
        if (table->definition.foreign_keys[i].id.value == constraint.value) {
            key = &table->definition.foreign_keys[i];
        }
    }
    if (!found && key == NULL) {
        return constraint_absent(table, constraint.value, error);
    }
    if (valid && key != NULL) {
        status = transaction_check_foreign_key(transaction, &table->definition, key, error);
    }
    if (status == KMB_OK) {
        status = version_next(table, &event.as.constraint_valid_changed.version, error);
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

static enum kmb_status label_emit(struct kernel_transaction *transaction, enum event_kind kind, struct table_id id,
                                  struct slice label, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    struct event event = {.kind = kind, .as.label = {.type = id, .label = label}};
    if (status == KMB_OK) {
        status = version_next(table, &event.as.label.version, error);
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_add_label(struct kernel_transaction *transaction, struct table_id type, struct slice label,
                                 struct kmb_error *error) {
    return label_emit(transaction, EVENT_LABEL_ADDED, type, label, error);
}

enum kmb_status kernel_rename_label(struct kernel_transaction *transaction, struct table_id type, struct slice label,
                                    struct kmb_error *error) {
    return label_emit(transaction, EVENT_LABEL_RENAMED, type, label, error);
}

enum kmb_status kernel_comment(struct kernel_transaction *transaction, struct table_id id, enum definition_part part,
                               uint32_t of, struct slice text, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status == KMB_OK && text.length > 0 && table->definition.comment_count >= DEFINITION_COMMENTS_MAX &&
        definition_comment(&table->definition, part, of).length == 0) {
        status = error_set(error, KMB_LIMIT, "relation \"%.*s\" has %d comments, which is the most",
                           (int)table->definition.name.length, (const char *)table->definition.name.bytes,
                           DEFINITION_COMMENTS_MAX);
    }
    struct event event = {.kind = EVENT_COMMENT_SET,
                          .as.comment_set = {.table = id, .part = part, .id = of, .text = text}};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

/* "could not create unique index": which key two rows have. */
static enum kmb_status index_duplicate(struct kernel_transaction *transaction, struct table_id id,
                                       const struct index_definition *index, struct kmb_error *error) {
    error_set(error, KMB_UNIQUE_VIOLATION, "could not create unique index \"%.*s\"", (int)index->name.length,
              (const char *)index->name.bytes);
    const struct table_definition *definition = catalogue_table_of_id(transaction->evolver.catalogue, id);
    ASSERT(definition != NULL);
    error_about(error, &(struct error_about){
                           .schema = definition->schema_name, .table = definition->name, .constraint = index->name});
    const struct catalogue_table *table = catalogue_table_of(definition);
    struct buffer memory = {.bytes = NULL};
    struct buffer text = {.bytes = NULL};
    struct kernel_row row;
    bool found = false;
    struct value *values = mem_alloc_zero((size_t)table->living_count + 1, sizeof(*values));
    enum kmb_status status = kernel_transaction_get(
        transaction, definition, buffer_slice(&transaction->evolver.clash.key), &memory, &row, &found, NULL);
    if (status == KMB_OK && found && values != NULL &&
        catalogue_row_read(transaction->evolver.catalogue, definition, row.image, values, NULL) == KMB_OK) {
        struct key_plan plan = {.count = (uint16_t)index->part_count};
        for (uint32_t i = 0; i < index->part_count; i++) {
            plan.ordinals[i] =
                catalogue_column_ordinal(transaction->evolver.catalogue, definition, index->parts[i].column);
        }
        write_describe_key(table, &plan, values, &text);
        const char *described = buffer_text(&text);
        if (described != NULL) {
            error_detail(error, "Key %s is duplicated.", described);
        }
    }
    mem_free(values);
    buffer_free(&memory);
    buffer_free(&text);
    return KMB_UNIQUE_VIOLATION;
}

static enum kmb_status index_emit(struct kernel_transaction *transaction, struct table_id id,
                                  const struct index_definition *index, struct kmb_error *error) {
    struct kernel_mark *mark = NULL;
    enum kmb_status status = kernel_transaction_mark(transaction, &mark, error);
    if (status != KMB_OK) {
        return status;
    }
    struct event declared = {.kind = EVENT_INDEX_DECLARED, .as.index_declared = {.table = id, .index = *index}};
    struct event ready = {.kind = EVENT_INDEX_READY, .as.index_ready = {.table = id, .index = index->id}};
    status = transaction_emit(transaction, &declared, error);
    if (status == KMB_OK) {
        transaction->evolver.clash.set = false;
        status = transaction_emit(transaction, &ready, error);
    }
    if (status != KMB_OK) {
        bool clash = status == KMB_UNIQUE_VIOLATION;
        enum kmb_status back = kernel_transaction_rollback_to(transaction, mark, NULL);
        if (back != KMB_OK) {
            status = back;
        } else if (clash) {
            status = index_duplicate(transaction, id, index, error);
        }
    }
    kernel_mark_free(mark);
    return status == KMB_OK ? transaction_defined(transaction, error) : status;
}

enum kmb_status kernel_create_index(struct kernel_transaction *transaction, struct table_id id,
                                    const struct index_definition *given, struct index_id *index_id,
                                    struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct table_definition *definition = &table->definition;
    struct index_definition index = *given;
    index.id.value = catalogue_object_id_next(transaction->evolver.catalogue);
    index.state = INDEX_DECLARED;
    if (definition->index_count >= DEFINITION_INDEXES_MAX || index.id.value >= OBJECT_ID_MAX) {
        return error_set(error, KMB_LIMIT, "table \"%.*s\" can have no more indexes", (int)definition->name.length,
                         (const char *)definition->name.bytes);
    }
    struct arena arena;
    arena_init(&arena, 0);
    status = key_parts_check(definition, index.parts, index.part_count, index.constraint ? "unique" : "index", error);
    if (status == KMB_OK && index.name.length == 0) {
        struct names none = {.count = 0};
        status = name_choose(transaction, &none, definition->schema_name, definition->name,
                             columns_text(definition, &index, &arena), index.constraint ? "key" : "idx", &arena,
                             &index.name, error);
    } else if (status == KMB_OK) {
        status = name_check(index.name, "index", error);
        if (status == KMB_OK &&
            catalogue_relation_exists(transaction->evolver.catalogue, definition->schema_name, index.name)) {
            status = relation_taken(index.name, error);
        }
    }
    if (status == KMB_OK) {
        status = index_emit(transaction, id, &index, error);
    }
    if (status == KMB_OK && index_id != NULL) {
        *index_id = index.id;
    }
    arena_free(&arena);
    return status;
}

enum kmb_status kernel_drop_index(struct kernel_transaction *transaction, struct table_id id, struct index_id index,
                                  struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = table_of_id(transaction, id, &table, error);
    if (status == KMB_OK && definition_index_of_id(&table->definition, index) == NULL) {
        status = error_set(error, KMB_UNDEFINED_OBJECT, "index %u of relation \"%.*s\" does not exist", index.value,
                           (int)table->definition.name.length, (const char *)table->definition.name.bytes);
    }
    struct event event = {.kind = EVENT_INDEX_DROPPED, .as.index_dropped = {.table = id, .index = index}};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}
