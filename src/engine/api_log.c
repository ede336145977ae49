/*
 * Looking at the log of a directory, beside its owner: entries in order, and, with the key, what events they carry.
 */
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/memory.h"
#include "engine/api_internal.h"
#include "engine/entries.h"
#include "engine/shard_internal.h"
#include "log/reader.h"

struct show {
    struct shard_options shard;
    char data_path[SHARD_PATH_MAX];
    char log_path[SHARD_PATH_MAX];
    char key_path[SHARD_PATH_MAX];
    struct log *log;
    struct keystore *keys;
    struct log_keys log_keys;
    struct log_reader *reader;
    struct arena arena;
    struct buffer events;
};

static enum kmb_status list_events(struct show *show, const struct log_reader_entry *entry, struct kmb_error *error) {
    struct slice plain;
    buffer_clear(&show->events);
    if (show->keys == NULL && (entry->entry.flags & LOG_ENTRY_SEALED) != 0) {
        return KMB_OK;
    }
    enum kmb_status status = log_reader_plain(show->reader, &plain, error);
    return status == KMB_OK ? entries_describe(&show->events, plain, &show->arena, error) : status;
}

static enum kmb_status show_entry(struct show *show, const struct log_reader_entry *entry,
                                  enum kmb_status (*each)(void *context, const struct kmb_log_entry *entry),
                                  void *context, struct kmb_error *error) {
    char hash[65], previous[65], segment[32];
    enum kmb_status status = list_events(show, entry, error);
    if (status != KMB_OK) {
        return status;
    }
    codec_hex(hash, entry->hash.bytes, sizeof(entry->hash.bytes));
    codec_hex(previous, entry->entry.previous.bytes, sizeof(entry->entry.previous.bytes));
    snprintf(segment, sizeof(segment), "%016llx.seg", (unsigned long long)entry->place.segment);
    const char *events = buffer_text(&show->events);
    if (events == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    struct kmb_log_entry out = {
        .size = sizeof(out),
        .op = entry->place.op,
        .tenant = entry->entry.tenant,
        .sequence = entry->entry.sequence,
        .position_before = entry->entry.position_before,
        .position_after = entry->entry.position_after,
        .time_us = entry->entry.commit_time_us,
        .stored_bytes = entry->entry.body_length,
        .encrypted = (entry->entry.flags & LOG_ENTRY_SEALED) != 0,
        .hash = hash,
        .previous_hash = previous,
        .segment = segment,
        .events = events,
    };
    return each(context, &out);
}

static enum kmb_status open_all(struct show *show, const char *path, const char *key_file, uint64_t from,
                                struct kmb_error *error) {
    struct log_options log_options = {.read_only = true, .live = true};
    snprintf(show->data_path, sizeof(show->data_path), "%s", path);
    if (snprintf(show->log_path, sizeof(show->log_path), "%s/" SHARD_LOG_DIRECTORY, path) >= SHARD_PATH_MAX ||
        snprintf(show->key_path, sizeof(show->key_path), "%s%s", key_file == NULL ? path : key_file,
                 key_file == NULL ? ".key" : "") >= SHARD_PATH_MAX) {
        return error_set(error, KMB_USAGE, "path is longer than %d bytes", SHARD_PATH_MAX - 1);
    }
    enum kmb_status status = log_open(&show->shard.io, show->log_path, &log_options, NULL, &show->log, error);
    if (status != KMB_OK) {
        return status;
    }
    struct keystore_options keys = {.io = &show->shard.io,
                                    .environment = &show->shard.environment,
                                    .directory = show->data_path,
                                    .root_key_path = show->key_path,
                                    .read_only = true};
    memcpy(keys.log_uuid, log_identity_of(show->log)->uuid, sizeof(keys.log_uuid));
    status = keystore_open(&keys, &show->keys, NULL, error);
    if (status == KMB_NO_KEY) {
        error_clear(error);
    } else if (status != KMB_OK) {
        return status;
    }
    struct log_reader_options options = {.op_first = from, .op_last = log_head(show->log).op};
    if (show->keys != NULL) {
        show->log_keys = keystore_log_keys(show->keys);
        options.keys = &show->log_keys;
    }
    return log_reader_open(&show->shard.io, show->log_path, log_identity_of(show->log), &options, &show->reader, error);
}

static enum kmb_status walk(struct show *show, uint32_t tenant,
                            enum kmb_status (*each)(void *context, const struct kmb_log_entry *entry), void *context,
                            struct kmb_error *error) {
    struct log_block_header header;
    struct log_place place;
    struct log_reader_entry entry;
    enum kmb_status status;
    while ((status = log_reader_block(show->reader, &header, &place, error)) == KMB_OK) {
        while ((status = log_reader_entry(show->reader, &entry, error)) == KMB_OK) {
            if (tenant == 0 || entry.entry.tenant == tenant) {
                status = show_entry(show, &entry, each, context, error);
                if (status != KMB_OK) {
                    return status;
                }
            }
        }
        if (status != KMB_DONE) {
            return status;
        }
    }
    return status == KMB_DONE ? KMB_OK : status;
}

enum kmb_status kmb_log_show(const char *path, const char *key_file, uint32_t tenant, uint64_t from,
                             enum kmb_status (*each)(void *context, const struct kmb_log_entry *entry), void *context,
                             struct kmb_error *error) {
    if (each == NULL) {
        return api_absent("function to call", error);
    }
    struct kmb_error local = {0};
    error = error == NULL ? &local : error;
    struct show *show = mem_alloc_zero(1, sizeof(*show));
    if (show == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    arena_init(&show->arena, 0);
    enum kmb_status status = api_shard_options(path, NULL, &show->shard, error);
    if (status == KMB_OK) {
        status = open_all(show, path, key_file, from, error);
    }
    if (status == KMB_OK) {
        status = walk(show, tenant, each, context, error);
    }
    log_reader_close(show->reader);
    keystore_close(show->keys);
    if (show->log != NULL) {
        log_abandon(show->log);
    }
    buffer_free(&show->events);
    arena_free(&show->arena);
    mem_free(show);
    return status;
}
