#!/bin/sh
# Where a server listens, what its clients cost it, the HTTP port, the numbers, the views, traces and the log of a server that works.
set -eu
ninja -C "$BUILD" -j"$JOBS" kimberlite >/dev/null
export BUILD
tests/server/test_listener.py
tests/server/test_http.py
tests/server/test_monitor.py
tests/server/test_reload.py
tests/server/test_trace.py
tests/server/test_top.py
exec tests/server/test_log.py
