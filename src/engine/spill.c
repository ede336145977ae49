/*
 * Blocks follow each other in the file. A block's nonce is its place, which no other block of the file has; keys are
 * never used for two files.
 */
#include "engine/spill.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "crypto/aead.h"

#define PATH_MAX_BYTES 4352 /* a data directory and the name in it */

struct sql_spill {
    struct io io;
    struct io_file *file;
    struct aead_key *key;
    struct buffer sealed;
    uint64_t end;
    uint64_t bytes_max;
    char path[PATH_MAX_BYTES];
};

static const char purpose[] = "kimberlite spill 1";

static struct aead_nonce nonce_of(uint64_t place) {
    struct aead_nonce nonce = {0};
    memcpy(nonce.bytes, &place, sizeof(place));
    return nonce;
}

/* The key, and a name that no other process reading the directory has. */
static enum kmb_status draw(struct sql_spill *spill, const struct environment *environment, const char *path,
                            struct kmb_error *error) {
    struct secret_key raw;
    uint64_t name = 0;
    if (!environment->random(environment->context, raw.bytes, sizeof(raw.bytes)) ||
        !environment->random(environment->context, &name, sizeof(name))) {
        return error_set(error, KMB_INTERNAL, "no random bytes for a temporary file");
    }
    (void)snprintf(spill->path, sizeof(spill->path), "%s/" SPILL_PREFIX "%016llx", path, (unsigned long long)name);
    enum kmb_status status = aead_key_new(&raw, &spill->key, error);
    secret_key_wipe(&raw);
    return status;
}

enum kmb_status spill_file_open(const struct io *io, const struct environment *environment, const char *path,
                                uint64_t bytes_max, struct sql_spill **out, struct kmb_error *error) {
    *out = NULL;
    struct sql_spill *spill = mem_alloc_zero(1, sizeof(*spill));
    if (spill == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    spill->io = *io;
    spill->bytes_max = bytes_max;
    enum kmb_status status = draw(spill, environment, path, error);
    if (status == KMB_OK) {
        status = io_open(io, spill->path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE | IO_PRIVATE, &spill->file, error);
    }
    if (status != KMB_OK) {
        spill_file_close(spill);
        return status;
    }
    *out = spill;
    return KMB_OK;
}

enum kmb_status spill_file_write(struct sql_spill *spill, struct slice block, uint64_t *place,
                                 struct kmb_error *error) {
    size_t size = block.length + AEAD_TAG_SIZE;
    if (spill->bytes_max != 0 && spill->end + size > spill->bytes_max) {
        error_set(error, KMB_TEMP_FILE_LIMIT, "temporary file size exceeds temp_file_limit (%llukB)",
                  (unsigned long long)(spill->bytes_max / 1024));
        error_hint(error, "Select less at a time, or raise temp_file_limit or work_mem.");
        return KMB_TEMP_FILE_LIMIT;
    }
    buffer_clear(&spill->sealed);
    uint8_t *sealed = buffer_extend(&spill->sealed, size);
    if (sealed == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    struct aead_nonce nonce = nonce_of(spill->end);
    aead_seal(spill->key, &nonce, slice_text(purpose), block, sealed);
    enum kmb_status status = io_write(&spill->io, spill->file, spill->end, sealed, size, error);
    if (status == KMB_OK) {
        *place = spill->end;
        spill->end += size;
    }
    return status;
}

enum kmb_status spill_file_read(struct sql_spill *spill, uint64_t place, void *bytes, size_t size,
                                struct kmb_error *error) {
    buffer_clear(&spill->sealed);
    uint8_t *sealed = buffer_extend(&spill->sealed, size + AEAD_TAG_SIZE);
    if (sealed == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    enum kmb_status status = io_read_exact(&spill->io, spill->file, place, sealed, size + AEAD_TAG_SIZE, error);
    if (status != KMB_OK) {
        return status;
    }
    struct aead_nonce nonce = nonce_of(place);
    if (!aead_open(spill->key, &nonce, slice_text(purpose), slice_make(sealed, size + AEAD_TAG_SIZE), bytes)) {
        return error_set(error, KMB_CORRUPT, "temporary file '%s' was changed at byte %llu", spill->path,
                         (unsigned long long)place);
    }
    return KMB_OK;
}

void spill_file_close(struct sql_spill *spill) {
    if (spill == NULL) {
        return;
    }
    if (spill->file != NULL) {
        io_close(&spill->io, spill->file);
        (void)io_unlink(&spill->io, spill->path, NULL); /* else the next opening removes it */
    }
    aead_key_free(spill->key);
    buffer_free(&spill->sealed);
    mem_free(spill);
}

/* --- what is left behind --- */

struct leftovers {
    const struct io *io;
    const char *path;
    struct kmb_error *error;
};

static enum kmb_status remove_leftover(void *context, const char *name, bool directory) {
    const struct leftovers *leftovers = context;
    if (directory || strncmp(name, SPILL_PREFIX, strlen(SPILL_PREFIX)) != 0) {
        return KMB_OK;
    }
    char path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", leftovers->path, name);
    return io_unlink(leftovers->io, path, leftovers->error);
}

enum kmb_status spill_files_remove(const struct io *io, const char *path, struct kmb_error *error) {
    struct leftovers leftovers = {io, path, error};
    return io_list(io, path, remove_leftover, &leftovers, error);
}
