/*
 * SQL/JSON paths followed, for the functions of json_query_function.c.
 *
 * A step is done for one value and hands each value that comes out to the next one, depth first; the last one puts it
 * on a list, or, where only existence is asked (list NULL), stops at the first. An answer is therefore one of three:
 * something was found, nothing, or an error that is not told (silent, or inside a predicate, which is then unknown).
 *
 * In lax mode an array is taken apart where its elements are meant, a value is an array of one where an array is, and
 * what is not there is nothing; in strict mode each of these is an error. The rules are PostgreSQL's.
 */
#include "sql/func/json_query.h"

#include <inttypes.h>
#include <math.h>

#include "base/assert.h"
#include "sql/func/json_path.h"
#include "sql/func/loops.h"
#include "sql/func/regex.h"
#include "sql/func/template_datetime.h"

#define EVALUATION_DEPTH_MAX 2500                 /* steps within steps, and levels of a value below them */
#define CANCEL_EVERY         1024                 /* steps */
#define BASE_IDS             INT64_C(10000000000) /* of .keyvalue(): so many for each base */

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN };

struct walk {
    const struct sql_call *call;
    const struct json_query *query;
    const struct json_node *root;
    const struct json_node *current;   /* @ */
    const struct json_node *variables; /* an object, or NULL */
    int64_t base; /* of what is walked: the target is 0, variables 1, then each that .keyvalue() makes */
    int64_t last_base;
    int64_t array_size;    /* of the array around a subscript; -1: none */
    bool ignore_structure; /* what is not there is nothing */
    bool throws;
    uint32_t depth;
    uint64_t steps;
    struct template *templates; /* of .datetime() without one; NULL: not read yet */
};

/* A value of .datetime(): its kind is JSON_MOMENT, its text ISO 8601. */
struct moment_node {
    struct json_node node;
    struct moment moment;
};

/* What the levels of .** and the elements of an array have in common: `next` (NULL: keep) for each value below. */
struct below {
    const struct json_query_step *next;
    uint32_t first;
    uint32_t last;
    bool ignore;
    bool unwrap;
};

static enum json_query_found run(struct walk *walk, const struct json_query_step *step, const struct json_node *node,
                                 struct json_query_list *list, bool unwrap);
static enum truth decide(struct walk *walk, const struct json_query_step *step, const struct json_node *node);
static enum json_query_found run_below(struct walk *walk, const struct below *below, const struct json_node *node,
                                       struct json_query_list *list, uint32_t level);

static bool lax(const struct walk *walk) {
    return !walk->query->strict;
}

static bool is_array(const struct json_node *node) {
    return node->kind == JSON_ARRAY_OPEN;
}

static bool is_container(const struct json_node *node) {
    return node->kind == JSON_OBJECT_OPEN || is_array(node);
}

static void list_add(const struct walk *walk, struct json_query_list *list, const struct json_node *node) {
    struct json_query_item *item = (struct json_query_item *)(void *)result_bytes(walk->call, sizeof(*item));
    *item = (struct json_query_item){.node = node};
    if (list->first == NULL) {
        list->first = item;
    } else {
        *list->end = item;
    }
    list->end = &item->next;
    list->count++;
}

static const struct json_node *scalar(const struct walk *walk, enum json_token kind, struct slice text) {
    struct json_node *node = (struct json_node *)(void *)result_bytes(walk->call, sizeof(*node));
    *node = (struct json_node){.kind = kind, .text = text};
    return node;
}

static const struct json_node *boolean(const struct walk *walk, enum truth truth) {
    return truth == TRUTH_UNKNOWN ? scalar(walk, JSON_NULL, slice_text("null"))
           : truth == TRUTH_TRUE  ? scalar(walk, JSON_TRUE, slice_text("true"))
                                  : scalar(walk, JSON_FALSE, slice_text("false"));
}

static struct slice kept(const struct walk *walk, const char *text, size_t length) {
    uint8_t *bytes = result_bytes(walk->call, length);
    memcpy(bytes, text, length);
    return slice_make(bytes, length);
}

static const struct json_node *number(const struct walk *walk, struct decimal value) {
    char text[DECIMAL_TEXT_SIZE];
    return scalar(walk, JSON_NUMBER, kept(walk, text, decimal_format(value, text)));
}

static struct decimal decimal_of(const struct walk *walk, const struct json_node *node) {
    struct decimal value;
    enum kmb_status status = decimal_parse(node->text, &value, walk->call->context->error);
    if (status != KMB_OK) {
        sql_raise_status(walk->call->context, status, walk->call->position);
    }
    return value;
}

static struct json_node *tree_of(const struct sql_call *call, const struct json_query *query, struct slice text) {
    struct json_node *root = NULL;
    enum kmb_status status = json_tree_parse(text, true, call->arena, &root, call->context->error);
    if (status != KMB_OK) {
        sql_raise_status(call->context, status, call->position);
    }
    if (query->places) {
        json_lay_out(root);
    }
    return root;
}

/* An error that silence turns into an answer. */
#define FAIL(walk, status, ...)                                                                                        \
    do {                                                                                                               \
        if ((walk)->throws) {                                                                                          \
            sql_raise((walk)->call->context, (status), (walk)->call->position, __VA_ARGS__);                           \
        }                                                                                                              \
        return JSON_QUERY_FOUND_ERROR;                                                                                 \
    } while (0)

