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
    const char *value;
};

static const struct setting settings[] = {
    {"timezone", "TimeZone", NULL},
    {"server_version", "server_version", "15.0 (Kimberlite " KMB_VERSION ")"},
    {"server_version_num", "server_version_num", "150000"},
    {"server_encoding", "server_encoding", "UTF8"},
    {"client_encoding", "client_encoding", "UTF8"},
    {"datestyle", "DateStyle", "ISO, MDY"},
    {"intervalstyle", "IntervalStyle", "postgres"},
    {"standard_conforming_strings", "standard_conforming_strings", "on"},
    {"integer_datetimes", "integer_datetimes", "on"},
    {"search_path", "search_path", "public"},
    {"transaction_isolation", "transaction_isolation", "repeatable read"},
    {"default_transaction_isolation", "default_transaction_isolation", "repeatable read"},
    {"lc_collate", "lc_collate", "C"},
    {"statement_timeout", "statement_timeout", NULL},
    {"work_mem", "work_mem", NULL},
    {"temp_file_limit", "temp_file_limit", NULL},
    {"kimberlite.join_rows_max", "kimberlite.join_rows_max", NULL},
};

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
    static const char *const grammar[] = {"all", "role", "session_authorization", "seed"}; /* words of their own */
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
    return sql_printf(bind->context, "%llu", (unsigned long long)session->join_rows_max);
}

void bind_show(struct bind *bind, const PgQuery__VariableShowStmt *show, struct plan_statement *statement) {
    const struct setting *setting = setting_find(bind, show->name);
    const char *value = setting_value(bind, setting);
    struct plan_node *row = bind_plan(bind, PLAN_VALUES, NULL, NULL);
    struct expr *constant = sql_alloc_zero(bind->context, 1, sizeof(*constant));
    constant->kind = EXPR_CONSTANT;
    constant->type = type_make(TYPE_TEXT);
    constant->value = value_text(slice_text(sql_printf(bind->context, "%s", value)));
    row->rows = sql_alloc(bind->context, sizeof(*row->rows));
    row->rows[0] = sql_alloc(bind->context, sizeof(**row->rows));
    row->rows[0][0] = constant;
    row->row_count = 1;
    row->column_count = 1;
    row->columns = sql_alloc_zero(bind->context, 1, sizeof(*row->columns));
    row->columns[0] = (struct plan_column){.name = setting->heading, .type = constant->type};
    *statement = (struct plan_statement){.kind = STATEMENT_QUERY,
                                         .tag = "SHOW",
                                         .root = row,
                                         .columns = row->columns,
                                         .column_count = row->column_count};
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

/* SET of what has only one value here: that value is taken, another refused. */
static void set_fixed(struct bind *bind, const PgQuery__VariableSetStmt *set, const char *value) {
    if (strcasecmp(set->name, "application_name") == 0 || strcasecmp(set->name, "extra_float_digits") == 0) {
        return; /* changes nothing about results here: all digits are always printed */
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

/* What a SET that is not built is called. */
static const char *set_name(const PgQuery__VariableSetStmt *set) {
    if (set->is_local) {
        return "SET LOCAL";
    }
    if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT) {
        return "SET ... FROM CURRENT";
    }
    return strcmp(set->name, "TRANSACTION") == 0               ? "SET TRANSACTION"
           : strcmp(set->name, "SESSION CHARACTERISTICS") == 0 ? "SET SESSION CHARACTERISTICS"
                                                               : "SET TRANSACTION SNAPSHOT";
}

static void set_time_zone(struct bind *bind, struct plan_ddl *ddl, const char *value) {
    struct sql_context *context = bind->context;
    ddl->setting = SETTING_TIME_ZONE;
    ddl->value = value;
    char *end = NULL;
    double hours = strtod(value, &end);
    int32_t offset = 0;
    if (end != value && *end == 0) { /* SET TIME ZONE -5: hours east */
        if (!(hours >= -15 && hours <= 15)) {
            sql_raise(context, KMB_INVALID_PARAMETER, 0, "invalid value for parameter \"TimeZone\": \"%s\"", value);
        }
        ddl->zone_offset_s = (int64_t)(hours * 3600);
        return;
    }
    enum kmb_status status = datetime_zone_parse(slice_text(value), &offset, context->error);
    if (status != KMB_OK) {
        sql_raise_status(context, status, 0);
    }
    ddl->zone_offset_s = offset;
}

void bind_set(struct bind *bind, const PgQuery__VariableSetStmt *set, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    ddl->kind = DDL_SET;
    ddl->setting = SETTING_IGNORED;
    statement->kind = STATEMENT_SETTING;
    statement->tag = "SET";
    statement->ddl = ddl;
    if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI ||
        set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT || set->is_local) {
        sql_raise_unsupported(context, bind->tokens->first, "%s", set_name(set));
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
    } else if (value == NULL) {
        (void)setting_find(bind, set->name);
    } else {
        set_fixed(bind, set, value);
    }
}
