#!/usr/bin/env python3
"""The server's log: its forms, what stands in it at which level, and what never does.

    tests/server/test_log.py [WORD...]     BUILD: the build directory
"""
import json
import os
import re
import signal
import time

import checks
import raw
from serve import Server, until

SECRET = "a-value-nobody-may-see"


def lines(server, event, path=None):
    """The lines of an event, as dicts; the log is JSON."""
    with open(path or server.log) as log:
        found = [json.loads(line) for line in log if line.startswith("{")]
    return [line for line in found if line["message"] == event]


def fields(server, event):
    until(lambda: lines(server, event), 10, "a line of " + event)
    return [line["fields"] for line in lines(server, event)]


def whole(server):
    with open(server.log) as log:
        return log.read()


def test_json_lines():
    with Server({"log.format": "json", "log.level": "debug"}) as server:
        with raw.Client(server.port):
            pass
        closed = fields(server, "connection.closed")[0]
        assert closed["protocol"] == "postgresql" and closed["peer"].startswith("127.0.0.1:"), closed
        assert fields(server, "connection.opened")[0]["connection"] == closed["connection"]
        line = lines(server, "connection.closed")[0]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"]), line
        assert line["level"] == "debug" and line["target"] == "connection"


def test_quiet_by_default():
    with Server() as server:
        with raw.Client(server.port) as client:
            assert client.sqlstate("SELECT '%s'::int" % SECRET) == "22P02"
        server.stop()
        text = open(server.log).read()
        assert "connection." not in text and "22P02" not in text and SECRET not in text, text


def test_errors_have_requests():
    with Server({"log.format": "json", "log.level": "debug"}) as server:
        with raw.Client(server.port) as client:
            client.rows("SELECT 1")
            assert client.sqlstate("SELECT '%s'::int" % SECRET) == "22P02"
            error = fields(server, "request.error")[0]
            assert error["sqlstate"] == "22P02" and error["tenant"] == "1", error
            assert error["request"] == "%d-2" % client.process, error
        assert SECRET not in whole(server)


def test_messages_where_asked_for():
    with Server({"log.format": "json", "log.level": "debug", "log.values": "true"}) as server:
        with raw.Client(server.port) as client:
            client.sqlstate("SELECT '%s'::int" % SECRET)
        assert SECRET in fields(server, "request.error")[0]["why"]


def test_passwords_never():
    with Server({"log.format": "json", "log.level": "debug", "log.values": "true", "log.slow_query": "1ms"}) as server:
        with raw.Client(server.port) as client:
            client.rows("CREATE ROLE r PASSWORD '%s'" % SECRET)
            assert client.sqlstate("CREATE ROLE s PASSWORD \"%s\"" % SECRET) == "42601"
        until(lambda: lines(server, "request.error"), 10, "a line of the error")
        assert SECRET not in whole(server)


def test_slow_statements():
    with Server({"log.format": "json", "log.slow_query": "100ms"}) as server:
        with raw.Client(server.port) as client:
            client.rows("SELECT pg_sleep(0.15) WHERE '%s' <> 'x' AND 4711 > 12" % SECRET)
            client.rows("SELECT 1")
            client.send(raw.parse("SELECT pg_sleep($1), 4712"), raw.bind(["0.15"]), raw.execute(), raw.SYNC).until("Z")
        slow = fields(server, "statement.slow")
        assert len(slow) == 2, slow
        assert re.fullmatch(r"SELECT pg_sleep\(\$\d\) WHERE \$\d <> \$\d AND \$\d > \$\d", slow[0]["query"]), slow
        assert re.fullmatch(r"SELECT pg_sleep\(\$1\), \$2", slow[1]["query"]), slow
        assert float(slow[0]["query_duration_ms"]) >= 150 and slow[0]["rows"] == "1"
        assert SECRET not in whole(server) and "471" not in json.dumps([one["query"] for one in slow])


def test_values_of_whatever_statement():
    """What an EXECUTE, a default, a comment or a setting has of values stays out, too; so does what is no SQL."""
    texts = ("PREPARE w (text) AS SELECT $1, '{0}', pg_sleep(0.01)", "EXECUTE w('{0}')",
             "CREATE TABLE made AS SELECT '{0}' AS x, pg_sleep(0.01)::text AS y",
             "ALTER TABLE made ALTER x SET DEFAULT '{0}'", "CREATE VIEW seen AS SELECT * FROM made WHERE x = '{0}'",
             "SELECT 1 /* {0} */ + 2 -- {0}", "COMMENT ON TABLE made IS $q${0}$q$", "SET app.patient = \"{0}\"",
             "CREATE USER u PASSWORD '{0}'", "BEGIN", "DECLARE c CURSOR FOR SELECT U&'{0}'", "COMMIT", "NOTIFY c, '{0}'",
             "DO $$ BEGIN PERFORM '{0}'; END $$", "SELECT 'O'Brien {0}' WHERE '' = ''", "SELECT '{0}")
    with Server({"log.format": "json", "log.level": "debug", "log.slow_query": "1ms"}) as server:
        with raw.Client(server.port) as client:
            for text in texts:
                client.ask(text.format(SECRET))
            shown = client.rows("SELECT query FROM kimberlite_stat_statements")
        assert ["EXECUTE w($1)"] in shown and ["(not shown)"] in shown, shown
        slow = [one["query"] for one in fields(server, "statement.slow")]
        assert "EXECUTE w($1)" in slow and "CREATE TABLE made AS SELECT $1 AS x, pg_sleep($2)::text AS y" in slow, slow
        assert ["PREPARE w (text) AS SELECT $1, $2, pg_sleep($3)"] in shown and ["SET app.patient = $1"] in shown, shown
        assert SECRET not in repr(shown), shown
        assert SECRET not in whole(server)


def test_slow_statements_with_values():
    with Server({"log.format": "json", "log.slow_query": "100ms", "log.values": "true"}) as server:
        with raw.Client(server.port) as client:
            client.rows("SELECT pg_sleep(0.15), '%s'" % SECRET)
        assert fields(server, "statement.slow")[0]["query"] == "SELECT pg_sleep(0.15), '%s'" % SECRET


def test_no_slow_log():
    with Server({"log.format": "json", "log.slow_query": "0"}) as server:
        with raw.Client(server.port) as client:
            client.rows("SELECT pg_sleep(0.2)")
        assert "statement.slow" not in whole(server)


def test_file_that_is_moved():
    with Server({"log.format": "json", "log.level": "debug"}) as server:
        server.stop()
        path = os.path.join(server.directory, "kimberlite.log")
        server.environment["KMB_LOG_FILE"] = path
        server.start()
        with raw.Client(server.port):
            pass
        until(lambda: lines(server, "connection.closed", path), 10, "a line in the file")
        os.rename(path, path + ".1")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: os.path.exists(path) and lines(server, "server.reloaded", path), 10, "a new file")
        begun = time.monotonic()
        with raw.Client(server.port):
            pass
        until(lambda: lines(server, "connection.closed", path), 10, "a line in the new file")
        assert time.monotonic() - begun < 10


if __name__ == "__main__":
    checks.main(globals())
