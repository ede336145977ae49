/*
 * What messages are made of, as data: one description serves decoding, encoding and printing.
 *
 * A described value is a C object: integers, bools and enums as such, texts and bytes as slices that borrow from the
 * bytes decoded, options as pointers (NULL: none), lists as {count, items}, an enum whose members have content as a tag
 * and a union. What pointers lead to lives in the caller's arena.
 */
#ifndef KMB_WIRE_SCHEMA_H
#define KMB_WIRE_SCHEMA_H

#include "base/arena.h"
#include "wire/postcard.h"

enum wire_kind {
    WIRE_BOOL,
    WIRE_U8, /* one raw byte */
    WIRE_U16,
    WIRE_U32,
    WIRE_U64,
    WIRE_I64,
    WIRE_F64, /* eight raw bytes, least significant first */
    WIRE_TEXT,
    WIRE_BYTES,
    WIRE_ENUM,   /* members without content: uint32_t */
    WIRE_UNION,  /* tag and content */
    WIRE_STRUCT, /* fields in order */
};

enum wire_form { WIRE_ONE, WIRE_OPTION, WIRE_LIST };

struct wire_field {
    const char *name;
    const struct wire_type *type;
    enum wire_form form;
    uint32_t offset;
};

struct wire_member {
    const char *name;
    const struct wire_type *content; /* NULL: none */
};

struct wire_type {
    enum wire_kind kind;
    uint32_t size;                     /* of the C object */
    const struct wire_field *fields;   /* STRUCT */
    const struct wire_member *members; /* ENUM, UNION */
    uint32_t count;                    /* of fields or members */
    uint32_t content_offset;           /* UNION */
};

/* Any list in memory. */
struct wire_list {
    uint32_t count;
    void *items;
};

extern const struct wire_type wire_bool;
extern const struct wire_type wire_u8;
extern const struct wire_type wire_u16;
extern const struct wire_type wire_u32;
extern const struct wire_type wire_u64;
extern const struct wire_type wire_i64;
extern const struct wire_type wire_f64;
extern const struct wire_type wire_text;
extern const struct wire_type wire_bytes;

/* Reads a value of the type into the zeroed object; the reader says what went wrong. */
void wire_decode(struct postcard_reader *reader, const struct wire_type *type, struct arena *arena, void *object);
void wire_encode(struct buffer *out, const struct wire_type *type, const void *object);

#endif
