"""What every Python client's program shares: areas are functions; each prints "ok NAME" or "fail NAME why"."""
import sys
import threading
import time
import traceback

LONG = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a + b = 0"


def run(areas):
    """areas: functions in order; a name is the function's with blanks for underscores."""
    failed = False
    for area in areas:
        name = area.__name__.replace("_", " ")
        try:
            area()
            print("ok\t%s" % name, flush=True)
        except Exception as error:  # whatever a client throws
            failed = True
            print("fail\t%s\t%s: %s" % (name, type(error).__name__, " ".join(str(error).split())[:300]), flush=True)
            traceback.print_exc()
    sys.exit(1 if failed else 0)


def later(seconds, function):
    thread = threading.Timer(seconds, function)
    thread.start()
    return thread


def must_fail(function, kind, check=lambda error: True):
    try:
        function()
    except kind as error:
        assert check(error), repr(error)
        return error
    raise AssertionError("no error")


def equal(a, b):
    assert a == b, "%r is not %r" % (a, b)


def soon(begun, seconds=5):
    assert time.monotonic() - begun < seconds, "after %.1f s" % (time.monotonic() - begun)
