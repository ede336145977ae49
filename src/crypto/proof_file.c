/*
 * The text form of proofs.
 *
 * Lines of a name and a value in a fixed order, then a signed note taken over as it is: simple enough that a verifier
 * in another language is an afternoon's work, and that a person sees what is claimed. There is one way to write a proof
 * and the parser takes no other. Sizes and roots stand only in the checkpoints, where they are signed: a second place
 * could only disagree.
 *
 * The inclusion proof carries the header of the entry, not its hash, so that the reader sees what is in the log
 * (tenant, sequence, time, hash of the body) and the verifier can check that the header is of the tree that the
 * checkpoint names. The first bytes of a header are frozen (docs/internals/formats.md): uuid at 8, tenant at 24,
 * sequence at 32.
 */
#include "crypto/proof_file.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/codec.h"
#include "crypto/base64.h"

#define PROOF_TEXT_MAX (4 * NOTE_SIZE_MAX)

/* Of an entry header, as far as a proof needs it. */
#define PROOF_ENTRY_UUID     8
#define PROOF_ENTRY_TENANT   24
#define PROOF_ENTRY_SEQUENCE 32
#define PROOF_ENTRY_MIN      40

static uint64_t proof_lines(struct slice text) {
    uint64_t lines = 0;
    for (size_t i = 0; i < text.length; i++) {
        lines += text.bytes[i] == '\n' ? 1 : 0;
    }
    return lines;
}

static bool proof_note_writable(struct slice note) {
    return note.length > 0 && note.length <= NOTE_SIZE_MAX && note.bytes[note.length - 1] == '\n';
}

static void proof_write_verifier(const char *name, const struct note_verifier *verifier, struct buffer *text) {
    buffer_printf(text, "%s ", name);
    note_verifier_write(verifier, text);
    buffer_append_byte(text, '\n');
}

static void proof_write_note(const char *name, struct slice note, struct buffer *text) {
    buffer_printf(text, "%s %" PRIu64 "\n", name, proof_lines(note));
    buffer_append_slice(text, note);
}

enum kmb_status proof_file_write(const struct proof_file *proof, struct buffer *text, struct kmb_error *error) {
    bool inclusion = proof->kind == PROOF_INCLUSION;
    ASSERT(inclusion || proof->kind == PROOF_CONSISTENCY);
    if (proof->origin.length == 0 || memchr(proof->origin.bytes, '\n', proof->origin.length) != NULL ||
        !proof_note_writable(proof->checkpoint) || (!inclusion && !proof_note_writable(proof->old_checkpoint)) ||
        (inclusion && (proof->entry_size < PROOF_ENTRY_MIN || proof->entry_size > PROOF_ENTRY_MAX)) ||
        proof->path.count > MERKLE_PROOF_MAX) {
        return error_set(error, KMB_USAGE, "a proof needs an origin of one line, ended notes and an entry header");
    }
    buffer_printf(text, "kimberlite-proof 1\nkind %s\norigin ", inclusion ? "inclusion" : "consistency");
    buffer_append_slice(text, proof->origin);
    buffer_append_byte(text, '\n');
    if (!inclusion) {
        proof_write_verifier("old-verifier", &proof->old_verifier, text);
    }
    proof_write_verifier("verifier", &proof->verifier, text);
    if (inclusion) {
        char hex[2 * PROOF_ENTRY_MAX + 1];
        codec_hex(hex, proof->entry, proof->entry_size);
        buffer_printf(text, "entry %s\nindex %" PRIu64 "\n", hex, proof->index);
    }
    for (unsigned i = 0; i < proof->path.count; i++) {
        char encoded[BASE64_LENGTH(HASH256_SIZE) + 1];
        base64_encode(encoded, proof->path.hashes[i].bytes, HASH256_SIZE);
        buffer_printf(text, "path %s\n", encoded);
    }
    if (!inclusion) {
        proof_write_note("old-checkpoint", proof->old_checkpoint, text);
    }
    proof_write_note("checkpoint", proof->checkpoint, text);
    return buffer_ok(text) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "no memory for a proof");
}

