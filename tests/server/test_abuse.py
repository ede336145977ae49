#!/usr/bin/env python3
"""What clients do that mean ill, or die at the wrong moment: the server stays up, its memory bounded, and others are served.

    tests/server/test_abuse.py [WORD...]     BUILD: the build directory
"""
import contextlib
import os
import random
import resource
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import checks
import native
import raw
from serve import PROGRAM, Server, until

LONG_QUERY = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a + b = 0"
SANITIZED = "asan" in PROGRAM
GROWTH_BYTES_MAX = (160 if SANITIZED else 64) << 20  # what abuse may cost; a sanitizer keeps freed memory for a while
ANSWER_SECONDS_MAX = 2.0


def assert_serves(port, seconds=ANSWER_SECONDS_MAX):
    """A new client is let in and answered soon."""
    begun = time.monotonic()
    with raw.Client(port) as client:
        assert client.rows("SELECT 1 + 1") == [["2"]]
    spent = time.monotonic() - begun
    assert spent < seconds, "a client was served after %.1f s" % spent


def assert_gone(client, seconds=5.0):
    """The server closes this connection; answers what it said."""
    client.socket.settimeout(seconds)
    try:
        return client.rest()
    except TimeoutError:
        raise AssertionError("the connection is not closed within %g s" % seconds) from None


def sqlstates(messages):
    return [one.fields()["C"] for one in messages if one.kind == "E"]


