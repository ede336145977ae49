/*
 * Order and hash of jsonb values, on their normal texts: no tree is built.
 *
 * PostgreSQL's order: object > array > boolean > number > string > null. Of two arrays or objects the one with more
 * elements or members is greater; of equal counts the first difference decides, keys before their values. A scalar
 * alone counts as an array of one, and is less than a true one. Both texts are walked side by side: while nothing
 * differs they have the same tokens at the same depth, so no stack is needed. Counting the elements of a container
 * walks it once more, so a text nested d deep is read d times at most.
 *
 * The normal form spells each value once, but for zeros at the end of a fraction, which numeric keeps: 1.0 = 1.
 */
#include "base/assert.h"
#include "base/map.h"
#include "types/json.h"

enum rank { RANK_END, RANK_NULL, RANK_STRING, RANK_NUMBER, RANK_BOOL, RANK_ARRAY, RANK_OBJECT };

static enum rank rank_of(uint8_t byte) {
    switch (byte) {
    case ']':
    case '}':
        return RANK_END;
    case 'n':
        return RANK_NULL;
    case '"':
        return RANK_STRING;
    case 't':
    case 'f':
        return RANK_BOOL;
    case '[':
        return RANK_ARRAY;
    case '{':
        return RANK_OBJECT;
    default:
        return RANK_NUMBER;
    }
}

/* Behind the string that opens at `at`. */
static size_t string_end(struct slice text, size_t at) {
    ASSERT(text.bytes[at] == '"');
    for (at++; at < text.length && text.bytes[at] != '"'; at++) {
        at += text.bytes[at] == '\\' ? 1 : 0;
    }
    return at + 1;
}

/* Behind the scalar at `at`. */
static size_t scalar_end(struct slice text, size_t at) {
    if (text.bytes[at] == '"') {
        return string_end(text, at);
    }
    while (at < text.length && text.bytes[at] != ',' && text.bytes[at] != ']' && text.bytes[at] != '}') {
        at++;
    }
    return at;
}

/* Elements or members of the container that opens at `at`. */
static size_t container_count(struct slice text, size_t at) {
    size_t depth = 1;
    size_t count = text.bytes[at + 1] == ']' || text.bytes[at + 1] == '}' ? 0 : 1;
    for (at++; at < text.length && depth > 0; at++) {
        switch (text.bytes[at]) {
        case '"':
            at = string_end(text, at) - 1;
            break;
        case '[':
        case '{':
            depth++;
            break;
        case ']':
        case '}':
            depth--;
            break;
        case ',':
            count += depth == 1;
            break;
        default:
            break;
        }
    }
    return count;
}

static int size_compare(size_t a, size_t b) {
    return (a > b) - (a < b);
}

/* --- scalars --- */

static int hex_digit(uint8_t byte) {
    return byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10;
}

/* The next byte of a string's content, or -1 at its closing quote. */
static int string_next(struct slice text, size_t *at) {
    uint8_t byte = text.bytes[*at];
    if (byte == '"') {
        return -1;
    }
    *at += 1;
    if (byte != '\\') {
        return byte;
    }
    uint8_t escape = text.bytes[*at];
    *at += 1;
    switch (escape) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u': /* of control characters only: two digits say all */
        *at += 4;
        return hex_digit(text.bytes[*at - 2]) * 16 + hex_digit(text.bytes[*at - 1]);
    default:
        return escape;
    }
}

static int string_compare(struct slice a, size_t at_a, struct slice b, size_t at_b) {
    at_a++;
    at_b++;
    int one;
    int other;
    do {
        one = string_next(a, &at_a);
        other = string_next(b, &at_b);
    } while (one == other && one >= 0);
    return (one > other) - (one < other);
}

/* The token without zeros at the end of its fraction. */
static struct slice number_plain(struct slice text, size_t at) {
    struct slice number = slice_make(text.bytes + at, scalar_end(text, at) - at);
    if (memchr(number.bytes, '.', number.length) != NULL) {
        while (number.bytes[number.length - 1] == '0') {
            number.length--;
        }
        number.length -= number.bytes[number.length - 1] == '.';
    }
    return number;
}