/* Where the parser stands. */
struct proof_reader {
    struct slice rest;
    unsigned line; /* number of the line last looked at */
    struct kmb_error *error;
};

static enum kmb_status proof_bad(const struct proof_reader *reader, const char *what) {
    return error_set(reader->error, KMB_FORMAT, "line %u of the proof: %s", reader->line, what);
}

/* The next line, if it is "name value"; false: it is not, and nothing is consumed. */
static bool proof_take(struct proof_reader *reader, const char *name, struct slice *value) {
    size_t length = strlen(name);
    const uint8_t *bytes = reader->rest.bytes;
    const uint8_t *end = reader->rest.length == 0 ? NULL : memchr(bytes, '\n', reader->rest.length);
    if (end == NULL || (size_t)(end - bytes) <= length + 1 || memcmp(bytes, name, length) != 0 ||
        bytes[length] != ' ') {
        return false;
    }
    size_t line_length = (size_t)(end - bytes);
    *value = slice_make(bytes + length + 1, line_length - length - 1);
    reader->rest = slice_make(end + 1, reader->rest.length - line_length - 1);
    reader->line++;
    return true;
}

/* As proof_take, but the line must be there. */
static enum kmb_status proof_need(struct proof_reader *reader, const char *name, struct slice *value) {
    if (!proof_take(reader, name, value)) {
        return error_set(reader->error, KMB_FORMAT, "line %u of the proof: \"%s\" and a value were expected",
                         reader->line + 1, name);
    }
    return KMB_OK;
}

/* Decimal without sign and leading zeros. */
static bool proof_number(struct slice text, uint64_t *value) {
    uint64_t number = 0;
    if (text.length == 0 || text.length > 20 || (text.length > 1 && text.bytes[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned)text.bytes[i] - '0';
        if (digit > 9 || number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *value = number;
    return true;
}

static enum kmb_status proof_read_verifier(struct proof_reader *reader, const char *name,
                                           struct note_verifier *verifier) {
    struct slice value;
    enum kmb_status status = proof_need(reader, name, &value);
    if (status == KMB_OK) {
        status = note_verifier_parse(value, verifier, reader->error);
        if (status != KMB_OK) {
            error_prefix(reader->error, "line %u of the proof", reader->line);
        }
    }
    return status;
}

/* "name LINES" and so many lines. */
static enum kmb_status proof_read_note(struct proof_reader *reader, const char *name, struct slice *note) {
    struct slice value;
    uint64_t lines = 0;
    enum kmb_status status = proof_need(reader, name, &value);
    if (status != KMB_OK) {
        return status;
    }
    if (!proof_number(value, &lines) || lines == 0) {
        return proof_bad(reader, "a number of lines was expected");
    }
    size_t length = 0;
    for (uint64_t i = 0; i < lines; i++) { /* ends with the text at the latest */
        const uint8_t *from = reader->rest.bytes + length;
        const uint8_t *end = length == reader->rest.length ? NULL : memchr(from, '\n', reader->rest.length - length);
        if (end == NULL) {
            return proof_bad(reader, "the text ends before the signed note does");
        }
        length += (size_t)(end - from) + 1;
    }
    *note = slice_make(reader->rest.bytes, length);
    reader->rest = slice_make(reader->rest.bytes + length, reader->rest.length - length);
    reader->line += (unsigned)lines;
    return KMB_OK;
}

/* Lower-case hexadecimal only: one spelling of each entry. */
static bool proof_hex(struct slice text, uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] >= 'A' && text.bytes[i] <= 'F') {
            return false;
        }
    }
    return codec_unhex(bytes, size, text);
}

