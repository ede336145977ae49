/*
 * A disk in memory that forgets what a real disk may forget.
 *
 * A test of recovery is worth as much as its disk is unkind. This one keeps two truths side by side: what a running
 * program sees, and what survives when the machine dies. For bytes that is the journal of io_content.c, for names the
 * list of operations of io_nodes.c; here are the disk as a whole (its clone, its crash) and the table.
 *
 * A crash decides the fate of each unsynced change first, for all files, so that exactly one surviving write of the
 * disk can be the torn one; then content and names settle, visible names become the durable ones, and what nothing
 * holds any more is freed. Handles of the time before the crash know their generation and refuse.
 *
 * One mutex covers the disk. `list` copies the names before it calls back, so that the callback may use the table.
 */
#include "base/io_memory.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/io_content.h"
#include "base/io_nodes.h"
#include "base/memory.h"

#define LOCK_NOTE_MAX 200

struct io_file {
    struct node *node;
    uint64_t generation;
    bool writable;
    char *path;
};

/* ---- the disk ---- */

struct io_memory *io_memory_new(uint64_t capacity_bytes) {
    struct io_memory *disk = mem_alloc_zero(1, sizeof(*disk));
    if (disk == NULL) {
        return NULL;
    }
    disk->capacity = capacity_bytes;
    disk->root = node_new(disk, true);
    if (disk->root == NULL) {
        mem_free(disk);
        return NULL;
    }
    node_share(disk->root);
    pthread_mutex_init(&disk->mutex, NULL);
    return disk;
}

void io_memory_free(struct io_memory *disk) {
    if (disk == NULL) {
        return;
    }
    for (size_t i = 0; i < disk->operation_count; i++) {
        operation_free(disk, &disk->operations[i]);
    }
    node_release(disk, disk->root);
    ASSERT(disk->oldest == NULL); /* else a file is still open */
    mem_free(disk->operations);
    pthread_mutex_destroy(&disk->mutex);
    mem_free(disk);
}

static void disk_lock(const struct io_memory *disk) {
    int failed = pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&disk->mutex);
    ASSERT(failed == 0);
}

static void disk_unlock(const struct io_memory *disk) {
    pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&disk->mutex);
}

static bool entries_clone(struct entries *target, const struct entries *source) {
    if (source->count > 0 && !entries_reserve(target, source->count)) {
        return false;
    }
    for (size_t i = 0; i < source->count; i++) {
        char *name = mem_strdup(source->items[i].name);
        if (name == NULL) {
            return false;
        }
        target->items[target->count++] = (struct entry){.name = name, .node = node_share(source->items[i].node->twin)};
    }
    return true;
}

static bool clone_operations(struct io_memory *clone, const struct io_memory *disk) {
    clone->operations = mem_alloc_zero(disk->operation_count, sizeof(*clone->operations));
    if (clone->operations == NULL) {
        return false;
    }
    clone->operation_capacity = disk->operation_count;
    for (size_t i = 0; i < disk->operation_count; i++) {
        const struct name_operation *source = &disk->operations[i];
        struct name_operation *target = &clone->operations[clone->operation_count++];
        target->node = node_share(source->node->twin);
        target->from = source->from == NULL ? NULL : node_share(source->from->twin);
        target->to = source->to == NULL ? NULL : node_share(source->to->twin);
        target->from_name = source->from_name == NULL ? NULL : mem_strdup(source->from_name);
        target->to_name = source->to_name == NULL ? NULL : mem_strdup(source->to_name);
        if ((source->from_name != NULL && target->from_name == NULL) ||
            (source->to_name != NULL && target->to_name == NULL)) {
            return false;
        }
    }
    return true;
}

/* Holds every node, so that links can be exchanged in any order; nodes_let_go() then frees what nothing else holds. */
static void nodes_hold(struct io_memory *disk) {
    for (struct node *node = disk->oldest; node != NULL; node = node->newer) {
        node_share(node);
    }
}

static void nodes_let_go(struct io_memory *disk) {
    struct node *next;
    for (struct node *node = disk->oldest; node != NULL; node = next) {
        next = node->newer; /* still held, so it outlives this release */
        node_release(disk, node);
    }
}

/* Counts `live` and the bytes anew, from visible names alone. */
static void nodes_recount(struct io_memory *disk) {
    disk->bytes = 0;
    for (struct node *node = disk->oldest; node != NULL; node = node->newer) {
        node->live = 0;
        node->lock_holder = NULL;
    }
    for (struct node *node = disk->oldest; node != NULL; node = node->newer) {
        for (size_t i = 0; i < node->visible.count; i++) {
            node_live(disk, node->visible.items[i].node);
        }
    }
}

