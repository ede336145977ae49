/* Shorthand for descriptions (schema.h): for the files that write them down, and nobody else. */
#ifndef KMB_WIRE_DESCRIBE_H
#define KMB_WIRE_DESCRIBE_H

#include <stddef.h>

#include "wire/schema.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))
#define ENUM(list)                                                                                                     \
    { .kind = WIRE_ENUM, .size = sizeof(uint32_t), .members = (list), .count = COUNT(list) }
#define UNION(owner, list)                                                                                             \
    {                                                                                                                  \
        .kind = WIRE_UNION, .size = sizeof(owner), .members = (list), .count = COUNT(list),                            \
        .content_offset = offsetof(owner, as)                                                                          \
    }
#define STRUCT(owner, list)                                                                                            \
    { .kind = WIRE_STRUCT, .size = sizeof(owner), .fields = (list), .count = COUNT(list) }
#define FIELD(owner, field, described, how)                                                                            \
    { .name = #field, .type = &(described), .form = (how), .offset = offsetof(owner, field) }

/* Descriptions that both files need. */
extern const struct wire_type wire_error_code_type;
extern const struct wire_type wire_data_class_type;

#endif
