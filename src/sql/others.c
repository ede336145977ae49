/*
 * The other plans of a statement: the same text planned for values of its parameters, made where replan.h says that
 * they are wanted, and told apart by their shape. They live with the statement that they are of; one whose schema is
 * gone stays until its last run has ended.
 */
#include "sql/internal.h"

#include "base/memory.h"
#include "sql/plan/shape.h"

void sql_others_forget(struct sql_statement *statement) {
    for (uint32_t i = 0; i < REPLAN_PLANS_MAX; i++) {
        struct sql_statement *other = statement->others[i];
        if (other != NULL && other->runs == 0) {
            sql_statement_free(other);
            statement->others[i] = NULL;
        } else if (other != NULL) {
            other->retired = true;
        }
    }
    if (statement->replan != NULL) {
        replan_forget(statement->replan);
    }
}

/* The statement planned for these values; NULL: it could not be, and the first plan will do. */
static struct sql_statement *other_make(const struct sql_statement *statement, const struct sql_host *host,
                                        const struct value *parameters, uint32_t count) {
    struct sql_statement *made = mem_alloc_zero(1, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    made->for_values = true;
    sql_context_of_host(&made->parse, host, NULL, NULL);
    struct slice text = slice_make(statement->parse.text, statement->parse.text_length);
    enum kmb_status status = sql_statement_scan(made, text, statement->bound.parameter_types, count);
    if (status == KMB_OK) {
        status = sql_statement_bind(made, host, parameters, count, NULL);
    }
    if (status != KMB_OK || made->bound.parameter_count != count ||
        made->bound.catalogue_version != statement->bound.catalogue_version ||
        made->bound.column_count != statement->bound.column_count) {
        sql_statement_free(made);
        return NULL;
    }
    return made;
}

/* Makes a plan for the values and finds it a place; which it is. */
static uint8_t other_choose(struct sql_statement *statement, const struct sql_host *host,
                            const struct value *parameters, uint32_t count, uint64_t values) {
    struct sql_statement *made = other_make(statement, host, parameters, count);
    uint8_t plan = REPLAN_FIRST;
    bool found = made == NULL || plan_same_shape(made->bound.root, statement->bound.root);
    for (uint8_t i = 0; i < REPLAN_PLANS_MAX && !found; i++) {
        const struct sql_statement *other = statement->others[i];
        found = other != NULL && !other->retired && plan_same_shape(made->bound.root, other->bound.root);
        plan = found ? (uint8_t)(i + 1) : plan;
    }
    for (uint8_t i = 0; i < REPLAN_PLANS_MAX && !found && plan == REPLAN_FIRST; i++) {
        struct sql_statement *other = statement->others[i];
        if (other == NULL || (other->retired && other->runs == 0)) {
            sql_statement_free(other);
            statement->others[i] = made;
            plan = (uint8_t)(i + 1);
        }
    }
    bool placed = !found && plan != REPLAN_FIRST;
    if (!placed) {
        sql_statement_free(made);
    }
    replan_chosen(statement->replan, values, plan, placed);
    return plan;
}

void sql_run_choose(struct sql_run *run, const struct sql_host *host, const struct value *parameters, uint32_t count) {
    struct sql_statement *statement = run->first;
    enum sql_plan_mode mode = host->settings->plan_mode;
    if (statement->replan == NULL && mode == SQL_PLAN_CUSTOM) {
        statement->replan = mem_alloc_zero(1, sizeof(*statement->replan));
    }
    bool valid = true; /* else the run is refused */
    for (uint32_t i = 0; i < count; i++) {
        valid = valid && (parameters[i].is_null || value_valid(&parameters[i]));
    }
    run->values = valid ? replan_hash(parameters, count) : 0;
    if (statement->replan == NULL || !valid) {
        return;
    }
    uint8_t plan = replan_choose(statement->replan, run->values, mode);
    plan = plan == REPLAN_WANTED ? other_choose(statement, host, parameters, count, run->values) : plan;
    bool there = plan != REPLAN_FIRST && statement->others[plan - 1] != NULL && !statement->others[plan - 1]->retired;
    run->statement = there ? statement->others[plan - 1] : statement;
}

void sql_run_judge(struct sql_run *run) {
    struct sql_statement *statement = run->first;
    if (run->values == 0 || run->measures == NULL ||
        !replan_missed(run->statement->bound.root, run->measures, run->ended)) {
        return;
    }
    if (statement->replan == NULL) {
        statement->replan = mem_alloc_zero(1, sizeof(*statement->replan));
    }
    if (statement->replan != NULL) { /* else it runs on as it did */
        replan_want(statement->replan, run->values);
    }
}
