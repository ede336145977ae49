/*
 * EXPLAIN's tree as text, JSON, XML and YAML, to the byte as PostgreSQL lays them out.
 *
 * Text is a row a line: a node, "->" and six blanks a level, its properties below it. The others are one row: the
 * properties in their order, then the nodes below as the list "Plans".
 */
#include <stdio.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "sql/plan/explain_tree.h"
#include "types/json_tree.h"

struct explain_group *explain_group_new(struct explain *explain) {
    struct explain_group *group = sql_alloc_zero(explain->context, 1, sizeof(*group));
    group->end = &group->properties;
    group->plans_end = &group->plans;
    return group;
}

struct explain_property *explain_add(struct explain *explain, struct explain_group *group, const char *label,
                                     enum explain_kind kind, enum explain_shown shown) {
    struct explain_property *property = sql_alloc_zero(explain->context, 1, sizeof(*property));
    *property = (struct explain_property){.label = label, .kind = kind, .shown = shown, .text = "", .unit = ""};
    *group->end = property;
    group->end = &property->next;
    return property;
}

void explain_add_text(struct explain *explain, struct explain_group *group, const char *label, const char *text) {
    explain_add(explain, group, label, EXPLAIN_TEXT, EXPLAIN_IN_ALL)->text = text;
}

void explain_add_list(struct explain *explain, struct explain_group *group, const char *label, const char *const *texts,
                      uint32_t count) {
    struct explain_property *property = explain_add(explain, group, label, EXPLAIN_LIST, EXPLAIN_IN_ALL);
    property->lists = sql_alloc_zero(explain->context, 1, sizeof(*property->lists));
    *property->lists = (struct explain_list){.texts = texts, .count = count};
}

/* --- text --- */

struct text_lines {
    struct sql_context *context;
    struct slice *lines;
    uint32_t count;
    uint32_t capacity;
};

static void add_line(struct text_lines *out, uint32_t indent, const char *text) {
    if (out->count == out->capacity) {
        uint32_t capacity = out->capacity == 0 ? 32 : out->capacity * 2;
        struct slice *grown = sql_alloc(out->context, capacity * sizeof(*grown));
        if (out->count > 0) {
            memcpy(grown, out->lines, out->count * sizeof(*grown));
        }
        out->lines = grown;
        out->capacity = capacity;
    }
    out->lines[out->count++] = slice_text(sql_printf(out->context, "%*s%s", (int)indent, "", text));
}

static void text_properties(struct text_lines *out, const struct explain_group *group, uint32_t indent) {
    for (const struct explain_property *p = group->properties; p != NULL; p = p->next) {
        if (p->shown == EXPLAIN_IN_OTHERS) {
            continue;
        }
        ASSERT(p->kind == EXPLAIN_TEXT || p->kind == EXPLAIN_BARE || p->kind == EXPLAIN_LIST);
        const char *text = p->text;
        for (uint32_t i = 0; p->kind == EXPLAIN_LIST && i < p->lists->count; i++) {
            text = sql_printf(out->context, "%s%s%s", text, i > 0 ? ", " : "", p->lists->texts[i]);
        }
        add_line(out, indent, sql_printf(out->context, "%s:%s%s%s", p->label, *text == 0 ? "" : " ", text, p->unit));
    }
}

static void text_node(struct text_lines *out, const struct explain_group *node, uint32_t indent, bool arrow) {
    if (node->heading != NULL) {
        add_line(out, indent, node->heading);
        indent += 2;
    }
    add_line(out, indent, sql_printf(out->context, "%s%s", arrow ? "->  " : "", node->title));
    indent += arrow ? 6 : 2;
    text_properties(out, node, indent);
    for (const struct explain_group *below = node->plans; below != NULL; below = below->next) {
        text_node(out, below, indent, true);
    }
}

static uint32_t print_text(struct explain *explain, const struct explain_group *root, struct slice **lines) {
    struct text_lines out = {.context = explain->context};
    for (const struct explain_group *node = root->plans; node != NULL; node = node->next) {
        text_node(&out, node, 0, false);
    }
    text_properties(&out, root, 0);
    *lines = out.lines;
    return out.count;
}

/* --- JSON, XML, YAML --- */

struct printer {
    struct buffer *out;
    enum plan_explain_format format;
};

static void break_line(const struct printer *printer, uint32_t level) {
    if (printer->out->length > 0) {
        buffer_append_byte(printer->out, '\n');
    }
    buffer_printf(printer->out, "%*s", (int)(2 * level), "");
}

/* In XML: a label as the name of an element. */
static void put_element(const struct printer *printer, const char *label, const char *before, const char *behind) {
    buffer_append_text(printer->out, before);
    for (const char *c = label; *c != 0; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_';
        buffer_append_byte(printer->out, (uint8_t)(plain || *c == '.' ? *c : '-'));
    }
    buffer_append_text(printer->out, behind);
}

