/*
 * The C API's batches: many rows at once, column by column, in the memory layout of Apache Arrow.
 *
 * A reader that takes rows one by one pays for each value a call, a look at its type and, for text, a copy with a zero
 * behind it. Here whole runs of the executor's vectors are copied in loops without a branch on the type, into memory
 * that belongs to the statement and is used again by the next batch.
 */
#include <string.h>

#include "base/memory.h"
#include "engine/api_internal.h"

struct column_memory {
    struct buffer validity;
    struct buffer values;
    struct buffer offsets;
    uint32_t nulls;
};

struct api_batch {
    uint32_t columns;
    struct kmb_column_batch *out;
    struct column_memory *memory;
    bool ended; /* KMB_DONE came with the rows of the last batch */
};

void api_batch_free(struct api_batch *batch) {
    if (batch == NULL) {
        return;
    }
    for (uint32_t i = 0; batch->memory != NULL && i < batch->columns; i++) {
        buffer_free(&batch->memory[i].validity);
        buffer_free(&batch->memory[i].values);
        buffer_free(&batch->memory[i].offsets);
    }
    mem_free(batch->memory);
    mem_free(batch->out);
    mem_free(batch);
}

void api_batch_reset(struct api_batch *batch) {
    if (batch != NULL) {
        batch->ended = false;
    }
}

/* Bytes of a value; 0: bits, or bytes behind offsets. */
static uint32_t width_of(enum kmb_type type) {
    switch (type) {
    case KMB_TYPE_TINYINT:
        return 1;
    case KMB_TYPE_SMALLINT:
        return 2;
    case KMB_TYPE_INTEGER:
    case KMB_TYPE_REAL:
    case KMB_TYPE_DATE:
        return 4;
    case KMB_TYPE_BIGINT:
    case KMB_TYPE_DOUBLE:
    case KMB_TYPE_TIME:
    case KMB_TYPE_TIMESTAMP:
    case KMB_TYPE_TIMESTAMPTZ:
    case KMB_TYPE_OID:
        return 8;
    case KMB_TYPE_UUID:
        return 16;
    default:
        return 0;
    }
}

static enum kmb_status make(struct kmb_statement *statement, struct kmb_error *error) {
    uint32_t columns = kmb_column_count(statement);
    struct api_batch *batch = mem_alloc_zero(1, sizeof(*batch));
    if (batch != NULL) {
        batch->columns = columns;
        batch->out = mem_alloc_zero(columns + 1u, sizeof(batch->out[0]));
        batch->memory = mem_alloc_zero(columns + 1u, sizeof(batch->memory[0]));
    }
    if (batch == NULL || batch->out == NULL || batch->memory == NULL) {
        api_batch_free(batch);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < columns; i++) {
        batch->out[i].type = kmb_column_type(statement, i);
        batch->out[i].width = width_of(batch->out[i].type);
    }
    statement->batches = batch;
    return KMB_OK;
}

/* --- appending runs of rows --------------------------------------------------------------------------------------- */

/* Bits [count, count + more) of a bitmap become room for more, all zero. */
static bool extend_bits(struct buffer *bits, uint32_t count, uint32_t more) {
    size_t wanted = ((size_t)count + more + 7) / 8;
    if (wanted > bits->length) {
        size_t extra = wanted - bits->length;
        uint8_t *room = buffer_extend(bits, extra);
        if (room == NULL) {
            return false;
        }
        memset(room, 0, extra);
    }
    return true;
}

static void set_bit(struct buffer *bits, size_t at) {
    bits->bytes[at / 8] = (uint8_t)(bits->bytes[at / 8] | 1u << (at % 8));
}

static bool append_validity(struct column_memory *memory, const struct vector *vector, const uint16_t *rows,
                            uint32_t take, uint32_t count) {
    if (!extend_bits(&memory->validity, count, take)) {
        return false;
    }
    for (uint32_t i = 0; i < take; i++) {
        if (vector->may_have_null && vector->null[vector_row(vector, rows[i])] != 0) {
            memory->nulls++;
        } else {
            set_bit(&memory->validity, (size_t)count + i);
        }
    }
    return true;
}

