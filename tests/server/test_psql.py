#!/usr/bin/env python3
"""psql does the same work on PostgreSQL 15 and on Kimberlite; what it prints must be the same.

Each file of psql/ runs by itself, on a fresh database of both. psql/differences.txt lists the lines that may differ,
each with its reason; one that matches nothing any more is named. Files of psql/own/ need what PostgreSQL has
not (time travel): their output stands beside them. Without PostgreSQL only those are compared.

    tests/server/test_psql.py [NAME...]      BUILD: the build directory; UPDATE=1 writes the outputs of psql/own
"""
import difflib
import os
import re
import shutil
import subprocess
import sys

import checks
from serve import Server

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "conformance", "differential"))
from databases import Postgres, find_postgres  # noqa: E402

SCRIPT_SECONDS_MAX = 60


class Difference:
    """A line that may differ: "KIND SCRIPT /REGULAR EXPRESSION/ REASON"; KIND is "postgresql", "kimberlite" (the line
    stands there alone) or "both" (what matches is taken out on both sides)."""

    def __init__(self, line):
        told = re.match(r"(postgresql|kimberlite|both)\s+(\S+)\s+/(.*)/\s+(\S.*)$", line)
        if told is None:
            raise ValueError("differences.txt: %r" % line)
        self.side, self.script, self.expression, self.reason = told.groups()
        self.expression, self.line, self.used = re.compile(self.expression), line, False

    def covers(self, script, side, line):
        found = self.script in ("*", script) and self.side == side and self.expression.search(line) is not None
        self.used = self.used or found
        return found

    def without(self, script, line):
        if self.side != "both" or self.script not in ("*", script):
            return line
        text = self.expression.sub("", line)
        self.used = self.used or text != line
        return text


def read_differences():
    with open(os.path.join(HERE, "psql", "differences.txt")) as file:
        return [Difference(line.strip()) for line in file if line.strip() and not line.startswith("#")]


def run_psql(path, arguments):
    """What psql prints for a script, errors with their codes among the rest, without the places in the server's source."""
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "PGCLIENTENCODING": "UTF8", "PGTZ": "UTC",
                   "PGOPTIONS": "", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    command = ["stdbuf", "-oL", "psql", "-X", "-a", "-v", "VERBOSITY=verbose", "-P", "pager=off", "-P",
               "null=(null)"] + arguments + ["-f", os.path.basename(path)]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                         env=environment, cwd=os.path.dirname(path), timeout=SCRIPT_SECONDS_MAX)
    text = run.stdout.decode("utf-8", "replace")
    return [line for line in text.split("\n") if not line.startswith("LOCATION:  ")]


def on_postgres(postgres, path):
    name = "t_" + os.path.basename(path)[:-4].replace("-", "_")
    psql = ["psql", "-X", "-q", "-h", postgres.directory, "-U", "postgres"]
    subprocess.run(psql + ["-c", "CREATE DATABASE " + name, "postgres"], check=True, capture_output=True)
    return run_psql(path, ["-h", postgres.directory, "-U", "kimberlite", name])


def on_kimberlite(path):
    with Server() as server:
        return run_psql(path, ["-h", "127.0.0.1", "-p", str(server.port), "-U", "kimberlite", "kimberlite"])


def compare(script, expected, given, differences):
    """Lines of a diff that no difference explains."""
    for difference in differences:
        expected = [difference.without(script, line) for line in expected]
        given = [difference.without(script, line) for line in given]
    left = []
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(None, expected, given, False).get_opcodes():
        if kind == "equal":
            continue
        hunk = [("-", line) for line in expected[a1:a2] if not any(d.covers(script, "postgresql", line) for d in differences)]
        hunk += [("+", line) for line in given[b1:b2] if not any(d.covers(script, "kimberlite", line) for d in differences)]
        if hunk:
            left += ["  behind line %d: %s" % (a1, expected[a1 - 1] if a1 else "")] + ["    %s %s" % pair for pair in hunk]
    return left


def scripts(folder):
    base = os.path.join(HERE, "psql", folder)
    return [os.path.join(base, name) for name in sorted(os.listdir(base)) if name.endswith(".sql")]


def make_test(path, postgres, differences):
    script = os.path.basename(path)[:-4]

    def test():
        left = compare(script, on_postgres(postgres, path), on_kimberlite(path), differences)
        if left:
            raise AssertionError("- PostgreSQL, + Kimberlite\n" + "\n".join(left))
    return test


def make_own_test(path):
    def test():
        record, given = path[:-4] + ".out", "\n".join(on_kimberlite(path))
        if os.environ.get("UPDATE"):
            with open(record, "w") as file:
                file.write(given)
        with open(record) as file:
            expected = file.read()
        if expected != given:
            raise AssertionError("\n".join(difflib.unified_diff(expected.split("\n"), given.split("\n"), lineterm="")))
    return test


def commands_answer():
    """Every command of psql's that describes something gives an answer, whatever it is, and no error."""
    with open(os.path.join(HERE, "psql", "commands.txt"), encoding="utf-8") as file:
        commands = file.read().split("\n")
    objects = ("CREATE SCHEMA s; CREATE TABLE ward (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text CHECK (name <> ''));"
               " CREATE VIEW who AS SELECT name FROM ward; CREATE TABLE s.bed (id int PRIMARY KEY REFERENCES ward)")
    with Server() as server:
        psql = ["psql", "-X", "-q", "-P", "pager=off", "-h", "127.0.0.1", "-p", str(server.port), "-U", "kimberlite", "kimberlite"]
        subprocess.run(psql + ["-c", objects], check=True, capture_output=True)
        script = "\n".join("\\echo == %s\n%s" % (one.replace("\\", "/"), one) for one in commands if one)
        run = subprocess.run(psql + ["-f", "-"], input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=SCRIPT_SECONDS_MAX, check=False)
        answers = run.stdout.split("\n== ")
        wrong = [one for one in answers if "ERROR:" in one or "FATAL:" in one or "invalid command" in one]
        if wrong or len(answers) < len(commands) - 2:
            raise AssertionError("%d answers\n%s" % (len(answers), "\n".join(one[:300] for one in wrong)))


def main():
    if shutil.which("psql") is None:
        print("skipped: psql is not installed (Debian: postgresql-client)")
        sys.exit(77)
    tests = {"test_commands": commands_answer}
    tests.update({"test_own_" + os.path.basename(path)[:-4]: make_own_test(path) for path in scripts("own")})
    differences, programs, postgres = read_differences(), find_postgres(), None
    if programs is None:
        print("PostgreSQL 15 is not installed: nothing to compare with")
    else:
        postgres = Postgres(programs)
        postgres.ask("CREATE ROLE kimberlite SUPERUSER LOGIN")
        tests.update({"test_" + os.path.basename(path)[:-4]: make_test(path, postgres, differences)
                      for path in scripts(".")})
    try:
        passed, failed = checks.run(tests, workers=3)
    finally:
        if postgres is not None:
            postgres.close()
    if postgres is not None and not sys.argv[1:]:
        for difference in differences:
            if not difference.used:
                print("differences.txt, matches nothing any more: " + difference.line)
    checks.finish(passed, failed)


if __name__ == "__main__":
    main()
