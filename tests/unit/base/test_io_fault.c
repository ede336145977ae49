/* The fault injector: every kind fires at the planned call, does what its name says, and is counted only then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/io_fault.h"
#include "base/io_memory.h"
#include "base/memory.h"

#include <string.h>

struct rig {
    struct io_memory *disk;
    struct io inner;
    struct io_fault *fault;
    struct io io;
    struct io_file *file;
    int crashes;
};

static void on_crash(void *context) {
    struct rig *rig = context;
    rig->crashes++;
    assert_true(io_fault_crashed(rig->fault));
}

/* /f holds 16 KiB of 'o', synced; the next call has number 1 more than io_fault_calls(). */
static void rig_make(struct rig *rig) {
    memset(rig, 0, sizeof(*rig));
    rig->disk = io_memory_new(0);
    rig->inner = io_memory_table(rig->disk);
    rig->fault = io_fault_new(&rig->inner, on_crash, rig);
    rig->io = io_fault_table(rig->fault);
    static char bytes[16384];
    memset(bytes, 'o', sizeof(bytes));
    assert_int_equal(io_replace_file(&rig->io, "/f", 0, slice_make(bytes, sizeof(bytes)), NULL), KMB_OK);
    assert_int_equal(io_open(&rig->io, "/f", IO_WRITE, &rig->file, NULL), KMB_OK);
}

static void rig_free(struct rig *rig) {
    io_close(&rig->io, rig->file);
    io_fault_free(rig->fault);
    io_memory_free(rig->disk);
}

static void plan_next(struct rig *rig, enum io_fault_kind kind) {
    io_fault_plan(rig->fault, io_fault_calls(rig->fault) + 1, kind, NULL);
}

/* The file as the machine finds it: through the inner table. */
static void look(const struct rig *rig, struct buffer *content) {
    buffer_clear(content);
    assert_int_equal(io_read_file(&rig->inner, "/f", SIZE_MAX, content, NULL), KMB_OK);
}

static size_t news(const struct buffer *content) {
    size_t count = 0;
    for (size_t i = 0; i < content->length; i++) {
        count += content->bytes[i] == 'n';
    }
    return count;
}

static const char *new_bytes(void) {
    static char bytes[4096];
    memset(bytes, 'n', sizeof(bytes));
    return bytes;
}

static void refusals(void **state) {
    (void)state;
    struct rig rig;
    rig_make(&rig);
    struct kmb_error error = {0};
    struct buffer content = {0};
    uint64_t size;
    plan_next(&rig, IO_FAULT_EIO);
    assert_int_equal(io_size(&rig.io, rig.file, &size, &error), KMB_IO);
    assert_int_equal(io_size(&rig.io, rig.file, &size, &error), KMB_OK); /* once */
    plan_next(&rig, IO_FAULT_ENOSPC);
    assert_int_equal(io_write(&rig.io, rig.file, 0, new_bytes(), 100, &error), KMB_DISK_FULL);
    plan_next(&rig, IO_FAULT_ENOSPC);
    assert_int_equal(io_allocate(&rig.io, rig.file, 100000, &error), KMB_DISK_FULL);
    struct io_file *other;
    plan_next(&rig, IO_FAULT_ENOSPC);
    assert_int_equal(io_open(&rig.io, "/g", IO_WRITE | IO_CREATE, &other, &error), KMB_DISK_FULL);
    plan_next(&rig, IO_FAULT_ENOSPC); /* a read needs no space: nothing happens, nothing is counted */
    char byte;
    assert_int_equal(io_read_exact(&rig.io, rig.file, 0, &byte, 1, &error), KMB_OK);
    assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_EIO), 1);
    assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_ENOSPC), 3);
    look(&rig, &content);
    assert_int_equal(news(&content), 0);
    plan_next(&rig, IO_FAULT_SHORT_WRITE);
    assert_int_equal(io_write(&rig.io, rig.file, 0, new_bytes(), 100, &error), KMB_IO);
    look(&rig, &content);
    assert_true(news(&content) > 0 && news(&content) < 100);
    plan_next(&rig, IO_FAULT_SYNC);
    assert_int_equal(io_sync(&rig.io, rig.file, &error), KMB_IO);
    look(&rig, &content);
    assert_int_equal(news(&content), 0); /* the unsynced write is gone */
    assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_SHORT_WRITE), 1);
    assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_SYNC), 1);
    assert_int_equal(rig.crashes, 0);
    buffer_free(&content);
    rig_free(&rig);
}

