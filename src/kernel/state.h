/*
 * The state of one tenant at one store root: where its log stands and what its catalogue is. Immutable, counted, cheap
 * to hold; it pins the root. What the engine publishes after a commit, what views and transactions are made from.
 */
#ifndef KMB_KERNEL_STATE_H
#define KMB_KERNEL_STATE_H

#include "crypto/merkle.h"
#include "kernel/catalogue.h"
#include "store/store.h"
#include "types/event.h"

/* Facts of the tenant itself, from its events. Texts live as long as the state. */
struct kernel_facts {
    bool exists;  /* a tenant-created event was evolved */
    bool deleted; /* and a tenant-deleted one: nothing is read or written any more */
    struct slice name;
    struct key_version checkpoint_key; /* 0: none set yet */
    uint8_t checkpoint_verifier[32];
    int64_t clock_accepted_us; /* newest clock-accepted event: the commit time floor it lifted; 0 none */
};

struct kernel_transaction;

struct kernel_state {
    struct tenant_id tenant;
    struct store_root *root;
    const struct catalogue *catalogue;
    struct kernel_facts facts;
    uint64_t position;         /* data events so far */
    uint64_t sequence;         /* entries so far: the newest entry's number */
    int64_t time_us;           /* its commit time; INT64_MIN when there is none */
    struct hash256 entry_hash; /* of the newest entry; all zero when there is none */
    /* private */
    _Atomic uint32_t references;
    struct buffer text;
    struct merkle_frontier frontier;
    const struct kernel_transaction *own; /* the transaction whose private state this is, or NULL */
};

/*
 * Reads the state of a tenant at a root (which it retains). previous may be NULL: an older state of the tenant whose
 * catalogue is shared when it is unchanged. A tenant without entries gives an empty state with facts.exists false.
 * KMB_CORRUPT, KMB_PROJECTION_DAMAGED, KMB_NO_MEMORY.
 */
enum kmb_status kernel_state_open(struct store_root *root, struct tenant_id tenant, const struct kernel_state *previous,
                                  struct kernel_state **state, struct kmb_error *error);
/* Whether the tenant was deleted: one look, without its catalogue. */
enum kmb_status kernel_tenant_is_deleted(struct store_view view, uint32_t tenant, bool *deleted,
                                         struct kmb_error *error);
/* The same state at a root that differs only in other tenants. O(1). NULL: no memory. */
struct kernel_state *kernel_state_move(const struct kernel_state *state, struct store_root *root);
struct kernel_state *kernel_state_retain(struct kernel_state *state); /* its argument */
void kernel_state_release(struct kernel_state *state);                /* NULL is fine */

/* --- requests that were answered ---------------------------------------------------------------------------------- */

#define KERNEL_ANSWERS_KEPT 10000 /* of a tenant: the newest */

struct kernel_answer {
    uint64_t position;                    /* of the tenant after what the request did */
    struct event_request_answered stored; /* but for its key */
};

/* What was answered to the request of that key; bytes are the arena's. */
enum kmb_status kernel_answer_find(const struct kernel_state *state, struct slice key, struct arena *arena,
                                   struct kernel_answer *answer, bool *found, struct kmb_error *error);

/* --- entries, time, proofs ------------------------------------------------------------------------------------ */

/* What the store keeps of an entry of the log. */
struct kernel_entry {
    uint64_t sequence; /* from 1 */
    uint64_t position_before;
    uint64_t position_after;
    int64_t time_us;
    uint64_t op;    /* block of the shard's log that holds it */
    bool last_part; /* a transaction ends here */
    struct hash256 hash;
};

/* KMB_USAGE when sequence is 0 or above the state's. */
enum kmb_status kernel_entry_at(const struct kernel_state *state, uint64_t sequence, struct kernel_entry *entry,
                                struct kmb_error *error);
/* The entry that holds data event `position` (1..state->position). */
enum kmb_status kernel_entry_of_position(const struct kernel_state *state, uint64_t position,
                                         struct kernel_entry *entry, struct kmb_error *error);
/*
 * The last transaction committed at or before a time (S-113): its last entry. Never part of a transaction.
 * KMB_TIME_BEFORE_HISTORY with S-114's messages where there is none. A time after the newest entry answers the newest:
 * whether that is the future is the engine's to know.
 */
enum kmb_status kernel_entry_at_time(const struct kernel_state *state, int64_t time_us, struct kernel_entry *entry,
                                     struct kmb_error *error);

/* The tenant's Merkle tree over its first `size` entry hashes (RFC 6962); size <= state->sequence, else KMB_USAGE. */
enum kmb_status kernel_merkle_root(const struct kernel_state *state, uint64_t size, struct hash256 *root,
                                   struct kmb_error *error);
enum kmb_status kernel_merkle_inclusion(const struct kernel_state *state, uint64_t sequence, uint64_t size,
                                        struct merkle_proof *proof, struct kmb_error *error);
enum kmb_status kernel_merkle_consistency(const struct kernel_state *state, uint64_t old_size, uint64_t size,
                                          struct merkle_proof *proof, struct kmb_error *error);

/* Equal live and rebuilt: a sum of BLAKE3 over rows, catalogue, streams and entries; O(1). */
enum kmb_status kernel_state_hash(const struct kernel_state *state, struct hash256 *hash, struct kmb_error *error);

#endif
