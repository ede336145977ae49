/*
 * What there is: tables, their columns and indexes; tenants; the server.
 *
 * Names are looked up in the catalogue and never become SQL. A table outside of the default schema goes by
 * "schema.table".
 */
#include "server/native_internal.h"

#include <stdlib.h>

#include "base/assert.h"
#include "types/utf8.h"

/* --- tables ------------------------------------------------------------------------------------------------------- */

static bool in_default_schema(const struct table_definition *table) {
    return slice_equal_text(table->schema_name, CATALOGUE_SCHEMA_DEFAULT);
}

/* bytes NULL: no memory. */
static struct slice table_name(struct native_call *call, const struct table_definition *table) {
    if (in_default_schema(table)) {
        return table->name;
    }
    char *text =
        arena_printf(&call->native->arena, "%.*s.%.*s", (int)table->schema_name.length,
                     (const char *)table->schema_name.bytes, (int)table->name.length, (const char *)table->name.bytes);
    return text == NULL ? slice_make(NULL, 0) : slice_text(text);
}

static const struct table_definition *find_table(const struct catalogue *catalogue, struct slice name) {
    const struct table_definition *table = catalogue_table(catalogue, slice_make(NULL, 0), name);
    const uint8_t *dot = name.length == 0 ? NULL : memchr(name.bytes, '.', name.length);
    if (table == NULL && dot != NULL) {
        size_t schema = (size_t)(dot - name.bytes);
        table =
            catalogue_table(catalogue, slice_make(name.bytes, schema), slice_make(dot + 1, name.length - schema - 1));
    }
    return table != NULL && definition_is_table(table) ? table : NULL;
}

static enum kmb_status unknown_table(struct native_call *call, struct slice name) {
    return native_refuse(call, KMB_UNDEFINED_TABLE, "relation \"%.*s\" does not exist",
                         (int)(name.length < 256 ? name.length : 256), (const char *)name.bytes);
}

static int by_name(const void *a, const void *b) {
    return slice_compare(((const struct wire_table_info *)a)->name, ((const struct wire_table_info *)b)->name);
}

static enum kmb_status list_tables(struct native_call *call, struct kernel_view *view) {
    const struct catalogue *catalogue = view->catalogue;
    uint32_t all = catalogue_table_count(catalogue);
    struct wire_table_info *tables = native_alloc(call, all, sizeof(*tables));
    uint32_t count = 0;
    for (uint32_t i = 0; tables != NULL && i < all; i++) {
        const struct table_definition *table = catalogue_table_at(catalogue, i);
        if (definition_is_table(table)) {
            tables[count] = (struct wire_table_info){.name = table_name(call, table),
                                                     .column_count = catalogue_column_count(catalogue, table)};
            if (tables[count++].name.bytes == NULL) {
                return native_no_memory(call);
            }
        }
    }
    if (tables == NULL) {
        return native_no_memory(call);
    }
    qsort(tables, count, sizeof(*tables), by_name);
    struct wire_list_tables_response response = {.tables = {count, tables}};
    return native_respond(call, WIRE_RESPONSE_LIST_TABLES, &response);
}

static bool is_key(const struct table_definition *table, struct column_id column) {
    for (uint32_t i = 0; i < table->primary_key_count; i++) {
        if (table->primary_key[i].column.value == column.value) {
            return true;
        }
    }
    return false;
}

static enum kmb_status describe(struct native_call *call, struct kernel_view *view) {
    const struct wire_describe_table_request *request = call->message->payload;
    const struct catalogue *catalogue = view->catalogue;
    const struct table_definition *table = find_table(catalogue, request->table_name);
    if (table == NULL) {
        return unknown_table(call, request->table_name);
    }
    uint32_t count = catalogue_column_count(catalogue, table);
    struct wire_column_info *columns = native_alloc(call, count, sizeof(*columns));
    for (uint32_t i = 0; columns != NULL && i < count; i++) {
        const struct column_definition *column = catalogue_column(catalogue, table, i);
        struct buffer text = {0};
        catalogue_type_text(catalogue, column->type, &text);
        columns[i] = (struct wire_column_info){.name = column->name,
                                               .data_type = arena_dup_slice(&call->native->arena, buffer_slice(&text)),
                                               .nullable = !column->not_null && !is_key(table, column->id),
                                               .primary_key = is_key(table, column->id)};
        bool made = buffer_ok(&text) && columns[i].data_type.bytes != NULL;
        buffer_free(&text);
        if (!made) {
            return native_no_memory(call);
        }
    }
    if (columns == NULL) {
        return native_no_memory(call);
    }
    struct wire_describe_table_response response = {.table_name = table_name(call, table), .columns = {count, columns}};
    return native_respond(call, WIRE_RESPONSE_DESCRIBE_TABLE, &response);
}

