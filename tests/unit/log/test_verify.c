/*
 * Verification: every bit of a closed log is accounted for, and what is missing, surplus, exchanged or of the wrong
 * size is named. The untouched log verifies before and after each change.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"

#define SEGMENTS 3

/* Which part holds a byte, as the test itself lays the log out. */
struct part {
    enum log_part part;
    uint64_t offset;
    uint64_t op;
    uint32_t index;
    uint32_t tenant;
    uint64_t sequence;
};

struct image {
    char name[32];
    uint64_t size;
    uint8_t *bytes;
};

static void good(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        print_error("%d: %s\n", (int)status, error->message);
    }
    assert_int_equal(status, KMB_OK);
}

static struct image image_read(struct fixture *fixture, const char *name) {
    struct image image = {0};
    struct buffer buffer = {0};
    snprintf(image.name, sizeof image.name, "%s", name);
    assert_int_equal(io_read_file(&fixture->io, fixture_path(name), 1 << 24, &buffer, NULL), KMB_OK);
    image.bytes = buffer.bytes;
    image.size = buffer.length;
    return image;
}

static void image_write(struct fixture *fixture, const char *name, const uint8_t *bytes, uint64_t size) {
    struct io_file *file = NULL;
    assert_int_equal(io_open(&fixture->io, fixture_path(name), IO_WRITE | IO_CREATE, &file, NULL), KMB_OK);
    assert_int_equal(io_truncate(&fixture->io, file, 0, NULL), KMB_OK);
    assert_int_equal(io_write(&fixture->io, file, 0, bytes, (size_t)size, NULL), KMB_OK);
    io_close(&fixture->io, file);
}

/* A closed log of three segments. */
static void small_log(struct fixture *fixture) {
    struct kmb_error error = {0};
    fixture_start(fixture, true);
    const struct log_params params = {.identity = fixture->identity, .segment_bytes = LOG_SEGMENT_BYTES_MIN};
    good(log_create(&fixture->io, FIXTURE_DIR, &params, slice_text("root"), &fixture->environment, &error), &error);
    good(fixture_open(fixture, NULL, &error), &error);
    good(fixture_commit(fixture, 3, 300, &error), &error);
    good(fixture_commit(fixture, 1, 5000, &error), &error);
    good(fixture_commit(fixture, 4, 700, &error), &error);
    good(fixture_commit(fixture, 6, 900, &error), &error);
    good(fixture_commit(fixture, 2, 0, &error), &error);
    good(log_close(fixture->log, &error), &error);
    fixture->log = NULL;
}

static struct part part_of(const struct image *image, uint64_t at, uint64_t *next) {
    *next = LOG_BLOCK_ALIGN;
    if (at < 4096) {
        return (struct part){.part = LOG_PART_SEGMENT_HEADER};
    }
    uint64_t offset = 4096;
    while (offset + 4096 <= image->size && codec_get_u32(image->bytes + offset) != 0) {
        const uint8_t *block = image->bytes + offset;
        struct part part = {.part = LOG_PART_BLOCK_HEADER, .offset = offset, .op = codec_get_u64(block + 32)};
        if (at < offset + 160) {
            return part;
        }
        uint64_t entry = offset + 160;
        for (uint32_t index = 0; index < codec_get_u32(block + 28); index++) {
            const uint8_t *header = image->bytes + entry;
            uint64_t end = entry + 160 + codec_get_u32(header + 88);
            if (at < end) {
                return (struct part){.part = LOG_PART_ENTRY,
                                     .offset = entry,
                                     .op = part.op,
                                     .index = index,
                                     .tenant = codec_get_u32(header + 24),
                                     .sequence = codec_get_u64(header + 32)};
            }
            entry = end;
        }
        uint64_t end = (entry + 4095) / 4096 * 4096;
        if (at < end) {
            return (struct part){.part = LOG_PART_PADDING, .offset = entry, .op = part.op};
        }
        offset = end;
    }
    return (struct part){.part = LOG_PART_TAIL, .offset = offset};
}

/* Flips one bit, verifies, and compares what is named. */
static void flip(struct fixture *fixture, const char *name, const struct part *expected, uint64_t at, unsigned bit) {
    struct log_verify_report report;
    struct kmb_error error = {0};
    const struct log_verify_options options = {0};
    assert_true(io_memory_flip(fixture->disk, fixture_path(name), at, bit));
    enum kmb_status status = log_verify(&fixture->io, FIXTURE_DIR, &options, &report, &error);
    const struct log_verify_failure *failure = &report.failure;
    bool same = status == KMB_CORRUPT && failure->part == expected->part && strcmp(failure->file, name) == 0 &&
                failure->op == (expected->part == LOG_PART_SEGMENT_HEADER ? failure->op : expected->op) &&
                failure->index == expected->index && failure->offset == expected->offset;
    if (same && expected->part == LOG_PART_ENTRY) {
        same = failure->entry_known && failure->tenant == expected->tenant && failure->sequence == expected->sequence;
    }
    if (!same) {
        print_error("%s byte %llu bit %u: expected %s at %llu, op %llu, entry %u; status %d: %s\n", name,
                    (unsigned long long)at, bit, log_part_name(expected->part), (unsigned long long)expected->offset,
                    (unsigned long long)expected->op, expected->index, (int)status, error.message);
        fail();
    }
    assert_true(io_memory_flip(fixture->disk, fixture_path(name), at, bit));
}

