/*
 * Memory that runs out, everywhere once.
 *
 * A fixed piece of work on a small database, of steps that between them call every group of kimberlite.h: creation,
 * DDL, prepared inserts, the bulk appender, joins and aggregates and sorts, updates, transactions that commit and that
 * roll back, time travel, history, streams, tenants, proofs, verification, rebuild, close. A first run counts the
 * allocations and keeps what each step answered. Then, for each n (or each stride-th), the work is done anew on a fresh
 * database while the n-th allocation of ours fails, once.
 *
 * What must hold: the step it hits answers KMB_NO_MEMORY with a text, or does without that memory and answers the same
 * as ever. What failed was not done: the step, taken again, answers exactly what it answers in the first run - rows
 * that were written after all would be duplicates, handles that were spoilt would fail. A failed allocation of a commit
 * that is already on its way may make the outcome unknown (KMB_FATAL): then the next open tells, and the step is taken
 * again only when it left no trace. At the end the database verifies, and its rows are those of the first run. Leaks
 * and reads of freed memory are seen by AddressSanitizer, which this program is meant to be built with.
 *
 * Outside: libpg_query, OpenSSL and the C library, which do not go through base/memory.h. libpg_query ends the process
 * when malloc fails inside it; what keeps that from happening is checked where it is called, in sql/parse.
 *
 *     alloc_loop [--stride K] [--first N] [--last N] [--list]
 *     alloc_loop --plant        a step that hides a failed allocation is among them, and has to be found
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../scratch.h"
#include "base/memory.h"
#include "kimberlite.h"

#define OUTPUT_SIZE 16384
#define STEPS_MAX   96

struct world {
    char folder[SCRATCH_SIZE];
    char path[SCRATCH_SIZE + 8];
    kmb_db *db;
    kmb_session *session;
    char output[OUTPUT_SIZE]; /* of the step that runs */
    size_t output_length;
    char verifier[512];
};

struct step {
    const char *name;
    enum kmb_status (*run)(struct world *world, const char *argument, struct kmb_error *error);
    const char *argument;
};

static void note(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct world *world, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(world->output + world->output_length, OUTPUT_SIZE - world->output_length, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= OUTPUT_SIZE - world->output_length) {
        fprintf(stderr, "a step answers more than %d bytes\n", OUTPUT_SIZE);
        exit(2);
    }
    world->output_length += (size_t)length;
}

static void drop_line(void *context, const char *line) {
    (void)context;
    (void)line;
}

static struct kmb_options options_of(unsigned flags) {
    return (struct kmb_options){.size = sizeof(struct kmb_options),
                                .flags = flags,
                                .cache_bytes = 1 << 20,
                                .segment_bytes = 64 << 10,
                                .log = drop_line};
}

/* --- steps: the database ------------------------------------------------------------------------------------------ */

static enum kmb_status step_open(struct world *world, const char *argument, struct kmb_error *error) {
    struct kmb_options options = options_of(argument[0] == 'c' ? KMB_OPEN_CREATE : 0);
    enum kmb_status status = kmb_open(world->path, &options, &world->db, error);
    if (status == KMB_OK) {
        status = kmb_session_open(world->db, 1, &world->session, error);
        if (status != KMB_OK) {
            kmb_close(world->db, NULL);
            world->db = NULL;
        }
    }
    return status;
}

/* The handle is gone whatever the answer, so there is nothing to repeat: taken again, it has nothing to do. */
static enum kmb_status step_close(struct world *world, const char *argument, struct kmb_error *error) {
    (void)argument;
    kmb_session_close(world->session);
    world->session = NULL;
    kmb_db *db = world->db;
    world->db = NULL;
    return kmb_close(db, error);
}

static enum kmb_status step_checkpoint(struct world *world, const char *argument, struct kmb_error *error) {
    (void)argument;
    return kmb_checkpoint(world->db, error);
}

