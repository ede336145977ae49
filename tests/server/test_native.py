#!/usr/bin/env python3
"""The native protocol over sockets: every published frame, broken ones, pipelines, subscribers, crashes.

    tests/server/test_native.py [WORD...]     BUILD: the build directory
"""
import json
import re
import subprocess
import threading
import time
from pathlib import Path

import checks
import native
import raw
from serve import PROGRAM, Server

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "wire"
SANITIZED = "asan" in PROGRAM
GROWTH_BYTES_MAX = (320 if SANITIZED else 96) << 20  # a sanitizer keeps freed memory for a while


def golden(name):
    lines = []
    for folder in ("v0.9.1", "appended"):
        lines += [json.loads(line) for line in (GOLDEN / folder / name).read_text(encoding="utf-8").splitlines()]
    return lines


def auto(**settings):
    return {"tenants.mode": "auto-create"} | settings


def serves(port):
    with native.Client(port) as client:
        assert client.query("SELECT 1 + 1") == [[2]]


def test_published_frames():
    """Each request that the published codec can write, all in one go: one answer each, in their order. Data of a COPY that
    nobody runs has none."""
    lines = golden("requests.jsonl")
    with Server(auto()) as server:
        with native.Client(server.port) as client:
            threading.Thread(target=client.send, args=(bytes.fromhex("".join(line["frame_hex"] for line in lines)),)).start()
            for line in lines:
                if line["variant"] in ("CopyData", "CopyEnd"):
                    continue
                message = client.next()
                while message is not None and message.direction == native.PUSH:
                    message = client.next()
                assert message is not None, line["name"]
                assert message.request == line["request_id"], line["name"]
                if line["tenant_id"] >= 1 << 32:
                    assert message.variant in (0, 64) and message.reader.u() == 2, line["name"]
        serves(server.port)


def test_broken_frames():
    """Each input that is broken: the connection ends, or waits for more; a good request before it is answered."""
    lines = golden("bad-frames.jsonl")
    with Server(auto()) as server:
        for line in lines:
            with native.Client(server.port, seconds=5) as client:
                client.send(client.request(22) + bytes.fromhex(line["input_hex"]))
                assert client.next().variant == 22, line["name"]
                if line["result"] == "error" and "added after 0.8.0" not in str(line.get("note")):
                    try:
                        assert client.next() is None, line["name"]
                    except ConnectionError:
                        pass  # what the server did not read any more
        serves(server.port)


def test_one_byte_at_a_time():
    with Server() as server, native.Client(server.port) as client:
        for byte in client.query_frame("SELECT $1::int + 1", 41):
            client.send(bytes([byte]))
        assert client.next().rows()[1] == [[42]]


