#!/usr/bin/env python3
"""The past beside a copy that was stopped there.

    history.py WORKER [--seed S] [-n HISTORIES] [--only K]

A history is drawn from (seed, number): tables, rows, views and indexes made, changed and dropped, in transactions with
savepoints, some of them rolled back. It runs on one database. A second one is given the changes that lasted, one after
the other, and is stopped at some of them: there every query must answer what the first one answers AT OFFSET of that
position, whichever way the clause is written; versions and differences between two stops must be those of the copy's
states. Prints what was asked; exit 1 and one line to repeat it where an answer differs.
"""

import argparse
import os
import random
import re
import sys
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "differential"))
from databases import Kimberlite  # noqa: E402
from changes import History  # noqa: E402
from questions import KINDS, Schema, questions  # noqa: E402

STOPS = 6  # of the copy, in one history
QUESTIONS = 14  # at each stop
USES_MIN = 20  # of what is compared, in a run of 100 histories or more


class Wrong(Exception):
    pass


def position(database):
    """The database's own answer: there is no position that far ahead."""
    answer = database.ask("SELECT 1 AT OFFSET 9223372036854775807")
    match = re.search(r"current log position (\d+)", answer.message or "")
    if match is None:
        raise Wrong("no position in: %s" % answer.message)
    return int(match.group(1))


def rows_of(database, query):
    answer = database.ask(query)
    if answer.sqlstate is not None:
        raise Wrong("%s\n    %s %s" % (query, answer.sqlstate, answer.message))
    return answer


def same(label, query, wanted, other, got):
    if Counter(map(tuple, wanted)) != Counter(map(tuple, got)):
        lost = Counter(map(tuple, wanted)) - Counter(map(tuple, got))
        more = Counter(map(tuple, got)) - Counter(map(tuple, wanted))
        raise Wrong("%s\n    copy: %s\n    past: %s\n    only the copy has %s\n    only the past has %s" %
                    (label, query, other, sorted(lost.elements(), key=str)[:5], sorted(more.elements(), key=str)[:5]))


class Stop:
    """What the copy was at one position."""

    def __init__(self, at, schema, rows, tables_made, altered):
        self.at = at
        self.schema = schema
        self.rows = rows  # of each table
        self.tables_made = tables_made  # name -> number of the table: it keeps that when it is renamed
        self.altered = altered  # number of the table -> how often its columns were changed


