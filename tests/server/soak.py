#!/usr/bin/env python3
"""A server under mixed load, killed every minute, and on a disk that fills up: nothing acknowledged is lost, nothing grows.

    tests/server/soak.py [--minutes M] [--round SECONDS] [--seed N] [--record FILE]     BUILD: the build directory

Prints what it saw as a page of Markdown, --record writes it to a file too. Ends with 1 at the first thing that is wrong.
"""
import argparse
import collections
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import load
import raw
from serve import PROGRAM, Failure, Server, until
from test_abuse import SmallDisk
from checks import Skip

SAMPLE_SECONDS = 10  # when a round's first figures are taken: all have connected, caches are warm
CACHE = "24MB"  # full within the first round, so that the database's growth is not taken for the server's
MEMORY_GROWTH_MAX = 0.25  # of the last rounds' median over the first's; the database grows meanwhile
MEMORY_SLACK_BYTES = 32 << 20
DESCRIPTOR_SLACK = 3
DISK_MEGABYTES = 700
DISK_CYCLES = 3
DISK_FULL_SECONDS = 6
SETTLE_SECONDS = 15
KINDS = ("inserts", "native", "events", "copied rows", "transfers", "conflicts", "reads", "notified", "connects", "cancelled")


def mixed():
    return [load.Inserts(1), load.Inserts(2), load.NativeInserts(3), load.Appends(4), load.Copies(5), load.Transfers(6), load.Transfers(7),
            load.Transfers(8), load.Reads(9), load.Reads(10), load.Notices(11), load.Comers(12), load.Cancels(13)]


