/*
 * What the files of the log share among themselves and nobody else sees: segment and superblock codecs, buffered
 * sequential reading, and the checks that recovery, readers and verification have in common.
 */
#ifndef KMB_LOG_PRIVATE_H
#define KMB_LOG_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "log/verify.h"

#define LOG_SEGMENT_HEADER_SIZE 4096u
#define LOG_SEGMENT_VERSION     1
#define LOG_SEGMENT_BYTES_MAX   (LOG_BLOCK_BYTES_MAX + LOG_SEGMENT_HEADER_SIZE)
#define LOG_SEGMENT_NAME_SIZE   24 /* 16 digits, ".seg", zero */
#define LOG_SLOT_SIZE           4096u
#define LOG_SUPERBLOCK_VERSION  1
#define LOG_SUPERBLOCK_NAME     "superblock"
#define LOG_SPARE_NAME          "spare"

static inline uint64_t log_align(uint64_t bytes) {
    return (bytes + LOG_BLOCK_ALIGN - 1) / LOG_BLOCK_ALIGN * LOG_BLOCK_ALIGN;
}

bool log_bytes_zero(const uint8_t *bytes, size_t count);

/* entry.c, block.c */
bool log_entry_crc_good(const uint8_t bytes[LOG_ENTRY_HEADER_SIZE]);
bool log_block_crc_good(const uint8_t bytes[LOG_BLOCK_HEADER_SIZE]);
bool log_entry_pack(enum log_codec codec, struct slice body, struct buffer *packed);
void log_entry_seal(const uint8_t header[LOG_ENTRY_HEADER_SIZE], struct slice packed, struct aead_key *key,
                    const struct aead_nonce *nonce, uint8_t *stored);

/* segment.c: the header of a segment and the names of the files. */
struct log_segment_header {
    struct log_identity identity;
    uint64_t op_first;
    uint64_t bytes;
    struct hash256 previous;
};
void log_segment_encode(const struct log_segment_header *header, uint8_t bytes[LOG_SEGMENT_HEADER_SIZE]);
enum kmb_status log_segment_decode(const uint8_t bytes[LOG_SEGMENT_HEADER_SIZE], struct log_segment_header *header,
                                   struct kmb_error *error);
/* NULL: the header is the one expected (previous NULL: not compared); else what is wrong. */
const char *log_segment_fault(const struct log_segment_header *header, const struct log_identity *identity,
                              uint64_t op_first, const struct hash256 *previous);
void log_segment_name(char name[LOG_SEGMENT_NAME_SIZE], uint64_t op_first);
/* "<dir>/<name>" on the heap; NULL: no memory. */
char *log_path(const char *dir, const char *name);
char *log_segment_path(const char *dir, uint64_t op_first);

/* The segments of a directory, by first op ascending. */
struct log_segments {
    uint64_t *op_first;
    size_t count;
    size_t capacity;
    bool spare;
    bool superblock;
    char stranger[32]; /* the first name that does not belong there; empty: none */
};
enum kmb_status log_segments_list(const struct io *io, const char *dir, struct log_segments *segments,
                                  struct kmb_error *error);
void log_segments_free(struct log_segments *segments);
/* Place in the list of the segment that could hold op: the last whose first op is <= op; SIZE_MAX where none is. */
size_t log_segments_find(const struct log_segments *segments, uint64_t op);

/* superblock.c */
struct log_superblock {
    struct log_identity identity;
    uint64_t segment_bytes;
    struct log_slot slots[LOG_SLOTS]; /* by place in the file */
    bool valid[LOG_SLOTS];
    bool misplaced[LOG_SLOTS]; /* valid, but written for another place */
    char reason[LOG_SLOTS][96];
    unsigned newest; /* place of the valid slot of the highest generation */
    uint64_t file_size;
};
/* KMB_NOT_A_DATABASE: no file. KMB_CORRUPT: no slot is valid, or slots of different logs. KMB_FORMAT_VERSION. */
enum kmb_status log_superblock_read(const struct io *io, const char *dir, struct log_superblock *superblock,
                                    struct kmb_error *error);
void log_slot_encode(const struct log_superblock *superblock, unsigned place, uint8_t bytes[LOG_SLOT_SIZE]);
/* Fills the next place in turn with this content and generation + 1, in memory; returns the place. */
unsigned log_superblock_advance(struct log_superblock *superblock, const struct log_slot *content);

/* window.c: bytes of one file through a buffer. */
struct log_window {
    const struct io *io;
    struct io_file *file;
    uint64_t size;  /* of the file, when it was opened */
    size_t chunk;   /* bytes read at a time */
    uint64_t start; /* of the buffered bytes in the file */
    size_t length;
    uint8_t *buffer;
    size_t capacity;
};
void log_window_init(struct log_window *window, const struct io *io, size_t chunk);
enum kmb_status log_window_open(struct log_window *window, const char *path, struct kmb_error *error);
void log_window_free(struct log_window *window); /* closes */
void log_window_drop(struct log_window *window); /* forgets what is buffered, to read it anew */
/*
 * *bytes: the bytes [offset, offset + size), valid until the next call; NULL with KMB_OK where the file ends before.
 * size at most LOG_ENTRY_BYTES_MAX.
 */
enum kmb_status log_window_get(struct log_window *window, uint64_t offset, size_t size, const uint8_t **bytes,
                               struct kmb_error *error);
/* As many bytes from offset on as are at hand, 1..size_max; NULL at the end of the file. */
enum kmb_status log_window_some(struct log_window *window, uint64_t offset, size_t size_max, const uint8_t **bytes,
                                size_t *count, struct kmb_error *error);

