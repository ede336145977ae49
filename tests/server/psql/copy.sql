-- COPY and \copy in text, CSV and binary.
CREATE TABLE t (id int PRIMARY KEY, name text, amount numeric(8,2), at timestamptz, raw bytea, tags text[]);
COPY t FROM STDIN;
1	Ada	12.50	2024-02-29 12:00:00+00	\\x0001	{a,b}
2	\N	\N	\N	\N	\N
3	tab\there\\slash\nline	0	2024-01-01 00:00:00+00	\\x	{}
\.
SELECT * FROM t ORDER BY id;
COPY t TO STDOUT;
COPY t TO STDOUT WITH (FORMAT csv, HEADER);
COPY t TO STDOUT WITH (FORMAT csv, DELIMITER ';', NULL 'nil', QUOTE '''', FORCE_QUOTE (name));
COPY t (id, name) TO STDOUT WITH (DELIMITER '|', NULL '');
COPY (SELECT id, amount * 2 AS twice FROM t ORDER BY id DESC) TO STDOUT CSV HEADER;
COPY t (id, name) FROM STDIN WITH (FORMAT csv, HEADER);
id,name
4,"quoted ""name"""
5,
6,""
7,"two
lines"
\.
SELECT id, name, name IS NULL AS n FROM t WHERE id >= 4 ORDER BY id;
COPY t (id, name) FROM STDIN WITH (FORMAT csv, FORCE_NULL (name), NULL 'x');
8,"x"
9,x
\.
COPY t FROM STDIN;
10	short
\.
COPY t (id, name) FROM STDIN;
11	fine
1	duplicate
\.
COPY t (id, name) FROM STDIN;
oops	name
\.
COPY t (id, name) FROM STDIN;
12	a	b
\.
COPY t (nope) FROM STDIN;
COPY nothing TO STDOUT;
COPY t TO STDOUT (FORMAT nope);
COPY t TO STDOUT (DELIMITER 'ab');
SELECT count(*) FROM t;
BEGIN;
COPY t (id, name) FROM STDIN;
20	in a block
\.
SELECT count(*) FROM t;
ROLLBACK;
SELECT count(*) FROM t;
CREATE TABLE u (LIKE t);
\copy t TO 'copy.tmp' BINARY
\copy u FROM 'copy.tmp' BINARY
SELECT count(*) FROM u;
SELECT * FROM t EXCEPT SELECT * FROM u;
\copy (SELECT * FROM t ORDER BY id) TO 'copy.tmp' CSV HEADER
TRUNCATE u;
\copy u FROM 'copy.tmp' CSV HEADER
SELECT count(*) FROM u;
\copy u FROM '/nonexistent/file'
\copy t (id, name) FROM 'copy.tmp' BINARY
\! rm -f copy.tmp
COPY t (id) FROM STDIN; SELECT 1 AS behind;
30
\.
COPY t (id) FROM STDIN\; SELECT 2 AS same_message;
31
\.
COPY t TO '/tmp/never/allowed';
