/*
 * Types of expressions: names of types, casts, and the one type that several expressions share.
 *
 * The rules are those of PostgreSQL's manual, chapter 10. A string literal and a NULL have no type of their own
 * (TYPE_UNKNOWN) until a place gives them one; the literal is then read by that type's input rules at once, so a bad
 * date is an error of the statement, at the literal. A parameter without a type takes the first one a place gives it.
 */
#include "base/assert.h"
#include "sql/bind/domain.h"
#include "sql/object.h"
#include "sql/type_text.h"

const char *bind_type_text(struct bind *bind, struct type type) {
    return type.id == TYPE_UNKNOWN ? "unknown" : sql_type_text(bind->context, type);
}

bool bind_type_preferred(enum type_id type) {
    return type == TYPE_BOOL || type == TYPE_FLOAT8 || type == TYPE_TEXT || type == TYPE_TIMESTAMPTZ ||
           type == TYPE_INTERVAL || type == TYPE_OID;
}

/* --- type names --- */

static int32_t type_modifier_argument(struct bind *bind, const PgQuery__Node *node) {
    if (node->node_case == PG_QUERY__NODE__NODE_A_CONST && node->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL) {
        return node->a_const->ival->ival;
    }
    if (node->node_case == PG_QUERY__NODE__NODE_A_EXPR && node->a_expr->lexpr == NULL && node->a_expr->rexpr != NULL &&
        node->a_expr->rexpr->node_case == PG_QUERY__NODE__NODE_A_CONST &&
        node->a_expr->rexpr->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL &&
        strcmp(bind_string(node->a_expr->name[0]), "-") == 0) {
        return -node->a_expr->rexpr->a_const->ival->ival; /* numeric(5, -2) */
    }
    sql_raise(bind->context, KMB_SYNTAX, bind_node_position(node),
              "type modifiers must be simple constants or identifiers");
}

/* INTERVAL's modifiers: its fields, then a precision, which PostgreSQL reduces to 6 with a warning. */
static struct type type_of_interval(const int32_t *modifiers, uint32_t count) {
    int32_t fields = count == 0 || modifiers[0] == TYPE_INTERVAL_ALL ? 0 : modifiers[0];
    int32_t digits = count < 2 ? -1 : modifiers[1] > 6 ? 6 : modifiers[1];
    return type_with(TYPE_INTERVAL, type_modifier_interval(fields, digits));
}

/* A type of the user's; NULL: the name is none. PostgreSQL's own names come first, where no schema is written. */
static const struct table_definition *own_type(struct bind *bind, const PgQuery__TypeName *name) {
    enum type_id id;
    const char *last = bind_string(name->names[name->n_names - 1]);
    if (name->n_names > 2 || (name->n_names == 1 && type_of_name(slice_text(last), &id))) {
        return NULL;
    }
    const struct table_definition *own = bind_find_type(bind, bind_own_name(bind, name->names, name->n_names));
    if (own != NULL && bind->spell_names && name->n_names == 1) { /* what is kept means the same under any path */
        PgQuery__TypeName *mutable = (PgQuery__TypeName *)(uintptr_t)name;
        PgQuery__Node **names = sql_alloc(bind->context, 2 * sizeof(*names));
        names[0] = bind_string_node(bind->context, bind_text(bind->context, own->schema_name));
        names[1] = name->names[0];
        mutable->names = names;
        mutable->n_names = 2;
    }
    return own;
}

static struct type own_type_use(struct bind *bind, const struct table_definition *own, const PgQuery__TypeName *name) {
    struct type type = definition_type(own);
    uint32_t position = bind_location(name->location);
    if (name->n_typmods > 0) {
        sql_raise(bind->context, KMB_SYNTAX, position, "type modifier is not allowed for type \"%s\"",
                  bind_type_text(bind, type));
    }
    if (name->n_array_bounds > 0 && type.domain != 0) {
        sql_raise_unsupported(bind->context, position, "an array of a domain");
    }
    if (name->n_array_bounds > 0) {
        type.id = type_array_of(type.id);
    }
    return type;
}

