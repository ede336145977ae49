/*
 * Sequences as functions: nextval, setval, currval, lastval, pg_get_serial_sequence.
 *
 * A sequence is named by a text and looked for when the call is made, in the transaction's own catalogue. What moves
 * one is a write of the statement's transaction (kernel/sequence.c says how values outlive it); what a session was
 * given it remembers itself.
 */
#include <string.h>

#include "base/memory.h"
#include "kernel/transaction.h"
#include "kernel/view.h"
#include "sql/func/loops.h"
#include "sql/path.h"
#include "sql/sql.h"

void sql_sequences_free(struct sql_sequences *sequences) {
    mem_free(sequences->list);
    *sequences = (struct sql_sequences){.list = NULL};
}

static const struct sql_sequence *remembered(const struct sql_sequences *sequences, struct table_id id) {
    for (uint32_t i = 0; sequences != NULL && i < sequences->count; i++) {
        if (table_id_equal(sequences->list[i].id, id)) {
            return &sequences->list[i];
        }
    }
    return NULL;
}

/* Room for one more; taken before the value is, so that none is forgotten. */
static void remember_room(struct sql_context *context, struct sql_sequences *sequences) {
    if (sequences == NULL || sequences->count < sequences->capacity) {
        return;
    }
    uint32_t capacity = sequences->capacity == 0 ? 8 : sequences->capacity * 2;
    struct sql_sequence *grown = mem_realloc(sequences->list, capacity * sizeof(*grown));
    if (grown == NULL) {
        sql_raise(context, KMB_NO_MEMORY, 0, "out of memory");
    }
    sequences->list = grown;
    sequences->capacity = capacity;
}

static void remember(struct sql_sequences *sequences, struct table_id id, int64_t value) {
    if (sequences == NULL) {
        return;
    }
    struct sql_sequence *found = (struct sql_sequence *)(uintptr_t)remembered(sequences, id);
    if (found == NULL) {
        found = &sequences->list[sequences->count++];
        found->id = id;
    }
    found->value = value;
}

static const struct table_definition *sequence_named(struct sql_context *context, const struct catalogue *catalogue,
                                                     struct slice text) {
    struct sql_relation found;
    sql_path_need_text(context, sql_path_of(context), catalogue, text, 0, &found);
    if (sql_relation_is_index(&found) || !definition_is_sequence(found.table)) {
        struct slice name = sql_relation_name(&found);
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, 0, "\"%.*s\" is not a sequence", (int)name.length,
                  (const char *)name.bytes);
    }
    return found.table;
}

/* All that decides what a text names in a catalogue. false: it is too long to be kept. */
static bool name_key(const struct sql_context *context, struct slice text, struct sql_sequence_name *name) {
    const struct slice parts[] = {slice_text(context->settings->search_path), context->session_user, text};
    name->length = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].length + 1 > sizeof(name->key) - name->length) {
            return false;
        }
        if (parts[i].length > 0) {
            memcpy(name->key + name->length, parts[i].bytes, parts[i].length);
        }
        name->length += parts[i].length;
        name->key[name->length++] = 0;
    }
    return true;
}

/* The same in the transaction's catalogue, for a session that inserts names one sequence again and again. What DDL of
 * the transaction itself has made is looked for each time: two such catalogues may have one version. */
static const struct table_definition *sequence_known(struct sql_context *context,
                                                     struct kernel_transaction *transaction, struct slice text) {
    const struct catalogue *catalogue = kernel_transaction_catalogue(transaction);
    struct sql_sequences *sequences = context->host->sequences;
    struct sql_sequence_name name = {.catalogue_version = catalogue_version(catalogue)};
    if (sequences == NULL || (name.catalogue_version & CATALOGUE_VERSION_OWN) != 0 || !name_key(context, text, &name)) {
        return sequence_named(context, catalogue, text);
    }
    for (size_t i = 0; i < SQL_SEQUENCE_NAMES; i++) {
        const struct sql_sequence_name *known = &sequences->names[i];
        if (known->catalogue_version == name.catalogue_version && known->length == name.length &&
            memcmp(known->key, name.key, name.length) == 0) {
            return catalogue_table_of_id(catalogue, known->id);
        }
    }
    const struct table_definition *sequence = sequence_named(context, catalogue, text);
    name.id = sequence->id;
    sequences->names[sequences->name_next++ % SQL_SEQUENCE_NAMES] = name;
    return sequence;
}

