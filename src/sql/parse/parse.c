/*
 * libpg_query at work.
 *
 * The library keeps its memory per thread and speaks in malloc'ed results. Each result is held by a deferred release
 * until it has been unpacked into the statement's arena, so an error in between leaks nothing. The grammar's errors are
 * passed on as PostgreSQL words them; a reserved word in the place of a name gets a hint to quote it, because names
 * such as user and offset are common in the data this database is made for.
 *
 * Depth: the parser's output functions, protobuf-c and our binder all recurse along the tree. tokens_scan() bounds how
 * deep it can be; statements past a modest bound are prepared on a thread with a 16 MiB stack, so that the caller's
 * stack size does not matter.
 */
#include "sql/parse/parse.h"

#include <pthread.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "types/utf8.h"

static void *scan_arena_alloc(void *object, size_t size) {
    return sql_alloc(object, size);
}

static void scan_arena_free(void *object, void *memory) {
    (void)object;
    (void)memory;
}

ProtobufCAllocator scan_allocator(struct sql_context *context) {
    return (ProtobufCAllocator){.alloc = scan_arena_alloc, .free = scan_arena_free, .allocator_data = context};
}

struct scan_held {
    PgQueryScanResult result;
};

static void scan_free(void *object) {
    pg_query_free_scan_result(((struct scan_held *)object)->result);
}

struct parse_held {
    PgQueryProtobufParseResult result;
};

static void parse_free(void *object) {
    pg_query_free_protobuf_parse_result(((struct parse_held *)object)->result);
}

static bool scan_word_in(struct slice word, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (word.length == strlen(words[i]) && strncasecmp(words[i], (const char *)word.bytes, word.length) == 0) {
            return true;
        }
    }
    return false;
}

/* Reserved words that people give to columns and tables, where the grammar stumbles over them... */
static bool scan_word_quotable(struct slice word) {
    static const char *const words[] = {"user",    "offset", "order",      "group",   "table",  "column", "end",
                                        "limit",   "check",  "default",    "desc",    "asc",    "grant",  "analyze",
                                        "primary", "unique", "references", "foreign", "window", "array",  "collate"};
    return scan_word_in(word, words, ARRAY_LENGTH(words));
}

/* ... and those it takes for the beginning of a clause, to stumble over the next word. */
static bool scan_word_misread(struct slice word) {
    static const char *const words[] = {"user", "offset", "limit", "check", "default", "grant", "analyze"};
    return scan_word_in(word, words, ARRAY_LENGTH(words));
}

static bool word_byte(uint8_t byte) {
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

/* The word that begins at a byte, and the one that ends before it. */
static struct slice scan_word_at(const char *text, size_t from) {
    size_t to = from;
    while (word_byte((uint8_t)text[to])) {
        to++;
    }
    return slice_make(text + from, to - from);
}

static struct slice scan_word_before(const char *text, size_t to) {
    while (to > 0 && (text[to - 1] == ' ' || text[to - 1] == '\n' || text[to - 1] == '\t')) {
        to--;
    }
    size_t from = to;
    while (from > 0 && word_byte((uint8_t)text[from - 1])) {
        from--;
    }
    return slice_make(text + from, to - from);
}

/* What to add to a syntax error: how to write a reserved word as a name, or NULL. */
static const char *scan_hint(struct sql_context *context, const char *text, const char *message, uint32_t position) {
    if (strstr(message, "in FROM must have an alias") != NULL) {
        return "For example, FROM (SELECT ...) [AS] foo.";
    }
    if (strncmp(message, "syntax error at or near", 23) != 0 || position == 0) {
        return NULL;
    }
    struct slice word = scan_word_at(text, position - 1);
    if (!scan_word_quotable(word)) {
        word = scan_word_before(text, position - 1);
        if (!scan_word_misread(word)) {
            return NULL;
        }
    }
    return sql_printf(context, "%.*s is a reserved word; to use it as a name, write it in double quotes: \"%.*s\".",
                      (int)word.length, (const char *)word.bytes, (int)word.length, (const char *)word.bytes);
}

/* PostgreSQL's own code of an error that its scanner or grammar raises; libpg_query hands on the message alone. */
static enum kmb_status scan_status(const char *message) {
    static const struct {
        const char *begins;
        enum kmb_status status;
    } rows[] = {
        {"invalid byte sequence for encoding", KMB_INVALID_ENCODING},
        {"precision for type float must be", KMB_INVALID_PARAMETER},
        {"frame ", KMB_WINDOWING}, /* of a window */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strncmp(message, rows[i].begins, strlen(rows[i].begins)) == 0) {
            return rows[i].status;
        }
    }
    if (strstr(message, "not yet implemented") != NULL || strstr(message, "constraints cannot be marked") != NULL) {
        return KMB_UNSUPPORTED;
    }
    return strcmp(message, "invalid Unicode escape") == 0 ? KMB_INVALID_ESCAPE : KMB_SYNTAX;
}

