/*
 * The invariants, asked of the database through the same functions that its users call.
 *
 *   acknowledged-is-there      every acknowledged transaction, in its place
 *   unknown-is-whole           one without an answer is there whole, or not at all
 *   reads-see-acknowledged     tables, indexes and streams show what the model has: nothing lost, nothing invented
 *   past-is-stable             AT OFFSET and AS OF show the model's past
 *   positions-are-dense        positions and sequences follow each other without holes, for ever
 *   proofs-verify              checkpoints, inclusion and consistency proofs; and a changed text does not
 *   log-verifies, nonces-are-unique, rebuilt-is-live: see disk.c
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "kernel/state.h"
#include "vopr/run.h"

static const char *const table_names[MODEL_TABLES] = {"t0", "t1", "t2"};
static const char *const stream_names[MODEL_STREAMS] = {"s0", "s1"};

/* A read failed: fine where this life's faults excuse it. */
static bool read_failed(struct run *run, const struct answer *answer, unsigned tenant, const char *what) {
    if (world_excuses(&run->world, answer->status) ||
        (answer->status == KMB_TRANSACTION_ABORTED && world_faulted(&run->world))) {
        return true;
    }
    return run_violate(run, "answers-are-expected", "tenant %u: %s (%s) for: %.300s", tenant + 1,
                       kmb_status_name(answer->status), answer->error.message, what);
}

/* The first line in which two dumps differ, for the message. */
static void first_difference(const struct buffer *got, const struct buffer *wanted, char *out, size_t size) {
    size_t at = 0;
    size_t line = 0;
    while (at < got->length && at < wanted->length && got->bytes[at] == wanted->bytes[at]) {
        line = got->bytes[at] == '\n' ? at + 1 : line;
        at++;
    }
    size_t got_end = line;
    size_t wanted_end = line;
    while (got_end < got->length && got->bytes[got_end] != '\n') {
        got_end++;
    }
    while (wanted_end < wanted->length && wanted->bytes[wanted_end] != '\n') {
        wanted_end++;
    }
    int got_length = (int)(got_end - line < 60 ? got_end - line : 60);
    int wanted_length = (int)(wanted_end - line < 60 ? wanted_end - line : 60);
    snprintf(out, size, "got \"%.*s\", must be \"%.*s\"", got_length,
             got->bytes == NULL ? "" : (const char *)got->bytes + line, wanted_length,
             wanted->bytes == NULL ? "" : (const char *)wanted->bytes + line);
}

static unsigned tenant_of(const struct run *run, const kmb_session *session) {
    for (unsigned tenant = 0; tenant < MODEL_TENANTS; tenant++) {
        for (unsigned which = 0; which < WORLD_SESSIONS; which++) {
            if (run->world.sessions[tenant][which] == session) {
                return tenant;
            }
        }
    }
    return 0;
}

/* Runs a query and compares its rows. */
static bool compare(struct run *run, kmb_session *session, const char *sql, const struct buffer *wanted,
                    const char *invariant) {
    struct buffer got = {0};
    struct answer answer;
    char difference[200];
    unsigned tenant = tenant_of(run, session);
    bool good = true;
    statement_run(session, sql, &got, &answer);
    if (answer.status != KMB_OK) {
        good = read_failed(run, &answer, tenant, sql);
    } else if (!slice_equal(buffer_slice(&got), buffer_slice(wanted)) && !world_crashed(&run->world)) {
        first_difference(&got, wanted, difference, sizeof(difference));
        good = run_violate(run, invariant, "tenant %u: %s: %s", tenant + 1, sql, difference);
    }
    buffer_free(&got);
    return good;
}

