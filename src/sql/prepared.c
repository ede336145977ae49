/*
 * A list of named statements, each one allocation: the struct, its types, its text and its name.
 */
#include "sql/prepared.h"

#include <string.h>

#include "base/memory.h"

const struct sql_prepared *sql_prepared_find(const struct sql_prepared_list *list, struct slice name) {
    for (const struct sql_prepared *statement = list->first; statement != NULL; statement = statement->next) {
        if (slice_equal(statement->name, name)) {
            return statement;
        }
    }
    return NULL;
}

enum kmb_status sql_prepared_add(struct sql_prepared_list *list, const struct sql_prepared *statement, bool deep,
                                 struct kmb_error *error) {
    if (sql_prepared_find(list, statement->name) != NULL) {
        return error_set(error, KMB_DUPLICATE_PREPARED, "prepared statement \"%.*s\" already exists",
                         (int)statement->name.length, (const char *)statement->name.bytes);
    }
    if (list->count == SQL_PREPARED_MAX) {
        error_set(error, KMB_LIMIT, "a session can have at most %d prepared statements", SQL_PREPARED_MAX);
        error_hint(error, "Close the ones that are not needed any more.");
        return KMB_LIMIT;
    }
    size_t types = statement->type_count * sizeof(struct type);
    struct sql_prepared *kept =
        mem_alloc_zero(1, sizeof(*kept) + types + statement->text_length + 1 + statement->name.length);
    if (kept == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    *kept = *statement;
    kept->types = (struct type *)(kept + 1);
    kept->text = (char *)kept->types + types;
    uint8_t *name = (uint8_t *)kept->text + statement->text_length + 1;
    kept->name = slice_make(name, statement->name.length);
    if (types > 0) {
        memcpy(kept->types, statement->types, types);
    }
    memcpy(kept->text, statement->text, statement->text_length);
    memcpy(name, statement->name.bytes, statement->name.length);
    kept->serial = ++list->made;
    kept->next = list->first;
    list->first = kept;
    list->count++;
    list->changes++;
    list->deep = list->deep || deep;
    return KMB_OK;
}

enum kmb_status sql_prepared_remove(struct sql_prepared_list *list, struct slice name, struct kmb_error *error) {
    struct sql_prepared **place = &list->first;
    while (*place != NULL && !slice_equal((*place)->name, name)) {
        place = &(*place)->next;
    }
    struct sql_prepared *statement = *place;
    if (statement == NULL) {
        return error_set(error, KMB_UNDEFINED_PREPARED, "prepared statement \"%.*s\" does not exist", (int)name.length,
                         (const char *)name.bytes);
    }
    *place = statement->next;
    mem_free(statement);
    list->count--;
    list->changes++;
    list->deep = list->deep && list->count > 0;
    return KMB_OK;
}

void sql_prepared_clear(struct sql_prepared_list *list) {
    while (list->first != NULL) {
        struct sql_prepared *statement = list->first;
        list->first = statement->next;
        mem_free(statement);
    }
    list->count = 0;
    list->changes++;
    list->deep = false;
}
