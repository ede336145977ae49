#!/bin/bash
# sqllogictest: our own files, what clients ask of the catalogue among them, then the public sample where it lies beside the repository.
set -u
ninja -C "$BUILD" -j"$JOBS" slt >/dev/null || exit 1
export TMPDIR
own=(tests/conformance/slt/*.test tests/conformance/clients/*.test)
if [ -e "${own[0]}" ]; then
    "$BUILD/slt" "${own[@]}" || exit 1
fi
sample=../shared/data/sqllogictest
if [ ! -d "$sample" ]; then
    echo "own files only: the public sample is not there ($sample)"
    exit 0
fi
mapfile -t files < <(find "$sample" -name '*.test' | sort)
"$BUILD/slt" --root "$sample" --differs "$sample/postgresql-differs.tsv" --check tests/conformance/slt/recorded.txt \
    "${files[@]}" | tail -n 1
exit "${PIPESTATUS[0]}"
