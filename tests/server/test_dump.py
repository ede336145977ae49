#!/usr/bin/env python3
"""PostgreSQL's pg_dump takes a script from Kimberlite that psql loads into PostgreSQL and into another tenant: the same rows.

    tests/server/test_dump.py [WORD...]     BUILD: the build directory
"""
import difflib
import os
import re
import shutil
import subprocess
import sys

import checks
from serve import PROGRAM, Server

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "conformance", "differential"))
from databases import Postgres, find_postgres  # noqa: E402

SCHEMA = os.path.join(HERE, "dump", "schema.sql")
SECONDS_MAX = 60
TABLES = ("types", "clinic.patients", "clinic.visits", '"Upper Case"."Table"', "busy", "aaa_view", "counted", "guarded")
VIEWS = ("named", "listed", "both_of", "counted_names", "renamed", "dear_visits", "local_visits")
ASKED = ["COPY (SELECT * FROM %s ORDER BY 1, 2) TO STDOUT" % table if table != "aaa_view" else "TABLE aaa_view" for table in TABLES]
ASKED += ["SELECT column_name FROM information_schema.columns WHERE table_name = '%s' ORDER BY ordinal_position" % view for view in VIEWS]
ASKED += ["TABLE " + view for view in VIEWS]
ASKED += ["SELECT last_value, is_called FROM " + sequence
          for sequence in ("counter", "untouched", "clinic.patients_id_seq", "clinic.visits_id_seq")]
# what is written behind the load works as before it
ASKED += ["INSERT INTO clinic.patients (name) VALUES ('new') RETURNING id, kind, feeling",
          "INSERT INTO counted DEFAULT VALUES RETURNING id",
          "INSERT INTO clinic.visits (patient, code) VALUES (1, 'A')", "INSERT INTO clinic.visits (patient) VALUES (99)",
          "INSERT INTO types (id, s) VALUES (9, 'much too long')", "DELETE FROM clinic.patients WHERE id = 1",
          "UPDATE dear_visits SET amount = 0", "UPDATE local_visits SET cost = 0", "SELECT relname, reloptions FROM pg_class WHERE reloptions::text LIKE '%check%' ORDER BY 1",
          "INSERT INTO guarded (id) VALUES (3) RETURNING *", "SELECT count(*) FROM clinic.visits", "SELECT obj_description('clinic.patients'::regclass), obj_description('clinic.visits_code'::regclass),"
          " col_description('clinic.patients'::regclass, 2), obj_description('busy'::regclass)"]


def run(command, **more):
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "PGCLIENTENCODING": "UTF8", "PGTZ": "UTC", "HOME": "/nonexistent",
                   "PGOPTIONS": "-c client_min_messages=warning", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=SECONDS_MAX, check=False, **more)
    return done.returncode, done.stdout, done.stderr


def good(command, **more):
    code, out, complaints = run(command, **more)
    assert code == 0 and not complaints, "%s: status %d\n%s" % (" ".join(command[:2]), code, complaints)
    return out


def psql(where, *arguments):
    return good(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"] + where + list(arguments))


def answers(where):
    """What a database says to all that is asked, errors by their first lines."""
    told = []
    for sql in ASKED:
        _, out, complaints = run(["psql", "-X", "-At", "-v", "VERBOSITY=verbose"] + where + ["-c", sql])
        told.append((sql, out, complaints.split("\n", 1)[0]))
    return told


def plain(dump):
    """A dump without its comments, its versions and the words that differ from run to run."""
    return [line for line in dump.split("\n") if line and not line.startswith("--") and not re.match(r"\\(un)?restrict ", line)]


class Both:
    """A server with two tenants, and PostgreSQL."""

    def __init__(self):
        if shutil.which("pg_dump") is None or find_postgres() is None:
            raise checks.Skip("PostgreSQL 15 is not installed")
        self.server = Server()

    def __enter__(self):
        self.server.__enter__()
        self.server.stop()
        subprocess.run([PROGRAM, "tenant", "create", "2", "--name", "other", "--data", self.server.data, "--key", self.server.key],
                       check=True, capture_output=True)
        self.server.start()
        self.postgres = Postgres(find_postgres())
        self.postgres.ask("CREATE ROLE kimberlite SUPERUSER LOGIN")
        psql(["-h", self.postgres.directory, "-U", "postgres", "postgres"], "-c", "CREATE DATABASE there OWNER kimberlite")
        self.here = ["-h", "127.0.0.1", "-p", str(self.server.port), "-U", "kimberlite", "kimberlite"]
        self.other = self.here[:-1] + ["other"]
        self.there = ["-h", self.postgres.directory, "-U", "kimberlite", "there"]
        return self

    def __exit__(self, *how):
        self.postgres.close()
        self.server.__exit__(*how)

    def load(self, where, script, name):
        path = os.path.join(self.server.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        psql(where, "-f", path)


def assert_same(expected, given):
    for one, other in zip(expected, given):
        assert one == other, "%s\n%s%s\nand\n%s%s" % (one + other[1:])


def test_dump():
    """Ours into PostgreSQL and into another tenant; dumped again from there it is the same script."""
    with Both() as both:
        psql(both.here, "-f", SCHEMA)
        script = good(["pg_dump"] + both.here)
        both.load(both.other, script, "ours.sql")
        both.load(both.there, script, "ours.sql")
        again = list(difflib.unified_diff(plain(script), plain(good(["pg_dump"] + both.other)), lineterm="", n=1))
        assert not again, "\n".join(again)
        here = answers(both.here)
        assert_same(here, answers(both.other))
        assert_same(here, answers(both.there))


def test_dump_of_postgresql():
    """PostgreSQL's into ours."""
    with Both() as both:
        psql(both.there, "-f", SCHEMA)
        both.load(both.here, good(["pg_dump"] + both.there), "theirs.sql")
        assert_same(answers(both.there), answers(both.here))


def test_parts():
    """What pg_dump can leave out or write otherwise."""
    with Both() as both:
        psql(both.here, "-f", SCHEMA)
        for options in (["--schema-only"], ["--data-only"], ["--inserts"], ["--column-inserts", "--rows-per-insert=2"], ["-n", "clinic"],
                        ["-t", "counted"], ["--clean", "--if-exists"], ["-T", "types", "--no-owner", "--no-comments"], ["-Fc"]):
            code, _, complaints = run(["pg_dump", "-f", os.path.join(both.server.directory, "dump")] + options + both.here)
            assert code == 0, "%s: %s" % (options, complaints)
        psql(both.here, "-c", "DELETE FROM types WHERE id = 3")  # floats stand bare in INSERT, and numeric holds 38 digits
        both.load(both.other, good(["pg_dump", "--inserts"] + both.here), "inserts.sql")
        assert_same(answers(both.here), answers(both.other))


if __name__ == "__main__":
    checks.main(globals(), workers=2)
