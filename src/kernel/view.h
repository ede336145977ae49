/*
 * Reading: one tenant at one moment. A view pins a root, so it never changes and never blocks a writer; the moment is
 * the newest state, a transaction's own (transaction.h), or one of the past (AT OFFSET n, AS OF a time). Scans and gets
 * answer the same questions at all of them; only the way differs:
 *
 *   present   rows come straight from CURRENT, slices into the pages
 *   past      rows come from CURRENT merged with history; an index also keeps its superseded entries, and each
 *             candidate's row of that moment is read and its index key compared again
 *
 * A view and its scans belong to one thread at a time; any number of views of one state may be used at once.
 */
#ifndef KMB_KERNEL_VIEW_H
#define KMB_KERNEL_VIEW_H

#include "kernel/reads.h"
#include "kernel/state.h"
#include "store/history.h"

#define KERNEL_POSITION_LATEST UINT64_MAX
#define KERNEL_TIME_OPEN       INT64_MAX /* in place of a time: not committed yet, or still current */

struct kernel_view {
    struct kernel_state *state;        /* what it reads from, retained; of a transaction: a private one */
    const struct catalogue *catalogue; /* the schema of the moment */
    uint64_t position;                 /* of the moment: rows show the first `position` events */
    uint64_t entry;                    /* the last that it may show; the newest: UINT64_MAX */
    bool past;                         /* history is consulted */
    struct kernel_reads *reads;        /* where what is read is noted; NULL: nowhere */
};

/* The newest state. Free with kernel_view_close(). */
enum kmb_status kernel_view_open(struct kernel_state *state, struct kernel_view **view, struct kmb_error *error);
/*
 * The state after the first `position` events, with the catalogue after the last entry that ends there; a name absent
 * there falls back to the one dropped there (S-108, S-111). KMB_POSITION_AHEAD: "position N is ahead of current log
 * position M".
 */
enum kmb_status kernel_view_open_at(struct kernel_state *state, uint64_t position, struct kernel_view **view,
                                    struct kmb_error *error);
/* The state after the last transaction committed at or before a time; errors of kernel_entry_at_time(). */
enum kmb_status kernel_view_open_at_time(struct kernel_state *state, int64_t time_us, struct kernel_view **view,
                                         struct kmb_error *error);
void kernel_view_close(struct kernel_view *view); /* NULL is fine; its scans must be closed */

/* One row as read. Read its columns with catalogue_row_read() of the view's catalogue, or by layout and column map. */
struct kernel_row {
    struct slice key;   /* encoded primary key, or row id: names the row within its table */
    struct slice image; /* a row image (types/row.h); header says the schema version */
    struct schema_version version;
    struct history_stamp stamp; /* the event that wrote it, and its entry */
};

/*
 * One end of a range over the order scanned: encoded key columns (types/key.h), of the primary key, or of the index; as
 * many leading columns as wanted, the last of them whole. A bound of fewer columns than the key stands for all its
 * extensions: inclusive takes them in, exclusive leaves them out. Length 0: no bound.
 */
struct kernel_bound {
    struct slice key;
    bool inclusive;
};

struct kernel_range {
    struct index_id index; /* value 0: primary key order */
    bool entries;          /* of an index, at the present: rows are its entries, as keys, without images */
    struct kernel_bound low;
    struct kernel_bound high;
    bool reverse;
};

struct kernel_scan;

/*
 * table: of the view's catalogue. KMB_UNDEFINED_OBJECT: no such index in this catalogue, or not ready. range NULL: the
 * whole table in key order. Forward at the present, slices point into the store's pages without a copy.
 */
enum kmb_status kernel_scan_open(struct kernel_view *view, const struct table_definition *table,
                                 const struct kernel_range *range, struct kernel_scan **scan, struct kmb_error *error);
/* Fills up to `max` rows; *count 0 is the end. The slices are valid until the next call on the scan. */
enum kmb_status kernel_scan_next(struct kernel_scan *scan, struct kernel_row *rows, size_t max, size_t *count,
                                 struct kmb_error *error);
void kernel_scan_close(struct kernel_scan *scan); /* NULL is fine */

/* One row by its key. `row` borrows from `memory` (replaced), its key is the one given. */
enum kmb_status kernel_get(struct kernel_view *view, const struct table_definition *table, struct slice key,
                           struct buffer *memory, struct kernel_row *row, bool *found, struct kmb_error *error);

/*
 * Rows by up to KERNEL_MANY keys, for less than one by one. The *found rows that are there come in the keys' order, row
 * i being that of keys[of[i]], which it borrows; their images are in `memory` (replaced).
 */
#define KERNEL_MANY 64
enum kmb_status kernel_get_many(struct kernel_view *view, const struct table_definition *table,
                                const struct slice *keys, size_t count, struct buffer *memory, struct kernel_row *rows,
                                uint16_t *of, size_t *found, struct kmb_error *error);

/* Asks memory for where scans of these ranges' beginnings, up to KERNEL_MANY keys of an index (value 0: of the table),
 * will look. */
void kernel_ahead(struct kernel_view *view, const struct table_definition *table, struct index_id index,
                  const struct slice *keys, size_t count);

/* About how many present rows a table has, for the optimiser: two descents; exact while the table fits one leaf. */
enum kmb_status kernel_table_estimate(struct kernel_view *view, const struct table_definition *table, uint64_t *rows,
                                      struct kmb_error *error);

/* The same for the rows in a range of the key or of an index; superseded entries of an index are not counted. */
enum kmb_status kernel_range_estimate(struct kernel_view *view, const struct table_definition *table,
                                      const struct kernel_range *range, uint64_t *rows, struct kmb_error *error);
