/*
 * Single entries of a shard's log, by what the store keeps of them: whole as they stand in the log, and what they hold
 * in words.
 *
 * One thread at a time. The reader behind it is opened when it is first needed and reads what was published then.
 */
#ifndef KMB_ENGINE_ENTRIES_H
#define KMB_ENGINE_ENTRIES_H

#include "base/arena.h"
#include "engine/shard.h"
#include "kernel/state.h"
#include "log/reader.h"

struct entries {
    struct shard *shard;
    struct log_keys keys;
    struct log_reader *reader; /* NULL: not opened yet */
    uint64_t op;               /* of the block the reader stands in, behind the entry given last; 0: none */
};

struct entries entries_of(struct shard *shard);
void entries_close(struct entries *entries);

/* KMB_CORRUPT: it is not where it should be. What *entry borrows is valid until the next call. Going on from one entry
 * to one behind it in the same block reads nothing twice. */
enum kmb_status entries_find(struct entries *entries, struct tenant_id tenant, const struct kernel_entry *wanted,
                             struct log_reader_entry *entry, struct kmb_error *error);
/* The plain body of the entry found last; valid until the next call. */
enum kmb_status entries_plain(struct entries *entries, struct slice *plain, struct kmb_error *error);

/* Appends the events of a plain body: "rows_inserted table=3 rows=100; table_created visits table=4". Kinds, names and
 * counts, never a value. The arena is emptied. */
enum kmb_status entries_describe(struct buffer *out, struct slice plain, struct arena *arena, struct kmb_error *error);

#endif
