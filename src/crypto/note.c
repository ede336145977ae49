/*
 * Signed notes and checkpoints, as C2SP signed-note and tlog-checkpoint define them and Go's sumdb/note reads them.
 *
 * A note is text for people and machines alike: a body, an empty line, signature lines. What is signed is the body with
 * its last newline. The format is strict on purpose (UTF-8, no control characters but newline, canonical base64): a
 * reader that forgives is a reader that can be shown two notes as one. Key ids only say which line to try; trust is in
 * the public key that the caller brings.
 */
#include "crypto/note.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/codec.h"
#include "crypto/base64.h"

#define NOTE_ALGORITHM_ED25519 0x01
#define NOTE_KEY_ID_SIZE       4
#define NOTE_SIGNATURE_MAX     8192 /* bytes in one signature line: post-quantum cosigners exist */

static const char note_signature_start[] = "\xe2\x80\x94 "; /* an em dash and a space */

void note_origin(char origin[NOTE_ORIGIN_SIZE], const uint8_t log_uuid[16], uint32_t tenant) {
    char hex[33];
    codec_hex(hex, log_uuid, 16);
    int length = snprintf(origin, NOTE_ORIGIN_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s/tenant/%" PRIu32, hex, hex + 8, hex + 12,
                          hex + 16, hex + 20, tenant);
    ASSERT(length > 0 && length < NOTE_ORIGIN_SIZE);
}

/* Decodes one character; returns its length, 0 where the bytes are not UTF-8 (overlong, surrogate, beyond U+10FFFF). */
static size_t note_utf8_next(struct slice text, size_t offset, uint32_t *character) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text.bytes[offset];
    size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || length > text.length - offset) {
        return 0;
    }
    uint32_t value = length == 1 ? first : first & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        uint8_t byte = text.bytes[offset + i];
        if (byte / 0x40 != 2) {
            return 0;
        }
        value = value * 0x40 + byte % 0x40;
    }
    if (value < least[length] || (value >= 0xd800 && value < 0xe000) || value > 0x10ffff) {
        return 0;
    }
    *character = value;
    return length;
}

/* UTF-8 without control characters except newline. On false *offset says where. */
static bool note_text_valid(struct slice text, size_t *offset) {
    for (*offset = 0; *offset < text.length;) {
        uint32_t character = 0;
        size_t length = note_utf8_next(text, *offset, &character);
        if (length == 0 || (character < 0x20 && character != '\n')) {
            return false;
        }
        *offset += length;
    }
    return true;
}

/* White space as Unicode has it; names must have none. */
static bool note_is_space(uint32_t character) {
    return character <= 0x20 || character == 0x7f || character == 0x85 || character == 0xa0 || character == 0x1680 ||
           (character >= 0x2000 && character <= 0x200a) || character == 0x2028 || character == 0x2029 ||
           character == 0x202f || character == 0x205f || character == 0x3000;
}

static bool note_name_valid(struct slice name) {
    if (name.length == 0 || name.length > NOTE_NAME_MAX) {
        return false;
    }
    for (size_t offset = 0; offset < name.length;) {
        uint32_t character = 0;
        size_t length = note_utf8_next(name, offset, &character);
        if (length == 0 || note_is_space(character) || character == '+') {
            return false;
        }
        offset += length;
    }
    return true;
}

/* The place of a byte, or length when there is none. */
static size_t note_find(struct slice text, uint8_t byte) {
    const uint8_t *at = text.length == 0 ? NULL : memchr(text.bytes, byte, text.length);
    return at == NULL ? text.length : (size_t)(at - text.bytes);
}

static struct slice note_rest(struct slice text, size_t offset) {
    ASSERT(offset <= text.length);
    return slice_make(text.bytes + offset, text.length - offset);
}

/* Takes the next line, without its newline, off text. false: no newline left. */
static bool note_line(struct slice *text, struct slice *line) {
    size_t length = note_find(*text, '\n');
    if (length == text->length) {
        return false;
    }
    *line = slice_make(text->bytes, length);
    *text = note_rest(*text, length + 1);
    return true;
}

static void note_key_id(struct slice name, const struct sign_public *key, uint8_t key_id[NOTE_KEY_ID_SIZE]) {
    static const uint8_t middle[2] = {'\n', NOTE_ALGORITHM_ED25519};
    const struct slice parts[3] = {name, slice_make(middle, 2), slice_make(key->bytes, SIGN_PUBLIC_SIZE)};
    struct hash256 hash = hash_sha256_parts(parts, 3);
    memcpy(key_id, hash.bytes, NOTE_KEY_ID_SIZE);
}

