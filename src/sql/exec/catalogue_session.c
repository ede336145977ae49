/*
 * pg_catalog, continued: what is of the session and its neighbours and not of the catalogue: settings, locks,
 * prepared statements.
 */
#include "base/assert.h"
#include "sql/cursor.h"
#include "sql/exec/catalogue.h"
#include "sql/setting.h"
#include "sql/sql.h"
#include "types/array.h"

#define OID_DATABASE 1

/* --- pg_settings --- */

static const struct plan_column settings_columns[] = {
    TEXT("name"),       TEXT("setting"),        TEXT("unit"),     TEXT("category"),  TEXT("short_desc"),
    TEXT("extra_desc"), TEXT("context"),        TEXT("vartype"),  TEXT("source"),    TEXT("min_val"),
    TEXT("max_val"),    TEXTS("enumvals"),      TEXT("boot_val"), TEXT("reset_val"), TEXT("sourcefile"),
    INT4("sourceline"), BOOL("pending_restart")};

/* A number of the setting's own unit: "90s" is 90000 of ms. */
static const char *plain_value(struct catalogue_rows *rows, const struct sql_setting *setting, const char *text) {
    static const struct {
        const char *unit;
        int64_t size;
    } units[] = {{"d", 86400000},          {"h", 3600000},  {"min", 60000},  {"s", 1000}, {"ms", 1},
                 {"TB", INT64_C(1) << 30}, {"GB", 1 << 20}, {"MB", 1 << 10}, {"kB", 1}};
    size_t digits = strspn(text, "-0123456789");
    if (setting->unit == NULL || text[digits] == 0) {
        return text;
    }
    int64_t number = 0;
    (void)value_parse_integer(TYPE_INT8, slice_make(text, digits), &number, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (strcmp(text + digits, units[i].unit) == 0) {
            return sql_printf(rows->context, "%lld", (long long)(number * units[i].size));
        }
    }
    return text;
}

static void pg_settings(struct catalogue_rows *rows) {
    static const char *const kinds[] = {[SETTING_KIND_BOOL] = "bool",
                                        [SETTING_KIND_ENUM] = "enum",
                                        [SETTING_KIND_INTEGER] = "integer",
                                        [SETTING_KIND_STRING] = "string"};
    static const char *const contexts[] = {
        [SETTING_WHO_USER] = "user", [SETTING_WHO_INTERNAL] = "internal", [SETTING_WHO_SERVER] = "postmaster"};
    for (uint32_t i = 0; i < settings_count; i++) {
        const struct sql_setting *setting = &settings_table[i];
        const char *text = plain_value(rows, setting, sql_setting_text(rows->context, setting));
        const char *initial = setting->value != NULL ? setting->value : setting->initial;
        catalogue_word(rows, setting->heading);
        catalogue_word(rows, text);
        catalogue_word(rows, setting->unit);
        catalogue_word(rows, setting->who == SETTING_WHO_INTERNAL ? "Preset Options" : "Client Connection Defaults");
        catalogue_word(rows, setting->description);
        catalogue_nulls(rows, 1);
        catalogue_word(rows, contexts[setting->who]);
        catalogue_word(rows, kinds[setting->kind]);
        catalogue_word(rows, strcmp(text, initial) == 0 ? "default" : "session");
        catalogue_nulls(rows, 3);
        catalogue_word(rows, initial);
        catalogue_word(rows, initial);
        catalogue_nulls(rows, 2);
        catalogue_bool(rows, false);
    }
}

/* --- pg_locks: advisory ones --- */

static const struct plan_column locks_columns[] = {
    TEXT("locktype"),           OID("database"),      OID("relation"), INT4("page"),    INT2("tuple"),
    TEXT("virtualxid"),         OID("transactionid"), OID("classid"),  OID("objid"),    INT2("objsubid"),
    TEXT("virtualtransaction"), INT4("pid"),          TEXT("mode"),    BOOL("granted"), BOOL("fastpath"),
    TIME("waitstart")};

struct told_lock {
    struct sql_lock lock;
    uint64_t session;
    bool granted;
};

/* Noted first, for whoever tells holds a mutex that nothing may raise under. */
struct told_locks {
    struct told_lock *list;
    uint32_t count;
    uint32_t capacity;
};

static void note_lock(void *context, const struct sql_lock *lock, uint64_t session, bool granted) {
    struct told_locks *told = context;
    if (told->count < told->capacity) {
        told->list[told->count] = (struct told_lock){*lock, session, granted};
    }
    told->count++;
}