static enum kmb_status proof_read_entry(struct proof_reader *reader, struct proof_file *proof) {
    struct slice value;
    enum kmb_status status = proof_need(reader, "entry", &value);
    if (status != KMB_OK) {
        return status;
    }
    proof->entry_size = value.length / 2;
    if (proof->entry_size < PROOF_ENTRY_MIN || proof->entry_size > PROOF_ENTRY_MAX ||
        !proof_hex(value, proof->entry, proof->entry_size)) {
        return proof_bad(reader, "the entry is not the hexadecimal of an entry header");
    }
    status = proof_need(reader, "index", &value);
    if (status == KMB_OK && !proof_number(value, &proof->index)) {
        status = proof_bad(reader, "the index is not a number");
    }
    return status;
}

static enum kmb_status proof_read_path(struct proof_reader *reader, struct merkle_proof *path) {
    struct slice value;
    for (path->count = 0; proof_take(reader, "path", &value); path->count++) {
        if (path->count == MERKLE_PROOF_MAX) {
            return proof_bad(reader, "the path is longer than any tree is high");
        }
        if (!base64_decode_exact(value, path->hashes[path->count].bytes, HASH256_SIZE)) {
            return proof_bad(reader, "the path is not the base64 of a hash");
        }
    }
    return KMB_OK;
}

static enum kmb_status proof_read_start(struct proof_reader *reader, struct proof_file *proof) {
    struct slice value;
    enum kmb_status status = proof_need(reader, "kimberlite-proof", &value);
    if (status != KMB_OK) {
        return status;
    }
    if (!slice_equal_text(value, "1")) {
        return error_set(reader->error, KMB_FORMAT_VERSION,
                         "proof of format version %.*s; this program reads version 1",
                         value.length > 20 ? 20 : (int)value.length, (const char *)value.bytes);
    }
    status = proof_need(reader, "kind", &value);
    if (status == KMB_OK) {
        proof->kind = slice_equal_text(value, "inclusion")     ? PROOF_INCLUSION
                      : slice_equal_text(value, "consistency") ? PROOF_CONSISTENCY
                                                               : (enum proof_kind)0;
        if (proof->kind == 0) {
            return proof_bad(reader, "the kind is neither inclusion nor consistency");
        }
    }
    return status == KMB_OK ? proof_need(reader, "origin", &proof->origin) : status;
}

enum kmb_status proof_file_parse(struct slice text, struct proof_file *proof, struct kmb_error *error) {
    struct proof_reader reader = {.rest = text, .error = error};
    memset(proof, 0, sizeof *proof);
    if (text.length > PROOF_TEXT_MAX) {
        return error_set(error, KMB_FORMAT, "a proof of %zu bytes is longer than %zu", text.length, PROOF_TEXT_MAX);
    }
    enum kmb_status status = proof_read_start(&reader, proof);
    bool consistency = proof->kind == PROOF_CONSISTENCY;
    if (status == KMB_OK && consistency) {
        status = proof_read_verifier(&reader, "old-verifier", &proof->old_verifier);
    }
    if (status == KMB_OK) {
        status = proof_read_verifier(&reader, "verifier", &proof->verifier);
    }
    if (status == KMB_OK && !consistency) {
        status = proof_read_entry(&reader, proof);
    }
    if (status == KMB_OK) {
        status = proof_read_path(&reader, &proof->path);
    }
    if (status == KMB_OK && consistency) {
        status = proof_read_note(&reader, "old-checkpoint", &proof->old_checkpoint);
    }
    if (status == KMB_OK) {
        status = proof_read_note(&reader, "checkpoint", &proof->checkpoint);
    }
    if (status == KMB_OK && reader.rest.length > 0) {
        reader.line++;
        status = proof_bad(&reader, "the text goes on after the checkpoint");
    }
    return status;
}

