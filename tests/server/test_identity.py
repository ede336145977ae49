#!/usr/bin/env python3
"""Who gets in, with psql as the client: passwords, TLS and channel binding, certificates, limits; what the log keeps.

    tests/server/test_identity.py [NAME...]      BUILD: the build directory
"""
import os
import re
import shutil
import signal
import struct
import subprocess
import sys

import checks
import native
import raw
from serve import PROGRAM, Server, until

ALICE, ROOT = "correct horse battery", "the root of it"


class Place:
    """A server whose data has users, and certificates beside it. settings and options as Server's; auth: --auth."""

    def __init__(self, auth, settings=None, options=()):
        self.server = Server(settings={"http.listen": "", **(settings or {})})
        self.auth, self.options = auth, list(options)

    def __enter__(self):
        self.server.start()  # nobody is asked yet: users are made
        self.psql("kimberlite", sql="ALTER ROLE kimberlite PASSWORD '%s'; CREATE USER alice PASSWORD '%s' CONNECTION LIMIT 2;"
                  "CREATE ROLE somebody; CREATE USER late PASSWORD 'late' VALID UNTIL '2001-01-01'" % (ROOT, ALICE), code=0)
        self.server.stop()
        self.certs = os.path.join(self.server.directory, "certs")
        for what in (["authority"], ["server"], ["client", "alice"], ["client", "mallory"]):
            subprocess.run([PROGRAM, "cert", "-q", *what, "--directory", self.certs], check=True, capture_output=True)
        self.server.options = ["--auth", self.auth] + [option.replace("CERTS", self.certs) for option in self.options]
        self.server.start()
        return self

    def __exit__(self, *how):
        return self.server.__exit__(*how)

    def psql(self, user, password="", sql="SELECT current_user", code=None, **more):
        words = {"host": "localhost", "port": self.server.port, "user": user, "dbname": "kimberlite",
                 "sslmode": "disable", "connect_timeout": 10, **more}
        text = " ".join("%s='%s'" % pair for pair in words.items())
        ran = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", text, "-c", sql], capture_output=True, text=True,
                             env={**os.environ, "PGPASSWORD": password}, timeout=60, check=False)
        if code is not None and ran.returncode != code:
            raise AssertionError("%s: exit %d, wanted %d\n%s%s" % (text, ran.returncode, code, ran.stdout, ran.stderr))
        return ran

    def refused(self, words, user, password="", **more):
        ran = self.psql(user, password, code=2, **more)
        if "FATAL:  " + words not in ran.stderr:
            raise AssertionError("wanted %r, got %r" % (words, ran.stderr))


def test_passwords():
    with Place("password") as place:
        assert place.psql("alice", ALICE, code=0).stdout == "alice\n"
        for user, password in (("alice", "wrong"), ("alice", ""), ("nobody", ALICE), ("late", "late"), ("somebody", "x")):
            if password != "":  # psql asks for a password that is empty, and gives up
                place.refused('password authentication failed for user "%s"' % user, user, password)
        ran = place.psql("alice", ALICE, sql="CREATE ROLE x", code=1)
        assert "permission denied to create role" in ran.stderr, ran.stderr
        place.psql("alice", ALICE, sql="ALTER USER alice PASSWORD 'a new one'", code=0)
        place.refused('password authentication failed for user "alice"', "alice", ALICE)
        assert place.psql("alice", "a new one", code=0).stdout == "alice\n"
        assert place.psql("kimberlite", ROOT, sql="CREATE ROLE x; DROP ROLE x; SELECT 1", code=0).stdout == "1\n"
        place.refused('password authentication failed for user "alice"', "alice", "a new one", dbname="elsewhere")
        place.server.kill()
        place.server.start()
        assert place.psql("alice", "a new one", code=0).stdout == "alice\n"
        with open(place.server.log) as log:
            told = log.read()
        for secret in (ALICE, ROOT, "a new one"):
            assert secret not in told, "the server's log holds a password"


