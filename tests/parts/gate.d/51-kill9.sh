#!/bin/sh
# kill -9 of a writing process, forty times.
set -eu
ninja -C "$BUILD" -j"$JOBS" tests/crash/kill9 >/dev/null
exec "$BUILD/tests/crash/kill9" 40
