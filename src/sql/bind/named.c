/*
 * Arguments by name: make_interval(days => 10).
 *
 * The functions that have names for their parameters are few, and only make_interval and those of JSON paths may leave
 * out one before another that is given. So the names stand here, by function, and what is left out in the middle takes
 * its default as if it were written; what is left out at the end is a shorter call, which the function table has.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

#define PARAMETERS_MAX 7

struct parameter {
    const char *name;
    const char *preset; /* text of the value where it is left out before another; NULL: it may not be */
};

struct named_function {
    const char *name;
    struct parameter parameters[PARAMETERS_MAX];
};

/* clang-format off */
static const struct named_function named_functions[] = {
    {"make_interval", {{"years", "0"}, {"months", "0"}, {"weeks", "0"}, {"days", "0"}, {"hours", "0"}, {"mins", "0"},
                       {"secs", "0"}}},
    {"make_date", {{"year", NULL}, {"month", NULL}, {"day", NULL}}},
    {"make_time", {{"hour", NULL}, {"min", NULL}, {"sec", NULL}}},
    {"make_timestamp", {{"year", NULL}, {"month", NULL}, {"mday", NULL}, {"hour", NULL}, {"min", NULL}, {"sec", NULL}}},
    {"make_timestamptz", {{"year", NULL}, {"month", NULL}, {"mday", NULL}, {"hour", NULL}, {"min", NULL}, {"sec", NULL},
                          {"timezone", NULL}}},
    {"jsonb_set", {{"jsonb_in", NULL}, {"path", NULL}, {"replacement", NULL}, {"create_if_missing", NULL}}},
    {"jsonb_insert", {{"jsonb_in", NULL}, {"path", NULL}, {"replacement", NULL}, {"insert_after", NULL}}},
    {"json_array_elements", {{"from_json", NULL}}},
    {"json_array_elements_text", {{"from_json", NULL}}},
    {"jsonb_array_elements", {{"from_json", NULL}}},
    {"jsonb_array_elements_text", {{"from_json", NULL}}},
    {"json_each", {{"from_json", NULL}}},
    {"json_each_text", {{"from_json", NULL}}},
    {"jsonb_each", {{"from_json", NULL}}},
    {"jsonb_each_text", {{"from_json", NULL}}},
    {"jsonb_path_exists", {{"target", NULL}, {"path", NULL}, {"vars", "{}"}, {"silent", NULL}}},
    {"jsonb_path_exists_tz", {{"target", NULL}, {"path", NULL}, {"vars", "{}"}, {"silent", NULL}}},
    {"jsonb_path_match", {{"target", NULL}, {"path", NULL}, {"vars", "{}"}, {"silent", NULL}}},
    {"jsonb_path_match_tz", {{"target", NULL}, {"path", NULL}, {"vars", "{}"}, {"silent", NULL}}},
    {"jsonb_path_query", {{"target", NULL}, {"path", NULL}, {"vars", "{}"}, {"silent", NULL}}},
    {"jsonb_path_query_tz", {{"target", NULL}, {"path", NULL}, {"vars", "{}"}, {"silent", NULL}}},
    {"jsonb_path_query_array", {{"target", NULL}, {"path", NULL}, {"vars", "{}"}, {"silent", NULL}}},
    {"jsonb_path_query_array_tz", {{"target", NULL}, {"path", NULL}, {"vars", "{}"}, {"silent", NULL}}},
    {"jsonb_path_query_first", {{"target", NULL}, {"path", NULL}, {"vars", "{}"}, {"silent", NULL}}},
    {"jsonb_path_query_first_tz", {{"target", NULL}, {"path", NULL}, {"vars", "{}"}, {"silent", NULL}}},
};
/* clang-format on */

static const struct named_function *function_of(const char *name) {
    for (size_t i = 0; i < ARRAY_LENGTH(named_functions); i++) {
        if (strcmp(named_functions[i].name, name) == 0) {
            return &named_functions[i];
        }
    }
    return NULL;
}

/* The place of a parameter; PARAMETERS_MAX: there is none of that name. */
static uint32_t place_of(const struct named_function *function, const char *name) {
    uint32_t place = 0;
    while (place < PARAMETERS_MAX && (function == NULL || function->parameters[place].name == NULL ||
                                      strcmp(function->parameters[place].name, name) != 0)) {
        place++;
    }
    return place;
}

static const PgQuery__NamedArgExpr *named(const PgQuery__Node *node) {
    return node->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR ? node->named_arg_expr : NULL;
}

