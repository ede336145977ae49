#!/bin/sh
# The server under ThreadSanitizer, with clients of every kind of work at once: short statements on the thread that has
# the loop, long ones that lose it, commits that share syncs, COPY, cancellation, LISTEN, connections that come and go.
set -eu
command -v pgbench >/dev/null || { echo "skipped: pgbench is not installed (tools/install-deps test)"; exit 77; }
export TSAN_OPTIONS="halt_on_error=0:second_deadlock_stack=1:exitcode=66:log_path=$TMPDIR/tsan"
fixed=
setarch -R true 2>/dev/null && fixed='setarch -R'
[ -f build-tsan/build.ninja ] || meson setup build-tsan -Db_sanitize=thread -Db_lundef=false -Doptimization=1 >/dev/null
ninja -C build-tsan -j"$JOBS" kimberlite >"$TMPDIR/log" || { tail -n 30 "$TMPDIR/log"; exit 1; }
$fixed build-tsan/kimberlite start --create --data "$TMPDIR/data" --key "$TMPDIR/key" --address 127.0.0.1:0 --set http.listen= \
    >"$TMPDIR/serving" 2>"$TMPDIR/server.log" &
server=$!
trap 'kill -9 $server 2>/dev/null || true' EXIT
for _ in $(seq 300); do
    grep -q 'on port' "$TMPDIR/serving" && break
    sleep 0.1
done
export PGHOST=127.0.0.1 PGPORT="$(awk '{ print $NF }' "$TMPDIR/serving")" PGDATABASE=kimberlite PGUSER=tester
failed() {
    echo "$1"
    cat "$TMPDIR/server.log" "$TMPDIR"/tsan* 2>/dev/null | head -n 80
    exit 1
}
psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int, label text);
    INSERT INTO t (n, label) SELECT i, md5(i::text) FROM generate_series(1, 2000) i; LISTEN nobody' || failed 'psql failed'
cat >"$TMPDIR/short.sql" <<'SQL'
\set n random(1, 2000)
SELECT label FROM t WHERE id = :n;
INSERT INTO t (n, label) VALUES (:n, 'one more');
NOTIFY work, 'done';
SQL
cat >"$TMPDIR/long.sql" <<'SQL'
SELECT count(*) FROM t a JOIN t b ON a.n % 97 = b.n % 97;
BEGIN;
UPDATE t SET label = label || '.' WHERE n % 50 = :client_id;
SELECT count(*) FROM t AT OFFSET 100;
COMMIT;
SQL
pgbench -n -M prepared -c 8 -j 2 -T 6 -f "$TMPDIR/short.sql" >"$TMPDIR/short" 2>&1 &
short=$!
pgbench -n -c 4 -j 1 -T 6 -f "$TMPDIR/long.sql" >"$TMPDIR/long" 2>&1 &
long=$!
pgbench -n -C -c 2 -T 6 -f "$TMPDIR/short.sql" >"$TMPDIR/coming" 2>&1 &
coming=$!
for i in 1 2 3; do
    psql -X -q -c 'COPY t (n, label) TO STDOUT' | psql -X -q -c 'COPY t (n, label) FROM STDIN' || failed 'COPY failed'
    timeout -s INT 1 psql -X -q -c 'SELECT count(*) FROM generate_series(1, 2000000000)' >/dev/null 2>&1 || true
    psql -X -q -c "LISTEN work; SELECT $i" >/dev/null || failed 'LISTEN failed'
done
wait $short || failed "short statements: $(cat "$TMPDIR/short")"
wait $long || failed "long statements: $(cat "$TMPDIR/long")"
wait $coming || failed "connections that come and go: $(cat "$TMPDIR/coming")"
kill -TERM $server
wait $server && code=0 || code=$?
trap - EXIT
[ "$code" = 0 ] || failed "the server ended with $code"
ls "$TMPDIR"/tsan* >/dev/null 2>&1 && failed 'ThreadSanitizer reported'
echo "$(awk '/number of transactions actually/ { sub(/.*: /, ""); sub("/.*", ""); n += $1 } END { print n }' "$TMPDIR/short" "$TMPDIR/long" "$TMPDIR/coming") transactions of 14 clients, no race"
