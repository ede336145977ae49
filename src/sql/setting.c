/*
 * Settings: the table of all that SHOW knows, the text of each, and what a text makes of it.
 *
 * A client sets much that it does not need. What is so anyway is taken; what would change nothing here whatever it is
 * (row_security where there are no policies) is kept and shown; anything else is refused.
 */
#include "sql/setting.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/assert.h"
#include "sql/sql.h"

#define OWN(name_, heading_, kind_, unit_, initial_, description_)                                                     \
    {                                                                                                                  \
        .name = (name_), .heading = (heading_), .kind = SETTING_KIND_##kind_, .unit = (unit_), .initial = (initial_),  \
        .description = (description_)                                                                                  \
    }
#define ONE(name_, heading_, kind_, value_, also_, description_)                                                       \
    {                                                                                                                  \
        .name = (name_), .heading = (heading_), .kind = SETTING_KIND_##kind_, .value = (value_), .also = (also_),      \
        .description = (description_)                                                                                  \
    }
#define TOLD(name_, who_, kind_, unit_, value_, description_)                                                          \
    {                                                                                                                  \
        .name = (name_), .heading = (name_), .kind = SETTING_KIND_##kind_, .who = SETTING_WHO_##who_, .unit = (unit_), \
        .value = (value_), .description = (description_)                                                               \
    }
#define ON  "|true|yes|1|t|y|"
#define OFF "|false|no|0|f|n|"

