#!/usr/bin/env python3
"""Values of every type on the wire, in text and in binary format: PostgreSQL 15 and Kimberlite send the same bytes, and
take and refuse the same parameters. Without PostgreSQL it can not run.
"""
import checks
import raw
from test_messages import Pair

P, B, D, E, Q, S = raw.parse, raw.bind, raw.describe, raw.execute, raw.query, raw.SYNC

EXPRESSIONS = [
    "1::int2", "2147483647", "'-9223372036854775808'::int8", "1.5::float4", "'NaN'::float8", "-0.1::float8", "123.4500::numeric",
    "'NaN'::numeric", "'-Infinity'::numeric", "0.0001::numeric(10,6)", "1e20::numeric", "'x'", "'abc'::varchar(5)", "'ab'::char(4)",
    "'\\xdeadbeef'::bytea", "'2024-02-29'::date", "'infinity'::date", "'12:34:56.789'::time", "'2024-02-29 12:34:56.789'::timestamp",
    "'-infinity'::timestamp", "'2024-02-29 12:34:56.789+02'::timestamptz(3)", "'1 year 2 days 3.5 s'::interval", "'1 day'::interval(2)",
    "'017f22e2-79b0-7000-98c4-dc0c0c07398f'::uuid", "'{\"a\": 1}'::json", "'{\"b\": 1, \"a\": [null]}'::jsonb", "true", "NULL", "NULL::int",
    "'pg_class'::regclass", "'int4'::regtype", "'x'::name", "'x'::\"char\"", "23::oid", "ARRAY[1, NULL, 3]", "ARRAY['a', 'b c', '']",
    "ARRAY[1.5, 2]", "ARRAY[ARRAY[1, 2], ARRAY[3, 4]]", "'[0:1]={7,8}'::int[]", "ARRAY[]::text[]", "ARRAY['2024-01-01'::date]",
    "ARRAY['x'::varchar]", "ARRAY['{}'::jsonb]", "1 AS a, 'b' AS b, 2.5 AS c",
    "count(*), sum(x), avg(x), min(x) FROM generate_series(1, 5) x", "x, x::text, x * 1.5 FROM generate_series(1, 3) x",
]

# Types by OID, and bytes that are given for them.
BINARY = {
    16: ["01", "00", "02", "", "0101"], 21: ["8000", "80"], 23: ["7fffffff", "7fffff", "7fffffff00"], 20: ["8000000000000000"],
    700: ["3fc00000", "7fc00000"], 701: ["7ff8000000000000", "8000000000000000"],
    1700: ["0001000000000002000a", "00000000c0000000", "0001000000000000ffff", "0001000001000000000a", "0001000000004000000a",
           "00020000400000010001" "1388", "0000000000000003"],
    25: ["c3bc", "", "ff", "6100"], 1043: ["616263"], 1042: ["6162"], 17: ["00ff", ""], 19: ["61", "61" * 64], 18: ["61", "00", ""],
    26: ["ffffffff"], 1082: ["7fffffff", "80000001", "000022d4"], 1083: ["000000141dd76000", "000000141dd76001", "ffffffffffffffff"],
    1114: ["7fffffffffffffff", "0000000000000000", "8000000000000001"], 1184: ["0002aaaaaaaaaaaa"],
    1186: ["00000000000000010000000200000003"], 2950: ["00" * 16, "00" * 15], 114: ["7b7d", "7b"], 3802: ["017b7d", "027b7d", "017b", ""],
    1007: ["000000010000000000000017000000010000000100000004000000ff", "000000010000000000000019000000010000000100000004000000ff",
           "ffffffff0000000000000017", "000000070000000000000017", "000000010000000200000017", "0000000000000000000000" "17",
           "000000010000000000000017ffffffff00000001", "0000000100000000000000177fffffff00000001",
           "00000001000000000000001700000001000000010000000500000000ff", "0000000100000000000000170000000100000001fffffffe"],
    1009: ["0000000100000000000000190000000100000001ffffffff"], 1231: ["0000000100000000000006a40000000100000001ffffffff"],
    2205: ["000004eb"], 2206: ["00000017"],
}

