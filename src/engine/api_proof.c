/*
 * Proofs: texts that a stranger verifies without the database. The tree is the tenant's own (RFC 9162 over its entry
 * hashes); a checkpoint of it is signed with the log's checkpoint key under the tenant's origin.
 */
#include <string.h>

#include "base/memory.h"
#include "crypto/proof_file.h"
#include "engine/api_internal.h"
#include "engine/entries.h"

struct proof_work {
    struct kmb_session *session;
    struct kernel_state *state;
    struct note_verifier verifier;
    const struct sign_key *key;
    char origin[NOTE_ORIGIN_SIZE];
    struct buffer note;
    struct buffer old_note;
    struct buffer text;
    struct proof_file *proof; /* large: on the heap */
};

static enum kmb_status begin(struct proof_work *work, struct kmb_session *session, struct kmb_error *error) {
    struct shard *shard = session->db->shard;
    struct tenant_id tenant = session_tenant(session->session);
    *work = (struct proof_work){.session = session};
    note_origin(work->origin, shard_identity(shard)->uuid, tenant.value);
    work->proof = mem_alloc_zero(1, sizeof(*work->proof));
    enum kmb_status status = work->proof == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory")
                                                 : shard_state(shard, tenant, &work->state, error);
    if (status == KMB_OK) {
        status = keystore_checkpoint_key(shard_keystore(shard), 0, &work->key, error);
    }
    if (status == KMB_OK) {
        status = keystore_checkpoint_verifier(shard_keystore(shard), 0, tenant.value, &work->verifier, error);
    }
    return status;
}

static void end(struct proof_work *work) {
    kernel_state_release(work->state);
    buffer_free(&work->note);
    buffer_free(&work->old_note);
    buffer_free(&work->text);
    mem_free(work->proof);
}

/* Signs the tree of the first `size` entries. */
static enum kmb_status sign_tree(struct proof_work *work, uint64_t size, struct buffer *note, struct kmb_error *error) {
    struct note_checkpoint checkpoint = {.origin = slice_text(work->origin), .size = size};
    enum kmb_status status = kernel_merkle_root(work->state, size, &checkpoint.root, error);
    if (status == KMB_OK) {
        status = note_checkpoint_sign(&checkpoint, &work->verifier, work->key, note, error);
    }
    return status;
}

/* Hands a buffer's text to the caller, who frees it. */
static enum kmb_status give(struct buffer *buffer, char **text, struct kmb_error *error) {
    const char *whole = buffer_text(buffer);
    *text = whole == NULL ? NULL : mem_strdup(whole);
    return *text == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : KMB_OK;
}

static enum kmb_status prove_far(kmb_session *session, enum remote_proof proof, uint64_t number, char **text,
                                 struct kmb_error *error) {
    struct buffer buffer = {0};
    enum kmb_status status = session->remote->prove(session->far, proof, number, &buffer, error);
    if (status == KMB_OK) {
        status = give(&buffer, text, error);
    }
    buffer_free(&buffer);
    return status;
}

enum kmb_status kmb_proof_checkpoint(kmb_session *session, char **text, struct kmb_error *error) {
    if (session == NULL || text == NULL) {
        return api_absent("session, or no place for the text,", error);
    }
    struct proof_work work;
    *text = NULL;
    if (session->remote != NULL) {
        return prove_far(session, REMOTE_PROOF_CHECKPOINT, 0, text, error);
    }
    enum kmb_status status = begin(&work, session, error);
    if (status == KMB_OK) {
        status = sign_tree(&work, work.state->sequence, &work.note, error);
    }
    if (status == KMB_OK) {
        status = give(&work.note, text, error);
    }
    end(&work);
    return status;
}

/* The entry's header as it stands in the log. */
static enum kmb_status read_header(struct proof_work *work, uint64_t sequence, struct kmb_error *error) {
    struct entries entries = entries_of(work->session->db->shard);
    struct kernel_entry wanted;
    struct log_reader_entry entry;
    enum kmb_status status = kernel_entry_at(work->state, sequence, &wanted, error);
    if (status == KMB_OK) {
        status = entries_find(&entries, work->state->tenant, &wanted, &entry, error);
    }
    if (status == KMB_OK) {
        memcpy(work->proof->entry, entry.header, LOG_ENTRY_HEADER_SIZE);
        work->proof->entry_size = LOG_ENTRY_HEADER_SIZE;
    }
    entries_close(&entries);
    return status;
}