/* clang-format off */
const struct sql_setting settings_table[] = {
    OWN("application_name", "application_name", STRING, NULL, "", "Sets the application name to be reported in statistics and logs."),
    ONE("array_nulls", "array_nulls", BOOL, "on", ON, "Enable input of NULL elements in arrays."),
    ONE("backslash_quote", "backslash_quote", ENUM, "safe_encoding", NULL, "Sets whether \"\\'\" is allowed in string literals."),
    TOLD("block_size", INTERNAL, INTEGER, NULL, "8192", "Shows the size of a disk block."),
    OWN("bytea_output", "bytea_output", ENUM, NULL, "hex", "Sets the output format for bytea."),
    OWN("check_function_bodies", "check_function_bodies", BOOL, NULL, "on", "Check routine bodies during CREATE FUNCTION and CREATE PROCEDURE."),
    ONE("client_encoding", "client_encoding", STRING, "UTF8", "|unicode|", "Sets the client's character set encoding."),
    OWN("client_min_messages", "client_min_messages", ENUM, NULL, "notice", "Sets the message levels that are sent to the client."),
    TOLD("data_checksums", INTERNAL, BOOL, NULL, "on", "Shows whether data checksums are turned on for this cluster."),
    OWN("datestyle", "DateStyle", STRING, NULL, "ISO, MDY", "Sets the display format for date and time values."),
    ONE("default_table_access_method", "default_table_access_method", STRING, "heap", NULL, "Sets the default table access method for new tables."),
    ONE("default_tablespace", "default_tablespace", STRING, "", "|pg_default|", "Sets the default tablespace to create tables and indexes in."),
    ONE("default_text_search_config", "default_text_search_config", STRING, "pg_catalog.simple", "|simple|", "Sets default text search configuration."),
    ONE("default_toast_compression", "default_toast_compression", ENUM, "pglz", NULL, "Sets the default compression method for compressible values."),
    OWN("default_transaction_deferrable", "default_transaction_deferrable", BOOL, NULL, "off", "Sets the default deferrable status of new transactions."),
    OWN("default_transaction_isolation", "default_transaction_isolation", ENUM, NULL, "repeatable read", "Sets the transaction isolation level of each new transaction."),
    OWN("default_transaction_read_only", "default_transaction_read_only", BOOL, NULL, "off", "Sets the default read-only status of new transactions."),
    OWN("enable_bitmapscan", "enable_bitmapscan", BOOL, NULL, "on", "Enables the planner's use of bitmap-scan plans."),
    OWN("enable_hashjoin", "enable_hashjoin", BOOL, NULL, "on", "Enables the planner's use of hash join plans."),
    OWN("enable_indexonlyscan", "enable_indexonlyscan", BOOL, NULL, "on", "Enables the planner's use of index-only-scan plans."),
    OWN("enable_indexscan", "enable_indexscan", BOOL, NULL, "on", "Enables the planner's use of index-scan plans."),
    OWN("enable_mergejoin", "enable_mergejoin", BOOL, NULL, "on", "Enables the planner's use of merge join plans."),
    OWN("enable_nestloop", "enable_nestloop", BOOL, NULL, "on", "Enables the planner's use of nested-loop join plans."),
    OWN("enable_seqscan", "enable_seqscan", BOOL, NULL, "on", "Enables the planner's use of sequential-scan plans."),
    OWN("escape_string_warning", "escape_string_warning", BOOL, NULL, "on", "Warn about backslash escapes in ordinary string literals."),
    ONE("extra_float_digits", "extra_float_digits", INTEGER, "1", "|2|3|", "Sets the number of digits displayed for floating-point values."),
    TOLD("fsync", SERVER, BOOL, NULL, "on", "Forces synchronization of updates to disk."),
    OWN("idle_in_transaction_session_timeout", "idle_in_transaction_session_timeout", INTEGER, "ms", "0", "Sets the maximum allowed idle time between queries, when in a transaction."),
    OWN("idle_session_timeout", "idle_session_timeout", INTEGER, "ms", "0", "Sets the maximum allowed idle time between queries, when not in a transaction."),
    TOLD("in_hot_standby", INTERNAL, BOOL, NULL, "off", "Shows whether hot standby is currently active."),
    TOLD("integer_datetimes", INTERNAL, BOOL, NULL, "on", "Shows whether datetimes are integer based."),
    OWN("intervalstyle", "IntervalStyle", ENUM, NULL, "postgres", "Sets the display format for interval values."),
    TOLD("is_superuser", INTERNAL, BOOL, NULL, "on", "Shows whether the current user is a superuser."),
    OWN("jit", "jit", BOOL, NULL, "on", "Allow JIT compilation."),
    OWN("kimberlite.enable_common_subplans", "kimberlite.enable_common_subplans", BOOL, NULL, "on", "Enables the planner's use of one result where a statement has the same query several times."),
    OWN("kimberlite.join_rows_max", "kimberlite.join_rows_max", INTEGER, NULL, "0", "Sets the most rows that the joins of a statement may give (0: no limit)."),
    TOLD("lc_collate", INTERNAL, STRING, NULL, "C", "Shows the collation order locale."),
    TOLD("lc_ctype", INTERNAL, STRING, NULL, "C", "Shows the character classification and case conversion locale."),
    ONE("lc_messages", "lc_messages", STRING, "C", "|posix|en_us.utf-8|en_us.utf8|", "Sets the language in which messages are displayed."),
    ONE("lc_monetary", "lc_monetary", STRING, "C", "|posix|", "Sets the locale for formatting monetary amounts."),
    ONE("lc_numeric", "lc_numeric", STRING, "C", "|posix|", "Sets the locale for formatting numbers."),
    ONE("lc_time", "lc_time", STRING, "C", "|posix|", "Sets the locale for formatting date and time values."),
    OWN("lock_timeout", "lock_timeout", INTEGER, "ms", "0", "Sets the maximum allowed duration of any wait for a lock."),
    TOLD("max_function_args", INTERNAL, INTEGER, NULL, "100", "Shows the maximum number of function arguments."),
    TOLD("max_identifier_length", INTERNAL, INTEGER, NULL, "63", "Shows the maximum identifier length."),
    TOLD("max_index_keys", INTERNAL, INTEGER, NULL, "32", "Shows the maximum number of index keys."),
    TOLD("max_prepared_transactions", SERVER, INTEGER, NULL, "0", "Sets the maximum number of simultaneously prepared transactions."),
    ONE("password_encryption", "password_encryption", ENUM, "scram-sha-256", NULL, "Chooses the algorithm for encrypting passwords."),
    OWN("plan_cache_mode", "plan_cache_mode", ENUM, NULL, "auto", "Controls the planner's selection of custom or generic plan."),
    ONE("quote_all_identifiers", "quote_all_identifiers", BOOL, "off", OFF, "When generating SQL fragments, quote all identifiers."),
    ONE("role", "role", STRING, "none", NULL, "Sets the current role."),
    OWN("row_security", "row_security", BOOL, NULL, "on", "Enable row security."),
    OWN("search_path", "search_path", STRING, NULL, "\"$user\", public", "Sets the schema search order for names that are not schema-qualified."),
    TOLD("server_encoding", INTERNAL, STRING, NULL, "UTF8", "Shows the server (database) character set encoding."),
    TOLD("server_version", INTERNAL, STRING, NULL, SQL_SERVER_VERSION, "Shows the server version."),
    TOLD("server_version_num", INTERNAL, INTEGER, NULL, SQL_SERVER_VERSION_NUMBER, "Shows the server version as an integer."),
    OWN("session_authorization", "session_authorization", STRING, NULL, "", "Sets the session user name."),
    ONE("session_replication_role", "session_replication_role", ENUM, "origin", NULL, "Sets the session's behavior for triggers and rewrite rules."),
    ONE("standard_conforming_strings", "standard_conforming_strings", BOOL, "on", ON, "Causes '...' strings to treat backslashes literally."),
    OWN("statement_timeout", "statement_timeout", INTEGER, "ms", "0", "Sets the maximum allowed duration of any statement."),
    ONE("synchronize_seqscans", "synchronize_seqscans", BOOL, "on", "|true|yes|1|t|y|off|false|no|0|f|n|", "Enable synchronized sequential scans."),
    ONE("synchronous_commit", "synchronous_commit", ENUM, "on", "|true|yes|1|local|remote_write|remote_apply|", "Sets the current transaction's synchronization level."),
    OWN("temp_file_limit", "temp_file_limit", INTEGER, "kB", "-1", "Limits the total size of all temporary files used by each statement."),
    OWN("timezone", "TimeZone", STRING, NULL, "UTC", "Sets the time zone for displaying and interpreting time stamps."),
    OWN("transaction_deferrable", "transaction_deferrable", BOOL, NULL, "off", "Whether to defer a read-only serializable transaction until it can be executed with no possible serialization failures."),
    OWN("transaction_isolation", "transaction_isolation", ENUM, NULL, "repeatable read", "Sets the current transaction's isolation level."),
    OWN("transaction_read_only", "transaction_read_only", BOOL, NULL, "off", "Sets the current transaction's read-only status."),
    ONE("transform_null_equals", "transform_null_equals", BOOL, "off", OFF, "Treats \"expr=NULL\" as \"expr IS NULL\"."),
    OWN("work_mem", "work_mem", INTEGER, "kB", "65536", "Sets the maximum memory to be used for query workspaces."),
    ONE("xmloption", "xmloption", ENUM, "content", NULL, "Sets whether XML data in implicit parsing and serialization operations is to be considered as documents or content fragments."),
};
/* clang-format on */
const uint32_t settings_count = ARRAY_LENGTH(settings_table);

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

