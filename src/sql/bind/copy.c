/*
 * COPY FROM STDIN and COPY TO STDOUT.
 *
 * COPY FROM is an INSERT whose rows a PLAN_COPY node reads: defaults, generated columns, checks and foreign keys are
 * those of any INSERT. COPY TO is a query whose rows are written instead of given. Files of a server there are none:
 * the caller of the statement reads and writes (sql_copy in sql.h).
 */
#include "sql/plan/copy.h"

#include <strings.h>

#include "base/assert.h"
#include "sql/bind/write.h"

/* --- options, with PostgreSQL's rules and words (ProcessCopyOptions) --- */

/* An option that names columns. */
struct column_list {
    bool said;
    bool all; /* FORCE_QUOTE * */
    PgQuery__Node *const *names;
    size_t count;
};

struct options {
    struct bind *bind;
    bool from;
    bool csv;
    bool binary;
    const char *delimiter; /* NULL: not said */
    const char *null_text;
    const char *quote;
    const char *escape;
    enum plan_copy_header header;
    struct column_list force_quote;
    struct column_list force_not_null;
    struct column_list force_null;
};

_Noreturn static void raise_option(struct options *options, enum kmb_status status, const char *message) {
    sql_raise(options->bind->context, status, 0, "%s", message);
}

static const char *option_text(struct options *options, const PgQuery__DefElem *option) {
    const PgQuery__Node *node = option->arg;
    if (node == NULL) {
        sql_raise(options->bind->context, KMB_SYNTAX, 0, "%s requires a parameter", option->defname);
    }
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_STRING:
        return node->string->sval;
    case PG_QUERY__NODE__NODE_BOOLEAN:
        return node->boolean->boolval ? "true" : "false";
    case PG_QUERY__NODE__NODE_INTEGER:
        return sql_printf(options->bind->context, "%d", node->integer->ival);
    case PG_QUERY__NODE__NODE_FLOAT:
        return node->float_->fval;
    case PG_QUERY__NODE__NODE_TYPE_NAME: /* a bare word */
        return bind_string(node->type_name->names[node->type_name->n_names - 1]);
    default:
        return "";
    }
}

static bool option_on(struct options *options, const PgQuery__DefElem *option, const char *wanted) {
    bool value = true;
    if (option->arg != NULL && value_parse_bool(slice_text(option_text(options, option)), &value, NULL) != KMB_OK) {
        sql_raise(options->bind->context, KMB_SYNTAX, 0, "%s requires a %s", option->defname, wanted);
    }
    return value;
}

static void take_header(struct options *options, const PgQuery__DefElem *option) {
    if (option->arg != NULL && strcasecmp(option_text(options, option), "match") == 0) {
        if (!options->from) {
            sql_raise(options->bind->context, KMB_UNSUPPORTED, 0, "cannot use \"%s\" with HEADER in COPY TO",
                      option_text(options, option));
        }
        options->header = PLAN_COPY_HEADER_MATCH;
        return;
    }
    options->header = option_on(options, option, "Boolean value or \"match\"") ? PLAN_COPY_HEADER : PLAN_COPY_NO_HEADER;
}

static void take_columns(struct options *options, const PgQuery__DefElem *option, struct column_list *list) {
    const PgQuery__Node *node = option->arg;
    list->said = true;
    if (node != NULL && node->node_case == PG_QUERY__NODE__NODE_LIST) {
        list->names = node->list->items;
        list->count = node->list->n_items;
    } else if (list == &options->force_quote && node != NULL && node->node_case == PG_QUERY__NODE__NODE_A_STAR) {
        list->all = true;
    } else {
        sql_raise(options->bind->context, KMB_INVALID_PARAMETER, bind_location(option->location),
                  "argument to option \"%s\" must be a list of column names", option->defname);
    }
}

static void take_format(struct options *options, const PgQuery__DefElem *option) {
    const char *format = option_text(options, option);
    uint32_t position = bind_location(option->location);
    if (strcmp(format, "csv") == 0) {
        options->csv = true;
    } else if (strcmp(format, "binary") == 0) {
        options->binary = true;
    } else if (strcmp(format, "text") != 0) {
        sql_raise(options->bind->context, KMB_INVALID_PARAMETER, position, "COPY format \"%s\" not recognized", format);
    }
}

