/*
 * What the clients do: writes of every kind, transactions that commit, roll back and collide, blocks shared by several
 * tenants, definitions, bulk loads, streams, reads of present and past, upkeep. After each answer the model is told
 * what it means: acknowledged, refused, or unknown until the next open.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "kernel/transaction.h"
#include "vopr/run.h"

static const char *const table_names[MODEL_TABLES] = {"t0", "t1", "t2"};
static const char *const stream_names[MODEL_STREAMS] = {"s0", "s1"};

/* --- what an answer means ------------------------------------------------------------------------------------------
 */

static void note_pending(struct run *run, unsigned tenant, const struct model_operation *operations, size_t count,
                         bool in_order) {
    ASSERT(run->pending_count < RUN_PENDING_MAX && count <= RUN_OPERATIONS_MAX);
    struct pending *pending = &run->pending[run->pending_count++];
    pending->tenant = tenant;
    pending->count = count;
    pending->in_order = in_order;
    memcpy(pending->operations, operations, count * sizeof(*operations));
    run->world.counts.unknown++;
}

static bool note_acknowledged(struct run *run, unsigned tenant, const struct model_operation *operations, size_t count,
                              bool in_order) {
    if (run->fatal) {
        return run_violate(run, "nothing-after-fatal", "tenant %u: a write was acknowledged after a fatal error",
                           tenant + 1);
    }
    struct kernel_state *state = NULL;
    int64_t time_us = 0;
    struct model_tenant *model = &run->model.tenants[tenant];
    model->exists = true;
    if (shard_state(run->world.shard, (struct tenant_id){tenant + 1}, &state, NULL) == KMB_OK) {
        time_us = state->time_us;
        uint64_t sequence = state->sequence;
        kernel_state_release(state);
        if (sequence != model_sequence(model) + 1) {
            return run_violate(run, "sequences-are-dense", "tenant %u: entry %llu acknowledged after entry %llu",
                               tenant + 1, (unsigned long long)sequence, (unsigned long long)model_sequence(model));
        }
    }
    model_commit(model, operations, count, in_order, time_us);
    if (run->world.counts.transactions++ == 0) {
        run->acknowledged_call = run->world.counts.calls + io_fault_calls(run->world.fault);
    }
    return true;
}

/* The answer to a write: tells the model, or names the violation. what: for the message. */
static bool answered(struct run *run, unsigned tenant, const struct model_operation *operations, size_t count,
                     bool in_order, enum kmb_status expected, const struct answer *answer, const char *what) {
    struct world *world = &run->world;
    if (run->trace) {
        fprintf(stderr, "%lld us, call %llu, tenant %u: %s %s: %.200s\n", (long long)world->clock_us,
                (unsigned long long)io_fault_calls(world->fault), tenant + 1, kmb_status_name(answer->status),
                answer->error.message, what);
    }
    if (answer->status == KMB_OK && expected == KMB_OK && !world_crashed(world)) {
        return count == 0 || note_acknowledged(run, tenant, operations, count, in_order);
    }
    if (answer->status == expected && expected != KMB_OK) {
        world->counts.refused++;
        return true;
    }
    bool excused = answer->status != KMB_OK && world_excuses(world, answer->status);
    if (answer->status == KMB_FATAL || world_crashed(world)) {
        if (!run->fatal && expected == KMB_OK && count > 0) {
            note_pending(run, tenant, operations, count, in_order);
        }
        run->fatal = true;
    } else {
        world->counts.refused++;
    }
    if (excused || world_crashed(world) || (run->fatal && answer->status == KMB_FATAL)) {
        return true;
    }
    return run_violate(run, "answers-are-expected", "tenant %u: wanted %s, got %s (%s) for: %.300s", tenant + 1,
                       kmb_status_name(expected), kmb_status_name(answer->status), answer->error.message, what);
}

