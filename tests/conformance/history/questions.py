"""Queries over whatever tables and views there are. Each is a function of the clause that stands behind every table, and
of the one that stands at the end, so that one query is asked of the present and, in several ways, of the past."""

NUMBERS = ("integer", "bigint", "int4", "int8")


class Schema:
    """What a database says of its tables, views and columns."""

    def __init__(self, database):
        self.columns = {}
        whole = "CASE table_schema WHEN 'public' THEN table_name ELSE table_schema || '.' || table_name END"
        for name, column, kind in database.ask("SELECT %s, column_name, data_type FROM information_schema.columns "
                                               "ORDER BY 1, ordinal_position" % whole).rows:
            self.columns.setdefault(name, []).append((column, kind))
        kinds = database.ask("SELECT %s, table_type FROM information_schema.tables" % whole).rows
        self.tables = sorted(name for name, kind in kinds if kind == "BASE TABLE")
        self.all = sorted(name for name, _ in kinds)

    def any(self, draw):
        return draw.choice(self.all)

    def column(self, draw, name):
        return draw.choice(self.columns[name])[0]

    def number(self, draw, name):
        """A column to compute with; every table and view has n."""
        return draw.choice([c for c, kind in self.columns[name] if kind in NUMBERS])


def whole(draw, schema):
    a = schema.any(draw)
    return lambda each, end: "SELECT * FROM %s%s AS x%s" % (a, each, end)


def point(draw, schema):
    a = schema.any(draw)
    c, v, w = schema.number(draw, a), draw.randint(0, 6), draw.randint(0, 6)
    condition = draw.choice(("x.%s = %d" % (c, v), "x.%s BETWEEN %d AND %d" % (c, min(v, w), max(v, w)), "x.%s >= %d" % (c, v)))
    return lambda each, end: "SELECT * FROM %s%s AS x WHERE %s%s" % (a, each, condition, end)


def aggregate(draw, schema):
    a = schema.any(draw)
    c, d = schema.number(draw, a), schema.column(draw, a)
    return lambda each, end: ("SELECT count(*), count(%s), count(DISTINCT %s), sum(%s), min(%s), avg(%s) FROM %s%s AS x%s"
                              % (d, d, c, c, c, a, each, end))


def group(draw, schema):
    a = schema.any(draw)
    c, d = schema.number(draw, a), schema.column(draw, a)
    sets = draw.choice(("%s" % d, "ROLLUP (%s)" % d))
    return lambda each, end: ("SELECT %s, count(*), max(%s) FROM %s%s AS x GROUP BY %s HAVING count(*) > 0%s"
                              % (d, c, a, each, sets, end))


def join(draw, schema):
    a, b = schema.any(draw), schema.any(draw)
    c, d = schema.number(draw, a), schema.number(draw, b)
    kind = draw.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
    return lambda each, end: "SELECT x.*, y.* FROM %s%s AS x %s %s%s AS y ON x.%s = y.%s%s" % (a, each, kind, b, each, c, d, end)


def three(draw, schema):
    a, b, e = schema.any(draw), schema.any(draw), schema.any(draw)
    c, d, f = schema.number(draw, a), schema.number(draw, b), schema.number(draw, e)
    return lambda each, end: ("SELECT x.%s, count(*) FROM %s%s AS x, %s%s AS y, %s%s AS z WHERE x.%s = y.%s AND y.%s = z.%s "
                              "GROUP BY 1%s" % (c, a, each, b, each, e, each, c, d, d, f, end))


def in_subquery(draw, schema):
    a, b = schema.any(draw), schema.any(draw)
    c, d = schema.number(draw, a), schema.number(draw, b)
    no = draw.choice(("", "NOT "))
    return lambda each, end: "SELECT * FROM %s%s AS x WHERE %s %sIN (SELECT %s FROM %s%s AS y WHERE %s IS NOT NULL)%s" % (
        a, each, c, no, d, b, each, d, end)


def exists(draw, schema):
    a, b = schema.any(draw), schema.any(draw)
    c, d = schema.number(draw, a), schema.number(draw, b)
    no = draw.choice(("", "NOT "))
    return lambda each, end: "SELECT * FROM %s%s AS x WHERE %sEXISTS (SELECT 1 FROM %s%s AS y WHERE y.%s = x.%s)%s" % (
        a, each, no, b, each, d, c, end)


