/*
 * SET, RESET and DISCARD at work. A setting lives in the session; within BEGIN ... COMMIT there are two of them: what
 * holds now, and what COMMIT leaves (without SET LOCAL); ROLLBACK goes back to what was before.
 */
#include "base/assert.h"
#include "sql/define_internal.h"

#include <stdio.h>

#include "sql/cursor.h"
#include "sql/setting.h"

static void settings_text(struct sql_context *context, char *place, size_t size, const char *text, const char *what) {
    if (strlen(text) >= size) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "%s is too long", what);
    }
    (void)snprintf(place, size, "%s", text);
}

static uint32_t bit_set(uint32_t bits, int64_t number, bool is) {
    uint32_t bit = UINT32_C(1) << number;
    return is ? bits | bit : bits & ~bit;
}

static void settings_change(struct sql_context *context, struct sql_settings *settings, const struct plan_ddl *ddl,
                            bool in_block) {
    bool all = ddl->setting == SETTING_ALL;
    if (all || ddl->setting == SETTING_TIME_ZONE) {
        settings_text(context, settings->time_zone_name, sizeof(settings->time_zone_name), all ? "UTC" : ddl->value,
                      "time zone name");
        settings->time_zone = all ? time_zone_fixed(0) : ddl->zone;
    }
    if (ddl->setting == SETTING_TIMEOUT) {
        settings->timeouts_ms[ddl->timeout] = ddl->number;
    }
    if (ddl->setting == SETTING_SWITCH) {
        settings->switched = bit_set(settings->switched, ddl->number / 2, ddl->number % 2 == 0);
    }
    if (all || ddl->setting == SETTING_MESSAGES) {
        settings->messages = all ? 0 : (int)ddl->number;
    }
    if (ddl->setting == SETTING_CUSTOM && !sql_custom_set(settings, ddl->custom, ddl->value)) {
        sql_raise(context, KMB_LIMIT, 0, "settings of one's own take more than %d bytes", SQL_CUSTOM_SIZE);
    }
    if (all || ddl->setting == SETTING_WORK_MEM) {
        settings->work_bytes = all ? 0 : (uint64_t)ddl->number;
    }
    if (all || ddl->setting == SETTING_TEMP_FILE_LIMIT) {
        settings->temp_file_bytes_max = all ? 0 : ddl->number;
    }
    if (all || ddl->setting == SETTING_JOIN_ROWS_MAX) {
        settings->join_rows_max = all ? 0 : (uint64_t)ddl->number;
    }
    if (all) {
        settings->style = (struct datetime_style){0};
    }
    if (ddl->setting == SETTING_STYLE && ddl->number == 0) {
        settings->style.dates = ddl->style.dates;
        settings->style.order = ddl->style.order;
    } else if (ddl->setting == SETTING_STYLE && ddl->number == 1) {
        settings->style.intervals = ddl->style.intervals;
    } else if (ddl->setting == SETTING_STYLE) {
        settings->style.bytea_escape = ddl->style.bytea_escape;
    }
    if (ddl->setting == SETTING_WAY) {
        settings->ways_forbidden = bit_set(settings->ways_forbidden, ddl->number / 2, ddl->number % 2 == 0);
    }
    if (all) {
        settings->ways_forbidden = 0;
        settings->switched = 0;
        settings->custom[0] = 0;
        memset(settings->timeouts_ms, 0, sizeof(settings->timeouts_ms));
    }
    if (all || ddl->setting == SETTING_PLAN_MODE) {
        settings->plan_mode = all ? SQL_PLAN_AUTO : (enum sql_plan_mode)ddl->number;
    }
    if (all || ddl->setting == SETTING_APPLICATION_NAME) {
        settings_text(context, settings->application_name, sizeof(settings->application_name), all ? "" : ddl->value,
                      "application_name");
    }
    if (all || ddl->setting == SETTING_TRANSACTIONS) {
        if (all || ddl->access != SQL_ACCESS_DEFAULT) {
            settings->default_read_only = ddl->access == SQL_ACCESS_READ_ONLY;
        }
        if (all || ddl->isolation_reset) {
            settings->default_isolation = settings->begin_isolation;
        } else if (ddl->isolation != SQL_ISOLATION_DEFAULT) {
            settings->default_isolation = (enum sql_isolation)ddl->isolation;
        }
        if (all || ddl->deferral != SQL_DEFERRAL_DEFAULT) {
            settings->default_deferrable = ddl->deferral == SQL_DEFERRAL_ON;
        }
        if (!in_block) {
            settings->read_only = settings->default_read_only;
            settings->isolation = settings->default_isolation;
            settings->deferrable = settings->default_deferrable;
        }
    }
    if (all || ddl->setting == SETTING_SEARCH_PATH) {
        settings_text(context, settings->search_path, sizeof(settings->search_path),
                      all ? SQL_SEARCH_PATH_DEFAULT : ddl->value, "search_path");
    }
}

/* --- for one statement --- */

/* Settings that a statement has of its own, outside of BEGIN ... COMMIT: what holds again behind it. */
struct statement_settings {
    struct sql_settings *settings;
    struct sql_settings kept;
};

static void settings_restore(void *object) {
    const struct statement_settings *own = object;
    *own->settings = own->kept;
}

