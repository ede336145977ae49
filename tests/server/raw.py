"""PostgreSQL's protocol by hand: messages as bytes, sent as a test likes, and what comes back."""
import socket
import struct
import time

ANSWER_SECONDS_MAX = 20
PROTOCOL_3 = 196608
CANCEL, TLS, GSS = 80877102, 80877103, 80877104


class Closed(Exception):
    """The server has closed the connection."""


def text(value):
    return value.encode() + b"\0"


def message(kind, body=b""):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def startup(user="kimberlite", database="kimberlite", version=PROTOCOL_3, **settings):
    pairs = dict(user=user, database=database, **settings)
    body = struct.pack("!I", version) + b"".join(text(k) + text(v) for k, v in pairs.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def query(sql):
    return message("Q", text(sql))


def parse(sql, name="", types=()):
    return message("P", text(name) + text(sql) + struct.pack("!H", len(types)) + b"".join(struct.pack("!I", t) for t in types))


def bind(values=(), statement="", portal="", formats=(), results=()):
    """values: bytes, str or None each."""
    body = text(portal) + text(statement) + struct.pack("!H", len(formats)) + b"".join(struct.pack("!H", f) for f in formats)
    body += struct.pack("!H", len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            value = value.encode() if isinstance(value, str) else value
            body += struct.pack("!i", len(value)) + value
    return message("B", body + struct.pack("!H", len(results)) + b"".join(struct.pack("!H", f) for f in results))


def describe(kind, name=""):
    return message("D", kind.encode() + text(name))


def execute(portal="", rows=0):
    return message("E", text(portal) + struct.pack("!i", rows))


def close(kind, name=""):
    return message("C", kind.encode() + text(name))


SYNC, FLUSH, TERMINATE = message("S"), message("H"), message("X")


class Message:
    """One of the server's, with what tests ask of it read out."""

    def __init__(self, kind, body):
        self.kind, self.body = kind, body

    def fields(self):
        """Of an error or a notice: {"C": SQLSTATE, "M": message, ...}."""
        return {part[:1].decode(): part[1:].decode() for part in self.body.split(b"\0") if part}

    def row(self):
        count, values, at = struct.unpack_from("!H", self.body)[0], [], 2
        for _ in range(count):
            length, = struct.unpack_from("!i", self.body, at)
            at += 4
            values.append(None if length < 0 else self.body[at:at + length])
            at += max(length, 0)
        return values

    def __repr__(self):
        """What two servers must agree on: kind, and where the words of it are meant for programs, those."""
        if self.kind == "E" or self.kind == "N":
            fields = self.fields()
            about = "".join(" %s=%s" % (name, fields[name]) for name in "stcn" if name in fields)
            return "%s(%s %s%s)" % (self.kind, fields["S"], fields["C"], about)
        if self.kind == "C":
            return "C(%s)" % self.body[:-1].decode()
        if self.kind == "Z":
            return "Z(%s)" % self.body.decode()
        if self.kind == "D":
            return "D%r" % (self.row(),)
        if self.kind == "t":
            return "t%r" % (struct.unpack("!%dI" % ((len(self.body) - 2) // 4), self.body[2:]),)
        if self.kind == "T":
            return "T%r" % (self.columns(),)
        return self.kind

    def columns(self):
        """(name, type OID, size, modifier, format) of each."""
        found, at = [], 2
        for _ in range(struct.unpack_from("!H", self.body)[0]):
            end = self.body.index(b"\0", at)
            name = self.body[at:end].decode()
            _, _, oid, size, modifier, code = struct.unpack_from("!IHIhih", self.body, end + 1)
            found.append((name, oid, size, modifier, code))
            at = end + 19
        return found


class Client:
    """A connection. address: a port of this machine, (host, port), or the path of a Unix socket."""

    def __init__(self, address, start=True, **settings):
        if isinstance(address, int):
            self.socket = socket.create_connection(("127.0.0.1", address), ANSWER_SECONDS_MAX)
        elif isinstance(address, tuple):
            self.socket = socket.create_connection(address, ANSWER_SECONDS_MAX)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(ANSWER_SECONDS_MAX)
            self.socket.connect(address)
        self.buffer, self.settings, self.process, self.key = b"", {}, 0, b""
        if start:
            self.send(startup(**settings))
            for answer in self.until("Z"):
                if answer.kind == "S":
                    name, value = answer.body[:-1].split(b"\0")
                    self.settings[name.decode()] = value.decode()
                elif answer.kind == "K":
                    self.process, self.key = struct.unpack_from("!I", answer.body)[0], answer.body[4:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))
        return self

    def exactly(self, count):
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionError:
                data = b""
            if not data:
                raise Closed()
            self.buffer += data
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def receive(self):
        head = self.exactly(5)
        return Message(head[:1].decode("latin-1"), self.exactly(struct.unpack("!I", head[1:])[0] - 4))

    def until(self, kinds):
        """Messages up to one of these kinds; fatal errors end with Closed behind them in .last."""
        found = []
        while not found or found[-1].kind not in kinds:
            found.append(self.receive())
        return found

    def rest(self):
        """All that still comes before the server closes."""
        found = []
        try:
            while True:
                found.append(self.receive())
        except Closed:
            return found

    def ask(self, sql):
        """Runs a simple query; the answer's messages up to ReadyForQuery."""
        return self.send(query(sql)).until("Z")

    def rows(self, sql):
        """Rows of text; an error is raised."""
        answer = self.ask(sql)
        for one in answer:
            if one.kind == "E":
                raise AssertionError("%s: %s" % (sql, one.fields()))
        return [[None if v is None else v.decode() for v in one.row()] for one in answer if one.kind == "D"]

    def sqlstate(self, sql):
        """Of the first error of a simple query; "" when there is none."""
        return next((one.fields()["C"] for one in self.ask(sql) if one.kind == "E"), "")

    def is_silent(self, seconds):
        """Whether nothing comes for so long."""
        if self.buffer:
            return False
        self.socket.settimeout(seconds)
        try:
            self.buffer = self.socket.recv(1 << 16)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(ANSWER_SECONDS_MAX)


def cancel(port, process, key):
    """A cancel request; the server answers nothing and closes."""
    with Client(port, start=False) as client:
        client.send(struct.pack("!III", 12 + len(key), CANCEL, process) + key)
        end = time.monotonic() + ANSWER_SECONDS_MAX
        while time.monotonic() < end:
            if not client.socket.recv(100):
                return
