/*
 * The insides of a transaction, shared by its life (transaction.c), its rows (write.c), its definitions (alter.c), its
 * streams and facts (append.c) and its commit (commit.c).
 */
#ifndef KMB_KERNEL_TRANSACTION_INTERNAL_H
#define KMB_KERNEL_TRANSACTION_INTERNAL_H

#include "kernel/internal.h"

struct transaction_part {
    struct buffer body;
    uint64_t position_before;
};

/* Where a sequence stands under one version of its definition. */
struct transaction_sequence {
    struct table_id id;
    struct kernel_sequence state;
};

/* A place to come back to. */
struct kernel_mark {
    struct store_root *root;
    const struct catalogue *catalogue;
    struct kernel_facts facts;
    struct buffer facts_text;
    uint64_t position;
    uint32_t part_count;
    uint32_t deferral_count;
    size_t tail_length;
    size_t watched_length;
};

/* What it holds is given back, not its own memory. */
void transaction_mark_clear(struct kernel_mark *mark);

/* SET CONSTRAINTS of one foreign key, or (table 0) of all. */
struct transaction_deferral {
    struct table_id table;
    struct constraint_id key;
    bool deferred;
};

struct kernel_transaction {
    struct kernel_state *base;
    struct evolver evolver;  /* its fork is NULL while nothing changed since `root` was frozen */
    struct store_root *root; /* what the fork came from */
    struct transaction_part *parts;
    uint32_t part_count;
    uint32_t part_capacity;
    struct event_writer writer; /* the batch that is open at the end of the last part */
    bool writing;
    struct table_id writing_table;
    struct kernel_row_ids row_ids;
    struct transaction_sequence *sequences; /* what was taken; outlives the marks */
    uint32_t sequence_count;
    uint32_t sequence_capacity;
    struct transaction_deferral *deferrals; /* the last that names a key holds */
    uint32_t deferral_count;
    struct kernel_reads *reads;  /* of a serializable one, else NULL */
    struct kernel_reads *relied; /* tables it relies on as a whole; NULL: none */
    struct buffer watched;       /* rows it relies on: table, key, one behind the other */
    struct kernel_guard guard;
    bool moved;             /* with rows written: what refers to them is to be looked at again */
    enum kmb_status broken; /* a change failed half-way: only rolling back or discarding is left */
    bool prepared;
    uint32_t entries_done;
    struct kernel_entry newest; /* of the state the transaction will make */
    struct merkle_frontier frontier;
    struct buffer key; /* of the row being written */
    struct buffer image;
    struct buffer ordered; /* its values in the order of the image */
    struct buffer frame;
};

enum kmb_status transaction_check(struct kernel_transaction *transaction, struct kmb_error *error);
/* There is a fork to change. */
enum kmb_status transaction_fork(struct kernel_transaction *transaction, struct kmb_error *error);
/* The changes so far become `root`. */
enum kmb_status transaction_freeze(struct kernel_transaction *transaction, struct kmb_error *error);
enum kmb_status transaction_writer_end(struct kernel_transaction *transaction, struct kmb_error *error);
/* Room for `bytes` more in the last part, which is begun anew when they do not fit. */
enum kmb_status transaction_room(struct kernel_transaction *transaction, size_t bytes, struct kmb_error *error);
static inline struct buffer *transaction_tail(struct kernel_transaction *transaction) {
    return &transaction->parts[transaction->part_count - 1].body;
}
/* A change failed after it was begun. Returns its status. */
enum kmb_status transaction_break(struct kernel_transaction *transaction, enum kmb_status status);
/* The transaction's own version of the table the caller bound to. KMB_SERIALIZATION when it has changed. */
enum kmb_status transaction_table(struct kernel_transaction *transaction, const struct table_definition *bound,
                                  const struct catalogue_table **table, struct kmb_error *error);
/* Writes an event that is no batch, and evolves it. On failure the transaction is as before. */
enum kmb_status transaction_emit(struct kernel_transaction *transaction, const struct event *event,
                                 struct kmb_error *error);
/* A view of the transaction as it is now that notes nothing as read, for what commit looks at again anyway. */
enum kmb_status transaction_view_unnoted(struct kernel_transaction *transaction, struct kernel_view **view,
                                         struct kmb_error *error);
/* After definitions changed: the transaction's catalogue gets a number of its own. */
enum kmb_status transaction_defined(struct kernel_transaction *transaction, struct kmb_error *error);

/* Whether what it wrote and relies on is in `head` as it is in its base: KMB_SERIALIZATION (commit.c). */
enum kmb_status transaction_validate(struct kernel_transaction *transaction, struct kernel_state *head,
                                     struct kmb_error *error);
/* Asks the guard for the row that is about to be written, or for the unique keys it will have (move.c). */
enum kmb_status transaction_claim_row(struct kernel_transaction *transaction, struct table_id table, struct slice key,
                                      enum kernel_claim_mode mode, struct kmb_error *error);
/* How to claim the row in old_value that gets these values: does a key change that a foreign key may refer to? That is
 * the primary key aside. */
enum kmb_status transaction_update_mode(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                        const struct value *values, enum kernel_claim_mode *mode,
                                        struct kmb_error *error);
enum kmb_status transaction_claim_keys(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                       const struct value *values, struct kmb_error *error);
/* Or for those that the row in old_value has and, given its new values, leaves: who wants one finds it free only when
 * the transaction has committed. */
enum kmb_status transaction_claim_left(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                       const struct value *values, struct kmb_error *error);

/* Rolled back to a mark: what was taken under definitions that are undone is forgotten. */
void transaction_sequences_rewind(struct kernel_transaction *transaction);
/* Writes the events of what was taken, as the last of the body. */
enum kmb_status transaction_sequences_emit(struct kernel_transaction *transaction, struct kmb_error *error);

/* Deferred foreign keys, at the end of the body; all of them, when it was evolved again on another head. */
enum kmb_status transaction_check_deferred(struct kernel_transaction *transaction, struct kmb_error *error);
enum kmb_status transaction_check_rebased(struct kernel_transaction *transaction, struct kmb_error *error);
/* Whether rows that refer to what a claim is of have come since the transaction's state. */
enum kmb_status kernel_children_came(const struct kernel_children *children, struct kernel_state *newer, bool *came,
                                     struct kmb_error *error);
/* All rows of a child. */
enum kmb_status transaction_check_foreign_key(struct kernel_transaction *transaction,
                                              const struct table_definition *table,
                                              const struct foreign_key_definition *key, struct kmb_error *error);
bool kernel_reference_deferred(const struct kernel_transaction *transaction, struct table_id table,
                               const struct foreign_key_definition *key);

/* "duplicate key value violates unique constraint ..." of evolver.clash, with PostgreSQL's detail. */
enum kmb_status write_duplicate(const struct catalogue_table *table, struct index_id index, const struct value *values,
                                struct kmb_error *error);
/* "(a, b)=(1, x)" of a key */
void write_describe_key(const struct catalogue_table *table, const struct key_plan *plan, const struct value *values,
                        struct buffer *text);

#endif