static bool any_named(const PgQuery__FuncCall *call) {
    for (size_t i = 0; i < call->n_args; i++) {
        if (named(call->args[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* No function takes the arguments by these names. */
static _Noreturn void raise_names(struct bind *bind, const PgQuery__FuncCall *call, const char *name,
                                  const struct expr *const *arguments) {
    const char *types = "";
    for (size_t i = 0; i < call->n_args; i++) {
        const PgQuery__NamedArgExpr *argument = named(call->args[i]);
        types =
            sql_printf(bind->context, "%s%s%s%s%s", types, i > 0 ? ", " : "", argument == NULL ? "" : argument->name,
                       argument == NULL ? "" : " => ", bind_type_text(bind, arguments[i]->type));
    }
    sql_raise_with(bind->context, KMB_UNDEFINED_FUNCTION, bind_location(call->location), NULL,
                   "No function matches the given name and argument types. You might need to add explicit type casts.",
                   "function %s(%s) does not exist", name, types);
}

static void check_names(struct bind *bind, const PgQuery__FuncCall *call) {
    bool found = false;
    for (size_t i = 0; i < call->n_args; i++) {
        const PgQuery__NamedArgExpr *argument = named(call->args[i]);
        if (argument == NULL && found) {
            sql_raise(bind->context, KMB_SYNTAX, bind_node_position(call->args[i]),
                      "positional argument cannot follow named argument");
        }
        found = found || argument != NULL;
        for (size_t k = 0; k < i && argument != NULL; k++) {
            const PgQuery__NamedArgExpr *other = named(call->args[k]);
            if (other != NULL && strcmp(other->name, argument->name) == 0) {
                sql_raise(bind->context, KMB_SYNTAX, bind_location(argument->location),
                          "argument name \"%s\" used more than once", argument->name);
            }
        }
    }
}

/* An untyped literal, as if it stood in the call. */
static const struct expr *preset(struct bind *bind, const char *text, uint32_t position) {
    struct expr *literal = sql_alloc_zero(bind->context, 1, sizeof(*literal));
    literal->kind = EXPR_CONSTANT;
    literal->type = type_make(TYPE_UNKNOWN);
    literal->value = value_bytes(TYPE_UNKNOWN, slice_text(text));
    literal->position = position;
    return literal;
}

/* The arguments in the order of the parameters. */
static uint32_t put_in_order(struct bind *bind, const PgQuery__FuncCall *call, const char *name,
                             const struct expr **arguments) {
    const struct named_function *function = function_of(name);
    const struct expr *placed[PARAMETERS_MAX] = {0};
    uint32_t count = 0;
    for (size_t i = 0; i < call->n_args; i++) {
        const PgQuery__NamedArgExpr *argument = named(call->args[i]);
        uint32_t place = argument != NULL ? place_of(function, argument->name) : (uint32_t)i;
        if (place >= PARAMETERS_MAX || placed[place] != NULL) {
            raise_names(bind, call, name, arguments);
        }
        placed[place] = arguments[i];
        count = place + 1 > count ? place + 1 : count;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *text = function == NULL ? NULL : function->parameters[i].preset;
        if (placed[i] == NULL && text == NULL) {
            raise_names(bind, call, name, arguments);
        }
        placed[i] = placed[i] != NULL ? placed[i] : preset(bind, text, bind_location(call->location));
    }
    memcpy(arguments, placed, count * sizeof(*arguments));
    return count;
}

uint32_t bind_arguments(const struct bind_scope *scope, const PgQuery__FuncCall *call, const char *name,
                        const struct expr ***arguments) {
    struct bind *bind = scope->bind;
    bool names = any_named(call);
    *arguments = sql_alloc(bind->context, (call->n_args + PARAMETERS_MAX) * sizeof(**arguments));
    if (names) {
        check_names(bind, call);
    }
    enum bind_rows rows = bind->rows;
    for (size_t i = 0; i < call->n_args; i++) {
        const PgQuery__NamedArgExpr *argument = named(call->args[i]);
        const PgQuery__Node *node = argument != NULL ? argument->arg : call->args[i];
        bind->rows = bind_rows_within(name, node);
        (*arguments)[i] = bind_expression(scope, node);
    }
    bind->rows = rows;
    return names ? put_in_order(bind, call, name, *arguments) : (uint32_t)call->n_args;
}

void bind_refuse_names(const struct bind_scope *scope, const PgQuery__FuncCall *call, const char *name) {
    const struct expr **arguments;
    if (any_named(call)) {
        (void)bind_arguments(scope, call, name, &arguments);
        raise_names(scope->bind, call, name, arguments);
    }
}
