"""The grammar of statements: tables, and cases that stand by themselves.

A case is one statement or a short sequence; it leaves the tables as it found them (what it writes is rolled back, or goes
to a table of its own). So case N of a seed is made from (seed, N) alone and repeats without those before it.
"""
import random
import re

from expressions import COMPARABLE, LITE_TYPES, VALUES, WILD, WORDS
from queries import Queries

# Columns that tables may have beside their key. Equal names have equal types, so that USING and NATURAL have work to do.
COLUMNS = {"k": "integer", "g": "text", "b": "bigint", "s": "smallint", "n": "numeric(8,2)", "f": "boolean",
           "r": "double precision", "e": "real", "d": "date", "t": "timestamp without time zone",
           "z": "timestamp with time zone", "y": "bytea", "v": "character varying", "c": "character(3)", "u": "uuid",
           "i": "interval", "h": "time without time zone", "j": "jsonb", "a": "integer[]", "w": "text[]", "o": "few",
           "m": "mood"}
DOMAINS = {"few": "smallint"}  # each refuses some values that random SQL comes to
PARTED = ("jsonb", "integer[]", "text[]")  # a part may be assigned to
SQLITE_TYPES = {"integer": "INTEGER", "bigint": "INTEGER", "text": "TEXT", "boolean": "INTEGER"}
ROWS = [0, 7, 13, 24, 40]
SECOND = "other"  # schema of the tables in the numbers below, behind public in search_path
IN_SECOND = (2, 3)
ROWS_LONG = 1300  # more than one batch of Kimberlite's operators
JOINS = ["inner", "left", "right", "full", "cross", "comma", "natural", "using"]
# Shares of the kinds of cases.
KINDS = [("select", 35), ("aggregate", 22), ("compound", 28), ("window", 12), ("constant", 6), ("write", 18), ("own table", 10), ("wild", 4), ("wrong", 4),
         ("metamorphic", 12), ("rows", 9), ("checked view", 6)]
PLAIN_SHARE = 0.2     # cases that keep to what SQLite answers as PostgreSQL does
FOCUS_PER_CASE = 18  # items that a case must hold, in turn: what makes every item appear


COLUMN = re.compile(r"[a-z]+[.][a-z0-9]+|id|[a-z]")


def base_type(kind):
    return DOMAINS.get(kind, kind.split("(")[0])


class Table:
    def __init__(self, name, columns, rows, schema=None):
        self.name, self.columns, self.rows = name, columns, rows  # columns: [(name, type)]
        self.said = name if schema is None else "%s.%s" % (schema, name)  # in FROM; elsewhere by name alone


class Step:
    """One statement. order: output columns whose sequence is promised, or None; lite: SQLite agrees."""

    def __init__(self, sql, lite=False, order=None):
        self.sql, self.lite, self.order = sql, lite, order


class Case:
    """relation: what must hold between Kimberlite's own answers to the steps, as a function that gives a fault or None."""

    def __init__(self, number, kind, steps, used, relation=None):
        self.number, self.kind, self.steps, self.used, self.relation = number, kind, steps, used, relation


SEQUENCES = ["CREATE SEQUENCE asked", "CREATE TABLE numbered (id serial, k integer)", "SELECT nextval('asked')"]


INDEXES_OF_MORE = ["((k + 1))", "(lower(g))", "((k % 3), id)", "(k) WHERE g IS NOT NULL", "(g, k) WHERE k > 3",
                   "(k DESC NULLS LAST) INCLUDE (g)", "((g || 'x')) WHERE k > 3 AND g IS NOT NULL"]


def make_tables(seed):
    """The tables of a seed and the statements that make them: (tables, statements, statements of SQLite)."""
    draw = random.Random("tables of %s" % seed)
    tables, statements = [], ["CREATE SCHEMA %s" % SECOND, "SET search_path TO public, %s" % SECOND,
                              "CREATE DOMAIN few AS smallint CHECK (VALUE BETWEEN -40 AND 4000)",
                              "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'A b')"]
    lite = ["ATTACH ':memory:' AS %s" % SECOND]
    for number, count in enumerate(ROWS + [ROWS_LONG]):
        names = ["k", "g"] + draw.sample([n for n in COLUMNS if n not in "kg"], 9)
        columns = [("id", "integer" if number % 2 else "bigint")] + [(n, COLUMNS[n]) for n in sorted(names)]
        rows = [[str(i + 1)] + [None if draw.random() < 0.15 else draw.choice(VALUES[base_type(kind)])
                                for _, kind in columns[1:]] for i in range(count)]
        table = Table("t%d" % number, columns, rows, SECOND if number in IN_SECOND else None)
        tables.append(table)
        declared = ", ".join("%s %s%s" % (n, k, " PRIMARY KEY" if n == "id" else "") for n, k in columns)
        statements.append("CREATE TABLE %s (%s)" % (table.said, declared))
        declared = ", ".join("%s %s%s" % (n, SQLITE_TYPES.get(k, "TEXT"), " PRIMARY KEY" if n == "id" else "")
                             for n, k in columns)
        lite.append("CREATE TABLE %s (%s)" % (table.said, declared))
        for at in range(0, count, 100):
            values = ", ".join("(%s)" % ", ".join(stored(v, k) for v, (_, k) in zip(row, columns))
                               for row in rows[at:at + 100])
            statements.append("INSERT INTO %s VALUES %s" % (table.name, values))
            values = ", ".join("(%s)" % ", ".join(stored(v, k, True) for v, (_, k) in zip(row, columns))
                               for row in rows[at:at + 100])
            lite.append("INSERT INTO %s VALUES %s" % (table.name, values))
        indexable = [n for n, kind in columns[1:] if kind != "jsonb"]
        for index in range(draw.randrange(3)):
            on = ", ".join(draw.sample(indexable, draw.randint(1, 2)))
            statements.append("CREATE INDEX %s_%d ON %s (%s)" % (table.name, index, table.name, on))
        if draw.random() < 0.6:
            statements.append("CREATE INDEX %s_x ON %s %s" % (table.name, table.name, draw.choice(INDEXES_OF_MORE)))
    return tables, statements + SEQUENCES, lite


def stored(value, kind, lite=False):
    if value is None:
        return "NULL"
    if base_type(kind) in ("boolean", "smallint", "integer", "bigint", "numeric") or (lite and "real" in kind):
        return value
    return "'%s'" % value.replace("'", "''")


