#!/bin/sh
# Where a server listens, what its clients cost it, the HTTP port, the numbers, the views, traces and the log of a server that works.
set -eu
ninja -C "$BUILD" -j"$JOBS" kimberlite >/dev/null
export BUILD
exec tests/parts/server-suites "listeners, HTTP, numbers, views, traces and the log" listener monitor http trace log top reload
