/*
 * Folding events into state: the only code that changes rows, indexes, catalogue and streams. A transaction calls it
 * for its own events as it decides them, a replica, a restart and a rebuild for those of the log: so the state is the
 * same by construction.
 *
 * Deterministic; knows no clock, no SQL. It cannot refuse events that a healthy kernel wrote; bytes that none wrote
 * answer KMB_CORRUPT or KMB_FORMAT_VERSION and leave a fork fit only to be discarded.
 *
 *     kernel_fold_begin(state) -> { kernel_fold_body, kernel_fold_entry } per entry -> kernel_fold_end -> state
 *
 * One thread at a time.
 */
#ifndef KMB_KERNEL_EVOLVE_H
#define KMB_KERNEL_EVOLVE_H

#include "kernel/state.h"
#include "log/entry.h"

/*
 * Asked now and then by what may take long while a transaction decides (filling an index, looking at all rows of a
 * table); an answer other than KMB_OK ends it with that. ask NULL: nobody. Never asked while the log is folded.
 */
struct kernel_interrupt {
    enum kmb_status (*ask)(void *context, struct kmb_error *error);
    void *context;
};

struct kernel_fold;

/* Starts on a private fork of root; state: the tenant's at that root (as kernel_state_open gives it). */
enum kmb_status kernel_fold_begin(struct kernel_state *state, struct kernel_fold **fold, struct kmb_error *error);

/*
 * Evolves the plain body of the next entry of the tenant, then records the entry. entry: decoded header (sequence,
 * positions, time, flags are checked against state and body: KMB_CORRUPT); op: the block that holds it; hash: of the
 * entry. In a rebuild: for each entry in order.
 */
enum kmb_status kernel_fold_entry(struct kernel_fold *fold, const struct log_entry *entry, uint64_t op,
                                  const struct hash256 *hash, struct slice body, struct kmb_error *error);

/* Freezes and answers the new state, held for the caller; the fold is gone whatever the answer. */
enum kmb_status kernel_fold_end(struct kernel_fold *fold, struct kernel_state **state, struct kmb_error *error);
void kernel_fold_discard(struct kernel_fold *fold); /* NULL is fine */

/* A fold that runs long may be frozen now and then by ending and beginning anew; also to switch tenants: begin on
 * kernel_state_move(other tenant's state, new root). */

#endif