/* Rows of one value of column a, found by the index where there is one. */
static bool check_value(struct run *run, kmb_session *session, const struct model_table *at, unsigned table,
                        const char *suffix, const char *invariant) {
    struct buffer wanted = {0};
    char sql[200];
    int32_t a = (int32_t)prng_below(&run->world.choice, 12);
    for (int32_t i = 0; i < MODEL_KEYS; i++) {
        if (at->present[i] && !at->rows[i].a_null && at->rows[i].a == a) {
            buffer_printf(&wanted, "%d|\n", i);
        }
    }
    snprintf(sql, sizeof(sql), "SELECT k FROM %s WHERE a = %d ORDER BY k%s", table_names[table], a, suffix);
    bool good = compare(run, session, sql, &wanted, invariant);
    buffer_free(&wanted);
    return good;
}

/* The whole index in its order: what an update that missed it would show. */
static bool check_index(struct run *run, kmb_session *session, const struct model_table *at, unsigned table,
                        const char *suffix, const char *invariant) {
    struct buffer wanted = {0};
    char sql[200];
    unsigned count = 0;
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        count += at->present[i] && !at->rows[i].a_null ? 1 : 0;
    }
    buffer_printf(&wanted, "%u|\n", count);
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE a >= 0%s", table_names[table], suffix);
    bool good = compare(run, session, sql, &wanted, invariant);
    buffer_free(&wanted);
    return good;
}

bool check_table(struct run *run, kmb_session *session, const struct model_state *state, unsigned table,
                 const char *suffix, const char *invariant) {
    const struct model_table *at = &state->tables[table];
    struct buffer wanted = {0};
    char sql[200];
    if (!at->exists) {
        return true;
    }
    model_dump_table(at, &wanted);
    snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY k%s", table_names[table], suffix);
    bool good = compare(run, session, sql, &wanted, invariant) &&
                check_value(run, session, at, table, suffix, invariant) &&
                check_index(run, session, at, table, suffix, invariant);
    buffer_free(&wanted);
    return good;
}

/* --- streams --------------------------------------------------------------------------------------------------------
 */

struct stream_walk {
    struct run *run;
    unsigned tenant;
    unsigned stream;
    uint64_t next;    /* offset that must come */
    size_t operation; /* of the model, to look for it from */
    struct buffer text;
};

static enum kmb_status check_event(void *context, uint64_t offset, const void *bytes, size_t length) {
    struct stream_walk *walk = context;
    const struct model_tenant *model = &walk->run->model.tenants[walk->tenant];
    if (offset != walk->next) {
        run_violate(walk->run, "streams-are-gapless", "tenant %u stream %u: offset %llu, must be %llu",
                    walk->tenant + 1, walk->stream, (unsigned long long)offset, (unsigned long long)walk->next);
        return KMB_INTERNAL;
    }
    while (walk->operation < model->operation_count && (model->operations[walk->operation].kind != MODEL_APPEND ||
                                                        model->operations[walk->operation].object != walk->stream)) {
        walk->operation++;
    }
    if (walk->operation == model->operation_count) {
        run_violate(walk->run, "streams-are-gapless", "tenant %u stream %u: event %llu was never appended",
                    walk->tenant + 1, walk->stream, (unsigned long long)offset);
        return KMB_INTERNAL;
    }
    const struct model_row *row = &model->operations[walk->operation++].row;
    const char *wanted = model_text(&walk->text, row->text_seed, row->text_length);
    if (length != row->text_length || memcmp(bytes, wanted, length) != 0) {
        run_violate(walk->run, "streams-are-gapless", "tenant %u stream %u: event %llu has another content",
                    walk->tenant + 1, walk->stream, (unsigned long long)offset);
        return KMB_INTERNAL;
    }
    walk->next++;
    return KMB_OK;
}

