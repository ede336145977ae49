/*
 * Files, directories and names of the disk in memory: what is visible, what is durable, what lies between.
 *
 * Not thread-safe; the disk's lock covers it. Private to io_nodes.c and io_memory.c.
 */
#ifndef KMB_BASE_IO_NODES_H
#define KMB_BASE_IO_NODES_H

#include <pthread.h>

#include "base/io_content.h"

struct node;

struct entry {
    char *name;
    struct node *node;
};

/* Sorted by name. */
struct entries {
    struct entry *items;
    size_t count;
    size_t capacity;
};

struct node {
    struct node *newer; /* list of all nodes, oldest first */
    struct node *older;
    bool directory;
    size_t references; /* entries of both kinds, operations, handles; the root has one of its own */
    size_t live;       /* visible entries and valid handles: while there are any, the size counts */
    struct entries visible;
    struct entries durable;
    struct content content;
    struct io_file *lock_holder;
    struct node *twin; /* during a clone */
};

/* An unsynced change of names: from, to, or both (rename). */
struct name_operation {
    struct node *from;
    struct node *to;
    struct node *node;
    char *from_name;
    char *to_name;
    bool chosen;
};

struct io_memory {
    pthread_mutex_t mutex;
    struct node *oldest;
    struct node *newest;
    struct node *root;
    struct name_operation *operations; /* oldest first */
    size_t operation_count;
    size_t operation_capacity;
    uint64_t capacity; /* 0: unlimited */
    uint64_t bytes;    /* sizes of live files */
    uint64_t generation;
};

bool entries_reserve(struct entries *entries, size_t extra);
void entries_clear(struct io_memory *disk, struct entries *entries);

struct node *node_new(struct io_memory *disk, bool directory); /* no references yet; NULL: no memory */
struct node *node_share(struct node *node);
void node_release(struct io_memory *disk, struct node *node);
void node_destroy(struct io_memory *disk, struct node *node); /* frees a node without references, and nothing else */
void node_live(struct io_memory *disk, struct node *node);
void node_unlive(struct io_memory *disk, struct node *node);

/*
 * Follows a path. *parent is the directory of the last part and *name that part (both empty for the root itself); the
 * answer is the node or NULL. *parent is NULL when a directory on the way is missing. Where `passing` is not NULL,
 * *passed becomes true when that node is a directory on the way.
 */
struct node *path_find(const struct io_memory *disk, const char *path, struct node **parent, struct slice *name,
                       const struct node *passing, bool *passed);
struct node *path_node(const struct io_memory *disk, const char *path);

/*
 * Changes visible names and records the operation, or does nothing when memory is out. An absent side has a NULL node.
 */
bool names_change(struct io_memory *disk, struct node *from, struct slice from_name, struct node *to,
                  struct slice to_name, struct node *node);
void operation_free(struct io_memory *disk, struct name_operation *operation);
/* Applies the chosen operations in order and forgets them; false when memory is out, then nothing happened. */
bool operations_apply_chosen(struct io_memory *disk);
/*
 * Chooses the operations of a directory, and those that must come before them: a rename from another directory needs
 * what happened there earlier, so the walk goes backwards and takes directories in as it meets them.
 */
void operations_choose_for(struct io_memory *disk, struct node *directory);

#endif
