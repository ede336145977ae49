#!/bin/sh
# The soak of a server, short: some rounds of mixed load ended by kill -9, then a disk that fills up under load.
set -eu
ninja -C "$BUILD" -j"$JOBS" kimberlite >/dev/null
export BUILD
tests/server/soak.py --minutes 0.6 --round 12 >"$TMPDIR/out" || { cat "$TMPDIR/out"; exit 1; }
tail -n 1 "$TMPDIR/out"
