/*
 * pg_depend and pg_rewrite: what needs what, so that programs that copy a database (pg_dump) make things in an order
 * that works, and those that show it can say what a DROP would take along.
 *
 * Which relations a view reads, and which sequence a default counts with, is told by their texts, as DROP tells it.
 */
#include "sql/exec/catalogue.h"
#include "sql/parse/parse.h"

#define OID_PG_TYPE       1247
#define OID_PG_CLASS      1259
#define OID_PG_ATTRDEF    2604
#define OID_PG_CONSTRAINT 2606
#define OID_PG_NAMESPACE  2615
#define OID_PG_REWRITE    2618

#define NORMAL   "n"
#define AUTO     "a" /* goes along without being asked */
#define INTERNAL "i" /* is a part of the other */

struct object {
    int64_t catalogue;
    int64_t oid;
    int64_t column; /* 0: the whole */
};

static void depends(struct catalogue_rows *rows, struct object one, struct object other, const char *how) {
    catalogue_number(rows, one.catalogue);
    catalogue_number(rows, one.oid);
    catalogue_number(rows, one.column);
    catalogue_number(rows, other.catalogue);
    catalogue_number(rows, other.oid);
    catalogue_number(rows, other.column);
    catalogue_word(rows, how);
}

static struct object relation_object(const struct table_definition *table) {
    return (struct object){OID_PG_CLASS, catalogue_oid_table(table->id), 0};
}

static struct object column_object(const struct catalogue_rows *rows, const struct table_definition *table,
                                   struct column_id column) {
    return (struct object){OID_PG_CLASS, catalogue_oid_table(table->id),
                           catalogue_attribute(rows->catalogue, table, column)};
}

static struct object rule_object(const struct table_definition *view) {
    return (struct object){OID_PG_REWRITE, catalogue_oid_rule(view->id), 0};
}

static void depends_on_schema(struct catalogue_rows *rows, struct object one, struct slice schema) {
    depends(rows, one, (struct object){OID_PG_NAMESPACE, catalogue_oid_schema(rows->catalogue, schema), 0}, NORMAL);
}

/* A type of the user's; PostgreSQL's own are always there. */
static void depends_on_type(struct catalogue_rows *rows, struct object one, struct type type) {
    int64_t oid = catalogue_oid_type(type);
    if (type.domain != 0 || oid >= TYPE_OID_FIRST) {
        depends(rows, one, (struct object){OID_PG_TYPE, oid, 0}, NORMAL);
    }
}

/* --- of a relation --- */

static void sequence_depends(struct catalogue_rows *rows, const struct table_definition *sequence) {
    const struct table_definition *owner =
        sequence->sequence.owner.value == 0 ? NULL : catalogue_table_of_id(rows->catalogue, sequence->sequence.owner);
    if (owner != NULL) {
        const struct column_definition *column = definition_column_of_id(owner, sequence->sequence.owner_column);
        bool identity = column != NULL && default_is_identity(column->default_kind);
        depends(rows, relation_object(sequence), column_object(rows, owner, sequence->sequence.owner_column),
                identity ? INTERNAL : AUTO);
    }
}

static void default_depends(struct catalogue_rows *rows, const struct table_definition *table,
                            const struct column_definition *column) {
    const struct object one = {OID_PG_ATTRDEF, catalogue_oid_default(table, column->id), 0};
    depends(rows, one, column_object(rows, table, column->id),
            column->default_kind == DEFAULT_GENERATED ? INTERNAL : AUTO);
    PgQuery__Node *tree = parse_expression(rows->context, catalogue_copy(rows, column->default_text));
    for (uint32_t i = 0; i < catalogue_table_count(rows->catalogue); i++) {
        const struct table_definition *sequence = catalogue_table_at(rows->catalogue, i);
        if (definition_is_sequence(sequence) &&
            parse_names_relation(rows->context, &tree->base, catalogue_copy(rows, sequence->schema_name),
                                 catalogue_copy(rows, sequence->name))) {
            depends(rows, one, relation_object(sequence), NORMAL);
        }
    }
}

static void columns_depend(struct catalogue_rows *rows, const struct table_definition *table) {
    for (uint32_t i = 0; i < catalogue_column_count(rows->catalogue, table); i++) {
        const struct column_definition *column = catalogue_column(rows->catalogue, table, i);
        depends_on_type(rows, column_object(rows, table, column->id), column->type);
        if (column->default_kind == DEFAULT_EXPRESSION || column->default_kind == DEFAULT_GENERATED) {
            default_depends(rows, table, column);
        }
    }
}

