/*
 * The disk in memory: the same random calls against it and a real directory give the same answers; a crash takes no
 * more and no less than it may.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/io_memory.h"
#include "base/memory.h"
#include "../../scratch.h"

#include <pthread.h>
#include <string.h>

enum { FILES = 6, BLOCK = 200000 };

static const char *const names[FILES] = {"a", "b", "d1/a", "d1/b", "d1/d2/c", "d3"};

static enum kmb_status collect(void *context, const char *name, bool directory) {
    buffer_printf(context, "%s%s ", name, directory ? "/" : "");
    return KMB_OK;
}

/* Compares all that can be seen below the two roots. */
static void assert_same_tree(const struct io *a, const char *a_root, const struct io *b, const char *b_root) {
    static const char *const directories[] = {"", "/d1", "/d1/d2", "/d3", "/d4"};
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        char path[300];
        struct buffer left = {0};
        struct buffer right = {0};
        snprintf(path, sizeof(path), "%s%s", a_root, directories[i]);
        enum kmb_status left_status = io_list(a, path, collect, &left, NULL);
        snprintf(path, sizeof(path), "%s%s", b_root, directories[i]);
        enum kmb_status right_status = io_list(b, path, collect, &right, NULL);
        assert_int_equal(left_status, right_status);
        assert_string_equal(buffer_text(&left), buffer_text(&right));
        buffer_free(&left);
        buffer_free(&right);
    }
    for (size_t i = 0; i < FILES; i++) {
        char path[300];
        struct buffer left = {0};
        struct buffer right = {0};
        snprintf(path, sizeof(path), "%s/%s", a_root, names[i]);
        enum kmb_status left_status = io_read_file(a, path, SIZE_MAX, &left, NULL);
        snprintf(path, sizeof(path), "%s/%s", b_root, names[i]);
        enum kmb_status right_status = io_read_file(b, path, SIZE_MAX, &right, NULL);
        assert_int_equal(left_status, right_status);
        assert_true(slice_equal(buffer_slice(&left), buffer_slice(&right)));
        buffer_free(&left);
        buffer_free(&right);
    }
}

/* One handle a name on each side, or none. */
struct sides {
    struct io io[2];
    const char *root[2];
    struct io_file *file[2][FILES];
};

static void one_step(struct sides *sides, struct prng *prng, uint8_t *bytes) {
    size_t which = (size_t)prng_below(prng, FILES);
    size_t other = (size_t)prng_below(prng, FILES);
    uint64_t kind = prng_below(prng, 20);
    uint64_t offset = prng_below(prng, prng_chance(prng, 1, 4) ? 300000 : 5000);
    size_t size = (size_t)prng_below(prng, prng_chance(prng, 1, 8) ? BLOCK : 3000);
    unsigned flags = IO_WRITE | (prng_chance(prng, 2, 3) ? IO_CREATE : 0u);
    flags |= (flags & IO_CREATE) != 0 && prng_chance(prng, 1, 4) ? IO_EXCLUSIVE : 0u;
    bool sure = prng_chance(prng, 1, 3);
    prng_bytes(prng, bytes, size < 64 ? size : 64);
    enum kmb_status status[2] = {KMB_OK, KMB_OK};
    struct buffer seen[2] = {{0}, {0}};
    uint64_t number[2] = {0, 0};
    for (size_t side = 0; side < 2; side++) {
        const struct io *io = &sides->io[side];
        struct io_file **file = &sides->file[side][which];
        char path[300];
        char target[300];
        snprintf(path, sizeof(path), "%s/%s", sides->root[side], names[which]);
        snprintf(target, sizeof(target), "%s/%s", sides->root[side], names[other]);
        if (kind < 4) {
            if (*file != NULL) {
                io_close(io, *file);
                *file = NULL;
            } else {
                status[side] = io_open(io, path, flags, file, NULL);
            }
        } else if (kind == 4) {
            status[side] = sure ? io_unlink(io, path, NULL) : KMB_OK;
        } else if (kind == 5) {
            status[side] = io_rename(io, path, target, NULL);
        } else if (kind == 6) {
            snprintf(path, sizeof(path), "%s/%s", sides->root[side],
                     offset % 3 == 0   ? "d1"
                     : offset % 3 == 1 ? "d1/d2"
                                       : "d3");
            status[side] = offset % 7 == 0 ? io_unlink(io, path, NULL) : io_make_directory(io, path, NULL);
        } else if (kind == 7) {
            snprintf(path, sizeof(path), "%s/d1", sides->root[side]);
            snprintf(target, sizeof(target), "%s/%s", sides->root[side], offset % 2 == 0 ? "d4" : "d1/d2/x");
            status[side] = io_rename(io, offset % 3 == 0 ? path : target, offset % 3 == 0 ? target : path, NULL);
        } else if (*file == NULL) {
            bool exists = false;
            status[side] = io_exists(io, path, &exists, NULL);
            number[side] = exists;
        } else if (kind < 14) {
            status[side] = io_write(io, *file, offset, bytes, size, NULL);
        } else if (kind == 14) {
            status[side] = io_truncate(io, *file, offset, NULL);
        } else if (kind == 15) {
            status[side] = io_allocate(io, *file, offset, NULL);
        } else if (kind == 16) {
            status[side] = io_size(io, *file, &number[side], NULL);
        } else if (kind == 17) {
            status[side] = side == 0 ? io_sync(io, *file, NULL) : KMB_OK;
        } else {
            uint8_t *place = buffer_extend(&seen[side], size);
            size_t count = 0;
            status[side] = io_read(io, *file, offset, place, size, &count, NULL);
            seen[side].length = count;
        }
    }
    assert_int_equal(status[0], status[1]);
    assert_true(number[0] == number[1]);
    assert_true(slice_equal(buffer_slice(&seen[0]), buffer_slice(&seen[1])));
    buffer_free(&seen[0]);
    buffer_free(&seen[1]);
}

