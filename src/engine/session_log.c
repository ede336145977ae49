/* The entries of a session's tenant, for kimberlite_log(): struct sql_host's log_open, log_next and log_close. */
#include <stdio.h>

#include "base/memory.h"
#include "engine/entries.h"
#include "engine/session_internal.h"

struct sql_log {
    struct kernel_view *view; /* whose entries these are */
    struct entries entries;
    uint64_t next;
    uint64_t last;
    uint64_t op_last; /* nothing behind it is published yet */
    struct arena arena;
    struct buffer events;
    char segment[32];
    struct hash256 hash;
    struct hash256 previous_hash;
};

enum kmb_status session_log_open(void *context, uint64_t first, uint64_t last, struct sql_log **out,
                                 struct kmb_error *error) {
    struct session *session = context;
    struct sql_log *log = mem_alloc_zero(1, sizeof(*log));
    *out = log;
    if (log == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    arena_init(&log->arena, 0);
    log->entries = entries_of(session->shard);
    log->op_last = shard_published_op(session->shard);
    enum kmb_status status = session->host.view_open(session, &session->host.at, &log->view, error);
    if (status == KMB_OK) {
        uint64_t newest = log->view->state->sequence;
        newest = log->view->entry < newest ? log->view->entry : newest;
        log->next = first;
        log->last = last < newest ? last : newest;
    } else {
        session_log_close(log);
        *out = NULL;
    }
    return status;
}

static enum kmb_status list_events(struct sql_log *log, struct kmb_error *error) {
    struct slice plain;
    buffer_clear(&log->events);
    enum kmb_status status = entries_plain(&log->entries, &plain, error);
    return status == KMB_OK ? entries_describe(&log->events, plain, &log->arena, error) : status;
}

enum kmb_status session_log_next(struct sql_log *log, struct sql_log_entry *out, struct kmb_error *error) {
    struct tenant_id tenant = log->view->state->tenant;
    struct kernel_entry wanted;
    struct log_reader_entry entry;
    if (log->next > log->last) {
        return KMB_DONE;
    }
    enum kmb_status status = kernel_entry_at(log->view->state, log->next, &wanted, error);
    if (status == KMB_OK &&
        (wanted.op > log->op_last || (log->view->past && wanted.position_after > log->view->position))) {
        return KMB_DONE;
    }
    if (status == KMB_OK) {
        status = entries_find(&log->entries, tenant, &wanted, &entry, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    *out = (struct sql_log_entry){
        .sequence = entry.entry.sequence,
        .op = entry.place.op,
        .position_before = entry.entry.position_before,
        .position_after = entry.entry.position_after,
        .time_us = entry.entry.commit_time_us,
        .bytes = entry.entry.body_length,
        .sealed = (entry.entry.flags & LOG_ENTRY_SEALED) != 0,
        .hash = log->hash.bytes,
        .previous_hash = log->previous_hash.bytes,
        .segment = log->segment,
    };
    log->hash = entry.hash;
    log->previous_hash = entry.entry.previous;
    snprintf(log->segment, sizeof(log->segment), "%016llx.seg", (unsigned long long)entry.place.segment);
    status = list_events(log, error);
    if (status == KMB_OK) {
        out->events = buffer_text(&log->events);
        status = out->events == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : KMB_OK;
    }
    log->next++;
    return status == KMB_OK ? KMB_ROW : status;
}

void session_log_close(struct sql_log *log) {
    entries_close(&log->entries);
    kernel_view_close(log->view);
    buffer_free(&log->events);
    arena_free(&log->arena);
    mem_free(log);
}
