#!/bin/sh
# Five thousand random statements on Kimberlite, PostgreSQL and SQLite, others than those of make test.
set -eu
ninja -C "$BUILD" -j"$JOBS" tests/conformance/differential/differential_worker >/dev/null
exec tests/conformance/differential/differential.py "$BUILD/tests/conformance/differential/differential_worker" \
    --seed 15 -n 5000