/* The events from `from` on. */
static bool check_stream(struct run *run, kmb_session *session, unsigned tenant, unsigned stream, uint64_t from) {
    struct stream_walk walk = {.run = run, .tenant = tenant, .stream = stream, .next = from};
    const struct model_tenant *model = &run->model.tenants[tenant];
    uint64_t wanted = model->state.lengths[stream];
    uint64_t length = 0;
    uint32_t id = 0;
    struct answer answer = {0};
    for (uint64_t skipped = 0; skipped < from; walk.operation++) {
        skipped +=
            model->operations[walk.operation].kind == MODEL_APPEND && model->operations[walk.operation].object == stream
                ? 1
                : 0;
    }
    answer.status = kmb_stream_find(session, stream_names[stream], &id, &answer.error);
    if (answer.status == KMB_OK) {
        answer.status = kmb_stream_length(session, id, &length, &answer.error);
    }
    if (answer.status == KMB_OK && length != wanted && !world_crashed(&run->world)) {
        return run_violate(run, "streams-are-gapless", "tenant %u stream %u: length %llu, must be %llu", tenant + 1,
                           stream, (unsigned long long)length, (unsigned long long)wanted);
    }
    if (answer.status == KMB_OK) {
        answer.status = kmb_stream_read(session, id, from, UINT64_MAX, check_event, &walk, &answer.error);
    }
    buffer_free(&walk.text);
    if (run->violated) {
        return false;
    }
    if (answer.status != KMB_OK) {
        return read_failed(run, &answer, tenant, "a stream's events");
    }
    return walk.next == wanted || world_crashed(&run->world) ||
           run_violate(run, "streams-are-gapless", "tenant %u stream %u: read to %llu of %llu", tenant + 1, stream,
                       (unsigned long long)walk.next, (unsigned long long)wanted);
}

/* --- present and past ------------------------------------------------------------------------------------------------
 */

static kmb_session *reader(struct run *run, unsigned tenant, bool *go) {
    struct answer answer = {0};
    kmb_session *session = world_session(&run->world, tenant, 0, &answer.status, &answer.error);
    *go = session != NULL || read_failed(run, &answer, tenant, "a session");
    return session;
}

bool check_present(struct run *run, unsigned tenant) {
    const struct model_tenant *model = &run->model.tenants[tenant];
    bool go;
    kmb_session *session = reader(run, tenant, &go);
    if (session == NULL) {
        return go;
    }
    for (unsigned table = 0; go && table < MODEL_TABLES; table++) {
        go = check_table(run, session, &model->state, table, "", "reads-see-acknowledged");
        if (go && !model->state.tables[table].exists) {
            struct answer answer;
            char sql[64];
            snprintf(sql, sizeof(sql), "SELECT k FROM %s", table_names[table]);
            statement_run(session, sql, NULL, &answer);
            go = answer.status == KMB_UNDEFINED_TABLE || world_excuses(&run->world, answer.status) ||
                 run_violate(run, "reads-see-acknowledged", "tenant %u: %s exists and must not", tenant + 1,
                             table_names[table]);
        }
    }
    for (unsigned stream = 0; go && stream < MODEL_STREAMS; stream++) {
        uint64_t length = model->state.lengths[stream];
        if (model->state.streams[stream]) {
            go = check_stream(run, session, tenant, stream, length > 6 ? length - 6 : 0);
        }
    }
    return go;
}

/* Definitions take no position: those that the next transaction begins with stand at the position asked for. */
static size_t definitions_ahead(const struct model_tenant *model, size_t count, size_t operations) {
    size_t ahead = 0;
    if (count < model->transaction_count) {
        const struct model_transaction *next = &model->transactions[count];
        while (operations + ahead < next->count &&
               model_events(model->operations[next->first + operations + ahead].kind) == 0) {
            ahead++;
        }
    }
    return ahead;
}

