/*
 * Reading a table: all of it in key order, a range of the key or of an index, or one row by its whole key.
 *
 * Rows come from the kernel as slices, a batch at a time. The pushed filter is asked conjunct by conjunct: a column is
 * decoded when the first that reads it is reached, for the rows that have passed until then; the others for the rows
 * that pass them all. So a selective scan touches little, and a column nobody reads is never decoded. A point lookup is
 * recognised by its bounds and prepared for one row: no buffer of a thousand rows is made for it.
 *
 * Rows that a bitmap names (bitmap.h) are fetched some tens together, by their keys. If it has too many, the table is
 * read whole instead: the conditions that the bitmap answers are asked anyway, and the order is that of the key.
 */
#include "base/assert.h"
#include "base/map.h"
#include "sql/cursor.h"
#include "sql/exec/bitmap.h"
#include "sql/exec/decode.h"
#include "sql/exec/decode_entry.h"
#include "sql/exec/join_filter.h"
#include "sql/exec/operator.h"
#include "sql/exec/scan.h"
#include "sql/usage.h"
#include "types/key.h"

#define SCAN_ROWS       512 /* of a batch: their slices, 40 KiB, stay in the second cache */
#define SCAN_ROWS_FIRST 64
#define SCAN_FETCHES    (SCAN_ROWS / KERNEL_MANY) /* of a batch of rows that a bitmap names */

/* A conjunct of the filter, with the columns that none before it has read. */
struct scan_stage {
    struct evaluator *filter;
    uint32_t *columns;
    uint32_t column_count;
};

struct scan {
    struct exec_operator base;
    struct usage_tally tally;
    struct kernel_view *view;
    const struct table_definition *table; /* as the view's catalogue has it */
    struct kernel_scan *cursor;
    struct kernel_row *rows;
    struct scan_stage *stages; /* the filter, a conjunct each */
    uint32_t stage_count;
    struct join_filter *join_filters; /* asked of the rows that passed the conjuncts */
    uint64_t *staged;                 /* columns that the conjuncts read */
    uint64_t *decoded;                /* columns of the batch at work that are there */
    uint16_t *selection;
    uint32_t live; /* rows of it that have passed */
    struct buffer low;
    struct buffer high;
    struct buffer memory;          /* of a point's row */
    uint32_t fetch;                /* rows of the next batch: few at first, for whoever wants but one */
    struct entry_decoder *entries; /* rows are entries of the index; NULL: images */
    bool point;
    bool done;
    /* rows that a bitmap names */
    bool bitmap;
    bool bitmap_known;
    struct bitmap_keys named;
    uint32_t named_at;
    struct arena named_bytes;
    struct buffer *fetched; /* SCAN_FETCHES; NULL: no bitmap */
    /* TABLESAMPLE */
    bool sampled;
    uint64_t sample_below; /* rows with a lower hash of their key are in it */
    bool sample_all;
    uint64_t sample_seed;
};

static void scan_free(void *object) {
    struct scan *scan = object;
    kernel_scan_close(scan->cursor);
    scan->cursor = NULL;
    scan->done = true;
    usage_tally_end(&scan->tally);
    buffer_free(&scan->low);
    buffer_free(&scan->high);
    buffer_free(&scan->memory);
    for (uint32_t i = 0; scan->fetched != NULL && i < SCAN_FETCHES; i++) {
        buffer_free(&scan->fetched[i]);
    }
}

/* The columns of the order scanned. */
uint32_t scan_key_columns(const struct table_definition *table, struct index_id index, const struct key_part **parts) {
    if (index.value == 0) {
        *parts = table->primary_key;
        return table->primary_key_count;
    }
    const struct index_definition *definition = definition_index_of_id(table, index);
    ASSERT(definition != NULL);
    *parts = definition->parts;
    return definition->part_count;
}

bool scan_key_append(const struct table_definition *table, const struct key_part *part, const struct value *value,
                     struct buffer *key) {
    const struct column_definition *column = definition_column_of_id(table, part->column);
    ASSERT(column != NULL);
    if (value->is_null) {
        return false;
    }
    key_append(key, (struct key_column){.type = column->type, .descending = part->descending}, value);
    return true;
}

