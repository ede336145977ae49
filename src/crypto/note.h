/*
 * Signed notes (C2SP signed-note) and checkpoints (C2SP tlog-checkpoint): the form in which a tree head leaves the log,
 * so that transparency-log tools that exist can verify and witness it.
 *
 *     0197...-uuid/tenant/1\n        origin, which is also the name of the signing key
 *     1234\n                         leaves
 *     base64 of the root\n
 *     extension lines, if any\n
 *     \n
 *     — 0197...-uuid/tenant/1 base64(key id, 4 bytes | Ed25519 signature, 64)\n
 *
 * A verifier key is the text name+hash+base64(0x01 | public key), hash = 8 hex digits of the key id, which is the first
 * four bytes of SHA-256(name | \n | 0x01 | public key).
 */
#ifndef KMB_CRYPTO_NOTE_H
#define KMB_CRYPTO_NOTE_H

#include "base/buffer.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define NOTE_NAME_MAX       255
#define NOTE_SIZE_MAX       ((size_t)1 << 20)
#define NOTE_SIGNATURES_MAX 100

/* "<uuid>/tenant/<n>" and its zero. */
#define NOTE_ORIGIN_SIZE 64
void note_origin(char origin[NOTE_ORIGIN_SIZE], const uint8_t log_uuid[16], uint32_t tenant);

/* A public key under a name. Plain data. */
struct note_verifier {
    char name[NOTE_NAME_MAX + 1];
    uint8_t key_id[4];
    struct sign_public key;
};

/* KMB_USAGE: a name that is empty, too long, not UTF-8, or has spaces or '+'. */
enum kmb_status note_verifier_make(const char *name, const struct sign_public *key, struct note_verifier *verifier,
                                   struct kmb_error *error);
/* Appends the text form, without a newline. */
void note_verifier_write(const struct note_verifier *verifier, struct buffer *text);
/* KMB_FORMAT with what is wrong. */
enum kmb_status note_verifier_parse(struct slice text, struct note_verifier *verifier, struct kmb_error *error);

/* Appends body, an empty line and the signature line. body: UTF-8 lines, each ended; else KMB_USAGE. */
enum kmb_status note_sign(struct slice body, const struct note_verifier *verifier, const struct sign_key *key,
                          struct buffer *note, struct kmb_error *error);

/* Adds one more signature line to a whole note (a rotation signed by both keys, a witness). */
enum kmb_status note_cosign(struct buffer *note, const struct note_verifier *verifier, const struct sign_key *key,
                            struct kmb_error *error);

/*
 * Parses a note and verifies it against one verifier; *body borrows from note. KMB_FORMAT: not a note, with what is
 * wrong. KMB_PROOF_INVALID: no signature by this key, or it does not verify. Signatures of other keys are passed over.
 */
enum kmb_status note_open(struct slice note, const struct note_verifier *verifier, struct slice *body,
                          struct kmb_error *error);

/* A tree head. origin and extension borrow; extension is empty or whole lines, each ended, none empty. */
struct note_checkpoint {
    struct slice origin;
    uint64_t size;
    struct hash256 root;
    struct slice extension;
};

/* Appends the body of a checkpoint. KMB_USAGE: an origin or extension of wrong form. */
enum kmb_status note_checkpoint_write(const struct note_checkpoint *checkpoint, struct buffer *body,
                                      struct kmb_error *error);
/* KMB_FORMAT with what is wrong. */
enum kmb_status note_checkpoint_parse(struct slice body, struct note_checkpoint *checkpoint, struct kmb_error *error);

/* Write and sign; and open, parse, and check that the origin is the verifier's name. */
enum kmb_status note_checkpoint_sign(const struct note_checkpoint *checkpoint, const struct note_verifier *verifier,
                                     const struct sign_key *key, struct buffer *note, struct kmb_error *error);
enum kmb_status note_checkpoint_open(struct slice note, const struct note_verifier *verifier,
                                     struct note_checkpoint *checkpoint, struct kmb_error *error);

#endif
