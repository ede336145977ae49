/*
 * The catalogue in memory.
 *
 * A catalogue is two arrays of pointers to tables (by name, by id) and two to streams. A table is one version of a
 * definition with everything that readers and writers ask of it a thousand times: which columns live, how images of
 * each schema version are laid out, which ordinals make each key. Tables are counted by themselves, so that a change of
 * one table makes a new catalogue by copying pointers: DDL costs what the number of tables costs, never a decode of
 * all.
 *
 * Lookups are binary searches over sorted arrays: no hashing, one order for listing and for finding.
 */
#include "kernel/internal.h"

#include <stdlib.h>

/* --- tables ------------------------------------------------------------------------------------------------------- */

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

static uint16_t living_ordinal(const struct catalogue_table *table, struct column_id id) {
    for (uint32_t i = 0; i < table->living_count; i++) {
        if (table->living[i]->id.value == id.value) {
            return (uint16_t)i;
        }
    }
    return CATALOGUE_COLUMN_MISSING;
}

static bool plan_fill(const struct catalogue_table *table, const struct key_part *parts, uint32_t count,
                      struct key_plan *plan) {
    if (count > DEFINITION_KEY_COLUMNS_MAX) {
        return false;
    }
    plan->count = (uint16_t)count;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t ordinal = living_ordinal(table, parts[i].column);
        if (ordinal == CATALOGUE_COLUMN_MISSING) {
            return false;
        }
        struct type type = table->living[ordinal]->type;
        if (key_type_check(type, NULL) != KMB_OK) {
            return false;
        }
        plan->ordinals[i] = ordinal;
        plan->columns[i] = (struct key_column){.type = type, .descending = parts[i].descending};
    }
    return true;
}

static uint32_t column_place(const struct column_definition *column) {
    return column->place.value != 0 ? column->place.value : column->id.value;
}

/* Hidden columns stand behind all others; a column that took the place of another stands there. */
static bool living_before(const struct column_definition *a, const struct column_definition *b) {
    return a->hidden != b->hidden ? b->hidden : column_place(a) < column_place(b);
}

static enum kmb_status table_living(struct catalogue_table *table, struct kmb_error *error) {
    const struct table_definition *definition = &table->definition;
    table->living = arena_alloc(&table->arena, (definition->column_count + 1) * sizeof(*table->living));
    table->missing = arena_alloc_zero(&table->arena, definition->column_count + 1, sizeof(*table->missing));
    if (table->living == NULL || table->missing == NULL) {
        return no_memory(error);
    }
    for (uint32_t i = 0; i < definition->column_count; i++) {
        const struct column_definition *column = &definition->columns[i];
        if (column->dropped) {
            continue;
        }
        uint32_t at = table->living_count++;
        for (; at > 0 && living_before(column, table->living[at - 1]); at--) {
            table->living[at] = table->living[at - 1];
        }
        table->living[at] = column;
        table->visible_count += !column->hidden;
    }
    for (uint32_t i = 0; i < table->living_count; i++) {
        const struct column_definition *column = table->living[i];
        struct value *missing = &table->missing[i];
        *missing = value_null(column->type.id);
        if (column->missing_value.length > 0) {
            struct reader reader = reader_make(column->missing_value);
            enum kmb_status status = value_decode(&reader, missing, error);
            if (status != KMB_OK) {
                return status;
            }
            if (!reader_done(&reader) || (!missing->is_null && missing->type != type_kind(column->type.id))) {
                return error_set(error, KMB_CORRUPT, "the value that old rows have in a column does not decode");
            }
            missing->type = column->type.id; /* bytes tell the kind alone */
        }
    }
    return KMB_OK;
}

