#!/usr/bin/env python3
"""The HTTP port: health, readiness, and numbers that tell what clients did.

    tests/server/test_http.py [WORD...]     BUILD: the build directory
"""
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

import checks
import raw
from serve import PROGRAM, Failure, Server, until

SETTINGS = {"http.listen": "127.0.0.1:0", "http.disk_free_percent": "0"}


def start(settings=None, **more):
    return Server(settings=dict(SETTINGS, **(settings or {})), **more)


def http_port(server):
    with open(server.log) as log:
        return int(re.findall(r"event=http\.listen port=(\d+)", log.read())[-1])  # it may have been started again


def fetch(server, path, method="GET", body=None, headers=None):
    """(status, headers, text)"""
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (http_port(server), path), method=method, data=body,
                                     headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def numbers(server):
    """Metrics by their name with labels; each line must be well formed."""
    status, headers, text = fetch(server, "/metrics")
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found, families = {}, set()
    for line in text.splitlines():
        kind = re.fullmatch(r"# TYPE (\w+) (counter|gauge|histogram)", line)
        if kind:
            assert kind.group(1) not in families, line
            families.add(kind.group(1))
            continue
        if line.startswith("# HELP "):
            continue
        value = re.fullmatch(r'(\w+)(\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? (-?[0-9.e+-]+)', line)
        assert value, line
        assert re.sub(r"_(bucket|sum|count)$", "", value.group(1)) in families or value.group(1) in families, line
        assert line.rsplit(" ", 1)[0] not in found, line
        found[line.rsplit(" ", 1)[0]] = float(value.group(3))
    return found


def test_health_and_version():
    with start() as server:
        for path in ["/health", "/healthz", "/health/live", "/health?verbose=1"]:
            status, headers, text = fetch(server, path)
            assert status == 200 and headers["Content-Type"] == "application/json", path
            health = json.loads(text)
            assert health["status"] == "ok" and health["version"] and health["uptime_seconds"] >= 0
        assert json.loads(fetch(server, "/version")[2])["name"] == "kimberlite"
        status, headers, text = fetch(server, "/health", method="HEAD")
        assert status == 200 and text == "" and int(headers["Content-Length"]) > 0


def test_ready():
    with start() as server:
        for path in ["/ready", "/readyz", "/health/ready"]:
            status, _, text = fetch(server, path)
            ready = json.loads(text)
            assert status == 200 and ready["status"] == "ok", text
            assert set(ready["checks"]) == {"disk", "memory", "data_dir", "log", "clock", "server"}
            assert all(check["status"] == "ok" and check["duration_ms"] >= 0 for check in ready["checks"].values())


def test_not_ready_without_room():
    with start({"http.disk_free_percent": "99"}) as server:
        status, _, text = fetch(server, "/ready")
        disk = json.loads(text)["checks"]["disk"]
        assert status == 503 and json.loads(text)["status"] == "unhealthy" and disk["status"] == "unhealthy"
        assert re.fullmatch(r"\d+ percent free, less than 99", disk["message"]), disk
        assert fetch(server, "/health")[0] == 200


def test_not_ready_while_stopping():
    with start({"timeouts.drain": "20s"}) as server:
        with raw.Client(server.port) as client:
            client.rows("BEGIN")
            server.process.terminate()
            until(lambda: fetch(server, "/ready")[0] == 503, 10, "/ready says no")
            assert json.loads(fetch(server, "/ready")[2])["checks"]["server"]["message"] == "the server is stopping"
            client.rows("COMMIT")
        server.wait()


def test_degraded_when_almost_full():
    with start({"limits.connections": "10"}) as server:
        clients = [raw.Client(server.port) for _ in range(10)]
        try:
            status, _, text = fetch(server, "/ready")
            assert status == 200 and json.loads(text)["status"] == "degraded", text
        finally:
            for client in clients:
                client.socket.close()


def test_wrong_requests():
    with start() as server:
        assert fetch(server, "/nothing")[0] == 404
        assert fetch(server, "/metrics", method="POST", body=b"x")[0] == 400
        assert fetch(server, "/metrics/")[0] == 404
        with socket.create_connection(("127.0.0.1", http_port(server))) as client:
            client.sendall(b"\0\1\2 nonsense\r\n\r\n")
            assert fetch(server, "/health")[0] == 200


