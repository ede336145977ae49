/*
 * Printing result sets. A table's column widths come from its first rows (a screenful and more); later rows that are
 * wider simply are: nothing is ever cut, since a reader of medical data must see all of a value.
 */
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include "base/assert.h"
#include "base/memory.h"
#include "types/record.h"

#define MEASURED_ROWS 1000u

void output_init(struct output *output, const struct cli_options *options, enum cli_format fallback) {
    struct winsize window;
    *output = (struct output){
        .out = stdout,
        .format = options->format_given ? options->format : fallback,
        .color = cli_color(options, stdout),
    };
    if (isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0) {
        output->width = window.ws_col;
    }
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

/* What a terminal may take for a command, a line end included. */
static bool is_control(utf8proc_int32_t character) {
    return character < ' ' || (character >= 0x7f && character < 0xa0);
}

/* A value for a terminal: what is stored must not break the box, nor command the terminal. line_end: drawn for one. */
static void visible_text(FILE *out, const char *text, const char *line_end) {
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t character = 0;
        utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(length - at), &character);
        if (used <= 0) { /* no UTF-8: as it is */
            character = (unsigned char)text[at];
            used = 1;
        }
        if (character == '\n') {
            fputs(line_end, out);
        } else if (is_control(character)) {
            fprintf(out, "\\x%02x", (unsigned)character);
        } else {
            fwrite(text + at, 1, (size_t)used, out);
        }
        at += (size_t)used;
    }
}

size_t output_width(const char *text, size_t length) {
    size_t width = 0;
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t character = 0;
        utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(length - at), &character);
        if (used <= 0) {
            at++;
            width++;
            continue;
        }
        /* as visible_text() draws them: one sign for a line end, and \x07 */
        int cells = character == '\n' ? 1 : is_control(character) ? 4 : utf8proc_charwidth(character);
        width += cells > 0 ? (size_t)cells : 0;
        at += (size_t)used;
    }
    return width;
}

void output_csv_field(FILE *out, const char *text, size_t length) {
    struct record_format format = record_format_csv();
    struct buffer field = {0};
    record_append(&field, &format, text, length, false, false);
    if (field.length > 0) {
        fwrite(field.bytes, 1, field.length, out);
    }
    buffer_free(&field);
}

void output_json_string(FILE *out, const char *text, size_t length) {
    putc('"', out);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", c);
        } else if (c == '\n') {
            fputs("\\n", out);
        } else if (c == '\r') {
            fputs("\\r", out);
        } else if (c == '\t') {
            fputs("\\t", out);
        } else if (c < 0x20) {
            fprintf(out, "\\u%04x", c);
        } else {
            putc(c, out);
        }
    }
    putc('"', out);
}

static void putc_if(bool wanted, char c, FILE *out) {
    if (wanted) {
        putc(c, out);
    }
}

static void tsv_field(FILE *out, const char *text, size_t length) {
    if (text == NULL) {
        fputs("\\N", out);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '\t':
            fputs("\\t", out);
            break;
        case '\n':
            fputs("\\n", out);
            break;
        case '\r':
            fputs("\\r", out);
            break;
        case '\\':
            fputs("\\\\", out);
            break;
        default:
            putc(text[i], out);
        }
    }
}

static bool is_number(enum kmb_type type) {
    switch (type) {
    case KMB_TYPE_SMALLINT:
    case KMB_TYPE_INTEGER:
    case KMB_TYPE_BIGINT:
    case KMB_TYPE_REAL:
    case KMB_TYPE_DOUBLE:
    case KMB_TYPE_NUMERIC:
    case KMB_TYPE_TINYINT:
    case KMB_TYPE_OID:
        return true;
    default:
        return false;
    }
}

/* Numbers and booleans as JSON tokens, exact; JSON columns as they are; everything else, and NaN, as strings. */
static void json_value(FILE *out, enum kmb_type type, const char *text, size_t length) {
    if (text == NULL) {
        fputs("null", out);
    } else if (type == KMB_TYPE_BOOLEAN) {
        fputs(text[0] == 't' ? "true" : "false", out);
    } else if (is_number(type) && (text[0] == '-' ? text[1] : text[0]) >= '0' &&
               (text[0] == '-' ? text[1] : text[0]) <= '9') {
        fwrite(text, 1, length, out);
    } else if (type == KMB_TYPE_JSON || type == KMB_TYPE_JSONB) {
        for (size_t i = 0; i < length; i++) { /* its lines in one: NDJSON is a row a line */
            fputc(text[i] == '\n' || text[i] == '\r' ? ' ' : text[i], out);
        }
    } else {
        output_json_string(out, text, length);
    }
}

