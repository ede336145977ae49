#!/usr/bin/env python3
"""pgbench as it is: its tables, its TPC-B in every query mode, reads alone, pipelines; afterwards the sums agree."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import checks
import raw
from serve import Server

SECONDS_MAX = 60


def pgbench(server, *arguments):
    run = subprocess.run(["pgbench", "-h", "127.0.0.1", "-p", str(server.port), "-U", "kimberlite", *arguments, "kimberlite"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS_MAX)
    said = run.stdout.decode()
    assert run.returncode == 0, said
    return said


def processed(said, clients, transactions):
    """Every transaction was done, none given up."""
    assert "number of transactions actually processed: %d/%d" % (clients * transactions, clients * transactions) in said, said
    failed = re.search(r"number of failed transactions: (\d+)", said)
    assert failed is None or failed.group(1) == "0", said


def assert_sums(server, transactions):
    with raw.Client(server.port) as client:
        sums = [client.rows("SELECT sum(%s) FROM %s" % pair)[0][0] for pair in (
            ("abalance", "pgbench_accounts"), ("tbalance", "pgbench_tellers"), ("bbalance", "pgbench_branches"),
            ("delta", "pgbench_history"))]
        assert len(set(sums)) == 1, sums
        assert client.rows("SELECT count(*) FROM pgbench_history") == [[str(transactions)]]


def test_work():
    with Server() as server:
        pgbench(server, "-i", "-s", "1", "--quiet")
        done = 0
        for mode in ("simple", "extended", "prepared"):
            processed(pgbench(server, "-M", mode, "-c", "4", "-t", "25", "-n"), 4, 25)
            processed(pgbench(server, "-M", mode, "-S", "-c", "4", "-t", "100", "-n"), 4, 100)
            done += 100
        processed(pgbench(server, "-N", "-C", "-c", "2", "-t", "10", "-n"), 2, 10)
        with raw.Client(server.port) as client:  # -N touches neither tellers nor branches
            client.rows("DELETE FROM pgbench_history WHERE tid IS NULL")
            assert client.rows("SELECT count(*) FROM pgbench_history") == [[str(done + 20)]]


def test_sums():
    with Server() as server:
        pgbench(server, "-i", "-s", "1", "--quiet", "--foreign-keys")
        processed(pgbench(server, "-M", "prepared", "-c", "8", "-j", "2", "-t", "20", "-n"), 8, 20)
        assert_sums(server, 160)


def test_pipeline():
    script = ("\\set id random(1, 1000)\n\\startpipeline\nSELECT :id;\nSELECT :id + 1;\nINSERT INTO piped VALUES (:id);\n"
              "\\endpipeline\n")
    directory = tempfile.mkdtemp(prefix="kimberlite-pgbench-")
    try:
        path = os.path.join(directory, "script.sql")
        with open(path, "w") as file:
            file.write(script)
        with Server() as server, raw.Client(server.port) as client:
            client.rows("CREATE TABLE piped (id int)")
            for mode in ("extended", "prepared"):
                processed(pgbench(server, "-M", mode, "-f", path, "-c", "4", "-t", "50", "-n"), 4, 50)
            assert client.rows("SELECT count(*) FROM piped") == [["400"]]
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    if shutil.which("pgbench") is None:
        print("skipped: pgbench is not installed (Debian: postgresql-contrib)")
        sys.exit(77)
    checks.main(globals(), workers=2)