static void note_verifier_fill(struct slice name, const struct sign_public *key, struct note_verifier *verifier) {
    memset(verifier, 0, sizeof *verifier);
    memcpy(verifier->name, name.bytes, name.length);
    verifier->key = *key;
    note_key_id(name, key, verifier->key_id);
}

enum kmb_status note_verifier_make(const char *name, const struct sign_public *key, struct note_verifier *verifier,
                                   struct kmb_error *error) {
    if (!note_name_valid(slice_text(name))) {
        return error_set(error, KMB_USAGE,
                         "\"%.80s\" cannot name a key: 1 to %d bytes of UTF-8 without white space and '+'", name,
                         NOTE_NAME_MAX);
    }
    note_verifier_fill(slice_text(name), key, verifier);
    return KMB_OK;
}

void note_verifier_write(const struct note_verifier *verifier, struct buffer *text) {
    uint8_t key[1 + SIGN_PUBLIC_SIZE];
    char encoded[BASE64_LENGTH(sizeof key) + 1];
    char hex[2 * NOTE_KEY_ID_SIZE + 1];
    key[0] = NOTE_ALGORITHM_ED25519;
    memcpy(key + 1, verifier->key.bytes, SIGN_PUBLIC_SIZE);
    base64_encode(encoded, key, sizeof key);
    codec_hex(hex, verifier->key_id, NOTE_KEY_ID_SIZE);
    buffer_printf(text, "%s+%s+%s", verifier->name, hex, encoded);
}

enum kmb_status note_verifier_parse(struct slice text, struct note_verifier *verifier, struct kmb_error *error) {
    size_t name_length = note_find(text, '+');
    struct slice name = slice_make(text.bytes, name_length);
    if (name_length == text.length || !note_name_valid(name)) {
        return error_set(error, KMB_FORMAT, "verifier key has no valid name before its first '+'");
    }
    struct slice rest = note_rest(text, name_length + 1);
    struct slice id = slice_make(rest.bytes, note_find(rest, '+'));
    if (id.length == rest.length || id.length != 2 * NOTE_KEY_ID_SIZE) {
        return error_set(error, KMB_FORMAT, "verifier key has no key id of 8 hexadecimal digits");
    }
    uint8_t key[1 + SIGN_PUBLIC_SIZE];
    if (!base64_decode_exact(note_rest(rest, id.length + 1), key, sizeof key)) {
        return error_set(error, KMB_FORMAT, "verifier key does not end in the base64 of %zu bytes", sizeof key);
    }
    if (key[0] != NOTE_ALGORITHM_ED25519) {
        return error_set(error, KMB_FORMAT, "verifier key is of algorithm %u; only Ed25519 (1) is known", key[0]);
    }
    struct sign_public public_key;
    memcpy(public_key.bytes, key + 1, SIGN_PUBLIC_SIZE);
    note_verifier_fill(name, &public_key, verifier);
    char expected[2 * NOTE_KEY_ID_SIZE + 1];
    codec_hex(expected, verifier->key_id, NOTE_KEY_ID_SIZE);
    if (!slice_equal_text(id, expected)) {
        return error_set(error, KMB_FORMAT, "verifier key's id does not belong to its name and key");
    }
    return KMB_OK;
}

/* Appends one signature line over body. */
static enum kmb_status note_sign_line(struct slice body, const struct note_verifier *verifier,
                                      const struct sign_key *key, struct buffer *note, struct kmb_error *error) {
    ASSERT(memcmp(sign_key_public(key)->bytes, verifier->key.bytes, SIGN_PUBLIC_SIZE) == 0);
    struct sign_signature signature;
    uint8_t joined[NOTE_KEY_ID_SIZE + SIGN_SIGNATURE_SIZE];
    char encoded[BASE64_LENGTH(sizeof joined) + 1];
    enum kmb_status status = sign_make(key, body, &signature, error);
    if (status != KMB_OK) {
        return status;
    }
    memcpy(joined, verifier->key_id, NOTE_KEY_ID_SIZE);
    memcpy(joined + NOTE_KEY_ID_SIZE, signature.bytes, SIGN_SIGNATURE_SIZE);
    base64_encode(encoded, joined, sizeof joined);
    buffer_printf(note, "%s%s %s\n", note_signature_start, verifier->name, encoded);
    return buffer_ok(note) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "no memory for a signed note");
}

