#!/usr/bin/env python3
"""Limits of sources and tenants, each on each protocol: refused in its words, the session goes on, the metrics tell.

    tests/server/test_limits.py [WORD...]     BUILD: the build directory
"""
import contextlib
import http.client
import json
import re
import time

import checks
import native
import raw
from serve import Server, until

RATE_LIMITED, REFUSED = 14, 1  # codes of the native protocol: RateLimited; InternalError, for want of memory


@contextlib.contextmanager
def limited(**limits):
    """A server with these limits, and an HTTP port."""
    settings = {"limits." + name: value for name, value in limits.items()}
    with Server(settings | {"http.listen": "127.0.0.1:0"}) as server:
        server.http_port = int(re.search(r"event=http\.listen port=(\d+)", server.log_tail()).group(1))
        yield server


def post(server, sql, **fields):
    """(status, Retry-After, answer) of a statement over HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    connection.request("POST", "/query", json.dumps({"sql": sql} | fields), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, answer.getheader("Retry-After"), body


def refused(server, limit):
    """How often the limit of that name has refused something, as the metrics say."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return int(re.search(r'^kimberlite_limit_refused_total\{limit="%s"\} (\d+)$' % limit, text, re.MULTILINE).group(1))


def error_of(message):
    """Code and text of a native error."""
    assert message.variant == 0, message.variant
    return message.error()


# --- connections -----------------------------------------------------------------------------------------------------


def test_parameters():
    """A statement has 65,535 of them, whatever they are for, and not one more."""
    most = 65535
    numbers = ["$%d" % i for i in range(1, most + 2)]
    values = [str(i) for i in range(1, most + 1)]
    with Server() as server, raw.Client(server.port) as client:
        client.rows("CREATE TABLE t (a int)")
        for head, lists, tag in (("INSERT INTO t VALUES ", ["(%s)" % one for one in numbers], b"INSERT 0 65535\0"),
                                 ("SELECT 1 WHERE 1 IN (", numbers, b"SELECT 1\0")):
            tail = ")" if head.endswith("(") else ""
            answer = client.send(raw.parse(head + ", ".join(lists[:most]) + tail), raw.bind(values), raw.execute(), raw.SYNC).until("Z")
            assert [one.body for one in answer if one.kind == "C"] == [tag], answer
            answer = client.send(raw.parse(head + ", ".join(lists) + tail), raw.SYNC).until("Z")
            assert [(one.fields()["C"], one.fields()["M"]) for one in answer if one.kind == "E"] == \
                [("42P02", "there is no parameter $65536")], answer


def test_connections():
    """Of an address: the next one is turned away, and let in when one has left."""
    for limit in ("connections", "connections_per_source"):
        with limited(**{limit: "2"}) as server:
            with raw.Client(server.port), native.Client(server.port) as other:
                assert other.query("SELECT 1") == [[1]]
                with raw.Client(server.port, start=False) as third:
                    third.send(raw.startup())
                    assert [one.fields()["C"] for one in third.rest() if one.kind == "E"] == ["53300"]
                if limit == "connections_per_source":
                    status, retry, answer = post(server, "SELECT 1")
                    assert (status, retry, answer["error"]["sqlstate"]) == (503, "1", "53300"), answer
            assert refused(server, limit) == (1 if limit == "connections" else 2)

            def let_in():
                try:
                    with raw.Client(server.port) as client:
                        return client.rows("SELECT 1") == [["1"]]
                except raw.Closed:
                    return False
            until(let_in, 5, "the next is let in")


def test_connections_of_tenant():
    """Of a tenant, over all protocols; others come in."""
    with limited(connections_per_tenant="2") as server:
        with raw.Client(server.port) as first, native.Client(server.port) as second, native.Client(server.port) as third:
            first.rows("SELECT 1")
            second.query("SELECT 1")
            with raw.Client(server.port, start=False) as late:
                late.send(raw.startup())
                told = [one.fields() for one in late.rest() if one.kind == "E"]
                assert [(one["C"], one["M"]) for one in told] == [("53300", 'too many connections for database "kimberlite"')]
            third.send(third.query_frame("SELECT 1"))
            assert error_of(third.next())[0] == RATE_LIMITED
            assert post(server, "SELECT 1")[:2] == (503, "1")
            assert refused(server, "connections_per_tenant") == 3
        until(lambda: post(server, "SELECT 1")[0] == 200, 5, "the next is let in")


