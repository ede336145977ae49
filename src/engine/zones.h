/*
 * Time zones of a session, by name: those of the system's zone database, and POSIX rules.
 *
 * A zone is read when it is first named and kept as long as the session, whose settings point to it.
 */
#ifndef KMB_ENGINE_ZONES_H
#define KMB_ENGINE_ZONES_H

#include "base/io.h"
#include "types/zone.h"

#define ZONES_FOLDER "/usr/share/zoneinfo"
#define ZONES_MAX    1024 /* of one session: the database has some 600; more are not found */

struct zones {
    struct arena arena;
    const struct zone **list;
    uint32_t count;
    uint32_t capacity;
};

/* NULL: there is none of the name, or no memory. Upper and lower case are alike. A zeroed struct has none. */
const struct zone *zones_find(struct zones *zones, const struct io *io, struct slice name);
void zones_free(struct zones *zones);

#endif
