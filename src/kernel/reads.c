/*
 * What a serializable transaction has read, and whether it still stands.
 *
 * The ranges of one table's key, or of one index, are kept sorted and apart from each other: a range that meets others
 * becomes one with them, so a scan that goes on only moves a bound. When there are too many, every two neighbours of
 * one order become one range with the gap between them; where that does not help, for there are too many tables,
 * everything counts as read.
 *
 * Validation compares two states, that of the beginning and the head, and not the list of commits between them: what a
 * transaction read is as it was when a second look at the head would show the same. So serializable transactions that
 * wrote are equal to running one after the other in the order of their commits; and one that wrote nothing needs no
 * look, for it read one state of that order. (Backward validation of optimistic concurrency control: Kung and Robinson,
 * 1981; on predicates as in precision locking: Jordan, Banerjee and Batman, 1981.)
 *
 * The rows that differ are found by the store, which passes over the pages that both states share. In key order the
 * walk is bounded by each range; for an index it goes over what the table has changed, and the keys that each such row
 * had and has in the index are looked up among the ranges. The catalogue counts as read as a whole.
 */
#include "kernel/reads.h"

#include <stdatomic.h>

#include "kernel/transaction_internal.h"

#define WALKS_MAX 64u /* ranges of a table's key that are walked one by one; more: the table's changes are */

struct read_bound {
    uint16_t length; /* 0 as high: to the end */
    uint8_t bytes[KERNEL_READS_BOUND];
};

struct read_range {
    enum kernel_read_kind kind;
    uint32_t object;
    uint32_t index;
    struct read_bound low;
    struct read_bound high;
};

struct kernel_reads {
    atomic_uint references;
    bool everything;
    bool ended; /* validated: what is read later would not be */
    uint32_t count;
    uint32_t capacity;
    struct read_range **ranges; /* in the order of range_order() */
};

struct kernel_reads *kernel_reads_new(void) {
    struct kernel_reads *reads = mem_alloc_zero(1, sizeof(*reads));
    if (reads != NULL) {
        atomic_init(&reads->references, 1);
    }
    return reads;
}

struct kernel_reads *kernel_reads_retain(struct kernel_reads *reads) {
    if (reads != NULL) {
        uint32_t before = atomic_fetch_add(&reads->references, 1);
        ASSERT(before > 0);
    }
    return reads;
}

void kernel_reads_release(struct kernel_reads *reads) {
    if (reads == NULL) {
        return;
    }
    uint32_t before = atomic_fetch_sub(&reads->references, 1);
    ASSERT(before > 0);
    if (before == 1) {
        kernel_reads_add_all(reads); /* frees the ranges */
        mem_free(reads);
    }
}

uint32_t kernel_reads_count(const struct kernel_reads *reads) {
    return reads->everything ? UINT32_MAX : reads->count;
}

void kernel_reads_add_all(struct kernel_reads *reads) {
    if (reads == NULL) {
        return;
    }
    for (uint32_t i = 0; i < reads->count; i++) {
        mem_free(reads->ranges[i]);
    }
    mem_free(reads->ranges);
    reads->ranges = NULL;
    reads->count = 0;
    reads->capacity = 0;
    reads->everything = true;
}

/* --- the set of ranges -------------------------------------------------------------------------------------------- */

static struct slice bound_slice(const struct read_bound *bound) {
    return slice_make(bound->bytes, bound->length);
}

/* A prefix is not above what it is cut from; as the high end it gives way to its successor. */
static void bound_set(struct read_bound *bound, struct slice key, bool high) {
    size_t length = key.length < KERNEL_READS_BOUND ? key.length : KERNEL_READS_BOUND;
    if (length > 0) {
        memcpy(bound->bytes, key.bytes, length);
    }
    if (high && length < key.length) {
        while (length > 0 && bound->bytes[length - 1] == 0xff) {
            length--;
        }
        if (length > 0) {
            bound->bytes[length - 1]++;
        }
    }
    bound->length = (uint16_t)length;
}

