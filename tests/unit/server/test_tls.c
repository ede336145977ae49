/*
 * TLS and certificates over a socket pair: OpenSSL's own client on the other end, small buffers, garbage, clients that
 * should be let in and that should not, new files while a connection lives; the openssl command on what we sign.
 */
#include "server_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "crypto/hash.h"
#include "server/certificate.h"
#include "server/tls.h"

static struct test_folder folder;

static enum kmb_status make(enum certificate_use use, const char *name, const char *file, const char *signer,
                            struct kmb_error *error) {
    static const char *const names[] = {"localhost", "*.example.org", "127.0.0.1", "::1"};
    char paths[4][160];
    (void)snprintf(paths[0], sizeof paths[0], "%s/%s.crt", folder.path, file);
    (void)snprintf(paths[1], sizeof paths[1], "%s/%s.key", folder.path, file);
    (void)snprintf(paths[2], sizeof paths[2], "%s/%s.crt", folder.path, signer == NULL ? "" : signer);
    (void)snprintf(paths[3], sizeof paths[3], "%s/%s.key", folder.path, signer == NULL ? "" : signer);
    struct certificate_request request = {.use = use,
                                          .common_name = name,
                                          .names = names,
                                          .name_count = use == CERTIFICATE_SERVER ? ARRAY_LENGTH(names) : 0,
                                          .days = 30,
                                          .authority_file = signer == NULL ? NULL : paths[2],
                                          .authority_key_file = signer == NULL ? NULL : paths[3],
                                          .certificate_file = paths[0],
                                          .key_file = paths[1]};
    return certificate_make(&request, error);
}

