/* Frames of window functions: which rows of its partition a row sees. Between window.c and window_frame.c. */
#ifndef KMB_SQL_WINDOW_H
#define KMB_SQL_WINDOW_H

#include "sql/exec/operator.h"
#include "sql/exec/rowset.h"

/* Rows by their position in the sorted order: [from, to). */
struct window_range {
    uint32_t from;
    uint32_t to;
};
#define WINDOW_RANGES_MAX 3 /* a frame with a hole in it, and a row in the hole (EXCLUDE TIES) */

/* A partition and what frames are made by. */
struct window_frames {
    struct sql_context *context;
    const struct plan_frame *plan;
    const struct rowset *rowset;
    const uint32_t *order; /* position -> row */
    uint32_t from;         /* the partition's first position */
    uint32_t to;
    const uint32_t *group_of; /* position -> number of its peer group, from 0 */
    const uint32_t *groups;   /* first position of each group; of the one behind the last: to */
    uint32_t group_count;
    struct rowset_key key; /* RANGE with an offset: the order */
    struct value start;    /* offsets */
    struct value end;
};

/* Reads the frame's offsets; raises when one is NULL or negative. */
void window_frames_open(struct window_frames *frames, struct exec *exec);
/* The frame of a position as ranges that are not empty, ascending; answers how many. */
uint32_t window_frame_of(const struct window_frames *frames, uint32_t position,
                         struct window_range ranges[WINDOW_RANGES_MAX]);

#endif
