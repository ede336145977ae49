/*
 * The bulk appender. Rows are gathered as values in an arena and handed to the kernel many at a time, without SQL in
 * between. Tables with CHECK constraints, and rows that ask for a DEFAULT, need expressions: those rows take the way of
 * a prepared INSERT instead, in the same transaction and order.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "engine/api_internal.h"
#include "engine/statement.h"
#include "types/utf8.h"

/* A flush is due by itself beyond these: bounds what the appender keeps. */
#define APPENDER_ROWS_MAX  10000u
#define APPENDER_BYTES_MAX ((size_t)32 << 20)

struct kmb_appender {
    struct kmb_session *session;
    void *far;           /* of a remote session; else NULL */
    char *table_name;    /* as given */
    char *parts;         /* the same, taken apart */
    char *found;         /* the schema's name */
    struct slice schema; /* found when it was opened */
    struct slice table;
    uint32_t column_count;
    struct type *types;
    bool *not_null;
    char **names;
    const struct catalogue *catalogue; /* reads labels of enum types; NULL: there are none to read */
    bool checked;                      /* rows are to be checked or completed by expressions */
    struct arena arena;
    struct value *values; /* gathered rows, then the row in the making */
    bool *defaults;       /* of the same places: take the column's DEFAULT */
    size_t row_count;
    size_t row_capacity;
    uint32_t column; /* next of the row in the making */
    bool any_default;
    uint64_t flushed; /* rows of full batches written since the last kmb_appender_flush */
};

static void free_columns(struct kmb_appender *appender) {
    for (uint32_t i = 0; appender->names != NULL && i < appender->column_count; i++) {
        mem_free(appender->names[i]);
    }
    catalogue_release(appender->catalogue);
    mem_free(appender->names);
    mem_free(appender->types);
    mem_free(appender->not_null);
}

static const struct table_definition *find_table(const struct kmb_appender *appender,
                                                 const struct catalogue *catalogue) {
    return catalogue_table(catalogue, appender->schema, appender->table);
}

static bool needs_expressions(const struct catalogue *catalogue, const struct table_definition *table) {
    bool needs = table->check_count != 0 || table->foreign_key_count != 0;
    for (uint32_t i = 0; i < catalogue_stored_count(catalogue, table); i++) {
        enum default_kind kind = catalogue_column(catalogue, table, i)->default_kind;
        bool domain = catalogue_column(catalogue, table, i)->type.domain != 0;
        needs = needs || domain || kind == DEFAULT_GENERATED || kind == DEFAULT_IDENTITY_ALWAYS;
    }
    return needs;
}

