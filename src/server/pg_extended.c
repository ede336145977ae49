/*
 * The extended protocol: statements and portals by name.
 *
 * A portal borrows the statement it was bound from; a second portal of the same statement, open at the same time, gets
 * one of its own. What is executed up to a Sync is one transaction; where the Sync is seen right behind an Execute,
 * which is how drivers send single statements, the statement simply runs by itself.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "server/internal.h"
#include "server/pg_internal.h"
#include "sql/cursor.h"
#include "sql/prepared.h"

#define PORTALS_MAX 10000 /* of a session */

/* Of the columns that a statement gives: what a client has been told of them. */
static uint64_t shape_of(const kmb_statement *statement) {
    uint64_t shape = 0;
    uint32_t count = statement == NULL ? 0 : statement_column_count(statement);
    for (uint32_t i = 0; i < count; i++) {
        const struct plan_column *column = statement_column(statement, i);
        shape = map_hash(column->name, strlen(column->name), shape);
        int64_t facts[2] = {pg_oid(column->type), column->type.modifier};
        shape = map_hash(facts, sizeof(facts), shape);
    }
    return shape;
}

/* In a failed block nothing is prepared or bound but what ends it. */
static enum kmb_status check_failed(const struct pg_session *session, const kmb_statement *statement,
                                    struct kmb_error *error) {
    int control = statement == NULL ? -1 : pg_control_of(statement);
    if (!session_failed(session->inner) || statement == NULL || control == SQL_CONTROL_COMMIT ||
        control == SQL_CONTROL_ROLLBACK || control == SQL_CONTROL_ROLLBACK_TO) {
        return KMB_OK;
    }
    return error_set(error, KMB_TRANSACTION_ABORTED,
                     "current transaction is aborted, commands ignored until end of transaction block");
}

/* --- statements ----------------------------------------------------------------------------------------------------
 */

static void statement_free(struct pg_statement *statement) {
    if (statement == NULL) {
        return;
    }
    if (statement->portals > 0) {
        statement->dropped = true;
        return;
    }
    kmb_finalize(statement->statement);
    mem_free(statement->text);
    mem_free(statement->types);
    charge_give(statement->charge, statement->charged);
    mem_free(statement);
}

static enum kmb_status no_statement(struct slice name, struct kmb_error *error) {
    return name.length == 0 ? error_set(error, KMB_UNDEFINED_PREPARED, "unnamed prepared statement does not exist")
                            : error_set(error, KMB_UNDEFINED_PREPARED, "prepared statement \"%.*s\" does not exist",
                                        (int)name.length, (const char *)name.bytes);
}