static void behaves_as_a_real_disk(void **state) {
    (void)state;
    static uint8_t bytes[BLOCK];
    memset(bytes, 'x', sizeof(bytes));
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct prng prng;
        prng_seed(&prng, seed);
        char scratch[200];
        scratch_make(scratch, sizeof(scratch));
        struct io_memory *disk = io_memory_new(0);
        struct sides sides = {.io = {io_memory_table(disk), io_posix()}, .root = {"", scratch}};
        for (int step = 0; step < 4000; step++) {
            one_step(&sides, &prng, bytes);
            if (step % 500 == 499) {
                struct io_memory *clone = io_memory_clone(disk);
                struct io table = io_memory_table(clone);
                assert_same_tree(&table, "", &sides.io[1], scratch);
                io_memory_crash(clone, IO_CRASH_KEEP, NULL, NULL); /* a process crash loses nothing */
                assert_same_tree(&table, "", &sides.io[1], scratch);
                io_memory_free(clone);
                assert_same_tree(&sides.io[0], "", &sides.io[1], scratch);
            }
        }
        for (size_t i = 0; i < FILES; i++) {
            io_close(&sides.io[0], sides.file[0][i]);
            io_close(&sides.io[1], sides.file[1][i]);
        }
        io_memory_free(disk);
        scratch_remove(scratch);
    }
}

/* A disk with /f, durable, of the given size, all bytes 'o'. */
static struct io_memory *disk_with_file(struct io *io, struct io_file **file, size_t size) {
    struct io_memory *disk = io_memory_new(0);
    *io = io_memory_table(disk);
    assert_int_equal(io_open(io, "/f", IO_WRITE | IO_CREATE, file, NULL), KMB_OK);
    char *bytes = mem_alloc(size);
    memset(bytes, 'o', size);
    assert_int_equal(io_write(io, *file, 0, bytes, size, NULL), KMB_OK);
    mem_free(bytes);
    assert_int_equal(io_sync(io, *file, NULL), KMB_OK);
    assert_int_equal(io_sync_directory(io, "/", NULL), KMB_OK);
    return disk;
}