static enum kmb_status table_versions(struct catalogue_table *table, struct kmb_error *error) {
    const struct table_definition *definition = &table->definition;
    uint32_t count = definition->version.value;
    table->versions = arena_alloc_zero(&table->arena, count, sizeof(*table->versions));
    if (table->versions == NULL) {
        return no_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct table_layout *version = &table->versions[i];
        enum kmb_status status =
            definition_row_layout(definition, (struct schema_version){i + 1}, &table->arena, &version->layout, error);
        if (status != KMB_OK) {
            return status;
        }
        version->map = arena_alloc(&table->arena, (table->living_count + 1) * sizeof(*version->map));
        if (version->map == NULL) {
            return no_memory(error);
        }
        /* The layout is in order of ids; so are the living columns, but for those that have the place of another. */
        uint32_t at = 0;
        for (uint32_t living = 0; living < table->living_count; living++) {
            version->map[living] = CATALOGUE_COLUMN_MISSING;
            uint32_t total = version->layout.column_count;
            for (uint32_t step = 0; step < total; step++) {
                uint32_t look = at + step < total ? at + step : at + step - total;
                if (version->layout.columns[look].id.value == table->living[living]->id.value) {
                    version->map[living] = (uint16_t)look;
                    at = look + 1 < total ? look + 1 : 0;
                    break;
                }
            }
            table->permuted |= i + 1 == count && version->map[living] != living;
        }
    }
    return KMB_OK;
}

#define TABLE_VERSIONS_MAX 65535 /* each has a layout in memory; more changes of one table are refused */