static bool index_info(struct native_call *call, const struct table_definition *table, struct slice name,
                       const struct key_part *parts, uint32_t count, struct wire_index_info *out) {
    struct slice *columns = native_alloc(call, count, sizeof(*columns));
    for (uint32_t i = 0; columns != NULL && i < count; i++) {
        const struct column_definition *column = definition_column_of_id(table, parts[i].column);
        ASSERT(column != NULL);
        columns[i] = column->hidden ? column->default_text : column->name; /* of an expression: its text */
    }
    *out = (struct wire_index_info){.name = name, .columns = {count, columns}};
    return columns != NULL;
}

static enum kmb_status list_indexes(struct native_call *call, struct kernel_view *view) {
    const struct wire_list_indexes_request *request = call->message->payload;
    const struct table_definition *table = find_table(view->catalogue, request->table_name);
    if (table == NULL) {
        return unknown_table(call, request->table_name);
    }
    struct wire_index_info *indexes = native_alloc(call, table->index_count + 1u, sizeof(*indexes));
    uint32_t count = 0;
    bool made = indexes != NULL;
    if (made && table->primary_key_count > 0) {
        made = index_info(call, table, table->primary_key_name, table->primary_key, table->primary_key_count,
                          &indexes[count++]);
    }
    for (uint32_t i = 0; made && i < table->index_count; i++) {
        const struct index_definition *index = &table->indexes[i];
        made = index_info(call, table, index->name, index->parts, index->part_count, &indexes[count++]);
    }
    struct wire_list_indexes_response response = {.indexes = {count, indexes}};
    return made ? native_respond(call, WIRE_RESPONSE_LIST_INDEXES, &response) : native_no_memory(call);
}

/* The catalogue is looked at in a view of the session's present. */
static enum kmb_status with_view(struct native_call *call,
                                 enum kmb_status (*work)(struct native_call *call, struct kernel_view *view)) {
    struct kernel_view *view = NULL;
    enum kmb_status status = session_view(call->tenant->session, &view, &call->error);
    if (status == KMB_OK) {
        status = work(call, view);
    }
    kernel_view_close(view);
    return status;
}

enum kmb_status native_list_tables(struct native_call *call) {
    return with_view(call, list_tables);
}
enum kmb_status native_describe_table(struct native_call *call) {
    return with_view(call, describe);
}
enum kmb_status native_list_indexes(struct native_call *call) {
    return with_view(call, list_indexes);
}

/* --- tenants ------------------------------------------------------------------------------------------------------ */

/* KMB_TENANT_NOT_FOUND where there is none. Texts are of the request's memory. */
static enum kmb_status tenant_info(struct native_call *call, uint64_t id, struct wire_tenant_info *info) {
    struct shard *shard = call->native->service->shard;
    struct kernel_state *state = NULL;
    struct kernel_entry entry;
    enum kmb_status status = native_tenant_check(call, id);
    if (status == KMB_OK && id == 0) {
        status = native_refuse(call, KMB_TENANT_NOT_FOUND, "tenant 0 is the system's own");
    }
    if (status == KMB_OK) {
        status = shard_state(shard, (struct tenant_id){(uint32_t)id}, &state, &call->error);
    }
    if (status == KMB_OK) {
        status = kernel_entry_at(state, 1, &entry, &call->error);
    }
    struct slice *name = native_alloc(call, 1, sizeof(*name));
    uint64_t *created = native_alloc(call, 1, sizeof(*created));
    if (status == KMB_OK && (name == NULL || created == NULL)) {
        status = native_no_memory(call);
    }
    if (status == KMB_OK) {
        *name = arena_dup_slice(&call->native->arena, state->facts.name);
        *created = (uint64_t)entry.time_us * 1000;
        *info = (struct wire_tenant_info){
            .tenant_id = id, .name = state->facts.name.length == 0 ? NULL : name, .created_at_nanos = created};
        for (uint32_t i = 0; i < catalogue_table_count(state->catalogue); i++) {
            info->table_count += definition_is_table(catalogue_table_at(state->catalogue, i));
        }
    }
    kernel_state_release(state);
    return status;
}

/* What published releases call a tenant's name is a label, which several may have. */
static enum kmb_status create(struct native_call *call, uint32_t tenant, const char *name) {
    const struct native_service *service = call->native->service;
    struct slice label = slice_text(name);
    return call->native->extended || label.length > 255 || utf8_check(label, NULL) != KMB_OK
               ? kmb_tenant_create(service->options.db, tenant, name, &call->error)
               : shard_tenant_create_shared(service->shard, tenant, label, &call->error);
}

