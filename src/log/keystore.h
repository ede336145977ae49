/*
 * The key store: the one mutable state outside the log. docs/internals/formats-keys.md has every byte.
 *
 *     root key (a file of its own, outside the data directory)
 *       -> checkpoint signing key of the log (Ed25519 seed)
 *       -> key-encryption key of each tenant
 *            -> data keys (bodies of entries), projection keys (pages of the store)
 *
 * Every key below the root is random, has a version from 1, and stands wrapped under its parent in `keys.kks`, which is
 * kept twice and replaced as a whole. A key returned by any function here is durable in both copies.
 *
 * Threads: keystore_key() and the other readers may be called by any thread at any time; functions that change the
 * store by one thread at a time (a lock inside keeps readers safe beside it).
 */
#ifndef KMB_LOG_KEYSTORE_H
#define KMB_LOG_KEYSTORE_H

#include "base/environment.h"
#include "base/io.h"
#include "crypto/aead.h"
#include "crypto/note.h"
#include "crypto/sign.h"
#include "log/entry.h"

#define KEYSTORE_FILE "keys.kks"
#define KEYSTORE_COPY "keys.kks.copy"

/* The key_id of data keys in entry headers; ids from 2 on are for keys of data subjects. */
#define KEYSTORE_KEY_ID 1

enum keystore_purpose {
    KEYSTORE_DATA = 1,       /* bodies of log entries */
    KEYSTORE_PROJECTION = 2, /* pages of the store, spill files */
    KEYSTORE_CHECKPOINT = 3, /* Ed25519 seed that signs tree heads; of tenant 0, for the whole log */
    KEYSTORE_TENANT = 4,     /* key-encryption key of a tenant */
};

struct keystore;

struct keystore_options {
    const struct io *io;                   /* must outlive the key store, and so must environment's context */
    const struct environment *environment; /* randomness; may be NULL for keystore_open of a reader */
    const char *directory;                 /* of keys.kks and its copy: the data directory */
    const char *root_key_path;             /* not used without encryption, nor with a passphrase */
    const char *passphrase;                /* the root key is made of it and of the log's uuid; NULL: it is in a file */
    uint8_t log_uuid[16];
    bool encryption;         /* create only: false is --no-encryption; keys.kks says it ever after */
    bool read_only;          /* open only: a damaged copy is reported and left as it is */
    uint64_t generation_min; /* open only: an older store is KMB_ROLLED_BACK; 0: no check */
};

/* What opening found. */
struct keystore_report {
    bool copy_damaged;   /* one copy was damaged, stale or missing and the other served */
    bool copy_rewritten; /* and is whole again */
    char message[384];   /* says which and why; empty when both were whole */
};

/*
 * Makes a key store with a checkpoint key and no tenant. Writes the root key file first, unless one for this log is
 * there already. KMB_FILE_EXISTS: there is a key store, or a root key file of another log.
 */
enum kmb_status keystore_create(const struct keystore_options *options, struct keystore **store,
                                struct kmb_error *error);

/*
 * KMB_NO_KEY: the root key file is not there. KMB_WRONG_KEY: it is another log's, damaged, or not this store's.
 * KMB_FILE_NOT_FOUND: neither copy is there. KMB_CORRUPT: both copies are damaged. KMB_ROLLED_BACK: generation_min.
 * KMB_FORMAT_VERSION: written by a later version. report may be NULL.
 */
enum kmb_status keystore_open(const struct keystore_options *options, struct keystore **store,
                              struct keystore_report *report, struct kmb_error *error);
void keystore_close(struct keystore *store); /* wipes; NULL is fine */

bool keystore_encrypted(const struct keystore *store);
/* Grows by one with each change; the superblock may keep it to notice a rollback. */
uint64_t keystore_generation(struct keystore *store);

/* Makes the tenant's key-encryption key, data key 1 and projection key 1. KMB_TENANT_EXISTS. Tenant 0 is a tenant. */
enum kmb_status keystore_tenant_create(struct keystore *store, uint32_t tenant, struct kmb_error *error);
bool keystore_tenant_exists(struct keystore *store, uint32_t tenant);

/* A new version of a data, projection or checkpoint key; old versions stay. */
enum kmb_status keystore_rotate(struct keystore *store, uint32_t tenant, enum keystore_purpose purpose,
                                uint32_t *version, struct kmb_error *error);

/* The newest version, 0 when there is none. */
uint32_t keystore_version(struct keystore *store, uint32_t tenant, enum keystore_purpose purpose);

/*
 * The data or projection key, made ready; version 0 means the newest. *key belongs to the store and lives until
 * keystore_close(). Without encryption *key is NULL: bodies and pages are in clear. KMB_NO_KEY: no such key.
 */
enum kmb_status keystore_key(struct keystore *store, uint32_t tenant, enum keystore_purpose purpose, uint32_t version,
                             struct aead_key **key, struct kmb_error *error);

/* The same for readers of entries: key_id must be KEYSTORE_KEY_ID. The store must outlive it. */
struct log_keys keystore_log_keys(struct keystore *store);

/* The key that signs checkpoints, and its verifier under the name of a tenant's log. version 0 means the newest. */
enum kmb_status keystore_checkpoint_key(struct keystore *store, uint32_t version, const struct sign_key **key,
                                        struct kmb_error *error);
enum kmb_status keystore_checkpoint_verifier(struct keystore *store, uint32_t version, uint32_t tenant,
                                             struct note_verifier *verifier, struct kmb_error *error);

/* What can be read of a key store without the root key: unauthenticated, for verification without keys. */
#define KEYSTORE_PUBLIC_MAX 64
struct keystore_public {
    uint8_t log_uuid[16];
    uint64_t generation;
    bool encrypted;
    uint32_t checkpoint_count; /* of checkpoint[], version = place + 1; the oldest KEYSTORE_PUBLIC_MAX */
    struct sign_public checkpoint[KEYSTORE_PUBLIC_MAX];
};
enum kmb_status keystore_public_read(const struct io *io, const char *directory, struct keystore_public *out,
                                     struct kmb_error *error);

#endif
