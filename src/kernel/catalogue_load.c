/*
 * The catalogue in META, and the catalogues of the past.
 *
 * Every object has one record while it lives: from which moment its version holds, and the definition. A change writes
 * the version that ends into the past, with the moment of its end, and replaces the record. A moment is (position,
 * tenant sequence): DDL takes no position, so several versions may begin at one position, and the sequence tells them
 * apart.
 *
 * The catalogue of position n has the versions with from <= n < to. That is the catalogue after the last entry that
 * ends at n: what begins at n is in, what ends at n is out. A table dropped at n would then be out of sight at the
 * position where it was last whole; so a name that nobody has at n falls back to the one that ended there. AS OF a time
 * comes as a sequence and needs no such rule.
 *
 * Catalogues of the past are made when asked for, and the last one made stays with the present one it was made from: a
 * loop of point reads AT OFFSET n decodes once.
 */
#include "base/map.h"
#include "kernel/internal.h"

void catalogue_header_encode(const struct catalogue_header *header, uint8_t bytes[CATALOGUE_HEADER_SIZE]) {
    codec_put_u32(bytes, header->object_id_next);
    codec_put_u64(bytes + 4, header->change_count);
    codec_put_u64(bytes + 12, header->changed.position);
    codec_put_u64(bytes + 20, header->changed.sequence);
}

bool catalogue_header_decode(struct slice value, struct catalogue_header *header) {
    if (value.length != CATALOGUE_HEADER_SIZE) {
        return false;
    }
    header->object_id_next = codec_get_u32(value.bytes);
    header->change_count = codec_get_u64(value.bytes + 4);
    header->changed.position = codec_get_u64(value.bytes + 12);
    header->changed.sequence = codec_get_u64(value.bytes + 20);
    return header->object_id_next > 0 && header->object_id_next <= OBJECT_ID_MAX;
}

/* Members of a catalogue being gathered. */
struct gathering {
    struct catalogue_members members;
    uint32_t table_capacity;
    uint32_t stream_capacity;
    uint32_t schema_capacity;
    uint32_t principal_capacity;
    /* tables that ended exactly at the point, newest last */
    struct catalogue_table **ended;
    struct catalogue_moment *ended_at;
    uint32_t ended_count;
    uint32_t ended_capacity;
    bool past;
    bool by_sequence;
    uint64_t point;
    uint64_t low; /* newest change at or before the point */
    uint64_t high;
};

static void gathering_release(struct gathering *gathering) {
    for (uint32_t i = 0; i < gathering->members.table_count; i++) {
        catalogue_table_release(gathering->members.tables[i]);
    }
    for (uint32_t i = 0; i < gathering->members.stream_count; i++) {
        catalogue_stream_release(gathering->members.streams[i]);
    }
    for (uint32_t i = 0; i < gathering->members.schema_count; i++) {
        catalogue_schema_release(gathering->members.schemas[i]);
    }
    for (uint32_t i = 0; i < gathering->members.principal_count; i++) {
        catalogue_principal_release(gathering->members.principals[i]);
    }
    gathering->members.principal_count = 0;
    gathering->members.table_count = 0;
    gathering->members.stream_count = 0;
    gathering->members.schema_count = 0;
}

static void gathering_free(struct gathering *gathering) {
    for (uint32_t i = 0; i < gathering->ended_count; i++) {
        catalogue_table_release(gathering->ended[i]);
    }
    mem_free(gathering->members.tables);
    mem_free(gathering->members.streams);
    mem_free(gathering->members.schemas);
    mem_free(gathering->members.principals);
    mem_free(gathering->ended);
    mem_free(gathering->ended_at);
}

static bool grow(void *pointer_to_array, uint32_t count, uint32_t *capacity, size_t size) {
    if (count < *capacity) {
        return true;
    }
    void *array;
    memcpy(&array, pointer_to_array, sizeof(array));
    uint32_t more = *capacity == 0 ? 16 : *capacity * 2;
    array = mem_realloc(array, more * size);
    if (array == NULL) {
        return false;
    }
    memcpy(pointer_to_array, &array, sizeof(array));
    *capacity = more;
    return true;
}

static enum kmb_status gather_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

