/*
 * Reading a log: blocks in order from any op, their entries one after the other, and single entries by place.
 *
 * A reader has its own file handles and buffer, works beside the writer (it is told how far to read), and needs no
 * struct log. One thread at a time; any number of readers.
 */
#ifndef KMB_LOG_READER_H
#define KMB_LOG_READER_H

#include "log/log.h"

struct log_reader;

struct log_reader_options {
    uint64_t op_first;           /* 0 or 1: from the beginning */
    uint64_t op_last;            /* the newest op to read: log_head().op, or the newest published one */
    bool trust_hashes;           /* skip SHA-256 of bodies (CRCs, chain and seals are still checked) */
    const struct log_keys *keys; /* NULL: bodies stay sealed, log_reader_plain() answers KMB_NO_KEY for sealed ones */
};

enum kmb_status log_reader_open(const struct io *io, const char *dir, const struct log_identity *identity,
                                const struct log_reader_options *options, struct log_reader **reader,
                                struct kmb_error *error);
void log_reader_close(struct log_reader *reader);

/* Where an entry stands. (op, index) is the same on every replica; segment and offset are this copy's. */
struct log_entry_place {
    uint64_t op;
    uint32_t index; /* in its block, from 0 */
    uint64_t segment;
    uint64_t offset; /* of the entry header in the segment file */
};

struct log_reader_entry {
    struct log_entry entry;
    const uint8_t *header; /* LOG_ENTRY_HEADER_SIZE bytes; valid until the next call */
    struct slice stored;   /* the stored body; valid until the next call */
    struct log_entry_place place;
    struct hash256 hash;
};

/*
 * The next block's header: KMB_OK, or KMB_DONE after op_last. Entries of the block before that were not read are passed
 * over. KMB_CORRUPT names segment, op, entry and what failed.
 */
enum kmb_status log_reader_block(struct log_reader *reader, struct log_block_header *header, struct log_place *place,
                                 struct kmb_error *error);
/* The next entry of that block: KMB_OK, or KMB_DONE. */
enum kmb_status log_reader_entry(struct log_reader *reader, struct log_reader_entry *entry, struct kmb_error *error);
/* The plain body of the entry read last; borrows the reader's memory until the next call. */
enum kmb_status log_reader_plain(struct log_reader *reader, struct slice *plain, struct kmb_error *error);

/* Goes to the entry (op, index), as if log_reader_block and log_reader_entry had just given it. Checks its hash. */
enum kmb_status log_reader_seek(struct log_reader *reader, uint64_t op, uint32_t index, struct log_reader_entry *entry,
                                struct kmb_error *error);

/*
 * Calls `each` with every entry of ops first..last in log order, opened. An answer other than KMB_OK ends the replay
 * and is handed through. This is how state is evolved after a restart and how a projection is rebuilt.
 */
struct log_replay {
    uint64_t op_first;
    uint64_t op_last;
    bool trust_hashes;
    const struct log_keys *keys;
    enum kmb_status (*each)(void *context, const struct log_reader_entry *entry, struct slice plain,
                            struct kmb_error *error);
    /* Optional: after the last entry of each block. */
    enum kmb_status (*block)(void *context, const struct log_block_header *header, const struct log_place *place,
                             struct kmb_error *error);
    void *context;
};
enum kmb_status log_replay_run(const struct io *io, const char *dir, const struct log_identity *identity,
                               const struct log_replay *replay, struct kmb_error *error);

#endif