def vanish(client):
    """Ends with a reset, as a machine does that was switched off and on."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()


# --- coming in -------------------------------------------------------------------------------------------------------


def test_slow_startup():
    """Clients that send a byte now and then are cut off when their time is over, however long they keep on."""
    with Server({"timeouts.connection": "600ms"}) as server:
        bytes_ = raw.startup()
        slow = [raw.Client(server.port, start=False) for _ in range(40)]
        begun, open_ = time.monotonic(), list(slow)
        for at in range(len(bytes_) - 1):
            for client in list(open_):
                try:
                    client.send(bytes_[at:at + 1])
                except ConnectionError:
                    open_.remove(client)
            if not open_:
                break
            assert_serves(server.port)
            time.sleep(0.1)
        assert not open_, "%d of 40 are still there after %.1f s" % (len(open_), time.monotonic() - begun)
        for client in slow:
            client.socket.close()


def test_silent_clients():
    with Server({"timeouts.connection": "500ms"}) as server:
        silent = [raw.Client(server.port, start=False) for _ in range(40)]
        for client in silent:
            assert assert_gone(client) == []
            client.socket.close()
        assert_serves(server.port)


def test_half_open():
    """A client that closes its side is let go; one that is reset in its transaction is rolled back."""
    with Server() as server:
        with raw.Client(server.port) as other:
            other.rows("CREATE TABLE t (id int PRIMARY KEY)")
            before = server.descriptors()
            with raw.Client(server.port) as client:
                client.socket.shutdown(socket.SHUT_WR)
                assert_gone(client)
            for i in range(30):
                client = raw.Client(server.port)
                client.rows("BEGIN")
                client.rows("INSERT INTO t VALUES (%d)" % i)
                vanish(client)
            client = raw.Client(server.port)
            client.send(raw.query("SELECT g FROM generate_series(1, 1000000) g"))
            vanish(client)
            client = raw.Client(server.port)
            client.send(raw.query("COPY t FROM STDIN"), raw.message("d", b"77\n"))
            vanish(client)
            until(lambda: server.descriptors() <= before, 5, "descriptors of clients that are gone are closed")
            assert other.rows("SELECT count(*) FROM t") == [["0"]]
            other.rows("INSERT INTO t VALUES (1), (77)")


def test_gone_while_a_statement_runs():
    """What runs for a client that is gone is ended, however it has gone; who reads after closing its side is answered."""
    directory = tempfile.mkdtemp(prefix="kimberlite-gone-")
    try:
        with Server(options=["--unix-socket", directory]) as server:
            with raw.Client(server.port) as other:
                other.rows("CREATE TABLE t (id int PRIMARY KEY)")
                other.rows("INSERT INTO t VALUES (1)")

                def running():
                    return int(other.rows("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'")[0][0]) - 1

                def leave(client, query, how):
                    client.send(query)
                    until(lambda: running() == 1, 5, "the statement runs")
                    how(client)
                    until(lambda: running() == 0, 8, "the statement of a client that is gone ends")

                sleep = raw.query("SELECT pg_sleep(60)")
                leave(raw.Client(server.port), sleep, vanish)
                leave(raw.Client(server.port), sleep, lambda client: client.socket.close())
                leave(raw.Client("%s/.s.PGSQL.%d" % (directory, server.port)), sleep, lambda client: client.socket.close())
                other.rows("BEGIN")
                other.rows("UPDATE t SET id = 2")
                leave(raw.Client(server.port), raw.query("UPDATE t SET id = 3"), lambda client: client.socket.close())
                other.rows("COMMIT")
                client = native.Client(server.port)
                leave(client, client.query_frame("SELECT pg_sleep(60)"), vanish)
                for address in (server.port, "%s/.s.PGSQL.%d" % (directory, server.port)):
                    with raw.Client(address) as client:
                        client.send(raw.query("INSERT INTO t SELECT 10 + count(*) FROM t"), raw.query("SELECT pg_sleep(4), 'done'"), raw.query("SELECT 'next'"))
                        client.socket.shutdown(socket.SHUT_WR)
                        found = client.rest()
                        assert [one.row()[-1] for one in found if one.kind == "D"] == [b"done", b"next"], found
                        assert {one.kind for one in found} <= set("STDCZ"), found
                assert other.rows("SELECT id FROM t") == [["2"], ["11"], ["12"]]
    finally:
        shutil.rmtree(directory)


def test_answered_before_its_end():
    """What a client sent before it closed its side is done and answered."""
    with Server() as server, raw.Client(server.port) as client:
        client.send(raw.query("CREATE TABLE t (a int)"), raw.query("INSERT INTO t VALUES (1)"), raw.query("SELECT * FROM t"))
        client.socket.shutdown(socket.SHUT_WR)
        kinds = "".join(one.kind for one in assert_gone(client))
        assert kinds == "CZCZTDCZ", kinds


def test_wrong_lengths():
    with Server() as server:
        for first in (struct.pack("!I", 0), struct.pack("!I", 4), struct.pack("!II", 7, raw.PROTOCOL_3),
                      struct.pack("!II", 1 << 20, raw.PROTOCOL_3), struct.pack("!II", 0x7fffffff, raw.PROTOCOL_3)):
            with raw.Client(server.port, start=False) as client:
                client.send(first)
                assert set(sqlstates(assert_gone(client))) <= {"08P01"}
        for kind in "QPBDECSdf\0\xff":
            for length in (0, 3, 0x7fffffff, 0x80000000, 0xffffffff):
                with raw.Client(server.port) as client:
                    client.send(kind.encode("latin-1") + struct.pack("!I", length))
                    codes = sqlstates(assert_gone(client))
                    assert codes in ([], ["08P01"], ["54000"]), (kind, length, codes)
        assert_serves(server.port)


def test_great_promises():
    """A length alone costs nothing: a hundred clients that announce a great message and send little of it."""
    with Server() as server:
        assert_serves(server.port)
        before = server.resident_bytes()
        clients = [raw.Client(server.port) for _ in range(100)]
        for client in clients:
            client.send(b"Q" + struct.pack("!I", 15 << 20) + b"SELECT " + b"x" * 20000)
        assert_serves(server.port)
        grown = server.resident_bytes() - before
        assert grown < GROWTH_BYTES_MAX, "%d MiB" % (grown >> 20)
        for client in clients:
            client.socket.close()


def test_long_statement():
    """A statement of some megabytes is a statement."""
    with Server() as server, raw.Client(server.port) as client:
        length = 5 << 20
        assert client.rows("SELECT length('%s')" % ("y" * length)) == [[str(length)]]


def test_connects():
    """Clients that come and go, and a thousand at a time."""
    with Server({"limits.connections": "1010"}) as server:
        begun = time.monotonic()
        for _ in range(1000):
            socket.create_connection(("127.0.0.1", server.port)).close()
        assert_serves(server.port)
        clients = [raw.Client(server.port, start=False) for _ in range(1000)]
        for client in clients:
            client.send(raw.startup(), raw.query("SELECT 1"))
        for client in clients:
            assert client.until("D")[-1].row() == [b"1"]
        spent = time.monotonic() - begun
        more = [raw.Client(server.port, start=False) for _ in range(30)]
        codes = [turned_away(client) for client in more[10:]]
        assert set(codes) == {"53300"}, codes
        for client in clients + more:
            client.socket.close()
        assert spent < (20 if SANITIZED else 6), "%.1f s" % spent
        until(lambda: server.descriptors() < 60, 5, "descriptors are closed")
        assert_serves(server.port)


def turned_away(client):
    """The SQLSTATE of the one message in words that a startup is answered."""
    return client.send(raw.startup()).receive().fields()["C"]


def test_garbage():
    """Bytes of no protocol, and conversations with bytes changed."""
    chance = random.Random(7)
    good = [raw.parse("SELECT $1::int, $2::text"), raw.bind(["1", "x"], results=[1]), raw.describe("P"), raw.execute(), raw.SYNC,
            raw.query("SELECT 1; SELECT 'a'"), raw.parse("SELECT 1", "s"), raw.close("S", "s"), raw.FLUSH,
            raw.query("COPY (SELECT 1) TO STDOUT"), raw.query("BEGIN"), raw.query("COMMIT"), raw.message("d", b"x"), raw.message("c")]
    with Server({"timeouts.connection": "1s"}) as server:
        for _ in range(60):
            with raw.Client(server.port, start=False) as client:
                try:
                    client.send(chance.randbytes(chance.randrange(1, 200)))
                    client.socket.shutdown(socket.SHUT_WR)
                    assert_gone(client)
                except OSError:
                    pass
        for _ in range(200):
            stream = bytearray(b"".join(chance.choices(good, k=chance.randrange(1, 8))))
            for _ in range(chance.randrange(1, 4)):
                stream[chance.randrange(len(stream))] = chance.randrange(256)
            with raw.Client(server.port) as client:
                try:
                    client.send(bytes(stream))
                    client.socket.shutdown(socket.SHUT_WR)
                    assert_gone(client)
                except ConnectionError:
                    pass
        assert_serves(server.port)


def test_out_of_order():
    """Messages that are right by themselves, in a wrong order, twice, within a COPY, or from before the login: each
    conversation goes on or ends with its error, and none waits for ever."""
    chance = random.Random(11)
    good = [raw.parse("INSERT INTO kept VALUES ($1::int)", "s"), raw.bind(["1"], "s"), raw.bind(["2"], "s", "p"), raw.execute(),
            raw.execute("p", 1), raw.describe("S", "s"), raw.close("P", "p"), raw.close("S", "s"), raw.SYNC, raw.FLUSH,
            raw.query("BEGIN"), raw.query("ROLLBACK"), raw.query("SELECT 1; SELECT 2"), raw.query("COPY kept FROM STDIN"),
            raw.message("d", b"3\n"), raw.message("f", b"no\0"), raw.message("p", b"secret\0"), raw.startup()]
    with Server() as server:
        with raw.Client(server.port) as client:
            client.rows("CREATE TABLE kept (a int)")
        ended = went_on = 0
        for _ in range(300):
            sent = chance.choices(good, k=chance.randrange(2, 12))
            with raw.Client(server.port) as client:
                try:
                    client.send(raw.query("BEGIN"), *sent, raw.message("c"), raw.SYNC, raw.query("ROLLBACK"),
                                raw.query("SELECT 'still'"))
                    while True:
                        one = client.receive()
                        if one.kind == "D" and one.row() == [b"still"]:
                            went_on += 1
                            break
                        assert one.kind != "E" or one.fields()["C"] != "XX000", (sent, one.fields())
                except (raw.Closed, ConnectionError):
                    ended += 1
        assert went_on > 100 and ended > 20, (went_on, ended)
        assert_serves(server.port)


def test_other_protocols():
    with Server() as server:
        for text in (b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100,
                     b"*1\r\n$4\r\nPING\r\n"):
            with raw.Client(server.port, start=False) as client:
                client.send(text)
                client.socket.settimeout(5)
                said = b""
                try:
                    while data := client.socket.recv(1000):
                        said += data
                except ConnectionError:
                    pass
                assert not text.startswith(b"GET") or said.startswith(b"HTTP/1.1 400"), said
        assert_serves(server.port)


# --- TLS -------------------------------------------------------------------------------------------------------------


def make_certificate(directory):
    cert, key = os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                    "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    os.chmod(key, 0o600)
    return cert, key


class TlsServer(Server):
    def __init__(self, settings=None):
        self.secrets = tempfile.mkdtemp(prefix="kimberlite-tls-")
        self.certificate, key = make_certificate(self.secrets)
        super().__init__(settings, ["--tls-cert", self.certificate, "--tls-key", key])

    def close(self):
        super().close()
        shutil.rmtree(self.secrets, ignore_errors=True)

    def context(self):
        return ssl.create_default_context(cafile=self.certificate)


def ask_tls(client):
    client.send(struct.pack("!II", 8, raw.TLS))
    return client.exactly(1)


def over_tls(server, context):
    client = raw.Client(server.port, start=False)
    assert ask_tls(client) == b"S"
    client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
    client.send(raw.startup())
    key = next(one.body for one in client.until("Z") if one.kind == "K")
    client.process, client.key = struct.unpack_from("!I", key)[0], key[4:]
    return client


def test_tls():
    with TlsServer() as server:
        with over_tls(server, server.context()) as client:
            assert client.rows("SELECT 7") == [["7"]]
            assert len(client.rows("SELECT repeat('x', 1000) FROM generate_series(1, 3000)")) == 3000
            client.send(raw.query("SELECT 1"), raw.query("SELECT 2"))
            assert len(client.until("Z") + client.until("Z")) == 8
        old = server.context()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            over_tls(server, old).socket.close()
            raise AssertionError("TLS 1.2 was spoken")
        except (ssl.SSLError, ConnectionError):
            pass
        assert_serves(server.port)


def test_turned_away_in_words():
    """Whoever there is no room for hears so where a client listens: behind TLS, in answer to its startup message; and such clients do not pile up."""
    with TlsServer({"limits.connections": "1"}) as server, over_tls(server, server.context()) as inside:
        for words in ("sslmode=verify-full sslrootcert=%s" % server.certificate, "sslmode=prefer", "sslmode=disable"):
            ran = subprocess.run(["psql", "-XqAt", "host=localhost hostaddr=127.0.0.1 port=%d user=kimberlite %s" % (server.port, words), "-c", "SELECT 1"],
                                 capture_output=True, text=True, timeout=30, check=False)
            assert ran.returncode == 2 and "FATAL:  sorry, too many clients already" in ran.stderr, (words, ran)
        client = raw.Client(server.port, start=False)
        assert ask_tls(client) == b"S"
        client.socket = server.context().wrap_socket(client.socket, server_hostname="localhost")
        client.send(raw.startup())
        assert sqlstates(assert_gone(client)) == ["53300"]
        with native.Client(server.port) as other:  # in words of PostgreSQL, which is all that there is
            other.send(other.query_frame("SELECT 1"))
            assert b"C53300" in other.socket.recv(1000)
        inside.send(raw.query("SELECT pg_sleep(60)"))
        raw.cancel(server.port, inside.process, inside.key)
        assert sqlstates(inside.until("Z")) == ["57014"]
        before = server.descriptors()
        silent = [raw.Client(server.port, start=False) for _ in range(150)]
        until(lambda: server.descriptors() <= before + 64, 5, "not all of them are kept")
        assert sqlstates(assert_gone(silent[-1])) == ["53300"]
        until(lambda: server.descriptors() <= before, 10, "none of them is kept for long")
        for client in silent:
            client.socket.close()


def test_tls_gone_while_a_statement_runs():
    with TlsServer() as server, over_tls(server, server.context()) as other:
        client = over_tls(server, server.context())
        client.send(raw.query("SELECT pg_sleep(60)"))
        active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
        until(lambda: other.rows(active) == [["2"]], 5, "the statement runs")
        client.socket.close()
        until(lambda: other.rows(active) == [["1"]], 8, "the statement of a client that is gone ends")


def test_tls_garbage():
    """In the place of a handshake, within one, behind one; bytes sent ahead of it are not taken as words in clear."""
    chance = random.Random(5)
    with TlsServer({"timeouts.connection": "1s"}) as server:
        for _ in range(30):
            with raw.Client(server.port, start=False) as client:
                assert ask_tls(client) == b"S"
                try:
                    client.send(chance.choice([b"", b"\x16\x03\x01", b"\x16\x03\x01\x01\x00"]) + chance.randbytes(300))
                    client.socket.shutdown(socket.SHUT_WR)
                    client.socket.settimeout(5)
                    while client.socket.recv(1000):
                        pass
                except OSError:
                    pass
        with raw.Client(server.port, start=False) as client:
            client.send(struct.pack("!II", 8, raw.TLS) + raw.startup() + raw.query("SELECT 1"))
            client.socket.settimeout(5)
            said = b""
            try:
                while data := client.socket.recv(1000):
                    said += data
            except ConnectionError:
                pass
            assert b"Z\0\0\0\5" not in said and not said[1:].startswith(b"R"), said
        client = over_tls(server, server.context())
        plain = socket.socket(fileno=os.dup(client.socket.fileno()))
        plain.sendall(b"\x17\x03\x03\x00\x20" + chance.randbytes(32))
        plain.close()
        client.socket.settimeout(5)
        try:
            assert client.rest() == []
        except ssl.SSLError:
            pass
        client.socket.close()
        with raw.Client(server.port, start=False) as client:  # twice: the second is no startup within TLS
            assert ask_tls(client) == b"S"
            client.socket = server.context().wrap_socket(client.socket, server_hostname="localhost")
            assert ask_tls(client) == b"N"
        slow = [raw.Client(server.port, start=False) for _ in range(20)]
        for client in slow:
            assert ask_tls(client) == b"S"
        for client in slow:
            assert assert_gone(client) == []
            client.socket.close()
        assert_serves(server.port)


def test_no_tls():
    with Server() as server, raw.Client(server.port, start=False) as client:
        assert ask_tls(client) == b"N"
        client.send(struct.pack("!II", 8, raw.GSS))
        assert client.exactly(1) == b"N"
        client.send(raw.startup())
        client.until("Z")
        assert client.rows("SELECT 1") == [["1"]]


# --- not reading, not sending ----------------------------------------------------------------------------------------


def test_never_reads():
    """Clients that ask for a gigabyte and take nothing: memory stays, others are served."""
    with Server({"timeouts.write": "0"}) as server:
        assert_serves(server.port)
        before = server.resident_bytes()
        clients = [raw.Client(server.port) for _ in range(16)]
        for client in clients:
            client.send(raw.query("SELECT g, repeat('x', 1000) FROM generate_series(1, 1000000) g"))
        for _ in range(10):
            assert_serves(server.port)
            time.sleep(0.05)
        grown = server.resident_bytes() - before
        assert grown < GROWTH_BYTES_MAX, "%d MiB" % (grown >> 20)
        for client in clients:
            vanish(client)
        assert_serves(server.port)


def test_never_reads_pipelined():
    """One who sends and never takes an answer is not read any more."""
    with Server({"timeouts.write": "0"}) as server, raw.Client(server.port) as client:
        before = server.resident_bytes()
        client.socket.settimeout(1)
        sent, chunk = 0, raw.query("SELECT repeat('x', 10000)") * 100
        try:
            while sent < 256 << 20:
                sent += client.socket.send(chunk)
            raise AssertionError("%d MiB were taken" % (sent >> 20))
        except TimeoutError:
            pass
        assert server.resident_bytes() - before < GROWTH_BYTES_MAX
        assert_serves(server.port)


def ask_together(port, clients):
    """Asks something of all at once, again and again, in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            asking = [raw.Client(port) for _ in range(clients)]
            while True:
                for client in asking:
                    client.send(raw.query("SELECT 1"))
                for client in asking:
                    client.until("Z")
        finally:
            os._exit(0)
    return child


