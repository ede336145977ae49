/*
 * pg_catalog, continued: how tables and indexes are used, counted since the database was opened (sql/usage.h), and what
 * the log comes to. Views of PostgreSQL's names have its columns; what has no meaning here, as vacuuming, is NULL or 0.
 */
#include "base/assert.h"
#include "base/memory.h"
#include "sql/exec/catalogue.h"
#include "sql/sql.h"
#include "sql/usage.h"

#define OID_DATABASE 1

static struct sql_usage *usage_of(const struct catalogue_rows *rows) {
    return rows->context->host == NULL ? NULL : rows->context->host->usage;
}

static void give(struct catalogue_rows *rows, uint64_t number) {
    catalogue_number(rows, (int64_t)number);
}

static struct usage_index index_use(const struct catalogue_rows *rows, const struct table_definition *table,
                                    const struct index_definition *index) {
    struct index_id id = index == NULL ? (struct index_id){0} : index->id;
    return usage_of_index(usage_of(rows), rows->view->state->tenant, table->id, id);
}

/* Scans of all indexes of a table, the primary key among them. */
static uint64_t index_scans(const struct catalogue_rows *rows, const struct table_definition *table) {
    uint64_t scans = index_use(rows, table, NULL).scans;
    for (uint32_t i = 0; i < table->index_count; i++) {
        scans += index_use(rows, table, &table->indexes[i]).scans;
    }
    return scans;
}

static uint64_t live_rows(struct catalogue_rows *rows, const struct table_definition *table) {
    uint64_t count = 0;
    sql_try(rows->context, kernel_table_estimate(rows->view, table, &count, rows->context->error));
    return count;
}

