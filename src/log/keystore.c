/*
 * The key store: what keys there are, and keys made ready on demand.
 *
 * Keys are the one thing that no log can bring back, so the file is kept twice, replaced as a whole, and a change is
 * told to the caller only when both copies are durable. On opening the newest authentic copy serves; a copy that is
 * damaged, missing or older is named and written anew. A generation number rises with every attempt to write, also a
 * failed one, so that no two contents ever carry the same number.
 *
 * In memory stand the records (wrapped, as in the file) and, beside them, the keys made ready so far. A change builds
 * new records aside, writes them, and only then takes the lock to exchange them: readers never wait for a disk. Ready
 * keys are never moved or dropped before the store is closed, which is why callers may keep the pointers.
 *
 * Two keys are derived from the root key, so that it is used for one thing: HKDF gives the key that wraps and the key
 * that authenticates the file.
 */
#include "log/keystore.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "crypto/kdf.h"
#include "log/keystore_copies.h"
#include "log/keystore_format.h"
#include "log/keystore_root.h"

#define KEYSTORE_SCRYPT_N ((uint64_t)1 << 17) /* with r = 8: 128 MiB and some tenths of a second */

static const char *const keystore_purpose_names[] = {"", "data", "projection", "checkpoint", "tenant"};

/* A key made ready. */
struct keystore_ready {
    struct keystore_record record; /* its identity counts */
    struct aead_key *aead;         /* NULL for a checkpoint key */
    struct sign_key *sign;         /* NULL for every other */
};

/* Derived from the root key; in secret memory. */
struct keystore_roots {
    struct secret_key wrap;
    struct secret_key mac;
};

struct keystore {
    struct io io;
    struct environment environment;
    bool has_environment;
    bool read_only;
    char *paths[KEYSTORE_COPIES];
    struct keystore_roots *roots; /* NULL without encryption */
    struct aead_key *root;        /* roots->wrap made ready; NULL without encryption */
    pthread_mutex_t lock;         /* guards what follows */
    struct keystore_image image;  /* its uuid and `encrypted` are constant once made and need no lock */
    struct keystore_ready *ready; /* in the order of keystore_record_compare */
    size_t ready_count;
    size_t ready_capacity;
    uint64_t generation_tried; /* of the last write attempted; the changing thread's alone */
};

static enum kmb_status keystore_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "no memory for the key store");
}

void keystore_close(struct keystore *store) {
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < store->ready_count; i++) {
        aead_key_free(store->ready[i].aead);
        sign_key_free(store->ready[i].sign);
    }
    mem_free(store->ready);
    keystore_image_free(&store->image);
    aead_key_free(store->root);
    secret_free(store->roots);
    for (size_t i = 0; i < KEYSTORE_COPIES; i++) {
        mem_free(store->paths[i]);
    }
    (void)pthread_mutex_destroy(&store->lock);
    mem_free(store);
}

static enum kmb_status keystore_new(const struct keystore_options *options, struct keystore **store,
                                    struct kmb_error *error) {
    struct keystore *made = mem_alloc_zero(1, sizeof *made);
    if (made == NULL) {
        return keystore_no_memory(error);
    }
    (void)pthread_mutex_init(&made->lock, NULL);
    made->io = *options->io;
    made->has_environment = options->environment != NULL;
    if (made->has_environment) {
        made->environment = *options->environment;
    }
    made->read_only = options->read_only;
    for (size_t i = 0; i < KEYSTORE_COPIES; i++) {
        made->paths[i] = keystore_copy_path(options->directory, i);
        if (made->paths[i] == NULL) {
            keystore_close(made);
            return keystore_no_memory(error);
        }
    }
    *store = made;
    return KMB_OK;
}

