#!/usr/bin/env python3
"""An independent reader of Kimberlite's log, written from docs/internals/formats.md alone.

    log_reader.py check DIR                 check every CRC, hash, chain and zero of a closed log
    log_reader.py name DIR FILE OFFSET      say which part holds a byte
    log_reader.py list DIR                  one line per entry

It shares no code with the database: what both say about the same bytes is evidence for the document.
Python 3 standard library only. Needs no key: bodies stay sealed.
"""

import hashlib
import os
import struct
import sys

PAGE = 4096
HEADER = 160
ENTRY = struct.Struct("<4sHBB16sIB3sQQQqQQIIII32s32s")
BLOCK = struct.Struct("<4sHH16sIIQQQqQQ32s32s12sI")
SEGMENT = struct.Struct("<4sHH16s16sIIQQQ32s")
SLOT = struct.Struct("<4sHH16s16sIIQQQQ32sQQqII")
assert ENTRY.size == HEADER and BLOCK.size == HEADER and SEGMENT.size == 104 and SLOT.size == 144


def crc_table():
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def sha256(data):
    return hashlib.sha256(data).digest()


class Damage(Exception):
    """The log is not what formats.md says."""


def need(condition, text):
    if not condition:
        raise Damage(text)


def align(size):
    return (size + PAGE - 1) // PAGE * PAGE


class Entry:
    def __init__(self, data, offset):
        raw = data[offset : offset + HEADER]
        need(len(raw) == HEADER, "the file ends in an entry header")
        (magic, version, self.kind, self.flags, self.uuid, self.tenant, self.codec, reserved, self.sequence,
         self.before, self.after, self.time, self.session, self.request, self.key_id, self.key_version, self.length,
         crc, self.previous, self.body_hash) = ENTRY.unpack(raw)
        need(magic == b"KMBE" and version == 1, f"no entry header at {offset}")
        need(crc == crc32c(raw[:92] + raw[96:]), f"CRC of the entry header at {offset}")
        need(reserved == bytes(3) and self.flags & ~3 == 0 and self.kind == 1 and self.codec <= 2, "entry fields")
        need(self.after >= self.before and self.sequence > 0, "entry positions")
        self.offset = offset
        self.end = offset + HEADER + self.length
        self.hash = sha256(b"\0" + raw)
        need(sha256(data[offset + HEADER : self.end]) == self.body_hash, f"body hash of the entry at {offset}")


class Block:
    def __init__(self, data, offset):
        raw = data[offset : offset + HEADER]
        (magic, version, self.flags, self.cluster, self.shard, self.count, self.op, self.view, self.synced, self.time,
         self.length, self.guard, self.previous, self.entries_hash, reserved, crc) = BLOCK.unpack(raw)
        need(magic == b"KMBB" and version == 1, f"no block header at {offset}")
        need(crc == crc32c(raw[:156]), f"CRC of the block header at {offset}")
        need(reserved == bytes(12) and self.flags == (0 if self.count else 1), "block fields")
        need(self.synced < self.op, "synced op")
        self.offset = offset
        self.hash = sha256(raw)
        self.entries = []
        at = offset + HEADER
        for _ in range(self.count):
            self.entries.append(Entry(data, at))
            at = self.entries[-1].end
        need(at == offset + HEADER + self.length, "length of the block")
        need(sha256(b"".join(entry.hash for entry in self.entries)) == self.entries_hash, "hash of the entries")
        self.padding = at
        self.end = offset + align(HEADER + self.length)
        need(not any(data[at : self.end]), "padding")


class Segment:
    def __init__(self, name, data):
        self.name = name
        self.size = len(data)
        (magic, version, reserved, self.uuid, self.cluster, self.shard, reserved2, self.first, size, self.guard,
         self.previous) = SEGMENT.unpack(data[: SEGMENT.size])
        need(magic == b"KMBG" and version == 1, f"{name}: no segment header")
        need(struct.unpack("<I", data[4092:4096])[0] == crc32c(data[:4092]), f"{name}: CRC of the segment header")
        need(reserved == 0 and reserved2 == 0 and not any(data[SEGMENT.size : 4092]), f"{name}: reserved bytes")
        need(size == len(data), f"{name}: size")
        need(name == f"{self.first:016x}.seg", f"{name}: first op {self.first}")
        self.blocks = []
        at = PAGE
        while at + PAGE <= len(data) and any(data[at : at + HEADER]):
            self.blocks.append(Block(data, at))
            at = self.blocks[-1].end
        self.tail = at
        need(not any(data[at:]), f"{name}: tail")


class Slot:
    def __init__(self, data, place):
        raw = data[place * PAGE : (place + 1) * PAGE]
        (magic, version, stated, self.uuid, self.cluster, self.shard, self.flags, self.guard, self.segment_bytes,
         self.generation, self.op, self.hash, self.segment, self.offset, self.time, length, reserved) = SLOT.unpack(
             raw[: SLOT.size])
        need(magic == b"KMBS" and version == 1 and stated == place, f"slot {place}")
        need(sha256(raw[:4064]) == raw[4064:], f"SHA-256 of slot {place}")
        need(length <= 512 and reserved == 0 and not any(raw[144 + length : 4064]), f"zeros of slot {place}")
        self.root = raw[144 : 144 + length]