# --- requests a second -----------------------------------------------------------------------------------------------


def drain(client, sql="SELECT 1"):
    """Asks until it is refused; the error's fields."""
    for _ in range(50):
        for one in client.ask(sql):
            if one.kind == "E":
                return one.fields()
    raise AssertionError("nothing was refused")


def test_requests():
    """Of a source and of a tenant: 53400, code 14, 429 with Retry-After; a second later all goes on."""
    for limit in ("requests_per_source", "requests_per_tenant"):
        with limited(**{limit: "5"}) as server:
            with raw.Client(server.port) as client, native.Client(server.port) as other:
                told = drain(client)
                assert told["C"] == "53400" and "requests a second" in told["M"] and limit in told["H"], told
                other.send(other.query_frame("SELECT 1"))
                code, text = error_of(other.next())[:2]
                assert code == RATE_LIMITED and "more than 5 requests a second" in text, text
                status, retry, answer = post(server, "SELECT 1")
                assert (status, answer["error"]["sqlstate"]) == (429, "53400") and 1 <= int(retry) <= 2, (status, retry)
                assert refused(server, limit) == 3
                time.sleep(1.1)
                assert client.rows("SELECT 1") == [["1"]]
                assert other.query("SELECT 1") == [[1]]
                assert post(server, "SELECT 1")[0] == 200


def test_requests_within():
    """In a pipeline what follows counts for nothing up to Sync; a script is undone; a transaction has failed."""
    with limited(requests_per_tenant="4") as server:
        with raw.Client(server.port) as client:
            client.rows("CREATE TABLE t (id int)")
            time.sleep(1.1)
            assert "53400" in repr(client.ask("; ".join("INSERT INTO t VALUES (%d)" % at for at in range(9))))
            time.sleep(1.1)
            assert client.rows("SELECT count(*) FROM t") == [["0"]]
            time.sleep(1.1)
            one = raw.parse("INSERT INTO t VALUES (1)") + raw.bind() + raw.execute()
            answer = client.send(one * 9, raw.SYNC).until("Z")
            assert [m.fields()["C"] for m in answer if m.kind == "E"] == ["53400"], answer
            time.sleep(1.1)
            assert client.rows("SELECT count(*) FROM t") == [["0"]]
            time.sleep(1.1)
            client.ask("BEGIN")
            assert drain(client, "INSERT INTO t VALUES (2)")["C"] == "53400"
            time.sleep(1.1)
            assert client.sqlstate("SELECT 1") == "25P02"
            client.ask("ROLLBACK")
            assert client.rows("SELECT count(*) FROM t") == [["0"]]


def test_others_have_theirs():
    """What one tenant uses up is not another's."""
    with limited(requests_per_tenant="3") as server:
        with native.Client(server.port) as admin:
            assert admin.ask(14, native.u(7) + b"\1" + native.text("seven")).variant != 0
        with raw.Client(server.port) as client, raw.Client(server.port, database="seven") as other:
            assert drain(client)["C"] == "53400"
            assert other.rows("SELECT 1") == [["1"]]


# --- bytes a second --------------------------------------------------------------------------------------------------


def test_bytes():
    """Messages beyond what is allowed are refused, whole; COPY is slowed down instead."""
    for limit in ("bytes_per_source", "bytes_per_tenant"):
        with limited(**{limit: "20000"}) as server:
            padded = "SELECT 1 -- " + "x" * 12000
            with raw.Client(server.port) as client, native.Client(server.port) as other:
                told = drain(client, padded)
                assert told["C"] == "53400" and "bytes a second" in told["M"] and limit in told["H"], told
                other.send(other.query_frame(padded))
                code, text = error_of(other.next())[:2]
                assert code == RATE_LIMITED and "more than 20000 bytes a second" in text, text
                status, retry, answer = post(server, padded)
                assert (status, answer["error"]["sqlstate"]) == (429, "53400") and retry, answer
                assert refused(server, limit) == 3
                time.sleep(2.1)
                client.rows("CREATE TABLE t (x text)")
                begun = time.monotonic()
                client.send(raw.query("COPY t FROM STDIN")).until("G")
                for _ in range(6):
                    client.send(raw.message("d", b"y" * 9999 + b"\n"))
                answer = client.send(raw.message("c")).until("Z")
                assert "C(COPY 6)" in repr(answer), answer
                assert 1.5 < time.monotonic() - begun < 8
                time.sleep(1.5)
                assert other.query("SELECT count(*) FROM t") == [[6]]


