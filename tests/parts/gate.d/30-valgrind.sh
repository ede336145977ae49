#!/bin/sh
# The unit tests of the lower rooms under valgrind: no leak, no read of what was never written.
set -eu
ninja -C "$BUILD" -j"$JOBS" >/dev/null
passed=0
failed=0
for test in "$BUILD"/tests/unit/base/test_* "$BUILD"/tests/unit/types/test_* "$BUILD"/tests/unit/kernel/test_*; do
    [ -f "$test" ] && [ -x "$test" ] || continue
    if timeout 600 valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect \
        "$test" >"$TMPDIR/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "== $(basename "$test")"
        tail -n 25 "$TMPDIR/log"
    fi
done
echo "$passed passed, $failed failed: programs under valgrind"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