/* A session, or NULL: *go says whether the run goes on. */
static kmb_session *session_of(struct run *run, unsigned tenant, unsigned which, bool *go) {
    struct kmb_error error = {0};
    enum kmb_status status;
    kmb_session *session = world_session(&run->world, tenant, which, &status, &error);
    *go = true;
    if (session == NULL && !world_excuses(&run->world, status)) {
        *go = run_violate(run, "answers-are-expected", "tenant %u: no session: %s", tenant + 1, error.message);
    }
    return session;
}

static bool broken(const struct run *run) {
    return run->fatal || world_crashed(&run->world);
}

/* --- writes --------------------------------------------------------------------------------------------------------
 */

static bool run_alone(struct run *run, unsigned tenant, struct statement *statement) {
    struct answer answer;
    bool go;
    kmb_session *session = session_of(run, tenant, 0, &go);
    const char *text = buffer_text(&statement->text);
    if (session == NULL) {
        return go;
    }
    statement_run(session, text, NULL, &answer);
    go = answered(run, tenant, statement->operations, statement->count, statement->in_order, statement->expected,
                  &answer, text);
    if (go && answer.status == KMB_OK && !world_crashed(&run->world)) {
        const struct model_tenant *model = &run->model.tenants[tenant];
        bool rows = model_events(statement->count == 0 ? MODEL_FACT : statement->operations[0].kind) != 0;
        if (statement->count != 0 && answer.position != model_position(model)) {
            return run_violate(run, "positions-are-dense", "tenant %u: position %llu, must be %llu, after: %.300s",
                               tenant + 1, (unsigned long long)answer.position,
                               (unsigned long long)model_position(model), text);
        }
        if (rows && answer.rows != statement->rows) {
            return run_violate(run, "rows-are-counted", "tenant %u: %llu rows, must be %llu: %.300s", tenant + 1,
                               (unsigned long long)answer.rows, (unsigned long long)statement->rows, text);
        }
    }
    return go;
}

/* A table that exists, beginning at a drawn one; MODEL_TABLES: none. */
static unsigned draw_table(struct run *run, const struct model_state *state) {
    unsigned table = (unsigned)prng_below(&run->world.choice, MODEL_TABLES);
    for (unsigned i = 0; i < MODEL_TABLES; i++) {
        if (state->tables[(table + i) % MODEL_TABLES].exists) {
            return (table + i) % MODEL_TABLES;
        }
    }
    return MODEL_TABLES;
}

static bool step_rows(struct run *run, unsigned tenant, struct statement *statement) {
    struct model_state working = run->model.tenants[tenant].state;
    unsigned table = draw_table(run, &working);
    if (table == MODEL_TABLES) {
        statement_draw_definition(&run->world.choice, &working, statement);
    } else {
        statement_draw_rows(&run->world.choice, &working, table, statement);
    }
    return run_alone(run, tenant, statement);
}

static bool step_definition(struct run *run, unsigned tenant, struct statement *statement) {
    struct model_state working = run->model.tenants[tenant].state;
    statement_draw_definition(&run->world.choice, &working, statement);
    return run_alone(run, tenant, statement);
}

bool workload_one_write(struct run *run, unsigned tenant) {
    struct statement statement = {0};
    bool go = step_rows(run, tenant, &statement);
    buffer_free(&statement.text);
    return go;
}

