/*
 * One run: a world, a model of what must be true, and the first thing that was not.
 *
 * Functions answer false when the run is over because of a violation; the violation is in the run.
 */
#ifndef KMB_VOPR_RUN_H
#define KMB_VOPR_RUN_H

#include "base/map.h"
#include "vopr/world.h"

#define RUN_PENDING_MAX    4
#define RUN_OPERATIONS_MAX 64 /* of one transaction */

enum scenario {
    SCENARIO_BASELINE,
    SCENARIO_CRASH,
    SCENARIO_CORRUPTION,
    SCENARIO_FULL_DISK,
    SCENARIOS,
};

/* A transaction whose answer never came: the next open shows whether it is there. */
struct pending {
    unsigned tenant;
    struct model_operation operations[RUN_OPERATIONS_MAX];
    size_t count;
    bool in_order;
};

struct violation {
    char invariant[40]; /* "acknowledged-is-there" */
    char message[1200];
};

struct run {
    struct world world;
    struct model model;
    enum scenario scenario;
    uint64_t transactions_wanted;
    bool trace; /* every answer to a write goes to standard error */
    struct pending pending[RUN_PENDING_MAX];
    unsigned pending_count;
    bool fatal;   /* the database said so in this life: nothing later may be acknowledged */
    bool lenient; /* the disk was damaged: a refusal is fine, a wrong answer never */
    size_t checkpoint_transactions[MODEL_TENANTS]; /* what the newest checkpoint holds of each tenant */
    uint64_t tree_size[MODEL_TENANTS];             /* a tree head kept from before; 0: none */
    struct hash256 tree_root[MODEL_TENANTS];
    bool recovering;            /* the last life ended by a crash or a fatal error */
    bool checkpointed;          /* there is a checkpoint that an open must find */
    struct map nonces;          /* nonce -> sum of what it sealed, of everything seen on the disk */
    uint64_t acknowledged_call; /* I/O calls when the first transaction had been acknowledged */
    char state_hash[65];
    bool violated;
    struct violation violation;
};

/* Notes the first violation; answers false. */
bool run_violate(struct run *run, const char *invariant, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* --- workload.c --- */
/* One step of the workload: a write, a transaction, a read, an upkeep. */
bool workload_step(struct run *run);
/* A short burst without choice: tables, streams, an index, so that a run begins with something to lose. */
bool workload_begin(struct run *run);
/* After a fatal error: nothing is acknowledged any more, and what is read was acknowledged. */
bool workload_after_fatal(struct run *run);
/* The tenant's next write must be acknowledged. */
bool workload_one_write(struct run *run, unsigned tenant);

/* --- statement.c --- */
/* A statement and what it must do. */
struct statement {
    struct buffer text;
    struct model_operation operations[RUN_OPERATIONS_MAX];
    size_t count;
    bool in_order;            /* the order of events is known: that of the operations */
    enum kmb_status expected; /* KMB_OK, or the refusal that must come */
    uint64_t rows;            /* it must report */
};
/* Draws one that changes rows of a table that exists in `state`, and applies it there where it must succeed. Text and
 * operations are replaced. */
void statement_draw_rows(struct prng *prng, struct model_state *state, unsigned table, struct statement *statement);
/* Draws one that defines something; tables first. */
void statement_draw_definition(struct prng *prng, struct model_state *state, struct statement *statement);
/* A row that may stand in the table beside what is there, under a key that is free; false: it is full. */
bool statement_draw_row(struct prng *prng, const struct model_table *table, struct model_row *row);

struct answer {
    enum kmb_status status;
    uint64_t position;
    uint64_t rows;
    struct kmb_error error;
};
/* Runs one statement to its end; rows are printed into `out` (may be NULL), a field and '|' each, a row a line. */
void statement_run(kmb_session *session, const char *text, struct buffer *out, struct answer *answer);

/* --- check.c --- */
/* Every table, index and stream of a tenant as a session sees it now equals the model's state. */
bool check_present(struct run *run, unsigned tenant);
/* A sampled moment of the past. */
bool check_past(struct run *run, unsigned tenant);
bool check_table(struct run *run, kmb_session *session, const struct model_state *state, unsigned table,
                 const char *suffix, const char *invariant);
/* The same for the whole database, with positions, entries and proofs; deep: everything that can be asked. */
bool check_all(struct run *run, bool deep);
bool check_proofs(struct run *run, unsigned tenant);
/* After an open: what was acknowledged is there, what was not is whole or absent, nothing else is. */
bool check_recovered(struct run *run);

/* --- disk.c --- */
/* The log on the disk proves whole; the database is closed. */
bool disk_verify(struct run *run);
/* Hooks into the world so that every nonce that reaches the disk is seen, also of what a crash takes. */
void disk_watch_nonces(struct run *run);
/* What has been seen since stays unique: nonces-are-unique. */
bool disk_look(struct run *run);
/* The database is closed (or crashed): flips bits on a copy of the disk and holds the database to it. */
bool disk_damage_round(struct run *run, bool closed);
/* The disk itself was damaged by a fault of the last life: the same, without the flip. */
bool disk_face_damage(struct run *run);

/* --- life.c --- */
/* Opens until it works, resolves what was pending, checks. kind and call plan a fault of this life. Where a misdirected
 * write met the open, the database may stay closed. */
bool life_begin(struct run *run, enum io_fault_kind kind, uint64_t fault_call);
/* The machine dies, or died; the next life begins with a recovery. */
bool life_crash(struct run *run, enum io_crash_mode mode);
bool life_close(struct run *run);
/* The last checks: clean close, verify, rebuild; fills state_hash. */
bool life_end(struct run *run);

/* --- scenario.c --- */
const char *scenario_name(enum scenario scenario);
const char *scenario_text(enum scenario scenario);
bool scenario_find(const char *name, enum scenario *scenario);
/* The kinds of fault that runs of a scenario must apply. */
bool scenario_applies(enum scenario scenario, enum io_fault_kind kind);
void run_init(struct run *run, enum scenario scenario, uint64_t seed, uint64_t transactions);
/* Runs to the end or to the first violation: false. */
bool run_whole(struct run *run);
void run_free(struct run *run);

/* --- exhaustive.c --- */
struct exhaustive {
    uint64_t seed;
    bool trace;
    uint64_t points_max; /* 0: all */
    uint64_t calls;      /* of the clean run */
    uint64_t applicable; /* call x kind */
    uint64_t points;     /* tried */
    uint64_t fired;
    uint64_t with_acknowledged; /* of those that fired */
    struct world_counts counts;
    struct violation violation;
    uint64_t violation_call;
    enum io_fault_kind violation_kind;
};
bool exhaustive_run(struct exhaustive *exhaustive);
/* One point alone, to repeat it. */
bool exhaustive_point(struct exhaustive *exhaustive, uint64_t call, enum io_fault_kind kind);

#endif
