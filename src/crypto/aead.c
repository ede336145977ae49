/*
 * XAES-256-GCM (C2SP): a random 192-bit nonce per message on plain AES-256-GCM.
 *
 * The first half of the nonce derives a key for the message, the second half is the nonce of AES-256-GCM under it. The
 * derivation is two blocks of AES: CMAC of one block each (SP 800-108 in counter mode), whose subkey K1 is the same for
 * every message and is kept:
 *
 *     L  = AES(K, 0)           K1 = L doubled in GF(2^128)
 *     Mi = 00 | i | 'X' | 00 | nonce[0..12]        i = 1, 2
 *     Kx = AES(K, M1 ^ K1) | AES(K, M2 ^ K1)
 *     sealed = AES-256-GCM(Kx, nonce[12..24], aad, plaintext)
 *
 * Pages of 8 KiB pass here, so the cost beside GCM itself counts: both blocks go through one ECB call on a context that
 * holds K's schedule, and the GCM context is re-keyed, never re-made. OpenSSL contexts serve one thread at a time; a
 * key is shared by the writer and every reader of a tenant. So a key has a few lanes, each with its own pair of
 * contexts and a flag; a caller takes the first free lane from a starting place of its thread. Lanes past the first are
 * made on first need. When all are taken the caller yields and tries again: a lane is held for microseconds.
 */
#include "crypto/aead.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>

#include <openssl/evp.h>

#include "base/assert.h"
#include "base/memory.h"

#define AEAD_BLOCK 16
#define AEAD_LANES 8 /* more threads than cores of a common machine seldom seal at the same instant */

struct aead_lane {
    atomic_flag busy;
    EVP_CIPHER_CTX *block;   /* AES-256-ECB under the key; NULL: this lane is not made yet */
    EVP_CIPHER_CTX *message; /* AES-256-GCM under the key of the last message */
};

struct aead_secret {
    struct secret_key raw;
    uint8_t subkey[AEAD_BLOCK]; /* K1 */
};

struct aead_key {
    struct aead_secret *secret; /* in secret memory; constant once made */
    EVP_CIPHER *ecb;
    EVP_CIPHER *gcm;
    struct aead_lane lanes[AEAD_LANES];
};

static void aead_lane_drop(struct aead_lane *lane) {
    EVP_CIPHER_CTX_free(lane->block);
    EVP_CIPHER_CTX_free(lane->message);
    lane->block = NULL;
    lane->message = NULL;
}

