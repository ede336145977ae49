/*
 * kimberlite import of NDJSON. The engine takes an object apart (json_populate_record), so that a value becomes what
 * SQL says it becomes and a number passes through no float. Here only the keys of the object are read: they are the
 * columns, and what an object does not have gets its default.
 *
 * Objects of the same keys in a row use one prepared statement. Ten thousand rows are one transaction; one that is
 * refused is run again row by row, so that the error names the line.
 */
#include "cli/import_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/import_table.h"
#include "types/json.h"
#include "types/utf8.h"

#define BATCH_ROWS  10000u
#define BATCH_BYTES ((size_t)16 << 20)

struct line {
    size_t at, length; /* in text */
    uint64_t number;
};

struct load {
    const struct cli_options *options;
    kmb_session *session;
    FILE *source; /* what was opened */
    FILE *file;   /* what is read: the source, or what was kept of it and the rest */
    FILE *reject;
    struct buffer ahead; /* of a stream: read for inference, not yet taken */
    size_t ahead_at;
    struct buffer text; /* of the batch */
    struct line *lines;
    uint32_t count;
    struct buffer keys; /* that the statement was made for */
    kmb_statement *statement;
    uint64_t rows, rejected, durable;
    struct cli_progress progress;
};

bool import_json_wanted(const struct cli_options *options) {
    const char *name = options->argument_count == 0 ? "" : options->arguments[0];
    const char *dot = strrchr(name, '.');
    if (options->config_format != NULL) {
        return strcmp(options->config_format, "ndjson") == 0;
    }
    return dot != NULL && (strcmp(dot, ".ndjson") == 0 || strcmp(dot, ".jsonl") == 0);
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static unsigned hex4(const uint8_t *digits) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        value = value * 16 + (unsigned)(digits[i] <= '9' ? digits[i] - '0' : (digits[i] & 7) + 9);
    }
    return value;
}

/* Appends the JSON text's content (without quotes, valid) to out, as an SQL name in quotes. */
static void append_name(struct buffer *out, struct slice text) {
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        uint8_t bytes[4] = {text.bytes[i]};
        size_t count = 1;
        if (text.bytes[i] == '\\' && text.bytes[i + 1] == 'u') {
            uint32_t code = hex4(text.bytes + i + 2);
            i += 5;
            if (code >= 0xd800 && code < 0xdc00 && i + 6 < text.length) { /* the second half follows: it is valid */
                code = 0x10000 + ((code - 0xd800) << 10) + (hex4(text.bytes + i + 3) - 0xdc00);
                i += 6;
            }
            count = utf8_encode(code, bytes);
        } else if (text.bytes[i] == '\\') {
            const char *found = strchr(letters, (char)text.bytes[++i]);
            bytes[0] = found == NULL ? text.bytes[i] : (uint8_t)meanings[found - letters];
        }
        for (size_t j = 0; j < count; j++) {
            if (bytes[j] == '"') {
                buffer_append_byte(out, '"');
            }
            buffer_append_byte(out, bytes[j]);
        }
    }
    buffer_append_byte(out, '"');
}

/* The end of the JSON text that begins (with its quote) at `at`; the document is valid. */
static size_t text_end(struct slice json, size_t at) {
    for (at++; json.bytes[at] != '"'; at++) {
        at += json.bytes[at] == '\\' ? 1 : 0;
    }
    return at;
}

/* The names of an object's members, as a list of SQL names. The text is valid JSON. false: it is no object. */
static bool object_names(struct slice json, struct buffer *names) {
    size_t at = 0;
    unsigned depth = 0;
    bool key = true;
    while (at < json.length && strchr(" \t\r\n", (char)json.bytes[at]) != NULL) {
        at++;
    }
    if (at == json.length || json.bytes[at] != '{') {
        return false;
    }
    for (; at < json.length; at++) {
        char character = (char)json.bytes[at];
        if (character == '"') {
            size_t end = text_end(json, at);
            if (depth == 1 && key) {
                buffer_append_text(names, names->length == 0 ? "" : ", ");
                append_name(names, slice_make(json.bytes + at + 1, end - at - 1));
                key = false;
            }
            at = end;
        } else if (character == '{' || character == '[') {
            depth++;
        } else if (character == '}' || character == ']') {
            depth--;
        } else if (character == ',' && depth == 1) {
            key = true;
        }
    }
    return true;
}

/* --- one row ------------------------------------------------------------------------------------------------------ */

/* A member of the row's object, as an expression: "($1::json -> 'key')". */
static void append_member(struct buffer *sql, const char *arrow, struct slice name) {
    buffer_printf(sql, "($1::json %s '", arrow);
    for (size_t i = 1; i + 1 < name.length; i++) { /* between the quotes of the SQL name */
        i += name.bytes[i] == '"' ? 1 : 0;         /* doubled in it */
        if (name.bytes[i] == '\'') {
            buffer_append_byte(sql, '\'');
        }
        buffer_append_byte(sql, name.bytes[i]);
    }
    buffer_append_text(sql, "')");
}

