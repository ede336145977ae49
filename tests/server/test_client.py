#!/usr/bin/env python3
"""The C API over a connection: the same answers as on a directory; who may come in; what happens when things break.

    tests/server/test_client.py [NAME...]      BUILD: the build directory
"""
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import checks
import native
from serve import PROGRAM, Server

BUILD = os.environ.get("BUILD", "build")
SANITIZED = "asan" in BUILD
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transcript.txt")
LIES = 40 if os.environ.get("LONG") else 4
PAGES_MIB, PAGES_KIB_MAX = 64, (240 if SANITIZED else 40) << 10


def transcript(place, script):
    done = subprocess.run([BUILD + "/tests/server/transcript", place], input=script, capture_output=True, timeout=100)
    if done.returncode != 0 or done.stderr:
        raise AssertionError("transcript %s: %d\n%s" % (place, done.returncode, done.stderr.decode()))
    return re.sub(r"horizon: \d+ ns|first entry is of [-\d]+ [:.\d]+", "horizon: N ns", done.stdout.decode()).splitlines()


def url(server, rest="/1", who="", host="127.0.0.1"):
    return "kimberlite://%s%s:%d%s" % (who, host, server.port, rest)


def cli(*words, stdin="", **environment):
    """(exit code, standard output, standard error) of the program."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KIMBERLITE_")}
    ran = subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, text=True, timeout=60,
                         env={**clean, **environment})
    return ran.returncode, ran.stdout, ran.stderr


def query(place, sql="SELECT current_user", *words, **environment):
    return cli("query", "-q", "-o", "csv", "--no-color", "--server", place, *words, sql, **environment)


def refused(wanted, answer):
    code, out, told = answer
    assert code != 0 and out == "" and wanted in told, "wanted %r, got %d %r %r" % (wanted, code, out, told)


def far(*words, timeout=60):
    ran = subprocess.run([BUILD + "/tests/server/far", *words], capture_output=True, text=True, timeout=timeout)
    assert ran.returncode == 0 and ran.stderr == "", (ran.returncode, ran.stdout, ran.stderr)
    return ran.stdout


# --- answers ---


def test_same_answers():
    with open(SCRIPT, "rb") as file:
        script = file.read()
    with Server() as server:
        distant = transcript(url(server), script)
        near = transcript(os.path.join(server.directory, "near"), script)
    assert len(near) > 1000, len(near)
    about = ""
    for number, (one, other) in enumerate(zip(near, distant)):
        about = one if one.startswith("--- ") else about
        assert one == other, "line %d, of %s\n embedded: %s\n connected: %s" % (number + 1, about, one, other)
    assert len(near) == len(distant)


def test_a_large_result_takes_a_pages_memory():
    with Server() as server:
        rows, kib = re.match(r"(\d+) rows (\d+) KiB", far("pages", url(server), str(PAGES_MIB))).groups()
        assert int(rows) == PAGES_MIB * 1048 and int(kib) < PAGES_KIB_MAX, (rows, kib)


def test_side_by_side():
    with Server() as server:
        assert far("many", url(server)) == "120000 rows\n"


# --- breaking ---


def test_cancel():
    with Server() as server:
        assert far("cancel", url(server)) == "cancelled, then 10000 rows\n"


def test_ctrl_c_in_the_shell():
    with Server() as server:
        shell = subprocess.Popen([PROGRAM, "shell", "--server", url(server)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        shell.stdin.write("\\o csv\nSELECT 1 AS a;\nSELECT count(*) FROM generate_series(1, 1000000) a, "
                          "generate_series(1, 1000000) b;\nSELECT 2 AS b;\n")
        shell.stdin.close()
        assert shell.stdout.readline() == "a\n"
        time.sleep(0.5)
        shell.send_signal(signal.SIGINT)
        assert shell.wait(10) == 1  # the script ends there
        out, told = shell.stdout.read(), shell.stderr.read()
        assert out == "1\n" and "canceling statement due to user request" in told, (out, told)


def test_notices():
    """What a statement says beside its answer comes over the line as it does from a directory, in its order."""
    script = ("DROP TABLE IF EXISTS absent; DO $$BEGIN RAISE NOTICE 'one' USING DETAIL = 'more', HINT = 'try'; RAISE WARNING 'two'; END$$;"
              "SELECT 1; SET client_min_messages = warning; DROP TABLE IF EXISTS absent")
    levels = ("DO $$BEGIN RAISE LOG 'not told'; END$$; SET client_min_messages = error; DO $$BEGIN RAISE WARNING 'not told'; RAISE INFO 'a'; "
              "END$$; SET client_min_messages = log; DO $$BEGIN RAISE DEBUG 'not told'; RAISE LOG 'b'; END$$; "
              "SET client_min_messages = debug1; DO $$BEGIN RAISE DEBUG 'c'; END$$")
    wanted = ('NOTICE:  table "absent" does not exist, skipping\nDROP TABLE @ 0\nNOTICE:  one\nDETAIL:  more\nHINT:  try\nWARNING:  two\n')
    many = "DO $$BEGIN " + "RAISE NOTICE '%s'; " % ("x" * 700) * 1600 + "END$$"
    with Server() as server:
        code, _, told = cli("query", "--no-color", "--server", url(server), script)
        assert code == 0 and told == wanted + "DO @ 0\nSET\nDROP TABLE @ 0\n", (code, told)
        assert query(url(server), script)[2] == ""  # --quiet
        code, _, told = cli("query", "--no-color", "--server", url(server), levels)
        lines = [line for line in told.splitlines() if ":" in line]
        assert code == 0 and lines == ["INFO:  a", "LOG:  b", "DEBUG:  c"], (code, told)
        code, _, told = cli("query", "--no-color", "--server", url(server), "-f", "-", stdin=many)
        lines = told.splitlines()[:-1]
        left = int(re.fullmatch(r"WARNING:  (\d+) more notices are not told", lines[-1]).group(1))
        assert code == 0 and 1000 < len(lines) and len(lines) - 1 + left == 1600, (code, len(lines), left)
        script += "; DROP TABLE nowhere"  # those of a text that fails, too
        assert cli("query", "--no-color", "--server", url(server), script)[2].startswith(wanted)


def test_unix_socket():
    with Server() as server:
        server.stop()
        server.options = ["--unix-socket", server.directory]
        server.start()
        path = "%s/.s.PGSQL.%d" % (server.directory, server.port)
        for place in (path, "kimberlite+unix://" + path, "kimberlite+unix://%s?tenant=kimberlite" % path):
            assert query(place, "SELECT 1 AS a") == (0, "a\n1\n", ""), place


def test_databases_have_the_tenants_names():
    with Server() as server:
        for number, name in (("7", ["--name", "clinic"]), ("8", [])):
            code, _, told = cli("tenant", "create", number, *name, "-y", "--server", url(server))
            assert code == 0, told
        for tenant, name in (("1", "kimberlite"), ("7", "clinic"), ("clinic", "clinic"), ("8", "8")):
            assert query(url(server, "/" + tenant), "SELECT current_database() AS a") == (0, "a\n%s\n" % name, ""), tenant


def test_a_server_that_is_killed():
    with Server() as server:
        client = subprocess.Popen([BUILD + "/tests/server/far", "killed", url(server)], stdout=subprocess.PIPE, text=True)
        assert client.stdout.readline() == "running\n"
        server.kill()
        out, _ = client.communicate(timeout=20)
        assert client.returncode == 0, out
        first, second, third = out.splitlines()
        assert first.startswith("CONNECTION 08006: the server at 127.0.0.1:%d closed the connection" % server.port), first
        assert second == "CONNECTION, at once" and third == "another: CONNECTION", out
        server.start()


def test_a_server_that_says_nothing():
    with Server() as server:
        told = far("timeout", url(server))
        assert told == "CONNECTION: the server at 127.0.0.1:%d did not answer in time, soon\n" % server.port, told


def test_a_server_that_never_speaks():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = "kimberlite://127.0.0.1:%d?connect_timeout=1" % listener.getsockname()[1]
        begun = time.monotonic()
        refused("did not answer in time", query(place))
        refused("did not answer in time", query(place + "&tls=insecure"))
        assert time.monotonic() - begun < 4


def test_nobody_there():
    with Server() as server:
        port = server.port
    refused("cannot connect to 127.0.0.1:%d: Connection refused" % port, query("kimberlite://127.0.0.1:%d" % port))
    refused("cannot connect to", query("kimberlite+unix:///nowhere/socket"))
    for place, wanted in (("http://x", 'no URL of a server: "http://x"'), ("kimberlite://", "names no host"),
                          ("kimberlite://x:0", 'the port "0"'), ("kimberlite://x:99999", 'the port "99999"'),
                          ("kimberlite://[::1", '"[" without its "]"'), ("kimberlite://x?tls=maybe", 'tls is "maybe"'),
                          ("kimberlite://x?wrong=1", 'unknown parameter "wrong"'), ("kimberlite://a%2", "begins no byte"),
                          ("kimberlite://x?ca=f&tls=disable", "certificates were given"),
                          ("kimberlite://x?cert=f", "belong together"), ("kimberlite://x?password=p", "no user"),
                          ("kimberlite+unix://x", "begins with /"), ("kimberlite://x?timeout=-1", 'timeout is "-1"')):
        refused(wanted, query(place))


class Liar:
    """Stands between a client and a server, and changes a byte of what the server says in each connection's n-th frame."""

    def __init__(self, port, seed):
        self.target, self.random = port, random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.pump, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, self.random.randrange(2, 60)), daemon=True).start()

    def pump(self, source, sink, which):
        received, seen = b"", 0
        try:
            while True:
                more = source.recv(1 << 16)
                if not more:
                    break
                received += more
                while which is not None and len(received) >= native.HEADER:
                    size = native.HEADER + struct.unpack_from(">I", received, 6)[0]
                    if len(received) < size:
                        break
                    payload, received, seen = bytearray(received[native.HEADER:size]), received[size:], seen + 1
                    if seen == which:
                        payload[self.random.randrange(len(payload))] ^= 1 << self.random.randrange(8)
                    sink.sendall(native.frame(bytes(payload)))
                if which is None:
                    sink.sendall(received)
                    received = b""
        except OSError:
            pass
        source.close()
        sink.close()


