"""Runs the functions named test_... of a file, some at a time, and counts: the last line is "P passed, F failed"."""
import concurrent.futures
import os
import sys
import time
import traceback

WORKERS = 4  # most tests wait more than they compute


class Skip(Exception):
    """What a test needs is not here; the text says what."""


def _run(function):
    begun = time.monotonic()
    try:
        function()
        outcome = "passed", ""
    except Skip as why:
        outcome = "skipped", str(why)
    except Exception:  # whatever a test throws is its failure
        outcome = "failed", traceback.format_exc()
    return outcome + (time.monotonic() - begun,)


def run(names, workers=WORKERS):
    """names: globals() of the test file. Arguments: words that a test's name must contain one of. Answers the counts."""
    words = sys.argv[1:]
    tests = [(name, function) for name, function in names.items() if name.startswith("test_")
             and callable(function) and (not words or any(word in name for word in words))]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for (name, _), (outcome, why, seconds) in zip(tests, pool.map(_run, [function for _, function in tests])):
            counts[outcome] += 1
            if outcome != "passed" or os.environ.get("VERBOSE"):
                print("%s %s (%.1f s) %s" % (outcome, name, seconds, why), flush=True)
    return counts["passed"], counts["failed"]


def finish(passed, failed):
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


def main(names, workers=WORKERS):
    finish(*run(names, workers))
