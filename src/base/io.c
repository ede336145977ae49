/*
 * What is the same for every disk: calling through the table, and the two whole-file operations that are easy to get
 * wrong.
 *
 * Replacing a small file (a key store, a configuration) must never leave a half-written one behind: the new content
 * goes to a file beside it, is synced, takes the old name by rename, and the directory is synced so that the new name
 * survives a crash. A temporary file left over by an earlier crash is removed first, because it may have other
 * permissions than those asked for now.
 */
#include "base/io.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/memory.h"

#define READ_FILE_PIECE ((size_t)64 * 1024)

enum kmb_status io_open(const struct io *io, const char *path, unsigned flags, struct io_file **file,
                        struct kmb_error *error) {
    ASSERT(path != NULL && path[0] != 0);
    ASSERT((flags & (IO_READ | IO_WRITE)) != 0);
    ASSERT((flags & (IO_EXCLUSIVE | IO_PRIVATE)) == 0 || (flags & IO_CREATE) != 0);
    ASSERT((flags & IO_CREATE) == 0 || (flags & IO_WRITE) != 0);
    *file = NULL;
    return io->ops->open(io, path, flags, file, error);
}

void io_close(const struct io *io, struct io_file *file) {
    if (file != NULL) {
        io->ops->close(io, file);
    }
}

enum kmb_status io_read(const struct io *io, struct io_file *file, uint64_t offset, void *bytes, size_t size,
                        size_t *count, struct kmb_error *error) {
    *count = 0;
    return io->ops->read(io, file, offset, bytes, size, count, error);
}

enum kmb_status io_read_exact(const struct io *io, struct io_file *file, uint64_t offset, void *bytes, size_t size,
                              struct kmb_error *error) {
    size_t count;
    enum kmb_status status = io_read(io, file, offset, bytes, size, &count, error);
    if (status == KMB_OK && count != size) {
        return error_set(error, KMB_CORRUPT, "file ends at byte %llu where %zu bytes from %llu were expected",
                         (unsigned long long)(offset + count), size, (unsigned long long)offset);
    }
    return status;
}

enum kmb_status io_write(const struct io *io, struct io_file *file, uint64_t offset, const void *bytes, size_t size,
                         struct kmb_error *error) {
    return io->ops->write(io, file, offset, bytes, size, error);
}

enum kmb_status io_sync(const struct io *io, struct io_file *file, struct kmb_error *error) {
    return io->ops->sync(io, file, error);
}

enum kmb_status io_size(const struct io *io, struct io_file *file, uint64_t *size, struct kmb_error *error) {
    return io->ops->size(io, file, size, error);
}

enum kmb_status io_truncate(const struct io *io, struct io_file *file, uint64_t size, struct kmb_error *error) {
    return io->ops->truncate(io, file, size, error);
}

enum kmb_status io_allocate(const struct io *io, struct io_file *file, uint64_t size, struct kmb_error *error) {
    return io->ops->allocate(io, file, size, error);
}

enum kmb_status io_rename(const struct io *io, const char *from, const char *to, struct kmb_error *error) {
    return io->ops->rename(io, from, to, error);
}

enum kmb_status io_unlink(const struct io *io, const char *path, struct kmb_error *error) {
    return io->ops->unlink(io, path, error);
}

enum kmb_status io_make_directory(const struct io *io, const char *path, struct kmb_error *error) {
    return io->ops->make_directory(io, path, error);
}

enum kmb_status io_sync_directory(const struct io *io, const char *path, struct kmb_error *error) {
    return io->ops->sync_directory(io, path, error);
}

enum kmb_status io_list(const struct io *io, const char *path,
                        enum kmb_status (*each)(void *context, const char *name, bool directory), void *context,
                        struct kmb_error *error) {
    return io->ops->list(io, path, each, context, error);
}

enum kmb_status io_exists(const struct io *io, const char *path, bool *exists, struct kmb_error *error) {
    *exists = false;
    return io->ops->exists(io, path, exists, error);
}

enum kmb_status io_lock(const struct io *io, struct io_file *file, const char *note, struct kmb_error *error) {
    return io->ops->lock(io, file, note, error);
}

enum kmb_status io_read_file(const struct io *io, const char *path, size_t size_max, struct buffer *out,
                             struct kmb_error *error) {
    struct io_file *file;
    enum kmb_status status = io_open(io, path, IO_READ, &file, error);
    if (status != KMB_OK) {
        return status;
    }
    size_t start = out->length;
    for (;;) {
        uint8_t *place = buffer_extend(out, READ_FILE_PIECE);
        if (place == NULL) {
            status = error_set(error, KMB_NO_MEMORY, "out of memory while reading '%s'", path);
            break;
        }
        size_t done = out->length - READ_FILE_PIECE - start;
        size_t count = 0;
        status = io_read(io, file, done, place, READ_FILE_PIECE, &count, error);
        out->length -= READ_FILE_PIECE - count;
        if (status == KMB_OK && done + count > size_max) {
            status = error_set(error, KMB_LIMIT, "file '%s' is larger than %zu bytes", path, size_max);
        }
        if (status != KMB_OK || count < READ_FILE_PIECE) {
            break;
        }
    }
    io_close(io, file);
    if (status != KMB_OK && !out->failed) {
        out->length = start;
    }
    return status;
}

/* The directory part of a path, in memory of its own. */
static char *path_parent(const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return mem_strdup(".");
    }
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    char *parent = mem_alloc(length + 1);
    if (parent != NULL) {
        memcpy(parent, path, length);
        parent[length] = 0;
    }
    return parent;
}

enum kmb_status io_replace_file(const struct io *io, const char *path, unsigned flags, struct slice content,
                                struct kmb_error *error) {
    ASSERT((flags & ~(unsigned)IO_PRIVATE) == 0);
    struct io_file *file = NULL;
    bool created = false;
    enum kmb_status status;
    size_t length = strlen(path);
    char *parent = path_parent(path);
    char *temporary = mem_alloc(length + sizeof(".tmp"));
    if (parent == NULL || temporary == NULL) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory while replacing '%s'", path);
        goto cleanup;
    }
    memcpy(temporary, path, length);
    memcpy(temporary + length, ".tmp", sizeof(".tmp"));

    bool left_over;
    status = io_exists(io, temporary, &left_over, error);
    if (status == KMB_OK && left_over) {
        status = io_unlink(io, temporary, error);
    }
    if (status == KMB_OK) {
        status = io_open(io, temporary, IO_WRITE | IO_CREATE | IO_EXCLUSIVE | flags, &file, error);
        created = status == KMB_OK;
    }
    if (status == KMB_OK) {
        status = io_write(io, file, 0, content.bytes, content.length, error);
    }
    if (status == KMB_OK) {
        status = io_sync(io, file, error);
    }
    io_close(io, file);
    if (status == KMB_OK) {
        status = io_rename(io, temporary, path, error);
    }
    if (status != KMB_OK && created) {
        io_unlink(io, temporary, NULL); /* the first error is the one to tell */
    }
    if (status == KMB_OK) {
        status = io_sync_directory(io, parent, error);
    }
cleanup:
    mem_free(temporary);
    mem_free(parent);
    return status;
}
