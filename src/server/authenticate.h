/*
 * Who is asking: the one place where that is decided, for every protocol. Given what is known of the other end, the
 * settings and what it shows, the answer is an identity or a refusal in PostgreSQL's words.
 *
 * The order is always: limits on failures, what the client has to show, who that makes it, whether that one may come in
 * here. A refusal says no more than it must: a user that is not there, one without a password, and a wrong password are
 * one message and take the same steps. Failures and logins are counted; failures are recorded in the tenant's log, at
 * most so many a minute that nobody can fill a disk with them.
 *
 * An authenticator may be used by any thread, an authentication by one at a time.
 */
#ifndef KMB_SERVER_AUTHENTICATE_H
#define KMB_SERVER_AUTHENTICATE_H

#include "crypto/scram.h"
#include "engine/identity.h"
#include "server/settings.h"
#include "server/token.h"
#include "sql/sql.h"

#define AUTHENTICATE_USER_MAX 255
/* The user under whom a key or a token may be shown as a password; where no passwords are taken, also its subject. */
#define AUTHENTICATE_USER_TOKEN "token"

/* What is known of the other end before it says anything. */
struct authenticate_peer {
    struct slice source; /* address without its port, "unix" */
    bool local;          /* loopback or a Unix socket */
    bool tls;
    struct slice certificate_name; /* CN of a client certificate that was verified; empty: none */
    struct slice channel_binding;  /* tls-server-end-point; empty: none */
};

enum identity_method {
    IDENTITY_NOBODY,
    IDENTITY_TRUSTED,
    IDENTITY_PASSWORD,
    IDENTITY_CERTIFICATE,
    IDENTITY_KEY,
    IDENTITY_TOKEN
};
/* The roles of keys and tokens, least first; of several the highest counts. */
struct identity {
    enum identity_method method; /* IDENTITY_NOBODY: it has shown nothing, and may do nothing */
    enum identity_rank rank;
    bool any_tenant;
    struct tenant_id tenant;  /* without any_tenant */
    enum sql_user sql;        /* for session_set_user() */
    bool superuser;           /* of PostgreSQL's is_superuser */
    int32_t connection_limit; /* of the role; ROLE_CONNECTIONS_ANY: none */
    char user[AUTHENTICATE_USER_MAX + 1];
};

const char *identity_method_name(enum identity_method method); /* "password", "api_key", "jwt", ... for metrics */
/* May it use this tenant at all; write; do what is for administrators (tenants, keys)? */
bool identity_may_use(const struct identity *identity, struct tenant_id tenant);
bool identity_may_write(const struct identity *identity);
bool identity_may_administer(const struct identity *identity);

struct authenticator;

/* shard and settings outlive it. Reads the key set where one is configured. KMB_CONFIG, KMB_FILE_NOT_FOUND, ... */
enum kmb_status authenticator_new(const struct settings *settings, struct shard *shard,
                                  struct authenticator **authenticator, struct kmb_error *error);
void authenticator_free(struct authenticator *authenticator); /* NULL is fine */
/* Reads the key set again; with an error all stays as it was. */
struct token_verifier;
/* Keys of tokens as the settings have them; *verifier NULL: no tokens. KMB_CONFIG, KMB_FILE_NOT_FOUND. */
enum kmb_status authenticator_read_tokens(const struct settings *settings, struct token_verifier **verifier,
                                          struct kmb_error *error);
/* Other settings and keys (taken) count from now on. */
void authenticator_change(struct authenticator *authenticator, const struct settings *settings,
                          struct token_verifier *verifier);

/* --- PostgreSQL's protocol --- */

enum authenticate_ask {
    AUTHENTICATE_NOTHING,   /* identity stands: AuthenticationOk */
    AUTHENTICATE_SASL,      /* AuthenticationSASL: SCRAM_MECHANISM_PLUS where `plus`, and SCRAM_MECHANISM */
    AUTHENTICATE_CLEARTEXT, /* AuthenticationCleartextPassword: a key or a token */
};

/* One login; the caller's memory, about 7 KiB, wiped when it is over. */
struct authentication {
    struct authenticator *authenticator;
    enum authenticate_ask ask;
    bool plus;
    bool begun; /* the mechanism was chosen */
    struct tenant_id tenant;
    struct authenticate_peer peer; /* texts as the caller has them */
    char user[AUTHENTICATE_USER_MAX + 1];
    bool role_found;
    struct identity_role role;
    struct scram_server scram;
    struct identity identity; /* when it is over */
};

/* Is the source one that may try at all? Asked before anything is looked up for it. KMB_TOO_MANY_ATTEMPTS. */
enum kmb_status authenticate_source(struct authenticator *authenticator, const struct authenticate_peer *peer,
                                    struct kmb_error *error);

/*
 * What is this client to show? tenant: the database it wants, which has to be there only once it has logged in (the
 * caller says "database does not exist" then). KMB_TOO_MANY_ATTEMPTS, KMB_AUTHENTICATION: it can't come in this way.
 */
enum kmb_status authenticate_begin(struct authenticator *authenticator, const struct authenticate_peer *peer,
                                   struct tenant_id tenant, struct slice user, struct authentication *authentication,
                                   struct kmb_error *error);
/* SASLInitialResponse (with its mechanism) and SASLResponse (mechanism empty): KMB_ROW: send reply as
 * AuthenticationSASLContinue; KMB_DONE: as AuthenticationSASLFinal, then AuthenticationOk. Else refused: FATAL. */
enum kmb_status authenticate_sasl(struct authentication *authentication, struct slice mechanism, struct slice message,
                                  struct buffer *reply, struct kmb_error *error);
/* PasswordMessage. KMB_OK: identity stands. */
enum kmb_status authenticate_password(struct authentication *authentication, struct slice password,
                                      struct kmb_error *error);
void authentication_wipe(struct authentication *authentication);

/* --- the native protocol and HTTP --- */

/*
 * token: an API key or a JSON Web Token; empty: none was shown. KMB_OK: identity stands; without a token, where one is
 * needed and no certificate speaks for the client, as IDENTITY_NOBODY. KMB_AUTHENTICATION, KMB_TOO_MANY_ATTEMPTS.
 */
enum kmb_status authenticate_token(struct authenticator *authenticator, const struct authenticate_peer *peer,
                                   struct tenant_id tenant, struct slice token, struct identity *identity,
                                   struct kmb_error *error);

/* --- counts, for metrics --- */

struct authenticate_counts {
    uint64_t succeeded[IDENTITY_TOKEN + 1]; /* by enum identity_method */
    uint64_t failed[IDENTITY_TOKEN + 1];
    uint64_t limited;
};
void authenticator_counts(struct authenticator *authenticator, struct authenticate_counts *counts);

#endif