static enum kmb_status gather_table(struct gathering *gathering, struct slice encoded, struct catalogue_moment from,
                                    const struct catalogue_moment *ended_at, struct kmb_error *error) {
    struct catalogue_table *table;
    enum kmb_status status = catalogue_table_make(encoded, from, &table, error);
    if (status != KMB_OK) {
        return status;
    }
    if (ended_at == NULL) {
        if (!grow(&gathering->members.tables, gathering->members.table_count, &gathering->table_capacity,
                  sizeof(table))) {
            catalogue_table_release(table);
            return gather_no_memory(error);
        }
        gathering->members.tables[gathering->members.table_count++] = table;
        return KMB_OK;
    }
    uint32_t capacity = gathering->ended_capacity;
    if (!grow(&gathering->ended, gathering->ended_count, &capacity, sizeof(table)) ||
        !grow(&gathering->ended_at, gathering->ended_count, &gathering->ended_capacity, sizeof(*ended_at))) {
        catalogue_table_release(table);
        return gather_no_memory(error);
    }
    gathering->ended[gathering->ended_count] = table;
    gathering->ended_at[gathering->ended_count++] = *ended_at;
    return KMB_OK;
}

static enum kmb_status gather_stream(struct gathering *gathering, uint32_t id, struct slice payload,
                                     struct catalogue_moment from, struct kmb_error *error) {
    if (payload.length < 1 || payload.bytes[0] >= DATA_CLASS_COUNT) {
        return meta_damaged(error, "the record of a stream");
    }
    struct catalogue_stream *stream;
    enum kmb_status status =
        catalogue_stream_make((struct stream_id){id}, slice_make(payload.bytes + 1, payload.length - 1),
                              (enum data_class)payload.bytes[0], from, &stream, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!grow(&gathering->members.streams, gathering->members.stream_count, &gathering->stream_capacity,
              sizeof(stream))) {
        catalogue_stream_release(stream);
        return gather_no_memory(error);
    }
    gathering->members.streams[gathering->members.stream_count++] = stream;
    return KMB_OK;
}

static enum kmb_status gather_schema(struct gathering *gathering, uint32_t id, struct slice payload,
                                     struct catalogue_moment from, struct kmb_error *error) {
    struct catalogue_schema *schema;
    enum kmb_status status = catalogue_schema_make((struct schema_id){id}, payload, from, &schema, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!grow(&gathering->members.schemas, gathering->members.schema_count, &gathering->schema_capacity,
              sizeof(schema))) {
        catalogue_schema_release(schema);
        return gather_no_memory(error);
    }
    gathering->members.schemas[gathering->members.schema_count++] = schema;
    return KMB_OK;
}

/* The schema that was never made: there as long as no record says otherwise. */
static enum kmb_status gather_default_schema(struct gathering *gathering, struct kmb_error *error) {
    for (uint32_t i = 0; i < gathering->members.schema_count; i++) {
        if (gathering->members.schemas[i]->definition.id.value == 0) {
            return KMB_OK;
        }
    }
    struct buffer encoded = {.bytes = NULL};
    catalogue_schema_encode(slice_text(CATALOGUE_SCHEMA_DEFAULT), slice_text(CATALOGUE_SCHEMA_COMMENT), &encoded);
    enum kmb_status status = buffer_ok(&encoded) ? gather_schema(gathering, 0, buffer_slice(&encoded),
                                                                 (struct catalogue_moment){.sequence = 0}, error)
                                                 : gather_no_memory(error);
    buffer_free(&encoded);
    return status;
}

static enum kmb_status gather_principal(struct gathering *gathering, enum meta_object object, uint32_t id,
                                        struct slice payload, struct catalogue_moment from, struct kmb_error *error) {
    struct catalogue_principal *principal;
    enum kmb_status status = catalogue_principal_make(object, id, payload, from, &principal, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!grow(&gathering->members.principals, gathering->members.principal_count, &gathering->principal_capacity,
              sizeof(principal))) {
        catalogue_principal_release(principal);
        return gather_no_memory(error);
    }
    gathering->members.principals[gathering->members.principal_count++] = principal;
    return KMB_OK;
}

/* The role that was never made: there as it was from the start as long as no record says otherwise. */
static enum kmb_status gather_default_role(struct gathering *gathering, struct kmb_error *error) {
    for (uint32_t i = 0; i < gathering->members.principal_count; i++) {
        const struct catalogue_principal *principal = gathering->members.principals[i];
        if (principal->object == META_OBJECT_ROLE && catalogue_principal_id(principal) == 0) {
            return KMB_OK;
        }
    }
    struct role_definition role = {.name = slice_text(CATALOGUE_ROLE_DEFAULT),
                                   .flags = CATALOGUE_ROLE_DEFAULT_FLAGS,
                                   .connection_limit = ROLE_CONNECTIONS_ANY};
    struct buffer encoded = {.bytes = NULL};
    role_encode(&role, &encoded);
    enum kmb_status status = buffer_ok(&encoded)
                                 ? gather_principal(gathering, META_OBJECT_ROLE, 0, buffer_slice(&encoded),
                                                    (struct catalogue_moment){.sequence = 0}, error)
                                 : gather_no_memory(error);
    buffer_free(&encoded);
    return status;
}

