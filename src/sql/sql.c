/*
 * Statements and runs: what sql.h promises, made of the room's parts.
 *
 * A statement owns two contexts, so two arenas: the parse tree lives in one for the statement's whole life, the plan in
 * the other, which is thrown away and made again when the plan no longer fits (the catalogue changed, the point in time
 * is a parameter, the plan holds a value of the moment). A run owns a third, with its own memory budget.
 *
 * This is the only place where a guard is set: everything below raises, everything above gets a status. A statement
 * that could nest deeper than a modest bound is parsed and bound on a thread with a large stack (parse.h).
 */
#include "sql/internal.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "kernel/view.h"
#include "sql/bind/bind.h"
#include "sql/cursor.h"
#include "sql/define.h"
#include "sql/exec/exec.h"
#include "sql/object.h"
#include "sql/plan/copy.h"
#include "sql/plan/explain.h"
#include "sql/plan/optimise.h"
#include "sql/plan/shape.h"
#include "sql/setting.h"
#include "types/array.h"
#include "types/utf8.h"
#include "sql/type_text.h"

#define RUN_TRIES_MAX 100

/* --- preparing --- */

/* One piece of work for a guard, perhaps on the deep thread. */
struct preparation {
    struct sql_statement *statement;
    const struct sql_host *host;
    const struct value *parameters;
    uint32_t parameter_count;
    struct kmb_error *error;
    enum kmb_status status;
};

void sql_context_of_host(struct sql_context *context, const struct sql_host *host, struct kmb_error *error,
                         const struct sql_statement *statement) {
    sql_context_init(context, host->settings, error);
    context->cancel = host->cancel;
    context->now_us = host->now_us(host->context);
    context->zone_find = host->zone_find;
    context->zones = host->context;
    context->random = host->random;
    context->random_context = host->context;
    context->clock_us = host->clock_us;
    context->clock_context = host->context;
    context->session_user = host->session_user;
    context->user_kind = host->user_kind;
    context->host = host;
    context->arena.charge = host->charge;
    if (statement != NULL) {
        context->text = statement->parse.text;
        context->text_length = statement->parse.text_length;
    }
}

/* The time that a run may take begins. */
static void context_start_clock(struct sql_context *context, const struct sql_host *host) {
    context->deadline_ns = 0;
    if (host->monotonic_ns != NULL && host->settings->timeouts_ms[SQL_TIMEOUT_STATEMENT] > 0) {
        context->monotonic_ns = host->monotonic_ns;
        context->monotonic_context = host->context;
        context->deadline_ns =
            host->monotonic_ns(host->context) + host->settings->timeouts_ms[SQL_TIMEOUT_STATEMENT] * 1000000;
    }
}

static bool plan_scans(const struct plan_node *node) {
    return node != NULL &&
           (plan_reads(node) || (node->kind == PLAN_CTE && !node->cte_work && plan_scans(node->cte->root)) ||
            plan_scans(node->left) || plan_scans(node->right));
}

/* A parameter's value in the type that the statement gives it, where that is plain. */
static bool value_known(struct sql_context *context, const struct value *value, struct expr *constant) {
    struct type type = constant->type;
    struct datetime_context when = sql_datetime(context);
    if (value->is_null) {
        constant->value = value_null(type.id);
        return true;
    }
    if (value->type == type.id) {
        return value_copy(value, &context->arena, &constant->value);
    }
    if (type_is_integer(type.id) && type_is_integer(value->type)) {
        constant->value = value_integer(type.id, value->as.integer);
        return value->as.integer >= type_integer_min(type.id) && value->as.integer <= type_integer_max(type.id);
    }
    return value->type == TYPE_UNKNOWN && catalogue_value_parse(context->catalogue, type, value->as.bytes, &when,
                                                                &context->arena, &constant->value, NULL) == KMB_OK;
}

/* What the planner may know of parameters: EXECUTE's arguments, or the values that this plan is for. */
static void estimator_values(const struct preparation *preparation, struct plan_estimator *estimator) {
    struct sql_statement *statement = preparation->statement;
    struct sql_context *context = &statement->plan;
    const struct plan_statement *bound = &statement->bound;
    if (bound->arguments != NULL && context->settings->plan_mode != SQL_PLAN_GENERIC) {
        estimator->value_count = bound->argument_count;
        estimator->values = sql_alloc_zero(context, bound->argument_count + 1, sizeof(*estimator->values));
        for (uint32_t i = 0; i < bound->argument_count; i++) {
            estimator->values[i] = expr_is_constant(bound->arguments[i]) ? bound->arguments[i] : NULL;
        }
    }
    if (!statement->for_values || bound->arguments != NULL || preparation->parameter_count != bound->parameter_count) {
        return;
    }
    estimator->value_count = bound->parameter_count;
    estimator->values = sql_alloc_zero(context, bound->parameter_count + 1, sizeof(*estimator->values));
    for (uint32_t i = 0; i < bound->parameter_count; i++) {
        struct expr *constant = sql_alloc_zero(context, 1, sizeof(*constant));
        *constant = (struct expr){.kind = EXPR_CONSTANT, .type = bound->parameter_types[i]};
        estimator->values[i] = value_known(context, &preparation->parameters[i], constant) ? constant : NULL;
    }
}

