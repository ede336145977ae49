/*
 * The root key file: a small text file outside the data directory, mode 0600, that opens everything. Private to the key
 * store; docs/internals/formats-keys.md has its form.
 */
#ifndef KMB_LOG_KEYSTORE_ROOT_H
#define KMB_LOG_KEYSTORE_ROOT_H

#include "base/environment.h"
#include "base/io.h"
#include "crypto/secret.h"

/* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and its zero. */
#define KEYSTORE_UUID_TEXT_SIZE 37
void keystore_uuid_text(char text[KEYSTORE_UUID_TEXT_SIZE], const uint8_t uuid[16]);

/*
 * Reads the root key of a log. KMB_NO_KEY: "no key for log <uuid>: expected in <path>". KMB_WRONG_KEY: the file is
 * another log's, damaged, or not a key file.
 */
enum kmb_status keystore_root_read(const struct io *io, const char *path, const uint8_t log_uuid[16],
                                   struct secret_key *root, struct kmb_error *error);

/*
 * Draws a root key and writes its file durably, making the directory it stands in. Where the file is there already and
 * belongs to this log it is read instead. KMB_FILE_EXISTS: it is there and is not this log's.
 */
enum kmb_status keystore_root_make(const struct io *io, const struct environment *environment, const char *path,
                                   const uint8_t log_uuid[16], struct secret_key *root, struct kmb_error *error);

#endif
