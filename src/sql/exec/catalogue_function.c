/*
 * pg_catalog, continued: functions, aggregates, operators and casts, as the one table of them has them, and what types
 * are read and written with. Those have PostgreSQL's numbers; a function of the table is numbered by its place in it.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/exec/catalogue.h"
#include "sql/func/function.h"
#include "types/array.h"

#define OID_FUNCTIONS 13400 /* below what is a tenant's */
#define OID_CAST      10000 /* those of pg_cast, by their place */
#define OID_LANGUAGE  12

/* What PostgreSQL reads and writes a type with, and how a value of it lies in memory. Of arrays: UNKNOWN. */
struct type_functions {
    struct {
        int64_t oid;
        const char *name;
    } functions[CATALOGUE_TYPE_FUNCTIONS];
    const char *align;
    const char *storage;
    bool by_value;
};

/* clang-format off */
static const struct type_functions TYPE_FUNCTIONS[TYPE_COUNT] = {
    [TYPE_BOOL] = {{{1242, "boolin"}, {1243, "boolout"}, {2436, "boolrecv"}, {2437, "boolsend"}}, "c", "p", true},
    [TYPE_BYTEA] = {{{1244, "byteain"}, {31, "byteaout"}, {2412, "bytearecv"}, {2413, "byteasend"}}, "i", "x", false},
    [TYPE_CHAR] = {{{1245, "charin"}, {33, "charout"}, {2434, "charrecv"}, {2435, "charsend"}}, "c", "p", true},
    [TYPE_NAME] = {{{34, "namein"}, {35, "nameout"}, {2422, "namerecv"}, {2423, "namesend"}}, "c", "p", false},
    [TYPE_INT8] = {{{460, "int8in"}, {461, "int8out"}, {2408, "int8recv"}, {2409, "int8send"}}, "d", "p", true},
    [TYPE_INT2] = {{{38, "int2in"}, {39, "int2out"}, {2404, "int2recv"}, {2405, "int2send"}}, "s", "p", true},
    [TYPE_INT4] = {{{42, "int4in"}, {43, "int4out"}, {2406, "int4recv"}, {2407, "int4send"}}, "i", "p", true},
    [TYPE_REGPROC] = {{{44, "regprocin"}, {45, "regprocout"}, {2444, "regprocrecv"}, {2445, "regprocsend"}}, "i", "p", true},
    [TYPE_REGPROCEDURE] = {{{2212, "regprocedurein"}, {2213, "regprocedureout"}, {2446, "regprocedurerecv"}, {2447, "regproceduresend"}}, "i", "p", true},
    [TYPE_REGOPERATOR] = {{{2216, "regoperatorin"}, {2217, "regoperatorout"}, {2450, "regoperatorrecv"}, {2451, "regoperatorsend"}}, "i", "p", true},
    [TYPE_TEXT] = {{{46, "textin"}, {47, "textout"}, {2414, "textrecv"}, {2415, "textsend"}}, "i", "x", false},
    [TYPE_OID] = {{{1798, "oidin"}, {1799, "oidout"}, {2418, "oidrecv"}, {2419, "oidsend"}}, "i", "p", true},
    [TYPE_JSON] = {{{321, "json_in"}, {322, "json_out"}, {323, "json_recv"}, {324, "json_send"}}, "i", "x", false},
    [TYPE_FLOAT4] = {{{200, "float4in"}, {201, "float4out"}, {2424, "float4recv"}, {2425, "float4send"}}, "i", "p", true},
    [TYPE_FLOAT8] = {{{214, "float8in"}, {215, "float8out"}, {2426, "float8recv"}, {2427, "float8send"}}, "d", "p", true},
    [TYPE_BPCHAR] = {{{1044, "bpcharin"}, {1045, "bpcharout"}, {2430, "bpcharrecv"}, {2431, "bpcharsend"}}, "i", "x", false},
    [TYPE_VARCHAR] = {{{1046, "varcharin"}, {1047, "varcharout"}, {2432, "varcharrecv"}, {2433, "varcharsend"}}, "i", "x", false},
    [TYPE_DATE] = {{{1084, "date_in"}, {1085, "date_out"}, {2468, "date_recv"}, {2469, "date_send"}}, "i", "p", true},
    [TYPE_TIME] = {{{1143, "time_in"}, {1144, "time_out"}, {2470, "time_recv"}, {2471, "time_send"}}, "d", "p", true},
    [TYPE_TIMESTAMP] = {{{1312, "timestamp_in"}, {1313, "timestamp_out"}, {2474, "timestamp_recv"}, {2475, "timestamp_send"}}, "d", "p", true},
    [TYPE_TIMESTAMPTZ] = {{{1150, "timestamptz_in"}, {1151, "timestamptz_out"}, {2476, "timestamptz_recv"}, {2477, "timestamptz_send"}}, "d", "p", true},
    [TYPE_INTERVAL] = {{{1160, "interval_in"}, {1161, "interval_out"}, {2478, "interval_recv"}, {2479, "interval_send"}}, "d", "p", false},
    [TYPE_NUMERIC] = {{{1701, "numeric_in"}, {1702, "numeric_out"}, {2460, "numeric_recv"}, {2461, "numeric_send"}}, "i", "m", false},
    [TYPE_REGCLASS] = {{{2218, "regclassin"}, {2219, "regclassout"}, {2452, "regclassrecv"}, {2453, "regclasssend"}}, "i", "p", true},
    [TYPE_REGTYPE] = {{{2220, "regtypein"}, {2221, "regtypeout"}, {2454, "regtyperecv"}, {2455, "regtypesend"}}, "i", "p", true},
    [TYPE_REGROLE] = {{{4098, "regrolein"}, {4092, "regroleout"}, {4094, "regrolerecv"}, {4095, "regrolesend"}}, "i", "p", true},
    [TYPE_REGNAMESPACE] = {{{4084, "regnamespacein"}, {4085, "regnamespaceout"}, {4087, "regnamespacerecv"}, {4088, "regnamespacesend"}}, "i", "p", true},
    [TYPE_UUID] = {{{2952, "uuid_in"}, {2953, "uuid_out"}, {2961, "uuid_recv"}, {2962, "uuid_send"}}, "c", "p", false},
    [TYPE_JSONB] = {{{3806, "jsonb_in"}, {3804, "jsonb_out"}, {3805, "jsonb_recv"}, {3803, "jsonb_send"}}, "i", "x", false},
    [TYPE_UNKNOWN] = {{{750, "array_in"}, {751, "array_out"}, {2400, "array_recv"}, {2401, "array_send"}}, "i", "x", false},
    [TYPE_ENUM] = {{{3506, "enum_in"}, {3507, "enum_out"}, {3532, "enum_recv"}, {3533, "enum_send"}}, "i", "p", true},
};
/* clang-format on */

