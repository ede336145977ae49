/*
 * Verifies a Kimberlite proof without Kimberlite: one file of C, nothing but OpenSSL's libcrypto.
 *
 *     cc -o verify_proof verify_proof.c -lcrypto
 *     ./verify_proof proof.txt 'VERIFIER KEY'
 *
 * An auditor who has kept the verifier key (printed when the log was made) learns from it that this very entry stands
 * in the log whose state was signed, or that one signed state is a continuation of another. Nothing here trusts the
 * database, its files or its server. The format is docs/reference/proofs.md; the tree is RFC 9162, the checkpoint is a
 * C2SP signed note, the signature is Ed25519. Exit code: 0 it holds, 1 it does not, 2 wrong usage.
 */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH = 32, FILE_MAX = 4 << 20, PATH_MAX_COUNT = 65, ENTRY_MAX = 4096 };

static const char *cursor; /* the part of the text not read yet */

static void refuse_if(bool wrong, const char *reason) {
    if (wrong) {
        printf("NOT VERIFIED: %s\n", reason);
        exit(1);
    }
}

static void read_file(const char *path) {
    static char text[FILE_MAX + 1];
    FILE *file = fopen(path, "rb");
    refuse_if(file == NULL, "the file cannot be opened");
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    refuse_if(length > FILE_MAX || memchr(text, '\0', length) != NULL, "the file is too long, or no text");
    text[length] = '\0';
    cursor = text;
}

/* Takes the line "name value" and copies the value; false: the next line is another. */
static bool take(const char *name, char *value, size_t size) {
    size_t length = strlen(name);
    const char *end = strchr(cursor, '\n');
    if (end == NULL || strncmp(cursor, name, length) != 0 || cursor[length] != ' ') {
        return false;
    }
    size_t count = (size_t)(end - cursor) - length - 1;
    refuse_if(count >= size, "a line is too long");
    memcpy(value, cursor + length + 1, count);
    value[count] = '\0';
    cursor = end + 1;
    return true;
}

static void need(const char *name, char *value, size_t size) {
    refuse_if(!take(name, value, size), "a line is missing or out of order");
}

static uint64_t number(const char *text) {
    char again[24], *end;
    uint64_t value = strtoull(text, &end, 10);
    snprintf(again, sizeof again, "%llu", (unsigned long long)value);
    refuse_if(strcmp(text, again) != 0, "a number is not written as one"); /* no sign, no leading zero, no overflow */
    return value;
}

/* Base64 with padding, in its one canonical form: what decodes must encode to itself. Returns the bytes' count. */
static size_t base64(const char *text, uint8_t *bytes, size_t room) {
    size_t length = strlen(text);
    size_t padding = length < 2 ? 0 : (size_t)(text[length - 1] == '=') + (size_t)(text[length - 2] == '=');
    refuse_if(length % 4 != 0 || length / 4 * 3 > room + padding || length > 1024,
              "a value is not base64 of the expected length");
    uint8_t decoded[1024], again[1100];
    size_t size = length / 4 * 3 - padding;
    refuse_if(EVP_DecodeBlock(decoded, (const uint8_t *)text, (int)length) < 0 ||
                  EVP_EncodeBlock(again, decoded, (int)size) != (int)length || memcmp(again, text, length) != 0,
              "a value is not base64");
    memcpy(bytes, decoded, size);
    return size;
}

/* Lower-case hexadecimal, to bytes that were zero. Returns their count. */
static size_t hexadecimal(const char *text, uint8_t *bytes) {
    static const char digits[] = "0123456789abcdef";
    size_t length = strlen(text);
    refuse_if(strspn(text, digits) != length || length % 2 != 0, "a value is not hexadecimal");
    for (size_t i = 0; i < length; i++) {
        bytes[i / 2] = (uint8_t)(bytes[i / 2] * 16 + (strchr(digits, text[i]) - digits));
    }
    return length / 2;
}

