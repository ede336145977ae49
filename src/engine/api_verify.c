/*
 * Verification: reads everything and trusts nothing.
 *
 * One pass over the log checks every hash and chain (log/verify.h); on the way each tenant's Merkle tree is grown, to
 * be compared with a checkpoint kept outside, and the events are folded into a store of our own in a temporary file, to
 * be compared with the projection on disk: equal state hashes mean that the tables say what the log says. Then every
 * page of the projection is opened. Without the root key bodies stay closed; everything that needs no key is done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/memory.h"
#include "crypto/merkle.h"
#include "engine/api_internal.h"
#include "engine/folder.h"
#include "engine/shard_internal.h"
#include "log/verify.h"

#define CHECKPOINT_FILE_MAX ((size_t)1 << 20)

/* One tenant's tree, and the checkpoint it must agree with. */
struct verify_tenant {
    struct merkle_frontier frontier;
};

struct verify {
    const struct kmb_verify_options *options;
    struct kmb_verify_report *report;
    struct shard_options shard;
    char data_path[SHARD_PATH_MAX];
    char log_path[SHARD_PATH_MAX];
    char key_path[SHARD_PATH_MAX];
    struct io_file *lock;
    bool live;
    enum kmb_status stopped; /* what the caller's progress answered */
    struct keystore *keys;   /* NULL: no root key */
    struct keystore_report keys_report;
    struct keystore_public facts;
    struct log_keys log_keys;

    /* the outside checkpoint */
    struct buffer note;
    struct note_checkpoint checkpoint;
    uint32_t checkpoint_tenant;
    bool checkpoint_given;
    bool checkpoint_seen;
    struct map tenants; /* tenant id -> struct verify_tenant */

    /* the store on disk, and ours */
    bool store_wanted;
    struct shard_root_record record;
    struct store *disk;
    struct store_root *disk_root;
    char scratch[256];
    struct store *ours;
    struct folder folder;
    struct kmb_error store_error; /* the store's first damage: told when the log is whole */
    enum kmb_status store_status;
};

static enum kmb_status page_key(void *context, uint32_t tenant, struct aead_key **key, struct kmb_error *error) {
    struct verify *verify = context;
    return keystore_key(verify->keys, tenant, KEYSTORE_PROJECTION, 0, key, error);
}

/* --- before the pass ---------------------------------------------------------------------------------------------- */

/* Holding the lock keeps an owner from starting meanwhile; not getting it says that one runs. */
static enum kmb_status try_lock(struct verify *verify, struct kmb_error *error) {
    char path[SHARD_PATH_MAX + 8];
    char note[64];
    bool there = false;
    snprintf(path, sizeof(path), "%s/" SHARD_LOCK_FILE, verify->data_path);
    snprintf(note, sizeof(note), "pid %ld, verify", (long)getpid());
    if (io_exists(&verify->shard.io, path, &there, NULL) != KMB_OK || !there ||
        io_open(&verify->shard.io, path, IO_WRITE, &verify->lock, NULL) != KMB_OK) {
        return KMB_OK;
    }
    enum kmb_status status = io_lock(&verify->shard.io, verify->lock, note, NULL);
    verify->live = status == KMB_LOCKED;
    return status == KMB_NO_MEMORY ? error_set(error, status, "out of memory") : KMB_OK;
}

static enum kmb_status open_keys(struct verify *verify, struct kmb_error *error) {
    struct keystore_options keys = {
        .io = &verify->shard.io,
        .environment = &verify->shard.environment,
        .directory = verify->data_path,
        .root_key_path = verify->key_path,
        .passphrase = verify->options->passphrase,
        .read_only = true,
        .generation_min = verify->record.keystore_generation,
    };
    enum kmb_status status = keystore_public_read(&verify->shard.io, verify->data_path, &verify->facts, error);
    if (status != KMB_OK) {
        return status;
    }
    memcpy(keys.log_uuid, verify->facts.log_uuid, sizeof(keys.log_uuid));
    status = keystore_open(&keys, &verify->keys, &verify->keys_report, error);
    if (status == KMB_NO_KEY) {
        error_clear(error);
        return KMB_OK;
    }
    if (status == KMB_OK) {
        verify->log_keys = keystore_log_keys(verify->keys);
    }
    return status;
}

