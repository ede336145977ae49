/*
 * Secret memory: whole pages from the one heap door, marked so that the kernel leaves them out of core dumps and, where
 * the limit on locked memory allows, does not swap them.
 *
 * The first bytes of the block remember its size, so that freeing needs no argument that could be wrong. Locking is
 * best effort: RLIMIT_MEMLOCK is small for most users, and refusing to run would protect nobody. What cannot be reached
 * from here: OpenSSL's contexts hold expanded keys on the ordinary heap while a key is in use, and wipe them when
 * freed.
 */
#include "crypto/secret.h"

#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/assert.h"
#include "base/memory.h"

#define SECRET_SIZE_MAX ((size_t)1 << 30)

struct secret_head {
    size_t mapped; /* bytes of whole pages, this head included */
    uint64_t mark;
};

#define SECRET_MARK UINT64_C(0x5ec2e7b10c4a9d31)

_Static_assert(sizeof(struct secret_head) == 16, "what follows the head is aligned for anything");

void *secret_alloc(size_t size) {
    ASSERT(size <= SECRET_SIZE_MAX);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t mapped = (size + sizeof(struct secret_head) + page - 1) / page * page;
    struct secret_head *head = mem_alloc_aligned(page, mapped);
    if (head == NULL) {
        return NULL;
    }
    (void)madvise(head, mapped, MADV_DONTDUMP);
    (void)mlock(head, mapped);
    mem_wipe(head, mapped);
    head->mapped = mapped;
    head->mark = SECRET_MARK;
    return head + 1;
}

void secret_free(void *memory) {
    if (memory == NULL) {
        return;
    }
    struct secret_head *head = (struct secret_head *)memory - 1;
    ASSERT(head->mark == SECRET_MARK);
    size_t mapped = head->mapped;
    mem_wipe(head, mapped);
    (void)munlock(head, mapped);
    (void)madvise(head, mapped, MADV_DODUMP);
    mem_free(head);
}

bool secret_equal(const void *a, const void *b, size_t size) {
    return CRYPTO_memcmp(a, b, size) == 0;
}

bool secret_key_is_zero(const struct secret_key *key) {
    static const struct secret_key zero;
    return secret_equal(key->bytes, zero.bytes, SECRET_KEY_SIZE);
}

void secret_key_wipe(struct secret_key *key) {
    mem_wipe(key, sizeof *key);
}