static void bind_work(void *object) {
    struct preparation *preparation = object;
    struct sql_statement *statement = preparation->statement;
    struct sql_context *context = &statement->plan;
    context->error = preparation->error;
    SQL_GUARD(context) {
        struct bind *bind = sql_alloc_zero(context, 1, sizeof(*bind));
        bind->context = context;
        bind->host = preparation->host;
        bind->tokens = &statement->tokens;
        bind->cursor = statement->cursor;
        bind->parameters = preparation->parameters;
        bind->parameter_value_count = preparation->parameter_count;
        bind->parameter_count = statement->given_count;
        bind->parameter_capacity = statement->given_count;
        bind->parameter_types = sql_alloc_zero(context, statement->given_count + 1, sizeof(*bind->parameter_types));
        for (uint32_t i = 0; i < statement->given_count; i++) {
            bind->parameter_types[i] = statement->given_types[i];
        }
        bind_statement(bind, statement->tree, &statement->bound);
        if (statement->bound.root != NULL) {
            struct plan_estimator estimator = bind_estimator(bind);
            estimator_values(preparation, &estimator);
            statement->bound.root = plan_optimise(context, estimator, statement->bound.root);
            statement->bound.pointwise = plan_is_pointwise(&statement->bound);
        }
        enum plan_statement_kind kind = statement->bound.kind;
        statement->minds = (kind == STATEMENT_QUERY || kind == STATEMENT_WRITE) &&
                           statement->bound.parameter_count > 0 && statement->bound.arguments == NULL &&
                           !bind->at_parameter && !statement->cursor && replan_minds(statement->bound.root);
        statement->bind_each_run = bind->time_dependent;
        statement->at_parameter = bind->at_parameter;
        statement->scans = plan_scans(statement->bound.root);
        statement->bound_at = preparation->host->at;
        statement->bound_zone = context->settings->time_zone;
        statement->bound_style = context->settings->style;
        statement->bound_path = sql_printf(context, "%s", context->settings->search_path);
        statement->bound_ways = context->settings->ways_forbidden;
        bind_close_views(bind);
        preparation->status = KMB_OK;
    }
    SQL_CAUGHT {
        preparation->status = context->status;
    }
    context->guarded = false;
    context->error = NULL;
}

static void parse_work(void *object) {
    struct preparation *preparation = object;
    struct sql_statement *statement = preparation->statement;
    struct sql_context *context = &statement->parse;
    context->error = preparation->error;
    SQL_GUARD(context) {
        statement->tree = parse_statement(context, &statement->tokens);
        preparation->status = KMB_OK;
    }
    SQL_CAUGHT {
        preparation->status = context->status;
    }
    context->guarded = false;
    context->error = NULL;
}

static void prepare_work(void *object) {
    struct preparation *preparation = object;
    if (preparation->statement->tokens.custom == TOKENS_CUSTOM_NONE && preparation->statement->tree == NULL) {
        parse_work(preparation);
        if (preparation->status != KMB_OK) {
            return;
        }
    }
    bind_work(preparation);
}

static enum kmb_status statement_work(struct preparation *preparation) {
    const struct sql_prepared_list *prepared = preparation->host->prepared; /* EXECUTE may mean any of them */
    if (preparation->statement->tokens.chain <= TOKENS_CHAIN_SHALLOW && (prepared == NULL || !prepared->deep)) {
        prepare_work(preparation);
    } else if (!parse_run_deep(prepare_work, preparation)) {
        return error_set(preparation->error, KMB_NO_MEMORY, "no thread to be had for a statement this deep");
    }
    return preparation->status;
}

enum kmb_status sql_statement_bind(struct sql_statement *statement, const struct sql_host *host,
                                   const struct value *parameters, uint32_t parameter_count, struct kmb_error *error) {
    if (statement->plan_open) {
        sql_context_free(&statement->plan);
    }
    /* Should this binding fail, the statement is still known to be one that writes. */
    statement->bound = (struct plan_statement){.kind = statement->bound.kind, .tag = statement->bound.tag};
    statement->scans = false;
    statement->bind_each_run = true; /* should this binding fail, the next run tries again */
    sql_context_of_host(&statement->plan, host, error, statement);
    context_start_clock(&statement->plan, host);
    statement->plan_open = true;
    struct preparation preparation = {.statement = statement,
                                      .host = host,
                                      .parameters = parameters,
                                      .parameter_count = parameter_count,
                                      .error = error,
                                      .status = KMB_INTERNAL};
    return statement_work(&preparation);
}

