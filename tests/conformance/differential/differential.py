#!/usr/bin/env python3
"""Random SQL on Kimberlite, PostgreSQL 15 and SQLite: the answers must be the same. README.md tells how.

    differential.py WORKER [--seed N] [-n CASES] [--repeat CASE] [--show]

WORKER is the built differential_worker. Case CASE of a seed is the same whatever else runs: --repeat runs it alone and
prints all answers. --show prints every case. Exit 0: no difference but listed ones, and every item often enough; 1: else;
77: no PostgreSQL 15 here.
"""
import argparse
import collections
import os
import re
import signal
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the tree

import catalogue
from compare import ANOTHER, DEFINED, EARLY, MOVED, UNBOUND, difference, difference_lite
from databases import Failure, Kimberlite, Postgres, Sqlite, find_postgres
from statements import JOINS, Statements, make_tables

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
USES_MIN = 20            # of every item, in a run of CASES_FOR_USES or more
CASES_FOR_USES = 1000
REFUSED_SHARE_MAX = 0.10
LISTED_MAX = 20
LISTED_SHARE_MAX = 0.02
DIFFERENCES_SHOWN_MAX = 15
RESTARTS_MAX = 10
REFUSED = "0A000"


class Listed:
    """Differences that stand, of the file differs.tsv: signatures not asked, statements and errors that may differ."""

    def __init__(self, path):
        lines = [line.rstrip("\n") for line in open(path, encoding="utf-8") if line.strip() and not line.startswith("#")]
        entries = [line.split("\t") for line in lines]
        self.signatures = [re.compile(what) for kind, what, _ in entries if kind == "signature"]
        self.statements = [(re.compile(what), reason) for kind, what, reason in entries if kind == "statement"]
        self.messages = [(re.compile(what), reason) for kind, what, reason in entries if kind == "message"]
        self.met = collections.Counter()
        if len(entries) > LISTED_MAX:
            sys.exit("%s: %d differences are listed, at most %d may be" % (path, len(entries), LISTED_MAX))

    def asked(self, signatures):
        return [s for s in signatures if not any(pattern.fullmatch(str(s)) for pattern in self.signatures)]

    def has(self, sql, message):
        texts = [(pattern, reason, sql) for pattern, reason in self.statements]
        for pattern, reason, text in texts + [(pattern, reason, message) for pattern, reason in self.messages]:
            if pattern.search(text):
                self.met[reason] += 1
                return True
        return False