def test_who_only_reads():
    """The key of an auditor or an analyst is the password of one who changes nothing, by whatever statement."""
    with Server(settings={"http.listen": ""}) as server:
        with raw.Client(server.port) as client:
            client.rows("CREATE TABLE t (id serial PRIMARY KEY, a int)")
        server.stop()
        keys = {}
        for role in ("auditor", "analyst", "user"):
            ran = subprocess.run([PROGRAM, "apikey", "create", role, "--role", role, "-t", "1", "-q", "-o", "csv", "--data", server.data, "--key",
                                  server.key], stdout=subprocess.PIPE, check=True)
            keys[role] = re.search(r"kmb_[a-z]+_[0-9a-zA-Z]+", ran.stdout.decode()).group(0)
        server.options = ["--auth", "apikey"]
        server.start()

        def psql(role, sql):
            return subprocess.run(["psql", "-XqAt", "host=localhost port=%d user=%s dbname=kimberlite sslmode=disable" % (server.port, role)],
                                  input="\\set VERBOSITY verbose\n" + sql, capture_output=True, text=True,
                                  env={**os.environ, "PGPASSWORD": keys[role]}, timeout=60, check=False)

        assert psql("user", "INSERT INTO t (a) VALUES (1)").stderr == ""
        for role in ("auditor", "analyst"):
            for statement in ("INSERT INTO t (a) VALUES (2)", "DELETE FROM t", "DROP TABLE t", "SELECT nextval('t_id_seq')", "TRUNCATE t",
                              "DO $$BEGIN DELETE FROM t; END$$", "WITH gone AS (DELETE FROM t RETURNING a) SELECT * FROM gone",
                              "COPY t (a) FROM STDIN;\n3\n\\.", "BEGIN; CREATE TABLE u (id int); COMMIT", "SELECT set_config('x.y', 'z', false); DELETE FROM t",
                              "PREPARE p AS DELETE FROM t; EXECUTE p", "EXPLAIN ANALYZE DELETE FROM t", "BEGIN; SET TRANSACTION READ WRITE; DELETE FROM t"):
                assert "ERROR:  42501:" in psql(role, statement + ";\n").stderr, (role, statement)
            ran = psql(role, "SELECT a FROM t; SELECT count(*) FROM t")
            assert (ran.stdout, ran.stderr) == ("1\n1\n", ""), (role, ran)


def test_what_nobody_sends_is_small():
    """Who has not logged in makes the native protocol keep no more than a token is long."""
    with Server(settings={"http.listen": ""}) as server:
        server.stop()
        server.options = ["--auth", "apikey"]
        server.start()
        before = server.resident_bytes()
        clients = [native.Client(server.port) for _ in range(10)]
        promised = struct.pack(">IHII", 0x56444220, 5, 1 << 24, 0) + native.u(native.REQUEST) + native.u(7) + b"\1" * 64
        for client in clients:
            client.send(promised)
            message = client.next()
            code, text = message.error()
            assert "before the login" in text and message.request == 7, (code, text)
            assert client.next() is None
        for client in [native.Client(server.port) for _ in range(10)]:
            try:
                client.send(promised + b"\1" * 15000000)
            except ConnectionError:
                pass
        assert server.resident_bytes() - before < 16 << 20
        with native.Client(server.port) as client:  # a long token is looked at
            client.last = 1
            client.send(native.frame(native.u(native.REQUEST) + native.u(1) + native.u(1) + b"\0\0" + native.u(5) + b"\1" + native.text("x" * 30000)))
            assert client.next().variant == 0


def test_where_a_key_is_the_password():
    """Of its subject where keys are all that is taken; among passwords of the user token alone."""
    with Server(settings={"http.listen": ""}) as server:
        server.stop()
        ran = subprocess.run([PROGRAM, "apikey", "create", "billing", "--role", "user", "-t", "1", "-q", "-o", "csv", "--data", server.data,
                              "--key", server.key], stdout=subprocess.PIPE, check=True)
        key = re.search(r"kmb_[a-z]+_[0-9a-zA-Z]+", ran.stdout.decode()).group(0)
        for mode, user, code in (("apikey", "billing", 0), ("apikey", "token", 0), ("apikey", "alice", 2), ("both", "billing", 0),
                                 ("any", "token", 0), ("any", "billing", 2), ("any", "nobody", 2)):
            server.options = ["--auth", mode] + (["--set", "jwt.secret=" + "s" * 32] if mode == "both" else [])
            server.start()
            ran = subprocess.run(["psql", "-XqAt", "host=localhost port=%d user=%s dbname=kimberlite sslmode=disable" % (server.port, user),
                                  "-c", "SELECT 1"], capture_output=True, text=True, env={**os.environ, "PGPASSWORD": key}, timeout=60, check=False)
            server.stop()
            told = "" if code == 0 else 'FATAL:  password authentication failed for user "%s"\n' % user
            assert (ran.returncode, ran.stderr.partition("failed: ")[2]) == (code, told), (mode, user, ran)