static int high_order(const struct read_bound *a, const struct read_bound *b) {
    bool endless = a->length == 0 || b->length == 0;
    return endless ? (a->length == 0) - (b->length == 0) : slice_compare(bound_slice(a), bound_slice(b));
}

static int group_order(const struct read_range *a, const struct read_range *b) {
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->object != b->object) {
        return a->object < b->object ? -1 : 1;
    }
    return a->index == b->index ? 0 : a->index < b->index ? -1 : 1;
}

static int range_order(const struct read_range *a, const struct read_range *b) {
    int order = group_order(a, b);
    return order != 0 ? order : slice_compare(bound_slice(&a->low), bound_slice(&b->low));
}

/* Of two ranges of one group, a not above b: whether they meet. */
static bool ranges_meet(const struct read_range *a, const struct read_range *b) {
    return group_order(a, b) == 0 &&
           (a->high.length == 0 || slice_compare(bound_slice(&a->high), bound_slice(&b->low)) >= 0);
}

/* The number of ranges that stand before `range` in the order, or at its place. */
static uint32_t ranges_up_to(const struct kernel_reads *reads, const struct read_range *range) {
    uint32_t low = 0;
    uint32_t high = reads->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (range_order(reads->ranges[middle], range) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void ranges_cut(struct kernel_reads *reads, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) {
        mem_free(reads->ranges[i]);
    }
    memmove(reads->ranges + from, reads->ranges + to, (reads->count - to) * sizeof(struct read_range *));
    reads->count -= to - from;
}

/* There are as many as may be: every two neighbours become one. */
static void ranges_widen(struct kernel_reads *reads) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < reads->count; i++) {
        struct read_range *range = reads->ranges[i];
        if (i + 1 < reads->count && group_order(range, reads->ranges[i + 1]) == 0) {
            range->high = reads->ranges[i + 1]->high;
            mem_free(reads->ranges[++i]);
        }
        reads->ranges[kept++] = range;
    }
    reads->count = kept;
    if (kept > KERNEL_READS_MAX / 4 * 3) {
        kernel_reads_add_all(reads);
    }
}

static bool ranges_room(struct kernel_reads *reads) {
    if (reads->count < reads->capacity) {
        return true;
    }
    uint32_t capacity = reads->capacity == 0 ? 16 : reads->capacity * 2;
    struct read_range **grown = mem_realloc(reads->ranges, capacity * sizeof(*grown));
    if (grown != NULL) {
        reads->ranges = grown;
        reads->capacity = capacity;
    }
    return grown != NULL;
}

static void range_insert(struct kernel_reads *reads, uint32_t place, const struct read_range *range) {
    struct read_range *copy = ranges_room(reads) ? mem_alloc(sizeof(*copy)) : NULL;
    if (copy == NULL) {
        kernel_reads_add_all(reads); /* no memory to be exact with */
        return;
    }
    *copy = *range;
    memmove(reads->ranges + place + 1, reads->ranges + place, (reads->count - place) * sizeof(struct read_range *));
    reads->ranges[place] = copy;
    reads->count++;
}

void kernel_reads_add(struct kernel_reads *reads, enum kernel_read_kind kind, uint32_t object, uint32_t index,
                      struct slice low, struct slice high) {
    if (reads == NULL || reads->everything) {
        return;
    }
    struct read_range range = {.kind = kind, .object = object, .index = index};
    bound_set(&range.low, low, false);
    bound_set(&range.high, high, true);
    if (reads->count == KERNEL_READS_MAX) {
        ranges_widen(reads);
        if (reads->everything) {
            return;
        }
    }
    uint32_t end = ranges_up_to(reads, &range);
    uint32_t start = end > 0 && ranges_meet(reads->ranges[end - 1], &range) ? end - 1 : end;
    if (start < end) {
        if (high_order(&range.high, &reads->ranges[start]->high) <= 0) {
            return;
        }
        range.low = reads->ranges[start]->low;
    }
    for (; end < reads->count && ranges_meet(&range, reads->ranges[end]); end++) {
        if (high_order(&reads->ranges[end]->high, &range.high) > 0) {
            range.high = reads->ranges[end]->high;
        }
    }
    if (start == end) {
        range_insert(reads, start, &range);
    } else {
        *reads->ranges[start] = range;
        ranges_cut(reads, start + 1, end);
    }
}