static enum kmb_status read_columns(struct kmb_appender *appender, struct kmb_error *error) {
    struct kernel_view *view = NULL;
    enum kmb_status status = session_view(appender->session->session, &view, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct table_definition *table = NULL;
    status = sql_find_relation(session_host(appender->session->session), view->catalogue, appender->schema,
                               appender->table, &table, error);
    if (status == KMB_OK && table != NULL) {
        appender->found = mem_alloc(table->schema_name.length + 1);
        status = appender->found != NULL ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (status == KMB_OK && table != NULL) {
        memcpy(appender->found, table->schema_name.bytes, table->schema_name.length);
        appender->schema = slice_make(appender->found, table->schema_name.length);
    }
    if (status != KMB_OK) {
        kernel_view_close(view);
        return status;
    }
    if (table == NULL) {
        status = error_set(error, KMB_UNDEFINED_TABLE, "relation \"%s\" does not exist", appender->table_name);
    } else if (!definition_is_table(table)) {
        status = error_set(error, KMB_WRONG_OBJECT_TYPE, "\"%s\" is not a table", appender->table_name);
    } else {
        uint32_t count = catalogue_column_count(view->catalogue, table);
        appender->column_count = count;
        appender->checked = needs_expressions(view->catalogue, table);
        appender->types = mem_alloc_zero(count + 1u, sizeof(struct type));
        appender->not_null = mem_alloc_zero(count + 1u, sizeof(bool));
        appender->names = mem_alloc_zero(count + 1u, sizeof(char *));
        bool failed = appender->types == NULL || appender->not_null == NULL || appender->names == NULL;
        for (uint32_t i = 0; !failed && i < count; i++) {
            const struct column_definition *column = catalogue_column(view->catalogue, table, i);
            appender->types[i] = column->type;
            if (type_object(column->type.id) != 0 && appender->catalogue == NULL) {
                appender->catalogue = view->catalogue;
                catalogue_retain(appender->catalogue);
            }
            appender->not_null[i] = column->not_null;
            appender->names[i] = mem_alloc(column->name.length + 1);
            failed = appender->names[i] == NULL;
            if (!failed) {
                memcpy(appender->names[i], column->name.bytes, column->name.length);
                appender->names[i][column->name.length] = 0;
            }
        }
        status = failed ? error_set(error, KMB_NO_MEMORY, "out of memory") : KMB_OK;
    }
    kernel_view_close(view);
    return status;
}

static enum kmb_status read_columns_far(struct kmb_appender *appender, struct kmb_error *error) {
    struct kmb_session *session = appender->session;
    struct remote_append_column *columns = NULL;
    uint32_t count = 0;
    enum kmb_status status =
        session->remote->appender_open(session->far, appender->table_name, &appender->far, &columns, &count, error);
    if (status != KMB_OK) {
        return status;
    }
    appender->column_count = count;
    appender->types = mem_alloc_zero(count + 1u, sizeof(struct type));
    appender->not_null = mem_alloc_zero(count + 1u, sizeof(bool));
    appender->names = mem_alloc_zero(count + 1u, sizeof(char *));
    bool failed = appender->types == NULL || appender->not_null == NULL || appender->names == NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (failed) {
            mem_free(columns[i].name);
            continue;
        }
        appender->names[i] = columns[i].name;
        appender->types[i] = columns[i].type;
        appender->not_null[i] = columns[i].not_null;
    }
    mem_free(columns);
    return failed ? error_set(error, KMB_NO_MEMORY, "out of memory") : KMB_OK;
}

/* One name of "schema.table", in place: in double quotes, or up to the next dot. */
static struct slice take_name(char **at) {
    char *name = *at;
    char *out = name;
    char *c = name;
    if (*c != '"') {
        c += strcspn(c, ".");
        *at = *c == '.' ? c + 1 : c;
        return slice_make(name, (size_t)(c - name));
    }
    for (c++; *c != 0 && (*c != '"' || c[1] == '"'); c++) {
        c += *c == '"';
        *out++ = *c;
    }
    c += *c == '"';
    *at = *c == '.' ? c + 1 : c;
    return slice_make(name, (size_t)(out - name));
}

enum kmb_status kmb_appender_open(kmb_session *session, const char *table, kmb_appender **out,
                                  struct kmb_error *error) {
    if (out != NULL) {
        *out = NULL;
    }
    if (session == NULL || table == NULL || out == NULL) {
        return api_absent("session, table or place for the appender", error);
    }
    struct kmb_appender *appender = mem_alloc_zero(1, sizeof(*appender));
    if (appender == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    atomic_fetch_add(&session->uses, 1);
    appender->session = session;
    arena_init(&appender->arena, 0);
    appender->table_name = mem_strdup(table);
    appender->parts = mem_strdup(table);
    enum kmb_status status = KMB_OK;
    if (appender->table_name == NULL || appender->parts == NULL) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    } else {
        char *at = appender->parts;
        appender->table = take_name(&at);
        if (*at != 0) {
            appender->schema = appender->table;
            appender->table = take_name(&at);
        }
        status = session->remote != NULL ? read_columns_far(appender, error) : read_columns(appender, error);
    }
    if (status != KMB_OK) {
        kmb_appender_close(appender);
        return status;
    }
    *out = appender;
    return KMB_OK;
}

void kmb_appender_close(kmb_appender *appender) {
    if (appender != NULL) {
        if (appender->far != NULL) {
            appender->session->remote->appender_close(appender->far);
        }
        free_columns(appender);
        mem_free(appender->values);
        mem_free(appender->defaults);
        mem_free(appender->table_name);
        mem_free(appender->parts);
        mem_free(appender->found);
        arena_free(&appender->arena);
        api_session_drop(appender->session);
        mem_free(appender);
    }
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static enum kmb_status make_room(struct kmb_appender *appender, struct kmb_error *error) {
    if (appender->row_count < appender->row_capacity) {
        return KMB_OK;
    }
    size_t capacity = appender->row_capacity == 0 ? 256 : appender->row_capacity * 2;
    struct value *values = mem_realloc(appender->values, capacity * appender->column_count * sizeof(struct value));
    if (values != NULL) {
        appender->values = values;
    }
    bool *defaults = mem_realloc(appender->defaults, capacity * appender->column_count * sizeof(bool));
    if (defaults != NULL) {
        appender->defaults = defaults;
    }
    if (values == NULL || defaults == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    appender->row_capacity = capacity;
    return KMB_OK;
}

/* Where the next value goes, and its type. */
static enum kmb_status next_place(struct kmb_appender *appender, size_t *place, struct type *type,
                                  struct kmb_error *error) {
    if (appender == NULL) {
        return api_absent("appender", error);
    }
    if (appender->column >= appender->column_count) {
        return error_set(error, KMB_USAGE, "the row has more values than table \"%s\" has columns (%u)",
                         appender->table_name, appender->column_count);
    }
    enum kmb_status status = make_room(appender, error);
    *place = appender->row_count * appender->column_count + appender->column;
    *type = appender->types[appender->column];
    return status;
}

static void put(struct kmb_appender *appender, size_t place, struct value value) {
    appender->values[place] = value;
    appender->defaults[place] = false;
    appender->column++;
}

static enum kmb_status name_column(struct kmb_appender *appender, enum kmb_status status, struct kmb_error *error) {
    error_prefix(error, "column \"%s\"", appender->names[appender->column]);
    return status;
}

enum kmb_status kmb_append_null(kmb_appender *appender, struct kmb_error *error) {
    size_t place;
    struct type type;
    enum kmb_status status = next_place(appender, &place, &type, error);
    if (status == KMB_OK) {
        put(appender, place, value_null(type.id));
    }
    return status;
}

enum kmb_status kmb_append_default(kmb_appender *appender, struct kmb_error *error) {
    enum kmb_status status = kmb_append_null(appender, error);
    if (status == KMB_OK) {
        appender->defaults[appender->row_count * appender->column_count + appender->column - 1] = true;
        appender->any_default = true;
    }
    return status;
}

/* The type may have a new label by now. */
static enum kmb_status parse_again(struct kmb_appender *appender, struct type type, struct slice text,
                                   struct value *value, struct kmb_error *error) {
    struct kernel_view *view = NULL;
    enum kmb_status status = session_view(appender->session->session, &view, error);
    if (status != KMB_OK) {
        return status;
    }
    catalogue_release(appender->catalogue);
    appender->catalogue = view->catalogue;
    catalogue_retain(appender->catalogue);
    kernel_view_close(view);
    return catalogue_value_parse(appender->catalogue, type, text, NULL, &appender->arena, value, error);
}

enum kmb_status kmb_append_text(kmb_appender *appender, const char *text, size_t length, struct kmb_error *error) {
    if (text == NULL && length != 0) {
        return api_absent("text", error);
    }
    size_t place;
    struct type type;
    struct value value;
    enum kmb_status status = next_place(appender, &place, &type, error);
    if (status != KMB_OK) {
        return status;
    }
    struct slice slice = slice_make(text, length);
    status = utf8_check(slice, error);
    if (status != KMB_OK) {
        return name_column(appender, status, error);
    }
    struct slice copy = arena_dup_slice(&appender->arena, slice);
    if (copy.bytes == NULL && length != 0) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if ((type.id == TYPE_TEXT || type.id == TYPE_VARCHAR) &&
        type.modifier < 0) { /* nothing to parse: most values of a load */
        put(appender, place, value_bytes(type.id, copy));
        return KMB_OK;
    }
    struct datetime_context context = api_datetime(appender->session);
    status = catalogue_value_parse(appender->catalogue, type, copy, &context, &appender->arena, &value, error);
    if (status == KMB_INVALID_TEXT && type_object(type.id) != 0) {
        status = parse_again(appender, type, copy, &value, error);
    }
    if (status != KMB_OK) {
        return name_column(appender, status, error);
    }
    put(appender, place, value);
    return KMB_OK;
}

enum kmb_status kmb_append_int64(kmb_appender *appender, int64_t integer, struct kmb_error *error) {
    size_t place;
    struct type type;
    struct value value;
    char text[24];
    enum kmb_status status = next_place(appender, &place, &type, error);
    if (status != KMB_OK) {
        return status;
    }
    switch (type.id) {
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        value = value_integer(type.id, integer);
        status = value_apply_modifier(type, false, &value, &appender->arena, &value, error);
        if (status != KMB_OK) {
            return name_column(appender, status, error);
        }
        put(appender, place, value);
        return KMB_OK;
    case TYPE_BOOL:
        put(appender, place, value_bool(integer != 0));
        return KMB_OK;
    default:
        return kmb_append_text(appender, text, value_format_integer(integer, text), error);
    }
}

enum kmb_status kmb_append_bool(kmb_appender *appender, bool value, struct kmb_error *error) {
    size_t place;
    struct type type;
    enum kmb_status status = next_place(appender, &place, &type, error);
    if (status == KMB_OK && type.id != TYPE_BOOL) {
        return kmb_append_text(appender, value ? "true" : "false", value ? 4 : 5, error);
    }
    if (status == KMB_OK) {
        put(appender, place, value_bool(value));
    }
    return status;
}

enum kmb_status kmb_append_double(kmb_appender *appender, double real, struct kmb_error *error) {
    size_t place;
    struct type type;
    char text[VALUE_REAL_TEXT_SIZE];
    enum kmb_status status = next_place(appender, &place, &type, error);
    if (status == KMB_OK && type.id != TYPE_FLOAT8) {
        return kmb_append_text(appender, text, value_format_real(TYPE_FLOAT8, real, text), error);
    }
    if (status == KMB_OK) {
        put(appender, place, value_real(TYPE_FLOAT8, real));
    }
    return status;
}

enum kmb_status kmb_append_bytes(kmb_appender *appender, const void *bytes, size_t length, struct kmb_error *error) {
    if (bytes == NULL && length != 0) {
        return api_absent("bytes", error);
    }
    size_t place;
    struct type type;
    enum kmb_status status = next_place(appender, &place, &type, error);
    if (status != KMB_OK) {
        return status;
    }
    if (type.id != TYPE_BYTEA) {
        return kmb_append_text(appender, bytes, length, error);
    }
    struct slice copy = arena_dup_slice(&appender->arena, slice_make(bytes, length));
    if (copy.bytes == NULL && length != 0) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    put(appender, place, value_bytes(TYPE_BYTEA, copy));
    return KMB_OK;
}

uint32_t appender_column_count(const kmb_appender *appender) {
    return appender->column_count;
}

struct appender_column appender_column(const kmb_appender *appender, uint32_t column) {
    return (struct appender_column){
        .name = appender->names[column], .type = appender->types[column], .not_null = appender->not_null[column]};
}

/* A value of the column's own type: copied, and made to fit. */
static enum kmb_status append_same(kmb_appender *appender, const struct value *value, struct kmb_error *error) {
    size_t place;
    struct type type;
    struct value copy;
    enum kmb_status status = next_place(appender, &place, &type, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!value_copy(value, &appender->arena, &copy)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    status = value_apply_modifier(type, false, &copy, &appender->arena, &copy, error);
    if (status != KMB_OK) {
        return name_column(appender, status, error);
    }
    put(appender, place, copy);
    return KMB_OK;
}

enum kmb_status appender_append(kmb_appender *appender, const struct value *value, struct kmb_error *error) {
    if (value->is_null) {
        return kmb_append_null(appender, error);
    }
    switch (value->type) {
    case TYPE_BOOL:
        return kmb_append_bool(appender, value->as.boolean, error);
    case TYPE_INT8:
        return kmb_append_int64(appender, value->as.integer, error);
    case TYPE_FLOAT8:
        return kmb_append_double(appender, value->as.real, error);
    case TYPE_BYTEA:
        return kmb_append_bytes(appender, value->as.bytes.bytes, value->as.bytes.length, error);
    case TYPE_UNKNOWN:
        return kmb_append_text(appender, (const char *)value->as.bytes.bytes, value->as.bytes.length, error);
    default:
        break;
    }
    if (appender->column < appender->column_count && appender->types[appender->column].id == value->type) {
        return append_same(appender, value, error);
    }
    struct datetime_context context = api_datetime(appender->session);
    struct buffer text = {0};
    value_print(value, &context, &text);
    const char *printed = buffer_text(&text);
    enum kmb_status status = printed == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory")
                                             : kmb_append_text(appender, printed, text.length, error);
    buffer_free(&text);
    return status;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* The table, as it was when the rows were gathered: values go by place, and must not end up in another column. */
static enum kmb_status table_as_before(struct kmb_appender *appender, struct kernel_transaction *transaction,
                                       const struct table_definition **found, struct kmb_error *error) {
    const struct catalogue *catalogue = kernel_transaction_catalogue(transaction);
    const struct table_definition *table = find_table(appender, catalogue);
    if (table == NULL) {
        return error_set(error, KMB_UNDEFINED_TABLE, "relation \"%s\" does not exist", appender->table_name);
    }
    bool same = catalogue_column_count(catalogue, table) == appender->column_count &&
                needs_expressions(catalogue, table) == appender->checked;
    for (uint32_t i = 0; same && i < appender->column_count; i++) {
        const struct column_definition *column = catalogue_column(catalogue, table, i);
        same = column->type.id == appender->types[i].id && column->type.modifier == appender->types[i].modifier &&
               slice_equal(column->name, slice_text(appender->names[i]));
    }
    if (!same) {
        error_set(error, KMB_SERIALIZATION, "table \"%s\" was altered while rows were gathered for it",
                  appender->table_name);
        error_hint(error, "Open a new appender and append the rows again.");
        return KMB_SERIALIZATION;
    }
    *found = table;
    return KMB_OK;
}

static enum kmb_status write_rows(void *context, struct kernel_transaction *transaction, struct kmb_error *error) {
    struct kmb_appender *appender = context;
    const struct table_definition *table = NULL;
    enum kmb_status status = table_as_before(appender, transaction, &table, error);
    return status == KMB_OK ? kernel_insert_rows(transaction, table, appender->values, appender->row_count, NULL, error)
                            : status;
}

static void quoted_name(struct buffer *text, struct slice name) {
    buffer_append_text(text, "\"");
    for (size_t i = 0; i < name.length; i++) {
        buffer_append_byte(text, name.bytes[i]);
        if (name.bytes[i] == '"') {
            buffer_append_byte(text, '"');
        }
    }
    buffer_append_text(text, "\"");
}

/* "INSERT INTO s.t VALUES ($1, DEFAULT, $2)" for one row's pattern of defaults. */
static void insert_text(const struct kmb_appender *appender, const bool *defaults, struct buffer *text) {
    unsigned parameter = 0;
    buffer_append_text(text, "INSERT INTO ");
    quoted_name(text, appender->schema);
    buffer_append_text(text, ".");
    quoted_name(text, appender->table);
    buffer_append_text(text, " VALUES (");
    for (uint32_t i = 0; i < appender->column_count; i++) {
        buffer_append_text(text, i == 0 ? "" : ", ");
        if (defaults[i]) {
            buffer_append_text(text, "DEFAULT");
        } else {
            buffer_printf(text, "$%u", ++parameter);
        }
    }
    buffer_append_text(text, ")");
}

static enum kmb_status insert_row(struct kmb_appender *appender, size_t row, struct value *parameters,
                                  struct kmb_error *error) {
    struct session *session = appender->session->session;
    const bool *defaults = appender->defaults + row * appender->column_count;
    struct sql_statement *statement = NULL;
    struct sql_run *run = NULL;
    struct buffer text = {0};
    uint32_t count = 0;
    insert_text(appender, defaults, &text);
    for (uint32_t i = 0; i < appender->column_count; i++) {
        if (!defaults[i]) {
            parameters[count++] = appender->values[row * appender->column_count + i];
        }
    }
    enum kmb_status status = buffer_ok(&text) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
    if (status == KMB_OK) {
        status = sql_prepare(session_host(session), buffer_slice(&text), NULL, 0, &statement, error);
    }
    if (status == KMB_OK) {
        status = sql_run_open(statement, session_host(session), parameters, count, &run, error);
    }
    sql_run_close(run);
    sql_statement_free(statement);
    buffer_free(&text);
    return status;
}

static enum kmb_status write_rows_by_sql(void *context, struct kernel_transaction *transaction,
                                         struct kmb_error *error) {
    struct kmb_appender *appender = context;
    const struct table_definition *table = NULL;
    enum kmb_status status = table_as_before(appender, transaction, &table, error); /* SQL has it of the session */
    if (status != KMB_OK) {
        return status;
    }
    struct value *parameters = mem_alloc_zero(appender->column_count + 1u, sizeof(struct value));
    if (parameters == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    for (size_t row = 0; status == KMB_OK && row < appender->row_count; row++) {
        status = insert_row(appender, row, parameters, error);
    }
    mem_free(parameters);
    return status;
}

static void forget_rows(struct kmb_appender *appender) {
    appender->row_count = 0;
    appender->column = 0;
    appender->any_default = false;
    arena_free(&appender->arena);
    arena_init(&appender->arena, 0);
}

void appender_forget(kmb_appender *appender) {
    forget_rows(appender);
    appender->flushed = 0;
}

static enum kmb_status write_batch(struct kmb_appender *appender, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    if (appender->row_count != 0) {
        bool by_sql = appender->checked || appender->any_default;
        status = appender->far != NULL
                     ? appender->session->remote->append(appender->far, appender->values, appender->defaults,
                                                         appender->row_count, appender->column_count, error)
                     : session_write(appender->session->session, by_sql ? write_rows_by_sql : write_rows, appender,
                                     NULL, error);
        appender->flushed += status == KMB_OK ? appender->row_count : 0;
    }
    forget_rows(appender);
    return status;
}

enum kmb_status kmb_append_row(kmb_appender *appender, struct kmb_error *error) {
    if (appender == NULL) {
        return api_absent("appender", error);
    }
    enum kmb_status status = KMB_OK;
    if (appender->column != appender->column_count) {
        status = error_set(error, KMB_USAGE, "the row has %u values, table \"%s\" has %u columns", appender->column,
                           appender->table_name, appender->column_count);
    }
    const struct value *row = appender->values + appender->row_count * appender->column_count;
    for (uint32_t i = 0; status == KMB_OK && i < appender->column_count; i++) {
        if (row[i].is_null && appender->not_null[i] &&
            !appender->defaults[appender->row_count * appender->column_count + i]) {
            status = error_set(error, KMB_NOT_NULL_VIOLATION,
                               "null value in column \"%s\" of relation \"%s\" violates not-null constraint",
                               appender->names[i], appender->table_name);
        }
    }
    appender->column = 0;
    if (status != KMB_OK) {
        return status;
    }
    appender->row_count++;
    bool full = appender->row_count >= APPENDER_ROWS_MAX || appender->arena.bytes_used >= APPENDER_BYTES_MAX;
    return full && kmb_session_in_transaction(appender->session, NULL) ? write_batch(appender, error) : KMB_OK;
}

enum kmb_status kmb_appender_flush(kmb_appender *appender, uint64_t *rows, struct kmb_error *error) {
    if (appender == NULL) {
        return api_absent("appender", error);
    }
    enum kmb_status status = KMB_OK;
    if (appender->column != 0) {
        appender->column = 0;
        error_set(error, KMB_USAGE, "a row was begun and not ended");
        error_hint(error, "Call kmb_append_row() after the last value; the begun row was dropped.");
        return KMB_USAGE;
    }
    status = write_batch(appender, error);
    if (rows != NULL) {
        *rows = status == KMB_OK ? appender->flushed : 0;
    }
    appender->flushed = 0;
    return status;
}
