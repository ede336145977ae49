#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/codec.h"

/* --- to JSON --- */

static json_t *text_to_json(struct slice text) {
    json_t *json = json_stringn((const char *)text.bytes, text.length);
    return json == NULL ? json_string("") : json;
}

static json_t *bytes_to_json(struct slice bytes) {
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(bytes.length * 2 + 1);
    for (size_t i = 0; i < bytes.length; i++) {
        text[2 * i] = digits[bytes.bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes.bytes[i] & 15];
    }
    json_t *json = json_stringn(text, bytes.length * 2);
    free(text);
    return json;
}

static json_t *list_to_json(const struct wire_type *type, const struct wire_list *list) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < list->count; i++) {
        json_array_append_new(array, wire_to_json(type, (const uint8_t *)list->items + (size_t)i * type->size));
    }
    return array;
}

static json_t *field_to_json(const struct wire_field *field, const void *place) {
    const void *const *option = place;
    switch (field->form) {
    case WIRE_ONE:
        return wire_to_json(field->type, place);
    case WIRE_OPTION:
        return *option == NULL ? json_null() : wire_to_json(field->type, *option);
    case WIRE_LIST:
        return list_to_json(field->type, place);
    }
    return NULL;
}

/* Integers above 2^63 - 1, which jansson does not have, are written as texts. */
static json_t *unsigned_to_json(uint64_t value) {
    char text[24];
    if (value <= INT64_MAX) {
        return json_integer((json_int_t)value);
    }
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    return json_string(text);
}

/* As its bits, which have no rounding and no NaN that JSON does not know. */
static json_t *real_to_json(double value) {
    uint64_t bits;
    char text[24];
    memcpy(&bits, &value, sizeof(bits));
    snprintf(text, sizeof(text), "0x%016llx", (unsigned long long)bits);
    return json_string(text);
}

static json_t *struct_to_json(const struct wire_type *type, const void *object) {
    if (type->count == 1 && type->fields[0].name == NULL) {
        return field_to_json(&type->fields[0], object);
    }
    json_t *json = json_object();
    for (uint32_t i = 0; i < type->count; i++) {
        json_object_set_new(json, type->fields[i].name,
                            field_to_json(&type->fields[i], (const uint8_t *)object + type->fields[i].offset));
    }
    return json;
}

json_t *wire_to_json(const struct wire_type *type, const void *object) {
    switch (type->kind) {
    case WIRE_BOOL:
        return json_boolean(*(const bool *)object);
    case WIRE_U8:
        return json_integer(*(const uint8_t *)object);
    case WIRE_U16:
        return json_integer(*(const uint16_t *)object);
    case WIRE_U32:
        return json_integer(*(const uint32_t *)object);
    case WIRE_U64:
        return unsigned_to_json(*(const uint64_t *)object);
    case WIRE_I64:
        return json_integer(*(const int64_t *)object);
    case WIRE_F64:
        return real_to_json(*(const double *)object);
    case WIRE_TEXT:
        return text_to_json(*(const struct slice *)object);
    case WIRE_BYTES:
        return bytes_to_json(*(const struct slice *)object);
    case WIRE_ENUM:
    case WIRE_UNION: {
        const struct wire_member *member = &type->members[*(const uint32_t *)object];
        if (member->content == NULL) {
            return json_string(member->name);
        }
        json_t *json = json_object();
        json_object_set_new(json, member->name,
                            wire_to_json(member->content, (const uint8_t *)object + type->content_offset));
        return json;
    }
    case WIRE_STRUCT:
        return struct_to_json(type, object);
    }
    return NULL;
}

/* --- of JSON --- */

static void *new_objects(struct arena *arena, size_t count, size_t size) {
    void *objects = arena_alloc_zero(arena, count == 0 ? 1 : count, size);
    assert_non_null(objects);
    return objects;
}

static struct slice text_of_json(const json_t *json) {
    assert_true(json_is_string(json));
    return slice_make(json_string_value(json), json_string_length(json));
}

static struct slice bytes_of_json(const json_t *json, struct arena *arena) {
    struct slice text = text_of_json(json);
    uint8_t *bytes = new_objects(arena, text.length / 2, 1);
    assert_true(codec_unhex(bytes, text.length / 2, text));
    return slice_make(bytes, text.length / 2);
}

static uint64_t unsigned_of_json(const json_t *json) {
    return json_is_string(json) ? strtoull(json_string_value(json), NULL, 10) : (uint64_t)json_integer_value(json);
}

static void field_of_json(const struct wire_field *field, const json_t *json, struct arena *arena, void *place) {
    assert_non_null(json);
    if (field->form == WIRE_ONE) {
        wire_of_json(field->type, json, arena, place);
    } else if (field->form == WIRE_OPTION && !json_is_null(json)) {
        *(void **)place = new_objects(arena, 1, field->type->size);
        wire_of_json(field->type, json, arena, *(void **)place);
    } else if (field->form == WIRE_LIST) {
        struct wire_list *list = place;
        list->count = (uint32_t)json_array_size(json);
        list->items = new_objects(arena, list->count, field->type->size);
        for (uint32_t i = 0; i < list->count; i++) {
            wire_of_json(field->type, json_array_get(json, i), arena,
                         (uint8_t *)list->items + (size_t)i * field->type->size);
        }
    }
}

static void member_of_json(const struct wire_type *type, const json_t *json, struct arena *arena, void *object) {
    const char *name =
        json_is_string(json) ? json_string_value(json) : json_object_iter_key(json_object_iter((json_t *)json));
    for (uint32_t i = 0; i < type->count; i++) {
        if (strcmp(type->members[i].name, name) != 0) {
            continue;
        }
        *(uint32_t *)object = i;
        if (type->members[i].content != NULL) {
            wire_of_json(type->members[i].content, json_object_get(json, name), arena,
                         (uint8_t *)object + type->content_offset);
        }
        return;
    }
    fail_msg("no member %s", name);
}

void wire_of_json(const struct wire_type *type, const json_t *json, struct arena *arena, void *object) {
    switch (type->kind) {
    case WIRE_BOOL:
        *(bool *)object = json_is_true(json);
        break;
    case WIRE_U8:
        *(uint8_t *)object = (uint8_t)json_integer_value(json);
        break;
    case WIRE_U16:
        *(uint16_t *)object = (uint16_t)json_integer_value(json);
        break;
    case WIRE_U32:
        *(uint32_t *)object = (uint32_t)json_integer_value(json);
        break;
    case WIRE_U64:
        *(uint64_t *)object = unsigned_of_json(json);
        break;
    case WIRE_I64:
        *(int64_t *)object = (int64_t)json_integer_value(json);
        break;
    case WIRE_F64: {
        uint64_t bits = strtoull(json_string_value(json), NULL, 16);
        memcpy(object, &bits, sizeof(bits));
        break;
    }
    case WIRE_TEXT:
        *(struct slice *)object = text_of_json(json);
        break;
    case WIRE_BYTES:
        *(struct slice *)object = bytes_of_json(json, arena);
        break;
    case WIRE_ENUM:
    case WIRE_UNION:
        member_of_json(type, json, arena, object);
        break;
    case WIRE_STRUCT:
        for (uint32_t i = 0; i < type->count; i++) {
            const struct wire_field *field = &type->fields[i];
            const json_t *value = field->name == NULL ? json : json_object_get(json, field->name);
            field_of_json(field, value, arena, (uint8_t *)object + field->offset);
        }
        break;
    }
}