void kernel_reads_add_through(struct kernel_reads *reads, uint32_t table, struct slice low, struct slice last) {
    uint8_t behind[KERNEL_READS_BOUND + 1]; /* the very next key: the last and a zero; a longer one is cut anyway */
    size_t length = last.length < KERNEL_READS_BOUND ? last.length : KERNEL_READS_BOUND;
    if (length > 0) {
        memcpy(behind, last.bytes, length);
    }
    behind[length] = 0;
    kernel_reads_add(reads, KERNEL_READ_ROWS, table, 0, low, slice_make(behind, length + 1));
}

void kernel_reads_add_key(struct kernel_reads *reads, uint32_t table, struct slice key) {
    kernel_reads_add_through(reads, table, key, key);
}

/* --- what views note ---------------------------------------------------------------------------------------------- */

enum kmb_status kernel_reads_check(const struct kernel_reads *reads, struct kmb_error *error) {
    if (reads != NULL && reads->ended) {
        error_set(error, KMB_NO_TRANSACTION, "the serializable transaction that this query reads in has ended");
        error_hint(error, "read the rows of a query to their end before COMMIT");
        return KMB_NO_TRANSACTION;
    }
    return KMB_OK;
}

/* --- what was undone ---------------------------------------------------------------------------------------------- */

/* That an index had no such key. */
static void note_unique(struct kernel_reads *reads, const struct catalogue_table *table, uint32_t ordinal,
                        const struct table_layout *layout, struct slice image, struct buffer *low,
                        struct buffer *high) {
    const struct key_plan *plan = &table->indexes[ordinal];
    bool has_null = false;
    if (!table->definition.indexes[ordinal].unique || !key_plan_takes(table, plan, layout, image, NULL)) {
        return;
    }
    buffer_clear(low);
    key_of_image(table, plan, layout, image, low, &has_null);
    buffer_clear(high);
    buffer_append_slice(high, buffer_slice(low));
    if (!buffer_ok(low) || !buffer_ok(high) || !key_prefix_successor(high)) {
        kernel_reads_add_all(reads);
    } else if (!has_null) {
        kernel_reads_add(reads, KERNEL_READ_ROWS, table->definition.id.value,
                         table->definition.indexes[ordinal].id.value, buffer_slice(low), buffer_slice(high));
    }
}

static void note_row(struct kernel_reads *reads, const struct catalogue_table *table, struct slice image,
                     struct buffer *low, struct buffer *high) {
    const struct table_layout *layout = row_layout_of(table, image);
    if (layout == NULL) {
        kernel_reads_add_all(reads);
        return;
    }
    if (!definition_has_row_id(&table->definition)) {
        buffer_clear(low);
        key_of_image(table, &table->primary, layout, image, low, NULL);
        if (buffer_ok(low)) {
            kernel_reads_add_key(reads, table->definition.id.value, buffer_slice(low));
        } else {
            kernel_reads_add_all(reads);
        }
    }
    for (uint32_t i = 0; i < table->definition.index_count; i++) {
        note_unique(reads, table, i, layout, image, low, high);
    }
}

