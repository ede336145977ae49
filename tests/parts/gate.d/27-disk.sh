#!/bin/bash
# A real disk that is full, and one that is read-only: a tmpfs in a mount namespace of its own.
set -eu
unshare -m true 2>/dev/null || { echo "no mount namespace to be had"; exit 77; }
ninja -C "$BUILD" -j"$JOBS" face >/dev/null
kimberlite=$(realpath "$BUILD/kimberlite")
export kimberlite
disk=$TMPDIR/disk
mkdir "$disk"
exec unshare -m bash -eu -s "$disk" <<'SCRIPT'
disk=$1
checks=0
expect() { # CODE WORD COMMAND...
    code=0
    "$kimberlite" "${@:3}" >"$TMPDIR/out" 2>&1 || code=$?
    if [ "$code" != "$1" ] || ! grep -q -- "$2" "$TMPDIR/out"; then
        cat "$TMPDIR/out"
        echo "kimberlite ${*:3}: exit $code, wanted $1 and \"$2\""
        exit 1
    fi
    checks=$((checks + 1))
}
mount -t tmpfs -o size=12m none "$disk"
cd "$disk"
expect 1 53100 init p
mount -o remount,size=110m "$disk"
expect 0 'encrypted yes' init p
cd p
seq 1 60000 | awk 'BEGIN { print "id,b"; for (i = 0; i < 500; i++) fill = fill "k" } { print $1 "," fill $1 }' >"$TMPDIR/rows.csv"
expect 1 53100 import "$TMPDIR/rows.csv" --table t --create --primary-key id
line=$(sed -n 's/^The last durable line is \([0-9]*\);.*/\1/p' "$TMPDIR/out")
[ "$line" -gt 10000 ] || { echo "only $line lines went in"; exit 1; }
expect 0 "^$((line - 1)).\$" query -q -o csv 'SELECT count(*) FROM t'
expect 0 '^whole' verify
mount -o remount,size=400m "$disk"
expect 0 "imported $((60001 - line)) rows" import "$TMPDIR/rows.csv" --table t --from-line "$((line + 1))"
expect 0 '^60000.$' query -q -o csv 'SELECT count(*) FROM t'
mount -o remount,ro "$disk"
expect 1 'READ_ONLY' query 'INSERT INTO t VALUES (0)'
expect 1 'READ_ONLY' tenant create 5
expect 1 'READ_ONLY' rebuild
expect 1 'Read-only file system' init ../q
expect 0 '^60000.$' export -q 'SELECT count(*) FROM t'
expect 0 'newest_op' info
expect 0 '^whole' verify
expect 0 'rows_inserted' log show
expect 0 '/tenant/1' proof checkpoint
mount -o remount,rw "$disk"
expect 0 'INSERT 0 1' query 'INSERT INTO t VALUES (0)'
expect 0 '^state ' rebuild
expect 0 '^whole' verify
echo "$checks passed, 0 failed: on a full and on a read-only disk"
SCRIPT
