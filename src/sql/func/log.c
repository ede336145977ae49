/* kimberlite_log: the entries of the tenant's log as rows, for those who check what was written when. */
#include "base/codec.h"
#include "sql/func/loops.h"
#include "sql/setting.h"
#include "sql/sql.h"

/* Given back with the statement; log NULL: it was before. */
struct open_log {
    const struct sql_host *host;
    struct sql_log *log;
};

struct entries {
    struct open_log *open;
    char hash[65]; /* of the row given last */
    char previous_hash[65];
};

static void close_log(void *object) {
    struct open_log *open = object;
    if (open->log != NULL) {
        open->host->log_close(open->log);
        open->log = NULL;
    }
}

static uint64_t number_of(const struct sql_call *call, const struct value *argument, const char *what) {
    if (argument->as.integer < 1) {
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "the %s entry is %lld: entries count from 1",
                  what, (long long)argument->as.integer);
    }
    return (uint64_t)argument->as.integer;
}

static void entries_open(const struct sql_call *call, void *state, const struct value *arguments) {
    struct sql_context *context = call->context;
    struct entries *entries = state;
    const struct sql_host *host = context->host;
    if (!sql_user_is_superuser(context)) {
        sql_raise(context, KMB_PERMISSION, call->position, "permission denied for function kimberlite_log");
    }
    if (host == NULL || host->log_open == NULL) {
        sql_raise_unsupported(context, call->position, "kimberlite_log() here");
    }
    uint64_t first = call->argument_count > 0 ? number_of(call, &arguments[0], "first") : 1;
    uint64_t last = call->argument_count > 1 ? number_of(call, &arguments[1], "last") : UINT64_MAX;
    entries->open = sql_alloc_zero(context, 1, sizeof(*entries->open));
    entries->open->host = host;
    sql_defer(context, close_log, entries->open);
    enum kmb_status status = host->log_open(host->context, first, last, &entries->open->log, context->error);
    if (status != KMB_OK) {
        sql_raise_status(context, status, call->position);
    }
}

static struct value hash_text(const uint8_t *hash, char text[65]) {
    codec_hex(text, hash, 32);
    return value_text(slice_make(text, 64));
}

static bool entries_next(const struct sql_call *call, void *state, struct value *row) {
    struct entries *entries = state;
    struct open_log *open = entries->open;
    struct sql_log_entry entry;
    enum kmb_status status =
        open->log == NULL ? KMB_DONE : open->host->log_next(open->log, &entry, call->context->error);
    if (status == KMB_DONE) {
        close_log(open); /* its files, too */
        return false;
    }
    if (status != KMB_ROW) {
        sql_raise_status(call->context, status, call->position);
    }
    sql_check_cancel(call->context);
    row[0] = value_int8((int64_t)entry.sequence);
    row[1] = value_int8(call->context->host->tenant);
    row[2] = value_int8((int64_t)entry.op);
    row[3] = value_int8((int64_t)entry.position_before);
    row[4] = value_int8((int64_t)entry.position_after);
    row[5] = value_integer(TYPE_TIMESTAMPTZ, entry.time_us);
    row[6] = value_int8(entry.bytes);
    row[7] = value_bool(entry.sealed);
    row[8] = hash_text(entry.hash, entries->hash);
    row[9] = hash_text(entry.previous_hash, entries->previous_hash);
    row[10] = value_text(slice_text(entry.segment));
    row[11] = value_text(slice_text(entry.events));
    return true;
}

static const struct sql_set_column entry_columns[] = {
    {"entry", TYPE_INT8},          {"tenant", TYPE_INT8},        {"op", TYPE_INT8},      {"position_before", TYPE_INT8},
    {"position_after", TYPE_INT8}, {"time", TYPE_TIMESTAMPTZ},   {"bytes", TYPE_INT8},   {"encrypted", TYPE_BOOL},
    {"hash", TYPE_TEXT},           {"previous_hash", TYPE_TEXT}, {"segment", TYPE_TEXT}, {"events", TYPE_TEXT},
};
static const struct sql_set entries_set = {sizeof(struct entries), entries_open, entries_next, entry_columns,
                                           sizeof(entry_columns) / sizeof(entry_columns[0])};

#define LOG(summary_, count_, ...)                                                                                     \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SET, .name = "kimberlite_log", .set = &entries_set, .strict = true,                      \
        .volatility = SQL_STABLE, .result = TYPE_INT8, .summary = (summary_), .argument_count = (count_),              \
        .arguments = {__VA_ARGS__},                                                                                    \
    }

static const struct sql_function log_rows[] = {
    LOG("entries of the tenant's log; for superusers", 0, 0),
    LOG("those from the first one given on", 1, TYPE_INT8),
    LOG("those from the first one given to the last", 2, TYPE_INT8, TYPE_INT8),
};

struct function_rows function_rows_log(void) {
    return FUNCTION_ROWS(log_rows);
}
