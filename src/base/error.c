/*
 * Filling struct kmb_error.
 *
 * An error is a fixed-size struct in the caller's memory, so that reporting "no memory" needs none. The price is that
 * texts have a greatest length; a longer one is cut at a character boundary of UTF-8 and ends in "...", because half a
 * character in a message would make the message itself invalid on the wire and in JSON.
 *
 * Texts are formatted into a local buffer first: callers may pass the error's own message as an argument, as in
 * error_set(error, status, "row %d: %s", row, error->message).
 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

#define ERROR_TEXT_MAX KMB_ERROR_MESSAGE_SIZE
static_assert(ERROR_TEXT_MAX >= KMB_ERROR_DETAIL_SIZE && ERROR_TEXT_MAX >= KMB_ERROR_HINT_SIZE, "largest text");

/* Puts "..." at the end of a text that fills its room, without leaving half a character before it. */
static void text_cut(char *text, size_t size) {
    size_t at = size - 4;
    while (at > 0 && ((unsigned char)text[at] & 0xC0u) == 0x80u) {
        at--;
    }
    memcpy(text + at, "...", 4);
}

static void text_format(char *target, size_t size, const char *format, va_list arguments) {
    char text[ERROR_TEXT_MAX];
    ASSERT(size > 4 && size <= sizeof(text));
    int length = vsnprintf(text, size, format, arguments);
    if (length < 0) {
        memcpy(text, "?", 2);
    } else if ((size_t)length >= size) {
        text_cut(text, size);
    }
    memcpy(target, text, strlen(text) + 1);
}

enum kmb_status error_set_v(struct kmb_error *error, enum kmb_status status, const char *format, va_list arguments) {
    ASSERT(status != KMB_OK);
    if (error == NULL) {
        return status;
    }
    text_format(error->message, sizeof(error->message), format, arguments);
    error->status = status;
    error_clear_rest(error); /* only now: what is formatted may stand in it */
    return status;
}

static void copy_name(char name[KMB_ERROR_NAME_SIZE], struct slice from) {
    size_t length = from.length < KMB_ERROR_NAME_SIZE ? from.length : KMB_ERROR_NAME_SIZE - 1;
    while (length < from.length && length > 0 && (from.bytes[length] & 0xc0u) == 0x80u) {
        length--;
    }
    if (length > 0) {
        memcpy(name, from.bytes, length);
    }
    name[length] = 0;
}

void error_about(struct kmb_error *error, const struct error_about *about) {
    if (error != NULL) {
        copy_name(error->schema, about->schema);
        copy_name(error->table, about->table);
        copy_name(error->column, about->column);
        copy_name(error->datatype, about->datatype);
        copy_name(error->constraint, about->constraint);
    }
}

enum kmb_status error_set(struct kmb_error *error, enum kmb_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    error_set_v(error, status, format, arguments);
    va_end(arguments);
    return status;
}

enum kmb_status error_detail(struct kmb_error *error, const char *format, ...) {
    if (error == NULL) {
        return KMB_INTERNAL;
    }
    va_list arguments;
    va_start(arguments, format);
    text_format(error->detail, sizeof(error->detail), format, arguments);
    va_end(arguments);
    return error->status;
}

enum kmb_status error_context(struct kmb_error *error, const char *format, ...) {
    if (error == NULL) {
        return KMB_INTERNAL;
    }
    va_list arguments;
    va_start(arguments, format);
    text_format(error->context, sizeof(error->context), format, arguments);
    va_end(arguments);
    return error->status;
}

enum kmb_status error_hint(struct kmb_error *error, const char *format, ...) {
    if (error == NULL) {
        return KMB_INTERNAL;
    }
    va_list arguments;
    va_start(arguments, format);
    text_format(error->hint, sizeof(error->hint), format, arguments);
    va_end(arguments);
    return error->status;
}

void error_position(struct kmb_error *error, uint32_t position) {
    if (error != NULL) {
        error->position = position;
    }
}

void error_prefix(struct kmb_error *error, const char *format, ...) {
    if (error == NULL) {
        return;
    }
    char prefix[KMB_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    text_format(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);

    size_t length = strlen(prefix);
    size_t old_length = strlen(error->message);
    const size_t size = sizeof(error->message);
    /* What does not fit falls off the end of the old message; a prefix that alone fills the room keeps its "...". */
    if (length + 2 >= size) {
        memcpy(error->message, prefix, length + 1);
        return;
    }
    size_t kept = length + 2 + old_length < size ? old_length : size - 1 - length - 2;
    memmove(error->message + length + 2, error->message, kept);
    memcpy(error->message, prefix, length);
    memcpy(error->message + length, ": ", 2);
    error->message[length + 2 + kept] = 0;
    if (kept < old_length) {
        text_cut(error->message, size);
    }
}

static const struct {
    enum kmb_status status;
    const char *severity;
} severities[] = {
    {KMB_OK, "NOTICE"}, {KMB_WARNING, "WARNING"}, {KMB_INFO, "INFO"}, {KMB_LOG, "LOG"}, {KMB_DEBUG, "DEBUG"}};

const char *notice_severity(enum kmb_status status) {
    size_t found = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(severities); i++) {
        found = severities[i].status == status ? i : found;
    }
    return status_warns(status) ? "WARNING" : severities[found].severity;
}

enum kmb_status notice_status(struct slice severity) {
    size_t found = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(severities); i++) {
        found = slice_equal_text(severity, severities[i].severity) ? i : found;
    }
    return severities[found].status;
}