/* BEGIN, some statements with a read between, COMMIT or ROLLBACK. */
static bool step_transaction(struct run *run, unsigned tenant, struct statement *statement) {
    struct model_state working = run->model.tenants[tenant].state;
    struct model_operation operations[RUN_OPERATIONS_MAX];
    struct answer answer = {0};
    size_t count = 0;
    bool in_order = true;
    bool go;
    kmb_session *session = session_of(run, tenant, 0, &go);
    if (session == NULL) {
        return go;
    }
    answer.status = kmb_begin(session, &answer.error);
    uint64_t statements = 1 + prng_below(&run->world.choice, 3);
    for (uint64_t i = 0; answer.status == KMB_OK && i < statements; i++) {
        unsigned table = draw_table(run, &working);
        if (table == MODEL_TABLES || prng_chance(&run->world.choice, 1, 12)) {
            statement_draw_definition(&run->world.choice, &working, statement);
        } else {
            do {
                statement_draw_rows(&run->world.choice, &working, table, statement);
            } while (statement->expected != KMB_OK); /* a refused statement would end the transaction */
        }
        if (count + statement->count > RUN_OPERATIONS_MAX) {
            break;
        }
        memcpy(operations + count, statement->operations, statement->count * sizeof(*operations));
        count += statement->count;
        in_order = in_order && statement->in_order;
        statement_run(session, buffer_text(&statement->text), NULL, &answer);
        if (answer.status == KMB_OK && !check_table(run, session, &working, table % MODEL_TABLES, "", "own-writes")) {
            return false;
        }
    }
    bool failed = false;
    kmb_session_in_transaction(session, &failed);
    if (failed && world_faulted(&run->world)) {
        kmb_rollback(session, NULL); /* a read of ours met the fault, and the transaction with it */
        return true;
    }
    if (answer.status != KMB_OK) {
        kmb_rollback(session, NULL);
        return world_excuses(&run->world, answer.status) ||
               run_violate(run, "answers-are-expected", "tenant %u: in a transaction: %s: %.300s", tenant + 1,
                           answer.error.message, buffer_text(&statement->text));
    }
    if (prng_chance(&run->world.choice, 1, 4)) {
        answer.status = kmb_rollback(session, &answer.error);
        run->world.counts.refused++;
        return answer.status == KMB_OK ||
               run_violate(run, "answers-are-expected", "ROLLBACK: %s", answer.error.message);
    }
    answer.status = kmb_commit(session, &answer.error);
    return answered(run, tenant, operations, count, in_order, KMB_OK, &answer, "COMMIT");
}

/* Two transactions change one row: the first to commit wins, the other is told. */
static bool step_collision(struct run *run, unsigned tenant, struct statement *statement) {
    struct model_state working = run->model.tenants[tenant].state;
    unsigned table = draw_table(run, &working);
    struct answer answer = {0};
    char text[128];
    bool go;
    kmb_session *other = session_of(run, tenant, 1, &go);
    if (other == NULL || table == MODEL_TABLES) {
        return go;
    }
    answer.status = kmb_begin(other, &answer.error);
    do {
        statement_draw_rows(&run->world.choice, &working, table, statement);
    } while (statement->expected != KMB_OK);
    bool touches = statement->count > 0 && statement->operations[0].kind == MODEL_UPDATE;
    if (answer.status == KMB_OK && touches) {
        snprintf(text, sizeof(text), "DELETE FROM %s WHERE k = %d", table_names[table],
                 statement->operations[0].row.key);
        statement_run(other, text, NULL, &answer);
    }
    if (answer.status != KMB_OK) {
        kmb_rollback(other, NULL);
        return world_excuses(&run->world, answer.status) ||
               run_violate(run, "answers-are-expected", "a second transaction: %s", answer.error.message);
    }
    size_t before = run->model.tenants[tenant].transaction_count;
    if (!run_alone(run, tenant, statement)) {
        return false;
    }
    bool won = !broken(run) && run->model.tenants[tenant].transaction_count > before;
    if (!won || !touches) {
        kmb_rollback(other, NULL);
        return true;
    }
    answer.status = kmb_commit(other, &answer.error);
    if (answer.status == KMB_OK) {
        return run_violate(run, "first-committer-wins", "tenant %u: two transactions changed key %d of %s, both won",
                           tenant + 1, statement->operations[0].row.key, table_names[table]);
    }
    return answered(run, tenant, NULL, 0, true, KMB_SERIALIZATION, &answer, "COMMIT of the second");
}

static void append_row(kmb_appender *appender, const struct model_table *table, const struct model_row *row,
                       struct answer *answer) {
    struct buffer text = {0};
    const char *bytes = model_text(&text, row->text_seed, row->text_length);
    answer->status = kmb_append_int64(appender, row->key, &answer->error);
    if (answer->status == KMB_OK) {
        answer->status = row->a_null ? kmb_append_null(appender, &answer->error)
                                     : kmb_append_int64(appender, row->a, &answer->error);
    }
    if (answer->status == KMB_OK) {
        answer->status = kmb_append_text(appender, bytes, row->text_length, &answer->error);
    }
    if (answer->status == KMB_OK && table->wide) {
        answer->status = kmb_append_int64(appender, row->c, &answer->error);
    }
    if (answer->status == KMB_OK) {
        answer->status = kmb_append_row(appender, &answer->error);
    }
    buffer_free(&text);
}