def test_a_server_that_lies():
    """Whatever a server says, a client answers something: it neither breaks nor waits for ever."""
    with open(SCRIPT, "rb") as file:
        lines = file.read().splitlines(keepends=True)
    with Server({"tenants.mode": "auto-create"}) as server:
        for seed in range(LIES):
            liar = Liar(server.port, seed)
            script = b"".join(lines[:12] + random.Random(seed).sample(lines, 60))
            ran = subprocess.run([BUILD + "/tests/server/transcript", "kimberlite://127.0.0.1:%d/%d?timeout=1" % (liar.port, seed + 1)],
                                 input=script, capture_output=True, timeout=100)
            liar.listener.close()
            assert ran.returncode in (0, 1) and b"Sanitizer" not in ran.stderr, (seed, ran.returncode, ran.stderr[-2000:])


# --- who may come in ---

ALICE = "correct horse: 100% @/?"
QUOTED = "correct%20horse%3A%20100%25%20%40%2F%3F"


class Place:
    """A server that asks who is there, with users, a key and certificates. options: CERTS is their directory."""

    def __init__(self, auth, *options):
        self.server, self.auth, self.options = Server(), auth, options

    def __enter__(self):
        self.server.start()
        code, _, told = query(url(self.server), "CREATE USER alice PASSWORD '%s'" % ALICE)
        assert code == 0, told
        self.server.stop()
        self.certs = os.path.join(self.server.directory, "certs")
        for what in (["authority"], ["server"], ["client", "alice"]):
            assert cli("cert", "-q", *what, "--directory", self.certs)[0] == 0
        self.key, self.admin = self.make_key("robot"), self.make_key("admin", "--role", "admin")
        self.server.options = ["--auth", self.auth] + [option.replace("CERTS", self.certs) for option in self.options]
        self.server.start()
        return self

    def __exit__(self, *how):
        return self.server.__exit__(*how)

    def make_key(self, subject, *words):
        code, out, told = cli("apikey", "create", subject, *words, "-t", "1", "-o", "csv", "-q", "--data", self.server.data,
                              "--key", self.server.key)
        assert code == 0, told
        return re.search(r"kmb_[a-z]+_[0-9a-zA-Z]+", out).group(0)

    def tls(self, **more):
        words = {"ca": self.certs + "/ca.crt", **more}
        return "?" + "&".join("%s=%s" % pair for pair in words.items() if pair[1] is not None)


