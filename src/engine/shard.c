/*
 * Opening, creating and closing a shard.
 *
 * A data directory holds LOCK, log/ (segments and superblock), keys.kks with its copy, and store.kst. The order of
 * creation makes every crash in it harmless: the log's superblock is the last file of the log to appear, so without it
 * there is no database; with it and without keys there can be no entry yet, and opening with `create` goes on from
 * there. The store is never needed: absent or damaged, it is made anew from the log.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"
#include "engine/shard_internal.h"
#include "engine/spill.h"
#include "sql/statistics.h"
#include "sql/usage.h"
#include "engine/locks.h"
#include "engine/notify.h"

struct slice shard_root_record_encode(const struct shard_root_record *record, uint8_t bytes[SHARD_ROOT_RECORD_SIZE]) {
    memcpy(bytes, record->reference.bytes, STORE_REFERENCE_MAX);
    codec_put_u64(bytes + STORE_REFERENCE_MAX, record->op);
    codec_put_u64(bytes + STORE_REFERENCE_MAX + 8, record->keystore_generation);
    return slice_make(bytes, SHARD_ROOT_RECORD_SIZE);
}

bool shard_root_record_decode(struct slice bytes, struct shard_root_record *record) {
    if (bytes.length != SHARD_ROOT_RECORD_SIZE) {
        return false;
    }
    memcpy(record->reference.bytes, bytes.bytes, STORE_REFERENCE_MAX);
    record->op = codec_get_u64(bytes.bytes + STORE_REFERENCE_MAX);
    record->keystore_generation = codec_get_u64(bytes.bytes + STORE_REFERENCE_MAX + 8);
    return true;
}

/* --- small facts -------------------------------------------------------------------------------------------------- */

const struct shard_recovery *shard_recovery_of(const struct shard *shard) {
    return &shard->recovery;
}
struct keystore *shard_keystore(struct shard *shard) {
    return shard->keys;
}
const struct log_identity *shard_identity(const struct shard *shard) {
    return log_identity_of(shard->log);
}
const struct environment *shard_environment(const struct shard *shard) {
    return &shard->environment;
}
const struct io *shard_io(const struct shard *shard) {
    return &shard->io;
}
const char *shard_path(const struct shard *shard) {
    return shard->path;
}
const char *shard_key_path(const struct shard *shard) {
    return shard->key_path;
}
struct store *shard_store(struct shard *shard) {
    return shard->store;
}
bool shard_is_read_only(const struct shard *shard) {
    return shard->read_only;
}
bool shard_is_encrypted(const struct shard *shard) {
    return keystore_encrypted(shard->keys);
}

struct size_walk {
    struct shard *shard;
    uint64_t bytes;
};

static enum kmb_status add_size(void *context, const char *name, bool directory) {
    struct size_walk *walk = context;
    char path[SHARD_PATH_MAX + 300];
    struct io_file *file = NULL;
    uint64_t size = 0;
    snprintf(path, sizeof(path), "%s/%.255s", walk->shard->log_path, name);
    if (directory || io_open(&walk->shard->io, path, IO_READ, &file, NULL) != KMB_OK) {
        return KMB_OK; /* gone meanwhile */
    }
    if (io_size(&walk->shard->io, file, &size, NULL) == KMB_OK) {
        walk->bytes += size;
    }
    io_close(&walk->shard->io, file);
    return KMB_OK;
}

enum kmb_status shard_log_bytes(struct shard *shard, uint64_t *bytes, struct kmb_error *error) {
    struct size_walk walk = {.shard = shard};
    enum kmb_status status = io_list(&shard->io, shard->log_path, add_size, &walk, error);
    *bytes = walk.bytes;
    return status;
}

static enum kmb_status page_key(void *context, uint32_t tenant, struct aead_key **key, struct kmb_error *error) {
    struct shard *shard = context;
    return keystore_key(shard->keys, tenant, KEYSTORE_PROJECTION, 0, key, error);
}

