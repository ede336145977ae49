-- Every type, as psql shows it.
SELECT true AS t, false AS f, NULL::boolean AS n;
SELECT 32767::int2, (-32768)::int2, 2147483647::int4, (-9223372036854775808)::int8;
SELECT 32768::int2;
SELECT 1.5::real, '1e38'::real, 'nan'::real, 'infinity'::float8, '-infinity'::float8, 0.1::float8 + 0.2, '1e-300'::float8, (-0.0)::float8;
SELECT 12345678901234567890.123456789::numeric, 'NaN'::numeric, 'infinity'::numeric, 0.000::numeric(8,3), 1e20::numeric, (-1.50)::numeric(4,2);
SELECT 'text'::text, 'var'::varchar(10), 'ch'::char(5), 'naïve 日本語 🙂'::text, E'tab\tline\nend'::text, 'n'::"char", 'name'::name;
SELECT '\xdeadbeef'::bytea, E'\\000\\001a'::bytea, ''::bytea;
SELECT '2024-02-29'::date, '0044-03-15 BC'::date, 'infinity'::date, '9999-12-31'::date;
SELECT '12:34:56.789'::time, '24:00:00'::time;
SELECT '2024-02-29 12:34:56.123456'::timestamp, 'infinity'::timestamp, '-infinity'::timestamptz;
SELECT '2024-02-29 12:34:56.5+05:30'::timestamptz;
SET TIME ZONE 'Europe/Berlin';
SELECT '2024-07-01 12:00:00Z'::timestamptz, '2024-01-01 12:00:00Z'::timestamptz;
SHOW TIME ZONE;
SET TIME ZONE 'UTC';
SELECT '1 year 2 months 3 days 04:05:06.7'::interval, '-1 day'::interval, '0'::interval, 'P1Y2M3DT4H5M6S'::interval;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid;
SELECT '{"a": [1, 2.50, null], "b": {"c": "\u00e9"}}'::json, '{"b": {"c": "\u00e9"},   "a": [1, 2.50, null]}'::jsonb;
SELECT '{1,2,NULL,4}'::int[], '{{a,b},{c,d}}'::text[], '{}'::int[], ARRAY['with "quotes"', 'comma,', NULL, 'NULL'], '[2:3]={5,6}'::int[];
SELECT ARRAY[1.5, 2]::numeric[], ARRAY['2024-01-01'::date], ARRAY[true, false];
SELECT ROW(1, 'a b', NULL);
SELECT 1::oid, 'pg_class'::regclass, 'int4'::regtype;
SELECT pg_typeof(1), pg_typeof('x'::text), pg_typeof(1.5), pg_typeof(now()), pg_typeof(ARRAY[1]), pg_typeof(NULL);
SELECT 'abc'::int;
SELECT '2024-02-30'::date;
SELECT 'x'::uuid;
SELECT '{bad'::jsonb;
SELECT 'maybe'::boolean;
SELECT '25:00'::time;
SELECT 1e400::float8;
SELECT '{1,2'::int[];
SELECT 99999999999::int;
SELECT 1/0, 1;
SELECT '\xzz'::bytea;
CREATE TABLE every (b boolean, i2 int2, i4 int4, i8 int8, f4 real, f8 float8, n numeric, n2 numeric(12,4), t text, v varchar(20), c char(4), y bytea, d date, tm time, ts timestamp, tz timestamptz, iv interval, u uuid, j json, jb jsonb, ai int[], at text[]);
INSERT INTO every VALUES (true, 1, 2, 3, 1.25, 2.5, 1.10, 7.12345, 'text', 'var', 'ch', '\x0102', '2024-02-29', '01:02:03', '2024-02-29 01:02:03', '2024-02-29 01:02:03+00', '1 day', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"k": 1}', '{"k": 1}', '{1,2}', '{a,b}');
INSERT INTO every DEFAULT VALUES;
\x on
SELECT * FROM every ORDER BY b;
\x off
\d every
SELECT * FROM every ORDER BY b \gdesc
