/*
 * Ends of a log, for backups and restores: which block is the newest within bounds, and making a copied directory of
 * segments a log that ends with it.
 *
 * A log only grows at its end, and what lies before the end of a durable block never changes: so a copy of each segment
 * up to there, taken while the log is written, is a copy of the log. It needs no superblock; cutting writes one.
 */
#ifndef KMB_LOG_CUT_H
#define KMB_LOG_CUT_H

#include "log/reader.h"

/* Bounds on what a copy may hold. */
struct log_bounds {
    int64_t time_us_max; /* of blocks; INT64_MAX: none */
    uint32_t tenant;     /* whose positions position_max bounds; 0: none */
    uint64_t position_max;
};

struct log_extent {
    struct log_place place; /* of the newest block; op 0: there is none */
    uint64_t end;           /* behind it, in its segment */
    int64_t time_us;        /* its time */
    uint64_t position;      /* the tenant's after it */
};

/* Identity of a log and size of its segments, from the header of its first segment. KMB_NOT_A_DATABASE: none is there.
 */
enum kmb_status log_cut_identity(const struct io *io, const char *dir, struct log_identity *identity,
                                 uint64_t *segment_bytes, struct kmb_error *error);

/* The newest block within the bounds (NULL: none), of those up to op_last, which must be there. Checks every block's
 * chain on the way where there are bounds; without, reads the last one alone. */
enum kmb_status log_cut_find(const struct io *io, const char *dir, const struct log_identity *identity,
                             uint64_t op_last, const struct log_bounds *bounds, struct log_extent *extent,
                             struct kmb_error *error);

/* Makes the directory a log that ends with the extent: cuts its segment, removes later ones and the spare, writes a
 * superblock that names no store. Nobody else may have the directory open. */
enum kmb_status log_cut_at(const struct io *io, const char *dir, const struct log_identity *identity,
                           uint64_t segment_bytes, const struct log_extent *extent, struct kmb_error *error);

#endif