enum kmb_status native_tenant_create(struct native_call *call) {
    const struct wire_tenant_create_request *request = call->message->payload;
    struct wire_tenant_create_response response = {.created = false};
    struct slice wanted = request->name == NULL ? slice_make(NULL, 0) : *request->name;
    enum kmb_status status = native_may_use_all(call);
    if (status == KMB_OK) {
        status = tenant_info(call, request->tenant_id, &response.tenant);
    }
    if (status == KMB_TENANT_NOT_FOUND && request->tenant_id != 0) {
        const char *name = arena_text(&call->native->arena, wanted);
        error_clear(&call->error);
        if (name == NULL) {
            return native_no_memory(call);
        }
        if (strlen(name) != wanted.length) {
            return native_refuse(call, KMB_INVALID_NAME, "a tenant's name has no zero byte");
        }
        status = create(call, (uint32_t)request->tenant_id, name);
        response.created = status == KMB_OK;
        if (status == KMB_OK) {
            status = tenant_info(call, request->tenant_id, &response.tenant);
        }
    }
    if (status != KMB_OK) {
        return status;
    }
    const struct slice *name = response.tenant.name;
    if (wanted.length > 0 && name != NULL && !slice_equal(*name, wanted)) {
        return native_refuse(call, KMB_TENANT_EXISTS, "tenant %llu already exists under the name \"%.*s\"",
                             (unsigned long long)request->tenant_id, (int)name->length, (const char *)name->bytes);
    }
    return native_respond(call, WIRE_RESPONSE_TENANT_CREATE, &response);
}

struct tenant_list {
    struct native_call *call;
    struct wire_tenant_info *items;
    uint32_t count;
    uint32_t capacity;
};

static enum kmb_status add_tenant(void *context, const struct kmb_tenant *tenant) {
    struct tenant_list *list = context;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        struct wire_tenant_info *items = native_alloc(list->call, capacity, sizeof(*items));
        if (items == NULL) {
            return native_no_memory(list->call);
        }
        for (uint32_t i = 0; i < list->count; i++) {
            items[i] = list->items[i];
        }
        list->items = items;
        list->capacity = capacity;
    }
    return tenant_info(list->call, tenant->id, &list->items[list->count++]);
}

enum kmb_status native_tenant_list(struct native_call *call) {
    struct tenant_list list = {.call = call};
    enum kmb_status status = native_may_use_all(call);
    if (status == KMB_OK) {
        status = kmb_tenant_list(call->native->service->options.db, add_tenant, &list, &call->error);
    }
    struct wire_tenant_list_response response = {.tenants = {list.count, list.items}};
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_TENANT_LIST, &response) : status;
}

enum kmb_status native_tenant_get(struct native_call *call) {
    const struct wire_tenant_get_request *request = call->message->payload;
    struct wire_tenant_get_response response;
    enum kmb_status status = native_tenant_check(call, request->tenant_id);
    status = status == KMB_OK ? native_may_use(call, request->tenant_id) : status;
    status = status == KMB_OK ? tenant_info(call, request->tenant_id, &response.tenant) : status;
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_TENANT_GET, &response) : status;
}

/* One that is not there is no error. Its log stays, as every log does: what it held is out of reach. */
enum kmb_status native_tenant_delete(struct native_call *call) {
    const struct wire_tenant_delete_request *request = call->message->payload;
    const struct native_options *options = &call->native->service->options;
    struct wire_tenant_delete_response response = {.deleted = true};
    enum kmb_status status = native_may_use_all(call);
    status = status == KMB_OK ? native_tenant_check(call, request->tenant_id) : status;
    if (status == KMB_OK) {
        status = kmb_tenant_delete(options->db, (uint32_t)request->tenant_id, &response.tables_dropped, &call->error);
    }
    if (status == KMB_TENANT_NOT_FOUND) {
        error_clear(&call->error);
        response.deleted = false;
    } else if (status != KMB_OK) {
        return status;
    } else if (options->face != NULL) {
        options->face->evict(options->face->context, (uint32_t)request->tenant_id);
    }
    return native_respond(call, WIRE_RESPONSE_TENANT_DELETE, &response);
}

/* --- the server --------------------------------------------------------------------------------------------------- */

enum kmb_status native_server_info(struct native_call *call) {
    static const char *const published[] = {"query",    "append",    "subscribe.v2",
                                            "admin.v1", "schema.v1", "server_info.v1"};
    const struct native_service *service = call->native->service;
    struct slice capabilities[NATIVE_CAPABILITIES_MAX];
    uint32_t count = native_capabilities(published, ARRAY_LENGTH(published), capabilities);
    struct kmb_info info = {.size = sizeof(info)};
    enum kmb_status status = kmb_info(service->options.db, &info, &call->error);
    if (status != KMB_OK) {
        return status;
    }
    struct wire_server_info_response response = {
        .build_version = slice_text(kmb_version()),
        .protocol_version = WIRE_VERSION,
        .capabilities = {count, capabilities},
        .uptime_secs = (uint64_t)((native_now_ns(service) - service->started_ns) / 1000000000),
        .cluster_mode = WIRE_CLUSTER_MODE_STANDALONE,
        .tenant_count = info.tenants,
    };
    return native_respond(call, WIRE_RESPONSE_SERVER_INFO, &response);
}
