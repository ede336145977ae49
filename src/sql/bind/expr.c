/*
 * Operations on bound expressions: walk, compare, substitute, print.
 *
 * Trees are immutable and shared; substitution copies only what lies above a changed leaf. Printing follows
 * PostgreSQL's ruleutils (every operator in parentheses, constants with their type where the text alone would not
 * tell it), because EXPLAIN shows it.
 */
#include "sql/bind/expr.h"

#include <math.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/map.h"
#include "sql/context.h"
#include "sql/func/array.h"
#include "sql/func/json_path.h"
#include "sql/func/function.h"
#include "sql/plan/plan.h"
#include "sql/type_text.h"

bool expr_walk(const struct expr *expr, bool (*visit)(const struct expr *node, void *context), void *context) {
    if (!visit(expr, context)) {
        return false;
    }
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        if (!expr_walk(expr->arguments[i], visit, context)) {
            return false;
        }
    }
    return true;
}

static bool constant_equal(const struct expr *a, const struct expr *b) {
    if (a->value.is_null || b->value.is_null) {
        return a->value.is_null == b->value.is_null;
    }
    /* 1.0 and 1.00 compare equal but print differently, and so on */
    const struct value *x = &a->value;
    const struct value *y = &b->value;
    if (type_is_array(x->type)) {
        return x->type == y->type && slice_equal(x->as.bytes, y->as.bytes);
    }
    switch ((int)x->type) {
    case TYPE_NUMERIC:
        if (x->as.decimal.scale != y->as.decimal.scale) {
            return false;
        }
        break;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        if (signbit(x->as.real) != signbit(y->as.real)) {
            return false;
        }
        break;
    case TYPE_INTERVAL:
        return x->as.interval.months == y->as.interval.months && x->as.interval.days == y->as.interval.days &&
               x->as.interval.us == y->as.interval.us;
    case TYPE_BPCHAR:
    case TYPE_JSON:
    case TYPE_JSONB:
        return slice_equal(x->as.bytes, y->as.bytes);
    default:
        break;
    }
    return value_compare(&a->value, &b->value) == 0;
}

bool expr_equal(const struct expr *a, const struct expr *b) {
    if (a == b) {
        return true;
    }
    if (a->kind != b->kind || !type_equal(a->type, b->type) || a->column != b->column || a->negated != b->negated ||
        a->truth != b->truth || a->function != b->function || a->subquery != b->subquery ||
        a->type.domain != b->type.domain || a->argument_count != b->argument_count || a->spread != b->spread ||
        a->explicit_cast != b->explicit_cast) {
        return false;
    }
    if (a->kind == EXPR_CONSTANT && !constant_equal(a, b)) {
        return false;
    }
    for (uint32_t i = 0; i < a->argument_count; i++) {
        if (!expr_equal(a->arguments[i], b->arguments[i])) {
            return false;
        }
    }
    return true;
}

static bool visit_constant(const struct expr *node, void *context) {
    (void)context;
    if (node->kind == EXPR_COLUMN || node->kind == EXPR_PARAMETER || node->kind == EXPR_SUBQUERY ||
        node->kind == EXPR_OUTER) {
        return false;
    }
    return node->kind != EXPR_CALL || node->function->volatility != SQL_VOLATILE;
}

static bool visit_no_column(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_COLUMN;
}

bool expr_has_column(const struct expr *expr) {
    return !expr_walk(expr, visit_no_column, NULL);
}

bool expr_is_constant(const struct expr *expr) {
    return expr_walk(expr, visit_constant, NULL);
}

struct column_set {
    uint64_t *words;
    uint32_t count;
    bool any;
};

static bool visit_columns(const struct expr *node, void *context) {
    struct column_set *set = context;
    if (node->kind == EXPR_COLUMN) {
        ASSERT(node->column < set->count);
        bitset_set(set->words, node->column);
        set->any = true;
    }
    return true;
}

bool expr_columns(const struct expr *expr, uint64_t *words, uint32_t column_count) {
    struct column_set set = {.words = words, .count = column_count};
    (void)expr_walk(expr, visit_columns, &set);
    return set.any;
}

