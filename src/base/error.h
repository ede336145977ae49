/*
 * Filling struct kmb_error.
 *
 * Functions that can fail return enum kmb_status and take a struct kmb_error * as the last argument, which may be NULL.
 * On success the error is left untouched. Messages begin in lower case, carry the offending value, end without a stop.
 */
#ifndef KMB_BASE_ERROR_H
#define KMB_BASE_ERROR_H

#include <stdarg.h>

#include "base/slice.h"
#include "base/status.h"

/* Sets status and message, clears all else. Returns status, so: return error_set(error, KMB_IO, ...).
 */
enum kmb_status error_set(struct kmb_error *error, enum kmb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum kmb_status error_set_v(struct kmb_error *error, enum kmb_status status, const char *format, va_list arguments);

/* Adds to an error that is set. Each returns the error's status (KMB_INTERNAL where error is NULL). */
enum kmb_status error_detail(struct kmb_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum kmb_status error_hint(struct kmb_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum kmb_status error_context(struct kmb_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What an error is about; empty: nothing of the kind. */
struct error_about {
    struct slice schema;
    struct slice table;
    struct slice column;
    struct slice datatype; /* a domain */
    struct slice constraint;
};
/* Names longer than a name may be are cut at a character. */
void error_about(struct kmb_error *error, const struct error_about *about);

/* A notice's severity, as everybody tells it: by its status "INFO", "LOG", "DEBUG", "WARNING", else "NOTICE". */
const char *notice_severity(enum kmb_status status);
/* The status that has this severity; KMB_OK for NOTICE and for one that is not known. */
enum kmb_status notice_status(struct slice severity);

/* position: 1-based character of the SQL text, 0 for none. */
void error_position(struct kmb_error *error, uint32_t position);

/* Puts "context: " before the message, keeping status, detail and hint. */
void error_prefix(struct kmb_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* All but status and message. */
static inline void error_clear_rest(struct kmb_error *error) {
    error->position = 0;
    error->detail[0] = 0;
    error->hint[0] = 0;
    error->schema[0] = 0;
    error->table[0] = 0;
    error->column[0] = 0;
    error->datatype[0] = 0;
    error->constraint[0] = 0;
    error->context[0] = 0;
}

/* Nothing is wrong: only the beginnings of its texts are touched, since all of it is two kilobytes. What is called for
 * each statement begins with this instead of = {0}. */
static inline void error_clear(struct kmb_error *error) {
    if (error != NULL) {
        error->status = KMB_OK;
        error->message[0] = 0;
        error_clear_rest(error);
    }
}

#endif
