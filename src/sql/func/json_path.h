/* What the functions that look into JSON share with those that change it. */
#ifndef KMB_SQL_JSON_PATH_H
#define KMB_SQL_JSON_PATH_H

#include "sql/func/function.h"
#include "types/json_tree.h"

struct json_step {
    struct slice name;
    bool is_null;
};

struct json_path {
    struct json_step *steps;
    uint32_t count;
    uint32_t dimensions; /* of the array it was read from */
};

/* The steps of '{a,0,b}', an argument of type text[]. */
struct json_path json_path_read(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row);
/* The arguments from the n-th on as steps: texts and integers, none of them NULL. */
struct json_path json_path_of_arguments(const struct sql_call *call, struct vector *const *arguments, uint32_t n,
                                        uint32_t row);
/* The step as an index of an array; false when it is no integer. */
bool json_step_index(const struct json_step *step, int64_t *index);

/* Argument n of a row as a tree in the call's arena. */
struct json_node *json_argument(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row);
/* The member with that key, or NULL; of anything but an object NULL. */
const struct json_node *json_member(const struct json_node *node, struct slice key);
int64_t json_count(const struct json_node *node); /* of members or elements */

/* Functions that have no name to be called by: j['a'][0], and j with another value there: j, the value, the steps. */
const struct sql_function *json_subscript(void);
const struct sql_function *json_set_subscript(void);

/* A buffer for the texts of one call, gone at the latest when the statement ends; its bytes taken over for a result,
 * which leaves it empty. */
struct buffer *json_buffer(const struct sql_call *call);
struct slice json_buffer_keep(const struct sql_call *call, struct buffer *buffer);
void json_buffer_free(const struct sql_call *call, struct buffer *buffer);

/* Argument n of a row as JSON: numbers and truth values as they are, JSON taken over, timestamps as ISO 8601, all else
 * a string. */
void json_append_value(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row,
                       struct buffer *out);
/* The same as the key of an object; 22023 for NULL and for JSON. */
void json_append_key(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row,
                     struct buffer *out);
/* What was made, as a result: JSONB is brought to its normal text. */
struct slice json_finish_text(const struct sql_call *call, struct buffer *made);

#endif
