#!/usr/bin/env python3
"""Histories of concurrent transactions, checked for what each level of isolation must not let happen.

    isolation.py WORKER [--seed S] [-n HISTORIES] [--only K] [--level LEVEL]

History K of a seed is of SERIALIZABLE transactions where K is odd, else of REPEATABLE READ ones. Its statements are run
on several sessions of one database, one after the other in an order drawn from the seed; what they read becomes a graph
(graph.py), and an anomaly that the level excludes ends the run with 1, the history and one line to repeat it. Of a
snapshot's transactions write skew must be seen: or the checker would not see it elsewhere.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "differential"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from databases import Kimberlite  # noqa: E402
from graph import Graph  # noqa: E402
from histories import TABLES, History, Wrong  # noqa: E402
import known  # noqa: E402

LEVELS = ("REPEATABLE READ", "SERIALIZABLE")
ALLOWED = {"REPEATABLE READ": {"G2-item", "G2"}, "SERIALIZABLE": set()}
TRANSACTIONS = 40  # of a history
SKEWS_MIN = 0.1  # of the snapshot's histories; about two of three show one
COMMITS_MIN = 0.4  # of a level's transactions: a database that refuses everything has no anomalies


class Run:
    def __init__(self, options):
        self.options = options
        self.count = Counter()
        self.database = Kimberlite(options.worker)
        for text in TABLES:
            answer = self.database.ask(text)
            if answer.sqlstate is not None:
                raise Wrong("%s: %s" % (text, answer.message))

    def play(self, number):
        """Whether the history is as its level says."""
        level = self.options.level or LEVELS[number % 2]
        draw = random.Random("%d/%d" % (self.options.seed, number))
        history = History(draw, self.database, level, TRANSACTIONS)
        try:
            history.play()
            graph = Graph(history.transactions, history.final, history.last)
        except Wrong as wrong:
            return self.tell(history, number, str(wrong))
        self.count[level, "histories"] += 1
        self.count[level, "transactions"] += len(history.transactions)
        self.count[level, "committed"] += len(graph.committed)
        self.count[level, "refused"] += history.refused
        self.count[level, "reads"] += sum(len(t.reads) for t in graph.committed)
        self.count[level, "skewed"] += bool({"G2-item", "G2"} & {a.name for a in graph.anomalies})
        for anomaly in graph.anomalies:
            self.count[level, anomaly.name] += 1
        bad = [a for a in graph.anomalies if a.name not in ALLOWED[level]]
        return self.tell(history, number, "\n".join(map(str, bad))) if bad else True

    def tell(self, history, number, why):
        print("\n".join(history.text))
        print("ANOMALY at %s: %s" % (history.level, why))
        print("repeat: isolation.py WORKER --seed %d --only %d" % (self.options.seed, number))
        return False

    def summary(self):
        """Whether the run is worth something."""
        good = True
        for level in LEVELS:
            histories = self.count[level, "histories"]
            if histories == 0:
                continue
            anomalies = ", ".join("%s %d" % (name, self.count[level, name]) for name in ("G2-item", "G2")
                                  if self.count[level, name])
            print("%s: %d histories, %d of %d transactions committed, %d refused, %d reads; anomalies: %s" %
                  (level.lower(), histories, self.count[level, "committed"], self.count[level, "transactions"],
                   self.count[level, "refused"], self.count[level, "reads"], anomalies or "none"))
            good &= self.count[level, "committed"] >= COMMITS_MIN * self.count[level, "transactions"]
            if level == "REPEATABLE READ" and histories >= 20:
                good &= self.count[level, "skewed"] >= SKEWS_MIN * histories
        if not good:
            print("too few transactions committed, or too little write skew was seen, to say anything")
        return good


def main():
    parser = argparse.ArgumentParser(description="histories of concurrent transactions, checked for anomalies")
    parser.add_argument("worker")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-n", type=int, default=100)
    parser.add_argument("--only", type=int)
    parser.add_argument("--level", choices=LEVELS)
    options = parser.parse_args()
    wrong = known.check()
    if wrong:
        print("the checker does not know its anomalies: " + "; ".join(wrong))
        return 1
    if os.access("/dev/shm", os.W_OK):  # the disk is not what this is about
        tempfile.tempdir = "/dev/shm"
    run = Run(options)
    numbers = range(options.n) if options.only is None else [options.only]
    good = all(run.play(number) for number in numbers)
    code = run.database.close()
    if good and options.only is None:
        good = run.summary()
    if code != 0:
        print("the worker ended with %d" % code)
    print("%d passed, %d failed: histories of transactions" % (len(numbers) if good else 0, not good))
    return 0 if good and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