class Run:
    """The loads at work on a server, each in its thread, until it is stopped or killed."""

    def __init__(self, loads, port):
        self.over, self.counts, self.faults = threading.Event(), collections.Counter(), []
        self.threads = [threading.Thread(target=self.drive, args=(one, port)) for one in loads]
        for thread in self.threads:
            thread.start()

    def drive(self, one, port):
        try:
            one.connect(port)
            try:
                while not self.over.is_set():
                    one.step(self.counts)
            finally:
                one.disconnect()
        except (raw.Closed, OSError) as failure:
            if not self.over.is_set():
                self.faults.append("%s %d was cut off: %r" % (type(one).__name__, one.number, failure))
        except Exception as failure:  # whatever a client sees is told at the end of the round
            self.faults.append("%s %d: %s: %s" % (type(one).__name__, one.number, type(failure).__name__, failure))

    def wait(self, seconds):
        """Lets them work; ends early when one of them has failed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.faults:
            time.sleep(0.1)

    def join(self):
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                self.faults.append("a client waits for ever")
        if self.faults:
            raise Failure("; ".join(self.faults[:5]))


def offline(server, *words):
    """A verb of the program on the directory of a server that is down."""
    run = subprocess.run([PROGRAM, *words, "--data", server.data, "--key", server.key], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Failure("%s: status %d\n%s%s" % (" ".join(words), run.returncode, run.stdout, run.stderr))
    return run.stdout


def verified(server, checkpoint):
    """The directory is whole and holds what the last checkpoint taken from it promised; takes the next."""
    begun = time.monotonic()
    told = offline(server, "verify", *(["--checkpoint", checkpoint] if os.path.exists(checkpoint) else []))
    if not told.startswith("whole"):
        raise Failure("verify: " + told)
    spent = time.monotonic() - begun
    with open(checkpoint, "w", encoding="utf-8") as file:
        file.write(offline(server, "proof", "checkpoint"))
    return spent


def restarted(server, loads):
    """Starts the server and lets every load look for what was acknowledged to it; answers seconds until the first answer."""
    begun = time.monotonic()
    server.start()
    with raw.Client(server.port) as client:
        client.rows("SELECT 1")
        spent = time.monotonic() - begun
        client.socket.settimeout(120)
        for one in loads:
            one.check(server.port, client)
    server.kill()  # what looking has left in memory is not the next round's
    server.start()
    return spent


def prepared(server, loads):
    with raw.Client(server.port) as client:
        for one in loads:
            one.prepare(client)


def killed_again_and_again(server, arguments, chance, say):
    """The rounds; answers their figures."""
    loads, rounds = mixed(), []
    checkpoint = os.path.join(server.directory, "checkpoint")
    end = time.monotonic() + arguments.minutes * 60
    prepared(server, loads)
    while not rounds or time.monotonic() < end:
        idle = server.descriptors()
        run = Run(loads, server.port)
        seconds = arguments.round * chance.uniform(0.9, 1.1)
        run.wait(min(SAMPLE_SECONDS, seconds / 2))
        figures = {"start": (server.resident_bytes(), server.descriptors())}
        run.wait(seconds - min(SAMPLE_SECONDS, seconds / 2))
        figures["end"] = (server.resident_bytes(), server.descriptors())
        run.over.set()
        server.kill()
        run.join()
        figures.update(counts=run.counts, verify=verified(server, checkpoint), idle=idle)
        figures["restart"] = restarted(server, loads)
        rounds.append(figures)
        say(row(len(rounds), figures))
    return rounds


def row(number, figures):
    (memory, descriptors), (memory_end, descriptors_end) = figures["start"], figures["end"]
    return "| " + " | ".join(
        [str(number)] + ["%d" % figures["counts"][kind] for kind in KINDS] +
        ["%.2f" % figures["restart"], "%.1f" % figures["verify"], "%d → %d" % (memory >> 20, memory_end >> 20),
         "%d → %d" % (descriptors, descriptors_end)]) + " |"


def head(say):
    names = ["round", *KINDS, "restart s", "verify s", "memory MiB", "descriptors"]
    say("| " + " | ".join(names) + " |")
    say("|" + " --- |" * len(names))


def nothing_grew(rounds, say):
    """Medians of the last third of the rounds beside the first third's."""
    third = max(1, len(rounds) // 3)
    for when in ("start", "end"):
        memory = [statistics.median(one[when][0] for one in part) for part in (rounds[:third], rounds[-third:])]
        descriptors = [statistics.median(one[when][1] for one in part) for part in (rounds[:third], rounds[-third:])]
        say("At a round's %s, median of the first third of the rounds and of the last: memory %d and %d MiB, descriptors %d and %d.\n"
            % (when, memory[0] / 2**20, memory[1] / 2**20, descriptors[0], descriptors[1]))
        if memory[1] > memory[0] * (1 + MEMORY_GROWTH_MAX) + MEMORY_SLACK_BYTES:
            raise Failure("memory has grown")
        if descriptors[1] > descriptors[0] + DESCRIPTOR_SLACK:
            raise Failure("descriptors have grown")


def settles(server, say):
    """A last round that nobody kills: when its clients have gone, so have their descriptors."""
    loads = [one for one in mixed() if isinstance(one, (load.Reads, load.Notices, load.Comers, load.Cancels))]
    idle = server.descriptors()
    run = Run(loads, server.port)
    run.wait(SETTLE_SECONDS)
    run.over.set()
    run.join()
    until(lambda: server.descriptors() <= idle, 10, "descriptors of clients that are gone are closed")
    say("After the last clients had gone the server held %d descriptors, %d before they came.\n" % (server.descriptors(), idle))


def full_disk(arguments, chance, say):
    """Under load the disk fills: writes are refused with 53100, reads go on, and with room again writes do, without a restart."""
    with SmallDisk(DISK_MEGABYTES) as disk, Server(data=os.path.join(disk.path, "data")) as server:
        loads = [load.Inserts(1), load.NativeInserts(2), load.Appends(3), load.Copies(4), load.Transfers(5), load.Reads(6)]
        prepared(server, loads)
        ballast = os.path.join(disk.path, "ballast")
        for cycle in range(DISK_CYCLES):
            run = Run(loads, server.port)
            run.wait(2)
            for one in loads:
                one.room = False
            refused = fill(disk, ballast, run)
            before = run.counts.copy()
            run.wait(DISK_FULL_SECONDS)
            during = run.counts - before
            if not during["refused"] or not during["reads"]:
                run.over.set()
                run.join()
                raise Failure("on a full disk: %s" % dict(during))
            os.unlink(ballast)
            begun = time.monotonic()
            before = run.counts.copy()
            while not all((run.counts - before)[kind] for kind in ("inserts", "native", "events", "copied rows", "transfers")):
                if run.faults or time.monotonic() - begun > 20:
                    run.over.set()
                    run.join()
                    raise Failure("with room again: %s" % dict(run.counts - before))
                time.sleep(0.05)
            spent = time.monotonic() - begun
            run.wait(2)
            run.over.set()
            server.kill()
            run.join()
            for one in loads:
                one.room = True
            seconds = verified(server, os.path.join(server.directory, "checkpoint"))
            restart = restarted(server, loads)
            say("Disk full, time %d: refused after %.1f s of filling; in %d s %d writes refused with 53100 and %d reads answered; with room"
                " again every kind of write went on within %.1f s; killed, whole (verify %.1f s), restarted in %.2f s, nothing lost.\n"
                % (cycle + 1, refused, DISK_FULL_SECONDS, during["refused"], during["reads"], spent, seconds, restart))


def fill(disk, ballast, run):
    """Takes what room there is until writes are refused; answers after how long."""
    begun = time.monotonic()
    with open(ballast, "wb", buffering=0) as file:
        while not run.counts["refused"] and not run.faults:
            try:
                file.write(b"\0" * (1 << 20))
            except OSError:
                time.sleep(0.05)
            if time.monotonic() - begun > 60:
                run.over.set()
                run.join()
                raise Failure("no write is refused on a full disk")
        while True:
            try:
                file.write(b"\0" * (1 << 16))
            except OSError:
                return time.monotonic() - begun


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--round", type=float, default=60, metavar="SECONDS")
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--record", metavar="FILE")
    arguments = options.parse_args()
    seed = arguments.seed if arguments.seed is not None else int(time.time())
    chance = random.Random(seed)
    lines = []

    def say(line):
        lines.append(line)
        print(line, flush=True)

    begun = time.monotonic()
    code = 0
    say("%g minutes, kill -9 about every %g s, seed %d, %d cores.\n" % (arguments.minutes, arguments.round, seed, os.cpu_count()))
    try:
        with Server({"storage.cache": CACHE}) as server:
            head(say)
            rounds = killed_again_and_again(server, arguments, chance, say)
            total = sum((one["counts"] for one in rounds), collections.Counter())
            say("")
            say("In all: " + ", ".join("%d %s" % (total[kind], kind) for kind in KINDS) + ".\n")
            nothing_grew(rounds, say)
            settles(server, say)
        try:
            full_disk(arguments, chance, say)
        except Skip as why:
            say("Full disk: not tried: %s.\n" % why)
        say("%d rounds, every acknowledged write found after each, no part of any other, verified whole each time; %d minutes."
            % (len(rounds), (time.monotonic() - begun) / 60))
    except (Failure, AssertionError) as failure:
        say("")
        say("**Failed**: %s" % failure)
        code = 1
    if arguments.record:
        write_record(arguments.record, lines)
    sys.exit(code)


def write_record(path, lines):
    """Behind what the file says about the soak, up to its line of three stars, stands the last run."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if "\n***\n" not in text:
        sys.exit("%s has no line ***, behind which the record would stand" % path)
    with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(path) or ".", delete=False, encoding="utf-8") as file:
        file.write(text.split("\n***\n")[0] + "\n***\n\n" + "\n".join(lines).rstrip() + "\n")
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


if __name__ == "__main__":
    main()
