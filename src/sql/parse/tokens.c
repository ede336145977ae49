/*
 * One pass over the tokens of a statement, before the grammar.
 *
 * Three problems are solved here, because all three need tokens and none can wait for the parse tree.
 *
 * Bounds. The grammar builds trees as deep as the text asks for and everything behind it recurses. What can nest is
 * counted along the deepest path: parentheses and brackets by level, and within a level the operators, casts, joins
 * and set operations since the last comma, for items of a list do not nest in each other (a VALUES list of ten thousand
 * rows is flat). The sum over the open levels bounds the depth of any tree.
 *
 * Time travel (travel.c). AT OFFSET n and its sisters are not in the grammar, and worse: `FROM t AT OFFSET 5` is legal
 * PostgreSQL with another meaning. So each clause is recognised by fixed rules on tokens alone, blanked with spaces in
 * a copy of the text (every position stays true), and remembered with the query block or the table reference it binds.
 * A block is known by the place of its SELECT keyword; the binder finds it again by the place of the first select-list
 * item behind it.
 *
 * Our own statements. SHOW TABLES is legal grammar, SHOW COLUMNS FROM t is not; both are told apart here.
 */
#include "sql/parse/tokens.h"

#include "base/assert.h"
#include "sql/parse/pass.h"

PgQuery__Token pass_kind(const struct pass *pass, size_t index) {
    return index < pass->count ? pass->list[index]->token : TOKEN(NUL);
}

uint32_t pass_position(const struct pass *pass, size_t index) {
    return index < pass->count ? (uint32_t)pass->list[index]->start + 1 : (uint32_t)pass->tokens->length + 1;
}

struct slice pass_text(const struct pass *pass, size_t index) {
    const PgQuery__ScanToken *token = pass->list[index];
    ASSERT(token->end >= token->start && (size_t)token->end <= pass->tokens->length);
    return slice_make(pass->tokens->text + token->start, (size_t)(token->end - token->start));
}

