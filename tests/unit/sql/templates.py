#!/usr/bin/env python3
"""Makes templates.tsv: asks a live PostgreSQL 15 what to_char, to_number, to_date and to_timestamp answer.

    templates.py CASES_PER_KIND SEED psql ARGUMENT...  > templates.tsv

Templates are drawn from the fields of each kind with modifiers, literals and mistakes between them; values, from what
lies at the edges. The lines are those of functions.tsv. Answers with a tab or a line's end are left out.
"""
import random, sys

import answers

NUMBERS = {
    "int4": ["0", "1", "-1", "12", "-12", "123", "-485", "485", "1234", "12345", "-98765", "2147483647", "-2147483648",
             "3999", "4000", "11", "112", "3"],
    "int8": ["0", "1", "-7", "485", "-485", "123456789012", "9223372036854775807", "-9223372036854775808", "1994"],
    "numeric": ["0", "1", "-1", "0.1", "-0.1", "0.5", "-.5", "12.45", "148.5", "-148.5", "1485", "3148.5", "0.00", "0.9999",
                "9.99", "99.95", "-999.95", "0.000123", "123456789.987654321", "1e20", "NaN", "Infinity", "-Infinity",
                "1234567.125", "0.05", "100", "1e-10", "3999.4", "3999.5", "9.5"],
    "float4": ["0", "1.5", "-1.5", "485.8", "123456.7", "1234567.8", "0.1", "-0.01", "NaN", "Infinity", "-Infinity", "1e30",
               "1e-5", "3.14159"],
    "float8": ["0", "-0", "1.5", "-12.45", "0.1", "148.5", "1234567.891", "123456789012345.678", "1e20", "-1e-7", "NaN",
               "Infinity", "-Infinity", "0.00032", "9.99", "1e300", "1e-300", "485.8", "3.5"],
}
NUMBER_PARTS = ["9", "99", "999", "9999", "0", "00", "000", "9", "0", "9,999", "999,999", "9G999", "D99", ".99", ".9", "D9",
                ".00", "FM", "S", "MI", "PL", "SG", "PR", "B", "L", "TH", "th", "RN", "rn", "FMRN", "V9", "V99", "V", "EEEE",
                '"a"', '"pre:"', " ", "-", "x", "SP", "G", "D", ".", ",", "é", '\\"', '"x\\"y"']
NUMBER_TEXTS = ["12", "-12", "12-", "+12", "1,234", "1,234.56", "<12>", "$12.4", "12.4", "0.5", ".5", "-.5", "- 12", "12 -",
                "1 2", "abc", "", "9999", "12345.678", "  7", "7th", "1st", "é5", "12.", "--5", "L5", " 123 ", "5-3", "1.2.3"]
TIMES = ["2024-02-29 12:34:56.789", "1999-12-31 23:59:59.999999", "2000-01-01 00:00:00", "0001-01-01 00:00:00",
         "0044-03-15 BC 01:02:03", "infinity", "1970-01-01", "1066-10-14 09:00:00.5", "2023-08-31 10:00:00",
         "12345-06-07 08:09:10", "2021-01-03", "2020-12-31 11:59:59", "2024-11-23 13:00:00.000001", "4714-11-24 BC",
         "0999-12-31", "2005-01-01", "0100-01-01 BC", "0101-05-05"]
SPANS = ["0", "1 day", "1 month", "-1 mon 3 days 04:05:06.5", "1 year 2 mons", "30 days", "24:00:00", "-00:00:01",
         "1000 hours", "-5 years", "-13 mons -40 days -25:00:00.123456", "12 years 11 mons 400 days 12:00:00", "-100:00:00",
         "999 years", "10000 years", "1500 years -3 mons"]
DATE_FIELDS = ["HH", "HH12", "HH24", "MI", "SS", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "SSSS", "SSSSS", "AM",
               "PM", "am", "pm", "A.M.", "p.m.", "Y,YYY", "YYYY", "YYY", "YY", "Y", "IYYY", "IYY", "IY", "I", "BC", "AD", "bc",
               "ad", "B.C.", "a.d.", "MONTH", "Month", "month", "MON", "Mon", "mon", "MM", "DAY", "Day", "day", "DY", "Dy",
               "dy", "DDD", "IDDD", "DD", "D", "ID", "W", "WW", "IW", "CC", "J", "Q", "RM", "rm", "TZ", "tz", "TZH", "TZM",
               "OF", "yyyy", "hh24", "mi", "ss", "ms", "dd", "mm", "q", "cc", "j", "ww", "FX"]
