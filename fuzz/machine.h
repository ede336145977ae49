/* What the targets have in common that drive a protocol's machine with the engine behind it. */
#ifndef FUZZ_MACHINE_H
#define FUZZ_MACHINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tests/scratch.h"
#include "base/slice.h"
#include "engine/statement.h"

#define LOG_BYTES_MAX ((uint64_t)128 << 20) /* a database beyond it is thrown away */

static inline void must(bool good) {
    if (!good) {
        abort();
    }
}

static inline void quiet(void *context, const char *line) {
    (void)context;
    (void)line;
}

/* A new database, in memory where there is a file system of that kind; directory: of SCRATCH_SIZE bytes, to be removed.
 */
static inline kmb_db *machine_database(char *directory) {
    char path[SCRATCH_SIZE + 8];
    struct kmb_options options = {.size = sizeof(options),
                                  .flags = KMB_OPEN_CREATE | KMB_OPEN_NO_ENCRYPTION,
                                  .statement_bytes = 16 << 20,
                                  .segment_bytes = 4 << 20,
                                  .log = quiet};
    kmb_db *db = NULL;
    scratch_make_in(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", directory, SCRATCH_SIZE);
    snprintf(path, sizeof(path), "%s/db", directory);
    must(kmb_open(path, &options, &db, NULL) == KMB_OK);
    return db;
}

/* Asked once for an input: counting is not for each of them. */
static inline bool machine_database_is_full(kmb_db *db) {
    static unsigned asked;
    if (++asked % 64 != 0) {
        return false;
    }
    struct kmb_info info = {.size = sizeof(info)};
    return kmb_info(db, &info, NULL) == KMB_OK && info.log_bytes > LOG_BYTES_MAX;
}

/* Whether a statement of these bytes may not come out in time. */
static inline bool machine_avoids(struct slice bytes) {
    static const char *const words[] = {"pg_sleep", "generate_series", "repeat", "RECURSIVE", "recursive"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (bytes.length > 0 && memmem(bytes.bytes, bytes.length, words[i], strlen(words[i])) != NULL) {
            return true;
        }
    }
    return false;
}

#endif
