/*
 * The decision, method by method.
 *
 * A login by password reads the role once, at the start. The expiry of a password and LOGIN are looked at only behind
 * the proof, as PostgreSQL does, so that they tell nothing to who does not know the password. Tokens and keys are no
 * roles: they bring their rank along, and in SQL they are an administrator or a guest.
 *
 * What the settings call "any" is: a certificate that names the user, else a password, and a key or token shown as the
 * password of the user "token", which needs TLS or this machine.
 */
#include "server/authenticate.h"

#include <pthread.h>
#include <stdio.h>
#include <strings.h>

#include "base/assert.h"
#include "base/memory.h"
#include "server/attempts.h"

#define RECORDS_A_MINUTE 60 /* failures that are written to the log, of all clients together */
#define MINUTE_US        (INT64_C(60) * 1000000)
#define US_PER_S         INT64_C(1000000)
#define NS_PER_US        INT64_C(1000)

struct authenticator {
    _Atomic(const struct settings *) settings;
    struct shard *shard;
    pthread_rwlock_t tokens_lock;
    struct token_verifier *tokens; /* under it; NULL: none configured */
    struct hash256 secret;         /* made-up salts, and the keys of `attempts` */
    pthread_mutex_t lock;          /* of all below */
    struct attempts *attempts;
    struct authenticate_counts counts;
    int64_t records_since_us;
    uint32_t records;
    uint64_t unrecorded;
};

const char *identity_method_name(enum identity_method method) {
    static const char *const names[] = {"none", "trust", "password", "certificate", "api_key", "jwt"};
    ASSERT((size_t)method < ARRAY_LENGTH(names));
    return names[method];
}

bool identity_may_use(const struct identity *identity, struct tenant_id tenant) {
    return identity->method != IDENTITY_NOBODY && (identity->any_tenant || tenant_id_equal(identity->tenant, tenant));
}

bool identity_may_write(const struct identity *identity) {
    return identity->method != IDENTITY_NOBODY && (identity->rank == IDENTITY_USER || identity->rank == IDENTITY_ADMIN);
}

bool identity_may_administer(const struct identity *identity) {
    return identity->method != IDENTITY_NOBODY && identity->rank == IDENTITY_ADMIN;
}

/* --- life --- */

static const char *text_or_null(const char *text) {
    return text == NULL || text[0] == '\0' ? NULL : text;
}

enum kmb_status authenticator_read_tokens(const struct settings *settings, struct token_verifier **verifier,
                                          struct kmb_error *error) {
    *verifier = NULL;
    const char *keys = text_or_null(settings->jwt.keys);
    const char *secret = text_or_null(settings->jwt.secret);
    const char *audience = text_or_null(settings->jwt.audience);
    unsigned mode = settings->auth.mode;
    if (keys == NULL && secret == NULL) {
        return mode == SETTINGS_AUTH_JWT ? error_set(error, KMB_CONFIG,
                                                     "authentication by tokens needs a key set (jwt.keys) or a secret "
                                                     "(jwt.secret)")
                                         : KMB_OK;
    }
    struct token_settings token = {.key_file = keys,
                                   .secret = keys == NULL ? slice_text(secret) : slice_make(NULL, 0),
                                   .issuer = text_or_null(settings->jwt.issuer),
                                   .audiences = &audience,
                                   .audience_count = audience == NULL ? 0 : 1,
                                   .leeway_s = (int64_t)(settings->jwt.leeway_ms / 1000)};
    return token_verifier_new(&token, verifier, error);
}

/* So many failures within the window; of a user, five times. */
static struct attempts_limits limits_of(const struct settings *settings) {
    uint64_t failures = settings->limits.auth_failures;
    uint64_t window_ms = settings->timeouts.auth_failures_ms;
    if (failures == 0) {
        return (struct attempts_limits){0};
    }
    if (failures >= UINT32_MAX / 5 || window_ms == 0) {
        return ATTEMPTS_LIMITS_DEFAULT;
    }
    uint64_t minute = failures * 60000 / window_ms;
    return (struct attempts_limits){.source_burst = (uint32_t)failures,
                                    .source_per_minute = (uint32_t)(minute == 0 ? 1 : minute),
                                    .user_burst = (uint32_t)failures * 5,
                                    .user_per_minute = (uint32_t)(minute == 0 ? 1 : minute) * 5};
}

