#!/bin/sh
# The example programs, against the installed header and library only: built by both compilers, run, and what they print
# compared.
set -eu
ninja -C "$BUILD" -j"$JOBS" face >/dev/null
DESTDIR=$TMPDIR/root meson install -C "$BUILD" --no-rebuild >/dev/null
config=$(dirname "$(find "$TMPDIR/root" -name kimberlite.pc)")
export PKG_CONFIG_SYSROOT_DIR="$TMPDIR/root" PKG_CONFIG_PATH="$config"
LD_LIBRARY_PATH=$(dirname "$config")
export LD_LIBRARY_PATH
ran=0
for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    cp -r examples "$TMPDIR/$compiler"
    make -C "$TMPDIR/$compiler" check CC="$compiler" >"$TMPDIR/out" 2>&1 || {
        cat "$TMPDIR/out"
        exit 1
    }
    ran=$((ran + $(grep -c ': as expected' "$TMPDIR/out")))
done
[ "$ran" -ge 5 ]
long=$(wc -l examples/*.c | awk '$2 != "total" && $1 > 100 { print $2 }')
[ -z "$long" ] || { echo "longer than 100 lines: $long"; exit 1; }
echo "$ran passed, 0 failed: example programs outside the tree"
