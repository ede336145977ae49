-- The past through psql.
CREATE TABLE wards (id INTEGER PRIMARY KEY, name TEXT, beds INTEGER);
INSERT INTO wards VALUES (1, 'surgery', 10), (2, 'oncology', 6);
UPDATE wards SET beds = 12 WHERE id = 1;
DELETE FROM wards WHERE id = 2;
SELECT * FROM wards;
SELECT * FROM wards AT OFFSET 2 ORDER BY id;
SELECT * FROM wards AS OF POSITION 3 ORDER BY id;
SELECT a.name, a.beds AS then, b.beds AS now FROM wards AT OFFSET 2 AS a LEFT JOIN wards AS b ON a.id = b.id ORDER BY a.id;
SELECT * FROM wards AT OFFSET 999;
SELECT * FROM wards AS OF TIMESTAMP '2999-01-01';
SELECT now() AS then \gset
DELETE FROM wards;
SELECT * FROM wards;
SELECT * FROM wards AS OF TIMESTAMP :'then';
COPY (SELECT * FROM wards AT OFFSET 2 ORDER BY id) TO STDOUT CSV;
UPDATE wards AT OFFSET 2 SET beds = 1;
INSERT INTO wards SELECT * FROM wards AT OFFSET 2;
SELECT * FROM wards ORDER BY id;
