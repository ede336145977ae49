/* URLs of servers: what each part means, what is left out, what is refused and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/address.h"

static struct arena arena;
static struct address address;
static struct kmb_error error;

static void reads(const char *url, const struct kmb_connect_options *options) {
    arena_free(&arena);
    arena_init(&arena, 0);
    if (address_read(url, options, &arena, &address, &error) != KMB_OK) {
        fail_msg("%s: %s", url, error.message);
    }
}

static void refuses(const char *url, const struct kmb_connect_options *options, const char *message) {
    arena_free(&arena);
    arena_init(&arena, 0);
    assert_int_equal(address_read(url, options, &arena, &address, &error), KMB_USAGE);
    if (strstr(error.message, message) == NULL) {
        fail_msg("%s: \"%s\" instead of \"%s\"", url, error.message, message);
    }
}

static bool is(const char *text, const char *wanted) {
    return text == NULL || wanted == NULL ? text == wanted : strcmp(text, wanted) == 0;
}

static void parts(void **state) {
    (void)state;
    reads("kimberlite://ada:se%20c%3Ar%40et@db.example:7000/clin%69c?tls=insecure&connect_timeout=3&timeout=60", NULL);
    assert_true(is(address.user, "ada") && is(address.password, "se c:r@et") && is(address.host, "db.example"));
    assert_true(address.port == 7000 && is(address.tenant, "clinic") && address.tls == ADDRESS_TLS_INSECURE);
    assert_true(address.connect_ms == 3000 && address.answer_ms == 60000 && is(address.shown, "db.example:7000"));
    reads("kimberlite://a@b@host", NULL); /* the last @ counts */
    assert_true(is(address.user, "a@b") && is(address.host, "host") && address.password == NULL);
    reads("kimberlite://[::1]:99", NULL);
    assert_true(is(address.host, "::1") && address.port == 99 && is(address.shown, "[::1]:99"));
    reads("kimberlite://[fe80::2]/3", NULL);
    assert_true(is(address.host, "fe80::2") && address.port == ADDRESS_PORT_DEFAULT && is(address.tenant, "3"));
    reads("kimberlite://host/?ca=%2Fa%26b&cert=c&key=k&token=t", NULL);
    assert_true(is(address.authority_file, "/a&b") && is(address.certificate_file, "c") && is(address.key_file, "k"));
    assert_true(is(address.token, "t") && address.tenant == NULL);
    reads("kimberlite+unix:///run/a%20b?tenant=x", NULL);
    assert_true(is(address.socket_path, "/run/a b") && is(address.tenant, "x") && address.host == NULL);
    reads("/run/a%20b?", NULL); /* a path is a path */
    assert_true(is(address.socket_path, "/run/a%20b?") && is(address.shown, "/run/a%20b?"));
}

static void defaults(void **state) {
    (void)state;
    static const char *const near[] = {"kimberlite://localhost",
                                       "kimberlite://127.0.0.1",
                                       "kimberlite://[::1]",
                                       "kimberlite://127.8.9.1:1",
                                       "/socket",
                                       "kimberlite+unix:///socket"};
    for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
        reads(near[i], NULL);
        assert_int_equal(address.tls, ADDRESS_TLS_DISABLE);
    }
    reads("kimberlite://db", NULL);
    assert_int_equal(address.tls, ADDRESS_TLS_REQUIRE);
    assert_true(address.port == ADDRESS_PORT_DEFAULT && address.connect_ms == ADDRESS_CONNECT_MS_DEFAULT);
    assert_true(address.answer_ms == 0 && address.tenant == NULL && address.user == NULL);
    reads("kimberlite://localhost?ca=f", NULL); /* who names an authority wants it asked */
    assert_int_equal(address.tls, ADDRESS_TLS_REQUIRE);
}

static void options(void **state) {
    (void)state;
    struct kmb_connect_options given = {.size = sizeof(given),
                                        .tenant = "9",
                                        .user = "bob",
                                        .password = "p",
                                        .tls = "disable",
                                        .connect_timeout_ms = 5,
                                        .answer_timeout_ms = 7};
    reads("kimberlite://ada:x@db/1?timeout=60", &given);
    assert_true(is(address.user, "bob") && is(address.password, "p") && is(address.tenant, "9"));
    assert_true(address.tls == ADDRESS_TLS_DISABLE && address.connect_ms == 5 && address.answer_ms == 7);
    given.tls = "sometimes";
    refuses("kimberlite://db", &given, "tls is \"sometimes\"");
}

static void environment(void **state) {
    (void)state;
    setenv("KIMBERLITE_TOKEN", "from the environment", 1);
    reads("kimberlite://db", NULL);
    assert_true(is(address.token, "from the environment"));
    reads("kimberlite://ada:x@db", NULL); /* what is said comes first */
    assert_true(address.token == NULL && is(address.password, "x"));
    unsetenv("KIMBERLITE_TOKEN");
    setenv("KIMBERLITE_PASSWORD", "secret", 1);
    reads("kimberlite://ada@db", NULL);
    assert_true(is(address.password, "secret"));
    reads("kimberlite://db", NULL); /* of whom? */
    assert_true(address.password == NULL);
    unsetenv("KIMBERLITE_PASSWORD");
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *url, *message;
    } cases[] = {
        {"", "no URL of a server"},
        {"postgres://db", "no URL of a server: \"postgres://db\""},
        {"kimberlite:/db", "no URL of a server"},
        {"kimberlite://", "names no host"},
        {"kimberlite://a@", "names no host"},
        {"kimberlite://:5432", "names no host"},
        {"kimberlite://db:", "the port \"\""},
        {"kimberlite://db:0", "the port \"0\""},
        {"kimberlite://db:65536", "the port \"65536\""},
        {"kimberlite://db:5x", "the port \"5x\""},
        {"kimberlite://[::1", "without its \"]\""},
        {"kimberlite://[::1]x", "without its \"]\""},
        {"kimberlite://d%b", "begins no byte"},
        {"kimberlite://d%", "begins no byte"},
        {"kimberlite://d%00b", "begins no byte"},
        {"kimberlite://db?tls=", "tls is \"\""},
        {"kimberlite://db?what=1", "unknown parameter \"what\""},
        {"kimberlite://db?timeout=1s", "timeout is \"1s\""},
        {"kimberlite://db?cert=c", "belong together"},
        {"kimberlite://db?key=c", "belong together"},
        {"kimberlite://db?tls=disable&ca=c", "tls is \"disable\""},
        {"kimberlite://db?password=p", "no user"},
        {"kimberlite+unix://run/x", "begins with /"},
        {"kimberlite+unix:///x?tls=require", "a Unix socket has no name"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refuses(cases[i].url, NULL, cases[i].message);
    }
}

int main(void) {
    unsetenv("KIMBERLITE_TOKEN");
    unsetenv("KIMBERLITE_PASSWORD");
    arena_init(&arena, 0);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),       cmocka_unit_test(defaults), cmocka_unit_test(options),
        cmocka_unit_test(environment), cmocka_unit_test(refusals),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
