"""Kinds of clients of a soak: each works until its connection is cut, knows what was acknowledged to it, and says what is wrong.

A client that is cut off in the middle of a request does not know how it ended; check(), after the restart, finds it whole
or not at all, and the client goes on behind what it found.
"""
import hashlib
import random
import time

import native
import raw

LONG_QUERY = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a + b = 0"
RETRIED = ("40001", "40P01")
NO_ROOM = "53100"
NATIVE_STORAGE_ERROR, NATIVE_NO_ROOM = 12, "No space left"
PAUSE_SECONDS = 0.05  # after a refusal
BRANCHES, TELLERS, ACCOUNTS = 8, 80, 4000
COPY_ROWS_MAX = 300
READ_BYTES = 1 << 20
NOTIFICATION_SECONDS_MAX = 10


class Refused(Exception):
    """An error that a client does not expect."""


def sum_of(*parts):
    return hashlib.md5("-".join(map(str, parts)).encode()).hexdigest()


def told(answer):
    """The first error's fields of an answer, or None."""
    return next((one.fields() for one in answer if one.kind == "E"), None)


def done(answer, allowed=()):
    """Whether an answer holds no error; one of an SQLSTATE that is not allowed is raised."""
    error = told(answer)
    if error is None:
        return True
    if error["C"] not in allowed:
        raise Refused("%s: %s" % (error["C"], error["M"]))
    return False


class Load:
    """One client. self.counts: of the round; self.room: whether the disk may be full."""

    def __init__(self, number):
        self.number, self.chance = number, random.Random(number)
        self.room = True

    def prepare(self, client):
        """Makes what it needs, once."""

    def connect(self, port):
        self.port, self.client = port, raw.Client(port)

    def disconnect(self):
        self.client.socket.close()

    def step(self, counts):
        """One piece of work."""
        raise NotImplementedError

    def check(self, port, client):
        """After a restart: raises AssertionError when something acknowledged is missing or a piece is there in part."""

    def allowed(self, *more):
        return more if self.room else more + (NO_ROOM,)


class Inserts(Load):
    """Rows of known keys: alone, many in a statement, in blocks, in scripts, rolled back."""

    def __init__(self, number):
        super().__init__(number)
        self.next = 0  # everything before is acknowledged

    def prepare(self, client):
        client.rows("CREATE TABLE IF NOT EXISTS kept (writer int, number int, part int, size int NOT NULL, text text NOT NULL,"
                    " PRIMARY KEY (writer, number, part))")

    @staticmethod
    def size(number):
        return (1, 1, 3, 4, 2)[number % 5]

    def rows(self, number):
        return ["(%d, %d, %d, %d, '%s')" % (self.number, number, part, self.size(number), sum_of(self.number, number, part))
                for part in range(self.size(number))]

    def step(self, counts):
        number, rows = self.next, self.rows(self.next)
        insert = "INSERT INTO kept VALUES "
        if number % 5 == 1:
            self.client.send(raw.parse("INSERT INTO kept VALUES ($1, $2, 0, 1, $3)"),
                             raw.bind([str(self.number), str(number), sum_of(self.number, number, 0)]), raw.execute(), raw.SYNC)
            answer = self.client.until("Z")
        elif number % 5 == 3:
            done(self.client.ask("BEGIN"))
            answer = []
            for row in rows:
                answer += self.client.ask(insert + row)
            answer += self.client.ask("COMMIT")
        elif number % 5 == 4:
            answer = self.client.ask("; ".join(insert + row for row in rows))
        else:
            answer = self.client.ask(insert + ", ".join(rows))
        if not done(answer, self.allowed()):
            counts["refused"] += 1
            time.sleep(PAUSE_SECONDS)
            return
        self.next += 1
        counts["inserts"] += 1
        if number % 50 == 7:
            done(self.client.ask("BEGIN"))
            done(self.client.ask(insert + "(%d, %d, 0, 1, 'rolled back')" % (self.number, -1 - number)), self.allowed())
            done(self.client.ask("ROLLBACK"))

    def check(self, port, client):
        (count, last, wrong, taken_back), = client.rows(
            "SELECT count(DISTINCT number), coalesce(max(number), -1),"
            " count(*) FILTER (WHERE text <> md5(writer || '-' || number || '-' || part)), count(*) FILTER (WHERE number < 0)"
            " FROM kept WHERE writer = %d" % self.number)
        parts = client.rows("SELECT number, count(*), min(size), max(size) FROM kept WHERE writer = %d GROUP BY number"
                            " HAVING count(*) <> min(size) OR min(size) <> max(size) LIMIT 5" % self.number)
        last = int(last)
        assert not parts, "writer %d: batches in part: %s" % (self.number, parts)
        assert wrong == "0" and taken_back == "0", "writer %d: %s rows are wrong, %s were rolled back" % (self.number, wrong, taken_back)
        assert int(count) == last + 1, "writer %d: %s of %d batches are there" % (self.number, count, last + 1)
        assert self.next <= last + 1 <= self.next + 1, "writer %d: %d acknowledged, %d there" % (self.number, self.next, last + 1)
        self.next = last + 1


