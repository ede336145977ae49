#!/usr/bin/env python3
"""What a server tells of what happens, as views: sessions, statements.

    tests/server/test_monitor.py [WORD...]     BUILD: the build directory
"""
import json
import re
import threading
import urllib.error
import urllib.request

import checks
import native
import raw
from serve import Server, until

AUTO = {"tenants.mode": "auto-create"}


def table(client, sql):
    """The rows as dicts, by the columns' names."""
    answer = client.ask(sql)
    assert not any(one.kind == "E" for one in answer), answer
    names = next([column[0] for column in one.columns()] for one in answer if one.kind == "T")
    return [dict(zip(names, [None if v is None else v.decode() for v in one.row()])) for one in answer if one.kind == "D"]


def statement(client, query):
    found = table(client, "SELECT * FROM kimberlite_stat_statements WHERE query = '%s'" % query.replace("'", "''"))
    assert len(found) == 1, (query, client.rows("SELECT query, usename, tenant FROM kimberlite_stat_statements"))
    return found[0]


def test_statements():
    with Server() as server, raw.Client(server.port) as client:
        client.rows("CREATE TABLE t (id int PRIMARY KEY, word text)")
        for i in range(5):
            client.rows("INSERT INTO t VALUES (%d, 'word %d'), (%d, 'more')" % (i, i, i + 100))
        for i in range(7):
            client.rows("SELECT * FROM t WHERE id = %d" % i)
        client.rows("SELECT * FROM t WHERE id = 2 /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/")
        assert client.sqlstate("INSERT INTO t VALUES (1, 'word'), (2, 'again')") == "23505"
        insert = statement(client, "INSERT INTO t VALUES ($1, $2), ($3, $4)")
        assert (insert["calls"], insert["errors"], insert["rows"], insert["syncs"]) == ("6", "1", "10", "5"), insert
        assert int(insert["wal_bytes"]) > 5 * 100 and float(insert["total_sync_time"]) > 0, insert
        assert insert["usename"] == "kimberlite" and insert["userid"] == "10" and insert["tenant"] == "1", insert
        times = [float(insert[name + "_exec_time"]) for name in ("min", "p50", "p95", "p99", "max")]
        assert times == sorted(times) and times[0] > 0, insert
        assert times[0] <= float(insert["mean_exec_time"]) <= times[-1] <= float(insert["total_exec_time"]), insert
        select = statement(client, "SELECT * FROM t WHERE id = $1")
        assert (select["calls"], select["rows"], select["syncs"], select["wal_bytes"]) == ("8", "6", "0", "0"), select
        assert "'word" not in repr(table(client, "SELECT * FROM kimberlite_stat_statements"))


def test_statements_of_the_extended_protocol():
    with Server() as server, raw.Client(server.port) as client:
        client.rows("CREATE TABLE t (id int)")
        for i in range(3):
            client.send(raw.parse("INSERT INTO t SELECT g FROM generate_series(1, $1::int) g"), raw.bind([str(i)]), raw.execute(),
                        raw.SYNC).until("Z")
        insert = statement(client, "INSERT INTO t SELECT g FROM generate_series($2, $1::int) g")
        assert (insert["calls"], insert["rows"], insert["errors"]) == ("3", "3", "0"), insert
        client.send(raw.parse("SELECT id FROM t"), raw.bind(), raw.execute("", 2), raw.execute(), raw.SYNC).until("Z")
        select = statement(client, "SELECT id FROM t")
        assert (select["calls"], select["rows"]) == ("2", "3"), select
        client.rows("BEGIN")
        client.rows("INSERT INTO t VALUES (9)")
        client.rows("COMMIT")
        assert statement(client, "INSERT INTO t VALUES ($1)")["wal_bytes"] == "0"
        assert int(statement(client, "COMMIT")["wal_bytes"]) > 100  # which is what writes


