/*
 * SEARCH and CYCLE of a recursive WITH query: columns that each round carries on from the row it came of.
 *
 * As PostgreSQL rewrites them: SEARCH DEPTH FIRST BY a SET o makes o the list of (a) from the start down to the row,
 * SEARCH BREADTH FIRST the row (depth, a); CYCLE a SET c USING p makes p the list of (a), and c says that the row's own
 * was in it before, which ends that branch. There is no type of rows here: what is shown of a list is an array of their
 * texts, and beside it, as a column that no name reaches, goes what it is ordered and compared by, their keys
 * (types/key.h).
 *
 * The recursive term gets the carried columns of the working table as further items of its select list; the working
 * table shows them by name, and * does not.
 */
#include "base/assert.h"
#include "sql/bind/search.h"
#include "sql/func/array.h"
#include "sql/func/record.h"
#include "types/key.h"

static const char key_name[] = "*SEARCH KEY*";
static const char depth_name[] = "*DEPTH*";
static const char keys_name[] = "*CYCLE KEYS*";

/* --- what was written --- */

static uint32_t *named_columns(struct bind *bind, const struct bind_cte *entry, PgQuery__Node *const *list,
                               size_t count, const char *clause, int32_t location) {
    struct sql_context *context = bind->context;
    uint32_t *ordinals = sql_alloc(context, (count + 1) * sizeof(*ordinals));
    for (size_t i = 0; i < count; i++) {
        const char *name = bind_string(list[i]);
        uint32_t at = 0;
        while (at < entry->column_count && strcmp(entry->columns[at].name, name) != 0) {
            at++;
        }
        if (at == entry->column_count) {
            sql_raise(context, KMB_SYNTAX, bind_location(location), "%s column \"%s\" not in WITH query column list",
                      clause, name);
        }
        for (size_t k = 0; k < i; k++) {
            if (ordinals[k] == at) {
                sql_raise(context, KMB_DUPLICATE_COLUMN, bind_location(location),
                          "%s column \"%s\" specified more than once", clause, name);
            }
        }
        sql_try(context, key_type_check(entry->columns[at].type, context->error));
        ordinals[i] = at;
    }
    return ordinals;
}

static void check_new_name(struct bind *bind, const struct bind_cte *entry, const char *name, const char *what,
                           int32_t location) {
    for (uint32_t i = 0; i < entry->column_count; i++) {
        if (strcmp(entry->columns[i].name, name) == 0) {
            sql_raise(bind->context, KMB_SYNTAX, bind_location(location),
                      "%s column name \"%s\" already used in WITH query column list", what, name);
        }
    }
}

static void check_other_name(struct bind *bind, const char *a, const char *what, const char *b, const char *other,
                             int32_t location) {
    if (strcmp(a, b) == 0) {
        sql_raise(bind->context, KMB_SYNTAX, bind_location(location), "%s column name and %s column name are the same",
                  what, other);
    }
}

void bind_search_check(struct bind *bind, const PgQuery__CommonTableExpr *node, bool recursive) {
    if (node->search_clause == NULL && node->cycle_clause == NULL) {
        return;
    }
    const PgQuery__SelectStmt *select =
        node->ctequery->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ? node->ctequery->select_stmt : NULL;
    if (select == NULL || !recursive || !parse_names_table(select, node->ctename)) {
        sql_raise(bind->context, KMB_SYNTAX, bind_location(node->location), "WITH query is not recursive");
    }
    if (select->op != PG_QUERY__SET_OPERATION__SETOP_UNION) {
        return; /* refused as any such */
    }
    bool set = select->larg->op != PG_QUERY__SET_OPERATION__SETOP_NONE;
    if (set || select->rarg->op != PG_QUERY__SET_OPERATION__SETOP_NONE || select->rarg->n_values_lists > 0) {
        sql_raise(bind->context, set ? KMB_UNSUPPORTED : KMB_SYNTAX, 0,
                  "with a SEARCH or CYCLE clause, the %s side of the UNION must be a SELECT", set ? "left" : "right");
    }
}

/* --- the columns --- */

static uint32_t add_column(struct bind *bind, struct bind_cte *entry, const char *name, struct type type, bool part) {
    struct plan_column *grown = sql_alloc_zero(bind->context, entry->column_count + 1, sizeof(*grown));
    memcpy(grown, entry->columns, entry->column_count * sizeof(*grown));
    grown[entry->column_count] = (struct plan_column){.name = name, .type = type, .part = part};
    entry->columns = grown;
    return entry->column_count++;
}

