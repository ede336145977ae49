/*
 * Time travel in the tokens: the clauses themselves, where they stand, and what each binds.
 *
 * A clause right behind a table reference belongs to that reference alone where the writing says so: it stands before
 * the reference's alias, another reference of the same FROM follows it, or the query block has other clauses. Any other
 * clause binds its query block, that is all references and inner queries in it that have no clause of their own. Which
 * of them it is can only be told when the whole statement has been seen, so clauses are gathered with their places and
 * resolved at the end. A reference is known by the place of its name; a query in parentheses by its outermost block,
 * which is put into a block of its own that carries the clause.
 *
 * UPDATE ... FROM, DELETE ... USING and MERGE ... USING have references too, and no block: a clause right behind one of
 * them is always its own. Anywhere else in them it would be the target's, whose past is not to be changed.
 *
 * FOR SYSTEM_TIME with a range is no moment but a table of versions; it always belongs to the reference before it.
 */
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "sql/parse/pass.h"

/* --- following FROM --- */

/* The block that a clause on this level belongs to; NONE: it is for a level further out. */
static uint32_t level_block(const struct level *level) {
    if (level->with != TOKENS_BLOCK_NONE && (level->set_ops == 0 || level->set_tail)) {
        return level->with;
    }
    return level->set_tail ? level->first : level->block;
}

/* The same for the current place. *level is where it was found. */
static uint32_t travel_block(const struct pass *pass, const struct level **level) {
    uint32_t depth = pass->depth;
    uint32_t block = level_block(&pass->levels[depth]);
    while (block == TOKENS_BLOCK_NONE && depth > 0) {
        block = level_block(&pass->levels[--depth]); /* FROM (a JOIN b AT OFFSET 5): outside the parentheses */
    }
    *level = &pass->levels[depth];
    return block;
}

/* Another reference of the FROM begins: the clauses before it are followed. */
static void travel_next_item(struct pass *pass) {
    const struct level *level = NULL;
    uint32_t block = travel_block(pass, &level);
    for (uint32_t i = 0; i < pass->travel_count; i++) {
        if (pass->travels[i].block == block) {
            pass->travels[i].followed = true;
        }
    }
    pass->levels[pass->depth].from = PASS_FROM_EXPECTS;
}

static void travel_begin_item(struct pass *pass) {
    struct level *level = &pass->levels[pass->depth];
    switch ((int)pass_kind(pass, pass->at)) {
    case TOKEN(LATERAL_P):
    case TOKEN(ONLY):
    case TOKEN(ASCII_40): /* the level that opens says what it is */
        break;
    default: {
        bool functions = pass_kind(pass, pass->at) == TOKEN(ROWS) && pass_kind(pass, pass->at + 1) == TOKEN(FROM);
        level->from = PASS_FROM_ITEM;
        level->item = (struct pass_item){.kind = PASS_ITEM_NAME,
                                         .position = pass_position(pass, functions ? pass->at + 3 : pass->at)};
        break;
    }
    }
}

/* Whether a statement that writes begins with the current token: at the start, behind EXPLAIN, WITH (...), PREPARE AS.
 */
static bool travel_write_begins(const struct pass *pass) {
    const struct level *level = &pass->levels[pass->depth];
    if (level->selected || level->write != TOKEN(NUL)) {
        return false;
    }
    switch (pass->at == 0 ? (int)TOKEN(NUL) : (int)pass_kind(pass, pass->at - 1)) {
    case TOKEN(NUL):
    case TOKEN(EXPLAIN):
    case TOKEN(ANALYZE):
    case TOKEN(VERBOSE):
    case TOKEN(AS):
    case TOKEN(ASCII_40):
    case TOKEN(ASCII_41):
        return true;
    default:
        return false;
    }
}

/* FROM or USING, at which the references of a statement begin. */
static bool travel_references_begin(const struct pass *pass) {
    const struct level *level = &pass->levels[pass->depth];
    bool distinct = pass->at > 1 && pass_kind(pass, pass->at - 1) == TOKEN(DISTINCT) &&
                    (pass_kind(pass, pass->at - 2) == TOKEN(IS) || pass_kind(pass, pass->at - 2) == TOKEN(NOT));
    if (level->from != PASS_FROM_NONE) {
        return false;
    }
    return pass_kind(pass, pass->at) == TOKEN(USING) ? level->write == TOKEN(DELETE_P) || level->write == TOKEN(MERGE)
                                                     : !distinct && (level->selected || level->write == TOKEN(UPDATE));
}

