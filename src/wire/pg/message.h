/*
 * Messages of PostgreSQL's protocol 3, as bytes: what a frontend sends is read out of a slice, what a backend sends is
 * written behind a buffer. No socket, no session, and no memory of its own: what is read borrows from the input.
 *
 * Reading: pg_startup_read() until the client has said who it is, then pg_frame_read() and pg_message_read(). All
 * counts and lengths have been checked when these answer, so the iterators behind them can not fail. Errors are in
 * PostgreSQL's words and KMB_PROTOCOL (08P01) where nothing else is said.
 */
#ifndef KMB_WIRE_PG_MESSAGE_H
#define KMB_WIRE_PG_MESSAGE_H

#include "base/buffer.h"
#include "base/error.h"

#define PG_STARTUP_MAX       10000 /* bytes behind the length, as in PostgreSQL */
#define PG_MESSAGE_SMALL_MAX 10000 /* of messages that carry no text and no values of the client's */
#define PG_MESSAGE_MAX       ((size_t)0x3ffffffe)
#define PG_TOKEN_MAX         65535 /* of a message that carries a password or a SASL token */
#define PG_CANCEL_KEY_MIN    4
#define PG_CANCEL_KEY_MAX    256

#define PG_PROTOCOL_VERSION(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))
#define PG_PROTOCOL_LATEST                PG_PROTOCOL_VERSION(3, 2) /* cancel keys of other lengths than four */

/* --- before there is a session --- */

enum pg_read {
    PG_READ_WHOLE,
    PG_READ_INCOMPLETE, /* more bytes are wanted */
    PG_READ_REFUSED,    /* error says why, the rest of the input has no meaning any more: FATAL */
    PG_READ_BROKEN,     /* so wrong that PostgreSQL answers nothing and closes; error is for the server's own log */
};

enum pg_startup_kind {
    PG_STARTUP_SESSION,
    PG_STARTUP_TLS,    /* SSLRequest: answer one byte, 'S' or 'N' */
    PG_STARTUP_GSS,    /* GSSENCRequest: answer one byte, 'N' */
    PG_STARTUP_CANCEL, /* no answer ever */
};

/* What the first message of a connection says; texts are UTF-8 without NUL and borrow. */
struct pg_startup {
    enum pg_startup_kind kind;
    size_t size;           /* bytes of input that it has */
    uint32_t version;      /* that the session will speak: the client's, or PG_PROTOCOL_LATEST where that is less */
    bool negotiate;        /* the client asked for more than we have: pg_write_negotiation() */
    uint32_t process;      /* of a cancel request */
    struct slice key;      /* the same */
    struct slice settings; /* names and values as they came: pg_startup_next() */
    struct slice user;     /* empty: not told, which pg_startup_read() refuses */
    struct slice database; /* the user's name where it is not told */
    struct slice options;
    struct slice replication;
};

/*
 * Errors: PG_READ_BROKEN "invalid length of startup packet"; PG_READ_REFUSED KMB_UNSUPPORTED "unsupported frontend
 * protocol 2.0: server supports 3.0 to 3.2", "invalid startup packet layout: expected terminator as last byte",
 * KMB_AUTHENTICATION "no PostgreSQL user name specified in startup packet", KMB_INVALID_ENCODING.
 */
enum pg_read pg_startup_read(struct slice input, struct pg_startup *out, struct kmb_error *error);
/* The settings one by one, user and database among them. rest: begins as startup.settings. */
bool pg_startup_next(struct slice *rest, struct slice *name, struct slice *value);
/* Whether a setting's name is one of the protocol's own ("_pq_.name"): such are negotiated, not set. */
bool pg_startup_is_option(struct slice name);

/* --- what a session is told --- */

