/*
 * Table definitions: their bytes, and looking things up in them.
 *
 * A definition is written into the log when a table is created and kept by the catalogue, so its encoding is frozen
 * like an event's. Decoding trusts nothing: counts are bounded before memory is taken, names are UTF-8 without NUL and
 * of an identifier's length, types are types a column may have, and every key part must name a column that lives. What
 * passes can be used without further checks.
 */
#include "types/definition.h"

#include "base/assert.h"
#include "types/key.h"
#include "types/utf8.h"

#define COLUMN_NOT_NULL  0x01
#define COLUMN_DROPPED   0x02
#define COLUMN_SEALED    0x04
#define COLUMN_HIDDEN    0x08
#define COLUMN_PLACED    0x10
#define COLUMN_DOMAIN    0x20
#define INDEX_UNIQUE     0x01
#define INDEX_CONSTRAINT 0x02
#define INDEX_NULLS_SAME 0x04
#define INDEX_FILTERED   0x08
#define INDEX_INCLUDES   0x10
#define PART_DESCENDING  0x01
#define PART_NULLS_OTHER 0x02

/* What may follow the checks, behind a view's query or a length of 0 in its place; in this order. */
#define PART_SEQUENCE     1
#define PART_FOREIGN_KEYS 2
#define PART_NOT_VALID    3
#define PART_COMMENTS     4
#define PART_KEYS_SINCE   5
#define PART_VIEW_CHECK   6
#define PART_TYPE         16

#define TYPE_LABELS_RENAMED 0x01

#define FOREIGN_MATCH_FULL 0x01
#define FOREIGN_DEFERRABLE 0x02
#define FOREIGN_DEFERRED   0x04
#define FOREIGN_NOT_VALID  0x08

/* --- writing --- */

static void definition_put_text(struct slice text, struct buffer *buffer) {
    buffer_bytes(buffer, text);
}

void definition_encode_column(const struct column_definition *column, struct buffer *buffer) {
    uint8_t flags =
        (uint8_t)((column->not_null ? COLUMN_NOT_NULL : 0) | (column->dropped ? COLUMN_DROPPED : 0) |
                  (column->sealed ? COLUMN_SEALED : 0) | (column->hidden ? COLUMN_HIDDEN : 0) |
                  (column->place.value != 0 ? COLUMN_PLACED : 0) | (column->type.domain != 0 ? COLUMN_DOMAIN : 0));
    buffer_u32(buffer, column->id.value);
    definition_put_text(column->name, buffer);
    uint32_t object = type_object(column->type.id); /* an enum type has no modifier, and the others no object */
    buffer_u8(buffer, (uint8_t)type_kind(column->type.id));
    buffer_u32(buffer, object != 0 ? object : (uint32_t)column->type.modifier);
    buffer_u8(buffer, flags);
    buffer_u8(buffer, (uint8_t)column->default_kind);
    definition_put_text(column->default_text, buffer);
    buffer_bytes(buffer, column->missing_value);
    buffer_u32(buffer, column->added_in.value);
    buffer_u32(buffer, column->dropped_in.value);
    if (column->place.value != 0) {
        buffer_u32(buffer, column->place.value);
    }
    if (column->type.domain != 0) {
        buffer_u32(buffer, column->type.domain);
    }
}

void definition_encode_parts(const struct key_part *parts, uint32_t count, struct buffer *buffer) {
    buffer_u16(buffer, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        buffer_u32(buffer, parts[i].column.value);
        buffer_u8(buffer, (uint8_t)((parts[i].descending ? PART_DESCENDING : 0) |
                                    (parts[i].nulls_other ? PART_NULLS_OTHER : 0)));
    }
}

void definition_encode_index(const struct index_definition *index, struct buffer *buffer) {
    buffer_u32(buffer, index->id.value);
    definition_put_text(index->name, buffer);
    buffer_u8(buffer,
              (uint8_t)((index->unique ? INDEX_UNIQUE : 0) | (index->constraint ? INDEX_CONSTRAINT : 0) |
                        (index->nulls_same ? INDEX_NULLS_SAME : 0) | (index->filter.value != 0 ? INDEX_FILTERED : 0) |
                        (index->include_count > 0 ? INDEX_INCLUDES : 0)));
    buffer_u8(buffer, (uint8_t)index->state);
    definition_encode_parts(index->parts, index->part_count, buffer);
    if (index->filter.value != 0) {
        buffer_u32(buffer, index->filter.value);
    }
    if (index->include_count > 0) {
        buffer_u16(buffer, (uint16_t)index->include_count);
        for (uint32_t i = 0; i < index->include_count; i++) {
            buffer_u32(buffer, index->include[i].value);
        }
    }
}

void definition_encode_check(const struct check_definition *check, struct buffer *buffer) {
    buffer_u32(buffer, check->id.value);
    definition_put_text(check->name, buffer);
    definition_put_text(check->text, buffer);
}

void definition_encode_sequence(const struct sequence_definition *sequence, struct buffer *buffer) {
    buffer_u8(buffer, (uint8_t)sequence->type);
    buffer_i64(buffer, sequence->start);
    buffer_i64(buffer, sequence->increment);
    buffer_i64(buffer, sequence->minimum);
    buffer_i64(buffer, sequence->maximum);
    buffer_u8(buffer, sequence->cycle ? 1 : 0);
    buffer_u32(buffer, sequence->owner.value);
    buffer_u32(buffer, sequence->owner_column.value);
}

