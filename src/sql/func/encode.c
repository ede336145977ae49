/*
 * Bytes as text and back (encode, decode, convert_from, convert_to), and hashes.
 */
#include "base/codec.h"
#include "crypto/hash.h"
#include "sql/func/loops.h"
#include "types/utf8.h"

static bool is_named(struct slice name, const char *word) {
    return name.length == strlen(word) && strncasecmp((const char *)name.bytes, word, name.length) == 0;
}

enum encoding { ENCODING_HEX, ENCODING_BASE64, ENCODING_ESCAPE };

static enum encoding encoding_of(const struct sql_call *call, struct slice name) {
    static const char *const names[] = {"hex", "base64", "escape"};
    for (unsigned i = 0; i < 3; i++) {
        if (is_named(name, names[i])) {
            return (enum encoding)i;
        }
    }
    sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "unrecognized encoding: \"%.*s\"",
              (int)(name.length > 64 ? 64 : name.length), (const char *)name.bytes);
}

static struct slice hex_of(const struct sql_call *call, struct slice bytes) {
    char *text = (char *)result_bytes(call, bytes.length * 2 + 1);
    codec_hex(text, bytes.bytes, bytes.length);
    return slice_make(text, bytes.length * 2);
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* A line feed after each 76 characters, also the last, as PostgreSQL has it; but not behind '='. */
static struct slice base64_of(const struct sql_call *call, struct slice bytes) {
    size_t digits = (bytes.length + 2) / 3 * 4;
    uint8_t *text = result_bytes(call, digits + digits / 76 + 1);
    size_t length = 0;
    size_t line = 0;
    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t left = bytes.length - i;
        uint32_t bits = (uint32_t)bytes.bytes[i] << 16;
        bits |= left > 1 ? (uint32_t)bytes.bytes[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)bytes.bytes[i + 2] : 0;
        text[length++] = (uint8_t)base64_digits[bits >> 18];
        text[length++] = (uint8_t)base64_digits[(bits >> 12) & 63];
        text[length++] = left > 1 ? (uint8_t)base64_digits[(bits >> 6) & 63] : '=';
        text[length++] = left > 2 ? (uint8_t)base64_digits[bits & 63] : '=';
        line += 4;
        if (line == 76 && left > 2) {
            text[length++] = '\n';
            line = 0;
        }
    }
    return slice_make(text, length);
}

static struct slice escape_of(const struct sql_call *call, struct slice bytes) {
    uint8_t *text = result_bytes(call, bytes.length * 4);
    size_t length = 0;
    for (size_t i = 0; i < bytes.length; i++) {
        uint8_t byte = bytes.bytes[i];
        if (byte == '\\') {
            text[length++] = '\\';
            text[length++] = '\\';
        } else if (byte == 0 || byte >= 0x80) {
            text[length++] = '\\';
            text[length++] = (uint8_t)('0' + (byte >> 6));
            text[length++] = (uint8_t)('0' + ((byte >> 3) & 7));
            text[length++] = (uint8_t)('0' + (byte & 7));
        } else {
            text[length++] = byte;
        }
    }
    return slice_make(text, length);
}

static void fn_encode(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        enum encoding encoding = encoding_of(call, ARGUMENT_BYTES(1, row));
        result->bytes[row] = encoding == ENCODING_HEX      ? hex_of(call, bytes)
                             : encoding == ENCODING_BASE64 ? base64_of(call, bytes)
                                                           : escape_of(call, bytes);
    }
}

static bool blank(uint8_t byte) {
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

static int hex_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

static struct slice hex_read(const struct sql_call *call, struct slice text) {
    uint8_t *bytes = result_bytes(call, text.length / 2 + 1);
    size_t length = 0;
    for (size_t i = 0; i < text.length;) {
        if (blank(text.bytes[i])) {
            i++;
            continue;
        }
        int high = hex_digit(text.bytes[i]);
        if (high < 0) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "invalid hexadecimal digit: \"%c\"",
                      text.bytes[i]);
        }
        if (i + 1 >= text.length) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position,
                      "invalid hexadecimal data: odd number of digits");
        }
        int low = hex_digit(text.bytes[i + 1]);
        if (low < 0) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "invalid hexadecimal digit: \"%c\"",
                      text.bytes[i + 1]);
        }
        bytes[length++] = (uint8_t)(high * 16 + low);
        i += 2;
    }
    return slice_make(bytes, length);
}

