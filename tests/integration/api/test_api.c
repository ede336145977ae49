/*
 * kimberlite.h from outside: the answers that its comments promise, with the exact status, and what comes of misuse:
 * NULL where something must be, handles used out of order, structs of another size, values that do not fit. After each
 * the database must still work.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../scratch.h"
#include "kimberlite.h"

struct box {
    char folder[SCRATCH_SIZE];
    char path[SCRATCH_SIZE + 8];
    kmb_db *db;
    kmb_session *session;
};

static void quiet(void *context, const char *line) {
    (void)context;
    (void)line;
}

static struct kmb_options options_of(unsigned flags) {
    return (struct kmb_options){
        .size = sizeof(struct kmb_options), .flags = flags, .log = quiet, .command = "api test"};
}

static void must(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        fail_msg("%s: %s %s", kmb_status_name(status), error->message, error->detail);
    }
}

/* The status wanted, told in the error too, with a message that holds the words. */
static void refused_at(int line, enum kmb_status status, const struct kmb_error *error, enum kmb_status wanted,
                       const char *words) {
    if (status != wanted || error->status != wanted || strstr(error->message, words) == NULL) {
        fail_msg("line %d: %s: \"%s\"; wanted %s: \"...%s...\"", line, kmb_status_name(status), error->message,
                 kmb_status_name(wanted), words);
    }
}
#define REFUSED(call, wanted, words)                                                                                   \
    do {                                                                                                               \
        struct kmb_error error = {0};                                                                                  \
        enum kmb_status refused_status = (call);                                                                       \
        refused_at(__LINE__, refused_status, &error, wanted, words);                                                   \
    } while (0)
#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        struct kmb_error error = {0};                                                                                  \
        enum kmb_status must_status = (call);                                                                          \
        must(must_status, &error);                                                                                     \
    } while (0)

static int set_up(void **state) {
    struct box *box = calloc(1, sizeof(*box));
    struct kmb_options options = options_of(KMB_OPEN_CREATE);
    scratch_make_in(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", box->folder, sizeof(box->folder));
    snprintf(box->path, sizeof(box->path), "%s/db", box->folder);
    options.segment_bytes = 8 << 20;
    MUST(kmb_open(box->path, &options, &box->db, &error));
    MUST(kmb_session_open(box->db, 1, &box->session, &error));
    *state = box;
    return 0;
}

static int tear_down(void **state) {
    struct box *box = *state;
    struct kmb_verify_options options = {.size = sizeof(options)};
    kmb_session_close(box->session);
    MUST(kmb_close(box->db, &error));
    MUST(kmb_verify(box->path, &options, NULL, &error)); /* whatever was done to it, it is whole */
    assert_int_equal(scratch_remove(box->folder), 0);
    free(box);
    return 0;
}

static kmb_statement *prepared(kmb_session *session, const char *sql) {
    kmb_statement *statement = NULL;
    MUST(kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error));
    assert_non_null(statement);
    return statement;
}

static int64_t ask(kmb_session *session, const char *sql) {
    kmb_statement *statement = prepared(session, sql);
    assert_int_equal(kmb_step(statement, NULL), KMB_ROW);
    int64_t value = kmb_column_int64(statement, 0);
    kmb_finalize(statement);
    return value;
}

/* --- names, structs, NULL ----------------------------------------------------------------------------------------- */

static void names_and_numbers(void **state) {
    (void)state;
    unsigned major = 0, minor = 0, patch = 0;
    assert_int_equal(sscanf(kmb_version(), "%u.%u.%u", &major, &minor, &patch), 3);
    assert_string_equal(kmb_status_name(KMB_UNIQUE_VIOLATION), "UNIQUE_VIOLATION");
    assert_string_equal(kmb_status_name((enum kmb_status)9999), "UNKNOWN");
    assert_string_equal(kmb_status_sqlstate(KMB_UNIQUE_VIOLATION), "23505");
    assert_int_equal(strlen(kmb_status_sqlstate((enum kmb_status)9999)), 5);
    static const struct {
        enum kmb_status status;
        int code;
    } codes[] = {{KMB_OK, 0},
                 {KMB_SYNTAX, 1},
                 {KMB_USAGE, 2},
                 {KMB_CONNECTION, 3},
                 {KMB_AUTHENTICATION, 4},
                 {KMB_PERMISSION, 5},
                 {KMB_TENANT_NOT_FOUND, 6},
                 {KMB_NOT_A_DATABASE, 6}};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_int_equal(kmb_status_exit_code(codes[i].status), codes[i].code);
    }
    kmb_free(NULL);
}

