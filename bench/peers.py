"""The engines that bench/tpch, bench/films and bench/hits run their queries on, side by side.

A workload names its schema, its indexes, its tables (a CSV file with a header line each, an empty field is NULL) and its
queries. An engine loads it once into its own directory, times queries (medians of RUNS, all rows fetched, one run before
that unmeasured) and gives answers. All get the same memory and one thread; PostgreSQL is analysed, without JIT and parallel
workers; DuckDB and SQLite run in this process. An engine that is not installed is left out, and said so.
"""

import csv
import importlib.util
import io
import math
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / os.environ.get("BUILD", "build")
CACHE_MB = 4096
WORK_MB = 64
SECONDS_MAX = 60  # of a peer's query: one that takes longer is left out of its mean


class Workload:
    def __init__(self, schema, indexes, tables, queries, folder):
        self.schema = schema
        self.indexes = indexes
        self.tables = tables
        self.queries = queries  # name: text without semicolon
        self.folder = folder  # of the files


def statements(text):
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [part.strip() for part in plain.split(";") if part.strip()]


def without_references(statement):
    statement = re.sub(r",\s*foreign key \([^)]*\) references \w+ \([^)]*\)", "", statement)
    return re.sub(r" references \w+ \(\w+\)", "", statement)


def timed(runs, run):
    """The median of so many calls after one that is not measured; None: the call gave up."""
    times = []
    for _ in range(runs + 1):
        begun = time.perf_counter()
        if run() is None:
            return None
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def field(value):
    """A value as all engines write it: numbers to ten digits, truth as 1 and 0."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or value in ("t", "f", "true", "false"):
        return str(int(value in (True, "t", "true")))
    try:
        number = float(str(value))
        return f"{number:.9e}" if math.isfinite(number) else str(value)
    except ValueError:
        return str(value)


def rows_of(text):
    """The rows of a CSV answer behind its header, sorted: an order is no part of the comparison."""
    return sorted([field(value) for value in row] for row in list(csv.reader(io.StringIO(text)))[1:])


# --- Kimberlite ---------------------------------------------------------------------------------------------------------


class Kimberlite:
    name = "kimberlite"

    def __init__(self, work):
        self.project = work / "kimberlite"
        self.fresh = not self.project.exists()
        self.project.mkdir(exist_ok=True)

    def cli(self, *arguments):
        done = subprocess.run([BUILD / "kimberlite", *arguments], cwd=self.project, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: kimberlite {arguments[0]}: {done.stderr.strip()}")
        return done.stdout + done.stderr

    def script(self, text):
        path = self.project / "script.sql"
        path.write_text(text)
        self.cli("query", "-f", path)

    def load(self, workload):
        if not self.fresh:
            return
        self.cli("init", "--yes", "--quiet")
        self.script(workload.schema)
        for table in workload.tables:
            self.cli("import", workload.folder / f"{table}.csv", "--table", table)
        self.script(workload.indexes)

    def measure(self, queries, runs):
        folder = self.project / "queries"
        folder.mkdir(exist_ok=True)
        for query, text in queries.items():
            (folder / query).write_text(text)
        data = self.project / ".kimberlite" / "data"
        done = subprocess.run(
            [BUILD / "bench/bench_queries", data, "--runs", str(runs), *(folder / query for query in queries)],
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            sys.exit(f"bench: {done.stderr.strip()}")
        lines = [line.split() for line in done.stdout.splitlines()]
        return {words[0]: float(words[1]) for words in lines if words[0] in queries}

    def answer(self, text):
        return rows_of(self.cli("query", "--quiet", "-o", "csv", text))

    def stop(self):
        pass


# --- the peers ----------------------------------------------------------------------------------------------------------


class Postgres:
    name = "postgresql"

    def __init__(self, work):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        self.bin = found[-1].parent if found else None
        self.missing = None if found else "not installed, left out (tools/install-deps gate)"
        self.work = work / "postgres"
        self.user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"] if os.getuid() == 0 else []

    def command(self, *arguments):
        subprocess.run([*self.user, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=self.work)

    def load(self, workload):
        fresh = not self.work.exists()
        self.work.mkdir(exist_ok=True)
        if os.getuid() == 0:
            shutil.chown(self.work, "nobody")
            self.work.parent.chmod(0o711)  # a temporary directory is its owner's alone
        data = self.work / "data"
        if fresh:
            self.command(self.bin / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C")
        options = {
            "listen_addresses": "''",
            "unix_socket_directories": f"'{self.work}'",
            "shared_buffers": f"{CACHE_MB}MB",
            "work_mem": f"{WORK_MB}MB",
            "jit": "off",
            "max_parallel_workers_per_gather": "0",
            "max_wal_size": "8GB",
            "autovacuum": "off",
            "statement_timeout": f"{SECONDS_MAX}s",
        }
        flags = " ".join(f"-c {name}={value}" for name, value in options.items())
        self.command(self.bin / "pg_ctl", "-D", data, "-o", flags, "-l", self.work / "log", "-w", "-t", "120", "start")
        self.psql = ["psql", "-X", "-q", "-At", "-h", str(self.work), "-U", "bench", "-d", "postgres"]
        if fresh:
            try:
                self.fill(workload)
            except BaseException:
                self.stop()
                raise

    def fill(self, workload):
        for statement in [*statements(workload.schema)]:
            subprocess.run([*self.psql, "-c", statement], check=True)
        for table in workload.tables:  # the references stay declared, for the planner; the rows need no check one by one
            copy = f"\\copy {table} from '{workload.folder / table}.csv' csv header"
            settings = ["-c", "SET session_replication_role = replica", "-c", "SET statement_timeout = 0"]
            subprocess.run([*self.psql, *settings, "-c", copy], check=True)
        for statement in [*statements(workload.indexes), "VACUUM ANALYZE"]:
            subprocess.run([*self.psql, "-c", "SET statement_timeout = 0", "-c", statement], check=True)

    def measure(self, queries, runs):
        figures = {}
        for query, text in queries.items():
            script = "\\timing on\n\\o /dev/null\n" + (text + ";\n") * (runs + 1)
            done = subprocess.run([*self.psql, "-v", "ON_ERROR_STOP=1"], input=script, capture_output=True, text=True)
            times = [float(found) / 1000 for found in re.findall(r"^Time: ([0-9.]+) ms", done.stdout, re.M)]
            figures[query] = statistics.median(times[1:]) if done.returncode == 0 else None
        return figures

    def answer(self, text):
        done = subprocess.run([*self.psql, "--csv", "-P", "tuples_only=off", "-c", text], capture_output=True, text=True)
        return rows_of(done.stdout) if done.returncode == 0 else None

    def stop(self):
        self.command(self.bin / "pg_ctl", "-D", self.work / "data", "-m", "fast", "-w", "stop")


class InProcess:
    """DuckDB and SQLite: a connection that an alarm of its own interrupts."""

    def rows(self, text):
        alarm = threading.Timer(SECONDS_MAX, self.connection.interrupt)
        alarm.start()
        try:
            return self.connection.execute(text).fetchall()
        except self.interrupted:
            return None
        finally:
            alarm.cancel()

    def measure(self, queries, runs):
        return {query: timed(runs, lambda text=text: self.rows(text)) for query, text in queries.items()}

    def answer(self, text):
        rows = self.rows(text)
        return None if rows is None else sorted([field(value) for value in row] for row in rows)

    def stop(self):
        self.connection.close()


class DuckDB(InProcess):
    name = "duckdb"

    def __init__(self, work):
        self.path = work / "peer.duckdb"
        found = importlib.util.find_spec("duckdb") is not None
        self.missing = None if found else "no such module for this python3, left out (pip install duckdb)"

    def load(self, workload):
        import duckdb

        fresh = not self.path.exists()
        self.connection = duckdb.connect(str(self.path))
        self.interrupted = duckdb.InterruptException
        self.connection.execute("set threads = 1")
        self.connection.execute(f"set memory_limit = '{CACHE_MB}MB'")
        if fresh:
            for statement in statements(workload.schema):
                self.connection.execute(without_references(statement))
            for table in workload.tables:
                self.connection.execute(f"copy {table} from '{workload.folder}/{table}.csv' (header true)")
            self.connection.execute("checkpoint")


class SQLite(InProcess):
    name = "sqlite"
    missing = None

    def __init__(self, work):
        self.path = work / "peer.sqlite"

    def load(self, workload):
        fresh = not self.path.exists()
        self.connection = sqlite3.connect(str(self.path))
        self.interrupted = sqlite3.OperationalError
        self.connection.execute(f"pragma cache_size = -{CACHE_MB * 1024}")
        if fresh:
            for statement in statements(workload.schema):
                self.connection.execute(statement)
            for table in workload.tables:
                with open(workload.folder / f"{table}.csv", newline="") as file:
                    lines = csv.reader(file)
                    marks = ", ".join("?" * len(next(lines)))
                    rows = ([None if value == "" else value for value in line] for line in lines)
                    self.connection.executemany(f"insert into {table} values ({marks})", rows)
            for statement in statements(workload.indexes):
                self.connection.execute(statement)
            self.connection.commit()
            self.connection.execute("analyze")


# --- the table ----------------------------------------------------------------------------------------------------------


def peers_in(work, classes):
    """The engines that are installed; of the others it is said."""
    found = [engine(work) for engine in classes]
    for peer in found:
        if peer.missing is not None:
            print(f"  {peer.name}: {peer.missing}")
    return [peer for peer in found if peer.missing is None]


def mean(figures):
    return math.exp(sum(math.log(figure) for figure in figures.values()) / len(figures))


def ratios(ours, theirs):
    """How many times our time theirs is, by query that both answered."""
    return {query: theirs[query] / ours[query] for query in ours if theirs.get(query) is not None}


def table(ours, peers, queries):
    """Seconds by query; peers: by engine's name. None where an engine gave up or was not asked."""
    print(f"  {'seconds':<16} kimberlite" + "".join(f"{name:>14}       ratio" for name in peers))
    for query in queries:
        line = f"  {query:<16} {ours[query]:10.4f}"
        for figures in peers.values():
            theirs = figures.get(query)
            line += f"{'-':>14}{'-':>12}" if theirs is None else f"{theirs:14.4f}{theirs / ours[query]:12.2f}"
        print(line)
    line = f"  {'mean':<16} {mean(ours):10.4f}"
    for figures in peers.values():
        asked = {query: seconds for query, seconds in figures.items() if seconds is not None}
        line += f"{mean(asked):14.4f}{mean(ratios(ours, figures)):12.2f}"
    print(line)