static int setup(void **state) {
    (void)state;
    struct kmb_error error = {0};
    folder = test_folder_make();
    bool made = make(CERTIFICATE_AUTHORITY, "Test authority", "ca", NULL, &error) == KMB_OK &&
                make(CERTIFICATE_SERVER, "localhost", "server", "ca", &error) == KMB_OK &&
                make(CERTIFICATE_CLIENT, "alice", "alice", "ca", &error) == KMB_OK &&
                make(CERTIFICATE_AUTHORITY, "Another authority", "other", NULL, &error) == KMB_OK &&
                make(CERTIFICATE_CLIENT, "mallory", "mallory", "other", &error) == KMB_OK;
    if (!made) {
        print_message("%s\n", error.message);
    }
    return made ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

/* --- certificates --- */

static void the_command_verifies(void **state) {
    (void)state;
    if (!test_command_exists("openssl")) {
        print_message("[  SKIPPED ] openssl is not installed: certificates not verified with it\n");
        skip();
    }
    const char *f = folder.path;
    assert_int_equal(test_run("openssl verify -x509_strict -purpose sslserver -verify_hostname localhost -CAfile "
                              "%s/ca.crt %s/server.crt >/dev/null 2>&1",
                              f, f),
                     0);
    assert_int_equal(test_run("openssl verify -x509_strict -purpose sslserver -verify_hostname a.example.org -CAfile "
                              "%s/ca.crt %s/server.crt >/dev/null 2>&1",
                              f, f),
                     0);
    assert_int_equal(test_run("openssl verify -x509_strict -purpose sslserver -verify_ip ::1 -CAfile %s/ca.crt "
                              "%s/server.crt >/dev/null 2>&1",
                              f, f),
                     0);
    assert_int_equal(test_run("openssl verify -x509_strict -purpose sslclient -CAfile %s/ca.crt %s/alice.crt "
                              ">/dev/null 2>&1",
                              f, f),
                     0);
    assert_int_not_equal(test_run("openssl verify -purpose sslserver -verify_hostname elsewhere -CAfile %s/ca.crt "
                                  "%s/server.crt >/dev/null 2>&1",
                                  f, f),
                         0);
    assert_int_not_equal(
        test_run("openssl verify -purpose sslserver -CAfile %s/ca.crt %s/alice.crt >/dev/null 2>&1", f, f),
        0); /* a client is no server */
    assert_int_not_equal(test_run("openssl verify -CAfile %s/ca.crt %s/mallory.crt >/dev/null 2>&1", f, f), 0);
    assert_int_equal(test_run("openssl x509 -in %s/server.crt -noout -text | grep -q 'ecdsa-with-SHA256'", f), 0);
}

static void files_are_new_and_private(void **state) {
    (void)state;
    struct kmb_error error = {0};
    struct stat facts;
    assert_int_equal(stat(test_path(&folder, "server.key"), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(make(CERTIFICATE_SERVER, "localhost", "server", "ca", &error), KMB_FILE_EXISTS);
    assert_int_equal(unlink(test_path(&folder, "server.key")), 0); /* the certificate alone is in the way, too */
    assert_int_equal(make(CERTIFICATE_SERVER, "localhost", "server", "ca", &error), KMB_FILE_EXISTS);
    assert_int_not_equal(access(test_path(&folder, "server.key"), F_OK), 0); /* nothing is left behind */
    assert_int_equal(unlink(test_path(&folder, "server.crt")), 0);
    assert_int_equal(make(CERTIFICATE_SERVER, "localhost", "server", "ca", &error), KMB_OK);
}

static void requests_that_are_refused(void **state) {
    (void)state;
    struct kmb_error error = {0};
    static const char *const bad[] = {"", "a b", "a..b", ".a", "a,DNS:evil", "a\n", "*", "a.*.b", "256.0.0.1/8"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct certificate_request request = {.use = CERTIFICATE_SERVER,
                                              .common_name = "x",
                                              .names = &bad[i],
                                              .name_count = 1,
                                              .days = 1,
                                              .authority_file = test_path(&folder, "ca.crt"),
                                              .authority_key_file = test_path(&folder, "ca.key"),
                                              .certificate_file = test_path(&folder, "bad.crt"),
                                              .key_file = test_path(&folder, "bad.key")};
        assert_int_equal(certificate_make(&request, &error), KMB_USAGE);
        request.names = (const char *const[]){"good"};
        request.days = 0;
        assert_int_equal(certificate_make(&request, &error), KMB_USAGE);
        request.days = 1;
        request.common_name = "";
        assert_int_equal(certificate_make(&request, &error), KMB_USAGE);
    }
    assert_int_equal(make(CERTIFICATE_CLIENT, "x", "bad", "nobody", &error), KMB_FILE_NOT_FOUND);
    assert_int_equal(make(CERTIFICATE_CLIENT, "x", "bad", "alice", &error), KMB_CONFIG); /* no authority */
    assert_int_not_equal(access(test_path(&folder, "bad.key"), F_OK), 0);
}

/* --- connections --- */

struct pair {
    struct tls_context *context;
    struct tls *server;
    int sockets[2]; /* the server's, the client's */
    SSL_CTX *client_context;
    SSL *client;
};

struct wish {
    enum tls_client_certificate client;
    bool allow_1_2;
    int client_version_max;   /* 0: any */
    const char *client_files; /* "alice"; NULL: none */
};

static struct tls_context *context_of(const struct wish *wish) {
    struct kmb_error error = {0};
    struct tls_context *context = NULL;
    struct tls_settings settings = {.certificate_file = test_path(&folder, "server.crt"),
                                    .key_file = test_path(&folder, "server.key"),
                                    .authority_file = test_path(&folder, "ca.crt"),
                                    .client = wish->client,
                                    .allow_1_2 = wish->allow_1_2};
    if (tls_context_new(&settings, &context, &error) != KMB_OK) {
        fail_msg("%s", error.message);
    }
    return context;
}

static void pair_open(struct pair *pair, const struct wish *wish, struct tls_context *context) {
    *pair = (struct pair){.context = context};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair->sockets), 0);
    assert_int_equal(tls_accept(context, pair->sockets[0], slice_make(NULL, 0), &pair->server, NULL), KMB_OK);
    pair->client_context = SSL_CTX_new(TLS_client_method());
    assert_non_null(pair->client_context);
    assert_int_equal(SSL_CTX_load_verify_file(pair->client_context, test_path(&folder, "ca.crt")), 1);
    SSL_CTX_set_verify(pair->client_context, SSL_VERIFY_PEER, NULL);
    if (wish->client_version_max != 0) {
        assert_int_equal(SSL_CTX_set_max_proto_version(pair->client_context, wish->client_version_max), 1);
    }
    if (wish->client_files != NULL) {
        char path[160];
        (void)snprintf(path, sizeof path, "%s/%s.crt", folder.path, wish->client_files);
        assert_int_equal(SSL_CTX_use_certificate_file(pair->client_context, path, SSL_FILETYPE_PEM), 1);
        (void)snprintf(path, sizeof path, "%s/%s.key", folder.path, wish->client_files);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(pair->client_context, path, SSL_FILETYPE_PEM), 1);
    }
    pair->client = SSL_new(pair->client_context);
    assert_int_equal(SSL_set_fd(pair->client, pair->sockets[1]), 1);
    assert_int_equal(SSL_set1_host(pair->client, "localhost"), 1);
    SSL_set_connect_state(pair->client);
}