void travel_follow(struct pass *pass) {
    struct level *level = &pass->levels[pass->depth];
    PgQuery__Token token = pass_kind(pass, pass->at);
    level->brackets += token == TOKEN(ASCII_91);
    level->brackets -= token == TOKEN(ASCII_93) && level->brackets > 0;
    if (level->from == PASS_FROM_EXPECTS && token != TOKEN(ASCII_41)) {
        travel_begin_item(pass);
        return;
    }
    switch ((int)token) {
    case TOKEN(UPDATE):
    case TOKEN(DELETE_P):
    case TOKEN(MERGE):
        level->write = travel_write_begins(pass) ? token : level->write;
        break;
    case TOKEN(FROM):
        level->from = travel_references_begin(pass) ? PASS_FROM_EXPECTS : level->from;
        break;
    case TOKEN(JOIN):
    case TOKEN(ASCII_44):
        if (level->from != PASS_FROM_NONE && level->brackets == 0) {
            travel_next_item(pass);
        }
        break;
    case TOKEN(ON):
    case TOKEN(USING):
        level->from = token == TOKEN(USING) && travel_references_begin(pass) ? PASS_FROM_EXPECTS
                      : level->from == PASS_FROM_NONE                        ? PASS_FROM_NONE
                                                                             : PASS_FROM_CONDITION;
        break;
    case TOKEN(WHEN): /* of a MERGE, or of a CASE in what is a condition already */
        level->from = level->write == TOKEN(MERGE) ? PASS_FROM_NONE : level->from;
        break;
    case TOKEN(WHERE):
    case TOKEN(GROUP_P):
    case TOKEN(HAVING):
    case TOKEN(WINDOW):
    case TOKEN(ORDER):
    case TOKEN(LIMIT):
    case TOKEN(OFFSET):
    case TOKEN(FETCH):
    case TOKEN(FOR):
    case TOKEN(CONFLICT):
    case TOKEN(RETURNING):
        level->from = PASS_FROM_NONE;
        break;
    default:
        break;
    }
}

/* --- values --- */

/* The value of AT OFFSET and AS OF POSITION: a whole number or a parameter. */
static void travel_position(struct pass *pass, size_t index, struct tokens_point *point) {
    point->kind = TOKENS_POSITION;
    point->position = pass_position(pass, index);
    PgQuery__Token kind = pass_kind(pass, index);
    if (kind == TOKEN(PARAM)) {
        point->parameter = pass_parameter(pass, index);
        return;
    }
    bool number = kind == TOKEN(ICONST) || kind == TOKEN(FCONST);
    struct slice text = number ? pass_text(pass, index) : slice_make(NULL, 0);
    for (size_t i = 0; number && i < text.length; i++) {
        uint8_t digit = text.bytes[i];
        if (digit < '0' || digit > '9' || point->offset > (uint64_t)(INT64_MAX - (digit - '0')) / 10) {
            number = false;
            break;
        }
        point->offset = point->offset * 10 + (uint64_t)(digit - '0');
    }
    if (!number) {
        sql_raise_with(pass->context, KMB_SYNTAX, point->position, NULL,
                       "Write AT OFFSET n or AS OF POSITION n, with n a count of events such as 0 or 1000, or $1.",
                       "a position must be a non-negative integer or a parameter");
    }
}

/* The content of a string token, its quotes removed, in the arena. */
static struct slice travel_string(struct pass *pass, size_t index) {
    struct slice text = pass_text(pass, index);
    uint8_t *content = sql_alloc(pass->context, text.length + 1);
    size_t length = 0;
    size_t from = 0;
    while (from < text.length && text.bytes[from] != '\'' && text.bytes[from] != '$') {
        from++; /* the E of E'...' */
    }
    if (from < text.length && text.bytes[from] == '$') {
        size_t tag = from + 1;
        while (tag < text.length && text.bytes[tag] != '$') {
            tag++;
        }
        tag += 1 - from;
        ASSERT(text.length >= from + 2 * tag);
        return slice_make(text.bytes + from + tag, text.length - from - 2 * tag);
    }
    bool plain = true;
    for (size_t i = from + 1; i + 1 < text.length; i++) {
        content[length++] = text.bytes[i];
        if (text.bytes[i] == '\'') {
            plain = plain && text.bytes[i + 1] == '\'' && i + 2 < text.length;
            i++;
        } else if (text.bytes[i] == '\\') {
            plain = plain && from == 0;
        }
    }
    if (!plain) { /* E'\061', or pieces on several lines */
        sql_raise_unsupported(pass->context, pass_position(pass, index), "an escape or a continued string here");
    }
    return slice_make(content, length);
}

