/*
 * Keys of rows out of ranges of indexes: sorted, then merged for OR, intersected for AND.
 *
 * Where PostgreSQL sets bits for places in a heap, rows here have their key alone for a place; so a bitmap is a sorted
 * list of keys, and the rows that are fetched by it come in the order of the key. Entries of one value of an index are
 * in that order already. Of the past, where an entry proves nothing, the rows are looked at instead. The whole primary
 * key is the key of its row, and nothing is read.
 *
 * A list that grows over work_mem is given up: the scan then reads its table whole, and asks its conditions.
 */
#include "sql/exec/bitmap.h"

#include "base/assert.h"
#include "sql/exec/scan.h"
#include "sql/usage.h"
#include "types/key.h"

#define READ_ROWS    256
#define KEYS_UNASKED 4096 /* between two looks whether the statement was cancelled */

struct reading {
    struct exec_operator *scan;
    struct kernel_view *view;
    const struct table_definition *table;
    struct arena *arena;
    uint64_t bytes_max; /* 0: no bound */
};

static struct slice *keys_room(const struct reading *reading, size_t count) {
    struct slice *list = arena_alloc(reading->arena, sizeof(*list) * (count + 1));
    ASSERT(list != NULL); /* on_fail raises */
    return list;
}

static bool fits(const struct reading *reading) {
    return reading->bytes_max == 0 || reading->arena->bytes_used <= reading->bytes_max;
}

static void check_cancel(const struct reading *reading, uint32_t at) {
    if (at % KEYS_UNASKED == 0) {
        sql_check_cancel(reading->scan->exec->context);
    }
}

/* --- one index --- */

struct growing {
    struct bitmap_keys keys;
    uint32_t capacity;
    bool sorted;
};

static void keys_add(const struct reading *reading, struct growing *growing, struct slice key) {
    struct bitmap_keys *keys = &growing->keys;
    if (keys->count == growing->capacity) {
        uint32_t capacity = growing->capacity == 0 ? 64 : growing->capacity * 2;
        struct slice *list = keys_room(reading, capacity);
        if (keys->count > 0) {
            memcpy(list, keys->list, keys->count * sizeof(*list));
        }
        keys->list = list;
        growing->capacity = capacity;
    }
    uint8_t *bytes = arena_alloc(reading->arena, key.length + 1);
    ASSERT(bytes != NULL); /* on_fail raises */
    memcpy(bytes, key.bytes, key.length);
    struct slice copy = slice_make(bytes, key.length);
    growing->sorted = growing->sorted && (keys->count == 0 || slice_compare(keys->list[keys->count - 1], copy) < 0);
    keys->list[keys->count++] = copy;
}

/* What of an entry is the row's key: it stands behind the index's columns. */
static struct slice key_of_entry(const struct reading *reading, const struct key_part *parts, uint32_t part_count,
                                 struct slice entry) {
    size_t offset = 0;
    for (uint32_t i = 0; i < part_count; i++) {
        const struct column_definition *column = definition_column_of_id(reading->table, parts[i].column);
        struct key_column of = {.type = column->type, .descending = parts[i].descending};
        sql_try(reading->scan->exec->context, key_skip(entry, &offset, of, reading->scan->exec->context->error));
    }
    return slice_make(entry.bytes + offset, entry.length - offset);
}

struct cursor {
    struct kernel_scan *scan;
    struct buffer low;
    struct buffer high;
};

static void cursor_close(struct cursor *cursor) {
    kernel_scan_close(cursor->scan);
    cursor->scan = NULL;
}

static void cursor_free(void *object) {
    struct cursor *cursor = object;
    cursor_close(cursor);
    buffer_free(&cursor->low);
    buffer_free(&cursor->high);
}

static bool range_read(const struct reading *reading, struct cursor *cursor, const struct plan_node *node,
                       const struct kernel_range *range, struct growing *growing) {
    struct sql_context *context = reading->scan->exec->context;
    struct kernel_row rows[READ_ROWS];
    const struct key_part *parts = NULL;
    uint32_t part_count = scan_key_columns(reading->table, node->index, &parts);
    size_t count = 0;
    struct usage_index used = {.scans = 1};
    sql_try(context, kernel_scan_open(reading->view, reading->table, range, &cursor->scan, context->error));
    do {
        sql_check_cancel(context);
        sql_try(context, kernel_scan_next(cursor->scan, rows, READ_ROWS, &count, context->error));
        used.rows += count;
        for (size_t i = 0; i < count; i++) {
            keys_add(reading, growing,
                     range->entries ? key_of_entry(reading, parts, part_count, rows[i].key) : rows[i].key);
        }
    } while (count > 0 && fits(reading));
    cursor_close(cursor);
    usage_add_index(reading->scan->exec->usage, reading->view->state->tenant, reading->table->id, node->index, &used);
    return fits(reading);
}

