/*
 * Signed notes and checkpoints: the published note of Go's sumdb/note package opens, ours round-trip, every flipped bit
 * and every wrong shape is refused with its reason. tests/conformance/go-proofs checks the other direction.
 */
#include "crypto_test.h"

#include "crypto/base64.h"
#include "crypto/note.h"

static struct sign_key *key_of_byte(uint8_t byte) {
    struct secret_key seed;
    struct sign_key *key = NULL;
    memset(seed.bytes, byte, sizeof seed.bytes);
    assert_int_equal(sign_key_new(&seed, &key, NULL), KMB_OK);
    return key;
}

/* The example in the documentation of golang.org/x/mod/sumdb/note. */
static const char go_verifier[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char go_note[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    "\n";

static void published(void **state) {
    (void)state;
    struct note_verifier verifier;
    struct slice body;
    struct buffer text = {0};
    assert_int_equal(note_verifier_parse(slice_text(go_verifier), &verifier, NULL), KMB_OK);
    assert_string_equal(verifier.name, "PeterNeumann");
    note_verifier_write(&verifier, &text);
    assert_string_equal(buffer_text(&text), go_verifier);
    assert_int_equal(note_open(slice_text(go_note), &verifier, &body, NULL), KMB_OK);
    assert_int_equal(body.length, 99);
    buffer_free(&text);
}

struct fixture {
    struct sign_key *key;
    struct note_verifier verifier;
    struct note_checkpoint checkpoint;
    struct buffer note;
};

static int setup(void **state) {
    static struct fixture fixture;
    char origin[NOTE_ORIGIN_SIZE];
    uint8_t uuid[16];
    fixture = (struct fixture){.key = key_of_byte(5)};
    for (uint8_t i = 0; i < 16; i++) {
        uuid[i] = (uint8_t)(0x10 * i + i);
    }
    note_origin(origin, uuid, 4294967295U);
    assert_string_equal(origin, "00112233-4455-6677-8899-aabbccddeeff/tenant/4294967295");
    assert_int_equal(note_verifier_make(origin, sign_key_public(fixture.key), &fixture.verifier, NULL), KMB_OK);
    fixture.checkpoint.origin = slice_text(fixture.verifier.name);
    fixture.checkpoint.size = 1234567890123ULL;
    memset(fixture.checkpoint.root.bytes, 0xab, 32);
    fixture.checkpoint.extension = slice_text("position 99\ntime 7\n");
    assert_int_equal(note_checkpoint_sign(&fixture.checkpoint, &fixture.verifier, fixture.key, &fixture.note, NULL),
                     KMB_OK);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    buffer_free(&fixture->note);
    sign_key_free(fixture->key);
    return 0;
}

static void checkpoint_round_trip(void **state) {
    struct fixture *fixture = *state;
    static const char start[] = "00112233-4455-6677-8899-aabbccddeeff/tenant/4294967295\n1234567890123\n"
                                "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\nposition 99\ntime 7\n\n"
                                "\xe2\x80\x94 00112233-4455-6677-8899-aabbccddeeff/tenant/4294967295 ";
    assert_memory_equal(fixture->note.bytes, start, sizeof start - 1);
    struct note_checkpoint parsed;
    assert_int_equal(note_checkpoint_open(buffer_slice(&fixture->note), &fixture->verifier, &parsed, NULL), KMB_OK);
    assert_int_equal(parsed.size, 1234567890123ULL);
    assert_true(hash256_equal(&parsed.root, &fixture->checkpoint.root));
    assert_true(slice_equal_text(parsed.origin, fixture->verifier.name));
    assert_true(slice_equal_text(parsed.extension, "position 99\ntime 7\n"));
    assert_memory_equal(fixture->checkpoint.origin.bytes, parsed.origin.bytes, parsed.origin.length);
}

static void flips_are_refused(void **state) {
    struct fixture *fixture = *state;
    struct slice note = buffer_slice(&fixture->note);
    for (size_t bit = 0; bit < 8 * note.length; bit++) {
        struct note_checkpoint parsed;
        fixture->note.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum kmb_status status = note_checkpoint_open(note, &fixture->verifier, &parsed, NULL);
        if (status != KMB_FORMAT && status != KMB_PROOF_INVALID) {
            fail_msg("status %d with bit %zu of byte %zu flipped", (int)status, bit % 8, bit / 8);
        }
        fixture->note.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < note.length; cut++) {
        struct note_checkpoint parsed;
        assert_int_not_equal(note_checkpoint_open(slice_make(note.bytes, cut), &fixture->verifier, &parsed, NULL),
                             KMB_OK);
    }
}

static void cosigned(void **state) {
    struct fixture *fixture = *state;
    struct sign_key *witness = key_of_byte(8);
    struct note_verifier verifier;
    struct slice body;
    struct kmb_error error;
    assert_int_equal(note_verifier_make("witness.example/w1", sign_key_public(witness), &verifier, NULL), KMB_OK);
    assert_int_equal(note_open(buffer_slice(&fixture->note), &verifier, &body, &error), KMB_PROOF_INVALID);
    assert_string_equal(error.message, "note has no signature by the key \"witness.example/w1\"");
    assert_true(error.hint[0] != '\0');
    assert_int_equal(note_cosign(&fixture->note, &verifier, witness, NULL), KMB_OK);
    assert_int_equal(note_open(buffer_slice(&fixture->note), &verifier, &body, NULL), KMB_OK);
    assert_int_equal(note_open(buffer_slice(&fixture->note), &fixture->verifier, &body, NULL), KMB_OK);
    /* The right name with another key is another key. */
    assert_int_equal(note_verifier_make(fixture->verifier.name, sign_key_public(witness), &verifier, NULL), KMB_OK);
    assert_int_equal(note_open(buffer_slice(&fixture->note), &verifier, &body, &error), KMB_PROOF_INVALID);
    sign_key_free(witness);
}

/* A key id collides in 2^32; the signature is what counts. */
static void collided_key_id(void **state) {
    struct fixture *fixture = *state;
    struct sign_key *other = key_of_byte(9);
    struct note_verifier verifier = fixture->verifier;
    struct slice body;
    struct kmb_error error;
    verifier.key = *sign_key_public(other);
    assert_int_equal(note_open(buffer_slice(&fixture->note), &verifier, &body, &error), KMB_PROOF_INVALID);
    assert_non_null(strstr(error.message, "does not verify"));
    sign_key_free(other);
}

static void verifier_refusals(void **state) {
    (void)state;
    static const char *texts[] = {
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpcQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWA",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    };
    struct note_verifier verifier;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct kmb_error error = {0};
        assert_int_equal(note_verifier_parse(slice_text(texts[i]), &verifier, &error), KMB_FORMAT);
        assert_true(strncmp(error.message, "verifier key", 12) == 0);
    }
    static const char *names[] = {"",     "a b",      "a+b",         "a\tb", "x\xc2\xa0x", "a\xe3\x80\x80",
                                  "\xff", "\xc0\xaf", "\xed\xa0\x80"};
    struct sign_public key = {{1}};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        assert_int_equal(note_verifier_make(names[i], &key, &verifier, NULL), KMB_USAGE);
    }
    char longest[NOTE_NAME_MAX + 2];
    memset(longest, 'n', sizeof longest);
    longest[NOTE_NAME_MAX + 1] = '\0';
    assert_int_equal(note_verifier_make(longest, &key, &verifier, NULL), KMB_USAGE);
    longest[NOTE_NAME_MAX] = '\0';
    assert_int_equal(note_verifier_make(longest, &key, &verifier, NULL), KMB_OK);
    assert_int_equal(note_verifier_make("\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x98\x80", &key, &verifier, NULL), KMB_OK);
}

static void note_refusals(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *note, *message;
    } cases[] = {
        {"", "note has no empty line before its signatures"},
        {"text\n", "note has no empty line before its signatures"},
        {"text\n\n", "note has no signature line, or its last one is not ended"},
        {"text\n\n\xe2\x80\x94 n QUJDREVG", "note has no signature line, or its last one is not ended"},
        {"text\n\n- n QUJDREVG\n", "signature line of a note does not start with a dash and a space"},
        {"text\n\n\xe2\x80\x94 nQUJDREVG\n", "signature line of a note has no valid key name"},
        {"text\n\n\xe2\x80\x94 n QUJDRE\n", "signature of \"n\" is not the base64 of a key id and a signature"},
        {"text\n\n\xe2\x80\x94 n QUJDRA==\n", "signature of \"n\" is not the base64 of a key id and a signature"},
        {"te\rxt\n\n\xe2\x80\x94 n QUJDREVG\n", "note has a byte that is not UTF-8 text at offset 2"},
        {"text\n\xc3\n\xe2\x80\x94 n QUJDREVG\n", "note has a byte that is not UTF-8 text at offset 5"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct kmb_error error = {0};
        struct slice body;
        assert_int_equal(note_open(slice_text(cases[i].note), &fixture->verifier, &body, &error), KMB_FORMAT);
        assert_string_equal(error.message, cases[i].message);
    }
    struct buffer many = {0};
    struct slice body;
    struct kmb_error error;
    buffer_append_text(&many, "text\n\n");
    for (int i = 0; i < NOTE_SIGNATURES_MAX + 1; i++) {
        buffer_append_text(&many, "\xe2\x80\x94 n QUJDREVG\n");
    }
    assert_int_equal(note_open(buffer_slice(&many), &fixture->verifier, &body, &error), KMB_FORMAT);
    assert_string_equal(error.message, "note has more than 100 signatures");
    buffer_free(&many);
    assert_int_equal(note_sign(slice_text("no end"), &fixture->verifier, fixture->key, &many, NULL), KMB_USAGE);
    assert_int_equal(note_sign(slice_text("bell\a\n"), &fixture->verifier, fixture->key, &many, NULL), KMB_USAGE);
    assert_int_equal(note_sign(slice_text(""), &fixture->verifier, fixture->key, &many, NULL), KMB_USAGE);
    assert_int_equal(many.length, 0);
}

static void checkpoint_refusals(void **state) {
    struct fixture *fixture = *state;
#define ROOT "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n"
    static const struct {
        const char *body, *message;
    } cases[] = {
        {"", "checkpoint has no origin in its first line"},
        {"\n1\n" ROOT, "checkpoint has no origin in its first line"},
        {"o\n", "checkpoint has no tree size in its second line"},
        {"o\n01\n" ROOT, "checkpoint has no tree size in its second line"},
        {"o\n-1\n" ROOT, "checkpoint has no tree size in its second line"},
        {"o\n\n" ROOT, "checkpoint has no tree size in its second line"},
        {"o\n18446744073709551616\n" ROOT, "checkpoint has no tree size in its second line"},
        {"o\n1\nq6s=\n", "checkpoint has no root hash of 32 bytes in its third line"},
        {"o\n1\n", "checkpoint has no root hash of 32 bytes in its third line"},
        {"o\n1\n" ROOT "\n", "checkpoint has an empty or unended extension line"},
        {"o\n1\n" ROOT "x", "checkpoint has an empty or unended extension line"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct kmb_error error = {0};
        struct note_checkpoint parsed;
        assert_int_equal(note_checkpoint_parse(slice_text(cases[i].body), &parsed, &error), KMB_FORMAT);
        assert_string_equal(error.message, cases[i].message);
    }
    struct note_checkpoint parsed;
    assert_int_equal(note_checkpoint_parse(slice_text("o\n18446744073709551615\n" ROOT), &parsed, NULL), KMB_OK);
    assert_true(parsed.size == UINT64_MAX);
    struct note_checkpoint bad = fixture->checkpoint;
    struct buffer body = {0};
    bad.origin = slice_text("two\nlines");
    assert_int_equal(note_checkpoint_write(&bad, &body, NULL), KMB_USAGE);
    bad.origin = slice_text("");
    assert_int_equal(note_checkpoint_write(&bad, &body, NULL), KMB_USAGE);
    bad.origin = slice_text("origin of another");
    bad.extension = slice_text("a\n\nb\n");
    assert_int_equal(note_checkpoint_write(&bad, &body, NULL), KMB_USAGE);
    bad.extension = slice_text("");
    struct buffer note = {0};
    struct kmb_error error;
    assert_int_equal(note_checkpoint_sign(&bad, &fixture->verifier, fixture->key, &note, NULL), KMB_OK);
    assert_int_equal(note_checkpoint_open(buffer_slice(&note), &fixture->verifier, &parsed, &error), KMB_PROOF_INVALID);
    assert_non_null(strstr(error.message, "checkpoint is of \"origin of another\""));
    buffer_free(&note);
    buffer_free(&body);
}

static void memory_runs_out(void **state) {
    struct fixture *fixture = *state;
    for (uint64_t number = 1;; number++) {
        struct buffer note = {0};
        mem_fail_plan(number);
        enum kmb_status status =
            note_checkpoint_sign(&fixture->checkpoint, &fixture->verifier, fixture->key, &note, NULL);
        bool fired = mem_fail_count() >= number;
        mem_fail_plan(0);
        buffer_free(&note);
        if (!fired) {
            assert_int_equal(status, KMB_OK);
            break;
        }
        assert_int_equal(status, KMB_NO_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),
        cmocka_unit_test_setup_teardown(checkpoint_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(flips_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(cosigned, setup, teardown),
        cmocka_unit_test_setup_teardown(collided_key_id, setup, teardown),
        cmocka_unit_test(verifier_refusals),
        cmocka_unit_test_setup_teardown(note_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(checkpoint_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_runs_out, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
