#!/usr/bin/env python3
"""Traces: spans of requests as a collector gets them, whose children they are, and that a collector that is away harms nobody.

    tests/server/test_trace.py [WORD...]     BUILD: the build directory
"""
import http.server
import json
import os
import re
import signal
import threading
import time
import urllib.request

import checks
import native
import raw
from serve import Server, until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CONTEXT = "00-%s-%s-01" % (TRACE, PARENT)


class Collector:
    """Listens as an OpenTelemetry collector does; .spans: all that came, as dicts with their attributes made plain."""

    def __init__(self, status=200, wait=0):
        self.status, self.wait = status, wait
        self.spans, self.requests, self.resource = [], [], {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(outer.wait)
                outer.requests.append((self.path, dict(self.headers)))
                if outer.status == 200:
                    outer.take(json.loads(body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def plain(attributes):
        return {one["key"]: one["value"].get("stringValue", one["value"].get("intValue")) for one in attributes}

    def take(self, body):
        for resource in body["resourceSpans"]:
            self.resource = self.plain(resource["resource"]["attributes"])
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    span["attributes"] = self.plain(span["attributes"])
                    assert re.fullmatch("[0-9a-f]{32}", span["traceId"]) and re.fullmatch("[0-9a-f]{16}", span["spanId"]), span
                    assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]), span
                    assert abs(int(span["endTimeUnixNano"]) / 1e9 - time.time()) < 60, span
                    self.spans.append(span)

    def find(self, text, count=1):
        """The root spans of a statement; waits for them."""
        def found():
            return [span for span in self.spans if span["kind"] == 2 and span["attributes"].get("db.query.text") == text]
        until(lambda: len(found()) >= count, 20, "%d spans of %s" % (count, text))
        return found() if count != 1 else found()[0]

    def parts(self, root):
        return {span["name"]: span for span in self.spans if span.get("parentSpanId") == root["spanId"]}


def traced(collector, settings=None, **more):
    return Server({"telemetry.otlp": collector.endpoint, **(settings or {})}, **more)


def test_parts_of_a_statement():
    with Collector() as collector:
        with traced(collector, {"telemetry.service": "clinic"}) as server, raw.Client(server.port) as client:
            client.rows("CREATE TABLE t (id int PRIMARY KEY, w text)")
            client.rows("INSERT INTO t VALUES (1, 'secret')")
            client.rows("SELECT w FROM t WHERE w = 'secret'")
            assert client.sqlstate("INSERT INTO t VALUES (1, 'secret')") == "23505"
            insert, failed = collector.find("INSERT INTO t VALUES ($1, $2)", 2)
            select = collector.find("SELECT w FROM t WHERE w = $1")
        assert collector.requests[0][0] == "/v1/traces" and collector.requests[0][1]["Content-Type"] == "application/json"
        assert collector.resource["service.name"] == "clinic" and len(collector.resource["service.instance.id"]) == 32
        parts = collector.parts(insert)
        assert set(parts) == {"parse", "execute", "commit"}, parts
        assert insert["name"] == "INSERT" and "parentSpanId" not in insert and "status" not in insert, insert
        order = [int(parts[name][at]) for name in ("parse", "execute", "commit") for at in ("startTimeUnixNano", "endTimeUnixNano")]
        assert order == sorted(order) and order[0] == int(insert["startTimeUnixNano"]), order
        assert order[-1] == int(insert["endTimeUnixNano"]) and order[5] > order[4], order
        assert all(part["traceId"] == insert["traceId"] and part["kind"] == 1 for part in parts.values())
        about = insert["attributes"]
        assert about["db.system.name"] == "kimberlite" and about["db.namespace"] == "1" and about["db.user"] == "kimberlite", about
        assert int(about["kimberlite.log_bytes"]) > 100 and about["db.response.returned_rows"] == "1", about
        assert about["kimberlite.method"] == "query" and re.fullmatch(r"\d+-\d+", about["kimberlite.request"]), about
        assert set(collector.parts(select)) == {"parse", "execute"}, collector.parts(select)
        assert failed["status"] == {"code": 2} and failed["attributes"]["db.response.status_code"] == "23505", failed
        assert insert["traceId"] != select["traceId"] != failed["traceId"]
        assert "secret" not in repr(collector.spans)


def test_whose_children_they_are():
    with Collector() as collector:
        with traced(collector, {"telemetry.sample_percent": "0", "http.listen": "127.0.0.1:0"}) as server, \
                raw.Client(server.port) as client:
            client.rows("SELECT 'not traced'")
            client.rows("SELECT 'a' /*action='x',traceparent='%s'*/" % CONTEXT)
            client.rows("SELECT 1, 2 /*traceparent='00-%s-%s-00'*/" % (TRACE, PARENT))  # the one who asks is not traced
            client.rows("SELECT 1, 2, 3 /*traceparent='00-nonsense'*/")
            client.send(raw.parse("SELECT $1::int, 'b' /*traceparent='%s'*/" % CONTEXT), raw.bind(["1"]), raw.execute(), raw.SYNC).until("Z")
            client.rows("SET otel.traceparent = '%s'" % CONTEXT)
            client.rows("SELECT true")
            client.rows("RESET otel.traceparent")
            with native.Client(server.port) as other:
                other.query("SELECT 5 /*traceparent='%s'*/" % CONTEXT)
            port = int(re.search(r"event=http\.listen port=(\d+)", server.log_tail()).group(1))
            request = urllib.request.Request("http://127.0.0.1:%d/query" % port, b'{"sql": "SELECT 6, 6, 6, 6"}',
                                             {"Content-Type": "application/json", "traceparent": CONTEXT})
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert answer.status == 200
        roots = [span for span in collector.spans if span["kind"] == 2]  # the server has sent all before it ended
        assert all(span["traceId"] == TRACE and span["parentSpanId"] == PARENT for span in roots), roots
        methods = sorted(span["attributes"]["kimberlite.method"] for span in roots)
        assert methods == ["execute", "http_query", "parse", "query", "query", "query", "query"], methods
        parse = next(span for span in roots if span["attributes"]["kimberlite.method"] == "parse")
        assert set(collector.parts(parse)) == {"parse"}, collector.parts(parse)
        execute = next(span for span in roots if span["attributes"]["kimberlite.method"] == "execute")
        assert set(collector.parts(execute)) == {"execute"}, collector.parts(execute)


def test_values_where_asked_for():
    with Collector() as collector:
        with traced(collector, {"telemetry.values": "true", "telemetry.headers": "api-key=a%20b,x=y"}) as server, \
                raw.Client(server.port) as client:
            client.rows("SELECT 'shown'")
            client.rows("CREATE ROLE r PASSWORD 'never'")
            collector.find("SELECT 'shown'")
        assert collector.requests[0][1]["api-key"] == "a b" and collector.requests[0][1]["x"] == "y", collector.requests[0]
        assert "never" not in repr(collector.spans)


def test_requests_without_sql():
    with Collector() as collector:
        with traced(collector) as server, native.Client(server.port) as client:
            stream = client.create_stream("s")
            client.send(client.append_frame(stream, [b"secret"], 0))
            client.next()
        append = next(span for span in collector.spans if span["name"] == "append_events")
        assert set(collector.parts(append)) == {"execute", "commit"} and "db.query.text" not in append["attributes"], append
        assert "secret" not in repr(collector.spans)


def spans_of(client):
    text = client.rows("SELECT kimberlite_metrics()")[0][0]
    return {result: int(re.search(r'kimberlite_trace_spans_total\{result="%s"\} (\d+)' % result, text).group(1))
            for result in ("sent", "dropped")}


def test_a_collector_that_is_away():
    with Server({"telemetry.otlp": "http://127.0.0.1:9"}) as server, raw.Client(server.port) as client:
        begun = time.monotonic()
        for _ in range(4000):  # more than the queue has room for
            client.rows("SELECT 1")
        took = time.monotonic() - begun
        until(lambda: spans_of(client)["dropped"] > 3000, 20, "spans to be dropped")
        assert spans_of(client)["sent"] == 0
        until(lambda: "event=trace.failed" in server.log_tail(), 20, "a line of the log")
        assert took < 20, took
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 8


def test_a_collector_that_is_slow():
    with Collector(wait=1) as collector, traced(collector) as server, raw.Client(server.port) as client:
        begun = time.monotonic()
        for _ in range(300):
            client.rows("SELECT 1")
        assert time.monotonic() - begun < 5
        until(lambda: spans_of(client)["sent"] >= 900, 20, "all to be sent")
        assert spans_of(client)["dropped"] == 0


def test_a_collector_that_has_no_time():
    with Collector(status=503) as collector, traced(collector) as server, raw.Client(server.port) as client:
        client.rows("SELECT 1")
        until(lambda: len(collector.requests) >= 2, 20, "another attempt")
        collector.status = 200
        collector.find("SELECT $1")
    with Collector(status=400) as collector, traced(collector) as server, raw.Client(server.port) as client:
        client.rows("SELECT 1")
        until(lambda: spans_of(client)["dropped"] > 0, 20, "what is refused to be dropped")
        assert "the collector answers 400" in server.log_tail()


def test_sampling():
    with Collector() as collector:
        with traced(collector, {"telemetry.sample_percent": "25"}) as server, raw.Client(server.port) as client:
            for _ in range(1000):
                client.rows("SELECT 1")
        roots = len([span for span in collector.spans if span["kind"] == 2])
        assert 150 < roots < 350, roots


def test_wrong_endpoints_are_told():
    for endpoint in ("ftp://x", "http://", "http://h:port", "http://h/a b"):
        try:
            with Server({"telemetry.otlp": endpoint}):
                raise AssertionError("it starts with " + endpoint)
        except AssertionError:
            raise
        except Exception as error:
            assert "telemetry.otlp" in str(error), error


if __name__ == "__main__":
    checks.main(globals())