struct io_memory *io_memory_clone(const struct io_memory *disk) {
    struct io_memory *clone = mem_alloc_zero(1, sizeof(*clone));
    if (clone == NULL) {
        return NULL;
    }
    pthread_mutex_init(&clone->mutex, NULL);
    disk_lock(disk);
    clone->capacity = disk->capacity;
    bool ok = true;
    for (struct node *node = disk->oldest; ok && node != NULL; node = node->newer) {
        node->twin = node_new(clone, node->directory);
        ok = node->twin != NULL && content_clone(&node->twin->content, &node->content);
    }
    for (struct node *node = disk->oldest; ok && node != NULL; node = node->newer) {
        ok = entries_clone(&node->twin->visible, &node->visible) && entries_clone(&node->twin->durable, &node->durable);
    }
    ok = ok && clone_operations(clone, disk);
    if (ok) {
        clone->root = node_share(disk->root->twin);
    }
    disk_unlock(disk);
    if (!ok) {
        for (size_t i = 0; i < clone->operation_count; i++) {
            struct name_operation *operation = &clone->operations[i];
            mem_free(operation->from_name);
            mem_free(operation->to_name);
        }
        while (clone->oldest != NULL) {
            struct node *node = clone->oldest;
            for (size_t i = 0; i < node->visible.count; i++) {
                mem_free(node->visible.items[i].name);
            }
            for (size_t i = 0; i < node->durable.count; i++) {
                mem_free(node->durable.items[i].name);
            }
            node->references = 0; /* the whole graph goes */
            node_destroy(clone, node);
        }
        mem_free(clone->operations);
        pthread_mutex_destroy(&clone->mutex);
        mem_free(clone);
        return NULL;
    }
    nodes_hold(clone); /* nodes that only a handle held have no place in a disk without handles */
    nodes_let_go(clone);
    nodes_recount(clone);
    return clone;
}

/* Which unsynced name operations survive: of each directory a prefix. */
static void crash_choose_names(struct io_memory *disk, enum io_crash_mode mode, struct prng *prng,
                               struct io_crash_report *report) {
    struct buffer stopped = {0}; /* directories whose prefix has ended */
    for (size_t i = 0; i < disk->operation_count; i++) {
        struct name_operation *operation = &disk->operations[i];
        bool chosen = mode != IO_CRASH_LOSE;
        if (chosen && mode != IO_CRASH_KEEP) {
            struct node **ended = (struct node **)(void *)stopped.bytes;
            for (size_t j = 0; j < stopped.length / sizeof(*ended); j++) {
                chosen = chosen && ended[j] != operation->from && ended[j] != operation->to;
            }
            chosen = chosen && !prng_chance(prng, 1, 3);
            if (!chosen) {
                struct node *pair[2] = {operation->from != NULL ? operation->from : operation->to,
                                        operation->to != NULL ? operation->to : operation->from};
                buffer_append(&stopped, pair, sizeof(pair));
                ASSERT(buffer_ok(&stopped));
            }
        }
        operation->chosen = chosen;
        report->writes_kept += chosen;
        report->writes_lost += !chosen;
    }
    buffer_free(&stopped);
}

/* Chooses one surviving write of all files, each as likely, and tears it; where none survives, one that was lost. */
static void crash_choose_torn(struct io_memory *disk, struct prng *prng) {
    for (int pass = 0; pass < 2; pass++) {
        struct node *chosen = NULL;
        size_t chosen_change = 0;
        uint64_t seen = 0;
        for (struct node *node = disk->oldest; node != NULL; node = node->newer) {
            for (size_t i = 0; i < node->content.change_count; i++) {
                bool survives = content_fate(&node->content, i) != CONTENT_LOST;
                if (survives == (pass == 0) && content_can_tear(&node->content, i) && prng_below(prng, ++seen) == 0) {
                    chosen = node;
                    chosen_change = i;
                }
            }
        }
        if (chosen != NULL) {
            content_tear(&chosen->content, chosen_change);
            return;
        }
    }
}

