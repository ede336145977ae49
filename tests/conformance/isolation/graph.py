"""The dependency graph of a history of transactions, and the anomalies in it.

Rows are lists: each write of a row appends a token of its own to the row's log, so that a log read anywhere says which
writes came before it, in their order (as Elle does it: Kingsbury and Alvaro, 2020). From the logs come the edges of
Adya's graph (Generalized Isolation Level Definitions, 2000) between committed transactions:

    ww   the next version of a row is the other one's
    wr   it read the other one's version
    rw   it read a version, and the other one wrote the next
    prw  the same by a predicate: a row that it did not find, or one that the other one made, moved or deleted

A read names what it asked for, as a condition on a row's id and group; for a row that it did not find, the version it
saw is one of those that do not match, be it one that came only later: a row that came and went again in between was not
missed by anybody. Where several can be meant, only what is true of all of them becomes an edge: so a cycle found is one,
and a wrong answer of the database may escape in one history and not in thousands.
"""

ITEM, PREDICATE = "rw", "prw"


class Write:
    """One token. group: of the row from then on."""

    def __init__(self, token, table, row, group):
        self.token, self.table, self.row, self.group = token, table, row, group


class Read:
    """Rows found: id -> tokens. wanted(row, group): what was asked for. own: what the transaction had written by then."""

    def __init__(self, step, table, rows, wanted, own):
        self.step, self.table, self.rows, self.wanted, self.own = step, table, rows, wanted, own


class Transaction:
    def __init__(self, number, began):
        self.number, self.began = number, began
        self.ended = None
        self.committed = False
        self.writes = []  # that lasted
        self.deletes = {}  # that lasted: (table, id) -> tokens it had
        self.reads = []

    def __repr__(self):
        return "T%d" % self.number


class Anomaly:
    def __init__(self, name, text):
        self.name, self.text = name, text

    def __str__(self):
        return "%s: %s" % (self.name, self.text)


