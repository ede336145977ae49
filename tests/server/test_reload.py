#!/usr/bin/env python3
"""SIGHUP: what a running server takes over from its files, and that a reload with a fault changes nothing.

    tests/server/test_reload.py [WORD...]     BUILD: the build directory
"""
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import checks
import raw
from serve import PROGRAM, Server, until


class Reloaded(Server):
    """A server with a settings file of its own, config(text) to write it, and reload() to make the server read it."""

    def __init__(self, text="", **more):
        super().__init__(**more)
        self.environment["XDG_CONFIG_HOME"] = self.directory
        self.path = os.path.join(self.directory, "kimberlite", "config.toml")
        os.mkdir(os.path.dirname(self.path))
        self.config(text)
        self.logs = [self.log]

    def config(self, text):
        with open(self.path, "w") as file:
            file.write(text)

    def lines(self, event):
        found = []
        for path in self.logs:
            if os.path.exists(path):
                with open(path, errors="replace") as log:
                    found += [line for line in log if "event=%s" % event in line or '"message":"%s"' % event in line]
        return found

    def reload(self, text=None, fails=False):
        """Answers the log's line of it."""
        if text is not None:
            self.config(text)
        event = "server.reload.failed" if fails else "server.reloaded"
        other = "server.reloaded" if fails else "server.reload.failed"
        before, others = len(self.lines(event)), len(self.lines(other))
        self.process.send_signal(signal.SIGHUP)
        until(lambda: len(self.lines(event)) > before or len(self.lines(other)) > others, 10, event)
        assert len(self.lines(event)) == before + 1, (self.lines(other), self.log_tail())
        return self.lines(event)[-1]


def cert(directory, *what):
    subprocess.run([PROGRAM, "cert", "-q", *what, "--directory", directory], check=True, capture_output=True)


def test_log():
    with Reloaded('[log]\nlevel = "warning"\n') as server:
        with raw.Client(server.port) as client:
            client.sqlstate("SELECT nothing")
        assert server.lines("request.error") == [] and server.lines("connection.opened") == []
        line = server.reload('[log]\nlevel = "debug"\n')
        assert re.search(r"changed=log\.level\b", line), line
        with raw.Client(server.port) as client:
            client.sqlstate("SELECT nothing")
        until(lambda: len(server.lines("request.error")) == 1, 10, "an error at the new level")
        moved = os.path.join(server.directory, "other.log")
        server.logs.append(moved)
        line = server.reload('[log]\nlevel = "info"\nformat = "json"\nfile = "%s"\nslow_query = "10ms"\n' % moved)
        assert json.loads(line)["fields"]["changed"] == "log.level, log.format, log.file, log.slow_query", line
        with raw.Client(server.port) as client:
            client.rows("SELECT pg_sleep(0.05)")
        until(lambda: server.lines("statement.slow"), 10, "a slow statement by the new threshold")
        assert "statement.slow" in open(moved).read() and "request.error" not in open(moved).read()
        os.rename(moved, moved + ".1")
        server.reload()
        assert "server.reloaded" in open(moved).read()  # a new file in the place of the one that was moved
        server.reload("")  # back to standard error, which is the first file
        assert "event=server.reloaded" in open(server.log).read().splitlines()[-1]


def test_limits_and_timeouts():
    with Reloaded() as server:
        with raw.Client(server.port) as first, raw.Client(server.port) as second:
            server.reload("[limits]\nconnections_per_source = 2\nrequests_per_tenant = 1\n[timeouts]\nidle = \"300ms\"\n")
            try:
                with raw.Client(server.port) as third:
                    raise AssertionError("a third one was let in: %d" % third.process)
            except (raw.Closed, StopIteration, AssertionError) as error:
                assert "let in" not in str(error), error
            assert first.sqlstate("SELECT 1") == "" and "53" in first.sqlstate("SELECT 1")[:2], "requests are limited"
            assert [one.fields()["C"] for one in second.rest() if one.kind == "E"] == ["57P05"]  # idle
        server.reload("")
        time.sleep(0.1)
        with raw.Client(server.port) as client:
            for _ in range(20):
                client.rows("SELECT 1")


def test_faults_change_nothing():
    with Reloaded() as server:
        line = server.reload('[server]\nthreads = 7\n[log]\nlevel = "debug"\n[storage]\ncache = "1GB"\n', fails=True)
        assert "a restart is needed for storage.cache, server.threads" in line, line
        for text, why in [('[log]\nlevel = "loud"\n', "log.level"), ("[log]\nlevell = 1\n", "levell"), ("nonsense", "config.toml"),
                          ('[tls]\ncert = "x.crt"\n', "tls.key"), ('[log]\nfile = "/none/of/that"\nlevel = "debug"\n', "/none/of/that"),
                          ('[jwt]\nkeys = "/no/keys"\n', "/no/keys"), ('[jwt]\nsecret = "short"\n', "32 bytes")]:
            line = server.reload(text, fails=True)
            assert why in line, (text, line)
        with raw.Client(server.port) as client:
            assert client.rows("SELECT 1") == [["1"]]
        assert server.lines("connection.opened") == []  # the level has not changed
        assert "changed=log.level" in server.reload('[log]\nlevel = "debug"\n')


