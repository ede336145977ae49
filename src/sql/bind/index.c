/*
 * CREATE INDEX: what it is of, bound once for its errors and kept as names and texts.
 *
 * An index on an expression is an index on a hidden column that holds the expression's value, computed with each row as
 * a generated column is; a partial index has a hidden column that says whether the row is in it. So nothing below SQL
 * evaluates expressions, and the log alone makes the index again.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

static bool visit_immutable(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_CALL || node->function->volatility == SQL_IMMUTABLE;
}

static void index_refuse(struct bind *bind, const PgQuery__IndexStmt *create) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(create->relation->location);
    if (create->access_method != NULL && create->access_method[0] != 0 && strcmp(create->access_method, "btree") != 0) {
        sql_raise_unsupported(context, position, "index access method \"%s\"", create->access_method);
    }
    bind_storage_parameters(bind, create->options, create->n_options);
    if (create->table_space != NULL && create->table_space[0] != 0) {
        sql_raise_unsupported(context, position, "TABLESPACE");
    }
    if (!create->relation->inh) {
        sql_raise_unsupported(context, position, "ONLY");
    }
}

struct indexing {
    struct bind *bind;
    const struct catalogue *catalogue;
    const struct table_definition *table;
    struct scope scope;
    uint32_t position;
};

static const struct column_definition *index_column(const struct indexing *indexing, const char *name) {
    for (uint32_t i = 0; i < catalogue_column_count(indexing->catalogue, indexing->table); i++) {
        const struct column_definition *column = catalogue_column(indexing->catalogue, indexing->table, i);
        if (slice_equal_text(column->name, name)) {
            return column;
        }
    }
    if (bind_is_system_column(name)) {
        sql_raise(indexing->bind->context, KMB_UNSUPPORTED, indexing->position,
                  "index creation on system columns is not supported");
    }
    sql_raise(indexing->bind->context, KMB_UNDEFINED_COLUMN, indexing->position, "column \"%s\" does not exist", name);
}

static void index_expression(const struct indexing *indexing, const PgQuery__Node *node, struct plan_index_part *part) {
    struct bind *bind = indexing->bind;
    struct bind_scope place = {.bind = bind, .scope = &indexing->scope, .place = BIND_INDEX};
    if (node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && node->column_ref->n_fields == 1 &&
        node->column_ref->fields[0]->node_case == PG_QUERY__NODE__NODE_STRING) {
        part->column = bind_string(node->column_ref->fields[0]); /* a column in parentheses */
        part->type = index_column(indexing, part->column)->type;
        return;
    }
    const struct expr *value = bind_resolve_unknown(bind, bind_expression(&place, node));
    if (!expr_walk(value, visit_immutable, NULL) || bind->time_dependent) {
        sql_raise(bind->context, KMB_INVALID_OBJECT_DEFINITION, 0,
                  "functions in index expression must be marked IMMUTABLE");
    }
    part->text = parse_deparse(bind->context, node);
    part->type = value->type;
    part->label = bind_column_name(bind->context, node);
    part->label = strcmp(part->label, "?column?") == 0 ? "expr" : part->label;
}

/* The operator classes that PostgreSQL's btree indexes have for types without being asked; and those for patterns,
 * which are the same here: the collation is "C" everywhere, so that texts are compared byte by byte anyway. */