def test_numbers_tell_what_was_done():
    with start() as server:
        before = numbers(server)
        with raw.Client(server.port) as client:
            client.rows("CREATE TABLE t (id int PRIMARY KEY)")
            client.rows("INSERT INTO t VALUES (1)")
            assert client.sqlstate("INSERT INTO t VALUES (1)") == "23505"
            assert client.sqlstate("SELEC") == "42601"
            client.send(raw.parse("SELECT count(*) FROM t"), raw.bind(), raw.execute(), raw.SYNC).until("Z")
            now = numbers(server)
            assert now['kimberlite_connections_by_state{state="authenticated"}'] == 1
            assert now["kimberlite_connections_active"] == 1
        assert now['kimberlite_requests_total{method="query",status="success"}'] == 2
        assert now['kimberlite_requests_total{method="query",status="error"}'] == 2
        assert now['kimberlite_requests_total{method="execute",status="success"}'] == 1
        assert now['kimberlite_request_duration_seconds_count{method="query"}'] == 4
        assert now['kimberlite_errors_total{type="23"}'] == 1 and now['kimberlite_errors_total{type="42"}'] == 1
        assert now['kimberlite_tenant_requests_total{tenant="1",status="success"}'] == 3
        assert now["kimberlite_requests_in_flight"] == 0
        assert now["kimberlite_connections_total"] == before["kimberlite_connections_total"] + 1
        assert now["kimberlite_log_position"] > before["kimberlite_log_position"]
        assert now["kimberlite_storage_records_total"] > before["kimberlite_storage_records_total"]
        assert now["kimberlite_storage_bytes_written_total"] > before["kimberlite_storage_bytes_written_total"]
        assert now["kimberlite_storage_fsync_latency_seconds_count"] >= 2
        assert now["process_resident_memory_bytes"] > 1 << 20
        disk = os.statvfs(server.data)
        used = 100 * (disk.f_blocks - disk.f_bfree) / (disk.f_blocks - disk.f_bfree + disk.f_bavail)
        assert abs(now["kimberlite_storage_disk_usage_percent"] - used) < 2
        assert sum(now[key] for key in now if key.startswith("kimberlite_auth_attempts_total")) == 1


def ask(server, sql, params=None, tenant=None, headers=None, body=None):
    """(status, the answer's object)"""
    request = {"sql": sql}
    if params is not None:
        request["params"] = params
    if tenant is not None:
        request["tenant"] = tenant
    given = dict({"Content-Type": "application/json"}, **(headers or {}))
    status, _, text = fetch(server, "/query", "POST", json.dumps(request).encode() if body is None else body, given)
    return status, json.loads(text)


def test_query():
    with start() as server:
        assert ask(server, "CREATE TABLE t (id int PRIMARY KEY, name text, price numeric, at date, doc jsonb, ok boolean)") \
            == (200, {"columns": [], "rows": [], "tag": "CREATE TABLE"})
        insert = "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)"
        row = [1, 'quotes " and \\ and \n lines', "12345678901234567890.10", "2026-01-02", {"a": [1, None]}, True]
        assert ask(server, insert, row) == (200, {"columns": [], "rows": [], "tag": "INSERT 0 1"})
        assert ask(server, insert, [2, None, 0.1, None, None, False])[0] == 200
        status, answer = ask(server, "SELECT * FROM t ORDER BY id")
        assert status == 200 and answer["tag"] == "SELECT 2", answer
        assert [column["name"] for column in answer["columns"]] == ["id", "name", "price", "at", "doc", "ok"]
        assert answer["columns"][2]["type"] == "numeric"
        assert answer["rows"] == [[1, row[1], 12345678901234567890.10, "2026-01-02", {"a": [1, None]}, True],
                                  [2, None, 0.1, None, None, False]]
        assert ask(server, "SELECT 'NaN'::float8, '-Infinity'::float8, -1.5::float8")[1]["rows"] == [["NaN", "-Infinity", -1.5]]
        assert ask(server, "SELECT 1 WHERE false")[1] == {"columns": [{"name": "?column?", "type": "integer"}], "rows": [],
                                                          "tag": "SELECT 0"}
        with raw.Client(server.port) as client:
            assert client.rows("SELECT price FROM t ORDER BY id") == [["12345678901234567890.10"], ["0.1"]]


def post(server, body):
    """What a body, as it is written, is answered: no number passes through Python."""
    status, _, text = fetch(server, "/query", "POST", body.encode(), {"Content-Type": "application/json"})
    return status, text