static void pair_close(struct pair *pair) {
    SSL_free(pair->client);
    SSL_CTX_free(pair->client_context);
    tls_free(pair->server);
    for (int i = 0; i < 2; i++) {
        if (pair->sockets[i] >= 0) {
            (void)close(pair->sockets[i]);
        }
    }
    ERR_clear_error();
}

/* Both handshakes, in turns; the server's result. */
static enum tls_result pair_shake(struct pair *pair, struct kmb_error *error) {
    enum tls_result result = TLS_WANT_READ;
    int client = 0;
    for (int turn = 0; turn < 50; turn++) {
        if (client != 1) {
            client = SSL_do_handshake(pair->client);
        }
        if (result == TLS_WANT_READ || result == TLS_WANT_WRITE) {
            result = tls_handshake(pair->server, error);
        }
        if (result != TLS_WANT_READ && (client == 1 || result != TLS_DONE)) {
            return result;
        }
    }
    return result;
}

static void talks(void **state) {
    (void)state;
    static const struct wish wishes[] = {
        {TLS_CLIENT_NONE, false, 0, NULL},        {TLS_CLIENT_NONE, true, TLS1_2_VERSION, NULL},
        {TLS_CLIENT_OPTIONAL, false, 0, NULL},    {TLS_CLIENT_OPTIONAL, false, 0, "alice"},
        {TLS_CLIENT_REQUIRED, false, 0, "alice"}, {TLS_CLIENT_REQUIRED, true, TLS1_2_VERSION, "alice"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wishes); i++) {
        const struct wish *wish = &wishes[i];
        struct tls_context *context = context_of(wish);
        struct pair pair;
        struct kmb_error error = {0};
        pair_open(&pair, wish, context);
        enum tls_result result = pair_shake(&pair, &error);
        if (result != TLS_DONE) {
            fail_msg("wish %zu: %s", i, error.message);
        }
        assert_string_equal(tls_version(pair.server), wish->client_version_max == 0 ? "TLSv1.3" : "TLSv1.2");
        assert_non_null(strstr(tls_cipher(pair.server), "GCM"));
        if (wish->client_files == NULL) {
            assert_null(tls_peer_name(pair.server));
        } else {
            assert_string_equal(tls_peer_name(pair.server), wish->client_files);
        }
        /* 1 MiB to the client and back again, through the socket's small buffer */
        static uint8_t sent[1 << 20];
        static uint8_t got[1 << 20];
        struct prng prng;
        prng_seed(&prng, i);
        prng_bytes(&prng, sent, sizeof sent);
        size_t there = 0;
        size_t back = 0;
        bool waited = false;
        for (int turn = 0; turn < 100000 && back < sizeof sent; turn++) {
            size_t count = 0;
            for (result = TLS_DONE; there < sizeof sent && result == TLS_DONE; there += count) {
                result = tls_write(pair.server, sent + there, sizeof sent - there, &count, &error);
                assert_true(result == TLS_DONE || result == TLS_WANT_WRITE);
                assert_true((result == TLS_DONE) == (count > 0));
                waited = waited || result == TLS_WANT_WRITE;
            }
            if (SSL_read_ex(pair.client, got + back, sizeof got - back, &count) == 1) {
                back += count;
            }
        }
        assert_true(waited);
        assert_int_equal(back, sizeof sent);
        assert_memory_equal(sent, got, sizeof sent);
        uint8_t room[16];
        size_t count;
        assert_int_equal(tls_read(pair.server, room, sizeof room, &count, &error), TLS_WANT_READ);
        assert_int_equal(SSL_write_ex(pair.client, "twenty bytes of text", 20, &count), 1);
        assert_int_equal(tls_read(pair.server, room, sizeof room, &count, &error), TLS_DONE);
        assert_int_equal(count, 16);
        assert_true(tls_has_input(pair.server)); /* which no poll would tell */
        assert_int_equal(tls_read(pair.server, room, sizeof room, &count, &error), TLS_DONE);
        assert_int_equal(count, 4);
        assert_memory_equal(room, "text", 4);
        assert_false(tls_has_input(pair.server));
        /* goodbyes */
        assert_int_equal(tls_goodbye(pair.server), TLS_DONE);
        assert_int_equal(SSL_read_ex(pair.client, got, 1, &count), 0);
        assert_int_equal(SSL_get_error(pair.client, 0), SSL_ERROR_ZERO_RETURN);
        assert_true(SSL_shutdown(pair.client) >= 0);
        assert_int_equal(tls_read(pair.server, room, sizeof room, &count, &error), TLS_CLOSED);
        pair_close(&pair);
        tls_context_free(context);
    }
}