# --- memory ----------------------------------------------------------------------------------------------------------


def test_memory():
    """A statement that needs more than its source or tenant may hold, or all together: 53200, and the session goes on."""
    for limit in ("memory", "memory_per_source", "memory_per_tenant"):
        with limited(**{limit: "4MB"}) as server:
            with raw.Client(server.port) as client, native.Client(server.port) as other:
                sql = "SELECT repeat('x', 8000000)"
                told = next(one.fields() for one in client.ask(sql) if one.kind == "E")
                assert told["C"] == "53200" and "4194304 bytes" in told["M"] and "limits." + limit in told["H"], told
                assert client.rows("SELECT 1") == [["1"]]
                other.send(other.query_frame(sql))
                code, text = error_of(other.next())[:2]
                assert code == REFUSED and "4194304 bytes" in text, (code, text)
                assert other.query("SELECT 1") == [[1]]
                status, retry, answer = post(server, sql)
                assert (status, retry, answer["error"]["sqlstate"]) == (503, "1", "53200"), answer
                assert post(server, "SELECT 1")[0] == 200
                assert refused(server, limit) == 3


def test_large_messages():
    """A message that there is no room for is not kept, and the session goes on behind it."""
    with limited(memory_per_source="2MB") as server:
        large = "SELECT length('" + "x" * 6000000 + "')"
        with raw.Client(server.port) as client, native.Client(server.port) as other:
            before = server.resident_bytes()
            assert client.sqlstate(large) == "53200"
            assert client.rows("SELECT 1") == [["1"]]
            answer = client.send(raw.parse(large), raw.bind(), raw.execute(), raw.SYNC).until("Z")
            assert [one.fields()["C"] for one in answer if one.kind == "E"] == ["53200"]
            client.rows("CREATE TABLE t (x text)")
            client.send(raw.query("COPY t FROM STDIN")).until("G")
            client.send(raw.message("d", b"y" * 5000000 + b"\n"), raw.message("d", b"z\n"), raw.message("c"))
            answer = client.until("Z")
            assert [one.fields()["C"] for one in answer if one.kind == "E"] == ["53200"]
            assert client.rows("SELECT count(*) FROM t") == [["0"]]
            other.send(other.query_frame(large))
            message = other.next()
            assert error_of(message)[0] == REFUSED and message.request == other.last
            assert other.query("SELECT 1") == [[1]]
            assert server.resident_bytes() - before < 40 << 20


def test_kept_statements():
    """Prepared statements count as long as they are kept."""
    with limited(memory_per_tenant="2MB") as server:
        with raw.Client(server.port) as client, raw.Client(server.port) as other:
            refused_at = None
            for at in range(2000):
                sql = "SELECT %s" % ", ".join("$%d + %d" % (n + 1, at) for n in range(40))
                answer = client.send(raw.parse(sql, "s%d" % at, [23] * 40), raw.SYNC).until("Z")
                errors = [one.fields()["C"] for one in answer if one.kind == "E"]
                if errors:
                    assert errors == ["53200"]
                    refused_at = at
                    break
            assert refused_at is not None and refused_at > 5, refused_at
            for at in range(refused_at):
                client.send(raw.close("S", "s%d" % at))
            client.send(raw.SYNC).until("Z")
            assert client.rows("SELECT 1") == [["1"]]
            assert other.rows("SELECT 1") == [["1"]]


def test_message():
    """limits.message is the native protocol's, too: a longer frame is refused by its id, and the connection ends."""
    with limited(message="64KB") as server:
        with native.Client(server.port) as client:
            assert client.query("SELECT 1 -- " + "x" * 60000) == [[1]]
            client.send(client.query_frame("SELECT 1 -- " + "x" * 70000))
            message = client.next()
            code, text = error_of(message)[:2]
            assert message.request == client.last and code == 8 and "limits.message" in text, (code, text)
            with contextlib.suppress(ConnectionError):
                assert client.next() is None
        with raw.Client(server.port) as client:
            client.send(raw.query("SELECT 1 -- " + "x" * 70000))
            assert [one.fields()["S"] for one in client.rest() if one.kind == "E"] == ["FATAL"]


if __name__ == "__main__":
    checks.main(globals())
