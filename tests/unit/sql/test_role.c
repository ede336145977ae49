/*
 * Roles: made, changed, renamed, dropped; what the catalogue shows of them and what it does not; who may; the past; and
 * that passwords become verifiers that open to them, and go nowhere else.
 */
#include "host.h"

#include "base/assert.h"
#include "crypto/scram.h"
#include "sql/secret.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

static void session_is(const char *user, enum sql_user kind) {
    f->host.session_user = slice_text(user);
    f->host.user_kind = kind;
}

/* As the catalogue has it now. */
static struct role_definition role(const char *name) {
    struct kernel_view *view;
    assert_int_equal(kernel_view_open(f->kernel->head, &view, NULL), KMB_OK);
    const struct role_definition *found = catalogue_role(view->catalogue, slice_text(name));
    assert_non_null(found);
    struct role_definition copy = *found; /* the fixture's head keeps the catalogue */
    kernel_view_close(view);
    return copy;
}

static bool opens(const char *name, const char *password) {
    struct scram_verifier verifier;
    bool matches = false;
    assert_true(scram_verifier_parse(role(name).verifier, &verifier));
    assert_int_equal(scram_verifier_check(&verifier, slice_text(password), &matches, NULL), KMB_OK);
    return matches;
}

/* Are these bytes anywhere in the bodies of the log? */
static bool logged(const char *text) {
    for (size_t i = 0; i < f->kernel->entry_count; i++) {
        struct slice body = buffer_slice(&f->kernel->entries[i].body);
        if (memmem(body.bytes, body.length, text, strlen(text)) != NULL) {
            return true;
        }
    }
    return false;
}

static void made_and_shown(void **state) {
    (void)state;
    ROWS("SELECT rolname, rolsuper, oid FROM pg_roles", "tester|t|10\n"); /* who is no role is the one of the start */
    SQL("CREATE USER alice PASSWORD 'correct horse' CONNECTION LIMIT 5 VALID UNTIL '2030-01-01'");
    SQL("CREATE ROLE readers NOINHERIT CREATEDB");
    SQL("CREATE ROLE admin WITH LOGIN SUPERUSER CREATEROLE ENCRYPTED PASSWORD 'x' VALID UNTIL 'infinity'");
    ROWS("SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit, rolpassword, "
         "rolvaliduntil FROM pg_roles ORDER BY 1",
         "admin|t|t|t|f|t|-1|********|infinity\n"
         "alice|f|t|f|f|t|5|********|2030-01-01 00:00:00+00\n"
         "readers|f|f|f|t|f|-1|********|null\n"
         "tester|t|t|t|t|t|-1|********|null\n");
    ROWS("SELECT rolname, rolpassword FROM pg_authid ORDER BY 1",
         "admin|********\nalice|********\nreaders|null\ntester|null\n");
    ROWS("SELECT usename, passwd FROM pg_user ORDER BY 1", "admin|********\nalice|********\ntester|********\n");
    ROWS("SELECT count(*) FROM pg_roles r JOIN pg_authid a ON r.oid = a.oid AND r.rolname = a.rolname", "4\n");
    ROWS("SELECT 'alice'::regrole = oid, oid::regrole, pg_get_userbyid(oid) FROM pg_roles WHERE rolname = 'alice'",
         "t|alice|alice\n");
    ROWS("SELECT current_user, session_user, user, current_role, current_user::regrole",
         "tester|tester|tester|tester|tester\n");
    assert_true(opens("alice", "correct horse"));
    assert_false(opens("alice", "correct house"));
    assert_false(logged("correct horse"));
    assert_true(logged("SCRAM-SHA-256$4096:"));
}