void io_memory_crash(struct io_memory *disk, enum io_crash_mode mode, struct prng *prng,
                     struct io_crash_report *report) {
    struct io_crash_report unasked;
    report = report != NULL ? report : &unasked;
    *report = (struct io_crash_report){0};
    disk_lock(disk);
    disk->generation++;
    crash_choose_names(disk, mode, prng, report);
    for (struct node *node = disk->oldest; node != NULL; node = node->newer) {
        content_decide(&node->content, mode, prng);
    }
    if (mode == IO_CRASH_TEAR) {
        crash_choose_torn(disk, prng);
    }
    for (struct node *node = disk->oldest; node != NULL; node = node->newer) {
        content_settle(&node->content, prng, report);
    }
    bool applied = operations_apply_chosen(disk);
    ASSERT(applied);
    for (size_t i = 0; i < disk->operation_count; i++) {
        operation_free(disk, &disk->operations[i]);
    }
    disk->operation_count = 0;
    /* What is seen from now on is what was durable. */
    nodes_hold(disk);
    for (struct node *node = disk->oldest; node != NULL; node = node->newer) {
        node->twin = node;
    }
    for (struct node *node = disk->oldest; node != NULL; node = node->newer) {
        entries_clear(disk, &node->visible);
        bool copied = entries_clone(&node->visible, &node->durable);
        ASSERT(copied);
    }
    nodes_let_go(disk);
    nodes_recount(disk);
    disk_unlock(disk);
}

bool io_memory_flip(struct io_memory *disk, const char *path, uint64_t offset, unsigned bit) {
    disk_lock(disk);
    struct node *node = path_node(disk, path);
    bool there = node != NULL && !node->directory && offset < node->content.size;
    bool flipped = there && content_flip(&node->content, offset, bit);
    disk_unlock(disk);
    return flipped;
}

uint64_t io_memory_bytes(const struct io_memory *disk) {
    disk_lock(disk);
    uint64_t bytes = disk->bytes;
    disk_unlock(disk);
    return bytes;
}

void io_memory_set_capacity(struct io_memory *disk, uint64_t capacity_bytes) {
    disk_lock(disk);
    disk->capacity = capacity_bytes;
    disk_unlock(disk);
}

/* ---- the table ---- */

static enum kmb_status not_found(struct kmb_error *error, const char *verb, const char *path) {
    return error_set(error, KMB_FILE_NOT_FOUND, "cannot %s '%s': No such file or directory", verb, path);
}

static enum kmb_status no_memory(struct kmb_error *error, const char *verb, const char *path) {
    return error_set(error, KMB_NO_MEMORY, "cannot %s '%s': out of memory", verb, path);
}

static struct io_memory *disk_of(const struct io *io) {
    return io->context;
}

static enum kmb_status open_locked(struct io_memory *disk, const char *path, unsigned flags, struct io_file *opened,
                                   struct kmb_error *error) {
    struct node *parent;
    struct slice name;
    struct node *node = path_find(disk, path, &parent, &name, NULL, NULL);
    const char *verb = (flags & IO_CREATE) != 0 ? "create" : "open";
    if (node != NULL && (flags & IO_EXCLUSIVE) != 0) {
        return error_set(error, KMB_FILE_EXISTS, "cannot create '%s': File exists", path);
    }
    if (node != NULL && node->directory) {
        return error_set(error, KMB_IO, "cannot %s '%s': Is a directory", verb, path);
    }
    if (node == NULL) {
        if ((flags & IO_CREATE) == 0 || parent == NULL) {
            return not_found(error, verb, path);
        }
        node = node_new(disk, false);
        if (node == NULL) {
            return no_memory(error, verb, path);
        }
        node_share(node);
        bool named = names_change(disk, NULL, slice_make(NULL, 0), parent, name, node);
        node_release(disk, node);
        if (!named) {
            return no_memory(error, verb, path);
        }
    }
    opened->node = node_share(node);
    opened->generation = disk->generation;
    opened->writable = (flags & IO_WRITE) != 0;
    node_live(disk, node);
    return KMB_OK;
}

static enum kmb_status memory_open(const struct io *io, const char *path, unsigned flags, struct io_file **file,
                                   struct kmb_error *error) {
    struct io_memory *disk = disk_of(io);
    struct io_file *opened = mem_alloc_zero(1, sizeof(*opened));
    char *copy = opened == NULL ? NULL : mem_strdup(path);
    if (copy == NULL) {
        mem_free(opened);
        return no_memory(error, "open", path);
    }
    opened->path = copy;
    disk_lock(disk);
    enum kmb_status status = open_locked(disk, path, flags, opened, error);
    disk_unlock(disk);
    if (status != KMB_OK) {
        mem_free(copy);
        mem_free(opened);
        return status;
    }
    *file = opened;
    return KMB_OK;
}

