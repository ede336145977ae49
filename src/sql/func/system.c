/*
 * Functions about values of any type, and about the session: concat, concat_ws, pg_typeof, gen_random_uuid, version,
 * current_user.
 */
#include "base/codec.h"
#include "kernel/view.h"
#include "sql/exec/catalogue.h"
#include "sql/func/cast.h"
#include "sql/func/loops.h"
#include "sql/path.h"
#include "types/array.h"
#include "types/uuid.h"
#include "sql/type_text.h"

/* The text of an argument as its output function gives it: booleans as t and f, unlike the cast. */
static struct slice argument_text(const struct sql_call *call, struct vector *const *arguments, uint32_t n,
                                  uint32_t row) {
    struct value value = vector_get(arguments[n], vector_row(arguments[n], row));
    return value.type == TYPE_BOOL ? slice_text(value.as.boolean ? "t" : "f") : cast_text_of(call, &value);
}

/* Arguments from `first` on joined with a separator between those that are not NULL. */
static struct slice join(const struct sql_call *call, struct vector *const *arguments, uint32_t first, uint32_t row,
                         struct slice separator) {
    size_t length = 0;
    size_t capacity = 0;
    uint8_t *bytes = NULL;
    bool any = false;
    for (uint32_t n = first; n < call->argument_count; n++) {
        if (argument_null(arguments, n, row)) {
            continue;
        }
        struct slice text = argument_text(call, arguments, n, row);
        size_t gap = any ? separator.length : 0;
        if (length + gap + text.length > capacity) {
            capacity = (length + gap + text.length) * 2;
            uint8_t *larger = result_bytes(call, capacity);
            if (length > 0) {
                memcpy(larger, bytes, length);
            }
            bytes = larger;
        }
        if (gap > 0) {
            memcpy(bytes + length, separator.bytes, gap);
        }
        length += gap;
        if (text.length > 0) {
            memcpy(bytes + length, text.bytes, text.length);
        }
        length += text.length;
        any = true;
    }
    return slice_make(bytes, length);
}

static void fn_concat(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = join(call, arguments, 0, row, slice_make(NULL, 0));
    }
}

static void fn_concat_ws(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        if (argument_null(arguments, 0, row)) {
            result_null(result, row);
        } else {
            result->bytes[row] = join(call, arguments, 1, row, ARGUMENT_BYTES(0, row));
        }
    }
}

/* text || anything and anything || text: the other side as a cast to text gives it. */
static void fn_join_any(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct value left = vector_get(arguments[0], vector_row(arguments[0], row));
        struct value right = vector_get(arguments[1], vector_row(arguments[1], row));
        struct slice a = cast_text_of(call, &left);
        struct slice b = cast_text_of(call, &right);
        uint8_t *bytes = result_bytes(call, a.length + b.length);
        if (a.length > 0) {
            memcpy(bytes, a.bytes, a.length);
        }
        if (b.length > 0) {
            memcpy(bytes + a.length, b.bytes, b.length);
        }
        result->bytes[row] = slice_make(bytes, a.length + b.length);
    }
}

static void fn_typeof(SCALAR_PARAMETERS) {
    struct type type = call->argument_types[0];
    struct slice name = slice_text(sql_type_text(call->context, type));
    uint8_t *bytes = result_bytes(call, VALUE_LABEL_PLACE + name.length);
    codec_put_u64_big(bytes, (uint64_t)catalogue_oid_type(type));
    memcpy(bytes + VALUE_LABEL_PLACE, name.bytes, name.length);
    EACH_ROW(row) {
        result->bytes[row] = slice_make(bytes, VALUE_LABEL_PLACE + name.length);
    }
}

static void fn_nulls(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t nulls = 0;
        for (uint32_t n = 0; n < call->argument_count; n++) {
            nulls += argument_null(arguments, n, row);
        }
        result->integer[row] = nulls;
    }
}

