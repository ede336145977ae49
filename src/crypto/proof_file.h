/*
 * A proof as a text file, so that it can leave the database, be mailed, and be verified years later by a program that
 * knows no database (docs/reference/proofs.md; examples/verify-proof/verify_proof.c).
 *
 *     kimberlite-proof 1
 *     kind inclusion
 *     origin <log uuid>/tenant/<tenant>
 *     verifier <verifier key>
 *     entry <entry header in hexadecimal>
 *     index <leaf, from 0>
 *     path <base64 of a hash>                 none or more
 *     checkpoint <number of lines>
 *     <the signed note>
 *
 * A consistency proof has no entry and index; an older checkpoint and its verifier key stand before the newer ones.
 */
#ifndef KMB_CRYPTO_PROOF_FILE_H
#define KMB_CRYPTO_PROOF_FILE_H

#include "crypto/merkle.h"
#include "crypto/note.h"

#define PROOF_ENTRY_MAX 4096 /* bytes of an entry header */

enum proof_kind {
    PROOF_INCLUSION = 1,
    PROOF_CONSISTENCY = 2,
};

/* Slices borrow: from the text when parsed. */
struct proof_file {
    enum proof_kind kind;
    struct slice origin;
    struct note_verifier verifier; /* of checkpoint */
    struct slice checkpoint;       /* a signed note */
    struct merkle_proof path;
    /* inclusion */
    uint8_t entry[PROOF_ENTRY_MAX]; /* the header bytes: what the leaf hash is taken of */
    size_t entry_size;
    uint64_t index;
    /* consistency */
    struct note_verifier old_verifier;
    struct slice old_checkpoint;
};

/* Appends the text form. KMB_USAGE: a part that has no text form. KMB_NO_MEMORY. */
enum kmb_status proof_file_write(const struct proof_file *proof, struct buffer *text, struct kmb_error *error);

/* KMB_FORMAT with the line and what is wrong. Verifies nothing. */
enum kmb_status proof_file_parse(struct slice text, struct proof_file *proof, struct kmb_error *error);

/* What a proof that holds says. */
struct proof_facts {
    uint64_t size; /* leaves in the tree of the checkpoint */
    struct hash256 root;
    struct hash256 leaf; /* inclusion */
    uint64_t old_size;   /* consistency */
    struct hash256 old_root;
};

/*
 * Verifies signatures, origins and the path. trusted: keys that the reader had before; a checkpoint of the file must be
 * signed by one of them. With none the file's own keys are believed, which proves only that the file agrees with
 * itself. KMB_PROOF_INVALID or KMB_FORMAT with what does not hold.
 */
enum kmb_status proof_file_verify(const struct proof_file *proof, const struct note_verifier *trusted,
                                  size_t trusted_count, struct proof_facts *facts, struct kmb_error *error);

#endif