static void lose_takes_all_that_was_not_synced(void **state) {
    (void)state;
    struct prng prng;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        prng_seed(&prng, seed);
        struct io io;
        struct io_file *file;
        struct io_memory *disk = disk_with_file(&io, &file, (size_t)prng_below(&prng, 200000) + 1);
        static uint8_t bytes[BLOCK];
        struct buffer durable = {0};
        int steps = 1 + (int)prng_below(&prng, 20);
        int sync_at = (int)prng_below(&prng, (uint64_t)steps);
        uint64_t unsynced = 0;
        for (int step = 0; step < steps; step++) {
            uint64_t offset = prng_below(&prng, 300000);
            prng_bytes(&prng, bytes, 64);
            unsynced++;
            if (prng_chance(&prng, 1, 4)) {
                uint64_t size;
                assert_int_equal(io_size(&io, file, &size, NULL), KMB_OK);
                unsynced -= size == offset;
                assert_int_equal(io_truncate(&io, file, offset, NULL), KMB_OK);
            } else {
                assert_int_equal(io_write(&io, file, offset, bytes, 1 + (size_t)prng_below(&prng, BLOCK), NULL),
                                 KMB_OK);
            }
            if (step == sync_at) {
                assert_int_equal(io_sync(&io, file, NULL), KMB_OK);
                assert_int_equal(io_read_file(&io, "/f", SIZE_MAX, &durable, NULL), KMB_OK);
                unsynced = 0;
            }
        }
        struct io_crash_report report;
        io_memory_crash(disk, IO_CRASH_LOSE, NULL, &report);
        assert_int_equal(report.writes_lost, unsynced);
        assert_int_equal(report.writes_kept + report.writes_torn, 0);
        uint64_t size;
        struct kmb_error error = {0};
        assert_int_equal(io_size(&io, file, &size, &error), KMB_IO);
        assert_non_null(strstr(error.message, "before the crash"));
        io_close(&io, file);
        struct buffer after = {0};
        assert_int_equal(io_read_file(&io, "/f", SIZE_MAX, &after, NULL), KMB_OK);
        assert_true(slice_equal(buffer_slice(&durable), buffer_slice(&after)));
        assert_int_equal(io_memory_bytes(disk), after.length);
        buffer_free(&durable);
        buffer_free(&after);
        io_memory_free(disk);
    }
}

/* Three writes to places of their own: which survive is a subset, and every subset is seen. */
static void reorder_keeps_any_subset(void **state) {
    (void)state;
    bool seen[8] = {false};
    struct prng prng;
    prng_seed(&prng, 7);
    struct io io;
    struct io_file *file;
    struct io_memory *disk = disk_with_file(&io, &file, 40000);
    for (uint64_t i = 0; i < 3; i++) {
        char bytes[512];
        memset(bytes, 'n', sizeof(bytes));
        assert_int_equal(io_write(&io, file, i * 8192, bytes, sizeof(bytes), NULL), KMB_OK);
    }
    for (int round = 0; round < 200; round++) {
        struct io_memory *clone = io_memory_clone(disk);
        struct io_crash_report report;
        io_memory_crash(clone, IO_CRASH_REORDER, &prng, &report);
        assert_int_equal(report.writes_lost + report.writes_kept, 3);
        struct io table = io_memory_table(clone);
        struct buffer after = {0};
        assert_int_equal(io_read_file(&table, "/f", SIZE_MAX, &after, NULL), KMB_OK);
        assert_int_equal(after.length, 40000);
        unsigned subset = 0;
        for (size_t at = 0; at < after.length; at++) {
            bool inside = at % 8192 < 512 && at < 3 * 8192;
            if (after.bytes[at] == 'n') {
                assert_true(inside);
                subset |= 1u << (at / 8192);
            }
            assert_int_equal(after.bytes[at], inside && (subset & 1u << (at / 8192)) != 0 ? 'n' : 'o');
        }
        assert_int_equal(__builtin_popcount(subset), report.writes_kept);
        seen[subset] = true;
        buffer_free(&after);
        io_memory_free(clone);
    }
    for (size_t i = 0; i < 8; i++) {
        assert_true(seen[i]);
    }
    io_close(&io, file);
    io_memory_free(disk);
}

/* A torn write is a mix of old and new bytes with a border inside a sector, and touches nothing else. */
static void tear_cuts_inside_a_sector(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 8);
    struct io io;
    struct io_file *file;
    struct io_memory *disk = disk_with_file(&io, &file, 100000);
    static char bytes[20000];
    memset(bytes, 'n', sizeof(bytes));
    assert_int_equal(io_write(&io, file, 30000, bytes, sizeof(bytes), NULL), KMB_OK);
    size_t behind = 0;
    for (int round = 0; round < 300; round++) {
        struct io_memory *clone = io_memory_clone(disk);
        struct io_crash_report report;
        io_memory_crash(clone, IO_CRASH_TEAR, &prng, &report);
        assert_int_equal(report.writes_torn, 1);
        struct io table = io_memory_table(clone);
        struct buffer after = {0};
        assert_int_equal(io_read_file(&table, "/f", SIZE_MAX, &after, NULL), KMB_OK);
        assert_int_equal(after.length, 100000);
        size_t cut = 30000;
        while (after.bytes[cut] == 'n') {
            cut++;
        }
        assert_true(cut > 30000 && cut < 50000 && cut % 512 != 0);
        for (size_t at = 0; at < after.length; at++) {
            bool old = at < 30000 || at >= 50000 || (at >= cut && at < (cut / 512 + 1) * 512);
            assert_true(after.bytes[at] == 'o' || (!old && after.bytes[at] == 'n'));
            behind += at > cut && after.bytes[at] == 'n';
        }
        buffer_free(&after);
        io_memory_free(clone);
    }
    assert_true(behind > 0); /* what follows the tear may survive too */
    io_close(&io, file);
    io_memory_free(disk);
}