struct type bind_type_name(struct bind *bind, const PgQuery__TypeName *name) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(name->location);
    if (name->setof || name->pct_type) {
        sql_raise_unsupported(context, position, name->setof ? "SETOF" : "%%TYPE");
    }
    ASSERT(name->n_names > 0);
    const char *last = bind_string(name->names[name->n_names - 1]);
    const struct table_definition *own = own_type(bind, name);
    if (own != NULL) {
        return own_type_use(bind, own, name);
    }
    if (name->n_names > 1 && (name->n_names > 2 || strcmp(bind_string(name->names[0]), SQL_SCHEMA_SYSTEM) != 0)) {
        bind_no_type(bind, bind_own_name(bind, name->names, name->n_names), position);
    }
    if (strcmp(last, "char") == 0) { /* only in quotes: the grammar calls CHAR bpchar */
        last = "\"char\"";
    }
    enum type_id id;
    if (!type_of_name(slice_text(last), &id)) {
        static const char *const known[] = {
            "bit",     "varbit",      "money",     "xml",           "point",        "line",     "box",
            "path",    "polygon",     "circle",    "inet",          "cidr",         "macaddr",  "tsvector",
            "tsquery", "int4range",   "int8range", "numrange",      "daterange",    "tsrange",  "tstzrange",
            "timetz",  "serial",      "bigserial", "smallserial",   "serial4",      "serial8",  "serial2",
            "xid",     "xid8",        "cid",       "tid",           "pg_lsn",       "regproc",  "regprocedure",
            "regoper", "regoperator", "regconfig", "regdictionary", "regcollation", "macaddr8", "int4multirange"};
        if (strcmp(last, "jsonpath") == 0) {
            sql_raise_with(context, KMB_UNSUPPORTED, position, NULL, "A path is a text here: leave the type out.",
                           "type jsonpath is not supported");
        }
        for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
            if (strcmp(known[i], last) == 0) {
                sql_raise_unsupported(context, position, "type %s", last);
            }
        }
        sql_raise(context, KMB_UNDEFINED_OBJECT, position, "type \"%s\" does not exist", last);
    }
    int32_t modifiers[4];
    if (name->n_typmods > ARRAY_LENGTH(modifiers)) {
        sql_raise(context, KMB_SYNTAX, position, "too many type modifiers");
    }
    for (size_t i = 0; i < name->n_typmods; i++) {
        modifiers[i] = type_modifier_argument(bind, name->typmods[i]);
    }
    struct type type;
    if (id == TYPE_INTERVAL) {
        type = type_of_interval(modifiers, (uint32_t)name->n_typmods);
    } else {
        enum kmb_status status = type_build(id, modifiers, (uint32_t)name->n_typmods, &type, context->error);
        if (status != KMB_OK) {
            sql_raise_status(context, status, position);
        }
    }
    if (name->n_array_bounds > 0 && !type_is_array(type.id) && type.id != TYPE_UNKNOWN) {
        type.id = type_array_of(type.id); /* of any number of dimensions, whatever is written */
    }
    return type;
}

void bind_refuse_objects(struct bind *bind, struct type type, uint32_t position) {
    if (type_is_object(type_element(type.id))) {
        sql_raise_unsupported(bind->context, position, "a column of type %s", bind_type_text(bind, type));
    }
}

struct type bind_column_type(struct bind *bind, const PgQuery__TypeName *name) {
    struct type type = bind_type_name(bind, name);
    bind_refuse_objects(bind, type, bind_location(name->location));
    return type;
}

/* --- casts --- */

bool bind_can_coerce(enum type_id from, enum type_id to, enum sql_cast_context cast_context) {
    return from == to || from == TYPE_UNKNOWN || to == TYPE_ANY || bind_is_polymorphic(to) ||
           sql_cast_find(from, to, cast_context) != NULL;
}