static struct kernel_transaction *transaction_of(const struct sql_call *call, const char *function) {
    struct sql_context *context = call->context;
    const struct sql_host *host = context->host;
    struct kernel_transaction *transaction = NULL;
    if (host == NULL || host->transaction == NULL) {
        sql_raise_unsupported(context, call->position, "%s() here", function);
    }
    enum kmb_status status = host->transaction(host->context, &transaction, context->error);
    if (status == KMB_READ_ONLY_TRANSACTION) {
        sql_raise(context, status, 0, "cannot execute %s() in a read-only transaction", function);
    }
    sql_try(context, status);
    return transaction;
}

/* By its text, or as a regclass. */
static struct slice relation_argument(const struct sql_call *call, struct vector *const *arguments, uint32_t row) {
    struct slice bytes = ARGUMENT_BYTES(0, row);
    return call->argument_types[0].id == TYPE_REGCLASS ? value_label_name(bytes) : bytes;
}

static void fn_nextval(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    struct kernel_transaction *transaction = transaction_of(call, "nextval");
    struct sql_sequences *sequences = context->host->sequences;
    EACH_ROW(row) {
        const struct table_definition *sequence =
            sequence_known(context, transaction, relation_argument(call, arguments, row));
        remember_room(context, sequences);
        sql_try(context, kernel_sequence_next(transaction, sequence->id, &result->integer[row], context->error));
        remember(sequences, sequence->id, result->integer[row]);
        if (sequences != NULL) {
            sequences->last = sequence->id;
        }
    }
}

static void fn_setval(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    struct kernel_transaction *transaction = transaction_of(call, "setval");
    struct sql_sequences *sequences = context->host->sequences;
    EACH_ROW(row) {
        const struct table_definition *sequence =
            sequence_known(context, transaction, relation_argument(call, arguments, row));
        int64_t value = ARGUMENT_INT(1, row);
        bool called = call->argument_count < 3 || arguments[2]->boolean[vector_row(arguments[2], row)] != 0;
        remember_room(context, sequences);
        sql_try(context, kernel_sequence_set(transaction, sequence->id, value, called, context->error));
        if (called) {
            remember(sequences, sequence->id, value);
        }
        result->integer[row] = value;
    }
}

struct kernel_view *function_present_view(const struct sql_call *call) {
    struct sql_context *context = call->context;
    struct sql_point present = {.kind = PLAN_AT_NONE};
    struct kernel_view *view = NULL;
    if (context->host == NULL) {
        sql_raise_unsupported(context, call->position, "a look into the catalogue here");
    }
    sql_try(context, context->host->view_open(context->host->context, &present, &view, context->error));
    sql_defer(context, (void (*)(void *))kernel_view_close, view);
    return view;
}

static void fn_currval(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        const struct table_definition *sequence =
            sequence_named(context, view->catalogue, relation_argument(call, arguments, row));
        const struct sql_sequence *value = remembered(context->host->sequences, sequence->id);
        if (value == NULL) {
            sql_raise(context, KMB_OBJECT_NOT_IN_STATE, 0,
                      "currval of sequence \"%.*s\" is not yet defined in this session", (int)sequence->name.length,
                      (const char *)sequence->name.bytes);
        }
        result->integer[row] = value->value;
    }
    sql_release(context, view);
}

/* NULL: it has given none yet. */
static void fn_last_value(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        const struct table_definition *sequence =
            sequence_named(context, view->catalogue, relation_argument(call, arguments, row));
        struct kernel_sequence state;
        sql_try(context, kernel_sequence_read(view, sequence, &state, context->error));
        if (state.called) {
            result->integer[row] = state.last;
        } else {
            result_null(result, row);
        }
    }
    sql_release(context, view);
}