static const struct {
    const char *name;
    enum type_id types[2];
} operator_classes[] = {
    {"bool_ops", {TYPE_BOOL}},
    {"int2_ops", {TYPE_INT2}},
    {"int4_ops", {TYPE_INT4}},
    {"int8_ops", {TYPE_INT8}},
    {"float4_ops", {TYPE_FLOAT4}},
    {"float8_ops", {TYPE_FLOAT8}},
    {"numeric_ops", {TYPE_NUMERIC}},
    {"text_ops", {TYPE_TEXT, TYPE_VARCHAR}},
    {"bpchar_ops", {TYPE_BPCHAR}},
    {"varchar_ops", {TYPE_TEXT, TYPE_VARCHAR}},
    {"bytea_ops", {TYPE_BYTEA}},
    {"date_ops", {TYPE_DATE}},
    {"time_ops", {TYPE_TIME}},
    {"timestamp_ops", {TYPE_TIMESTAMP}},
    {"interval_ops", {TYPE_INTERVAL}},
    {"timestamptz_ops", {TYPE_TIMESTAMPTZ}},
    {"uuid_ops", {TYPE_UUID}},
    {"jsonb_ops", {TYPE_JSONB}},
    {"enum_ops", {TYPE_ENUM}},
    {"name_ops", {TYPE_NAME}},
    {"char_ops", {TYPE_CHAR}},
    {"oid_ops", {TYPE_OID}},
    {"array_ops", {TYPE_UNKNOWN}},
    {"text_pattern_ops", {TYPE_TEXT, TYPE_VARCHAR}},
    {"bpchar_pattern_ops", {TYPE_BPCHAR}},
    {"varchar_pattern_ops", {TYPE_TEXT, TYPE_VARCHAR}},
};

static void check_operator_class(struct bind *bind, PgQuery__Node *const *names, size_t count, struct type type,
                                 uint32_t position) {
    const char *name = bind_string(names[count - 1]);
    bool known = false;
    bool fits = false;
    for (size_t i = 0; i < ARRAY_LENGTH(operator_classes); i++) {
        if (strcmp(operator_classes[i].name, name) == 0) {
            enum type_id id = type_kind(type.id);
            known = true;
            fits = operator_classes[i].types[0] == TYPE_UNKNOWN
                       ? type_is_array(type.id)
                       : id == operator_classes[i].types[0] || id == operator_classes[i].types[1];
        }
    }
    if (!known) {
        sql_raise(bind->context, KMB_UNDEFINED_OBJECT, position,
                  "operator class \"%s\" does not exist for access method \"btree\"", name);
    }
    if (!fits) {
        sql_raise(bind->context, KMB_DATATYPE_MISMATCH, position, "operator class \"%s\" does not accept data type %s",
                  name, bind_type_text(bind, type));
    }
}

void bind_index_order(struct bind *bind, const PgQuery__IndexElem *element, struct type type, uint32_t position) {
    if (element->n_collation > 0) {
        PgQuery__CollateClause collate = PG_QUERY__COLLATE_CLAUSE__INIT;
        collate.collname = element->collation;
        collate.n_collname = element->n_collation;
        collate.location = position == 0 ? -1 : (int32_t)position - 1;
        bind_check_collation(bind, &collate, type);
    }
    if (element->n_opclassopts > 0) {
        sql_raise_unsupported(bind->context, position, "options of an operator class");
    }
    if (element->n_opclass > 0) {
        check_operator_class(bind, element->opclass, element->n_opclass, type, position);
    }
}

static struct plan_index_part index_part(const struct indexing *indexing, const PgQuery__IndexElem *element) {
    struct sql_context *context = indexing->bind->context;
    struct plan_index_part part = {.descending = element->ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC};
    bool nulls_first = element->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST;
    bool nulls_last = element->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST;
    part.nulls_other = part.descending ? nulls_last : nulls_first;
    if (element->expr != NULL) {
        index_expression(indexing, element->expr, &part);
    } else {
        part.column = element->name;
        part.type = index_column(indexing, element->name)->type;
    }
    bind_index_order(indexing->bind, element, part.type, indexing->position);
    enum kmb_status status = key_type_check(part.type, context->error);
    if (status != KMB_OK) {
        sql_raise_status(context, status, indexing->position);
    }
    part.label = part.column != NULL ? part.column : part.label;
    return part;
}