TLS = ["--tls-cert", "CERTS/localhost.crt", "--tls-key", "CERTS/localhost.key"]


def test_passwords():
    with Place("password") as place:
        server = place.server
        assert query(url(server, who="alice:" + QUOTED + "@")) == (0, "current_user\nalice\n", ""), query(
            url(server, who="alice:" + QUOTED + "@"))
        assert query(url(server, "/kimberlite", "alice@"), KIMBERLITE_PASSWORD=ALICE)[1] == "current_user\nalice\n"
        refused('password authentication failed for user "alice"', query(url(server, who="alice:wrong@")))
        refused('password authentication failed for user "nobody"', query(url(server, who="nobody:wrong@")))
        refused('a password is required for user "alice"', query(url(server, who="alice@")))
        refused("wants to know who is asking", query(url(server)))
        refused('password authentication failed for user "alice"', query(url(server, "/elsewhere", "alice:" + QUOTED + "@")))
        refused("role", query(url(server, who="alice:" + QUOTED + "@"), "CREATE ROLE x"))
        with open(server.log) as log:
            assert ALICE not in log.read()


def test_tls():
    with Place("password", *TLS) as place:
        server, who = place.server, "alice:" + QUOTED + "@"
        place_of = lambda rest, host="localhost": url(server, "/1" + rest, who, host)
        assert query(place_of(place.tls()))[1] == "current_user\nalice\n", query(place_of(place.tls()))
        assert query(place_of(place.tls(), "127.0.0.1"))[1] == "current_user\nalice\n"  # its certificate names it, too
        assert query(place_of("?tls=insecure"))[1] == "current_user\nalice\n"
        assert query(place_of(""))[1] == "current_user\nalice\n"  # this machine: in clear
        refused("no TLS with the server at localhost", query(place_of(place.tls(ca=place.certs + "/alice.crt"))))
        refused("no TLS with the server at localhost", query(place_of("?tls=require")))  # the system trusts others
        refused("cannot read the file /nowhere", query(place_of("?ca=/nowhere")))
        refused("password authentication failed", query(url(server, "/1" + place.tls(), "alice:wrong@", "localhost")))