/* Of domains, and of rows. */
static const struct {
    int64_t oid;
    const char *name;
} OTHER_FUNCTIONS[] = {{2597, "domain_in"},  {2598, "domain_recv"}, {2290, "record_in"},
                       {2291, "record_out"}, {2402, "record_recv"}, {2403, "record_send"}};

static const struct type_functions *functions_of(enum type_id id) {
    enum type_id kind = type_is_array(id) ? TYPE_UNKNOWN : id == TYPE_TINYINT ? TYPE_INT2 : type_kind(id);
    return &TYPE_FUNCTIONS[kind];
}

int64_t catalogue_type_function(enum type_id id, enum catalogue_type_function which) {
    return functions_of(id)->functions[which].oid;
}
const char *catalogue_type_align(enum type_id id) {
    return functions_of(id)->align;
}
const char *catalogue_type_storage(enum type_id id) {
    return functions_of(id)->storage;
}
bool catalogue_type_by_value(enum type_id id) {
    return functions_of(id)->by_value;
}

/* --- numbers --- */

int64_t catalogue_oid_function(const struct sql_function *function) {
    uint32_t count = 0;
    return OID_FUNCTIONS + (function - sql_function_table(&count));
}

const struct sql_function *catalogue_function_of(int64_t oid) {
    uint32_t count = 0;
    const struct sql_function *table = sql_function_table(&count);
    return oid >= OID_FUNCTIONS && oid < OID_FUNCTIONS + (int64_t)count ? &table[oid - OID_FUNCTIONS] : NULL;
}

