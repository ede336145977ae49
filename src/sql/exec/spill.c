/*
 * Runs, partitions and merges.
 *
 * A run's rows are gathered in a buffer, column by column for each batch appended, and written as one block when it is
 * full; a reader holds one block and puts as many of its batches together as fit. So a run costs a buffer while it is
 * written, nothing while it waits, and a buffer and vectors while it is read.
 *
 * Merging holds the next row of each run in a binary heap. As many runs are merged at a time as have readers in
 * work_mem; where there are more, neighbours are merged into longer ones first, in rounds.
 */
#include "sql/exec/spill.h"

#include "base/assert.h"

#define BLOCK_BYTES     ((size_t)64 << 10)
#define MERGE_RUNS_MIN  4
#define MERGE_RUNS_MAX  64
#define HASH_BITS       64
#define BITS_OF_A_LEVEL 5
static_assert(1 << BITS_OF_A_LEVEL == SPILL_PARTS, "a level's bits number its parts");

struct spill_run {
    struct exec_operator *self;
    const struct type *types;
    uint32_t column_count;
    uint64_t row_count;
    struct buffer pending;
    struct buffer blocks; /* of struct sql_spill_block */
};

struct spill_reader {
    struct exec *exec;
    const struct spill_run *run;
    uint32_t rows_max;
    size_t next_block;
    struct buffer block;
    size_t at;
    struct batch batch;
};

/* --- the file --- */

static bool beyond_work(const struct exec *exec, const struct arena *arena, uint64_t empty) {
    const struct sql_settings *settings = exec->context->settings;
    if (exec->host->spill_open == NULL || settings == NULL || settings->temp_file_bytes_max < 0) {
        return false;
    }
    uint64_t bytes_max = sql_work_bytes(settings);
    return bytes_max != 0 && arena->bytes_used > bytes_max + empty;
}

bool spill_wanted(const struct exec *exec, const struct arena *arena) {
    return beyond_work(exec, arena, 0);
}

static uint64_t chunk_bytes(const struct rowset *rowset) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < rowset->column_count; i++) {
        bytes += VECTOR_ROWS * (vector_form_size(vector_form_of(rowset->types[i].id)) + 1);
    }
    return bytes;
}

bool spill_wanted_of(const struct exec *exec, const struct arena *arena, const struct hash_table *table,
                     const struct rowset *rows) {
    return beyond_work(exec, arena, chunk_bytes(&table->keys) + (rows == NULL ? 0 : chunk_bytes(rows)));
}

static void file_close(void *object) {
    struct exec *exec = object;
    exec->host->spill_close(exec->spill);
    exec->spill = NULL;
}

static struct sql_spill *file_of(struct exec *exec) {
    struct exec *outer = exec_outermost(exec);
    if (outer->spill == NULL) {
        uint64_t bytes_max = (uint64_t)exec->context->settings->temp_file_bytes_max;
        sql_try(exec->context,
                exec->host->spill_open(exec->host->context, bytes_max, &outer->spill, exec->context->error));
        exec_defer(outer, file_close, outer);
    }
    return outer->spill;
}

/* --- writing --- */

/* Its place is for other runs, as long as there is a file. */
static void run_free(void *object) {
    struct spill_run *run = object;
    struct exec *exec = run->self->exec;
    struct sql_spill *file = exec_outermost(exec)->spill;
    for (size_t at = 0; file != NULL && at < run->blocks.length; at += sizeof(struct sql_spill_block)) {
        struct sql_spill_block block;
        memcpy(&block, run->blocks.bytes + at, sizeof(block));
        exec->host->spill_give_back(file, block);
    }
    buffer_free(&run->pending);
    buffer_free(&run->blocks);
}

struct spill_run *spill_run_new(struct exec_operator *self, const struct type *types, uint32_t column_count) {
    struct exec *exec = self->exec;
    struct spill_run *run = sql_alloc_zero(exec->context, 1, sizeof(*run));
    run->self = self;
    run->types = types;
    run->column_count = column_count;
    exec_defer(exec, run_free, run);
    return run;
}

uint64_t spill_run_rows(const struct spill_run *run) {
    return run == NULL ? 0 : run->row_count;
}

static void check_buffer(const struct spill_run *run, const struct buffer *buffer) {
    if (!buffer_ok(buffer)) {
        sql_raise(run->self->exec->context, KMB_NO_MEMORY, 0, "out of memory");
    }
}

