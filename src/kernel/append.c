/*
 * Deciding streams and facts of the tenant.
 *
 * The events of a stream are written once, into the body: the store gets the place of the run, not the bytes. So an
 * append costs one copy and two small records whatever its size, and reading goes to the log (stream.c).
 */
#include "kernel/transaction_internal.h"

#include <inttypes.h>

#define APPEND_FRAME_ROOM 64 /* of the frame's header and one payload's length, generously */

enum kmb_status kernel_create_tenant(struct kernel_transaction *transaction, struct slice name,
                                     struct kmb_error *error) {
    if (transaction->evolver.facts.exists) {
        return error_set(error, KMB_TENANT_EXISTS, "tenant %u already exists", transaction->base->tenant.value);
    }
    if (name.length > DEFINITION_NAME_BYTES_MAX) {
        return error_set(error, KMB_NAME_TOO_LONG, "name of tenant %u is longer than %d bytes",
                         transaction->base->tenant.value, DEFINITION_NAME_BYTES_MAX);
    }
    struct event event = {.kind = EVENT_TENANT_CREATED,
                          .as.tenant_created = {.tenant = transaction->base->tenant, .name = name}};
    return transaction_emit(transaction, &event, error);
}

enum kmb_status kernel_delete_tenant(struct kernel_transaction *transaction, uint32_t *tables,
                                     struct kmb_error *error) {
    const struct catalogue *catalogue = transaction->evolver.catalogue;
    uint32_t count = 0;
    for (uint32_t i = 0; i < catalogue_table_count(catalogue); i++) {
        count += definition_is_table(catalogue_table_at(catalogue, i));
    }
    struct event event = {.kind = EVENT_TENANT_DELETED,
                          .as.tenant_deleted = {.tenant = transaction->base->tenant, .tables = count}};
    *tables = count;
    return transaction_emit(transaction, &event, error);
}

enum kmb_status kernel_set_checkpoint_key(struct kernel_transaction *transaction, enum event_kind kind,
                                          const struct event_checkpoint_key *key, struct kmb_error *error) {
    ASSERT(kind == EVENT_CHECKPOINT_KEY_SET || kind == EVENT_CHECKPOINT_KEY_ROTATED);
    struct event event = {.kind = kind, .as.checkpoint_key = *key};
    return transaction_emit(transaction, &event, error);
}

enum kmb_status kernel_accept_clock(struct kernel_transaction *transaction, int64_t log_time_us, int64_t clock_time_us,
                                    struct kmb_error *error) {
    struct event event = {.kind = EVENT_CLOCK_ACCEPTED,
                          .as.clock_accepted = {.log_time_us = log_time_us, .clock_time_us = clock_time_us}};
    return transaction_emit(transaction, &event, error);
}

enum kmb_status kernel_create_stream(struct kernel_transaction *transaction, struct slice name,
                                     enum data_class data_class, struct stream_id *id, struct kmb_error *error) {
    if (name.length == 0) {
        return error_set(error, KMB_INVALID_NAME, "name of a stream is empty");
    }
    if (name.length > DEFINITION_NAME_BYTES_MAX) {
        return error_set(error, KMB_NAME_TOO_LONG, "name of stream \"%.*s...\" is longer than %d bytes", 32,
                         (const char *)name.bytes, DEFINITION_NAME_BYTES_MAX);
    }
    if ((unsigned)data_class >= DATA_CLASS_COUNT) {
        return error_set(error, KMB_INVALID_PARAMETER, "data class %u is not known", (unsigned)data_class);
    }
    if (catalogue_stream(transaction->evolver.catalogue, name) != NULL) {
        return error_set(error, KMB_STREAM_EXISTS, "stream \"%.*s\" already exists", (int)name.length,
                         (const char *)name.bytes);
    }
    struct stream_id stream = {catalogue_object_id_next(transaction->evolver.catalogue)};
    if (stream.value >= OBJECT_ID_MAX) {
        return error_set(error, KMB_LIMIT, "tenant %u has used up its object ids", transaction->base->tenant.value);
    }
    struct event event = {.kind = EVENT_STREAM_CREATED,
                          .as.stream_created = {.stream = stream, .name = name, .data_class = data_class}};
    enum kmb_status status = transaction_emit(transaction, &event, error);
    if (status == KMB_OK) {
        status = transaction_defined(transaction, error);
    }
    if (status == KMB_OK && id != NULL) {
        *id = stream;
    }
    return status;
}

/* One run: as many payloads as fit the last part. Returns how many in *taken. */
static enum kmb_status append_run(struct kernel_transaction *transaction, struct stream_id stream, uint64_t base,
                                  const struct slice *payloads, size_t count, size_t *taken, struct kmb_error *error) {
    enum kmb_status status = transaction_writer_end(transaction, error);
    if (status == KMB_OK) {
        status = transaction_room(transaction, payloads[0].length + 2 * APPEND_FRAME_ROOM, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct buffer *tail = transaction_tail(transaction);
    struct event_writer writer = event_append_begin(tail, stream, (struct stream_offset){base});
    size_t frame_offset = writer.frame;
    size_t done = 0;
    while (done < count && done < UINT32_MAX &&
           (done == 0 || tail->length + payloads[done].length + APPEND_FRAME_ROOM <= KERNEL_PART_MAX)) {
        event_append_add(&writer, payloads[done]);
        done++;
    }
    status = event_writer_end(&writer, error);
    if (status == KMB_OK) {
        ASSERT(tail->length <= KERNEL_PART_MAX);
        status = evolve_append(&transaction->evolver, stream, base, (uint32_t)done, frame_offset, error);
    }
    *taken = done;
    return status == KMB_OK ? KMB_OK : transaction_break(transaction, status);
}

enum kmb_status kernel_append(struct kernel_transaction *transaction, struct stream_id stream, uint64_t expected,
                              const struct slice *payloads, size_t count, uint64_t *first, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    if (catalogue_stream_of_id(transaction->evolver.catalogue, stream) == NULL) {
        return error_set(error, KMB_STREAM_NOT_FOUND, "stream with id %u not found", stream.value);
    }
    for (size_t i = 0; i < count; i++) {
        if (payloads[i].length > KERNEL_ROW_MAX) {
            return error_set(error, KMB_LIMIT, "event %zu of the append is too big: size %zu, maximum size %zu", i,
                             payloads[i].length, (size_t)KERNEL_ROW_MAX);
        }
    }
    status = transaction_fork(transaction, error);
    uint64_t length = 0;
    if (status == KMB_OK) {
        status = evolve_stream_length(store_view_fork(transaction->evolver.fork), transaction->evolver.tenant, stream,
                                      &length, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (expected != KERNEL_OFFSET_ANY && expected != length) {
        return error_set(error, KMB_OFFSET_MISMATCH,
                         "offset mismatch for stream %u: expected %" PRIu64 ", actual %" PRIu64, stream.value, expected,
                         length);
    }
    if (first != NULL) {
        *first = length;
    }
    size_t done = 0;
    while (status == KMB_OK && done < count) {
        size_t taken = 0;
        status = append_run(transaction, stream, length + done, payloads + done, count - done, &taken, error);
        done += taken;
    }
    return status;
}