static bool there(const struct io *io, const char *path) {
    bool exists;
    assert_int_equal(io_exists(io, path, &exists, NULL), KMB_OK);
    return exists;
}

static void create(const struct io *io, const char *path, const char *content) {
    struct io_file *file;
    assert_int_equal(io_open(io, path, IO_WRITE | IO_CREATE, &file, NULL), KMB_OK);
    assert_int_equal(io_write(io, file, 0, content, strlen(content), NULL), KMB_OK);
    assert_int_equal(io_sync(io, file, NULL), KMB_OK);
    io_close(io, file);
}

static void names_need_a_sync_of_their_directory(void **state) {
    (void)state;
    struct io_memory *disk = io_memory_new(0);
    struct io io = io_memory_table(disk);
    assert_int_equal(io_make_directory(&io, "/d", NULL), KMB_OK);
    assert_int_equal(io_make_directory(&io, "/e", NULL), KMB_OK);
    create(&io, "/d/old", "old");
    assert_int_equal(io_sync_directory(&io, "/", NULL), KMB_OK);
    assert_int_equal(io_sync_directory(&io, "/d", NULL), KMB_OK);
    create(&io, "/d/new", "new");                             /* content synced, name not */
    assert_int_equal(io_unlink(&io, "/d/old", NULL), KMB_OK); /* not synced */
    create(&io, "/e/moved", "moved");
    assert_int_equal(io_rename(&io, "/e/moved", "/d/moved", NULL), KMB_OK);
    struct io_memory *clone = io_memory_clone(disk);
    struct io table = io_memory_table(clone);
    io_memory_crash(clone, IO_CRASH_LOSE, NULL, NULL);
    assert_true(there(&table, "/d/old"));
    assert_false(there(&table, "/d/new"));
    assert_false(there(&table, "/d/moved"));
    assert_false(there(&table, "/e/moved"));
    io_memory_free(clone);
    assert_int_equal(io_sync_directory(&io, "/d", NULL), KMB_OK);
    /* The rename took along what had happened in /e before it: a sync of /e brings no second name to life. */
    assert_int_equal(io_sync_directory(&io, "/e", NULL), KMB_OK);
    io_memory_crash(disk, IO_CRASH_LOSE, NULL, NULL);
    assert_false(there(&io, "/d/old"));
    assert_true(there(&io, "/d/new"));
    assert_true(there(&io, "/d/moved"));
    assert_false(there(&io, "/e/moved"));
    struct buffer content = {0};
    assert_int_equal(io_read_file(&io, "/d/moved", 100, &content, NULL), KMB_OK);
    assert_string_equal(buffer_text(&content), "moved");
    buffer_free(&content);
    io_memory_free(disk);
}

/* After io_replace_file() and any crash in it, the file is the old or the new one, whole. */
static void a_replaced_file_is_old_or_new(void **state) {
    (void)state;
    struct prng prng;
    bool seen_old = false;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        prng_seed(&prng, seed);
        struct io_memory *disk = io_memory_new(0);
        struct io io = io_memory_table(disk);
        assert_int_equal(io_replace_file(&io, "/k", 0, slice_text("old content"), NULL), KMB_OK);
        /* The parts of a replacement without its last sync. */
        create(&io, "/k.tmp", "new");
        assert_int_equal(io_rename(&io, "/k.tmp", "/k", NULL), KMB_OK);
        io_memory_crash(disk, IO_CRASH_TEAR, &prng, NULL);
        struct buffer content = {0};
        assert_int_equal(io_read_file(&io, "/k", 100, &content, NULL), KMB_OK);
        bool old = slice_equal_text(buffer_slice(&content), "old content");
        assert_true(old || slice_equal_text(buffer_slice(&content), "new"));
        seen_old = seen_old || old;
        buffer_clear(&content);
        assert_int_equal(io_replace_file(&io, "/k", 0, slice_text("newest"), NULL), KMB_OK);
        io_memory_crash(disk, IO_CRASH_TEAR, &prng, NULL);
        assert_int_equal(io_read_file(&io, "/k", 100, &content, NULL), KMB_OK);
        assert_string_equal(buffer_text(&content), "newest");
        buffer_free(&content);
        io_memory_free(disk);
    }
    assert_true(seen_old);
}