static enum kmb_status set_path(char path[SHARD_PATH_MAX], struct kmb_error *error, const char *directory,
                                const char *suffix) {
    int length = snprintf(path, SHARD_PATH_MAX, "%s%s", directory, suffix);
    if (length < 0 || length >= SHARD_PATH_MAX) {
        return error_set(error, KMB_USAGE, "path is longer than %d bytes: %.64s...", SHARD_PATH_MAX - 1, directory);
    }
    return KMB_OK;
}

static enum kmb_status set_paths(struct shard *shard, const struct shard_options *options, struct kmb_error *error) {
    char trimmed[SHARD_PATH_MAX];
    enum kmb_status status = set_path(trimmed, error, options->path, "");
    if (status != KMB_OK) {
        return status;
    }
    size_t length = strlen(trimmed);
    if (length == 0) {
        return error_set(error, KMB_USAGE, "the path of the database is empty");
    }
    while (length > 1 && trimmed[length - 1] == '/') {
        trimmed[--length] = 0;
    }
    status = set_path(shard->path, error, trimmed, "");
    if (status == KMB_OK) {
        status = set_path(shard->log_path, error, trimmed, "/" SHARD_LOG_DIRECTORY);
    }
    if (status == KMB_OK) {
        status = set_path(shard->store_path, error, trimmed, "/" SHARD_STORE_FILE);
    }
    if (status == KMB_OK) {
        status = options->key_path != NULL ? set_path(shard->key_path, error, options->key_path, "")
                                           : set_path(shard->key_path, error, trimmed, ".key");
    }
    return status;
}

/* --- finding out what is there ------------------------------------------------------------------------------------ */

static enum kmb_status note_entry(void *context, const char *name, bool directory) {
    (void)directory;
    static const char *const ours[] = {SHARD_LOCK_FILE, SHARD_LOG_DIRECTORY, SHARD_STORE_FILE, KEYSTORE_FILE,
                                       KEYSTORE_COPY};
    bool known = false;
    for (size_t i = 0; i < ARRAY_LENGTH(ours); i++) {
        size_t length = strlen(ours[i]);
        known =
            known || (strncmp(name, ours[i], length) == 0 && (name[length] == 0 || strcmp(name + length, ".tmp") == 0));
    }
    if (!known) {
        char *foreign = context;
        snprintf(foreign, 256, "%.255s", name);
        return KMB_DONE;
    }
    return KMB_OK;
}

struct segments_seen {
    unsigned count;
    char first[64];
};

static enum kmb_status note_segment(void *context, const char *name, bool directory) {
    struct segments_seen *seen = context;
    size_t length = strlen(name);
    if (!directory && length > 4 && strcmp(name + length - 4, ".seg") == 0 && seen->count++ == 0) {
        snprintf(seen->first, sizeof(seen->first), "%.63s", name);
    }
    return KMB_OK;
}

/* *lost: the log directory has blocks and no superblock. A first segment alone without a first block is what a creation
 * leaves that did not come to its end: it holds nothing. */
static enum kmb_status look_for_blocks(struct shard *shard, bool *lost, struct kmb_error *error) {
    struct segments_seen seen = {0};
    char path[SHARD_PATH_MAX + 80];
    uint8_t block[LOG_BLOCK_HEADER_SIZE];
    size_t count = 0;
    struct io_file *file = NULL;
    enum kmb_status status = io_list(&shard->io, shard->log_path, note_segment, &seen, error);
    *lost = seen.count != 0;
    if (status != KMB_OK || seen.count != 1 || strcmp(seen.first, "0000000000000001.seg") != 0) {
        return status;
    }
    snprintf(path, sizeof(path), "%s/%s", shard->log_path, seen.first);
    status = io_open(&shard->io, path, IO_READ, &file, error);
    if (status == KMB_OK) {
        status = io_read(&shard->io, file, LOG_BLOCK_ALIGN, block, sizeof(block), &count, error);
        io_close(&shard->io, file);
    }
    *lost = false;
    for (size_t i = 0; i < count; i++) {
        *lost = *lost || block[i] != 0;
    }
    return status;
}

