/* A log on a disk in memory, with deterministic time and randomness, and a writer that keeps its tenants' chains. */
#ifndef LOG_FIXTURE_H
#define LOG_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/io_fault.h"
#include "base/io_memory.h"
#include "base/memory.h"
#include "log/verify.h"

#define FIXTURE_TENANTS 4
#define FIXTURE_DIR     "/db/log"
#define FIXTURE_SEGMENT ((uint64_t)64 << 10)

struct fixture_chain {
    uint64_t sequence;
    uint64_t position;
    struct hash256 previous;
};

struct fixture {
    struct io_memory *disk;
    struct io io; /* of the disk, or of a fault table over it */
    struct prng prng;
    int64_t time_us;
    struct environment environment;
    struct aead_key *key;
    bool sealed;
    struct log_keys keys;
    struct log *log;
    struct log_block block;
    struct log_identity identity;
    struct fixture_chain chains[FIXTURE_TENANTS];
    uint64_t commits; /* acknowledged blocks since the chains were set up */
};

void fixture_start(struct fixture *fixture, bool sealed);
void fixture_stop(struct fixture *fixture);
enum kmb_status fixture_create(struct fixture *fixture, struct kmb_error *error);
/* Opens for writing and takes the chains up from the log. */
enum kmb_status fixture_open(struct fixture *fixture, struct log_recovery *recovery, struct kmb_error *error);
/* One block of `entries` entries of `size` bytes, of tenants in turn; written and synced. */
enum kmb_status fixture_commit(struct fixture *fixture, unsigned entries, size_t size, struct kmb_error *error);
/* The plain body that fixture_commit puts into the entry of this tenant and sequence. */
void fixture_body(uint8_t *bytes, size_t size, uint32_t tenant, uint64_t sequence);
void fixture_verify_good(struct fixture *fixture, struct log_verify_report *report);
/* A path in the log directory; static memory. */
const char *fixture_path(const char *name);

#endif
