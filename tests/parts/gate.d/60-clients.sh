#!/bin/sh
# Published clients, from their registries, at a day's work.
set -eu
ninja -C "$BUILD" -j"$JOBS" kimberlite >/dev/null
export BUILD
exec tests/clients/run.py