/* The state after `count` transactions, asked by position or, where its time is known, by time. */
static bool check_past_at(struct run *run, unsigned tenant, size_t count, size_t operations) {
    const struct model_tenant *model = &run->model.tenants[tenant];
    const struct model_transaction *last = &model->transactions[count - 1];
    struct model_state state;
    char suffix[80];
    bool go;
    kmb_session *session = reader(run, tenant, &go);
    if (session == NULL) {
        return go;
    }
    bool by_time = operations == 0 && last->time_us != 0 && prng_chance(&run->world.choice, 1, 3);
    unsigned table = (unsigned)prng_below(&run->world.choice, MODEL_TABLES);
    model_state_at(model, count, by_time ? operations : operations + definitions_ahead(model, count, operations),
                   &state);
    if (by_time) {
        struct answer answer = {0};
        answer.status = kmb_session_at(session, KMB_AT_TIME, last->time_us, &answer.error);
        if (answer.status != KMB_OK) {
            return read_failed(run, &answer, tenant, "a session's time");
        }
        snprintf(suffix, sizeof(suffix), " -- as of %lld us", (long long)last->time_us);
        go = check_table(run, session, &state, table, suffix, "past-is-stable");
        kmb_session_at(session, KMB_AT_PRESENT, 0, NULL);
        return go;
    }
    snprintf(suffix, sizeof(suffix), " AT OFFSET %llu", (unsigned long long)(last->position + operations));
    return check_table(run, session, &state, table, suffix, "past-is-stable");
}

bool check_past(struct run *run, unsigned tenant) {
    const struct model_tenant *model = &run->model.tenants[tenant];
    if (model->transaction_count < 2) {
        return true;
    }
    size_t count = 1 + (size_t)prng_below(&run->world.choice, model->transaction_count);
    /* By position: the last of those that end there. By time a transaction is alone, so this serves both. */
    while (count < model->transaction_count &&
           model->transactions[count].position == model->transactions[count - 1].position) {
        count++;
    }
    size_t operations = 0;
    if (count < model->transaction_count && model->transactions[count].in_order) {
        const struct model_transaction *next = &model->transactions[count];
        bool rows = true;
        for (size_t i = 0; i < next->count; i++) {
            rows = rows && model_events(model->operations[next->first + i].kind) != 0;
        }
        operations = rows && next->count > 1 ? (size_t)prng_below(&run->world.choice, next->count) : 0;
    }
    return check_past_at(run, tenant, count, operations);
}

/* --- entries and positions -------------------------------------------------------------------------------------------
 */

/* Entries from `first` on: each begins where the one before ended. */
static bool check_entries(struct run *run, unsigned tenant, struct kernel_state *state, uint64_t first) {
    const struct model_tenant *model = &run->model.tenants[tenant];
    for (uint64_t sequence = first; sequence <= state->sequence; sequence++) {
        struct kernel_entry entry;
        struct answer answer = {0};
        answer.status = kernel_entry_at(state, sequence, &entry, &answer.error);
        if (answer.status != KMB_OK) {
            return read_failed(run, &answer, tenant, "an entry's place");
        }
        const struct model_transaction *wanted = &model->transactions[sequence - 1];
        uint64_t before = sequence == 1 ? 0 : model->transactions[sequence - 2].position;
        if (entry.position_before != before || entry.position_after != wanted->position ||
            (wanted->time_us != 0 && entry.time_us != wanted->time_us)) {
            return run_violate(run, "positions-are-dense",
                               "tenant %u entry %llu: positions %llu..%llu, must be %llu..%llu", tenant + 1,
                               (unsigned long long)sequence, (unsigned long long)entry.position_before,
                               (unsigned long long)entry.position_after, (unsigned long long)before,
                               (unsigned long long)wanted->position);
        }
    }
    return true;
}

/* Tree heads only ever grow: one kept from before is a prefix of today's. */
static bool check_tree(struct run *run, unsigned tenant, struct kernel_state *state) {
    struct hash256 root;
    struct answer answer = {0};
    uint64_t size = run->tree_size[tenant];
    if (size != 0 && size <= state->sequence) {
        answer.status = kernel_merkle_root(state, size, &root, &answer.error);
        if (answer.status != KMB_OK) {
            return read_failed(run, &answer, tenant, "a tree head");
        }
        if (!hash256_equal(&root, &run->tree_root[tenant])) {
            return run_violate(run, "proofs-verify", "tenant %u: the tree of %llu entries is no longer what it was",
                               tenant + 1, (unsigned long long)size);
        }
    }
    if (!run->lenient && kernel_merkle_root(state, state->sequence, &root, NULL) == KMB_OK) {
        run->tree_size[tenant] = state->sequence;
        run->tree_root[tenant] = root;
    }
    return true;
}

