/*
 * Relations made from the catalogue: information_schema.tables, .columns and .sequences, SHOW TABLES, SHOW
 * COLUMNS, and a sequence read as a table.
 *
 * A relation is a list of columns, each a name and a function from (table, column) to a value; a query's columns are
 * found by name, or by place where the query took them all and gave them names of its own.
 */
#include "base/assert.h"
#include "sql/exec/operator.h"
#include "sql/path.h"

struct subject {
    struct exec *exec;
    struct kernel_view *view;
    const struct catalogue *catalogue;
    const struct table_definition *table;
    const struct column_definition *column;   /* of relations of columns */
    const struct comment_definition *comment; /* of relations of comments */
    uint32_t ordinal;
};

struct relation_column {
    const char *name;
    struct value (*value)(const struct subject *subject);
};

static struct value int_value(int64_t integer) {
    return value_integer(TYPE_INT4, integer);
}
static struct value constant_text(const char *text) {
    return value_text(slice_text(text));
}

static struct value get_catalog(const struct subject *subject) {
    (void)subject;
    return constant_text("kimberlite");
}
static struct value get_schema(const struct subject *subject) {
    return value_text(subject->table->schema_name);
}
static struct value get_table(const struct subject *subject) {
    return value_text(subject->table->name);
}
static struct value get_table_type(const struct subject *subject) {
    return constant_text(definition_is_view(subject->table) ? "VIEW" : "BASE TABLE");
}
static struct value get_insertable(const struct subject *subject) {
    return constant_text(definition_is_view(subject->table) ? "NO" : "YES");
}
static struct value get_column_count(const struct subject *subject) {
    return int_value(catalogue_column_count(subject->catalogue, subject->table));
}
static struct value get_key_count(const struct subject *subject) {
    return int_value(subject->table->primary_key_count);
}
static struct value get_column(const struct subject *subject) {
    return value_text(subject->column->name);
}
static struct value get_ordinal(const struct subject *subject) {
    return int_value((int64_t)subject->ordinal + 1);
}
static struct value get_default(const struct subject *subject) {
    if (subject->column->default_kind != DEFAULT_EXPRESSION) {
        return value_null(TYPE_TEXT);
    }
    return constant_text(sql_path_shown(subject->exec->context, subject->catalogue, subject->column->default_text));
}
static struct value get_generation(const struct subject *subject) {
    return subject->column->default_kind != DEFAULT_GENERATED ? value_null(TYPE_TEXT)
                                                              : value_text(subject->column->default_text);
}
static struct value get_is_generated(const struct subject *subject) {
    return constant_text(subject->column->default_kind == DEFAULT_GENERATED ? "ALWAYS" : "NEVER");
}
static struct value get_is_identity(const struct subject *subject) {
    return constant_text(default_is_identity(subject->column->default_kind) ? "YES" : "NO");
}
static struct value get_identity(const struct subject *subject) {
    enum default_kind kind = subject->column->default_kind;
    return !default_is_identity(kind) ? value_null(TYPE_TEXT)
                                      : constant_text(kind == DEFAULT_IDENTITY_ALWAYS ? "ALWAYS" : "BY DEFAULT");
}