def test_statements_are_forgotten():
    with Server(AUTO) as server, raw.Client(server.port) as client:
        with native.Client(server.port, tenant=2) as other:
            other.query("SELECT 1")
        with raw.Client(server.port, database="2") as other:
            other.rows("SELECT 1 + 2 + 3")
        client.rows("CREATE ROLE guest LOGIN")
        client.rows("SELECT 1")
        with raw.Client(server.port, user="guest") as guest:
            assert guest.sqlstate("SELECT kimberlite_stat_statements_reset()") == "42501"
            assert guest.rows("SELECT query FROM kimberlite_stat_statements WHERE query LIKE 'CREATE%'") == []
            assert guest.rows("SELECT DISTINCT queryid, query FROM kimberlite_stat_statements WHERE usename = 'kimberlite'") == \
                [[None, "<insufficient privilege>"]]
        assert client.rows("SELECT kimberlite_stat_statements_reset()") == [[""]]
        left = client.rows("SELECT tenant, query FROM kimberlite_stat_statements WHERE tenant = 1")
        assert [row[1] for row in left] == ["SELECT kimberlite_stat_statements_reset()"], left
        assert statement(client, "SELECT $1 + $2 + $3")["tenant"] == "2"  # an operator sees all


def test_tenants_see_their_own():
    with Server(AUTO) as server, raw.Client(server.port) as client:
        with native.Client(server.port, tenant=2) as other:
            other.query("SELECT 1")
        client.rows("SELECT 'of the first'")
        with raw.Client(server.port, database="2") as other:
            other.rows("SELECT 2")
            assert {row["tenant"] for row in table(other, "SELECT * FROM kimberlite_stat_statements")} == {"2"}
            assert {row["tenant"] for row in table(other, "SELECT * FROM kimberlite_stat_activity")} == {"2"}
            until(lambda: [row["pid"] for row in table(other, "SELECT * FROM pg_stat_activity")] == [str(other.process)], 10,
                  "the one that made the tenant to go")
            assert other.rows("SELECT pg_cancel_backend(%d)" % client.process) == [["f"]]
            seen = {row["pid"]: row for row in table(client, "SELECT * FROM kimberlite_stat_activity")}
            assert seen[str(other.process)]["query"] is None and seen[str(other.process)]["state"] == "idle", seen
            assert seen[str(other.process)]["protocol"] == "postgresql" and seen[str(other.process)]["datname"] == "2", seen
            assert "kimberlite_stat_activity" in seen[str(client.process)]["query"], seen
            assert len(table(client, "SELECT * FROM pg_stat_activity")) == 1
        until(lambda: client.rows("SELECT pid FROM kimberlite_stat_activity WHERE tenant = 2") == [], 10, "nobody of tenant 2")


def test_users_see_their_own():
    with Server() as server, raw.Client(server.port) as client:
        client.rows("CREATE ROLE guest LOGIN")
        client.rows("SELECT 'for few'")
        with raw.Client(server.port, user="guest") as guest:
            for view in ("pg_stat_activity", "kimberlite_stat_activity"):
                seen = {row["usename"]: row for row in table(guest, "SELECT * FROM " + view)}
                assert seen["kimberlite"]["query"] == "<insufficient privilege>", seen
                assert seen["kimberlite"]["pid"] == str(client.process) and seen["kimberlite"]["state"] is None, seen
                assert view in seen["guest"]["query"] and seen["guest"]["client_addr"] == "127.0.0.1", seen
            assert client.rows("SELECT usename FROM pg_stat_activity WHERE query LIKE '%M kimberlite_stat_activity'") == [["guest"]]


def test_few_are_kept():
    with Server({"statistics.statements": "100"}) as server, raw.Client(server.port) as client:
        for i in range(300):
            client.sqlstate("SELECT * FROM t%d" % i)
            client.rows("SELECT 1")
        assert int(client.rows("SELECT count(*) FROM kimberlite_stat_statements")[0][0]) <= 100
        assert statement(client, "SELECT $1")["calls"] == "300"
    with Server({"statistics.statements": "0"}) as server, raw.Client(server.port) as client:
        assert client.rows("SELECT count(*) FROM kimberlite_stat_statements") == [["0"]]


