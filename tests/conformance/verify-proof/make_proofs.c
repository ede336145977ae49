/*
 * Makes what verify_proof and the Go test read, and opens what Go has signed.
 *
 *     make_proofs make FOLDER            a log of 140 entries: verifier.txt, leaves.txt, checkpoint-N.txt for each
 * size, inclusion-N-I.txt and consistency-M-N.txt for many make_proofs open FILE VERIFIER     prints "size root" of a
 * signed checkpoint
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/codec.h"
#include "base/environment.h"
#include "crypto/base64.h"
#include "crypto/proof_file.h"

enum { ENTRIES = 140, HEADER = 160, TENANT = 7 };

struct maker {
    const char *folder;
    char origin[NOTE_ORIGIN_SIZE];
    struct sign_key *key;
    struct note_verifier verifier;
    uint8_t headers[ENTRIES][HEADER];
    struct hash256 nodes[2 * ENTRIES];
    struct merkle_frontier frontier;
    struct buffer checkpoints[ENTRIES + 1];
};

static void write_file(const struct maker *maker, const char *name, struct slice bytes) {
    char path[4096];
    ASSERT(snprintf(path, sizeof path, "%s/%s", maker->folder, name) < (int)sizeof path);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes.bytes, 1, bytes.length, file) != bytes.length || fclose(file) != 0) {
        fprintf(stderr, "make_proofs: cannot write %s\n", path);
        exit(1);
    }
}

static enum kmb_status read_node(void *context, unsigned level, uint64_t index, struct hash256 *hash,
                                 struct kmb_error *error) {
    const struct maker *maker = context;
    (void)error;
    *hash = maker->nodes[merkle_place(level, index)];
    return KMB_OK;
}

/* An entry header, as far as proofs look at it: the rest is random. */
static void make_header(struct maker *maker, uint64_t index, const uint8_t uuid[16], struct prng *prng) {
    uint8_t *header = maker->headers[index];
    prng_bytes(prng, header, HEADER);
    memcpy(header + 8, uuid, 16);
    codec_put_u32(header + 24, TENANT);
    codec_put_u64(header + 32, index + 1);
}

static void make_log(struct maker *maker) {
    struct prng prng;
    uint8_t uuid[16];
    struct secret_key seed;
    struct buffer text = {0};
    prng_seed(&prng, 6962);
    prng_bytes(&prng, uuid, sizeof uuid);
    prng_bytes(&prng, seed.bytes, sizeof seed.bytes);
    note_origin(maker->origin, uuid, TENANT);
    ASSERT(sign_key_new(&seed, &maker->key, NULL) == KMB_OK);
    ASSERT(note_verifier_make(maker->origin, sign_key_public(maker->key), &maker->verifier, NULL) == KMB_OK);
    note_verifier_write(&maker->verifier, &text);
    write_file(maker, "verifier.txt", buffer_slice(&text));
    buffer_clear(&text);
    merkle_frontier_start(&maker->frontier);
    for (uint64_t size = 0; size <= ENTRIES; size++) {
        char name[64];
        const struct note_checkpoint checkpoint = {.origin = slice_text(maker->origin),
                                                   .size = size,
                                                   .root = merkle_frontier_root(&maker->frontier),
                                                   .extension = slice_text(size % 2 == 0 ? "" : "time 1700000000\n")};
        ASSERT(note_checkpoint_sign(&checkpoint, &maker->verifier, maker->key, &maker->checkpoints[size], NULL) ==
               KMB_OK);
        (void)snprintf(name, sizeof name, "checkpoint-%" PRIu64 ".txt", size);
        write_file(maker, name, buffer_slice(&maker->checkpoints[size]));
        if (size < ENTRIES) {
            char hex[2 * HEADER + 1];
            struct hash256 completed[MERKLE_LEVELS];
            make_header(maker, size, uuid, &prng);
            struct hash256 leaf = merkle_leaf(slice_make(maker->headers[size], HEADER));
            unsigned count = merkle_frontier_append(&maker->frontier, &leaf, completed);
            for (unsigned level = 0; level < count; level++) {
                maker->nodes[merkle_place(level, size >> level)] = completed[level];
            }
            codec_hex(hex, maker->headers[size], HEADER);
            buffer_printf(&text, "%s\n", hex);
        }
    }
    write_file(maker, "leaves.txt", buffer_slice(&text));
    buffer_free(&text);
}

