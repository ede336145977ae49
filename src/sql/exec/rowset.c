/*
 * Rows kept in columns.
 *
 * Sorting, hashing and joining look at a few columns of many rows, so what they keep stays columnar: chunks of 1024
 * rows, each column a vector like any other, which the same loops read. Bytes of a column's batch are copied in one
 * piece.
 */
#include "sql/exec/rowset.h"

#include "base/assert.h"
#include "types/array.h"
#include "types/json.h"

void rowset_init(struct rowset *rowset, struct sql_context *context, struct arena *arena, const struct type *types,
                 uint32_t column_count) {
    *rowset = (struct rowset){
        .context = context, .arena = arena == NULL ? &context->arena : arena, .column_count = column_count};
    rowset->bytes = rowset->arena;
    rowset->types = sql_alloc(context, sizeof(struct type) * (column_count + 1));
    memcpy(rowset->types, types, sizeof(struct type) * column_count);
}

static void chunk_add(struct rowset *rowset) {
    struct arena *arena = rowset->arena;
    if (rowset->chunk_count == rowset->chunk_capacity) {
        uint32_t capacity = rowset->chunk_capacity == 0 ? 16 : rowset->chunk_capacity * 2;
        struct vector **chunks = arena_alloc(arena, sizeof(*chunks) * capacity);
        ASSERT(chunks != NULL); /* on_fail raises */
        if (rowset->chunk_count > 0) {
            memcpy(chunks, rowset->chunks, sizeof(*chunks) * rowset->chunk_count);
        }
        rowset->chunks = chunks;
        rowset->chunk_capacity = capacity;
    }
    struct vector *columns = arena_alloc(arena, (rowset->column_count + 1) * sizeof(struct vector));
    ASSERT(columns != NULL);
    for (uint32_t i = 0; i < rowset->column_count; i++) {
        vector_init_in(arena, &columns[i], rowset->types[i], VECTOR_ROWS);
    }
    rowset->chunks[rowset->chunk_count++] = columns;
}

/* Copies the bytes of elements [from, from + count) of a chunk's column out of what they borrow from. */
static void own_bytes(struct rowset *rowset, struct vector *column, uint32_t from, uint32_t count) {
    size_t total = 0;
    for (uint32_t row = from; row < from + count; row++) {
        total += vector_is_null(column, row) ? 0 : column->bytes[row].length;
    }
    uint8_t *bytes = total == 0 ? NULL : arena_alloc(rowset->bytes, total);
    ASSERT(total == 0 || bytes != NULL); /* on_fail raises */
    for (uint32_t row = from; row < from + count; row++) {
        if (vector_is_null(column, row)) {
            column->bytes[row] = slice_make(NULL, 0);
            continue;
        }
        size_t length = column->bytes[row].length;
        if (length > 0) {
            memcpy(bytes, column->bytes[row].bytes, length);
        }
        column->bytes[row] = slice_make(bytes, length);
        bytes = bytes == NULL ? NULL : bytes + length;
    }
}

void rowset_append(struct rowset *rowset, const struct vector *const *columns, const uint16_t *selection,
                   uint32_t count) {
    if ((uint64_t)rowset->row_count + count >= ROWSET_NONE) {
        sql_raise(rowset->context, KMB_LIMIT, 0, "more than 4294967294 rows in one sort, group or join");
    }
    for (uint32_t done = 0; done < count;) {
        uint32_t place = rowset->row_count % VECTOR_ROWS;
        if (place == 0 && rowset->row_count / VECTOR_ROWS == rowset->chunk_count) {
            chunk_add(rowset);
        }
        uint32_t step = VECTOR_ROWS - place < count - done ? VECTOR_ROWS - place : count - done;
        uint16_t to_rows[VECTOR_ROWS];
        uint16_t from_rows[VECTOR_ROWS];
        for (uint32_t i = 0; i < step; i++) {
            to_rows[i] = (uint16_t)(place + i);
            from_rows[i] = selection == NULL ? (uint16_t)(done + i) : selection[done + i];
        }
        struct vector *chunk = rowset->chunks[rowset->row_count / VECTOR_ROWS];
        for (uint32_t i = 0; i < rowset->column_count; i++) {
            vector_copy(&chunk[i], to_rows, columns[i], from_rows, step);
            if (chunk[i].form == VECTOR_BYTES) {
                own_bytes(rowset, &chunk[i], place, step);
            }
        }
        rowset->row_count += step;
        done += step;
    }
}