def test_native_sessions():
    with Server(dict(AUTO, **{"log.slow_query": "1ms", "log.format": "json"})) as server, raw.Client(server.port) as client:
        with native.Client(server.port) as other:
            other.query("CREATE TABLE n (id BIGINT PRIMARY KEY, w TEXT)")
            other.query("INSERT INTO n VALUES ($1, $2)", 1, "secret")
            other.query("INSERT INTO n VALUES ($1, $2)", 2, "secret")
            assert other.query("SELECT id FROM n WHERE w = 'secret'") == [[1], [2]]
            row = one(client, "SELECT * FROM kimberlite_stat_activity WHERE protocol = 'native'")
            assert (row["state"], row["usename"], row["datname"]) == ("idle", "kimberlite", "kimberlite"), row
            assert row["client_port"] == str(other.socket.getsockname()[1]) and row["query"].startswith("SELECT id"), row
            assert other.query("SELECT current_database(), pg_backend_pid()") == [["kimberlite", int(row["pid"])]]
            stream = other.create_stream("s")
            other.send(other.append_frame(stream, [b"a", b"b"], 0))
            other.next()
            assert client.rows("SELECT query FROM pg_stat_activity WHERE pid = %s" % row["pid"]) == [["append_events"]]
            insert = statement(client, "INSERT INTO n VALUES ($1, $2)")
            assert (insert["calls"], insert["rows"], insert["syncs"]) == ("2", "2", "2") and int(insert["wal_bytes"]) > 200, insert
            assert statement(client, "SELECT id FROM n WHERE w = $1")["rows"] == "2"
            other.send(other.query_frame("SELECT nothing FROM n"))
            assert other.next().error()[0] > 0
            assert statement(client, "SELECT nothing FROM n")["errors"] == "1"
            counted = one(client, "SELECT * FROM kimberlite_stat_connections WHERE protocol = 'native'")
            assert int(counted["requests"]) == 8 and counted["errors"] == "1", counted
            other.send(other.query_frame("SELECT pg_sleep(20)"))
            running = "SELECT state FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(20)'"
            until(lambda: client.rows(running) == [["active"]], 10, "the statement to run")
            assert client.rows("SELECT pg_cancel_backend(%s)" % row["pid"]) == [["t"]]
            assert "cancel" in other.next().error()[1]
            other.query("BEGIN")
            other.query("SELECT id FROM n")
            state = "SELECT state, xact_start IS NULL FROM pg_stat_activity WHERE pid = %s" % row["pid"]
            assert client.rows(state) == [["idle in transaction", "f"]]
            other.query("ROLLBACK")
            assert client.rows(state) == [["idle", "t"]]
            other.query("SELECT pg_sleep(0.02), 'secret'")
            until(lambda: "pg_sleep($1), $2" in server.log_tail(), 10, "the slow statement in the log")
            assert client.rows("SELECT pg_terminate_backend(%s)" % row["pid"]) == [["t"]]
            assert other.next() is None
        until(lambda: client.rows(state) == [], 10, "the session to go")
        assert "secret" not in server.log_tail()


def test_native_sessions_of_many_tenants():
    with Server(AUTO) as server, raw.Client(server.port) as client, native.Client(server.port) as other:
        for tenant in range(1, 20):  # more than a connection holds at once
            other.tenant = tenant
            other.query("SELECT 1")
        seen = client.rows("SELECT tenant, datname FROM kimberlite_stat_activity WHERE protocol = 'native'")
        assert len(seen) == 16 and ["19", "19"] in seen, seen
        other.socket.close()
        until(lambda: client.rows("SELECT * FROM kimberlite_stat_activity WHERE protocol = 'native'") == [], 10, "all to go")


