/*
 * COPY: records read into batches, and batches written as records.
 *
 * A record's fields become values by their types' input functions, in binary format by what PostgreSQL's receive
 * functions do (types/value_send.h). Errors come in the order of the records: one that cannot be read waits until the
 * rows before it have been inserted, as these may be refused for a reason of their own. Where an error stood is told in
 * its detail, in the words of PostgreSQL's CONTEXT: COPY t, line 2, column b: "x".
 */
#include "sql/plan/copy.h"

#include <stdio.h>

#include "base/assert.h"
#include "sql/exec/operator.h"
#include "types/record_binary.h"
#include "types/value_send.h"

#define EXCERPT_BYTES  100 /* of a record or value shown, as PostgreSQL (MAX_COPY_DATA_DISPLAY) */
#define OUT_BYTES_SOFT ((size_t)64 << 10)

/* Where in the source. */
struct copy_place {
    uint64_t line;
    struct slice record; /* as far as it is shown; bytes NULL: not */
    const char *column;  /* NULL: no one column's */
    bool null;
    struct slice value; /* of the column */
};

struct copy_in {
    struct exec_operator base;
    bool binary; /* which of the readers reads */
    struct record_reader reader;
    struct binary_reader binary_reader;
    struct datetime_context when;
    struct copy_place place;   /* of what is done now */
    struct copy_place *places; /* of the batch's rows */
    bool started;
    bool reading; /* errors are the source's */
    bool done;
    /* an error that waits */
    enum kmb_status status;
    struct kmb_error error;
};

static struct datetime_context copy_when(const struct sql_context *context) {
    return sql_datetime(context);
}

/* --- where --- */

static int excerpt_length(struct slice text) {
    if (text.length <= EXCERPT_BYTES) {
        return (int)text.length;
    }
    size_t length = EXCERPT_BYTES;
    while (length > 0 && (text.bytes[length] & 0xc0u) == 0x80u) {
        length--;
    }
    return (int)length;
}

static void tell_place(void *object, struct kmb_error *error) {
    const struct copy_in *copy = object;
    const struct copy_place *place = &copy->place;
    if (!copy->reading) {
        return;
    }
    uint32_t row = copy->base.exec->row_refused;
    if (row > 0) {
        place = &copy->places[row - 1];
    }
    const char *relation = copy->base.node->copy->relation;
    unsigned long long line = place->line;
    struct slice shown = place->column != NULL ? place->value : place->record;
    int length = excerpt_length(shown);
    const char *dots = shown.length > (size_t)length ? "..." : "";
    const char *bytes = (const char *)shown.bytes;
    if (place->column != NULL && copy->binary) {
        (void)error_context(error, "COPY %s, line %llu, column %s", relation, line, place->column);
    } else if (place->column != NULL && place->null) {
        (void)error_context(error, "COPY %s, line %llu, column %s: null input", relation, line, place->column);
    } else if (place->column != NULL) {
        (void)error_context(error, "COPY %s, line %llu, column %s: \"%.*s%s\"", relation, line, place->column, length,
                            bytes, dots);
    } else if (place->record.bytes != NULL && error->status != KMB_UNIQUE_VIOLATION) { /* as PostgreSQL has it */
        (void)error_context(error, "COPY %s, line %llu: \"%.*s%s\"", relation, line, length, bytes, dots);
    } else {
        (void)error_context(error, "COPY %s, line %llu", relation, line);
    }
}

/* --- reading --- */

/* The next record; false at the end, or with an error in copy->status. */
static bool copy_record(struct copy_in *copy) {
    enum kmb_status status = KMB_OK;
    if (copy->binary) {
        copy->place = (struct copy_place){.line = copy->place.line + 1};
        status = binary_row(&copy->binary_reader, copy->base.node->copy->column_count, &copy->error);
    } else {
        copy->place = (struct copy_place){.line = copy->reader.line_next};
        status = record_next(&copy->reader, &copy->error);
        copy->place.line = copy->reader.line_last;
        copy->place.record = copy->reader.raw;
    }
    if (status == KMB_DONE) {
        copy->done = true;
        return false;
    }
    copy->status = status == KMB_ROW ? KMB_OK : status;
    return status == KMB_ROW;
}

static enum kmb_status copy_width(struct copy_in *copy) {
    const struct plan_copy *plan = copy->base.node->copy;
    if (copy->reader.field_count > plan->column_count) {
        return error_set(&copy->error, KMB_BAD_COPY_FORMAT, "extra data after last expected column");
    }
    if (copy->reader.field_count < plan->column_count) {
        return error_set(&copy->error, KMB_BAD_COPY_FORMAT, "missing data for column \"%s\"",
                         plan->names[copy->reader.field_count]);
    }
    return KMB_OK;
}