/* A value's text, NULL for SQL NULL. Where memory for it is out, *lost becomes true: it must not pass for a NULL. */
static const char *value_text(kmb_statement *statement, uint32_t column, size_t *length, bool *lost) {
    const char *text = kmb_column_text(statement, column, length);
    *lost = *lost || (text == NULL && !kmb_column_is_null(statement, column));
    return text;
}

/* --- rows as they come -------------------------------------------------------------------------------------------- */

static void separated_header(struct output *output, kmb_statement *statement, uint32_t columns) {
    if (output->sets > 0) {
        putc('\n', output->out);
    }
    for (uint32_t i = 0; i < columns; i++) {
        const char *name = kmb_column_name(statement, i);
        if (i > 0) {
            putc(output->format == CLI_CSV ? ',' : '\t', output->out);
        }
        if (output->format == CLI_CSV) {
            output_csv_field(output->out, name, strlen(name));
        } else {
            tsv_field(output->out, name, strlen(name));
        }
    }
    fputs(output->format == CLI_CSV ? "\r\n" : "\n", output->out);
}

static void separated_row(struct output *output, kmb_statement *statement, uint32_t columns, bool *lost) {
    for (uint32_t i = 0; i < columns; i++) {
        size_t length = 0;
        const char *text = value_text(statement, i, &length, lost);
        if (i > 0) {
            putc(output->format == CLI_CSV ? ',' : '\t', output->out);
        }
        if (output->format == CLI_CSV) {
            output_csv_field(output->out, text, length);
        } else {
            tsv_field(output->out, text, length);
        }
    }
    fputs(output->format == CLI_CSV ? "\r\n" : "\n", output->out);
}

static void json_row(struct output *output, kmb_statement *statement, uint32_t columns, bool *lost) {
    putc('{', output->out);
    for (uint32_t i = 0; i < columns; i++) {
        size_t length = 0;
        const char *text = value_text(statement, i, &length, lost);
        const char *name = kmb_column_name(statement, i);
        if (i > 0) {
            putc(',', output->out);
        }
        output_json_string(output->out, name, strlen(name));
        putc(':', output->out);
        json_value(output->out, kmb_column_type(statement, i), text, length);
    }
    putc('}', output->out);
}

