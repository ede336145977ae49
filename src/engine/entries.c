#include "engine/entries.h"

#include <stdio.h>

#include "engine/shard_internal.h"
#include "types/event.h"

/* --- finding ------------------------------------------------------------------------------------------------------ */

struct entries entries_of(struct shard *shard) {
    return (struct entries){.shard = shard, .keys = shard_log_keys(shard)};
}

void entries_close(struct entries *entries) {
    log_reader_close(entries->reader);
    entries->reader = NULL;
}

static enum kmb_status open_reader(struct entries *entries, uint64_t op, struct kmb_error *error) {
    struct log_reader_options options = {
        .op_first = op, .op_last = shard_published_op(entries->shard), .keys = &entries->keys};
    char directory[SHARD_PATH_MAX + 8];
    snprintf(directory, sizeof(directory), "%s/" SHARD_LOG_DIRECTORY, shard_path(entries->shard));
    return log_reader_open(shard_io(entries->shard), directory, shard_identity(entries->shard), &options,
                           &entries->reader, error);
}

/* The wanted entry, from the one the reader has just given on; KMB_DONE: it is not in the rest of the block. */
static enum kmb_status look_ahead(struct entries *entries, struct tenant_id tenant, uint64_t sequence,
                                  struct log_reader_entry *entry, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    while (status == KMB_OK && (entry->entry.tenant != tenant.value || entry->entry.sequence != sequence)) {
        status = log_reader_entry(entries->reader, entry, error);
    }
    return status;
}

enum kmb_status entries_find(struct entries *entries, struct tenant_id tenant, const struct kernel_entry *wanted,
                             struct log_reader_entry *entry, struct kmb_error *error) {
    enum kmb_status status = entries->reader == NULL ? open_reader(entries, wanted->op, error) : KMB_OK;
    if (status != KMB_OK) {
        return status;
    }
    status = KMB_DONE;
    if (entries->op == wanted->op) {
        status = log_reader_entry(entries->reader, entry, error);
        status = status == KMB_OK ? look_ahead(entries, tenant, wanted->sequence, entry, error) : status;
    }
    if (status == KMB_DONE) {
        status = log_reader_seek(entries->reader, wanted->op, 0, entry, error);
        status = status == KMB_OK ? look_ahead(entries, tenant, wanted->sequence, entry, error) : status;
    }
    entries->op = status == KMB_OK ? wanted->op : 0;
    if (status == KMB_DONE) {
        return error_set(error, KMB_CORRUPT, "entry %llu of tenant %u is not in the block with op %llu",
                         (unsigned long long)wanted->sequence, (unsigned)tenant.value, (unsigned long long)wanted->op);
    }
    return status;
}

enum kmb_status entries_plain(struct entries *entries, struct slice *plain, struct kmb_error *error) {
    return log_reader_plain(entries->reader, plain, error);
}

/* --- in words ----------------------------------------------------------------------------------------------------- */

static void print_name(struct buffer *out, struct slice name) {
    buffer_append_text(out, " ");
    buffer_append_slice(out, name);
}

/* "rows_inserted table=3 rows=100": kind, what it is about, how many. */
static void print_event(struct buffer *out, const struct event *event) {
    buffer_append_text(out, out->length == 0 ? "" : "; ");
    buffer_append_text(out, event_kind_name(event->kind));
    switch (event->kind) {
    case EVENT_ROWS_INSERTED:
    case EVENT_ROWS_UPDATED:
    case EVENT_ROWS_DELETED:
        buffer_printf(out, " table=%u rows=%u", event->as.rows.table.value, event->as.rows.count);
        break;
    case EVENT_TABLE_CREATED:
    case EVENT_VIEW_CREATED:
    case EVENT_SEQUENCE_CREATED:
    case EVENT_TYPE_CREATED:
        print_name(out, event->as.table_created.table.name);
        buffer_printf(out, " table=%u", event->as.table_created.table.id.value);
        break;
    case EVENT_TABLE_DROPPED:
        buffer_printf(out, " table=%u", event->as.table_dropped.table.value);
        break;
    case EVENT_LABEL_ADDED:
    case EVENT_LABEL_RENAMED:
        print_name(out, value_label_name(event->as.label.label));
        buffer_printf(out, " table=%u", event->as.label.type.value);
        break;
    case EVENT_TABLE_RENAMED:
        print_name(out, event->as.table_renamed.name);
        break;
    case EVENT_COLUMN_ADDED:
        print_name(out, event->as.column_added.column.name);
        buffer_printf(out, " table=%u", event->as.column_added.table.value);
        break;
    case EVENT_COLUMN_RENAMED:
        print_name(out, event->as.column_renamed.name);
        break;
    case EVENT_COLUMN_SHOWN:
        print_name(out, event->as.column_shown.name);
        buffer_printf(out, " table=%u", event->as.column_shown.table.value);
        break;
    case EVENT_INDEX_DECLARED:
        print_name(out, event->as.index_declared.index.name);
        buffer_printf(out, " table=%u", event->as.index_declared.table.value);
        break;
    case EVENT_STREAM_CREATED:
        print_name(out, event->as.stream_created.name);
        buffer_printf(out, " stream=%u", event->as.stream_created.stream.value);
        break;
    case EVENT_STREAM_APPENDED:
        buffer_printf(out, " stream=%u events=%u", event->as.stream_appended.stream.value,
                      event->as.stream_appended.count);
        break;
    default:
        break;
    }
}

enum kmb_status entries_describe(struct buffer *out, struct slice plain, struct arena *arena, struct kmb_error *error) {
    struct event_reader events = event_reader_make(plain, arena);
    struct event event;
    enum kmb_status status;
    while ((status = event_next(&events, &event, error)) == KMB_ROW) {
        print_event(out, &event);
    }
    arena_free(arena);
    if (!buffer_ok(out)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return status == KMB_DONE ? KMB_OK : status;
}