static enum kmb_status step_facts(struct world *world, const char *argument, struct kmb_error *error) {
    struct kmb_info info = {.size = sizeof(info)};
    char hash[65];
    (void)argument;
    enum kmb_status status = kmb_info(world->db, &info, error);
    if (status == KMB_OK) {
        status = kmb_state_hash(world->db, hash, error);
    }
    if (status == KMB_OK) {
        note(world, "%u tenants, position %" PRIu64, info.tenants, kmb_session_position(world->session));
    }
    return status;
}

static enum kmb_status list_tenant(void *context, const struct kmb_tenant *tenant) {
    note(context, "%u %s %" PRIu64 "\n", tenant->id, tenant->name, tenant->position);
    return KMB_OK;
}

static enum kmb_status step_tenants(struct world *world, const char *argument, struct kmb_error *error) {
    (void)argument;
    enum kmb_status status = kmb_tenant_create(world->db, 7, "clinic", error);
    if (status == KMB_OK) {
        status = kmb_tenant_verifier(world->db, 1, world->verifier, sizeof(world->verifier), error);
    }
    return status == KMB_OK ? kmb_tenant_list(world->db, list_tenant, world, error) : status;
}

/* --- steps: SQL --------------------------------------------------------------------------------------------------- */

static enum kmb_status read_rows(struct world *world, kmb_statement *statement, struct kmb_error *error) {
    enum kmb_status status;
    while ((status = kmb_step(statement, error)) == KMB_ROW) {
        for (uint32_t i = 0; i < kmb_column_count(statement); i++) {
            const char *text = kmb_column_text(statement, i, NULL);
            if (text == NULL && !kmb_column_is_null(statement, i)) { /* may be asked again; what was written stays */
                text = kmb_column_text(statement, i, NULL);
            }
            if (text == NULL && !kmb_column_is_null(statement, i)) {
                *error = (struct kmb_error){.status = KMB_NO_MEMORY, .message = "a column's text, asked twice"};
                return KMB_NO_MEMORY;
            }
            note(world, "%s|", text == NULL ? "NULL" : text);
        }
        note(world, "\n");
    }
    if (status == KMB_DONE) {
        note(world, "%s", kmb_statement_tag(statement));
        return KMB_OK;
    }
    return status;
}

static enum kmb_status run_sql(struct world *world, const char *sql, struct kmb_error *error) {
    kmb_statement *statement = NULL;
    enum kmb_status status = kmb_prepare(world->session, sql, strlen(sql), &statement, NULL, error);
    if (status == KMB_OK) {
        status = read_rows(world, statement, error);
    }
    kmb_finalize(statement);
    return status;
}

static enum kmb_status step_sql(struct world *world, const char *argument, struct kmb_error *error) {
    return run_sql(world, argument, error);
}

/* A statement that has to be refused, with this very status. */
static enum kmb_status step_refused(struct world *world, const char *argument, struct kmb_error *error) {
    enum kmb_status status = run_sql(world, argument, error);
    if (status == KMB_NO_MEMORY || status == KMB_FATAL) {
        return status;
    }
    note(world, "%s: %s", kmb_status_name(status), error->message);
    return KMB_OK;
}

static enum kmb_status step_bound(struct world *world, const char *argument, struct kmb_error *error) {
    kmb_statement *statement = NULL;
    enum kmb_status status = kmb_prepare(world->session, argument, strlen(argument), &statement, NULL, error);
    if (status == KMB_OK) {
        status = kmb_bind_int64(statement, 1, 9001, error);
    }
    if (status == KMB_OK) {
        status = kmb_bind_text(statement, 2, "Amélie", strlen("Amélie"), error);
    }
    if (status == KMB_OK) {
        status = kmb_bind_text(statement, 3, "12.50", 5, error);
    }
    if (status == KMB_OK) {
        status = kmb_bind_double(statement, 4, 0.25, error);
    }
    if (status == KMB_OK) {
        status = kmb_bind_bytes(statement, 5, "\x00\x01\xff", 3, error);
    }
    if (status == KMB_OK) {
        status = kmb_bind_null(statement, 6, error);
    }
    if (status == KMB_OK) {
        status = read_rows(world, statement, error);
    }
    kmb_finalize(statement);
    return status;
}

