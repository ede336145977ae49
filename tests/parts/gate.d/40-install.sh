#!/bin/sh
# A program outside the tree compiles against an installed library through pkg-config, linked either way, and runs.
set -eu
prefix=$TMPDIR/prefix
meson setup "$TMPDIR/build" --prefix "$prefix" --libdir lib >/dev/null
ninja -C "$TMPDIR/build" -j"$JOBS" face >/dev/null
meson install -C "$TMPDIR/build" --no-rebuild >/dev/null
mkdir "$TMPDIR/outside"
cat >"$TMPDIR/outside/program.c" <<'PROGRAM'
#include <kimberlite.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    printf("%s\n", kmb_version());
    return strcmp(kmb_status_name(KMB_UNIQUE_VIOLATION), "UNIQUE_VIOLATION") == 0 ? 0 : 1;
}
PROGRAM
cd "$TMPDIR/outside"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
version=$(pkg-config --modversion kimberlite)
cc -Wall -Wextra -Werror -pedantic program.c -o shared $(pkg-config --cflags --libs kimberlite) -Wl,-rpath,"$prefix/lib"
[ "$(./shared)" = "$version" ]
cc program.c -o static $(pkg-config --cflags kimberlite) "$prefix/lib/libkimberlite.a" -Wl,-Bstatic -lpg_query -Wl,-Bdynamic \
    $(pkg-config --static --libs-only-l kimberlite | sed 's/-lkimberlite//; s/-lpg_query//')
[ "$(./static)" = "$version" ]
! ldd ./static | grep -q libkimberlite
"$prefix/bin/kimberlite" version | grep -q "$version"
echo "installed $version; a program outside compiles, links both ways and runs"