void rowset_clear(struct rowset *rowset) {
    for (uint32_t i = 0; i < rowset->chunk_count; i++) {
        for (uint32_t n = 0; n < rowset->column_count; n++) {
            struct vector *column = &rowset->chunks[i][n];
            if (column->may_have_null) {
                memset(column->null, 0, VECTOR_ROWS);
                column->may_have_null = false;
            }
        }
    }
    rowset->row_count = 0;
}

void rowset_reset(struct rowset *rowset) {
    rowset->row_count = 0;
    rowset->chunk_count = 0;
    rowset->chunk_capacity = 0;
    rowset->chunks = NULL;
}

struct batch rowset_chunk(const struct rowset *rowset, uint32_t chunk) {
    uint32_t before = chunk * VECTOR_ROWS;
    uint32_t count = rowset->row_count - before < VECTOR_ROWS ? rowset->row_count - before : VECTOR_ROWS;
    return (struct batch){.column_count = rowset->column_count, .count = count, .columns = rowset->chunks[chunk]};
}

#define GATHER(member)                                                                                                 \
    for (uint32_t i = 0; i < count; i++) {                                                                             \
        if (rows[i] != ROWSET_NONE) {                                                                                  \
            out->member[i] = rowset->chunks[rows[i] / VECTOR_ROWS][column].member[rows[i] % VECTOR_ROWS];              \
        }                                                                                                              \
    }                                                                                                                  \
    break

void rowset_gather(const struct rowset *rowset, uint32_t column, const uint32_t *rows, uint32_t count,
                   struct vector *out) {
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t null = 1;
        if (rows[i] != ROWSET_NONE) {
            const struct vector *source = &rowset->chunks[rows[i] / VECTOR_ROWS][column];
            null = source->may_have_null && source->null[rows[i] % VECTOR_ROWS];
        }
        out->null[i] = null;
        any |= null;
    }
    out->may_have_null |= any;
    switch (out->form) {
    case VECTOR_BOOL:
        GATHER(boolean);
    case VECTOR_INT:
        GATHER(integer);
    case VECTOR_REAL:
        GATHER(real);
    case VECTOR_DECIMAL:
        GATHER(decimal);
    case VECTOR_BYTES:
        GATHER(bytes);
    case VECTOR_TIMESTAMP:
        GATHER(timestamp);
    case VECTOR_INTERVAL:
        GATHER(interval);
    case VECTOR_UUID:
        for (uint32_t i = 0; i < count; i++) {
            if (rows[i] != ROWSET_NONE) {
                memcpy(out->uuid[i], rowset->chunks[rows[i] / VECTOR_ROWS][column].uuid[rows[i] % VECTOR_ROWS], 16);
            }
        }
        break;
    }
}

/* --- comparing and hashing --- */

int vector_compare(const struct vector *a, uint32_t row_a, const struct vector *b, uint32_t row_b) {
    switch (a->form) {
    case VECTOR_BOOL:
        return (int)a->boolean[row_a] - (int)b->boolean[row_b];
    case VECTOR_INT:
        return (a->integer[row_a] > b->integer[row_b]) - (a->integer[row_a] < b->integer[row_b]);
    case VECTOR_REAL:
        return value_compare_real(a->real[row_a], b->real[row_b]);
    case VECTOR_DECIMAL:
        return decimal_compare(a->decimal[row_a], b->decimal[row_b]);
    case VECTOR_BYTES:
        if (a->type.id == TYPE_JSONB) {
            return json_compare(a->bytes[row_a], b->bytes[row_b]);
        }
        if (type_is_array(a->type.id)) {
            return array_compare(a->type.id, a->bytes[row_a], b->bytes[row_b]);
        }
        if (type_is_label(a->type.id)) {
            return memcmp(a->bytes[row_a].bytes, b->bytes[row_b].bytes, VALUE_LABEL_PLACE);
        }
        return a->type.id == TYPE_BPCHAR
                   ? slice_compare(value_trim_blanks(a->bytes[row_a]), value_trim_blanks(b->bytes[row_b]))
                   : slice_compare(a->bytes[row_a], b->bytes[row_b]);
    case VECTOR_TIMESTAMP:
        return timestamp_compare(a->timestamp[row_a], b->timestamp[row_b]);
    case VECTOR_INTERVAL:
        return interval_compare(a->interval[row_a], b->interval[row_b]);
    case VECTOR_UUID:
        return memcmp(a->uuid[row_a], b->uuid[row_b], 16);
    }
    UNREACHABLE("vector form");
}

