/*
 * SET, RESET, SHOW and DISCARD, as they are written; what a setting is and may be is in sql/setting.h.
 */
#include <strings.h>

#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/setting.h"
#include "types/interval.h"

/* Rows of texts. */
static struct plan_node *text_rows(struct bind *bind, const char *const *texts, uint32_t rows,
                                   struct plan_column *columns, uint32_t column_count) {
    struct sql_context *context = bind->context;
    struct plan_node *node = bind_plan(bind, PLAN_VALUES, NULL, NULL);
    node->rows = sql_alloc(context, (rows + 1) * sizeof(*node->rows));
    for (uint32_t r = 0; r < rows; r++) {
        node->rows[r] = sql_alloc(context, column_count * sizeof(**node->rows));
        for (uint32_t i = 0; i < column_count; i++) {
            struct expr *constant = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_TEXT), 0, 0);
            constant->value = value_text(slice_text(sql_printf(context, "%s", texts[r * column_count + i])));
            node->rows[r][i] = constant;
        }
    }
    node->row_count = rows;
    node->columns = columns;
    node->column_count = column_count;
    return node;
}

void bind_show(struct bind *bind, const PgQuery__VariableShowStmt *show, struct plan_statement *statement) {
    bool all = strcmp(show->name, "all") == 0;
    uint32_t count = all ? (uint32_t)settings_count : 1;
    uint32_t columns = all ? 3 : 1;
    const struct sql_setting *one = all ? NULL : sql_setting_find(show->name);
    const char *text = all ? NULL : sql_setting_text_of(bind->context, show->name);
    if (!all && text == NULL) {
        setting_raise_unknown(bind->context, 0, show->name);
    }
    const char **texts = sql_alloc(bind->context, (size_t)count * columns * sizeof(*texts));
    for (uint32_t i = 0; i < count && all; i++) {
        texts[i * 3] = settings_table[i].heading;
        texts[i * 3 + 1] = sql_setting_text(bind->context, &settings_table[i]);
        texts[i * 3 + 2] = settings_table[i].description;
    }
    if (!all) {
        texts[0] = text;
    }
    struct plan_column *answer = sql_alloc_zero(bind->context, columns, sizeof(*answer));
    const char *const names[] = {all ? "name" : one != NULL ? one->heading : show->name, "setting", "description"};
    for (uint32_t i = 0; i < columns; i++) {
        answer[i] = (struct plan_column){.name = names[i], .type = type_make(TYPE_TEXT)};
    }
    *statement = (struct plan_statement){.kind = STATEMENT_QUERY, .tag = "SHOW", .columns = answer};
    statement->root = text_rows(bind, texts, count, answer, columns);
    statement->column_count = columns;
    bind->time_dependent = true; /* read anew by each run */
}

/* --- SET --- */

/* SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE: the zone as POSIX writes it, where east is less: "<+02>-02". */
static const char *zone_of_interval(struct bind *bind, const PgQuery__TypeCast *cast) {
    struct sql_context *context = bind->context;
    const char *text = cast->arg->a_const->sval->sval;
    struct interval interval = {0};
    enum kmb_status status =
        interval_parse(slice_text(text), bind_type_name(bind, cast->type_name).modifier, &interval, context->error);
    if (status != KMB_OK) {
        sql_raise_status(context, status, bind->tokens->first);
    }
    if (interval.months != 0 || interval.days != 0) {
        sql_raise_with(context, KMB_INVALID_PARAMETER, 0,
                       interval.months != 0 ? "Cannot specify months in time zone interval."
                                            : "Cannot specify days in time zone interval.",
                       NULL, "invalid value for parameter \"TimeZone\": \"INTERVAL '%s'\"", text);
    }
    long long seconds = interval.us / US_PER_SECOND;
    long long most = seconds < 0 ? -seconds : seconds;
    if (most >= 168 * 3600LL) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "time zone interval \"%s\" is out of range", text);
    }
    const char *size = sql_printf(context, "%02lld", most / 3600);
    if (most % 3600 != 0) {
        size = sql_printf(context, "%s:%02lld", size, most / 60 % 60);
    }
    if (most % 60 != 0) {
        size = sql_printf(context, "%s:%02lld", size, most % 60);
    }
    return sql_printf(context, "<%c%s>%c%s", seconds < 0 ? '-' : '+', size, seconds < 0 ? '+' : '-', size);
}

static bool is_interval_zone(const PgQuery__VariableSetStmt *set, const PgQuery__Node *node) {
    return node != NULL && strcasecmp(set->name, "timezone") == 0 &&
           node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST &&
           node->type_cast->arg->node_case == PG_QUERY__NODE__NODE_A_CONST &&
           node->type_cast->arg->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL;
}

