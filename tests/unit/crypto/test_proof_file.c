/*
 * Proof files: what is written is read back and holds; every flipped bit and every missing, doubled or moved line is
 * refused; a proof that is right in itself but signed by another key, or of another log, is refused too.
 */
#include "crypto_test.h"

#include "crypto/proof_file.h"

enum { ENTRIES = 13, HEADER = 160 };

struct fixture {
    struct sign_key *key;
    struct note_verifier verifier;
    uint8_t headers[ENTRIES][HEADER];
    struct hash256 nodes[2 * ENTRIES];
    struct buffer notes[ENTRIES + 1];
    struct buffer inclusion;
    struct buffer consistency;
};

static enum kmb_status read_node(void *context, unsigned level, uint64_t index, struct hash256 *hash,
                                 struct kmb_error *error) {
    (void)error;
    *hash = ((struct fixture *)context)->nodes[merkle_place(level, index)];
    return KMB_OK;
}

static struct sign_key *key_of_byte(uint8_t byte) {
    struct secret_key seed;
    struct sign_key *key = NULL;
    memset(seed.bytes, byte, sizeof seed.bytes);
    assert_int_equal(sign_key_new(&seed, &key, NULL), KMB_OK);
    return key;
}

static void make_log(struct fixture *fixture) {
    struct prng prng;
    struct merkle_frontier frontier;
    uint8_t uuid[16];
    char origin[NOTE_ORIGIN_SIZE];
    prng_seed(&prng, 1);
    prng_bytes(&prng, uuid, sizeof uuid);
    note_origin(origin, uuid, 3);
    assert_int_equal(note_verifier_make(origin, sign_key_public(fixture->key), &fixture->verifier, NULL), KMB_OK);
    merkle_frontier_start(&frontier);
    for (uint64_t size = 0; size <= ENTRIES; size++) {
        const struct note_checkpoint checkpoint = {
            .origin = slice_text(origin), .size = size, .root = merkle_frontier_root(&frontier)};
        assert_int_equal(
            note_checkpoint_sign(&checkpoint, &fixture->verifier, fixture->key, &fixture->notes[size], NULL), KMB_OK);
        if (size < ENTRIES) {
            struct hash256 completed[MERKLE_LEVELS];
            uint8_t *header = fixture->headers[size];
            prng_bytes(&prng, header, HEADER);
            memcpy(header + 8, uuid, 16);
            codec_put_u32(header + 24, 3);
            codec_put_u64(header + 32, size + 1);
            struct hash256 leaf = merkle_leaf(slice_make(header, HEADER));
            unsigned count = merkle_frontier_append(&frontier, &leaf, completed);
            for (unsigned level = 0; level < count; level++) {
                fixture->nodes[merkle_place(level, size >> level)] = completed[level];
            }
        }
    }
}

static void proof_start(struct fixture *fixture, enum proof_kind kind, uint64_t first, uint64_t size,
                        struct proof_file *proof) {
    const struct merkle_source source = {read_node, fixture};
    memset(proof, 0, sizeof *proof);
    proof->kind = kind;
    proof->origin = slice_text(fixture->verifier.name);
    proof->verifier = fixture->verifier;
    proof->checkpoint = buffer_slice(&fixture->notes[size]);
    if (kind == PROOF_INCLUSION) {
        memcpy(proof->entry, fixture->headers[first], HEADER);
        proof->entry_size = HEADER;
        proof->index = first;
        assert_int_equal(merkle_inclusion_prove(&source, first, size, &proof->path, NULL), KMB_OK);
    } else {
        proof->old_verifier = fixture->verifier;
        proof->old_checkpoint = buffer_slice(&fixture->notes[first]);
        assert_int_equal(merkle_consistency_prove(&source, first, size, &proof->path, NULL), KMB_OK);
    }
}

static int setup(void **state) {
    static struct fixture fixture;
    struct proof_file proof;
    fixture = (struct fixture){.key = key_of_byte(5)};
    make_log(&fixture);
    proof_start(&fixture, PROOF_INCLUSION, 6, 13, &proof);
    assert_int_equal(proof_file_write(&proof, &fixture.inclusion, NULL), KMB_OK);
    proof_start(&fixture, PROOF_CONSISTENCY, 6, 13, &proof);
    assert_int_equal(proof_file_write(&proof, &fixture.consistency, NULL), KMB_OK);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i <= ENTRIES; i++) {
        buffer_free(&fixture->notes[i]);
    }
    buffer_free(&fixture->inclusion);
    buffer_free(&fixture->consistency);
    sign_key_free(fixture->key);
    return 0;
}