/* The record just read becomes row `row` of the batch. */
static enum kmb_status copy_row(struct copy_in *copy, uint32_t row) {
    struct exec_operator *self = &copy->base;
    const struct plan_node *node = self->node;
    enum kmb_status status = copy_width(copy);
    if (status != KMB_OK) {
        return status;
    }
    /* Values borrow from the text, which the reader uses again. */
    struct slice text = arena_dup_slice(&self->scratch, buffer_slice(&copy->reader.text));
    for (uint32_t i = 0; i < node->column_count; i++) {
        const struct record_field *field = &copy->reader.fields[i];
        struct value value = value_null(node->columns[i].type.id);
        copy->place.column = node->columns[i].name;
        copy->place.null = field->null;
        copy->place.value = slice_make(text.bytes + field->offset, field->length);
        if (!field->null) {
            status = catalogue_value_parse(self->exec->context->catalogue, node->columns[i].type, copy->place.value,
                                           &copy->when, &self->scratch, &value, &copy->error);
            if (status != KMB_OK) {
                return status;
            }
        }
        vector_set(&self->batch.columns[i], row, &value);
    }
    copy->place.column = NULL;
    struct slice record = copy->reader.raw;
    record.length = record.length > EXCERPT_BYTES + 4 ? EXCERPT_BYTES + 4 : record.length; /* and a character */
    copy->place.record = arena_dup_slice(&self->scratch, record);
    copy->place.record.bytes = copy->place.record.bytes == NULL ? (const uint8_t *)"" : copy->place.record.bytes;
    copy->places[row] = copy->place;
    return KMB_OK;
}

/* A field of the binary format. */
static enum kmb_status receive_field(struct copy_in *copy, struct type type, struct slice field, struct value *out) {
    struct exec_operator *self = &copy->base;
    if (type_is_borrowed(type.id)) { /* the reader uses its memory again */
        field = arena_dup_slice(&self->scratch, field);
    }
    struct reader reader = reader_make(field);
    enum kmb_status status = value_receive(type, &reader, &self->scratch, out, &copy->error);
    if (status == KMB_OK && !reader_done(&reader)) {
        status = error_set(&copy->error, KMB_INVALID_BINARY, "incorrect binary data format");
    }
    if (status == KMB_OK && out->type == TYPE_UNKNOWN && type.id != TYPE_UNKNOWN) { /* the catalogue's to read */
        status = catalogue_value_parse(self->exec->context->catalogue, type, out->as.bytes, &copy->when, &self->scratch,
                                       out, &copy->error);
    }
    return status;
}

/* The fields of the row that has begun become row `row` of the batch. */
static enum kmb_status copy_binary_row(struct copy_in *copy, uint32_t row) {
    const struct plan_node *node = copy->base.node;
    for (uint32_t i = 0; i < node->column_count; i++) {
        struct value value = value_null(node->columns[i].type.id);
        struct slice field;
        bool is_null;
        copy->place.column = node->columns[i].name;
        enum kmb_status status = binary_field(&copy->binary_reader, &field, &is_null, &copy->error);
        if (status == KMB_OK && !is_null) {
            status = receive_field(copy, node->columns[i].type, field, &value);
        }
        if (status != KMB_OK) {
            return status;
        }
        vector_set(&copy->base.batch.columns[i], row, &value);
    }
    copy->place.column = NULL;
    copy->places[row] = copy->place;
    return KMB_OK;
}

_Noreturn static void raise_waiting(struct copy_in *copy) {
    struct sql_context *context = copy->base.exec->context;
    copy->base.exec->row_refused = 0;
    if (context->error != NULL) {
        *context->error = copy->error;
    }
    sql_raise_status(context, copy->status, 0);
}

