/*
 * What the files of the kernel share: keys and records of the META tree, the catalogue's insides, and the evolver, the
 * working place in which events become changes of a fork.
 */
#ifndef KMB_KERNEL_INTERNAL_H
#define KMB_KERNEL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buffer.h"
#include "base/codec.h"
#include "base/memory.h"
#include "kernel/evolve.h"
#include "kernel/state.h"
#include "kernel/transaction.h"
#include "kernel/view.h"
#include "store/history.h"
#include "types/event.h"

/* --- META: first byte of the key says what a record is; numbers in keys are big-endian --------------------------- */

enum meta_kind {
    META_TENANT = 0x01,         /* -> name */
    META_HEADER = 0x02,         /* -> struct catalogue_header */
    META_CHECKPOINT_KEY = 0x03, /* -> version u32, verifier 32 */
    META_CLOCK = 0x04,          /* -> log time i64, clock time i64 of the newest acceptance */
    META_ROW_ID = 0x05,         /* table u32 -> next row id u64 */
    META_OBJECT = 0x06,         /* object u8, id u32 -> from position u64, from sequence u64, definition */
    META_PAST =
        0x07, /* object u8, id u32, from sequence u64, from position u64 -> to position, to sequence, definition */
    META_STREAM_LENGTH = 0x08, /* stream u32 -> next offset u64 */
    META_STREAM_RUN = 0x09,    /* stream u32, first offset u64 -> struct stream_run */
    META_SEQUENCE = 0x0a,      /* table u32, entry sequence u64 -> struct kernel_sequence after that entry */
    META_DELETED = 0x0b,       /* -> number of tables u32; there once the tenant is deleted */
    META_ANSWER = 0x0c, /* hash of a key 16 -> ordinal u64, position u64, event_request_answered without the key */
    META_ANSWER_ORDER = 0x0d, /* ordinal u64 -> hash of its key 16 */
    META_ANSWER_RANGE = 0x0e, /* -> ordinal of the oldest that is kept u64, of the next u64 */
    META_ENTRY = 0x10,        /* sequence u64 -> struct kernel_entry and the Merkle nodes it completed */
};

enum meta_object {
    META_OBJECT_TABLE = 1,
    META_OBJECT_STREAM = 2,
    META_OBJECT_SCHEMA = 4,
    META_OBJECT_ROLE = 5,
    META_OBJECT_API_KEY = 6
};

#define META_KEY_MAX 24
struct meta_key {
    uint8_t bytes[META_KEY_MAX];
    uint8_t length;
};
static inline struct slice meta_slice(const struct meta_key *key) {
    return slice_make(key->bytes, key->length);
}
struct meta_key meta_key_make(enum meta_kind kind);
void meta_key_u8(struct meta_key *key, uint8_t value);
void meta_key_u32(struct meta_key *key, uint32_t value);
void meta_key_u64(struct meta_key *key, uint64_t value);

/* Object ids are below this, so that the bit can mark an index's superseded entries. */
#define OBJECT_ID_MAX      UINT32_C(0x7fffffff)
#define INDEX_SUPERSEDED   UINT32_C(0x80000000)
#define TABLE_PREFIX_SIZE  4 /* table or index id, big-endian, before each key of CURRENT and INDEX */
#define STREAM_RUN_SIZE    28
#define ENTRY_RECORD_FIXED 66

/* Where a run of consecutive stream events stands in the log. */
struct stream_run {
    uint32_t count;
    uint64_t sequence;     /* of the entry */
    uint64_t position;     /* of the first event, counted from 1 */
    uint32_t frame_offset; /* of the event's frame in the plain body */
    uint32_t reserved;
};
void meta_run_encode(const struct stream_run *run, uint8_t bytes[STREAM_RUN_SIZE]);
bool meta_run_decode(struct slice value, struct stream_run *run);

/* node_count: complete subtrees of levels 1.. that this entry's leaf completed. */
void meta_entry_encode(const struct kernel_entry *entry, const struct hash256 *nodes, unsigned node_count,
                       struct buffer *out);