static uint64_t little_endian(const uint8_t *bytes, size_t size) {
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

struct verifier {
    char name[256];
    uint8_t id[4], key[32];
};

/* name+id+base64(1 | key), where id is the start of SHA-256(name, newline, 1 | key). */
static struct verifier verifier_parse(const char *text) {
    struct verifier verifier;
    uint8_t hash[HASH], named[256 + 1 + 33];
    char hex[11];
    size_t length = strcspn(text, "+");
    refuse_if(length == 0 || length > 255 || strlen(text) != length + 10 + 44, "the verifier key is not name+id+key");
    memcpy(named, text, length);
    named[length] = '\n';
    refuse_if(base64(text + length + 10, named + length + 1, 33) != 33 || named[length + 1] != 1,
              "the verifier key is not an Ed25519 key");
    SHA256(named, length + 1 + 33, hash);
    snprintf(hex, sizeof hex, "+%02x%02x%02x%02x+", hash[0], hash[1], hash[2], hash[3]);
    refuse_if(strncmp(hex, text + length, 10) != 0, "the verifier key's id does not belong to it");
    snprintf(verifier.name, sizeof verifier.name, "%.*s", (int)length, text);
    memcpy(verifier.id, hash, 4);
    memcpy(verifier.key, named + length + 2, 32);
    return verifier;
}

static bool signature_holds(const struct verifier *verifier, const char *body, size_t length,
                            const uint8_t *signature) {
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, verifier->key, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool holds = key != NULL && context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                 EVP_DigestVerify(context, signature, 64, (const uint8_t *)body, length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return holds;
}

struct checkpoint {
    uint64_t size;
    uint8_t root[HASH];
    char root_text[48]; /* the root in base64 */
};

/* Reads "name LINES" and the signed note in those lines: origin, size, root, extensions, empty line, signatures. */
static struct checkpoint checkpoint_read(const char *name, const char *origin, const char *key) {
    static char note[FILE_MAX + 1];
    char line[1024];
    struct checkpoint checkpoint;
    const struct verifier verifier = verifier_parse(key);
    need(name, line, sizeof line);
    uint64_t lines = number(line);
    const char *end = cursor;
    for (uint64_t i = 0; i < lines; i++) {
        end = strchr(end, '\n');
        refuse_if(end == NULL, "the checkpoint is cut short");
        end++;
    }
    memcpy(note, cursor, (size_t)(end - cursor));
    note[end - cursor] = '\0';
    cursor = end;
    char *split = strstr(note, "\n\n");
    refuse_if(split == NULL || strncmp(note, origin, strlen(origin)) != 0 || note[strlen(origin)] != '\n' ||
                  strcmp(origin, verifier.name) != 0,
              "the checkpoint is of another origin");
    bool signed_by_key = false;
    for (char *at = split + 2; *at != '\0'; at = strchr(at, '\n') + 1) { /* "— name base64(id | signature)" */
        uint8_t signature[68];
        char start[300];
        int length = snprintf(start, sizeof start, "\xe2\x80\x94 %s ", verifier.name);
        size_t line_length = strcspn(at, "\n");
        if (strncmp(at, start, (size_t)length) != 0 || line_length >= sizeof line) {
            continue; /* of another key, a witness */
        }
        snprintf(line, sizeof line, "%.*s", (int)line_length - length, at + length);
        if (base64(line, signature, sizeof signature) == 68 && memcmp(signature, verifier.id, 4) == 0) {
            signed_by_key = signature_holds(&verifier, note, (size_t)(split + 1 - note), signature + 4);
        }
    }
    refuse_if(!signed_by_key, "the checkpoint's signature does not verify");
    refuse_if(sscanf(note + strlen(origin), "\n%30[^\n]\n%47[^\n]\n", line, checkpoint.root_text) != 2 ||
                  base64(checkpoint.root_text, checkpoint.root, HASH) != HASH,
              "the checkpoint has no size and root");
    checkpoint.size = number(line);
    return checkpoint;
}

static void node(const uint8_t *left, const uint8_t *right, uint8_t *out) {
    uint8_t joined[1 + 2 * HASH] = {1};
    memcpy(joined + 1, left, HASH);
    memcpy(joined + 1 + HASH, right, HASH);
    SHA256(joined, sizeof joined, out);
}

/*
 * RFC 9162 sections 2.1.3.2 and 2.1.4.2 in one walk from the place `fn` in a tree whose last place is `sn`. `now`
 * becomes the root of the tree; `before`, where not NULL, the root of the older tree that ends at that place.
 */
static bool walk(uint64_t fn, uint64_t sn, uint8_t *now, uint8_t *before, uint8_t path[][HASH], size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (sn == 0) {
            return false;
        }
        if (fn % 2 == 1 || fn == sn) {
            node(path[i], now, now);
            if (before != NULL) {
                node(path[i], before, before);
            }
            for (; fn % 2 == 0 && fn != 0; fn /= 2) {
                sn /= 2;
            }
        } else {
            node(now, path[i], now);
        }
        fn /= 2;
        sn /= 2;
    }
    return sn == 0;
}

static bool consistent(const struct checkpoint *old, const struct checkpoint *new, uint8_t path[][HASH], size_t count) {
    uint8_t before[HASH], now[HASH];
    if (old->size == 0 || old->size >= new->size) {
        return old->size == new->size && old->size > 0 && count == 0 && memcmp(old->root, new->root, HASH) == 0;
    }
    uint64_t fn = old->size - 1, sn = new->size - 1;
    for (; fn % 2 == 1; fn /= 2) {
        sn /= 2;
    }
    size_t skip = (old->size & (old->size - 1)) != 0; /* a whole tree stands for itself; else the path begins with it */
    memcpy(before, skip ? path[0] : old->root, HASH);
    memcpy(now, before, HASH);
    return count >= skip && walk(fn, sn, now, before, path + skip, count - skip) &&
           memcmp(before, old->root, HASH) == 0 && memcmp(now, new->root, HASH) == 0;
}

/* The entry header: log uuid at 8, tenant at 24, sequence (from 1) at 32. It must say the same as the proof does. */
static void entry_fits(const uint8_t *entry, const char *origin, uint64_t index) {
    char expected[80], *at = expected;
    for (size_t i = 0; i < 16; i++) {
        at += sprintf(at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", entry[8 + i]);
    }
    sprintf(at, "/tenant/%u", (unsigned)little_endian(entry + 24, 4));
    refuse_if(strcmp(origin, expected) != 0 || little_endian(entry + 32, 8) != index + 1,
              "the entry is of another log, tenant or place");
}

int main(int argc, char **argv) {
    static char line[2 * ENTRY_MAX + 1], entry_text[2 * ENTRY_MAX + 1], key[512], old_key[512], origin[256];
    static uint8_t path[PATH_MAX_COUNT][HASH], entry[1 + ENTRY_MAX], leaf[HASH];
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: verify_proof FILE [VERIFIER-KEY]\n");
        return 2;
    }
    read_file(argv[1]);
    need("kimberlite-proof", line, sizeof line);
    refuse_if(strcmp(line, "1") != 0, "the proof is of a later version");
    need("kind", line, sizeof line);
    bool inclusion = strcmp(line, "inclusion") == 0;
    refuse_if(!inclusion && strcmp(line, "consistency") != 0, "the kind of proof is not known");
    need("origin", origin, sizeof origin);
    if (!inclusion) {
        need("old-verifier", old_key, sizeof old_key);
    }
    need("verifier", key, sizeof key);
    refuse_if(argc == 3 && (strcmp(key, argv[2]) != 0 || (!inclusion && strcmp(old_key, argv[2]) != 0)),
              "the proof is signed by another key than the one given");
    uint64_t index = 0;
    size_t size = 0, count = 0;
    if (inclusion) {
        need("entry", entry_text, sizeof entry_text);
        size = hexadecimal(entry_text, entry + 1); /* after the prefix 0 of a leaf */
        refuse_if(size < 160, "the entry header is too short");
        need("index", line, sizeof line);
        index = number(line);
        SHA256(entry, 1 + size, leaf);
    }
    for (; take("path", line, sizeof line); count++) {
        refuse_if(count == PATH_MAX_COUNT || base64(line, path[count], HASH) != HASH, "the path is not one of hashes");
    }
    struct checkpoint old = inclusion ? (struct checkpoint){0} : checkpoint_read("old-checkpoint", origin, old_key);
    struct checkpoint new = checkpoint_read("checkpoint", origin, key);
    refuse_if(*cursor != '\0', "the file goes on after the checkpoint");
    if (inclusion) {
        entry_fits(entry + 1, origin, index);
        refuse_if(index >= new.size || !walk(index, new.size - 1, leaf, NULL, path, count) ||
                      memcmp(leaf, new.root, HASH) != 0,
                  "the path does not lead from the entry to the signed root");
        printf("VERIFIED: entry %llu stands in %s\n", (unsigned long long)index + 1, origin);
        printf("  body      %.64s\n", entry_text + 2 * 128);
    } else {
        refuse_if(!consistent(&old, &new, path, count), "the newer tree does not begin with the older one");
        printf("VERIFIED: %s only grew\n", origin);
        printf("  from      %llu entries, root %s\n", (unsigned long long)old.size, old.root_text);
    }
    printf("  tree      %llu entries, root %s\n", (unsigned long long)new.size, new.root_text);
    printf("  signed by %s\n%s", key, argc == 3 ? "" : "  (a key from the proof itself: compare it with yours)\n");
    return 0;
}
