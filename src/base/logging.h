/*
 * Structured log lines on stderr (or where the host says): time, level, event, key=value pairs. Never user data, never
 * key material. Values with blanks are quoted.
 *
 *     time=2026-01-02T03:04:05.678901Z level=warning event=log.tail.cut segment=3f bytes=812
 *     {"timestamp":"2026-01-02T03:04:05.678Z","level":"warning","target":"log","message":"log.tail.cut",
 *      "fields":{"segment":"3f","bytes":"812"}}                                     (in one line)
 *
 * Any thread may write; a line is written whole.
 */
#ifndef KMB_BASE_LOGGING_H
#define KMB_BASE_LOGGING_H

#include <stdatomic.h>

#include "base/environment.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_OFF };

struct logger {
    _Atomic(enum log_level) level; /* lines below it are dropped; this and the next two may change while others write */
    _Atomic bool json;             /* the second form; target: the event up to its first dot */
    _Atomic int fd;                /* 0: standard error */
    void (*write)(void *context, const char *line); /* one line without the newline; NULL: stderr */
    void *context;
    const struct environment *environment; /* whose clock the lines show; NULL: the machine's */
};

/*
 * event: a dotted name ("log.tail.cut"); then pairs of const char * key and const char * value, ended by NULL. A NULL
 * logger drops the line. A line longer than 2,000 bytes ends in "..."; as JSON it has "cut":true for the fields that
 * found no room.
 */
void logger_write(const struct logger *logger, enum log_level level, const char *event, ...) __attribute__((sentinel));

const char *log_level_name(enum log_level level); /* "warning" */

#endif