static void make_proof(struct maker *maker, enum proof_kind kind, uint64_t first, uint64_t size) {
    static struct proof_file proof;
    static struct proof_file parsed;
    const struct merkle_source source = {read_node, maker};
    struct proof_facts facts;
    struct buffer text = {0};
    char name[64];
    memset(&proof, 0, sizeof proof);
    proof.kind = kind;
    proof.origin = slice_text(maker->origin);
    proof.verifier = maker->verifier;
    proof.checkpoint = buffer_slice(&maker->checkpoints[size]);
    if (kind == PROOF_INCLUSION) {
        (void)snprintf(name, sizeof name, "inclusion-%" PRIu64 "-%" PRIu64 ".txt", size, first);
        memcpy(proof.entry, maker->headers[first], HEADER);
        proof.entry_size = HEADER;
        proof.index = first;
        ASSERT(merkle_inclusion_prove(&source, first, size, &proof.path, NULL) == KMB_OK);
    } else {
        (void)snprintf(name, sizeof name, "consistency-%" PRIu64 "-%" PRIu64 ".txt", first, size);
        proof.old_verifier = maker->verifier;
        proof.old_checkpoint = buffer_slice(&maker->checkpoints[first]);
        ASSERT(merkle_consistency_prove(&source, first, size, &proof.path, NULL) == KMB_OK);
    }
    ASSERT(proof_file_write(&proof, &text, NULL) == KMB_OK);
    ASSERT(proof_file_parse(buffer_slice(&text), &parsed, NULL) == KMB_OK);
    ASSERT(proof_file_verify(&parsed, &maker->verifier, 1, &facts, NULL) == KMB_OK);
    write_file(maker, name, buffer_slice(&text));
    buffer_free(&text);
}

static int make(const char *folder) {
    static struct maker maker;
    maker.folder = folder;
    make_log(&maker);
    for (uint64_t size = 1; size <= ENTRIES; size++) {
        bool all = size <= 17 || size == 100 || size == ENTRIES;
        for (uint64_t first = 0; first < size; first += all ? 1 : size / 3 + 1) {
            make_proof(&maker, PROOF_INCLUSION, first, size);
            make_proof(&maker, PROOF_CONSISTENCY, first + 1, size);
        }
    }
    for (size_t i = 0; i <= ENTRIES; i++) {
        buffer_free(&maker.checkpoints[i]);
    }
    sign_key_free(maker.key);
    return 0;
}

static size_t read_file(const char *path, uint8_t *bytes, size_t size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "make_proofs: cannot open %s\n", path);
        exit(1);
    }
    size_t length = fread(bytes, 1, size, file);
    (void)fclose(file);
    return length;
}

static int flip(const char *path, const char *folder) {
    static uint8_t text[1 << 16];
    const struct maker maker = {.folder = folder};
    size_t length = read_file(path, text, sizeof text);
    for (size_t at = 0; at < length; at += 3) {
        char name[64];
        uint8_t bit = (uint8_t)(1 << at % 7);
        (void)snprintf(name, sizeof name, "flip-%zu-%zu.txt", at, at % 7);
        text[at] ^= bit;
        write_file(&maker, name, slice_make(text, length));
        text[at] ^= bit;
    }
    return 0;
}

static int open_note(const char *path, const char *verifier_text) {
    static uint8_t text[1 << 16];
    struct note_verifier verifier;
    struct note_checkpoint checkpoint;
    struct kmb_error error = {0};
    size_t length = read_file(path, text, sizeof text);
    if (note_verifier_parse(slice_text(verifier_text), &verifier, &error) != KMB_OK ||
        note_checkpoint_open(slice_make(text, length), &verifier, &checkpoint, &error) != KMB_OK) {
        fprintf(stderr, "make_proofs: %s\n", error.message);
        return 1;
    }
    char root[BASE64_LENGTH(HASH256_SIZE) + 1];
    base64_encode(root, checkpoint.root.bytes, HASH256_SIZE);
    printf("%" PRIu64 " %s\n", checkpoint.size, root);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "make") == 0) {
        return make(argv[2]);
    }
    if (argc == 4 && strcmp(argv[1], "flip") == 0) {
        return flip(argv[2], argv[3]);
    }
    if (argc == 4 && strcmp(argv[1], "open") == 0) {
        return open_note(argv[2], argv[3]);
    }
    fprintf(stderr, "usage: make_proofs make FOLDER | flip FILE FOLDER | open FILE VERIFIER\n");
    return 2;
}
