/*
 * The C API's statements: prepare, bind, step, columns. A statement keeps its bound values in an arena of its own; a
 * row is read out of the run's current batch in place, and only kmb_column_text() makes text.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "engine/api_internal.h"
#include "engine/plan_cache.h"
#include "engine/statement.h"
#include "types/utf8.h"

/* Bound values pile up in an arena; beyond this it is made anew with the values that count. */
#define PARAMETER_BYTES_SOFT ((size_t)256 << 10)

/* --- types -------------------------------------------------------------------------------------------------------- */

enum kmb_type api_type(enum type_id type) {
    switch (type) {
    case TYPE_BOOL:
        return KMB_TYPE_BOOLEAN;
    case TYPE_INT2:
        return KMB_TYPE_SMALLINT;
    case TYPE_INT4:
        return KMB_TYPE_INTEGER;
    case TYPE_INT8:
        return KMB_TYPE_BIGINT;
    case TYPE_FLOAT4:
        return KMB_TYPE_REAL;
    case TYPE_FLOAT8:
        return KMB_TYPE_DOUBLE;
    case TYPE_NUMERIC:
        return KMB_TYPE_NUMERIC;
    case TYPE_TEXT:
        return KMB_TYPE_TEXT;
    case TYPE_VARCHAR:
        return KMB_TYPE_VARCHAR;
    case TYPE_BPCHAR:
        return KMB_TYPE_CHAR;
    case TYPE_BYTEA:
        return KMB_TYPE_BYTEA;
    case TYPE_DATE:
        return KMB_TYPE_DATE;
    case TYPE_TIME:
        return KMB_TYPE_TIME;
    case TYPE_TIMESTAMP:
        return KMB_TYPE_TIMESTAMP;
    case TYPE_TIMESTAMPTZ:
        return KMB_TYPE_TIMESTAMPTZ;
    case TYPE_INTERVAL:
        return KMB_TYPE_INTERVAL;
    case TYPE_UUID:
        return KMB_TYPE_UUID;
    case TYPE_JSON:
        return KMB_TYPE_JSON;
    case TYPE_JSONB:
        return KMB_TYPE_JSONB;
    case TYPE_TINYINT:
        return KMB_TYPE_TINYINT;
    case TYPE_OID:
        return KMB_TYPE_OID;
    case TYPE_NAME:
    case TYPE_CHAR:
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        return KMB_TYPE_NAME;
    default:
        return type_is_array(type) ? KMB_TYPE_ARRAY : type_is_enum(type) ? KMB_TYPE_ENUM : KMB_TYPE_UNKNOWN;
    }
}

/* --- prepare ------------------------------------------------------------------------------------------------------ */

struct first_statement {
    struct slice text;
    size_t offset;
    bool found;
};

static bool take_first(void *context, struct slice statement, size_t offset) {
    struct first_statement *first = context;
    first->text = statement;
    first->offset = offset;
    first->found = true;
    return false;
}

/* The parameters that the caller binds: none where they are the literals of the text. */
static uint32_t parameters_of(const struct kmb_statement *statement) {
    return statement->kept == NULL ? statement->parameter_count : 0;
}

static void free_columns(struct kmb_statement *statement) {
    for (uint32_t i = 0; i < statement->column_room; i++) {
        buffer_free(&statement->texts[i]);
        mem_free(statement->type_names[i]);
    }
    mem_free(statement->texts);
    mem_free(statement->type_names);
    statement->texts = NULL;
    statement->type_names = NULL;
    statement->column_room = 0;
}

static uint64_t version_of(const struct kmb_statement *statement) {
    if (statement->far != NULL) {
        return 0;
    }
    const struct catalogue *catalogue = sql_statement_catalogue(statement->statement);
    return catalogue == NULL ? 0 : catalogue_version(catalogue);
}

/* Room for what is made of columns, which may be others after a run has bound the statement anew. Without memory for it
 * there are no texts. */
static bool make_columns(struct kmb_statement *statement) {
    uint32_t columns = kmb_column_count(statement);
    free_columns(statement);
    statement->texts = mem_alloc_zero(columns + 1u, sizeof(struct buffer));
    statement->type_names = mem_alloc_zero(columns + 1u, sizeof(char *));
    bool made = statement->texts != NULL && statement->type_names != NULL;
    statement->column_room = made ? columns : 0;
    statement->column_version = version_of(statement);
    return made;
}

