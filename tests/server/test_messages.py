#!/usr/bin/env python3
"""Messages of the extended protocol in every order, right and wrong: PostgreSQL 15 and Kimberlite answer alike.

What is compared are the kinds of the answers, SQLSTATEs, tags, rows, parameters' types and columns; for a closed
connection, that it is closed. Without PostgreSQL it can not run.
"""
import os
import random
import struct
import sys

import checks
import raw
from serve import Server

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance", "differential"))
from databases import Postgres, find_postgres  # noqa: E402

P, B, D, E, C, Q = raw.parse, raw.bind, raw.describe, raw.execute, raw.close, raw.query
S, H = raw.SYNC, raw.FLUSH
INT4, INT8, TEXT = 23, 20, 25


def i4(value):
    return struct.pack("!i", value)


SETUP = "CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t SELECT g, 'row ' || g FROM generate_series(1, 10) g"

# Each is a list of bytes to send; every Sync or Query among them gives one ReadyForQuery.
CONVERSATIONS = {
    "plain": [P("SELECT 1"), B(), D("P"), E(), S],
    "statement described": [P("SELECT $1::int + 1, $2::text"), D("S"), S],
    "unknown parameters": [P("SELECT * FROM t WHERE id = $1 AND name = $2"), D("S"), B(["1", "row 1"]), E(), S],
    "given types": [P("SELECT $1, $2", types=[INT4, TEXT]), D("S"), B(["7", "x"]), D("P"), E(), S],
    "type 0": [P("SELECT $1::int8, $2", types=[0, 0]), D("S"), B(["7", "x"]), E(), S],
    "type 705": [P("SELECT $1", types=[705]), D("S"), S],
    "no such type": [P("SELECT $1", types=[987654]), S],
    "binary": [P("SELECT $1::int, $2::int8, 'x'::text", types=[INT4, INT8]),
               B([i4(7), struct.pack("!q", -9)], formats=[1], results=[1]), D("P"), E(), S],
    "mixed formats": [P("SELECT $1::int, $2::text"), B([i4(3), "x"], formats=[1, 0], results=[0, 1]), D("P"), E(), S],
    "wrong format count": [P("SELECT $1::int, $2::text, $3::int"), B(["1", "2", "3"], formats=[0, 0]), S],
    "wrong result format count": [P("SELECT 1, 2, 3"), B(results=[1, 1]), S],
    "format 2": [P("SELECT $1::int"), B(["1"], formats=[2]), E(), S],
    "result format 2": [P("SELECT 1"), B(results=[2]), E(), S],
    "binary of wrong length": [P("SELECT $1::int"), B([b"abc"], formats=[1]), S],
    "bad text": [P("SELECT $1::int"), B(["abc"]), E(), S],
    "bad encoding": [P("SELECT $1::text"), B([b"\xff\xfe"]), E(), S],
    "bad encoding in a query": [raw.message("Q", b"SELECT '\xff'\0")],
    "null": [P("SELECT $1::int IS NULL, $1::int"), B([None]), E(), S],
    "too few values": [P("SELECT $1::int, $2::int"), B(["1"]), E(), S],
    "too many values": [P("SELECT $1::int"), B(["1", "2"]), E(), S],
    "named": [P("SELECT $1::int", "s1"), B(["1"], "s1", "p1"), E("p1"), B(["2"], "s1", "p2"), E("p2"), S],
    "named stays": [P("SELECT 1", "n1"), S, B((), "n1"), E(), S, C("S", "n1"), S, B((), "n1"), S],
    "twice the same name": [P("SELECT 1", "d1"), P("SELECT 2", "d1"), S, B((), "d1"), E(), S],
    "unnamed again": [P("SELECT 1"), P("SELECT 2"), B(), E(), S],
    "unnamed lives on": [P("SELECT 1"), S, B(), E(), S],
    "unnamed after query": [P("SELECT 1"), S, Q("SELECT 5"), B(), E(), S],
    "failed parse drops the unnamed": [P("SELECT 1"), P("SELECT nope"), S, B(), E(), S],
    "two statements": [P("SELECT 1; SELECT 2"), S],
    "empty": [P(""), D("S"), B(), D("P"), E(), S],
    "only blanks": [P("  ;  "), B(), E(), S],
    "only a comment": [P("-- nothing"), B(), E(), S],
    "empty query": [Q("")],
    "semicolons": [Q(";;")],
    "no statement": [B((), "none"), S],
    "no portal": [E("none"), S],
    "describe nothing": [D("S", "none"), S, D("P", "none"), S],
    "close nothing": [C("S", "none"), C("P", "none"), S],
    "describe of a wrong kind": [raw.message("D", b"X\0"), S],
    "close of a wrong kind": [raw.message("C", b"X\0"), S],
    "skips to sync": [P("SELECT nope"), B(), E(), P("SELECT 1"), B(), E(), S, P("SELECT 2"), B(), E(), S],
    "flush while skipping": [P("SELECT nope"), H, B(), E(), H, S],
    "query while skipping": [P("SELECT nope"), B(), E(), S, Q("SELECT 1")],
    "rows limited": [P("SELECT id FROM t ORDER BY id"), B(), E("", 3), E("", 3), E("", 0), E("", 0), S],
    "rows limited exactly": [P("SELECT id FROM t ORDER BY id"), B(), E("", 10), E("", 1), S],
    "rows of changes limited": [Q("BEGIN"), P("UPDATE t SET name = name WHERE id < 4 RETURNING id"), B(), E("", 2), E("", 2),
                                P("INSERT INTO t VALUES (50), (51) RETURNING id"), B(), E("", 1), E("", 5), E("", 5), S, Q("ROLLBACK")],
    "rows of FETCH limited": [Q("BEGIN"), Q("DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id"), P("FETCH 3 FROM c"), B(), E("", 2), E("", 2), S,
                              P("SHOW TimeZone"), B(), E("", 1), E("", 1), S, Q("ROLLBACK")],
    "rows limited beyond": [P("SELECT id FROM t ORDER BY id"), B(), E("", 11), S],
    "portal ends with sync": [P("SELECT id FROM t ORDER BY id"), B((), "", "c"), E("c", 2), S, E("c", 2), S],
    "portal in a block": [Q("BEGIN"), P("SELECT id FROM t ORDER BY id"), B((), "", "c"), E("c", 2), S, E("c", 2), S,
                          C("P", "c"), S, E("c"), S, Q("ROLLBACK")],
    "portal twice": [P("SELECT 1"), B((), "", "x"), B((), "", "x"), S],
    "portal of a closed statement": [P("SELECT 1", "z1"), B((), "z1", "x"), C("S", "z1"), E("x"), S],
    "insert twice": [P("INSERT INTO t VALUES (50, 'x')"), B(), E(), E(), S, Q("DELETE FROM t WHERE id = 50")],
    "insert returning": [P("INSERT INTO t VALUES (60, 'x') RETURNING id"), D("S"), B(), D("P"), E(), S, Q("DELETE FROM t WHERE id = 60")],
    "insert returning limited": [P("INSERT INTO t VALUES (61, 'x'), (62, 'y') RETURNING id"), B(), E("", 1), E("", 1), E(), S,
                                 Q("DELETE FROM t WHERE id > 60")],
    "pipeline is one transaction": [P("INSERT INTO t VALUES (70, 'x')"), B(), E(), P("INSERT INTO t VALUES (70, 'y')"), B(), E(), S,
                                    Q("SELECT count(*) FROM t WHERE id = 70")],
    "syncs part transactions": [P("INSERT INTO t VALUES (71, 'x')"), B(), E(), S, P("INSERT INTO t VALUES (71, 'y')"), B(), E(), S,
                                Q("SELECT count(*) FROM t WHERE id = 71"), Q("DELETE FROM t WHERE id = 71")],
    "pipeline with begin": [P("BEGIN"), B(), E(), P("INSERT INTO t VALUES (72, 'x')"), B(), E(), S, P("ROLLBACK"), B(), E(), S,
                            Q("SELECT count(*) FROM t WHERE id = 72")],
    "pipeline with begin and an error": [P("BEGIN"), B(), E(), P("SELECT nope"), B(), E(), S, P("SELECT 1"), S, P("COMMIT"), B(), E(), S],
    "pipeline with commit": [P("INSERT INTO t VALUES (73, 'x')"), B(), E(), P("COMMIT"), B(), E(), P("SELECT nope"), S,
                             Q("SELECT count(*) FROM t WHERE id = 73"), Q("DELETE FROM t WHERE id = 73")],
    "failed block": [Q("BEGIN"), Q("SELECT nope"), P("SELECT 1"), S, B(), S, Q("SELECT 1"), Q("COMMIT"), Q("SELECT 1")],
    "failed block lets rollback in": [P("ROLLBACK", "rb"), S, Q("BEGIN"), Q("SELECT nope"), B((), "rb"), E(), S],
    "error when bound": [Q("BEGIN"), P("SELECT $1::int"), B(["x"]), E(), S, Q("ROLLBACK")],
    "error when run": [P("SELECT 1 / $1::int"), B(["0"]), E(), S],
    "error among rows": [P("SELECT 10 / (5 - g) FROM generate_series(1, 9) g"), B(), E(), S],
    "implicit transaction": [Q("INSERT INTO t VALUES (80, 'x'); SELECT 1 / 0; SELECT 2"), Q("SELECT count(*) FROM t WHERE id = 80")],
    "several queries": [Q("SELECT 1; SELECT 'a', 'b'; INSERT INTO t VALUES (81, 'x'); DELETE FROM t WHERE id = 81")],
    "begin twice": [Q("BEGIN"), Q("BEGIN"), Q("COMMIT"), Q("COMMIT"), Q("ROLLBACK")],
    "begin in a script": [Q("SELECT 1; BEGIN; SELECT 2"), Q("COMMIT")],
    "blocks behind commits": [Q("INSERT INTO t VALUES (301, 'x'); COMMIT; INSERT INTO t VALUES (302, 'x'); SELECT count(*) FROM t WHERE id > 300; SELECT nope"),
                              Q("SELECT id FROM t WHERE id > 300"),
                              P("INSERT INTO t VALUES ($1::int, 'y')", "ins"), B(["303"], "ins"), E(), S, B(["304"], "ins"), E(), B(["305"], "ins"), E(), S,
                              B(["306"], "ins"), E(), B(["303"], "ins"), E(), S, Q("SELECT id FROM t WHERE id > 300 ORDER BY id")],
    "commit in a script": [Q("SELECT 1; COMMIT; SELECT 2")],
    "savepoints": [Q("BEGIN; SAVEPOINT a"), Q("SELECT nope"), Q("ROLLBACK TO a"), Q("SELECT 1"), Q("COMMIT")],
    "savepoint outside": [Q("SAVEPOINT a"), Q("ROLLBACK TO a"), Q("RELEASE a")],
    "savepoint in a script": [Q("SELECT 1; SAVEPOINT a; SELECT 2")],
    "no columns": [Q("SELECT"), P("SELECT"), D("S"), B(), D("P"), E(), S],
    "no columns, rows": [Q("SELECT FROM t WHERE id < 3")],
    "zero rows": [Q("SELECT * FROM t WHERE false")],
    "parameter in a query": [Q("SELECT $1")],
    "utility described": [P("CREATE TABLE u (a int)"), D("S"), B(), D("P"), E(), S, Q("DROP TABLE u")],
    "show described": [P("SHOW server_encoding"), D("S"), B(), D("P"), E(), S],
    "explain described": [P("EXPLAIN SELECT 1"), D("S"), S],
    "values": [P("VALUES (1, 'a'), (2, 'b')"), D("S"), B(), E(), S],
    "function call": [raw.message("F", struct.pack("!IHHH", 999999, 0, 0, 0))],
    "unknown kind": [raw.message("y", b"")],
    "copy data out of place": [raw.message("d", b"1\n"), raw.message("c"), Q("SELECT 1")],
    "copy in": [Q("COPY t FROM STDIN"), raw.message("d", b"90\tx\n"), raw.message("c"), Q("SELECT name FROM t WHERE id = 90"),
                Q("DELETE FROM t WHERE id = 90")],
    "copy in pieces": [Q("COPY t FROM STDIN"), raw.message("d", b"9"), raw.message("d", b"1\t"), raw.message("d", b"x\n92\ty"),
                       raw.message("c"), Q("DELETE FROM t WHERE id > 90")],
    "copy fails": [Q("COPY t FROM STDIN"), raw.message("d", b"90\tx\n"), raw.message("f", raw.text("no more")),
                   Q("SELECT count(*) FROM t WHERE id = 90")],
    "copy of garbage": [Q("COPY t FROM STDIN"), raw.message("d", b"a\tx\n"), raw.message("d", b"b\tx\n"), raw.message("c"), Q("SELECT 1")],
    "copy, extended": [P("COPY t FROM STDIN"), B(), E(), raw.message("d", b"93\tx\n"), raw.message("c"), S, Q("DELETE FROM t WHERE id = 93")],
    "copy out": [Q("COPY (SELECT id FROM t ORDER BY id) TO STDOUT")],
    "copy out, extended": [P("COPY (SELECT id FROM t ORDER BY id) TO STDOUT"), D("S"), B(), D("P"), E(), S],
    "copy interrupted": [Q("COPY t FROM STDIN"), raw.message("d", b"90\tx\n"), Q("SELECT 1"), Q("SELECT count(*) FROM t")],
    "deallocate": [P("SELECT 1", "da"), S, Q("DEALLOCATE da"), B((), "da"), S],
    "deallocate all": [P("SELECT 1", "db"), S, Q("DEALLOCATE ALL"), B((), "db"), S],
    "discard all": [P("SELECT 1", "dc"), S, Q("DISCARD ALL"), B((), "dc"), S],
    "prepared in sql": [Q("PREPARE ps AS SELECT 4"), B((), "ps"), E(), S, Q("DEALLOCATE ps")],
    "executed in sql": [P("SELECT 4", "pe"), S, Q("EXECUTE pe"), C("S", "pe"), S],
    "cursor in sql": [Q("BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id"), D("P", "c"), S, Q("FETCH c"), Q("ROLLBACK")],
    "cursor run as a portal": [Q("BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id"), E("c", 1), S, Q("ROLLBACK")],
    "prepared in sql with parameters": [Q("PREPARE pp (int, text) AS SELECT id, $2 FROM t WHERE id = $1"), D("S", "pp"), S,
                                        B(["3", "x"], "pp"), D("P"), E(), S, B([i4(4), "y"], "pp", formats=[1, 0], results=[1, 0]), E(), S,
                                        B(["4"], "pp"), S, C("S", "pp"), S, Q("EXECUTE pp(1, 'x')")],
    "prepared in sql, written": [Q("PREPARE pw AS INSERT INTO t VALUES ($1, 'w') RETURNING id"), D("S", "pw"), S, B(["85"], "pw"), E(), S,
                                 Q("DELETE FROM t WHERE id = 85; DEALLOCATE pw"), B(["85"], "pw"), S],
    "prepared twice": [Q("PREPARE p2 AS SELECT 1"), P("SELECT 2", "p2"), S, P("SELECT 2", "q2"), S, Q("PREPARE q2 AS SELECT 3"),
                       Q("EXECUTE q2"), Q("DEALLOCATE p2"), P("SELECT 5", "p2"), S, Q("EXECUTE p2"), B((), "p2"), E(), S,
                       Q("DEALLOCATE ALL"), Q("EXECUTE p2"), D("S", "q2"), S],
    "named otherwise meanwhile": [P("SELECT 1", "mw"), B((), "mw"), E(), S, Q("DEALLOCATE mw; PREPARE mw AS SELECT 'a', 2"), D("S", "mw"),
                                  B((), "mw"), E(), S, Q("DEALLOCATE mw")],
    "executed in sql with parameters": [P("SELECT id, name FROM t WHERE id = $1 OR name = $2", "ep"), S, Q("EXECUTE ep(2, 'row 3')"),
                                        Q("EXECUTE ep(2)"), Q("EXECUTE ep('x', 'y')"), C("S", "ep"), S, Q("EXECUTE ep(1, '')")],
    "shown": [P("SELECT $1::int8, $2::text", "Shown one", types=[INT8]), S, Q("PREPARE sp (int4) AS SELECT $1"),
              Q("SELECT name, statement, parameter_types::text, from_sql, prepare_time > now() - interval '1 minute'"
                " FROM pg_prepared_statements WHERE name LIKE '%hown%' OR name = 'sp' ORDER BY name"),
              Q('DEALLOCATE "Shown one"'), C("S", "sp"), S, Q("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 's%'")],
    "deallocated by the protocol": [P("SELECT 1", "dp"), S, P("DEALLOCATE dp"), B(), E(), S, B((), "dp"), S, P("DEALLOCATE dp"), B(), E(), S],
    "portal of a deallocated statement": [Q("BEGIN"), P("SELECT id FROM t ORDER BY id", "pd"), B((), "pd", "c"), E("c", 2), S,
                                          Q("DEALLOCATE pd"), E("c", 2), S, Q("COMMIT")],
    "cursor run in parts": [Q("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT id FROM t ORDER BY id"), D("P", "c"), E("c", 2), E("c", 1), S,
                            Q("FETCH 2 FROM c"), E("c", 0), E("c", 0), S, Q("FETCH BACKWARD 1 FROM c"), C("P", "c"), S, E("c"), S, Q("ROLLBACK")],
    "cursor run to its end": [Q("BEGIN; DECLARE c CURSOR FOR SELECT id FROM t WHERE id < 3 ORDER BY id"), E("c", 2), E("c", 2), S, Q("COMMIT"),
                              E("c", 2), S],
    "cursor held": [Q("BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT id FROM t ORDER BY id"), Q("COMMIT"), E("h", 2), S, E("h", 3), S,
                    B((), "", "h"), S, P("SELECT 1"), B((), "", "h"), S, C("P", "h"), S, E("h", 1), S],
    "cursors with odd names": [Q('BEGIN; DECLARE "a ""b""" CURSOR FOR SELECT 1'), D("P", 'a "b"'), E('a "b"'), S, Q("ROLLBACK")],
    "changed behind a statement": [Q("CREATE TABLE w (a int)"), P("SELECT * FROM w", "cw"), S, Q("ALTER TABLE w ADD COLUMN b int"),
                                   B((), "cw"), E(), S, Q("DROP TABLE w"), B((), "cw"), E(), S],
    "bound again after a drop": [Q("CREATE TABLE w1 (a int)"), P("INSERT INTO w1 VALUES ($1)", "i1"), B(["1"], "i1"), E(), S,
                                 Q("DROP TABLE w1"), B(["2"], "i1"), E(), S, B(["3"], "i1"), E(), S, C("S", "i1"), S],
    "empty statement replaced": [P(""), B(), P("SELECT 1"), S, B(), E(), S],
    "second portal of a closed statement": [P("SELECT 1", "s3"), B((), "s3", "p1"), B((), "s3", "p2"), C("S", "s3"), C("P", "p1"),
                                            E("p2"), S],
    "portal after a commit": [Q("BEGIN"), P("SELECT id FROM t ORDER BY id"), B((), "", "c4"), E("c4", 1), P("COMMIT"), B(), E(),
                              E("c4", 1), S],
    "portal behind a savepoint": [Q("BEGIN"), P("SELECT id FROM t ORDER BY id", "bs"), B((), "bs", "before"), E("before", 1), S,
                                  Q("SAVEPOINT a; INSERT INTO t VALUES (666, 'x'), (667, 'y')"),
                                  P("SELECT id FROM t WHERE id > 600 ORDER BY id"), B((), "", "p"), E("p", 1), B((), "bs", "q"), S,
                                  Q("ROLLBACK TO a"), E("p", 1), S, Q("ROLLBACK TO a"), D("P", "p"), S, Q("ROLLBACK TO a"),
                                  E("q", 1), S, Q("ROLLBACK TO a"), E("before", 1), E("before", 2), S, C("S", "bs"), Q("ROLLBACK")],
    "savepoints and portals by the protocol": [Q("BEGIN"), P("SELECT id FROM t ORDER BY id", "sp"), P("ROLLBACK TO a", "back"),
                                               B((), "sp", "one"), Q("SAVEPOINT a"), B((), "sp", "two"), Q("SAVEPOINT b"), B((), "sp", "three"),
                                               Q("RELEASE b"), B((), "sp"), E("", 1), S, B((), "back", "x"), E("x"), E("one", 1), S,
                                               E("x"), S, Q("ROLLBACK TO a"), E("three", 1), S, Q("ROLLBACK TO a"), E("", 1), S,
                                               B((), "back"), E(), B((), "sp", "two"), E("two", 1), E("one", 1), S,
                                               C("S", "sp"), C("S", "back"), Q("ROLLBACK")],
    "portal of a savepoint that failed": [Q("BEGIN; SAVEPOINT a"), P("SELECT id FROM t ORDER BY id", "sf"), B((), "sf", "c6"), E("c6", 1), S,
                                          Q("SELECT nope"), Q("ROLLBACK TO a"), E("c6", 1), S, Q("ROLLBACK TO a"), B((), "sf", "c6"), E("c6", 1), S,
                                          Q("RELEASE a"), E("c6", 1), S, C("S", "sf"), Q("COMMIT")],
    "portal in a failed block": [Q("BEGIN"), P("SELECT id FROM t ORDER BY id"), B((), "", "c5"), E("c5", 1), S, Q("SELECT nope"),
                                 E("c5", 1), S, Q("ROLLBACK")],
    "copy prepared, its table made anew": [Q("CREATE TABLE w6 (a int)"), P("COPY w6 FROM STDIN", "c6"), B((), "c6"), E(),
                                           raw.message("d", b"1\n"), raw.message("c"), S, Q("DROP TABLE w6"), B((), "c6"), E(), S,
                                           Q("CREATE TABLE w6 (a int)"), B((), "c6"), E(), raw.message("d", b"2\n"),
                                           raw.message("c"), S, Q("SELECT * FROM w6"), Q("DROP TABLE w6")],
    "altered between bind and execute": [Q("CREATE TABLE w2 (a int, b int); INSERT INTO w2 VALUES (1, 2)"),
                                         P("SELECT * FROM w2", "s2"), P("ALTER TABLE w2 ADD COLUMN c int", "a2"),
                                         B((), "s2", "p2", results=[1, 1]), B((), "a2", "pa"), E("pa"), E("p2"), S,
                                         Q("DROP TABLE w2")],
    "a later statement that does not parse": [Q("INSERT INTO t VALUES (99, 'x'); COMMIT; SELEC 1"), Q("SELECT count(*) FROM t WHERE id = 99")],
    "what is violated": [Q("CREATE TABLE v (a int CONSTRAINT pos CHECK (a > 0), b int NOT NULL UNIQUE, c int REFERENCES t(id))"),
                         Q("INSERT INTO v VALUES (-1, 1)"), Q("INSERT INTO v VALUES (1, NULL)"), Q("INSERT INTO v VALUES (1, 1, 777)"),
                         Q("INSERT INTO v VALUES (1, 1), (1, 1)"), Q("INSERT INTO v VALUES (1, 1, 1)"), Q("DELETE FROM t WHERE id = 1"),
                         Q("UPDATE v SET b = NULL"), Q("DROP TABLE v")],
    "notices": [Q("DROP TABLE IF EXISTS nothing, nowhere.nothing"), Q("CREATE TABLE IF NOT EXISTS t (a int)"),
                Q("ALTER TABLE t ADD COLUMN IF NOT EXISTS id int"), Q("ALTER TABLE t DROP COLUMN IF EXISTS none"),
                Q("ALTER TABLE IF EXISTS nothing ADD COLUMN a int"), Q("DROP SCHEMA IF EXISTS nowhere"),
                Q("CREATE SCHEMA IF NOT EXISTS public"), Q("DROP TYPE IF EXISTS nope"), Q("DROP INDEX IF EXISTS none"),
                Q("DROP SEQUENCE IF EXISTS none"), Q("DROP VIEW IF EXISTS none"), Q("DROP ROLE IF EXISTS nope"),
                Q("CREATE TABLE g (a int PRIMARY KEY, b int)"), Q("CREATE VIEW gv AS SELECT a FROM g"), Q("CREATE VIEW gw AS SELECT a FROM gv"),
                Q("CREATE TABLE h (a int REFERENCES g)"), Q("TRUNCATE g CASCADE"), Q("DROP VIEW gv CASCADE"), Q("ALTER TABLE g DROP CONSTRAINT g_pkey CASCADE"),
                Q("CREATE VIEW gv AS SELECT a FROM g"), Q("CREATE VIEW gw AS SELECT a FROM g"), Q("DROP TABLE g CASCADE"), Q("DROP TABLE h"),
                Q("CREATE TYPE y AS ENUM ('a')"), Q("CREATE TABLE h (a y, b int)"), Q("DROP TYPE y CASCADE"), Q("DROP TABLE h"),
                Q("CREATE SCHEMA away"), Q("CREATE TABLE away.t (a int)"), Q("DROP SCHEMA away CASCADE"),
                Q("SET client_min_messages = warning"), Q("DROP TABLE IF EXISTS nothing"), Q("RESET client_min_messages")],
    "many statements": [Q("SELECT 1;" * 2000)],
    "settings told": [Q("SET application_name = 'x'"), Q("SET TIME ZONE 'Europe/Berlin'"), Q("BEGIN; SET application_name = 'y'"), Q("ROLLBACK")],
    "styles told": [Q("SET DateStyle = 'SQL, DMY'"), Q("BEGIN; SET IntervalStyle = iso_8601"), Q("SELECT date '2024-02-03', interval '1 day'"),
                    Q("ROLLBACK"), P("SELECT $1::date, $2::timestamp"), B(["03/02/2024", "04/05/2024"]), E(), S, Q("SET DateStyle = 'SQL, DMY'"),
                    Q("RESET ALL")],
    "long name": [P("SELECT 1", "n" * 200), B((), "n" * 200), E(), S],
    "nul in a query": [raw.message("Q", b"SELECT 1\0SELECT 2\0")],
    "no nul in a query": [raw.message("Q", b"SELECT 1")],
    "no nul in a parse": [raw.message("P", b"\0SELECT 1"), S],
    "short bind": [raw.message("B", b"\0\0\0"), S],
    "long bind": [P("SELECT 1"), raw.message("B", b"\0\0" + b"\0" * 6 + b"zzz"), S],
    "bind with a length beyond": [P("SELECT $1::text"), raw.message("B", b"\0\0\0\0\0\1\x7f\xff\xff\xffab"), S],
    "bind with a negative length": [P("SELECT $1::text"), raw.message("B", b"\0\0\0\0\0\1\xff\xff\xff\xf0\0\0"), S],
    "parse with a count beyond": [raw.message("P", b"\0SELECT 1\0\x00\x09"), S],
    "execute, short": [raw.message("E", b"\0\0"), S],
    "sync with a body": [raw.message("S", b"xx"), Q("SELECT 1")],
    "negative row limit": [P("SELECT id FROM t WHERE id < 3"), B(), E("", -1), S],
    "terminate": [raw.TERMINATE],
    "terminate in a block": [Q("BEGIN"), raw.TERMINATE],
    "length 3": [b"Q\0\0\0\3"],
    "length of a gigabyte": [b"Q\x40\0\0\0"],
    "length below zero": [b"Q\xff\xff\xff\xff"],
}