TEXT = {
    16: ["yes", "maybe"], 23: ["12", " 12 ", "1x", "99999999999"], 1700: ["1.50", "1e3", "x"], 25: ["x", ""], 17: ["\\x0102", "\\x0"],
    1082: ["2024-02-29", "2024-02-30"], 1114: ["2024-02-29 1:2:3", "yesterdayish"], 1184: ["2024-02-29 01:02:03+02"],
    1007: ["{1,2}", "{1,2", "{{1},{2}}"], 2950: ["x", "017f22e279b0700098c4dc0c0c07398f"], 3802: ['{"b":1, "a":2}', "{"],
    2205: ["pg_class"], 2206: ["int4", "nix"], 1186: ["1 day", "1 dya"], 701: ["1e400", "Infinity"],
}


class Worded(raw.Message):
    """With the words of an error, which are compared, too."""

    def __repr__(self):
        fields = self.fields() if self.kind == "E" else {}
        return "E(%s %s)" % (fields["C"], fields["M"]) if fields else super().__repr__()


raw.Message = Worded


def run(sql, code, types=(), values=(), formats=()):
    return [P(sql, types=types), B(values, formats=formats, results=[code]), D("P"), E(), S]


def outcome(found):
    """What an error is answered by may come before or behind BindComplete: constants are computed later than there."""
    error = next((one for one in found if one.startswith("E(")), None)
    return error if error is not None else " ".join(found)


# Bytes of a client that PostgreSQL calls a fault of its own.
OTHERWISE = {"E(XX000 unsupported jsonb version number 2)": "E(22P03 unsupported jsonb version number 2)"}


def same(pair, parts):
    expected, given = pair.both(parts)
    wanted = outcome(expected)
    if OTHERWISE.get(wanted, wanted) != outcome(given):
        raise AssertionError("PostgreSQL: %s\nKimberlite: %s" % (" ".join(expected), " ".join(given)))


def make_test(pair, conversations):
    def test():
        for parts in conversations:
            same(pair, parts)
    return test


def labels():
    """Enum types: the numbers of their types differ, so only rows are asked for."""
    yield [Q("CREATE TYPE hue AS ENUM ('red', 'green')"), Q("CREATE TABLE paint (id int PRIMARY KEY, h hue, hs hue[])")]
    for value, code in ((b"green", 1), ("red", 0), (None, 0), (b"blue", 1), ("blue", 0)):
        yield [Q("DELETE FROM paint"), P("INSERT INTO paint (id, h) VALUES (1, $1)"), B([value], formats=[code]), E(), S,
               P("SELECT h FROM paint"), B(results=[1]), E(), S]
    yield [P("UPDATE paint SET hs = $1"), B(["{red,NULL,green}"]), E(), S, Q("SELECT hs::text FROM paint")]
    yield [Q("DROP TABLE paint"), Q("DROP TYPE hue")]


def main():
    pair = Pair()
    try:
        tests = {"test_results_%d" % code: make_test(pair, [run("SELECT " + e, code) for e in EXPRESSIONS]) for code in (0, 1)}
        for oid, values in BINARY.items():
            conversations = [run("SELECT $1", code, [oid], [bytes.fromhex(value)], [1]) for value in values for code in (0, 1)]
            tests["test_binary_parameter_%d" % oid] = make_test(pair, conversations)
        for oid, values in TEXT.items():
            conversations = [run("SELECT $1", code, [oid], [value], [0]) for value in values for code in (0, 1)]
            tests["test_text_parameter_%d" % oid] = make_test(pair, conversations)
        tests["test_labels"] = make_test(pair, labels())
        passed, failed = checks.run(tests, workers=1)
    finally:
        pair.close()
    checks.finish(passed, failed)


if __name__ == "__main__":
    main()