static void quiet_damage(void **state) {
    (void)state;
    struct rig rig;
    rig_make(&rig);
    struct buffer content = {0};
    uint8_t bytes[64];
    plan_next(&rig, IO_FAULT_READ_FLIP);
    assert_int_equal(io_read_exact(&rig.io, rig.file, 0, bytes, sizeof(bytes), NULL), KMB_OK);
    int flipped = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        flipped += __builtin_popcount((unsigned)(bytes[i] ^ 'o'));
    }
    assert_int_equal(flipped, 1);
    assert_int_equal(io_read_exact(&rig.io, rig.file, 0, bytes, sizeof(bytes), NULL), KMB_OK);
    assert_int_equal(bytes[0], 'o');
    plan_next(&rig, IO_FAULT_MISDIRECTED);
    assert_int_equal(io_write(&rig.io, rig.file, 8192, new_bytes(), 512, NULL), KMB_OK);
    look(&rig, &content);
    assert_int_equal(news(&content), 512);
    assert_int_equal(content.bytes[4096], 'n');
    assert_int_equal(content.bytes[8192], 'o');
    plan_next(&rig, IO_FAULT_MISDIRECTED);
    assert_int_equal(io_write(&rig.io, rig.file, 0, new_bytes(), 512, NULL), KMB_OK);
    look(&rig, &content);
    assert_int_equal(content.bytes[0], 'o');
    assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_READ_FLIP), 1);
    assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_MISDIRECTED), 2);
    buffer_free(&content);
    rig_free(&rig);
}

static void crashes(void **state) {
    (void)state;
    static const enum io_fault_kind kinds[] = {IO_FAULT_CRASH_BEFORE, IO_FAULT_CRASH_AFTER, IO_FAULT_TORN_SECTOR};
    for (size_t i = 0; i < 3; i++) {
        struct rig rig;
        rig_make(&rig);
        struct kmb_error error = {0};
        struct buffer content = {0};
        plan_next(&rig, kinds[i]);
        enum kmb_status status = io_write(&rig.io, rig.file, 1000, new_bytes(), 3000, &error);
        assert_int_equal(status, kinds[i] == IO_FAULT_TORN_SECTOR ? KMB_OK : KMB_IO);
        assert_int_equal(rig.crashes, 1);
        assert_int_equal(io_fault_applied(rig.fault, kinds[i]), 1);
        look(&rig, &content);
        if (kinds[i] == IO_FAULT_TORN_SECTOR) {
            size_t count = news(&content);
            assert_true(count > 0 && count < 3000 && (1000 + count) % 512 != 0);
            assert_int_equal(content.bytes[1000 + count - 1], 'n');
        } else {
            assert_int_equal(news(&content), kinds[i] == IO_FAULT_CRASH_AFTER ? 3000 : 0);
        }
        assert_int_equal(io_sync(&rig.io, rig.file, &error), KMB_IO);
        assert_non_null(strstr(error.message, "crashed"));
        struct io_file *other;
        assert_int_equal(io_open(&rig.io, "/f", IO_READ, &other, &error), KMB_IO);
        assert_int_equal(rig.crashes, 1);
        buffer_free(&content);
        rig_free(&rig);
    }
}

