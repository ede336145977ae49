/*
 * The one table of functions, operators, casts and aggregates. The binder resolves overloads in it by PostgreSQL's
 * rules; the executor calls through it; the reference page is printed from it.
 *
 * A scalar function is vectorised: it gets argument vectors of `count` rows and fills a result vector. A strict
 * function is called only for rows whose arguments are all non-NULL (the caller has set the result's nulls and gives
 * a selection of rows to compute); a non-strict one sees nulls itself. Either may set null flags of rows it computes.
 * Where all arguments are constant the call is made once, for row 0.
 */
#ifndef KMB_SQL_FUNCTION_H
#define KMB_SQL_FUNCTION_H

#include "sql/context.h"
#include "sql/exec/vector.h"
#include "types/type.h"

enum sql_function_class {
    SQL_FUNCTION_SCALAR,   /* name(arguments) */
    SQL_FUNCTION_OPERATOR, /* "+" with one or two arguments */
    SQL_FUNCTION_CAST,     /* arguments[0] -> result */
    SQL_FUNCTION_AGGREGATE,
    SQL_FUNCTION_WINDOW, /* only with OVER; exec/window.c computes it by its kind */
    SQL_FUNCTION_SET,    /* set-returning: any number of rows */
};

enum sql_window_kind {
    SQL_WINDOW_NONE,
    SQL_WINDOW_ROW_NUMBER,
    SQL_WINDOW_RANK,
    SQL_WINDOW_DENSE_RANK,
    SQL_WINDOW_PERCENT_RANK,
    SQL_WINDOW_CUME_DIST,
    SQL_WINDOW_NTILE,
    SQL_WINDOW_LAG,
    SQL_WINDOW_LEAD,
    SQL_WINDOW_FIRST_VALUE,
    SQL_WINDOW_LAST_VALUE,
    SQL_WINDOW_NTH_VALUE,
};

enum sql_volatility { SQL_IMMUTABLE, SQL_STABLE, SQL_VOLATILE };
enum sql_cast_context { SQL_CAST_IMPLICIT, SQL_CAST_ASSIGNMENT, SQL_CAST_EXPLICIT };

/* Aggregates WITHIN GROUP (ORDER BY ...): computed by exec/ordered_input.c, without a struct sql_aggregate. */
enum sql_ordered_set { SQL_ORDERED_SET_NONE, SQL_PERCENTILE_CONT, SQL_PERCENTILE_DISC, SQL_MODE };

#define SQL_FUNCTION_ARGUMENTS_MAX 8

/* What a call needs besides its vectors. */
struct sql_call {
    struct sql_context *context;
    struct arena *arena;     /* for the bytes of results: they live as long as the batch */
    struct type result_type; /* with modifier: a cast to numeric(10,2) rounds by it */
    const struct type *argument_types;
    uint32_t argument_count;
    uint32_t position;  /* of the call in the text, for errors */
    bool explicit_cast; /* varchar(n) truncates when explicit, refuses when assigned */
};

typedef void sql_scalar_fn(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                           const uint16_t *selection, uint32_t count); /* selection NULL: rows 0..count-1 */

/*
 * Aggregates: a state of fixed size in memory the executor owns (16-byte aligned, zeroed), one per group. A state may
 * keep memory of call->arena, which here lives as long as the states.
 */
struct sql_aggregate {
    uint32_t state_size;
    /* Adds row selection[i] of the argument vectors to states[i], for i < count. NULL arguments are already left out
     * when the function is strict. */
    void (*add)(const struct sql_call *call, void *const *states, struct vector *const *arguments,
                const uint16_t *selection, uint32_t count);
    void (*add_one_group)(const struct sql_call *call, void *state, struct vector *const *arguments,
                          const uint16_t *selection, uint32_t count); /* optional fast path, no grouping */
    /* Sets one row of the result; its null flag is 0 before, and set by the function for NULL (may_have_null too). */
    void (*finish)(const struct sql_call *call, const void *state, struct vector *result, uint32_t row);
    /* Takes rows out again that were added, exactly; NULL where that can not be. For moving window frames. */
    void (*remove)(const struct sql_call *call, void *state, struct vector *const *arguments, const uint16_t *selection,
                   uint32_t count);
};

/* A column of a set-returning function that has names for what it gives. */
struct sql_set_column {
    const char *name;
    enum type_id type;
};

/*
 * Set-returning functions: a state of fixed size (16-byte aligned, zeroed) gives one row after the other. Strict ones
 * are not opened, and give no row, when an argument is NULL.
 */
struct sql_set {
    uint32_t state_size;
    /* The argument values live as long as the state; so does memory of call->arena. */
    void (*open)(const struct sql_call *call, void *state, const struct value *arguments);
    /* The next row: a value of the result type, or one for each of the columns, whose types they have already; false:
     * there is none. Bytes live until the next call. */
    bool (*next)(const struct sql_call *call, void *state, struct value *row);
    const struct sql_set_column *columns; /* NULL: one value, named as the call is */
    uint32_t column_count;
};

#define SQL_SET_COLUMNS_MAX 12

/* How many columns the function gives in FROM. */
static inline uint32_t sql_set_columns(const struct sql_set *set) {
    return set->columns == NULL ? 1 : set->column_count;
}

struct sql_function {
    enum sql_function_class class;
    const char *name; /* lower case; operators by their spelling */
    uint8_t argument_count;
    bool variadic; /* the last argument type repeats */
    bool strict;
    bool writes;      /* moves a sequence: a query with it runs as a write does */
    bool waits;       /* perhaps for another session: not while others wait for this one's turn */
    bool labels;      /* the call is given the labels of its enum type as one more argument: an array of them */
    bool polymorphic; /* TYPE_ANY is a type to be known: an untyped literal is refused */
    enum sql_volatility volatility;
    enum sql_cast_context cast_context;                 /* of casts */
    enum type_id arguments[SQL_FUNCTION_ARGUMENTS_MAX]; /* TYPE_ANY: any type; TYPE_ANYARRAY and its kin: type.h */
    enum type_id result;                                /* TYPE_ANY: that of the first argument */
    sql_scalar_fn *scalar;
    const struct sql_aggregate *aggregate;
    enum sql_window_kind window;
    enum sql_ordered_set ordered_set;
    const struct sql_set *set;
    const char *commutator; /* of a comparison operator: "<" has ">" ; else NULL */
    const char *summary;    /* one line for the reference page */
};

/* All functions, in a stable order. */
const struct sql_function *sql_function_table(uint32_t *count);

/* The candidates of one name and class: *count consecutive pointers in arena memory. */
const struct sql_function *const *sql_function_candidates(struct sql_context *context, enum sql_function_class class,
                                                          const char *name, uint32_t *count);

/* The cast between two types usable in that context (an implicit cast serves everywhere), or NULL. Binary-coercible
 * pairs (varchar -> text) have a cast function whose scalar is NULL: relabel only. */
const struct sql_function *sql_cast_find(enum type_id from, enum type_id to, enum sql_cast_context context);

/* The comparison "=", "<>", "<", "<=", ">", ">=" of two operands of that one type. NULL: the type has no
 * order/equality. */
const struct sql_function *sql_comparison_find(const char *operator_name, enum type_id type);

#endif