def test_certificates():
    with Place("certificate", *TLS, "--tls-ca", "CERTS/ca.crt", "--tls-client", "optional") as place:
        mine = place.tls(cert=place.certs + "/alice.crt", key=place.certs + "/alice.key")
        assert query(url(place.server, "/1" + mine, host="localhost"))[1] == "current_user\nalice\n"
        refused("wants to know who is asking", query(url(place.server, "/1" + place.tls(), host="localhost")))


def test_keys():
    with Place("any", *TLS) as place:
        rest = "/1" + place.tls()
        assert query(url(place.server, rest, host="localhost"), KIMBERLITE_TOKEN=place.key)[1] == "current_user\nrobot\n"
        assert query(url(place.server, rest + "&token=" + place.key, host="localhost"))[1] == "current_user\nrobot\n"
        refused("", query(url(place.server, rest, host="localhost"), KIMBERLITE_TOKEN="kmb_live_" + "0" * 64))
        named = url(place.server, "/kimberlite" + place.tls(), host="localhost")
        assert query(named, KIMBERLITE_TOKEN=place.key)[1] == "current_user\nrobot\n"
        refused('database "elsewhere" does not exist', query(named.replace("/kimberlite?", "/elsewhere?"),
                                                             KIMBERLITE_TOKEN=place.key))
        refused('may not speak for tenant 2', query(url(place.server, "/2" + place.tls(), host="localhost"),
                                                    KIMBERLITE_TOKEN=place.key))


# --- the command line ---


def both(server, words, stdin="", there=True):
    """Runs a verb on a directory and over the connection; each file that is named in braces is one's own."""
    answers = []
    for place in (["--data", os.path.join(server.directory, "near")], ["--server", url(server, "")]):
        own = os.path.join(server.directory, "files", place[0][2:])
        os.makedirs(own, exist_ok=True)
        code, out, told = cli(*[word.replace("{}", own) for word in words], *place, stdin=stdin.replace("{}", own))
        answers.append((code, out, told.replace(own, "{}")))
    return answers


