/*
 * What imports of CSV and of NDJSON share: the table they fill or make, the file of refused rows, what is told at the
 * end.
 */
#include "cli/import_table.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/output.h"

static void quote_name(struct buffer *sql, const char *name, size_t length) {
    buffer_append_byte(sql, '"');
    for (size_t i = 0; i < length; i++) {
        buffer_append_byte(sql, (uint8_t)name[i]);
        if (name[i] == '"') {
            buffer_append_byte(sql, '"');
        }
    }
    buffer_append_byte(sql, '"');
}

void import_quote_table(struct buffer *sql, const char *table) {
    const char *dot = strchr(table, '.');
    if (table[0] == '"') {
        buffer_append_text(sql, table);
        return;
    }
    if (dot != NULL && dot[1] == '"') {
        quote_name(sql, table, (size_t)(dot - table));
        buffer_append_text(sql, dot);
        return;
    }
    if (dot != NULL) {
        quote_name(sql, table, (size_t)(dot - table));
        buffer_append_byte(sql, '.');
        table = dot + 1;
    }
    quote_name(sql, table, strlen(table));
}

int import_create(const struct cli_options *options, kmb_session *session, const struct import_column *columns,
                  uint32_t count) {
    struct kmb_error error = {0};
    struct buffer sql = {0};
    int code = 0;
    buffer_append_text(&sql, "CREATE TABLE ");
    import_quote_table(&sql, options->table);
    buffer_append_text(&sql, " (");
    for (uint32_t i = 0; i < count; i++) {
        buffer_append_text(&sql, i == 0 ? "" : ", ");
        quote_name(&sql, (const char *)columns[i].name.bytes, columns[i].name.length);
        buffer_printf(&sql, " %s", columns[i].type);
    }
    if (options->primary_key != NULL) {
        const char *at = options->primary_key;
        buffer_append_text(&sql, ", PRIMARY KEY (");
        for (bool first = true; *at != 0; first = false) {
            size_t length = strcspn(at, ",");
            buffer_append_text(&sql, first ? "" : ", ");
            quote_name(&sql, at, length);
            at += length + (at[length] == ',');
        }
        buffer_append_text(&sql, ")");
    }
    buffer_append_text(&sql, ")");
    if (buffer_text(&sql) == NULL) {
        code = cli_error(1, "out of memory");
    } else if (kmb_exec(session, (const char *)sql.bytes, &error) != KMB_OK) {
        code = cli_fail(&error, (const char *)sql.bytes, sql.length, "import");
    } else {
        cli_note(options, "%s", (const char *)sql.bytes);
    }
    buffer_free(&sql);
    return code;
}

int import_open_reject(const struct cli_options *options, int source, FILE **reject) {
    const char *name = options->reject;
    struct stat from, target;
    if (fstat(source, &from) == 0 && stat(name, &target) == 0 && S_ISREG(target.st_mode) &&
        from.st_dev == target.st_dev && from.st_ino == target.st_ino) {
        return cli_error(2, "invalid value \"%s\" for --reject: it is the file to import", name);
    }
    if (!options->force && stat(name, &target) == 0 && S_ISREG(target.st_mode) && target.st_size > 0) {
        return cli_error(1, "%s is there already, and not empty; --force replaces it", name);
    }
    *reject = fopen(name, "we");
    return *reject == NULL ? cli_error(1, "cannot write %s: %s", name, strerror(errno)) : 0;
}

void import_tell(const struct cli_options *options, uint64_t rows, uint64_t rejected, int64_t begun_ns,
                 uint64_t position) {
    static const char *const names[] = {"table", "rows", "rejected", "seconds", "position"};
    double seconds = (double)(cli_now_ns() - begun_ns) / 1e9;
    char numbers[4][32];
    struct output output;
    cli_note(options, "imported %" PRIu64 " rows into %s in %.2f s (%.0f rows/s) @ %" PRIu64, rows, options->table,
             seconds, seconds > 0 ? (double)rows / seconds : 0.0, position);
    if (rejected != 0) {
        cli_note(options, "%" PRIu64 " rows rejected: %s", rejected, options->reject);
    }
    if (!options->format_given) {
        return;
    }
    snprintf(numbers[0], sizeof(numbers[0]), "%" PRIu64, rows);
    snprintf(numbers[1], sizeof(numbers[1]), "%" PRIu64, rejected);
    snprintf(numbers[2], sizeof(numbers[2]), "%.3f", seconds);
    snprintf(numbers[3], sizeof(numbers[3]), "%" PRIu64, position);
    const char *facts[] = {options->table, numbers[0], numbers[1], numbers[2], numbers[3]};
    output_init(&output, options, CLI_TABLE);
    output_facts(&output, names, facts, "tnnnn");
}
