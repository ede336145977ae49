/*
 * A transaction: a private fork of a state, changed by decisions. Each function here *decides* one change against the
 * fork (refuses it with the error a user sees, changing nothing), writes it as events into the body, and evolves the
 * fork with them at once (evolve.h): so the transaction reads its own writes, through indexes and DDL alike.
 *
 *     kernel_transaction_begin(state)
 *       kernel_transaction_mark / kernel_insert / kernel_update ... / kernel_transaction_rollback_to   each statement
 *     kernel_transaction_prepare(head)      validates against what committed since, evolves again where needed
 *     for each part: seal the body, log it  (engine)
 *     kernel_transaction_entry(part, header, op, hash)
 *     kernel_transaction_finish -> state    (engine publishes it when it is durable)
 *
 * First committer wins. Nothing is recorded for that: the events themselves name every row written, and the state the
 * transaction began at is still pinned, so validation compares the stamps of those keys there and at the head. A
 * serializable transaction also notes what it reads (reads.h).
 *
 * Body: parts of at most KERNEL_PART_MAX bytes, cut between rows; each becomes one log entry.
 *
 * One thread at a time. After KMB_OK of prepare only parts, entry, finish and discard may be called.
 */
#ifndef KMB_KERNEL_TRANSACTION_H
#define KMB_KERNEL_TRANSACTION_H

#include "kernel/evolve.h"
#include "kernel/view.h"
#include "types/event.h"

#define KERNEL_PART_MAX LOG_ENTRY_PLAIN_MAX
/* Of one row image, and of one stream event: an update (old key, image, frame) must fit into one part. */
#define KERNEL_ROW_MAX   (KERNEL_PART_MAX - ((size_t)256 << 10))
#define KERNEL_KEY_MAX   ((size_t)64 << 10) /* of an encoded primary key or index key */
#define KERNEL_PARTS_MAX 4096               /* 16 GiB in one transaction: KMB_LIMIT beyond */

struct kernel_transaction;

/*
 * Hidden row ids must not be given twice to transactions that are open together: where given, ids come from here.
 * Answers the first of `count` ids, at least `floor`. NULL function: ids go on from the state's counter, which is right
 * for a transaction that nobody runs beside.
 */
struct kernel_row_ids {
    uint64_t (*take)(void *context, struct tenant_id tenant, struct table_id table, uint64_t floor, uint64_t count);
    /* The same of a sequence's values: the place where all open transactions take their turns, zero at first, held
     * until it is given back. NULL: no memory. */
    struct kernel_sequence *(*sequence_hold)(void *context, struct tenant_id tenant, struct table_id sequence);
    void (*sequence_release)(void *context);
    void *context;
};

/* From now on; until the events are evolved on another head, for what is decided then is not to be ended. */
void kernel_transaction_interrupt(struct kernel_transaction *transaction, struct kernel_interrupt interrupt);

/* row_ids may be NULL. The state is retained. */
enum kmb_status kernel_transaction_begin(struct kernel_state *state, const struct kernel_row_ids *row_ids,
                                         struct kernel_transaction **transaction, struct kmb_error *error);
void kernel_transaction_discard(struct kernel_transaction *transaction); /* NULL is fine */

/*
 * Before it reads: whether its commit is to be refused, too, when anything it read has changed by then (reads.h). It
 * notes what its views read; a transaction that writes nothing pays no more than that and is never refused.
 */
enum kmb_status kernel_transaction_serializable(struct kernel_transaction *transaction, bool serializable,
                                                struct kmb_error *error);
/* What is read through a view of the state it began at, got elsewhere, counts as read by it. */
void kernel_transaction_note(struct kernel_transaction *transaction, struct kernel_view *view);

bool kernel_transaction_empty(const struct kernel_transaction *transaction);        /* no events: nothing to commit */
uint64_t kernel_transaction_position(const struct kernel_transaction *transaction); /* after its events so far */
const struct kernel_state *kernel_transaction_base(const struct kernel_transaction *transaction);
const struct catalogue *kernel_transaction_catalogue(const struct kernel_transaction *transaction); /* its own, now */

