/* Settings: layers in their order, every row's default and range, errors that say what to do, files edited in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/assert.h"
#include "server/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[] = "/tmp/kmb-settings-XXXXXX";

static int make_directory(void **state) {
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static const char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int remove_directory(void **state) {
    (void)state;
    unlink(path_of("kimberlite.toml"));
    unlink(path_of("kimberlite.local.toml"));
    return rmdir(directory);
}

static const struct settings_row *row(const char *key) {
    const struct settings_row *setting = settings_find(slice_text(key));
    assert_non_null(setting);
    return setting;
}

static void rows_are_whole(void **state) {
    (void)state;
    struct settings settings;
    char name[SETTING_VARIABLE_SIZE], other[SETTING_VARIABLE_SIZE];
    assert_int_equal(settings_init(&settings, NULL), KMB_OK);
    for (size_t i = 0; i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        struct buffer text = {0};
        settings_text(&settings, setting, &text);
        assert_string_equal(buffer_text(&text), setting->initial); /* defaults are written as they are shown */
        buffer_free(&text);
        assert_non_null(strchr(setting->key, '.'));
        assert_true(strlen(setting->meaning) > 10);
        settings_variable(setting, name);
        for (size_t j = 0; j < i; j++) {
            settings_variable(settings_row_at(j), other);
            assert_string_not_equal(name, other);
            assert_string_not_equal(setting->key, settings_row_at(j)->key);
            assert_int_not_equal(setting->offset, settings_row_at(j)->offset);
        }
    }
    settings_free(&settings);
}

static void layers_in_order(void **state) {
    (void)state;
    struct settings settings;
    struct kmb_error error = {0};
    char *environment[] = {"KMB_LOG_LEVEL=error",       "KMB_MAX_CONNECTIONS=77", "HOME=/nonexistent",
                           "KMB_PORT=tcp://10.0.0.1:1", "KMB_BENCH_N=5",          NULL};
    write_file("kimberlite.toml",
               "[log]\nlevel = \"debug\"\nformat = \"json\"\n[limits]\nconnections = 5\nmemory = \"2GB\"\n"
               "[timeouts]\nstatement = \"90s\"\n[database]\ndata_dir = \"x/y\"\nbind_address = \"*:6000\"\n");
    write_file("kimberlite.local.toml", "log.level = \"warning\"\nlog.format = \"text\"\ntls.cert = \"/etc/c.pem\"\n"
                                        "[server]\nlisten = [\"[::1]:1\", '2']\n");
    assert_int_equal(settings_init(&settings, NULL), KMB_OK);
    if (settings_load(&settings, directory, environment, &error) != KMB_OK) {
        fail_msg("%s", error.message);
    }
    char expected[256];
    snprintf(expected, sizeof(expected), "%s/x/y", directory);
    assert_string_equal(settings.storage.data, expected);
    assert_string_equal(settings.tls.cert, "/etc/c.pem");
    assert_int_equal(settings.log.level, LOG_ERROR);
    assert_int_equal(settings.log.format, SETTINGS_LOG_TEXT);
    assert_int_equal(settings.limits.connections, 77);
    assert_true(settings.limits.memory_bytes == UINT64_C(2) << 30);
    assert_int_equal(settings.timeouts.statement_ms, 90000);
    assert_int_equal(settings.server.listen.count, 2);
    assert_string_equal(settings.server.listen.texts[0], "[::1]:1");
    assert_string_equal(settings.server.listen.texts[1], "2");
    const struct setting_place *place = settings_place_of(&settings, row("log.level"));
    assert_int_equal(place->source, SETTING_ENVIRONMENT);
    assert_string_equal(place->name, "KMB_LOG_LEVEL");
    place = settings_place_of(&settings, row("limits.memory"));
    assert_int_equal(place->source, SETTING_FILE);
    assert_int_equal(place->line, 6);
    assert_int_equal(settings_place_of(&settings, row("http.listen"))->source, SETTING_DEFAULT);
    assert_int_equal(settings_set(&settings, row("limits.connections"), "9", SETTING_OPTION, "--max-connections", NULL),
                     KMB_OK);
    assert_int_equal(settings.limits.connections, 9);
    settings_free(&settings);
}