def test_keys_of_programs():
    """Made, changed and taken away while the server runs, and known to it at once."""
    with Place("any", *TLS) as place:
        server = url(place.server, "/1" + place.tls(), host="localhost")
        admin = {"KIMBERLITE_TOKEN": place.admin}

        def ask(*words, stdin=""):
            code, out, told = cli("apikey", *words, "-q", "-o", "json", "--server", server, stdin=stdin, **admin)
            return (json.loads(out) if out and code == 0 else None), told

        made, told = ask("create", "reporter", "--role", "user,reader", "--days", "3")
        assert made, told
        made = made[0] if isinstance(made, list) else made
        assert (made["subject"], made["roles"], int(made["tenant"])) == ("reporter", "user,reader", 1), made
        assert query(server, KIMBERLITE_TOKEN=made["key"])[1] == "current_user\nreporter\n"
        listed = ask("list")[0]
        assert {(one["id"], one["subject"], one["expires"] == "never") for one in listed} >= {(made["id"], "reporter", False)}, listed
        changed = ask("rotate", "-", stdin=made["key"] + "\n")[0]
        changed = changed[0] if isinstance(changed, list) else changed
        assert changed["subject"] == "reporter" and changed["key"] != made["key"] and changed["expires"] == made["expires"]
        refused("", query(server, KIMBERLITE_TOKEN=made["key"]))
        assert query(server, KIMBERLITE_TOKEN=changed["key"])[1] == "current_user\nreporter\n"
        mine = cli("apikey", "create", "more", "--server", server, KIMBERLITE_TOKEN=changed["key"])
        assert mine[0] != 0 and mine[1] == "", mine  # it is no admin
        assert ask("revoke", changed["key"]) == (None, "")
        refused("", query(server, KIMBERLITE_TOKEN=changed["key"]))
        assert "API key" in ask("revoke", changed["key"])[1], ask("revoke", changed["key"])
        for wanted, words in (("are no roles", ("x", "--role", "a,,b")), ("1 to 255 bytes", ("",)), ("tenant", ("x", "--tenant", "77")),
                              ('unknown role "auditr"', ("x", "--role", "auditr"))):
            assert wanted in ask("create", *words)[1], ask("create", *words)
        assert ask("create", "loud", "--role", "AUDITOR,night")[0], "in any case, labels beside it"


def test_a_superuser_of_one_tenant_stays_there():
    """Keys of an admin speak for all tenants: whoever speaks for one makes none, and gets none by exchange."""
    with Place("any", *TLS) as place:
        server = url(place.server, "/1" + place.tls(), host="localhost")
        admin = {"KIMBERLITE_TOKEN": place.admin}
        assert query(server, "CREATE ROLE mallory SUPERUSER LOGIN PASSWORD 'mpw'", **admin)[0] == 0
        mallory = url(place.server, "/1" + place.tls(), "mallory:mpw@", host="localhost")
        assert query(mallory)[1] == "current_user\nmallory\n"
        for role in ("admin", "user,Admin"):
            refused("may speak for tenant 1 alone", cli("apikey", "create", "x", "--role", role, "--server", mallory))
        code, out, _ = cli("apikey", "create", "clerk", "--role", "user", "-q", "-o", "json", "--server", mallory)
        made = json.loads(out)
        made = made[0] if isinstance(made, list) else made
        assert code == 0 and made["subject"] == "clerk", out
        refused("may not speak for tenant 2", query(url(place.server, "/2" + place.tls(), host="localhost"), KIMBERLITE_TOKEN=made["key"]))
        refused("may speak for tenant 1 alone", cli("apikey", "rotate", "-", "--server", mallory, stdin=place.admin + "\n"))
        refused("", cli("tenant", "create", "77", "-y", "--server", mallory))
        assert query(server, **admin)[0] == 0  # the admin's key still stands


