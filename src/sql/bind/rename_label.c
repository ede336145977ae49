/*
 * Stored texts that have a label under its name: which they are, and how they are spelled when it is renamed.
 *
 * PostgreSQL keeps the number of a label in defaults and checks. Here they are texts, and a literal is a label only by
 * the type that its place gives it. So each text is bound once more while the binder notes which literals become the
 * label, and those are spelled anew.
 */
#include "base/assert.h"
#include "sql/bind/domain.h"
#include "types/array.h"

struct retexts {
    struct bind *bind;
    struct bind_label_watch watch;
    struct plan_respell *list;
    uint32_t count;
    uint32_t capacity;
    const char *name;
};

static bool same_place(struct slice a, struct slice b) {
    return memcmp(a.bytes, b.bytes, VALUE_LABEL_PLACE) == 0;
}

void bind_note_label(struct bind *bind, const struct value *value, uint32_t position) {
    struct bind_label_watch *watch = bind->label_watch;
    if (watch == NULL || type_element(value->type) != watch->type) {
        return;
    }
    if (!type_is_array(value->type) && same_place(value->as.bytes, watch->label)) {
        watch->many = watch->many || watch->count == BIND_LABELS_WATCHED;
        watch->positions[watch->many ? 0 : watch->count++] = position;
    }
    struct array array = {.count = 0};
    if (type_is_array(value->type)) {
        array_open(value, &array);
    }
    for (uint32_t i = 0; i < array.count; i++) {
        struct value element = array_get(&array, i);
        watch->many = watch->many || (!element.is_null && same_place(element.as.bytes, watch->label));
    }
}

static bool visit_literal(ProtobufCMessage *message, void *object) {
    const struct retexts *retexts = object;
    if (message->descriptor != &pg_query__a__const__descriptor) {
        return true;
    }
    PgQuery__AConst *literal = (PgQuery__AConst *)message;
    for (uint32_t i = 0; literal->val_case == PG_QUERY__A__CONST__VAL_SVAL && i < retexts->watch.count; i++) {
        if (retexts->watch.positions[i] == bind_location(literal->location)) {
            literal->sval->sval = sql_printf(retexts->bind->context, "%s", retexts->name);
        }
    }
    return true;
}

static void retexts_add(struct retexts *retexts, const struct plan_respell *one) {
    if (retexts->count == retexts->capacity) {
        size_t capacity = (size_t)retexts->capacity * 2 + 8;
        struct plan_respell *grown = sql_alloc_zero(retexts->bind->context, capacity, sizeof(*grown));
        if (retexts->count > 0) {
            memcpy(grown, retexts->list, retexts->count * sizeof(*grown));
        }
        retexts->list = grown;
        retexts->capacity = (uint32_t)capacity;
    }
    retexts->list[retexts->count++] = *one;
}

/* One text over a scope, of the type that it is assigned to. */
static void take_text(struct retexts *retexts, struct slice text, const struct scope *scope, enum bind_place place,
                      struct type type, struct plan_respell one) {
    struct bind *bind = retexts->bind;
    struct sql_context *context = bind->context;
    struct bind_scope where = {.bind = bind, .scope = scope, .place = place};
    const char *own = context->text;
    PgQuery__Node *tree = parse_expression(context, bind_text(context, text));
    retexts->watch.count = 0;
    context->text = NULL;
    bind->stored++;
    (void)bind_coerce(bind, bind_expression(&where, tree), type, SQL_CAST_ASSIGNMENT, 0);
    bind->stored--;
    context->text = own;
    if (retexts->watch.many) {
        sql_raise_unsupported(context, bind->tokens->first, "renaming a label that a stored array has");
    }
    if (retexts->watch.count > 0) {
        (void)parse_walk(&tree->base, visit_literal, retexts);
        one.text = parse_deparse(context, tree);
        retexts_add(retexts, &one);
    }
}

static void take_table(struct retexts *retexts, const struct table_definition *table) {
    struct bind *bind = retexts->bind;
    struct scope scope;
    if (definition_is_type(table)) {
        bind_domain_scope(bind, table->columns[0].type, &scope);
    } else {
        bind_table_scope(bind, bind_present(bind), table, bind_text(bind->context, table->name), 0, &scope);
    }
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column_definition *column = &table->columns[i];
        bool generated = column->default_kind == DEFAULT_GENERATED;
        struct plan_respell one = {.table = table->id, .column = column->id};
        struct type type = column->type;
        type.domain = 0; /* its own constraints are not of this text */
        if (!column->dropped && column->default_text.length > 0) {
            take_text(retexts, column->default_text, generated ? &scope : NULL,
                      !generated       ? BIND_DEFAULT
                      : column->hidden ? BIND_INDEX
                                       : BIND_GENERATED,
                      type, one);
        }
    }
    for (uint32_t i = 0; i < table->check_count; i++) {
        struct plan_respell one = {.table = table->id, .check = table->checks[i].id};
        take_text(retexts, table->checks[i].text, &scope, BIND_CHECK, type_make(TYPE_BOOL), one);
    }
}

void bind_label_texts(struct bind *bind, const struct table_definition *type, struct slice label, const char *name,
                      struct plan_ddl *ddl) {
    const struct catalogue *catalogue = bind_present(bind);
    struct retexts retexts = {.bind = bind, .name = name, .watch = {.type = definition_type(type).id, .label = label}};
    bind->label_watch = &retexts.watch;
    for (uint32_t i = 0; i < catalogue_table_count(catalogue); i++) {
        const struct table_definition *table = catalogue_table_at(catalogue, i);
        if (definition_is_table(table)) {
            take_table(&retexts, table);
        } else if (definition_is_view(table)) {
            retexts.watch.count = 0;
            (void)bind_view_rows(bind, catalogue, table, NULL);
            if (retexts.watch.count > 0 || retexts.watch.many) {
                sql_raise_unsupported(bind->context, bind->tokens->first, "renaming a label that view %s has",
                                      bind_relation_text(bind, catalogue, table));
            }
        }
    }
    for (uint32_t i = 0; i < catalogue_type_count(catalogue); i++) {
        const struct table_definition *domain = catalogue_type_at(catalogue, i);
        if (domain->form == DEFINITION_DOMAIN) {
            take_table(&retexts, domain);
        }
    }
    bind->label_watch = NULL;
    ddl->respells = retexts.list;
    ddl->respell_count = retexts.count;
}
