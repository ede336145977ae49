#!/bin/sh
# Every fuzz target for a while from its committed corpus: no crash, and no fewer edges than recorded.
command -v clang >/dev/null || { echo "no clang"; exit 77; }
exec fuzz/run "${FUZZ_SECONDS:-60}"