bool bind_literal_moves(struct slice text) {
    static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        size_t length = strlen(words[i]);
        for (size_t at = 0; at + length <= text.length; at++) {
            if (strncasecmp((const char *)text.bytes + at, words[i], length) == 0) {
                return true;
            }
        }
    }
    return false;
}

static const struct expr *coerce_literal(struct bind *bind, const struct expr *expr, struct type type,
                                         bool explicit_cast) {
    struct sql_context *context = bind->context;
    struct expr *copy = sql_alloc(context, sizeof(*copy));
    *copy = *expr;
    copy->type = type;
    if (expr->value.is_null) {
        copy->value = value_null(type.id);
        return copy;
    }
    if (type_kind(type_element(type.id)) == TYPE_ENUM) {
        copy->value = bind_label(bind, type.id, expr->value.as.bytes, expr->position);
        bind_note_label(bind, &copy->value, expr->position);
        return copy;
    }
    if (type_is_object(type.id)) {
        int64_t oid = 0;
        (void)sql_object_of_text(context, bind_present(bind), type.id, expr->value.as.bytes, true, expr->position,
                                 &oid);
        copy->value = sql_object_of_oid(context, bind_present(bind), type.id, oid, &context->arena);
        return copy;
    }
    struct datetime_context when = sql_datetime(context);
    enum type_id base = type_element(type.id);
    bool moment = base == TYPE_DATE || base == TYPE_TIME || base == TYPE_TIMESTAMP || base == TYPE_TIMESTAMPTZ;
    /* An assignment refuses text that is too long, an explicit cast cuts it: read unmodified, then apply. An interval's
     * fields say how to read. */
    struct value plain;
    enum kmb_status status = value_parse(type.id == TYPE_INTERVAL ? type : type_make(type.id), expr->value.as.bytes,
                                         &when, &context->arena, &plain, context->error);
    if (status == KMB_OK && type.modifier >= 0) {
        status = value_apply_modifier(type, explicit_cast, &plain, &context->arena, &plain, context->error);
    } else if (status == KMB_OK && type.id == TYPE_TINYINT) {
        status = value_apply_modifier(type, explicit_cast, &plain, &context->arena, &plain, context->error);
    }
    if (status != KMB_OK) {
        sql_raise_status(context, status, expr->position);
    }
    bind->time_dependent = bind->time_dependent || (moment && bind_literal_moves(expr->value.as.bytes));
    copy->value = plain;
    return copy;
}

static const struct expr *coerce_parameter(struct bind *bind, const struct expr *expr, struct type type) {
    ASSERT(expr->column < bind->parameter_count);
    struct type *slot = &bind->parameter_types[expr->column];
    if (slot->id == TYPE_UNKNOWN) {
        *slot = type_make(type.id);
    } else if (slot->id != type.id) {
        sql_raise_with(
            bind->context, KMB_AMBIGUOUS_PARAMETER, expr->position,
            sql_printf(bind->context, "%s versus %s", bind_type_text(bind, *slot), bind_type_text(bind, type)), NULL,
            "inconsistent types deduced for parameter $%u", expr->column + 1);
    }
    struct expr *copy = sql_alloc(bind->context, sizeof(*copy));
    *copy = *expr;
    copy->type = type_make(type.id);
    return copy;
}

static const struct expr *coerce_call(struct bind *bind, const struct expr *expr, const struct sql_function *function,
                                      struct type type, bool explicit_cast, uint32_t position) {
    struct expr *call = sql_alloc_zero(bind->context, 1, sizeof(*call));
    call->kind = EXPR_CALL;
    call->type = type;
    call->position = position;
    call->function = function;
    call->explicit_cast = explicit_cast;
    call->arguments = sql_alloc(bind->context, 2 * sizeof(*call->arguments));
    call->arguments[0] = expr;
    call->argument_count = 1;
    if (function->labels) {
        call->arguments[call->argument_count++] = bind_labels(bind, type.id);
    }
    return call;
}

