/*
 * search_path: a list of names as PostgreSQL's SplitIdentifierString() reads it, in quotes or folded to lower case.
 * "$user" is the schema that has the user's name. Schemas that are not there are passed over, so that a path may name
 * what comes later.
 */
#include "sql/path.h"

#include "sql/parse/parse.h"
#include "sql/sql.h"

/* One name at *at, moved behind it and its comma; NULL at the end, and where the text is no list. */
static const char *path_name(struct sql_context *context, const char **at) {
    const char *c = *at + strspn(*at, " \t\n\r,");
    char *name = sql_alloc(context, strlen(c) + 1);
    char *out = name;
    bool quoted = *c == '"';
    if (*c == 0) {
        return NULL;
    }
    for (c += quoted; *c != 0; c++) {
        bool twice = quoted && *c == '"' && c[1] == '"';
        bool ends = quoted ? *c == '"' && !twice : *c == ',' || *c == ' ';
        if (ends) {
            break;
        }
        c += twice;
        *out++ = !quoted && *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    *out = 0;
    *at = c + (quoted && *c == '"');
    return name;
}

const char *sql_database(struct sql_context *context) {
    struct slice name = context->host == NULL ? (struct slice){.length = 0} : context->host->database;
    return name.length == 0 ? SQL_DATABASE : sql_printf(context, "%.*s", (int)name.length, (const char *)name.bytes);
}

const struct sql_path *sql_path_of(struct sql_context *context) {
    if (context->path != NULL) {
        return context->path;
    }
    const char *text = context->settings->search_path;
    size_t most = 2;
    for (const char *c = text; *c != 0; c++) {
        most += *c == ',';
    }
    struct sql_path *path = sql_alloc_zero(context, 1, sizeof(*path));
    path->names = sql_alloc(context, most * sizeof(*path->names));
    path->names[path->count++] = SQL_SCHEMA_SYSTEM;
    path->implicit = true;
    for (const char *name = path_name(context, &text); name != NULL; name = path_name(context, &text)) {
        if (strcmp(name, "$user") == 0) {
            struct slice user = context->session_user;
            name = sql_printf(context, "%.*s", (int)user.length, user.bytes == NULL ? "" : (const char *)user.bytes);
        }
        if (name[0] == 0) {
            continue;
        }
        if (strcmp(name, SQL_SCHEMA_SYSTEM) == 0 && path->implicit) {
            memmove(path->names, path->names + 1, (path->count - 1) * sizeof(*path->names));
            path->count--;
            path->implicit = false;
        }
        path->names[path->count++] = name;
    }
    context->path = path;
    return path;
}

const struct sql_path *sql_path_stored(void) {
    static const char *names[] = {SQL_SCHEMA_SYSTEM, CATALOGUE_SCHEMA_DEFAULT};
    static const struct sql_path path = {.names = names, .count = 2, .implicit = true};
    return &path;
}

bool sql_schema_is_system(const char *name) {
    return strcmp(name, SQL_SCHEMA_SYSTEM) == 0 || strcmp(name, SQL_SCHEMA_INFORMATION) == 0;
}

bool sql_schema_exists(const struct catalogue *catalogue, const char *name) {
    return sql_schema_is_system(name) || catalogue_schema(catalogue, slice_text(name)) != NULL;
}

const char *sql_path_first(const struct sql_path *path, const struct catalogue *catalogue) {
    for (uint32_t i = path->implicit ? 1 : 0; i < path->count; i++) {
        if (sql_schema_exists(catalogue, path->names[i])) {
            return path->names[i];
        }
    }
    return NULL;
}

/* Tables come first, for they are found by search; the rest is looked through. */
static bool find_in(const struct catalogue *catalogue, struct slice schema, struct slice name,
                    struct sql_relation *relation) {
    *relation = (struct sql_relation){.table = catalogue_table(catalogue, schema, name)};
    if (relation->table != NULL) {
        return true;
    }
    relation->index = catalogue_index(catalogue, schema, name, &relation->table);
    if (relation->index != NULL) {
        return true;
    }
    for (uint32_t i = 0; i < catalogue_table_count(catalogue); i++) {
        const struct table_definition *table = catalogue_table_at(catalogue, i);
        if (table->primary_key_count > 0 && slice_equal(table->primary_key_name, name) &&
            slice_equal(table->schema_name, schema)) {
            *relation = (struct sql_relation){.table = table, .primary = true};
            return true;
        }
    }
    return false;
}

bool sql_path_find(const struct sql_path *path, const struct catalogue *catalogue, const char *schema, const char *name,
                   struct sql_relation *relation) {
    *relation = (struct sql_relation){.table = NULL};
    if (schema != NULL && schema[0] != 0) {
        return find_in(catalogue, slice_text(schema), slice_text(name), relation);
    }
    for (uint32_t i = 0; i < path->count; i++) {
        if (find_in(catalogue, slice_text(path->names[i]), slice_text(name), relation)) {
            return true;
        }
    }
    return false;
}

bool sql_path_find_text(struct sql_context *context, const struct catalogue *catalogue, struct slice text,
                        struct sql_relation *relation) {
    const char *schema = NULL;
    const char *name = NULL;
    parse_relation_name(context, text, &schema, &name);
    return sql_path_find(sql_path_of(context), catalogue, schema, name, relation);
}

void sql_path_need_text(struct sql_context *context, const struct sql_path *path, const struct catalogue *catalogue,
                        struct slice text, uint32_t position, struct sql_relation *relation) {
    const char *schema = NULL;
    const char *name = NULL;
    parse_relation_name(context, text, &schema, &name);
    if (sql_path_find(path, catalogue, schema, name, relation)) {
        return;
    }
    if (schema[0] != 0 && !sql_schema_exists(catalogue, schema)) {
        sql_raise(context, KMB_UNDEFINED_SCHEMA, position, "schema \"%s\" does not exist", schema);
    }
    sql_raise(context, KMB_UNDEFINED_TABLE, position, "relation \"%.*s\" does not exist", (int)text.length,
              (const char *)text.bytes);
}

static const char *quoted(struct sql_context *context, struct slice name) {
    return parse_quote_name(context, sql_printf(context, "%.*s", (int)name.length, (const char *)name.bytes));
}

const char *sql_qualified(struct sql_context *context, struct slice schema, struct slice name) {
    return sql_printf(context, "%s.%s", quoted(context, schema), quoted(context, name));
}

const char *sql_path_text(struct sql_context *context, const struct catalogue *catalogue, struct slice schema,
                          struct slice name) {
    const struct sql_path *path = sql_path_of(context);
    struct sql_relation found;
    const char *text = sql_printf(context, "%.*s", (int)name.length, (const char *)name.bytes);
    bool shown = sql_path_find(path, catalogue, NULL, text, &found) && slice_equal(found.table->schema_name, schema);
    return shown ? parse_quote_name(context, text) : sql_qualified(context, schema, name);
}

struct showing {
    struct sql_context *context;
    const struct catalogue *catalogue;
};

static bool visit_shown(ProtobufCMessage *message, void *object) {
    const struct showing *showing = object;
    PgQuery__String *literal = parse_relation_literal(message);
    const char *schema = NULL;
    const char *name = NULL;
    struct sql_relation found;
    if (literal == NULL) {
        return true;
    }
    parse_relation_name(showing->context, slice_text(literal->sval), &schema, &name);
    if (sql_path_find(sql_path_stored(), showing->catalogue, schema, name, &found)) {
        literal->sval = sql_printf(
            showing->context, "%s",
            sql_path_text(showing->context, showing->catalogue, found.table->schema_name, sql_relation_name(&found)));
    }
    return true;
}

const char *sql_path_shown(struct sql_context *context, const struct catalogue *catalogue, struct slice text) {
    const char *kept = sql_printf(context, "%.*s", (int)text.length, (const char *)text.bytes);
    if (strstr(kept, "::regclass") == NULL) {
        return kept;
    }
    struct showing showing = {.context = context, .catalogue = catalogue};
    PgQuery__Node *tree = parse_expression(context, kept);
    (void)parse_walk(&tree->base, visit_shown, &showing);
    return parse_deparse(context, tree);
}
