/*
 * A cursor is a statement with its run left open.
 *
 * Rows have numbers from 0. `batch` is what the run gave last, rows from batch_first on; a cursor that may go backward
 * keeps all rows as well, from kept_first on. One declared without a word about scrolling may go back where
 * PostgreSQL's would (the plan is a plain one), as long as what it has given stays small: then its rows are let go, so
 * that a long walk forward does not fill the memory, and it goes forward only.
 *
 * Positions are PostgreSQL's (portalmem): at the start, on row `position` (from 1), or at the end.
 */
#include "sql/cursor.h"

#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "sql/exec/rowset.h"
#include "sql/plan/ddl.h"

#define KEPT_SHARE 4 /* of a statement's memory, for going back without SCROLL: one part in so many */

struct sql_cursor {
    struct sql_cursor *next;
    uint64_t number;
    struct sql_statement *statement;
    struct sql_run *run;       /* NULL: all rows are kept */
    struct sql_context memory; /* of kept rows */
    struct rowset kept;
    uint64_t kept_first;
    const struct batch *batch;
    uint64_t batch_first;
    uint64_t known; /* rows that the run has given */
    uint64_t position;
    bool keeps;
    bool scroll;    /* said */
    bool no_scroll; /* said, or the plan gives no way back, or the rows were let go */
    bool hold;
    bool held;
    bool at_start;
    bool at_end;
    bool running; /* at its next use: something in it has raised */
    int64_t made_us;
    char *text; /* of its DECLARE, behind its name */
    char name[];
};

void sql_cursor_each(const struct sql_cursor_list *list, sql_cursor_fn *each, void *object) {
    for (const struct sql_cursor *cursor = list->first; cursor != NULL; cursor = cursor->next) {
        each(object, &(struct sql_cursor_facts){.name = cursor->name,
                                                .text = cursor->text,
                                                .hold = cursor->hold,
                                                .scroll = !cursor->no_scroll,
                                                .made_us = cursor->made_us});
    }
}

struct sql_cursor *sql_cursor_find(const struct sql_cursor_list *list, struct slice name) {
    struct sql_cursor *cursor = list->first;
    while (cursor != NULL && !slice_equal_text(name, cursor->name)) {
        cursor = cursor->next;
    }
    return cursor;
}

_Noreturn void sql_cursor_raise_undefined(struct sql_context *context, const char *name) {
    sql_raise(context, KMB_UNDEFINED_CURSOR, 0, "cursor \"%s\" does not exist", name);
}

static struct sql_cursor *cursor_of(struct sql_context *context, const struct sql_host *host, const char *name) {
    struct sql_cursor *cursor = sql_cursor_find(host->cursors, slice_text(name));
    if (cursor == NULL) {
        sql_cursor_raise_undefined(context, name);
    }
    return cursor;
}

static bool has_key(const struct sql_cursor *cursor) {
    return sql_statement_plan(cursor->statement)->cursor_table.value != 0;
}

uint32_t sql_cursor_column_count(const struct sql_cursor *cursor) {
    return sql_statement_column_count(cursor->statement) - has_key(cursor);
}

const struct plan_column *sql_cursor_column(const struct sql_cursor *cursor, uint32_t index) {
    return sql_statement_column(cursor->statement, index);
}

/* --- life --- */

static void cursor_free(struct sql_cursor *cursor) {
    sql_run_close(cursor->run);
    sql_context_free(&cursor->memory);
    sql_statement_free(cursor->statement);
    mem_free(cursor);
}

/* Closes the cursor in this place of the list. */
static void list_drop(struct sql_cursor_list *list, struct sql_cursor **place) {
    struct sql_cursor *cursor = *place;
    *place = cursor->next;
    list->count--;
    cursor_free(cursor);
}

void sql_cursors_end(struct sql_cursor_list *list, uint64_t since) {
    struct sql_cursor **place = &list->first;
    while (*place != NULL) {
        if ((*place)->number > since && !(*place)->held) {
            list_drop(list, place);
        } else {
            place = &(*place)->next;
        }
    }
}

void sql_cursors_back(struct sql_cursor_list *list, uint64_t since) {
    sql_cursors_end(list, since);
    list->gone = list->gone == 0 || since < list->gone ? since + 1 : list->gone;
}

void sql_cursors_free(struct sql_cursor_list *list) {
    while (list->first != NULL) {
        list_drop(list, &list->first);
    }
}