enum kmb_status sql_statement_scan(struct sql_statement *statement, struct slice text,
                                   const struct type *parameter_types, uint32_t parameter_type_count) {
    struct sql_context *context = &statement->parse;
    volatile enum kmb_status status = KMB_OK;
    SQL_GUARD(context) {
        if (text.length > TOKENS_BYTES_MAX) {
            sql_raise(context, KMB_LIMIT, 0, "statement of %zu bytes exceeds the limit of %u", text.length,
                      TOKENS_BYTES_MAX);
        }
        char *copy = sql_alloc(context, text.length + 1);
        if (text.length > 0) {
            memcpy(copy, text.bytes, text.length);
        }
        copy[text.length] = 0;
        context->text = copy;
        context->text_length = text.length;
        sql_try(context, utf8_check(text, context->error));
        statement->given_types = sql_alloc_zero(context, parameter_type_count + 1, sizeof(*statement->given_types));
        for (uint32_t i = 0; i < parameter_type_count; i++) {
            statement->given_types[i] = parameter_types == NULL ? type_make(TYPE_UNKNOWN) : parameter_types[i];
        }
        statement->given_count = parameter_type_count;
        tokens_scan(context, &statement->tokens);
    }
    SQL_CAUGHT {
        status = context->status;
    }
    context->guarded = false;
    return status;
}