static void changed(void **state) {
    (void)state;
    SQL("ALTER USER alice PASSWORD 'new one'");
    assert_true(opens("alice", "new one"));
    SQL("ALTER ROLE alice CREATEROLE NOLOGIN CONNECTION LIMIT -1");
    ROWS("SELECT rolcreaterole, rolcanlogin, rolconnlimit, rolvaliduntil FROM pg_roles WHERE rolname = 'alice'",
         "t|f|-1|2030-01-01 00:00:00+00\n");
    assert_true(opens("alice", "new one")); /* which that did not touch */
    SQL("ALTER ROLE alice LOGIN NOCREATEROLE");
    SQL("ALTER USER alice PASSWORD NULL");
    assert_int_equal(role("alice").verifier.length, 0);
    SQL("ALTER USER alice PASSWORD ''"); /* as PostgreSQL: no password */
    assert_int_equal(role("alice").verifier.length, 0);
    static const char verifier[] =
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    SQL("ALTER USER alice PASSWORD 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtb"
        "sT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='");
    assert_true(slice_equal_text(role("alice").verifier, verifier)); /* brought along, kept as it is */
    SQL("ALTER ROLE readers RENAME TO \"The Readers\"");
    ROWS("SELECT rolname FROM pg_roles WHERE rolname LIKE '%eaders'", "The Readers\n");
    SQL("ALTER ROLE kimberlite PASSWORD 'first'"); /* the one of the start gets a password, and keeps the rest */
    assert_true(opens("kimberlite", "first"));
    assert_int_equal(role("kimberlite").flags, CATALOGUE_ROLE_DEFAULT_FLAGS);
    assert_int_equal(role("kimberlite").id.value, 0);
    fixture_check_rebuild(f->kernel, 1);
}

static void of_the_past(void **state) {
    (void)state;
    SQL("CREATE TABLE t (id int PRIMARY KEY)");
    SQL("INSERT INTO t VALUES (1)");
    SQL("CREATE ROLE later");
    SQL("INSERT INTO t VALUES (2)");
    SQL("DROP ROLE later");
    SQL("INSERT INTO t VALUES (3)");
    ROWS("SELECT count(*) FROM pg_roles WHERE rolname = 'later'", "0\n");
    struct kernel_view *view;
    assert_int_equal(kernel_view_open_at(f->kernel->head, 1, &view, NULL), KMB_OK);
    assert_non_null(catalogue_role(view->catalogue, slice_text("later"))); /* DDL behind event 1, before 2 */
    kernel_view_close(view);
    assert_int_equal(kernel_view_open_at(f->kernel->head, 3, &view, NULL), KMB_OK);
    assert_null(catalogue_role(view->catalogue, slice_text("later")));
    kernel_view_close(view);
    SQL("DROP TABLE t");
    fixture_check_rebuild(f->kernel, 2);
}

static void refused(void **state) {
    (void)state;
    REFUSED("CREATE ROLE alice", "42710", 0, "role \"alice\" already exists");
    REFUSED("CREATE ROLE pg_x", "42939", 0, "role name \"pg_x\" is reserved");
    REFUSED("ALTER ROLE alice RENAME TO pg_x", "42939", 0, "role name \"pg_x\" is reserved");
    REFUSED("ALTER ROLE alice RENAME TO admin", "42710", 0, "role \"admin\" already exists");
    REFUSED("ALTER ROLE nobody LOGIN", "42704", 0, "role \"nobody\" does not exist");
    REFUSED("DROP ROLE nobody", "42704", 0, "role \"nobody\" does not exist");
    SQL("DROP ROLE IF EXISTS nobody, nobody_else");
    REFUSED("DROP ROLE alice, nobody", "42704", 0, "role \"nobody\" does not exist"); /* all or nothing */
    assert_true(role("alice").id.value > 0);
    REFUSED("DROP ROLE CURRENT_USER", "22023", 0, "cannot use special role specifier in DROP ROLE");
    REFUSED("DROP ROLE kimberlite", "2BP01", 0,
            "cannot drop role kimberlite because it is required by the database system");
    REFUSED("CREATE ROLE r CONNECTION LIMIT -2", "22023", 0, "invalid connection limit: -2");
    REFUSED("CREATE ROLE r LOGIN NOLOGIN", "42601", 21, "conflicting or redundant options");
    REFUSED("CREATE ROLE r PASSWORD 'a' PASSWORD 'b'", "42601", 28, "conflicting or redundant options");
    REFUSED("CREATE ROLE r PASSWORD 'md5d41d8cd98f00b204e9800998ecf8427e'", "0A000", 0,
            "a password of MD5 is not supported");
    REFUSED("CREATE ROLE r IN ROLE alice", "0A000", 15, "membership in a role is not supported");
    REFUSED("CREATE ROLE r VALID UNTIL 'someday'", "22007", 0,
            "invalid input syntax for type timestamp with time zone: \"someday\"");
    REFUSED("GRANT alice TO admin", "0A000", 1, "GRANT or REVOKE is not supported");
    REFUSED("ALTER ROLE alice SET work_mem = '1MB'", "0A000", 1, "ALTER ROLE ... SET is not supported");
}