/* The types that the client gives for parameters. */
static enum kmb_status read_types(struct pg_session *session, const struct pg_parse *parse,
                                  struct pg_statement *statement, struct kmb_error *error) {
    struct kernel_view *view = NULL;
    enum kmb_status status = KMB_OK;
    statement->type_count = parse->type_count;
    statement->types = mem_alloc_zero(parse->type_count + 1u, sizeof(struct type));
    if (statement->types == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    for (uint16_t i = 0; status == KMB_OK && i < parse->type_count; i++) {
        uint32_t oid = pg_parse_type(parse, i);
        if (pg_type_of(NULL, oid, &statement->types[i])) {
            continue;
        }
        status = view != NULL ? KMB_OK : session_view(session->inner, &view, error);
        if (status == KMB_OK && !pg_type_of(view->catalogue, oid, &statement->types[i])) {
            status = error_set(error, KMB_UNDEFINED_OBJECT, "type with OID %u does not exist", oid);
        }
    }
    kernel_view_close(view);
    return status;
}

static bool all_unknown(const struct pg_statement *statement) {
    bool unknown = true;
    for (uint32_t i = 0; i < statement->type_count; i++) {
        unknown = unknown && statement->types[i].id == TYPE_UNKNOWN;
    }
    return unknown;
}

static enum kmb_status prepare(struct pg_session *session, const struct pg_statement *from, kmb_statement **statement,
                               struct kmb_error *error) {
    struct slice text = slice_make(from->text, from->text_length);
    bool unknown = all_unknown(from);
    return statement_prepare(session->session, text, unknown ? NULL : from->types, unknown ? 0 : from->type_count,
                             statement, error);
}

/* --- by name: the session's list says what there is, and what SQL has prepared or taken away meanwhile --- */

static struct sql_prepared_list *list_of(const struct pg_session *session) {
    return session_host(session->inner)->prepared;
}

static void forget(struct pg_session *session, struct slice name) {
    statement_free(map_remove(&session->statements, name));
}

/* One that SQL's PREPARE has named, or that was forgotten here. */
static enum kmb_status make_of_list(struct pg_session *session, const struct sql_prepared *entry,
                                    struct pg_statement **made, struct kmb_error *error) {
    struct buffer text = {0};
    struct pg_statement *statement = mem_alloc_zero(1, sizeof(*statement));
    struct type *types = mem_alloc_zero(entry->type_count + 1u, sizeof(*types));
    if (entry->from_sql) {
        buffer_append_text(&text, "EXECUTE ");
        pg_quote_name(&text, entry->name);
        for (uint32_t i = 0; i < entry->type_count; i++) {
            char parameter[16];
            snprintf(parameter, sizeof(parameter), "%s$%u", i == 0 ? "(" : ", ", i + 1);
            buffer_append_text(&text, parameter);
        }
        buffer_append_text(&text, entry->type_count > 0 ? ")" : "");
    } else {
        buffer_append(&text, entry->text, entry->text_length);
    }
    buffer_append_byte(&text, 0);
    struct charge *charge = session->peer->charge;
    uint64_t bytes = sizeof(*statement) + text.length + entry->type_count * sizeof(*types);
    bool charged = charge_take(charge, bytes);
    if (statement == NULL || types == NULL || !buffer_ok(&text) || !charged) {
        mem_free(statement);
        mem_free(types);
        buffer_free(&text);
        charge_give(charge, charged ? bytes : 0);
        return charged ? error_set(error, KMB_NO_MEMORY, "out of memory") : charge_error(charge, error);
    }
    if (entry->type_count > 0) {
        memcpy(types, entry->types, entry->type_count * sizeof(*types));
    }
    *statement = (struct pg_statement){
        .charge = charge, .charged = bytes, .types = types, .type_count = entry->type_count, .serial = entry->serial};
    statement->text_length = text.length - 1;
    statement->text = (char *)text.bytes; /* its own from here on */
    enum kmb_status status = prepare(session, statement, &statement->statement, error);
    statement->shape = status == KMB_OK ? shape_of(statement->statement) : 0;
    if (status == KMB_OK && !map_put(&session->statements, entry->name, statement)) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (status != KMB_OK) {
        statement_free(statement);
        return status;
    }
    *made = statement;
    return KMB_OK;
}

static enum kmb_status statement_find(struct pg_session *session, struct slice name, struct pg_statement **found,
                                      struct kmb_error *error) {
    const struct sql_prepared_list *list = list_of(session);
    struct pg_statement *statement = name.length == 0 ? session->unnamed : map_get(&session->statements, name);
    *found = statement;
    if (name.length == 0 || (statement != NULL && statement->seen == list->changes)) {
        return statement == NULL ? no_statement(name, error) : KMB_OK;
    }
    const struct sql_prepared *entry = sql_prepared_find(list, name);
    enum kmb_status status = KMB_OK;
    if (statement != NULL && (entry == NULL || entry->serial != statement->serial)) {
        forget(session, name);
        *found = NULL;
    }
    if (entry == NULL) {
        return no_statement(name, error);
    }
    if (*found == NULL) {
        status = make_of_list(session, entry, found, error);
    }
    if (status == KMB_OK) {
        (*found)->seen = list->changes;
    }
    return status;
}

/* So that EXECUTE, DEALLOCATE and pg_prepared_statements know it. */
static enum kmb_status list_add(struct pg_session *session, struct slice name, struct pg_statement *made,
                                struct kmb_error *error) {
    const struct sql_host *host = session_host(session->inner);
    struct sql_prepared_list *list = host->prepared;
    uint32_t count = made->statement == NULL ? 0 : statement_parameter_count(made->statement);
    struct type *types = mem_alloc_zero(count + 1u, sizeof(*types));
    if (types == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < count; i++) {
        types[i] = statement_parameter_type(made->statement, i + 1);
    }
    const struct sql_prepared entry = {.name = name,
                                       .text = made->text,
                                       .text_length = made->text_length,
                                       .types = types,
                                       .type_count = count,
                                       .time_us = host->clock_us(host->context)};
    bool deep = made->statement != NULL && sql_statement_is_deep(statement_sql(made->statement));
    enum kmb_status status = sql_prepared_add(list, &entry, deep, error);
    mem_free(types);
    made->serial = list->made;
    made->seen = list->changes;
    return status;
}

static enum kmb_status keep(struct pg_session *session, struct slice name, struct pg_statement *made,
                            struct kmb_error *error) {
    if (name.length == 0) {
        session->unnamed = made;
        return KMB_OK;
    }
    enum kmb_status status = list_add(session, name, made, error);
    if (status != KMB_OK) {
        return status;
    }
    forget(session, name); /* of before a DEALLOCATE */
    if (!map_put(&session->statements, name, made)) {
        (void)sql_prepared_remove(list_of(session), name, NULL);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return KMB_OK;
}

enum kmb_status pg_parse(struct pg_session *session, struct buffer *out, const struct pg_parse *parse,
                         struct kmb_error *error) {
    if (parse->statement.length > 0 && sql_prepared_find(list_of(session), parse->statement) != NULL) {
        return error_set(error, KMB_DUPLICATE_PREPARED, "prepared statement \"%.*s\" already exists",
                         (int)parse->statement.length, (const char *)parse->statement.bytes);
    }
    if (parse->statement.length == 0) {
        statement_free(session->unnamed);
        session->unnamed = NULL;
    }
    struct charge *charge = session->peer->charge;
    uint64_t bytes = sizeof(struct pg_statement) + parse->query.length + parse->type_count * sizeof(struct type);
    bytes *= parse->statement.length > 0 ? 2 : 1; /* the list keeps it, too */
    if (!charge_take(charge, bytes)) {
        return charge_error(charge, error);
    }
    struct pg_statement *made = mem_alloc_zero(1, sizeof(*made));
    char *text = made == NULL ? NULL : mem_alloc(parse->query.length + 1);
    if (text == NULL) {
        mem_free(made);
        charge_give(charge, bytes);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    made->charge = charge;
    made->charged = bytes;
    memcpy(text, parse->query.bytes, parse->query.length);
    text[parse->query.length] = 0;
    made->text = text;
    made->text_length = parse->query.length;
    enum kmb_status status = read_types(session, parse, made, error);
    if (status == KMB_OK) {
        status = prepare(session, made, &made->statement, error);
    }
    if (status == KMB_OK) {
        status = check_failed(session, made->statement, error);
    }
    made->shape = status == KMB_OK ? shape_of(made->statement) : 0;
    if (status == KMB_OK) {
        status = keep(session, parse->statement, made, error);
    }
    if (status != KMB_OK) {
        statement_free(made);
        return status;
    }
    pg_write_plain(out, PG_PARSE_COMPLETE);
    return KMB_OK;
}

void pg_drop_statements(struct pg_session *session) {
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&session->statements, &at)) != NULL;) {
        statement_free(entry->value);
    }
    map_free(&session->statements);
    session->statements = (struct map){0};
    statement_free(session->unnamed);
    session->unnamed = NULL;
}