static void memory_close(const struct io *io, struct io_file *file) {
    struct io_memory *disk = disk_of(io);
    disk_lock(disk);
    if (file->generation == disk->generation) {
        if (file->node->lock_holder == file) {
            file->node->lock_holder = NULL;
        }
        node_unlive(disk, file->node);
    }
    node_release(disk, file->node);
    disk_unlock(disk);
    mem_free(file->path);
    mem_free(file);
}

/* Locks the disk and checks that the handle is of this life of the machine; on an error the disk is unlocked. */
static enum kmb_status file_enter(struct io_memory *disk, const struct io_file *file, struct kmb_error *error) {
    disk_lock(disk);
    if (file->generation != disk->generation) {
        disk_unlock(disk);
        return error_set(error, KMB_IO, "the handle of '%s' was opened before the crash", file->path);
    }
    return KMB_OK;
}

static enum kmb_status memory_read(const struct io *io, struct io_file *file, uint64_t offset, void *bytes, size_t size,
                                   size_t *count, struct kmb_error *error) {
    struct io_memory *disk = disk_of(io);
    enum kmb_status status = file_enter(disk, file, error);
    if (status == KMB_OK) {
        *count = content_read(&file->node->content, offset, bytes, size);
        disk_unlock(disk);
    }
    return status;
}

/* The largest size at most `wanted` that the file can have on this disk. */
static uint64_t size_that_fits(const struct io_memory *disk, const struct node *node, uint64_t wanted) {
    uint64_t size = node->content.size;
    if (wanted <= size || disk->capacity == 0) {
        return wanted;
    }
    uint64_t room = disk->capacity > disk->bytes ? disk->capacity - disk->bytes : 0;
    return wanted - size <= room ? wanted : size + room;
}

static enum kmb_status disk_full(const struct io_file *file, const char *verb, struct kmb_error *error) {
    return error_set(error, KMB_DISK_FULL, "cannot %s '%s': No space left on device", verb, file->path);
}

static enum kmb_status memory_write(const struct io *io, struct io_file *file, uint64_t offset, const void *bytes,
                                    size_t size, struct kmb_error *error) {
    ASSERT(file->writable);
    ASSERT(offset <= INT64_MAX && size <= INT64_MAX - offset);
    struct io_memory *disk = disk_of(io);
    enum kmb_status status = file_enter(disk, file, error);
    if (status != KMB_OK || size == 0) {
        if (status == KMB_OK) {
            disk_unlock(disk);
        }
        return status;
    }
    struct content *content = &file->node->content;
    uint64_t size_before = content->size;
    uint64_t fits = size_that_fits(disk, file->node, offset + size);
    size_t part = fits >= offset + size ? size : fits > offset ? (size_t)(fits - offset) : 0;
    bool done = content_write(content, offset, bytes, part);
    disk->bytes += content->size - size_before;
    disk_unlock(disk);
    if (!done) {
        return no_memory(error, "write", file->path);
    }
    return part == size ? KMB_OK : disk_full(file, "write", error);
}

static enum kmb_status memory_sync(const struct io *io, struct io_file *file, struct kmb_error *error) {
    struct io_memory *disk = disk_of(io);
    enum kmb_status status = file_enter(disk, file, error);
    if (status == KMB_OK) {
        content_sync(&file->node->content);
        disk_unlock(disk);
    }
    return status;
}

static enum kmb_status memory_size(const struct io *io, struct io_file *file, uint64_t *size, struct kmb_error *error) {
    struct io_memory *disk = disk_of(io);
    enum kmb_status status = file_enter(disk, file, error);
    if (status == KMB_OK) {
        *size = file->node->content.size;
        disk_unlock(disk);
    }
    return status;
}

static enum kmb_status resize(struct io_memory *disk, struct io_file *file, uint64_t size, const char *verb,
                              struct kmb_error *error) {
    struct content *content = &file->node->content;
    if (size_that_fits(disk, file->node, size) < size) {
        return disk_full(file, verb, error);
    }
    uint64_t size_before = content->size;
    if (!content_resize(content, size)) {
        return no_memory(error, verb, file->path);
    }
    disk->bytes = disk->bytes - size_before + size;
    return KMB_OK;
}

static enum kmb_status memory_truncate(const struct io *io, struct io_file *file, uint64_t size,
                                       struct kmb_error *error) {
    ASSERT(file->writable && size <= INT64_MAX);
    struct io_memory *disk = disk_of(io);
    enum kmb_status status = file_enter(disk, file, error);
    if (status == KMB_OK) {
        status = resize(disk, file, size, "truncate", error);
        disk_unlock(disk);
    }
    return status;
}

