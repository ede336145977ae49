/*
 * SET, RESET and SHOW: what a session can change, and what has one value here.
 *
 * A client sets much that it does not need: what is so anyway is taken, anything else refused, never ignored.
 */
#include <math.h>
#include <stdlib.h>

#include "base/assert.h"
#include "sql/bind/bind.h"

struct setting {
    const char *name;    /* lower case */
    const char *heading; /* as PostgreSQL prints it */
    const char *value;   /* NULL: the session's */
    const char *description;
};

static const struct setting settings[] = {
    {"application_name", "application_name", NULL, "Sets the application name to be reported in statistics and logs."},
    {"client_encoding", "client_encoding", "UTF8", "Sets the client's character set encoding."},
    {"datestyle", "DateStyle", "ISO, MDY", "Sets the display format for date and time values."},
    {"default_transaction_deferrable", "default_transaction_deferrable", NULL,
     "Sets the default deferrable status of new transactions."},
    {"default_transaction_isolation", "default_transaction_isolation", NULL,
     "Sets the transaction isolation level of each new transaction."},
    {"default_transaction_read_only", "default_transaction_read_only", NULL,
     "Sets the default read-only status of new transactions."},
    {"enable_bitmapscan", "enable_bitmapscan", NULL, "Enables the planner's use of bitmap-scan plans."},
    {"enable_hashjoin", "enable_hashjoin", NULL, "Enables the planner's use of hash join plans."},
    {"enable_indexonlyscan", "enable_indexonlyscan", NULL, "Enables the planner's use of index-only-scan plans."},
    {"enable_indexscan", "enable_indexscan", NULL, "Enables the planner's use of index-scan plans."},
    {"enable_mergejoin", "enable_mergejoin", NULL, "Enables the planner's use of merge join plans."},
    {"enable_nestloop", "enable_nestloop", NULL, "Enables the planner's use of nested-loop join plans."},
    {"enable_seqscan", "enable_seqscan", NULL, "Enables the planner's use of sequential-scan plans."},
    {"extra_float_digits", "extra_float_digits", "1", "Sets the number of digits displayed for floating-point values."},
    {"integer_datetimes", "integer_datetimes", "on", "Shows whether datetimes are integer based."},
    {"intervalstyle", "IntervalStyle", "postgres", "Sets the display format for interval values."},
    {"kimberlite.enable_common_subplans", "kimberlite.enable_common_subplans", NULL,
     "Enables the planner's use of one result where a statement has the same query several times."},
    {"kimberlite.join_rows_max", "kimberlite.join_rows_max", NULL,
     "Sets the most rows that the joins of a statement may give (0: no limit)."},
    {"lc_collate", "lc_collate", "C", "Shows the collation order locale."},
    {"plan_cache_mode", "plan_cache_mode", NULL, "Controls the planner's selection of custom or generic plan."},
    {"search_path", "search_path", NULL, "Sets the schema search order for names that are not schema-qualified."},
    {"server_encoding", "server_encoding", "UTF8", "Shows the server (database) character set encoding."},
    {"server_version", "server_version", "15.0 (Kimberlite " KMB_VERSION ")", "Shows the server version."},
    {"server_version_num", "server_version_num", "150000", "Shows the server version as an integer."},
    {"standard_conforming_strings", "standard_conforming_strings", "on",
     "Causes '...' strings to treat backslashes literally."},
    {"statement_timeout", "statement_timeout", NULL, "Sets the maximum allowed duration of any statement."},
    {"temp_file_limit", "temp_file_limit", NULL,
     "Limits the total size of all temporary files used by each statement."},
    {"timezone", "TimeZone", NULL, "Sets the time zone for displaying and interpreting time stamps."},
    {"transaction_deferrable", "transaction_deferrable", NULL,
     "Whether to defer a read-only serializable transaction until it can be executed with no possible serialization "
     "failures."},
    {"transaction_isolation", "transaction_isolation", NULL, "Sets the current transaction's isolation level."},
    {"transaction_read_only", "transaction_read_only", NULL, "Sets the current transaction's read-only status."},
    {"work_mem", "work_mem", NULL, "Sets the maximum memory to be used for query workspaces."},
};

