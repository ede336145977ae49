#!/bin/sh
# The shared library lets out kmb_ names and no others, and every function of the public header is among them.
set -eu
ninja -C "$BUILD" -j"$JOBS" libraries >/dev/null
nm -D --defined-only "$BUILD/libkimberlite.so" | awk '{ print $3 }' | sort -u >"$TMPDIR/out"
if grep -v '^kmb_' "$TMPDIR/out"; then
    echo "libkimberlite.so lets out names that are not kmb_"
    exit 1
fi
tr '\n' ' ' <include/kimberlite.h | grep -oE 'KMB_API[^;(]*[ *](kmb_[a-z0-9_]+) *\(' | grep -oE 'kmb_[a-z0-9_]+ *\($' |
    tr -d ' (' | sort -u >"$TMPDIR/declared"
missing=$(comm -23 "$TMPDIR/declared" "$TMPDIR/out")
if [ -n "$missing" ]; then
    echo "declared in kimberlite.h but not let out:" $missing
    exit 1
fi
[ "$(wc -l <"$TMPDIR/declared")" -gt 20 ]
if ldd "$BUILD/libkimberlite.so" | grep -q libpg_query; then
    echo "libkimberlite.so needs libpg_query.so; it must be linked in"
    exit 1
fi
echo "$(wc -l <"$TMPDIR/out") names let out, all kmb_, all $(wc -l <"$TMPDIR/declared") declared ones among them"