static struct plan_record *parts_from(struct bind *bind, uint32_t first, uint32_t count, bool sequence) {
    struct plan_record *record = sql_alloc_zero(bind->context, 1, sizeof(*record));
    *record = (struct plan_record){.first = first, .count = count, .sequence = sequence};
    record->names = sql_alloc_zero(bind->context, count + 1, sizeof(*record->names));
    return record;
}

static void add_search_parts(struct bind *bind, struct bind_search *search, struct bind_cte *entry) {
    if (!search->breadth) {
        uint32_t first = add_column(bind, entry, "", type_make(TYPE_ARRAY_TEXT), true);
        search->key = add_column(bind, entry, key_name, type_make(TYPE_BYTEA), true);
        entry->columns[search->sequence].record = parts_from(bind, first, 2, true);
        return;
    }
    struct plan_record *record = parts_from(bind, entry->column_count, search->by_count + 2, false);
    (void)add_column(bind, entry, "", type_make(TYPE_BOOL), true);
    search->depth = add_column(bind, entry, depth_name, type_make(TYPE_INT8), true);
    record->names[1] = depth_name;
    for (uint32_t i = 0; i < search->by_count; i++) {
        record->names[2 + i] = entry->columns[search->by[i]].name;
        (void)add_column(bind, entry, "", entry->columns[search->by[i]].type, true);
    }
    entry->columns[search->sequence].record = record;
}

static void bind_marks(struct bind *bind, struct bind_search *search, const PgQuery__CTECycleClause *cycle) {
    struct bind_scope place = {.bind = bind, .place = BIND_VALUES};
    const struct expr *pair[2] = {bind_expression(&place, cycle->cycle_mark_value),
                                  bind_expression(&place, cycle->cycle_mark_default)};
    struct type type = bind_common_type(bind, pair, 2, "CYCLE");
    search->mark_value = bind_to_common(bind, pair[0], type, "CYCLE");
    search->mark_default = bind_to_common(bind, pair[1], type, "CYCLE");
}

void bind_search_columns(struct bind *bind, struct bind_search *search, struct bind_cte *entry,
                         const PgQuery__CommonTableExpr *node) {
    const PgQuery__CTESearchClause *by = node->search_clause;
    const PgQuery__CTECycleClause *cycle = node->cycle_clause;
    *search = (struct bind_search){.own = entry->column_count};
    if (by != NULL) {
        search->by_count = (uint32_t)by->n_search_col_list;
        search->breadth = by->search_breadth_first;
        search->by = named_columns(bind, entry, by->search_col_list, by->n_search_col_list, "search", by->location);
        check_new_name(bind, entry, by->search_seq_column, "search sequence", by->location);
    }
    if (cycle != NULL) {
        search->over_count = (uint32_t)cycle->n_cycle_col_list;
        search->over =
            named_columns(bind, entry, cycle->cycle_col_list, cycle->n_cycle_col_list, "cycle", cycle->location);
        check_new_name(bind, entry, cycle->cycle_mark_column, "cycle mark", cycle->location);
        check_new_name(bind, entry, cycle->cycle_path_column, "cycle path", cycle->location);
        check_other_name(bind, cycle->cycle_mark_column, "cycle mark", cycle->cycle_path_column, "cycle path",
                         cycle->location);
        bind_marks(bind, search, cycle);
    }
    if (by != NULL && cycle != NULL) {
        check_other_name(bind, by->search_seq_column, "search sequence", cycle->cycle_mark_column, "cycle mark",
                         by->location);
        check_other_name(bind, by->search_seq_column, "search sequence", cycle->cycle_path_column, "cycle path",
                         by->location);
    }
    if (by != NULL) {
        enum type_id shown = search->breadth ? TYPE_TEXT : TYPE_ARRAY_TEXT;
        search->sequence = add_column(bind, entry, by->search_seq_column, type_make(shown), false);
    }
    if (cycle != NULL) {
        search->mark = add_column(bind, entry, cycle->cycle_mark_column, search->mark_value->type, false);
        search->path = add_column(bind, entry, cycle->cycle_path_column, type_make(TYPE_ARRAY_TEXT), false);
    }
    if (by != NULL) {
        add_search_parts(bind, search, entry);
    }
    if (cycle != NULL) {
        struct type keys = type_make(type_array_of(TYPE_BYTEA));
        search->keys = add_column(bind, entry, keys_name, keys, true);
        entry->halt_column = search->mark;
        entry->halt_value = search->mark_value;
    }
    entry->cte->own_columns = search->own;
}

/* --- their values --- */

static const struct expr *column_at(struct bind *bind, uint32_t ordinal, struct type type) {
    struct expr *column = bind_expr_new(bind, EXPR_COLUMN, type, 0, 0);
    column->column = ordinal;
    return column;
}

