#!/bin/sh
# psql, raw messages, values and dumps on PostgreSQL and on Kimberlite under AddressSanitizer, which answer alike; and who gets in.
set -eu
[ -f build-asan/build.ninja ] && BUILD=build-asan
ninja -C "$BUILD" -j"$JOBS" kimberlite >/dev/null
export BUILD ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
exec tests/parts/server-suites "psql, raw messages, values, logins and dumps" psql concurrency dump messages values identity
