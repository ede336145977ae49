#!/bin/sh
# pgbench as it is, in every mode, and the sums afterwards.
set -eu
ninja -C "$BUILD" -j"$JOBS" kimberlite >/dev/null
export BUILD
exec tests/server/test_pgbench.py