/* The rule of the sequence at hand, or of the identity column's; NULL: none. */
static const struct sequence_definition *rule_of(const struct subject *subject) {
    if (subject->column == NULL) {
        return &subject->table->sequence;
    }
    const struct table_definition *sequence =
        default_is_identity(subject->column->default_kind)
            ? catalogue_owned_sequence(subject->catalogue, subject->table->id, subject->column->id)
            : NULL;
    return sequence == NULL ? NULL : &sequence->sequence;
}
static struct value number_text(const struct subject *subject, int64_t number) {
    return constant_text(sql_printf(subject->exec->context, "%lld", (long long)number));
}
static struct value get_start(const struct subject *subject) {
    const struct sequence_definition *rule = rule_of(subject);
    return rule == NULL ? value_null(TYPE_TEXT) : number_text(subject, rule->start);
}
static struct value get_increment(const struct subject *subject) {
    const struct sequence_definition *rule = rule_of(subject);
    return rule == NULL ? value_null(TYPE_TEXT) : number_text(subject, rule->increment);
}
static struct value get_maximum(const struct subject *subject) {
    const struct sequence_definition *rule = rule_of(subject);
    return rule == NULL ? value_null(TYPE_TEXT) : number_text(subject, rule->maximum);
}
static struct value get_minimum(const struct subject *subject) {
    const struct sequence_definition *rule = rule_of(subject);
    return rule == NULL ? value_null(TYPE_TEXT) : number_text(subject, rule->minimum);
}
/* NO for a column without one, as PostgreSQL has it. */
static struct value get_cycle(const struct subject *subject) {
    const struct sequence_definition *rule = rule_of(subject);
    return constant_text(rule != NULL && rule->cycle ? "YES" : "NO");
}
static struct value get_sequence_type(const struct subject *subject) {
    return constant_text(type_name(subject->table->sequence.type));
}
static struct value get_sequence_bits(const struct subject *subject) {
    enum type_id type = subject->table->sequence.type;
    return int_value(type == TYPE_INT2 ? 16 : type == TYPE_INT4 ? 32 : 64);
}
static struct value get_two(const struct subject *subject) {
    (void)subject;
    return int_value(2);
}
static struct value get_zero(const struct subject *subject) {
    (void)subject;
    return int_value(0);
}

static struct kernel_sequence sequence_state(const struct subject *subject) {
    struct kernel_sequence state;
    sql_try(subject->exec->context,
            kernel_sequence_read(subject->view, subject->table, &state, subject->exec->context->error));
    return state;
}
static struct value get_last_value(const struct subject *subject) {
    return value_integer(TYPE_INT8, sequence_state(subject).last);
}
static struct value get_log_count(const struct subject *subject) {
    (void)subject;
    return value_integer(TYPE_INT8, 0); /* values are taken from the log one by one */
}
static struct value get_is_called(const struct subject *subject) {
    return value_bool(sequence_state(subject).called);
}

static bool nullable(const struct subject *subject) {
    for (uint32_t i = 0; i < subject->table->primary_key_count; i++) {
        if (column_id_equal(subject->table->primary_key[i].column, subject->column->id)) {
            return false;
        }
    }
    return !subject->column->not_null;
}

static struct value get_is_nullable(const struct subject *subject) {
    return constant_text(nullable(subject) ? "YES" : "NO");
}
static struct value get_nullable(const struct subject *subject) {
    return value_bool(nullable(subject));
}
static struct value get_type(const struct subject *subject) {
    enum type_id id = subject->column->type.id;
    return constant_text(type_is_array(id) ? "ARRAY" : type_name(id));
}
/* With its modifier, as psql's \d shows it. */
static struct value get_full_type(const struct subject *subject) {
    char *name = sql_alloc(subject->exec->context, TYPE_NAME_SIZE);
    return constant_text(type_format(subject->column->type, name));
}
static struct value get_length(const struct subject *subject) {
    struct type type = subject->column->type;
    bool text = type.id == TYPE_VARCHAR || type.id == TYPE_BPCHAR;
    return text && type.modifier >= 0 ? int_value(type.modifier) : value_null(TYPE_INT4);
}

static struct value get_precision(const struct subject *subject) {
    struct type type = subject->column->type;
    switch (type.id) {
    case TYPE_TINYINT:
        return int_value(8);
    case TYPE_INT2:
        return int_value(16);
    case TYPE_INT4:
        return int_value(32);
    case TYPE_INT8:
        return int_value(64);
    case TYPE_FLOAT4:
        return int_value(24);
    case TYPE_FLOAT8:
        return int_value(53);
    case TYPE_NUMERIC:
        return type.modifier < 0 ? value_null(TYPE_INT4) : int_value(type_numeric_precision(type.modifier));
    default:
        return value_null(TYPE_INT4);
    }
}

static struct value get_scale(const struct subject *subject) {
    struct type type = subject->column->type;
    if (type_is_integer(type.id)) {
        return int_value(0);
    }
    return type.id == TYPE_NUMERIC && type.modifier >= 0 ? int_value(type_numeric_scale(type.modifier))
                                                         : value_null(TYPE_INT4);
}
static struct value get_internal_type(const struct subject *subject) {
    return constant_text(type_internal_name(subject->column->type.id));
}

