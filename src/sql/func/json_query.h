/*
 * SQL/JSON paths: '$.a[*] ? (@.b > 1)'. Read once into a tree of steps, then followed through JSON values.
 */
#ifndef KMB_SQL_JSON_QUERY_H
#define KMB_SQL_JSON_QUERY_H

#include "sql/func/function.h"
#include "types/json_tree.h"

#define JSON_QUERY_DEPTH_MAX  400                 /* of a path's own nesting */
#define JSON_QUERY_LEVELS_MAX UINT32_MAX          /* of .**: the innermost */
#define JSON_QUERY_STEPS_MAX  UINT64_C(100000000) /* taken for one value: .** in .** grows fast */

enum json_query_kind {
    JSON_QUERY_ROOT,    /* $ */
    JSON_QUERY_CURRENT, /* @ */
    JSON_QUERY_LAST,
    JSON_QUERY_LITERAL,  /* literal */
    JSON_QUERY_VARIABLE, /* text */
    JSON_QUERY_KEY,      /* .text */
    JSON_QUERY_ANY_KEY,
    JSON_QUERY_ANY_ELEMENT,
    JSON_QUERY_INDEX,  /* [left to right], and the next subscript at `more` */
    JSON_QUERY_ANY,    /* .**{first to last} */
    JSON_QUERY_FILTER, /* ? (left) */
    JSON_QUERY_TYPE,
    JSON_QUERY_SIZE,
    JSON_QUERY_ABS,
    JSON_QUERY_FLOOR,
    JSON_QUERY_CEILING,
    JSON_QUERY_DOUBLE,
    JSON_QUERY_KEYVALUE,
    JSON_QUERY_DATETIME, /* text: its template, templated */
    JSON_QUERY_ADD,
    JSON_QUERY_SUBTRACT,
    JSON_QUERY_MULTIPLY,
    JSON_QUERY_DIVIDE,
    JSON_QUERY_MODULO,
    JSON_QUERY_PLUS,
    JSON_QUERY_MINUS,
    /* predicates, from here on */
    JSON_QUERY_AND,
    JSON_QUERY_OR,
    JSON_QUERY_NOT,
    JSON_QUERY_UNKNOWN, /* is unknown */
    JSON_QUERY_EXISTS,
    JSON_QUERY_EQUAL,
    JSON_QUERY_NOT_EQUAL,
    JSON_QUERY_LESS,
    JSON_QUERY_LESS_EQUAL,
    JSON_QUERY_GREATER,
    JSON_QUERY_GREATER_EQUAL,
    JSON_QUERY_STARTS,
    JSON_QUERY_LIKE, /* left like_regex text flag flags */
};

struct json_query_step {
    enum json_query_kind kind;
    uint32_t first;
    uint32_t last;
    struct json_query_step *left;
    struct json_query_step *right;
    struct json_query_step *more; /* the next subscript in the same brackets */
    struct json_query_step *next; /* what is done with each value that this one gives */
    struct slice text;
    bool templated;
    struct slice flags; /* as regex_compile() takes them */
    struct json_node *literal;
};

struct json_query {
    struct json_query_step *root;
    bool strict;
    bool places; /* of containers are asked for */
    bool zones;  /* the session's time zone may be asked: functions in _tz */
};

static inline bool json_query_is_predicate(const struct json_query_step *step) {
    return step->kind >= JSON_QUERY_AND && step->next == NULL;
}

/* What a path leads to, in order. */
struct json_query_item {
    struct json_query_item *next;
    const struct json_node *node;
};

struct json_query_list {
    struct json_query_item *first;
    struct json_query_item **end;
    uint64_t count;
};

enum json_query_found { JSON_QUERY_FOUND_NONE, JSON_QUERY_FOUND_SOME, JSON_QUERY_FOUND_ERROR };

static inline struct json_query_list json_query_list_make(void) {
    return (struct json_query_list){0};
}

static inline const struct json_node *json_query_single(const struct json_query_list *list) {
    return list->count == 1 ? list->first->node : NULL;
}

/* Says of each container in a value where it would stand in PostgreSQL's binary form. */
void json_lay_out(struct json_node *root);

/* 42601, 22P02 for what is no path. Lives in call->arena. */
struct json_query json_query_parse(const struct sql_call *call, struct slice text);
/* Follows the path through the target, jsonb as text. variables NULL: none. silent: errors of the kind that the
 * standard names are an answer and not raised. list NULL: whether there is anything is all that is asked. */
enum json_query_found json_query_run(const struct sql_call *call, const struct json_query *query, struct slice target,
                                     const struct slice *variables, bool silent, struct json_query_list *list);

#endif