/* Keys and store are made when the log is there, durably: where one of them stands without it, the log was lost, and a
 * new one beside them could never be opened. */
static enum kmb_status refuse_remains(struct shard *shard, struct kmb_error *error) {
    static const char *const later[] = {KEYSTORE_FILE, KEYSTORE_COPY, SHARD_STORE_FILE};
    for (size_t i = 0; i < ARRAY_LENGTH(later); i++) {
        char path[SHARD_PATH_MAX + 16];
        bool there = false;
        snprintf(path, sizeof(path), "%s/%s", shard->path, later[i]);
        enum kmb_status status = io_exists(&shard->io, path, &there, error);
        if (status != KMB_OK) {
            return status;
        }
        if (there) {
            error_set(error, KMB_CORRUPT,
                      "the log of the database \"%s\" is lost: %s is there, and log/superblock is not", shard->path,
                      later[i]);
            error_hint(error,
                       "Put log/ back from a copy of the directory, or restore a backup. A new database needs an "
                       "empty directory.");
            return KMB_CORRUPT;
        }
    }
    return KMB_OK;
}

/* *present: there is a database. Without one: KMB_OK when a new one may be made here. */
static enum kmb_status look(struct shard *shard, bool create, bool *present, struct kmb_error *error) {
    char superblock[SHARD_PATH_MAX + 16];
    bool directory = false;
    snprintf(superblock, sizeof(superblock), "%s/superblock", shard->log_path);
    enum kmb_status status = io_exists(&shard->io, superblock, present, error);
    if (status != KMB_OK || *present) {
        return status;
    }
    status = io_exists(&shard->io, shard->path, &directory, error);
    if (status != KMB_OK) {
        return status;
    }
    bool segments = false;
    bool log_directory = false;
    if (directory) {
        status = io_exists(&shard->io, shard->log_path, &log_directory, error);
    }
    if (status == KMB_OK && log_directory) {
        status = look_for_blocks(shard, &segments, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (segments && !create) { /* creating goes on from a segment without blocks and refuses any other: log_create() */
        error_set(error, KMB_CORRUPT, "\"%s\" holds log segments but no superblock", shard->log_path);
        error_hint(error, "The superblock was lost. Put it back from a copy of the directory.");
        return KMB_CORRUPT;
    }
    char foreign[256] = "";
    if (directory && !segments) {
        status = refuse_remains(shard, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    if (directory) {
        status = io_list(&shard->io, shard->path, note_entry, foreign, error);
        if (status != KMB_OK && status != KMB_DONE) {
            return status;
        }
    }
    if (!create) {
        error_set(error, KMB_NOT_A_DATABASE, "\"%s\" is not a Kimberlite database: %s", shard->path,
                  directory ? "it has no log/superblock" : "there is no such directory");
        error_hint(error, "\"kimberlite init\" makes one.");
        return KMB_NOT_A_DATABASE;
    }
    if (foreign[0] != 0) {
        error_set(error, KMB_NOT_A_DATABASE, "\"%s\" is not empty and not ours: it holds \"%s\"", shard->path, foreign);
        error_hint(error, "Choose an empty or new directory.");
        return KMB_NOT_A_DATABASE;
    }
    return KMB_OK;
}

static enum kmb_status make_directories(struct shard *shard, struct kmb_error *error) {
    char parent[SHARD_PATH_MAX];
    snprintf(parent, sizeof(parent), "%s", shard->path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        snprintf(parent, sizeof(parent), ".");
    } else if (slash == parent) {
        parent[1] = 0;
    } else {
        *slash = 0;
    }
    enum kmb_status status = io_make_directory(&shard->io, shard->path, error);
    if (status == KMB_OK) {
        status = io_sync_directory(&shard->io, parent, error);
    }
    return status;
}

static enum kmb_status take_lock(struct shard *shard, const char *command, struct kmb_error *error) {
    char path[SHARD_PATH_MAX + 8];
    char note[512];
    snprintf(path, sizeof(path), "%s/" SHARD_LOCK_FILE, shard->path);
    snprintf(note, sizeof(note), "pid %ld, %s", (long)getpid(), command == NULL ? "unknown command" : command);
    enum kmb_status status = io_open(&shard->io, path, IO_WRITE | IO_CREATE, &shard->lock_file, error);
    if (status == KMB_OK) {
        status = io_lock(&shard->io, shard->lock_file, note, error);
    }
    return status;
}

static enum kmb_status create_log(struct shard *shard, const struct shard_options *options, struct kmb_error *error) {
    struct log_params params = {.segment_bytes = options->segment_bytes};
    if (options->uuid != NULL) {
        memcpy(params.identity.uuid, options->uuid, sizeof(params.identity.uuid));
    } else if (!shard->environment.random(shard->environment.context, params.identity.uuid,
                                          sizeof(params.identity.uuid))) {
        return error_set(error, KMB_IO, "the machine gives no random bytes");
    } else {
        params.identity.uuid[6] = (uint8_t)(0x40u | (params.identity.uuid[6] & 0x0fu)); /* RFC 9562 version 4 */
        params.identity.uuid[8] = (uint8_t)(0x80u | (params.identity.uuid[8] & 0x3fu));
    }
    uint8_t bytes[SHARD_ROOT_RECORD_SIZE];
    struct shard_root_record none = {0};
    shard->recovery.created = true;
    return log_create(&shard->io, shard->log_path, &params, shard_root_record_encode(&none, bytes), &shard->environment,
                      error);
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static enum kmb_status open_keys(struct shard *shard, const struct shard_options *options, uint64_t generation,
                                 struct kmb_error *error) {
    struct keystore_options keys = {
        .io = &shard->io,
        .environment = &shard->environment,
        .directory = shard->path,
        .root_key_path = shard->key_path,
        .passphrase = options->passphrase,
        .encryption = !options->no_encryption,
        .read_only = shard->read_only,
        .generation_min = generation,
    };
    memcpy(keys.log_uuid, log_identity_of(shard->log)->uuid, sizeof(keys.log_uuid));
    if (options->key_path == NULL && options->key_directory != NULL) {
        char hex[33];
        codec_hex(hex, keys.log_uuid, sizeof(keys.log_uuid));
        int length = snprintf(shard->key_path, SHARD_PATH_MAX, "%s/%.8s-%.4s-%.4s-%.4s-%.12s.key",
                              options->key_directory, hex, hex + 8, hex + 12, hex + 16, hex + 20);
        if (length < 0 || length >= SHARD_PATH_MAX) {
            return error_set(error, KMB_USAGE, "path of the key directory is longer than %d bytes",
                             SHARD_PATH_MAX - 50);
        }
    }
    enum kmb_status status = keystore_open(&keys, &shard->keys, &shard->recovery.keys, error);
    if (status == KMB_FILE_NOT_FOUND && log_head(shard->log).op == 0 && options->create) {
        error_clear(error);
        status = keystore_create(&keys, &shard->keys, error);
    }
    if (status == KMB_OK && shard->recovery.keys.message[0] != 0) {
        logger_write(&shard->logger, LOG_WARNING, "keystore.copy", "message", shard->recovery.keys.message, NULL);
    }
    return status;
}

/* --- the store ---------------------------------------------------------------------------------------------------- */

static void note_rebuild(struct shard *shard, bool asked, const char *why) {
    shard->recovery.store_rebuilt = true;
    snprintf(shard->recovery.store_message, sizeof(shard->recovery.store_message), "%.255s", why);
    if (!shard->recovery.created) {
        logger_write(&shard->logger, asked ? LOG_INFO : LOG_WARNING, "store.rebuild", "reason", why, NULL);
    }
}

static enum kmb_status open_store_at(struct shard *shard, const struct shard_options *options,
                                     const struct store_reference *reference, struct store_root **root,
                                     struct kmb_error *error) {
    struct store_options store = {
        .cache_bytes_max = options->cache_bytes,
        .read_only = shard->read_only,
        .page_key = keystore_encrypted(shard->keys) ? page_key : NULL,
        .page_key_context = shard,
        .environment = shard->environment,
    };
    memcpy(store.uuid, log_identity_of(shard->log)->uuid, sizeof(store.uuid));
    shard->store_io = shard->io;
    if (shard->read_only && reference == NULL) { /* a reader makes its own projection, in memory */
        io_memory_free(shard->store_memory);
        shard->store_memory = io_memory_new(0);
        if (shard->store_memory == NULL) {
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        shard->store_io = io_memory_table(shard->store_memory);
        store.read_only = false;
        snprintf(shard->store_path, sizeof(shard->store_path), "/" SHARD_STORE_FILE);
    }
    return store_open(&shard->store_io, shard->store_path, &store, reference, &shard->store, root, error);
}

/* Opens the store at the newest root that opens, or empty, and evolves what the log has beyond it. */
static enum kmb_status open_state(struct shard *shard, const struct shard_options *options, struct kmb_error *error) {
    struct log_slot slots[LOG_SLOTS];
    struct shard_root_record record = {0};
    unsigned count = log_slots(shard->log, slots);
    struct store_root *root = NULL;
    enum kmb_status status = KMB_PROJECTION_DAMAGED;
    bool usable = count != 0 && shard_root_record_decode(slice_make(slots[0].root, slots[0].root_length), &record) &&
                  !store_reference_is_zero(&record.reference) && record.op <= log_head(shard->log).op;
    if (usable && !options->rebuild) {
        status = open_store_at(shard, options, &record.reference, &root, error);
        if (status == KMB_OK) {
            shard->checkpoint_op = record.op;
            status = shard_replay(shard, root, record.op, error);
            if (status == KMB_OK || (status != KMB_PROJECTION_DAMAGED && status != KMB_CORRUPT)) {
                return status;
            }
            store_close(shard->store);
            shard->store = NULL;
        }
        if (status != KMB_PROJECTION_DAMAGED && status != KMB_CORRUPT && status != KMB_FILE_NOT_FOUND) {
            return status;
        }
    }
    note_rebuild(shard, options->rebuild,
                 options->rebuild          ? "asked for"
                 : usable && error != NULL ? error->message
                                           : "no checkpoint");
    error_clear(error);
    shard->checkpoint_op = 0;
    status = open_store_at(shard, options, NULL, &root, error);
    if (status == KMB_OK) {
        status = shard_replay(shard, root, 0, error);
    }
    return status;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static enum kmb_status open_log(struct shard *shard, struct kmb_error *error) {
    struct log_options options = {.read_only = shard->read_only,
                                  .live = shard->read_only,
                                  .environment = &shard->environment,
                                  .logger = &shard->logger};
    enum kmb_status status = log_open(&shard->io, shard->log_path, &options, &shard->recovery.log, &shard->log, error);
    if (status == KMB_OK && shard->recovery.log.tail_cut) {
        char op[32], bytes[32];
        snprintf(op, sizeof(op), "%llu", (unsigned long long)shard->recovery.log.tail_op);
        snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)shard->recovery.log.tail_bytes);
        logger_write(&shard->logger, LOG_WARNING, "log.tail.cut", "op", op, "bytes", bytes, "reason",
                     shard->recovery.log.tail_reason, NULL);
    }
    return status;
}

static enum kmb_status init_blocks(struct shard *shard, struct kmb_error *error) {
    for (unsigned i = 0; i < 2; i++) {
        enum kmb_status status = log_block_init(&shard->blocks[i].block, log_identity_of(shard->log), error);
        if (status != KMB_OK) {
            return status;
        }
    }
    shard->op_open = log_head(shard->log).op + 1;
    log_block_begin(&shard->blocks[shard->open].block, shard->op_open, 0);
    shard->published_op = shard->op_open - 1;
    shard->sealed = true;
    return KMB_OK;
}

static enum kmb_status newest_keystore_generation(struct shard *shard, uint64_t *generation) {
    struct log_slot slots[LOG_SLOTS];
    struct shard_root_record record = {0};
    unsigned count = log_slots(shard->log, slots);
    *generation = 0;
    if (count != 0 && shard_root_record_decode(slice_make(slots[0].root, slots[0].root_length), &record)) {
        *generation = record.keystore_generation;
    }
    return KMB_OK;
}

static enum kmb_status open_parts(struct shard *shard, const struct shard_options *options, struct kmb_error *error) {
    bool present = false;
    uint64_t generation = 0;
    enum kmb_status status = set_paths(shard, options, error);
    if (status == KMB_OK) {
        status = look(shard, options->create && !options->read_only, &present, error);
    }
    if (status == KMB_OK && !present) {
        status = make_directories(shard, error);
    }
    if (status == KMB_OK && !options->read_only) {
        status = take_lock(shard, options->command, error);
    }
    if (status == KMB_OK && present && !options->read_only) {
        status = spill_files_remove(&shard->io, shard->path, error);
    }
    if (status == KMB_OK && !present) {
        status = look(shard, true, &present, error); /* another process may have made it before we had the lock */
        if (status == KMB_OK && !present) {
            status = create_log(shard, options, error);
        }
    }
    if (status == KMB_OK) {
        status = open_log(shard, error);
    }
    if (status == KMB_OK) {
        status = newest_keystore_generation(shard, &generation);
    }
    if (status == KMB_OK) {
        status = open_keys(shard, options, generation, error);
    }
    if (status == KMB_OK && !keystore_tenant_exists(shard->keys, 0)) {
        status = keystore_tenant_create(shard->keys, 0, error);
    }
    if (status == KMB_OK) {
        status = init_blocks(shard, error);
    }
    if (status == KMB_OK) {
        status = open_state(shard, options, error);
    }
    return status;
}

static void free_parts(struct shard *shard) {
    const struct map_entry *entry;
    sql_statistics_free(shard->statistics);
    sql_usage_free(shard->usage);
    locks_free(shard->locks);
    notify_free(shard->notify);
    for (size_t at = 0; (entry = map_next(&shard->tenants, &at)) != NULL;) {
        struct shard_tenant *slot = entry->value;
        kernel_state_release(slot->head);
        kernel_state_release(slot->published);
        mem_free(slot);
    }
    map_free(&shard->tenants);
    map_free(&shard->names);
    for (size_t at = 0; (entry = map_next(&shard->row_id_next, &at)) != NULL;) {
        mem_free(entry->value);
    }
    map_free(&shard->row_id_next);
    for (size_t at = 0; (entry = map_next(&shard->sequences, &at)) != NULL;) {
        mem_free(entry->value);
    }
    map_free(&shard->sequences);
    for (unsigned i = 0; i < 2; i++) {
        for (size_t k = 0; k < shard->blocks[i].state_count; k++) {
            kernel_state_release(shard->blocks[i].states[k]);
        }
        mem_free(shard->blocks[i].states);
        log_block_free(&shard->blocks[i].block);
    }
    store_root_release(shard->head);
    store_root_release(shard->published);
    store_close(shard->store);
    io_memory_free(shard->store_memory);
    if (shard->log != NULL) {
        log_abandon(shard->log);
    }
    keystore_close(shard->keys);
    io_close(&shard->io, shard->lock_file);
    pthread_mutex_destroy(&shard->watch);
    pthread_mutex_destroy(&shard->creation);
    pthread_mutex_destroy(&shard->names_lock);
    pthread_mutex_destroy(&shard->turn);
    pthread_mutex_destroy(&shard->row_id_lock);
    pthread_mutex_destroy(&shard->commit);
    pthread_mutex_destroy(&shard->checkpoint);
    pthread_cond_destroy(&shard->committed);
    pthread_cond_destroy(&shard->handed);
    pthread_cond_destroy(&shard->wake);
    mem_free(shard);
}

/* After the state is known: the clock, the facts of a new shard, the thread. */
static enum kmb_status start(struct shard *shard, const struct shard_options *options, struct kmb_error *error) {
    shard->clock_wall_us = shard_now_us(shard);
    shard->clock_boot_ns = shard->environment.monotonic_ns(shard->environment.context);
    shard->checkpoint_ns = shard->clock_boot_ns;
    shard->committed_ns = shard->clock_boot_ns;
    if (shard->read_only) {
        return KMB_OK;
    }
    enum kmb_status status = shard_check_clock_at_open(shard, error);
    if (status == KMB_OK) {
        status = shard_genesis(shard, error);
    }
    if (status == KMB_OK && options->background) {
        status = shard_thread_start(shard, error);
    }
    return status;
}

enum kmb_status shard_open(const struct shard_options *options, struct shard **out, struct kmb_error *error) {
    struct kmb_error local = {0};
    error = error == NULL ? &local : error;
    *out = NULL;
    struct shard *shard = mem_alloc_zero(1, sizeof(*shard));
    if (shard == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    shard->io = options->io;
    shard->environment = options->environment;
    shard->logger = options->logger;
    shard->read_only = options->read_only;
    shard->accept_clock = options->accept_clock;
    shard->row_ids = (struct kernel_row_ids){.take = shard_take_row_ids,
                                             .sequence_hold = shard_hold_sequence,
                                             .sequence_release = shard_release_sequence,
                                             .context = shard};
    shard->statistics = sql_statistics_new(); /* without memory plans read their own samples */
    shard->usage = sql_usage_new(shard_now_us(shard));
    shard->locks = locks_new();
    shard->notify = notify_new();
    shard->time_last_us = INT64_MIN + 1;
    shard->time_floor_us = INT64_MIN + 1;
    pthread_mutex_init(&shard->turn, NULL);
    pthread_mutex_init(&shard->watch, NULL);
    pthread_mutex_init(&shard->creation, NULL);
    pthread_mutex_init(&shard->names_lock, NULL);
    pthread_mutex_init(&shard->row_id_lock, NULL);
    pthread_mutex_init(&shard->commit, NULL);
    pthread_mutex_init(&shard->checkpoint, NULL);
    pthread_cond_init(&shard->committed, NULL);
    pthread_cond_init(&shard->handed, NULL);
    pthread_cond_init(&shard->wake, NULL);
    enum kmb_status status = open_parts(shard, options, error);
    if (status == KMB_OK) {
        status = start(shard, options, error);
    }
    if (status != KMB_OK) {
        free_parts(shard);
        return status;
    }
    *out = shard;
    return KMB_OK;
}

enum kmb_status shard_close(struct shard *shard, struct kmb_error *error) {
    if (shard == NULL) {
        return KMB_OK;
    }
    shard_thread_stop(shard);
    enum kmb_status status = KMB_OK;
    if (!shard->read_only) {
        status = shard_wait(shard, shard->blocks[shard->open].block.header.count == 0 ? 0 : shard->op_open, error);
        if (status == KMB_OK) {
            status = shard_write_checkpoint(shard, error);
        }
        if (status == KMB_OK) {
            struct log *log = shard->log;
            shard->log = NULL;
            status = log_close(log, error);
        }
    }
    free_parts(shard);
    return status;
}

void shard_abandon(struct shard *shard) {
    if (shard != NULL) {
        shard_thread_stop(shard);
        free_parts(shard);
    }
}