enum kmb_status authenticator_new(const struct settings *settings, struct shard *shard, struct authenticator **out,
                                  struct kmb_error *error) {
    struct authenticator *authenticator = mem_alloc_zero(1, sizeof *authenticator);
    if (authenticator == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    authenticator->settings = settings;
    authenticator->shard = shard;
    (void)pthread_mutex_init(&authenticator->lock, NULL);
    (void)pthread_rwlock_init(&authenticator->tokens_lock, NULL);
    const struct environment *environment = shard_environment(shard);
    enum kmb_status status = KMB_OK;
    if (!environment->random(environment->context, authenticator->secret.bytes, HASH256_SIZE)) {
        status = error_set(error, KMB_INTERNAL, "no randomness to be had");
    }
    struct attempts_limits limits = limits_of(settings);
    if (status == KMB_OK) {
        status = attempts_new(&limits, &authenticator->secret, &authenticator->attempts, error);
    }
    if (status == KMB_OK) {
        status = authenticator_read_tokens(settings, &authenticator->tokens, error);
    }
    if (status != KMB_OK) {
        authenticator_free(authenticator);
        return status;
    }
    *out = authenticator;
    return KMB_OK;
}

void authenticator_free(struct authenticator *authenticator) {
    if (authenticator != NULL) {
        token_verifier_free(authenticator->tokens);
        attempts_free(authenticator->attempts);
        (void)pthread_mutex_destroy(&authenticator->lock);
        (void)pthread_rwlock_destroy(&authenticator->tokens_lock);
        mem_wipe(&authenticator->secret, sizeof authenticator->secret);
        mem_free(authenticator);
    }
}

void authenticator_change(struct authenticator *authenticator, const struct settings *settings,
                          struct token_verifier *verifier) {
    struct attempts_limits limits = limits_of(settings);
    (void)pthread_rwlock_wrlock(&authenticator->tokens_lock);
    struct token_verifier *old = authenticator->tokens;
    authenticator->tokens = verifier;
    authenticator->settings = settings;
    (void)pthread_rwlock_unlock(&authenticator->tokens_lock);
    token_verifier_free(old);
    (void)pthread_mutex_lock(&authenticator->lock);
    attempts_change(authenticator->attempts, &limits);
    (void)pthread_mutex_unlock(&authenticator->lock);
}

void authenticator_counts(struct authenticator *authenticator, struct authenticate_counts *counts) {
    (void)pthread_mutex_lock(&authenticator->lock);
    *counts = authenticator->counts;
    (void)pthread_mutex_unlock(&authenticator->lock);
}

/* May it come in without TLS? */
static enum kmb_status line_check(const struct authenticator *authenticator, const struct authenticate_peer *peer,
                                  struct kmb_error *error) {
    if (!authenticator->settings->tls.required || peer->tls || peer->local) {
        return KMB_OK;
    }
    error_set(error, KMB_AUTHENTICATION, "connections over the network must use TLS");
    if (error != NULL) {
        error_hint(error, "Connect with sslmode=require.");
    }
    return KMB_AUTHENTICATION;
}

/* --- limits, counts, records --- */

static int64_t now_us(const struct authenticator *authenticator) {
    const struct environment *environment = shard_environment(authenticator->shard);
    return environment->monotonic_ns(environment->context) / NS_PER_US + 1; /* never 0 */
}

static int64_t clock_us(const struct authenticator *authenticator) {
    const struct environment *environment = shard_environment(authenticator->shard);
    return environment->time_us(environment->context);
}

/* A user is one of a tenant. Keys and tokens name none: they can't be guessed at, and one limit for all of them would
 * let anybody lock out everybody. */
static struct slice whole_user(struct tenant_id tenant, struct slice user, char room[AUTHENTICATE_USER_MAX + 32]) {
    if (user.length == 0) {
        return user;
    }
    int length = snprintf(room, AUTHENTICATE_USER_MAX + 32, "%llu/%.*s", (unsigned long long)tenant.value,
                          user.length > AUTHENTICATE_USER_MAX ? AUTHENTICATE_USER_MAX : (int)user.length,
                          (const char *)user.bytes);
    return slice_make(room, (size_t)length);
}

static enum kmb_status allowed(struct authenticator *authenticator, const struct authenticate_peer *peer,
                               struct tenant_id tenant, struct slice user, struct kmb_error *error) {
    char room[AUTHENTICATE_USER_MAX + 32];
    struct slice whole = whole_user(tenant, user, room);
    int64_t now = now_us(authenticator);
    (void)pthread_mutex_lock(&authenticator->lock);
    enum kmb_status status = attempts_allow(authenticator->attempts, peer->source, whole, now, error);
    authenticator->counts.limited += status == KMB_OK ? 0 : 1;
    (void)pthread_mutex_unlock(&authenticator->lock);
    return status;
}

enum kmb_status authenticate_source(struct authenticator *authenticator, const struct authenticate_peer *peer,
                                    struct kmb_error *error) {
    return authenticator->settings->auth.mode == SETTINGS_AUTH_NONE
               ? KMB_OK
               : allowed(authenticator, peer, (struct tenant_id){0}, slice_make(NULL, 0), error);
}

/* Is there room for one more record in this minute? *missed: how many there was none for since the last one. */
static bool record_room(struct authenticator *authenticator, int64_t now, uint64_t *missed) {
    if (now - authenticator->records_since_us > MINUTE_US || authenticator->records_since_us == 0) {
        authenticator->records_since_us = now;
        authenticator->records = 0;
    }
    if (authenticator->records >= RECORDS_A_MINUTE) {
        authenticator->unrecorded++;
        return false;
    }
    authenticator->records++;
    *missed = authenticator->unrecorded;
    authenticator->unrecorded = 0;
    return true;
}

/* A login that failed: counted against source and user, and written down where there is room. Answers status. */
static enum kmb_status failed(struct authenticator *authenticator, const struct authenticate_peer *peer,
                              struct tenant_id tenant, struct slice user, enum identity_method method,
                              enum kmb_status status, const struct kmb_error *why) {
    char room[AUTHENTICATE_USER_MAX + 32];
    char detail[ACCESS_TEXT_MAX];
    struct slice whole = whole_user(tenant, user, room);
    int64_t now = now_us(authenticator);
    uint64_t missed = 0;
    (void)pthread_mutex_lock(&authenticator->lock);
    attempts_failed(authenticator->attempts, peer->source, whole, now);
    authenticator->counts.failed[method]++;
    bool write = record_room(authenticator, now, &missed);
    (void)pthread_mutex_unlock(&authenticator->lock);
    if (write && !shard_is_read_only(authenticator->shard)) {
        const char *message = why == NULL ? "" : why->message;
        int length = missed == 0 ? snprintf(detail, sizeof detail, "%s: %.180s", identity_method_name(method), message)
                                 : snprintf(detail, sizeof detail, "%s: %.180s (%llu more not recorded)",
                                            identity_method_name(method), message, (unsigned long long)missed);
        struct access_record access = {.outcome = ACCESS_DENIED,
                                       .action = slice_text("login"),
                                       .actor = user,
                                       .source = peer->source,
                                       .detail = slice_make(detail, (size_t)length)};
        (void)identity_record(authenticator->shard, tenant, &access, NULL); /* of no tenant that is there: nowhere */
    }
    return status;
}

static void succeeded(struct authenticator *authenticator, enum identity_method method) {
    (void)pthread_mutex_lock(&authenticator->lock);
    authenticator->counts.succeeded[method]++;
    (void)pthread_mutex_unlock(&authenticator->lock);
}

/* --- identities --- */

static void identity_name(struct identity *identity, struct slice user) {
    size_t length = user.length > AUTHENTICATE_USER_MAX ? AUTHENTICATE_USER_MAX : user.length;
    if (length > 0) {
        memcpy(identity->user, user.bytes, length);
    }
    identity->user[length] = '\0';
}

/* Nobody is asked: whoever it says it is. */
static void identity_trust(const struct authenticator *authenticator, struct tenant_id tenant, struct slice user,
                           struct identity *identity) {
    struct identity_role role;
    bool found = false;
    *identity = (struct identity){.method = IDENTITY_TRUSTED,
                                  .rank = IDENTITY_ADMIN,
                                  .any_tenant = true,
                                  .sql = SQL_USER_TRUSTED,
                                  .superuser = true,
                                  .connection_limit = ROLE_CONNECTIONS_ANY};
    identity_name(identity, user.length == 0 ? slice_text(CATALOGUE_ROLE_DEFAULT) : user);
    if (identity_role_find(authenticator->shard, tenant, user, &found, &role, NULL) == KMB_OK && found) {
        identity->superuser = (role.flags & ROLE_SUPERUSER) != 0;
    }
}

static void identity_of_role(const struct identity_role *role, enum identity_method method, struct tenant_id tenant,
                             struct slice user, struct identity *identity) {
    bool superuser = (role->flags & ROLE_SUPERUSER) != 0;
    *identity = (struct identity){.method = method,
                                  .rank = superuser ? IDENTITY_ADMIN : IDENTITY_USER,
                                  .tenant = tenant,
                                  .sql = SQL_USER_ROLE,
                                  .superuser = superuser,
                                  .connection_limit = role->connection_limit};
    identity_name(identity, user);
}

_Static_assert(TOKEN_ROLE_MAX == API_KEY_ROLE_BYTES_MAX, "roles of tokens and keys are one kind of text");

static void identity_of_bearer(enum identity_method method, enum identity_rank rank, struct tenant_id tenant,
                               const char *subject, struct identity *identity) {
    bool admin = rank == IDENTITY_ADMIN;
    *identity = (struct identity){.method = method,
                                  .rank = rank,
                                  .any_tenant = admin,
                                  .tenant = tenant,
                                  .sql = admin ? SQL_USER_ADMIN : SQL_USER_GUEST,
                                  .superuser = admin,
                                  .connection_limit = ROLE_CONNECTIONS_ANY};
    identity_name(identity, slice_text(subject));
}

static bool mode_takes(unsigned mode, enum identity_method method) {
    switch (method) {
    case IDENTITY_PASSWORD:
        return mode == SETTINGS_AUTH_PASSWORD || mode == SETTINGS_AUTH_ANY;
    case IDENTITY_CERTIFICATE:
        return mode == SETTINGS_AUTH_CERTIFICATE || mode == SETTINGS_AUTH_ANY;
    case IDENTITY_KEY:
        return mode == SETTINGS_AUTH_APIKEY || mode == SETTINGS_AUTH_BOTH || mode == SETTINGS_AUTH_ANY;
    case IDENTITY_TOKEN:
        return mode == SETTINGS_AUTH_JWT || mode == SETTINGS_AUTH_BOTH || mode == SETTINGS_AUTH_ANY;
    default:
        return mode == SETTINGS_AUTH_NONE;
    }
}

/* A token has dots; a key has none. Which of the two is meant where only one is taken is no question. */
static enum identity_method bearer_kind(unsigned mode, struct slice token) {
    bool dotted = token.length > 0 && memchr(token.bytes, '.', token.length) != NULL;
    return mode == SETTINGS_AUTH_JWT      ? IDENTITY_TOKEN
           : mode == SETTINGS_AUTH_APIKEY ? IDENTITY_KEY
           : dotted                       ? IDENTITY_TOKEN
                                          : IDENTITY_KEY;
}

static enum kmb_status bearer_check(struct authenticator *authenticator, struct slice token,
                                    enum identity_method method, struct identity *identity, struct kmb_error *error) {
    if (method == IDENTITY_TOKEN) {
        struct token_claims claims;
        (void)pthread_rwlock_rdlock(&authenticator->tokens_lock);
        enum kmb_status status =
            authenticator->tokens == NULL
                ? error_set(error, KMB_AUTHENTICATION, "tokens are not accepted here")
                : token_verify(authenticator->tokens, token, clock_us(authenticator) / US_PER_S, &claims, error);
        (void)pthread_rwlock_unlock(&authenticator->tokens_lock);
        if (status == KMB_OK) {
            identity_of_bearer(IDENTITY_TOKEN, identity_rank_of(claims.roles, claims.role_count),
                               (struct tenant_id){claims.tenant}, claims.subject, identity);
        }
        return status;
    }
    struct identity_key key;
    enum kmb_status status = identity_key_find(authenticator->shard, token, &key, error);
    if (status == KMB_OK) {
        identity_of_bearer(IDENTITY_KEY, identity_rank_of(key.roles, key.role_count), key.tenant, key.subject,
                           identity);
    } else if (status == KMB_API_KEY_NOT_FOUND) {
        status = error_set(error, KMB_AUTHENTICATION, "API key is not valid");
    }
    return status;
}

/* --- PostgreSQL's protocol --- */

static enum kmb_status refuse_user(struct authentication *authentication, enum identity_method method,
                                   enum kmb_status status, struct kmb_error *error, const char *what) {
    struct kmb_error local = {0};
    error_set(&local, status, "%s authentication failed for user \"%s\"", what, authentication->user);
    if (error != NULL) {
        *error = local;
    }
    return failed(authentication->authenticator, &authentication->peer, authentication->tenant,
                  slice_text(authentication->user), method, status, &local);
}

static bool certificate_speaks_for(const struct authenticate_peer *peer, struct slice user) {
    return peer->certificate_name.length > 0 && slice_equal(peer->certificate_name, user);
}

static enum kmb_status begin_certificate(struct authentication *authentication, struct kmb_error *error) {
    struct slice user = slice_text(authentication->user);
    if (!certificate_speaks_for(&authentication->peer, user) || !authentication->role_found ||
        (authentication->role.flags & ROLE_LOGIN) == 0) {
        return refuse_user(authentication, IDENTITY_CERTIFICATE, KMB_AUTHENTICATION, error, "certificate");
    }
    identity_of_role(&authentication->role, IDENTITY_CERTIFICATE, authentication->tenant, user,
                     &authentication->identity);
    authentication->ask = AUTHENTICATE_NOTHING;
    succeeded(authentication->authenticator, IDENTITY_CERTIFICATE);
    return KMB_OK;
}

static enum kmb_status begin_bearer(struct authentication *authentication, struct kmb_error *error) {
    if (!authentication->peer.tls && !authentication->peer.local) {
        error_set(error, KMB_AUTHENTICATION, "keys and tokens are taken over TLS alone");
        if (error != NULL) {
            error_hint(error, "Connect with sslmode=require.");
        }
        return KMB_AUTHENTICATION;
    }
    authentication->ask = AUTHENTICATE_CLEARTEXT;
    return KMB_OK;
}

enum kmb_status authenticate_begin(struct authenticator *authenticator, const struct authenticate_peer *peer,
                                   struct tenant_id tenant, struct slice user, struct authentication *authentication,
                                   struct kmb_error *error) {
    unsigned mode = authenticator->settings->auth.mode;
    memset(authentication, 0, sizeof *authentication);
    authentication->authenticator = authenticator;
    authentication->tenant = tenant;
    authentication->peer = *peer;
    if (user.length > AUTHENTICATE_USER_MAX || (user.length > 0 && memchr(user.bytes, 0, user.length) != NULL)) {
        return error_set(error, KMB_AUTHENTICATION, "a user's name has at most %d bytes", AUTHENTICATE_USER_MAX);
    }
    if (user.length > 0) {
        memcpy(authentication->user, user.bytes, user.length);
    }
    enum kmb_status status = line_check(authenticator, peer, error);
    if (status != KMB_OK) {
        return status;
    }
    if (mode == SETTINGS_AUTH_NONE) {
        identity_trust(authenticator, tenant, user, &authentication->identity);
        authentication->ask = AUTHENTICATE_NOTHING;
        succeeded(authenticator, IDENTITY_TRUSTED);
        return KMB_OK;
    }
    status = allowed(authenticator, peer, tenant, user, error);
    if (status == KMB_OK) {
        status = identity_role_find(authenticator->shard, tenant, user, &authentication->role_found,
                                    &authentication->role, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (mode == SETTINGS_AUTH_CERTIFICATE ||
        (mode == SETTINGS_AUTH_ANY && certificate_speaks_for(peer, user) && authentication->role_found)) {
        return begin_certificate(authentication, error);
    }
    if (mode_takes(mode, IDENTITY_PASSWORD) && !slice_equal_text(user, AUTHENTICATE_USER_TOKEN)) {
        authentication->ask = AUTHENTICATE_SASL;
        authentication->plus = peer->tls && peer->channel_binding.length > 0;
        return KMB_OK;
    }
    return mode == SETTINGS_AUTH_PASSWORD
               ? refuse_user(authentication, IDENTITY_PASSWORD, KMB_INVALID_PASSWORD, error, "password")
               : begin_bearer(authentication, error);
}

/* Behind the proof: may this role log in, and is its password still good? */
static bool role_usable(const struct authentication *authentication) {
    const struct identity_role *role = &authentication->role;
    bool expired =
        (role->flags & ROLE_HAS_VALID_UNTIL) != 0 && role->valid_until_us < clock_us(authentication->authenticator);
    return authentication->role_found && !expired;
}

enum kmb_status authenticate_sasl(struct authentication *authentication, struct slice mechanism, struct slice message,
                                  struct buffer *reply, struct kmb_error *error) {
    struct authenticator *authenticator = authentication->authenticator;
    ASSERT(authentication->ask == AUTHENTICATE_SASL);
    const struct environment *environment = shard_environment(authenticator->shard);
    uint8_t random[SCRAM_NONCE_SIZE] = {0};
    enum kmb_status status = KMB_OK;
    if (!authentication->begun) {
        struct scram_verifier mock;
        scram_verifier_mock(&authenticator->secret, slice_text(authentication->user), &mock);
        bool real = authentication->role_found && authentication->role.has_verifier;
        status = scram_server_begin(&authentication->scram, mechanism,
                                    authentication->plus ? authentication->peer.channel_binding : slice_make(NULL, 0),
                                    real ? &authentication->role.verifier : NULL, &mock, error);
        authentication->begun = status == KMB_OK;
        if (status == KMB_OK && !environment->random(environment->context, random, sizeof random)) {
            return error_set(error, KMB_INTERNAL, "no randomness to be had");
        }
    } else if (authentication->scram.state == SCRAM_SERVER_DONE || authentication->scram.state == SCRAM_SERVER_FAILED) {
        return error_set(error, KMB_PROTOCOL, "the exchange is over");
    }
    size_t before = reply->length;
    if (status == KMB_OK) {
        status = scram_server_step(&authentication->scram, message, random, reply, error);
    }
    if (status == KMB_INVALID_PASSWORD || (status == KMB_DONE && !role_usable(authentication))) {
        reply->length = before;
        return refuse_user(authentication, IDENTITY_PASSWORD, KMB_INVALID_PASSWORD, error, "password");
    }
    if (status == KMB_DONE) {
        if ((authentication->role.flags & ROLE_LOGIN) == 0) { /* it knows the password: it may know this, too */
            reply->length = before;
            return error_set(error, KMB_AUTHENTICATION, "role \"%s\" is not permitted to log in", authentication->user);
        }
        identity_of_role(&authentication->role, IDENTITY_PASSWORD, authentication->tenant,
                         slice_text(authentication->user), &authentication->identity);
        succeeded(authenticator, IDENTITY_PASSWORD);
    } else if (status == KMB_AUTHENTICATION) { /* channel binding: somebody is between the two */
        return failed(authenticator, &authentication->peer, authentication->tenant, slice_text(authentication->user),
                      IDENTITY_PASSWORD, status, error);
    }
    return status;
}

enum kmb_status authenticate_password(struct authentication *authentication, struct slice password,
                                      struct kmb_error *error) {
    struct authenticator *authenticator = authentication->authenticator;
    ASSERT(authentication->ask == AUTHENTICATE_CLEARTEXT);
    unsigned mode = authenticator->settings->auth.mode;
    enum identity_method method = bearer_kind(mode, password);
    struct kmb_error why = {0};
    enum kmb_status status = bearer_check(authenticator, password, method, &authentication->identity, &why);
    if (status == KMB_OK && strcmp(authentication->user, AUTHENTICATE_USER_TOKEN) != 0 &&
        strcmp(authentication->user, authentication->identity.user) != 0) {
        status = error_set(&why, KMB_AUTHENTICATION, "%s is of another user",
                           method == IDENTITY_TOKEN ? "token" : "API key");
    }
    if (status == KMB_OK && !identity_may_use(&authentication->identity, authentication->tenant)) {
        status = error_set(&why, KMB_AUTHENTICATION, "%s is of another tenant",
                           method == IDENTITY_TOKEN ? "token" : "API key");
    }
    if (status == KMB_OK) {
        succeeded(authenticator, method);
        return KMB_OK;
    }
    authentication->identity = (struct identity){.method = IDENTITY_NOBODY};
    if (status != KMB_AUTHENTICATION) {
        if (error != NULL) {
            *error = why;
        }
        return status;
    }
    (void)failed(authenticator, &authentication->peer, authentication->tenant, slice_text(authentication->user), method,
                 status, &why);
    return error_set(error, KMB_INVALID_PASSWORD, "password authentication failed for user \"%s\"",
                     authentication->user);
}

void authentication_wipe(struct authentication *authentication) {
    scram_server_wipe(&authentication->scram);
    mem_wipe(&authentication->role, sizeof authentication->role);
}

/* --- the native protocol and HTTP --- */

enum kmb_status authenticate_token(struct authenticator *authenticator, const struct authenticate_peer *peer,
                                   struct tenant_id tenant, struct slice token, struct identity *identity,
                                   struct kmb_error *error) {
    unsigned mode = authenticator->settings->auth.mode;
    *identity = (struct identity){.method = IDENTITY_NOBODY};
    enum kmb_status status = line_check(authenticator, peer, error);
    if (status != KMB_OK) {
        return status;
    }
    if (mode == SETTINGS_AUTH_NONE) {
        identity_trust(authenticator, tenant, slice_make(NULL, 0), identity);
        succeeded(authenticator, IDENTITY_TRUSTED);
        return KMB_OK;
    }
    status = allowed(authenticator, peer, tenant, slice_make(NULL, 0), error);
    if (status != KMB_OK) {
        return status;
    }
    if (token.length == 0) {
        struct identity_role role;
        bool found = false;
        if (mode_takes(mode, IDENTITY_CERTIFICATE) && peer->certificate_name.length > 0) {
            status = identity_role_find(authenticator->shard, tenant, peer->certificate_name, &found, &role, error);
        }
        if (status == KMB_OK && found && (role.flags & ROLE_LOGIN) != 0) {
            identity_of_role(&role, IDENTITY_CERTIFICATE, tenant, peer->certificate_name, identity);
            succeeded(authenticator, IDENTITY_CERTIFICATE);
        }
        return status;
    }
    enum identity_method method = bearer_kind(mode, token);
    struct kmb_error why = {0};
    status = mode_takes(mode, method) ? bearer_check(authenticator, token, method, identity, &why)
                                      : error_set(&why, KMB_AUTHENTICATION, "%s are not accepted here",
                                                  method == IDENTITY_TOKEN ? "tokens" : "API keys");
    if (status == KMB_OK) {
        succeeded(authenticator, method);
        return KMB_OK;
    }
    *identity = (struct identity){.method = IDENTITY_NOBODY};
    if (error != NULL) {
        *error = why;
    }
    return status != KMB_AUTHENTICATION
               ? status
               : failed(authenticator, peer, tenant, slice_make(NULL, 0), method, status, &why);
}