static void structs_of_other_sizes(void **state) {
    struct box *box = *state;
    struct {
        struct kmb_options options;
        char beyond[64];
    } larger;
    kmb_db *db = (kmb_db *)box;
    char path[SCRATCH_SIZE + 16];
    snprintf(path, sizeof(path), "%s/second", box->folder);
    static const size_t wrong[] = {0, 1, sizeof(size_t) - 1, 65537, SIZE_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct kmb_options options = options_of(KMB_OPEN_CREATE);
        struct kmb_info info = {.size = wrong[i]};
        struct kmb_verify_options verify = {.size = wrong[i]};
        struct kmb_verify_report report = {.size = wrong[i]};
        options.size = wrong[i];
        REFUSED(kmb_open(path, &options, &db, &error), KMB_USAGE, "struct kmb_options has size");
        assert_null(db);
        REFUSED(kmb_rebuild(path, &options, NULL, &error), KMB_USAGE, "struct kmb_options has size");
        REFUSED(kmb_info(box->db, &info, &error), KMB_USAGE, "struct kmb_info has size");
        REFUSED(kmb_verify(box->path, &verify, NULL, &error), KMB_USAGE, "struct kmb_verify_options has size");
        REFUSED(kmb_verify(box->path, NULL, &report, &error), KMB_USAGE, "struct kmb_verify_report has size");
    }
    assert_int_not_equal(access(path, F_OK), 0);
    /* of an older program: what it does not have is the default; nothing is written behind its struct */
    struct kmb_options older = options_of(KMB_OPEN_CREATE);
    older.size = offsetof(struct kmb_options, key_file);
    older.segment_bytes = 1; /* would be refused, if it were looked at */
    MUST(kmb_open(path, &older, &db, &error));
    struct kmb_info info;
    memset(&info, 0x5a, sizeof(info));
    info.size = offsetof(struct kmb_info, op);
    MUST(kmb_info(db, &info, &error));
    assert_true(info.encrypted);
    assert_int_equal(strlen(info.uuid), 36);
    assert_int_equal(info.op, UINT64_C(0x5a5a5a5a5a5a5a5a));
    assert_int_equal(info.tenants, 0x5a5a5a5a);
    MUST(kmb_close(db, &error));
    /* of a newer program: fine as long as it asks for nothing that is not known here */
    memset(&larger, 0, sizeof(larger));
    larger.options = options_of(0);
    larger.options.size = sizeof(larger);
    MUST(kmb_open(path, &larger.options, &db, &error));
    MUST(kmb_close(db, &error));
    larger.beyond[63] = 1;
    REFUSED(kmb_open(path, &larger.options, &db, &error), KMB_USAGE, "does not know");
    assert_null(db);
    static const struct {
        struct kmb_options options;
        const char *words;
    } bad[] = {{{.flags = 64}, "unknown flags"},
               {{.cache_bytes = 1000}, "cache_bytes is 1000"},
               {{.statement_bytes = 1000}, "1000 bytes is below the minimum"},
               {{.segment_bytes = 4096}, "segment_bytes is 4096"},
               {{.segment_bytes = (UINT64_C(1) << 30) + 4096}, "segment_bytes is"},
               {{.segment_bytes = 100000}, "in steps of 4096"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct kmb_options options = bad[i].options;
        options.size = sizeof(options);
        REFUSED(kmb_open(path, &options, &db, &error), KMB_USAGE, bad[i].words);
    }
}

static enum kmb_status any_tenant(void *context, const struct kmb_tenant *tenant) {
    (void)tenant;
    ++*(unsigned *)context;
    return KMB_OK;
}

struct taken_key {
    int count;
    char text[80];
    char subject[40];
    char roles[40];
    int64_t expires_us;
    bool stop;
};

static enum kmb_status take_key(void *context, const struct kmb_api_key *key) {
    struct taken_key *taken = context;
    taken->count++;
    snprintf(taken->text, sizeof(taken->text), "%s", key->text == NULL ? "" : key->text);
    snprintf(taken->subject, sizeof(taken->subject), "%s", key->subject);
    snprintf(taken->roles, sizeof(taken->roles), "%s", key->roles);
    taken->expires_us = key->expires_us;
    assert_int_equal(strlen(key->id), 8);
    assert_int_equal(key->tenant, 1);
    return taken->stop ? KMB_LIMIT : KMB_OK;
}

static void nothing_where_something_must_be(void **state) {
    struct box *box = *state;
    kmb_session *session = NULL;
    kmb_statement *statement = NULL;
    kmb_appender *appender = NULL;
    uint32_t id = 0;
    uint64_t length = 0;
    size_t count = 7;
    char text[512];
    char *made = NULL;
    bool failed = false;
    struct kmb_info info = {.size = sizeof(info)};
    const char *const word = "NULL";
    kmb_db *reader = (kmb_db *)box;
    REFUSED(kmb_open(NULL, NULL, &reader, &error), KMB_USAGE, "path");
    assert_null(reader);
    reader = box->db;
    REFUSED(kmb_open(box->path, NULL, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_checkpoint(NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_state_hash(NULL, text, &error), KMB_USAGE, word);
    REFUSED(kmb_state_hash(reader, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_info(NULL, &info, &error), KMB_USAGE, word);
    REFUSED(kmb_info(reader, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_tenant_create(NULL, 2, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_tenant_delete(NULL, 2, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_tenant_list(NULL, any_tenant, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_tenant_list(reader, NULL, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_tenant_verifier(NULL, 1, text, sizeof(text), &error), KMB_USAGE, word);
    REFUSED(kmb_tenant_verifier(reader, 1, NULL, 0, &error), KMB_USAGE, word);
    REFUSED(kmb_api_key_create(NULL, &(struct kmb_api_key){.tenant = 1, .subject = "x"}, take_key, NULL, &error),
            KMB_USAGE, word);
    REFUSED(kmb_api_key_create(reader, NULL, take_key, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_api_key_create(reader, &(struct kmb_api_key){.tenant = 1, .subject = "x"}, NULL, NULL, &error),
            KMB_USAGE, word);
    REFUSED(kmb_api_key_rotate(reader, NULL, take_key, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_api_key_revoke(reader, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_api_key_list(reader, 0, NULL, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_session_open(NULL, 1, &session, &error), KMB_USAGE, word);
    REFUSED(kmb_session_open(reader, 1, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_session_at(NULL, KMB_AT_PRESENT, 0, &error), KMB_USAGE, word);
    REFUSED(kmb_begin(NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_commit(NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_rollback(NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_prepare(NULL, "SELECT 1", 8, &statement, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_prepare(box->session, NULL, 8, &statement, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_prepare(box->session, "SELECT 1", 8, NULL, NULL, &error), KMB_USAGE, word);
    MUST(kmb_prepare(box->session, NULL, 0, &statement, NULL, &error)); /* an empty text: no statement */
    assert_null(statement);
    REFUSED(kmb_exec(NULL, "SELECT 1", &error), KMB_USAGE, word);
    REFUSED(kmb_exec(box->session, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_step(NULL, &error), KMB_USAGE, "no statement");
    REFUSED(kmb_bind_null(NULL, 1, &error), KMB_USAGE, word);
    REFUSED(kmb_bind_bool(NULL, 1, true, &error), KMB_USAGE, word);
    REFUSED(kmb_bind_int64(NULL, 1, 1, &error), KMB_USAGE, word);
    REFUSED(kmb_bind_double(NULL, 1, 1, &error), KMB_USAGE, word);
    REFUSED(kmb_bind_text(NULL, 1, "x", 1, &error), KMB_USAGE, word);
    REFUSED(kmb_bind_bytes(NULL, 1, "x", 1, &error), KMB_USAGE, word);
    REFUSED(kmb_appender_open(NULL, "t", &appender, &error), KMB_USAGE, word);
    REFUSED(kmb_appender_open(box->session, NULL, &appender, &error), KMB_USAGE, word);
    REFUSED(kmb_appender_open(box->session, "t", NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_append_null(NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_append_default(NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_append_bool(NULL, true, &error), KMB_USAGE, word);
    REFUSED(kmb_append_int64(NULL, 1, &error), KMB_USAGE, word);
    REFUSED(kmb_append_double(NULL, 1, &error), KMB_USAGE, word);
    REFUSED(kmb_append_text(NULL, "x", 1, &error), KMB_USAGE, word);
    REFUSED(kmb_append_bytes(NULL, "x", 1, &error), KMB_USAGE, word);
    REFUSED(kmb_append_row(NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_appender_flush(NULL, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_stream_create(NULL, "s", KMB_CLASS_PHI, &id, &error), KMB_USAGE, word);
    REFUSED(kmb_stream_create(box->session, NULL, KMB_CLASS_PHI, &id, &error), KMB_USAGE, word);
    REFUSED(kmb_stream_create(box->session, "s", KMB_CLASS_PHI, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_stream_find(NULL, "s", &id, &error), KMB_USAGE, word);
    REFUSED(kmb_stream_append(NULL, 1, 0, &(struct kmb_bytes){"x", 1}, 1, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_stream_append(box->session, 1, 0, NULL, 1, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_stream_append(box->session, 1, 0, &(struct kmb_bytes){NULL, 1}, 1, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_stream_length(NULL, 1, &length, &error), KMB_USAGE, word);
    REFUSED(kmb_stream_read(NULL, 1, 0, 1, NULL, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_proof_checkpoint(NULL, &made, &error), KMB_USAGE, word);
    REFUSED(kmb_proof_inclusion(NULL, 1, &made, &error), KMB_USAGE, word);
    REFUSED(kmb_proof_consistency(NULL, 1, &made, &error), KMB_USAGE, word);
    REFUSED(kmb_proof_checkpoint(box->session, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_proof_verify(NULL, 0, NULL, &error), KMB_USAGE, word);
    REFUSED(kmb_verify(NULL, NULL, NULL, &error), KMB_USAGE, "path");
    REFUSED(kmb_rebuild(NULL, NULL, NULL, &error), KMB_USAGE, "path");
    REFUSED(kmb_log_show(NULL, NULL, 0, 0, NULL, NULL, &error), KMB_USAGE, word);
    assert_int_equal(kmb_begin(NULL, NULL), KMB_USAGE); /* no error wanted is fine too */
    kmb_session_close(NULL);
    kmb_finalize(NULL);
    kmb_appender_close(NULL);
    kmb_reset(NULL);
    kmb_cancel(NULL);
    assert_int_equal(kmb_close(NULL, NULL), KMB_OK);
    assert_int_equal(kmb_session_position(NULL), 0);
    assert_false(kmb_session_in_transaction(NULL, &failed));
    assert_int_equal(kmb_parameter_count(NULL) + kmb_column_count(NULL), 0);
    assert_int_equal(kmb_parameter_type(NULL, 1), KMB_TYPE_UNKNOWN);
    assert_int_equal(kmb_column_type(NULL, 0), KMB_TYPE_UNKNOWN);
    assert_null(kmb_column_name(NULL, 0));
    assert_null(kmb_column_type_name(NULL, 0));
    assert_true(kmb_column_is_null(NULL, 0));
    assert_int_equal(kmb_column_int64(NULL, 0), 0);
    assert_true(kmb_column_double(NULL, 0) == 0);
    assert_false(kmb_column_bool(NULL, 0));
    assert_null(kmb_column_text(NULL, 0, &count));
    assert_null(kmb_column_bytes(NULL, 0, &count));
    assert_int_equal(count, 0);
    assert_string_equal(kmb_statement_tag(NULL), "");
    assert_int_equal(kmb_statement_rows(NULL) + kmb_statement_position(NULL), 0);
    assert_false(kmb_statement_writes(NULL));
}

/* --- databases, tenants, sessions --------------------------------------------------------------------------------- */

static void opening(void **state) {
    struct box *box = *state;
    struct kmb_options options = options_of(0);
    kmb_db *db = NULL;
    char path[SCRATCH_SIZE + 32], key[SCRATCH_SIZE + 32], pid[32];
    /* the owner is named, also to its own process; beside it one may look */
    snprintf(pid, sizeof(pid), "pid %ld", (long)getpid());
    struct kmb_error told = {0};
    assert_int_equal(kmb_open(box->path, &options, &db, &told), KMB_LOCKED);
    char all[sizeof(told.message) + sizeof(told.detail) + 2];
    snprintf(all, sizeof(all), "%s %s", told.message, told.detail);
    assert_non_null(strstr(all, pid));
    assert_non_null(strstr(all, "api test"));
    assert_null(db);
    MUST(kmb_exec(box->session, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)", &error));
    options.flags = KMB_OPEN_READ_ONLY;
    MUST(kmb_open(box->path, &options, &db, &error));
    kmb_session *reader = NULL;
    uint32_t stream = 0;
    MUST(kmb_session_open(db, 1, &reader, &error));
    assert_int_equal(ask(reader, "SELECT count(*) FROM t"), 1);
    REFUSED(kmb_exec(reader, "INSERT INTO t VALUES (2)", &error), KMB_READ_ONLY, "read-only");
    REFUSED(kmb_exec(reader, "CREATE TABLE u (a INT)", &error), KMB_READ_ONLY, "read-only");
    REFUSED(kmb_stream_create(reader, "s", KMB_CLASS_PHI, &stream, &error), KMB_READ_ONLY, "read-only");
    REFUSED(kmb_tenant_create(db, 2, NULL, &error), KMB_READ_ONLY, "read-only");
    kmb_session_close(reader);
    MUST(kmb_close(db, &error));
    REFUSED(kmb_rebuild(box->path, NULL, NULL, &error), KMB_LOCKED, "in use");
    /* what is no database stays as it is */
    snprintf(path, sizeof(path), "%s/none", box->folder);
    options.flags = 0;
    REFUSED(kmb_open(path, &options, &db, &error), KMB_NOT_A_DATABASE, "none");
    assert_int_equal(mkdir(path, 0700), 0);
    REFUSED(kmb_open(path, &options, &db, &error), KMB_NOT_A_DATABASE, "none");
    REFUSED(kmb_verify(path, NULL, NULL, &error), KMB_NOT_A_DATABASE, "none");
    REFUSED(kmb_rebuild(path, NULL, NULL, &error), KMB_NOT_A_DATABASE, "none");
    assert_int_equal(rmdir(path), 0);
    /* keys: none, another's, in a directory of keys */
    options.flags = KMB_OPEN_READ_ONLY;
    snprintf(key, sizeof(key), "%s/absent.key", box->folder);
    options.key_file = key;
    REFUSED(kmb_open(box->path, &options, &db, &error), KMB_NO_KEY, "no key for log");
    struct kmb_options other = options_of(KMB_OPEN_CREATE);
    snprintf(path, sizeof(path), "%s/other", box->folder);
    other.segment_bytes = 1 << 20;
    MUST(kmb_open(path, &other, &db, &error));
    MUST(kmb_close(db, &error));
    snprintf(key, sizeof(key), "%s/other.key", box->folder);
    REFUSED(kmb_open(box->path, &options, &db, &error), KMB_WRONG_KEY, "key");
    /* in clear, and said so */
    struct kmb_info info = {.size = sizeof(info)};
    snprintf(path, sizeof(path), "%s/open", box->folder);
    other.flags |= KMB_OPEN_NO_ENCRYPTION;
    MUST(kmb_open(path, &other, &db, &error));
    MUST(kmb_info(db, &info, &error));
    assert_false(info.encrypted);
    assert_false(info.key_on_same_filesystem);
    assert_int_equal(info.tenants, 1);
    MUST(kmb_close(db, &error));
    MUST(kmb_info(box->db, &info, &error));
    assert_true(info.encrypted && info.key_on_same_filesystem);
}

static enum kmb_status stop_at_second(void *context, const struct kmb_tenant *tenant) {
    unsigned *seen = context;
    assert_int_equal(tenant->id, ++*seen == 1 ? 1 : 7);
    assert_string_equal(tenant->name, *seen == 1 ? "" : "seven");
    return *seen == 2 ? KMB_LIMIT : KMB_OK;
}

static void tenants(void **state) {
    struct box *box = *state;
    char text[512], long_name[300];
    kmb_session *session = (kmb_session *)box;
    unsigned seen = 0;
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = 0;
    REFUSED(kmb_tenant_create(box->db, 0, NULL, &error), KMB_USAGE, "1 to 4294967295");
    REFUSED(kmb_tenant_create(box->db, 2, long_name, &error), KMB_INVALID_NAME, "255");
    REFUSED(kmb_tenant_create(box->db, 2, "\xff", &error), KMB_INVALID_NAME, "UTF-8");
    MUST(kmb_tenant_create(box->db, UINT32_MAX, NULL, &error));
    MUST(kmb_tenant_create(box->db, 7, "seven", &error));
    MUST(kmb_tenant_create(box->db, 7, "seven", &error));
    REFUSED(kmb_tenant_create(box->db, 7, "other", &error), KMB_TENANT_EXISTS, "seven");
    REFUSED(kmb_tenant_create(box->db, 8, "seven", &error), KMB_TENANT_EXISTS, "tenant 7's");
    REFUSED(kmb_tenant_create(box->db, 8, "9", &error), KMB_INVALID_NAME, "number of another");
    uint32_t tables = 5;
    MUST(kmb_tenant_create(box->db, 8, "eight", &error));
    MUST(kmb_tenant_delete(box->db, 8, &tables, &error));
    assert_int_equal(tables, 0);
    REFUSED(kmb_tenant_delete(box->db, 8, NULL, &error), KMB_TENANT_NOT_FOUND, "8");
    REFUSED(kmb_tenant_delete(box->db, 1, NULL, &error), KMB_USAGE, "not deleted");
    REFUSED(kmb_tenant_create(box->db, 8, "eight", &error), KMB_TENANT_EXISTS, "was deleted");
    assert_int_equal(kmb_tenant_list(box->db, stop_at_second, &seen, NULL), KMB_LIMIT);
    assert_int_equal(seen, 2);
    seen = 0;
    MUST(kmb_tenant_list(box->db, any_tenant, &seen, &error));
    assert_int_equal(seen, 3);
    REFUSED(kmb_session_open(box->db, 8, &session, &error), KMB_TENANT_NOT_FOUND, "tenant not found: 8");
    assert_null(session);
    REFUSED(kmb_session_open(box->db, 0, &session, &error), KMB_TENANT_NOT_FOUND, "tenant");
    REFUSED(kmb_tenant_verifier(box->db, 8, text, sizeof(text), &error), KMB_TENANT_NOT_FOUND, "8");
    REFUSED(kmb_tenant_verifier(box->db, 7, text, 10, &error), KMB_USAGE, "room for 10");
    MUST(kmb_tenant_verifier(box->db, 7, text, 256, &error));
    /* apart: names, rows, positions */
    MUST(kmb_session_open(box->db, 7, &session, &error));
    MUST(kmb_exec(session, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)", &error));
    REFUSED(kmb_exec(box->session, "SELECT * FROM t", &error), KMB_UNDEFINED_TABLE, "t");
    assert_int_equal(kmb_session_position(session), 1);
    assert_int_equal(kmb_session_position(box->session), 0);
    kmb_session_close(session);
}

static void keys_of_programs(void **state) {
    struct box *box = *state;
    struct taken_key first = {.count = 0};
    struct taken_key second = {.count = 0};
    struct kmb_api_key key = {
        .tenant = 1, .subject = "reporter", .roles = "user,reader", .expires_us = INT64_MAX / 2000};
    MUST(kmb_api_key_create(box->db, &key, take_key, &first, &error));
    assert_int_equal(first.count, 1);
    assert_int_equal(strlen(first.text), 73);
    assert_string_equal(first.subject, "reporter");
    assert_string_equal(first.roles, "user,reader");
    assert_true(first.expires_us == key.expires_us);
    MUST(kmb_api_key_rotate(box->db, first.text, take_key, &second, &error));
    assert_string_not_equal(second.text, first.text);
    assert_string_equal(second.roles, "user,reader");
    assert_true(second.expires_us == key.expires_us);
    REFUSED(kmb_api_key_rotate(box->db, first.text, take_key, &second, &error), KMB_API_KEY_NOT_FOUND, "key");
    first = (struct taken_key){.count = 0};
    MUST(kmb_api_key_create(box->db, &(struct kmb_api_key){.tenant = 1, .subject = "x"}, take_key, &first, &error));
    assert_string_equal(first.roles, "user");
    assert_true(first.expires_us == 0);
    first = (struct taken_key){.count = 0};
    MUST(kmb_api_key_list(box->db, 0, take_key, &first, &error));
    assert_int_equal(first.count, 2);
    assert_string_equal(first.text, ""); /* told once alone */
    first.stop = true;
    assert_int_equal(kmb_api_key_list(box->db, 1, take_key, &first, NULL), KMB_LIMIT);
    assert_int_equal(first.count, 3);
    MUST(kmb_api_key_revoke(box->db, second.text, &error));
    REFUSED(kmb_api_key_revoke(box->db, second.text, &error), KMB_API_KEY_NOT_FOUND, "key");
    key.roles = "";
    REFUSED(kmb_api_key_create(box->db, &key, take_key, &first, &error), KMB_USAGE, "are no roles");
    key.roles = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q";
    REFUSED(kmb_api_key_create(box->db, &key, take_key, &first, &error), KMB_USAGE, "at most 16");
    key.roles = NULL;
    key.subject = "";
    REFUSED(kmb_api_key_create(box->db, &key, take_key, &first, &error), KMB_USAGE, "1 to 255");
    key.subject = "x";
    key.expires_us = -1;
    REFUSED(kmb_api_key_create(box->db, &key, take_key, &first, &error), KMB_USAGE, "1970");
}

static void handles_closed_out_of_order(void **state) {
    struct box *box = *state;
    kmb_session *session = NULL;
    kmb_appender *appender = NULL;
    MUST(kmb_exec(box->session, "CREATE TABLE t (a INT)", &error));
    MUST(kmb_session_open(box->db, 1, &session, &error));
    REFUSED(kmb_close(box->db, &error), KMB_BUSY, "2 sessions are still open");
    kmb_statement *statement = prepared(session, "SELECT 40 + 2");
    MUST(kmb_appender_open(session, "t", &appender, &error));
    MUST(kmb_begin(session, &error));
    MUST(kmb_exec(session, "INSERT INTO t VALUES (1)", &error));
    kmb_session_close(session); /* its statement and its appender keep it */
    assert_int_equal(kmb_step(statement, NULL), KMB_ROW);
    assert_int_equal(kmb_column_int64(statement, 0), 42);
    kmb_finalize(statement);
    REFUSED(kmb_close(box->db, &error), KMB_BUSY, "2 sessions are still open");
    kmb_appender_close(appender);
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 0); /* rolled back with it */
    REFUSED(kmb_close(box->db, &error), KMB_BUSY, "1 session");
    MUST(kmb_exec(box->session, "INSERT INTO t VALUES (2)", &error)); /* still open, as the answer said */
}

static void moments(void **state) {
    struct box *box = *state;
    MUST(kmb_exec(box->session, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", &error));
    REFUSED(kmb_session_at(box->session, KMB_AT_POSITION, -1, &error), KMB_USAGE, "not negative");
    REFUSED(kmb_session_at(box->session, (enum kmb_at)9, 0, &error), KMB_USAGE, "unknown kind");
    MUST(kmb_session_at(box->session, KMB_AT_POSITION, 1, &error));
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 1);
    REFUSED(kmb_exec(box->session, "SELECT * FROM t AT OFFSET 1", &error), KMB_USAGE, "");
    REFUSED(kmb_exec(box->session, "INSERT INTO t VALUES (3)", &error), KMB_HISTORY_READ_ONLY,
            "Cannot modify historical data");
    MUST(kmb_session_at(box->session, KMB_AT_POSITION, 3, &error));
    REFUSED(kmb_exec(box->session, "SELECT * FROM t", &error), KMB_POSITION_AHEAD, "position 3 is ahead");
    MUST(kmb_session_at(box->session, KMB_AT_TIME, INT64_C(32503680000000000), &error));
    REFUSED(kmb_exec(box->session, "SELECT * FROM t", &error), KMB_TIME_IN_FUTURE, "future");
    MUST(kmb_session_at(box->session, KMB_AT_TIME, 0, &error));
    REFUSED(kmb_exec(box->session, "SELECT * FROM t", &error), KMB_TIME_BEFORE_HISTORY, "");
    MUST(kmb_session_at(box->session, KMB_AT_PRESENT, 99, &error));
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 2);
}

static void transactions(void **state) {
    struct box *box = *state;
    kmb_session *other = NULL;
    bool failed = true;
    MUST(kmb_exec(box->session, "CREATE TABLE t (a INT PRIMARY KEY, b INT); INSERT INTO t VALUES (1, 1)", &error));
    REFUSED(kmb_commit(box->session, &error), KMB_NO_TRANSACTION, "");
    REFUSED(kmb_rollback(box->session, &error), KMB_NO_TRANSACTION, "");
    MUST(kmb_begin(box->session, &error));
    REFUSED(kmb_begin(box->session, &error), KMB_TRANSACTION_ACTIVE, "");
    assert_true(kmb_session_in_transaction(box->session, &failed));
    assert_false(failed);
    MUST(kmb_exec(box->session, "UPDATE t SET b = 2", &error));
    MUST(kmb_session_open(box->db, 1, &other, &error));
    MUST(kmb_exec(other, "UPDATE t SET b = 3", &error));
    struct kmb_error told = {0};
    assert_int_equal(kmb_commit(box->session, &told), KMB_SERIALIZATION);
    assert_true(told.hint[0] != 0);
    assert_string_equal(kmb_status_sqlstate(told.status), "40001");
    assert_false(kmb_session_in_transaction(box->session, NULL));
    assert_int_equal(ask(other, "SELECT b FROM t"), 3);
    MUST(kmb_begin(box->session, &error));
    MUST(kmb_exec(box->session, "INSERT INTO t VALUES (2, 2)", &error));
    REFUSED(kmb_exec(box->session, "INSERT INTO t VALUES (1, 9)", &error), KMB_UNIQUE_VIOLATION, "t_pkey");
    assert_true(kmb_session_in_transaction(box->session, &failed));
    assert_true(failed);
    REFUSED(kmb_exec(box->session, "SELECT 1", &error), KMB_TRANSACTION_ABORTED, "");
    REFUSED(kmb_exec(box->session, "SELECT * FROM nowhere", &error), KMB_TRANSACTION_ABORTED, "");
    REFUSED(kmb_exec(box->session, "SELECT FROM FROM", &error), KMB_SYNTAX, "");
    REFUSED(kmb_commit(box->session, &error), KMB_TRANSACTION_ABORTED, "rolled back");
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 1);
    kmb_session_close(other);
}

/* --- cursors ------------------------------------------------------------------------------------------------------ */

/* Runs a statement; its tag. */
static void tagged(kmb_session *session, const char *sql, const char *tag) {
    kmb_statement *statement = prepared(session, sql);
    while (kmb_step(statement, NULL) == KMB_ROW) {
    }
    assert_string_equal(kmb_statement_tag(statement), tag);
    kmb_finalize(statement);
}

static void cursors(void **state) {
    struct box *box = *state;
    kmb_session *session = box->session;
    MUST(kmb_exec(session, "CREATE TABLE t (a int PRIMARY KEY, b text)", &error));
    MUST(kmb_exec(session, "INSERT INTO t SELECT i, 'r' || i FROM generate_series(1, 5) AS i", &error));
    REFUSED(kmb_exec(session, "DECLARE c CURSOR FOR SELECT a FROM t", &error), KMB_NO_TRANSACTION,
            "DECLARE CURSOR can only be used in transaction blocks");
    REFUSED(kmb_exec(session, "FETCH c", &error), KMB_UNDEFINED_CURSOR, "cursor \"c\" does not exist");
    MUST(kmb_begin(session, &error));
    kmb_statement *declare = prepared(session, "DECLARE c CURSOR FOR SELECT b FROM t WHERE a > $1");
    MUST(kmb_bind_int64(declare, 1, 2, &error));
    assert_int_equal(kmb_step(declare, NULL), KMB_DONE);
    assert_string_equal(kmb_statement_tag(declare), "DECLARE CURSOR");
    kmb_finalize(declare);
    /* Statements that name the cursor are prepared once and run for each row. */
    kmb_statement *fetch = prepared(session, "FETCH c");
    kmb_statement *update = prepared(session, "UPDATE t SET b = b || '!' WHERE CURRENT OF c RETURNING a");
    assert_int_equal(kmb_column_count(fetch), 1);
    assert_string_equal(kmb_column_name(fetch, 0), "b");
    for (int64_t a = 3; a <= 5; a++) {
        assert_int_equal(kmb_step(fetch, NULL), KMB_ROW);
        assert_int_equal(kmb_step(fetch, NULL), KMB_DONE);
        assert_string_equal(kmb_statement_tag(fetch), "FETCH 1");
        assert_int_equal(kmb_step(update, NULL), KMB_ROW);
        assert_int_equal(kmb_column_int64(update, 0), a);
        assert_int_equal(kmb_step(update, NULL), KMB_DONE);
    }
    assert_int_equal(kmb_step(fetch, NULL), KMB_DONE);
    assert_string_equal(kmb_statement_tag(fetch), "FETCH 0");
    kmb_finalize(update);
    tagged(session, "MOVE BACKWARD ALL c", "MOVE 3");
    tagged(session, "MOVE 2 c", "MOVE 2");
    tagged(session, "CLOSE c", "CLOSE CURSOR");
    /* The name means another query now, which gives other columns. */
    MUST(kmb_exec(session, "DECLARE c CURSOR FOR SELECT a, b FROM t", &error));
    REFUSED(kmb_step(fetch, &error), KMB_UNSUPPORTED, "cached plan must not change result type");
    kmb_finalize(fetch);
    MUST(kmb_rollback(session, &error));
    assert_int_equal(ask(session, "SELECT count(*) FROM t WHERE b LIKE '%!'"), 0);
    tagged(session, "CLOSE ALL", "CLOSE CURSOR ALL");
}

/* What a cursor keeps to go back is bounded, unless it must. */
static void cursors_of_many_rows(void **state) {
    struct box *box = *state;
    kmb_session *session = NULL;
    kmb_db *db = NULL;
    struct kmb_options options = options_of(KMB_OPEN_CREATE);
    char path[SCRATCH_SIZE + 16];
    snprintf(path, sizeof(path), "%s/small", box->folder);
    options.statement_bytes = 4 << 20;
    MUST(kmb_open(path, &options, &db, &error));
    MUST(kmb_session_open(db, 1, &session, &error));
    MUST(kmb_begin(session, &error));
    MUST(kmb_exec(session, "DECLARE c CURSOR FOR SELECT n, repeat('x', 100) FROM generate_series(1, 200000) AS n",
                  &error));
    MUST(kmb_exec(session, "MOVE 100 c; MOVE BACKWARD 50 c", &error));
    assert_int_equal(ask(session, "FETCH c"), 51);
    tagged(session, "MOVE 150000 c", "MOVE 150000");
    assert_int_equal(ask(session, "FETCH c"), 150052);
    REFUSED(kmb_exec(session, "FETCH PRIOR c", &error), KMB_OBJECT_NOT_IN_STATE, "cursor can only scan forward");
    MUST(kmb_rollback(session, &error));
    MUST(kmb_begin(session, &error));
    MUST(kmb_exec(session, "DECLARE c SCROLL CURSOR FOR SELECT n, repeat('x', 100) FROM generate_series(1, 200000) n",
                  &error));
    REFUSED(kmb_exec(session, "MOVE 150000 c", &error), KMB_NO_MEMORY, "memory limit");
    REFUSED(kmb_exec(session, "FETCH c", &error), KMB_TRANSACTION_ABORTED, "current transaction is aborted");
    MUST(kmb_rollback(session, &error));
    /* What cannot be held fails the commit. */
    MUST(kmb_begin(session, &error));
    MUST(kmb_exec(session, "CREATE TABLE t (a int)", &error));
    MUST(kmb_exec(session, "DECLARE c CURSOR WITH HOLD FOR SELECT 1 / (n - 5000) FROM generate_series(1, 9000) AS n",
                  &error));
    REFUSED(kmb_commit(session, &error), KMB_DIVISION_BY_ZERO, "division by zero");
    assert_false(kmb_session_in_transaction(session, NULL));
    REFUSED(kmb_exec(session, "FETCH c", &error), KMB_UNDEFINED_CURSOR, "does not exist");
    REFUSED(kmb_exec(session, "SELECT * FROM t", &error), KMB_UNDEFINED_TABLE, "does not exist");
    kmb_session_close(session);
    MUST(kmb_close(db, &error));
}

/* --- FOR UPDATE --------------------------------------------------------------------------------------------------- */

/* One session reads rows and then writes elsewhere; meanwhile another changes something. How the first one's COMMIT
 * ends. */
static enum kmb_status overtaken(struct box *box, const char *reads, const char *meanwhile) {
    kmb_session *other = NULL;
    struct kmb_error why = {0};
    MUST(kmb_session_open(box->db, 1, &other, &error));
    MUST(kmb_exec(box->session, "DELETE FROM t; INSERT INTO t SELECT i, 0 FROM generate_series(1, 2000) AS i", &error));
    MUST(kmb_begin(box->session, &error));
    MUST(kmb_exec(box->session, reads, &error));
    MUST(kmb_exec(other, meanwhile, &error));
    MUST(kmb_exec(box->session, "INSERT INTO log VALUES ('done')", &error));
    enum kmb_status status = kmb_commit(box->session, &why);
    assert_true(status == KMB_OK || strstr(why.hint, "a row it locked") != NULL);
    kmb_session_close(other);
    return status;
}

static void rows_locked(void **state) {
    struct box *box = *state;
    MUST(kmb_exec(box->session, "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE log (what text)", &error));
    static const struct {
        const char *reads;
        const char *meanwhile;
        enum kmb_status status;
    } cases[] = {
        {"SELECT a FROM t WHERE id = 1", "UPDATE t SET a = 1 WHERE id = 1", KMB_OK},
        {"SELECT a FROM t WHERE id = 1 FOR UPDATE", "UPDATE t SET a = 1 WHERE id = 1", KMB_SERIALIZATION},
        {"SELECT a FROM t WHERE id = 1 FOR SHARE", "DELETE FROM t WHERE id = 1", KMB_SERIALIZATION},
        {"SELECT a FROM t WHERE id = 1 FOR UPDATE", "UPDATE t SET a = 1 WHERE id = 2", KMB_OK},
        {"SELECT a FROM t WHERE id = 1 FOR UPDATE", "SELECT 1", KMB_OK},
        {"SELECT x.a FROM t AS x JOIN t AS y ON y.id = x.id + 1 WHERE x.id = 1 FOR UPDATE OF y",
         "UPDATE t SET a = 1 WHERE id = 1", KMB_OK},
        {"SELECT x.a FROM t AS x JOIN t AS y ON y.id = x.id + 1 WHERE x.id = 1 FOR UPDATE OF y",
         "UPDATE t SET a = 1 WHERE id = 2", KMB_SERIALIZATION},
        /* what LIMIT leaves out is not locked */
        {"SELECT id FROM t ORDER BY id LIMIT 3 FOR UPDATE", "UPDATE t SET a = 1 WHERE id > 3", KMB_OK},
        {"SELECT id FROM t ORDER BY id LIMIT 3 FOR UPDATE", "UPDATE t SET a = 1 WHERE id = 3", KMB_SERIALIZATION},
        {"SELECT id FROM t WHERE id IN (SELECT id FROM t WHERE id < 3 FOR UPDATE)", "UPDATE t SET a = 1 WHERE id = 2",
         KMB_SERIALIZATION},
        /* what was locked since a savepoint is given up with it */
        {"SAVEPOINT s; SELECT id FROM t WHERE id = 1 FOR UPDATE; ROLLBACK TO s", "UPDATE t SET a = 1 WHERE id = 1",
         KMB_OK},
        {"SELECT id FROM t WHERE id = 1 FOR UPDATE; SAVEPOINT s; SELECT id FROM t FOR UPDATE; ROLLBACK TO s",
         "UPDATE t SET a = 1 WHERE id = 1", KMB_SERIALIZATION},
        {"DECLARE c CURSOR FOR SELECT id FROM t WHERE id < 3 FOR UPDATE; FETCH c", "UPDATE t SET a = 1 WHERE id = 1",
         KMB_SERIALIZATION},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        enum kmb_status status = overtaken(box, cases[i].reads, cases[i].meanwhile);
        if (status != cases[i].status) {
            fail_msg("%s / %s: %s", cases[i].reads, cases[i].meanwhile, kmb_status_name(status));
        }
    }
    MUST(kmb_exec(box->session, "BEGIN READ ONLY", &error));
    REFUSED(kmb_exec(box->session, "SELECT id FROM t FOR UPDATE", &error), KMB_READ_ONLY_TRANSACTION,
            "cannot execute SELECT FOR UPDATE in a read-only transaction");
    MUST(kmb_rollback(box->session, &error));
}

/* --- COPY --------------------------------------------------------------------------------------------------------- */

/* Gives a text in pieces; fails behind its end where it is asked to. */
struct given {
    const char *text;
    size_t piece;
    bool fails;
};

static enum kmb_status give(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    struct given *given = context;
    size_t left = strlen(given->text);
    if (left == 0 && given->fails) {
        error->status = KMB_IO;
        snprintf(error->message, sizeof(error->message), "the pipe broke");
        return KMB_IO;
    }
    *count = left < given->piece ? left : given->piece;
    *count = *count < size ? *count : size;
    memcpy(bytes, given->text, *count);
    given->text += *count;
    return KMB_OK;
}

static enum kmb_status copied(kmb_session *session, const char *sql, struct given given, struct kmb_error *why) {
    kmb_statement *statement = NULL;
    enum kmb_status status = kmb_prepare(session, sql, strlen(sql), &statement, NULL, why);
    if (status == KMB_OK) {
        assert_int_equal(kmb_statement_copy(statement), KMB_COPY_IN);
        MUST(kmb_copy_from(statement, give, &given, &error));
        status = kmb_step(statement, why);
    }
    kmb_finalize(statement);
    return status;
}

struct taken {
    char text[4096];
    size_t length;
    size_t room;
};

static enum kmb_status take(void *context, const void *bytes, size_t length, struct kmb_error *error) {
    struct taken *taken = context;
    if (length > taken->room - taken->length) {
        error->status = KMB_DISK_FULL;
        snprintf(error->message, sizeof(error->message), "no room for it");
        return KMB_DISK_FULL;
    }
    memcpy(taken->text + taken->length, bytes, length);
    taken->length += length;
    return KMB_OK;
}

static void copying_in(void **state) {
    struct box *box = *state;
    kmb_session *session = box->session;
    MUST(kmb_exec(session, "CREATE TABLE t (a int PRIMARY KEY, b text NOT NULL, c int DEFAULT 7 CHECK (c > 0))",
                  &error));
    REFUSED(kmb_exec(session, "COPY t FROM STDIN", &error), KMB_OBJECT_NOT_IN_STATE, "nothing to read from");
    for (size_t piece = 1; piece < 8; piece++) {
        struct given given = {.text = "1\tone\t1\n2\ttwo\t\\N\n", .piece = piece};
        assert_int_equal(copied(session, "COPY t FROM STDIN", given, NULL), KMB_DONE);
        given.text = "b,a\n\"drei, 3\",3\n";
        assert_int_equal(copied(session, "COPY t (b, a) FROM STDIN (FORMAT csv, HEADER match)", given, NULL), KMB_DONE);
        assert_int_equal(ask(session, "SELECT sum(a * coalesce(c, 100)) FROM t WHERE b IN ('one', 'two', 'drei, 3')"),
                         1 + 200 + 21);
        MUST(kmb_exec(session, "DELETE FROM t", &error));
    }
    /* All or nothing, and where it is wrong. */
    static const struct {
        const char *text;
        enum kmb_status status;
        const char *message;
        const char *detail;
        const char *context;
    } bad[] = {
        {"1\tx\t1\n2\ty\n", KMB_BAD_COPY_FORMAT, "missing data for column \"c\"", "", "COPY t, line 2: \"2\ty\""},
        {"1\tx\t1\t1\n", KMB_BAD_COPY_FORMAT, "extra data after last expected column", "",
         "COPY t, line 1: \"1\tx\t1\t1\""},
        {"1\tx\t1\n2\ty\t2z\n", KMB_INVALID_TEXT, "invalid input syntax for type integer: \"2z\"", "",
         "COPY t, line 2, column c: \"2z\""},
        {"1\tx\t1\n1\ty\t2\n", KMB_UNIQUE_VIOLATION, "duplicate key value", "Key (a)=(1) already exists.",
         "COPY t, line 2"},
        {"1\tx\t1\n2\t\\N\t2\n3\ty\tx\n", KMB_NOT_NULL_VIOLATION, "null value in column \"b\"",
         "Failing row contains (2, null, 2).", "COPY t, line 2: \"2\t\\N\t2\""},
        {"1\tx\t0\n1\n", KMB_CHECK_VIOLATION, "t_c_check", "Failing row contains (1, x, 0).",
         "COPY t, line 1: \"1\tx\t0\""},
        {"1\tx\t1\n\\.x\n", KMB_BAD_COPY_FORMAT, "end-of-copy marker corrupt", "", "COPY t, line 2"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct kmb_error error = {0};
        struct given given = {.text = bad[i].text, .piece = 100};
        refused_at((int)i, copied(session, "COPY t FROM STDIN", given, &error), &error, bad[i].status, bad[i].message);
        assert_string_equal(error.detail, bad[i].detail);
        assert_string_equal(error.context, bad[i].context);
        assert_int_equal(ask(session, "SELECT count(*) FROM t"), 0);
    }
    struct given broken = {.text = "1\tx\t1\n", .piece = 100, .fails = true};
    REFUSED(copied(session, "COPY t FROM STDIN", broken, &error), KMB_IO, "the pipe broke");
    assert_int_equal(ask(session, "SELECT count(*) FROM t"), 0);
    /* In a transaction; and with a condition. */
    struct given good = {.text = "1\tx\t1\n2\ty\t2\n", .piece = 3};
    MUST(kmb_begin(session, &error));
    assert_int_equal(copied(session, "COPY t FROM STDIN WHERE a > 1", good, NULL), KMB_DONE);
    assert_int_equal(ask(session, "SELECT sum(a) FROM t"), 2);
    MUST(kmb_rollback(session, &error));
    assert_int_equal(ask(session, "SELECT count(*) FROM t"), 0);
}

static void copying_out(void **state) {
    struct box *box = *state;
    kmb_session *session = box->session;
    MUST(kmb_exec(session, "CREATE TABLE t (a int PRIMARY KEY, b text)", &error));
    MUST(kmb_exec(session, "INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, 'a,b')", &error));
    REFUSED(kmb_exec(session, "COPY t TO STDOUT", &error), KMB_OBJECT_NOT_IN_STATE, "nowhere to write to");
    kmb_statement *copy = prepared(session, "COPY (SELECT a, b FROM t WHERE a <= $1) TO STDOUT CSV HEADER");
    assert_int_equal(kmb_statement_copy(copy), KMB_COPY_OUT);
    assert_int_equal(kmb_column_count(copy), 0);
    struct taken taken = {.room = sizeof(taken.text)};
    MUST(kmb_copy_to(copy, take, &taken, &error));
    REFUSED(kmb_copy_from(copy, give, NULL, &error), KMB_USAGE, "no COPY FROM STDIN");
    for (int most = 1; most <= 3; most++) {
        static const char *const answers[] = {"a,b\n1,x\n", "a,b\n1,x\n2,\n", "a,b\n1,x\n2,\n3,\"a,b\"\n"};
        static const char *const tags[] = {"COPY 1", "COPY 2", "COPY 3"};
        taken.length = 0;
        MUST(kmb_bind_int64(copy, 1, most, &error));
        assert_int_equal(kmb_step(copy, NULL), KMB_DONE);
        assert_string_equal(kmb_statement_tag(copy), tags[most - 1]);
        taken.text[taken.length] = 0;
        assert_string_equal(taken.text, answers[most - 1]);
    }
    /* What cannot be written ends it; rows that were to be deleted stay. */
    kmb_finalize(copy);
    copy = prepared(session, "COPY (DELETE FROM t RETURNING *) TO STDOUT");
    assert_true(kmb_statement_writes(copy));
    taken = (struct taken){.room = 4};
    MUST(kmb_copy_to(copy, take, &taken, &error));
    REFUSED(kmb_step(copy, &error), KMB_DISK_FULL, "no room for it");
    assert_int_equal(ask(session, "SELECT count(*) FROM t"), 3);
    taken.room = sizeof(taken.text);
    assert_int_equal(kmb_step(copy, NULL), KMB_DONE);
    taken.text[taken.length] = 0;
    assert_string_equal(taken.text, "1\tx\n2\t\\N\n3\ta,b\n");
    assert_int_equal(ask(session, "SELECT count(*) FROM t"), 0);
    kmb_finalize(copy);
    copy = prepared(session, "SELECT 1");
    assert_int_equal(kmb_statement_copy(copy), KMB_COPY_NONE);
    REFUSED(kmb_copy_to(copy, take, &taken, &error), KMB_USAGE, "no COPY TO STDOUT");
    REFUSED(kmb_copy_to(copy, NULL, &taken, &error), KMB_USAGE, "function");
    REFUSED(kmb_copy_from(NULL, give, NULL, &error), KMB_USAGE, "statement");
    kmb_finalize(copy);
}

static void *cancel_soon(void *session) {
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    kmb_cancel(session);
    return NULL;
}

static void cancelling(void **state) {
    struct box *box = *state;
    pthread_t thread;
    kmb_cancel(box->session); /* nothing runs: nothing happens, now or later */
    assert_int_equal(ask(box->session, "SELECT 42"), 42);
    MUST(kmb_exec(box->session, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)",
                  &error));
    kmb_statement *statement =
        prepared(box->session, "SELECT count(*) FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j");
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, box->session), 0);
    REFUSED(kmb_step(statement, &error), KMB_CANCELLED, "cancel");
    pthread_join(thread, NULL);
    kmb_finalize(statement);
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 10);
}

static void cancel_at_notice(void *session, const struct kmb_error *notice) {
    (void)notice;
    kmb_cancel(session);
}

/* A call that comes between two statements of a text, or while one is being planned, is of the text. */
static void cancelling_a_text(void **state) {
    struct box *box = *state;
    MUST(kmb_exec(box->session, "CREATE TABLE t (a INT)", &error));
    kmb_session_notices(box->session, cancel_at_notice, box->session);
    REFUSED(kmb_exec(box->session,
                     "DROP TABLE IF EXISTS nothing; INSERT INTO t SELECT * FROM generate_series(1, 1000000)", &error),
            KMB_CANCELLED, "cancel");
    MUST(kmb_exec(box->session, "DROP TABLE IF EXISTS nothing", &error)); /* it has ended: no other is meant */
    kmb_session_notices(box->session, NULL, NULL);
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 0);
    MUST(kmb_exec(box->session, "INSERT INTO t SELECT * FROM generate_series(1, 10000)", &error));
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 10000);
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static void preparing(void **state) {
    struct box *box = *state;
    kmb_statement *statement = (kmb_statement *)box;
    const char *tail = NULL;
    const char *text = " -- a comment\n ; SELECT 1 AS one; SELECT 2 ; ";
    int64_t sum = 0;
    unsigned count = 0;
    for (const char *at = text; at < text + strlen(text); at = tail) {
        MUST(kmb_prepare(box->session, at, strlen(at), &statement, &tail, &error));
        assert_true(tail > at && tail <= text + strlen(text));
        if (statement != NULL) {
            assert_int_equal(kmb_step(statement, NULL), KMB_ROW);
            sum += kmb_column_int64(statement, 0);
            count++;
        }
        kmb_finalize(statement);
    }
    assert_int_equal(sum, 3);
    assert_int_equal(count, 2);
    MUST(kmb_prepare(box->session, "SELECT 12345", 8, &statement, NULL, &error)); /* length counts, not a zero byte */
    assert_int_equal(kmb_step(statement, NULL), KMB_ROW);
    assert_int_equal(kmb_column_int64(statement, 0), 1);
    kmb_finalize(statement);
    REFUSED(kmb_prepare(box->session, "SELECT \0 1", 10, &statement, NULL, &error), KMB_INVALID_ENCODING, "");
    assert_null(statement);
    REFUSED(kmb_prepare(box->session, "SELECT '\xff'", 10, &statement, NULL, &error), KMB_INVALID_ENCODING, "");
    struct kmb_error told = {0};
    const char *umlauts = "SELECT 'äöü', nope";
    assert_int_equal(kmb_prepare(box->session, umlauts, strlen(umlauts), &statement, NULL, &told),
                     KMB_UNDEFINED_COLUMN);
    assert_int_equal(told.position, 15); /* characters, from 1 */
    REFUSED(kmb_exec(box->session, "SELECT 1; SELEC 2; SELECT 3", &error), KMB_SYNTAX, "SELEC");
}

static void binding(void **state) {
    struct box *box = *state;
    MUST(kmb_exec(box->session, "CREATE TABLE t (i INT, n NUMERIC(10,2), s TEXT, b BYTEA, d DATE, o BOOLEAN, f FLOAT8)",
                  &error));
    kmb_statement *insert = prepared(box->session, "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7)");
    assert_int_equal(kmb_parameter_count(insert), 7);
    static const enum kmb_type types[] = {KMB_TYPE_UNKNOWN, KMB_TYPE_INTEGER, KMB_TYPE_NUMERIC,
                                          KMB_TYPE_TEXT,    KMB_TYPE_BYTEA,   KMB_TYPE_DATE,
                                          KMB_TYPE_BOOLEAN, KMB_TYPE_DOUBLE,  KMB_TYPE_UNKNOWN};
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(kmb_parameter_type(insert, i), types[i]);
    }
    REFUSED(kmb_bind_int64(insert, 0, 1, &error), KMB_UNDEFINED_PARAMETER, "no parameter $0");
    REFUSED(kmb_bind_int64(insert, 8, 1, &error), KMB_UNDEFINED_PARAMETER, "no parameter $8");
    REFUSED(kmb_bind_text(insert, 3, "a\0b", 3, &error), KMB_INVALID_ENCODING, "$3");
    REFUSED(kmb_bind_text(insert, 3, "\xc3", 1, &error), KMB_INVALID_ENCODING, "$3");
    REFUSED(kmb_bind_text(insert, 3, NULL, 1, &error), KMB_USAGE, "NULL");
    REFUSED(kmb_bind_bytes(insert, 4, NULL, 1, &error), KMB_USAGE, "NULL");
    REFUSED(kmb_step(insert, &error), KMB_UNDEFINED_PARAMETER, "parameter $1 not provided");
    char text[] = "text"; /* copied: changing it afterwards changes nothing */
    MUST(kmb_bind_int64(insert, 1, INT64_MAX, &error));
    MUST(kmb_bind_text(insert, 2, "12.345", 6, &error));
    MUST(kmb_bind_text(insert, 3, text, 4, &error));
    MUST(kmb_bind_bytes(insert, 4, "\0\xff", 2, &error));
    MUST(kmb_bind_text(insert, 5, "2026-01-31", 10, &error));
    MUST(kmb_bind_bool(insert, 6, true, &error));
    MUST(kmb_bind_double(insert, 7, 0.1, &error));
    memset(text, 'x', 4);
    REFUSED(kmb_step(insert, &error), KMB_NUMERIC_OUT_OF_RANGE, "");
    MUST(kmb_bind_int64(insert, 1, -7, &error));
    assert_int_equal(kmb_step(insert, NULL), KMB_DONE);
    assert_string_equal(kmb_statement_tag(insert), "INSERT 0 1");
    assert_int_equal(kmb_statement_rows(insert), 1);
    assert_int_equal(kmb_statement_position(insert), 1);
    assert_true(kmb_statement_writes(insert));
    MUST(kmb_bind_text(insert, 5, "31/01/26x", 9, &error));
    REFUSED(kmb_step(insert, &error), KMB_INVALID_DATETIME, "date");
    for (uint32_t i = 1; i <= 7; i++) {
        MUST(kmb_bind_null(insert, i, &error));
    }
    assert_int_equal(kmb_step(insert, NULL), KMB_DONE);
    kmb_reset(insert); /* values stay */
    assert_int_equal(kmb_step(insert, NULL), KMB_DONE);
    kmb_finalize(insert);
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 3);
    kmb_statement *select = prepared(box->session, "SELECT i, n, s, b, d, o, f FROM t WHERE i = $1");
    MUST(kmb_bind_text(select, 1, "-7", 2, &error));
    assert_int_equal(kmb_step(select, NULL), KMB_ROW);
    REFUSED(kmb_bind_int64(select, 1, 1, &error), KMB_USAGE, "reset it first");
    static const char *const texts[] = {"-7", "12.35", "text", "\\x00ff", "2026-01-31", "t", "0.1"};
    static const char *const names[] = {"integer", "numeric(10,2)",   "text", "bytea", "date",
                                        "boolean", "double precision"};
    for (uint32_t i = 0; i < 7; i++) {
        size_t length = 0;
        assert_string_equal(kmb_column_text(select, i, &length), texts[i]);
        assert_int_equal(length, strlen(texts[i]));
        assert_string_equal(kmb_column_type_name(select, i), names[i]);
        assert_int_equal(kmb_column_type(select, i), types[i + 1]);
    }
    size_t length = 0;
    assert_memory_equal(kmb_column_bytes(select, 3, &length), "\0\xff", 2);
    assert_int_equal(length, 2);
    assert_memory_equal(kmb_column_bytes(select, 2, NULL), "text", 4);
    assert_null(kmb_column_bytes(select, 0, &length));
    assert_int_equal(length, 0);
    assert_int_equal(kmb_column_int64(select, 1), 12);
    assert_int_equal(kmb_column_int64(select, 2), 0); /* no number */
    assert_true(kmb_column_double(select, 1) == 12.35);
    assert_true(kmb_column_bool(select, 5) && kmb_column_bool(select, 0));
    /* no such column, no row: nothing, and no crash */
    assert_null(kmb_column_name(select, 7));
    assert_null(kmb_column_type_name(select, 7));
    assert_int_equal(kmb_column_type(select, 7), KMB_TYPE_UNKNOWN);
    assert_true(kmb_column_is_null(select, 7));
    assert_null(kmb_column_text(select, 7, NULL));
    assert_int_equal(kmb_step(select, NULL), KMB_DONE);
    assert_true(kmb_column_is_null(select, 0));
    assert_null(kmb_column_text(select, 0, NULL));
    assert_string_equal(kmb_statement_tag(select), "SELECT 1");
    assert_int_equal(kmb_statement_rows(select), 1);
    assert_int_equal(kmb_statement_position(select), 3);
    assert_false(kmb_statement_writes(select));
    assert_int_equal(kmb_step(select, NULL), KMB_ROW); /* after KMB_DONE it begins anew */
    kmb_reset(select);
    assert_true(kmb_column_is_null(select, 0));
    MUST(kmb_bind_int64(select, 1, 99, &error));
    assert_int_equal(kmb_step(select, NULL), KMB_DONE);
    kmb_finalize(select);
    kmb_statement *wide = prepared(
        box->session, "SELECT '1e300'::float8, 99999999999999999999::numeric, 'NaN'::float8, '9223372036854775807'");
    assert_int_equal(kmb_step(wide, NULL), KMB_ROW);
    assert_int_equal(kmb_column_int64(wide, 0) | kmb_column_int64(wide, 1) | kmb_column_int64(wide, 2),
                     0); /* do not fit */
    assert_int_equal(kmb_column_int64(wide, 3), INT64_MAX);
    kmb_finalize(wide);
}

/* As many parameters as a statement may have, bound again and again: each costs the same, however many there are. */
static void many_parameters(void **state) {
    struct box *box = *state;
    enum { MOST = 65535 };
    size_t size = (size_t)(MOST + 1) * 16;
    char *text = malloc(size);
    size_t length = (size_t)snprintf(text, size, "INSERT INTO t VALUES ($1)");
    for (int i = 2; i <= MOST; i++) {
        length += (size_t)snprintf(text + length, size - length, ", ($%d)", i);
    }
    MUST(kmb_exec(box->session, "CREATE TABLE t (s TEXT)", &error));
    kmb_statement *insert = prepared(box->session, text);
    assert_int_equal(kmb_parameter_count(insert), MOST);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 1; i <= MOST; i++) {
            char word[40];
            int bytes = snprintf(word, sizeof(word), "round %d, parameter %u of many", round, i);
            MUST(kmb_bind_text(insert, i, word, (size_t)bytes, &error));
        }
    }
    assert_int_equal(kmb_step(insert, NULL), KMB_DONE);
    assert_int_equal(kmb_statement_rows(insert), MOST);
    kmb_finalize(insert);
    assert_int_equal(ask(box->session, "SELECT count(DISTINCT s) FROM t WHERE s LIKE 'round 2%'"), MOST);
    snprintf(text + length, size - length, ", ($%d)", MOST + 1);
    REFUSED(kmb_prepare(box->session, text, strlen(text), &insert, NULL, &error), KMB_UNDEFINED_PARAMETER,
            "there is no parameter $65536");
    free(text);
}

static void large_rows(void **state) {
    struct box *box = *state;
    static const size_t sizes[] = {1 << 20, 3 << 20, 20 << 20};
    char *bytes = malloc(20 << 20);
    memset(bytes, 'k', 20 << 20);
    MUST(kmb_exec(box->session, "CREATE TABLE t (id INT PRIMARY KEY, b BYTEA)", &error));
    kmb_statement *insert = prepared(box->session, "INSERT INTO t VALUES ($1, $2)");
    for (size_t i = 0; i < 3; i++) {
        struct kmb_error told = {0};
        bytes[sizes[i] / 2] = (char)i;
        MUST(kmb_bind_int64(insert, 1, (int64_t)i, &error));
        MUST(kmb_bind_bytes(insert, 2, bytes, sizes[i], &error));
        enum kmb_status status = kmb_step(insert, &told);
        if (i == 2) { /* beyond the limit that docs/reference/limits.md tells */
            refused_at(__LINE__, status, &told, KMB_LIMIT, "row is too big");
            assert_string_equal(kmb_status_sqlstate(status), "54000");
            break;
        }
        assert_int_equal(status, KMB_DONE);
        kmb_statement *select = prepared(box->session, "SELECT b FROM t WHERE id = $1");
        size_t length = 0;
        MUST(kmb_bind_int64(select, 1, (int64_t)i, &error));
        assert_int_equal(kmb_step(select, NULL), KMB_ROW);
        const void *found = kmb_column_bytes(select, 0, &length);
        assert_int_equal(length, sizes[i]);
        assert_memory_equal(found, bytes, length);
        kmb_finalize(select);
    }
    kmb_finalize(insert);
    uint32_t stream = 0;
    struct kmb_bytes event = {bytes, 20 << 20};
    MUST(kmb_stream_create(box->session, "s", KMB_CLASS_PUBLIC, &stream, &error));
    REFUSED(kmb_stream_append(box->session, stream, 0, &event, 1, NULL, &error), KMB_LIMIT, "");
    event.length = 3 << 20;
    MUST(kmb_stream_append(box->session, stream, 0, &event, 1, NULL, &error));
    free(bytes);
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 2);
}

/* Text made of a piece many times over between two ends. The caller frees it. */
static char *repeated(const char *begin, const char *piece, size_t times, const char *end) {
    size_t length = strlen(begin) + strlen(piece) * times + strlen(end) + 1;
    char *text = malloc(length);
    char *at = stpcpy(text, begin);
    for (size_t i = 0; i < times; i++) {
        at = stpcpy(at, piece);
    }
    stpcpy(at, end);
    return text;
}

/* Each is refused by its own SQLSTATE, leaves nothing behind, and the next statement works. */
static void bad_input(void **state) {
    struct box *box = *state;
    static const struct {
        const char *begin, *piece;
        size_t times;
        const char *end, *sqlstate;
    } long_ones[] = {
        {"SELECT ", "(", 100000, "1", "54001"},        {"SELECT 1", "+1", 500000, "", "54001"},
        {"SELECT ", "NOT ", 100000, "true", "54001"},  {"SELECT ", "-", 1, "9223372036854775809::bigint", "22003"},
        {"SELECT ", "9", 200000, "::int", "22003"},    {"SELECT ", "CASE WHEN true THEN ", 100000, "1", "54001"},
        {"SELECT '", "x", 4 << 20, "'::int", "22P02"}, {"SELECT ", "a", 1 << 20, "", "42622"},
        {"SELECT \"", "\"\"", 100000, "", "42601"},    {"SELECT /*", "/* ", 100000, "", "42601"},
        {"SELECT /*", "/*", 100000, "", "54001"},      {"SELECT 1 ", "+", 100000, " 1", "54001"},
        {"\xef\xbf", "\xff", 1000, "", "22021"},
    };
    static const struct {
        const char *sql, *sqlstate;
    } short_ones[] = {
        {"\x01\x02\x7f", "42601"},
        {"CREATE TABLE \"\" (a INT)", "42601"},
        {"CREATE TABLE u (\"\" INT)", "42601"},
        {"SELECT 1/0", "22012"},
        {"SELECT 1.0 % 0", "22012"},
        {"SELECT 2147483647 + 1", "22003"},
        {"SELECT 9223372036854775807 + 1", "22003"},
        {"SELECT '1e400'::float8", "22003"},
        {"SELECT 32768::smallint", "22003"},
        {"SELECT 'a'::int", "22P02"},
        {"SELECT '2026-02-30'::date", "22008"},
        {"SELECT 1 + true", "42883"},
        {"SELECT $1", "42P02"},
        {"INSERT INTO kept VALUES ('x')", "22P02"},
        {"INSERT INTO kept VALUES (1, 2)", "42601"},
        {"INSERT INTO kept VALUES (1)", "23505"},
        {"SELECT * FROM kept LIMIT -1", "2201W"},
        {"SELECT E'\\xff'", "22021"},
        {"SELECT E'\\u12'", "22025"},
        {"SELECT E'\\U00110000'", "42601"},
        {"SELECT 1::float(0)", "22023"},
        {"DROP TABLE absent", "42P01"},
    };
    MUST(kmb_exec(box->session, "CREATE TABLE kept (a INT PRIMARY KEY); INSERT INTO kept VALUES (1)", &error));
    uint64_t position = kmb_session_position(box->session);
    for (size_t i = 0; i < sizeof(long_ones) / sizeof(long_ones[0]) + sizeof(short_ones) / sizeof(short_ones[0]); i++) {
        size_t at = i - sizeof(long_ones) / sizeof(long_ones[0]);
        bool is_long = i < sizeof(long_ones) / sizeof(long_ones[0]);
        char *sql = is_long ? repeated(long_ones[i].begin, long_ones[i].piece, long_ones[i].times, long_ones[i].end)
                            : strdup(short_ones[at].sql);
        const char *wanted = is_long ? long_ones[i].sqlstate : short_ones[at].sqlstate;
        struct kmb_error told = {0};
        enum kmb_status status = kmb_exec(box->session, sql, &told);
        if (status == KMB_OK || status != told.status || strcmp(kmb_status_sqlstate(status), wanted) != 0) {
            fail_msg("%.60s: %s %s, wanted %s: %s", sql, kmb_status_sqlstate(status), kmb_status_name(status), wanted,
                     told.message);
        }
        free(sql);
        assert_int_equal(ask(box->session, "SELECT count(*) FROM kept"), 1);
    }
    char *banner = repeated("/*", "*", 100000, "*/ SELECT length('");
    char *stars = repeated(banner, "*/+", 100000, "')");
    assert_int_equal(ask(box->session, stars), 300000); /* where nothing is put back, length does not matter */
    free(stars);
    free(banner);
    char *columns = repeated("CREATE TABLE t (c INT", ", c00000 INT", 10000, ")");
    char digits[8];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(digits, sizeof(digits), "%05u", i);
        memcpy(columns + strlen("CREATE TABLE t (c INT") + i * strlen(", c00000 INT") + strlen(", c"), digits, 5);
    }
    REFUSED(kmb_exec(box->session, columns, &error), KMB_TOO_MANY_COLUMNS, "1600");
    free(columns);
    assert_int_equal(kmb_session_position(box->session), position);
    assert_int_equal(ask(box->session, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"),
                     1);
}

/* --- appender, streams -------------------------------------------------------------------------------------------- */

static void appending(void **state) {
    struct box *box = *state;
    kmb_appender *appender = (kmb_appender *)box;
    uint64_t rows = 99;
    MUST(kmb_exec(box->session,
                  "CREATE TABLE t (a INT PRIMARY KEY, b TEXT NOT NULL DEFAULT 'x', c FLOAT8 CHECK (c < 9))", &error));
    REFUSED(kmb_appender_open(box->session, "absent", &appender, &error), KMB_UNDEFINED_TABLE, "absent");
    assert_null(appender);
    REFUSED(kmb_appender_open(box->session, "T", &appender, &error), KMB_UNDEFINED_TABLE, "T"); /* not folded */
    REFUSED(kmb_appender_open(box->session, "nope.t", &appender, &error), KMB_UNDEFINED_TABLE, "nope.t");
    MUST(kmb_appender_open(box->session, "public.t", &appender, &error));
    kmb_appender_close(appender);
    MUST(kmb_appender_open(box->session, "t", &appender, &error));
    MUST(kmb_appender_flush(appender, &rows, &error));
    assert_int_equal(rows, 0);
    REFUSED(kmb_append_row(appender, &error), KMB_USAGE, "the row has 0 values");
    MUST(kmb_append_int64(appender, 1, &error));
    REFUSED(kmb_append_row(appender, &error), KMB_USAGE, "the row has 1 values, table \"t\" has 3 columns");
    REFUSED(kmb_append_int64(appender, INT64_MAX, &error), KMB_NUMERIC_OUT_OF_RANGE, "column \"a\"");
    REFUSED(kmb_append_text(appender, "one", 3, &error), KMB_INVALID_TEXT, "column \"a\"");
    MUST(kmb_append_text(appender, "1", 1, &error)); /* the refused values left the place free */
    REFUSED(kmb_append_text(appender, "\xff", 1, &error), KMB_INVALID_ENCODING, "column \"b\"");
    REFUSED(kmb_append_text(appender, NULL, 1, &error), KMB_USAGE, "NULL");
    MUST(kmb_append_null(appender, &error));
    MUST(kmb_append_double(appender, 0.5, &error));
    REFUSED(kmb_append_null(appender, &error), KMB_USAGE, "more values than table");
    REFUSED(kmb_append_row(appender, &error), KMB_NOT_NULL_VIOLATION, "column \"b\"");
    MUST(kmb_append_int64(appender, 2, &error)); /* the refused row was dropped whole */
    REFUSED(kmb_appender_flush(appender, &rows, &error), KMB_USAGE, "a row was begun");
    for (int i = 1; i <= 3; i++) {
        MUST(kmb_append_int64(appender, i, &error));
        MUST(i == 2 ? kmb_append_default(appender, &error) : kmb_append_bytes(appender, "y", 1, &error));
        MUST(kmb_append_double(appender, i, &error));
        MUST(kmb_append_row(appender, &error));
    }
    MUST(kmb_appender_flush(appender, &rows, &error));
    assert_int_equal(rows, 3);
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t WHERE b = 'x'"), 1);
    for (int i = 4; i <= 5; i++) { /* the second breaks the CHECK: none of both is there */
        MUST(kmb_append_int64(appender, i, &error));
        MUST(kmb_append_text(appender, "z", 1, &error));
        MUST(kmb_append_double(appender, i == 5 ? 9 : 0, &error));
        MUST(kmb_append_row(appender, &error));
    }
    REFUSED(kmb_appender_flush(appender, &rows, &error), KMB_CHECK_VIOLATION, "t_c_check");
    MUST(kmb_appender_flush(appender, &rows, &error));
    assert_int_equal(rows, 0);
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 3);
    MUST(kmb_append_int64(appender, 1, &error));
    MUST(kmb_append_bool(appender, true, &error));
    MUST(kmb_append_null(appender, &error));
    MUST(kmb_append_row(appender, &error));
    REFUSED(kmb_appender_flush(appender, &rows, &error), KMB_UNIQUE_VIOLATION, "t_pkey");
    MUST(kmb_append_int64(appender, 6, &error));
    MUST(kmb_append_text(appender, "", 0, &error));
    MUST(kmb_append_null(appender, &error));
    MUST(kmb_append_row(appender, &error));
    MUST(kmb_exec(box->session, "ALTER TABLE t ADD COLUMN d INT", &error));
    REFUSED(kmb_appender_flush(appender, &rows, &error), KMB_SERIALIZATION, "was altered");
    assert_int_equal(ask(box->session, "SELECT count(*) FROM t"), 3);
    kmb_appender_close(appender);
    /* in a transaction the rows are its own; what was not flushed is dropped */
    MUST(kmb_exec(box->session, "CREATE TABLE u (a BOOLEAN, b BYTEA)", &error));
    MUST(kmb_appender_open(box->session, "u", &appender, &error));
    MUST(kmb_begin(box->session, &error));
    MUST(kmb_append_bool(appender, true, &error));
    MUST(kmb_append_bytes(appender, "\0", 1, &error));
    MUST(kmb_append_row(appender, &error));
    MUST(kmb_appender_flush(appender, NULL, &error));
    assert_int_equal(ask(box->session, "SELECT count(*) FROM u"), 1);
    MUST(kmb_rollback(box->session, &error));
    assert_int_equal(ask(box->session, "SELECT count(*) FROM u"), 0);
    MUST(kmb_append_int64(appender, 5, &error)); /* of a boolean: true */
    MUST(kmb_append_null(appender, &error));
    MUST(kmb_append_row(appender, &error));
    kmb_appender_close(appender);
    assert_int_equal(ask(box->session, "SELECT count(*) FROM u"), 0);
}

/* A statement that stays prepared while its table gets other columns shows them, their names and their texts. */
static void changed_columns(void **state) {
    struct box *box = *state;
    kmb_statement *all = NULL;
    size_t length = 0;
    MUST(kmb_exec(box->session, "CREATE TABLE shape (a INT, b INT)", &error));
    MUST(kmb_exec(box->session, "INSERT INTO shape VALUES (1, 2)", &error));
    MUST(kmb_prepare(box->session, "SELECT * FROM shape", 19, &all, NULL, &error));
    assert_int_equal(kmb_step(all, NULL), KMB_ROW);
    assert_string_equal(kmb_column_type_name(all, 1), "integer");
    assert_string_equal(kmb_column_text(all, 1, &length), "2");
    kmb_reset(all);
    for (int i = 0; i < 40; i++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "ALTER TABLE shape ADD COLUMN c%d TEXT DEFAULT 'x%d'", i, i);
        MUST(kmb_exec(box->session, sql, &error));
    }
    MUST(kmb_exec(box->session, "ALTER TABLE shape ALTER COLUMN b TYPE NUMERIC(5,1)", &error));
    assert_int_equal(kmb_step(all, NULL), KMB_ROW);
    assert_int_equal(kmb_column_count(all), 42);
    assert_string_equal(kmb_column_type_name(all, 1), "numeric(5,1)");
    assert_string_equal(kmb_column_text(all, 1, &length), "2.0");
    assert_string_equal(kmb_column_type_name(all, 41), "text");
    assert_string_equal(kmb_column_text(all, 41, &length), "x39");
    kmb_finalize(all);
}

struct seen {
    uint64_t events, bytes, stop_at;
};

static enum kmb_status see(void *context, uint64_t offset, const void *bytes, size_t length) {
    struct seen *seen = context;
    (void)offset;
    assert_non_null(bytes);
    seen->events++;
    seen->bytes += length;
    return seen->events == seen->stop_at ? KMB_PERMISSION : KMB_OK;
}

static void streams(void **state) {
    struct box *box = *state;
    uint32_t id = 0, again = 0, found = 0;
    uint64_t first = 99, length = 99;
    struct seen seen = {0};
    struct kmb_bytes events[] = {{"one", 3}, {"", 0}, {"three", 5}};
    REFUSED(kmb_stream_create(box->session, "", KMB_CLASS_PHI, &id, &error), KMB_INVALID_NAME, "not empty");
    REFUSED(kmb_stream_create(box->session, "\xff", KMB_CLASS_PHI, &id, &error), KMB_INVALID_NAME, "UTF-8");
    REFUSED(kmb_stream_create(box->session, "s", (enum kmb_data_class)8, &id, &error), KMB_USAGE, "data class 8");
    REFUSED(kmb_stream_find(box->session, "s", &found, &error), KMB_STREAM_NOT_FOUND, "\"s\"");
    MUST(kmb_stream_create(box->session, "s", KMB_CLASS_PII, &id, &error));
    MUST(kmb_stream_create(box->session, "s", KMB_CLASS_PII, &again, &error));
    MUST(kmb_stream_find(box->session, "s", &found, &error));
    assert_true(id == again && id == found);
    REFUSED(kmb_stream_append(box->session, id, 0, events, 0, NULL, &error), KMB_USAGE, "no events");
    REFUSED(kmb_stream_append(box->session, id + 1, 0, events, 1, NULL, &error), KMB_STREAM_NOT_FOUND, "");
    REFUSED(kmb_stream_append(box->session, id, 1, events, 1, NULL, &error), KMB_OFFSET_MISMATCH, "");
    MUST(kmb_stream_append(box->session, id, 0, events, 3, &first, &error));
    assert_int_equal(first, 0);
    REFUSED(kmb_stream_append(box->session, id, 0, events, 1, NULL, &error), KMB_OFFSET_MISMATCH, "");
    MUST(kmb_stream_append(box->session, id, UINT64_MAX, events, 1, &first, &error));
    assert_int_equal(first, 3);
    MUST(kmb_stream_length(box->session, id, &length, &error));
    assert_int_equal(length, 4);
    REFUSED(kmb_stream_length(box->session, id + 1, &length, &error), KMB_STREAM_NOT_FOUND, "");
    REFUSED(kmb_stream_read(box->session, id + 1, 0, 100, see, &seen, &error), KMB_STREAM_NOT_FOUND, "");
    REFUSED(kmb_stream_read(box->session, id, 0, 100, NULL, &seen, &error), KMB_USAGE, "NULL");
    MUST(kmb_stream_read(box->session, id, 0, UINT64_MAX, see, &seen, &error));
    assert_true(seen.events == 4 && seen.bytes == 11);
    seen = (struct seen){0};
    MUST(kmb_stream_read(box->session, id, 1, 4, see, &seen, &error)); /* the event that reaches it is given */
    assert_true(seen.events == 2 && seen.bytes == 5);
    seen = (struct seen){.stop_at = 2};
    assert_int_equal(kmb_stream_read(box->session, id, 0, 100, see, &seen, NULL), KMB_PERMISSION);
    assert_int_equal(seen.events, 2);
    seen = (struct seen){0};
    MUST(kmb_stream_read(box->session, id, 4, 100, see, &seen, &error));
    assert_int_equal(seen.events, 0);
}

/* --- proofs, verification, the log -------------------------------------------------------------------------------- */

static void proofs(void **state) {
    struct box *box = *state;
    char verifier[512], strange[512];
    char *text = NULL;
    MUST(kmb_exec(box->session, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)", &error));
    MUST(kmb_tenant_create(box->db, 2, NULL, &error));
    MUST(kmb_tenant_verifier(box->db, 1, verifier, sizeof(verifier), &error));
    MUST(kmb_tenant_verifier(box->db, 2, strange, sizeof(strange), &error));
    REFUSED(kmb_proof_inclusion(box->session, 0, &text, &error), KMB_INVALID_OFFSET, "there is no entry 0");
    assert_null(text);
    REFUSED(kmb_proof_inclusion(box->session, 99, &text, &error), KMB_INVALID_OFFSET, "there is no entry 99");
    REFUSED(kmb_proof_consistency(box->session, 0, &text, &error), KMB_INVALID_OFFSET, "no tree of 0");
    REFUSED(kmb_proof_consistency(box->session, 99, &text, &error), KMB_INVALID_OFFSET, "no tree of 99");
    for (int kind = 0; kind < 3; kind++) {
        MUST(kind == 0   ? kmb_proof_inclusion(box->session, 2, &text, &error)
             : kind == 1 ? kmb_proof_consistency(box->session, 2, &text, &error)
                         : kmb_proof_checkpoint(box->session, &text, &error));
        size_t length = strlen(text);
        MUST(kmb_proof_verify(text, length, verifier, &error));
        REFUSED(kmb_proof_verify(text, length, strange, &error), KMB_PROOF_INVALID, "");
        enum kmb_status cut = kmb_proof_verify(text, length - 4, verifier, NULL);
        assert_true(cut == KMB_FORMAT || cut == KMB_PROOF_INVALID);
        REFUSED(kmb_proof_verify(text, length, "no key", &error), KMB_FORMAT, "verifier key");
        char *digit = strpbrk(strstr(text, kind < 2 ? "kimberlite-proof" : "\n") + (kind < 2 ? 20 : 1), "123456789");
        char before = *digit;
        *digit = before == '9' ? '8' : '9';
        assert_int_not_equal(kmb_proof_verify(text, length, verifier, NULL), KMB_OK);
        *digit = before;
        if (kind < 2) {
            MUST(kmb_proof_verify(text, length, NULL, &error));
        }
        kmb_free(text);
    }
    REFUSED(kmb_proof_verify("", 0, verifier, &error), KMB_PROOF_INVALID, "");
    REFUSED(kmb_proof_verify("garbage\n", 8, NULL, &error), KMB_PROOF_INVALID, "");
}

static enum kmb_status stop_verify(void *context, uint64_t done, uint64_t total) {
    (void)done;
    (void)total;
    ++*(unsigned *)context;
    return KMB_TENANT_SEALED; /* a status that nothing else gives */
}

static enum kmb_status stop_show(void *context, const struct kmb_log_entry *entry) {
    unsigned *seen = context;
    assert_int_equal(strlen(entry->hash), 64);
    return ++*seen == 2 ? KMB_TENANT_SEALED : KMB_OK;
}

static void looking_at_the_log(void **state) {
    struct box *box = *state;
    unsigned calls = 0;
    char hash[65] = "", live[65] = "";
    struct kmb_verify_report report = {.size = sizeof(report)};
    struct kmb_verify_options options = {.size = sizeof(options), .progress = stop_verify, .context = &calls};
    MUST(kmb_exec(box->session, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)", &error));
    MUST(kmb_verify(box->path, NULL, &report, &error)); /* beside its owner */
    assert_true(report.entries >= 3 && report.tenants == 1 && report.bodies_opened && report.failure_entry == 0);
    REFUSED(kmb_verify(box->path, &options, &report, &error), KMB_TENANT_SEALED, "stopped");
    assert_int_equal(calls, 1);
    calls = 0;
    options.progress = NULL;
    options.checkpoint_file = "/nowhere/checkpoint";
    REFUSED(kmb_verify(box->path, &options, &report, &error), KMB_FILE_NOT_FOUND, "/nowhere/checkpoint");
    assert_int_equal(kmb_log_show(box->path, NULL, 0, 0, stop_show, &calls, NULL), KMB_TENANT_SEALED);
    assert_int_equal(calls, 2);
    REFUSED(kmb_log_show(box->folder, NULL, 0, 0, stop_show, &calls, &error), KMB_NOT_A_DATABASE, "");
    MUST(kmb_state_hash(box->db, live, &error));
    MUST(kmb_checkpoint(box->db, &error));
    kmb_session_close(box->session);
    MUST(kmb_close(box->db, &error));
    box->db = NULL;
    box->session = NULL;
    MUST(kmb_rebuild(box->path, NULL, hash, &error));
    assert_string_equal(hash, live);
    MUST(kmb_rebuild(box->path, NULL, NULL, &error));
}

int main(void) {
#define IN_A_BOX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers),
        IN_A_BOX(changed_columns),
        IN_A_BOX(structs_of_other_sizes),
        IN_A_BOX(nothing_where_something_must_be),
        IN_A_BOX(opening),
        IN_A_BOX(tenants),
        IN_A_BOX(keys_of_programs),
        IN_A_BOX(handles_closed_out_of_order),
        IN_A_BOX(moments),
        IN_A_BOX(transactions),
        IN_A_BOX(cursors),
        IN_A_BOX(rows_locked),
        IN_A_BOX(copying_in),
        IN_A_BOX(copying_out),
        IN_A_BOX(cursors_of_many_rows),
        IN_A_BOX(cancelling),
        IN_A_BOX(cancelling_a_text),
        IN_A_BOX(preparing),
        IN_A_BOX(binding),
        IN_A_BOX(many_parameters),
        IN_A_BOX(large_rows),
        IN_A_BOX(bad_input),
        IN_A_BOX(appending),
        IN_A_BOX(streams),
        IN_A_BOX(proofs),
        IN_A_BOX(looking_at_the_log),
    };
    return cmocka_run_group_tests_name("kimberlite.h", tests, NULL, NULL);
}