/* check.c: is there a whole block, the one expected? */
struct log_check {
    const struct log_identity *identity;
    uint64_t op;             /* expected */
    struct hash256 previous; /* expected */
    bool skip_bodies;        /* body hashes are not computed */
    bool stream_bodies;      /* bodies are hashed piece by piece; log_reader_entry.stored has no bytes */
    /* Every entry of the block, after its own checks; may be NULL. A refusal is handed through. */
    enum kmb_status (*entry)(void *context, const struct log_reader_entry *entry, struct kmb_error *error);
    void *context;
    struct log_verify_failure failure; /* set with KMB_CORRUPT */
    struct hash_sha256_stream *stream; /* over the entry hashes; made at first use, as is the next */
    struct hash_sha256_stream *body;
};
enum kmb_status log_check_prepare(struct log_check *check, struct kmb_error *error); /* makes the stream */
void log_check_free(struct log_check *check);

/*
 * Checks the block at `offset` of the window's segment. KMB_OK: whole; header and hash are set. KMB_DONE: nothing but
 * zeros where the header would stand, or no room for one. KMB_CORRUPT: check->failure says what. KMB_FORMAT_VERSION.
 * Others: reading failed.
 */
enum kmb_status log_check_block(struct log_check *check, struct log_window *window, uint64_t segment,
                                uint64_t segment_bytes, uint64_t offset, struct log_block_header *header,
                                struct hash256 *hash, struct kmb_error *error);

/* Where the walk through one block stands. */
struct log_check_walk {
    struct log_check *check;
    struct log_window *window;
    uint64_t segment;
    uint64_t block;  /* offset of the block header */
    uint64_t offset; /* of the next entry */
    uint64_t end;    /* of the entries */
    const struct log_block_header *header;
    struct kmb_error *error;
};
/* One entry: header, bounds, body. Moves walk->offset on. */
enum kmb_status log_check_entry(struct log_check_walk *walk, uint32_t index, struct log_reader_entry *read);
/* After the last entry: their bytes fill the block, and the hash over them is the header's. */
enum kmb_status log_check_entries_end(struct log_check_walk *walk);
/* The pieces, for readers that go entry by entry. NULL: good; else what is wrong. */
const char *log_check_header(const struct log_check *check, const struct log_block_header *header, uint64_t room);
/* Sets failure and the error's text: "segment ..., block of op ..., entry ...: reason". Returns KMB_CORRUPT. */
enum kmb_status log_failure_set(struct log_verify_failure *failure, enum log_part part, uint64_t segment,
                                uint64_t offset, uint64_t op, const char *reason, struct kmb_error *error);
/* Of an entry that was read. */
void log_failure_entry(struct log_verify_failure *failure, const struct log_reader_entry *read, const char *reason);
void log_failure_describe(const struct log_verify_failure *failure, enum kmb_status status, struct kmb_error *error);
/* For naming only: the header with the one bit turned that makes its CRC right; false where no single bit does. */
bool log_entry_guess(const uint8_t bytes[LOG_ENTRY_HEADER_SIZE], struct log_entry *entry);

/* files.c: making, opening and repairing the files of a log. */
struct log {
    struct io io;
    char *dir;
    struct log_superblock superblock; /* writer thread */
    struct io_file *superblock_file;
    bool read_only;
    struct environment environment;
    const struct logger *logger;

    pthread_mutex_t lock; /* guards the fields up to the blank line, where another thread may look */
    struct log_place head;
    struct io_file *file; /* of the current segment */
    uint64_t segment;
    uint64_t segment_size;
    uint64_t end; /* where the next block goes */
    struct io_file *spare;
    uint64_t spare_bytes;
    char *spare_path; /* this and the next: made with the first spare, so that naming a segment needs no memory */
    char *segment_path;
    size_t segment_path_size;
    bool fatal;
    struct kmb_error fatal_cause;

    _Atomic uint64_t synced_op;
    struct log_place synced; /* writer thread, as all below */
    uint64_t head_view;
    bool head_seal;
    bool unsynced;        /* a block was written and not synced */
    bool directory_dirty; /* a segment's name is not durable yet */
    uint64_t zeros_end;   /* up to here zeros were written into the current segment ahead of blocks */
    uint8_t *zeros;       /* what they are written from; made at first use */
    struct log_block seal;
};
/* Allocates <dir>/spare with at least `bytes`; the lock is held. Fails without a trace. */
enum kmb_status log_spare_make(struct log *log, uint64_t bytes, struct kmb_error *error);
/* Writes the slot at `place` as it stands in log->superblock, and syncs. */
enum kmb_status log_slot_write(struct log *log, unsigned place, struct kmb_error *error);

/* recover.c: failure (may be NULL) says what the error's text says, with KMB_CORRUPT and KMB_ROLLED_BACK. */
struct log_recovered {
    struct log_place head; /* of the newest whole block */
    uint64_t head_view;
    bool head_seal;   /* it is a seal block, or there is none */
    uint64_t segment; /* the last segment: its first op */
    uint64_t segment_size;
    uint64_t end;                    /* where the next block goes */
    struct hash256 segment_previous; /* for its header, where that is absent */
    bool header_absent;              /* the last segment's header must be written */
    bool dirty;                      /* non-zero bytes stand after end in the last segment, or it is too short */
};
enum kmb_status log_recover_run(const struct io *io, const char *dir, const struct log_superblock *superblock,
                                const struct log_segments *segments, const struct log_options *options,
                                struct log_recovery *recovery, struct log_recovered *recovered,
                                struct log_verify_failure *failure, struct kmb_error *error);

#endif