static bool append_bits(struct buffer *values, const struct vector *vector, const uint16_t *rows, uint32_t take,
                        uint32_t count) {
    if (!extend_bits(values, count, take)) {
        return false;
    }
    for (uint32_t i = 0; i < take; i++) {
        uint32_t row = vector_row(vector, rows[i]);
        if (vector->boolean[row] != 0 && !(vector->may_have_null && vector->null[row] != 0)) {
            set_bit(values, (size_t)count + i);
        }
    }
    return true;
}

/* Numbers of a width; what stands where a value is NULL is anything. */
static bool append_fixed(struct buffer *values, const struct vector *vector, uint32_t width, const uint16_t *rows,
                         uint32_t take) {
    uint8_t *to = buffer_extend(values, (size_t)take * width);
    if (to == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < take; i++, to += width) {
        uint32_t row = vector_row(vector, rows[i]);
        bool null = vector->may_have_null && vector->null[row] != 0;
        if (null) {
            memset(to, 0, width);
        } else if (vector->form == VECTOR_INT) { /* little-endian: the low bytes are the narrow number */
            memcpy(to, &vector->integer[row], width);
        } else if (vector->form == VECTOR_TIMESTAMP) {
            memcpy(to, &vector->timestamp[row].us, width);
        } else if (vector->form == VECTOR_UUID) {
            memcpy(to, vector->uuid[row], width);
        } else if (width == sizeof(float)) {
            float narrow = (float)vector->real[row];
            memcpy(to, &narrow, width);
        } else {
            memcpy(to, &vector->real[row], width);
        }
    }
    return true;
}

/* Texts as kmb_column_text() gives them, bytea as it is, behind offsets. */
static enum kmb_status append_bytes(struct kmb_statement *statement, struct column_memory *memory,
                                    const struct vector *vector, const uint16_t *rows, uint32_t take,
                                    struct kmb_error *error) {
    struct datetime_context context = api_datetime(statement->session);
    struct buffer *values = &memory->values;
    enum type_id type = vector->type.id;
    bool raw = type == TYPE_TEXT || type == TYPE_VARCHAR || type == TYPE_BYTEA;
    for (uint32_t i = 0; i < take; i++) {
        struct value value = vector_get(vector, vector_row(vector, rows[i]));
        if (!value.is_null && raw) {
            buffer_append_slice(values, value.as.bytes);
        } else if (!value.is_null) {
            value = type_is_label(value.type) ? value_text(value_label_name(value.as.bytes)) : value;
            value_print(&value, &context, values);
        }
        if (values->length > INT32_MAX) {
            return error_set(error, KMB_LIMIT, "a batch's column is larger than 2 GiB: ask for fewer rows at a time");
        }
        buffer_u32(&memory->offsets, (uint32_t)values->length);
    }
    return buffer_ok(values) && buffer_ok(&memory->offsets) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
}

static enum kmb_status append_column(struct kmb_statement *statement, uint32_t column, const uint16_t *rows,
                                     uint32_t take, uint32_t count, struct kmb_error *error) {
    struct api_batch *batch = statement->batches;
    struct column_memory *memory = &batch->memory[column];
    const struct vector *vector = &statement->batch->columns[column];
    uint32_t width = batch->out[column].width;
    bool made = append_validity(memory, vector, rows, take, count);
    if (made && batch->out[column].type == KMB_TYPE_BOOLEAN) {
        made = append_bits(&memory->values, vector, rows, take, count);
    } else if (made && width != 0) {
        made = append_fixed(&memory->values, vector, width, rows, take);
    } else if (made) {
        return append_bytes(statement, memory, vector, rows, take, error);
    }
    return made ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
}