static void write_block(struct spill_run *run) {
    struct sql_context *context = run->self->exec->context;
    struct sql_spill_block block;
    if (run->pending.length == 0) {
        return;
    }
    check_buffer(run, &run->pending);
    sql_try(context, run->self->exec->host->spill_write(file_of(run->self->exec), buffer_slice(&run->pending), &block,
                                                        context->error));
    if (run->self->measure != NULL) {
        run->self->measure->spilled += block.size;
    }
    buffer_append(&run->blocks, &block, sizeof(block));
    check_buffer(run, &run->blocks);
    buffer_clear(&run->pending);
}

static void put_u32(struct buffer *out, uint32_t value) {
    buffer_append(out, &value, sizeof(value));
}

static void put_bytes(struct buffer *out, const struct vector *vector, const uint16_t *selection, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = vector_row(vector, selection == NULL ? i : selection[i]);
        put_u32(out, vector_is_null(vector, row) ? 0 : (uint32_t)vector->bytes[row].length);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = vector_row(vector, selection == NULL ? i : selection[i]);
        if (!vector_is_null(vector, row)) {
            buffer_append_slice(out, vector->bytes[row]);
        }
    }
}

static void put_column(struct buffer *out, const struct vector *vector, const uint16_t *selection, uint32_t count) {
    buffer_u8(out, vector->may_have_null);
    if (vector->may_have_null) {
        for (uint32_t i = 0; i < count; i++) {
            buffer_u8(out, vector->null[vector_row(vector, selection == NULL ? i : selection[i])]);
        }
    }
    if (vector->form == VECTOR_BYTES) {
        put_bytes(out, vector, selection, count);
        return;
    }
    size_t size = vector_form_size(vector->form);
    uint8_t *to = buffer_extend(out, size * count);
    for (uint32_t i = 0; to != NULL && i < count; i++) {
        uint32_t row = vector_row(vector, selection == NULL ? i : selection[i]);
        memcpy(to + size * i, (const uint8_t *)vector->data + size * row, size);
    }
}

void spill_run_append(struct spill_run *run, const struct vector *const *columns, const uint16_t *selection,
                      uint32_t count) {
    if (count == 0) {
        return;
    }
    put_u32(&run->pending, count);
    for (uint32_t i = 0; i < run->column_count; i++) {
        ASSERT(columns[i]->form == vector_form_of(run->types[i].id));
        put_column(&run->pending, columns[i], selection, count);
    }
    check_buffer(run, &run->pending);
    run->row_count += count;
    if (run->pending.length >= BLOCK_BYTES) {
        if (run->pending.length > UINT32_MAX) {
            sql_raise(run->self->exec->context, KMB_LIMIT, 0,
                      "a thousand rows of more than 4 GB in a sort, group or join");
        }
        write_block(run);
    }
}

void spill_run_end(struct spill_run *run) {
    write_block(run);
    buffer_free(&run->pending);
}

/* --- reading --- */

static void reader_free(void *object) {
    struct spill_reader *reader = object;
    buffer_free(&reader->block);
}

struct spill_reader *spill_reader_new(struct exec *exec, const struct type *types, uint32_t column_count,
                                      uint32_t rows_max) {
    struct spill_reader *reader = sql_alloc_zero(exec->context, 1, sizeof(*reader));
    reader->exec = exec;
    reader->rows_max = rows_max;
    reader->batch.column_count = column_count;
    reader->batch.columns = sql_alloc_zero(exec->context, column_count + 1, sizeof(struct vector));
    for (uint32_t i = 0; i < column_count; i++) {
        vector_init_rows(exec->context, &reader->batch.columns[i], types[i], rows_max);
    }
    exec_defer(exec, reader_free, reader);
    return reader;
}

void spill_reader_open(struct spill_reader *reader, const struct spill_run *run) {
    ASSERT(run->column_count == reader->batch.column_count && run->pending.length == 0);
    reader->run = run;
    reader->next_block = 0;
    reader->at = 0;
    buffer_clear(&reader->block);
}

static bool read_block(struct spill_reader *reader) {
    struct sql_context *context = reader->exec->context;
    struct sql_spill_block block;
    if (reader->next_block * sizeof(block) == reader->run->blocks.length) {
        return false;
    }
    memcpy(&block, reader->run->blocks.bytes + reader->next_block * sizeof(block), sizeof(block));
    reader->next_block++;
    reader->at = 0;
    buffer_clear(&reader->block);
    uint8_t *bytes = buffer_extend(&reader->block, block.size);
    if (bytes == NULL) {
        sql_raise(context, KMB_NO_MEMORY, 0, "out of memory");
    }
    struct exec *exec = reader->exec;
    sql_try(context, exec->host->spill_read(file_of(exec), block, bytes, context->error));
    struct plan_measure *measure = reader->run->self->measure;
    if (measure != NULL) {
        measure->spilled_read += block.size;
    }
    return true;
}