def ask_until_stuck(client, watch):
    """Asks for answers of 20 kB and takes none until the socket takes no more of them; how many those are."""
    def sent():
        return int(watch.rows("SELECT bytes_sent FROM kimberlite_stat_connections WHERE pid = %d" % client.process)[0][0])

    asked, before, now = 0, 0, 20000
    while now >= before + 20000:
        before, end = sent(), time.monotonic() + 0.3
        client.send(raw.query("SELECT repeat('x', 20000)"))
        asked, now = asked + 1, before
        while now < before + 20000 and time.monotonic() < end:
            now = sent()
    return asked


def test_reads_late():
    """Who takes its answers late is given the last of them, too, while others are answered together."""
    with Server() as server, raw.Client(server.port) as watch:
        child = ask_together(server.port, 16)
        try:
            for _ in range(6):
                with raw.Client(server.port) as client:
                    for _ in range(ask_until_stuck(client, watch)):
                        client.until("Z")
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_write_timeout():
    """Who takes nothing for timeouts.write is cut off."""
    with Server({"timeouts.write": "500ms"}) as server:
        before = server.descriptors()
        with raw.Client(server.port) as client:
            client.send(raw.query("SELECT g, repeat('x', 1000) FROM generate_series(1, 1000000) g"))
            until(lambda: server.descriptors() <= before, 5, "the client is cut off")


