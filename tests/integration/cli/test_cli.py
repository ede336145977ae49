#!/usr/bin/env python3
"""The command line, from outside: what it prints where, and how it ends.

    test_cli.py KIMBERLITE [NAME...]      runs all tests, or those whose name holds a NAME

Each test has a fresh folder with a project in it. Results go to stdout, all else to stderr, so both are looked at.
"""

import csv
import fcntl
import io
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from screen import Screen  # noqa: E402

PROGRAM = str(Path(sys.argv[1]).resolve())
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("KIMBERLITE", "KMB_"))}
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Ran:
    def __init__(self, result):
        self.code, self.out, self.err = result.returncode, result.stdout, result.stderr


class Box:
    """A folder with a project `p` in it."""

    def __init__(self, folder):
        self.folder = folder
        self.project = folder / "p"
        self.run("init", "p", at=folder, code=0)

    def run(self, *arguments, at=None, stdin="", code=None, env=None):
        result = Ran(subprocess.run([PROGRAM, *map(str, arguments)], cwd=at or self.project, input=stdin, text=True,
                                    encoding="utf-8", capture_output=True, timeout=120, check=False, errors="strict",
                                    env={**ENVIRONMENT, **(env or {})}))
        result.out = result.out.replace("\r\n", "\n")
        if code is not None:
            assert result.code == code, f"{arguments}: exit {result.code}, wanted {code}\n{result.out}{result.err}"
        return result

    def query(self, *arguments, **more):
        return self.run("query", *arguments, **{"code": 0, **more})

    def rows(self, sql, *arguments):
        return list(csv.reader(io.StringIO(self.query("-q", "-o", "csv", sql, *arguments).out)))[1:]

    def one(self, sql, *arguments):
        return self.rows(sql, *arguments)[0][0]

    def file(self, name, text):
        path = self.project / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    def key(self):
        return next((self.project / ".kimberlite/keys").glob("*.key"))


def has(text, *words):
    for word in words:
        assert word in text, f"no {word!r} in:\n{text}"


def lacks(text, *words):
    for word in words:
        assert word not in text, f"{word!r} in:\n{text}"


def same(got, wanted):
    assert got == wanted, f"got    {got!r}\nwanted {wanted!r}"


# --- usage --------------------------------------------------------------------------------------------------------------


@test
def usage_errors_exit_2_and_say_which_word(box):
    for arguments, words in [
        ([], ["usage: kimberlite"]),
        (["bogus"], ["unrecognized verb \"bogus\""]),
        (["query", "--bogus"], ["unrecognized option --bogus"]),
        (["verify", "-p", "1"], ["unrecognized option -p"]),
        (["query", "a", "b"], ["unrecognized argument \"b\""]),
        (["verify", "x"], ["unrecognized argument \"x\""]),
        (["import"], ["required"]),
        (["import", "a.csv"], ["--table is required"]),
        (["query", "-t"], ["value is required for --tenant"]),
        (["query", "-t", "0", "SELECT 1"], ["invalid value \"0\" for --tenant"]),
        (["query", "-t", "4294967296", "SELECT 1"], ["invalid value"]),
        (["query", "-t", "x", "SELECT 1"], ["invalid value"]),
        (["query", "-o", "xml", "SELECT 1"], ["invalid value \"xml\"", "ndjson"]),
        (["query", "--at", "-1", "SELECT 1"], ["invalid value"]),
        (["query", "--at", "1", "--as-of", "2026-01-01", "SELECT 1"], ["invalid", "exclude each other"]),
        (["query", "-f", "x.sql", "SELECT 1"], ["invalid"]),
        (["query", "--null-param=1", "SELECT $1"], ["takes no value"]),
        (["log", "hide"], ["unrecognized argument \"hide\""]),
        (["log", "show", "-o", "csv"], ["invalid value for --output"]),
        (["verify", "-o", "csv"], ["invalid value for --output"]),
        (["proof", "inclusion"], ["required"]),
        (["proof", "inclusion", "x"], ["invalid number"]),
        (["proof", "checkpoint", "--verifier", "x"], ["--verifier goes with proof verify"]),
        (["init", "--data", "x"], ["unrecognized option --data"]),
        (["tenant", "create"], ["required"]),
        (["tenant", "create", "0"], ["invalid tenant id"]),
        (["tenant", "drop", "1"], ["unrecognized argument"]),
        (["version", "-o", "csv"], ["invalid value for --output"]),
        (["export", "SELECT 1", "-p", "1"], ["no statement takes as many"]),
        (["init", "--template", "shop", "q"], ["invalid value \"shop\""]),
        (["help", "bogus"], ["unrecognized verb"]),
    ]:
        result = box.run(*arguments, code=2)
        has(result.err, *words)
        same(result.out, "")


@test
def parts_without_code_are_refused_by_name(box):
    for arguments, words in [
        (["cluster", "init", "-n", "3"], ["not implemented: cluster: a cluster of servers"]),
        (["help", "cluster"], ["not implemented: cluster"]),
        (["studio"], ["not implemented: studio"]),
        (["audit", "report", "--since", "2026-01-01"], ["not implemented: audit"]),
        (["compliance", "report"], ["not implemented: compliance"]),
        (["purge", "--entity-id", "7"], ["not implemented: purge: erasure"]),
        (["start", "--cluster"], ["not implemented: --cluster"]),
        (["dev", "--studio-port=5555"], ["not implemented: --studio-port: the studio"]),
    ]:
        result = box.run(*arguments, code=1)
        has(result.err, *words, "0A000 UNSUPPORTED")
        same(result.out, "")
    has(box.run("clusters", code=2).err, "unrecognized verb")
    has(box.run("start", "--studios", code=2).err, "unrecognized option")


@test
def help_and_version(box):
    has(box.run("help", code=0).out, "usage: kimberlite VERB", "import", "verify")
    for arguments in (["help", "import"], ["import", "--help"], ["import", "-h"]):
        has(box.run(*arguments, code=0).out, "usage: kimberlite import FILE", "--primary-key COLUMNS", "-t, --tenant ID")
    version = box.run("version", code=0).out
    assert re.fullmatch(r"kimberlite \d+\.\d+\.\d+\n", version), version
    for arguments in (["--version"], ["-V"], ["query", "--version"]):
        same(box.run(*arguments, code=0).out, version)
    same(json.loads(box.run("version", "-o", "json", code=0).out), {"version": version.split()[1]})
    facts = json.loads(box.run("version", "-v", "-o", "json", code=0).out)
    same((facts["version"], facts["machine"]), (version.split()[1], os.uname().machine))
    assert re.match(r"(gcc|clang) \d+", facts["compiler"]) and facts["system"].startswith("Linux "), facts


# --- projects -----------------------------------------------------------------------------------------------------------


@test
def init_makes_a_project(box):
    files = sorted(str(p.relative_to(box.project)) for p in box.project.rglob("*"))
    has(" ".join(files), "kimberlite.toml", "migrations", ".gitignore", ".kimberlite/data", ".kimberlite/keys")
    has((box.project / ".gitignore").read_text(), ".kimberlite/")
    same(box.key().stat().st_mode & 0o777, 0o600)
    result = box.run("init", "q", at=box.folder, code=0)
    has(result.out, "tenant    1", "encrypted yes", "root key  ", "verifier  ")
    has(result.err, "root key lies on the disk that holds the data")
    has(box.run("init", "q", at=box.folder, code=1).err, "already a project")
    has(box.run("init", "open", "--no-encryption", at=box.folder, code=0).err, "Warning", "in clear")
    same(box.run("query", "-q", "-o", "csv", "SELECT 1 AS a", at=box.folder / "open", code=0).out, "a\n1\n")


@test
def init_asks_before_it_fills_a_directory(box):
    full = box.folder / "full"
    full.mkdir()
    (full / "thing").write_text("x")
    has(box.run("init", at=full, code=1).err, "not empty", "kimberlite init .")
    same(sorted(p.name for p in full.iterdir()), ["thing"])
    for answer, code, made in ((b"n\n", 0, False), (b"\n", 0, False), (b"y\n", 0, True)):
        master, slave = pty.openpty()
        process = subprocess.Popen([PROGRAM, "init", "."], cwd=full, env=ENVIRONMENT, stdin=slave, stderr=slave,
                                   stdout=subprocess.DEVNULL, start_new_session=True)
        os.close(slave)
        read_terminal(master, process, "[y/N] ")
        os.write(master, answer)
        seen = read_terminal(master, process)
        same(process.wait(30), code)
        same("Cancelled" in seen, not made)
        same((full / "kimberlite.toml").exists(), made)
    for arguments in (["init", "."], ["init", "--yes"]):
        shutil.rmtree(full)
        full.mkdir()
        (full / "thing").write_text("x")
        box.run(*arguments, at=full, code=0)


@test
def an_init_that_fails_can_be_done_again(box):
    result = box.run("init", "q", "--key", "absent/of/q.key", at=box.folder, code=None)
    assert result.code != 0, result.out
    has(result.err, "absent")
    box.run("init", "q", at=box.folder, code=0)
    box.run("query", "SELECT 1", at=box.folder / "q", code=0)


@test
def a_key_kept_elsewhere_is_found_again(box):
    for number, key in enumerate(["elsewhere.key", str(box.folder / "else where.key")]):
        project = box.folder / f"q{number}"
        has(box.run("init", project, "--key", key, at=box.folder, code=0).out, key)
        same(list((project / ".kimberlite/keys").iterdir()), [])
        same(json.loads(box.run("config", "show", "storage.key", "-o", "json", at=project, code=0).out)[0]["value"], str(box.folder / key))
        box.run("query", "CREATE TABLE t (a INT)", at=project, code=0)
        box.run("verify", at=project, code=0)
    box.run("init", "clear", "--no-encryption", at=box.folder, code=0)
    same(json.loads(box.run("config", "show", "storage.key", "-o", "json", at=box.folder / "clear", code=0).out)[0]["value"], "")


@test
def the_nearest_project_upward_is_used(box):
    box.query("CREATE TABLE t (a INT)")
    deep = box.project / "migrations/deep"
    deep.mkdir()
    same(box.run("query", "-q", "-o", "csv", "SELECT count(*) AS n FROM t", at=deep, code=0).out, "n\n0\n")
    result = box.run("query", "SELECT 1", at=box.folder, code=6)
    has(result.err, "no database", "kimberlite init")
    for data in (box.project, box.project / ".kimberlite/data"):
        more = [] if data == box.project else ["--key", box.key()]
        box.run("query", "--data", data, *more, "SELECT count(*) FROM t", at=box.folder, code=0)


@test
def a_project_file_that_is_not_understood(box):
    toml = box.project / "kimberlite.toml"
    toml.write_text("[storage]\ndata = \".kimberlite/data\"\ncolour = \"red\"\n")
    has(box.query("SELECT 1", code=1).err, "kimberlite.toml: line 3: unknown setting storage.colour")
    toml.write_text("[storage]\ndata = 5\n")
    has(box.query("SELECT 1", code=1).err, "kimberlite.toml: line 2: storage.data is an integer, not a path")


@test
def what_a_running_server_takes_is_told(box):
    has(box.run("config", "set", "log.level", "debug", code=0).err, "on SIGHUP, or when it starts again")
    has(box.run("config", "set", "storage.cache", "64MB", code=0).err, "takes it when it starts again")
    lacks(box.run("config", "set", "storage.cache", "64MB", code=0).err, "SIGHUP")
    rows = {row["key"]: row for row in json.loads(box.run("config", "reference", "-o", "json", code=0).out)}
    same({name: rows["log.level"][name] for name in ("default", "variable", "restart")},
         {"default": "info", "variable": "KMB_LOG_LEVEL", "restart": "no"})
    same(rows["storage.cache"]["restart"], "yes")
    same(box.run("config", "reference", "--format", "json", code=0).out, box.run("config", "reference", "-o", "json", code=0).out)
    same(len(list(csv.reader(io.StringIO(box.run("config", "reference", "-o", "csv", code=0).out)))), len(rows) + 1)
    has(box.run("config", "reference", code=0).out, "| `log.level` |")


@test
def settings_have_layers_and_say_where_they_come_from(box):
    show = lambda key, **more: json.loads(box.run("config", "show", key, "-o", "json", code=0, **more).out)[0]
    toml = box.project / "kimberlite.toml"
    same(show("log.level"), {"key": "log.level", "value": "info", "from": "default"})
    before = toml.read_text()
    box.run("config", "set", "log.level", "debug", code=0)
    has(show("log.level")["from"], "kimberlite.toml:")
    same(toml.read_text().replace('\nlevel = "debug"', "", 1), before)  # nothing else has changed
    (box.project / "kimberlite.local.toml").write_text("log.level = 'error'")
    has(show("log.level")["from"], "kimberlite.local.toml:1")
    same(show("log.level", env={"KMB_LOG_LEVEL": "off"}), {"key": "log.level", "value": "off", "from": "KMB_LOG_LEVEL"})
    same(box.run("config", "show", "log.level", "--set", "log.level=warning", "--format", "toml", code=0).out,
         '[log]\nlevel = "warning"\n')
    same(box.run("config", "validate", code=0).out, "valid\n")
    for arguments, words in ((["set", "log.levle", "x"], ["unknown setting log.levle", "Did you mean log.level?"]),
                             (["show", "x.y"], ["unknown setting x.y"]), (["set", "log.level"], ["required"]),
                             (["show", "--set", "x=1"], ["invalid value"]), (["show", "--format", "xml"], ["text, json or toml"]),
                             (["drop"], ["unrecognized argument"])):
        has(box.run("config", *arguments, code=2).err, *words)
    has(box.run("config", "set", "log.level", "loud", code=1).err, "debug, info, warning, error or off")
    has(box.run("config", "validate", code=1, env={"KMB_SERVER_LISTEN": "*:5432"}).err, "auth.mode is none")
    has(box.run("config", "validate", code=1, env={"KMB_TLS_CERT": "/absent", "KMB_TLS_KEY": "/absent"}).err,
        "tls.cert: cannot read /absent")
    box.file("garbage", "nothing\n")
    garbage = str(box.project / "garbage")
    os.chmod(garbage, 0o600)
    for settings, words in (({"KMB_TLS_CERT": garbage, "KMB_TLS_KEY": garbage}, "certificate"), ({"KMB_JWT_KEYS": garbage}, "garbage"),
                            ({"KMB_LOG_FILE": "/absent/x"}, "log.file: cannot write"), ({"KMB_TELEMETRY_OTLP": "foo"}, "telemetry.otlp is no address"),
                            ({"KMB_SERVER_UNIX_SOCKET": "/absent"}, "server.unix_socket: cannot make a socket")):
        has(box.run("config", "validate", code=1, env=settings).err, words)
    same(box.run("config", "validate", code=0, env={"KMB_LOG_FILE": garbage + ".log"}).out, "valid\n")
    assert not (box.project / "garbage.log").exists()
    box.run("config", "validate", at=box.folder, code=6)
    # start with the same questions, of its own options too, and no server after
    same(box.run("start", "--validate", code=0).out, "valid\n")
    same(box.run("start", "--validate", "-o", "json", at=box.folder, code=0).out, '{"valid":true}\n')
    has(box.run("start", "--validate", "--address", "*:5432", code=1).err, "auth.mode is none")
    has(box.run("start", "--validate", "--tls-cert", "/absent", "--tls-key", "/absent", code=1).err, "tls.cert: cannot read /absent")
    shown = json.loads(box.run("start", "--show-config", "--address", "127.0.0.1:99", "-o", "json", code=0).out)
    same([(row["value"], row["from"]) for row in shown if row["key"] == "server.listen"], [("127.0.0.1:99", "--address")])
    box.run("config", "show", at=box.folder, code=0)


@test
def every_template_makes_its_tables_and_takes_them_back(box):
    for name, tables in (("healthcare", 4), ("hipaa", 4), ("finance", 4), ("legal", 4), ("multi_tenant", 4), ("ehr", 7),
                         ("claims", 6), ("research", 6)):
        project = box.folder / ("t-" + name)
        box.run("init", "-q", "--template", name, project, at=box.folder, code=0)
        has((project / "README.md").read_text(), "migrations/001_")
        file = next((project / "migrations").glob("001_*_schema.sql"))
        up, down = file.read_text().split("-- Down Migration")
        box.run("query", "-q", "--", up, at=project, code=0)
        count = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        same(box.run("query", "-q", "-o", "csv", count, at=project, code=0).out.split()[1], str(tables))
        box.run("query", "-q", "--", down, at=project, code=0)
        same(box.run("query", "-q", "-o", "csv", count, at=project, code=0).out.split()[1], "0")