/* PostgreSQL's encodings by the beginnings of their names: UTF-8 is built, of the others it is known that they are. */
static void take_encoding(struct options *options, const PgQuery__DefElem *option) {
    static const char *const others[] = {"sql_ascii", "euc_", "latin", "win",   "koi8", "iso", "sjis",
                                         "big5",      "gbk",  "uhc",   "gb180", "joh",  "shi", "mule"};
    const char *name = option_text(options, option);
    uint32_t position = bind_location(option->location);
    if (strcasecmp(name, "utf8") == 0 || strcasecmp(name, "utf-8") == 0 || strcasecmp(name, "unicode") == 0) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        if (strncasecmp(name, others[i], strlen(others[i])) == 0) {
            sql_raise_unsupported(options->bind->context, position, "encoding \"%s\"", name);
        }
    }
    sql_raise(options->bind->context, KMB_INVALID_PARAMETER, position,
              "argument to option \"%s\" must be a valid encoding name", option->defname);
}

static void take_option(struct options *options, const PgQuery__DefElem *option) {
    const char *name = option->defname;
    uint32_t position = bind_location(option->location);
    if (strcmp(name, "format") == 0) {
        take_format(options, option);
    } else if (strcmp(name, "delimiter") == 0) {
        options->delimiter = option_text(options, option);
    } else if (strcmp(name, "null") == 0) {
        options->null_text = option_text(options, option);
    } else if (strcmp(name, "header") == 0) {
        take_header(options, option);
    } else if (strcmp(name, "quote") == 0) {
        options->quote = option_text(options, option);
    } else if (strcmp(name, "escape") == 0) {
        options->escape = option_text(options, option);
    } else if (strcmp(name, "force_quote") == 0) {
        take_columns(options, option, &options->force_quote);
    } else if (strcmp(name, "force_not_null") == 0) {
        take_columns(options, option, &options->force_not_null);
    } else if (strcmp(name, "force_null") == 0) {
        take_columns(options, option, &options->force_null);
    } else if (strcmp(name, "encoding") == 0) {
        take_encoding(options, option);
    } else if (strcmp(name, "freeze") == 0) {
        (void)option_on(options, option,
                        "Boolean value"); /* rows are what they are from the start: none is frozen later */
    } else {
        sql_raise(options->bind->context, KMB_SYNTAX, position, "option \"%s\" not recognized", name);
    }
}

static void take_options(struct options *options, PgQuery__Node *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(list[k]->def_elem->defname, list[i]->def_elem->defname) == 0) {
                sql_raise(options->bind->context, KMB_SYNTAX, bind_location(list[i]->def_elem->location),
                          "conflicting or redundant options");
            }
        }
        take_option(options, list[i]->def_elem);
    }
}

static void check_delimiter(struct options *options) {
    const char *delimiter = options->delimiter;
    if (strlen(delimiter) != 1) {
        raise_option(options, KMB_UNSUPPORTED, "COPY delimiter must be a single one-byte character");
    }
    if (strchr("\r\n", delimiter[0]) != NULL) {
        raise_option(options, KMB_INVALID_PARAMETER, "COPY delimiter cannot be newline or carriage return");
    }
    if (strpbrk(options->null_text, "\r\n") != NULL) {
        raise_option(options, KMB_INVALID_PARAMETER, "COPY null representation cannot use newline or carriage return");
    }
    if (!options->csv && strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", delimiter[0]) != NULL) {
        sql_raise(options->bind->context, KMB_INVALID_PARAMETER, 0, "COPY delimiter cannot be \"%s\"", delimiter);
    }
}

