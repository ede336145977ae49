#!/bin/sh
# What make install puts into PREFIX= serves a program outside the tree: in C and in C++, through pkg-config, linked
# either way, with every warning an error. It opens a database, so that the library is really there.
set -eu
prefix=$TMPDIR/prefix
make install BUILD="$TMPDIR/build" PREFIX="$prefix" JOBS="$JOBS" >/dev/null
mkdir "$TMPDIR/outside"
cat >"$TMPDIR/outside/program.c" <<'PROGRAM'
#include <kimberlite.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    struct kmb_options options;
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.flags = KMB_OPEN_CREATE;
    if (kmb_open("db", &options, &db, NULL) != KMB_OK || kmb_session_open(db, 1, &session, NULL) != KMB_OK ||
        kmb_exec(session, "CREATE TABLE IF NOT EXISTS t (a INT); INSERT INTO t VALUES (1)", NULL) != KMB_OK) {
        return 1;
    }
    kmb_session_close(session);
    printf("%s\n", kmb_version());
    return kmb_close(db, NULL) == KMB_OK ? 0 : 1;
}
PROGRAM
cd "$TMPDIR/outside"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
version=$(pkg-config --modversion kimberlite)
strict='-Wall -Wextra -Wpedantic -Wconversion -Werror'
cp program.c program.cc
for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    for standard in c99 c11 c17; do
        "$compiler" -std="$standard" $strict -Wshadow program.c -o shared $(pkg-config --cflags --libs kimberlite) -Wl,-rpath,"$prefix/lib"
        [ "$(./shared)" = "$version" ]
    done
done
for compiler in g++ clang++; do
    command -v "$compiler" >/dev/null || continue
    for standard in c++11 c++20; do
        "$compiler" -std="$standard" $strict program.cc -o shared++ $(pkg-config --cflags --libs kimberlite) \
            -Wl,-rpath,"$prefix/lib"
        [ "$(./shared++)" = "$version" ]
    done
done
cc program.c -o static $(pkg-config --cflags kimberlite) "$prefix/lib/libkimberlite.a" -Wl,-Bstatic -lpg_query -Wl,-Bdynamic \
    $(pkg-config --static --libs-only-l kimberlite | sed 's/-lkimberlite//; s/-lpg_query//')
[ "$(./static)" = "$version" ]
! ldd ./static | grep -q libkimberlite
"$prefix/bin/kimberlite" version | grep -q "$version"
echo "installed $version; a program outside compiles, links both ways and runs"