bool meta_entry_decode(struct slice value, uint64_t sequence, struct kernel_entry *entry, const uint8_t **nodes,
                       unsigned *node_count);

enum kmb_status meta_damaged(struct kmb_error *error, const char *what);

/* --- catalogue ---------------------------------------------------------------------------------------------------- */

/* The moment a version of an object began: the order is that of the log. */
struct catalogue_moment {
    uint64_t position;
    uint64_t sequence;
};

/* Which columns make a key, as ordinals of the living columns. */
struct key_plan {
    uint16_t count;
    uint16_t
        filter; /* of an index: the column that is true in rows with an entry; CATALOGUE_COLUMN_MISSING: all have */
    bool nulls_same; /* of an index: NULLs are equal */
    uint16_t ordinals[DEFINITION_KEY_COLUMNS_MAX];
    struct key_column columns[DEFINITION_KEY_COLUMNS_MAX];
};

struct table_layout {
    struct row_layout layout;
    uint16_t *map; /* living column -> ordinal in this layout, or CATALOGUE_COLUMN_MISSING */
};

/* One version of a table, immutable, shared by all catalogues that have it. */
struct catalogue_table {
    struct table_definition definition; /* first: a definition pointer of ours is a pointer to this */
    atomic_uint references;
    struct arena arena;
    struct slice encoded; /* the definition's bytes */
    struct catalogue_moment from;
    uint32_t living_count;
    uint32_t visible_count; /* of them, before the hidden ones */
    bool permuted;          /* images of this version do not have the columns in the order of `living` */
    const struct column_definition **living;
    struct value *missing;
    struct key_plan primary;
    struct key_plan *indexes;      /* one for each of definition.indexes */
    struct table_layout *versions; /* [version - 1] */
};

struct catalogue_stream {
    struct stream_definition definition; /* first */
    atomic_uint references;
    struct catalogue_moment from;
    uint8_t text[]; /* the name */
};

struct catalogue_schema {
    struct schema_definition definition; /* first; an empty name: the default one, dropped */
    atomic_uint references;
    struct catalogue_moment from;
    uint8_t text[]; /* name and comment */
};

/* A role or an API key (principal.c). */
struct catalogue_principal {
    enum meta_object object;
    union {
        struct role_definition role;
        struct api_key_definition key;
    } as;
    atomic_uint references;
    struct catalogue_moment from;
    struct arena arena;
    struct slice encoded; /* the definition's bytes */
};

struct catalogue_header {
    uint32_t object_id_next;
    uint64_t change_count;           /* changes of the catalogue so far */
    struct catalogue_moment changed; /* the last of them */
};
#define CATALOGUE_HEADER_SIZE 28

struct catalogue {
    atomic_uint references;
    uint64_t version;
    struct catalogue_header header;
    uint32_t object_count; /* tables and types */
    uint32_t table_count;
    uint32_t type_count;
    uint32_t stream_count;
    uint32_t schema_count;
    uint32_t foreign_key_count; /* of all tables */
    struct catalogue_table **tables_by_name;
    struct catalogue_table **types_by_name; /* behind them */
    struct catalogue_table **tables_by_id;  /* types too */
    struct catalogue_stream **streams_by_name;
    struct catalogue_stream **streams_by_id;
    struct catalogue_schema **schemas; /* by name, the empty one among them */
    uint32_t principal_count;
    uint32_t role_count;
    struct catalogue_principal **principals; /* roles by name, then keys by hash */
    /* The last catalogue of the past that was made from this one, good for positions [past_low, past_high). */
    pthread_mutex_t past_lock;
    const struct catalogue *past;
    bool past_by_sequence;
    uint64_t past_low;
    uint64_t past_high;
};

static inline const struct catalogue_table *catalogue_table_of(const struct table_definition *definition) {
    return (const struct catalogue_table *)definition;
}
static inline struct catalogue *catalogue_mutable(const struct catalogue *catalogue) {
    union {
        const struct catalogue *constant;
        struct catalogue *mutable;
    } cast = {.constant = catalogue};
    return cast.mutable;
}