const char *catalogue_function_of_oid(int64_t oid) {
    const struct sql_function *function = catalogue_function_of(oid);
    for (size_t i = 0; i < ARRAY_LENGTH(TYPE_FUNCTIONS) && function == NULL; i++) {
        for (size_t k = 0; k < CATALOGUE_TYPE_FUNCTIONS; k++) {
            if (TYPE_FUNCTIONS[i].functions[k].oid == oid && oid != 0) {
                return TYPE_FUNCTIONS[i].functions[k].name;
            }
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(OTHER_FUNCTIONS) && function == NULL; i++) {
        if (OTHER_FUNCTIONS[i].oid == oid) {
            return OTHER_FUNCTIONS[i].name;
        }
    }
    return function == NULL ? NULL : function->name;
}

static bool callable(const struct sql_function *function) {
    return function->class != SQL_FUNCTION_OPERATOR && function->class != SQL_FUNCTION_CAST;
}

bool catalogue_function_exact(const char *name, const int64_t *types, uint32_t type_count, int64_t *oid) {
    uint32_t count = 0;
    const struct sql_function *table = sql_function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        bool same = callable(&table[i]) && strcmp(table[i].name, name) == 0 && table[i].argument_count == type_count;
        for (uint32_t k = 0; same && k < type_count; k++) {
            same = catalogue_oid_type(type_make(table[i].arguments[k])) == types[k];
        }
        if (same) {
            *oid = OID_FUNCTIONS + i;
            return true;
        }
    }
    return false;
}

uint32_t catalogue_function_named(const char *name, int64_t *oid) {
    uint32_t count = 0;
    uint32_t found = 0;
    const struct sql_function *table = sql_function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (callable(&table[i]) && strcmp(table[i].name, name) == 0 && found++ == 0) {
            *oid = OID_FUNCTIONS + i;
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(TYPE_FUNCTIONS) && found == 0; i++) {
        for (size_t k = 0; k < CATALOGUE_TYPE_FUNCTIONS; k++) {
            if (TYPE_FUNCTIONS[i].functions[k].oid != 0 && strcmp(TYPE_FUNCTIONS[i].functions[k].name, name) == 0) {
                *oid = TYPE_FUNCTIONS[i].functions[k].oid;
                found = 1;
            }
        }
    }
    return found;
}

/* --- pg_proc --- */

static const struct plan_column proc_columns[] = {OID("oid"),           NAME("proname"),      OID("pronamespace"),
                                                  OID("proowner"),      OID("prolang"),       REAL("procost"),
                                                  REAL("prorows"),      OID("provariadic"),   PROC("prosupport"),
                                                  CHAR("prokind"),      BOOL("prosecdef"),    BOOL("proleakproof"),
                                                  BOOL("proisstrict"),  BOOL("proretset"),    CHAR("provolatile"),
                                                  CHAR("proparallel"),  INT2("pronargs"),     INT2("pronargdefaults"),
                                                  OID("prorettype"),    OIDV("proargtypes"),  OIDS("proallargtypes"),
                                                  CHARS("proargmodes"), TEXTS("proargnames"), TEXT("proargdefaults"),
                                                  OIDS("protrftypes"),  TEXT("prosrc"),       TEXT("probin"),
                                                  TEXT("prosqlbody"),   TEXTS("proconfig"),   TEXTS("proacl")};

static int64_t system_schema(struct catalogue_rows *rows) {
    return catalogue_oid_schema(rows->catalogue, slice_text(SQL_SCHEMA_SYSTEM));
}

static const char *proc_kind(const struct sql_function *function) {
    return function->class == SQL_FUNCTION_AGGREGATE ? "a" : function->class == SQL_FUNCTION_WINDOW ? "w" : "f";
}

static const char *proc_volatility(const struct sql_function *function) {
    return function->volatility == SQL_IMMUTABLE ? "i" : function->volatility == SQL_STABLE ? "s" : "v";
}