def test_stalled_copies():
    """More COPYs that wait for their clients than the server has threads: others are served all the same."""
    with Server({"timeouts.write": "0", "server.threads": "64"}) as server:
        with raw.Client(server.port) as client:
            client.rows("CREATE TABLE t (id int)")
        stalled = [raw.Client(server.port) for _ in range(80)]
        for client in stalled:
            client.send(raw.query("COPY t FROM STDIN"))
        assert all(client.receive().kind == "G" for client in stalled)
        for client in stalled[:20]:
            client.send(raw.message("d", b"1\n"))
        assert_serves(server.port, 4)
        outs = [raw.Client(server.port) for _ in range(20)]
        for client in outs:
            client.send(raw.query("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000)) TO STDOUT"))
        assert_serves(server.port, 4)
        for client in stalled + outs:
            client.socket.close()
        until(lambda: server.threads() < 70, 10, "the threads that they had are gone")


def test_waits():
    """More sessions that wait for a lock than the server has threads: others are served, who waits can be cancelled."""
    with Server({"server.threads": "8"}) as server:
        with raw.Client(server.port) as holder:
            holder.rows("SELECT pg_advisory_lock(1)")
            waiting = [raw.Client(server.port) for _ in range(12)]
            for client in waiting:
                client.send(raw.query("SELECT pg_advisory_lock(1)"))
            assert_serves(server.port, 4)
            assert not select.select([c.socket for c in waiting], [], [], 0.5)[0]
            raw.cancel(server.port, waiting[0].process, waiting[0].key)
            assert "57014" in repr(waiting[0].receive())
            assert holder.rows("SELECT pg_terminate_backend(%d)" % waiting[1].process) == [["t"]]
            until(lambda: "57P01" in "".join(map(repr, waiting[1].rest())), 5, "the session is ended")
            holder.rows("SELECT pg_advisory_unlock(1)")
            got = waiting[2:]
            until(lambda: select.select([c.socket for c in got], [], [], 1)[0], 5, "somebody gets the lock")
        for client in waiting:
            client.socket.close()