/* PostgreSQL's scanner shows what is amiss up to a byte, which may be the first of several of a character ("1Ü"). */
static const char *scan_whole_characters(struct sql_context *context, const char *message, const char *text,
                                         uint32_t position) {
    struct slice all = slice_text(message);
    if (utf8_valid(all)) {
        return message;
    }
    size_t cut = utf8_invalid_at(all);
    const char *place = position == 0 ? NULL : strchr(text + position - 1, message[cut]);
    size_t length = place == NULL ? 0 : 1;
    while (length > 0 && ((uint8_t)place[length] & 0xc0) == 0x80) {
        length++;
    }
    return sql_printf(context, "%.*s%.*s%s", (int)cut, message, (int)length, place == NULL ? "" : place,
                      message + cut + 1);
}

_Noreturn void scan_raise(struct sql_context *context, const char *text, const PgQueryError *error) {
    const char *message = sql_printf(context, "%s", error->message == NULL ? "syntax error" : error->message);
    /* cursorpos counts characters of the blanked text; tokens and trees count bytes. */
    struct slice blanked = slice_make(text, strlen(text));
    uint32_t position = error->cursorpos > 0 ? sql_position_byte(blanked, (uint32_t)error->cursorpos) : 0;
    message = scan_whole_characters(context, message, text, position);
    sql_raise_with(context, scan_status(message), position, NULL, scan_hint(context, text, message, position), "%s",
                   message);
}

PgQuery__ScanResult *scan_tokens(struct sql_context *context, const char *text) {
    scan_bound_runs(context, text);
    struct scan_held *held = sql_alloc_zero(context, 1, sizeof(*held));
    held->result = pg_query_scan(text);
    sql_defer(context, scan_free, held);
    if (held->result.error != NULL) {
        scan_raise(context, text, held->result.error);
    }
    ProtobufCAllocator allocator = scan_allocator(context);
    PgQuery__ScanResult *scan =
        pg_query__scan_result__unpack(&allocator, held->result.pbuf.len, (const uint8_t *)held->result.pbuf.data);
    ASSERT(scan != NULL); /* the library's own output */
    sql_release(context, held);
    return scan;
}

static const PgQuery__ParseResult *parse_text(struct sql_context *context, const char *text) {
    struct parse_held *held = sql_alloc_zero(context, 1, sizeof(*held));
    held->result = pg_query_parse_protobuf(text);
    sql_defer(context, parse_free, held);
    if (held->result.error != NULL) {
        scan_raise(context, text, held->result.error);
    }
    ProtobufCAllocator allocator = scan_allocator(context);
    PgQuery__ParseResult *parsed = pg_query__parse_result__unpack(&allocator, held->result.parse_tree.len,
                                                                  (const uint8_t *)held->result.parse_tree.data);
    ASSERT(parsed != NULL);
    sql_release(context, held);
    return parsed;
}

const PgQuery__Node *parse_statement(struct sql_context *context, const struct tokens *tokens) {
    const PgQuery__ParseResult *parsed = parse_text(context, tokens->text);
    if (parsed->n_stmts == 0) {
        return NULL;
    }
    if (parsed->n_stmts > 1) {
        sql_raise_with(context, KMB_SYNTAX, (uint32_t)parsed->stmts[1]->stmt_location + 1, NULL,
                       "Run the statements one by one.", "expected exactly 1 statement, got %zu", parsed->n_stmts);
    }
    return parsed->stmts[0]->stmt;
}

PgQuery__Node *parse_expression(struct sql_context *context, const char *text) {
    const PgQuery__ParseResult *parsed = parse_text(context, sql_printf(context, "SELECT %s", text));
    if (parsed->n_stmts != 1 || parsed->stmts[0]->stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT ||
        parsed->stmts[0]->stmt->select_stmt->n_target_list != 1) {
        sql_raise(context, KMB_CORRUPT, 0, "stored expression does not parse: %s", text);
    }
    return parsed->stmts[0]->stmt->select_stmt->target_list[0]->res_target->val;
}