class Graph:
    """transactions: all, in the order they began. final: (table, id) -> tokens at the end; last: of deleted rows, as the
    one that deleted them saw them."""

    def __init__(self, transactions, final, last):
        self.transactions = transactions
        self.committed = [t for t in transactions if t.committed]
        self.anomalies = []
        self.edges = {}  # from -> to -> set of kinds
        self.reasons = {}  # (from, to, kind) -> text
        self.writes = {}  # token -> (transaction, write)
        self.deleters = {}  # (table, id) -> transaction
        self.orders = {**final, **last}
        for transaction in self.committed:
            for write in transaction.writes:
                self.writes[write.token] = (transaction, write)
            for row in transaction.deletes:
                if row in self.deleters:
                    self.found("G0", "%r and %r both deleted %s" % (self.deleters[row], transaction, row))
                self.deleters[row] = transaction
        self.check_orders()
        for transaction in self.committed:
            for read in transaction.reads:
                self.add_read(transaction, read)
        self.find_cycles()

    def found(self, name, text):
        self.anomalies.append(Anomaly(name, text))

    def edge(self, before, after, kind, why):
        if before is not after:
            self.edges.setdefault(before, {}).setdefault(after, set()).add(kind)
            self.reasons.setdefault((before, after, kind), why)

    # --- versions

    def writer(self, row, version):
        """Of version 1, 2 …; behind the last one stands the deletion."""
        order = self.orders[row]
        return self.writes[order[version - 1]][0] if version <= len(order) else self.deleters[row]

    def version_count(self, row):
        return len(self.orders[row]) + (row in self.deleters)

    def check_orders(self):
        for row, order in list(self.orders.items()):
            for token in order:
                if token not in self.writes:
                    self.found("G1a", "%s has %s, which no committed transaction wrote" % (row, token))
            self.orders[row] = [token for token in order if token in self.writes]
        for token, (transaction, write) in self.writes.items():
            row = (write.table, write.row)
            if token not in self.orders.get(row, ()):
                self.found("lost update", "%s of %r is not in %s: %s" %
                           (token, transaction, row, self.orders.get(row)))
                self.orders.setdefault(row, [])
        for row, order in self.orders.items():
            for version in range(2, self.version_count(row) + 1):
                self.edge(self.writer(row, version - 1), self.writer(row, version), "ww", "%s version %d" % (row, version))

    def known_by(self, row, step):
        """The versions that were committed before a step."""
        version = 0
        while version < self.version_count(row) and self.writer(row, version + 1).ended < step:
            version += 1
        return version

    # --- reads

    def add_read(self, transaction, read):
        for found, log in read.rows.items():
            self.add_found(transaction, read, (read.table, found), log)
        for row in self.orders:
            if row[0] == read.table and row[1] not in read.rows:
                self.add_absent(transaction, read, row)

    def add_found(self, transaction, read, row, log):
        own = read.own.get(row, [])
        if own is None:
            self.found("internal", "%r still reads %s, which it has deleted" % (transaction, row))
            return
        if log[len(log) - len(own):] != own:
            self.found("internal", "%r reads %s as %s without its own %s" % (transaction, row, log, own))
            return
        version = len(log) - len(own)
        log = log[:version]
        order = self.orders.setdefault(row, [])
        unknown = [token for token in log if token not in self.writes]
        if unknown:
            self.found("G1a", "%r read %s as %s: %s was never committed" % (transaction, row, log, unknown))
            return
        if order[:version] != log:
            self.found("incompatible order", "%r read %s as %s, and it is %s" % (transaction, row, log, order))
            return
        if version > self.known_by(row, read.step):
            self.found("G1a", "%r read %s as %s before that was committed" % (transaction, row, log))
        if version < self.known_by(row, transaction.began):
            self.found("stale read", "%r read %s as %s, older than its beginning" % (transaction, row, log))
        if version > 0:
            wrote = self.writer(row, version)
            self.edge(wrote, transaction, "wr", "%s version %d" % (row, version))
            if version < len(order) and wrote is not transaction and self.writer(row, version + 1) is wrote:
                self.found("G1b", "%r read %s as %s, in the middle of %r" % (transaction, row, log, wrote))
        if version < self.version_count(row) and (version == 0 or self.writer(row, version + 1) is not wrote):
            self.edge(transaction, self.writer(row, version + 1), ITEM, "%s version %d" % (row, version + 1))

    def matches(self, read, row, version):
        order = self.orders[row]
        if version == 0 or version > len(order):
            return False
        return read.wanted(row[1], self.writes[order[version - 1]][1].group)

    def add_absent(self, transaction, read, row):
        count = self.version_count(row)
        matching = [self.matches(read, row, version) for version in range(count + 1)]
        if row in read.own or True not in matching:
            return
        known = self.known_by(row, transaction.began)
        possible = [v for v in range(known, count + 1) if not matching[v]]
        if not possible:
            self.found("missed row", "%r did not find %s, which was there when it began" % (transaction, row))
            return
        for version in range(max(possible) + 1, count + 1):
            if matching[version]:
                self.edge(transaction, self.writer(row, version), PREDICATE, "%s version %d" % (row, version))
                break
        for version in range(min(possible), 0, -1):
            if matching[version] != matching[version - 1]:
                self.edge(self.writer(row, version), transaction, "wr", "%s version %d, not found" % (row, version))
                break

    # --- cycles

    def way(self, start, goal, kinds, alternate=False):
        """The shortest way of edges of these kinds; alternate: never one rw after the other, nor as the first or last."""
        begun = (start, True)
        parents = {begun: None}
        queue = [begun]
        while queue:
            state = queue.pop(0)
            node, read_last = state
            for other, there in self.edges.get(node, {}).items():
                for kind in sorted(there):
                    reads = kind in (ITEM, PREDICATE)
                    if kind not in kinds or (alternate and reads and read_last):
                        continue
                    if other is goal and not (alternate and reads):
                        return self.unwind(parents, state) + [(node, other, kind)]
                    following = (other, reads if alternate else True)
                    if following not in parents:
                        parents[following] = (state, kind)
                        queue.append(following)
        return None

    @staticmethod
    def unwind(parents, state):
        way = []
        while parents[state] is not None:
            before, kind = parents[state]
            way.append((before[0], state[0], kind))
            state = before
        return way[::-1]

    def describe(self, cycle):
        return "; ".join("%r -%s-> %r (%s)" % (a, k, b, self.reasons[(a, b, k)]) for a, b, k in cycle)

    def drop_loose(self):
        """Edges that lead out of a node that none leads into, or into one that none leaves, are in no cycle."""
        while True:
            entered = {after for others in self.edges.values() for after in others}
            left = set(self.edges)
            loose = [(a, b) for a, others in self.edges.items() for b in others if a not in entered or b not in left]
            if not loose:
                return
            for before, after in loose:
                del self.edges[before][after]
                if not self.edges[before]:
                    del self.edges[before]

    def find_cycles(self):
        """One cycle of each name is enough, and of each the smallest that names it."""
        self.drop_loose()
        base = ("ww", "wr")
        searches = (("G0", ("ww",), ("ww",), False), ("G1c", ("wr",), base, False),
                    ("G-single", (ITEM, PREDICATE), base, False),
                    ("G-nonadjacent", (ITEM, PREDICATE), base + (ITEM, PREDICATE), True),
                    ("G2-item", (ITEM,), base + (ITEM,), False),
                    ("G2", (PREDICATE,), base + (ITEM, PREDICATE), False))
        for name, firsts, kinds, alternate in searches:
            for before, after, first in ((a, b, k) for a, others in self.edges.items() for b, there in others.items()
                                         for k in sorted(there) if k in firsts):
                way = self.way(after, before, kinds, alternate)
                if way is not None:
                    self.found(name, self.describe([(before, after, first)] + way))
                    break
            if self.anomalies and name in ("G-single", "G-nonadjacent"):
                names = {a.name for a in self.anomalies}
                if names & {"G0", "G1c", "G-single", "G-nonadjacent"}:
                    break  # a worse one than those that follow
