CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN score AS integer CHECK (VALUE >= 0);
CREATE TABLE every (
    b boolean, i2 smallint, i4 integer, i8 bigint, f4 real, f8 double precision, n numeric, n2 numeric(10, 2),
    t text, v varchar(5), c char(4), ba bytea, d date, ti time, ts timestamp, tz timestamptz, iv interval, u uuid,
    j json, jb jsonb, m mood, s score, i4s integer[], ts_ text[], ns numeric[]
);
INSERT INTO every VALUES
    (true, -32768, 2147483647, -9223372036854775808, 1.5, -0.1, 123456789.000100, 1.5, 'Grüße € 😀', 'abcde', 'ab', '\x00ff10',
     '2024-02-29', '23:59:59.999999', '1999-12-31 23:59:59.5', '2024-02-29 12:00:00+02', '1 year 2 mons -3 days 04:05:06.789',
     '017f22e2-79b0-7000-98c4-dc0c0c07398f', '{"a": [1,  2]}', '{"b": 1, "a": [true, null]}', 'happy', 7, '{1,NULL,3}',
     '{a,"b c",NULL,""}', '{{1.50,NaN},{-0.001,10000}}'),
    (false, 0, 0, 0, 0, 0, 0, 0, '', '', '', '', '2000-01-01', '00:00:00', '2000-01-01', '2000-01-01 00:00:00+00', '00:00:00',
     '00000000-0000-0000-0000-000000000000', 'null', 'null', 'sad', 0, '{}', '{}', '{}'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL),
    (true, 32767, -1, 9223372036854775807, 'NaN', 'Infinity', 'NaN', -99999999.99, 'x', 'y', 'z', '\x', 'infinity', '24:00:00',
     '-infinity', 'infinity', '-178000000 years', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '[]', '"x"', 'ok', 2147483647,
     '[0:1]={7,8}', '{{a},{b}}', '{0}'),
    (true, 1, 1, 1, 'Infinity', '-0', 'Infinity', 0.01, 'x', 'y', 'z', '\x01', '4714-11-24 BC', '12:34:56', '4714-11-24 00:00:00 BC',
     '1970-01-01 00:00:00+00', '-1 mons +30 days -00:00:00.000001', 'ffffffff-0000-0000-0000-ffffffffffff', '1', '1.50', 'ok', 1,
     '{{{1}}}', '{NULL}', '{-Infinity}'),
    (true, 1, 1, 1, '1e-45', '5e-324', -0.00001234567890123456789, 10, 'x', 'y', 'z', '\x01', '5874897-12-31', '12:34:56',
     '294246-12-31 23:59:59.999999', '1970-01-01 00:00:00+00', '1 day', 'ffffffff-0000-0000-0000-ffffffffffff', '1', '[]', 'ok', 1,
     '{2147483647}', '{NULL}', '{99999999999999999999999999999999999999,100000000,1e-20}');