static void lost_write_crashes_at_the_sync(void **state) {
    (void)state;
    for (int variant = 0; variant < 3; variant++) {
        struct rig rig;
        rig_make(&rig);
        struct buffer content = {0};
        uint64_t at = variant == 0 ? 4000 : 16384; /* inside, or growing the file */
        plan_next(&rig, IO_FAULT_LOST_WRITE);
        assert_int_equal(io_write(&rig.io, rig.file, at, new_bytes(), 1000, NULL), KMB_OK);
        uint8_t byte;
        assert_int_equal(io_read_exact(&rig.io, rig.file, at, &byte, 1, NULL), KMB_OK);
        assert_int_equal(byte, 'n'); /* the page cache has it */
        assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_LOST_WRITE), 0);
        if (variant == 2) {
            assert_int_equal(io_write(&rig.io, rig.file, 17384, "zzz", 3, NULL), KMB_OK);
        }
        assert_int_equal(io_sync(&rig.io, rig.file, NULL), KMB_IO);
        assert_int_equal(rig.crashes, 1);
        assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_LOST_WRITE), 1);
        look(&rig, &content);
        assert_int_equal(news(&content), 0);
        assert_int_equal(content.length, variant == 2 ? 17387 : 16384);
        assert_int_equal(content.bytes[variant == 2 ? 16384 : 4000], variant == 2 ? 0 : 'o');
        buffer_free(&content);
        rig_free(&rig);
    }
    /* A run that ends without a sync lost nothing that was promised. */
    struct rig rig;
    rig_make(&rig);
    plan_next(&rig, IO_FAULT_LOST_WRITE);
    assert_int_equal(io_write(&rig.io, rig.file, 0, new_bytes(), 10, NULL), KMB_OK);
    assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_LOST_WRITE), 0);
    assert_int_equal(io_write(&rig.io, rig.file, 5, "x", 1, NULL), KMB_IO); /* an overlapping write: crash first */
    assert_int_equal(rig.crashes, 1);
    rig_free(&rig);
}

static void reordered_write_crashes_after_the_next(void **state) {
    (void)state;
    struct rig rig;
    rig_make(&rig);
    struct buffer content = {0};
    plan_next(&rig, IO_FAULT_REORDER);
    assert_int_equal(io_write(&rig.io, rig.file, 0, new_bytes(), 1000, NULL), KMB_OK);
    assert_int_equal(io_write(&rig.io, rig.file, 8000, new_bytes(), 50, NULL), KMB_IO);
    assert_int_equal(rig.crashes, 1);
    assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_REORDER), 1);
    look(&rig, &content);
    assert_int_equal(news(&content), 50);
    assert_int_equal(content.bytes[8000], 'n');
    rig_free(&rig);
    /* A sync between the two is a barrier: nothing is lost, nothing is counted. */
    rig_make(&rig);
    plan_next(&rig, IO_FAULT_REORDER);
    assert_int_equal(io_write(&rig.io, rig.file, 0, new_bytes(), 1000, NULL), KMB_OK);
    assert_int_equal(io_sync(&rig.io, rig.file, NULL), KMB_OK);
    assert_int_equal(io_write(&rig.io, rig.file, 8000, new_bytes(), 50, NULL), KMB_OK);
    assert_int_equal(io_fault_applied(rig.fault, IO_FAULT_REORDER), 0);
    assert_int_equal(rig.crashes, 0);
    look(&rig, &content);
    assert_int_equal(news(&content), 1050);
    buffer_free(&content);
    rig_free(&rig);
}

/* One pass over every kind of call. */
static void scenario(struct rig *rig) {
    struct io_file *other = NULL;
    bool exists;
    uint64_t size;
    char bytes[100];
    size_t count;
    io_make_directory(&rig->io, "/d", NULL);
    if (io_open(&rig->io, "/d/g", IO_WRITE | IO_CREATE, &other, NULL) == KMB_OK) {
        io_lock(&rig->io, other, "note", NULL);
        io_allocate(&rig->io, other, 20000, NULL);
        io_write(&rig->io, other, 8192, new_bytes(), 4096, NULL);
        io_write(&rig->io, other, 0, new_bytes(), 600, NULL);
        io_sync(&rig->io, other, NULL);
        io_read(&rig->io, other, 0, bytes, sizeof(bytes), &count, NULL);
        io_size(&rig->io, other, &size, NULL);
        io_truncate(&rig->io, other, 10, NULL);
        io_close(&rig->io, other);
    }
    io_rename(&rig->io, "/d/g", "/d/h", NULL);
    io_sync_directory(&rig->io, "/d", NULL);
    io_exists(&rig->io, "/d/h", &exists, NULL);
    io_unlink(&rig->io, "/d/h", NULL);
}

