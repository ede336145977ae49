#include "fixture.h"

#include <stdio.h>

static int64_t fixture_time(void *context) {
    struct fixture *fixture = context;
    fixture->time_us += 1000;
    return fixture->time_us;
}

static bool fixture_random(void *context, void *bytes, size_t count) {
    struct fixture *fixture = context;
    prng_bytes(&fixture->prng, bytes, count);
    return true;
}

static enum kmb_status fixture_key(void *context, uint32_t tenant, uint32_t key_id, uint32_t key_version,
                                   struct aead_key **key, struct kmb_error *error) {
    struct fixture *fixture = context;
    (void)tenant;
    (void)error;
    assert_int_equal(key_id, 1);
    assert_int_equal(key_version, 1);
    *key = fixture->key;
    return KMB_OK;
}

void fixture_start(struct fixture *fixture, bool sealed) {
    *fixture = (struct fixture){.time_us = INT64_C(1700000000000000), .sealed = sealed};
    prng_seed(&fixture->prng, 7);
    fixture->environment =
        (struct environment){.time_us = fixture_time, .monotonic_ns = fixture_time, .random = fixture_random};
    fixture->environment.context = fixture;
    fixture->keys = (struct log_keys){.key = fixture_key, .context = fixture};
    struct secret_key raw;
    memset(raw.bytes, 0x5a, sizeof raw.bytes);
    assert_int_equal(aead_key_new(&raw, &fixture->key, NULL), KMB_OK);
    fixture->disk = io_memory_new(0);
    assert_non_null(fixture->disk);
    fixture->io = io_memory_table(fixture->disk);
    assert_int_equal(io_make_directory(&fixture->io, "/db", NULL), KMB_OK);
    assert_int_equal(io_sync_directory(&fixture->io, "/", NULL), KMB_OK);
    memcpy(fixture->identity.uuid, "0123456789abcdef", LOG_UUID_SIZE);
    fixture->identity.shard = 3;
}

void fixture_stop(struct fixture *fixture) {
    log_abandon(fixture->log);
    log_block_free(&fixture->block);
    aead_key_free(fixture->key);
    io_memory_free(fixture->disk);
    *fixture = (struct fixture){0};
}

enum kmb_status fixture_create(struct fixture *fixture, struct kmb_error *error) {
    const struct log_params params = {.identity = fixture->identity, .segment_bytes = FIXTURE_SEGMENT};
    return log_create(&fixture->io, FIXTURE_DIR, &params, slice_text("root 0"), &fixture->environment, error);
}

static enum kmb_status fixture_take(void *context, const struct log_reader_entry *entry, struct slice plain,
                                    struct kmb_error *error) {
    struct fixture *fixture = context;
    struct fixture_chain *chain = &fixture->chains[entry->entry.tenant];
    uint8_t expected[1 << 16];
    (void)error;
    assert_int_equal(entry->entry.sequence, chain->sequence + 1);
    assert_int_equal(entry->entry.position_before, chain->position);
    assert_true(plain.length <= sizeof expected);
    fixture_body(expected, plain.length, entry->entry.tenant, entry->entry.sequence);
    assert_memory_equal(plain.bytes, expected, plain.length);
    chain->sequence++;
    chain->position = entry->entry.position_after;
    chain->previous = entry->hash;
    return KMB_OK;
}

static void fixture_chains_reset(struct fixture *fixture) {
    for (uint32_t tenant = 0; tenant < FIXTURE_TENANTS; tenant++) {
        fixture->chains[tenant] =
            (struct fixture_chain){.previous = log_tenant_genesis(fixture->identity.uuid, tenant)};
    }
}

enum kmb_status fixture_open(struct fixture *fixture, struct log_recovery *recovery, struct kmb_error *error) {
    const struct log_options options = {.environment = &fixture->environment};
    log_abandon(fixture->log);
    fixture->log = NULL;
    enum kmb_status status = log_open(&fixture->io, FIXTURE_DIR, &options, recovery, &fixture->log, error);
    if (status != KMB_OK) {
        return status;
    }
    log_block_free(&fixture->block);
    status = log_block_init(&fixture->block, log_identity_of(fixture->log), error);
    fixture_chains_reset(fixture);
    const struct log_replay replay = {
        .op_last = log_head(fixture->log).op,
        .keys = &fixture->keys,
        .each = fixture_take,
        .context = fixture,
    };
    if (status == KMB_OK) {
        status = log_replay_run(&fixture->io, FIXTURE_DIR, log_identity_of(fixture->log), &replay, error);
    }
    return status;
}

void fixture_body(uint8_t *bytes, size_t size, uint32_t tenant, uint64_t sequence) {
    for (size_t at = 0; at < size; at++) {
        bytes[at] = (uint8_t)(at * 7 + tenant * 31 + sequence);
    }
}

enum kmb_status fixture_commit(struct fixture *fixture, unsigned entries, size_t size, struct kmb_error *error) {
    struct log_place head = log_head(fixture->log);
    struct fixture_chain saved[FIXTURE_TENANTS];
    memcpy(saved, fixture->chains, sizeof saved);
    enum kmb_status status = KMB_OK;
    uint8_t *body = mem_alloc(size);
    if (body == NULL) {
        return KMB_NO_MEMORY;
    }
    log_block_begin(&fixture->block, head.op + 1, 5);
    for (unsigned at = 0; at < entries && status == KMB_OK; at++) {
        uint32_t tenant = at % FIXTURE_TENANTS;
        struct fixture_chain *chain = &fixture->chains[tenant];
        struct log_entry entry = {
            .kind = LOG_ENTRY_EVENTS,
            .flags = LOG_ENTRY_LAST_PART,
            .tenant = tenant,
            .sequence = chain->sequence + 1,
            .position_before = chain->position,
            .position_after = chain->position + 2,
            .commit_time_us = fixture_time(fixture),
            .session = 9,
            .request = head.op,
            .key_id = 1,
            .key_version = 1,
            .previous = chain->previous,
        };
        fixture_body(body, size, tenant, entry.sequence);
        status =
            log_block_append(&fixture->block, &entry, slice_make(body, size), fixture->sealed ? fixture->key : NULL,
                             &fixture->environment, &chain->previous, error);
        chain->sequence++;
        chain->position += 2;
    }
    mem_free(body);
    if (status == KMB_OK) {
        log_block_finish(&fixture->block, &head.hash, log_synced_op(fixture->log), fixture_time(fixture));
        status = log_write(fixture->log, &fixture->block, error);
    }
    if (status == KMB_OK) {
        status = log_sync(fixture->log, error);
    }
    if (status == KMB_OK) {
        fixture->commits++;
    } else {
        memcpy(fixture->chains, saved, sizeof saved);
    }
    return status;
}

void fixture_verify_good(struct fixture *fixture, struct log_verify_report *report) {
    const struct log_verify_options options = {.keys = &fixture->keys};
    struct kmb_error error = {0};
    enum kmb_status status = log_verify(&fixture->io, FIXTURE_DIR, &options, report, &error);
    if (status != KMB_OK) {
        print_error("verify: %s\n", error.message);
    }
    assert_int_equal(status, KMB_OK);
    assert_int_equal(report->failure.part, LOG_PART_NONE);
}

const char *fixture_path(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", FIXTURE_DIR, name);
    return path;
}
