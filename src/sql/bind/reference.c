/*
 * FOREIGN KEY and REFERENCES: what was written, kept by name. Tables and columns are looked for when the constraint is
 * made, for a table may refer to itself, or to a column that the same ALTER TABLE adds.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

static enum reference_action foreign_action(const char *letter) {
    switch (letter[0]) {
    case 'r':
        return REFERENCE_RESTRICT;
    case 'c':
        return REFERENCE_CASCADE;
    case 'n':
        return REFERENCE_SET_NULL;
    case 'd':
        return REFERENCE_SET_DEFAULT;
    default:
        return REFERENCE_NO_ACTION;
    }
}

static const char **foreign_names(struct bind *bind, PgQuery__Node *const *list, size_t count) {
    const char **names = sql_alloc(bind->context, (count + 1) * sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        names[i] = bind_string(list[i]);
    }
    return names;
}

struct plan_foreign *bind_foreign_key(struct bind *bind, const PgQuery__Constraint *constraint, const char *column) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(constraint->location);
    struct plan_foreign *foreign = sql_alloc_zero(context, 1, sizeof(*foreign));
    bind_check_schema(bind, constraint->pktable);
    if (constraint->fk_matchtype[0] == 'p') {
        sql_raise(context, KMB_UNSUPPORTED, position, "MATCH PARTIAL not yet implemented");
    }
    foreign->position = position;
    foreign->name = constraint->conname != NULL && constraint->conname[0] != 0 ? constraint->conname : NULL;
    foreign->columns = foreign_names(bind, constraint->fk_attrs, constraint->n_fk_attrs);
    foreign->column_count = (uint32_t)constraint->n_fk_attrs;
    if (column != NULL) {
        foreign->columns[0] = column;
        foreign->column_count = 1;
    }
    foreign->parent = constraint->pktable->relname;
    foreign->parent_schema = constraint->pktable->schemaname;
    foreign->parent_columns = foreign_names(bind, constraint->pk_attrs, constraint->n_pk_attrs);
    foreign->parent_count = (uint32_t)constraint->n_pk_attrs;
    foreign->match_full = constraint->fk_matchtype[0] == 'f';
    foreign->on_update = foreign_action(constraint->fk_upd_action);
    foreign->on_delete = foreign_action(constraint->fk_del_action);
    foreign->set_columns = foreign_names(bind, constraint->fk_del_set_cols, constraint->n_fk_del_set_cols);
    foreign->set_count = (uint32_t)constraint->n_fk_del_set_cols;
    foreign->deferrable = constraint->deferrable || constraint->initdeferred;
    foreign->deferred = constraint->initdeferred;
    foreign->not_valid = constraint->skip_validation;
    return foreign;
}

void bind_foreign_attribute(struct bind *bind, const PgQuery__Constraint *attribute, struct plan_foreign *foreign) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(attribute->location);
    switch ((int)attribute->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE:
        foreign->deferrable = true;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE:
        if (foreign->deferred) {
            sql_raise(context, KMB_SYNTAX, position, "constraint declared INITIALLY DEFERRED must be DEFERRABLE");
        }
        foreign->deferrable = false;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED:
        foreign->deferrable = true;
        foreign->deferred = true;
        break;
    default:
        foreign->deferred = false;
        break;
    }
}

bool bind_is_attribute(const PgQuery__Constraint *constraint) {
    return constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE ||
           constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE ||
           constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED ||
           constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE;
}

/* SET CONSTRAINTS */
void bind_set_constraints(struct bind *bind, const PgQuery__ConstraintsSetStmt *set, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    const struct catalogue *catalogue = bind_present(bind);
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    struct plan_drop *named = NULL;
    statement->ddl = ddl;
    ddl->kind = DDL_SET_CONSTRAINTS;
    ddl->deferred = set->deferred;
    for (size_t n = 0; n < set->n_constraints; n++) {
        const char *name = set->constraints[n]->range_var->relname;
        bool found = false;
        for (uint32_t t = 0; t < catalogue_table_count(catalogue); t++) {
            const struct table_definition *table = catalogue_table_at(catalogue, t);
            for (uint32_t i = 0; i < table->foreign_key_count; i++) {
                const struct foreign_key_definition *key = &table->foreign_keys[i];
                if (!slice_equal_text(key->name, name)) {
                    continue;
                }
                if (!key->deferrable) {
                    sql_raise(context, KMB_WRONG_OBJECT_TYPE, 0, "constraint \"%s\" is not deferrable", name);
                }
                struct plan_drop *grown = sql_alloc_zero(context, ddl->drop_count + 1, sizeof(*grown));
                for (uint32_t k = 0; k < ddl->drop_count; k++) {
                    grown[k] = named[k];
                }
                grown[ddl->drop_count++] = (struct plan_drop){.table = table->id, .foreign_key = key->id};
                named = grown;
                found = true;
            }
        }
        if (!found) {
            sql_raise(context, KMB_UNDEFINED_OBJECT, 0, "constraint \"%s\" does not exist", name);
        }
    }
    ddl->drops = named;
}

const struct foreign_key_definition *bind_key_needed(const struct catalogue *catalogue,
                                                     const struct table_definition *table, const struct key_part *parts,
                                                     uint32_t part_count, const struct table_definition **child) {
    for (uint32_t t = 0; t < catalogue_table_count(catalogue); t++) {
        *child = catalogue_table_at(catalogue, t);
        for (uint32_t i = 0; i < (*child)->foreign_key_count; i++) {
            const struct foreign_key_definition *key = &(*child)->foreign_keys[i];
            bool same = table_id_equal(key->parent, table->id) && key->part_count == part_count;
            for (uint32_t p = 0; same && p < part_count; p++) {
                bool found = false;
                for (uint32_t k = 0; k < part_count; k++) {
                    found = found || column_id_equal(key->parts[k].parent, parts[p].column);
                }
                same = found;
            }
            if (same) {
                return key;
            }
        }
    }
    return NULL;
}