/* Whether what is known suffices: an error, or something found where no list is wanted. */
static bool enough(enum json_query_found found, const struct json_query_list *list) {
    return found == JSON_QUERY_FOUND_ERROR || (found == JSON_QUERY_FOUND_SOME && list == NULL);
}

/* --- from step to step --- */

static void enter(struct walk *walk) {
    struct sql_context *context = walk->call->context;
    if (++walk->depth > EVALUATION_DEPTH_MAX) {
        sql_raise(context, KMB_TOO_COMPLEX, walk->call->position, "stack depth limit exceeded");
    }
    if (++walk->steps > JSON_QUERY_STEPS_MAX) {
        sql_raise(context, KMB_LIMIT, walk->call->position, "a jsonpath takes too many steps");
    }
    if (walk->steps % CANCEL_EVERY == 0) {
        sql_check_cancel(context);
    }
}

static enum json_query_found give(struct walk *walk, const struct json_query_step *step, const struct json_node *node,
                                  struct json_query_list *list) {
    if (step != NULL && step->next != NULL) {
        return run(walk, step->next, node, list, lax(walk));
    }
    if (list != NULL) {
        list_add(walk, list, node);
    }
    return JSON_QUERY_FOUND_SOME;
}

/* A value of another base. */
static enum json_query_found give_of(struct walk *walk, const struct json_query_step *step,
                                     const struct json_node *node, struct json_query_list *list, int64_t base) {
    int64_t outer = walk->base;
    walk->base = base;
    enum json_query_found found = give(walk, step, node, list);
    walk->base = outer;
    return found;
}

static enum json_query_found below_level(struct walk *walk, const struct below *below, const struct json_node *node,
                                         struct json_query_list *list, uint32_t level) {
    enum json_query_found answer = JSON_QUERY_FOUND_NONE;
    bool leaves = below->first == JSON_QUERY_LEVELS_MAX && below->last == JSON_QUERY_LEVELS_MAX;
    if (level > below->last) {
        return answer;
    }
    for (const struct json_node *at = node->first; at != NULL; at = at->next) {
        if (level >= below->first || (leaves && !is_container(at))) {
            bool ignored = walk->ignore_structure;
            walk->ignore_structure = ignored || below->ignore;
            enum json_query_found found = JSON_QUERY_FOUND_SOME;
            if (below->next != NULL) {
                found = run(walk, below->next, at, list, below->unwrap);
            } else if (list != NULL) {
                list_add(walk, list, at);
            }
            walk->ignore_structure = ignored;
            answer = found != JSON_QUERY_FOUND_NONE ? found : answer;
            if (enough(found, list)) {
                return found;
            }
        }
        if (level < below->last && is_container(at)) {
            enum json_query_found found = run_below(walk, below, at, list, level + 1);
            answer = found != JSON_QUERY_FOUND_NONE ? found : answer;
            if (enough(found, list)) {
                return found;
            }
        }
    }
    return answer;
}

static enum json_query_found run_below(struct walk *walk, const struct below *below, const struct json_node *node,
                                       struct json_query_list *list, uint32_t level) {
    enter(walk);
    enum json_query_found found = below_level(walk, below, node, list, level);
    walk->depth--;
    return found;
}

/* The step itself for each element of an array. */
static enum json_query_found run_elements(struct walk *walk, const struct json_query_step *step,
                                          const struct json_node *array, struct json_query_list *list) {
    struct below below = {.next = step, .first = 1, .last = 1};
    return run_below(walk, &below, array, list, 1);
}

/* Values of an operand, arrays among them taken apart in lax mode. */
static enum json_query_found run_unwrapped(struct walk *walk, const struct json_query_step *step,
                                           const struct json_node *node, struct json_query_list *list) {
    struct json_query_list values = json_query_list_make();
    if (!lax(walk)) {
        return run(walk, step, node, list, lax(walk));
    }
    enum json_query_found found = run(walk, step, node, &values, lax(walk));
    for (const struct json_query_item *item = values.first; item != NULL && found != JSON_QUERY_FOUND_ERROR;
         item = item->next) {
        if (!is_array(item->node)) {
            list_add(walk, list, item->node);
            continue;
        }
        for (const struct json_node *at = item->node->first; at != NULL; at = at->next) {
            list_add(walk, list, at);
        }
    }
    return found;
}

/* --- accessors --- */

static enum json_query_found run_key(struct walk *walk, const struct json_query_step *step,
                                     const struct json_node *node, struct json_query_list *list, bool unwrap) {
    if (node->kind == JSON_OBJECT_OPEN) {
        const struct json_node *member = json_member(node, step->text);
        if (member != NULL) {
            return give(walk, step, member, list);
        }
        if (!walk->ignore_structure) {
            FAIL(walk, KMB_JSON_MEMBER_NOT_FOUND, "JSON object does not contain key \"%.*s\"",
                 (int)(step->text.length > 200 ? 200 : step->text.length), (const char *)step->text.bytes);
        }
        return JSON_QUERY_FOUND_NONE;
    }
    if (unwrap && is_array(node)) {
        return run_elements(walk, step, node, list);
    }
    if (!walk->ignore_structure) {
        FAIL(walk, KMB_JSON_MEMBER_NOT_FOUND, "jsonpath member accessor can only be applied to an object");
    }
    return JSON_QUERY_FOUND_NONE;
}