/* A cast behind a time, as drivers write one that put values into the text: '...'::timestamptz. It says what is meant
 * anyway. Answers the last token of the value. */
static size_t travel_cast(const struct pass *pass, size_t index) {
    static const char *const types[] = {"timestamptz", "date", "text"};
    if (pass_kind(pass, index + 1) != TOKEN(TYPECAST)) {
        return index;
    }
    if (pass_kind(pass, index + 2) == TOKEN(TIMESTAMP)) {
        bool zoned = pass_kind(pass, index + 4) == TOKEN(TIME) && pass_kind(pass, index + 5) == TOKEN(ZONE);
        return index + (zoned ? 5 : 2); /* WITH and WITHOUT alike */
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct slice word = pass_text(pass, index + 2);
        if (word.length == strlen(types[i]) && strncasecmp((const char *)word.bytes, types[i], word.length) == 0) {
            return index + 2;
        }
    }
    return index;
}

/* Answers the last token of the value. */
static size_t travel_time(struct pass *pass, size_t index, struct tokens_point *point) {
    point->kind = TOKENS_TIME;
    point->position = pass_position(pass, index);
    if (pass_kind(pass, index) == TOKEN(PARAM)) {
        point->parameter = pass_parameter(pass, index);
    } else if (pass_kind(pass, index) == TOKEN(SCONST)) {
        point->literal = arena_dup_slice(&pass->context->arena, travel_string(pass, index));
    } else {
        sql_raise_with(pass->context, KMB_SYNTAX, point->position, NULL,
                       "Write AS OF TIMESTAMP '2025-01-31T12:00:00Z', or a parameter.",
                       "a time to read at must be a string or a parameter");
    }
    return travel_cast(pass, index);
}

/* What follows AS OF, at `index`: fills the point and answers the index of its last token, or 0 when this AS OF is
 * not ours. `must`: FOR SYSTEM_TIME came before, so it is. */
static size_t travel_as_of(struct pass *pass, size_t index, bool must, struct tokens_point *point) {
    switch ((int)pass_kind(pass, index)) {
    case TOKEN(SCONST):
    case TOKEN(PARAM):
        return travel_time(pass, index, point);
    case TOKEN(TIMESTAMP):
        return travel_time(pass, index + 1, point);
    case TOKEN(POSITION):
        travel_position(pass, index + 1, point);
        return index + 1;
    case TOKEN(SYSTEM_P):
        if (pass_kind(pass, index + 1) == TOKEN(TIME)) {
            return travel_time(pass, index + 2, point);
        }
        break;
    default:
        break;
    }
    if (must) {
        (void)travel_time(pass, index, point); /* raises */
    }
    return 0;
}

/* An end of a range, at `index`: a whole number or POSITION is a position, all else a time. Answers its last token. */
static size_t travel_range_end(struct pass *pass, size_t index, struct tokens_point *point) {
    switch ((int)pass_kind(pass, index)) {
    case TOKEN(POSITION):
        travel_position(pass, index + 1, point);
        return index + 1;
    case TOKEN(ICONST):
    case TOKEN(FCONST):
        travel_position(pass, index, point);
        return index;
    case TOKEN(TIMESTAMP):
        return travel_time(pass, index + 1, point);
    default:
        return travel_time(pass, index, point);
    }
}

/* --- recognising --- */

/* Tokens after which AT is a name, not the beginning of AT OFFSET. */
static bool token_forbids_at(PgQuery__Token before) {
    switch ((int)before) {
    case TOKEN(AS):
    case TOKEN(ASCII_46): /* . */
    case TOKEN(ASCII_44): /* , */
    case TOKEN(SELECT):
    case TOKEN(BY):
    case TOKEN(WHERE):
    case TOKEN(ON):
    case TOKEN(AND):
    case TOKEN(OR):
    case TOKEN(NOT):
    case TOKEN(ASCII_40): /* ( */
        return true;
    default:
        return token_is_operator(before);
    }
}

static bool travel_writes(const struct pass *pass) {
    switch ((int)pass_verb(pass)) {
    case TOKEN(INSERT):
    case TOKEN(UPDATE):
    case TOKEN(DELETE_P):
    case TOKEN(MERGE):
    case TOKEN(TRUNCATE):
        return true;
    default:
        return false;
    }
}