/* Type bytes of a frontend's messages. */
enum pg_frontend {
    PG_BIND = 'B',
    PG_CLOSE = 'C',
    PG_COPY_DATA = 'd',
    PG_COPY_DONE = 'c',
    PG_COPY_FAIL = 'f',
    PG_DESCRIBE = 'D',
    PG_EXECUTE = 'E',
    PG_FLUSH = 'H',
    PG_FUNCTION_CALL = 'F',
    PG_PARSE = 'P',
    PG_PASSWORD = 'p', /* or a SASL message: which, only the session knows */
    PG_QUERY = 'Q',
    PG_SYNC = 'S',
    PG_TERMINATE = 'X',
};

struct pg_frame {
    enum pg_frontend type;
    struct slice body;
    size_t size; /* bytes of input that it has */
};

/*
 * The message at the start of the input. body_max: bytes of a body that the session takes; types that need little take
 * less than that in any case, as in PostgreSQL. Errors: PG_READ_REFUSED "invalid frontend message type 0",
 * PG_READ_BROKEN "invalid message length". *out is filled in as far as it is known also where more bytes are wanted
 * (size 0: the length has not come either).
 */
enum pg_read pg_frame_read(struct slice input, size_t body_max, struct pg_frame *out, struct kmb_error *error);

struct pg_parse {
    struct slice statement; /* its name; empty: the unnamed one */
    struct slice query;
    uint16_t type_count;
    const uint8_t *types; /* pg_parse_type() */
};
uint32_t pg_parse_type(const struct pg_parse *parse, uint16_t number); /* an OID; 0: to be found out */

enum pg_format { PG_TEXT = 0, PG_BINARY = 1 };

/* Formats of parameters or of result columns: none at all (all are text), one for all, or one for each. */
struct pg_formats {
    uint16_t count;
    const uint8_t *codes;
};
/* -1: KMB_INVALID_PARAMETER "unsupported format code: 2", which pg_formats_check() says. number counts from 0. */
int pg_formats_code(const struct pg_formats *formats, uint16_t number);
enum kmb_status pg_formats_check(const struct pg_formats *formats, struct kmb_error *error);

/* Values as they came, each a length and so many bytes. */
struct pg_values {
    uint16_t count;
    struct slice bytes; /* pg_values_next() */
};
/* The values one by one; rest begins as values.bytes. is_null: value is empty. False: there is none left. */
bool pg_values_next(struct slice *rest, struct slice *value, bool *is_null);

struct pg_bind {
    struct slice portal;
    struct slice statement;
    struct pg_formats formats; /* as many as there are parameters, one, or none */
    struct pg_values parameters;
    struct pg_formats result_formats; /* the count is not checked: only the session knows how many columns there are */
};

struct pg_function_call {
    uint32_t function; /* OID */
    struct pg_formats formats;
    struct pg_values arguments;
    uint16_t result_format;
};

struct pg_execute {
    struct slice portal;
    int32_t row_limit; /* 0 or less: none */
};

/* What DESCRIBE and CLOSE are about. */
struct pg_target {
    bool portal; /* else a prepared statement */
    struct slice name;
};

struct pg_message {
    enum pg_frontend type;
    union {
        struct pg_parse parse;
        struct pg_bind bind;
        struct pg_execute execute;
        struct pg_target target;               /* DESCRIBE, CLOSE */
        struct pg_function_call function_call; /* FUNCTION_CALL */
        struct slice text;                     /* QUERY, COPY_FAIL */
        struct slice bytes;                    /* COPY_DATA, PASSWORD */
    } as;
};

/*
 * Takes a frame's body apart; names and statements are valid UTF-8 then. Errors, which end the message and not the
 * session: "insufficient data left in message", "no data left in message", "invalid string in message", "invalid
 * message format", "bind message has 2 parameter formats but 3 parameters", "invalid DESCRIBE message subtype 65",
 * KMB_INVALID_PARAMETER "unsupported format code: 7", KMB_INVALID_ENCODING.
 */
enum kmb_status pg_message_read(const struct pg_frame *frame, struct pg_message *out, struct kmb_error *error);