static struct slice base64_read(const struct sql_call *call, struct slice text) {
    uint8_t *bytes = result_bytes(call, text.length / 4 * 3 + 3);
    size_t length = 0;
    uint32_t bits = 0;
    unsigned digits = 0;
    unsigned padding = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];
        if (blank(byte)) {
            continue;
        }
        const char *digit = byte == 0 ? NULL : strchr(base64_digits, byte);
        if (byte == '=' && digits % 4 >= 2) {
            padding++;
            digit = base64_digits;
        } else if (digit == NULL || padding > 0) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position,
                      byte == '=' ? "unexpected \"=\" while decoding base64 sequence"
                                  : "invalid symbol \"%c\" found while decoding base64 sequence",
                      byte);
        }
        bits = bits << 6 | (uint32_t)(digit - base64_digits);
        if (++digits % 4 == 0) {
            bytes[length++] = (uint8_t)(bits >> 16);
            if (padding < 2) {
                bytes[length++] = (uint8_t)(bits >> 8);
            }
            if (padding < 1) {
                bytes[length++] = (uint8_t)bits;
            }
            bits = 0;
        }
    }
    if (digits % 4 != 0) {
        sql_raise_with(call->context, KMB_INVALID_PARAMETER, call->position, NULL,
                       "Input data is missing padding, is truncated, or is otherwise corrupted.",
                       "invalid base64 end sequence");
    }
    return slice_make(bytes, length);
}

static struct slice escape_read(const struct sql_call *call, struct slice text) {
    uint8_t *bytes = result_bytes(call, text.length);
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];
        if (byte != '\\') {
            bytes[length++] = byte;
            continue;
        }
        size_t left = text.length - i - 1;
        const uint8_t *next = text.bytes + i + 1;
        if (left >= 1 && next[0] == '\\') {
            bytes[length++] = '\\';
            i += 1;
        } else if (left >= 3 && next[0] >= '0' && next[0] <= '3' && next[1] >= '0' && next[1] <= '7' &&
                   next[2] >= '0' && next[2] <= '7') {
            bytes[length++] = (uint8_t)((next[0] - '0') * 64 + (next[1] - '0') * 8 + (next[2] - '0'));
            i += 3;
        } else {
            sql_raise(call->context, KMB_INVALID_TEXT, call->position, "invalid input syntax for type %s", "bytea");
        }
    }
    return slice_make(bytes, length);
}

static void fn_decode(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        enum encoding encoding = encoding_of(call, ARGUMENT_BYTES(1, row));
        result->bytes[row] = encoding == ENCODING_HEX      ? hex_read(call, text)
                             : encoding == ENCODING_BASE64 ? base64_read(call, text)
                                                           : escape_read(call, text);
    }
}

static void fn_sha256(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        struct hash256 hash = hash_sha256(bytes.bytes, bytes.length);
        uint8_t *copy = result_bytes(call, HASH256_SIZE);
        memcpy(copy, hash.bytes, HASH256_SIZE);
        result->bytes[row] = slice_make(copy, HASH256_SIZE);
    }
}

static struct slice digest_of(const struct sql_call *call, enum hash_digest digest, struct slice bytes) {
    uint8_t *out = result_bytes(call, HASH_DIGEST_SIZE_MAX);
    size_t size = hash_digest(digest, bytes.length == 0 ? out : bytes.bytes, bytes.length, out);
    if (size == 0) {
        sql_raise(call->context, KMB_NO_MEMORY, call->position, "out of memory");
    }
    return slice_make(out, size);
}

/* As text, in hexadecimal digits. */
static void fn_md5(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice hash = digest_of(call, HASH_MD5, ARGUMENT_BYTES(0, row));
        result->bytes[row] = hex_of(call, hash);
    }
}

#define DIGEST(name, digest)                                                                                           \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        EACH_ROW(row) {                                                                                                \
            result->bytes[row] = digest_of(call, digest, ARGUMENT_BYTES(0, row));                                      \
        }                                                                                                              \
    }
DIGEST(fn_sha224, HASH_SHA224)
DIGEST(fn_sha384, HASH_SHA384)
DIGEST(fn_sha512, HASH_SHA512)

