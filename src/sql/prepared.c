/*
 * A list of named statements, each one allocation: the struct, its types, its text and its name.
 */
#include "sql/prepared.h"

#include <string.h>

#include "base/memory.h"

const struct sql_prepared *sql_prepared_find(const struct sql_prepared_list *list, const char *name) {
    for (const struct sql_prepared *statement = list->first; statement != NULL; statement = statement->next) {
        if (strcmp(statement->name, name) == 0) {
            return statement;
        }
    }
    return NULL;
}

enum kmb_status sql_prepared_add(struct sql_prepared_list *list, const struct sql_prepared *statement, bool deep,
                                 struct kmb_error *error) {
    if (sql_prepared_find(list, statement->name) != NULL) {
        return error_set(error, KMB_DUPLICATE_PREPARED, "prepared statement \"%s\" already exists", statement->name);
    }
    if (list->count == SQL_PREPARED_MAX) {
        return error_set(error, KMB_LIMIT, "a session can have at most %d prepared statements", SQL_PREPARED_MAX);
    }
    size_t types = statement->type_count * sizeof(struct type);
    size_t name = strlen(statement->name) + 1;
    struct sql_prepared *kept = mem_alloc_zero(1, sizeof(*kept) + types + statement->text_length + 1 + name);
    if (kept == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    *kept = *statement;
    kept->types = (struct type *)(kept + 1);
    kept->text = (char *)kept->types + types;
    kept->name = kept->text + statement->text_length + 1;
    if (types > 0) {
        memcpy(kept->types, statement->types, types);
    }
    memcpy(kept->text, statement->text, statement->text_length);
    memcpy(kept->name, statement->name, name);
    kept->next = list->first;
    list->first = kept;
    list->count++;
    list->deep = list->deep || deep;
    return KMB_OK;
}

enum kmb_status sql_prepared_remove(struct sql_prepared_list *list, const char *name, struct kmb_error *error) {
    if (name != NULL && sql_prepared_find(list, name) == NULL) {
        return error_set(error, KMB_UNDEFINED_PREPARED, "prepared statement \"%s\" does not exist", name);
    }
    struct sql_prepared **place = &list->first;
    while (*place != NULL) {
        struct sql_prepared *statement = *place;
        if (name != NULL && strcmp(statement->name, name) != 0) {
            place = &statement->next;
            continue;
        }
        *place = statement->next;
        mem_free(statement);
        list->count--;
    }
    list->deep = list->deep && list->count > 0;
    return KMB_OK;
}