class Log:
    """A closed log, read whole. Raises Damage at the first thing that is wrong."""

    def __init__(self, directory):
        names = sorted(os.listdir(directory))
        self.segments = []
        for name in names:
            need(name.endswith(".seg") or name in ("superblock", "spare"), f"{name} does not belong there")
            if name.endswith(".seg"):
                with open(os.path.join(directory, name), "rb") as file:
                    self.segments.append(Segment(name, file.read()))
        with open(os.path.join(directory, "superblock"), "rb") as file:
            superblock = file.read()
        need(len(superblock) == 4 * PAGE, "size of the superblock")
        self.slots = [Slot(superblock, place) for place in range(4)]
        self.check_blocks()
        self.check_tenants()
        self.check_slots()

    def check_blocks(self):
        first = self.segments[0]
        need(first.first == 1, "the first segment is missing")
        previous = sha256(b"kimberlite block genesis v1" + first.uuid + first.cluster + struct.pack("<I", first.shard))
        op = 0
        self.places = {0: (1, PAGE, previous)}
        for segment in self.segments:
            need(segment.first == op + 1, f"{segment.name}: expected op {op + 1}")
            need(segment.previous == previous, f"{segment.name}: previous hash")
            identity = (first.uuid, first.cluster, first.shard, first.guard)
            need((segment.uuid, segment.cluster, segment.shard, segment.guard) == identity, f"{segment.name}: identity")
            for block in segment.blocks:
                op += 1
                need(block.op == op and block.previous == previous, f"chain at op {op}")
                need((block.cluster, block.shard, block.guard) == identity[1:], f"identity at op {op}")
                previous = block.hash
                self.places[op] = (segment.first, block.offset, block.hash)
        self.last = op

    def check_tenants(self):
        tenants = {}
        for segment in self.segments:
            for block in segment.blocks:
                part = None
                for entry in block.entries:
                    need(part is None or part == entry.tenant, f"parts at op {block.op}")
                    part = None if entry.flags & 1 else entry.tenant
                    genesis = sha256(b"kimberlite tenant genesis v1" + entry.uuid + struct.pack("<I", entry.tenant))
                    sequence, position, previous, time, whole = tenants.get(entry.tenant, (0, 0, genesis, None, True))
                    need(entry.sequence == sequence + 1, f"sequence at op {block.op}")
                    need(entry.before == position, f"position at op {block.op}")
                    need(entry.previous == previous, f"tenant chain at op {block.op}")
                    need(time is None or (entry.time > time if whole else entry.time == time), f"time at op {block.op}")
                    tenants[entry.tenant] = (entry.sequence, entry.after, entry.hash, entry.time, part is None)
                need(part is None, f"parts at op {block.op}")

    def check_slots(self):
        newest = max(self.slots, key=lambda slot: slot.generation)
        for slot in self.slots:
            need(slot.op in self.places, "a slot names an op after the end")
            need((slot.segment, slot.offset, slot.hash) == self.places[slot.op], f"the slot of op {slot.op}")
        need(newest.flags == 1 and newest.op == self.last, "the log is not closed")

    def name(self, file, offset):
        """The part that holds a byte: (part, offset of its first byte, op, entry index, tenant, sequence, position)."""
        if file == "superblock":
            return ("superblock slot", offset // PAGE * PAGE, 0, 0, 0, 0, 0)
        segment = next(segment for segment in self.segments if segment.name == file)
        need(offset < segment.size, "after the end of the file")
        if offset < PAGE:
            return ("segment header", 0, segment.first, 0, 0, 0, 0)
        for block in segment.blocks:
            if offset >= block.end:
                continue
            if offset < block.offset + HEADER:
                return ("block header", block.offset, block.op, 0, 0, 0, 0)
            for index, entry in enumerate(block.entries):
                if offset < entry.end:
                    return ("entry", entry.offset, block.op, index, entry.tenant, entry.sequence, entry.before)
            return ("padding", block.padding, block.op, 0, 0, 0, 0)
        return ("segment tail", segment.tail, 0, 0, 0, 0, 0)


def describe(name, file):
    part, start, op, index, tenant, sequence, position = name
    text = f"{file}: {part} at byte {start}"
    if part in ("block header", "entry", "padding"):
        text += f", op {op}"
    if part == "entry":
        text += f", entry {index}, tenant {tenant}, sequence {sequence}, position {position}"
    return text


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "check":
        log = Log(arguments[1])
        print(f"whole: {len(log.segments)} segments, {log.last} ops")
    elif len(arguments) == 4 and arguments[0] == "name":
        print(describe(Log(arguments[1]).name(arguments[2], int(arguments[3], 0)), arguments[2]))
    elif len(arguments) == 2 and arguments[0] == "list":
        for segment in Log(arguments[1]).segments:
            for block in segment.blocks:
                for index, entry in enumerate(block.entries):
                    print(f"{segment.name} {entry.offset} op {block.op} entry {index} tenant {entry.tenant} "
                          f"sequence {entry.sequence} positions {entry.before}-{entry.after} hash {entry.hash.hex()}")
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Damage as damage:
        print(f"damaged: {damage}", file=sys.stderr)
        sys.exit(1)
