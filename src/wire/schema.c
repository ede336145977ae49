/* Values by their description; schema.h has the contract. Descriptions do not recurse, so neither depth is open. */
#include "wire/schema.h"

#include "base/assert.h"

const struct wire_type wire_bool = {.kind = WIRE_BOOL, .size = sizeof(bool)};
const struct wire_type wire_u8 = {.kind = WIRE_U8, .size = sizeof(uint8_t)};
const struct wire_type wire_u16 = {.kind = WIRE_U16, .size = sizeof(uint16_t)};
const struct wire_type wire_u32 = {.kind = WIRE_U32, .size = sizeof(uint32_t)};
const struct wire_type wire_u64 = {.kind = WIRE_U64, .size = sizeof(uint64_t)};
const struct wire_type wire_i64 = {.kind = WIRE_I64, .size = sizeof(int64_t)};
const struct wire_type wire_f64 = {.kind = WIRE_F64, .size = sizeof(double)};
const struct wire_type wire_text = {.kind = WIRE_TEXT, .size = sizeof(struct slice)};
const struct wire_type wire_bytes = {.kind = WIRE_BYTES, .size = sizeof(struct slice)};

static const struct wire_type *member_content(const struct wire_type *type, const void *object) {
    return type->members[*(const uint32_t *)object].content;
}

/* --- decoding --- */

static void *objects_new(struct postcard_reader *reader, struct arena *arena, uint32_t count, uint32_t size) {
    void *objects = arena_alloc_zero(arena, count, size);
    if (objects == NULL) {
        postcard_fail(reader, POSTCARD_MEMORY);
    }
    return objects;
}

static void decode_list(struct postcard_reader *reader, const struct wire_type *type, struct arena *arena,
                        struct wire_list *list) {
    uint32_t count = postcard_read_count(reader);
    if (count == 0) {
        return;
    }
    uint8_t *items = objects_new(reader, arena, count, type->size);
    for (uint32_t i = 0; i < count && reader->error == POSTCARD_OK; i++) {
        wire_decode(reader, type, arena, items + (size_t)i * type->size);
    }
    if (reader->error == POSTCARD_OK) {
        list->count = count;
        list->items = items;
    }
}

static void decode_field(struct postcard_reader *reader, const struct wire_field *field, struct arena *arena,
                         void *place) {
    switch (field->form) {
    case WIRE_ONE:
        wire_decode(reader, field->type, arena, place);
        break;
    case WIRE_OPTION:
        if (postcard_read_option(reader)) {
            void *value = objects_new(reader, arena, 1, field->type->size);
            if (value != NULL) {
                wire_decode(reader, field->type, arena, value);
                *(void **)place = value;
            }
        }
        break;
    case WIRE_LIST:
        decode_list(reader, field->type, arena, place);
        break;
    }
}

void wire_decode(struct postcard_reader *reader, const struct wire_type *type, struct arena *arena, void *object) {
    switch (type->kind) {
    case WIRE_BOOL:
        *(bool *)object = postcard_read_bool(reader);
        break;
    case WIRE_U8:
        *(uint8_t *)object = postcard_read_byte(reader);
        break;
    case WIRE_U16:
        *(uint16_t *)object = (uint16_t)postcard_read_unsigned(reader, 16);
        break;
    case WIRE_U32:
        *(uint32_t *)object = (uint32_t)postcard_read_unsigned(reader, 32);
        break;
    case WIRE_U64:
        *(uint64_t *)object = postcard_read_unsigned(reader, 64);
        break;
    case WIRE_I64:
        *(int64_t *)object = postcard_read_signed(reader);
        break;
    case WIRE_F64:
        *(double *)object = postcard_read_real(reader);
        break;
    case WIRE_TEXT:
        *(struct slice *)object = postcard_read_text(reader);
        break;
    case WIRE_BYTES:
        *(struct slice *)object = postcard_read_bytes(reader);
        break;
    case WIRE_ENUM:
    case WIRE_UNION:
        *(uint32_t *)object = postcard_read_index(reader, type->count);
        if (type->kind == WIRE_UNION && member_content(type, object) != NULL) {
            wire_decode(reader, member_content(type, object), arena, (uint8_t *)object + type->content_offset);
        }
        break;
    case WIRE_STRUCT:
        for (uint32_t i = 0; i < type->count && reader->error == POSTCARD_OK; i++) {
            decode_field(reader, &type->fields[i], arena, (uint8_t *)object + type->fields[i].offset);
        }
        break;
    }
}

/* --- encoding --- */

static void encode_field(struct buffer *out, const struct wire_field *field, const void *place) {
    const struct wire_list *list = place;
    const void *const *option = place;
    switch (field->form) {
    case WIRE_ONE:
        wire_encode(out, field->type, place);
        break;
    case WIRE_OPTION:
        buffer_append_byte(out, *option != NULL);
        if (*option != NULL) {
            wire_encode(out, field->type, *option);
        }
        break;
    case WIRE_LIST:
        postcard_write_unsigned(out, list->count);
        for (uint32_t i = 0; i < list->count; i++) {
            wire_encode(out, field->type, (const uint8_t *)list->items + (size_t)i * field->type->size);
        }
        break;
    }
}

void wire_encode(struct buffer *out, const struct wire_type *type, const void *object) {
    switch (type->kind) {
    case WIRE_BOOL:
        buffer_append_byte(out, *(const bool *)object);
        break;
    case WIRE_U8:
        buffer_append_byte(out, *(const uint8_t *)object);
        break;
    case WIRE_U16:
        postcard_write_unsigned(out, *(const uint16_t *)object);
        break;
    case WIRE_U32:
        postcard_write_unsigned(out, *(const uint32_t *)object);
        break;
    case WIRE_U64:
        postcard_write_unsigned(out, *(const uint64_t *)object);
        break;
    case WIRE_I64:
        postcard_write_signed(out, *(const int64_t *)object);
        break;
    case WIRE_F64:
        postcard_write_real(out, *(const double *)object);
        break;
    case WIRE_TEXT:
    case WIRE_BYTES:
        postcard_write_bytes(out, *(const struct slice *)object);
        break;
    case WIRE_ENUM:
    case WIRE_UNION:
        ASSERT(*(const uint32_t *)object < type->count);
        postcard_write_unsigned(out, *(const uint32_t *)object);
        if (type->kind == WIRE_UNION && member_content(type, object) != NULL) {
            wire_encode(out, member_content(type, object), (const uint8_t *)object + type->content_offset);
        }
        break;
    case WIRE_STRUCT:
        for (uint32_t i = 0; i < type->count; i++) {
            encode_field(out, &type->fields[i], (const uint8_t *)object + type->fields[i].offset);
        }
        break;
    }
}