class Run:
    def __init__(self, worker, seed, number, uses, verbose):
        self.draw = random.Random("%d/%d" % (seed, number))
        self.worker = worker
        self.uses = uses
        self.verbose = verbose
        self.made = 0  # tables so far
        self.tables_made = {}
        self.altered = Counter()

    def compare_queries(self, main, copy, stop):
        for kind, text in questions(self.draw, stop.schema, QUESTIONS):
            present = text("", "")
            answer = copy.ask(present)
            for form, (each, end) in (("each", (" AT OFFSET %d" % stop.at, "")), ("block", ("", " AT OFFSET %d" % stop.at)),
                                      ("position", (" AS OF POSITION %d" % stop.at, ""))):
                if form == "position" and self.draw.random() < 0.7:
                    continue
                past = text(each, end)
                got = main.ask(past)
                if (answer.sqlstate, got.sqlstate) != (None, None):
                    if answer.sqlstate != got.sqlstate:
                        raise Wrong("%s at %d\n    copy: %s: %s\n    past: %s: %s" %
                                    (kind, stop.at, present, answer.message or "answers", past, got.message or "answers"))
                    self.uses["error"] += 1
                    continue
                if answer.types != got.types or answer.names != got.names:
                    raise Wrong("%s at %d: columns\n    copy: %s %s\n    past: %s %s" %
                                (kind, stop.at, present, answer.types, past, got.types))
                same("%s at %d" % (kind, stop.at), present, answer.rows, past, got.rows)
                self.uses[kind] += 1
                self.uses["clause: " + form] += 1

    def compare_pair(self, main, early, late):
        """Two stops: joins across time, versions, differences."""
        for name, rows in late.rows.items():
            made = late.tables_made[name]
            columns = late.schema.columns[name]
            if name in early.rows:
                query = "SELECT * FROM %s AT OFFSET %d AS a CROSS JOIN %s AT OFFSET %d AS b" % (name, early.at, name, late.at)
                same("two moments", query, [a + b for a in early.rows[name] for b in rows], query, rows_of(main, query).rows)
                self.uses["two moments"] += 1
            query = "SELECT * FROM %s FOR SYSTEM_TIME BETWEEN %d AND %d AT OFFSET %d" % (name, early.at, early.at, late.at)
            before = rows_of(main, query).rows
            then = [old for old, made in early.tables_made.items() if made == late.tables_made[name]]  # its name then
            if not then:
                same("versions of a table before it was made", "", [], query, before)
            elif early.schema.columns[then[0]] == columns and early.altered[made] == late.altered[made]:
                same("versions", "the copy at %d" % early.at, early.rows[then[0]], query, before)
            self.uses["versions"] += 1
            self.compare_difference(main, name, [c for c, _ in columns], early, late, before)

    def compare_difference(self, main, name, columns, early, late, before):
        query = "SELECT * FROM kimberlite_diff('%s', %d, %d)" % (name, early.at, late.at)
        answer = rows_of(main, query)
        key = [i for i, c in enumerate(columns) if "old_" + c not in answer.names[len(columns):]]
        olds = [i for i in range(len(columns)) if i not in key]
        if answer.names != columns + ["old_" + columns[i] for i in olds] + ["_operation", "_position"]:
            raise Wrong("%s\n    has the columns %s" % (query, answer.names))
        removed, added = [], []
        for row in answer.rows:
            operation, at = row[-2], int(row[-1])
            new = row[:len(columns)]
            old = list(new)
            for place, i in enumerate(olds):
                old[i] = row[len(columns) + place]
            if not early.at < at <= late.at:
                raise Wrong("%s\n    tells of position %d" % (query, at))
            if operation == "UPDATE" and old == new:
                raise Wrong("%s\n    tells of a row that is the same: %s" % (query, row))
            removed += [old] if operation != "INSERT" else []
            added += [new] if operation != "DELETE" else []
            self.uses["difference: " + operation] += 1
        state = Counter(map(tuple, before))
        state.subtract(Counter(map(tuple, removed)))
        if any(count < 0 for count in state.values()):
            raise Wrong("%s\n    takes away what was not there: %s" % (query, [row for row, n in state.items() if n < 0]))
        state.update(Counter(map(tuple, added)))
        if +state != Counter(map(tuple, late.rows[name])):
            raise Wrong("%s\n    leads from %s\n    to %s\n    not to %s" %
                        (query, before, sorted((+state).elements(), key=str), late.rows[name]))
        if key:  # no row of a key twice, and none that is the same at both ends
            olds_of = {tuple(row[i] for i in key): row for row in before}
            news_of = {tuple(row[i] for i in key): row for row in late.rows[name]}
            wanted = sorted(k for k in set(olds_of) | set(news_of) if olds_of.get(k) != news_of.get(k))
            if sorted(tuple(row[i] for i in key) for row in answer.rows) != wanted:
                raise Wrong("%s\n    tells of the keys of %s\n    not of %s" % (query, answer.rows, wanted))

    def run(self):
        main, copy = Kimberlite(self.worker), Kimberlite(self.worker)
        try:
            history = History(self.draw, main)
            history.play()
            lasting = history.lasting
            places = sorted(self.draw.sample(range(len(lasting) + 1), min(STOPS, len(lasting) + 1)))
            stops = []
            for number, change in enumerate(lasting + [None]):
                if number in places:
                    # a moment is behind all definitions of its position
                    if change is not None and not change.moves and number + 1 not in places:
                        places.append(number + 1)
                    elif change is None or change.moves:
                        stops.append(self.stop(main, copy, history.end_position))
                if change is not None:
                    self.repeat(copy, change)
            if position(copy) != history.end_position:
                raise Wrong("the copy ends at %d, the history at %d" % (position(copy), history.end_position))
            for _ in range(min(len(stops) * 2, 8)):
                early, late = sorted(self.draw.sample(stops, 2), key=lambda s: s.at) if len(stops) > 1 else (stops[0],) * 2
                if early.at < late.at:
                    self.compare_pair(main, early, late)
            self.uses["history"] += 1
            for kind, count in history.uses.items():
                self.uses[kind] += count
        finally:
            codes = [main.close(), copy.close()]
        if codes != [0, 0]:
            raise Wrong("a worker ended with %s" % codes)

    def repeat(self, copy, change):
        answer = copy.ask(change.text)
        if self.verbose:
            print("    copy: %s" % change.text)
        if answer.sqlstate is not None or answer.count != change.count:
            raise Wrong("what lasted can not be repeated on the copy: %s\n    %s rows, there %s %s" %
                        (change.text, change.count, answer.count, answer.message or ""))
        for old, new in change.made:
            self.made += 1
            self.tables_made[new] = self.made if old is None else self.tables_made.pop(old)
        for gone in change.dropped:
            del self.tables_made[gone]
        for name in change.altered:
            self.altered[self.tables_made[name]] += 1

    def stop(self, main, copy, end):
        at = position(copy)
        if at > end:
            raise Wrong("the copy is at %d, the history ends at %d" % (at, end))
        schema = Schema(copy)
        rows = {name: rows_of(copy, "SELECT * FROM %s" % name).rows for name in schema.tables}
        stop = Stop(at, schema, rows, dict(self.tables_made), Counter(self.altered))
        for name in schema.tables:
            query = "SELECT * FROM %s AT OFFSET %d" % (name, at)
            same("table at %d" % at, "SELECT * FROM %s" % name, rows[name], query, rows_of(main, query).rows)
        self.compare_queries(main, copy, stop)
        self.uses["stop"] += 1
        return stop


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("worker")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-n", type=int, default=25, help="histories")
    parser.add_argument("--only", type=int, help="this one alone, with all it does")
    arguments = parser.parse_args()
    uses = Counter()
    numbers = range(arguments.n) if arguments.only is None else [arguments.only]
    for number in numbers:
        run = Run(arguments.worker, arguments.seed, number, uses, arguments.only is not None)
        try:
            run.run()
        except Wrong as wrong:
            print("history %d of seed %d: %s" % (number, arguments.seed, wrong))
            print("to repeat: %s %s --seed %d --only %d" % (sys.argv[0], arguments.worker, arguments.seed, number))
            return 1
    for kind in sorted(uses):
        print("%7d  %s" % (uses[kind], kind))
    compared = [make.__name__.replace("_", " ") for make in KINDS]
    compared += ["clause: each", "clause: block", "clause: position", "two moments", "versions", "difference: INSERT",
                 "difference: UPDATE", "difference: DELETE", "ROLLBACK TO", "ADD COLUMN", "DROP COLUMN", "DROP TABLE"]
    few = [kind for kind in compared if uses[kind] < USES_MIN]
    if len(numbers) >= 100 and few:
        print("asked fewer than %d times: %s" % (USES_MIN, ", ".join(few)))
        return 1
    print("seed %d: %d histories, %d stops, the past and the copy agree" % (arguments.seed, uses["history"], uses["stop"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
