/*
 * Who gets in: passwords, certificates, keys and tokens, in each mode; who does not, in whose words; limits, counts and
 * records of failures; and keys over restarts and rebuilds.
 */
#include "server_test.h"

#include "base/io_memory.h"
#include "server/authenticate.h"

static struct {
    struct io_memory *disk;
    struct shard *shard;
    struct settings settings;
    struct authenticator *authenticator;
    struct prng prng;
    int64_t time_us;
} f;

#define TENANT ((struct tenant_id){1})

static int64_t fake_time(void *context) {
    (void)context;
    return f.time_us += 10;
}
static int64_t fake_boot(void *context) {
    (void)context;
    return (f.time_us += 10) * 1000;
}
static bool fake_random(void *context, void *bytes, size_t count) {
    (void)context;
    prng_bytes(&f.prng, bytes, count);
    return true;
}

static void shard_start(bool create, bool rebuild) {
    struct kmb_error error = {0};
    struct shard_options options = {
        .io = io_memory_table(f.disk),
        .environment = {.time_us = fake_time, .monotonic_ns = fake_boot, .random = fake_random},
        .logger = {.level = LOG_OFF},
        .path = "/data",
        .segment_bytes = 256 << 10,
        .create = create,
        .rebuild = rebuild,
    };
    if (shard_open(&options, &f.shard, &error) != KMB_OK) {
        fail_msg("%s", error.message);
    }
    if (create) {
        assert_int_equal(shard_tenant_create(f.shard, 2, slice_text("second"), &error), KMB_OK);
    }
}

static void role_make(const char *name, const char *password, uint32_t flags, int64_t valid_until_us) {
    struct kmb_error error = {0};
    struct shard_turn turn;
    struct shard_ticket ticket;
    struct kernel_state *state = NULL;
    struct kernel_transaction *transaction = NULL;
    char text[SCRAM_VERIFIER_TEXT_MAX] = "";
    struct role_definition role = {.name = slice_text(name), .flags = flags, .connection_limit = ROLE_CONNECTIONS_ANY};
    if (password != NULL) {
        struct scram_verifier verifier;
        assert_int_equal(scram_verifier_make(slice_text(password), slice_text("salt"), 4096, &verifier, &error),
                         KMB_OK);
        role.verifier = slice_make(text, scram_verifier_text(&verifier, text));
    }
    if (valid_until_us != 0) {
        role.flags |= ROLE_HAS_VALID_UNTIL;
        role.valid_until_us = valid_until_us;
    }
    assert_int_equal(shard_turn_begin(f.shard, &turn, &error), KMB_OK);
    assert_int_equal(shard_turn_state(&turn, TENANT, &state, &error), KMB_OK);
    assert_int_equal(kernel_transaction_begin(state, shard_row_ids(f.shard), &transaction, &error), KMB_OK);
    kernel_state_release(state);
    assert_int_equal(kernel_create_role(transaction, &role, NULL, &error), KMB_OK);
    assert_int_equal(shard_turn_commit(&turn, transaction, NULL, &ticket, &error), KMB_OK);
    shard_turn_end(&turn);
    assert_int_equal(shard_wait(f.shard, ticket.op, &error), KMB_OK);
}

static int setup(void **state) {
    (void)state;
    f.disk = io_memory_new(0);
    f.time_us = INT64_C(1800000000000000);
    prng_seed(&f.prng, 3);
    shard_start(true, false);
    role_make("alice", "correct horse", ROLE_LOGIN | ROLE_INHERIT, 0);
    role_make("root", "toor", ROLE_LOGIN | ROLE_SUPERUSER, 0);
    role_make("group", "known", ROLE_INHERIT, 0);
    role_make("empty", NULL, ROLE_LOGIN, 0);
    role_make("old", "known", ROLE_LOGIN, INT64_C(1700000000000000));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    authenticator_free(f.authenticator);
    assert_int_equal(shard_close(f.shard, NULL), KMB_OK);
    io_memory_free(f.disk);
    return 0;
}