/* Parse and verify in one. */
static enum kmb_status check(struct slice text, const struct note_verifier *trusted, struct proof_facts *facts,
                             struct kmb_error *error) {
    struct proof_file proof;
    enum kmb_status status = proof_file_parse(text, &proof, error);
    return status == KMB_OK ? proof_file_verify(&proof, trusted, trusted == NULL ? 0 : 1, facts, error) : status;
}

static void all_hold(void **state) {
    struct fixture *fixture = *state;
    for (uint64_t size = 1; size <= ENTRIES; size++) {
        for (uint64_t first = 0; first < size; first++) {
            struct proof_file proof;
            struct proof_facts facts;
            struct buffer text = {0};
            proof_start(fixture, PROOF_INCLUSION, first, size, &proof);
            assert_int_equal(proof_file_write(&proof, &text, NULL), KMB_OK);
            assert_int_equal(check(buffer_slice(&text), &fixture->verifier, &facts, NULL), KMB_OK);
            assert_int_equal(facts.size, size);
            struct hash256 leaf = merkle_leaf(slice_make(fixture->headers[first], HEADER));
            assert_true(hash256_equal(&facts.leaf, &leaf));
            buffer_clear(&text);
            proof_start(fixture, PROOF_CONSISTENCY, first + 1, size, &proof);
            assert_int_equal(proof_file_write(&proof, &text, NULL), KMB_OK);
            assert_int_equal(check(buffer_slice(&text), NULL, &facts, NULL), KMB_OK);
            assert_int_equal(facts.old_size, first + 1);
            buffer_free(&text);
        }
    }
}

static void flips_are_refused(void **state) {
    struct fixture *fixture = *state;
    struct buffer *texts[] = {&fixture->inclusion, &fixture->consistency};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct slice text = buffer_slice(texts[i]);
        struct proof_facts facts;
        for (size_t bit = 0; bit < 8 * text.length; bit++) {
            texts[i]->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (check(text, &fixture->verifier, &facts, NULL) == KMB_OK) {
                fail_msg("holds with bit %zu of byte %zu flipped", bit % 8, bit / 8);
            }
            texts[i]->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t cut = 0; cut < text.length; cut++) {
            assert_int_equal(check(slice_make(text.bytes, cut), NULL, &facts, NULL), KMB_FORMAT);
        }
        assert_int_equal(check(text, &fixture->verifier, &facts, NULL), KMB_OK);
    }
}

/* Each line left out, said twice, or exchanged with the next. */
static void lines_are_in_order(void **state) {
    struct fixture *fixture = *state;
    struct buffer *texts[] = {&fixture->inclusion, &fixture->consistency};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct slice lines[64];
        size_t count = 0;
        for (size_t at = 0; at < texts[i]->length;) {
            const uint8_t *end = memchr(texts[i]->bytes + at, '\n', texts[i]->length - at);
            size_t length = (size_t)(end - texts[i]->bytes) + 1 - at;
            lines[count++] = slice_make(texts[i]->bytes + at, length);
            at += length;
        }
        for (size_t line = 0; line < count; line++) {
            for (int change = 0; change < 3; change++) {
                struct buffer text = {0};
                struct proof_facts facts;
                size_t next = line + 1 < count ? line + 1 : line;
                for (size_t j = 0; j < count; j++) {
                    size_t from = change == 2 && j == line ? next : change == 2 && j == next ? line : j;
                    if (change != 0 || j != line) {
                        buffer_append_slice(&text, lines[from]);
                    }
                    if (change == 1 && j == line) {
                        buffer_append_slice(&text, lines[from]);
                    }
                }
                bool same = slice_equal(buffer_slice(&text), buffer_slice(texts[i]));
                assert_true(same || check(buffer_slice(&text), &fixture->verifier, &facts, NULL) != KMB_OK);
                buffer_free(&text);
            }
        }
    }
}

