/* What INSERT, UPDATE, DELETE and MERGE share: constraints of new rows, RETURNING, the run to the end. */
#ifndef KMB_SQL_WRITE_H
#define KMB_SQL_WRITE_H

#include "sql/exec/hash_table.h"
#include "sql/exec/operator.h"
#include "sql/usage.h"

/* Keys of rows of one table that the statement has written, as they were before and as they are now. */
struct write_claims {
    struct write_claims *next;
    struct table_id table;
    struct hash_table keys;
    struct vector key; /* one, to be looked up */
};

/* Rows to be given when all is written. */
struct kept {
    struct rowset rows;
    uint32_t given;
};

struct write {
    struct exec_operator base;
    const struct table_definition *table; /* of the transaction's catalogue */
    const struct catalogue *catalogue;
    uint32_t column_count; /* living columns */
    uint32_t stored_count; /* and the hidden ones behind them */
    struct evaluator **hidden;
    const struct vector **hidden_values; /* of write_hide */
    bool *not_null;                      /* by column */
    bool any_not_null;
    struct evaluator **generated;
    struct vector *generated_row; /* the columns of a batch with the generated ones in place */
    struct evaluator **checks;
    struct evaluator **returning;
    struct kept returned;
    const struct vector **returning_vectors;
    uint64_t affected; /* rows */
    struct usage_table written;
    bool done;
    uint16_t first[VECTOR_ROWS]; /* of write_first and write_claimed */
    uint32_t ids[VECTOR_ROWS];   /* of write_claimed */
    uint8_t fresh[VECTOR_ROWS];
    /* Changes the rows of one batch of the child. */
    void (*take)(struct write *write, const struct batch *batch);
};

/* Room for struct write at the start of `size` bytes; the child is made. */
void *write_make(struct exec *exec, const struct plan_node *node, size_t size,
                 void (*take)(struct write *write, const struct batch *batch));
/* Takes every batch of the child; answers how many rows were changed. */
uint64_t write_run(struct exec_operator *self);
/* The rows of a query, all made by kept_run(), which answers how many, before the first is given. */
struct exec_operator *kept_make(struct exec *exec, const struct plan_node *node, struct exec_operator *query);
uint64_t kept_run(struct exec_operator *self);

/* The batch of new rows with its generated columns computed; valid until the next call. */
struct batch write_generate(struct write *write, const struct batch *row);

/* The first row of a batch that breaks a constraint. */
enum write_fault_kind {
    WRITE_NULL,  /* of NOT NULL column `number` */
    WRITE_CHECK, /* of CHECK `number` */
    WRITE_VIEW,  /* of the CHECK OPTION that is CHECK `number` */
};
struct write_fault {
    bool present;
    uint32_t place; /* in the batch's selection: the rows before it are good */
    enum write_fault_kind kind;
    uint32_t number;
};

/* Looks at a batch's new rows (`row` has the table's columns): NOT NULL, then CHECKs, row by row as it were. The caller
 * writes the rows before the fault and then raises it, so that an error of an earlier row comes first. */
struct write_fault write_check(struct write *write, const struct batch *row);
/* The same for the CHECK OPTIONs of views, which are asked of rows that have passed all else, keys too: the caller
 * writes the row at fault before it raises. */
struct write_fault write_check_view(struct write *write, const struct batch *row);
/* Cuts a batch behind its first row that breaks a CHECK OPTION. */
struct write_fault write_cut_view(struct write *write, struct batch *row);
_Noreturn void write_raise(struct write *write, const struct batch *row, const struct write_fault *fault);
/* The same batch, its first `count` live rows alone. */
struct batch write_first(struct write *write, const struct batch *batch, uint32_t count);
/* The same batch, without rows whose key this statement has changed a row of the table by before; the keys are its last
 * column. From here on it has changed these. */
struct batch write_claimed(struct write *write, const struct batch *batch);
/* Of one key: false where its row was written before. */
bool write_claim(struct write *write, struct slice key);
bool write_has_claimed(struct write *write, struct slice key);
/* The key of a row of a batch whose last column is keys. */
struct slice write_key(const struct batch *batch, uint32_t at);
/* Keeps RETURNING's columns of the live rows. */
void write_return(struct write *write, const struct batch *row);
/* Computes the hidden columns of the live rows, until the next call. */
void write_hide(struct write *write, const struct batch *row);
/* The values of a row of the batch that was hidden last. */
void write_values(const struct write *write, const struct batch *row, uint32_t at, struct value *values);

#endif