static void put_string(const struct printer *printer, const char *text) {
    if (printer->format != PLAN_EXPLAIN_XML) {
        json_print_string(slice_text(text), printer->out);
        return;
    }
    for (const char *c = text; *c != 0; c++) {
        const char *escape = *c == '&' ? "&amp;" : *c == '<' ? "&lt;" : *c == '>' ? "&gt;" : *c == '\r' ? "&#x0d;" : "";
        if (*escape != 0) {
            buffer_append_text(printer->out, escape);
        } else {
            buffer_append_byte(printer->out, (uint8_t)*c);
        }
    }
}

/* The label of a property and what opens its value. */
static void put_label(const struct printer *printer, const char *label) {
    if (printer->format == PLAN_EXPLAIN_XML) {
        put_element(printer, label, "<", ">");
    } else if (printer->format == PLAN_EXPLAIN_JSON) {
        json_print_string(slice_text(label), printer->out);
        buffer_append_text(printer->out, ": ");
    } else {
        buffer_printf(printer->out, "%s: ", label);
    }
}

static void put_end(const struct printer *printer, const char *label) {
    if (printer->format == PLAN_EXPLAIN_XML) {
        put_element(printer, label, "</", ">");
    }
}

/* ["a", "b"] */
static void put_inline_list(const struct printer *printer, const struct explain_list *list) {
    buffer_append_byte(printer->out, '[');
    for (uint32_t i = 0; i < list->count; i++) {
        buffer_append_text(printer->out, i > 0 ? ", " : "");
        put_string(printer, list->texts[i]);
    }
    buffer_append_byte(printer->out, ']');
}

static void put_items(const struct printer *printer, const struct explain_list *list, uint32_t level) {
    for (uint32_t i = 0; i < list->count; i++) {
        break_line(printer, level);
        buffer_append_text(printer->out, printer->format == PLAN_EXPLAIN_XML ? "<Item>" : "- ");
        put_string(printer, list->texts[i]);
        put_end(printer, "Item");
    }
}

static void put_list(const struct printer *printer, const struct explain_property *p, uint32_t level) {
    if (printer->format == PLAN_EXPLAIN_JSON) {
        put_inline_list(printer, p->lists);
        return;
    }
    put_items(printer, p->lists, level + 1);
    if (printer->format == PLAN_EXPLAIN_XML) {
        break_line(printer, level);
    }
}

static void put_lists(const struct printer *printer, const struct explain_property *p, uint32_t level) {
    if (printer->format == PLAN_EXPLAIN_JSON) {
        buffer_append_byte(printer->out, '[');
    }
    for (const struct explain_list *list = p->lists; list != NULL; list = list->next) {
        if (printer->format == PLAN_EXPLAIN_JSON) {
            break_line(printer, level + 1);
            put_inline_list(printer, list);
            buffer_append_text(printer->out, list->next == NULL ? "" : ",");
        } else if (printer->format == PLAN_EXPLAIN_YAML) {
            break_line(printer, level + 1);
            buffer_append_text(printer->out, "- ");
            put_inline_list(printer, list);
        } else {
            break_line(printer, level + 1);
            buffer_append_text(printer->out, "<Item>");
            put_items(printer, list, level + 2);
            break_line(printer, level + 1);
            put_end(printer, "Item");
        }
    }
    if (printer->format != PLAN_EXPLAIN_YAML) {
        break_line(printer, level);
        buffer_append_text(printer->out, printer->format == PLAN_EXPLAIN_JSON ? "]" : "");
    }
}

static void put_group(const struct printer *printer, const struct explain_group *group, uint32_t level, bool item);

static void put_groups(const struct printer *printer, const struct explain_group *groups, const char *item,
                       uint32_t level) {
    if (printer->format == PLAN_EXPLAIN_JSON) {
        buffer_append_byte(printer->out, '[');
    }
    for (const struct explain_group *group = groups; group != NULL; group = group->next) {
        break_line(printer, level + 1);
        if (printer->format == PLAN_EXPLAIN_XML) {
            put_element(printer, item, "<", ">");
        }
        put_group(printer, group, level + 1, true);
        put_end(printer, item);
        buffer_append_text(printer->out, printer->format == PLAN_EXPLAIN_JSON && group->next != NULL ? "," : "");
    }
    if (printer->format != PLAN_EXPLAIN_YAML) {
        break_line(printer, level);
        buffer_append_text(printer->out, printer->format == PLAN_EXPLAIN_JSON ? "]" : "");
    }
}

