#!/bin/bash
# sqllogictest again: with so little memory that nearly everything is spilled, with plans kept of other literals, and
# with ways to run a query forbidden.
# The answers are the same.
set -u
ninja -C "$BUILD" -j"$JOBS" slt >/dev/null || exit 1
export TMPDIR
sample=../shared/data/sqllogictest
sets=()
if [ -d "$sample" ]; then
    mapfile -t files < <(find "$sample" -name '*.test' | sort)
    sets=(--root "$sample" --differs "$sample/postgresql-differs.tsv" --check tests/conformance/slt/recorded.txt
        "${files[@]}")
else
    echo "own files only: the public sample is not there ($sample)"
fi
again() {
    "$BUILD/slt" "$@" tests/conformance/slt/*.test | tail -n 1
    [ "${PIPESTATUS[0]}" = 0 ] || exit 1
    [ ${#sets[@]} = 0 ] && return
    "$BUILD/slt" "$@" "${sets[@]}" | tail -n 1
    [ "${PIPESTATUS[0]}" = 0 ] || exit 1
}
again --first "SET work_mem = '64kB'"
again --repeat 4
for way in kimberlite.enable_common_subplans enable_bitmapscan enable_seqscan enable_nestloop enable_hashjoin enable_mergejoin; do
    echo "without $way"
    again --first "SET $way = off"
done
