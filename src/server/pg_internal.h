/* What the files of the PostgreSQL session share. Nobody else includes this. */
#ifndef KMB_SERVER_PG_INTERNAL_H
#define KMB_SERVER_PG_INTERNAL_H

#include "base/map.h"
#include "engine/statement.h"
#include "server/authenticate.h"
#include "server/pg.h"
#include "server/request.h"
#include "sql/plan/ddl.h"
#include "wire/pg/format.h"

/* A prepared statement of the protocol's. */
struct pg_statement {
    struct charge *charge;
    uint64_t charged;
    kmb_statement *statement; /* NULL: an empty text */
    char *text;               /* with a NUL; for a second portal at the same time, and for positions of errors */
    size_t text_length;
    struct type *types; /* as the client gave them */
    uint32_t type_count;
    bool lent;        /* `statement`, to a portal */
    bool dropped;     /* closed while portals have it: the last of them frees it */
    uint32_t portals; /* that were made of it */
    uint64_t shape;   /* of its columns, as they were when it was prepared */
    uint64_t serial;  /* of a named one: which of the session's list it is */
    uint64_t seen;    /* the list's count of changes when that was looked up last */
};

enum portal_state { PORTAL_NEW, PORTAL_OPEN, PORTAL_DONE };

struct pg_portal {
    struct pg_statement *prepared;
    kmb_statement *statement; /* prepared's, or one of its own; NULL: of an empty text */
    struct slice text;        /* borrowed of prepared, for errors */
    uint64_t number;          /* among the session's cursors */
    enum portal_state state;
    struct pg_formats formats; /* of the result's columns */
    uint8_t *format_codes;     /* whose memory this is */
};

/* What a session is in the middle of, between two steps. */
enum pg_task { PG_TASK_NONE, PG_TASK_SCRIPT, PG_TASK_EXECUTE };

struct pg_session {
    struct server *server;
    struct connection *connection;
    const struct protocol_peer *peer;
    kmb_session *session; /* NULL: startup is not over */
    struct session *inner;
    struct buffer startup;                 /* the client's first message, until it has said who it is */
    struct authentication *authentication; /* NULL: nothing is asked, or it is over */
    struct identity identity;
    uint32_t tenant; /* 0: there is none of that name */
    char database[64];
    uint32_t protocol_version;
    struct buffer *output; /* of the step that goes on; NULL: none does */
    bool skipping;         /* an error in the extended protocol: nothing counts until Sync */
    bool terminated;       /* what is in the output is the last */
    bool astray;   /* the client has sent what has no place within a COPY: nothing else that it says has a meaning */
    uint64_t skip; /* bytes of a message that was refused before it was whole: still to come, and dropped */

    struct map statements; /* name -> struct pg_statement: what is made of the named ones of the session's list */
    struct map portals;    /* name -> struct pg_portal */
    struct pg_statement *unnamed;
    struct pg_portal *unnamed_portal;
    struct pg_portal *fetch; /* of a cursor that SQL declared, while Execute runs it */

    enum pg_task task;
    /* SCRIPT: a Query message's text; owned by us once the message is consumed. */
    struct buffer script_memory;
    uint64_t script_bytes; /* of it, as they are counted */
    struct slice script;
    struct buffer script_parts; /* struct script_part of each statement */
    size_t script_next;         /* of them */
    bool script_many;           /* more than one statement: they share a transaction */
    bool block_due;             /* what runs next is to begin the block that nobody asks for in words */
    kmb_statement *statement;   /* of the script, being run */
    struct slice statement_text;
    /* EXECUTE */
    struct pg_portal *portal;
    bool portals_ended;     /* what ran has ended the transaction, and with it all portals */
    bool portal_named_gone; /* it was unlinked while it ran */
    uint64_t row_limit;     /* 0: none */
    uint64_t row_count;     /* given by this run */
    bool partial;           /* it is limited, or goes on where a limited one stopped */
    bool described;         /* the rows' description has been sent */

    struct request_source source;
    struct request request;

    /* As the client was told last. */
    struct datetime_style told_style;
    char told_time_zone[64];
    char told_application_name[64];
    bool told_read_only;
};

/* What became of running something. */
enum pg_outcome {
    PG_FINISHED,
    PG_SUSPENDED, /* a portal's row limit is reached */
    PG_PAUSED,    /* the output is large, or a commit or another session is to be waited for: come again */
    PG_FAILED,    /* *error says why; nothing was told yet */
    PG_LOST,      /* the client is gone */
};

/* --- pg_value.c --- */
uint32_t pg_oid(struct type type);
/* Of an OID that a client gives for a parameter; 0 and 705: unknown. false: no such type. */
bool pg_type_of(const struct catalogue *catalogue, uint32_t oid, struct type *type);
void pg_describe_rows(struct buffer *out, const kmb_statement *statement, const struct pg_formats *formats);

