#!/bin/sh
# The C API over a connection, against a server of its own, both under AddressSanitizer.
set -eu
[ -f build-asan/build.ninja ] && BUILD=build-asan
ninja -C "$BUILD" -j"$JOBS" kimberlite tests/server/transcript tests/server/far >/dev/null
export BUILD ASAN_OPTIONS=detect_stack_use_after_return=1:quarantine_size_mb=16
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
exec tests/server/test_client.py
