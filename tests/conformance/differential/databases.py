"""The three databases behind one face: ask(statement) -> Answer.

PostgreSQL 15 runs in a cluster of its own on a Unix socket in a scratch directory and is spoken to through a psql that
stays open; Kimberlite through the worker, a C program on the public API; SQLite through Python's own module.
"""
import csv
import io
import os
import pwd
import select
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

FIELD, NULL = "\x1f", "\x01NULL\x01"  # between psql's variables; for a NULL in its output
NO_COLUMNS = "The command has no result, or the result has no columns."  # what psql's \\gdesc says then
ANSWER_SECONDS_MAX = 60
POSTGRES_VERSION = "15"
csv.field_size_limit(1 << 30)  # a value may be larger than the module's default of 128 KB


class Answer:
    """What a statement gave: an error's SQLSTATE, or names, types and rows (lists of text or None), and a row count."""

    def __init__(self, sqlstate=None, message="", names=(), types=(), rows=(), count=0):
        self.sqlstate, self.message = sqlstate, message
        self.names, self.types, self.rows, self.count = list(names), list(types), list(rows), count

    def __str__(self):
        if self.sqlstate:
            return "error %s: %s" % (self.sqlstate, self.message)
        lines = ["%d rows; columns %s" % (self.count, ", ".join("%s %s" % pair for pair in zip(self.names, self.types)))]
        lines += ["  " + " | ".join("NULL" if v is None else v for v in row) for row in self.rows[:12]]
        if len(self.rows) > 12:
            lines.append("  ...")
        return "\n".join(lines)


class Failure(Exception):
    """A database went away or does not answer."""


def records(text):
    """Rows of what psql prints as CSV; a line of nothing is one empty text."""
    return [row or [""] for row in csv.reader(io.StringIO(text, newline=""))]


def framed_records(data):
    """Rows of what the worker answers: "length:bytes" for a field, "-:" for NULL, ";" behind a record."""
    rows, row, at = [], [], 0
    while at < len(data):
        if data[at:at + 1] == b";":
            rows.append(row)
            row, at = [], at + 1
            continue
        colon = data.index(b":", at)
        length, at = data[at:colon], colon + 1
        if length == b"-":
            row.append(None)
        else:
            row.append(data[at:at + int(length)].decode("utf-8", "replace"))
            at += int(length)
    return rows


