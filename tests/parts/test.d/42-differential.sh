#!/bin/sh
# Seventeen hundred random statements on Kimberlite, PostgreSQL and SQLite.
set -eu
ninja -C "$BUILD" -j"$JOBS" tests/conformance/differential/differential_worker >/dev/null
exec tests/conformance/differential/differential.py "$BUILD/tests/conformance/differential/differential_worker" -n 1700
