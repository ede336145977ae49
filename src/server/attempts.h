/*
 * How often somebody may be wrong: failed logins are counted by where they come from and by whom they name, in buckets
 * that fill up again with time. A source that is out is refused before its password is looked at; a user that many
 * sources guess at, too, but later, so that one attacker cannot lock a user out quickly.
 *
 * Pure: time is an argument, memory is fixed when it is made, and a flood of names pushes out the least guilty first.
 * Who may be asked by several threads puts a lock around it.
 */
#ifndef KMB_SERVER_ATTEMPTS_H
#define KMB_SERVER_ATTEMPTS_H

#include "base/error.h"
#include "base/slice.h"
#include "crypto/hash.h"

struct attempts_limits {
    uint32_t source_burst; /* failures in a row; 0: no limit */
    uint32_t source_per_minute;
    uint32_t user_burst;
    uint32_t user_per_minute;
};

#define ATTEMPTS_LIMITS_DEFAULT                                                                                        \
    ((struct attempts_limits){.source_burst = 10, .source_per_minute = 5, .user_burst = 50, .user_per_minute = 25})

struct attempts;

/* secret: random, so that nobody can choose names that push out a name of theirs. KMB_NO_MEMORY. */
enum kmb_status attempts_new(const struct attempts_limits *limits, const struct hash256 *secret,
                             struct attempts **attempts, struct kmb_error *error);
void attempts_free(struct attempts *attempts); /* NULL is fine */
/* Other limits count from now on; failures so far keep their weight in time. */
void attempts_change(struct attempts *attempts, const struct attempts_limits *limits);

/* May this source try to be this user now? KMB_OK, or KMB_TOO_MANY_ATTEMPTS with the seconds to wait. source: an
 * address without its port; user: with the tenant, as the caller joins them; empty: none was named. now_us never goes
 * back. */
enum kmb_status attempts_allow(struct attempts *attempts, struct slice source, struct slice user, int64_t now_us,
                               struct kmb_error *error);
/* It has failed. */
void attempts_failed(struct attempts *attempts, struct slice source, struct slice user, int64_t now_us);

#endif