/* What a member becomes in a column of a type. Texts of limited length get no cast: an assignment refuses what is too
 * long, where a cast would cut it. */
static void append_value(struct buffer *sql, struct slice name, enum kmb_type type, const char *type_name) {
    bool text = type == KMB_TYPE_TEXT || type == KMB_TYPE_VARCHAR || type == KMB_TYPE_CHAR;
    if (type == KMB_TYPE_JSON || type == KMB_TYPE_JSONB) {
        buffer_append_text(sql, "CASE WHEN json_typeof");
        append_member(sql, "->", name);
        buffer_append_text(sql, " <> 'null' THEN ");
        append_member(sql, "->", name);
        buffer_printf(sql, "::%s END", type_name);
        return;
    }
    if (type == KMB_TYPE_ARRAY) { /* as a JSON array, or as PostgreSQL writes one */
        buffer_append_text(sql, "CASE json_typeof");
        append_member(sql, "->", name);
        buffer_append_text(sql, " WHEN 'array' THEN ARRAY(SELECT json_array_elements_text");
        append_member(sql, "->", name);
        buffer_printf(sql, ")::text[]::%s ELSE ", type_name);
    }
    append_member(sql, "->>", name);
    if (!text) {
        buffer_printf(sql, "::%s", type_name);
    }
    buffer_append_text(sql, type == KMB_TYPE_ARRAY ? " END" : "");
}

/* The name in quotes that begins at *at of a list of them; *at is set behind it and the comma. */
static struct slice next_name(struct slice names, size_t *at) {
    size_t start = *at;
    size_t end = start + 1;
    while (names.bytes[end] != '"' || (end + 1 < names.length && names.bytes[end + 1] == '"')) {
        end += names.bytes[end] == '"' ? 2 : 1;
    }
    *at = end + 3; /* the quote, ", " */
    return slice_make(names.bytes + start, end + 1 - start);
}

/* "INSERT INTO t (names) SELECT ...": the columns' types are those of a query that is never run. */
static enum kmb_status make_insert(struct load *load, struct slice names, struct buffer *sql, struct kmb_error *error) {
    struct buffer probe = {0};
    kmb_statement *types = NULL;
    enum kmb_status status = KMB_OK;
    buffer_append_text(sql, "INSERT INTO ");
    import_quote_table(sql, load->options->table);
    if (names.length == 0) {
        buffer_append_text(sql, " SELECT WHERE $1::json IS NOT NULL");
        return KMB_OK;
    }
    buffer_append_text(&probe, "SELECT ");
    buffer_append_slice(&probe, names);
    buffer_append_text(&probe, " FROM ");
    import_quote_table(&probe, load->options->table);
    status = buffer_ok(&probe)
                 ? kmb_prepare(load->session, (const char *)probe.bytes, probe.length, &types, NULL, error)
                 : error_set(error, KMB_NO_MEMORY, "out of memory");
    if (status == KMB_UNDEFINED_TABLE) {
        error_hint(error, "--create makes the table from the keys and the values.");
    }
    buffer_append_text(sql, " (");
    buffer_append_slice(sql, names);
    buffer_append_text(sql, ") SELECT ");
    size_t at = 0;
    for (uint32_t i = 0; status == KMB_OK && at < names.length; i++) {
        struct slice name = next_name(names, &at);
        buffer_append_text(sql, i == 0 ? "" : ", ");
        append_value(sql, name, kmb_column_type(types, i), kmb_column_type_name(types, i));
    }
    kmb_finalize(types);
    buffer_free(&probe);
    return status;
}