class Pipe:
    """Bytes from a process, with a bound on the time to wait for them."""

    def __init__(self, process, name):
        self.process, self.name, self.buffer = process, name, b""

    def write(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure("%s has ended" % self.name) from None

    def fill(self):
        ready, _, _ = select.select([self.process.stdout], [], [], ANSWER_SECONDS_MAX)
        if not ready:
            raise Failure("%s gives no answer within %d s" % (self.name, ANSWER_SECONDS_MAX))
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            raise Failure("%s has ended with status %s" % (self.name, self.process.wait()))
        self.buffer += data

    def until(self, mark):
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            self.fill()
        found, self.buffer = self.buffer[:at], self.buffer[at + len(mark):]
        return found.decode("utf-8", "replace")

    def exactly(self, length):
        while len(self.buffer) < length:
            self.fill()
        found, self.buffer = self.buffer[:length], self.buffer[length:]
        return found


def find_postgres():
    """The directory of the server's programs, or None: then the test cannot run."""
    for directory in ("/usr/lib/postgresql/%s/bin" % POSTGRES_VERSION, os.path.dirname(shutil.which("postgres") or "")):
        program = os.path.join(directory, "postgres")
        if directory and os.access(program, os.X_OK) and os.access(os.path.join(directory, "initdb"), os.X_OK):
            said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            if (" %s." % POSTGRES_VERSION) in said:
                return directory
    return None


class Postgres:
    """A cluster in a fresh directory; close() stops and removes it."""

    def __init__(self, programs):
        self.programs, self.server, self.psql = programs, None, None
        self.directory = tempfile.mkdtemp(prefix="differential-pg-", dir="/tmp")
        self.as_user = {}
        if os.getuid() == 0:  # the server refuses to run as root
            names = {entry.pw_name for entry in pwd.getpwall()}
            entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            os.chown(self.directory, entry.pw_uid, entry.pw_gid)
            self.as_user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        data = os.path.join(self.directory, "data")
        log = open(os.path.join(self.directory, "log"), "wb")
        run = subprocess.run([os.path.join(self.programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-N",
                              "--locale=C", "--lc-ctype=C.UTF-8", "--encoding=UTF8"], stdout=log, stderr=log, cwd="/", **self.as_user)
        if run.returncode != 0:
            raise Failure("initdb failed: " + open(log.name, errors="replace").read()[-500:])
        settings = {"listen_addresses": "", "unix_socket_directories": self.directory, "fsync": "off", "timezone": "UTC",
                    "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off", "jit": "off",
                    "max_connections": "20", "shared_buffers": "16MB", "statement_timeout": "30s",
                    "max_parallel_workers_per_gather": "0"}
        command = [os.path.join(self.programs, "postgres"), "-D", data]
        for name, value in settings.items():
            command += ["-c", "%s=%s" % (name, value)]
        self.server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
                                       start_new_session=True, **self.as_user)
        socket = os.path.join(self.directory, ".s.PGSQL.5432")
        for _ in range(300):
            if os.path.exists(socket) and self.is_ready():
                break
            if self.server.poll() is not None:
                break
            time.sleep(0.1)
        else:
            raise Failure("PostgreSQL does not start")
        if self.server.poll() is not None:
            raise Failure("PostgreSQL does not start: " + open(log.name, errors="replace").read()[-500:])
        self.connect()

    def is_ready(self):
        return subprocess.run([os.path.join(self.programs, "pg_isready"), "-q", "-h", self.directory]).returncode == 0

    def connect(self):
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "PGCLIENTENCODING": "UTF8"}
        process = subprocess.Popen(["stdbuf", "-oL", os.path.join(self.programs, "psql"), "-X", "-q", "-A", "-t", "-h",
                                    self.directory, "-U", "postgres", "postgres"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   env=environment, cwd="/")
        self.psql = Pipe(process, "psql")
        self.psql.write(("\\pset format csv\n\\pset null '%s'\n" % NULL).encode())

    def ask(self, statement):
        """Types come from describing the statement. An error in that ends a transaction, so it is the answer then."""
        mark = "=-=end=-="
        told = FIELD.join((":SQLSTATE", ":ROW_COUNT", ":LAST_ERROR_MESSAGE"))
        lines = [statement, "\\gdesc", "\\echo " + mark, "\\if :ERROR", "\\else", statement, ";", "\\endif",
                 "\\echo " + mark + " " + told + " " + mark]
        self.psql.write(("\n".join(lines) + "\n").encode())
        described = self.psql.until((mark + "\n").encode())
        body = self.psql.until(mark.encode())
        state, count, message = self.psql.until((" %s\n" % mark).encode())[1:].split(FIELD, 2)
        if state != "00000":
            return Answer(sqlstate=state, message=message)
        columns = [] if described.startswith(NO_COLUMNS) else records(described)
        rows = []
        if columns:
            rows = [[None if value == NULL else value for value in row] for row in records(body)]
        return Answer(names=[c[0] for c in columns], types=[c[1] for c in columns], rows=rows, count=int(count))

    def close(self):
        if self.psql is not None:
            self.psql.process.kill()
            self.psql.process.wait()
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)
            try:
                self.server.wait(20)
            except subprocess.TimeoutExpired:
                self.server.send_signal(signal.SIGQUIT)
                self.server.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Kimberlite:
    """The worker on a database in a fresh directory."""

    def __init__(self, worker):
        self.directory = tempfile.mkdtemp(prefix="differential-kmb-")
        process = subprocess.Popen([worker, os.path.join(self.directory, "data")], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        self.pipe = Pipe(process, "the worker")

    def ask(self, statement, session=0):
        text = statement.encode()
        self.pipe.write(b"%d %d\n" % (len(text), session) + text)
        length = int(self.pipe.until(b"\n"))
        told, *answer = framed_records(self.pipe.exactly(length))
        if told[0] == "error":
            return Answer(sqlstate=told[1], message=told[2])
        return Answer(names=answer[0], types=answer[1], rows=answer[2:], count=int(told[1]))

    def close(self):
        """Ends the worker in peace where it still runs; a bad exit is a failure of the test."""
        process = self.pipe.process
        code = process.poll()
        if code is None:
            process.stdin.close()
            try:
                code = process.wait(ANSWER_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
        return code


class Sqlite:
    """In memory, with LIKE as PostgreSQL has it. Values come as text; types are not compared."""

    def __init__(self):
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.execute("PRAGMA case_sensitive_like = ON")

    def ask(self, statement):
        try:
            cursor = self.connection.execute(statement)
            rows = [[None if v is None else str(v) for v in row] for row in cursor.fetchall()]
        except sqlite3.Error as error:
            return Answer(sqlstate="SQLITE", message=str(error))
        names = [column[0] for column in cursor.description or ()]
        return Answer(names=names, types=[""] * len(names), rows=rows, count=max(cursor.rowcount, 0) or len(rows))

    def close(self):
        self.connection.close()