def test_sleepers():
    """Two hundred sessions sleep, some of them within a write: another is served as if they were not there."""
    with Server({"server.threads": "4"}) as server:
        with raw.Client(server.port) as client:
            client.rows("CREATE TABLE t (id int)")
        sleepers = [raw.Client(server.port) for _ in range(200)]
        for at, client in enumerate(sleepers):
            client.send(raw.query("INSERT INTO t SELECT %d WHERE pg_sleep(3) IS NOT NULL" % at if at < 20 else "SELECT pg_sleep(3)"))
        slept = time.monotonic()
        with raw.Client(server.port) as client:
            until(lambda: client.rows("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") == [["201"]], 2, "all sleep")
            for at in range(20):
                begun = time.monotonic()
                assert client.rows("SELECT 1 + 1") == [["2"]]
                assert client.rows("INSERT INTO t VALUES (-1) RETURNING id") == [["-1"]]
                spent = time.monotonic() - begun
                assert spent < (0.5 if SANITIZED else 0.1), "an insert took %.0f ms" % (spent * 1000)
            assert_serves(server.port, 0.5)
            raw.cancel(server.port, sleepers[0].process, sleepers[0].key)
            assert "57014" in repr(sleepers[0].receive())
            for sleeper in sleepers[1:]:
                assert "E" not in [one.kind for one in sleeper.until("Z")]
            assert 2.5 < time.monotonic() - slept < 10
            assert client.rows("SELECT count(*) FROM t WHERE id >= 0") == [["19"]]
            until(lambda: server.threads() < 12, 10, "the threads that they had are gone")
        for sleeper in sleepers:
            sleeper.socket.close()