static const struct relation_column tables_columns[] = {
    {"table_catalog", get_catalog},       {"table_schema", get_schema},           {"table_name", get_table},
    {"table_type", get_table_type},       {"is_insertable_into", get_insertable}, {"column_count", get_column_count},
    {"primary_key_count", get_key_count},
};
static const struct relation_column columns_columns[] = {
    {"table_catalog", get_catalog},
    {"table_schema", get_schema},
    {"table_name", get_table},
    {"column_name", get_column},
    {"ordinal_position", get_ordinal},
    {"column_default", get_default},
    {"is_nullable", get_is_nullable},
    {"data_type", get_type},
    {"character_maximum_length", get_length},
    {"numeric_precision", get_precision},
    {"numeric_scale", get_scale},
    {"udt_name", get_internal_type},
    {"is_identity", get_is_identity},
    {"identity_generation", get_identity},
    {"identity_start", get_start},
    {"identity_increment", get_increment},
    {"identity_maximum", get_maximum},
    {"identity_minimum", get_minimum},
    {"identity_cycle", get_cycle},
    {"is_generated", get_is_generated},
    {"generation_expression", get_generation},
};
static struct value get_comment_kind(const struct subject *subject) {
    static const char *const kinds[] = {[DEFINITION_COLUMN] = "column",
                                        [DEFINITION_INDEX] = "index",
                                        [DEFINITION_CONSTRAINT] = "constraint",
                                        [DEFINITION_PRIMARY_KEY] = "constraint"};
    const struct table_definition *table = subject->table;
    const char *relation = definition_is_view(table) ? "view" : definition_is_sequence(table) ? "sequence" : "table";
    const char *kind = kinds[subject->comment->part];
    return constant_text(kind == NULL ? relation : kind);
}
static struct value get_comment_name(const struct subject *subject) {
    const struct table_definition *table = subject->table;
    uint32_t id = subject->comment->id;
    switch (subject->comment->part) {
    case DEFINITION_TABLE:
        break;
    case DEFINITION_COLUMN:
        return value_text(definition_column_of_id(table, (struct column_id){id})->name);
    case DEFINITION_INDEX:
        return value_text(definition_index_of_id(table, (struct index_id){id})->name);
    case DEFINITION_PRIMARY_KEY:
        return value_text(table->primary_key_name);
    case DEFINITION_CONSTRAINT:
        for (uint32_t i = 0; i < table->check_count; i++) {
            if (table->checks[i].id.value == id) {
                return value_text(table->checks[i].name);
            }
        }
        for (uint32_t i = 0; i < table->foreign_key_count; i++) {
            if (table->foreign_keys[i].id.value == id) {
                return value_text(table->foreign_keys[i].name);
            }
        }
        break;
    }
    return value_text(table->name);
}
static struct value get_comment(const struct subject *subject) {
    return value_text(subject->comment->text);
}

static const struct relation_column comments_columns[] = {
    {"table_schema", get_schema},      {"table_name", get_table}, {"object_type", get_comment_kind},
    {"object_name", get_comment_name}, {"comment", get_comment},
};
static const struct relation_column sequences_columns[] = {
    {"sequence_catalog", get_catalog},
    {"sequence_schema", get_schema},
    {"sequence_name", get_table},
    {"data_type", get_sequence_type},
    {"numeric_precision", get_sequence_bits},
    {"numeric_precision_radix", get_two},
    {"numeric_scale", get_zero},
    {"start_value", get_start},
    {"minimum_value", get_minimum},
    {"maximum_value", get_maximum},
    {"increment", get_increment},
    {"cycle_option", get_cycle},
};
static const struct relation_column sequence_columns[] = {
    {"last_value", get_last_value},
    {"log_cnt", get_log_count},
    {"is_called", get_is_called},
};
static const struct relation_column show_tables_columns[] = {
    {"table_name", get_table},
    {"column_count", get_column_count},
};
static const struct relation_column show_columns_columns[] = {
    {"column_name", get_column},
    {"data_type", get_full_type},
    {"nullable", get_nullable},
};

