/* Secret memory: aligned, zeroed, kept out of core dumps, and wiped when it goes back. */
#include "crypto_test.h"

#include <inttypes.h>

#include "crypto/secret.h"

/* The VmFlags of the mapping that holds an address, as the kernel tells them. */
static bool mapping_has_flag(const void *address, const char *flag) {
    FILE *file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    char line[1024];
    bool here = false;
    bool found = false;
    while (fgets(line, sizeof line, file) != NULL) {
        uintptr_t from = 0;
        uintptr_t to = 0;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2) {
            here = (uintptr_t)address >= from && (uintptr_t)address < to;
        } else if (here && strncmp(line, "VmFlags:", 8) == 0) {
            found = strstr(line, flag) != NULL;
        }
    }
    assert_int_equal(fclose(file), 0);
    return found;
}

static void kept_out_of_dumps(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 32, 4080, 4081, 4096, 10000};
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        uint8_t *memory = secret_alloc(sizes[i]);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 16, 0);
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(memory[j], 0);
        }
        memset(memory, 0xa5, sizes[i]);
        assert_true(mapping_has_flag(memory, " dd"));
        assert_true(mapping_has_flag(memory + sizes[i] - 1, " dd"));
        secret_free(memory);
    }
    secret_free(NULL);
}

static void memory_runs_out(void **state) {
    (void)state;
    mem_fail_plan(1);
    assert_null(secret_alloc(32));
    mem_fail_plan(0);
}

static void comparing(void **state) {
    (void)state;
    struct secret_key a = {{0}};
    struct secret_key b = {{0}};
    assert_true(secret_key_is_zero(&a));
    for (size_t bit = 0; bit < 256; bit++) {
        b.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(secret_equal(&a, &b, sizeof a));
        assert_false(secret_key_is_zero(&b));
        a = b;
        assert_true(secret_equal(&a, &b, sizeof a));
    }
    secret_key_wipe(&b);
    assert_true(secret_key_is_zero(&b));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_out_of_dumps),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(comparing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