/* --- portals -------------------------------------------------------------------------------------------------------
 */

static void portal_free(struct pg_portal *portal) {
    if (portal == NULL) {
        return;
    }
    struct pg_statement *prepared = portal->prepared;
    if (portal->statement != NULL && portal->statement == prepared->statement) {
        kmb_reset(portal->statement);
        prepared->lent = false;
    } else {
        kmb_finalize(portal->statement);
    }
    prepared->portals--;
    if (prepared->dropped) {
        statement_free(prepared);
    }
    mem_free(portal->format_codes);
    mem_free(portal);
}

void pg_drop_unnamed(struct pg_session *session) {
    portal_free(session->unnamed_portal);
    session->unnamed_portal = NULL;
    statement_free(session->unnamed);
    session->unnamed = NULL;
}

static struct pg_portal *portal_find(const struct pg_session *session, struct slice name) {
    return name.length == 0 ? session->unnamed_portal : map_get(&session->portals, name);
}

static enum kmb_status no_portal(struct slice name, struct kmb_error *error) {
    return error_set(error, KMB_UNDEFINED_CURSOR, "portal \"%.*s\" does not exist", (int)name.length,
                     (const char *)name.bytes);
}

void pg_drop_portals(struct pg_session *session) {
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&session->portals, &at)) != NULL;) {
        portal_free(entry->value);
    }
    map_free(&session->portals);
    session->portals = (struct map){0};
    portal_free(session->unnamed_portal);
    session->unnamed_portal = NULL;
    pg_drop_fetch(session);
}