/* Builds a version of a table from its encoded definition. KMB_CORRUPT, KMB_FORMAT_VERSION, KMB_NO_MEMORY. */
enum kmb_status catalogue_table_make(struct slice encoded, struct catalogue_moment from, struct catalogue_table **table,
                                     struct kmb_error *error);
void catalogue_table_release(struct catalogue_table *table);
enum kmb_status catalogue_stream_make(struct stream_id id, struct slice name, enum data_class data_class,
                                      struct catalogue_moment from, struct catalogue_stream **stream,
                                      struct kmb_error *error);
void catalogue_stream_release(struct catalogue_stream *stream);

/* A schema's record is its name and its comment, each with its length in front. */
void catalogue_schema_encode(struct slice name, struct slice comment, struct buffer *out);
enum kmb_status catalogue_schema_make(struct schema_id id, struct slice encoded, struct catalogue_moment from,
                                      struct catalogue_schema **schema, struct kmb_error *error);
void catalogue_schema_release(struct catalogue_schema *schema);

/* encoded: of the event; id: as the record's key has it. */
enum kmb_status catalogue_principal_make(enum meta_object object, uint32_t id, struct slice encoded,
                                         struct catalogue_moment from, struct catalogue_principal **principal,
                                         struct kmb_error *error);
void catalogue_principal_release(struct catalogue_principal *principal);
uint32_t catalogue_principal_id(const struct catalogue_principal *principal);
int catalogue_principal_order(const void *a, const void *b); /* of pointers to them, for qsort */

struct catalogue_members {
    struct catalogue_table **tables;
    uint32_t table_count;
    struct catalogue_stream **streams;
    uint32_t stream_count;
    struct catalogue_schema **schemas; /* one of id 0 among them */
    uint32_t schema_count;
    struct catalogue_principal **principals; /* the role of id 0 among them */
    uint32_t principal_count;
};
/*
 * A new catalogue from lists whose members it takes over (in any case). header.change_count becomes the version.
 */
enum kmb_status catalogue_make(const struct catalogue_members *members, const struct catalogue_header *header,
                               const struct catalogue **catalogue, struct kmb_error *error);
/*
 * A copy of `from` with one table, stream or schema put in (replacing the one of its id, taken over in any case) or
 * taken out.
 */
struct catalogue_change {
    struct catalogue_table *table_put;
    struct table_id table_removed; /* 0: none */
    struct catalogue_stream *stream_put;
    struct catalogue_schema *schema_put;
    struct schema_id schema_removed; /* 0: none */
    struct catalogue_principal *principal_put;
    const struct catalogue_principal *principal_removed;
};
enum kmb_status catalogue_changed(const struct catalogue *from, const struct catalogue_change *change,
                                  const struct catalogue_header *header, const struct catalogue **catalogue,
                                  struct kmb_error *error);
/* The same content under another version number. */
enum kmb_status catalogue_renumber(const struct catalogue *from, uint64_t version, const struct catalogue **catalogue,
                                   struct kmb_error *error);

/* From META: the present one; or that of a moment of the past. */
enum kmb_status catalogue_load(struct store_view view, uint32_t tenant, const struct catalogue **catalogue,
                               struct kmb_error *error);
enum kmb_status catalogue_load_at(struct store_view view, uint32_t tenant, const struct catalogue *present,
                                  bool by_sequence, uint64_t point, const struct catalogue **catalogue,
                                  struct kmb_error *error);
bool catalogue_header_decode(struct slice value, struct catalogue_header *header);
void catalogue_header_encode(const struct catalogue_header *header, uint8_t bytes[CATALOGUE_HEADER_SIZE]);

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* Living column `ordinal` of an image of any version. layout: that of the image. */
void row_column_get(const struct catalogue_table *table, const struct table_layout *layout, struct slice image,
                    uint32_t ordinal, struct value *out);
