/*
 * Events: the facts that the log holds and that state is folded from. An entry's body is a list of frames
 *
 *   u16 kind | u32 length | payload
 *
 * all of one tenant, the entry's. Kinds have stable numbers; bit 0x8000 says "critical": a reader that does not know
 * such a kind must refuse the log (KMB_FORMAT_VERSION), one without the bit it may skip. To the byte:
 * docs/internals/formats-events.md, "Events".
 *
 * Data events consume positions: one per row inserted, updated or deleted and one per event appended to a stream.
 * Everything else consumes none (S-107).
 */
#ifndef KMB_TYPES_EVENT_H
#define KMB_TYPES_EVENT_H

#include "types/definition.h"
#include "types/principal.h"

#define EVENT_CRITICAL    0x8000u
#define EVENT_FRAME_SIZE  6
#define EVENT_PAYLOAD_MAX (UINT32_C(1) << 30)

enum event_kind {
    EVENT_TENANT_CREATED = 0x8001,
    EVENT_CHECKPOINT_KEY_SET = 0x8002,
    EVENT_CHECKPOINT_KEY_ROTATED = 0x8003,
    EVENT_CLOCK_ACCEPTED = 0x8004,
    EVENT_TENANT_DELETED = 0x8005, /* its last: nothing is written or read after it */
    EVENT_REQUEST_ANSWERED = 0x8006,

    EVENT_TABLE_CREATED = 0x8010,
    EVENT_TABLE_DROPPED = 0x8011,
    EVENT_TABLE_RENAMED = 0x8012,
    EVENT_COLUMN_ADDED = 0x8013,
    EVENT_COLUMN_DROPPED = 0x8014,
    EVENT_COLUMN_RENAMED = 0x8015,
    EVENT_COLUMN_DEFAULT_CHANGED = 0x8016,
    EVENT_COLUMN_NOT_NULL_CHANGED = 0x8017,
    EVENT_CHECK_ADDED = 0x8018,
    EVENT_CHECK_DROPPED = 0x8019,
    EVENT_INDEX_DECLARED = 0x8020,
    EVENT_INDEX_READY = 0x8021,
    EVENT_INDEX_DROPPED = 0x8022,
    EVENT_VIEW_CREATED = 0x8023,     /* as a table; dropped and renamed as one too */
    EVENT_SEQUENCE_CREATED = 0x8024, /* as a table, the same way */
    EVENT_SEQUENCE_CHANGED = 0x8025,
    EVENT_SEQUENCE_ADVANCED = 0x8026,
    EVENT_FOREIGN_KEY_ADDED = 0x8027,
    EVENT_FOREIGN_KEY_DROPPED = 0x8028,
    EVENT_COLUMN_REPLACED = 0x8029,
    EVENT_PRIMARY_KEY_CHANGED = 0x802a,
    EVENT_CONSTRAINT_RENAMED = 0x802b,
    EVENT_CONSTRAINT_VALID_CHANGED = 0x802c,
    EVENT_COMMENT_SET = 0x802d,
    EVENT_COLUMN_SHOWN = 0x802e,

    EVENT_ROWS_INSERTED = 0x8030,
    EVENT_ROWS_UPDATED = 0x8031,
    EVENT_ROWS_DELETED = 0x8032,

    EVENT_STREAM_CREATED = 0x8040,
    EVENT_STREAM_APPENDED = 0x8041,

    EVENT_TYPE_CREATED = 0x8050, /* an enum type or a domain: as a table, the same way */
    EVENT_LABEL_ADDED = 0x8051,
    EVENT_LABEL_RENAMED = 0x8052,
    EVENT_SCHEMA_CREATED = 0x8058,
    EVENT_SCHEMA_DROPPED = 0x8059,
    EVENT_SCHEMA_RENAMED = 0x805a, /* and with it, what is in it */
    EVENT_SCHEMA_COMMENT_SET = 0x805b,
    EVENT_TABLE_MOVED = 0x805c, /* into another schema; a view and a sequence, too */
    EVENT_VIEW_CHANGED = 0x805d,

