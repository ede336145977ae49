/* The keys of rows that ranges of indexes name (plan/bitmap.c), for the scan that fetches them. */
#ifndef KMB_SQL_BITMAP_H
#define KMB_SQL_BITMAP_H

#include "sql/exec/operator.h"

struct bitmap_keys {
    struct slice *list; /* in the order of the table's key, each once */
    uint32_t count;
};

/* Reads the ranges of the scan's bitmap; keys live in the arena. False: they are more than work_mem holds. */
bool bitmap_read(struct exec_operator *scan, struct kernel_view *view, const struct table_definition *table,
                 struct arena *arena, struct bitmap_keys *keys);

#endif