static bool check_positions(struct run *run, unsigned tenant, bool deep) {
    const struct model_tenant *model = &run->model.tenants[tenant];
    struct kernel_state *state = NULL;
    struct answer answer = {0};
    answer.status = shard_state(run->world.shard, (struct tenant_id){tenant + 1}, &state, &answer.error);
    if (answer.status != KMB_OK) {
        return read_failed(run, &answer, tenant, "the tenant's state");
    }
    bool good = true;
    if (state->position != model_position(model) || state->sequence != model_sequence(model)) {
        good =
            run_violate(run, "positions-are-dense", "tenant %u: at position %llu entry %llu, must be %llu entry %llu",
                        tenant + 1, (unsigned long long)state->position, (unsigned long long)state->sequence,
                        (unsigned long long)model_position(model), (unsigned long long)model_sequence(model));
    }
    uint64_t first = deep || state->sequence < 10 ? 1 : state->sequence - 9;
    good = good && check_entries(run, tenant, state, first) && check_tree(run, tenant, state);
    kernel_state_release(state);
    return good;
}

/* --- proofs ----------------------------------------------------------------------------------------------------------
 */

static bool check_proof(struct run *run, unsigned tenant, enum kmb_status made, char *text, const char *verifier,
                        const char *what, struct answer *answer) {
    answer->status = made;
    if (made != KMB_OK) {
        return read_failed(run, answer, tenant, what);
    }
    bool good = true;
    size_t length = strlen(text);
    if (kmb_proof_verify(text, length, verifier, &answer->error) != KMB_OK) {
        good = run_violate(run, "proofs-verify", "tenant %u: %s: %s", tenant + 1, what, answer->error.message);
    } else {
        /* One changed hexadecimal or base64 character in the middle must not pass. */
        size_t at = length / 2;
        text[at] = text[at] == 'A' ? 'B' : 'A';
        if (kmb_proof_verify(text, length, verifier, NULL) == KMB_OK) {
            good = run_violate(run, "proofs-verify", "tenant %u: %s with character %zu changed passes", tenant + 1,
                               what, at);
        }
    }
    kmb_free(text);
    return good;
}

bool check_proofs(struct run *run, unsigned tenant) {
    char verifier[256];
    struct answer answer = {0};
    char *text = NULL;
    bool go;
    uint64_t sequence = model_sequence(&run->model.tenants[tenant]);
    kmb_session *session = reader(run, tenant, &go);
    if (session == NULL || sequence == 0) {
        return go;
    }
    answer.status = kmb_tenant_verifier(run->world.db, tenant + 1, verifier, sizeof(verifier), &answer.error);
    if (answer.status != KMB_OK) {
        return read_failed(run, &answer, tenant, "the verifier key");
    }
    uint64_t drawn = 1 + prng_below(&run->world.choice, sequence);
    enum kmb_status made = kmb_proof_checkpoint(session, &text, &answer.error);
    if (!check_proof(run, tenant, made, text, verifier, "a checkpoint", &answer)) {
        return false;
    }
    made = kmb_proof_inclusion(session, drawn, &text, &answer.error);
    if (!check_proof(run, tenant, made, text, verifier, "an inclusion proof", &answer)) {
        return false;
    }
    made = kmb_proof_consistency(session, drawn, &text, &answer.error);
    return check_proof(run, tenant, made, text, verifier, "a consistency proof", &answer);
}

/* --- all of it -------------------------------------------------------------------------------------------------------
 */