class Run:
    def __init__(self, options):
        self.options = options
        self.listed = Listed(os.path.join(HERE, "differs.tsv"))
        self.signatures = self.listed.asked(catalogue.read(os.path.join(ROOT, "docs", "reference", "sql", "functions.md")))
        self.tables, self.setup, self.setup_lite = make_tables(options.seed)
        self.postgres = self.kimberlite = self.sqlite = None
        self.uses = collections.Counter()
        self.tally = collections.Counter()
        self.kinds = collections.Counter()
        self.reasons = collections.Counter()
        self.restarts = self.cases = 0
        self.answers = []  # Kimberlite's, to the steps of the case so far

    def open(self, programs):
        self.postgres = Postgres(programs)
        self.sqlite = Sqlite()
        for sql in self.setup:
            self.must(self.postgres, sql)
        for sql in self.setup_lite:
            self.must(self.sqlite, sql)
        self.open_kimberlite()

    def open_kimberlite(self):
        self.kimberlite = Kimberlite(self.options.worker)
        for sql in self.setup:
            self.must(self.kimberlite, sql)

    def must(self, database, sql):
        answer = database.ask(sql)
        if answer.sqlstate:
            raise Failure("making the tables fails: %s\n%s" % (sql, answer))

    def close(self):
        """True: the worker ended well."""
        code = 0
        for database in (self.kimberlite, self.postgres, self.sqlite):
            if database is not None:
                ended = database.close()
                code = ended if database is self.kimberlite else code
        return code == 0

    def report(self, case, step, what, answers):
        self.tally["differences"] += 1
        if self.tally["differences"] > DIFFERENCES_SHOWN_MAX:
            return
        print("--- seed %d, case %d (%s): %s" % (self.options.seed, case.number, case.kind, what))
        for earlier in case.steps[:case.steps.index(step)]:
            print("    %s;" % earlier.sql)
        print("%s;" % step.sql)
        for name, answer in answers:
            print("%s: %s" % (name, answer))
        print("repeat: make differential SEED=%d CASE=%d" % (self.options.seed, case.number), flush=True)

    def ask_kimberlite(self, case, step):
        try:
            return self.kimberlite.ask(step.sql)
        except Failure as failure:
            self.report(case, step, str(failure), [])
            self.kimberlite.close()
            self.restarts += 1
            if self.restarts > RESTARTS_MAX:
                raise
            self.open_kimberlite()
            return None

    def compare(self, case, step):
        """One statement on all three: "same", "error" (the same), "refused" or "different"."""
        expected = self.postgres.ask(step.sql)
        got = self.ask_kimberlite(case, step)
        sqlite = self.sqlite.ask(step.sql) if step.lite else None
        if self.options.show:
            for name, answer in (("statement", step.sql), ("PostgreSQL", expected), ("Kimberlite", got), ("SQLite", sqlite)):
                if answer is not None:
                    print("%s: %s" % (name, answer))
        if got is None:
            return "different"
        self.answers.append(got)
        self.tally["statements"] += 1
        if got.sqlstate == REFUSED and expected.sqlstate != REFUSED:
            self.reasons[re.sub(r'"[^"]*"', '"..."', got.message)] += 1
            return "refused"
        what = difference(expected, got, step.sql, step.order)
        if what in (ANOTHER, DEFINED, EARLY, MOVED, UNBOUND):
            self.listed.met[what] += 1
            return "listed"
        if what is not None:
            if self.listed.has(step.sql, got.message):
                return "listed"
            self.report(case, step, what, [("PostgreSQL", expected), ("Kimberlite", got)])
            return "different"
        self.tally["with rows"] += bool(got.rows)
        self.tally["queries"] += bool(got.names)
        if expected.sqlstate:
            self.reasons["error %s" % expected.sqlstate] += 1
            return "error"
        if sqlite is not None and got.names:
            self.tally["asked of SQLite"] += 1
            what = difference_lite(sqlite, got, step.sql, step.order)
            if what is not None and not self.listed.has(step.sql, ""):
                self.report(case, step, "SQLite: " + what, [("SQLite", sqlite), ("Kimberlite", got)])
                return "different"
        return "same"

    def case(self, number):
        case = Statements(self.options.seed, number, self.signatures, self.tables).case()
        in_transaction = case.steps[0].sql == "BEGIN"
        verdicts, self.answers = [], []
        for step in case.steps[:-1] if len(case.steps) > 1 else case.steps:
            verdicts.append(self.compare(case, step))
            if verdicts[-1] in ("different", "refused", "listed") or (in_transaction and verdicts[-1] == "error"):
                break
        if case.relation is not None and all(v == "same" for v in verdicts):
            self.tally["related"] += 1
            fault = case.relation(self.answers)
            if fault is not None:
                self.report(case, case.steps[-1], fault, [])
                verdicts.append("different")
        if len(case.steps) > 1:
            self.leave(case)
        verdict = next((v for v in ("different", "refused", "listed") if v in verdicts), None)
        if verdict is None:
            verdict = "error" if "error" in verdicts else "same"
            if verdict == "same" or case.kind == "own table":
                self.uses.update(set(case.used))
        self.tally[verdict] += 1
        self.kinds[case.kind] += 1

    def leave(self, case):
        """Runs a sequence's last step, that takes back what it did, on whatever state there is."""
        last = case.steps[-1]
        self.postgres.ask(last.sql)
        self.ask_kimberlite(case, last)
        if any(step.lite for step in case.steps):
            self.sqlite.ask(last.sql)

    def items(self):
        wanted = {s.item for s in self.signatures} | {"join " + kind for kind in JOINS}
        return sorted(wanted | set(self.uses))

    def rare(self):
        """The items that were used too seldom: "item: uses"; a short run is not asked for any."""
        if self.options.n < CASES_FOR_USES:
            return []
        return ["%s: %d" % (item, self.uses[item]) for item in self.items() if self.uses[item] < USES_MIN]

    def all_cases(self):
        """-n cases, and up to twice as many more while some item is rare."""
        for number in range(self.options.n):
            self.case(number)
        self.cases = self.options.n
        while self.cases < 3 * self.options.n and self.rare():
            self.case(self.cases)
            self.cases += 1

    def print_table(self):
        width = max(len(item) for item in self.items()) + 8
        cells = [("%5d  %s" % (self.uses[item], item)).ljust(width) for item in self.items()]
        columns = 4
        rows = -(-len(cells) // columns)
        for i in range(rows):
            print("".join(cells[i::rows]).rstrip())

    def finish(self):
        """Prints what was done; the number of failures."""
        self.print_table()
        cases, rare, failures = self.cases, self.rare(), self.tally["differences"]
        for line in rare:
            print("fewer than %d uses: %s" % (USES_MIN, line))
        print("kinds of cases: " + ", ".join("%s %d" % pair for pair in self.kinds.most_common()))
        print("errors on both and refusals: " + ", ".join("%s %d" % pair for pair in self.reasons.most_common(40)))
        for reason, count in self.listed.met.most_common():
            print("listed difference, %d times: %s" % (count, reason))
        if self.tally["listed"] > LISTED_SHARE_MAX * cases:
            print("more than %d %% of the cases end in a listed difference" % (100 * LISTED_SHARE_MAX))
            failures += 1
        if self.tally["refused"] > REFUSED_SHARE_MAX * cases:
            print("more than %d %% of the cases are refused" % (100 * REFUSED_SHARE_MAX))
            failures += 1
        failures += bool(rare)
        passed = cases - self.tally["different"] - self.tally["refused"]
        print("%d passed, %d failed: seed %d, %d statements, %d of %d queries with rows, %d asked of SQLite too, "
              "%d sets of answers that fit, %d cases end in the same error, %d refused, %d listed, %d items" % (
                  passed, failures, self.options.seed, self.tally["statements"], self.tally["with rows"],
                  self.tally["queries"], self.tally["asked of SQLite"], self.tally["related"], self.tally["error"], self.tally["refused"],
                  self.tally["listed"], len(self.items())))
        return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("worker")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--repeat", type=int, metavar="CASE")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    options.worker = os.path.abspath(options.worker)
    options.show = options.show or options.repeat is not None
    programs = find_postgres()
    if programs is None:
        print("skipped: PostgreSQL 15 is not installed (Debian: postgresql)")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the cluster is stopped and removed
    run, ended_well = Run(options), False
    try:
        run.open(programs)
        if options.repeat is not None:
            run.case(options.repeat)
        else:
            run.all_cases()
    finally:
        ended_well = run.close()
    if not ended_well:
        run.tally["differences"] += 1
        print("the worker ended badly")
    if options.repeat is not None:
        return 1 if run.tally["differences"] else 0
    return 1 if run.finish() else 0


if __name__ == "__main__":
    sys.exit(main())