/* Is the key one that the reader trusts? */
static enum kmb_status proof_trusts(const struct note_verifier *verifier, const struct note_verifier *trusted,
                                    size_t count, struct kmb_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(trusted[i].name, verifier->name) == 0 &&
            memcmp(trusted[i].key.bytes, verifier->key.bytes, SIGN_PUBLIC_SIZE) == 0) {
            return KMB_OK;
        }
    }
    return count == 0 ? KMB_OK
                      : error_set(error, KMB_PROOF_INVALID,
                                  "the proof is signed by a key of \"%s\" that is not the one given", verifier->name);
}

/* Opens a checkpoint of the proof and checks whose it is. */
static enum kmb_status proof_checkpoint(const struct proof_file *proof, struct slice note,
                                        const struct note_verifier *verifier, struct note_checkpoint *checkpoint,
                                        struct kmb_error *error) {
    enum kmb_status status = note_checkpoint_open(note, verifier, checkpoint, error);
    if (status == KMB_OK && !slice_equal(checkpoint->origin, proof->origin)) {
        status = error_set(error, KMB_PROOF_INVALID, "the checkpoint is of another origin than the proof");
    }
    return status;
}

/* Does the header name the log, the tenant and the place that the proof is about? */
static enum kmb_status proof_entry_fits(const struct proof_file *proof, struct kmb_error *error) {
    char origin[NOTE_ORIGIN_SIZE];
    note_origin(origin, proof->entry + PROOF_ENTRY_UUID, codec_get_u32(proof->entry + PROOF_ENTRY_TENANT));
    if (!slice_equal_text(proof->origin, origin)) {
        return error_set(error, KMB_PROOF_INVALID, "the entry is of %s, the proof of another log or tenant", origin);
    }
    uint64_t sequence = codec_get_u64(proof->entry + PROOF_ENTRY_SEQUENCE);
    if (sequence == 0 || sequence - 1 != proof->index) {
        return error_set(error, KMB_PROOF_INVALID,
                         "the entry has sequence %" PRIu64 ", which is not leaf %" PRIu64 " of its tenant", sequence,
                         proof->index);
    }
    return KMB_OK;
}

enum kmb_status proof_file_verify(const struct proof_file *proof, const struct note_verifier *trusted,
                                  size_t trusted_count, struct proof_facts *facts, struct kmb_error *error) {
    struct note_checkpoint checkpoint;
    struct note_checkpoint old = {0};
    memset(facts, 0, sizeof *facts);
    enum kmb_status status = proof_trusts(&proof->verifier, trusted, trusted_count, error);
    if (status == KMB_OK) {
        status = proof_checkpoint(proof, proof->checkpoint, &proof->verifier, &checkpoint, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (proof->kind == PROOF_INCLUSION) {
        facts->leaf = merkle_leaf(slice_make(proof->entry, proof->entry_size));
        status = proof_entry_fits(proof, error);
        if (status == KMB_OK && !merkle_inclusion_verify(&facts->leaf, proof->index, checkpoint.size, &checkpoint.root,
                                                         proof->path.hashes, proof->path.count)) {
            status = error_set(error, KMB_PROOF_INVALID,
                               "the entry is not leaf %" PRIu64 " of the tree of %" PRIu64 " entries", proof->index,
                               checkpoint.size);
        }
    } else {
        status = proof_trusts(&proof->old_verifier, trusted, trusted_count, error);
        if (status == KMB_OK) {
            status = proof_checkpoint(proof, proof->old_checkpoint, &proof->old_verifier, &old, error);
        }
        if (status == KMB_OK && !merkle_consistency_verify(old.size, &old.root, checkpoint.size, &checkpoint.root,
                                                           proof->path.hashes, proof->path.count)) {
            status = error_set(error, KMB_PROOF_INVALID,
                               "the tree of %" PRIu64 " entries does not begin with the tree of %" PRIu64 " entries",
                               checkpoint.size, old.size);
        }
    }
    facts->size = checkpoint.size;
    facts->root = checkpoint.root;
    facts->old_size = old.size;
    facts->old_root = old.root;
    return status;
}
