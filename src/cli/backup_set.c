/*
 * MANIFEST: comment lines with facts, an empty line, then "<64 hex BLAKE3>  <path>" for each file, as b3sum writes it.
 * A backup may come from anywhere, so a path is taken apart into what it may be and refused otherwise; nothing is ever
 * opened under a name that was not put together here.
 *
 * That of an encrypted backup also says who can open it, and ends with its authentication.
 */
#include "cli/backup_set.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/io.h"
#include "cli/project.h"
#include "log/keystore.h"
#include "types/datetime.h"

#define MANIFEST_MAX ((size_t)64 << 20)
#define CIPHER       "XAES-256-GCM"
#define MAC_LINE     "# Mac: "

void backup_free(struct backup *backup) {
    backup_keys_free(backup->keys);
    free(backup->files);
    *backup = (struct backup){0};
}

const struct backup_file *backup_find(const struct backup *backup, const char *path) {
    for (size_t i = 0; i < backup->file_count; i++) {
        if (strcmp(backup->files[i].path, path) == 0) {
            return &backup->files[i];
        }
    }
    return NULL;
}

bool backup_segment_of(const char *name, uint64_t *segment) {
    uint8_t bytes[8];
    if (strlen(name) != 20 || strcmp(name + 16, ".seg") != 0 || !codec_unhex(bytes, 8, slice_make(name, 16))) {
        return false;
    }
    *segment = codec_get_u64_big(bytes);
    return true;
}

uint64_t backup_size(const struct backup *backup) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < backup->file_count; i++) {
        char path[CLI_PATH_MAX];
        struct stat found;
        if (project_join(path, backup->directory, backup->files[i].path) && stat(path, &found) == 0) {
            bytes += (uint64_t)found.st_size;
        }
    }
    return bytes;
}

int64_t backup_created(const struct backup *backup) {
    struct timestamp moment;
    return timestamp_parse(slice_text(backup->created), true, NULL, &moment, NULL) == KMB_OK ? moment.us / 1000000 : 0;
}

