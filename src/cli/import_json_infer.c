/*
 * The table that lines of JSON objects want: a column for each key, in the order in which the keys first appear, of the
 * type that holds all its values. Objects and arrays are JSONB, and so is a key that has one beside others; numbers and
 * truth values are not texts that look like them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "cli/import_json.h"
#include "cli/import_table.h"
#include "cli/infer.h"
#include "types/json_tree.h"
#include "types/utf8.h"

struct column {
    char *name;
    size_t length;
    struct infer infer;
    bool nested; /* an object or an array stood in it */
};

struct columns {
    struct column *all;
    uint32_t count, room;
};

static struct column *find(struct columns *columns, struct slice name, uint32_t hint) {
    for (uint32_t i = 0; i < columns->count; i++) { /* most objects have their keys in the same order */
        struct column *column = &columns->all[(hint + i) % columns->count];
        if (slice_equal(slice_make(column->name, column->length), name)) {
            return column;
        }
    }
    return NULL;
}

static struct column *add(struct columns *columns, struct slice name) {
    if (columns->count == columns->room) {
        uint32_t room = columns->room == 0 ? 16 : columns->room * 2;
        struct column *all = mem_realloc(columns->all, room * sizeof(*all));
        if (all == NULL) {
            return NULL;
        }
        columns->all = all;
        columns->room = room;
    }
    struct column *column = &columns->all[columns->count];
    *column = (struct column){.name = mem_alloc(name.length + 1), .length = name.length};
    if (column->name == NULL) {
        return NULL;
    }
    if (name.length > 0) {
        memcpy(column->name, name.bytes, name.length);
    }
    columns->count++;
    return column;
}

static void take_value(struct column *column, const struct json_node *value) {
    switch (value->kind) {
    case JSON_NULL:
        break;
    case JSON_OBJECT_OPEN:
    case JSON_ARRAY_OPEN:
        column->nested = true;
        break;
    case JSON_STRING:
        infer_text(&column->infer, value->text);
        break;
    case JSON_NUMBER:
        infer_number(&column->infer, value->text);
        break;
    default:
        infer_value(&column->infer, value->text);
        break;
    }
}

static enum kmb_status take_object(struct columns *columns, const struct json_node *object, struct kmb_error *error) {
    uint32_t at = 0;
    if (object->kind != JSON_OBJECT_OPEN) {
        return error_set(error, KMB_INVALID_JSON, "a line must be one JSON object");
    }
    for (const struct json_node *member = object->first; member != NULL; member = member->next, at++) {
        struct column *column = find(columns, member->key, at);
        column = column == NULL ? add(columns, member->key) : column;
        if (column == NULL) {
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        take_value(column, member);
    }
    return KMB_OK;
}

static enum kmb_status take_line(struct columns *columns, struct slice line, struct kmb_error *error) {
    struct arena arena;
    struct json_node *root = NULL;
    enum kmb_status status = utf8_check(line, error);
    arena_init(&arena, 0);
    if (status == KMB_OK) {
        status = json_tree_parse(line, false, &arena, &root, error);
    }
    if (status == KMB_OK) {
        status = take_object(columns, root, error);
    }
    arena_free(&arena);
    return status;
}

/* whole: the last line is whole, also without a line's end. */
static int take_lines(const struct cli_options *options, FILE *file, bool whole, struct columns *columns) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    uint64_t number = 0;
    int code = 0;
    while (code == 0 && (length = getline(&line, &room, file)) >= 0) {
        size_t used = (size_t)length;
        struct kmb_error error = {0};
        bool ended = used > 0 && line[used - 1] == '\n';
        number++;
        while (used > 0 && strchr(" \t\r\n", line[used - 1]) != NULL) {
            used--;
        }
        if (used == 0 || (!ended && !whole)) {
            continue;
        }
        enum kmb_status status = take_line(columns, slice_make(line, used), &error);
        if (status != KMB_OK && (status == KMB_NO_MEMORY || options->reject == NULL)) {
            char where[40];
            snprintf(where, sizeof(where), "line %" PRIu64, number);
            code = cli_fail(&error, NULL, 0, where);
        }
    }
    free(line);
    return code;
}

int import_json_create(const struct cli_options *options, kmb_session *session, FILE *file, bool whole) {
    struct columns columns = {0};
    struct import_column *wanted = NULL;
    int code = take_lines(options, file, whole, &columns);
    if (code == 0 && columns.count == 0) {
        code = cli_error(1, "no line has a key: there is nothing to make columns of");
    }
    if (code == 0) {
        wanted = mem_alloc_zero(columns.count, sizeof(*wanted));
        code = wanted == NULL ? cli_error(1, "out of memory") : 0;
    }
    for (uint32_t i = 0; code == 0 && i < columns.count; i++) {
        const struct column *column = &columns.all[i];
        wanted[i] = (struct import_column){slice_make(column->name, column->length),
                                           column->nested ? "JSONB" : infer_type(&column->infer)};
    }
    if (code == 0) {
        code = import_create(options, session, wanted, columns.count);
    }
    for (uint32_t i = 0; i < columns.count; i++) {
        mem_free(columns.all[i].name);
    }
    mem_free(columns.all);
    mem_free(wanted);
    return code;
}
