#!/usr/bin/env python3
"""Do the database and the independent reader name the same part for the same byte?

    compare.py NAME_FLIPS DIR...

NAME_FLIPS (name_flips.c) flips one bit of a closed log at a time and prints what log_verify names. The reader says from
the untouched log which part holds that byte. Both must agree for every one, and the reader must find what verify finds.
"""

import os
import random
import subprocess
import sys

import log_reader

FLIPS_MIN = 20000


def bits_of(directory, log, generator):
    """Every bit of every header, and a sample of everything else."""
    for segment in log.segments:
        for offset in range(segment.size):
            part, start = log.name(segment.name, offset)[:2]
            header = part in ("block header",) or (part == "entry" and offset < start + 160) or offset < 112
            if header or offset % 4096 >= 4090:
                yield from ((segment.name, offset, bit) for bit in range(8))
            elif generator.random() < 0.04:
                yield segment.name, offset, generator.randrange(8)
    for offset in range(4 * 4096):
        if offset % 4096 < 660 or offset % 4096 >= 4060 or generator.random() < 0.02:
            yield "superblock", offset, generator.randrange(8)


def main(arguments):
    program = arguments[0]
    checked = 0
    for directory in arguments[1:]:
        log = log_reader.Log(directory)
        bits = list(bits_of(directory, log, random.Random(20240607)))
        text = "".join(f"{file} {offset} {bit}\n" for file, offset, bit in bits)
        result = subprocess.run([program, directory], input=text, capture_output=True, text=True, check=True)
        lines = result.stdout.splitlines()
        assert len(lines) == len(bits), (len(lines), len(bits), result.stderr)
        for (file, offset, bit), line in zip(bits, lines):
            part, start, op, index, tenant, sequence, position = log.name(file, offset)
            expected = f"{part}|{file}|{start}|{op}|{index}|{tenant}|{sequence}|{position}"
            if line != expected:
                print(f"{directory}/{file} byte {offset} bit {bit}: verify says {line}, the reader {expected}")
                return 1
        checked += len(bits)
        print(f"{os.path.basename(directory)}: {len(bits)} flipped bits, all named alike")
    if checked < FLIPS_MIN:
        print(f"only {checked} bits were flipped, not {FLIPS_MIN}")
    return 0 if checked >= FLIPS_MIN else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