class Statements(Queries):
    """Draws the case `number` of a seed."""

    def __init__(self, seed, number, signatures, tables):
        draw = random.Random("%s/%d" % (seed, number))
        super().__init__(draw, signatures, plain=draw.random() < PLAIN_SHARE)
        self.number, self.tables, self.relation = number, tables, None
        items = sorted(self.by_item)
        random.Random("items of %s" % seed).shuffle(items)
        self.scalars = [i for i in items if not i.startswith("aggregate")]
        self.aggregates = [i for i in items if i.startswith("aggregate")]

    def focus(self, items, count):
        return [items[(self.number * count + j) % len(items)] for j in range(count)]

    def focused(self, depth=2):
        """Expressions that hold this case's share of the items: [(text, type)]."""
        found = []
        for item in self.focus(self.scalars, FOCUS_PER_CASE if not self.plain else 2):
            signature = self.draw.choice(self.by_item[item])
            found.append(self.call(signature, depth))
        return found

    def case(self):
        kind = self.draw.choices([k for k, _ in KINDS], [w for _, w in KINDS])[0]
        steps = {"select": self.select_case, "aggregate": self.aggregate_case, "constant": self.constant_case,
                 "compound": self.compound_case,
                 "window": self.window_case, "write": self.write_case, "own table": self.own_table_case, "wild": self.wild_case,
                 "wrong": self.wrong_case, "metamorphic": self.metamorphic_case, "rows": self.rows_case,
                 "checked view": self.checked_view_case}[kind]()
        return Case(self.number, kind, steps, self.used, self.relation)

    # --- FROM

    def scope_of(self, alias, columns, qualify):
        for name, kind in columns:
            if self.plain and kind not in LITE_TYPES:
                continue
            self.columns.setdefault(base_type(kind), []).append("%s.%s" % (alias, name) if qualify else name)

    def pick_table(self, small=False):
        if not small and not self.small and self.chance(0.05):
            return self.tables[-1]
        return self.draw.choice(self.tables[1:-1] if self.chance(0.95) else self.tables[:1])

    def derived(self):
        """A table, or a query in its place: (text, columns)."""
        table = self.pick_table(small=True)
        if self.chance(0.8):
            return table.said, table.columns
        self.use("form derived table")
        form = self.draw.choice(["columns", "columns", "grouped", "distinct", "limited"])
        if form == "grouped":
            found = [table.columns[0], ("k", "integer"), ("g", "text"), ("m", "bigint")]
            return "(SELECT k, g, min(id) AS id, count(*) AS m FROM %s GROUP BY k, g)" % table.said, found
        if form == "distinct":
            found = [("k", "integer"), ("g", "text"), table.columns[0]]
            return "(SELECT DISTINCT k, g, id %% 3 AS id FROM %s)" % table.name, found
        if form == "limited":
            order = self.draw.choice(["id DESC", "k DESC NULLS LAST, id", "g NULLS FIRST, id"])
            return "(SELECT * FROM %s ORDER BY %s LIMIT %d)" % (table.name, order, self.draw.randint(1, 9)), table.columns
        kept = [c for c in table.columns if c[0] in ("id", "k", "g") or self.chance(0.5)]
        where = " WHERE k IS NOT NULL" if self.chance(0.5) else ""
        return "(SELECT %s FROM %s%s)" % (", ".join(n for n, _ in kept), table.name, where), kept

    def from_clause(self):
        """FROM's text; the columns that it gives stand in self.columns afterwards."""
        self.columns, self.qualifier = {}, ""
        roll = self.draw.random()
        if roll < 0.35:
            table = self.pick_table()
            self.qualifier = table.name
            self.scope_of(table.name, table.columns, False)
            return table.said
        if roll < 0.42 and not self.plain:
            return self.values_list()
        left, columns = self.derived() if self.small or self.chance(0.95) else (self.tables[-1].name, self.tables[-1].columns)
        text = "%s x" % left
        joined = [("x", columns)]
        if left == self.tables[-1].name:
            text = self.join_long(text, joined)
        elif self.chance(0.08):
            text = self.join_nested(text, joined)
        else:
            for alias in ["y", "w", "v"][:self.draw.choices([1, 2, 3], [70, 22, 8])[0]]:
                text = self.join(text, joined, alias)
        for name, columns in joined:
            self.scope_of(name, columns, True)
        if len(joined) == 2 and self.used[-1] in ("join natural", "join using"):
            self.scope_of("", joined[1][1], False)  # by their bare names they are one column of both sides
        return text

    def values_list(self):
        self.use("form VALUES")
        self.lite = False
        kinds = self.draw.sample(["integer", "text", "numeric", "bigint", "date"], 3)
        rows = ["(%s)" % ", ".join(self.literal(k) for k in kinds) for _ in range(self.draw.randint(1, 6))]
        names = ["a", "b", "c"]
        self.scope_of("q", list(zip(names, kinds)), True)
        return "(VALUES %s) q (%s)" % (", ".join(rows), ", ".join(names))

    def join_long(self, text, joined):
        """The long table with a short one, by a key."""
        table = self.pick_table(small=True)
        form = self.draw.choice(["", "LEFT ", "RIGHT ", "FULL "])
        self.use("join " + (form.lower().strip() or "inner"))
        joined.append(("y", table.columns))
        on = self.draw.choice(["x.id = y.id", "y.id = x.k", "x.id = y.k", "x.k = y.id AND x.g = y.g"])
        return "%s %sJOIN %s y ON %s" % (text, form, table.said, on)

    def join_nested(self, text, joined):
        """x JOIN (y JOIN w ON ...) ON ..."""
        table, columns = self.derived()
        inner = [("y", columns)]
        right = self.join("%s y" % table, inner, "w", ["inner", "left", "right", "full", "cross"])
        pairs = self.pairs(joined, [("%s.%s" % (a, n), k) for a, cs in inner for n, k in cs])
        form = self.draw.choice(["", "LEFT ", "RIGHT ", "FULL "])
        self.use("join " + (form.lower().strip() or "inner"))
        joined += inner
        return "%s %sJOIN (%s) ON %s = %s" % ((text, form, right) + self.pair(pairs))

    def pairs(self, joined, others):
        """Columns that a condition may compare: (left, right, type)."""
        return [("%s.%s" % (a, n), other, k) for a, cs in joined for n, k in cs for other, o in others
                if base_type(k) == base_type(o) and base_type(k) in COMPARABLE and n in ("id", "k", "g", "b", "d", "s")]

    def pair(self, pairs):
        left, right, kind = self.draw.choice([p for p in pairs if not self.plain or p[2] in LITE_TYPES])
        self.lite = self.lite and kind in LITE_TYPES
        return left, right

    def join(self, text, joined, alias, forms=JOINS):
        right, columns = self.derived()
        form = self.draw.choice(forms)
        pairs = self.pairs(joined, [("%s.%s" % (alias, n), k) for n, k in columns])
        if len(joined) > 1 and form in ("cross", "comma", "natural", "using"):
            form = "inner"
        if "join comma" in self.used:
            self.lite = False  # to SQLite a comma binds as JOIN does
        joined.append((alias, columns))
        self.use("join " + form)
        if form == "comma":
            return "%s, %s %s" % (text, right, alias)
        if form == "cross":
            return "%s CROSS JOIN %s %s" % (text, right, alias)
        if form in ("natural", "using"):
            shared = self.draw.choice([["k"], ["g"], ["k", "g"]])
            other = "(SELECT %s, id AS id2 FROM %s)" % (", ".join(shared), self.pick_table(small=True).name)
            joined[-1] = (alias, [(n, COLUMNS[n]) for n in shared])
            kind = self.draw.choice(["", "LEFT ", "INNER ", "FULL ", "RIGHT "])
            if form == "natural":
                first = "(SELECT %s, id AS id1 FROM %s)" % (", ".join(shared), self.pick_table(small=True).name)
                joined[0] = ("x", [(n, COLUMNS[n]) for n in shared])
                return "%s x NATURAL %sJOIN %s %s" % (first, kind, other, alias)
            return "%s %sJOIN %s %s USING (%s)" % (text, kind, other, alias, ", ".join(shared))
        condition = "%s = %s" % self.pair(pairs)
        if self.chance(0.2):
            condition += " AND %s = %s" % self.pair(pairs)
        wide = form != "full" and len(joined) == 2  # what a condition that holds often may multiply
        if wide and self.chance(0.3):
            saved, self.columns = self.columns, {}
            for name, cs in joined:
                self.scope_of(name, cs, True)
            condition = "%s %s %s" % (condition, self.draw.choice(["AND", "AND", "OR"]), self.predicate(1))
            self.columns = saved
        elif wide and self.chance(0.15):
            left, right_side = self.pair(pairs)
            condition = "%s %s %s" % (left, self.draw.choice(["<", ">="]), right_side)
        word = {"inner": self.draw.choice(["", "INNER "])}.get(form, form.upper() + self.draw.choice([" ", " OUTER "]))
        return "%s %sJOIN %s %s ON %s" % (text, word, right, alias, condition)

    # --- SELECT

    def condition(self, depth):
        """What stands behind WHERE: any predicate, or comparisons with literals, which indexes can serve."""
        self.use("clause WHERE")
        if self.chance(0.5):
            return self.predicate(depth)
        parts = [self.lookup() for _ in range(self.draw.randint(1, 3))] + self.of_indexes()
        if self.chance(0.25):
            parts.append(self.predicate(depth - 1))
        return (" AND " if self.chance(0.85) else " OR ").join(parts)

    def of_indexes(self):
        """Conditions that say what INDEXES_OF_MORE say, sometimes."""
        parts = []
        named = [c for kind in ("integer", "text") for c in self.columns.get(kind, [])]
        for column in [c for c in named if c.split(".")[-1] in "kg"] if self.chance(0.5) else []:
            if column.split(".")[-1] == "k":
                parts += self.draw.sample(["%s + 1 = %d" % (column, self.draw.randint(1, 9)), "%s > 3" % column,
                                           "%s %% 3 = %d" % (column, self.draw.randint(0, 2))], self.draw.randint(0, 2))
            else:
                parts += self.draw.sample(["lower(%s) = %s" % (column, self.literal("text")), "%s IS NOT NULL" % column,
                                           "%s || 'x' >= 'b'" % column], self.draw.randint(0, 2))
        self.lite = self.lite and not parts
        return parts

    def lookup(self):
        kind = self.draw.choice([k for k in self.columns if k in self.comparable])
        column = self.draw.choice(self.columns[kind])
        self.lite = self.lite and kind in LITE_TYPES
        form = self.draw.choice(["=", "=", "<", "<=", ">", ">=", "BETWEEN", "IN", "IS NULL", "IS NOT NULL"])
        if form in ("BETWEEN", "IN"):
            self.use("form " + form)
            values = [self.literal(kind) for _ in range(2 if form == "BETWEEN" else self.draw.randint(1, 4))]
            return "%s BETWEEN %s AND %s" % (column, *values) if form == "BETWEEN" else "%s IN (%s)" % (column, ", ".join(values))
        if form.startswith("IS"):
            self.use("form " + form)
            return "%s %s" % (column, form)
        self.use("operator " + form)
        return "%s %s %s" % ((column, form, self.literal(kind)) if self.chance(0.8) else
                             (self.literal(kind), form, column))

    def ordering(self, count, must_be_total=False):
        """ORDER BY over output columns 1..count: (text, columns whose sequence it promises)."""
        keys = list(range(count))
        self.draw.shuffle(keys)
        if not must_be_total and self.chance(0.4):
            keys = keys[:self.draw.randint(1, count)]
        parts = []
        for key in keys:
            way = self.draw.choice(["", " ASC", " DESC"])
            nulls = self.draw.choice([""][self.plain:] + [" NULLS FIRST", " NULLS LAST"])
            if nulls:
                self.use("clause" + nulls)
            else:
                self.lite = False
            name = self.names[key] if self.chance(0.4) else None
            parts.append("%s%s%s" % (name or key + 1, way, nulls))
        self.use("clause ORDER BY")
        return " ORDER BY " + ", ".join(parts), keys

    def finish(self, sql, count, inexact=()):
        """Adds ORDER BY and LIMIT to a query of `count` output columns. Sorting by an inexact one promises nothing of
        the columns behind it: what is equal here may differ in its last digit there."""
        order = None
        if self.chance(0.5):
            limited = self.chance(0.5) and not inexact
            text, order = self.ordering(count, must_be_total=limited)
            order = order[:next((i for i, key in enumerate(order) if key in inexact), len(order) - 1) + 1]
            sql += text
            if limited:
                sql += " LIMIT %d" % self.draw.choice([0, 1, 3, 10, 1000])
                self.use("clause LIMIT")
                if self.chance(0.5):
                    sql += " OFFSET %d" % self.draw.choice([0, 1, 2, 5, 50])
                    self.use("clause OFFSET")
        return Step(sql, self.lite, order)

    def outputs(self, expressions):
        """The select list; some columns have a name of their own, the others that which the database gives."""
        named = [e + (" AS c%d" % i if self.chance(0.4) else "") for i, e in enumerate(expressions)]
        # What ORDER BY may call them beside their number; a bare constant means nothing there.
        self.names = [text.rpartition(" AS ")[2] if text != e else e if COLUMN.fullmatch(e) else None
                      for text, e in zip(named, expressions)]
        return ", ".join(named)

    def select_case(self):
        source = self.from_clause()
        kinds = [k for k in self.columns]
        if self.chance(0.1):
            self.use("form *")
            if self.chance(0.7):
                source += " WHERE " + self.condition(2)
            star = self.draw.choice(["*", "x.*, y.*", "y.*, 1"]) if " y" in source else "*"
            return [Step("SELECT %s FROM %s" % (star, source))]
        expressions = [self.leaf(self.draw.choice(kinds)) for _ in range(self.draw.randint(1, 3))]
        distinct = self.chance(0.2)
        if not (self.chance(0.25) and expressions):
            focus = [e for e in self.focused() if not distinct or "json" not in e.lower()]
            expressions += focus if not distinct else focus[:3]
        expressions = expressions or [self.expression("integer", 2)]
        if distinct:
            self.use("clause DISTINCT")
        sql = "SELECT %s%s FROM %s" % ("DISTINCT " if distinct else "", self.outputs(expressions), source)
        if self.chance(0.6):
            sql += " WHERE " + self.condition(3)
        return [self.finish(sql, len(expressions))]

    # --- rows as values

    def some_columns(self, table):
        """A query of some of a table's columns that can be compared, always with id."""
        kept = [n for n, k in table.columns if n != "id" and "json" not in k]
        kept = self.draw.sample(kept, min(len(kept), self.draw.randint(1, 3)))
        return "(SELECT %s FROM %s)" % (", ".join(["id"] + kept), table.name), ["id"] + kept

    def rows_case(self):
        """A row has no type here, so that what is compared is its text, its JSON, what it is compared with, its order."""
        self.use("form row")
        query, names = self.some_columns(self.pick_table(small=True))
        other, _ = self.some_columns(self.pick_table(small=True))
        name = self.draw.choice(names)
        made = "ROW(%s)" % ", ".join(["x." + name, "x.*", "1", "'a b'::text", "NULL"][:self.draw.randint(1, 5)])
        form = self.draw.choice(["text", "made", "json", "agg", "order", "compare", "joined", "group", "nested"])
        if form == "text":
            return [Step("SELECT x.id, x::text, (x).%s, x IS NULL, x IS NOT NULL FROM %s x" % (name, query))]
        if form == "made":
            return [Step("SELECT %s::text, %s IS NOT NULL FROM %s x" % (made, made, query))]
        if form == "json":
            return [Step("SELECT row_to_json(x)::text, to_jsonb(x), json_build_object('r', x, 'm', %s)::text FROM %s x" % (
                made, query))]
        if form == "agg":
            return [Step("SELECT json_agg(x ORDER BY x.id)::text, jsonb_agg(x ORDER BY x.id), count(x) FROM %s x" % query)]
        if form == "order":
            way = self.draw.choice(["", " DESC"])
            keys = self.draw.sample(names, len(names))
            return [Step("SELECT x.id FROM %s x ORDER BY ROW(%s)%s" % (query, ", ".join("x." + n for n in keys), way),
                         order=[0])]
        if form == "compare":
            sign = self.draw.choice(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM"])
            return [Step("SELECT x.id, y.id FROM %s x, %s y WHERE x %s y AND x.id < 9 AND y.id < 9" % (query, query, sign))]
        if form == "joined":
            return [Step("SELECT x.id, y::text, y IS NULL, row_to_json(y)::text, count(y) OVER () FROM %s x LEFT JOIN %s y "
                         "ON x.id = y.id + 1 AND y.id %% 2 = 0" % (query, other))]
        if form == "group":
            return [Step("SELECT x::text, count(*) FROM (SELECT %s FROM %s z UNION ALL SELECT %s FROM %s z) x GROUP BY x" % (
                name, query, name, query))]
        return [Step("SELECT r::text, (r).id, row_to_json(r)::text FROM (SELECT x AS r FROM %s x) s WHERE (r).id > %d" % (
            query, self.draw.randint(0, 5)))]

    def checked_view_case(self):
        """Views over views with CHECK OPTIONs, and what is written through them."""
        self.use("write checked view")
        conditions = ["k < 4", "k > 1", "k <> 3", "k % 2 = 0", "g <> 'b'", "k IS NOT NULL", "id < 8", "k IN (SELECT 2)"]
        steps = [Step("CREATE TABLE own (id integer PRIMARY KEY, k integer CHECK (k < 9), g text NOT NULL DEFAULT 'a')"),
                 Step("INSERT INTO own VALUES (1, 1), (2, 2), (3, 3, 'b'), (4, NULL)")]
        below = "own"
        for view in ["v1", "v2", "v3"][:self.draw.randint(1, 3)]:
            option = self.draw.choice(["", " WITH CHECK OPTION", " WITH LOCAL CHECK OPTION", " WITH CASCADED CHECK OPTION"])
            where = " WHERE " + self.draw.choice(conditions) if self.chance(0.9) else ""
            steps.append(Step("CREATE VIEW %s AS SELECT * FROM %s%s%s" % (view, below, where, option)))
            below = view
        for _ in range(self.draw.randint(2, 4)):
            value = self.draw.choice(["0", "2", "3", "5", "20", "NULL", "k + 1"])
            row = "(%d, %s, %s)" % (self.draw.randint(3, 10), value.replace("k + 1", "4"), self.draw.choice(["'a'", "'b'", "DEFAULT"]))
            steps.append(Step(self.draw.choice([
                "INSERT INTO %s VALUES %s" % (below, row), "UPDATE %s SET k = %s WHERE id = %d" % (below, value, self.draw.randint(1, 4)),
                "UPDATE %s SET k = %s" % (below, value), "DELETE FROM %s WHERE k = 2" % below,
                "INSERT INTO %s VALUES %s ON CONFLICT (id) DO UPDATE SET k = excluded.k" % (below, row),
                "INSERT INTO %s VALUES %s ON CONFLICT DO NOTHING" % (below, row)])))
            steps.append(Step("SELECT * FROM own"))
        self.lite = False
        return steps + [Step("DROP TABLE own CASCADE")]

    def constant_case(self):
        self.columns = {}
        expressions = self.focused(3) + [self.expression(self.draw.choice(self.comparable), 3)]
        return [Step("SELECT " + self.outputs(expressions), self.lite)]

    def aggregate_case(self):
        self.may_nest = False  # a subquery is grouped by only where it is the same one
        source = self.from_clause()
        where = ""
        if self.chance(0.4):
            where = " WHERE " + self.condition(2)
        keys = []
        for _ in range(self.draw.choice([0, 1, 1, 2])):
            kind = self.draw.choice([k for k in self.columns if k in self.comparable])
            columns = self.columns[kind]
            key = self.draw.choice(columns)
            if kind == "text" and self.chance(0.3) and not self.plain:
                key = "upper(%s)" % key
                self.lite = False
            if (key, kind) not in keys:
                keys.append((key, kind))
        found = [self.aggregate(item, 1) for item in self.focus(self.aggregates, 8)]
        found += [self.aggregate(self.draw.choice(self.aggregates), 2) for _ in range(self.draw.randrange(2))]
        self.columns = {}
        inexact = []
        for place, (text, kind) in enumerate(keys + found):
            if kind == "double precision" and text.startswith(("avg", "sum", "var", "stddev", "corr", "covar", "regr")):
                inexact.append(place)  # the last digits are open, and a text made of it would show them
                continue
            self.columns.setdefault(kind, []).append(text)
        expressions = [k for k, _ in keys] + [a for a, _ in found]
        if self.chance(0.7):
            expressions += self.focused(1)
        sql = "SELECT %s FROM %s%s" % (self.outputs(expressions), source, where)
        if keys:
            self.use("clause GROUP BY")
            plain = self.chance(0.5)
            items = ", ".join(k if plain else str(i + 1) for i, (k, _) in enumerate(keys))
            if not self.plain and self.chance(0.4):
                sets = self.draw.choice(["ROLLUP", "CUBE", "GROUPING SETS"])
                self.use("clause GROUPING SETS")
                items = "%s (%s)" % (sets, items)
                self.lite = False
            sql += " GROUP BY " + items
        if self.chance(0.3):
            self.use("clause HAVING")
            sql += " HAVING " + self.predicate(2)
        return [self.finish(sql, len(expressions), inexact)]

    # --- window functions

    def frame(self, mode, distances):
        """A frame clause; distances: texts of offsets."""
        ends = ["UNBOUNDED PRECEDING", "%s PRECEDING", "CURRENT ROW", "%s FOLLOWING", "UNBOUNDED FOLLOWING"]
        start = self.draw.randrange(4)
        end = self.draw.randrange(max(start, 1), 5)
        said = [ends[i] % self.draw.choice(distances) if "%" in ends[i] else ends[i] for i in (start, end)]
        exclude = self.draw.choice([""] * 4 + [" EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"])
        if exclude:
            self.use("clause EXCLUDE")
        return " %s BETWEEN %s AND %s%s" % (mode, said[0], said[1], exclude)

    def over(self):
        """A window; where rows are counted its order leaves nothing open."""
        mode = self.draw.choice(["", "ROWS", "RANGE", "GROUPS"])
        if mode:
            self.use("clause " + mode)
        partition = self.draw.choice(["", "", "PARTITION BY k", "PARTITION BY g", "PARTITION BY g, k"])
        way = self.draw.choice(["", " DESC"]) + self.draw.choice(["", " NULLS FIRST", " NULLS LAST"])
        distances = {"integer": ["0", "1", "2", "100"], "numeric": ["0", "0.5", "2"], "bigint": ["1", "3"],
                     "date": ["'1 day'", "'1 month'"], "double precision": ["0.5", "1"],
                     "timestamp without time zone": ["'1 hour'", "'1 year'"]}
        if mode in ("RANGE", "GROUPS"):
            kind = self.draw.choice([k for k in self.columns if k in (distances if mode == "RANGE" else self.comparable)])
            offsets = distances[kind] if mode == "RANGE" else ["0", "1", "2"]
            return "%s ORDER BY %s%s%s" % (partition, self.draw.choice(self.columns[kind]), way,
                                           self.frame(mode, offsets))
        order = "ORDER BY %s%s, id" % (self.draw.choice(["k", "g", "id"]), way)
        return "%s %s%s" % (partition, order, self.frame(mode, ["0", "1", "3"]) if mode else "")

    def window_call(self, window):
        kind = self.draw.choice([k for k in self.columns if k in self.comparable])
        value = self.draw.choice(self.columns[kind])
        counted = "ROWS" in window or window.endswith(", id")
        ranks = ["rank()", "dense_rank()", "percent_rank()", "cume_dist()"]
        values = ["row_number()", "ntile(%d)" % self.draw.randint(1, 5), "lag(%s)" % value, "lead(%s, 2)" % value,
                  "lag(%s, 1, %s)" % (value, value), "first_value(%s)" % value, "last_value(%s)" % value,
                  "nth_value(%s, 2)" % value]
        sums = ["sum(k)", "count(%s)" % value, "count(*)", "avg(k)", "min(g)", "max(id)", "bit_or(k)",
                "sum(id) FILTER (WHERE k > 1)"]
        return self.draw.choice(self.draw.choice([ranks, values, sums] if counted else [ranks, sums]))

    def window_case(self):
        self.lite, self.columns, table = False, {}, self.pick_table(small=True)
        self.scope_of(table.name, table.columns, False)
        found, named = ["id"], []
        for number in range(self.draw.randint(1, 3)):
            window = self.over()
            self.use("clause OVER")
            over = "(%s)" % window
            if self.chance(0.3):
                over = "w%d" % number
                named.append("%s AS (%s)" % (over, window))
                self.use("clause WINDOW")
            found += ["%s OVER %s" % (self.window_call(window), over) for _ in range(self.draw.randint(1, 3))]
        sql = "SELECT %s FROM %s" % (", ".join("%s AS c%d" % (e, i) for i, e in enumerate(found)), table.name)
        if self.chance(0.3):
            sql += " WHERE " + self.condition(2)
        sql += " WINDOW " + ", ".join(named) if named else ""
        if self.chance(0.3):
            outside = self.draw.choice(["c0 > 3", "c0 IN (1, 2, 5, 8)", "c1 IS NOT NULL"])
            sql = "SELECT * FROM (%s) q WHERE %s" % (sql, outside)
        return [Step(sql, False)]

    # --- writes

    def row_values(self, columns, keys):
        values = []
        for name, kind in columns:
            if name == "id":
                values.append(str(self.draw.choice(keys)))
            elif self.chance(0.1) and not self.plain:
                values.append("DEFAULT")
            else:
                values.append(self.literal(base_type(kind)))
        return "(%s)" % ", ".join(values)

    def part(self, name, kind):
        """A part of a column of arrays that any array has room for, and its value."""
        self.use("write SET of a part")
        self.lite = False
        one = lambda: self.expression(kind[:-2], 1)
        if self.chance(0.6):
            return "%s[%s]" % (name, self.draw.choice(["0", "1", "2", "5", "COALESCE(%s.k, 1)" % self.qualifier])), one()
        bounds = self.draw.choice(["1:2", "0:1", "3:4", "2:2", "-1:0"])
        return "%s[%s]" % (name, bounds), "ARRAY[%s, %s]::%s" % (one(), one(), kind)

    def change_of_parts(self, name, columns):
        """UPDATE of elements and slices, or of members of jsonb where the steps lead through no scalar."""
        arrays = [c for c in columns if c[1].endswith("[]")]
        if ("j", "jsonb") not in columns or (arrays and self.chance(0.1)):
            sets = ", ".join("%s = %s" % self.part(*self.draw.choice(arrays)) for _ in range(self.draw.randint(1, 2)))
            where = " WHERE " + self.condition(2) if self.chance(0.7) else ""
            return Step("UPDATE %s SET %s%s%s" % (name, sets, where, self.returning(columns)), False)
        self.use("write SET of a step")
        self.lite = False
        objects = ["j['a']", "j['b']", "j['zz']", "j['zz'][2]['q']", "j['y'][0]", "j[k]", "j[g]"]
        elements = ["j[0]", "j['0']", "j[1]", "j[5]", "j[7]['x']", "j[8][1]"]
        kind, places = self.draw.choice([("object", objects), ("array", elements)])
        sets = ", ".join("%s = %s" % (place, self.expression("jsonb", 1)) for place in self.draw.sample(places, self.draw.randint(1, 2)))
        where = " WHERE jsonb_typeof(j) = '%s' AND k IS NOT NULL AND g IS NOT NULL" % kind
        return Step("UPDATE %s SET %s%s%s" % (name, sets, where, self.returning(columns)), False)

    def writable(self, columns):
        return [c for c in columns if not self.plain or c[1] in LITE_TYPES]

    def assignments(self, columns):
        chosen = self.draw.sample([c for c in self.writable(columns) if c[0] != "id"], self.draw.randint(1, 2))
        sets = ["%s = %s" % (self.part(n, k) if k.endswith("[]") and self.chance(0.6) else (n, self.expression(base_type(k), 1)))
                for n, k in chosen]
        if self.chance(0.1):
            sets.append("id = %s.id + 2000" % self.qualifier)
        return ", ".join(sets)

    def assignments_of_many(self, columns, other):
        """(a, b) = a row, or a query that takes the row's key."""
        chosen = self.draw.sample([c for c in columns if c[0] != "id"], 2)
        names = ", ".join(n for n, _ in chosen)
        form = self.draw.choice(["SELECT", "SELECT", "ROW"])
        self.use("write SET from a query" if form == "SELECT" else "write SET from a row")
        values = [self.expression(base_type(k), 1) for _, k in chosen]
        if form == "SELECT":
            outer, self.columns = self.columns, {}
            self.scope_of("sub", other.columns, True)
            values = [self.expression(base_type(k), 1) for _, k in chosen]
            where = self.draw.choice(["sub.id = %s.id" % self.qualifier, "sub.id = %s.k" % self.qualifier, "sub.id = 3"])
            self.columns = outer
            return "(%s) = (SELECT %s FROM %s AS sub WHERE %s)" % (names, ", ".join(values), other.name, where)
        if self.chance(0.3):
            values[self.draw.randrange(2)] = "DEFAULT"
        return "(%s) = %s(%s)" % (names, self.draw.choice(["ROW", ""]), ", ".join(values))

    def change_by_others(self, form, name, columns, other):
        """UPDATE ... FROM, DELETE ... USING: each target row meets one row, or rows of which none is asked anything."""
        self.qualifier = target = "tt" if self.chance(0.4) else name
        self.columns, self.lite = {}, False
        self.scope_of(target, columns, True)
        alias = "" if target == name else self.draw.choice([" tt", " AS tt"])
        sources = "%s AS o" % other.name
        link = "%s.id = o.id" % target
        many = self.chance(0.2)
        if many:
            link = self.draw.choice(["%s.k = o.k", "%s.g = o.g", "%s.id < o.id"]) % target
        else:
            self.scope_of("o", other.columns, True)
            if self.chance(0.4):
                sources += self.draw.choice([" JOIN %s AS p ON p.id = o.id", " LEFT JOIN %s AS p ON p.id = o.id + 1",
                                             ", (SELECT id, k FROM %s) AS p"]) % other.name
                link += " AND p.id = o.id" if sources.endswith(") AS p") else ""
        where = " WHERE %s" % link + (" AND %s" % self.condition(1) if self.chance(0.5) else "")
        if many:
            self.columns = {}
            self.scope_of(target, columns, True)
        returning = ""
        if self.chance(0.6):
            self.use("clause RETURNING")
            star = "%s.*" % target if many or ", (" in sources else "*"
            returning = " RETURNING " + (star if self.chance(0.3) else self.outputs(self.focused(1)))
        if form == "DELETE USING":
            return "DELETE FROM %s%s USING %s%s%s" % (name, alias, sources, where, returning)
        sets = self.assignments_of_many(columns, other) if self.chance(0.3) else self.assignments(columns)
        return "UPDATE %s%s SET %s FROM %s%s%s" % (name, alias, sets, sources, where, returning)

    def returning(self, columns):
        if self.chance(0.4):
            return ""
        self.use("clause RETURNING")
        if self.plain:
            return " RETURNING id, g, k, " + self.outputs(self.focused(1))
        if self.chance(0.3):
            self.lite = False
            return " RETURNING *"
        return " RETURNING " + self.outputs(self.focused(1))

    def merge(self, name, columns, other):
        """MERGE from another table's rows, each of which meets one target row at most."""
        self.qualifier = target = "tt" if self.chance(0.4) else name
        self.columns, self.lite = {}, False
        source = other.name if self.chance(0.6) else "(SELECT * FROM %s WHERE k > 1)" % other.name
        self.scope_of("o", other.columns, True)
        own = {k: list(v) for k, v in self.columns.items()}  # what a row without a partner may name
        self.scope_of(target, columns, True)
        both = self.columns
        clauses, queried = [], False
        for _ in range(self.draw.randint(1, 3)):
            matched = self.chance(0.6)
            self.columns = both if matched else own
            action = self.draw.choice(["UPDATE", "UPDATE", "DELETE", "NOTHING"] if matched else ["INSERT", "INSERT", "NOTHING"])
            text = " WHEN %sMATCHED" % ("" if matched else "NOT ")
            text += " AND %s" % self.predicate(1) if self.chance(0.6) else ""
            if action == "UPDATE":
                many = not queried and self.chance(0.3)
                queried = queried or many  # PostgreSQL 15 fails with two of them
                text += " THEN UPDATE SET " + (self.assignments_of_many(columns, other) if many else self.assignments(columns))
            elif action == "INSERT":
                kept = [c for c in columns if c[0] != "id" and self.chance(0.6)]
                values = ["DEFAULT" if self.chance(0.1) else self.expression(base_type(k), 1) for _, k in kept]
                text += " THEN INSERT (%s) VALUES (%s)" % (", ".join(["id"] + [n for n, _ in kept]),
                                                           ", ".join(["o.id + 1000"] + values))
            else:
                text += " THEN " + ("DELETE" if action == "DELETE" else "DO NOTHING")
            self.use("write MERGE " + ("MATCHED" if matched else "NOT MATCHED"))
            clauses.append(text)
        self.columns = both
        link = self.draw.choice(["%s.id = o.id", "%s.id = o.id", "%s.id = o.id + 2 AND o.k > 0", "%s.id = o.k"]) % target
        head = "MERGE INTO %s%s USING %s AS o ON " % (name, "" if target == name else " AS tt", source)
        return head + link + "".join(clauses)

    def writes_in_with(self, name, columns, ids, other):
        """A write in WITH, read or not by a query or another write."""
        inner = "MERGE"
        while inner.startswith("MERGE") or " USING " in inner or " AS o" in inner:
            inner = self.write(name, columns, ids, other).sql.partition(" RETURNING ")[0]
        self.use("write in WITH")
        form = self.draw.choice(["SELECT * FROM w", "SELECT count(*), sum(w.id) FROM w JOIN {0} AS t ON t.id = w.id",
                                 "SELECT count(*) FROM {0}", "INSERT INTO {0} (id, k, g) SELECT id + 5000, k, g FROM w",
                                 "UPDATE {0} SET k = w.id FROM w WHERE {0}.id = w.id RETURNING {0}.id, w.g",
                                 "DELETE FROM {0} WHERE id IN (SELECT id FROM w) RETURNING id",
                                 "SELECT (SELECT count(*) FROM w), (SELECT count(*) FROM {0})"])
        return "WITH w AS (%s RETURNING id, k, g) %s" % (inner, form.format(self.draw.choice([other.name, name])))

    def write(self, name, columns, ids, other):
        """One INSERT, UPDATE, DELETE or MERGE of that table."""
        self.qualifier = name
        self.columns = {}
        form = self.draw.choice(["INSERT", "INSERT SELECT", "ON CONFLICT", "UPDATE", "UPDATE", "UPDATE", "DELETE", "UPDATE FROM",
                                 "DELETE USING", "MERGE"])
        self.use("write " + form)
        self.lite = True
        if form == "MERGE":
            return Step(self.merge(name, columns, other), False)
        if form in ("UPDATE FROM", "DELETE USING"):
            return Step(self.change_by_others(form, name, columns, other), False)
        if form in ("UPDATE", "DELETE"):
            self.scope_of(name, columns, False)
            if form == "UPDATE" and any(k in PARTED for _, k in columns) and self.chance(0.6) and not self.plain:
                return self.change_of_parts(name, columns)
            where = " WHERE " + self.condition(2) if self.chance(0.9) else ""
            sets = self.assignments
            if form == "UPDATE" and self.chance(0.6) and not self.plain:
                sets, self.lite = lambda columns: self.assignments_of_many(columns, other), False
            head = "DELETE FROM %s" % name if form == "DELETE" else "UPDATE %s SET %s" % (name, sets(columns))
            sql = head + where + self.returning(columns)
            return Step(sql, self.lite and not re.search(r"FROM %s\b" % name, sql[len(head):] if form == "DELETE" else sql))
        fresh = [max(ids) + 1 + i for i in range(6)]
        keys = fresh if self.chance(0.7) and form == "INSERT" else fresh[:2] + ids[:3]
        if form == "INSERT SELECT":
            shared = [c for c in self.writable(columns) if c in other.columns and c[0] != "id"]
            names = ", ".join(["id"] + [n for n, _ in shared])
            self.qualifier = other.name
            self.scope_of(other.name, other.columns, False)
            sql = "INSERT INTO %s (%s) SELECT id + 1000%s FROM %s WHERE %s" % (
                name, names, "".join(", " + n for n, _ in shared), other.name, self.predicate(1))
        else:
            kept = [c for c in self.writable(columns) if c[0] == "id" or self.chance(0.8)]
            count = self.draw.randint(1, 4)
            rows = ", ".join(self.row_values(kept, keys[i:i + 1] if form == "INSERT" else keys) for i in range(count))
            sql = "INSERT INTO %s (%s) VALUES %s" % (name, ", ".join(n for n, _ in kept), rows)
        self.columns, self.qualifier = {}, name
        self.scope_of(name, columns, True)
        if form == "ON CONFLICT":
            if self.chance(0.4):
                sql += " ON CONFLICT%s DO NOTHING" % self.draw.choice(["", " (id)"])
            else:
                chosen = self.draw.sample([c for c in self.writable(columns) if c[0] != "id"], 2)
                sets = ["%s = %s" % (n, "excluded." + n if self.chance(0.5) else self.expression(base_type(k), 1))
                        for n, k in chosen]
                sql += " ON CONFLICT (id) DO UPDATE SET " + ", ".join(sets)
                if self.chance(0.4):
                    sql += " WHERE " + self.predicate(1)
        self.columns = {}
        self.scope_of(name, columns, False)
        return Step(sql + self.returning(columns), self.lite)

    def write_case(self):
        """Writes of a shared table, seen by the transaction that makes them and rolled back."""
        target, other = self.draw.sample([t for t in self.tables[1:-1]], 2)
        ids = [int(row[0]) for row in target.rows]
        steps = [Step("BEGIN", True)]
        for _ in range(self.draw.randint(1, 3)):
            if self.chance(0.25) and not self.plain:
                steps.append(Step(self.writes_in_with(target.name, target.columns, ids, other), False))
            else:
                steps.append(self.write(target.name, target.columns, ids, other))
        steps.append(Step("SELECT * FROM %s" % target.name))
        steps.append(Step("SELECT id, k, g FROM %s WHERE k > 1" % target.name, True))
        lite = True
        for step in steps[1:]:  # SQLite's table is ours until a write that it would not make the same
            is_query = step.sql.startswith("SELECT")
            step.lite = lite and step.lite
            lite = lite and (step.lite or is_query)
        return steps + [Step("ROLLBACK", True)]

    def own_table_case(self):
        """A table with constraints, each statement a transaction of its own."""
        extra = self.draw.sample(["n", "b", "d", "f", "r", "w"], 3)
        columns = [("id", "integer"), ("k", "integer"), ("g", "text")] + [(n, COLUMNS[n]) for n in extra]
        declared = {"id": "PRIMARY KEY", "k": self.draw.choice(["UNIQUE", "", "CHECK (k < 15)"]),
                    "g": self.draw.choice(["NOT NULL DEFAULT 'none'", "DEFAULT 'a'", ""]),
                    "n": self.draw.choice(["CHECK (n >= 0)", "DEFAULT 1.5"])}
        text = ", ".join(("%s %s %s" % (n, k, declared.get(n, ""))).strip() for n, k in columns)
        if self.chance(0.2):
            # Rows then stand in another order than in PostgreSQL, on which it hangs whether k is in use when it is set.
            text = text.replace(" PRIMARY KEY", " UNIQUE", 1).replace("k integer UNIQUE", "k integer") + ", PRIMARY KEY (g, id)"
        other = self.tables[1]
        steps = [Step("CREATE TABLE own (%s)" % text)]
        if self.chance(0.4):
            steps.append(Step("CREATE %sINDEX own_i ON own (%s)" % (
                self.draw.choice(["", "UNIQUE "]),
                self.draw.choice(["g", "k, g", columns[-1][0], "lower(g)", "(k + 1)", "k) WHERE (g <> 'b'",
                                  "k) NULLS NOT DISTINCT WHERE (id > 2"]))))
        rows = ", ".join("(%d, %d, %s)" % (i, i, self.literal("text", self.draw.choice("abc"))) for i in range(1, 6))
        steps.append(Step("INSERT INTO own (id, k, g) VALUES %s" % rows))
        for _ in range(self.draw.randint(1, 3)):
            if self.chance(0.4):
                steps.append(self.alter(columns))
                steps.append(Step("SELECT * FROM own"))
            steps.append(self.write("own", columns, [1, 2, 3, 4, 5], other))
            steps[-1].lite = False
            steps.append(Step("SELECT * FROM own"))
        self.lite = False
        return steps + [Step("DROP TABLE own")]

    def alter(self, columns):
        """A change of the table `own`, made in the list of its columns too. It may fail: then later writes do as well."""
        form = self.draw.choice(["ADD COLUMN", "ADD COLUMN", "DROP COLUMN", "RENAME COLUMN", "SET DEFAULT", "DROP DEFAULT",
                                 "SET NOT NULL", "DROP NOT NULL", "ADD UNIQUE", "DROP CONSTRAINT", "ADD CHECK", "TYPE",
                                 "TYPE", "ADD PRIMARY KEY", "RENAME CONSTRAINT"])
        self.use("write ALTER TABLE")
        free = next(n for n in "abcdefhijlmnop" if n not in [c for c, _ in columns])
        at = self.draw.randrange(3, len(columns))
        name, kind = columns[at]
        if form == "ADD COLUMN":
            kind = self.draw.choice(["integer", "text", "numeric(8,2)", "date", "boolean"])
            value = self.literal(base_type(kind))
            columns.append((free, kind))
            more = self.draw.choice(["", " DEFAULT %s" % value, " NOT NULL DEFAULT %s" % value, " UNIQUE", " NOT NULL"])
            return Step("ALTER TABLE own ADD COLUMN %s %s%s" % (free, kind, more))
        if form == "DROP COLUMN" and len(columns) > 5:
            columns.pop(at)
            return Step("ALTER TABLE own DROP COLUMN %s" % name)
        if form in ("RENAME COLUMN", "DROP COLUMN"):
            columns[at] = (free, kind)
            return Step("ALTER TABLE own RENAME COLUMN %s TO %s" % (name, free))
        if form == "ADD UNIQUE":
            return Step("ALTER TABLE own ADD UNIQUE (%s)" % self.draw.choice(["k", "g", name, "g, k"]))
        if form == "DROP CONSTRAINT":
            return Step("ALTER TABLE own DROP CONSTRAINT own_%s" % self.draw.choice(
                ["k_key", "k_check", "n_check", "g_key", "pkey", "pkey"]))
        if form == "ADD CHECK":
            check = self.draw.choice(["k > 0", "k < 5", "id < k + 1", "g <> 'a'", "g IS NOT NULL OR k > 2"])
            return Step("ALTER TABLE own ADD CHECK (%s)%s" % (check, self.draw.choice(["", " NOT VALID"])))
        if form == "ADD PRIMARY KEY":
            key = self.draw.choice(["id", "k", "g", "g, id"])
            return Step("ALTER TABLE own DROP CONSTRAINT own_pkey, ADD CONSTRAINT own_pkey PRIMARY KEY (%s)" % key)
        if form == "RENAME CONSTRAINT":
            return Step("ALTER TABLE own RENAME CONSTRAINT own_%s TO own_%s" % (
                self.draw.choice(["pkey", "k_key", "k_check"]), self.draw.choice(["renamed", "k_key"])))
        if form == "TYPE":
            at = self.draw.randrange(0, len(columns))
            name, kind = columns[at]
            if kind in ("integer", "numeric", "numeric(8,2)") and self.chance(0.8):
                to = self.draw.choice(["bigint", "numeric(8,2)", "smallint", "text"])
            else:
                to = self.draw.choice(["text", "character varying(12)", "integer"])
            columns[at] = (name, to)
            using = self.draw.choice(["", " USING %s::%s" % (name, to), " USING %s" % name])
            return Step("ALTER TABLE own ALTER COLUMN %s TYPE %s%s" % (name, to, using))
        if form == "SET DEFAULT":
            form += " " + self.literal(base_type(kind))
        return Step("ALTER TABLE own ALTER COLUMN %s %s" % (name, form))

    # --- errors

    def wild_case(self):
        """One call with arguments at the edges of their types: an error or a value, the same on both sides."""
        self.columns = {}
        while True:
            signature = self.draw.choice(self.by_item[self.draw.choice(self.scalars)])
            if signature.name not in WILD_NOT and not {"any", "json", "jsonb"} & set(signature.arguments):
                break
        arguments = []
        for place, kind in enumerate(signature.arguments):
            words = WORDS.get((signature.item, place))
            if words and self.chance(0.5) and "interval" not in signature.arguments:
                fitting = [w for w in words if kind not in ("smallint", "integer", "bigint") or "." not in w]
                arguments.append(self.literal(kind, self.draw.choice(fitting)))
            else:
                arguments.append(self.literal(kind, wild=True))
            if self.chance(0.25):  # of no type: overloads are chosen by the others
                arguments[-1] = self.quote(self.draw.choice(VALUES[kind] + WILD.get(kind, [])))
        self.use(signature.item)
        if signature.kind == "cast":
            return [Step("SELECT (%s)::%s" % (arguments[0], signature.result))]
        return [Step("SELECT " + self.spell(signature, arguments))]

    def wrong_case(self):
        """A statement that must be refused, for a reason of its own."""
        table = self.pick_table(small=True)
        self.columns = {}
        self.scope_of(table.name, table.columns, False)
        column = self.draw.choice(table.columns)[0]
        made = self.draw.choice(WRONG)
        return [Step("BEGIN"), Step(made.format(t=table.name, c=column, p=self.predicate(1))), Step("ROLLBACK")]


    # --- metamorphic: answers that must fit each other, whoever else is asked

    def metamorphic_case(self):
        form = self.deal("parts", "pivots", "ways")
        if form != "parts":
            return self.pivot_case() if form == "pivots" else self.ways_case()
        source = self.from_clause()
        condition = self.condition(2)
        self.use("form of three parts")
        self.relation = three_parts
        count = "SELECT count(*) FROM %s" % source
        parts = ["%s WHERE %s" % (count, part) for part in ("(%s)" % condition, "NOT (%s)" % condition, "(%s) IS NULL" % condition)]
        summed = "SELECT coalesce(sum(CASE WHEN %s THEN 1 ELSE 0 END), 0) FROM %s" % (condition, source)
        return [Step(sql) for sql in [count] + parts + [summed, "SELECT 1"]]

    def pivot_case(self):
        """Each row of a table is in the one part that its value of the condition says, and in no other."""
        table = self.pick_table(small=True)
        self.columns, self.qualifier = {}, table.name
        self.scope_of(table.name, table.columns, False)
        condition = self.condition(2)
        self.use("form of pivots")
        self.relation = pivots
        sql = ["SELECT id, (%s) AS c FROM %s" % (condition, table.name)]
        sql += ["SELECT id FROM %s WHERE %s" % (table.name, part)
                for part in ("(%s)" % condition, "NOT (%s)" % condition, "(%s) IS NULL" % condition)]
        return [Step(text) for text in sql + ["SELECT 1"]]


    def ways_case(self):
        """A query is the same whichever ways to run it are forbidden, and where its rows are counted twice."""
        source = self.from_clause()
        condition = self.condition(2)
        self.use("form of ways")
        self.relation = ways
        count = "SELECT count(*) FROM %s WHERE %s" % (source, condition)
        steps = [count, "SELECT (%s), (%s)" % (count, count), "BEGIN"]
        forbidden = self.draw.sample(WAYS, 2)
        for way in forbidden:
            steps += ["SET LOCAL %s = off" % way, count]
        return [Step(sql) for sql in steps + ["ROLLBACK", "SELECT 1"]]


WAYS = ["enable_hashjoin", "enable_mergejoin", "enable_nestloop", "enable_seqscan", "enable_bitmapscan", "enable_indexonlyscan"]


def ways(answers):
    counts = [value for answer in answers[:-1] for row in answer.rows or [] for value in row]
    return None if len(set(counts)) == 1 else "counts of one query in several ways: %s" % ", ".join(map(str, counts))


def three_parts(answers):
    """Ternary logic partitioning, and the count without the condition's place in the plan (NoREC)."""
    every, true, false, unknown, summed = (int(answer.rows[0][0]) for answer in answers)
    if every != true + false + unknown:
        return "%d rows, but %d + %d + %d where the condition is true, false, unknown" % (every, true, false, unknown)
    return None if summed == true else "%d rows where the condition is true, but it is true of %d" % (true, summed)


def pivots(answers):
    value = {row[0]: row[1] for row in answers[0].rows}
    for wanted, answer in zip(("t", "f", None), answers[1:]):
        found = sorted(row[0] for row in answer.rows)
        if found != sorted(row for row, truth in value.items() if truth == wanted):
            return "not the rows of which the condition is %s" % {"t": "true", "f": "false"}.get(wanted, "unknown")
    return None


WILD_NOT = {"get_bit", "set_bit", "bit_count",  # bit strings have them there, too
            "clock_timestamp", "timeofday", "nextval", "setval", "currval", "lastval", "pg_get_serial_sequence", "obj_description", "col_description",
            "age", "extract", "date_part", "date_trunc", "pg_typeof", "repeat", "lpad", "rpad", "current_setting", "timezone",
            "format_type", "to_regclass", "to_regtype", "to_regnamespace", "to_regrole", "pg_table_is_visible", "pg_type_is_visible",
            "pg_get_userbyid", "pg_get_expr", "pg_get_indexdef", "pg_get_viewdef", "pg_get_constraintdef", "pg_get_triggerdef", "pg_get_statisticsobjdef_columns",
            "pg_get_function_result", "pg_get_function_arguments", "pg_function_is_visible", "shobj_description", "pg_relation_is_publishable",
            "pg_encoding_to_char",
            "set_config", "pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_xact_lock", "pg_advisory_xact_lock_shared",
            "pg_try_advisory_lock", "pg_try_advisory_lock_shared", "pg_try_advisory_xact_lock", "pg_try_advisory_xact_lock_shared",
            "pg_advisory_unlock", "pg_advisory_unlock_shared", "pg_advisory_unlock_all", "pg_notify", "pg_notification_queue_usage",
            "pg_backend_pid", "pg_cancel_backend", "pg_terminate_backend", "inet_client_addr", "inet_server_addr", "inet_client_port",
            "inet_server_port", "pg_postmaster_start_time", "pg_conf_load_time", "pg_is_in_recovery", "pg_is_other_temp_schema", "pg_jit_available",
            "pg_sleep", "pg_get_function_identity_arguments", "pg_get_functiondef", "pg_get_function_sqlbody", "pg_get_partkeydef",
            "pg_get_partition_constraintdef", "pg_get_statisticsobjdef", "pg_get_function_arg_default", "pg_operator_is_visible",
            "pg_conversion_is_visible", "pg_opclass_is_visible", "pg_opfamily_is_visible", "pg_statistics_obj_is_visible", "pg_ts_config_is_visible",
            "pg_ts_dict_is_visible", "pg_ts_parser_is_visible", "pg_ts_template_is_visible", "pg_collation_is_visible", "pg_get_ruledef",
            "acldefault", "pg_tablespace_location", "pg_describe_object", "getdatabaseencoding", "pg_client_encoding", "pg_char_to_encoding",
            "pg_encoding_max_length", "pg_my_temp_schema", "row_security_active", "current_query", "txid_current", "pg_current_xact_id",
            "to_regproc", "to_regprocedure", "pg_partition_tree", "has_table_privilege", "has_any_column_privilege", "has_column_privilege", "has_sequence_privilege",
            "has_schema_privilege", "has_type_privilege", "has_database_privilege", "has_function_privilege", "has_language_privilege",
            "has_tablespace_privilege", "has_server_privilege", "has_foreign_data_wrapper_privilege", "pg_has_role", "pg_relation_size",
            "pg_table_size", "pg_indexes_size", "pg_total_relation_size", "pg_database_size", "pg_tablespace_size",
            "random", "gen_random_uuid", "current_database", "now", "current_timestamp", "transaction_timestamp", "statement_timestamp",
            "localtimestamp", "localtime", "current_date", "current_user", "session_user", "version", "current_schema", "current_schemas"}
# {t}: a table, {c}: a column of it, {p}: a predicate over it.
WRONG = [
    "SELECT nothing FROM {t}", "SELECT {t}.nothing FROM {t}", "SELECT {c} FROM nowhere", "SELECT x.{c} FROM {t}",
    "SELECT {t}.{c} FROM {t} x", "SELECT nothing({c}) FROM {t}", "SELECT length(k, g) FROM {t}", "SELECT abs(g) FROM {t}",
    "SELECT k + g FROM {t}", "SELECT g - 1 FROM {t}", "SELECT k || k FROM {t}", "SELECT NOT k FROM {t}",
    "SELECT {c} FROM {t} WHERE k", "SELECT {c} FROM {t} WHERE g", "SELECT {c} FROM {t} HAVING true",
    "SELECT {c}, count(*) FROM {t}", "SELECT k, g, count(*) FROM {t} GROUP BY k", "SELECT g FROM {t} GROUP BY k",
    "SELECT {c} FROM {t} WHERE count(*) > 1", "SELECT sum(count(*)) FROM {t}", "SELECT sum(g) FROM {t}",
    "SELECT {c} FROM {t} GROUP BY 3", "SELECT k FROM {t} ORDER BY 2", "SELECT k FROM {t} ORDER BY 0",
    "SELECT DISTINCT k FROM {t} ORDER BY g", "SELECT k FROM {t} GROUP BY count(*)", "SELECT * FROM {t}, {t}",
    "SELECT k FROM {t} x JOIN {t} y ON x.k = y.k", "SELECT x.id FROM {t} x JOIN {t} y USING (nothing)",
    "SELECT x.id FROM {t} x JOIN {t} y ON x.k", "SELECT {c} FROM {t} LIMIT -1", "SELECT {c} FROM {t} OFFSET -1",
    "SELECT {c} FROM {t} LIMIT 'x'", "SELECT CASE WHEN k THEN 1 END FROM {t}", "SELECT CASE WHEN {p} THEN 1 ELSE 'x' END FROM {t}",
    "SELECT CASE WHEN {p} THEN k ELSE g END FROM {t}", "SELECT coalesce(k, g) FROM {t}", "SELECT coalesce(k, 'x') FROM {t}",
    "SELECT nullif(k, g) FROM {t}", "SELECT greatest(k, g) FROM {t}", "SELECT k IN ('x', 'y') FROM {t}",
    "SELECT k IN (1, 'a') FROM {t}", "SELECT k BETWEEN 1 AND 'b' FROM {t}", "SELECT k = 'x' FROM {t}", "SELECT k LIKE 'x' FROM {t}",
    "SELECT 1 / (k - k) FROM {t}", "SELECT 1 % (id - id) FROM {t}", "SELECT 1.5 / 0", "SELECT 1::double precision / 0",
    "SELECT 'x'::integer", "SELECT 'x'::boolean", "SELECT '2024-02-30'::date", "SELECT '25:00'::time", "SELECT 'x'::uuid",
    "SELECT '1.5'::integer", "SELECT 99999::smallint", "SELECT 12345.6::numeric(4,1)", "SELECT 1::nothing", "SELECT k::date FROM {t}",
    "SELECT true::numeric", "SELECT now()::integer", "SELECT sqrt(-1)", "SELECT ln(0.0)", "SELECT chr(-1)", "SELECT 2147483647 + 1",
    "SELECT -(-32768)::smallint", "SELECT date '2024-01-01' + date '2024-01-01'", "SELECT substring('abc', 1, -1)",
    "SELECT * FROM", "SELEC 1", "SELECT 1 1", "SELECT (1", "SELECT FROM WHERE", "SELECT 1 +", "SELECT k k k FROM {t}", "SELECT *",
    "INSERT INTO nowhere VALUES (1)", "INSERT INTO {t} (id, nothing) VALUES (1, 2)", "INSERT INTO {t} (id, id) VALUES (900, 901)",
    "INSERT INTO {t} (id, k) VALUES (900)", "INSERT INTO {t} (id) VALUES (900, 1)", "INSERT INTO {t} (id) VALUES (NULL)",
    "INSERT INTO {t} (k) VALUES (1)", "INSERT INTO {t} (id, k) VALUES (900, 'x')", "INSERT INTO {t} (id, k) VALUES (900, true)",
    "INSERT INTO {t} (id) VALUES (1), (900), (900)", "INSERT INTO {t} (id) VALUES (900), (901, 1)",
    "INSERT INTO {t} (id, k) VALUES (99999999999999, 3000000000)", "INSERT INTO {t} (id) VALUES (900) ON CONFLICT (g) DO NOTHING",
    "INSERT INTO {t} (id) VALUES (900), (900) ON CONFLICT (id) DO UPDATE SET k = 1",
    "INSERT INTO {t} (id) VALUES (900) RETURNING nothing", "INSERT INTO {t} SELECT 900, 'x', 2", "UPDATE nowhere SET k = 1",
    "UPDATE {t} SET nothing = 1", "UPDATE {t} SET k = 1, k = 2", "UPDATE {t} SET k = 'x'", "UPDATE {t} SET k = g", "UPDATE {t} SET k = count(*)",
    "UPDATE {t} SET id = NULL", "UPDATE {t} SET k = 1 WHERE nothing = 1", "UPDATE {t} SET k = 3000000000",
    "DELETE FROM nowhere", "DELETE FROM {t} WHERE nothing = 1", "DELETE FROM {t} WHERE k", "DELETE FROM {t} WHERE max(k) = 1",
    "CREATE TABLE {t} (a integer)", "CREATE TABLE wrong (a integer, a text)", "CREATE TABLE wrong (a nothing)",
    "CREATE TABLE wrong (a integer PRIMARY KEY, b integer PRIMARY KEY)", "CREATE TABLE wrong (a integer DEFAULT 'x')",
    "CREATE TABLE wrong (a integer CHECK (b > 1))", "CREATE TABLE wrong (a integer, PRIMARY KEY (b))", "CREATE TABLE wrong (a numeric(2,5,1))",
    "CREATE INDEX wrong ON nowhere (k)", "CREATE INDEX wrong ON {t} (nothing)", "DROP TABLE nowhere", "DROP INDEX nowhere",
    "ALTER TABLE nowhere ADD COLUMN a integer", "ALTER TABLE {t} ADD COLUMN k integer", "ALTER TABLE {t} DROP COLUMN nothing",
    "ALTER TABLE {t} RENAME COLUMN nothing TO a", "ALTER TABLE {t} RENAME COLUMN k TO g", "ALTER TABLE {t} ALTER COLUMN nothing SET NOT NULL",
]