/* Room for kept rows, anew. */
static void kept_open(struct sql_cursor *cursor, struct sql_context *context) {
    const struct plan_statement *plan = sql_statement_plan(cursor->statement);
    sql_context_free(&cursor->memory);
    sql_context_init(&cursor->memory, context->settings, NULL);
    cursor->memory.arena.charge = context->arena.charge;
    cursor->memory.parent = context;
    cursor->memory.error = context->error;
    struct type *types = sql_alloc(&cursor->memory, (plan->column_count + 1) * sizeof(*types));
    for (uint32_t i = 0; i < plan->column_count; i++) {
        types[i] = plan->columns[i].type;
    }
    rowset_init(&cursor->kept, &cursor->memory, NULL, types, plan->column_count);
}

/* A statement uses the cursor: what it raises is that statement's. */
static void cursor_enter(struct sql_cursor *cursor, struct sql_context *context, const struct sql_host *host) {
    if (cursor->running) {
        sql_raise(context, KMB_OBJECT_NOT_IN_STATE, 0, "portal \"%s\" cannot be run", cursor->name);
    }
    cursor->memory.parent = context;
    cursor->memory.error = context->error;
    cursor->running = true;
    if (cursor->run != NULL) {
        sql_run_resume(cursor->run, host);
    }
}

static void cursor_leave(struct sql_cursor *cursor) {
    cursor->memory.parent = NULL;
    cursor->memory.error = NULL;
    cursor->running = false;
}

/* --- rows --- */

/* One use of a cursor. */
struct use {
    struct sql_context *context;
    struct sql_cursor *cursor;
    const struct vector **columns; /* room for as many as the cursor's rows have */
    struct vector *gathered;       /* of kept rows; made when first needed */
    struct rowset *out;            /* NULL: the rows are passed over */
    uint32_t out_columns;
};

static struct use use_open(struct sql_context *context, struct sql_cursor *cursor, struct rowset *out) {
    uint32_t count = sql_statement_column_count(cursor->statement);
    return (struct use){.context = context,
                        .cursor = cursor,
                        .columns = sql_alloc(context, (count + 1) * sizeof(const struct vector *)),
                        .out = out,
                        .out_columns = sql_cursor_column_count(cursor)};
}

static uint32_t live_of(const struct batch *batch) {
    return batch->selection != NULL ? batch->selection_count : batch->count;
}

/* Appends `count` rows of the current batch to a rowset, from number `first` on. */
static void append_current(struct use *use, struct rowset *to, uint64_t first, uint32_t count) {
    const struct batch *batch = use->cursor->batch;
    uint32_t from = (uint32_t)(first - use->cursor->batch_first);
    uint16_t rows[VECTOR_ROWS];
    ASSERT(count <= VECTOR_ROWS && from + count <= live_of(batch));
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = batch->selection != NULL ? batch->selection[from + i] : (uint16_t)(from + i);
    }
    for (uint32_t i = 0; i < to->column_count; i++) {
        use->columns[i] = &batch->columns[i];
    }
    rowset_append(to, use->columns, rows, count);
}

/* Appends `count` kept rows to a rowset, from number `first` on, forward or backward. */
static void append_kept(struct use *use, struct rowset *to, uint64_t first, uint32_t count, bool backward) {
    const struct rowset *kept = &use->cursor->kept;
    uint32_t from = (uint32_t)(first - use->cursor->kept_first);
    uint32_t rows[VECTOR_ROWS];
    ASSERT(first >= use->cursor->kept_first && count <= VECTOR_ROWS);
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = backward ? from - i : from + i;
    }
    if (use->gathered == NULL) {
        use->gathered = sql_alloc_zero(use->context, to->column_count + 1, sizeof(*use->gathered));
        for (uint32_t i = 0; i < to->column_count; i++) {
            vector_init(use->context, &use->gathered[i], to->types[i]);
        }
    }
    for (uint32_t i = 0; i < to->column_count; i++) {
        struct vector *column = &use->gathered[i];
        if (column->may_have_null) {
            memset(column->null, 0, VECTOR_ROWS);
            column->may_have_null = false;
        }
        rowset_gather(kept, i, rows, count, column);
        use->columns[i] = column;
    }
    rowset_append(to, use->columns, NULL, count);
}

/* The next batch of the run; false at its end. */
static bool pull(struct use *use) {
    struct sql_cursor *cursor = use->cursor;
    if (cursor->run == NULL) {
        return false;
    }
    cursor->batch_first = cursor->known;
    enum kmb_status status = sql_run_next(cursor->run, &cursor->batch, use->context->error);
    if (status == KMB_DONE) {
        cursor->batch = NULL;
        return false;
    }
    if (status != KMB_ROW) {
        if (use->context->error != NULL) {
            use->context->error->position = 0; /* in the text of DECLARE */
        }
        sql_raise_status(use->context, status, 0);
    }
    uint32_t live = live_of(cursor->batch);
    cursor->known += live;
    if (!cursor->keeps) {
        return true;
    }
    append_current(use, &cursor->kept, cursor->batch_first, live);
    size_t share = (size_t)use->context->settings->memory_bytes_max / KEPT_SHARE;
    if (!cursor->scroll && !cursor->hold && share > 0 && cursor->memory.arena.bytes_used > share) {
        sql_context_free(&cursor->memory);
        cursor->keeps = false;
        cursor->no_scroll = true;
    }
    return true;
}