/* The key of a present row that stands at about `part` (0 to 1) of the table: for samples. */
enum kmb_status kernel_sample_key(struct kernel_view *view, const struct table_definition *table, double part,
                                  struct buffer *key, bool *found, struct kmb_error *error);

/* The encoded key of a row given as values of the living columns in order; for a row-id table not defined. Appends. */
void kernel_key_of_values(const struct catalogue *catalogue, const struct table_definition *table,
                          const struct value *values, struct buffer *key);

/* Where a sequence stands. */
struct kernel_sequence {
    struct schema_version version; /* of the definition that the value follows */
    uint64_t turn;                 /* calls so far that gave or set a value */
    int64_t last;
    bool called; /* `last` was given; else it is the next to be given */
};
/* At the view's moment; in a transaction's own view with what it took itself. */
enum kmb_status kernel_sequence_read(struct kernel_view *view, const struct table_definition *definition,
                                     struct kernel_sequence *sequence, struct kmb_error *error);

/* --- every version of every row: kimberlite_history(t) ---------------------------------------------------------- */

enum kernel_operation { KERNEL_INSERT, KERNEL_UPDATE, KERNEL_DELETE };
const char *kernel_operation_name(enum kernel_operation operation); /* "INSERT", "UPDATE", "DELETE" */

/*
 * A version is visible at positions from <= n < to. A deletion stands as a version of its own with the image that was
 * deleted and an empty range (from = to): what happened, in one list.
 */
struct kernel_version {
    struct slice key;
    struct slice image;
    struct schema_version version;
    enum kernel_operation operation;
    uint64_t position_from;
    uint64_t position_to; /* KERNEL_POSITION_LATEST: still current */
    int64_t time_from_us;
    int64_t time_to_us; /* where position_to is set */
    uint64_t entry;     /* tenant sequence of the entry that carries the operation */
};

struct kernel_history;

/*
 * All versions of the rows whose keys are in the range (index 0, reverse false), or of the whole table; by key, newest
 * first within one key. A view of the past shows what had happened by then.
 */
enum kmb_status kernel_history_open(struct kernel_view *view, const struct table_definition *table,
                                    const struct kernel_range *range, struct kernel_history **history,
                                    struct kmb_error *error);
/* KMB_ROW and a version, valid until the next call; KMB_DONE at the end. */
enum kmb_status kernel_history_next(struct kernel_history *history, struct kernel_version *version,
                                    struct kmb_error *error);
void kernel_history_close(struct kernel_history *history); /* NULL is fine */

/*
 * Rows that are older than a column read as its missing value, in history too. But a name may have been that of another
 * column, dropped since: for each such living column that has a missing value, the first position at which a reader
 * sees it; 0 for the others. since: catalogue_stored_count() places.
 */
enum kmb_status kernel_columns_since(struct kernel_view *view, const struct table_definition *table, uint64_t *since,
                                     struct kmb_error *error);

/* --- what changed between two positions: kimberlite_diff(t, a, b) ------------------------------------------------- */

/* A row that an event has written or deleted: as it stood at the first position and at the view's. Not both absent. */
struct kernel_change {
    struct slice key;
    bool existed;
    bool exists;
    struct slice before; /* images, where there was and is a row */
    struct slice after;
    uint64_t before_to; /* positions less than this showed `before` */
    uint64_t position;  /* of the last event that touched it by the view's position */
    uint64_t entry;
};

struct kernel_changes;

/*
 * The rows of the table whose version at the view's position is not the one of `since` (which must not be behind it),
 * in key order. The two images may be equal: a change may have been taken back. range as for a history.
 */
enum kmb_status kernel_changes_open(struct kernel_view *view, const struct table_definition *table, uint64_t since,
                                    const struct kernel_range *range, struct kernel_changes **changes,
                                    struct kmb_error *error);
/* KMB_ROW and a change, valid until the next call; KMB_DONE at the end. */
enum kmb_status kernel_changes_next(struct kernel_changes *changes, struct kernel_change *change,
                                    struct kmb_error *error);
void kernel_changes_close(struct kernel_changes *changes); /* NULL is fine */

/* --- streams ---------------------------------------------------------------------------------------------------- */

/* The events of streams stay in the log; the store knows where. Gives the plain body of an entry, valid until the next
 * call. */
struct kernel_bodies {
    enum kmb_status (*load)(void *context, struct tenant_id tenant, const struct kernel_entry *entry,
                            struct slice *body, struct kmb_error *error);
    void *context;
};

struct kernel_stream_event {
    uint64_t offset;   /* in the stream */
    uint64_t position; /* in the tenant */
    uint64_t entry;
    int64_t time_us;
    struct slice payload; /* valid during the call */
};

/* KMB_STREAM_NOT_FOUND: "stream with id N not found". */
enum kmb_status kernel_stream_length(struct kernel_view *view, struct stream_id stream, uint64_t *length,
                                     struct kmb_error *error);
/*
 * Calls each with the events from offset `from` on, in order, until it answers other than KMB_OK (KMB_DONE ends well,
 * anything else is returned) or the stream ends. from beyond the length is KMB_INVALID_OFFSET.
 */
enum kmb_status kernel_stream_read(struct kernel_view *view, const struct kernel_bodies *bodies,
                                   struct stream_id stream, uint64_t from,
                                   enum kmb_status (*each)(void *context, const struct kernel_stream_event *event),
                                   void *context, struct kmb_error *error);

#endif
