/*
 * Runs sqllogictest files against the library: build/slt [--repeat N] [--first SQL] [--differs FILE] [--record FILE]
 * [--check FILE] FILE...
 *
 * The format is SQLite's (records `statement`, `query`, `hash-threshold`, `halt`, conditions `onlyif` / `skipif`); this
 * runner answers to the name postgresql. Every file runs on a database of its own in a fresh directory.
 *
 * A record passes, fails, or is refused: the database said 0A000, feature not supported. The first refused `statement`
 * ends its file, and all that is left of it counts as refused, since nothing after it means what its author meant. A
 * refused `statement error` is refused, not passed. --differs names records (`file:line` of the record's first line, a
 * tab, anything) on which PostgreSQL itself differs from the expected result: those must differ here too.
 *
 * --repeat N runs each query that changes nothing N times, with other numbers in it before the last: what is compared
 * comes from a plan that was kept of them.
 * --first runs a statement before each file, a SET for example.
 * --record writes `file passed refused` lines; --check compares with such a file and fails where fewer pass or more are
 * refused. Exit 0: no failure; 1: failures; 2: usage.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kimberlite.h"

#define LABEL              "postgresql"
#define FAILURES_SHOWN_MAX 20

struct text {
    char *bytes;
    size_t length;
    size_t capacity;
};

struct list { /* values of one result, each a string of its own */
    char **items;
    size_t count;
    size_t capacity;
};

struct tally {
    uint64_t passed;
    uint64_t failed;
    uint64_t refused;
};

struct differs {
    char **keys; /* "dir/file.test:12" */
    size_t count;
};

struct run {
    const char *path;
    const char *name; /* path below the corpus, as the lists name it */
    char **lines;
    size_t line_count;
    size_t at;
    size_t hash_threshold;
    kmb_session *session;
    const struct differs *differs;
    struct tally tally;
    bool ended;
};

static void *must(void *memory) {
    if (memory == NULL) {
        fprintf(stderr, "slt: out of memory\n");
        exit(1);
    }
    return memory;
}

static void text_add(struct text *text, const char *bytes, size_t length) {
    if (text->length + length + 1 > text->capacity) {
        text->capacity = (text->length + length + 1) * 2;
        text->bytes = must(realloc(text->bytes, text->capacity));
    }
    if (length != 0) {
        memcpy(text->bytes + text->length, bytes, length);
    }
    text->length += length;
    text->bytes[text->length] = 0;
}

static void list_add(struct list *list, const char *item) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        list->items = must(realloc(list->items, list->capacity * sizeof(char *)));
    }
    list->items[list->count++] = must(strdup(item));
}

static void list_free(struct list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (struct list){0};
}

static char **read_lines(const char *path, size_t *count) {
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "slt: cannot open %s: %s\n", path, strerror(errno));
        exit(2);
    }
    char **lines = NULL;
    size_t capacity = 0;
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    *count = 0;
    while ((length = getline(&line, &room, file)) >= 0) {
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) {
            line[--length] = 0;
        }
        if (*count == capacity) {
            capacity = capacity == 0 ? 1024 : capacity * 2;
            lines = must(realloc(lines, capacity * sizeof(char *)));
        }
        lines[(*count)++] = must(strdup(line));
    }
    free(line);
    fclose(file);
    return lines;
}

static void free_lines(char **lines, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(lines[i]);
    }
    free(lines);
}

/* The n-th blank-separated word of a line, "" when there is none. */
static const char *word(const char *line, unsigned n, char *room, size_t size) {
    for (unsigned i = 0;; i++) {
        line += strspn(line, " \t");
        size_t length = strcspn(line, " \t");
        if (length == 0 || *line == '#') {
            room[0] = 0;
            return room;
        }
        if (i == n) {
            snprintf(room, size, "%.*s", (int)length, line);
            return room;
        }
        line += length;
    }
}