/* The layout an image was written with, after its header was checked. NULL: none. */
const struct table_layout *row_layout_of(const struct catalogue_table *table, struct slice image);
/* Whether a row has an entry in the index of a plan; values NULL: read from the image. */
bool key_plan_takes(const struct catalogue_table *table, const struct key_plan *plan, const struct table_layout *layout,
                    struct slice image, const struct value *values);
/* Appends the key columns of a plan from values, or from an image. *has_null (may be NULL): NULLs that keep two rows
 * apart. */
void key_of_values(const struct key_plan *plan, const struct value *values, struct buffer *key, bool *has_null);
void key_of_image(const struct catalogue_table *table, const struct key_plan *plan, const struct table_layout *layout,
                  struct slice image, struct buffer *key, bool *has_null);
/* The half-open range of bytes that a range of keys under a prefix is. False: no memory. */
bool key_range_bytes(uint32_t prefix, const struct kernel_range *range, struct buffer *low, struct buffer *high);
void key_prefix(struct buffer *key, uint32_t id); /* appends a table's or index's prefix */
const struct key_plan *key_plan_of_index(const struct catalogue_table *table, struct index_id index,
                                         const struct index_definition **definition);

/* --- evolver ------------------------------------------------------------------------------------------------------ */

/* Row ids given in this fold, by table, not yet in META. */
struct row_id_floor {
    uint32_t table;
    uint64_t next;
};

/*
 * What a unique key met: the decider makes an error a user understands of it, a fold of the log calls it damage.
 */
struct evolve_clash {
    bool set;
    struct index_id index; /* 0: the primary key */
    struct buffer key;     /* row key of the row that is there */
};

struct evolver {
    struct store_fork *fork;
    uint32_t tenant;
    const struct catalogue *catalogue; /* as the events so far made it; held */
    struct kernel_facts facts;
    struct buffer facts_text;
    uint64_t position; /* data events so far */
    uint64_t sequence; /* of the entry that is being evolved */
    struct kernel_interrupt interrupt;
    bool check_unique; /* unique indexes are looked up: deciding, and after a rebase */
    struct evolve_clash clash;
    struct arena arena; /* of the event at hand */
    struct row_id_floor *row_ids;
    uint32_t row_id_count;
    uint32_t row_id_capacity;
    /* A stretch of CURRENT known to be empty: keys above gap_low, below gap_high (empty: to the table's end). */
    bool gap_known;
    uint32_t gap_table;
    struct buffer gap_low;
    struct buffer gap_high;
    /* scratch */
    struct buffer key;
    struct buffer key_other;
    struct buffer old_value;
    struct buffer index_key;
    struct buffer index_key_old;
    struct buffer record;
};

static inline enum kmb_status evolver_interrupted(const struct evolver *evolver, struct kmb_error *error) {
    return evolver->interrupt.ask == NULL ? KMB_OK : evolver->interrupt.ask(evolver->interrupt.context, error);
}

/* Takes the state's facts and catalogue; the fork stays NULL until the caller sets it. */
enum kmb_status evolver_init(struct evolver *evolver, const struct kernel_state *state, struct kmb_error *error);
void evolver_free(struct evolver *evolver); /* the fork is discarded if there is one */
/* Writes what is held back (row id counters). Before a fork is frozen. */
enum kmb_status evolver_flush(struct evolver *evolver, struct kmb_error *error);
/* Forgets what is known of a fork that was replaced. */
void evolver_forget(struct evolver *evolver);

/*
 * One row. key: the row's, without prefix. values (living columns) may be NULL: then read from the image. Each takes
 * one position. An update or delete needs the row that is there in old_value: evolve_read() it first.
 */
enum kmb_status evolve_insert(struct evolver *evolver, const struct catalogue_table *table, struct slice key,
                              struct slice image, const struct value *values, struct kmb_error *error);
enum kmb_status evolve_update(struct evolver *evolver, const struct catalogue_table *table, struct slice old_key,
                              struct slice new_key, struct slice image, struct kmb_error *error);
enum kmb_status evolve_delete(struct evolver *evolver, const struct catalogue_table *table, struct slice key,
                              struct kmb_error *error);