static enum json_query_found run_any_key(struct walk *walk, const struct json_query_step *step,
                                         const struct json_node *node, struct json_query_list *list, bool unwrap) {
    if (node->kind == JSON_OBJECT_OPEN) {
        struct below below = {.next = step->next, .first = 1, .last = 1, .unwrap = lax(walk)};
        return run_below(walk, &below, node, list, 1);
    }
    if (unwrap && is_array(node)) {
        return run_elements(walk, step, node, list);
    }
    if (!walk->ignore_structure) {
        FAIL(walk, KMB_JSON_OBJECT_NOT_FOUND, "jsonpath wildcard member accessor can only be applied to an object");
    }
    return JSON_QUERY_FOUND_NONE;
}

static enum json_query_found run_any_element(struct walk *walk, const struct json_query_step *step,
                                             const struct json_node *node, struct json_query_list *list) {
    if (is_array(node)) {
        struct below below = {.next = step->next, .first = 1, .last = 1, .unwrap = lax(walk)};
        return run_below(walk, &below, node, list, 1);
    }
    if (lax(walk)) {
        return give(walk, step, node, list);
    }
    if (!walk->ignore_structure) {
        FAIL(walk, KMB_JSON_ARRAY_NOT_FOUND, "jsonpath wildcard array accessor can only be applied to an array");
    }
    return JSON_QUERY_FOUND_NONE;
}

static enum json_query_found subscript(struct walk *walk, const struct json_query_step *step,
                                       const struct json_node *node, int64_t *index) {
    struct json_query_list values = json_query_list_make();
    struct decimal whole;
    if (run(walk, step, node, &values, lax(walk)) == JSON_QUERY_FOUND_ERROR) {
        return JSON_QUERY_FOUND_ERROR;
    }
    const struct json_node *value = json_query_single(&values);
    if (value == NULL || value->kind != JSON_NUMBER) {
        FAIL(walk, KMB_JSON_SUBSCRIPT, "jsonpath array subscript is not a single numeric value");
    }
    if (decimal_round(decimal_of(walk, value), 0, DECIMAL_TRUNCATE, &whole, NULL) != KMB_OK ||
        decimal_to_int64(whole, index, NULL) != KMB_OK || *index != (int32_t)*index) {
        FAIL(walk, KMB_JSON_SUBSCRIPT, "jsonpath array subscript is out of integer range");
    }
    return JSON_QUERY_FOUND_SOME;
}

/* The elements that one subscript means. */
static enum json_query_found run_range(struct walk *walk, const struct json_query_step *accessor,
                                       const struct json_query_step *step, const struct json_node *node,
                                       struct json_query_list *list, int64_t size) {
    int64_t from = 0;
    enum json_query_found answer = JSON_QUERY_FOUND_NONE;
    if (subscript(walk, step->left, node, &from) == JSON_QUERY_FOUND_ERROR) {
        return JSON_QUERY_FOUND_ERROR;
    }
    int64_t to = from;
    if (step->right != NULL && subscript(walk, step->right, node, &to) == JSON_QUERY_FOUND_ERROR) {
        return JSON_QUERY_FOUND_ERROR;
    }
    if (!walk->ignore_structure && (from < 0 || from > to || to >= size)) {
        FAIL(walk, KMB_JSON_SUBSCRIPT, "jsonpath array subscript is out of bounds");
    }
    from = from < 0 ? 0 : from;
    to = to >= size ? size - 1 : to;
    const struct json_node *at = is_array(node) ? node->first : node;
    for (int64_t i = 0; i <= to; i++) {
        ASSERT(at != NULL);
        if (i >= from) {
            enum json_query_found found = give(walk, accessor, at, list);
            answer = found != JSON_QUERY_FOUND_NONE ? found : answer;
            if (enough(found, list)) {
                return found;
            }
        }
        at = at->next;
    }
    return answer;
}

static enum json_query_found run_index(struct walk *walk, const struct json_query_step *step,
                                       const struct json_node *node, struct json_query_list *list) {
    if (!is_array(node) && !lax(walk)) {
        if (!walk->ignore_structure) {
            FAIL(walk, KMB_JSON_ARRAY_NOT_FOUND, "jsonpath array accessor can only be applied to an array");
        }
        return JSON_QUERY_FOUND_NONE;
    }
    int64_t outer = walk->array_size;
    int64_t size = is_array(node) ? json_count(node) : 1;
    enum json_query_found answer = JSON_QUERY_FOUND_NONE;
    walk->array_size = size;
    for (const struct json_query_step *one = step; one != NULL; one = one->more) {
        enum json_query_found found = run_range(walk, step, one, node, list, size);
        answer = found != JSON_QUERY_FOUND_NONE ? found : answer;
        if (enough(found, list)) {
            break;
        }
    }
    walk->array_size = outer;
    return answer;
}

