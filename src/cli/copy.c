/*
 * Data of COPY FROM STDIN comes line by line, so that nothing behind its end is taken: what follows are statements
 * again. A statement that fails half way leaves its data behind; it is passed over, as psql does.
 */
#include "cli/copy.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"

bool cli_file_line(void *file, struct buffer *line) {
    char *text = NULL;
    size_t room = 0;
    ssize_t length = getline(&text, &room, file);
    if (length > 0) {
        buffer_append(line, text, (size_t)length);
    }
    free(text);
    return length > 0;
}

/* Takes the next line; false at the end of the data. */
static bool next_line(struct cli_copy *copy) {
    buffer_clear(&copy->line);
    copy->at = 0;
    copy->ended = copy->ended || copy->lines == NULL || !copy->lines->next(copy->lines->context, &copy->line);
    struct slice line = buffer_slice(&copy->line);
    while (line.length > 0 && strchr("\r\n", line.bytes[line.length - 1]) != NULL) {
        line.length--;
    }
    copy->ended = copy->ended || slice_equal_text(line, "\\.");
    return !copy->ended;
}

static enum kmb_status read_lines(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    struct cli_copy *copy = context;
    *count = 0;
    copy->begun = true;
    if (copy->at == copy->line.length && (copy->ended || !next_line(copy))) {
        return KMB_OK;
    }
    if (!buffer_ok(&copy->line)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    size_t left = copy->line.length - copy->at;
    *count = left < size ? left : size;
    memcpy(bytes, copy->line.bytes + copy->at, *count);
    copy->at += *count;
    return KMB_OK;
}

static enum kmb_status read_file(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    struct cli_copy *copy = context;
    *count = fread(bytes, 1, size, copy->file);
    return *count == 0 && ferror(copy->file)
               ? error_set(error, KMB_IO, "cannot read %s: %s", copy->file_name, strerror(errno))
               : KMB_OK;
}

static enum kmb_status write_file(void *context, const void *bytes, size_t length, struct kmb_error *error) {
    struct cli_copy *copy = context;
    return fwrite(bytes, 1, length, copy->file) != length
               ? error_set(error, KMB_IO, "cannot write %s: %s", copy->file_name, strerror(errno))
               : KMB_OK;
}

enum kmb_status cli_copy_attach(struct cli_copy *copy, kmb_statement *statement, FILE *out, struct kmb_error *error) {
    copy->begun = false;
    copy->ended = false;
    copy->at = 0;
    buffer_clear(&copy->line);
    switch (kmb_statement_copy(statement)) {
    case KMB_COPY_IN:
        return kmb_copy_from(statement, copy->file != NULL ? read_file : read_lines, copy, error);
    case KMB_COPY_OUT:
        if (copy->file == NULL) {
            copy->file = out;
            copy->file_name = "standard output";
        }
        return kmb_copy_to(statement, write_file, copy, error);
    case KMB_COPY_NONE:
        break;
    }
    return KMB_OK;
}

void cli_copy_finish(struct cli_copy *copy) {
    while (copy->begun && !copy->ended) {
        (void)next_line(copy);
    }
    buffer_free(&copy->line);
}

/* --- \copy --- */

/* Length of the word, quoted text or parenthesis at the start of text. */
static size_t token_length(const char *text) {
    size_t length = 0;
    unsigned depth = 0;
    do {
        if (text[length] == '\'' || text[length] == '"') {
            char quote = text[length++];
            while (text[length] != 0 && text[length] != quote) {
                length++;
            }
        } else if (text[length] == '(') {
            depth++;
        } else if (text[length] == ')' && depth > 0) {
            depth--;
        }
        length += text[length] != 0;
    } while (text[length] != 0 && (depth > 0 || (!isspace((unsigned char)text[length]) && text[length] != '(')));
    return length;
}

/* The name of the file, without its quotes. */
static void append_name(struct buffer *file, const char *token, size_t length) {
    if (length >= 2 && token[0] == '\'' && token[length - 1] == '\'') {
        for (size_t i = 1; i + 1 < length; i++) {
            i += token[i] == '\'' && i + 2 < length && token[i + 1] == '\'';
            buffer_append_byte(file, (uint8_t)token[i]);
        }
        return;
    }
    static const char *const streams[] = {"stdin", "stdout", "pstdin", "pstdout"};
    for (size_t i = 0; i < 4; i++) {
        if (length == strlen(streams[i]) && strncasecmp(token, streams[i], length) == 0) {
            return;
        }
    }
    buffer_append(file, token, length);
}

bool cli_copy_parse(const char *argument, struct buffer *sql, struct buffer *file, bool *from) {
    const char *at = argument;
    while (*at != 0) {
        at += strspn(at, " \t\r\n");
        size_t length = *at == 0 ? 0 : token_length(at);
        bool to = length == 2 && strncasecmp(at, "to", 2) == 0;
        *from = length == 4 && strncasecmp(at, "from", 4) == 0;
        if ((*from || to) && at != argument) {
            const char *name = at + length;
            name += strspn(name, " \t\r\n");
            size_t name_length = *name == 0 ? 0 : token_length(name);
            if (name_length == 0) {
                break;
            }
            if (name_length == 7 && strncasecmp(name, "program", 7) == 0) {
                cli_error(1, "\\copy: PROGRAM is not supported");
                return false;
            }
            append_name(file, name, name_length);
            buffer_append_text(sql, "COPY ");
            buffer_append(sql, argument, (size_t)(at - argument));
            buffer_append_text(sql, *from ? "FROM STDIN" : "TO STDOUT");
            buffer_append_text(sql, name + name_length);
            return true;
        }
        at += length;
    }
    cli_error(1, "\\copy: a table or (query), FROM or TO, and a file are required");
    return false;
}
