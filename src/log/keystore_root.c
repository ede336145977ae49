/*
 * The root key file.
 *
 *     # Kimberlite root key. ...
 *     kimberlite-root-key 1
 *     log 00112233-4455-6677-8899-aabbccddeeff
 *     key <base64 of 32 bytes>
 *     check <16 hexadecimal digits>
 *
 * It is text because people handle it: they copy it to a safe, print it, paste it into a vault. So it says itself what
 * it is and which log it opens, and `check` (the start of SHA-256 over a label, the log's uuid and the key) catches a
 * mistyped character and tells "damaged" from "of another log", which matters at the moment somebody restores a backup.
 * Lines that start with # and empty lines are passed over; the four others must stand in this order, each once.
 */
#include "log/keystore_root.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/codec.h"
#include "base/memory.h"
#include "crypto/base64.h"
#include "crypto/hash.h"

#define ROOT_FILE_MAX   ((size_t)8192)
#define ROOT_CHECK_SIZE 8
#define ROOT_LINES      4

static const char root_check_label[] = "kimberlite root key v1";

void keystore_uuid_text(char text[KEYSTORE_UUID_TEXT_SIZE], const uint8_t uuid[16]) {
    char hex[33];
    codec_hex(hex, uuid, 16);
    (void)snprintf(text, KEYSTORE_UUID_TEXT_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}

static void root_check(const uint8_t uuid[16], const struct secret_key *root, char text[2 * ROOT_CHECK_SIZE + 1]) {
    const struct slice parts[3] = {slice_text(root_check_label), slice_make(uuid, 16),
                                   slice_make(root->bytes, SECRET_KEY_SIZE)};
    struct hash256 hash = hash_sha256_parts(parts, 3);
    codec_hex(text, hash.bytes, ROOT_CHECK_SIZE);
}

/* Splits off the next line that says something; false: none is left. */
static bool root_line(struct slice *text, struct slice *line) {
    while (text->length > 0) {
        const uint8_t *end = memchr(text->bytes, '\n', text->length);
        size_t length = end == NULL ? text->length : (size_t)(end - text->bytes);
        size_t skip = end == NULL ? length : length + 1;
        *line = slice_make(text->bytes, length);
        *text = slice_make(text->bytes + skip, text->length - skip);
        if (line->length > 0 && line->bytes[line->length - 1] == '\r') { /* it may have passed through an editor */
            line->length--;
        }
        if (line->length > 0 && line->bytes[0] != '#') {
            return true;
        }
    }
    return false;
}

/* The value of a line "name value"; false: it is another line. */
static bool root_value(struct slice line, const char *name, struct slice *value) {
    size_t length = strlen(name);
    if (line.length <= length || memcmp(line.bytes, name, length) != 0 || line.bytes[length] != ' ') {
        return false;
    }
    *value = slice_make(line.bytes + length + 1, line.length - length - 1);
    return true;
}

/* Parses a key file; the caller wipes `root` whatever the answer. KMB_WRONG_KEY with what is wrong. */
static enum kmb_status root_parse(struct slice text, const char *path, const uint8_t log_uuid[16],
                                  struct secret_key *root, struct kmb_error *error) {
    static const char *names[ROOT_LINES] = {"kimberlite-root-key", "log", "key", "check"};
    struct slice values[ROOT_LINES];
    struct slice line;
    for (size_t i = 0; i < ROOT_LINES; i++) {
        if (!root_line(&text, &line) || !root_value(line, names[i], &values[i])) {
            return error_set(error, KMB_WRONG_KEY, "'%s' is not a root key file: its line \"%s\" is missing", path,
                             names[i]);
        }
    }
    if (root_line(&text, &line)) {
        return error_set(error, KMB_WRONG_KEY, "'%s' is not a root key file: it goes on after its last line", path);
    }
    if (!slice_equal_text(values[0], "1")) {
        return error_set(error, KMB_WRONG_KEY, "root key file '%s' is of version %.*s; this program reads version 1",
                         path, values[0].length > 20 ? 20 : (int)values[0].length, (const char *)values[0].bytes);
    }
    char expected[KEYSTORE_UUID_TEXT_SIZE];
    keystore_uuid_text(expected, log_uuid);
    if (!slice_equal_text(values[1], expected)) {
        return error_set(error, KMB_WRONG_KEY, "root key file '%s' is of log %.*s; this is log %s", path,
                         values[1].length > 36 ? 36 : (int)values[1].length, (const char *)values[1].bytes, expected);
    }
    char check[2 * ROOT_CHECK_SIZE + 1];
    bool whole = base64_decode_exact(values[2], root->bytes, SECRET_KEY_SIZE);
    root_check(log_uuid, root, check);
    if (!whole || !slice_equal_text(values[3], check)) {
        (void)error_set(error, KMB_WRONG_KEY, "root key file '%s' is damaged: its key does not fit its check", path);
        (void)error_hint(error, "Restore the file from your safe copy; each character counts.");
        return KMB_WRONG_KEY;
    }
    return KMB_OK;
}

/* Wipes what a buffer has held. */
static void root_buffer_drop(struct buffer *buffer) {
    if (buffer->bytes != NULL) {
        mem_wipe(buffer->bytes, buffer->capacity);
    }
    buffer_free(buffer);
}

enum kmb_status keystore_root_read(const struct io *io, const char *path, const uint8_t log_uuid[16],
                                   struct secret_key *root, struct kmb_error *error) {
    struct buffer text = {0};
    if (!buffer_reserve(&text, ROOT_FILE_MAX)) { /* at once, so that growing leaves no copies behind */
        return error_set(error, KMB_NO_MEMORY, "no memory to read '%s'", path);
    }
    struct kmb_error cause = {0};
    enum kmb_status status = io_read_file(io, path, ROOT_FILE_MAX, &text, &cause);
    if (status == KMB_FILE_NOT_FOUND) {
        char uuid[KEYSTORE_UUID_TEXT_SIZE];
        keystore_uuid_text(uuid, log_uuid);
        (void)error_set(error, KMB_NO_KEY, "no key for log %s: expected in '%s'", uuid, path);
        (void)error_hint(error,
                         "Give the root key file with --key FILE, or the passphrase that the root key is made of "
                         "with --passphrase-file FILE.");
        status = KMB_NO_KEY;
    } else if (status != KMB_OK) {
        if (error != NULL) {
            *error = cause;
        }
        error_prefix(error, "root key file '%s'", path);
    } else {
        status = root_parse(buffer_slice(&text), path, log_uuid, root, error);
        if (status != KMB_OK) {
            secret_key_wipe(root);
        }
    }
    root_buffer_drop(&text);
    return status;
}

/* Makes the directory of the file, one level, and makes its name last. */
static enum kmb_status root_directory_make(const struct io *io, const char *path, struct kmb_error *error) {
    char *directory = mem_strdup(path);
    if (directory == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for the path '%s'", path);
    }
    enum kmb_status status = KMB_OK;
    char *slash = strrchr(directory, '/');
    bool exists = true;
    if (slash != NULL && slash != directory) {
        *slash = '\0';
        status = io_exists(io, directory, &exists, error);
    }
    if (status == KMB_OK && !exists) {
        status = io_make_directory(io, directory, error);
        char *above = strrchr(directory, '/');
        if (above != NULL) {
            *(above == directory ? above + 1 : above) = '\0';
        }
        if (status == KMB_OK) {
            status = io_sync_directory(io, above == NULL ? "." : directory, error);
        }
    }
    mem_free(directory);
    return status;
}

static enum kmb_status root_write(const struct io *io, const char *path, const uint8_t log_uuid[16],
                                  const struct secret_key *root, struct kmb_error *error) {
    char uuid[KEYSTORE_UUID_TEXT_SIZE];
    char encoded[BASE64_LENGTH(SECRET_KEY_SIZE) + 1];
    char check[2 * ROOT_CHECK_SIZE + 1];
    struct buffer text = {0};
    keystore_uuid_text(uuid, log_uuid);
    base64_encode(encoded, root->bytes, SECRET_KEY_SIZE);
    root_check(log_uuid, root, check);
    enum kmb_status status = KMB_NO_MEMORY;
    if (buffer_reserve(&text, 1024)) {
        buffer_printf(
            &text,
            "# Kimberlite root key. Whoever has it can read the data of the log named below; without it nobody "
            "can.\n"
            "# Keep a copy in a safe place, apart from the data and from its backups.\n"
            "kimberlite-root-key 1\n"
            "log %s\n"
            "key %s\n"
            "check %s\n",
            uuid, encoded, check);
    }
    if (buffer_ok(&text) && text.length > 0) {
        status = io_replace_file(io, path, IO_PRIVATE, buffer_slice(&text), error);
    } else {
        (void)error_set(error, KMB_NO_MEMORY, "no memory to write '%s'", path);
    }
    mem_wipe(encoded, sizeof encoded);
    root_buffer_drop(&text);
    return status;
}

enum kmb_status keystore_root_make(const struct io *io, const struct environment *environment, const char *path,
                                   const uint8_t log_uuid[16], struct secret_key *root, struct kmb_error *error) {
    bool exists = false;
    enum kmb_status status = io_exists(io, path, &exists, error);
    if (status != KMB_OK) {
        return status;
    }
    if (exists) {
        struct kmb_error cause = {0};
        status = keystore_root_read(io, path, log_uuid, root, &cause);
        if (status == KMB_WRONG_KEY) {
            (void)error_set(error, KMB_FILE_EXISTS, "a root key would be overwritten: %.300s", cause.message);
            (void)error_hint(error, "Name another file with --key FILE.");
            return KMB_FILE_EXISTS;
        }
        if (status != KMB_OK && error != NULL) {
            *error = cause;
        }
        return status;
    }
    if (!environment->random(environment->context, root->bytes, SECRET_KEY_SIZE)) {
        return error_set(error, KMB_IO, "the system gives no random bytes for a root key");
    }
    status = root_directory_make(io, path, error);
    if (status == KMB_OK) {
        status = root_write(io, path, log_uuid, root, error);
    }
    if (status != KMB_OK) {
        secret_key_wipe(root);
    }
    return status;
}
