/*
 * What a serializable transaction has read: ranges of keys, of tables and of their indexes, and streams; the rows that
 * were not there are in them as those that were. Views of the transaction note here what their scans and gets pass, so
 * that no operator above them can forget it; the commit asks whether all of it still reads the same.
 *
 * Bounded: at most KERNEL_READS_MAX ranges with bounds of KERNEL_READS_BOUND bytes. What does not fit is widened
 * (neighbours become one range, longer bounds their prefixes, at last everything) and never lost; without memory, too.
 * A wider range can only refuse a commit that might have stood.
 *
 * One thread at a time, that of the transaction. Counted: a view may outlive its transaction.
 */
#ifndef KMB_KERNEL_READS_H
#define KMB_KERNEL_READS_H

#include "kernel/state.h"

#define KERNEL_READS_MAX   4096 /* with their bounds less than a megabyte a transaction */
#define KERNEL_READS_BOUND 80   /* a key of a few columns */

struct kernel_reads;
struct kernel_transaction;

enum kernel_read_kind {
    KERNEL_READ_ROWS,    /* by the key of a table, or of its index */
    KERNEL_READ_HISTORY, /* of a table: what came and went counts too */
    KERNEL_READ_STREAM,
};

struct kernel_reads *kernel_reads_new(void); /* NULL: no memory */
struct kernel_reads *kernel_reads_retain(struct kernel_reads *reads);
void kernel_reads_release(struct kernel_reads *reads); /* NULL is fine */

/*
 * [low, high) was read, keys without the object's prefix: of a table in key order (index 0), of its index (columns,
 * then the row's key), or of a stream (bounds empty). An empty high: to the end. reads NULL: nothing is noted.
 */
void kernel_reads_add(struct kernel_reads *reads, enum kernel_read_kind kind, uint32_t object, uint32_t index,
                      struct slice low, struct slice high);
/* The same of a table, to a last key that was read too; and one key alone. */
void kernel_reads_add_through(struct kernel_reads *reads, uint32_t table, struct slice low, struct slice last);
void kernel_reads_add_key(struct kernel_reads *reads, uint32_t table, struct slice key);
/* From now on any change at all is one of what was read. */
void kernel_reads_add_all(struct kernel_reads *reads);
uint32_t kernel_reads_count(const struct kernel_reads *reads); /* ranges kept; UINT32_MAX: everything */

/* Before a view reads on: KMB_NO_TRANSACTION where its transaction was validated, for this would not be. reads may be
 * NULL. */
enum kmb_status kernel_reads_check(const struct kernel_reads *reads, struct kmb_error *error);

/*
 * The events from a place of the body on are about to be undone: that they could be made counts as read. While they
 * stand, it is the commit that looks at it again: at unique keys and at foreign keys.
 */
void transaction_note_undone(struct kernel_transaction *transaction, uint32_t part_count, size_t tail_length);

/*
 * Do these, of the transaction, read in the state it began at, read the same at `head`? KMB_SERIALIZATION with
 * PostgreSQL's words where it does not. The views that note here are at their end.
 */
enum kmb_status transaction_check_reads(struct kernel_transaction *transaction, struct kernel_reads *reads,
                                        struct kernel_state *head, struct kmb_error *error);

#endif
