#!/bin/sh
# The same tests under AddressSanitizer and UndefinedBehaviorSanitizer. Where the program lies is fixed: half of the time to start it went into
# relocating what describes its places.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS=detect_stack_use_after_return=1
exec tools/meson-tests build-asan -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 \
    -Dc_args=-g1 -Dc_link_args=-no-pie -- \
    --no-suite long --timeout-multiplier 5
