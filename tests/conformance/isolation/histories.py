"""Random histories: transactions of several sessions, interleaved by a seed, on two tables of rows that are lists."""

from graph import Read, Transaction, Write

SESSIONS = 5
HOT = 5  # rows that everybody appends to; made by who comes first
GROUPS = 3  # of the other rows, that come, move once and go
ROLLED_BACK = 0.08
KEYED, PLAIN = "a", "b"  # a table with a primary key, one without

TABLES = ("CREATE TABLE a (id int PRIMARY KEY, grp int, log text)", "CREATE INDEX ON a (grp)",
          "CREATE TABLE b (id int, grp int, log text)", "CREATE INDEX ON b (id DESC)", "CREATE INDEX ON b (grp, id)")


class Wrong(Exception):
    pass


class Session:
    def __init__(self, number):
        self.number = number
        self.transaction = None
        self.own = {}  # (table, id) -> tokens, None when deleted
        self.savepoint = None


class History:
    """level: SERIALIZABLE or REPEATABLE READ. After play(): transactions, final, last."""

    def __init__(self, draw, database, level, transactions):
        self.draw, self.database, self.level, self.wanted = draw, database, level, transactions
        self.sessions = [Session(number) for number in range(SESSIONS)]
        self.transactions = []
        self.step = 0
        self.tokens = 0
        self.rows = 100
        self.fresh = {KEYED: [], PLAIN: []}  # ids made by anybody, perhaps gone
        self.moved = set()
        self.refused = 0
        self.text = []

    # --- statements

    def ask(self, session, text):
        answer = self.database.ask(text, session.number)
        of = session.transaction or session.number
        self.text.append("%s: %s -> %s" % (of, text, answer.sqlstate or answer.rows or "ok"))
        if answer.sqlstate not in (None, "40001", "23505"):
            raise Wrong("%s: %s %s" % (text, answer.sqlstate, answer.message))
        return answer

    def token(self):
        self.tokens += 1
        return "t%d" % self.tokens

    @staticmethod
    def logs(answer):
        return {int(row[0]): row[1].split() for row in answer.rows}

    # --- the run

    def play(self):
        setup = self.sessions[0]
        for table in (KEYED, PLAIN):
            self.ask(setup, "DELETE FROM %s" % table)
        while len(self.transactions) < self.wanted or any(s.transaction for s in self.sessions):
            self.step += 1
            session = self.draw.choice(self.sessions)
            if session.transaction is None:
                if len(self.transactions) < self.wanted:
                    self.begin(session)
            elif self.draw.random() < 0.22:
                self.end(session)
            else:
                self.operation(session)
        self.final = {(table, row): log for table in (KEYED, PLAIN)
                      for row, log in self.logs(self.ask(setup, "SELECT id, log FROM %s" % table)).items()}
        self.last = {row: log for t in self.transactions if t.committed for row, log in t.deletes.items()}

    def begin(self, session):
        session.transaction = Transaction(len(self.transactions) + 1, self.step)
        session.own, session.savepoint = {}, None
        self.transactions.append(session.transaction)
        self.ask(session, "BEGIN ISOLATION LEVEL %s" % self.level)

    def end(self, session):
        transaction = session.transaction
        session.transaction = None
        transaction.ended = self.step
        if self.draw.random() < ROLLED_BACK:
            self.ask(session, "ROLLBACK")
            return
        answer = self.ask(session, "COMMIT")
        transaction.committed = answer.sqlstate is None
        if not transaction.committed:
            self.refused += 1
            if not transaction.writes and not transaction.deletes:
                raise Wrong("a transaction that wrote nothing was refused")

    def operation(self, session):
        kinds = ((self.read, 30), (self.append, 16), (self.read_append, 6), (self.insert, 9), (self.move, 6),
                 (self.delete, 5), (self.append_group, 3), (self.set_savepoint, 3), (self.rollback_to, 3))
        self.draw.choices([k for k, _ in kinds], [w for _, w in kinds])[0](session)

    def failed(self, session, answer):
        """A statement's error: back to the savepoint, or out."""
        if answer.sqlstate is None:
            return False
        self.refused += 1
        if session.savepoint is not None:
            self.rollback_to(session)
        else:
            self.ask(session, "ROLLBACK")
            session.transaction.ended = self.step
            session.transaction = None
        return True

    def set_savepoint(self, session):
        self.ask(session, "SAVEPOINT s")
        transaction = session.transaction
        session.savepoint = (len(transaction.writes), dict(transaction.deletes),
                             {row: tokens and list(tokens) for row, tokens in session.own.items()})

    def rollback_to(self, session):
        if session.savepoint is None:
            return
        self.ask(session, "ROLLBACK TO s")
        writes, deletes, own = session.savepoint
        del session.transaction.writes[writes:]
        session.transaction.deletes = dict(deletes)
        session.own = {row: tokens and list(tokens) for row, tokens in own.items()}

    # --- reads

    def note(self, session, table, found, wanted):
        own = {row: tokens and list(tokens) for row, tokens in session.own.items()}
        session.transaction.reads.append(Read(self.step, table, found, wanted, own))

    def condition(self, table):
        """SQL of a condition, and the same in Python."""
        kind = self.draw.randrange(6)
        ids = list(range(1, HOT + 1)) * (table == KEYED) + self.fresh[table][-12:] + [self.rows + 1]
        if kind == 0:
            row = self.draw.choice(ids)
            return "id = %d" % row, lambda r, g: r == row
        if kind == 1:
            low = self.draw.choice(ids)
            high = low + self.draw.randrange(4)
            return "id BETWEEN %d AND %d" % (low, high), lambda r, g: low <= r <= high
        if kind == 2:
            some = self.draw.sample(ids, min(2, len(ids)))
            return "id IN (%s)" % ", ".join(map(str, some)), lambda r, g: r in some
        group = self.draw.randrange(GROUPS)
        if kind == 3:
            return "grp = %d" % group, lambda r, g: g == group
        if kind == 4:
            return "grp >= %d AND grp < %d" % (group, group + 2), lambda r, g: group <= g < group + 2
        return "grp + 0 = %d" % group, lambda r, g: g == group

    def read(self, session):
        table = self.draw.choice((KEYED, KEYED, PLAIN))
        condition, wanted = self.condition(table)
        form = self.draw.randrange(8)
        text = "SELECT id, log FROM %s WHERE %s" % (table, condition)
        if form == 1:
            text += " ORDER BY id LIMIT 1"
        elif form == 2:
            text += " ORDER BY id DESC LIMIT 1"
        elif form == 3:
            text = "SELECT id, log FROM {0} WHERE id IN (SELECT id FROM {0} WHERE {1})".format(table, condition)
        elif form == 4:
            text = "SELECT id, log FROM {0} AS x WHERE EXISTS (SELECT FROM {0} AS y WHERE y.id = x.id AND ({1}))".format(
                table, condition.replace("id ", "y.id ").replace("grp ", "y.grp "))
        elif form == 5:
            row = self.draw.choice(list(range(1, HOT + 1)) if table == KEYED else self.fresh[table][-6:] or [1])
            text = "SELECT t.id, t.log FROM (VALUES (%d), (%d)) AS x (id) JOIN %s AS t ON t.id = x.id" % (
                row, row + 1, table)
            wanted = lambda r, g: r in (row, row + 1)  # noqa: E731
        elif form == 6:
            text = "WITH x AS MATERIALIZED (%s) SELECT id, log FROM x" % text
        if form == 7:
            if self.failed(session, self.ask(session, "DECLARE c CURSOR FOR " + text)):
                return
            answer = self.ask(session, "FETCH ALL FROM c")
            self.ask(session, "CLOSE c")
        else:
            answer = self.ask(session, text)
        if self.failed(session, answer):
            return
        found = self.logs(answer)
        if form in (1, 2) and found:  # what stands behind the row given was not looked at
            at = next(iter(found))
            asked = wanted
            wanted = (lambda r, g: asked(r, g) and r <= at) if form == 1 else (lambda r, g: asked(r, g) and r >= at)
        self.note(session, table, found, wanted)

    # --- writes

    def wrote(self, session, table, row, token, group):
        session.transaction.writes.append(Write(token, table, row, group))
        tokens = session.own.get((table, row)) or []
        session.own[(table, row)] = tokens + [token]

    def written(self, session, answer, table, token, group):
        """RETURNING id, log of one write: what stands before its token was read."""
        for row, log in self.logs(answer).items():
            if log[-1] != token:
                raise Wrong("a row returned without what was written: %s" % log)
            self.note(session, table, {row: log[:-1]} if len(log) > 1 else {}, lambda r, g, only=row: r == only)
            self.wrote(session, table, row, token, group)

    def append(self, session):
        row, token = self.draw.randrange(1, HOT + 1), self.token()
        form = self.draw.randrange(3)
        if form == 0:
            text = ("INSERT INTO a VALUES ({0}, -1, '{1}') ON CONFLICT (id) DO UPDATE SET log = a.log || ' {1}' "
                    "RETURNING id, log").format(row, token)
        elif form == 1:
            text = "UPDATE a SET log = log || ' %s' WHERE id = %d RETURNING id, log" % (token, row)
        else:
            text = ("MERGE INTO a USING (VALUES ({0})) AS s (id) ON a.id = s.id "
                    "WHEN MATCHED THEN UPDATE SET log = log || ' {1}' "
                    "WHEN NOT MATCHED THEN INSERT VALUES (s.id, -1, '{1}')").format(row, token)
        answer = self.ask(session, text)
        if self.failed(session, answer):
            return
        if form == 2:
            answer = self.ask(session, "SELECT id, log FROM a WHERE id = %d" % row)
        elif form == 1 and not answer.rows:
            self.note(session, KEYED, {}, lambda r, g: r == row)
        self.written(session, answer, KEYED, token, -1)

    def read_append(self, session):
        """What a program does that reads, thinks and writes."""
        row, token = self.draw.randrange(1, HOT + 1), self.token()
        read = self.ask(session, "SELECT id, log FROM a WHERE id = %d" % row)
        if self.failed(session, read):
            return
        found = self.logs(read)
        self.note(session, KEYED, found, lambda r, g: r == row)
        log = " ".join(found.get(row, []) + [token])
        if found:
            answer = self.ask(session, "UPDATE a SET log = '%s' WHERE id = %d" % (log, row))
        else:
            answer = self.ask(session, "INSERT INTO a VALUES (%d, -1, '%s')" % (row, log))
        if not self.failed(session, answer):
            self.wrote(session, KEYED, row, token, -1)

    def insert(self, session):
        table, token = self.draw.choice((KEYED, PLAIN)), self.token()
        self.rows += 1
        row, group = self.rows, self.draw.randrange(GROUPS)
        answer = self.ask(session, "INSERT INTO %s VALUES (%d, %d, '%s')" % (table, row, group, token))
        if not self.failed(session, answer):
            self.wrote(session, table, row, token, group)
            self.fresh[table].append(row)

    def move(self, session):
        table, token = self.draw.choice((KEYED, PLAIN)), self.token()
        rows = [r for r in self.fresh[table][-8:] if (table, r) not in self.moved]
        if not rows:
            return
        row, group = self.draw.choice(rows), self.draw.randrange(GROUPS)
        self.moved.add((table, row))
        answer = self.ask(session, "UPDATE %s SET grp = %d, log = log || ' %s' WHERE id = %d RETURNING id, log" %
                          (table, group, token, row))
        if not self.failed(session, answer):
            if not answer.rows:
                self.note(session, table, {}, lambda r, g: r == row)
            self.written(session, answer, table, token, group)

    def append_group(self, session):
        """A write by a predicate: a token for each row that it finds."""
        table, token, group = self.draw.choice((KEYED, PLAIN)), self.token(), self.draw.randrange(GROUPS)
        answer = self.ask(session, "WITH w AS (UPDATE {0} SET log = log || ' {1}.' || id WHERE grp = {2} RETURNING id, log) "
                          "SELECT id, log FROM w".format(table, token, group))
        if self.failed(session, answer):
            return
        found = {row: log[:-1] for row, log in self.logs(answer).items()}
        self.note(session, table, found, lambda r, g: g == group)
        for row in found:
            self.wrote(session, table, row, "%s.%d" % (token, row), group)

    def delete(self, session):
        table = self.draw.choice((KEYED, PLAIN))
        if not self.fresh[table]:
            return
        row = self.draw.choice(self.fresh[table][-8:])
        answer = self.ask(session, "DELETE FROM %s WHERE id = %d RETURNING id, log" % (table, row))
        if self.failed(session, answer):
            return
        found = self.logs(answer)
        self.note(session, table, found, lambda r, g: r == row)
        if found:
            session.transaction.deletes[(table, row)] = found[row]
            session.own[(table, row)] = None
