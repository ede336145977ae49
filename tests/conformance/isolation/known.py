"""Histories written by hand, with the anomaly each of them has: the checker must name it, before it is believed."""

from graph import Graph, Read, Transaction, Write


def _wanted(*rows):
    return lambda row, group: row in rows


def _transaction(number, began, ended, writes=(), reads=(), committed=True):
    transaction = Transaction(number, began)
    transaction.ended, transaction.committed = ended, committed
    transaction.writes = [Write(token, "a", row, 0) for token, row in writes]
    for step, rows, wanted, *own in reads:
        transaction.reads.append(Read(step, "a", rows, wanted, {("a", k): v for k, v in own[0].items()} if own else {}))
    return transaction


def histories():
    T = _transaction
    first = T(1, 0, 1, writes=[("x", 1), ("y", 2)])
    yield "serial", set(), [first, T(2, 2, 3, writes=[("p", 1)], reads=[(2, {1: ["x"]}, _wanted(1))])], \
        {1: ["x", "p"], 2: ["y"]}
    yield "dirty write", {"G0"}, [T(1, 0, 8, writes=[("a", 1), ("c", 2)]), T(2, 1, 9, writes=[("b", 1), ("d", 2)])], \
        {1: ["a", "b"], 2: ["d", "c"]}
    yield "aborted read", {"G1a"}, [first, T(2, 2, 9, writes=[("p", 1)], committed=False),
                                    T(3, 3, 5, reads=[(4, {1: ["x", "p"]}, _wanted(1))])], {1: ["x"], 2: ["y"]}
    yield "dirty read", {"G1a"}, [first, T(2, 2, 9, writes=[("p", 1)]),
                                  T(3, 3, 5, reads=[(4, {1: ["x", "p"]}, _wanted(1))])], {1: ["x", "p"], 2: ["y"]}
    yield "intermediate read", {"G1b"}, [first, T(2, 2, 4, writes=[("p", 1), ("q", 1)]),
                                         T(3, 3, 9, reads=[(5, {1: ["x", "p"]}, _wanted(1))])], \
        {1: ["x", "p", "q"], 2: ["y"]}
    yield "circular information", {"G1c"}, [
        first, T(2, 2, 8, writes=[("p", 1)], reads=[(9, {2: ["y", "q"]}, _wanted(2))]),
        T(3, 3, 8, writes=[("q", 2)], reads=[(9, {1: ["x", "p"]}, _wanted(1))])], {1: ["x", "p"], 2: ["y", "q"]}
    yield "lost update", {"lost update"}, [first, T(2, 2, 5, writes=[("p", 1)]), T(3, 3, 6, writes=[("q", 1)])], \
        {1: ["x", "q"], 2: ["y"]}
    yield "read skew", {"G-single"}, [first, T(2, 3, 5, writes=[("p", 1), ("q", 2)]),
                                      T(3, 2, 9, reads=[(4, {1: ["x"]}, _wanted(1)), (6, {2: ["y", "q"]}, _wanted(2))])], \
        {1: ["x", "p"], 2: ["y", "q"]}
    yield "write skew", {"G2-item"}, [
        first, T(2, 2, 8, writes=[("p", 1)], reads=[(4, {1: ["x"], 2: ["y"]}, _wanted(1, 2))]),
        T(3, 3, 9, writes=[("q", 2)], reads=[(5, {1: ["x"], 2: ["y"]}, _wanted(1, 2))])], {1: ["x", "p"], 2: ["y", "q"]}
    yield "phantoms", {"G2"}, [
        first, T(2, 2, 8, writes=[("p", 7)], reads=[(4, {}, _wanted(8))]),
        T(3, 3, 9, writes=[("q", 8)], reads=[(5, {}, _wanted(7))])], {1: ["x"], 2: ["y"], 7: ["p"], 8: ["q"]}
    yield "read-only anomaly", {"G2-item"}, [
        first, T(2, 2, 9, writes=[("p", 1)], reads=[(3, {1: ["x"], 2: ["y"]}, _wanted(1, 2))]),
        T(3, 4, 5, writes=[("q", 2)], reads=[(4, {2: ["y"]}, _wanted(2))]),
        T(4, 6, 7, reads=[(6, {1: ["x"], 2: ["y", "q"]}, _wanted(1, 2))])], {1: ["x", "p"], 2: ["y", "q"]}
    yield "long fork", {"G-nonadjacent"}, [
        first, T(2, 2, 5, writes=[("p", 1)]), T(3, 2, 5, writes=[("q", 2)]),
        T(4, 3, 9, reads=[(6, {1: ["x", "p"], 2: ["y"]}, _wanted(1, 2))]),
        T(5, 3, 9, reads=[(6, {1: ["x"], 2: ["y", "q"]}, _wanted(1, 2))])], {1: ["x", "p"], 2: ["y", "q"]}
    yield "stale read", {"stale read"}, [first, T(2, 2, 3, reads=[(2, {}, _wanted(3)), (2, {1: ["x"]}, _wanted(1))]),
                                         T(3, 4, 5, writes=[("p", 1)]),
                                         T(4, 6, 7, reads=[(6, {1: ["x"]}, _wanted(1))])], {1: ["x", "p"], 2: ["y"]}
    yield "row not found", {"missed row"}, [first, T(2, 2, 3, reads=[(2, {}, _wanted(1))])], {1: ["x"], 2: ["y"]}
    yield "own write not read", {"internal"}, [
        first, T(2, 2, 4, writes=[("p", 1)], reads=[(3, {1: ["x"]}, _wanted(1), {1: ["p"]})])], {1: ["x", "p"], 2: ["y"]}


def check():
    """The names of the histories that the checker gets wrong."""
    wrong = []
    for name, wanted, transactions, final in histories():
        graph = Graph(transactions, {("a", row): order for row, order in final.items()}, {})
        got = {anomaly.name for anomaly in graph.anomalies}
        if got != wanted:
            wrong.append("%s: %s instead of %s" % (name, sorted(got), sorted(wanted)))
    return wrong