/*
 * A view of the transaction as it is now; later changes do not show in it (a statement does not see its own effects).
 * Close it before the transaction ends.
 */
enum kmb_status kernel_transaction_view(struct kernel_transaction *transaction, struct kernel_view **view,
                                        struct kmb_error *error);

/* A place to come back to, for the atomicity of a statement and for SAVEPOINT. Free every mark. */
struct kernel_mark;
enum kmb_status kernel_transaction_mark(struct kernel_transaction *transaction, struct kernel_mark **mark,
                                        struct kmb_error *error);
enum kmb_status kernel_transaction_rollback_to(struct kernel_transaction *transaction, const struct kernel_mark *mark,
                                               struct kmb_error *error);
void kernel_mark_free(struct kernel_mark *mark); /* NULL is fine */

/* What a transaction has done until a moment: cheaper than a mark, for kernel_transaction_move() alone. */
struct kernel_rest {
    uint32_t part_count;
    size_t tail_length;
    size_t watched_length;
};
enum kmb_status kernel_transaction_rest(struct kernel_transaction *transaction, struct kernel_rest *rest,
                                        struct kmb_error *error);
/* Whether it may move: it is not serializable and has defined nothing. */
bool kernel_transaction_movable(const struct kernel_transaction *transaction);
/* Whether it relies on tables as a whole: it moves only where these are what they were. */
bool kernel_transaction_relies(const struct kernel_transaction *transaction);
/*
 * Goes over to a newer state of the tenant, as if the transaction had begun there: what it has done (with rest, only
 * what it had done until then) is made again, and its marks, oldest first, with it. KMB_SERIALIZATION where a row that
 * it wrote, a table that it relies on, a definition or a unique key is not what it was. Where it fails it has not moved
 * at all; with rest it can then only be rolled back, without it is what it was.
 */
enum kmb_status kernel_transaction_move(struct kernel_transaction *transaction, const struct kernel_rest *rest,
                                        struct kernel_state *state, struct kernel_mark **marks, size_t mark_count,
                                        struct kmb_error *error);

/* --- rows ------------------------------------------------------------------------------------------------------- */

/*
 * Values are those of the living columns of `table` in order (catalogue_column), already coerced to the column types.
 * table must come from the transaction's catalogue as it is now.
 * Refused: KMB_NOT_NULL_VIOLATION, KMB_UNIQUE_VIOLATION, KMB_LIMIT (row or key too big), KMB_NO_MEMORY.
 * A refused row leaves the transaction as it was; of several rows the ones before it stand (roll back to a mark).
 */

/* What a unique violation met, for ON CONFLICT. */
struct kernel_conflict {
    struct index_id index; /* 0: the primary key */
    struct buffer key;     /* of the row that is there; free with buffer_free */
    struct buffer image;   /* its present image, own writes included */
    struct history_stamp stamp;
};

/* conflict may be NULL; else it is filled with KMB_UNIQUE_VIOLATION (its buffers are reused). row_key (may be NULL)
 * gets the key of the new row. */
enum kmb_status kernel_insert(struct kernel_transaction *transaction, const struct table_definition *table,
                              const struct value *values, struct kernel_conflict *conflict, struct buffer *row_key,
                              struct kmb_error *error);
/* Rows one after the other in one array: values[row * living columns + column]. *inserted (may be NULL): rows done. */
enum kmb_status kernel_insert_rows(struct kernel_transaction *transaction, const struct table_definition *table,
                                   const struct value *values, size_t row_count, size_t *inserted,
                                   struct kmb_error *error);
/*
 * key: of the row as it is; values: the whole new row. A changed primary key is one event. KMB_SERIALIZATION where the
 * row is no longer there. Updating a row to equal values is an event like any other.
 */
enum kmb_status kernel_update(struct kernel_transaction *transaction, const struct table_definition *table,
                              struct slice key, const struct value *values, struct buffer *row_key,
                              struct kmb_error *error);