    EVENT_ROLE_CREATED = 0x8070,
    EVENT_ROLE_CHANGED = 0x8071, /* all of it, its name too */
    EVENT_ROLE_DROPPED = 0x8072,
    EVENT_API_KEY_CREATED = 0x8073,
    EVENT_API_KEY_REVOKED = 0x8074,
    EVENT_ACCESS_RECORDED = 0x8075, /* changes no state */
};

struct event_tenant_created {
    struct tenant_id tenant;
    struct slice name; /* may be empty */
};
struct event_checkpoint_key {
    struct key_version version;
    uint8_t verifier[32];  /* Ed25519 public key */
    uint8_t signature[64]; /* rotated: of the old key, over the payload up to here; set: zero */
};
struct event_clock_accepted {
    int64_t log_time_us;   /* newest commit time in the log */
    int64_t clock_time_us; /* what the clock said when the operator accepted it */
};
struct event_tenant_deleted {
    struct tenant_id tenant;
    uint32_t tables; /* that it had */
};
#define ANSWER_KEY_MAX  255
#define ANSWER_KEPT_MAX 4096
/* What an answer has behind its bytes. */
enum answer_form {
    ANSWER_PLAIN,           /* nothing */
    ANSWER_POSITION,        /* the tenant's position behind the entry */
    ANSWER_POSITION_SIGNED, /* the same, written as a signed number */
    ANSWER_NOT_KEPT,        /* it is longer than ANSWER_KEPT_MAX: bytes is empty */
};
/* A request that brought a key along, and did something: the last event of what it did. */
struct event_request_answered {
    struct slice key;   /* a text, the client's */
    uint8_t digest[32]; /* SHA-256 of the request, so that another one under its key is told apart */
    uint32_t answer;    /* the kind of response, as the protocol numbers it */
    enum answer_form form;
    struct slice bytes;
};
struct event_table_created {
    struct table_definition table;
};
struct event_table_dropped {
    struct table_id table;
};
struct event_table_renamed {
    struct table_id table;
    struct slice name;
};
/* Every change of a definition carries the schema version it makes. */
struct event_column_added {
    struct table_id table;
    struct schema_version version;
    struct column_definition column;
};
struct event_column_dropped {
    struct table_id table;
    struct schema_version version;
    struct column_id column;
};
struct event_column_renamed {
    struct table_id table;
    struct schema_version version;
    struct column_id column;
    struct slice name;
};
struct event_column_default_changed {
    struct table_id table;
    struct schema_version version;
    struct column_id column;
    enum default_kind default_kind;
    struct slice default_text;
};
struct event_column_not_null_changed {
    struct table_id table;
    struct schema_version version;
    struct column_id column;
    bool not_null;
};
struct event_check_added {
    struct table_id table;
    struct schema_version version;
    struct check_definition check;
};
struct event_check_dropped {
    struct table_id table;
    struct schema_version version;
    struct constraint_id check;
};
struct event_index_declared {
    struct table_id table;
    struct index_definition index; /* state INDEX_DECLARED */
};
struct event_index_ready {
    struct table_id table;
    struct index_id index;
};
struct event_index_dropped {
    struct table_id table;
    struct index_id index;
};
struct event_sequence_changed {
    struct table_id sequence;
    struct schema_version version;
    struct sequence_definition definition;
};
/*
 * Where a sequence stands: what nextval and setval came to in a transaction, or ALTER SEQUENCE. Calls take turns, in
 * the order the values were given; transactions may commit in another, and the highest turn of a version holds.
 */
struct event_sequence_advanced {
    struct table_id sequence;
    struct schema_version version; /* of the definition the values follow */
    uint64_t turn;
    int64_t last;
    bool called; /* `last` was given; else it is the next to be given */
};
struct event_foreign_key_added {
    struct table_id table;
    struct schema_version version;
    struct foreign_key_definition key;
};
struct event_foreign_key_dropped {
    struct table_id table;
    struct schema_version version;
    struct constraint_id key;
};
/* A column goes, another takes its name, its place and its part in the primary key: of a table that has no rows then,
 * where it has one. */