/* .**{first to last} */
static enum json_query_found run_any_level(struct walk *walk, const struct json_query_step *step,
                                           const struct json_node *node, struct json_query_list *list) {
    enum json_query_found answer = JSON_QUERY_FOUND_NONE;
    if (step->first == 0) {
        bool ignored = walk->ignore_structure;
        walk->ignore_structure = true;
        answer = give(walk, step, node, list);
        walk->ignore_structure = ignored;
        if (answer == JSON_QUERY_FOUND_SOME && list == NULL) {
            return answer;
        }
    }
    if (is_container(node)) { /* an error of the value itself counts no more then, as in PostgreSQL */
        struct below below = {
            .next = step->next, .first = step->first, .last = step->last, .ignore = true, .unwrap = lax(walk)};
        answer = run_below(walk, &below, node, list, 1);
    }
    return answer;
}

static enum json_query_found run_filter(struct walk *walk, const struct json_query_step *step,
                                        const struct json_node *node, struct json_query_list *list, bool unwrap) {
    if (unwrap && is_array(node)) {
        return run_elements(walk, step, node, list);
    }
    const struct json_node *outer = walk->current;
    walk->current = node;
    enum truth truth = decide(walk, step->left, node);
    walk->current = outer;
    return truth == TRUTH_TRUE ? give(walk, step, node, list) : JSON_QUERY_FOUND_NONE;
}

static enum json_query_found run_variable(struct walk *walk, const struct json_query_step *step,
                                          struct json_query_list *list) {
    const struct json_node *value = walk->variables == NULL ? NULL : json_member(walk->variables, step->text);
    if (value == NULL) {
        sql_raise(walk->call->context, KMB_UNDEFINED_OBJECT, walk->call->position,
                  "could not find jsonpath variable \"%.*s\"", (int)(step->text.length > 200 ? 200 : step->text.length),
                  (const char *)step->text.bytes);
    }
    return give_of(walk, step, value, list, 1);
}

/* --- methods --- */

static const struct moment *moment_of(const struct json_node *node) {
    ASSERT(node->kind == JSON_MOMENT);
    return &((const struct moment_node *)node)->moment;
}

static const char *type_of_node(const struct json_node *node) {
    switch (node->kind) {
    case JSON_OBJECT_OPEN:
        return "object";
    case JSON_ARRAY_OPEN:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_NUMBER:
        return "number";
    case JSON_NULL:
        return "null";
    case JSON_MOMENT:
        return moment_type_name(moment_of(node)->kind);
    default:
        return "boolean";
    }
}

static enum json_query_found run_size(struct walk *walk, const struct json_query_step *step,
                                      const struct json_node *node, struct json_query_list *list) {
    if (!is_array(node) && !lax(walk)) {
        if (!walk->ignore_structure) {
            FAIL(walk, KMB_JSON_ARRAY_NOT_FOUND, "jsonpath item method .size() can only be applied to an array");
        }
        return JSON_QUERY_FOUND_NONE;
    }
    return give(walk, step, number(walk, decimal_of_int64(is_array(node) ? json_count(node) : 1)), list);
}

static enum json_query_found run_double(struct walk *walk, const struct json_query_step *step,
                                        const struct json_node *node, struct json_query_list *list) {
    double real = 0;
    if (node->kind != JSON_NUMBER && node->kind != JSON_STRING) {
        FAIL(walk, KMB_JSON_NOT_A_NUMBER,
             "jsonpath item method .double() can only be applied to a string or numeric value");
    }
    bool text = node->kind == JSON_STRING;
    if (value_parse_real(TYPE_FLOAT8, node->text, &real, NULL) != KMB_OK || isnan(real) || isinf(real)) {
        FAIL(walk, KMB_JSON_NOT_A_NUMBER, "%s",
             text ? "string argument of jsonpath item method .double() is not a valid representation of a double "
                    "precision number"
                  : "numeric argument of jsonpath item method .double() is out of range for type double precision");
    }
    struct decimal value;
    if (!text) {
        return give(walk, step, node, list);
    }
    enum kmb_status status = decimal_of_double(real, &value, walk->call->context->error);
    if (status != KMB_OK) {
        sql_raise_status(walk->call->context, status, walk->call->position);
    }
    return give(walk, step, number(walk, value), list);
}

static enum json_query_found run_rounding(struct walk *walk, const struct json_query_step *step,
                                          const struct json_node *node, struct json_query_list *list) {
    const char *name = step->kind == JSON_QUERY_ABS ? "abs" : step->kind == JSON_QUERY_FLOOR ? "floor" : "ceiling";
    if (node->kind != JSON_NUMBER) {
        FAIL(walk, KMB_JSON_NOT_A_NUMBER, "jsonpath item method .%s() can only be applied to a numeric value", name);
    }
    struct decimal value = decimal_of(walk, node);
    if (step->kind == JSON_QUERY_ABS) {
        value = decimal_absolute(value);
    } else {
        enum kmb_status status =
            decimal_round(value, 0, step->kind == JSON_QUERY_FLOOR ? DECIMAL_FLOOR : DECIMAL_CEILING, &value,
                          walk->call->context->error);
        if (status != KMB_OK) {
            sql_raise_status(walk->call->context, status, walk->call->position);
        }
    }
    return give(walk, step, number(walk, value), list);
}