static void check_quote(struct options *options, bool escape_said) {
    bool csv = options->csv;
    if (!csv && options->quote != NULL) {
        raise_option(options, KMB_UNSUPPORTED, "COPY quote available only in CSV mode");
    }
    if (csv && strlen(options->quote) != 1) {
        raise_option(options, KMB_UNSUPPORTED, "COPY quote must be a single one-byte character");
    }
    if (csv && options->delimiter[0] == options->quote[0]) {
        raise_option(options, KMB_INVALID_PARAMETER, "COPY delimiter and quote must be different");
    }
    if (!csv && escape_said) {
        raise_option(options, KMB_UNSUPPORTED, "COPY escape available only in CSV mode");
    }
    if (csv && strlen(options->escape) != 1) {
        raise_option(options, KMB_UNSUPPORTED, "COPY escape must be a single one-byte character");
    }
}

static void check_forced(struct options *options) {
    if (options->force_quote.said && !options->csv) {
        raise_option(options, KMB_UNSUPPORTED, "COPY force quote available only in CSV mode");
    }
    if (options->force_quote.said && options->from) {
        raise_option(options, KMB_UNSUPPORTED, "COPY force quote only available using COPY TO");
    }
    if (options->force_not_null.said && !options->csv) {
        raise_option(options, KMB_UNSUPPORTED, "COPY force not null available only in CSV mode");
    }
    if (options->force_not_null.said && !options->from) {
        raise_option(options, KMB_UNSUPPORTED, "COPY force not null only available using COPY FROM");
    }
    if (options->force_null.said && !options->csv) {
        raise_option(options, KMB_UNSUPPORTED, "COPY force null available only in CSV mode");
    }
    if (options->force_null.said && !options->from) {
        raise_option(options, KMB_UNSUPPORTED, "COPY force null only available using COPY FROM");
    }
    if (strchr(options->null_text, options->delimiter[0]) != NULL) {
        raise_option(options, KMB_UNSUPPORTED, "COPY delimiter must not appear in the NULL specification");
    }
    if (options->csv && strchr(options->null_text, options->quote[0]) != NULL) {
        raise_option(options, KMB_UNSUPPORTED, "CSV quote character must not appear in the NULL specification");
    }
}

static void check_binary(struct options *options) {
    if (options->binary && options->delimiter != NULL) {
        raise_option(options, KMB_SYNTAX, "cannot specify DELIMITER in BINARY mode");
    }
    if (options->binary && options->null_text != NULL) {
        raise_option(options, KMB_SYNTAX, "cannot specify NULL in BINARY mode");
    }
    if (options->binary && options->header != PLAN_COPY_NO_HEADER) {
        raise_option(options, KMB_UNSUPPORTED, "cannot specify HEADER in BINARY mode");
    }
}

/* Fills what was not said; checks the rest. */
static struct record_format finish_options(struct options *options) {
    bool escape_said = options->escape != NULL;
    check_binary(options);
    options->delimiter = options->delimiter != NULL ? options->delimiter : options->csv ? "," : "\t";
    options->null_text = options->null_text != NULL ? options->null_text : options->csv ? "" : "\\N";
    if (options->csv) {
        options->quote = options->quote != NULL ? options->quote : "\"";
        options->escape = escape_said ? options->escape : options->quote;
    }
    check_delimiter(options);
    check_quote(options, escape_said);
    check_forced(options);
    return (struct record_format){.csv = options->csv,
                                  .delimiter = (uint8_t)options->delimiter[0],
                                  .quote = options->csv ? (uint8_t)options->quote[0] : 0,
                                  .escape = options->csv ? (uint8_t)options->escape[0] : 0,
                                  .null_text = slice_text(options->null_text)};
}

/* Which of the fields an option means. */
static const bool *forced_fields(struct options *options, const struct column_list *list, const char *option,
                                 const struct plan_copy *copy, const struct table_definition *table) {
    struct sql_context *context = options->bind->context;
    bool *flags = sql_alloc_zero(context, copy->column_count + 1, sizeof(*flags));
    for (uint32_t i = 0; i < copy->column_count && list->all; i++) {
        flags[i] = true;
    }
    for (size_t k = 0; k < list->count; k++) {
        const char *name = bind_string(list->names[k]);
        bool found = false;
        for (uint32_t i = 0; i < copy->column_count && !found; i++) {
            found = strcmp(copy->names[i], name) == 0;
            flags[i] = flags[i] || found;
        }
        bool exists = false;
        for (uint32_t i = 0; table != NULL && i < table->column_count && !exists; i++) {
            exists = !table->columns[i].dropped && slice_equal_text(table->columns[i].name, name);
        }
        if (!found && exists) {
            sql_raise(context, KMB_INVALID_COLUMN_REFERENCE, 0, "%s column \"%s\" not referenced by COPY", option,
                      name);
        }
        if (!found && copy->relation != NULL) {
            sql_raise(context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" of relation \"%s\" does not exist", name,
                      copy->relation);
        }
        if (!found) {
            sql_raise(context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" does not exist", name);
        }
    }
    return flags;
}