struct event_column_replaced {
    struct table_id table;
    struct schema_version version;
    struct column_id old;
    struct column_id column; /* lives already, hidden; without a default from now on */
};
/* A hidden column is one of the table's from now on, behind the others. */
struct event_column_shown {
    struct table_id table;
    struct schema_version version;
    struct column_id column; /* without a default */
    struct slice name;
};
/* Of a table without rows: their keys are made of it. */
struct event_primary_key_changed {
    struct table_id table;
    struct schema_version version;
    struct slice name; /* empty: none from now on */
    const struct key_part *parts;
    uint32_t part_count;
};
struct event_constraint_renamed {
    struct table_id table;
    struct schema_version version;
    enum definition_part part; /* not a table or a column */
    uint32_t id;
    struct slice name;
};
/* A check or a foreign key. */
struct event_constraint_valid_changed {
    struct table_id table;
    struct schema_version version;
    struct constraint_id constraint;
    bool valid;
};
struct event_comment_set {
    struct table_id table;
    enum definition_part part;
    uint32_t id;
    struct slice text; /* empty: none from now on */
};
struct event_schema_created {
    struct schema_id schema;
    struct slice name;
};
struct event_schema_dropped {
    struct schema_id schema; /* has nothing in it then */
};
struct event_schema_renamed {
    struct schema_id schema;
    struct slice name;
};
struct event_schema_comment_set {
    struct schema_id schema;
    struct slice text; /* empty: none from now on */
};
struct event_table_moved {
    struct table_id table;
    struct slice schema_name;
};
/* The query that gives a view's rows, spelled anew: its columns stay. */
struct event_view_changed {
    struct table_id view;
    struct slice query;
};
struct event_role_dropped {
    struct role_id role; /* never 0 */
};
struct event_api_key_revoked {
    struct api_key_id key;
};
/* Of an enum type: where the label stands (a value of value.h), and its name from now on. */
struct event_label {
    struct table_id type;
    struct schema_version version;
    struct slice label;
};
/* A batch of rows of one table. `items` is checked when the event is decoded; walk it with event_row_next(). */
struct event_rows {
    struct table_id table;
    struct schema_version version; /* of the images; of a delete: that of the time */
    bool has_row_ids;              /* insert into a table without a primary key */
    uint32_t count;
    struct slice items;
};
struct event_stream_created {
    struct stream_id stream;
    struct slice name;
    enum data_class data_class;
};
struct event_stream_appended {
    struct stream_id stream;
    struct stream_offset base; /* offset of the first */
    uint32_t count;
    struct slice items; /* walk with event_append_next() */
};

struct event {
    enum event_kind kind;
    struct slice payload; /* the frame's bytes */
    union {
        struct event_tenant_created tenant_created;
        struct event_checkpoint_key checkpoint_key; /* set and rotated */
        struct event_clock_accepted clock_accepted;
        struct event_tenant_deleted tenant_deleted;
        struct event_request_answered answered;
        struct event_table_created table_created; /* and view, sequence and type created */
        struct event_table_dropped table_dropped;
        struct event_table_renamed table_renamed;
        struct event_column_added column_added;
        struct event_column_dropped column_dropped;
        struct event_column_renamed column_renamed;
        struct event_column_default_changed column_default_changed;
        struct event_column_not_null_changed column_not_null_changed;
        struct event_check_added check_added;
        struct event_check_dropped check_dropped;
        struct event_index_declared index_declared;
        struct event_index_ready index_ready;
        struct event_index_dropped index_dropped;
        struct event_sequence_changed sequence_changed;
        struct event_sequence_advanced sequence_advanced;
        struct event_foreign_key_added foreign_key_added;
        struct event_foreign_key_dropped foreign_key_dropped;
        struct event_column_replaced column_replaced;
        struct event_column_shown column_shown;
        struct event_primary_key_changed primary_key_changed;
        struct event_constraint_renamed constraint_renamed;
        struct event_constraint_valid_changed constraint_valid_changed;
        struct event_comment_set comment_set;
        struct event_schema_created schema_created;
        struct event_schema_dropped schema_dropped;
        struct event_schema_renamed schema_renamed;
        struct event_schema_comment_set schema_comment_set;
        struct event_table_moved table_moved;
        struct event_view_changed view_changed;
        struct role_definition role; /* created and changed */
        struct event_role_dropped role_dropped;
        struct api_key_definition api_key;
        struct event_api_key_revoked api_key_revoked;
        struct access_record access;
        struct event_label label; /* added, renamed */
        struct event_rows rows;   /* inserted, updated, deleted */
        struct event_stream_created stream_created;
        struct event_stream_appended stream_appended;
    } as;
};

