/* Files of migrations. The checksum leaves the header out, so that an author may be added later. */
#include "cli/migration_file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "base/codec.h"
#include "base/io.h"
#include "cli/project.h"
#include "cli/splitter.h"
#include "crypto/hash.h"

#define DIGITS_MAX 19

void migrations_free(struct migrations *migrations) {
    for (size_t i = 0; i < migrations->count; i++) {
        buffer_free(&migrations->rows[i].up);
        buffer_free(&migrations->rows[i].down);
    }
    free(migrations->rows);
    *migrations = (struct migrations){0};
}

const struct migration *migrations_find(const struct migrations *migrations, uint64_t id) {
    for (size_t i = 0; i < migrations->count; i++) {
        if (migrations->rows[i].id == id) {
            return &migrations->rows[i];
        }
    }
    return NULL;
}

/* "0001_name.sql" -> 1, "0001", "name". false: it does not begin with a number and "_". */
static bool parse_name(const char *file, struct migration *migration) {
    size_t digits = strspn(file, "0123456789");
    size_t length = strlen(file) - strlen(".sql");
    if (digits == 0 || digits > DIGITS_MAX || file[digits] != '_' || length <= digits + 1 ||
        length - digits - 1 >= sizeof(migration->name)) {
        return false;
    }
    migration->id = strtoull(file, NULL, 10);
    snprintf(migration->version, sizeof(migration->version), "%.*s", (int)digits, file);
    snprintf(migration->name, sizeof(migration->name), "%.*s", (int)(length - digits - 1), file + digits + 1);
    snprintf(migration->file, sizeof(migration->file), "%s", file);
    return true;
}

static struct slice next_line(struct slice *text) {
    const uint8_t *end = memchr(text->bytes, '\n', text->length);
    size_t length = end == NULL ? text->length : (size_t)(end - text->bytes);
    struct slice line = slice_make(text->bytes, length);
    size_t skip = end == NULL ? length : length + 1;
    *text = slice_make(text->bytes + skip, text->length - skip);
    if (line.length > 0 && line.bytes[line.length - 1] == '\r') {
        line.length--;
    }
    return line;
}

static bool begins(struct slice line, const char *with) {
    size_t length = strlen(with);
    return line.length >= length && memcmp(line.bytes, with, length) == 0;
}

/* Blank, or a comment of one line: what a header is made of. */
static bool is_header(struct slice line) {
    size_t at = 0;
    while (at < line.length && (line.bytes[at] == ' ' || line.bytes[at] == '\t')) {
        at++;
    }
    return at == line.length || (line.length - at >= 2 && line.bytes[at] == '-' && line.bytes[at + 1] == '-');
}

static bool is_word(uint8_t byte) {
    return isalnum(byte) || byte == '_';
}

/* Moves behind a word in any case, and behind blanks before it. */
static bool take_word(struct slice line, size_t *at, const char *word) {
    size_t length = strlen(word);
    size_t from = *at;
    while (from < line.length && (line.bytes[from] == ' ' || line.bytes[from] == '\t')) {
        from++;
    }
    if (line.length - from < length || strncasecmp((const char *)line.bytes + from, word, length) != 0 ||
        (from + length < line.length && is_word(line.bytes[from + length]) && is_word((uint8_t)word[0]))) {
        return false;
    }
    *at = from + length;
    return true;
}

/* "-- Up Migration", in any case and with any blanks, and no words behind it: those make it a sentence of a comment. As
 * `create` writes it, it is one whatever follows. */
static bool is_marker(struct slice line, const char *kind, const char *written) {
    size_t at = 0;
    if (begins(line, written)) {
        return true;
    }
    if (!take_word(line, &at, "--") || !take_word(line, &at, kind) || !take_word(line, &at, "migration")) {
        return false;
    }
    while (at < line.length && !is_word(line.bytes[at])) {
        at++;
    }
    return at == line.length;
}

/* Whether a text has a statement, or only blanks and comments. */
static bool has_statement(const struct buffer *text) {
    struct splitter splitter = {0};
    struct slice statement;
    splitter_feed(&splitter, (const char *)text->bytes, text->length);
    bool any = splitter_next(&splitter, &statement) || splitter_rest(&splitter, &statement);
    splitter_free(&splitter);
    return any;
}

/* How often each stands in a file. */
struct markers {
    size_t up;
    size_t down;
};

static bool parse_text(struct slice text, struct migration *migration, struct markers *markers) {
    struct buffer summed = {0};
    struct buffer *part = &migration->up;
    bool header = true;
    while (text.length > 0) {
        struct slice line = next_line(&text);
        if (is_marker(line, "down", "-- Down Migration")) {
            part = &migration->down;
            markers->down++;
        } else if (is_marker(line, "up", "-- Up Migration")) {
            part = &migration->up;
            markers->up++;
        }
        if (header && begins(line, "-- Migration: ")) {
            struct slice name = slice_make(line.bytes + 14, line.length - 14);
            snprintf(migration->name, sizeof(migration->name), "%.*s", (int)(name.length > 250 ? 250 : name.length),
                     (const char *)name.bytes);
        }
        header = header && is_header(line);
        if (!header) {
            buffer_append_text(&summed, summed.length == 0 ? "" : "\n");
            buffer_append_slice(&summed, line);
        }
        buffer_append_slice(part, line);
        buffer_append_byte(part, '\n');
    }
    struct hash256 sum = hash_sha256(summed.bytes, summed.length);
    codec_hex(migration->checksum, sum.bytes, sizeof(sum.bytes));
    bool good = buffer_ok(&summed) && buffer_ok(&migration->up) && buffer_ok(&migration->down);
    buffer_free(&summed);
    migration->has_up = has_statement(&migration->up);
    migration->has_down = has_statement(&migration->down);
    return good;
}