# Where Kimberlite answers in its own way: the reason, and what it says.
ACCEPTED = {
    "no such type": ("PostgreSQL calls it an internal error", "E(ERROR 42704) Z(I)"),
    "result format 2": ("refused when it is bound, not when it is run", "1 E(ERROR 22023) Z(I)"),
    "error when run": ("constants are computed when parameters are known: PostgreSQL does so in Bind",
                       "1 2 E(ERROR 22012) Z(I)"),
    "function call": ("the message is not supported; PostgreSQL looks for the function", "E(ERROR 0A000) Z(I)"),
    "sync with a body": ("what Sync means is clear", "Z(I) T[('?column?', 23, 4, -1, 0)] D[b'1'] C(SELECT 1) Z(I)"),
    "short bind": ("the message is read whole before the statement is looked for", "E(ERROR 08P01) Z(I)"),
    "bound again after a drop": ("a statement without rows looks for its tables when it is run",
                                 "C(CREATE TABLE) Z(I) 1 2 C(INSERT 0 1) Z(I) C(DROP TABLE) Z(I) 2 E(ERROR 42P01) Z(I)"
                                 " E(ERROR 42P01) Z(I) 3 Z(I)"),
    "copy prepared, its table made anew": ("the table is looked for when the rows are asked for",
                                           "C(CREATE TABLE) Z(I) 1 2 G C(COPY 1) Z(I) C(DROP TABLE) Z(I) 2 G E(ERROR 42P01) Z(I)"
                                           " C(CREATE TABLE) Z(I) 2 G C(COPY 1) Z(I) T[('a', 23, 4, -1, 0)] D[b'2'] C(SELECT 1) Z(I)"
                                           " C(DROP TABLE) Z(I)"),
    "altered between bind and execute": ("a table may change while a portal waits, whose rows are refused then",
                                         "C(CREATE TABLE) C(INSERT 0 1) Z(I) 1 1 2 2 C(ALTER TABLE) E(ERROR 0A000) Z(I)"
                                         " C(DROP TABLE) Z(I)"),
    "length 3": ("it is said why", "E(FATAL 08P01) 'closed'"),
    "length of a gigabyte": ("it is said why", "E(FATAL 08P01) 'closed'"),
    "length below zero": ("it is said why", "E(FATAL 08P01) 'closed'"),
    "startup protocol 2": ("answered in protocol 3, which every client reads today", "E(FATAL 0A000)"),
}