/* A file of one line fails with this message behind "path: ", and this hint. */
static void refuses(const char *text, const char *message, const char *hint) {
    struct settings settings;
    struct kmb_error error = {0};
    write_file("kimberlite.toml", text);
    assert_int_equal(settings_init(&settings, NULL), KMB_OK);
    assert_int_equal(settings_read_file(&settings, path_of("kimberlite.toml"), SETTING_FILE, &error), KMB_CONFIG);
    size_t length = strlen(path_of("kimberlite.toml")) + 2;
    assert_string_equal(error.message + length, message);
    assert_string_equal(error.hint, hint);
    settings_free(&settings);
}

static void faults_of_files(void **state) {
    (void)state;
    refuses("\n[log]\nlevl = \"debug\"", "line 3: unknown setting log.levl", "Did you mean log.level?");
    refuses("[limit]\nconnections = 1", "line 2: unknown setting limit.connections",
            "Did you mean limits.connections?");
    refuses("slow_query = \"1s\"", "line 1: unknown setting slow_query", "Did you mean log.slow_query?");
    refuses("[xyz]\nabcdefgh = 1", "line 2: unknown setting xyz.abcdefgh", "\"kimberlite config show\" lists them.");
    refuses("[cluster]\nnodes = 3", "line 2: unknown setting cluster.nodes",
            "It belongs to a part that this version does not have; take it out.");
    refuses("limits.connections = \"5\"", "line 1: limits.connections is a text, not a number from 1 to 1000000", "");
    refuses("limits.connections = 0", "line 1: invalid value \"0\" for limits.connections: a number from 1 to 1000000",
            "");
    refuses("limits.connections = -1",
            "line 1: invalid value \"-1\" for limits.connections: a number from 1 to 1000000", "");
    refuses("storage.cache = \"1kB\"",
            "line 1: invalid value \"1kB\" for storage.cache: a size (4096, \"64MB\") from 256kB to 16TB", "");
    refuses(
        "timeouts.drain = 30",
        "line 1: invalid value \"30\" for timeouts.drain: a time with its unit (\"500ms\", \"30s\", \"5m\", \"1h\", "
        "\"7d\") from 100ms to 1h, or 0",
        "");
    refuses("log.level = \"loud\"", "line 1: invalid value \"loud\" for log.level: debug, info, warning, error or off",
            "");
    refuses("tls.required = 1", "line 1: tls.required is an integer, not true or false", "");
    refuses("server.listen = [1]", "line 1: invalid value \"an array\" for server.listen: a text, or a list of texts",
            "");
    refuses("log = 1", "line 1: unknown setting log", "\"kimberlite config show\" lists them.");
    refuses("log.level = ", "line 1: a value is missing", "");
    refuses("[jwt]\nsecret = 5", "line 2: jwt.secret is an integer, not a text", "");
}

static void faults_elsewhere(void **state) {
    (void)state;
    struct settings settings;
    struct kmb_error error = {0};
    char *misspelled[] = {"KMB_LOG_LEVLE=info", NULL};
    char *bad[] = {"KMB_AUTH_MODE=maybe", NULL};
    assert_int_equal(settings_init(&settings, NULL), KMB_OK);
    assert_int_equal(settings_load(&settings, NULL, misspelled, &error), KMB_CONFIG);
    assert_string_equal(error.message, "unknown setting KMB_LOG_LEVLE in the environment");
    assert_string_equal(error.hint, "Did you mean KMB_LOG_LEVEL?");
    assert_int_equal(settings_load(&settings, NULL, bad, &error), KMB_CONFIG);
    assert_string_equal(error.message,
                        "KMB_AUTH_MODE: invalid value \"maybe\" for auth.mode: none, any, password, jwt, "
                        "apikey, both or certificate");
    unlink(path_of("kimberlite.toml"));
    assert_int_equal(settings_load(&settings, directory, NULL, &error), KMB_FILE_NOT_FOUND);
    settings_free(&settings);
}

/* Sets key after value, then checks the whole: the message, or NULL for all well. */
static void check(const char *const *pairs, const char *message) {
    struct settings settings;
    struct kmb_error error = {0};
    assert_int_equal(settings_init(&settings, NULL), KMB_OK);
    for (; *pairs != NULL; pairs += 2) {
        assert_int_equal(settings_set(&settings, row(pairs[0]), pairs[1], SETTING_OPTION, "x", NULL), KMB_OK);
    }
    assert_int_equal(settings_check(&settings, &error), message == NULL ? KMB_OK : KMB_CONFIG);
    assert_string_equal(error.message, message == NULL ? "" : message);
    settings_free(&settings);
}