@test
def migrations_are_whole_or_not_at_all(box):
    folder = box.project / "migrations"
    write = lambda name, text: (folder / name).write_text(text)
    same(box.run("migration", "create", "Make_T", code=0).out, f"{folder}/0001_make_t.sql\n")
    has((folder / "0001_make_t.sql").read_text(), "-- Migration: make_t", "-- Created: 20", "-- Up Migration", "-- Down Migration")
    has(box.run("migration", "up", code=0).err, "no statement and stays pending")
    write("0001_make_t.sql", "-- Migration: make t\n-- comment; with a semicolon\nCREATE TABLE t (a TEXT DEFAULT ';');\n"
          "/* ; */ INSERT INTO t VALUES ('x');\n-- Down Migration of it\nDROP TABLE t;\n")
    write("0002_more.sql", "INSERT INTO t VALUES ('y');\nINSERT INTO nope VALUES (1);\n-- Down Migration\nDELETE FROM t WHERE a = 'y'")
    result = box.run("migration", "up", code=1)
    has(result.err, "applied 0001_make_t.sql", "0002_more.sql: statement 2: relation \"nope\" does not exist", "INSERT INTO nope")
    same(box.rows("SELECT a FROM t"), [["x"]])  # the first statement of 0002 is not there
    states = lambda: [(row["id"], row["status"]) for row in json.loads(box.run("migration", "status", "-o", "json", code=0).out)]
    same(states(), [("0001", "applied"), ("0002", "pending")])
    write("0002_more.sql", "INSERT INTO t VALUES ('y');\nCOMMIT;\n")
    has(box.run("migration", "up", code=1).err, "is one transaction and can not hold COMMIT")
    write("0002_more.sql", "INSERT INTO t VALUES ('y');\n-- Down Migration\nDELETE FROM t WHERE a = 'y'")
    before = box.one("SELECT count(*) FROM t")
    same(json.loads(box.run("migration", "up", "--dry-run", "-o", "json", code=0).out), {"tenant": 1, "applied": 1, "dry_run": True})
    same(box.one("SELECT count(*) FROM t"), before)
    box.run("migration", "up", code=0)
    same(box.rows("SELECT id, name FROM __migrations ORDER BY id"), [["1", "make t"], ["2", "more"]])
    same(box.run("migration", "validate", code=0).out, "valid: 2 migrations\n")
    # the header is not summed, the rest is
    write("0001_make_t.sql", "-- Author: me\n" + (folder / "0001_make_t.sql").read_text())
    box.run("migration", "validate", code=0)
    write("0001_make_t.sql", (folder / "0001_make_t.sql").read_text() + "SELECT 1;\n")
    has(box.run("migration", "validate", code=1).err, "its file is changed")
    write("0003_third.sql", "SELECT 3; -- Down Migration\n")
    has(box.run("migration", "up", code=1).err, "was applied and its file is another now", "--force")
    box.run("migration", "up", "--force", code=0)
    same(states(), [("0001", "changed"), ("0002", "applied"), ("0003", "applied")])
    box.run("migration", "down", "2", code=0)
    same(box.rows("SELECT a FROM t"), [["x"]])
    has(box.run("migration", "down", code=1).err, "was changed after it was applied")
    box.run("migration", "mark-failed", "1", code=0)
    box.run("migration", "mark-failed", "1", code=6)
    for name, words in (("nonumber.sql", "is no migration"), ("2_again.sql", "two migrations have the number 2")):
        write(name, "SELECT 1")
        has(box.run("migration", "status", code=1).err, words)
        (folder / name).unlink()
    (folder / "0002_more.sql").rename(folder / "0009_more.sql")
    has(box.run("migration", "validate", code=1).err, "0009_more.sql: the number 4 is expected")


@test
def marks_of_migrations_are_found_in_any_case(box):
    folder = box.project / "migrations"
    file = folder / "0001_t.sql"
    for up, down in (("-- up migration", "-- down migration"), ("--UP MIGRATION", "--DOWN MIGRATION"), ("  --\tUp   Migration:", "-- down  Migration --"),
                     ("-- Up Migration of it", "-- Down Migration of it"), ("", "-- dOWN mIGRATION")):
        file.write_text(f"{up}\nCREATE TABLE t (a INT);\n-- about the down migration\n-- down migration of what is old\n-- down migrations\n"
                        f"INSERT INTO t VALUES (1);\r\n{down}\r\nDROP TABLE t;\n")
        box.run("migration", "up", code=0)
        same(box.rows("SELECT a FROM t"), [["1"]])
        box.run("migration", "down", code=0)
        has(box.query("TABLE t", code=1).err, "does not exist")
    for text, words in (("-- down migration\nDROP TABLE t;\n", "nothing above it to take back"),
                        ("-- about\n-- Down Migration\nDROP TABLE t;\n", "nothing above it to take back"),
                        ("-- up migration\nSELECT 1;\n-- Up Migration\nSELECT 2;\n", '"-- Up Migration" twice'),
                        ("-- up migration\nSELECT 1;\n-- down migration\nSELECT 2;\n-- Down Migration\nSELECT 3;\n", '"-- Down Migration" twice')):
        file.write_text(text)
        for action in ("up", "validate", "status"):
            has(box.run("migration", action, code=1).err, "0001_t.sql has", words)


@test
def a_directory_of_migrations_that_is_not_there_is_told(box):
    shutil.rmtree(box.project / "migrations")
    for action, out in (("up", "nothing is pending"), ("validate", "valid: 0 migrations"), ("status", "")):
        ran = box.run("migration", action, code=0)
        has(ran.out, out)
        has(ran.err, f"There are no migrations: {box.project}/migrations is not there")
    def refused(**more):
        for action in (["up"], ["up", "--all-tenants"], ["validate"], ["status"], ["down"]):
            has(box.run("migration", *action, code=6, **more).err, f"migrations.directory is not there: {box.project}/schema")
    refused(env={"KMB_MIGRATIONS_DIRECTORY": str(box.project / "schema")})
    box.run("config", "set", "migrations.directory", "schema", code=0)
    refused()
    box.run("migration", "create", "first", code=0)
    box.run("migration", "status", code=0)


@test
def migrations_of_every_tenant(box):
    box.run("tenant", "create", "7", code=0)
    (box.project / "migrations/0001_t.sql").write_text("CREATE TABLE t (a INT);\n-- Down Migration\nDROP TABLE t;\n")
    has(box.run("migration", "up", "--all-tenants", code=0).err, "tenant 1", "tenant 7")
    same(box.rows("SELECT count(*) FROM t", "-t", "7"), [["0"]])
    box.run("migration", "down", "-t", "7", code=0)
    same(box.rows("SELECT count(*) FROM t"), [["0"]])
    box.query("SELECT 1 FROM t", "-t", "7", code=1)
    for arguments in (["create"], ["create", "a b"], ["up", "x"], ["down", "x"], ["mark-failed"], ["fly"]):
        box.run("migration", *arguments, code=2)
    box.run("config", "set", "migrations.auto_timestamp", "true", code=0)
    assert re.fullmatch(r".*/20\d{12}_by_time\.sql\n", box.run("migration", "create", "by_time", code=0).out)