/* "<uuid>/tenant/<n>" -> n. */
static bool origin_tenant(struct slice origin, const uint8_t uuid[16], uint32_t *tenant) {
    const char *mark = "/tenant/";
    char text[NOTE_ORIGIN_SIZE];
    if (origin.length == 0 || origin.length >= sizeof(text)) {
        return false;
    }
    memcpy(text, origin.bytes, origin.length);
    text[origin.length] = 0;
    const char *at = strstr(text, mark);
    char expected[NOTE_ORIGIN_SIZE];
    if (at == NULL) {
        return false;
    }
    *tenant = (uint32_t)strtoul(at + strlen(mark), NULL, 10);
    note_origin(expected, uuid, *tenant);
    return strcmp(expected, text) == 0;
}

/* Opens the checkpoint under any of the log's checkpoint keys. */
static enum kmb_status read_checkpoint(struct verify *verify, struct kmb_error *error) {
    const char *path = verify->options->checkpoint_file;
    if (path == NULL) {
        return KMB_OK;
    }
    enum kmb_status status = io_read_file(&verify->shard.io, path, CHECKPOINT_FILE_MAX, &verify->note, error);
    if (status != KMB_OK) {
        return status;
    }
    struct slice note = buffer_slice(&verify->note);
    const uint8_t *end = note.length == 0 ? NULL : memchr(note.bytes, '\n', note.length);
    struct slice origin = end == NULL ? slice_make(NULL, 0) : slice_make(note.bytes, (size_t)(end - note.bytes));
    if (!origin_tenant(origin, verify->facts.log_uuid, &verify->checkpoint_tenant)) {
        return error_set(error, KMB_PROOF_INVALID, "\"%s\" is not a checkpoint of this log: its first line is \"%.*s\"",
                         path, (int)(origin.length > 80 ? 80 : origin.length), (const char *)origin.bytes);
    }
    status = KMB_PROOF_INVALID;
    for (uint32_t version = verify->facts.checkpoint_count; status != KMB_OK && version > 0; version--) {
        char name[NOTE_ORIGIN_SIZE];
        struct note_verifier verifier;
        note_origin(name, verify->facts.log_uuid, verify->checkpoint_tenant);
        status = note_verifier_make(name, &verify->facts.checkpoint[version - 1], &verifier, error);
        if (status == KMB_OK) {
            status = note_checkpoint_open(note, &verifier, &verify->checkpoint, error);
        }
    }
    if (status != KMB_OK) {
        error_prefix(error, "checkpoint \"%s\"", path);
        return api_proof_status(status, error);
    }
    verify->checkpoint_given = true;
    verify->checkpoint_seen = verify->checkpoint.size == 0;
    return KMB_OK;
}

/* Opens the store on disk at the root of the newest superblock slot, and an empty one of ours beside it. */
static enum kmb_status open_stores(struct verify *verify, struct kmb_error *error) {
    struct log *log = NULL;
    struct log_slot slots[LOG_SLOTS];
    struct log_options options = {.read_only = true, .live = true};
    if (verify->options->log_only || (verify->keys == NULL && verify->facts.encrypted)) {
        return KMB_OK;
    }
    enum kmb_status status = log_open(&verify->shard.io, verify->log_path, &options, NULL, &log, error);
    if (status == KMB_NO_MEMORY) {
        return status;
    }
    if (status != KMB_OK) {
        error_clear(error);
        return KMB_OK; /* the pass will tell better what is wrong with the log */
    }
    unsigned count = log_slots(log, slots);
    bool usable = count != 0 &&
                  shard_root_record_decode(slice_make(slots[0].root, slots[0].root_length), &verify->record) &&
                  !store_reference_is_zero(&verify->record.reference);
    log_abandon(log);
    if (!usable) {
        return KMB_OK;
    }
    struct store_options store = {
        .cache_bytes_max = verify->shard.cache_bytes,
        .read_only = true,
        .page_key = verify->facts.encrypted ? page_key : NULL,
        .page_key_context = verify,
        .environment = verify->shard.environment,
    };
    char path[SHARD_PATH_MAX + 16];
    memcpy(store.uuid, verify->facts.log_uuid, sizeof(store.uuid));
    snprintf(path, sizeof(path), "%s/" SHARD_STORE_FILE, verify->data_path);
    verify->store_status = store_open(&verify->shard.io, path, &store, &verify->record.reference, &verify->disk,
                                      &verify->disk_root, &verify->store_error);
    if (verify->store_status == KMB_NO_MEMORY && error != NULL) {
        *error = verify->store_error;
    }
    if (verify->store_status != KMB_OK) {
        return verify->store_status == KMB_NO_MEMORY ? KMB_NO_MEMORY : KMB_OK;
    }
    const char *base = getenv("TMPDIR");
    struct store_root *root = NULL;
    int length =
        snprintf(verify->scratch, sizeof(verify->scratch), "%s/kimberlite-verify-XXXXXX", base == NULL ? "/tmp" : base);
    if (length < 0 || (size_t)length >= sizeof(verify->scratch) || mkdtemp(verify->scratch) == NULL) {
        verify->scratch[0] = 0;
        return error_set(error, KMB_IO, "cannot make a temporary directory below %s: %s", base == NULL ? "/tmp" : base,
                         strerror(errno));
    }
    store.read_only = false;
    snprintf(path, sizeof(path), "%s/" SHARD_STORE_FILE, verify->scratch);
    status = store_open(&verify->shard.io, path, &store, NULL, &verify->ours, &root, error);
    if (status == KMB_OK) {
        folder_init(&verify->folder, root);
        verify->store_wanted = true;
    }
    return status;
}

