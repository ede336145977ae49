/*
 * A window on one file: sequential reading through a buffer, for walks that look at headers and bodies of any size in
 * turn. Chunks are small enough to stay in the processor's cache between the copy out of the page cache and the hash
 * over them; only a body larger than a chunk makes the buffer grow.
 */
#include "base/assert.h"
#include "base/memory.h"
#include "log/private.h"

void log_window_init(struct log_window *window, const struct io *io, size_t chunk) {
    ASSERT(chunk >= LOG_BLOCK_ALIGN);
    *window = (struct log_window){.io = io, .chunk = chunk};
}

void log_window_drop(struct log_window *window) {
    window->start = 0;
    window->length = 0;
}

enum kmb_status log_window_open(struct log_window *window, const char *path, struct kmb_error *error) {
    io_close(window->io, window->file);
    window->file = NULL;
    log_window_drop(window);
    enum kmb_status status = io_open(window->io, path, IO_READ, &window->file, error);
    if (status == KMB_OK) {
        status = io_size(window->io, window->file, &window->size, error);
    }
    return status;
}

void log_window_free(struct log_window *window) {
    io_close(window->io, window->file);
    mem_free(window->buffer);
    window->file = NULL;
    window->buffer = NULL;
    window->capacity = window->length = 0;
}

static enum kmb_status window_grow(struct log_window *window, size_t capacity_min, struct kmb_error *error) {
    size_t capacity = window->capacity == 0 ? window->chunk : window->capacity;
    while (capacity < capacity_min) {
        capacity *= 2;
    }
    if (capacity == window->capacity) {
        return KMB_OK;
    }
    uint8_t *grown = mem_realloc(window->buffer, capacity);
    if (grown == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for reading %zu bytes of the log", capacity);
    }
    window->buffer = grown;
    window->capacity = capacity;
    return KMB_OK;
}

enum kmb_status log_window_get(struct log_window *window, uint64_t offset, size_t size, const uint8_t **bytes,
                               struct kmb_error *error) {
    ASSERT(window->file != NULL && size <= LOG_ENTRY_BYTES_MAX + LOG_BLOCK_ALIGN);
    if (offset >= window->start && offset + size <= window->start + window->length) {
        *bytes = window->buffer + (offset - window->start);
        return KMB_OK;
    }
    *bytes = NULL;
    enum kmb_status status = window_grow(window, size > window->chunk ? size : window->chunk, error);
    if (status != KMB_OK) {
        return status;
    }
    size_t kept = 0;
    if (offset >= window->start && offset < window->start + window->length) {
        kept = (size_t)(window->start + window->length - offset);
        memmove(window->buffer, window->buffer + (window->length - kept), kept);
    }
    window->start = offset;
    window->length = kept;
    size_t want = size > window->chunk ? size : window->chunk;
    size_t count = 0;
    status = io_read(window->io, window->file, offset + kept, window->buffer + kept, want - kept, &count, error);
    if (status != KMB_OK) {
        window->length = 0;
        return status;
    }
    window->length = kept + count;
    *bytes = window->length >= size ? window->buffer : NULL;
    return KMB_OK;
}

enum kmb_status log_window_some(struct log_window *window, uint64_t offset, size_t size_max, const uint8_t **bytes,
                                size_t *count, struct kmb_error *error) {
    enum kmb_status status = log_window_get(window, offset, 1, bytes, error);
    if (status == KMB_OK && *bytes != NULL) {
        uint64_t left = window->start + window->length - offset;
        *count = left < size_max ? (size_t)left : size_max;
    }
    return status;
}
