/*
 * The one table of outcomes, as rows that can be looked up.
 *
 * The same fault has five faces: the status of the C API, the error code of the native protocol, the SQLSTATE that
 * PostgreSQL clients branch on, the status of the HTTP port and the exit code of the command line. If each door kept
 * its own table they would drift, so there is one, written once as an X-macro in status.h, and everything else is a
 * lookup into the array that this file expands it to.
 *
 * Numbers are sparse, stable and in rising order, so the lookup is a binary search; SQLSTATEs repeat, and there the
 * first row of the table wins.
 */
#include "base/status.h"

#include <string.h>

#include "base/assert.h"

static const struct status_row status_rows[] = {
#define ROW(name_, number_, wire_, sqlstate_, http_, exit_)                                                            \
    {.status = KMB_##name_,                                                                                            \
     .name = #name_,                                                                                                   \
     .wire = (wire_),                                                                                                  \
     .sqlstate = sqlstate_,                                                                                            \
     .http = (http_),                                                                                                  \
     .exit_code = (exit_)},
    KMB_STATUS_TABLE(ROW)
#undef ROW
};

#define CHECK(name_, number_, wire_, sqlstate_, http_, exit_)                                                          \
    static_assert(KMB_##name_ == (number_), "kimberlite.h and the status table differ on " #name_);                    \
    static_assert(sizeof(sqlstate_) == 6, "a SQLSTATE has five characters: " #name_);                                  \
    static_assert((wire_) <= 29, "wire codes end at 29: " #name_);
KMB_STATUS_TABLE(CHECK)
#undef CHECK

const struct status_row *status_row_of(enum kmb_status status) {
    size_t low = 0;
    size_t high = ARRAY_LENGTH(status_rows);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (status_rows[middle].status == status) {
            return &status_rows[middle];
        }
        if (status_rows[middle].status < status) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    ASSERT(status != KMB_INTERNAL);
    return status_row_of(KMB_INTERNAL);
}

enum kmb_status status_of_sqlstate(const char sqlstate[5]) {
    for (size_t i = 0; i < ARRAY_LENGTH(status_rows); i++) {
        if (memcmp(status_rows[i].sqlstate, sqlstate, 5) == 0) {
            return status_rows[i].status;
        }
    }
    return KMB_INTERNAL;
}