struct deparse_held {
    PgQueryDeparseResult result;
};

static void deparse_free(void *object) {
    pg_query_free_deparse_result(((struct deparse_held *)object)->result);
}

/* SQL text of a statement; what the library can not put into words is refused. */
static const char *deparse(struct sql_context *context, PgQuery__Node *statement, const char *what) {
    PgQuery__RawStmt raw = PG_QUERY__RAW_STMT__INIT;
    raw.stmt = statement;
    PgQuery__RawStmt *raws[1] = {&raw};
    PgQuery__ParseResult parsed = PG_QUERY__PARSE_RESULT__INIT;
    parsed.version = PG_VERSION_NUM;
    parsed.n_stmts = 1;
    parsed.stmts = raws;
    PgQueryProtobuf packed = {.len = pg_query__parse_result__get_packed_size(&parsed)};
    packed.data = sql_alloc(context, packed.len + 1);
    (void)pg_query__parse_result__pack(&parsed, (uint8_t *)packed.data);
    struct deparse_held *held = sql_alloc_zero(context, 1, sizeof(*held));
    held->result = pg_query_deparse_protobuf(packed);
    sql_defer(context, deparse_free, held);
    if (held->result.error != NULL || held->result.query == NULL) {
        sql_raise_unsupported(context, 0, "%s", what);
    }
    const char *text = sql_printf(context, "%s", held->result.query);
    sql_release(context, held);
    return text;
}

static const char *deparse_select(struct sql_context *context, PgQuery__SelectStmt *select, const char *what) {
    PgQuery__Node statement = PG_QUERY__NODE__INIT;
    statement.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
    statement.select_stmt = select;
    return deparse(context, &statement, what);
}

const char *parse_deparse_statement(struct sql_context *context, const PgQuery__Node *statement) {
    return deparse(context, (PgQuery__Node *)(uintptr_t)statement, "this statement in another");
}

const char *parse_deparse(struct sql_context *context, const PgQuery__Node *expression) {
    static const char before[] = "SELECT ";
    static const char what[] = "this expression in a definition";
    PgQuery__ResTarget target = PG_QUERY__RES_TARGET__INIT;
    target.val = (PgQuery__Node *)expression;
    PgQuery__Node item = PG_QUERY__NODE__INIT;
    item.node_case = PG_QUERY__NODE__NODE_RES_TARGET;
    item.res_target = &target;
    PgQuery__Node *items[1] = {&item};
    PgQuery__SelectStmt select = PG_QUERY__SELECT_STMT__INIT;
    select.n_target_list = 1;
    select.target_list = items;
    select.limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
    select.op = PG_QUERY__SET_OPERATION__SETOP_NONE;
    const char *text = deparse_select(context, &select, what);
    if (strncmp(text, before, sizeof(before) - 1) != 0) {
        sql_raise_unsupported(context, 0, "%s", what);
    }
    return text + sizeof(before) - 1;
}

const char *parse_deparse_query(struct sql_context *context, const PgQuery__SelectStmt *select) {
    return deparse_select(context, (PgQuery__SelectStmt *)(uintptr_t)select, "this query in a definition");
}

static bool visit_location(ProtobufCMessage *message, void *context) {
    (void)context;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, "location");
    if (field != NULL && field->type == PROTOBUF_C_TYPE_INT32 && field->label != PROTOBUF_C_LABEL_REPEATED) {
        *(int32_t *)(void *)((uint8_t *)message + field->offset) = -1;
    }
    return true;
}

PgQuery__SelectStmt *parse_query(struct sql_context *context, const char *text) {
    const PgQuery__ParseResult *parsed = parse_text(context, text);
    if (parsed->n_stmts != 1 || parsed->stmts[0]->stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
        sql_raise(context, KMB_CORRUPT, 0, "stored query does not parse: %s", text);
    }
    PgQuery__SelectStmt *select = parsed->stmts[0]->stmt->select_stmt;
    (void)parse_walk(&select->base, visit_location, NULL);
    return select;
}

