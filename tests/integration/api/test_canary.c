/*
 * What stands on the disk. A process writes canaries into every place that a user's text can go to - key, indexed
 * column, data, a value that is updated, a row that is deleted, defaults and checks, names of tables, columns, indexes
 * and streams, events of streams, tenants' names - with checkpoints between, verifies, and kills itself there. No byte
 * of what it leaves may spell a canary: log, store, superblock, key store, lock, temporary files. The same without
 * encryption must find every single one, or the search is blind.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../../scratch.h"
#include "kimberlite.h"

static const char *const canaries[] = {
    "canary_key",     "canary_indexed", "canary_data",  "canary_before", "canary_after",
    "canary_deleted", "canary_default", "canary_check", "canary_table",  "canary_col",
    "canary_index",   "canary_stream",  "canary_event", "canary_tenant", "canary_dropped",
};
#define CANARIES   (sizeof(canaries) / sizeof(canaries[0]))
#define FILE_BYTES ((size_t)64 << 20)

static char *file_bytes;
static bool found[CANARIES];
static char found_in[CANARIES][512];
static unsigned files;

static void must(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        fprintf(stderr, "%s: %s\n", kmb_status_name(status), error->message);
        abort();
    }
}

static void say(kmb_session *session, const char *sql) {
    struct kmb_error error = {0};
    must(kmb_exec(session, sql, &error), &error);
}

static enum kmb_status die(void *context, uint64_t done, uint64_t total) {
    (void)context;
    (void)total;
    return done == 0 ? KMB_OK : (enum kmb_status)raise(SIGKILL);
}

static void write_and_die(const char *path, unsigned flags) {
    struct kmb_error error = {0};
    struct kmb_options options = {.size = sizeof(options), .flags = flags | KMB_OPEN_CREATE, .segment_bytes = 1 << 20};
    struct kmb_verify_options verify = {.size = sizeof(verify), .progress = die};
    struct kmb_bytes event = {"canary_event", 12};
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    uint32_t stream = 0;
    must(kmb_open(path, &options, &db, &error), &error);
    must(kmb_tenant_create(db, 2, "canary_tenant", &error), &error);
    must(kmb_session_open(db, 1, &session, &error), &error);
    say(session, "CREATE TABLE canary_table (k TEXT PRIMARY KEY, canary_col TEXT, d TEXT DEFAULT 'canary_default',"
                 " CHECK (d <> 'canary_check'))");
    say(session, "CREATE INDEX canary_index ON canary_table (canary_col)");
    say(session, "CREATE TABLE canary_dropped (a INT); DROP TABLE canary_dropped");
    say(session,
        "INSERT INTO canary_table VALUES ('canary_key', 'canary_indexed', 'canary_data'), ('b', 'canary_before', ''),"
        " ('c', 'canary_deleted', '')");
    must(kmb_checkpoint(db, &error), &error);
    say(session, "UPDATE canary_table SET canary_col = 'canary_after' WHERE k = 'b'");
    say(session, "DELETE FROM canary_table WHERE k = 'c'");
    must(kmb_stream_create(session, "canary_stream", KMB_CLASS_PHI, &stream, &error), &error);
    must(kmb_stream_append(session, stream, 0, &event, 1, NULL, &error), &error);
    must(kmb_checkpoint(db, &error), &error);
    say(session,
        "BEGIN; INSERT INTO canary_table VALUES ('canary_key2', 'canary_data', 'canary_data')"); /* never ends */
    say(session, "SELECT k FROM canary_table ORDER BY canary_col");
    kmb_verify(path, &verify, NULL, &error);
    abort(); /* not reached: progress ends it, while the temporary store is there */
}

static int search(const char *path, const struct stat *facts, int type, struct FTW *walk) {
    (void)walk;
    size_t length = strlen(path);
    if (type != FTW_F || (length > 4 && strcmp(path + length - 4, ".key") == 0)) {
        return 0;
    }
    FILE *file = fopen(path, "r");
    if (file == NULL || (size_t)facts->st_size > FILE_BYTES) {
        return 1;
    }
    size_t count = fread(file_bytes, 1, FILE_BYTES, file);
    fclose(file);
    files++;
    for (size_t i = 0; i < CANARIES; i++) {
        if (memmem(file_bytes, count, canaries[i], strlen(canaries[i])) != NULL || strstr(path, canaries[i]) != NULL) {
            found[i] = true;
            snprintf(found_in[i], sizeof(found_in[i]), "%s", path);
        }
    }
    return 0;
}

static void look(const char *folder, bool wanted) {
    memset(found, 0, sizeof(found));
    files = 0;
    assert_int_equal(nftw(folder, search, 16, FTW_PHYS), 0);
    assert_true(files >= 5); /* log, superblock, store, two copies of the keys */
    for (size_t i = 0; i < CANARIES; i++) {
        if (found[i] != wanted) {
            fail_msg("%s: %s %s", canaries[i], wanted ? "is not found where nothing is hidden" : "stands in clear in",
                     wanted ? "" : found_in[i]);
        }
    }
}

static void in_every_place(unsigned flags, bool wanted) {
    char folder[SCRATCH_SIZE], path[SCRATCH_SIZE + 8];
    struct kmb_error error = {0};
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    int ended = 0;
    scratch_make(folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s/db", folder);
    pid_t child = fork();
    if (child == 0) {
        setenv("TMPDIR", folder, 1); /* where verification puts what it folds */
        write_and_die(path, flags);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
    look(folder, wanted);
    /* and after the recovery, a rebuild and a close */
    must(kmb_open(path, NULL, &db, &error), &error);
    must(kmb_session_open(db, 1, &session, &error), &error);
    say(session, "SELECT * FROM canary_table WHERE canary_col = 'canary_after'");
    kmb_session_close(session);
    must(kmb_close(db, &error), &error);
    must(kmb_rebuild(path, NULL, NULL, &error), &error);
    look(folder, wanted);
    assert_int_equal(scratch_remove(folder), 0);
}

static void hidden(void **state) {
    (void)state;
    in_every_place(0, false);
}

static void in_clear(void **state) {
    (void)state;
    in_every_place(KMB_OPEN_NO_ENCRYPTION, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(hidden), cmocka_unit_test(in_clear)};
    file_bytes = malloc(FILE_BYTES);
    int failed = file_bytes == NULL ? 1 : cmocka_run_group_tests_name("canaries", tests, NULL, NULL);
    free(file_bytes);
    return failed;
}