/* The names in the header are the columns'. */
static void check_header(struct copy_in *copy) {
    struct sql_context *context = copy->base.exec->context;
    const struct plan_copy *plan = copy->base.node->copy;
    struct record_reader *reader = &copy->reader;
    if (reader->field_count != plan->column_count) {
        sql_raise(context, KMB_BAD_COPY_FORMAT, 0, "wrong number of fields in header line: got %u, expected %u",
                  reader->field_count, plan->column_count);
    }
    for (uint32_t i = 0; i < plan->column_count; i++) {
        struct slice found = record_field_text(reader, i);
        if (reader->fields[i].null) {
            sql_raise(context, KMB_BAD_COPY_FORMAT, 0,
                      "column name mismatch in header line field %u: got null value (\"%.*s\"), expected \"%s\"", i + 1,
                      (int)plan->format.null_text.length, (const char *)plan->format.null_text.bytes, plan->names[i]);
        }
        if (!slice_equal_text(found, plan->names[i])) {
            sql_raise(context, KMB_BAD_COPY_FORMAT, 0,
                      "column name mismatch in header line field %u: got \"%.*s\", expected \"%s\"", i + 1,
                      (int)found.length, (const char *)found.bytes, plan->names[i]);
        }
    }
}

static void copy_header(struct copy_in *copy) {
    if (copy->base.node->copy->header == PLAN_COPY_NO_HEADER) {
        return;
    }
    if (!copy_record(copy)) {
        if (copy->status != KMB_OK) {
            raise_waiting(copy);
        }
        return;
    }
    if (copy->base.node->copy->header == PLAN_COPY_HEADER_MATCH) {
        check_header(copy);
    }
}

/* Before the first record. */
static void copy_start(struct copy_in *copy) {
    copy->started = true;
    if (copy->binary) {
        sql_try(copy->base.exec->context, binary_header(&copy->binary_reader, copy->base.exec->context->error));
        copy->reading = true;
        return;
    }
    copy->reading = true;
    copy_header(copy);
}

static const struct batch *copy_next(struct exec_operator *self) {
    struct copy_in *copy = (struct copy_in *)self;
    uint32_t count = 0;
    if (!copy->started) {
        copy_start(copy);
    }
    if (copy->status != KMB_OK) {
        raise_waiting(copy);
    }
    operator_begin(self);
    operator_clear(self);
    while (count < self->rows_max && !copy->done && copy_record(copy)) {
        copy->status = copy->binary ? copy_binary_row(copy, count) : copy_row(copy, count);
        if (copy->status != KMB_OK) {
            break;
        }
        count++;
    }
    if (count == 0 && copy->status != KMB_OK) {
        raise_waiting(copy);
    }
    copy->reading = count > 0; /* at the end what is wrong is no longer the source's */
    self->batch.count = count;
    return count == 0 ? NULL : &self->batch;
}

static enum kmb_status read_host(void *object, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    const struct sql_host *host = object;
    *count = 0;
    return host->copy->read(host->copy->context, bytes, size, count, error);
}

static void copy_free(void *object) {
    struct copy_in *copy = object;
    record_reader_free(&copy->reader);
    binary_reader_free(&copy->binary_reader);
    copy->base.exec->context->tell = NULL;
}

struct exec_operator *copy_make(struct exec *exec, const struct plan_node *node) {
    const struct sql_host *host = exec->host;
    if (host->copy == NULL || host->copy->read == NULL) {
        sql_raise(exec->context, KMB_OBJECT_NOT_IN_STATE, 0, "COPY FROM STDIN has nothing to read from");
    }
    struct copy_in *copy = operator_new(exec, node, sizeof(*copy), copy_next);
    record_reader_init(&copy->reader, &node->copy->format, read_host, (void *)(uintptr_t)host);
    copy->binary = node->copy->binary;
    copy->binary_reader = (struct binary_reader){.read = read_host, .context = (void *)(uintptr_t)host};
    exec_defer(exec, copy_free, copy);
    copy->when = copy_when(exec->context);
    copy->places = sql_alloc_zero(exec->context, VECTOR_ROWS, sizeof(*copy->places));
    operator_columns(&copy->base, VECTOR_ROWS);
    exec->context->tell = tell_place;
    exec->context->tell_object = copy;
    return &copy->base;
}

/* --- writing --- */

struct copy_out {
    struct sql_context *context;
    const struct sql_host *host;
    const struct plan_copy *plan;
    struct datetime_context when;
    bool plain_numbers; /* numbers and times never need quotes or backslashes */
    struct buffer lines;
    struct buffer text; /* of one value */
};

static void free_lines(void *object) {
    struct copy_out *out = object;
    buffer_free(&out->lines);
    buffer_free(&out->text);
}

