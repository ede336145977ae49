/*
 * Events as bytes.
 *
 * A body is read by walking frames: kind, length, payload. Payloads of definitions are small and decoded whole;
 * payloads of rows and stream events can be megabytes and are left where they are: decoding checks that every item is
 * inside the payload and that the count is right, and the walk over them afterwards cannot fail. Writers have the
 * mirror of it: a batch is opened, items are appended straight into the body, and closing it fills count and length in.
 */
#include "types/event.h"

#include "base/assert.h"
#include "types/utf8.h"

#define ROWS_HAVE_IDS    0x01
#define ROWS_HEAD_SIZE   13 /* u32 table, u32 version, u8 flags, u32 count */
#define ROWS_COUNT_AT    9
#define APPEND_HEAD_SIZE 16 /* u32 stream, u64 base, u32 count */
#define APPEND_COUNT_AT  12
#define TENANT_NAME_MAX  255
#define STREAM_NAME_MAX  255

const char *event_kind_name(uint32_t kind) {
    switch ((enum event_kind)kind) {
    case EVENT_TENANT_CREATED:
        return "tenant_created";
    case EVENT_CHECKPOINT_KEY_SET:
        return "checkpoint_key_set";
    case EVENT_CHECKPOINT_KEY_ROTATED:
        return "checkpoint_key_rotated";
    case EVENT_CLOCK_ACCEPTED:
        return "clock_accepted";
    case EVENT_TENANT_DELETED:
        return "tenant_deleted";
    case EVENT_REQUEST_ANSWERED:
        return "request_answered";
    case EVENT_TABLE_CREATED:
        return "table_created";
    case EVENT_TABLE_DROPPED:
        return "table_dropped";
    case EVENT_TABLE_RENAMED:
        return "table_renamed";
    case EVENT_COLUMN_ADDED:
        return "column_added";
    case EVENT_COLUMN_DROPPED:
        return "column_dropped";
    case EVENT_COLUMN_RENAMED:
        return "column_renamed";
    case EVENT_COLUMN_DEFAULT_CHANGED:
        return "column_default_changed";
    case EVENT_COLUMN_NOT_NULL_CHANGED:
        return "column_not_null_changed";
    case EVENT_CHECK_ADDED:
        return "check_added";
    case EVENT_CHECK_DROPPED:
        return "check_dropped";
    case EVENT_INDEX_DECLARED:
        return "index_declared";
    case EVENT_INDEX_READY:
        return "index_ready";
    case EVENT_INDEX_DROPPED:
        return "index_dropped";
    case EVENT_VIEW_CREATED:
        return "view_created";
    case EVENT_SEQUENCE_CREATED:
        return "sequence_created";
    case EVENT_TYPE_CREATED:
        return "type_created";
    case EVENT_LABEL_ADDED:
        return "label_added";
    case EVENT_LABEL_RENAMED:
        return "label_renamed";
    case EVENT_SEQUENCE_CHANGED:
        return "sequence_changed";
    case EVENT_SEQUENCE_ADVANCED:
        return "sequence_advanced";
    case EVENT_FOREIGN_KEY_ADDED:
        return "foreign_key_added";
    case EVENT_FOREIGN_KEY_DROPPED:
        return "foreign_key_dropped";
    case EVENT_COLUMN_REPLACED:
        return "column_replaced";
    case EVENT_COLUMN_SHOWN:
        return "column_shown";
    case EVENT_PRIMARY_KEY_CHANGED:
        return "primary_key_changed";
    case EVENT_CONSTRAINT_RENAMED:
        return "constraint_renamed";
    case EVENT_CONSTRAINT_VALID_CHANGED:
        return "constraint_valid_changed";
    case EVENT_COMMENT_SET:
        return "comment_set";
    case EVENT_ROWS_INSERTED:
        return "rows_inserted";
    case EVENT_ROWS_UPDATED:
        return "rows_updated";
    case EVENT_ROWS_DELETED:
        return "rows_deleted";
    case EVENT_STREAM_CREATED:
        return "stream_created";
    case EVENT_STREAM_APPENDED:
        return "stream_appended";
    case EVENT_SCHEMA_CREATED:
        return "schema_created";
    case EVENT_SCHEMA_DROPPED:
        return "schema_dropped";
    case EVENT_SCHEMA_RENAMED:
        return "schema_renamed";
    case EVENT_SCHEMA_COMMENT_SET:
        return "schema_comment_set";
    case EVENT_TABLE_MOVED:
        return "table_moved";
    case EVENT_VIEW_CHANGED:
        return "view_changed";
    case EVENT_ROLE_CREATED:
        return "role_created";
    case EVENT_ROLE_CHANGED:
        return "role_changed";
    case EVENT_ROLE_DROPPED:
        return "role_dropped";
    case EVENT_API_KEY_CREATED:
        return "api_key_created";
    case EVENT_API_KEY_REVOKED:
        return "api_key_revoked";
    case EVENT_ACCESS_RECORDED:
        return "access_recorded";
    }
    return "unknown";
}

/* --- frames --- */

static size_t frame_begin(struct buffer *buffer, enum event_kind kind) {
    size_t frame = buffer->length;
    buffer_u16(buffer, (uint16_t)kind);
    buffer_u32(buffer, 0);
    return frame;
}