bool pass_word(const struct pass *pass, size_t index, const char *word) {
    if (index >= pass->count) {
        return false;
    }
    struct slice text = pass_text(pass, index);
    if (text.length != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];
        if (byte >= 'A' && byte <= 'Z') {
            byte = (uint8_t)(byte + 32);
        }
        if (byte != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

static _Noreturn void pass_complex(struct pass *pass, size_t index, const char *what, uint32_t value, uint32_t limit) {
    sql_raise(pass->context, KMB_TOO_COMPLEX, pass_position(pass, index), "sql too complex: %s = %u exceeds limit %u",
              what, value, limit);
}

bool token_is_operator(PgQuery__Token token) {
    switch ((int)token) {
    case TOKEN(Op):
    case TOKEN(ASCII_37): /* % */
    case TOKEN(ASCII_42): /* * */
    case TOKEN(ASCII_43): /* + */
    case TOKEN(ASCII_45): /* - */
    case TOKEN(ASCII_47): /* / */
    case TOKEN(ASCII_60): /* < */
    case TOKEN(ASCII_61): /* = */
    case TOKEN(ASCII_62): /* > */
    case TOKEN(ASCII_94): /* ^ */
    case TOKEN(LESS_EQUALS):
    case TOKEN(GREATER_EQUALS):
    case TOKEN(NOT_EQUALS):
    case TOKEN(TYPECAST):
        return true;
    default:
        return false;
    }
}

/* Words that let the tree grow deeper without a parenthesis. */
static bool token_nests(PgQuery__Token token) {
    switch ((int)token) {
    case TOKEN(JOIN):
    case TOKEN(NOT):
    case TOKEN(CASE):
    case TOKEN(COLLATE):
    case TOKEN(AT):
    case TOKEN(LIKE):
    case TOKEN(ILIKE):
    case TOKEN(SIMILAR):
    case TOKEN(IS):
    case TOKEN(ISNULL):
    case TOKEN(NOTNULL):
    case TOKEN(IN_P):
    case TOKEN(BETWEEN):
    case TOKEN(AND):
    case TOKEN(OR):
    case TOKEN(ASCII_91): /* [ */
    case TOKEN(DEFAULT):
        return true;
    default:
        return token_is_operator(token);
    }
}

PgQuery__Token pass_verb(const struct pass *pass) {
    size_t at = 0;
    if (pass_kind(pass, 0) == TOKEN(EXPLAIN)) {
        at = 1;
        if (pass_kind(pass, 1) == TOKEN(ASCII_40)) {
            while (at < pass->count && pass_kind(pass, at) != TOKEN(ASCII_41)) {
                at++;
            }
            at++;
        }
        while (pass_kind(pass, at) == TOKEN(ANALYZE) || pass_kind(pass, at) == TOKEN(VERBOSE)) {
            at++;
        }
    }
    return pass_kind(pass, at);
}

/* What a query stands behind in a statement of another kind: CREATE TABLE ... AS, PREPARE ... AS, COPY (...). */
static bool pass_before_query(PgQuery__Token before) {
    switch ((int)before) {
    case TOKEN(AS):
    case TOKEN(ASCII_40):
    case TOKEN(UNION):
    case TOKEN(EXCEPT):
    case TOKEN(INTERSECT):
    case TOKEN(ALL):
    case TOKEN(DISTINCT):
        return true;
    default:
        return false;
    }
}

/* Whether TABLE at the current token is a query of its own, TABLE t: not a word of a definition or of INTO. */
static bool pass_table_query(const struct pass *pass) {
    if (pass->at > 0 && pass_kind(pass, pass->at - 1) == TOKEN(INTO)) {
        return false;
    }
    switch ((int)pass_verb(pass)) {
    case TOKEN(TABLE):
    case TOKEN(SELECT):
    case TOKEN(VALUES):
    case TOKEN(WITH):
    case TOKEN(INSERT):
    case TOKEN(UPDATE):
    case TOKEN(DELETE_P):
    case TOKEN(MERGE):
    case TOKEN(ASCII_40):
        return true;
    default:
        return pass->at > 0 && pass_before_query(pass_kind(pass, pass->at - 1));
    }
}

uint32_t pass_parameter(struct pass *pass, size_t index) {
    struct slice text = pass_text(pass, index);
    uint64_t number = 0;
    for (size_t i = 1; i < text.length && number <= UINT16_MAX; i++) {
        number = number * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    if (number == 0 || number > UINT16_MAX) {
        sql_raise(pass->context, KMB_UNDEFINED_PARAMETER, pass_position(pass, index),
                  number == 0 ? "parameter indices start at $1, not $0" : "there is no parameter %.*s",
                  (int)(text.length < 24 ? text.length : 24), (const char *)text.bytes);
    }
    return (uint32_t)number;
}

static void pass_measure(struct pass *pass) {
    uint32_t chain = 0;
    for (uint32_t i = 0; i <= pass->depth; i++) {
        chain += pass->levels[i].chain + pass->levels[i].set_ops;
    }
    if (chain > pass->tokens->chain) {
        pass->tokens->chain = chain;
    }
    if (chain > TOKENS_CHAIN_MAX) {
        pass_complex(pass, pass->at, "operators", chain, TOKENS_CHAIN_MAX);
    }
}

uint32_t pass_add_block(struct pass *pass, uint32_t select, uint32_t parent) {
    struct tokens *tokens = pass->tokens;
    if (tokens->block_count == pass->block_capacity) {
        uint32_t capacity = pass->block_capacity == 0 ? 8 : pass->block_capacity * 2;
        struct tokens_block *grown = sql_alloc(pass->context, capacity * sizeof(*grown));
        if (tokens->block_count > 0) {
            memcpy(grown, tokens->blocks, tokens->block_count * sizeof(*grown));
        }
        tokens->blocks = grown;
        pass->block_capacity = capacity;
    }
    tokens->blocks[tokens->block_count] =
        (struct tokens_block){.select = select, .parent = parent, .clause = TOKENS_CLAUSE_NONE};
    return tokens->block_count++;
}

/* The block that encloses a SELECT seen at the current level. */
static uint32_t pass_enclosing(const struct pass *pass) {
    for (uint32_t i = pass->depth; i > 0; i--) {
        if (pass->levels[i - 1].block != TOKENS_BLOCK_NONE) {
            return pass->levels[i - 1].block;
        }
    }
    return TOKENS_BLOCK_NONE;
}

static void pass_select(struct pass *pass) {
    struct level *level = &pass->levels[pass->depth];
    uint32_t parent = level->set_ops > 0                 ? level->first
                      : level->with != TOKENS_BLOCK_NONE ? level->with
                                                         : pass_enclosing(pass);
    level->block = pass_add_block(pass, pass_position(pass, pass->at), parent);
    if (level->first == TOKENS_BLOCK_NONE) {
        level->first = level->block;
    }
    level->set_tail = false;
    level->selected = true;
    level->from = pass_kind(pass, pass->at) == TOKEN(TABLE) ? PASS_FROM_EXPECTS : PASS_FROM_NONE;
}

/* The first branch becomes a child of a block that stands for the whole of the set operation. */
static void pass_set_operation(struct pass *pass) {
    struct level *level = &pass->levels[pass->depth];
    level->set_ops++;
    if (pass->tokens->set_operation == 0) {
        pass->tokens->set_operation = pass_position(pass, pass->at);
    }
    if (level->set_ops == 1) {
        uint32_t parent = level->with != TOKENS_BLOCK_NONE ? level->with : pass_enclosing(pass);
        uint32_t whole = pass_add_block(pass, 0, parent);
        if (level->first != TOKENS_BLOCK_NONE) {
            pass->tokens->blocks[level->first].parent = whole;
            travel_to_branch(pass, level->with, level->first);
        }
        level->first = whole;
    }
    level->block = level->first; /* until the next branch begins */
    level->from = PASS_FROM_NONE;
}

/* WITH [RECURSIVE] name AS or WITH [RECURSIVE] name (: a clause behind the query binds the WITH queries too. */
static void pass_with(struct pass *pass) {
    size_t name = pass->at + (pass_kind(pass, pass->at + 1) == TOKEN(RECURSIVE) ? 2 : 1);
    PgQuery__Token after = pass_kind(pass, name + 1);
    struct level *level = &pass->levels[pass->depth];
    if (pass_kind(pass, name) != TOKEN(ASCII_40) && (after == TOKEN(AS) || after == TOKEN(ASCII_40)) &&
        level->first == TOKENS_BLOCK_NONE) {
        level->with = pass_add_block(pass, 0, pass_enclosing(pass));
        level->block = level->with;
    }
}

/* Whether a query in the parentheses that open here stands by itself or as a branch of a set operation, so that what
 * follows them on this level is about it. */
static bool pass_opens_branch(const struct pass *pass) {
    const struct level *level = &pass->levels[pass->depth];
    if (pass->at == 0) {
        return true;
    }
    switch ((int)pass_kind(pass, pass->at - 1)) {
    case TOKEN(ASCII_40):
    case TOKEN(UNION):
    case TOKEN(EXCEPT):
    case TOKEN(INTERSECT):
    case TOKEN(EXPLAIN):
        return true;
    case TOKEN(ALL):
    case TOKEN(DISTINCT):
        return level->set_ops > 0 && level->block == level->first;
    case TOKEN(AS):
        return level->with == TOKENS_BLOCK_NONE && level->first == TOKENS_BLOCK_NONE;
    case TOKEN(ASCII_41):
        return level->first == TOKENS_BLOCK_NONE &&
               (level->with != TOKENS_BLOCK_NONE || pass_verb(pass) == TOKEN(INSERT));
    default:
        return level->first == TOKENS_BLOCK_NONE && pass->depth == 0 && pass_verb(pass) == TOKEN(INSERT) &&
               pass_kind(pass, pass->at - 1) == TOKEN(IDENT);
    }
}

static void pass_open(struct pass *pass) {
    struct level *level = &pass->levels[pass->depth];
    level->chain++;
    if (pass->depth == TOKENS_PAREN_DEPTH_MAX) {
        pass_complex(pass, pass->at, "paren_depth", TOKENS_PAREN_DEPTH_MAX + 1, TOKENS_PAREN_DEPTH_MAX);
    }
    PgQuery__Token before = pass->at > 0 ? pass_kind(pass, pass->at - 1) : TOKEN(NUL);
    bool item = level->from == PASS_FROM_EXPECTS;
    bool branch = pass_opens_branch(pass);
    if (item) {
        level->from = PASS_FROM_ITEM;
        level->item = (struct pass_item){.kind = PASS_ITEM_GROUP, .position = pass_position(pass, pass->at)};
    }
    pass->depth++;
    pass->levels[pass->depth] = (struct level){
        .block = TOKENS_BLOCK_NONE,
        .first = TOKENS_BLOCK_NONE,
        .with = TOKENS_BLOCK_NONE,
        .substring = before == TOKEN(SUBSTRING) || before == TOKEN(OVERLAY),
        .branch = branch,
        .item_opened = item,
        .from = item ? PASS_FROM_EXPECTS : PASS_FROM_NONE,
    };
}

/* Whether FROM ((SELECT ...) goes on as a query in parentheses, not as a join of which this was the first reference. */
static bool pass_goes_on(const struct pass *pass) {
    switch ((int)pass_kind(pass, pass->at + 1)) {
    case TOKEN(ASCII_41):
    case TOKEN(UNION):
    case TOKEN(EXCEPT):
    case TOKEN(INTERSECT):
    case TOKEN(ORDER):
    case TOKEN(LIMIT):
    case TOKEN(OFFSET):
    case TOKEN(FETCH):
        return true;
    default:
        return false;
    }
}

static void pass_close(struct pass *pass) {
    if (pass->depth == 0) {
        return; /* the grammar will tell */
    }
    const struct level *closed = &pass->levels[pass->depth--];
    struct level *level = &pass->levels[pass->depth];
    uint32_t query = closed->with != TOKENS_BLOCK_NONE ? closed->with : closed->first;
    if (query == TOKENS_BLOCK_NONE) {
        return;
    }
    if (closed->item_opened) {
        level->item.kind = PASS_ITEM_QUERY;
        level->item.block = query;
    }
    if (closed->branch && (!closed->item_opened || pass_goes_on(pass))) {
        level->block = query;
        level->first = level->first == TOKENS_BLOCK_NONE ? query : level->first;
        if (level->set_ops > 0) {
            pass->tokens->blocks[query].parent = level->first;
        }
    }
}

/* A name as the grammar would read it: folded, or unquoted. */
static char *pass_name(struct pass *pass, size_t index) {
    struct slice text = pass_text(pass, index);
    char *name = sql_alloc(pass->context, text.length + 1);
    size_t length = 0;
    bool quoted = text.length >= 2 && text.bytes[0] == '"';
    for (size_t i = quoted ? 1 : 0; i < text.length - (quoted ? 1 : 0); i++) {
        uint8_t byte = text.bytes[i];
        if (!quoted && byte >= 'A' && byte <= 'Z') {
            byte = (uint8_t)(byte + 32);
        } else if (quoted && byte == '"') {
            i++;
        }
        name[length++] = (char)byte;
    }
    name[length] = 0;
    return name;
}

/* The grammar would cut a longer name in silence, and two names could become one. */
static void pass_check_name(struct pass *pass) {
    const PgQuery__ScanToken *token = pass->list[pass->at];
    if (token->end - token->start <= TOKENS_NAME_BYTES_MAX) {
        return;
    }
    const char *name = pass_name(pass, pass->at);
    if (strlen(name) > TOKENS_NAME_BYTES_MAX) {
        sql_raise(pass->context, KMB_NAME_TOO_LONG, pass_position(pass, pass->at),
                  "name \"%.32s...\" is longer than %d bytes", name, TOKENS_NAME_BYTES_MAX);
    }
}

static uint32_t hex_value(struct slice text, size_t from, size_t digits) {
    uint32_t value = 0;
    for (size_t i = from; i < from + digits && i < text.length; i++) {
        uint32_t byte = text.bytes[i];
        value = value * 16 + (byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
    }
    return value;
}

/* The same for U&"...": bytes of the name, its escapes read. The scanner says where it begins, not where it ends. */
static void pass_check_unicode_name(struct pass *pass) {
    size_t start = (size_t)pass->list[pass->at]->start;
    struct slice text = slice_make(pass->tokens->text + start, pass->tokens->length - start);
    uint8_t escape = '\\';
    if (pass_kind(pass, pass->at + 1) == TOKEN(UESCAPE) && pass_kind(pass, pass->at + 2) == TOKEN(SCONST)) {
        escape = pass_text(pass, pass->at + 2).bytes[1];
    }
    size_t bytes = 0;
    for (size_t i = 3; i + 1 < text.length;) {
        bool doubled = text.bytes[i + 1] == text.bytes[i];
        if (text.bytes[i] == '"' && !doubled) {
            break;
        }
        if (text.bytes[i] == '"' || (text.bytes[i] == escape && doubled)) {
            bytes++;
            i += 2;
        } else if (text.bytes[i] == escape) {
            bool six = text.bytes[i + 1] == '+';
            uint32_t code = hex_value(text, i + (six ? 2 : 1), six ? 6 : 4);
            bool half = code >= 0xd800 && code < 0xe000; /* of a pair, which is four bytes together */
            bytes += code < 0x80 ? 1 : code < 0x800 || half ? 2 : code < 0x10000 ? 3 : 4;
            i += six ? 8 : 5;
        } else {
            bytes++;
            i++;
        }
    }
    if (bytes > TOKENS_NAME_BYTES_MAX) {
        sql_raise(pass->context, KMB_NAME_TOO_LONG, pass_position(pass, pass->at),
                  "name %.32s...\" is longer than %d bytes", (const char *)text.bytes, TOKENS_NAME_BYTES_MAX);
    }
}

/* Whether a value may end with the token before this one: a ? behind it is jsonb's operator, not a place for a
 * parameter. */
static bool pass_ends_operand(const struct pass *pass) {
    if (pass->at == 0) {
        return false;
    }
    const PgQuery__ScanToken *before = pass->list[pass->at - 1];
    switch ((int)before->token) {
    case TOKEN(IDENT):
    case TOKEN(UIDENT):
    case TOKEN(SCONST):
    case TOKEN(USCONST):
    case TOKEN(ICONST):
    case TOKEN(FCONST):
    case TOKEN(PARAM):
    case TOKEN(ASCII_41): /* ) */
    case TOKEN(ASCII_93): /* ] */
    case TOKEN(END_P):    /* of CASE */
    case TOKEN(NULL_P):
        return true;
    default:
        return before->keyword_kind == PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD;
    }
}

static void pass_token(struct pass *pass) {
    if (travel_clause(pass)) {
        return;
    }
    travel_follow(pass);
    struct level *level = &pass->levels[pass->depth];
    PgQuery__Token token = pass_kind(pass, pass->at);
    switch ((int)token) {
    case TOKEN(ASCII_40):
        pass_open(pass);
        break;
    case TOKEN(ASCII_41):
        pass_close(pass);
        break;
    case TOKEN(ASCII_44):
        level->chain = 0;
        break;
    case TOKEN(SELECT):
        pass_select(pass);
        break;
    case TOKEN(TABLE):
        if (pass_table_query(pass)) {
            pass_select(pass);
        }
        break;
    case TOKEN(WITH):
        pass_with(pass);
        break;
    case TOKEN(UNION):
    case TOKEN(EXCEPT):
    case TOKEN(INTERSECT):
        pass_set_operation(pass);
        break;
    case TOKEN(FOR): {
        PgQuery__Token next = pass_kind(pass, pass->at + 1);
        if (pass->tokens->locking == 0 &&
            (next == TOKEN(UPDATE) || next == TOKEN(SHARE) || next == TOKEN(NO) || next == TOKEN(KEY))) {
            pass->tokens->locking = pass_position(pass, pass->at);
        }
        break;
    }
    case TOKEN(CURRENT_P):
        if (pass_kind(pass, pass->at + 1) == TOKEN(OF)) {
            pass->tokens->current_of = pass_position(pass, pass->at);
        }
        break;
    case TOKEN(ORDER):
    case TOKEN(LIMIT):
    case TOKEN(OFFSET):
    case TOKEN(FETCH):
        level->set_tail = level->set_ops > 0;
        break;
    case TOKEN(RETURNING):
        level->closed = pass->depth == 0;
        break;
    case TOKEN(CONFLICT):
        level->closed = pass->depth == 0 && pass->at > 0 && pass_kind(pass, pass->at - 1) == TOKEN(ON);
        break;
    case TOKEN(IDENT):
        pass_check_name(pass);
        break;
    case TOKEN(UIDENT):
        pass_check_unicode_name(pass);
        break;
    case TOKEN(ASCII_63):
    case TOKEN(Op):
        if (pass_word(pass, pass->at, "?") && !pass_ends_operand(pass)) {
            sql_raise_with(pass->context, KMB_SYNTAX, pass_position(pass, pass->at), NULL,
                           "Number the parameters: $1, $2, ...", "unsupported placeholder format: ?");
        }
        break;
    case TOKEN(NOT):
        if (++pass->not_count > TOKENS_NOT_MAX) {
            pass_complex(pass, pass->at, "not_tokens", pass->not_count, TOKENS_NOT_MAX);
        }
        break;
    case TOKEN(PARAM):
        (void)pass_parameter(pass, pass->at);
        break;
    default:
        break;
    }
    if (token_nests(token)) {
        pass->levels[pass->depth].chain++;
    }
    pass_measure(pass);
}

static void pass_custom(struct pass *pass) {
    size_t count = pass->count;
    while (count > 0 && pass_kind(pass, count - 1) == TOKEN(ASCII_59)) {
        count--;
    }
    if (pass_kind(pass, 0) != TOKEN(SHOW)) {
        return;
    }
    if (count == 2 && pass_kind(pass, 1) == TOKEN(TABLES)) {
        pass->tokens->custom = TOKENS_CUSTOM_SHOW_TABLES;
    } else if (pass_kind(pass, 1) == TOKEN(COLUMNS)) {
        bool qualified = count == 6 && pass_kind(pass, 4) == TOKEN(ASCII_46);
        if ((count != 4 && !qualified) || pass_kind(pass, 2) != TOKEN(FROM)) {
            sql_raise_with(pass->context, KMB_SYNTAX, pass_position(pass, count > 2 ? 2 : count), NULL,
                           "Write SHOW COLUMNS FROM table.", "syntax error in SHOW COLUMNS");
        }
        pass->tokens->custom = TOKENS_CUSTOM_SHOW_COLUMNS;
        pass->tokens->custom_name = pass_name(pass, qualified ? 5 : 3);
        pass->tokens->custom_schema = qualified ? pass_name(pass, 3) : NULL;
        pass->tokens->custom_position = pass_position(pass, 3);
    }
}

void tokens_scan(struct sql_context *context, struct tokens *tokens) {
    *tokens = (struct tokens){.length = context->text_length};
    tokens->text = sql_alloc(context, context->text_length + 1);
    memcpy(tokens->text, context->text, context->text_length);
    tokens->text[context->text_length] = 0;
    PgQuery__ScanResult *scan = scan_tokens(context, tokens->text);
    struct pass *pass = sql_alloc_zero(context, 1, sizeof(*pass));
    *pass = (struct pass){.context = context, .tokens = tokens, .list = scan->tokens};
    for (size_t i = 0; i < scan->n_tokens; i++) {
        PgQuery__ScanToken *token = scan->tokens[i];
        if (token->token != TOKEN(SQL_COMMENT) && token->token != TOKEN(C_COMMENT)) {
            pass->list[pass->count++] = token;
        }
    }
    tokens->count = (uint32_t)pass->count;
    tokens->first = pass->count == 0 ? 0 : pass_position(pass, 0);
    pass->levels[0] = (struct level){.block = TOKENS_BLOCK_NONE, .first = TOKENS_BLOCK_NONE, .with = TOKENS_BLOCK_NONE};
    for (pass->at = 0; pass->at < pass->count; pass->at++) {
        pass_token(pass);
    }
    travel_resolve(pass);
    pass_custom(pass);
}