bool vector_equal(const struct vector *a, uint32_t row_a, const struct vector *b, uint32_t row_b) {
    bool null_a = vector_is_null(a, row_a);
    bool null_b = vector_is_null(b, row_b);
    if (null_a || null_b) {
        return null_a && null_b;
    }
    if (a->form == VECTOR_INT) {
        return a->integer[row_a] == b->integer[row_b];
    }
    if (a->form == VECTOR_BYTES && a->type.id != TYPE_BPCHAR && a->type.id != TYPE_JSONB &&
        !type_is_array(a->type.id) && !type_is_label(a->type.id)) {
        return slice_equal(a->bytes[row_a], b->bytes[row_b]);
    }
    return vector_compare(a, row_a, b, row_b) == 0;
}

/* The finaliser of MurmurHash3 (public domain constants): every input bit reaches every output bit. */
static inline uint64_t mix(uint64_t x) {
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    x ^= x >> 33;
    return x;
}

static uint64_t hash_bytes(struct slice bytes) {
    uint64_t hash = bytes.length * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = 0;
    for (; at + 8 <= bytes.length; at += 8) {
        uint64_t word;
        memcpy(&word, bytes.bytes + at, 8);
        hash = mix(hash ^ word);
    }
    uint64_t tail = 0;
    if (at < bytes.length) {
        memcpy(&tail, bytes.bytes + at, bytes.length - at);
    }
    return mix(hash ^ tail);
}

static uint64_t hash_real(double value) {
    uint64_t bits = 0;
    if (value != value) {
        return UINT64_C(0x7ff8000000000000);
    }
    value = value == 0 ? 0 : value; /* -0 and 0 are equal */
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t hash_element(const struct vector *vector, uint32_t row) {
    uint64_t words[2];
    switch (vector->form) {
    case VECTOR_BOOL:
        return vector->boolean[row];
    case VECTOR_INT:
        return (uint64_t)vector->integer[row];
    case VECTOR_REAL:
        return hash_real(vector->real[row]);
    case VECTOR_DECIMAL:
        return decimal_hash(vector->decimal[row]);
    case VECTOR_BYTES:
        if (vector->type.id == TYPE_JSONB) {
            return json_hash(vector->bytes[row], 0);
        }
        if (type_is_array(vector->type.id)) {
            return array_hash(vector->type.id, vector->bytes[row], 0);
        }
        if (type_is_label(vector->type.id)) {
            return hash_bytes(value_label_place(vector->bytes[row]));
        }
        return hash_bytes(vector->type.id == TYPE_BPCHAR ? value_trim_blanks(vector->bytes[row]) : vector->bytes[row]);
    case VECTOR_TIMESTAMP:
        return (uint64_t)vector->timestamp[row].us + vector->timestamp[row].ns * UINT64_C(0x9E3779B97F4A7C15);
    case VECTOR_INTERVAL:
        return interval_hash(vector->interval[row]);
    case VECTOR_UUID:
        memcpy(words, vector->uuid[row], 16);
        return words[0] ^ mix(words[1]);
    }
    UNREACHABLE("vector form");
}

void vector_hash(const struct vector *vector, const uint16_t *selection, uint32_t count, uint64_t *hashes) {
    if (vector->form == VECTOR_INT && !vector->may_have_null && !vector->constant) { /* the usual key */
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = selection == NULL ? i : selection[i];
            hashes[i] = mix(hashes[i] * 31 + (uint64_t)vector->integer[row]);
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = vector_row(vector, selection == NULL ? i : selection[i]);
        uint64_t element = vector_is_null(vector, row) ? UINT64_C(0x6e756c6c) : hash_element(vector, row);
        hashes[i] = mix(hashes[i] * 31 + element);
    }
}
