/*
 * PREPARE: the statements that a session has given names. They outlive transactions and end with the session. Each is
 * kept as it was written; EXECUTE binds it anew. One thread at a time.
 */
#ifndef KMB_SQL_PREPARED_H
#define KMB_SQL_PREPARED_H

#include "base/error.h"
#include "types/type.h"

#define SQL_PREPARED_MAX 10000 /* of a session: names are looked up one by one */

struct sql_prepared {
    struct sql_prepared *next;
    char *name;
    char *text; /* of the whole PREPARE */
    size_t text_length;
    struct type *types; /* of its parameters */
    uint32_t type_count;
};

struct sql_prepared_list {
    struct sql_prepared *first; /* newest first */
    uint32_t count;
    bool deep; /* one nests deeper than the callers' stacks are meant for */
};

const struct sql_prepared *sql_prepared_find(const struct sql_prepared_list *list, const char *name); /* NULL: none */
/* Keeps copies. KMB_DUPLICATE_PREPARED, KMB_LIMIT. */
enum kmb_status sql_prepared_add(struct sql_prepared_list *list, const struct sql_prepared *statement, bool deep,
                                 struct kmb_error *error);
/* name NULL: all of them. KMB_UNDEFINED_PREPARED. */
enum kmb_status sql_prepared_remove(struct sql_prepared_list *list, const char *name, struct kmb_error *error);

#endif
