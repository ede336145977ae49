/*
 * Where an object stands inside its value in PostgreSQL's binary form of jsonb, which is what the ids of .keyvalue()
 * are made of: two objects of one value have two ids, and the same ids there and here.
 *
 * A container begins at a multiple of four with a word for its count and a word for each element; of an object for each
 * key and each value, the keys' bytes before the values'. Then what is in it: strings as they are, numbers as numeric
 * with a header of four bytes, at a multiple of four too; of null, true and false nothing.
 */
#include "sql/func/json_query.h"

#define WORD                 4u
#define GROUP                4 /* decimal digits in one of numeric */
#define NUMERIC_SHORT_SCALE  63
#define NUMERIC_SHORT_GROUPS 64 /* before the point; behind it as many */
#define NUMERIC_HEADER_SHORT 6u /* with the length */
#define NUMERIC_HEADER_LONG  8u

static uint64_t aligned(uint64_t at) {
    return (at + WORD - 1) / WORD * WORD;
}

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

/* Bytes of a number as numeric: groups of four digits counted from the point, those of zeros at either end left out. */
static uint64_t numeric_size(struct slice text) {
    size_t sign = text.length > 0 && text.bytes[0] == '-' ? 1 : 0;
    size_t point = sign;
    int64_t first = INT64_MIN; /* group of the first digit that counts: 0 is left of the point, -1 right of it */
    int64_t last = 0;
    while (point < text.length && is_digit(text.bytes[point])) {
        point++;
    }
    for (size_t i = sign; i < text.length; i++) {
        int64_t left = (int64_t)point - 1 - (int64_t)i; /* digits between it and the point */
        int64_t group = i < point ? left / GROUP : -1 - (-left - 2) / GROUP;
        if (is_digit(text.bytes[i]) && text.bytes[i] != '0') {
            first = first == INT64_MIN ? group : first;
            last = group;
        }
    }
    uint64_t scale = point < text.length ? text.length - point - 1 : 0;
    uint64_t groups = first == INT64_MIN ? 0 : (uint64_t)(first - last + 1);
    bool brief = scale <= NUMERIC_SHORT_SCALE &&
                 (groups == 0 || (first < NUMERIC_SHORT_GROUPS && first >= -NUMERIC_SHORT_GROUPS));
    return (brief ? NUMERIC_HEADER_SHORT : NUMERIC_HEADER_LONG) + groups * 2;
}

static uint64_t lay_out(struct json_node *node, uint64_t at);

static uint64_t lay_out_container(struct json_node *node, uint64_t at) {
    bool object = node->kind == JSON_OBJECT_OPEN;
    at = aligned(at);
    node->place = (uint32_t)at;
    at += WORD;
    for (const struct json_node *member = node->first; member != NULL; member = member->next) {
        at += object ? 2 * WORD + member->key.length : WORD;
    }
    for (struct json_node *member = node->first; member != NULL; member = member->next) {
        at = lay_out(member, at);
    }
    return at;
}

/* Behind what ends at `at`; where it ends itself. As deep as JSON_DEPTH_MAX. */
static uint64_t lay_out(struct json_node *node, uint64_t at) {
    switch (node->kind) {
    case JSON_OBJECT_OPEN:
    case JSON_ARRAY_OPEN:
        return lay_out_container(node, at);
    case JSON_STRING:
        return at + node->text.length;
    case JSON_NUMBER:
        return aligned(at) + numeric_size(node->text);
    default:
        return at;
    }
}

void json_lay_out(struct json_node *root) {
    (void)lay_out(root, 0);
}
