/*
 * JSON Web Tokens (RFC 7519): signed by somebody the operator trusts, good for a while, for one tenant.
 *
 * A key set says for each key which one algorithm it signs with, and a token's header only chooses among them: a public
 * RSA key can never be taken for a shared secret, and "none" is no algorithm. Tokens are read once; nothing is kept.
 *
 * Claims: `sub` (text, not empty), `tenant_id` (whole number), `roles` (list of texts, not empty), `exp`, `iat` (whole
 * seconds since 1970), `iss` (the issuer configured), `aud` (text or list of texts; one of those configured), and,
 * where they are there, `nbf` (seconds) and `jti` (text).
 */
#ifndef KMB_SERVER_TOKEN_H
#define KMB_SERVER_TOKEN_H

#include "base/error.h"
#include "base/slice.h"

#define TOKEN_BYTES_MAX    ((size_t)16 << 10)
#define TOKEN_SUBJECT_MAX  255
#define TOKEN_ROLES_MAX    16
#define TOKEN_ROLE_MAX     63
#define TOKEN_ID_MAX       127
#define TOKEN_KEYS_MAX     64
#define TOKEN_SECRET_MIN   32 /* bytes of a shared secret: as many as its hash has */
#define TOKEN_RSA_BITS_MIN 2048
#define TOKEN_ISSUER       "kimberlite" /* issuer and audience where none is configured */

struct token_settings {
    const char *key_file; /* JSON Web Key Set (RFC 7517): kty "oct" (HS256), "RSA" (RS256), "OKP" Ed25519 (EdDSA) */
    struct slice secret;  /* or: one shared secret, for HS256; empty: none */
    const char *issuer;   /* NULL: TOKEN_ISSUER */
    const char *const *audiences; /* NULL: TOKEN_ISSUER alone */
    size_t audience_count;
    int64_t leeway_s; /* how far a clock may be off */
};

/* What a good token says. */
struct token_claims {
    char subject[TOKEN_SUBJECT_MAX + 1];
    uint32_t tenant;
    uint32_t role_count;
    char roles[TOKEN_ROLES_MAX][TOKEN_ROLE_MAX + 1];
    char id[TOKEN_ID_MAX + 1]; /* jti; empty: none */
    int64_t expires_s;
};

struct token_verifier;

/* Reads the keys. KMB_CONFIG says what is wrong with them, KMB_FILE_NOT_FOUND, KMB_IO, KMB_NO_MEMORY. */
enum kmb_status token_verifier_new(const struct token_settings *settings, struct token_verifier **verifier,
                                   struct kmb_error *error);
void token_verifier_free(struct token_verifier *verifier); /* NULL is fine */
/* Reads the key file again. With an error, all stays as it was. Any thread, also while others verify. */
enum kmb_status token_verifier_reload(struct token_verifier *verifier, struct kmb_error *error);

/* Any thread. KMB_AUTHENTICATION with what is wrong with the token, KMB_NO_MEMORY. */
enum kmb_status token_verify(struct token_verifier *verifier, struct slice token, int64_t now_s,
                             struct token_claims *claims, struct kmb_error *error);

#endif
