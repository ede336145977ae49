/*
 * Arrays: values of one type in one to six dimensions, or none at all.
 *
 * The value of an array type is bytes: a short header, which elements are NULL, and the elements as row images have
 * them, so that any of them is found without reading those before it. To the byte:
 * docs/internals/formats-events.md, "Arrays". Encodings are canonical: arrays that print alike are equal bytes. Those
 * that are only equal (1.0 and 1.00) are not, so order and hash are made from the elements.
 */
#ifndef KMB_TYPES_ARRAY_H
#define KMB_TYPES_ARRAY_H

#include "types/value.h"

#define ARRAY_FORMAT         1
#define ARRAY_DIMENSIONS_MAX 6
#define ARRAY_ELEMENTS_MAX   134217727 /* PostgreSQL's MaxArraySize */

/* How many elements there are in each dimension, outermost first, and the subscript of the first. */
struct array_shape {
    uint32_t dimensions; /* 0: no elements */
    int32_t lengths[ARRAY_DIMENSIONS_MAX];
    int32_t lowers[ARRAY_DIMENSIONS_MAX];
};

/* An array's bytes, taken apart; borrows them. */
struct array {
    enum type_id element;
    struct array_shape shape;
    uint32_t count;         /* elements, the last dimension running fastest */
    uint32_t width;         /* of an element; 0: they are behind end offsets */
    const uint8_t *present; /* a bit an element; NULL: all are */
    const uint8_t *places;  /* the elements, or their end offsets */
    const uint8_t *data;    /* of elements without a fixed width */
};

/* value: an array, not NULL, of valid bytes. */
void array_open(const struct value *value, struct array *array);
struct value array_get(const struct array *array, uint32_t index); /* borrows bytes */
bool array_has_null(const struct array *array);
/* The elements one after the other, in arena memory; NULL: there is none left. */
struct value *array_elements(const struct array *array, struct arena *arena);

/* One dimension of `count` elements from 1, or none. */
struct array_shape array_shape_of(uint32_t count);
/* Errors: KMB_LIMIT (54000) "array size exceeds the maximum allowed (134217727)", "array lower bound is too large: %d".
 */
enum kmb_status array_shape_count(const struct array_shape *shape, uint32_t *count, struct kmb_error *error);

/*
 * Makes an array: elements of the element type or NULL, as many as the shape has; its bytes are the arena's. A shape
 * with an empty dimension makes the empty array. Errors: KMB_LIMIT, KMB_NO_MEMORY.
 */
enum kmb_status array_make(enum type_id element, const struct array_shape *shape, const struct value *elements,
                           struct arena *arena, struct value *out, struct kmb_error *error);

/* Whether bytes are an array of elements of that type: for bytes that may be hostile. */
bool array_valid(enum type_id element, struct slice bytes);

/* Order: by elements, NULL last, then the shorter first, then by shape. Never equal when they print differently in
 * shape. JSON has no order: by its text. */
int array_compare(enum type_id type, struct slice a, struct slice b);
uint64_t array_hash(enum type_id type, struct slice bytes, uint64_t seed);

/* value_apply_modifier() on every element. */
enum kmb_status array_apply_modifier(struct type type, bool explicit_cast, const struct value *in, struct arena *arena,
                                     struct value *out, struct kmb_error *error);

/*
 * PostgreSQL's array_in and array_out: '{1,2,NULL}', '{{a},{"b c"}}', '[0:1]={1,2}'. Errors: KMB_INVALID_TEXT (22P02)
 * malformed array literal, with the detail; KMB_ARRAY_SUBSCRIPT; KMB_LIMIT; those of the elements.
 */
enum kmb_status array_parse(struct type type, struct slice text, const struct datetime_context *context,
                            struct arena *arena, struct value *out, struct kmb_error *error);
void array_print(const struct value *value, const struct datetime_context *context, struct buffer *out);

#endif