/* *deleted (may be NULL): whether there was such a row; none is no error. */
enum kmb_status kernel_delete(struct kernel_transaction *transaction, const struct table_definition *table,
                              struct slice key, bool *deleted, struct kmb_error *error);
/* The transaction relies on this row of the state it began at: where it writes anything at all, its commit is refused
 * (KMB_SERIALIZATION) when another has changed or deleted the row by then. Going back to a mark forgets what was
 * watched since. */
enum kmb_status kernel_watch(struct kernel_transaction *transaction, struct table_id table, struct slice row_key,
                             struct kmb_error *error);

/*
 * Claims: before a row is written or a unique key is taken, the guard is asked, which may wait for others that have
 * claimed the same. What it answers, if not KMB_OK, is what the write answers. While rows are inserted it may let the
 * transaction go over to a newer state of the same catalogue.
 */
/* What is claimed of a row, as PostgreSQL's four modes of FOR: the last, that it stays and with the same keys, goes
 * together with NO_KEY_UPDATE. A key of a unique index is claimed with UPDATE. */
enum kernel_claim_mode { KERNEL_CLAIM_UPDATE, KERNEL_CLAIM_NO_KEY_UPDATE, KERNEL_CLAIM_SHARE, KERNEL_CLAIM_KEY_SHARE };
struct kernel_claim {
    struct table_id table;
    struct index_id index; /* 0: the row of this key; else a key of this unique index, with the index's prefix */
    struct slice key;
    struct slice
        row; /* not empty: the row that is claimed, while what must not have changed is whether `key` is there */
    const struct kernel_children *children; /* not NULL: nor may rows have come that refer to it */
    enum kernel_claim_mode mode;
    bool attempt; /* KMB_LOCK_NOT_AVAILABLE instead of a wait */
};
struct kernel_guard {
    enum kmb_status (*claim)(void *context, const struct kernel_claim *claim, struct kmb_error *error);
    void *context;
};
/* claim NULL: nobody is asked, which is so at first. */
void kernel_transaction_guard(struct kernel_transaction *transaction, struct kernel_guard guard);
/* Asks for a row that is not to be written: FOR UPDATE, FOR SHARE. Without a guard all is granted. */
enum kmb_status kernel_claim_row(struct kernel_transaction *transaction, const struct kernel_claim *claim,
                                 struct kmb_error *error);
/* Whether others have changed what is claimed between the state that the transaction began at and a newer one. */
enum kmb_status kernel_claim_changed(const struct kernel_transaction *transaction, struct kernel_state *newer,
                                     const struct kernel_claim *claim, bool *changed, struct kmb_error *error);

/* The same of all rows of a table, those that are not there among them; going back to a mark does not forget it. */
enum kmb_status kernel_rely_on(struct kernel_transaction *transaction, struct table_id table, struct kmb_error *error);
/* On the tables that `other` relies on. */
void kernel_transaction_rely_as(struct kernel_transaction *transaction, const struct kernel_transaction *other);

/* The row as it is now in the transaction (kernel_get on a view shows it as it was when the view was opened). */
enum kmb_status kernel_transaction_get(struct kernel_transaction *transaction, const struct table_definition *table,
                                       struct slice key, struct buffer *memory, struct kernel_row *row, bool *found,
                                       struct kmb_error *error);

/* --- definitions ------------------------------------------------------------------------------------------------ */

/*
 * Texts are borrowed for the call. Ids, schema versions and counters in what is passed are ignored and given here.
 * Names are checked against the one name space of tables, indexes and primary keys (types have theirs):
 * KMB_DUPLICATE_TABLE "relation "x" already exists". Expressions (defaults, checks) are the caller's to check.
 */

/* columns, primary_key, indexes (declared or ready: made ready), checks by *ordinal*: key_part.column.value is the
 * 0-based ordinal in `columns` + 1. With view_query it is a view, without keys, indexes and checks. Empty
 * primary_key_name and index and check names are made as PostgreSQL makes them.
 */
