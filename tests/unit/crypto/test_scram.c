/*
 * SCRAM against RFC 7677's exchange, verifiers of a PostgreSQL server and of Python, both sides against each other, and
 * everything that has to be refused, in PostgreSQL's words. SASLprep against Python's tables.
 */
#include "crypto_test.h"

#include "crypto/base64.h"
#include "crypto/saslprep.h"
#include "crypto/scram.h"

static const uint8_t random_client[SCRAM_NONCE_SIZE] = "client's nonce...";
static const uint8_t random_server[SCRAM_NONCE_SIZE] = "server's nonce...";

static struct scram_verifier verifier_of(const char *password) {
    struct scram_verifier verifier;
    assert_int_equal(scram_verifier_make(slice_text(password), slice_text("salt and no more"), SCRAM_ITERATIONS_DEFAULT,
                                         &verifier, NULL),
                     KMB_OK);
    return verifier;
}

/* --- published --- */

static void published_exchange(void **state) {
    (void)state;
    static const char bare[] = "n=user,r=rOprNGfwEbeRWgbNEkqO";
    static const char first[] =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    static const char last[] = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                               "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    static const char done[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    struct kmb_error error = {0};
    struct buffer out = {0};

    struct scram_client client;
    scram_client_begin(&client, slice_make(NULL, 0), false, random_client, &out);
    strcpy(client.nonce, "rOprNGfwEbeRWgbNEkqO"); /* the published one is no base64 of ours */
    client.nonce_length = (uint32_t)strlen(client.nonce);
    strcpy(client.first_bare, bare);
    client.first_bare_length = (uint32_t)strlen(bare);
    buffer_clear(&out);
    assert_int_equal(scram_client_answer(&client, slice_text(first), slice_text("pencil"), &out, &error), KMB_OK);
    assert_string_equal(buffer_text(&out), last);
    assert_int_equal(scram_client_finish(&client, slice_text(done), &error), KMB_OK);
    assert_int_equal(scram_client_finish(&client, slice_text("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), &error),
                     KMB_AUTHENTICATION);

    uint8_t salt[16];
    assert_true(base64_decode_exact(slice_text("W22ZaJ0SNY7soEsUEjb6gQ=="), salt, sizeof salt));
    struct scram_verifier verifier;
    assert_int_equal(scram_verifier_make(slice_text("pencil"), slice_make(salt, 16), 4096, &verifier, &error), KMB_OK);
    struct scram_server server;
    assert_int_equal(
        scram_server_begin(&server, slice_text(SCRAM_MECHANISM), slice_make(NULL, 0), &verifier, NULL, &error), KMB_OK);
    buffer_clear(&out);
    assert_int_equal(
        scram_server_step(&server, slice_text("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"), random_server, &out, &error),
        KMB_ROW);
    strcpy(server.first, first);
    server.first_length = (uint32_t)strlen(first);
    strcpy(server.nonce, "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    server.nonce_length = (uint32_t)strlen(server.nonce);
    buffer_clear(&out);
    assert_int_equal(scram_server_step(&server, slice_text(last), random_server, &out, &error), KMB_DONE);
    assert_string_equal(buffer_text(&out), done);
    buffer_free(&out);
}

/* Lines of ALTER ROLE ... PASSWORD in PostgreSQL 15, as pg_authid showed them. */
static void verifiers_of_postgresql(void **state) {
    (void)state;
    static const struct {
        const char *password, *text;
    } cases[] = {
#include "scram_vectors.h"
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct scram_verifier verifier;
        bool matches = false;
        assert_true(scram_verifier_parse(slice_text(cases[i].text), &verifier));
        assert_int_equal(scram_verifier_check(&verifier, slice_text(cases[i].password), &matches, NULL), KMB_OK);
        if (!matches) {
            fail_msg("case %zu, password \"%s\"", i, cases[i].password);
        }
        assert_int_equal(scram_verifier_check(&verifier, slice_text("another"), &matches, NULL), KMB_OK);
        assert_false(matches);
        char text[SCRAM_VERIFIER_TEXT_MAX];
        assert_int_equal(scram_verifier_text(&verifier, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void verifiers_that_are_none(void **state) {
    (void)state;
    static const char good[] =
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    struct scram_verifier verifier;
    assert_true(scram_verifier_parse(slice_text(good), &verifier));
    for (size_t cut = 0; cut < strlen(good); cut++) {
        assert_false(scram_verifier_parse(slice_make(good, cut), &verifier));
    }
    static const char *const bad[] = {
        "md5d41d8cd98f00b204e9800998ecf8427e",
        "SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$99999999999:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        assert_false(scram_verifier_parse(slice_text(bad[i]), &verifier));
    }
}

static void mock_is_steady_and_closed(void **state) {
    (void)state;
    struct hash256 secret = hash_sha256("secret", 6);
    struct hash256 other = hash_sha256("Secret", 6);
    struct scram_verifier a;
    struct scram_verifier b;
    bool matches = true;
    scram_verifier_mock(&secret, slice_text("alice"), &a);
    scram_verifier_mock(&secret, slice_text("alice"), &b);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(scram_verifier_check(&a, slice_text(""), &matches, NULL), KMB_OK);
    assert_false(matches);
    scram_verifier_mock(&secret, slice_text("bob"), &b);
    assert_memory_not_equal(a.salt, b.salt, SCRAM_SALT_SIZE);
    scram_verifier_mock(&other, slice_text("alice"), &b);
    assert_memory_not_equal(a.salt, b.salt, SCRAM_SALT_SIZE);
}

/* --- both sides --- */

struct talk {
    struct slice binding_server, binding_client;
    bool plus_offered;
    const struct scram_verifier *verifier;
    const char *password;
};

static enum kmb_status talk(const struct talk *how, struct kmb_error *error) {
    struct scram_server server;
    struct scram_client client;
    struct scram_verifier mock;
    struct hash256 secret = hash_sha256("x", 1);
    struct buffer there = {0};
    struct buffer back = {0};
    scram_verifier_mock(&secret, slice_text("alice"), &mock);
    scram_client_begin(&client, how->binding_client, how->plus_offered, random_client, &there);
    enum kmb_status status =
        scram_server_begin(&server, slice_text(client.plus ? SCRAM_MECHANISM_PLUS : SCRAM_MECHANISM),
                           how->binding_server, how->verifier, &mock, error);
    if (status == KMB_OK) {
        status = scram_server_step(&server, buffer_slice(&there), random_server, &back, error);
    }
    if (status == KMB_ROW) {
        buffer_clear(&there);
        status = scram_client_answer(&client, buffer_slice(&back), slice_text(how->password), &there, error);
    }
    if (status == KMB_OK) {
        buffer_clear(&back);
        status = scram_server_step(&server, buffer_slice(&there), random_server, &back, error);
    }
    if (status == KMB_DONE) {
        assert_int_equal(server.state, SCRAM_SERVER_DONE);
        status = scram_client_finish(&client, buffer_slice(&back), error);
    } else {
        assert_true(status != KMB_OK);
    }
    scram_server_wipe(&server);
    scram_client_wipe(&client);
    buffer_free(&there);
    buffer_free(&back);
    return status;
}

static void both_sides(void **state) {
    (void)state;
    struct scram_verifier verifier = verifier_of("correct horse");
    struct slice none = slice_make(NULL, 0);
    struct slice binding = slice_text("hash of the server's certificate");
    struct slice other = slice_text("hash of somebody's certificate..");
    struct kmb_error error = {0};
    assert_int_equal(talk(&(struct talk){none, none, false, &verifier, "correct horse"}, &error), KMB_OK);
    assert_int_equal(talk(&(struct talk){binding, binding, true, &verifier, "correct horse"}, &error), KMB_OK);
    assert_int_equal(talk(&(struct talk){binding, none, true, &verifier, "correct horse"}, &error), KMB_OK);
    /* a server that has no binding, a client that would have had one */
    assert_int_equal(talk(&(struct talk){none, binding, false, &verifier, "correct horse"}, &error), KMB_OK);
    assert_int_equal(talk(&(struct talk){none, none, false, &verifier, "correct house"}, &error), KMB_INVALID_PASSWORD);
    assert_int_equal(talk(&(struct talk){binding, binding, true, &verifier, ""}, &error), KMB_INVALID_PASSWORD);
    assert_int_equal(talk(&(struct talk){none, none, false, NULL, "correct horse"}, &error), KMB_INVALID_PASSWORD);
    /* somebody between the two */
    assert_int_equal(talk(&(struct talk){binding, other, true, &verifier, "correct horse"}, &error),
                     KMB_AUTHENTICATION);
    assert_string_equal(error.message, "SCRAM channel binding check failed");
    /* ... who hides that the server has a binding */
    assert_int_equal(talk(&(struct talk){binding, binding, false, &verifier, "correct horse"}, &error),
                     KMB_AUTHENTICATION);
    assert_string_equal(error.message, "SCRAM channel binding negotiation error");
    /* a verifier that is right but belongs to nobody opens nothing */
    struct scram_server server;
    assert_int_equal(scram_server_begin(&server, slice_text(SCRAM_MECHANISM), none, NULL, &verifier, &error), KMB_OK);
    assert_true(server.doomed);
}

struct refusal {
    const char *message;
    enum kmb_status status;
    const char *text;
    const char *detail;
};

static void refuse(const struct refusal *refusal, const char *mechanism, struct slice binding, bool final) {
    struct scram_verifier verifier = verifier_of("pencil");
    struct scram_server server;
    struct buffer reply = {0};
    struct kmb_error error = {0};
    assert_int_equal(scram_server_begin(&server, slice_text(mechanism), binding, &verifier, NULL, &error), KMB_OK);
    if (final) {
        assert_int_equal(scram_server_step(&server, slice_text("n,,n=,r=abc"), random_server, &reply, &error), KMB_ROW);
        buffer_clear(&reply);
    }
    enum kmb_status status = scram_server_step(&server, slice_text(refusal->message), random_server, &reply, &error);
    if (status != refusal->status || strcmp(error.message, refusal->text) != 0 ||
        strcmp(error.detail, refusal->detail) != 0) {
        fail_msg("\"%s\": %d %s / %s", refusal->message, status, error.message, error.detail);
    }
    assert_int_equal(reply.length, 0);
    assert_int_equal(server.state, SCRAM_SERVER_FAILED);
    buffer_free(&reply);
}

static void refusals_of_the_first_message(void **state) {
    (void)state;
    static const struct refusal plain[] = {
        {"", KMB_PROTOCOL, "malformed SCRAM message", "The message is empty."},
        {"x,,n=,r=a", KMB_PROTOCOL, "malformed SCRAM message", "Unexpected channel-binding flag \"'x'\"."},
        {"n;,n=,r=a", KMB_PROTOCOL, "malformed SCRAM message", "Comma expected, but found character \"';'\"."},
        {"n", KMB_PROTOCOL, "malformed SCRAM message", "Comma expected, but found character \"0x00\"."},
        {"n,a=bob,n=,r=a", KMB_UNSUPPORTED, "client uses authorization identity, but it is not supported", ""},
        {"n,b,n=,r=a", KMB_PROTOCOL, "malformed SCRAM message", "Unexpected attribute \"'b'\"."},
        {"n,,m=x,n=,r=a", KMB_UNSUPPORTED, "client requires an unsupported SCRAM extension", ""},
        {"n,,r=a", KMB_PROTOCOL, "malformed SCRAM message", "Expected attribute \"n\" but found \"'r'\"."},
        {"n,,n", KMB_PROTOCOL, "malformed SCRAM message",
         "Expected character \"=\" for attribute \"n\", but found \"0x00\"."},
        {"n,,n=", KMB_PROTOCOL, "malformed SCRAM message", "Expected attribute \"r\" but found \"0x00\"."},
        {"n,,n=,r=a\x7f", KMB_PROTOCOL, "non-printable characters in SCRAM nonce", ""},
        {"p=tls-server-end-point,,n=,r=a", KMB_PROTOCOL, "malformed SCRAM message",
         "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding "
         "data."},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(plain); i++) {
        refuse(&plain[i], SCRAM_MECHANISM, slice_make(NULL, 0), false);
    }
    static const struct refusal plus[] = {
        {"n,,n=,r=a", KMB_PROTOCOL, "malformed SCRAM message",
         "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data."},
        {"p=tls-unique,,n=,r=a", KMB_PROTOCOL, "unsupported SCRAM channel-binding type \"tls-unique\"", ""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(plus); i++) {
        refuse(&plus[i], SCRAM_MECHANISM_PLUS, slice_text("binding"), false);
    }
    struct scram_verifier verifier = verifier_of("pencil");
    struct scram_server server;
    struct kmb_error error = {0};
    static const char *const mechanisms[] = {"", "PLAIN", "SCRAM-SHA-1", "scram-sha-256", SCRAM_MECHANISM_PLUS};
    for (size_t i = 0; i < ARRAY_LENGTH(mechanisms); i++) { /* the last one is not offered without TLS */
        assert_int_equal(
            scram_server_begin(&server, slice_text(mechanisms[i]), slice_make(NULL, 0), &verifier, NULL, &error),
            KMB_PROTOCOL);
        assert_string_equal(error.message, "client selected an invalid SASL authentication mechanism");
    }
}

#define NONCE "abcc2VydmVyJ3Mgbm9uY2UuLi4A"

static void refusals_of_the_final_message(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {"c=eSws,r=" NONCE ",p=AAAA", KMB_PROTOCOL,
         "unexpected SCRAM channel-binding attribute in client-final-message", ""},
        {"c=biws,r=" NONCE, KMB_PROTOCOL, "malformed SCRAM message",
         "Attribute expected, but found invalid character \"0x00\"."},
        {"c=biws,r=" NONCE ",p=AAAA", KMB_PROTOCOL, "malformed SCRAM message",
         "Malformed proof in client-final-message."},
        {"c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,x=y", KMB_PROTOCOL,
         "malformed SCRAM message", "Garbage found at the end of client-final-message."},
        {"c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,", KMB_PROTOCOL, "malformed SCRAM message",
         "Garbage found at the end of client-final-message."},
        {"c=biws,r=x" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", KMB_PROTOCOL, "invalid SCRAM response",
         "Nonce does not match."},
        {"c=biws,r=abc,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", KMB_PROTOCOL, "invalid SCRAM response",
         "Nonce does not match."},
        {"c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", KMB_INVALID_PASSWORD,
         "password authentication failed", ""},
        {"c=biws,r=" NONCE ",e=1,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", KMB_INVALID_PASSWORD,
         "password authentication failed", ""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        refuse(&cases[i], SCRAM_MECHANISM, slice_make(NULL, 0), true);
    }
}

/* Any change of any byte of either message of the client is refused, and no bytes end the process. */
static void changed_messages(void **state) {
    (void)state;
    struct scram_verifier verifier = verifier_of("pencil");
    struct prng prng;
    prng_seed(&prng, 7);
    for (int round = 0; round < 20000; round++) {
        struct scram_server server;
        struct buffer reply = {0};
        uint8_t message[SCRAM_MESSAGE_MAX + 8];
        static const char *const starts[] = {"n,,n=,r=abc", "c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmi"
                                                            "z7AndVQ="};
        bool final = prng_chance(&prng, 1, 2);
        size_t length = strlen(starts[final]);
        memcpy(message, starts[final], length);
        for (uint64_t changes = prng_below(&prng, 4) + 1; changes > 0; changes--) {
            message[prng_below(&prng, length)] = (uint8_t)prng_below(&prng, 256);
        }
        if (prng_chance(&prng, 1, 8)) {
            length = prng_below(&prng, sizeof message);
            prng_bytes(&prng, message, length);
        }
        assert_int_equal(
            scram_server_begin(&server, slice_text(SCRAM_MECHANISM), slice_make(NULL, 0), &verifier, NULL, NULL),
            KMB_OK);
        if (final) {
            assert_int_equal(scram_server_step(&server, slice_text("n,,n=,r=abc"), random_server, &reply, NULL),
                             KMB_ROW);
        }
        enum kmb_status status = scram_server_step(&server, slice_make(message, length), random_server, &reply, NULL);
        assert_true(status != KMB_DONE && status != KMB_OK);
        buffer_free(&reply);
    }
}

/* --- SASLprep --- */

static void prepare(const char *password, const char *expected) {
    struct buffer out = {0};
    bool good = saslprep(slice_text(password), &out);
    if (expected == NULL) {
        assert_false(good);
        assert_int_equal(out.length, 0);
    } else {
        assert_true(good);
        assert_string_equal(buffer_text(&out), expected);
    }
    buffer_free(&out);
}

static void prepared_passwords(void **state) {
    (void)state;
    prepare("user", "user");
    prepare("", "");
    prepare("tab\tand \x7f", "tab\tand \x7f"); /* ASCII is never touched */
    prepare("I\xc2\xadX", "IX");               /* RFC 4013: a soft hyphen is nothing */
    prepare("\xc2\xaa", "a");                  /* ... NFKC */
    prepare("\xe2\x85\xa8", "IX");             /* ... a Roman numeral */
    prepare("a\xc2\xa0"
            "b",
            "a b");                   /* a space of another kind */
    prepare("e\xcc\x81", "\xc3\xa9"); /* composed */
    prepare("\xc2\xad", NULL);        /* nothing is left */
    prepare("\xc2\x85", NULL);        /* a control character */
    prepare("\xd8\xa7\x31", NULL);    /* RFC 4013: written from the right, and does not end so */
    prepare("\xd8\xa7\x31\xd8\xa8", "\xd8\xa7\x31\xd8\xa8");
    prepare("\xd8\xa7"
            "a\xd8\xa8",
            NULL);                     /* both directions */
    prepare("\xf0\x9f\x98\x80", NULL); /* unknown to Unicode 3.2 */
    prepare("\xff", NULL);             /* no UTF-8 */
    prepare("a\xc3", NULL);
    prepare("\xed\xa0\x80", NULL); /* half of a pair */
    struct buffer out = {0};
    assert_int_equal(saslprep_password(slice_text("\xf0\x9f\x98\x80"), &out, NULL), KMB_OK);
    assert_string_equal(buffer_text(&out), "\xf0\x9f\x98\x80"); /* counts as it is */
    buffer_free(&out);
}

/* The tables of this code as Python's stringprep has them. */
static void tables_of_python(void **state) {
    (void)state;
    if (!test_command_exists("python3")) {
        print_message("[  SKIPPED ] python3 is not installed: tables not compared with it\n");
        skip();
    }
    static const char script[] =
        "import stringprep as s,sys,unicodedata as u\n"
        "def p(c):\n"
        " t=''.join(' ' if s.in_table_c12(x) else '' if s.in_table_b1(x) else x for x in c)\n"
        " bad=[s.in_table_c12,s.in_table_c21,s.in_table_c22,s.in_table_c3,s.in_table_c4,s.in_table_c5,s.in_table_c6,"
        "s.in_table_c7,s.in_table_c8,s.in_table_c9,s.in_table_a1]\n"
        " if not t or any(f(x) for x in t for f in bad): return None\n"
        " r=[s.in_table_d1(x) for x in t]\n"
        " if any(r) and (any(s.in_table_d2(x) for x in t) or not r[0] or not r[-1]): return None\n"
        " return u.ucd_3_2_0.normalize('NFKC',t)\n"
        "for c in list(range(0x80,0xd800))+list(range(0xe000,0x20000))+list(range(0xe0000,0xe0200)):\n"
        " t=p(chr(c))\n"
        " sys.stdout.write('%x %s\\n'%(c,'-' if t is None else t.encode().hex()))\n";
    FILE *file = fopen("saslprep_tables.py", "w");
    assert_non_null(file);
    fputs(script, file);
    fclose(file);
    FILE *pipe = popen("python3 saslprep_tables.py", "r");
    assert_non_null(pipe);
    unsigned code;
    char expected[128];
    size_t seen = 0;
    while (fscanf(pipe, "%x %127s", &code, expected) == 2) {
        uint8_t bytes[4];
        size_t length = 0;
        if (code < 0x800) {
            bytes[length++] = (uint8_t)(0xc0 | code >> 6);
        } else if (code < 0x10000) {
            bytes[length++] = (uint8_t)(0xe0 | code >> 12);
            bytes[length++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        } else {
            bytes[length++] = (uint8_t)(0xf0 | code >> 18);
            bytes[length++] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
            bytes[length++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        }
        bytes[length++] = (uint8_t)(0x80 | (code & 0x3f));
        struct buffer out = {0};
        char shown[257] = "-";
        if (saslprep(slice_make(bytes, length), &out)) {
            assert_true(out.length <= 128);
            codec_hex(shown, out.bytes, out.length);
        }
        if (strcmp(shown, expected) != 0) {
            fail_msg("U+%04X: %s, expected %s", code, shown, expected);
        }
        buffer_free(&out);
        seen++;
    }
    (void)pclose(pipe);
    (void)remove("saslprep_tables.py");
    assert_true(seen > 100000);
}

static void memory_runs_out(void **state) {
    (void)state;
    struct scram_verifier verifier;
    for (uint64_t number = 1; number < 20; number++) {
        mem_fail_plan(number);
        enum kmb_status status = scram_verifier_make(slice_text("p\xc3\xa4ss"), slice_text("salt"), 1, &verifier, NULL);
        mem_fail_plan(0);
        if (status == KMB_OK) {
            assert_true(number > 2);
            return;
        }
        assert_int_equal(status, KMB_NO_MEMORY);
    }
    fail();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_exchange),
        cmocka_unit_test(verifiers_of_postgresql),
        cmocka_unit_test(verifiers_that_are_none),
        cmocka_unit_test(mock_is_steady_and_closed),
        cmocka_unit_test(both_sides),
        cmocka_unit_test(refusals_of_the_first_message),
        cmocka_unit_test(refusals_of_the_final_message),
        cmocka_unit_test(changed_messages),
        cmocka_unit_test(prepared_passwords),
        cmocka_unit_test(tables_of_python),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