/* Gives rows from number `first` on, as many as there are up to `wanted`; answers how many. */
static uint64_t give_forward(struct use *use, uint64_t first, uint64_t wanted) {
    struct sql_cursor *cursor = use->cursor;
    uint64_t given = 0;
    while (given < wanted) {
        uint64_t at = first + given;
        if (at >= cursor->known && !pull(use)) {
            break;
        }
        bool current = cursor->batch != NULL && at >= cursor->batch_first;
        uint64_t room = current || cursor->known - at < VECTOR_ROWS ? cursor->known - at : VECTOR_ROWS;
        uint32_t step = (uint32_t)(wanted - given < room ? wanted - given : room);
        if (use->out != NULL && current) {
            append_current(use, use->out, at, step);
        } else if (use->out != NULL) {
            append_kept(use, use->out, at, step, false);
        }
        sql_check_cancel(use->context);
        given += step;
    }
    return given;
}

/* Gives rows from number `first` on downward. */
static void give_backward(struct use *use, uint64_t first, uint64_t count) {
    for (uint64_t given = 0; use->out != NULL && given < count;) {
        uint32_t step = (uint32_t)(count - given < VECTOR_ROWS ? count - given : VECTOR_ROWS);
        append_kept(use, use->out, first - given, step, true);
        sql_check_cancel(use->context);
        given += step;
    }
}

/* --- positions: PostgreSQL's rules --- */

_Noreturn static void raise_forward_only(struct use *use) {
    sql_raise_with(use->context, KMB_OBJECT_NOT_IN_STATE, 0, NULL,
                   "Declare it with SCROLL option to enable backward scan.", "cursor can only scan forward");
}

static uint64_t run_forward(struct use *use, uint64_t count) {
    struct sql_cursor *cursor = use->cursor;
    if (cursor->at_end || count == 0) {
        return 0;
    }
    uint64_t given = give_forward(use, cursor->position, count);
    cursor->at_start = cursor->at_start && given == 0;
    cursor->at_end = given < count;
    cursor->position += given;
    return given;
}

static uint64_t run_backward(struct use *use, uint64_t count) {
    struct sql_cursor *cursor = use->cursor;
    if (cursor->no_scroll) {
        raise_forward_only(use);
    }
    if (cursor->at_start || count == 0) {
        return 0;
    }
    uint64_t before = cursor->at_end ? cursor->position : cursor->position - 1; /* rows on the way back */
    uint64_t given = count < before ? count : before;
    if (given > 0) {
        give_backward(use, before - 1, given);
    }
    if (given > 0) {
        cursor->at_end = false;
    }
    if (given < count) { /* ran out of them */
        cursor->at_start = true;
        cursor->position = 0;
    } else {
        cursor->position = before - given + 1;
    }
    return given;
}

/* Before the first row. */
static void rewind_cursor(struct use *use) {
    struct sql_cursor *cursor = use->cursor;
    if (cursor->at_start && !cursor->at_end) {
        return;
    }
    if (cursor->no_scroll) {
        raise_forward_only(use);
    }
    cursor->at_start = true;
    cursor->at_end = false;
    cursor->position = 0;
}

/* Passes over rows: nobody gets them. */
static void skip(struct use *use, bool forward, uint64_t count) {
    struct rowset *out = use->out;
    use->out = NULL;
    (void)(forward ? run_forward(use, count) : run_backward(use, count));
    use->out = out;
}

static uint64_t fetch_absolute(struct use *use, int64_t count) {
    struct sql_cursor *cursor = use->cursor;
    if (count == 0) {
        rewind_cursor(use);
        return 0;
    }
    if (count < 0) { /* from the end */
        skip(use, true, UINT64_MAX);
        skip(use, false, count < -1 ? (uint64_t) - (count + 1) : 0);
        return run_backward(use, 1);
    }
    uint64_t wanted = (uint64_t)count - 1; /* rows before it */
    if (wanted <= cursor->position / 2) {
        rewind_cursor(use);
        skip(use, true, wanted);
    } else {
        uint64_t at = cursor->position + (cursor->at_end ? 1 : 0);
        if (wanted != at) {
            skip(use, wanted > at, wanted > at ? wanted - at : at - wanted);
        }
    }
    return run_forward(use, 1);
}