class Native(Load):
    """A client of the native protocol."""

    def connect(self, port):
        self.client = native.Client(port)

    def done(self, message, variant, counts):
        """Whether this is the answer wanted, and not one of a full disk where that may be."""
        if message is None:
            raise raw.Closed()
        if message.variant == variant:
            return True
        code, text = message.error()
        if self.room or code != NATIVE_STORAGE_ERROR or NATIVE_NO_ROOM not in text:
            raise Refused("native %d: %s" % (code, text))
        counts["refused"] += 1
        time.sleep(PAUSE_SECONDS)
        return False


class NativeInserts(Native, Inserts):
    """The same rows over the native protocol, one at a time."""

    @staticmethod
    def size(number):
        return 1

    def step(self, counts):
        self.client.send(self.client.query_frame("INSERT INTO kept VALUES ($1, $2, 0, 1, $3)", self.number, self.next,
                                                 sum_of(self.number, self.next, 0)))
        message = self.client.next()
        if not self.done(message, 4, counts):
            return
        self.next += 1
        counts["native"] += 1


class Appends(Native):
    """Events into a stream over the native protocol, a few at a time."""

    def __init__(self, number):
        super().__init__(number)
        self.stream, self.length, self.asked, self.checked = None, 0, 0, 0

    def connect(self, port):
        super().connect(port)
        if self.stream is None:
            self.stream = self.client.create_stream("soak%d" % self.number)

    def event(self, at):
        return ("%d %s" % (at, sum_of(self.number, at))).encode()

    def step(self, counts):
        count = self.chance.randrange(1, 5)
        self.asked = self.length + count
        self.client.send(self.client.append_frame(self.stream, [self.event(self.length + i) for i in range(count)], self.length))
        message = self.client.next()
        if not self.done(message, 3, counts):
            return
        self.length += count
        counts["events"] += count

    def check(self, port, client):
        if self.stream is None:
            return
        with native.Client(port) as reader:
            length = reader.length(self.stream)
            assert length in (self.length, self.asked), "stream: %d acknowledged, %d asked, %d there" % (self.length, self.asked, length)
            at = self.checked
            while at < length:
                events = reader.read(self.stream, at, READ_BYTES)
                assert events, "stream: event %d of %d is not read" % (at, length)
                for event in events:
                    assert event == self.event(at), "stream: event %d is %r" % (at, event)
                    at += 1
            self.length = self.asked = self.checked = length


