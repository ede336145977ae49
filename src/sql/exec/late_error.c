/*
 * Errors of rows that nobody has asked for yet.
 *
 * Operators compute a batch at once, but SQL's rows come one by one: an error in row 7 does not concern whoever takes
 * six rows (LIMIT, FETCH, EXISTS). So where a batch raises, the rows before the first that does are looked for by
 * halving, given as a batch of their own, and the error waits until the next one is asked for. It is then also the
 * error of the first row that has one, whichever expression came upon its error first. A batch that raises nothing pays
 * for one setjmp(); a batch of one row not even for that.
 *
 * What comes of the statement as a whole (cancellation, memory, limits, disks) does not wait. Nor does what is raised
 * while rows of a WITH query are made, for these are made once and cannot be asked for again.
 */
#include "base/assert.h"
#include "sql/exec/operator.h"

struct operator_late {
    enum kmb_status status;
    struct kmb_error error;
};

struct attempt {
    operator_work *work;
    void *argument;
    uint32_t first;
    uint32_t count;
};

static void attempt_run(void *argument) {
    const struct attempt *attempt = argument;
    attempt->work(attempt->argument, attempt->first, attempt->count);
}

/* Whether it comes of a row's values, and what raised can be run again. */
static bool is_of_row(struct exec *exec, enum kmb_status status, uint32_t making) {
    static const char *const statement[] = {"25", "40", "53", "54", "57", "58", "XX"};
    const char *state = status_row_of(status)->sqlstate;
    bool whole = exec_outermost(exec)->making != making;
    for (size_t i = 0; i < ARRAY_LENGTH(statement) && !whole; i++) {
        whole = memcmp(state, statement[i], 2) == 0;
    }
    return !whole;
}

static void late_keep(struct exec_operator *self, enum kmb_status status) {
    struct sql_context *context = self->exec->context;
    ASSERT(self->late == NULL && status != KMB_OK);
    self->late = sql_alloc_zero(context, 1, sizeof(*self->late));
    self->late->status = status;
    if (context->error != NULL) {
        self->late->error = *context->error;
        error_clear(context->error);
    }
}

/* Whether the rows can be computed. */
static bool rows_pass(struct exec *exec, const struct attempt *attempt) {
    uint32_t making = exec_outermost(exec)->making;
    enum kmb_status status = sql_catch(exec->context, attempt_run, (void *)(uintptr_t)attempt);
    if (status == KMB_OK) {
        return true;
    }
    if (!is_of_row(exec, status, making)) {
        sql_raise_status(exec->context, status, 0);
    }
    subquery_restart(exec);
    return false;
}

void operator_late_raise(struct exec_operator *self) {
    struct sql_context *context = self->exec->context;
    if (context->error != NULL) {
        *context->error = self->late->error;
    }
    sql_raise_status(context, self->late->status, 0);
}

bool operator_catch(struct exec_operator *self, void (*work)(void *argument), void *argument) {
    struct exec *exec = self->exec;
    uint32_t making = exec_outermost(exec)->making;
    enum kmb_status status = sql_catch(exec->context, work, argument);
    if (status == KMB_OK) {
        return true;
    }
    if (!is_of_row(exec, status, making)) {
        sql_raise_status(exec->context, status, 0);
    }
    late_keep(self, status);
    return false;
}

uint32_t operator_attempt(struct exec_operator *self, operator_work *work, void *argument, uint32_t count) {
    struct exec *exec = self->exec;
    struct attempt attempt = {.work = work, .argument = argument, .count = count};
    if (count < 2) {
        work(argument, 0, count);
        return count;
    }
    if (rows_pass(exec, &attempt)) {
        return count;
    }
    uint32_t passed = 0; /* these do, and one of those behind them, before `end`, does not */
    uint32_t end = count;
    while (end - passed > 1) {
        uint32_t middle = passed + (end - passed) / 2;
        attempt.first = passed;
        attempt.count = middle - passed;
        if (rows_pass(exec, &attempt)) {
            passed = middle;
        } else {
            end = middle;
        }
    }
    attempt.first = passed;
    attempt.count = 1;
    uint32_t making = exec_outermost(exec)->making;
    enum kmb_status status = sql_catch(exec->context, attempt_run, &attempt);
    if (status == KMB_OK) { /* a function does not do the same twice: as it comes */
        passed = count;
    } else if (passed == 0 || !is_of_row(exec, status, making)) {
        sql_raise_status(exec->context, status, 0);
    } else {
        late_keep(self, status);
    }
    subquery_restart(exec);
    work(argument, 0, passed);
    return passed;
}