static bool step_bulk(struct run *run, unsigned tenant) {
    struct model_state working = run->model.tenants[tenant].state;
    struct model_operation operations[RUN_OPERATIONS_MAX];
    unsigned table = draw_table(run, &working);
    struct answer answer = {0};
    size_t count = 0;
    bool go;
    kmb_session *session = session_of(run, tenant, 0, &go);
    kmb_appender *appender = NULL;
    if (session == NULL || table == MODEL_TABLES) {
        return go;
    }
    answer.status = kmb_appender_open(session, table_names[table], &appender, &answer.error);
    uint64_t rows = 1 + prng_below(&run->world.choice, 12);
    for (uint64_t i = 0; answer.status == KMB_OK && i < rows; i++) {
        struct model_operation *operation = &operations[count];
        *operation = (struct model_operation){.kind = MODEL_INSERT, .object = table};
        if (!statement_draw_row(&run->world.choice, &working.tables[table], &operation->row)) {
            break;
        }
        model_apply(&working, operation);
        append_row(appender, &working.tables[table], &operation->row, &answer);
        count++;
    }
    if (answer.status == KMB_OK && count > 0) {
        answer.status = kmb_appender_flush(appender, NULL, &answer.error);
    }
    kmb_appender_close(appender);
    return answered(run, tenant, operations, count, true, KMB_OK, &answer, "a bulk append");
}

/* --- streams -------------------------------------------------------------------------------------------------------
 */

static void draw_event(struct run *run, unsigned stream, struct model_operation *operation) {
    *operation = (struct model_operation){.kind = MODEL_APPEND, .object = stream};
    operation->row.text_seed = (uint32_t)prng_u64(&run->world.choice);
    operation->row.text_length = (uint32_t)prng_below(&run->world.choice, 100);
}

static bool step_stream(struct run *run, unsigned tenant) {
    struct model_operation operations[4];
    struct buffer texts[4] = {0};
    struct kmb_bytes events[4];
    struct answer answer = {0};
    const struct model_state *state = &run->model.tenants[tenant].state;
    unsigned stream = (unsigned)prng_below(&run->world.choice, MODEL_STREAMS);
    uint32_t id = 0;
    bool go;
    kmb_session *session = session_of(run, tenant, 0, &go);
    if (session == NULL) {
        return go;
    }
    if (!state->streams[stream]) {
        operations[0] = (struct model_operation){.kind = MODEL_CREATE_STREAM, .object = stream};
        answer.status = kmb_stream_create(session, stream_names[stream], KMB_CLASS_PHI, &id, &answer.error);
        return answered(run, tenant, operations, 1, true, KMB_OK, &answer, "a stream's creation");
    }
    answer.status = kmb_stream_find(session, stream_names[stream], &id, &answer.error);
    size_t count = 1 + (size_t)prng_below(&run->world.choice, 4);
    for (size_t i = 0; i < count; i++) {
        draw_event(run, stream, &operations[i]);
        events[i].bytes = model_text(&texts[i], operations[i].row.text_seed, operations[i].row.text_length);
        events[i].length = operations[i].row.text_length;
    }
    uint64_t dice = prng_below(&run->world.choice, 10);
    uint64_t expected = dice == 0 ? state->lengths[stream] + 1 : dice < 5 ? state->lengths[stream] : UINT64_MAX;
    uint64_t length = state->lengths[stream];
    uint64_t first = UINT64_MAX;
    if (answer.status == KMB_OK) {
        answer.status = kmb_stream_append(session, id, expected, events, count, &first, &answer.error);
    }
    for (size_t i = 0; i < count; i++) {
        buffer_free(&texts[i]);
    }
    if (answer.status == KMB_OK && first != length && !broken(run)) {
        return run_violate(run, "streams-are-gapless", "tenant %u stream %u: appended at %llu, must be %llu",
                           tenant + 1, stream, (unsigned long long)first, (unsigned long long)length);
    }
    return answered(run, tenant, operations, count, true, dice == 0 ? KMB_OFFSET_MISMATCH : KMB_OK, &answer,
                    "an append");
}