def test_pipelines_of_many():
    """Clients that append at once, each a pipeline to a stream of its own: all is there, in order."""
    count, clients = 500, 6
    with Server(auto()) as server:
        failures = []

        def work(tenant):
            try:
                with native.Client(server.port, tenant) as client:
                    stream = client.create_stream("s")
                    events = [b"%d of %d" % (at, tenant) for at in range(count)]
                    client.send(b"".join(client.append_frame(stream, [one], at) for at, one in enumerate(events)))
                    for at in range(count):
                        message = client.next()
                        assert message.variant == 3 and message.reader.u() == at
                    assert client.read(stream) == events
            except Exception as failure:  # told by the thread that waits
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(10 + number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures


def test_idle_subscriber():
    """Hears of an event as soon as it is durable, one a push, and is not cut off for being silent."""
    with Server({"timeouts.idle": "500ms"}) as server:
        with native.Client(server.port) as subscriber, native.Client(server.port) as writer:
            stream = writer.create_stream("s")
            subscription = subscriber.subscribe(stream, 0, 100)
            for at in range(3):
                time.sleep(0.4)
                begun = time.monotonic()
                writer.send(writer.append_frame(stream, [b"event %d" % at], at))
                push = subscriber.next()
                assert time.monotonic() - begun < 2
                assert (push.direction, push.variant) == (native.PUSH, 0)
                assert (push.reader.u(), push.reader.u(), push.reader.u()) == (subscription, at, 1)
                assert push.reader.bytes() == b"event %d" % at
                assert writer.next().variant == 3


def test_shutdown_tells_subscribers():
    with Server() as server, native.Client(server.port) as client:
        stream = client.create_stream("s")
        subscription = client.subscribe(stream, 0, 1)
        server.stop()
        push = client.next()
        assert (push.direction, push.variant) == (native.PUSH, 1)
        assert (push.reader.u(), push.reader.u()) == (subscription, 1)
        assert client.next() is None


def test_reader_that_does_not_read():
    """Asks for much and takes nothing: it costs little, and others are served."""
    with Server() as server:
        with native.Client(server.port) as client:
            stream = client.create_stream("s")
            for at in range(16):
                client.send(client.append_frame(stream, [b"x" * (1 << 20)], at))
                assert client.next().variant == 3
        before = server.resident_bytes()
        idle = [native.Client(server.port) for _ in range(8)]
        for client in idle:
            client.send(client.request(7, native.u(stream) + native.u(0) + native.u(1 << 20) + b"\0"))
            for _ in range(20):
                client.send(client.request(5, native.u(stream) + native.u(0) + native.u(8 << 20)))
        for _ in range(20):
            serves(server.port)
            time.sleep(0.05)
        grown = server.resident_bytes() - before
        assert grown < 8 * (9 << 20) + GROWTH_BYTES_MAX, "%d MiB more" % (grown >> 20)  # an answer for each of them
        for client in idle:
            client.socket.close()
        serves(server.port)


def test_sleepers():
    """Sessions that sleep, more than there are threads: another is served as if they were not there."""
    with Server({"server.threads": "4"}) as server:
        sleepers = [native.Client(server.port) for _ in range(30)]
        for client in sleepers:
            client.send(client.query_frame("SELECT pg_sleep(1)"))
        with native.Client(server.port) as client:
            for _ in range(10):
                begun = time.monotonic()
                assert client.query("SELECT 1") == [[1]]
                spent = time.monotonic() - begun
                assert spent < (0.5 if SANITIZED else 0.1), "a query took %.0f ms" % (spent * 1000)
        for client in sleepers:
            message = client.next()
            assert message.variant == 4, message.error()
            client.socket.close()


def keyed(client, key, sql, *parameters):
    """The rows of a statement that is sent with a key, or (code, text) of its error."""
    client.key = key
    client.send(client.query_frame(sql, *parameters))
    client.key = None
    message = client.next()
    return message.rows()[1] if message.variant == 4 else message.error()


def test_keys():
    """The same key again gives the first answer and does nothing, on any connection, after kill -9 too."""
    with Server() as server:
        with native.Client(server.port) as client, native.Client(server.port) as other:
            client.query("CREATE TABLE t (id INT PRIMARY KEY, x TEXT)")
            client.query("INSERT INTO t VALUES (0, 'zero')")
            first = keyed(client, "k1", "INSERT INTO t VALUES ($1, 'one'), (2, 'two')", 1)
            assert first == [[2, 3]], first
            assert client.query("SELECT count(*) FROM t") == [[3]]
            client.query("INSERT INTO t VALUES (9, 'nine')")
            assert keyed(client, "k1", "INSERT INTO t VALUES ($1, 'one'), (2, 'two')", 1) == first
            assert keyed(other, "k1", "INSERT INTO t VALUES ($1, 'one'), (2, 'two')", 1) == first
            code, text = keyed(other, "k1", "INSERT INTO t VALUES ($1, 'one'), (2, 'two')", 3)
            assert code == 2 and "another request" in text, (code, text)
            rows = keyed(client, "k2", "UPDATE t SET x = x || '!' WHERE id < 3 RETURNING id, x")
            assert rows == [[0, "zero!"], [1, "one!"], [2, "two!"]]
            assert keyed(other, "k2", "UPDATE t SET x = x || '!' WHERE id < 3 RETURNING id, x") == rows
            assert client.query("SELECT x FROM t WHERE id = 0") == [["zero!"]]
            # an error is no answer, and neither is what has changed nothing
            assert "duplicate key" in keyed(client, "k3", "INSERT INTO t VALUES (0, 'again')")[1]
            client.query("DELETE FROM t WHERE id = 0")
            assert keyed(client, "k3", "INSERT INTO t VALUES (0, 'again')")[0][0] == 1
            assert keyed(client, "k4", "DELETE FROM t WHERE id = 77")[0][0] == 0
            client.query("INSERT INTO t VALUES (77, '')")
            assert keyed(client, "k4", "DELETE FROM t WHERE id = 77")[0][0] == 1
            # reading and transactions are as ever
            assert keyed(client, "k5", "SELECT count(*) FROM t") == [[4]]
            client.query("BEGIN")
            assert keyed(client, "k6", "INSERT INTO t VALUES (5, '')")[0][0] == 1
            assert keyed(client, "k6", "INSERT INTO t VALUES (6, '')")[0][0] == 1
            client.query("COMMIT")
            long = keyed(client, "k7", "INSERT INTO t SELECT g, 'x' FROM generate_series(1000, 3000) g RETURNING id")
            assert len(long) == 2001
            code, text = keyed(other, "k7", "INSERT INTO t SELECT g, 'x' FROM generate_series(1000, 3000) g RETURNING id")
            assert code == 8 and "was carried out" in text and "position" in text, (code, text)
            for wrong in ("", "k" * 256):
                assert keyed(client, wrong, "DELETE FROM t WHERE id = 9") == (2, "an idempotency key has 1 to 255 bytes"), wrong
            assert client.query("SELECT count(*) FROM t WHERE id = 9") == [[1]]
            stream = client.create_stream("s")
            client.key = "a1"
            client.send(client.append_frame(stream, [b"x", b"y"], 0) + client.append_frame(stream, [b"x", b"y"], 0))
            client.key = None
            for _ in range(2):
                message = client.next()
                assert (message.variant, message.reader.u(), message.reader.u()) == (3, 0, 2)
            assert client.length(stream) == 2
            client.key = "made"
            assert client.create_stream("n") == client.create_stream("n")
            client.key = None
            count = client.query("SELECT count(*) FROM t")
        server.kill()
        server.start()
        with native.Client(server.port) as client:
            assert keyed(client, "k1", "INSERT INTO t VALUES ($1, 'one'), (2, 'two')", 1) == first
            assert keyed(client, "k2", "UPDATE t SET x = x || '!' WHERE id < 3 RETURNING id, x") == rows
            assert client.query("SELECT count(*) FROM t") == count
        server.stop()
        for verb in (["verify"], ["rebuild"]):
            done = subprocess.run([PROGRAM] + verb + ["--data", server.data, "--key", server.key], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        server.start()
        with native.Client(server.port) as client:
            assert keyed(client, "k1", "INSERT INTO t VALUES ($1, 'one'), (2, 'two')", 1) == first


def test_keys_at_once():
    """Many connections send the same request with the same key at the same time: it is carried out once."""
    with Server() as server:
        with native.Client(server.port) as client:
            client.query("CREATE TABLE t (id INT)")
            clients = [native.Client(server.port) for _ in range(16)]
            for round_ in range(20):
                for one in clients:
                    one.key = "round %d" % round_
                    one.send(one.query_frame("INSERT INTO t VALUES ($1)", round_))
                answers = []
                for one in clients:
                    message = one.next()
                    assert message.variant == 4, message.error()
                    answers.append(message.rows()[1])
                assert answers == [[[1, round_ + 1]]] * 16, answers
            assert client.query("SELECT count(*), count(DISTINCT id) FROM t") == [[20, 20]]
            for one in clients:
                one.socket.close()


def test_tenant_deleted():
    """Its sessions end, nobody comes in any more, also after a restart; verify and rebuild agree."""
    with Server(auto()) as server:
        with native.Client(server.port, tenant=7) as client:
            client.query("CREATE TABLE t (id INT)")
        with raw.Client(server.port, database="7") as inside, native.Client(server.port) as admin:
            inside.rows("INSERT INTO t VALUES (1)")
            message = admin.ask(16, native.u(7))
            assert (message.variant, message.reader.u(), message.reader.u()) == (16, 1, 1)
            assert [one.fields()["C"] for one in inside.rest() if one.kind == "E"] == ["57P01"]
            assert admin.ask(16, native.u(7)).reader.u() == 0

        def refused():
            with raw.Client(server.port, start=False) as client, native.Client(server.port, tenant=7) as other:
                client.send(raw.startup(database="7"))
                other.send(other.query_frame("SELECT 1"))
                return [one.fields()["C"] for one in client.rest() if one.kind == "E"], other.next().error()[0]
        assert refused() == (["3D000"], 4)
        server.stop()
        for verb in (["verify"], ["rebuild"]):
            done = subprocess.run([PROGRAM] + verb + ["--data", server.data, "--key", server.key], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        server.start()
        assert refused() == (["3D000"], 4)


def test_crash():
    """Whatever was answered is there after kill -9; offsets, tables and positions go on where they were."""
    with Server(auto()) as server:
        with native.Client(server.port, 7) as client:
            stream = client.create_stream("s")
            client.query("CREATE TABLE t (id INT PRIMARY KEY)")
            insert = [client.query_frame("INSERT INTO t VALUES ($1)", at) for at in range(200)]
            append = [client.append_frame(stream, [b"%d" % at], at) for at in range(200)]
            client.send(b"".join(a + b for a, b in zip(insert, append)))
            answered = 0
            while answered < 150:
                message = client.next()
                assert message.variant in (3, 4), message.error()
                answered += 1
            server.kill()
        server.start()
        with native.Client(server.port, 7) as client:
            rows, length = client.query("SELECT count(*) FROM t")[0][0], client.length(stream)
            assert rows >= 75 and length >= 75 and rows - 1 <= length <= rows + 1, (rows, length)
            assert client.create_stream("s") == stream
            client.send(client.append_frame(stream, [b"next"], length))
            assert client.next().reader.u() == length
            assert client.read(stream)[-1] == b"next"


def test_the_tenant_0():
    """What is of no tenant's data may name the system's own, whoever asks; other tenants stay closed."""
    with Server({"http.listen": ""}) as server:
        server.stop()
        made = subprocess.run([PROGRAM, "apikey", "create", "one", "--role", "user", "-t", "1", "-q", "-o", "csv", "--data", server.data,
                               "--key", server.key], stdout=subprocess.PIPE, check=True)
        key = re.search(r"kmb_[a-z]+_[0-9a-zA-Z]+", made.stdout.decode()).group(0)
        server.options = ["--auth", "apikey"]
        server.start()
        for tenant, allowed in ((0, True), (1, True), (2, False)):
            with native.Client(server.port, tenant) as client:
                assert client.ask(22).error()[0] == 3  # nobody has said who they are
                assert client.ask(0, native.u(5) + b"\1" + native.text(key)).variant == 1
                answer = client.ask(22)
                assert answer.variant != 0 if allowed else answer.error()[0] == 3, tenant
        with native.Client(server.port, 0) as client:
            client.ask(0, native.u(5) + b"\1" + native.text(key))
            assert client.ask(3, native.text("SELECT 1") + native.u(0) + b"\0").error()[0] == 3


def test_both_protocols():
    """One port, one database: what one writes the other reads."""
    with Server() as server:
        with native.Client(server.port) as client, raw.Client(server.port) as other:
            client.query("CREATE TABLE t (id INT)")
            client.query("INSERT INTO t VALUES ($1)", 5)
            assert other.rows("SELECT id FROM t") == [["5"]]


if __name__ == "__main__":
    checks.main(globals())