static void set_options(struct options *options, struct plan_copy *copy, const struct table_definition *table,
                        const struct record_format *format) {
    copy->binary = options->binary;
    copy->format = *format;
    copy->header = options->header;
    const struct column_list *forced = options->from ? &options->force_not_null : &options->force_quote;
    copy->format.forced_value =
        forced_fields(options, forced, options->from ? "FORCE_NOT_NULL" : "FORCE_QUOTE", copy, table);
    copy->format.force_null = forced_fields(options, &options->force_null, "FORCE_NULL", copy, table);
    copy->format.forced_count = copy->column_count;
}

/* --- the table --- */

/* Raises for what is no table: "to" or "from" it. */
static void check_relation(struct bind *bind, const PgQuery__RangeVar *name, bool from) {
    const struct table_definition *relation = bind_find_table(bind, bind_present(bind), name);
    bool view = relation != NULL && definition_is_view(relation);
    bool sequence = relation != NULL && definition_is_sequence(relation);
    if (view || sequence) {
        const char *hint = !view  ? NULL
                           : from ? "To enable copying to a view, provide an INSTEAD OF INSERT trigger."
                                  : "Try the COPY (SELECT ...) TO variant.";
        sql_raise_with(bind->context, KMB_WRONG_OBJECT_TYPE, 0, NULL, hint, "cannot copy %s %s \"%s\"",
                       from ? "to" : "from", view ? "view" : "sequence", name->relname);
    }
}

/* Ordinals of the columns named, or of all that are not generated. */
static uint32_t copy_columns(struct bind *bind, const PgQuery__CopyStmt *node, const struct catalogue *catalogue,
                             const struct table_definition *table, uint32_t **ordinals) {
    struct sql_context *context = bind->context;
    uint32_t total = catalogue_column_count(catalogue, table);
    uint32_t count = 0;
    *ordinals = sql_alloc(context, (total + node->n_attlist + 1) * sizeof(**ordinals));
    for (uint32_t i = 0; i < total && node->n_attlist == 0; i++) {
        if (catalogue_column(catalogue, table, i)->default_kind != DEFAULT_GENERATED) {
            (*ordinals)[count++] = i;
        }
    }
    for (size_t k = 0; k < node->n_attlist; k++) {
        const char *name = bind_string(node->attlist[k]);
        uint32_t found = total;
        for (uint32_t i = 0; i < total; i++) {
            found = slice_equal_text(catalogue_column(catalogue, table, i)->name, name) ? i : found;
        }
        if (found == total) {
            sql_raise(context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" of relation \"%s\" does not exist", name,
                      node->relation->relname);
        }
        if (catalogue_column(catalogue, table, found)->default_kind == DEFAULT_GENERATED) {
            sql_raise_with(context, KMB_INVALID_COLUMN_REFERENCE, 0, "Generated columns cannot be used in COPY.", NULL,
                           "column \"%s\" is a generated column", name);
        }
        for (uint32_t i = 0; i < count; i++) {
            if ((*ordinals)[i] == found) {
                sql_raise(context, KMB_DUPLICATE_COLUMN, 0, "column \"%s\" specified more than once", name);
            }
        }
        (*ordinals)[count++] = found;
    }
    return count;
}

