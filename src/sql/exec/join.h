/* The state of a join, shared by its loop (join.c) and its three sources of candidates (join_source.c). */
#ifndef KMB_SQL_JOIN_H
#define KMB_SQL_JOIN_H

#include "sql/exec/hash_table.h"
#include "sql/exec/join_filter.h"
#include "sql/exec/operator.h"

struct join {
    struct exec_operator base;
    uint32_t left_count; /* columns */
    uint32_t right_count;
    struct evaluator *predicate; /* over the pair */
    bool one_is_enough;          /* SEMI, ANTI: a left row needs no second partner */
    bool built;
    bool left_done;

    /* the left batch and the place in it */
    const struct batch *left_batch;
    uint32_t left_live;
    uint32_t left_at;
    bool candidates_open;

    /* right rows: all of them, or (index, lateral, merge) those fetched lately */
    struct rowset rows;
    uint8_t *right_matched; /* RIGHT, FULL */
    uint32_t rest_at;

    /* candidates of the current left row */
    uint32_t candidate;     /* next right row, or ROWSET_NONE */
    uint32_t candidate_end; /* nested, index, lateral, merge: one past the last */

    /* hash: rows of one key are chained in their order */
    struct hash_table table;
    struct evaluator **left_keys;
    struct evaluator **right_keys;
    const struct vector **keys;
    uint32_t key_count;
    uint32_t *heads; /* by key: first row */
    uint32_t *next;  /* by row */
    uint32_t ids[VECTOR_ROWS];
    uint32_t id_of_row[VECTOR_ROWS]; /* by row of the left batch */

    struct join_filter *filter; /* of the left side's scan; NULL: none */

    struct arena work;        /* right rows of a hash join or nested loop, keys and chains */
    struct join_spill *spill; /* what did not fit; NULL: all did */

    struct join_lateral *lateral;
    struct join_merge *merge;

    /* index */
    struct join_fetch *fetch;
    uint32_t check_count; /* key pairs that the index does not answer */
    struct evaluator **check_left;
    struct evaluator **check_right;

    /* pairs waiting to be gathered */
    uint32_t pair_count;
    uint32_t pairs_max; /* of pairs that are gathered together */
    uint32_t live;      /* of them, those that the condition lets through */
    bool full;          /* lateral: what collecting them answered */
    uint16_t pair_left[VECTOR_ROWS];
    uint32_t pair_right[VECTOR_ROWS];
    uint16_t selection[VECTOR_ROWS];
    uint8_t passed[VECTOR_ROWS];
    uint8_t left_matched[VECTOR_ROWS];
};

void join_source_make(struct join *join);
void join_source_build(struct join *join);             /* before the first left batch, and of each part again */
void join_source_batch(struct join *join);             /* a new left batch */
void join_source_row(struct join *join, uint16_t row); /* a new left row */
uint32_t join_source_next(struct join *join);          /* its next candidate, or ROWSET_NONE */
void join_source_flushed(struct join *join);           /* no pair refers to `rows` any more */

/* --- hash joins and nested loops that do not fit (join_spill.c) --- */
/* The right side read so far is too large: puts it aside in parts; the rest follows by join_spill_right(). */
void join_spill_begin(struct join *join);
void join_spill_right(struct join *join, const struct batch *batch);
/* Spreads the left side likewise. */
void join_spill_left(struct join *join);
/* Takes the next part: its right rows by join_spill_right_next(), its left rows by join_spill_left_next(). */
bool join_spill_next(struct join *join);
bool join_spill_possible(const struct join *join); /* and wanted now */
/* A left row that has no partner until the end of this part has none. */
bool join_spill_last(const struct join *join);
/* Recalls or stores which rows of the left batch had a partner, where later parts want to know. */
void join_spill_matches(struct join *join, bool store);
const struct batch *join_spill_right_next(struct join *join);
const struct batch *join_spill_left_next(struct join *join);
void join_spill_places(struct join *join); /* notes where the pairs gathered belong */
/* Writes out a batch that the part gives, whose places were noted; ends the part's. */
void join_spill_give(struct join *join, const struct batch *batch);
void join_spill_given(struct join *join);
/* All parts are joined: the next batch of what they gave, in order. */
const struct batch *join_spill_merged(struct join *join);

/* --- index joins (join_index.c) --- */
void join_fetch_make(struct join *join);
void join_fetch_batch(struct join *join);
/* Sets the candidates of a left row: the right rows that match it, in join->rows. */
void join_fetch_row(struct join *join, uint16_t row);
void join_fetch_flushed(struct join *join);

/* --- merge joins (join_merge.c) --- */
void join_merge_make(struct join *join, const struct type *types); /* of the right side's columns */
void join_merge_batch(struct join *join);
/* Sets the candidates of a left row: the right rows equal to it. */
void join_merge_row(struct join *join, uint16_t row);
bool join_merge_over(const struct join *join); /* no right row can meet what is left of the left side */
void join_merge_forget(struct join *join);     /* what was given lately is not read any more */
/* Whether right rows from join->rest_at to *end may be given if they have no partner: none of them can get one. */
bool join_merge_rest(struct join *join, uint32_t *end);

/* --- lateral joins (join_lateral.c) --- */
void join_lateral_make(struct join *join);
/* Sets the candidates of a left row: rows of the right side that are there, or begins to make them. */
void join_lateral_row(struct join *join, uint16_t row);
/* Makes more of its candidates, when it is through with those that are there; false: there are no more. */
bool join_lateral_more(struct join *join);
void join_lateral_flushed(struct join *join);

#endif