def scalar(draw, schema):
    a, b = schema.any(draw), schema.any(draw)
    c, d = schema.number(draw, a), schema.number(draw, b)
    return lambda each, end: "SELECT x.%s, (SELECT count(*) FROM %s%s AS y WHERE y.%s <= x.%s) FROM %s%s AS x%s" % (
        c, b, each, d, c, a, each, end)


def with_query(draw, schema):
    a, b = schema.any(draw), schema.any(draw)
    c, d = schema.number(draw, a), schema.number(draw, b)
    return lambda each, end: ("WITH q AS (SELECT %s AS k, count(*) AS m FROM %s%s AS x GROUP BY 1), r AS (SELECT %s AS k FROM "
                              "%s%s AS y) SELECT q.k, q.m, (SELECT count(*) FROM q) FROM q JOIN r ON q.k = r.k%s"
                              % (c, a, each, d, b, each, end))


def recursive(draw, schema):
    a = schema.any(draw)
    c = schema.number(draw, a)
    return lambda each, end: ("WITH RECURSIVE r AS (SELECT %s::bigint AS k, 0 AS depth FROM %s%s AS x UNION SELECT y.%s + 1, depth "
                              "+ 1 FROM r JOIN %s%s AS y ON y.%s = r.k WHERE depth < 3) SELECT k, depth FROM r%s"
                              % (c, a, each, c, a, each, c, end))


def set_operation(draw, schema):
    a, b = schema.any(draw), schema.any(draw)
    c, d = schema.number(draw, a), schema.number(draw, b)
    operation = draw.choice(("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL", "INTERSECT ALL"))
    left, right = draw.choice((("", ""), ("(", ")")))
    return lambda each, end: "%sSELECT %s FROM %s%s AS x%s %s %sSELECT %s FROM %s%s AS y%s ORDER BY 1%s" % (
        left, c, a, each, right, operation, left, d, b, each, right, end)


def window(draw, schema):
    a = schema.any(draw)
    c, d = schema.number(draw, a), schema.column(draw, a)
    call = draw.choice(("sum(%s)" % c, "count(*)", "rank()", "dense_rank()", "max(%s)" % c))
    return lambda each, end: "SELECT %s, %s, %s OVER (PARTITION BY %s ORDER BY %s) FROM %s%s AS x%s" % (
        c, d, call, d, c, a, each, end)


def top(draw, schema):
    a = schema.any(draw)
    columns = ", ".join(str(i + 1) + draw.choice(("", " DESC", " NULLS FIRST")) for i in range(len(schema.columns[a])))
    rows = draw.randint(0, 4)
    return lambda each, end: "SELECT * FROM %s%s AS x ORDER BY %s LIMIT %d%s" % (a, each, columns, rows, end)


def distinct(draw, schema):
    a = schema.any(draw)
    c = schema.column(draw, a)
    return lambda each, end: "SELECT DISTINCT %s FROM %s%s AS x%s" % (c, a, each, end)


def derived(draw, schema):
    a, b = schema.any(draw), schema.any(draw)
    c, d = schema.number(draw, a), schema.number(draw, b)
    return lambda each, end: ("SELECT * FROM (SELECT %s AS k, count(*) AS m FROM %s%s AS x GROUP BY 1) u NATURAL JOIN (SELECT %s AS k "
                              "FROM %s%s AS y) w%s" % (c, a, each, d, b, each, end))


def lateral(draw, schema):
    a, b = schema.any(draw), schema.any(draw)
    c, d = schema.number(draw, a), schema.number(draw, b)
    return lambda each, end: ("SELECT x.%s, l.m FROM %s%s AS x, LATERAL (SELECT max(y.%s) AS m FROM %s%s AS y WHERE y.%s <= x.%s) "
                              "l%s" % (c, a, each, d, b, each, d, c, end))


KINDS = (whole, point, aggregate, group, join, three, in_subquery, exists, scalar, with_query, recursive, set_operation, window,
         top, distinct, derived, lateral)


def questions(draw, schema, count):
    """(kind, text of the clauses) for some kinds; none where nothing can be asked."""
    if schema.all:
        for make in draw.sample(KINDS, min(count, len(KINDS))):
            yield make.__name__.replace("_", " "), make(draw, schema)