static int64_t measure_parse(struct sql_context *context, const struct measure *measure, int64_t least,
                             const char *name, const char *text) {
    char *end = NULL;
    double unit = 1;
    double number = strtod(text, &end);
    if (end == text || !unit_find(measure, end, &unit) || number != number) {
        sql_raise_with(context, KMB_INVALID_PARAMETER, 0, NULL, measure->hint,
                       "invalid value for parameter \"%s\": \"%s\"", name, text);
    }
    double counted = rint(number * unit);
    if (!(counted >= (double)least && counted <= INT32_MAX)) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0,
                  "%.0f %s is outside the valid range for parameter \"%s\" (%lld %s .. 2147483647 %s)", counted,
                  measure->base, name, (long long)least, measure->base, measure->base);
    }
    return (int64_t)counted;
}

static int64_t count_parse(struct sql_context *context, const char *name, const char *text) {
    int64_t number;
    if (value_parse_integer(TYPE_INT8, slice_text(text), &number, NULL) != KMB_OK || number < 0) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "invalid value for parameter \"%s\": \"%s\"", name, text);
    }
    return number;
}

/* --- what is shown --- */

static const char *const messages_levels[] = {"debug5", "debug4", "debug3",  "debug2", "debug1",
                                              "log",    "notice", "warning", "error"};

/* Those that may be either, and mean nothing here. */
static const char *const switch_names[SQL_SWITCH_COUNT] = {[SQL_SWITCH_ROW_SECURITY] = "row_security",
                                                           [SQL_SWITCH_FUNCTION_BODIES] = "check_function_bodies",
                                                           [SQL_SWITCH_JIT] = "jit",
                                                           [SQL_SWITCH_ESCAPE_WARNING] = "escape_string_warning"};