static const uint8_t *take(struct spill_reader *reader, size_t size) {
    const uint8_t *bytes = reader->block.bytes + reader->at;
    reader->at += size;
    ASSERT(reader->at <= reader->block.length);
    return bytes;
}

static uint32_t get_u32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

static void get_column(struct spill_reader *reader, struct vector *vector, uint32_t first, uint32_t count) {
    bool nulls = take(reader, 1)[0] != 0;
    memset(vector->null + first, 0, count);
    if (nulls) {
        memcpy(vector->null + first, take(reader, count), count);
        vector->may_have_null = true;
    }
    if (vector->form != VECTOR_BYTES) {
        size_t size = vector_form_size(vector->form);
        memcpy((uint8_t *)vector->data + size * first, take(reader, size * count), size * count);
        return;
    }
    const uint8_t *lengths = take(reader, sizeof(uint32_t) * count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = get_u32(lengths + sizeof(uint32_t) * i);
        vector->bytes[first + i] = slice_make(take(reader, length), length);
    }
}

const struct batch *spill_reader_next(struct spill_reader *reader) {
    struct batch *batch = &reader->batch;
    if (reader->at == reader->block.length && !read_block(reader)) {
        return NULL;
    }
    batch->count = 0;
    for (uint32_t i = 0; i < batch->column_count; i++) {
        batch->columns[i].may_have_null = false;
    }
    while (reader->at < reader->block.length) {
        uint32_t count = get_u32(reader->block.bytes + reader->at);
        ASSERT(count <= reader->rows_max);
        if (count > reader->rows_max - batch->count) {
            break;
        }
        reader->at += sizeof(uint32_t);
        for (uint32_t i = 0; i < batch->column_count; i++) {
            get_column(reader, &batch->columns[i], batch->count, count);
        }
        batch->count += count;
    }
    return batch;
}

/* --- partitions --- */

void spill_parts_init(struct spill_parts *parts, struct exec_operator *self, const struct type *types,
                      uint32_t column_count, uint32_t level, uint32_t count) {
    *parts = (struct spill_parts){
        .self = self, .types = types, .column_count = column_count, .level = level, .count = count};
}

void spill_parts_add(struct spill_parts *parts, const struct vector *const *columns, const uint16_t *selection,
                     uint32_t count, const uint64_t *hashes) {
    uint16_t rows[VECTOR_ROWS];
    uint8_t part_of[VECTOR_ROWS];
    uint32_t ends[SPILL_PARTS + 1] = {0};
    uint32_t shift = HASH_BITS - BITS_OF_A_LEVEL * (parts->level + 1);
    for (uint32_t i = 0; i < count; i++) {
        part_of[i] = (uint8_t)((hashes[i] >> shift) & (parts->count - 1));
        ends[part_of[i] + 1]++;
    }
    for (uint32_t part = 0; part < parts->count; part++) {
        ends[part + 1] += ends[part];
    }
    uint32_t at[SPILL_PARTS];
    memcpy(at, ends, sizeof(at));
    for (uint32_t i = 0; i < count; i++) {
        rows[at[part_of[i]]++] = selection == NULL ? (uint16_t)i : selection[i];
    }
    for (uint32_t part = 0; part < parts->count; part++) {
        uint32_t of_part = ends[part + 1] - ends[part];
        if (of_part > 0 && parts->runs[part] == NULL) {
            parts->runs[part] = spill_run_new(parts->self, parts->types, parts->column_count);
        }
        if (of_part > 0) {
            spill_run_append(parts->runs[part], columns, rows + ends[part], of_part);
        }
    }
}

void spill_parts_end(struct spill_parts *parts) {
    for (uint32_t part = 0; part < parts->count; part++) {
        if (parts->runs[part] != NULL) {
            spill_run_end(parts->runs[part]);
        }
    }
}

struct spill_waiting *spill_parts_wait(struct spill_parts *parts, uint32_t of, struct spill_waiting *waiting) {
    spill_parts_end(parts);
    for (uint32_t part = 0; part < parts->count; part++) {
        if (parts->runs[part] != NULL) {
            struct spill_waiting *one = sql_alloc(parts->self->exec->context, sizeof(*one));
            *one =
                (struct spill_waiting){.next = waiting, .run = parts->runs[part], .level = parts->level + 1, .of = of};
            waiting = one;
        }
    }
    return waiting;
}

