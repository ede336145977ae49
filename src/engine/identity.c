/*
 * Roles and keys over a shard.
 *
 * A login reads the newest durable state: what was granted a moment ago and is not on disk yet is not granted. A key is
 * looked for in every tenant by the hash of its text, since its text says nothing of whose it is; that is one binary
 * search a tenant, in memory. Hashing with SHA-256 is enough for a key of 256 random bits, which nobody can guess at.
 */
#include "engine/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"
#include "types/utf8.h"

#define KEY_RANDOM_SIZE 32
#define NS_PER_US       UINT64_C(1000)

/* --- writing --- */

typedef enum kmb_status identity_work(void *context, struct kernel_transaction *transaction, struct kmb_error *error);

/* One transaction of its own; waits when it is to be durable. */
static enum kmb_status identity_write(struct shard *shard, struct tenant_id tenant, identity_work *work, void *context,
                                      bool durable, struct kmb_error *error) {
    struct shard_turn turn;
    struct kernel_state *state = NULL;
    struct kernel_transaction *transaction = NULL;
    struct shard_ticket ticket = {0};
    static const struct shard_request request = {0};
    enum kmb_status status = shard_turn_begin(shard, &turn, error);
    if (status != KMB_OK) {
        return status;
    }
    status = shard_turn_state(&turn, tenant, &state, error);
    if (status == KMB_OK && (!state->facts.exists || state->facts.deleted)) {
        status = error_set(error, KMB_TENANT_NOT_FOUND, "tenant %u does not exist", tenant.value);
    }
    if (status == KMB_OK) {
        status = kernel_transaction_begin(state, shard_row_ids(shard), &transaction, error);
    }
    kernel_state_release(state);
    if (status == KMB_OK) {
        status = work(context, transaction, error);
        if (status == KMB_OK) {
            status = shard_turn_commit(&turn, transaction, &request, &ticket, error);
        } else {
            kernel_transaction_discard(transaction);
        }
    }
    shard_turn_end(&turn);
    return status == KMB_OK && durable ? shard_wait(shard, ticket.op, error) : status;
}

bool identity_rank_find(const char *role, enum identity_rank *rank) {
    static const char *const names[] = {"auditor", "user", "analyst", "admin"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcasecmp(role, names[i]) == 0) {
            *rank = (enum identity_rank)i;
            return true;
        }
    }
    return false;
}

enum identity_rank identity_rank_of(const char (*roles)[API_KEY_ROLE_BYTES_MAX + 1], uint32_t count) {
    enum identity_rank highest = IDENTITY_AUDITOR;
    enum identity_rank rank = IDENTITY_USER;
    bool known = false;
    for (uint32_t i = 0; i < count; i++) {
        if (identity_rank_find(roles[i], &rank)) {
            highest = rank > highest ? rank : highest;
            known = true;
        }
    }
    return known ? highest : IDENTITY_USER;
}

static struct slice cut(struct slice text) {
    size_t length = text.length > ACCESS_TEXT_MAX ? ACCESS_TEXT_MAX : text.length;
    while (length < text.length && length > 0 && (text.bytes[length] & 0xc0) == 0x80) {
        length--; /* not within a character */
    }
    return slice_make(text.bytes, length);
}

static enum kmb_status record_work(void *context, struct kernel_transaction *transaction, struct kmb_error *error) {
    const struct access_record *access = context;
    return kernel_record_access(transaction, access, error);
}

enum kmb_status identity_record(struct shard *shard, struct tenant_id tenant, const struct access_record *access,
                                struct kmb_error *error) {
    struct access_record kept = {.outcome = access->outcome,
                                 .action = access->action,
                                 .actor = cut(access->actor),
                                 .source = cut(access->source),
                                 .object = cut(access->object),
                                 .detail = cut(access->detail)};
    return identity_write(shard, tenant, record_work, &kept, false, error);
}

/* --- keys as they are kept and shown --- */

static struct hash256 key_hash(struct slice text) {
    return hash_sha256(text.bytes, text.length);
}