static enum kmb_status table_build(struct catalogue_table *table, struct slice encoded, struct kmb_error *error) {
    table->encoded = arena_dup_slice(&table->arena, encoded);
    if (table->encoded.bytes == NULL) {
        return no_memory(error);
    }
    enum kmb_status status = definition_decode_table(table->encoded, &table->arena, &table->definition, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct table_definition *definition = &table->definition;
    if (definition->id.value == 0 || definition->id.value > OBJECT_ID_MAX || definition->version.value == 0 ||
        definition->version.value > TABLE_VERSIONS_MAX) {
        return error_set(error, KMB_CORRUPT, "definition of table %u has an id or version out of range",
                         definition->id.value);
    }
    status = table_living(table, error);
    if (status == KMB_OK) {
        status = table_versions(table, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    table->indexes = arena_alloc_zero(&table->arena, definition->index_count + 1, sizeof(*table->indexes));
    if (table->indexes == NULL) {
        return no_memory(error);
    }
    bool whole = plan_fill(table, definition->primary_key, definition->primary_key_count, &table->primary);
    for (uint32_t i = 0; whole && i < definition->index_count; i++) {
        const struct index_definition *index = &definition->indexes[i];
        whole = index->id.value > 0 && index->id.value <= OBJECT_ID_MAX &&
                plan_fill(table, index->parts, index->part_count, &table->indexes[i]);
        table->indexes[i].nulls_same = index->nulls_same;
        table->indexes[i].filter =
            index->filter.value == 0 ? CATALOGUE_COLUMN_MISSING : living_ordinal(table, index->filter);
        whole = whole && (index->filter.value == 0) == (table->indexes[i].filter == CATALOGUE_COLUMN_MISSING);
    }
    if (!whole) {
        return error_set(error, KMB_CORRUPT, "a key of table %u names columns that can not be in a key",
                         definition->id.value);
    }
    return KMB_OK;
}

enum kmb_status catalogue_table_make(struct slice encoded, struct catalogue_moment from, struct catalogue_table **out,
                                     struct kmb_error *error) {
    struct catalogue_table *table = mem_alloc_zero(1, sizeof(*table));
    if (table == NULL) {
        return no_memory(error);
    }
    atomic_init(&table->references, 1);
    arena_init(&table->arena, 0);
    table->from = from;
    enum kmb_status status = table_build(table, encoded, error);
    if (status != KMB_OK) {
        catalogue_table_release(table);
        return status;
    }
    *out = table;
    return KMB_OK;
}

void catalogue_table_release(struct catalogue_table *table) {
    if (table != NULL && atomic_fetch_sub(&table->references, 1) == 1) {
        arena_free(&table->arena);
        mem_free(table);
    }
}

enum kmb_status catalogue_stream_make(struct stream_id id, struct slice name, enum data_class data_class,
                                      struct catalogue_moment from, struct catalogue_stream **out,
                                      struct kmb_error *error) {
    struct catalogue_stream *stream = mem_alloc(sizeof(*stream) + name.length);
    if (stream == NULL) {
        return no_memory(error);
    }
    atomic_init(&stream->references, 1);
    stream->from = from;
    if (name.length > 0) {
        memcpy(stream->text, name.bytes, name.length);
    }
    stream->definition =
        (struct stream_definition){.id = id, .name = slice_make(stream->text, name.length), .data_class = data_class};
    *out = stream;
    return KMB_OK;
}

void catalogue_stream_release(struct catalogue_stream *stream) {
    if (stream != NULL && atomic_fetch_sub(&stream->references, 1) == 1) {
        mem_free(stream);
    }
}

void catalogue_schema_encode(struct slice name, struct slice comment, struct buffer *out) {
    buffer_bytes(out, name);
    buffer_bytes(out, comment);
}

enum kmb_status catalogue_schema_make(struct schema_id id, struct slice encoded, struct catalogue_moment from,
                                      struct catalogue_schema **out, struct kmb_error *error) {
    struct reader reader = reader_make(encoded);
    struct slice name = reader_bytes(&reader);
    struct slice comment = reader_bytes(&reader);
    if (!reader_done(&reader) || (name.length == 0 && id.value != 0)) {
        return meta_damaged(error, "the record of a schema");
    }
    struct catalogue_schema *schema = mem_alloc(sizeof(*schema) + name.length + comment.length);
    if (schema == NULL) {
        return no_memory(error);
    }
    atomic_init(&schema->references, 1);
    schema->from = from;
    if (name.length > 0) {
        memcpy(schema->text, name.bytes, name.length);
    }
    if (comment.length > 0) {
        memcpy(schema->text + name.length, comment.bytes, comment.length);
    }
    schema->definition = (struct schema_definition){.id = id,
                                                    .name = slice_make(schema->text, name.length),
                                                    .comment = slice_make(schema->text + name.length, comment.length)};
    *out = schema;
    return KMB_OK;
}

void catalogue_schema_release(struct catalogue_schema *schema) {
    if (schema != NULL && atomic_fetch_sub(&schema->references, 1) == 1) {
        mem_free(schema);
    }
}

/* --- catalogues --------------------------------------------------------------------------------------------------- */

static int compare_u32(uint32_t a, uint32_t b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

static int table_name_order(struct slice schema, struct slice name, const struct catalogue_table *table) {
    int order = slice_compare(schema, table->definition.schema_name);
    return order != 0 ? order : slice_compare(name, table->definition.name);
}

static int by_table_name(const void *a, const void *b) {
    const struct catalogue_table *left = *(struct catalogue_table *const *)a;
    const struct catalogue_table *right = *(struct catalogue_table *const *)b;
    int order = table_name_order(left->definition.schema_name, left->definition.name, right);
    return order != 0 ? order : compare_u32(left->definition.id.value, right->definition.id.value);
}

static int by_table_id(const void *a, const void *b) {
    const struct catalogue_table *left = *(struct catalogue_table *const *)a;
    const struct catalogue_table *right = *(struct catalogue_table *const *)b;
    return compare_u32(left->definition.id.value, right->definition.id.value);
}

static int by_stream_name(const void *a, const void *b) {
    const struct catalogue_stream *left = *(struct catalogue_stream *const *)a;
    const struct catalogue_stream *right = *(struct catalogue_stream *const *)b;
    int order = slice_compare(left->definition.name, right->definition.name);
    return order != 0 ? order : compare_u32(left->definition.id.value, right->definition.id.value);
}

static int by_stream_id(const void *a, const void *b) {
    const struct catalogue_stream *left = *(struct catalogue_stream *const *)a;
    const struct catalogue_stream *right = *(struct catalogue_stream *const *)b;
    return compare_u32(left->definition.id.value, right->definition.id.value);
}

static int by_schema_name(const void *a, const void *b) {
    const struct catalogue_schema *left = *(struct catalogue_schema *const *)a;
    const struct catalogue_schema *right = *(struct catalogue_schema *const *)b;
    int order = slice_compare(left->definition.name, right->definition.name);
    return order != 0 ? order : compare_u32(left->definition.id.value, right->definition.id.value);
}

static void release_members(const struct catalogue_members *members) {
    for (uint32_t i = 0; i < members->table_count; i++) {
        catalogue_table_release(members->tables[i]);
    }
    for (uint32_t i = 0; i < members->stream_count; i++) {
        catalogue_stream_release(members->streams[i]);
    }
    for (uint32_t i = 0; i < members->schema_count; i++) {
        catalogue_schema_release(members->schemas[i]);
    }
    for (uint32_t i = 0; i < members->principal_count; i++) {
        catalogue_principal_release(members->principals[i]);
    }
}

/* memcpy that may be asked for nothing. */
static void copy_pointers(void *target, const void *source, uint32_t count) {
    if (count > 0) {
        memcpy(target, source, count * sizeof(void *));
    }
}

enum kmb_status catalogue_make(const struct catalogue_members *members, const struct catalogue_header *header,
                               const struct catalogue **out, struct kmb_error *error) {
    uint32_t object_count = members->table_count;
    uint32_t stream_count = members->stream_count;
    size_t pointers = ((size_t)object_count + stream_count) * 2 + members->schema_count + members->principal_count + 1;
    struct catalogue *catalogue = mem_alloc_zero(1, sizeof(*catalogue));
    void **memory = mem_alloc_zero(pointers, sizeof(void *));
    if (catalogue == NULL || memory == NULL) {
        mem_free(catalogue);
        mem_free(memory);
        release_members(members);
        return no_memory(error);
    }
    atomic_init(&catalogue->references, 1);
    pthread_mutex_init(&catalogue->past_lock, NULL);
    catalogue->version = header->change_count;
    catalogue->header = *header;
    catalogue->object_count = object_count;
    catalogue->stream_count = stream_count;
    catalogue->schema_count = members->schema_count;
    catalogue->tables_by_name = (struct catalogue_table **)(void *)memory;
    catalogue->tables_by_id = catalogue->tables_by_name + object_count;
    catalogue->streams_by_name = (struct catalogue_stream **)(void *)(memory + (size_t)object_count * 2);
    catalogue->streams_by_id = catalogue->streams_by_name + stream_count;
    catalogue->schemas = (struct catalogue_schema **)(void *)(memory + ((size_t)object_count + stream_count) * 2);
    catalogue->principal_count = members->principal_count;
    catalogue->principals = (struct catalogue_principal **)(void *)(memory + ((size_t)object_count + stream_count) * 2 +
                                                                    members->schema_count);
    copy_pointers(catalogue->principals, members->principals, members->principal_count);
    for (uint32_t i = 0; i < members->principal_count; i++) {
        catalogue->role_count += members->principals[i]->object == META_OBJECT_ROLE ? 1 : 0;
    }
    copy_pointers(catalogue->tables_by_id, members->tables, object_count);
    copy_pointers(catalogue->streams_by_name, members->streams, stream_count);
    copy_pointers(catalogue->streams_by_id, members->streams, stream_count);
    copy_pointers(catalogue->schemas, members->schemas, members->schema_count);
    catalogue->types_by_name = catalogue->tables_by_name + object_count;
    for (uint32_t i = 0; i < object_count; i++) {
        struct catalogue_table *table = members->tables[i];
        catalogue->foreign_key_count += table->definition.foreign_key_count;
        if (definition_is_type(&table->definition)) {
            *--catalogue->types_by_name = table;
            catalogue->type_count++;
        } else {
            catalogue->tables_by_name[catalogue->table_count++] = table;
        }
    }
    qsort(catalogue->tables_by_name, catalogue->table_count, sizeof(void *), by_table_name);
    qsort(catalogue->types_by_name, catalogue->type_count, sizeof(void *), by_table_name);
    qsort(catalogue->tables_by_id, object_count, sizeof(void *), by_table_id);
    qsort(catalogue->streams_by_name, stream_count, sizeof(void *), by_stream_name);
    qsort(catalogue->streams_by_id, stream_count, sizeof(void *), by_stream_id);
    qsort(catalogue->schemas, members->schema_count, sizeof(void *), by_schema_name);
    qsort(catalogue->principals, members->principal_count, sizeof(void *), catalogue_principal_order);
    *out = catalogue;
    return KMB_OK;
}

/* The schemas of `from` with the change; an id is put in the place of the one that has it. */
static uint32_t changed_schemas(const struct catalogue *from, const struct catalogue_change *change,
                                struct catalogue_schema **schemas) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < from->schema_count; i++) {
        uint32_t id = from->schemas[i]->definition.id.value;
        bool replaced = change->schema_put != NULL && change->schema_put->definition.id.value == id;
        bool removed = change->schema_removed.value != 0 && change->schema_removed.value == id;
        if (!replaced && !removed) {
            atomic_fetch_add(&from->schemas[i]->references, 1);
            schemas[count++] = from->schemas[i];
        }
    }
    if (change->schema_put != NULL) {
        schemas[count++] = change->schema_put;
    }
    return count;
}

/* The same of roles and keys. */
static uint32_t changed_principals(const struct catalogue *from, const struct catalogue_change *change,
                                   struct catalogue_principal **principals) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < from->principal_count; i++) {
        struct catalogue_principal *principal = from->principals[i];
        bool replaced = change->principal_put != NULL && change->principal_put->object == principal->object &&
                        catalogue_principal_id(change->principal_put) == catalogue_principal_id(principal);
        if (!replaced && change->principal_removed != principal) {
            atomic_fetch_add(&principal->references, 1);
            principals[count++] = principal;
        }
    }
    if (change->principal_put != NULL) {
        principals[count++] = change->principal_put;
    }
    return count;
}