/* Room for parameters and columns. */
static enum kmb_status make_room(struct kmb_statement *statement, struct kmb_error *error) {
    statement->parameter_count =
        statement->far != NULL ? statement->far->parameter_count : sql_statement_parameter_count(statement->statement);
    statement->parameters = mem_alloc_zero(statement->parameter_count + 1u, sizeof(struct value));
    statement->bound = mem_alloc_zero(statement->parameter_count + 1u, sizeof(bool));
    bool made = statement->parameters != NULL && statement->bound != NULL && make_columns(statement);
    return made ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
}

static void free_room(struct kmb_statement *statement) {
    free_columns(statement);
    mem_free(statement->text);
    mem_free(statement->parameters);
    mem_free(statement->bound);
    statement->text = NULL;
    statement->parameters = NULL;
    statement->bound = NULL;
}

/* Takes the plan kept of a statement like this one, with the literals as its parameters; false: there is none, they are
 * no values for it, or there is no memory. */
static bool take_kept(struct kmb_statement *statement, struct slice text, const struct sql_digest *digest) {
    struct kmb_session *session = statement->session;
    const struct sql_host *host = session_host(session->session);
    struct value values[SQL_DIGEST_LITERALS_MAX];
    struct plan_kept *kept = plan_cache_take(session->plans, host, digest);
    if (kept == NULL) {
        return false;
    }
    struct sql_statement *plan = plan_kept_statement(kept);
    if (!sql_digest_values(text, digest, &statement->parameter_memory, values) ||
        !sql_statement_convert(plan, host, &statement->parameter_memory, values, digest->literal_count)) {
        plan_cache_give(kept);
        return false;
    }
    statement->statement = plan;
    statement->text = mem_alloc(text.length + 1);
    if (statement->text == NULL || make_room(statement, NULL) != KMB_OK) {
        free_room(statement);
        statement->statement = NULL;
        plan_cache_give(kept);
        return false;
    }
    statement->kept = kept;
    statement->text_length = text.length;
    memcpy(statement->text, text.bytes, text.length);
    for (uint32_t i = 0; i < statement->parameter_count; i++) {
        statement->parameters[i] = values[i];
        statement->bound[i] = true;
    }
    statement->bound_count = statement->parameter_count;
    return true;
}

