#!/bin/sh
# The examples in the documents run as printed.
set -eu
ninja -C "$BUILD" -j"$JOBS" face >/dev/null
exec tools/check-docs --run "$BUILD"
