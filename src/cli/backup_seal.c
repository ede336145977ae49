/*
 * Each backup has a key of its own, so that wrapping it for one more holder, or giving one backup away, touches no
 * other. A piece is bound to its backup, its file, its place in it and to being the last: pieces cannot be exchanged,
 * left out, or taken over from another backup. Nonces are random and stand before the piece.
 *
 * A wrong passphrase and a damaged slot cannot be told apart, and are not: nothing is derived from the passphrase that
 * could be tried faster than scrypt lets.
 */
#include "cli/backup_seal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/environment.h"
#include "base/io.h"
#include "cli/project.h"
#include "crypto/base64.h"
#include "crypto/kdf.h"

#define SCRYPT_N        ((uint64_t)1 << 17) /* with r = 8: 128 MiB and some tenths of a second, as for a root key */
#define SCRYPT_N_MAX    ((uint64_t)1 << 20) /* that a MANIFEST may ask of us: 1 GiB */
#define SCRYPT_N_MIN    ((uint64_t)1 << 14)
#define KEY_FILE_MAX    ((size_t)8192)
#define PIECE_LABEL     "kimberlite backup piece v1"
#define SLOT_LABEL      "kimberlite backup slot v1"
#define KEY_CHECK_LABEL "kimberlite backup key v1"

struct backup_secret {
    bool has_file;
    struct secret_key file_key;
    char key_id[BACKUP_KEY_ID + 1];
    char passphrase[CLI_PASSPHRASE_SIZE]; /* "": none */
    bool derived;                         /* scrypt of it with this salt and cost is known */
    uint64_t cost;
    uint8_t salt[16];
    struct secret_key passphrase_key;
};

struct backup_keys {
    uint8_t id[BACKUP_ID_SIZE];
    struct secret_key pieces;
    struct secret_key mac;
    struct aead_key *aead;
};

static bool draw(void *bytes, size_t size) {
    struct environment environment = environment_system();
    return environment.random(environment.context, bytes, size);
}

/* --- key files ---------------------------------------------------------------------------------------------------- */

static void key_id_of(const struct secret_key *key, char id[BACKUP_KEY_ID + 1]) {
    const struct slice parts[2] = {slice_text(KEY_CHECK_LABEL), slice_make(key->bytes, SECRET_KEY_SIZE)};
    struct hash256 hash = hash_sha256_parts(parts, 2);
    codec_hex(id, hash.bytes, BACKUP_KEY_ID / 2);
}

int backup_key_make(const char *path, char key_id[BACKUP_KEY_ID + 1]) {
    struct io io = io_posix();
    struct kmb_error error = {0};
    struct io_file *file = NULL;
    struct secret_key *key = secret_alloc(sizeof(*key));
    char encoded[BASE64_LENGTH(SECRET_KEY_SIZE) + 1];
    char text[512];
    if (key == NULL || !draw(key->bytes, SECRET_KEY_SIZE)) {
        secret_free(key);
        return cli_error(1, "the system gives no memory or no random bytes for a key");
    }
    key_id_of(key, key_id);
    base64_encode(encoded, key->bytes, SECRET_KEY_SIZE);
    secret_free(key);
    int length =
        snprintf(text, sizeof(text),
                 "# Kimberlite backup key. Whoever has it can open the backups made with it; without it, or their\n"
                 "# passphrase, nobody can. Keep copies in safe places, apart from the backups.\n"
                 "kimberlite-backup-key 1\nkey %s\ncheck %s\n",
                 encoded, key_id);
    enum kmb_status status = io_open(&io, path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE | IO_PRIVATE, &file, &error);
    if (status == KMB_OK) {
        status = io_write(&io, file, 0, text, (size_t)length, &error);
    }
    if (status == KMB_OK) {
        status = io_sync(&io, file, &error);
    }
    io_close(&io, file);
    explicit_bzero(encoded, sizeof(encoded));
    explicit_bzero(text, sizeof(text));
    return status == KMB_OK ? 0 : cli_fail(&error, NULL, 0, path);
}

