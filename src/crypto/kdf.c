/*
 * HMAC and HKDF as their RFCs write them, on the SHA-256 of hash.h.
 *
 * Both are a few lines over the hash, and built so they need no memory and so cannot fail, which the callers (key
 * derivation, authentication of the key store) would otherwise have to undo half-way.
 */
#include "crypto/kdf.h"

#include <openssl/evp.h>

#include "base/assert.h"
#include "base/memory.h"

#define KDF_BLOCK 64 /* bytes of a SHA-256 block */

/* HMAC over parts; the key's pads are wiped. */
static struct hash256 kdf_hmac_parts(struct slice key, const struct slice *parts, size_t count) {
    uint8_t pad[KDF_BLOCK] = {0};
    struct slice inner[4];
    ASSERT(count < ARRAY_LENGTH(inner));
    if (key.length > KDF_BLOCK) {
        struct hash256 shorter = hash_sha256(key.bytes, key.length);
        memcpy(pad, shorter.bytes, HASH256_SIZE);
        mem_wipe(&shorter, sizeof shorter);
    } else if (key.length > 0) {
        memcpy(pad, key.bytes, key.length);
    }
    for (size_t i = 0; i < KDF_BLOCK; i++) {
        pad[i] ^= 0x36;
    }
    inner[0] = slice_make(pad, KDF_BLOCK);
    for (size_t i = 0; i < count; i++) {
        inner[i + 1] = parts[i];
    }
    struct hash256 digest = hash_sha256_parts(inner, count + 1);
    for (size_t i = 0; i < KDF_BLOCK; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    const struct slice outer[2] = {slice_make(pad, KDF_BLOCK), slice_make(digest.bytes, HASH256_SIZE)};
    digest = hash_sha256_parts(outer, 2);
    mem_wipe(pad, sizeof pad);
    return digest;
}

struct hash256 kdf_hmac_sha256(struct slice key, struct slice message) {
    return kdf_hmac_parts(key, &message, 1);
}

void kdf_hkdf_sha256(struct slice secret, struct slice salt, struct slice info, void *out, size_t size) {
    ASSERT(size > 0 && size <= KDF_OUTPUT_MAX);
    struct hash256 extracted = kdf_hmac_sha256(salt, secret); /* an absent salt is a block of zeros: HMAC pads it so */
    struct slice key = slice_make(extracted.bytes, HASH256_SIZE);
    struct hash256 block;
    uint8_t *target = out;
    size_t done = 0;
    for (uint8_t number = 1; done < size; number++) { /* at most 255 rounds: KDF_OUTPUT_MAX */
        const struct slice parts[3] = {slice_make(block.bytes, number == 1 ? 0 : HASH256_SIZE), info,
                                       slice_make(&number, 1)};
        struct hash256 next = kdf_hmac_parts(key, parts, 3);
        block = next;
        size_t take = size - done < HASH256_SIZE ? size - done : HASH256_SIZE;
        memcpy(target + done, block.bytes, take);
        done += take;
    }
    mem_wipe(&block, sizeof block);
    mem_wipe(&extracted, sizeof extracted);
}

bool kdf_scrypt(struct slice passphrase, struct slice salt, struct kdf_scrypt_cost cost, void *out, size_t size) {
    uint64_t memory =
        cost.n > UINT64_MAX / 256 / (cost.r + 1u) ? 0 : 128 * (cost.n + 2) * cost.r + 128ull * cost.r * cost.p;
    return memory != 0 && EVP_PBE_scrypt((const char *)passphrase.bytes, passphrase.length, salt.bytes, salt.length,
                                         cost.n, cost.r, cost.p, memory + (1u << 20), out, size) == 1;
}