/* The bodies of PASSWORD messages. A SASL response is the bytes themselves. */
enum kmb_status pg_password_read(struct slice body, struct slice *password, struct kmb_error *error);
struct pg_sasl_initial {
    struct slice mechanism;
    bool has_response;
    struct slice response;
};
enum kmb_status pg_sasl_initial_read(struct slice body, struct pg_sasl_initial *out, struct kmb_error *error);

/* --- what a session says --- */

enum pg_backend {
    PG_AUTHENTICATION = 'R',
    PG_BACKEND_KEY = 'K',
    PG_BIND_COMPLETE = '2',
    PG_CLOSE_COMPLETE = '3',
    PG_COMMAND_COMPLETE = 'C',
    PG_COPY_BOTH_RESPONSE = 'W',
    PG_COPY_IN_RESPONSE = 'G',
    PG_COPY_OUT_RESPONSE = 'H',
    PG_DATA_ROW = 'D',
    PG_EMPTY_QUERY = 'I',
    PG_ERROR = 'E',
    PG_FUNCTION_RESULT = 'V',
    PG_NEGOTIATE = 'v',
    PG_NOTICE = 'N',
    PG_NOTIFICATION = 'A',
    PG_NO_DATA = 'n',
    PG_PARAMETER_DESCRIPTION = 't',
    PG_PARAMETER_STATUS = 'S',
    PG_PARSE_COMPLETE = '1',
    PG_PORTAL_SUSPENDED = 's',
    PG_READY = 'Z',
    PG_ROW_DESCRIPTION = 'T',
    /* COPY_DATA and COPY_DONE are the frontend's */
};

/* Integers in network order, and text with its NUL. A buffer without memory swallows everything: ask buffer_ok(). */
static inline uint8_t *pg_extend(struct buffer *out, size_t count) { /* buffer_extend(), where it is hot */
    if (!buffer_reserve(out, count)) {
        return NULL;
    }
    uint8_t *place = out->bytes + out->length;
    out->length += count;
    return place;
}
static inline void pg_put_u8(struct buffer *out, uint8_t value) {
    uint8_t *place = pg_extend(out, 1);
    if (place != NULL) {
        *place = value;
    }
}
static inline void pg_store_u16(uint8_t *place, uint16_t value) {
    uint16_t bytes = __builtin_bswap16(value);
    memcpy(place, &bytes, sizeof bytes);
}
static inline void pg_store_u32(uint8_t *place, uint32_t value) {
    uint32_t bytes = __builtin_bswap32(value);
    memcpy(place, &bytes, sizeof bytes);
}
static inline void pg_put_u16(struct buffer *out, uint16_t value) {
    uint8_t *place = pg_extend(out, 2);
    if (place != NULL) {
        pg_store_u16(place, value);
    }
}
static inline void pg_put_u32(struct buffer *out, uint32_t value) {
    uint8_t *place = pg_extend(out, 4);
    if (place != NULL) {
        pg_store_u32(place, value);
    }
}
void pg_put_text(struct buffer *out, struct slice text);

/* Begins a message and answers where its length stands; pg_end() fills that in. A message beyond INT32_MAX bytes makes
 * the buffer fail. */
static inline size_t pg_begin(struct buffer *out, int type) {
    uint8_t *place = pg_extend(out, 5);
    if (place == NULL) {
        return 0;
    }
    *place = (uint8_t)type;
    return out->length - 4;
}
static inline void pg_end(struct buffer *out, size_t start) {
    size_t length = out->length - start;
    if (out->failed || length > INT32_MAX) {
        out->failed = true;
        return;
    }
    pg_store_u32(out->bytes + start, (uint32_t)length);
}

/* BIND_COMPLETE, CLOSE_COMPLETE, EMPTY_QUERY, NO_DATA, PARSE_COMPLETE, PORTAL_SUSPENDED, COPY_DONE: a type and no body.
 */
void pg_write_plain(struct buffer *out, int type);