static bool differs_has(const struct run *run, size_t line) {
    char key[512];
    snprintf(key, sizeof(key), "%s:%zu", run->name, line);
    for (size_t i = 0; i < run->differs->count; i++) {
        if (strcmp(run->differs->keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* Books the outcome of the record that began at `line`; `why` says what a failure was. */
static void book(struct run *run, size_t line, bool passed, const char *sql, const char *why) {
    bool expected = !differs_has(run, line);
    if (passed == expected) {
        run->tally.passed++;
        return;
    }
    run->tally.failed++;
    if (run->tally.failed <= FAILURES_SHOWN_MAX) {
        printf("%s:%zu: %s\n    %.300s\n", run->name, line, passed ? "passed, but is listed as differing" : why, sql);
    }
}

/* One value in the corpus's printed form. */
static void list_add_value(struct list *list, kmb_statement *statement, uint32_t column, char kind) {
    if (kmb_column_is_null(statement, column)) {
        list_add(list, "NULL");
        return;
    }
    enum kmb_type type = kmb_column_type(statement, column);
    size_t length = 0;
    const char *text = kmb_column_text(statement, column, &length);
    char number[64];
    if (kind == 'I') {
        if (type == KMB_TYPE_BOOLEAN) {
            list_add(list, kmb_column_bool(statement, column) ? "1" : "0");
        } else if (type == KMB_TYPE_REAL || type == KMB_TYPE_DOUBLE) {
            snprintf(number, sizeof(number), "%" PRId64, (int64_t)kmb_column_double(statement, column));
            list_add(list, number);
        } else {
            snprintf(number, sizeof(number), "%lld", strtoll(text, NULL, 10));
            list_add(list, number);
        }
    } else if (kind == 'R') {
        snprintf(number, sizeof(number), "%.3f", strtod(text, NULL));
        list_add(list, number);
    } else if (length == 0) {
        list_add(list, "(empty)");
    } else {
        char *copy = must(strdup(text));
        for (char *c = copy; *c != 0; c++) {
            if ((unsigned char)*c < ' ' || (unsigned char)*c > '~') {
                *c = '@';
            }
        }
        list_add(list, copy);
        free(copy);
    }
}

static int compare_items(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t sort_width;
static int compare_rows(const void *a, const void *b) {
    char *const *left = a;
    char *const *right = b;
    for (size_t i = 0; i < sort_width; i++) {
        int order = strcmp(left[i], right[i]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static void hash_values(const struct list *values, char hex[33]) {
    EVP_MD_CTX *md = must(EVP_MD_CTX_new());
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestInit_ex(md, EVP_md5(), NULL);
    for (size_t i = 0; i < values->count; i++) {
        EVP_DigestUpdate(md, values->items[i], strlen(values->items[i]));
        EVP_DigestUpdate(md, "\n", 1);
    }
    EVP_DigestFinal_ex(md, digest, &size);
    EVP_MD_CTX_free(md);
    for (unsigned i = 0; i < 16; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
}

/* The lines of SQL up to "----", an empty line or the end; leaves run->at on that line. */
static void read_sql(struct run *run, struct text *sql) {
    while (run->at < run->line_count && run->lines[run->at][0] != 0 && strcmp(run->lines[run->at], "----") != 0) {
        if (sql->length != 0) {
            text_add(sql, "\n", 1);
        }
        text_add(sql, run->lines[run->at], strlen(run->lines[run->at]));
        run->at++;
    }
    text_add(sql, "", 0);
}

static void skip_record(struct run *run) {
    while (run->at < run->line_count && run->lines[run->at][0] != 0) {
        run->at++;
    }
}

static void statement_record(struct run *run, size_t line, bool expect_error) {
    struct text sql = {0};
    struct kmb_error error = {0};
    read_sql(run, &sql);
    skip_record(run);
    enum kmb_status status = kmb_exec(run->session, sql.bytes, &error);
    if (status == KMB_UNSUPPORTED && !differs_has(run, line)) {
        printf("%s:%zu: refused, the file ends here: %s\n", run->name, line, error.message);
        run->tally.refused++;
        run->ended = true;
    } else {
        char why[1000];
        snprintf(why, sizeof(why), "statement %s: %s", expect_error ? "did not fail" : "failed", error.message);
        book(run, line, (status != KMB_OK) == expect_error, sql.bytes, why);
    }
    free(sql.bytes);
}

static enum kmb_status query_rows(struct run *run, const char *sql, const char *kinds, struct list *values,
                                  struct kmb_error *error) {
    kmb_statement *statement = NULL;
    const char *tail = NULL;
    enum kmb_status status = kmb_prepare(run->session, sql, strlen(sql), &statement, &tail, error);
    if (status != KMB_OK) {
        return status;
    }
    uint32_t columns = kmb_column_count(statement);
    if (columns != strlen(kinds)) {
        snprintf(error->message, sizeof(error->message), "%u columns, %zu expected", columns, strlen(kinds));
        kmb_finalize(statement);
        return KMB_INTERNAL;
    }
    while ((status = kmb_step(statement, error)) == KMB_ROW) {
        for (uint32_t i = 0; i < columns; i++) {
            list_add_value(values, statement, i, kinds[i]);
        }
    }
    kmb_finalize(statement);
    return status == KMB_DONE ? KMB_OK : status;
}

/* Compares with the expected lines, from run->at on; fills why where they differ. */
static bool result_matches(struct run *run, const struct list *values, char *why, size_t why_size) {
    const char *expected = run->at < run->line_count ? run->lines[run->at] : "";
    const char *hashing = strstr(expected, " values hashing to ");
    if (hashing != NULL) {
        char hex[33];
        hash_values(values, hex);
        bool matches =
            strtoull(expected, NULL, 10) == values->count && strcmp(hashing + strlen(" values hashing to "), hex) == 0;
        snprintf(why, why_size, "got %zu values hashing to %s, expected %s", values->count, hex, expected);
        return matches;
    }
    for (size_t i = 0;; i++) {
        bool more = run->at + i < run->line_count && run->lines[run->at + i][0] != 0;
        if (!more || i == values->count) {
            snprintf(why, why_size, "got %zu values, expected %s", values->count, more ? "more" : "fewer");
            return !more && i == values->count;
        }
        if (strcmp(values->items[i], run->lines[run->at + i]) != 0) {
            snprintf(why, why_size, "value %zu is %s, expected %s", i + 1, values->items[i], run->lines[run->at + i]);
            return false;
        }
    }
}

static unsigned repeats = 1;

/* Whether a query may be run more than once. */
static bool changes_nothing(const char *sql) {
    static const char *const words[] = {"insert", "update", "delete", "merge", "nextval", "setval", "fetch", "execute"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasestr(sql, words[i]) != NULL) {
            return false;
        }
    }
    return true;
}

/* The query with other numbers, as many digits long. */
static void other_numbers(char *sql, unsigned by) {
    bool quoted = false;
    bool in_word = false;
    for (char *at = sql; *at != 0; at++) {
        quoted = quoted != (*at == '\'' || *at == '"');
        if (!quoted && !in_word && *at >= '0' && *at <= '9') {
            *at = (char)('1' + (*at - '0' + (int)by) % 9);
        }
        in_word = isalnum((unsigned char)*at) || *at == '_' || *at == '.';
    }
}

static void query_record(struct run *run, size_t line, const char *kinds, const char *sort) {
    struct text sql = {0};
    struct list values = {0};
    struct kmb_error error = {0};
    char why[1200];
    read_sql(run, &sql);
    if (run->at < run->line_count && strcmp(run->lines[run->at], "----") == 0) {
        run->at++;
    }
    bool repeat =
        changes_nothing(sql.bytes) && !kmb_session_in_transaction(run->session, NULL); /* an error would end it */
    for (unsigned i = 1; i < repeats && repeat; i++) {
        char *other = strdup(sql.bytes);
        other_numbers(other, i);
        (void)query_rows(run, other, kinds, &values, &error);
        list_free(&values);
        values = (struct list){0};
        free(other);
    }
    enum kmb_status status = query_rows(run, sql.bytes, kinds, &values, &error);
    if (status == KMB_UNSUPPORTED && !differs_has(run, line)) {
        run->tally.refused++;
    } else if (status != KMB_OK) {
        snprintf(why, sizeof(why), "query failed: %s %s", kmb_status_name(status), error.message);
        book(run, line, false, sql.bytes, why);
    } else {
        if (values.count == 0) {
            /* nothing to sort */
        } else if (strcmp(sort, "valuesort") == 0) {
            qsort(values.items, values.count, sizeof(char *), compare_items);
        } else if (strcmp(sort, "rowsort") == 0) {
            sort_width = strlen(kinds);
            qsort(values.items, values.count / sort_width, sort_width * sizeof(char *), compare_rows);
        }
        bool matches = result_matches(run, &values, why, sizeof(why));
        book(run, line, matches, sql.bytes, why);
    }
    skip_record(run);
    list_free(&values);
    free(sql.bytes);
}

/* One record or control line; conditions before it have been weighed by the caller. line: where it or they began. */
static void record(struct run *run, size_t line, bool skip) {
    char first[64], second[64], third[64];
    const char *text = run->lines[run->at++];
    word(text, 0, first, sizeof(first));
    word(text, 1, second, sizeof(second));
    word(text, 2, third, sizeof(third));
    bool statement = strcmp(first, "statement") == 0;
    if (!statement && strcmp(first, "query") != 0) {
        if (strcmp(first, "hash-threshold") == 0) {
            run->hash_threshold = strtoull(second, NULL, 10);
        } else if (strcmp(first, "halt") == 0 && !skip) {
            run->at = run->line_count;
        } else if (first[0] != 0 && strcmp(first, "halt") != 0) {
            printf("%s:%zu: unknown record \"%s\"\n", run->name, line, first);
            run->tally.failed++;
        }
        return;
    }
    if (skip) {
        skip_record(run);
    } else if (run->ended) {
        run->tally.refused++;
        skip_record(run);
    } else if (statement) {
        statement_record(run, line, strcmp(second, "error") == 0);
    } else {
        query_record(run, line, second, third);
    }
}

static void run_lines(struct run *run) {
    bool skip = false;
    size_t begun = 0; /* line of the first condition, 0: none yet */
    while (run->at < run->line_count) {
        const char *line = run->lines[run->at];
        char first[64], second[64];
        word(line, 0, first, sizeof(first));
        word(line, 1, second, sizeof(second));
        if (first[0] == 0) {
            run->at++;
        } else if (strcmp(first, "onlyif") == 0 || strcmp(first, "skipif") == 0) {
            bool me = strcmp(second, LABEL) == 0;
            skip = skip || me == (first[0] == 's');
            run->at++;
            begun = begun == 0 ? run->at : begun;
        } else {
            record(run, begun == 0 ? run->at + 1 : begun, skip);
            skip = false;
            begun = 0;
        }
    }
}

static void remove_tree(const char *path) {
    char command[4200];
    snprintf(command, sizeof(command), "rm -rf '%s' '%s.key'", path, path);
    if (system(command) != 0) {
        fprintf(stderr, "slt: could not remove %s\n", path);
    }
}

static struct tally run_file(const char *path, const char *name, const char *first, const struct differs *differs) {
    const char *base = getenv("TMPDIR");
    char directory[1024];
    if (base == NULL) {
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    int length = snprintf(directory, sizeof(directory), "%s/kmb-slt-XXXXXX", base);
    if (length < 0 || (size_t)length >= sizeof(directory) || mkdtemp(directory) == NULL) {
        fprintf(stderr, "slt: cannot make a directory below %s: %s\n", base, strerror(errno));
        exit(1);
    }
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE, .segment_bytes = 4 << 20};
    struct kmb_error error = {0};
    struct run run = {.path = path, .name = name, .differs = differs};
    kmb_db *db = NULL;
    char data[1024 + 8];
    snprintf(data, sizeof(data), "%s/data", directory);
    if (kmb_open(data, &options, &db, &error) != KMB_OK || kmb_session_open(db, 1, &run.session, &error) != KMB_OK ||
        (first != NULL && kmb_exec(run.session, first, &error) != KMB_OK)) {
        fprintf(stderr, "slt: cannot open a database in %s: %s\n", directory, error.message);
        exit(1);
    }
    run.lines = read_lines(path, &run.line_count);
    run_lines(&run);
    free_lines(run.lines, run.line_count);
    kmb_session_close(run.session);
    if (kmb_close(db, &error) != KMB_OK) {
        printf("%s: closing failed: %s\n", name, error.message);
        run.tally.failed++;
    }
    remove_tree(directory);
    return run.tally;
}

static void read_differs(const char *path, struct differs *differs) {
    size_t count = 0;
    char **lines = read_lines(path, &count);
    for (size_t i = 0; i < count; i++) {
        lines[i][strcspn(lines[i], "\t")] = 0;
    }
    differs->keys = lines;
    differs->count = count;
}

/* Does the record of an earlier run (`name passed refused` lines) allow this tally? */
static bool check_recorded(const char *path, const char *name, const struct tally *tally) {
    size_t count = 0;
    bool fine = true;
    char **lines = read_lines(path, &count);
    for (size_t i = 0; i < count; i++) {
        char known[512], passed[32], refused[32];
        word(lines[i], 0, known, sizeof(known));
        word(lines[i], 1, passed, sizeof(passed));
        word(lines[i], 2, refused, sizeof(refused));
        if (strcmp(known, name) == 0) {
            if (tally->passed < strtoull(passed, NULL, 10)) {
                printf("%s: %" PRIu64 " passed, %s before\n", name, tally->passed, passed);
                fine = false;
            }
            if (tally->refused > strtoull(refused, NULL, 10)) {
                printf("%s: %" PRIu64 " refused, %s before\n", name, tally->refused, refused);
                fine = false;
            }
        }
    }
    free_lines(lines, count);
    return fine;
}

int main(int argc, char **argv) {
    const char *differs_path = NULL;
    const char *record_path = NULL;
    const char *check_path = NULL;
    const char *root = "";
    const char *first = NULL;
    const char *repeat = NULL;
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        const char **target = strcmp(argv[at], "--differs") == 0  ? &differs_path
                              : strcmp(argv[at], "--record") == 0 ? &record_path
                              : strcmp(argv[at], "--check") == 0  ? &check_path
                              : strcmp(argv[at], "--root") == 0   ? &root
                              : strcmp(argv[at], "--first") == 0  ? &first
                              : strcmp(argv[at], "--repeat") == 0 ? &repeat
                                                                  : NULL;
        if (target == NULL) {
            break;
        }
        *target = argv[at + 1];
    }
    if (at >= argc || strncmp(argv[at], "--", 2) == 0) {
        fprintf(stderr, "usage: slt [--repeat N] [--first SQL] [--differs FILE] [--record FILE] [--check FILE] [--root "
                        "DIR] FILE...\n"
                        "  --root DIR: names in the lists are paths below DIR\n");
        return 2;
    }
    repeats = repeat == NULL ? 1 : (unsigned)strtoul(repeat, NULL, 10);
    struct differs differs = {0};
    if (differs_path != NULL) {
        read_differs(differs_path, &differs);
    }
    FILE *recording = record_path == NULL ? NULL : fopen(record_path, "w");
    if (record_path != NULL && recording == NULL) {
        fprintf(stderr, "slt: cannot write %s: %s\n", record_path, strerror(errno));
        return 2;
    }
    struct tally total = {0};
    bool fine = true;
    for (; at < argc; at++) {
        const char *name = argv[at];
        size_t prefix = strlen(root);
        if (prefix != 0 && strncmp(name, root, prefix) == 0) {
            name += prefix;
            name += strspn(name, "/");
        }
        struct tally tally = run_file(argv[at], name, first, &differs);
        printf("%-45s %7" PRIu64 " passed %6" PRIu64 " failed %6" PRIu64 " refused\n", name, tally.passed, tally.failed,
               tally.refused);
        fflush(stdout);
        if (recording != NULL) {
            fprintf(recording, "%s %" PRIu64 " %" PRIu64 "\n", name, tally.passed, tally.refused);
        }
        fine = fine && tally.failed == 0 && (check_path == NULL || check_recorded(check_path, name, &tally));
        total.passed += tally.passed;
        total.failed += tally.failed;
        total.refused += tally.refused;
    }
    printf("%-45s %7" PRIu64 " passed %6" PRIu64 " failed %6" PRIu64 " refused\n", "total", total.passed, total.failed,
           total.refused);
    if (recording != NULL && fclose(recording) != 0) {
        fprintf(stderr, "slt: cannot write %s: %s\n", record_path, strerror(errno));
        fine = false;
    }
    free_lines(differs.keys, differs.count);
    return fine ? 0 : 1;
}