static void fn_nonnulls(SCALAR_PARAMETERS) {
    fn_nulls(call, arguments, result, selection, count);
    EACH_ROW(row) {
        result->integer[row] = (int64_t)call->argument_count - result->integer[row];
    }
}

static void fn_uuid(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        uint8_t bytes[16];
        if (call->context->random == NULL || !call->context->random(call->context->random_context, bytes, 16)) {
            sql_raise(call->context, KMB_INTERNAL, call->position, "no randomness to be had");
        }
        uuid_make_v4(bytes, result->uuid[row]);
    }
}

static void fn_uuid_nil(SCALAR_PARAMETERS) {
    (void)call;
    (void)arguments;
    EACH_ROW(row) {
        memset(result->uuid[row], 0, 16);
    }
}

static void fn_random_bytes(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t size = ARGUMENT_INT(0, row);
        if (size < 1 || size > 1024) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "Length not in range");
        }
        uint8_t *bytes = result_bytes(call, (size_t)size);
        if (call->context->random == NULL ||
            !call->context->random(call->context->random_context, bytes, (size_t)size)) {
            sql_raise(call->context, KMB_INTERNAL, call->position, "no randomness to be had");
        }
        result->bytes[row] = slice_make(bytes, (size_t)size);
    }
}

static void fn_version(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = slice_text("PostgreSQL " SQL_SERVER_VERSION);
    }
}

static void fn_user(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = call->context->session_user;
    }
}

static void fn_schema(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    const char *first = sql_path_first(sql_path_of(call->context), view->catalogue);
    sql_release(call->context, view);
    EACH_ROW(row) {
        if (first == NULL) {
            result_null(result, row);
        } else {
            result->bytes[row] = slice_text(first);
        }
    }
}

/* The schemas of search_path that are there; true: and those that it need not name. */
static void fn_schemas(SCALAR_PARAMETERS) {
    const struct sql_path *path = sql_path_of(call->context);
    struct kernel_view *view = function_present_view(call);
    struct value *names = sql_alloc(call->context, (path->count + 1) * sizeof(*names));
    EACH_ROW(row) {
        bool implicit = arguments[0]->boolean[vector_row(arguments[0], row)] != 0;
        uint32_t shown = 0;
        for (uint32_t i = path->implicit && !implicit ? 1 : 0; i < path->count; i++) {
            if (sql_schema_exists(view->catalogue, path->names[i])) {
                names[shown++] = value_bytes(TYPE_NAME, slice_text(path->names[i]));
            }
        }
        struct array_shape shape = array_shape_of(shown);
        struct value made;
        sql_try(call->context, array_make(TYPE_NAME, &shape, names, call->arena, &made, call->context->error));
        result->bytes[row] = made.as.bytes;
    }
    sql_release(call->context, view);
}

static void fn_database(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = slice_text(sql_database(call->context));
    }
}