def test_by_sql():
    with Reloaded() as server, raw.Client(server.port) as client:
        client.rows("CREATE ROLE guest LOGIN")
        with raw.Client(server.port, user="guest") as guest:
            assert guest.sqlstate("SELECT pg_reload_conf()") == "42501"
        first = client.rows("SELECT pg_conf_load_time(), pg_postmaster_start_time()")[0]
        assert first[0] == first[1], first
        server.config('[log]\nlevel = "debug"\n')
        assert client.rows("SELECT pg_reload_conf()") == [["t"]]
        until(lambda: server.lines("server.reloaded"), 10, "a reload")
        assert client.rows("SELECT pg_conf_load_time() > pg_postmaster_start_time()") == [["t"]]
        server.config("nonsense")
        loaded = client.rows("SELECT pg_conf_load_time()")
        client.rows("SELECT pg_reload_conf()")
        until(lambda: server.lines("server.reload.failed"), 10, "a reload that fails")
        assert client.rows("SELECT pg_conf_load_time()") == loaded


def test_many_reloads_while_clients_work():
    with Reloaded() as server:
        ended = threading.Event()
        failures = []

        def work():
            try:
                with raw.Client(server.port) as client:
                    while not ended.is_set():
                        client.rows("SELECT 1")
            except Exception as error:  # told below
                failures.append(error)
        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for i in range(30):
            server.reload("[limits]\nconnections = %d\n" % (100 + i))
        ended.set()
        for worker in workers:
            worker.join()
        assert failures == []


def fingerprint(port):
    return hashlib.sha256(ssl.get_server_certificate(("127.0.0.1", port)).encode()).hexdigest()


def test_http_certificates():
    with Reloaded(settings={"http.listen": "127.0.0.1:0"}) as server:
        certs = os.path.join(server.directory, "certs")
        server.stop()
        cert(certs, "authority")
        cert(certs, "server")
        server.options = ["--tls-cert", certs + "/localhost.crt", "--tls-key", certs + "/localhost.key"]
        server.start()
        port = int(re.findall(r"event=http\.listen port=(\d+) tls=yes", server.log_tail())[-1])
        trust = ssl.create_default_context(cafile=certs + "/ca.crt")
        before = fingerprint(port)
        answers = []

        def ask_long():
            request = urllib.request.Request("https://127.0.0.1:%d/query" % port, b'{"sql": "SELECT pg_sleep(2), 7"}',
                                             {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, context=trust, timeout=20) as answer:
                answers.append(json.load(answer))
        asking = threading.Thread(target=ask_long)
        asking.start()
        with raw.Client(server.port) as client:
            until(lambda: client.rows("SELECT 1 FROM kimberlite_stat_activity WHERE protocol = 'http'"), 10, "the query to run")
        os.remove(certs + "/localhost.crt")
        os.remove(certs + "/localhost.key")
        cert(certs, "server")
        assert fingerprint(port) == before
        server.reload()
        until(lambda: fingerprint(port) != before, 10, "the new certificate")
        with urllib.request.urlopen("https://127.0.0.1:%d/health" % port, context=trust) as answer:
            assert answer.status == 200
        asking.join()
        assert answers and answers[0]["rows"][0][1] == 7, answers  # what went on has gone on
        for _ in range(5):
            server.reload()
        assert fingerprint(port) != before
        with open(certs + "/localhost.crt", "w") as broken:
            broken.write("no certificate")
        now = ssl.get_server_certificate(("127.0.0.1", port))
        server.reload(fails=True)
        assert ssl.get_server_certificate(("127.0.0.1", port)) == now


def token(secret, **claims):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    body = {"iss": "kimberlite", "aud": "kimberlite", "sub": "someone", "tenant_id": 1, "roles": ["Admin"],
            "iat": int(time.time()), "exp": int(time.time()) + 300, **claims}
    text = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(body).encode())
    return (text + b"." + part(hmac.new(secret.encode(), text, hashlib.sha256).digest())).decode()


def test_token_secrets():
    first, second = "a" * 32, "b" * 32
    with Reloaded('[jwt]\nsecret = "%s"\n' % first, settings={"http.listen": "127.0.0.1:0"}, options=["--auth", "jwt"]) as server:
        port = int(re.search(r"event=http\.listen port=(\d+)", server.log_tail()).group(1))

        def status(shown):
            request = urllib.request.Request("http://127.0.0.1:%d/query" % port, b'{"sql": "SELECT 1"}',
                                             {"Content-Type": "application/json", "Authorization": "Bearer " + shown})
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code
        assert status(token(first)) == 200 and status(token(second)) == 401
        server.reload('[jwt]\nsecret = "%s"\n' % second)
        assert status(token(first)) == 401 and status(token(second)) == 200
        server.reload('[jwt]\nsecret = "%s"\naudience = "others"\n' % second)
        assert status(token(second)) == 401 and status(token(second, aud="others")) == 200
        server.reload("", fails=True)  # auth.mode jwt without any key
        assert status(token(second, aud="others")) == 200


if __name__ == "__main__":
    checks.main(globals())
