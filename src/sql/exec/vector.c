/*
 * Vectors: which physical form a type has, room for rows, single values in and out, copies between vectors.
 */
#include "sql/exec/vector.h"

#include "base/assert.h"
#include "sql/context.h"

static const uint8_t forms[TYPE_COUNT] = {
    [TYPE_UNKNOWN] = VECTOR_BYTES,
    [TYPE_BOOL] = VECTOR_BOOL,
    [TYPE_INT2] = VECTOR_INT,
    [TYPE_INT4] = VECTOR_INT,
    [TYPE_INT8] = VECTOR_INT,
    [TYPE_FLOAT4] = VECTOR_REAL,
    [TYPE_FLOAT8] = VECTOR_REAL,
    [TYPE_NUMERIC] = VECTOR_DECIMAL,
    [TYPE_TEXT] = VECTOR_BYTES,
    [TYPE_VARCHAR] = VECTOR_BYTES,
    [TYPE_BPCHAR] = VECTOR_BYTES,
    [TYPE_BYTEA] = VECTOR_BYTES,
    [TYPE_DATE] = VECTOR_INT,
    [TYPE_TIME] = VECTOR_INT,
    [TYPE_TIMESTAMP] = VECTOR_TIMESTAMP,
    [TYPE_TIMESTAMPTZ] = VECTOR_TIMESTAMP,
    [TYPE_INTERVAL] = VECTOR_INTERVAL,
    [TYPE_UUID] = VECTOR_UUID,
    [TYPE_JSON] = VECTOR_BYTES,
    [TYPE_JSONB] = VECTOR_BYTES,
    [TYPE_ENUM] = VECTOR_BYTES,
    [TYPE_TINYINT] = VECTOR_INT,
    [TYPE_NAME] = VECTOR_BYTES,
    [TYPE_CHAR] = VECTOR_BYTES,
    [TYPE_OID] = VECTOR_INT,
    [TYPE_REGCLASS] = VECTOR_BYTES,
    [TYPE_REGTYPE] = VECTOR_BYTES,
    [TYPE_REGNAMESPACE] = VECTOR_BYTES,
    [TYPE_REGROLE] = VECTOR_BYTES,
    [TYPE_REGPROC] = VECTOR_BYTES,
    [TYPE_REGPROCEDURE] = VECTOR_BYTES,
    [TYPE_REGOPERATOR] = VECTOR_BYTES,
};

static const uint8_t sizes[] = {
    [VECTOR_BOOL] = sizeof(uint8_t),
    [VECTOR_INT] = sizeof(int64_t),
    [VECTOR_REAL] = sizeof(double),
    [VECTOR_DECIMAL] = sizeof(struct decimal),
    [VECTOR_BYTES] = sizeof(struct slice),
    [VECTOR_TIMESTAMP] = sizeof(struct timestamp),
    [VECTOR_INTERVAL] = sizeof(struct interval),
    [VECTOR_UUID] = 16,
};

enum vector_form vector_form_of(enum type_id type) {
    if (type_is_array(type)) {
        return VECTOR_BYTES;
    }
    ASSERT((unsigned)type_kind(type) < TYPE_COUNT);
    return (enum vector_form)forms[type_kind(type)];
}

size_t vector_form_size(enum vector_form form) {
    return sizes[form];
}

void vector_init_in(struct arena *arena, struct vector *vector, struct type type, uint32_t rows) {
    vector->type = type;
    vector->form = vector_form_of(type.id);
    vector->constant = false;
    vector->may_have_null = false;
    vector->data = arena_alloc(arena, sizes[vector->form] * (size_t)rows);
    vector->null = arena_alloc(arena, rows);
    ASSERT(vector->data != NULL && vector->null != NULL);
    memset(vector->null, 0, rows);
}

void vector_init_rows(struct sql_context *context, struct vector *vector, struct type type, uint32_t rows) {
    vector_init_in(&context->arena, vector, type, rows);
}

void vector_init(struct sql_context *context, struct vector *vector, struct type type) {
    vector_init_rows(context, vector, type, VECTOR_ROWS);
}