enum kmb_status kernel_create_table(struct kernel_transaction *transaction, const struct table_definition *definition,
                                    struct table_id *id, struct kmb_error *error);
enum kmb_status kernel_drop_table(struct kernel_transaction *transaction, struct table_id table,
                                  struct kmb_error *error);
enum kmb_status kernel_rename_table(struct kernel_transaction *transaction, struct table_id table, struct slice name,
                                    struct kmb_error *error);
/* Into another schema, with its indexes: KMB_DUPLICATE_TABLE where a name is taken there. */
enum kmb_status kernel_move_table(struct kernel_transaction *transaction, struct table_id table, struct slice schema,
                                  struct kmb_error *error);
/* The query of a view, spelled anew: it gives the same columns, which is the caller's to check. */
enum kmb_status kernel_change_view(struct kernel_transaction *transaction, struct table_id view, struct slice query,
                                   struct kmb_error *error);

/* --- schemas (schema.c) --- */

/* KMB_DUPLICATE_SCHEMA. id may be NULL. */
enum kmb_status kernel_create_schema(struct kernel_transaction *transaction, struct slice name, struct schema_id *id,
                                     struct kmb_error *error);
/* KMB_DEPENDENT_OBJECTS: something is in it. */
enum kmb_status kernel_drop_schema(struct kernel_transaction *transaction, struct schema_id id,
                                   struct kmb_error *error);
/* With all that is in it; queries and defaults that name it are the caller's to spell anew. */
enum kmb_status kernel_rename_schema(struct kernel_transaction *transaction, struct schema_id id, struct slice name,
                                     struct kmb_error *error);
enum kmb_status kernel_comment_schema(struct kernel_transaction *transaction, struct schema_id id, struct slice text,
                                      struct kmb_error *error);

/* --- roles and keys (principal.c) --- */

/* KMB_DUPLICATE_OBJECT. The role's id is given here; id may be NULL. verifier: checked by the caller. */
enum kmb_status kernel_create_role(struct kernel_transaction *transaction, const struct role_definition *role,
                                   struct role_id *id, struct kmb_error *error);
/* All of it from now on, its name too: KMB_DUPLICATE_OBJECT, KMB_UNDEFINED_OBJECT. */
enum kmb_status kernel_change_role(struct kernel_transaction *transaction, const struct role_definition *role,
                                   struct kmb_error *error);
/* KMB_UNDEFINED_OBJECT, KMB_DEPENDENT_OBJECTS: the one that is there from the start. */
enum kmb_status kernel_drop_role(struct kernel_transaction *transaction, struct role_id id, struct kmb_error *error);
/* KMB_DUPLICATE_OBJECT. */
enum kmb_status kernel_create_api_key(struct kernel_transaction *transaction, const struct api_key_definition *key,
                                      struct api_key_id *id, struct kmb_error *error);
/* KMB_API_KEY_NOT_FOUND. */
enum kmb_status kernel_revoke_api_key(struct kernel_transaction *transaction, const uint8_t hash[API_KEY_HASH_SIZE],
                                      struct kmb_error *error);
/* Who did what, or tried to: a fact of the log that changes no state. */
enum kmb_status kernel_record_access(struct kernel_transaction *transaction, const struct access_record *access,
                                     struct kmb_error *error);

/* missing_value of the column is what rows that exist read; KMB_NOT_NULL_VIOLATION where it is NULL, the column NOT
 * NULL and the table has rows. */
enum kmb_status kernel_add_column(struct kernel_transaction *transaction, struct table_id table,
                                  const struct column_definition *column, struct kmb_error *error);
/* Indexes on the column go with it. KMB_UNSUPPORTED: a column of the primary key. */
enum kmb_status kernel_drop_column(struct kernel_transaction *transaction, struct table_id table,
                                   struct column_id column, struct kmb_error *error);
enum kmb_status kernel_rename_column(struct kernel_transaction *transaction, struct table_id table,
                                     struct column_id column, struct slice name, struct kmb_error *error);