/* The way that a setting opens; SQL_WAY_COUNT: it is another setting. */
static enum sql_way way_of(const char *name) {
    enum sql_way way = 0;
    while (way < SQL_WAY_COUNT && strcasecmp(sql_way_name(way), name) != 0) {
        way++;
    }
    return way;
}

/* --- numbers with units --- */

struct unit {
    const char *name;
    double size; /* in the unit that the setting counts */
};

struct measure {
    const char *base; /* the unit of a number without one; "": none is named */
    const char *hint;
    struct unit units[6]; /* the largest first */
};

static const struct measure duration = {
    "ms",
    "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".",
    {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}, {"us", 0.001}}};
static const struct measure memory = {
    "kB",
    "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".",
    {{"TB", 1024.0 * 1024 * 1024}, {"GB", 1024.0 * 1024}, {"MB", 1024}, {"kB", 1}, {"B", 1.0 / 1024}}};

/* 90000 -> "90s", as PostgreSQL shows it: in the largest unit that leaves a whole number. */
static const char *measure_text(struct sql_context *context, const struct measure *measure, int64_t number) {
    for (size_t i = 0; number > 0 && i < ARRAY_LENGTH(measure->units); i++) {
        int64_t size = (int64_t)measure->units[i].size;
        if (size > 0 && number % size == 0) {
            return sql_printf(context, "%lld%s", (long long)(number / size), measure->units[i].name);
        }
    }
    return sql_printf(context, "%lld", (long long)number);
}

static bool unit_find(const struct measure *measure, const char *name, double *size) {
    name += strspn(name, " ");
    size_t length = strcspn(name, " ");
    for (size_t i = 0; i < ARRAY_LENGTH(measure->units); i++) {
        const char *unit = measure->units[i].name;
        if (unit != NULL && length == strlen(unit) && strncmp(name, unit, length) == 0) {
            *size = measure->units[i].size;
            return name[length + strspn(name + length, " ")] == 0;
        }
    }
    *size = 1;
    return length == 0;
}

static int64_t measure_parse(struct bind *bind, const struct measure *measure, int64_t least, const char *name,
                             const char *text) {
    char *end = NULL;
    double unit = 1;
    double number = strtod(text, &end);
    if (end == text || !unit_find(measure, end, &unit) || number != number) {
        sql_raise_with(bind->context, KMB_INVALID_PARAMETER, 0, NULL, measure->hint,
                       "invalid value for parameter \"%s\": \"%s\"", name, text);
    }
    double counted = rint(number * unit);
    if (!(counted >= (double)least && counted <= INT32_MAX)) {
        sql_raise(bind->context, KMB_INVALID_PARAMETER, 0,
                  "%.0f %s is outside the valid range for parameter \"%s\" (%lld %s .. 2147483647 %s)", counted,
                  measure->base, name, (long long)least, measure->base, measure->base);
    }
    return (int64_t)counted;
}

static int64_t count_parse(struct bind *bind, const char *name, const char *text) {
    int64_t number;
    if (value_parse_integer(TYPE_INT8, slice_text(text), &number, NULL) != KMB_OK || number < 0) {
        sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "invalid value for parameter \"%s\": \"%s\"", name, text);
    }
    return number;
}

/* --- SHOW --- */