enum kmb_status note_sign(struct slice body, const struct note_verifier *verifier, const struct sign_key *key,
                          struct buffer *note, struct kmb_error *error) {
    size_t offset = 0;
    if (body.length == 0 || body.bytes[body.length - 1] != '\n' || body.length > NOTE_SIZE_MAX / 2) {
        return error_set(error, KMB_USAGE, "the text of a note must be lines, each ended, of at most %zu bytes",
                         NOTE_SIZE_MAX / 2);
    }
    if (!note_text_valid(body, &offset)) {
        return error_set(error, KMB_USAGE, "the text of a note has a byte that is not UTF-8 text at offset %zu",
                         offset);
    }
    buffer_append_slice(note, body);
    buffer_append_byte(note, '\n');
    return note_sign_line(body, verifier, key, note, error);
}

/* Splits a note at its last empty line: the body with its newline, and the signature lines. */
static enum kmb_status note_split(struct slice note, struct slice *body, struct slice *signatures,
                                  struct kmb_error *error) {
    size_t offset = 0;
    if (note.length > NOTE_SIZE_MAX) {
        return error_set(error, KMB_FORMAT, "note of %zu bytes is longer than %zu", note.length, NOTE_SIZE_MAX);
    }
    if (!note_text_valid(note, &offset)) {
        return error_set(error, KMB_FORMAT, "note has a byte that is not UTF-8 text at offset %zu", offset);
    }
    for (size_t i = note.length; i >= 2; i--) {
        if (note.bytes[i - 1] == '\n' && note.bytes[i - 2] == '\n') {
            *body = slice_make(note.bytes, i - 1);
            *signatures = note_rest(note, i);
            if (signatures->length == 0 || note.bytes[note.length - 1] != '\n') {
                return error_set(error, KMB_FORMAT, "note has no signature line, or its last one is not ended");
            }
            return KMB_OK;
        }
    }
    return error_set(error, KMB_FORMAT, "note has no empty line before its signatures");
}

struct note_signature {
    struct slice name;
    uint8_t bytes[NOTE_SIGNATURE_MAX]; /* key id, signature */
    size_t size;
};

static enum kmb_status note_signature_parse(struct slice line, struct note_signature *signature,
                                            struct kmb_error *error) {
    size_t start = sizeof note_signature_start - 1;
    if (line.length < start || memcmp(line.bytes, note_signature_start, start) != 0) {
        return error_set(error, KMB_FORMAT, "signature line of a note does not start with a dash and a space");
    }
    struct slice rest = note_rest(line, start);
    size_t length = note_find(rest, ' ');
    signature->name = slice_make(rest.bytes, length);
    if (length == rest.length || !note_name_valid(signature->name)) {
        return error_set(error, KMB_FORMAT, "signature line of a note has no valid key name");
    }
    if (!base64_decode(note_rest(rest, length + 1), signature->bytes, sizeof signature->bytes, &signature->size) ||
        signature->size <= NOTE_KEY_ID_SIZE) {
        return error_set(error, KMB_FORMAT, "signature of \"%.*s\" is not the base64 of a key id and a signature",
                         (int)length, (const char *)rest.bytes);
    }
    return KMB_OK;
}

enum kmb_status note_cosign(struct buffer *note, const struct note_verifier *verifier, const struct sign_key *key,
                            struct kmb_error *error) {
    struct slice body;
    struct slice signatures;
    enum kmb_status status = note_split(buffer_slice(note), &body, &signatures, error);
    if (status != KMB_OK) {
        return status;
    }
    struct buffer line = {0};
    status = note_sign_line(body, verifier, key, &line, error);
    if (status == KMB_OK) {
        buffer_append_slice(note, buffer_slice(&line));
        if (!buffer_ok(note)) {
            status = error_set(error, KMB_NO_MEMORY, "no memory for a signed note");
        }
    }
    buffer_free(&line);
    return status;
}

