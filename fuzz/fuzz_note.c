/* Signed notes, checkpoints, verifier keys and proof files, as a stranger would hand them in. */
#include <stdlib.h>

#include "crypto/note.h"
#include "crypto/proof_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct proof_file proof;
    struct kmb_error error = {0};
    struct note_checkpoint checkpoint;
    struct note_verifier verifier;
    struct proof_facts facts;
    struct slice body;
    struct slice text = slice_make(bytes, size);
    note_checkpoint_parse(text, &checkpoint, &error);
    if (note_verifier_parse(text, &verifier, &error) == KMB_OK) {
        struct buffer again = {0};
        note_verifier_write(&verifier, &again);
        if (!slice_equal(buffer_slice(&again), text)) {
            abort();
        }
        note_open(text, &verifier, &body, &error);
        buffer_free(&again);
    }
    if (proof_file_parse(text, &proof, &error) == KMB_OK) {
        struct buffer again = {0};
        if (proof_file_write(&proof, &again, &error) == KMB_OK && !slice_equal(buffer_slice(&again), text)) {
            abort();
        }
        buffer_free(&again);
        proof_file_verify(&proof, NULL, 0, &facts, &error);
    }
    return 0;
}
