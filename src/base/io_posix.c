/*
 * The I/O table on the machine's own file systems.
 *
 * Plain pread, pwrite and fdatasync: the log preallocates its segments, so an append changes no metadata and fdatasync
 * costs one flush. What this file adds to the system calls is what every caller would otherwise forget:
 *
 * - EINTR and short transfers are retried until all is done or a real error stands;
 * - errno becomes one of our statuses with a sentence that names the path and, where there is something to do about it,
 *   a hint; a full disk or quota is KMB_DISK_FULL wherever it appears;
 * - the lock is an open-file-description lock (F_OFD_SETLK). The older kind belongs to the process, so that opening
 *   a database twice in one process would succeed and the first close would drop the lock. The holder writes a note
 *   into the locked file, and the loser's error shows it.
 *
 * A failed fdatasync is reported and never retried: Linux may have dropped the dirty pages and would call the second
 * attempt a success.
 */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/memory.h"

#define TRANSFER_MAX  ((size_t)1 << 30) /* Linux moves at most 2 GiB - 4 KiB a call */
#define LOCK_NOTE_MAX 200
#define FILE_MODE     0640
#define PRIVATE_MODE  0600
#define DIR_MODE      0750

struct io_file {
    int descriptor;
    bool writable;
    char *path; /* for errors */
};

/* Turns an errno into a status and a sentence: "cannot <verb> '<path>': <reason>". */
static enum kmb_status posix_fail(struct kmb_error *error, int code, const char *verb, const char *path) {
    enum kmb_status status = KMB_IO;
    const char *hint = NULL;
    switch (code) {
    case ENOSPC:
    case EDQUOT:
        status = KMB_DISK_FULL;
        hint = code == ENOSPC ? "free some space on this file system" : "the quota of this user is used up";
        break;
    case EROFS:
        status = KMB_READ_ONLY;
        hint = "the file system is mounted read-only";
        break;
    case EACCES:
    case EPERM:
        status = KMB_READ_ONLY;
        hint = "this user lacks the permission; check owner and mode of the file and of its directories";
        break;
    case ENOENT:
    case ENOTDIR:
        status = KMB_FILE_NOT_FOUND;
        break;
    case EEXIST:
        status = KMB_FILE_EXISTS;
        break;
    case ENOMEM:
        status = KMB_NO_MEMORY;
        break;
    case EMFILE:
    case ENFILE:
        hint = "too many files are open; raise the limit (ulimit -n)";
        break;
    case EFBIG:
        hint = "the file would be larger than the file system or the limit (ulimit -f) allows";
        break;
    case EIO:
        hint = "the device reports a failure; see the kernel's log";
        break;
    default:
        break;
    }
    char reason[128];
    error_set(error, status, "cannot %s '%s': %s", verb, path, strerror_r(code, reason, sizeof(reason)));
    if (hint != NULL) {
        error_hint(error, "%s", hint);
    }
    return status;
}

/* The same for calls that only look: a missing permission is then no sign of a read-only place. */
static enum kmb_status posix_fail_look(struct kmb_error *error, int code, const char *verb, const char *path) {
    enum kmb_status status = posix_fail(error, code, verb, path);
    if (status != KMB_READ_ONLY) {
        return status;
    }
    if (error != NULL) {
        error->status = KMB_IO;
    }
    return KMB_IO;
}

static enum kmb_status posix_open(const struct io *io, const char *path, unsigned flags, struct io_file **file,
                                  struct kmb_error *error) {
    (void)io;
    const char *verb = (flags & IO_CREATE) != 0 ? "create" : "open";
    int mode = O_CLOEXEC | ((flags & IO_WRITE) != 0 ? O_RDWR : O_RDONLY);
    mode |= (flags & IO_CREATE) != 0 ? O_CREAT : 0;
    mode |= (flags & IO_EXCLUSIVE) != 0 ? O_EXCL : 0;
    struct io_file *opened = mem_alloc_zero(1, sizeof(*opened));
    char *copy = mem_strdup(path);
    if (opened == NULL || copy == NULL) {
        mem_free(opened);
        mem_free(copy);
        return error_set(error, KMB_NO_MEMORY, "out of memory while opening '%s'", path);
    }
    int code = 0;
    do {
        opened->descriptor = open(path, mode, (flags & IO_PRIVATE) != 0 ? PRIVATE_MODE : FILE_MODE);
        code = opened->descriptor < 0 ? errno : 0;
    } while (code == EINTR);
    struct stat facts;
    if (code == 0 && fstat(opened->descriptor, &facts) != 0) {
        code = errno;
        close(opened->descriptor);
    } else if (code == 0 && S_ISDIR(facts.st_mode)) {
        code = EISDIR;
        close(opened->descriptor);
    }
    if (code != 0) {
        mem_free(opened);
        mem_free(copy);
        return (flags & IO_WRITE) != 0 ? posix_fail(error, code, verb, path) : posix_fail_look(error, code, verb, path);
    }
    opened->path = copy;
    opened->writable = (flags & IO_WRITE) != 0;
    *file = opened;
    return KMB_OK;
}

