/* The POSIX table: transfers, errors that say what to do, the lock, whole-file operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/environment.h"
#include "base/io.h"
#include "base/memory.h"
#include "../../scratch.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char scratch[200];

static char *in_scratch(const char *name) {
    static char paths[4][300];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
    return path;
}

static int setup(void **state) {
    (void)state;
    scratch_make(scratch, sizeof(scratch));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(scratch);
    return 0;
}

static void transfers(void **state) {
    (void)state;
    struct io io = io_posix();
    struct kmb_error error = {0};
    struct io_file *file;
    const char *path = in_scratch("file");
    assert_int_equal(io_open(&io, path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE, &file, &error), KMB_OK);
    assert_int_equal(io_write(&io, file, 100, "abc", 3, &error), KMB_OK);
    assert_int_equal(io_write(&io, file, 0, NULL, 0, &error), KMB_OK);
    assert_int_equal(io_sync(&io, file, &error), KMB_OK);
    uint64_t size;
    assert_int_equal(io_size(&io, file, &size, &error), KMB_OK);
    assert_int_equal(size, 103);
    char bytes[10];
    size_t count;
    assert_int_equal(io_read(&io, file, 98, bytes, 10, &count, &error), KMB_OK);
    assert_int_equal(count, 5);
    assert_memory_equal(bytes, "\0\0abc", 5);
    assert_int_equal(io_read(&io, file, 1000, bytes, 10, &count, &error), KMB_OK);
    assert_int_equal(count, 0);
    assert_int_equal(io_read_exact(&io, file, 100, bytes, 3, &error), KMB_OK);
    assert_int_equal(io_read_exact(&io, file, 100, bytes, 4, &error), KMB_CORRUPT);
    assert_string_equal(error.message, "file ends at byte 103 where 4 bytes from 100 were expected");
    assert_int_equal(io_truncate(&io, file, 101, &error), KMB_OK);
    assert_int_equal(io_allocate(&io, file, 5000, &error), KMB_OK);
    assert_int_equal(io_allocate(&io, file, 10, &error), KMB_OK);
    assert_int_equal(io_size(&io, file, &size, &error), KMB_OK);
    assert_int_equal(size, 5000);
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_true(facts.st_blocks * 512 >= 4096);
    io_close(&io, file);
    io_close(&io, NULL);
    struct io_file *again;
    assert_int_equal(io_open(&io, path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE, &again, &error), KMB_FILE_EXISTS);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(io_open(&io, in_scratch("private"), IO_WRITE | IO_CREATE | IO_PRIVATE, &again, &error), KMB_OK);
    io_close(&io, again);
    assert_int_equal(stat(in_scratch("private"), &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
}

static enum kmb_status collect(void *context, const char *name, bool directory) {
    buffer_printf(context, "%s%s ", name, directory ? "/" : "");
    return strcmp(name, "stop") == 0 ? KMB_CANCELLED : KMB_OK;
}

static void names(void **state) {
    (void)state;
    struct io io = io_posix();
    struct kmb_error error = {0};
    const char *directory = in_scratch("names");
    assert_int_equal(io_make_directory(&io, directory, &error), KMB_OK);
    assert_int_equal(io_make_directory(&io, directory, &error), KMB_OK);
    char path[300];
    static const char *const all[] = {"b", "a", "Z", "c-long-name"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, all[i]);
        struct io_file *file;
        assert_int_equal(io_open(&io, path, IO_WRITE | IO_CREATE, &file, &error), KMB_OK);
        io_close(&io, file);
    }
    assert_int_equal(io_make_directory(&io, path, &error), KMB_FILE_EXISTS);
    snprintf(path, sizeof(path), "%s/sub", directory);
    assert_int_equal(io_make_directory(&io, path, &error), KMB_OK);
    struct buffer out = {0};
    assert_int_equal(io_list(&io, directory, collect, &out, &error), KMB_OK);
    assert_string_equal(buffer_text(&out), "Z a b c-long-name sub/ ");
    buffer_clear(&out);
    char other[300];
    snprintf(path, sizeof(path), "%s/b", directory);
    snprintf(other, sizeof(other), "%s/stop", directory);
    assert_int_equal(io_rename(&io, path, other, &error), KMB_OK);
    assert_int_equal(io_sync_directory(&io, directory, &error), KMB_OK);
    assert_int_equal(io_list(&io, directory, collect, &out, &error), KMB_CANCELLED);
    assert_string_equal(buffer_text(&out), "Z a c-long-name stop ");
    buffer_free(&out);
    bool exists;
    assert_int_equal(io_exists(&io, path, &exists, &error), KMB_OK);
    assert_false(exists);
    assert_int_equal(io_exists(&io, other, &exists, &error), KMB_OK);
    assert_true(exists);
    assert_int_equal(io_rename(&io, path, other, &error), KMB_FILE_NOT_FOUND);
    assert_non_null(strstr(error.detail, other));
    assert_int_equal(io_unlink(&io, other, &error), KMB_OK);
    assert_int_equal(io_unlink(&io, other, &error), KMB_FILE_NOT_FOUND);
    assert_int_equal(io_unlink(&io, directory, &error), KMB_IO); /* not empty */
    snprintf(path, sizeof(path), "%s/sub", directory);
    assert_int_equal(io_unlink(&io, path, &error), KMB_OK);
    assert_int_equal(io_list(&io, path, collect, &out, &error), KMB_FILE_NOT_FOUND);
    assert_int_equal(io_sync_directory(&io, path, &error), KMB_FILE_NOT_FOUND);
}