/* The row that stands ready and those behind it in the executor's batch, `most` at most. *take: how many. */
static enum kmb_status take_rows(struct kmb_statement *statement, uint32_t most, uint32_t count, uint32_t *take,
                                 struct kmb_error *error) {
    const struct batch *batch = statement->batch;
    uint32_t live = batch->selection == NULL ? batch->count : batch->selection_count;
    uint32_t first = statement->next - 1;
    uint16_t rows[VECTOR_ROWS];
    enum kmb_status status = KMB_OK;
    *take = live - first < most ? live - first : most;
    for (uint32_t i = 0; i < *take; i++) {
        rows[i] = batch->selection == NULL ? (uint16_t)(first + i) : batch->selection[first + i];
    }
    for (uint32_t i = 0; status == KMB_OK && i < statement->batches->columns; i++) {
        status = append_column(statement, i, rows, *take, count, error);
    }
    statement->next = first + *take;
    return status;
}

static void clear(struct api_batch *batch) {
    for (uint32_t i = 0; i < batch->columns; i++) {
        struct column_memory *memory = &batch->memory[i];
        buffer_clear(&memory->validity);
        buffer_clear(&memory->values);
        buffer_clear(&memory->offsets);
        memory->nulls = 0;
        if (batch->out[i].width == 0 && batch->out[i].type != KMB_TYPE_BOOLEAN) {
            buffer_u32(&memory->offsets, 0);
        }
    }
}

static void give(struct api_batch *batch, uint32_t rows, struct kmb_batch *out) {
    for (uint32_t i = 0; i < batch->columns; i++) {
        struct column_memory *memory = &batch->memory[i];
        struct kmb_column_batch *column = &batch->out[i];
        column->null_count = memory->nulls;
        column->validity = memory->nulls == 0 ? NULL : memory->validity.bytes;
        column->values = memory->values.length == 0 ? (const void *)"" : memory->values.bytes;
        column->offsets = memory->offsets.length == 0 ? NULL : (const int32_t *)(const void *)memory->offsets.bytes;
    }
    struct kmb_batch filled = {.rows = rows, .columns = batch->columns, .column = batch->out};
    api_fill_sized(out, &filled, sizeof(filled));
}

/* The batch is of the columns that the run has: they may be others than when it was made. */
static enum kmb_status refit(struct kmb_statement *statement, struct kmb_error *error) {
    struct api_batch *batch = statement->batches;
    uint32_t columns = kmb_column_count(statement);
    bool same = batch->columns == columns;
    for (uint32_t i = 0; same && i < columns; i++) {
        same = batch->out[i].type == kmb_column_type(statement, i);
    }
    if (same) {
        return KMB_OK;
    }
    statement->batches = NULL;
    api_batch_free(batch);
    enum kmb_status status = make(statement, error);
    if (status == KMB_OK) {
        clear(statement->batches);
    }
    return status;
}

enum kmb_status kmb_step_batch(kmb_statement *statement, uint32_t rows_max, struct kmb_batch *out,
                               struct kmb_error *error) {
    if (statement == NULL || out == NULL) {
        return api_absent("statement, or place for the batch,", error);
    }
    enum kmb_status status = api_check_size(out, "kmb_batch", error);
    if (status == KMB_OK && rows_max == 0) {
        status = error_set(error, KMB_USAGE, "a batch of no rows was asked for");
    }
    if (status == KMB_OK && statement->batches == NULL) {
        status = make(statement, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct api_batch *batch = statement->batches;
    uint32_t rows = 0;
    clear(batch);
    if (batch->ended) {
        batch->ended = false;
        give(batch, 0, out);
        return KMB_DONE;
    }
    while (rows < rows_max && (status = kmb_step(statement, error)) == KMB_ROW) {
        uint32_t take = 0;
        status = rows == 0 ? refit(statement, error) : KMB_OK;
        if (status == KMB_OK) {
            status = take_rows(statement, rows_max - rows, rows, &take, error);
        }
        rows += take;
        if (status != KMB_OK) {
            kmb_reset(statement);
            return status;
        }
    }
    statement->has_row = false;
    if (status == KMB_DONE && rows == 0 && refit(statement, error) != KMB_OK) {
        status = KMB_NO_MEMORY;
    }
    if (status != KMB_OK && status != KMB_ROW && status != KMB_DONE) {
        return status;
    }
    batch = statement->batches;
    batch->ended = status == KMB_DONE && rows > 0;
    give(batch, rows, out);
    return rows > 0 ? KMB_ROW : KMB_DONE;
}