static void copy_names(struct bind *bind, struct plan_copy *copy, const struct catalogue *catalogue,
                       const struct table_definition *table, const uint32_t *ordinals, uint32_t count) {
    copy->names = sql_alloc(bind->context, (count + 1) * sizeof(*copy->names));
    copy->column_count = count;
    for (uint32_t i = 0; i < count; i++) {
        copy->names[i] = bind_text(bind->context, catalogue_column(catalogue, table, ordinals[i])->name);
    }
}

static void refuse(struct bind *bind, const PgQuery__CopyStmt *node) {
    struct sql_context *context = bind->context;
    if (node->is_program) {
        sql_raise_unsupported(context, bind->tokens->first, "COPY ... PROGRAM");
    }
    if (node->filename != NULL && node->filename[0] != 0) {
        sql_raise_with(context, KMB_UNSUPPORTED, bind->tokens->first, NULL,
                       "COPY ... FROM STDIN and TO STDOUT read and write what the caller gives; the shell's \\copy "
                       "takes a file.",
                       "COPY %s a file on the server is not supported", node->is_from ? "from" : "to");
    }
}

/* --- COPY FROM --- */

static struct plan_node *copy_source(struct write *write, const struct plan_copy *copy, const uint32_t *ordinals) {
    struct bind *bind = write->bind;
    struct plan_node *source = bind_plan(bind, PLAN_COPY, NULL, NULL);
    source->copy = copy;
    source->column_count = copy->column_count;
    source->columns = sql_alloc_zero(bind->context, copy->column_count + 1, sizeof(*source->columns));
    const struct expr **values = sql_alloc(bind->context, (copy->column_count + 1) * sizeof(*values));
    for (uint32_t i = 0; i < copy->column_count; i++) {
        struct type type = write_column(write, ordinals[i])->type;
        type.domain = 0; /* what is read has yet to pass its constraints */
        struct expr *value = bind_expr_new(bind, EXPR_COLUMN, type, 0, 0);
        value->column = i;
        values[i] = value;
        source->columns[i] = (struct plan_column){.name = copy->names[i], .type = type};
    }
    struct write_target *targets = sql_alloc_zero(bind->context, copy->column_count + 1, sizeof(*targets));
    for (uint32_t i = 0; i < copy->column_count; i++) {
        targets[i].ordinal = ordinals[i];
    }
    const struct expr **defaults = sql_alloc_zero(bind->context, write->column_count + 1, sizeof(*defaults));
    const struct expr **row = sql_alloc(bind->context, (write->column_count + 1) * sizeof(*row));
    const char **names = sql_alloc(bind->context, (write->column_count + 1) * sizeof(*names));
    write->override = PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE; /* what is read is taken, as in PostgreSQL */
    write_new_row(write, targets, values, copy->column_count, defaults, row);
    for (uint32_t i = 0; i < write->column_count; i++) {
        names[i] = bind_text(bind->context, write_column(write, i)->name);
    }
    return bind_project(bind, source, row, names, write->column_count);
}

static bool visit_not_generated(const struct expr *node, void *context) {
    struct write *write = context;
    if (node->kind == EXPR_COLUMN && write_column(write, node->column)->default_kind == DEFAULT_GENERATED) {
        struct sql_context *memory = write->bind->context;
        sql_raise_with(memory, KMB_INVALID_COLUMN_REFERENCE, 0,
                       sql_printf(memory, "Column \"%s\" is a generated column.",
                                  bind_text(memory, write_column(write, node->column)->name)),
                       NULL, "generated columns are not supported in COPY FROM WHERE conditions");
    }
    return true;
}

static void copy_where(struct write *write, const PgQuery__Node *where) {
    struct bind *bind = write->bind;
    struct bind_scope place = {.bind = bind, .scope = &write->row, .place = BIND_COPY_WHERE};
    struct plan_node *filter = bind_plan(bind, PLAN_FILTER, write->node->left, NULL);
    filter->predicate = bind_condition(&place, where, "WHERE");
    (void)expr_walk(filter->predicate, visit_not_generated, write);
    write->node->left = filter;
}