static const char *index_included(const struct indexing *indexing, const PgQuery__IndexElem *element) {
    struct sql_context *context = indexing->bind->context;
    if (element->expr != NULL) {
        sql_raise(context, KMB_UNSUPPORTED, 0, "expressions are not supported in included columns");
    }
    if (element->ordering != PG_QUERY__SORT_BY_DIR__SORTBY_DEFAULT) {
        sql_raise(context, KMB_UNSUPPORTED, 0, "including column does not support ASC/DESC options");
    }
    if (element->nulls_ordering != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT) {
        sql_raise(context, KMB_UNSUPPORTED, 0, "including column does not support NULLS FIRST/LAST options");
    }
    return bind_text(context, index_column(indexing, element->name)->name);
}

static const char *index_predicate(const struct indexing *indexing, const PgQuery__Node *node) {
    struct bind *bind = indexing->bind;
    struct bind_scope place = {.bind = bind, .scope = &indexing->scope, .place = BIND_PREDICATE};
    const struct expr *condition = bind_condition(&place, node, "WHERE");
    if (!expr_walk(condition, visit_immutable, NULL) || bind->time_dependent) {
        sql_raise(bind->context, KMB_INVALID_OBJECT_DEFINITION, 0,
                  "functions in index predicate must be marked IMMUTABLE");
    }
    return parse_deparse(bind->context, node);
}

/* "a_lower_expr1": the columns' names, each once. */
static const char *index_label(struct sql_context *context, const struct plan_index *index) {
    uint32_t count = index->part_count + index->include_count;
    const char **labels = sql_alloc(context, (count + 1) * sizeof(*labels));
    const char *text = "";
    for (uint32_t i = 0; i < count; i++) {
        const char *stem = i < index->part_count ? index->parts[i].label : index->include[i - index->part_count];
        labels[i] = stem;
        for (uint32_t number = 1, k = 0; k < i; k++) {
            if (strcmp(labels[k], labels[i]) == 0) {
                labels[i] = sql_printf(context, "%s%u", stem, number++);
                k = UINT32_MAX; /* from the first again */
            }
        }
        text = sql_printf(context, "%s%s%s", text, i == 0 ? "" : "_", labels[i]);
    }
    return text;
}

