/*
 * API keys through the C API: of a database in this process, or at the other end of a connection.
 */
#include <string.h>

#include "base/error.h"
#include "engine/api_internal.h"
#include "engine/identity.h"
#include "types/utf8.h"

#define NS_PER_US UINT64_C(1000)

/* Who did it, in the record: whoever may open the directory. */
static const struct identity_actor operator_here = {.name = {(const uint8_t *)"operator", 8}};

/* Splits "user,admin". */
static bool roles_read(const char *text, struct identity_key *key) {
    for (const char *at = text; key->role_count < API_KEY_ROLES_MAX;) {
        size_t length = strcspn(at, ",");
        if (length == 0 || length > API_KEY_ROLE_BYTES_MAX) {
            return false;
        }
        memcpy(key->roles[key->role_count++], at, length);
        if (at[length] == '\0') {
            return true;
        }
        at += length + 1;
    }
    return false;
}

static enum kmb_status read_key(const struct kmb_api_key *given, struct identity_key *key, struct kmb_error *error) {
    const char *roles = given->roles == NULL ? "user" : given->roles;
    *key = (struct identity_key){.tenant = {given->tenant}};
    if (given->subject == NULL || given->subject[0] == '\0' || strlen(given->subject) > API_KEY_SUBJECT_MAX) {
        return error_set(error, KMB_USAGE, "the subject of a key has 1 to %d bytes", API_KEY_SUBJECT_MAX);
    }
    if (utf8_check(slice_text(given->subject), error) != KMB_OK || utf8_check(slice_text(roles), error) != KMB_OK) {
        return KMB_INVALID_ENCODING;
    }
    if (!roles_read(roles, key)) {
        return error_set(error, KMB_USAGE, "\"%.60s\" are no roles: names separated by commas, at most %d of %d bytes",
                         roles, API_KEY_ROLES_MAX, API_KEY_ROLE_BYTES_MAX);
    }
    bool known = false; /* others are labels; but a word with a letter missing alone must not come to be a user's */
    for (uint32_t i = 0; i < key->role_count; i++) {
        enum identity_rank rank;
        known = known || identity_rank_find(key->roles[i], &rank);
    }
    if (!known) {
        return error_set(error, KMB_USAGE, "unknown role \"%.60s\" of a key: auditor, user, analyst or admin", roles);
    }
    if (given->expires_us < 0) {
        return error_set(error, KMB_USAGE, "the key would have expired before 1970");
    }
    memcpy(key->subject, given->subject, strlen(given->subject));
    key->expires_ns = (uint64_t)given->expires_us * NS_PER_US;
    return KMB_OK;
}

static enum kmb_status tell(const struct identity_key *key, const char *text, kmb_api_key_fn *each, void *context) {
    char roles[API_KEY_ROLES_MAX * (API_KEY_ROLE_BYTES_MAX + 1) + 1] = "";
    for (uint32_t i = 0; i < key->role_count; i++) {
        strcat(strcat(roles, i == 0 ? "" : ","), key->roles[i]);
    }
    const struct kmb_api_key told = {.id = key->id,
                                     .tenant = key->tenant.value,
                                     .subject = key->subject,
                                     .roles = roles,
                                     .expires_us = (int64_t)(key->expires_ns / NS_PER_US),
                                     .text = text};
    return each(context, &told);
}

enum kmb_status kmb_api_key_create(kmb_db *db, const struct kmb_api_key *given, kmb_api_key_fn *each, void *context,
                                   struct kmb_error *error) {
    char text[IDENTITY_KEY_LENGTH + 1];
    struct identity_key key;
    if (db == NULL || given == NULL || each == NULL) {
        return api_absent("database, key or function to call", error);
    }
    enum kmb_status status = read_key(given, &key, error);
    if (status == KMB_OK && db->remote != NULL) {
        return db->remote->api_key_create(db->far, given, each, context, error);
    }
    if (status == KMB_OK) {
        status = identity_key_register(db->shard, &key, &operator_here, text, error);
    }
    return status == KMB_OK ? tell(&key, text, each, context) : status;
}

enum kmb_status kmb_api_key_rotate(kmb_db *db, const char *old, kmb_api_key_fn *each, void *context,
                                   struct kmb_error *error) {
    char text[IDENTITY_KEY_LENGTH + 1];
    struct identity_key key;
    if (db == NULL || old == NULL || each == NULL) {
        return api_absent("database, key or function to call", error);
    }
    if (db->remote != NULL) {
        return db->remote->api_key_rotate(db->far, slice_text(old), each, context, error);
    }
    enum kmb_status status = identity_key_rotate(db->shard, slice_text(old), &operator_here, text, &key, error);
    return status == KMB_OK ? tell(&key, text, each, context) : status;
}

enum kmb_status kmb_api_key_revoke(kmb_db *db, const char *key, struct kmb_error *error) {
    if (db == NULL || key == NULL) {
        return api_absent("database or key", error);
    }
    return db->remote != NULL ? db->remote->api_key_revoke(db->far, slice_text(key), error)
                              : identity_key_revoke(db->shard, slice_text(key), &operator_here, error);
}

struct key_walk {
    kmb_api_key_fn *each;
    void *context;
};

static enum kmb_status tell_one(void *context, const struct identity_key *key) {
    const struct key_walk *walk = context;
    return tell(key, NULL, walk->each, walk->context);
}

enum kmb_status kmb_api_key_list(kmb_db *db, uint32_t tenant, kmb_api_key_fn *each, void *context,
                                 struct kmb_error *error) {
    if (db == NULL || each == NULL) {
        return api_absent("database or function to call", error);
    }
    if (db->remote != NULL) {
        return db->remote->api_key_list(db->far, tenant, each, context, error);
    }
    struct tenant_id one = {tenant};
    struct key_walk walk = {.each = each, .context = context};
    return identity_key_list(db->shard, tenant == 0 ? NULL : &one, tell_one, &walk, error);
}
