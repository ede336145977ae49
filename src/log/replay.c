/*
 * Replaying: every entry of a range of ops, opened, in log order. State after a restart and a projection that is
 * rebuilt both come from here, so the path is the straight one: one window, one buffer for the plain body, one call per
 * entry.
 */
#include "base/assert.h"
#include "log/private.h"

static enum kmb_status replay_block(struct log_reader *reader, const struct log_replay *replay,
                                    struct kmb_error *error) {
    for (;;) {
        struct log_reader_entry entry;
        struct slice plain;
        enum kmb_status status = log_reader_entry(reader, &entry, error);
        if (status == KMB_DONE) {
            return KMB_OK;
        }
        if (status == KMB_OK) {
            status = log_reader_plain(reader, &plain, error);
        }
        if (status == KMB_OK) {
            status = replay->each(replay->context, &entry, plain, error);
        }
        if (status != KMB_OK) {
            return status;
        }
    }
}

enum kmb_status log_replay_run(const struct io *io, const char *dir, const struct log_identity *identity,
                               const struct log_replay *replay, struct kmb_error *error) {
    ASSERT(replay->each != NULL);
    const struct log_reader_options options = {
        .op_first = replay->op_first,
        .op_last = replay->op_last,
        .trust_hashes = replay->trust_hashes,
        .keys = replay->keys,
    };
    struct log_reader *reader = NULL;
    enum kmb_status status = log_reader_open(io, dir, identity, &options, &reader, error);
    while (status == KMB_OK) {
        struct log_block_header header;
        struct log_place place;
        status = log_reader_block(reader, &header, &place, error);
        if (status == KMB_OK) {
            status = replay_block(reader, replay, error);
        }
        if (status == KMB_OK && replay->block != NULL) {
            status = replay->block(replay->context, &header, &place, error);
        }
    }
    log_reader_close(reader);
    return status == KMB_DONE ? KMB_OK : status;
}