static void capacity_is_a_limit(void **state) {
    (void)state;
    struct io_memory *disk = io_memory_new(10000);
    struct io io = io_memory_table(disk);
    struct kmb_error error = {0};
    struct io_file *file;
    char bytes[6000] = {0};
    assert_int_equal(io_open(&io, "/a", IO_WRITE | IO_CREATE, &file, &error), KMB_OK);
    assert_int_equal(io_write(&io, file, 0, bytes, 6000, &error), KMB_OK);
    assert_int_equal(io_write(&io, file, 6000, bytes, 6000, &error), KMB_DISK_FULL);
    assert_non_null(strstr(error.message, "/a"));
    assert_int_equal(io_memory_bytes(disk), 10000);
    assert_int_equal(io_write(&io, file, 0, bytes, 6000, &error), KMB_OK); /* over itself */
    assert_int_equal(io_truncate(&io, file, 1000, &error), KMB_OK);
    assert_int_equal(io_allocate(&io, file, 10000, &error), KMB_OK);
    assert_int_equal(io_allocate(&io, file, 10001, &error), KMB_DISK_FULL);
    assert_int_equal(io_unlink(&io, "/a", &error), KMB_OK);
    assert_int_equal(io_memory_bytes(disk), 10000); /* still open */
    io_close(&io, file);
    assert_int_equal(io_memory_bytes(disk), 0);
    io_memory_free(disk);
}

static void lock_names_its_holder(void **state) {
    (void)state;
    struct io_memory *disk = io_memory_new(0);
    struct io io = io_memory_table(disk);
    struct kmb_error error = {0};
    struct io_file *first;
    struct io_file *second;
    assert_int_equal(io_open(&io, "/LOCK", IO_WRITE | IO_CREATE, &first, &error), KMB_OK);
    assert_int_equal(io_open(&io, "/LOCK", IO_WRITE, &second, &error), KMB_OK);
    assert_int_equal(io_lock(&io, first, "pid 17 (kimberlite shell)", &error), KMB_OK);
    assert_int_equal(io_lock(&io, first, "pid 17 (kimberlite shell)", &error), KMB_OK);
    assert_int_equal(io_lock(&io, second, "pid 18", &error), KMB_LOCKED);
    assert_string_equal(error.detail, "held by pid 17 (kimberlite shell)");
    io_close(&io, first);
    assert_int_equal(io_lock(&io, second, "pid 18", &error), KMB_OK);
    io_memory_crash(disk, IO_CRASH_KEEP, NULL, NULL);
    io_close(&io, second);
    assert_int_equal(io_open(&io, "/LOCK", IO_WRITE, &first, &error), KMB_OK);
    assert_int_equal(io_lock(&io, first, "pid 19", &error), KMB_OK);
    io_close(&io, first);
    io_memory_free(disk);
}

static void flip_and_clone(void **state) {
    (void)state;
    struct io io;
    struct io_file *file;
    struct io_memory *disk = disk_with_file(&io, &file, 70000);
    struct io_memory *clone = io_memory_clone(disk);
    assert_true(io_memory_flip(clone, "/f", 69999, 3));
    assert_false(io_memory_flip(clone, "/f", 70000, 3));
    assert_false(io_memory_flip(clone, "/none", 0, 3));
    assert_false(io_memory_flip(clone, "/", 0, 3));
    struct io table = io_memory_table(clone);
    struct buffer left = {0};
    struct buffer right = {0};
    assert_int_equal(io_read_file(&io, "/f", SIZE_MAX, &left, NULL), KMB_OK);
    assert_int_equal(io_read_file(&table, "/f", SIZE_MAX, &right, NULL), KMB_OK);
    assert_int_equal(left.bytes[69999] ^ right.bytes[69999], 8);
    assert_memory_equal(left.bytes, right.bytes, 69999);
    buffer_free(&left);
    buffer_free(&right);
    assert_int_equal(io_write(&io, file, 0, "x", 1, NULL), KMB_OK);
    io.ops->forget_unsynced(&io, file);
    char byte;
    assert_int_equal(io_read_exact(&io, file, 0, &byte, 1, NULL), KMB_OK);
    assert_int_equal(byte, 'o');
    io_close(&io, file);
    io_memory_free(disk);
    io_memory_free(clone);
}