class Copies(Load):
    """COPY FROM STDIN of some hundred rows; some are given up."""

    def __init__(self, number):
        super().__init__(number)
        self.next = 0

    def prepare(self, client):
        client.rows("CREATE TABLE IF NOT EXISTS copied (writer int, batch int, line int, size int, text text,"
                    " PRIMARY KEY (writer, batch, line))")

    def step(self, counts):
        size = self.chance.randrange(1, COPY_ROWS_MAX)
        gives_up = self.chance.randrange(10) == 0
        lines = "".join("%d\t%d\t%d\t%d\t%s\n" % (self.number, self.next, line, size, "\\N" if line % 7 == 3 else "row %d" % line)
                        for line in range(size)).encode()
        self.client.send(raw.query("COPY copied FROM STDIN"))
        if self.client.receive().kind != "G":
            raise Refused("COPY is not let in")
        half = len(lines) // 2
        self.client.send(raw.message("d", lines[:half]), raw.message("d", lines[half:]))
        self.client.send(raw.message("f", raw.text("given up")) if gives_up else raw.message("c"))
        answer = self.client.until("Z")
        if gives_up:
            error = told(answer)
            assert error is not None and error["C"] in self.allowed("57014"), error
        elif done(answer, self.allowed()):
            self.next += 1
            counts["copied rows"] += size
        else:
            counts["refused"] += 1
        time.sleep(0.1)

    def check(self, port, client):
        parts = client.rows("SELECT batch, count(*), min(size), max(size) FROM copied WHERE writer = %d GROUP BY batch"
                            " HAVING count(*) <> min(size) OR min(size) <> max(size) LIMIT 5" % self.number)
        (count, last), = client.rows("SELECT count(DISTINCT batch), coalesce(max(batch), -1) FROM copied WHERE writer = %d" % self.number)
        assert not parts, "COPY %d: in part: %s" % (self.number, parts)
        assert int(count) == int(last) + 1 and self.next <= int(count) <= self.next + 1, \
            "COPY %d: %d acknowledged, %s there, the last is %s" % (self.number, self.next, count, last)
        self.next = int(count)


class Transfers(Load):
    """Transactions as TPC-B's: four tables that must agree in their sums, at any moment and for any reader."""

    def __init__(self, number):
        super().__init__(number)
        self.next = 0

    def prepare(self, client):
        if client.sqlstate("SELECT 1 FROM branches LIMIT 1") != "42P01":
            return
        for table, count in (("branches", BRANCHES), ("tellers", TELLERS), ("accounts", ACCOUNTS)):
            client.rows("CREATE TABLE %s (id int PRIMARY KEY, balance bigint NOT NULL)" % table)
            client.rows("INSERT INTO %s SELECT g, 0 FROM generate_series(0, %d) g" % (table, count - 1))
        client.rows("CREATE TABLE history (client int, number int, delta bigint NOT NULL, at timestamptz DEFAULT now(),"
                    " PRIMARY KEY (client, number))")

    def step(self, counts):
        amount = self.chance.randrange(-500, 500)
        statements = ["UPDATE accounts SET balance = balance + $1 WHERE id = $2", "UPDATE tellers SET balance = balance + $1 WHERE id = $2",
                      "UPDATE branches SET balance = balance + $1 WHERE id = $2"]
        values = [self.chance.randrange(ACCOUNTS), self.chance.randrange(TELLERS), self.chance.randrange(BRANCHES)]
        fine = done(self.client.ask("BEGIN"))
        for sql, value in zip(statements, values):
            if fine:
                self.client.send(raw.parse(sql), raw.bind([str(amount), str(value)]), raw.execute(), raw.SYNC)
                fine = done(self.client.until("Z"), self.allowed(*RETRIED))
        if fine:
            fine = done(self.client.ask("INSERT INTO history VALUES (%d, %d, %d)" % (self.number, self.next, amount)), self.allowed())
        if fine and done(self.client.ask("COMMIT"), self.allowed(*RETRIED)):
            self.next += 1
            counts["transfers"] += 1
            return
        counts["conflicts" if self.room else "refused"] += 1
        done(self.client.ask("ROLLBACK"))

    def check(self, port, client):
        (count, last), = client.rows("SELECT count(*), coalesce(max(number), -1) FROM history WHERE client = %d" % self.number)
        assert int(count) == int(last) + 1 and self.next <= int(count) <= self.next + 1, \
            "transfers of %d: %d acknowledged, %s there, the last is %s" % (self.number, self.next, count, last)
        self.next = int(count)
        agree(client)


