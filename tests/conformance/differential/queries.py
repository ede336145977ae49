"""Queries within queries: subqueries in expressions, set operations, WITH.

A subquery stands where an expression may, takes columns of the query around it, and has names of its own (q1, q2, ...).
"""
import re

from expressions import LITE_TYPES, Expressions

NESTED_MAX = 2
ROW_SHARE = 0.12  # of predicates
SHARE = 0.2  # of predicates and of expressions of a fitting type
OUTER = re.compile(r"[a-z]+[.][a-z0-9]+|id|[a-z]")
SHARED = {"id": "bigint", "k": "integer", "g": "text"}  # columns that every table has
COMPOUND_TYPES = ["integer", "bigint", "text", "numeric", "date", "boolean"]


class Queries(Expressions):
    """Needs self.tables and self.pick_table() of whoever inherits."""

    nested = 0      # how deep we are
    subqueries = 0  # names given
    qualifier = ""  # before a column that stands by its bare name
    may_nest = True
    small = False   # the long table is left out: what is joined by chance would be too much

    def deal(self, *items):
        """One of the items, each as often as any other: from a deck that is shuffled anew when it is used up."""
        if not hasattr(self, "decks"):
            self.decks = {}
        deck = self.decks.setdefault(items, [])
        if not deck:
            deck.extend(self.draw.sample(items, len(items)))
        return deck.pop()

    # --- subqueries

    def predicate(self, depth):
        if self.may_nest and self.nested < NESTED_MAX and self.columns and self.chance(SHARE):
            return self.subquery_predicate()
        if depth > 0 and self.columns and not self.plain and self.chance(ROW_SHARE):
            return self.row_predicate(depth)
        return super().predicate(depth)

    def row_predicate(self, depth):
        kinds = [self.draw.choice(COMPOUND_TYPES) for _ in range(self.draw.randint(1, 3))]
        word = self.deal("=", "<>", "<", "<=", ">", ">=", "IN", "NOT IN", "IS DISTINCT FROM", "IS NOT DISTINCT FROM",
                         "IS NULL", "IS NOT NULL")
        self.lite = False
        self.use("form of rows" if word[0] == "I" or word == "NOT IN" else "comparison of rows")
        left = self.row(kinds, depth)
        if word.endswith("NULL"):
            return "(%s %s)" % (left, word)
        right = self.row(kinds, depth)
        if word.endswith("IN"):
            right = "(%s, %s)" % (right, self.row(kinds, depth))
        return "(%s %s %s)" % (left, word, right)

    def row(self, kinds, depth):
        return "ROW(%s)" % ", ".join(self.as_kind(self.expression(kind, depth - 1), kind) for kind in kinds)

    def expression(self, kind, depth):
        if (self.may_nest and depth > 0 and self.nested < NESTED_MAX and self.columns
                and kind in ("integer", "bigint", "text") and self.chance(SHARE)):
            return self.subquery_value(kind)
        return super().expression(kind, depth)

    def outer_column(self, kinds):
        """A column of the query around, by a name that the subquery has not; None: there is none."""
        found = [c for kind in kinds for c in self.columns.get(kind, []) if OUTER.fullmatch(c)]
        found = [c if "." in c else "%s.%s" % (self.qualifier, c) for c in found if "." in c or self.qualifier]
        return self.draw.choice(found) if found else None

    def inner(self):
        """FROM and WHERE of a subquery: (alias, text). Correlated more often than not."""
        self.subqueries += 1
        alias = "q%d" % self.subqueries
        table = self.pick_table(small=True)
        parts = []
        number, text = self.outer_column(["integer", "bigint"]), self.outer_column(["text"])
        if number and self.chance(0.6):
            parts.append("%s.%s %s %s" % (alias, self.draw.choice(["k", "id"]),
                                          self.draw.choice(["=", "=", "=", "<", ">=", "<>"]), number))
        if text and self.chance(0.25):
            parts.append("%s.g = %s" % (alias, text))
        if self.chance(0.4):
            saved, self.nested = (self.columns, self.qualifier), self.nested + 1
            self.columns, self.qualifier = {kind: ["%s.%s" % (alias, name)] for name, kind in SHARED.items()}, ""
            parts.append(self.predicate(1))
            (self.columns, self.qualifier), self.nested = saved, self.nested - 1
        return alias, "FROM %s %s%s" % (table.said, alias, " WHERE " + " AND ".join(parts) if parts else "")

    def subquery_predicate(self):
        alias, source = self.inner()
        form = self.deal("EXISTS", "NOT EXISTS", "IN subquery", "NOT IN subquery", "ANY", "ALL", "compared")
        self.use("form " + form)
        if form in ("EXISTS", "NOT EXISTS"):
            what = self.draw.choice(["1", "*", "%s.k" % alias])
            tail = self.draw.choice(["", "", "", " LIMIT 1", " OFFSET 1"]) if not self.plain else ""
            self.lite = self.lite and "OFFSET" not in tail  # without LIMIT it is no SQLite
            return "(%s (SELECT %s %s%s))" % (form, what, source, tail)
        name, kind = self.draw.choice([("k", "integer"), ("g", "text"), ("id", "bigint")])
        value = super().expression(kind, 1)
        if form in ("IN subquery", "NOT IN subquery"):
            word = form[:-len(" subquery")]
            if self.chance(0.2) and not self.plain:
                return "((%s, %s) %s (SELECT %s.%s, %s.g %s))" % (
                    value, super().expression("text", 1), word, alias, name, alias, source)
            shape = self.draw.choice(["SELECT %s.%s %s", "SELECT DISTINCT %s.%s %s"])
            return "(%s %s (%s))" % (value, word, shape % (alias, name, source))
        operator = self.draw.choice(["=", "<>", "<", "<=", ">", ">="])
        if form == "compared":
            aggregate = self.draw.choice(["max", "min"])
            return "(%s %s (SELECT %s(%s.%s) %s))" % (value, operator, aggregate, alias, name, source)
        self.lite = False
        return "(%s %s %s (SELECT %s.%s %s))" % (value, operator, form, alias, name, source)

    def subquery_value(self, kind):
        alias, source = self.inner()
        self.use("form scalar subquery")
        name = {"integer": "k", "bigint": "id", "text": "g"}[kind]
        if kind == "bigint" and self.chance(0.5):
            return "(SELECT count(*) %s)" % source
        if self.chance(0.3):
            self.lite = False
            order = "%s.%s NULLS LAST" % (alias, name)
            return "(SELECT %s %s ORDER BY %s LIMIT 1)" % (self.as_kind("%s.%s" % (alias, name), kind), source, order)
        value = "%s(%s.%s)" % (self.draw.choice(["max", "min"]), alias, name)
        return "(SELECT %s %s)" % (self.as_kind(value, kind), source)

    def as_kind(self, value, kind):
        return "CAST(%s AS bigint)" % value if kind == "bigint" else value  # id is an integer in some tables

    # --- set operations and WITH

    def branch(self, kinds):
        source = self.from_clause()
        items = ", ".join(self.typed(kind) for kind in kinds)
        where = " WHERE " + self.predicate(2) if self.chance(0.5) else ""
        return "SELECT %s%s FROM %s%s" % ("DISTINCT " if self.chance(0.15) else "", items, source, where)

    def typed(self, kind):
        """Of just this type, so that the branches' common type is it and text forms are those of one type."""
        text = self.expression(kind, 1)
        return "(%s)::%s" % (text, "numeric(20,2)" if kind == "numeric" else kind)

    def set_operation(self, kinds, depth=0):
        word = self.deal("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL")
        self.use("set " + word)
        left = self.branch(kinds) if depth or self.chance(0.7) else "(%s)" % self.set_operation(kinds, 1)
        right = self.branch(kinds) if depth or self.chance(0.7) else "(%s)" % self.set_operation(kinds, 1)
        return "%s %s %s" % (left, word, right)

    def compound_case(self):
        """A set operation, or queries named by WITH, over columns of known types."""
        self.lite, self.small = False, True
        kinds = [self.draw.choice(COMPOUND_TYPES) for _ in range(self.draw.randint(1, 3))]
        form = self.deal("set", "set", "set", "set", "with", "with", "recursive")
        if form == "set":
            sql = self.set_operation(kinds)
            self.names = [None] * len(kinds)
            return [self.finish(sql, len(kinds))]
        if form == "recursive":
            return [self.recursive()]
        self.use("clause WITH")
        names = ", ".join("a%d" % i for i in range(len(kinds)))
        body = self.branch(kinds) if self.chance(0.6) else self.set_operation(kinds)
        hint = self.draw.choice(["", "", "MATERIALIZED ", "NOT MATERIALIZED "])
        head = "WITH w (%s) AS %s(%s)" % (names, hint, body)
        columns = ["a%d" % i for i in range(len(kinds))]
        if self.chance(0.4):
            sql = "%s SELECT %s FROM w x JOIN w y ON x.a0 = y.a0" % (
                head, ", ".join("x.%s" % c for c in columns))
        elif self.chance(0.5):
            sql = "%s SELECT %s, count(*) FROM w GROUP BY %s" % (head, columns[0], columns[0])
            columns = columns[:1] + ["n"]
        else:
            sql = "%s SELECT %s FROM w WHERE a0 IS NOT NULL OR a0 IN (SELECT a0 FROM w)" % (head, ", ".join(columns))
        self.names = [None] * len(columns)
        return [self.finish(sql, len(columns))]

    def recursive(self):
        self.use("clause WITH RECURSIVE")
        table = self.pick_table(small=True)
        word = self.draw.choice(["UNION", "UNION ALL"])
        step = self.draw.choice(["r.v + 1", "r.v * 2", "r.v"])
        sql = ("WITH RECURSIVE r (n, v) AS (SELECT 1, k FROM %s WHERE k IS NOT NULL %s SELECT r.n + 1, %s FROM r WHERE r.n < %d)"
               " SELECT n, v, count(*) FROM r GROUP BY n, v" % (table.name, word, step, self.draw.randint(1, 5)))
        self.names = [None] * 3
        return self.finish(sql, 3)