static void gather_bound(struct gathering *gathering, uint64_t change) {
    if (change <= gathering->point) {
        gathering->low = change > gathering->low ? change : gathering->low;
    } else {
        gathering->high = change < gathering->high ? change : gathering->high;
    }
}

/* One version of one object: is it of the moment? */
static enum kmb_status gather(struct gathering *gathering, enum meta_object object, uint32_t id,
                              struct catalogue_moment from, const struct catalogue_moment *to, struct slice payload,
                              struct kmb_error *error) {
    if (gathering->past) {
        uint64_t begin = gathering->by_sequence ? from.sequence : from.position;
        uint64_t end = to == NULL ? UINT64_MAX : gathering->by_sequence ? to->sequence : to->position;
        gather_bound(gathering, begin);
        gather_bound(gathering, end);
        if (begin > gathering->point) {
            return KMB_OK;
        }
        if (end <= gathering->point) {
            if (gathering->by_sequence || end < gathering->point || object != META_OBJECT_TABLE) {
                return KMB_OK;
            }
            return gather_table(gathering, payload, from, to, error);
        }
    }
    return object == META_OBJECT_TABLE    ? gather_table(gathering, payload, from, NULL, error)
           : object == META_OBJECT_SCHEMA ? gather_schema(gathering, id, payload, from, error)
           : object == META_OBJECT_ROLE || object == META_OBJECT_API_KEY
               ? gather_principal(gathering, object, id, payload, from, error)
               : gather_stream(gathering, id, payload, from, error);
}

static enum kmb_status gather_record(struct gathering *gathering, struct slice key, struct slice value,
                                     struct kmb_error *error) {
    bool past = key.bytes[0] == META_PAST;
    size_t key_length = past ? 22 : 6;
    if (key.length != key_length || value.length < 16) {
        return meta_damaged(error, "the record of an object");
    }
    enum meta_object object = (enum meta_object)key.bytes[1];
    if (object != META_OBJECT_TABLE && object != META_OBJECT_STREAM && object != META_OBJECT_SCHEMA &&
        object != META_OBJECT_ROLE && object != META_OBJECT_API_KEY) {
        return meta_damaged(error, "the record of an object of no kind");
    }
    uint32_t id = codec_get_u32_big(key.bytes + 2);
    struct catalogue_moment first = {codec_get_u64(value.bytes), codec_get_u64(value.bytes + 8)};
    struct slice payload = slice_make(value.bytes + 16, value.length - 16);
    if (!past) {
        return gather(gathering, object, id, first, NULL, payload, error);
    }
    struct catalogue_moment from = {.sequence = codec_get_u64_big(key.bytes + 6),
                                    .position = codec_get_u64_big(key.bytes + 14)};
    return gather(gathering, object, id, from, &first, payload, error);
}

static enum kmb_status gather_range(struct gathering *gathering, struct store_view view, uint32_t tenant,
                                    enum meta_kind kind, struct kmb_error *error) {
    struct store_cursor cursor = {.valid = false};
    struct meta_key start = meta_key_make(kind);
    enum kmb_status status = store_cursor_open(&cursor, view, tenant, STORE_META, error);
    if (status == KMB_OK) {
        status = store_cursor_seek(&cursor, meta_slice(&start), error);
    }
    while (status == KMB_OK && cursor.valid && cursor.key.bytes[0] == (uint8_t)kind) {
        struct slice value;
        status = store_cursor_value(&cursor, &value, error);
        if (status == KMB_OK) {
            status = gather_record(gathering, cursor.key, value, error);
        }
        if (status == KMB_OK) {
            status = store_cursor_next(&cursor, error);
        }
    }
    store_cursor_close(&cursor);
    return status;
}

static enum kmb_status header_load(struct store_view view, uint32_t tenant, struct catalogue_header *header,
                                   struct kmb_error *error) {
    struct buffer value = {.bytes = NULL};
    bool found = false;
    struct meta_key key = meta_key_make(META_HEADER);
    enum kmb_status status = store_get(view, tenant, STORE_META, meta_slice(&key), &value, &found, error);
    if (status == KMB_OK) {
        *header = (struct catalogue_header){.object_id_next = 1};
        if (found && !catalogue_header_decode(buffer_slice(&value), header)) {
            status = meta_damaged(error, "the header of the catalogue");
        }
    }
    buffer_free(&value);
    return status;
}

