/*
 * kimberlite import: CSV into a table, and export, its inverse.
 *
 * Rows go through the bulk appender, one transaction per 10,000 of them (or one in all with --atomic). When a batch is
 * refused it is run again row by row, so that the error names the line; with --reject the refused rows go to a file
 * and the rest goes in. A failure tells the last line that is durable, where --from-line can take up again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/import_json.h"
#include "cli/import_table.h"
#include "cli/infer.h"
#include "cli/output.h"
#include "cli/run.h"
#include "cli/splitter.h"
#include "types/record.h"

#define BATCH_ROWS       10000u
#define BATCH_BYTES      ((size_t)16 << 20)
#define SKIP             UINT32_MAX
#define COLUMN_NAME_SIZE sizeof("column4294967296")

/* One row of the batch, kept as it was read so that it can be run again. */
struct kept_row {
    uint64_t line;
    size_t field_first; /* into fields */
};

struct import {
    const struct cli_options *options;
    kmb_session *session;
    kmb_appender *appender;
    int file;
    bool stream;         /* standard input */
    struct buffer ahead; /* of a stream: read for inference, not yet parsed */
    size_t ahead_at;
    bool only_ahead; /* while types are inferred: what lies behind stays where it is */
    uint64_t size;   /* of the file, 0 unknown */
    struct record_reader csv;
    char *table;  /* as the appender takes it */
    char **names; /* of the file's columns */
    uint32_t field_count;
    uint32_t *target;    /* table column -> field, SKIP: default */
    char **column_names; /* of the table */
    uint32_t column_count;
    struct buffer batch_text;
    struct record_field *batch_fields;
    size_t batch_field_capacity;
    struct kept_row *batch;
    uint32_t batch_count;
    FILE *reject;
    uint64_t rows; /* imported */
    uint64_t rejected;
    uint64_t line_durable; /* newest line whose row is durable */
    struct cli_progress progress;
};

static int no_memory(void) {
    return cli_error(1, "out of memory");
}

/* --- the source --------------------------------------------------------------------------------------------------- */