def test_busy():
    """More sessions than threads compute for long, all of a sudden: the next one is served all the same."""
    with Server({"server.threads": "2"}) as server:
        busy = [raw.Client(server.port) for _ in range(4)]
        for client in busy:
            client.send(raw.query(LONG_QUERY))
        assert_serves(server.port, 4)
        for client in busy:
            raw.cancel(server.port, client.process, client.key)
            assert "57014" in repr(client.until("E")[-1])
            client.socket.close()


def test_lock_table():
    """LOCK TABLE as a mutex: who waited sees what was written under the lock and is not refused; who writes without it is."""
    with Server() as server, raw.Client(server.port) as a, raw.Client(server.port) as b, raw.Client(server.port) as c:
        a.rows("CREATE TABLE t (id int PRIMARY KEY, n int)")
        a.rows("INSERT INTO t VALUES (1, 0)")
        for first, second in ((a, b), (b, a)):
            first.rows("BEGIN")
            first.rows("LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE")
            first.rows("UPDATE t SET n = n + 1 WHERE id = 1")
            second.rows("BEGIN")
            second.send(raw.query("LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE"))
            assert second.is_silent(0.2), "the lock is held by another"
            assert c.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted") == [["1"]]
            assert c.rows("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE; SELECT count(*) FROM t; COMMIT") == [["1"]]
            c.rows("BEGIN")
            assert c.sqlstate("LOCK TABLE t IN ROW EXCLUSIVE MODE NOWAIT") == "55P03"
            c.rows("ROLLBACK")
            first.rows("COMMIT")
            assert not sqlstates(second.until("Z"))
            second.rows("UPDATE t SET n = n + 1 WHERE id = 1")
            second.rows("COMMIT")
        assert c.rows("SELECT n FROM t") == [["4"]]
        a.rows("BEGIN")
        a.rows("LOCK TABLE t IN SHARE MODE")
        a.rows("INSERT INTO t SELECT 2, n FROM t WHERE id = 1")
        c.rows("UPDATE t SET n = 50 WHERE id = 1")  # it does not wait; but what a relied on is gone
        assert a.sqlstate("COMMIT") == "40001"
        assert c.rows("SELECT * FROM t") == [["1", "50"]]
        c.rows("CREATE TABLE u (id int)")
        a.rows("BEGIN; LOCK TABLE t")
        b.rows("BEGIN; LOCK TABLE u")
        a.send(raw.query("LOCK TABLE u"))
        assert a.is_silent(0.2)
        assert b.sqlstate("LOCK TABLE t") == "40P01"
        b.rows("ROLLBACK")
        assert not sqlstates(a.until("Z"))
        a.rows("ROLLBACK")
        a.rows("BEGIN; SELECT 1; LOCK TABLE t")  # what it reads is not renewed behind its first query
        assert a.rows("SELECT * FROM t") == [["1", "50"]]
        a.rows("COMMIT")


def test_pipeline():
    """Ten thousand statements in one go, with a reader beside the writer; in order, each answered."""
    count = 10000
    with Server() as server, raw.Client(server.port) as client:
        client.send(raw.parse("SELECT $1::int", "s"))
        body = b"".join(raw.bind([str(i)], "s") + raw.execute() for i in range(count)) + raw.SYNC
        sender = threading.Thread(target=client.send, args=(body,))
        sender.start()
        values = [int(one.row()[0]) for one in client.until("Z") if one.kind == "D"]
        sender.join()
        assert values == list(range(count))


# --- ending things ---------------------------------------------------------------------------------------------------


def test_cancel():
    with Server() as server, raw.Client(server.port) as client:
        client.send(raw.query(LONG_QUERY))
        wrong = bytes([client.key[0] ^ 1]) + client.key[1:]
        raw.cancel(server.port, client.process, wrong)
        raw.cancel(server.port, client.process + 1, client.key)
        raw.cancel(server.port, client.process, client.key[:2] + b"\0\0")
        assert client.is_silent(0.5), "a wrong key has cancelled"
        raw.cancel(server.port, client.process, client.key)
        begun = time.monotonic()
        assert sqlstates(client.until("Z")) == ["57014"]
        assert time.monotonic() - begun < ANSWER_SECONDS_MAX
        assert client.rows("SELECT 1") == [["1"]]
        raw.cancel(server.port, client.process, client.key)  # nothing runs: nothing happens to what comes next
        time.sleep(0.1)
        assert client.rows("SELECT 2") == [["2"]]
        client.rows("BEGIN")
        client.send(raw.parse(LONG_QUERY), raw.bind(), raw.execute(), raw.SYNC)
        time.sleep(0.2)
        raw.cancel(server.port, client.process, client.key)
        answer = client.until("Z")
        assert sqlstates(answer) == ["57014"] and answer[-1].body == b"E"
        client.rows("ROLLBACK")
        client.rows("CREATE TABLE t (id int)")
        client.send(raw.query("COPY t FROM STDIN"), raw.message("d", b"1\n"))
        time.sleep(0.2)
        raw.cancel(server.port, client.process, client.key)
        client.send(raw.message("d", b"2\n"), raw.message("c"))
        assert sqlstates(client.until("Z")) == ["57014"]
        assert client.rows("SELECT count(*) FROM t") == [["0"]]
        code = "PERFORM %s; INSERT INTO t VALUES (1);" % LONG_QUERY.partition(" ")[2]
        for handler, count in (("", "0"), ("EXCEPTION WHEN others THEN RAISE 'others'; ", "0"), ("EXCEPTION WHEN query_canceled THEN INSERT INTO t VALUES (2);", "1")):
            client.send(raw.query("DO $$BEGIN PERFORM 1; %s %s END$$" % (code, handler)))
            assert client.is_silent(0.2)
            raw.cancel(server.port, client.process, client.key)
            assert sqlstates(client.until("Z")) == (["57014"] if count == "0" else []), handler
            assert client.rows("SELECT count(*) FROM t") == [[count]], handler