void definition_encode_foreign_key(const struct foreign_key_definition *key, struct buffer *buffer) {
    buffer_u32(buffer, key->id.value);
    definition_put_text(key->name, buffer);
    buffer_u32(buffer, key->parent.value);
    buffer_u8(buffer,
              (uint8_t)((key->match_full ? FOREIGN_MATCH_FULL : 0) | (key->deferrable ? FOREIGN_DEFERRABLE : 0) |
                        (key->deferred ? FOREIGN_DEFERRED : 0) | (key->not_valid ? FOREIGN_NOT_VALID : 0)));
    buffer_u8(buffer, (uint8_t)key->on_update);
    buffer_u8(buffer, (uint8_t)key->on_delete);
    buffer_u16(buffer, (uint16_t)key->part_count);
    for (uint32_t i = 0; i < key->part_count; i++) {
        buffer_u32(buffer, key->parts[i].column.value);
        buffer_u32(buffer, key->parts[i].parent.value);
    }
    buffer_u16(buffer, (uint16_t)key->set_count);
    for (uint32_t i = 0; i < key->set_count; i++) {
        buffer_u32(buffer, key->set_columns[i].value);
    }
}

static uint32_t definition_checks_not_valid(const struct table_definition *table) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->check_count; i++) {
        count += table->checks[i].not_valid;
    }
    return count;
}

static void definition_put_type(const struct table_definition *table, struct buffer *buffer) {
    buffer_u8(buffer, PART_TYPE);
    buffer_u8(buffer, (uint8_t)table->form);
    buffer_u8(buffer, table->labels_renamed ? TYPE_LABELS_RENAMED : 0);
    buffer_u16(buffer, (uint16_t)table->label_count);
    for (uint32_t i = 0; i < table->label_count; i++) {
        definition_put_text(table->labels[i], buffer);
    }
}

static void definition_put_rest(const struct table_definition *table, struct buffer *buffer) {
    uint32_t not_valid = definition_checks_not_valid(table);
    if (definition_is_view(table) || definition_is_sequence(table) || table->foreign_key_count > 0 || not_valid > 0 ||
        table->comment_count > 0 || table->keys_since.value > 0 || definition_is_type(table)) {
        buffer_bytes(buffer, table->view_query);
    }
    if (definition_is_sequence(table)) {
        buffer_u8(buffer, PART_SEQUENCE);
        definition_encode_sequence(&table->sequence, buffer);
    }
    if (table->foreign_key_count > 0) {
        buffer_u8(buffer, PART_FOREIGN_KEYS);
        buffer_u16(buffer, (uint16_t)table->foreign_key_count);
        for (uint32_t i = 0; i < table->foreign_key_count; i++) {
            definition_encode_foreign_key(&table->foreign_keys[i], buffer);
        }
    }
    if (not_valid > 0) {
        buffer_u8(buffer, PART_NOT_VALID);
        buffer_u16(buffer, (uint16_t)not_valid);
        for (uint32_t i = 0; i < table->check_count; i++) {
            if (table->checks[i].not_valid) {
                buffer_u32(buffer, table->checks[i].id.value);
            }
        }
    }
    if (table->comment_count > 0) {
        buffer_u8(buffer, PART_COMMENTS);
        buffer_u16(buffer, (uint16_t)table->comment_count);
        for (uint32_t i = 0; i < table->comment_count; i++) {
            buffer_u8(buffer, (uint8_t)table->comments[i].part);
            buffer_u32(buffer, table->comments[i].id);
            definition_put_text(table->comments[i].text, buffer);
        }
    }
    if (table->keys_since.value > 0) {
        buffer_u8(buffer, PART_KEYS_SINCE);
        buffer_u32(buffer, table->keys_since.value);
    }
    if (table->view_check != VIEW_CHECK_NONE) {
        buffer_u8(buffer, PART_VIEW_CHECK);
        buffer_u8(buffer, (uint8_t)table->view_check);
    }
    if (definition_is_type(table)) {
        definition_put_type(table, buffer);
    }
}

void definition_encode_table(const struct table_definition *table, struct buffer *buffer) {
    buffer_u32(buffer, table->id.value);
    buffer_u32(buffer, table->version.value);
    definition_put_text(table->schema_name, buffer);
    definition_put_text(table->name, buffer);
    buffer_u8(buffer, (uint8_t)table->data_class);
    buffer_u32(buffer, table->column_id_next);
    buffer_u32(buffer, table->constraint_id_next);
    buffer_u16(buffer, (uint16_t)table->column_count);
    for (uint32_t i = 0; i < table->column_count; i++) {
        definition_encode_column(&table->columns[i], buffer);
    }
    definition_put_text(table->primary_key_name, buffer);
    definition_encode_parts(table->primary_key, table->primary_key_count, buffer);
    buffer_u16(buffer, (uint16_t)table->index_count);
    for (uint32_t i = 0; i < table->index_count; i++) {
        definition_encode_index(&table->indexes[i], buffer);
    }
    buffer_u16(buffer, (uint16_t)table->check_count);
    for (uint32_t i = 0; i < table->check_count; i++) {
        definition_encode_check(&table->checks[i], buffer);
    }
    definition_put_rest(table, buffer);
}

/* --- reading --- */

static enum kmb_status definition_corrupt(struct kmb_error *error, const char *what) {
    return error_set(error, KMB_CORRUPT, "table definition: %s", what);
}

static bool definition_name_valid(struct slice name, bool may_be_empty) {
    return (name.length > 0 || may_be_empty) && name.length <= DEFINITION_NAME_BYTES_MAX &&
           utf8_check(name, NULL) == KMB_OK;
}

