/*
 * Real kill -9 of a real process on a real directory.
 *
 *     kill9 ROUNDS [SEED]
 *
 * A child opens the database and writes from three threads, in batches of one to four rows, alone and in transactions,
 * with checkpoints between; each acknowledged batch is told through a pipe. The parent kills it at a random moment,
 * opens the directory itself, and compares: every batch that was told is there whole, no batch is there in part, and at
 * most one per thread is there untold. The directory lives on from round to round, and is gone at the end.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../scratch.h"
#include "kimberlite.h"

#define WRITERS     3
#define BATCHES_MAX 200000
#define PIPE_FD     9

struct acknowledgement {
    uint32_t writer;
    uint32_t batch;
};

struct writer {
    kmb_db *db;
    uint32_t number;
    uint32_t batch; /* the next */
};

static unsigned batch_size(uint32_t batch) {
    return 1 + batch % 4;
}

static void fail(const char *what, const struct kmb_error *error) {
    fprintf(stderr, "kill9: %s: %s\n", what, error == NULL ? "" : error->message);
    exit(1);
}

/* --- the child ------------------------------------------------------------------------------------------------------
 */

static void write_batch(kmb_session *session, kmb_statement *insert, uint32_t writer, uint32_t batch) {
    struct kmb_error error = {0};
    unsigned size = batch_size(batch);
    if (size > 1 && kmb_begin(session, &error) != KMB_OK) {
        fail("begin", &error);
    }
    for (unsigned part = 0; part < size; part++) {
        char text[64];
        int length = snprintf(text, sizeof(text), "writer %u batch %u part %u", writer, batch, part);
        kmb_reset(insert);
        kmb_bind_int64(insert, 1, writer, NULL);
        kmb_bind_int64(insert, 2, batch, NULL);
        kmb_bind_int64(insert, 3, part, NULL);
        kmb_bind_int64(insert, 4, size, NULL);
        kmb_bind_text(insert, 5, text, (size_t)length, NULL);
        if (kmb_step(insert, &error) != KMB_DONE) {
            fail("insert", &error);
        }
    }
    kmb_reset(insert);
    if (size > 1 && kmb_commit(session, &error) != KMB_OK) {
        fail("commit", &error);
    }
}

static void *write_for_ever(void *context) {
    struct writer *writer = context;
    struct kmb_error error = {0};
    kmb_session *session = NULL;
    kmb_statement *insert = NULL;
    static const char sql[] = "INSERT INTO kept VALUES ($1, $2, $3, $4, $5)";
    if (kmb_session_open(writer->db, 1, &session, &error) != KMB_OK ||
        kmb_prepare(session, sql, strlen(sql), &insert, NULL, &error) != KMB_OK) {
        fail("a writer", &error);
    }
    for (;; writer->batch++) {
        struct acknowledgement told = {writer->number, writer->batch};
        write_batch(session, insert, writer->number, writer->batch);
        if (write(PIPE_FD, &told, sizeof(told)) != sizeof(told)) {
            fail("telling", NULL);
        }
        if (writer->number == 0 && writer->batch % 64 == 63 && kmb_checkpoint(writer->db, &error) != KMB_OK) {
            fail("checkpoint", &error);
        }
    }
    return NULL;
}

/* The number behind the writer's last batch. */
static uint32_t next_batch(kmb_session *session, uint32_t writer) {
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    char sql[96];
    snprintf(sql, sizeof(sql), "SELECT coalesce(max(batch) + 1, 0) FROM kept WHERE writer = %u", writer);
    if (kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error) != KMB_OK ||
        kmb_step(statement, &error) != KMB_ROW) {
        fail("the last batch", &error);
    }
    uint32_t next = (uint32_t)kmb_column_int64(statement, 0);
    kmb_finalize(statement);
    return next;
}

static int child(const char *path) {
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE, .segment_bytes = 262144};
    struct kmb_error error = {0};
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    options.cache_bytes = 1 << 20;
    if (kmb_open(path, &options, &db, &error) != KMB_OK || kmb_session_open(db, 1, &session, &error) != KMB_OK ||
        kmb_exec(session,
                 "CREATE TABLE IF NOT EXISTS kept (writer INTEGER, batch INTEGER, part INTEGER, size INTEGER NOT NULL,"
                 " text TEXT NOT NULL, PRIMARY KEY (writer, batch, part));"
                 "CREATE INDEX IF NOT EXISTS kept_text ON kept (text)",
                 &error) != KMB_OK) {
        fail("the child", &error);
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.db = db, .number = i, .batch = next_batch(session, i)};
        if (pthread_create(&threads[i], NULL, write_for_ever, &writers[i]) != 0) {
            fail("a thread", NULL);
        }
    }
    pause(); /* killed here */
    return 1;
}

/* --- the parent -----------------------------------------------------------------------------------------------------
 */

static uint8_t told[WRITERS][BATCHES_MAX];
static uint8_t there[WRITERS][BATCHES_MAX];