static enum kmb_status stream_rows(struct output *output, kmb_statement *statement, uint64_t *rows,
                                   struct kmb_error *error) {
    uint32_t columns = kmb_column_count(statement);
    enum kmb_status status = KMB_ROW;
    bool begun = false, lost = false;
    while (!lost && ((status = kmb_step(statement, error)) == KMB_ROW || (status == KMB_DONE && !begun))) {
        if (!begun) { /* not before the first step went well: a failed statement prints nothing */
            begun = true;
            if (output->format == CLI_JSON) {
                putc('[', output->out);
            } else if (output->format != CLI_NDJSON) {
                separated_header(output, statement, columns);
            }
        }
        if (status == KMB_DONE) {
            break;
        }
        if (output->format == CLI_JSON || output->format == CLI_NDJSON) {
            fputs(output->format == CLI_JSON && *rows > 0 ? "," : "", output->out);
            json_row(output, statement, columns, &lost);
            fputs(output->format == CLI_NDJSON ? "\n" : "", output->out);
        } else {
            separated_row(output, statement, columns, &lost);
        }
        (*rows)++;
    }
    if (begun && output->format == CLI_JSON) {
        fputs("]\n", output->out);
    }
    return lost ? error_set(error, KMB_NO_MEMORY, "out of memory") : status;
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

struct table {
    struct output *output;
    const char **names;
    bool *right; /* numbers stand right */
    size_t *widths;
    size_t columns;
    struct buffer texts; /* of the measured rows, each zero-terminated */
    size_t *offsets;     /* of each text; SIZE_MAX: NULL */
    size_t kept;         /* rows */
    bool printed;        /* the head has been written */
    uint64_t rows;
};

static void repeat(FILE *out, const char *text, size_t count) {
    for (size_t i = 0; i < count; i++) {
        fputs(text, out);
    }
}

static void rule(struct table *table, const char *left, const char *middle, const char *right) {
    FILE *out = table->output->out;
    fputs(left, out);
    for (size_t i = 0; i < table->columns; i++) {
        repeat(out, "─", table->widths[i] + 2);
        fputs(i + 1 < table->columns ? middle : right, out);
    }
    putc('\n', out);
}

static void cell(struct table *table, size_t column, const char *text, bool head) {
    FILE *out = table->output->out;
    bool null = text == NULL;
    text = null ? "NULL" : text;
    size_t width = output_width(text, strlen(text));
    size_t pad = width < table->widths[column] ? table->widths[column] - width : 0;
    bool right = table->right[column] && !head;
    bool color = table->output->color && (head || null);
    fputs("│ ", out);
    repeat(out, " ", right ? pad : 0);
    fputs(color ? head ? "\033[1;36m" : "\033[2m" : "", out);
    visible_text(out, text, "↵");
    fputs(color ? "\033[0m" : "", out);
    repeat(out, " ", right ? 0 : pad);
    putc(' ', out);
}

static void line(struct table *table, const char *const *texts, bool head) {
    for (size_t i = 0; i < table->columns; i++) {
        cell(table, i, texts[i], head);
    }
    fputs("│\n", table->output->out);
}

static void widen(struct table *table, size_t column, const char *text) {
    size_t width = text == NULL ? 4 : output_width(text, strlen(text));
    if (width > table->widths[column]) {
        table->widths[column] = width;
    }
}

static void print_head(struct table *table) {
    for (size_t i = 0; i < table->columns; i++) {
        widen(table, i, table->names[i]);
    }
    rule(table, "╭", "┬", "╮");
    line(table, table->names, true);
    rule(table, "├", "┼", "┤");
    table->printed = true;
}

static void expanded_row(struct table *table, const char *const *texts) {
    FILE *out = table->output->out;
    size_t widest = 0;
    for (size_t i = 0; i < table->columns; i++) {
        size_t width = output_width(table->names[i], strlen(table->names[i]));
        widest = width > widest ? width : widest;
    }
    fprintf(out, "─[ row %llu ]", (unsigned long long)++table->rows);
    repeat(out, "─", widest + 2);
    putc('\n', out);
    for (size_t i = 0; i < table->columns; i++) {
        fputs(table->names[i], out);
        repeat(out, " ", widest - output_width(table->names[i], strlen(table->names[i])));
        fputs(" │ ", out);
        visible_text(out, texts[i] == NULL ? "NULL" : texts[i], "\n");
        putc('\n', out);
    }
}

static bool flush_kept(struct table *table) {
    const char **texts = mem_alloc_zero(table->columns + 1, sizeof(char *));
    if (texts == NULL) {
        return false;
    }
    if (!table->output->expanded && !table->printed) {
        print_head(table);
    }
    for (size_t row = 0; row < table->kept; row++) {
        for (size_t i = 0; i < table->columns; i++) {
            size_t offset = table->offsets[row * table->columns + i];
            texts[i] = offset == SIZE_MAX ? NULL : (const char *)table->texts.bytes + offset;
        }
        if (table->output->expanded) {
            expanded_row(table, texts);
        } else {
            line(table, texts, false);
        }
    }
    table->kept = 0;
    buffer_clear(&table->texts);
    mem_free(texts);
    return true;
}

/* Keeps a row; writes out what is kept when that is enough to know the widths. */
static bool add_row(struct table *table, const char *const *texts) {
    for (size_t i = 0; i < table->columns; i++) {
        table->offsets[table->kept * table->columns + i] = texts[i] == NULL ? SIZE_MAX : table->texts.length;
        if (texts[i] != NULL) {
            buffer_append(&table->texts, texts[i], strlen(texts[i]) + 1);
        }
        if (!table->printed) {
            widen(table, i, texts[i]);
        }
    }
    table->kept++;
    return buffer_ok(&table->texts) && (table->kept < MEASURED_ROWS || flush_kept(table));
}

static bool table_init(struct table *table, struct output *output, size_t columns) {
    *table = (struct table){.output = output, .columns = columns};
    table->names = mem_alloc_zero(columns + 1, sizeof(char *));
    table->right = mem_alloc_zero(columns + 1, sizeof(bool));
    table->widths = mem_alloc_zero(columns + 1, sizeof(size_t));
    table->offsets = mem_alloc_zero((columns + 1) * MEASURED_ROWS, sizeof(size_t));
    return table->names != NULL && table->right != NULL && table->widths != NULL && table->offsets != NULL;
}

static void table_free(struct table *table) {
    mem_free(table->names);
    mem_free(table->right);
    mem_free(table->widths);
    mem_free(table->offsets);
    buffer_free(&table->texts);
}

static void table_end(struct table *table, uint64_t rows) {
    if (!table->output->expanded) {
        rule(table, "╰", "┴", "╯");
    }
    fprintf(table->output->out, "(%llu %s)\n", (unsigned long long)rows, rows == 1 ? "row" : "rows");
}

static enum kmb_status table_rows(struct output *output, kmb_statement *statement, uint64_t *rows,
                                  struct kmb_error *error) {
    struct table table;
    uint32_t columns = kmb_column_count(statement);
    const char **texts = mem_alloc_zero(columns + 1u, sizeof(char *));
    bool memory = table_init(&table, output, columns) && texts != NULL;
    enum kmb_status status = memory ? KMB_OK : KMB_NO_MEMORY;
    for (uint32_t i = 0; memory && i < columns; i++) {
        table.names[i] = kmb_column_name(statement, i);
        table.right[i] = is_number(kmb_column_type(statement, i));
    }
    while (memory && (status = kmb_step(statement, error)) == KMB_ROW) {
        for (uint32_t i = 0; i < columns; i++) {
            bool lost = false;
            texts[i] = value_text(statement, i, NULL, &lost);
            memory = memory && !lost;
        }
        memory = memory && add_row(&table, texts);
        (*rows)++;
    }
    if (memory && status == KMB_DONE) {
        memory = flush_kept(&table);
        table_end(&table, *rows);
    } else if (memory && table.printed) {
        flush_kept(&table);
    }
    if (!memory) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    table_free(&table);
    mem_free(texts);
    return status;
}

enum kmb_status output_rows(struct output *output, kmb_statement *statement, uint64_t *rows, struct kmb_error *error) {
    *rows = 0;
    enum kmb_status status = output->format == CLI_TABLE ? table_rows(output, statement, rows, error)
                                                         : stream_rows(output, statement, rows, error);
    output->sets++;
    fflush(output->out);
    return status;
}

/* Texts as one line of CSV or TSV, or as one JSON object. */
static void listed_line(struct output *output, const char *const *names, const char *const *texts, const char *kinds) {
    FILE *out = output->out;
    bool json = output->format == CLI_JSON || output->format == CLI_NDJSON;
    putc_if(json, '{', out);
    for (size_t i = 0; kinds[i] != 0; i++) {
        const char *text = texts[i] == NULL ? "" : texts[i];
        if (i > 0) {
            putc(output->format == CLI_TSV ? '\t' : ',', out);
        }
        if (json) {
            output_json_string(out, names[i], strlen(names[i]));
            putc(':', out);
        }
        if (json && kinds[i] == 'n') {
            fputs(text, out);
        } else if (json) {
            output_json_string(out, text, strlen(text));
        } else if (output->format == CLI_CSV) {
            output_csv_field(out, text[0] == 0 ? NULL : text, strlen(text));
        } else {
            tsv_field(out, text, strlen(text));
        }
    }
    putc_if(json, '}', out);
    fputs(output->format == CLI_CSV ? "\r\n" : output->format == CLI_JSON ? "" : "\n", out);
}

void output_table(struct output *output, const char *const *names, const char *const *texts, const char *kinds,
                  size_t rows) {
    struct table table;
    size_t columns = strlen(kinds);
    if (output->format == CLI_TABLE) {
        bool memory = table_init(&table, output, columns);
        for (size_t i = 0; memory && i < columns; i++) {
            table.names[i] = names[i];
            table.right[i] = kinds[i] == 'n';
        }
        for (size_t row = 0; memory && row < rows; row++) {
            memory = add_row(&table, texts + row * columns);
        }
        if (memory && flush_kept(&table)) {
            table_end(&table, rows);
        }
        table_free(&table);
        return;
    }
    if (output->format == CLI_CSV || output->format == CLI_TSV) {
        char head[16];
        ASSERT(columns < sizeof(head));
        memset(head, 't', columns);
        head[columns] = 0;
        listed_line(output, names, names, head);
    }
    putc_if(output->format == CLI_JSON, '[', output->out);
    for (size_t row = 0; row < rows; row++) {
        putc_if(output->format == CLI_JSON && row > 0, ',', output->out);
        listed_line(output, names, texts + row * columns, kinds);
    }
    fputs(output->format == CLI_JSON ? "]\n" : "", output->out);
}

void output_facts(struct output *output, const char *const *names, const char *const *values, const char *kinds) {
    static const char *const head[] = {"fact", "value"};
    size_t count = strlen(kinds);
    if (output->format == CLI_JSON || output->format == CLI_NDJSON) {
        listed_line(output, names, values, kinds);
        fputs(output->format == CLI_JSON ? "\n" : "", output->out);
        return;
    }
    const char **texts = mem_alloc_zero(2 * count + 1, sizeof(char *));
    for (size_t i = 0; texts != NULL && i < count; i++) {
        texts[2 * i] = names[i];
        texts[2 * i + 1] = values[i];
    }
    if (texts != NULL) {
        output_table(output, head, texts, "tt", count);
    }
    mem_free(texts);
}