enum kmb_status kernel_change_default(struct kernel_transaction *transaction, struct table_id table,
                                      struct column_id column, enum default_kind kind, struct slice text,
                                      struct kmb_error *error);
/* not_null true: KMB_NOT_NULL_VIOLATION where a row has NULL there. */
enum kmb_status kernel_change_not_null(struct kernel_transaction *transaction, struct table_id table,
                                       struct column_id column, bool not_null, struct kmb_error *error);
enum kmb_status kernel_add_check(struct kernel_transaction *transaction, struct table_id table,
                                 const struct check_definition *check, struct kmb_error *error);
enum kmb_status kernel_drop_check(struct kernel_transaction *transaction, struct table_id table,
                                  struct constraint_id check, struct kmb_error *error);
/* `column`, hidden so far, takes the name, the place and the part in the primary key of `old`, which is dropped. No
 * index and no foreign key may use `old`; with a primary key of it the table has no rows now. */
enum kmb_status kernel_replace_column(struct kernel_transaction *transaction, struct table_id table,
                                      struct column_id old, struct column_id column, struct kmb_error *error);
/* `column`, hidden so far, is one of the table's, of that name and without a default. */
enum kmb_status kernel_show_column(struct kernel_transaction *transaction, struct table_id table,
                                   struct column_id column, struct slice name, struct kmb_error *error);
/* Of a table without rows now; no parts: no primary key. An empty name is made. */
enum kmb_status kernel_change_primary_key(struct kernel_transaction *transaction, struct table_id table,
                                          struct slice name, const struct key_part *parts, uint32_t part_count,
                                          struct kmb_error *error);
/* Of an index, the primary key (0), a check or a foreign key: that a name is free among the table's constraints is the
 * caller's to check. */
enum kmb_status kernel_rename_constraint(struct kernel_transaction *transaction, struct table_id table,
                                         enum definition_part part, uint32_t constraint, struct slice name,
                                         struct kmb_error *error);
/* A check (whose rows are the caller's to look at) or a foreign key (looked at here). */
enum kmb_status kernel_change_valid(struct kernel_transaction *transaction, struct table_id table,
                                    struct constraint_id constraint, bool valid, struct kmb_error *error);
/* Of an enum type: a new label where no other stands, or another name for the one that stands there. That the name is
 * free among its labels is the caller's to check. */
enum kmb_status kernel_add_label(struct kernel_transaction *transaction, struct table_id type, struct slice label,
                                 struct kmb_error *error);
enum kmb_status kernel_rename_label(struct kernel_transaction *transaction, struct table_id type, struct slice label,
                                    struct kmb_error *error);
/* COMMENT ON: an empty text takes it away. */
enum kmb_status kernel_comment(struct kernel_transaction *transaction, struct table_id table, enum definition_part part,
                               uint32_t id, struct slice text, struct kmb_error *error);
/* parts name column ids. Declares, fills, checks uniqueness (KMB_UNIQUE_VIOLATION "could not create unique index"),
 * makes ready: two events. */
enum kmb_status kernel_create_index(struct kernel_transaction *transaction, struct table_id table,
                                    const struct index_definition *index, struct index_id *id, struct kmb_error *error);
enum kmb_status kernel_drop_index(struct kernel_transaction *transaction, struct table_id table, struct index_id index,
                                  struct kmb_error *error);

/* name1_name2_label with a number behind it (0: none), in 63 bytes: the longer of the two names is cut first. */
void kernel_name_make(struct slice first, struct slice second, const char *label, unsigned number, char *out);
/* A free name for a relation made for a column: "t_a_label", numbered when taken. From the arena. */
enum kmb_status kernel_name_choose(struct kernel_transaction *transaction, struct slice schema, struct slice table,
                                   struct slice column, const char *label, struct arena *arena, struct slice *name,
                                   struct kmb_error *error);

/* --- sequences -------------------------------------------------------------------------------------------------- */

