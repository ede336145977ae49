/* The C API's streams: byte events in order, kept in the log, found through the store. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "engine/api_internal.h"
#include "engine/entries.h"
#include "types/utf8.h"

struct create {
    struct slice name;
    enum data_class data_class;
    struct stream_id id;
};

static enum kmb_status create_stream(void *context, struct kernel_transaction *transaction, struct kmb_error *error) {
    struct create *create = context;
    const struct stream_definition *known = catalogue_stream(kernel_transaction_catalogue(transaction), create->name);
    if (known != NULL) {
        create->id = known->id;
        return KMB_OK;
    }
    return kernel_create_stream(transaction, create->name, create->data_class, &create->id, error);
}

enum kmb_status kmb_stream_create(kmb_session *session, const char *name, enum kmb_data_class data_class,
                                  uint32_t *stream, struct kmb_error *error) {
    if (session == NULL || name == NULL || stream == NULL) {
        return api_absent("session, name or place for the id", error);
    }
    struct create create = {.name = slice_text(name), .data_class = (enum data_class)data_class};
    if (create.name.length == 0 || utf8_check(create.name, NULL) != KMB_OK) {
        return error_set(error, KMB_INVALID_NAME, "a stream's name is UTF-8 and not empty");
    }
    if ((unsigned)data_class > KMB_CLASS_PUBLIC) {
        return error_set(error, KMB_USAGE, "unknown data class %d", (int)data_class);
    }
    if (session->remote != NULL) {
        return session->remote->stream_create(session->far, create.name, data_class, stream, error);
    }
    enum kmb_status status = session_write(session->session, create_stream, &create, NULL, error);
    if (status == KMB_OK) {
        *stream = create.id.value;
    }
    return status;
}

static enum kmb_status not_found(const char *name, struct kmb_error *error) {
    return error_set(error, KMB_STREAM_NOT_FOUND, "stream \"%s\" not found", name);
}

struct stream_search {
    const char *name;
    uint32_t *stream;
    bool found;
};

static enum kmb_status compare_name(void *context, const struct kmb_stream *stream) {
    struct stream_search *search = context;
    if (strcmp(stream->name, search->name) == 0) {
        *search->stream = stream->id;
        search->found = true;
    }
    return KMB_OK;
}

static enum kmb_status find_far(kmb_session *session, const char *name, uint32_t *stream, struct kmb_error *error) {
    struct stream_search search = {.name = name, .stream = stream};
    enum kmb_status status = session->remote->stream_list(session->far, compare_name, &search, error);
    return status == KMB_OK && !search.found ? not_found(name, error) : status;
}

enum kmb_status kmb_stream_find(kmb_session *session, const char *name, uint32_t *stream, struct kmb_error *error) {
    if (session == NULL || name == NULL || stream == NULL) {
        return api_absent("session, name or place for the id", error);
    }
    if (session->remote != NULL) {
        return find_far(session, name, stream, error);
    }
    struct kernel_view *view = NULL;
    enum kmb_status status = session_view(session->session, &view, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct stream_definition *found = catalogue_stream(view->catalogue, slice_text(name));
    if (found == NULL) {
        status = not_found(name, error);
    } else {
        *stream = found->id.value;
    }
    kernel_view_close(view);
    return status;
}

struct append {
    struct stream_id stream;
    uint64_t expected;
    const struct slice *payloads;
    size_t count;
    uint64_t first;
};

static enum kmb_status append_events(void *context, struct kernel_transaction *transaction, struct kmb_error *error) {
    struct append *append = context;
    return kernel_append(transaction, append->stream, append->expected, append->payloads, append->count, &append->first,
                         error);
}

enum kmb_status kmb_stream_append(kmb_session *session, uint32_t stream, uint64_t expected_offset,
                                  const struct kmb_bytes *events, size_t event_count, uint64_t *first_offset,
                                  struct kmb_error *error) {
    if (session == NULL || (events == NULL && event_count != 0)) {
        return api_absent("session, or no events,", error);
    }
    if (event_count == 0) {
        return error_set(error, KMB_USAGE, "no events were given to append");
    }
    struct slice *payloads = mem_alloc_zero(event_count, sizeof(struct slice));
    if (payloads == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < event_count; i++) {
        if (events[i].bytes == NULL && events[i].length != 0) {
            mem_free(payloads);
            return api_absent("bytes of an event", error);
        }
        payloads[i] = slice_make(events[i].bytes, events[i].length);
    }
    struct append append = {
        .stream = {stream},
        .expected = expected_offset == UINT64_MAX ? KERNEL_OFFSET_ANY : expected_offset,
        .payloads = payloads,
        .count = event_count,
    };
    enum kmb_status status = session->remote != NULL
                                 ? session->remote->stream_append(
                                       session->far, stream, expected_offset == UINT64_MAX ? NULL : &expected_offset,
                                       payloads, event_count, &append.first, error)
                                 : session_write(session->session, append_events, &append, NULL, error);
    mem_free(payloads);
    if (status == KMB_OK && first_offset != NULL) {
        *first_offset = append.first;
    }
    return status;
}

enum kmb_status kmb_stream_length(kmb_session *session, uint32_t stream, uint64_t *length, struct kmb_error *error) {
    if (session == NULL || length == NULL) {
        return api_absent("session, or no place for the length,", error);
    }
    if (session->remote != NULL) {
        return session->remote->stream_length(session->far, stream, length, error);
    }
    struct kernel_view *view = NULL;
    enum kmb_status status = session_view(session->session, &view, error);
    if (status == KMB_OK) {
        status = kernel_stream_length(view, (struct stream_id){stream}, length, error);
    }
    kernel_view_close(view);
    return status;
}

enum kmb_status kmb_stream_list(kmb_session *session,
                                enum kmb_status (*each)(void *context, const struct kmb_stream *stream), void *context,
                                struct kmb_error *error) {
    if (session == NULL || each == NULL) {
        return api_absent("session, or no function to call,", error);
    }
    if (session->remote != NULL) {
        return session->remote->stream_list(session->far, each, context, error);
    }
    struct kernel_view *view = NULL;
    struct buffer name = {0};
    enum kmb_status status = session_view(session->session, &view, error);
    uint32_t count = status == KMB_OK ? catalogue_stream_count(view->catalogue) : 0;
    for (uint32_t i = 0; status == KMB_OK && i < count; i++) {
        const struct stream_definition *stream = catalogue_stream_at(view->catalogue, i);
        struct kmb_stream out = {.id = stream->id.value, .data_class = (enum kmb_data_class)stream->data_class};
        status = kernel_stream_length(view, stream->id, &out.length, error);
        buffer_clear(&name);
        buffer_append_slice(&name, stream->name);
        out.name = buffer_text(&name);
        if (status == KMB_OK && out.name == NULL) {
            status = error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        status = status == KMB_OK ? each(context, &out) : status;
    }
    kernel_view_close(view);
    buffer_free(&name);
    return status;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static enum kmb_status load_body(void *context, struct tenant_id tenant, const struct kernel_entry *wanted,
                                 struct slice *body, struct kmb_error *error) {
    struct entries *entries = context;
    struct log_reader_entry entry;
    enum kmb_status status = entries_find(entries, tenant, wanted, &entry, error);
    return status == KMB_OK ? entries_plain(entries, body, error) : status;
}

struct stream_read {
    uint64_t bytes_left;
    enum kmb_status (*each)(void *context, uint64_t offset, const void *bytes, size_t length);
    void *context;
};

static enum kmb_status give_event(void *context, const struct kernel_stream_event *event) {
    struct stream_read *read = context;
    if (read->bytes_left == 0) {
        return KMB_DONE;
    }
    enum kmb_status status = read->each(read->context, event->offset, event->payload.bytes, event->payload.length);
    read->bytes_left = event->payload.length >= read->bytes_left ? 0 : read->bytes_left - event->payload.length;
    return status;
}

enum kmb_status kmb_stream_read(kmb_session *session, uint32_t stream, uint64_t from, uint64_t bytes_max,
                                enum kmb_status (*each)(void *context, uint64_t offset, const void *bytes,
                                                        size_t length),
                                void *context, struct kmb_error *error) {
    if (session == NULL || each == NULL) {
        return api_absent("session, or no function to call,", error);
    }
    if (session->remote != NULL) {
        return session->remote->stream_read(session->far, stream, from, bytes_max, each, context, error);
    }
    struct entries entries = entries_of(session->db->shard);
    struct kernel_bodies source = {.load = load_body, .context = &entries};
    struct stream_read read = {.bytes_left = bytes_max, .each = each, .context = context};
    struct kernel_view *view = NULL;
    enum kmb_status status = session_view(session->session, &view, error);
    if (status == KMB_OK) {
        status = kernel_stream_read(view, &source, (struct stream_id){stream}, from, give_event, &read, error);
    }
    kernel_view_close(view);
    entries_close(&entries);
    return status == KMB_DONE ? KMB_OK : status;
}
