#!/bin/sh
# Histories of concurrent transactions, others than those of make test: seven hundred, and sixty under AddressSanitizer
# and UndefinedBehaviorSanitizer.
set -eu
worker=tests/conformance/differential/differential_worker
[ -f build-asan/build.ninja ] ||
    meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 >/dev/null
ninja -C build-asan -j"$JOBS" "$worker" >/dev/null
ninja -C "$BUILD" -j"$JOBS" "$worker" >/dev/null
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_stack_use_after_return=1
code=0
tests/conformance/isolation/isolation.py "build-asan/$worker" --seed 3 -n 60 >"$TMPDIR/sanitized" || code=$?
if [ $code != 0 ]; then
    cat "$TMPDIR/sanitized"
    exit $code
fi
exec tests/conformance/isolation/isolation.py "$BUILD/$worker" --seed 2 -n 700
