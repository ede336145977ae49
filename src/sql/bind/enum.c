/*
 * Labels in expressions: literals become them while binding, other texts when the statement runs.
 *
 * Names are looked up among the labels that the type has now, and then in the catalogue of each point in time that the
 * statement reads at: a row of the past shows the label of then, and by that it is found.
 */
#include "sql/bind/bind.h"
#include "types/array.h"

const struct table_definition *bind_enum(struct bind *bind, enum type_id type) {
    const struct table_definition *found = catalogue_enum(bind_present(bind), type);
    for (uint32_t i = 0; found == NULL && i < bind->view_count; i++) {
        found = catalogue_enum(bind->views[i]->catalogue, type);
    }
    if (found == NULL) {
        sql_raise(bind->context, KMB_UNDEFINED_OBJECT, 0, "type with id %u does not exist", type_object(type));
    }
    return found;
}

struct value bind_label(struct bind *bind, enum type_id type, struct slice text, uint32_t position) {
    struct sql_context *context = bind->context;
    struct value value;
    struct type whole = type_make(type);
    enum kmb_status status =
        catalogue_value_parse(bind_present(bind), whole, text, NULL, &context->arena, &value, context->error);
    for (uint32_t i = 0; status != KMB_OK && i < bind->view_count; i++) {
        if (catalogue_value_parse(bind->views[i]->catalogue, whole, text, NULL, &context->arena, &value, NULL) ==
            KMB_OK) {
            return value;
        }
    }
    if (status != KMB_OK) {
        sql_raise_status(context, status, position);
    }
    return value;
}

const struct expr *bind_labels(struct bind *bind, enum type_id type) {
    struct sql_context *context = bind->context;
    enum type_id element = type_element(type);
    const struct table_definition *definition = bind_enum(bind, element);
    struct value *labels = sql_alloc(context, (definition->label_count + 1) * sizeof(*labels));
    for (uint32_t i = 0; i < definition->label_count; i++) {
        labels[i] = value_bytes(element, definition->labels[i]);
    }
    struct array_shape shape = array_shape_of(definition->label_count);
    struct expr *list = bind_expr_new(bind, EXPR_CONSTANT, type_make(type_array_of(element)), 0, 0);
    sql_try(context, array_make(element, &shape, labels, &context->arena, &list->value, context->error));
    return list;
}