/* --- one block of several transactions ------------------------------------------------------------------------------
 */

/* Commits one stream event in the turn; the answer to it comes when its block is durable. */
static enum kmb_status commit_in_turn(struct run *run, struct shard_turn *turn, unsigned tenant,
                                      const struct model_operation *operation, uint64_t *op, struct kmb_error *error) {
    struct shard *shard = run->world.shard;
    struct kernel_state *state = NULL;
    struct kernel_transaction *transaction = NULL;
    struct shard_ticket ticket = {0};
    struct buffer text = {0};
    struct slice payload =
        slice_make(model_text(&text, operation->row.text_seed, operation->row.text_length), operation->row.text_length);
    enum kmb_status status = shard_turn_state(turn, (struct tenant_id){tenant + 1}, &state, error);
    if (status == KMB_OK) {
        status = kernel_transaction_begin(state, shard_row_ids(shard), &transaction, error);
    }
    if (status == KMB_OK) {
        const struct stream_definition *stream =
            catalogue_stream(kernel_transaction_catalogue(transaction), slice_text(stream_names[operation->object]));
        status = stream == NULL ? error_set(error, KMB_STREAM_NOT_FOUND, "the stream is gone")
                                : kernel_append(transaction, stream->id, KERNEL_OFFSET_ANY, &payload, 1, NULL, error);
        if (status == KMB_OK) {
            status = shard_turn_commit(turn, transaction, NULL, &ticket, error);
            *op = status == KMB_OK ? ticket.op : *op;
        } else {
            kernel_transaction_discard(transaction);
        }
    }
    kernel_state_release(state);
    buffer_free(&text);
    return status;
}

/* Tenants whose writes share a block: all are there, or none. */
static bool step_group(struct run *run) {
    struct model_operation operations[MODEL_TENANTS];
    bool committed[MODEL_TENANTS] = {0};
    struct shard_turn turn;
    struct answer answer = {0};
    uint64_t op = 0;
    bool go = true;
    answer.status = shard_turn_begin(run->world.shard, &turn, &answer.error);
    for (unsigned tenant = 0; answer.status == KMB_OK && tenant < MODEL_TENANTS; tenant++) {
        if (run->model.tenants[tenant].state.streams[0]) {
            draw_event(run, 0, &operations[tenant]);
            answer.status = commit_in_turn(run, &turn, tenant, &operations[tenant], &op, &answer.error);
            committed[tenant] = answer.status == KMB_OK;
        }
    }
    shard_turn_end(&turn);
    struct answer refused = answer;
    if (op != 0) {
        memset(&answer, 0, sizeof(answer));
        answer.status = shard_wait(run->world.shard, op, &answer.error);
    }
    bool fatal_before = run->fatal;
    for (unsigned tenant = 0; go && tenant < MODEL_TENANTS; tenant++) {
        if (committed[tenant]) {
            run->fatal = fatal_before;
            go = answered(run, tenant, &operations[tenant], 1, true, KMB_OK, &answer, "a shared block");
        }
    }
    if (go && refused.status != KMB_OK) {
        go = answered(run, 0, NULL, 0, true, KMB_OK, &refused, "a shared block");
    }
    return go;
}

static bool step_tenant(struct run *run) {
    struct model_operation fact = {.kind = MODEL_FACT};
    struct answer answer = {0};
    for (unsigned tenant = 1; tenant < MODEL_TENANTS; tenant++) {
        if (!run->model.tenants[tenant].exists) {
            char name[16];
            snprintf(name, sizeof(name), "ward %u", tenant + 1); /* no two have one */
            answer.status = kmb_tenant_create(run->world.db, tenant + 1, name, &answer.error);
            return answered(run, tenant, &fact, 1, true, KMB_OK, &answer, "a tenant's creation");
        }
    }
    return true;
}

