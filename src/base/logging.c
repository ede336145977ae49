/*
 * One event, one line, for people and for machines: logfmt.
 *
 * A line is put together in a fixed buffer on the stack and leaves in one write, so that lines of several threads do
 * not mix and that reporting "no memory" needs none. Values are quoted when they hold blanks, quotes or control
 * characters, and those are escaped: a value cannot forge a second line or a second field.
 */
#include "base/logging.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

#define LOG_LINE_MAX 2000

struct line {
    char text[LOG_LINE_MAX + 32]; /* room for what tells of a cut, newline and zero */
    size_t length;
    bool cut;
};

static void line_put(struct line *line, const char *text, size_t length) {
    if (line->cut || length > LOG_LINE_MAX - line->length) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void line_text(struct line *line, const char *text) {
    line_put(line, text, strlen(text));
}

static bool value_is_plain(const char *value) {
    for (const char *at = value; *at != 0; at++) {
        unsigned char character = (unsigned char)*at;
        if (character <= ' ' || character == '"' || character == '\\' || character == '=' || character == 127) {
            return false;
        }
    }
    return value[0] != 0;
}

static void line_value(struct line *line, const char *value) {
    if (value_is_plain(value)) {
        line_text(line, value);
        return;
    }
    line_text(line, "\"");
    for (const char *at = value; *at != 0; at++) {
        unsigned char character = (unsigned char)*at;
        if (character == '"' || character == '\\') {
            char pair[2] = {'\\', *at};
            line_put(line, pair, 2);
        } else if (character < ' ' || character == 127) {
            char escape[8];
            snprintf(escape, sizeof(escape), "\\x%02x", character);
            line_text(line, escape);
        } else {
            line_put(line, at, 1);
        }
    }
    line_text(line, "\"");
}

/* Days since 1970-01-01 to a date of the Gregorian calendar, by eras of 400 years that begin on 1 March. */
static void line_time(struct line *line, int64_t time_us, bool to_ms) {
    int64_t seconds = time_us / 1000000 - (time_us % 1000000 < 0);
    int64_t micros = time_us - seconds * 1000000;
    int64_t days = seconds / 86400 - (seconds % 86400 < 0);
    int64_t in_day = seconds - days * 86400;
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097 - (shifted % 146097 < 0);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    char text[80];
    snprintf(text, sizeof(text), "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%0*lldZ", (long long)year, (long long)month,
             (long long)day, (long long)(in_day / 3600), (long long)(in_day / 60 % 60), (long long)(in_day % 60),
             to_ms ? 3 : 6, (long long)(to_ms ? micros / 1000 : micros));
    line_text(line, text);
}

const char *log_level_name(enum log_level level) {
    static const char *const names[] = {"debug", "info", "warning", "error", "off"};
    ASSERT((size_t)level < ARRAY_LENGTH(names));
    return names[level];
}

/* In quotes, with JSON's escapes; what is no ASCII goes as it is. */
static void json_string(struct line *line, const char *text, size_t length) {
    line_text(line, "\"");
    for (size_t i = 0; i < length; i++) {
        unsigned char character = (unsigned char)text[i];
        char escape[8];
        if (character == '"' || character == '\\') {
            snprintf(escape, sizeof(escape), "\\%c", character);
            line_text(line, escape);
        } else if (character < ' ' || character == 127) {
            snprintf(escape, sizeof(escape), "\\u%04x", character);
            line_text(line, escape);
        } else {
            line_put(line, text + i, 1);
        }
    }
    line_text(line, "\"");
}

static void write_logfmt(struct line *line, int64_t time_us, enum log_level level, const char *event, va_list pairs) {
    line_text(line, "time=");
    line_time(line, time_us, false);
    line_text(line, " level=");
    line_text(line, log_level_name(level));
    line_text(line, " event=");
    line_value(line, event);
    const char *key;
    while ((key = va_arg(pairs, const char *)) != NULL) {
        const char *value = va_arg(pairs, const char *);
        line_text(line, " ");
        line_text(line, key);
        line_text(line, "=");
        line_value(line, value == NULL ? "" : value);
    }
    if (line->cut) {
        memcpy(line->text + line->length, "...", 3);
        line->length += 3;
    }
}

static void write_json(struct line *line, int64_t time_us, enum log_level level, const char *event, va_list pairs) {
    line_text(line, "{\"timestamp\":\"");
    line_time(line, time_us, true);
    line_text(line, "\",\"level\":\"");
    line_text(line, log_level_name(level));
    line_text(line, "\",\"target\":");
    json_string(line, event, strcspn(event, "."));
    line_text(line, ",\"message\":");
    json_string(line, event, strlen(event));
    line_text(line, ",\"fields\":{");
    const char *key;
    bool cut = false;
    for (bool first = true; (key = va_arg(pairs, const char *)) != NULL;) {
        const char *value = va_arg(pairs, const char *);
        size_t before = line->length;
        line_text(line, first ? "" : ",");
        json_string(line, key, strlen(key));
        line_text(line, ":");
        json_string(line, value == NULL ? "" : value, value == NULL ? 0 : strlen(value));
        if (line->cut) { /* a line must stay whole: this field is left out */
            line->length = before;
            line->cut = false;
            cut = true;
        } else {
            first = false;
        }
    }
    const char *end = cut ? "},\"cut\":true}" : "}}";
    memcpy(line->text + line->length, end, strlen(end));
    line->length += strlen(end);
}

void logger_write(const struct logger *logger, enum log_level level, const char *event, ...) {
    ASSERT(level < LOG_OFF);
    if (logger == NULL || level < logger->level) {
        return;
    }
    struct environment machine = environment_system();
    const struct environment *environment = logger->environment != NULL ? logger->environment : &machine;
    struct line line = {.length = 0};
    int64_t time_us = environment->time_us(environment->context);
    va_list pairs;
    va_start(pairs, event);
    if (logger->json) {
        write_json(&line, time_us, level, event, pairs);
    } else {
        write_logfmt(&line, time_us, level, event, pairs);
    }
    va_end(pairs);
    line.text[line.length] = 0;
    if (logger->write != NULL) {
        logger->write(logger->context, line.text);
        return;
    }
    line.text[line.length++] = '\n';
    int fd = logger->fd;
    ssize_t written = write(fd == 0 ? STDERR_FILENO : fd, line.text, line.length);
    (void)written; /* a log that cannot be written has nowhere to say so */
}