static void mode_is(unsigned mode) {
    struct kmb_error error = {0};
    authenticator_free(f.authenticator);
    f.authenticator = NULL;
    f.settings = (struct settings){.auth = {.mode = mode},
                                   .jwt = {.secret = "0123456789abcdef0123456789abcdef"},
                                   .limits = {.auth_failures = 10},
                                   .timeouts = {.auth_failures_ms = 60000}};
    if (authenticator_new(&f.settings, f.shard, &f.authenticator, &error) != KMB_OK) {
        fail_msg("%s", error.message);
    }
}

static const struct authenticate_peer far = {.source = {(const uint8_t *)"192.0.2.1", 9}};
static const struct authenticate_peer far_tls = {.source = {(const uint8_t *)"192.0.2.2", 9},
                                                 .tls = true,
                                                 .channel_binding = {(const uint8_t *)"hash of certificate", 19}};

/* A whole login by password; the client offers a binding where the server has one. */
static enum kmb_status login(const struct authenticate_peer *peer, const char *user, const char *password,
                             struct identity *identity, struct kmb_error *error) {
    static struct authentication login;
    struct scram_client client;
    struct buffer there = {0};
    struct buffer back = {0};
    uint8_t random[SCRAM_NONCE_SIZE] = {1, 2, 3};
    enum kmb_status status = authenticate_begin(f.authenticator, peer, TENANT, slice_text(user), &login, error);
    if (status == KMB_OK && login.ask == AUTHENTICATE_SASL) {
        scram_client_begin(&client, peer->channel_binding, login.plus, random, &there);
        status = authenticate_sasl(&login, slice_text(client.plus ? SCRAM_MECHANISM_PLUS : SCRAM_MECHANISM),
                                   buffer_slice(&there), &back, error);
        assert_int_equal(status, KMB_ROW);
        buffer_clear(&there);
        assert_int_equal(scram_client_answer(&client, buffer_slice(&back), slice_text(password), &there, error),
                         KMB_OK);
        buffer_clear(&back);
        status = authenticate_sasl(&login, slice_make(NULL, 0), buffer_slice(&there), &back, error);
        if (status == KMB_DONE) {
            status = scram_client_finish(&client, buffer_slice(&back), error);
        } else {
            assert_int_equal(back.length, 0);
        }
    } else if (status == KMB_OK && login.ask == AUTHENTICATE_CLEARTEXT) {
        status = authenticate_password(&login, slice_text(password), error);
    }
    *identity = login.identity;
    if (status != KMB_OK) {
        assert_int_equal(identity->method, IDENTITY_NOBODY);
        assert_false(identity_may_use(identity, TENANT));
    }
    authentication_wipe(&login);
    buffer_free(&there);
    buffer_free(&back);
    return status;
}

static void passwords(void **state) {
    (void)state;
    struct identity identity;
    struct kmb_error error = {0};
    mode_is(SETTINGS_AUTH_PASSWORD);
    assert_int_equal(login(&far, "alice", "correct horse", &identity, &error), KMB_OK);
    assert_int_equal(identity.method, IDENTITY_PASSWORD);
    assert_int_equal(identity.sql, SQL_USER_ROLE);
    assert_false(identity.superuser);
    assert_string_equal(identity.user, "alice");
    assert_true(identity_may_use(&identity, TENANT));
    assert_false(identity_may_use(&identity, (struct tenant_id){2}));
    assert_true(identity_may_write(&identity));
    assert_false(identity_may_administer(&identity));
    assert_int_equal(login(&far_tls, "root", "toor", &identity, &error), KMB_OK);
    assert_true(identity.superuser && identity_may_administer(&identity));
    assert_false(identity_may_use(&identity, (struct tenant_id){2})); /* a superuser of this tenant */
    /* the same words for all that is wrong, and the same steps up to them */
    static const char *const wrong[][2] = {
        {"alice", "wrong"}, {"nobody", "correct horse"}, {"empty", ""}, {"old", "known"}, {"token", "x"}};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        char words[96];
        (void)snprintf(words, sizeof words, "password authentication failed for user \"%s\"", wrong[i][0]);
        assert_int_equal(login(&far, wrong[i][0], wrong[i][1], &identity, &error), KMB_INVALID_PASSWORD);
        assert_string_equal(error.message, words);
    }
    assert_int_equal(login(&far, "group", "known", &identity, &error), KMB_AUTHENTICATION);
    assert_string_equal(error.message, "role \"group\" is not permitted to log in");
    assert_int_equal(login(&far, "group", "unknown", &identity, &error), KMB_INVALID_PASSWORD);
    struct authenticate_counts counts;
    authenticator_counts(f.authenticator, &counts);
    assert_int_equal(counts.succeeded[IDENTITY_PASSWORD], 2);
    assert_int_equal(counts.failed[IDENTITY_PASSWORD], 6);
}