static void proc_row(struct catalogue_rows *rows, const struct sql_function *function) {
    int64_t arguments[SQL_FUNCTION_ARGUMENTS_MAX];
    bool set = function->class == SQL_FUNCTION_SET;
    for (uint32_t i = 0; i < function->argument_count; i++) {
        arguments[i] = type_oid(function->arguments[i]);
    }
    catalogue_number(rows, catalogue_oid_function(function));
    catalogue_word(rows, function->name);
    catalogue_number(rows, system_schema(rows));
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_number(rows, OID_LANGUAGE);
    catalogue_value(rows, value_real(TYPE_FLOAT4, 1));
    catalogue_value(rows, value_real(TYPE_FLOAT4, set ? 1000 : 0));
    catalogue_number(rows, function->variadic ? type_oid(function->arguments[function->argument_count - 1]) : 0);
    catalogue_function(rows, 0);
    catalogue_word(rows, proc_kind(function));
    catalogue_bool(rows, false);
    catalogue_bool(rows, false);
    catalogue_bool(rows, function->strict);
    catalogue_bool(rows, set);
    catalogue_word(rows, proc_volatility(function));
    catalogue_word(rows, "s");
    catalogue_number(rows, function->argument_count);
    catalogue_number(rows, 0);
    catalogue_number(rows, type_oid(function->result));
    catalogue_vector(rows, arguments, function->argument_count);
    catalogue_nulls(rows, 5);
    catalogue_word(rows, function->name);
    catalogue_nulls(rows, 4);
}

/* What a type is read or written with: nobody calls it, and it takes and gives what is no type here. */
static void type_proc_row(struct catalogue_rows *rows, int64_t oid, const char *name) {
    catalogue_number(rows, oid);
    catalogue_word(rows, name);
    catalogue_number(rows, system_schema(rows));
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_number(rows, OID_LANGUAGE);
    catalogue_value(rows, value_real(TYPE_FLOAT4, 1));
    catalogue_value(rows, value_real(TYPE_FLOAT4, 0));
    catalogue_number(rows, 0);
    catalogue_function(rows, 0);
    catalogue_word(rows, "f");
    catalogue_bool(rows, false);
    catalogue_bool(rows, false);
    catalogue_bool(rows, true);
    catalogue_bool(rows, false);
    catalogue_word(rows, "s");
    catalogue_word(rows, "s");
    catalogue_number(rows, 1);
    catalogue_number(rows, 0);
    catalogue_number(rows, 0);
    catalogue_vector(rows, NULL, 0);
    catalogue_nulls(rows, 5);
    catalogue_word(rows, name);
    catalogue_nulls(rows, 4);
}

static void pg_proc(struct catalogue_rows *rows) {
    uint32_t count = 0;
    const struct sql_function *table = sql_function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (callable(&table[i])) {
            proc_row(rows, &table[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(TYPE_FUNCTIONS); i++) {
        for (size_t k = 0; k < CATALOGUE_TYPE_FUNCTIONS; k++) {
            if (TYPE_FUNCTIONS[i].functions[k].oid != 0) {
                type_proc_row(rows, TYPE_FUNCTIONS[i].functions[k].oid, TYPE_FUNCTIONS[i].functions[k].name);
            }
        }
    }
}

/* --- pg_aggregate --- */

static const struct plan_column aggregate_columns[] = {
    PROC("aggfnoid"),       CHAR("aggkind"),        INT2("aggnumdirectargs"), PROC("aggtransfn"),
    PROC("aggfinalfn"),     PROC("aggcombinefn"),   PROC("aggserialfn"),      PROC("aggdeserialfn"),
    PROC("aggmtransfn"),    PROC("aggminvtransfn"), PROC("aggmfinalfn"),      BOOL("aggfinalextra"),
    BOOL("aggmfinalextra"), CHAR("aggfinalmodify"), CHAR("aggmfinalmodify"),  OID("aggsortop"),
    OID("aggtranstype"),    INT4("aggtransspace"),  OID("aggmtranstype"),     INT4("aggmtransspace"),
    TEXT("agginitval"),     TEXT("aggminitval")};

static void pg_aggregate(struct catalogue_rows *rows) {
    uint32_t count = 0;
    const struct sql_function *table = sql_function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (table[i].class != SQL_FUNCTION_AGGREGATE) {
            continue;
        }
        catalogue_function(rows, OID_FUNCTIONS + i);
        catalogue_word(rows, table[i].ordered_set == SQL_ORDERED_SET_NONE ? "n" : "o");
        catalogue_number(rows, 0);
        for (int k = 0; k < 8; k++) {
            catalogue_function(rows, 0);
        }
        catalogue_bool(rows, false);
        catalogue_bool(rows, false);
        catalogue_word(rows, "r");
        catalogue_word(rows, "r");
        for (int k = 0; k < 5; k++) {
            catalogue_number(rows, 0);
        }
        catalogue_nulls(rows, 2);
    }
}

/* --- pg_operator, pg_cast --- */

static const struct plan_column oper_columns[] = {
    OID("oid"),          NAME("oprname"),    OID("oprnamespace"), OID("oprowner"), CHAR("oprkind"),
    BOOL("oprcanmerge"), BOOL("oprcanhash"), OID("oprleft"),      OID("oprright"), OID("oprresult"),
    OID("oprcom"),       OID("oprnegate"),   PROC("oprcode"),     PROC("oprrest"), PROC("oprjoin")};

static void pg_operator(struct catalogue_rows *rows) {
    uint32_t count = 0;
    const struct sql_function *table = sql_function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        bool unary = table[i].argument_count == 1;
        bool equal = strcmp(table[i].name, "=") == 0;
        if (table[i].class != SQL_FUNCTION_OPERATOR) {
            continue;
        }
        catalogue_number(rows, OID_FUNCTIONS + i);
        catalogue_word(rows, table[i].name);
        catalogue_number(rows, system_schema(rows));
        catalogue_number(rows, CATALOGUE_OID_OWNER);
        catalogue_word(rows, unary ? "l" : "b");
        catalogue_bool(rows, equal);
        catalogue_bool(rows, equal);
        catalogue_number(rows, unary ? 0 : type_oid(table[i].arguments[0]));
        catalogue_number(rows, type_oid(table[i].arguments[unary ? 0 : 1]));
        catalogue_number(rows, type_oid(table[i].result));
        catalogue_number(rows, 0);
        catalogue_number(rows, 0);
        for (int k = 0; k < 3; k++) {
            catalogue_function(rows, 0);
        }
    }
}