/* digest: of the text, or NULL where it has none, or types of parameters are given. */
static enum kmb_status prepare(struct kmb_session *session, struct slice text, const struct sql_digest *digest,
                               const struct type *types, uint32_t type_count, struct kmb_statement **out,
                               struct kmb_error *error) {
    struct kmb_statement *statement = mem_alloc_zero(1, sizeof(*statement));
    if (statement == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    arena_init(&statement->parameter_memory, 0);
    statement->parameter_memory.charge = session_host(session->session)->charge;
    statement->session = session;
    atomic_fetch_add(&session->uses, 1);
    session_tick(session->session);
    if (session_refresh_names(session->session, error) != KMB_OK) {
        error_clear(error); /* as that may be COMMIT or ROLLBACK; others refresh once more when they run */
    }
    enum kmb_status status = KMB_OK;
    if (digest == NULL || !take_kept(statement, text, digest)) {
        const struct sql_host *host = session_host(session->session);
        if (digest != NULL) {
            text = slice_make(text.bytes + digest->first, digest->end - digest->first);
        }
        status = sql_prepare(host, text, types, type_count, &statement->statement, error);
        if (status == KMB_OK && digest != NULL) {
            plan_cache_note(session->plans, host, digest, statement->statement);
        }
    }
    if (status == KMB_OK && statement->kept == NULL) {
        status = make_room(statement, error);
    }
    if (status != KMB_OK) {
        status = session_fail_prepare(session->session, status, error);
        kmb_finalize(statement);
        return status;
    }
    *out = statement;
    return KMB_OK;
}

static enum kmb_status prepare_far(struct kmb_session *session, struct slice text, struct kmb_statement **out,
                                   struct kmb_error *error) {
    struct kmb_statement *statement = mem_alloc_zero(1, sizeof(*statement));
    if (statement == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    arena_init(&statement->parameter_memory, 0);
    statement->session = session;
    atomic_fetch_add(&session->uses, 1);
    enum kmb_status status = session->remote->prepare(session->far, text, &session->at, &statement->far, error);
    if (status == KMB_OK) {
        status = make_room(statement, error);
    }
    if (status != KMB_OK) {
        kmb_finalize(statement);
        return status;
    }
    *out = statement;
    return KMB_OK;
}

/* The digest of a text that is one statement; NULL: it has none. */
static const struct sql_digest *digest_of(struct kmb_session *session, struct slice text) {
    bool known = session->plans != NULL && session->digest != NULL && sql_digest(text, session->digest);
    return known ? session->digest : NULL;
}

enum kmb_status kmb_prepare(kmb_session *session, const char *sql, size_t length, kmb_statement **statement,
                            const char **tail, struct kmb_error *error) {
    struct first_statement first = {0};
    if (statement != NULL) {
        *statement = NULL;
    }
    if (session == NULL || statement == NULL || (sql == NULL && length != 0)) {
        return api_absent("session, text or place for the statement", error);
    }
    if (tail != NULL) {
        *tail = sql + length;
    }
    const struct sql_digest *digest = digest_of(session, slice_make(sql, length));
    enum kmb_status status = KMB_OK;
    if (digest != NULL) {
        first.text = slice_make(sql, length);
        first.found = true;
    } else {
        status = sql_split(slice_make(sql, length), take_first, &first, error);
    }
    if (status != KMB_OK || !first.found) {
        return status;
    }
    size_t end = digest != NULL ? digest->end : first.offset + first.text.length;
    status = session->remote != NULL ? prepare_far(session, first.text, statement, error)
                                     : prepare(session, first.text, digest, NULL, 0, statement, error);
    if (status == KMB_OK && tail != NULL) {
        *tail = sql + end;
    }
    return status;
}

enum kmb_status statement_prepare(kmb_session *session, struct slice text, const struct type *types,
                                  uint32_t type_count, kmb_statement **statement, struct kmb_error *error) {
    struct first_statement first = {.text = text};
    const struct sql_digest *digest = type_count == 0 ? digest_of(session, text) : NULL;
    enum kmb_status status = digest != NULL ? KMB_OK : sql_split(text, take_first, &first, error);
    *statement = NULL;
    if (status != KMB_OK || (digest == NULL && !first.found)) {
        return status;
    }
    return prepare(session, text, digest, types, type_count, statement, error);
}

const struct sql_statement *statement_sql(const kmb_statement *statement) {
    return statement->statement;
}

void kmb_finalize(kmb_statement *statement) {
    if (statement == NULL) {
        return;
    }
    sql_run_close(statement->run);
    api_batch_free(statement->batches);
    if (statement->far != NULL) {
        statement->session->remote->finalize(statement->far);
    } else if (statement->kept != NULL) {
        plan_cache_give(statement->kept);
    } else {
        sql_statement_free(statement->statement);
    }
    free_room(statement);
    arena_free(&statement->parameter_memory);
    api_session_drop(statement->session);
    mem_free(statement);
}

uint32_t kmb_parameter_count(const kmb_statement *statement) {
    if (statement == NULL) {
        return 0;
    }
    return parameters_of(statement);
}

enum kmb_type kmb_parameter_type(const kmb_statement *statement, uint32_t number) {
    if (statement == NULL) {
        return KMB_TYPE_UNKNOWN;
    }
    return number == 0 || number > parameters_of(statement) ? KMB_TYPE_UNKNOWN
           : statement->far != NULL                         ? statement->far->parameters[number - 1]
                                    : api_type(sql_statement_parameter_type(statement->statement, number - 1).id);
}

uint32_t statement_parameter_count(const kmb_statement *statement) {
    return parameters_of(statement);
}

struct type statement_parameter_type(const kmb_statement *statement, uint32_t number) {
    ASSERT(number >= 1 && number <= parameters_of(statement));
    return number > sql_statement_parameter_count(statement->statement) /* its last binding has failed */
               ? type_make(TYPE_UNKNOWN)
               : sql_statement_parameter_type(statement->statement, number - 1);
}

bool statement_is_bound(const kmb_statement *statement) {
    const struct plan_statement *plan = sql_statement_plan(statement->statement);
    bool rows = plan->kind == STATEMENT_QUERY || plan->kind == STATEMENT_WRITE || plan->kind == STATEMENT_COPY;
    return plan->root != NULL || !rows;
}

/* --- bind --------------------------------------------------------------------------------------------------------- */

static bool is_open(const struct kmb_statement *statement) {
    return statement->run != NULL || statement->far_running;
}

/* Gives back what older values have left, once it is as much as the values themselves: all of these are copied, which
 * must not be done for each that is bound. */
static enum kmb_status drop_older(kmb_statement *statement, struct kmb_error *error) {
    size_t used = statement->parameter_memory.bytes_used;
    uint32_t count = statement->parameter_count;
    if (statement->bound_count < count || used <= PARAMETER_BYTES_SOFT || used / 2 <= statement->parameter_bytes) {
        return KMB_OK;
    }
    struct arena fresh;
    arena_init(&fresh, 0);
    fresh.charge = statement->parameter_memory.charge;
    struct value *copies = mem_alloc_zero(count + 1u, sizeof(*copies));
    bool made = copies != NULL;
    for (uint32_t i = 0; made && i < count; i++) {
        made = value_copy(&statement->parameters[i], &fresh, &copies[i]);
    }
    if (made) {
        memcpy(statement->parameters, copies, count * sizeof(*copies));
        struct arena older = statement->parameter_memory;
        statement->parameter_memory = fresh;
        fresh = older;
        statement->parameter_bytes = statement->parameter_memory.bytes_used;
    }
    arena_free(&fresh);
    mem_free(copies);
    return made ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
}

static enum kmb_status bind(kmb_statement *statement, uint32_t number, struct value value, struct kmb_error *error) {
    if (statement == NULL) {
        return api_absent("statement", error);
    }
    if (is_open(statement) && !statement->done) {
        return error_set(error, KMB_USAGE, "cannot bind $%u while the statement runs; reset it first", number);
    }
    if (number == 0 || number > parameters_of(statement)) {
        return error_set(error, KMB_UNDEFINED_PARAMETER, "there is no parameter $%u: the statement has %u", number,
                         parameters_of(statement));
    }
    kmb_reset(statement);
    enum kmb_status status = drop_older(statement, error);
    if (status != KMB_OK) {
        return status;
    }
    struct value copy;
    if (!value_copy(&value, &statement->parameter_memory, &copy)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    statement->parameters[number - 1] = copy;
    statement->bound_count += !statement->bound[number - 1];
    statement->bound[number - 1] = true;
    return KMB_OK;
}

enum kmb_status kmb_bind_null(kmb_statement *statement, uint32_t number, struct kmb_error *error) {
    return bind(statement, number, value_null(TYPE_UNKNOWN), error);
}
enum kmb_status kmb_bind_bool(kmb_statement *statement, uint32_t number, bool value, struct kmb_error *error) {
    return bind(statement, number, value_bool(value), error);
}
enum kmb_status kmb_bind_int64(kmb_statement *statement, uint32_t number, int64_t value, struct kmb_error *error) {
    return bind(statement, number, value_int8(value), error);
}
enum kmb_status kmb_bind_double(kmb_statement *statement, uint32_t number, double value, struct kmb_error *error) {
    return bind(statement, number, value_real(TYPE_FLOAT8, value), error);
}
enum kmb_status kmb_bind_text(kmb_statement *statement, uint32_t number, const char *text, size_t length,
                              struct kmb_error *error) {
    if (text == NULL && length != 0) {
        return api_absent("text", error);
    }
    struct slice slice = slice_make(text, length);
    enum kmb_status status = utf8_check(slice, error);
    if (status != KMB_OK) {
        error_prefix(error, "$%u", number);
        return status;
    }
    return bind(statement, number, value_bytes(TYPE_UNKNOWN, slice), error);
}
enum kmb_status kmb_bind_bytes(kmb_statement *statement, uint32_t number, const void *bytes, size_t length,
                               struct kmb_error *error) {
    if (bytes == NULL && length != 0) {
        return api_absent("bytes", error);
    }
    return bind(statement, number, value_bytes(TYPE_BYTEA, slice_make(bytes, length)), error);
}

enum kmb_status statement_bind_value(kmb_statement *statement, uint32_t number, struct value value,
                                     struct kmb_error *error) {
    return bind(statement, number, value, error);
}

/* --- step --------------------------------------------------------------------------------------------------------- */

static enum kmb_status run_far(kmb_statement *statement, struct kmb_error *error) {
    struct remote_run run = {.parameters = statement->parameters,
                             .parameter_count = statement->parameter_count,
                             .at = statement->session->at,
                             .copy = &statement->copy};
    enum kmb_status status = statement->session->remote->run(statement->far, &run, error);
    statement->far_running = status == KMB_OK;
    if (status == KMB_OK && !make_columns(statement)) { /* they may be others now */
        kmb_reset(statement);
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return status;
}

static enum kmb_status open_run(kmb_statement *statement, struct kmb_error *error) {
    struct session_outcome outcome = {0};
    statement->done = false;
    statement->batch = NULL;
    statement->next = 0;
    for (uint32_t i = 0; i < statement->parameter_count; i++) {
        if (!statement->bound[i]) {
            error_set(error, KMB_UNDEFINED_PARAMETER, "parameter $%u not provided", i + 1);
            error_hint(error, "Bind a value, or NULL, to each parameter.");
            return KMB_UNDEFINED_PARAMETER;
        }
    }
    if (statement->far != NULL) {
        return run_far(statement, error);
    }
    session_set_copy(statement->session->session, &statement->copy);
    enum kmb_status status = session_run(statement->session->session, statement->statement, statement->parameters,
                                         statement->parameter_count, &statement->run, &outcome, error);
    session_set_copy(statement->session->session, NULL);
    if (statement->column_version != version_of(statement)) {
        (void)make_columns(statement);
    }
    statement->position = outcome.position;
    statement->rolled_back = status == KMB_OK && outcome.rolled_back;
    return status;
}

static enum kmb_status finish_run(kmb_statement *statement) {
    statement->done = true;
    statement->has_row = false;
    if (statement->far != NULL) {
        statement->far_running = false;
        memcpy(statement->tag, statement->far->tag, sizeof(statement->tag));
        statement->rows = statement->far->rows;
        statement->position = statement->far->position;
        return KMB_DONE;
    }
    if (statement->rolled_back) {
        memcpy(statement->tag, "ROLLBACK", sizeof("ROLLBACK"));
    } else {
        sql_run_tag(statement->run, statement->tag);
    }
    statement->rows = sql_run_rows_affected(statement->run);
    sql_run_close(statement->run);
    statement->run = NULL;
    return KMB_DONE;
}

/* A kept plan knows the text of its key; the error is to speak of the text as it was written. */
static void place_error(const struct kmb_statement *statement, struct kmb_error *error) {
    struct sql_digest *digest = statement->session->digest;
    struct slice text = slice_make(statement->text, statement->text_length);
    if (statement->kept != NULL && error != NULL && error->position != 0 && sql_digest(text, digest)) {
        error->position = sql_digest_position(text, digest, error->position);
    }
}

static enum kmb_status next_batch(kmb_statement *statement, struct kmb_error *error) {
    if (statement->far != NULL) {
        enum kmb_status status = statement->session->remote->next(statement->far, &statement->batch, error);
        statement->position = statement->far->position;
        return status;
    }
    session_fetching(statement->session->session, true);
    enum kmb_status status = sql_run_next(statement->run, &statement->batch, error);
    session_fetching(statement->session->session, false);
    return status;
}

static enum kmb_status run_block(kmb_statement *statement, struct kmb_error *error) {
    struct session *session = statement->session->session;
    enum kmb_status status = api_block_run(statement->session, sql_statement_plan(statement->statement)->block, error);
    statement->done = true;
    statement->rows = 0;
    statement->rolled_back = false;
    statement->position = session_position(session);
    memcpy(statement->tag, "DO", sizeof("DO"));
    return status == KMB_OK ? KMB_DONE : status;
}

static enum kmb_status step(kmb_statement *statement, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    statement->has_row = false;
    if (!is_open(statement)) {
        statement->tag[0] = 0;
        if (statement->far == NULL && sql_statement_kind(statement->statement) == STATEMENT_BLOCK) {
            return run_block(statement, error);
        }
        status = open_run(statement, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    for (;;) {
        const struct batch *batch = statement->batch;
        uint32_t live = batch == NULL ? 0 : batch->selection == NULL ? batch->count : batch->selection_count;
        if (statement->next < live) {
            uint32_t at = statement->next++;
            statement->row = batch->selection == NULL ? at : batch->selection[at];
            statement->has_row = true;
            return KMB_ROW;
        }
        status = next_batch(statement, error);
        statement->next = 0;
        if (status == KMB_DONE) {
            return finish_run(statement);
        }
        if (status != KMB_ROW) {
            if (statement->far == NULL) {
                session_fail(statement->session->session);
            }
            kmb_reset(statement);
            return status;
        }
    }
}

enum kmb_status kmb_step(kmb_statement *statement, struct kmb_error *error) {
    if (statement == NULL) {
        return error_set(error, KMB_USAGE, "there is no statement to step: was it prepared?");
    }
    enum kmb_status status = step(statement, error);
    if (status != KMB_ROW && status != KMB_DONE) {
        place_error(statement, error);
    }
    return status;
}

enum kmb_copy kmb_statement_copy(const kmb_statement *statement) {
    if (statement != NULL && statement->far != NULL) {
        return statement->far->copy;
    }
    const struct plan_statement *plan = statement == NULL ? NULL : sql_statement_plan(statement->statement);
    return plan == NULL || plan->copy == NULL ? KMB_COPY_NONE
           : plan->kind == STATEMENT_COPY     ? KMB_COPY_OUT
                                              : KMB_COPY_IN;
}

static enum kmb_status set_copy(kmb_statement *statement, enum kmb_copy wanted, const struct sql_copy *copy,
                                struct kmb_error *error) {
    if (statement == NULL || (copy->read == NULL && copy->write == NULL)) {
        return api_absent("statement or function", error);
    }
    if (kmb_statement_copy(statement) != wanted) {
        return error_set(error, KMB_USAGE, "the statement is no COPY %s",
                         wanted == KMB_COPY_IN ? "FROM STDIN" : "TO STDOUT");
    }
    statement->copy = *copy;
    return KMB_OK;
}

void statement_clear_copy(kmb_statement *statement) {
    statement->copy = (struct sql_copy){0};
}

enum kmb_status statement_set_copy(kmb_statement *statement, const struct sql_copy *copy, struct kmb_error *error) {
    return set_copy(statement, kmb_statement_copy(statement), copy, error);
}

enum kmb_status kmb_copy_from(kmb_statement *statement,
                              enum kmb_status (*read)(void *context, void *bytes, size_t size, size_t *count,
                                                      struct kmb_error *error),
                              void *context, struct kmb_error *error) {
    return set_copy(statement, KMB_COPY_IN, &(struct sql_copy){.read = read, .context = context}, error);
}

enum kmb_status kmb_copy_to(kmb_statement *statement,
                            enum kmb_status (*write)(void *context, const void *bytes, size_t length,
                                                     struct kmb_error *error),
                            void *context, struct kmb_error *error) {
    return set_copy(statement, KMB_COPY_OUT, &(struct sql_copy){.write = write, .context = context}, error);
}

void kmb_reset(kmb_statement *statement) {
    if (statement == NULL) {
        return;
    }
    sql_run_close(statement->run);
    api_batch_reset(statement->batches);
    if (statement->far_running) {
        statement->session->remote->reset(statement->far);
        statement->far_running = false;
    }
    statement->run = NULL;
    statement->batch = NULL;
    statement->has_row = false;
    statement->done = false;
}

const char *kmb_statement_tag(const kmb_statement *statement) {
    if (statement == NULL) {
        return "";
    }
    return statement->tag;
}
uint64_t kmb_statement_rows(const kmb_statement *statement) {
    if (statement == NULL) {
        return 0;
    }
    return statement->rows;
}
uint64_t kmb_statement_position(const kmb_statement *statement) {
    if (statement == NULL) {
        return 0;
    }
    return statement->position;
}
bool kmb_statement_writes(const kmb_statement *statement) {
    if (statement == NULL) {
        return false;
    }
    return statement->far != NULL ? statement->far->writes : sql_statement_writes(statement->statement);
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

uint32_t kmb_column_count(const kmb_statement *statement) {
    if (statement == NULL) {
        return 0;
    }
    return statement->far != NULL ? statement->far->column_count : sql_statement_column_count(statement->statement);
}

static const struct remote_column *far_column_of(const kmb_statement *statement, uint32_t column) {
    return statement != NULL && statement->far != NULL && column < statement->far->column_count
               ? &statement->far->columns[column]
               : NULL;
}

static const struct plan_column *column_of(const kmb_statement *statement, uint32_t column) {
    return statement != NULL && statement->far == NULL && column < kmb_column_count(statement)
               ? sql_statement_column(statement->statement, column)
               : NULL;
}

const char *kmb_column_name(const kmb_statement *statement, uint32_t column) {
    const struct remote_column *far = far_column_of(statement, column);
    const struct plan_column *found = column_of(statement, column);
    return far != NULL ? far->name : found == NULL ? NULL : found->name;
}

enum kmb_type kmb_column_type(const kmb_statement *statement, uint32_t column) {
    const struct remote_column *far = far_column_of(statement, column);
    const struct plan_column *found = column_of(statement, column);
    return far != NULL ? far->type : found == NULL ? KMB_TYPE_UNKNOWN : api_type(found->type.id);
}

const char *kmb_column_type_name(const kmb_statement *statement, uint32_t column) {
    const struct remote_column *far = far_column_of(statement, column);
    const struct plan_column *found = column_of(statement, column);
    if (far != NULL) {
        return far->type_name;
    }
    if (found == NULL || column >= statement->column_room) {
        return NULL;
    }
    if (statement->type_names[column] == NULL) {
        struct buffer name = {0};
        struct type type = type_with(found->type.id, found->type.modifier); /* of a domain, the one it stands on */
        catalogue_type_text(sql_statement_catalogue(statement->statement), type, &name);
        statement->type_names[column] = mem_strdup(buffer_text(&name));
        buffer_free(&name);
    }
    return statement->type_names[column];
}

/* The value in a column of the row that stands ready; NULL when there is none or no such column. */
static struct value current(const kmb_statement *statement, uint32_t column) {
    if (statement == NULL || !statement->has_row || column >= statement->batch->column_count) {
        return value_null(TYPE_UNKNOWN);
    }
    const struct vector *vector = &statement->batch->columns[column];
    struct value value = vector_get(vector, vector_row(vector, statement->row));
    return value.is_null || !type_is_label(value.type) ? value : value_text(value_label_name(value.as.bytes));
}

bool kmb_column_is_null(const kmb_statement *statement, uint32_t column) {
    return current(statement, column).is_null;
}

int64_t kmb_column_int64(const kmb_statement *statement, uint32_t column) {
    struct value value = current(statement, column);
    int64_t result = 0;
    if (value.is_null) {
        return 0;
    }
    switch (vector_form_of(value.type)) {
    case VECTOR_BOOL:
        return value.as.boolean;
    case VECTOR_INT:
        return value.as.integer;
    case VECTOR_REAL:
        return value.as.real >= -9223372036854775808.0 && value.as.real < 9223372036854775808.0
                   ? (int64_t)rint(value.as.real)
                   : 0;
    case VECTOR_DECIMAL:
        return decimal_to_int64(value.as.decimal, &result, NULL) == KMB_OK ? result : 0;
    case VECTOR_BYTES:
        return !type_is_array(value.type) && value_parse_integer(TYPE_INT8, value.as.bytes, &result, NULL) == KMB_OK
                   ? result
                   : 0;
    case VECTOR_TIMESTAMP:
        return value.as.timestamp.us;
    default:
        return 0;
    }
}

double kmb_column_double(const kmb_statement *statement, uint32_t column) {
    struct value value = current(statement, column);
    double result = 0;
    if (value.is_null) {
        return 0;
    }
    switch (vector_form_of(value.type)) {
    case VECTOR_REAL:
        return value.as.real;
    case VECTOR_DECIMAL:
        return decimal_to_double(value.as.decimal);
    case VECTOR_BYTES:
        return !type_is_array(value.type) && value_parse_real(TYPE_FLOAT8, value.as.bytes, &result, NULL) == KMB_OK
                   ? result
                   : 0;
    default:
        return (double)kmb_column_int64(statement, column);
    }
}

bool kmb_column_bool(const kmb_statement *statement, uint32_t column) {
    struct value value = current(statement, column);
    return !value.is_null && value.type == TYPE_BOOL ? value.as.boolean : kmb_column_int64(statement, column) != 0;
}

const char *kmb_column_text(kmb_statement *statement, uint32_t column, size_t *length) {
    struct value value = current(statement, column);
    if (length != NULL) {
        *length = 0;
    }
    if (value.is_null || column >= statement->column_room) {
        return NULL;
    }
    struct datetime_context context = api_datetime(statement->session);
    struct buffer *text = &statement->texts[column];
    buffer_clear(text);
    value_print(&value, &context, text);
    const char *result = buffer_text(text);
    if (length != NULL && result != NULL) {
        *length = text->length;
    }
    return result;
}

const void *kmb_column_bytes(const kmb_statement *statement, uint32_t column, size_t *length) {
    struct value value = current(statement, column);
    if (length != NULL) {
        *length = 0;
    }
    if (value.is_null || kmb_column_type(statement, column) == KMB_TYPE_ARRAY ||
        vector_form_of(value.type) != VECTOR_BYTES) {
        return NULL;
    }
    if (length != NULL) {
        *length = value.as.bytes.length;
    }
    return value.as.bytes.bytes == NULL ? (const void *)"" : value.as.bytes.bytes;
}

uint32_t statement_column_count(const kmb_statement *statement) {
    return sql_statement_column_count(statement->statement);
}

const struct plan_column *statement_column(const kmb_statement *statement, uint32_t column) {
    return sql_statement_column(statement->statement, column);
}

struct value statement_value(const kmb_statement *statement, uint32_t column) {
    ASSERT(statement->has_row && column < statement->batch->column_count);
    const struct vector *vector = &statement->batch->columns[column];
    return vector_get(vector, vector_row(vector, statement->row));
}

const struct batch *statement_batch(const kmb_statement *statement, uint32_t *row) {
    *row = statement->row;
    return statement->has_row ? statement->batch : NULL;
}

/* --- scripts ------------------------------------------------------------------------------------------------------ */

struct script {
    struct kmb_session *session;
    enum kmb_status status;
    struct kmb_error *error;
};

static bool run_text(struct script *script, struct slice text, const struct sql_digest *digest) {
    struct kmb_statement *statement = NULL;
    struct kmb_session *session = script->session;
    if (session->remote != NULL) {
        script->status = session->remote->exec(session->far, text, &session->at, script->error);
        return script->status == KMB_OK;
    }
    script->status = prepare(script->session, text, digest, NULL, 0, &statement, script->error);
    if (script->status == KMB_OK) {
        while ((script->status = kmb_step(statement, script->error)) == KMB_ROW) {
        }
        script->status = script->status == KMB_DONE ? KMB_OK : script->status;
        kmb_finalize(statement);
    }
    return script->status == KMB_OK;
}

static bool run_statement(void *context, struct slice text, size_t offset) {
    struct script *script = context;
    (void)offset;
    return run_text(script, text, digest_of(script->session, text));
}

/* A script is cancelled as a whole, also while a statement of it is being planned. Who holds
 * cancellations already says for what one counts. */
static bool hold_cancel(struct kmb_session *session) {
    if (session->remote != NULL) {
        return true;
    }
    bool held = session_hold_cancel(session->session, true);
    if (!held) {
        session_forget_cancel(session->session); /* it came when nothing ran */
    }
    return held;
}

static void release_cancel(struct kmb_session *session, bool held) {
    if (!held) {
        (void)session_hold_cancel(session->session, false);
    }
}

enum kmb_status kmb_exec(kmb_session *session, const char *sql, struct kmb_error *error) {
    if (session == NULL || sql == NULL) {
        return api_absent("session, or no text,", error);
    }
    struct script script = {.session = session, .error = error};
    bool held = hold_cancel(session);
    const struct sql_digest *digest = digest_of(session, slice_text(sql));
    enum kmb_status status = KMB_OK;
    if (digest != NULL) { /* one statement, found without the scanner */
        (void)run_text(&script, slice_text(sql), digest);
    } else {
        status = sql_split(slice_text(sql), run_statement, &script, error);
    }
    release_cancel(session, held);
    return status == KMB_OK ? script.status : status;
}
