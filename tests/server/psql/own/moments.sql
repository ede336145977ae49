-- Moments that are parameters: of PREPARE, of types that drivers give them.
CREATE TABLE wards (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO wards VALUES (1, 'surgery');
SELECT now() AS then \gset
INSERT INTO wards VALUES (2, 'oncology');
PREPARE at_offset AS SELECT id FROM wards AT OFFSET $1;
EXECUTE at_offset(2);
EXECUTE at_offset(3);
EXECUTE at_offset(0);
EXECUTE at_offset(99);
EXECUTE at_offset(-1);
EXECUTE at_offset(NULL);
PREPARE at_offset_of (text, int) AS SELECT id, $2 AS n FROM wards AT OFFSET $1 WHERE id <= $2;
EXECUTE at_offset_of('2', 1);
EXECUTE at_offset_of('x', 1);
PREPARE as_of (varchar) AS SELECT count(*) FROM wards AS OF TIMESTAMP $1;
EXECUTE as_of(:'then');
EXECUTE as_of('nonsense');
PREPARE nothing AS SELECT 1 AS one AT OFFSET $1;
EXECUTE nothing(1);
EXECUTE nothing(99);
EXPLAIN (COSTS OFF) EXECUTE at_offset(2);
CREATE TABLE before AS EXECUTE at_offset(2);
SELECT * FROM before;
SELECT name, parameter_types FROM pg_prepared_statements ORDER BY name;
PREPARE at_boolean (boolean) AS SELECT id FROM wards AT OFFSET $1;
