/*
 * What only a catalogue knows of types: names of the user's own, and labels, where text from outside becomes values.
 */
#include "kernel/catalogue.h"
#include "types/array.h"

/* As it stands in SQL: in quotes where it is not lower case letters, digits and _ . */
static void name_text(struct slice name, struct buffer *out) {
    bool plain = name.length > 0 && !(name.bytes[0] >= '0' && name.bytes[0] <= '9');
    for (size_t i = 0; i < name.length; i++) {
        uint8_t byte = name.bytes[i];
        plain = plain && ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_');
    }
    buffer_append_text(out, plain ? "" : "\"");
    for (size_t i = 0; i < name.length; i++) {
        buffer_append_byte(out, name.bytes[i]);
        if (name.bytes[i] == '"') {
            buffer_append_byte(out, '"');
        }
    }
    buffer_append_text(out, plain ? "" : "\"");
}

void catalogue_type_text(const struct catalogue *catalogue, struct type type, struct buffer *out) {
    uint32_t object = type.domain != 0 ? type.domain : type_object(type.id);
    const struct table_definition *found =
        catalogue == NULL || object == 0 ? NULL : catalogue_table_of_id(catalogue, (struct table_id){object});
    char text[TYPE_NAME_SIZE];
    if (found == NULL) {
        buffer_append_text(out, type_format(type, text));
        return;
    }
    name_text(found->name, out);
    buffer_append_text(out, type.domain == 0 && type_is_array(type.id) ? "[]" : "");
}

static enum kmb_status label_parse(const struct table_definition *definition, enum type_id type, struct slice name,
                                   struct value *out, struct kmb_error *error) {
    const struct slice *label = definition_label_of_name(definition, name);
    if (label == NULL) {
        return error_set(error, KMB_INVALID_TEXT, "invalid input value for enum %.*s: \"%.*s\"",
                         (int)definition->name.length, (const char *)definition->name.bytes, (int)name.length,
                         (const char *)name.bytes);
    }
    *out = value_bytes(type, *label);
    return KMB_OK;
}

enum kmb_status catalogue_value_parse(const struct catalogue *catalogue, struct type type, struct slice text,
                                      const struct datetime_context *context, struct arena *arena, struct value *out,
                                      struct kmb_error *error) {
    enum type_id element = type_element(type.id);
    if (!type_is_enum(element)) {
        return value_parse(type, text, context, arena, out, error);
    }
    const struct table_definition *definition = catalogue == NULL ? NULL : catalogue_enum(catalogue, element);
    if (definition == NULL) {
        return error_set(error, KMB_UNDEFINED_OBJECT, "type with id %u does not exist", type_object(element));
    }
    if (!type_is_array(type.id)) {
        return label_parse(definition, element, text, out, error);
    }
    struct value names;
    struct array array;
    enum kmb_status status = value_parse(type_make(TYPE_ARRAY_TEXT), text, context, arena, &names, error);
    if (status != KMB_OK) {
        return status;
    }
    array_open(&names, &array);
    struct value *elements = array_elements(&array, arena);
    if (elements == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; status == KMB_OK && i < array.count; i++) {
        if (elements[i].is_null) {
            elements[i] = value_null(element);
        } else {
            status = label_parse(definition, element, elements[i].as.bytes, &elements[i], error);
        }
    }
    return status == KMB_OK ? array_make(element, &array.shape, elements, arena, out, error) : status;
}