static void put_property(const struct printer *printer, const struct explain_property *p, uint32_t level) {
    put_label(printer, p->label);
    switch (p->kind) {
    case EXPLAIN_TEXT:
        put_string(printer, p->text);
        break;
    case EXPLAIN_BARE:
        buffer_append_text(printer->out, p->text);
        break;
    case EXPLAIN_LIST:
        put_list(printer, p, level);
        break;
    case EXPLAIN_LISTS:
        put_lists(printer, p, level);
        break;
    case EXPLAIN_GROUP:
        put_group(printer, p->groups, level, false);
        break;
    case EXPLAIN_GROUPS:
        put_groups(printer, p->groups, "Grouping Set", level);
        break;
    }
    put_end(printer, p->label);
}

/* What a group holds, each on a line of its own; the first of an item of YAML stands behind its dash. */
static void put_group(const struct printer *printer, const struct explain_group *group, uint32_t level, bool item) {
    bool json = printer->format == PLAN_EXPLAIN_JSON;
    bool behind_dash = item && printer->format == PLAN_EXPLAIN_YAML;
    bool first = true;
    buffer_append_text(printer->out, json ? "{" : behind_dash ? "- " : "");
    for (const struct explain_property *p = group->properties; p != NULL; p = p->next) {
        if (p->shown == EXPLAIN_IN_TEXT) {
            continue;
        }
        buffer_append_text(printer->out, json && !first ? "," : "");
        if (!first || !behind_dash) {
            break_line(printer, level + 1);
        }
        put_property(printer, p, level + 1);
        first = false;
    }
    if (group->plans != NULL) {
        buffer_append_text(printer->out, json && !first ? "," : "");
        break_line(printer, level + 1);
        put_label(printer, "Plans");
        put_groups(printer, group->plans, "Plan", level + 1);
        put_end(printer, "Plans");
    }
    if (printer->format != PLAN_EXPLAIN_YAML) {
        break_line(printer, level);
        buffer_append_text(printer->out, json ? "}" : "");
    }
}

static void free_buffer(void *object) {
    buffer_free(object);
}

static void print_document(const struct printer *printer, const struct explain_group *query) {
    switch (printer->format) {
    case PLAN_EXPLAIN_JSON:
        buffer_append_text(printer->out, "[\n  ");
        put_group(printer, query, 1, false);
        buffer_append_text(printer->out, "\n]");
        return;
    case PLAN_EXPLAIN_XML:
        buffer_append_text(printer->out, "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>");
        put_group(printer, query, 1, false);
        buffer_append_text(printer->out, "</Query>\n</explain>");
        return;
    case PLAN_EXPLAIN_YAML:
    case PLAN_EXPLAIN_TEXT:
        put_group(printer, query, 0, true);
        return;
    }
}

uint32_t explain_print(struct explain *explain, const struct explain_group *root, struct slice **lines) {
    if (explain->options->format == PLAN_EXPLAIN_TEXT) {
        return print_text(explain, root, lines);
    }
    /* The tree again as these formats have it: the plan is a property like the others, and the first. */
    struct explain_property plan = {
        .next = root->properties, .label = "Plan", .kind = EXPLAIN_GROUP, .groups = root->plans};
    struct explain_group query = {.properties = &plan};
    struct buffer *out = sql_alloc_zero(explain->context, 1, sizeof(*out));
    sql_defer(explain->context, free_buffer, out);
    print_document(&(struct printer){.out = out, .format = explain->options->format}, &query);
    if (!buffer_ok(out)) {
        sql_raise(explain->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    *lines = sql_alloc(explain->context, sizeof(**lines));
    **lines = slice_make(arena_dup(&explain->context->arena, out->bytes, out->length), out->length);
    sql_release(explain->context, out);
    return 1;
}

uint32_t explain_print_nothing(struct explain *explain, const char *tag, struct slice **lines) {
    static const char *const forms[] = {
        [PLAN_EXPLAIN_JSON] = "[\n  \"%s\"\n]",
        [PLAN_EXPLAIN_XML] = "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <%s />\n</explain>",
        [PLAN_EXPLAIN_YAML] = "- \"%s\"",
    };
    char name[32];
    (void)snprintf(name, sizeof(name), "%s", tag);
    const char *form = forms[explain->options->format];
    if (form == NULL) {
        return 0;
    }
    for (char *c = name; *c != 0 && explain->options->format == PLAN_EXPLAIN_XML; c++) {
        *c = *c == ' ' ? '-' : *c;
    }
    *lines = sql_alloc(explain->context, sizeof(**lines));
    const char *mark = strstr(form, "%s");
    **lines = slice_text(sql_printf(explain->context, "%.*s%s%s", (int)(mark - form), form, name, mark + strlen("%s")));
    return 1;
}