/* --- merging --- */

struct merge_source {
    struct spill_reader *reader;
    const struct batch *batch; /* NULL: at its end */
    const struct vector **columns;
    uint32_t row;
};

struct spill_merge {
    struct exec_operator *self;
    const struct rowset_key *keys;
    uint32_t key_count;
    const struct type *types;
    uint32_t column_count;
    struct spill_run **runs;
    uint32_t run_count;
    uint32_t run_capacity;
    uint32_t runs_max; /* merged at a time */
    struct merge_source sources[MERGE_RUNS_MAX];
    uint32_t heap[MERGE_RUNS_MAX]; /* sources by their next row, the least first */
    uint32_t heap_count;
    bool begun;
    uint32_t behind; /* a source whose next row is in a batch not read yet, or MERGE_RUNS_MAX */
    struct batch batch;
    const struct vector **columns; /* of batch */
    uint16_t from_source[VECTOR_ROWS];
    uint16_t from_row[VECTOR_ROWS];
};

/* How many runs have readers within work_mem. */
static uint32_t runs_at_a_time(const struct exec *exec, const struct type *types, uint32_t column_count) {
    size_t row = 0;
    for (uint32_t i = 0; i < column_count; i++) {
        row += vector_form_size(vector_form_of(types[i].id)) + 1;
    }
    uint64_t runs = sql_work_bytes(exec->context->settings) / (row * VECTOR_ROWS + BLOCK_BYTES);
    return runs < MERGE_RUNS_MIN ? MERGE_RUNS_MIN : runs > MERGE_RUNS_MAX ? MERGE_RUNS_MAX : (uint32_t)runs;
}

struct spill_merge *spill_merge_new(struct exec_operator *self, const struct rowset_key *keys, uint32_t key_count,
                                    const struct type *types, uint32_t column_count) {
    struct sql_context *context = self->exec->context;
    struct spill_merge *merge = sql_alloc_zero(context, 1, sizeof(*merge));
    *merge = (struct spill_merge){
        .self = self, .keys = keys, .key_count = key_count, .types = types, .column_count = column_count};
    merge->runs_max = runs_at_a_time(self->exec, types, column_count);
    merge->batch.column_count = column_count;
    merge->batch.columns = sql_alloc_zero(context, column_count + 1, sizeof(struct vector));
    merge->columns = sql_alloc(context, sizeof(*merge->columns) * (column_count + 1));
    for (uint32_t i = 0; i < column_count; i++) {
        vector_init(context, &merge->batch.columns[i], types[i]);
        merge->columns[i] = &merge->batch.columns[i];
    }
    return merge;
}

static bool before(const struct spill_merge *merge, uint32_t a, uint32_t b) {
    const struct merge_source *x = &merge->sources[a];
    const struct merge_source *y = &merge->sources[b];
    int order = vectors_compare(merge->keys, merge->key_count, x->columns, x->row, y->columns, y->row);
    return order != 0 ? order < 0 : a < b;
}

static void sift_down(struct spill_merge *merge, uint32_t at) {
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < merge->heap_count; child++) {
            least = before(merge, merge->heap[child], merge->heap[least]) ? child : least;
        }
        if (least == at) {
            return;
        }
        uint32_t moved = merge->heap[at];
        merge->heap[at] = merge->heap[least];
        merge->heap[least] = moved;
        at = least;
    }
}

/* Reads a source's next batch; false: there is none. */
static bool advance(struct spill_merge *merge, uint32_t index) {
    struct merge_source *source = &merge->sources[index];
    source->batch = spill_reader_next(source->reader);
    source->row = 0;
    for (uint32_t i = 0; source->batch != NULL && i < merge->column_count; i++) {
        source->columns[i] = &source->batch->columns[i];
    }
    return source->batch != NULL;
}

/* Makes a heap of runs [first, first + count). */
static void open_sources(struct spill_merge *merge, uint32_t first, uint32_t count) {
    merge->behind = MERGE_RUNS_MAX;
    merge->heap_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct merge_source *source = &merge->sources[i];
        if (source->reader == NULL) {
            source->reader = spill_reader_new(merge->self->exec, merge->types, merge->column_count, VECTOR_ROWS);
            source->columns =
                sql_alloc(merge->self->exec->context, sizeof(*source->columns) * (merge->column_count + 1));
        }
        spill_reader_open(source->reader, merge->runs[first + i]);
        if (advance(merge, i)) {
            merge->heap[merge->heap_count++] = i;
        }
    }
    for (uint32_t at = merge->heap_count / 2; at > 0; at--) {
        sift_down(merge, at - 1);
    }
}