void pg_drop_portals_gone(struct pg_session *session) {
    struct sql_cursor_list *list = session_host(session->inner)->cursors;
    uint64_t gone = list->gone;
    if (gone == 0) {
        return;
    }
    list->gone = 0;
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&session->portals, &at)) != NULL;) {
        struct pg_portal *portal = entry->value;
        if (portal->number >= gone) {
            (void)map_remove(&session->portals, entry->key);
            portal_free(portal);
        }
    }
    if (session->unnamed_portal != NULL && session->unnamed_portal->number >= gone) {
        portal_free(session->unnamed_portal);
        session->unnamed_portal = NULL;
    }
}

static enum kmb_status bind_values(struct pg_session *session, kmb_statement *statement, const struct pg_bind *bind,
                                   struct kmb_error *error) {
    struct slice rest = bind->parameters.bytes;
    struct slice bytes;
    struct arena arena;
    bool is_null = false;
    enum kmb_status status = KMB_OK;
    struct datetime_context datetime = session_datetime(session->inner);
    arena_init(&arena, 0);
    arena.charge = session->peer->charge;
    for (uint16_t i = 0; status == KMB_OK && pg_values_next(&rest, &bytes, &is_null); i++) {
        struct value value = value_null(TYPE_UNKNOWN);
        if (!is_null) {
            status = pg_parameter_read(statement_parameter_type(statement, i + 1u),
                                       (enum pg_format)pg_formats_code(&bind->formats, i), bytes, i + 1u, &datetime,
                                       &arena, &value, error);
        }
        if (status == KMB_OK) {
            status = statement_bind_value(statement, i + 1u, value, error);
        }
    }
    arena_free(&arena);
    return status;
}

static enum kmb_status other_shape(struct kmb_error *error) {
    return error_set(error, KMB_UNSUPPORTED, "cached plan must not change result type");
}