def test_numbers_keep_their_digits():
    with start() as server:
        assert ask(server, "CREATE TABLE money (a numeric)")[0] == 200
        for number in ["1234567890123.4567", "12345678901234567890.12", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
                       "1" + "0" * 35 + ".50", "0.1", "-0.000000000000000000001", "1.50"]:
            status, text = post(server, '{"sql": "INSERT INTO money VALUES ($1) RETURNING a", "params": [%s]}' % number)
            assert status == 200 and '"rows":[[%s]]' % number in text, (number, text)
        for number, printed in [("1e3", "1000"), ("1.5E2", "150"), ("12e-2", "0.12")]:
            status, text = post(server, '{"sql": "SELECT $1::numeric", "params": [%s]}' % number)
            assert status == 200 and '"rows":[[%s]]' % printed in text, (number, text)
        for number, printed in [("1.0", "1"), ("-1e3", "-1000"), ("0.5e1", "5"), ("120E-1", "12"), ("0.0", "0"), ("-7", "-7")]:
            status, text = post(server, '{"sql": "SELECT $1::int", "params": [%s]}' % number)
            assert status == 200 and '"rows":[[%s]]' % printed in text, (number, text)
        for number, sqlstate in [("1.5", "22P02"), ("9223372036854775808", "22003"), ("1e20", "22003"), ("1e-1", "22P02"), ('"1.0"', "22P02")]:
            status, text = post(server, '{"sql": "SELECT $1::int", "params": [%s]}' % number)
            assert status == 400 and json.loads(text)["error"]["sqlstate"] == sqlstate, (number, text)
        document = '{"b": 12345678901234567890.120, "a": [1e2, "x\\u00e9]}"], "b": null}'
        status, text = post(server, '{"sql": "SELECT $1::json::text", "params": [%s]}' % document)
        assert status == 200 and json.loads(text)["rows"] == [[document]], text


def test_wrong_bodies():
    with start() as server:
        for body, message in [
                ("", "the body is empty: expected"), (" \n", "the body is empty: expected"), ("[]", "the body is no object: expected"),
                ("{}", 'the body has no "sql": expected'), ("{", "the body is no JSON: expected"), ('{"sql": 1}', '"sql" must be a text'),
                ('{"sql": "SELECT 1", "params": {}}', '"params" must be an array'), ('{"sql": "SELECT 1", "tenant": 1.5}', '"tenant" must be a name or a number'),
                ('{"sql": "SELECT 1", "tenant": 1, "tenant": 2}', 'the body has "tenant" twice'),
                ('{"sql": "SELECT 1", "tennant": 2}', 'the body has an unknown member "tennant"'),
                ('{"sql": "SELECT \\u0000"}', "unsupported Unicode escape sequence")]:
            status, text = post(server, body)
            assert status == 400 and json.loads(text)["error"]["message"].startswith(message), (body, text)
        hints = [json.loads(post(server, '{"sql": "SELECT 1", "%s": 2}' % name)[1])["error"]["hint"] for name in ("tennant", "SQL", "parameters_of_mine")]
        assert hints == ['Did you mean "tenant"?', 'There are "sql", "params" and "tenant".', 'There are "sql", "params" and "tenant".'], hints
        assert json.loads(post(server, "{]")[1])["error"]["detail"] == 'Expected string or "}", but found "]".'


def test_statements_for_a_session_are_refused():
    with start() as server:
        for sql in ["BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "SAVEPOINT a", "SET work_mem = '8MB'", "SET LOCAL work_mem = '8MB'", "RESET ALL",
                    "SET TRANSACTION READ ONLY", "LISTEN a", "UNLISTEN a", "PREPARE a AS SELECT 1", "DEALLOCATE ALL", "DISCARD ALL"]:
            status, answer = ask(server, sql)
            assert status == 501 and answer["error"]["sqlstate"] == "0A000" and "a session of its own" in answer["error"]["message"], (sql, status, answer)
        for sql in ["SHOW work_mem", "NOTIFY a", "ANALYZE", "DO $$BEGIN PERFORM 1; END$$", "EXPLAIN SELECT 1"]:
            assert ask(server, sql)[0] == 200, sql


def test_query_streams():
    with start() as server:
        before = server.resident_bytes()
        status, answer = ask(server, "SELECT g, repeat('x', 100) FROM generate_series(1, 300000) g")
        assert status == 200 and answer["tag"] == "SELECT 300000" and answer["rows"][299999][0] == 300000
        assert server.resident_bytes() - before < 24 << 20
        status, answer = ask(server, "SELECT 1000 / (100000 - g) FROM generate_series(1, 100000) g")
        assert status == 200 and "tag" not in answer and answer["error"]["sqlstate"] == "22012", answer["error"]


