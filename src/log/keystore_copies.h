/*
 * Reading the two copies of keys.kks and saying what became of each. Private to the key store.
 */
#ifndef KMB_LOG_KEYSTORE_COPIES_H
#define KMB_LOG_KEYSTORE_COPIES_H

#include "log/keystore.h"
#include "log/keystore_format.h"

#define KEYSTORE_COPIES 2

/* What one copy on disk is. */
struct keystore_copy {
    struct buffer bytes;
    struct keystore_image image; /* of a whole copy */
    enum kmb_status status;      /* KMB_OK: whole; KMB_FILE_NOT_FOUND, KMB_CORRUPT, KMB_FORMAT_VERSION, a failed read */
    struct kmb_error error;
};

/* The path of copy 0 or 1; the caller frees it. NULL: no memory. */
char *keystore_copy_path(const char *directory, size_t copy);

/* Fills *copy, whatever is found; keystore_copy_drop() wipes and frees. */
void keystore_copy_read(const struct io *io, const char *path, struct keystore_copy *copy);
void keystore_copy_drop(struct keystore_copy *copy);

/* Declares a copy damaged after all. */
void keystore_copy_spoil(struct keystore_copy *copy, const char *reason);

/* The whole copy of the highest generation; KEYSTORE_COPIES: none is whole. */
size_t keystore_copies_choose(const struct keystore_copy copies[KEYSTORE_COPIES]);

/* The error to give when none is whole. */
enum kmb_status keystore_copies_fail(char *const paths[KEYSTORE_COPIES],
                                     const struct keystore_copy copies[KEYSTORE_COPIES], struct kmb_error *error);

#endif
