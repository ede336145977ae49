/*
 * Blocks lie in the file as they come, in the first gap that blocks given back have left, else at its end. A block's
 * nonce is its number, which no other block of the file has and its reader knows, so an older one in its place is told;
 * keys are never used for two files.
 */
#include "engine/spill.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "crypto/aead.h"

#define PATH_MAX_BYTES 4352 /* a data directory and the name in it */

struct gap {
    uint64_t place;
    uint64_t size;
};

struct sql_spill {
    struct io io;
    struct io_file *file;
    struct aead_key *key;
    struct buffer sealed;
    uint64_t end;
    uint64_t blocks;  /* written */
    struct gap *gaps; /* in the order of the file, no two beside each other, none at its end */
    size_t gap_count;
    size_t gap_capacity;
    uint64_t bytes_max;
    char path[PATH_MAX_BYTES];
};

static const char purpose[] = "kimberlite spill 1";

static struct aead_nonce nonce_of(uint64_t number) {
    struct aead_nonce nonce = {0};
    memcpy(nonce.bytes, &number, sizeof(number));
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

/* --- places --- */

static void gap_remove(struct sql_spill *spill, size_t index) {
    spill->gap_count--;
    memmove(spill->gaps + index, spill->gaps + index + 1, (spill->gap_count - index) * sizeof(*spill->gaps));
}

/* The first gap with so much room; gap_count: there is none. */
static size_t gap_find(const struct sql_spill *spill, uint64_t size) {
    size_t index = 0;
    while (index < spill->gap_count && spill->gaps[index].size < size) {
        index++;
    }
    return index;
}

static void place_take(struct sql_spill *spill, size_t gap, uint64_t size) {
    if (gap == spill->gap_count) {
        spill->end += size;
        return;
    }
    spill->gaps[gap].place += size;
    spill->gaps[gap].size -= size;
    if (spill->gaps[gap].size == 0) {
        gap_remove(spill, gap);
    }
}

static bool gap_room(struct sql_spill *spill) {
    if (spill->gap_count < spill->gap_capacity) {
        return true;
    }
    size_t capacity = spill->gap_capacity == 0 ? 64 : spill->gap_capacity * 2;
    struct gap *gaps = mem_realloc(spill->gaps, capacity * sizeof(*gaps));
    if (gaps == NULL) {
        return false;
    }
    spill->gaps = gaps;
    spill->gap_capacity = capacity;
    return true;
}

void spill_file_give_back(struct sql_spill *spill, struct sql_spill_block block) {
    struct gap gap = {.place = block.place, .size = block.size + (uint64_t)AEAD_TAG_SIZE};
    size_t low = 0;
    size_t high = spill->gap_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spill->gaps[middle].place < gap.place) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < spill->gap_count && spill->gaps[low].place == gap.place + gap.size) {
        gap.size += spill->gaps[low].size;
        gap_remove(spill, low);
    }
    if (low > 0 && spill->gaps[low - 1].place + spill->gaps[low - 1].size == gap.place) {
        low--;
        gap.place = spill->gaps[low].place;
        gap.size += spill->gaps[low].size;
        gap_remove(spill, low);
    }
    if (gap.place + gap.size == spill->end) {
        spill->end = gap.place;
    } else if (gap_room(spill)) { /* without memory its place is lost until the file is */
        memmove(spill->gaps + low + 1, spill->gaps + low, (spill->gap_count - low) * sizeof(*spill->gaps));
        spill->gaps[low] = gap;
        spill->gap_count++;
    }
}

/* --- blocks --- */

enum kmb_status spill_file_write(struct sql_spill *spill, struct slice bytes, struct sql_spill_block *block,
                                 struct kmb_error *error) {
    size_t size = bytes.length + AEAD_TAG_SIZE;
    size_t gap = gap_find(spill, size);
    uint64_t place = gap < spill->gap_count ? spill->gaps[gap].place : spill->end;
    if (spill->bytes_max != 0 && place + size > spill->bytes_max) {
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
    uint64_t number = spill->blocks++;
    struct aead_nonce nonce = nonce_of(number);
    aead_seal(spill->key, &nonce, slice_text(purpose), bytes, sealed);
    enum kmb_status status = io_write(&spill->io, spill->file, place, sealed, size, error);
    if (status == KMB_OK) {
        place_take(spill, gap, size);
        *block = (struct sql_spill_block){.place = place, .number = number, .size = (uint32_t)bytes.length};
    }
    return status;
}

enum kmb_status spill_file_read(struct sql_spill *spill, struct sql_spill_block block, void *bytes,
                                struct kmb_error *error) {
    size_t size = (size_t)block.size + AEAD_TAG_SIZE;
    buffer_clear(&spill->sealed);
    uint8_t *sealed = buffer_extend(&spill->sealed, size);
    if (sealed == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    enum kmb_status status = io_read_exact(&spill->io, spill->file, block.place, sealed, size, error);
    if (status != KMB_OK) {
        return status;
    }
    struct aead_nonce nonce = nonce_of(block.number);
    if (!aead_open(spill->key, &nonce, slice_text(purpose), slice_make(sealed, size), bytes)) {
        return error_set(error, KMB_CORRUPT, "temporary file '%s' was changed at byte %llu", spill->path,
                         (unsigned long long)block.place);
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
    mem_free(spill->gaps);
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