/*
 * A sequence is made by kernel_create_table() of a definition with `sequence`, dropped and renamed as a table. Its
 * values are given outside of transactions: what is taken is not given back, neither by a rollback nor to another
 * transaction that is open at the same time; the log gets where it stood when the transaction that took commits.
 * Refused: KMB_SEQUENCE_LIMIT, of kernel_sequence_set() KMB_DATATYPE_RANGE.
 */
enum kmb_status kernel_sequence_next(struct kernel_transaction *transaction, struct table_id sequence, int64_t *value,
                                     struct kmb_error *error);
/* called: `value` counts as given; else it is the next to be given. */
enum kmb_status kernel_sequence_set(struct kernel_transaction *transaction, struct table_id sequence, int64_t value,
                                    bool called, struct kmb_error *error);
/* ALTER SEQUENCE, part of the transaction: another definition, and (restart not NULL) another next value. */
enum kmb_status kernel_change_sequence(struct kernel_transaction *transaction, struct table_id sequence,
                                       const struct sequence_definition *definition, const int64_t *restart,
                                       struct kmb_error *error);

/* --- foreign keys ----------------------------------------------------------------------------------------------- */

/* Ids are given here; the rest (columns of both tables, a unique key of the parent, a free name) is the caller's to
 * check. KMB_FOREIGN_KEY_VIOLATION where a row refers to nothing: roll back to a mark then. */
enum kmb_status kernel_add_foreign_key(struct kernel_transaction *transaction, struct table_id table,
                                       const struct foreign_key_definition *key, struct kmb_error *error);
enum kmb_status kernel_drop_foreign_key(struct kernel_transaction *transaction, struct table_id table,
                                        struct constraint_id key, struct kmb_error *error);
/* Whether values of these types can be compared as keys. */
bool kernel_reference_types(struct type child, struct type parent);

/* A place in the transaction's body. */
struct kernel_place {
    uint32_t part;
    size_t offset;
};
/* A view of the state that the transaction began at. */
enum kmb_status kernel_transaction_base_view(struct kernel_transaction *transaction, struct kernel_view **view,
                                             struct kmb_error *error);
enum kmb_status kernel_transaction_place(struct kernel_transaction *transaction, struct kernel_place *place,
                                         struct kmb_error *error);

/* Which foreign keys are looked at. */
enum kernel_references {
    KERNEL_REFERENCES_IMMEDIATE,  /* at the end of a statement: those that are not deferred */
    KERNEL_REFERENCES_TURNED,     /* by SET CONSTRAINTS: of those that can be deferred, what is not */
    KERNEL_REFERENCES_DEFERRABLE, /* by COMMIT: those that can be deferred */
    KERNEL_REFERENCES_ALL,        /* where others committed meanwhile */
};
/*
 * Looks at all rows that changed from a place on: KMB_FOREIGN_KEY_VIOLATION with PostgreSQL's words. before: a view of
 * the transaction at that place. Row writes themselves check nothing.
 */
enum kmb_status kernel_check_references(struct kernel_transaction *transaction, const struct kernel_place *from,
                                        struct kernel_view *before, enum kernel_references which,
                                        struct kmb_error *error);
/* What COMMIT will look at of deferred ones, while others can still be waited for: it asks the guard for nothing. */
enum kmb_status kernel_check_deferred(struct kernel_transaction *transaction, struct kmb_error *error);
/* SET CONSTRAINTS: one (deferrable) foreign key, or with table 0 all, from now on. */
enum kmb_status kernel_defer_references(struct kernel_transaction *transaction, struct table_id table,
                                        struct constraint_id key, bool deferred, struct kmb_error *error);

/* A row of a parent lost its key, and what refers to it is to be changed: not of NO ACTION. */
struct kernel_reference {
    const struct table_definition *parent;
    const struct table_definition *child;
    const struct foreign_key_definition *key;
    enum reference_action action;
    bool deleted;                   /* else the key was changed to new_values */
    const struct value *old_values; /* one a part of the key */
    const struct value *new_values;
};
/* All of them from a place on, in the order of their events; memory from the arena, definitions from the
 * transaction's catalogue. */