#define EACH_STORED(table, rows)                                                                                       \
    for (uint32_t at_##table = 0; at_##table < catalogue_table_count((rows)->catalogue); at_##table++)                 \
        for (const struct table_definition *table = catalogue_table_at((rows)->catalogue, at_##table);                 \
             table != NULL && definition_is_table(table); table = NULL)

static void name_table(struct catalogue_rows *rows, const struct table_definition *table) {
    catalogue_number(rows, catalogue_oid_table(table->id));
    catalogue_text(rows, table->schema_name);
    catalogue_text(rows, table->name);
}

static void name_index(struct catalogue_rows *rows, const struct table_definition *table,
                       const struct index_definition *index) {
    catalogue_number(rows, catalogue_oid_table(table->id));
    catalogue_number(rows, catalogue_oid_index(table, index));
    catalogue_text(rows, table->schema_name);
    catalogue_text(rows, table->name);
    catalogue_text(rows, index == NULL ? table->primary_key_name : index->name);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

static const struct plan_column tables_columns[] = {OID("relid"),
                                                    NAME("schemaname"),
                                                    NAME("relname"),
                                                    INT8("seq_scan"),
                                                    INT8("seq_tup_read"),
                                                    INT8("idx_scan"),
                                                    INT8("idx_tup_fetch"),
                                                    INT8("n_tup_ins"),
                                                    INT8("n_tup_upd"),
                                                    INT8("n_tup_del"),
                                                    INT8("n_tup_hot_upd"),
                                                    INT8("n_live_tup"),
                                                    INT8("n_dead_tup"),
                                                    INT8("n_mod_since_analyze"),
                                                    INT8("n_ins_since_vacuum"),
                                                    TIME("last_vacuum"),
                                                    TIME("last_autovacuum"),
                                                    TIME("last_analyze"),
                                                    TIME("last_autoanalyze"),
                                                    INT8("vacuum_count"),
                                                    INT8("autovacuum_count"),
                                                    INT8("analyze_count"),
                                                    INT8("autoanalyze_count")};
static const struct plan_column own_tables_columns[] = {
    OID("relid"),       NAME("schemaname"),    NAME("relname"),     INT8("seq_scan"),   INT8("seq_tup_read"),
    INT8("idx_scan"),   INT8("idx_tup_fetch"), INT8("n_tup_ins"),   INT8("n_tup_upd"),  INT8("n_tup_del"),
    INT8("n_live_tup"), INT8("table_bytes"),   INT4("index_count"), TIME("stats_since")};

/* From seq_scan to n_tup_del. */
static void give_use(struct catalogue_rows *rows, const struct table_definition *table) {
    struct usage_table use = usage_of_table(usage_of(rows), rows->view->state->tenant, table->id);
    give(rows, use.scans);
    give(rows, use.scan_rows);
    if (table->index_count == 0 && table->primary_key_count == 0) {
        catalogue_nulls(rows, 2);
    } else {
        give(rows, index_scans(rows, table));
        give(rows, use.fetched);
    }
    give(rows, use.inserted);
    give(rows, use.updated);
    give(rows, use.deleted);
}

/* Tables of the system are made of what they show: nothing of them is counted. */
static void none(struct catalogue_rows *rows) {
    (void)rows;
}

static void stat_all_tables(struct catalogue_rows *rows) {
    EACH_STORED(table, rows) {
        name_table(rows, table);
        give_use(rows, table);
        give(rows, 0);
        give(rows, live_rows(rows, table));
        for (int i = 0; i < 3; i++) {
            give(rows, 0); /* what was is kept apart from what is: nothing is dead */
        }
        catalogue_nulls(rows, 4);
        for (int i = 0; i < 4; i++) {
            give(rows, 0);
        }
    }
}

static void stat_tables(struct catalogue_rows *rows) {
    EACH_STORED(table, rows) {
        uint64_t count = live_rows(rows, table);
        name_table(rows, table);
        give_use(rows, table);
        give(rows, count);
        catalogue_number(rows, catalogue_table_pages(rows->view, table, count) * CATALOGUE_PAGE_BYTES);
        catalogue_number(rows, (int64_t)table->index_count + (table->primary_key_count > 0));
        catalogue_value(rows, value_integer(TYPE_TIMESTAMPTZ, sql_usage_since(usage_of(rows))));
    }
}

/* Which pages a table's rows came from is not counted: NULL, as blks_read of the database is. */
static const struct plan_column io_tables_columns[] = {
    OID("relid"),           NAME("schemaname"),     NAME("relname"),      INT8("heap_blks_read"),
    INT8("heap_blks_hit"),  INT8("idx_blks_read"),  INT8("idx_blks_hit"), INT8("toast_blks_read"),
    INT8("toast_blks_hit"), INT8("tidx_blks_read"), INT8("tidx_blks_hit")};

static void statio_tables(struct catalogue_rows *rows) {
    EACH_STORED(table, rows) {
        name_table(rows, table);
        catalogue_nulls(rows, 8);
    }
}

/* --- indexes ------------------------------------------------------------------------------------------------------ */

static const struct plan_column indexes_columns[] = {OID("relid"),         OID("indexrelid"),    NAME("schemaname"),
                                                     NAME("relname"),      NAME("indexrelname"), INT8("idx_scan"),
                                                     INT8("idx_tup_read"), INT8("idx_tup_fetch")};
static const struct plan_column own_indexes_columns[] = {OID("relid"),         OID("indexrelid"),    NAME("schemaname"),
                                                         NAME("relname"),      NAME("indexrelname"), INT8("idx_scan"),
                                                         INT8("idx_tup_read"), BOOL("is_primary"),   BOOL("is_unique"),
                                                         BOOL("is_ready"),     TIME("stats_since")};

static void each_index(struct catalogue_rows *rows,
                       void (*row)(struct catalogue_rows *rows, const struct table_definition *table,
                                   const struct index_definition *index)) {
    EACH_STORED(table, rows) {
        if (table->primary_key_count > 0) {
            row(rows, table, NULL);
        }
        for (uint32_t i = 0; i < table->index_count; i++) {
            row(rows, table, &table->indexes[i]);
        }
    }
}

static void index_row(struct catalogue_rows *rows, const struct table_definition *table,
                      const struct index_definition *index) {
    struct usage_index use = index_use(rows, table, index);
    name_index(rows, table, index);
    give(rows, use.scans);
    give(rows, use.rows);
    give(rows, use.rows);
}

static void own_index_row(struct catalogue_rows *rows, const struct table_definition *table,
                          const struct index_definition *index) {
    struct usage_index use = index_use(rows, table, index);
    name_index(rows, table, index);
    give(rows, use.scans);
    give(rows, use.rows);
    catalogue_bool(rows, index == NULL);
    catalogue_bool(rows, index == NULL || index->unique);
    catalogue_bool(rows, index == NULL || index->state == INDEX_READY);
    catalogue_value(rows, value_integer(TYPE_TIMESTAMPTZ, sql_usage_since(usage_of(rows))));
}

static const struct plan_column io_indexes_columns[] = {
    OID("relid"),         OID("indexrelid"),     NAME("schemaname"),  NAME("relname"),
    NAME("indexrelname"), INT8("idx_blks_read"), INT8("idx_blks_hit")};

static void io_index_row(struct catalogue_rows *rows, const struct table_definition *table,
                         const struct index_definition *index) {
    name_index(rows, table, index);
    catalogue_nulls(rows, 2);
}

static void statio_indexes(struct catalogue_rows *rows) {
    each_index(rows, io_index_row);
}

static void stat_all_indexes(struct catalogue_rows *rows) {
    each_index(rows, index_row);
}

static void stat_indexes(struct catalogue_rows *rows) {
    each_index(rows, own_index_row);
}

/* --- the database ------------------------------------------------------------------------------------------------- */

static const struct plan_column database_columns[] = {OID("datid"),
                                                      NAME("datname"),
                                                      INT4("numbackends"),
                                                      INT8("xact_commit"),
                                                      INT8("xact_rollback"),
                                                      INT8("blks_read"),
                                                      INT8("blks_hit"),
                                                      INT8("tup_returned"),
                                                      INT8("tup_fetched"),
                                                      INT8("tup_inserted"),
                                                      INT8("tup_updated"),
                                                      INT8("tup_deleted"),
                                                      INT8("conflicts"),
                                                      INT8("temp_files"),
                                                      INT8("temp_bytes"),
                                                      INT8("deadlocks"),
                                                      INT8("checksum_failures"),
                                                      TIME("checksum_last_failure"),
                                                      DOUBLE("blk_read_time"),
                                                      DOUBLE("blk_write_time"),
                                                      DOUBLE("session_time"),
                                                      DOUBLE("active_time"),
                                                      DOUBLE("idle_in_transaction_time"),
                                                      INT8("sessions"),
                                                      INT8("sessions_abandoned"),
                                                      INT8("sessions_fatal"),
                                                      INT8("sessions_killed"),
                                                      TIME("stats_reset")};

static int64_t session_count(struct catalogue_rows *rows) {
    const struct sql_host *host = rows->context->host;
    size_t count = 1;
    if (host != NULL && host->server != NULL) {
        mem_free(host->server->activity(host->server->context, host->tenant, false, &count));
    }
    return (int64_t)count;
}

static void stat_database(struct catalogue_rows *rows) {
    struct usage_table sum = {0};
    struct usage_transactions transactions = usage_of_transactions(usage_of(rows), rows->view->state->tenant);
    EACH_STORED(table, rows) {
        struct usage_table use = usage_of_table(usage_of(rows), rows->view->state->tenant, table->id);
        sum.scan_rows += use.scan_rows;
        sum.fetched += use.fetched;
        sum.inserted += use.inserted;
        sum.updated += use.updated;
        sum.deleted += use.deleted;
    }
    catalogue_number(rows, OID_DATABASE);
    catalogue_word(rows, sql_database(rows->context));
    catalogue_number(rows, session_count(rows));
    give(rows, transactions.committed);
    give(rows, transactions.rolled_back);
    catalogue_nulls(rows, 2); /* blocks are not counted by tenant */
    give(rows, sum.scan_rows + sum.fetched);
    give(rows, sum.fetched);
    give(rows, sum.inserted);
    give(rows, sum.updated);
    give(rows, sum.deleted);
    catalogue_nulls(rows, 15);
    catalogue_value(rows, value_integer(TYPE_TIMESTAMPTZ, sql_usage_since(usage_of(rows))));
}

/* --- the log ------------------------------------------------------------------------------------------------------ */

static const struct plan_column log_columns[] = {
    INT4("tenant"),        INT8("position"),    INT8("entries"),           TIME("last_commit"),
    TEXT("log_uuid"),      INT8("op"),          INT8("blocks_written"),    INT8("entries_written"),
    INT8("bytes_written"), INT8("syncs"),       DOUBLE("total_sync_time"), INT8("checkpoints"),
    INT8("log_bytes"),     INT8("store_bytes"), INT8("cache_bytes"),       INT8("pinned_bytes"),
    TIME("stats_since")};

static bool operator_figures(struct catalogue_rows *rows, struct sql_log_figures *figures) {
    const struct sql_host *host = rows->context->host;
    bool told = host != NULL && host->log_figures != NULL && catalogue_operator(rows);
    if (told) {
        host->log_figures(host->context, figures);
    }
    return told;
}

/* The tenant's own log, and for an operator that of all tenants together. */
static void stat_log(struct catalogue_rows *rows) {
    const struct kernel_state *state = rows->view->state;
    struct sql_log_figures figures = {.op = 0};
    catalogue_number(rows, state->tenant.value);
    give(rows, state->position);
    give(rows, state->sequence);
    catalogue_value(rows, state->sequence == 0 ? value_null(TYPE_TIMESTAMPTZ)
                                               : value_integer(TYPE_TIMESTAMPTZ, state->time_us));
    if (!operator_figures(rows, &figures)) {
        catalogue_nulls(rows, 13);
        return;
    }
    catalogue_text(rows, slice_text(catalogue_copy(rows, slice_text(figures.uuid))));
    give(rows, figures.op);
    give(rows, figures.blocks);
    give(rows, figures.entries);
    give(rows, figures.bytes);
    give(rows, figures.syncs);
    catalogue_value(rows, value_real(TYPE_FLOAT8, figures.sync_ms));
    give(rows, figures.checkpoints);
    give(rows, figures.log_bytes);
    give(rows, figures.store_bytes);
    give(rows, figures.cache_bytes);
    give(rows, figures.pinned_bytes);
    catalogue_value(rows, value_integer(TYPE_TIMESTAMPTZ, sql_usage_since(usage_of(rows))));
}

/* What PostgreSQL tells of its own log and of checkpoints, as far as there is the like here: an entry is a record, a
 * block one write and one sync. For an operator; others see that it is not told. */
static const struct plan_column wal_columns[] = {
    INT8("wal_records"),      INT8("wal_fpi"),         CATALOGUE_COLUMN("wal_bytes", TYPE_NUMERIC),
    INT8("wal_buffers_full"), INT8("wal_write"),       INT8("wal_sync"),
    DOUBLE("wal_write_time"), DOUBLE("wal_sync_time"), TIME("stats_reset")};
static const struct plan_column writer_columns[] = {
    INT8("checkpoints_timed"),      INT8("checkpoints_req"),    DOUBLE("checkpoint_write_time"),
    DOUBLE("checkpoint_sync_time"), INT8("buffers_checkpoint"), INT8("buffers_clean"),
    INT8("maxwritten_clean"),       INT8("buffers_backend"),    INT8("buffers_backend_fsync"),
    INT8("buffers_alloc"),          TIME("stats_reset")};

static void stat_wal(struct catalogue_rows *rows) {
    struct sql_log_figures figures = {.op = 0};
    if (!operator_figures(rows, &figures)) {
        catalogue_nulls(rows, 9);
        return;
    }
    give(rows, figures.entries);
    give(rows, 0); /* no page is written to the log */
    catalogue_value(rows, value_decimal(decimal_of_int64((int64_t)figures.bytes)));
    catalogue_nulls(rows, 1);
    give(rows, figures.blocks);
    give(rows, figures.syncs);
    catalogue_nulls(rows, 1);
    catalogue_value(rows, value_real(TYPE_FLOAT8, figures.sync_ms));
    catalogue_value(rows, value_integer(TYPE_TIMESTAMPTZ, sql_usage_since(usage_of(rows))));
}

static void stat_bgwriter(struct catalogue_rows *rows) {
    struct sql_log_figures figures = {.op = 0};
    if (!operator_figures(rows, &figures)) {
        catalogue_nulls(rows, 11);
        return;
    }
    give(rows, 0); /* the log's growth asks for them, not the clock */
    give(rows, figures.checkpoints);
    catalogue_nulls(rows, 8);
    catalogue_value(rows, value_integer(TYPE_TIMESTAMPTZ, sql_usage_since(usage_of(rows))));
}

#define RELATION(name_, columns_, rows_)                                                                               \
    { SQL_SCHEMA_SYSTEM, name_, columns_, ARRAY_LENGTH(columns_), rows_ }

const struct catalogue_relation catalogue_usages[] = {
    RELATION("pg_stat_all_tables", tables_columns, stat_all_tables),
    RELATION("pg_stat_user_tables", tables_columns, stat_all_tables),
    RELATION("pg_stat_sys_tables", tables_columns, none),
    RELATION("pg_stat_all_indexes", indexes_columns, stat_all_indexes),
    RELATION("pg_stat_user_indexes", indexes_columns, stat_all_indexes),
    RELATION("pg_stat_sys_indexes", indexes_columns, none),
    RELATION("pg_statio_all_tables", io_tables_columns, statio_tables),
    RELATION("pg_statio_user_tables", io_tables_columns, statio_tables),
    RELATION("pg_statio_sys_tables", io_tables_columns, none),
    RELATION("pg_statio_all_indexes", io_indexes_columns, statio_indexes),
    RELATION("pg_statio_user_indexes", io_indexes_columns, statio_indexes),
    RELATION("pg_statio_sys_indexes", io_indexes_columns, none),
    RELATION("pg_stat_database", database_columns, stat_database),
    RELATION("pg_stat_wal", wal_columns, stat_wal),
    RELATION("pg_stat_bgwriter", writer_columns, stat_bgwriter),
    RELATION("kimberlite_stat_tables", own_tables_columns, stat_tables),
    RELATION("kimberlite_stat_indexes", own_indexes_columns, stat_indexes),
    RELATION("kimberlite_stat_log", log_columns, stat_log),
};
const uint32_t catalogue_usages_count = ARRAY_LENGTH(catalogue_usages);
