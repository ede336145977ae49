-- DateStyle, IntervalStyle, bytea_output: what is printed, read and refused.
CREATE TABLE moments (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz);
INSERT INTO moments VALUES (1, '2024-02-09', '2024-02-09 04:05:06.789', '2024-02-09 04:05:06.789+00'), (2, '0044-03-15 BC', '0044-03-15 23:59:59 BC', '0044-03-15 12:00:00+00 BC'),
    (3, 'infinity', '-infinity', 'infinity'), (4, '12345-06-07', '12345-06-07 00:00:00', '2024-07-31 23:30:00.000001+00');
CREATE TABLE spans (id int PRIMARY KEY, i interval);
INSERT INTO spans VALUES (1, '1 year 2 mons 3 days 4 hours 5 mins 6.789 secs'), (2, '-1 year -2 mons'), (3, '0'), (4, '1 day'), (5, '-3 days -4 hours'),
    (6, '1 mon -1 day'), (7, '-1 mon 1 day -00:00:00.5'), (8, '00:00:01'), (9, '-00:01:30.25'), (10, '1 sec ago'), (11, '25 hours'), (12, '-1 day 1 sec'), (13, '178956970 years'),
    (14, '2 years'), (15, '-0.1 sec'), (16, '1 min'), (17, '3 days -00:00:01');
CREATE TABLE bytes (id int PRIMARY KEY, b bytea);
INSERT INTO bytes VALUES (1, ''), (2, '\x00ff5c27'), (3, 'plain text'), (4, '\x7e7f1f20');
SHOW DateStyle; SHOW IntervalStyle; SHOW bytea_output;
SET DateStyle = 'SQL'; SHOW DateStyle; SELECT * FROM moments ORDER BY id;
SET DateStyle = 'SQL, DMY'; SHOW DateStyle; SELECT * FROM moments ORDER BY id;
SET DateStyle = 'Postgres'; SHOW DateStyle; SELECT * FROM moments ORDER BY id;
SET DateStyle = 'Postgres, MDY'; SHOW DateStyle; SELECT * FROM moments ORDER BY id;
SET DateStyle = 'German'; SHOW DateStyle; SELECT * FROM moments ORDER BY id;
SET DateStyle TO ISO, YMD; SHOW DateStyle; SELECT * FROM moments ORDER BY id;
SET TIME ZONE 'Europe/Berlin';
SET DateStyle = SQL, MDY; SELECT tz FROM moments ORDER BY id;
SET DateStyle = postgres; SELECT tz FROM moments ORDER BY id;
SET DateStyle = german; SELECT tz FROM moments ORDER BY id;
SET TIME ZONE 'UTC';
COPY moments TO STDOUT;
SELECT d::text, ts::text || '', ARRAY[d], ARRAY[ts], ROW(d, ts), to_json(d), to_jsonb(ts), to_json(tz), json_build_object(d, ts), format('%s', d), concat(d, ts), to_char(ts, 'YYYY-MM-DD') FROM moments WHERE id = 1;
SET DateStyle = 'ISO, DMY';
SELECT '01/02/2003'::date, '01-02-2003'::date, '1.2.03'::date, '2003-02-01'::date, '31/12/99 12:00'::timestamp, '08-Jan-99'::date, 'Jan 8, 1999'::date, '20030201'::date;
SELECT '13/13/2003'::date;
SELECT '12/31/2003'::date;
SET DateStyle = 'MDY';
SELECT '01/02/2003'::date, '01-02-2003'::date, '1.2.03'::date;
SELECT '31/12/2003'::date;
SET DateStyle = 'YMD';
SELECT '01/02/03'::date, '03-02-01'::date, '99-Jan-08'::date, '1999-01-08'::date;
SELECT '01/02/2003'::date;
PREPARE p AS SELECT $1::date;
EXECUTE p('01/02/03');
SET DateStyle = 'DMY';
EXECUTE p('01/02/03');
SET DateStyle = 'nonsense';
SET DateStyle = 'ISO, SQL';
SET DateStyle = 'DMY, MDY';
SET DateStyle = 'ISO, european'; SHOW DateStyle;
SET DateStyle = 'US'; SHOW DateStyle;
SET DateStyle = 'default'; SHOW DateStyle;
SET DateStyle = 'german, mdy'; SHOW DateStyle;
RESET DateStyle; SHOW DateStyle;
SET IntervalStyle = postgres_verbose; SELECT * FROM spans ORDER BY id;
SET IntervalStyle = 'sql_standard'; SELECT * FROM spans ORDER BY id;
SET IntervalStyle TO iso_8601; SELECT * FROM spans ORDER BY id;
SELECT i::text, to_json(i), ARRAY[i] FROM spans WHERE id IN (1, 7) ORDER BY id;
SET IntervalStyle = nonsense;
BEGIN; SET LOCAL IntervalStyle = postgres_verbose; SELECT interval '1 day'; COMMIT; SELECT interval '1 day';
SET IntervalStyle = DEFAULT; SELECT * FROM spans WHERE id < 4 ORDER BY id;
SET bytea_output = escape; SELECT * FROM bytes ORDER BY id; SELECT b::text, ARRAY[b], to_json(b), encode(b, 'hex') FROM bytes ORDER BY id; COPY bytes TO STDOUT;
SET bytea_output = 'none';
SET bytea_output = hex; SELECT * FROM bytes ORDER BY id;
SELECT name, setting, vartype FROM pg_settings WHERE name IN ('DateStyle', 'IntervalStyle', 'bytea_output') ORDER BY name;
SELECT set_config('datestyle', 'sql, dmy', false);
SELECT current_setting('DateStyle'), date '2024-03-04';
SET IntervalStyle = postgres, iso_8601;
SET DateStyle = "ISO, DMY"; SHOW DateStyle; SET bytea_output = DEFAULT;
DISCARD ALL; SELECT date '2024-03-04';
SET IntervalStyle = sql_standard;
SELECT interval '-1 2:03:04', interval '-1 +2:03:04', interval '-1-2', interval '-3 days 4 hours', interval '1 -2:03:04', interval '-1-2 3 4:05:06', '-2 3:00'::text::interval;
COPY spans TO STDOUT;
CREATE TABLE spans2 (id int, i interval);
COPY spans2 FROM STDIN;
5	-3 4:00:00
7	-0-1 +1 -0:00:00.5
9	-0:01:30.25
17	+0-0 +3 -0:00:01
\.
SELECT count(*) FROM spans JOIN spans2 USING (id, i);
SET IntervalStyle = postgres;
SELECT interval '-1 2:03:04', interval '-1 +2:03:04', '-2 3:00'::text::interval;
