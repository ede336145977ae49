#!/usr/bin/env python3
"""Where a server listens: IPv4, IPv6 and Unix sockets beside each other, sockets that systemd opened; what it tells
systemd; and what clients cost that are connected and ask nothing."""
import os
import resource
import socket
import subprocess
import tempfile

import checks
import raw
from serve import PROGRAM, Server, until

IDLE = 10000
IDLE_BYTES_MAX = 300 << 20
IDLE_SECONDS_MAX = "120s"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def test_beside_each_other():
    if not has_ipv6():
        raise checks.Skip("this machine has no IPv6")
    with Server() as server:
        server.stop()
        server.options = ["--address", "127.0.0.1:%d,[::1]:%d" % (server.port, server.port), "--unix-socket", server.directory]
        server.start()
        path = "%s/.s.PGSQL.%d" % (server.directory, server.port)
        for address, seen in ((("::1", server.port), "::1"), (("127.0.0.1", server.port), "127.0.0.1"), (path, None)):
            with raw.Client(address) as client:
                assert client.rows("SELECT inet_client_addr()") == [[seen]], address
        server.stop()
        assert not os.path.exists(path)


def test_what_does_not_fit_together():
    """What "config validate" finds wrong is no reason to start and do something else: the start says it."""
    with Server() as server, tempfile.TemporaryDirectory(prefix="kimberlite-cert-") as certs:
        for what in ("authority", "server"):
            made = subprocess.run([PROGRAM, "cert", what, "-q", "--directory", certs], capture_output=True, text=True)
            assert made.returncode == 0, made.stderr
        certificate = ["--tls-cert", certs + "/localhost.crt", "--tls-key", certs + "/localhost.key"]
        server.stop()
        for options, wanted in ((certificate + ["--tls-client", "required"], "tls.client is set without tls.ca"),
                                (certificate + ["--tls-client", "optional"], "tls.client is set without tls.ca"),
                                (certificate[:2], "tls.key is not set"), (certificate[2:], "tls.cert is not set"),
                                (["--set", "tls.client=required", "--set", "tls.ca=" + certs + "/ca.crt"], "tls.client is set without a certificate"),
                                (["--set", "tls.required=true"], "tls.required is set without a certificate"),
                                (["--auth", "certificate"], "auth.mode certificate needs tls.client"),
                                (["--auth", "jwt"], "neither jwt.secret nor jwt.keys"), (["--set", "server.listen="], "nothing to listen at")):
            words = [PROGRAM, "start", "--data", server.data, "--key", server.directory + "/key", "--address", "127.0.0.1:0", *options]
            ran = subprocess.run(words, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
            assert ran.returncode == 1 and wanted in ran.stderr and ran.stdout == "", (options, ran)
        server.options = ["--set", "server.listen=", "--unix-socket", server.directory]
        path = server.directory + "/.s.PGSQL.5432"
        process = subprocess.Popen([PROGRAM, "start", "--data", server.data, "--key", server.directory + "/key", *server.options], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout.readline().endswith(" on a Unix socket\n")
            with raw.Client(path) as client:
                assert client.rows("SELECT 1") == [["1"]]
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def test_sockets_of_systemd():
    """LISTEN_FDS: what systemd has opened is served, and stays open for the next process."""
    with tempfile.TemporaryDirectory(prefix="kimberlite-systemd-") as directory, socket.create_server(("127.0.0.1", 0)) as given, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(directory + "/notify")
        told.settimeout(20)
        port = given.getsockname()[1]
        for _ in range(2):
            def hand_over():
                os.environ["LISTEN_PID"] = str(os.getpid())
                os.dup2(given.fileno(), 3)
                os.set_inheritable(3, True)
                os.execve(PROGRAM, [PROGRAM, "start", "-q", "--create", "--data", directory + "/data", "--key", directory + "/key"],
                          dict(os.environ, LISTEN_FDS="1", NOTIFY_SOCKET=directory + "/notify", KMB_HTTP_LISTEN=""))
            process = subprocess.Popen(["true"], preexec_fn=hand_over, close_fds=False, stdout=subprocess.DEVNULL)
            try:
                assert told.recv(100) == b"READY=1"
                with raw.Client(port) as client:
                    assert client.rows("SELECT inet_server_port()") == [[str(port)]]
                process.terminate()
                assert told.recv(100) == b"STOPPING=1"
                assert process.wait(20) == 0
            finally:
                process.kill()


def test_idle_connections():
    """Ten thousand clients that are there and ask nothing, and one that does."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < IDLE + 200:
        raise checks.Skip("only %d descriptors may be open" % most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 200, most))
    settings = {"limits.connections": str(IDLE + 50), "timeouts.connection": IDLE_SECONDS_MAX}
    clients = []
    with Server(settings) as server:
        try:
            for _ in range(IDLE):
                clients.append(raw.Client(server.port))
            with raw.Client(server.port) as client:
                until(lambda: client.rows("SELECT count(*) FROM pg_stat_activity") == [[str(IDLE + 1)]], 20, "all to be seen")
            assert server.resident_bytes() < IDLE_BYTES_MAX, server.resident_bytes()
        finally:
            for client in clients:
                client.socket.close()


if __name__ == "__main__":
    checks.main(globals())
