#!/usr/bin/env python3
"""Makes moments.tsv: asks a live PostgreSQL 15 what .datetime() of SQL/JSON paths makes of texts.

    moments.py CASES SEED psql ARGUMENT...  > moments.tsv

Texts and templates that fit each other, some with a piece changed; alone, and compared. Times of PostgreSQL's years
after 294246 are not asked: they are beyond ours.
"""
import random, sys

import answers

PIECES = [("yyyy-mm-dd", "2017-03-10"), ("HH24:MI:SS", "12:34:56"), ("HH24:MI", "12:34"), ("TZH", "+05"), ("TZH:TZM", "-03:30"),
          ("dd.mm.yyyy", "10.03.2017"), ("HH12:MI AM", "11:30 PM"), ("YYYY BC", "0044 BC"), ("DDD/YYYY", "366/2020"), ("J", "2451545"),
          ("IYYY-IW-ID", "2020-53-7"), ("SSSSS", "86399"), ("HH24:MI:SS.US", "23:59:59.1234567"), ("HH24:MI:SS.FF3", "01:02:03.4567"),
          ("SS.MS", "7.5"), ("Mon DD, YYYY", "Feb 29, 2024"), ('yyyy"x"mm', "2001x12"), ("FMDD-FMMM-YYYY", "1-2-3"), ("Q", "3"), ("CC", "20"),
          ("YY", "99"), ("Y,YYY", "2,021"), ("HH24", "24"), ("RM", "XII"), ("OF", "+01"), ("FX", ""), ("W", "2")]
GAPS = [" ", "", "-", "T", '"T"', "@", "  ", "/"]
PLAIN = ["2017-03-10", "12:34:56", "12:34:56.789", "12:34:56+3", "12:34:56-03:30", "12:34:56.5+00", "2017-03-10 12:34:56",
         "2017-03-10 12:34:56+3", "2017-03-10T12:34:56.25-08:00", "2017-03-10T12:34:56", "2017-3-1", "17-3-1", "2017-02-30", "24:00:00",
         "23:59:60", "2017-03-10 12:34", " 2017-03-10", "2017-03-10 ", "2017-03-10x", "", "5874897-12-31", "0000-01-01", "-0044-01-01",
         "12:34:56+16", "12:34:56+15:59", "2017-03-10 00:00:00", "2017-03-09 23:59:59.999999+00", "2017-03-10T00:00:00+00:00", "now", "12:34:56 +3"]
OTHERS = ["1", "null", "true", "[]", "{}", '["2017-03-10", "12:34:56+3", "x"]', '["12:34:56", "12:34:57"]']
OPERATORS = ["==", "!=", "<", "<=", ">", ">="]
FUNCTIONS = ["jsonb_path_query_array", "jsonb_path_query_first", "jsonb_path_exists", "jsonb_path_match"]


def templated(draw):
    pieces = [draw.choice(PIECES) for _ in range(draw.choice([1, 1, 2, 2, 3]))]
    template, text = pieces[0]
    for piece in pieces[1:]:
        gap = draw.choice(GAPS)
        template += gap + piece[0]
        text += (gap.strip('"') if draw.random() < 0.9 else draw.choice(GAPS).strip('"')) + piece[1]
    if draw.random() < 0.15:
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice(["", "x", " ", "9", "-"]) + text[at + draw.choice([0, 1]):]
    return text, template


def literal(draw):
    """A text as a path has it, made a moment."""
    if draw.random() < 0.6:
        return '"%s".datetime()' % draw.choice(PLAIN)
    text, template = templated(draw)
    return '"%s".datetime("%s")' % (text, template.replace('"', '\\"'))


def draw_case(draw):
    name = draw.choice(FUNCTIONS) + draw.choice(["", "_tz"])
    result = "jsonb" if "query" in name else "boolean"
    target, method = '"%s"' % draw.choice(PLAIN), ".datetime()"
    choice = draw.random()
    if choice < 0.35:
        text, template = templated(draw)
        target, method = '"%s"' % text, '.datetime("%s")' % template.replace('"', '\\"')
    elif choice < 0.45:
        target = draw.choice(OTHERS)
    path = "$" + method
    choice = draw.random()
    if choice < 0.35:
        path = "%s %s %s" % (path, draw.choice(OPERATORS), literal(draw))
    elif choice < 0.5:
        path = "$ ? (@%s %s %s)" % (method, draw.choice(OPERATORS), literal(draw))
    elif choice < 0.6:
        path += draw.choice([".type()", ".size()", ".abs()", ".double()", ".datetime()", ".keyvalue()", '.datetime("YYYY")'])
    path = draw.choice(["", "", "strict "]) + path
    arguments = [("jsonb", target), ("text", path)]
    if draw.random() < 0.4:
        arguments += [("jsonb", "{}"), ("bool", draw.choice(["true", "false"]))]
    return name, result, arguments


def main():
    count, draw = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    types = {(name + tz, 1): "jsonpath" for name in FUNCTIONS for tz in ["", "_tz"]}
    answers.write(sys.argv[3:], [draw_case(draw) for _ in range(count)], types)


main()