enum kmb_status catalogue_changed(const struct catalogue *from, const struct catalogue_change *change,
                                  const struct catalogue_header *header, const struct catalogue **out,
                                  struct kmb_error *error) {
    struct catalogue_members members = {
        .tables = mem_alloc(((size_t)from->object_count + 1) * sizeof(struct catalogue_table *)),
        .streams = mem_alloc(((size_t)from->stream_count + 1) * sizeof(struct catalogue_stream *)),
        .schemas = mem_alloc(((size_t)from->schema_count + 1) * sizeof(struct catalogue_schema *)),
        .principals = mem_alloc(((size_t)from->principal_count + 1) * sizeof(struct catalogue_principal *)),
    };
    enum kmb_status status = KMB_OK;
    if (members.tables == NULL || members.streams == NULL || members.schemas == NULL || members.principals == NULL) {
        catalogue_table_release(change->table_put);
        catalogue_stream_release(change->stream_put);
        catalogue_schema_release(change->schema_put);
        catalogue_principal_release(change->principal_put);
        status = no_memory(error);
    } else {
        uint32_t out_id =
            change->table_put != NULL ? change->table_put->definition.id.value : change->table_removed.value;
        for (uint32_t i = 0; i < from->object_count; i++) {
            if (from->tables_by_id[i]->definition.id.value != out_id) {
                atomic_fetch_add(&from->tables_by_id[i]->references, 1);
                members.tables[members.table_count++] = from->tables_by_id[i];
            }
        }
        if (change->table_put != NULL) {
            members.tables[members.table_count++] = change->table_put;
        }
        for (uint32_t i = 0; i < from->stream_count; i++) {
            atomic_fetch_add(&from->streams_by_id[i]->references, 1);
            members.streams[members.stream_count++] = from->streams_by_id[i];
        }
        if (change->stream_put != NULL) {
            members.streams[members.stream_count++] = change->stream_put;
        }
        members.schema_count = changed_schemas(from, change, members.schemas);
        members.principal_count = changed_principals(from, change, members.principals);
        status = catalogue_make(&members, header, out, error);
    }
    mem_free(members.tables);
    mem_free(members.streams);
    mem_free(members.schemas);
    mem_free(members.principals);
    return status;
}