@test
def backups_are_taken_while_the_log_is_written_and_restored_to_any_moment(box):
    key = box.key()
    rows = lambda data: [int(row[0]) for row in csv.reader(io.StringIO(box.run(
        "query", "-q", "-o", "csv", "--data", data, "--key", key, "SELECT a FROM t ORDER BY a", code=0).out)) if row[0] != "a"]
    box.query("CREATE TABLE t (a INT)")
    shell = subprocess.Popen([PROGRAM, "shell", "-q"], cwd=box.project, env=ENVIRONMENT, stdin=subprocess.PIPE, text=True,
                             stdout=subprocess.PIPE)
    made = []
    moments = []
    for i in range(3):
        shell.stdin.write(f"INSERT INTO t VALUES ({i}); SELECT 'done {i}' AS x;\n")
        shell.stdin.flush()
        while f"done {i}" not in shell.stdout.readline():
            pass
        moments.append(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() // 1000 % 1000000:06d}Z")
        has(box.run("query", "INSERT INTO t VALUES (99)", code=1).err, "LOCKED")  # the shell owns the directory
        time.sleep(1.1)  # a backup reaches the second in which it was begun
        made.append(json.loads(box.run("backup", "create", "-o", "json", code=0).out))
    same([backup["base"] for backup in made], ["none"] + [Path(backup["backup"]).name for backup in made[:2]])
    # the log at rest gets one more block, without entries, which a backup takes like any other
    unchanged = []
    while len(unchanged) < 5 and not (unchanged and "nothing has come since" in unchanged[-1].err):
        unchanged.append(box.run("backup", "create", "-o", "json", code=0))
    has(unchanged[-1].err, "nothing has come since")
    sealed = [json.loads(ran.out) for ran in unchanged if "nothing has come since" not in ran.err]
    shell.stdin.close()
    same(shell.wait(30), 0)
    for i, backup in enumerate(made):
        target = box.folder / f"r{i}"
        box.run("backup", "restore", backup["backup"], "--target", target, code=0)
        same(rows(target), list(range(i + 1)))
        box.run("verify", "--data", target, "--key", key, code=0)
        same(sorted(p.name for p in box.folder.glob("r*.partial*")), [])
        box.run("backup", "restore", made[2]["backup"], "--target", target, "--force", "--as-of", moments[i], code=0)
        same(rows(target), list(range(i + 1)))
        box.run("backup", "restore", made[2]["backup"], "--target", target, "--force", "--at", i + 1, code=0)
        same(rows(target), list(range(i + 1)))
    has(box.run("backup", "restore", made[2]["backup"], "--target", target, code=1).err, "not empty")
    has(box.run("backup", "restore", made[2]["backup"], "--target", box.folder / "none", "--as-of", "2001-01-01", code=1).err,
        "nothing lies at or before")
    # what the backup does not reach is no moment of it
    for more, words, code in ((["--at", 4], ["position 4 is ahead of", "reaches position 3 of tenant 1", "POSITION_AHEAD"], 1),
                        (["-t", 99, "--at", 1], ["has nothing of tenant 99", "TENANT_NOT_FOUND"], 6),
                        (["-t", 99, "--at", 0], ["has nothing of tenant 99"], 6),
                        (["--as-of", "2999-01-01"], ["does not know what came later", "TIME_IN_FUTURE"], 1)):
        has(box.run("backup", "restore", made[2]["backup"], "--target", box.folder / "none", *more, code=code).err, *words)
    same(list(box.folder.glob("none*")), [])
    listed = json.loads(box.run("backup", "list", "-o", "json", code=0).out)
    same([row["bytes"] for row in listed], [backup["bytes"] for backup in (made + sealed)[::-1]])
    full = json.loads(box.run("backup", "create", "--full", "-o", "json", code=0).out)
    same(full["base"], "none")
    # another log has nothing to build on
    box.run("init", "-q", "other", at=box.folder, code=0)
    other = json.loads(box.run("backup", "create", box.project / "backups", "-o", "json", at=box.folder / "other", code=0).out)
    same(other["base"], "none")


@test
def a_backup_that_is_not_whole_is_not_restored(box):
    box.query("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
    first = Path(json.loads(box.run("backup", "create", "b", "-o", "json", code=0).out)["backup"])
    box.query("INSERT INTO t VALUES (2)")
    second = Path(json.loads(box.run("backup", "create", "b", "-o", "json", code=0).out)["backup"])
    first, second = (box.project / path for path in (first, second))
    box.run("backup", "verify", second, code=0)
    target = box.folder / "r"
    def refused(words, code=1):
        for arguments in (["verify", second], ["restore", second, "--target", target]):
            has(box.run("backup", *arguments, code=code).err, *words)
        assert not target.exists()
    segment = next((first / "log").iterdir())
    bytes_before = segment.read_bytes()
    for at in (0, 5000, len(bytes_before) - 1):
        segment.write_bytes(bytes_before[:at] + bytes([bytes_before[at] ^ 1]) + bytes_before[at + 1:])
        refused(["is not what it was"])
    segment.write_bytes(bytes_before[:-1])
    refused(["is not what it was"])
    segment.write_bytes(bytes_before)
    (second / "log/stranger").write_text("x")
    refused(["log/stranger is not in its MANIFEST"])
    (second / "log/stranger").unlink()
    manifest = second / "MANIFEST"
    text = manifest.read_text()
    for old, new in (("keys.kks", "../keys.kks"), ("keys.kks", "/etc/passwd"), ("  log/", "  log/../log/"), ("# Op", "# Opus"),
                     ("# Base: ", "# Base: ../"), ("log/0000000000000001", "log/000000000000000G")):
        manifest.write_text(text.replace(old, new))
        refused(["is not what a backup has"])
    manifest.write_text(text)
    shutil.move(first, box.folder / "away")
    refused([first.name], code=6)
    has(box.run("backup", "create", box.project / ".kimberlite/data/b", code=2).err, "within the data directory")
    has(box.run("backup", "verify", box.folder, code=6).err, "is no backup")
    for arguments in (["restore"], ["restore", "x"], ["verify"], ["fly"]):
        box.run("backup", *arguments, code=2)


@test
def a_backup_stands_on_no_broken_one(box):
    box.run("backup", "key", box.folder / "backup.key", code=0)
    def in_directory(b, *key):
        names = []
        rows = 0
        def write():
            nonlocal rows
            rows = int(box.one("SELECT count(*) FROM t")) + 1
            box.query(f"INSERT INTO t VALUES ({rows})")
        def create(writes=True):
            if writes:
                write()
            ran = box.run("backup", "create", b, "-q", "-o", "json", *key, code=0)
            made = json.loads(ran.out)
            names.append(Path(made["backup"]).name)
            return made["base"], ran.err
        def restores():
            target = box.folder / "r"
            box.run("backup", "restore", box.project / b / names[-1], "--target", target, "--force", *key, code=0)
            got = box.run("query", "-q", "-o", "csv", "--data", target, "--key", box.key(), "SELECT count(*) FROM t", code=0)
            same(int(got.out.split()[1]), rows)
        def path(index, file=""):
            return box.project / b / names[index] / file
        def segment(index):
            return next(path(index, "log").iterdir())
        def change(file, content):
            file.write_bytes(content)
        for break_it, words in (
                (lambda: shutil.rmtree(path(-2)), ["cannot read", "can not be built upon"]),
                (lambda: shutil.rmtree(path(-2, "log")), ["can not be read"]),
                (lambda: segment(-1).unlink(), ["can not be read"]),
                (lambda: change(segment(-2), segment(-2).read_bytes()[:-1]), ["its size is another"]),
                (lambda: change(path(-2, "keys.kks"), path(-2, "keys.kks").read_bytes()[:-1] + b"?"), ["keys.kks is not what it was"]),
                (lambda: path(-1, "MANIFEST").write_text("?"), ["is not what a backup has"]),
                (lambda: path(-2, "MANIFEST").write_text("\n".join(
                    line for line in path(-2, "MANIFEST").read_text().split("\n") if "  log/" not in line)), [])):
            for writes in (True, False):  # also where nothing has come since
                same(create()[0], "none")
                base, err = create()
                same((base, err), (names[-2], ""))
                broken = names[-1]
                break_it()
                base, err = create(writes)
                same(base, "none")
                has(err, f"Warning: {broken} can not be built upon: ", *words)
                restores()
                same(create(), (names[-2], ""))  # and that one is whole again
                restores()
                shutil.rmtree(box.project / b)
    box.query("CREATE TABLE t (a INT)")
    in_directory("b")
    in_directory("sealed", "--backup-key", box.folder / "backup.key")


@test
def what_an_interrupted_backup_left_goes(box):
    b = box.project / "b"
    box.query("CREATE TABLE t (a INT)")
    box.run("backup", "create", "b", code=0)
    left = [b / ".partial-backup-20260131T120000Z", b / ".removed-backup-20260131T120000Z"]
    others = [b / ".partial-mine", b / ".partial-backup-20260131T120001Z"]
    def leave():
        for path in left:
            (path / "log").mkdir(parents=True)
            (path / "log/0000000000000001.seg").write_text("x")
    for path in others:
        path.mkdir()
    busy = os.open(others[1], os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(busy, fcntl.LOCK_EX)  # as a running one has it
    for arguments in (["create", "b"], ["prune", "b", "--days", "1"]):
        leave()
        box.run("backup", "prune", "b", "--days", "1", "--dry-run", code=0)
        same([path.exists() for path in left], [True, True])
        has(box.run("backup", *arguments, code=0).err, "removed .partial-backup-20260131T120000Z, which was left behind")
        same([path.exists() for path in left + others], [False, False, True, True])
    os.close(busy)
    box.run("backup", "create", "b", code=0)
    same([path.exists() for path in others], [True, False])
    # ended by a signal it clears away itself, and its parent sees the signal
    box.query("INSERT INTO t SELECT g FROM generate_series(1, 200000) AS g")
    before = sorted(path.name for path in b.iterdir())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process = subprocess.Popen([PROGRAM, "backup", "create", "b", "--full"], cwd=box.project, env=ENVIRONMENT,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not list(b.glob(".partial-backup-*")):
            pass
        process.send_signal(number)
        code = process.wait(60)
        assert code in (0, -number), code
        same(list(b.glob(".partial-*")), [b / ".partial-mine"])
        if code == 0:  # it was faster
            before = sorted(path.name for path in b.iterdir())
        same(sorted(path.name for path in b.iterdir()), before)


@test
def an_encrypted_backup_opens_with_its_own_key_alone(box):
    (box.folder / "pass").write_text("correct horse\n")
    (box.folder / "wrong").write_text("wrong horse\n")
    keys, wrong_keys = box.folder / "backup.key", box.folder / "other.key"
    for path in (keys, wrong_keys):
        same(len(json.loads(box.run("backup", "key", path, "-o", "json", code=0).out)["id"]), 16)
        same(path.stat().st_mode & 0o777, 0o600)
    has(box.run("backup", "key", keys, code=1).err, "exists")
    by_file, by_phrase = ["--backup-key", keys], ["--backup-passphrase-file", box.folder / "pass"]
    def create(*more, code=0):
        ran = box.run("backup", "create", "b", "-q", "-o", "json", *more, code=code)
        return json.loads(ran.out) if code == 0 else ran.err
    moments = []
    box.query("CREATE TABLE t (a INT, b TEXT)")
    made = []
    for i in range(3):
        box.query(f"INSERT INTO t VALUES ({i}, 'Mrs Dalloway')")
        moments.append(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() // 1000 % 1000000:06d}Z")
        time.sleep(1.1)
        made.append(create(*by_file, *by_phrase, *(["--with-root-key"] if i == 0 else [])))
    same([b["base"] for b in made], ["none"] + [Path(b["backup"]).name for b in made[:2]])
    same({b["encrypted"] for b in made}, {"yes"})
    # what lies there says nothing: not the data, not the keys, not what the log has in clear
    root_key, store = box.key().read_bytes(), (box.project / ".kimberlite/data/keys.kks").read_bytes()
    log = next((box.project / ".kimberlite/data/log").glob("*.seg")).read_bytes()
    secret = root_key.split(b"\nkey ")[1].split(b"\n")[0]
    files = [path for path in (box.project / "b").rglob("*") if path.is_file()]
    same(sum(path.name == "root.key" for path in files), 1)
    for path in files:
        content = path.read_bytes()
        assert b"Dalloway" not in content and secret not in content and store[48:80] not in content, path
        assert log[:64] not in content and path.stat().st_mode & 0o077 == 0, path
    has(create(code=1), "are encrypted, and no key was given", "NO_KEY")
    has(create("--full", code=1), "are encrypted")
    has(create("--backup-key", wrong_keys, code=1), "WRONG_KEY")
    # another machine: nothing of the project but the backups
    away = box.folder / "away"
    shutil.copytree(box.project / "b", away)
    newest = away / Path(made[2]["backup"]).name
    rows = lambda: [int(row[0]) for row in csv.reader(io.StringIO(box.run("query", "-q", "-o", "csv", "--data", "r", "--key", "r.key",
                                  "SELECT a FROM t ORDER BY a", at=away, code=0).out)) if row[0] != "a"]
    has(box.run("backup", "restore", newest, "--target", "r", "--key", "r.key", *by_phrase, at=away, code=0).err, "root key is in r.key")
    same((away / "r.key").read_bytes(), root_key)
    same(rows(), [0, 1, 2])
    for i in range(3):
        for moment in (["--as-of", moments[i]], ["--at", i + 1]):
            box.run("backup", "restore", newest, "--target", "r", "--force", *moment, *by_file, at=away, code=0)
            same(rows(), list(range(i + 1)))
    box.run("verify", "--data", "r", "--key", "r.key", at=away, code=0)
    # what must not open it
    def refused(words, *secrets, code=1):
        for arguments in (["verify", newest], ["restore", newest, "--target", away / "x", "--key", away / "x.key"]):
            has(box.run("backup", *arguments, *secrets, code=code).err, *words)
        assert not (away / "x").exists() and not (away / "x.key").exists()
    refused(["wrong passphrase"], "--backup-passphrase-file", box.folder / "wrong")
    refused(["it is for backup key"], "--backup-key", wrong_keys)
    box.run("backup", "verify", newest, "--backup-passphrase-file", box.folder / "pass", code=0)
    has(box.run("backup", "verify", newest, code=0).out, "not opened: no key was given")
    has(box.run("backup", "restore", newest, "--target", away / "x", code=1).err, "it is encrypted", "NO_KEY")
    same(box.run("backup", "verify", newest, code=0, env={"KIMBERLITE_BACKUP_PASSPHRASE": "correct horse"}).out,
         box.run("backup", "verify", newest, *by_file, code=0).out)
    # a flipped byte anywhere, in any file
    random.seed(5)
    chain = [away / Path(b["backup"]).name for b in made]
    for path in [p for backup in chain for p in sorted(backup.rglob("*")) if p.is_file()]:
        before = path.read_bytes()
        places = {0, len(before) // 2, random.randrange(len(before))}
        for at in places:
            path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1:])
            result = box.run("backup", "restore", newest, "--target", away / "x", "--key", away / "x.key", *by_file)
            assert result.code in (1, 6), (path, at, result.err)
            assert not (away / "x").exists() and not (away / "x.key").exists(), (path, at)
        path.write_bytes(before[:-1])
        box.run("backup", "verify", newest, *by_file, code=1)
        path.write_bytes(before)
    # pieces put elsewhere with hashes that fit, a MANIFEST that says it is no encrypted one
    manifest = chain[0] / "MANIFEST"
    text = manifest.read_text()
    swapped = text.replace("  keys.kks", "  x").replace("  root.key", "  keys.kks").replace("  x", "  root.key")
    manifest.write_text(swapped)
    (chain[0] / "keys.kks").rename(chain[0] / "x")
    (chain[0] / "root.key").rename(chain[0] / "keys.kks")
    (chain[0] / "x").rename(chain[0] / "root.key")
    has(box.run("backup", "verify", chain[0], *by_file, code=1).err, "MANIFEST is not what it was")
    has(box.run("backup", "verify", chain[0], code=0).out, "not opened")
    plain = "\n".join(line for line in text.replace("backup 2", "backup 1").split("\n")
                      if not line.startswith(("# Cipher", "# Id", "# Slot", "# Mac")) and "root.key" not in line)
    manifest.write_text(plain)
    has(box.run("backup", "restore", chain[0], "--target", away / "x", *by_file, code=1).err, "not encrypted, and a key was given")
    for line in ("# Slot: scrypt 1073741824 8 1 " + "0" * 32 + " AAAA", "# Slot: none", "# Cipher: ROT13"):
        manifest.write_text(text.replace("# Cipher: XAES-256-GCM", line))
        has(box.run("backup", "verify", chain[0], *by_file, code=1).err, "is not what a backup has")
    # with one's own key file alone; a plain backup stays apart
    fresh = json.loads(box.run("backup", "create", "c", "-q", "-o", "json", *by_file, code=0).out)
    has(box.run("backup", "verify", fresh["backup"], *by_phrase, code=1).err, "key file alone")
    same(json.loads(box.run("backup", "create", "d", "-q", "-o", "json", code=0).out)["encrypted"], "no")
    same(json.loads(box.run("backup", "create", "d", "-q", "-o", "json", *by_file, code=0).out)["base"], "none")
    has(box.run("backup", "create", "e", "--with-root-key", code=2).err, "needs --backup-key")
    (box.folder / "torn").write_text(keys.read_text().replace("check ", "check 0"))
    has(box.run("backup", "create", "e", "--backup-key", box.folder / "torn", code=1).err, "no backup key, or damaged")
    has(box.run("backup", "create", "e", "--backup-key", "none", code=6).err, "backup key FILE")


@test
def old_backups_go_and_what_others_stand_on_stays(box):
    box.query("CREATE TABLE t (a INT)")
    def create(*more):
        box.query("INSERT INTO t VALUES (1)")
        return Path(json.loads(box.run("backup", "create", "b", "-q", "-o", "json", *more, code=0).out)["backup"]).name
    def age(name, days):
        """Makes a backup one of so many days ago."""
        manifest = box.project / "b" / name / "MANIFEST"
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86400))
        manifest.write_text(re.sub(r"# Created: .*", f"# Created: {when}", manifest.read_text()))
    old = [create() for _ in range(3)]       # 0 <- 1 <- 2
    new = [create("--full"), create()]       # 3 <- 4
    for i, name in enumerate(old + new):
        age(name, 90 - i * 10)               # 90, 80, 70, 60, 50 days
    left = lambda: sorted(path.name for path in (box.project / "b").iterdir())
    prune = lambda days, *more: [row["removed"] for row in json.loads(box.run("backup", "prune", "b", "--days", days, "-o", "json", *more,
                                                                              code=0).out)]
    same(prune(100), [])
    same(prune(75), [])                      # 2 is young enough, and stands on the others
    same(prune(65, "--dry-run"), old[::-1])
    same(left(), sorted(old + new))
    same(prune(65), old[::-1])
    same(left(), sorted(new))
    same(prune(1), [])                       # the newest stays, and what it stands on
    box.run("backup", "verify", box.project / "b" / new[1], code=0)
    same(create() > new[1], True)
    has(box.run("backup", "prune", "b", code=2).err, "--days is required")
    # one that can not be read is told and left, and stops nothing
    last = create("--full")
    (box.project / "b" / new[1] / "MANIFEST").write_text("?\n")
    has(box.run("backup", "list", "b", "-q", code=0).err, f"Warning: {new[1]} is not listed: ", "is not what a backup has")
    listed = json.loads(box.run("backup", "list", "b", "-o", "json", code=0).out)
    assert new[0] in [row["name"] for row in listed] and new[1] not in [row["name"] for row in listed], listed
    has(box.run("backup", "prune", "b", "--days", "55", "-q", "-o", "json", code=0).err, f"Warning: {new[1]} is left as it is: ")
    assert new[0] not in left() and new[1] in left() and last in left(), left()


@test
def a_backup_asks_for_its_passphrase_twice(box):
    def create(*answers):
        master, slave = pty.openpty()
        process = subprocess.Popen([PROGRAM, "backup", "create", "b", "--backup-passphrase-file", "-", "-q", "-o", "json"],
                                   cwd=box.project, stdin=slave, stdout=slave, stderr=slave, env=ENVIRONMENT, start_new_session=True,
                                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        for question, answer in zip(("Passphrase of the backup: ", "Once more: "), answers):
            has(read_terminal(master, process, question), question)
            os.write(master, answer + b"\n")
        seen = read_terminal(master, process)
        lacks(seen, *[answer.decode() for answer in answers])
        return process.wait(30), seen
    code, seen = create(b"correct horse", b"correct house")
    same(code, 1)
    has(seen, "the two passphrases are not the same")
    code, seen = create(b"correct horse", b"correct horse")
    same(code, 0)
    name = next((box.project / "b").iterdir())
    box.run("backup", "verify", name, code=0, env={"KIMBERLITE_BACKUP_PASSPHRASE": "correct horse"})


@test
def notices_are_told_on_standard_error(box):
    ran = box.query("CREATE TABLE t (a int PRIMARY KEY); CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT a FROM v;"
                    " DROP TABLE IF EXISTS z; DROP TABLE t CASCADE")
    same([line for line in ran.err.splitlines() if not line.endswith(" @ 0")],
         ['NOTICE:  table "z" does not exist, skipping', "NOTICE:  drop cascades to 2 other objects",
          "DETAIL:  drop cascades to view v", "drop cascades to view w"])
    same(box.query("--quiet", "DROP TABLE IF EXISTS z").err, "")


@test
def completions_complete(box):
    script = box.run("completion", "bash", code=0).out
    def completed(*words):
        line = " ".join(f"'{word}'" for word in words)
        result = subprocess.run(["bash", "-c", f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
                                 "_kimberlite; printf '%s\\n' \"${COMPREPLY[@]}\""], capture_output=True, text=True, check=True,
                                cwd=box.project)
        return result.stdout.split()
    has(" ".join(completed("kimberlite", "")), "query", "config", "help")
    same(completed("kimberlite", "query", "--out"), ["--output"])
    same(completed("kimberlite", "query", "-o", "js"), ["json"])
    same(completed("kimberlite", "config", "set", "log.le"), ["log.level"])
    same(completed("kimberlite", "init", "--template", "heal"), ["healthcare"])
    same(completed("kimberlite", "tenant", "c"), ["create"])
    for shell in ("zsh", "fish", "elvish", "powershell"):
        text = box.run("completion", shell, code=0).out
        has(text, "query", "healthcare", "--primary-key" if shell != "fish" else "primary-key")
        if shell in ("zsh", "fish") and shutil.which(shell):
            subprocess.run([shell, "-n"], input=text, text=True, check=True)
    has(box.run("completion", "tcsh", code=2).err, "invalid shell")


@test
def manual_pages_are_pages(box):
    for arguments in (["manual"], ["manual", "query"], ["manual", "config"]):
        page = box.run(*arguments, code=0).out
        assert page.startswith(".TH KIMBERLITE"), page[:40]
        has(page, ".SH NAME", ".SH SYNOPSIS", "\\fB\\-\\-no\\-color\\fR", ".SH EXIT STATUS")
        if shutil.which("groff"):
            result = subprocess.run(["groff", "-man", "-Tascii", "-ww"], input=page, text=True, capture_output=True, check=True)
            same(result.stderr, "")
    has(box.run("manual", "bogus", code=2).err, "unrecognized verb")


@test
def an_init_that_fails_leaves_nothing(box):
    key = box.folder / "none/dir/root.key"
    has(box.run("init", "--key", key, "z", "--template", "finance", code=6).err, str(key.parent))
    same(list(box.project.glob("z*")), [])
    # what was there before stays
    mine = box.project / "mine"
    (mine / "migrations").mkdir(parents=True)
    (mine / "README.md").write_text("mine\n")
    (mine / "migrations/mine.sql").write_text("SELECT 1;\n")
    before = sorted(path.relative_to(mine) for path in mine.rglob("*"))
    box.run("init", "--key", key, "mine", "--template", "finance", code=6)
    same(sorted(path.relative_to(mine) for path in mine.rglob("*")), before)
    same((mine / "README.md").read_text(), "mine\n")
    key.parent.mkdir(parents=True)
    box.run("init", "--key", key, "mine", code=0)


@test
def directories_that_are_not_ours(box):
    (box.folder / "other").mkdir()
    (box.folder / "other/thing").write_text("x")
    for name, words in (("other", "not a Kimberlite database"), ("absent", "no such directory")):
        result = box.run("query", "--data", box.folder / name, "SELECT 1", code=6)
        has(result.err, words)
        box.run("verify", "--data", box.folder / name, code=6)
    same(sorted(p.name for p in (box.folder / "other").iterdir()), ["thing"])
    assert not (box.folder / "absent").exists()


@test
def a_database_whose_log_is_lost_is_not_made_anew(box):
    box.query("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
    data = box.project / ".kimberlite/data"
    shutil.move(data / "log", box.folder / "log")
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    for left in (("keys.kks", "keys.kks.copy", "store.kst"), ("keys.kks.copy",), ("store.kst",)):
        for path in data.iterdir():
            path.unlink()
        for name in left:
            (data / name).write_bytes(before[name])
        for arguments in (["start", "--create", "--address", "127.0.0.1:0", "--http", ""], ["query", "SELECT 1"]):
            for log in ("none", "empty"):
                if log == "empty":
                    (data / "log").mkdir()
                has(box.run(*arguments, code=1).err, f"is lost: {left[0]} is there, and log/superblock is not", "restore a backup")
                shutil.rmtree(data / "log", ignore_errors=True)
        (box.project / "kimberlite.toml").rename(box.folder / "toml")
        has(box.run("init", ".", code=1).err, "is lost")
        (box.folder / "toml").rename(box.project / "kimberlite.toml")
    for name, content in before.items():
        (data / name).write_bytes(content)
    shutil.move(box.folder / "log", data / "log")
    same(box.rows("SELECT a FROM t"), [["1"]])


# --- query: formats -----------------------------------------------------------------------------------------------------

WIDE = """CREATE TABLE t (id INT PRIMARY KEY, a TEXT, n NUMERIC, f DOUBLE PRECISION, b BYTEA, ok BOOLEAN, d DATE,
 big BIGINT);
INSERT INTO t VALUES
 (1, 'a,"b"' || chr(10) || 'c', 12345678901234567890.10, 0.1, '\\x00ff', true, '2026-01-31', 9223372036854775807),
 (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (3, '', -0.5, 'NaN', '', false, '0044-03-15 BC', -1)"""


@test
def csv_is_rfc_4180_and_tells_null_from_empty(box):
    box.query(WIDE)
    raw = subprocess.run([PROGRAM, "query", "-q", "-o", "csv", "SELECT * FROM t ORDER BY id"], cwd=box.project,
                         capture_output=True, check=True, env=ENVIRONMENT).stdout
    same(raw.decode(), 'id,a,n,f,b,ok,d,big\r\n'
         '1,"a,""b""\nc",12345678901234567890.10,0.1,\\x00ff,t,2026-01-31,9223372036854775807\r\n'
         '2,,,,,,,\r\n'
         '3,"",-0.5,NaN,\\x,f,0044-03-15 BC,-1\r\n')


@test
def json_has_exact_numbers(box):
    box.query(WIDE)
    rows = json.loads(box.query("-o", "json", "SELECT * FROM t ORDER BY id").out, parse_float=Decimal)
    same(rows[0], {"id": 1, "a": 'a,"b"\nc', "n": Decimal("12345678901234567890.10"), "f": Decimal("0.1"),
                   "b": "\\x00ff", "ok": True, "d": "2026-01-31", "big": 9223372036854775807})
    same(set(rows[1].values()), {2, None})
    same(rows[2]["f"], "NaN")
    lines = box.query("-o", "ndjson", "EXPLAIN (FORMAT json) SELECT 1").out.splitlines()
    same([json.loads(line)["QUERY PLAN"][0]["Plan"]["Node Type"] for line in lines], ["Result"])
    lines = box.query("-o", "ndjson", "SELECT id FROM t ORDER BY id").out.splitlines()
    same([json.loads(line) for line in lines], [{"id": 1}, {"id": 2}, {"id": 3}])
    same(box.query("-o", "json", "SELECT 1 AS a; SELECT 2 AS a WHERE false; SELECT 'é' AS a").out,
         '[{"a":1}]\n[]\n[{"a":"é"}]\n')


@test
def tsv_and_table(box):
    box.query(WIDE)
    same(box.query("-o", "tsv", "SELECT id, a FROM t ORDER BY id").out, 'id\ta\n1\ta,"b"\\nc\n2\t\\N\n3\t\n')
    out = box.query("SELECT id, a AS name FROM t ORDER BY id").out
    has(out, "╭", "│ id │ name    │", "│  2 │ NULL    │", "(3 rows)")
    lines = out.splitlines()
    assert len({len(line) for line in lines[:-1]}) == 1, out
    has(box.query("SELECT 1").out, "(1 row)")
    lacks(out, "\033")


@test
def several_statements_and_result_sets(box):
    result = box.query("-o", "csv", "CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2); SELECT a FROM t; SELECT 3 AS b;")
    same(result.out, "a\n1\n2\n\nb\n3\n")
    has(result.err, "CREATE TABLE @ 0\n", "INSERT 0 2 @ 2\n")
    same(box.query("-q", "INSERT INTO t VALUES (3)").err, "")
    same(box.query("").out + box.query(" -- nothing\n;;").out, "")
    same(box.query("-o", "csv", "SELECT ';' AS a, $$;$$ AS b /* ; */").out, "a,b\n;,;\n")
    same(box.query("-o", "csv", "UPDATE t SET a = a + 1 WHERE a > 1 RETURNING a").out, "a\n3\n4\n")


@test
def the_first_failure_stops_and_is_named(box):
    result = box.query("CREATE TABLE t (a INT PRIMARY KEY); INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); "
                       "INSERT INTO t VALUES (2)", code=1)
    has(result.err, "Error: statement 3: duplicate key value violates unique constraint \"t_pkey\"",
        "Detail: Key (a)=(1) already exists.", "SQLSTATE: 23505 UNIQUE_VIOLATION")
    same(box.rows("SELECT a FROM t"), [["1"]])


@test
def errors_have_a_caret_below_the_place(box):
    for sql, word in (("SELECT 1, nope", "nope"), ("SELECT 'äöü', nope", "nope"), ("SELECT 1 +\n  2, nope FROM\nx", "x"),
                      ("SELEC 1", "SELEC"), ("\n\n  SELECT nope", "nope"), ("SELECT '日本', nope", "nope"), ("SELECT\t1,\tnope", "nope"),
                      ("SELECT 1; SELECT 2, nope", "nope")):
        lines = box.query(sql, code=1).err.splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("LINE "))
        column = lines[at + 1].index("^")
        assert lines[at + 1].strip() == "^", lines
        assert lines[at][column:].startswith(word), "\n".join(lines)
    has(box.query("SELECT 1 +\n 2,\n nope", code=1).err, "LINE 3:  nope")
    has(box.query("SELECT " + "1 + " * 50 + "nope" + " + 2" * 50, code=1).err, "LINE 1: ...", "...\n")


@test
def parameters(box):
    box.query("CREATE TABLE t (a INT, b TEXT)")
    box.query("INSERT INTO t VALUES ($1, $2)", "-p", "1", "-p", "x")
    box.query("INSERT INTO t VALUES ($1, $2)", "-p", "2", "--null-param")
    box.query("INSERT INTO t VALUES ($2, $1)", "-p", "", "--param=3")
    same(box.rows("SELECT a, b IS NULL, b FROM t ORDER BY a"), [["1", "f", "x"], ["2", "t", ""], ["3", "f", ""]])
    same(box.one("SELECT b FROM t WHERE a = $1", "-p", "1"), "x")
    same(box.one("SELECT $1::numeric + 1", "-p", "12345678901234567890.5"), "12345678901234567891.5")
    has(box.query("SELECT $1::int + $2::int", "-p", "1", code=1).err, "parameter $2 not provided", "42P02")
    has(box.query("INSERT INTO t VALUES (9)", "-p", "1", code=2).err, "invalid", "no statement takes as many")
    has(box.query("INSERT INTO t VALUES ($1)", "-p", "9", "-p", "9", code=2).err, "2 parameters")
    same(box.one("SELECT count(*) FROM t WHERE a = 9"), "0")
    has(box.query("SELECT a FROM t WHERE a = $1", "-p", "one", code=1).err, "22P02")


@test
def statements_from_files_and_standard_input(box):
    path = box.file("s.sql", "CREATE TABLE t (a TEXT);\nINSERT INTO t VALUES ('é;');\nSELECT a FROM t")
    same(box.query("-q", "-o", "csv", "-f", path).out, "a\né;\n")
    same(box.query("-o", "csv", "-f", "-", stdin="SELECT 1 AS a;").out, "a\n1\n")
    same(box.query("-o", "csv", stdin="SELECT 1 AS a; SELECT 2 AS b").out, "a\n1\n\nb\n2\n")
    has(box.query("-f", "absent.sql", code=6).err, "cannot read absent.sql")
    has(box.query("-f", "-", stdin="SELECT 1;\nSELECT nope;\nSELECT 3", code=1).err, "statement 2")


@test
def standard_input_answers_each_statement_as_it_arrives(box):
    process = subprocess.Popen([PROGRAM, "query", "-q", "-o", "csv", "-f", "-"], cwd=box.project, env=ENVIRONMENT,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for number in (1, 2, 3):
        process.stdin.write(f"SELECT {number} AS a;\n".encode())
        process.stdin.flush()
        assert select.select([process.stdout], [], [], 30)[0], "no answer before the input ended"
        has(os.read(process.stdout.fileno(), 100).decode(), str(number))
    process.stdin.close()
    same(process.wait(30), 0)


# --- time travel --------------------------------------------------------------------------------------------------------


@test
def reading_at_a_position_and_at_a_time(box):
    box.query("CREATE TABLE t (a INT)")
    box.query("INSERT INTO t VALUES (1)")
    time.sleep(0.01)
    now = time.time_ns()  # read once: a second may begin between two
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9)) + f".{now // 1000 % 1000000:06d}Z"
    time.sleep(0.01)
    has(box.query("INSERT INTO t VALUES (2)").err, "INSERT 0 1 @ 2")
    same(box.one("SELECT count(*) FROM t", "--at", "0"), "0")
    same(box.one("SELECT count(*) FROM t", "--at", "1"), "1")
    same(box.one("SELECT count(*) FROM t", "--at", "2"), "2")
    same(box.one("SELECT count(*) FROM t", "--as-of", moment), "1")
    same(box.one("SELECT count(*) FROM t AT OFFSET 1"), "1")
    same(box.one("SELECT count(*) FROM t AT OFFSET $1", "-p", "1"), "1")
    same(box.one(f"SELECT count(*) FROM t AS OF TIMESTAMP '{moment}'"), "1")
    same(box.one("SELECT count(*) FROM t AS OF 'now'"), "2")
    has(box.query("SELECT count(*) FROM t AS OF 'yesterday'", code=1).err, "precedes the earliest retained event")
    has(box.query("SELECT 1", "--at", "3", code=1).err, "position 3 is ahead")
    same(box.run("export", "-q", "--table", "t", "--at", "1", code=0).out, "a\n1\n")
    has(box.query("SELECT 1 FROM t", "--at", "3", code=1).err, "position 3 is ahead")
    box.query("SELECT 1 FROM t AT OFFSET 1", "--at", "1", code=2)
    for change in (
        "INSERT INTO t VALUES (3)",
        "TRUNCATE t",
        "DROP TABLE t",
        "ALTER TABLE t ADD COLUMN late int",
        "CREATE INDEX late ON t (a)",
        "CREATE SCHEMA late",
        "CREATE TYPE late AS ENUM ('x')",
        "CREATE TABLE late AS SELECT 1 AS a",
        "CREATE SEQUENCE late",
        "COMMENT ON TABLE t IS 'late'",
    ):
        has(box.query(change, "--at", "1", code=1).err, "Cannot modify historical data")
    has(box.query("SELECT 1 FROM t", "--as-of", "2999-01-01", code=1).err, "future")
    has(box.query("SELECT 1 FROM t", "--as-of", "garbage", code=1).err, "--as-of", "invalid input syntax")


# --- import and export --------------------------------------------------------------------------------------------------

ALL_TYPES = """id,Name,"Weird ""Col",day,zip,amt,flag,big,ts,tz,mixed,digits
1,Ann,x,2026-01-01,007,1.50,t,123456789012345678901234567890123456789,2026-01-01 10:00:00,2026-01-01T10:00:00Z,1,9223372036854775808
2,"Bob, ""B\""","line
break",2026-02-28,01234,-2,FALSE,1,2026-01-01T11:00:00.5,2026-01-01 10:00:00+02:00,x,1
3,,"",,,,,,,,,
"""


@test
def import_infers_types(box):
    box.file("a.csv", ALL_TYPES)
    result = box.run("import", "a.csv", "--table", "a", "--create", "--primary-key", "id", code=0)
    has(result.err, "imported 3 rows into a", "@ 3")
    same(result.out, "")
    types = dict(row[:2] for row in box.rows("SHOW COLUMNS FROM a"))
    same(types, {"id": "bigint", "name": "text", 'Weird "Col': "text", "day": "date", "zip": "text", "amt": "numeric",
                 "flag": "boolean", "big": "text", "ts": "timestamp without time zone",
                 "tz": "timestamp with time zone", "mixed": "text", "digits": "numeric"})
    same(box.rows('SELECT name IS NULL, "Weird ""Col" IS NULL, "Weird ""Col" FROM a WHERE id = 3'), [["t", "f", ""]])
    same(box.one("SELECT tz FROM a WHERE id = 2"), "2026-01-01 08:00:00+00")
    has(box.run("import", "a.csv", "--table", "a", "--create", code=1).err, 'relation "a" already exists')


@test
def export_and_import_are_inverse(box):
    box.file("a.csv", ALL_TYPES)
    box.run("import", "a.csv", "--table", "a", "--create", code=0)
    first = subprocess.run([PROGRAM, "export", "-q", "--table", "a"], cwd=box.project, env=ENVIRONMENT,
                           capture_output=True, check=True).stdout
    (box.project / "b.csv").write_bytes(first)
    box.run("import", "b.csv", "--table", "b", "--create", code=0)
    second = subprocess.run([PROGRAM, "export", "-q", "--table", "b"], cwd=box.project, env=ENVIRONMENT,
                            capture_output=True, check=True).stdout
    same(second, first)
    same(box.run("export", "-q", "SELECT id FROM a ORDER BY id DESC LIMIT 1", code=0).out, "id\n3\n")
    same(box.run("export", "-q", "SELECT $1::int AS x, $2::text AS y", "-p", "4", "--null-param", code=0).out, "x,y\n4,\n")
    same(json.loads(box.run("export", "-q", "-o", "json", "--table", "a", code=0).out)[0]["digits"], 9223372036854775808)
    has(box.run("export", "--table", "absent", code=1).err, "42P01")
    has(box.run("export", code=2).err, "required")


class Serving:
    """The project behind a server: `server` is its URL."""

    def __init__(self, box):
        self.process = subprocess.Popen([PROGRAM, "start", "--address", "127.0.0.1:0", "--http", "", "-q"], cwd=box.project,
                                        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.server = "kimberlite://127.0.0.1:" + self.process.stdout.readline().split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        same(self.process.wait(30), 0)


@test
def an_export_changes_nothing_and_is_of_one_statement(box):
    box.query("CREATE TABLE t (a INT); INSERT INTO t VALUES (1); CREATE SEQUENCE s")
    def look(*where):
        for sql in ("DROP TABLE t", "INSERT INTO t VALUES (2) RETURNING a", "SELECT nextval('s')", "CREATE TABLE u (a INT)",
                    "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x", "EXPLAIN ANALYZE DELETE FROM t",
                    "COPY t FROM STDIN"):
            has(box.run("export", *where, sql, code=1).err, "25006")
        for sql in ("SELECT 1; SELECT 2", "SELECT 1; DROP TABLE t", "COMMIT; DROP TABLE t", "", "/* nothing */", ";"):
            result = box.run("export", *where, sql, code=2)
            has(result.err, "export takes one statement")
            same(result.out, "")
        for sql in ("COMMIT", "SET default_transaction_read_only = off", "BEGIN READ WRITE"):
            box.run("export", *where, sql)
        for sql in ("SELECT a FROM t", "SELECT a FROM t; -- that is all", "TABLE t"):
            same(box.run("export", *where, sql, code=0).out, "a\n1\n")
        same(box.run("export", *where, "--table", "t", "--at", "1", code=0).out, "a\n1\n")
    look()
    with Serving(box) as serving:
        look("--server", serving.server)
    same(box.rows("SELECT a FROM t"), [["1"]])


@test
def what_works_on_the_directory_says_so_where_a_server_is_named(box):
    env = {"KIMBERLITE_SERVER": "kimberlite://127.0.0.1:1"}
    for arguments in (["backup", "create", "b"], ["verify"], ["rebuild"], ["doctor"]):
        over = box.run(*arguments, "--server", env["KIMBERLITE_SERVER"], code=2).err
        said = box.run(*arguments, env=env, code=2).err
        has(said, over, "KIMBERLITE_SERVER", "--data DIR")
        box.run(*arguments, "--data", box.project, env=env, code=0)
        box.run(*arguments, env={"KIMBERLITE_SERVER": ""}, code=0)
    same(len(list((box.project / "b").iterdir())), 1)
    box.run("backup", "list", "b", env=env, code=0)  # of a directory that is named, and no database


@test
def import_from_a_stream_and_without_header(box):
    box.run("import", "-", "--table", "s", "--create", "--no-header", stdin="1,a\n2,b\n", code=0)
    same(box.rows("SELECT column1, column2 FROM s ORDER BY 1"), [["1", "a"], ["2", "b"]])
    box.run("import", "-", "--table", "s", stdin="column2,column1\r\nc,3\r\n", code=0)
    same(box.one("SELECT column2 FROM s WHERE column1 = 3"), "c")
    many = "a\n" + "".join(f"{i}\n" for i in range(25000))
    box.run("import", "-", "--table", "many", "--create", stdin=many, code=0)
    same(box.rows("SELECT count(*), sum(a) FROM many"), [["25000", str(sum(range(25000)))]])
    box.query("CREATE TABLE d (a INT, b TEXT DEFAULT 'x', c INT)")
    box.run("import", "-", "--table", "d", stdin="c,a\n1,2\n", code=0)
    same(box.rows("SELECT a, b, c FROM d"), [["2", "x", "1"]])


@test
def import_reads_every_form_of_line(box):
    """What export writes comes back, a NULL in a table of one column too; line ends, marks and pieces do not matter."""
    box.query("CREATE TABLE one (a TEXT); INSERT INTO one VALUES ('x'), (NULL), (''), (E'two\\nlines'), (NULL)")
    out = subprocess.run([PROGRAM, "export", "-q", "--table", "one"], cwd=box.project, env=ENVIRONMENT,
                         capture_output=True, check=True).stdout
    same(out, b'a\r\nx\r\n\r\n""\r\n"two\nlines"\r\n\r\n')
    (box.project / "one.csv").write_bytes(out)
    for table in ("first", "second"):
        box.run("import", "one.csv", "--table", table, "--create", code=0)
    same(box.rows("SELECT count(*), count(a) FROM first"), [["5", "3"]])
    process = subprocess.Popen([PROGRAM, "import", "-", "--table", "first"], cwd=box.project, env=ENVIRONMENT,
                               stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for byte in b"\xef\xbb\xbfa\r\n\"q\r\nr\"\r\n":
        process.stdin.write(bytes([byte]))
        process.stdin.flush()
        time.sleep(0.002)
    process.stdin.close()
    same(process.wait(30), 0)
    same(box.one("SELECT count(*) FROM first WHERE a = E'q\\r\\nr'"), "1")
    box.file("head.csv", "a,,c\n")
    has(box.run("import", "head.csv", "--table", "head", "--create", code=0).err, "imported 0 rows")
    same([row[:2] for row in box.rows("SHOW COLUMNS FROM head")], [["a", "text"], ["column2", "text"], ["c", "text"]])
    big = "x" * (3 << 20)
    box.file("big.csv", f"id,b\n1,{big}\n")
    box.run("import", "big.csv", "--table", "big", "--create", code=0)
    same(box.rows("SELECT length(b) FROM big"), [[str(3 << 20)]])
    box.file("big.csv", f"id,b\n1,{big * 7}\n")
    has(box.run("import", "big.csv", "--table", "big", code=1).err, "line 2: row is too big", "54000")
    huge = box.project / "huge.csv"
    huge.write_bytes(b"id,b\n1,x\n2,\"" + b"y" * (65 << 20) + b"\"\n")
    has(box.run("import", "huge.csv", "--table", "big", code=1).err, "line 3: the record is longer", "durable line is 2")


@test
def import_of_a_stream_loses_nothing_behind_what_types_are_inferred_from(box):
    """64 MiB are read for that; the record that lies across their end must neither count nor be lost."""
    rows = 260
    line = "x" * (256 << 10)
    process = subprocess.Popen([PROGRAM, "import", "-", "--table", "s", "--create"], cwd=box.project, env=ENVIRONMENT,
                               stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b"n,text,day\n")
    for i in range(rows):
        process.stdin.write(f"{i},{line},2026-01-31\n".encode())
        process.stdin.flush()
    process.stdin.close()
    has(process.stderr.read().decode(), f"imported {rows} rows")
    process.stderr.close()
    same(process.wait(60), 0)
    same([row[1] for row in box.rows("SHOW COLUMNS FROM s")], ["bigint", "text", "date"])
    same(box.rows("SELECT count(*), sum(n), min(length(text)), max(length(text)) FROM s"),
         [[str(rows), str(sum(range(rows))), str(256 << 10), str(256 << 10)]])


BAD = "id,name\n1,x\n2,y\nzz,bad\n4,z\n2,dup\n5,w,extra\n6,k\n"


@test
def import_names_line_and_column_and_leaves_no_half(box):
    box.query("CREATE TABLE c (id INT PRIMARY KEY, name TEXT)")
    box.file("bad.csv", BAD)
    result = box.run("import", "bad.csv", "--table", "c", code=1)
    has(result.err, "line 4", 'column "id"', '"zz"', "Nothing was imported.")
    same(box.one("SELECT count(*) FROM c"), "0")
    rows = "".join(f"{i},n\n" for i in range(1, 10001))
    box.file("late.csv", "id,name\n" + rows + "10001,n\n,null key\n")
    result = box.run("import", "late.csv", "--table", "c", code=1)
    has(result.err, "line 10003", "last durable line is 10001", "--from-line 10002")
    same(box.one("SELECT count(*) FROM c"), "10000")
    box.file("late.csv", "id,name\n" + rows + "10001,n\n10002,mended\n")
    box.run("import", "late.csv", "--table", "c", "--from-line", "10002", code=0)
    same(box.one("SELECT count(*) FROM c"), "10002")


@test
def import_reject_goes_on(box):
    box.query("CREATE TABLE c (id INT PRIMARY KEY, name TEXT)")
    box.file("bad.csv", BAD)
    box.file("rest.csv", "")  # what has nothing in it may be taken
    result = box.run("import", "bad.csv", "--table", "c", "--reject", "rest.csv", code=0)
    has(result.err, "line 4 rejected", "line 6 rejected", "line 7 rejected", "imported 4 rows", "3 rows rejected")
    same(box.rows("SELECT id FROM c ORDER BY id"), [["1"], ["2"], ["4"], ["6"]])
    rest = (box.project / "rest.csv").read_bytes().decode()
    same(sorted(rest.split("\r\n")[1:-1]), ["2,dup", "5,w,extra", "zz,bad"])
    same(rest.split("\r\n")[0], "id,name")
    # rows that were put aside are not lost to the next import
    for name in ("bad.csv", "bad.ndjson"):
        box.file("bad.ndjson", "no\n")
        has(box.run("import", name, "--table", "c", "--reject", "rest.csv", code=1).err, "rest.csv is there already", "--force")
        same((box.project / "rest.csv").read_bytes().decode(), rest)
    box.run("import", "bad.ndjson", "--table", "c", "--reject", "rest.csv", "--force", code=0)
    same((box.project / "rest.csv").read_text(), "no\n")
    box.run("import", "bad.ndjson", "--table", "c", "--reject", "/dev/null", code=0)


@test
def import_atomic_is_all_or_nothing(box):
    box.query("CREATE TABLE c (id INT PRIMARY KEY, name TEXT)")
    rows = "".join(f"{i},n\n" for i in range(1, 12001))
    box.file("dup.csv", "id,name\n" + rows + "7,again\n")
    has(box.run("import", "dup.csv", "--table", "c", "--atomic", code=1).err, "line 12002", "Nothing was imported")
    same(box.one("SELECT count(*) FROM c"), "0")
    box.file("good.csv", "id,name\n" + rows)
    box.run("import", "good.csv", "--table", "c", "--atomic", code=0)
    same(box.one("SELECT count(*) FROM c"), "12000")
    entries = [e for e in json.loads(box.run("log", "show", "-o", "json", "-t", "1", code=0).out)
               if "rows_inserted" in e["events"]]
    same(entries[-1]["position_after"], 12000)
    same(len({entry["op"] for entry in entries}), 1)


@test
def import_refuses_what_does_not_fit(box):
    box.query("CREATE TABLE c (id INT PRIMARY KEY, name TEXT)")
    box.file("columns.csv", "id,nope\n1,2\n")
    has(box.run("import", "columns.csv", "--table", "c", code=1).err, 'no column "nope"')
    box.file("twice.csv", "id,id\n1,2\n")
    has(box.run("import", "twice.csv", "--table", "c", code=1).err, "twice")
    has(box.run("import", "columns.csv", "--table", "absent", code=1).err, "42P01", "--create makes the table")
    has(box.run("import", "absent.csv", "--table", "c", code=6).err, "cannot read absent.csv")
    box.file("empty.csv", "")
    has(box.run("import", "empty.csv", "--table", "c", code=1).err, "header")
    box.file("quote.csv", 'id,name\n1,"open\n2,x\n')
    has(box.run("import", "quote.csv", "--table", "c", code=1).err, "22P04")
    box.project.joinpath("latin.csv").write_bytes(b"id,name\n1,\xe9\n")
    has(box.run("import", "latin.csv", "--table", "c", code=1).err, "line 2", "invalid byte sequence for encoding \"UTF8\": 0xe9")
    box.file("key.csv", "id,name\n1,x\n")
    has(box.run("import", "key.csv", "--table", "k", "--primary-key", "id", code=2).err, "--primary-key goes with --create")
    has(box.run("import", "key.csv", "--table", "k", "--create", "--primary-key", "zip", code=1).err, "zip")
    same(box.one("SELECT count(*) FROM c"), "0")


@test
def import_failures_name_one_line(box):
    box.query("CREATE TABLE c (id INT PRIMARY KEY, name TEXT NOT NULL)")
    for text, words in [
        (b"id,name\n1,x\n2,\"open\n3,y\n4,z\n", ["line 3: field 2: the quoted field does not end", "durable line is 2"]),
        (b"id,name\n3,x\n\"4\"x,y\n", ["line 3: field 1: text stands after the closing quote"]),
        (b"id,name\n5,x\n6\n", ["line 3: 1 field, the header has 2", "22P04", "durable line is 2"]),
        (b"id,name\n7,x\n8,y,z\n", ["line 3: 3 fields, the header has 2"]),
        (b"id,name\r9,x\r", ["line 1: field 2: a carriage return"]),
        (b"id,name\n9,a\0b\n", ["line 2: column \"name\"", "0x00", "Nothing was imported."]),
        (b"id,na\0me\n9,a\n", ["field 2", "zero byte"]),
        (b"id,name\n9,\n", ["line 2", "null value in column \"name\"", "23502"]),
        (b"id,name\n99999999999,x\n", ["line 2: column \"id\"", "out of range", "22003"]),
        (b",".join(b"c%d" % i for i in range(1601)) + b"\n", ["line 1: more than 1600 fields"]),
        (b"\n\n", ["the file is empty"]),
    ]:
        (box.project / "f.csv").write_bytes(text)
        result = box.run("import", "f.csv", "--table", "c", code=1)
        has(result.err, *words)
        same(len(re.findall(r"(?<!durable )(?<!header )(?<!from-)\bline \d*", result.err)) , 0 if b"," not in text else 1)
    same(box.rows("SELECT id FROM c ORDER BY id"), [["1"], ["3"], ["5"], ["7"]])
    box.file("w.csv", "a,b\n1,2\n3\n4,5,6\n7,8\n")
    has(box.run("import", "w.csv", "--table", "w", "--create", code=1).err, "line 3: 1 field, the header has 2", "22P04")
    box.query("SELECT 1 FROM w", code=1)
    result = box.run("import", "w.csv", "--table", "w", "--create", "--reject", "rest.csv", code=0)
    has(result.err, "line 3 rejected", "line 4 rejected", "imported 2 rows", "2 rows rejected")
    same([row[1] for row in box.rows("SHOW COLUMNS FROM w")], ["bigint", "bigint"])
    has(box.run("import", "w.csv", "--table", "w", "--reject", "../p/w.csv", code=2).err, "it is the file to import")
    same((box.project / "w.csv").read_text(), "a,b\n1,2\n3\n4,5,6\n7,8\n")
    box.file("twice.csv", "A,b,a\n1,2,3\n")
    has(box.run("import", "twice.csv", "--table", "x", "--create", code=1).err, 'names column "a" twice: fields 1 and 3')
    box.file("key.csv", "a\n1\n1\n")
    result = box.run("import", "key.csv", "--table", "k", "--create", "--primary-key", "a", "--atomic", code=1)
    has(result.err, "line 3", "23505", "Nothing was imported.")
    box.query("SELECT 1 FROM k", code=1)
    result = box.run("import", "key.csv", "--table", "k", "--create", "--primary-key", "a", code=1)
    has(result.err, "Nothing was imported; the table stays: go on without --create.")
    same(box.one("SELECT count(*) FROM k"), "0")


@test
def progress_is_drawn_on_a_terminal_only(box):
    box.file("a.csv", "a,b\n" + "".join(f"{i},{'x' * 100}\n" for i in range(60000)))
    lacks(box.run("import", "a.csv", "--table", "plain", "--create", code=0).err, "\r", "%")
    master, slave = pty.openpty()
    process = subprocess.Popen([PROGRAM, "import", "a.csv", "--table", "t", "--create"], cwd=box.project,
                               env=ENVIRONMENT, stderr=slave, stdin=subprocess.DEVNULL)
    os.close(slave)
    seen = read_terminal(master, process)
    same(process.wait(60), 0)
    has(seen, "import [", "rows,", "/s", "s left", "imported 60000 rows")


def read_terminal(master, process, until=None):
    seen = b""
    end = time.time() + 60
    while time.time() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        elif process.poll() is not None:
            break
        if until is not None and until.encode() in seen:
            break
    return seen.decode(errors="replace")


# --- tenants, info, log -------------------------------------------------------------------------------------------------


@test
def tenants_are_apart(box):
    has(box.query("-t", "5", "SELECT 1", code=6).err, "tenant not found: 5", "tenant list")
    result = box.run("tenant", "create", "5", "--name", "north", code=0)
    facts = json.loads(box.run("tenant", "info", "5", "-o", "json", code=0).out)
    same((facts["id"], facts["name"], facts["tables"]), (5, "north", 0))
    has(facts["verifier"], "/tenant/5+")
    box.run("tenant", "info", "6", code=6)
    has(result.out, "tenant    5", "verifier  ", "/tenant/5+")
    box.run("tenant", "create", "5", "--name", "north", code=0)
    box.run("tenant", "create", "8", code=0)
    has(box.run("tenant", "delete", "8", code=1).err, "--yes does without")
    box.run("tenant", "create", "88", "-y", code=0)
    same(json.loads(box.run("tenant", "delete", "88", "-y", "-o", "json", code=0).out), {"tenant": 88, "tables": 0})
    same(json.loads(box.run("tenant", "delete", "8", "--force", "-o", "json", code=0).out), {"tenant": 8, "tables": 0})
    box.run("tenant", "info", "8", code=6)
    box.run("tenant", "delete", "8", "--force", code=6)
    box.run("tenant", "create", "8", code=1)
    has(box.run("tenant", "create", "5", "--name", "south", code=1).err, "already exists under the name \"north\"")
    box.query("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
    has(box.query("-t", "5", "SELECT * FROM t", code=1).err, "42P01")
    box.query("-t", "5", "CREATE TABLE t (a INT)")
    same(box.query("-q", "-o", "csv", "SELECT count(*) AS n FROM t", env={"KIMBERLITE_TENANT": "5"}).out, "n\n0\n")
    made = json.loads(box.run("tenant", "create", "5", "-o", "json", code=0).out)
    same(made["tenant"], 5)
    has(made["verifier"], "+")
    tenants = json.loads(box.run("tenant", "list", "-o", "json", code=0).out)
    same([(t["id"], t["name"], t["position"]) for t in tenants], [(1, "", 1), (5, "north", 0)])
    has(box.run("tenant", "list", code=0).out, "north", "(2 rows)")
    has(box.query("SELECT 1", env={"KIMBERLITE_TENANT": "x"}, code=2).err, "KIMBERLITE_TENANT")


@test
def an_unknown_tenant_is_not_found_by_any_verb(box):
    box.query("CREATE TABLE t (a INT)")
    box.file("a.csv", "a\n1\n")
    for arguments in (["query", "SELECT 1"], ["shell"], ["import", "a.csv", "--table", "t"], ["export", "--table", "t"],
                      ["log", "show"], ["log", "show", "--from", "1", "-o", "json"], ["proof", "checkpoint"]):
        result = box.run(*arguments, "-t", "99", code=6)
        has(result.err, "tenant not found: 99", "3D000")
        same(result.out, "")
    same(box.run("log", "show", "-t", "1", "--from", "99999", "-o", "json", code=0).out, "[]\n")


@test
def log_show_gives_a_chain(box):
    box.query("CREATE TABLE t (a INT PRIMARY KEY); INSERT INTO t VALUES (1), (2); UPDATE t SET a = 3 WHERE a = 1")
    entries = json.loads(box.run("log", "show", "-o", "json", "-t", "1", code=0).out)
    same([e["entry"] for e in entries], [1, 2, 3, 4])
    for before, after in zip(entries, entries[1:]):
        same(after["previous_hash"], before["hash"])
        same(after["position_before"], before["position_after"])
        assert after["time"] > before["time"]
    has(entries[1]["events"], "table_created t")
    has(entries[2]["events"], "rows=2")
    same([json.loads(line) for line in box.run("log", "show", "-o", "ndjson", "-t", "1", code=0).out.splitlines()], entries)
    has(box.run("log", "show", code=0).out, "tenant 0", "tenant 1", "sealed", entries[3]["hash"])
    later = json.loads(box.run("log", "show", "-o", "json", "--from", entries[2]["op"], code=0).out)
    same([e["entry"] for e in later], [3, 4])


@test
def info_tells_the_facts(box):
    box.query("CREATE TABLE t (a INT)")
    facts = json.loads(box.run("info", "-o", "json", code=0).out)
    same(facts["encrypted"], "yes")
    same(facts["tenants"], 1)
    same(len(facts["state"]), 64)
    same(Path(facts["root_key"]).resolve(), box.key().resolve())
    same(facts["log"], box.key().stem)
    result = box.run("info", code=0)
    has(result.out, facts["log"], facts["verifier"])
    has(result.err, "Warning: the root key")


# --- verify, rebuild, proofs --------------------------------------------------------------------------------------------


@test
def verify_names_what_is_wrong(box):
    box.query("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('one'); INSERT INTO t VALUES ('two')")
    has(box.run("verify", code=0).out, "whole: ", "bodies opened", "store says what the log says")
    has(box.run("verify", "--log-only", code=0).out, "whole: ")
    same(json.loads(box.run("verify", "-o", "json", code=0).out)["whole"], True)
    checkpoint = box.file("cp.txt", box.run("proof", "checkpoint", code=0).out)
    box.run("verify", "--checkpoint", checkpoint, code=0)
    before = shutil.copytree(box.project / ".kimberlite/data", box.folder / "before")
    box.query("INSERT INTO t VALUES ('three')")
    later = box.file("later.txt", box.run("proof", "checkpoint", code=0).out)
    box.run("verify", "--checkpoint", checkpoint, code=0)
    result = box.run("verify", "--data", before, "--key", box.key(), "--checkpoint", later, code=1)
    has(result.err, "ROLLED_BACK")
    box.run("verify", "--data", before, "--key", box.key(), "--checkpoint", checkpoint, code=0)
    has(box.run("verify", "--checkpoint", "absent.txt", code=6).err, "absent.txt")
    log = next((box.project / ".kimberlite/data/log").glob("*.seg"))
    data = bytearray(log.read_bytes())
    entry = json.loads(box.run("log", "show", "-o", "json", "-t", "1", code=0).out)[-1]
    data[data.rindex(b"KMBE") + 200] ^= 1
    log.write_bytes(data)
    result = box.run("verify", code=1)
    has(result.err, "CORRUPT", f"entry     {entry['entry']}", f"op        {entry['op']}", "tenant    1", log.name)
    report = json.loads(box.run("verify", "-o", "json", code=1).out)
    same((report["whole"], report["entry"], report["op"], report["segment"]), (False, entry["entry"], entry["op"], log.name))


@test
def damaged_files_are_named_or_mended(box):
    """A flipped bit anywhere: verify finds it, and a query gives the right answer or an error - and no crash."""
    box.query("CREATE TABLE t (a INT PRIMARY KEY, b TEXT); CREATE INDEX tb ON t (b)")
    box.run("import", "-", "--table", "t", stdin="a,b\n" + "".join(f"{i},{i * 7 % 1000:04}\n" for i in range(3000)), code=0)
    data = box.project / ".kimberlite/data"
    whole = shutil.copytree(data, box.folder / "whole")
    right = box.rows("SELECT count(*), sum(a) FROM t WHERE b >= '0500'")
    generator = random.Random(7)
    found, answered = 0, 0
    for name in ["store.kst"] * 30 + ["log/superblock"] * 12 + ["keys.kks", "keys.kks.copy"] * 6:
        shutil.rmtree(data)
        shutil.copytree(whole, data)
        content = bytearray((data / name).read_bytes())
        content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        (data / name).write_bytes(content)
        verified = box.run("verify")
        assert verified.code in (0, 1), f"{name}: exit {verified.code}\n{verified.err}"
        found += verified.code
        result = box.query("-q", "-o", "csv", "SELECT count(*), sum(a) FROM t WHERE b >= '0500'", code=None)
        assert result.code in (0, 1), f"{name}: exit {result.code}\n{result.err}"
        if result.code == 0:
            answered += 1
            same(list(csv.reader(io.StringIO(result.out)))[1:], right)
            box.run("rebuild", code=0)
            box.run("verify", code=0)
    assert found >= 30 and answered >= 30, (found, answered)


@test
def rebuild_gives_the_same_state(box):
    box.query("CREATE TABLE t (a INT PRIMARY KEY, b TEXT); CREATE INDEX tb ON t (b)")
    box.query("INSERT INTO t VALUES (1, 'x'), (2, 'y'); UPDATE t SET b = 'z' WHERE a = 1; DELETE FROM t WHERE a = 2")
    state = json.loads(box.run("info", "-o", "json", code=0).out)["state"]
    same(box.run("rebuild", code=0).out, f"state {state}\n")
    (box.project / ".kimberlite/data/store.kst").unlink()
    same(box.rows("SELECT a, b FROM t"), [["1", "z"]])
    same(json.loads(box.run("info", "-o", "json", code=0).out)["state"], state)


@test
def proofs_are_verified_without_the_database(box):
    box.query("CREATE TABLE t (a INT); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
    verifier = json.loads(box.run("info", "-o", "json", code=0).out)["verifier"]
    away = box.folder / "away"
    away.mkdir()
    for arguments in (["inclusion", "3"], ["consistency", "2"], ["checkpoint"]):
        text = box.run("proof", *arguments, code=0).out
        path = away / "proof.txt"
        path.write_text(text, newline="")
        same(box.run("proof", "verify", "proof.txt", "--verifier", verifier, at=away, code=0).out, "valid\n")
        if arguments == ["checkpoint"]:
            has(box.run("proof", "verify", "proof.txt", at=away, code=1).err, "only be verified with its verifier key")
            continue
        has(box.run("proof", "verify", "proof.txt", at=away, code=0).out, "valid under the key in the file")
        box.run("proof", "verify", "-", at=away, stdin=text, code=0)
        lines = text.split("\n")
        at = next(i for i, line in enumerate(lines) if len(line) > 60 or line.endswith("="))
        lines[at] = lines[at][:-8] + ("A" if lines[at][-8] != "A" else "B") + lines[at][-7:]
        has(box.run("proof", "verify", "-", at=away, stdin="\n".join(lines), code=1).err, "Error")
    other = box.folder / "other"
    box.run("init", "other", at=box.folder, code=0)
    strange = json.loads(box.run("info", "-o", "json", at=other, code=0).out)["verifier"]
    has(box.run("proof", "verify", "proof.txt", "--verifier", strange, at=away, code=1).err, "PROOF_INVALID")
    has(box.run("proof", "inclusion", "99", code=1).err, "no entry 99")
    has(box.run("proof", "verify", "absent.txt", code=6).err, "cannot read absent.txt")


# --- keys, locks, versions ----------------------------------------------------------------------------------------------


@test
def without_the_key_and_with_another(box):
    box.query("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
    box.run("init", "other", at=box.folder, code=0)
    strange = next((box.folder / "other/.kimberlite/keys").glob("*.key"))
    has(box.query("--key", strange, "SELECT 1", code=1).err, "WRONG_KEY", box.key().stem)
    moved = box.folder / "moved.key"
    expected = box.key()
    shutil.move(expected, moved)
    for arguments in (["query", "SELECT 1"], ["info"], ["rebuild"], ["export", "--table", "t"]):
        has(box.run(*arguments, code=1).err, f"no key for log {expected.stem}: expected in", str(expected.name))
    has(box.run("verify", code=0).out, "whole", "bodies not opened: no key")
    assert box.run("log", "show", code=0).out.count("op ") >= 4
    same(box.query("--key", moved, "-q", "-o", "csv", "SELECT a FROM t").out, "a\n1\n")
    shutil.move(moved, expected)
    text = expected.read_text()
    expected.write_text(re.sub(r"^key .", lambda m: "key " + ("B" if m[0][4] == "A" else "A"), text, flags=re.M))
    assert expected.read_text() != text
    has(box.query("SELECT 1", code=1).err, "WRONG_KEY", "damaged")


@test
def a_second_process_is_told_who_holds_the_database(box):
    box.query("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
    holder = subprocess.Popen([PROGRAM, "query", "-o", "csv", "-f", "-"], cwd=box.project, env=ENVIRONMENT,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdin.write(b"SELECT a FROM t;\n")
        holder.stdin.flush()
        os.read(holder.stdout.fileno(), 100)
        result = box.query("SELECT 1", code=1)
        has(result.err, "LOCKED", f"held by pid {holder.pid}, kimberlite query")
        for arguments in (["verify"], ["info"], ["log", "show"], ["proof", "checkpoint"], ["tenant", "list"],
                          ["export", "--table", "t"]):
            box.run(*arguments, code=0)
    finally:
        holder.communicate()
    box.query("SELECT 1")


@test
def the_lock_goes_with_a_killed_owner(box):
    box.query("CREATE TABLE t (a INT)")
    holder = subprocess.Popen([PROGRAM, "query", "-f", "-"], cwd=box.project, env=ENVIRONMENT, stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    holder.stdin.write(b"INSERT INTO t VALUES (1);\n")
    holder.stdin.flush()
    has(holder.stderr.readline().decode(), "INSERT 0 1 @ 1")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdin.close()
    holder.stderr.close()
    same(box.one("SELECT count(*) FROM t"), "1")


@test
def a_future_format_is_refused(box):
    box.query("CREATE TABLE t (a INT)")
    segment = next((box.project / ".kimberlite/data/log").glob("*.seg"))
    data = bytearray(segment.read_bytes())
    data[4] = 2
    data[4092:4096] = crc32c(data[:4092]).to_bytes(4, "little")
    segment.write_bytes(data)
    for arguments in (["query", "SELECT 1"], ["verify"]):
        has(box.run(*arguments, code=1).err, "FORMAT_VERSION", "version 2")


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@test
def encryption_hides_texts(box):
    canary = "CANARY-zugzwang"
    script = f"CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT); INSERT INTO t VALUES ('{canary}', '{canary}')"
    box.query(script)
    box.run("init", "open", "--no-encryption", at=box.folder, code=0)
    box.run("query", script, at=box.folder / "open", code=0)

    def holds(folder):
        return any(canary.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())

    assert not holds(box.project), "the canary stands in clear"
    assert holds(box.folder / "open"), "without encryption the canary must be found: the search is blind"


# --- shell --------------------------------------------------------------------------------------------------------------


@test
def the_shell_runs_scripts(box):
    box.file("more.sql", "INSERT INTO t VALUES (7);\nSELECT a FROM t WHERE a = 7;\n")
    result = box.run("shell", "-o", "csv", stdin="CREATE TABLE t (a INT PRIMARY KEY, b TEXT);\n\\d\n\\dt\n\\d t\n"
                     "\\i more.sql\nSELECT\n1 AS two_lines\n;\n\\timing\nSELECT 2 AS last", code=0)
    has(result.out, "t,2\n", "a,integer,f\n", "b,text,t\n", "a\n7\n", "two_lines\n1\n", "last\n2\n")
    has(result.err, "CREATE TABLE", "INSERT 0 1 @ 1", "Timing is on.", "Time: ")
    result = box.run("repl", stdin=".tables\n.mode csv\n.schema t\nSELECT 5 AS q;\n.quit\nSELECT 9 AS never;\n", code=0)
    has(result.out, "a,integer", "q\n5\n")
    lacks(result.out, "never")
    result = box.run("shell", stdin="\\x\nSELECT 1 AS a, NULL AS b;\n", code=0)
    has(result.out, "─[ row 1 ]", "a │ 1", "b │ NULL")
    result = box.run("shell", stdin="\\bogus\nSELECT nope;\nSELECT 1 AS fine;\n", code=1)
    has(result.err, "unknown command", "42703", "^")
    has(result.out, "fine")
    same(box.run("shell", stdin="SELECT 1;\nSELECT nope;\n").code, 1)
    has(box.run("shell", stdin="\\i absent.sql\n").err, "cannot read absent.sql")
    box.file("loop.sql", "\\i loop.sql\n")
    has(box.run("shell", stdin="\\i loop.sql\n").err, "nests deeper")
    # whatever failed in a script is seen at its end, also where it ends itself
    box.file("bad.sql", "SELECT nope;\nSELECT 1;\n")
    for line in ("SELECT nope;", "\\bogus", "\\copy t from '/nonexistent'", "\\copy t to '/nonexistent/file'", "\\copy t", "\\i nosuch", "\\i",
                 "\\i bad.sql", "\\i loop.sql", "\\o xml", "\\x maybe", "\\d nosuch", ".bogus", "\\copy t to '/dev/full'"):
        for end in ("", "\\q\nSELECT 2;\n"):
            result = box.run("shell", "-o", "csv", stdin=f"{line}\nSELECT 1 AS fine;\n{end}", code=1)
            has(result.out, "fine\n1\n")


@test
def what_is_stored_commands_no_terminal(box):
    box.query("CREATE TABLE t (a TEXT); INSERT INTO t VALUES (E'x\\x1b[31m\\x07\\u007f\\u009b31m\\ttab\\nline')")
    for script in ("SELECT a FROM t;\n", "\\x on\nSELECT a FROM t;\n"):
        out = box.run("shell", stdin=script, code=0).out
        has(out, "x\\x1b[31m\\x07\\x7f\\x9b31m\\x09tab")
        lacks(out, "\x1b", "\x07", "\x7f", "\x9b", "\t")
    lines = box.query("SELECT a FROM t").out.splitlines()
    same(len({len(line) for line in lines[:-1]}), 1)


@test
def copy_reads_the_lines_behind_it(box):
    script = ("CREATE TABLE t (a INT PRIMARY KEY, b TEXT); COPY t FROM STDIN;\n1\tone\n2\t\\N\n\\.\n"
              "COPY t FROM STDIN CSV;\n3,\"x;\ny\"\n\\.\nSELECT count(*) AS n FROM t;\nCOPY t TO STDOUT;\n")
    for arguments in (["shell", "-o", "csv"], ["query", "-o", "csv"]):
        result = box.run(*arguments, stdin=script, code=0)
        assert result.out == "n\n3\n1\tone\n2\t\\N\n3\tx;\\ny\n", result.out
        assert result.err.count("COPY 2") == 1 and result.err.count("COPY 1") == 1 and "COPY 3" in result.err, result.err
        box.run("query", "DROP TABLE t", code=0)
    (box.project / "s.sql").write_text(script)
    assert box.run("query", "-o", "csv", "-f", "s.sql", code=0).out.startswith("n\n3\n")
    assert box.run("query", "COPY t FROM STDIN", stdin="7\tseven\n", code=0).err.startswith("COPY 1")


@test
def copy_that_fails_leaves_no_data_behind(box):
    script = ("CREATE TABLE t (a INT PRIMARY KEY);\nCOPY t FROM STDIN;\n1\nx\n3\nSELECT 99;\n\\.\nSELECT count(*) AS n FROM t;\n")
    result = box.run("shell", "-o", "csv", stdin=script, code=1)
    assert result.out == "n\n0\n", result.out
    has(result.err, 'Context: COPY t, line 2, column a: "x"')
    assert "99" not in result.out + result.err
    result = box.run("query", stdin="COPY t FROM '/etc/passwd'", code=1)
    has(result.err, "COPY from a file on the server is not supported", "\\copy takes a file")


@test
def copy_with_files(box):
    (box.project / "in put.csv").write_text("a,b\n1,x\n2,\"y\nz\"\n")
    script = ("CREATE TABLE t (a INT PRIMARY KEY, b TEXT);\n\\copy t (a, b) from 'in put.csv' csv header\n"
              "\\copy (select a, b from t where b in ('x', 'from')) to out.txt\n\\copy t to 'o''1.csv' with (format csv)\n"
              "\\copy t from nowhere.csv\n\\copy t from program 'cat'\n\\copy t\n\\copy t to stdout\n")
    result = box.run("shell", stdin=script)
    assert (box.project / "out.txt").read_text() == "1\tx\n"
    assert (box.project / "o'1.csv").read_text() == "1,x\n2,\"y\nz\"\n"
    assert result.out == "1\tx\n2\ty\\nz\n", result.out
    has(result.err, "COPY 2", "COPY 1", "cannot read nowhere.csv: No such file", "PROGRAM is not supported",
        "a table or (query), FROM or TO, and a file are required")


@test
def copies_of_many_rows_stream(box):
    rows = 60000
    (box.project / "big.csv").write_text("".join(f"{n},row {n}\n" for n in range(rows)))
    box.run("shell", stdin="CREATE TABLE t (a INT PRIMARY KEY, b TEXT);\n\\copy t from big.csv csv\n\\copy t to back.csv csv\n",
            code=0)
    assert (box.project / "back.csv").read_text() == (box.project / "big.csv").read_text()


@test
def shell_commands_take_on_and_off(box):
    result = box.run("shell", stdin="\\timing on\n\\timing on\n\\x off\n\\x\n\\x maybe\n\\i\n.read\n", code=1)
    same(result.err.splitlines(), ["Timing is on.", "Timing is on.", "Expanded display is off.", "Expanded display is on.",
                                   'Error: invalid value "maybe": on or off', "Error: a file is required: \\i FILE",
                                   "Error: a file is required: .read FILE"])


@test
def the_shell_has_transactions(box):
    result = box.run("shell", "-o", "csv", stdin="CREATE TABLE t (a INT);\nBEGIN;\nINSERT INTO t VALUES (1);\n"
                     "SELECT count(*) AS inside FROM t;\nROLLBACK;\nSELECT count(*) AS after FROM t;\n", code=0)
    has(result.out, "inside\n1\n", "after\n0\n")
    has(result.err, "BEGIN", "ROLLBACK")
    box.run("query", "BEGIN; INSERT INTO t VALUES (1)", code=0)
    same(box.one("SELECT count(*) FROM t"), "0")
    box.run("query", "BEGIN; INSERT INTO t VALUES (1); COMMIT", code=0)
    same(box.one("SELECT count(*) FROM t"), "1")
    has(box.query("BEGIN; SELECT nope; COMMIT", code=1).err, "statement 2")


@test
def the_shell_on_a_terminal(box):
    master, slave = pty.openpty()
    process = subprocess.Popen([PROGRAM, "shell"], cwd=box.project, stdin=slave, stdout=slave, stderr=slave,
                               env={**ENVIRONMENT, "HOME": str(box.folder), "TERM": "xterm", "NO_COLOR": "1"}, start_new_session=True)
    os.close(slave)
    has(read_terminal(master, process, "=> "), "kimberlite=> ", " at ", ".kimberlite/data, tenant 1. \\? for help")
    os.write(master, b"SELECT 40 + 2 AS answer;\r")
    has(read_terminal(master, process, "(1 row)"), "answer", "42")
    os.write(master, b"SELECT\r")
    has(read_terminal(master, process, "-> "), "kimberlite-> ")
    os.write(master, b"1;\r")
    read_terminal(master, process, "(1 row)")
    os.write(master, b"BEGIN;\r")
    has(read_terminal(master, process, "*> "), "kimberlite*> ")
    os.write(master, b"\\q\r")
    read_terminal(master, process)
    same(process.wait(30), 0)
    has((box.folder / ".kimberlite_history").read_text(), "answer")


@test
def tab_completes_what_could_stand_there(box):
    box.query('CREATE TABLE patients (id INT, given_name TEXT, "Odd" INT); CREATE TABLE payments (amount INT); '
              "CREATE SCHEMA audit; CREATE TABLE audit.entries (at INT)")
    master, slave = pty.openpty()
    process = subprocess.Popen([PROGRAM, "shell"], cwd=box.project, stdin=slave, stdout=slave, stderr=slave,
                               env={**ENVIRONMENT, "HOME": str(box.folder), "TERM": "xterm", "NO_COLOR": "1"}, start_new_session=True)
    os.close(slave)
    def talk(typed, until):
        os.write(master, typed)
        seen = read_terminal(master, process, until)
        has(seen, until)
        return seen

    read_terminal(master, process, "kimberlite=> ")
    # the line is drawn in pieces, so it is run: only a whole statement answers
    talk(b"sel\tcount(*) fr\tpat\twher\tgiv\tis null;\r", "(1 row)\r\nkimberlite=> ")
    talk(b"SEL\tp.gi\tFR\tpati\tp;\r", "kimberlite=> ")
    has(talk(b"SELECT * FROM pa\t", "payments"), "patients")
    has(talk(b"ti\tp WHERE p.\t", '"Odd"'), "given_name")
    talk(b"i\t> 0;\r", "(0 rows)\r\nkimberlite=> ")
    talk(b"SELECT count(*)\rFROM aud\t\rWHERE a\t", "at")
    talk(b"t IS NULL;\r", "(1 row)\r\nkimberlite=> ")
    has(talk(b"\\\t", "\\timing"), "\\copy")
    # behind commands: their words, tables, files
    os.write(master, b"\x15")
    talk(b"\\d pay\t\r", "amount")
    has(talk(b"\\x o\t", "off"), "on")
    talk(b"n\r", "Expanded display is on.")
    talk(b"\\o nd\t\r", "kimberlite=> ")
    box.file("some-script.sql", "SELECT 7 AS seven;\n")
    talk(b".READ some\t\r", '{"seven":7}')
    # words of the grammar that are not common come when no common one fits
    os.write(master, b"\\o table\r\\x off\r")
    talk(b"EXPLAIN (VERB\t, COSTS OFF) SELECT 1;\r", "(2 rows)\r\nkimberlite=> ")
    os.write(master, b"\x04\x03")
    process.kill()
    process.wait(30)


@test
def what_is_typed_is_colored(box):
    def shell(columns, *more, env=None):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([PROGRAM, "shell", "-q", *more], cwd=box.project, stdin=slave, stdout=slave, stderr=slave,
                                   env={**ENVIRONMENT, "HOME": str(box.folder), "TERM": "xterm", **(env or {})},
                                   start_new_session=True)
        os.close(slave)
        return master, process

    def settle(master, screen, done):
        """Feeds the screen until it shows what is waited for."""
        end = time.time() + 60
        while time.time() < end:
            if select.select([master], [], [], 0.2)[0]:
                screen.feed(os.read(master, 65536).decode(errors="replace"))
            elif done(screen):
                return
        raise AssertionError("\n".join(screen.text(row) for row in range(screen.rows)))

    word, string, number, comment = "1;34", "32", "33", "2"
    master, process = shell(64)
    screen = Screen(24, 64)
    row = lambda: screen.row
    settle(master, screen, lambda s: s.text(s.row).endswith("kimberlite=>"))
    same(screen.colored(row(), "kimberlite=>"), "36")
    os.write(master, b"select 'it''s', 40.5, t.select, \"from\", oid4 FROM x -- 7")
    settle(master, screen, lambda s: "-- 7" in s.text(s.row))
    first = row() - (1 if "kimberlite" not in screen.text(row()) else 0)
    same(screen.text(first) + screen.text(first + 1), "kimberlite=> select 'it''s', 40.5, t.select, \"from\", oid4 FROM x -- 7")
    same([screen.colored(first, text) for text in ("select ", "'it''s'", "40.5", "t.select", '"from"', "oid4")],
         [{word, ""}, string, number, "", "", ""])
    same([screen.colored(first + (screen.text(first).find("FROM") < 0), "FROM"), screen.colored(row(), "-- 7")], [word, comment])
    # the cursor is where the editor thinks it is: going back and typing puts letters where they belong
    os.write(master, b"\x01" + b"\x06" * 7 + b"1, ")
    settle(master, screen, lambda s: "select 1, 'it" in s.text(first))
    same((screen.colored(first, "1,"), screen.colored(first, "'it''s'")), ({number, ""}, string))
    same(screen.text(first) + screen.text(first + 1), "kimberlite=> select 1, 'it''s', 40.5, t.select, \"from\", oid4 FROM x -- 7")
    os.write(master, b"\x15")  # all of it away
    settle(master, screen, lambda s: s.text(first) == "kimberlite=>" and s.text(first + 1) == "")
    # a string that goes on in the next line; a wide character; a command
    os.write(master, "SELECT 'a\rFROM 日本' AS b;".encode())
    settle(master, screen, lambda s: "AS b" in s.text(s.row))
    same((screen.colored(row(), "kimberlite->"), screen.colored(row(), "FROM 日本'"), screen.colored(row(), "AS")), ("33", string, word))
    os.write(master, b"\r\\timing on")
    settle(master, screen, lambda s: "\\timing on" in s.text(s.row))
    same((screen.colored(row(), "\\timing"), screen.colored(row(), "on")), ("36", ""))
    os.write(master, b"\x15\x04")
    has(read_terminal(master, process), "\\q\r\n")
    same(process.wait(30), 0)
    os.close(master)
    # not where it is not wanted
    for more, env in (([], {"NO_COLOR": ""}), (["--no-color"], {}), ([], {"TERM": "dumb"})):
        master, process = shell(80, *more, env=env)
        read_terminal(master, process, "kimberlite=> ")
        os.write(master, b"SELECT 'a';\r")
        lacks(read_terminal(master, process, "(1 row)\r\nkimberlite=> "), "\x1b[32m", "\x1b[1;34m", "\x1b[36m", "\x1b7")
        os.write(master, b"\\q\r")
        read_terminal(master, process)
        same(process.wait(30), 0)
        os.close(master)


@test
def the_bench_counts_what_it_runs(box):
    def bench(*arguments, code=0, **more):
        ran = box.run("bench", *arguments, "--duration", 1, "--warm-up", 0, "-o", "json", code=code, at=box.folder, **more)
        return json.loads(ran.out) if code == 0 and ran.out else ran.err
    for workload in ("insert", "point", "scan", "tpcb"):
        told = bench(workload, "--clients", 3)
        same((told["workload"], told["clients"], told["durability"]), (workload, 3, "synced before the answer"))
        assert 0 < told["min_ns"] <= told["p50_ns"] <= told["p95_ns"] <= told["p99_ns"] <= told["p999_ns"] <= told["max_ns"], told
        assert told["count"] > 0 and abs(told["per_second"] * told["seconds"] - told["count"]) <= told["count"] / 100 + 1, told
    same(sorted(path.name for path in box.folder.iterdir()), ["p"])  # its own databases are gone
    # a rate is kept, and held by the clock and not by how fast the last one was
    told = bench("point", "--clients", 2, "--rate", 100)
    same(told["rate"], 100)
    assert 90 <= told["count"] <= 101 and 0.8 < told["seconds"] < 3, told
    # a database of one's own: only when asked; the tables go, or stay
    has(bench("insert", "--data", "p", code=2), "--yes is required")
    before = int(box.one("SELECT count(*) FROM information_schema.schemata"))
    told = bench("mixed", "--data", "p", "--yes")
    same(int(box.one("SELECT count(*) FROM information_schema.schemata")), before)
    told = bench("insert", "--data", "p", "--yes", "--keep")
    same(told["count"], int(box.one("SELECT count(*) FROM kimberlite_bench.inserted")))
    same(box.one("SELECT count(*) FROM kimberlite_bench.accounts"), "100000")
    bench("insert", "--data", "p", "--yes")  # what a run left behind is in nobody's way
    box.run("verify", code=0)
    has(bench("nope", code=2), "mixed, insert, point, scan or tpcb")
    for arguments in (["--clients", 0], ["--rate", 0], ["--duration", "x"], ["a", "b"]):
        box.run("bench", *arguments, code=2)
    # Ctrl-C ends it, with what was counted
    process = subprocess.Popen([PROGRAM, "bench", "point", "--duration", "600", "--warm-up", "0", "-o", "json"], cwd=box.folder,
                               env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    has(process.stderr.readline(), "filling")
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    same(process.returncode, 0)
    has(err, "Interrupted")
    assert json.loads(out)["count"] > 0
    same(sorted(path.name for path in box.folder.iterdir()), ["p"])
    # other signals end it as they end a program, while it fills its tables too, and nothing is left
    for number, pause in ((signal.SIGTERM, 2), (signal.SIGHUP, 0)):
        process = subprocess.Popen([PROGRAM, "bench", "point", "--duration", "600", "--scale", "3"], cwd=box.folder,
                                   env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))  # of nohup it stays ignored
        try:
            has(process.stderr.readline(), "filling")
            same(len(list(box.folder.glob("kimberlite-bench-*"))), 1)
            time.sleep(pause)
            process.send_signal(number)
            process.communicate(timeout=60)
        finally:
            process.kill()
        same(process.returncode, -number)
        same(sorted(path.name for path in box.folder.iterdir()), ["p"])


@test
def a_report_of_the_simulator(box):
    told = json.loads(box.run("sim", "report", "-i", 4, "-s", 2, "-o", "json", code=0).out)
    same((told["report"], told["runs"], told["successes"], told["failures"], told["seeds"]), ("report.html", 4, 4, 0, ""))
    page = (box.project / "report.html").read_text()
    has(page, "every invariant held", '<td class="n">2</td>', '<td class="n">5</td>', "corruption", "full-disk")
    # a simulator that finds something, and one that dies
    folder = box.folder / "bin"
    folder.mkdir()
    shutil.copy(PROGRAM, folder / "kimberlite")
    fake = folder / "vopr"
    run = '{"type":"run","seed":%d,"scenario":"crash","status":"%s","transactions":3,"calls":9,"recoveries":1,"faults":{"eio":2},"state_hash":"ab"}'
    lines = [run % (0, "ok"), run % (1, "violation"),
             '{"type":"violation","invariant":"C-1","message":"<lost> & gone","repeat":"vopr run --seed 1"}', run % (2, "ok")]
    def report(lines):
        fake.write_text("#!/bin/sh\necho \"$*\" > args\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
        fake.chmod(0o755)
        return subprocess.run([folder / "kimberlite", "sim", "report", "r.html", "-i", "3", "-o", "json"], cwd=box.folder,
                              capture_output=True, text=True, env=ENVIRONMENT, check=False)
    result = report([*lines, '{"type":"total","seeds":3,"seconds":2.0,"violations":1}'])
    same((result.returncode, json.loads(result.stdout)), (1, {"report": "r.html", "runs": 3, "successes": 2, "failures": 1,
                                                              "seconds": 2.0, "per_second": 1.5, "seeds": "1"}))
    has((box.folder / "r.html").read_text(), "violations", "&lt;lost&gt; &amp; gone", "vopr run --seed 1", "66.7 %")
    has((box.folder / "args").read_text(), "--seed 0 --iterations 3 --json --keep-going")
    (box.folder / "r.html").unlink()
    result = report(lines)
    same(result.returncode, 1)
    has(result.stderr, "before it was through")
    assert not (box.folder / "r.html").exists()
    for arguments in (["run", "x"], ["verify", "x"], ["report", "a", "b"], ["fly"]):
        box.run("sim", *arguments, code=2)


@test
def dev_applies_migrations_and_serves(box):
    box.file("migrations/0001_first.sql", "CREATE TABLE first (a INT);\n-- Down Migration\nDROP TABLE first;\n")
    log = box.folder / "log"
    with open(log, "w", encoding="utf-8") as err:
        serving = subprocess.Popen([PROGRAM, "dev", "--set", "development.watch=true", "--http", "", "--address", "127.0.0.1:0"],
                                   cwd=box.project, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=err, text=True)
    said = ""
    while "Rust" not in said:
        line = serving.stdout.readline()
        assert line, log.read_text()
        said += line
    has(said, "psql -h 127.0.0.1", "jdbc:postgresql://127.0.0.1")
    server = re.search(r"kimberlite shell --server (\S+)", said)[1]
    tables = lambda: box.run("query", "-q", "-o", "csv", "--server", server,
                             "SELECT string_agg(table_name, ' ' ORDER BY table_name) AS names FROM information_schema.tables"
                             " WHERE table_schema = 'public'", code=0).out.split()[1:]
    def wait(what, seconds=30):
        end = time.time() + seconds
        while not what():
            assert time.time() < end, log.read_text()
            time.sleep(0.1)
    has(" ".join(tables()), "first")
    box.file("migrations/0002_second.sql", "CREATE TABLE second (a INT);\n")
    wait(lambda: "second" in " ".join(tables()))
    # one that fails is told, and its mended form is applied; one that has run stays as it was
    box.file("migrations/0003_third.sql", "CREATE TABLE third (a NONSENSE);\n")
    wait(lambda: "nonsense" in log.read_text())
    box.file("migrations/0003_third.sql", "CREATE TABLE third (a INT);\n")
    wait(lambda: "third" in " ".join(tables()))
    box.file("migrations/0001_first.sql", "CREATE TABLE other (a INT);\n")
    wait(lambda: "0001" in log.read_text().split("nonsense")[-1])
    lacks(" ".join(tables()), "other")
    box.run("stop", "-q", code=0)
    same(serving.wait(30), 0)


@test
def a_server_is_stopped(box):
    same(json.loads(box.run("stop", "-o", "json", code=0).out)["stopped"], False)
    has(box.run("stop", code=0).err, "no server has it")
    serving = subprocess.Popen([PROGRAM, "start", "--address", "127.0.0.1:0", "--http", "", "-q"], cwd=box.project,
                               env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    has(serving.stdout.readline(), "serves")
    told = json.loads(box.run("stop", box.project, "-o", "json", code=0, at=box.folder).out)
    same((told["stopped"], told["process"]), (True, serving.pid))
    same(serving.wait(0.5), 0)  # it had let go before stop came back
    box.query("SELECT 1")
    # what is no server is left alone
    shell = subprocess.Popen([PROGRAM, "shell", "-q"], cwd=box.project, env=ENVIRONMENT, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    shell.stdin.write("SELECT 1;\n")
    shell.stdin.flush()
    shell.stdout.readline()
    has(box.run("stop", code=1).err, f"kimberlite shell, process {shell.pid}", "--force")
    same(shell.poll(), None)
    has(box.run("stop", "--force", code=0).err, f"stopped process {shell.pid}")
    same(shell.wait(30), -signal.SIGTERM)
    box.run("stop", box.folder / "none", code=6)
    box.run("stop", "a", "--data", "b", code=2)


@test
def what_verbs_print_can_be_read_by_programs(box):
    box.file("a.csv", "id,b\n1,x\n2,y\nz,z\n")
    box.query("CREATE TABLE t (id INT PRIMARY KEY, b TEXT)")
    told = json.loads(box.run("import", "a.csv", "--table", "t", "--reject", "r.csv", "-o", "json", code=0).out)
    same((told["table"], told["rows"], told["rejected"]), ("t", 2, 1))
    box.file("a.ndjson", '{"id":7}\n')
    told = json.loads(box.run("import", "a.ndjson", "--table", "t", "-o", "json", code=0).out)
    same((told["rows"], told["rejected"]), (1, 0))
    assert told["position"] > 2, told
    told = json.loads(box.run("proof", "checkpoint", "-o", "json", code=0).out)
    same((told["kind"], told["text"]), ("checkpoint", box.run("proof", "checkpoint", code=0).out))
    box.file("c.txt", told["text"])
    key = json.loads(box.run("info", "-o", "json", code=0).out)["verifier"]
    same(json.loads(box.run("proof", "verify", "c.txt", "--verifier", key, "-o", "json", code=0).out),
         {"valid": True, "verifier_given": True})
    has(box.run("proof", "checkpoint", "-o", "csv", code=2).err, "table, json and ndjson")
    for verb in re.findall(r"^  (\w+)  ", box.run("help", code=0).out, re.M):
        if verb not in ("start", "dev", "completion", "manual"):  # they serve, or print what shells and man(1) read
            has(box.run("help", verb, code=0).out, "--output FORMAT")


@test
def streams_from_the_command_line(box):
    same(json.loads(box.run("stream", "create", "labs", "-c", "PHI", "-o", "json", code=0).out),
         {"id": 1, "name": "labs", "class": "phi"})
    same(json.loads(box.run("stream", "append", "labs", "a", "b c", "é", "-o", "json", code=0).out),
         {"stream": 1, "first_offset": 0, "events": 3})
    box.run("stream", "append", "1", "d", "--expect", "3", code=0)
    has(box.run("stream", "append", "labs", "e", "--expect", "1", code=1).err, "OFFSET_MISMATCH")
    same(box.run("stream", "read", "labs", code=0).out, "[0] a\n[1] b c\n[2] \\xc3a9\n[3] d\n")
    same(json.loads(box.run("stream", "read", "labs", "--from", "1", "-o", "json", code=0).out),
         [{"offset": 1, "event": "b c"}, {"offset": 2, "event": "\\xc3a9"}, {"offset": 3, "event": "d"}])
    has(box.run("stream", "read", "labs", "-m", "1", code=0).err, "3 more; --from 1 goes on")
    same(json.loads(box.run("stream", "list", "-o", "json", code=0).out), [{"id": 1, "name": "labs", "class": "phi", "events": 4}])
    box.run("stream", "read", "nope", code=6)
    for arguments in (["create"], ["append", "labs"], ["read"], ["list", "x"], ["fly"], ["create", "x", "-c", "secret"]):
        box.run("stream", *arguments, code=2)


@test
def ndjson_goes_out_and_comes_in_the_same(box):
    table = """(id INT PRIMARY KEY, n NUMERIC DEFAULT 7, b BYTEA, j JSONB, a INT[], at TIMESTAMPTZ, ok BOOLEAN, "odd "" name" TEXT)"""
    box.query(f"CREATE TABLE t {table}; CREATE TABLE u {table}")
    box.query("""INSERT INTO t VALUES (1, 12345678901234567890.123456789, '\\x00ff', '{"a":[1,{"b":null}]}', '{1,NULL}',
              '2026-01-31 12:00Z', true, E'é "q" \\\\ \n\t 😀'), (2, NULL, NULL, NULL, NULL, NULL, NULL, '')""")
    text = box.run("export", "-q", "--table", "t", "-o", "ndjson", code=0).out
    box.file("t.ndjson", text)
    has(box.run("import", "t.ndjson", "--table", "u", code=0).err, "imported 2 rows")
    same(box.run("export", "-q", "--table", "u", "-o", "ndjson", code=0).out, text)
    box.run("import", "-", "--format", "ndjson", "--table", "u", stdin='{"id":3}\n\n {"odd \\u0022 name":"x","id":4} \n', code=0)
    same(box.rows("SELECT id, n, \"odd \"\" name\" FROM u WHERE id > 2 ORDER BY id"), [["3", "7", ""], ["4", "7", "x"]])
    for line, words in (("[1]", "one JSON object"), ("{", "invalid input syntax for type json"), ('{"id":"x"}', "22P02"),
                        ('{"zz":1}', 'column "zz"'), ('{"id":1}', "23505")):
        box.file("bad.ndjson", '{"id":50}\n' + line + '\n{"id":51}\n')
        has(box.run("import", "bad.ndjson", "--table", "u", code=1).err, "line 2: ", words, "Lines up to 1 are imported")
        box.query("DELETE FROM u WHERE id = 50")
        has(box.run("import", "bad.ndjson", "--table", "u", "--atomic", code=1).err, "line 2: ", words, "Nothing was imported.")
        box.run("import", "bad.ndjson", "--table", "u", "--reject", "rest", "--force", code=0)
        same((box.project / "rest").read_text(), line + "\n")
        same(box.one("SELECT count(*) FROM u WHERE id >= 50"), "2")
        box.query("DELETE FROM u WHERE id >= 50")
    box.run("import", "bad.ndjson", "--table", "u", "--no-header", code=2)
    box.run("import", "bad.ndjson", "--table", "u", "--primary-key", "id", code=2)
    box.run("import", "absent.ndjson", "--table", "u", code=6)
    has(box.run("import", "bad.ndjson", "--table", "absent", code=1).err, "--create makes the table")
    has(box.run("import", "bad.ndjson", "--table", "u", "--reject", "bad.ndjson", code=2).err, "it is the file to import")


@test
def ndjson_makes_its_table(box):
    """A column for each key in the order of the first appearance, of the type that holds all its values."""
    text = ('{"id":1,"Name":"Ada","born":"1815-12-10","ok":true,"n":1.50,"tags":["a"],"at":"2024-01-01T00:00:00Z"}\n'
            '{"id":2,"extra":null,"n":1e3,"code":"007","tags":"x","mix":1}\n\n{"Name":null,"id":3,"mix":"2","local":"2024-01-01 10:00"}\n')
    wanted = ('("id" BIGINT, "Name" TEXT, "born" DATE, "ok" BOOLEAN, "n" NUMERIC, "tags" JSONB, "at" TIMESTAMPTZ, "extra" TEXT, '
              '"code" TEXT, "mix" TEXT, "local" TIMESTAMP')
    box.file("t.jsonl", text)
    has(box.run("import", "t.jsonl", "--table", "t", "--create", "--primary-key", "id", code=0).err,
        f'CREATE TABLE "t" {wanted}, PRIMARY KEY ("id"))', "imported 3 rows")
    has(box.run("import", "-", "--format", "ndjson", "--table", "s", "--create", "--atomic", stdin=text.rstrip(), code=0).err,
        f'CREATE TABLE "s" {wanted})', "imported 3 rows")
    rows = box.run("export", "-q", "--table", "t", "-o", "ndjson", code=0).out
    same(box.run("export", "-q", "--table", "s", "-o", "ndjson", code=0).out, rows)
    first = json.loads(rows.splitlines()[0])
    same((first["Name"], first["n"], first["tags"], first["at"], first["mix"]), ("Ada", 1.5, ["a"], "2024-01-01 00:00:00+00", None))
    same([json.loads(row)["tags"] for row in rows.splitlines()], [["a"], "x", None])
    for bad, words in (("", "no line has a key"), ("{}\n", "no line has a key"), ('{"a":1}\n[1]\n', "line 2: a line must be one JSON object"),
                       ('{"a":1}\n{"a"', "line 2: "), ('{"a":1,"a":2}\n', 'column "a" specified more than once')):
        has(box.run("import", "-", "--format", "ndjson", "--table", "bad", "--create", "--atomic", stdin=bad, code=1).err, words)
        same(box.one("SELECT count(*) FROM pg_class WHERE relname = 'bad'"), "0")
    has(box.run("import", "-", "--format", "ndjson", "--table", "u", "--create", "--reject", "rest", stdin='{"a":1}\nno\n', code=0).err,
        'CREATE TABLE "u" ("a" BIGINT)', "imported 1 rows")
    same((box.project / "rest").read_text(), "no\n")


@test
def a_passphrase_can_be_the_root_key(box):
    box.file("word", "correct horse\nsecond line\n")
    has(box.run("init", "q", "--passphrase-file", box.project / "word", at=box.folder, code=0).out, "made of the passphrase")
    same([p.name for p in (box.folder / "q/.kimberlite/keys").iterdir()], [])
    secret = {"KIMBERLITE_PASSPHRASE": "correct horse"}
    at = box.folder / "q"
    box.run("query", "CREATE TABLE t (a INT)", at=at, env=secret, code=0)
    has(box.run("verify", at=at, env=secret, code=0).out, "bodies opened")
    box.run("rebuild", at=at, env=secret, code=0)
    has(box.run("query", "SELECT 1", at=at, env={"KIMBERLITE_PASSPHRASE": "wrong"}, code=1).err, "WRONG_KEY", "passphrase")
    has(box.run("query", "SELECT 1", at=at, code=1).err, "NO_KEY", "--key FILE", "--passphrase-file FILE")
    box.run("query", "--passphrase-file", "absent", "SELECT 1", at=at, code=6)


@test
def the_doctor_finds_what_is_wrong(box):
    look = lambda code=0: {row["check"]: row for row in json.loads(box.run("doctor", "-o", "json", code=code).out)}
    found = look()
    same(found["database"]["result"], "ok")
    same(found["backup"]["result"], "warning")
    has(found["backup"]["advice"], "kimberlite backup create")
    box.run("backup", "create", code=0)
    same(look()["backup"]["result"], "ok")
    box.key().chmod(0o644)
    has(look()["root key"]["advice"], "chmod 600")
    (box.project / ".kimberlite/data/keys.kks.copy").unlink()
    same(look(1)["key store"]["result"], "error")
    key = box.key()
    key.rename(box.folder / "away")
    has(look(1)["database"]["found"], "NO_KEY")
    # settings that can not be read are a finding, and what needs none is looked at all the same
    toml = (box.project / "kimberlite.toml").read_text()
    for text, words in ((toml + "[server\n", "kimberlite.toml"), (toml.replace("[limits]\n", "[limits]\nconections = 1\n"), "conections")):
        box.file("kimberlite.toml", text)
        found = look(1)
        same(found["settings"]["result"], "error")
        has(found["settings"]["found"], words)
        same(sorted(found), ["clock", "settings", "version"])


@test
def control_c_drops_a_line_and_ends_a_statement(box):
    """At the prompt what was typed goes, a running statement is cancelled, a script ends; the shell stays."""
    box.query("CREATE TABLE n (a INT); INSERT INTO n VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)")
    box.file("slow.sql", "SELECT count(*) FROM " + ", ".join(f"n n{i}" for i in range(12)) + ";\nSELECT 'never' || 'more';\n")
    master, slave = pty.openpty()
    process = subprocess.Popen([PROGRAM, "shell"], cwd=box.project, stdin=slave, stdout=slave, stderr=slave,
                               env={**ENVIRONMENT, "HOME": str(box.folder), "TERM": "xterm", "NO_COLOR": "1"}, start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    def talk(typed, until):
        os.write(master, typed)
        seen = read_terminal(master, process, until)
        has(seen, until)
        return seen

    read_terminal(master, process, "kimberlite=> ")
    has(talk("SELECT 'é' || '日本' AS typed;\r".encode(), "(1 row)\r\nkimberlite=> "), "│ é日本 │")
    talk(b"SELECT 1,\r", "kimberlite-> ")
    for _ in range(20):  # it also takes away what was typed and not read, from under a shell that is about to read it
        talk(b"garbage", "garbage")
        talk(b"\x03", "kimberlite=> ")
    has(talk(b"SELECT 40 + 2 AS answer;\r", "(1 row)\r\nkimberlite=> "), "42")
    os.write(master, b"\\i slow.sql\r")
    time.sleep(0.5)
    seen = talk(b"\x03", "kimberlite=> ")
    has(seen, "57014")
    talk(b"SELECT\r", "kimberlite-> ")
    seen += talk(b"2;\r", "(1 row)\r\nkimberlite=> ")
    lacks(seen, "nevermore")
    os.write(master, b"\\q\r")
    read_terminal(master, process)
    same(process.wait(30), 0)
    path = box.folder / ".kimberlite_history"
    same(path.stat().st_mode & 0o777, 0o600)
    has(path.read_text(), "SELECT\\0122;")
    lacks(path.read_text(), "garbage")


@test
def keys_of_programs(box):
    def one(*arguments, **more):
        made = json.loads(box.run("apikey", *arguments, "-o", "json", code=0, **more).out)
        return made[0] if isinstance(made, list) else made
    first = one("create", "billing")
    assert re.fullmatch("kmb_live_[0-9a-f]{64}", first["key"]), first
    assert (first["subject"], first["roles"], first["expires"]) == ("billing", "user", "never"), first
    second = one("create", "reports", "--role", "analyst,auditor", "--days", "30")
    assert second["roles"] == "analyst,auditor" and second["expires"].endswith("Z"), second
    listed = json.loads(box.run("apikey", "list", "-o", "json", code=0).out)
    assert sorted(key["subject"] for key in listed) == ["billing", "reports"] and "kmb_live" not in str(listed), listed
    new = one("rotate", "-", stdin=first["key"] + "\n")
    assert new["subject"] == "billing" and new["key"] != first["key"]
    box.run("apikey", "revoke", first["key"], code=6)
    box.run("apikey", "revoke", new["key"], code=0)
    assert len(json.loads(box.run("apikey", "list", "-o", "json", code=0).out)) == 1
    for arguments in (["create"], ["create", "x", "--role", ""], ["create", "x", "--role", "a,,b"], ["list", "x"], ["nothing"]):
        box.run("apikey", *arguments, code=2)
    for arguments in (["create", "\udcff"], ["create", "x", "--role", "a\udcff"]):  # a byte that is no character
        has(box.run("apikey", *arguments, code=1).err, "invalid byte sequence for encoding", "22021")
    assert first["key"] not in box.run("log", "show", "-o", "ndjson", code=0).out


@test
def certificates_are_made_and_never_written_over(box):
    missing = box.run("cert", "server", code=6)
    assert "kimberlite cert authority" in missing.err
    made = json.loads(box.run("cert", "authority", "-o", "json", code=0).out)
    assert (made[0] if isinstance(made, list) else made)["certificate"] == "certs/ca.crt", made
    box.run("cert", "server", "db.example.org", "10.1.2.3", "--days", "30", code=0)
    box.run("cert", "client", "alice", code=0)
    files = {path.name: path.stat().st_mode & 0o777 for path in (box.project / "certs").iterdir()}
    assert sorted(files) == ["alice.crt", "alice.key", "ca.crt", "ca.key", "db.example.org.crt", "db.example.org.key"]
    assert all(mode == 0o600 for name, mode in files.items() if name.endswith(".key")), files
    before = (box.project / "certs/ca.key").read_bytes()
    again = box.run("cert", "authority", code=1)
    assert "cannot create" in again.err and "58P02" in again.err, again.err
    assert (box.project / "certs/ca.key").read_bytes() == before
    for arguments in (["client"], ["client", "a", "b"], ["client", "../a"], ["client", "ca"], ["server", "no name"],
                      ["nothing"], ["server", "x", "--days", "0"]):
        box.run("cert", *arguments, code=2)
    if shutil.which("openssl"):
        for name, purpose, more in (("db.example.org", "sslserver", ["-verify_ip", "10.1.2.3"]), ("alice", "sslclient", [])):
            subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", purpose, *more, "-CAfile", "certs/ca.crt",
                            f"certs/{name}.crt"], cwd=box.project, check=True, capture_output=True)


@test
def a_closed_pipe_does_no_harm(box):
    box.run("import", "-", "--table", "n", "--create", stdin="a\n" + "1\n" * 50000, code=0)
    process = subprocess.Popen([PROGRAM, "query", "-o", "csv", "SELECT a FROM n"], cwd=box.project, env=ENVIRONMENT,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(10)
    process.stdout.close()
    has(process.stderr.read().decode(), "cannot write to standard output")
    same(process.wait(30), 1)
    process.stderr.close()
    box.run("verify", code=0)


@test
def a_full_output_is_told(box):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([PROGRAM, "query", "SELECT 1"], cwd=box.project, env=ENVIRONMENT, stdout=full,
                                stderr=subprocess.PIPE, text=True, check=False)
    same(result.returncode, 1)
    has(result.stderr, "cannot write to standard output")


def scratch_parent():
    """Memory where there is enough of it: nothing here is about disks, and syncs of a busy one take long."""
    try:
        return "/dev/shm" if shutil.disk_usage("/dev/shm").free > 2 << 30 else None
    except OSError:
        return None


def main():
    passed, failed = 0, 0
    parent = scratch_parent()
    for function in TESTS:
        if sys.argv[2:] and not any(word in function.__name__ for word in sys.argv[2:]):
            continue
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            try:
                function(Box(Path(folder)))
                passed += 1
            except Exception:  # a test may fail in any way; the others still run
                failed += 1
                print(f"FAILED: {function.__name__}\n{traceback.format_exc(limit=-2)}")
    print(f"{passed} passed, {failed} failed: the command line")
    sys.exit(1 if failed or not passed else 0)


main()