void pg_write_authentication_ok(struct buffer *out);
void pg_write_authentication_password(struct buffer *out); /* in clear */
/* mechanisms: in the order of preference, the last one NULL. */
void pg_write_authentication_sasl(struct buffer *out, const char *const *mechanisms);
void pg_write_authentication_sasl_continue(struct buffer *out, struct slice data);
void pg_write_authentication_sasl_final(struct buffer *out, struct slice data);
void pg_write_backend_key(struct buffer *out, uint32_t process, struct slice key);
/* NegotiateProtocolVersion: the version that is spoken, and the protocol options that nobody here knows. */
void pg_write_negotiation(struct buffer *out, const struct pg_startup *startup);
void pg_write_parameter_status(struct buffer *out, const char *name, const char *value);

/* Of the transaction: idle, within a block, within a block that has failed. */
enum pg_status { PG_IDLE = 'I', PG_IN_BLOCK = 'T', PG_IN_FAILED_BLOCK = 'E' };
void pg_write_ready(struct buffer *out, enum pg_status status);

void pg_write_command_complete(struct buffer *out, struct slice tag);
void pg_write_notification(struct buffer *out, uint32_t process, struct slice channel, struct slice payload);

/* types: OIDs. */
void pg_write_parameter_description(struct buffer *out, const uint32_t *types, uint16_t count);

/* A column of a result. */
struct pg_column {
    struct slice name;
    uint32_t table;  /* OID; 0: of no table */
    uint16_t number; /* within the table, from 1; 0: of no table */
    uint32_t type;   /* OID */
    int16_t type_length;
    int32_t type_modifier;
    enum pg_format format;
};
/* pg_begin_row_description(), pg_write_column() for each, pg_end(). The same for rows. */
size_t pg_begin_row_description(struct buffer *out, uint16_t count);
void pg_write_column(struct buffer *out, const struct pg_column *column);

static inline size_t pg_begin_row(struct buffer *out, uint16_t count) {
    size_t start = pg_begin(out, PG_DATA_ROW);
    pg_put_u16(out, count);
    return start;
}
static inline void pg_write_null(struct buffer *out) {
    pg_put_u32(out, UINT32_MAX);
}
static inline void pg_write_value(struct buffer *out, struct slice value) {
    uint8_t *place = pg_extend(out, 4 + value.length);
    if (place != NULL) {
        pg_store_u32(place, (uint32_t)value.length);
        if (value.length > 0) {
            memcpy(place + 4, value.bytes, value.length);
        }
    }
}

/* type: COPY_IN_RESPONSE or COPY_OUT_RESPONSE; every column has the format. */
void pg_write_copy_response(struct buffer *out, enum pg_backend type, enum pg_format format, uint16_t column_count);
void pg_write_copy_data(struct buffer *out, struct slice data);
/* value: of the format that the call has asked for. */
void pg_write_function_result(struct buffer *out, bool is_null, struct slice value);

enum pg_severity {
    PG_SEVERITY_LOG,
    PG_SEVERITY_DEBUG,
    PG_SEVERITY_INFO,
    PG_SEVERITY_NOTICE,
    PG_SEVERITY_WARNING,
    PG_SEVERITY_ERROR, /* from here on: ErrorResponse */
    PG_SEVERITY_FATAL,
    PG_SEVERITY_PANIC,
};

/* What an ErrorResponse or a NoticeResponse tells; NULL and 0 are left out. */
struct pg_report {
    enum pg_severity severity;
    const char *sqlstate; /* NULL: that of status */
    enum kmb_status status;
    const char *message;
    const char *detail;
    const char *hint;
    uint32_t position;
    const char *context;
    const char *schema;
    const char *table;
    const char *column;
    const char *type;
    const char *constraint;
};
void pg_write_report(struct buffer *out, const struct pg_report *report);
void pg_write_error(struct buffer *out, enum pg_severity severity, const struct kmb_error *error);

#endif