enum kmb_status kernel_gather_references(struct kernel_transaction *transaction, const struct kernel_place *from,
                                         struct kernel_view *before, struct arena *arena,
                                         const struct kernel_reference **list, uint32_t *count,
                                         struct kmb_error *error);
/* KMB_FOREIGN_KEY_VIOLATION where a row refers to the old key. */
enum kmb_status kernel_restrict_reference(struct kernel_transaction *transaction,
                                          const struct kernel_reference *reference, struct kmb_error *error);

/* --- tenant and streams ----------------------------------------------------------------------------------------- */

enum kmb_status kernel_create_tenant(struct kernel_transaction *transaction, struct slice name,
                                     struct kmb_error *error);
/* The transaction's last event, and the tenant's. *tables: how many it had. */
enum kmb_status kernel_delete_tenant(struct kernel_transaction *transaction, uint32_t *tables, struct kmb_error *error);
/* The last event of what a request with a key did. KMB_SERIALIZATION: the key has its answer already. */
enum kmb_status kernel_note_answer(struct kernel_transaction *transaction, const struct event_request_answered *answer,
                                   struct kmb_error *error);
/* kind EVENT_CHECKPOINT_KEY_SET or _ROTATED. */
enum kmb_status kernel_set_checkpoint_key(struct kernel_transaction *transaction, enum event_kind kind,
                                          const struct event_checkpoint_key *key, struct kmb_error *error);
enum kmb_status kernel_accept_clock(struct kernel_transaction *transaction, int64_t log_time_us, int64_t clock_time_us,
                                    struct kmb_error *error);

#define KERNEL_OFFSET_ANY UINT64_MAX
/* KMB_STREAM_EXISTS: stream "x" already exists. */
enum kmb_status kernel_create_stream(struct kernel_transaction *transaction, struct slice name,
                                     enum data_class data_class, struct stream_id *id, struct kmb_error *error);
/*
 * Appends `count` events. expected: offset the first one must get, or KERNEL_OFFSET_ANY. *first (may be NULL): what it
 * got. KMB_OFFSET_MISMATCH "offset mismatch for stream S: expected E, actual A", KMB_STREAM_NOT_FOUND, KMB_LIMIT.
 */
enum kmb_status kernel_append(struct kernel_transaction *transaction, struct stream_id stream, uint64_t expected,
                              const struct slice *payloads, size_t count, uint64_t *first, struct kmb_error *error);

/* --- commit ----------------------------------------------------------------------------------------------------- */

/*
 * Makes the transaction one that follows `head` (the newest unpublished state of the tenant). Where head is not the
 * state it began at: KMB_SERIALIZATION "could not serialize access due to concurrent update" with a hint, if a row, a
 * unique key, a stream or a definition that it wrote or relied on has changed since; "could not serialize access due to
 * read/write dependencies among transactions", if it is serializable and what it read has; else its events are evolved
 * again on head with their real positions. A refused transaction can only be discarded.
 */
enum kmb_status kernel_transaction_prepare(struct kernel_transaction *transaction, struct kernel_state *head,
                                           struct kmb_error *error);

struct kernel_part {
    struct slice body; /* plain; lives as long as the transaction */
    uint64_t sequence;
    uint64_t position_before;
    uint64_t position_after;
    bool last;
};
uint32_t kernel_transaction_part_count(const struct kernel_transaction *transaction);
void kernel_transaction_part(const struct kernel_transaction *transaction, uint32_t ordinal, struct kernel_part *part);

/* Records the entry that part `ordinal` became; for all parts, in order. */
enum kmb_status kernel_transaction_entry(struct kernel_transaction *transaction, uint32_t ordinal,
                                         const struct log_entry *entry, uint64_t op, const struct hash256 *hash,
                                         struct kmb_error *error);
/* The state after the transaction, held for the caller. The transaction is gone whatever the answer. */
enum kmb_status kernel_transaction_finish(struct kernel_transaction *transaction, struct kernel_state **state,
                                          struct kmb_error *error);

#endif