static enum kmb_status memory_allocate(const struct io *io, struct io_file *file, uint64_t size,
                                       struct kmb_error *error) {
    ASSERT(file->writable && size <= INT64_MAX);
    struct io_memory *disk = disk_of(io);
    enum kmb_status status = file_enter(disk, file, error);
    if (status == KMB_OK) {
        if (size > file->node->content.size) {
            status = resize(disk, file, size, "allocate space for", error);
        }
        disk_unlock(disk);
    }
    return status;
}

static enum kmb_status rename_locked(struct io_memory *disk, const char *from, const char *to,
                                     struct kmb_error *error) {
    struct node *from_parent;
    struct node *to_parent;
    struct slice from_name;
    struct slice to_name;
    struct node *node = path_find(disk, from, &from_parent, &from_name, NULL, NULL);
    if (node == NULL) {
        return not_found(error, "rename", from);
    }
    bool inside = false;
    struct node *target = path_find(disk, to, &to_parent, &to_name, node, &inside);
    if (to_parent == NULL && target == NULL) {
        return not_found(error, "rename", to);
    }
    if (from_parent == NULL || to_parent == NULL || (inside && node->directory)) {
        return error_set(error, KMB_IO, "cannot rename '%s' to '%s': Invalid argument", from, to);
    }
    if (target == node) {
        return KMB_OK;
    }
    if (target != NULL && node->directory && !target->directory) {
        return error_set(error, KMB_FILE_NOT_FOUND, "cannot rename '%s' to '%s': Not a directory", from, to);
    }
    if (target != NULL && target->directory && (!node->directory || target->visible.count > 0)) {
        return error_set(error, KMB_IO, "cannot rename '%s' to '%s': %s", from, to,
                         node->directory ? "Directory not empty" : "Is a directory");
    }
    return names_change(disk, from_parent, from_name, to_parent, to_name, node) ? KMB_OK
                                                                                : no_memory(error, "rename", from);
}

static enum kmb_status memory_rename(const struct io *io, const char *from, const char *to, struct kmb_error *error) {
    struct io_memory *disk = disk_of(io);
    disk_lock(disk);
    enum kmb_status status = rename_locked(disk, from, to, error);
    disk_unlock(disk);
    return status;
}

static enum kmb_status memory_unlink(const struct io *io, const char *path, struct kmb_error *error) {
    struct io_memory *disk = disk_of(io);
    disk_lock(disk);
    struct node *parent;
    struct slice name;
    struct node *node = path_find(disk, path, &parent, &name, NULL, NULL);
    enum kmb_status status = KMB_OK;
    if (node == NULL) {
        status = not_found(error, "remove", path);
    } else if (parent == NULL) {
        status = error_set(error, KMB_IO, "cannot remove '%s': Device or resource busy", path);
    } else if (node->visible.count > 0) {
        status = error_set(error, KMB_IO, "cannot remove '%s': Directory not empty", path);
    } else if (!names_change(disk, parent, name, NULL, slice_make(NULL, 0), node)) {
        status = no_memory(error, "remove", path);
    }
    disk_unlock(disk);
    return status;
}

static enum kmb_status memory_make_directory(const struct io *io, const char *path, struct kmb_error *error) {
    struct io_memory *disk = disk_of(io);
    disk_lock(disk);
    struct node *parent;
    struct slice name;
    struct node *node = path_find(disk, path, &parent, &name, NULL, NULL);
    enum kmb_status status = KMB_OK;
    if (node != NULL) {
        if (!node->directory) {
            status = error_set(error, KMB_FILE_EXISTS, "cannot create directory '%s': File exists", path);
        }
    } else if (parent == NULL) {
        status = not_found(error, "create directory", path);
    } else {
        node = node_new(disk, true);
        if (node != NULL) {
            node_share(node);
        }
        if (node == NULL || !names_change(disk, NULL, slice_make(NULL, 0), parent, name, node)) {
            status = no_memory(error, "create directory", path);
        }
        if (node != NULL) {
            node_release(disk, node);
        }
    }
    disk_unlock(disk);
    return status;
}

