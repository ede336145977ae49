#!/bin/sh
# kill -9 of a writing process, ten times.
set -eu
ninja -C "$BUILD" -j"$JOBS" tests/crash/kill9 >/dev/null
exec "$BUILD/tests/crash/kill9" 10