void bind_create_index(struct bind *bind, const PgQuery__IndexStmt *create, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    struct indexing indexing = {.bind = bind, .position = bind_location(create->relation->location)};
    index_refuse(bind, create);
    bind_check_schema(bind, create->relation);
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    struct plan_index *index = sql_alloc_zero(context, 1, sizeof(*index));
    statement->ddl = ddl;
    ddl->alone = create->concurrent ? "CREATE INDEX CONCURRENTLY" : NULL;
    indexing.table = bind_table(bind, create->relation, &indexing.catalogue, false);
    bind_table_scope(bind, indexing.catalogue, indexing.table, create->relation->relname, 0, &indexing.scope);
    if (create->n_index_params + create->n_index_including_params > DEFINITION_KEY_COLUMNS_MAX) {
        sql_raise(context, KMB_TOO_MANY_COLUMNS, indexing.position, "cannot use more than %d columns in an index",
                  DEFINITION_KEY_COLUMNS_MAX);
    }
    struct plan_index_part *parts = sql_alloc_zero(context, create->n_index_params + 1, sizeof(*parts));
    const char **include = sql_alloc(context, (create->n_index_including_params + 1) * sizeof(*include));
    for (size_t i = 0; i < create->n_index_params; i++) {
        parts[i] = index_part(&indexing, create->index_params[i]->index_elem);
    }
    for (size_t i = 0; i < create->n_index_including_params; i++) {
        include[i] = index_included(&indexing, create->index_including_params[i]->index_elem);
    }
    bool named = create->idxname != NULL && create->idxname[0] != 0;
    index->name = named ? create->idxname : NULL;
    index->parts = parts;
    index->part_count = (uint32_t)create->n_index_params;
    index->include = include;
    index->include_count = (uint32_t)create->n_index_including_params;
    index->unique = create->unique;
    index->nulls_same = create->nulls_not_distinct;
    index->predicate = create->where_clause == NULL ? NULL : index_predicate(&indexing, create->where_clause);
    index->label = index_label(context, index);
    ddl->kind = DDL_CREATE_INDEX;
    ddl->table_id = indexing.table->id;
    ddl->index = index;
    if (named &&
        catalogue_relation_exists(indexing.catalogue, indexing.table->schema_name, slice_text(create->idxname))) {
        if (!create->if_not_exists) {
            sql_raise(context, KMB_DUPLICATE_TABLE, 0, "relation \"%s\" already exists", create->idxname);
        }
        bind_notice(bind, KMB_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", create->idxname);
        ddl->kind = DDL_NOTHING;
    }
}

/* --- and back --- */

const char *bind_index_part_text(struct sql_context *context, const struct table_definition *table,
                                 const struct key_part *part) {
    const struct column_definition *column = definition_column_of_id(table, part->column);
    bool call = definition_text_is_call(column->default_text);
    const char *text = column->hidden
                           ? sql_printf(context, call ? "%s" : "(%s)", bind_text(context, column->default_text))
                           : parse_quote_name(context, bind_text(context, column->name));
    return sql_printf(context, "%s%s%s", text, part->descending ? " DESC" : "",
                      !part->nulls_other ? ""
                      : part->descending ? " NULLS LAST"
                                         : " NULLS FIRST");
}

const char *bind_index_text(struct sql_context *context, const struct table_definition *table,
                            const struct index_definition *index, const char *name, const char *table_name) {
    const char *text = "";
    for (uint32_t i = 0; i < index->part_count; i++) {
        text = sql_printf(context, "%s%s%s", text, i == 0 ? "" : ", ",
                          bind_index_part_text(context, table, &index->parts[i]));
    }
    text = sql_printf(context, "CREATE %sINDEX%s%s ON %s USING btree (%s)", index->unique ? "UNIQUE " : "",
                      name == NULL ? "" : " ", name == NULL ? "" : parse_quote_name(context, name), table_name, text);
    for (uint32_t i = 0; i < index->include_count; i++) {
        const struct column_definition *column = definition_column_of_id(table, index->include[i]);
        text = sql_printf(context, "%s%s%s%s", text, i == 0 ? " INCLUDE (" : ", ",
                          parse_quote_name(context, bind_text(context, column->name)),
                          i + 1 == index->include_count ? ")" : "");
    }
    text = index->nulls_same ? sql_printf(context, "%s NULLS NOT DISTINCT", text) : text;
    if (index->filter.value != 0) {
        const struct column_definition *filter = definition_column_of_id(table, index->filter);
        text = sql_printf(context, "%s WHERE (%s)", text, bind_text(context, filter->default_text));
    }
    return text;
}

static bool hidden_names(struct sql_context *context, const struct table_definition *table, struct column_id id,
                         const char *name) {
    const struct column_definition *column = definition_column_of_id(table, id);
    return column != NULL && column->hidden &&
           parse_names_column(parse_expression(context, bind_text(context, column->default_text)), name);
}

bool bind_index_reads(struct sql_context *context, const struct table_definition *table,
                      const struct index_definition *index, const struct column_definition *column) {
    const char *name = bind_text(context, column->name);
    bool reads = hidden_names(context, table, index->filter, name);
    for (uint32_t i = 0; i < index->part_count; i++) {
        reads = reads || column_id_equal(index->parts[i].column, column->id) ||
                hidden_names(context, table, index->parts[i].column, name);
    }
    for (uint32_t i = 0; i < index->include_count; i++) {
        reads = reads || column_id_equal(index->include[i], column->id);
    }
    return reads;
}

bool bind_index_plain(const struct table_definition *table, const struct index_definition *index) {
    bool plain = index->filter.value == 0;
    for (uint32_t i = 0; i < index->part_count; i++) {
        plain = plain && !definition_column_of_id(table, index->parts[i].column)->hidden;
    }
    return plain;
}
