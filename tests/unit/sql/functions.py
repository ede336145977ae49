#!/usr/bin/env python3
"""Makes functions.tsv: asks a live PostgreSQL 15 what every function of ours answers.

    functions.py TEST_FUNCTIONS CASES_PER_SIGNATURE psql ARGUMENT...  > functions.tsv

TEST_FUNCTIONS is the built test; its --list gives the signatures. Arguments of each type come from the samples below,
combined and drawn with a fixed seed, so the same table gives the same file. What PostgreSQL has not (TINYINT, our
128-bit limit of NUMERIC) is left out; so is what a clock, a sequence or chance decides.
"""
import itertools, random, subprocess, sys

SAMPLES = {
    "bool": ["true", "false"],
    "int2": ["0", "1", "-1", "3", "7", "-7", "100", "32767", "-32768"],
    "int4": ["0", "1", "-1", "2", "3", "-2", "5", "7", "30", "2147483647", "-2147483648"],
    "int8": ["0", "1", "-1", "3", "10", "-12345678901", "9223372036854775807", "-9223372036854775808"],
    "float4": ["0", "1.5", "-2.5", "0.1", "3.5", "16777216", "1e30", "NaN", "Infinity", "-Infinity"],
    "float8": ["0", "1", "0.5", "-0.5", "1.5", "2.5", "-2.5", "0.1", "100", "-3.7", "1e15", "12345.678", "1e300", "1e-300",
               "NaN", "Infinity", "-Infinity"],
    "numeric": ["0", "1", "-1", "2", "0.5", "-1.5", "2.5", "2.50", "10", "100", "123.456", "-0.001", "12345678.9",
                "99999999999999999999", "0.000001", "NaN", "Infinity", "-Infinity"],
    "text": ["", "abc", "Hello World", "äöü", "  pad ", "a%b_c", "xyzzy", "ß straße", "aXbXc", "日本語", "b"],
    "varchar": ["", "abc", "Hello"],
    "bpchar": ["", "abc", "ab  "],
    "bytea": ["\\x", "\\x00ff10", "\\x616263", "\\x6162636465666768696a6b6c6d6e6f70"],
    "date": ["2024-02-29", "1999-12-31", "0001-01-01", "2000-01-01", "infinity", "-infinity", "2023-06-15"],
    "time": ["00:00:00", "12:34:56.789", "23:59:59.999999", "24:00:00"],
    "timestamp": ["2024-02-29 12:34:56.789", "1999-12-31 23:59:59.999999", "2000-01-01 00:00:00", "infinity",
                  "1970-01-01 00:00:00", "1066-10-14 09:00:00", "2023-08-31 10:00:00"],
    "timestamptz": ["2024-02-29 12:34:56.789+00", "2000-01-01 00:00:00+02", "infinity", "-infinity",
                    "1969-12-31 23:59:59+00", "2023-08-31 10:00:00+00"],
    "interval": ["0", "1 day", "1 month", "-1 mon 3 days 04:05:06.5", "1 year 2 mons", "30 days", "24:00:00", "-00:00:01",
                 "1000 hours"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "json": ['{"b": 1, "a": [1, 2]}', "null", '"x"', '[1, {"a" : null}, "a\\u00e4"]', "[]", "{}", "1.50"],
    "jsonb": ['{"b": 1, "a": [1, 2]}', "null", '"x"', "[1, 2.50]", '["a", "b", {"a": {"c": null}}]', '{"a": {"c": 1.0, "d": null}}',
              "[]", "{}", "1.50", '{"a": [{"b": 2}, 2, 1]}', "[2.5]"],
    "_int4": ["{}", "{1,2,3}", "{1,NULL,2,1}", "[0:1]={5,1}", "{{1,2},{3,4}}", "{3}", "{NULL}"],
    "_text": ["{}", "{abc,b}", "{\"a b\",NULL,\"\",\"NULL\"}", "{{a,b},{c,d}}", "{\"q\\\"\\\\\",b}"],
    "_numeric": ["{1.0,2.50}", "{1.00,NaN,NULL}", "{}", "[2:3]={1,2}"],
    "_timestamp": ["{\"2024-02-29 12:34:56.789\",NULL}", "{infinity}"],
    "any": None,
}
# Polymorphic arguments are asked for with arrays of these elements.
ELEMENTS = ["int4", "text", "numeric", "timestamp"]
ANY = [("int4", "5"), ("text", "abc"), ("bool", "true"), ("numeric", "1.50"), ("date", "2024-02-29"), ("text", None)]
# What the input of a type is tried with when a text is cast to it.
TEXTS = {
    "bool": ["t", "false", " yes ", "maybe", "1", ""],
    "int2": ["12", " -7 ", "32768", "1.5", "x"],
    "int4": ["12", " -7 ", "2147483648", "1e3", "", "+5"],
    "int8": ["12", "9223372036854775808", "-9223372036854775808", "0x10"],
    "float4": ["1.5", "1e39", "nan", "x", "-inf", "16777217"],
    "float8": ["1.5", "1e309", "nan", "Infinity", " 2 ", "1e-400", "12,5"],
    "numeric": ["1.50", "1e3", "NaN", "x", ".5", "-0.00", "1e-5"],
    "text": ["", "abc", "äöü"], "varchar": ["", "abc"], "bpchar": ["", "abc"],
    "bytea": ["\\x61", "abc", "\\x6", "a\\001b", "a\\9"],
    "date": ["2024-02-29", "2023-02-29", "infinity", "Jan 5, 2020", "20240101", "x", "2024-13-01"],
    "time": ["12:34", "25:00", "12:34:56.1234567", "x", "01:02 PM"],
    "timestamp": ["2024-02-29 12:34:56", "2024-02-29T12:34:56Z", "infinity", "2024-02-30", "2024-01-01", "epoch"],
    "timestamptz": ["2024-02-29 12:34:56+02", "2024-02-29T12:34:56Z", "infinity", "2024-01-01 00:00:00.5-0330", "x"],
    "interval": ["1 day", "1 year 2 mons ago", "P1Y2M3DT4H5M6S", "01:02:03", "x", "1.5 months", "-3 days 2 hours"],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", "x"],
    "json": ['{"a": 1}', "{a}", "[1,2]", ""],
    "jsonb": ['{"b":1,"a":2,"b":3}', "{a}", "[1.0,  2]", '"\\u00e4"'],
}
PATHS = ["{a}", "{a,0}", "{a,c}", "{0}", "{-1}", "{1}", "{9}", "{-9}", "{2,a,c}", "{}", "{x}", "{ a , \"b c\" }", "a", "{a"]
PATTERNS = ["b", "^a", "c$", "[a-c]+", "l+", "(l)(.)", "a|ab|abc", "\\\\w+", "o\\\\M", "x*", "X(b?)", "", "[[:space:]]", "(a", "*", "\\\\q", "a{2,1}"]
FLAGS = ["", "i", "g", "n", "x", "z"]
ANGLES = ["0", "30", "45", "-60", "90", "180", "270", "360", "-400.5", "33.3", "1e15", "NaN", "Infinity"]
SINES = ["0", "0.5", "-0.5", "1", "-1", "0.3", "-0.77", "NaN", "2", "Infinity"]
JSON_PATHS = ["$", "$.a", "strict $.a", "$[*] ? (@ > 1)", "$.a[0] == 1", "$.**", "$.a.size()", "$ ?"]
# Functions whose text arguments mean something: (name, place) -> samples.
WORDS = {
    ("extract", 0): ["year", "MONTH", "day", "hour", "minute", "second", "milliseconds", "microseconds", "dow", "isodow",
                     "doy", "week", "quarter", "epoch", "century", "decade", "millennium", "isoyear", "julian", "nonsense",
                     "timezone"],
    ("date_trunc", 0): ["year", "month", "day", "hour", "minute", "second", "milliseconds", "week", "quarter", "century",
                        "decade", "nonsense"],
    ("date_trunc", 2): ["UTC", "+02"],
    ("timezone", 0): ["UTC", "EST", "+02", "-03:30"],
    ("encode", 1): ["hex", "base64", "escape", "x"],
    ("decode", 0): ["616263", "YWJj", "61 62", "abc", "YQ==", "YQ=", "a\\\\b\\001", "6", "zz"],
    ("decode", 1): ["hex", "base64", "escape"],
    ("current_setting", 0): ["server_encoding"],
    ("split_part", 1): ["X", "", "b", "zz"],
    ("~~", 1): ["%", "a%", "%c", "%b%", "a_c", "a\\%b\\_c", "", "abc", "%ö%", "a\\"],
    ("!~~", 1): ["%", "a%", "%c", "%b%", "a_c", ""],
    ("~~*", 1): ["A%", "%WORLD", "%Ö%", "H_LLO%"],
    ("!~~*", 1): ["A%", "%WORLD", "%Ö%"],
    ("like_escape", 1): ["#", "", "\\", "ab"],
    ("btrim", 1): ["a", "abc ", ""], ("ltrim", 1): ["a", "H ", ""], ("rtrim", 1): ["c", "d ", ""],
    ("translate", 1): ["abc", "ö", ""], ("translate", 2): ["x", "xyz", ""],
    ("replace", 1): ["b", "X", "", "ö"],
    ("repeat", 1): ["0", "-1", "1", "3"],
    ("lpad", 1): ["0", "-1", "2", "7", "12"], ("rpad", 1): ["0", "-1", "2", "7", "12"],
    ("chr", 0): ["65", "228", "26085", "0", "-5", "55296", "1114112"],
    ("round", 1): ["0", "1", "2", "-1", "-2", "5"], ("trunc", 1): ["0", "1", "2", "-1", "5"],
    ("exp", 0): ["0", "1", "-1.5", "2.5", "0.5", "10", "NaN", "Infinity", "-Infinity"],
    ("power", 1): ["0", "1", "2", "-1", "0.5", "3", "-2", "NaN"],
    ("^", 1): ["0", "1", "2", "-1", "0.5", "3"], ("pow", 1): ["0", "1", "2", "-1", "0.5", "3"],
    ("make_date", 0): ["2024", "2023", "0"], ("make_date", 1): ["2", "12"], ("make_date", 2): ["29", "1", "31"],
    ("to_timestamp", 0): ["0", "1.5", "-86400.25", "1e12", "NaN", "Infinity"],
    ("to_timestamp", 1): ["YYYY-MM-DD", "HH12:MI", ""], ("to_date", 1): ["YYYYMMDD", "DD Mon YYYY", "J"],
    ("to_number", 0): ["12", "-1,234.5", "<7>", ""], ("to_number", 1): ["9,999.9", "99PR", "S9"],
    ("to_char", 1): ["999", "FM990.00", "YYYY-MM-DD HH24:MI:SS", "Day DDth Month", "HH12 AM", "S9EEEE"],
    ("make_time", 0): ["0", "12", "24", "25", "-1"], ("make_time", 1): ["0", "59", "60"],
    ("make_time", 2): ["0", "1.5", "59.999999", "60", "61"],
    ("make_timestamp", 0): ["2024", "-44", "0"], ("make_timestamp", 1): ["2", "13"], ("make_timestamp", 2): ["29", "31"],
    ("make_timestamp", 3): ["0", "23"], ("make_timestamp", 4): ["0", "59"], ("make_timestamp", 5): ["0", "7.25", "60"],
    ("make_timestamptz", 0): ["2024", "-44"], ("make_timestamptz", 1): ["2", "13"],
    ("make_timestamptz", 2): ["29"], ("make_timestamptz", 3): ["0", "23"], ("make_timestamptz", 4): ["0", "59"],
    ("make_timestamptz", 5): ["0", "7.25", "60"], ("make_timestamptz", 6): ["UTC", "+02", "-03:30", "EST"],
    ("make_interval", 0): ["0", "1", "-2"], ("make_interval", 1): ["0", "14", "-3"], ("make_interval", 2): ["0", "2"],
    ("make_interval", 3): ["0", "40", "-5"], ("make_interval", 4): ["0", "30"], ("make_interval", 5): ["0", "-90"],
    ("make_interval", 6): ["0", "1.5", "-0.0000014", "NaN", "Infinity"],
    ("date_bin", 0): ["15 minutes", "1 day", "7 days", "0", "-1 hour", "1 month", "00:00:00.000001"],
    ("date_bin", 1): ["2024-02-29 12:34:56.789", "1999-12-31 23:59:59.999999", "2000-01-01 00:00:00", "infinity",
                      "2023-08-31 10:00:00"],
    ("date_bin", 2): ["2000-01-01 00:00:00", "2024-03-01 00:05:00", "infinity"],
    ("factorial", 0): ["0", "1", "5", "20", "33", "-1"],
    ("width_bucket", 3): ["1", "5", "10", "0", "-1", "2147483647"],
    ("sind", 0): ANGLES, ("cosd", 0): ANGLES, ("tand", 0): ANGLES, ("cotd", 0): ANGLES, ("asind", 0): SINES,
    ("acosd", 0): SINES, ("atand", 0): SINES, ("acosh", 0): ["1", "1.5", "100", "0.5", "NaN", "Infinity"],
    ("atanh", 0): SINES, ("sinh", 0): SINES, ("cosh", 0): SINES, ("tanh", 0): SINES, ("asinh", 0): SINES,
    ("convert_from", 1): ["UTF8", "utf-8"], ("convert_to", 1): ["UTF8", "unicode"],
    ("quote_ident", 0): ["abc", "Abc", "a b", "select", "table", "begin", "between", "left", "a\"b", "", "1a", "_a1", "öl"],
    ("quote_literal", 0): ["abc", "it's", "a\\b", ""], ("quote_nullable", 0): ["abc", "it's", "a\\b", ""],
    ("format", 0): ["%s", "x%sy%%", "%1$s|%1$s", "%I", "%L", "%-6s|", "%6s|", "%2$s %s", "%*s", "%", "%y", "%3$s", "%0$s", "plain"],
    ("->", 1): ["a", "b", "x", "0", "1", "-1", "2", "-9"], ("->>", 1): ["a", "b", "x", "0", "1", "-1", "2", "-9"],
    ("#>", 1): PATHS, ("#>>", 1): PATHS, ("#-", 1): PATHS, ("jsonb_set", 1): PATHS, ("jsonb_insert", 1): PATHS,
    ("?", 1): ["a", "b", "x"], ("?|", 1): ["{a,x}", "{x}", "{}"], ("?&", 1): ["{a,b}", "{a}", "{x,a}", "{}"],
    ("json_extract_path", 1): ["a", "1", "x"], ("jsonb_extract_path", 1): ["a", "1", "x"],
    ("json_extract_path_text", 1): ["a", "1", "x"], ("jsonb_extract_path_text", 1): ["a", "1", "x"],
    ("~", 1): PATTERNS, ("~*", 1): PATTERNS, ("!~", 1): PATTERNS, ("!~*", 1): PATTERNS,
    ("regexp_like", 1): PATTERNS, ("regexp_count", 1): PATTERNS, ("regexp_instr", 1): PATTERNS,
    ("regexp_substr", 1): PATTERNS, ("regexp_replace", 1): PATTERNS, ("regexp_replace", 2): ["X", "", "[\\\\&]", "\\\\1-"],
    ("regexp_like", 2): FLAGS, ("regexp_count", 2): ["1", "2", "0", "50"], ("regexp_count", 3): FLAGS,
    ("regexp_instr", 2): ["1", "2", "50"], ("regexp_instr", 3): ["1", "2", "0"], ("regexp_instr", 4): ["0", "1", "2"],
    ("regexp_instr", 5): FLAGS, ("regexp_instr", 6): ["0", "1", "2"], ("regexp_substr", 2): ["1", "2", "50"],
    ("regexp_substr", 3): ["1", "2"], ("regexp_substr", 4): FLAGS, ("regexp_substr", 5): ["0", "1", "2"],
    ("regexp_replace", 3): ["1", "2", "50"], ("regexp_replace", 4): ["0", "1", "2", "-1"], ("regexp_replace", 5): FLAGS,
    ("similar_to_escape", 0): ["a%", "_b_", "(a|b)%", "[a-c].", "a#%", "^$", ""], ("similar_to_escape", 1): ["#", "\\\\", "", "ab"],
    ("normalize", 1): ["NFC", "nfd", "NFKC", "NFKD", "x"], ("is_normalized", 1): ["NFC", "NFD", "NFKC", "nfkd"],
    ("get_byte", 1): ["0", "2", "15", "-1"], ("set_byte", 1): ["0", "2", "16"], ("set_byte", 2): ["0", "65", "256", "-1"],
    ("get_bit", 1): ["0", "7", "23", "-1"], ("set_bit", 1): ["0", "9", "200"], ("set_bit", 2): ["0", "1", "2"],
    ("jsonb_path_exists", 1): JSON_PATHS, ("jsonb_path_match", 1): JSON_PATHS, ("jsonb_path_query_first", 1): JSON_PATHS,
    ("jsonb_path_query_array", 1): JSON_PATHS, ("@?", 1): JSON_PATHS, ("@@", 1): JSON_PATHS,
    ("<<", 1): ["0", "1", "5", "33"], (">>", 1): ["0", "1", "5", "33"],
}
KEYS = ["{}", "{a,b}", "{a,1,b,NULL}", "{a}", "{NULL,x}", "{{a,b},{c,d}}", "{{a},{b}}", "{{{a,b}}}", "{a,\"b c\",a,\"q\\\"\"}"]
WORDS.update({
    ("array_lower", 1): ["1", "2", "0", "-1"], ("array_upper", 1): ["1", "2", "0"], ("array_length", 1): ["1", "2", "0", "7"],
    ("trim_array", 1): ["0", "1", "2", "-1", "9"], ("array_position", 2): ["1", "2", "0", "-1"],
    ("array_fill", 1): ["{2}", "{2,2}", "{0}", "{}", "{-1}", "{NULL}", "{{1}}", "{1,1,1,1,1,1,1}", "{200000000}"],
    ("array_fill", 2): ["{5}", "{0,-1}", "{}", "{2147483647}"],
    ("array_to_string", 1): [",", "", " - "], ("array_to_string", 2): ["*", "", "NULL"],
    ("parse_ident", 0): ["a", "A.b", '"X y".z', "a.", ".a", "a b", "", '"a', 'a.""', ' q . "w""e" '],
    ("regexp_match", 1): PATTERNS, ("regexp_match", 2): FLAGS,
    ("regexp_split_to_array", 1): PATTERNS, ("regexp_split_to_array", 2): FLAGS,
    ("json_object", 0): KEYS, ("json_object", 1): KEYS, ("jsonb_object", 0): KEYS, ("jsonb_object", 1): KEYS,
    ("string_to_array", 1): ["X", "", "b", "l", " "], ("string_to_array", 2): ["a", "", "o Wor"],
})
SKIP_NAMES = {"clock_timestamp", "timeofday", "random", "gen_random_uuid", "version", "now", "current_user", "session_user", "current_schema", "current_database",
              "current_date", "current_timestamp", "localtime", "localtimestamp", "statement_timestamp",
              "transaction_timestamp", "pg_typeof", "nextval", "currval", "lastval", "setval", "pg_get_serial_sequence", "obj_description", "col_description"}
SKIP_TYPES = {"tinyint", "unknown"}


def literal(value, kind):
    if value is None:
        return "NULL::" + kind
    return "E'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'::" + kind


def samples(name, place, kind):
    if (name, place) in WORDS and (name, kind) != ("timezone", "interval"):
        return WORDS[(name, place)]
    return SAMPLES[kind]


def expression(cls, name, result, arguments, width):
    if name in ("@?", "@@") or name.startswith("jsonb_path_"):
        arguments = [arguments[0], ("jsonpath", arguments[1][1])] + arguments[2:]
    values = [literal(value, kind) for kind, value in arguments]
    if cls == "operator":
        return "(%s %s %s)" % (values[0], name, values[1]) if len(values) == 2 else "(%s (%s))" % (name, values[0])
    if cls == "cast":
        return "(%s)::%s" % (values[0], result)
    if cls == "aggregate":
        if not values:
            return "(SELECT count(*) FROM (SELECT 1 WHERE false) t)"
        if width == 2:
            rows = ", ".join("(%s, %s)" % pair for pair in zip(values[::2], values[1::2]))
            return "(SELECT %s(x, y) FROM (VALUES %s) t(x, y))" % (name, rows)
        return "(SELECT %s(x) FROM (VALUES %s) t(x))" % (name, ", ".join("(%s)" % v for v in values))
    if name == "extract":
        return "extract(%s FROM %s)" % (arguments[0][1], values[1]) if arguments[0][1] is not None else "NULL::numeric"
    if name == "overlaps":
        return "((%s, %s) OVERLAPS (%s, %s))" % tuple(values)
    if name == "position":
        return "position(%s in %s)" % (values[1], values[0])
    if name == "normalize":
        return '"normalize"(%s)' % ", ".join(values)  # the bare word has a grammar of its own
    if name == "overlay":
        extra = " for " + values[3] if len(values) == 4 else ""
        return "overlay(%s placing %s from %s%s)" % (values[0], values[1], values[2], extra)
    return "%s(%s)" % (name, ", ".join(values))


def cases(cls, name, result, variadic, kinds, limit, draw):
    if name == "age" and len(kinds) == 1:
        return  # asks the clock
    if name in SKIP_NAMES or SKIP_TYPES & set(kinds + [result]):
        return
    if cls == "aggregate":
        if not kinds:
            yield []
            return
        kinds = ["int4" if kind == "any" else kind for kind in kinds]
        if len(kinds) == 2:
            pools = [samples(name, place, kind) for place, kind in enumerate(kinds)]
            if kinds == ["float8", "float8"]:
                pools = [[s for s in pool if "e300" not in s] for pool in pools]
            for _ in range(max(2, limit // 2)):
                rows = range(draw.randint(1, 5))
                yield [(kind, draw.choice(pool + [None])) for _ in rows for kind, pool in zip(kinds, pools)]
            return
        kind = kinds[0]
        yield [(kind, None)]
        for _ in range(max(2, limit // 2)):
            far = ("99999999999999999999", "1e300")
            if name.startswith(("var", "stddev")) and kind == "int8":
                far += ("9223372036854775807", "-9223372036854775808")  # squares beyond 38 digits
            pool = [s for s in SAMPLES[kind] if s not in far] + [None]
            yield [(kind, draw.choice(pool)) for _ in range(draw.randint(1, 6))]
        return
    if not kinds:
        yield []
        return
    lists = []
    for place, kind in enumerate(kinds):
        if kind == "any":
            lists.append(ANY)
        elif cls == "cast" and kind in ("text", "varchar", "bpchar"):
            lists.append([(kind, s) for s in TEXTS[result]])
        else:
            lists.append([(kind, s) for s in samples(name, place, kind)])
    if variadic:
        lists = lists + ([lists[-1]] if kinds[-1] != "any" else [ANY] * 2)
    every = list(itertools.product(*lists))
    chosen = every if len(every) <= limit else draw.sample(every, limit)
    for one in chosen:
        if name == "age" and any(v in ("infinity", "-infinity") for _, v in one):
            continue  # PostgreSQL 15 computes with its sentinels
        if name == "width_bucket" and one[1][1] == "1e300":
            continue  # gives the bucket beyond the last there
        if name == "right" and one[1][1] == "-2147483648":
            continue  # overflows there
        if name == "date_trunc" and one[0][1] == "nonsense" and "infinity" in one[1][1]:
            continue  # not looked at there
        if name in ("extract", "date_part") and one[0][1] == "timezone" and one[1][1] == "infinity":
            continue
        yield list(one)
    if kinds[0] != "any" and not any(v in ("a", "{a", "$ ?") for _, v in chosen[0][1:]):  # no path: refused in any case there
        yield [(kinds[0], None)] + [chosen[0][i] for i in range(1, len(chosen[0]))]


def spread(kinds, result):
    """The argument and result types of a signature: each that a polymorphic one stands for."""
    if not any(k.startswith("any") and k != "any" for k in kinds + [result]):
        return [(kinds, result)]
    found = []
    for element in ELEMENTS:
        names = {"anyarray": "_" + element, "anycompatiblearray": "_" + element, "anyelement": element,
                 "anycompatible": element, "anynonarray": element}
        found.append(([names.get(k, k) for k in kinds], names.get(result, result)))
    return found


def main():
    test, limit, psql = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    listing = subprocess.run([test, "--list"], capture_output=True, text=True, check=True).stdout
    draw = random.Random(15)
    wanted = []
    for line in listing.splitlines():
        cls, name, result, variadic, _volatile, *kinds = line.split("\t")
        for asked, answered in spread(kinds, result):
            for arguments in cases(cls, name, answered, variadic == "1", asked, limit, draw):
                wanted.append((cls, name, answered, arguments, len(kinds)))
    script = ["\\set VERBOSITY verbose", "\\pset null '\\\\N'", "SET TimeZone = 'UTC';", "SET extra_float_digits = 1;"]
    for number, (cls, name, result, arguments, width) in enumerate(wanted):
        script.append("\\echo @@%d" % number)
        value = expression(cls, name, result, arguments, width)
        script.append("SELECT %s, pg_typeof(%s);" % (value, value))
    run = subprocess.run(psql + ["-AtqX", "-F", "\t", "-f", "-"], input="\n".join(script), stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace")
    answers, at = {}, None
    for line in run.stdout.split("\n"):
        if line.startswith("@@"):
            at = int(line[2:])
            answers[at] = []
        elif at is not None:
            answers[at].append(line)
    for number, (cls, name, result, arguments, _) in enumerate(wanted):
        lines = [l for l in answers[number] if not l.startswith(("LINE ", "LOCATION", "CONTEXT", "HINT", "DETAIL", "    "))]
        error = next((l for l in lines if "ERROR:  " in l), None)
        kind = result
        if error is not None:
            code, message = error.split("ERROR:  ", 1)[1].split(": ", 1)
            if code in ("42883", "42725", "42P18", "42846"):
                sys.stderr.write("PostgreSQL has no %s %s %s: %s\n" % (cls, name, arguments, message))
                continue
            expected = "!%s %s" % (code, message)
            if kind == "any":
                kind = "text"
        else:
            if len([l for l in lines if l]) != 1:
                continue  # a text of several lines
            expected, kind = next(l for l in lines if l).rsplit("\t", 1)
            if kind == "numeric" and sum(c.isdigit() for c in expected) > 38:
                continue  # beyond our NUMERIC
            kind = "bpchar" if kind == "character" else kind
        if expected.count("\t") or "\ufffd" in expected:
            continue
        fields = [kind, expected, cls, name]
        for k, value in arguments:
            fields += [k, "\\N" if value is None else value]
        print("\t".join(fields))


main()