/* --- the pass ----------------------------------------------------------------------------------------------------- */

static bool on_progress(void *context, const struct log_verify_progress *progress) {
    struct verify *verify = context;
    if (verify->options->progress != NULL) {
        verify->stopped =
            verify->options->progress(verify->options->context, progress->bytes_done, progress->bytes_total);
    }
    return verify->stopped == KMB_OK;
}

static enum kmb_status grow_tree(struct verify *verify, const struct log_reader_entry *entry, struct kmb_error *error) {
    struct slice key = slice_make(&entry->entry.tenant, sizeof(entry->entry.tenant));
    struct verify_tenant *tenant = map_get(&verify->tenants, key);
    if (tenant == NULL) {
        tenant = mem_alloc_zero(1, sizeof(*tenant));
        if (tenant == NULL || !map_put(&verify->tenants, key, tenant)) {
            mem_free(tenant);
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
    }
    (void)merkle_frontier_append(&tenant->frontier, &entry->hash, NULL);
    if (!verify->checkpoint_given || entry->entry.tenant != verify->checkpoint_tenant ||
        tenant->frontier.size != verify->checkpoint.size) {
        return KMB_OK;
    }
    verify->checkpoint_seen = true;
    struct hash256 root = merkle_frontier_root(&tenant->frontier);
    if (!hash256_equal(&root, &verify->checkpoint.root)) {
        verify->report->failure_tenant = entry->entry.tenant;
        verify->report->failure_entry = entry->entry.sequence;
        verify->report->failure_position = entry->entry.position_after;
        return error_set(error, KMB_ROLLED_BACK,
                         "the first %llu entries of tenant %u are not those the checkpoint \"%s\" was signed for",
                         (unsigned long long)verify->checkpoint.size, entry->entry.tenant,
                         verify->options->checkpoint_file);
    }
    return KMB_OK;
}

static enum kmb_status on_entry(void *context, const struct log_reader_entry *entry, struct slice plain,
                                struct kmb_error *error) {
    struct verify *verify = context;
    enum kmb_status status = grow_tree(verify, entry, error);
    if (status == KMB_OK && verify->store_wanted && entry->place.op <= verify->record.op) {
        status = folder_entry(&verify->folder, entry, plain, error);
    }
    return status;
}

static void fill_failure(struct verify *verify, const struct log_verify_report *log) {
    struct kmb_verify_report *report = verify->report;
    if (log->failure.part != LOG_PART_NONE) {
        snprintf(report->failure_segment, sizeof(report->failure_segment), "%s", log->failure.file);
        report->failure_op = log->failure.op;
        report->failure_entry = log->failure.entry_known ? log->failure.sequence : 0;
        report->failure_tenant = log->failure.entry_known ? log->failure.tenant : 0;
        report->failure_position = log->failure.entry_known ? log->failure.position : 0;
    }
}

/* --- after the pass ----------------------------------------------------------------------------------------------- */

struct compare {
    struct verify *verify;
    struct kmb_error *error;
};

static enum kmb_status compare_tenant(void *context, uint32_t tenant) {
    struct compare *compare = context;
    struct hash256 disk, ours;
    enum kmb_status status =
        store_state_hash(store_view_root(compare->verify->disk_root), tenant, &disk, compare->error);
    if (status == KMB_OK) {
        status = store_state_hash(store_view_root(compare->verify->folder.root), tenant, &ours, compare->error);
    }
    if (status == KMB_OK && !hash256_equal(&disk, &ours)) {
        compare->verify->report->failure_tenant = tenant;
        status = error_set(compare->error, KMB_PROJECTION_DAMAGED,
                           "the store does not say what the log says for tenant %u", tenant);
        error_hint(compare->error, "\"kimberlite rebuild\" makes the store anew from the log.");
    }
    return status;
}

static enum kmb_status check_store(struct verify *verify, struct kmb_error *error) {
    struct compare compare = {.verify = verify, .error = error};
    if (verify->store_status != KMB_OK) {
        if (verify->live) {
            return KMB_OK; /* the owner moves pages under our eyes */
        }
        if (error != NULL) {
            *error = verify->store_error;
        }
        error_hint(error, "The log is whole: \"kimberlite rebuild\" makes the store anew from it.");
        return verify->store_status;
    }
    if (!verify->store_wanted) {
        return KMB_OK;
    }
    enum kmb_status status = folder_flush(&verify->folder, error);
    if (status == KMB_OK) {
        status = store_verify(verify->disk, verify->disk_root, NULL, NULL, &verify->report->pages, error);
    }
    if (status == KMB_OK) {
        status = store_tenants(store_view_root(verify->folder.root), compare_tenant, &compare, error);
    }
    if (status == KMB_OK) {
        status = store_tenants(store_view_root(verify->disk_root), compare_tenant, &compare, error);
    }
    verify->report->store_matches_log = status == KMB_OK;
    if (status != KMB_OK && status != KMB_NO_MEMORY && verify->live) {
        error_clear(error);
        return KMB_OK;
    }
    return status;
}

static enum kmb_status check_rest(struct verify *verify, struct kmb_error *error) {
    if (verify->checkpoint_given && !verify->checkpoint_seen) {
        verify->report->failure_tenant = verify->checkpoint_tenant;
        return error_set(error, KMB_ROLLED_BACK,
                         "the log of tenant %u is shorter than the checkpoint \"%s\" says: it had %llu entries",
                         verify->checkpoint_tenant, verify->options->checkpoint_file,
                         (unsigned long long)verify->checkpoint.size);
    }
    if (verify->keys_report.copy_damaged) {
        error_set(error, KMB_CORRUPT, "key store: %s", verify->keys_report.message);
        error_hint(error, "The other copy is whole; opening the database writes both anew.");
        return KMB_CORRUPT;
    }
    return check_store(verify, error);
}

static void release(struct verify *verify) {
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&verify->tenants, &at)) != NULL;) {
        mem_free(entry->value);
    }
    map_free(&verify->tenants);
    folder_free(&verify->folder);
    store_close(verify->ours);
    store_root_release(verify->disk_root);
    store_close(verify->disk);
    keystore_close(verify->keys);
    buffer_free(&verify->note);
    io_close(&verify->shard.io, verify->lock);
    if (verify->scratch[0] != 0) {
        char path[512];
        snprintf(path, sizeof(path), "%s/" SHARD_STORE_FILE, verify->scratch);
        unlink(path);
        rmdir(verify->scratch);
    }
}