/* clang-format off */
static const struct sql_function system_rows[] = {
    {.class = SQL_FUNCTION_SCALAR, .name = "concat", .argument_count = 1, .variadic = true, .volatility = SQL_STABLE,
     .arguments = {TYPE_ANY}, .result = TYPE_TEXT, .scalar = fn_concat, .summary = "texts joined, NULLs left out"},
    {.class = SQL_FUNCTION_SCALAR, .name = "concat_ws", .argument_count = 2, .variadic = true,
     .volatility = SQL_STABLE, .arguments = {TYPE_TEXT, TYPE_ANY}, .result = TYPE_TEXT, .scalar = fn_concat_ws,
     .summary = "texts joined with the first between, NULLs left out"},
    {.class = SQL_FUNCTION_SCALAR, .name = "num_nulls", .argument_count = 1, .variadic = true,
     .arguments = {TYPE_ANY}, .result = TYPE_INT4, .scalar = fn_nulls, .summary = "how many arguments are NULL"},
    {.class = SQL_FUNCTION_SCALAR, .name = "num_nonnulls", .argument_count = 1, .variadic = true,
     .arguments = {TYPE_ANY}, .result = TYPE_INT4, .scalar = fn_nonnulls,
     .summary = "how many arguments are not NULL"},
    {.class = SQL_FUNCTION_SCALAR, .name = "pg_typeof", .argument_count = 1, .volatility = SQL_STABLE,
     .arguments = {TYPE_ANY}, .result = TYPE_REGTYPE, .scalar = fn_typeof, .summary = "name of the argument's type"},
    {.class = SQL_FUNCTION_OPERATOR, .name = "||", .argument_count = 2, .strict = true, .volatility = SQL_STABLE,
     .arguments = {TYPE_TEXT, TYPE_ANYNONARRAY}, .result = TYPE_TEXT, .scalar = fn_join_any, .summary = "joined"},
    {.class = SQL_FUNCTION_OPERATOR, .name = "||", .argument_count = 2, .strict = true, .volatility = SQL_STABLE,
     .arguments = {TYPE_ANYNONARRAY, TYPE_TEXT}, .result = TYPE_TEXT, .scalar = fn_join_any, .summary = "joined"},
    {.class = SQL_FUNCTION_SCALAR, .name = "gen_random_uuid", .strict = true, .volatility = SQL_VOLATILE,
     .result = TYPE_UUID, .scalar = fn_uuid, .summary = "random UUID, version 4"},
    {.class = SQL_FUNCTION_SCALAR, .name = "uuid_generate_v4", .strict = true, .volatility = SQL_VOLATILE,
     .result = TYPE_UUID, .scalar = fn_uuid, .summary = "the same, as the extension uuid-ossp names it"},
    {.class = SQL_FUNCTION_SCALAR, .name = "uuid_nil", .strict = true, .volatility = SQL_IMMUTABLE,
     .result = TYPE_UUID, .scalar = fn_uuid_nil, .summary = "UUID of zeros"},
    {.class = SQL_FUNCTION_SCALAR, .name = "gen_random_bytes", .argument_count = 1, .strict = true, .volatility = SQL_VOLATILE,
     .arguments = {TYPE_INT4}, .result = TYPE_BYTEA, .scalar = fn_random_bytes, .summary = "so many random bytes, at most 1024"},
    {.class = SQL_FUNCTION_SCALAR, .name = "version", .strict = true, .volatility = SQL_STABLE, .result = TYPE_TEXT,
     .scalar = fn_version, .summary = "name and version of this database"},
    {.class = SQL_FUNCTION_SCALAR, .name = "current_user", .strict = true, .volatility = SQL_STABLE,
     .result = TYPE_NAME, .scalar = fn_user, .summary = "name of the session's user"},
    {.class = SQL_FUNCTION_SCALAR, .name = "session_user", .strict = true, .volatility = SQL_STABLE,
     .result = TYPE_NAME, .scalar = fn_user, .summary = "name of the session's user"},
    {.class = SQL_FUNCTION_SCALAR, .name = "current_schema", .strict = true, .volatility = SQL_STABLE,
     .result = TYPE_NAME, .scalar = fn_schema, .summary = "name of the schema of unqualified names"},
    {.class = SQL_FUNCTION_SCALAR, .name = "current_schemas", .argument_count = 1, .strict = true,
     .volatility = SQL_STABLE, .arguments = {TYPE_BOOL}, .result = (enum type_id)(TYPE_ARRAY | TYPE_NAME), .scalar = fn_schemas,
     .summary = "names of the schemas of unqualified names; true: with pg_catalog"},
    {.class = SQL_FUNCTION_SCALAR, .name = "current_database", .strict = true, .volatility = SQL_STABLE,
     .result = TYPE_NAME, .scalar = fn_database, .summary = "name of the database, that of current_catalog"},
};
/* clang-format on */

struct function_rows function_rows_system(void) {
    return FUNCTION_ROWS(system_rows);
}
