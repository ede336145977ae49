#!/bin/sh
# The published releases' own clients, at work on a started server; those whose tools or packages are not there are
# skipped by name.
set -eu
ninja -C "$BUILD" -j"$JOBS" kimberlite >/dev/null
CARGO_TARGET_DIR=$TMPDIR/target
export CARGO_TARGET_DIR
code=0
tests/clients/native/run "$BUILD/kimberlite" >"$TMPDIR/out" 2>&1 || code=$?
cat "$TMPDIR/out"
[ "$code" = 0 ] || [ "$code" = 77 ] || exit 1
echo "$(grep -c ': works' "$TMPDIR/out") passed, 0 failed, $(grep -c ': skipped' "$TMPDIR/out") skipped: published clients of the native protocol"