static void test_every_bit(void **state) {
    struct fixture fixture;
    struct log_verify_report report;
    (void)state;
    small_log(&fixture);
    fixture_verify_good(&fixture, &report);
    assert_int_equal(report.segments, SEGMENTS);
    uint64_t counts[LOG_PART_LOG + 1] = {0};
    uint64_t ops[] = {1, 3, 5};
    for (size_t segment = 0; segment < SEGMENTS; segment++) {
        char name[32];
        snprintf(name, sizeof name, "%016llx.seg", (unsigned long long)ops[segment]);
        struct image image = image_read(&fixture, name);
        for (uint64_t at = 0; at < image.size; at++) {
            uint64_t next = 0;
            struct part part = part_of(&image, at, &next);
            bool header = (part.part == LOG_PART_SEGMENT_HEADER && (at < 112 || at >= 4092)) ||
                          part.part == LOG_PART_BLOCK_HEADER || (part.part == LOG_PART_ENTRY && at < part.offset + 160);
            for (unsigned bit = 0; bit < 8; bit++) {
                if (header || prng_chance(&fixture.prng, 1, 200)) {
                    flip(&fixture, name, &part, at, bit);
                    counts[part.part]++;
                }
            }
        }
        mem_free(image.bytes);
    }
    for (unsigned slot = 0; slot < LOG_SLOTS; slot++) {
        for (uint64_t at = 0; at < 4096; at += at < 700 || at >= 4060 ? 3 : 97) {
            struct part part = {.part = LOG_PART_SUPERBLOCK, .offset = slot * 4096u};
            flip(&fixture, "superblock", &part, slot * 4096u + at, (unsigned)(at % 8));
            counts[part.part]++;
        }
    }
    for (unsigned part = LOG_PART_SUPERBLOCK; part < LOG_PART_LOG; part++) {
        print_message("%s: %llu\n", log_part_name((enum log_part)part), (unsigned long long)counts[part]);
        assert_true(counts[part] > 20);
    }
    fixture_verify_good(&fixture, &report);
    fixture_stop(&fixture);
}

/* Verifies a changed log: must fail, and the message must hold the text. */
static void expect(struct fixture *fixture, const char *text) {
    struct log_verify_report report;
    struct kmb_error error = {0};
    const struct log_verify_options options = {0};
    enum kmb_status status = log_verify(&fixture->io, FIXTURE_DIR, &options, &report, &error);
    if ((status != KMB_CORRUPT && status != KMB_ROLLED_BACK) || strstr(error.message, text) == NULL) {
        print_error("expected '%s', status %d: %s\n", text, (int)status, error.message);
        fail();
    }
}

static void test_files(void **state) {
    struct fixture fixture;
    struct log_verify_report report;
    (void)state;
    small_log(&fixture);
    const char *names[SEGMENTS] = {"0000000000000001.seg", "0000000000000003.seg", "0000000000000005.seg"};
    struct image images[SEGMENTS];
    for (size_t at = 0; at < SEGMENTS; at++) {
        images[at] = image_read(&fixture, names[at]);
        assert_int_equal(images[at].size, LOG_SEGMENT_BYTES_MIN);
    }
    for (size_t at = 0; at < SEGMENTS; at++) {
        for (uint64_t size = 0; size < images[at].size; size += 1500) { /* truncated */
            image_write(&fixture, names[at], images[at].bytes, size);
            expect(&fixture, names[at]);
        }
        uint8_t *longer = mem_alloc_zero(1, (size_t)images[at].size + 4096);
        memcpy(longer, images[at].bytes, (size_t)images[at].size);
        image_write(&fixture, names[at], longer, images[at].size + 1);
        expect(&fixture, names[at]);
        image_write(&fixture, names[at], longer, images[at].size + 4096);
        expect(&fixture, names[at]);
        mem_free(longer);
        io_unlink(&fixture.io, fixture_path(names[at]), NULL); /* missing */
        expect(&fixture, names[at]);
        for (size_t other = 0; other < SEGMENTS; other++) { /* exchanged */
            if (other != at) {
                image_write(&fixture, names[at], images[other].bytes, images[other].size);
                expect(&fixture, names[at]);
            }
        }
        image_write(&fixture, names[at], images[at].bytes, images[at].size);
        image_write(&fixture, "0000000000000002.seg", images[at].bytes, images[at].size); /* duplicated */
        expect(&fixture, "0000000000000002.seg");
        io_unlink(&fixture.io, fixture_path("0000000000000002.seg"), NULL);
        image_write(&fixture, "0000000000000009.seg", images[at].bytes, images[at].size);
        expect(&fixture, "0000000000000009.seg");
        io_unlink(&fixture.io, fixture_path("0000000000000009.seg"), NULL);
        fixture_verify_good(&fixture, &report);
    }
    image_write(&fixture, "notes.txt", images[0].bytes, 10);
    expect(&fixture, "notes.txt");
    io_unlink(&fixture.io, fixture_path("notes.txt"), NULL);
    struct image superblock = image_read(&fixture, "superblock");
    image_write(&fixture, "superblock", superblock.bytes, 4096);
    expect(&fixture, "superblock");
    image_write(&fixture, "superblock", superblock.bytes, superblock.size);
    fixture_verify_good(&fixture, &report);
    mem_free(superblock.bytes);
    for (size_t at = 0; at < SEGMENTS; at++) {
        mem_free(images[at].bytes);
    }
    fixture_stop(&fixture);
}