def test_a_role_has_so_many_sessions():
    with Place("password") as place:
        words = "host=localhost port=%d user=alice dbname=kimberlite sslmode=disable" % place.server.port
        held = [subprocess.Popen(["psql", "-XqAt", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                 env={**os.environ, "PGPASSWORD": ALICE}) for _ in range(2)]
        for one in held:
            one.stdin.write("SELECT 'here';\n")
            one.stdin.flush()
            assert one.stdout.readline() == "here\n"
        place.refused('too many connections for role "alice"', "alice", ALICE)
        place.psql("kimberlite", ROOT, code=0)
        held[0].communicate("\\q\n")
        until(lambda: place.psql("alice", ALICE).returncode == 0, 5, "a session that ended makes room")
        held[1].communicate("\\q\n")


def test_no_password_is_shown():
    with Place("password") as place:
        words = "host=localhost port=%d user=kimberlite dbname=kimberlite sslmode=disable" % place.server.port
        one = subprocess.Popen(["psql", "-XqAt", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "PGPASSWORD": ROOT})
        one.stdin.write("ALTER USER alice PASSWORD 'shown to nobody';\n\\echo done\n")
        one.stdin.flush()
        assert one.stdout.readline() == "done\n"
        ran = place.psql("kimberlite", ROOT, sql="SELECT query FROM pg_stat_activity")
        one.communicate("\\q\n")
        if "does not exist" in ran.stderr:
            raise checks.Skip("there is no pg_stat_activity")
        seen = ran.stdout
        assert "shown to nobody" not in seen and "<a statement with a password>" in seen, seen


def test_failures_are_limited_and_recorded():
    with Place("password", settings={"limits.auth_failures": "3", "timeouts.auth_failures": "1h"}) as place:
        for _ in range(3):
            place.refused('password authentication failed for user "alice"', "alice", "wrong")
        place.refused("too many failed attempts to authenticate", "alice", ALICE)
        place.server.stop()
        shown = subprocess.run([PROGRAM, "log", "show", "--data", place.server.data, "--key", place.server.key, "-o", "ndjson"],
                               capture_output=True, text=True, check=True).stdout
        place.server.start()
        assert shown.count("access_recorded") >= 3, shown


TLS = ["--tls-cert", "CERTS/localhost.crt", "--tls-key", "CERTS/localhost.key"]


def test_tls():
    with Place("password", options=TLS) as place:
        root = place.certs + "/ca.crt"
        place.psql("alice", ALICE, code=0)  # without, too
        for binding in ("prefer", "require", "disable"):
            ran = place.psql("alice", ALICE, code=0, sslmode="verify-full", sslrootcert=root, channel_binding=binding)
            assert ran.stdout == "alice\n"
        ran = place.psql("alice", ALICE, sslmode="verify-full", sslrootcert=place.certs + "/alice.crt", code=2)
        assert "certificate verify failed" in ran.stderr, ran.stderr
        ran = place.psql("alice", ALICE, sslmode="require", ssl_min_protocol_version="TLSv1.2",
                         ssl_max_protocol_version="TLSv1.2", code=2)
        place.refused('password authentication failed for user "alice"', "alice", "wrong", sslmode="require")
        # new files, while the server goes on
        for name in ("localhost.crt", "localhost.key", "ca.crt", "ca.key"):
            os.remove(os.path.join(place.certs, name))
        for what in (["authority"], ["server"]):
            subprocess.run([PROGRAM, "cert", "-q", *what, "--directory", place.certs], check=True, capture_output=True)
        place.psql("alice", ALICE, code=2, sslmode="verify-full", sslrootcert=root)
        place.server.process.send_signal(signal.SIGHUP)
        until(lambda: place.psql("alice", ALICE, sslmode="verify-full", sslrootcert=root).returncode == 0, 10,
              "new files are read")


def test_certificates():
    options = TLS + ["--tls-ca", "CERTS/ca.crt", "--tls-client", "optional"]
    with Place("certificate", options=options) as place:
        mine = {"sslmode": "verify-full", "sslrootcert": place.certs + "/ca.crt", "sslcert": place.certs + "/alice.crt",
                "sslkey": place.certs + "/alice.key"}
        assert place.psql("alice", code=0, **mine).stdout == "alice\n"
        place.refused('certificate authentication failed for user "kimberlite"', "kimberlite", **mine)
        place.refused('certificate authentication failed for user "alice"', "alice", **{**mine, "sslcert":
                      place.certs + "/mallory.crt", "sslkey": place.certs + "/mallory.key"})
        place.refused('certificate authentication failed for user "alice"', "alice", sslmode="require")
        place.refused('certificate authentication failed for user "alice"', "alice")


def test_tls_can_be_required_and_tokens_need_it():
    with Place("any", options=TLS) as place:
        ran = place.psql("token", "kmb_live_" + "0" * 64, code=2, sslmode="require")
        assert 'password authentication failed for user "token"' in ran.stderr, ran.stderr
        assert place.psql("alice", ALICE, code=0, sslmode="require").stdout == "alice\n"


def main():
    if shutil.which("psql") is None:
        print("skipped: psql is not installed (Debian: postgresql-client)")
        sys.exit(77)
    checks.main(globals())


if __name__ == "__main__":
    main()