static uint64_t fetch_relative(struct use *use, int64_t count) {
    bool forward = count > 0;
    uint64_t over = forward ? (uint64_t)count - 1 : (uint64_t) - (count + 1);
    if (over > 0) {
        skip(use, forward, over);
    }
    return forward ? run_forward(use, 1) : run_backward(use, 1);
}

static uint64_t fetch(struct use *use, enum plan_fetch direction, int64_t count, bool move) {
    struct sql_cursor *cursor = use->cursor;
    if (direction == PLAN_FETCH_ABSOLUTE) {
        return fetch_absolute(use, count);
    }
    if (direction == PLAN_FETCH_RELATIVE && count != 0) {
        return fetch_relative(use, count);
    }
    bool forward = (direction != PLAN_FETCH_BACKWARD) == (count >= 0);
    uint64_t rows = count == INT64_MAX ? UINT64_MAX : count < 0 ? (uint64_t) - (count + 1) + 1 : (uint64_t)count;
    if (rows == 0) { /* the row it stands on, once more */
        bool on_row = !cursor->at_start && !cursor->at_end;
        if (move || !on_row) {
            return on_row;
        }
        skip(use, false, 1);
        return run_forward(use, 1);
    }
    if (!forward && rows == UINT64_MAX && move) {
        uint64_t passed = cursor->position - (cursor->position > 0 && !cursor->at_end ? 1 : 0);
        rewind_cursor(use);
        return passed;
    }
    return forward ? run_forward(use, rows) : run_backward(use, rows);
}

uint64_t sql_cursor_fetch(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl,
                          struct rowset *out) {
    struct sql_cursor *cursor = cursor_of(context, host, ddl->value);
    cursor_enter(cursor, context, host);
    struct use use = use_open(context, cursor, out);
    uint64_t rows = fetch(&use, ddl->fetch, ddl->number, out == NULL);
    cursor_leave(cursor);
    return rows;
}

/* --- DECLARE and CLOSE --- */

/* Makes and keeps all rows that are still to come, and lets go of what the query reads. */
static void hold(struct use *use) {
    struct sql_cursor *cursor = use->cursor;
    if (!cursor->keeps) {
        kept_open(cursor, use->context);
        cursor->keeps = true;
        cursor->kept_first = cursor->position;
        if (cursor->position < cursor->known) {
            append_current(use, &cursor->kept, cursor->position, (uint32_t)(cursor->known - cursor->position));
        }
    }
    while (pull(use)) {
    }
    sql_run_close(cursor->run);
    cursor->run = NULL;
    cursor->batch = NULL;
    cursor->held = true;
}

static bool in_block(const struct sql_host *host) {
    return host->in_block != NULL && host->in_block(host->context);
}

/* Whether PostgreSQL lets a cursor over such a plan go back unasked (ExecSupportsBackwardScan). */
static bool goes_back(const struct plan_node *node) {
    while (node->kind == PLAN_PROJECT || node->kind == PLAN_FILTER || node->kind == PLAN_LIMIT) {
        node = node->left;
    }
    return node->kind <= PLAN_ONE_ROW || node->kind == PLAN_SORT;
}

static struct sql_cursor *cursor_new(struct sql_context *context, const struct sql_host *host,
                                     const struct plan_ddl *ddl) {
    struct sql_cursor_list *list = host->cursors;
    if (sql_cursor_find(list, slice_text(ddl->value)) != NULL) {
        sql_raise(context, KMB_DUPLICATE_CURSOR, 0, "cursor \"%s\" already exists", ddl->value);
    }
    if (list->count == SQL_CURSORS_MAX) {
        sql_raise(context, KMB_LIMIT, 0, "a session can have at most %d cursors", SQL_CURSORS_MAX);
    }
    size_t size = strlen(ddl->value) + 1;
    struct sql_cursor *cursor = mem_alloc_zero(1, sizeof(*cursor) + size + context->text_length + 1);
    if (cursor == NULL) {
        sql_raise(context, KMB_NO_MEMORY, 0, "out of memory");
    }
    memcpy(cursor->name, ddl->value, size);
    cursor->text = cursor->name + size;
    memcpy(cursor->text, context->text, context->text_length);
    cursor->made_us = context->now_us;
    cursor->number = ++list->made;
    cursor->hold = ddl->cursor.hold;
    cursor->scroll = ddl->cursor.scroll;
    cursor->at_start = true;
    cursor->next = list->first;
    list->first = cursor;
    list->count++;
    return cursor;
}