enum kmb_status kmb_proof_inclusion(kmb_session *session, uint64_t sequence, char **text, struct kmb_error *error) {
    if (session == NULL || text == NULL) {
        return api_absent("session, or no place for the text,", error);
    }
    struct proof_work work;
    *text = NULL;
    if (session->remote != NULL) {
        return prove_far(session, REMOTE_PROOF_INCLUSION, sequence, text, error);
    }
    enum kmb_status status = begin(&work, session, error);
    if (status == KMB_OK && (sequence == 0 || sequence > work.state->sequence)) {
        status =
            error_set(error, KMB_INVALID_OFFSET, "there is no entry %llu: tenant %u has entries 1 to %llu",
                      (unsigned long long)sequence, work.state->tenant.value, (unsigned long long)work.state->sequence);
    }
    if (status == KMB_OK) {
        status = sign_tree(&work, work.state->sequence, &work.note, error);
    }
    if (status == KMB_OK) {
        status = read_header(&work, sequence, error);
    }
    if (status == KMB_OK) {
        status = kernel_merkle_inclusion(work.state, sequence, work.state->sequence, &work.proof->path, error);
    }
    if (status == KMB_OK) {
        work.proof->kind = PROOF_INCLUSION;
        work.proof->origin = slice_text(work.origin);
        work.proof->verifier = work.verifier;
        work.proof->checkpoint = buffer_slice(&work.note);
        work.proof->index = sequence - 1;
        status = proof_file_write(work.proof, &work.text, error);
    }
    if (status == KMB_OK) {
        status = give(&work.text, text, error);
    }
    end(&work);
    return status;
}

enum kmb_status kmb_proof_consistency(kmb_session *session, uint64_t old_size, char **text, struct kmb_error *error) {
    if (session == NULL || text == NULL) {
        return api_absent("session, or no place for the text,", error);
    }
    struct proof_work work;
    *text = NULL;
    if (session->remote != NULL) {
        return prove_far(session, REMOTE_PROOF_CONSISTENCY, old_size, text, error);
    }
    enum kmb_status status = begin(&work, session, error);
    if (status == KMB_OK && (old_size == 0 || old_size > work.state->sequence)) {
        status =
            error_set(error, KMB_INVALID_OFFSET, "there was no tree of %llu entries: tenant %u has 1 to %llu",
                      (unsigned long long)old_size, work.state->tenant.value, (unsigned long long)work.state->sequence);
    }
    if (status == KMB_OK) {
        status = sign_tree(&work, work.state->sequence, &work.note, error);
    }
    if (status == KMB_OK) {
        status = sign_tree(&work, old_size, &work.old_note, error);
    }
    if (status == KMB_OK) {
        status = kernel_merkle_consistency(work.state, old_size, work.state->sequence, &work.proof->path, error);
    }
    if (status == KMB_OK) {
        work.proof->kind = PROOF_CONSISTENCY;
        work.proof->origin = slice_text(work.origin);
        work.proof->verifier = work.verifier;
        work.proof->old_verifier = work.verifier;
        work.proof->checkpoint = buffer_slice(&work.note);
        work.proof->old_checkpoint = buffer_slice(&work.old_note);
        status = proof_file_write(work.proof, &work.text, error);
    }
    if (status == KMB_OK) {
        status = give(&work.text, text, error);
    }
    end(&work);
    return status;
}

/* A text that is no proof file is taken for a checkpoint: that needs the key. */
enum kmb_status api_proof_status(enum kmb_status status, struct kmb_error *error) {
    if (status == KMB_OK || status == KMB_NO_MEMORY) {
        return status;
    }
    if (error != NULL) {
        error->status = KMB_PROOF_INVALID;
    }
    return KMB_PROOF_INVALID;
}

static enum kmb_status verify_checkpoint(struct slice text, const struct note_verifier *verifier,
                                         struct kmb_error *error) {
    struct note_checkpoint checkpoint;
    if (verifier == NULL) {
        error_set(error, KMB_PROOF_INVALID, "a checkpoint alone can only be verified with its verifier key");
        error_hint(error, "\"kimberlite info\" of the database prints the key; keep it apart from the data.");
        return KMB_PROOF_INVALID;
    }
    enum kmb_status status = note_checkpoint_open(text, verifier, &checkpoint, error);
    return api_proof_status(status, error);
}

enum kmb_status kmb_proof_verify(const char *text, size_t length, const char *verifier, struct kmb_error *error) {
    if (text == NULL) {
        return api_absent("proof", error);
    }
    struct slice slice = slice_make(text, length);
    struct note_verifier trusted;
    struct proof_facts facts;
    static const char magic[] = "kimberlite-proof ";
    enum kmb_status status = KMB_OK;
    if (verifier != NULL) {
        status = note_verifier_parse(slice_text(verifier), &trusted, error);
        if (status != KMB_OK) {
            error_prefix(error, "verifier key");
            return status;
        }
    }
    if (length < sizeof(magic) - 1 || memcmp(text, magic, sizeof(magic) - 1) != 0) {
        return verify_checkpoint(slice, verifier == NULL ? NULL : &trusted, error);
    }
    struct proof_file *proof = mem_alloc_zero(1, sizeof(*proof));
    if (proof == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    status = proof_file_parse(slice, proof, error);
    if (status == KMB_OK) {
        status = proof_file_verify(proof, verifier == NULL ? NULL : &trusted, verifier == NULL ? 0 : 1, &facts, error);
    }
    mem_free(proof);
    return status;
}