/* The three lines of a key file; others are empty or begin with #. */
static bool parse_key_file(char *text, struct backup_secret *secret) {
    static const char *const names[] = {"kimberlite-backup-key ", "key ", "check "};
    char expected[BACKUP_KEY_ID + 1];
    size_t at = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\r\n", &rest); line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        if (line[0] == '#') {
            continue;
        }
        if (at == 3 || strncmp(line, names[at], strlen(names[at])) != 0) {
            return false;
        }
        const char *value = line + strlen(names[at]);
        if (at == 0 && strcmp(value, "1") != 0) {
            return false;
        }
        if (at == 1) {
            if (!base64_decode_exact(slice_text(value), secret->file_key.bytes, SECRET_KEY_SIZE)) {
                return false;
            }
            key_id_of(&secret->file_key, expected);
        }
        if (at == 2 && strcmp(value, expected) != 0) {
            return false;
        }
        at++;
    }
    memcpy(secret->key_id, expected, sizeof(expected));
    return at == 3;
}

static int read_key_file(const char *path, struct backup_secret *secret) {
    struct io io = io_posix();
    struct kmb_error error = {0};
    struct buffer text = {0};
    int code = 0;
    if (!buffer_reserve(&text, KEY_FILE_MAX)) { /* at once, so that growing leaves no copies behind */
        return cli_error(1, "out of memory");
    }
    if (io_read_file(&io, path, KEY_FILE_MAX - 1, &text, &error) != KMB_OK) {
        if (error.status == KMB_FILE_NOT_FOUND) {
            error_hint(&error, "\"kimberlite backup key FILE\" makes a key.");
        }
        code = cli_fail(&error, NULL, 0, "backup key");
    } else if (!parse_key_file((char *)(uintptr_t)buffer_text(&text), secret)) {
        error_set(&error, KMB_WRONG_KEY, "'%s' is no backup key, or damaged: it needs three lines, and its check",
                  path);
        code = cli_fail(&error, NULL, 0, NULL);
    }
    explicit_bzero(text.bytes, text.capacity);
    buffer_free(&text);
    secret->has_file = code == 0;
    return code;
}

void backup_secret_free(struct backup_secret *secret) {
    secret_free(secret);
}

int backup_secret_read(const struct cli_options *options, bool twice, struct backup_secret **secret) {
    const char *variable = getenv("KIMBERLITE_BACKUP_PASSPHRASE");
    bool phrase = options->backup_passphrase_file != NULL || (variable != NULL && options->backup_key == NULL);
    int code = 0;
    *secret = NULL;
    if (options->backup_key == NULL && !phrase) {
        return 0;
    }
    *secret = secret_alloc(sizeof(**secret));
    if (*secret == NULL) {
        return cli_error(1, "out of memory");
    }
    if (options->backup_key != NULL) {
        code = read_key_file(options->backup_key, *secret);
    }
    if (code == 0 && phrase) {
        code =
            project_read_passphrase(options->backup_passphrase_file, variable,
                                    "Passphrase of the backup: ", twice ? "Once more: " : NULL, (*secret)->passphrase);
    }
    if (code != 0) {
        secret_free(*secret);
        *secret = NULL;
    }
    return code;
}

/* --- slots -------------------------------------------------------------------------------------------------------- */

void backup_slot_print(const struct backup_slot *slot, struct buffer *out) {
    char wrapped[BASE64_LENGTH(sizeof(slot->wrapped)) + 1];
    char salt[33];
    base64_encode(wrapped, slot->wrapped, sizeof(slot->wrapped));
    if (slot->kind == BACKUP_SLOT_FILE) {
        buffer_printf(out, "# Slot: file %s %s\n", slot->key_id, wrapped);
        return;
    }
    codec_hex(salt, slot->salt, sizeof(slot->salt));
    buffer_printf(out, "# Slot: scrypt %" PRIu64 " 8 1 %s %s\n", slot->cost, salt, wrapped);
}