STARTUPS = {
    "plain": raw.startup(),
    "protocol 2": raw.startup(version=0x00020000),
    "protocol 4": raw.startup(version=0x00040000),
    "protocol 3.5": raw.startup(version=0x00030005),
    "protocol option": raw.startup(**{"_pq_.wish": "x"}),
    "no user": raw.startup(user=""),
    "no such database": raw.startup(database="nothing_here"),
    "no such setting": raw.startup(nosuch="1"),
    "bad setting": raw.startup(statement_timeout="abc"),
    "settings": raw.startup(application_name="me", DateStyle="ISO", client_encoding="UTF8"),
    "styles": raw.startup(DateStyle="German", IntervalStyle="iso_8601"),
    "options": raw.startup(options="-c statement_timeout=5s --application_name=\\ x"),
    "bad options": raw.startup(options="--nothing"),
    "no end": raw.startup()[:3] + b"\x20" + raw.startup()[4:31] + b"x",
    "length 0": struct.pack("!I", 0),
    "length 7": struct.pack("!II", 7, raw.PROTOCOL_3),
    "length of a megabyte": struct.pack("!II", 1 << 20, raw.PROTOCOL_3),
    "cancel of nobody": struct.pack("!IIII", 16, raw.CANCEL, 1, 1),
}


