"""psycopg2: a day's work. Argument: a connection string."""
import datetime
import decimal
import io
import sys
import time
import uuid

import psycopg2
import psycopg2.errors
import psycopg2.extras

from checks import LONG, equal, later, must_fail, run, soon

URL = sys.argv[1]
connection = psycopg2.connect(URL)
connection.autocommit = True
psycopg2.extras.register_uuid()


def ask(sql, values=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else None


def tables():
    ask("CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL UNIQUE, age integer CHECK (age >= 0))")
    ask("CREATE INDEX person_age ON person (age)")
    equal(ask("INSERT INTO person (name, age) VALUES (%s, %s) RETURNING id", ("Ada", 36)), [(1,)])


def types_in_text():
    utc = datetime.timezone.utc
    values = [True, 5, -9223372036854775808, decimal.Decimal("12345678901234567890.123456789"), "naïve 日本語 🙂'\\", b"\x00\xff'",
              datetime.date(2024, 2, 29), datetime.time(12, 34, 56), datetime.datetime(2024, 2, 29, 12, 34, 56, 123456),
              datetime.datetime(2024, 2, 29, tzinfo=utc), datetime.timedelta(days=3, hours=4), uuid.uuid4(), [1, 2, None], ["a,b", 'q"q'],
              None]
    got = list(ask("SELECT " + ", ".join(["%s"] * len(values)), values)[0])
    got[5] = bytes(got[5])
    equal(got, values)
    equal(ask("SELECT '{\"a\": [1]}'::jsonb")[0][0], {"a": [1]})


def parameters():
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("SELECT %(a)s + %(b)s AS sum", {"a": 1, "b": 2})
        equal(dict(cursor.fetchone()), {"sum": 3})
    with connection.cursor() as cursor:
        psycopg2.extras.execute_values(cursor, "INSERT INTO person (name, age) VALUES %s", [("p%d" % i, i) for i in range(50)])
        psycopg2.extras.execute_batch(cursor, "UPDATE person SET age = %s WHERE name = %s", [(i + 1, "p%d" % i) for i in range(50)])
    equal(ask("SELECT count(*) FROM person WHERE age IN %s", ((1, 2, 3),)), [(3,)])


def prepared_statements():
    ask("PREPARE by_age (int) AS SELECT name FROM person WHERE age = $1")
    equal(ask("EXECUTE by_age (%s)", (5,)), [("p4",)])
    ask("DEALLOCATE by_age")


def transactions():
    other = psycopg2.connect(URL)
    with other, other.cursor() as cursor:
        cursor.execute("CREATE TABLE ledger (id integer PRIMARY KEY)")
        cursor.execute("INSERT INTO ledger VALUES (1)")
    try:
        with other, other.cursor() as cursor:
            cursor.execute("INSERT INTO ledger VALUES (2)")
            raise KeyError
    except KeyError:
        pass
    equal(ask("SELECT * FROM ledger"), [(1,)])
    other.set_session(isolation_level="SERIALIZABLE", readonly=True)
    with other.cursor() as cursor:
        must_fail(lambda: cursor.execute("INSERT INTO ledger VALUES (3)"), psycopg2.errors.ReadOnlySqlTransaction)
        must_fail(lambda: cursor.execute("SELECT 1"), psycopg2.errors.InFailedSqlTransaction)
    other.close()


def errors():
    must_fail(lambda: ask("INSERT INTO person (name) VALUES ('Ada')"), psycopg2.errors.UniqueViolation)
    error = must_fail(lambda: ask("SELECT nope FROM person"), psycopg2.errors.UndefinedColumn)
    equal((error.pgcode, error.diag.statement_position), ("42703", "8"))
    must_fail(lambda: ask("SELECT 1 / 0"), psycopg2.errors.DivisionByZero)
    equal(ask("SELECT 1"), [(1,)])


def copy():
    ask("CREATE TABLE copied (id int, name text)")
    with connection.cursor() as cursor:
        cursor.copy_from(io.StringIO("".join("%d\tname %d\n" % (i, i) for i in range(1000))), "copied")
        cursor.copy_expert("COPY copied FROM STDIN CSV", io.StringIO("1000,\"a \"\"b\"\"\"\n1001,\n"))
        out = io.StringIO()
        cursor.copy_expert("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT CSV", out)
    equal(len(out.getvalue().splitlines()), 1002)


def cursors():
    other = psycopg2.connect(URL)
    with other.cursor("named") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT id FROM copied ORDER BY id")
        equal(cursor.fetchmany(2), [(0,), (1,)])
        equal(sum(1 for _ in cursor), 1000)
    other.close()


def time_travel():
    ask("CREATE TABLE past (id int PRIMARY KEY, v text)")
    ask("INSERT INTO past VALUES (1, 'old')")
    then = ask("SELECT now()")[0][0]
    time.sleep(0.01)
    ask("UPDATE past SET v = 'new'")
    equal(ask("SELECT v FROM past AS OF TIMESTAMP %s", (then.isoformat(),)), [("old",)])
    equal(ask("SELECT v FROM past AS OF TIMESTAMP %s", (then,)), [("old",)])  # psycopg 2 writes '...'::timestamptz


def cancellation():
    begun = time.monotonic()
    timer = later(0.3, connection.cancel)
    must_fail(lambda: ask(LONG), psycopg2.errors.QueryCanceled)
    timer.join()
    soon(begun)
    equal(ask("SELECT 1"), [(1,)])


def notifications():
    other = psycopg2.connect(URL)
    other.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("LISTEN news")
        with other.cursor() as sender:
            sender.execute("NOTIFY news, 'hello'")
        begun = time.monotonic()
        while not connection.notifies:
            connection.poll()
            soon(begun)
        equal(connection.notifies.pop().payload, "hello")
        cursor.execute("UNLISTEN *")
    other.close()


def reconnecting():
    other = psycopg2.connect(URL)
    other.autocommit = True
    ask("SELECT pg_terminate_backend(%s)", (other.get_backend_pid(),))

    def use():
        with other.cursor() as cursor:
            cursor.execute("SELECT 1")
    must_fail(use, psycopg2.Error)
    assert other.closed
    psycopg2.connect(URL).close()


run([tables, types_in_text, parameters, prepared_statements, transactions, errors, copy, cursors, time_travel, cancellation,
     notifications, reconnecting])