static void errors_name_the_path(void **state) {
    (void)state;
    struct io io = io_posix();
    struct kmb_error error = {0};
    struct io_file *file = (struct io_file *)&io;
    assert_int_equal(io_open(&io, in_scratch("none/x"), IO_READ, &file, &error), KMB_FILE_NOT_FOUND);
    assert_null(file);
    assert_non_null(strstr(error.message, "none/x"));
    assert_non_null(strstr(error.message, "No such file"));
    assert_int_equal(io_open(&io, scratch, IO_READ, &file, &error), KMB_IO);
    assert_non_null(strstr(error.message, "Is a directory"));
    assert_int_equal(io_open(&io, "/proc/kimberlite", IO_WRITE | IO_CREATE, &file, &error), KMB_FILE_NOT_FOUND);
    if (geteuid() != 0) {
        const char *closed = in_scratch("closed");
        assert_int_equal(io_make_directory(&io, closed, &error), KMB_OK);
        assert_int_equal(chmod(closed, 0500), 0);
        assert_int_equal(io_open(&io, in_scratch("closed/x"), IO_WRITE | IO_CREATE, &file, &error), KMB_READ_ONLY);
        assert_non_null(strstr(error.hint, "permission"));
        assert_int_equal(chmod(closed, 0), 0);
        assert_int_equal(io_open(&io, in_scratch("closed/x"), IO_READ, &file, &error), KMB_IO);
        assert_int_equal(chmod(closed, 0700), 0);
    }
}

static void full_disk(void **state) {
    (void)state;
    struct io io = io_posix();
    struct kmb_error error = {0};
    struct io_file *file;
    assert_int_equal(io_open(&io, "/dev/full", IO_WRITE, &file, &error), KMB_OK);
    assert_int_equal(io_write(&io, file, 0, "x", 1, &error), KMB_DISK_FULL);
    assert_non_null(strstr(error.message, "/dev/full"));
    assert_true(error.hint[0] != 0);
    io_close(&io, file);
    assert_int_equal(io_open(&io, in_scratch("huge"), IO_WRITE | IO_CREATE, &file, &error), KMB_OK);
    enum kmb_status status = io_allocate(&io, file, UINT64_C(1) << 60, &error);
    assert_true(status == KMB_DISK_FULL || status == KMB_IO); /* or: larger than the file system can have */
    io_close(&io, file);
}