static enum kmb_status append_rows(kmb_appender *appender, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (int64_t i = 0; i < 40 && status == KMB_OK; i++) {
        char name[32];
        int length = snprintf(name, sizeof(name), "patient %" PRId64, i * 7 % 40);
        status = kmb_append_int64(appender, 100 + i, error);
        if (status == KMB_OK) {
            status = kmb_append_text(appender, name, (size_t)length, error);
        }
        if (status == KMB_OK) {
            status = kmb_append_text(appender, "3.75", 4, error);
        }
        if (status == KMB_OK) {
            status = kmb_append_double(appender, (double)i / 4, error);
        }
        if (status == KMB_OK) {
            status = i % 3 == 0 ? kmb_append_null(appender, error) : kmb_append_bytes(appender, name, 3, error);
        }
        if (status == KMB_OK) {
            status = kmb_append_default(appender, error);
        }
        if (status == KMB_OK) {
            status = kmb_append_row(appender, error);
        }
    }
    return status;
}

static enum kmb_status step_appender(struct world *world, const char *argument, struct kmb_error *error) {
    kmb_appender *appender = NULL;
    uint64_t rows = 0;
    enum kmb_status status = kmb_appender_open(world->session, argument, &appender, error);
    if (status == KMB_OK) {
        status = append_rows(appender, error);
    }
    if (status == KMB_OK) {
        status = kmb_appender_flush(appender, &rows, error);
    }
    kmb_appender_close(appender);
    note(world, "%" PRIu64 " rows", rows);
    return status;
}

/* Statements parted by '\n' between BEGIN and the last, which ends the transaction. A failure rolls all of it back. */
static enum kmb_status step_transaction(struct world *world, const char *argument, struct kmb_error *error) {
    char line[512];
    enum kmb_status status = kmb_begin(world->session, error);
    for (const char *at = argument; status == KMB_OK && *at != 0;) {
        size_t length = strcspn(at, "\n");
        snprintf(line, sizeof(line), "%.*s", (int)length, at);
        at += length + (at[length] == '\n');
        if (strcmp(line, "commit") == 0) {
            status = kmb_commit(world->session, error);
        } else if (strcmp(line, "rollback") == 0) {
            status = kmb_rollback(world->session, error);
        } else {
            status = run_sql(world, line, error);
        }
    }
    if (kmb_session_in_transaction(world->session, NULL)) {
        enum kmb_status after = kmb_rollback(world->session, NULL);
        if (after != KMB_OK) {
            fprintf(stderr, "rolling back answers %s\n", kmb_status_name(after));
            exit(1);
        }
    }
    return status;
}

static enum kmb_status step_past(struct world *world, const char *argument, struct kmb_error *error) {
    enum kmb_status status = kmb_session_at(world->session, KMB_AT_POSITION, 5, error);
    if (status == KMB_OK) {
        status = run_sql(world, argument, error);
    }
    struct kmb_error later = {0};
    enum kmb_status back = kmb_session_at(world->session, KMB_AT_PRESENT, 0, &later);
    if (status == KMB_OK && back != KMB_OK) {
        *error = later;
    }
    return status == KMB_OK ? back : status;
}

/* --- steps: streams, proofs, whole database ----------------------------------------------------------------------- */

static enum kmb_status read_event(void *context, uint64_t offset, const void *bytes, size_t length) {
    note(context, "%" PRIu64 " %.*s\n", offset, (int)length, (const char *)bytes);
    return KMB_OK;
}

static enum kmb_status step_stream_append(struct world *world, const char *argument, struct kmb_error *error) {
    const struct kmb_bytes events[] = {{"admitted", 8}, {"moved", 5}, {"discharged", 10}};
    uint32_t stream;
    uint64_t first = 0;
    enum kmb_status status = kmb_stream_create(world->session, argument, KMB_CLASS_PHI, &stream, error);
    if (status == KMB_OK) {
        status = kmb_stream_append(world->session, stream, 0, events, 3, &first, error);
    }
    return status;
}

