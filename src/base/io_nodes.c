/*
 * Names, and when they become durable.
 *
 * Each directory has its visible entries and its durable ones, and every create, rename and remove is an operation in
 * one list until a sync of its directory makes it durable. Names of one directory become durable in the order of the
 * operations (file systems journal them so), but independently of other directories and of file content: after a crash
 * a directory has kept some prefix of its unsynced operations. A rename is one operation, so it is there whole or not
 * at all, even between two directories.
 *
 * Nodes (files and directories) are counted by visible entries, durable entries, pending operations and open handles.
 * They also stand in one list in the order of their creation: whatever walks all nodes, walks them in an order that
 * depends on the program alone, so that a seed repeats.
 */
#include "base/io_nodes.h"

#include <string.h>

#include "base/assert.h"
#include "base/memory.h"

/* The place of a name, or where it would go. */
static size_t entries_find(const struct entries *entries, struct slice name, bool *found) {
    size_t low = 0;
    size_t high = entries->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(slice_text(entries->items[middle].name), name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *found = false;
    return low;
}

static struct node *entries_get(const struct entries *entries, struct slice name) {
    bool found;
    size_t at = entries_find(entries, name, &found);
    return found ? entries->items[at].node : NULL;
}

bool entries_reserve(struct entries *entries, size_t extra) {
    if (entries->count + extra <= entries->capacity) {
        return true;
    }
    size_t capacity = entries->count + extra < 8 ? 8 : (entries->count + extra) * 2;
    struct entry *items = mem_realloc(entries->items, capacity * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    entries->items = items;
    entries->capacity = capacity;
    return true;
}

struct node *node_share(struct node *node) {
    node->references++;
    return node;
}

/* Takes over the name; room is reserved. Answers the node that had the name, whose reference passes to the caller. */
static struct node *entries_put(struct entries *entries, char *name, struct node *node) {
    bool found;
    size_t at = entries_find(entries, slice_text(name), &found);
    node_share(node);
    if (found) {
        struct node *replaced = entries->items[at].node;
        entries->items[at].node = node;
        mem_free(name);
        return replaced;
    }
    ASSERT(entries->count < entries->capacity);
    memmove(&entries->items[at + 1], &entries->items[at], (entries->count - at) * sizeof(*entries->items));
    entries->items[at] = (struct entry){.name = name, .node = node};
    entries->count++;
    return NULL;
}

/* Answers the node that had the name (reference passes to the caller), or NULL. */
static struct node *entries_remove(struct entries *entries, const char *name) {
    bool found;
    size_t at = entries_find(entries, slice_text(name), &found);
    if (!found) {
        return NULL;
    }
    struct node *node = entries->items[at].node;
    mem_free(entries->items[at].name);
    entries->count--;
    memmove(&entries->items[at], &entries->items[at + 1], (entries->count - at) * sizeof(*entries->items));
    return node;
}

struct node *node_new(struct io_memory *disk, bool directory) {
    struct node *node = mem_alloc_zero(1, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->directory = directory;
    node->older = disk->newest;
    if (disk->newest != NULL) {
        disk->newest->newer = node;
    } else {
        disk->oldest = node;
    }
    disk->newest = node;
    return node;
}

/* Takes a node without references out of the list and frees it, all but its entries' targets. */
void node_destroy(struct io_memory *disk, struct node *node) {
    ASSERT(node->references == 0);
    if (node->older != NULL) {
        node->older->newer = node->newer;
    } else {
        disk->oldest = node->newer;
    }
    if (node->newer != NULL) {
        node->newer->older = node->older;
    } else {
        disk->newest = node->older;
    }
    content_free(&node->content);
    mem_free(node->visible.items);
    mem_free(node->durable.items);
    mem_free(node);
}

void entries_clear(struct io_memory *disk, struct entries *entries) {
    while (entries->count > 0) {
        struct entry *last = &entries->items[--entries->count];
        mem_free(last->name);
        node_release(disk, last->node);
    }
}

/* Gives back one reference. Depth of the recursion is the depth of a directory tree that died as a whole. */
void node_release(struct io_memory *disk, struct node *node) {
    ASSERT(node->references > 0);
    if (--node->references > 0) {
        return;
    }
    entries_clear(disk, &node->visible);
    entries_clear(disk, &node->durable);
    node_destroy(disk, node);
}

void node_live(struct io_memory *disk, struct node *node) {
    if (node->live++ == 0) {
        disk->bytes += node->content.size;
    }
}

void node_unlive(struct io_memory *disk, struct node *node) {
    ASSERT(node->live > 0);
    if (--node->live == 0) {
        ASSERT(disk->bytes >= node->content.size);
        disk->bytes -= node->content.size;
    }
}

/* ---- paths ---- */

/* The next part of a path, '.' parts left out; false at the end. */
static bool path_part(const char **path, struct slice *part) {
    for (;;) {
        while (**path == '/') {
            (*path)++;
        }
        size_t length = strcspn(*path, "/");
        if (length == 0) {
            return false;
        }
        *part = slice_make(*path, length);
        *path += length;
        if (!slice_equal_text(*part, ".")) {
            return true;
        }
    }
}

struct node *path_find(const struct io_memory *disk, const char *path, struct node **parent, struct slice *name,
                       const struct node *passing, bool *passed) {
    struct node *node = disk->root;
    *parent = NULL;
    *name = slice_make(NULL, 0);
    struct slice part;
    while (path_part(&path, &part)) {
        if (passing != NULL && node == passing) {
            *passed = true;
        }
        if (node == NULL || !node->directory) {
            *parent = NULL;
            return NULL;
        }
        *parent = node;
        *name = part;
        node = entries_get(&node->visible, part);
    }
    return node;
}

struct node *path_node(const struct io_memory *disk, const char *path) {
    struct node *parent;
    struct slice name;
    return path_find(disk, path, &parent, &name, NULL, NULL);
}

/* ---- name operations ---- */

static char *name_dup(struct slice name) {
    char *copy = mem_alloc(name.length + 1);
    if (copy != NULL) {
        memcpy(copy, name.bytes, name.length);
        copy[name.length] = 0;
    }
    return copy;
}

void operation_free(struct io_memory *disk, struct name_operation *operation) {
    if (operation->from != NULL) {
        node_release(disk, operation->from);
    }
    if (operation->to != NULL) {
        node_release(disk, operation->to);
    }
    node_release(disk, operation->node);
    mem_free(operation->from_name);
    mem_free(operation->to_name);
    *operation = (struct name_operation){0};
}

bool names_change(struct io_memory *disk, struct node *from, struct slice from_name, struct node *to,
                  struct slice to_name, struct node *node) {
    char *from_copy = from == NULL ? NULL : name_dup(from_name);
    char *to_copy = to == NULL ? NULL : name_dup(to_name);
    char *entry_name = to == NULL ? NULL : name_dup(to_name);
    bool ok = (from == NULL || from_copy != NULL) && (to == NULL || (to_copy != NULL && entry_name != NULL));
    ok = ok && (to == NULL || entries_reserve(&to->visible, 1));
    if (ok && disk->operation_count == disk->operation_capacity) {
        size_t capacity = disk->operation_capacity == 0 ? 16 : disk->operation_capacity * 2;
        struct name_operation *operations = mem_realloc(disk->operations, capacity * sizeof(*operations));
        ok = operations != NULL;
        if (ok) {
            disk->operations = operations;
            disk->operation_capacity = capacity;
        }
    }
    if (!ok) {
        mem_free(from_copy);
        mem_free(to_copy);
        mem_free(entry_name);
        return false;
    }
    disk->operations[disk->operation_count++] = (struct name_operation){.from = from == NULL ? NULL : node_share(from),
                                                                        .to = to == NULL ? NULL : node_share(to),
                                                                        .node = node_share(node),
                                                                        .from_name = from_copy,
                                                                        .to_name = to_copy};
    if (to != NULL) {
        struct node *replaced = entries_put(&to->visible, entry_name, node);
        node_live(disk, node);
        if (replaced != NULL) {
            node_unlive(disk, replaced);
            node_release(disk, replaced);
        }
    }
    if (from != NULL) {
        struct node *removed = entries_remove(&from->visible, from_copy);
        ASSERT(removed == node);
        node_unlive(disk, removed);
        node_release(disk, removed);
    }
    return true;
}

/* Makes one operation durable; room in the target's entries is reserved. */
static void operation_apply(struct io_memory *disk, struct name_operation *operation) {
    if (operation->from != NULL) {
        struct node *removed = entries_remove(&operation->from->durable, operation->from_name);
        if (removed != NULL) {
            node_release(disk, removed);
        }
    }
    if (operation->to != NULL) {
        struct node *replaced = entries_put(&operation->to->durable, operation->to_name, operation->node);
        operation->to_name = NULL;
        if (replaced != NULL) {
            node_release(disk, replaced);
        }
    }
}

bool operations_apply_chosen(struct io_memory *disk) {
    for (size_t i = 0; i < disk->operation_count; i++) {
        struct name_operation *operation = &disk->operations[i];
        if (operation->chosen && operation->to != NULL &&
            !entries_reserve(&operation->to->durable, disk->operation_count)) {
            return false;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < disk->operation_count; i++) {
        struct name_operation operation = disk->operations[i];
        if (operation.chosen) {
            operation_apply(disk, &operation);
            operation_free(disk, &operation);
        } else {
            disk->operations[kept++] = operation;
        }
    }
    disk->operation_count = kept;
    return true;
}

void operations_choose_for(struct io_memory *disk, struct node *directory) {
    for (struct node *node = disk->oldest; node != NULL; node = node->newer) {
        node->twin = NULL; /* here: not NULL marks a directory that is taken in */
    }
    directory->twin = directory;
    for (size_t i = disk->operation_count; i-- > 0;) {
        struct name_operation *operation = &disk->operations[i];
        operation->chosen = (operation->from != NULL && operation->from->twin != NULL) ||
                            (operation->to != NULL && operation->to->twin != NULL);
        if (operation->chosen && operation->from != NULL && operation->to != NULL) {
            operation->from->twin = operation->from;
            operation->to->twin = operation->to;
        }
    }
}