/* The formats of the result's columns. */
static enum kmb_status take_formats(struct pg_portal *portal, const struct pg_bind *bind, struct kmb_error *error) {
    const struct pg_formats *formats = &bind->result_formats;
    uint32_t columns = portal->statement == NULL ? 0 : statement_column_count(portal->statement);
    if (formats->count > 1 && formats->count != columns) {
        return error_set(error, KMB_PROTOCOL, "bind message has %u result formats but query has %u columns",
                         formats->count, columns);
    }
    size_t size = 2u * formats->count;
    portal->format_codes = mem_alloc(size + 1);
    if (portal->format_codes == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    memcpy(portal->format_codes, formats->codes, size);
    portal->formats = (struct pg_formats){.count = formats->count, .codes = portal->format_codes};
    return KMB_OK;
}

static enum kmb_status make_portal(struct pg_session *session, struct pg_statement *prepared,
                                   const struct pg_bind *bind, struct pg_portal *portal, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    portal->text = slice_make(prepared->text, prepared->text_length);
    portal->prepared = prepared;
    prepared->portals++;
    if (prepared->lent) {
        status = prepare(session, prepared, &portal->statement, error);
        if (status == KMB_OK && shape_of(portal->statement) != prepared->shape) {
            status = other_shape(error);
        }
    } else {
        portal->statement = prepared->statement;
        prepared->lent = prepared->statement != NULL;
        kmb_reset(portal->statement);
    }
    uint32_t wanted = portal->statement == NULL ? 0 : statement_parameter_count(portal->statement);
    if (status == KMB_OK && bind->parameters.count != wanted) {
        return error_set(
            error, KMB_PROTOCOL, "bind message supplies %u parameters, but prepared statement \"%.*s\" requires %u",
            bind->parameters.count, (int)bind->statement.length, (const char *)bind->statement.bytes, wanted);
    }
    if (status == KMB_OK) {
        status = take_formats(portal, bind, error);
    }
    if (status == KMB_OK && portal->statement != NULL) {
        status = bind_values(session, portal->statement, bind, error);
    }
    return status;
}

/* At READ COMMITTED a run goes over to what is newest: so does what is told of it before. */
static void see_names(struct pg_session *session) {
    struct kmb_error error;
    error_clear(&error);
    (void)session_refresh_names(session->inner, &error); /* of what is in the way the run will tell */
}

/*
 * The tables may have changed since the statement was prepared. One whose rows would be others than the client was told
 * is refused, in PostgreSQL's words: drivers know them and prepare again.
 */
static enum kmb_status renew(struct pg_session *session, struct pg_statement *prepared, struct kmb_error *error) {
    bool current = true;
    uint64_t position = 0;
    kmb_statement *fresh = NULL;
    if (prepared->statement == NULL || prepared->lent) {
        return KMB_OK;
    }
    see_names(session);
    enum kmb_status status = KMB_OK;
    if (!statement_is_bound(prepared->statement)) {
        current = false;
    } else if (statement_column_count(prepared->statement) > 0) { /* others are bound anew by the run */
        status = sql_statement_current(statement_sql(prepared->statement), session_host(session->inner), &current,
                                       &position, error);
    }
    if (status != KMB_OK || current) {
        return status;
    }
    status = prepare(session, prepared, &fresh, error);
    if (status != KMB_OK) {
        return status;
    }
    if (shape_of(fresh) != prepared->shape) {
        kmb_finalize(fresh);
        return other_shape(error);
    }
    kmb_finalize(prepared->statement);
    prepared->statement = fresh;
    return KMB_OK;
}

enum kmb_status pg_bind(struct pg_session *session, struct buffer *out, const struct pg_bind *bind,
                        struct kmb_error *error) {
    struct pg_statement *prepared = NULL;
    enum kmb_status status = statement_find(session, bind->statement, &prepared, error);
    if (status == KMB_OK) {
        status = check_failed(session, prepared->statement, error);
    }
    if (status == KMB_OK) {
        status = renew(session, prepared, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (map_has(&session->portals, bind->portal) || pg_cursor_there(session, bind->portal)) {
        return error_set(error, KMB_DUPLICATE_CURSOR, "cursor \"%.*s\" already exists", (int)bind->portal.length,
                         (const char *)bind->portal.bytes);
    }
    if (session->portals.live_count >= PORTALS_MAX) {
        return error_set(error, KMB_LIMIT, "a session has at most %d portals", PORTALS_MAX);
    }
    if (bind->portal.length == 0) {
        portal_free(session->unnamed_portal);
        session->unnamed_portal = NULL;
    }
    struct pg_portal *portal = mem_alloc_zero(1, sizeof(*portal));
    if (portal == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    portal->number = ++session_host(session->inner)->cursors->made;
    status = make_portal(session, prepared, bind, portal, error);
    if (status == KMB_OK && bind->portal.length > 0 && !map_put(&session->portals, bind->portal, portal)) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (status != KMB_OK) {
        portal_free(portal);
        return status;
    }
    if (bind->portal.length == 0) {
        session->unnamed_portal = portal;
    }
    pg_write_plain(out, PG_BIND_COMPLETE);
    return KMB_OK;
}

void pg_close(struct pg_session *session, struct buffer *out, const struct pg_target *target) {
    if (target->portal && target->name.length == 0) {
        portal_free(session->unnamed_portal);
        session->unnamed_portal = NULL;
    } else if (target->portal) {
        portal_free(map_remove(&session->portals, target->name));
        if (pg_cursor_there(session, target->name)) {
            pg_cursor_close(session, target->name);
        }
    } else if (target->name.length == 0) {
        statement_free(session->unnamed);
        session->unnamed = NULL;
    } else {
        forget(session, target->name);
        (void)sql_prepared_remove(list_of(session), target->name, NULL);
    }
    pg_write_plain(out, PG_CLOSE_COMPLETE);
}

/* --- DESCRIBE ------------------------------------------------------------------------------------------------------
 */

static void describe_rows(struct buffer *out, const kmb_statement *statement, const struct pg_formats *formats) {
    if (statement == NULL || !pg_gives_rows(statement)) {
        pg_write_plain(out, PG_NO_DATA);
    } else {
        pg_describe_rows(out, statement, formats);
    }
}

static void describe_parameters(struct buffer *out, const kmb_statement *statement) {
    uint32_t count = statement == NULL ? 0 : statement_parameter_count(statement);
    size_t start = pg_begin(out, PG_PARAMETER_DESCRIPTION);
    pg_put_u16(out, (uint16_t)count);
    for (uint32_t i = 1; i <= count; i++) {
        struct type type = statement_parameter_type(statement, i);
        pg_put_u32(out, pg_oid(type.id == TYPE_UNKNOWN ? type_make(TYPE_TEXT) : type));
    }
    pg_end(out, start);
}

static enum kmb_status describe_cursor(struct pg_session *session, struct buffer *out, struct slice name,
                                       struct kmb_error *error) {
    kmb_statement *statement = NULL;
    enum kmb_status status =
        pg_cursor_there(session, name) ? pg_cursor_fetch(session, name, 0, &statement, error) : no_portal(name, error);
    if (status == KMB_OK) {
        describe_rows(out, statement, &(struct pg_formats){0});
    }
    kmb_finalize(statement);
    return status;
}

enum kmb_status pg_describe(struct pg_session *session, struct buffer *out, const struct pg_target *target,
                            struct kmb_error *error) {
    if (target->portal) {
        const struct pg_portal *portal = portal_find(session, target->name);
        if (portal == NULL) {
            return describe_cursor(session, out, target->name, error);
        }
        describe_rows(out, portal->statement, &portal->formats);
        return KMB_OK;
    }
    struct pg_statement *statement = NULL;
    enum kmb_status status = statement_find(session, target->name, &statement, error);
    if (status == KMB_OK) {
        status = renew(session, statement, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    describe_parameters(out, statement->statement);
    describe_rows(out, statement->statement, &(struct pg_formats){0});
    return KMB_OK;
}

/* --- EXECUTE -------------------------------------------------------------------------------------------------------
 */

void pg_drop_fetch(struct pg_session *session) {
    portal_free(session->fetch);
    session->fetch = NULL;
}

/* A portal for this Execute alone, of a statement that goes with it. */
static enum kmb_status fetch_portal(struct pg_session *session, const struct pg_execute *execute,
                                    struct kmb_error *error) {
    struct pg_portal *portal = mem_alloc_zero(1, sizeof(*portal));
    struct pg_statement *prepared = mem_alloc_zero(1, sizeof(*prepared));
    enum kmb_status status = KMB_OK;
    pg_drop_fetch(session);
    if (portal == NULL || prepared == NULL) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    } else {
        status = pg_cursor_fetch(session, execute->portal, execute->row_limit > 0 ? (uint32_t)execute->row_limit : 0,
                                 &prepared->statement, error);
    }
    if (status != KMB_OK) {
        mem_free(portal);
        mem_free(prepared);
        return status;
    }
    *prepared = (struct pg_statement){.charge = session->peer->charge, /* with nothing: it goes at once */
                                      .statement = prepared->statement,
                                      .portals = 1,
                                      .dropped = true,
                                      .shape = shape_of(prepared->statement)};
    portal->prepared = prepared;
    portal->statement = prepared->statement;
    session->fetch = portal;
    return KMB_OK;
}

enum kmb_status pg_execute(struct pg_session *session, const struct pg_execute *execute, bool sync_follows,
                           struct kmb_error *error) {
    struct pg_portal *portal = portal_find(session, execute->portal);
    if (portal == NULL && pg_cursor_there(session, execute->portal)) {
        enum kmb_status status = fetch_portal(session, execute, error);
        if (status != KMB_OK) {
            return status;
        }
        portal = session->fetch;
    }
    if (portal == NULL) {
        return no_portal(execute->portal, error);
    }
    if (portal->state == PORTAL_DONE && portal->statement != NULL && !pg_gives_rows(portal->statement)) {
        return error_set(error, KMB_OBJECT_NOT_IN_STATE, "portal \"%.*s\" cannot be run", (int)execute->portal.length,
                         (const char *)execute->portal.bytes);
    }
    enum kmb_status failed = check_failed(session, portal->statement, error);
    failed = failed == KMB_OK ? pg_limit_request(session, error) : failed;
    if (failed != KMB_OK) {
        return failed;
    }
    bool limited = execute->row_limit > 0;
    bool alone = sync_follows && !limited;
    session->block_due = portal->statement != NULL && !alone && !session_in_transaction(session->inner) &&
                         pg_control_of(portal->statement) < 0;
    session->task = PG_TASK_EXECUTE;
    activity_query(session->server, &session->connection->activity, portal->text);
    pg_request_begin(session, "execute", portal->text);
    session->portal = portal;
    session->row_limit = limited ? (uint64_t)execute->row_limit : 0;
    session->row_count = 0;
    session->partial = limited || portal->state == PORTAL_OPEN || portal == session->fetch;
    return KMB_OK;
}

/* Whether the rows will be those that the client was told of: the tables may have changed since the portal was bound.
 */
static bool same_shape(struct pg_session *session, const struct pg_portal *portal, struct kmb_error *error) {
    bool current = true;
    uint64_t position = 0;
    kmb_statement *fresh = NULL;
    if (statement_column_count(portal->statement) == 0 ||
        session_waits(session->inner, statement_sql(portal->statement))) {
        return true; /* asked again when it does not wait */
    }
    see_names(session);
    enum kmb_status status = sql_statement_current(statement_sql(portal->statement), session_host(session->inner),
                                                   &current, &position, error);
    if (status == KMB_OK && !current) {
        status = prepare(session, portal->prepared, &fresh, error);
        if (status == KMB_OK && shape_of(fresh) != portal->prepared->shape) {
            status = other_shape(error);
        }
        kmb_finalize(fresh);
    }
    return status == KMB_OK;
}

bool pg_is_as_told(const struct pg_session *session, struct kmb_error *error) {
    const struct pg_portal *portal = session->portal;
    return shape_of(portal->statement) == portal->prepared->shape || other_shape(error) == KMB_OK;
}

enum pg_outcome pg_continue_execute(struct pg_session *session, struct protocol_io *io, struct kmb_error *error) {
    struct pg_portal *portal = session->portal;
    enum kmb_status status = KMB_OK;
    if (!pg_begin_due(session, &status, error)) {
        return PG_PAUSED;
    }
    if (status != KMB_OK) {
        return PG_FAILED;
    }
    if (portal->statement == NULL) {
        pg_write_plain(io->output, PG_EMPTY_QUERY);
        portal->state = PORTAL_DONE;
        return PG_FINISHED;
    }
    if (portal->state == PORTAL_DONE) { /* all its rows were given */
        pg_write_tag(session, io->output, portal->statement, true);
        return PG_FINISHED;
    }
    if (portal->state == PORTAL_NEW && portal != session->fetch && !same_shape(session, portal, error)) {
        session_leave(session->inner);
        portal->state = PORTAL_DONE;
        return PG_FAILED;
    }
    portal->state = PORTAL_OPEN;
    enum pg_outcome outcome = pg_run(session, io, portal->statement, false, &portal->formats, error);
    if (outcome == PG_FINISHED && pg_control_of(portal->statement) >= 0 && !session_in_transaction(session->inner)) {
        session->portals_ended = true;
    }
    if (outcome == PG_FINISHED || outcome == PG_FAILED || outcome == PG_LOST) {
        portal->state = PORTAL_DONE;
    } else if (session_parked(session->inner) && !session_in_transaction(session->inner)) {
        portal->state = PORTAL_NEW; /* it has done nothing, and is looked at once more when it goes on */
    }
    return outcome;
}