static void limits(void **state) {
    (void)state;
    struct identity identity;
    struct kmb_error error = {0};
    mode_is(SETTINGS_AUTH_PASSWORD);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(login(&far, "alice", "wrong", &identity, &error), KMB_INVALID_PASSWORD);
    }
    assert_int_equal(login(&far, "alice", "correct horse", &identity, &error), KMB_TOO_MANY_ATTEMPTS);
    assert_int_equal(authenticate_source(f.authenticator, &far, &error), KMB_TOO_MANY_ATTEMPTS);
    assert_int_equal(authenticate_source(f.authenticator, &far_tls, &error), KMB_OK);
    assert_int_equal(login(&far_tls, "alice", "correct horse", &identity, &error), KMB_OK); /* from elsewhere */
    f.time_us += 7 * 1000000;
    assert_int_equal(login(&far, "alice", "correct horse", &identity, &error), KMB_OK);
    struct authenticate_counts counts;
    authenticator_counts(f.authenticator, &counts);
    assert_int_equal(counts.limited, 2);
}

static void trust_and_certificates(void **state) {
    (void)state;
    struct identity identity;
    struct kmb_error error = {0};
    mode_is(SETTINGS_AUTH_NONE);
    assert_int_equal(login(&far, "anybody", "", &identity, &error), KMB_OK);
    assert_int_equal(identity.sql, SQL_USER_TRUSTED);
    assert_true(identity.superuser && identity.any_tenant);
    assert_int_equal(login(&far, "alice", "", &identity, &error), KMB_OK);
    assert_false(identity.superuser); /* which is what the role of that name is */
    f.settings.tls.required = true;
    assert_int_equal(login(&far, "alice", "", &identity, &error), KMB_AUTHENTICATION);
    assert_string_equal(error.message, "connections over the network must use TLS");
    assert_int_equal(authenticate_token(f.authenticator, &far, TENANT, slice_make(NULL, 0), &identity, &error),
                     KMB_AUTHENTICATION);
    assert_int_equal(login(&far_tls, "alice", "", &identity, &error), KMB_OK);
    struct authenticate_peer peer = far;
    peer.local = true;
    assert_int_equal(login(&peer, "alice", "", &identity, &error), KMB_OK);
    peer = far_tls;
    mode_is(SETTINGS_AUTH_CERTIFICATE);
    assert_int_equal(login(&peer, "alice", "", &identity, &error), KMB_AUTHENTICATION);
    assert_string_equal(error.message, "certificate authentication failed for user \"alice\"");
    peer.certificate_name = slice_text("alice");
    assert_int_equal(login(&peer, "alice", "", &identity, &error), KMB_OK);
    assert_int_equal(identity.method, IDENTITY_CERTIFICATE);
    assert_int_equal(login(&peer, "root", "toor", &identity, &error), KMB_AUTHENTICATION);
    peer.certificate_name = slice_text("stranger");
    assert_int_equal(login(&peer, "stranger", "", &identity, &error), KMB_AUTHENTICATION);
    mode_is(SETTINGS_AUTH_ANY);
    peer.certificate_name = slice_text("alice");
    assert_int_equal(login(&peer, "alice", "", &identity, &error), KMB_OK);
    assert_int_equal(identity.method, IDENTITY_CERTIFICATE);
    assert_int_equal(login(&peer, "root", "toor", &identity, &error),
                     KMB_OK); /* the certificate is another's: a password */
    assert_int_equal(identity.method, IDENTITY_PASSWORD);
}

/* --- keys --- */

