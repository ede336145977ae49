#!/bin/bash
# The simulator: seeds of every scenario, the same state twice, at least 200 points of the crash enumeration, bad options.
set -eu
ninja -C "$BUILD" -j"$JOBS" vopr >/dev/null
vopr=$BUILD/vopr
"$vopr" run --seed 1 -n 40
states() {
    "$1" run --seed 77 -n 8 --json | grep -o '"scenario":"[a-z-]*"\|"state_hash":"[0-9a-f]*"'
}
states "$vopr" >"$TMPDIR/one"
states "$vopr" >"$TMPDIR/two"
[ "$(grep -c state_hash "$TMPDIR/one")" = 8 ]
cmp "$TMPDIR/one" "$TMPDIR/two"
for bad in '--scenario none' '--seed x' '-n 0' '--points-max 5' '--what'; do
    code=0
    # shellcheck disable=SC2086
    "$vopr" run $bad >/dev/null 2>&1 || code=$?
    [ "$code" = 2 ] || { echo "vopr run $bad: exit $code, not 2"; exit 1; }
done
"$vopr" run --scenario crash --exhaustive --seed 1 --points-max 230 >"$TMPDIR/points"
cat "$TMPDIR/points"
fired=$(head -n 1 "$TMPDIR/points" | sed 's/.*tried, \([0-9]*\) fired.*/\1/')
[ "$fired" -ge 200 ] || { echo "only $fired points fired"; exit 1; }
echo "40 seeds, the same state hash twice, $(head -n 1 "$TMPDIR/points")"