/* The tables on the other sides of its foreign keys, whole. */
static void note_referred(struct kernel_reads *reads, const struct catalogue *catalogue,
                          const struct table_definition *table) {
    for (uint32_t i = 0; i < table->foreign_key_count; i++) {
        kernel_reads_add(reads, KERNEL_READ_ROWS, table->foreign_keys[i].parent.value, 0, slice_make(NULL, 0),
                         slice_make(NULL, 0));
    }
    for (uint32_t t = 0; catalogue->foreign_key_count > 0 && t < catalogue->object_count; t++) {
        const struct table_definition *child = &catalogue->tables_by_id[t]->definition;
        for (uint32_t i = 0; i < child->foreign_key_count; i++) {
            if (child->foreign_keys[i].parent.value == table->id.value) {
                kernel_reads_add(reads, KERNEL_READ_ROWS, child->id.value, 0, slice_make(NULL, 0), slice_make(NULL, 0));
            }
        }
    }
}

static void note_event(struct kernel_transaction *transaction, const struct event *event, struct buffer *low,
                       struct buffer *high) {
    struct kernel_reads *reads = transaction->reads;
    const struct catalogue *catalogue = transaction->evolver.catalogue;
    bool rows =
        event->kind == EVENT_ROWS_INSERTED || event->kind == EVENT_ROWS_UPDATED || event->kind == EVENT_ROWS_DELETED;
    const struct table_definition *table = rows ? catalogue_table_of_id(catalogue, event->as.rows.table) : NULL;
    if (table == NULL) { /* a definition, a stream, rows of a table that was dropped again */
        kernel_reads_add_all(reads);
        return;
    }
    note_referred(reads, catalogue, table);
    struct reader reader = event_row_start(event);
    struct event_row row;
    while (event->kind != EVENT_ROWS_DELETED && event_row_next(event, &reader, &row)) {
        note_row(reads, catalogue_table_of(table), row.image, low, high);
    }
}

void transaction_note_undone(struct kernel_transaction *transaction, uint32_t part_count, size_t tail_length) {
    struct buffer low = {.bytes = NULL};
    struct buffer high = {.bytes = NULL};
    struct arena arena;
    arena_init(&arena, 0);
    bool whole = transaction->broken == KMB_OK && transaction_writer_end(transaction, NULL) == KMB_OK;
    for (uint32_t i = part_count == 0 ? 0 : part_count - 1; whole && i < transaction->part_count; i++) {
        struct slice body = buffer_slice(&transaction->parts[i].body);
        size_t from = i + 1 == part_count ? tail_length : 0;
        struct event_reader events = event_reader_make(slice_make(body.bytes + from, body.length - from), &arena);
        struct event event;
        enum kmb_status status;
        while ((status = event_next(&events, &event, NULL)) == KMB_ROW) {
            note_event(transaction, &event, &low, &high);
        }
        whole = status == KMB_DONE;
    }
    if (!whole) {
        kernel_reads_add_all(transaction->reads);
    }
    arena_free(&arena);
    buffer_free(&low);
    buffer_free(&high);
}

/* --- validation --------------------------------------------------------------------------------------------------- */

struct read_check {
    struct kernel_transaction *transaction;
    struct kernel_state *head;
    const struct kernel_reads *reads;
    struct buffer low;
    struct buffer high;
    struct buffer entry;
};

static enum kmb_status read_conflict(const struct read_check *check, uint32_t table, const char *what,
                                     struct kmb_error *error) {
    error_set(error, KMB_SERIALIZATION, "could not serialize access due to read/write dependencies among transactions");
    const struct table_definition *definition =
        table == 0 ? NULL : catalogue_table_of_id(check->head->catalogue, (struct table_id){table});
    if (definition == NULL) {
        error_hint(error, "%s that it read changed since the transaction began; run it again", what);
    } else {
        error_hint(error, "%s of \"%.*s\" that it read changed since the transaction began; run it again", what,
                   (int)definition->name.length, (const char *)definition->name.bytes);
    }
    return KMB_SERIALIZATION;
}