static const char *set_argument(struct bind *bind, const PgQuery__VariableSetStmt *set) {
    const PgQuery__Node *node = set->n_args == 1 ? set->args[0] : NULL;
    if (set->n_args > 1) {
        sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "SET %s takes only one argument", set->name);
    }
    if (is_interval_zone(set, node)) {
        return zone_of_interval(bind, node->type_cast);
    }
    if (node != NULL && node->node_case == PG_QUERY__NODE__NODE_A_CONST) {
        switch ((int)node->a_const->val_case) {
        case PG_QUERY__A__CONST__VAL_SVAL:
            return node->a_const->sval->sval;
        case PG_QUERY__A__CONST__VAL_IVAL:
            return sql_printf(bind->context, "%d", node->a_const->ival->ival);
        case PG_QUERY__A__CONST__VAL_FVAL:
            return node->a_const->fval->fval;
        default:
            break;
        }
    }
    sql_raise_unsupported(bind->context, bind->tokens->first, "this value of %s", set->name);
}

/* A list of names, each in quotes where it needs them, if any does. */
static const char *set_names(struct bind *bind, const PgQuery__VariableSetStmt *set, bool quotes) {
    const char *text = "";
    for (size_t i = 0; i < set->n_args; i++) {
        const PgQuery__Node *node = set->args[i];
        if (node->node_case != PG_QUERY__NODE__NODE_A_CONST ||
            node->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL) {
            sql_raise_unsupported(bind->context, bind->tokens->first, "this value of %s", set->name);
        }
        const char *name = node->a_const->sval->sval;
        text = sql_printf(bind->context, "%s%s%s", text, i == 0 ? "" : ", ",
                          quotes ? parse_quote_name(bind->context, name) : name);
    }
    return text;
}

/* SET TRANSACTION, and the same for the transactions to come. */
static void set_transaction(struct bind *bind, const PgQuery__VariableSetStmt *set, struct plan_statement *statement,
                            struct plan_ddl *ddl) {
    bool session = strcmp(set->name, "SESSION CHARACTERISTICS") == 0;
    ddl->local = false;
    if (!session && strcmp(set->name, "TRANSACTION") != 0) {
        sql_raise_unsupported(bind->context, bind->tokens->first, "SET TRANSACTION SNAPSHOT");
    }
    for (size_t i = 0; i < set->n_args; i++) {
        bind_control_option(bind, set->args[i]->def_elem, ddl);
    }
    if (session) {
        ddl->setting = SETTING_TRANSACTIONS;
        return;
    }
    ddl->kind = DDL_CONTROL;
    ddl->control = SQL_CONTROL_CHANGE;
    statement->kind = STATEMENT_SETTING;
}

void bind_discard(struct bind *bind, const PgQuery__DiscardStmt *discard, struct plan_statement *statement) {
    static const char *const tags[] = {"DISCARD ALL", "DISCARD PLANS", "DISCARD SEQUENCES", "DISCARD TEMP"};
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    size_t which = discard->target == PG_QUERY__DISCARD_MODE__DISCARD_PLANS       ? 1
                   : discard->target == PG_QUERY__DISCARD_MODE__DISCARD_SEQUENCES ? 2
                   : discard->target == PG_QUERY__DISCARD_MODE__DISCARD_TEMP      ? 3
                                                                                  : 0;
    ddl->kind = DDL_DISCARD;
    ddl->value = which == 0 ? NULL : tags[which] + strlen("DISCARD ");
    statement->kind = STATEMENT_SETTING;
    statement->tag = tags[which];
    statement->ddl = ddl;
}

/* channel NULL: all of them. */
void bind_listen(struct bind *bind, const char *tag, const char *channel, const char *payload,
                 struct plan_statement *statement) {
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    ddl->kind = strcmp(tag, "LISTEN") == 0 ? DDL_LISTEN : strcmp(tag, "NOTIFY") == 0 ? DDL_NOTIFY : DDL_UNLISTEN;
    ddl->value = channel;
    ddl->payload = payload;
    statement->kind = STATEMENT_SETTING;
    statement->tag = tag;
    statement->ddl = ddl;
}

void bind_set(struct bind *bind, const PgQuery__VariableSetStmt *set, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    PgQuery__VariableSetKind kind = set->kind;
    bool reset = kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET || kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL;
    ddl->kind = DDL_SET;
    ddl->setting = SETTING_IGNORED;
    ddl->local = set->is_local;
    statement->kind = STATEMENT_SETTING;
    statement->tag = reset ? "RESET" : "SET";
    statement->ddl = ddl;
    if (kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT) {
        sql_raise_unsupported(context, bind->tokens->first, "SET ... FROM CURRENT");
    }
    if (kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI) {
        set_transaction(bind, set, statement, ddl);
        return;
    }
    if (kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL) {
        ddl->setting = SETTING_ALL;
        return;
    }
    const char *value = NULL;
    if (!reset && kind != PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT) {
        bool path = strcasecmp(set->name, "search_path") == 0;
        bool dates = strcasecmp(set->name, "datestyle") == 0;
        value = path || dates ? set_names(bind, set, path) : set_argument(bind, set);
    }
    sql_setting_change(context, set->name, value, bind->tokens->first, ddl);
}
