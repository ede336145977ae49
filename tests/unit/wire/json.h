/* Values of the wire's schema as JSON and back, as the golden vectors write them. */
#ifndef KMB_TEST_WIRE_JSON_H
#define KMB_TEST_WIRE_JSON_H

#include <jansson.h>

#include "wire/message.h"

/* A new reference. */
json_t *wire_to_json(const struct wire_type *type, const void *object);
/* Fills the zeroed object; what it points to lives in the arena and the JSON. */
void wire_of_json(const struct wire_type *type, const json_t *json, struct arena *arena, void *object);

#endif