static enum kmb_status step_stream_read(struct world *world, const char *argument, struct kmb_error *error) {
    uint32_t stream;
    uint64_t length = 0;
    enum kmb_status status = kmb_stream_find(world->session, argument, &stream, error);
    if (status == KMB_OK) {
        status = kmb_stream_length(world->session, stream, &length, error);
    }
    note(world, "%" PRIu64 " events\n", length);
    if (status == KMB_OK) {
        status = kmb_stream_read(world->session, stream, 0, 4096, read_event, world, error);
    }
    return status;
}

static enum kmb_status step_proofs(struct world *world, const char *argument, struct kmb_error *error) {
    char *texts[3] = {NULL};
    (void)argument;
    enum kmb_status status = kmb_proof_checkpoint(world->session, &texts[0], error);
    if (status == KMB_OK) {
        status = kmb_proof_inclusion(world->session, 2, &texts[1], error);
    }
    if (status == KMB_OK) {
        status = kmb_proof_consistency(world->session, 3, &texts[2], error);
    }
    for (int i = 0; i < 3; i++) {
        if (status == KMB_OK) {
            status = kmb_proof_verify(texts[i], strlen(texts[i]), world->verifier, error);
        }
        kmb_free(texts[i]);
    }
    return status;
}

static enum kmb_status step_verify(struct world *world, const char *argument, struct kmb_error *error) {
    struct kmb_verify_options options = {.size = sizeof(options)};
    struct kmb_verify_report report = {.size = sizeof(report)};
    (void)argument;
    enum kmb_status status = kmb_verify(world->path, &options, &report, error);
    note(world, "%" PRIu64 " tenants, bodies %d, store %d", report.tenants, report.bodies_opened,
         report.store_matches_log);
    return status;
}

static enum kmb_status step_rebuild(struct world *world, const char *argument, struct kmb_error *error) {
    struct kmb_options options = options_of(0);
    char hash[65];
    (void)argument;
    return kmb_rebuild(world->path, &options, hash, error);
}

static enum kmb_status show_entry(void *context, const struct kmb_log_entry *entry) {
    if (entry->tenant == 1) {
        note(context, "%" PRIu64 " %s\n", entry->sequence, entry->events);
    }
    return KMB_OK;
}

static enum kmb_status step_log_show(struct world *world, const char *argument, struct kmb_error *error) {
    (void)argument;
    return kmb_log_show(world->path, NULL, 1, 0, show_entry, world, error);
}

/* A second handle that only looks, on the rows and the past. */
static enum kmb_status step_look(struct world *world, const char *argument, struct kmb_error *error) {
    struct kmb_options options = options_of(KMB_OPEN_READ_ONLY);
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    kmb_session *own = world->session;
    enum kmb_status status = kmb_open(world->path, &options, &db, error);
    if (status == KMB_OK) {
        status = kmb_session_open(db, 1, &session, error);
    }
    if (status == KMB_OK) {
        world->session = session;
        status = run_sql(world, argument, error);
        world->session = own;
    }
    kmb_session_close(session);
    kmb_close(db, NULL);
    return status;
}

static bool planted;

static enum kmb_status step_planted(struct world *world, const char *argument, struct kmb_error *error) {
    (void)argument;
    (void)error;
    void *memory = planted ? mem_alloc(1) : NULL;
    note(world, "%s", memory != NULL || !planted ? "kept" : "lost");
    mem_free(memory);
    return KMB_OK;
}

