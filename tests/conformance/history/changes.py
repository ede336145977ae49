"""Random histories: definitions and rows, in and out of transactions, on one database; and the list of what lasted."""

from collections import Counter
from dataclasses import dataclass, field

STATEMENTS = 70  # of a history
TABLES_MAX = 4
SCHEMA = "other"  # the second one: a table in it is called by both names
ROWS_OF_KEY = 10  # keys are drawn from so many, so that rows come, go and come again

TYPES = ("int", "bigint", "text", "numeric(8,2)", "boolean", "date")


@dataclass
class Change:
    """A statement that lasted."""
    text: str
    count: int  # rows it wrote
    moves: bool  # it surely made events
    made: list = field(default_factory=list)  # tables it made or renamed: (old name or None, new name)
    dropped: list = field(default_factory=list)
    altered: list = field(default_factory=list)


@dataclass
class Table:
    columns: dict  # name -> type
    key: tuple


@dataclass
class Savepoint:
    name: str
    lasting: int
    tables: dict
    views: dict


class History:
    def __init__(self, draw, database):
        self.draw = draw
        self.database = database
        self.tables = {}
        self.views = {}  # name -> tables it reads
        self.lasting = []
        self.uses = Counter()
        self.inside = False
        self.savepoints = []
        self.begun = None
        self.serial = 0
        self.end_position = None

    # --- the run

    def play(self):
        self.do("CREATE SCHEMA", "CREATE SCHEMA %s" % SCHEMA)
        for _ in range(2):
            self.create_table()
        for _ in range(STATEMENTS):
            self.step()
        if self.inside:
            self.end(True)
        from history import position
        self.end_position = position(self.database)

    def step(self):
        roll = self.draw.random()
        if not self.inside and roll < 0.12:
            self.control("BEGIN")
            self.inside = True
            self.begun = self.mark("")
            self.savepoints = []
        elif self.inside and roll < 0.12:
            self.end(self.draw.random() < 0.7)
        elif self.inside and roll < 0.26:
            self.savepoint()
        else:
            self.change()

    def change(self):
        kinds = ((self.insert, 30), (self.update, 22), (self.delete, 12), (self.upsert, 8), (self.insert_select, 5),
                 (self.create_table, 4), (self.drop_table, 2), (self.rename_table, 2), (self.move_table, 3), (self.rename_schema, 1), (self.truncate, 2),
                 (self.add_column, 5), (self.drop_column, 3), (self.rename_column, 3), (self.column_default, 2),
                 (self.column_null, 2), (self.column_type, 2), (self.create_index, 4), (self.drop_index, 2),
                 (self.create_view, 4), (self.drop_view, 2), (self.move_key, 5))
        self.draw.choices([k for k, _ in kinds], [w for _, w in kinds])[0]()

    # --- transactions

    def mark(self, name):
        return Savepoint(name, len(self.lasting), {n: Table(dict(t.columns), t.key) for n, t in self.tables.items()},
                         dict(self.views))

    def back(self, mark):
        del self.lasting[mark.lasting:]
        self.tables = {n: Table(dict(t.columns), t.key) for n, t in mark.tables.items()}
        self.views = dict(mark.views)

    def control(self, text):
        answer = self.database.ask(text)
        if answer.sqlstate is not None:
            raise AssertionError("%s: %s" % (text, answer.message))
        self.uses[text.split()[0]] += 1

    def end(self, commit):
        self.control("COMMIT" if commit else "ROLLBACK")
        if not commit:
            self.back(self.begun)
        self.inside = False
        self.savepoints = []

    def savepoint(self):
        roll = self.draw.random()
        if self.savepoints and roll < 0.3:
            at = self.draw.randrange(len(self.savepoints))
            self.control("ROLLBACK TO SAVEPOINT %s" % self.savepoints[at].name)
            self.uses["ROLLBACK TO"] += 1
            self.back(self.savepoints[at])
            del self.savepoints[at + 1:]
        elif self.savepoints and roll < 0.5:
            at = self.draw.randrange(len(self.savepoints))
            self.control("RELEASE SAVEPOINT %s" % self.savepoints[at].name)
            del self.savepoints[at:]
        else:
            name = self.new_name("s")
            self.control("SAVEPOINT %s" % name)
            self.savepoints.append(self.mark(name))

    def failed(self):
        """In a transaction the statement's error undoes what is behind the last savepoint, or all."""
        self.uses["failed statement"] += 1
        if not self.inside:
            return
        if self.savepoints:
            self.control("ROLLBACK TO SAVEPOINT %s" % self.savepoints[-1].name)
            self.back(self.savepoints[-1])
        else:
            self.end(False)

    def do(self, kind, text, moves=False, **more):
        answer = self.database.ask(text)
        if answer.sqlstate is not None:
            self.failed()
            return False
        if answer.count > 0 or not moves:
            self.lasting.append(Change(text, answer.count, moves, **more))
        self.uses[kind] += 1
        return True

    # --- names and values

    def new_name(self, prefix):
        self.serial += 1
        return "%s%d" % (prefix, self.serial)

    def table(self):
        if not self.tables:
            self.create_table()
        return self.draw.choice(sorted(self.tables)) if self.tables else None

    def value(self, kind):
        if self.draw.random() < 0.12:
            return "NULL"
        if kind in ("int", "bigint"):
            return str(self.draw.randint(0, 6))
        if kind == "text":
            return "'%s'" % self.draw.choice(("", "a", "b", "ab", "ä"))
        if kind.startswith("numeric"):
            return self.draw.choice(("0", "1.5", "2.50", "-3", "7.25"))
        if kind == "boolean":
            return self.draw.choice(("true", "false"))
        return "'2024-01-%02d'" % self.draw.randint(1, 9)

    def row(self, table):
        values = []
        for name, kind in table.columns.items():
            values.append(str(self.draw.randint(1, ROWS_OF_KEY)) if name in table.key else self.value(kind))
        return "(%s)" % ", ".join(values)

    def condition(self, table):
        name = self.draw.choice(sorted(table.columns))
        kind = table.columns[name]
        if self.draw.random() < 0.1:
            return "%s IS %sNULL" % (name, self.draw.choice(("", "NOT ")))
        value = self.value(kind)
        if value == "NULL" or kind == "boolean":
            return "%s IS NOT DISTINCT FROM %s" % (name, value)
        return "%s %s %s" % (name, self.draw.choice(("=", "<", ">=", "<>")), value)

    # --- rows

    def insert(self):
        name = self.table()
        if name is not None:
            table = self.tables[name]
            rows = [self.row(table) for _ in range(self.draw.choice((1, 1, 2, 4)))]
            for first in rows if self.draw.random() < 0.5 else [", ".join(rows)]:
                if name in self.tables:
                    self.do("INSERT", "INSERT INTO %s VALUES %s" % (name, first), True)

    def upsert(self):
        name = self.table()
        if name is None or not self.tables[name].key:
            return
        table = self.tables[name]
        others = [c for c in table.columns if c not in table.key]
        if others and self.draw.random() < 0.6:
            column = self.draw.choice(others)
            action = "(%s) DO UPDATE SET %s = excluded.%s" % (", ".join(table.key), column, column)
        else:
            action = "DO NOTHING"
        rows = ", ".join(self.row(table) for _ in range(self.draw.randint(1, 2)))
        self.do("ON CONFLICT", "INSERT INTO %s VALUES %s ON CONFLICT %s" % (name, rows, action), True)

    def insert_select(self):
        name = self.table()
        if name is None or self.tables[name].key:
            return
        columns = ", ".join(self.tables[name].columns)
        self.do("INSERT SELECT", "INSERT INTO %s (%s) SELECT %s FROM %s WHERE %s" %
                (name, columns, columns, name, self.condition(self.tables[name])), True)

    def update(self):
        name = self.table()
        if name is None:
            return
        table = self.tables[name]
        others = [c for c in table.columns if c not in table.key]
        if others:
            column = self.draw.choice(others)
            self.do("UPDATE", "UPDATE %s SET %s = %s WHERE %s" %
                    (name, column, self.value(table.columns[column]), self.condition(table)), True)

    def move_key(self):
        name = self.table()
        if name is not None and self.tables[name].key:
            key = self.tables[name].key[0]
            self.do("UPDATE of a key", "UPDATE %s SET %s = %d WHERE %s = %d" %
                    (name, key, self.draw.randint(1, ROWS_OF_KEY), key, self.draw.randint(1, ROWS_OF_KEY)), True)

    def delete(self):
        name = self.table()
        if name is not None:
            self.do("DELETE", "DELETE FROM %s WHERE %s" % (name, self.condition(self.tables[name])), True)

    def truncate(self):
        name = self.table()
        if name is not None:
            self.do("TRUNCATE", "TRUNCATE %s" % name)

    # --- definitions

    def create_table(self):
        if len(self.tables) == TABLES_MAX:
            return
        name = self.new_name(self.draw.choice(("t", "t", SCHEMA + ".t")))
        columns = {"a%d" % i: self.draw.choice(TYPES) for i in range(self.draw.randint(1, 3))}
        key = self.draw.choice(((), ("id",), ("id",), ("id", "k")))
        columns = {**{c: "int" for c in key}, **columns, "n": "int"}
        text = ", ".join("%s %s" % item for item in columns.items())
        text += ", PRIMARY KEY (%s)" % ", ".join(key) if key else ""
        if self.do("CREATE TABLE", "CREATE TABLE %s (%s)" % (name, text), made=[(None, name)]):
            self.tables[name] = Table(columns, key)

    def drop_table(self):
        name = self.table()
        if len(self.tables) < 2:
            return
        gone = [view for view, reads in self.views.items() if name in reads]
        if self.do("DROP TABLE", "DROP TABLE %s CASCADE" % name, dropped=[name]):
            del self.tables[name]
            for view in gone:
                self.views.pop(view, None)

    def rename_table(self):
        name = self.table()
        bare = self.new_name("t")
        if name is not None:
            new = name[:name.find(".") + 1] + bare
            self.renamed(name, new, "RENAME TABLE", "ALTER TABLE %s RENAME TO %s" % (name, bare))

    def move_table(self):
        name = self.table()
        if name is not None:
            schema, bare = name.split(".") if "." in name else ("public", name)
            new = "%s.%s" % (SCHEMA, bare) if schema == "public" else bare
            self.renamed(name, new, "SET SCHEMA", "ALTER TABLE %s SET SCHEMA %s" % (name, SCHEMA if schema == "public" else "public"))

    def renamed(self, name, new, kind, text):
        if self.do(kind, text, made=[(name, new)]):
            self.tables[new] = self.tables.pop(name)
            self.views = {view: tuple(new if t == name else t for t in reads) for view, reads in self.views.items()}

    def rename_schema(self):
        """And back, so that names stay; views and defaults are spelled anew twice."""
        if self.do("RENAME SCHEMA", "ALTER SCHEMA %s RENAME TO aside" % SCHEMA):
            self.do("RENAME SCHEMA", "ALTER SCHEMA aside RENAME TO %s" % SCHEMA)

    def alter(self, kind, name, action):
        return self.do(kind, "ALTER TABLE %s %s" % (name, action), altered=[name])

    def add_column(self):
        name = self.table()
        if name is None or len(self.tables[name].columns) > 7:
            return
        column, kind = self.new_name("a"), self.draw.choice(TYPES)
        default = " DEFAULT %s" % self.value(kind) if self.draw.random() < 0.6 else ""
        if self.alter("ADD COLUMN", name, "ADD COLUMN %s %s%s" % (column, kind, default)):
            self.tables[name].columns[column] = kind

    def plain_column(self, name):
        others = [c for c in self.tables[name].columns if c not in self.tables[name].key and c != "n"]
        return self.draw.choice(others) if others else None

    def drop_column(self):
        name = self.table()
        column = self.plain_column(name) if name is not None else None
        if column is not None and self.alter("DROP COLUMN", name, "DROP COLUMN %s" % column):
            del self.tables[name].columns[column]

    def rename_column(self):
        name = self.table()
        column = self.plain_column(name) if name is not None else None
        new = self.new_name("a")
        if column is not None and self.alter("RENAME COLUMN", name, "RENAME COLUMN %s TO %s" % (column, new)):
            self.tables[name].columns = {new if c == column else c: k for c, k in self.tables[name].columns.items()}

    def column_default(self):
        name = self.table()
        column = self.plain_column(name) if name is not None else None
        if column is not None:
            self.alter("SET DEFAULT", name, "ALTER COLUMN %s SET DEFAULT %s" % (column, self.value(self.tables[name].columns[column])))

    def column_null(self):
        name = self.table()
        column = self.plain_column(name) if name is not None else None
        if column is not None:
            self.alter("NOT NULL", name, "ALTER COLUMN %s %s NOT NULL" % (column, self.draw.choice(("SET", "DROP", "DROP"))))

    def column_type(self):
        name = self.table()
        column = self.plain_column(name) if name is not None else None
        if column is not None and self.tables[name].columns[column] == "int":
            if self.alter("ALTER TYPE", name, "ALTER COLUMN %s TYPE bigint" % column):
                self.tables[name].columns[column] = "bigint"

    def create_index(self):
        name = self.table()
        if name is not None:
            there = sorted(self.tables[name].columns)
            columns = self.draw.sample(there, min(len(there), self.draw.choice((1, 1, 2))))
            self.do("CREATE INDEX", "CREATE INDEX %s ON %s (%s)" % (self.new_name("i"), name, ", ".join(columns)))

    def drop_index(self):
        for number in self.draw.sample(range(1, self.serial + 1), min(8, self.serial)):
            name = "i%d" % number
            if any(change.text.startswith("CREATE INDEX %s " % name) for change in self.lasting):
                self.do("DROP INDEX", "DROP INDEX %s" % name)
                return

    def create_view(self):
        name = self.table()
        if name is None:
            return
        table = self.tables[name]
        view = self.draw.choice(sorted(self.views)) if self.views and self.draw.random() < 0.2 else self.new_name("v")
        query = "SELECT n, count(*) AS rows FROM %s GROUP BY n" % name
        if view not in self.views and self.draw.random() < 0.6:
            query = "SELECT * FROM %s WHERE %s" % (name, self.condition(table))
        if self.do("CREATE VIEW", "CREATE OR REPLACE VIEW %s AS %s" % (view, query)):
            self.views[view] = (name,)

    def drop_view(self):
        if self.views:
            view = self.draw.choice(sorted(self.views))
            if self.do("DROP VIEW", "DROP VIEW %s" % view):
                del self.views[view]
