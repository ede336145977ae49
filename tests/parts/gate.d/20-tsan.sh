#!/bin/sh
# The tests that have threads, under ThreadSanitizer: logging and allocation, ciphers and the key store, a log read while it
# is written, the store's readers beside its writer, the shard's group commit, sessions of the C API side by side.
# Without address randomisation where that may be turned off: the kernel's default is too much of it for the tool.
set -eu
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
tests='crypto/aead log/keystore log/live store/threads engine/shard integration/threads base/logging base/memory'
fixed=
setarch -R true 2>/dev/null && fixed='setarch -R'
[ -f build-tsan/build.ninja ] || meson setup build-tsan -Db_sanitize=thread -Db_lundef=false -Doptimization=1 >/dev/null
ninja -C build-tsan -j"$JOBS" tests/unit/crypto/test_crypto_aead tests/unit/log/test_log_keystore \
    tests/unit/log/test_log_live tests/unit/store/test_store_threads tests/unit/engine/test_engine_shard \
    tests/integration/threads/threads tests/unit/base/test_base_logging tests/unit/base/test_base_memory >"$TMPDIR/log" ||
    { tail -n 30 "$TMPDIR/log"; exit 1; }
passed=0
failed=0
for test in $tests; do
    case $test in
    integration/threads) program=tests/integration/threads/threads ;;
    *) program=tests/unit/${test%/*}/test_$(echo "$test" | tr / _) ;;
    esac
    if timeout 300 $fixed "build-tsan/$program" >"$TMPDIR/out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "== $test"
        tail -n 60 "$TMPDIR/out"
    fi
done
echo "$passed passed, $failed failed: programs with threads under ThreadSanitizer"
[ "$failed" = 0 ]
