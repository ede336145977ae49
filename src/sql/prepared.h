/*
 * The statements that a session has given names, by PREPARE or by its protocol. They outlive transactions and end with
 * the session. Each is kept as it was written; EXECUTE binds it anew. One thread at a time.
 */
#ifndef KMB_SQL_PREPARED_H
#define KMB_SQL_PREPARED_H

#include "base/error.h"
#include "types/type.h"

#define SQL_PREPARED_MAX 10000 /* of a session: names are looked up one by one */

struct sql_prepared {
    struct sql_prepared *next;
    struct slice name;
    char *text; /* of the whole PREPARE; or of a protocol's, the statement itself */
    size_t text_length;
    struct type *types; /* of its parameters */
    uint32_t type_count;
    bool from_sql;
    int64_t time_us;
    uint64_t serial; /* given by the list: no two have the same */
};

struct sql_prepared_list {
    struct sql_prepared *first; /* newest first */
    uint32_t count;
    uint64_t made;    /* so far */
    uint64_t changes; /* another number after each that is added or removed */
    bool deep;        /* one nests deeper than the callers' stacks are meant for */
};

const struct sql_prepared *sql_prepared_find(const struct sql_prepared_list *list, struct slice name); /* NULL: none */
/* Keeps copies; name and text need no zero byte behind them. KMB_DUPLICATE_PREPARED, KMB_LIMIT. */
enum kmb_status sql_prepared_add(struct sql_prepared_list *list, const struct sql_prepared *statement, bool deep,
                                 struct kmb_error *error);
enum kmb_status sql_prepared_remove(struct sql_prepared_list *list, struct slice name, struct kmb_error *error);
void sql_prepared_clear(struct sql_prepared_list *list);

#endif