static void constraint_depends(struct catalogue_rows *rows, const struct table_definition *table,
                               const struct catalogue_constraint *constraint) {
    const struct object one = {OID_PG_CONSTRAINT, catalogue_oid_constraint(table, constraint), 0};
    const struct foreign_key_definition *key = constraint->key;
    for (uint32_t i = 0; i < constraint->part_count; i++) {
        depends(rows, one, column_object(rows, table, constraint->parts[i].column), AUTO);
    }
    if (constraint->kind == CATALOGUE_PRIMARY || constraint->kind == CATALOGUE_UNIQUE) {
        depends(rows, (struct object){OID_PG_CLASS, catalogue_oid_index(table, constraint->index), 0}, one, INTERNAL);
    }
    if (constraint->kind == CATALOGUE_CHECK) {
        depends(rows, one, relation_object(table), AUTO);
    }
    for (uint32_t i = 0; key != NULL && i < key->part_count; i++) {
        const struct table_definition *parent = catalogue_table_of_id(rows->catalogue, key->parent);
        depends(rows, one, column_object(rows, table, key->parts[i].column), AUTO);
        depends(rows, one, column_object(rows, parent, key->parts[i].parent), NORMAL);
    }
}

static void indexes_depend(struct catalogue_rows *rows, const struct table_definition *table) {
    for (uint32_t i = 0; i < table->index_count; i++) {
        const struct index_definition *index = &table->indexes[i];
        const struct object one = {OID_PG_CLASS, catalogue_oid_index(table, index), 0};
        if (!index->constraint) {
            depends(rows, one, relation_object(table), AUTO);
        }
    }
}

static void view_depends(struct catalogue_rows *rows, const struct table_definition *view) {
    PgQuery__SelectStmt *query = parse_query(rows->context, catalogue_copy(rows, view->view_query));
    depends(rows, rule_object(view), relation_object(view), INTERNAL);
    depends(rows, rule_object(view), relation_object(view), NORMAL); /* PostgreSQL's rule reads its view, too */
    for (uint32_t i = 0; i < catalogue_table_count(rows->catalogue); i++) {
        const struct table_definition *table = catalogue_table_at(rows->catalogue, i);
        if (parse_names_relation(rows->context, &query->base, catalogue_copy(rows, table->schema_name),
                                 catalogue_copy(rows, table->name))) {
            depends(rows, rule_object(view), relation_object(table), NORMAL);
        }
    }
}

static void relation_depends(struct catalogue_rows *rows, const struct table_definition *table) {
    struct catalogue_constraint constraint;
    depends_on_schema(rows, relation_object(table), table->schema_name);
    if (definition_is_sequence(table)) {
        sequence_depends(rows, table);
        return;
    }
    depends(rows, (struct object){OID_PG_TYPE, catalogue_oid_rows(table->id), 0}, relation_object(table), INTERNAL);
    if (definition_is_view(table)) {
        view_depends(rows, table);
        return;
    }
    columns_depend(rows, table);
    for (uint32_t at = 0; catalogue_constraint_next(rows, table, &at, &constraint);) {
        if (constraint.kind != CATALOGUE_NOT_NULL) {
            constraint_depends(rows, table, &constraint);
        }
    }
    indexes_depend(rows, table);
}

static void type_depends(struct catalogue_rows *rows, const struct table_definition *type) {
    const struct object one = {OID_PG_TYPE, catalogue_oid_type(definition_type(type)), 0};
    depends_on_schema(rows, one, type->schema_name);
    if (type->form == DEFINITION_DOMAIN) {
        depends_on_type(rows, one, type->columns[0].type);
    }
}

const struct plan_column catalogue_depend_columns[CATALOGUE_DEPEND_COLUMNS] = {
    OID("classid"),  OID("objid"),        INT4("objsubid"), OID("refclassid"),
    OID("refobjid"), INT4("refobjsubid"), CHAR("deptype")};

void catalogue_depend(struct catalogue_rows *rows) {
    for (uint32_t i = 0; i < catalogue_table_count(rows->catalogue); i++) {
        relation_depends(rows, catalogue_table_at(rows->catalogue, i));
    }
    for (uint32_t i = 0; i < catalogue_type_count(rows->catalogue); i++) {
        type_depends(rows, catalogue_type_at(rows->catalogue, i));
    }
}

/* --- pg_rewrite: the rule that makes a view one --- */

const struct plan_column catalogue_rewrite_columns[CATALOGUE_REWRITE_COLUMNS] = {
    OID("oid"),         NAME("rulename"),   OID("ev_class"), CHAR("ev_type"),
    CHAR("ev_enabled"), BOOL("is_instead"), TEXT("ev_qual"), TEXT("ev_action")};

void catalogue_rewrite(struct catalogue_rows *rows) {
    for (uint32_t i = 0; i < catalogue_table_count(rows->catalogue); i++) {
        const struct table_definition *view = catalogue_table_at(rows->catalogue, i);
        if (definition_is_view(view)) {
            catalogue_number(rows, catalogue_oid_rule(view->id));
            catalogue_word(rows, "_RETURN");
            catalogue_number(rows, catalogue_oid_table(view->id));
            catalogue_word(rows, "1");
            catalogue_word(rows, "O");
            catalogue_bool(rows, true);
            catalogue_word(rows, "<>");
            catalogue_text(rows, view->view_query);
        }
    }
}