const struct expr *bind_unheld(struct bind *bind, const struct expr *text) {
    const struct sql_function *function = sql_cast_find(TYPE_TEXT, TYPE_NUMERIC, SQL_CAST_EXPLICIT);
    struct expr *call = sql_alloc(bind->context, sizeof(*call));
    ASSERT(function != NULL);
    *call = *coerce_call(bind, text, function, type_make(TYPE_NUMERIC), true, text->position);
    call->unheld = true;
    return call;
}

/* varchar(3)::varchar has no length any more. A call keeps the one that it cuts its result to, and another goes around
 * it that cuts to none. */
static const struct expr *coerce_relabel(struct bind *bind, const struct expr *expr, struct type type) {
    if (expr->kind == EXPR_COLUMN || expr->kind == EXPR_PARAMETER) {
        return expr;
    }
    if (expr->kind == EXPR_CONSTANT) {
        struct expr *copy = sql_alloc(bind->context, sizeof(*copy));
        *copy = *expr;
        copy->type = type;
        return copy;
    }
    const struct sql_function *function = sql_cast_find(type.id, type.id, SQL_CAST_EXPLICIT);
    return function == NULL ? expr : coerce_call(bind, expr, function, type, true, expr->position);
}

const struct expr *bind_coerce(struct bind *bind, const struct expr *expr, struct type type,
                               enum sql_cast_context cast_context, uint32_t position) {
    bool explicit_cast = cast_context == SQL_CAST_EXPLICIT;
    if (type.id == TYPE_ANY) {
        return expr;
    }
    if (type.domain != 0) {
        bool is = expr->type.domain == type.domain && expr->type.id == type.id;
        return is ? expr : bind_to_domain(bind, expr, type, cast_context, position);
    }
    if (explicit_cast && expr->type.domain != 0) {
        expr = bind_relabel(bind, expr, type_with(expr->type.id, expr->type.modifier));
    }
    if (expr->type.id == TYPE_UNKNOWN) {
        if (type.id == TYPE_UNKNOWN) {
            return expr;
        }
        if (expr->kind == EXPR_CONSTANT) {
            return coerce_literal(bind, expr, type, explicit_cast);
        }
        if (expr->kind == EXPR_PARAMETER && type_is_object(type.id)) { /* by its text, when it is run */
            expr = coerce_parameter(bind, expr, type_make(TYPE_TEXT));
        } else if (expr->kind == EXPR_PARAMETER) {
            expr = coerce_parameter(bind, expr, type);
        }
    }
    if (expr->unheld && (type.id == TYPE_FLOAT4 || type.id == TYPE_FLOAT8)) {
        return coerce_literal(bind, expr->arguments[0], type, explicit_cast);
    }
    if (expr->type.id == type.id && (type.modifier < 0 || type.modifier == expr->type.modifier)) {
        bool relabel = type.modifier < 0 && expr->type.modifier >= 0 && explicit_cast;
        return relabel ? coerce_relabel(bind, expr, type) : expr;
    }
    bool labels = type_kind(type_element(type.id)) == TYPE_ENUM;
    const struct sql_function *function = sql_cast_find(expr->type.id, type.id, cast_context);
    if (function == NULL) {
        return NULL;
    }
    if (labels && type_is_array(expr->type.id)) { /* by its text */
        expr = bind_coerce(bind, expr, type_make(TYPE_TEXT), SQL_CAST_ASSIGNMENT, position);
        function = sql_cast_find(TYPE_TEXT, type_element(type.id), SQL_CAST_EXPLICIT);
    } else if (labels && type_is_array(type.id)) {
        function = sql_cast_find(TYPE_TEXT, type_element(type.id), SQL_CAST_EXPLICIT);
    }
    return coerce_call(bind, expr, function, type, explicit_cast, position == 0 ? expr->position : position);
}