/* Looks whether evolve_insert or evolve_update would clash: KMB_UNIQUE_VIOLATION with `clash` set. old_value stays. */
enum kmb_status evolve_check_insert(struct evolver *evolver, const struct catalogue_table *table, struct slice key,
                                    const struct value *values, struct kmb_error *error);
enum kmb_status evolve_check_update(struct evolver *evolver, const struct catalogue_table *table, struct slice old_key,
                                    struct slice new_key, const struct value *values, struct kmb_error *error);
/* Present value of a row in the fork: stamp and image in evolver->old_value. */
enum kmb_status evolve_read(struct evolver *evolver, const struct catalogue_table *table, struct slice key, bool *found,
                            struct kmb_error *error);
enum kmb_status evolve_append(struct evolver *evolver, struct stream_id stream, uint64_t base, uint32_t count,
                              size_t frame_offset, struct kmb_error *error);
void evolve_note_row_id(struct evolver *evolver, uint32_t table, uint64_t row_id);
enum kmb_status evolve_row_id_next(struct evolver *evolver, uint32_t table, uint64_t *next, struct kmb_error *error);
enum kmb_status evolve_stream_length(struct store_view view, uint32_t tenant, struct stream_id stream, uint64_t *length,
                                     struct kmb_error *error);

/* Where a sequence stands after its newest record of an entry up to `entry` that ends at or before `position`
 * (sequence.c). */
enum kmb_status sequence_read(struct store_view view, uint32_t tenant, const struct table_definition *definition,
                              uint64_t entry, uint64_t position, struct kernel_sequence *sequence,
                              struct kmb_error *error);
enum kmb_status evolve_sequence(struct evolver *evolver, const struct event_sequence_advanced *event,
                                struct kmb_error *error);

/* answer.c */
enum kmb_status evolve_answer(struct evolver *evolver, const struct event_request_answered *event,
                              struct kmb_error *error);

/* One event that changes definitions or facts (define.c). */
enum kmb_status evolve_definition(struct evolver *evolver, const struct event *event, struct kmb_error *error);
/* Fills an index from the rows that are there (backfill.c). KMB_UNIQUE_VIOLATION with clash set when two rows have one
 * key. */
enum kmb_status evolve_backfill(struct evolver *evolver, const struct catalogue_table *table,
                                const struct index_definition *index, struct kmb_error *error);
/* Any event; frame_offset: of its frame in the body. */
enum kmb_status evolve_event(struct evolver *evolver, const struct event *event, size_t frame_offset,
                             struct kmb_error *error);
/* A whole body, at evolver->sequence. */
enum kmb_status evolve_body(struct evolver *evolver, struct slice body, struct kmb_error *error);
/* From one event's beginning to another's. */
enum kmb_status evolve_body_range(struct evolver *evolver, struct slice body, size_t from, size_t to,
                                  struct kmb_error *error);
/* The record of an entry, and its place in the Merkle tree. */
enum kmb_status evolve_entry(struct evolver *evolver, struct merkle_frontier *frontier,
                             const struct kernel_entry *entry, struct kmb_error *error);

enum kmb_status evolve_damaged(struct kmb_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- states ------------------------------------------------------------------------------------------------------- */

/* A state made of parts; takes over nothing, retains root and catalogue. */
struct state_parts {
    struct tenant_id tenant;
    struct store_root *root;
    const struct catalogue *catalogue;
    struct kernel_facts facts;
    uint64_t position;
    const struct kernel_entry *entry; /* newest; NULL: none */
    const struct merkle_frontier *frontier;
    const struct kernel_transaction *own; /* a transaction's private state */
};
enum kmb_status state_make(const struct state_parts *parts, struct kernel_state **state, struct kmb_error *error);
struct kernel_entry state_newest_entry(const struct kernel_state *state);

/* The body of a part that is still in the transaction, from 0. */
struct slice transaction_body(const struct kernel_transaction *transaction, uint64_t ordinal);

enum kmb_status state_entry_time(const struct kernel_state *state, uint64_t sequence, int64_t *time_us,
                                 struct kmb_error *error);

#endif
