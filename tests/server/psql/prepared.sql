-- PREPARE, EXECUTE, cursors, \gset, \gexec, \gx, \crosstabview, \watch.
CREATE TABLE t AS SELECT g AS id, 'row ' || g AS name, g % 3 AS kind FROM generate_series(1, 10) g;
PREPARE one (int) AS SELECT * FROM t WHERE id = $1;
EXECUTE one (3);
EXECUTE one ('4');
EXECUTE one;
EXECUTE one (1, 2);
EXECUTE one ('x');
PREPARE one AS SELECT 1;
PREPARE two AS INSERT INTO t VALUES ($1, $2, $3) RETURNING *;
EXECUTE two (11, 'eleven', 2);
DEALLOCATE one;
EXECUTE one (1);
DEALLOCATE ALL;
DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id;
FETCH c;
FETCH 3 FROM c;
FETCH NEXT FROM c;
MOVE 2 FROM c;
FETCH ALL FROM c;
FETCH c;
CLOSE c;
FETCH c;
ROLLBACK;
BEGIN;
DECLARE s SCROLL CURSOR FOR SELECT id FROM t ORDER BY id;
FETCH LAST FROM s;
FETCH PRIOR FROM s;
FETCH ABSOLUTE 2 FROM s;
FETCH BACKWARD 1 FROM s;
COMMIT;
\set FETCH_COUNT 3
SELECT id, name FROM t ORDER BY id;
\unset FETCH_COUNT
SELECT max(id) AS top, 'x y' AS word FROM t \gset
\echo :top :'word' :"word"
SELECT :top + 1 AS next;
SELECT 'SELECT ' || g || ' AS made' FROM generate_series(1, 2) g \gexec
SELECT id, name FROM t WHERE id = 1 \gx
SELECT kind, id % 2 AS odd, count(*) FROM t GROUP BY 1, 2 ORDER BY 1, 2 \crosstabview
SELECT 1 AS one, 'x' AS two, now() AS three, NULL AS four, 1.5::numeric(4,2) AS five \gdesc
SELECT nope \gdesc
CREATE TABLE gdesc_makes_nothing (a int) \gdesc
INSERT INTO t VALUES (0, '', 0) RETURNING id, name \gdesc
SELECT count(*) FROM t;
\a
SELECT * FROM t ORDER BY id LIMIT 2;
\a
\t on
SELECT * FROM t ORDER BY id LIMIT 2;
\t off
\H
SELECT '<&>' AS html;
\H
\timing off
SELECT 5 AS five \g
SELECT 5 AS five \g | cat
\if true
SELECT 'yes' AS branch;
\else
SELECT 'no' AS branch;
\endif
SHOW server_version_num \gset
SHOW server_encoding;
SHOW client_encoding;
SHOW standard_conforming_strings;
SHOW search_path;
SET search_path = nowhere;
SELECT * FROM t;
RESET search_path;
SELECT current_user, session_user, current_schema(), current_database() = current_catalog AS same;
SELECT set_config('application_name', 'me', false);
SHOW application_name;
SELECT current_setting('application_name'), current_setting('nosuch', true);
SELECT current_setting('nosuch');
EXPLAIN (COSTS off) SELECT 1;
VALUES (1, 'a'), (2, 'b');
TABLE t LIMIT 1;
SELECT pg_backend_pid() > 0 AS pid;
SELECT pg_cancel_backend(0);
SELECT pg_advisory_lock(1), pg_try_advisory_lock(1), pg_advisory_unlock(1);
LISTEN news;
NOTIFY news, 'hello';
UNLISTEN news;
DISCARD ALL;
SELECT generate_series(1, 3) AS n;
SELECT count(*) FROM generate_series(1, 100000);
SELECT repeat('long ', 20000) = repeat('long ', 20000) AS same;
SELECT;
;
SELECT 1;;
BEGIN;
DECLARE one CURSOR FOR VALUES (1), (2);
DECLARE two SCROLL CURSOR WITH HOLD FOR SELECT 2;
DECLARE three NO SCROLL CURSOR FOR SELECT g FROM generate_series(1, 3) g ORDER BY g;
SELECT name, rtrim(statement, ';') AS statement, is_holdable, is_binary, is_scrollable, creation_time > now() - interval '1 minute' AS now FROM pg_cursors ORDER BY name;
CLOSE one;
COMMIT;
SELECT name FROM pg_cursors ORDER BY name;
CLOSE ALL;
SELECT count(*) FROM pg_cursors;
SELECT 'abs(integer)'::regprocedure, 'now()'::regprocedure, 0::regprocedure, 0::regoperator, to_regprocedure('nope(int)'), 'trigger'::regtype, 'void'::regtype::text, to_regtype('internal');
SELECT 'abs'::regprocedure;
SELECT 'abs(text)'::regprocedure;
SELECT 'abs(nope)'::regprocedure;
SELECT 'abs(int'::regprocedure;
SELECT * FROM pg_partition_tree('pg_class'::regclass);
SELECT pg_size_pretty(x) FROM (VALUES (0::numeric), (10239), (10240), (-10240), (10239.5), (1.5), (123456789012), (20479), (20480), (1e15)) v (x);