static const struct expr *call(struct bind *bind, const char *name, const struct expr *a, const struct expr *b) {
    const struct expr **arguments = sql_alloc(bind->context, 2 * sizeof(*arguments));
    arguments[0] = a;
    arguments[1] = b;
    return bind_named_call(bind, name, arguments, 2, 0);
}

static const struct expr *list_of(struct bind *bind, const struct expr *element) {
    const struct expr **elements = sql_alloc(bind->context, sizeof(*elements));
    elements[0] = element;
    return bind_unnamed_call(bind, array_operation(ARRAY_MAKE), type_make(type_array_of(element->type.id)), elements, 1,
                             0);
}

/* The row of some columns, behind `first` where that is not NULL. */
static struct bind_record row_of(struct bind *bind, const struct bind_cte *entry, const uint32_t *columns,
                                 uint32_t count, const struct expr *first) {
    struct bind_record record = {0};
    record.fields = sql_alloc(bind->context, (count + 2) * sizeof(*record.fields));
    record.names = sql_alloc(bind->context, (count + 2) * sizeof(*record.names));
    if (first != NULL) {
        record.names[0] = depth_name;
        record.fields[record.count++] = first;
    }
    for (uint32_t i = 0; i < count; i++) {
        record.names[record.count] = entry->columns[columns[i]].name;
        record.fields[record.count++] = column_at(bind, columns[i], entry->columns[columns[i]].type);
    }
    return record;
}

static const struct expr *text_of(struct bind *bind, const struct bind_record *record) {
    return bind_record_as_text(bind, bind_record(bind, record, 0));
}

static const struct expr *key_of(struct bind *bind, const struct bind_record *record) {
    return bind_unnamed_call(bind, record_key(), type_make(TYPE_BYTEA), record->fields, record->count, 0);
}

/* Their columns in the row that the recursive term gives, behind its own; none in the non-recursive term's. */
struct carried {
    const struct expr *sequence;
    const struct expr *key;
    const struct expr *depth;
    const struct expr *path;
    const struct expr *keys;
};

static const struct expr *constant_depth(struct bind *bind, int64_t value) {
    struct expr *constant = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_INT8), 0, 0);
    constant->value = value_int8(value);
    return constant;
}

static void search_values(struct bind *bind, const struct bind_search *search, const struct bind_cte *entry,
                          const struct carried *before, const struct expr **values) {
    if (search->breadth) {
        const struct expr *depth = before == NULL ? constant_depth(bind, 0)
                                                  : bind_operator(bind, "+", before->depth, constant_depth(bind, 1), 0);
        struct bind_record row = row_of(bind, entry, search->by, search->by_count, depth);
        uint32_t first = entry->columns[search->sequence].record->first;
        const struct expr *whole = bind_record(bind, &row, 0);
        values[search->sequence] = bind_record_as_text(bind, whole);
        values[first] = whole->arguments[0];
        for (uint32_t i = 0; i < row.count; i++) {
            values[first + 1 + i] = row.fields[i];
        }
        return;
    }
    struct bind_record row = row_of(bind, entry, search->by, search->by_count, NULL);
    const struct expr *text = text_of(bind, &row);
    const struct expr *key = key_of(bind, &row);
    values[search->sequence] =
        before == NULL ? list_of(bind, text) : call(bind, "array_append", before->sequence, text);
    values[entry->columns[search->sequence].record->first] = values[search->sequence];
    values[search->key] = before == NULL ? key : bind_operator(bind, "||", before->key, key, 0);
}

static void cycle_values(struct bind *bind, const struct bind_search *search, const struct bind_cte *entry,
                         const struct carried *before, const struct expr **values) {
    struct bind_record row = row_of(bind, entry, search->over, search->over_count, NULL);
    const struct expr *text = text_of(bind, &row);
    const struct expr *key = key_of(bind, &row);
    if (before == NULL) {
        values[search->mark] = search->mark_default;
        values[search->path] = list_of(bind, text);
        values[search->keys] = list_of(bind, key);
        return;
    }
    struct expr *met = bind_expr_new(bind, EXPR_IS_NULL, type_make(TYPE_BOOL), 1, 0);
    met->negated = true;
    met->arguments[0] = call(bind, "array_position", before->keys, key);
    struct expr *mark = bind_expr_new(bind, EXPR_CASE, search->mark_value->type, 3, 0);
    mark->arguments[0] = met;
    mark->arguments[1] = search->mark_value;
    mark->arguments[2] = search->mark_default;
    values[search->mark] = mark;
    values[search->path] = call(bind, "array_append", before->path, text);
    values[search->keys] = call(bind, "array_append", before->keys, key);
}

