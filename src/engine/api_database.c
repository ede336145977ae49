/*
 * The C API's handles: databases, tenants, sessions, and the names of statuses. Thin: each function checks what comes
 * from outside, then calls the shard or the session.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"
#include "engine/api_internal.h"
#include "engine/plan_cache.h"
#include "engine/statement.h"
#include "types/utf8.h"

#define STRUCT_SIZE_MAX ((size_t)65536) /* of a struct of the caller's: far beyond any, so that garbage is found */

const char *kmb_version(void) {
    return KMB_VERSION_TEXT;
}
const char *kmb_status_name(enum kmb_status status) {
    const struct status_row *row = status_row_of(status);
    return row->status == status ? row->name : "UNKNOWN";
}
const char *kmb_status_sqlstate(enum kmb_status status) {
    return status_row_of(status)->sqlstate;
}
int kmb_status_exit_code(enum kmb_status status) {
    return status_row_of(status)->exit_code;
}
void kmb_free(void *memory) {
    mem_free(memory);
}

enum kmb_status api_absent(const char *what, struct kmb_error *error) {
    return error_set(error, KMB_USAGE, "no %s was given: NULL", what);
}

enum kmb_status api_check_size(const void *in, const char *name, struct kmb_error *error) {
    size_t size;
    memcpy(&size, in, sizeof(size));
    if (size < sizeof(size) || size > STRUCT_SIZE_MAX) {
        error_set(error, KMB_USAGE, "struct %s has size %zu", name, size);
        error_hint(error, "Set its first member to sizeof(struct %s).", name);
        return KMB_USAGE;
    }
    return KMB_OK;
}

enum kmb_status api_copy_sized(void *out, size_t out_size, const void *in, const char *name, struct kmb_error *error) {
    memset(out, 0, out_size);
    if (in == NULL) {
        return KMB_OK;
    }
    enum kmb_status status = api_check_size(in, name, error);
    if (status != KMB_OK) {
        return status;
    }
    size_t size;
    memcpy(&size, in, sizeof(size));
    memcpy(out, in, size < out_size ? size : out_size);
    for (size_t i = out_size; i < size; i++) {
        if (((const uint8_t *)in)[i] != 0) {
            error_set(error, KMB_USAGE, "struct %s asks for what this library (%s) does not know", name,
                      KMB_VERSION_TEXT);
            error_hint(error, "The program was built with the kimberlite.h of a newer version.");
            return KMB_USAGE;
        }
    }
    return KMB_OK;
}

void api_fill_sized(void *caller, const void *ours, size_t ours_size) {
    size_t size;
    memcpy(&size, caller, sizeof(size));
    size_t count = size < ours_size ? size : ours_size;
    if (count > sizeof(size)) {
        memcpy((char *)caller + sizeof(size), (const char *)ours + sizeof(size), count - sizeof(size));
    }
}

enum kmb_status api_shard_options(const char *path, const struct kmb_options *options, struct shard_options *out,
                                  struct kmb_error *error) {
    struct kmb_options copy;
    enum kmb_status status = api_copy_sized(&copy, sizeof(copy), options, "kmb_options", error);
    if (status != KMB_OK) {
        return status;
    }
    if (path == NULL) {
        return error_set(error, KMB_USAGE, "no path was given");
    }
    if ((copy.flags &
         ~(unsigned)(KMB_OPEN_CREATE | KMB_OPEN_READ_ONLY | KMB_OPEN_NO_ENCRYPTION | KMB_OPEN_ACCEPT_CLOCK)) != 0) {
        return error_set(error, KMB_USAGE, "unknown flags in kmb_options: 0x%x", copy.flags);
    }
    if (copy.cache_bytes != 0 && copy.cache_bytes < (UINT64_C(256) << 10)) {
        return error_set(error, KMB_USAGE, "cache_bytes is %llu; at least 262144 are needed",
                         (unsigned long long)copy.cache_bytes);
    }
    if (copy.statement_bytes != 0 && copy.statement_bytes < (UINT64_C(64) << 10)) {
        return error_set(error, KMB_USAGE, "statement memory budget %llu bytes is below the minimum 65536 bytes",
                         (unsigned long long)copy.statement_bytes);
    }
    if (copy.segment_bytes != 0 && (copy.segment_bytes < (UINT64_C(64) << 10) ||
                                    copy.segment_bytes > (UINT64_C(1) << 30) || copy.segment_bytes % 4096 != 0)) {
        return error_set(error, KMB_USAGE, "segment_bytes is %llu; 65536 to 1073741824 in steps of 4096 are possible",
                         (unsigned long long)copy.segment_bytes);
    }
    *out = (struct shard_options){
        .io = io_posix(),
        .environment = environment_system(),
        .logger = {.level = LOG_WARNING, .write = copy.log, .context = copy.log_context},
        .path = path,
        .key_path = copy.key_file,
        .key_directory = copy.key_directory,
        .passphrase = copy.passphrase,
        .command = copy.command == NULL ? program_invocation_short_name : copy.command,
        .cache_bytes = copy.cache_bytes,
        .segment_bytes = copy.segment_bytes,
        .create = (copy.flags & KMB_OPEN_CREATE) != 0,
        .read_only = (copy.flags & KMB_OPEN_READ_ONLY) != 0,
        .no_encryption = (copy.flags & KMB_OPEN_NO_ENCRYPTION) != 0,
        .accept_clock = (copy.flags & KMB_OPEN_ACCEPT_CLOCK) != 0,
        .background = true,
    };
    return KMB_OK;
}

