/*
 * What could stand at the cursor. Behind FROM, JOIN, INTO, UPDATE and TABLE a table; behind "name." a column of that
 * table, or of the one that the statement calls so, or a table of that schema; elsewhere a column of the statement's
 * tables, a table, a keyword. Names are asked of the database each time: the catalogue is in memory, and what a Tab
 * says is then what is there.
 *
 * A statement that is being typed does not parse, so its tables are found by looking at words: the one behind FROM,
 * JOIN, INTO or UPDATE, and the alias behind it.
 */
#include "cli/complete.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sql/func/keyword.h"

#define TABLES_MAX 16  /* of a statement that are looked at */
#define NAME_SIZE  128 /* longer names are not completed */

static const char *const keywords[] = {
    "ABORT",        "ADD",
    "ALL",          "ALTER",
    "ANALYZE",      "AND",
    "ANY",          "ARRAY",
    "AS",           "AS OF",
    "ASC",          "AT OFFSET",
    "BEGIN",        "BETWEEN",
    "BIGINT",       "BOOLEAN",
    "BY",           "BYTEA",
    "CASCADE",      "CASE",
    "CAST",         "CHAR",
    "CHECK",        "COALESCE",
    "COLUMN",       "COMMIT",
    "CONFLICT",     "CONSTRAINT",
    "COPY",         "COUNT",
    "CREATE",       "CROSS",
    "CURRENT_DATE", "CURRENT_TIMESTAMP",
    "CURSOR",       "DATE",
    "DECIMAL",      "DECLARE",
    "DEFAULT",      "DELETE",
    "DESC",         "DISTINCT",
    "DO",           "DOUBLE PRECISION",
    "DROP",         "ELSE",
    "END",          "ENUM",
    "EXCEPT",       "EXECUTE",
    "EXISTS",       "EXPLAIN",
    "FALSE",        "FETCH",
    "FILTER",       "FOREIGN",
    "FROM",         "FULL",
    "FUNCTION",     "GROUP",
    "HAVING",       "IDENTITY",
    "IF",           "ILIKE",
    "IN",           "INDEX",
    "INNER",        "INSERT",
    "INT",          "INTEGER",
    "INTERSECT",    "INTERVAL",
    "INTO",         "IS",
    "JOIN",         "JSON",
    "JSONB",        "KEY",
    "LATERAL",      "LEFT",
    "LIKE",         "LIMIT",
    "MATERIALIZED", "MAX",
    "MERGE",        "MIN",
    "NATURAL",      "NOT",
    "NULL",         "NULLS",
    "NUMERIC",      "OF",
    "OFFSET",       "ON",
    "OR",           "ORDER",
    "OUTER",        "OVER",
    "PARTITION",    "PREPARE",
    "PRIMARY",      "REAL",
    "RECURSIVE",    "REFERENCES",
    "RELEASE",      "RENAME",
    "RESTRICT",     "RETURNING",
    "RIGHT",        "ROLE",
    "ROLLBACK",     "ROW",
    "ROWS",         "SAVEPOINT",
    "SCHEMA",       "SELECT",
    "SEQUENCE",     "SERIALIZABLE",
    "SET",          "SHOW",
    "SMALLINT",     "SUM",
    "TABLE",        "TABLES",
    "TEXT",         "THEN",
    "TIME",         "TIMESTAMP",
    "TIMESTAMPTZ",  "TO",
    "TRANSACTION",  "TRUE",
    "TRUNCATE",     "TYPE",
    "UNION",        "UNIQUE",
    "UPDATE",       "USER",
    "USING",        "UUID",
    "VALUES",       "VARCHAR",
    "VIEW",         "WHEN",
    "WHERE",        "WINDOW",
    "WITH",         "AVG",
};
#define KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))
static const char *const commands[] = {"\\?",   "\\copy",   "\\d",     "\\dt",    "\\i",   "\\o",
                                       "\\q",   "\\timing", "\\x",     ".exit",   ".help", ".mode",
                                       ".quit", ".read",    ".schema", ".tables", ".timer"};

/* A table of the statement: its name as typed (without quotes, folded), its schema, what else it is called. */
struct named {
    char schema[NAME_SIZE];
    char table[NAME_SIZE];
    char alias[NAME_SIZE];
};

struct finder {
    kmb_session *names;
    struct completion *out;
    char prefix[NAME_SIZE]; /* what is typed of the word, as typed */
    struct named tables[TABLES_MAX];
    size_t table_count;
};