def test_cancel_at_once():
    """On a busy machine, where little has begun: what was sent before the cancellation is ended, what comes later is not."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server({"server.threads": "2"}))
        for _ in range(4):
            burner = subprocess.Popen(["sh", "-c", "while :; do :; done"])
            stack.callback(burner.wait)
            stack.callback(burner.kill)
        clients = [raw.Client(server.port) for _ in range(6)]
        plain = [raw.query(LONG_QUERY)]
        extended = [raw.parse(LONG_QUERY), raw.bind(), raw.execute(), raw.SYNC]
        for turn in range(10 if SANITIZED else 40):
            for client in clients:
                client.send(*(extended if turn % 2 else plain))
            for client in clients:
                raw.cancel(server.port, client.process, client.key)
                assert sqlstates(client.until("Z")) == ["57014"]
                raw.cancel(server.port, client.process, client.key)
                assert client.rows("SELECT 1") == [["1"]]
        many = raw.query("SELECT count(*) FROM generate_series(1, 1000) g") * 5
        clients[0].send(raw.query(LONG_QUERY), many)  # of a pipeline the one that runs is meant
        assert clients[0].is_silent(0.2)
        raw.cancel(server.port, clients[0].process, clients[0].key)
        assert sqlstates(clients[0].until("Z")) == ["57014"]
        for _ in range(5):
            assert not sqlstates(clients[0].until("Z"))
        for client in clients:
            client.socket.close()


def test_statement_timeout():
    with Server({"timeouts.statement": "400ms"}) as server, raw.Client(server.port) as client:
        assert client.rows("SHOW statement_timeout") == [["400ms"]]
        begun = time.monotonic()
        assert client.sqlstate(LONG_QUERY) == "57014"
        assert time.monotonic() - begun < ANSWER_SECONDS_MAX
        client.rows("SET statement_timeout = '150ms'")
        begun = time.monotonic()
        assert client.sqlstate(LONG_QUERY) == "57014"
        assert time.monotonic() - begun < ANSWER_SECONDS_MAX
        assert client.rows("SELECT 1") == [["1"]]
    with Server() as server, raw.Client(server.port, options="-c statement_timeout=200") as client:
        client.send(raw.parse(LONG_QUERY), raw.bind(), raw.execute(), raw.SYNC)
        assert sqlstates(client.until("Z")) == ["57014"]


def test_idle_timeouts():
    with Server({"timeouts.idle": "700ms", "timeouts.idle_in_transaction": "400ms"}) as server:
        with raw.Client(server.port) as idle, raw.Client(server.port) as block:
            block.rows("CREATE TABLE t (id int)")
            block.rows("BEGIN")
            block.rows("INSERT INTO t VALUES (1)")
            begun = time.monotonic()
            while block.is_silent(0.1):
                idle.rows("SELECT 1")  # asks now and then: stays
                assert time.monotonic() - begun < 5, "the transaction stays open"
            assert sqlstates(assert_gone(block)) == ["25P03"]
            assert idle.rows("SELECT count(*) FROM t") == [["0"]]
            assert sqlstates(assert_gone(idle)) == ["57P05"]


def test_drain():
    """SIGTERM: who is idle is told, an open transaction may end, and is there at the next start."""
    server = Server({"timeouts.drain": "10s"})
    with server:
        with raw.Client(server.port) as idle, raw.Client(server.port) as block:
            block.rows("CREATE TABLE t (id int)")
            block.rows("BEGIN")
            block.rows("INSERT INTO t VALUES (1)")
            server.process.send_signal(signal.SIGTERM)
            assert sqlstates(assert_gone(idle)) == ["57P01"]
            time.sleep(0.2)
            try:
                raw.Client(server.port)
                raise AssertionError("a client came in while the server was stopping")
            except (OSError, raw.Closed):
                pass
            block.rows("INSERT INTO t VALUES (2)")
            answer = block.ask("COMMIT")
            assert [one.kind for one in answer] == ["C", "Z"]
            assert sqlstates(assert_gone(block)) == ["57P01"]
        server.wait(5)
        server.start()
        with raw.Client(server.port) as client:
            assert client.rows("SELECT count(*) FROM t") == [["2"]]


def test_drain_is_over():
    """Who does not end in time is ended: a transaction, a long query, a COPY, a client that does not read."""
    server = Server({"timeouts.drain": "500ms"})
    with server:
        clients = [raw.Client(server.port) for _ in range(4)]
        clients[0].rows("CREATE TABLE t (id int)")
        clients[0].rows("BEGIN")
        clients[0].rows("INSERT INTO t VALUES (1)")
        clients[1].send(raw.query(LONG_QUERY))
        clients[2].send(raw.query("COPY t FROM STDIN"), raw.message("d", b"1\n"))
        clients[3].send(raw.query("SELECT g, repeat('x', 1000) FROM generate_series(1, 1000000) g"))
        time.sleep(0.3)
        begun = time.monotonic()
        server.stop(10)
        assert time.monotonic() - begun < (8 if SANITIZED else 4), "%.1f s" % (time.monotonic() - begun)
        for client in clients:
            client.socket.close()
        server.start()
        with raw.Client(server.port) as client:
            assert client.rows("SELECT count(*) FROM t") == [["0"]]


def test_kill():
    """kill -9 under inserts: every row that was acknowledged is there afterwards, and none twice."""
    server = Server()
    with server:
        with raw.Client(server.port) as client:
            client.rows("CREATE TABLE t (id int PRIMARY KEY)")
        acknowledged, sent = set(), set()
        for turn in range(3):
            threads = [threading.Thread(target=insert_until_killed, args=(server.port, turn * 10 + i, acknowledged, sent)) for i in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(0.6)
            server.kill()
            for thread in threads:
                thread.join()
            server.start()
            with raw.Client(server.port) as client:
                found = {int(row[0]) for row in client.rows("SELECT id FROM t")}
            assert acknowledged <= found, "lost: %s" % sorted(acknowledged - found)[:10]
            assert found <= sent, "made up: %s" % sorted(found - sent)[:10]
        assert len(acknowledged) > 100, len(acknowledged)


def insert_until_killed(port, number, acknowledged, sent):
    try:
        with raw.Client(port) as client:
            for i in range(100000):
                row = number * 100000 + i
                sent.add(row)
                if number % 2:
                    answer = client.send(raw.parse("INSERT INTO t VALUES ($1)"), raw.bind([str(row)]), raw.execute(), raw.SYNC).until("Z")
                else:
                    answer = client.ask("INSERT INTO t VALUES (%d)" % row)
                assert not sqlstates(answer), answer
                acknowledged.add(row)
    except (raw.Closed, OSError):
        pass


def test_cache_bounded():
    """storage.cache holds, of a directory that no project names, too: a table of many times its size is read through it."""
    with Server({"storage.cache": "4MB"}) as server, raw.Client(server.port) as client:
        client.rows("CREATE TABLE t (id int PRIMARY KEY, filler text)")
        for part in range(4):
            client.rows("INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(%d, %d) g" % (part * 10000, part * 10000 + 9999))
        server.stop()
        server.start()
        with raw.Client(server.port) as again:
            before = server.resident_bytes()
            for _ in range(3):
                assert again.rows("SELECT count(*) FROM t WHERE filler LIKE '%y'") == [["0"]]
            grown = server.resident_bytes() - before
            assert grown < (96 if SANITIZED else 24) << 20, "%d MiB" % (grown >> 20)


# --- no room ---------------------------------------------------------------------------------------------------------


class SmallDisk:
    """A file system of some megabytes."""

    def __init__(self, megabytes):
        self.path = tempfile.mkdtemp(prefix="kimberlite-disk-")
        run = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % megabytes, "tmpfs", self.path], capture_output=True)
        if run.returncode != 0:
            os.rmdir(self.path)
            raise checks.Skip("no file system of one's own can be mounted here")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=True)
        os.rmdir(self.path)


def test_full_disk():
    """Writes are refused with 53100 while reads go on; with room again, writes go on without a restart."""
    with SmallDisk(160) as disk, Server(data=os.path.join(disk.path, "data")) as server, raw.Client(server.port) as client:
        client.rows("CREATE TABLE t (id int PRIMARY KEY, filler text)")
        client.rows("INSERT INTO t VALUES (0, 'first')")
        ballast = os.path.join(disk.path, "ballast")
        acknowledged = fill(client, disk, ballast)
        for _ in range(3):
            assert client.rows("SELECT filler FROM t WHERE id = 0") == [["first"]]
            assert client.rows("SELECT count(*) FROM t") == [[str(acknowledged)]]
            assert_serves(server.port)
        os.unlink(ballast)
        until(lambda: not client.sqlstate("INSERT INTO t VALUES (-1, 'again')"), 10, "writes go on when there is room")
        assert client.rows("SELECT count(*) FROM t") == [[str(acknowledged + 1)]]
        server.stop()
        server.start()
        with raw.Client(server.port) as again:
            assert again.rows("SELECT count(*) FROM t") == [[str(acknowledged + 1)]]


def fill(client, disk, ballast):
    """Fills the disk beside the database, then writes until it is refused; answers how many rows there are."""
    with open(ballast, "wb") as file:
        try:
            while True:
                file.write(b"\0" * (1 << 18))
                file.flush()
        except OSError:
            pass
    rows = 1
    for i in range(1, 3000):
        state = client.sqlstate("INSERT INTO t VALUES (%d, repeat(md5('%d'), 4000))" % (i, i))
        if state:
            assert state == "53100", state
            return rows
        rows += 1
    raise AssertionError("%d rows were taken by a full disk" % rows)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    checks.main(globals())