/* Each kind planned at each call that can have it: it fires exactly once (a reordering may be stopped by a barrier). */
static void every_kind_fires_everywhere(void **state) {
    (void)state;
    struct rig rig;
    rig_make(&rig);
    uint64_t first = io_fault_calls(rig.fault) + 1;
    scenario(&rig);
    uint64_t last = io_fault_calls(rig.fault);
    assert_int_equal(last - first + 1, 14);
    uint64_t fired[IO_FAULT_KINDS] = {0};
    for (uint64_t call = first; call <= last; call++) {
        for (unsigned kind = 1; kind < IO_FAULT_KINDS; kind++) {
            bool applies = io_fault_applies(rig.fault, call, (enum io_fault_kind)kind);
            struct rig again;
            rig_make(&again);
            io_fault_plan(again.fault, call, (enum io_fault_kind)kind, NULL);
            scenario(&again);
            uint64_t applied = io_fault_applied(again.fault, (enum io_fault_kind)kind);
            if (kind == IO_FAULT_REORDER) {
                assert_true(applied <= applies);
            } else {
                assert_int_equal(applied, applies);
            }
            fired[kind] += applied;
            rig_free(&again);
        }
    }
    for (unsigned kind = 1; kind < IO_FAULT_KINDS; kind++) {
        assert_true(fired[kind] > 0);
        assert_true(strlen(io_fault_name((enum io_fault_kind)kind)) > 2);
    }
    assert_string_equal(io_fault_name(IO_FAULT_TORN_SECTOR), "torn-sector");
    assert_int_equal(fired[IO_FAULT_EIO], 14);
    assert_false(io_fault_applies(rig.fault, last + 100, IO_FAULT_EIO));
    rig_free(&rig);
}

static void rates_follow_their_generator(void **state) {
    (void)state;
    uint64_t applied[2];
    for (int run = 0; run < 2; run++) {
        struct rig rig;
        rig_make(&rig);
        struct prng prng;
        prng_seed(&prng, 11);
        io_fault_rate(rig.fault, IO_FAULT_EIO, 1, 10, &prng);
        io_fault_rate(rig.fault, IO_FAULT_READ_FLIP, 1, 10, &prng);
        uint64_t size;
        uint64_t errors = 0;
        char bytes[10];
        for (int i = 0; i < 1000; i++) {
            errors += io_size(&rig.io, rig.file, &size, NULL) == KMB_IO;
            errors += io_read_exact(&rig.io, rig.file, 0, bytes, 10, NULL) == KMB_IO;
        }
        assert_int_equal(errors, io_fault_applied(rig.fault, IO_FAULT_EIO));
        assert_true(errors > 120 && errors < 280);
        applied[run] = errors * 10000 + io_fault_applied(rig.fault, IO_FAULT_READ_FLIP);
        io_fault_clear(rig.fault);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(io_size(&rig.io, rig.file, &size, NULL), KMB_OK);
        }
        rig_free(&rig);
    }
    assert_true(applied[0] == applied[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),
        cmocka_unit_test(quiet_damage),
        cmocka_unit_test(crashes),
        cmocka_unit_test(lost_write_crashes_at_the_sync),
        cmocka_unit_test(reordered_write_crashes_after_the_next),
        cmocka_unit_test(every_kind_fires_everywhere),
        cmocka_unit_test(rates_follow_their_generator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
