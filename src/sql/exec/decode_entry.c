/*
 * Decoding index entries.
 *
 * A key is read from its front: parts that nobody wants are passed over, and nothing behind the last wanted one is
 * looked at. An index on one integer is one load a row; count(*) reads nothing at all.
 */
#include "sql/exec/decode_entry.h"

#include "base/assert.h"
#include "kernel/catalogue.h"
#include "sql/context.h"
#include "sql/exec/scan.h"
#include "types/key.h"

struct entry_part {
    struct key_column column;
    uint32_t output; /* UINT32_MAX: not wanted */
};

struct entry_decoder {
    struct sql_context *context;
    struct entry_part *parts;
    uint32_t count; /* up to the last wanted */
};

static void part_add(struct entry_decoder *decoder, uint32_t *count, const struct plan_node *scan,
                     const struct table_definition *table, const struct key_part *part) {
    const struct column_definition *column = definition_column_of_id(table, part->column);
    ASSERT(column != NULL);
    struct entry_part made = {.column = {.type = column->type, .descending = part->descending}, .output = UINT32_MAX};
    for (uint32_t i = 0; i < plan_scan_width(scan); i++) {
        if (column_id_equal(catalogue_column(scan->catalogue, table, scan->scan_columns[i])->id, part->column)) {
            bool known = false;
            for (uint32_t k = 0; k < *count; k++) {
                known = known || decoder->parts[k].output == i;
            }
            made.output = known ? UINT32_MAX : i;
        }
    }
    decoder->parts[(*count)++] = made;
    decoder->count = made.output == UINT32_MAX ? decoder->count : *count;
}

struct entry_decoder *entry_decoder_make(struct sql_context *context, const struct plan_node *scan,
                                         const struct table_definition *table) {
    struct entry_decoder *decoder = sql_alloc_zero(context, 1, sizeof(*decoder));
    const struct key_part *parts = NULL;
    uint32_t part_count = scan_key_columns(table, scan->index, &parts);
    uint32_t count = 0;
    decoder->context = context;
    decoder->parts = sql_alloc(context, sizeof(*decoder->parts) * (part_count + table->primary_key_count + 1u));
    for (uint32_t i = 0; i < part_count; i++) {
        part_add(decoder, &count, scan, table, &parts[i]);
    }
    for (uint32_t i = 0; i < table->primary_key_count; i++) {
        part_add(decoder, &count, scan, table, &table->primary_key[i]);
    }
    return decoder;
}

void entry_decode(struct entry_decoder *decoder, const struct kernel_row *rows, uint32_t count, struct vector *columns,
                  struct arena *arena) {
    struct sql_context *context = decoder->context;
    for (uint32_t row = 0; row < count; row++) {
        size_t offset = 0;
        for (uint32_t i = 0; i < decoder->count; i++) {
            const struct entry_part *part = &decoder->parts[i];
            struct value value;
            if (part->output == UINT32_MAX) {
                sql_try(context, key_skip(rows[row].key, &offset, part->column, context->error));
                continue;
            }
            sql_try(context, key_decode(rows[row].key, &offset, part->column, arena, &value, context->error));
            vector_set(&columns[part->output], row, &value);
        }
    }
}