static void checks_across_keys(void **state) {
    (void)state;
    check((const char *[]){NULL}, NULL);
    check((const char *[]){"tls.cert", "c", NULL}, "tls.cert and tls.key go together: tls.key is not set");
    check((const char *[]){"tls.required", "on", NULL},
          "tls.required is set without a certificate: tls.cert and tls.key are wanted");
    check((const char *[]){"tls.cert", "c", "tls.key", "k", "tls.client", "required", NULL},
          "tls.client is set without tls.ca to verify certificates against");
    check((const char *[]){"auth.mode", "both", NULL},
          "auth.mode takes tokens, but neither jwt.secret nor jwt.keys is set");
    check((const char *[]){"auth.mode", "certificate", NULL},
          "auth.mode certificate needs tls.client: required or optional");
    check((const char *[]){"storage.data", "/d", "storage.keys", "/d/keys", NULL},
          "storage.keys is within storage.data: whoever copies the data would have its keys");
    check((const char *[]){"storage.data", "/d", "storage.keys", "/d-keys", NULL}, NULL);
    check((const char *[]){"jwt.secret", "short", NULL}, "jwt.secret is shorter than 32 bytes");
    check((const char *[]){"server.listen", "127.0.0.1:1,*:5432", NULL},
          "server.listen has \"*:5432\", which others reach, and auth.mode is none");
    check((const char *[]){"server.listen", "*:5432", "auth.allow_unauthenticated", "yes", NULL}, NULL);
    check((const char *[]){"server.listen", "*:5432", "auth.mode", "any", NULL}, NULL);
    check((const char *[]){"server.listen", "::1:5432", NULL},
          "invalid address \"::1:5432\" in server.listen: HOST:PORT, [IPV6]:PORT, *:PORT or PORT");
    check((const char *[]){"http.listen", "localhost:99999", NULL},
          "invalid address \"localhost:99999\" in http.listen: HOST:PORT, [IPV6]:PORT, *:PORT or PORT");
}

static void secrets_are_not_shown(void **state) {
    (void)state;
    struct settings settings;
    struct kmb_error error = {0};
    struct buffer text = {0};
    assert_int_equal(settings_init(&settings, NULL), KMB_OK);
    assert_int_equal(
        settings_set(&settings, row("jwt.secret"), "0123456789abcdef0123456789abcdef", SETTING_OPTION, "x", &error),
        KMB_OK);
    settings_text(&settings, row("jwt.secret"), &text);
    assert_string_equal(buffer_text(&text), "(set)");
    buffer_free(&text);
    settings_free(&settings);
}

static void edited(const char *before, const char *key, const char *value, const char *after) {
    struct buffer out = {0};
    struct kmb_error error = {0};
    if (settings_edit(slice_text(before), row(key), value, &out, &error) != KMB_OK) {
        fail_msg("%s", error.message);
    }
    assert_string_equal(buffer_text(&out), after);
    buffer_free(&out);
}

static void edits_keep_the_rest(void **state) {
    (void)state;
    edited("", "log.level", "debug", "[log]\nlevel = \"debug\"\n");
    edited("# mine\n[log]  # here\nlevel = \"info\" # why\n", "log.level", "debug",
           "# mine\n[log]  # here\nlevel = \"debug\" # why\n");
    edited("[log]\nlevel = \"info\"\n\n[tls]\ncert = 'c'", "log.slow_query", "2s",
           "[log]\nlevel = \"info\"\nslow_query = \"2s\"\n\n[tls]\ncert = 'c'");
    edited("[log]", "log.level", "off", "[log]\nlevel = \"off\"\n");
    edited("log.level = \"info\"\n[tls]\n", "log.format", "json",
           "log.level = \"info\"\nlog.format = \"json\"\n[tls]\n");
    edited("a = 1", "server.listen", "1,[::]:2", "a = 1\n\n[server]\nlisten = [\"1\", \"[::]:2\"]\n");
    edited("[database]\nmax_connections = 7\n", "limits.connections", "8", "[database]\nmax_connections = 8\n");
    edited("[limits]\nconnections = 1_000 \n", "limits.connections", "8", "[limits]\nconnections = 8 \n");
    edited("a = 1\n[log.to]\nb = 2\n", "log.level", "off", "a = 1\n[log.to]\nb = 2\n\n[log]\nlevel = \"off\"\n");
    edited("[server]\nlisten = {a = 1} # x\n", "server.listen", "1", "[server]\nlisten = [\"1\"] # x\n");
}