/* Whether a key is in one of the ranges [from, to), which are of one group. */
static bool ranges_have(const struct kernel_reads *reads, uint32_t from, uint32_t to, struct slice key) {
    uint32_t low = from;
    uint32_t high = to;
    while (low < high) { /* the first that begins above the key */
        uint32_t middle = low + (high - low) / 2;
        if (slice_compare(bound_slice(&reads->ranges[middle]->low), key) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct read_bound *end = low == from ? NULL : &reads->ranges[low - 1]->high;
    return end != NULL && (end->length == 0 || slice_compare(key, bound_slice(end)) < 0);
}

/* Whether one version of a changed row stands in the index, within the ranges read of it. */
static enum kmb_status version_read(struct read_check *check, uint32_t from, uint32_t to, struct slice row_key,
                                    struct slice value, bool *read, struct kmb_error *error) {
    const struct read_range *range = check->reads->ranges[from];
    const struct table_definition *own =
        catalogue_table_of_id(check->transaction->evolver.catalogue, (struct table_id){range->object});
    const struct catalogue_table *table = own == NULL ? NULL : catalogue_table_of(own);
    const struct key_plan *plan =
        table == NULL ? NULL : key_plan_of_index(table, (struct index_id){range->index}, NULL);
    struct history_stamp stamp;
    struct slice image;
    if (!history_value_split(value, &stamp, &image)) {
        return meta_damaged(error, "a row is shorter than its stamp");
    }
    const struct table_layout *layout = plan == NULL ? NULL : row_layout_of(table, image);
    if (layout == NULL) {
        *read = true; /* the transaction has dropped what it read by */
        return KMB_OK;
    }
    if (!key_plan_takes(table, plan, layout, image, NULL)) {
        *read = false;
        return KMB_OK;
    }
    buffer_clear(&check->entry);
    key_of_image(table, plan, layout, image, &check->entry, NULL);
    buffer_append_slice(&check->entry, row_key);
    *read = ranges_have(check->reads, from, to, buffer_slice(&check->entry));
    return buffer_ok(&check->entry) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
}

/* A row that differs: is it in the ranges [from, to) of one group, as it was or as it is? */
static enum kmb_status change_read(struct read_check *check, uint32_t from, uint32_t to,
                                   struct store_difference *difference, bool *read, struct kmb_error *error) {
    const struct store_cursor *any = difference->in_before ? &difference->before : &difference->after;
    struct slice key = slice_make(any->key.bytes + TABLE_PREFIX_SIZE, any->key.length - TABLE_PREFIX_SIZE);
    if (check->reads->ranges[from]->index == 0) {
        *read = ranges_have(check->reads, from, to, key);
        return KMB_OK;
    }
    struct slice value;
    enum kmb_status status = KMB_OK;
    *read = false;
    if (difference->in_before) {
        status = store_cursor_value(&difference->before, &value, error);
        status = status == KMB_OK ? version_read(check, from, to, key, value, read, error) : status;
    }
    if (status == KMB_OK && !*read && difference->in_after) {
        status = store_cursor_value(&difference->after, &value, error);
        status = status == KMB_OK ? version_read(check, from, to, key, value, read, error) : status;
    }
    return status;
}

static bool check_bounds(struct read_check *check, uint32_t object, const struct read_range *range) {
    buffer_clear(&check->low);
    buffer_clear(&check->high);
    key_prefix(&check->low, object);
    key_prefix(&check->high, object);
    if (range != NULL) {
        buffer_append_slice(&check->low, bound_slice(&range->low));
        buffer_append_slice(&check->high, bound_slice(&range->high));
    }
    bool endless = range == NULL || range->high.length == 0;
    return (!endless || key_prefix_successor(&check->high)) && buffer_ok(&check->low) && buffer_ok(&check->high);
}

/* Every difference of a tree within the bounds at hand is a conflict where the ranges [from, to) have it; to == from:
 * in any case. */
static enum kmb_status walk_differences(struct read_check *check, enum store_tree tree, uint32_t from, uint32_t to,
                                        uint32_t table, struct kmb_error *error) {
    struct store_difference difference;
    enum kmb_status status =
        store_difference_open(&difference, check->transaction->base->root, check->head->root, check->head->tenant.value,
                              tree, buffer_slice(&check->low), buffer_slice(&check->high), error);
    if (status != KMB_OK) {
        return status;
    }
    while ((status = store_difference_next(&difference, error)) == KMB_ROW) {
        bool read = from == to;
        status = KMB_OK;
        for (uint32_t group = from; status == KMB_OK && !read && group < to;) {
            uint32_t end = group + 1;
            while (end < to && group_order(check->reads->ranges[group], check->reads->ranges[end]) == 0) {
                end++;
            }
            status = change_read(check, group, end, &difference, &read, error);
            group = end;
        }
        if (status == KMB_OK && read) {
            status = read_conflict(check, table, "rows", error);
        }
        if (status != KMB_OK) {
            break;
        }
    }
    store_difference_close(&difference);
    return status == KMB_DONE ? KMB_OK : status;
}

/* The ranges [from, to) are of one table's key and of its indexes. */
static enum kmb_status check_table(struct read_check *check, uint32_t from, uint32_t to, struct kmb_error *error) {
    struct read_range *const *ranges = check->reads->ranges;
    uint32_t table = ranges[from]->object;
    enum kmb_status status = KMB_OK;
    if (ranges[to - 1]->index != 0 || to - from > WALKS_MAX) {
        return check_bounds(check, table, NULL) ? walk_differences(check, STORE_CURRENT, from, to, table, error)
                                                : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    for (uint32_t i = from; status == KMB_OK && i < to; i++) {
        status = check_bounds(check, table, ranges[i]) ? walk_differences(check, STORE_CURRENT, i, i, table, error)
                                                       : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return status;
}

static enum kmb_status check_history(struct read_check *check, uint32_t table, struct kmb_error *error) {
    if (!check_bounds(check, table, NULL)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    enum kmb_status status = walk_differences(check, STORE_CURRENT, 0, 0, table, error);
    return status == KMB_OK ? walk_differences(check, STORE_HISTORY, 0, 0, table, error) : status;
}

static enum kmb_status check_stream(struct read_check *check, uint32_t stream, struct kmb_error *error) {
    uint64_t base = 0;
    uint64_t head = 0;
    uint32_t tenant = check->head->tenant.value;
    struct stream_id id = {stream};
    enum kmb_status status =
        evolve_stream_length(store_view_root(check->transaction->base->root), tenant, id, &base, error);
    if (status == KMB_OK) {
        status = evolve_stream_length(store_view_root(check->head->root), tenant, id, &head, error);
    }
    return status == KMB_OK && base != head ? read_conflict(check, 0, "a stream", error) : status;
}

enum kmb_status transaction_check_reads(struct kernel_transaction *transaction, struct kernel_reads *reads,
                                        struct kernel_state *head, struct kmb_error *error) {
    const struct kernel_state *base = transaction->base;
    struct read_check check = {.transaction = transaction, .head = head, .reads = reads};
    reads->ended = true;
    if (base->sequence == head->sequence) {
        return KMB_OK;
    }
    if (base->catalogue->header.change_count != head->catalogue->header.change_count) {
        return read_conflict(&check, 0, "the catalogue", error);
    }
    if (reads->everything) {
        return read_conflict(&check, 0, "something", error);
    }
    enum kmb_status status = KMB_OK;
    for (uint32_t from = 0; status == KMB_OK && from < reads->count;) {
        const struct read_range *first = reads->ranges[from];
        uint32_t to = from + 1;
        while (to < reads->count && reads->ranges[to]->kind == first->kind &&
               reads->ranges[to]->object == first->object) {
            to++;
        }
        status = first->kind == KERNEL_READ_ROWS      ? check_table(&check, from, to, error)
                 : first->kind == KERNEL_READ_HISTORY ? check_history(&check, first->object, error)
                                                      : check_stream(&check, first->object, error);
        from = to;
    }
    buffer_free(&check.low);
    buffer_free(&check.high);
    buffer_free(&check.entry);
    return status;
}
