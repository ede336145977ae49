/*
 * Settings of a session: what SHOW, SET, current_setting(), set_config() and pg_settings know of each.
 *
 * A setting is the session's own (struct sql_settings), or has one value here: then that value is taken, in each of its
 * spellings, and anything else refused by name, never ignored. Names with a dot in them are anybody's to invent.
 */
#ifndef KMB_SQL_SETTING_H
#define KMB_SQL_SETTING_H

#include "sql/context.h"
#include "sql/plan/ddl.h"

enum setting_kind { SETTING_KIND_BOOL, SETTING_KIND_ENUM, SETTING_KIND_INTEGER, SETTING_KIND_STRING };

/* Who changes it. */
enum setting_who {
    SETTING_WHO_USER,
    SETTING_WHO_INTERNAL, /* nobody */
    SETTING_WHO_SERVER,   /* whoever starts the program */
};

struct sql_setting {
    const char *name;    /* lower case */
    const char *heading; /* as PostgreSQL prints it */
    const char *value;   /* the only one; NULL: the session's */
    const char *also;    /* other spellings of it, "|a|b|"; NULL: none */
    const char *description;
    enum setting_kind kind;
    enum setting_who who;
    const char *unit;    /* NULL: none */
    const char *initial; /* of what is the session's */
};

extern const struct sql_setting settings_table[];
extern const uint32_t settings_count;

const struct sql_setting *sql_setting_find(const char *name); /* upper or lower case; NULL: none */
/* 42704 "unrecognized configuration parameter". */
_Noreturn void setting_raise_unknown(struct sql_context *context, uint32_t position, const char *name);
/* As SHOW gives it; arena memory or static. */
const char *sql_setting_text(struct sql_context *context, const struct sql_setting *setting);
/* Whether whoever runs the statement has every right. */
bool sql_user_is_superuser(const struct sql_context *context);
/* Of a name, whoever it is of: NULL for none. */
const char *sql_setting_text_of(struct sql_context *context, const char *name);

/* --- how values are printed: setting_style.c --- */
bool sql_setting_is_style(const char *name); /* DateStyle, IntervalStyle, bytea_output */
const char *sql_setting_style_text(struct sql_context *context, struct datetime_style style, const char *name);
/* value NULL: the default. Into ddl->style and what of it is set. Raises 22023. */
void sql_setting_style_set(struct sql_context *context, const char *name, const char *value, struct plan_ddl *ddl);

/* A setting that the session has invented, by its name in upper or lower case; NULL: none. */
const char *sql_custom_find(const struct sql_settings *settings, const char *name);
/* value NULL: it goes. false: there is no room. */
bool sql_custom_set(struct sql_settings *settings, const char *name, const char *value);

/* What SET makes of a value (NULL: the default) into ddl. Raises what is no value of it. position: of the statement. */
void sql_setting_change(struct sql_context *context, const char *name, const char *value, uint32_t position,
                        struct plan_ddl *ddl);
/* BEGIN ISOLATION LEVEL takes the same names. */
enum sql_isolation sql_setting_isolation(struct sql_context *context, const char *name, const char *value);

#endif