static enum kmb_status count_keys(void *context, const struct identity_key *key) {
    struct buffer *out = context;
    buffer_printf(out, "%llu %s %s;", (unsigned long long)key->tenant.value, key->subject, key->roles[0]);
    return KMB_OK;
}

static void listed(const struct tenant_id *tenant, const char *expected) {
    struct buffer out = {0};
    assert_int_equal(identity_key_list(f.shard, tenant, count_keys, &out, NULL), KMB_OK);
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

static struct identity_key key_of(uint64_t tenant, const char *subject, const char *role, uint64_t expires_ns) {
    struct identity_key key = {.tenant = {(uint32_t)tenant}, .role_count = 1, .expires_ns = expires_ns};
    (void)snprintf(key.subject, sizeof key.subject, "%s", subject);
    (void)snprintf(key.roles[0], sizeof key.roles[0], "%s", role);
    return key;
}

static void keys(void **state) {
    (void)state;
    struct kmb_error error = {0};
    struct identity_actor actor = {.name = slice_text("root"), .source = slice_text("192.0.2.1")};
    char first[IDENTITY_KEY_LENGTH + 1];
    char second[IDENTITY_KEY_LENGTH + 1];
    char brief[IDENTITY_KEY_LENGTH + 1];
    char next[IDENTITY_KEY_LENGTH + 1];
    struct identity_key key = key_of(1, "billing", "user", 0);
    struct identity_key found;
    assert_int_equal(identity_key_register(f.shard, &key, &actor, first, &error), KMB_OK);
    assert_int_equal(strlen(first), IDENTITY_KEY_LENGTH);
    assert_memory_equal(first, "kmb_live_", 9);
    assert_int_equal(strlen(key.id), 8);
    key = key_of(2, "reports", "Analyst", 0);
    assert_int_equal(identity_key_register(f.shard, &key, &actor, second, &error), KMB_OK);
    uint64_t soon = (uint64_t)(f.time_us + 60 * 1000000) * 1000;
    key = key_of(1, "brief", "admin", soon);
    assert_int_equal(identity_key_register(f.shard, &key, &actor, brief, &error), KMB_OK);
    key = key_of(1, "", "admin", 0);
    assert_int_equal(identity_key_register(f.shard, &key, &actor, next, &error), KMB_USAGE);
    key = key_of(1, "x", "", 0);
    assert_int_equal(identity_key_register(f.shard, &key, &actor, next, &error), KMB_USAGE);
    key = key_of(77, "x", "user", 0);
    assert_int_equal(identity_key_register(f.shard, &key, &actor, next, &error), KMB_TENANT_NOT_FOUND);

    for (int round = 0; round < 3; round++) { /* as made, opened again, rebuilt from the log */
        assert_int_equal(identity_key_find(f.shard, slice_text(first), &found, &error), KMB_OK);
        assert_string_equal(found.subject, "billing");
        assert_int_equal(found.tenant.value, 1);
        assert_int_equal(identity_key_find(f.shard, slice_text(second), &found, &error), KMB_OK);
        assert_int_equal(found.tenant.value, 2);
        listed(&(struct tenant_id){2}, "2 reports Analyst;");
        authenticator_free(f.authenticator);
        f.authenticator = NULL;
        assert_int_equal(shard_close(f.shard, &error), KMB_OK);
        shard_start(false, round == 1);
    }
    first[20] ^= 1;
    assert_int_equal(identity_key_find(f.shard, slice_text(first), &found, &error), KMB_API_KEY_NOT_FOUND);
    first[20] ^= 1;
    static const char *const none[] = {"", "kmb_live_", "x",
                                       "kmb_live_ABCDEF0000000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < ARRAY_LENGTH(none); i++) {
        assert_int_equal(identity_key_find(f.shard, slice_text(none[i]), &found, &error), KMB_API_KEY_NOT_FOUND);
    }

    mode_is(SETTINGS_AUTH_ANY);
    struct identity identity;
    assert_int_equal(login(&far, "token", first, &identity, &error), KMB_AUTHENTICATION);
    assert_string_equal(error.message, "keys and tokens are taken over TLS alone");
    assert_int_equal(login(&far_tls, "token", first, &identity, &error), KMB_OK);
    assert_string_equal(identity.user, "billing");
    assert_int_equal(identity.sql, SQL_USER_GUEST);
    assert_int_equal(login(&far_tls, "token", brief, &identity, &error), KMB_OK);
    assert_int_equal(identity.sql, SQL_USER_ADMIN);
    assert_true(identity.any_tenant);
    assert_int_equal(login(&far_tls, "token", second, &identity, &error), KMB_INVALID_PASSWORD); /* of tenant 2 */
    assert_int_equal(authenticate_token(f.authenticator, &far, TENANT, slice_text(second), &identity, &error), KMB_OK);
    assert_false(identity_may_use(&identity, TENANT));
    assert_true(identity_may_use(&identity, (struct tenant_id){2}));
    assert_false(identity_may_write(&identity)); /* an analyst reads */
    assert_int_equal(authenticate_token(f.authenticator, &far, TENANT, slice_make(NULL, 0), &identity, &error), KMB_OK);
    assert_int_equal(identity.method, IDENTITY_NOBODY);
    assert_int_equal(authenticate_token(f.authenticator, &far, TENANT, slice_text("kmb_live_x"), &identity, &error),
                     KMB_AUTHENTICATION);
    assert_string_equal(error.message, "API key is not valid");
    assert_int_equal(authenticate_token(f.authenticator, &far, TENANT, slice_text("a.b.c"), &identity, &error),
                     KMB_AUTHENTICATION);
    mode_is(SETTINGS_AUTH_APIKEY);
    assert_int_equal(login(&far_tls, "billing", first, &identity, &error), KMB_OK);
    assert_int_equal(login(&far_tls, "alice", first, &identity, &error), KMB_INVALID_PASSWORD);
    mode_is(SETTINGS_AUTH_PASSWORD);
    assert_int_equal(authenticate_token(f.authenticator, &far, TENANT, slice_text(first), &identity, &error),
                     KMB_AUTHENTICATION);
}

static void keys_go(void **state) {
    (void)state;
    struct kmb_error error = {0};
    struct identity_actor actor = {.name = slice_text("root")};
    char old[IDENTITY_KEY_LENGTH + 1];
    char next[IDENTITY_KEY_LENGTH + 1];
    struct identity_key key = key_of(2, "rotated", "user", 0);
    struct identity_key found;
    assert_int_equal(identity_key_register(f.shard, &key, &actor, old, &error), KMB_OK);
    assert_int_equal(identity_key_rotate(f.shard, slice_text(old), &actor, next, &found, &error), KMB_OK);
    assert_string_equal(found.subject, "rotated");
    assert_string_not_equal(old, next);
    assert_int_equal(identity_key_find(f.shard, slice_text(old), &found, &error), KMB_API_KEY_NOT_FOUND);
    assert_int_equal(identity_key_find(f.shard, slice_text(next), &found, &error), KMB_OK);
    assert_int_equal(identity_key_rotate(f.shard, slice_text(old), &actor, old, &found, &error), KMB_API_KEY_NOT_FOUND);
    assert_int_equal(identity_key_revoke(f.shard, slice_text(next), &actor, &error), KMB_OK);
    assert_int_equal(identity_key_revoke(f.shard, slice_text(next), &actor, &error), KMB_API_KEY_NOT_FOUND);
    uint64_t soon = (uint64_t)(f.time_us + 60 * 1000000) * 1000;
    key = key_of(2, "brief", "user", soon);
    assert_int_equal(identity_key_register(f.shard, &key, &actor, next, &error), KMB_OK);
    f.time_us += 61 * 1000000;
    assert_int_equal(identity_key_find(f.shard, slice_text(next), &found, &error), KMB_API_KEY_NOT_FOUND);
    listed(&(struct tenant_id){2}, "2 reports Analyst;"); /* what has expired is not shown */
    assert_int_equal(identity_key_revoke(f.shard, slice_text(next), &actor, &error), KMB_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords), cmocka_unit_test(limits),  cmocka_unit_test(trust_and_certificates),
        cmocka_unit_test(keys),      cmocka_unit_test(keys_go),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