static void who_may(void **state) {
    (void)state;
    SQL("CREATE ROLE maker LOGIN CREATEROLE");
    SQL("CREATE ROLE plain LOGIN");
    session_is("plain", SQL_USER_ROLE);
    ROWS("SELECT current_user, pg_get_userbyid(10)", "plain|kimberlite\n");
    ROWS("SHOW is_superuser", "off\n");
    ROWS("SELECT current_setting('is_superuser')", "off\n");
    REFUSED("CREATE ROLE r", "42501", 0, "permission denied to create role");
    REFUSED("CREATE ROLE r SUPERUSER", "42501", 0, "must be superuser to create superusers");
    REFUSED("DROP ROLE alice", "42501", 0, "permission denied to drop role");
    REFUSED("ALTER ROLE alice LOGIN", "42501", 0, "permission denied");
    REFUSED("ALTER ROLE alice PASSWORD 'mine'", "42501", 0, "permission denied");
    REFUSED("ALTER ROLE plain CREATEROLE", "42501", 0, "permission denied");
    REFUSED("ALTER ROLE plain SUPERUSER", "42501", 0,
            "must be superuser to alter superuser roles or change superuser attribute");
    REFUSED("ALTER ROLE alice RENAME TO bob", "42501", 0, "permission denied to rename role");
    SQL("ALTER ROLE plain PASSWORD 'my own'");
    SQL("ALTER ROLE CURRENT_USER PASSWORD 'my own again'");
    assert_true(opens("plain", "my own again"));
    session_is("maker", SQL_USER_ROLE);
    SQL("CREATE ROLE made");
    SQL("ALTER ROLE made PASSWORD 'x'");
    SQL("DROP ROLE made");
    REFUSED("ALTER ROLE admin PASSWORD 'x'", "42501", 0,
            "must be superuser to alter superuser roles or change superuser attribute");
    REFUSED("DROP ROLE admin", "42501", 0, "must be superuser to drop superusers");
    REFUSED("ALTER ROLE admin RENAME TO boss", "42501", 0, "must be superuser to rename superusers");
    REFUSED("CREATE ROLE r BYPASSRLS", "42501", 0, "must be superuser to create bypassrls users");
    REFUSED("DROP ROLE maker", "55006", 0, "current user cannot be dropped");
    REFUSED("ALTER ROLE maker RENAME TO x", "0A000", 0, "session user cannot be renamed");
    session_is("admin", SQL_USER_ROLE);
    ROWS("SHOW is_superuser", "on\n");
    ROWS("SELECT current_setting('is_superuser')", "on\n");
    SQL("DROP ROLE maker");
    session_is("maker", SQL_USER_ROLE); /* its role is gone, and with it all it had */
    REFUSED("CREATE ROLE r", "42501", 0, "permission denied to create role");
    session_is("admin", SQL_USER_GUEST); /* a name alone is nothing */
    REFUSED("CREATE ROLE r", "42501", 0, "permission denied to create role");
    ROWS("SELECT current_user, pg_get_userbyid(10)", "admin|kimberlite\n");
    session_is("nobody", SQL_USER_ADMIN);
    SQL("CREATE ROLE made SUPERUSER");
    SQL("DROP ROLE made");
    session_is("tester", SQL_USER_TRUSTED);
    SQL("DROP USER plain");
    assert_true(logged("change_password"));
    assert_false(logged("my own"));
    fixture_check_rebuild(f->kernel, 3);
}

