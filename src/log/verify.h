/*
 * Proving a log whole, or naming the first thing in it that is not: every byte of every file of the log directory is
 * read and accounted for, at the speed of SHA-256.
 *
 * Checked: names and sizes of files, segment headers, block headers and their chain, entry headers, body hashes, each
 * tenant's chain, sequence, positions and times, padding and unused tails (all zero), superblock slots against the
 * blocks they name; and with keys, that every body opens.
 */
#ifndef KMB_LOG_VERIFY_H
#define KMB_LOG_VERIFY_H

#include "log/reader.h"

/* What holds the byte, or where the check failed. */
enum log_part {
    LOG_PART_NONE,
    LOG_PART_FILE,           /* a file that is missing, surplus, or of the wrong size */
    LOG_PART_SUPERBLOCK,     /* slot */
    LOG_PART_SEGMENT_HEADER, /* bytes 0..4095 of a segment */
    LOG_PART_BLOCK_HEADER,
    LOG_PART_ENTRY,   /* header and body */
    LOG_PART_PADDING, /* zeros between the last entry of a block and the next multiple of 4096 */
    LOG_PART_TAIL,    /* zeros after the last block of a segment */
    LOG_PART_LOG,     /* the log as a whole: it ends before what the superblock knows */
};
const char *log_part_name(enum log_part part); /* "block header" */

struct log_verify_failure {
    enum log_part part;
    char file[32];    /* name inside the log directory */
    uint64_t offset;  /* of the part's first byte in that file */
    uint64_t op;      /* block; 0 where none */
    uint32_t index;   /* entry in the block */
    bool entry_known; /* the three below are valid */
    uint32_t tenant;
    uint64_t sequence;
    uint64_t position; /* before the entry */
    unsigned slot;     /* of the superblock */
    char reason[160];
};

struct log_verify_progress {
    uint64_t bytes_done;
    uint64_t bytes_total;
    uint64_t op;
};

/* One entry that was checked, handed out so that the caller can go on (Merkle tree, stored checkpoints, events). */
struct log_verify_options {
    bool live;      /* another process may be writing: the walk ends quietly at the live tail */
    bool hash_only; /* bodies are hashed and no more: `entry` gets no bytes (header, stored, plain); it is faster */
    const struct log_keys *keys;                                                 /* NULL: bodies are not opened */
    bool (*progress)(void *context, const struct log_verify_progress *progress); /* false: KMB_CANCELLED. May be NULL */
    enum kmb_status (*entry)(void *context, const struct log_reader_entry *entry, struct slice plain,
                             struct kmb_error *error); /* may be NULL; plain is empty without keys */
    void *context;
};

struct log_verify_report {
    struct log_identity identity;
    uint64_t segments;
    uint64_t blocks;
    uint64_t entries;
    uint64_t entries_opened;
    uint64_t entries_without_key; /* sealed, and no key was given or known */
    uint64_t tenants;
    uint64_t bytes;
    struct log_place last;             /* newest block */
    bool closed;                       /* closed: no byte after the last block is excused */
    bool tail_torn;                    /* not closed, and after the last block stands what opening will cut */
    struct log_verify_failure failure; /* part LOG_PART_NONE: whole */
};

/*
 * KMB_OK: whole. KMB_CORRUPT or KMB_ROLLED_BACK: report->failure names the first failure, and so does the error's
 * message. Other statuses (KMB_IO, KMB_CANCELLED, KMB_NO_MEMORY, KMB_NOT_A_DATABASE): could not be carried out.
 */
enum kmb_status log_verify(const struct io *io, const char *dir, const struct log_verify_options *options,
                           struct log_verify_report *report, struct kmb_error *error);

#endif