/* A range, or one for each value of a list. */
static bool index_read(const struct reading *reading, const struct plan_node *node, struct growing *growing) {
    struct exec *exec = reading->scan->exec;
    struct cursor *cursor = sql_alloc_zero(exec->context, 1, sizeof(*cursor));
    exec_defer(exec, cursor_free, cursor);
    uint32_t times = node->expression_count == 0 ? 1 : node->expression_count;
    bool whole = node->index.value == 0 && reading->table->primary_key_count == 1;
    bool fit = true;
    for (uint32_t i = 0; i < times && fit; i++) {
        bool list = node->expression_count > 0;
        struct plan_bound one = {.values = list ? &node->expressions[i] : NULL, .count = 1, .inclusive = true};
        buffer_clear(&cursor->low);
        buffer_clear(&cursor->high);
        bool any = scan_bound(exec, reading->table, node, list ? &one : &node->low, &cursor->low) &&
                   scan_bound(exec, reading->table, node, list ? &one : &node->high, &cursor->high);
        if (any && list && whole) {
            keys_add(reading, growing, buffer_slice(&cursor->low));
        } else if (any) {
            struct kernel_range range = {
                .index = node->index,
                .entries = node->index.value != 0 && !reading->view->past,
                .low = {.key = buffer_slice(&cursor->low), .inclusive = list || node->low.inclusive},
                .high = {.key = buffer_slice(&cursor->high), .inclusive = list || node->high.inclusive}};
            fit = range_read(reading, cursor, node, &range, growing);
        }
    }
    buffer_free(&cursor->low); /* the rest of the statement needs them no more */
    buffer_free(&cursor->high);
    return fit;
}

/* --- sorting --- */

static void merge(const struct reading *reading, const struct slice *from, struct slice *to, uint32_t low,
                  uint32_t middle, uint32_t high) {
    uint32_t left = low;
    uint32_t right = middle;
    for (uint32_t at = low; at < high; at++) {
        check_cancel(reading, at);
        bool take_left = left < middle && (right >= high || slice_compare(from[left], from[right]) <= 0);
        to[at] = take_left ? from[left++] : from[right++];
    }
}

/* Sorts, and drops what is there twice: a row that two values of a list name can not be, but the list may name a value
 * twice. */
static void keys_sort(const struct reading *reading, struct bitmap_keys *keys) {
    struct slice *from = keys->list;
    struct slice *to = keys_room(reading, keys->count);
    for (uint64_t width = 1; width < keys->count; width *= 2) {
        for (uint64_t low = 0; low < keys->count; low += 2 * width) {
            uint64_t middle = low + width < keys->count ? low + width : keys->count;
            uint64_t high = low + 2 * width < keys->count ? low + 2 * width : keys->count;
            merge(reading, from, to, (uint32_t)low, (uint32_t)middle, (uint32_t)high);
        }
        struct slice *swap = from;
        from = to;
        to = swap;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < keys->count; i++) {
        if (kept == 0 || !slice_equal(from[kept - 1], from[i])) {
            from[kept++] = from[i];
        }
    }
    *keys = (struct bitmap_keys){.list = from, .count = kept};
}

/* --- several --- */

static void keys_both(const struct reading *reading, const struct bitmap_keys *a, const struct bitmap_keys *b,
                      struct bitmap_keys *out) {
    uint32_t at = 0;
    *out = (struct bitmap_keys){.list = keys_room(reading, a->count)};
    for (uint32_t i = 0; i < a->count; i++) {
        check_cancel(reading, i);
        while (at < b->count && slice_compare(b->list[at], a->list[i]) < 0) {
            at++;
        }
        if (at < b->count && slice_equal(b->list[at], a->list[i])) {
            out->list[out->count++] = a->list[i];
        }
    }
}

static void keys_either(const struct reading *reading, const struct bitmap_keys *a, const struct bitmap_keys *b,
                        struct bitmap_keys *out) {
    uint32_t i = 0;
    uint32_t k = 0;
    *out = (struct bitmap_keys){.list = keys_room(reading, (size_t)a->count + b->count)};
    while (i < a->count || k < b->count) {
        check_cancel(reading, out->count);
        int order = i == a->count ? 1 : k == b->count ? -1 : slice_compare(a->list[i], b->list[k]);
        out->list[out->count++] = order <= 0 ? a->list[i] : b->list[k];
        i += order <= 0;
        k += order >= 0;
    }
}

/* Chains of one kind hang to the right (plan/bitmap.c), so that the depth is bounded by their number. */
static bool node_read(const struct reading *reading, const struct plan_node *node, struct bitmap_keys *keys) {
    bool fit = true;
    if (node->kind == PLAN_BITMAP_INDEX) {
        struct growing growing = {.sorted = true};
        fit = index_read(reading, node, &growing);
        *keys = growing.keys;
        if (fit && !growing.sorted) {
            keys_sort(reading, keys);
        }
    } else {
        struct bitmap_keys left = {.count = 0};
        struct bitmap_keys right = {.count = 0};
        fit = node_read(reading, node->left, &left) && node_read(reading, node->right, &right);
        if (fit && node->kind == PLAN_BITMAP_AND) {
            keys_both(reading, &left, &right, keys);
        } else if (fit) {
            keys_either(reading, &left, &right, keys);
        }
    }
    struct plan_measure *measure = exec_measure(reading->scan->exec, node);
    if (measure != NULL) {
        measure->loops++;
        measure->rows += fit ? keys->count : 0;
    }
    return fit && fits(reading);
}

bool bitmap_read(struct exec_operator *scan, struct kernel_view *view, const struct table_definition *table,
                 struct arena *arena, struct bitmap_keys *keys) {
    const struct sql_settings *settings = scan->exec->context->settings;
    struct reading reading = {.scan = scan,
                              .view = view,
                              .table = table,
                              .arena = arena,
                              .bytes_max = settings == NULL ? 0 : sql_work_bytes(settings)};
    ASSERT(scan->node->kind == PLAN_SCAN && scan->node->left != NULL);
    *keys = (struct bitmap_keys){.count = 0};
    return node_read(&reading, scan->node->left, keys);
}