def answers(client, parts):
    """What the server says to a conversation, as text."""
    try:
        client.send(*parts)
        found = [repr(one) for one in collect(client, parts)]
    except (raw.Closed, ConnectionError):
        found = ["closed"]
    return found


def collect(client, parts):
    awaited = count_readies(parts)
    found = []
    try:
        while awaited > 0:
            found.append(client.receive())
            awaited -= found[-1].kind == "Z"
        if awaited < 0:
            found += client.rest()
            return found + ["closed"]
    except raw.Closed:
        found.append("closed")
    return found


def count_readies(parts):
    """How many ReadyForQuery a conversation gets; -1: the connection is closed instead."""
    if any(part[:1] in b"Xy" or part[1:5] in (b"\0\0\0\3", b"\x40\0\0\0", b"\xff\xff\xff\xff") for part in parts):
        return -1
    return sum(part[:1] in b"SQF" for part in parts)


class Pair:
    """Both servers, set up alike."""

    def __init__(self):
        programs = find_postgres()
        if programs is None:
            print("skipped: PostgreSQL 15 is not installed (Debian: postgresql)")
            sys.exit(77)
        self.postgres = Postgres(programs)
        try:
            self.server = Server()
            self.server.__enter__()
        except BaseException:
            self.postgres.close()
            raise
        self.postgres.ask("CREATE ROLE kimberlite SUPERUSER LOGIN")
        self.postgres.ask("CREATE DATABASE kimberlite")
        self.addresses = [os.path.join(self.postgres.directory, ".s.PGSQL.5432"), self.server.port]
        for address in self.addresses:
            with raw.Client(address) as client:
                client.rows(SETUP)

    def close(self):
        self.postgres.close()
        self.server.__exit__(None, None, None)

    def both(self, parts):
        found = []
        for address in self.addresses:
            with raw.Client(address) as client:
                found.append(answers(client, parts))
        return found