static void edit_refused(const char *before, const char *key, const char *value, const char *why) {
    struct buffer out = {0};
    struct kmb_error error = {0};
    assert_int_equal(settings_edit(slice_text(before), row(key), value, &out, &error), KMB_CONFIG);
    assert_non_null(strstr(error.message, why));
    assert_int_equal(out.length, 0);
    buffer_free(&out);
}

/* What would make the file worse, or another than was asked for. */
static void edits_refused(void **state) {
    (void)state;
    edit_refused("log = {level = \"info\"}\n", "log.format", "json",
                 "the section of log.format can not be extended: write it by hand");
    edit_refused("x", "log.format", "json", "line 1: ");
    edit_refused("", "log.format", "xml", "log.format");
    edit_refused("", "jwt.secret", "x", "jwt.secret is a secret");
    /* "[...]" in the place of no value would be a header */
    edit_refused("a = 1\n[server]\nlisten.c = 2\n", "server.listen", "1",
                 "line 3: server.listen is a table there: take it out by hand first");
    edit_refused("[server.listen]\nc = 2\n", "server.listen", "1", "line 1: server.listen is a table there");
    edit_refused("[[server.listen]]\nc = 2\n", "server.listen", "1", "line 1: server.listen is a table there");
    edit_refused("[[log]]\nlevel = 'info'\n", "log.level", "off", "log stands in the file twice");
}

static void reload_tells_what_needs_a_restart(void **state) {
    (void)state;
    struct settings a, b;
    struct buffer keys = {0};
    assert_int_equal(settings_init(&a, NULL), KMB_OK);
    assert_int_equal(settings_init(&b, NULL), KMB_OK);
    assert_int_equal(settings_reload_faults(&a, &b, &keys), 0);
    assert_int_equal(settings_set(&b, row("log.level"), "debug", SETTING_OPTION, "x", NULL), KMB_OK);
    assert_int_equal(settings_reload_faults(&a, &b, &keys), 0);
    assert_int_equal(settings_set(&b, row("storage.cache"), "1GB", SETTING_OPTION, "x", NULL), KMB_OK);
    assert_int_equal(settings_set(&b, row("server.listen"), "1,2", SETTING_OPTION, "x", NULL), KMB_OK);
    assert_int_equal(settings_reload_faults(&a, &b, &keys), 2);
    assert_string_equal(buffer_text(&keys), "storage.cache, server.listen");
    buffer_free(&keys);
    settings_free(&a);
    settings_free(&b);
}

static void addresses(void **state) {
    (void)state;
    struct setting_address address;
    assert_true(settings_address_parse("5432", &address));
    assert_string_equal(address.host, "127.0.0.1");
    assert_int_equal(address.port, 5432);
    assert_true(settings_address_local(&address));
    assert_true(settings_address_parse("*:1", &address));
    assert_string_equal(address.host, "");
    assert_false(settings_address_local(&address));
    assert_true(settings_address_parse("[fe80::1]:65535", &address));
    assert_string_equal(address.host, "fe80::1");
    assert_true(settings_address_parse("db.example:7", &address));
    static const char *const bad[] = {"", ":", "a:", "a:b", "a:65536", "a:123456", "1:2:3", "[::1]", "a b:1", "a:-1"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        assert_false(settings_address_parse(bad[i], &address));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(layers_in_order),
        cmocka_unit_test(faults_of_files),
        cmocka_unit_test(faults_elsewhere),
        cmocka_unit_test(checks_across_keys),
        cmocka_unit_test(secrets_are_not_shown),
        cmocka_unit_test(edits_keep_the_rest),
        cmocka_unit_test(edits_refused),
        cmocka_unit_test(reload_tells_what_needs_a_restart),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
