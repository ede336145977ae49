/*
 * Structured log lines on stderr (or where the host says): time, level, event, key=value pairs. Never user data, never
 * key material. Values with blanks are quoted.
 */
#ifndef KMB_BASE_LOGGING_H
#define KMB_BASE_LOGGING_H

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_OFF };

struct logger {
    enum log_level level;
    void (*write)(void *context, const char *line); /* one line without the newline; NULL: stderr */
    void *context;
};

/* event: a dotted name ("log.tail.cut"); then pairs of const char * key and const char * value, ended by NULL. */
void logger_write(const struct logger *logger, enum log_level level, const char *event, ...) __attribute__((sentinel));

#endif