static void fn_lastval(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    struct kernel_view *view = function_present_view(call);
    const struct sql_sequences *sequences = context->host->sequences;
    const struct sql_sequence *value =
        sequences == NULL || catalogue_table_of_id(view->catalogue, sequences->last) == NULL
            ? NULL
            : remembered(sequences, sequences->last);
    if (value == NULL) {
        sql_raise(context, KMB_OBJECT_NOT_IN_STATE, 0, "lastval is not yet defined in this session");
    }
    EACH_ROW(row) {
        result->integer[row] = value->value;
    }
    sql_release(context, view);
}

static void fn_serial_sequence(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    struct kernel_view *view = function_present_view(call);
    const struct catalogue *catalogue = view->catalogue;
    EACH_ROW(row) {
        struct sql_relation found;
        sql_path_need_text(context, sql_path_of(context), catalogue, ARGUMENT_BYTES(0, row), 0, &found);
        const struct table_definition *table = found.table;
        struct slice wanted = ARGUMENT_BYTES(1, row);
        const struct column_definition *column = definition_column_of_name(table, wanted);
        if (column == NULL) {
            sql_raise(context, KMB_UNDEFINED_COLUMN, 0, "column \"%.*s\" of relation \"%.*s\" does not exist",
                      (int)wanted.length, (const char *)wanted.bytes, (int)table->name.length,
                      (const char *)table->name.bytes);
        }
        const struct table_definition *sequence = catalogue_owned_sequence(catalogue, table->id, column->id);
        if (sequence == NULL) {
            result_null(result, row);
            continue;
        }
        result->bytes[row] = slice_text(sql_qualified(context, sequence->schema_name, sequence->name));
    }
    sql_release(context, view);
}

#define SEQUENCE_FN(name_, scalar_, writes_, result_, summary_, ...)                                                   \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .writes = (writes_), .result = (result_),  \
        .summary = (summary_), .strict = true, .volatility = SQL_VOLATILE,                                             \
        .argument_count = sizeof((enum type_id[]){TYPE_ANY, ##__VA_ARGS__}) / sizeof(enum type_id) - 1,                \
        .arguments = {__VA_ARGS__},                                                                                    \
    }

/* clang-format off */
static const struct sql_function sequence_rows[] = {
    SEQUENCE_FN("nextval", fn_nextval, true, TYPE_INT8, "next value of a sequence", TYPE_TEXT),
    SEQUENCE_FN("setval", fn_setval, true, TYPE_INT8, "sets where a sequence stands", TYPE_TEXT, TYPE_INT8),
    SEQUENCE_FN("setval", fn_setval, true, TYPE_INT8, "the same; false: the value is the next to be given", TYPE_TEXT,
                TYPE_INT8, TYPE_BOOL),
    SEQUENCE_FN("currval", fn_currval, false, TYPE_INT8, "what nextval last gave of a sequence in this session",
                TYPE_TEXT),
    SEQUENCE_FN("nextval", fn_nextval, true, TYPE_INT8, "next value of a sequence", TYPE_REGCLASS),
    SEQUENCE_FN("setval", fn_setval, true, TYPE_INT8, "sets where a sequence stands", TYPE_REGCLASS, TYPE_INT8),
    SEQUENCE_FN("setval", fn_setval, true, TYPE_INT8, "the same; false: the value is the next to be given",
                TYPE_REGCLASS, TYPE_INT8, TYPE_BOOL),
    SEQUENCE_FN("currval", fn_currval, false, TYPE_INT8, "what nextval last gave of a sequence in this session",
                TYPE_REGCLASS),
    {.class = SQL_FUNCTION_SCALAR, .name = "lastval", .strict = true, .volatility = SQL_VOLATILE, .result = TYPE_INT8,
     .scalar = fn_lastval, .summary = "what nextval last gave in this session"},
    SEQUENCE_FN("pg_sequence_last_value", fn_last_value, false, TYPE_INT8, "what a sequence gave last; NULL: nothing yet",
                TYPE_REGCLASS),
    SEQUENCE_FN("pg_get_serial_sequence", fn_serial_sequence, false, TYPE_TEXT, "sequence that a column owns",
                TYPE_TEXT, TYPE_TEXT),
};
/* clang-format on */

struct function_rows function_rows_sequence(void) {
    return FUNCTION_ROWS(sequence_rows);
}
