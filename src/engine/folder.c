/*
 * A fold is of one tenant; a log mixes them. The folder keeps the fold of the tenant it meets, ends it when another
 * comes, and now and then also within one tenant: what is frozen can be written out of a full cache, what is not
 * cannot.
 */
#include "engine/folder.h"

#include "base/memory.h"

#define FOLD_BYTES_MAX ((uint64_t)16 << 20)

void folder_init(struct folder *folder, struct store_root *root) {
    *folder = (struct folder){.root = root, .time_last_us = INT64_MIN + 1};
}

struct kernel_state *folder_state(const struct folder *folder, struct tenant_id tenant) {
    return map_get(&folder->states, slice_make(&tenant.value, sizeof(tenant.value)));
}

enum kmb_status folder_flush(struct folder *folder, struct kmb_error *error) {
    if (folder->fold == NULL) {
        return KMB_OK;
    }
    struct kernel_state *state = NULL;
    struct kernel_fold *fold = folder->fold;
    folder->fold = NULL;
    folder->fold_bytes = 0;
    enum kmb_status status = kernel_fold_end(fold, &state, error);
    if (status != KMB_OK) {
        return status;
    }
    struct kernel_state *old = folder_state(folder, folder->tenant);
    if (!map_put(&folder->states, slice_make(&folder->tenant.value, sizeof(folder->tenant.value)), state)) {
        kernel_state_release(state);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    kernel_state_release(old);
    store_root_release(folder->root);
    folder->root = store_root_retain(state->root);
    return KMB_OK;
}

static enum kmb_status begin(struct folder *folder, struct tenant_id tenant, struct kmb_error *error) {
    struct kernel_state *known = folder_state(folder, tenant);
    struct kernel_state *state = NULL;
    enum kmb_status status = KMB_OK;
    if (known == NULL) {
        status = kernel_state_open(folder->root, tenant, NULL, &state, error);
    } else {
        state = kernel_state_move(known, folder->root);
        status = state == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : KMB_OK;
    }
    if (status == KMB_OK) {
        folder->tenant = tenant;
        status = kernel_fold_begin(state, &folder->fold, error);
    }
    kernel_state_release(state);
    return status;
}

enum kmb_status folder_entry(struct folder *folder, const struct log_reader_entry *entry, struct slice plain,
                             struct kmb_error *error) {
    struct tenant_id tenant = {entry->entry.tenant};
    enum kmb_status status = KMB_OK;
    if (folder->fold != NULL && (folder->tenant.value != tenant.value || folder->fold_bytes > FOLD_BYTES_MAX)) {
        status = folder_flush(folder, error);
    }
    if (status == KMB_OK && folder->fold == NULL) {
        status = begin(folder, tenant, error);
    }
    if (status == KMB_OK) {
        status = kernel_fold_entry(folder->fold, &entry->entry, entry->place.op, &entry->hash, plain, error);
    }
    if (status == KMB_OK) {
        folder->fold_bytes += plain.length;
        folder->entries++;
        if (folder->time_last_us < entry->entry.commit_time_us) {
            folder->time_last_us = entry->entry.commit_time_us;
        }
    }
    return status;
}

void folder_free(struct folder *folder) {
    const struct map_entry *entry;
    kernel_fold_discard(folder->fold);
    for (size_t at = 0; (entry = map_next(&folder->states, &at)) != NULL;) {
        kernel_state_release(entry->value);
    }
    map_free(&folder->states);
    store_root_release(folder->root);
    *folder = (struct folder){0};
}