const struct expr *bind_cast(struct bind *bind, const struct expr *expr, struct type type, uint32_t position) {
    const struct expr *cast = bind_coerce(bind, expr, type, SQL_CAST_EXPLICIT, expr->position);
    if (cast == NULL) {
        sql_raise(bind->context, KMB_CANNOT_COERCE, position, "cannot cast type %s to %s",
                  bind_type_text(bind, expr->type), bind_type_text(bind, type));
    }
    return cast;
}

const struct expr *bind_assign(struct bind *bind, const struct expr *expr, struct type type, const char *column) {
    bool row = bind_is_record(expr); /* of which a text takes the text */
    const struct expr *cast =
        row && !type_is_string(type.id) ? NULL : bind_coerce(bind, expr, type, SQL_CAST_ASSIGNMENT, 0);
    if (cast == NULL) {
        sql_raise_with(bind->context, KMB_DATATYPE_MISMATCH, expr->position, NULL,
                       "You will need to rewrite or cast the expression.",
                       "column \"%s\" is of type %s but expression is of type %s", column, bind_type_text(bind, type),
                       row ? "record" : bind_type_text(bind, expr->type));
    }
    return cast;
}

/* --- common type: select_common_type() of PostgreSQL --- */

bool bind_common_take(enum type_id *common, enum type_id next) {
    if (next == TYPE_UNKNOWN || next == *common) {
        return true;
    }
    if (*common == TYPE_UNKNOWN) {
        *common = next;
        return true;
    }
    bool forth = bind_can_coerce(*common, next, SQL_CAST_IMPLICIT);
    bool back = bind_can_coerce(next, *common, SQL_CAST_IMPLICIT);
    if (type_category_of(next) != type_category_of(*common) ||
        (type_category_of(next) == TYPE_CATEGORY_OTHER && !forth && !back)) {
        return false;
    }
    *common = !bind_type_preferred(*common) && forth && !back ? next : *common;
    return true;
}

struct type bind_common_type(struct bind *bind, const struct expr *const *list, uint32_t count, const char *construct) {
    enum type_id common = TYPE_UNKNOWN;
    for (uint32_t i = 0; i < count; i++) {
        enum type_id next = list[i]->type.id;
        if (!bind_common_take(&common, next)) {
            sql_raise(bind->context, KMB_DATATYPE_MISMATCH, list[i]->position, "%s types %s and %s cannot be matched",
                      construct, bind_type_text(bind, type_make(common)), bind_type_text(bind, type_make(next)));
        }
    }
    if (common == TYPE_UNKNOWN) {
        return type_make(TYPE_TEXT);
    }
    struct type type = list[0]->type;
    for (uint32_t i = 0; i < count; i++) {
        if (list[i]->type.id != common || list[i]->type.modifier != type.modifier) {
            return type_make(common);
        }
        type.domain = list[i]->type.domain == type.domain ? type.domain : 0;
    }
    return type; /* of a domain where all are */
}

const struct expr *bind_to_common(struct bind *bind, const struct expr *expr, struct type type, const char *construct) {
    const struct expr *cast = bind_coerce(bind, expr, type_make(type.id), SQL_CAST_IMPLICIT, 0);
    if (cast == NULL) {
        sql_raise(bind->context, KMB_CANNOT_COERCE, expr->position, "%s could not convert type %s to %s", construct,
                  bind_type_text(bind, expr->type), bind_type_text(bind, type));
    }
    return cast;
}

const struct expr *bind_resolve_unknown(struct bind *bind, const struct expr *expr) {
    if (expr->type.id != TYPE_UNKNOWN) {
        return expr;
    }
    return bind_coerce(bind, expr, type_make(TYPE_TEXT), SQL_CAST_IMPLICIT, 0);
}