const struct expr *expr_rewrite(struct sql_context *context, const struct expr *expr,
                                const struct expr *(*change)(const struct expr *node, void *object), void *object) {
    const struct expr *changed = change(expr, object);
    if (changed != NULL) {
        return changed;
    }
    struct expr *copy = NULL;
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        const struct expr *argument = expr_rewrite(context, expr->arguments[i], change, object);
        if (argument == expr->arguments[i]) {
            continue;
        }
        if (copy == NULL) {
            copy = sql_alloc(context, sizeof(*copy));
            *copy = *expr;
            copy->arguments = sql_alloc(context, expr->argument_count * sizeof(*copy->arguments));
            memcpy(copy->arguments, expr->arguments, expr->argument_count * sizeof(*copy->arguments));
        }
        copy->arguments[i] = argument;
    }
    return copy == NULL ? expr : copy;
}

/* What stands in the place of leaves. */
struct replacement {
    enum expr_kind kind;
    const struct expr *const *list;
    uint32_t count;
};

static const struct expr *replace(const struct expr *expr, void *object) {
    const struct replacement *replacement = object;
    if (expr->kind != replacement->kind) {
        return NULL;
    }
    bool given = expr->column < replacement->count && replacement->list[expr->column] != NULL;
    ASSERT(given || expr->kind == EXPR_PARAMETER);
    return given ? replacement->list[expr->column] : expr;
}

const struct expr *expr_substitute(struct sql_context *context, const struct expr *expr,
                                   const struct expr *const *mapping, uint32_t mapping_count) {
    return expr_rewrite(context, expr, replace, &(struct replacement){EXPR_COLUMN, mapping, mapping_count});
}

const struct expr *expr_fill(struct sql_context *context, const struct expr *expr, const struct expr *const *values,
                             uint32_t value_count) {
    return expr_rewrite(context, expr, replace, &(struct replacement){EXPR_PARAMETER, values, value_count});
}

/* --- text --- */

struct printer {
    struct sql_context *context;
    const char *const *names;
    uint32_t name_count;
    char *text; /* arena memory, doubled as needed */
    size_t length;
    size_t capacity;
};

static void print_bytes(struct printer *printer, const void *bytes, size_t count) {
    if (printer->length + count + 1 > printer->capacity) {
        size_t capacity = (printer->capacity + count + 64) * 2;
        char *grown = sql_alloc(printer->context, capacity);
        if (printer->length > 0) {
            memcpy(grown, printer->text, printer->length);
        }
        printer->text = grown;
        printer->capacity = capacity;
    }
    if (count > 0) {
        memcpy(printer->text + printer->length, bytes, count);
    }
    printer->length += count;
    printer->text[printer->length] = 0;
}

static void print(struct printer *printer, const char *text) {
    print_bytes(printer, text, strlen(text));
}

static void print_number(struct printer *printer, const char *before, uint32_t number, const char *after) {
    print(printer, sql_printf(printer->context, "%s%u%s", before, number, after));
}

static void print_expr(struct printer *printer, const struct expr *expr);

static void print_list(struct printer *printer, const struct expr *const *list, uint32_t count, const char *between) {
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            print(printer, between);
        }
        print_expr(printer, list[i]);
    }
}

static void print_quoted(struct printer *printer, struct slice text) {
    print(printer, "'");
    size_t from = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '\'') {
            print_bytes(printer, text.bytes + from, i + 1 - from);
            from = i;
        }
    }
    print_bytes(printer, text.length == 0 ? "" : (const char *)text.bytes + from, text.length - from);
    print(printer, "'");
}

static void release_buffer(void *object) {
    buffer_free(object);
}

/* The text of a value, in the arena. */
static struct slice value_plain(struct printer *printer, const struct value *value) {
    struct sql_context *context = printer->context;
    struct buffer *buffer = sql_alloc_zero(context, 1, sizeof(*buffer));
    sql_defer(context, release_buffer, buffer);
    value_print(value, NULL, buffer);
    if (!buffer_ok(buffer)) {
        sql_raise(context, KMB_NO_MEMORY, 0, "out of memory");
    }
    struct slice text = arena_dup_slice(&context->arena, buffer_slice(buffer));
    sql_release(context, buffer);
    return text;
}