/* A missing value is one encoded value of the column's type, or nothing. */
static bool definition_missing_valid(struct slice bytes, enum type_id type) {
    if (bytes.length == 0) {
        return true;
    }
    struct reader reader = reader_make(bytes);
    struct value value;
    return value_decode(&reader, &value, NULL) == KMB_OK && reader_done(&reader) && value.type == type_kind(type);
}

enum kmb_status definition_decode_column(struct reader *reader, struct column_definition *column,
                                         struct kmb_error *error) {
    struct column_definition made = {.id = {reader_u32(reader)}};
    made.name = reader_bytes(reader);
    made.type = type_make((enum type_id)reader_u8(reader));
    uint32_t modifier = reader_u32(reader);
    uint8_t flags = reader_u8(reader);
    uint8_t default_kind = reader_u8(reader);
    made.default_text = reader_bytes(reader);
    made.missing_value = reader_bytes(reader);
    made.added_in.value = reader_u32(reader);
    made.dropped_in.value = reader_u32(reader);
    made.place.value = (flags & COLUMN_PLACED) != 0 ? reader_u32(reader) : 0;
    made.type.domain = (flags & COLUMN_DOMAIN) != 0 ? reader_u32(reader) : 0;
    if (!reader_ok(reader)) {
        return definition_corrupt(error, "a column is cut short");
    }
    bool named = type_kind(type_element(made.type.id)) == TYPE_ENUM;
    bool object_good = !named || (modifier > 0 && modifier <= TYPE_OBJECT_MAX);
    bool domain_good = (made.type.domain != 0) == ((flags & COLUMN_DOMAIN) != 0);
    if (named && object_good) {
        made.type.id = type_of_object(made.type.id, modifier);
    } else {
        made.type.modifier = (int32_t)modifier;
    }
    made.not_null = (flags & COLUMN_NOT_NULL) != 0;
    made.dropped = (flags & COLUMN_DROPPED) != 0;
    made.sealed = (flags & COLUMN_SEALED) != 0;
    made.hidden = (flags & COLUMN_HIDDEN) != 0;
    made.default_kind = (enum default_kind)default_kind;
    bool worded = default_kind == DEFAULT_EXPRESSION || default_kind == DEFAULT_GENERATED;
    bool default_good = default_kind <= DEFAULT_IDENTITY && worded == (made.default_text.length > 0) &&
                        utf8_check(made.default_text, NULL) == KMB_OK;
    bool versions_good = made.added_in.value > 0 && made.dropped == (made.dropped_in.value != 0) &&
                         (!made.dropped || made.dropped_in.value > made.added_in.value);
    bool placed_good = (made.place.value != 0) == ((flags & COLUMN_PLACED) != 0) &&
                       (made.place.value == 0 || made.place.value < made.id.value);
    if (flags > (COLUMN_NOT_NULL | COLUMN_DROPPED | COLUMN_SEALED | COLUMN_HIDDEN | COLUMN_PLACED | COLUMN_DOMAIN) ||
        made.sealed) {
        return error_set(error, KMB_FORMAT_VERSION, "table definition: column flags 0x%02x need a newer version",
                         flags);
    }
    if (made.id.value == 0 || !definition_name_valid(made.name, false) || !type_column_valid(made.type) ||
        !object_good || !domain_good || !default_good || !versions_good || !placed_good ||
        (made.hidden && made.default_kind != DEFAULT_GENERATED) ||
        !definition_missing_valid(made.missing_value, made.type.id)) {
        return definition_corrupt(error, "a column is not valid");
    }
    *column = made;
    return KMB_OK;
}

enum kmb_status definition_decode_parts(struct reader *reader, struct arena *arena, const struct key_part **parts,
                                        uint32_t *count, struct kmb_error *error) {
    uint32_t number = reader_u16(reader);
    *parts = NULL;
    *count = number;
    if (!reader_ok(reader) || number > DEFINITION_KEY_COLUMNS_MAX) {
        return definition_corrupt(error, "a key is cut short or has too many columns");
    }
    if (number == 0) {
        return KMB_OK;
    }
    struct key_part *made = arena_alloc_zero(arena, number, sizeof(*made));
    if (made == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < number; i++) {
        made[i].column.value = reader_u32(reader);
        uint8_t order = reader_u8(reader);
        made[i].descending = (order & PART_DESCENDING) != 0;
        made[i].nulls_other = (order & PART_NULLS_OTHER) != 0;
        if (!reader_ok(reader) || made[i].column.value == 0 || order > (PART_DESCENDING | PART_NULLS_OTHER)) {
            return definition_corrupt(error, "a key column is not valid");
        }
    }
    *parts = made;
    return KMB_OK;
}

