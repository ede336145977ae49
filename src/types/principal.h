/*
 * Who may ask: roles (users are roles that may log in) and API keys, as the log and the catalogue hold them. No secret
 * is in either: of a password there is a verifier (crypto/scram.h), of a key its SHA-256.
 *
 * To the byte: docs/internals/formats-events.md, "Roles and keys".
 */
#ifndef KMB_TYPES_PRINCIPAL_H
#define KMB_TYPES_PRINCIPAL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/codec.h"
#include "types/ids.h"

#define ROLE_NAME_BYTES_MAX     63 /* as every name of SQL's */
#define ROLE_VERIFIER_BYTES_MAX 255
#define ROLE_CONNECTIONS_ANY    (-1)
#define ROLE_VALID_FOREVER      INT64_MAX /* "infinity" */

/* PostgreSQL's attributes of a role; the numbers are frozen. */
enum role_flag {
    ROLE_SUPERUSER = 0x01,
    ROLE_LOGIN = 0x02,
    ROLE_CREATE_ROLE = 0x04,
    ROLE_CREATE_DATABASE = 0x08,
    ROLE_INHERIT = 0x10,
    ROLE_REPLICATION = 0x20,
    ROLE_BYPASS_POLICIES = 0x40,
    ROLE_HAS_VALID_UNTIL = 0x80,
};
#define ROLE_FLAGS_ALL 0xffu

struct role_definition {
    struct role_id id;
    struct slice name;
    uint32_t flags;
    int32_t connection_limit; /* ROLE_CONNECTIONS_ANY: none */
    int64_t valid_until_us;   /* of the password, with ROLE_HAS_VALID_UNTIL */
    struct slice verifier;    /* text; empty: no password */
};

#define API_KEY_HASH_SIZE      32
#define API_KEY_SUBJECT_MAX    255
#define API_KEY_ROLES_MAX      16
#define API_KEY_ROLE_BYTES_MAX 63

struct api_key_definition {
    struct api_key_id id;
    uint8_t hash[API_KEY_HASH_SIZE]; /* SHA-256 of the key's text */
    struct slice subject;
    const struct slice *roles;
    uint32_t role_count; /* at least one */
    uint64_t expires_ns; /* 0: never */
};

/* What was done with the right to do it, or without: kept for whoever asks later. */
enum access_outcome { ACCESS_ALLOWED = 1, ACCESS_DENIED = 2 };

struct access_record {
    enum access_outcome outcome;
    struct slice action; /* "login", "create_role", ... : lower case, no blanks */
    struct slice actor;  /* who asked, as far as known */
    struct slice source; /* where from; empty: not over a network */
    struct slice object; /* what it was about; empty: nothing in particular */
    struct slice detail; /* why it was refused, how it was proved */
};
#define ACCESS_ACTION_MAX 63
#define ACCESS_TEXT_MAX   255

void role_encode(const struct role_definition *role, struct buffer *buffer);
/* Reads all of the payload; texts borrow from it. False: no such thing. */
bool role_decode(struct slice payload, struct role_definition *role);
void api_key_encode(const struct api_key_definition *key, struct buffer *buffer);
/* roles are in the arena. false: no such thing, or no memory (*no_memory tells). */
bool api_key_decode(struct slice payload, struct arena *arena, struct api_key_definition *key, bool *no_memory);
void access_encode(const struct access_record *access, struct buffer *buffer);
bool access_decode(struct slice payload, struct access_record *access);

#endif
