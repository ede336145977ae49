#!/bin/bash
# Spilled is the same as in memory: sqllogictest again with so little memory that nearly everything is put aside.
set -u
ninja -C "$BUILD" -j"$JOBS" slt >/dev/null || exit 1
export TMPDIR
little="SET work_mem = '64kB'"
"$BUILD/slt" --first "$little" tests/conformance/slt/*.test | tail -n 1
[ "${PIPESTATUS[0]}" = 0 ] || exit 1
sample=../shared/data/sqllogictest
if [ ! -d "$sample" ]; then
    echo "own files only: the public sample is not there ($sample)"
    exit 0
fi
mapfile -t files < <(find "$sample" -name '*.test' | sort)
"$BUILD/slt" --first "$little" --root "$sample" --differs "$sample/postgresql-differs.tsv" \
    --check tests/conformance/slt/recorded.txt "${files[@]}" | tail -n 1
exit "${PIPESTATUS[0]}"