static enum kmb_status prepare(const struct sql_host *host, struct slice text, bool cursor,
                               const struct type *parameter_types, uint32_t parameter_type_count,
                               struct sql_statement **statement, struct kmb_error *error) {
    *statement = NULL;
    if (parameter_type_count > BIND_PARAMETERS_MAX) {
        return error_set(error, KMB_LIMIT, "a statement can have at most %d parameters", BIND_PARAMETERS_MAX);
    }
    struct sql_statement *made = mem_alloc_zero(1, sizeof(*made));
    if (made == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    made->cursor = cursor;
    sql_context_of_host(&made->parse, host, error, NULL);
    enum kmb_status status = sql_statement_scan(made, text, parameter_types, parameter_type_count);
    if (status == KMB_OK) {
        status = sql_statement_bind(made, host, NULL, 0, error);
    }
    made->parse.error = NULL; /* the caller's error need not outlive the call */
    if (status != KMB_OK) {
        sql_statement_free(made);
        return status;
    }
    *statement = made;
    return KMB_OK;
}

enum kmb_status sql_parse_check(const struct sql_host *host, struct slice text, struct kmb_error *error) {
    struct sql_statement *made = mem_alloc_zero(1, sizeof(*made));
    if (made == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    sql_context_of_host(&made->parse, host, error, NULL);
    enum kmb_status status = sql_statement_scan(made, text, NULL, 0);
    struct preparation preparation = {.statement = made, .host = host, .error = error, .status = KMB_OK};
    if (status == KMB_OK && made->tokens.custom == TOKENS_CUSTOM_NONE) {
        if (made->tokens.chain <= TOKENS_CHAIN_SHALLOW) {
            parse_work(&preparation);
        } else if (!parse_run_deep(parse_work, &preparation)) {
            preparation.status = error_set(error, KMB_NO_MEMORY, "no thread to be had for a statement this deep");
        }
        status = preparation.status;
    }
    made->parse.error = NULL;
    sql_statement_free(made);
    return status;
}

enum kmb_status sql_prepare(const struct sql_host *host, struct slice text, const struct type *parameter_types,
                            uint32_t parameter_type_count, struct sql_statement **statement, struct kmb_error *error) {
    return prepare(host, text, false, parameter_types, parameter_type_count, statement, error);
}

enum kmb_status sql_prepare_cursor(const struct sql_host *host, struct slice text, const struct type *types,
                                   uint32_t type_count, struct sql_statement **statement, struct kmb_error *error) {
    return prepare(host, text, true, types, type_count, statement, error);
}

void sql_run_resume(struct sql_run *run, const struct sql_host *host) {
    context_start_clock(&run->context, host);
}

void sql_statement_free(struct sql_statement *statement) {
    if (statement == NULL) {
        return;
    }
    if (statement->plan_open) {
        sql_context_free(&statement->plan);
    }
    for (uint32_t i = 0; i < REPLAN_PLANS_MAX; i++) {
        sql_statement_free(statement->others[i]);
    }
    mem_free(statement->replan);
    sql_context_free(&statement->parse);
    mem_free(statement);
}

bool sql_setting_show(const struct sql_host *host, const char *name, char *text, size_t size) {
    struct sql_context context;
    struct kmb_error error;
    volatile bool shown = false;
    sql_context_of_host(&context, host, &error, NULL);
    SQL_GUARD(&context) {
        const char *found = sql_setting_text_of(&context, name);
        shown = found != NULL && strlen(found) < size;
        if (shown) {
            memcpy(text, found, strlen(found) + 1);
        }
    }
    SQL_CAUGHT {
        shown = false;
    }
    sql_context_free(&context);
    return shown;
}

enum kmb_status sql_find_relation(const struct sql_host *host, const struct catalogue *catalogue, struct slice schema,
                                  struct slice name, const struct table_definition **table, struct kmb_error *error) {
    struct sql_context context;
    struct sql_relation found = {.table = NULL};
    sql_context_of_host(&context, host, error, NULL);
    volatile enum kmb_status status = KMB_OK;
    *table = NULL;
    SQL_GUARD(&context) {
        const char *own = bind_text(&context, schema);
        if (sql_path_find(sql_path_of(&context), catalogue, own, bind_text(&context, name), &found)) {
            *table = sql_relation_is_index(&found) ? NULL : found.table;
        }
    }
    SQL_CAUGHT {
        status = context.status;
    }
    sql_context_free(&context);
    return status;
}

/* --- asking a statement --- */

enum plan_statement_kind sql_statement_kind(const struct sql_statement *statement) {
    return statement->bound.kind;
}

const char *sql_statement_tag(const struct sql_statement *statement) {
    return statement->bound.tag;
}

bool sql_statement_writes(const struct sql_statement *statement) {
    return statement->bound.kind == STATEMENT_WRITE || statement->bound.kind == STATEMENT_DDL ||
           statement->bound.kind == STATEMENT_BLOCK || /* perhaps: who may not write may not run it */
           statement->bound.writes || statement->bound.advances;
}

uint32_t sql_statement_column_count(const struct sql_statement *statement) {
    return statement->bound.column_count;
}

const struct plan_column *sql_statement_column(const struct sql_statement *statement, uint32_t index) {
    ASSERT(index < statement->bound.column_count);
    return &statement->bound.columns[index];
}

const struct catalogue *sql_statement_catalogue(const struct sql_statement *statement) {
    return statement->plan.catalogue;
}

uint32_t sql_statement_parameter_count(const struct sql_statement *statement) {
    return statement->bound.parameter_count;
}

struct type sql_statement_parameter_type(const struct sql_statement *statement, uint32_t index) {
    ASSERT(index < statement->bound.parameter_count);
    return statement->bound.parameter_types[index];
}

bool sql_statement_is_deep(const struct sql_statement *statement) {
    return statement->tokens.chain > TOKENS_CHAIN_SHALLOW;
}

const struct plan_statement *sql_statement_plan(const struct sql_statement *statement) {
    return &statement->bound;
}

/* --- running --- */

/* Whether the plan was made for a catalogue that is no longer the present one. A query with a scan is not asked: it
 * looks at the catalogue of the view that it opens anyway. */
static enum kmb_status statement_stale(const struct sql_statement *statement, const struct sql_host *host, bool *stale,
                                       struct kmb_error *error) {
    const struct sql_point *was = &statement->bound_at;
    *stale = statement->bind_each_run || was->kind != host->at.kind || was->offset != host->at.offset ||
             was->time_us != host->at.time_us || !time_zone_equal(statement->bound_zone, host->settings->time_zone) ||
             !datetime_style_equal(statement->bound_style, host->settings->style) ||
             strcmp(statement->bound_path, host->settings->search_path) != 0 ||
             statement->bound_ways != host->settings->ways_forbidden;
    enum plan_statement_kind kind = statement->bound.kind;
    if (*stale || kind == STATEMENT_TRANSACTION || kind == STATEMENT_SETTING || kind == STATEMENT_EMPTY ||
        (kind == STATEMENT_QUERY && statement->scans)) {
        return KMB_OK;
    }
    struct sql_point present = {.kind = PLAN_AT_NONE};
    struct kernel_view *view = NULL;
    enum kmb_status status = host->view_open(host->context, &present, &view, error);
    if (status == KMB_OK) {
        *stale = catalogue_version(view->catalogue) != statement->bound.catalogue_version;
        host->view_close(host->context, view);
    }
    return status;
}

bool sql_statement_keepable(const struct sql_statement *statement) {
    enum plan_statement_kind kind = statement->bound.kind;
    return (kind == STATEMENT_QUERY || kind == STATEMENT_WRITE) && statement->bound.root != NULL &&
           !statement->bind_each_run && !statement->at_parameter && statement->tokens.clause_count == 0 &&
           statement->tokens.range_count == 0 && statement->bound.arguments == NULL;
}

bool sql_statements_alike(const struct sql_statement *a, const struct sql_statement *b) {
    bool alike = sql_statement_keepable(a) && sql_statement_keepable(b) && a->bound.kind == b->bound.kind &&
                 a->bound.column_count == b->bound.column_count;
    for (uint32_t i = 0; alike && i < a->bound.column_count; i++) {
        alike = strcmp(a->bound.columns[i].name, b->bound.columns[i].name) == 0 &&
                type_equal(a->bound.columns[i].type, b->bound.columns[i].type);
    }
    return alike && plan_same_shape(a->bound.root, b->bound.root);
}

enum kmb_status sql_statement_current(const struct sql_statement *statement, const struct sql_host *host, bool *current,
                                      uint64_t *position, struct kmb_error *error) {
    bool stale = false;
    struct sql_point present = {.kind = PLAN_AT_NONE};
    struct kernel_view *view = NULL;
    *current = false;
    *position = 0;
    enum kmb_status status = statement_stale(statement, host, &stale, error);
    if (status != KMB_OK || stale) {
        return status;
    }
    status = host->view_open(host->context, &present, &view, error);
    if (status == KMB_OK) {
        *current = catalogue_version(view->catalogue) == statement->bound.catalogue_version;
        *position = view->position;
        host->view_close(host->context, view);
    }
    return status;
}

bool sql_statement_convert(const struct sql_statement *statement, const struct sql_host *host, struct arena *arena,
                           struct value *values, uint32_t count) {
    struct datetime_context when = {.now_us = host->now_us(host->context),
                                    .has_now = true,
                                    .zone = host->settings->time_zone,
                                    .zone_find = host->zone_find,
                                    .zones = host->context};
    for (uint32_t i = 0; i < count; i++) {
        struct type type = statement->bound.parameter_types[i];
        if (values[i].type == TYPE_UNKNOWN && !values[i].is_null && !type_is_string(type.id) &&
            catalogue_value_parse(statement->plan.catalogue, type, values[i].as.bytes, &when, arena, &values[i],
                                  NULL) != KMB_OK) {
            return false;
        }
    }
    return true;
}

static enum kmb_status run_check_parameters(const struct sql_statement *statement, uint32_t count,
                                            struct kmb_error *error) {
    uint32_t wanted = statement->bound.parameter_count;
    if (count < wanted) {
        return error_set(error, KMB_UNDEFINED_PARAMETER, "parameter $%u not provided", count + 1);
    }
    if (count > wanted) {
        return error_set(error, KMB_UNDEFINED_PARAMETER, "%u parameters provided, but the statement has %u", count,
                         wanted);
    }
    return KMB_OK;
}

/* The zone of a time without one: the session's, but UTC for the moment of a time-travel clause, as in its literals. */
static struct time_zone run_zone(const struct sql_run *run, uint32_t number) {
    const struct tokens *tokens = &run->statement->tokens;
    for (uint32_t i = 0; i < tokens->clause_count; i++) {
        if (tokens->clauses[i].point.parameter == number) {
            return time_zone_fixed(0);
        }
    }
    for (uint32_t i = 0; i < tokens->range_count; i++) {
        if (tokens->ranges[i].low.parameter == number || tokens->ranges[i].high.parameter == number) {
            return time_zone_fixed(0);
        }
    }
    return run->context.settings->time_zone;
}

/* The value of a text: what the types' input functions read, and names of objects. */
static enum kmb_status run_read(struct sql_run *run, struct slice text, struct type type,
                                const struct datetime_context *when, struct value *out) {
    struct sql_context *context = &run->context;
    const struct catalogue *catalogue = context->catalogue;
    enum type_id element = type_element(type.id);
    if (!type_is_object(element)) {
        return catalogue_value_parse(catalogue, type, text, when, &context->arena, out, context->error);
    }
    if (!type_is_array(type.id)) {
        int64_t oid = 0;
        sql_try(context, utf8_check(text, context->error));
        (void)sql_object_of_text(context, catalogue, element, text, true, 0, &oid);
        *out = sql_object_of_oid(context, catalogue, element, oid, &context->arena);
        return KMB_OK;
    }
    struct value names;
    struct array array;
    sql_try(context, value_parse(type_make(TYPE_ARRAY_TEXT), text, when, &context->arena, &names, context->error));
    array_open(&names, &array);
    struct value *elements = array_elements(&array, &context->arena);
    for (uint32_t i = 0; i < array.count; i++) {
        if (elements[i].is_null) {
            elements[i] = value_null(element);
        } else {
            (void)run_read(run, elements[i].as.bytes, type_make(element), when, &elements[i]);
        }
    }
    return array_make(element, &array.shape, elements, &context->arena, out, context->error);
}

/* A parameter's value brought to the type the statement gives it. */
static struct value run_convert(struct sql_run *run, const struct value *value, struct type type, uint32_t number) {
    struct sql_context *context = &run->context;
    if (value->is_null) {
        return value_null(type.id);
    }
    if (value->type == type.id) {
        if (!value_valid(value)) {
            sql_raise(context, KMB_INVALID_PARAMETER, 0, "parameter $%u is not a valid %s", number,
                      sql_type_text(context, type));
        }
        return *value;
    }
    if (value->type == TYPE_UNKNOWN || (type_is_string(value->type) && !type_is_string(type.id))) {
        struct datetime_context when = sql_datetime(context);
        when.zone = run_zone(run, number);
        struct value parsed;
        enum kmb_status status = run_read(run, value->as.bytes, type, &when, &parsed);
        if (status != KMB_OK) {
            if (context->error != NULL) { /* the words are PostgreSQL's, which tells the place elsewhere, as we do */
                char before[KMB_ERROR_DETAIL_SIZE];
                memcpy(before, context->error->detail, sizeof(before));
                (void)error_detail(context->error, "%s%sParameter $%u.", before, before[0] == 0 ? "" : " ", number);
            }
            sql_raise_status(context, status, 0);
        }
        return parsed;
    }
    const struct sql_function *cast = sql_cast_find(value->type, type.id, SQL_CAST_ASSIGNMENT);
    if (cast == NULL) {
        sql_raise(context, KMB_DATATYPE_MISMATCH, 0, "parameter $%u is of type %s, not %s", number,
                  sql_type_text(context, type), type_name(value->type));
    }
    struct expr constant = {.kind = EXPR_CONSTANT, .type = type_make(value->type), .value = *value};
    const struct expr *arguments[1] = {&constant};
    struct expr call = {.kind = EXPR_CALL, .type = type, .function = cast, .arguments = arguments, .argument_count = 1};
    return exec_evaluate(context, &call, NULL, 0);
}

static void run_take_parameters(struct sql_run *run, const struct value *parameters, uint32_t count) {
    run->parameters = sql_alloc_zero(&run->context, count + 1, sizeof(*run->parameters));
    for (uint32_t i = 0; i < count; i++) {
        struct value converted = run_convert(run, &parameters[i], run->statement->bound.parameter_types[i], i + 1);
        if (!value_copy(&converted, &run->context.arena, &run->parameters[i])) {
            sql_raise(&run->context, KMB_NO_MEMORY, 0, "out of memory");
        }
    }
    run->parameter_count = count;
    const struct plan_statement *bound = &run->statement->bound;
    if (bound->arguments == NULL) {
        return;
    }
    struct value *arguments = sql_alloc_zero(&run->context, bound->argument_count + 1, sizeof(*arguments));
    for (uint32_t i = 0; i < bound->argument_count; i++) {
        struct value value = exec_evaluate(&run->context, bound->arguments[i], run->parameters, count);
        if (!value_copy(&value, &run->context.arena, &arguments[i])) {
            sql_raise(&run->context, KMB_NO_MEMORY, 0, "out of memory");
        }
    }
    run->parameters = arguments;
    run->parameter_count = bound->argument_count;
}

static int64_t host_ns(const struct sql_host *host) {
    return host->monotonic_ns == NULL ? 0 : host->monotonic_ns(host->context);
}

/* Binds and plans once more, by the clock. */
static enum kmb_status bind_measured(struct sql_run *run, const struct sql_host *host, uint32_t parameter_count) {
    int64_t begun = host_ns(host);
    struct store_touched before = store_touched();
    enum kmb_status status =
        sql_statement_bind(run->statement, host, run->parameters, parameter_count, run->context.error);
    struct store_touched after = store_touched();
    run->statement->planning_ns = host_ns(host) - begun;
    run->statement->planning_pages = (struct store_touched){.hits = after.hits - before.hits,
                                                            .reads = after.reads - before.reads,
                                                            .dirtied = after.dirtied - before.dirtied};
    return status;
}

/* EXPLAIN ANALYZE: the statement is run to its end, and its rows are thrown away. */
static void run_measured(struct sql_run *run, const struct sql_host *host, struct plan_measures *measures) {
    const struct plan_statement *bound = &run->statement->bound;
    *measures =
        (struct plan_measures){.timing = bound->explain.timing, .planning_pages = run->statement->planning_pages};
    int64_t begun = host_ns(host);
    struct exec *exec = exec_open(&run->context, host, bound->root, run->parameters, run->parameter_count, measures);
    while (exec_next(exec) != NULL) {
    }
    measures->execution_ns = host_ns(host) - begun;
}

static void run_explain(struct sql_run *run, const struct sql_host *host) {
    struct sql_context *context = &run->context;
    const struct plan_statement *bound = &run->statement->bound;
    struct plan_measures measures;
    bool analyze = bound->explain.analyze && bound->root != NULL;
    if (analyze) {
        run_measured(run, host, &measures);
    }
    bool summary = bound->explain.summary && host->monotonic_ns != NULL;
    run->line_count = plan_explain(context, bound, analyze ? &measures : NULL,
                                   summary ? run->statement->planning_ns : -1, &run->lines);
    struct vector *column = sql_alloc_zero(context, 1, sizeof(*column));
    vector_init(context, column, bound->columns[0].type);
    run->line_batch = (struct batch){.column_count = 1, .columns = column};
}

static const struct batch *run_next_lines(struct sql_run *run) {
    uint32_t left = run->line_count - run->line_next;
    run->line_batch.count = left < VECTOR_ROWS ? left : VECTOR_ROWS;
    for (uint32_t i = 0; i < run->line_batch.count; i++) {
        struct value line = value_text(run->lines[run->line_next++]);
        vector_set(&run->line_batch.columns[0], i, &line);
    }
    return &run->line_batch;
}

/* Room for the rows of the answer, and to give them. */
static void run_keep_open(struct sql_run *run) {
    struct sql_context *context = &run->context;
    const struct plan_statement *bound = &run->statement->bound;
    uint32_t columns = bound->column_count;
    struct type *types = sql_alloc(context, (columns + 1) * sizeof(*types));
    run->kept_batch = (struct batch){.column_count = columns};
    run->kept_batch.columns = sql_alloc_zero(context, columns + 1, sizeof(struct vector));
    for (uint32_t i = 0; i < columns; i++) {
        types[i] = bound->columns[i].type;
        vector_init(context, &run->kept_batch.columns[i], types[i]);
    }
    rowset_init(&run->kept, context, NULL, types, columns);
    run->kept_given = 0;
    run->keeps = true;
}

/* Runs a query to its end and keeps its rows. */
static void run_keep(struct sql_run *run) {
    uint32_t columns = run->statement->bound.column_count;
    const struct vector **vectors = sql_alloc(&run->context, (columns + 1) * sizeof(*vectors));
    run_keep_open(run);
    const struct batch *batch = NULL;
    while ((batch = exec_next(run->exec)) != NULL) {
        for (uint32_t i = 0; i < columns; i++) {
            vectors[i] = &batch->columns[i];
        }
        uint32_t live = batch->selection != NULL ? batch->selection_count : batch->count;
        rowset_append(&run->kept, vectors, batch->selection, live);
    }
}

/* The next of the kept rows; nothing here may fail, for what was done is done. */
static const struct batch *run_next_kept(struct sql_run *run) {
    uint32_t left = run->kept.row_count - run->kept_given;
    uint32_t rows[VECTOR_ROWS];
    uint32_t count = left < VECTOR_ROWS ? left : VECTOR_ROWS;
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = run->kept_given + i;
    }
    for (uint32_t i = 0; i < run->kept_batch.column_count; i++) {
        struct vector *column = &run->kept_batch.columns[i];
        if (column->may_have_null) {
            memset(column->null, 0, VECTOR_ROWS);
            column->may_have_null = false;
        }
        rowset_gather(&run->kept, i, rows, count, column);
    }
    run->kept_given += count;
    run->kept_batch.count = count;
    run->rows += count;
    return count == 0 ? NULL : &run->kept_batch;
}

static void run_fetch(struct sql_run *run, const struct sql_host *host) {
    const struct plan_ddl *ddl = run->statement->bound.ddl;
    if (ddl->move) {
        run->rows = sql_cursor_fetch(&run->context, host, ddl, NULL);
    } else {
        run_keep_open(run);
        (void)sql_cursor_fetch(&run->context, host, ddl, &run->kept);
    }
}

static void run_setting(struct sql_run *run, const struct sql_host *host) {
    const struct plan_statement *bound = &run->statement->bound;
    const struct plan_ddl *ddl = bound->ddl;
    if (ddl->kind == DDL_DECLARE) {
        sql_cursor_declare(&run->context, host, ddl, bound->parameter_types, run->parameters, run->parameter_count);
    } else {
        define_run(&run->context, host, ddl);
    }
}

static void run_begin(struct sql_run *run, const struct sql_host *host) {
    struct sql_statement *statement = run->statement;
    for (const struct plan_notice *notice = statement->bound.notices; notice != NULL; notice = notice->next) {
        sql_notice(&run->context, notice->status, notice->detail, "%s", notice->message);
    }
    switch (statement->bound.kind) {
    case STATEMENT_QUERY:
    case STATEMENT_WRITE:
        run->measures = run->values == 0 ? NULL : sql_alloc_zero(&run->context, 1, sizeof(*run->measures));
        run->exec =
            exec_open(&run->context, host, statement->bound.root, run->parameters, run->parameter_count, run->measures);
        if (statement->bound.kind == STATEMENT_WRITE) {
            run->rows = exec_rows_affected(run->exec);
            run->ended = true;
        } else if (statement->bound.advances ||
                   (statement->bound.locks && run->context.settings->isolation == SQL_ISOLATION_READ_COMMITTED)) {
            run_keep(run); /* what is claimed is claimed before the first row is given */
        }
        break;
    case STATEMENT_EXPLAIN:
        run_explain(run, host);
        break;
    case STATEMENT_COPY:
        run->exec = exec_open(&run->context, host, statement->bound.root, run->parameters, run->parameter_count, NULL);
        run->rows = copy_write(&run->context, host, statement->bound.copy, run->exec);
        break;
    case STATEMENT_FETCH:
        run_fetch(run, host);
        break;
    case STATEMENT_SETTING:
        run_setting(run, host);
        break;
    case STATEMENT_DDL:
    case STATEMENT_TRANSACTION:
        define_run(&run->context, host, statement->bound.ddl);
        break;
    case STATEMENT_BLOCK: /* the engine's: EXPLAIN and PREPARE do not take it */
    case STATEMENT_EMPTY:
        break;
    }
}

static enum kmb_status run_try(struct sql_run *run, const struct sql_host *host, const struct value *parameters,
                               uint32_t parameter_count) {
    struct sql_context *context = &run->context;
    volatile enum kmb_status status = KMB_OK;
    context->stale_plan = false;
    SQL_GUARD(context) {
        context->catalogue = run->statement->plan.catalogue;
        sql_check_cancel(context);
        run_take_parameters(run, parameters, parameter_count);
        struct sql_statement *statement = run->statement;
        if (statement->at_parameter && (statement->bound.kind == STATEMENT_EXPLAIN || !statement->scans)) {
            sql_try(context,
                    sql_statement_bind(statement, host, run->parameters, run->parameter_count, context->error));
        }
        if (statement->bound.kind == STATEMENT_EXPLAIN && statement->bound.explain.summary) {
            sql_try(context, bind_measured(run, host, run->parameter_count));
        }
        context->catalogue = statement->plan.catalogue; /* it may be another than before */
        run_begin(run, host);
    }
    SQL_CAUGHT {
        status = context->status;
        if (context->tell != NULL && context->error != NULL) {
            context->tell(context->tell_object, context->error);
        }
    }
    context->guarded = false;
    return status;
}

/* A plan whose catalogue is not that of the views it opens is bound again, to the point that the parameters name, and
 * tried again; twice where another session changes the schema in between, and so on. */
static enum kmb_status run_start(struct sql_run *run, const struct sql_host *host, const struct value *parameters,
                                 uint32_t parameter_count) {
    struct kmb_error *error = run->context.error;
    enum kmb_status status = run_try(run, host, parameters, parameter_count);
    for (unsigned tries = 0; run->context.stale_plan; tries++) {
        if (tries == RUN_TRIES_MAX) {
            return error_set(error, KMB_SERIALIZATION, "the schema kept changing while the statement began");
        }
        if (run->statement != run->first) { /* made for a schema that is gone */
            run->statement->runs--;
            run->first->runs++;
            run->statement = run->first;
            sql_others_forget(run->first);
        }
        run->values = 0;
        status = sql_statement_bind(run->statement, host, run->parameters, run->parameter_count, error);
        if (status == KMB_OK) {
            status = run_check_parameters(run->statement, parameter_count, error);
        }
        if (status != KMB_OK) {
            return status;
        }
        status = run_try(run, host, parameters, parameter_count);
    }
    return status;
}

/* What the caller was told of the statement must stay so: EXECUTE and FETCH may come upon another query of the same
 * name. */
static enum kmb_status statement_rebind(struct sql_statement *statement, const struct sql_host *host,
                                        struct kmb_error *error) {
    enum plan_statement_kind kind = statement->bound.kind;
    uint32_t columns = statement->bound.column_count;
    bool executes = statement->bound.arguments != NULL || kind == STATEMENT_FETCH;
    enum kmb_status status = sql_statement_bind(statement, host, NULL, 0, error);
    if (status == KMB_OK && executes && (statement->bound.kind != kind || statement->bound.column_count != columns)) {
        return error_set(error, KMB_UNSUPPORTED, "cached plan must not change result type");
    }
    return status;
}

enum kmb_status sql_run_open(struct sql_statement *statement, const struct sql_host *host,
                             const struct value *parameters, uint32_t parameter_count, struct sql_run **run,
                             struct kmb_error *error) {
    *run = NULL;
    bool stale = false;
    enum kmb_status status = statement_stale(statement, host, &stale, error);
    if (status == KMB_OK && stale) {
        sql_others_forget(statement);
        status = statement_rebind(statement, host, error);
    }
    if (status == KMB_OK) {
        status = run_check_parameters(statement, parameter_count, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct sql_run *made = mem_alloc_zero(1, sizeof(*made));
    if (made == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    made->statement = statement;
    made->first = statement;
    if (statement->minds) {
        sql_run_choose(made, host, parameters, parameter_count);
    }
    made->statement->runs++;
    sql_context_of_host(&made->context, host, error, statement);
    context_start_clock(&made->context, host);
    status = run_start(made, host, parameters, parameter_count);
    made->context.error = NULL;
    if (status != KMB_OK) {
        sql_run_close(made);
        return status;
    }
    *run = made;
    return KMB_OK;
}

enum kmb_status sql_run_next(struct sql_run *run, const struct batch **batch, struct kmb_error *error) {
    struct sql_context *context = &run->context;
    *batch = NULL;
    if (run->line_next < run->line_count) {
        *batch = run_next_lines(run);
        return KMB_ROW;
    }
    if (run->keeps) {
        *batch = run_next_kept(run);
        return *batch == NULL ? KMB_DONE : KMB_ROW;
    }
    enum plan_statement_kind kind = run->statement->bound.kind;
    bool silent = kind == STATEMENT_COPY || (kind == STATEMENT_WRITE && run->statement->bound.column_count == 0);
    if (run->exec == NULL || silent) {
        return KMB_DONE;
    }
    volatile enum kmb_status status = KMB_DONE;
    const struct batch *volatile found = NULL;
    context->error = error;
    SQL_GUARD(context) {
        found = exec_next(run->exec);
        status = found == NULL ? KMB_DONE : KMB_ROW;
    }
    SQL_CAUGHT {
        status = context->status;
    }
    context->guarded = false;
    context->error = NULL;
    run->ended = status == KMB_DONE;
    *batch = found;
    if (status == KMB_ROW && run->statement->bound.kind == STATEMENT_QUERY) {
        run->rows += found->selection != NULL ? found->selection_count : found->count;
    }
    return status;
}

const struct plan_statement *sql_run_plan(const struct sql_run *run) {
    return &run->statement->bound;
}

uint64_t sql_run_rows_affected(const struct sql_run *run) {
    return run->rows;
}

/* Without printf(): each statement ends here, also one that takes a microsecond. */
static char *put_text(char *at, const char *text) {
    size_t length = strlen(text);
    memcpy(at, text, length + 1);
    return at + length;
}

void sql_run_tag(const struct sql_run *run, char tag[SQL_TAG_SIZE]) {
    const struct plan_statement *bound = &run->statement->bound;
    bool insert = strcmp(bound->tag, "INSERT") == 0;
    bool counted = (bound->kind == STATEMENT_WRITE && !bound->root->no_data) || bound->kind == STATEMENT_FETCH ||
                   bound->kind == STATEMENT_COPY ||
                   (bound->kind == STATEMENT_QUERY && strcmp(bound->tag, "SELECT") == 0);
    ASSERT(strlen(bound->tag) + VALUE_INTEGER_TEXT_SIZE + 4 <= SQL_TAG_SIZE);
    char *at = put_text(tag, bound->tag);
    if (counted) {
        at = put_text(at, insert ? " 0 " : " ");
        (void)value_format_integer((int64_t)run->rows, at);
    }
}

void sql_run_close(struct sql_run *run) {
    if (run == NULL) {
        return;
    }
    sql_run_judge(run);
    run->statement->runs--;
    exec_close(run->exec);
    sql_context_free(&run->context);
    mem_free(run);
}