/* Fills the length in, or takes the frame back. */
static enum kmb_status frame_end(struct buffer *buffer, size_t frame, struct kmb_error *error) {
    if (!buffer_ok(buffer)) {
        buffer->length = frame < buffer->length ? frame : buffer->length;
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    size_t length = buffer->length - frame - EVENT_FRAME_SIZE;
    if (length > EVENT_PAYLOAD_MAX) {
        buffer->length = frame;
        return error_set(error, KMB_LIMIT, "event of %zu bytes exceeds the limit of %u bytes", length,
                         EVENT_PAYLOAD_MAX);
    }
    codec_put_u32(buffer->bytes + frame + 2, (uint32_t)length);
    return KMB_OK;
}

/* --- writing whole events --- */

static void put_change(struct buffer *buffer, struct table_id table, struct schema_version version) {
    buffer_u32(buffer, table.value);
    buffer_u32(buffer, version.value);
}

static void put_rows(struct buffer *buffer, const struct event_rows *rows) {
    put_change(buffer, rows->table, rows->version);
    buffer_u8(buffer, rows->has_row_ids ? ROWS_HAVE_IDS : 0);
    buffer_u32(buffer, rows->count);
    buffer_append_slice(buffer, rows->items);
}

static void put_principal(struct buffer *buffer, const struct event *event) {
    switch (event->kind) {
    case EVENT_ROLE_CREATED:
    case EVENT_ROLE_CHANGED:
        role_encode(&event->as.role, buffer);
        return;
    case EVENT_ROLE_DROPPED:
        buffer_u32(buffer, event->as.role_dropped.role.value);
        return;
    case EVENT_API_KEY_CREATED:
        api_key_encode(&event->as.api_key, buffer);
        return;
    case EVENT_API_KEY_REVOKED:
        buffer_u32(buffer, event->as.api_key_revoked.key.value);
        return;
    case EVENT_ACCESS_RECORDED:
        access_encode(&event->as.access, buffer);
        return;
    default:
        UNREACHABLE("kind of an event about roles and keys");
    }
}

static void put_schema_change(struct buffer *buffer, const struct event *event) {
    switch (event->kind) {
    case EVENT_SCHEMA_CREATED:
        buffer_u32(buffer, event->as.schema_created.schema.value);
        buffer_bytes(buffer, event->as.schema_created.name);
        return;
    case EVENT_SCHEMA_DROPPED:
        buffer_u32(buffer, event->as.schema_dropped.schema.value);
        return;
    case EVENT_SCHEMA_RENAMED:
        buffer_u32(buffer, event->as.schema_renamed.schema.value);
        buffer_bytes(buffer, event->as.schema_renamed.name);
        return;
    case EVENT_SCHEMA_COMMENT_SET:
        buffer_u32(buffer, event->as.schema_comment_set.schema.value);
        buffer_bytes(buffer, event->as.schema_comment_set.text);
        return;
    case EVENT_TABLE_MOVED:
        buffer_u32(buffer, event->as.table_moved.table.value);
        buffer_bytes(buffer, event->as.table_moved.schema_name);
        return;
    case EVENT_VIEW_CHANGED:
        buffer_u32(buffer, event->as.view_changed.view.value);
        buffer_bytes(buffer, event->as.view_changed.query);
        return;
    default:
        put_principal(buffer, event);
        return;
    }
}

static void put_definition_change(struct buffer *buffer, const struct event *event) {
    switch (event->kind) {
    case EVENT_TABLE_RENAMED:
        buffer_u32(buffer, event->as.table_renamed.table.value);
        buffer_bytes(buffer, event->as.table_renamed.name);
        return;
    case EVENT_COLUMN_ADDED:
        put_change(buffer, event->as.column_added.table, event->as.column_added.version);
        definition_encode_column(&event->as.column_added.column, buffer);
        return;
    case EVENT_COLUMN_DROPPED:
        put_change(buffer, event->as.column_dropped.table, event->as.column_dropped.version);
        buffer_u32(buffer, event->as.column_dropped.column.value);
        return;
    case EVENT_COLUMN_RENAMED:
        put_change(buffer, event->as.column_renamed.table, event->as.column_renamed.version);
        buffer_u32(buffer, event->as.column_renamed.column.value);
        buffer_bytes(buffer, event->as.column_renamed.name);
        return;
    case EVENT_COLUMN_DEFAULT_CHANGED:
        put_change(buffer, event->as.column_default_changed.table, event->as.column_default_changed.version);
        buffer_u32(buffer, event->as.column_default_changed.column.value);
        buffer_u8(buffer, (uint8_t)event->as.column_default_changed.default_kind);
        buffer_bytes(buffer, event->as.column_default_changed.default_text);
        return;
    case EVENT_COLUMN_NOT_NULL_CHANGED:
        put_change(buffer, event->as.column_not_null_changed.table, event->as.column_not_null_changed.version);
        buffer_u32(buffer, event->as.column_not_null_changed.column.value);
        buffer_u8(buffer, event->as.column_not_null_changed.not_null ? 1 : 0);
        return;
    case EVENT_CHECK_ADDED:
        put_change(buffer, event->as.check_added.table, event->as.check_added.version);
        definition_encode_check(&event->as.check_added.check, buffer);
        return;
    case EVENT_CHECK_DROPPED:
        put_change(buffer, event->as.check_dropped.table, event->as.check_dropped.version);
        buffer_u32(buffer, event->as.check_dropped.check.value);
        return;
    case EVENT_COLUMN_REPLACED:
        put_change(buffer, event->as.column_replaced.table, event->as.column_replaced.version);
        buffer_u32(buffer, event->as.column_replaced.old.value);
        buffer_u32(buffer, event->as.column_replaced.column.value);
        return;
    case EVENT_COLUMN_SHOWN:
        put_change(buffer, event->as.column_shown.table, event->as.column_shown.version);
        buffer_u32(buffer, event->as.column_shown.column.value);
        buffer_bytes(buffer, event->as.column_shown.name);
        return;
    case EVENT_PRIMARY_KEY_CHANGED: {
        const struct event_primary_key_changed *change = &event->as.primary_key_changed;
        put_change(buffer, change->table, change->version);
        buffer_bytes(buffer, change->name);
        definition_encode_parts(change->parts, change->part_count, buffer);
        return;
    }
    case EVENT_CONSTRAINT_RENAMED:
        put_change(buffer, event->as.constraint_renamed.table, event->as.constraint_renamed.version);
        buffer_u8(buffer, (uint8_t)event->as.constraint_renamed.part);
        buffer_u32(buffer, event->as.constraint_renamed.id);
        buffer_bytes(buffer, event->as.constraint_renamed.name);
        return;
    case EVENT_CONSTRAINT_VALID_CHANGED:
        put_change(buffer, event->as.constraint_valid_changed.table, event->as.constraint_valid_changed.version);
        buffer_u32(buffer, event->as.constraint_valid_changed.constraint.value);
        buffer_u8(buffer, event->as.constraint_valid_changed.valid ? 1 : 0);
        return;
    case EVENT_COMMENT_SET:
        buffer_u32(buffer, event->as.comment_set.table.value);
        buffer_u8(buffer, (uint8_t)event->as.comment_set.part);
        buffer_u32(buffer, event->as.comment_set.id);
        buffer_bytes(buffer, event->as.comment_set.text);
        return;
    default:
        put_schema_change(buffer, event);
        return;
    }
}

static void put_payload(struct buffer *buffer, const struct event *event) {
    switch (event->kind) {
    case EVENT_TENANT_CREATED:
        buffer_u32(buffer, event->as.tenant_created.tenant.value);
        buffer_bytes(buffer, event->as.tenant_created.name);
        return;
    case EVENT_CHECKPOINT_KEY_SET:
    case EVENT_CHECKPOINT_KEY_ROTATED:
        buffer_u32(buffer, event->as.checkpoint_key.version.value);
        buffer_append(buffer, event->as.checkpoint_key.verifier, 32);
        if (event->kind == EVENT_CHECKPOINT_KEY_ROTATED) {
            buffer_append(buffer, event->as.checkpoint_key.signature, 64);
        }
        return;
    case EVENT_CLOCK_ACCEPTED:
        buffer_i64(buffer, event->as.clock_accepted.log_time_us);
        buffer_i64(buffer, event->as.clock_accepted.clock_time_us);
        return;
    case EVENT_TENANT_DELETED:
        buffer_u32(buffer, event->as.tenant_deleted.tenant.value);
        buffer_u32(buffer, event->as.tenant_deleted.tables);
        return;
    case EVENT_REQUEST_ANSWERED:
        buffer_bytes(buffer, event->as.answered.key);
        buffer_append(buffer, event->as.answered.digest, 32);
        buffer_u32(buffer, event->as.answered.answer);
        buffer_append_byte(buffer, (uint8_t)event->as.answered.form);
        buffer_bytes(buffer, event->as.answered.bytes);
        return;
    case EVENT_TABLE_CREATED:
    case EVENT_VIEW_CREATED:
    case EVENT_SEQUENCE_CREATED:
    case EVENT_TYPE_CREATED:
        definition_encode_table(&event->as.table_created.table, buffer);
        return;
    case EVENT_FOREIGN_KEY_ADDED:
        buffer_u32(buffer, event->as.foreign_key_added.table.value);
        buffer_u32(buffer, event->as.foreign_key_added.version.value);
        definition_encode_foreign_key(&event->as.foreign_key_added.key, buffer);
        return;
    case EVENT_FOREIGN_KEY_DROPPED:
        buffer_u32(buffer, event->as.foreign_key_dropped.table.value);
        buffer_u32(buffer, event->as.foreign_key_dropped.version.value);
        buffer_u32(buffer, event->as.foreign_key_dropped.key.value);
        return;
    case EVENT_SEQUENCE_CHANGED:
        buffer_u32(buffer, event->as.sequence_changed.sequence.value);
        buffer_u32(buffer, event->as.sequence_changed.version.value);
        definition_encode_sequence(&event->as.sequence_changed.definition, buffer);
        return;
    case EVENT_SEQUENCE_ADVANCED:
        buffer_u32(buffer, event->as.sequence_advanced.sequence.value);
        buffer_u32(buffer, event->as.sequence_advanced.version.value);
        buffer_u64(buffer, event->as.sequence_advanced.turn);
        buffer_i64(buffer, event->as.sequence_advanced.last);
        buffer_u8(buffer, event->as.sequence_advanced.called ? 1 : 0);
        return;
    case EVENT_LABEL_ADDED:
    case EVENT_LABEL_RENAMED:
        put_change(buffer, event->as.label.type, event->as.label.version);
        buffer_bytes(buffer, event->as.label.label);
        return;
    case EVENT_TABLE_DROPPED:
        buffer_u32(buffer, event->as.table_dropped.table.value);
        return;
    case EVENT_INDEX_DECLARED:
        buffer_u32(buffer, event->as.index_declared.table.value);
        definition_encode_index(&event->as.index_declared.index, buffer);
        return;
    case EVENT_INDEX_READY:
        buffer_u32(buffer, event->as.index_ready.table.value);
        buffer_u32(buffer, event->as.index_ready.index.value);
        return;
    case EVENT_INDEX_DROPPED:
        buffer_u32(buffer, event->as.index_dropped.table.value);
        buffer_u32(buffer, event->as.index_dropped.index.value);
        return;
    case EVENT_ROWS_INSERTED:
    case EVENT_ROWS_UPDATED:
    case EVENT_ROWS_DELETED:
        put_rows(buffer, &event->as.rows);
        return;
    case EVENT_STREAM_CREATED:
        buffer_u32(buffer, event->as.stream_created.stream.value);
        buffer_bytes(buffer, event->as.stream_created.name);
        buffer_u8(buffer, (uint8_t)event->as.stream_created.data_class);
        return;
    case EVENT_STREAM_APPENDED:
        buffer_u32(buffer, event->as.stream_appended.stream.value);
        buffer_u64(buffer, event->as.stream_appended.base.value);
        buffer_u32(buffer, event->as.stream_appended.count);
        buffer_append_slice(buffer, event->as.stream_appended.items);
        return;
    default:
        put_definition_change(buffer, event);
        return;
    }
}

enum kmb_status event_encode(const struct event *event, struct buffer *buffer, struct kmb_error *error) {
    size_t frame = frame_begin(buffer, event->kind);
    put_payload(buffer, event);
    return frame_end(buffer, frame, error);
}

/* --- writing batches --- */

struct event_writer event_rows_begin(struct buffer *buffer, enum event_kind kind, struct table_id table,
                                     struct schema_version version, bool has_row_ids) {
    ASSERT(kind == EVENT_ROWS_INSERTED || kind == EVENT_ROWS_UPDATED || kind == EVENT_ROWS_DELETED);
    ASSERT(!has_row_ids || kind == EVENT_ROWS_INSERTED);
    struct event_writer writer = {.buffer = buffer, .kind = kind, .has_row_ids = has_row_ids};
    writer.frame = frame_begin(buffer, kind);
    put_rows(buffer, &(struct event_rows){.table = table, .version = version, .has_row_ids = has_row_ids});
    return writer;
}

void event_rows_insert(struct event_writer *writer, struct row_id row, struct slice image) {
    ASSERT(writer->kind == EVENT_ROWS_INSERTED);
    if (writer->has_row_ids) {
        buffer_u64(writer->buffer, row.value);
    }
    buffer_bytes(writer->buffer, image);
    writer->count++;
}

void event_rows_update(struct event_writer *writer, struct slice old_key, struct slice image) {
    ASSERT(writer->kind == EVENT_ROWS_UPDATED);
    buffer_bytes(writer->buffer, old_key);
    buffer_bytes(writer->buffer, image);
    writer->count++;
}

void event_rows_delete(struct event_writer *writer, struct slice old_key) {
    ASSERT(writer->kind == EVENT_ROWS_DELETED);
    buffer_bytes(writer->buffer, old_key);
    writer->count++;
}

struct event_writer event_append_begin(struct buffer *buffer, struct stream_id stream, struct stream_offset base) {
    struct event_writer writer = {.buffer = buffer, .kind = EVENT_STREAM_APPENDED};
    writer.frame = frame_begin(buffer, writer.kind);
    buffer_u32(buffer, stream.value);
    buffer_u64(buffer, base.value);
    buffer_u32(buffer, 0);
    return writer;
}

void event_append_add(struct event_writer *writer, struct slice payload) {
    ASSERT(writer->kind == EVENT_STREAM_APPENDED);
    buffer_bytes(writer->buffer, payload);
    writer->count++;
}

enum kmb_status event_writer_end(struct event_writer *writer, struct kmb_error *error) {
    struct buffer *buffer = writer->buffer;
    if (writer->count == 0 && buffer_ok(buffer)) {
        buffer->length = writer->frame;
        return KMB_OK;
    }
    enum kmb_status status = frame_end(buffer, writer->frame, error);
    if (status == KMB_OK) {
        size_t count_at = writer->kind == EVENT_STREAM_APPENDED ? APPEND_COUNT_AT : ROWS_COUNT_AT;
        codec_put_u32(buffer->bytes + writer->frame + EVENT_FRAME_SIZE + count_at, writer->count);
    }
    return status;
}

/* --- walking batches --- */

struct reader event_row_start(const struct event *event) {
    ASSERT(event->kind == EVENT_ROWS_INSERTED || event->kind == EVENT_ROWS_UPDATED ||
           event->kind == EVENT_ROWS_DELETED);
    return reader_make(event->as.rows.items);
}

bool event_row_next(const struct event *event, struct reader *reader, struct event_row *row) {
    if (reader_left(reader) == 0) {
        return false;
    }
    *row = (struct event_row){.row_id = {0}};
    if (event->kind == EVENT_ROWS_INSERTED) {
        if (event->as.rows.has_row_ids) {
            row->row_id.value = reader_u64(reader);
        }
    } else {
        row->old_key = reader_bytes(reader);
    }
    if (event->kind != EVENT_ROWS_DELETED) {
        row->image = reader_bytes(reader);
    }
    return reader_ok(reader);
}

struct reader event_append_start(const struct event *event) {
    ASSERT(event->kind == EVENT_STREAM_APPENDED);
    return reader_make(event->as.stream_appended.items);
}

bool event_append_next(const struct event *event, struct reader *reader, struct slice *payload) {
    ASSERT(event->kind == EVENT_STREAM_APPENDED);
    if (reader_left(reader) == 0) {
        return false;
    }
    *payload = reader_bytes(reader);
    return reader_ok(reader);
}

/* --- reading --- */

/* Each part answers false for bytes that are no such payload; *status may say more. */

static bool name_valid(struct slice name, size_t most, bool may_be_empty) {
    return name.length <= most && (may_be_empty || name.length > 0) && utf8_check(name, NULL) == KMB_OK;
}

static bool get_answer(struct reader *reader, struct event_request_answered *answered) {
    answered->key = reader_bytes(reader);
    reader_copy(reader, answered->digest, sizeof(answered->digest));
    answered->answer = reader_u32(reader);
    uint8_t form = reader_u8(reader);
    answered->form = (enum answer_form)form;
    answered->bytes = reader_bytes(reader);
    return name_valid(answered->key, ANSWER_KEY_MAX, false) && form <= ANSWER_NOT_KEPT &&
           answered->bytes.length <= ANSWER_KEPT_MAX;
}

static bool get_rows(struct reader *reader, struct event *event) {
    struct event_rows *rows = &event->as.rows;
    rows->table.value = reader_u32(reader);
    rows->version.value = reader_u32(reader);
    uint8_t flags = reader_u8(reader);
    rows->count = reader_u32(reader);
    rows->has_row_ids = flags == ROWS_HAVE_IDS;
    rows->items = reader_take(reader, reader_left(reader));
    bool flags_good = flags == 0 || (flags == ROWS_HAVE_IDS && event->kind == EVENT_ROWS_INSERTED);
    if (!reader_ok(reader) || !flags_good || rows->table.value == 0 || rows->count == 0) {
        return false;
    }
    struct reader items = event_row_start(event);
    struct event_row row;
    struct row_header header;
    uint32_t count = 0;
    while (event_row_next(event, &items, &row)) {
        count++;
        bool image_good = event->kind == EVENT_ROWS_DELETED ||
                          (row_header_read(row.image, &header) && table_id_equal(header.table, rows->table) &&
                           header.version.value == rows->version.value);
        bool key_good = event->kind == EVENT_ROWS_INSERTED || row.old_key.length > 0;
        if (!image_good || !key_good) {
            return false;
        }
    }
    return reader_done(&items) && count == rows->count;
}

static bool get_append(struct reader *reader, struct event *event) {
    struct event_stream_appended *append = &event->as.stream_appended;
    append->stream.value = reader_u32(reader);
    append->base.value = reader_u64(reader);
    append->count = reader_u32(reader);
    append->items = reader_take(reader, reader_left(reader));
    if (!reader_ok(reader) || append->stream.value == 0 || append->count == 0 ||
        append->base.value > UINT64_MAX - append->count) {
        return false;
    }
    struct reader items = event_append_start(event);
    struct slice payload;
    uint32_t count = 0;
    while (event_append_next(event, &items, &payload)) {
        count++;
    }
    return reader_done(&items) && count == append->count;
}

static bool get_change(struct reader *reader, struct table_id *table, struct schema_version *version) {
    table->value = reader_u32(reader);
    version->value = reader_u32(reader);
    return reader_ok(reader) && table->value > 0 && version->value > 0;
}

static bool get_column_id(struct reader *reader, struct column_id *column) {
    column->value = reader_u32(reader);
    return reader_ok(reader) && column->value > 0;
}

static bool get_default(struct reader *reader, struct event_column_default_changed *change) {
    uint8_t kind = reader_u8(reader);
    change->default_kind = (enum default_kind)kind;
    change->default_text = reader_bytes(reader);
    bool worded = kind == DEFAULT_EXPRESSION || kind == DEFAULT_GENERATED;
    return kind <= DEFAULT_IDENTITY && worded == (change->default_text.length > 0) &&
           utf8_check(change->default_text, NULL) == KMB_OK;
}

static bool get_principal(struct reader *reader, struct arena *arena, struct event *event, enum kmb_status *status,
                          struct kmb_error *error) {
    switch (event->kind) {
    case EVENT_ROLE_CREATED: /* the one with number 0 is never made */
    case EVENT_ROLE_CHANGED:
        return role_decode(reader_take(reader, reader_left(reader)), &event->as.role) &&
               (event->as.role.id.value > 0 || event->kind == EVENT_ROLE_CHANGED);
    case EVENT_ROLE_DROPPED:
        event->as.role_dropped.role.value = reader_u32(reader);
        return event->as.role_dropped.role.value > 0;
    case EVENT_API_KEY_CREATED: {
        bool no_memory = false;
        bool good = api_key_decode(reader_take(reader, reader_left(reader)), arena, &event->as.api_key, &no_memory);
        if (no_memory) {
            *status = error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        return good;
    }
    case EVENT_API_KEY_REVOKED:
        event->as.api_key_revoked.key.value = reader_u32(reader);
        return event->as.api_key_revoked.key.value > 0;
    case EVENT_ACCESS_RECORDED:
        return access_decode(reader_take(reader, reader_left(reader)), &event->as.access);
    default:
        return false;
    }
}

static bool get_schema_change(struct reader *reader, struct event *event) {
    switch (event->kind) {
    case EVENT_SCHEMA_CREATED: /* the one with number 0 is never made */
        event->as.schema_created.schema.value = reader_u32(reader);
        event->as.schema_created.name = reader_bytes(reader);
        return event->as.schema_created.schema.value > 0 &&
               name_valid(event->as.schema_created.name, DEFINITION_NAME_BYTES_MAX, false);
    case EVENT_SCHEMA_DROPPED:
        event->as.schema_dropped.schema.value = reader_u32(reader);
        return reader_ok(reader);
    case EVENT_SCHEMA_RENAMED:
        event->as.schema_renamed.schema.value = reader_u32(reader);
        event->as.schema_renamed.name = reader_bytes(reader);
        return name_valid(event->as.schema_renamed.name, DEFINITION_NAME_BYTES_MAX, false);
    case EVENT_SCHEMA_COMMENT_SET:
        event->as.schema_comment_set.schema.value = reader_u32(reader);
        event->as.schema_comment_set.text = reader_bytes(reader);
        return reader_ok(reader) && utf8_check(event->as.schema_comment_set.text, NULL) == KMB_OK;
    case EVENT_TABLE_MOVED:
        event->as.table_moved.table.value = reader_u32(reader);
        event->as.table_moved.schema_name = reader_bytes(reader);
        return event->as.table_moved.table.value > 0 &&
               name_valid(event->as.table_moved.schema_name, DEFINITION_NAME_BYTES_MAX, false);
    case EVENT_VIEW_CHANGED:
        event->as.view_changed.view.value = reader_u32(reader);
        event->as.view_changed.query = reader_bytes(reader);
        return event->as.view_changed.view.value > 0 && event->as.view_changed.query.length > 0 &&
               utf8_check(event->as.view_changed.query, NULL) == KMB_OK;
    default:
        return false;
    }
}

static bool get_definition_change(struct reader *reader, struct arena *arena, struct event *event,
                                  enum kmb_status *status, struct kmb_error *error) {
    switch (event->kind) {
    case EVENT_TABLE_RENAMED:
        event->as.table_renamed.table.value = reader_u32(reader);
        event->as.table_renamed.name = reader_bytes(reader);
        return name_valid(event->as.table_renamed.name, DEFINITION_NAME_BYTES_MAX, false);
    case EVENT_COLUMN_ADDED: {
        struct event_column_added *added = &event->as.column_added;
        if (!get_change(reader, &added->table, &added->version)) {
            return false;
        }
        *status = definition_decode_column(reader, &added->column, error);
        return *status == KMB_OK;
    }
    case EVENT_COLUMN_DROPPED: {
        struct event_column_dropped *dropped = &event->as.column_dropped;
        return get_change(reader, &dropped->table, &dropped->version) && get_column_id(reader, &dropped->column);
    }
    case EVENT_COLUMN_RENAMED: {
        struct event_column_renamed *renamed = &event->as.column_renamed;
        bool good = get_change(reader, &renamed->table, &renamed->version) && get_column_id(reader, &renamed->column);
        renamed->name = reader_bytes(reader);
        return good && name_valid(renamed->name, DEFINITION_NAME_BYTES_MAX, false);
    }
    case EVENT_COLUMN_DEFAULT_CHANGED: {
        struct event_column_default_changed *change = &event->as.column_default_changed;
        return get_change(reader, &change->table, &change->version) && get_column_id(reader, &change->column) &&
               get_default(reader, change);
    }
    case EVENT_COLUMN_NOT_NULL_CHANGED: {
        struct event_column_not_null_changed *change = &event->as.column_not_null_changed;
        bool good = get_change(reader, &change->table, &change->version) && get_column_id(reader, &change->column);
        uint8_t flag = reader_u8(reader);
        change->not_null = flag == 1;
        return good && flag <= 1;
    }
    case EVENT_CHECK_ADDED: {
        struct event_check_added *added = &event->as.check_added;
        if (!get_change(reader, &added->table, &added->version)) {
            return false;
        }
        *status = definition_decode_check(reader, &added->check, error);
        return *status == KMB_OK;
    }
    case EVENT_CHECK_DROPPED: {
        struct event_check_dropped *dropped = &event->as.check_dropped;
        bool good = get_change(reader, &dropped->table, &dropped->version);
        dropped->check.value = reader_u32(reader);
        return good && dropped->check.value > 0;
    }
    case EVENT_FOREIGN_KEY_ADDED: {
        struct event_foreign_key_added *added = &event->as.foreign_key_added;
        if (!get_change(reader, &added->table, &added->version)) {
            return false;
        }
        *status = definition_decode_foreign_key(reader, arena, &added->key, error);
        return *status == KMB_OK;
    }
    case EVENT_FOREIGN_KEY_DROPPED: {
        struct event_foreign_key_dropped *dropped = &event->as.foreign_key_dropped;
        bool good = get_change(reader, &dropped->table, &dropped->version);
        dropped->key.value = reader_u32(reader);
        return good && dropped->key.value > 0;
    }
    case EVENT_COLUMN_REPLACED: {
        struct event_column_replaced *replaced = &event->as.column_replaced;
        return get_change(reader, &replaced->table, &replaced->version) && get_column_id(reader, &replaced->old) &&
               get_column_id(reader, &replaced->column);
    }
    case EVENT_COLUMN_SHOWN: {
        struct event_column_shown *shown = &event->as.column_shown;
        bool good = get_change(reader, &shown->table, &shown->version) && get_column_id(reader, &shown->column);
        shown->name = reader_bytes(reader);
        return good && name_valid(shown->name, DEFINITION_NAME_BYTES_MAX, false);
    }
    case EVENT_PRIMARY_KEY_CHANGED: {
        struct event_primary_key_changed *change = &event->as.primary_key_changed;
        bool good = get_change(reader, &change->table, &change->version);
        change->name = reader_bytes(reader);
        if (!good || !name_valid(change->name, DEFINITION_NAME_BYTES_MAX, true)) {
            return false;
        }
        *status = definition_decode_parts(reader, arena, &change->parts, &change->part_count, error);
        return *status == KMB_OK && (change->part_count > 0) == (change->name.length > 0);
    }
    case EVENT_CONSTRAINT_RENAMED: {
        struct event_constraint_renamed *renamed = &event->as.constraint_renamed;
        bool good = get_change(reader, &renamed->table, &renamed->version);
        uint8_t part = reader_u8(reader);
        renamed->part = (enum definition_part)part;
        renamed->id = reader_u32(reader);
        renamed->name = reader_bytes(reader);
        return good && part >= DEFINITION_INDEX && part <= DEFINITION_PRIMARY_KEY &&
               (renamed->id == 0) == (part == DEFINITION_PRIMARY_KEY) &&
               name_valid(renamed->name, DEFINITION_NAME_BYTES_MAX, false);
    }
    case EVENT_CONSTRAINT_VALID_CHANGED: {
        struct event_constraint_valid_changed *change = &event->as.constraint_valid_changed;
        bool good = get_change(reader, &change->table, &change->version);
        change->constraint.value = reader_u32(reader);
        uint8_t valid = reader_u8(reader);
        change->valid = valid == 1;
        return good && change->constraint.value > 0 && valid <= 1;
    }
    case EVENT_COMMENT_SET: {
        struct event_comment_set *comment = &event->as.comment_set;
        comment->table.value = reader_u32(reader);
        uint8_t part = reader_u8(reader);
        comment->part = (enum definition_part)part;
        comment->id = reader_u32(reader);
        comment->text = reader_bytes(reader);
        bool own = part == DEFINITION_TABLE || part == DEFINITION_PRIMARY_KEY;
        return reader_ok(reader) && comment->table.value > 0 && part <= DEFINITION_PRIMARY_KEY &&
               (comment->id == 0) == own && utf8_check(comment->text, NULL) == KMB_OK;
    }
    case EVENT_SEQUENCE_CHANGED: {
        struct event_sequence_changed *change = &event->as.sequence_changed;
        if (!get_change(reader, &change->sequence, &change->version)) {
            return false;
        }
        *status = definition_decode_sequence(reader, &change->definition, error);
        return *status == KMB_OK;
    }
    case EVENT_SEQUENCE_ADVANCED: {
        struct event_sequence_advanced *advanced = &event->as.sequence_advanced;
        bool good = get_change(reader, &advanced->sequence, &advanced->version);
        advanced->turn = reader_u64(reader);
        advanced->last = reader_i64(reader);
        uint8_t called = reader_u8(reader);
        advanced->called = called == 1;
        return good && called <= 1;
    }
    case EVENT_ROLE_CREATED:
    case EVENT_ROLE_CHANGED:
    case EVENT_ROLE_DROPPED:
    case EVENT_API_KEY_CREATED:
    case EVENT_API_KEY_REVOKED:
    case EVENT_ACCESS_RECORDED:
        return get_principal(reader, arena, event, status, error);
    default:
        return get_schema_change(reader, event);
    }
}

static bool get_index_id(struct reader *reader, struct table_id *table, struct index_id *index) {
    table->value = reader_u32(reader);
    index->value = reader_u32(reader);
    return reader_ok(reader) && table->value > 0 && index->value > 0;
}

static bool get_key(struct reader *reader, struct event *event) {
    struct event_checkpoint_key *key = &event->as.checkpoint_key;
    *key = (struct event_checkpoint_key){.version = {reader_u32(reader)}};
    reader_copy(reader, key->verifier, 32);
    if (event->kind == EVENT_CHECKPOINT_KEY_ROTATED) {
        reader_copy(reader, key->signature, 64);
    }
    return key->version.value > 0;
}

static bool get_payload(struct reader *reader, struct arena *arena, struct event *event, enum kmb_status *status,
                        struct kmb_error *error) {
    switch (event->kind) {
    case EVENT_TENANT_CREATED:
        event->as.tenant_created.tenant.value = reader_u32(reader);
        event->as.tenant_created.name = reader_bytes(reader);
        return name_valid(event->as.tenant_created.name, TENANT_NAME_MAX, true);
    case EVENT_CHECKPOINT_KEY_SET:
    case EVENT_CHECKPOINT_KEY_ROTATED:
        return get_key(reader, event);
    case EVENT_CLOCK_ACCEPTED:
        event->as.clock_accepted.log_time_us = reader_i64(reader);
        event->as.clock_accepted.clock_time_us = reader_i64(reader);
        return true;
    case EVENT_TENANT_DELETED:
        event->as.tenant_deleted.tenant.value = reader_u32(reader);
        event->as.tenant_deleted.tables = reader_u32(reader);
        return true;
    case EVENT_REQUEST_ANSWERED:
        return get_answer(reader, &event->as.answered);
    case EVENT_TABLE_CREATED:
    case EVENT_VIEW_CREATED:
    case EVENT_SEQUENCE_CREATED:
    case EVENT_TYPE_CREATED:
        *status = definition_decode_table(reader_take(reader, reader_left(reader)), arena,
                                          &event->as.table_created.table, error);
        return *status == KMB_OK &&
               definition_is_view(&event->as.table_created.table) == (event->kind == EVENT_VIEW_CREATED) &&
               definition_is_sequence(&event->as.table_created.table) == (event->kind == EVENT_SEQUENCE_CREATED) &&
               definition_is_type(&event->as.table_created.table) == (event->kind == EVENT_TYPE_CREATED) &&
               event->as.table_created.table.foreign_key_count == 0 && /* they are events of their own */
               event->as.table_created.table.comment_count == 0;
    case EVENT_LABEL_ADDED:
    case EVENT_LABEL_RENAMED:
        event->as.label.type.value = reader_u32(reader);
        event->as.label.version.value = reader_u32(reader);
        event->as.label.label = reader_bytes(reader);
        return event->as.label.type.value > 0 && event->as.label.version.value > 1 &&
               definition_label_valid(event->as.label.label);
    case EVENT_TABLE_DROPPED:
        event->as.table_dropped.table.value = reader_u32(reader);
        return event->as.table_dropped.table.value > 0;
    case EVENT_INDEX_DECLARED:
        event->as.index_declared.table.value = reader_u32(reader);
        *status = definition_decode_index(reader, arena, &event->as.index_declared.index, error);
        return *status == KMB_OK && event->as.index_declared.table.value > 0;
    case EVENT_INDEX_READY:
        return get_index_id(reader, &event->as.index_ready.table, &event->as.index_ready.index);
    case EVENT_INDEX_DROPPED:
        return get_index_id(reader, &event->as.index_dropped.table, &event->as.index_dropped.index);
    case EVENT_ROWS_INSERTED:
    case EVENT_ROWS_UPDATED:
    case EVENT_ROWS_DELETED:
        return get_rows(reader, event);
    case EVENT_STREAM_CREATED: {
        event->as.stream_created.stream.value = reader_u32(reader);
        event->as.stream_created.name = reader_bytes(reader);
        uint8_t data_class = reader_u8(reader);
        event->as.stream_created.data_class = (enum data_class)data_class;
        return event->as.stream_created.stream.value > 0 && data_class < DATA_CLASS_COUNT &&
               name_valid(event->as.stream_created.name, STREAM_NAME_MAX, false);
    }
    case EVENT_STREAM_APPENDED:
        return get_append(reader, event);
    default:
        return get_definition_change(reader, arena, event, status, error);
    }
}

static bool kind_known(uint32_t kind) {
    return event_kind_name(kind)[0] != 'u';
}

struct event_reader event_reader_make(struct slice body, struct arena *arena) {
    return (struct event_reader){.reader = reader_make(body), .arena = arena};
}

/* The next frame of a known kind: KMB_ROW, KMB_DONE, or an error. */
static enum kmb_status frame_next(struct reader *reader, uint32_t *kind, struct slice *payload,
                                  struct kmb_error *error) {
    while (reader_left(reader) > 0) {
        size_t start = reader->offset;
        *kind = reader_u16(reader);
        uint32_t length = reader_u32(reader);
        if (!reader_ok(reader) || length > EVENT_PAYLOAD_MAX || length > reader_left(reader)) {
            return error_set(error, KMB_CORRUPT, "event at byte %zu of the body is cut short", start);
        }
        *payload = reader_take(reader, length);
        if (kind_known(*kind)) {
            return KMB_ROW;
        }
        if ((*kind & EVENT_CRITICAL) != 0) {
            error_set(error, KMB_FORMAT_VERSION, "event kind 0x%04x at byte %zu of the body is not known", *kind,
                      start);
            if (error != NULL) {
                error_hint(error, "The log was written by a newer version of Kimberlite; open it with that version.");
            }
            return KMB_FORMAT_VERSION;
        }
    }
    return KMB_DONE;
}

enum kmb_status event_next(struct event_reader *reader, struct event *event, struct kmb_error *error) {
    uint32_t kind;
    struct slice payload;
    enum kmb_status status = frame_next(&reader->reader, &kind, &payload, error);
    if (status != KMB_ROW) {
        return status;
    }
    *event = (struct event){.kind = (enum event_kind)kind, .payload = payload};
    struct reader inner = reader_make(payload);
    enum kmb_status inner_status = KMB_OK;
    bool good = get_payload(&inner, reader->arena, event, &inner_status, error);
    if (inner_status != KMB_OK) {
        return inner_status;
    }
    if (!good || !reader_done(&inner)) {
        return error_set(error, KMB_CORRUPT, "event %s that ends at byte %zu of the body is not valid",
                         event_kind_name(kind), reader->reader.offset);
    }
    return KMB_ROW;
}

/* --- positions --- */

uint64_t event_positions(const struct event *event) {
    switch (event->kind) {
    case EVENT_ROWS_INSERTED:
    case EVENT_ROWS_UPDATED:
    case EVENT_ROWS_DELETED:
        return event->as.rows.count;
    case EVENT_STREAM_APPENDED:
        return event->as.stream_appended.count;
    default:
        return 0;
    }
}

enum kmb_status event_count_positions(struct slice body, uint64_t *count, struct kmb_error *error) {
    struct reader reader = reader_make(body);
    uint64_t total = 0;
    for (;;) {
        uint32_t kind;
        struct slice payload;
        enum kmb_status status = frame_next(&reader, &kind, &payload, error);
        if (status != KMB_ROW) {
            *count = status == KMB_DONE ? total : 0;
            return status == KMB_DONE ? KMB_OK : status;
        }
        bool rows = kind == EVENT_ROWS_INSERTED || kind == EVENT_ROWS_UPDATED || kind == EVENT_ROWS_DELETED;
        size_t head = rows ? ROWS_HEAD_SIZE : kind == EVENT_STREAM_APPENDED ? APPEND_HEAD_SIZE : 0;
        if (head == 0) {
            continue;
        }
        if (payload.length < head) {
            return error_set(error, KMB_CORRUPT, "event %s in the body is cut short", event_kind_name(kind));
        }
        total += codec_get_u32(payload.bytes + (rows ? ROWS_COUNT_AT : APPEND_COUNT_AT));
    }
}