static _Noreturn void travel_refuse_place(struct pass *pass, uint32_t position, const char *message) {
    if (travel_writes(pass)) {
        sql_raise_with(pass->context, KMB_HISTORY_READ_ONLY, position, NULL,
                       "History is immutable; write to the present and read the past with SELECT.",
                       "Cannot modify historical data");
    }
    sql_raise(pass->context, KMB_SYNTAX, position, "%s", message);
}

static void travel_add_range(struct pass *pass, struct tokens_range range) {
    struct tokens *tokens = pass->tokens;
    const struct level *level = &pass->levels[pass->depth];
    if (level->from != PASS_FROM_ITEM || level->item.kind != PASS_ITEM_NAME) {
        travel_refuse_place(pass, range.position, "a range of FOR SYSTEM_TIME must stand right behind a table");
    }
    range.reference = level->item.position;
    if (tokens_range_at(tokens, range.reference) != NULL) {
        sql_raise(pass->context, KMB_SYNTAX, range.position, "a table can have one range of FOR SYSTEM_TIME only");
    }
    if (tokens->range_count == pass->range_capacity) {
        pass->range_capacity = pass->range_capacity == 0 ? 4 : pass->range_capacity * 2;
        struct tokens_range *grown = sql_alloc(pass->context, pass->range_capacity * sizeof(*grown));
        if (tokens->range_count > 0) {
            memcpy(grown, tokens->ranges, tokens->range_count * sizeof(*grown));
        }
        tokens->ranges = grown;
    }
    tokens->ranges[tokens->range_count++] = range;
}

/* FROM a TO b, BETWEEN a AND b, ALL at `index` behind FOR SYSTEM_TIME: answers the last token. */
static size_t travel_range(struct pass *pass, size_t index) {
    struct tokens_range range = {.position = pass_position(pass, pass->at)};
    PgQuery__Token first = pass_kind(pass, index);
    if (first == TOKEN(ALL)) {
        range.kind = TOKENS_RANGE_ALL;
        travel_add_range(pass, range);
        return index;
    }
    range.kind = first == TOKEN(FROM) ? TOKENS_RANGE_FROM : TOKENS_RANGE_BETWEEN;
    size_t at = index + 1;
    if (range.kind == TOKENS_RANGE_BETWEEN && pass_kind(pass, at) == TOKEN(SYMMETRIC)) {
        sql_raise_unsupported(pass->context, range.position, "FOR SYSTEM_TIME BETWEEN SYMMETRIC");
    }
    at += range.kind == TOKENS_RANGE_BETWEEN && pass_kind(pass, at) == TOKEN(ASYMMETRIC);
    at = travel_range_end(pass, at, &range.low) + 1;
    if (pass_kind(pass, at) != (range.kind == TOKENS_RANGE_FROM ? TOKEN(TO) : TOKEN(AND))) {
        sql_raise_with(pass->context, KMB_SYNTAX, pass_position(pass, at), NULL,
                       "Write FOR SYSTEM_TIME FROM a TO b, or BETWEEN a AND b, with times or positions.",
                       "syntax error in FOR SYSTEM_TIME");
    }
    at = travel_range_end(pass, at + 1, &range.high);
    if (range.low.kind != range.high.kind) {
        sql_raise(pass->context, KMB_SYNTAX, range.high.position,
                  "both ends of a range must be times, or both positions");
    }
    travel_add_range(pass, range);
    return at;
}

/* FOR SYSTEM_TIME ...: answers the last token's index, 0 when it is not a clause. */
static size_t travel_system_time(struct pass *pass, struct tokens_clause *clause, bool *range) {
    size_t at = pass->at;
    if (pass_kind(pass, at + 1) != TOKEN(IDENT) || !pass_word(pass, at + 1, "system_time") ||
        pass->levels[pass->depth].substring) {
        return 0;
    }
    switch ((int)pass_kind(pass, at + 2)) {
    case TOKEN(AS):
        if (pass_kind(pass, at + 3) == TOKEN(OF)) {
            return travel_as_of(pass, at + 4, true, &clause->point);
        }
        break;
    case TOKEN(FROM):
    case TOKEN(BETWEEN):
    case TOKEN(ALL):
        *range = true;
        return travel_range(pass, at + 2);
    case TOKEN(IDENT):
        if (pass_word(pass, at + 2, "contained")) {
            sql_raise_unsupported(pass->context, pass_position(pass, at), "FOR SYSTEM_TIME CONTAINED IN");
        }
        break;
    default:
        break;
    }
    sql_raise(pass->context, KMB_SYNTAX, pass_position(pass, at),
              "FOR SYSTEM_TIME must be followed by AS OF, FROM, BETWEEN or ALL");
}