static const struct plan_column cast_columns[] = {OID("oid"),      OID("castsource"),   OID("casttarget"),
                                                  OID("castfunc"), CHAR("castcontext"), CHAR("castmethod")};

static void pg_cast(struct catalogue_rows *rows) {
    uint32_t count = 0;
    const struct sql_function *table = sql_function_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        enum type_id from = table[i].arguments[0];
        bool named = table[i].class == SQL_FUNCTION_CAST && from != TYPE_UNKNOWN && from < TYPE_COUNT &&
                     table[i].result < TYPE_COUNT && from != TYPE_TINYINT && table[i].result != TYPE_TINYINT &&
                     from != TYPE_ENUM && table[i].result != TYPE_ENUM;
        if (!named) {
            continue;
        }
        catalogue_number(rows, OID_CAST + i);
        catalogue_number(rows, type_oid(from));
        catalogue_number(rows, type_oid(table[i].result));
        catalogue_number(rows, 0);
        catalogue_word(rows, table[i].cast_context == SQL_CAST_IMPLICIT     ? "i"
                             : table[i].cast_context == SQL_CAST_ASSIGNMENT ? "a"
                                                                            : "e");
        catalogue_word(rows, table[i].scalar == NULL ? "b" : "i");
    }
}

/* --- pg_language --- */

static const struct plan_column language_columns[] = {OID("oid"),       NAME("lanname"),      OID("lanowner"),
                                                      BOOL("lanispl"),  BOOL("lanpltrusted"), OID("lanplcallfoid"),
                                                      OID("laninline"), OID("lanvalidator"),  TEXTS("lanacl")};

static void pg_language(struct catalogue_rows *rows) {
    catalogue_number(rows, OID_LANGUAGE);
    catalogue_word(rows, "internal");
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_bool(rows, false);
    catalogue_bool(rows, false);
    for (int i = 0; i < 3; i++) {
        catalogue_number(rows, 0);
    }
    catalogue_nulls(rows, 1);
}

#define RELATION(name_, columns_, rows_)                                                                               \
    { SQL_SCHEMA_SYSTEM, name_, columns_, ARRAY_LENGTH(columns_), rows_ }

const struct catalogue_relation catalogue_functions[] = {
    RELATION("pg_proc", proc_columns, pg_proc),
    RELATION("pg_aggregate", aggregate_columns, pg_aggregate),
    RELATION("pg_operator", oper_columns, pg_operator),
    RELATION("pg_cast", cast_columns, pg_cast),
    RELATION("pg_language", language_columns, pg_language),
};
const uint32_t catalogue_functions_count = ARRAY_LENGTH(catalogue_functions);