def test_query_refused():
    with start() as server:
        for sql, params, status, sqlstate in [
                ("SELEC", None, 400, "42601"), ("SELECT * FROM nothing", None, 404, "42P01"),
                ("SELECT 1 / 0", None, 400, "22012"), ("SELECT $1::int", ["x"], 400, "22P02"), ("SELECT $1::int", [], 400, "22023"),
                ("SELECT 1", [1], 400, "22023"), ("COPY (SELECT 1) TO STDOUT", None, 501, "0A000"), ("", None, 400, "22023")]:
            got, answer = ask(server, sql, params)
            assert answer["error"]["sqlstate"] == sqlstate and got == status, (sql, got, answer)
        assert ask(server, "SELEC", None)[1]["error"]["position"] == 1
        assert ask(server, "SELECT 1", tenant="nobody")[0] == 404
        assert ask(server, "SELECT 1", tenant=77)[0] == 404
        assert ask(server, "SELECT 1", tenant="kimberlite")[0] == 200 and ask(server, "SELECT 1", tenant=1)[0] == 200
        for body in [b"", b"{", b"[]", b"{}", b'{"sql": 1}', b'{"sql": "SELECT 1", "params": 1}', b"\xff\xfe",
                     b'{"sql": "SELECT 1", "sql": "SELECT 2"}', b'{"sql": "SELECT 1", "tenant": 1.5}']:
            assert ask(server, "", body=body)[0] == 400, body
        assert fetch(server, "/query")[0] == 400
        assert ask(server, "SELECT 1", headers={"Content-Type": "text/plain"})[0] == 400
        assert ask(server, "SELECT 1", headers={"Origin": "http://example.com"})[0] == 403
        assert numbers(server)["kimberlite_requests_in_flight"] == 0


def test_query_needs_a_token():
    with start({"auth.mode": "apikey"}) as server:
        status, answer = ask(server, "SELECT 1")
        assert status == 401 and answer["error"]["message"] == "the request shows no token"
        assert ask(server, "SELECT 1", headers={"Authorization": "Bearer nonsense"})[0] == 401
        assert ask(server, "SELECT 1", headers={"Authorization": "Basic eDp5"})[0] == 401
        assert fetch(server, "/health")[0] == 200 and fetch(server, "/ready")[0] == 200
        assert numbers(server)['kimberlite_auth_attempts_total{method="api_key",result="failure"}'] == 1