def http(server, sql, **more):
    port = int(re.search(r"event=http\.listen port=(\d+)", server.log_tail()).group(1))
    request = urllib.request.Request("http://127.0.0.1:%d/query" % port, json.dumps({"sql": sql, **more}).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def test_http_sessions():
    with Server({"http.listen": "127.0.0.1:0", "log.slow_query": "100ms", "log.level": "debug"}) as server, \
            raw.Client(server.port) as client:
        http(server, "CREATE TABLE h (id INT, w TEXT)")
        for i in range(3):
            assert http(server, "INSERT INTO h VALUES ($1, 'secret')", params=[i])["tag"] == "INSERT 0 1"
        assert len(http(server, "SELECT * FROM h")["rows"]) == 3
        insert = statement(client, "INSERT INTO h VALUES ($1, $2)")
        assert (insert["calls"], insert["rows"], insert["errors"]) == ("3", "3", "0") and int(insert["wal_bytes"]) > 300, insert
        assert statement(client, "SELECT * FROM h")["rows"] == "3"
        assert "error" in http(server, "SELECT 1 / 0")
        assert statement(client, "SELECT $1 / $2")["errors"] == "1"
        error = next(line for line in open(server.log) if "event=request.error" in line)
        assert "sqlstate=22012" in error and re.search(r"request=\d+-1 tenant=1 peer=127\.0\.0\.1:\d+ ", error), error
        answers = []
        asking = threading.Thread(target=lambda: answers.append(http(server, "SELECT pg_sleep(20)")))
        asking.start()
        running = "SELECT pid, usename, state FROM kimberlite_stat_activity WHERE protocol = 'http'"
        until(lambda: client.rows(running), 10, "the statement to run")
        pid, user, state = client.rows(running)[0]
        assert (user, state) == ("kimberlite", "active")
        assert client.rows("SELECT pg_cancel_backend(%s)" % pid) == [["t"]]
        asking.join()
        assert answers[0]["error"]["code"] == "57014" or "cancel" in answers[0]["error"]["message"], answers
        assert client.rows(running) == []
        http(server, "SELECT pg_sleep(0.15), 'secret'")
        until(lambda: "pg_sleep($1), $2" in server.log_tail(), 10, "the slow statement in the log")
        assert "secret" not in server.log_tail()


def one(client, sql):
    found = table(client, sql)
    assert len(found) == 1, (sql, found)
    return found[0]


def test_tables_and_indexes():
    with Server() as server, raw.Client(server.port) as client:
        client.rows("CREATE TABLE t (id int PRIMARY KEY, word text, n int); CREATE INDEX t_n ON t (n)")
        client.rows("INSERT INTO t SELECT g, 'w' || g, g % 100 FROM generate_series(1, 1000) g")
        client.rows("SELECT word FROM t WHERE id = 7")
        client.rows("SELECT word FROM t WHERE id = -7")
        client.rows("SELECT count(word) FROM t")
        client.rows("UPDATE t SET word = 'x' WHERE id <= 3")
        client.rows("DELETE FROM t WHERE id = 1000")
        client.rows("INSERT INTO t VALUES (1, 'a', 1), (2000, 'b', 2) ON CONFLICT (id) DO UPDATE SET word = excluded.word")
        client.rows("MERGE INTO t USING (VALUES (2), (3000)) v (k) ON id = k WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (k)")
        for view in ("pg_stat_user_tables", "kimberlite_stat_tables"):
            row = one(client, "SELECT * FROM " + view)
            assert (row["schemaname"], row["relname"], row["n_live_tup"]) == ("public", "t", "1000"), row
            assert (row["n_tup_ins"], row["n_tup_upd"], row["n_tup_del"]) == ("1002", "4", "2"), row
            assert int(row["seq_scan"]) == 1 and row["seq_tup_read"] == "1000", row
            assert int(row["idx_scan"]) >= 5 and int(row["idx_tup_fetch"]) >= 5, row
        row = one(client, "SELECT * FROM pg_stat_user_indexes WHERE indexrelname = 't_n'")
        assert row["idx_scan"] == "0" and row["indexrelid"] == client.rows("SELECT 't_n'::regclass::oid")[0][0], row
        client.rows("SET enable_seqscan = off")
        assert client.rows("SELECT count(word) FROM t WHERE n = 5") == [["10"]]
        row = one(client, "SELECT * FROM kimberlite_stat_indexes WHERE indexrelname = 't_n'")
        assert row["idx_scan"] == "1" and row["idx_tup_read"] == "10", row
        assert (row["is_primary"], row["is_unique"], row["is_ready"]) == ("f", "f", "t"), row
        client.rows("CREATE TABLE s (id int PRIMARY KEY, t int)")
        client.rows("INSERT INTO s SELECT g, g * 10 FROM generate_series(1, 20) g")
        before = int(one(client, "SELECT * FROM pg_stat_user_indexes WHERE indexrelname = 't_pkey'")["idx_scan"])
        client.rows("SET enable_hashjoin = off; SET enable_mergejoin = off")
        assert client.rows("SELECT count(word) FROM s JOIN t ON t.id = s.t") == [["20"]]
        after = int(one(client, "SELECT * FROM pg_stat_user_indexes WHERE indexrelname = 't_pkey'")["idx_scan"])
        assert after - before == 20, (before, after)
        assert one(client, "SELECT * FROM pg_stat_database")["tup_inserted"] == "1022"
        before = one(client, "SELECT * FROM pg_stat_database")
        for sql in ("BEGIN", "SELECT 1", "COMMIT", "BEGIN", "INSERT INTO s VALUES (100, 0)", "COMMIT", "BEGIN", "ROLLBACK", "SELECT 1"):
            client.rows(sql)
        for sql in ("SELECT 1 / 0", "INSERT INTO s VALUES (100, 0)", "BEGIN; SELECT 1 / 0"):
            assert client.sqlstate(sql) != ""
        client.rows("COMMIT")
        after = one(client, "SELECT * FROM pg_stat_database")
        assert int(after["xact_commit"]) - int(before["xact_commit"]) == 4, (before, after)  # with the look before
        assert int(after["xact_rollback"]) - int(before["xact_rollback"]) == 4, (before, after)
        assert after["numbackends"] == "1", after
        times = client.rows("SELECT DISTINCT pg_postmaster_start_time()::text FROM generate_series(1, 3)")
        assert len(times) == 1 and re.fullmatch(r".{10} .{8}\.\d{1,6}\+00", times[0][0]), times
        client.rows("DELETE FROM s WHERE id = 100")
        with raw.Client(server.port) as other:  # of all sessions together
            assert one(other, "SELECT * FROM pg_stat_user_tables WHERE relname = 's'")["n_tup_ins"] == "21"


def test_log():
    with Server(AUTO) as server, raw.Client(server.port) as client:
        before = one(client, "SELECT * FROM kimberlite_stat_log")
        client.rows("CREATE TABLE t (id int)")
        client.rows("INSERT INTO t VALUES (1), (2)")
        after = one(client, "SELECT * FROM kimberlite_stat_log")
        assert int(after["position"]) - int(before["position"]) >= 2 and int(after["entries"]) - int(before["entries"]) == 2
        for name in ("op", "blocks_written", "entries_written", "bytes_written", "syncs"):
            assert int(after[name]) > int(before[name]), (name, before, after)
        assert after["last_commit"] > before["last_commit"] and len(after["log_uuid"]) == 36, after
        with native.Client(server.port, tenant=2) as other:
            other.query("SELECT 1")
        with raw.Client(server.port, database="2") as other:
            row = one(other, "SELECT * FROM kimberlite_stat_log")
            assert row["tenant"] == "2" and row["op"] is None and row["bytes_written"] is None, row
            assert other.rows("SELECT * FROM kimberlite_stat_tables") == []
        client.rows("CREATE ROLE guest LOGIN")
        with raw.Client(server.port, user="guest") as guest:
            assert one(guest, "SELECT * FROM kimberlite_stat_log")["op"] is None
            assert guest.sqlstate("SELECT * FROM kimberlite_log()") == "42501"
            assert guest.sqlstate("SELECT kimberlite_log(1)") == "42501"


def test_entries():
    with Server(AUTO) as server, raw.Client(server.port) as client:
        client.rows("CREATE TABLE t (id int)")
        client.rows("INSERT INTO t VALUES (1), (2)")
        with native.Client(server.port, tenant=2) as other:
            other.query("CREATE TABLE elsewhere (id BIGINT PRIMARY KEY)")
        rows = client.rows("SELECT entry, tenant, events FROM kimberlite_log()")
        assert [row[:2] for row in rows] == [[str(i + 1), "1"] for i in range(len(rows))], rows
        assert "table_created t table=" in rows[-2][2] and rows[-1][2].endswith(" rows=2"), rows
        with raw.Client(server.port, database="2") as other:
            rows = other.rows("SELECT tenant, events FROM kimberlite_log()")
            assert {row[0] for row in rows} == {"2"} and "elsewhere" in rows[-1][1], rows
        client.rows("BEGIN")
        client.rows("INSERT INTO t VALUES (3)")
        inside = client.rows("SELECT count(*) FROM kimberlite_log()")
        client.rows("COMMIT")
        assert int(client.rows("SELECT count(*) FROM kimberlite_log()")[0][0]) == int(inside[0][0]) + 1


def test_views_of_postgresql():
    """What monitors of PostgreSQL ask for: numbers where there are any, NULL where none are counted, to operators alone."""
    with Server(AUTO) as server, raw.Client(server.port) as client:
        client.rows("CREATE TABLE t (id int PRIMARY KEY, a int)")
        client.rows("CREATE INDEX t_a ON t (a)")
        before = one(client, "SELECT * FROM pg_stat_wal")
        client.rows("INSERT INTO t VALUES (1, 2)")
        after, own = one(client, "SELECT * FROM pg_stat_wal"), one(client, "SELECT * FROM kimberlite_stat_log")
        for name in ("wal_records", "wal_bytes", "wal_write", "wal_sync"):
            assert int(after[name]) > int(before[name]), (name, before, after)
        assert (after["wal_bytes"], after["wal_records"]) == (own["bytes_written"], own["entries_written"]), (after, own)
        checkpoints = one(client, "SELECT * FROM pg_stat_bgwriter")
        assert (checkpoints["checkpoints_timed"], checkpoints["buffers_clean"]) == ("0", None), checkpoints
        assert client.rows("SELECT relname, heap_blks_read FROM pg_statio_user_tables") == [["t", None]]
        assert client.rows("SELECT indexrelname, idx_blks_hit FROM pg_statio_user_indexes ORDER BY 1") == [["t_a", None], ["t_pkey", None]]
        for name in ("progress_copy", "progress_vacuum", "progress_create_index", "subscription", "wal_receiver", "user_functions",
                     "replication_slots"):
            assert client.rows("SELECT * FROM pg_stat_" + name) == [], name
        client.rows("CREATE ROLE guest LOGIN")
        with raw.Client(server.port, user="guest") as guest:
            assert one(guest, "SELECT * FROM pg_stat_wal")["wal_bytes"] is None
            assert one(guest, "SELECT * FROM pg_stat_bgwriter")["checkpoints_req"] is None


def test_connections():
    with Server(AUTO) as server, raw.Client(server.port) as client:
        with raw.Client(server.port, start=False) as silent:
            until(lambda: len(client.rows("SELECT * FROM kimberlite_stat_connections")) == 2, 10, "two connections")
            row = one(client, "SELECT * FROM kimberlite_stat_connections WHERE pid IS NULL")
            assert row["state"] == "handshaking" and row["tenant"] is None and row["requests"] == "0", row
            assert row["client_port"] == str(silent.socket.getsockname()[1]), row
        own = "SELECT * FROM kimberlite_stat_connections WHERE pid = pg_backend_pid()"
        row = one(client, own)
        assert (row["state"], row["protocol"], row["tls_version"]) == ("authenticated", "postgresql", None), row
        sent = client.rows("SELECT repeat('x', 10000)")[0][0]
        assert client.sqlstate("SELECT nothing") == "42703"
        now = one(client, own)
        assert int(now["bytes_sent"]) - int(row["bytes_sent"]) > len(sent), (row, now)
        assert int(now["bytes_received"]) > int(row["bytes_received"]), (row, now)
        assert int(now["requests"]) - int(row["requests"]) == 3 and int(now["errors"]) - int(row["errors"]) == 1, (row, now)
        assert one(client, "SELECT * FROM pg_stat_ssl")["ssl"] == "f"
        with native.Client(server.port, tenant=2) as other:
            other.query("SELECT 1")
        with raw.Client(server.port, database="2") as other:
            until(lambda: len(table(other, "SELECT * FROM kimberlite_stat_connections")) == 1, 10, "the other connection to end")
            row = one(other, "SELECT * FROM kimberlite_stat_connections")
            assert row["pid"] == str(other.process) and row["tenant"] == "2", row


def test_numbers_of_the_server():
    with Server(AUTO) as server, raw.Client(server.port) as client:
        [[text]] = client.rows("SELECT kimberlite_metrics()")
        assert 'kimberlite_build_info{version="' in text and "# TYPE kimberlite_requests_total counter" in text, text
        assert len(client.rows("SELECT kimberlite_metrics() FROM generate_series(1, 3)")) == 3
        client.rows("CREATE ROLE guest LOGIN")
        with native.Client(server.port, tenant=2) as maker:
            maker.query("SELECT 1")  # makes the tenant
        with raw.Client(server.port, user="guest") as guest, raw.Client(server.port, database="2") as other:
            assert guest.sqlstate("SELECT kimberlite_metrics()") == "42501"
            assert other.sqlstate("SELECT kimberlite_metrics()") == "42501"


if __name__ == "__main__":
    checks.main(globals())