/* pgcrypto's digest(): the hash by its name. */
static void fn_digest(SCALAR_PARAMETERS) {
    static const struct {
        const char *name;
        enum hash_digest digest;
    } known[] = {{"md5", HASH_MD5}, {"sha224", HASH_SHA224}, {"sha384", HASH_SHA384}, {"sha512", HASH_SHA512}};
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        struct slice name = ARGUMENT_BYTES(1, row);
        size_t at = 0;
        if (is_named(name, "sha256")) {
            struct hash256 hash = hash_sha256(bytes.bytes, bytes.length);
            result->bytes[row] =
                slice_make(memcpy(result_bytes(call, HASH256_SIZE), hash.bytes, HASH256_SIZE), HASH256_SIZE);
            continue;
        }
        while (at < sizeof(known) / sizeof(known[0]) && !is_named(name, known[at].name)) {
            at++;
        }
        if (at == sizeof(known) / sizeof(known[0])) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position,
                      "Cannot use \"%.*s\": No such hash algorithm", (int)name.length, (const char *)name.bytes);
        }
        result->bytes[row] = digest_of(call, known[at].digest, bytes);
    }
}

/* Text is UTF-8, and the only encoding there is. */
static void check_encoding_name(const struct sql_call *call, struct slice name, const char *which) {
    char folded[8] = "";
    size_t length = 0;
    for (size_t i = 0; i < name.length && length < sizeof folded - 1; i++) {
        uint8_t byte = name.bytes[i];
        bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
        if (letter || (byte >= '0' && byte <= '9')) {
            folded[length++] = (char)(letter ? byte | 0x20 : byte);
        }
    }
    if (strcmp(folded, "utf8") != 0 && strcmp(folded, "unicode") != 0) {
        sql_raise_unsupported(call->context, call->position, "%s encoding \"%.*s\"", which,
                              (int)(name.length > 64 ? 64 : name.length), (const char *)name.bytes);
    }
}

static void fn_convert_from(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        check_encoding_name(call, ARGUMENT_BYTES(1, row), "source");
        enum kmb_status status = utf8_check(bytes, call->context->error);
        if (status != KMB_OK) {
            sql_raise_status(call->context, status, call->position);
        }
        result->bytes[row] = bytes;
    }
}

static void fn_convert_to(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        check_encoding_name(call, ARGUMENT_BYTES(1, row), "destination");
        result->bytes[row] = ARGUMENT_BYTES(0, row);
    }
}

static void fn_to_hex(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        uint64_t bits = (uint64_t)ARGUMENT_INT(0, row);
        bits = call->argument_types[0].id == TYPE_INT4 ? bits & UINT32_MAX : bits;
        uint8_t *text = result_bytes(call, 16);
        size_t at = 16;
        do {
            text[--at] = (uint8_t) "0123456789abcdef"[bits & 15];
            bits >>= 4;
        } while (bits != 0);
        result->bytes[row] = slice_make(text + at, 16 - at);
    }
}

/* clang-format off */
static const struct sql_function encode_rows[] = {
    FN("decode", fn_decode, TYPE_BYTEA, "bytes of text in hex, base64 or escape form", TYPE_TEXT, TYPE_TEXT),
    FN("encode", fn_encode, TYPE_TEXT, "text of bytes in hex, base64 or escape form", TYPE_BYTEA, TYPE_TEXT),
    FN("convert_from", fn_convert_from, TYPE_TEXT, "text of bytes in an encoding: UTF8", TYPE_BYTEA, TYPE_TEXT),
    FN("convert_to", fn_convert_to, TYPE_BYTEA, "bytes of a text in an encoding: UTF8", TYPE_TEXT, TYPE_TEXT),
    FN("md5", fn_md5, TYPE_TEXT, "MD5 hash in hexadecimal digits", TYPE_TEXT),
    FN("md5", fn_md5, TYPE_TEXT, "MD5 hash in hexadecimal digits", TYPE_BYTEA),
    FN("digest", fn_digest, TYPE_BYTEA, "hash by its name: md5, sha224, sha256, sha384, sha512", TYPE_BYTEA, TYPE_TEXT),
    FN("digest", fn_digest, TYPE_BYTEA, "hash of the text's bytes", TYPE_TEXT, TYPE_TEXT),
    FN("sha224", fn_sha224, TYPE_BYTEA, "SHA-224 hash", TYPE_BYTEA),
    FN("sha384", fn_sha384, TYPE_BYTEA, "SHA-384 hash", TYPE_BYTEA),
    FN("sha512", fn_sha512, TYPE_BYTEA, "SHA-512 hash", TYPE_BYTEA),
    FN("sha256", fn_sha256, TYPE_BYTEA, "SHA-256 hash", TYPE_BYTEA),
    FN("to_hex", fn_to_hex, TYPE_TEXT, "in hexadecimal digits", TYPE_INT4),
    FN("to_hex", fn_to_hex, TYPE_TEXT, "in hexadecimal digits", TYPE_INT8),
};
/* clang-format on */

struct function_rows function_rows_encode(void) {
    return FUNCTION_ROWS(encode_rows);
}