static void foreign_keys(void **state) {
    struct fixture *fixture = *state;
    struct sign_key *key = key_of_byte(6);
    struct note_verifier other;
    struct proof_facts facts;
    struct kmb_error error;
    assert_int_equal(note_verifier_make(fixture->verifier.name, sign_key_public(key), &other, NULL), KMB_OK);
    assert_int_equal(check(buffer_slice(&fixture->inclusion), &other, &facts, &error), KMB_PROOF_INVALID);
    assert_non_null(strstr(error.message, "that is not the one given"));
    assert_int_equal(check(buffer_slice(&fixture->consistency), &other, &facts, &error), KMB_PROOF_INVALID);
    /* The header of another tenant, or of another place, in a path that would hold. */
    struct proof_file proof;
    proof_start(fixture, PROOF_INCLUSION, 6, 13, &proof);
    proof.entry[24] ^= 1;
    assert_int_equal(proof_file_verify(&proof, NULL, 0, &facts, &error), KMB_PROOF_INVALID);
    assert_non_null(strstr(error.message, "the proof of another log or tenant"));
    proof_start(fixture, PROOF_INCLUSION, 6, 13, &proof);
    proof.index = 5;
    assert_int_equal(proof_file_verify(&proof, NULL, 0, &facts, &error), KMB_PROOF_INVALID);
    assert_string_equal(error.message, "the entry has sequence 7, which is not leaf 5 of its tenant");
    sign_key_free(key);
}

static void refusals(void **state) {
    struct fixture *fixture = *state;
    struct proof_file proof;
    struct proof_facts facts;
    struct kmb_error error;
    struct buffer text = {0};
    assert_int_equal(check(slice_text("kimberlite-proof 2\n"), NULL, &facts, &error), KMB_FORMAT_VERSION);
    assert_string_equal(error.message, "proof of format version 2; this program reads version 1");
    assert_int_equal(check(slice_text("kimberlite-proof 1\nkind odd\n"), NULL, &facts, &error), KMB_FORMAT);
    assert_string_equal(error.message, "line 2 of the proof: the kind is neither inclusion nor consistency");
    assert_int_equal(check(slice_text("kimberlite-proof 1\nkind inclusion\norigin o\n"), NULL, &facts, &error),
                     KMB_FORMAT);
    assert_string_equal(error.message, "line 4 of the proof: \"verifier\" and a value were expected");
    proof_start(fixture, PROOF_INCLUSION, 6, 13, &proof);
    proof.origin = slice_text("two\nlines");
    assert_int_equal(proof_file_write(&proof, &text, NULL), KMB_USAGE);
    proof_start(fixture, PROOF_INCLUSION, 6, 13, &proof);
    proof.entry_size = 8;
    assert_int_equal(proof_file_write(&proof, &text, NULL), KMB_USAGE);
    proof_start(fixture, PROOF_CONSISTENCY, 6, 13, &proof);
    proof.old_checkpoint = slice_text("not ended");
    assert_int_equal(proof_file_write(&proof, &text, NULL), KMB_USAGE);
    assert_int_equal(text.length, 0);
    proof_start(fixture, PROOF_CONSISTENCY, 6, 13, &proof);
    mem_fail_plan(1);
    assert_int_equal(proof_file_write(&proof, &text, NULL), KMB_NO_MEMORY);
    mem_fail_plan(0);
    buffer_free(&text);
}

/* Random bytes, and a good proof with random bytes thrown into it, never end the process. */
static void garbage(void **state) {
    struct fixture *fixture = *state;
    struct prng prng;
    prng_seed(&prng, 31);
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[2048];
        size_t length = fixture->consistency.length < sizeof bytes ? fixture->consistency.length : sizeof bytes;
        struct proof_facts facts;
        memcpy(bytes, fixture->consistency.bytes, length);
        for (uint64_t i = 1 + prng_below(&prng, 4); i > 0; i--) {
            size_t at = (size_t)prng_below(&prng, length);
            size_t run = (size_t)prng_below(&prng, length - at + 1);
            prng_bytes(&prng, bytes + at, round % 2 == 0 ? run : run % 4);
        }
        (void)check(slice_make(bytes, length), NULL, &facts, NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(flips_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_are_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(garbage, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