def check(name, expected, given):
    """Alike, or as ACCEPTED says; what is accepted and does not differ any more is a failure, too."""
    expected, given = " ".join(expected), " ".join(given)
    if name in ACCEPTED and expected == given:
        raise AssertionError("it does not differ any more: take it out of ACCEPTED\n" + given)
    if given != ACCEPTED.get(name, ("", expected))[1]:
        raise AssertionError("PostgreSQL: %s\nKimberlite: %s" % (expected, given))


def make_test(pair, name, parts):
    def test():
        check(name, *pair.both(parts))
    return test


def make_startup_test(pair, name, first):
    def test():
        found = []
        for address in pair.addresses:
            with raw.Client(address, start=False) as client:
                client.send(first)
                client.socket.shutdown(1)
                found.append([repr(one) for one in client.rest() if one.kind not in "RSK"])
        check("startup " + name, *found)
    return test


def main():
    pair = Pair()
    try:
        tests = {"test_" + name.replace(" ", "_"): make_test(pair, name, parts) for name, parts in CONVERSATIONS.items()}
        tests.update({"test_startup_" + name.replace(" ", "_"): make_startup_test(pair, name, first)
                      for name, first in STARTUPS.items()})
        passed, failed = checks.run(tests, workers=1)
    finally:
        pair.close()
    checks.finish(passed, failed)


if __name__ == "__main__":
    main()