/* Without a template: these, the first that fits. */
static const char *const moment_templates[] = {
    "yyyy-mm-dd",
    "HH24:MI:SS.USTZH:TZM",
    "HH24:MI:SS.USTZH",
    "HH24:MI:SSTZH:TZM",
    "HH24:MI:SSTZH",
    "HH24:MI:SS.US",
    "HH24:MI:SS",
    "yyyy-mm-dd HH24:MI:SS.USTZH:TZM",
    "yyyy-mm-dd HH24:MI:SS.USTZH",
    "yyyy-mm-dd HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd HH24:MI:SSTZH",
    "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH:TZM",
    "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH",
    "yyyy-mm-dd HH24:MI:SS.US",
    "yyyy-mm-dd HH24:MI:SS",
    "yyyy-mm-dd\"T\"HH24:MI:SS.US",
    "yyyy-mm-dd\"T\"HH24:MI:SS",
};

struct moment_reading {
    const struct sql_call *call;
    const struct template *template;
    struct slice text;
    struct moment moment;
};

static void read_moment(void *context) {
    struct moment_reading *reading = context;
    reading->moment = moment_read(reading->call, reading->template, reading->text);
}

/* False: the text is not what the template says; the error tells why. All else is raised. */
static bool try_moment(struct moment_reading *reading) {
    struct sql_context *context = reading->call->context;
    enum kmb_status status = sql_catch(context, read_moment, reading);
    bool soft = status == KMB_INVALID_DATETIME || status == KMB_DATETIME_OVERFLOW ||
                status == KMB_INVALID_ZONE_OFFSET || status == KMB_UNSUPPORTED;
    if (status != KMB_OK && !soft) {
        sql_raise_status(context, status, reading->call->position);
    }
    if (status != KMB_OK && context->error != NULL) {
        error_clear(context->error);
    }
    return status == KMB_OK;
}

static bool read_any_moment(struct walk *walk, struct moment_reading *reading) {
    size_t count = ARRAY_LENGTH(moment_templates);
    if (walk->templates == NULL) {
        walk->templates = (struct template *)(void *)result_bytes(walk->call, count * sizeof(*walk->templates));
        for (size_t i = 0; i < count; i++) {
            walk->templates[i] = moment_template_read(walk->call, slice_text(moment_templates[i]));
        }
    }
    for (size_t i = 0; i < count; i++) {
        reading->template = &walk->templates[i];
        if (try_moment(reading)) {
            return true;
        }
    }
    return false;
}

static enum json_query_found run_datetime(struct walk *walk, const struct json_query_step *step,
                                          const struct json_node *node, struct json_query_list *list) {
    struct moment_reading reading = {.call = walk->call, .text = node->text};
    if (node->kind != JSON_STRING) {
        FAIL(walk, KMB_JSON_DATETIME, "jsonpath item method .datetime() can only be applied to a string");
    }
    if (step->templated) {
        struct template template = moment_template_read(walk->call, step->text);
        reading.template = &template;
        if (walk->throws) {
            read_moment(&reading);
        } else if (!try_moment(&reading)) {
            return JSON_QUERY_FOUND_ERROR;
        }
    } else if (!read_any_moment(walk, &reading)) {
        if (walk->throws) {
            sql_raise_with(walk->call->context, KMB_JSON_DATETIME, walk->call->position, NULL,
                           "Use a datetime template argument to specify the input data format.",
                           "datetime format is not recognized: \"%.*s\"",
                           (int)(node->text.length > 200 ? 200 : node->text.length), (const char *)node->text.bytes);
        }
        return JSON_QUERY_FOUND_ERROR;
    }
    struct moment_node *made = (struct moment_node *)(void *)result_bytes(walk->call, sizeof(*made));
    *made = (struct moment_node){.node = {.kind = JSON_MOMENT, .text = moment_text(walk->call, &reading.moment)},
                                 .moment = reading.moment};
    return give(walk, step, &made->node, list);
}

/* {"id": ..., "key": ..., "value": ...} */
static const struct json_node *pair(const struct walk *walk, int64_t id, const struct json_node *member) {
    struct buffer *out = json_buffer(walk->call);
    buffer_printf(out, "{\"id\": %" PRId64 ", \"key\": ", id);
    json_print_string(member->key, out);
    buffer_append_text(out, ", \"value\": ");
    buffer_append_slice(out, member->source);
    buffer_append_byte(out, '}');
    struct slice text = json_buffer_keep(walk->call, out);
    json_buffer_free(walk->call, out);
    return tree_of(walk->call, walk->query, text);
}

static enum json_query_found run_keyvalue(struct walk *walk, const struct json_query_step *step,
                                          const struct json_node *node, struct json_query_list *list) {
    enum json_query_found answer = JSON_QUERY_FOUND_NONE;
    if (node->kind != JSON_OBJECT_OPEN) {
        FAIL(walk, KMB_JSON_OBJECT_NOT_FOUND, "jsonpath item method .keyvalue() can only be applied to an object");
    }
    int64_t id = walk->base * BASE_IDS + node->place;
    for (const struct json_node *member = node->first; member != NULL; member = member->next) {
        if (step->next == NULL && list == NULL) {
            return JSON_QUERY_FOUND_SOME;
        }
        const struct json_node *made = pair(walk, id, member);
        enum json_query_found found = give_of(walk, step, made, list, ++walk->last_base);
        answer = found != JSON_QUERY_FOUND_NONE ? found : answer;
        if (enough(found, list)) {
            return found;
        }
    }
    return answer;
}