static enum kmb_status read_source(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    struct import *import = context;
    size_t kept = import->ahead.length - import->ahead_at;
    if (kept != 0) {
        *count = kept < size ? kept : size;
        memcpy(bytes, import->ahead.bytes + import->ahead_at, *count);
        import->ahead_at += *count;
        return KMB_OK;
    }
    if (import->only_ahead) {
        *count = 0;
        return KMB_OK;
    }
    ssize_t got;
    do {
        got = read(import->file, bytes, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return error_set(error, KMB_IO, "cannot read the file: %s", strerror(errno));
    }
    *count = (size_t)got;
    return KMB_OK;
}

static int open_source(struct import *import, const char *name) {
    struct stat facts;
    if (strcmp(name, "-") == 0) {
        import->file = STDIN_FILENO;
        import->stream = true;
        return 0;
    }
    import->file = open(name, O_RDONLY | O_CLOEXEC);
    if (import->file < 0) {
        return cli_error(errno == ENOENT ? 6 : 1, "cannot read %s: %s", name, strerror(errno));
    }
    if (fstat(import->file, &facts) == 0 && S_ISREG(facts.st_mode)) {
        import->size = (uint64_t)facts.st_size;
    } else {
        import->stream = true;
    }
    return 0;
}

/* Reads a stream's beginning, so that types can be inferred and it be parsed all the same. */
static int read_ahead(struct import *import) {
    while (import->ahead.length < IMPORT_AHEAD_BYTES) {
        uint8_t *room = buffer_extend(&import->ahead, 65536);
        if (room == NULL) {
            return no_memory();
        }
        ssize_t got;
        do {
            got = read(import->file, room, 65536);
        } while (got < 0 && errno == EINTR);
        import->ahead.length -= 65536 - (got > 0 ? (size_t)got : 0);
        if (got < 0) {
            return cli_error(1, "cannot read standard input: %s", strerror(errno));
        }
        if (got == 0) {
            break;
        }
    }
    return 0;
}

static void open_reader(struct import *import) {
    struct record_format format = record_format_spreadsheet();
    record_reader_init(&import->csv, &format, read_source, import);
}

static void rewind_source(struct import *import) {
    record_reader_free(&import->csv);
    open_reader(import);
    import->csv.blank_is_record = import->field_count == 1;
    import->ahead_at = 0;
    if (!import->stream) {
        lseek(import->file, 0, SEEK_SET);
    }
}

/* --- the columns -------------------------------------------------------------------------------------------------- */

static bool plain_name(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.bytes[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return text.length > 0;
}

/* A header as a column name: folded as SQL folds a plain name, verbatim otherwise. */
static char *header_name(struct slice text, uint32_t ordinal) {
    char *name = mem_alloc(text.length + COLUMN_NAME_SIZE);
    if (name == NULL) {
        return NULL;
    }
    if (text.length == 0) {
        snprintf(name, COLUMN_NAME_SIZE, "column%u", ordinal + 1);
        return name;
    }
    bool fold = plain_name(text);
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.bytes[i];
        name[i] = (char)(fold && c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    name[text.length] = 0;
    return name;
}

/* Tells what is wrong with the file, before any row of it went in. */
static int file_failed(const struct import *import, const struct kmb_error *error) {
    char where[64] = "import";
    if (import->csv.line != 0) {
        snprintf(where, sizeof(where), "line %" PRIu64, import->csv.line);
    }
    return cli_fail(error, NULL, 0, where);
}

/* Reads the first record as names (or makes names and leaves it). Answers 0 or an exit code. */
static int read_header(struct import *import) {
    struct kmb_error error = {0};
    enum kmb_status status = record_next(&import->csv, &error);
    if (status == KMB_DONE) {
        return cli_error(1, "the file is empty: a header line is required");
    }
    if (status != KMB_ROW) {
        return file_failed(import, &error);
    }
    import->field_count = import->csv.field_count;
    import->names = mem_alloc_zero(import->field_count, sizeof(char *));
    for (uint32_t i = 0; import->names != NULL && i < import->field_count; i++) {
        if (memchr(import->csv.text.bytes + import->csv.fields[i].offset, 0, import->csv.fields[i].length) != NULL) {
            return cli_error(1, "line 1, field %u: a zero byte stands in the header", i + 1);
        }
        struct slice text = import->options->no_header ? slice_make(NULL, 0) : record_field_text(&import->csv, i);
        import->names[i] = header_name(text, i);
        if (import->names[i] == NULL) {
            return no_memory();
        }
        for (uint32_t before = 0; before < i; before++) {
            if (strcmp(import->names[before], import->names[i]) == 0) {
                return cli_error(1, "the header names column \"%s\" twice: fields %u and %u", import->names[i],
                                 before + 1, i + 1);
            }
        }
    }
    if (import->names == NULL) {
        return no_memory();
    }
    import->csv.blank_is_record = import->field_count == 1;
    if (import->options->no_header) {
        rewind_source(import);
    }
    return 0;
}

static enum kmb_status width_error(const struct import *import, struct kmb_error *error) {
    return error_set(error, KMB_BAD_COPY_FORMAT, "%u %s, the %s %u", import->csv.field_count,
                     import->csv.field_count == 1 ? "field" : "fields",
                     import->options->no_header ? "first line has" : "header has", import->field_count);
}

static int infer_columns(struct import *import, struct infer *columns) {
    struct kmb_error error = {0};
    enum kmb_status status = KMB_OK;
    bool cut = import->stream && import->ahead.length >= IMPORT_AHEAD_BYTES;
    import->only_ahead = import->stream;
    while (status == KMB_OK) {
        status = record_next(&import->csv, &error);
        if (cut && import->csv.ended) {
            status = KMB_DONE; /* the record may go on in what was not read yet */
        } else if (status == KMB_ROW && import->csv.field_count == import->field_count) {
            for (uint32_t i = 0; i < import->field_count; i++) {
                if (!import->csv.fields[i].null) {
                    infer_value(&columns[i], record_field_text(&import->csv, i));
                }
            }
            status = KMB_OK;
        } else if (status == KMB_ROW) { /* load() puts it aside where that is wanted */
            status = import->options->reject != NULL ? KMB_OK : width_error(import, &error);
        }
    }
    import->only_ahead = false;
    return status == KMB_DONE ? 0 : file_failed(import, &error);
}

static int create_table(struct import *import) {
    struct infer *columns = mem_alloc_zero(import->field_count, sizeof(*columns));
    struct import_column *wanted = mem_alloc_zero(import->field_count, sizeof(*wanted));
    int code = columns == NULL || wanted == NULL ? no_memory() : infer_columns(import, columns);
    if (code == 0) {
        for (uint32_t i = 0; i < import->field_count; i++) {
            wanted[i] = (struct import_column){slice_text(import->names[i]), infer_type(&columns[i])};
        }
        code = import_create(import->options, import->session, wanted, import->field_count);
    }
    mem_free(columns);
    mem_free(wanted);
    return code;
}

/* Which field fills which column of the table. */
static int map_columns(struct import *import) {
    struct kmb_error error = {0};
    struct buffer sql = {0};
    kmb_statement *statement = NULL;
    int code = 0;
    buffer_append_text(&sql, "SELECT * FROM ");
    import_quote_table(&sql, import->table);
    if (kmb_prepare(import->session, (const char *)sql.bytes, sql.length, &statement, NULL, &error) != KMB_OK) {
        if (error.status == KMB_UNDEFINED_TABLE) {
            error_hint(&error, "--create makes the table from the header and the values.");
        }
        code = cli_fail(&error, NULL, 0, "import");
    }
    buffer_free(&sql);
    if (code != 0) {
        return code;
    }
    import->column_count = kmb_column_count(statement);
    import->target = mem_alloc_zero(import->column_count + 1u, sizeof(uint32_t));
    import->column_names = mem_alloc_zero(import->column_count + 1u, sizeof(char *));
    uint32_t used = 0;
    for (uint32_t i = 0; import->target != NULL && import->column_names != NULL && i < import->column_count; i++) {
        const char *name = kmb_column_name(statement, i);
        import->column_names[i] = mem_strdup(name);
        import->target[i] = SKIP;
        for (uint32_t field = 0; field < import->field_count; field++) {
            bool same = import->options->no_header ? field == i : strcmp(import->names[field], name) == 0;
            if (same) {
                import->target[i] = field;
                used++;
            }
        }
    }
    for (uint32_t field = 0; code == 0 && used < import->field_count && field < import->field_count; field++) {
        bool found = false;
        for (uint32_t i = 0; i < import->column_count; i++) {
            found = found || import->target[i] == field;
        }
        if (!found) {
            code = cli_error(1, "table \"%s\" has no column \"%s\" (field %u of the header)", import->table,
                             import->names[field], field + 1);
        }
    }
    kmb_finalize(statement);
    return code;
}

/* --- the rows ----------------------------------------------------------------------------------------------------- */

static enum kmb_status append_kept(struct import *import, uint32_t row, struct kmb_error *error) {
    const struct record_field *fields = import->batch_fields + import->batch[row].field_first;
    enum kmb_status status = KMB_OK;
    for (uint32_t i = 0; status == KMB_OK && i < import->column_count; i++) {
        if (import->target[i] == SKIP) {
            status = kmb_append_default(import->appender, error);
            continue;
        }
        const struct record_field *field = &fields[import->target[i]];
        const char *text = (const char *)import->batch_text.bytes + field->offset;
        status = field->null ? kmb_append_null(import->appender, error)
                             : kmb_append_text(import->appender, text, field->length, error);
    }
    if (status == KMB_OK) {
        return kmb_append_row(import->appender, error);
    }
    kmb_append_row(import->appender, NULL); /* refused, since values are missing: drops the begun row and no other */
    return status;
}

static int reject_fields(struct import *import, uint64_t line, const struct record_field *fields, uint32_t count,
                         const uint8_t *texts, const char *why) {
    if (import->rejected == 0 && !import->options->no_header) { /* so that the mended file can be imported as it is */
        for (uint32_t i = 0; i < import->field_count; i++) {
            fputs(i == 0 ? "" : ",", import->reject);
            output_csv_field(import->reject, import->names[i], strlen(import->names[i]));
        }
        fputs("\r\n", import->reject);
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *text = (const char *)texts + fields[i].offset;
        fputs(i == 0 ? "" : ",", import->reject);
        output_csv_field(import->reject, fields[i].null ? NULL : text, fields[i].length);
    }
    fputs("\r\n", import->reject);
    cli_progress_end(&import->progress);
    fprintf(stderr, "line %" PRIu64 " rejected: %s\n", line, why);
    import->rejected++;
    return ferror(import->reject) ? cli_error(1, "cannot write %s: %s", import->options->reject, strerror(errno)) : 0;
}

static int reject_row(struct import *import, uint32_t row, const struct kmb_error *error) {
    return reject_fields(import, import->batch[row].line, import->batch_fields + import->batch[row].field_first,
                         import->field_count, import->batch_text.bytes, error->message);
}

static int tell_failure(struct import *import, uint64_t line, const struct kmb_error *error) {
    char where[64];
    snprintf(where, sizeof(where), "line %" PRIu64, line);
    cli_progress_end(&import->progress);
    int code = cli_fail(error, NULL, 0, where);
    if (import->line_durable == 0) {
        bool left = import->options->create && !import->options->atomic;
        fprintf(stderr, "Nothing was imported%s.\n", left ? "; the table stays: go on without --create" : "");
    } else {
        bool mend = kmb_status_sqlstate(error->status)[0] == '2'; /* classes 22 and 23: the row, not the machine */
        fprintf(stderr, "The last durable line is %" PRIu64 "; %sgo on with --from-line %" PRIu64 "%s.\n",
                import->line_durable, mend ? "mend the file and " : "", import->line_durable + 1,
                import->options->create ? ", without --create" : "");
    }
    return code;
}

/* The batch again, row by row in one transaction: finds the rows that do not go in. */
static int run_one_by_one(struct import *import) {
    struct kmb_error error = {0};
    bool own = !import->options->atomic;
    uint64_t good = 0;
    if (own && kmb_begin(import->session, &error) != KMB_OK) {
        return tell_failure(import, import->batch[0].line, &error);
    }
    for (uint32_t row = 0; row < import->batch_count; row++) {
        enum kmb_status status = append_kept(import, row, &error);
        if (status == KMB_OK) {
            status = kmb_appender_flush(import->appender, NULL, &error);
        }
        if (status == KMB_OK) {
            good++;
            continue;
        }
        bool data = kmb_status_sqlstate(status)[0] == '2'; /* classes 22 and 23: the row, not the machine */
        if (import->reject == NULL || !data) {
            kmb_rollback(import->session, NULL);
            return tell_failure(import, import->batch[row].line, &error);
        }
        int code = reject_row(import, row, &error);
        if (code != 0) {
            kmb_rollback(import->session, NULL);
            return code;
        }
    }
    if (own && kmb_commit(import->session, &error) != KMB_OK) {
        return tell_failure(import, import->batch[0].line, &error);
    }
    import->rows += good;
    return 0;
}

static int run_batch(struct import *import) {
    struct kmb_error error = {0};
    enum kmb_status status = KMB_OK;
    if (import->batch_count == 0) {
        return 0;
    }
    for (uint32_t row = 0; status == KMB_OK && row < import->batch_count; row++) {
        status = append_kept(import, row, &error);
    }
    if (status == KMB_OK) {
        status = kmb_appender_flush(import->appender, NULL, &error);
        import->rows += status == KMB_OK ? import->batch_count : 0;
    } else {
        kmb_appender_close(import->appender); /* drops the rows gathered */
        import->appender = NULL;
        struct kmb_error again = {0};
        if (kmb_appender_open(import->session, import->table, &import->appender, &again) != KMB_OK) {
            return tell_failure(import, import->batch[0].line, &again);
        }
    }
    int code = status == KMB_OK ? 0 : run_one_by_one(import);
    if (code == 0 && !import->options->atomic) {
        import->line_durable = import->batch[import->batch_count - 1].line;
    }
    import->batch_count = 0;
    buffer_clear(&import->batch_text);
    return code;
}

/* Keeps the record just read; runs the batch when it is full. */
static int keep_record(struct import *import) {
    size_t first = (size_t)import->batch_count * import->field_count;
    size_t base = import->batch_text.length;
    if (first + import->field_count > import->batch_field_capacity) {
        size_t capacity = (first + import->field_count) * 2;
        struct record_field *fields = mem_realloc(import->batch_fields, capacity * sizeof(*fields));
        if (fields == NULL) {
            return no_memory();
        }
        import->batch_fields = fields;
        import->batch_field_capacity = capacity;
    }
    buffer_append(&import->batch_text, import->csv.text.bytes, import->csv.text.length);
    if (!buffer_ok(&import->batch_text)) {
        return no_memory();
    }
    for (uint32_t i = 0; i < import->field_count; i++) {
        import->batch_fields[first + i] = import->csv.fields[i];
        import->batch_fields[first + i].offset += base;
    }
    import->batch[import->batch_count++] = (struct kept_row){.line = import->csv.line, .field_first = first};
    bool full = import->batch_count == BATCH_ROWS || import->batch_text.length >= BATCH_BYTES;
    return full ? run_batch(import) : 0;
}

/* A record with too few or too many fields: put aside with --reject, else the end, after what was whole went in. */
static int refuse_width(struct import *import) {
    struct kmb_error error = {0};
    width_error(import, &error);
    if (import->reject != NULL) {
        return reject_fields(import, import->csv.line, import->csv.fields, import->csv.field_count,
                             import->csv.text.bytes, error.message);
    }
    uint64_t line = import->csv.line;
    int code = run_batch(import);
    return code == 0 ? tell_failure(import, line, &error) : code;
}

static int load(struct import *import) {
    struct kmb_error error = {0};
    enum kmb_status status = KMB_OK;
    int code = 0;
    while (code == 0 && (status = record_next(&import->csv, &error)) == KMB_ROW) {
        if (import->csv.line < import->options->from_line) {
            continue;
        }
        code = import->csv.field_count != import->field_count ? refuse_width(import) : keep_record(import);
        cli_progress_show(&import->progress, import->csv.bytes_read, import->size, import->rows + import->batch_count,
                          "rows");
    }
    if (code != 0) {
        return code;
    }
    code = run_batch(import); /* what was whole goes in before an error of the file is told */
    return code == 0 && status != KMB_DONE ? tell_failure(import, import->csv.line, &error) : code;
}

static int run(struct import *import) {
    struct kmb_error error = {0};
    int code = read_header(import);
    if (code == 0 && import->options->atomic && kmb_begin(import->session, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "import");
    }
    if (code == 0 && import->options->create) {
        code = create_table(import);
        if (code == 0) {
            rewind_source(import);
            if (!import->options->no_header) {
                record_next(&import->csv, &error);
            }
        }
    }
    if (code == 0) {
        code = map_columns(import);
    }
    if (code == 0 && kmb_appender_open(import->session, import->table, &import->appender, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "import");
    }
    if (code == 0) {
        code = load(import);
    }
    if (code == 0 && import->options->atomic && kmb_commit(import->session, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "import");
    }
    return code;
}

static void release(struct import *import) {
    for (uint32_t i = 0; import->names != NULL && i < import->field_count; i++) {
        mem_free(import->names[i]);
    }
    for (uint32_t i = 0; import->column_names != NULL && i < import->column_count; i++) {
        mem_free(import->column_names[i]);
    }
    mem_free(import->names);
    mem_free(import->column_names);
    mem_free(import->target);
    mem_free(import->batch);
    mem_free(import->batch_fields);
    mem_free(import->table);
    buffer_free(&import->batch_text);
    buffer_free(&import->ahead);
    record_reader_free(&import->csv);
    kmb_appender_close(import->appender);
    if (import->file > STDIN_FILENO) {
        close(import->file);
    }
}

int cli_import(const struct cli_options *options) {
    struct cli_place place = {0};
    kmb_db *db = NULL;
    if (options->table == NULL) {
        return cli_error(2, "--table is required: the table to fill");
    }
    if (options->config_format != NULL && strcmp(options->config_format, "csv") != 0 &&
        strcmp(options->config_format, "ndjson") != 0) {
        return cli_error(2, "invalid value \"%s\" for --format: csv or ndjson", options->config_format);
    }
    if (import_json_wanted(options)) {
        return import_json(options);
    }
    if (options->primary_key != NULL && !options->create) {
        return cli_error(2, "invalid: --primary-key goes with --create");
    }
    struct import *import = mem_alloc_zero(1, sizeof(*import));
    if (import == NULL) {
        return no_memory();
    }
    import->options = options;
    import->file = -1;
    import->batch = mem_alloc_zero(BATCH_ROWS, sizeof(struct kept_row));
    import->table = mem_strdup(options->table);
    int code =
        import->batch == NULL || import->table == NULL ? no_memory() : open_source(import, options->arguments[0]);
    if (code == 0 && import->stream && (options->create || options->no_header)) {
        code = read_ahead(import);
    }
    if (code == 0) {
        code = cli_open(options, 0, &place, &db, &import->session);
    }
    if (code == 0 && options->reject != NULL) {
        code = import_open_reject(options, import->file, &import->reject);
    }
    if (code == 0) {
        open_reader(import);
        cli_progress_start(&import->progress, "import");
        import->progress.terminal = import->progress.terminal && !options->quiet;
        code = run(import);
        cli_progress_end(&import->progress);
        if (code == 0) {
            import_tell(options, import->rows, import->rejected, import->progress.begun_ns,
                        kmb_session_position(import->session));
        }
    }
    if (import->reject != NULL && fclose(import->reject) != 0 && code == 0) {
        code = cli_error(1, "cannot write %s: %s", options->reject, strerror(errno));
    }
    kmb_session *session = import->session;
    release(import);
    mem_free(import);
    return db == NULL ? code : cli_close(db, session, code);
}

/* Nothing is changed by an export, whatever its text is. A directory is opened so that it can not be; a connection's
 * only statement is within a transaction of its own that can not. */
static int begin_reading(kmb_session *session, const struct cli_options *options) {
    static const char begin[] = "BEGIN TRANSACTION READ ONLY";
    struct kmb_error error = {0};
    return options->server == NULL || kmb_exec(session, begin, &error) == KMB_OK ? 0 : cli_fail(&error, NULL, 0, NULL);
}

int cli_export(const struct cli_options *options) {
    struct cli_place place = {0};
    struct runner runner = {.options = options, .last = true};
    struct buffer sql = {0};
    kmb_db *db = NULL;
    if ((options->table == NULL) == (options->argument_count == 0)) {
        return cli_error(2, "a table or a query is required: kimberlite export --table NAME | SQL");
    }
    if (options->table == NULL && splitter_count(options->arguments[0]) != 1) {
        return cli_error(2, "export takes one statement");
    }
    if (options->table != NULL) {
        buffer_append_text(&sql, "SELECT * FROM ");
        import_quote_table(&sql, options->table);
    } else {
        buffer_append_text(&sql, options->arguments[0]);
    }
    int code = buffer_ok(&sql) ? cli_open(options, KMB_OPEN_READ_ONLY, &place, &db, &runner.session) : no_memory();
    if (code == 0) {
        output_init(&runner.output, options, CLI_CSV);
        code = runner_set_moment(runner.session, options);
        code = code == 0 ? begin_reading(runner.session, options) : code;
        code = code == 0 ? runner_run(&runner, buffer_slice(&sql)) : code;
        code = cli_close(db, runner.session, code);
    }
    buffer_free(&sql);
    return code;
}
