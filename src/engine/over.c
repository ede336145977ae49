/*
 * A database handle without an open of its own. kmb_open() knows POSIX files and the machine's clock alone; everything
 * behind it takes an I/O table and an environment. Here is the door between the two, for those who bring both.
 */
#include "engine/over.h"

#include "base/assert.h"
#include "base/memory.h"
#include "engine/api_internal.h"

kmb_db *database_over(struct shard *shard) {
    struct kmb_db *db = mem_alloc_zero(1, sizeof(*db));
    if (db != NULL) {
        atomic_init(&db->session_next, 1);
        atomic_init(&db->sessions, 0);
        db->shard = shard;
    }
    return db;
}

void database_over_free(kmb_db *db) {
    ASSERT(db == NULL || atomic_load(&db->sessions) == 0);
    mem_free(db);
}
