#!/bin/sh
# Twenty random histories: the past beside a copy that was stopped there.
set -eu
ninja -C "$BUILD" -j"$JOBS" tests/conformance/differential/differential_worker >/dev/null
exec tests/conformance/history/history.py "$BUILD/tests/conformance/differential/differential_worker" -n 20