/* --- pg_request.c --- */
/* A statement begins, and ends; nothing happens when none has begun. */
void pg_request_begin(struct pg_session *session, const char *method, struct slice text);
void pg_request_end(struct pg_session *session, bool succeeded);
/* Writes an error, and counts it. */
void pg_tell_error(struct pg_session *session, struct buffer *out, enum pg_severity severity,
                   const struct kmb_error *error);

/* --- pg_limit.c --- */
/* One more request of the source's and the tenant's. KMB_RATE_LIMITED. */
enum kmb_status pg_limit_request(struct pg_session *session, struct kmb_error *error);
/* A message that is there; those that a client must be able to send at any time are counted, never refused. */
enum kmb_status pg_limit_message(struct pg_session *session, const struct pg_frame *frame, struct kmb_error *error);
/* A message of a COPY: waits until its bytes are allowed. */
enum kmb_status pg_limit_copy(struct pg_session *session, size_t bytes, struct kmb_error *error);
/* A message of which not all is there: refused where there is no memory for the rest, which is then skipped. */
enum kmb_status pg_limit_memory(struct pg_session *session, struct slice input, struct kmb_error *error);

/* --- pg_run.c --- */
/* Where the client has gone astray: says so, and that nothing follows. */
bool pg_leave_astray(struct pg_session *session, struct buffer *out);
/* The tag of one that has run; part: it tells of the rows of this message alone. */
void pg_write_tag(const struct pg_session *session, struct buffer *out, const kmb_statement *statement, bool part);
/* Runs a statement as far as it goes: rows, COPY, the end's tag into the output. */
enum pg_outcome pg_run(struct pg_session *session, struct protocol_io *io, kmb_statement *statement, bool describe,
                       const struct pg_formats *formats, struct kmb_error *error);
/* Tells settings that have changed and that clients keep track of. */
void pg_tell_settings(struct pg_session *session, struct buffer *out, bool all);
/* Tells what was NOTIFYed on channels that the session listens on; nothing within a transaction. */
void pg_tell_notifications(struct pg_session *session, struct buffer *out);
void pg_write_ready_now(struct pg_session *session, struct buffer *out);
void pg_write_warning(struct buffer *out, enum kmb_status status, const char *message);
/* The kind of transaction control that a statement is, or -1. */
int pg_control_of(const kmb_statement *statement);
/* Whether its rows are described, be they of no column at all. */
bool pg_gives_rows(const kmb_statement *statement);
/* Begins the block that is due. false: the session's own commits are to be durable first, for it begins at what is
 * published: come again. */
bool pg_begin_due(struct pg_session *session, enum kmb_status *status, struct kmb_error *error);
/* Ends a block that nobody has begun in words: commits it, or rolls back after an error. */
enum kmb_status pg_end_implicit(struct pg_session *session, bool failed, struct kmb_error *error);

/* --- pg_script.c: the simple protocol --- */
void pg_query(struct pg_session *session, struct protocol_io *io, struct slice text);
/* false: paused. */
bool pg_continue_script(struct pg_session *session, struct protocol_io *io);
void pg_drop_script(struct pg_session *session);

/* --- pg_extended.c --- */
enum kmb_status pg_parse(struct pg_session *session, struct buffer *out, const struct pg_parse *parse,
                         struct kmb_error *error);
enum kmb_status pg_bind(struct pg_session *session, struct buffer *out, const struct pg_bind *bind,
                        struct kmb_error *error);
enum kmb_status pg_describe(struct pg_session *session, struct buffer *out, const struct pg_target *target,
                            struct kmb_error *error);
void pg_close(struct pg_session *session, struct buffer *out, const struct pg_target *target);
/* Begins a portal's run; sync_follows: nothing else is part of its transaction. */
enum kmb_status pg_execute(struct pg_session *session, const struct pg_execute *execute, bool sync_follows,
                           struct kmb_error *error);
/* Whether the rows of the portal that runs are still those that the client was told of. */
bool pg_is_as_told(const struct pg_session *session, struct kmb_error *error);
enum pg_outcome pg_continue_execute(struct pg_session *session, struct protocol_io *io, struct kmb_error *error);
/* Portals end with their transaction. */
void pg_drop_portals(struct pg_session *session);
/* ... and with the savepoint that they were bound after, when the transaction goes back to it. */
void pg_drop_portals_gone(struct pg_session *session);
void pg_drop_statements(struct pg_session *session);
void pg_drop_fetch(struct pg_session *session);
/* The statement and the portal without a name: a simple query ends them. */
void pg_drop_unnamed(struct pg_session *session);

/* --- cursors that SQL declared, as portals: pg_cursor.c --- */
bool pg_cursor_there(const struct pg_session *session, struct slice name);
/* "FETCH FORWARD 5 FROM name", to be run as the portal of that name; count 0: all. KMB_NO_MEMORY and what binding says.
 */
enum kmb_status pg_cursor_fetch(struct pg_session *session, struct slice name, uint32_t count,
                                kmb_statement **statement, struct kmb_error *error);
void pg_cursor_close(struct pg_session *session, struct slice name);
/* The name in quotes, as SQL reads it. */
void pg_quote_name(struct buffer *text, struct slice name);

#endif