void sql_cursor_declare(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl,
                        const struct type *types, const struct value *parameters, uint32_t parameter_count) {
    struct kmb_error *error = context->error;
    if (!ddl->cursor.hold && !in_block(host)) {
        sql_raise(context, KMB_NO_TRANSACTION, 0, "DECLARE CURSOR can only be used in transaction blocks");
    }
    struct sql_cursor *cursor = cursor_new(context, host, ddl);
    struct slice text = slice_make(context->text, context->text_length);
    enum kmb_status status = sql_prepare_cursor(host, text, types, parameter_count, &cursor->statement, error);
    if (status == KMB_OK) {
        status = sql_run_open(cursor->statement, host, parameters, parameter_count, &cursor->run, error);
    }
    if (status != KMB_OK) {
        list_drop(host->cursors, &host->cursors->first);
        sql_raise_status(context, status, 0);
    }
    bool plain = goes_back(sql_statement_plan(cursor->statement)->root);
    cursor->no_scroll = ddl->cursor.no_scroll || (!cursor->scroll && !plain);
    cursor->keeps = !cursor->no_scroll;
    cursor_enter(cursor, context, host);
    if (cursor->keeps) {
        kept_open(cursor, context);
    }
    if (cursor->hold && !in_block(host)) {
        struct use use = use_open(context, cursor, NULL);
        hold(&use);
    }
    cursor_leave(cursor);
}

void sql_cursor_close(struct sql_context *context, const struct sql_host *host, const char *name) {
    if (name == NULL) {
        sql_cursors_free(host->cursors);
        return;
    }
    struct sql_cursor *cursor = cursor_of(context, host, name);
    struct sql_cursor **place = &host->cursors->first;
    while (*place != cursor) {
        place = &(*place)->next;
    }
    list_drop(host->cursors, place);
}

/* Under a guard of its own: no statement is at work. */
static enum kmb_status hold_alone(struct sql_cursor *cursor, const struct sql_host *host, struct kmb_error *error) {
    struct sql_context context;
    volatile enum kmb_status status = KMB_OK;
    sql_context_init(&context, host->settings, error);
    context.cancel = host->cancel;
    SQL_GUARD(&context) {
        cursor_enter(cursor, &context, host);
        struct use use = use_open(&context, cursor, NULL);
        hold(&use);
        cursor_leave(cursor);
    }
    SQL_CAUGHT {
        status = context.status;
    }
    context.guarded = false;
    sql_context_free(&context);
    return status;
}

enum kmb_status sql_cursors_hold(struct sql_cursor_list *list, const struct sql_host *host, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (struct sql_cursor *cursor = list->first; cursor != NULL && status == KMB_OK; cursor = cursor->next) {
        if (cursor->hold && !cursor->held) {
            status = hold_alone(cursor, host, error);
        }
    }
    return status;
}

/* --- WHERE CURRENT OF --- */

struct slice sql_cursor_key(struct sql_context *context, const struct sql_host *host, const char *name,
                            const struct table_definition *table) {
    if (host->cursors == NULL) {
        sql_cursor_raise_undefined(context, name);
    }
    struct sql_cursor *cursor = cursor_of(context, host, name);
    const struct plan_statement *plan = sql_statement_plan(cursor->statement);
    if (cursor->held) {
        sql_raise(context, KMB_INVALID_CURSOR_STATE, 0, "cursor \"%s\" is held from a previous transaction", name);
    }
    if (plan->cursor_table.value != table->id.value) {
        sql_raise(context, KMB_INVALID_CURSOR_STATE, 0,
                  "cursor \"%s\" is not a simply updatable scan of table \"%.*s\"", name, (int)table->name.length,
                  (const char *)table->name.bytes);
    }
    if (cursor->at_start || cursor->at_end) {
        sql_raise(context, KMB_INVALID_CURSOR_STATE, 0, "cursor \"%s\" is not positioned on a row", name);
    }
    uint64_t row = cursor->position - 1;
    uint32_t column = plan->column_count - 1;
    if (cursor->batch != NULL && row >= cursor->batch_first) {
        const struct batch *batch = cursor->batch;
        uint32_t at = (uint32_t)(row - cursor->batch_first);
        at = batch->selection != NULL ? batch->selection[at] : at;
        return batch->columns[column].bytes[vector_row(&batch->columns[column], at)];
    }
    ASSERT(cursor->keeps && row >= cursor->kept_first);
    uint32_t place;
    const struct vector *keys = rowset_at(&cursor->kept, column, (uint32_t)(row - cursor->kept_first), &place);
    return keys->bytes[place];
}