static void travel_blank(struct pass *pass, size_t first, size_t last) {
    for (int32_t i = pass->list[first]->start; i < pass->list[last]->end; i++) {
        char *byte = &pass->tokens->text[i];
        if (*byte != '\n') {
            *byte = ' ';
        }
    }
}

/* Whether a reference's alias begins here. */
static bool travel_alias_at(const struct pass *pass, size_t index) {
    PgQuery__Token token = pass_kind(pass, index);
    if (token == TOKEN(AS)) {
        return pass_kind(pass, index + 1) != TOKEN(OF);
    }
    if (token == TOKEN(AT)) {
        return pass_kind(pass, index + 1) != TOKEN(OFFSET);
    }
    if (index >= pass->count) {
        return false;
    }
    PgQuery__KeywordKind kind = pass->list[index]->keyword_kind;
    return token == TOKEN(IDENT) || token == TOKEN(UIDENT) || kind == PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD ||
           kind == PG_QUERY__KEYWORD_KIND__COL_NAME_KEYWORD;
}

/* Whether the references of this level are those of a statement that writes, by themselves or in parentheses. */
static bool travel_is_source(const struct pass *pass) {
    uint32_t depth = pass->depth;
    while (depth > 0 && pass->levels[depth].item_opened && pass->levels[depth].first == TOKENS_BLOCK_NONE) {
        depth--;
    }
    return pass->levels[depth].write != TOKEN(NUL);
}

/* Keeps a clause with its place, or says why it can not stand there. */
static void travel_add(struct pass *pass, struct tokens_clause clause, size_t last) {
    const struct level *around = NULL;
    const struct level *level = &pass->levels[pass->depth];
    uint32_t block = travel_block(pass, &around);
    bool attached = level->from == PASS_FROM_ITEM;
    bool alone = attached && travel_is_source(pass);
    if (!alone && (block == TOKENS_BLOCK_NONE || around->closed)) {
        travel_refuse_place(pass, clause.position, "time-travel clause outside a SELECT");
    }
    if (pass->travel_count == pass->travel_capacity) {
        pass->travel_capacity = pass->travel_capacity == 0 ? 4 : pass->travel_capacity * 2;
        struct pass_travel *grown = sql_alloc(pass->context, pass->travel_capacity * sizeof(*grown));
        if (pass->travel_count > 0) {
            memcpy(grown, pass->travels, pass->travel_count * sizeof(*grown));
        }
        pass->travels = grown;
    }
    pass->travels[pass->travel_count++] = (struct pass_travel){
        .clause = clause,
        .block = alone ? TOKENS_BLOCK_NONE : block,
        .attached = attached,
        .alone = alone,
        .item = level->item,
        .before_alias = attached && travel_alias_at(pass, last + 1),
    };
}

bool travel_clause(struct pass *pass) {
    struct tokens_clause clause = {.position = pass_position(pass, pass->at)};
    size_t at = pass->at;
    size_t last = 0;
    bool range = false;
    switch ((int)pass_kind(pass, at)) {
    case TOKEN(AT):
        if (pass_kind(pass, at + 1) == TOKEN(OFFSET) && at > 0 && !token_forbids_at(pass_kind(pass, at - 1))) {
            travel_position(pass, at + 2, &clause.point);
            last = at + 2;
        }
        break;
    case TOKEN(AS):
        if (pass_kind(pass, at + 1) == TOKEN(OF)) {
            last = travel_as_of(pass, at + 2, false, &clause.point);
        }
        break;
    case TOKEN(FOR):
        last = travel_system_time(pass, &clause, &range);
        break;
    default:
        break;
    }
    if (last == 0) {
        return false;
    }
    if (!range) {
        travel_add(pass, clause, last);
    }
    travel_blank(pass, at, last);
    pass->at = last;
    return true;
}

/* --- what each binds --- */

void travel_to_branch(struct pass *pass, uint32_t block, uint32_t branch) {
    for (uint32_t i = 0; i < pass->travel_count && block != TOKENS_BLOCK_NONE; i++) {
        if (pass->travels[i].block == block) {
            pass->travels[i].block = branch;
        }
    }
}

bool tokens_point_same(const struct tokens_point *a, const struct tokens_point *b) {
    return a->kind == b->kind && a->parameter == b->parameter && a->offset == b->offset &&
           slice_equal(a->literal, b->literal);
}