static void copy_from(struct bind *bind, const PgQuery__CopyStmt *node, struct options *options,
                      struct plan_statement *statement) {
    struct write write;
    uint32_t *ordinals = NULL;
    struct plan_copy *copy = sql_alloc_zero(bind->context, 1, sizeof(*copy));
    struct record_format format = finish_options(options);
    check_relation(bind, node->relation, true);
    write_open(&write, bind, node->relation, PLAN_INSERT);
    uint32_t count = copy_columns(bind, node, write.catalogue, write.table, &ordinals);
    copy->relation = node->relation->relname;
    copy_names(bind, copy, write.catalogue, write.table, ordinals, count);
    set_options(options, copy, write.table, &format);
    write.node->left = copy_source(&write, copy, ordinals);
    if (node->where_clause != NULL) {
        copy_where(&write, node->where_clause);
    }
    write_checks(&write);
    write_returning(&write, NULL, 0, &write.scope);
    bind_statement_query(statement, write.node);
    statement->kind = STATEMENT_WRITE;
    statement->tag = "COPY";
    statement->copy = copy;
}

/* --- COPY TO --- */

/* The columns of a table, as a query of our own: its positions are none of the statement's. */
static struct plan_node *copy_rows(struct bind *bind, const struct table_definition *table, struct plan_copy *copy) {
    struct sql_context *context = bind->context;
    const char *list = "";
    for (uint32_t i = 0; i < copy->column_count; i++) {
        list = sql_printf(context, "%s%s%s", list, i > 0 ? ", " : "", parse_quote_name(context, copy->names[i]));
    }
    const char *text =
        sql_printf(context, "SELECT %s FROM %s", list, sql_qualified(context, table->schema_name, table->name));
    bind->view_depth++;
    struct plan_node *root = bind_select(bind, parse_query(context, text));
    bind->view_depth--;
    return root;
}

static void copy_query(struct bind *bind, const PgQuery__CopyStmt *node, struct plan_copy *copy,
                       struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    if (node->query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT && bind_into(node->query->select_stmt) != NULL) {
        sql_raise(context, KMB_UNSUPPORTED, 0, "COPY (SELECT INTO) is not supported");
    }
    bind_dispatch(bind, node->query, statement);
    if (statement->kind == STATEMENT_WRITE && statement->column_count == 0) {
        sql_raise(context, KMB_UNSUPPORTED, 0, "COPY query must have a RETURNING clause");
    }
    copy->names = sql_alloc(context, (statement->column_count + 1) * sizeof(*copy->names));
    copy->column_count = statement->column_count;
    for (uint32_t i = 0; i < statement->column_count; i++) {
        copy->names[i] = statement->columns[i].name;
    }
}

static void copy_to(struct bind *bind, const PgQuery__CopyStmt *node, struct options *options,
                    struct plan_statement *statement) {
    struct plan_copy *copy = sql_alloc_zero(bind->context, 1, sizeof(*copy));
    struct record_format format = finish_options(options);
    const struct table_definition *table = NULL;
    if (node->query != NULL) {
        copy_query(bind, node, copy, statement);
    } else {
        const struct catalogue *catalogue = NULL;
        uint32_t *ordinals = NULL;
        bind_check_schema(bind, node->relation);
        check_relation(bind, node->relation, false);
        table = bind_table(bind, node->relation, &catalogue, false);
        uint32_t count = copy_columns(bind, node, catalogue, table, &ordinals);
        copy->relation = node->relation->relname;
        copy_names(bind, copy, catalogue, table, ordinals, count);
        bind_statement_query(statement, copy_rows(bind, table, copy));
    }
    set_options(options, copy, table, &format);
    statement->writes = statement->kind == STATEMENT_WRITE || bind->write_count > 0 || bind->advances;
    statement->kind = STATEMENT_COPY;
    statement->tag = "COPY";
    statement->columns = NULL;
    statement->column_count = 0;
    statement->copy = copy;
}

void bind_copy(struct bind *bind, const PgQuery__CopyStmt *node, struct plan_statement *statement) {
    struct options options = {.bind = bind, .from = node->is_from};
    refuse(bind, node);
    take_options(&options, node->options, node->n_options);
    if (node->is_from) {
        copy_from(bind, node, &options, statement);
    } else {
        copy_to(bind, node, &options, statement);
    }
}