def test_verbs():
    with Server() as server:
        near = os.path.join(server.directory, "near")
        assert cli("init", near, "-q")[0] == 0
        for where in ("data", "server"):
            os.makedirs(os.path.join(server.directory, "files", where), exist_ok=True)
            with open(os.path.join(server.directory, "files", where, "people.csv"), "w") as file:
                file.write("id,name,born\n1,Ada,1815-12-10\n2,Grace,1906-12-09\n3,,\n")
            with open(os.path.join(server.directory, "files", where, "more.csv"), "w") as file:
                file.write("id,name,born\n4,Alan,1912-06-23\n1,again,1900-01-01\n5,Kurt,no date\n6,Emmy,1882-03-23\n")
            with open(os.path.join(server.directory, "files", where, "more.ndjson"), "w") as file:
                file.write('{"id": 7, "name": "Rosa"}\n{"id": 8, "born": "1900-02-29"}\n')
        for words, stdin in (
                (["import", "{}/people.csv", "--table", "people", "--create", "--primary-key", "id"], ""),
                (["import", "{}/more.csv", "--table", "people", "--reject", "{}/refused.csv"], ""),
                (["import", "{}/more.csv", "--table", "people", "--atomic"], ""),
                (["import", "{}/more.ndjson", "--table", "people"], ""),
                (["export", "--table", "people"], ""),
                (["export", "-o", "ndjson", "SELECT id, born FROM people ORDER BY id"], ""),
                (["export", "-o", "csv", "SELECT $1::int + id FROM people ORDER BY id", "-p", "10"], ""),
                (["query", "SELECT count(*) FROM people; SELECT nope"], ""),
                (["query", "-f", "-"], "SELECT id FROM people WHERE id < 3;\nCOPY people (id) FROM STDIN;\n20\n21\n\\.\nSELECT 1;\n"),
                (["query", "--at", "2", "SELECT id FROM people ORDER BY id"], ""),
                (["query", "--as-of", "1999-01-01", "SELECT 1"], ""),
                (["query", "COPY people TO STDOUT"], ""),
                (["shell"], "\\dt\n\\d people\nBEGIN;\nDELETE FROM people;\nROLLBACK;\nSELECT count(*)\nFROM people;\n\\x\n"
                            "SELECT * FROM people WHERE id = 1;\nSELEC;\n\\copy people to '{}/copied'\n.tables\nSELECT 1;"),
                (["stream", "create", "log", "-c", "phi"], ""), (["stream", "append", "log", "one", "two"], ""),
                (["stream", "append", "log", "three", "--expect", "1"], ""), (["stream", "list", "-o", "csv"], ""),
                (["stream", "read", "log", "--from", "1"], ""), (["stream", "read", "nothing"], ""),
                (["tenant", "create", "7", "--name", "clinic", "-y", "-o", "csv"], ""), (["tenant", "list", "-o", "csv"], ""),
                (["tenant", "create", "7", "--name", "other", "-y"], ""), (["query", "-t", "7", "SELECT 7"], ""),
                (["query", "-t", "8", "SELECT 8"], ""), (["tenant", "delete", "7", "-y"], ""), (["tenant", "list", "-o", "csv"], ""),
                (["tenant", "delete", "7", "-y"], ""), (["tenant", "create", "9", "-y", "-o", "csv"], ""),
                (["proof", "inclusion", "100000"], "")):
            one, other = both(server, words, stdin)
            known = re.compile(r"(horizon: \d+ ns|first entry is of [-\d]+ [:.\d]+|[0-9a-f-]{36}[^\n]*|in \d+\.\d+ s|[\d,.]+ rows/s|\d+ ms)")
            one, other = [(code, known.sub("-", out), known.sub("-", told)) for code, out, told in (one, other)]
            assert one == other, "%r\n on a directory: %r\n connected: %r" % (words, one, other)
        code, out, told = cli("info", "-o", "json", "--server", url(server))
        assert code == 0 and '"data":"behind a server"' in out and '"tenants":2' in out, (out, told)
        beside = ["--data", server.data, "--key", server.key, "-t", "1", "-o", "json"]
        entries = json.loads(cli("log", "show", *beside)[1])
        for first in (1, entries[3]["op"], entries[3]["op"] - 1, entries[-1]["op"], entries[-1]["op"] + 1):
            wanted = [entry for entry in entries if entry["op"] >= first]
            code, out, told = cli("log", "show", "--from", str(first), "-o", "json", "--server", url(server))
            assert code == 0 and json.loads(out) == wanted, (first, out, told)
        assert cli("log", "show", "--server", url(server))[1] == cli("log", "show", *beside[:-2])[1]
        proof = os.path.join(server.directory, "proof")
        code, out, told = cli("proof", "inclusion", "1", "--server", url(server))
        with open(proof, "w") as file:
            file.write(out)
        assert code == 0 and cli("proof", "verify", proof)[0] == 0, told
        for verb in ("verify", "rebuild", "doctor", "start"):
            refused("is not done over a connection", cli(verb, "--server", url(server)))
        refused("--server and --data exclude each other", cli("query", "SELECT 1", "--server", url(server), "--data", near))
        assert cli("query", "-q", "-o", "csv", "SELECT 5 AS a", KIMBERLITE_SERVER=url(server))[1] == "a\n5\n"
        refused("--accept-clock", cli("query", "SELECT 1", "--accept-clock", "--server", url(server)))


if __name__ == "__main__":
    checks.main(globals())