static enum kmb_status run_for_memory(struct io_memory *disk) {
    struct io io = io_memory_table(disk);
    struct io_file *file;
    enum kmb_status status = io_make_directory(&io, "/d", NULL);
    status = status == KMB_OK ? io_open(&io, "/d/f", IO_WRITE | IO_CREATE, &file, NULL) : status;
    if (status != KMB_OK) {
        return status;
    }
    status = io_write(&io, file, 65000, "0123456789012345678901234567890123456789", 40, NULL);
    status = status == KMB_OK ? io_write(&io, file, 65000, "abc", 3, NULL) : status;
    status = status == KMB_OK ? io_truncate(&io, file, 65010, NULL) : status;
    io_close(&io, file);
    status = status == KMB_OK ? io_rename(&io, "/d/f", "/g", NULL) : status;
    status = status == KMB_OK ? io_sync_directory(&io, "/", NULL) : status;
    if (status == KMB_OK) {
        struct io_memory *clone = io_memory_clone(disk);
        status = clone == NULL ? KMB_NO_MEMORY : KMB_OK;
        io_memory_free(clone);
    }
    return status;
}

static void memory_runs_out(void **state) {
    (void)state;
    for (uint64_t number = 1;; number++) {
        mem_fail_plan(number);
        struct io_memory *disk = io_memory_new(0);
        enum kmb_status status = disk == NULL ? KMB_NO_MEMORY : run_for_memory(disk);
        bool fired = mem_fail_count() >= number;
        mem_fail_plan(0);
        assert_int_equal(status, fired ? KMB_NO_MEMORY : KMB_OK);
        io_memory_free(disk);
        if (!fired) {
            assert_true(number > 20);
            break;
        }
    }
}

struct worker {
    struct io_memory *disk;
    int number;
};

static void *work(void *context) {
    struct worker *worker = context;
    struct io io = io_memory_table(worker->disk);
    char path[20];
    snprintf(path, sizeof(path), "/%d", worker->number);
    for (int i = 0; i < 500; i++) {
        struct io_file *file;
        uint8_t bytes[100];
        memset(bytes, worker->number, sizeof(bytes));
        if (io_open(&io, path, IO_WRITE | IO_CREATE, &file, NULL) != KMB_OK ||
            io_write(&io, file, (uint64_t)i * 50, bytes, sizeof(bytes), NULL) != KMB_OK ||
            io_sync(&io, file, NULL) != KMB_OK || io_sync_directory(&io, "/", NULL) != KMB_OK) {
            return NULL;
        }
        io_close(&io, file);
        struct io_memory *clone = i % 50 == 0 ? io_memory_clone(worker->disk) : NULL;
        if (clone != NULL) {
            struct prng prng;
            prng_seed(&prng, (uint64_t)i);
            io_memory_crash(clone, IO_CRASH_TEAR, &prng, NULL);
        }
        io_memory_free(clone);
    }
    return worker;
}

static void threads_may_share(void **state) {
    (void)state;
    struct io_memory *disk = io_memory_new(0);
    struct worker workers[3];
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        workers[i] = (struct worker){.disk = disk, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
    assert_int_equal(io_memory_bytes(disk), 3 * (499 * 50 + 100));
    io_memory_free(disk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_as_a_real_disk),
        cmocka_unit_test(lose_takes_all_that_was_not_synced),
        cmocka_unit_test(reorder_keeps_any_subset),
        cmocka_unit_test(tear_cuts_inside_a_sector),
        cmocka_unit_test(names_need_a_sync_of_their_directory),
        cmocka_unit_test(a_replaced_file_is_old_or_new),
        cmocka_unit_test(capacity_is_a_limit),
        cmocka_unit_test(lock_names_its_holder),
        cmocka_unit_test(flip_and_clone),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(threads_may_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