/* --- reads and upkeep -----------------------------------------------------------------------------------------------
 */

static bool step_read(struct run *run, unsigned tenant) {
    run->world.counts.reads++;
    uint64_t dice = prng_below(&run->world.choice, 10);
    if (dice < 5) {
        bool go;
        unsigned table = (unsigned)prng_below(&run->world.choice, MODEL_TABLES);
        kmb_session *session = session_of(run, tenant, 0, &go);
        return session == NULL
                   ? go
                   : check_table(run, session, &run->model.tenants[tenant].state, table, "", "reads-see-acknowledged");
    }
    return dice < 9 ? check_past(run, tenant) : check_proofs(run, tenant);
}

static bool step_upkeep(struct run *run) {
    struct kmb_error error = {0};
    struct world *world = &run->world;
    bool checkpoint = prng_chance(&world->choice, 1, 2);
    world_sleep(world, checkpoint ? 1000 : 300000);
    enum kmb_status status = checkpoint ? kmb_checkpoint(world->db, &error) : shard_tick(world->shard, &error);
    if (status == KMB_OK && checkpoint && !world_crashed(world)) {
        for (unsigned i = 0; i < MODEL_TENANTS; i++) {
            run->checkpoint_transactions[i] = run->model.tenants[i].transaction_count;
        }
        run->checkpointed = true;
    }
    run->fatal = run->fatal || status == KMB_FATAL;
    return status == KMB_OK || world_excuses(world, status) ||
           run_violate(run, "answers-are-expected", "%s: %s", checkpoint ? "checkpoint" : "upkeep", error.message);
}

static unsigned draw_tenant(struct run *run) {
    unsigned tenant = (unsigned)prng_below(&run->world.choice, MODEL_TENANTS);
    return run->model.tenants[tenant].exists ? tenant : 0;
}

bool workload_step(struct run *run) {
    struct statement statement = {0};
    unsigned tenant = draw_tenant(run);
    uint64_t dice = prng_below(&run->world.choice, 100);
    bool go = true;
    world_sleep(&run->world, 1 + (int64_t)prng_below(&run->world.choice, 20000));
    if (dice < 40) {
        go = step_rows(run, tenant, &statement);
    } else if (dice < 52) {
        go = step_transaction(run, tenant, &statement);
    } else if (dice < 55) {
        go = step_collision(run, tenant, &statement);
    } else if (dice < 61) {
        go = step_bulk(run, tenant);
    } else if (dice < 69) {
        go = step_stream(run, tenant);
    } else if (dice < 74) {
        go = step_group(run);
    } else if (dice < 78) {
        go = step_definition(run, tenant, &statement);
    } else if (dice < 79) {
        go = step_tenant(run);
    } else if (dice < 96) {
        go = step_read(run, tenant);
    } else {
        go = step_upkeep(run);
    }
    buffer_free(&statement.text);
    return go;
}

bool workload_begin(struct run *run) {
    struct statement statement = {0};
    bool go = true;
    for (unsigned i = 0; go && !broken(run) && i < MODEL_TABLES; i++) {
        go = step_definition(run, 0, &statement);
    }
    for (unsigned i = 0; go && !broken(run) && i < 4; i++) {
        go = step_rows(run, 0, &statement);
    }
    buffer_free(&statement.text);
    return go;
}

bool workload_after_fatal(struct run *run) {
    struct kmb_error error = {0};
    if (world_crashed(&run->world)) {
        return true;
    }
    for (unsigned tenant = 0; tenant < MODEL_TENANTS; tenant++) {
        if (run->model.tenants[tenant].exists && !workload_one_write(run, tenant)) {
            return false;
        }
    }
    if (shard_health(run->world.shard, &error) == KMB_OK) {
        return run_violate(run, "nothing-after-fatal", "a fatal error was forgotten");
    }
    for (unsigned tenant = 0; tenant < MODEL_TENANTS; tenant++) {
        if (run->model.tenants[tenant].exists && !check_present(run, tenant)) {
            return false;
        }
    }
    return true;
}