/* Derives and makes ready what the root key gives. */
static enum kmb_status keystore_root_use(struct keystore *store, const struct secret_key *root,
                                         const uint8_t log_uuid[16], struct kmb_error *error) {
    struct slice secret = slice_make(root->bytes, SECRET_KEY_SIZE);
    struct slice salt = slice_make(log_uuid, 16);
    store->roots = secret_alloc(sizeof *store->roots);
    if (store->roots == NULL) {
        return keystore_no_memory(error);
    }
    kdf_hkdf_sha256(secret, salt, slice_text("kimberlite root wrap v1"), store->roots->wrap.bytes, SECRET_KEY_SIZE);
    kdf_hkdf_sha256(secret, salt, slice_text("kimberlite root mac v1"), store->roots->mac.bytes, SECRET_KEY_SIZE);
    return aead_key_new(&store->roots->wrap, &store->root, error);
}

static enum kmb_status keystore_random(struct keystore *store, void *bytes, size_t size, struct kmb_error *error) {
    ASSERT(store->has_environment);
    if (!store->environment.random(store->environment.context, bytes, size)) {
        return error_set(error, KMB_IO, "the system gives no random bytes for a key");
    }
    return KMB_OK;
}

/* Seals a raw key into a record whose identity is set. parent: NULL without encryption. */
static enum kmb_status keystore_wrap(struct keystore *store, struct aead_key *parent, const struct secret_key *raw,
                                     struct keystore_record *record, struct kmb_error *error) {
    memset(record->wrapped, 0, sizeof record->wrapped);
    if (parent == NULL) {
        memcpy(record->wrapped, raw->bytes, SECRET_KEY_SIZE);
        return KMB_OK;
    }
    uint8_t aad[KEYSTORE_WRAP_AAD_SIZE];
    struct aead_nonce nonce;
    enum kmb_status status = keystore_random(store, nonce.bytes, sizeof nonce.bytes, error);
    if (status != KMB_OK) {
        return status;
    }
    keystore_wrap_aad(store->image.log_uuid, record, aad);
    memcpy(record->wrapped, nonce.bytes, AEAD_NONCE_SIZE);
    aead_seal(parent, &nonce, slice_make(aad, sizeof aad), slice_make(raw->bytes, SECRET_KEY_SIZE),
              record->wrapped + AEAD_NONCE_SIZE);
    return KMB_OK;
}

static enum kmb_status keystore_unwrap(const struct keystore *store, struct aead_key *parent,
                                       const struct keystore_record *record, struct secret_key *raw,
                                       struct kmb_error *error) {
    if (parent == NULL) {
        memcpy(raw->bytes, record->wrapped, SECRET_KEY_SIZE);
        return KMB_OK;
    }
    uint8_t aad[KEYSTORE_WRAP_AAD_SIZE];
    struct aead_nonce nonce;
    keystore_wrap_aad(store->image.log_uuid, record, aad);
    memcpy(nonce.bytes, record->wrapped, AEAD_NONCE_SIZE);
    if (!aead_open(parent, &nonce, slice_make(aad, sizeof aad),
                   slice_make(record->wrapped + AEAD_NONCE_SIZE, KEYSTORE_WRAPPED_SIZE - AEAD_NONCE_SIZE),
                   raw->bytes)) {
        return error_set(
            error, KMB_CORRUPT,
            "%s key %" PRIu32 " version %" PRIu32 " of tenant %" PRIu32 " in '%s' does not open under its parent key",
            keystore_purpose_names[record->purpose], record->key_id, record->version, record->tenant, store->paths[0]);
    }
    return KMB_OK;
}

static struct keystore_record keystore_identity(uint32_t tenant, enum keystore_purpose purpose, uint32_t version) {
    return (struct keystore_record){
        .purpose = (uint8_t)purpose, .tenant = tenant, .key_id = KEYSTORE_KEY_ID, .version = version};
}

/* The record of a key, NULL when there is none. */
static const struct keystore_record *keystore_record_of(const struct keystore *store,
                                                        const struct keystore_record *identity) {
    uint32_t place = keystore_image_find(&store->image, identity);
    if (place == store->image.count || keystore_record_compare(&store->image.records[place], identity) != 0) {
        return NULL;
    }
    return &store->image.records[place];
}

