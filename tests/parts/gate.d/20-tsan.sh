#!/bin/sh
# The tests under ThreadSanitizer.
export TSAN_OPTIONS=halt_on_error=1
exec tools/meson-tests build-tsan -Db_sanitize=thread -Db_lundef=false -Doptimization=1 -- \
    --no-suite long --timeout-multiplier 10
