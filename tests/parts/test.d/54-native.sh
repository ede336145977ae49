#!/bin/sh
# The native protocol over sockets: published frames, broken ones, pipelines, subscribers, kill -9; under AddressSanitizer.
set -eu
[ -f build-asan/build.ninja ] && BUILD=build-asan
ninja -C "$BUILD" -j"$JOBS" kimberlite >/dev/null
export BUILD ASAN_OPTIONS=detect_stack_use_after_return=1:quarantine_size_mb=16
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
exec tests/server/test_native.py