static void posix_close(const struct io *io, struct io_file *file) {
    (void)io;
    close(file->descriptor); /* on Linux the descriptor is gone whatever close answers */
    mem_free(file->path);
    mem_free(file);
}

static enum kmb_status posix_read(const struct io *io, struct io_file *file, uint64_t offset, void *bytes, size_t size,
                                  size_t *count, struct kmb_error *error) {
    (void)io;
    ASSERT(offset <= INT64_MAX && size <= INT64_MAX - offset);
    size_t done = 0;
    while (done < size) {
        size_t piece = size - done < TRANSFER_MAX ? size - done : TRANSFER_MAX;
        ssize_t got = pread(file->descriptor, (uint8_t *)bytes + done, piece, (off_t)(offset + done));
        if (got == 0) {
            break;
        }
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return posix_fail(error, errno, "read", file->path);
        }
        done += (size_t)got;
    }
    *count = done;
    return KMB_OK;
}

static enum kmb_status posix_write(const struct io *io, struct io_file *file, uint64_t offset, const void *bytes,
                                   size_t size, struct kmb_error *error) {
    (void)io;
    ASSERT(file->writable);
    ASSERT(offset <= INT64_MAX && size <= INT64_MAX - offset);
    size_t done = 0;
    while (done < size) {
        size_t piece = size - done < TRANSFER_MAX ? size - done : TRANSFER_MAX;
        ssize_t put = pwrite(file->descriptor, (const uint8_t *)bytes + done, piece, (off_t)(offset + done));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return posix_fail(error, put < 0 ? errno : EIO, "write", file->path);
        }
        done += (size_t)put;
    }
    return KMB_OK;
}

static enum kmb_status posix_sync(const struct io *io, struct io_file *file, struct kmb_error *error) {
    (void)io;
    return fdatasync(file->descriptor) == 0 ? KMB_OK : posix_fail(error, errno, "sync", file->path);
}

static enum kmb_status posix_size(const struct io *io, struct io_file *file, uint64_t *size, struct kmb_error *error) {
    (void)io;
    struct stat facts;
    if (fstat(file->descriptor, &facts) != 0) {
        return posix_fail_look(error, errno, "examine", file->path);
    }
    *size = (uint64_t)facts.st_size;
    return KMB_OK;
}

static enum kmb_status posix_truncate(const struct io *io, struct io_file *file, uint64_t size,
                                      struct kmb_error *error) {
    (void)io;
    ASSERT(file->writable && size <= INT64_MAX);
    int failed;
    do {
        failed = ftruncate(file->descriptor, (off_t)size);
    } while (failed != 0 && errno == EINTR);
    return failed == 0 ? KMB_OK : posix_fail(error, errno, "truncate", file->path);
}

static enum kmb_status posix_allocate(const struct io *io, struct io_file *file, uint64_t size,
                                      struct kmb_error *error) {
    (void)io;
    ASSERT(file->writable && size <= INT64_MAX);
    if (size == 0) {
        return KMB_OK;
    }
    int code;
    do {
        code = fallocate(file->descriptor, 0, 0, (off_t)size) == 0 ? 0 : errno;
    } while (code == EINTR);
    if (code == EOPNOTSUPP) {
        /* A file system without the call: the C library writes to each block that has none yet. */
        do {
            code = posix_fallocate(file->descriptor, 0, (off_t)size);
        } while (code == EINTR);
    }
    return code == 0 ? KMB_OK : posix_fail(error, code, "allocate space for", file->path);
}

static enum kmb_status posix_rename(const struct io *io, const char *from, const char *to, struct kmb_error *error) {
    (void)io;
    if (rename(from, to) == 0) {
        return KMB_OK;
    }
    int code = errno;
    posix_fail(error, code, "rename", from);
    error_detail(error, "the new name was to be '%s'", to);
    return posix_fail(NULL, code, "rename", from);
}

static enum kmb_status posix_unlink(const struct io *io, const char *path, struct kmb_error *error) {
    (void)io;
    if (unlink(path) == 0 || (errno == EISDIR && rmdir(path) == 0)) {
        return KMB_OK;
    }
    return posix_fail(error, errno, "remove", path);
}

static enum kmb_status posix_make_directory(const struct io *io, const char *path, struct kmb_error *error) {
    (void)io;
    if (mkdir(path, DIR_MODE) == 0) {
        return KMB_OK;
    }
    int code = errno;
    struct stat facts;
    if (code == EEXIST && stat(path, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        return KMB_OK;
    }
    return posix_fail(error, code, "create directory", path);
}

static enum kmb_status posix_sync_directory(const struct io *io, const char *path, struct kmb_error *error) {
    (void)io;
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return posix_fail_look(error, errno, "open directory", path);
    }
    int code = fsync(descriptor) == 0 ? 0 : errno;
    close(descriptor);
    return code == 0 ? KMB_OK : posix_fail(error, code, "sync directory", path);
}