def begin_query(server, sql, head=b"", version=b"1.1"):
    """A connection on which a query was asked, whose answer is for the caller to read."""
    client = socket.create_connection(("127.0.0.1", http_port(server)), timeout=20)
    body = json.dumps({"sql": sql}).encode()
    client.sendall(b"POST /query HTTP/" + version + b"\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n" + head +
                   b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return client


def read_all(client):
    got = b""
    while True:
        part = client.recv(65536)
        if not part:
            return got
        got += part


def exchange(server, request):
    """All that is answered to bytes, up to the end, which the server has to make."""
    with socket.create_connection(("127.0.0.1", http_port(server)), timeout=10) as client:
        client.sendall(request)
        return read_all(client)


def in_flight(server):
    return numbers(server)["kimberlite_requests_in_flight"]


def test_heads_that_are_not_clear():
    """What two readers might take for requests of different lengths, or for different hosts, is 400 and the end of the connection."""
    body = b'{"sql": "SELECT 1"}'
    second = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
    length = b"Content-Length: %d\r\n" % len(body)
    chunked = b"Transfer-Encoding: chunked\r\n"
    host = b"Host: x\r\n"
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    with start() as server:
        for heads in [host + length + b"Content-Length: 4\r\n", host + length + length, host + length + chunked, host + chunked + length,
                      host + b"Transfer-Encoding: chunked, identity\r\n", host + b"Transfer-Encoding: identity\r\n", host + chunked + chunked,
                      host + chunked + b"Transfer-Encoding: identity\r\n", host + b"Content-Length : %d\r\n" % len(body), host + b"Content-Length: x\r\n",
                      host + b"Content-Length: -1\r\n", host + b"Content-Length: +19\r\n", host + b"Content-Length: 99999999999999999999\r\n",
                      host + b"Transfer-Encoding : chunked\r\n" + length, length, host + host + length, b"Host: a/b\r\n" + length, host + length + b"a\x01b: c\r\n",
                      host + length + b"a: b\x01c\r\n"]:
            for what in (b"POST /query", b"GET /health"):
                got = exchange(server, what + b" HTTP/1.1\r\nContent-Type: application/json\r\n" + heads + b"\r\n" + (chunks if b"chunked" in heads else body) + second)
                assert got.startswith(b"HTTP/1.1 400 ") and got.count(b"HTTP/1.1") == 1, (heads, got)
                head, _, text = got.partition(b"\r\n\r\n")
                assert json.loads(text)["error"]["message"].startswith("the request"), got
                assert re.search(rb"Content-Length: (\d+)", head).group(1) == b"%d" % len(text), got
        got = exchange(server, b"POST /query HTTP/1.0\r\nContent-Type: application/json\r\n" + chunked + b"\r\n" + chunks)
        assert b" 400 " in got.splitlines()[0], got
        close = b"Connection: close\r\n"
        for good in [b"HTTP/1.1\r\n" + close + host + length + b"\r\n" + body, b"HTTP/1.1\r\n" + close + host + b"transfer-encoding: Chunked\r\n\r\n" + chunks,
                     b"HTTP/1.0\r\n" + length + b"\r\n" + body]:
            got = exchange(server, b"POST /query " + good.replace(b"\r\n", b"\r\nContent-Type: application/json\r\n", 1))
            assert b" 200 " in got.splitlines()[0] and b'"tag":"SELECT 1"' in got, got


def test_no_body_is_kept_of_nobody():
    with start({"auth.mode": "apikey", "limits.message": "64MB"}) as server:
        head = b"POST /query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        for token in (b"", b"Authorization: Bearer nonsense\r\n"):
            got = exchange(server, head + token + b"Content-Length: 60000000\r\n\r\n")  # the body is not waited for
            assert got.startswith(b"HTTP/1.1 401 "), got
        before = server.resident_bytes()
        clients = []
        for path in (b"/query", b"/health", b"/query"):
            client = socket.create_connection(("127.0.0.1", http_port(server)), timeout=10)
            clients.append(client)
            try:
                client.sendall(head.replace(b"/query", path) + b"Content-Length: 60000000\r\n\r\n")
                for _ in range(40):
                    client.sendall(b" " * 1000000)
            except OSError:
                pass
        assert server.resident_bytes() - before < 16 << 20, server.resident_bytes() - before
        for client in clients:
            client.close()
    with start({"limits.message": "1MB"}) as server:
        got = exchange(server, head + b"Content-Length: 60000000\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 413 ") and b"limits.message" in got, got


def test_queries_leave_room_for_others():
    with start() as server:
        clients = [begin_query(server, "SELECT pg_sleep(60)") for _ in range(64)]
        until(lambda: in_flight(server) == 64, 10, "all queries run")
        assert fetch(server, "/health")[0] == 200 and fetch(server, "/ready")[0] == 200
        status, headers, text = fetch(server, "/query", "POST", b'{"sql": "SELECT 1"}', {"Content-Type": "application/json"})
        error = json.loads(text)["error"]
        assert status == 503 and error["sqlstate"] == "53300" and int(headers["Retry-After"]) >= 1, (status, text)
        assert error["message"] == "64 queries run over HTTP already, which is the most"
        for client in clients:
            client.close()
        until(lambda: in_flight(server) == 0, 10, "what runs for nobody ends")
        assert ask(server, "SELECT 1")[0] == 200


def test_clients_that_hang_up():
    """A reset and a close end the statement; who has only said all it has to say is answered."""
    with start() as server:
        reset = begin_query(server, "SELECT pg_sleep(60)")
        until(lambda: in_flight(server) == 1, 10, "the query runs")
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        reset.close()
        until(lambda: in_flight(server) == 0, 5, "a reset ends it")
        for version in (b"1.1", b"1.0"):
            with begin_query(server, "SELECT pg_sleep(4), 'done'", version=version) as half:
                half.shutdown(socket.SHUT_WR)
                got = read_all(half)
                assert got.endswith(b'"done"]],"tag":"SELECT 1"}\n') or b'"done"]],"tag":"SELECT 1"}' in got, got
                assert (b"100 Continue" in got) == (version == b"1.1"), got
        many = begin_query(server, "SELECT repeat('x', 1000), pg_sleep(0.001) FROM generate_series(1, 1000000)")
        many.recv(1000)
        many.close()
        until(lambda: in_flight(server) == 0, 5, "a close ends one that is being answered")


def test_who_only_reads():
    """An auditor's key reads, and changes nothing, by whatever statement."""
    with start() as server:
        assert ask(server, "CREATE TABLE t (id serial PRIMARY KEY, a int)")[0] == 200
        server.stop()
        keys = {}
        for role in ("auditor", "user"):
            ran = subprocess.run([PROGRAM, "apikey", "create", role, "--role", role, "-t", "1", "-q", "-o", "csv", "--data", server.data, "--key",
                                  server.key], stdout=subprocess.PIPE, check=True)
            keys[role] = {"Authorization": "Bearer " + re.search(r"kmb_[a-z]+_[0-9a-zA-Z]+", ran.stdout.decode()).group(0)}
        server.options = ["--auth", "apikey", *server.options]
        server.start()
        assert ask(server, "INSERT INTO t (a) VALUES (1)", headers=keys["user"])[0] == 200
        for statement in ("INSERT INTO t (a) VALUES (2)", "DELETE FROM t", "DROP TABLE t", "SELECT nextval('t_id_seq')", "DO $$BEGIN DELETE FROM t; END$$",
                          "WITH gone AS (DELETE FROM t RETURNING a) SELECT * FROM gone", "CREATE TABLE u (id int)", "TRUNCATE t",
                          "EXPLAIN ANALYZE DELETE FROM t"):
            status, answer = ask(server, statement, headers=keys["auditor"])
            assert status == 403 and answer["error"]["sqlstate"] == "42501", (statement, status, answer)
        status, answer = ask(server, "SELECT count(*) FROM t", headers=keys["auditor"])
        assert status == 200 and "1" in json.dumps(answer["rows"]), answer


def test_tls():
    """With a certificate the port speaks HTTPS, with the files of the main port, and nothing in clear."""
    directory = tempfile.mkdtemp(prefix="kimberlite-http-")
    try:
        for what in (["authority"], ["server", "localhost", "127.0.0.1"]):
            subprocess.run([os.path.abspath(PROGRAM), "cert"] + what + ["-q"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
        certs = os.path.join(directory, "certs")
        with start({"tls.cert": certs + "/localhost.crt", "tls.key": certs + "/localhost.key"}) as server:
            context = ssl.create_default_context(cafile=certs + "/ca.crt")
            with urllib.request.urlopen("https://127.0.0.1:%d/health" % http_port(server), context=context) as answer:
                assert json.load(answer)["status"] == "ok"
            try:
                fetch(server, "/health")
                raise AssertionError("answered in clear")
            except (urllib.error.URLError, ConnectionError, http.client.HTTPException):
                pass
    finally:
        shutil.rmtree(directory)


def test_query_too_long():
    with start({"limits.message": "64KB"}) as server:
        status, answer = ask(server, "SELECT '%s'" % ("x" * 70000))
        assert status == 413 and "limits.message" in answer["error"]["message"]
        assert ask(server, "SELECT 1")[0] == 200


def test_stop_ends_queries():
    with start({"timeouts.drain": "1s"}) as server:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(ask(server, "SELECT pg_sleep(60)")))
        thread.start()
        until(lambda: numbers(server)["kimberlite_requests_in_flight"] == 1, 10, "the query runs")
        server.stop(15)
        thread.join()
        assert answers and answers[0][0] >= 400, answers


def test_a_statement_that_runs_is_in_flight():
    with start() as server:
        with raw.Client(server.port) as client:
            client.send(raw.query("SELECT pg_sleep(2)"))
            until(lambda: numbers(server)["kimberlite_requests_in_flight"] == 1, 2, "one request is in flight")
            client.until("Z")
            assert numbers(server)["kimberlite_requests_in_flight"] == 0


def test_taken_port():
    with start() as server:
        try:
            with Server(settings={"http.listen": "127.0.0.1:%d" % http_port(server)}):
                pass
        except Failure as failure:
            assert "cannot listen at" in str(failure), failure
            return
        raise AssertionError("two servers listen at one port")


def test_many_clients_at_once():
    with start() as server:
        faults = []

        def ask():
            try:
                assert fetch(server, "/ready")[0] == 200
            except Exception as fault:
                faults.append(fault)

        threads = [threading.Thread(target=ask) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults, faults


if __name__ == "__main__":
    checks.main(globals())