static int number_compare(struct slice a, struct slice b) {
    bool negative = a.bytes[0] == '-';
    if (negative != (b.bytes[0] == '-')) {
        return negative ? -1 : 1;
    }
    const uint8_t *point_a = memchr(a.bytes, '.', a.length);
    const uint8_t *point_b = memchr(b.bytes, '.', b.length);
    size_t whole_a = point_a == NULL ? a.length : (size_t)(point_a - a.bytes);
    size_t whole_b = point_b == NULL ? b.length : (size_t)(point_b - b.bytes);
    /* as many digits before the point, no zero in front: the bytes decide */
    int order = whole_a != whole_b ? size_compare(whole_a, whole_b) : slice_compare(a, b);
    return negative ? -order : order;
}

static int scalar_compare(enum rank rank, struct slice a, size_t at_a, struct slice b, size_t at_b) {
    switch (rank) {
    case RANK_STRING:
        return string_compare(a, at_a, b, at_b);
    case RANK_NUMBER:
        return number_compare(number_plain(a, at_a), number_plain(b, at_b));
    case RANK_BOOL:
        return (int)(a.bytes[at_a] == 't') - (int)(b.bytes[at_b] == 't');
    default:
        return 0;
    }
}

/* --- values --- */

static size_t skip_marks(struct slice text, size_t at) {
    while (at < text.length && (text.bytes[at] == ',' || text.bytes[at] == ':' || text.bytes[at] == ' ')) {
        at++;
    }
    return at;
}

/* A scalar beside an array: an array of one, and the less of two such. */
static int array_compare_scalar(struct slice array) {
    size_t count = container_count(array, 0);
    return count == 0 ? -1 : 1;
}

int json_compare(struct slice a, struct slice b) {
    ASSERT(a.length > 0 && b.length > 0);
    if (slice_equal(a, b)) {
        return 0;
    }
    enum rank top_a = rank_of(a.bytes[0]);
    enum rank top_b = rank_of(b.bytes[0]);
    if (top_a == RANK_ARRAY && top_b < RANK_ARRAY) {
        return array_compare_scalar(a);
    }
    if (top_b == RANK_ARRAY && top_a < RANK_ARRAY) {
        return -array_compare_scalar(b);
    }
    size_t at_a = 0;
    size_t at_b = 0;
    while (at_a < a.length && at_b < b.length) {
        enum rank rank = rank_of(a.bytes[at_a]);
        enum rank other = rank_of(b.bytes[at_b]);
        if (rank != other) {
            return rank < other ? -1 : 1;
        }
        int order = 0;
        if (rank == RANK_ARRAY || rank == RANK_OBJECT) {
            order = size_compare(container_count(a, at_a), container_count(b, at_b));
            at_a++;
            at_b++;
        } else if (rank == RANK_END) {
            at_a++;
            at_b++;
        } else {
            order = scalar_compare(rank, a, at_a, b, at_b);
            at_a = scalar_end(a, at_a);
            at_b = scalar_end(b, at_b);
        }
        if (order != 0) {
            return order;
        }
        at_a = skip_marks(a, at_a);
        at_b = skip_marks(b, at_b);
    }
    return 0;
}

uint64_t json_hash(struct slice text, uint64_t seed) {
    size_t from = 0; /* of what is not hashed yet */
    for (size_t at = 0; at < text.length;) {
        enum rank rank = rank_of(text.bytes[at]);
        if (rank == RANK_NUMBER && text.bytes[at] != ',' && text.bytes[at] != ':' && text.bytes[at] != ' ') {
            struct slice number = number_plain(text, at);
            seed = map_hash(text.bytes + from, at - from, seed);
            seed = map_hash(number.bytes, number.length, seed);
            at = scalar_end(text, at);
            from = at;
        } else if (rank == RANK_STRING || rank == RANK_NULL || rank == RANK_BOOL) {
            at = scalar_end(text, at);
        } else {
            at++;
        }
    }
    return map_hash(text.bytes + from, text.length - from, seed);
}