static const struct setting *setting_find(struct bind *bind, const char *name) {
    static const char *const grammar[] = {"role", "session_authorization", "seed"}; /* words of their own */
    for (size_t i = 0; i < ARRAY_LENGTH(grammar); i++) {
        if (strcmp(grammar[i], name) == 0) {
            sql_raise_unsupported(bind->context, bind->tokens->first, "SET or SHOW %s", name);
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(settings); i++) {
        if (strcasecmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    sql_raise(bind->context, KMB_UNDEFINED_OBJECT, 0, "unrecognized configuration parameter \"%s\"", name);
}

/* What a session can change. */
static const char *setting_value(struct bind *bind, const struct setting *setting) {
    const struct sql_settings *session = bind->context->settings;
    if (setting->value != NULL) {
        return setting->value;
    }
    if (strcmp(setting->name, "timezone") == 0) {
        return session->time_zone_name;
    }
    if (strcmp(setting->name, "statement_timeout") == 0) {
        return measure_text(bind->context, &duration, session->statement_timeout_ms);
    }
    if (strcmp(setting->name, "work_mem") == 0) {
        return measure_text(bind->context, &memory, (int64_t)(sql_work_bytes(session) / 1024));
    }
    if (strcmp(setting->name, "temp_file_limit") == 0) {
        int64_t limit = session->temp_file_bytes_max;
        return limit == 0 ? "-1" : limit < 0 ? "0" : measure_text(bind->context, &memory, limit / 1024);
    }
    if (strcmp(setting->name, "application_name") == 0) {
        return session->application_name;
    }
    if (strcmp(setting->name, "search_path") == 0) {
        return session->search_path;
    }
    if (strcmp(setting->name, "plan_cache_mode") == 0) {
        return sql_plan_mode_name(session->plan_mode);
    }
    if (way_of(setting->name) < SQL_WAY_COUNT) {
        return sql_way_open(session, way_of(setting->name)) ? "on" : "off";
    }
    bool to_come = strncmp(setting->name, "default_", 8) == 0;
    if (strstr(setting->name, "transaction_read_only") != NULL) {
        return (to_come ? session->default_read_only : session->read_only) ? "on" : "off";
    }
    if (strstr(setting->name, "transaction_deferrable") != NULL) {
        return (to_come ? session->default_deferrable : session->deferrable) ? "on" : "off";
    }
    if (strstr(setting->name, "transaction_isolation") != NULL) {
        bool serializable = to_come ? session->default_serializable : session->serializable;
        return serializable ? "serializable" : "repeatable read";
    }
    return sql_printf(bind->context, "%llu", (unsigned long long)session->join_rows_max);
}

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
    uint32_t count = all ? (uint32_t)ARRAY_LENGTH(settings) : 1;
    uint32_t columns = all ? 3 : 1;
    const struct setting *one = all ? NULL : setting_find(bind, show->name);
    const char **texts = sql_alloc(bind->context, (size_t)count * columns * sizeof(*texts));
    for (uint32_t i = 0; i < count && all; i++) {
        texts[i * 3] = settings[i].heading;
        texts[i * 3 + 1] = setting_value(bind, &settings[i]);
        texts[i * 3 + 2] = settings[i].description;
    }
    if (!all) {
        texts[0] = setting_value(bind, one);
    }
    struct plan_column *answer = sql_alloc_zero(bind->context, columns, sizeof(*answer));
    const char *const names[] = {all ? "name" : one->heading, "setting", "description"};
    for (uint32_t i = 0; i < columns; i++) {
        answer[i] = (struct plan_column){.name = names[i], .type = type_make(TYPE_TEXT)};
    }
    *statement = (struct plan_statement){.kind = STATEMENT_QUERY, .tag = "SHOW", .columns = answer};
    statement->root = text_rows(bind, texts, count, answer, columns);
    statement->column_count = columns;
    bind->time_dependent = true; /* read anew by each run */
}

/* --- SET --- */

static const char *set_argument(struct bind *bind, const PgQuery__VariableSetStmt *set) {
    const PgQuery__Node *node = set->n_args == 1 ? set->args[0] : NULL;
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

/* A list of names, each in quotes where it needs them. */
static const char *set_names(struct bind *bind, const PgQuery__VariableSetStmt *set) {
    const char *text = "";
    for (size_t i = 0; i < set->n_args; i++) {
        const PgQuery__Node *node = set->args[i];
        if (node->node_case != PG_QUERY__NODE__NODE_A_CONST ||
            node->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL) {
            sql_raise_unsupported(bind->context, bind->tokens->first, "this value of %s", set->name);
        }
        text = sql_printf(bind->context, "%s%s%s", text, i == 0 ? "" : ", ",
                          parse_quote_name(bind->context, node->a_const->sval->sval));
    }
    return text;
}

static bool set_boolean(struct bind *bind, const char *name, const char *value) {
    bool on = false;
    if (value_parse_bool(slice_text(value), &on, NULL) != KMB_OK) {
        sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "parameter \"%s\" requires a Boolean value", name);
    }
    return on;
}

static enum sql_plan_mode set_plan_mode(struct bind *bind, const char *value) {
    for (enum sql_plan_mode mode = SQL_PLAN_AUTO; mode <= SQL_PLAN_CUSTOM; mode++) {
        if (strcasecmp(value, sql_plan_mode_name(mode)) == 0) {
            return mode;
        }
    }
    sql_raise_with(bind->context, KMB_INVALID_PARAMETER, 0, NULL,
                   "Available values: auto, force_generic_plan, force_custom_plan.",
                   "invalid value for parameter \"plan_cache_mode\": \"%s\"", value);
}

/* The levels below serializable are one: a snapshot gives at least what each of them asks. */
enum sql_isolation bind_isolation(struct bind *bind, const char *name, const char *value) {
    static const char *const levels[] = {"serializable", "repeatable read", "read committed", "read uncommitted"};
    for (size_t i = 0; i < ARRAY_LENGTH(levels); i++) {
        if (strcasecmp(value, levels[i]) == 0) {
            return i == 0 ? SQL_ISOLATION_SERIALIZABLE : SQL_ISOLATION_SNAPSHOT;
        }
    }
    sql_raise_with(bind->context, KMB_INVALID_PARAMETER, 0, NULL,
                   "Available values: serializable, repeatable read, read committed, read uncommitted.",
                   "invalid value for parameter \"%s\": \"%s\"", name, value);
}

/* SET of what has only one value here: that value is taken, another refused. */
static void set_fixed(struct bind *bind, const PgQuery__VariableSetStmt *set, const char *value) {
    if (strcasecmp(set->name, "extra_float_digits") == 0 && value[0] >= '1' && value[0] <= '3' && value[1] == 0) {
        return; /* all of these mean the fewest digits that read back the same */
    }
    const struct setting *setting = setting_find(bind, set->name);
    bool same = strcasecmp(value, setting->value) == 0 ||
                (strcmp(setting->name, "client_encoding") == 0 &&
                 (strcasecmp(value, "utf-8") == 0 || strcasecmp(value, "unicode") == 0)) ||
                (strcmp(setting->name, "datestyle") == 0 && strcasecmp(value, "iso") == 0) ||
                (strcmp(setting->name, "standard_conforming_strings") == 0 && strcasecmp(value, "true") == 0);
    if (!same) {
        sql_raise_unsupported(bind->context, bind->tokens->first, "setting %s to \"%s\" (it is always %s)", set->name,
                              value, setting->value);
    }
}

static void set_time_zone(struct bind *bind, struct plan_ddl *ddl, const char *value) {
    struct sql_context *context = bind->context;
    ddl->setting = SETTING_TIME_ZONE;
    ddl->value = value;
    char *end = NULL;
    double hours = strtod(value, &end);
    if (end != value && *end == 0) { /* SET TIME ZONE -5: hours east */
        if (!(hours >= -15 && hours <= 15)) {
            sql_raise(context, KMB_INVALID_PARAMETER, 0, "invalid value for parameter \"TimeZone\": \"%s\"", value);
        }
        ddl->zone = time_zone_fixed((int32_t)(hours * 3600));
        return;
    }
    struct datetime_context when = sql_datetime(context);
    if (datetime_zone_parse(slice_text(value), true, &when, &ddl->zone, NULL) != KMB_OK) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "invalid value for parameter \"TimeZone\": \"%s\"", value);
    }
    if (ddl->zone.zone != NULL) {
        ddl->value = ddl->zone.zone->name;
    }
}

