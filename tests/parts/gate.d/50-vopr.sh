#!/bin/bash
# The simulator at length: 500 seeds with their floors, 2,000 points of the crash enumeration, and the same states with
# gcc, clang and sanitizers.
set -eu
ninja -C "$BUILD" -j"$JOBS" vopr >/dev/null
"$BUILD/vopr" run --seed 1000 -n 500 >"$TMPDIR/seeds" || { tail -n 5 "$TMPDIR/seeds"; exit 1; }
tail -n 1 "$TMPDIR/seeds"
rate=$(tail -n 1 "$TMPDIR/seeds" | sed 's/.* s, \([0-9]*\) a minute.*/\1/')
[ "$rate" -ge 200 ] || { echo "only $rate seeds a minute"; exit 1; }
"$BUILD/vopr" run --scenario crash --exhaustive --seed 2 --points-max 2200 >"$TMPDIR/points" || {
    cat "$TMPDIR/points"
    exit 1
}
cat "$TMPDIR/points"
fired=$(head -n 1 "$TMPDIR/points" | sed 's/.*tried, \([0-9]*\) fired.*/\1/')
[ "$fired" -ge 2000 ] || { echo "only $fired points fired"; exit 1; }
states() {
    "$1" run --seed 77 -n 8 --json | grep -o '"scenario":"[a-z-]*"\|"state_hash":"[0-9a-f]*"'
}
states "$BUILD/vopr" >"$TMPDIR/gcc"
build() { # DIRECTORY OPTION...
    directory=$1
    shift
    [ -f "$directory/build.ninja" ] || meson setup "$directory" "$@" >/dev/null
    ninja -C "$directory" -j"$JOBS" vopr >/dev/null
    states "$directory/vopr" >"$TMPDIR/other"
    cmp "$TMPDIR/gcc" "$TMPDIR/other"
}
CC=clang build build-clang
build build-asan -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1
echo "500 seeds, $fired points, the same states with gcc, clang and sanitizers"
