"""A Kimberlite server in a scratch directory: started on a free port, stopped or killed, started again, cleaned up."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 40
PROGRAM = os.environ.get("KIMBERLITE") or os.path.join(os.environ.get("BUILD", "build"), "kimberlite")


class Failure(Exception):
    """The server does not start, does not stop or did not leave in peace."""


class Server:
    """Use it in a with statement. settings: configuration keys by their names, {"timeouts.idle": "500ms"}."""

    def __init__(self, settings=None, options=(), data=None, limits=None):
        self.directory = tempfile.mkdtemp(prefix="kimberlite-server-")
        self.data = data or os.path.join(self.directory, "data")
        self.key = os.path.join(self.directory, "key")
        self.log = os.path.join(self.directory, "log")
        self.options, self.limits = list(options), limits
        self.environment = dict(os.environ, KMB_HTTP_LISTEN="")
        for name, value in (settings or {}).items():
            self.environment["KMB_" + name.upper().replace(".", "_")] = value
        self.process = None
        self.port = 0

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is None and self.process is not None:
            try:
                self.stop()
            finally:
                self.close()
        else:
            if kind is not None and issubclass(kind, Exception):
                print("the server's log ends:\n" + self.log_tail(), file=sys.stderr)
            self.close()

    def start(self):
        """Starts it on the port that it had, or a free one at first, and waits until clients may come."""
        command = [PROGRAM, "start", "--create", "--data", self.data, "--key", self.key,
                   "--address", "127.0.0.1:%d" % self.port] + self.options
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            env=self.environment, preexec_fn=self.limits)
        line = self.process.stdout.readline().decode()
        told = re.search(r" on port (\d+)$", line.strip())
        if told is None:
            raise Failure("the server does not start: %r\n%s" % (line, self.log_tail()))
        self.port = int(told.group(1))

    def stop(self, seconds=STOP_SECONDS_MAX):
        """SIGTERM; anything but an end in peace is a failure."""
        self.process.send_signal(signal.SIGTERM)
        self.wait(seconds)

    def wait(self, seconds=STOP_SECONDS_MAX):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure("the server does not end within %d s\n%s" % (seconds, self.log_tail())) from None
        self.process.stdout.close()
        self.process = None
        if code != 0:
            raise Failure("the server ended with status %d\n%s" % (code, self.log_tail()))

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def close(self):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-4000:]

    def resident_bytes(self):
        with open("/proc/%d/statm" % self.process.pid) as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.process.pid))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))


def until(condition, seconds, what):
    """Waits until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("not within %g s: %s" % (seconds, what))
        time.sleep(0.02)
