"""psql: a day's work. Argument: a connection string."""
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
from checks import LONG, equal, run, soon  # noqa: E402

URL = sys.argv[1]


def psql(script, *options, code=0):
    """Standard output of a script; errors are in it."""
    done = subprocess.run(["psql", "-X", "-q", "-A", *(options or ["-t"]), URL], input=script.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    equal(done.returncode, code)
    return done.stdout.decode().splitlines()


def tables():
    psql("CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL UNIQUE, age integer CHECK (age >= 0));"
         "CREATE INDEX person_age ON person (age);")
    equal(psql("INSERT INTO person (name, age) VALUES ('Ada', 36) RETURNING id;"), ["1"])


def types_in_text():
    equal(psql("SELECT true, 12345678901234567890.10, 'naïve 日本語', '\\x00ff'::bytea, '2024-02-29'::date, '1 day 02:03'::interval, "
               "'{1,NULL,3}'::int[], '{\"a\": [1]}'::jsonb, NULL;"),
          ["t|12345678901234567890.10|naïve 日本語|\\x00ff|2024-02-29|1 day 02:03:00|{1,NULL,3}|{\"a\": [1]}|"])


def parameters():
    equal(psql("\\set name 'O''Hara'\nINSERT INTO person (name, age) VALUES (:'name', :age) RETURNING name;", "-t", "-v", "age=40"), ["O'Hara"])
    equal(psql("SELECT max(age) AS oldest FROM person \\gset\nSELECT :oldest + 1;"), ["41"])


def prepared_statements():
    equal(psql("PREPARE by_age (int) AS SELECT name FROM person WHERE age = $1;\nEXECUTE by_age (36);"), ["Ada"])


def transactions():
    equal(psql("BEGIN;\nDELETE FROM person;\nSAVEPOINT s;\nSELEC;\nROLLBACK TO s;\nSELECT count(*) FROM person;\nROLLBACK;\n"
               "SELECT count(*) FROM person;")[-2:], ["0", "2"])
    assert any("current transaction is aborted" in line for line in psql("BEGIN;\nSELECT 1/0;\nSELECT 1;"))


def errors():
    said = psql("\\set VERBOSITY verbose\nSELECT nope FROM person;")
    assert "42703" in said[0] and said[1].startswith("LINE 1: SELECT nope") and said[2].strip() == "^", said
    psql("INSERT INTO person (name) VALUES ('Ada');", "-v", "ON_ERROR_STOP=1", code=3)


def copy():
    with tempfile.NamedTemporaryFile() as file:
        psql("\\copy person (name, age) FROM STDIN CSV\nGrace,45\n\"Hopper, G\",\n\\.\n\\copy person TO '%s' CSV" % file.name)
        with open(file.name) as written:
            assert '5,"Hopper, G",' in written.read().replace("4,", "5,")
        equal(psql("\\copy person FROM '%s' CSV" % file.name)[0].split(":  ")[-1], 'duplicate key value violates unique constraint "person_pkey"')


def cursors():
    equal(psql("\\set FETCH_COUNT 100\nSELECT i FROM generate_series(1, 1000) i;")[-1], "1000")
    equal(psql("BEGIN;\nDECLARE c CURSOR FOR SELECT generate_series(1, 10);\nMOVE 5 IN c;\nFETCH 2 FROM c;\nCOMMIT;"), ["6", "7"])


def reflection():
    said = "\n".join(psql("\\d person\n\\d\n\\di\n\\dt+\n\\l\n\\du\n\\dn", "-P", "footer=on"))
    for word in ("person_name_key", "person_age_check", "nextval('person_id_seq'::regclass)", "kimberlite"):
        assert word in said, (word, said)


def time_travel():
    moment = psql("SELECT clock_timestamp();")[0]
    psql("UPDATE person SET age = 99 WHERE name = 'Ada';")
    equal(psql("SELECT age FROM person AS OF TIMESTAMP :'moment' WHERE name = 'Ada';", "-t", "-v", "moment=" + moment), ["36"])


def cancellation():
    begun = time.monotonic()
    assert "statement timeout" in psql("SET statement_timeout = 200;\n%s;" % LONG)[0]
    one = subprocess.Popen(["psql", "-X", "-c", LONG, URL], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    one.send_signal(signal.SIGINT)
    assert b"canceling statement due to user request" in one.communicate(timeout=30)[1]
    soon(begun, 10)


def notifications():
    assert 'notification "news" with payload "hi"' in psql("LISTEN news;\nNOTIFY news, 'hi';")[-1]


def reconnecting():
    equal(psql("SELECT pg_terminate_backend(pg_backend_pid());\nSELECT 1;", code=2)[-1], "connection to server was lost")
    equal(psql("\\c\nSELECT 'again';")[-1], "again")


run([tables, types_in_text, parameters, prepared_statements, transactions, errors, copy, cursors, reflection, time_travel, cancellation,
     notifications, reconnecting])