static bool key_form(struct slice text) {
    size_t prefix = strlen(IDENTITY_KEY_PREFIX);
    if (text.length != IDENTITY_KEY_LENGTH || memcmp(text.bytes, IDENTITY_KEY_PREFIX, prefix) != 0) {
        return false;
    }
    for (size_t i = prefix; i < text.length; i++) {
        uint8_t c = text.bytes[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

static void key_show(struct tenant_id tenant, const struct api_key_definition *kept, struct identity_key *key) {
    *key = (struct identity_key){.tenant = tenant, .role_count = kept->role_count, .expires_ns = kept->expires_ns};
    codec_hex(key->id, kept->hash, IDENTITY_KEY_ID / 2);
    memcpy(key->subject, kept->subject.bytes, kept->subject.length);
    for (uint32_t i = 0; i < kept->role_count; i++) {
        memcpy(key->roles[i], kept->roles[i].bytes, kept->roles[i].length);
    }
}

static bool key_expired(const struct shard *shard, uint64_t expires_ns) {
    return expires_ns != 0 && expires_ns <= (uint64_t)shard_now_us(shard) * NS_PER_US;
}

static enum kmb_status key_unknown(struct kmb_error *error) {
    return error_set(error, KMB_API_KEY_NOT_FOUND, "API key not found");
}

/* --- tenants --- */

struct tenant_walk {
    struct shard *shard;
    struct hash256 hash;        /* looked for */
    struct identity_key *found; /* filled */
    bool any;
    struct identity_key *list; /* gathered */
    size_t list_count;
    size_t list_capacity;
    struct kmb_error *error;
};

static enum kmb_status key_gather(struct tenant_walk *walk, const struct identity_key *key, struct kmb_error *error) {
    if (walk->list_count == walk->list_capacity) {
        size_t capacity = walk->list_capacity == 0 ? 16 : walk->list_capacity * 2;
        struct identity_key *list = mem_realloc(walk->list, capacity * sizeof *list);
        if (list == NULL) {
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        walk->list = list;
        walk->list_capacity = capacity;
    }
    walk->list[walk->list_count++] = *key;
    return KMB_OK;
}

static enum kmb_status tenant_look(struct tenant_walk *walk, struct tenant_id tenant, bool gather,
                                   struct kmb_error *error) {
    struct kernel_state *state = NULL;
    enum kmb_status status = shard_state(walk->shard, tenant, &state, error);
    if (status == KMB_TENANT_NOT_FOUND) {
        error_clear(error);
        return KMB_OK;
    }
    if (status != KMB_OK) {
        return status;
    }
    const struct catalogue *catalogue = state->catalogue;
    const struct api_key_definition *kept = gather ? NULL : catalogue_api_key(catalogue, walk->hash.bytes);
    if (kept != NULL) {
        key_show(tenant, kept, walk->found);
        walk->any = true;
    }
    for (uint32_t i = 0; status == KMB_OK && gather && i < catalogue_api_key_count(catalogue); i++) {
        struct identity_key key;
        key_show(tenant, catalogue_api_key_at(catalogue, i), &key);
        if (!key_expired(walk->shard, key.expires_ns)) {
            status = key_gather(walk, &key, error);
        }
    }
    kernel_state_release(state);
    return status;
}

static enum kmb_status look_each(void *context, uint32_t tenant) {
    struct tenant_walk *walk = context;
    return walk->any ? KMB_OK : tenant_look(walk, (struct tenant_id){tenant}, walk->found == NULL, walk->error);
}

static enum kmb_status tenants_look(struct tenant_walk *walk, struct kmb_error *error) {
    struct store_root *root = shard_published(walk->shard);
    enum kmb_status status = store_tenants(store_view_root(root), look_each, walk, error);
    store_root_release(root);
    return status;
}

/* Also one that has expired. */
static enum kmb_status key_look(struct shard *shard, struct slice text, struct identity_key *key,
                                struct kmb_error *error) {
    if (!key_form(text)) {
        return key_unknown(error);
    }
    struct tenant_walk walk = {.shard = shard, .hash = key_hash(text), .found = key, .error = error};
    enum kmb_status status = tenants_look(&walk, error);
    return status != KMB_OK ? status : walk.any ? KMB_OK : key_unknown(error);
}

enum kmb_status identity_key_find(struct shard *shard, struct slice text, struct identity_key *key,
                                  struct kmb_error *error) {
    enum kmb_status status = key_look(shard, text, key, error);
    return status == KMB_OK && key_expired(shard, key->expires_ns) ? key_unknown(error) : status;
}

static int by_tenant_and_id(const void *a, const void *b) {
    const struct identity_key *left = a;
    const struct identity_key *right = b;
    if (left->tenant.value != right->tenant.value) {
        return left->tenant.value < right->tenant.value ? -1 : 1;
    }
    return strcmp(left->id, right->id);
}

enum kmb_status identity_key_list(struct shard *shard, const struct tenant_id *tenant,
                                  enum kmb_status (*each)(void *context, const struct identity_key *key), void *context,
                                  struct kmb_error *error) {
    struct tenant_walk walk = {.shard = shard, .error = error};
    enum kmb_status status = tenant == NULL ? tenants_look(&walk, error) : tenant_look(&walk, *tenant, true, error);
    if (status == KMB_OK && walk.list_count > 0) {
        qsort(walk.list, walk.list_count, sizeof *walk.list, by_tenant_and_id);
    }
    for (size_t i = 0; status == KMB_OK && i < walk.list_count; i++) {
        status = each(context, &walk.list[i]);
    }
    mem_free(walk.list);
    return status;
}

/* --- changes --- */

struct key_change {
    const struct identity_key *key;
    const struct identity_actor *actor;
    const char *action;
    const struct hash256 *old; /* revoked; NULL: none */
    const struct hash256 *new; /* made; NULL: none */
};

static enum kmb_status change_work(void *context, struct kernel_transaction *transaction, struct kmb_error *error) {
    const struct key_change *change = context;
    const struct identity_key *key = change->key;
    enum kmb_status status = KMB_OK;
    if (change->old != NULL) {
        status = kernel_revoke_api_key(transaction, change->old->bytes, error);
    }
    if (status == KMB_OK && change->new != NULL) {
        struct slice roles[API_KEY_ROLES_MAX];
        for (uint32_t i = 0; i < key->role_count; i++) {
            roles[i] = slice_text(key->roles[i]);
        }
        struct api_key_definition made = {.subject = slice_text(key->subject),
                                          .roles = roles,
                                          .role_count = key->role_count,
                                          .expires_ns = key->expires_ns};
        memcpy(made.hash, change->new->bytes, API_KEY_HASH_SIZE);
        status = kernel_create_api_key(transaction, &made, NULL, error);
    }
    if (status == KMB_OK) {
        struct access_record access = {.outcome = ACCESS_ALLOWED,
                                       .action = slice_text(change->action),
                                       .actor = cut(change->actor->name),
                                       .source = cut(change->actor->source),
                                       .object = slice_text(key->subject)};
        status = kernel_record_access(transaction, &access, error);
    }
    return status;
}

static enum kmb_status key_draw(const struct shard *shard, char text[IDENTITY_KEY_LENGTH + 1], struct hash256 *hash,
                                struct kmb_error *error) {
    const struct environment *environment = shard_environment(shard);
    uint8_t random[KEY_RANDOM_SIZE];
    if (!environment->random(environment->context, random, sizeof random)) {
        return error_set(error, KMB_INTERNAL, "no randomness to be had");
    }
    memcpy(text, IDENTITY_KEY_PREFIX, strlen(IDENTITY_KEY_PREFIX));
    codec_hex(text + strlen(IDENTITY_KEY_PREFIX), random, sizeof random);
    mem_wipe(random, sizeof random);
    text[IDENTITY_KEY_LENGTH] = '\0';
    *hash = key_hash(slice_make(text, IDENTITY_KEY_LENGTH));
    return KMB_OK;
}

static enum kmb_status key_check(const struct identity_key *key, struct kmb_error *error) {
    bool good = key->subject[0] != '\0' && key->role_count > 0 && key->role_count <= API_KEY_ROLES_MAX;
    for (uint32_t i = 0; good && i < key->role_count; i++) {
        good = key->roles[i][0] != '\0';
    }
    enum kmb_status status = utf8_check(slice_text(key->subject), error);
    for (uint32_t i = 0; status == KMB_OK && i < key->role_count && i < API_KEY_ROLES_MAX; i++) {
        status = utf8_check(slice_text(key->roles[i]), error);
    }
    if (status != KMB_OK) {
        return status;
    }
    return good ? KMB_OK
                : error_set(error, KMB_USAGE, "an API key has a subject and 1 to %d roles, none of them empty",
                            API_KEY_ROLES_MAX);
}

enum kmb_status identity_key_register(struct shard *shard, struct identity_key *key, const struct identity_actor *actor,
                                      char text[IDENTITY_KEY_LENGTH + 1], struct kmb_error *error) {
    struct hash256 hash;
    enum kmb_status status = key_check(key, error);
    if (status == KMB_OK) {
        status = key_draw(shard, text, &hash, error);
    }
    if (status == KMB_OK) {
        struct key_change change = {.key = key, .actor = actor, .action = "create_api_key", .new = &hash};
        codec_hex(key->id, hash.bytes, IDENTITY_KEY_ID / 2);
        status = identity_write(shard, key->tenant, change_work, &change, true, error);
    }
    if (status != KMB_OK) {
        mem_wipe(text, IDENTITY_KEY_LENGTH + 1);
    }
    return status;
}

enum kmb_status identity_key_revoke(struct shard *shard, struct slice text, const struct identity_actor *actor,
                                    struct kmb_error *error) {
    struct identity_key key;
    enum kmb_status status = key_look(shard, text, &key, error);
    if (status != KMB_OK) {
        return status;
    }
    struct hash256 hash = key_hash(text);
    struct key_change change = {.key = &key, .actor = actor, .action = "revoke_api_key", .old = &hash};
    return identity_write(shard, key.tenant, change_work, &change, true, error);
}

enum kmb_status identity_key_rotate(struct shard *shard, struct slice old_text, const struct identity_actor *actor,
                                    char text[IDENTITY_KEY_LENGTH + 1], struct identity_key *key,
                                    struct kmb_error *error) {
    struct hash256 new;
    enum kmb_status status = identity_key_find(shard, old_text, key, error);
    if (status == KMB_OK) {
        status = key_draw(shard, text, &new, error);
    }
    if (status == KMB_OK) {
        struct hash256 old = key_hash(old_text);
        struct key_change change = {.key = key, .actor = actor, .action = "rotate_api_key", .old = &old, .new = &new};
        codec_hex(key->id, new.bytes, IDENTITY_KEY_ID / 2);
        status = identity_write(shard, key->tenant, change_work, &change, true, error);
    }
    if (status != KMB_OK) {
        mem_wipe(text, IDENTITY_KEY_LENGTH + 1);
    }
    return status;
}

/* --- roles --- */

enum kmb_status identity_role_find(struct shard *shard, struct tenant_id tenant, struct slice name, bool *found,
                                   struct identity_role *role, struct kmb_error *error) {
    struct kernel_state *state = NULL;
    *found = false;
    *role = (struct identity_role){.flags = 0};
    enum kmb_status status = shard_state(shard, tenant, &state, error);
    if (status != KMB_OK) {
        if (status == KMB_TENANT_NOT_FOUND) {
            error_clear(error);
            status = KMB_OK;
        }
        return status;
    }
    const struct role_definition *kept = catalogue_role(state->catalogue, name);
    if (kept != NULL) {
        *found = true;
        role->flags = kept->flags;
        role->connection_limit = kept->connection_limit;
        role->valid_until_us = kept->valid_until_us;
        role->has_verifier = scram_verifier_parse(kept->verifier, &role->verifier);
    }
    kernel_state_release(state);
    return KMB_OK;
}

enum kmb_status identity_has_passwords(struct shard *shard, struct tenant_id tenant, bool *has,
                                       struct kmb_error *error) {
    struct kernel_state *state = NULL;
    *has = false;
    enum kmb_status status = shard_state(shard, tenant, &state, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct catalogue *catalogue = state->catalogue;
    for (uint32_t i = 0; i < catalogue_role_count(catalogue); i++) {
        const struct role_definition *role = catalogue_role_at(catalogue, i);
        *has = *has || ((role->flags & ROLE_LOGIN) != 0 && role->verifier.length > 0);
    }
    kernel_state_release(state);
    return KMB_OK;
}