/* One name of a directory: 'd' or 'f', then the text, as one allocation. */
static int entry_order(const void *a, const void *b) {
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left + 1, *right + 1);
}

static bool entry_is_directory(int directory, const struct dirent *entry) {
    struct stat facts;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) {
        return entry->d_type == DT_DIR;
    }
    return fstatat(directory, entry->d_name, &facts, 0) == 0 && S_ISDIR(facts.st_mode);
}

/* Appends a pointer to each entry's text to names. */
static enum kmb_status list_collect(DIR *directory, const char *path, struct buffer *names, struct kmb_error *error) {
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            return errno == 0 ? KMB_OK : posix_fail_look(error, errno, "list directory", path);
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        size_t size = strlen(entry->d_name) + 2;
        char *text = mem_alloc(size);
        if (text == NULL || !buffer_reserve(names, sizeof(text))) {
            mem_free(text);
            return error_set(error, KMB_NO_MEMORY, "out of memory while listing '%s'", path);
        }
        text[0] = entry_is_directory(dirfd(directory), entry) ? 'd' : 'f';
        memcpy(text + 1, entry->d_name, size - 1);
        buffer_append(names, &text, sizeof(text));
    }
}

static enum kmb_status posix_list(const struct io *io, const char *path,
                                  enum kmb_status (*each)(void *context, const char *name, bool directory),
                                  void *context, struct kmb_error *error) {
    (void)io;
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return posix_fail_look(error, errno, "list directory", path);
    }
    struct buffer names = {0};
    enum kmb_status status = list_collect(directory, path, &names, error);
    closedir(directory);
    char **texts = (char **)(void *)names.bytes; /* heap memory, so aligned for a pointer */
    size_t count = names.length / sizeof(char *);
    if (count > 1) {
        qsort(texts, count, sizeof(char *), entry_order);
    }
    for (size_t i = 0; i < count; i++) {
        if (status == KMB_OK) {
            status = each(context, texts[i] + 1, texts[i][0] == 'd');
        }
        mem_free(texts[i]);
    }
    buffer_free(&names);
    return status;
}

static enum kmb_status posix_exists(const struct io *io, const char *path, bool *exists, struct kmb_error *error) {
    (void)io;
    struct stat facts;
    if (stat(path, &facts) == 0) {
        *exists = true;
        return KMB_OK;
    }
    *exists = false;
    return errno == ENOENT || errno == ENOTDIR ? KMB_OK : posix_fail_look(error, errno, "examine", path);
}

/* Reads the note of the lock's holder: the first line of the file. */
static void lock_describe_holder(struct io_file *file, struct kmb_error *error) {
    char note[LOCK_NOTE_MAX + 1];
    ssize_t length = pread(file->descriptor, note, LOCK_NOTE_MAX, 0);
    note[length < 0 ? 0 : length] = 0;
    note[strcspn(note, "\n")] = 0;
    error_set(error, KMB_LOCKED, "'%s' is in use by another handle", file->path);
    if (note[0] != 0) {
        error_detail(error, "held by %s", note);
    } else {
        error_detail(error, "the holder left no note");
    }
    error_hint(error, "close the other handle or stop that process");
}

static enum kmb_status posix_lock(const struct io *io, struct io_file *file, const char *note,
                                  struct kmb_error *error) {
    ASSERT(file->writable);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    int code;
    do {
        code = fcntl(file->descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
    } while (code == EINTR);
    if (code == EAGAIN || code == EACCES) {
        lock_describe_holder(file, error);
        return KMB_LOCKED;
    }
    if (code != 0) {
        return posix_fail(error, code, "lock", file->path);
    }
    char line[LOCK_NOTE_MAX + 2];
    int length = snprintf(line, sizeof(line) - 1, "%s", note);
    size_t kept = length < 0 ? 0 : length > LOCK_NOTE_MAX ? LOCK_NOTE_MAX : (size_t)length;
    line[kept] = '\n';
    enum kmb_status status = posix_truncate(io, file, 0, error);
    return status == KMB_OK ? posix_write(io, file, 0, line, kept + 1, error) : status;
}

struct io io_posix(void) {
    static const struct io_ops ops = {
        .open = posix_open,
        .close = posix_close,
        .read = posix_read,
        .write = posix_write,
        .sync = posix_sync,
        .size = posix_size,
        .truncate = posix_truncate,
        .allocate = posix_allocate,
        .rename = posix_rename,
        .unlink = posix_unlink,
        .make_directory = posix_make_directory,
        .sync_directory = posix_sync_directory,
        .list = posix_list,
        .exists = posix_exists,
        .lock = posix_lock,
    };
    return (struct io){.ops = &ops, .context = NULL};
}