static enum kmb_status set_paths(struct verify *verify, const char *path, struct kmb_error *error) {
    int length = snprintf(verify->data_path, sizeof(verify->data_path), "%s", path);
    size_t end = length < 0 ? 0 : (size_t)length;
    while (end > 1 && end < sizeof(verify->data_path) && verify->data_path[end - 1] == '/') {
        verify->data_path[--end] = 0;
    }
    int log_length =
        snprintf(verify->log_path, sizeof(verify->log_path), "%.*s/" SHARD_LOG_DIRECTORY, (int)end, verify->data_path);
    int key_length =
        verify->options->key_file != NULL
            ? snprintf(verify->key_path, sizeof(verify->key_path), "%s", verify->options->key_file)
            : snprintf(verify->key_path, sizeof(verify->key_path), "%.*s.key", (int)end, verify->data_path);
    if (end == 0 || end + 16 > SHARD_PATH_MAX || log_length >= SHARD_PATH_MAX || key_length >= SHARD_PATH_MAX) {
        return error_set(error, KMB_USAGE, "path is empty or longer than %d bytes", SHARD_PATH_MAX - 16);
    }
    bool there = false;
    char superblock[SHARD_PATH_MAX + 16];
    snprintf(superblock, sizeof(superblock), "%s/superblock", verify->log_path);
    enum kmb_status status = io_exists(&verify->shard.io, superblock, &there, error);
    if (status == KMB_OK && !there) {
        status = error_set(error, KMB_NOT_A_DATABASE, "\"%s\" is not a Kimberlite database: it has no log/superblock",
                           verify->data_path);
    }
    return status;
}