static const struct step steps[] = {
    {"create", step_open, "create"},
    {"table", step_sql,
     "CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price NUMERIC(10,2) CHECK (price >= 0), "
     "weight DOUBLE PRECISION, note BYTEA, ward TEXT DEFAULT 'surgery')"},
    {"index", step_sql, "CREATE INDEX patients_name ON patients (name)"},
    {"table 2", step_sql, "CREATE TABLE wards (name TEXT PRIMARY KEY, beds INTEGER NOT NULL)"},
    {"tenants", step_tenants, ""},
    {"insert", step_sql,
     "INSERT INTO patients (id, name, price) VALUES (1, 'Rosa', 1.50), (2, 'Wei', 2), (3, 'Uma', NULL)"},
    {"insert 2", step_sql, "INSERT INTO wards VALUES ('surgery', 4), ('neurology', 2) RETURNING name, beds + 1"},
    {"bound", step_bound, "INSERT INTO patients VALUES ($1, $2, $3, $4, $5, $6)"},
    {"duplicate", step_refused, "INSERT INTO patients (id, name) VALUES (1, 'again')"},
    {"check", step_refused, "INSERT INTO patients (id, name, price) VALUES (50, 'x', -1)"},
    {"syntax", step_refused, "SELEC 1"},
    {"upsert", step_sql,
     "INSERT INTO wards VALUES ('surgery', 9) ON CONFLICT (name) DO UPDATE SET beds = excluded.beds"},
    {"appender", step_appender, "patients"},
    {"checkpoint", step_checkpoint, ""},
    {"point", step_sql, "SELECT * FROM patients WHERE id = 9001"},
    {"by index", step_sql, "SELECT id, name FROM patients WHERE name = 'patient 7'"},
    {"point met again", step_sql, "SELECT * FROM patients WHERE id = 7"},
    {"point by a kept plan", step_sql, "SELECT * FROM patients WHERE id = 8"},
    {"little memory", step_sql, "SET work_mem = '64kB'"},
    {"spill", step_sql,
     "SELECT count(*), max(n) FROM (SELECT n, row_number() OVER (ORDER BY n % 7, n) FROM generate_series(1, 4000) n "
     "ORDER BY n % 11, n OFFSET 1) s"},
    {"spilled join", step_sql,
     "SELECT count(*), sum(b) FROM generate_series(1, 3000) a FULL JOIN generate_series(2, 3001) b ON a = b"},
    {"much memory", step_sql, "RESET work_mem"},
    {"join", step_sql,
     "SELECT w.name, count(*), sum(p.price), avg(p.weight), min(p.name) FROM patients p JOIN wards w ON p.ward = "
     "w.name "
     "GROUP BY w.name HAVING count(*) > 1 ORDER BY 2 DESC"},
    {"left join", step_sql,
     "SELECT w.name, p.id FROM wards w LEFT JOIN patients p ON p.ward = w.name AND p.id < 3 ORDER BY 1, 2"},
    {"sort", step_sql, "SELECT id, upper(name), price * 2 FROM patients ORDER BY name DESC, id LIMIT 6 OFFSET 2"},
    {"values", step_sql, "SELECT count(*) FILTER (WHERE x > 1), sum(DISTINCT x) FROM (VALUES (1), (2), (2)) v (x)"},
    {"insert 3", step_sql, "INSERT INTO wards SELECT name || ' 2', beds FROM wards ON CONFLICT DO NOTHING"},
    {"show", step_sql, "SHOW COLUMNS FROM wards"},
    {"derived", step_sql,
     "SELECT count(*), max(weight) FROM (SELECT id, weight FROM patients WHERE weight > 8) AS heavy"},
    {"distinct", step_sql, "SELECT DISTINCT ward FROM patients WHERE id > 100 ORDER BY ward"},
    {"json", step_sql, "SELECT '{\"a\": [1, 2, {\"b\": null}]}'::jsonb, now() > '2020-01-01', 1.5::numeric / 7"},
    {"explain", step_sql, "EXPLAIN SELECT * FROM patients WHERE name = 'x'"},
    {"update", step_sql, "UPDATE patients SET price = price + 1, name = name || '!' WHERE id BETWEEN 100 AND 110"},
    {"delete", step_sql, "DELETE FROM patients WHERE id >= 130"},
    {"commit", step_transaction,
     "INSERT INTO wards VALUES ('icu', 1)\nUPDATE patients SET ward = 'icu' WHERE id = 2\nSELECT name, ward FROM "
     "patients "
     "WHERE id = 2\nDELETE FROM patients WHERE id = 3\ncommit"},
    {"rollback", step_transaction,
     "INSERT INTO wards VALUES ('attic', 1)\nDELETE FROM patients\nSELECT count(*) FROM patients\nrollback"},
    {"alter", step_sql, "ALTER TABLE patients ADD COLUMN age INTEGER DEFAULT 40"},
    {"past", step_sql, "SELECT id, name FROM patients AT OFFSET 4 ORDER BY id"},
    {"session past", step_past, "SELECT count(*) FROM patients"},
    {"history", step_sql,
     "SELECT id, name, _position_from, _position_to, _operation FROM kimberlite_history(patients) WHERE id < 102 ORDER "
     "BY "
     "id, _position_from"},
    {"catalog", step_sql, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'patients'"},
    {"schema", step_sql,
     "CREATE SCHEMA hall CREATE TABLE bed (id serial PRIMARY KEY, n int CHECK (n > 0)) CREATE VIEW free AS SELECT n "
     "FROM "
     "bed"},
    {"schema renamed", step_sql, "ALTER SCHEMA hall RENAME TO wing"},
    {"table moved", step_sql, "ALTER TABLE wing.bed SET SCHEMA public"},
    {"schema read", step_sql, "SELECT current_schemas(true), count(*) FROM wing.free"},
    {"role", step_sql, "CREATE USER ann PASSWORD 'p\xc3\xa4ss' VALID UNTIL '2030-01-01'"},
    {"role renamed", step_sql, "ALTER ROLE ann RENAME TO anna"},
    {"roles", step_sql, "SELECT rolname, rolcanlogin, rolvaliduntil, oid::regrole FROM pg_roles ORDER BY 1"},
    {"catalog 2", step_sql,
     "SELECT constraint_name, check_clause FROM information_schema.check_constraints ORDER BY 2"},
    {"catalog 3", step_sql,
     "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid ORDER BY 1, 2"},
    {"schema dropped", step_sql, "DROP SCHEMA wing CASCADE"},
    {"stream append", step_stream_append, "admissions"},
    {"stream read", step_stream_read, "admissions"},
    {"proofs", step_proofs, ""},
    {"look", step_look, "SELECT count(*), sum(price) FROM patients"},
    {"drop", step_sql, "DROP TABLE wards"},
    {"facts", step_facts, ""},
    {"close", step_close, ""},
    {"verify", step_verify, ""},
    {"log show", step_log_show, ""},
    {"rebuild", step_rebuild, ""},
    {"open", step_open, "open"},
    {"rows", step_sql, "SELECT * FROM patients ORDER BY id"},
    {"events", step_stream_read, "admissions"},
    {"close 2", step_close, ""},
    {"verify 2", step_verify, ""},
    {"planted", step_planted, ""},
};
enum { STEP_COUNT = sizeof(steps) / sizeof(steps[0]) };
_Static_assert(STEP_COUNT <= STEPS_MAX, "room for what each step answers");

/* --- runs --------------------------------------------------------------------------------------------------------- */

static char *wanted[STEPS_MAX]; /* what each step answered in the first run */
static uint64_t step_ends[STEPS_MAX];

static void world_end(struct world *world) {
    kmb_session_close(world->session);
    kmb_close(world->db, NULL);
    world->session = NULL;
    world->db = NULL;
    scratch_remove(world->folder);
}

static void world_begin(struct world *world) {
    const char *parent = getenv("ALLOC_LOOP_DIRECTORY");
    memset(world, 0, sizeof(*world));
    if (parent == NULL) { /* memory where there is such a place: nothing here is about disks, and syncs take long */
        parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    scratch_make_in(parent, world->folder, sizeof(world->folder));
    snprintf(world->path, sizeof(world->path), "%s/db", world->folder);
    setenv("TMPDIR", world->folder, 1); /* where verification puts its own store */
}

static enum kmb_status take(struct world *world, const struct step *step, struct kmb_error *error) {
    world->output_length = 0;
    world->output[0] = 0;
    memset(error, 0, sizeof(*error));
    return step->run(world, step->argument, error);
}

/* One step that may be hit. Answers false, having said why, when something does not hold. */
static bool run_step(struct world *world, unsigned at, uint64_t number, unsigned *hits) {
    const struct step *step = &steps[at];
    struct kmb_error error;
    uint64_t before = mem_fail_count();
    enum kmb_status status = take(world, step, &error);
    bool due = before < number && mem_fail_count() >= number;
    if (status != KMB_OK) {
        if (!due || status != KMB_NO_MEMORY || error.message[0] == 0 || error.status != status) {
            printf("allocation %" PRIu64 ", step %s: %s: %s%s%s\n", number, step->name, kmb_status_name(status),
                   error.message, error.detail[0] == 0 ? "" : ": ", error.detail);
            return false;
        }
        (*hits)++;
        status = take(world, step, &error);
        if (status != KMB_OK) {
            printf("allocation %" PRIu64 ", step %s, taken again: %s: %s\n", number, step->name,
                   kmb_status_name(status), error.message);
            return false;
        }
    }
    if (wanted[at] == NULL) {
        wanted[at] = strdup(world->output);
        step_ends[at] = mem_fail_count();
    } else if (strcmp(wanted[at], world->output) != 0) {
        printf("allocation %" PRIu64 ", step %s answers\n%s\nnot\n%s\n", number, step->name, world->output, wanted[at]);
        return false;
    }
    return true;
}

static bool run_all(uint64_t number, unsigned *hits) {
    struct world world;
    world_begin(&world);
    bool good = true;
    mem_fail_plan(number);
    for (unsigned i = 0; i < STEP_COUNT && good; i++) {
        good = run_step(&world, i, number, hits);
    }
    mem_fail_plan(0);
    world_end(&world);
    return good;
}

static const char *step_of(uint64_t number) {
    for (unsigned i = 0; i < STEP_COUNT; i++) {
        if (number <= step_ends[i]) {
            return steps[i].name;
        }
    }
    return "none";
}

int main(int argc, char **argv) {
    uint64_t stride = 1, first = 1, last = UINT64_MAX, bad = 0, runs = 0;
    bool list = false;
    for (int i = 1; i < argc; i++) {
        uint64_t value = i + 1 < argc ? strtoull(argv[i + 1], NULL, 10) : 0;
        if (strcmp(argv[i], "--list") == 0) {
            list = true;
        } else if (strcmp(argv[i], "--plant") == 0) {
            planted = true;
        } else if (strcmp(argv[i], "--stride") == 0 && value > 0) {
            stride = value;
            i++;
        } else if (strcmp(argv[i], "--first") == 0 && value > 0) {
            first = value;
            i++;
        } else if (strcmp(argv[i], "--last") == 0 && value > 0) {
            last = value;
            i++;
        } else {
            fprintf(stderr, "usage: alloc_loop [--stride K] [--first N] [--last N] [--list] | --plant\n");
            return 2;
        }
    }
    unsigned hits = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!run_all(0, &hits)) {
        printf("the work fails although no allocation does\n");
        return 1;
    }
    uint64_t total = step_ends[STEP_COUNT - 1];
    for (unsigned i = 0; i < STEP_COUNT && list; i++) {
        printf("%-14s %" PRIu64 "\n%s\n", steps[i].name, step_ends[i], wanted[i]);
    }
    first = planted ? total : first;
    for (uint64_t n = first; n <= total && n <= last; n += stride) {
        runs++;
        if (!run_all(n, &hits)) {
            bad++;
            printf("  (allocation %" PRIu64 " of %" PRIu64 ", in step %s)\n", n, total, step_of(n));
        }
    }
    printf("%" PRIu64 " of %" PRIu64 " allocations failed, one a run: %u steps answered so, %" PRIu64
           " runs went wrong\n",
           runs, total, hits, bad);
    for (unsigned i = 0; i < STEP_COUNT; i++) {
        free(wanted[i]);
    }
    return planted ? bad != 1 : bad != 0 || (hits == 0 && !list);
}
