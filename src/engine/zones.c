/*
 * A name is a path below the database's folder, and nothing that it may hold leads out of it. It is tried as it is
 * written, with each of its words capitalised, in upper case, and with its first part so, for "europe/berlin",
 * "est5edt" and "us/eastern" are found as PostgreSQL finds them. What is no file may be a rule.
 */
#include "engine/zones.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/memory.h"

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters, digits and _ + - in parts between '/', each beginning with a letter. */
static bool name_good(struct slice name) {
    bool begins = true;
    if (name.length == 0 || name.length > ZONE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.length; i++) {
        char c = (char)name.bytes[i];
        bool inside = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
        bool good = is_letter(c) || (!begins && (inside || c == '/'));
        if (!good) {
            return false;
        }
        begins = c == '/';
    }
    return !begins;
}

enum spelling { SPELL_AS_IS, SPELL_WORDS, SPELL_UPPER, SPELL_UPPER_FIRST, SPELLINGS };

static void spell(struct slice name, enum spelling how, char out[ZONE_NAME_MAX + 1]) {
    bool begins = true;
    bool words = how == SPELL_WORDS;
    for (size_t i = 0; i < name.length; i++) {
        char c = (char)name.bytes[i];
        bool letter = is_letter(c);
        words = words || (how == SPELL_UPPER_FIRST && c == '/');
        bool upper = letter && (words ? begins : how == SPELL_UPPER || how == SPELL_UPPER_FIRST);
        bool lower = letter && words && !begins;
        out[i] = upper ? (char)(c & ~0x20) : lower ? (char)(c | 0x20) : c;
        begins = c == '/' || c == '_';
    }
    out[name.length] = 0;
}

static const struct zone *known(const struct zones *zones, struct slice name) {
    for (uint32_t i = 0; i < zones->count; i++) {
        if (slice_equal_text(name, zones->list[i]->name)) {
            return zones->list[i];
        }
    }
    return NULL;
}

static const struct zone *keep(struct zones *zones, const struct zone *zone) {
    if (zones->count == zones->capacity) {
        uint32_t capacity = zones->capacity * 2 + 8;
        const struct zone **list = mem_alloc(capacity * sizeof(const struct zone *));
        if (list == NULL) {
            return NULL;
        }
        if (zones->count > 0) {
            memcpy(list, zones->list, zones->count * sizeof(const struct zone *));
        }
        mem_free(zones->list);
        zones->list = list;
        zones->capacity = capacity;
    }
    zones->list[zones->count++] = zone;
    return zone;
}

static const struct zone *read_file(struct zones *zones, const struct io *io, const char *name) {
    char path[sizeof(ZONES_FOLDER) + ZONE_NAME_MAX + 2];
    struct buffer bytes = {0};
    struct zone *zone = NULL;
    bool there = false;
    (void)snprintf(path, sizeof(path), ZONES_FOLDER "/%s", name);
    if (io_exists(io, path, &there, NULL) == KMB_OK && there &&
        io_read_file(io, path, ZONE_FILE_BYTES_MAX, &bytes, NULL) == KMB_OK &&
        zone_read(slice_text(name), buffer_slice(&bytes), &zones->arena, &zone, NULL) != KMB_OK) {
        zone = NULL;
    }
    buffer_free(&bytes);
    return zone == NULL ? NULL : keep(zones, zone);
}

const struct zone *zones_find(struct zones *zones, const struct io *io, struct slice name) {
    char spelled[ZONE_NAME_MAX + 1];
    struct zone *rule = NULL;
    const struct zone *found = known(zones, name);
    if (found != NULL) {
        return found;
    }
    for (int how = SPELL_AS_IS; how < SPELLINGS && name_good(name); how++) {
        spell(name, (enum spelling)how, spelled);
        const struct zone *zone = known(zones, slice_text(spelled));
        if (zone == NULL && zones->count < ZONES_MAX) {
            zone = read_file(zones, io, spelled);
        }
        if (zone != NULL) {
            return zone;
        }
    }
    return zones->count < ZONES_MAX && zone_read_rule(name, &zones->arena, &rule) ? keep(zones, rule) : NULL;
}

void zones_free(struct zones *zones) {
    arena_free(&zones->arena);
    mem_free(zones->list);
    *zones = (struct zones){.count = 0};
}
