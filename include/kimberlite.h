/*
 * Kimberlite: a compliance-first database. The one public header.
 *
 * All data is an immutable, ordered, hash-chained log; all state is a derived view of it.
 */
#ifndef KIMBERLITE_H
#define KIMBERLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KMB_API __attribute__((visibility("default")))
#else
#define KMB_API
#endif

/*
 * Outcomes. The number is stable; kmb_status_name() gives the name, kmb_error_sqlstate() the SQLSTATE.
 * KMB_ROW and KMB_DONE are answers of kmb_step() alone.
 */
enum kmb_status {
    KMB_OK = 0,
    KMB_ROW = 1,
    KMB_DONE = 2,
    KMB_INTERNAL = 10,
    KMB_USAGE = 11,
    KMB_NO_MEMORY = 12,
    KMB_CANCELLED = 13,
    KMB_BUSY = 14,
    KMB_LIMIT = 15,
    KMB_CONFIG = 16,
    KMB_IO = 20,
    KMB_DISK_FULL = 21,
    KMB_READ_ONLY = 22,
    KMB_FILE_NOT_FOUND = 23,
    KMB_FILE_EXISTS = 24,
    KMB_LOCKED = 25,
    KMB_CORRUPT = 26,
    KMB_FORMAT = 27,
    KMB_FORMAT_VERSION = 28,
    KMB_NO_KEY = 29,
    KMB_WRONG_KEY = 30,
    KMB_FATAL = 31,
    KMB_ROLLED_BACK = 32,
    KMB_CLOCK = 33,
    KMB_PROOF_INVALID = 34,
    KMB_PROJECTION_DAMAGED = 35,
    KMB_NOT_A_DATABASE = 36,
    KMB_TENANT_NOT_FOUND = 40,
    KMB_TENANT_EXISTS = 41,
    KMB_STREAM_NOT_FOUND = 42,
    KMB_STREAM_EXISTS = 43,
    KMB_OFFSET_MISMATCH = 44,
    KMB_INVALID_OFFSET = 45,
    KMB_POSITION_AHEAD = 46,
    KMB_TIME_BEFORE_HISTORY = 47,
    KMB_TIME_IN_FUTURE = 48,
    KMB_TENANT_SEALED = 49,
    KMB_SYNTAX = 60,
    KMB_TOO_COMPLEX = 61,
    KMB_UNSUPPORTED = 62,
    KMB_UNDEFINED_TABLE = 63,
    KMB_UNDEFINED_COLUMN = 64,
    KMB_UNDEFINED_FUNCTION = 65,
    KMB_UNDEFINED_OBJECT = 66,
    KMB_UNDEFINED_PARAMETER = 67,
    KMB_DUPLICATE_TABLE = 68,
    KMB_DUPLICATE_COLUMN = 69,
    KMB_DUPLICATE_OBJECT = 70,
    KMB_DUPLICATE_ALIAS = 71,
    KMB_AMBIGUOUS_COLUMN = 72,
    KMB_AMBIGUOUS_FUNCTION = 73,
    KMB_AMBIGUOUS_PARAMETER = 74,
    KMB_INDETERMINATE_TYPE = 75,
    KMB_DATATYPE_MISMATCH = 76,
    KMB_CANNOT_COERCE = 77,
    KMB_GROUPING = 78,
    KMB_WINDOWING = 79,
    KMB_INVALID_COLUMN_REFERENCE = 80,
    KMB_INVALID_TABLE_DEFINITION = 81,
    KMB_INVALID_COLUMN_DEFINITION = 82,
    KMB_INVALID_NAME = 83,
    KMB_NAME_TOO_LONG = 84,
    KMB_WRONG_OBJECT_TYPE = 85,
    KMB_DEPENDENT_OBJECTS = 86,
    KMB_TOO_MANY_COLUMNS = 87,
    KMB_UNDEFINED_SCHEMA = 88,
    KMB_NOT_NULL_VIOLATION = 90,
    KMB_UNIQUE_VIOLATION = 91,
    KMB_CHECK_VIOLATION = 92,
    KMB_FOREIGN_KEY_VIOLATION = 93,
    KMB_CARDINALITY_VIOLATION = 94,
    KMB_NUMERIC_OUT_OF_RANGE = 100,
    KMB_DIVISION_BY_ZERO = 101,
    KMB_INVALID_TEXT = 102,
    KMB_INVALID_BINARY = 103,
    KMB_INVALID_DATETIME = 104,
    KMB_DATETIME_OVERFLOW = 105,
    KMB_STRING_TOO_LONG = 106,
    KMB_INVALID_ENCODING = 107,
    KMB_INVALID_PARAMETER = 108,
    KMB_INVALID_ESCAPE = 109,
    KMB_INVALID_REGEX = 110,
    KMB_INVALID_LIMIT = 111,
    KMB_INVALID_LOG_ARGUMENT = 112,
    KMB_INVALID_POWER_ARGUMENT = 113,
    KMB_INVALID_JSON = 114,
    KMB_SUBSTRING_ERROR = 115,
    KMB_DATATYPE_RANGE = 116,
    KMB_BAD_COPY_FORMAT = 117,
    KMB_INVALID_OFFSET_CLAUSE = 118,
    KMB_SERIALIZATION = 120,
    KMB_TRANSACTION_ABORTED = 121,
    KMB_TRANSACTION_ACTIVE = 122,
    KMB_NO_TRANSACTION = 123,
    KMB_READ_ONLY_TRANSACTION = 124,
    KMB_HISTORY_READ_ONLY = 125,
    KMB_PERMISSION = 130,
    KMB_AUTHENTICATION = 131,
    KMB_CONNECTION = 132,
};

/* Room of the texts in a struct kmb_error, terminating zero included. Longer texts end in "...". */
#define KMB_ERROR_MESSAGE_SIZE 768
#define KMB_ERROR_DETAIL_SIZE  384
#define KMB_ERROR_HINT_SIZE    384

/*
 * What went wrong, in the caller's memory: no allocation, nothing to free. Zero it before first use.
 * position is the 1-based character in the SQL text, 0 when there is none.
 */
struct kmb_error {
    enum kmb_status status;
    uint32_t position;
    char message[KMB_ERROR_MESSAGE_SIZE];
    char detail[KMB_ERROR_DETAIL_SIZE];
    char hint[KMB_ERROR_HINT_SIZE];
};

#ifdef __cplusplus
}
#endif

#endif