static void short_writes_are_finished(void **state) {
    (void)state;
    /* A file size limit makes the kernel write a prefix, then fail: the prefix is on disk, the error says why. */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct io io = io_posix();
        struct kmb_error error = {0};
        struct io_file *file;
        struct rlimit limit = {.rlim_cur = 5000, .rlim_max = 5000};
        signal(SIGXFSZ, SIG_IGN);
        char bytes[8000];
        memset(bytes, 'x', sizeof(bytes));
        uint64_t size = 0;
        bool ok = setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                  io_open(&io, in_scratch("limited"), IO_WRITE | IO_CREATE, &file, &error) == KMB_OK &&
                  io_write(&io, file, 0, bytes, sizeof(bytes), &error) == KMB_IO && error.hint[0] != 0 &&
                  io_size(&io, file, &size, &error) == KMB_OK && size == 5000;
        _exit(ok ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
}

static void lock_names_its_holder(void **state) {
    (void)state;
    struct io io = io_posix();
    struct kmb_error error = {0};
    struct io_file *first;
    struct io_file *second;
    const char *path = in_scratch("LOCK");
    assert_int_equal(io_open(&io, path, IO_WRITE | IO_CREATE, &first, &error), KMB_OK);
    assert_int_equal(io_open(&io, path, IO_WRITE, &second, &error), KMB_OK);
    assert_int_equal(io_write(&io, first, 0, "an older and much longer note of a process that is gone", 55, &error),
                     KMB_OK);
    assert_int_equal(io_lock(&io, first, "pid 17 (kimberlite shell)", &error), KMB_OK);
    assert_int_equal(io_lock(&io, second, "pid 18", &error), KMB_LOCKED); /* in one process */
    assert_string_equal(error.detail, "held by pid 17 (kimberlite shell)");
    assert_non_null(strstr(error.message, path));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct io_file *third;
        bool ok = io_open(&io, path, IO_WRITE, &third, &error) == KMB_OK &&
                  io_lock(&io, third, "pid 19", &error) == KMB_LOCKED && strstr(error.detail, "pid 17") != NULL;
        _exit(ok ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    io_close(&io, first);
    assert_int_equal(io_lock(&io, second, "pid 18", &error), KMB_OK);
    struct buffer note = {0};
    assert_int_equal(io_read_file(&io, path, 1000, &note, &error), KMB_OK);
    assert_string_equal(buffer_text(&note), "pid 18\n");
    buffer_free(&note);
    io_close(&io, second);
}

static void whole_files(void **state) {
    (void)state;
    struct io io = io_posix();
    struct kmb_error error = {0};
    const char *path = in_scratch("whole");
    static uint8_t content[200000];
    struct prng prng;
    prng_seed(&prng, 5);
    prng_bytes(&prng, content, sizeof(content));
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(io_replace_file(&io, path, IO_PRIVATE, slice_make(content, sizes[i]), &error), KMB_OK);
        struct buffer back = {0};
        buffer_append_text(&back, "before");
        assert_int_equal(io_read_file(&io, path, sizes[i], &back, &error), KMB_OK);
        assert_int_equal(back.length, 6 + sizes[i]);
        assert_true(slice_equal(slice_make(back.bytes + 6, sizes[i]), slice_make(content, sizes[i])));
        buffer_free(&back);
    }
    struct buffer back = {0};
    assert_int_equal(io_read_file(&io, path, 199999, &back, &error), KMB_LIMIT);
    assert_non_null(strstr(error.message, "199999"));
    assert_int_equal(back.length, 0);
    buffer_free(&back);
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    /* A temporary file of an earlier crash, with other permissions, is no hindrance. */
    char left_over[400];
    snprintf(left_over, sizeof(left_over), "%s.tmp", path);
    struct io_file *file;
    assert_int_equal(io_open(&io, left_over, IO_WRITE | IO_CREATE, &file, &error), KMB_OK);
    io_close(&io, file);
    assert_int_equal(io_replace_file(&io, path, IO_PRIVATE, slice_text("new"), &error), KMB_OK);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    assert_int_not_equal(stat(left_over, &facts), 0);
    /* Where it fails, the old content stands and nothing is left behind. */
    assert_int_equal(io_replace_file(&io, in_scratch("none/x"), 0, slice_text("new"), &error), KMB_FILE_NOT_FOUND);
    const char *directory = in_scratch("a-directory");
    assert_int_equal(io_make_directory(&io, directory, &error), KMB_OK);
    assert_int_not_equal(io_replace_file(&io, directory, 0, slice_text("new"), &error), KMB_OK);
    snprintf(left_over, sizeof(left_over), "%s.tmp", directory);
    assert_int_not_equal(stat(left_over, &facts), 0);
}

static void memory_runs_out(void **state) {
    (void)state;
    struct io io = io_posix();
    const char *path = in_scratch("memory");
    for (uint64_t number = 1;; number++) {
        struct kmb_error error = {0};
        struct buffer back = {0};
        mem_fail_plan(number);
        enum kmb_status status = io_replace_file(&io, path, 0, slice_text("content"), &error);
        status = status == KMB_OK ? io_read_file(&io, path, 100, &back, &error) : status;
        bool fired = mem_fail_count() >= number;
        mem_fail_plan(0);
        assert_int_equal(status, fired ? KMB_NO_MEMORY : KMB_OK);
        buffer_free(&back);
        if (!fired) {
            assert_true(number > 5);
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfers),
        cmocka_unit_test(names),
        cmocka_unit_test(errors_name_the_path),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(short_writes_are_finished),
        cmocka_unit_test(lock_names_its_holder),
        cmocka_unit_test(whole_files),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