static uint64_t draw(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Lets a child write for a while and kills it; every acknowledgement it got out is noted. */
static uint64_t one_child(const char *path, uint64_t pause_us) {
    int ends[2];
    uint64_t count = 0;
    if (pipe(ends) != 0) {
        fail("pipe", NULL);
    }
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], PIPE_FD);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "kill9", "--child", path, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    struct acknowledgement one;
    bool first = true;
    while (read(ends[0], &one, sizeof(one)) == sizeof(one)) {
        if (first) {
            struct timespec wait = {.tv_sec = 0, .tv_nsec = (long)pause_us * 1000};
            nanosleep(&wait, NULL);
            kill(pid, SIGKILL);
            first = false;
        }
        if (one.writer >= WRITERS || one.batch >= BATCHES_MAX) {
            fail("an acknowledgement that cannot be", NULL);
        }
        told[one.writer][one.batch] = 1;
        count++;
    }
    close(ends[0]);
    int state = 0;
    waitpid(pid, &state, 0);
    if (!WIFSIGNALED(state) || WTERMSIG(state) != SIGKILL) {
        fail("the child ended by itself", NULL);
    }
    return count;
}

/* Marks every batch that is there; one that is there in part ends the test. */
static uint64_t look(kmb_session *session) {
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    uint64_t found = 0;
    static const char sql[] = "SELECT writer, batch, count(*), max(size), min(part) FROM kept GROUP BY writer, batch";
    memset(there, 0, sizeof(there));
    if (kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error) != KMB_OK) {
        fail("looking", &error);
    }
    enum kmb_status status;
    while ((status = kmb_step(statement, &error)) == KMB_ROW) {
        uint32_t writer = (uint32_t)kmb_column_int64(statement, 0);
        uint32_t batch = (uint32_t)kmb_column_int64(statement, 1);
        int64_t parts = kmb_column_int64(statement, 2);
        if (writer >= WRITERS || batch >= BATCHES_MAX || parts != (int64_t)batch_size(batch) ||
            parts != kmb_column_int64(statement, 3) || kmb_column_int64(statement, 4) != 0) {
            fprintf(stderr, "kill9: writer %u batch %u has %lld of %u rows\n", writer, batch, (long long)parts,
                    batch_size(batch));
            exit(1);
        }
        there[writer][batch] = 1;
        found++;
    }
    if (status != KMB_DONE) {
        fail("looking", &error);
    }
    kmb_finalize(statement);
    return found;
}

static void compare(const char *path, unsigned round, uint64_t acknowledged) {
    struct kmb_error error = {0};
    struct kmb_verify_options options = {.size = sizeof(options)};
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    uint64_t untold = 0;
    if (kmb_open(path, NULL, &db, &error) != KMB_OK || kmb_session_open(db, 1, &session, &error) != KMB_OK) {
        fail("opening after the kill", &error);
    }
    uint64_t found = look(session);
    for (unsigned writer = 0; writer < WRITERS; writer++) {
        unsigned extra = 0;
        for (unsigned batch = 0; batch < BATCHES_MAX; batch++) {
            if (told[writer][batch] && !there[writer][batch]) {
                fprintf(stderr, "kill9: round %u: writer %u batch %u was acknowledged and is lost\n", round, writer,
                        batch);
                exit(1);
            }
            extra += !told[writer][batch] && there[writer][batch] ? 1 : 0;
            told[writer][batch] = there[writer][batch];
        }
        if (extra > 1) {
            fprintf(stderr, "kill9: round %u: writer %u has %u batches nobody was told of\n", round, writer, extra);
            exit(1);
        }
        untold += extra;
    }
    kmb_session_close(session);
    if (kmb_close(db, &error) != KMB_OK || kmb_verify(path, &options, NULL, &error) != KMB_OK) {
        fail("verify after the kill", &error);
    }
    printf("round %u: %llu batches acknowledged, %llu found in all, %llu of them never answered\n", round,
           (unsigned long long)acknowledged, (unsigned long long)found, (unsigned long long)untold);
    fflush(stdout);
}

int main(int count, char **arguments) {
    if (count == 3 && strcmp(arguments[1], "--child") == 0) {
        return child(arguments[2]);
    }
    unsigned rounds = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : 0;
    uint64_t state = count > 2 ? strtoull(arguments[2], NULL, 10) : (uint64_t)time(NULL);
    char directory[SCRATCH_SIZE];
    char path[SCRATCH_SIZE + 8];
    if (rounds == 0) {
        fprintf(stderr, "usage: kill9 ROUNDS [SEED]\n");
        return 2;
    }
    scratch_make(directory, sizeof(directory));
    snprintf(path, sizeof(path), "%s/data", directory);
    printf("seed %llu\n", (unsigned long long)state);
    uint64_t acknowledged = 0;
    for (unsigned round = 1; round <= rounds; round++) {
        uint64_t told_now = one_child(path, 1000 + draw(&state) % 150000);
        if (told_now == 0) {
            fail("nothing was acknowledged before the kill", NULL);
        }
        acknowledged += told_now;
        compare(path, round, told_now);
    }
    if (scratch_remove(directory) != 0) {
        fail("removing the directory", NULL);
    }
    printf("%u kills, %llu batches acknowledged, all found\n", rounds, (unsigned long long)acknowledged);
    return 0;
}