static enum kmb_status definition_get_include(struct reader *reader, struct arena *arena,
                                              struct index_definition *index, struct kmb_error *error) {
    index->include_count = reader_u16(reader);
    struct column_id *columns = arena_alloc_zero(arena, DEFINITION_KEY_COLUMNS_MAX, sizeof(*columns));
    if (columns == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    bool good = index->include_count > 0 && index->include_count <= DEFINITION_KEY_COLUMNS_MAX;
    for (uint32_t i = 0; good && i < index->include_count; i++) {
        columns[i].value = reader_u32(reader);
        good = columns[i].value > 0;
    }
    index->include = columns;
    return good && reader_ok(reader) ? KMB_OK : definition_corrupt(error, "the columns an index includes");
}

enum kmb_status definition_decode_index(struct reader *reader, struct arena *arena, struct index_definition *index,
                                        struct kmb_error *error) {
    struct index_definition made = {.id = {reader_u32(reader)}};
    made.name = reader_bytes(reader);
    uint8_t flags = reader_u8(reader);
    uint8_t state = reader_u8(reader);
    if (!reader_ok(reader) || made.id.value == 0 || !definition_name_valid(made.name, false) ||
        flags > (INDEX_UNIQUE | INDEX_CONSTRAINT | INDEX_NULLS_SAME | INDEX_FILTERED | INDEX_INCLUDES) ||
        state > INDEX_READY) {
        return definition_corrupt(error, "an index is not valid");
    }
    made.unique = (flags & INDEX_UNIQUE) != 0;
    made.constraint = (flags & INDEX_CONSTRAINT) != 0;
    made.nulls_same = (flags & INDEX_NULLS_SAME) != 0;
    made.state = (enum index_state)state;
    enum kmb_status status = definition_decode_parts(reader, arena, &made.parts, &made.part_count, error);
    if (status == KMB_OK && made.part_count == 0) {
        status = definition_corrupt(error, "an index has no columns");
    }
    if (status == KMB_OK && (flags & INDEX_FILTERED) != 0) {
        made.filter.value = reader_u32(reader);
        status = made.filter.value == 0 ? definition_corrupt(error, "an index has no filter") : KMB_OK;
    }
    if (status == KMB_OK && (flags & INDEX_INCLUDES) != 0) {
        status = definition_get_include(reader, arena, &made, error);
    }
    if (status == KMB_OK) {
        *index = made;
    }
    return status;
}

enum kmb_status definition_decode_check(struct reader *reader, struct check_definition *check,
                                        struct kmb_error *error) {
    struct check_definition made = {.id = {reader_u32(reader)}};
    made.name = reader_bytes(reader);
    made.text = reader_bytes(reader);
    if (!reader_ok(reader) || made.id.value == 0 || !definition_name_valid(made.name, false) || made.text.length == 0 ||
        utf8_check(made.text, NULL) != KMB_OK) {
        return definition_corrupt(error, "a check is not valid");
    }
    *check = made;
    return KMB_OK;
}

/* The values that a sequence of a type may have. */
static bool definition_sequence_type(enum type_id type, int64_t *low, int64_t *high) {
    switch (type) {
    case TYPE_INT2:
        *low = INT16_MIN;
        *high = INT16_MAX;
        return true;
    case TYPE_INT4:
        *low = INT32_MIN;
        *high = INT32_MAX;
        return true;
    case TYPE_INT8:
        *low = INT64_MIN;
        *high = INT64_MAX;
        return true;
    default:
        return false;
    }
}

enum kmb_status definition_decode_sequence(struct reader *reader, struct sequence_definition *sequence,
                                           struct kmb_error *error) {
    struct sequence_definition made = {.type = (enum type_id)reader_u8(reader)};
    made.start = reader_i64(reader);
    made.increment = reader_i64(reader);
    made.minimum = reader_i64(reader);
    made.maximum = reader_i64(reader);
    uint8_t cycle = reader_u8(reader);
    made.cycle = cycle == 1;
    made.owner.value = reader_u32(reader);
    made.owner_column.value = reader_u32(reader);
    int64_t low = 0;
    int64_t high = 0;
    bool good = reader_ok(reader) && definition_sequence_type(made.type, &low, &high) && cycle <= 1 &&
                made.increment != 0 && made.minimum >= low && made.maximum <= high && made.minimum < made.maximum &&
                made.start >= made.minimum && made.start <= made.maximum &&
                (made.owner.value == 0) == (made.owner_column.value == 0);
    if (!good) {
        return definition_corrupt(error, "a sequence is not valid");
    }
    *sequence = made;
    return KMB_OK;
}

/* Room for `count` things of `size` bytes, each at least `least` bytes in the encoding. */
static enum kmb_status definition_room(struct reader *reader, struct arena *arena, uint32_t count, size_t least,
                                       size_t size, void **out, struct kmb_error *error) {
    if (!reader_ok(reader) || reader_left(reader) < count * least) {
        return definition_corrupt(error, "cut short");
    }
    *out = count == 0 ? NULL : arena_alloc_zero(arena, count, size);
    return count > 0 && *out == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : KMB_OK;
}

static enum kmb_status definition_get_columns(struct reader *reader, struct arena *arena,
                                              struct table_definition *table, struct kmb_error *error) {
    void *room = NULL;
    table->column_count = reader_u16(reader);
    enum kmb_status status =
        definition_room(reader, arena, table->column_count, 30, sizeof(struct column_definition), &room, error);
    struct column_definition *columns = room;
    for (uint32_t i = 0; status == KMB_OK && i < table->column_count; i++) {
        status = definition_decode_column(reader, &columns[i], error);
        bool rising = i == 0 || columns[i].id.value > columns[i - 1].id.value;
        if (status == KMB_OK &&
            (!rising || columns[i].id.value >= table->column_id_next ||
             columns[i].added_in.value > table->version.value || columns[i].dropped_in.value > table->version.value)) {
            status = definition_corrupt(error, "column ids or versions out of order");
        }
    }
    table->columns = columns;
    return status;
}

static enum kmb_status definition_get_indexes(struct reader *reader, struct arena *arena,
                                              struct table_definition *table, struct kmb_error *error) {
    void *room = NULL;
    table->index_count = reader_u16(reader);
    if (table->index_count > DEFINITION_INDEXES_MAX) {
        return definition_corrupt(error, "too many indexes");
    }
    enum kmb_status status =
        definition_room(reader, arena, table->index_count, 12, sizeof(struct index_definition), &room, error);
    struct index_definition *indexes = room;
    for (uint32_t i = 0; status == KMB_OK && i < table->index_count; i++) {
        status = definition_decode_index(reader, arena, &indexes[i], error);
    }
    table->indexes = indexes;
    return status;
}

static enum kmb_status definition_get_checks(struct reader *reader, struct arena *arena, struct table_definition *table,
                                             struct kmb_error *error) {
    void *room = NULL;
    table->check_count = reader_u16(reader);
    if (table->check_count > DEFINITION_CHECKS_MAX) {
        return definition_corrupt(error, "too many checks");
    }
    enum kmb_status status =
        definition_room(reader, arena, table->check_count, 12, sizeof(struct check_definition), &room, error);
    struct check_definition *checks = room;
    for (uint32_t i = 0; status == KMB_OK && i < table->check_count; i++) {
        status = definition_decode_check(reader, &checks[i], error);
    }
    table->checks = checks;
    return status;
}

/* Key parts name living columns of types that keys can have. */
static bool definition_parts_valid(const struct table_definition *table, const struct key_part *parts, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct column_definition *column = definition_column_of_id(table, parts[i].column);
        if (column == NULL || column->dropped || key_type_check(column->type, NULL) != KMB_OK) {
            return false;
        }
    }
    return true;
}