static struct plan_node *with_values(struct bind *bind, const struct bind_search *search, const struct bind_cte *entry,
                                     struct plan_node *term, const struct carried *before) {
    const struct expr **values = sql_alloc_zero(bind->context, entry->column_count + 1, sizeof(*values));
    const char **names = sql_alloc(bind->context, (entry->column_count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < entry->column_count; i++) {
        names[i] = entry->columns[i].name;
        values[i] = i < search->own ? column_at(bind, i, entry->columns[i].type) : NULL;
    }
    if (search->by_count > 0) {
        search_values(bind, search, entry, before, values);
    }
    if (search->over_count > 0) {
        cycle_values(bind, search, entry, before, values);
    }
    struct plan_node *project = bind_project(bind, term, values, names, entry->column_count);
    for (uint32_t i = 0; i < entry->column_count; i++) {
        project->columns[i].record = entry->columns[i].record;
        project->columns[i].part = entry->columns[i].part;
    }
    return project;
}

struct plan_node *bind_search_anchor(struct bind *bind, const struct bind_search *search, const struct bind_cte *entry,
                                     struct plan_node *root) {
    return with_values(bind, search, entry, root, NULL);
}

/* --- the recursive term --- */

/* What the working table is called there; NULL: it is not read in FROM itself. */
static const char *alias_in(const PgQuery__Node *item, const char *name) {
    if (item == NULL) {
        return NULL;
    }
    if (item->node_case == PG_QUERY__NODE__NODE_JOIN_EXPR) {
        const char *left = alias_in(item->join_expr->larg, name);
        return left != NULL ? left : alias_in(item->join_expr->rarg, name);
    }
    if (item->node_case != PG_QUERY__NODE__NODE_RANGE_VAR) {
        return NULL;
    }
    const PgQuery__RangeVar *table = item->range_var;
    bool bare = table->schemaname == NULL || table->schemaname[0] == 0;
    return !bare || strcmp(table->relname, name) != 0 ? NULL
           : table->alias != NULL                     ? table->alias->aliasname
                                                      : table->relname;
}

/* The carried columns in their order; UINT32_MAX ends them. */
static void carried_columns(const struct bind_search *search, uint32_t *list) {
    uint32_t count = 0;
    if (search->by_count > 0 && search->breadth) {
        list[count++] = search->depth;
    } else if (search->by_count > 0) {
        list[count++] = search->sequence;
        list[count++] = search->key;
    }
    if (search->over_count > 0) {
        list[count++] = search->path;
        list[count++] = search->keys;
    }
    list[count] = UINT32_MAX;
}

const PgQuery__SelectStmt *bind_search_term(struct bind *bind, const struct bind_search *search,
                                            const struct bind_cte *entry, const PgQuery__SelectStmt *select) {
    const char *alias = NULL;
    for (size_t i = 0; i < select->n_from_clause && alias == NULL; i++) {
        alias = alias_in(select->from_clause[i], entry->cte->name);
    }
    if (alias == NULL) {
        return select;
    }
    uint32_t list[SEARCH_CARRIED_MAX + 1];
    carried_columns(search, list);
    PgQuery__SelectStmt *copy = sql_alloc(bind->context, sizeof(*copy)); /* the tree may be bound again */
    *copy = *select;
    copy->target_list =
        sql_alloc(bind->context, (select->n_target_list + SEARCH_CARRIED_MAX) * sizeof(*copy->target_list));
    memcpy(copy->target_list, select->target_list, select->n_target_list * sizeof(*copy->target_list));
    for (uint32_t i = 0; list[i] != UINT32_MAX; i++) {
        copy->target_list[copy->n_target_list++] =
            bind_column_target(bind->context, alias, entry->columns[list[i]].name, -1);
    }
    return copy;
}

struct plan_node *bind_search_rows(struct bind *bind, const struct bind_search *search, const struct bind_cte *entry,
                                   struct plan_node *term) {
    uint32_t list[SEARCH_CARRIED_MAX + 1];
    carried_columns(search, list);
    struct carried before = {0};
    for (uint32_t i = 0; list[i] != UINT32_MAX; i++) {
        const struct expr *value = column_at(bind, search->own + i, entry->columns[list[i]].type);
        const struct expr **place = search->by_count > 0 && search->breadth && list[i] == search->depth ? &before.depth
                                    : search->by_count > 0 && !search->breadth && list[i] == search->sequence
                                        ? &before.sequence
                                    : search->by_count > 0 && !search->breadth && list[i] == search->key ? &before.key
                                    : list[i] == search->path                                            ? &before.path
                                                                                                         : &before.keys;
        *place = value;
    }
    return with_values(bind, search, entry, term, &before);
}
