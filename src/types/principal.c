/*
 * Roles, keys and access records as bytes. One encoding serves the event and the catalogue's record, so what a rebuild
 * reads from the log is what the catalogue has.
 */
#include "types/principal.h"

#include "types/utf8.h"

static bool text_valid(struct slice text, size_t least, size_t most) {
    return text.length >= least && text.length <= most && utf8_valid(text) &&
           (text.length == 0 || memchr(text.bytes, 0, text.length) == NULL);
}

static bool text_ascii(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < 0x21 || text.bytes[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

void role_encode(const struct role_definition *role, struct buffer *buffer) {
    buffer_u32(buffer, role->id.value);
    buffer_bytes(buffer, role->name);
    buffer_u32(buffer, role->flags);
    buffer_u32(buffer, (uint32_t)role->connection_limit);
    buffer_i64(buffer, role->valid_until_us);
    buffer_bytes(buffer, role->verifier);
}

bool role_decode(struct slice payload, struct role_definition *role) {
    struct reader reader = reader_make(payload);
    role->id.value = reader_u32(&reader);
    role->name = reader_bytes(&reader);
    role->flags = reader_u32(&reader);
    role->connection_limit = (int32_t)reader_u32(&reader);
    role->valid_until_us = reader_i64(&reader);
    role->verifier = reader_bytes(&reader);
    return reader_done(&reader) && text_valid(role->name, 1, ROLE_NAME_BYTES_MAX) &&
           (role->flags & ~ROLE_FLAGS_ALL) == 0 && role->connection_limit >= ROLE_CONNECTIONS_ANY &&
           ((role->flags & ROLE_HAS_VALID_UNTIL) != 0 || role->valid_until_us == 0) &&
           role->verifier.length <= ROLE_VERIFIER_BYTES_MAX && text_ascii(role->verifier);
}

void api_key_encode(const struct api_key_definition *key, struct buffer *buffer) {
    buffer_u32(buffer, key->id.value);
    buffer_append(buffer, key->hash, API_KEY_HASH_SIZE);
    buffer_bytes(buffer, key->subject);
    buffer_u8(buffer, (uint8_t)key->role_count);
    for (uint32_t i = 0; i < key->role_count; i++) {
        buffer_bytes(buffer, key->roles[i]);
    }
    buffer_u64(buffer, key->expires_ns);
}

bool api_key_decode(struct slice payload, struct arena *arena, struct api_key_definition *key, bool *no_memory) {
    struct reader reader = reader_make(payload);
    *no_memory = false;
    key->id.value = reader_u32(&reader);
    reader_copy(&reader, key->hash, API_KEY_HASH_SIZE);
    key->subject = reader_bytes(&reader);
    key->role_count = reader_u8(&reader);
    if (!reader_ok(&reader) || key->role_count == 0 || key->role_count > API_KEY_ROLES_MAX ||
        !text_valid(key->subject, 1, API_KEY_SUBJECT_MAX) || key->id.value == 0) {
        return false;
    }
    struct slice *roles = arena_alloc(arena, key->role_count * sizeof *roles);
    if (roles == NULL) {
        *no_memory = true;
        return false;
    }
    for (uint32_t i = 0; i < key->role_count; i++) {
        roles[i] = reader_bytes(&reader);
        if (!text_valid(roles[i], 1, API_KEY_ROLE_BYTES_MAX)) {
            return false;
        }
    }
    key->roles = roles;
    key->expires_ns = reader_u64(&reader);
    return reader_done(&reader);
}

void access_encode(const struct access_record *access, struct buffer *buffer) {
    buffer_u8(buffer, (uint8_t)access->outcome);
    buffer_bytes(buffer, access->action);
    buffer_bytes(buffer, access->actor);
    buffer_bytes(buffer, access->source);
    buffer_bytes(buffer, access->object);
    buffer_bytes(buffer, access->detail);
}

bool access_decode(struct slice payload, struct access_record *access) {
    struct reader reader = reader_make(payload);
    uint8_t outcome = reader_u8(&reader);
    access->outcome = (enum access_outcome)outcome;
    access->action = reader_bytes(&reader);
    access->actor = reader_bytes(&reader);
    access->source = reader_bytes(&reader);
    access->object = reader_bytes(&reader);
    access->detail = reader_bytes(&reader);
    return reader_done(&reader) && (outcome == ACCESS_ALLOWED || outcome == ACCESS_DENIED) &&
           access->action.length > 0 && access->action.length <= ACCESS_ACTION_MAX && text_ascii(access->action) &&
           text_valid(access->actor, 0, ACCESS_TEXT_MAX) && text_valid(access->source, 0, ACCESS_TEXT_MAX) &&
           text_valid(access->object, 0, ACCESS_TEXT_MAX) && text_valid(access->detail, 0, ACCESS_TEXT_MAX);
}