void completion_free(struct completion *completion) {
    for (size_t i = 0; i < completion->count; i++) {
        free(completion->words[i]);
    }
    free(completion->words);
    buffer_free(&completion->common);
    *completion = (struct completion){0};
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static bool in_word(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_' || character == '.' || character == '"' ||
           character == '$' || (unsigned char)character >= 0x80;
}

static void add(struct finder *finder, const char *word) {
    struct completion *out = finder->out;
    if (out->count == COMPLETE_MAX || strncasecmp(word, finder->prefix, strlen(finder->prefix)) != 0) {
        return;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (strcmp(out->words[i], word) == 0) {
            return;
        }
    }
    if (out->words == NULL) {
        out->words = calloc(COMPLETE_MAX, sizeof(*out->words));
    }
    if (out->words != NULL) {
        out->words[out->count] = strdup(word);
        out->count += out->words[out->count] != NULL;
    }
}

/* A name as SQL wants it written: in quotes where folding would change it. */
static void add_name(struct finder *finder, const char *before, const char *name) {
    char written[NAME_SIZE * 3];
    bool plain = name[0] < '0' || name[0] > '9';
    size_t out = (size_t)snprintf(written, NAME_SIZE, "%s", before);
    for (const char *at = name; *at != 0; at++) {
        plain = plain && ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_');
    }
    if (strlen(name) >= NAME_SIZE || out >= NAME_SIZE) {
        return;
    }
    if (plain) {
        snprintf(written + out, sizeof(written) - out, "%s", name);
    } else {
        written[out++] = '"';
        for (const char *at = name; *at != 0; at++) {
            if (*at == '"') {
                written[out++] = '"';
            }
            written[out++] = *at;
        }
        written[out++] = '"';
        written[out] = 0;
    }
    add(finder, written);
}

bool completion_knows(struct slice word) {
    for (size_t i = 0; i < KEYWORDS; i++) {
        if (strlen(keywords[i]) == word.length &&
            strncasecmp(keywords[i], (const char *)word.bytes, word.length) == 0) {
            return true;
        }
    }
    return false;
}

/* The first letter of the prefix says in which case the word is wanted. */
static void add_keyword(struct finder *finder, const char *keyword) {
    bool lower = finder->prefix[0] >= 'a' && finder->prefix[0] <= 'z';
    char word[32] = "";
    for (size_t i = 0; keyword[i] != 0 && i + 1 < sizeof(word); i++) {
        word[i] = (char)(lower ? tolower((unsigned char)keyword[i]) : toupper((unsigned char)keyword[i]));
    }
    add(finder, word);
}

/* The common words; where none of them fits, all of the grammar's. */
static void add_keywords(struct finder *finder) {
    size_t before = finder->out->count;
    for (size_t i = 0; i < KEYWORDS; i++) {
        add_keyword(finder, keywords[i]);
    }
    bool none = finder->out->count == before;
    for (size_t i = 0; none && sql_keyword_at(i) != NULL; i++) {
        add_keyword(finder, sql_keyword_at(i));
    }
}

/* --- the statement so far ----------------------------------------------------------------------------------------- */

/* The next word behind *at, folded and without quotes. false: the text ends. Other characters stand for themselves. */
static bool next_word(struct slice text, size_t *at, char word[NAME_SIZE]) {
    size_t out = 0;
    while (*at < text.length && strchr(" \t\r\n", (char)text.bytes[*at]) != NULL) {
        ++*at;
    }
    if (*at == text.length) {
        return false;
    }
    if (!in_word((char)text.bytes[*at])) {
        word[0] = (char)text.bytes[(*at)++];
        word[1] = 0;
        return true;
    }
    bool quoted = false;
    for (; *at < text.length && (quoted || in_word((char)text.bytes[*at])); ++*at) {
        char character = (char)text.bytes[*at];
        if (character == '"') {
            quoted = !quoted;
        } else if (out + 1 < NAME_SIZE) {
            word[out++] = (char)(!quoted && character >= 'A' && character <= 'Z' ? character - 'A' + 'a' : character);
        }
    }
    word[out] = 0;
    return true;
}

static bool is_one_of(const char *word, const char *const *words) {
    for (; *words != NULL; words++) {
        if (strcmp(word, *words) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const table_words[] = {"from", "join", "into", "update", "table", "truncate", NULL};
static const char *const no_alias[] = {"where", "on",    "using", "join", "left",   "right", "inner", "cross",   "full",
                                       "order", "group", "limit", "set",  "values", "as",    "union", "natural", NULL};

static void note_table(struct finder *finder, const char *word, const char *alias) {
    if (finder->table_count == TABLES_MAX) {
        return;
    }
    struct named *named = &finder->tables[finder->table_count++];
    const char *dot = strchr(word, '.');
    snprintf(named->schema, sizeof(named->schema), "%.*s", dot == NULL ? 0 : (int)(dot - word), word);
    snprintf(named->table, sizeof(named->table), "%s", dot == NULL ? word : dot + 1);
    snprintf(named->alias, sizeof(named->alias), "%s", alias);
}

/* Notes the tables of a text; last: its last whole word, folded. */
static void look_at(struct finder *finder, struct slice text, char last[NAME_SIZE]) {
    char word[NAME_SIZE];
    char next[NAME_SIZE];
    size_t at = 0;
    while (next_word(text, &at, word)) {
        bool table = is_one_of(last, table_words) && in_word(word[0]) && strcmp(word, "if") != 0;
        snprintf(last, NAME_SIZE, "%s", word);
        if (table) {
            size_t ahead = at;
            bool more = next_word(text, &ahead, next);
            if (more && strcmp(next, "as") == 0) {
                more = next_word(text, &ahead, next);
            }
            note_table(finder, word, more && in_word(next[0]) && !is_one_of(next, no_alias) ? next : "");
        }
    }
}

/* --- names of the database ---------------------------------------------------------------------------------------- */

/* Runs a query of one or two columns of texts; each row's texts are put together "first.second" by `each`. */
static void ask(struct finder *finder, const char *sql, const char *one, const char *two,
                void (*each)(struct finder *finder, const char *first, const char *second)) {
    kmb_statement *statement = NULL;
    if (finder->names == NULL || kmb_prepare(finder->names, sql, strlen(sql), &statement, NULL, NULL) != KMB_OK) {
        return;
    }
    bool bound = (one == NULL || kmb_bind_text(statement, 1, one, strlen(one), NULL) == KMB_OK) &&
                 (two == NULL || kmb_bind_text(statement, 2, two, strlen(two), NULL) == KMB_OK);
    while (bound && kmb_step(statement, NULL) == KMB_ROW) {
        char first[NAME_SIZE];
        const char *text = kmb_column_text(statement, 0, NULL);
        snprintf(first, sizeof(first), "%s", text == NULL ? "" : text);
        text = kmb_column_count(statement) > 1 ? kmb_column_text(statement, 1, NULL) : NULL;
        each(finder, first, text);
    }
    kmb_finalize(statement);
}

static void add_table(struct finder *finder, const char *schema, const char *table) {
    char before[NAME_SIZE];
    bool public = strcmp(schema, "public") == 0;
    snprintf(before, sizeof(before), "%.*s.", NAME_SIZE - 2, schema);
    add_name(finder, public ? "" : before, table);
}

static void add_tables(struct finder *finder) {
    ask(finder,
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', "
        "'information_schema') ORDER BY table_schema <> 'public', table_schema, table_name",
        NULL, NULL, add_table);
}

static void add_plain(struct finder *finder, const char *name, const char *second) {
    (void)second;
    add_name(finder, "", name);
}

static void add_columns(struct finder *finder, const struct named *named) {
    ask(finder,
        "SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND ($2 = '' OR table_schema = $2) "
        "ORDER BY ordinal_position",
        named->table, named->schema, add_plain);
}

/* Behind "name.": columns of the table called so, else tables of the schema. The word then begins behind the dot. */
static void add_members(struct finder *finder, const char *qualifier) {
    struct named direct = {0};
    for (size_t i = 0; i < finder->table_count; i++) {
        const struct named *named = &finder->tables[i];
        if (strcasecmp(named->alias, qualifier) == 0 || strcasecmp(named->table, qualifier) == 0) {
            add_columns(finder, named);
        }
    }
    snprintf(direct.table, sizeof(direct.table), "%s", qualifier);
    add_columns(finder, &direct);
    ask(finder, "SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY table_name",
        qualifier, NULL, add_plain);
}

/* --- behind commands ---------------------------------------------------------------------------------------------- */

static const char formats[] = "table csv tsv json ndjson";

static void add_words(struct finder *finder, const char *words) {
    char word[16];
    for (size_t length; *words != 0; words += length + (words[length] != 0)) {
        length = strcspn(words, " ");
        snprintf(word, sizeof(word), "%.*s", (int)length, words);
        add(finder, word);
    }
}

/* Names of the directory that the prefix is in. */
static void add_files(struct finder *finder) {
    char directory[NAME_SIZE];
    char path[NAME_SIZE + 256];
    const char *slash = strrchr(finder->prefix, '/');
    int length = slash == NULL ? 0 : (int)(slash - finder->prefix) + 1;
    snprintf(directory, sizeof(directory), "%.*s", length, finder->prefix);
    DIR *listing = opendir(length == 0 ? "." : directory);
    const struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s%s%s", directory, entry->d_name, entry->d_type == DT_DIR ? "/" : "");
            add(finder, path);
        }
    }
    if (listing != NULL) {
        closedir(listing);
    }
}

/* --- all together ------------------------------------------------------------------------------------------------- */

static void find_common(struct completion *completion) {
    if (completion->count == 0) {
        return;
    }
    size_t length = strlen(completion->words[0]);
    for (size_t i = 1; i < completion->count; i++) {
        size_t same = 0;
        while (same < length && completion->words[i][same] == completion->words[0][same]) {
            same++;
        }
        length = same;
    }
    buffer_append(&completion->common, completion->words[0], length);
}

/* What can stand behind a command of the shell. */
static void find_argument(struct finder *finder, struct slice line) {
    static const struct {
        const char *command;
        const char *words; /* "": tables; NULL: files */
    } arguments[] = {{"\\d ", ""},      {".schema ", ""},   {"\\copy ", ""},         {"\\i ", NULL},
                     {".read ", NULL},  {"\\x ", "on off"}, {"\\timing ", "on off"}, {".timer ", "on off"},
                     {"\\o ", formats}, {".mode ", formats}};
    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
        size_t length = strlen(arguments[i].command);
        if (line.length < length || strncasecmp((const char *)line.bytes, arguments[i].command, length) != 0) {
            continue;
        }
        if (arguments[i].words == NULL) {
            add_files(finder);
        } else if (arguments[i].words[0] == 0) {
            add_tables(finder);
        } else {
            add_words(finder, arguments[i].words);
        }
    }
}

void completion_find(kmb_session *names, struct slice before, struct slice line, struct completion *completion) {
    struct finder finder = {.names = names, .out = completion};
    char last[NAME_SIZE] = "";
    char qualifier[NAME_SIZE] = "";
    size_t start = line.length;
    *completion = (struct completion){0};
    while (start > 0 && in_word((char)line.bytes[start - 1])) {
        start--;
    }
    if (start == 1 && before.length == 0 && line.bytes[0] == '\\') {
        start = 0;
    }
    bool behind_command = before.length == 0 && start > 0 && (line.bytes[0] == '\\' || line.bytes[0] == '.');
    while (behind_command && start > 0 && line.bytes[start - 1] != ' ') { /* of a file, a word is more */
        start--;
    }
    struct slice word = slice_make(line.bytes + start, line.length - start);
    completion->start = start;
    if (word.length >= NAME_SIZE) {
        return;
    }
    snprintf(finder.prefix, sizeof(finder.prefix), "%.*s", (int)word.length, (const char *)word.bytes);
    if (before.length == 0 && start == 0 && (finder.prefix[0] == '\\' || finder.prefix[0] == '.')) {
        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
            add(&finder, commands[i]);
        }
        find_common(completion);
        return;
    }
    if (behind_command) {
        find_argument(&finder, line);
        find_common(completion);
        return;
    }
    look_at(&finder, before, last);
    look_at(&finder, slice_make(line.bytes, start), last);
    const char *dot = strrchr(finder.prefix, '.');
    if (dot != NULL) {
        size_t at = 0;
        (void)next_word(slice_make(finder.prefix, (size_t)(dot - finder.prefix)), &at, qualifier);
        completion->start += (size_t)(dot + 1 - finder.prefix);
        memmove(finder.prefix, dot + 1, strlen(dot + 1) + 1);
        add_members(&finder, qualifier);
    } else if (is_one_of(last, table_words)) {
        add_tables(&finder);
    } else {
        for (size_t i = 0; i < finder.table_count; i++) {
            add_columns(&finder, &finder.tables[i]);
        }
        add_tables(&finder);
        if (finder.prefix[0] != 0) {
            add_keywords(&finder);
        }
    }
    find_common(completion);
}
