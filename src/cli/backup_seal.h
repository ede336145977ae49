/*
 * Encrypted backups: keys, who can open them, pieces of files. docs/internals/formats-backup.md has every byte.
 *
 *     passphrase (scrypt) or key file
 *       -> key of the backup, drawn at random, wrapped once for each of them (a slot of the MANIFEST)
 *            -> pieces of its files (XAES-256-GCM), and the authentication of the MANIFEST (keyed BLAKE3)
 *
 * It has nothing to do with the root key: whoever holds the key of a backup sees what a holder of the data directory
 * sees, and the root key only where it was put in on request.
 */
#ifndef KMB_CLI_BACKUP_SEAL_H
#define KMB_CLI_BACKUP_SEAL_H

#include "base/buffer.h"
#include "cli/cli.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

#define BACKUP_PIECE      ((size_t)1 << 20) /* plain bytes of a piece of a file; the last one may be shorter */
#define BACKUP_PIECE_MORE (AEAD_NONCE_SIZE + AEAD_TAG_SIZE)
#define BACKUP_SLOTS      2
#define BACKUP_ID_SIZE    16
#define BACKUP_KEY_ID     16 /* characters that tell key files apart */

enum backup_slot_kind { BACKUP_SLOT_PASSPHRASE, BACKUP_SLOT_FILE };

/* The key of the backup, wrapped. */
struct backup_slot {
    enum backup_slot_kind kind;
    uint64_t cost; /* scrypt's N; r is 8 and p is 1 */
    uint8_t salt[16];
    char key_id[BACKUP_KEY_ID + 1];
    uint8_t wrapped[AEAD_NONCE_SIZE + SECRET_KEY_SIZE + AEAD_TAG_SIZE];
};

/* What a MANIFEST says of it: public. */
struct backup_seal {
    bool sealed;
    uint8_t id[BACKUP_ID_SIZE];
    struct backup_slot slots[BACKUP_SLOTS];
    size_t slot_count;
};

/* What the user gave to open backups with; in secret memory. NULL: nothing. */
struct backup_secret;
int backup_secret_read(const struct cli_options *options, bool twice, struct backup_secret **secret);
void backup_secret_free(struct backup_secret *secret);
/* A new key file at path, which must not exist. 0, or an exit code after telling why. */
int backup_key_make(const char *path, char key_id[BACKUP_KEY_ID + 1]);

/* The keys of one backup. */
struct backup_keys;
void backup_keys_free(struct backup_keys *keys); /* wipes; NULL is fine */

/* Draws an id and a key, wrapped for all that the secret has. like: a backup whose salt serves again, or NULL: a chain
 * of backups under one passphrase costs scrypt once. */
enum kmb_status backup_seal_make(struct backup_secret *secret, const struct backup_seal *like, struct backup_seal *seal,
                                 struct backup_keys **keys, struct kmb_error *error);
/* KMB_WRONG_KEY: nothing of the secret opens it. */
enum kmb_status backup_seal_open(struct backup_secret *secret, const struct backup_seal *seal,
                                 struct backup_keys **keys, struct kmb_error *error);

/* The authentication of a MANIFEST whose text has this hash. */
struct hash256 backup_seal_mac(const struct backup_keys *keys, const struct hash256 *text);

/* A line "# Slot: ..." of the MANIFEST, from behind the colon; false: it is none. */
void backup_slot_print(const struct backup_slot *slot, struct buffer *out);
bool backup_slot_parse(const char *text, struct backup_slot *slot);

/* Piece `index` of the file at a path of the backup; the last one says that it is the last. Seals size bytes into size
 * + BACKUP_PIECE_MORE, or opens as many. */
bool backup_piece_seal(const struct backup_keys *keys, const char *path, uint64_t index, bool last,
                       const uint8_t *plain, size_t size, uint8_t *out) __attribute__((warn_unused_result));
bool backup_piece_open(const struct backup_keys *keys, const char *path, uint64_t index, bool last,
                       const uint8_t *sealed, size_t size, uint8_t *out) __attribute__((warn_unused_result));

#endif
