#!/usr/bin/env python3
"""kimberlite top and bench beside a server that works: what top tells once, shows, and does by its keys; a load that is driven.

    tests/server/test_top.py [WORD...]     BUILD: the build directory
"""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

import checks
import native
import raw
from serve import PROGRAM, Server, until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from screen import Screen  # noqa: E402

SETTINGS = {"http.listen": "127.0.0.1:0", "http.disk_free_percent": "0"}


def http_port(server):
    return re.search(r"event=http\.listen port=(\d+)", server.log_tail()).group(1)


def top(*arguments, environment=None, code=0):
    ran = subprocess.run([PROGRAM, "top", *arguments], capture_output=True, text=True, env={**os.environ, **(environment or {})},
                         check=False, timeout=60, stdin=subprocess.DEVNULL)
    assert ran.returncode == code, (ran.returncode, ran.stdout, ran.stderr)
    return json.loads(ran.stdout) if code == 0 and "json" in arguments else ran.stdout + ran.stderr


def test_once():
    with Server(settings=SETTINGS) as server, raw.Client(server.port, user="ann", application_name="loader") as writer, \
            raw.Client(server.port) as waiting:
        writer.rows("CREATE TABLE t (a int)")
        waiting.rows("BEGIN")
        stop = threading.Event()

        def work():
            while not stop.is_set():
                writer.rows("INSERT INTO t VALUES (1)")
        thread = threading.Thread(target=work)
        thread.start()
        told = top(http_port(server), "--once", "-o", "json")
        stop.set()
        thread.join()
        assert told["requests_per_second"] > 10 and told["syncs_per_second"] > 10, told
        assert told["log_bytes_per_second"] > 10 * told["requests_per_second"] and told["log_entries_per_second"] > 10, told
        assert 0 < told["p50_seconds"] <= told["p99_seconds"] < 10 and 0 < told["sync_mean_seconds"] < 10, told
        assert 0.9 < told["seconds"] < 10 and told["connections"] == 2 and told["in_transaction"] == 1, told
        insert = next(one for one in told["statements"] if one["query"] == "INSERT INTO t VALUES ($1)")
        assert insert["user"] == "ann" and insert["calls"] > 10 and insert["rows"] == insert["calls"], insert
        assert 0 < insert["mean_ms"] <= insert["total_ms"] and insert["log_bytes"] > 100 * insert["calls"], insert
        sessions = {session["process"]: session for session in told["sessions"]}
        assert sorted(sessions) == sorted([writer.process, waiting.process]), told
        one = sessions[writer.process]
        assert (one["user"], one["application"], one["tenant"], one["client"]) == ("ann", "loader", 1, "127.0.0.1"), one
        assert one["query"] == "INSERT INTO t VALUES (1)", one
        assert sessions[waiting.process]["state"] == "idle in transaction", told
        assert sessions[waiting.process]["transaction_seconds"] > 0.9, told
        # without a terminal it looks twice as well; tables and CSV
        assert "requests_per_second" in top(http_port(server), "--interval", "0.1")
        text = top(http_port(server), "--interval", "0.1", "-o", "csv")
        assert "process,tenant,user,client,state,age_seconds,query" in text, text


def test_over_a_connection():
    """With --server the server is asked over its own protocol, and needs no HTTP port."""
    with Server(settings={"tenants.mode": "auto-create"}) as server, native.Client(server.port, tenant=7) as maker, \
            raw.Client(server.port) as client:
        maker.query("SELECT 1")  # makes the tenant
        far = raw.Client(server.port, database="7", user="far")
        far.send(raw.query("SELECT pg_sleep(600)"))
        client.rows("CREATE TABLE near (a int)")
        address = ["--server", "kimberlite://127.0.0.1:%d" % server.port]
        told = top(*address, "-o", "json")
        seen = {session["process"]: session for session in told["sessions"]}
        assert (seen[far.process]["tenant"], seen[far.process]["state"], seen[far.process]["user"]) == (7, "active", "far"), told
        assert seen[far.process]["query"] == "" and "CREATE TABLE near" in seen[client.process]["query"], told  # another's is not shown
        assert told["connections"] >= 3 and told["version"] and told["requests_per_second"] > 0, told
        view = View(None, *address)
        view.shows("far", "active", "PROCESS", "127.0.0.1:%d" % server.port)
        until(lambda: any(row.startswith("> ") and "far" in row for row in view.lines()), 30, "the oldest chosen")
        view.keys(b"c")
        view.shows("y/n")
        view.keys(b"y")
        view.shows("Cancelled: process %d." % far.process)
        assert [one.fields()["C"] for one in far.until("Z") if one.kind == "E"] == ["57014"]
        server.stop()
        view.shows("cannot")
        server.start()
        until(lambda: not any("cannot" in row for row in view.lines()), 30, "the server seen again")
        view.end()


