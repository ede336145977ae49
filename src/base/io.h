/*
 * The I/O table: every byte that reaches or leaves a disk passes here.
 *
 * Three implementations stand behind one table: POSIX, memory (the simulator's and tests' disk) and a fault injector
 * that wraps another table. "In memory" and "in the simulator" are the shipping code on another table, not a twin.
 *
 * Paths are relative to nothing: the caller gives full paths with '/' between parts. Reads and writes are at offsets;
 * there is no file position. A write is durable only after io_sync() of that file returned KMB_OK; a created, renamed
 * or removed name only after io_sync_directory() of its directory. Any thread may call; calls on one file from several
 * threads are safe as pread/pwrite are.
 */
#ifndef KMB_BASE_IO_H
#define KMB_BASE_IO_H

#include "base/error.h"
#include "base/slice.h"

struct io_file; /* each implementation has its own */

enum io_open_flags {
    IO_READ = 1,
    IO_WRITE = 2,     /* implies IO_READ */
    IO_CREATE = 4,    /* create when absent */
    IO_EXCLUSIVE = 8, /* with IO_CREATE: KMB_FILE_EXISTS when present */
    IO_PRIVATE = 16,  /* with IO_CREATE: mode 0600 instead of 0640 */
};

struct io;

struct io_ops {
    enum kmb_status (*open)(const struct io *io, const char *path, unsigned flags, struct io_file **file,
                            struct kmb_error *error);
    void (*close)(const struct io *io, struct io_file *file);
    /* *count: bytes read, short only at the end of the file. */
    enum kmb_status (*read)(const struct io *io, struct io_file *file, uint64_t offset, void *bytes, size_t size,
                            size_t *count, struct kmb_error *error);
    /* All or an error; after an error any part may have been written. */
    enum kmb_status (*write)(const struct io *io, struct io_file *file, uint64_t offset, const void *bytes, size_t size,
                             struct kmb_error *error);
    enum kmb_status (*sync)(const struct io *io, struct io_file *file, struct kmb_error *error);
    enum kmb_status (*size)(const struct io *io, struct io_file *file, uint64_t *size, struct kmb_error *error);
    enum kmb_status (*truncate)(const struct io *io, struct io_file *file, uint64_t size, struct kmb_error *error);
    /* Reserves [0, size): reads as zeros, file size becomes at least size; KMB_DISK_FULL when it does not fit. */
    enum kmb_status (*allocate)(const struct io *io, struct io_file *file, uint64_t size, struct kmb_error *error);
    enum kmb_status (*rename)(const struct io *io, const char *from, const char *to, struct kmb_error *error);
    /* A file, or a directory that is empty. */
    enum kmb_status (*unlink)(const struct io *io, const char *path, struct kmb_error *error);
    enum kmb_status (*make_directory)(const struct io *io, const char *path,
                                      struct kmb_error *error); /* existing is fine */
    enum kmb_status (*sync_directory)(const struct io *io, const char *path, struct kmb_error *error);
    /*
     * Names (no path) of a directory's entries except . and .., in byte order, one call each. An answer of `each` that
     * is not KMB_OK ends the walk and is returned. `each` may use the table, on other paths too.
     */
    enum kmb_status (*list)(const struct io *io, const char *path,
                            enum kmb_status (*each)(void *context, const char *name, bool directory), void *context,
                            struct kmb_error *error);
    enum kmb_status (*exists)(const struct io *io, const char *path, bool *exists, struct kmb_error *error);
    /*
     * Takes the one exclusive lock of a file (OFD lock), held until close. `note` (one line: pid and command) is
     * written into the file; when another handle holds the lock, in this process or another: KMB_LOCKED, the holder's
     * note in the error's detail. The file must be open for writing; its old content is replaced.
     */
    enum kmb_status (*lock)(const struct io *io, struct io_file *file, const char *note, struct kmb_error *error);
    /*
     * For simulated disks alone, NULL elsewhere: forgets the file's writes that no sync has covered, as Linux may when
     * a sync fails.
     */
    void (*forget_unsynced)(const struct io *io, struct io_file *file);
};

struct io {
    const struct io_ops *ops;
    void *context;
};

/* The POSIX table; nothing to free. */
struct io io_posix(void);

/* Whole-file conveniences built on the table. Each names the path in its error. */
enum kmb_status io_open(const struct io *io, const char *path, unsigned flags, struct io_file **file,
                        struct kmb_error *error);
void io_close(const struct io *io, struct io_file *file); /* NULL is fine */
enum kmb_status io_read(const struct io *io, struct io_file *file, uint64_t offset, void *bytes, size_t size,
                        size_t *count, struct kmb_error *error);
/* Exactly size bytes, else KMB_CORRUPT "file ends at ...". */
enum kmb_status io_read_exact(const struct io *io, struct io_file *file, uint64_t offset, void *bytes, size_t size,
                              struct kmb_error *error);
enum kmb_status io_write(const struct io *io, struct io_file *file, uint64_t offset, const void *bytes, size_t size,
                         struct kmb_error *error);
enum kmb_status io_sync(const struct io *io, struct io_file *file, struct kmb_error *error);
enum kmb_status io_size(const struct io *io, struct io_file *file, uint64_t *size, struct kmb_error *error);
enum kmb_status io_truncate(const struct io *io, struct io_file *file, uint64_t size, struct kmb_error *error);
enum kmb_status io_allocate(const struct io *io, struct io_file *file, uint64_t size, struct kmb_error *error);
enum kmb_status io_rename(const struct io *io, const char *from, const char *to, struct kmb_error *error);
enum kmb_status io_unlink(const struct io *io, const char *path, struct kmb_error *error);
enum kmb_status io_make_directory(const struct io *io, const char *path, struct kmb_error *error);
enum kmb_status io_sync_directory(const struct io *io, const char *path, struct kmb_error *error);
enum kmb_status io_list(const struct io *io, const char *path,
                        enum kmb_status (*each)(void *context, const char *name, bool directory), void *context,
                        struct kmb_error *error);
enum kmb_status io_exists(const struct io *io, const char *path, bool *exists, struct kmb_error *error);
enum kmb_status io_lock(const struct io *io, struct io_file *file, const char *note, struct kmb_error *error);

/* Reads a whole file of at most size_max bytes into a buffer (appended). */
struct buffer;
enum kmb_status io_read_file(const struct io *io, const char *path, size_t size_max, struct buffer *out,
                             struct kmb_error *error);
/* Atomic replacement: "<path>.tmp", sync, rename, sync of the directory. flags: IO_PRIVATE or 0. */
enum kmb_status io_replace_file(const struct io *io, const char *path, unsigned flags, struct slice content,
                                struct kmb_error *error);

#endif