bool backup_slot_parse(const char *text, struct backup_slot *slot) {
    const char *wrapped = strrchr(text, ' ');
    uint8_t id[BACKUP_KEY_ID / 2];
    *slot = (struct backup_slot){.kind = BACKUP_SLOT_FILE};
    if (wrapped == NULL || !base64_decode_exact(slice_text(wrapped + 1), slot->wrapped, sizeof(slot->wrapped))) {
        return false;
    }
    size_t length = (size_t)(wrapped - text);
    if (length == 5 + BACKUP_KEY_ID && memcmp(text, "file ", 5) == 0) {
        memcpy(slot->key_id, text + 5, BACKUP_KEY_ID);
        return codec_unhex(id, sizeof(id), slice_text(slot->key_id));
    }
    slot->kind = BACKUP_SLOT_PASSPHRASE;
    for (slot->cost = SCRYPT_N_MIN; slot->cost <= SCRYPT_N_MAX; slot->cost *= 2) {
        char expected[64];
        int before = snprintf(expected, sizeof(expected), "scrypt %" PRIu64 " 8 1 ", slot->cost);
        if (length == (size_t)before + 32 && memcmp(text, expected, (size_t)before) == 0) {
            return codec_unhex(slot->salt, sizeof(slot->salt), slice_make(text + before, 32));
        }
    }
    return false;
}

/* The key that a slot is wrapped under; KMB_WRONG_KEY: the secret has none for it. */
static enum kmb_status slot_key(struct backup_secret *secret, const struct backup_slot *slot, struct aead_key **key,
                                struct kmb_error *error) {
    if (slot->kind == BACKUP_SLOT_FILE) {
        return secret->has_file ? aead_key_new(&secret->file_key, key, error) : KMB_WRONG_KEY;
    }
    if (secret->passphrase[0] == 0) {
        return KMB_WRONG_KEY;
    }
    if (!secret->derived || secret->cost != slot->cost || memcmp(secret->salt, slot->salt, sizeof(slot->salt)) != 0) {
        const struct kdf_scrypt_cost cost = {.n = slot->cost, .r = 8, .p = 1};
        secret->derived = kdf_scrypt(slice_text(secret->passphrase), slice_make(slot->salt, sizeof(slot->salt)), cost,
                                     secret->passphrase_key.bytes, SECRET_KEY_SIZE);
        if (!secret->derived) {
            return error_set(error, KMB_NO_MEMORY,
                             "no memory to make a key of the passphrase: it takes %" PRIu64 " MiB", slot->cost >> 10);
        }
        secret->cost = slot->cost;
        memcpy(secret->salt, slot->salt, sizeof(slot->salt));
    }
    return aead_key_new(&secret->passphrase_key, key, error);
}

static void slot_aad(const uint8_t id[BACKUP_ID_SIZE], uint8_t out[sizeof(SLOT_LABEL) - 1 + BACKUP_ID_SIZE]) {
    memcpy(out, SLOT_LABEL, sizeof(SLOT_LABEL) - 1);
    memcpy(out + sizeof(SLOT_LABEL) - 1, id, BACKUP_ID_SIZE);
}

void backup_keys_free(struct backup_keys *keys) {
    if (keys != NULL) {
        aead_key_free(keys->aead);
        secret_free(keys);
    }
}

/* What the backup's key gives. */
static enum kmb_status keys_of(const struct secret_key *key, const uint8_t id[BACKUP_ID_SIZE], struct backup_keys **out,
                               struct kmb_error *error) {
    struct slice secret = slice_make(key->bytes, SECRET_KEY_SIZE);
    struct slice salt = slice_make(id, BACKUP_ID_SIZE);
    struct backup_keys *keys = secret_alloc(sizeof(*keys));
    if (keys == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a backup's keys");
    }
    memcpy(keys->id, id, BACKUP_ID_SIZE);
    kdf_hkdf_sha256(secret, salt, slice_text("kimberlite backup pieces v1"), keys->pieces.bytes, SECRET_KEY_SIZE);
    kdf_hkdf_sha256(secret, salt, slice_text("kimberlite backup manifest v1"), keys->mac.bytes, SECRET_KEY_SIZE);
    enum kmb_status status = aead_key_new(&keys->pieces, &keys->aead, error);
    if (status != KMB_OK) {
        backup_keys_free(keys);
        return status;
    }
    *out = keys;
    return KMB_OK;
}