enum kmb_status catalogue_load(struct store_view view, uint32_t tenant, const struct catalogue **catalogue,
                               struct kmb_error *error) {
    struct catalogue_header header;
    enum kmb_status status = header_load(view, tenant, &header, error);
    if (status != KMB_OK) {
        return status;
    }
    struct gathering gathering = {.past = false};
    status = gather_range(&gathering, view, tenant, META_OBJECT, error);
    if (status == KMB_OK) {
        status = gather_default_schema(&gathering, error);
    }
    if (status == KMB_OK) {
        status = gather_default_role(&gathering, error);
    }
    if (status == KMB_OK) {
        status = catalogue_make(&gathering.members, &header, catalogue, error);
    } else {
        gathering_release(&gathering);
    }
    gathering_free(&gathering);
    return status;
}

/* --- the past ----------------------------------------------------------------------------------------------------- */

static bool gathered_has(const struct gathering *gathering, const struct catalogue_table *table) {
    for (uint32_t i = 0; i < gathering->members.table_count; i++) {
        const struct table_definition *other = &gathering->members.tables[i]->definition;
        if (other->id.value == table->definition.id.value ||
            (definition_is_type(other) == definition_is_type(&table->definition) &&
             slice_equal(other->schema_name, table->definition.schema_name) &&
             slice_equal(other->name, table->definition.name))) {
            return true;
        }
    }
    return false;
}

static bool moment_before(struct catalogue_moment a, struct catalogue_moment b) {
    return a.sequence != b.sequence ? a.sequence < b.sequence : a.position < b.position;
}

/* Names that nobody has at the point fall back to what ended there, the last to end first. */
static enum kmb_status gather_ended(struct gathering *gathering, bool *any, struct kmb_error *error) {
    for (uint32_t round = 0; round < gathering->ended_count; round++) {
        uint32_t newest = UINT32_MAX;
        for (uint32_t i = 0; i < gathering->ended_count; i++) {
            if (gathering->ended[i] == NULL) {
                continue;
            }
            if (newest == UINT32_MAX || moment_before(gathering->ended_at[newest], gathering->ended_at[i])) {
                newest = i;
            }
        }
        struct catalogue_table *table = gathering->ended[newest];
        gathering->ended[newest] = NULL;
        if (gathered_has(gathering, table)) {
            catalogue_table_release(table);
            continue;
        }
        if (!grow(&gathering->members.tables, gathering->members.table_count, &gathering->table_capacity,
                  sizeof(table))) {
            catalogue_table_release(table);
            return gather_no_memory(error);
        }
        gathering->members.tables[gathering->members.table_count++] = table;
        *any = true;
    }
    return KMB_OK;
}

static enum kmb_status past_build(struct store_view view, uint32_t tenant, const struct catalogue *present,
                                  struct gathering *gathering, const struct catalogue **out, struct kmb_error *error) {
    enum kmb_status status = gather_range(gathering, view, tenant, META_OBJECT, error);
    if (status == KMB_OK) {
        status = gather_range(gathering, view, tenant, META_PAST, error);
    }
    bool fallback = false;
    if (status == KMB_OK) {
        status = gather_ended(gathering, &fallback, error);
    }
    if (status == KMB_OK) {
        status = gather_default_schema(gathering, error);
    }
    if (status == KMB_OK) {
        status = gather_default_role(gathering, error);
    }
    if (status != KMB_OK) {
        gathering_release(gathering);
        return status;
    }
    if (fallback) {
        gathering->low = gathering->point;
        gathering->high = gathering->point + 1;
    }
    struct catalogue_header header = present->header;
    const struct catalogue *past;
    status = catalogue_make(&gathering->members, &header, &past, error);
    if (status != KMB_OK) {
        return status;
    }
    /* A number of its own: what is cached under the present one must not be taken for this one, nor the reverse. */
    uint64_t facts[4] = {present->version, gathering->by_sequence, gathering->low, gathering->high};
    catalogue_mutable(past)->version = (map_hash(facts, sizeof(facts), 0) >> 2) | (UINT64_C(1) << 62);
    *out = past;
    return KMB_OK;
}