static enum kmb_status memory_sync_directory(const struct io *io, const char *path, struct kmb_error *error) {
    struct io_memory *disk = disk_of(io);
    disk_lock(disk);
    struct node *node = path_node(disk, path);
    enum kmb_status status = KMB_OK;
    if (node == NULL || !node->directory) {
        status = not_found(error, "open directory", path);
    } else {
        operations_choose_for(disk, node);
        if (!operations_apply_chosen(disk)) {
            status = no_memory(error, "sync directory", path);
        }
    }
    disk_unlock(disk);
    return status;
}

static enum kmb_status memory_list(const struct io *io, const char *path,
                                   enum kmb_status (*each)(void *context, const char *name, bool directory),
                                   void *context, struct kmb_error *error) {
    struct io_memory *disk = disk_of(io);
    struct buffer names = {0}; /* for each entry: 'd' or 'f', the name, a zero */
    disk_lock(disk);
    struct node *node = path_node(disk, path);
    bool found = node != NULL && node->directory;
    for (size_t i = 0; found && i < node->visible.count; i++) {
        const struct entry *entry = &node->visible.items[i];
        buffer_append_byte(&names, entry->node->directory ? 'd' : 'f');
        buffer_append(&names, entry->name, strlen(entry->name) + 1);
    }
    disk_unlock(disk);
    enum kmb_status status = KMB_OK;
    if (!found) {
        status = not_found(error, "list directory", path);
    } else if (!buffer_ok(&names)) {
        status = no_memory(error, "list directory", path);
    }
    const char *at = (const char *)names.bytes;
    const char *end = names.length == 0 ? at : at + names.length;
    while (status == KMB_OK && at != end) {
        status = each(context, at + 1, at[0] == 'd');
        at += strlen(at) + 1;
    }
    buffer_free(&names);
    return status;
}

static enum kmb_status memory_exists(const struct io *io, const char *path, bool *exists, struct kmb_error *error) {
    (void)error;
    struct io_memory *disk = disk_of(io);
    disk_lock(disk);
    *exists = path_node(disk, path) != NULL;
    disk_unlock(disk);
    return KMB_OK;
}

static enum kmb_status memory_lock(const struct io *io, struct io_file *file, const char *note,
                                   struct kmb_error *error) {
    ASSERT(file->writable);
    struct io_memory *disk = disk_of(io);
    enum kmb_status status = file_enter(disk, file, error);
    if (status != KMB_OK) {
        return status;
    }
    if (file->node->lock_holder != NULL && file->node->lock_holder != file) {
        char held[LOCK_NOTE_MAX + 1];
        size_t length = content_read(&file->node->content, 0, held, LOCK_NOTE_MAX);
        held[length] = 0;
        held[strcspn(held, "\n")] = 0;
        disk_unlock(disk);
        error_set(error, KMB_LOCKED, "'%s' is in use by another handle", file->path);
        error_detail(error, held[0] == 0 ? "the holder left no note" : "held by %s", held);
        error_hint(error, "close the other handle or stop that process");
        return KMB_LOCKED;
    }
    file->node->lock_holder = file;
    disk_unlock(disk);
    char line[LOCK_NOTE_MAX + 1];
    size_t kept = strlen(note) < LOCK_NOTE_MAX ? strlen(note) : LOCK_NOTE_MAX;
    memcpy(line, note, kept);
    line[kept] = '\n';
    status = memory_truncate(io, file, 0, error);
    return status == KMB_OK ? memory_write(io, file, 0, line, kept + 1, error) : status;
}

static void memory_forget_unsynced(const struct io *io, struct io_file *file) {
    struct io_memory *disk = disk_of(io);
    if (file_enter(disk, file, NULL) != KMB_OK) {
        return;
    }
    struct content *content = &file->node->content;
    uint64_t size_before = content->size;
    struct io_crash_report report = {0};
    content_decide(content, IO_CRASH_LOSE, NULL);
    content_settle(content, NULL, &report);
    disk->bytes = disk->bytes - size_before + content->size;
    disk_unlock(disk);
}

struct io io_memory_table(struct io_memory *disk) {
    static const struct io_ops ops = {
        .open = memory_open,
        .close = memory_close,
        .read = memory_read,
        .write = memory_write,
        .sync = memory_sync,
        .size = memory_size,
        .truncate = memory_truncate,
        .allocate = memory_allocate,
        .rename = memory_rename,
        .unlink = memory_unlink,
        .make_directory = memory_make_directory,
        .sync_directory = memory_sync_directory,
        .list = memory_list,
        .exists = memory_exists,
        .lock = memory_lock,
        .forget_unsynced = memory_forget_unsynced,
    };
    return (struct io){.ops = &ops, .context = disk};
}
