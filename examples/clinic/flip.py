#!/usr/bin/env python3
"""Flips one bit of a log, and says which entry holds it.

    flip.py SEED LOG_DIRECTORY

The bit is chosen by the seed among all bits of all entries. Where entries stand is read from the segments as
docs/internals/formats.md describes them, by this file alone: it shares no code with what has to find the damage.
Prints: segment, byte, bit, op, tenant, entry.
"""

import random
import sys
from pathlib import Path

HEADER = 160  # bytes of a block's header and of an entry's
PAGE = 4096  # blocks begin at multiples of it


def number(data, at, size):
    return int.from_bytes(data[at : at + size], "little")


def entries_of(data):
    """Yields (first byte, bytes, op, tenant, entry) of each entry in a segment."""
    block = PAGE
    while data[block : block + 4] == b"KMBB":
        op, length = number(data, block + 32, 8), number(data, block + 64, 8)
        at, end = block + HEADER, block + HEADER + length
        while at < end:
            assert data[at : at + 4] == b"KMBE", f"no entry at byte {at}"
            size = HEADER + number(data, at + 88, 4)
            yield at, size, op, number(data, at + 24, 4), number(data, at + 32, 8)
            at += size
        block = -(-end // PAGE) * PAGE


def main():
    seed, directory = int(sys.argv[1]), Path(sys.argv[2])
    segments = sorted(directory.glob("*.seg"))
    places = [(path, *entry) for path in segments for entry in entries_of(path.read_bytes())]
    chosen = random.Random(seed).randrange(sum(place[2] for place in places) * 8)
    for path, at, size, op, tenant, entry in places:
        if chosen < size * 8:
            byte, bit = at + chosen // 8, chosen % 8
            with path.open("r+b") as file:
                file.seek(byte)
                old = file.read(1)[0]
                file.seek(byte)
                file.write(bytes([old ^ (1 << bit)]))
            print(path.name, byte, bit, op, tenant, entry)
            return
        chosen -= size * 8


main()