/* --- arithmetic --- */

static const char *operator_text(enum json_query_kind kind) {
    switch (kind) {
    case JSON_QUERY_ADD:
    case JSON_QUERY_PLUS:
        return "+";
    case JSON_QUERY_SUBTRACT:
    case JSON_QUERY_MINUS:
        return "-";
    case JSON_QUERY_MULTIPLY:
        return "*";
    case JSON_QUERY_DIVIDE:
        return "/";
    default:
        return "%";
    }
}

static enum kmb_status compute(enum json_query_kind kind, struct decimal a, struct decimal b, struct decimal *out,
                               struct kmb_error *error) {
    switch (kind) {
    case JSON_QUERY_ADD:
        return decimal_add(a, b, out, error);
    case JSON_QUERY_SUBTRACT:
        return decimal_subtract(a, b, out, error);
    case JSON_QUERY_MULTIPLY:
        return decimal_multiply(a, b, out, error);
    case JSON_QUERY_DIVIDE:
        return decimal_divide(a, b, out, error);
    default:
        return decimal_modulo(a, b, out, error);
    }
}

static enum json_query_found run_binary(struct walk *walk, const struct json_query_step *step,
                                        const struct json_node *node, struct json_query_list *list) {
    const struct json_query_step *operands[2] = {step->left, step->right};
    const struct json_node *values[2];
    struct decimal out;
    struct json_query_list found[2] = {json_query_list_make(), json_query_list_make()};
    for (int i = 0; i < 2; i++) {
        if (run_unwrapped(walk, operands[i], node, &found[i]) == JSON_QUERY_FOUND_ERROR) {
            return JSON_QUERY_FOUND_ERROR;
        }
    }
    for (int i = 0; i < 2; i++) {
        values[i] = json_query_single(&found[i]);
        if (values[i] == NULL || values[i]->kind != JSON_NUMBER) {
            FAIL(walk, KMB_JSON_SINGLE_ITEM, "%s operand of jsonpath operator %s is not a single numeric value",
                 i == 0 ? "left" : "right", operator_text(step->kind));
        }
    }
    enum kmb_status status =
        compute(step->kind, decimal_of(walk, values[0]), decimal_of(walk, values[1]), &out, walk->call->context->error);
    if (status != KMB_OK && walk->throws) {
        sql_raise_status(walk->call->context, status, walk->call->position);
    }
    return status != KMB_OK ? JSON_QUERY_FOUND_ERROR : give(walk, step, number(walk, out), list);
}

static enum json_query_found run_sign(struct walk *walk, const struct json_query_step *step,
                                      const struct json_node *node, struct json_query_list *list) {
    struct json_query_list values = json_query_list_make();
    enum json_query_found answer = JSON_QUERY_FOUND_NONE;
    bool last = list == NULL && step->next == NULL;
    if (run_unwrapped(walk, step->left, node, &values) == JSON_QUERY_FOUND_ERROR) {
        return JSON_QUERY_FOUND_ERROR;
    }
    for (const struct json_query_item *item = values.first; item != NULL; item = item->next) {
        const struct json_node *value = item->node;
        if (value->kind != JSON_NUMBER && last) {
            continue;
        }
        if (value->kind != JSON_NUMBER) {
            FAIL(walk, KMB_JSON_NUMBER_NOT_FOUND, "operand of unary jsonpath operator %s is not a numeric value",
                 operator_text(step->kind));
        }
        if (step->kind == JSON_QUERY_MINUS) {
            value = number(walk, decimal_negate(decimal_of(walk, value)));
        }
        enum json_query_found found = give(walk, step, value, list);
        answer = found != JSON_QUERY_FOUND_NONE ? found : answer;
        if (enough(found, list)) {
            return found;
        }
    }
    return answer;
}

/* --- predicates --- */

static int compare_scalars(const struct walk *walk, const struct json_node *a, const struct json_node *b) {
    switch (a->kind) {
    case JSON_NUMBER:
        return decimal_compare(decimal_of(walk, a), decimal_of(walk, b));
    case JSON_STRING:
        return slice_compare(a->text, b->text);
    default:
        return (a->kind == JSON_TRUE) - (b->kind == JSON_TRUE); /* of nulls 0 */
    }
}

static enum truth holds(enum json_query_kind kind, int order) {
    switch (kind) {
    case JSON_QUERY_EQUAL:
        return order == 0 ? TRUTH_TRUE : TRUTH_FALSE;
    case JSON_QUERY_NOT_EQUAL:
        return order != 0 ? TRUTH_TRUE : TRUTH_FALSE;
    case JSON_QUERY_LESS:
        return order < 0 ? TRUTH_TRUE : TRUTH_FALSE;
    case JSON_QUERY_LESS_EQUAL:
        return order <= 0 ? TRUTH_TRUE : TRUTH_FALSE;
    case JSON_QUERY_GREATER:
        return order > 0 ? TRUTH_TRUE : TRUTH_FALSE;
    default:
        return order >= 0 ? TRUTH_TRUE : TRUTH_FALSE;
    }
}