static enum kmb_status wrap(struct backup_secret *secret, const uint8_t id[BACKUP_ID_SIZE],
                            const struct secret_key *key, struct backup_slot *slot, struct kmb_error *error) {
    uint8_t aad[sizeof(SLOT_LABEL) - 1 + BACKUP_ID_SIZE];
    struct aead_key *wrapping = NULL;
    struct aead_nonce nonce;
    if (!draw(nonce.bytes, sizeof(nonce.bytes))) {
        return error_set(error, KMB_IO, "the system gives no random bytes for a key");
    }
    enum kmb_status status = slot_key(secret, slot, &wrapping, error);
    if (status == KMB_OK) {
        slot_aad(id, aad);
        memcpy(slot->wrapped, nonce.bytes, AEAD_NONCE_SIZE);
        aead_seal(wrapping, &nonce, slice_make(aad, sizeof(aad)), slice_make(key->bytes, SECRET_KEY_SIZE),
                  slot->wrapped + AEAD_NONCE_SIZE);
        aead_key_free(wrapping);
    }
    return status;
}

static const struct backup_slot *passphrase_slot(const struct backup_seal *seal) {
    for (size_t i = 0; seal != NULL && i < seal->slot_count; i++) {
        if (seal->slots[i].kind == BACKUP_SLOT_PASSPHRASE) {
            return &seal->slots[i];
        }
    }
    return NULL;
}

enum kmb_status backup_seal_make(struct backup_secret *secret, const struct backup_seal *like, struct backup_seal *seal,
                                 struct backup_keys **keys, struct kmb_error *error) {
    const struct backup_slot *before = passphrase_slot(like);
    struct secret_key *key = secret_alloc(sizeof(*key));
    *seal = (struct backup_seal){.sealed = true};
    if (key == NULL || !draw(key->bytes, SECRET_KEY_SIZE) || !draw(seal->id, BACKUP_ID_SIZE)) {
        secret_free(key);
        return error_set(error, KMB_IO, "the system gives no memory or no random bytes for a key");
    }
    enum kmb_status status = KMB_OK;
    if (secret->passphrase[0] != 0) {
        struct backup_slot *slot = &seal->slots[seal->slot_count++];
        slot->kind = BACKUP_SLOT_PASSPHRASE;
        slot->cost = before == NULL ? SCRYPT_N : before->cost;
        if (before != NULL) {
            memcpy(slot->salt, before->salt, sizeof(slot->salt));
        } else if (!draw(slot->salt, sizeof(slot->salt))) {
            status = error_set(error, KMB_IO, "the system gives no random bytes for a key");
        }
        status = status == KMB_OK ? wrap(secret, seal->id, key, slot, error) : status;
    }
    if (status == KMB_OK && secret->has_file) {
        struct backup_slot *slot = &seal->slots[seal->slot_count++];
        slot->kind = BACKUP_SLOT_FILE;
        memcpy(slot->key_id, secret->key_id, sizeof(slot->key_id));
        status = wrap(secret, seal->id, key, slot, error);
    }
    status = status == KMB_OK ? keys_of(key, seal->id, keys, error) : status;
    secret_free(key);
    return status;
}

/* Says which of the secrets did not fit, as far as that can be known. */
static enum kmb_status wrong_key(const struct backup_secret *secret, const struct backup_seal *seal,
                                 struct kmb_error *error) {
    const struct backup_slot *file = NULL;
    for (size_t i = 0; i < seal->slot_count; i++) {
        file = seal->slots[i].kind == BACKUP_SLOT_FILE ? &seal->slots[i] : file;
    }
    if (secret->passphrase[0] != 0 && passphrase_slot(seal) != NULL) {
        return error_set(error, KMB_WRONG_KEY, "wrong passphrase, or the MANIFEST is damaged");
    }
    if (secret->has_file && file != NULL) {
        return error_set(error, KMB_WRONG_KEY, "it is for backup key %s, or its MANIFEST is damaged; given is key %s",
                         file->key_id, secret->key_id);
    }
    error_set(error, KMB_WRONG_KEY, "it can be opened with %s",
              file == NULL ? "its passphrase alone" : "its key file alone");
    error_hint(error, file == NULL ? "Give --backup-passphrase-file FILE." : "Give --backup-key FILE.");
    return KMB_WRONG_KEY;
}