static enum kmb_status prepare(struct load *load, const struct buffer *names, struct kmb_error *error) {
    struct buffer sql = {0};
    kmb_finalize(load->statement);
    load->statement = NULL;
    enum kmb_status status = buffer_ok(names) ? make_insert(load, buffer_slice(names), &sql, error) : KMB_NO_MEMORY;
    if (status == KMB_OK) {
        status = buffer_ok(&sql)
                     ? kmb_prepare(load->session, (const char *)sql.bytes, sql.length, &load->statement, NULL, error)
                     : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    buffer_free(&sql);
    buffer_clear(&load->keys);
    buffer_append_slice(&load->keys, buffer_slice(names));
    error_position(error, 0); /* of a statement that nobody typed */
    return status;
}

static enum kmb_status insert(struct load *load, struct slice json, struct kmb_error *error) {
    struct buffer names = {0};
    enum kmb_status status = utf8_check(json, error);
    if (status == KMB_OK) {
        status = json_validate(json, error);
    }
    if (status == KMB_OK && !object_names(json, &names)) {
        status = error_set(error, KMB_INVALID_JSON, "a line must be one JSON object");
    }
    if (status == KMB_OK &&
        (load->statement == NULL || !slice_equal(buffer_slice(&names), buffer_slice(&load->keys)))) {
        status = prepare(load, &names, error);
    }
    buffer_free(&names);
    if (status == KMB_OK) {
        kmb_reset(load->statement);
        status = kmb_bind_text(load->statement, 1, (const char *)json.bytes, json.length, error);
    }
    while (status == KMB_OK || status == KMB_ROW) {
        status = kmb_step(load->statement, error);
    }
    if (status != KMB_DONE) {
        kmb_finalize(load->statement);
        load->statement = NULL;
        error_position(error, 0);
    }
    return status == KMB_DONE ? KMB_OK : status;
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

static struct slice line_text(const struct load *load, uint32_t index) {
    return slice_make(load->text.bytes + load->lines[index].at, load->lines[index].length);
}

static int tell_failure(const struct load *load, uint64_t line, const struct kmb_error *error) {
    char where[40];
    snprintf(where, sizeof(where), "line %" PRIu64, line);
    int code = cli_fail(error, NULL, 0, where);
    if (load->durable == 0 || load->options->atomic) {
        bool left = load->options->create && !load->options->atomic;
        fprintf(stderr, "Nothing was imported%s.\n", left ? "; the table stays: go on without --create" : "");
    } else {
        fprintf(stderr, "Lines up to %" PRIu64 " are imported; --from-line %" PRIu64 "%s goes on.\n", load->durable,
                load->durable + 1, load->options->create ? " without --create" : "");
    }
    return code;
}

static int reject(struct load *load, uint32_t index, const struct kmb_error *error) {
    struct slice text = line_text(load, index);
    load->rejected++;
    if (load->rejected <= 10) {
        fprintf(stderr, "line %" PRIu64 " rejected: %s\n", load->lines[index].number, error->message);
    }
    bool failed = fwrite(text.bytes, 1, text.length, load->reject) != text.length || putc('\n', load->reject) == EOF;
    return failed ? cli_error(1, "cannot write %s: %s", load->options->reject, strerror(errno)) : 0;
}

static int one_by_one(struct load *load) {
    int code = 0;
    for (uint32_t i = 0; code == 0 && i < load->count; i++) {
        struct kmb_error error = {0};
        if (insert(load, line_text(load, i), &error) == KMB_OK) {
            load->rows++;
            load->durable = load->lines[i].number;
        } else if (load->reject != NULL) {
            code = reject(load, i, &error);
        } else {
            code = tell_failure(load, load->lines[i].number, &error);
        }
    }
    return code;
}

static int run_batch(struct load *load) {
    struct kmb_error error = {0};
    uint32_t done = 0;
    int code = 0;
    bool own = !load->options->atomic;
    enum kmb_status status = own ? kmb_begin(load->session, &error) : KMB_OK;
    while (status == KMB_OK && done < load->count) {
        status = insert(load, line_text(load, done), &error);
        done += status == KMB_OK;
    }
    if (status == KMB_OK && own) {
        status = kmb_commit(load->session, &error);
    }
    if (status == KMB_OK) {
        load->rows += load->count;
        load->durable = load->count == 0 ? load->durable : load->lines[load->count - 1].number;
    } else if (own) {
        kmb_rollback(load->session, NULL);
        code = one_by_one(load);
    } else {
        code = tell_failure(load, done < load->count ? load->lines[done].number : 0, &error);
    }
    cli_progress_show(&load->progress, 0, 0, load->rows, "rows");
    load->count = 0;
    buffer_clear(&load->text);
    return code;
}

static int read_lines(struct load *load) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    uint64_t number = 0;
    int code = 0;
    while (code == 0 && (length = getline(&line, &room, load->file)) >= 0) {
        size_t used = (size_t)length;
        number++;
        while (used > 0 && strchr(" \t\r\n", line[used - 1]) != NULL) {
            used--;
        }
        if (used == 0 || number < load->options->from_line) {
            continue;
        }
        load->lines[load->count++] = (struct line){.at = load->text.length, .length = used, .number = number};
        buffer_append(&load->text, line, used);
        if (!buffer_ok(&load->text)) {
            code = cli_error(1, "out of memory");
        } else if (load->count == BATCH_ROWS || load->text.length >= BATCH_BYTES) {
            code = run_batch(load);
        }
    }
    if (code == 0 && ferror(load->file)) {
        code = cli_error(1, "cannot read %s: %s", load->options->arguments[0], strerror(errno));
    }
    free(line);
    return code == 0 ? run_batch(load) : code;
}

/* --- the table, made ---------------------------------------------------------------------------------------------- */

static ssize_t read_ahead(void *context, char *bytes, size_t size) {
    struct load *load = context;
    size_t kept = load->ahead.length - load->ahead_at;
    if (kept == 0) {
        size_t got = fread(bytes, 1, size, load->source);
        return got == 0 && ferror(load->source) ? -1 : (ssize_t)got;
    }
    kept = kept < size ? kept : size;
    memcpy(bytes, load->ahead.bytes + load->ahead_at, kept);
    load->ahead_at += kept;
    return (ssize_t)kept;
}

/* A stream is read once: its beginning is kept, types are made of it, and then it is read as if it were new. */
static int create_of_stream(struct load *load) {
    bool whole = false;
    while (!whole && load->ahead.length < IMPORT_AHEAD_BYTES) {
        uint8_t *room = buffer_extend(&load->ahead, 65536);
        if (room == NULL) {
            return cli_error(1, "out of memory");
        }
        size_t got = fread(room, 1, 65536, load->source);
        load->ahead.length -= 65536 - got;
        whole = got == 0;
    }
    if (ferror(load->source)) {
        return cli_error(1, "cannot read %s: %s", load->options->arguments[0], strerror(errno));
    }
    if (load->ahead.length == 0) {
        return import_json_create(load->options, load->session, load->source, true);
    }
    FILE *beginning = fmemopen(load->ahead.bytes, load->ahead.length, "r");
    FILE *both = fopencookie(load, "r", (cookie_io_functions_t){.read = read_ahead});
    load->file = both == NULL ? load->source : both;
    int code = beginning == NULL || both == NULL ? cli_error(1, "out of memory")
                                                 : import_json_create(load->options, load->session, beginning, whole);
    if (beginning != NULL) {
        fclose(beginning);
    }
    return code;
}

static int create_table(struct load *load) {
    if (fseek(load->file, 0, SEEK_SET) != 0) {
        return create_of_stream(load);
    }
    int code = import_json_create(load->options, load->session, load->file, true);
    clearerr(load->file);
    return code == 0 && fseek(load->file, 0, SEEK_SET) != 0
               ? cli_error(1, "cannot read %s: %s", load->options->arguments[0], strerror(errno))
               : code;
}

static int run(struct load *load) {
    struct kmb_error error = {0};
    const struct cli_options *options = load->options;
    int code = 0;
    if (options->atomic && kmb_begin(load->session, &error) != KMB_OK) {
        return cli_fail(&error, NULL, 0, "import");
    }
    code = options->create ? create_table(load) : 0;
    code = code == 0 ? read_lines(load) : code;
    kmb_finalize(load->statement);
    load->statement = NULL;
    if (code == 0 && options->atomic && kmb_commit(load->session, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "import");
    }
    return code;
}

int import_json(const struct cli_options *options) {
    struct cli_place place = {0};
    struct load load = {.options = options};
    kmb_db *db = NULL;
    const char *name = options->arguments[0];
    if (options->no_header) {
        return cli_error(2, "invalid: --no-header goes with CSV");
    }
    if (options->primary_key != NULL && !options->create) {
        return cli_error(2, "invalid: --primary-key goes with --create");
    }
    if (options->atomic && options->reject != NULL) {
        return cli_error(2, "invalid: --atomic and --reject exclude each other");
    }
    load.source = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    load.file = load.source;
    if (load.source == NULL) {
        return cli_error(errno == ENOENT ? 6 : 1, "cannot read %s: %s", name, strerror(errno));
    }
    load.lines = calloc(BATCH_ROWS, sizeof(load.lines[0]));
    int code = load.lines == NULL ? cli_error(1, "out of memory") : cli_open(options, 0, &place, &db, &load.session);
    if (code == 0 && options->reject != NULL) {
        code = import_open_reject(options, fileno(load.source), &load.reject);
    }
    if (code == 0) {
        cli_progress_start(&load.progress, "import");
        load.progress.terminal = load.progress.terminal && !options->quiet;
        code = run(&load);
        cli_progress_end(&load.progress);
    }
    if (code == 0) {
        import_tell(options, load.rows, load.rejected, load.progress.begun_ns, kmb_session_position(load.session));
    }
    if (load.reject != NULL && fclose(load.reject) != 0 && code == 0) {
        code = cli_error(1, "cannot write %s: %s", options->reject, strerror(errno));
    }
    if (load.file != load.source) {
        fclose(load.file);
    }
    if (load.source != stdin) {
        fclose(load.source);
    }
    buffer_free(&load.text);
    buffer_free(&load.ahead);
    buffer_free(&load.keys);
    free(load.lines);
    return db == NULL ? code : cli_close(db, load.session, code);
}
