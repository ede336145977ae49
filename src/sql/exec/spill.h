/*
 * Rows put aside on disk: what sorts, joins and aggregates write out when they are over their memory, and read back.
 *
 * A run is a sequence of rows, written once from its start and then read in that order, any number of times. All runs
 * of a statement share one temporary file of the host (sql.h); what an operator writes is counted in its measure. The
 * bytes of a run are this process's own form of vectors and no format: they never outlive the statement.
 */
#ifndef KMB_SQL_SPILL_H
#define KMB_SQL_SPILL_H

#include "base/buffer.h"
#include "sql/exec/hash_table.h"
#include "sql/exec/operator.h"
#include "sql/exec/rowset.h"

#define SPILL_PARTS      32 /* a partition's rows are spread over so many runs by hash, five bits of it a level */
#define SPILL_LEVELS_MAX 4  /* beyond, equal keys are what is left: they stay in memory */

/* Whether what an operator keeps in its arena is more than work_mem, and there is a disk to put it on. */
bool spill_wanted(const struct exec *exec, const struct arena *arena);
/* The same of keys in a hash table and rows beside them (NULL: none): what a chunk takes before it has rows counts for
 * nothing, or the parts of many columns would be spread again and again however few rows they have. */
bool spill_wanted_of(const struct exec *exec, const struct arena *arena, const struct hash_table *table,
                     const struct rowset *rows);

struct spill_run;

/* An empty run of columns of these types, which are kept by reference. */
struct spill_run *spill_run_new(struct exec_operator *self, const struct type *types, uint32_t column_count);
void spill_run_append(struct spill_run *run, const struct vector *const *columns, const uint16_t *selection,
                      uint32_t count);
/* Ends writing: gives its memory back. Before the first reader opens. */
void spill_run_end(struct spill_run *run);
uint64_t spill_run_rows(const struct spill_run *run); /* 0 for NULL */

struct spill_reader;

/* A reader for runs of these types; batches have at most rows_max rows (no fewer than the batches appended had). */
struct spill_reader *spill_reader_new(struct exec *exec, const struct type *types, uint32_t column_count,
                                      uint32_t rows_max);
void spill_reader_open(struct spill_reader *reader, const struct spill_run *run);
/* The next rows, none selected away, valid until the next call; NULL at the end. */
const struct batch *spill_reader_next(struct spill_reader *reader);

/* --- partitions --- */

/* Rows spread by hash over `count` runs (a power of two up to SPILL_PARTS), made as rows come. */
struct spill_parts {
    struct exec_operator *self;
    const struct type *types;
    uint32_t column_count;
    uint32_t level;
    uint32_t count;
    struct spill_run *runs[SPILL_PARTS]; /* NULL: no rows */
};
void spill_parts_init(struct spill_parts *parts, struct exec_operator *self, const struct type *types,
                      uint32_t column_count, uint32_t level, uint32_t count);
/* hashes[i] of row selection[i]; of hash_table_hash(). */
void spill_parts_add(struct spill_parts *parts, const struct vector *const *columns, const uint16_t *selection,
                     uint32_t count, const uint64_t *hashes);
void spill_parts_end(struct spill_parts *parts);

/* Runs of partitions that wait for their turn, a list. */
struct spill_waiting {
    struct spill_waiting *next;
    const struct spill_run *run;
    uint32_t level; /* of what its rows are spread to, where they are too many again */
    uint32_t of;    /* the user's: what they are rows of */
};
/* Ends the parts and puts their runs before `waiting`; answers the new list. */
struct spill_waiting *spill_parts_wait(struct spill_parts *parts, uint32_t of, struct spill_waiting *waiting);

/* --- sorted runs --- */

/* Runs that are each in the order of some keys, merged into one sequence; rows of an earlier run come first among
 * equals. */
struct spill_merge;
struct spill_merge *spill_merge_new(struct exec_operator *self, const struct rowset_key *keys, uint32_t key_count,
                                    const struct type *types, uint32_t column_count);
/* Rows of a rowset in `order`, as one more run. */
void spill_merge_add(struct spill_merge *merge, const struct rowset *rowset, const uint32_t *order, uint32_t count);
/* A run that is in order already and ended. */
void spill_merge_add_run(struct spill_merge *merge, struct spill_run *run);
/* The next rows, the columns of the first `column_count` types; NULL at the end. No run is added after the first call.
 */
const struct batch *spill_merge_next(struct spill_merge *merge);

#endif