static void clients_that_are_not_let_in(void **state) {
    (void)state;
    static const struct {
        struct wish wish;
        const char *reason;
    } cases[] = {
        {{TLS_CLIENT_REQUIRED, false, 0, NULL}, "peer did not return a certificate"},
        {{TLS_CLIENT_REQUIRED, false, 0, "mallory"}, "certificate verify failed"},
        {{TLS_CLIENT_OPTIONAL, false, 0, "mallory"}, "certificate verify failed"},
        {{TLS_CLIENT_REQUIRED, false, 0, "server"}, "certificate verify failed"}, /* no client's certificate */
        {{TLS_CLIENT_NONE, false, TLS1_2_VERSION, NULL}, "unsupported protocol"},
        {{TLS_CLIENT_NONE, true, TLS1_1_VERSION, NULL}, "unsupported protocol"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct tls_context *context = context_of(&cases[i].wish);
        struct pair pair;
        struct kmb_error error = {0};
        pair_open(&pair, &cases[i].wish, context);
        if (cases[i].wish.client_version_max == TLS1_1_VERSION) {
            SSL_set_security_level(pair.client, 0);
        }
        enum tls_result result = pair_shake(&pair, &error);
        if (result != TLS_FAILED || strstr(error.message, cases[i].reason) == NULL) {
            fail_msg("case %zu: result %d, \"%s\"", i, result, error.message);
        }
        assert_int_equal(error.status, KMB_CONNECTION);
        assert_null(tls_peer_name(pair.server));
        pair_close(&pair);
        tls_context_free(context);
    }
}

/* tls-server-end-point is SHA-256 over the certificate as it is sent, for one signed with SHA-256. */
static void binding_is_the_certificate(void **state) {
    (void)state;
    struct wish wish = {TLS_CLIENT_NONE, false, 0, NULL};
    struct tls_context *context = context_of(&wish);
    struct pair pair;
    struct kmb_error error = {0};
    pair_open(&pair, &wish, context);
    assert_int_equal(pair_shake(&pair, &error), TLS_DONE);
    X509 *shown = SSL_get0_peer_certificate(pair.client);
    uint8_t *bytes = NULL;
    int length = i2d_X509(shown, &bytes);
    assert_true(length > 0);
    struct hash256 hash = hash_sha256(bytes, (size_t)length);
    struct slice binding = tls_channel_binding(pair.server);
    assert_true(slice_equal(binding, slice_make(hash.bytes, HASH256_SIZE)));
    OPENSSL_free(bytes);
    /* new files: the connection that lives keeps its own, the next has the new ones; broken ones change nothing */
    assert_int_equal(rename(test_path(&folder, "server.crt"), test_path(&folder, "kept.crt")), 0);
    assert_int_equal(rename(test_path(&folder, "server.key"), test_path(&folder, "kept.key")), 0);
    assert_int_equal(tls_context_reload(context, &error), KMB_FILE_NOT_FOUND);
    assert_int_equal(make(CERTIFICATE_SERVER, "localhost", "server", "ca", &error), KMB_OK);
    assert_int_equal(tls_context_reload(context, &error), KMB_OK);
    struct pair second;
    pair_open(&second, &wish, context);
    assert_int_equal(pair_shake(&second, &error), TLS_DONE);
    assert_false(slice_equal(tls_channel_binding(second.server), slice_make(hash.bytes, HASH256_SIZE)));
    assert_true(slice_equal(tls_channel_binding(pair.server), slice_make(hash.bytes, HASH256_SIZE)));
    tls_context_free(context); /* while both live */
    size_t count;
    uint8_t room[4];
    assert_int_equal(SSL_write_ex(pair.client, "more", 4, &count), 1);
    assert_int_equal(tls_read(pair.server, room, 4, &count, &error), TLS_DONE);
    pair_close(&second);
    pair_close(&pair);
}

static void files_that_are_refused(void **state) {
    (void)state;
    struct kmb_error error = {0};
    struct tls_context *context = NULL;
    struct tls_settings settings = {.certificate_file = test_path(&folder, "server.crt"),
                                    .key_file = test_path(&folder, "alice.key")};
    assert_int_equal(tls_context_new(&settings, &context, &error), KMB_CONFIG);
    assert_non_null(strstr(error.message, "private key"));
    settings.key_file = test_path(&folder, "server.crt");
    assert_int_equal(chmod(settings.key_file, 0600), 0);
    assert_int_equal(tls_context_new(&settings, &context, &error), KMB_CONFIG); /* no key in it */
    settings.key_file = test_path(&folder, "none");
    assert_int_equal(tls_context_new(&settings, &context, &error), KMB_FILE_NOT_FOUND);
    settings.key_file = test_path(&folder, "server.key");
    assert_int_equal(chmod(settings.key_file, 0644), 0);
    assert_int_equal(tls_context_new(&settings, &context, &error), KMB_CONFIG);
    assert_non_null(strstr(error.message, "has group or world access"));
    assert_int_equal(chmod(settings.key_file, 0600), 0);
    settings.certificate_file = folder.path;
    assert_int_equal(tls_context_new(&settings, &context, &error), KMB_CONFIG);
    settings.certificate_file = test_path(&folder, "server.key");
    assert_int_equal(tls_context_new(&settings, &context, &error), KMB_CONFIG);
    assert_int_equal(test_run("openssl ec -in %s -aes128 -passout pass:x -out %s/sealed.key >/dev/null 2>&1",
                              settings.key_file, folder.path),
                     0);
    settings.certificate_file = test_path(&folder, "server.crt");
    settings.key_file = test_path(&folder, "sealed.key");
    assert_int_equal(tls_context_new(&settings, &context, &error), KMB_CONFIG); /* and nobody is asked */
    assert_null(context);
}

/* The listener has read the first bytes to see what it is dealing with. */
static void early_bytes_count(void **state) {
    (void)state;
    struct wish wish = {TLS_CLIENT_NONE, false, 0, NULL};
    struct tls_context *context = context_of(&wish);
    for (size_t early = 1; early < 400; early += 57) {
        struct pair pair;
        struct kmb_error error = {0};
        pair_open(&pair, &wish, context);
        assert_int_not_equal(SSL_do_handshake(pair.client), 1);
        uint8_t bytes[400];
        ssize_t count = recv(pair.sockets[0], bytes, early, 0);
        assert_true(count > 0 && bytes[0] == 0x16);
        tls_free(pair.server);
        assert_int_equal(tls_accept(context, pair.sockets[0], slice_make(bytes, (size_t)count), &pair.server, &error),
                         KMB_OK);
        assert_int_equal(pair_shake(&pair, &error), TLS_DONE);
        pair_close(&pair);
    }
    tls_context_free(context);
}

/* Whatever comes, at whatever time: refused or closed, never done, never a signal. */
static void garbage(void **state) {
    (void)state;
    struct wish wish = {TLS_CLIENT_OPTIONAL, true, 0, NULL};
    struct tls_context *context = context_of(&wish);
    struct prng prng;
    prng_seed(&prng, 11);
    for (int round = 0; round < 300; round++) {
        struct pair pair;
        struct kmb_error error = {0};
        pair_open(&pair, &wish, context);
        bool shaken = prng_chance(&prng, 1, 3);
        if (shaken) {
            assert_int_equal(pair_shake(&pair, &error), TLS_DONE);
        } else if (prng_chance(&prng, 1, 2)) {
            (void)SSL_do_handshake(pair.client); /* a good hello, then garbage */
            (void)tls_handshake(pair.server, &error);
        }
        uint8_t bytes[600];
        size_t length = prng_below(&prng, sizeof bytes) + 1;
        prng_bytes(&prng, bytes, length);
        if (prng_chance(&prng, 1, 2) && length > 5) { /* a record's header that is right */
            static const uint8_t header[] = {0x16, 3, 3};
            memcpy(bytes, header, 3);
            bytes[0] = (uint8_t)(0x14 + prng_below(&prng, 4));
            bytes[3] = (uint8_t)((length - 5) >> 8);
            bytes[4] = (uint8_t)(length - 5);
        }
        assert_int_equal(send(pair.sockets[1], bytes, length, MSG_NOSIGNAL), length);
        (void)close(pair.sockets[1]);
        pair.sockets[1] = -1;
        enum tls_result result = TLS_DONE;
        for (int turn = 0; turn < 20 && result != TLS_CLOSED && result != TLS_FAILED; turn++) {
            size_t count;
            uint8_t room[64];
            result =
                shaken ? tls_read(pair.server, room, sizeof room, &count, &error) : tls_handshake(pair.server, &error);
            assert_true(result != TLS_DONE);
        }
        assert_true(result == TLS_CLOSED || result == TLS_FAILED);
        if (shaken) { /* the client is gone: an answer, not SIGPIPE */
            size_t count;
            result = tls_write(pair.server, bytes, length, &count, &error);
            assert_true(result == TLS_CLOSED || result == TLS_FAILED);
        }
        pair_close(&pair);
    }
    tls_context_free(context);
}

/* TLS 1.2 clients that ask for another handshake are not given one. */
static void no_renegotiation(void **state) {
    (void)state;
    struct wish wish = {TLS_CLIENT_NONE, true, TLS1_2_VERSION, NULL};
    struct tls_context *context = context_of(&wish);
    struct pair pair;
    struct kmb_error error = {0};
    pair_open(&pair, &wish, context);
    assert_int_equal(pair_shake(&pair, &error), TLS_DONE);
    assert_int_equal(SSL_renegotiate(pair.client), 1);
    (void)SSL_do_handshake(pair.client);
    uint8_t room[16];
    size_t count;
    assert_int_equal(tls_read(pair.server, room, sizeof room, &count, &error), TLS_WANT_READ);
    assert_int_not_equal(SSL_do_handshake(pair.client), 1); /* told no, it gives up */
    assert_int_equal(tls_read(pair.server, room, sizeof room, &count, &error), TLS_FAILED);
    pair_close(&pair);
    tls_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_verifies),
        cmocka_unit_test(files_are_new_and_private),
        cmocka_unit_test(requests_that_are_refused),
        cmocka_unit_test(talks),
        cmocka_unit_test(clients_that_are_not_let_in),
        cmocka_unit_test(binding_is_the_certificate),
        cmocka_unit_test(files_that_are_refused),
        cmocka_unit_test(early_bytes_count),
        cmocka_unit_test(garbage),
        cmocka_unit_test(no_renegotiation),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