static enum truth compared(const struct walk *walk, enum json_query_kind kind, const struct json_node *a,
                           const struct json_node *b) {
    bool truths = (a->kind == JSON_TRUE || a->kind == JSON_FALSE) && (b->kind == JSON_TRUE || b->kind == JSON_FALSE);
    if (a->kind != b->kind && !truths) {
        bool null = a->kind == JSON_NULL || b->kind == JSON_NULL;
        return !null ? TRUTH_UNKNOWN : kind == JSON_QUERY_NOT_EQUAL ? TRUTH_TRUE : TRUTH_FALSE;
    }
    if (a->kind == JSON_MOMENT) {
        int order = 0;
        bool known = moment_compare(walk->call, moment_of(a), moment_of(b), walk->query->zones, &order);
        return known ? holds(kind, order) : TRUTH_UNKNOWN;
    }
    return is_container(a) ? TRUTH_UNKNOWN : holds(kind, compare_scalars(walk, a, b));
}

/* The predicate for one value of the left side and one of the right (NULL: it has none). */
static enum truth decide_pair(struct walk *walk, const struct json_query_step *step, const struct json_node *left,
                              const struct json_node *right) {
    if (step->kind == JSON_QUERY_LIKE) {
        bool global = false;
        if (left->kind != JSON_STRING) {
            return TRUTH_UNKNOWN;
        }
        struct regex *regex = regex_compile(walk->call, step->text, step->flags, &global);
        return regex_test(walk->call, regex, left->text) ? TRUTH_TRUE : TRUTH_FALSE;
    }
    ASSERT(right != NULL);
    if (step->kind != JSON_QUERY_STARTS) {
        return compared(walk, step->kind, left, right);
    }
    if (left->kind != JSON_STRING || right->kind != JSON_STRING) {
        return TRUTH_UNKNOWN;
    }
    size_t length = right->text.length;
    bool starts =
        length == 0 || (left->text.length >= length && memcmp(left->text.bytes, right->text.bytes, length) == 0);
    return starts ? TRUTH_TRUE : TRUTH_FALSE;
}

/* An operand's values; errors in it make the predicate unknown. */
static enum json_query_found operand(struct walk *walk, const struct json_query_step *step,
                                     const struct json_node *node, struct json_query_list *list, bool unwrap) {
    bool throws = walk->throws;
    walk->throws = false;
    enum json_query_found found =
        unwrap && list != NULL ? run_unwrapped(walk, step, node, list) : run(walk, step, node, list, lax(walk));
    walk->throws = throws;
    return found;
}

/* True when it holds for one pair of values; in strict mode one pair that it is unknown of makes it unknown. */
static enum truth decide_pairs(struct walk *walk, const struct json_query_step *step, const struct json_node *node) {
    struct json_query_list left = json_query_list_make();
    struct json_query_list right = json_query_list_make();
    bool binary = step->right != NULL;
    bool unknown = false;
    bool found = false;
    if (operand(walk, step->left, node, &left, true) == JSON_QUERY_FOUND_ERROR ||
        (binary &&
         operand(walk, step->right, node, &right, step->kind != JSON_QUERY_STARTS) == JSON_QUERY_FOUND_ERROR)) {
        return TRUTH_UNKNOWN;
    }
    for (const struct json_query_item *a = left.first; a != NULL; a = a->next) {
        const struct json_query_item *b = right.first;
        for (bool first = true; binary ? b != NULL : first; first = false) {
            enum truth truth = decide_pair(walk, step, a->node, binary ? b->node : NULL);
            if ((truth == TRUTH_UNKNOWN && !lax(walk)) || (truth == TRUTH_TRUE && lax(walk))) {
                return truth;
            }
            unknown = unknown || truth == TRUTH_UNKNOWN;
            found = found || truth == TRUTH_TRUE;
            b = binary ? b->next : NULL;
        }
        if (++walk->steps % CANCEL_EVERY == 0) {
            sql_check_cancel(walk->call->context);
        }
    }
    return found ? TRUTH_TRUE : unknown ? TRUTH_UNKNOWN : TRUTH_FALSE;
}