enum kmb_status catalogue_load_at(struct store_view view, uint32_t tenant, const struct catalogue *present,
                                  bool by_sequence, uint64_t point, const struct catalogue **out,
                                  struct kmb_error *error) {
    if (by_sequence ? point >= present->header.changed.sequence : point > present->header.changed.position) {
        catalogue_retain(present);
        *out = present;
        return KMB_OK;
    }
    struct catalogue *keeper = catalogue_mutable(present);
    pthread_mutex_lock(&keeper->past_lock);
    if (keeper->past != NULL && keeper->past_by_sequence == by_sequence && keeper->past_low <= point &&
        point < keeper->past_high) {
        catalogue_retain(keeper->past);
        *out = keeper->past;
        pthread_mutex_unlock(&keeper->past_lock);
        return KMB_OK;
    }
    pthread_mutex_unlock(&keeper->past_lock);

    struct gathering gathering = {.past = true, .by_sequence = by_sequence, .point = point, .high = UINT64_MAX};
    enum kmb_status status = past_build(view, tenant, present, &gathering, out, error);
    if (status == KMB_OK) {
        catalogue_retain(*out);
        pthread_mutex_lock(&keeper->past_lock);
        const struct catalogue *replaced = keeper->past;
        keeper->past = *out;
        keeper->past_by_sequence = by_sequence;
        keeper->past_low = gathering.low;
        keeper->past_high = gathering.high;
        pthread_mutex_unlock(&keeper->past_lock);
        catalogue_release(replaced);
    }
    gathering_free(&gathering);
    return status;
}

/* --- since when a name is a column's -------------------------------------------------------------------------------
 */

static uint32_t place_of(const struct column_definition *column) {
    return column->place.value != 0 ? column->place.value : column->id.value;
}

/* Whether another column, dropped before this one was added, had its name. */
static bool name_again(const struct table_definition *table, const struct column_definition *column, uint32_t version) {
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column_definition *other = &table->columns[i];
        if (other->dropped && other->dropped_in.value <= version && place_of(other) != place_of(column) &&
            slice_equal(other->name, column->name)) {
            return true;
        }
    }
    return false;
}

/* The schema version in which a living column came that gave older rows a value under another one's name; 0: none. */
static uint32_t version_given(const struct catalogue_table *table, uint32_t ordinal) {
    const struct table_definition *definition = &table->definition;
    const struct column_definition *column = table->living[ordinal];
    const struct column_definition *first = definition_column_of_id(definition, (struct column_id){place_of(column)});
    if (first == NULL || first->missing_value.length == 0) {
        return 0;
    }
    return name_again(definition, column, first->added_in.value) ? first->added_in.value : 0;
}

static void since_note(const struct catalogue_table *table, uint32_t version, uint64_t position, uint64_t *since) {
    for (uint32_t i = 0; i < table->living_count; i++) {
        uint32_t given = version_given(table, i);
        since[i] = given != 0 && version >= given && position < since[i] ? position : since[i];
    }
}

static enum kmb_status since_record(const struct catalogue_table *table, struct slice key, struct slice value,
                                    uint64_t *since, struct kmb_error *error) {
    if (key.length != 22 || value.length < 16) {
        return meta_damaged(error, "the record of an object");
    }
    struct arena arena;
    struct table_definition definition;
    arena_init(&arena, 0);
    enum kmb_status status =
        definition_decode_table(slice_make(value.bytes + 16, value.length - 16), &arena, &definition, error);
    if (status == KMB_OK) {
        since_note(table, definition.version.value, codec_get_u64_big(key.bytes + 14), since);
    }
    arena_free(&arena);
    return status;
}

/* What a change ends is in the past with the moment of its beginning, so every version is there or is the view's. */
enum kmb_status kernel_columns_since(struct kernel_view *view, const struct table_definition *definition,
                                     uint64_t *since, struct kmb_error *error) {
    const struct catalogue_table *table = catalogue_table_of(definition);
    bool any = false;
    for (uint32_t i = 0; i < table->living_count; i++) {
        since[i] = version_given(table, i) == 0 ? 0 : table->from.position;
        any = any || since[i] > 0;
    }
    if (!any) {
        return KMB_OK;
    }
    struct store_cursor cursor = {.valid = false};
    struct meta_key start = meta_key_make(META_PAST);
    meta_key_u8(&start, META_OBJECT_TABLE);
    meta_key_u32(&start, definition->id.value);
    struct slice prefix = meta_slice(&start);
    enum kmb_status status =
        store_cursor_open(&cursor, store_view_root(view->state->root), view->state->tenant.value, STORE_META, error);
    if (status == KMB_OK) {
        status = store_cursor_seek(&cursor, prefix, error);
    }
    while (status == KMB_OK && cursor.valid && cursor.key.length > prefix.length &&
           memcmp(cursor.key.bytes, prefix.bytes, prefix.length) == 0) {
        struct slice value;
        status = store_cursor_value(&cursor, &value, error);
        if (status == KMB_OK) {
            status = since_record(table, cursor.key, value, since, error);
        }
        if (status == KMB_OK) {
            status = store_cursor_next(&cursor, error);
        }
    }
    store_cursor_close(&cursor);
    return status;
}
