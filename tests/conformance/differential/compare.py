"""When two answers are the same.

* An error is its SQLSTATE; the words may differ.
* Names and types of the columns are equal, a type with its modifier.
* Rows are a multiset; where ORDER BY promises a sequence of some columns, the rows projected on these are a sequence
  of values (1 day and 24:00:00 are one value).
* REAL values agree to 6 digits and DOUBLE PRECISION to 12 (relative, or absolute near zero): sums may be made in any
  order. Everything else is equal as text. Where equal values that are written differently (1.0 and 1.00, 1 day and
  24:00) stand for each other (DISTINCT, GROUP BY, min, max), which of them is shown is open: there they are equal as
  numbers or spans.
* A NUMERIC of more than 38 digits there has fewer places here: it is equal in those that it has.
"""
import math
import re
from collections import Counter
from decimal import Decimal, InvalidOperation, localcontext

TOLERANCE = {"real": 1e-6, "double precision": 1e-12}
EARLY = "PostgreSQL computes constants before it looks for rows or conflicts, and fails though none asks for them"
ANOTHER = "a write with several errors: PostgreSQL looks at it row by row, Kimberlite one step of all rows after the other"
DEFINED = "a change of a type with several errors: PostgreSQL makes the indexes' definitions before it converts rows"
UNBOUND = "a write that is wrong in several places: PostgreSQL looks at RETURNING before it looks at the columns to set"
MOVED = "an UPDATE of keys by themselves: whether one meets another that is to change hangs on the order of the rows"
SETS_KEY = re.compile(r"SET (?:.*[ ,(])?id = \(?\w*\.?id \+")
STANDS_FOR_OTHERS = re.compile(r"DISTINCT|GROUP BY|\bmin\(|\bmax\(")


SPAN = re.compile(r"(-?\d+) (year|mon|day)s?|([-+]?)(\d+):(\d+):(\d+(?:\.\d+)?)")


def span(text):
    """An interval's length as it is ordered by: a month is 30 days, a day 24 hours."""
    total = Decimal(0)
    for count, unit, sign, hours, minutes, seconds in SPAN.findall(text):
        if unit:
            total += int(count) * {"year": 360, "mon": 30, "day": 1}[unit] * 86400
        else:
            total += (-1 if sign == "-" else 1) * (int(hours) * 3600 + int(minutes) * 60 + Decimal(seconds))
    return total


def cut_short(a, b):
    """Whether b is a, which has more digits than NUMERIC here, in the places that b has."""
    if len(re.sub(r"\D", "", a)) <= 38 or "." not in a:
        return False
    with localcontext() as context:
        context.prec = 200
        return abs(Decimal(a) - Decimal(b)) < Decimal(1).scaleb(-len(b.partition(".")[2]))


def members(text):
    """The numbers of an array's text, as numbers: where array_agg() orders them, equal ones may stand in either order."""
    return [None if item == "NULL" else Decimal(item) for item in text.strip("{}").split(",") if item]


def without(rows, taken):
    """The rows less those counted in `taken`."""
    rest, found = [], Counter(taken)
    for row in rows:
        key = tuple(row)
        if found[key] > 0:
            found[key] -= 1
        else:
            rest.append(row)
    return rest


class Rule:
    """Equality of values, one column after the other."""

    def __init__(self, types, sql, lite=False):
        self.types = types
        self.tolerances = [TOLERANCE.get(kind) or (1e-9 if lite and kind.startswith("numeric") else None) for kind in types]
        others = bool(STANDS_FOR_OTHERS.search(sql))
        self.loose = [others and {"numeric": Decimal, "interval": span}.get(kind.split("(")[0]) for kind in types]
        if "array_agg(" in sql:
            self.loose = [members if kind == "numeric[]" else loose for kind, loose in zip(types, self.loose)]

    def same_value(self, column, a, b):
        if a == b:
            return True
        if a is None or b is None:
            return False
        try:
            if self.tolerances[column] is not None:
                bound = self.tolerances[column]
                return math.isclose(float(a), float(b), rel_tol=bound, abs_tol=bound)
            if bool(self.loose[column]) and self.loose[column](a) == self.loose[column](b):
                return True
            return self.types[column] == "numeric" and cut_short(a, b)
        except (ValueError, InvalidOperation):
            return False

    def same_row(self, a, b):
        return len(a) == len(b) and all(self.same_value(i, a[i], b[i]) for i in range(len(a)))

    def same_place(self, a, b, columns):
        """Rows that ORDER BY puts in one place: values are compared, not how they are written."""
        for i in columns:
            if self.same_value(i, a[i], b[i]):
                continue
            number = {"numeric": Decimal, "interval": span}.get(self.types[i].split("(")[0])
            if number is None or a[i] is None or b[i] is None or number(a[i]) != number(b[i]):
                return False
        return True

    def sort_key(self, row):
        """Brings rows that are equal by this rule near to each other; what it parts wrongly is matched one by one."""
        return [(value is None, "" if value is None or self.tolerances[i] or self.loose[i] else value)
                for i, value in enumerate(row)]

    def same_rows(self, a, b, order):
        if len(a) != len(b):
            return False
        if order is not None and not all(self.same_place(x, y, order) for x, y in zip(a, b)):
            return False
        same = Counter(map(tuple, a)) & Counter(map(tuple, b))  # nearly all are equal as text
        left = sorted(without(b, same), key=self.sort_key)
        for row in sorted(without(a, same), key=self.sort_key):
            at = next((i for i, other in enumerate(left) if self.same_row(row, other)), None)
            if at is None:
                return False
            left.pop(at)
        return True


def difference(expected, got, sql, order):
    """What differs between PostgreSQL's answer and ours, or None."""
    if (expected.sqlstate or "").startswith("22") and not got.sqlstate and \
            (got.count == 0 or "ON CONFLICT" in sql or sql.startswith("MERGE")):
        return EARLY
    classes = sorted((a.sqlstate or "")[:2] for a in (expected, got))
    if expected.sqlstate != got.sqlstate and classes in (["21", "22"], ["21", "23"], ["22", "23"], ["23", "23"]):
        return ANOTHER
    if "RETURNING" in sql and got.sqlstate in ("42703", "42804") and expected.sqlstate != got.sqlstate and \
            (expected.sqlstate or "")[:2] in ("22", "42"):
        return UNBOUND
    if sql.startswith("UPDATE") and SETS_KEY.search(sql) and {expected.sqlstate, got.sqlstate} == {None, "23505"}:
        return MOVED
    if classes == ["22", "42"] and sql.startswith("ALTER TABLE"):
        return DEFINED
    if expected.sqlstate or got.sqlstate:
        return None if expected.sqlstate == got.sqlstate else "SQLSTATE"
    if expected.names != got.names:
        return "column names"
    if expected.types != got.types:
        return "column types"
    if expected.count != got.count:
        return "row count"
    if not Rule(expected.types, sql).same_rows(expected.rows, got.rows, order):
        return "rows"
    return None


def difference_lite(sqlite, got, sql, order):
    """What differs between SQLite's answer and ours; booleans are 1 and 0 there, exact numbers are floats."""
    if sqlite.sqlstate and "integer overflow" in sqlite.message:
        return None  # its integers end at 64 bits where a sum or a product of PostgreSQL's goes on
    if sqlite.sqlstate:
        return "SQLite refuses"
    plain = {"t": "1", "f": "0"}
    rows = [[plain.get(v, v) if kind == "boolean" else v for v, kind in zip(row, got.types)] for row in got.rows]
    return None if Rule(got.types, sql, True).same_rows(sqlite.rows, rows, order) else "rows"
