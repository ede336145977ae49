/*
 * SASLprep step by step, as RFC 4013 section 2 lists them: map, normalise, prohibit, check directions. Unassigned code
 * points are refused as in a stored string, because normalisation of what Unicode 3.2 did not know would depend on the
 * library's age; the rest of NFKC is the same in every version, so utf8proc's is as good as any.
 *
 * PostgreSQL looks for what is prohibited before it normalises, where the RFC does after; so do we, or a password that
 * it took would be another one here.
 *
 * All buffers hold a password: they are wiped before their memory goes back.
 */
#include "crypto/saslprep.h"

#include <stdlib.h>

#include <utf8proc.h>

#include "base/assert.h"
#include "base/memory.h"
#include "crypto/saslprep_tables.h"

#define SASLPREP_BYTES_MAX ((size_t)16 << 10) /* of a password; longer ones count as they are */

#define SASLPREP_IN(table, code) saslprep_in(table, ARRAY_LENGTH(table), code)

static bool saslprep_in(const struct saslprep_range *table, size_t count, uint32_t code) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > table[middle].last) {
            low = middle + 1;
        } else if (code < table[middle].first) {
            high = middle;
        } else {
            return true;
        }
    }
    return false;
}

static bool saslprep_ascii(struct slice text) {
    uint8_t any = 0;
    for (size_t i = 0; i < text.length; i++) {
        any |= text.bytes[i];
    }
    return (any & 0x80) == 0;
}

/* The code points, mapped; -1: no UTF-8. `codes` has room for one a byte. */
static utf8proc_ssize_t saslprep_map(struct slice text, utf8proc_int32_t *codes) {
    utf8proc_ssize_t count = 0;
    size_t at = 0;
    while (at < text.length) {
        utf8proc_int32_t code;
        utf8proc_ssize_t size = utf8proc_iterate(text.bytes + at, (utf8proc_ssize_t)(text.length - at), &code);
        if (size <= 0) {
            return -1;
        }
        at += (size_t)size;
        if (SASLPREP_IN(saslprep_space, (uint32_t)code)) { /* first: U+200B stands in both tables */
            codes[count++] = ' ';
        } else if (!SASLPREP_IN(saslprep_nothing, (uint32_t)code)) {
            codes[count++] = code;
        }
    }
    return count;
}

/* Prohibited and unassigned characters, and the three rules of mixed directions (RFC 3454 section 6). */
static bool saslprep_allowed(struct slice text) {
    bool right = false;
    bool left = false;
    bool first_right = false;
    bool last_right = false;
    for (size_t at = 0; at < text.length;) {
        utf8proc_int32_t code;
        utf8proc_ssize_t size = utf8proc_iterate(text.bytes + at, (utf8proc_ssize_t)(text.length - at), &code);
        if (size <= 0 || SASLPREP_IN(saslprep_prohibited, (uint32_t)code) ||
            SASLPREP_IN(saslprep_unassigned, (uint32_t)code)) {
            return false;
        }
        last_right = SASLPREP_IN(saslprep_right, (uint32_t)code);
        first_right = at == 0 ? last_right : first_right;
        right = right || last_right;
        left = left || SASLPREP_IN(saslprep_left, (uint32_t)code);
        at += (size_t)size;
    }
    return !right || (!left && first_right && last_right);
}

bool saslprep(struct slice password, struct buffer *out) {
    if (saslprep_ascii(password)) {
        buffer_append_slice(out, password);
        return buffer_ok(out);
    }
    if (password.length > SASLPREP_BYTES_MAX) {
        return false;
    }
    size_t room = password.length * sizeof(utf8proc_int32_t);
    utf8proc_int32_t *codes = mem_alloc(room);
    if (codes == NULL) {
        out->failed = true;
        return false;
    }
    bool good = false;
    uint8_t *mapped = NULL;
    utf8proc_uint8_t *normal = NULL;
    utf8proc_ssize_t count = saslprep_map(password, codes);
    size_t length = 0;
    if (count > 0) {
        mapped = mem_alloc(room + 1); /* a code point takes four bytes at most */
        out->failed = out->failed || mapped == NULL;
    }
    for (utf8proc_ssize_t i = 0; mapped != NULL && i < count; i++) {
        length += (size_t)utf8proc_encode_char(codes[i], mapped + length);
    }
    if (mapped != NULL && saslprep_allowed(slice_make(mapped, length))) {
        utf8proc_ssize_t size = utf8proc_map(mapped, (utf8proc_ssize_t)length, &normal,
                                             UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
        out->failed = out->failed || size == UTF8PROC_ERROR_NOMEM;
        if (size > 0) {
            buffer_append(out, normal, (size_t)size);
            good = buffer_ok(out);
            mem_wipe(normal, (size_t)size);
        }
        free(normal); /* the library's own memory */
    }
    if (mapped != NULL) {
        mem_wipe(mapped, room + 1);
        mem_free(mapped);
    }
    mem_wipe(codes, room);
    mem_free(codes);
    return good;
}

enum kmb_status saslprep_password(struct slice password, struct buffer *out, struct kmb_error *error) {
    if (!saslprep(password, out) && buffer_ok(out)) {
        buffer_append_slice(out, password);
    }
    return buffer_ok(out) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
}