/* false: no memory; the lane is then as before. */
static bool aead_lane_make(const struct aead_key *key, struct aead_lane *lane) {
    lane->block = EVP_CIPHER_CTX_new();
    lane->message = EVP_CIPHER_CTX_new();
    if (lane->block == NULL || lane->message == NULL ||
        EVP_EncryptInit_ex2(lane->block, key->ecb, key->secret->raw.bytes, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(lane->block, 0) != 1 ||
        EVP_EncryptInit_ex2(lane->message, key->gcm, NULL, NULL, NULL) != 1) {
        aead_lane_drop(lane);
        return false;
    }
    return true;
}

static struct aead_lane *aead_lane_take(struct aead_key *key) {
    static _Thread_local char place; /* its address differs from thread to thread */
    unsigned start = (unsigned)((uintptr_t)&place / 4096 % AEAD_LANES);
    for (unsigned i = 0;; i++) { /* ends: a lane is held only inside one call, and lane 0 is always made */
        struct aead_lane *lane = &key->lanes[(start + i) % AEAD_LANES];
        if (!atomic_flag_test_and_set_explicit(&lane->busy, memory_order_acquire)) {
            if (lane->block != NULL || aead_lane_make(key, lane)) {
                return lane;
            }
            atomic_flag_clear_explicit(&lane->busy, memory_order_release);
        }
        if (i % AEAD_LANES == AEAD_LANES - 1) {
            (void)sched_yield();
        }
    }
}

static void aead_lane_give(struct aead_lane *lane) {
    atomic_flag_clear_explicit(&lane->busy, memory_order_release);
}

/* Doubles a block in GF(2^128), big-endian, as CMAC's subkeys are made. No branch on a secret. */
static void aead_block_double(uint8_t block[AEAD_BLOCK]) {
    uint8_t carry = block[0] >> 7;
    for (size_t i = 0; i + 1 < AEAD_BLOCK; i++) {
        block[i] = (uint8_t)(block[i] << 1 | block[i + 1] >> 7);
    }
    block[AEAD_BLOCK - 1] = (uint8_t)(block[AEAD_BLOCK - 1] << 1 ^ (0x87 & -carry));
}

static void aead_blocks_encrypt(struct aead_lane *lane, uint8_t *blocks, int size) {
    int written = 0;
    int done = EVP_EncryptUpdate(lane->block, blocks, &written, blocks, size);
    ASSERT(done == 1 && written == size);
}

enum kmb_status aead_key_new(const struct secret_key *raw, struct aead_key **key, struct kmb_error *error) {
    if (secret_key_is_zero(raw)) {
        return error_set(error, KMB_USAGE, "an encryption key of zeros is refused");
    }
    struct aead_key *made = mem_alloc_zero(1, sizeof *made);
    if (made == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for an encryption key");
    }
    for (size_t i = 0; i < AEAD_LANES; i++) {
        atomic_flag_clear(&made->lanes[i].busy);
    }
    made->secret = secret_alloc(sizeof *made->secret);
    made->ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    made->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (made->secret == NULL || made->ecb == NULL || made->gcm == NULL) {
        aead_key_free(made);
        return error_set(error, KMB_NO_MEMORY, "no memory for an encryption key");
    }
    made->secret->raw = *raw;
    if (!aead_lane_make(made, &made->lanes[0])) {
        aead_key_free(made);
        return error_set(error, KMB_NO_MEMORY, "no memory for an encryption key");
    }
    aead_blocks_encrypt(&made->lanes[0], made->secret->subkey, AEAD_BLOCK); /* of zeros: L */
    aead_block_double(made->secret->subkey);
    *key = made;
    return KMB_OK;
}

void aead_key_free(struct aead_key *key) {
    if (key == NULL) {
        return;
    }
    for (size_t i = 0; i < AEAD_LANES; i++) {
        aead_lane_drop(&key->lanes[i]);
    }
    EVP_CIPHER_free(key->ecb);
    EVP_CIPHER_free(key->gcm);
    secret_free(key->secret);
    mem_free(key);
}

/* The key of one message. */
static void aead_derive(const struct aead_key *key, struct aead_lane *lane, const struct aead_nonce *nonce,
                        uint8_t derived[2 * AEAD_BLOCK]) {
    for (size_t i = 0; i < 2; i++) {
        uint8_t *block = derived + i * AEAD_BLOCK;
        block[0] = 0;
        block[1] = (uint8_t)(i + 1);
        block[2] = 'X';
        block[3] = 0;
        memcpy(block + 4, nonce->bytes, 12);
        for (size_t j = 0; j < AEAD_BLOCK; j++) {
            block[j] ^= key->secret->subkey[j];
        }
    }
    aead_blocks_encrypt(lane, derived, 2 * AEAD_BLOCK);
}

static void aead_feed_aad(EVP_CIPHER_CTX *context, struct slice aad) {
    int written = 0;
    if (aad.length > 0) {
        int fed = EVP_CipherUpdate(context, NULL, &written, aad.bytes, (int)aad.length);
        ASSERT(fed == 1);
    }
}

/* The GCM part of sealing; the context is keyed. */
static bool aead_gcm_encrypt(EVP_CIPHER_CTX *context, struct slice aad, struct slice plaintext, uint8_t *out) {
    int written = 0;
    aead_feed_aad(context, aad);
    if (plaintext.length > 0 &&
        (EVP_EncryptUpdate(context, out, &written, plaintext.bytes, (int)plaintext.length) != 1 ||
         (size_t)written != plaintext.length)) {
        return false;
    }
    return EVP_EncryptFinal_ex(context, out + plaintext.length, &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, out + plaintext.length) == 1;
}

/* The GCM part of opening; the context is keyed. */
static bool aead_gcm_decrypt(EVP_CIPHER_CTX *context, struct slice aad, struct slice sealed, uint8_t *out) {
    size_t length = sealed.length - AEAD_TAG_SIZE;
    uint8_t tag[AEAD_TAG_SIZE]; /* a copy: OpenSSL takes it as not const */
    uint8_t none[AEAD_BLOCK];
    int written = 0;
    memcpy(tag, sealed.bytes + length, AEAD_TAG_SIZE);
    aead_feed_aad(context, aad);
    bool good = length == 0 || EVP_DecryptUpdate(context, out, &written, sealed.bytes, (int)length) == 1;
    good = good && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, tag) == 1;
    good = good && EVP_DecryptFinal_ex(context, none, &written) == 1;
    if (!good && length > 0) {
        mem_wipe(out, length);
    }
    return good;
}

