"""pgbench: its own transactions and a script, in its three modes. Argument: a connection string."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
from checks import equal, run  # noqa: E402

URL = sys.argv[1]


def pgbench(*options):
    done = subprocess.run(["pgbench", *options, URL], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    said = done.stdout.decode()
    assert done.returncode == 0, said
    return said


def processed(said, transactions):
    assert "actually processed: %d/%d" % (transactions, transactions) in said, said


def script(text, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(text)
        file.flush()
        return pgbench("-n", "-f", file.name, *options)


def tables():
    pgbench("-i", "-s", "1", "-q", "--foreign-keys")


def parameters():
    processed(pgbench("-n", "-S", "-M", "extended", "-c", "4", "-t", "50"), 200)


def prepared_statements():
    processed(pgbench("-n", "-S", "-M", "prepared", "-c", "4", "-t", "50"), 200)


def transactions():
    for mode in ("simple", "extended", "prepared"):
        processed(pgbench("-n", "-M", mode, "-c", "4", "-t", "25"), 100)
    said = script("SELECT sum(abalance) - (SELECT sum(delta) FROM pgbench_history) AS rest FROM pgbench_accounts \\gset\nSELECT 1 / (1 - :rest);\n",
                  "-t", "1")
    processed(said, 1)


def pipelines():
    processed(script("\\startpipeline\nSELECT 1;\nINSERT INTO pgbench_history (tid) VALUES (1);\n\\endpipeline\n", "-M", "prepared", "-c", "4",
                     "-t", "25"), 100)


def reconnecting():
    equal(pgbench("-n", "-S", "-C", "-t", "20").count("actually processed: 20/20"), 1)


run([tables, parameters, prepared_statements, transactions, pipelines, reconnecting])