def test_where_there_is_no_server():
    with Server(settings=SETTINGS) as server:
        answer = top("127.0.0.1:%d" % server.port, code=3)  # what speaks no HTTP
        assert "127.0.0.1:%d" % server.port in answer, answer
        port = http_port(server)
    assert "cannot connect" in top(port, code=3)
    assert "invalid address" in top("http://", code=2)
    assert "invalid value" in top("--interval", "0", code=2)


def test_a_server_that_asks_who_one_is():
    with Server(settings={**SETTINGS, "auth.mode": "password"}) as server:
        answer = top(http_port(server), code=4)
        assert "KIMBERLITE_TOKEN" in answer, answer


def test_tls():
    directory = tempfile.mkdtemp(prefix="kimberlite-top-")
    try:
        for what in (["authority", "ours"], ["server", "127.0.0.1"]):
            subprocess.run([os.path.abspath(PROGRAM), "cert"] + what + ["-q"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
        certs = os.path.join(directory, "certs")
        server_crt, server_key = (os.path.join(certs, "127.0.0.1" + end) for end in (".crt", ".key"))
        with Server(settings=SETTINGS, options=["--tls-cert", server_crt, "--tls-key", server_key]) as server:
            address = "https://127.0.0.1:" + http_port(server)
            ours = {"SSL_CERT_FILE": os.path.join(certs, "ca.crt")}
            assert top(address, "-o", "json", "--interval", "0.1", environment=ours)["version"]
            assert "certificate verify failed" in top(address, code=3)
            assert "certificate verify failed" in top(address.replace("127.0.0.1", "localhost"), code=3, environment=ours)
            top("http://127.0.0.1:" + http_port(server), code=3)
    finally:
        shutil.rmtree(directory)


class View:
    """The live view on a terminal of its own."""

    def __init__(self, server, *more, environment=None):
        self.screen = Screen(24, 140)
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 140, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen([PROGRAM, "top", *([http_port(server)] if server else []), "--interval", "0.2", *more], stdin=slave, stdout=slave,
                                        stderr=slave, env={**os.environ, "TERM": "xterm", **(environment or {})},
                                        start_new_session=True)
        self.raw = ""

    def read(self):
        while select.select([self.master], [], [], 0.1)[0]:
            piece = os.read(self.master, 65536).decode(errors="replace")
            self.raw += piece
            self.screen.feed(piece)

    def lines(self):
        self.read()
        return [self.screen.text(row) for row in range(self.screen.rows)]

    def shows(self, *words):
        def seen():
            text = "\n".join(self.lines())
            return all(word in text for word in words)
        until(seen, 30, "%r on the screen\n%s" % (words, "\n".join(self.lines())))

    def keys(self, keys):
        os.write(self.master, keys)

    def end(self):
        self.keys(b"q")
        until(lambda: self.read() or self.process.poll() is not None, 30, "end of the view")
        assert self.process.returncode == 0
        assert termios.tcgetattr(self.slave) == self.before
        self.read()
        assert self.raw.endswith("\x1b[?25h\x1b[?1049l"), repr(self.raw[-100:])
        os.close(self.slave)
        os.close(self.master)


def test_view():
    with Server(settings=SETTINGS) as server, raw.Client(server.port, user="slow") as slow, raw.Client(server.port, user="idler") as idler:
        idler.rows("SELECT 'at rest'")
        slow.send(raw.query("SELECT pg_sleep(600), E'\\x41' AS \"\x1b[31mred\u202e\"\n, '日本'"))
        view = View(server)
        view.shows("PROCESS", "requests", "sync", "active", "idle", "at rest", "SELECT pg_sleep(600)", "[31mred", "日本")
        assert "\x1b[31m" not in view.raw
        head, first, second = (row for row in view.lines() if row.startswith((">", "  ")))
        assert first.startswith("> ") and "slow" in first and "idler" in second, (head, first, second)
        view.keys(b"i")
        view.shows("i show idle")
        assert not any("at rest" in row for row in view.lines())
        view.keys(b"i")
        view.shows("at rest")
        view.keys(b"\x1b[B")  # down: the idle one
        until(lambda: any(row.startswith("> ") and "idler" in row for row in view.lines()), 30, "the second chosen")
        view.keys(b"c")
        view.shows("Nothing runs there.")
        view.keys(b"sssr")
        view.shows("sort: user, reversed")
        view.keys(b"rssk")
        view.shows("sort: age ")
        until(lambda: any(row.startswith("> ") and "slow" in row for row in view.lines()), 30, "the first chosen")
        # asked, and not meant
        view.keys(b"c")
        view.shows("Cancel the statement of process %d? y/n" % slow.process)
        view.keys(b"n")
        time.sleep(0.5)
        assert any("pg_sleep" in row and "active" in row for row in view.lines())
        view.keys(b"c")
        view.shows("y/n")
        view.keys(b"y")
        view.shows("Cancelled: process %d." % slow.process)
        assert [one.fields()["C"] for one in slow.until("Z") if one.kind == "E"] == ["57014"]
        # statements, by what they took
        idler.rows("SELECT 'more' || g FROM generate_series(1, 2000) g")
        view.keys(b"t")
        view.shows("STATEMENT", "sort: total time", "SELECT $1 || g FROM generate_series($2, $3) g")
        view.keys(b"scjki")
        view.shows("sort: calls")
        view.keys(b"t")
        view.shows("PROCESS", "sort: age ")
        view.keys(b"-+ ")
        view.end()


def test_view_outlives_the_server():
    with Server(settings={**SETTINGS}) as server:
        port = http_port(server)
        view = View(server, environment={"NO_COLOR": "1"})
        view.shows("PROCESS")
        server.stop()
        view.shows("cannot connect")
        server.environment["KMB_HTTP_LISTEN"] = "127.0.0.1:" + port
        server.start()
        until(lambda: not any("cannot" in row for row in view.lines()), 30, "the server seen again")
        assert "\x1b[7m" not in view.raw and "\x1b[1m" not in view.raw
        view.end()


def test_bench():
    with Server(settings=SETTINGS) as server, raw.Client(server.port) as client:
        def bench(workload, *more, code=0):
            ran = subprocess.run([PROGRAM, "bench", workload, "--server", "kimberlite://127.0.0.1:%d" % server.port, "--duration", "1",
                                  "--warm-up", "0", "--clients", "3", "-o", "json", *more], capture_output=True, text=True, check=False,
                                 timeout=100, stdin=subprocess.DEVNULL)
            assert ran.returncode == code, (ran.returncode, ran.stdout, ran.stderr)
            return json.loads(ran.stdout) if ran.stdout else ran.stderr
        assert "--yes is required" in bench("insert", code=2)
        told = bench("insert", "--yes", "--keep")
        assert (told["target"], told["clients"], told["durability"]) == ("a server", 3, "synced before the answer"), told
        assert client.rows("SELECT count(*) FROM kimberlite_bench.inserted") == [[str(told["count"])]]
        told = bench("tpcb", "--yes", "--keep")
        assert told["count"] > 0
        assert client.rows("SELECT count(*) FROM kimberlite_bench.history") == [[str(told["count"])]]
        assert 0 < told["min_ns"] <= told["p50_ns"] <= told["p99_ns"] <= told["max_ns"], told
        told = bench("point", "--yes")
        assert told["count"] > 100
        assert client.rows("SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'kimberlite_bench'") == [["0"]]
    ran = subprocess.run([PROGRAM, "bench", "point", "--server", "kimberlite://127.0.0.1:%d" % server.port, "--yes"],
                         capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 3, ran


if __name__ == "__main__":
    checks.main(globals())