static void travel_check_same(struct pass *pass, const struct tokens_clause *a, const struct tokens_clause *b) {
    if (!tokens_point_same(&a->point, &b->point)) {
        sql_raise_with(pass->context, KMB_UNSUPPORTED, b->position, NULL,
                       "Put each clause right behind the table it is for.", "Cross-temporal joins not supported");
    }
}

static void bind_block(struct pass *pass, uint32_t block, uint32_t clause) {
    struct tokens *tokens = pass->tokens;
    struct tokens_block *owner = &tokens->blocks[block];
    if (owner->clause == TOKENS_CLAUSE_NONE) {
        owner->clause = clause;
    } else {
        travel_check_same(pass, &tokens->clauses[owner->clause], &tokens->clauses[clause]);
    }
}

/* The clause of a reference alone. */
static void bind_reference(struct pass *pass, const struct pass_travel *travel, uint32_t clause) {
    struct tokens *tokens = pass->tokens;
    for (uint32_t i = 0; i < clause; i++) { /* t AT OFFSET 5 AS a AT OFFSET 6 */
        if (pass->travels[i].attached && pass->travels[i].item.position == travel->item.position) {
            travel_check_same(pass, &tokens->clauses[i], &tokens->clauses[clause]);
        }
    }
    switch (travel->item.kind) {
    case PASS_ITEM_NAME:
        tokens->clauses[clause].reference = travel->item.position;
        break;
    case PASS_ITEM_QUERY: {
        uint32_t around = pass_add_block(pass, 0, tokens->blocks[travel->item.block].parent);
        tokens->blocks[travel->item.block].parent = around;
        tokens->blocks[around].clause = clause;
        break;
    }
    case PASS_ITEM_GROUP:
        sql_raise_unsupported(pass->context, tokens->clauses[clause].position,
                              "a time-travel clause for a join in parentheses alone");
    }
}

void travel_resolve(struct pass *pass) {
    struct tokens *tokens = pass->tokens;
    tokens->clause_count = pass->travel_count;
    tokens->clauses = sql_alloc_zero(pass->context, pass->travel_count + 1, sizeof(*tokens->clauses));
    for (uint32_t i = 0; i < pass->travel_count; i++) {
        const struct pass_travel *travel = &pass->travels[i];
        tokens->clauses[i] = travel->clause;
        tokens->clauses[i].behind = travel->attached && travel->item.kind == PASS_ITEM_NAME ? travel->item.position : 0;
    }
    for (uint32_t i = 0; i < pass->travel_count; i++) {
        const struct pass_travel *travel = &pass->travels[i];
        uint32_t in_block = 0;
        for (uint32_t k = 0; k < pass->travel_count; k++) {
            in_block += pass->travels[k].block == travel->block;
        }
        if (travel->alone || (travel->attached && (travel->before_alias || travel->followed || in_block > 1))) {
            bind_reference(pass, travel, i);
        } else {
            bind_block(pass, travel->block, i);
        }
    }
}

/* --- asking --- */

const struct tokens_clause *tokens_clause_of(const struct tokens *tokens, uint32_t position) {
    uint32_t nearest = TOKENS_BLOCK_NONE;
    for (uint32_t i = 0; i < tokens->block_count; i++) {
        uint32_t select = tokens->blocks[i].select;
        if (select != 0 && select < position &&
            (nearest == TOKENS_BLOCK_NONE || select > tokens->blocks[nearest].select)) {
            nearest = i;
        }
    }
    for (uint32_t block = nearest; block != TOKENS_BLOCK_NONE; block = tokens->blocks[block].parent) {
        if (tokens->blocks[block].clause != TOKENS_CLAUSE_NONE) {
            return &tokens->clauses[tokens->blocks[block].clause];
        }
    }
    return NULL;
}

const struct tokens_clause *tokens_clause_at(const struct tokens *tokens, uint32_t reference) {
    for (uint32_t i = 0; i < tokens->clause_count && reference != 0; i++) {
        if (tokens->clauses[i].reference == reference) {
            return &tokens->clauses[i];
        }
    }
    return NULL;
}

const struct tokens_range *tokens_range_at(const struct tokens *tokens, uint32_t reference) {
    for (uint32_t i = 0; i < tokens->range_count; i++) {
        if (tokens->ranges[i].reference == reference) {
            return &tokens->ranges[i];
        }
    }
    return NULL;
}