static enum truth decide_exists(struct walk *walk, const struct json_query_step *step, const struct json_node *node) {
    struct json_query_list values = json_query_list_make(); /* in strict mode all of them: each may be an error */
    enum json_query_found found = operand(walk, step->left, node, lax(walk) ? NULL : &values, false);
    if (found == JSON_QUERY_FOUND_ERROR) {
        return TRUTH_UNKNOWN;
    }
    return (lax(walk) ? found == JSON_QUERY_FOUND_SOME : values.count > 0) ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth decide_step(struct walk *walk, const struct json_query_step *step, const struct json_node *node) {
    enum truth left;
    enum truth right;
    switch (step->kind) {
    case JSON_QUERY_AND:
        left = decide(walk, step->left, node);
        if (left == TRUTH_FALSE) {
            return left;
        }
        right = decide(walk, step->right, node);
        return right == TRUTH_TRUE ? left : right;
    case JSON_QUERY_OR:
        left = decide(walk, step->left, node);
        if (left == TRUTH_TRUE) {
            return left;
        }
        right = decide(walk, step->right, node);
        return right == TRUTH_FALSE ? left : right;
    case JSON_QUERY_NOT:
        left = decide(walk, step->left, node);
        return left == TRUTH_UNKNOWN ? left : left == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
    case JSON_QUERY_UNKNOWN:
        return decide(walk, step->left, node) == TRUTH_UNKNOWN ? TRUTH_TRUE : TRUTH_FALSE;
    case JSON_QUERY_EXISTS:
        return decide_exists(walk, step, node);
    default:
        return decide_pairs(walk, step, node);
    }
}

static enum truth decide(struct walk *walk, const struct json_query_step *step, const struct json_node *node) {
    enter(walk);
    enum truth truth = decide_step(walk, step, node);
    walk->depth--;
    return truth;
}

/* --- a step --- */

static enum json_query_found run_method(struct walk *walk, const struct json_query_step *step,
                                        const struct json_node *node, struct json_query_list *list, bool unwrap) {
    if (unwrap && is_array(node)) {
        return run_elements(walk, step, node, list);
    }
    return step->kind == JSON_QUERY_KEYVALUE   ? run_keyvalue(walk, step, node, list)
           : step->kind == JSON_QUERY_DATETIME ? run_datetime(walk, step, node, list)
           : step->kind == JSON_QUERY_DOUBLE   ? run_double(walk, step, node, list)
                                               : run_rounding(walk, step, node, list);
}

static enum json_query_found run_step(struct walk *walk, const struct json_query_step *step,
                                      const struct json_node *node, struct json_query_list *list, bool unwrap) {
    switch (step->kind) {
    case JSON_QUERY_ROOT:
        return give_of(walk, step, walk->root, list, 0);
    case JSON_QUERY_CURRENT:
        return give(walk, step, walk->current, list);
    case JSON_QUERY_LAST:
        ASSERT(walk->array_size >= 0);
        return give(walk, step, number(walk, decimal_of_int64(walk->array_size - 1)), list);
    case JSON_QUERY_LITERAL:
        return give(walk, step, step->literal, list);
    case JSON_QUERY_VARIABLE:
        return run_variable(walk, step, list);
    case JSON_QUERY_KEY:
        return run_key(walk, step, node, list, unwrap);
    case JSON_QUERY_ANY_KEY:
        return run_any_key(walk, step, node, list, unwrap);
    case JSON_QUERY_ANY_ELEMENT:
        return run_any_element(walk, step, node, list);
    case JSON_QUERY_INDEX:
        return run_index(walk, step, node, list);
    case JSON_QUERY_ANY:
        return run_any_level(walk, step, node, list);
    case JSON_QUERY_FILTER:
        return run_filter(walk, step, node, list, unwrap);
    case JSON_QUERY_TYPE:
        return give(walk, step, scalar(walk, JSON_STRING, slice_text(type_of_node(node))), list);
    case JSON_QUERY_SIZE:
        return run_size(walk, step, node, list);
    case JSON_QUERY_ABS:
    case JSON_QUERY_FLOOR:
    case JSON_QUERY_CEILING:
    case JSON_QUERY_DOUBLE:
    case JSON_QUERY_KEYVALUE:
    case JSON_QUERY_DATETIME:
        return run_method(walk, step, node, list, unwrap);
    case JSON_QUERY_ADD:
    case JSON_QUERY_SUBTRACT:
    case JSON_QUERY_MULTIPLY:
    case JSON_QUERY_DIVIDE:
    case JSON_QUERY_MODULO:
        return run_binary(walk, step, node, list);
    case JSON_QUERY_PLUS:
    case JSON_QUERY_MINUS:
        return run_sign(walk, step, node, list);
    default: /* a predicate: its truth is a value, and there is one where only that is asked */
        if (step->next == NULL && list == NULL) {
            (void)decide_step(walk, step, node);
            return JSON_QUERY_FOUND_SOME;
        }
        return give(walk, step, boolean(walk, decide_step(walk, step, node)), list);
    }
}

static enum json_query_found run(struct walk *walk, const struct json_query_step *step, const struct json_node *node,
                                 struct json_query_list *list, bool unwrap) {
    enter(walk);
    enum json_query_found found = run_step(walk, step, node, list, unwrap);
    walk->depth--;
    return found;
}

/* --- a whole path --- */

enum json_query_found json_query_run(const struct sql_call *call, const struct json_query *query, struct slice target,
                                     const struct slice *variables, bool silent, struct json_query_list *list) {
    struct walk walk = {.call = call,
                        .query = query,
                        .root = tree_of(call, query, target),
                        .array_size = -1,
                        .ignore_structure = !query->strict,
                        .throws = !silent};
    struct json_query_list values = json_query_list_make();
    walk.current = walk.root;
    walk.last_base = 1;
    if (variables != NULL) {
        walk.variables = tree_of(call, query, *variables);
        if (walk.variables->kind != JSON_OBJECT_OPEN) {
            sql_raise_with(call->context, KMB_INVALID_PARAMETER, call->position,
                           "Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.", NULL,
                           "\"vars\" argument is not an object");
        }
    }
    bool all = list == NULL && query->strict; /* each value may be an error */
    enum json_query_found found = run(&walk, query->root, walk.root, all ? &values : list, lax(&walk));
    return all && found != JSON_QUERY_FOUND_ERROR ? (values.count > 0 ? JSON_QUERY_FOUND_SOME : JSON_QUERY_FOUND_NONE)
                                                  : found;
}