enum kmb_status catalogue_renumber(const struct catalogue *from, uint64_t version, const struct catalogue **out,
                                   struct kmb_error *error) {
    struct catalogue_change nothing = {.table_put = NULL};
    enum kmb_status status = catalogue_changed(from, &nothing, &from->header, out, error);
    if (status == KMB_OK) {
        catalogue_mutable(*out)->version = version;
    }
    return status;
}

void catalogue_retain(const struct catalogue *catalogue) {
    unsigned before = atomic_fetch_add(&catalogue_mutable(catalogue)->references, 1);
    ASSERT(before > 0);
}

void catalogue_release(const struct catalogue *constant) {
    if (constant == NULL) {
        return;
    }
    struct catalogue *catalogue = catalogue_mutable(constant);
    unsigned before = atomic_fetch_sub(&catalogue->references, 1);
    ASSERT(before > 0);
    if (before > 1) {
        return;
    }
    catalogue_release(catalogue->past);
    pthread_mutex_destroy(&catalogue->past_lock);
    release_members(&(struct catalogue_members){.tables = catalogue->tables_by_id,
                                                .table_count = catalogue->object_count,
                                                .streams = catalogue->streams_by_id,
                                                .stream_count = catalogue->stream_count,
                                                .schemas = catalogue->schemas,
                                                .schema_count = catalogue->schema_count,
                                                .principals = catalogue->principals,
                                                .principal_count = catalogue->principal_count});
    mem_free(catalogue->tables_by_name);
    mem_free(catalogue);
}