struct value vector_get(const struct vector *vector, uint32_t row) {
    struct value value;
    value.type = vector->type.id;
    value.is_null = vector->may_have_null && vector->null[row] != 0;
    if (value.is_null) {
        memset(&value.as, 0, sizeof value.as);
        return value;
    }
    switch (vector->form) {
    case VECTOR_BOOL:
        value.as.boolean = vector->boolean[row] != 0;
        break;
    case VECTOR_INT:
        value.as.integer = vector->integer[row];
        break;
    case VECTOR_REAL:
        value.as.real = vector->real[row];
        break;
    case VECTOR_DECIMAL:
        value.as.decimal = vector->decimal[row];
        break;
    case VECTOR_BYTES:
        value.as.bytes = vector->bytes[row];
        break;
    case VECTOR_TIMESTAMP:
        value.as.timestamp = vector->timestamp[row];
        break;
    case VECTOR_INTERVAL:
        value.as.interval = vector->interval[row];
        break;
    case VECTOR_UUID:
        memcpy(value.as.uuid, vector->uuid[row], 16);
        break;
    }
    return value;
}

void vector_set(struct vector *vector, uint32_t row, const struct value *value) {
    vector->null[row] = value->is_null;
    if (value->is_null) {
        vector->may_have_null = true;
        /* A defined element, so that loops may compute on it without a test. */
        memset((uint8_t *)vector->data + sizes[vector->form] * (size_t)row, 0, sizes[vector->form]);
        return;
    }
    ASSERT(vector_form_of(value->type) == vector->form);
    switch (vector->form) {
    case VECTOR_BOOL:
        vector->boolean[row] = value->as.boolean;
        break;
    case VECTOR_INT:
        vector->integer[row] = value->as.integer;
        break;
    case VECTOR_REAL:
        vector->real[row] = value->as.real;
        break;
    case VECTOR_DECIMAL:
        vector->decimal[row] = value->as.decimal;
        break;
    case VECTOR_BYTES:
        vector->bytes[row] = value->as.bytes;
        break;
    case VECTOR_TIMESTAMP:
        vector->timestamp[row] = value->as.timestamp;
        break;
    case VECTOR_INTERVAL:
        vector->interval[row] = value->as.interval;
        break;
    case VECTOR_UUID:
        memcpy(vector->uuid[row], value->as.uuid, 16);
        break;
    }
}

/* to[to_rows[i]] = from[from_rows[i]], one loop a width. */
#define GATHER(type)                                                                                                   \
    do {                                                                                                               \
        type *target = to->data;                                                                                       \
        const type *source = from->data;                                                                               \
        for (uint32_t i = 0; i < count; i++) {                                                                         \
            target[to_rows == NULL ? i : to_rows[i]] = source[mask & (from_rows == NULL ? i : from_rows[i])];          \
        }                                                                                                              \
    } while (0)

struct vector_bytes16 {
    uint64_t words[2];
};
struct vector_bytes24 {
    uint64_t words[3];
};

void vector_copy(struct vector *to, const uint16_t *to_rows, const struct vector *from, const uint16_t *from_rows,
                 uint32_t count) {
    uint32_t mask = from->constant ? 0 : UINT32_MAX;
    if (to->form != from->form) { /* an untyped NULL among the results of CASE and the like */
        ASSERT(from->constant && from->may_have_null && from->null[0]);
        to->may_have_null = true;
        for (uint32_t i = 0; i < count; i++) {
            to->null[to_rows == NULL ? i : to_rows[i]] = 1;
        }
        return;
    }
    switch (sizes[to->form]) {
    case 1:
        GATHER(uint8_t);
        break;
    case 8:
        GATHER(uint64_t);
        break;
    case 16:
        GATHER(struct vector_bytes16);
        break;
    default:
        GATHER(struct vector_bytes24);
        break;
    }
    if (from->may_have_null) {
        to->may_have_null = true;
        for (uint32_t i = 0; i < count; i++) {
            to->null[to_rows == NULL ? i : to_rows[i]] = from->null[mask & (from_rows == NULL ? i : from_rows[i])];
        }
    } else if (to->may_have_null) {
        for (uint32_t i = 0; i < count; i++) {
            to->null[to_rows == NULL ? i : to_rows[i]] = 0;
        }
    }
}
_Static_assert(sizeof(struct decimal) == 24, "vector_copy moves three words");
_Static_assert(sizeof(struct slice) == 16 && sizeof(struct timestamp) == 16 && sizeof(struct interval) == 16,
               "vector_copy moves two words");
