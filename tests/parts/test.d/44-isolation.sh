#!/bin/sh
# Histories of concurrent transactions at both levels of isolation, checked for anomalies.
set -eu
ninja -C "$BUILD" -j"$JOBS" tests/conformance/differential/differential_worker >/dev/null
exec tests/conformance/isolation/isolation.py "$BUILD/tests/conformance/differential/differential_worker" -n 150