enum kmb_status note_open(struct slice note, const struct note_verifier *verifier, struct slice *body,
                          struct kmb_error *error) {
    struct slice text;
    struct slice lines;
    struct slice line;
    bool verified = false;
    enum kmb_status status = note_split(note, &text, &lines, error);
    if (status != KMB_OK) {
        return status;
    }
    for (unsigned count = 0; note_line(&lines, &line); count++) {
        struct note_signature signature;
        if (count == NOTE_SIGNATURES_MAX) {
            return error_set(error, KMB_FORMAT, "note has more than %d signatures", NOTE_SIGNATURES_MAX);
        }
        status = note_signature_parse(line, &signature, error);
        if (status != KMB_OK) {
            return status;
        }
        if (!slice_equal_text(signature.name, verifier->name) ||
            memcmp(signature.bytes, verifier->key_id, NOTE_KEY_ID_SIZE) != 0) {
            continue;
        }
        struct sign_signature value;
        bool whole = signature.size == NOTE_KEY_ID_SIZE + SIGN_SIGNATURE_SIZE;
        if (whole) {
            memcpy(value.bytes, signature.bytes + NOTE_KEY_ID_SIZE, SIGN_SIGNATURE_SIZE);
        }
        if (!whole || !sign_verify(&verifier->key, text, &value)) {
            return error_set(error, KMB_PROOF_INVALID, "signature of \"%s\" on the note does not verify",
                             verifier->name);
        }
        verified = true;
    }
    if (!verified) {
        status = error_set(error, KMB_PROOF_INVALID, "note has no signature by the key \"%s\"", verifier->name);
        (void)error_hint(error, "Check that the verifier key is the one printed when this log was made.");
        return status;
    }
    *body = text;
    return KMB_OK;
}

/* Empty, or ended lines of which none is empty. */
static bool note_lines_valid(struct slice lines) {
    struct slice line;
    while (lines.length > 0) {
        if (!note_line(&lines, &line) || line.length == 0) {
            return false;
        }
    }
    return true;
}

enum kmb_status note_checkpoint_write(const struct note_checkpoint *checkpoint, struct buffer *body,
                                      struct kmb_error *error) {
    char root[BASE64_LENGTH(HASH256_SIZE) + 1];
    if (checkpoint->origin.length == 0 || note_find(checkpoint->origin, '\n') != checkpoint->origin.length) {
        return error_set(error, KMB_USAGE, "the origin of a checkpoint must be one line that is not empty");
    }
    if (!note_lines_valid(checkpoint->extension)) {
        return error_set(error, KMB_USAGE, "extension lines of a checkpoint must each be ended and not empty");
    }
    base64_encode(root, checkpoint->root.bytes, HASH256_SIZE);
    buffer_append_slice(body, checkpoint->origin);
    buffer_printf(body, "\n%" PRIu64 "\n%s\n", checkpoint->size, root);
    buffer_append_slice(body, checkpoint->extension);
    return buffer_ok(body) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "no memory for a checkpoint");
}

/* Decimal without sign, leading zeros or overflow. */
static bool note_number_parse(struct slice text, uint64_t *value) {
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

enum kmb_status note_checkpoint_parse(struct slice body, struct note_checkpoint *checkpoint, struct kmb_error *error) {
    struct slice rest = body;
    struct slice line;
    struct note_checkpoint parsed = {0};
    if (!note_line(&rest, &parsed.origin) || parsed.origin.length == 0) {
        return error_set(error, KMB_FORMAT, "checkpoint has no origin in its first line");
    }
    if (!note_line(&rest, &line) || !note_number_parse(line, &parsed.size)) {
        return error_set(error, KMB_FORMAT, "checkpoint has no tree size in its second line");
    }
    if (!note_line(&rest, &line) || !base64_decode_exact(line, parsed.root.bytes, HASH256_SIZE)) {
        return error_set(error, KMB_FORMAT, "checkpoint has no root hash of 32 bytes in its third line");
    }
    if (!note_lines_valid(rest)) {
        return error_set(error, KMB_FORMAT, "checkpoint has an empty or unended extension line");
    }
    parsed.extension = rest;
    *checkpoint = parsed;
    return KMB_OK;
}

enum kmb_status note_checkpoint_sign(const struct note_checkpoint *checkpoint, const struct note_verifier *verifier,
                                     const struct sign_key *key, struct buffer *note, struct kmb_error *error) {
    struct buffer body = {0};
    enum kmb_status status = note_checkpoint_write(checkpoint, &body, error);
    if (status == KMB_OK) {
        status = note_sign(buffer_slice(&body), verifier, key, note, error);
    }
    buffer_free(&body);
    return status;
}

enum kmb_status note_checkpoint_open(struct slice note, const struct note_verifier *verifier,
                                     struct note_checkpoint *checkpoint, struct kmb_error *error) {
    struct slice body;
    enum kmb_status status = note_open(note, verifier, &body, error);
    if (status == KMB_OK) {
        status = note_checkpoint_parse(body, checkpoint, error);
    }
    if (status == KMB_OK && !slice_equal_text(checkpoint->origin, verifier->name)) {
        status = error_set(error, KMB_PROOF_INVALID, "checkpoint is of \"%.*s\", the key is of \"%s\"",
                           (int)checkpoint->origin.length, (const char *)checkpoint->origin.bytes, verifier->name);
    }
    return status;
}
