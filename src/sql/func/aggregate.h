/* The shapes of aggregate functions: both adders of a state written from one body. */
#ifndef KMB_SQL_AGGREGATE_H
#define KMB_SQL_AGGREGATE_H

#include "sql/func/function.h"

#define AGGREGATE_UNUSED __attribute__((unused))
#define AGGREGATE_ADD_PARAMETERS                                                                                       \
    const struct sql_call *call AGGREGATE_UNUSED, void *const *states,                                                 \
        struct vector *const *arguments AGGREGATE_UNUSED, const uint16_t *selection AGGREGATE_UNUSED, uint32_t count
#define AGGREGATE_ONE_PARAMETERS                                                                                       \
    const struct sql_call *call AGGREGATE_UNUSED, void *state, struct vector *const *arguments AGGREGATE_UNUSED,       \
        const uint16_t *selection AGGREGATE_UNUSED, uint32_t count
#define AGGREGATE_FINISH_PARAMETERS                                                                                    \
    const struct sql_call *call AGGREGATE_UNUSED, const void *state, struct vector *result, uint32_t row

/* prefix_add and prefix_add_one; body adds row `row` of arguments to `at`. */
#define AGGREGATE_ADDERS(prefix, type, ...)                                                                            \
    static void prefix##_add(AGGREGATE_ADD_PARAMETERS) {                                                               \
        for (uint32_t i = 0; i < count; i++) {                                                                         \
            uint32_t row = selection == NULL ? i : selection[i];                                                       \
            type *at = states[i];                                                                                      \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    static void prefix##_add_one(AGGREGATE_ONE_PARAMETERS) {                                                           \
        type *at = state;                                                                                              \
        for (uint32_t i = 0; i < count; i++) {                                                                         \
            uint32_t row = selection == NULL ? i : selection[i];                                                       \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

#define AGGREGATE(name_, aggregate_, result_, summary_, ...)                                                           \
    {                                                                                                                  \
        .class = SQL_FUNCTION_AGGREGATE, .name = (name_), .aggregate = (aggregate_), .result = (result_),              \
        .summary = (summary_), .strict = true,                                                                         \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }

#endif