static bool definition_keys_valid(const struct table_definition *table) {
    bool named = (table->primary_key_count > 0) == (table->primary_key_name.length > 0);
    bool good = named && definition_parts_valid(table, table->primary_key, table->primary_key_count);
    for (uint32_t i = 0; good && i < table->index_count; i++) {
        const struct index_definition *index = &table->indexes[i];
        good = definition_parts_valid(table, index->parts, index->part_count);
        for (uint32_t k = 0; good && k < index->include_count; k++) {
            const struct column_definition *column = definition_column_of_id(table, index->include[k]);
            good = column != NULL && !column->dropped;
        }
        if (good && index->filter.value != 0) {
            const struct column_definition *filter = definition_column_of_id(table, index->filter);
            good = filter != NULL && !filter->dropped && filter->hidden && filter->type.id == TYPE_BOOL;
        }
    }
    return good;
}

enum kmb_status definition_decode_foreign_key(struct reader *reader, struct arena *arena,
                                              struct foreign_key_definition *key, struct kmb_error *error) {
    struct foreign_key_definition made = {.id = {reader_u32(reader)}};
    made.name = reader_bytes(reader);
    made.parent.value = reader_u32(reader);
    uint8_t flags = reader_u8(reader);
    uint8_t on_update = reader_u8(reader);
    uint8_t on_delete = reader_u8(reader);
    made.part_count = reader_u16(reader);
    bool good = reader_ok(reader) && made.id.value > 0 && definition_name_valid(made.name, false) &&
                made.parent.value > 0 &&
                flags <= (FOREIGN_MATCH_FULL | FOREIGN_DEFERRABLE | FOREIGN_DEFERRED | FOREIGN_NOT_VALID) &&
                on_update <= REFERENCE_SET_DEFAULT && on_delete <= REFERENCE_SET_DEFAULT && made.part_count > 0 &&
                made.part_count <= DEFINITION_KEY_COLUMNS_MAX && reader_left(reader) >= 8 * made.part_count;
    if (!good) {
        return definition_corrupt(error, "a foreign key is not valid");
    }
    made.match_full = (flags & FOREIGN_MATCH_FULL) != 0;
    made.deferrable = (flags & FOREIGN_DEFERRABLE) != 0;
    made.deferred = (flags & FOREIGN_DEFERRED) != 0;
    made.not_valid = (flags & FOREIGN_NOT_VALID) != 0;
    made.on_update = (enum reference_action)on_update;
    made.on_delete = (enum reference_action)on_delete;
    struct reference_part *parts = arena_alloc_zero(arena, made.part_count, sizeof(*parts));
    struct column_id *columns = arena_alloc_zero(arena, DEFINITION_KEY_COLUMNS_MAX, sizeof(*columns));
    if (parts == NULL || columns == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < made.part_count; i++) {
        parts[i].column.value = reader_u32(reader);
        parts[i].parent.value = reader_u32(reader);
        good = good && parts[i].column.value > 0 && parts[i].parent.value > 0;
    }
    made.set_count = reader_u16(reader);
    good = good && made.set_count <= made.part_count;
    for (uint32_t i = 0; good && i < made.set_count; i++) {
        columns[i].value = reader_u32(reader);
        good = columns[i].value > 0;
    }
    if (!good || !reader_ok(reader)) {
        return definition_corrupt(error, "a foreign key is not valid");
    }
    made.parts = parts;
    made.set_columns = made.set_count == 0 ? NULL : columns;
    *key = made;
    return KMB_OK;
}

static enum kmb_status definition_get_foreign_keys(struct reader *reader, struct arena *arena,
                                                   struct table_definition *table, struct kmb_error *error) {
    void *room = NULL;
    table->foreign_key_count = reader_u16(reader);
    if (table->foreign_key_count == 0 || table->foreign_key_count > DEFINITION_FOREIGN_MAX) {
        return definition_corrupt(error, "no or too many foreign keys");
    }
    enum kmb_status status = definition_room(reader, arena, table->foreign_key_count, 24,
                                             sizeof(struct foreign_key_definition), &room, error);
    struct foreign_key_definition *keys = room;
    for (uint32_t i = 0; status == KMB_OK && i < table->foreign_key_count; i++) {
        status = definition_decode_foreign_key(reader, arena, &keys[i], error);
    }
    table->foreign_keys = keys;
    return status;
}