enum kmb_status backup_seal_open(struct backup_secret *secret, const struct backup_seal *seal,
                                 struct backup_keys **keys, struct kmb_error *error) {
    uint8_t aad[sizeof(SLOT_LABEL) - 1 + BACKUP_ID_SIZE];
    struct secret_key *key = secret_alloc(sizeof(*key));
    bool opened = false;
    if (key == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a backup's keys");
    }
    slot_aad(seal->id, aad);
    enum kmb_status status = KMB_WRONG_KEY;
    for (size_t i = 0; !opened && i < seal->slot_count; i++) {
        const struct backup_slot *slot = &seal->slots[i];
        struct aead_key *wrapping = NULL;
        struct aead_nonce nonce;
        status = slot_key(secret, slot, &wrapping, error);
        if (status == KMB_OK) {
            memcpy(nonce.bytes, slot->wrapped, AEAD_NONCE_SIZE);
            opened =
                aead_open(wrapping, &nonce, slice_make(aad, sizeof(aad)),
                          slice_make(slot->wrapped + AEAD_NONCE_SIZE, SECRET_KEY_SIZE + AEAD_TAG_SIZE), key->bytes);
            aead_key_free(wrapping);
        } else if (status != KMB_WRONG_KEY) {
            break;
        }
    }
    if (opened) {
        status = keys_of(key, seal->id, keys, error);
    } else if (status == KMB_OK || status == KMB_WRONG_KEY) {
        status = wrong_key(secret, seal, error);
    }
    secret_free(key);
    return status;
}

struct hash256 backup_seal_mac(const struct backup_keys *keys, const struct hash256 *text) {
    return hash_blake3_keyed(keys->mac.bytes, text->bytes, HASH256_SIZE);
}

/* --- pieces ------------------------------------------------------------------------------------------------------- */

#define PIECE_AAD_MAX 160

static struct slice piece_aad(const struct backup_keys *keys, const char *path, uint64_t index, bool last,
                              uint8_t out[PIECE_AAD_MAX]) {
    const size_t label = sizeof(PIECE_LABEL) - 1;
    size_t length = strnlen(path, PIECE_AAD_MAX - label - BACKUP_ID_SIZE - 9);
    memcpy(out, PIECE_LABEL, label);
    memcpy(out + label, keys->id, BACKUP_ID_SIZE);
    codec_put_u64(out + label + BACKUP_ID_SIZE, index);
    out[label + BACKUP_ID_SIZE + 8] = last ? 1 : 0;
    memcpy(out + label + BACKUP_ID_SIZE + 9, path, length);
    return slice_make(out, label + BACKUP_ID_SIZE + 9 + length);
}

bool backup_piece_seal(const struct backup_keys *keys, const char *path, uint64_t index, bool last,
                       const uint8_t *plain, size_t size, uint8_t *out) {
    uint8_t aad[PIECE_AAD_MAX];
    struct aead_nonce nonce;
    if (!draw(nonce.bytes, sizeof(nonce.bytes))) {
        return false;
    }
    memcpy(out, nonce.bytes, AEAD_NONCE_SIZE);
    aead_seal(keys->aead, &nonce, piece_aad(keys, path, index, last, aad), slice_make(plain, size),
              out + AEAD_NONCE_SIZE);
    return true;
}

bool backup_piece_open(const struct backup_keys *keys, const char *path, uint64_t index, bool last,
                       const uint8_t *sealed, size_t size, uint8_t *out) {
    uint8_t aad[PIECE_AAD_MAX];
    struct aead_nonce nonce;
    if (size < BACKUP_PIECE_MORE) {
        return false;
    }
    memcpy(nonce.bytes, sealed, AEAD_NONCE_SIZE);
    return aead_open(keys->aead, &nonce, piece_aad(keys, path, index, last, aad),
                     slice_make(sealed + AEAD_NONCE_SIZE, size - AEAD_NONCE_SIZE), out);
}
