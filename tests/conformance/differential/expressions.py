"""The grammar of expressions: an expression of a wanted type from columns, literals and Kimberlite's own signatures.

Values are few and small, so that joins match, groups collide and sums stay exact; arguments that would only give errors
(a zero divisor, the root of a negative number) are guarded, since an error hides everything beside it in a statement.
Errors have statements of their own.
"""

# Texts of values, by type. Floats are sums of powers of two: their sums are exact in any order.
VALUES = {
    "boolean": ["true", "false"],
    "smallint": ["0", "1", "2", "3", "-1", "7", "12"],
    "integer": ["0", "1", "2", "3", "4", "5", "-2", "9", "17"],
    "bigint": ["0", "1", "2", "3", "5", "10", "-4", "1000", "3000000000"],
    "numeric": ["0.00", "1.00", "1.50", "2.00", "-0.75", "3.25", "10.00", "99.99"],
    "real": ["0", "0.5", "1", "1.5", "-2.25", "4"],
    "double precision": ["0", "0.5", "1", "2.5", "-1.25", "8", "0.125", "100"],
    "text": ["", "a", "b", "abc", "ABC", "aXbXc", "Hello World", " pad ", "äöü", "a%b_c", "xyzzy",
             "t\tn\n\x1f"],
    "character varying": ["", "a", "b", "abc", "Hello"],
    "character": ["a", "b", "ab", "abc"],
    "bytea": ["\\x", "\\x00ff", "\\x616263", "\\x61"],
    "date": ["2024-02-29", "2024-03-01", "1999-12-31", "2000-01-01", "2023-06-15"],
    "time without time zone": ["00:00:00", "12:34:56.789", "23:59:59", "06:00:00"],
    "timestamp without time zone": ["2024-02-29 12:34:56.789", "2024-02-29 00:00:00", "1999-12-31 23:59:59",
                                    "1970-01-01 00:00:00", "2023-08-31 10:00:00"],
    "timestamp with time zone": ["2024-02-29 12:34:56+00", "2000-01-01 00:00:00+02", "1969-12-31 23:59:59+00"],
    "interval": ["1 day", "1 mon", "-3 days 04:05:06.5", "1 year 2 mons", "02:30:00", "00:00:00"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "json": ['{"b": 1, "a": [1, 2]}', "null", '"x"'],
    "jsonb": ['{"b": 1, "a": [1, 2]}', "null", '"x"', "[1, 2.50]", "10", "3", "true", "[]", "{}", '"äöü"'],
    "integer[]": ["{}", "{1,2,3}", "{1,NULL}", "{0,5,-2}", "[0:1]={2,9}", "{4}"],
    "text[]": ["{}", "{a,b}", '{abc,NULL,"a b"}', '{"",NULL}', "{Hello}"],
    "numeric[]": ["{1.00,2.00}", "{1.50,NULL,-0.75}", "{}"],
    "name": ["a", "abc", "Hello", "pg_class"],
    '"char"': ["a", "r", "Z"],
    "oid": ["0", "1", "23", "1259", "4294967295"],
    "mood": ["sad", "ok", "happy", "A b"],
}
SPELLED = {"character": "character(3)"}  # without a length it is one character long
# Values at the edges of the types, for statements that may fail.
WILD = {
    "smallint": ["32767", "-32768"],
    "integer": ["2147483647", "-2147483648", "0"],
    "bigint": ["9223372036854775807", "-9223372036854775808", "0"],
    "numeric": ["NaN", "0", "-1", "99999999999999999999.5", "0.0000001", "Infinity", "-Infinity"],
    "real": ["NaN", "Infinity", "1e30", "-0"],
    "double precision": ["NaN", "Infinity", "-Infinity", "1e300", "-0", "-1", "1e-300"],
    "text": ["", "12", " 7 ", "1e3", "true", "2024-13-01", "2024-01-31", "12:00", "\\x6", "nan", "1 day", "a\\", "日本"],
    "date": ["infinity", "0001-01-01", "5874897-12-31"],
    "timestamp without time zone": ["infinity", "1066-10-14 09:00:00", "294276-12-31 23:59:59"],
    "timestamp with time zone": ["-infinity", "294276-12-31 23:59:59+00"],
    "jsonb": ["1.0", "1.00", "1e2", '{"aa": 1, "b": null}', '{"a": {}}', "[[]]", "{", '"\\u00e4"', "01"],
    "interval": ["178000000 years", "-1 mon 1 day", "1000 hours"],
}
COMPARABLE = ["boolean", "smallint", "integer", "bigint", "numeric", "real", "double precision", "text", "character varying",
              "character", "bytea", "date", "time without time zone", "timestamp without time zone",
              "timestamp with time zone", "uuid", "interval", "jsonb", "integer[]", "text[]", "mood"]
PATTERNS = ["%", "a%", "%c", "%b%", "a_c", "", "abc", "%ö%", "_", "A%", "%World", "a\\%b%"]
FIELDS = ["year", "month", "day", "quarter", "week", "dow", "isodow", "doy", "epoch", "century", "decade", "isoyear", "julian"]
CLOCK_FIELDS = ["hour", "minute", "second", "milliseconds", "microseconds"]
UNITS = ["year", "month", "day", "hour", "minute", "second", "week", "quarter", "century", "decade"]
JSON_PREDICATES = ["$ == 1", "$.b > 1", "exists($.a)"]
JSON_PATHS = ["$", "$.a[*]", "$[*] ? (@ > 1)", "$.b", "$.**", "$.type()", "lax $[0]"]
EXPONENTS = ["0", "1", "2", "3"]
COUNTS = ["0", "1", "2", "3", "5", "-1"]

# Arguments that mean something or must be guarded: texts of literals to choose from, or how to wrap an expression.
EXPRESSIONS = ["b", "(b)(.)?", "[a-c]+", "l*", "(x)|(l)", "", "\\\\s+"]
TREES = ['{"a": [1, {"b": 2}], "b": {"c": null}}', '{"a": []}', "{}"]  # what these lead through has no scalar for a root
STEPS = ["{a,0}", "{a,1,b}", "{b,c}", "{b,d}", "{z}", "{a,-1}", "{a,5}", "{z,y}", "{}"]
WORDS = {
    ("operator %", 1): ["2", "3", "5", "-7"], ("operator /", 1): ["1", "2", "4", "-5", "3"],
    ("function mod", 1): ["2", "3", "-4"], ("function div", 1): ["2", "3", "-0.75"],
    ("operator ^", 0): ["0.5", "1.5", "2", "3", "10"], ("operator ^", 1): EXPONENTS,
    ("function power", 0): ["0.5", "1.5", "2", "3", "10"], ("function power", 1): EXPONENTS,
    ("function pow", 0): ["0.5", "1.5", "2", "3", "10"], ("function pow", 1): EXPONENTS,
    ("operator <<", 1): EXPONENTS, ("operator >>", 1): EXPONENTS,
    ("operator ~~", 1): PATTERNS, ("operator !~~", 1): PATTERNS,
    ("operator ~~*", 1): PATTERNS, ("operator !~~*", 1): PATTERNS,
    ("function like_escape", 1): ["#", "", "\\"],
    ("function format", 0, 1): ["ABC", "%%", ""], ("function format", 0): ["%s", "a %s b", "%1$s|%1$L", "%%"],
    ("function exp", 0): ["0", "1", "-1.5", "2.5", "0.5"],
    ("function acos", 0): ["0", "0.5", "-1", "1"], ("function asin", 0): ["0", "0.5", "-1", "1"],
    ("function chr", 0): ["65", "98", "228", "26085"],
    ("function repeat", 1): COUNTS, ("function lpad", 1): COUNTS + ["9"], ("function rpad", 1): COUNTS + ["9"],
    ("function left", 1): COUNTS, ("function right", 1): COUNTS,
    ("function round", 1): ["0", "1", "2", "-1", "5"], ("function trunc", 1): ["0", "1", "2", "-1", "5"],
    ("function make_date", 0): ["2024", "1999"], ("function make_date", 1): ["1", "2", "12"],
    ("function make_date", 2): ["1", "15", "28"],
    ("function to_timestamp", 0): ["0", "1.5", "-86400.25", "1000000000"],
    ("function to_timestamp", 0, 2): ["2024-02-29", "1999-12-31"], ("function to_timestamp", 1): ["YYYY-MM-DD"],
    ("function to_date", 0): ["2024-02-29", "1999-12-31"], ("function to_date", 1): ["YYYY-MM-DD", "YYYY MM DD"],
    ("function to_number", 0): ["12", "-1,234.5", "0.75"], ("function to_number", 1): ["9,999.99", "S9999D9"],
    ("function substring", 1): ["1", "2", "0", "-1", "4"], ("function substring", 2): ["0", "1", "2", "9"],
    ("function substr", 1): ["1", "2", "0", "-1", "4"], ("function substr", 2): ["0", "1", "2", "9"],
    ("function overlay", 2): ["1", "2", "3"], ("function overlay", 3): ["0", "1", "2"],
    ("function split_part", 1): ["X", "b", " ", ""], ("function split_part", 2): ["1", "2", "3", "-1", "-2"],
    ("function timezone", 0): ["UTC", "+02", "-03:30", "Europe/Berlin", "America/New_York", "EST5EDT"],
    ("function timezone", 0, "interval"): ["02:00", "-03:30", "00:00"],
    ("function date_trunc", 2): ["UTC", "+02", "Australia/Sydney"],
    ("function date_trunc", 0): UNITS, ("function date_trunc", 0, "interval"): ["year", "month", "day", "hour", "minute", "second"],
    ("function encode", 1): ["hex", "base64", "escape"],
    ("function decode", 1): ["hex"], ("function decode", 0): ["616263", "00ff", ""],
    ("function jsonb_path_exists", 2): ['{}', '{"x": 1}'], ("function jsonb_path_match", 2): ['{}', '{"x": 1}'],
    ("function jsonb_path_query_first", 2): ['{}', '{"x": 1}'], ("function jsonb_path_query_array", 2): ['{}'],
    ("function make_interval", 6): ["0", "1.5", "30"],
    ("function get_byte", 0): ["\\x616263", "\\x00ff"], ("function get_byte", 1): ["0", "1"],
    ("function set_byte", 0): ["\\x616263", "\\x00ff"], ("function set_byte", 1): ["0", "1"],
    ("function get_bit", 0): ["\\x616263", "\\x00ff"], ("function get_bit", 1): ["0", "9"],
    ("function set_bit", 0): ["\\x616263", "\\x00ff"], ("function set_bit", 1): ["0", "9"],
    ("function set_bit", 2): ["0", "1"],
    ("function normalize", 1): ["NFC", "NFD", "NFKC"], ("function is_normalized", 1): ["NFC", "NFKD"],
    ("function translate", 1): ["abc", "ö", ""], ("function translate", 2): ["x", "xyz", ""],
    ("function replace", 1): ["b", "X", "", "ö"],
    ("function current_setting", 0): ["server_encoding", "TimeZone"],
    ("function lcm", 0): ["4", "6.5", "0", "-2.25", "100"],  # the digits of a quotient would make it longer than NUMERIC here
    ("function log", 0, 2): ["2", "10", "3.25"], ("function log", 1, 2): ["1", "8", "100", "0.5"],
    ("function array_lower", 1): ["1", "2"], ("function array_upper", 1): ["1", "2", "0"],
    ("function array_length", 1): ["1", "2", "-1"], ("function trim_array", 1): ["0"],
    ("function array_position", 2): ["1", "2", "3"], ("function array_fill", 1): ["{2}", "{3}", "{0}"],
    ("function array_fill", 2): ["{0}", "{5}"], ("function json_object", 0): ["{a,b}", '{b,"x y"}'],
    ("function json_object", 1): ["{1,2}", '{NULL,"\\""}'], ("function jsonb_object", 0): ["{a,b}", "{b,b}"],
    ("function jsonb_object", 1): ["{1,2}", "{NULL,x}"],
    ("function parse_ident", 0): ["a", "A.b", '"X y".z', ' q . "w""e" '], ("function regexp_match", 1): EXPRESSIONS, ("function regexp_match", 2): ["i", "", "n"],
    ("function regexp_split_to_array", 1): EXPRESSIONS, ("function regexp_split_to_array", 2): ["i", "", "x"],
    ("operator #>", 1): STEPS, ("operator #>>", 1): STEPS, ("operator ?|", 1): ["{a,b}", "{c,NULL}", "{}", "{x}"],
    ("operator ?&", 1): ["{a,b}", "{b,NULL}", "{}", "{x}"],
    ("function json_extract_path", 1): ["a", "b", "0"], ("function jsonb_extract_path", 1): ["a", "b", "0"],
    ("function json_extract_path_text", 1): ["a", "b", "0"], ("function jsonb_extract_path_text", 1): ["a", "b", "0"],
    ("function jsonb_set", 0): TREES, ("function jsonb_set", 1): STEPS,
    ("function jsonb_insert", 0): TREES, ("function jsonb_insert", 1): ["{a,0}", "{z}", "{a,-1}", "{a,7}", "{a,1,z}", "{z,y}", "{}"], ("function string_to_array", 1): ["X", "b", " ", ""],
    ("operator *", 0, "interval"): ["2", "0.5", "-1"], ("operator *", 1, "interval"): ["2", "0.5", "-1"],
    ("operator /", 1, "interval"): ["2", "0.5", "-4"],
}
# Templates of to_char by the type of what is written; numbers have those of "numeric".
TEMPLATES = {
    "numeric": ["999.99", "FM9990.0", "S999", "9,999PR", "000", "FM999MI", "RN"],
    "interval": ["HH24:MI:SS", "YYYY-MM-DD", "FMDD MS"],
    "timestamp": ["YYYY-MM-DD HH24:MI:SS.US", "Day DDth Mon", "FMMonth, IYYY-IW-ID", "HH12:MI AM", "J Q CC TZH"],
}
GUARDS = {
    "function sqrt": "abs(%s)", "operator |/": "abs(%s)", "function ln": "(abs(%s) + 1)", "function log": "(abs(%s) + 1)",
    "function log10": "(abs(%s) + 1)",
}
# What a clock, chance or the machine decides is asked for what must hold of it.
HOLDS = {
    "random": ["(random() < 1)", "(random() >= 0)"],
    "gen_random_uuid": ["(length(gen_random_uuid()::text) = 36)", "(gen_random_uuid() IS NOT NULL)"],
    "now": ["(now() = current_timestamp)", "(now() > TIMESTAMPTZ '2020-01-01')"],
    "current_timestamp": ["(current_timestamp > TIMESTAMPTZ '2020-01-01')", "(current_timestamp = now())"],
    "transaction_timestamp": ["(transaction_timestamp() = now())"],
    "statement_timestamp": ["(statement_timestamp() >= now())"],
    "localtimestamp": ["(localtimestamp = now())", "(localtimestamp > DATE '2020-01-01')"],
    "localtime": ["(localtime IS NOT NULL)", "(localtime >= TIME '00:00')"],
    "current_date": ["(current_date > DATE '2020-01-01')", "(current_date = now()::date)"],
    "current_user": ["(current_user IS NOT NULL)", "(current_user = session_user)"],
    "session_user": ["(session_user IS NOT NULL)"],
    "current_schemas": ["current_schemas(true)", "current_schemas(false)"],
    "current_schema": ["current_schema()", "(current_schema() = 'public')"],
    "current_database": ["(current_database() = current_catalog)"],
    "clock_timestamp": ["(clock_timestamp() > TIMESTAMPTZ '2020-01-01')", "(clock_timestamp() IS NOT NULL)"],
    "timeofday": ["(length(timeofday()) > 20)"],
    "version": ["(length(version()) > 0)"],
    "nextval": ["(nextval('asked') > 0)", "(nextval('asked') IS NOT NULL)"],
    "setval": ["setval('asked', 7)", "(setval('asked', 5, false) = 5)"],
    "currval": ["(currval('asked') > 0)"],
    "lastval": ["(lastval() > 0)"],
    "obj_description": ["obj_description('t0'::regclass, 'pg_class')", "obj_description('t1'::regclass)"],
    "col_description": ["col_description('t0'::regclass, 2)"],
    "format_type": ["format_type(23, NULL)", "format_type(1043, 14)", "format_type('timestamptz'::regtype, 3)", "format_type(0, 1)"],
    "to_regclass": ["to_regclass('t0')::text", "(to_regclass('nobody') IS NULL)", "(to_regclass('t1') = 't1'::regclass)"],
    "to_regtype": ["to_regtype('int4')::text", "(to_regtype('nothing') IS NULL)"],
    "to_regnamespace": ["to_regnamespace('public')::text", "(to_regnamespace('nowhere') IS NULL)"],
    "to_regrole": ["(to_regrole('nobody') IS NULL)"],
    "pg_table_is_visible": ["pg_table_is_visible('t0'::regclass)"],
    "pg_type_is_visible": ["pg_type_is_visible('int4'::regtype)"],
    "pg_get_userbyid": ["(pg_get_userbyid(10) = current_user)"],
    "pg_get_constraintdef": ["(pg_get_constraintdef(0) IS NULL)"],
    "pg_get_triggerdef": ["(pg_get_triggerdef(NULL, true) IS NULL)"],
    "pg_get_statisticsobjdef_columns": ["(pg_get_statisticsobjdef_columns(0) IS NULL)"],
    "pg_get_function_result": ["(pg_get_function_result(NULL::oid) IS NULL)"],
    "pg_get_function_arguments": ["(pg_get_function_arguments(NULL::oid) IS NULL)"],
    "pg_function_is_visible": ["(pg_function_is_visible(NULL::oid) IS NULL)"],
    "shobj_description": ["(shobj_description(0, 'pg_database') IS NULL)"],
    "pg_size_pretty": ["pg_size_pretty(123456789::bigint)", "pg_size_pretty(-5::bigint)", "pg_size_pretty(NULL::bigint)"],
    "pg_relation_is_publishable": ["pg_relation_is_publishable('pg_class'::regclass)"],
    "pg_encoding_to_char": ["pg_encoding_to_char(6)"],
    "pg_get_expr": ["(pg_get_expr(NULL, 0) IS NULL)"],
    "pg_get_indexdef": ["(pg_get_indexdef('t0'::regclass) IS NULL)"],
    "pg_get_viewdef": ["(pg_get_viewdef(NULL::oid) IS NULL)"],
    "set_config": ["set_config('my.own', 'x', true)", "set_config('extra_float_digits', '1', true)"],
    "pg_advisory_lock": ["(pg_advisory_lock(7) IS NOT NULL)", "(pg_advisory_lock(7, 8) IS NOT NULL)"],
    "pg_advisory_lock_shared": ["(pg_advisory_lock_shared(7) IS NOT NULL)", "(pg_advisory_lock_shared(7, 8) IS NOT NULL)"],
    "pg_advisory_xact_lock": ["(pg_advisory_xact_lock(7) IS NOT NULL)", "(pg_advisory_xact_lock(7, 8) IS NOT NULL)"],
    "pg_advisory_xact_lock_shared": ["(pg_advisory_xact_lock_shared(7) IS NOT NULL)", "(pg_advisory_xact_lock_shared(7, 8) IS NOT NULL)"],
    "pg_try_advisory_lock": ["pg_try_advisory_lock(7)", "pg_try_advisory_lock(7, 8)"],
    "pg_try_advisory_lock_shared": ["pg_try_advisory_lock_shared(7)", "pg_try_advisory_lock_shared(7, 8)"],
    "pg_try_advisory_xact_lock": ["pg_try_advisory_xact_lock(7)", "pg_try_advisory_xact_lock(7, 8)"],
    "pg_try_advisory_xact_lock_shared": ["pg_try_advisory_xact_lock_shared(7)", "pg_try_advisory_xact_lock_shared(7, 8)"],
    "pg_advisory_unlock": ["pg_advisory_unlock(70)", "pg_advisory_unlock(70, 8)"],
    "pg_advisory_unlock_shared": ["pg_advisory_unlock_shared(70)", "pg_advisory_unlock_shared(70, 8)"],
    "pg_advisory_unlock_all": ["(pg_advisory_unlock_all() IS NOT NULL)"],
    "pg_notify": ["(pg_notify('asked', 'x') IS NOT NULL)"],
    "pg_notification_queue_usage": ["(pg_notification_queue_usage() < 1)"],
    "pg_backend_pid": ["(pg_backend_pid() > 0)"],
    "pg_cancel_backend": ["(pg_cancel_backend(NULL) IS NULL)"],
    "pg_terminate_backend": ["(pg_terminate_backend(NULL) IS NULL)"],
    "inet_client_addr": ["(inet_client_addr() IS NULL OR inet_client_addr() IS NOT NULL)"],
    "inet_server_addr": ["(inet_server_addr() IS NULL OR inet_server_addr() IS NOT NULL)"],
    "inet_client_port": ["(coalesce(inet_client_port(), 1) > 0)"],
    "inet_server_port": ["(coalesce(inet_server_port(), 1) > 0)"],
    "pg_postmaster_start_time": ["(coalesce(pg_postmaster_start_time(), now()) > TIMESTAMPTZ '2020-01-01')"],
    "pg_conf_load_time": ["(coalesce(pg_conf_load_time(), now()) > TIMESTAMPTZ '2020-01-01')"],
    "pg_is_in_recovery": ["pg_is_in_recovery()"],
    "pg_is_other_temp_schema": ["pg_is_other_temp_schema(11)"],
    "pg_jit_available": ["(pg_jit_available() IS NOT NULL)"],
    "pg_sleep": ["(pg_sleep(0) IS NOT NULL)"],
    "pg_get_function_identity_arguments": ["(pg_get_function_identity_arguments(NULL::oid) IS NULL)"],
    "pg_get_functiondef": ["(pg_get_functiondef(NULL::oid) IS NULL)"],
    "pg_get_function_sqlbody": ["(pg_get_function_sqlbody(NULL::oid) IS NULL)"],
    "pg_get_partkeydef": ["(pg_get_partkeydef(NULL::oid) IS NULL)"],
    "pg_get_partition_constraintdef": ["(pg_get_partition_constraintdef(NULL::oid) IS NULL)"],
    "pg_get_statisticsobjdef": ["(pg_get_statisticsobjdef(NULL::oid) IS NULL)"],
    "pg_get_function_arg_default": ["(pg_get_function_arg_default(NULL::oid, 1) IS NULL)"],
    "pg_operator_is_visible": ["(pg_operator_is_visible(NULL::oid) IS NULL)"],
    "pg_conversion_is_visible": ["(pg_conversion_is_visible(NULL::oid) IS NULL)"],
    "pg_opclass_is_visible": ["(pg_opclass_is_visible(NULL::oid) IS NULL)"],
    "pg_opfamily_is_visible": ["(pg_opfamily_is_visible(NULL::oid) IS NULL)"],
    "pg_statistics_obj_is_visible": ["(pg_statistics_obj_is_visible(NULL::oid) IS NULL)"],
    "pg_ts_config_is_visible": ["(pg_ts_config_is_visible(NULL::oid) IS NULL)"],
    "pg_ts_dict_is_visible": ["(pg_ts_dict_is_visible(NULL::oid) IS NULL)"],
    "pg_ts_parser_is_visible": ["(pg_ts_parser_is_visible(NULL::oid) IS NULL)"],
    "pg_ts_template_is_visible": ["(pg_ts_template_is_visible(NULL::oid) IS NULL)"],
    "pg_collation_is_visible": ["pg_collation_is_visible(100)", "(pg_collation_is_visible(NULL::oid) IS NULL)"],
    "pg_get_ruledef": ["(pg_get_ruledef(NULL::oid) IS NULL)"],
    "acldefault": ["(acldefault('r', NULL::oid) IS NULL)"],
    "pg_tablespace_location": ["pg_tablespace_location(1663)"],
    "pg_describe_object": ["pg_describe_object('pg_class'::regclass, 't0'::regclass, 0)"],
    "getdatabaseencoding": ["getdatabaseencoding()"],
    "pg_client_encoding": ["pg_client_encoding()"],
    "pg_char_to_encoding": ["pg_char_to_encoding('utf8')", "pg_char_to_encoding('nothing')"],
    "pg_encoding_max_length": ["pg_encoding_max_length(6)"],
    "pg_my_temp_schema": ["(pg_my_temp_schema() >= 0)"],
    "row_security_active": ["row_security_active('t0')", "row_security_active('t0'::regclass)"],
    "current_query": ["(length(current_query()) > 0)"],
    "txid_current": ["(txid_current() > 0)"],
    "pg_current_xact_id": ["(pg_current_xact_id() IS NOT NULL)"],
    "to_regprocedure": ["(to_regprocedure('nothing(integer)') IS NULL)"],
    "to_regproc": ["to_regproc('boolin')::text", "(to_regproc('nothing') IS NULL)"],
    "has_table_privilege": ["has_table_privilege('t0', 'SELECT')", "has_table_privilege('t1'::regclass, 'INSERT')", "has_table_privilege(current_user, 't0', 'SELECT')"],
    "has_any_column_privilege": ["has_any_column_privilege('t0', 'SELECT')", "has_any_column_privilege('t1'::regclass, 'INSERT')", "has_any_column_privilege(current_user, 't0', 'SELECT')"],
    "has_column_privilege": ["has_column_privilege('t0', 1::smallint, 'SELECT')"],
    "has_sequence_privilege": ["has_sequence_privilege('asked', 'USAGE')"],
    "has_schema_privilege": ["has_schema_privilege('public', 'USAGE')"],
    "has_type_privilege": ["has_type_privilege('int4', 'USAGE')"],
    "has_database_privilege": ["has_database_privilege(current_database(), 'CONNECT')"],
    "has_function_privilege": ["(has_function_privilege(NULL::oid, 'EXECUTE') IS NULL)"],
    "has_language_privilege": ["(has_language_privilege(NULL::oid, 'USAGE') IS NULL)"],
    "has_tablespace_privilege": ["(has_tablespace_privilege(NULL::oid, 'CREATE') IS NULL)"],
    "has_server_privilege": ["(has_server_privilege(NULL::oid, 'USAGE') IS NULL)"],
    "has_foreign_data_wrapper_privilege": ["(has_foreign_data_wrapper_privilege(NULL::oid, 'USAGE') IS NULL)"],
    "pg_has_role": ["pg_has_role(current_user, 'USAGE')"],
    "pg_relation_size": ["(pg_relation_size('t0'::regclass) >= 0)"],
    "pg_table_size": ["(pg_table_size('t0'::regclass) >= 0)"],
    "pg_indexes_size": ["(pg_indexes_size('t0'::regclass) >= 0)"],
    "pg_total_relation_size": ["(pg_total_relation_size('t0'::regclass) >= 0)"],
    "pg_database_size": ["(pg_database_size(current_database()) >= 0)"],
    "pg_tablespace_size": ["(pg_tablespace_size('pg_default') >= 0)"],
    "pg_get_serial_sequence": ["pg_get_serial_sequence('numbered', 'id')", "pg_get_serial_sequence('numbered', 'k')"],
}
# Where SQLite's answers are PostgreSQL's. A plain case keeps to it.
LITE_TYPES = ["boolean", "integer", "bigint", "text"]
LITE_OPERATORS = {"+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">=", "||", "~~", "!~~"}
LITE_FUNCTIONS = {"abs", "length", "replace"}
LITE_AGGREGATES = {"count", "min", "max", "sum"}


def is_lite(signature):
    names = {"operator": LITE_OPERATORS, "function": LITE_FUNCTIONS, "aggregate": LITE_AGGREGATES}.get(signature.kind, ())
    if signature.kind == "aggregate":
        return signature.name in names and set(signature.arguments) <= set(LITE_TYPES) | {"any"}
    return signature.name in names and set(signature.arguments + [signature.result]) <= set(LITE_TYPES)


class Expressions:
    """Draws expressions. After use: `used` lists the items drawn, `lite` tells whether SQLite would agree."""

    def __init__(self, draw, signatures, plain=False):
        self.draw, self.plain = draw, plain
        self.comparable = LITE_TYPES if plain else COMPARABLE
        if plain:
            signatures = [s for s in signatures if is_lite(s)]
        self.by_result, self.by_item = {}, {}
        for s in signatures:
            self.by_item.setdefault(s.item, []).append(s)
            if s.kind in ("operator", "function") and "any" != s.result and s.name not in HOLDS and s.name != "age":
                self.by_result.setdefault(s.result, []).append(s)
        self.casts_to = {}
        for s in signatures:
            if s.kind == "cast":
                self.casts_to.setdefault(s.result, []).append(s)
        self.columns = {}  # type -> expressions usable as columns
        self.used, self.lite = [], True

    def use(self, item):
        self.used.append(item)

    def chance(self, share):
        return self.draw.random() < share

    # --- leaves

    def quote(self, text):
        return "'%s'" % text.replace("'", "''")

    def literal(self, kind, value=None, wild=False):
        if value is None:
            if self.chance(0.04) and not self.plain:
                self.lite = False
                return "NULL::%s" % SPELLED.get(kind, kind)
            value = self.draw.choice(WILD[kind] if wild and kind in WILD and self.chance(0.7) else VALUES[kind])
        if kind == "boolean":
            return value
        if kind in ("integer", "bigint") and value.lstrip("-").isdigit() and -1 << 31 < int(value) < 1 << 31:
            if kind == "integer" or self.plain or self.chance(0.5):
                return "(%s)" % value if value.startswith("-") else value
        if kind == "text" and (self.plain or self.chance(0.5)):
            return self.quote(value)
        if kind == "bigint" and self.plain:
            return value
        self.lite = False
        if kind == "numeric" and value[0].isdigit() and "." in value and self.chance(0.7):
            return value
        kind = SPELLED.get(kind, kind)
        form = self.draw.randrange(3)
        if form == 0:
            return "%s::%s" % (self.quote(value), kind)
        if form == 1 and "(" not in kind and "[" not in kind:
            return "%s %s" % (kind, self.quote(value))
        return "CAST(%s AS %s)" % (self.quote(value), kind)

    def leaf(self, kind):
        columns = self.columns.get(kind)
        if columns and self.chance(0.8):
            if kind not in LITE_TYPES:
                self.lite = False
            return self.draw.choice(columns)
        if kind in ("bigint", "numeric", "double precision") and self.chance(0.3) and self.columns.get("integer"):
            self.lite = self.lite and kind == "bigint"
            return self.draw.choice(self.columns["integer"])  # cast implicitly
        return self.literal(kind)

    # --- calls

    def argument(self, signature, place, kind, depth):
        item = signature.item
        if place == 1 and (item in ("operator @?", "operator @@") or item.startswith("function jsonb_path_")):
            return self.quote(self.draw.choice(JSON_PREDICATES if item.startswith("function jsonb_path_match") else JSON_PATHS))  # of type jsonpath there: without a type it fits
        if item == "function to_char" and place == 1:
            written = signature.arguments[0].split(" ")[0]
            templates = TEMPLATES.get(written, TEMPLATES["numeric"])
            if written == "bigint":  # Roman numbers go through integer, and fail beyond it
                templates = [t for t in templates if t != "RN"]
            return self.literal(kind, self.draw.choice(templates))
        with_interval = "interval" if "interval" in signature.arguments else len(signature.arguments)
        words = WORDS.get((item, place, with_interval))
        if words is None and (with_interval != "interval" or signature.kind == "function"):
            words = WORDS.get((item, place))
        if words and signature.kind != "aggregate":
            fitting = [w for w in words if (kind not in ("smallint", "integer", "bigint") or "." not in w)
                       and not (self.plain and (w == "" or "\\" in w))]
            return self.literal(kind, self.draw.choice(fitting))
        if item == "function replace" and self.plain:  # '' and NULL are other things to SQLite
            return self.literal(kind, self.draw.choice(["b", "X", "ab"]))
        text = self.expression(self.draw.choice(self.comparable) if kind == "any" else kind, depth)
        return GUARDS[item] % text if item in GUARDS else text

    def note_call(self, signature):
        self.use(signature.item)
        names = LITE_OPERATORS if signature.kind == "operator" else LITE_FUNCTIONS
        if signature.name not in names or not set(signature.arguments) <= set(LITE_TYPES):
            self.lite = False

    def call(self, signature, depth):
        """A call of that operator, function or cast."""
        if signature.kind == "cast":
            return self.cast(signature, depth)
        name = signature.name
        if name in HOLDS:
            self.use(signature.item)
            self.lite = False
            return self.draw.choice(HOLDS[name])
        self.note_call(signature)
        if name == "age" and len(signature.arguments) == 1:
            return "(age(%s) > INTERVAL '1 month')" % self.literal(signature.arguments[0])
        if name == "pg_typeof":
            return "pg_typeof(%s)::text" % self.expression(self.draw.choice(self.comparable), depth - 1)
        if name in ("extract", "date_part"):
            return self.field(signature, depth)
        arguments = [self.argument(signature, i, kind, depth - 1) for i, kind in enumerate(signature.arguments)]
        if signature.variadic and signature.arguments[-1] == "text":
            arguments += [self.argument(signature, 1, "text", depth - 1) for _ in range(self.draw.randrange(3))]
        elif signature.variadic:
            arguments += [self.expression(self.draw.choice(self.comparable), depth - 1) for _ in range(self.draw.randrange(3))]
        if signature.variadic and name != "format" and self.chance(0.3):
            self.use("form VARIADIC")
            arrays = ["text[]"] if signature.arguments[-1] == "text" else ["integer[]", "text[]", "numeric[]"]
            last = len(signature.arguments) - 1
            arguments = arguments[:last] + ["VARIADIC " + self.expression(self.draw.choice(arrays), depth - 1)]
        return self.spell(signature, arguments)

    def field(self, signature, depth):
        kind = signature.arguments[1]
        fields = {"date": FIELDS, "time without time zone": CLOCK_FIELDS}.get(kind, FIELDS + CLOCK_FIELDS)
        if kind == "interval":
            fields = CLOCK_FIELDS + ["year", "month", "day", "epoch", "quarter", "century"]
        value, field = self.expression(kind, depth - 1), self.draw.choice(fields)
        if signature.name == "extract":
            return "extract(%s FROM %s)" % (field, value)
        return "date_part('%s', %s)" % (field, value)

    def spell(self, signature, arguments):
        name, draw = signature.name, self.draw
        if signature.kind == "operator":
            if len(arguments) == 1:
                return "(%s %s)" % (name, arguments[0])
            if name in ("~~", "!~~", "~~*", "!~~*"):
                word = {"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE"}[name]
                if "\\" in arguments[1]:
                    self.lite = False
                if self.chance(0.1):
                    self.lite = False
                    return "(%s %s %s ESCAPE '#')" % (arguments[0], word, arguments[1])
                return "(%s %s %s)" % (arguments[0], word, arguments[1])
            return "(%s %s %s)" % (arguments[0], name, arguments[1])
        if name == "position":
            return "position(%s IN %s)" % (arguments[1], arguments[0])
        if name == "overlay":
            return "overlay(%s PLACING %s FROM %s%s)" % (arguments[0], arguments[1], arguments[2],
                                                         " FOR " + arguments[3] if len(arguments) == 4 else "")
        if name == "substring" and self.chance(0.5):
            return "substring(%s FROM %s%s)" % (arguments[0], arguments[1],
                                                " FOR " + arguments[2] if len(arguments) == 3 else "")
        if name in ("btrim", "ltrim", "rtrim") and self.chance(0.5):
            where = {"btrim": "BOTH", "ltrim": "LEADING", "rtrim": "TRAILING"}[name]
            return "trim(%s %sFROM %s)" % (where, arguments[1] + " " if len(arguments) == 2 else "", arguments[0])
        if name == "timezone" and self.chance(0.5):
            return "(%s AT TIME ZONE %s)" % (arguments[1], arguments[0])
        return "%s(%s)" % (name, ", ".join(arguments))

    def cast(self, signature, depth):
        source, target = signature.arguments[0], signature.result
        self.use(signature.item)
        if source in ("text", "character varying", "character") and target not in ("text", "character varying", "character"):
            value = "CAST(%s AS %s)" % (self.quote(self.draw.choice([v for v in VALUES[target] if v])),
                                        "character(36)" if source == "character" else source)
        elif source == "jsonb" and target not in ("text", "character varying", "character", "json"):
            value = "CAST('%s' AS jsonb)" % self.draw.choice(["true", "false"] if target == "boolean" else ["7", "0", "-12.5"])
        else:
            value = self.expression(source, depth - 1)
            if source == "bigint" and target in ("integer", "smallint"):
                value = "(%s %% 1000)" % value  # constants are computed by PostgreSQL, needed or not
        self.lite = self.lite and (source, target) in (("integer", "text"), ("bigint", "text"), ("integer", "bigint"))
        if target == "numeric" and self.chance(0.4):
            target = "numeric(%d,%d)" % self.draw.choice([(20, 2), (24, 0), (30, 5)])
        if target in ("character varying", "character") and self.chance(0.6):
            target += "(%d)" % self.draw.choice([1, 3, 10])
        if self.chance(0.5):
            self.lite = False
            return "(%s)::%s" % (value, target)
        return "CAST(%s AS %s)" % (value, target)

    # --- forms of the grammar

    def expression(self, kind, depth):
        """Any expression of that type, at most `depth` calls deep."""
        if depth <= 0 or self.chance(0.25):
            return self.leaf(kind)
        if kind.endswith("[]") and self.chance(0.4):
            return self.array(kind, depth)
        choice = self.draw.random()
        if kind == "boolean" and choice < 0.55:
            return self.predicate(depth)
        if choice < 0.75 and self.by_result.get(kind):
            return self.call(self.draw.choice(self.by_result[kind]), depth)
        if choice < 0.85 and self.casts_to.get(kind):
            return self.cast(self.draw.choice(self.casts_to[kind]), depth)
        if kind not in self.comparable:
            return self.leaf(kind)
        if kind == "jsonb" and self.chance(0.5):
            return self.member(depth)
        if kind + "[]" in VALUES and not self.plain and self.chance(0.15):
            return self.element(kind, depth)
        return self.conditional(kind, depth)

    def conditional(self, kind, depth):
        form = self.draw.choice(["CASE WHEN", "CASE value", "COALESCE", "NULLIF"] + ["GREATEST", "LEAST"] * (not self.plain))
        self.use("form " + form)
        one = lambda: self.expression(kind, depth - 1)
        if form == "CASE WHEN":
            arms = "".join(" WHEN %s THEN %s" % (self.predicate(depth - 1), one()) for _ in range(self.draw.randint(1, 3)))
            return "CASE%s%s END" % (arms, " ELSE " + one() if self.chance(0.6) else "")
        if form == "CASE value":
            on = self.draw.choice(self.comparable)
            arms = "".join(" WHEN %s THEN %s" % (self.leaf(on), one()) for _ in range(self.draw.randint(1, 3)))
            return "CASE %s%s%s END" % (self.expression(on, depth - 1), arms, " ELSE " + one() if self.chance(0.6) else "")
        if form == "NULLIF":
            return "NULLIF(%s, %s)" % (one(), one())
        if form != "COALESCE":
            self.lite = False
        return "%s(%s)" % (form, ", ".join(one() for _ in range(self.draw.randint(2, 3))))

    def array(self, kind, depth):
        """A constructor, or a part of an array."""
        self.lite = False
        one = lambda: self.expression(kind[:-2], depth - 1)
        if self.chance(0.5):
            self.use("form ARRAY")
            return "ARRAY[%s]::%s" % (", ".join(one() for _ in range(self.draw.randint(0, 3))), kind)
        self.use("form slice")
        bounds = [self.draw.choice(["", "0", "1", "2"]), self.draw.choice(["", "1", "2", "5"])]
        return "(%s)[%s:%s]" % (self.expression(kind, depth - 1), *bounds)

    def element(self, kind, depth):
        self.use("form subscript")
        self.lite = False
        return "(%s)[%s]" % (self.expression(kind + "[]", depth - 1), self.draw.choice(["0", "1", "2", "7"]))

    def member(self, depth):
        self.use("form subscript of jsonb")
        self.lite = False
        steps = self.draw.choice(["'a'", "'b'", "0", "-1", "'1'", "NULL", self.leaf("integer"), self.leaf("text")])
        return "(%s)[%s]%s" % (self.expression("jsonb", depth - 1), steps, self.draw.choice(["", "", "[1]", "['c']"]))

    def predicate(self, depth):
        form = self.draw.choice(["AND", "OR", "NOT", "comparison", "comparison", "IN", "NOT IN", "BETWEEN", "NOT BETWEEN",
                                 "NOT BETWEEN" if self.plain else "BETWEEN SYMMETRIC", "LIKE", "IS NULL", "IS NOT NULL", "IS DISTINCT FROM",
                                 "IS NOT DISTINCT FROM", "IS TRUE", "call"])
        if form == "call":
            return self.call(self.draw.choice(self.by_result["boolean"]), depth)
        if form == "LIKE":
            return self.call(self.draw.choice(self.by_item[self.draw.choice(
                ["operator ~~", "operator !~~", "operator ~~*", "operator !~~*"][:2 if self.plain else 4])]), depth)
        kind = self.draw.choice([k for k in self.comparable if self.columns.get(k)] or self.comparable)
        one = lambda: self.expression(kind, depth - 1)
        if form == "comparison" and kind + "[]" in VALUES and not self.plain and self.chance(0.6):
            self.use("form ANY array")
            self.lite = False
            name, which = self.draw.choice(["=", "<>", "<", ">="]), self.draw.choice(["ANY", "ALL"])
            return "(%s %s %s (%s))" % (one(), name, which, self.expression(kind + "[]", depth - 1))
        if form == "comparison":
            name = self.draw.choice(["=", "<>", "<", "<=", ">", ">="])
            self.use("operator " + name)
            return "(%s %s %s)" % (one(), name, one())
        self.use("form " + form)
        if form in ("AND", "OR"):
            return "(%s %s %s)" % (self.expression("boolean", depth - 1), form, self.expression("boolean", depth - 1))
        if form == "NOT":
            return "(NOT %s)" % self.expression("boolean", depth - 1)
        if form in ("IN", "NOT IN"):
            return "(%s %s (%s))" % (one(), form, ", ".join(self.literal(kind) if self.chance(0.8) else one()
                                                          for _ in range(self.draw.randint(1, 5))))
        if form.endswith(("BETWEEN", "SYMMETRIC")):
            self.lite = self.lite and not form.endswith("SYMMETRIC")
            return "(%s %s %s AND %s)" % (one(), form, one(), one())
        if form in ("IS NULL", "IS NOT NULL"):
            return "(%s %s)" % (one(), form)
        if form == "IS TRUE":
            tests = ["TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "UNKNOWN", "NOT UNKNOWN"]
            test = self.draw.choice(tests[:4] if self.plain else tests)
            self.lite = self.lite and "UNKNOWN" not in test
            return "(%s IS %s)" % (self.expression("boolean", depth - 1), test)
        return "(%s %s %s)" % (one(), form, one())

    # --- aggregates

    def aggregate(self, item, depth):
        """(text, type) of a call of that aggregate over expressions of the rows."""
        signature = self.draw.choice(self.by_item[item])
        name, arguments = signature.name, signature.arguments
        self.use(item)
        if signature.within:
            return self.ordered_set(signature)
        kind = self.draw.choice(self.comparable) if arguments[:1] == ["any"] else arguments[0] if arguments else None
        result = signature.result
        if not (name in ("count", "min", "max", "sum") and kind in (None, "integer", "bigint", "text")
                and (name, kind) != ("sum", "text")):
            self.lite = False
        if kind is None:
            inside = "*"
        elif name == "string_agg":
            value = self.leaf(kind)
            inside = "%s, %s ORDER BY %s%s" % (value, self.literal(kind, "," if kind == "text" else "\\x2c"), value,
                                               self.draw.choice(["", " DESC", " NULLS FIRST"]))
        elif name in ("json_agg", "jsonb_agg"):  # in an order, of values that are only equal when they print the same
            kind = self.draw.choice(["boolean", "integer", "bigint", "text", "date"])
            value = self.expression(kind, depth)
            inside = "%s ORDER BY %s%s" % (value, value, self.draw.choice(["", " DESC", " NULLS FIRST"]))
        elif name in ("json_object_agg", "jsonb_object_agg"):  # no key may be NULL, and of equal ones the last counts
            key, value = "COALESCE(%s, 0)" % self.leaf("integer"), self.leaf("smallint")
            inside = "%s, %s ORDER BY %s, %s" % (key, value, key, value)
        elif name == "array_agg":  # the rows of a group come in no order; a bare literal could be an array
            value = self.expression(kind, depth)
            value = "CAST(%s AS text)" % value if value.startswith("'") and kind == "text" else value
            if kind.endswith("[]"):  # of one shape, and not empty
                value = "ARRAY[%s, %s]" % (self.leaf(kind[:-2]), self.literal(kind[:-2], "1" if kind == "integer[]" else "a"))
            inside = "%s ORDER BY %s" % (value, value)
        elif len(arguments) == 2:
            inside = "%s, %s" % (self.leaf("integer"), self.leaf("smallint"))  # sums of squares that stay exact
        else:
            # Squares of products or of long fractions are beyond our 38 digits.
            squares = name.startswith(("var", "stddev")) and kind in ("bigint", "numeric")
            inside = self.leaf(kind) if squares or self.chance(0.5) else self.expression(kind, depth)
            if kind in ("interval",) and name in ("min", "max"):
                inside = "date_trunc('hour', %s)" % inside
        distinct = inside != "*" and len(arguments) == 1 and kind != "interval" and self.chance(0.25)
        if distinct:
            self.use("clause DISTINCT in aggregate")
        text = "%s(%s%s)" % (name, "DISTINCT " if distinct else "", inside)
        if self.chance(0.25):
            self.use("clause FILTER")
            text += " FILTER (WHERE %s)" % self.predicate(max(1, depth))
        return text, result if result != "any" else kind

    def hypothetical(self):
        """What a row that is not there would be among those of the group."""
        kind = self.draw.choice(["integer", "bigint", "text", "date", "boolean"])
        name = self.draw.choice(["rank", "dense_rank", "percent_rank", "cume_dist"])
        order = self.draw.choice(["", " DESC", " NULLS FIRST", " DESC NULLS LAST"])
        self.use("form hypothetical")
        text = "%s(%s) WITHIN GROUP (ORDER BY %s%s)" % (name, self.literal(kind), self.leaf(kind), order)
        return text, "bigint" if name.endswith("rank") and name != "percent_rank" else "double precision"

    def ordered_set(self, signature):
        kind = self.draw.choice(self.comparable) if signature.within == "any" else signature.within
        self.lite = False
        if self.chance(0.4):
            return self.hypothetical()
        several = signature.arguments[:1] == ["double precision[]"]
        share = self.literal("double precision", self.draw.choice(["0", "0.25", "0.5", "1"])) if signature.arguments else ""
        share = "ARRAY[%s, 0.75]::double precision[]" % share if several else share
        value = "date_trunc('hour', %s)" % self.leaf(kind) if kind == "interval" else self.leaf(kind)
        text = "%s(%s) WITHIN GROUP (ORDER BY %s%s)" % (signature.name, share, value, self.draw.choice(["", " DESC"]))
        return text, kind + "[]" if several else kind