bool scan_bound(struct exec *exec, const struct table_definition *table, const struct plan_node *node,
                const struct plan_bound *bound, struct buffer *key) {
    const struct key_part *parts = NULL;
    uint32_t part_count = scan_key_columns(table, node->index, &parts);
    ASSERT(bound->count <= part_count);
    for (uint32_t i = 0; i < bound->count; i++) {
        struct value value = exec_value(exec, bound->values[i]);
        if (!scan_key_append(table, &parts[i], &value, key)) {
            return false;
        }
    }
    if (!buffer_ok(key)) {
        sql_raise(exec->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    return true;
}

static void scan_decode(struct scan *scan, uint32_t column, const uint16_t *selection, uint32_t live) {
    struct exec_operator *self = &scan->base;
    if (scan->entries != NULL) {
        return; /* all are decoded together */
    }
    decode_column(self->exec->context, scan->view->catalogue, scan->table, scan->rows, self->node->scan_columns[column],
                  selection, live, &self->batch.columns[column], &self->scratch);
}

/* Drops rows that have no partner in a join above. */
static uint32_t scan_join_filters(struct scan *scan, const uint16_t *selection, uint32_t live) {
    for (struct join_filter *filter = scan->join_filters; filter != NULL && live > 0; filter = filter->next) {
        if (!join_filter_open(filter)) {
            continue;
        }
        for (uint32_t i = 0; i < filter->key_count; i++) {
            uint32_t column = filter->columns[i];
            if (!bitset_get(scan->decoded, column)) {
                scan_decode(scan, column, selection, live);
                bitset_set(scan->decoded, column);
            }
            filter->keys[i] = &scan->base.batch.columns[column];
        }
        live = join_filter_select(filter, selection, live, scan->selection);
        selection = scan->selection;
    }
    return live;
}

/* Asks the conjuncts of rows of the batch. */
static void scan_narrow(void *argument, uint32_t first, uint32_t count) {
    struct scan *scan = argument;
    const uint16_t *selection = NULL;
    scan->live = count;
    for (uint32_t i = 0; first > 0 && i < count; i++) {
        scan->selection[i] = (uint16_t)(first + i);
        selection = scan->selection;
    }
    for (uint32_t i = 0; i < scan->stage_count && scan->live > 0; i++) {
        const struct scan_stage *stage = &scan->stages[i];
        for (uint32_t k = 0; k < stage->column_count; k++) {
            scan_decode(scan, stage->columns[k], selection, scan->live);
        }
        scan->live = evaluator_select(stage->filter, &scan->base.batch, selection, scan->live, scan->selection);
        selection = first == 0 && scan->live == count ? NULL : scan->selection;
    }
}

static const struct batch *scan_emit(struct scan *scan, uint32_t count) {
    struct exec_operator *self = &scan->base;
    uint32_t width = plan_scan_width(self->node);
    self->batch.column_count = width; /* while the conditions are asked */
    operator_clear(self);
    if (scan->entries != NULL) {
        entry_decode(scan->entries, scan->rows, count, self->batch.columns, &self->scratch);
    }
    memcpy(scan->decoded, scan->staged, sizeof(uint64_t) * (width / 64 + 1));
    self->batch.count = count;
    if (scan->stage_count > 0) {
        count = operator_attempt(self, scan_narrow, scan, count);
    }
    self->batch.count = count;
    uint32_t live = scan->stage_count > 0 ? scan->live : count;
    const uint16_t *selection = live == count ? NULL : scan->selection;
    uint32_t passed = live;
    live = scan_join_filters(scan, selection, live);
    selection = live == count ? NULL : scan->selection;
    if (self->measure != NULL) {
        self->measure->removed += count - passed;
        self->measure->dropped += passed - live;
    }
    if (live == 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < self->node->column_count; i++) {
        if (!bitset_get(scan->decoded, i)) {
            scan_decode(scan, i, selection, live);
        }
    }
    self->batch.selection = selection;
    self->batch.selection_count = selection == NULL ? 0 : live;
    self->batch.column_count = self->node->column_count;
    return &self->batch;
}

/* Keeps the rows of the sample: chosen by their keys, so that one seed chooses the same rows each time. */
static size_t scan_sample(struct scan *scan, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct slice key = scan->rows[i].key;
        if (scan->sample_all || map_hash(key.bytes, key.length, scan->sample_seed) < scan->sample_below) {
            scan->rows[kept++] = scan->rows[i];
        }
    }
    return kept;
}

static double sample_number(struct scan *scan, const struct expr *expr, enum kmb_status status, const char *what) {
    struct exec *exec = scan->base.exec;
    struct value value = exec_value(exec, expr);
    if (value.is_null) {
        sql_raise(exec->context, status, expr->position, "TABLESAMPLE %s cannot be null", what);
    }
    return value.as.real;
}

static void scan_sample_open(struct scan *scan) {
    struct sql_context *context = scan->base.exec->context;
    const struct plan_node *node = scan->base.node;
    double percent = sample_number(scan, node->sample_percent, KMB_INVALID_SAMPLE_ARGUMENT, "parameter");
    if (!(percent >= 0 && percent <= 100)) {
        sql_raise(context, KMB_INVALID_SAMPLE_ARGUMENT, 0, "sample percentage must be between 0 and 100");
    }
    scan->sampled = true;
    scan->sample_all = percent == 100;
    scan->sample_below = (uint64_t)(percent / 100 * 0x1p63) * 2;
    if (node->sample_seed != NULL) {
        double seed = sample_number(scan, node->sample_seed, KMB_INVALID_SAMPLE_REPEAT, "REPEATABLE parameter");
        scan->sample_seed = map_hash(&seed, sizeof(seed), 0);
    } else if (context->random == NULL ||
               !context->random(context->random_context, &scan->sample_seed, sizeof(scan->sample_seed))) {
        sql_raise(context, KMB_INTERNAL, 0, "no randomness to be had");
    }
}

/* The next rows by their keys; 0: there are no more. */
static size_t scan_fetch_named(struct scan *scan) {
    struct sql_context *context = scan->base.exec->context;
    const struct bitmap_keys *named = &scan->named;
    size_t total = 0;
    for (uint32_t i = 0; (i < SCAN_FETCHES && total < scan->fetch) || total == 0; i++) {
        struct slice keys[KERNEL_MANY];
        uint16_t of[KERNEL_MANY];
        size_t found = 0;
        uint32_t count = 0;
        sql_check_cancel(context);
        for (; count < KERNEL_MANY && scan->named_at < named->count; count++, scan->named_at++) {
            keys[count] = named->list[scan->base.node->reverse ? named->count - 1 - scan->named_at : scan->named_at];
        }
        if (count == 0) {
            break;
        }
        sql_try(context, kernel_get_many(scan->view, scan->table, keys, count, &scan->fetched[i % SCAN_FETCHES],
                                         scan->rows + total, of, &found, context->error));
        total += found;
    }
    return total;
}

static void scan_cursor_open(struct scan *scan);

/* Before the first row. */
static void scan_bitmap_read(struct scan *scan) {
    struct exec_operator *self = &scan->base;
    scan->bitmap_known = true;
    operator_kept_init(self, &scan->named_bytes);
    if (!bitmap_read(self, scan->view, scan->table, &scan->named_bytes, &scan->named)) {
        arena_free(&scan->named_bytes);
        scan->bitmap = false;
        scan_cursor_open(scan);
    }
}

static const struct batch *scan_next(struct exec_operator *self) {
    struct scan *scan = (struct scan *)self;
    struct exec *exec = self->exec;
    while (!scan->done || self->late != NULL) {
        operator_late(self);
        operator_begin(self);
        size_t count = 0;
        if (scan->bitmap && !scan->bitmap_known) {
            scan_bitmap_read(scan);
        }
        if (scan->bitmap) {
            count = scan_fetch_named(scan);
            scan->fetch = self->rows_max;
            scan->done = count == 0;
            scan->tally.fetched += count;
        } else if (scan->point) {
            bool found = false;
            sql_try(exec->context, kernel_get(scan->view, scan->table, buffer_slice(&scan->low), &scan->memory,
                                              &scan->rows[0], &found, exec->context->error));
            scan->done = true;
            count = found;
            scan->tally.rows += count;
            scan->tally.fetched += count;
        } else {
            sql_try(exec->context,
                    kernel_scan_next(scan->cursor, scan->rows, scan->fetch, &count, exec->context->error));
            scan->fetch = scan->fetch * 4 > self->rows_max ? self->rows_max : scan->fetch * 4;
            scan->done = count == 0;
            scan->tally.rows += count;
            scan->tally.fetched += scan->tally.whole || scan->entries != NULL ? 0 : count;
        }
        count = scan->sampled ? scan_sample(scan, count) : count;
        const struct batch *batch = count == 0 ? NULL : scan_emit(scan, (uint32_t)count);
        if (batch != NULL) {
            return batch;
        }
    }
    return NULL;
}

static void scan_open(struct scan *scan) {
    struct exec *exec = scan->base.exec;
    const struct plan_node *node = scan->base.node;
    if (node->current_of != NULL) {
        struct slice key = sql_cursor_key(exec->context, exec->host, node->current_of, scan->table);
        scan->point = true;
        buffer_append_slice(&scan->low, key);
        if (!buffer_ok(&scan->low)) {
            sql_raise(exec->context, KMB_NO_MEMORY, 0, "out of memory");
        }
        return;
    }
    scan->point = plan_reads_one_row(node, scan->table);
    scan->tally.scans = scan->point;
    if (!scan_bound(exec, scan->table, node, &node->low, &scan->low) ||
        (!scan->point && !scan_bound(exec, scan->table, node, &node->high, &scan->high))) {
        scan->done = true;
    }
    if (scan->point && !scan->done && exec->host->point != NULL) {
        sql_try(exec->context, exec->host->point(exec->host->context, scan->table->id, buffer_slice(&scan->low),
                                                 exec->context->error));
    }
    scan->bitmap = node->left != NULL;
    if (scan->bitmap) {
        scan->fetched = sql_alloc_zero(exec->context, SCAN_FETCHES, sizeof(*scan->fetched));
    }
    if (!scan->done && !scan->point && !scan->bitmap) {
        scan_cursor_open(scan);
    }
}

static void scan_cursor_open(struct scan *scan) {
    struct exec *exec = scan->base.exec;
    const struct plan_node *node = scan->base.node;
    scan->tally.scans = 1;
    scan->tally.whole = node->index.value == 0 && node->low.count == 0 && node->high.count == 0;
    if (node->index_only && !scan->view->past) {
        scan->entries = entry_decoder_make(exec->context, node, scan->table);
    }
    struct kernel_range range = {
        .index = node->index,
        .entries = scan->entries != NULL,
        .low = {.key = buffer_slice(&scan->low), .inclusive = node->low.inclusive},
        .high = {.key = buffer_slice(&scan->high), .inclusive = node->high.inclusive},
        .reverse = node->reverse,
    };
    sql_try(exec->context, kernel_scan_open(scan->view, scan->table, &range, &scan->cursor, exec->context->error));
}

static uint32_t conjunct_count(const struct expr *filter) {
    return filter == NULL ? 0 : filter->kind == EXPR_AND ? filter->argument_count : 1;
}

/* A conjunct is asked only of the rows that those before it let through, and only for these are its columns decoded. */
static void scan_stages_make(struct scan *scan, uint32_t rows_max) {
    struct sql_context *context = scan->base.exec->context;
    const struct plan_node *node = scan->base.node;
    uint32_t width = plan_scan_width(node);
    size_t words = width / 64 + 1;
    scan->staged = sql_alloc_zero(context, words, sizeof(*scan->staged));
    scan->decoded = sql_alloc(context, words * sizeof(*scan->decoded));
    const struct expr *filters[] = {node->recheck, node->predicate};
    uint32_t most = conjunct_count(node->recheck) + conjunct_count(node->predicate);
    if (most == 0) {
        return;
    }
    scan->stages = sql_alloc_zero(context, most, sizeof(*scan->stages));
    scan->selection = sql_alloc(context, sizeof(*scan->selection) * rows_max);
    for (; scan->stage_count < most; scan->stage_count++) {
        struct scan_stage *stage = &scan->stages[scan->stage_count];
        uint32_t first = conjunct_count(filters[0]);
        bool rest = scan->stage_count >= first;
        const struct expr *filter = filters[rest ? 1 : 0];
        const struct expr *conjunct =
            filter->kind == EXPR_AND ? filter->arguments[scan->stage_count - (rest ? first : 0)] : filter;
        uint64_t *read = sql_alloc_zero(context, words, sizeof(*read));
        expr_columns(conjunct, read, width);
        stage->filter = operator_evaluator(&scan->base, conjunct, rows_max);
        stage->columns = sql_alloc(context, sizeof(*stage->columns) * (width + 1));
        for (uint32_t k = 0; k < width; k++) {
            if (bitset_get(read, k) && !bitset_get(scan->staged, k)) {
                bitset_set(scan->staged, k);
                stage->columns[stage->column_count++] = k;
            }
        }
    }
}

void scan_filter_add(struct exec_operator *op, struct join_filter *filter) {
    ASSERT(op->node->kind == PLAN_SCAN);
    struct scan *scan = (struct scan *)op;
    filter->next = scan->join_filters;
    scan->join_filters = filter;
    if (scan->selection == NULL) {
        scan->selection = sql_alloc(op->exec->context, sizeof(*scan->selection) * op->rows_max);
    }
}

struct exec_operator *scan_make(struct exec *exec, const struct plan_node *node) {
    struct scan *scan = operator_new(exec, node, sizeof(*scan), scan_next);
    scan->view = exec_view_of(exec, node);
    scan->table = exec_table_of(exec, scan->view, node);
    scan->fetch = SCAN_ROWS_FIRST;
    scan->tally = (struct usage_tally){
        .usage = exec->usage, .tenant = scan->view->state->tenant, .table = scan->table->id, .index = node->index};
    exec_defer(exec, scan_free, scan);
    scan_open(scan);
    if (node->sample_percent != NULL) {
        scan_sample_open(scan);
    }
    uint32_t rows_max = scan->point || scan->done ? 1 : SCAN_ROWS;
    scan->base.batch.column_count = plan_scan_width(node);
    operator_columns(&scan->base, rows_max);
    scan->rows = sql_alloc(exec->context, sizeof(struct kernel_row) * rows_max);
    scan_stages_make(scan, rows_max);
    return &scan->base;
}