static enum sql_switch switch_of(const char *name) {
    enum sql_switch one = 0;
    while (one < SQL_SWITCH_COUNT && strcasecmp(switch_names[one], name) != 0) {
        one++;
    }
    return one;
}

static enum sql_timeout timeout_of(const char *name) {
    static const char *const names[SQL_TIMEOUT_COUNT] = {[SQL_TIMEOUT_STATEMENT] = "statement_timeout",
                                                         [SQL_TIMEOUT_LOCK] = "lock_timeout",
                                                         [SQL_TIMEOUT_IDLE_TRANSACTION] =
                                                             "idle_in_transaction_session_timeout",
                                                         [SQL_TIMEOUT_IDLE_SESSION] = "idle_session_timeout"};
    enum sql_timeout one = 0;
    while (one < SQL_TIMEOUT_COUNT && strcasecmp(names[one], name) != 0) {
        one++;
    }
    return one;
}

/* Of transactions, those to come (default_...) and the open one. */
static const char *transaction_text(const struct sql_settings *session, const char *name) {
    bool to_come = strncmp(name, "default_", 8) == 0;
    if (strstr(name, "read_only") != NULL) {
        return (to_come ? session->default_read_only : session->read_only) ? "on" : "off";
    }
    if (strstr(name, "deferrable") != NULL) {
        return (to_come ? session->default_deferrable : session->deferrable) ? "on" : "off";
    }
    enum sql_isolation level = to_come ? session->default_isolation : session->isolation;
    return level == SQL_ISOLATION_SERIALIZABLE     ? "serializable"
           : level == SQL_ISOLATION_READ_COMMITTED ? "read committed"
                                                   : "repeatable read";
}

bool sql_user_is_superuser(const struct sql_context *context) {
    bool by_name = context->user_kind == SQL_USER_TRUSTED || context->user_kind == SQL_USER_ROLE;
    const struct role_definition *role =
        by_name && context->catalogue != NULL ? catalogue_role(context->catalogue, context->session_user) : NULL;
    return role != NULL ? (role->flags & ROLE_SUPERUSER) != 0
                        : context->user_kind == SQL_USER_TRUSTED || context->user_kind == SQL_USER_ADMIN;
}

const char *sql_setting_text(struct sql_context *context, const struct sql_setting *setting) {
    const struct sql_settings *session = context->settings;
    const char *name = setting->name;
    if (strcmp(name, "is_superuser") == 0) {
        return sql_user_is_superuser(context) ? "on" : "off";
    }
    if (setting->value != NULL) {
        return setting->value;
    }
    if (session == NULL) {
        return setting->initial;
    }
    if (timeout_of(name) < SQL_TIMEOUT_COUNT) {
        return measure_text(context, &duration, session->timeouts_ms[timeout_of(name)]);
    }
    if (switch_of(name) < SQL_SWITCH_COUNT) {
        return (session->switched >> switch_of(name) & 1u) == 0 ? "on" : "off";
    }
    if (way_of(name) < SQL_WAY_COUNT) {
        return sql_way_open(session, way_of(name)) ? "on" : "off";
    }
    if (strstr(name, "transaction_") != NULL) {
        return transaction_text(session, name);
    }
    if (strcmp(name, "work_mem") == 0) {
        return measure_text(context, &memory, (int64_t)(sql_work_bytes(session) / 1024));
    }
    if (strcmp(name, "temp_file_limit") == 0) {
        int64_t limit = session->temp_file_bytes_max;
        return limit == 0 ? "-1" : limit < 0 ? "0" : measure_text(context, &memory, limit / 1024);
    }
    if (strcmp(name, "session_authorization") == 0) {
        return sql_printf(context, "%.*s", (int)context->session_user.length,
                          (const char *)context->session_user.bytes);
    }
    if (strcmp(name, "client_min_messages") == 0) {
        return messages_levels[SQL_MESSAGES_NOTICE + session->messages];
    }
    if (strcmp(name, "kimberlite.join_rows_max") == 0) {
        return sql_printf(context, "%llu", (unsigned long long)session->join_rows_max);
    }
    if (sql_setting_is_style(name)) {
        return sql_setting_style_text(context, session->style, name);
    }
    return strcmp(name, "timezone") == 0           ? session->time_zone_name
           : strcmp(name, "application_name") == 0 ? session->application_name
           : strcmp(name, "search_path") == 0      ? session->search_path
                                                   : sql_plan_mode_name(session->plan_mode);
}