static void flush(struct copy_out *out) {
    if (!buffer_ok(&out->lines) || !buffer_ok(&out->text)) {
        sql_raise(out->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    if (out->lines.length > 0) {
        sql_try(out->context, out->host->copy->write(out->host->copy->context, out->lines.bytes, out->lines.length,
                                                     out->context->error));
    }
    buffer_clear(&out->lines);
}

static void write_field(struct copy_out *out, uint32_t i, const char *text, size_t length, bool forced) {
    if (i > 0) {
        buffer_append_byte(&out->lines, out->plan->format.delimiter);
    }
    record_append(&out->lines, &out->plan->format, text, length, forced, out->plan->column_count == 1);
}

/* Whether neither delimiter, quote nor the text of a NULL can be met in numbers and times. */
static bool numbers_are_plain(const struct record_format *format) {
    return strchr("\t,;|", format->delimiter) != NULL && strchr("\"'", format->quote) != NULL &&
           (format->null_text.length == 0 || format->null_text.bytes[0] == '\\');
}

static bool is_number_or_time(enum type_id type) {
    return type_is_integer(type) || type == TYPE_NUMERIC || type == TYPE_FLOAT4 || type == TYPE_FLOAT8 ||
           type == TYPE_DATE || type == TYPE_TIME || type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMPTZ;
}

static void write_row(struct copy_out *out, const struct batch *batch, uint32_t row) {
    const bool *forced = out->plan->format.forced_value;
    for (uint32_t i = 0; i < out->plan->column_count; i++) {
        const struct vector *column = &batch->columns[i];
        struct value value = vector_get(column, vector_row(column, row));
        if (out->plain_numbers && !value.is_null && is_number_or_time(value.type) && !forced[i]) {
            if (i > 0) {
                buffer_append_byte(&out->lines, out->plan->format.delimiter);
            }
            value_print(&value, &out->when, &out->lines);
            continue;
        }
        buffer_clear(&out->text);
        value_print(&value, &out->when, &out->text);
        const char *text = value.is_null ? NULL : (const char *)out->text.bytes;
        text = value.is_null || text != NULL ? text : "";
        write_field(out, i, text, out->text.length, forced[i]);
    }
    buffer_append_byte(&out->lines, '\n');
}

static void write_binary_row(struct copy_out *out, const struct batch *batch, uint32_t row) {
    binary_put_row(&out->lines, out->plan->column_count);
    for (uint32_t i = 0; i < out->plan->column_count; i++) {
        const struct vector *column = &batch->columns[i];
        struct value value = vector_get(column, vector_row(column, row));
        if (value.is_null) {
            binary_put_null(&out->lines);
            continue;
        }
        size_t start = binary_begin_field(&out->lines);
        value_send(&value, &out->lines);
        binary_end_field(&out->lines, start);
    }
}

static void write_header(struct copy_out *out) {
    const struct plan_copy *plan = out->plan;
    if (plan->binary) {
        binary_put_header(&out->lines); /* goes out with the first row, also by rows */
        return;
    }
    if (plan->header == PLAN_COPY_NO_HEADER) {
        return;
    }
    for (uint32_t i = 0; i < plan->column_count; i++) {
        write_field(out, i, plan->names[i], strlen(plan->names[i]), false);
    }
    buffer_append_byte(&out->lines, '\n');
    if (out->host->copy->by_row) {
        flush(out);
    }
}

uint64_t copy_write(struct sql_context *context, const struct sql_host *host, const struct plan_copy *plan,
                    struct exec *exec) {
    if (host->copy == NULL || host->copy->write == NULL) {
        sql_raise(context, KMB_OBJECT_NOT_IN_STATE, 0, "COPY TO STDOUT has nowhere to write to");
    }
    uint64_t rows = 0;
    const struct batch *batch = NULL;
    struct copy_out *out = sql_alloc_zero(context, 1, sizeof(*out));
    *out = (struct copy_out){.context = context,
                             .host = host,
                             .plan = plan,
                             .when = copy_when(context),
                             .plain_numbers = numbers_are_plain(&plan->format)};
    sql_defer(context, free_lines, out);
    size_t soft = host->copy->by_row ? 1 : OUT_BYTES_SOFT;
    batch = exec_next(exec); /* changes its rows, if it does: nothing is given before */
    write_header(out);
    for (; batch != NULL; batch = exec_next(exec)) {
        uint32_t live = batch->selection == NULL ? batch->count : batch->selection_count;
        for (uint32_t i = 0; i < live; i++) {
            uint32_t row = batch->selection == NULL ? i : batch->selection[i];
            if (plan->binary) {
                write_binary_row(out, batch, row);
            } else {
                write_row(out, batch, row);
            }
            if (out->lines.length >= soft) {
                flush(out);
            }
        }
        sql_check_cancel(context);
        rows += live;
    }
    if (plan->binary) {
        binary_put_end(&out->lines);
    }
    flush(out);
    return rows;
}
