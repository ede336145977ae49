#!/bin/sh
# The stripped binary stays under 10 MB.
set -eu
ninja -C "$BUILD" -j"$JOBS" face >/dev/null
strip -o "$TMPDIR/kimberlite" "$BUILD/kimberlite"
size=$(stat -c %s "$TMPDIR/kimberlite")
echo "stripped binary: $size bytes"
[ "$size" -lt 10000000 ]