const char *sql_custom_find(const struct sql_settings *settings, const char *name) {
    for (const char *at = settings == NULL ? "" : settings->custom; *at != 0;) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0) {
            return value;
        }
        at = value + strlen(value) + 1;
    }
    return NULL;
}

bool sql_custom_set(struct sql_settings *settings, const char *name, const char *value) {
    char *end = settings->custom;
    char *own = NULL;
    while (*end != 0) {
        own = strcasecmp(end, name) == 0 ? end : own;
        end += strlen(end) + 1;
        end += strlen(end) + 1;
    }
    size_t used = (size_t)(end - settings->custom) + 1;
    if (own != NULL) { /* the others close up */
        char *next = own + strlen(own) + 1;
        next += strlen(next) + 1;
        memmove(own, next, used - (size_t)(next - settings->custom));
        used -= (size_t)(next - own);
    }
    size_t size = value == NULL ? 0 : strlen(name) + strlen(value) + 2;
    if (used + size > sizeof(settings->custom)) {
        return false;
    }
    if (value != NULL) {
        char *at = settings->custom + used - 1;
        memcpy(at, name, strlen(name) + 1);
        memcpy(at + strlen(name) + 1, value, strlen(value) + 1);
        at[size] = 0;
    }
    return true;
}

const struct sql_setting *sql_setting_find(const char *name) {
    for (uint32_t i = 0; i < settings_count; i++) {
        if (strcasecmp(settings_table[i].name, name) == 0) {
            return &settings_table[i];
        }
    }
    return NULL;
}

void setting_raise_unknown(struct sql_context *context, uint32_t position, const char *name) {
    sql_raise(context, KMB_UNDEFINED_OBJECT, position, "unrecognized configuration parameter \"%s\"", name);
}

const char *sql_setting_text_of(struct sql_context *context, const char *name) {
    const struct sql_setting *setting = sql_setting_find(name);
    return setting != NULL ? sql_setting_text(context, setting) : sql_custom_find(context->settings, name);
}

/* --- what is set --- */

static bool set_boolean(struct sql_context *context, const char *name, const char *value) {
    bool on = false;
    if (value_parse_bool(slice_text(value), &on, NULL) != KMB_OK) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "parameter \"%s\" requires a Boolean value", name);
    }
    return on;
}

static enum sql_plan_mode set_plan_mode(struct sql_context *context, const char *value) {
    for (enum sql_plan_mode mode = SQL_PLAN_AUTO; mode <= SQL_PLAN_CUSTOM; mode++) {
        if (strcasecmp(value, sql_plan_mode_name(mode)) == 0) {
            return mode;
        }
    }
    sql_raise_with(context, KMB_INVALID_PARAMETER, 0, NULL,
                   "Available values: auto, force_generic_plan, force_custom_plan.",
                   "invalid value for parameter \"plan_cache_mode\": \"%s\"", value);
}

/* Nothing uncommitted is ever read. */
enum sql_isolation sql_setting_isolation(struct sql_context *context, const char *name, const char *value) {
    static const char *const levels[] = {"serializable", "repeatable read", "read committed", "read uncommitted"};
    for (size_t i = 0; i < ARRAY_LENGTH(levels); i++) {
        if (strcasecmp(value, levels[i]) == 0) {
            return i == 0 ? SQL_ISOLATION_SERIALIZABLE : i == 1 ? SQL_ISOLATION_SNAPSHOT : SQL_ISOLATION_READ_COMMITTED;
        }
    }
    sql_raise_with(context, KMB_INVALID_PARAMETER, 0, NULL,
                   "Available values: serializable, repeatable read, read committed, read uncommitted.",
                   "invalid value for parameter \"%s\": \"%s\"", name, value);
}

static const char *letters_alone(struct sql_context *context, const char *text) {
    char *letters = sql_printf(context, "%s", text);
    size_t length = 0;
    for (const char *c = text; *c != 0; c++) {
        if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9')) {
            letters[length++] = *c;
        }
    }
    letters[length] = 0;
    return letters;
}