static void print_constant(struct printer *printer, const struct expr *expr) {
    if (expr->value.is_null) {
        print(printer, "NULL::");
        print(printer, expr->type.id == TYPE_UNKNOWN ? "text" : sql_type_format(printer->context, expr->type));
        return;
    }
    if (expr->type.id == TYPE_BOOL) {
        print(printer, expr->value.as.boolean ? "true" : "false");
        return;
    }
    struct slice text = value_plain(printer, &expr->value);
    bool numeric = expr->type.id == TYPE_INT4 || expr->type.id == TYPE_NUMERIC;
    if (numeric && text.length > 0 && text.bytes[0] >= '0' && text.bytes[0] <= '9' && expr->type.modifier < 0) {
        print_bytes(printer, text.bytes, text.length);
        return;
    }
    print_quoted(printer, text);
    print(printer, "::");
    print(printer, expr->type.id == TYPE_UNKNOWN ? "unknown" : sql_type_format(printer->context, expr->type));
}

static void print_around(struct printer *printer, const struct expr *expr, const char *before, const char *between,
                         const char *after);

/* (a)[1][2], (a)[1:2] */
static void print_subscripts(struct printer *printer, const struct expr *expr) {
    bool slice = expr->function == array_operation(ARRAY_SLICE);
    bool plain = expr->arguments[0]->kind == EXPR_COLUMN;
    print(printer, plain ? "" : "(");
    print_expr(printer, expr->arguments[0]);
    print(printer, plain ? "" : ")");
    for (uint32_t i = 1; i < expr->argument_count; i++) {
        bool second = slice && i % 2 == 0;
        print(printer, second ? ":" : "[");
        if (expr->arguments[i]->type.id != TYPE_UNKNOWN) {
            print_expr(printer, expr->arguments[i]);
        }
        print(printer, slice && !second ? "" : "]");
    }
}

static void print_call(struct printer *printer, const struct expr *expr) {
    const struct sql_function *function = expr->function;
    if (function->class == SQL_FUNCTION_CAST) {
        const struct expr *argument = expr->arguments[0];
        bool plain = argument->kind == EXPR_CALL && argument->function->class == SQL_FUNCTION_SCALAR;
        print(printer, plain ? "" : "(");
        print_expr(printer, argument);
        print(printer, plain ? "::" : ")::");
        print(printer, sql_type_format(printer->context, expr->type));
    } else if (function == array_operation(ARRAY_MAKE)) {
        print_around(printer, expr, "ARRAY[", ", ", "]");
    } else if (function == array_operation(ARRAY_SUBSCRIPT) || function == array_operation(ARRAY_SLICE) ||
               function == json_subscript() || function == object_name_subscript()) {
        print_subscripts(printer, expr);
    } else if (function->class == SQL_FUNCTION_OPERATOR) {
        print(printer, "(");
        if (expr->argument_count == 2) {
            print_expr(printer, expr->arguments[0]);
            print(printer, " ");
        }
        print(printer, function->name);
        print(printer, " ");
        print_expr(printer, expr->arguments[expr->argument_count - 1]);
        print(printer, ")");
    } else {
        print(printer, function->name);
        print(printer, "(");
        if (expr->spread) {
            print_list(printer, expr->arguments, expr->argument_count - 1, ", ");
            print(printer, expr->argument_count > 1 ? ", VARIADIC " : "VARIADIC ");
            print_expr(printer, expr->arguments[expr->argument_count - 1]);
        } else {
            print_list(printer, expr->arguments, expr->argument_count, ", ");
        }
        print(printer, ")");
    }
}

static void print_case(struct printer *printer, const struct expr *expr) {
    print(printer, "CASE");
    for (uint32_t i = 0; i + 1 < expr->argument_count; i += 2) {
        print(printer, " WHEN ");
        print_expr(printer, expr->arguments[i]);
        print(printer, " THEN ");
        print_expr(printer, expr->arguments[i + 1]);
    }
    print(printer, " ELSE ");
    print_expr(printer, expr->arguments[expr->argument_count - 1]);
    print(printer, " END");
}