/* The source at the top of the heap had given all of its batch, whose bytes were still in use. */
static void catch_up(struct spill_merge *merge) {
    if (merge->behind != MERGE_RUNS_MAX) {
        ASSERT(merge->heap[0] == merge->behind);
        if (!advance(merge, merge->behind)) {
            merge->heap[0] = merge->heap[--merge->heap_count];
        }
        sift_down(merge, 0);
        merge->behind = MERGE_RUNS_MAX;
    }
}

static const struct batch *merged_next(struct spill_merge *merge) {
    catch_up(merge);
    uint32_t count = 0;
    while (count < VECTOR_ROWS && merge->heap_count > 0) {
        uint32_t index = merge->heap[0];
        struct merge_source *source = &merge->sources[index];
        merge->from_source[count] = (uint16_t)index;
        merge->from_row[count++] = (uint16_t)source->row++;
        if (source->row == source->batch->count) {
            merge->behind = index;
            break;
        }
        sift_down(merge, 0);
    }
    for (uint32_t i = 0; i < merge->column_count; i++) {
        struct vector *out = &merge->batch.columns[i];
        memset(out->null, 0, count);
        out->may_have_null = false;
        for (uint32_t n = 0; n < count; n++) {
            uint16_t to = (uint16_t)n;
            vector_copy(out, &to, merge->sources[merge->from_source[n]].columns[i], &merge->from_row[n], 1);
        }
    }
    merge->batch.count = count;
    return count == 0 ? NULL : &merge->batch;
}

/* Makes one run of neighbours. */
static struct spill_run *join_runs(struct spill_merge *merge, uint32_t first, uint32_t count) {
    struct spill_run *all = spill_run_new(merge->self, merge->types, merge->column_count);
    const struct batch *batch;
    open_sources(merge, first, count);
    while ((batch = merged_next(merge)) != NULL) {
        sql_check_cancel(merge->self->exec->context);
        spill_run_append(all, merge->columns, NULL, batch->count);
    }
    spill_run_end(all);
    return all;
}

static void begin(struct spill_merge *merge) {
    while (merge->run_count > merge->runs_max) {
        uint32_t made = 0;
        for (uint32_t first = 0; first < merge->run_count; first += merge->runs_max) {
            uint32_t rest = merge->run_count - first;
            merge->runs[made++] = join_runs(merge, first, rest < merge->runs_max ? rest : merge->runs_max);
        }
        merge->run_count = made;
    }
    open_sources(merge, 0, merge->run_count);
    merge->begun = true;
}

const struct batch *spill_merge_next(struct spill_merge *merge) {
    if (!merge->begun) {
        begin(merge);
    }
    return merged_next(merge);
}

void spill_merge_add_run(struct spill_merge *merge, struct spill_run *run) {
    ASSERT(!merge->begun);
    if (merge->run_count == merge->run_capacity) {
        uint32_t capacity = merge->run_capacity == 0 ? MERGE_RUNS_MAX : merge->run_capacity * 2;
        struct spill_run **runs = sql_alloc(merge->self->exec->context, sizeof(*runs) * capacity);
        if (merge->run_count > 0) {
            memcpy(runs, merge->runs, sizeof(*runs) * merge->run_count);
        }
        merge->runs = runs;
        merge->run_capacity = capacity;
    }
    merge->runs[merge->run_count++] = run;
}

void spill_merge_add(struct spill_merge *merge, const struct rowset *rowset, const uint32_t *order, uint32_t count) {
    struct spill_run *run = spill_run_new(merge->self, merge->types, merge->column_count);
    for (uint32_t done = 0; done < count;) {
        sql_check_cancel(merge->self->exec->context);
        uint32_t step = count - done < VECTOR_ROWS ? count - done : VECTOR_ROWS;
        for (uint32_t i = 0; i < merge->column_count; i++) {
            struct vector *out = &merge->batch.columns[i];
            memset(out->null, 0, step);
            out->may_have_null = false;
            rowset_gather(rowset, i, order + done, step, out);
        }
        spill_run_append(run, merge->columns, NULL, step);
        done += step;
    }
    spill_run_end(run);
    spill_merge_add_run(merge, run);
}