static void lock_row(struct catalogue_rows *rows, const struct told_lock *one) {
    const struct sql_lock *lock = &one->lock;
    uint64_t first = (uint64_t)lock->first;
    bool pair = lock->kind == SQL_LOCK_PAIR;
    bool row = lock->kind == SQL_LOCK_ROW;
    catalogue_word(rows, row ? "tuple" : lock->kind == SQL_LOCK_TABLE ? "relation" : "advisory");
    catalogue_number(rows, OID_DATABASE);
    if (lock->kind == SQL_LOCK_TABLE || row) {
        catalogue_number(rows, catalogue_oid_table((struct table_id){row ? (uint32_t)lock->second : (uint32_t)first}));
        catalogue_nulls(rows, 7);
    } else {
        catalogue_nulls(rows, 5);
        catalogue_number(rows, pair ? (int64_t)(first & UINT32_MAX) : (int64_t)(first >> 32));
        catalogue_number(rows, pair ? lock->second & UINT32_MAX : (int64_t)(first & UINT32_MAX));
        catalogue_number(rows, pair ? 2 : 1);
    }
    catalogue_nulls(rows, 1);
    catalogue_number(rows, (int64_t)(one->session & INT32_MAX));
    catalogue_word(rows, sql_lock_mode_name(lock->mode));
    catalogue_bool(rows, one->granted);
    catalogue_bool(rows, false);
    catalogue_nulls(rows, 1);
}

static void pg_locks(struct catalogue_rows *rows) {
    const struct sql_host *host = rows->context->host;
    struct told_locks told = {.capacity = 64};
    if (host == NULL || host->neighbours == NULL) {
        return;
    }
    do {
        told.capacity = told.count > told.capacity ? told.count * 2 : told.capacity;
        told.list = sql_alloc(rows->context, told.capacity * sizeof(*told.list));
        told.count = 0;
        host->neighbours->locks(host->context, note_lock, &told);
    } while (told.count > told.capacity);
    for (uint32_t i = 0; i < told.count; i++) {
        lock_row(rows, &told.list[i]);
    }
}

/* --- pg_prepared_statements --- */

static const struct plan_column prepared_columns[] = {
    TEXT("name"),     TEXT("statement"),     TIME("prepare_time"), TEXTS("parameter_types"),
    BOOL("from_sql"), INT8("generic_plans"), INT8("custom_plans")};

static void pg_prepared_statements(struct catalogue_rows *rows) {
    const struct sql_host *host = rows->context->host;
    const struct sql_prepared *one = host == NULL || host->prepared == NULL ? NULL : host->prepared->first;
    for (; one != NULL; one = one->next) {
        const char **names = sql_alloc(rows->context, (one->type_count + 1) * sizeof(*names));
        for (uint32_t i = 0; i < one->type_count; i++) {
            names[i] = catalogue_type_name(rows, one->types[i]);
        }
        catalogue_text(rows, one->name);
        catalogue_text(rows, slice_make(one->text, one->text_length));
        catalogue_value(rows, value_timestamp(TYPE_TIMESTAMPTZ, (struct timestamp){.us = one->time_us}));
        catalogue_words(rows, names, one->type_count);
        catalogue_bool(rows, one->from_sql);
        catalogue_number(rows, 0);
        catalogue_number(rows, 0);
    }
}

/* --- pg_cursors: those of DECLARE --- */

static const struct plan_column cursors_columns[] = {TEXT("name"),      TEXT("statement"),     BOOL("is_holdable"),
                                                     BOOL("is_binary"), BOOL("is_scrollable"), TIME("creation_time")};

static void cursor_row(void *object, const struct sql_cursor_facts *cursor) {
    struct catalogue_rows *rows = object;
    catalogue_word(rows, cursor->name);
    catalogue_word(rows, cursor->text);
    catalogue_bool(rows, cursor->hold);
    catalogue_bool(rows, false);
    catalogue_bool(rows, cursor->scroll);
    catalogue_value(rows, value_timestamp(TYPE_TIMESTAMPTZ, (struct timestamp){.us = cursor->made_us}));
}

static void pg_cursors(struct catalogue_rows *rows) {
    const struct sql_host *host = rows->context->host;
    if (host != NULL && host->cursors != NULL) {
        sql_cursor_each(host->cursors, cursor_row, rows);
    }
}

#define RELATION(name_, columns_, rows_)                                                                               \
    { SQL_SCHEMA_SYSTEM, name_, columns_, ARRAY_LENGTH(columns_), rows_ }

const struct catalogue_relation catalogue_sessions[] = {
    RELATION("pg_settings", settings_columns, pg_settings),
    RELATION("pg_locks", locks_columns, pg_locks),
    RELATION("pg_cursors", cursors_columns, pg_cursors),
    RELATION("pg_prepared_statements", prepared_columns, pg_prepared_statements),
};
const uint32_t catalogue_sessions_count = ARRAY_LENGTH(catalogue_sessions);