bool backup_add(struct backup *backup, const char *path, uint64_t segment, uint64_t from, struct hash256 hash) {
    if ((backup->file_count & (backup->file_count + 1)) == 0) { /* grows at 0, 1, 3, 7, ... */
        void *more = realloc(backup->files, (backup->file_count * 2 + 1) * sizeof(backup->files[0]));
        if (more == NULL) {
            return false;
        }
        backup->files = more;
    }
    struct backup_file *file = &backup->files[backup->file_count++];
    *file = (struct backup_file){.segment = segment, .from = from, .hash = hash};
    snprintf(file->path, sizeof(file->path), "%s", path);
    return true;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

enum kmb_status backup_write(const struct backup *backup, struct kmb_error *error) {
    struct io io = io_posix();
    char path[CLI_PATH_MAX];
    char hex[65];
    struct buffer text = {0};
    codec_hex(hex, backup->extent.place.hash.bytes, HASH256_SIZE);
    buffer_printf(
        &text,
        "# Kimberlite backup %u\n# Created: %s\n# Log: %s\n# Base: %s\n# Op: %" PRIu64 "\n# Hash: %s\n"
        "# Segment: %" PRIu64 "\n# Offset: %" PRIu64 "\n# End: %" PRIu64 "\n# Time: %" PRId64 "\n# Files: %zu\n",
        backup->seal.sealed ? 2 : 1, backup->created, backup->uuid, backup->base[0] == 0 ? "none" : backup->base,
        backup->extent.place.op, hex, backup->extent.place.segment, backup->extent.place.offset, backup->extent.end,
        backup->extent.time_us, backup->file_count);
    if (backup->seal.sealed) {
        codec_hex(hex, backup->seal.id, BACKUP_ID_SIZE);
        buffer_printf(&text, "# Cipher: %s\n# Id: %s\n", CIPHER, hex);
    }
    for (size_t i = 0; i < backup->seal.slot_count; i++) {
        backup_slot_print(&backup->seal.slots[i], &text);
    }
    buffer_append_byte(&text, '\n');
    for (size_t i = 0; i < backup->file_count; i++) {
        codec_hex(hex, backup->files[i].hash.bytes, HASH256_SIZE);
        buffer_printf(&text, "%s  %s\n", hex, backup->files[i].path);
    }
    if (backup->keys != NULL && buffer_ok(&text)) {
        struct hash256 text_hash = hash_blake3(text.bytes, text.length);
        struct hash256 mac = backup_seal_mac(backup->keys, &text_hash);
        codec_hex(hex, mac.bytes, HASH256_SIZE);
        buffer_printf(&text, MAC_LINE "%s\n", hex);
    }
    enum kmb_status status = KMB_OK;
    if (!project_join(path, backup->directory, BACKUP_MANIFEST) || !buffer_ok(&text)) {
        status = error_set(error, KMB_NO_MEMORY, "no memory, or a path too long, for the MANIFEST");
    } else {
        status = io_replace_file(&io, path, IO_PRIVATE, buffer_slice(&text), error);
    }
    buffer_free(&text);
    return status;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool number_of(const char *text, uint64_t *number) {
    char *end = NULL;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0 && errno == 0;
}

static bool plain_name(const char *name) {
    return name[0] != 0 && name[0] != '.' && strchr(name, '/') == NULL && strlen(name) < BACKUP_NAME_SIZE;
}

/* "log/0000000000000001.seg@4096", "keys.kks" or, in encrypted backups, "root.key"; nothing else. */
static bool parse_path(const char *path, bool sealed, uint64_t *segment, uint64_t *from) {
    char expected[BACKUP_FILE_SIZE];
    uint8_t bytes[8];
    *segment = 0;
    *from = 0;
    if (strcmp(path, KEYSTORE_FILE) == 0 || (sealed && strcmp(path, BACKUP_ROOT_KEY) == 0)) {
        return true;
    }
    size_t length = strlen(path);
    if (length < 24 || length >= BACKUP_FILE_SIZE || memcmp(path, "log/", 4) != 0 ||
        memcmp(path + 20, ".seg", 4) != 0 || !codec_unhex(bytes, 8, slice_make(path + 4, 16))) {
        return false;
    }
    *segment = codec_get_u64_big(bytes);
    if (path[24] == 0) {
        snprintf(expected, sizeof(expected), "log/%016" PRIx64 ".seg", *segment);
        return *segment != 0 && strcmp(expected, path) == 0;
    }
    if (path[24] != '@' || !number_of(path + 25, from)) {
        return false;
    }
    snprintf(expected, sizeof(expected), "log/%016" PRIx64 ".seg@%" PRIu64, *segment, *from);
    return *segment != 0 && strcmp(expected, path) == 0;
}

/* A fact that only an encrypted backup has. */
static bool take_seal(struct backup_seal *seal, const char *line, const char *value) {
    size_t name = (size_t)(value - line);
    if (strncmp(line, "# Cipher: ", name) == 0) {
        return strcmp(value, CIPHER) == 0;
    }
    if (strncmp(line, "# Id: ", name) == 0) {
        return codec_unhex(seal->id, BACKUP_ID_SIZE, slice_text(value));
    }
    return strncmp(line, "# Slot: ", name) == 0 && seal->slot_count < BACKUP_SLOTS &&
           backup_slot_parse(value, &seal->slots[seal->slot_count++]);
}

static bool take_fact(struct backup *backup, const char *line) {
    struct log_extent *extent = &backup->extent;
    const char *value = strchr(line, ':');
    uint64_t number = 0;
    if (value == NULL || value[1] != ' ') {
        backup->seal.sealed = strcmp(line, "# Kimberlite backup 2") == 0;
        return backup->seal.sealed || strcmp(line, "# Kimberlite backup 1") == 0;
    }
    value += 2;
    size_t name = (size_t)(value - line);
    if (strncmp(line, "# Created: ", name) == 0) {
        return snprintf(backup->created, sizeof(backup->created), "%s", value) < (int)sizeof(backup->created);
    }
    if (strncmp(line, "# Log: ", name) == 0) {
        return snprintf(backup->uuid, sizeof(backup->uuid), "%s", value) == (int)sizeof(backup->uuid) - 1;
    }
    if (strncmp(line, "# Base: ", name) == 0) {
        snprintf(backup->base, sizeof(backup->base), "%s", strcmp(value, "none") == 0 ? "" : value);
        return backup->base[0] == 0 || (plain_name(value) && strcmp(value, backup->name) != 0);
    }
    if (strncmp(line, "# Hash: ", name) == 0) {
        return codec_unhex(extent->place.hash.bytes, HASH256_SIZE, slice_text(value));
    }
    if (backup->seal.sealed && take_seal(&backup->seal, line, value)) {
        return true;
    }
    if (!number_of(value, &number)) {
        return false;
    }
    if (strncmp(line, "# Op: ", name) == 0) {
        extent->place.op = number;
    } else if (strncmp(line, "# Segment: ", name) == 0) {
        extent->place.segment = number;
    } else if (strncmp(line, "# Offset: ", name) == 0) {
        extent->place.offset = number;
    } else if (strncmp(line, "# End: ", name) == 0) {
        extent->end = number;
    } else if (strncmp(line, "# Time: ", name) == 0) {
        extent->time_us = (int64_t)number;
    } else {
        return strncmp(line, "# Files: ", name) == 0;
    }
    return true;
}

static bool take_line(struct backup *backup, const char *line) {
    struct hash256 hash;
    uint64_t segment = 0, from = 0;
    if (line[0] == 0) {
        return true;
    }
    if (line[0] == '#') {
        return take_fact(backup, line);
    }
    return strlen(line) > 66 && codec_unhex(hash.bytes, HASH256_SIZE, slice_make(line, 64)) && line[64] == ' ' &&
           line[65] == ' ' && parse_path(line + 66, backup->seal.sealed, &segment, &from) &&
           backup_add(backup, line + 66, segment, from, hash);
}

/* Takes the authentication off the end of an encrypted backup's MANIFEST. */
static void take_mac(struct backup *backup, struct buffer *text) {
    const size_t length = sizeof(MAC_LINE) - 1 + 2 * HASH256_SIZE + 1;
    if (text->length < length || text->bytes[text->length - 1] != '\n') {
        return;
    }
    uint8_t *line = text->bytes + text->length - length;
    if (memcmp(line, MAC_LINE, sizeof(MAC_LINE) - 1) == 0 &&
        codec_unhex(backup->mac.bytes, HASH256_SIZE, slice_make(line + sizeof(MAC_LINE) - 1, 2 * HASH256_SIZE))) {
        text->length -= length;
        backup->text_hash = hash_blake3(text->bytes, text->length);
    }
}

/* Every line of a MANIFEST. */
static enum kmb_status take_lines(struct backup *backup, const char *path, struct buffer *text,
                                  struct kmb_error *error) {
    char *line = (char *)(uintptr_t)buffer_text(text);
    for (unsigned number = 1; line != NULL && *line != 0; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = 0;
        }
        if (!take_line(backup, line)) {
            return error_set(error, KMB_CORRUPT, "%s: line %u is not what a backup has: %.100s", path, number, line);
        }
        line = end == NULL ? NULL : end + 1;
    }
    bool authentic = !hash256_is_zero(&backup->mac);
    return backup->extent.place.op == 0 || backup->file_count == 0 || backup->uuid[0] == 0 ||
                   authentic != backup->seal.sealed || (backup->seal.sealed && backup->seal.slot_count == 0)
               ? error_set(error, KMB_CORRUPT, "%s is not whole", path)
               : KMB_OK;
}

static enum kmb_status too_long(const char *path, struct kmb_error *error) {
    return error_set(error, KMB_LIMIT, "path is longer than %d bytes: %.80s...", CLI_PATH_MAX - 1, path);
}

enum kmb_status backup_load(const char *directory, struct backup *backup, struct kmb_error *error) {
    struct io io = io_posix();
    struct buffer text = {0};
    char path[CLI_PATH_MAX];
    char whole[CLI_PATH_MAX];
    *backup = (struct backup){0};
    if (realpath(directory, whole) == NULL) {
        return error_set(error, errno == ENOENT ? KMB_FILE_NOT_FOUND : KMB_IO, "cannot read %s: %s", directory,
                         strerror(errno));
    }
    if (!project_join(path, whole, BACKUP_MANIFEST)) {
        return too_long(directory, error);
    }
    snprintf(backup->directory, sizeof(backup->directory), "%s", whole);
    snprintf(backup->name, sizeof(backup->name), "%.63s", strrchr(whole, '/') + 1);
    enum kmb_status status = io_read_file(&io, path, MANIFEST_MAX, &text, error);
    if (status == KMB_FILE_NOT_FOUND) {
        status = error_set(error, status, "%s is no backup: it has no " BACKUP_MANIFEST, directory);
    }
    if (status == KMB_OK) {
        take_mac(backup, &text);
        status = take_lines(backup, path, &text, error);
    }
    buffer_free(&text);
    if (status != KMB_OK) {
        backup_free(backup);
    }
    return status;
}

/* A path that is too long is a wrong option, and one that leads nowhere is not found; both are told in plain words. */
static int tell(enum kmb_status status, const struct kmb_error *error) {
    return status == KMB_OK ? 0
                            : cli_error(status == KMB_FILE_NOT_FOUND ? 6
                                        : status == KMB_LIMIT        ? 2
                                                                     : 1,
                                        "%s", error->message);
}

int backup_read(const char *directory, struct backup *backup) {
    struct kmb_error error = {0};
    return tell(backup_load(directory, backup, &error), &error);
}

/* --- chains ------------------------------------------------------------------------------------------------------- */

void backup_chain_free(struct backup_chain *chain) {
    for (size_t i = 0; i < chain->count; i++) {
        backup_free(&chain->backups[i]);
    }
    free(chain->backups);
    *chain = (struct backup_chain){0};
}

/* The directory of what a backup stands on: beside it; "": it has everything. */
static enum kmb_status base_of(const struct backup *backup, char directory[CLI_PATH_MAX], struct kmb_error *error) {
    int parent = (int)(strrchr(backup->directory, '/') - backup->directory);
    directory[0] = 0;
    return backup->base[0] == 0 ||
                   snprintf(directory, CLI_PATH_MAX, "%.*s/%s", parent, backup->directory, backup->base) < CLI_PATH_MAX
               ? KMB_OK
               : too_long(backup->directory, error);
}

/* One more backup of a chain, below those that are there. */
static enum kmb_status chain_add(struct backup_chain *chain, const char *directory, struct kmb_error *error) {
    void *more = chain->count == BACKUP_CHAIN_MAX
                     ? NULL
                     : realloc(chain->backups, (chain->count + 1) * sizeof(chain->backups[0]));
    if (more == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory, or more than %d backups on top of each other",
                         BACKUP_CHAIN_MAX);
    }
    chain->backups = more;
    struct backup *backup = &chain->backups[chain->count];
    enum kmb_status status = backup_load(directory, backup, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct backup *above = chain->count == 0 ? NULL : backup - 1;
    chain->count++;
    return above != NULL &&
                   (strcmp(backup->uuid, above->uuid) != 0 || backup->extent.place.op >= above->extent.place.op)
               ? error_set(error, KMB_CORRUPT, "%s is not what %s was made on top of", backup->name, above->name)
               : KMB_OK;
}

enum kmb_status backup_chain_load(const char *directory, struct backup_chain *chain, struct kmb_error *error) {
    char next[CLI_PATH_MAX];
    enum kmb_status status = KMB_OK;
    *chain = (struct backup_chain){0};
    snprintf(next, sizeof(next), "%s", directory);
    while (status == KMB_OK && next[0] != 0) {
        status = chain_add(chain, next, error);
        status = status == KMB_OK ? base_of(&chain->backups[chain->count - 1], next, error) : status;
    }
    for (size_t i = 0; i < chain->count / 2; i++) { /* the oldest first */
        struct backup swapped = chain->backups[i];
        chain->backups[i] = chain->backups[chain->count - 1 - i];
        chain->backups[chain->count - 1 - i] = swapped;
    }
    if (status != KMB_OK) {
        backup_chain_free(chain);
    }
    return status;
}

int backup_chain_read(const char *directory, struct backup_chain *chain) {
    struct kmb_error error = {0};
    return tell(backup_chain_load(directory, chain, &error), &error);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

enum kmb_status backup_unseal(struct backup *backup, struct backup_secret *secret, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    if (!backup->seal.sealed && secret == NULL) {
        return KMB_OK;
    }
    if (!backup->seal.sealed) {
        status = error_set(error, KMB_WRONG_KEY, "it is not encrypted, and a key was given");
    } else if (secret == NULL) {
        status = error_set(error, KMB_NO_KEY, "it is encrypted");
        error_hint(error, "Give --backup-key FILE or --backup-passphrase-file FILE.");
    } else {
        status = backup_seal_open(secret, &backup->seal, &backup->keys, error);
    }
    if (status == KMB_OK) {
        struct hash256 mac = backup_seal_mac(backup->keys, &backup->text_hash);
        if (!secret_equal(mac.bytes, backup->mac.bytes, HASH256_SIZE)) {
            status = error_set(error, KMB_CORRUPT, "its " BACKUP_MANIFEST " is not what it was");
        }
    }
    return status;
}

int backup_open(struct backup *backup, struct backup_secret *secret) {
    struct kmb_error error = {0};
    return backup_unseal(backup, secret, &error) == KMB_OK ? 0 : cli_fail(&error, NULL, 0, backup->name);
}

/* --- listing ------------------------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void backup_names_free(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

int backup_names(const char *directory, char ***names, size_t *count) {
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    struct stat stat_of;
    char path[CLI_PATH_MAX];
    int code = 0;
    *names = NULL;
    *count = 0;
    if (listing == NULL) {
        return errno == ENOENT ? 0 : cli_error(1, "cannot read %s: %s", directory, strerror(errno));
    }
    while (code == 0 && (entry = readdir(listing)) != NULL) {
        if (!plain_name(entry->d_name) ||
            snprintf(path, sizeof(path), "%s/%s/" BACKUP_MANIFEST, directory, entry->d_name) >= (int)sizeof(path) ||
            stat(path, &stat_of) != 0) {
            continue;
        }
        char **more = realloc(*names, (*count + 1) * sizeof(**names));
        if (more != NULL) {
            *names = more;
            more[*count] = strdup(entry->d_name);
        }
        if (more == NULL || more[*count] == NULL) {
            code = cli_error(1, "out of memory");
        } else {
            ++*count;
        }
    }
    closedir(listing);
    if (*count > 0) {
        qsort(*names, *count, sizeof(**names), by_name);
    }
    return code;
}