/* Every version of every row of a table that lives: as many as there were changes. */
static bool check_history(struct run *run, unsigned tenant) {
    const struct model_tenant *model = &run->model.tenants[tenant];
    bool go;
    kmb_session *session = reader(run, tenant, &go);
    for (unsigned table = 0; session != NULL && go && table < MODEL_TABLES; table++) {
        struct buffer wanted = {0};
        char sql[100];
        uint64_t versions = 0;
        for (size_t i = 0; i < model->operation_count; i++) {
            const struct model_operation *operation = &model->operations[i];
            if (operation->object == table && operation->kind <= MODEL_DELETE) {
                versions++;
            } else if (operation->object == table && operation->kind == MODEL_CREATE_TABLE) {
                versions = 0;
            }
        }
        buffer_printf(&wanted, "%llu|\n", (unsigned long long)versions);
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM kimberlite_history(%s)", table_names[table]);
        if (model->state.tables[table].exists) {
            go = compare(run, session, sql, &wanted, "past-is-stable");
        }
        buffer_free(&wanted);
    }
    return go;
}

bool check_all(struct run *run, bool deep) {
    for (unsigned tenant = 0; tenant < MODEL_TENANTS; tenant++) {
        if (!run->model.tenants[tenant].exists) {
            continue;
        }
        bool go = check_positions(run, tenant, deep) && check_present(run, tenant);
        for (unsigned i = 0; go && i < (deep ? 6 : 1); i++) {
            go = check_past(run, tenant);
        }
        if (go && deep) {
            go = check_history(run, tenant) && check_proofs(run, tenant);
        }
        for (unsigned stream = 0; go && deep && stream < MODEL_STREAMS; stream++) {
            bool reads;
            kmb_session *session = reader(run, tenant, &reads);
            if (session != NULL && run->model.tenants[tenant].state.streams[stream]) {
                go = check_stream(run, session, tenant, stream, 0);
            }
        }
        if (!go) {
            return false;
        }
    }
    return true;
}

/* Which of the tenant's unanswered transactions the log has: all of a block, or none. */
static bool resolve(struct run *run, unsigned tenant, uint64_t sequence, int *block) {
    struct model_tenant *model = &run->model.tenants[tenant];
    for (unsigned i = 0; i < run->pending_count; i++) {
        struct pending *pending = &run->pending[i];
        if (pending->tenant != tenant) {
            continue;
        }
        bool there = sequence > model_sequence(model);
        if (*block != -1 && *block != (there ? 1 : 0)) {
            return run_violate(run, "unknown-is-whole", "tenant %u: one transaction of a block is %s, another is not",
                               tenant + 1, there ? "there" : "absent");
        }
        *block = there ? 1 : 0;
        if (there) {
            model->exists = true;
            model_commit(model, pending->operations, pending->count, pending->in_order, 0);
        }
    }
    return true;
}

bool check_recovered(struct run *run) {
    int block = -1;
    for (unsigned tenant = 0; tenant < MODEL_TENANTS; tenant++) {
        struct model_tenant *model = &run->model.tenants[tenant];
        struct kernel_state *state = NULL;
        struct answer answer = {0};
        uint64_t sequence = 0;
        answer.status = shard_state(run->world.shard, (struct tenant_id){tenant + 1}, &state, &answer.error);
        if (answer.status == KMB_OK) {
            sequence = state->sequence;
            kernel_state_release(state);
        } else if (answer.status != KMB_TENANT_NOT_FOUND) {
            return read_failed(run, &answer, tenant, "the tenant's state");
        }
        if (sequence < model_sequence(model)) {
            return run_violate(run, "acknowledged-is-there",
                               "tenant %u: %llu entries after opening, %llu were acknowledged", tenant + 1,
                               (unsigned long long)sequence, (unsigned long long)model_sequence(model));
        }
        if (!resolve(run, tenant, sequence, &block)) {
            return false;
        }
        if (sequence != model_sequence(model)) {
            return run_violate(run, "nothing-is-invented", "tenant %u: %llu entries after opening, %llu are known",
                               tenant + 1, (unsigned long long)sequence, (unsigned long long)model_sequence(model));
        }
    }
    run->pending_count = 0;
    return true;
}