/* SET of what has only one value here: that value is taken, another refused. */
static void set_fixed(struct sql_context *context, const struct sql_setting *setting, const char *value,
                      uint32_t position) {
    if (setting->who == SETTING_WHO_INTERNAL) {
        sql_raise(context, KMB_SETTING_FIXED, 0, "parameter \"%s\" cannot be changed", setting->heading);
    }
    if (setting->who == SETTING_WHO_SERVER) {
        sql_raise(context, KMB_SETTING_FIXED, 0, "parameter \"%s\" cannot be changed without restarting the server",
                  setting->heading);
    }
    if (value != NULL && strcmp(setting->name, "client_encoding") == 0) {
        value = letters_alone(context, value); /* "'utf-8'" is UTF8, as PostgreSQL reads it */
    }
    const char *wrapped = sql_printf(context, "|%s|", value == NULL ? "" : value);
    bool own = strcmp(setting->name, "role") == 0 && value != NULL && slice_equal_text(context->session_user, value);
    bool same = value == NULL || own || strcasecmp(value, setting->value) == 0 ||
                (setting->also != NULL && strcasestr(setting->also, wrapped) != NULL);
    if (!same) {
        sql_raise_unsupported(context, position, "setting %s to \"%s\" (it is always %s)", setting->name, value,
                              setting->value[0] == 0 ? "empty" : setting->value);
    }
}

bool sql_zone_read(const char *value, const struct datetime_context *when, struct time_zone *zone) {
    char *end = NULL;
    double hours = strtod(value, &end);
    if (end != value && *end == 0) { /* SET TIME ZONE -5: hours east */
        *zone = time_zone_fixed((int32_t)(hours >= -15 && hours <= 15 ? hours * 3600 : 0));
        return hours >= -15 && hours <= 15;
    }
    return datetime_zone_parse(slice_text(value), true, when, zone, NULL) == KMB_OK;
}

static void set_time_zone(struct sql_context *context, struct plan_ddl *ddl, const char *value) {
    ddl->setting = SETTING_TIME_ZONE;
    ddl->value = value;
    struct datetime_context when = sql_datetime(context);
    if (!sql_zone_read(value, &when, &ddl->zone)) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "invalid value for parameter \"TimeZone\": \"%s\"", value);
    }
    if (ddl->zone.zone != NULL) {
        ddl->value = ddl->zone.zone->name;
    }
}

static int64_t set_messages(struct sql_context *context, const char *value) {
    for (size_t i = 0; i < ARRAY_LENGTH(messages_levels); i++) {
        if (strcasecmp(value, messages_levels[i]) == 0) {
            return (int64_t)i - SQL_MESSAGES_NOTICE;
        }
    }
    sql_raise_with(context, KMB_INVALID_PARAMETER, 0, NULL,
                   "Available values: debug5, debug4, debug3, debug2, debug1, log, notice, warning, error.",
                   "invalid value for parameter \"client_min_messages\": \"%s\"", value);
}

/* There is one user of a session, itself. */
static void set_user(struct sql_context *context, const char *value, uint32_t position) {
    if (value != NULL && !slice_equal_text(context->session_user, value)) {
        sql_raise_unsupported(context, position, "setting session_authorization to \"%s\"", value);
    }
}