uint64_t catalogue_version(const struct catalogue *catalogue) {
    return catalogue->version;
}

uint32_t catalogue_object_id_next(const struct catalogue *catalogue) {
    return catalogue->header.object_id_next;
}

/* --- lookups ------------------------------------------------------------------------------------------------------ */

static struct slice schema_or_default(struct slice schema) {
    return schema.length == 0 ? slice_text(CATALOGUE_SCHEMA_DEFAULT) : schema;
}

static const struct table_definition *find_name(struct catalogue_table *const *by_name, uint32_t count,
                                                struct slice schema, struct slice name) {
    schema = schema_or_default(schema);
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = table_name_order(schema, name, by_name[middle]);
        if (order == 0) {
            return &by_name[middle]->definition;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const struct table_definition *catalogue_table(const struct catalogue *catalogue, struct slice schema,
                                               struct slice name) {
    return find_name(catalogue->tables_by_name, catalogue->table_count, schema, name);
}

const struct table_definition *catalogue_type(const struct catalogue *catalogue, struct slice schema,
                                              struct slice name) {
    return find_name(catalogue->types_by_name, catalogue->type_count, schema, name);
}

const struct table_definition *catalogue_enum(const struct catalogue *catalogue, enum type_id type) {
    const struct table_definition *found = catalogue_table_of_id(catalogue, (struct table_id){type_object(type)});
    return found != NULL && found->form == DEFINITION_ENUM ? found : NULL;
}

const struct table_definition *catalogue_table_of_id(const struct catalogue *catalogue, struct table_id id) {
    uint32_t low = 0;
    uint32_t high = catalogue->object_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t at = catalogue->tables_by_id[middle]->definition.id.value;
        if (at == id.value) {
            return &catalogue->tables_by_id[middle]->definition;
        }
        if (id.value < at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const struct index_definition *catalogue_index(const struct catalogue *catalogue, struct slice schema,
                                               struct slice name, const struct table_definition **table) {
    schema = schema_or_default(schema);
    for (uint32_t i = 0; i < catalogue->object_count; i++) {
        const struct table_definition *definition = &catalogue->tables_by_id[i]->definition;
        if (!slice_equal(definition->schema_name, schema)) {
            continue;
        }
        const struct index_definition *index = definition_index_of_name(definition, name);
        if (index != NULL) {
            if (table != NULL) {
                *table = definition;
            }
            return index;
        }
    }
    return NULL;
}

const struct index_definition *catalogue_index_of_id(const struct catalogue *catalogue, struct index_id id,
                                                     const struct table_definition **table) {
    for (uint32_t i = 0; i < catalogue->object_count; i++) {
        const struct table_definition *definition = &catalogue->tables_by_id[i]->definition;
        const struct index_definition *index = definition_index_of_id(definition, id);
        if (index != NULL) {
            if (table != NULL) {
                *table = definition;
            }
            return index;
        }
    }
    return NULL;
}

bool catalogue_relation_exists(const struct catalogue *catalogue, struct slice schema, struct slice name) {
    schema = schema_or_default(schema);
    if (catalogue_table(catalogue, schema, name) != NULL || catalogue_index(catalogue, schema, name, NULL) != NULL) {
        return true;
    }
    for (uint32_t i = 0; i < catalogue->object_count; i++) {
        const struct table_definition *definition = &catalogue->tables_by_id[i]->definition;
        if (definition->primary_key_count > 0 && slice_equal(definition->schema_name, schema) &&
            slice_equal(definition->primary_key_name, name)) {
            return true;
        }
    }
    return false;
}

const struct stream_definition *catalogue_stream(const struct catalogue *catalogue, struct slice name) {
    uint32_t low = 0;
    uint32_t high = catalogue->stream_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = slice_compare(name, catalogue->streams_by_name[middle]->definition.name);
        if (order == 0) {
            return &catalogue->streams_by_name[middle]->definition;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const struct stream_definition *catalogue_stream_of_id(const struct catalogue *catalogue, struct stream_id id) {
    uint32_t low = 0;
    uint32_t high = catalogue->stream_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t at = catalogue->streams_by_id[middle]->definition.id.value;
        if (at == id.value) {
            return &catalogue->streams_by_id[middle]->definition;
        }
        if (id.value < at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

uint32_t catalogue_table_count(const struct catalogue *catalogue) {
    return catalogue->table_count;
}

const struct table_definition *catalogue_table_at(const struct catalogue *catalogue, uint32_t ordinal) {
    ASSERT(ordinal < catalogue->table_count);
    return &catalogue->tables_by_name[ordinal]->definition;
}

uint32_t catalogue_type_count(const struct catalogue *catalogue) {
    return catalogue->type_count;
}

const struct table_definition *catalogue_type_at(const struct catalogue *catalogue, uint32_t ordinal) {
    ASSERT(ordinal < catalogue->type_count);
    return &catalogue->types_by_name[ordinal]->definition;
}

bool catalogue_has_foreign_keys(const struct catalogue *catalogue) {
    return catalogue->foreign_key_count > 0;
}

bool catalogue_table_refers(const struct catalogue *catalogue, const struct table_definition *table) {
    if (table->foreign_key_count > 0 || catalogue->foreign_key_count == 0) {
        return table->foreign_key_count > 0;
    }
    for (uint32_t i = 0; i < catalogue->object_count; i++) {
        const struct table_definition *child = &catalogue->tables_by_id[i]->definition;
        for (uint32_t k = 0; k < child->foreign_key_count; k++) {
            if (child->foreign_keys[k].parent.value == table->id.value) {
                return true;
            }
        }
    }
    return false;
}

const struct table_definition *catalogue_owned_sequence(const struct catalogue *catalogue, struct table_id table,
                                                        struct column_id column) {
    for (uint32_t i = 0; i < catalogue->object_count; i++) {
        const struct table_definition *sequence = &catalogue->tables_by_id[i]->definition;
        if (definition_is_sequence(sequence) && sequence->sequence.owner.value == table.value &&
            sequence->sequence.owner_column.value == column.value) {
            return sequence;
        }
    }
    return NULL;
}

uint32_t catalogue_stream_count(const struct catalogue *catalogue) {
    return catalogue->stream_count;
}

const struct stream_definition *catalogue_stream_at(const struct catalogue *catalogue, uint32_t ordinal) {
    ASSERT(ordinal < catalogue->stream_count);
    return &catalogue->streams_by_name[ordinal]->definition;
}

const struct schema_definition *catalogue_schema(const struct catalogue *catalogue, struct slice name) {
    for (uint32_t i = 0; name.length > 0 && i < catalogue->schema_count; i++) {
        if (slice_equal(catalogue->schemas[i]->definition.name, name)) {
            return &catalogue->schemas[i]->definition;
        }
    }
    return NULL;
}

const struct schema_definition *catalogue_schema_of_id(const struct catalogue *catalogue, struct schema_id id) {
    for (uint32_t i = 0; i < catalogue->schema_count; i++) {
        const struct schema_definition *schema = &catalogue->schemas[i]->definition;
        if (schema->id.value == id.value && schema->name.length > 0) {
            return schema;
        }
    }
    return NULL;
}

/* The dropped default one has the empty name, so it stands first. */
static uint32_t dropped_schemas(const struct catalogue *catalogue) {
    return catalogue->schema_count > 0 && catalogue->schemas[0]->definition.name.length == 0 ? 1 : 0;
}

uint32_t catalogue_schema_count(const struct catalogue *catalogue) {
    return catalogue->schema_count - dropped_schemas(catalogue);
}

const struct schema_definition *catalogue_schema_at(const struct catalogue *catalogue, uint32_t ordinal) {
    ASSERT(ordinal < catalogue_schema_count(catalogue));
    return &catalogue->schemas[ordinal + dropped_schemas(catalogue)]->definition;
}
