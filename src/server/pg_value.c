/* Types as the protocol numbers them, and the description of a statement's rows. */
#include "server/pg_internal.h"
#include "sql/exec/catalogue.h"

#define OID_UNKNOWN 705

uint32_t pg_oid(struct type type) {
    return (uint32_t)catalogue_oid_type(type);
}

bool pg_type_of(const struct catalogue *catalogue, uint32_t oid, struct type *type) {
    *type = type_make(TYPE_UNKNOWN);
    if (oid == 0 || oid == OID_UNKNOWN) {
        return true;
    }
    enum type_id id = type_of_oid(oid);
    if (id != TYPE_UNKNOWN) {
        *type = type_make(id);
        return true;
    }
    return catalogue != NULL && catalogue_type_of_oid(catalogue, oid, type);
}

void pg_describe_rows(struct buffer *out, const kmb_statement *statement, const struct pg_formats *formats) {
    uint32_t count = statement_column_count(statement);
    size_t start = pg_begin_row_description(out, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        const struct plan_column *column = statement_column(statement, i);
        struct pg_column described = {.name = slice_text(column->name),
                                      .format = (enum pg_format)pg_formats_code(formats, (uint16_t)i)};
        pg_column_set_type(&described, column->type.id == TYPE_UNKNOWN ? type_make(TYPE_TEXT) : column->type);
        pg_write_column(out, &described);
    }
    pg_end(out, start);
}