/* Writes a log of one block with two entries made by `change`, and expects verification to refuse the second. */
static void chain_case(void (*change)(struct log_entry *entry), const char *text) {
    struct fixture fixture;
    struct kmb_error error = {0};
    fixture_start(&fixture, true);
    good(fixture_create(&fixture, &error), &error);
    good(fixture_open(&fixture, NULL, &error), &error);
    struct hash256 previous = log_tenant_genesis(fixture.identity.uuid, 7);
    struct log_place head = log_head(fixture.log);
    log_block_begin(&fixture.block, 1, 0);
    for (uint64_t sequence = 1; sequence <= 2; sequence++) {
        struct log_entry entry = {.kind = LOG_ENTRY_EVENTS,
                                  .flags = LOG_ENTRY_LAST_PART,
                                  .tenant = 7,
                                  .sequence = sequence,
                                  .position_before = sequence - 1,
                                  .position_after = sequence,
                                  .commit_time_us = (int64_t)(100 + sequence),
                                  .previous = previous};
        if (sequence == 2 && change != NULL) {
            change(&entry);
        }
        good(log_block_append(&fixture.block, &entry, slice_text("x"), NULL, &fixture.environment, &previous, &error),
             &error);
    }
    log_block_finish(&fixture.block, &head.hash, 0, 1);
    good(log_write(fixture.log, &fixture.block, &error), &error);
    good(log_close(fixture.log, &error), &error);
    fixture.log = NULL;
    struct log_verify_report report;
    if (change == NULL) {
        fixture_verify_good(&fixture, &report);
    } else {
        expect(&fixture, text);
        expect(&fixture, "entry 1 of the block with op 1");
    }
    fixture_stop(&fixture);
}

static void change_sequence(struct log_entry *entry) {
    entry->sequence = 3;
}
static void change_previous(struct log_entry *entry) {
    entry->previous.bytes[31] ^= 1;
}
static void change_position(struct log_entry *entry) {
    entry->position_before = 0;
}
static void change_time(struct log_entry *entry) {
    entry->commit_time_us = 101;
}
static void change_part(struct log_entry *entry) {
    entry->flags = 0;
}

static void test_chain(void **state) {
    (void)state;
    chain_case(NULL, NULL);
    chain_case(change_sequence, "sequence does not go on");
    chain_case(change_previous, "previous entry hash");
    chain_case(change_position, "positions do not go on");
    chain_case(change_time, "commit time");
    chain_case(change_part, "no later part");
}

static bool stop_at_once(void *context, const struct log_verify_progress *progress) {
    (void)context;
    assert_true(progress->bytes_done <= progress->bytes_total);
    return false;
}

static void test_keys_and_progress(void **state) {
    struct fixture fixture;
    struct log_verify_report report;
    struct kmb_error error = {0};
    (void)state;
    small_log(&fixture);
    struct log_verify_options options = {0};
    good(log_verify(&fixture.io, FIXTURE_DIR, &options, &report, &error), &error);
    assert_int_equal(report.entries_without_key, 16);
    assert_int_equal(report.entries_opened, 0);
    struct secret_key other = {.bytes = {1}};
    struct aead_key *right = fixture.key;
    good(aead_key_new(&other, &fixture.key, &error), &error);
    options.keys = &fixture.keys;
    assert_int_equal(log_verify(&fixture.io, FIXTURE_DIR, &options, &report, &error), KMB_CORRUPT);
    assert_int_equal(report.failure.part, LOG_PART_ENTRY);
    assert_non_null(strstr(error.message, "does not open"));
    aead_key_free(fixture.key);
    fixture.key = right;
    options.progress = stop_at_once;
    assert_int_equal(log_verify(&fixture.io, FIXTURE_DIR, &options, &report, &error), KMB_CANCELLED);
    fixture_stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_keys_and_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