enum kmb_status kmb_open(const char *path, const struct kmb_options *options, kmb_db **out, struct kmb_error *error) {
    if (out == NULL) {
        return api_absent("place for the database", error);
    }
    struct shard_options shard;
    struct kmb_options copy;
    *out = NULL;
    enum kmb_status status = api_shard_options(path, options, &shard, error);
    if (status == KMB_OK) {
        status = api_copy_sized(&copy, sizeof(copy), options, "kmb_options", error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct kmb_db *db = mem_alloc_zero(1, sizeof(*db));
    if (db == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    atomic_init(&db->session_next, 1);
    atomic_init(&db->sessions, 0);
    db->statement_bytes = copy.statement_bytes;
    status = shard_open(&shard, &db->shard, error);
    if (status != KMB_OK) {
        mem_free(db);
        return status;
    }
    *out = db;
    return KMB_OK;
}

enum kmb_status remote_unsupported(const char *what, struct kmb_error *error) {
    return error_set(error, KMB_UNSUPPORTED, "%s over a connection", what);
}

enum kmb_status remote_database(const struct remote_operations *operations, void *far, kmb_db **out,
                                struct kmb_error *error) {
    struct kmb_db *db = mem_alloc_zero(1, sizeof(*db));
    *out = db;
    if (db == NULL) {
        operations->close(far);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    atomic_init(&db->session_next, 1);
    atomic_init(&db->sessions, 0);
    db->remote = operations;
    db->far = far;
    return KMB_OK;
}

enum kmb_status kmb_close(kmb_db *db, struct kmb_error *error) {
    if (db == NULL) {
        return KMB_OK;
    }
    if (atomic_load(&db->sessions) != 0) {
        error_set(error, KMB_BUSY, "%u sessions are still open", (unsigned)atomic_load(&db->sessions));
        error_hint(error, "Close every session before the database; it is still open.");
        return KMB_BUSY;
    }
    enum kmb_status status = KMB_OK;
    if (db->remote != NULL) {
        db->remote->close(db->far);
    } else {
        status = shard_close(db->shard, error);
    }
    mem_free(db);
    return status;
}

enum kmb_status kmb_checkpoint(kmb_db *db, struct kmb_error *error) {
    if (db == NULL) {
        return api_absent("database", error);
    }
    return db->remote != NULL ? db->remote->checkpoint(db->far, error) : shard_checkpoint(db->shard, error);
}

enum kmb_status kmb_state_hash(kmb_db *db, char *hash, struct kmb_error *error) {
    if (db == NULL || hash == NULL) {
        return api_absent("database, or no room for the hash,", error);
    }
    if (db->remote != NULL) {
        return db->remote->state_hash(db->far, hash, error);
    }
    struct hash256 value;
    enum kmb_status status = shard_state_hash(db->shard, &value, error);
    if (status == KMB_OK) {
        codec_hex(hash, value.bytes, sizeof(value.bytes));
    }
    return status;
}

/* --- facts -------------------------------------------------------------------------------------------------------- */

static bool same_filesystem(const char *a, const char *b) {
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev;
}

struct tenant_count {
    struct store_view view;
    struct kmb_error *error;
    uint32_t count;
};

static enum kmb_status count_tenant(void *context, uint32_t tenant) {
    struct tenant_count *count = context;
    bool deleted = false;
    enum kmb_status status = kernel_tenant_is_deleted(count->view, tenant, &deleted, count->error);
    count->count += tenant != 0 && !deleted;
    return status;
}

enum kmb_status kmb_info(kmb_db *db, struct kmb_info *info, struct kmb_error *error) {
    if (db == NULL || info == NULL) {
        return api_absent("database, or no struct kmb_info,", error);
    }
    struct kmb_info out = {0};
    enum kmb_status status = api_check_size(info, "kmb_info", error);
    if (status == KMB_OK && db->remote != NULL) {
        status = db->remote->info(db->far, &out, error);
        if (status == KMB_OK) {
            api_fill_sized(info, &out, sizeof(out));
        }
        return status;
    }
    if (status != KMB_OK) {
        return status;
    }
    struct shard *shard = db->shard;
    const struct shard_recovery *recovery = shard_recovery_of(shard);
    const uint8_t *uuid = shard_identity(shard)->uuid;
    char hex[33];
    struct store_info store;
    codec_hex(hex, uuid, 16);
    snprintf(out.uuid, sizeof(out.uuid), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    store_info(shard_store(shard), &store);
    out.encrypted = shard_is_encrypted(shard);
    out.key_on_same_filesystem = out.encrypted && same_filesystem(shard_path(shard), shard_key_path(shard));
    out.clock_refused = recovery->clock_refused;
    out.op = shard_published_op(shard);
    status = shard_log_bytes(shard, &out.log_bytes, error);
    out.store_bytes = store.file_bytes;
    out.cache_bytes = store.cache_bytes;
    out.pinned_roots = store.roots_read;
    out.pinned_oldest_op = store.mark_oldest;
    out.pinned_bytes = store.read_bytes;
    out.recovered_entries = recovery->replayed_entries;
    out.cut_bytes = recovery->log.tail_cut ? recovery->log.tail_bytes : 0;
    if (status == KMB_OK) {
        struct store_root *root = shard_published(shard);
        struct tenant_count count = {.view = store_view_root(root), .error = error};
        status = store_tenants(count.view, count_tenant, &count, error);
        out.tenants = count.count;
        store_root_release(root);
    }
    if (status == KMB_OK) {
        api_fill_sized(info, &out, sizeof(out));
    }
    return status;
}

/* --- tenants ------------------------------------------------------------------------------------------------------ */

enum kmb_status kmb_tenant_create(kmb_db *db, uint32_t id, const char *name, struct kmb_error *error) {
    if (db == NULL) {
        return api_absent("database", error);
    }
    struct slice text = slice_text(name == NULL ? "" : name);
    if (id == 0) {
        return error_set(error, KMB_USAGE, "tenant ids go from 1 to 4294967295");
    }
    if (text.length > 255 || utf8_check(text, NULL) != KMB_OK) {
        return error_set(error, KMB_INVALID_NAME, "a tenant's name is UTF-8 of at most 255 bytes");
    }
    return db->remote != NULL ? db->remote->tenant_create(db->far, id, text, error)
                              : shard_tenant_create(db->shard, id, text, error);
}

enum kmb_status kmb_tenant_delete(kmb_db *db, uint32_t id, uint32_t *tables, struct kmb_error *error) {
    uint32_t count = 0;
    if (db == NULL) {
        return api_absent("database", error);
    }
    enum kmb_status status = db->remote != NULL ? db->remote->tenant_delete(db->far, id, &count, error)
                                                : shard_tenant_delete(db->shard, id, &count, error);
    if (tables != NULL) {
        *tables = status == KMB_OK ? count : 0;
    }
    return status;
}

struct tenant_walk {
    struct shard *shard;
    enum kmb_status (*each)(void *context, const struct kmb_tenant *tenant);
    void *context;
    struct kmb_error *error;
};

static enum kmb_status list_tenant(void *context, uint32_t tenant) {
    struct tenant_walk *walk = context;
    struct kernel_state *state = NULL;
    if (tenant == 0) {
        return KMB_OK;
    }
    enum kmb_status status = shard_state(walk->shard, (struct tenant_id){tenant}, &state, walk->error);
    if (status == KMB_TENANT_NOT_FOUND) { /* deleted */
        error_clear(walk->error);
        return KMB_OK;
    }
    if (status != KMB_OK) {
        return status;
    }
    char name[256];
    snprintf(name, sizeof(name), "%.*s", (int)state->facts.name.length, (const char *)state->facts.name.bytes);
    struct kmb_tenant out = {.id = tenant, .name = name, .position = state->position, .entries = state->sequence};
    kernel_state_release(state);
    return walk->each(walk->context, &out);
}

enum kmb_status kmb_tenant_list(kmb_db *db, enum kmb_status (*each)(void *context, const struct kmb_tenant *tenant),
                                void *context, struct kmb_error *error) {
    if (db == NULL || each == NULL) {
        return api_absent("database, or no function to call,", error);
    }
    if (db->remote != NULL) {
        return db->remote->tenant_list(db->far, each, context, error);
    }
    struct tenant_walk walk = {.shard = db->shard, .each = each, .context = context, .error = error};
    struct store_root *root = shard_published(db->shard);
    enum kmb_status status = store_tenants(store_view_root(root), list_tenant, &walk, error);
    store_root_release(root);
    return status;
}

static enum kmb_status verifier_of(struct shard *shard, uint32_t tenant, struct buffer *text, struct kmb_error *error) {
    struct kernel_state *state = NULL;
    struct note_verifier verifier;
    enum kmb_status status = shard_state(shard, (struct tenant_id){tenant}, &state, error);
    kernel_state_release(state);
    if (status == KMB_OK) {
        status = keystore_checkpoint_verifier(shard_keystore(shard), 0, tenant, &verifier, error);
    }
    if (status == KMB_OK) {
        note_verifier_write(&verifier, text);
    }
    return status;
}

enum kmb_status kmb_tenant_verifier(kmb_db *db, uint32_t tenant, char *text, size_t text_size,
                                    struct kmb_error *error) {
    if (db == NULL || text == NULL) {
        return api_absent("database, or no room for the key,", error);
    }
    struct buffer buffer = {0};
    enum kmb_status status = db->remote != NULL ? db->remote->tenant_verifier(db->far, tenant, &buffer, error)
                                                : verifier_of(db->shard, tenant, &buffer, error);
    if (status == KMB_OK) {
        if (!buffer_ok(&buffer)) {
            status = error_set(error, KMB_NO_MEMORY, "out of memory");
        } else if (buffer.length + 1 > text_size) {
            status = error_set(error, KMB_USAGE, "the verifier key takes %zu bytes, room for %zu was given",
                               buffer.length + 1, text_size);
        } else {
            memcpy(text, buffer.bytes, buffer.length);
            text[buffer.length] = 0;
        }
    }
    buffer_free(&buffer);
    return status;
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

enum kmb_status kmb_session_open(kmb_db *db, uint32_t tenant, kmb_session **out, struct kmb_error *error) {
    if (out != NULL) {
        *out = NULL;
    }
    if (db == NULL || out == NULL) {
        return api_absent("database, or no place for the session,", error);
    }
    struct kmb_session *session = mem_alloc_zero(1, sizeof(*session));
    if (session == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    struct session_options options = {
        .shard = db->shard,
        .tenant = {tenant},
        .number = atomic_fetch_add(&db->session_next, 1),
        .memory_bytes_max = db->statement_bytes,
    };
    session->db = db;
    session->remote = db->remote;
    enum kmb_status status = db->remote != NULL ? db->remote->session_open(db->far, tenant, &session->far, error)
                                                : session_new(&options, &session->session, error);
    if (status != KMB_OK) {
        mem_free(session);
        return status;
    }
    atomic_init(&session->uses, 1);
    if (db->remote == NULL) {
        session->plans = plan_cache_new();
        session->digest = mem_alloc(sizeof(*session->digest));
    }
    atomic_fetch_add(&db->sessions, 1);
    *out = session;
    return KMB_OK;
}

void api_session_drop(struct kmb_session *session) {
    bool last = atomic_fetch_sub(&session->uses, 1) == 1;
    if (last) {
        if (session->remote != NULL) {
            session->remote->session_close(session->far);
        } else {
            plan_cache_free(session->plans);
            mem_free(session->digest);
            session_free(session->session);
        }
        atomic_fetch_sub(&session->db->sessions, 1);
        mem_free(session);
    }
}

struct datetime_context api_datetime(const struct kmb_session *session) {
    return session->remote != NULL ? session->remote->datetime(session->far) : session_datetime(session->session);
}

struct session *api_session(kmb_session *session) {
    return session->session;
}

struct shard *api_shard(kmb_db *db) {
    return db->shard;
}

void kmb_session_close(kmb_session *session) {
    if (session != NULL) {
        api_session_drop(session);
    }
}

void kmb_session_notices(kmb_session *session, void (*notice)(void *context, const struct kmb_error *notice),
                         void *context) {
    if (session->remote == NULL) {
        session_set_notice(session->session, notice, context);
    } else {
        session->remote->notices(session->far, notice, context);
    }
}

void kmb_cancel(kmb_session *session) {
    if (session == NULL) {
        return;
    }
    if (session->remote != NULL) {
        session->remote->cancel(session->far);
    } else {
        session_cancel(session->session);
    }
}

enum kmb_status kmb_session_at(kmb_session *session, enum kmb_at kind, int64_t value, struct kmb_error *error) {
    if (session == NULL) {
        return api_absent("session", error);
    }
    struct sql_point point = {.kind = PLAN_AT_NONE};
    if (kind == KMB_AT_POSITION) {
        if (value < 0) {
            return error_set(error, KMB_USAGE, "a position is not negative: %lld", (long long)value);
        }
        point = (struct sql_point){.kind = PLAN_AT_POSITION, .offset = (uint64_t)value};
    } else if (kind == KMB_AT_TIME) {
        point = (struct sql_point){.kind = PLAN_AT_TIME, .time_us = value};
    } else if (kind != KMB_AT_PRESENT) {
        return error_set(error, KMB_USAGE, "unknown kind of moment: %d", (int)kind);
    }
    if (session->remote != NULL) {
        session->at = point;
    } else {
        session_set_at(session->session, &point);
    }
    return KMB_OK;
}

uint64_t kmb_session_position(kmb_session *session) {
    if (session == NULL) {
        return 0;
    }
    uint64_t position = 0;
    if (session->remote != NULL) {
        (void)session->remote->position(session->far, &position, NULL);
        return position;
    }
    return session_position(session->session);
}

bool kmb_session_in_transaction(kmb_session *session, bool *failed) {
    if (session == NULL) {
        return false;
    }
    if (session->remote != NULL) {
        return session->remote->in_transaction(session->far, failed);
    }
    if (failed != NULL) {
        *failed = session_failed(session->session);
    }
    return session_in_transaction(session->session);
}

enum kmb_status kmb_begin(kmb_session *session, struct kmb_error *error) {
    if (session == NULL) {
        return api_absent("session", error);
    }
    return session->remote != NULL ? session->remote->begin(session->far, error)
                                   : session_begin(session->session, NULL, error);
}

enum kmb_status kmb_commit(kmb_session *session, struct kmb_error *error) {
    if (session == NULL) {
        return api_absent("session", error);
    }
    if (session->remote != NULL) {
        return session->remote->commit(session->far, error);
    }
    bool rolled_back = false;
    enum kmb_status status = session_commit(session->session, &rolled_back, NULL, error);
    if (status == KMB_OK && rolled_back) {
        error_set(error, KMB_TRANSACTION_ABORTED, "the transaction had failed and was rolled back");
        return KMB_TRANSACTION_ABORTED;
    }
    return status;
}

enum kmb_status kmb_rollback(kmb_session *session, struct kmb_error *error) {
    if (session == NULL) {
        return api_absent("session", error);
    }
    return session->remote != NULL ? session->remote->rollback(session->far, error)
                                   : session_rollback(session->session, error);
}
