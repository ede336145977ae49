#!/bin/sh
# Every second allocation of ours fails once, on work through the whole C API, under AddressSanitizer with its leak check;
# `make soak` takes all (ALLOC_SHARE=1).
set -eu
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=1
[ -f build-asan/build.ninja ] ||
    meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 >/dev/null
ninja -C build-asan -j"$JOBS" tests/integration/alloc/alloc_loop >/dev/null
build-asan/tests/integration/alloc/alloc_loop --plant >"$TMPDIR/planted" 2>&1 || {
    tail -n 60 "$TMPDIR/planted"
    echo "a step that hides a failed allocation was not found"
    exit 1
}
at=1
pids=
while [ "$at" -le "$JOBS" ]; do
    build-asan/tests/integration/alloc/alloc_loop --first "$at" --stride "$((JOBS * ${ALLOC_SHARE:-2}))" >"$TMPDIR/$at" 2>&1 &
    pids="$pids $!"
    at=$((at + 1))
done
passed=0
failed=0
at=1
for pid in $pids; do
    if wait "$pid"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 60 "$TMPDIR/$at"
    fi
    tail -n 1 "$TMPDIR/$at"
    at=$((at + 1))
done
echo "$passed passed, $failed failed: shares of all allocations, each failing once"
[ "$failed" = 0 ]