static struct sql_context *outermost(struct sql_context *context) {
    while (context->parent != NULL) {
        context = context->parent;
    }
    return context;
}

/* NULL: the statement has changed none for itself. */
static struct statement_settings *statement_settings(struct sql_context *context) {
    const struct sql_deferred *deferred = outermost(context)->deferred;
    while (deferred != NULL && deferred->release != settings_restore) {
        deferred = deferred->next;
    }
    return deferred == NULL ? NULL : deferred->object;
}

void define_set_statement(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    if (statement_settings(context) == NULL) {
        struct statement_settings *own = sql_alloc(outermost(context), sizeof(*own));
        *own = (struct statement_settings){.settings = host->settings, .kept = *host->settings};
        sql_defer(outermost(context), settings_restore, own);
    }
    settings_change(context, host->settings, ddl, false);
}

void define_set(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    bool in_block = host->in_block != NULL && host->in_block(host->context);
    if (ddl->local && !in_block) {
        sql_notice(context, KMB_NO_TRANSACTION, NULL, "SET LOCAL can only be used in transaction blocks");
        return;
    }
    settings_change(context, host->settings, ddl, in_block);
    if (in_block && !ddl->local && host->settings_kept != NULL) {
        settings_change(context, host->settings_kept, ddl, in_block);
    }
    struct statement_settings *own = in_block ? NULL : statement_settings(context);
    if (own != NULL) {
        settings_change(context, &own->kept, ddl, in_block);
    }
}

void define_listen(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    struct slice channel = ddl->value == NULL ? (struct slice){.length = 0} : slice_text(ddl->value);
    if (ddl->kind == DDL_NOTIFY) {
        sql_notify(context, channel, ddl->payload == NULL ? (struct slice){.length = 0} : slice_text(ddl->payload));
        return;
    }
    enum sql_listen how = ddl->kind == DDL_LISTEN ? SQL_LISTEN : ddl->value != NULL ? SQL_UNLISTEN : SQL_UNLISTEN_ALL;
    if (host->neighbours == NULL) {
        sql_raise_unsupported(context, 0, "LISTEN here");
    }
    sql_try(context, host->neighbours->listen(host->context, how, channel, context->error));
}

const char *sql_lock_mode_name(enum sql_lock_mode mode) {
    static const char *const names[] = {
        "AccessShareLock", "RowShareLock",          "RowExclusiveLock", "ShareUpdateExclusiveLock",
        "ShareLock",       "ShareRowExclusiveLock", "ExclusiveLock",    "AccessExclusiveLock"};
    ASSERT(mode >= SQL_LOCK_ACCESS_SHARE && mode <= SQL_LOCK_ACCESS_EXCLUSIVE);
    return names[mode - SQL_LOCK_ACCESS_SHARE];
}

static const char *lock_table_name(struct sql_context *context, struct table_id table) {
    const struct table_definition *definition =
        context->catalogue == NULL ? NULL : catalogue_table_of_id(context->catalogue, table);
    return definition == NULL
               ? sql_printf(context, "%u", table.value)
               : sql_printf(context, "%.*s", (int)definition->name.length, (const char *)definition->name.bytes);
}

void define_lock(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    if (host->in_block == NULL || !host->in_block(host->context)) {
        sql_raise(context, KMB_NO_TRANSACTION, 0, "LOCK TABLE can only be used in transaction blocks");
    }
    if (host->neighbours == NULL) {
        sql_raise_unsupported(context, 0, "LOCK TABLE here");
    }
    for (uint32_t i = 0; i < ddl->truncated_count; i++) {
        bool taken = false;
        sql_try(context,
                host->neighbours->lock_table(host->context, ddl->truncated[i], (enum sql_lock_mode)ddl->lock_mode,
                                             ddl->nowait, &taken, context->error));
        if (!taken) {
            sql_raise(context, KMB_LOCK_NOT_AVAILABLE, 0, "could not obtain lock on relation \"%s\"",
                      lock_table_name(context, ddl->truncated[i]));
        }
    }
}

/* What is shared with the others of the tenant. */
static void discard_shared(struct sql_context *context, const struct sql_host *host) {
    if (host->neighbours != NULL) {
        struct slice none = {.length = 0};
        sql_try(context, host->neighbours->listen(host->context, SQL_UNLISTEN_ALL, none, context->error));
        sql_try(context, host->neighbours->unlock_all(host->context, context->error));
    }
}

void define_discard(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    bool all = ddl->value == NULL;
    if (all && host->in_block != NULL && host->in_block(host->context)) {
        sql_raise(context, KMB_TRANSACTION_ACTIVE, 0, "DISCARD ALL cannot run inside a transaction block");
    }
    if ((all || strcmp(ddl->value, "SEQUENCES") == 0) && host->sequences != NULL) {
        sql_sequences_free(host->sequences);
    }
    if (!all) {
        return;
    }
    if (host->cursors != NULL) {
        sql_cursors_free(host->cursors);
    }
    if (host->prepared != NULL) {
        sql_prepared_clear(host->prepared);
    }
    discard_shared(context, host);
    settings_change(context, host->settings, &(struct plan_ddl){.setting = SETTING_ALL}, false);
}