static enum kmb_status run(struct verify *verify, const char *path, struct kmb_error *error) {
    struct log_verify_report log = {0};
    enum kmb_status status = api_shard_options(path, NULL, &verify->shard, error);
    if (status == KMB_OK) {
        status = set_paths(verify, path, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    status = try_lock(verify, error);
    if (status == KMB_OK) {
        status = open_keys(verify, error);
    }
    if (status == KMB_OK) {
        status = read_checkpoint(verify, error);
    }
    if (status == KMB_OK) {
        status = open_stores(verify, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    bool open_bodies = verify->keys != NULL && !verify->options->log_only;
    struct log_verify_options options = {
        .live = verify->live,
        .hash_only = !open_bodies && !verify->store_wanted,
        .keys = open_bodies && verify->facts.encrypted ? &verify->log_keys : NULL, /* hashes need none */
        .progress = on_progress,
        .entry = on_entry,
        .context = verify,
    };
    status = log_verify(&verify->shard.io, verify->log_path, &options, &log, error);
    verify->report->segments = log.segments;
    verify->report->blocks = log.blocks;
    verify->report->entries = log.entries;
    verify->report->bytes = log.bytes;
    verify->report->tenants = log.tenants == 0 ? 0 : log.tenants - 1; /* tenant 0 holds the shard's own facts */
    verify->report->bodies_opened = open_bodies && log.entries_without_key == 0;
    fill_failure(verify, &log);
    if (verify->stopped != KMB_OK) {
        return error_set(error, verify->stopped, "verification was stopped");
    }
    return status == KMB_OK ? check_rest(verify, error) : status;
}

enum kmb_status kmb_verify(const char *path, const struct kmb_verify_options *options, struct kmb_verify_report *report,
                           struct kmb_error *error) {
    struct kmb_verify_options wanted;
    struct kmb_verify_report ours = {0};
    struct kmb_error local = {0};
    error = error == NULL ? &local : error;
    enum kmb_status status = api_copy_sized(&wanted, sizeof(wanted), options, "kmb_verify_options", error);
    if (status == KMB_OK && report != NULL) {
        status = api_check_size(report, "kmb_verify_report", error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct verify *verify = mem_alloc_zero(1, sizeof(*verify));
    if (verify == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    verify->options = &wanted;
    verify->report = &ours;
    status = run(verify, path, error);
    if (report != NULL) {
        api_fill_sized(report, &ours, sizeof(ours));
    }
    release(verify);
    mem_free(verify);
    return status;
}

enum kmb_status kmb_rebuild(const char *path, const struct kmb_options *options, char *hash, struct kmb_error *error) {
    struct shard_options shard_options;
    struct shard *shard = NULL;
    enum kmb_status status = api_shard_options(path, options, &shard_options, error);
    if (status != KMB_OK) {
        return status;
    }
    shard_options.create = false;
    shard_options.read_only = false;
    shard_options.background = false;
    shard_options.rebuild = true;
    status = shard_open(&shard_options, &shard, error);
    if (status != KMB_OK) {
        return status;
    }
    struct hash256 value;
    status = shard_state_hash(shard, &value, error);
    if (status == KMB_OK && hash != NULL) {
        codec_hex(hash, value.bytes, sizeof(value.bytes));
    }
    struct kmb_error closing = {0};
    enum kmb_status closed = shard_close(shard, &closing);
    if (status == KMB_OK && closed != KMB_OK && error != NULL) {
        *error = closing;
    }
    return status == KMB_OK ? closed : status;
}