static bool walk_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, parse_visit visit,
                       void *context) {
    uint8_t *base = (uint8_t *)message;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE ||
        ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
         *(const uint32_t *)(const void *)(base + field->quantifier_offset) != field->id)) {
        return true;
    }
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        ProtobufCMessage *child = *(ProtobufCMessage **)(void *)(base + field->offset);
        return child == NULL || parse_walk(child, visit, context);
    }
    size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
    ProtobufCMessage **list = *(ProtobufCMessage ***)(void *)(base + field->offset);
    for (size_t k = 0; k < count; k++) {
        if (!parse_walk(list[k], visit, context)) {
            return false;
        }
    }
    return true;
}

bool parse_walk(ProtobufCMessage *message, parse_visit visit, void *context) {
    if (!visit(message, context)) {
        return false;
    }
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        if (!walk_field(message, &message->descriptor->fields[i], visit, context)) {
            return false;
        }
    }
    return true;
}

struct renaming {
    struct sql_context *context;
    const char *from;
    const char *to;
};

/* The name that ends a ColumnRef; NULL for other messages. */
static PgQuery__String *reference_name(ProtobufCMessage *message) {
    if (message->descriptor != &pg_query__column_ref__descriptor) {
        return NULL;
    }
    PgQuery__ColumnRef *reference = (PgQuery__ColumnRef *)message;
    PgQuery__Node *last = reference->n_fields > 0 ? reference->fields[reference->n_fields - 1] : NULL;
    return last != NULL && last->node_case == PG_QUERY__NODE__NODE_STRING ? last->string : NULL;
}

static bool visit_rename(ProtobufCMessage *reference, void *context) {
    const struct renaming *renaming = context;
    PgQuery__String *name = reference_name(reference);
    if (name != NULL && strcmp(name->sval, renaming->from) == 0) {
        name->sval = sql_printf(renaming->context, "%s", renaming->to);
    }
    return true;
}

void parse_rename_column(struct sql_context *context, PgQuery__Node *expression, const char *from, const char *to) {
    struct renaming renaming = {.context = context, .from = from, .to = to};
    (void)parse_walk(&expression->base, visit_rename, &renaming);
}

static bool visit_names(ProtobufCMessage *reference, void *context) {
    PgQuery__String *name = reference_name(reference);
    return name == NULL || strcmp(name->sval, context) != 0;
}

bool parse_names_column(PgQuery__Node *expression, const char *name) {
    return !parse_walk(&expression->base, visit_names, (void *)name);
}

static bool visit_table(ProtobufCMessage *message, void *name) {
    if (message->descriptor != &pg_query__range_var__descriptor) {
        return true;
    }
    const PgQuery__RangeVar *table = (const PgQuery__RangeVar *)message;
    return (table->schemaname != NULL && table->schemaname[0] != 0) || strcmp(table->relname, name) != 0;
}

bool parse_message_names_table(const ProtobufCMessage *message, const char *name) {
    return !parse_walk((ProtobufCMessage *)(uintptr_t)message, visit_table, (void *)(uintptr_t)name);
}

bool parse_names_table(const PgQuery__SelectStmt *select, const char *name) {
    return parse_message_names_table(&select->base, name);
}

const char *parse_node_name(const PgQuery__Node *node) {
    if (node == NULL || node->node_case == PG_QUERY__NODE__NODE__NOT_SET) {
        return "an empty construct";
    }
    const ProtobufCMessageDescriptor *descriptor = node->base.descriptor;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        if (descriptor->fields[i].id == (uint32_t)node->node_case) {
            return descriptor->fields[i].name;
        }
    }
    return "an unknown construct";
}

struct deep_work {
    void (*work)(void *object);
    void *object;
};

static void *parse_deep_main(void *argument) {
    struct deep_work *deep = argument;
    deep->work(deep->object);
    return NULL; /* the library frees its memory of a thread when the thread ends; pg_query_exit() would free it twice
                  */
}

bool parse_run_deep(void (*work)(void *object), void *object) {
    struct deep_work deep = {.work = work, .object = object};
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    pthread_t thread;
    bool started = pthread_attr_setstacksize(&attributes, PARSE_STACK_BYTES) == 0 &&
                   pthread_create(&thread, &attributes, parse_deep_main, &deep) == 0;
    (void)pthread_attr_destroy(&attributes);
    if (started) {
        int joined = pthread_join(thread, NULL);
        ASSERT(joined == 0);
    }
    return started;
}
