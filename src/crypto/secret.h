/*
 * Memory for secrets: on pages of its own, left out of core dumps, locked against swap where the system lets us, and
 * wiped before it goes back. Raw keys live only here or, for the moment of one call, on a stack that is wiped.
 */
#ifndef KMB_CRYPTO_SECRET_H
#define KMB_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_KEY_SIZE 32

/* A raw 256-bit key. Never printed, never compared with memcmp. */
struct secret_key {
    uint8_t bytes[SECRET_KEY_SIZE];
};

/* Zeroed memory on whole pages; NULL: no memory. Any thread. */
void *secret_alloc(size_t size);
/* Wipes all of it and gives it back; NULL is fine. */
void secret_free(void *memory);

/* Same time whatever the bytes are. */
bool secret_equal(const void *a, const void *b, size_t size);

bool secret_key_is_zero(const struct secret_key *key);
void secret_key_wipe(struct secret_key *key);

#endif