READ = {  # field -> texts to read by it
    "YYYY": ["2024", "1999", "44", "12024", "24"], "YY": ["24", "70", "99", "1"], "Y": ["4"], "YYY": ["124", "999"],
    "MM": ["2", "02", "13", "0", "12", "1"], "DD": ["29", "1", "31", "32", "09"], "DDD": ["1", "366", "060", "60", "400"],
    "HH24": ["0", "12", "23", "24"], "HH": ["12", "1", "0", "13"], "HH12": ["11", "12"], "MI": ["5", "59", "60", "05"],
    "SS": ["7", "59", "60"], "MS": ["5", "25", "789", "7891"], "US": ["5", "123456"], "FF3": ["7", "789"], "FF1": ["9"],
    "FF6": ["123456"], "AM": ["am", "PM", "xm", "pm"], "P.M.": ["a.m.", "P.M."], "BC": ["BC", "ad"],
    "Month": ["January", "february ", "Sept", "may"], "MON": ["Jan", "DEC", "sept"], "Day": ["Monday", "sunday"],
    "DY": ["mon", "Tue"], "D": ["1", "7"], "W": ["1", "5"], "WW": ["1", "53"], "IYYY": ["2024", "2020"],
    "IW": ["1", "53", "9"], "ID": ["1", "7", "0"], "IDDD": ["001", "300"], "J": ["2451187", "0", "1"], "Q": ["1", "3"],
    "CC": ["20", "21", "-1", "1"], "RM": ["xii", "I", "IV"], "SSSS": ["86399", "1", "3600"], "TZH": ["+02", "-5", "03"],
    "TZM": ["30", "60"], "Y,YYY": ["2,024", "1,5", "12,345"], "TZ": ["UTC"], "FX": [""], "OF": ["+1"],
}
READ_TEXTS = ["2024-02-29", "20240229", "29 Feb 2024", "12:34:56 PM", "Monday", "2024 100", "MCMXCIV", "15", "1 2 3 4"]


def number_template(draw):
    if draw.random() < 0.55:
        return "".join(draw.choice(NUMBER_PARTS) for _ in range(draw.randint(1, 6)))
    text = draw.choice(["", "", "FM", "fm", "S", "MI", "PL", "SG", "B", "L"])
    text += draw.choice(["9", "99", "999", "9999", "09", "0999", "990", "9,999", "99,999", "9G999", "0", "00000", "", "9 9 9",
                         '99"x"9', "0,000,000"])
    text += draw.choice(["", "", ".9", ".99", "D99", ".00", ".90", ".09", "D", ".", "V9", "V99", "V9990", ".9999999"])
    return text + draw.choice(["", "", "", "", "S", "MI", "PL", "SG", "PR", "TH", "th", "L", "EEEE", "SP"])


def date_template(draw):
    text = ""
    for _ in range(draw.randint(1, 5)):
        text += draw.choice(["", "", "", "FM", "fm", "TM", "tm"]) + draw.choice(DATE_FIELDS)
        text += draw.choice(["", "", "", "TH", "th", "SP"])
        text += draw.choice(["", "-", "/", " ", ":", ".", ",", ' "txt" ', "T", "  ", "é", '\\"', "1", '"Q\\"q"'])
    return text


def read_case(draw):
    """A template and a text that about fits it."""
    if draw.random() < 0.3:
        return date_template(draw), draw.choice(READ_TEXTS)
    template, text = "FX" if draw.random() < 0.15 else "", ""
    for _ in range(draw.randint(1, 5)):
        field = draw.choice(["YYYY", "MM", "DD", "HH24", "MI", "SS"] if draw.random() < 0.5 else list(READ))
        template += draw.choice(["", "", "", "", "FM"]) + field + draw.choice(["", "", "", "", "th"])
        text += draw.choice(["", "", "", "", "  ", "x", "-"]) + draw.choice(READ[field]) + draw.choice(["", "", "", "", "st"])
        between = draw.choice(["-", "/", " ", ":", ".", "T", ",", "", "", "  ", " - ", '"ab"', "1"])
        template += between
        text += between.replace('"', "") if draw.random() < 0.7 else draw.choice(["-", " ", "", "x", "/", "  ", "--"])
    return template, text


def draw_case(draw, kind):
    """(function, result type, [(argument type, text)])"""
    if kind == "number":
        given = draw.choice(list(NUMBERS))
        value = draw.choice(NUMBERS[given])
        if given in ("int4", "int8") and draw.random() < 0.3:
            value = str(draw.randint(-10 ** draw.randint(1, 9), 10 ** draw.randint(1, 9)))
        if given in ("numeric", "float8") and draw.random() < 0.4:
            value = "%.*f" % (draw.randint(0, 6), draw.uniform(-10 ** draw.randint(0, 8), 10 ** draw.randint(0, 8)))
        return "to_char", "text", [(given, value), ("text", number_template(draw))]
    if kind == "time":
        given = draw.choice(["timestamp", "timestamptz", "interval"])
        value = draw.choice(SPANS if given == "interval" else TIMES)
        return "to_char", "text", [(given, value), ("text", date_template(draw))]
    if kind == "read number":
        return "to_number", "numeric", [("text", draw.choice(NUMBER_TEXTS)), ("text", number_template(draw))]
    name = draw.choice(["to_date", "to_timestamp"])
    template, text = read_case(draw)
    result = "date" if name == "to_date" else "timestamp with time zone"
    return name, result, [("text", text), ("text", template)]


def main():
    count, draw = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    cases = [draw_case(draw, kind) for kind in ("number", "time", "read number", "read time") for _ in range(count)]
    answers.write(sys.argv[3:], cases)


main()