def bar(what, ratio, bound, most):
    held = ratio <= bound if most else ratio >= bound
    print(f"  {what:<58} {ratio:8.2f}   bar {'at most' if most else 'at least'} {bound}{'' if held else '   MISSED'}")


def differences(answers, peer, queries):
    """How many answers of the peer are not ours; each is named."""
    count = 0
    for query in queries:
        theirs = peer.answer(queries[query])
        if theirs is not None and theirs != answers[query]:
            print(f"  {query}: {peer.name} answers {str(theirs)[:150]}, we {str(answers[query])[:150]}   FAILED")
            count += 1
    return count


def compare(work, workload, runs, skipped):
    """Loads, compares answers, times, prints; how many answers differ. skipped: queries an engine is not asked."""
    ours = Kimberlite(work)
    peers = peers_in(work, [Postgres, DuckDB, SQLite])
    begun = time.perf_counter()
    ours.load(workload)
    print(f"  loaded in {time.perf_counter() - begun:.1f} s")
    figures = {}
    count = 0
    answers = {query: ours.answer(text) for query, text in workload.queries.items()}
    mine = ours.measure(workload.queries, runs)
    for peer in peers:
        peer.load(workload)
        try:
            asked = {q: text for q, text in workload.queries.items() if q not in skipped.get(peer.name, ())}
            count += differences(answers, peer, asked)
            figures[peer.name] = peer.measure(asked, runs)
        finally:
            peer.stop()
    table(mine, figures, workload.queries)
    print(f"  answers that differ: {count}")
    return count