def agree(client, when=""):
    """The four sums of Transfers, as one statement sees them."""
    sums, = client.rows("SELECT (SELECT sum(balance) FROM accounts%s), (SELECT sum(balance) FROM tellers%s),"
                        " (SELECT sum(balance) FROM branches%s), (SELECT coalesce(sum(delta), 0) FROM history%s)" % ((when,) * 4))
    assert len(set(sums)) == 1, "the sums do not agree%s: %s" % (when, sums)


class Reads(Load):
    """Points, sums that must agree, now and in the past."""

    def step(self, counts):
        kind = self.chance.randrange(20)
        if kind == 0:
            agree(self.client)
        elif kind == 1:
            (moment,), = self.client.rows("SELECT now() - interval '2 seconds'")
            if self.client.sqlstate("SELECT 1 FROM history AS OF TIMESTAMP '%s' LIMIT 1" % moment) == "":
                agree(self.client, " AS OF TIMESTAMP '%s'" % moment)
        elif kind == 2:
            self.client.rows("SELECT id, balance, repeat('x', 100) FROM accounts ORDER BY balance LIMIT 1000")
        else:
            self.client.send(raw.parse("SELECT balance FROM accounts WHERE id = $1", types=[23]),
                             raw.bind([str(self.chance.randrange(ACCOUNTS))]), raw.execute(), raw.SYNC)
            answer = self.client.until("Z")
            done(answer)
            assert sum(one.kind == "D" for one in answer) == 1, answer
        counts["reads"] += 1
        time.sleep(0.002)


class Notices(Load):
    """NOTIFY on one connection arrives on another, in order, each once; what was rolled back does not."""

    def connect(self, port):
        super().connect(port)
        self.listener = raw.Client(port)
        self.listener.rows("LISTEN soak%d" % self.number)
        self.sent = 0

    def disconnect(self):
        super().disconnect()
        self.listener.socket.close()

    def step(self, counts):
        self.client.rows("BEGIN")
        self.client.rows("NOTIFY soak%d, 'never'" % self.number)
        self.client.rows("ROLLBACK")
        if not done(self.client.ask("NOTIFY soak%d, '%d'" % (self.number, self.sent)), self.allowed()):
            counts["refused"] += 1
            time.sleep(PAUSE_SECONDS)
            return
        answer = self.listener.until("A")[-1]
        payload = answer.body[4:].split(b"\0")[1]
        assert payload == b"%d" % self.sent, "notification %r instead of %d" % (payload, self.sent)
        self.sent += 1
        counts["notified"] += 1
        time.sleep(0.01)


class Comers(Load):
    """Connects, asks, and goes: in peace, without a word, with a reset within a transaction."""

    def connect(self, port):
        self.port, self.client = port, raw.Client(port)

    def step(self, counts):
        with raw.Client(self.port) as client:
            assert client.rows("SELECT 1 + 1") == [["2"]]
            way = self.chance.randrange(4)
            if way == 0:
                client.send(raw.TERMINATE)
            elif way == 1:
                client.rows("BEGIN")
                done(client.ask("INSERT INTO kept VALUES (%d, -1, 0, 1, 'never')" % self.number), self.allowed("40001", "23505"))
            elif way == 2:
                client.send(raw.query("SELECT g FROM generate_series(1, 100000) g"))
        counts["connects"] += 1
        time.sleep(0.01)

    def check(self, port, client):
        assert client.rows("SELECT count(*) FROM kept WHERE writer = %d" % self.number) == [["0"]], "a client that went has written"


class Cancels(Load):
    """Runs what lasts for ever, and cancels it from beside."""

    def step(self, counts):
        self.client.send(raw.query(LONG_QUERY))
        time.sleep(self.chance.uniform(0.02, 0.1))
        raw.cancel(self.port, self.client.process, self.client.key)
        error = told(self.client.until("Z"))
        assert error is not None and error["C"] == "57014", error
        assert self.client.rows("SELECT 3") == [["3"]]
        counts["cancelled"] += 1
        time.sleep(0.3)