/* Two at a time: the first to commit wins. A record of a login takes no part in it: no object has changed by it. */
static void at_the_same_time(void **state) {
    (void)state;
    struct role_definition one = {.name = slice_text("twin"), .connection_limit = ROLE_CONNECTIONS_ANY};
    struct role_definition two = {.name = slice_text("other twin"), .connection_limit = ROLE_CONNECTIONS_ANY};
    const struct role_definition *second[] = {&one, &two};
    struct access_record access = {.outcome = ACCESS_DENIED, .action = slice_text("login"), .actor = slice_text("x")};
    for (int i = 0; i < 2; i++) {
        struct kernel_transaction *first = fixture_begin(f->kernel);
        struct kernel_transaction *late = fixture_begin(f->kernel);
        assert_int_equal(kernel_create_role(first, &one, NULL, NULL), KMB_OK);
        assert_int_equal(kernel_create_role(late, second[i], NULL, NULL), KMB_OK);
        struct kernel_transaction *record = fixture_begin(f->kernel);
        assert_int_equal(kernel_record_access(record, &access, NULL), KMB_OK);
        fixture_commit(f->kernel, record);
        fixture_commit(f->kernel, first);
        assert_int_equal(fixture_try_commit(f->kernel, late), KMB_SERIALIZATION);
        SQL("DROP ROLE twin");
        fixture_check_rebuild(f->kernel, 5);
    }
}

static void texts_that_are_not_shown(void **state) {
    (void)state;
    static const char *const secret[] = {"CREATE USER a PASSWORD 'x'", "alter role a encrypted password'x'", "password",
                                         "ALTER USER a/**/PassWord/**/'x", "SELECT 1; CREATE ROLE b PASSWORD E'\\x'"};
    static const char *const open[] = {"", "SELECT passwd FROM t", "SELECT password_hash, \xc3\xa4password FROM t",
                                       "passwor"};
    for (size_t i = 0; i < ARRAY_LENGTH(secret); i++) {
        assert_true(slice_equal_text(sql_text_shown(slice_text(secret[i])), "<a statement with a password>"));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(open); i++) {
        assert_true(slice_equal_text(sql_text_shown(slice_text(open[i])), open[i]));
    }
}

static void keys(void **state) {
    (void)state;
    static const struct slice roles[] = {{(const uint8_t *)"user", 4}};
    struct api_key_definition key = {.hash = {1}, .subject = slice_text("billing"), .roles = roles, .role_count = 1};
    struct api_key_id id;
    struct kmb_error error = {0};
    struct kernel_transaction *transaction = fixture_begin(f->kernel);
    assert_int_equal(kernel_create_api_key(transaction, &key, &id, &error), KMB_OK);
    assert_int_equal(kernel_create_api_key(transaction, &key, NULL, &error), KMB_DUPLICATE_OBJECT);
    key.hash[0] = 2;
    assert_int_equal(kernel_create_api_key(transaction, &key, NULL, &error), KMB_OK);
    fixture_commit(f->kernel, transaction);
    transaction = fixture_begin(f->kernel);
    uint8_t hash[API_KEY_HASH_SIZE] = {1};
    assert_int_equal(kernel_revoke_api_key(transaction, hash, &error), KMB_OK);
    assert_int_equal(kernel_revoke_api_key(transaction, hash, &error), KMB_API_KEY_NOT_FOUND);
    fixture_commit(f->kernel, transaction);
    struct kernel_view *view;
    assert_int_equal(kernel_view_open(f->kernel->head, &view, NULL), KMB_OK);
    assert_int_equal(catalogue_api_key_count(view->catalogue), 1);
    assert_int_equal(catalogue_api_key_at(view->catalogue, 0)->hash[0], 2);
    assert_null(catalogue_api_key(view->catalogue, hash));
    hash[0] = 2;
    assert_true(slice_equal_text(catalogue_api_key(view->catalogue, hash)->subject, "billing"));
    kernel_view_close(view);
    fixture_check_rebuild(f->kernel, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_and_shown),
        cmocka_unit_test(changed),
        cmocka_unit_test(of_the_past),
        cmocka_unit_test(refused),
        cmocka_unit_test(who_may),
        cmocka_unit_test(keys),
        cmocka_unit_test(texts_that_are_not_shown),
        cmocka_unit_test(at_the_same_time),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
