/*
 * The constraints of a domain. Its checks are expressions over one column, the value: they are evaluated over a batch
 * of that column alone, whose rows have the numbers of the batch around it. A check holds unless it is false.
 */
#include "sql/exec/evaluate_domain.h"

struct evaluate_domain {
    const struct expr_domain *rules;
    struct evaluator **checks;
    struct vector column;
    struct batch batch;
    struct sql_context *context;
};

struct evaluate_domain *evaluate_domain_make(const struct evaluator_scope *scope, const struct expr_domain *rules) {
    struct evaluate_domain *domain = sql_alloc_zero(scope->context, 1, sizeof(*domain));
    domain->rules = rules;
    domain->context = scope->context;
    domain->checks = sql_alloc(scope->context, (rules->check_count + 1) * sizeof(struct evaluator *));
    for (uint32_t i = 0; i < rules->check_count; i++) {
        domain->checks[i] = evaluator_make(scope, rules->checks[i]);
    }
    domain->batch = (struct batch){.column_count = 1, .columns = &domain->column};
    return domain;
}

static bool null_at(const struct vector *vector, uint32_t row) {
    return vector->may_have_null && vector->null[vector_row(vector, row)] != 0;
}

/* What the error is about: the domain, and its constraint, if it is one that has a name. */
static void tell_about(struct evaluate_domain *domain, const char *constraint) {
    domain->context->about = (struct error_about){.schema = domain->rules->schema_name,
                                                  .datatype = domain->rules->own_name,
                                                  .constraint = slice_text(constraint)};
}

void evaluate_domain_run(struct evaluate_domain *domain, const struct vector *values, const uint16_t *selection,
                         uint32_t count) {
    const struct expr_domain *rules = domain->rules;
    for (uint32_t i = 0; rules->not_null && values->may_have_null && i < count; i++) {
        if (null_at(values, selection == NULL ? i : selection[i])) {
            tell_about(domain, "");
            sql_raise(domain->context, KMB_NOT_NULL_VIOLATION, 0, "domain %s does not allow null values", rules->name);
        }
    }
    domain->column = *values;
    domain->batch.count = count;
    for (uint32_t n = 0; n < rules->check_count; n++) {
        const struct vector *holds = evaluator_run(domain->checks[n], &domain->batch, selection, count);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = selection == NULL ? i : selection[i];
            if (!null_at(holds, row) && !holds->boolean[vector_row(holds, row)]) {
                tell_about(domain, rules->check_names[n]);
                sql_raise(domain->context, KMB_CHECK_VIOLATION, 0,
                          "value for domain %s violates check constraint \"%s\"", rules->name, rules->check_names[n]);
            }
        }
    }
}
