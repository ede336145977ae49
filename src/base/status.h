/*
 * The one table of outcomes: internal status <-> wire code <-> SQLSTATE <-> HTTP <-> process exit code <-> name.
 *
 * Columns of KMB_STATUS_TABLE:
 *   name      enum suffix; KMB_<name> is the constant, and its text is what logs and JSON print
 *   number    stable number of the public API (never reused)
 *   wire      error code of the native protocol, version 5 (0..29; spec wire-protocol section 9)
 *   sqlstate  five characters, PostgreSQL's where PostgreSQL has the condition
 *   http      status of the HTTP port
 *   exit      exit code of the command line (G-4): 0 ok, 1 error, 2 usage, 3 connection, 4 authentication,
 *             5 permission, 6 not found
 *
 * include/kimberlite.h repeats name and number for applications; tests/unit/base checks that both agree.
 */
#ifndef KMB_BASE_STATUS_H
#define KMB_BASE_STATUS_H

#include <stdbool.h>

/* clang-format off */
#define KMB_STATUS_TABLE(X)                                                       \
    /* name                   number wire sqlstate http exit */                   \
    X(OK,                          0,   0, "00000", 200, 0)                       \
    X(ROW,                         1,   0, "00000", 200, 0)                       \
    X(DONE,                        2,   0, "02000", 200, 0)                       \
    X(INTERNAL,                   10,   1, "XX000", 500, 1)                       \
    X(USAGE,                      11,   2, "22023", 400, 2)                       \
    X(NO_MEMORY,                  12,   1, "53200", 503, 1)                       \
    X(CANCELLED,                  13,   1, "57014", 499, 1)                       \
    X(BUSY,                       14,   1, "55006", 409, 1)                       \
    X(LIMIT,                      15,   8, "54000", 400, 1)                       \
    X(CONFIG,                     16,   1, "F0000", 500, 1)                       \
    /* files, formats, integrity */                                               \
    X(IO,                         20,  12, "58030", 500, 1)                       \
    X(DISK_FULL,                  21,  12, "53100", 507, 1)                       \
    X(READ_ONLY,                  22,  12, "25006", 403, 1)                       \
    X(FILE_NOT_FOUND,             23,  12, "58P01", 404, 6)                       \
    X(FILE_EXISTS,                24,  12, "58P02", 409, 1)                       \
    X(LOCKED,                     25,  12, "55006", 409, 1)                       \
    X(CORRUPT,                    26,  12, "XX001", 500, 1)                       \
    X(FORMAT,                     27,  12, "XX001", 500, 1)                       \
    X(FORMAT_VERSION,             28,  12, "0A000", 500, 1)                       \
    X(NO_KEY,                     29,  12, "28000", 500, 1)                       \
    X(WRONG_KEY,                  30,  12, "28000", 500, 1)                       \
    X(FATAL,                      31,  12, "58030", 503, 1)                       \
    X(ROLLED_BACK,                32,  12, "XX001", 500, 1)                       \
    X(CLOCK,                      33,   1, "F0001", 503, 1)                       \
    X(PROOF_INVALID,              34,  12, "XX001", 422, 1)                       \
    X(PROJECTION_DAMAGED,         35,  13, "XX001", 503, 1)                       \
    X(NOT_A_DATABASE,             36,  12, "58P01", 404, 6)                       \
    /* tenants, streams, positions */                                             \
    X(TENANT_NOT_FOUND,           40,   4, "3D000", 404, 6)                       \
    X(TENANT_EXISTS,              41,  21, "42P04", 409, 1)                       \
    X(STREAM_NOT_FOUND,           42,   5, "42704", 404, 6)                       \
    X(STREAM_EXISTS,              43,  10, "42710", 409, 1)                       \
    X(OFFSET_MISMATCH,            44,  16, "40001", 409, 1)                       \
    X(INVALID_OFFSET,             45,  11, "22003", 400, 1)                       \
    X(POSITION_AHEAD,             46,   9, "22023", 400, 1)                       \
    X(TIME_BEFORE_HISTORY,        47,   8, "22023", 400, 1)                       \
    X(TIME_IN_FUTURE,             48,   8, "22023", 400, 1)                       \
    X(TENANT_SEALED,              49,   1, "25006", 403, 1)                       \
    /* SQL: class 0A, 22, 23, 25, 40, 42, 53, 54 */                               \
    X(SYNTAX,                     60,   7, "42601", 400, 1)                       \
    X(TOO_COMPLEX,                61,   7, "54001", 400, 1)                       \
    X(UNSUPPORTED,                62,   8, "0A000", 501, 1)                       \
    X(UNDEFINED_TABLE,            63,   6, "42P01", 404, 1)                       \
    X(UNDEFINED_COLUMN,           64,   8, "42703", 400, 1)                       \
    X(UNDEFINED_FUNCTION,         65,   8, "42883", 400, 1)                       \
    X(UNDEFINED_OBJECT,           66,   8, "42704", 400, 1)                       \
    X(UNDEFINED_PARAMETER,        67,   8, "42P02", 400, 1)                       \
    X(DUPLICATE_TABLE,            68,  10, "42P07", 409, 1)                       \
    X(DUPLICATE_COLUMN,           69,  10, "42701", 409, 1)                       \
    X(DUPLICATE_OBJECT,           70,  10, "42710", 409, 1)                       \
    X(DUPLICATE_ALIAS,            71,   8, "42712", 400, 1)                       \
    X(AMBIGUOUS_COLUMN,           72,   8, "42702", 400, 1)                       \
    X(AMBIGUOUS_FUNCTION,         73,   8, "42725", 400, 1)                       \
    X(AMBIGUOUS_PARAMETER,        74,   8, "42P08", 400, 1)                       \
    X(INDETERMINATE_TYPE,         75,   8, "42P18", 400, 1)                       \
    X(DATATYPE_MISMATCH,          76,   8, "42804", 400, 1)                       \
    X(CANNOT_COERCE,              77,   8, "42846", 400, 1)                       \
    X(GROUPING,                   78,   8, "42803", 400, 1)                       \
    X(WINDOWING,                  79,   8, "42P20", 400, 1)                       \
    X(INVALID_COLUMN_REFERENCE,   80,   8, "42P10", 400, 1)                       \
    X(INVALID_TABLE_DEFINITION,   81,   8, "42P16", 400, 1)                       \
    X(INVALID_COLUMN_DEFINITION,  82,   8, "42611", 400, 1)                       \
    X(INVALID_NAME,               83,   8, "42602", 400, 1)                       \
    X(NAME_TOO_LONG,              84,   8, "42622", 400, 1)                       \
    X(WRONG_OBJECT_TYPE,          85,   8, "42809", 400, 1)                       \
    X(DEPENDENT_OBJECTS,          86,   8, "2BP01", 409, 1)                       \
    X(TOO_MANY_COLUMNS,           87,   8, "54011", 400, 1)                       \
    X(UNDEFINED_SCHEMA,           88,   8, "3F000", 400, 1)                       \
    X(INVALID_RECURSION,          89,   8, "42P19", 400, 1)                       \
    X(NOT_NULL_VIOLATION,         90,   8, "23502", 409, 1)                       \
    X(UNIQUE_VIOLATION,           91,  29, "23505", 409, 1)                       \
    X(CHECK_VIOLATION,            92,   8, "23514", 409, 1)                       \
    X(FOREIGN_KEY_VIOLATION,      93,   8, "23503", 409, 1)                       \
    X(CARDINALITY_VIOLATION,      94,   8, "21000", 409, 1)                       \
    X(OBJECT_NOT_IN_STATE,        95,   8, "55000", 409, 1)                       \
    X(INVALID_SAVEPOINT,          96,   8, "3B001", 400, 1)                       \
    X(GENERATED_ALWAYS,           97,   8, "428C9", 400, 1)                       \
    X(INVALID_FOREIGN_KEY,        98,   8, "42830", 400, 1)                       \
    X(INVALID_OBJECT_DEFINITION,  99,   8, "42P17", 400, 1)                       \
    X(NUMERIC_OUT_OF_RANGE,      100,   8, "22003", 400, 1)                       \
    X(DIVISION_BY_ZERO,          101,   8, "22012", 400, 1)                       \
    X(INVALID_TEXT,              102,   8, "22P02", 400, 1)                       \
    X(INVALID_BINARY,            103,   8, "22P03", 400, 1)                       \
    X(INVALID_DATETIME,          104,   8, "22007", 400, 1)                       \
    X(DATETIME_OVERFLOW,         105,   8, "22008", 400, 1)                       \
    X(STRING_TOO_LONG,           106,   8, "22001", 400, 1)                       \
    X(INVALID_ENCODING,          107,   8, "22021", 400, 1)                       \
    X(INVALID_PARAMETER,         108,   8, "22023", 400, 1)                       \
    X(INVALID_ESCAPE,            109,   8, "22025", 400, 1)                       \
    X(INVALID_REGEX,             110,   8, "2201B", 400, 1)                       \
    X(INVALID_LIMIT,             111,   8, "2201W", 400, 1)                       \
    X(INVALID_LOG_ARGUMENT,      112,   8, "2201E", 400, 1)                       \
    X(INVALID_POWER_ARGUMENT,    113,   8, "2201F", 400, 1)                       \
    X(INVALID_JSON,              114,   8, "22P02", 400, 1)                       \
    X(SUBSTRING_ERROR,           115,   8, "22011", 400, 1)                       \
    X(DATATYPE_RANGE,            116,   8, "22003", 400, 1)                       \
    X(BAD_COPY_FORMAT,           117,   8, "22P04", 400, 1)                       \
    X(INVALID_OFFSET_CLAUSE,     118,   8, "2201X", 400, 1)                       \
    X(INTERVAL_OVERFLOW,         119,   8, "22015", 400, 1)                       \
    X(SERIALIZATION,             120,   8, "40001", 409, 1)                       \
    X(TRANSACTION_ABORTED,       121,   8, "25P02", 409, 1)                       \
    X(TRANSACTION_ACTIVE,        122,   8, "25001", 409, 1)                       \
    X(NO_TRANSACTION,            123,   8, "25P01", 409, 1)                       \
    X(READ_ONLY_TRANSACTION,     124,   8, "25006", 403, 1)                       \
    X(HISTORY_READ_ONLY,         125,   8, "25006", 400, 1)                       \
    X(INVALID_FRAME_OFFSET,      126,   8, "22013", 400, 1)                       \
    X(INVALID_NTILE,             127,   8, "22014", 400, 1)                       \
    X(INVALID_NTH_VALUE,         128,   8, "22016", 400, 1)                       \
    X(NULL_NOT_ALLOWED,          129,   8, "22004", 400, 1)                       \
    X(PERMISSION,                130,   3, "42501", 403, 5)                       \
    X(AUTHENTICATION,            131,   3, "28000", 401, 4)                       \
    X(CONNECTION,                132,   1, "08006", 503, 3)                       \
    X(INVALID_WIDTH_BUCKET,      133,   8, "2201G", 400, 1)                       \
    X(INVALID_ZONE_OFFSET,       134,   8, "22009", 400, 1)                       \
    X(SEQUENCE_LIMIT,            135,   8, "2200H", 400, 1)                       \
    X(ARRAY_SUBSCRIPT,           136,   8, "2202E", 400, 1)                       \
    X(JSON_SUBSCRIPT,            137,   8, "22033", 400, 1)                       \
    X(JSON_NOT_A_NUMBER,         138,   8, "22036", 400, 1)                       \
    X(JSON_SINGLE_ITEM,          139,   8, "22038", 400, 1)                       \
    X(JSON_ARRAY_NOT_FOUND,      140,   8, "22039", 400, 1)                       \
    X(JSON_MEMBER_NOT_FOUND,     141,   8, "2203A", 400, 1)                       \
    X(JSON_NUMBER_NOT_FOUND,     142,   8, "2203B", 400, 1)                       \
    X(JSON_OBJECT_NOT_FOUND,     143,   8, "2203C", 400, 1)                       \
    X(DUPLICATE_PREPARED,        144,   8, "42P05", 409, 1)                       \
    X(UNDEFINED_PREPARED,        145,   8, "26000", 404, 1)                       \
    X(DATA_EXCEPTION,            146,   8, "22000", 400, 1)                       \
    X(UNDEFINED_CURSOR,          160,   8, "34000", 404, 1)                       \
    X(DUPLICATE_CURSOR,          161,   8, "42P03", 409, 1)                       \
    X(INVALID_CURSOR_STATE,      162,   8, "24000", 409, 1)                       \
    X(INVALID_CURSOR_DEFINITION, 163,   8, "42P11", 400, 1)                       \
    X(INVALID_SAMPLE_ARGUMENT,   164,   8, "2202H", 400, 1)                       \
    X(INVALID_SAMPLE_REPEAT,     165,   8, "2202G", 400, 1)                       \
    X(TEMP_FILE_LIMIT,           170,   1, "53400", 503, 1)                       \
    X(DUPLICATE_SCHEMA,          175,   8, "42P06", 409, 1)                       \
    X(RESERVED_NAME,             176,   8, "42939", 400, 1)                       \
    X(INVALID_SCHEMA_DEFINITION, 177,   8, "42P15", 400, 1)                       \
    X(AMBIGUOUS_ALIAS,           178,   8, "42P09", 400, 1)                       \
    X(VIEW_CHECK_VIOLATION,      185,   8, "44000", 409, 1)                       \
    /* of a server: class 53, 57 */                                               \
    X(SHUTDOWN,                  191,   1, "57P01", 503, 3)                       \
    X(IDLE_TIMEOUT,              192,   1, "57P05", 408, 3)                       \
    X(IDLE_TRANSACTION_TIMEOUT,  193,   1, "25P03", 408, 3)                       \
    X(PROTOCOL,                  200,   2, "08P01", 400, 3)                       \
    X(SUBSCRIPTION_NOT_FOUND,    201,  17, "42704", 404, 6)                       \
    X(RATE_LIMITED,              202,  14, "53400", 429, 1)                       \
    /* identity */                                                                \
    X(INVALID_PASSWORD,          210,   3, "28P01", 401, 4)                       \
    X(API_KEY_NOT_FOUND,         211,  20, "42704", 404, 6)                       \
    X(TOO_MANY_ATTEMPTS,         212,  14, "28000", 429, 4)                       \
    X(TOO_MANY_CONNECTIONS,      213,  14, "53300", 503, 3)                       \
    X(SETTING_FIXED,             230,   8, "55P02", 400, 1)                       \
    X(DEADLOCK,                  231,   8, "40P01", 409, 1)                       \
    X(LOCK_NOT_AVAILABLE,        232,   8, "55P03", 409, 1)                       \
    X(RAISED,                    233,   8, "P0001", 400, 1)                       \
    X(WARNING,                   234,   8, "01000", 400, 1)                       \
    X(JSON_DATETIME,             235,   8, "22031", 400, 1)                       \
    X(UNTRANSLATABLE_CHARACTER,  236,   8, "22P05", 400, 1)                       \
    X(INFO,                      240,   0, "00000", 200, 0)                       \
    X(LOG,                       241,   0, "00000", 200, 0)                       \
    X(DEBUG,                     242,   0, "00000", 200, 0)                       \
    X(NO_DATA_FOUND,             243,   8, "P0002", 400, 1)                       \
    X(TOO_MANY_ROWS,             244,   8, "P0003", 400, 1)                       \
    X(RESTRICT_VIOLATION,        245,   8, "23001", 409, 1)

/* clang-format on */

#include "kimberlite.h"

/* Facts of one status. */
struct status_row {
    enum kmb_status status;
    const char *name; /* "UNIQUE_VIOLATION" */
    unsigned wire;    /* 0..29 */
    char sqlstate[6];
    unsigned http;
    int exit_code;
};

/* The row of a status; an unknown number answers INTERNAL's row. Never NULL. */
const struct status_row *status_row_of(enum kmb_status status);

/* The first status in the table with this SQLSTATE, or KMB_INTERNAL. */
enum kmb_status status_of_sqlstate(const char sqlstate[5]);

/* Of notices: those of which PostgreSQL warns. */
static inline bool status_warns(enum kmb_status status) {
    return status == KMB_WARNING || status == KMB_NO_TRANSACTION;
}

#endif
