/*
 * The two copies of the key store on disk.
 *
 * Both are always read. Each is by itself whole, missing, or damaged for a reason that can be told; which of them
 * serves is decided by generation alone, so a copy that an interrupted change left behind loses to the one that was
 * written. Authenticity needs the root key and is the key store's business; what can be read here without a key is
 * enough to find the public keys that verify checkpoints.
 */
#include "log/keystore_copies.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"

static const char *const keystore_names[KEYSTORE_COPIES] = {KEYSTORE_FILE, KEYSTORE_COPY};

char *keystore_copy_path(const char *directory, size_t copy) {
    ASSERT(copy < KEYSTORE_COPIES);
    const char *name = keystore_names[copy];
    size_t size = strlen(directory) + 1 + strlen(name) + 1;
    char *path = mem_alloc(size);
    if (path != NULL) {
        (void)snprintf(path, size, "%s/%s", directory, name);
    }
    return path;
}

void keystore_copy_read(const struct io *io, const char *path, struct keystore_copy *copy) {
    *copy = (struct keystore_copy){0};
    copy->status = io_read_file(io, path, KEYSTORE_BYTES_MAX, &copy->bytes, &copy->error);
    if (copy->status == KMB_OK) {
        copy->status = keystore_image_decode(buffer_slice(&copy->bytes), &copy->image, &copy->error);
    }
}

void keystore_copy_drop(struct keystore_copy *copy) {
    if (copy->bytes.bytes != NULL) {
        mem_wipe(copy->bytes.bytes, copy->bytes.length);
    }
    buffer_free(&copy->bytes);
    keystore_image_free(&copy->image);
}

void keystore_copy_spoil(struct keystore_copy *copy, const char *reason) {
    keystore_image_free(&copy->image);
    copy->status = error_set(&copy->error, KMB_CORRUPT, "%s", reason);
}

enum kmb_status keystore_copies_fail(char *const paths[KEYSTORE_COPIES],
                                     const struct keystore_copy copies[KEYSTORE_COPIES], struct kmb_error *error) {
    if (copies[0].status == KMB_FILE_NOT_FOUND && copies[1].status == KMB_FILE_NOT_FOUND) {
        return error_set(error, KMB_FILE_NOT_FOUND, "there is no key store: neither '%s' nor '%s' exists", paths[0],
                         paths[1]);
    }
    for (size_t i = 0; i < KEYSTORE_COPIES; i++) { /* a failing disk, memory, or a later version is the better answer */
        if (copies[i].status != KMB_CORRUPT && copies[i].status != KMB_FILE_NOT_FOUND) {
            (void)error_set(error, copies[i].status, "key store '%s': %.300s", paths[i], copies[i].error.message);
            return copies[i].status;
        }
    }
    (void)error_set(error, KMB_CORRUPT, "both copies of the key store are damaged: '%s' (%.200s) and '%s' (%.200s)",
                    paths[0], copies[0].status == KMB_FILE_NOT_FOUND ? "missing" : copies[0].error.message, paths[1],
                    copies[1].status == KMB_FILE_NOT_FOUND ? "missing" : copies[1].error.message);
    (void)error_hint(error, "Restore both files from your safe copy; without them the data cannot be read.");
    return KMB_CORRUPT;
}

size_t keystore_copies_choose(const struct keystore_copy copies[KEYSTORE_COPIES]) {
    size_t chosen = KEYSTORE_COPIES;
    for (size_t i = 0; i < KEYSTORE_COPIES; i++) {
        if (copies[i].status == KMB_OK &&
            (chosen == KEYSTORE_COPIES || copies[i].image.generation > copies[chosen].image.generation)) {
            chosen = i;
        }
    }
    return chosen;
}

enum kmb_status keystore_public_read(const struct io *io, const char *directory, struct keystore_public *out,
                                     struct kmb_error *error) {
    char *paths[KEYSTORE_COPIES] = {keystore_copy_path(directory, 0), keystore_copy_path(directory, 1)};
    struct keystore_copy copies[KEYSTORE_COPIES];
    enum kmb_status status = KMB_OK;
    if (paths[0] == NULL || paths[1] == NULL) {
        mem_free(paths[0]);
        mem_free(paths[1]);
        return error_set(error, KMB_NO_MEMORY, "no memory for the key store");
    }
    for (size_t i = 0; i < KEYSTORE_COPIES; i++) {
        keystore_copy_read(io, paths[i], &copies[i]);
    }
    size_t chosen = keystore_copies_choose(copies);
    if (chosen == KEYSTORE_COPIES) {
        status = keystore_copies_fail(paths, copies, error);
    } else {
        const struct keystore_image *image = &copies[chosen].image;
        *out = (struct keystore_public){.generation = image->generation, .encrypted = image->encrypted};
        memcpy(out->log_uuid, image->log_uuid, sizeof out->log_uuid);
        for (uint32_t i = 0; i < image->count && out->checkpoint_count < KEYSTORE_PUBLIC_MAX; i++) {
            if (image->records[i].purpose == KEYSTORE_CHECKPOINT) {
                out->checkpoint[out->checkpoint_count++] = image->records[i].public_key;
            }
        }
    }
    for (size_t i = 0; i < KEYSTORE_COPIES; i++) {
        keystore_copy_drop(&copies[i]);
        mem_free(paths[i]);
    }
    return status;
}