static const struct relation {
    const char *name;
    const struct relation_column *columns;
    uint32_t column_count;
    bool of_columns;   /* a row per column, not per table */
    bool of_sequences; /* of sequences, else of tables and views */
    bool of_comments;  /* a row per comment, on any of them */
} relations[] = {
    {"tables", tables_columns, ARRAY_LENGTH(tables_columns), false, false, false},
    {"columns", columns_columns, ARRAY_LENGTH(columns_columns), true, false, false},
    {"show_tables", show_tables_columns, ARRAY_LENGTH(show_tables_columns), false, false, false},
    {"show_columns", show_columns_columns, ARRAY_LENGTH(show_columns_columns), true, false, false},
    {"sequences", sequences_columns, ARRAY_LENGTH(sequences_columns), false, true, false},
    {"comments", comments_columns, ARRAY_LENGTH(comments_columns), false, false, true},
    {"sequence", sequence_columns, ARRAY_LENGTH(sequence_columns), false, true, false},
};

struct catalogue_scan {
    struct exec_operator base;
    const struct relation *relation;
    const struct relation_column **chosen; /* by output column */
    struct subject subject;
    uint32_t table;  /* next */
    uint32_t column; /* next, of the table */
};

/* Moves to the next subject; false at the end. */
static bool advance(struct catalogue_scan *scan) {
    struct subject *subject = &scan->subject;
    struct table_id only = scan->base.node->relation_of;
    while (scan->table < catalogue_table_count(subject->catalogue)) {
        subject->table = catalogue_table_at(subject->catalogue, scan->table);
        bool comments = scan->relation->of_comments;
        bool skip = (only.value != 0 && !table_id_equal(subject->table->id, only)) ||
                    (!comments && definition_is_sequence(subject->table) != scan->relation->of_sequences);
        if (comments && scan->column < subject->table->comment_count) {
            subject->comment = &subject->table->comments[scan->column++];
            return true;
        }
        uint32_t columns = catalogue_column_count(subject->catalogue, subject->table);
        if (skip || comments || (scan->relation->of_columns && scan->column == columns)) {
            scan->table++;
            scan->column = 0;
            continue;
        }
        if (!scan->relation->of_columns) {
            scan->table++;
            return true;
        }
        subject->ordinal = scan->column;
        subject->column = catalogue_column(subject->catalogue, subject->table, scan->column++);
        return true;
    }
    return false;
}

static const struct batch *catalogue_next(struct exec_operator *self) {
    struct catalogue_scan *scan = (struct catalogue_scan *)self;
    operator_begin(self);
    operator_clear(self);
    uint32_t count = 0;
    while (count < self->rows_max && advance(scan)) {
        for (uint32_t i = 0; i < self->batch.column_count; i++) {
            struct value value = scan->chosen[i]->value(&scan->subject);
            vector_set(&self->batch.columns[i], count, &value);
        }
        count++;
    }
    self->batch.count = count;
    return count == 0 ? NULL : &self->batch;
}

struct exec_operator *catalogue_rows_make(struct exec *exec, const struct plan_node *node) {
    struct catalogue_scan *scan = operator_new(exec, node, sizeof(*scan), catalogue_next);
    for (uint32_t i = 0; i < ARRAY_LENGTH(relations); i++) {
        if (strcmp(relations[i].name, node->relation) == 0) {
            scan->relation = &relations[i];
        }
    }
    ASSERT(scan->relation != NULL);
    const struct relation *relation = scan->relation;
    scan->chosen = sql_alloc_zero(exec->context, node->column_count + 1, sizeof(*scan->chosen));
    for (uint32_t i = 0; i < node->column_count; i++) {
        for (uint32_t n = 0; n < relation->column_count; n++) {
            bool hit = node->column_count == relation->column_count
                           ? n == i
                           : strcmp(relation->columns[n].name, node->columns[i].name) == 0;
            scan->chosen[i] = hit ? &relation->columns[n] : scan->chosen[i];
        }
        ASSERT(scan->chosen[i] != NULL);
    }
    struct kernel_view *view = exec_view_of(exec, node);
    scan->subject = (struct subject){.exec = exec, .view = view, .catalogue = view->catalogue};
    operator_columns(&scan->base, 256);
    return &scan->base;
}