void aead_seal(struct aead_key *key, const struct aead_nonce *nonce, struct slice aad, struct slice plaintext,
               uint8_t *out) {
    ASSERT(plaintext.length <= AEAD_MESSAGE_MAX && aad.length <= AEAD_MESSAGE_MAX);
    uint8_t derived[2 * AEAD_BLOCK];
    struct aead_lane *lane = aead_lane_take(key);
    aead_derive(key, lane, nonce, derived);
    int keyed = EVP_EncryptInit_ex2(lane->message, NULL, derived, nonce->bytes + 12, NULL);
    bool sealed = keyed == 1 && aead_gcm_encrypt(lane->message, aad, plaintext, out);
    aead_lane_give(lane);
    mem_wipe(derived, sizeof derived);
    ASSERT(sealed);
}

bool aead_open(struct aead_key *key, const struct aead_nonce *nonce, struct slice aad, struct slice sealed,
               uint8_t *out) {
    if (sealed.length < AEAD_TAG_SIZE || sealed.length - AEAD_TAG_SIZE > AEAD_MESSAGE_MAX ||
        aad.length > AEAD_MESSAGE_MAX) {
        return false;
    }
    uint8_t derived[2 * AEAD_BLOCK];
    struct aead_lane *lane = aead_lane_take(key);
    aead_derive(key, lane, nonce, derived);
    int keyed = EVP_DecryptInit_ex2(lane->message, NULL, derived, nonce->bytes + 12, NULL);
    bool opened = keyed == 1 && aead_gcm_decrypt(lane->message, aad, sealed, out);
    aead_lane_give(lane);
    mem_wipe(derived, sizeof derived);
    return opened;
}

bool aead_gcm_seal(const struct secret_key *key, const uint8_t nonce[AEAD_GCM_NONCE_SIZE], struct slice aad,
                   struct slice plaintext, uint8_t *out) {
    ASSERT(plaintext.length <= AEAD_MESSAGE_MAX && aad.length <= AEAD_MESSAGE_MAX);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool sealed = context != NULL && EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), key->bytes, nonce, NULL) == 1 &&
                  aead_gcm_encrypt(context, aad, plaintext, out);
    EVP_CIPHER_CTX_free(context);
    return sealed;
}

bool aead_gcm_open(const struct secret_key *key, const uint8_t nonce[AEAD_GCM_NONCE_SIZE], struct slice aad,
                   struct slice sealed, uint8_t *out) {
    if (sealed.length < AEAD_TAG_SIZE || sealed.length - AEAD_TAG_SIZE > AEAD_MESSAGE_MAX ||
        aad.length > AEAD_MESSAGE_MAX) {
        return false;
    }
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool opened = context != NULL && EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), key->bytes, nonce, NULL) == 1 &&
                  aead_gcm_decrypt(context, aad, sealed, out);
    EVP_CIPHER_CTX_free(context);
    return opened;
}