/* default_transaction_... of those to come, transaction_... of the open one. False: it is another setting. */
static bool set_of_transactions(struct bind *bind, const char *name, const char *value, struct plan_ddl *ddl) {
    static const char *const names[] = {"transaction_read_only", "transaction_isolation", "transaction_deferrable"};
    bool to_come = strncasecmp(name, "default_", 8) == 0;
    size_t which = 0;
    while (which < ARRAY_LENGTH(names) && strcasecmp(name + (to_come ? 8 : 0), names[which]) != 0) {
        which++;
    }
    if (which == ARRAY_LENGTH(names) || (value == NULL && !to_come)) {
        return false;
    }
    if (which == 0) {
        bool on = value != NULL && set_boolean(bind, setting_find(bind, name)->name, value);
        ddl->access = on ? SQL_ACCESS_READ_ONLY : SQL_ACCESS_READ_WRITE;
    } else if (which == 1) {
        ddl->isolation =
            value == NULL ? SQL_ISOLATION_SNAPSHOT : (int)bind_isolation(bind, setting_find(bind, name)->name, value);
    } else {
        bool on = value != NULL && set_boolean(bind, setting_find(bind, name)->name, value);
        ddl->deferral = on ? SQL_DEFERRAL_ON : SQL_DEFERRAL_OFF;
    }
    if (to_come) {
        ddl->setting = SETTING_TRANSACTIONS;
    } else {
        ddl->kind = DDL_CONTROL;
        ddl->control = SQL_CONTROL_CHANGE;
    }
    return true;
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

void bind_set(struct bind *bind, const PgQuery__VariableSetStmt *set, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    ddl->kind = DDL_SET;
    ddl->setting = SETTING_IGNORED;
    statement->kind = STATEMENT_SETTING;
    statement->tag = "SET";
    statement->ddl = ddl;
    ddl->local = set->is_local;
    if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT) {
        sql_raise_unsupported(context, bind->tokens->first, "SET ... FROM CURRENT");
    }
    if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI) {
        set_transaction(bind, set, statement, ddl);
        return;
    }
    bool reset = set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT ||
                 set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET ||
                 set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL;
    if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET ||
        set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL) {
        statement->tag = "RESET";
    }
    if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL) {
        ddl->setting = SETTING_ALL;
        return;
    }
    if (strcasecmp(set->name, "search_path") == 0) {
        ddl->setting = SETTING_SEARCH_PATH;
        ddl->value = reset ? SQL_SEARCH_PATH_DEFAULT : set_names(bind, set);
        return;
    }
    const char *value = reset ? NULL : set_argument(bind, set);
    if (strcasecmp(set->name, "timezone") == 0) {
        set_time_zone(bind, ddl, value == NULL ? "UTC" : value);
    } else if (strcasecmp(set->name, "statement_timeout") == 0) {
        ddl->setting = SETTING_STATEMENT_TIMEOUT;
        ddl->number = value == NULL ? 0 : measure_parse(bind, &duration, 0, "statement_timeout", value);
    } else if (strcasecmp(set->name, "work_mem") == 0) {
        ddl->setting = SETTING_WORK_MEM;
        ddl->number = value == NULL ? 0 : measure_parse(bind, &memory, 64, "work_mem", value) * 1024;
    } else if (strcasecmp(set->name, "temp_file_limit") == 0) {
        ddl->setting = SETTING_TEMP_FILE_LIMIT; /* -1 there is no limit, 0 no file */
        int64_t limit = value == NULL ? -1 : measure_parse(bind, &memory, -1, "temp_file_limit", value);
        ddl->number = limit == -1 ? 0 : limit == 0 ? -1 : limit * 1024;
    } else if (strcasecmp(set->name, "kimberlite.join_rows_max") == 0) {
        ddl->setting = SETTING_JOIN_ROWS_MAX;
        ddl->number = value == NULL ? 0 : count_parse(bind, "kimberlite.join_rows_max", value);
    } else if (way_of(set->name) < SQL_WAY_COUNT) {
        enum sql_way way = way_of(set->name);
        ddl->setting = SETTING_WAY;
        ddl->number = 2 * (int64_t)way + (value == NULL || set_boolean(bind, sql_way_name(way), value));
    } else if (strcasecmp(set->name, "plan_cache_mode") == 0) {
        ddl->setting = SETTING_PLAN_MODE;
        ddl->number = value == NULL ? SQL_PLAN_AUTO : (int64_t)set_plan_mode(bind, value);
    } else if (strcasecmp(set->name, "application_name") == 0) {
        ddl->setting = SETTING_APPLICATION_NAME;
        ddl->value = value == NULL ? "" : value;
    } else if (set_of_transactions(bind, set->name, value, ddl)) {
        return;
    } else if (value == NULL) {
        (void)setting_find(bind, set->name);
    } else {
        set_fixed(bind, set, value);
    }
}
