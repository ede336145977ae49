/*
 * Who may ask, for servers: roles as a login needs them, and API keys registered, found, listed, rotated and revoked.
 *
 * Both are in the log of the tenant they are of, so they are durable, travel with it and can be asked for at any moment
 * of the past. Of a key only the SHA-256 of its text is kept; the text is given out once. All calls may come from any
 * thread; those that write return when what they wrote is durable.
 */
#ifndef KMB_ENGINE_IDENTITY_H
#define KMB_ENGINE_IDENTITY_H

#include "crypto/hash.h"
#include "crypto/scram.h"
#include "engine/shard.h"

/* "kmb_live_" and 64 lower-case hexadecimal digits. */
#define IDENTITY_KEY_PREFIX "kmb_live_"
#define IDENTITY_KEY_LENGTH 73
#define IDENTITY_KEY_ID     8 /* first digits of the hash: names a key without giving it away */

/* What keys and tokens give, the highest of their roles; a name that is none of these counts as a user's. */
enum identity_rank { IDENTITY_AUDITOR, IDENTITY_USER, IDENTITY_ANALYST, IDENTITY_ADMIN };
bool identity_rank_find(const char *role, enum identity_rank *rank); /* in any case; false: no such */
enum identity_rank identity_rank_of(const char (*roles)[API_KEY_ROLE_BYTES_MAX + 1], uint32_t count);

struct identity_key {
    struct tenant_id tenant;
    char id[IDENTITY_KEY_ID + 1];
    char subject[API_KEY_SUBJECT_MAX + 1];
    uint32_t role_count;
    char roles[API_KEY_ROLES_MAX][API_KEY_ROLE_BYTES_MAX + 1];
    uint64_t expires_ns; /* since 1970; 0: never */
};

/* Who asks for a change, for the record that goes with it. */
struct identity_actor {
    struct slice name;
    struct slice source; /* empty: not over a network */
};

/*
 * A new key of key->tenant with subject, roles and expiry as given there (id is filled in); text: the key itself.
 * KMB_USAGE: no subject, no role, or one too long, KMB_TENANT_NOT_FOUND.
 */
enum kmb_status identity_key_register(struct shard *shard, struct identity_key *key, const struct identity_actor *actor,
                                      char text[IDENTITY_KEY_LENGTH + 1], struct kmb_error *error);
/* KMB_API_KEY_NOT_FOUND. */
enum kmb_status identity_key_revoke(struct shard *shard, struct slice text, const struct identity_actor *actor,
                                    struct kmb_error *error);
/* A new text for the same subject, tenant, roles and expiry; the old one dies in the same transaction.
 * KMB_API_KEY_NOT_FOUND, also for one that has expired. */
enum kmb_status identity_key_rotate(struct shard *shard, struct slice old_text, const struct identity_actor *actor,
                                    char text[IDENTITY_KEY_LENGTH + 1], struct identity_key *key,
                                    struct kmb_error *error);
/* Keys that have not expired, of one tenant or (NULL) of all, by tenant and key id. each answers KMB_OK to go on. */
enum kmb_status identity_key_list(struct shard *shard, const struct tenant_id *tenant,
                                  enum kmb_status (*each)(void *context, const struct identity_key *key), void *context,
                                  struct kmb_error *error);
/* Whose key is it? KMB_API_KEY_NOT_FOUND: nobody's, or it has expired. */
enum kmb_status identity_key_find(struct shard *shard, struct slice text, struct identity_key *key,
                                  struct kmb_error *error);

/* A role as a login needs it. */
struct identity_role {
    uint32_t flags; /* enum role_flag */
    int32_t connection_limit;
    int64_t valid_until_us;
    bool has_verifier;
    struct scram_verifier verifier;
};
/* *found false: no such role, or no such tenant. */
enum kmb_status identity_role_find(struct shard *shard, struct tenant_id tenant, struct slice name, bool *found,
                                   struct identity_role *role, struct kmb_error *error);
/* Has a tenant a role that can log in with a password? */
enum kmb_status identity_has_passwords(struct shard *shard, struct tenant_id tenant, bool *has,
                                       struct kmb_error *error);

/* Writes a record of what somebody did or tried; returns before it is durable. Texts that are too long are cut. */
enum kmb_status identity_record(struct shard *shard, struct tenant_id tenant, const struct access_record *access,
                                struct kmb_error *error);

#endif
