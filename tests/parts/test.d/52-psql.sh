#!/bin/bash
# psql, raw messages, values and dumps on PostgreSQL and on Kimberlite under AddressSanitizer, which answer alike; and who gets in.
set -u
[ -f build-asan/build.ninja ] && BUILD=build-asan
ninja -C "$BUILD" -j"$JOBS" kimberlite >/dev/null || exit 1
export BUILD ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
passed=0
failed=0
for test in psql messages concurrency values identity dump; do
    tests/server/test_$test.py >"$TMPDIR/out" 2>&1
    code=$?
    last=$(tail -n 1 "$TMPDIR/out")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
    elif [ "$code" != 77 ]; then
        failed=$((failed + 1))
    fi
    [ "$code" = 0 ] || cat "$TMPDIR/out"
done
echo "$passed passed, $failed failed: psql, raw messages, values, logins and dumps"
[ "$failed" = 0 ]
