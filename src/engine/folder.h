/*
 * Folding a log into state: entries of any tenants, in log order, evolved on a store. What opening does with the tail
 * of the log, a rebuild with all of it, and verification into a store of its own to compare.
 *
 * One thread at a time.
 */
#ifndef KMB_ENGINE_FOLDER_H
#define KMB_ENGINE_FOLDER_H

#include "base/map.h"
#include "kernel/evolve.h"
#include "log/reader.h"

struct folder {
    struct store_root *root; /* the state so far, without the running fold; held */
    struct map states;       /* tenant id -> struct kernel_state *, held; those that were folded */
    struct kernel_fold *fold;
    struct tenant_id tenant; /* of the running fold */
    uint64_t fold_bytes;
    uint64_t entries;
    int64_t time_last_us; /* newest commit time folded */
};

/* Starts at root, which it takes over. */
void folder_init(struct folder *folder, struct store_root *root);
enum kmb_status folder_entry(struct folder *folder, const struct log_reader_entry *entry, struct slice plain,
                             struct kmb_error *error);
/* Ends the running fold: root and states are whole. */
enum kmb_status folder_flush(struct folder *folder, struct kmb_error *error);
/* The state of a tenant after folder_flush(), borrowed; NULL: none was folded. */
struct kernel_state *folder_state(const struct folder *folder, struct tenant_id tenant);
void folder_free(struct folder *folder);

#endif