static enum kmb_status definition_get_not_valid(struct reader *reader, struct arena *arena,
                                                struct table_definition *table, struct kmb_error *error) {
    uint32_t count = reader_u16(reader);
    bool good = reader_ok(reader) && count > 0 && count <= table->check_count;
    struct check_definition *checks =
        table->check_count == 0 ? NULL : arena_dup(arena, table->checks, table->check_count * sizeof(*checks));
    if (table->check_count > 0 && checks == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    uint32_t at = 0;
    for (uint32_t i = 0; good && i < count; i++, at++) { /* in the order of the checks */
        uint32_t id = reader_u32(reader);
        while (at < table->check_count && checks[at].id.value != id) {
            at++;
        }
        good = at < table->check_count;
        if (good) {
            checks[at].not_valid = true;
        }
    }
    table->checks = checks;
    return good ? KMB_OK : definition_corrupt(error, "its list of checks that are not valid");
}

static enum kmb_status definition_get_comments(struct reader *reader, struct arena *arena,
                                               struct table_definition *table, struct kmb_error *error) {
    void *room = NULL;
    table->comment_count = reader_u16(reader);
    if (table->comment_count == 0 || table->comment_count > DEFINITION_COMMENTS_MAX) {
        return definition_corrupt(error, "no or too many comments");
    }
    enum kmb_status status =
        definition_room(reader, arena, table->comment_count, 9, sizeof(struct comment_definition), &room, error);
    struct comment_definition *comments = room;
    for (uint32_t i = 0; status == KMB_OK && i < table->comment_count; i++) {
        uint8_t part = reader_u8(reader);
        comments[i].part = (enum definition_part)part;
        comments[i].id = reader_u32(reader);
        comments[i].text = reader_bytes(reader);
        if (!reader_ok(reader) || part > DEFINITION_PRIMARY_KEY || comments[i].text.length == 0 ||
            utf8_check(comments[i].text, NULL) != KMB_OK) {
            status = definition_corrupt(error, "a comment is not valid");
        }
    }
    table->comments = comments;
    return status;
}

bool definition_label_valid(struct slice label) {
    return label.length >= VALUE_LABEL_PLACE && label.length <= VALUE_LABEL_PLACE + DEFINITION_NAME_BYTES_MAX &&
           utf8_check(value_label_name(label), NULL) == KMB_OK;
}

static bool definition_form_valid(const struct table_definition *table) {
    bool bare = !definition_is_view(table) && !definition_is_sequence(table) && table->primary_key_count == 0 &&
                table->index_count == 0 && table->foreign_key_count == 0 && table->keys_since.value == 0;
    switch (table->form) {
    case DEFINITION_ENUM:
        return bare && table->column_count == 0 && table->check_count == 0;
    case DEFINITION_DOMAIN:
        return bare && table->label_count == 0 && !table->labels_renamed && table->column_count == 1 &&
               !table->columns[0].dropped && !table->columns[0].hidden;
    default:
        return false;
    }
}

static enum kmb_status definition_get_type(struct reader *reader, struct arena *arena, struct table_definition *table,
                                           struct kmb_error *error) {
    void *room = NULL;
    table->form = (enum definition_form)reader_u8(reader);
    uint8_t flags = reader_u8(reader);
    table->labels_renamed = (flags & TYPE_LABELS_RENAMED) != 0;
    table->label_count = reader_u16(reader);
    enum kmb_status status =
        definition_room(reader, arena, table->label_count, 4 + VALUE_LABEL_PLACE, sizeof(struct slice), &room, error);
    struct slice *labels = room;
    bool good = flags <= TYPE_LABELS_RENAMED;
    for (uint32_t i = 0; status == KMB_OK && good && i < table->label_count; i++) {
        labels[i] = reader_bytes(reader);
        good = reader_ok(reader) && definition_label_valid(labels[i]) &&
               (i == 0 || memcmp(labels[i - 1].bytes, labels[i].bytes, VALUE_LABEL_PLACE) < 0);
    }
    table->labels = labels;
    good = good && reader_ok(reader) && definition_form_valid(table);
    return status == KMB_OK && !good ? definition_corrupt(error, "a type is not valid") : status;
}

/* What makes it no plain table, refers to others, or is said about it. */
static enum kmb_status definition_get_rest(struct reader *reader, struct arena *arena, struct table_definition *table,
                                           struct kmb_error *error) {
    table->view_query = reader_bytes(reader);
    bool bare = table->primary_key_count == 0 && table->index_count == 0 && table->check_count == 0;
    if (!reader_ok(reader) || (definition_is_view(table) && !bare) || utf8_check(table->view_query, NULL) != KMB_OK ||
        (!definition_is_view(table) && reader_left(reader) == 0)) {
        return definition_corrupt(error, "its query is not valid, or bytes follow its end");
    }
    enum kmb_status status = KMB_OK;
    for (uint8_t last = 0; status == KMB_OK && reader_left(reader) > 0;) {
        uint8_t part = reader_u8(reader);
        bool whole = definition_is_table(table);
        if (part <= last || (part == PART_SEQUENCE && (!bare || definition_is_view(table))) ||
            (part == PART_VIEW_CHECK && !definition_is_view(table)) ||
            ((part == PART_FOREIGN_KEYS || part == PART_NOT_VALID || part == PART_KEYS_SINCE) && !whole)) {
            return definition_corrupt(error, "its parts are not in order");
        }
        last = part;
        switch (part) {
        case PART_SEQUENCE:
            status = definition_decode_sequence(reader, &table->sequence, error);
            break;
        case PART_FOREIGN_KEYS:
            status = definition_get_foreign_keys(reader, arena, table, error);
            break;
        case PART_NOT_VALID:
            status = definition_get_not_valid(reader, arena, table, error);
            break;
        case PART_COMMENTS:
            status = definition_get_comments(reader, arena, table, error);
            break;
        case PART_KEYS_SINCE:
            table->keys_since.value = reader_u32(reader);
            status = reader_ok(reader) && table->keys_since.value > 0 && table->keys_since.value <= table->version.value
                         ? KMB_OK
                         : definition_corrupt(error, "the version its keys are of");
            break;
        case PART_VIEW_CHECK: {
            uint8_t check = reader_u8(reader);
            if (!reader_ok(reader) || check < VIEW_CHECK_LOCAL || check > VIEW_CHECK_CASCADED) {
                return definition_corrupt(error, "the check option of a view");
            }
            table->view_check = (enum view_check)check;
            break;
        }
        case PART_TYPE:
            status = definition_get_type(reader, arena, table, error);
            break;
        default:
            return error_set(error, KMB_FORMAT_VERSION, "table definition: a part needs a newer version");
        }
    }
    return status;
}

enum kmb_status definition_decode_table(struct slice bytes, struct arena *arena, struct table_definition *table,
                                        struct kmb_error *error) {
    struct reader reader = reader_make(bytes);
    struct table_definition made = {.id = {reader_u32(&reader)}};
    made.version.value = reader_u32(&reader);
    made.schema_name = reader_bytes(&reader);
    made.name = reader_bytes(&reader);
    uint8_t data_class = reader_u8(&reader);
    made.column_id_next = reader_u32(&reader);
    made.constraint_id_next = reader_u32(&reader);
    if (!reader_ok(&reader) || made.id.value == 0 || made.version.value == 0 || data_class >= DATA_CLASS_COUNT ||
        !definition_name_valid(made.schema_name, false) || !definition_name_valid(made.name, false)) {
        return definition_corrupt(error, "its head is not valid");
    }
    made.data_class = (enum data_class)data_class;
    enum kmb_status status = definition_get_columns(&reader, arena, &made, error);
    if (status == KMB_OK) {
        made.primary_key_name = reader_bytes(&reader);
        status = definition_name_valid(made.primary_key_name, true)
                     ? definition_decode_parts(&reader, arena, &made.primary_key, &made.primary_key_count, error)
                     : definition_corrupt(error, "name of the primary key");
    }
    if (status == KMB_OK) {
        status = definition_get_indexes(&reader, arena, &made, error);
    }
    if (status == KMB_OK) {
        status = definition_get_checks(&reader, arena, &made, error);
    }
    if (status == KMB_OK && reader_left(&reader) > 0) {
        status = definition_get_rest(&reader, arena, &made, error);
    }
    if (status == KMB_OK && (!reader_done(&reader) || !definition_keys_valid(&made))) {
        status = definition_corrupt(error, "its keys are not valid, or bytes follow its end");
    }
    if (status == KMB_OK) {
        *table = made;
    }
    return status;
}

/* --- copies --- */

static bool copy_text(struct slice *text, struct arena *arena) {
    if (text->length == 0) {
        *text = slice_make(NULL, 0);
        return true;
    }
    *text = arena_dup_slice(arena, *text);
    return text->bytes != NULL;
}

static bool copy_array(const void *from, uint32_t count, size_t size, struct arena *arena, void **out) {
    *out = count == 0 ? NULL : arena_dup(arena, from, count * size);
    return count == 0 || *out != NULL;
}

static bool copy_parts(const struct key_part **parts, uint32_t count, struct arena *arena) {
    void *made;
    bool good = copy_array(*parts, count, sizeof(struct key_part), arena, &made);
    *parts = made;
    return good;
}

bool definition_copy_table(const struct table_definition *table, struct arena *arena, struct table_definition *out) {
    struct table_definition made = *table;
    void *columns;
    void *indexes;
    void *checks;
    void *keys;
    void *comments;
    void *labels;
    bool good =
        copy_text(&made.schema_name, arena) && copy_text(&made.name, arena) &&
        copy_text(&made.primary_key_name, arena) && copy_text(&made.view_query, arena) &&
        copy_parts(&made.primary_key, made.primary_key_count, arena) &&
        copy_array(table->columns, table->column_count, sizeof(struct column_definition), arena, &columns) &&
        copy_array(table->indexes, table->index_count, sizeof(struct index_definition), arena, &indexes) &&
        copy_array(table->checks, table->check_count, sizeof(struct check_definition), arena, &checks) &&
        copy_array(table->foreign_keys, table->foreign_key_count, sizeof(struct foreign_key_definition), arena,
                   &keys) &&
        copy_array(table->comments, table->comment_count, sizeof(struct comment_definition), arena, &comments) &&
        copy_array(table->labels, table->label_count, sizeof(struct slice), arena, &labels);
    if (!good) {
        return false;
    }
    for (uint32_t i = 0; good && i < made.column_count; i++) {
        struct column_definition *column = (struct column_definition *)columns + i;
        good = copy_text(&column->name, arena) && copy_text(&column->default_text, arena) &&
               copy_text(&column->missing_value, arena);
    }
    for (uint32_t i = 0; good && i < made.index_count; i++) {
        struct index_definition *index = (struct index_definition *)indexes + i;
        void *include;
        good = copy_text(&index->name, arena) && copy_parts(&index->parts, index->part_count, arena) &&
               copy_array(index->include, index->include_count, sizeof(*index->include), arena, &include);
        if (good) {
            index->include = include;
        }
    }
    for (uint32_t i = 0; good && i < made.check_count; i++) {
        struct check_definition *check = (struct check_definition *)checks + i;
        good = copy_text(&check->name, arena) && copy_text(&check->text, arena);
    }
    for (uint32_t i = 0; good && i < made.foreign_key_count; i++) {
        struct foreign_key_definition *key = (struct foreign_key_definition *)keys + i;
        void *parts;
        void *columns_set;
        good = copy_text(&key->name, arena) &&
               copy_array(key->parts, key->part_count, sizeof(*key->parts), arena, &parts) &&
               copy_array(key->set_columns, key->set_count, sizeof(*key->set_columns), arena, &columns_set);
        if (good) {
            key->parts = parts;
            key->set_columns = columns_set;
        }
    }
    for (uint32_t i = 0; good && i < made.comment_count; i++) {
        struct comment_definition *comment = (struct comment_definition *)comments + i;
        good = copy_text(&comment->text, arena);
    }
    for (uint32_t i = 0; good && i < made.label_count; i++) {
        good = copy_text((struct slice *)labels + i, arena);
    }
    made.labels = labels;
    made.columns = columns;
    made.indexes = indexes;
    made.checks = checks;
    made.foreign_keys = keys;
    made.comments = comments;
    if (good) {
        *out = made;
    }
    return good;
}

/* --- looking up --- */

struct type definition_type(const struct table_definition *table) {
    ASSERT(definition_is_type(table));
    if (table->form == DEFINITION_ENUM) {
        return type_make(type_of_object(TYPE_ENUM, table->id.value));
    }
    struct type type = table->columns[0].type;
    type.domain = table->id.value;
    return type;
}

const struct slice *definition_label_of_name(const struct table_definition *table, struct slice name) {
    for (uint32_t i = 0; i < table->label_count; i++) {
        if (slice_equal(value_label_name(table->labels[i]), name)) {
            return &table->labels[i];
        }
    }
    return NULL;
}

const struct slice *definition_label_of_place(const struct table_definition *table, struct slice label) {
    uint32_t low = 0;
    uint32_t high = table->label_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(label.bytes, table->labels[middle].bytes, VALUE_LABEL_PLACE);
        if (order == 0) {
            return &table->labels[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

bool definition_text_is_call(struct slice text) {
    size_t at = 0;
    while (at < text.length && strchr("_abcdefghijklmnopqrstuvwxyz0123456789", text.bytes[at]) != NULL) {
        at++;
    }
    if (at == 0 || at == text.length || text.bytes[at] != '(') {
        return false;
    }
    size_t depth = 0;
    for (uint8_t quote = 0; at < text.length; at++) {
        uint8_t byte = text.bytes[at];
        if (quote != 0) {
            quote = byte == quote ? 0 : quote;
        } else if (byte == '\'' || byte == '"') {
            quote = byte;
        } else if (byte == '(') {
            depth++;
        } else if (byte == ')' && --depth == 0) {
            return at + 1 == text.length;
        }
    }
    return false;
}

struct slice definition_comment(const struct table_definition *table, enum definition_part part, uint32_t id) {
    for (uint32_t i = 0; i < table->comment_count; i++) {
        if (table->comments[i].part == part && table->comments[i].id == id) {
            return table->comments[i].text;
        }
    }
    return slice_make(NULL, 0);
}

const struct column_definition *definition_column_of_name(const struct table_definition *table, struct slice name) {
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped && slice_equal(table->columns[i].name, name)) {
            return &table->columns[i];
        }
    }
    return NULL;
}

const struct column_definition *definition_column_of_id(const struct table_definition *table, struct column_id id) {
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (column_id_equal(table->columns[i].id, id)) {
            return &table->columns[i];
        }
    }
    return NULL;
}

const struct index_definition *definition_index_of_id(const struct table_definition *table, struct index_id id) {
    for (uint32_t i = 0; i < table->index_count; i++) {
        if (index_id_equal(table->indexes[i].id, id)) {
            return &table->indexes[i];
        }
    }
    return NULL;
}

const struct index_definition *definition_index_of_name(const struct table_definition *table, struct slice name) {
    for (uint32_t i = 0; i < table->index_count; i++) {
        if (slice_equal(table->indexes[i].name, name)) {
            return &table->indexes[i];
        }
    }
    return NULL;
}

enum kmb_status definition_row_layout(const struct table_definition *table, struct schema_version version,
                                      struct arena *arena, struct row_layout *layout, struct kmb_error *error) {
    struct row_column *columns = arena_alloc_zero(arena, table->column_count + 1, sizeof(*columns));
    if (columns == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column_definition *column = &table->columns[i];
        bool there = column->added_in.value <= version.value &&
                     (column->dropped_in.value == 0 || column->dropped_in.value > version.value);
        if (there) {
            columns[count].id = column->id;
            columns[count].type = column->type;
            count++;
        }
    }
    return row_layout_build(layout, table->id, version, columns, count, error);
}