/* What is up and what is down must not be guessed. */
static int check_markers(const char *path, const struct migration *migration, const struct markers *markers) {
    if (markers->up > 1 || markers->down > 1) {
        return cli_error(1, "%s has \"-- %s Migration\" twice", path, markers->up > 1 ? "Up" : "Down");
    }
    return markers->down == 1 && markers->up == 0 && !migration->has_up
               ? cli_error(1, "%s has \"-- Down Migration\", and nothing above it to take back", path)
               : 0;
}

static int read_one(const char *directory, const char *file, struct migration *migration) {
    struct io io = io_posix();
    struct buffer text = {0};
    struct kmb_error error = {0};
    char path[CLI_PATH_MAX];
    if (!parse_name(file, migration)) {
        cli_error(1, "%s/%s is no migration: its name must be a number, \"_\" and a name, as in 0001_add_patients.sql",
                  directory, file);
        return 1;
    }
    if (!project_join(path, directory, file)) {
        return project_too_long(directory);
    }
    int code = 0;
    struct markers markers = {0};
    if (io_read_file(&io, path, MIGRATION_SIZE_MAX, &text, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, path);
    } else if (!parse_text(buffer_slice(&text), migration, &markers)) {
        code = cli_error(1, "out of memory");
    } else {
        code = check_markers(path, migration, &markers);
    }
    buffer_free(&text);
    return code;
}

static int by_id(const void *a, const void *b) {
    const struct migration *left = a;
    const struct migration *right = b;
    return left->id < right->id ? -1 : left->id > right->id ? 1 : 0;
}

static int add(const char *directory, const char *file, struct migrations *migrations, size_t *room) {
    if (migrations->count == *room) {
        size_t more = *room == 0 ? 32 : *room * 2;
        void *rows = more > MIGRATIONS_MAX ? NULL : realloc(migrations->rows, more * sizeof(migrations->rows[0]));
        if (rows == NULL) {
            return cli_error(1, "out of memory, or more than %d migrations", MIGRATIONS_MAX);
        }
        migrations->rows = rows;
        *room = more;
    }
    struct migration *migration = &migrations->rows[migrations->count++];
    memset(migration, 0, sizeof(*migration));
    return read_one(directory, file, migration);
}

int migrations_read(const char *directory, struct migrations *migrations) {
    *migrations = (struct migrations){0};
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    size_t room = 0;
    int code = 0;
    if (listing == NULL) {
        return errno == ENOENT ? 0 : cli_error(1, "cannot read %s: %s", directory, strerror(errno));
    }
    while (code == 0 && (entry = readdir(listing)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length > 4 && length < 256 && entry->d_name[0] != '.' && strcmp(entry->d_name + length - 4, ".sql") == 0) {
            code = add(directory, entry->d_name, migrations, &room);
        }
    }
    closedir(listing);
    if (migrations->count > 0) {
        qsort(migrations->rows, migrations->count, sizeof(migrations->rows[0]), by_id);
    }
    for (size_t i = 1; code == 0 && i < migrations->count; i++) {
        if (migrations->rows[i].id == migrations->rows[i - 1].id) {
            code = cli_error(1, "two migrations have the number %llu: %s and %s",
                             (unsigned long long)migrations->rows[i].id, migrations->rows[i - 1].file,
                             migrations->rows[i].file);
        }
    }
    if (code != 0) {
        migrations_free(migrations);
    }
    return code;
}

/* --- a new one ---------------------------------------------------------------------------------------------------- */

static bool clean_name(const char *name, char clean[200]) {
    size_t out = 0;
    for (; *name != 0; name++) {
        bool upper = *name >= 'A' && *name <= 'Z';
        bool good =
            upper || (*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') || *name == '_' || *name == '-';
        if (!good || out + 1 >= 200) {
            return false;
        }
        clean[out++] = (char)(upper ? *name - 'A' + 'a' : *name);
    }
    clean[out] = 0;
    return out > 0;
}

int migration_make(const char *directory, const struct migrations *migrations, const char *name, bool by_time,
                   char path[CLI_PATH_MAX]) {
    char clean[200];
    char file[256];
    char number[24];
    char created[32];
    struct tm moment;
    time_t now = time(NULL);
    if (!clean_name(name, clean)) {
        return cli_error(2, "invalid name \"%.100s\": letters, digits, _ and -", name);
    }
    if (gmtime_r(&now, &moment) == NULL || strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &moment) == 0) {
        return cli_error(1, "cannot tell the time");
    }
    uint64_t last = migrations->count == 0 ? 0 : migrations->rows[migrations->count - 1].id;
    if (by_time) {
        strftime(number, sizeof(number), "%Y%m%d%H%M%S", &moment);
        if (strtoull(number, NULL, 10) <= last) { /* two in one second */
            snprintf(number, sizeof(number), "%llu", (unsigned long long)last + 1);
        }
    } else {
        snprintf(number, sizeof(number), "%04llu", (unsigned long long)last + 1);
    }
    snprintf(file, sizeof(file), "%s_%s.sql", number, clean);
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        return cli_error(1, "cannot make directory %s: %s", directory, strerror(errno));
    }
    if (!project_join(path, directory, file)) {
        return project_too_long(directory);
    }
    FILE *out = fopen(path, "wxe");
    if (out == NULL) {
        return cli_error(1, "cannot write %s: %s", path, strerror(errno));
    }
    bool failed = fprintf(out, "-- Migration: %s\n-- Created: %s\n\n-- Up Migration\n\n\n-- Down Migration\n\n", clean,
                          created) < 0;
    if (fclose(out) != 0 || failed) {
        return cli_error(1, "cannot write %s: %s", path, strerror(errno));
    }
    return 0;
}