/* "rows_inserted"; "unknown" for a number that is none. */
const char *event_kind_name(uint32_t kind);

/* --- writing --- */

/* Appends the frame of any event. Row and append batches may be written whole this way (items already encoded) or
 * piece by piece with an event_writer. KMB_LIMIT when a payload passes EVENT_PAYLOAD_MAX, KMB_NO_MEMORY. */
enum kmb_status event_encode(const struct event *event, struct buffer *buffer, struct kmb_error *error);

/* Writes one batch event straight into the body: begin, add ..., end. Nothing else may append meanwhile. */
struct event_writer {
    struct buffer *buffer;
    size_t frame; /* where the frame begins */
    enum event_kind kind;
    uint32_t count;
    bool has_row_ids;
};
struct event_writer event_rows_begin(struct buffer *buffer, enum event_kind kind, struct table_id table,
                                     struct schema_version version, bool has_row_ids);
void event_rows_insert(struct event_writer *writer, struct row_id row, struct slice image); /* row: when has_row_ids */
void event_rows_update(struct event_writer *writer, struct slice old_key, struct slice image);
void event_rows_delete(struct event_writer *writer, struct slice old_key);
struct event_writer event_append_begin(struct buffer *buffer, struct stream_id stream, struct stream_offset base);
void event_append_add(struct event_writer *writer, struct slice payload);
/* Closes the frame; a batch of none is taken back. KMB_LIMIT, KMB_NO_MEMORY (then the frame is taken back too). */
enum kmb_status event_writer_end(struct event_writer *writer, struct kmb_error *error);

/* --- reading --- */

/*
 * Walks a body: KMB_ROW and an event, KMB_DONE at the end. Texts and images borrow from the body, arrays of definitions
 * from the arena (which only DDL events use). Unknown kinds without the critical bit are skipped. Errors: KMB_CORRUPT
 * with the byte offset, KMB_FORMAT_VERSION for an unknown critical kind, KMB_NO_MEMORY.
 */
struct event_reader {
    struct reader reader;
    struct arena *arena;
};
struct event_reader event_reader_make(struct slice body, struct arena *arena);
enum kmb_status event_next(struct event_reader *reader, struct event *event, struct kmb_error *error);

/* One row of a batch. Which fields are set depends on the kind. */
struct event_row {
    struct row_id row_id; /* inserted, when has_row_ids */
    struct slice old_key; /* updated, deleted: encoded key of the row as it was */
    struct slice image;   /* inserted, updated */
};
struct reader event_row_start(const struct event *event);
bool event_row_next(const struct event *event, struct reader *reader, struct event_row *row);
struct reader event_append_start(const struct event *event);
bool event_append_next(const struct event *event, struct reader *reader, struct slice *payload);

/* Positions one event consumes, and a whole body (frames are read, payloads only where they count). */
uint64_t event_positions(const struct event *event);
enum kmb_status event_count_positions(struct slice body, uint64_t *count, struct kmb_error *error);

#endif