static void print_in_list(struct printer *printer, const struct expr *expr) {
    print(printer, "(");
    print_expr(printer, expr->arguments[0]);
    print(printer, expr->negated ? " <> ALL (" : " = ANY (");
    bool constants = true;
    for (uint32_t i = 1; i < expr->argument_count; i++) {
        constants = constants && expr->arguments[i]->kind == EXPR_CONSTANT;
    }
    if (constants) {
        print(printer, "'{");
        for (uint32_t i = 1; i < expr->argument_count; i++) {
            print(printer, i > 1 ? "," : "");
            const struct value *value = &expr->arguments[i]->value;
            struct slice text = value->is_null ? slice_text("NULL") : value_plain(printer, value);
            print_bytes(printer, text.bytes, text.length);
        }
        print(printer, "}'::");
        print(printer, sql_type_format(printer->context, expr->arguments[1]->type));
        print(printer, "[]");
    } else {
        print(printer, "ARRAY[");
        print_list(printer, expr->arguments + 1, expr->argument_count - 1, ", ");
        print(printer, "]");
    }
    print(printer, "))");
}

static void print_any_array(struct printer *printer, const struct expr *expr) {
    print(printer, "(");
    print_expr(printer, expr->arguments[0]);
    print(printer, " ");
    print(printer, expr->function->name);
    print(printer, expr->negated ? " ALL (" : " ANY (");
    print_expr(printer, expr->arguments[1]);
    print(printer, "))");
}

static void print_around(struct printer *printer, const struct expr *expr, const char *before, const char *between,
                         const char *after) {
    print(printer, before);
    print_list(printer, expr->arguments, expr->argument_count, between);
    print(printer, after);
}

static const char *truth_text(const struct expr *expr) {
    static const char *const texts[2][3] = {{" IS TRUE)", " IS FALSE)", " IS UNKNOWN)"},
                                            {" IS NOT TRUE)", " IS NOT FALSE)", " IS NOT UNKNOWN)"}};
    return texts[expr->negated][expr->truth];
}

static void print_column(struct printer *printer, const struct expr *expr) {
    char text[32];
    if (expr->column < printer->name_count) {
        print(printer, printer->names[expr->column]);
        return;
    }
    (void)snprintf(text, sizeof(text), "column%u", expr->column + 1);
    print(printer, text);
}

static void print_expr(struct printer *printer, const struct expr *expr) {
    char text[32];
    switch (expr->kind) {
    case EXPR_CONSTANT:
        print_constant(printer, expr);
        break;
    case EXPR_COLUMN:
        print_column(printer, expr);
        break;
    case EXPR_PARAMETER:
        (void)snprintf(text, sizeof(text), "$%u", expr->column + 1);
        print(printer, text);
        break;
    case EXPR_CALL:
        print_call(printer, expr);
        break;
    case EXPR_AND:
        print_around(printer, expr, "(", " AND ", ")");
        break;
    case EXPR_OR:
        print_around(printer, expr, "(", " OR ", ")");
        break;
    case EXPR_NOT:
        print_around(printer, expr, "(NOT ", "", ")");
        break;
    case EXPR_IS_NULL:
        print_around(printer, expr, "(", "", expr->negated ? " IS NOT NULL)" : " IS NULL)");
        break;
    case EXPR_IS_TRUTH:
        print_around(printer, expr, "(", "", truth_text(expr));
        break;
    case EXPR_DISTINCT:
        print_around(printer, expr, "(", expr->negated ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ", ")");
        break;
    case EXPR_CASE:
        print_case(printer, expr);
        break;
    case EXPR_COALESCE:
        print_around(printer, expr, "COALESCE(", ", ", ")");
        break;
    case EXPR_NULLIF:
        print_around(printer, expr, "NULLIF(", ", ", ")");
        break;
    case EXPR_EXTREME:
        print_around(printer, expr, expr->negated ? "LEAST(" : "GREATEST(", ", ", ")");
        break;
    case EXPR_IN_LIST:
        print_in_list(printer, expr);
        break;
    case EXPR_ANY_ARRAY:
        print_any_array(printer, expr);
        break;
    case EXPR_SUBQUERY:
        print_number(printer, expr->argument_count == 0 ? "(InitPlan " : "(SubPlan ", expr->subquery->number, ")");
        break;
    case EXPR_DOMAIN:
        print_around(printer, expr, "(", "", ")::");
        print(printer, expr->domain->name);
        break;
    case EXPR_OUTER:
        print_number(printer, "$", expr->column, "");
        break;
    }
}

char *expr_text(struct sql_context *context, const struct expr *expr, const char *const *names, uint32_t name_count) {
    struct printer printer = {.context = context, .names = names, .name_count = name_count};
    print(&printer, "");
    print_expr(&printer, expr);
    return printer.text;
}
