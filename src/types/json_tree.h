/*
 * A JSON value as a tree, for functions that look into it or change it. Nodes live in an arena and may be taken over
 * from one tree into another, links rewritten.
 */
#ifndef KMB_TYPES_JSON_TREE_H
#define KMB_TYPES_JSON_TREE_H

#include "types/json.h"

enum json_token {
    JSON_END,
    JSON_OBJECT_OPEN,
    JSON_OBJECT_CLOSE,
    JSON_ARRAY_OPEN,
    JSON_ARRAY_CLOSE,
    JSON_COMMA,
    JSON_COLON,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
    JSON_MOMENT, /* of SQL/JSON paths: a string that was read as a day or a time */
};

struct json_node {
    struct json_node *parent;
    struct json_node *next;  /* sibling */
    struct json_node *first; /* child */
    struct json_node *last;
    enum json_token kind; /* OBJECT_OPEN, ARRAY_OPEN or a scalar */
    uint32_t place;       /* of a container, where json_lay_out() has been: bytes behind the root's beginning */
    struct slice key;     /* of an object's member, escapes resolved */
    struct slice text;    /* of a scalar; strings with escapes resolved */
    struct slice source;  /* where it stands in the text it was read from */
};

/*
 * sorted: members in jsonb's order, the last of equal keys kept; else as they stand. Errors as json_normalize().
 * The slices of the nodes point into `text` or the arena.
 */
enum kmb_status json_tree_parse(struct slice text, bool sorted, struct arena *arena, struct json_node **root,
                                struct kmb_error *error);
/* The normal text, of a tree whose parent links are right. */
enum kmb_status json_tree_print(const struct json_node *root, struct buffer *out, struct kmb_error *error);
/* In quotes, with escapes. */
void json_print_string(struct slice text, struct buffer *out);
/* Order of jsonb's keys: shorter first, then bytes. */
int json_key_compare(struct slice a, struct slice b);

#endif
