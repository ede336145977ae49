/*
 * What the files that run statements share: sql.c (their life) and others.c (their other plans).
 */
#ifndef KMB_SQL_INTERNAL_H
#define KMB_SQL_INTERNAL_H

#include "sql/exec/rowset.h"
#include "sql/parse/parse.h"
#include "sql/replan.h"
#include "sql/sql.h"

struct sql_statement {
    struct sql_context parse;
    struct sql_context plan;
    bool plan_open;
    struct tokens tokens;
    const PgQuery__Node *tree;
    struct type *given_types; /* of parameters, by the caller; in parse's arena */
    uint32_t given_count;
    struct plan_statement bound;
    bool cursor;        /* the query of a DECLARE, not the DECLARE */
    bool bind_each_run; /* the plan holds a value of the moment */
    bool at_parameter;  /* the point to read at is a parameter */
    bool scans;         /* the plan opens a view, so a run finds out by itself that the catalogue changed */
    struct sql_point bound_at;
    struct datetime_style bound_style;
    struct time_zone bound_zone;
    int64_t planning_ns; /* EXPLAIN: of the last binding */
    struct store_touched planning_pages;
    const char *bound_path;                         /* search_path; in plan's arena */
    uint32_t bound_ways;                            /* ways_forbidden */
    bool for_values;                                /* planned for the values that it is bound with */
    bool minds;                                     /* its plan is up to the values of parameters */
    uint32_t runs;                                  /* open, of this plan */
    struct replan *replan;                          /* NULL: no run has been out of line */
    struct sql_statement *others[REPLAN_PLANS_MAX]; /* the same text, planned for some values */
    bool retired;                                   /* one of others: its runs may end, no other begins */
};

struct sql_run {
    struct sql_context context;
    struct sql_statement *statement; /* whose plan is run */
    struct sql_statement *first;     /* whose caller runs it: the same, or one that has it among its others */
    uint64_t values;                 /* hash of the parameters; 0: the plan is not up to them */
    struct plan_measures *measures;  /* of such a run */
    struct exec *exec;
    struct value *parameters; /* of the plan: EXECUTE's arguments, or the statement's own */
    uint32_t parameter_count;
    struct slice *lines; /* EXPLAIN's answer */
    uint32_t line_count;
    uint32_t line_next;
    struct batch line_batch;
    bool keeps;
    bool ended;
    struct rowset kept; /* the rows of a query that writes, or of FETCH: all are there before the first is given */
    uint32_t kept_given;
    struct batch kept_batch;
    uint64_t rows;
};

/* A context in the host's world; statement NULL: it has no text yet. */
void sql_context_of_host(struct sql_context *context, const struct sql_host *host, struct kmb_error *error,
                         const struct sql_statement *statement);
/* The text and its tokens, in the parse context. */
enum kmb_status sql_statement_scan(struct sql_statement *statement, struct slice text,
                                   const struct type *parameter_types, uint32_t parameter_type_count);
/* Parses what is not parsed yet, binds and plans; the plan before is gone. */
enum kmb_status sql_statement_bind(struct sql_statement *statement, const struct sql_host *host,
                                   const struct value *parameters, uint32_t parameter_count, struct kmb_error *error);

/* --- others.c --- */
/* The other plans are gone, or will be with their last run. */
void sql_others_forget(struct sql_statement *statement);
/* The plan that a run with these values takes. */
void sql_run_choose(struct sql_run *run, const struct sql_host *host, const struct value *parameters, uint32_t count);
/* At the end of a run that was counted. */
void sql_run_judge(struct sql_run *run);

#endif