/* default_transaction_... of those to come, transaction_... of the open one. False: it is another setting. */
static bool set_of_transactions(struct sql_context *context, const char *name, const char *value,
                                struct plan_ddl *ddl) {
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
        bool on = value != NULL && set_boolean(context, sql_setting_find(name)->name, value);
        ddl->access = on ? SQL_ACCESS_READ_ONLY : SQL_ACCESS_READ_WRITE;
    } else if (which == 1) {
        ddl->isolation_reset = value == NULL;
        ddl->isolation = value == NULL ? SQL_ISOLATION_DEFAULT
                                       : (int)sql_setting_isolation(context, sql_setting_find(name)->name, value);
    } else {
        bool on = value != NULL && set_boolean(context, sql_setting_find(name)->name, value);
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

/* Names with a dot are anybody's: each part is a word. */
static bool custom_valid(const char *name) {
    bool dot = false;
    bool first = true;
    for (const char *c = name; *c != 0; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_' || (unsigned char)*c >= 0x80;
        bool more = (*c >= '0' && *c <= '9') || *c == '$';
        if (*c == '.' ? first : !(letter || (more && !first))) {
            return false;
        }
        dot = dot || *c == '.';
        first = *c == '.';
    }
    return dot && !first;
}

static void set_custom(struct sql_context *context, const char *name, const char *value, struct plan_ddl *ddl) {
    if (strchr(name, '.') == NULL) {
        setting_raise_unknown(context, 0, name);
    }
    if (!custom_valid(name)) {
        sql_raise_with(context, KMB_INVALID_NAME, 0,
                       "Custom parameter names must be two or more simple identifiers "
                       "separated by dots.",
                       NULL, "invalid configuration parameter name \"%s\"", name);
    }
    if (strncasecmp(name, "kimberlite.", strlen("kimberlite.")) == 0) {
        sql_raise_with(context, KMB_INVALID_NAME, 0, "\"kimberlite\" is a reserved prefix.", NULL,
                       "invalid configuration parameter name \"%s\"", name);
    }
    ddl->setting = SETTING_CUSTOM;
    ddl->custom = name;
    ddl->value = value;
}

void sql_setting_change(struct sql_context *context, const char *name, const char *value, uint32_t position,
                        struct plan_ddl *ddl) {
    const struct sql_setting *setting = sql_setting_find(name);
    if (setting == NULL) {
        set_custom(context, name, value, ddl);
        return;
    }
    name = setting->name;
    ddl->setting = SETTING_IGNORED;
    if (setting->value != NULL) {
        set_fixed(context, setting, value, position);
    } else if (timeout_of(name) < SQL_TIMEOUT_COUNT) {
        ddl->setting = SETTING_TIMEOUT;
        ddl->timeout = timeout_of(name);
        ddl->number = value == NULL ? 0 : measure_parse(context, &duration, 0, name, value);
    } else if (switch_of(name) < SQL_SWITCH_COUNT) {
        ddl->setting = SETTING_SWITCH;
        ddl->number = 2 * (int64_t)switch_of(name) + (value == NULL || set_boolean(context, name, value));
    } else if (way_of(name) < SQL_WAY_COUNT) {
        ddl->setting = SETTING_WAY;
        ddl->number = 2 * (int64_t)way_of(name) + (value == NULL || set_boolean(context, name, value));
    } else if (strcmp(name, "search_path") == 0) {
        ddl->setting = SETTING_SEARCH_PATH;
        ddl->value = value == NULL ? SQL_SEARCH_PATH_DEFAULT : value;
    } else if (strcmp(name, "timezone") == 0) {
        set_time_zone(context, ddl, value == NULL ? "UTC" : value);
    } else if (strcmp(name, "work_mem") == 0) {
        ddl->setting = SETTING_WORK_MEM;
        ddl->number = value == NULL ? 0 : measure_parse(context, &memory, 64, name, value) * 1024;
    } else if (strcmp(name, "temp_file_limit") == 0) {
        ddl->setting = SETTING_TEMP_FILE_LIMIT; /* -1 there is no limit, 0 no file */
        int64_t limit = value == NULL ? -1 : measure_parse(context, &memory, -1, name, value);
        ddl->number = limit == -1 ? 0 : limit == 0 ? -1 : limit * 1024;
    } else if (strcmp(name, "kimberlite.join_rows_max") == 0) {
        ddl->setting = SETTING_JOIN_ROWS_MAX;
        ddl->number = value == NULL ? 0 : count_parse(context, name, value);
    } else if (strcmp(name, "plan_cache_mode") == 0) {
        ddl->setting = SETTING_PLAN_MODE;
        ddl->number = value == NULL ? SQL_PLAN_AUTO : (int64_t)set_plan_mode(context, value);
    } else if (strcmp(name, "application_name") == 0) {
        ddl->setting = SETTING_APPLICATION_NAME;
        ddl->value = value == NULL ? "" : value;
    } else if (strcmp(name, "client_min_messages") == 0) {
        ddl->setting = SETTING_MESSAGES;
        ddl->number = value == NULL ? 0 : set_messages(context, value);
    } else if (sql_setting_is_style(name)) {
        ddl->setting = SETTING_STYLE;
        sql_setting_style_set(context, name, value, ddl);
    } else if (strcmp(name, "session_authorization") == 0) {
        set_user(context, value, position);
    } else {
        (void)set_of_transactions(context, name, value, ddl);
    }
}