/* The newest version of a key, 0: none. */
static uint32_t keystore_newest(const struct keystore *store, uint32_t tenant, enum keystore_purpose purpose) {
    struct keystore_record last = keystore_identity(tenant, purpose, UINT32_MAX);
    uint32_t place = keystore_image_find(&store->image, &last);
    if (place == 0) {
        return 0;
    }
    const struct keystore_record *before = &store->image.records[place - 1];
    return before->tenant == tenant && before->purpose == purpose && before->key_id == KEYSTORE_KEY_ID ? before->version
                                                                                                       : 0;
}

static size_t keystore_ready_find(const struct keystore *store, const struct keystore_record *identity) {
    size_t low = 0;
    size_t high = store->ready_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (keystore_record_compare(&store->ready[middle].record, identity) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool keystore_ready_reserve(struct keystore *store) {
    if (store->ready_count < store->ready_capacity) {
        return true;
    }
    size_t capacity = store->ready_capacity == 0 ? 8 : 2 * store->ready_capacity;
    struct keystore_ready *grown = mem_realloc(store->ready, capacity * sizeof grown[0]);
    if (grown == NULL) {
        return false;
    }
    store->ready = grown;
    store->ready_capacity = capacity;
    return true;
}

/*
 * Makes a key ready, or finds it so; the lock is held. parent: the key it is wrapped under. *out is a place that the
 * next call may move; the keys in it stay.
 */
static enum kmb_status keystore_ready_make(struct keystore *store, const struct keystore_record *identity,
                                           struct aead_key *parent, struct keystore_ready *out,
                                           struct kmb_error *error) {
    size_t place = keystore_ready_find(store, identity);
    if (place < store->ready_count && keystore_record_compare(&store->ready[place].record, identity) == 0) {
        *out = store->ready[place];
        return KMB_OK;
    }
    const struct keystore_record *record = keystore_record_of(store, identity);
    if (record == NULL) {
        return error_set(error, KMB_NO_KEY, "the key store has no %s key of version %" PRIu32 " for tenant %" PRIu32,
                         keystore_purpose_names[identity->purpose], identity->version, identity->tenant);
    }
    struct secret_key *raw = secret_alloc(sizeof *raw);
    if (raw == NULL || !keystore_ready_reserve(store)) {
        secret_free(raw);
        return keystore_no_memory(error);
    }
    struct keystore_ready made = {.record = *record};
    enum kmb_status status = keystore_unwrap(store, parent, record, raw, error);
    if (status == KMB_OK && record->purpose == KEYSTORE_CHECKPOINT) {
        status = sign_key_new(raw, &made.sign, error);
        if (status == KMB_OK && memcmp(sign_key_public(made.sign)->bytes, record->public_key.bytes, SIGN_PUBLIC_SIZE)) {
            sign_key_free(made.sign);
            status = error_set(error, KMB_CORRUPT,
                               "checkpoint key %" PRIu32 " in '%s' does not fit the public key beside it",
                               record->version, store->paths[0]);
        }
    } else if (status == KMB_OK) {
        status = aead_key_new(raw, &made.aead, error);
    }
    secret_free(raw);
    if (status != KMB_OK) {
        return status;
    }
    memset(made.record.wrapped, 0, sizeof made.record.wrapped);
    memmove(&store->ready[place + 1], &store->ready[place], (store->ready_count - place) * sizeof store->ready[0]);
    store->ready[place] = made;
    store->ready_count++;
    *out = made;
    return KMB_OK;
}

/* The key that wraps the keys of a tenant; the lock is held. NULL without encryption. */
static enum kmb_status keystore_parent(struct keystore *store, uint32_t tenant, struct aead_key **parent,
                                       struct kmb_error *error) {
    struct keystore_record identity = keystore_identity(tenant, KEYSTORE_TENANT, 1);
    struct keystore_ready ready = {0};
    enum kmb_status status = KMB_OK;
    if (store->image.encrypted) {
        status = keystore_ready_make(store, &identity, store->root, &ready, error);
    }
    *parent = ready.aead;
    return status;
}

/*
 * Exchanges what a change may change. The log's uuid and whether there is encryption are the same in both for ever and
 * are read without the lock, so they are not written again, not even with the same bytes.
 */
static void keystore_records_exchange(struct keystore_image *a, struct keystore_image *b) {
    const struct keystore_image old = *a;
    a->generation = b->generation;
    a->records = b->records;
    a->count = b->count;
    a->capacity = b->capacity;
    b->generation = old.generation;
    b->records = old.records;
    b->count = old.count;
    b->capacity = old.capacity;
}

/*
 * Writes the image with `added` records and one generation more to both copies, then makes it the store's. On failure
 * the store in memory is as before; the file may already hold the added records, which nobody has used.
 */
static enum kmb_status keystore_commit(struct keystore *store, const struct keystore_record *added, size_t count,
                                       struct kmb_error *error) {
    struct keystore_image next = {0};
    struct buffer bytes = {0};
    enum kmb_status status = keystore_image_copy(&store->image, &next, error);
    for (size_t i = 0; i < count && status == KMB_OK; i++) {
        status = keystore_image_insert(&next, &added[i], error);
    }
    next.generation = ++store->generation_tried;
    if (status == KMB_OK) {
        status = keystore_image_encode(&next, store->roots == NULL ? NULL : &store->roots->mac, &bytes, error);
    }
    for (size_t i = 0; i < KEYSTORE_COPIES && status == KMB_OK; i++) {
        status = io_replace_file(&store->io, store->paths[i], IO_PRIVATE, buffer_slice(&bytes), error);
        if (status != KMB_OK) {
            error_prefix(error, "key store '%s'", store->paths[i]);
        }
    }
    if (status == KMB_OK) {
        (void)pthread_mutex_lock(&store->lock);
        keystore_records_exchange(&store->image, &next);
        (void)pthread_mutex_unlock(&store->lock);
    }
    if (bytes.bytes != NULL) {
        mem_wipe(bytes.bytes, bytes.length);
    }
    buffer_free(&bytes);
    keystore_image_free(&next);
    return status;
}

/* KMB_READ_ONLY where the store was opened so. */
static enum kmb_status keystore_may_change(const struct keystore *store, struct kmb_error *error) {
    if (store->read_only) {
        return error_set(error, KMB_READ_ONLY, "the key store '%s' is open for reading only", store->paths[0]);
    }
    ASSERT(store->has_environment);
    return KMB_OK;
}

/* Draws a key into a record of this identity, wrapped under parent. *raw_out, where given, gets the raw key. */
static enum kmb_status keystore_draw(struct keystore *store, struct aead_key *parent, struct keystore_record *record,
                                     struct secret_key *raw_out, struct kmb_error *error) {
    struct secret_key *raw = secret_alloc(sizeof *raw);
    struct sign_key *sign = NULL;
    if (raw == NULL) {
        return keystore_no_memory(error);
    }
    record->created_us = store->environment.time_us(store->environment.context);
    enum kmb_status status = keystore_random(store, raw->bytes, SECRET_KEY_SIZE, error);
    if (status == KMB_OK && record->purpose == KEYSTORE_CHECKPOINT) {
        status = sign_key_new(raw, &sign, error);
        if (status == KMB_OK) {
            record->public_key = *sign_key_public(sign);
        }
        sign_key_free(sign);
    }
    if (status == KMB_OK) {
        status = keystore_wrap(store, parent, raw, record, error);
    }
    if (status == KMB_OK && raw_out != NULL) {
        *raw_out = *raw;
    }
    secret_free(raw);
    return status;
}

/* The root key: of its file, made there when `make`; or of the passphrase. The log's uuid is in the salt, so that one
 * passphrase gives each log a key of its own. */
static enum kmb_status keystore_root_get(struct keystore *store, const struct keystore_options *options, bool make,
                                         struct secret_key *root, struct kmb_error *error) {
    if (options->passphrase == NULL) {
        return make ? keystore_root_make(&store->io, &store->environment, options->root_key_path, options->log_uuid,
                                         root, error)
                    : keystore_root_read(&store->io, options->root_key_path, options->log_uuid, root, error);
    }
    static const char label[] = "kimberlite passphrase root key v1";
    const struct kdf_scrypt_cost cost = {.n = KEYSTORE_SCRYPT_N, .r = 8, .p = 1};
    uint8_t salt[sizeof(label) + LOG_UUID_SIZE];
    struct slice passphrase = slice_text(options->passphrase);
    memcpy(salt, label, sizeof(label));
    memcpy(salt + sizeof(label), options->log_uuid, LOG_UUID_SIZE);
    if (passphrase.length == 0) {
        return error_set(error, KMB_WRONG_KEY, "the passphrase is empty");
    }
    return kdf_scrypt(passphrase, slice_make(salt, sizeof(salt)), cost, root->bytes, SECRET_KEY_SIZE)
               ? KMB_OK
               : error_set(error, KMB_NO_MEMORY, "no memory to make a key of the passphrase: it takes 128 MiB");
}

enum kmb_status keystore_create(const struct keystore_options *options, struct keystore **store,
                                struct kmb_error *error) {
    ASSERT(options->environment != NULL && !options->read_only);
    struct keystore *made = NULL;
    enum kmb_status status = keystore_new(options, &made, error);
    if (status != KMB_OK) {
        return status;
    }
    for (size_t i = 0; i < KEYSTORE_COPIES && status == KMB_OK; i++) {
        bool exists = false;
        status = io_exists(&made->io, made->paths[i], &exists, error);
        if (status == KMB_OK && exists) {
            status = error_set(error, KMB_FILE_EXISTS, "there is a key store already: '%s'", made->paths[i]);
        }
    }
    memcpy(made->image.log_uuid, options->log_uuid, sizeof made->image.log_uuid);
    made->image.encrypted = options->encryption;
    if (status == KMB_OK && options->encryption) {
        struct secret_key *root = secret_alloc(sizeof *root);
        status = root == NULL ? keystore_no_memory(error) : keystore_root_get(made, options, true, root, error);
        if (status == KMB_OK) {
            status = keystore_root_use(made, root, options->log_uuid, error);
        }
        secret_free(root);
    }
    struct keystore_record checkpoint = keystore_identity(0, KEYSTORE_CHECKPOINT, 1);
    if (status == KMB_OK) {
        status = keystore_draw(made, made->root, &checkpoint, NULL, error);
    }
    if (status == KMB_OK) {
        status = keystore_commit(made, &checkpoint, 1, error);
    }
    mem_wipe(&checkpoint, sizeof checkpoint);
    if (status != KMB_OK) {
        keystore_close(made);
        return status;
    }
    *store = made;
    return KMB_OK;
}

/* Reads the root key and puts aside copies that are not authentic under it. */
static enum kmb_status keystore_authenticate(struct keystore *store, const struct keystore_options *options,
                                             struct keystore_copy copies[KEYSTORE_COPIES], struct kmb_error *error) {
    struct secret_key *root = secret_alloc(sizeof *root);
    if (root == NULL) {
        return keystore_no_memory(error);
    }
    enum kmb_status status = keystore_root_get(store, options, false, root, error);
    if (status == KMB_OK) {
        status = keystore_root_use(store, root, options->log_uuid, error);
    }
    secret_free(root);
    bool authentic = false;
    bool refused = false;
    for (size_t i = 0; i < KEYSTORE_COPIES && status == KMB_OK; i++) {
        if (copies[i].status != KMB_OK) {
            continue;
        }
        if (copies[i].image.encrypted && keystore_image_authentic(buffer_slice(&copies[i].bytes), &store->roots->mac)) {
            authentic = true;
        } else {
            keystore_copy_spoil(&copies[i], "it is not authentic under the root key");
            refused = true;
        }
    }
    if (status == KMB_OK && !authentic && refused) {
        if (options->passphrase != NULL) {
            (void)error_set(error, KMB_WRONG_KEY, "the passphrase does not open the key store '%s'", store->paths[0]);
        } else {
            (void)error_set(error, KMB_WRONG_KEY, "the key in '%s' does not open the key store '%s'",
                            options->root_key_path, store->paths[0]);
        }
        (void)error_hint(error, "It is not the root key that this key store was made with, or the store was changed.");
        status = KMB_WRONG_KEY;
    }
    return status;
}

/* Is a root key file of this log there? Then a store that claims to be without encryption has been exchanged. */
static bool keystore_root_present(const struct keystore *store, const struct keystore_options *options) {
    struct secret_key root;
    bool present = options->root_key_path != NULL &&
                   keystore_root_read(&store->io, options->root_key_path, options->log_uuid, &root, NULL) == KMB_OK;
    secret_key_wipe(&root);
    return present;
}

/* Tells of the copy that does not serve, and writes it anew from the one that does. */
static void keystore_copy_mend(struct keystore *store, const struct keystore_copy copies[KEYSTORE_COPIES],
                               size_t chosen, struct keystore_report *report) {
    size_t other = 1 - chosen;
    struct slice whole = buffer_slice(&copies[chosen].bytes);
    if (copies[other].status == KMB_OK && slice_equal(buffer_slice(&copies[other].bytes), whole)) {
        return;
    }
    const char *reason = copies[other].status == KMB_OK               ? "older than the other copy"
                         : copies[other].status == KMB_FILE_NOT_FOUND ? "missing"
                                                                      : copies[other].error.message;
    struct kmb_error error = {0};
    bool rewritten =
        !store->read_only && io_replace_file(&store->io, store->paths[other], IO_PRIVATE, whole, &error) == KMB_OK;
    report->copy_damaged = true;
    report->copy_rewritten = rewritten;
    (void)snprintf(report->message, sizeof report->message, "key store '%.80s' did not serve (%.80s): %s%.60s",
                   store->paths[other], reason,
                   rewritten          ? "written anew from the other copy"
                   : store->read_only ? "left as it is"
                                      : "writing it anew failed: ",
                   error.message);
}

/* From two copies to a store, or an error. Takes over the chosen copy's image. */
static enum kmb_status keystore_open_copies(struct keystore *store, const struct keystore_options *options,
                                            struct keystore_copy copies[KEYSTORE_COPIES],
                                            struct keystore_report *report, struct kmb_error *error) {
    bool encrypted = false;
    for (size_t i = 0; i < KEYSTORE_COPIES; i++) {
        if (copies[i].status == KMB_OK && memcmp(copies[i].image.log_uuid, options->log_uuid, 16) != 0) {
            keystore_copy_spoil(&copies[i], "it belongs to another log");
        }
        encrypted = encrypted || (copies[i].status == KMB_OK && copies[i].image.encrypted);
    }
    enum kmb_status status = KMB_OK;
    if (encrypted || keystore_root_present(store, options)) {
        status = keystore_authenticate(store, options, copies, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    size_t chosen = keystore_copies_choose(copies);
    if (chosen == KEYSTORE_COPIES) {
        return keystore_copies_fail(store->paths, copies, error);
    }
    uint64_t generation = copies[chosen].image.generation;
    if (generation < options->generation_min) {
        (void)error_set(error, KMB_ROLLED_BACK,
                        "key store '%s' is of generation %" PRIu64 "; the log has seen generation %" PRIu64,
                        store->paths[chosen], generation, options->generation_min);
        (void)error_hint(error, "An older key store was put in its place; restore the newest one.");
        return KMB_ROLLED_BACK;
    }
    keystore_copy_mend(store, copies, chosen, report);
    store->image = copies[chosen].image;
    copies[chosen].image = (struct keystore_image){0};
    store->generation_tried = generation;
    return KMB_OK;
}

enum kmb_status keystore_open(const struct keystore_options *options, struct keystore **store,
                              struct keystore_report *report, struct kmb_error *error) {
    struct keystore *made = NULL;
    struct keystore_report unheard;
    struct keystore_copy copies[KEYSTORE_COPIES];
    enum kmb_status status = keystore_new(options, &made, error);
    if (status != KMB_OK) {
        return status;
    }
    report = report == NULL ? &unheard : report;
    *report = (struct keystore_report){0};
    for (size_t i = 0; i < KEYSTORE_COPIES; i++) {
        keystore_copy_read(&made->io, made->paths[i], &copies[i]);
        if (copies[i].status == KMB_NO_MEMORY) { /* says nothing of the copy: to go on would be to call it damaged */
            status = error_set(error, KMB_NO_MEMORY, "key store '%s': %.300s", made->paths[i], copies[i].error.message);
        }
    }
    if (status == KMB_OK) {
        status = keystore_open_copies(made, options, copies, report, error);
    }
    for (size_t i = 0; i < KEYSTORE_COPIES; i++) {
        keystore_copy_drop(&copies[i]);
    }
    if (status != KMB_OK) {
        keystore_close(made);
        return status;
    }
    *store = made;
    return KMB_OK;
}

bool keystore_encrypted(const struct keystore *store) {
    return store->image.encrypted; /* constant once made */
}

uint64_t keystore_generation(struct keystore *store) {
    (void)pthread_mutex_lock(&store->lock);
    uint64_t generation = store->image.generation;
    (void)pthread_mutex_unlock(&store->lock);
    return generation;
}

uint32_t keystore_version(struct keystore *store, uint32_t tenant, enum keystore_purpose purpose) {
    (void)pthread_mutex_lock(&store->lock);
    uint32_t version = keystore_newest(store, tenant, purpose);
    (void)pthread_mutex_unlock(&store->lock);
    return version;
}

bool keystore_tenant_exists(struct keystore *store, uint32_t tenant) {
    return keystore_version(store, tenant, KEYSTORE_TENANT) > 0;
}

enum kmb_status keystore_tenant_create(struct keystore *store, uint32_t tenant, struct kmb_error *error) {
    enum kmb_status status = keystore_may_change(store, error);
    if (status != KMB_OK) {
        return status;
    }
    if (keystore_tenant_exists(store, tenant)) {
        return error_set(error, KMB_TENANT_EXISTS, "tenant %" PRIu32 " has keys already", tenant);
    }
    struct keystore_record records[3] = {keystore_identity(tenant, KEYSTORE_DATA, 1),
                                         keystore_identity(tenant, KEYSTORE_PROJECTION, 1),
                                         keystore_identity(tenant, KEYSTORE_TENANT, 1)};
    if (!store->image.encrypted) { /* the tenant is noted; there is nothing to encrypt with */
        records[2].created_us = store->environment.time_us(store->environment.context);
        return keystore_commit(store, &records[2], 1, error);
    }
    struct secret_key *raw = secret_alloc(sizeof *raw);
    struct aead_key *parent = NULL;
    status = raw == NULL ? keystore_no_memory(error) : keystore_draw(store, store->root, &records[2], raw, error);
    if (status == KMB_OK) {
        status = aead_key_new(raw, &parent, error);
    }
    secret_free(raw);
    for (size_t i = 0; i < 2 && status == KMB_OK; i++) {
        status = keystore_draw(store, parent, &records[i], NULL, error);
    }
    aead_key_free(parent);
    return status == KMB_OK ? keystore_commit(store, records, 3, error) : status;
}

enum kmb_status keystore_rotate(struct keystore *store, uint32_t tenant, enum keystore_purpose purpose,
                                uint32_t *version, struct kmb_error *error) {
    ASSERT(purpose == KEYSTORE_DATA || purpose == KEYSTORE_PROJECTION || purpose == KEYSTORE_CHECKPOINT);
    struct aead_key *parent = store->root;
    enum kmb_status status = keystore_may_change(store, error);
    if (status != KMB_OK) {
        return status;
    }
    uint32_t newest = keystore_version(store, tenant, purpose);
    if (newest == 0) {
        return error_set(error, KMB_NO_KEY, "tenant %" PRIu32 " has no %s key to rotate", tenant,
                         keystore_purpose_names[purpose]);
    }
    if (newest == UINT32_MAX) {
        return error_set(error, KMB_LIMIT, "the %s key of tenant %" PRIu32 " has no version left",
                         keystore_purpose_names[purpose], tenant);
    }
    if (purpose != KEYSTORE_CHECKPOINT) {
        (void)pthread_mutex_lock(&store->lock);
        status = keystore_parent(store, tenant, &parent, error);
        (void)pthread_mutex_unlock(&store->lock);
    }
    struct keystore_record record = keystore_identity(tenant, purpose, newest + 1);
    if (status == KMB_OK) {
        status = keystore_draw(store, parent, &record, NULL, error);
    }
    if (status == KMB_OK) {
        status = keystore_commit(store, &record, 1, error);
    }
    mem_wipe(&record, sizeof record);
    if (status == KMB_OK && version != NULL) {
        *version = newest + 1;
    }
    return status;
}

enum kmb_status keystore_key(struct keystore *store, uint32_t tenant, enum keystore_purpose purpose, uint32_t version,
                             struct aead_key **key, struct kmb_error *error) {
    ASSERT(purpose == KEYSTORE_DATA || purpose == KEYSTORE_PROJECTION);
    struct keystore_ready ready = {0};
    struct aead_key *parent = NULL;
    if (!store->image.encrypted) {
        *key = NULL;
        return KMB_OK;
    }
    (void)pthread_mutex_lock(&store->lock);
    struct keystore_record identity =
        keystore_identity(tenant, purpose, version == 0 ? keystore_newest(store, tenant, purpose) : version);
    enum kmb_status status = KMB_OK;
    if (identity.version == 0) {
        status = error_set(error, KMB_NO_KEY, "the key store has no %s key for tenant %" PRIu32,
                           keystore_purpose_names[purpose], tenant);
    }
    if (status == KMB_OK) {
        status = keystore_parent(store, tenant, &parent, error);
    }
    if (status == KMB_OK) {
        status = keystore_ready_make(store, &identity, parent, &ready, error);
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (status == KMB_OK) {
        *key = ready.aead;
    }
    return status;
}

enum kmb_status keystore_checkpoint_key(struct keystore *store, uint32_t version, const struct sign_key **key,
                                        struct kmb_error *error) {
    struct keystore_ready ready = {0};
    (void)pthread_mutex_lock(&store->lock);
    struct keystore_record identity = keystore_identity(
        0, KEYSTORE_CHECKPOINT, version == 0 ? keystore_newest(store, 0, KEYSTORE_CHECKPOINT) : version);
    enum kmb_status status = keystore_ready_make(store, &identity, store->root, &ready, error);
    (void)pthread_mutex_unlock(&store->lock);
    if (status == KMB_OK) {
        *key = ready.sign;
    }
    return status;
}

enum kmb_status keystore_checkpoint_verifier(struct keystore *store, uint32_t version, uint32_t tenant,
                                             struct note_verifier *verifier, struct kmb_error *error) {
    const struct sign_key *key = NULL;
    char origin[NOTE_ORIGIN_SIZE];
    enum kmb_status status = keystore_checkpoint_key(store, version, &key, error);
    if (status != KMB_OK) {
        return status;
    }
    note_origin(origin, store->image.log_uuid, tenant);
    return note_verifier_make(origin, sign_key_public(key), verifier, error);
}

static enum kmb_status keystore_log_key(void *context, uint32_t tenant, uint32_t key_id, uint32_t key_version,
                                        struct aead_key **key, struct kmb_error *error) {
    struct keystore *store = context;
    if (!store->image.encrypted || key_id != KEYSTORE_KEY_ID || key_version == 0) {
        return error_set(error, KMB_NO_KEY,
                         "the key store has no data key %" PRIu32 " of version %" PRIu32 " for tenant %" PRIu32, key_id,
                         key_version, tenant);
    }
    return keystore_key(store, tenant, KEYSTORE_DATA, key_version, key, error);
}

struct log_keys keystore_log_keys(struct keystore *store) {
    return (struct log_keys){.key = keystore_log_key, .context = store};
}
