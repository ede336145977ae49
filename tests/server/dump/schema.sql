-- What a dump must carry: every kind of object there is, and rows of every type.
CREATE SCHEMA clinic;
CREATE SCHEMA "Upper Case";
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'häppy');
CREATE TYPE clinic.aaa_first AS ENUM ('x', 'y');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 10) DEFAULT 'none';
CREATE DOMAIN aaa_of_mood AS mood NOT NULL;
CREATE TABLE types (
    id integer PRIMARY KEY, i2 smallint, i8 bigint, n numeric, n2 numeric(10,2), r real, d double precision, t text,
    v varchar(20), c char(5), b boolean, y bytea, dt date, tm time, ts timestamp, tz timestamptz, iv interval, u uuid,
    j json, jb jsonb, m mood, s short, ia integer[], ta text[], ma mood[]
);
INSERT INTO types VALUES
    (1, -32768, 9223372036854775807, 12345678901234567890.123456789, 1.50, 1.1, 0.1, E'tab\t, back\\slash, new\nline',
     'ü€😀', 'ab', true, '\x00ff5c', '2024-02-29', '12:34:56.789', '2024-02-29 23:59:59.999999', '2024-02-29 12:00:00+02',
     '1 year 2 mons 3 days 04:05:06.789', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"b": 1,  "a": [null]}', '{"b": 1, "a": [null]}',
     'häppy', 'short', '{{1,2},{3,NULL}}', '{"a b",NULL,"NULL","quo\"te"}', '{sad,"it''s ok"}'),
    (2, NULL, NULL, 'NaN', NULL, 'Infinity', '-Infinity', '', '', '', NULL, '', 'infinity', NULL, '-infinity', 'infinity',
     '-1 day', NULL, 'null', 'null', NULL, DEFAULT, '{}', '{}', '{}'),
    (3, 32767, -9223372036854775808, -0.00001, -99999999.99, '3.4e38', '1.7976931348623157e308', '\N', '\.', NULL, false, NULL, '0044-03-15 BC',
     '00:00:00', '0001-01-01 00:00:00 BC', '1970-01-01 00:00:00+00', '00:00:00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE clinic.patients (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, born date, kind clinic.aaa_first DEFAULT 'y',
    feeling aaa_of_mood DEFAULT 'sad', UNIQUE (name, born)
);
CREATE TABLE clinic.visits (
    id serial PRIMARY KEY, patient bigint NOT NULL REFERENCES clinic.patients ON DELETE CASCADE ON UPDATE CASCADE,
    code varchar(10) CHECK (code <> ''), cost numeric(8,2) NOT NULL DEFAULT 10.5, doubled numeric GENERATED ALWAYS AS (cost * 2) STORED,
    "Odd Name" text, CONSTRAINT dear CHECK (cost >= 0 OR code IS NULL)
);
INSERT INTO clinic.patients (name, born) VALUES ('Ada', '1815-12-10'), ('Grace', NULL), ('O''Hara', '1906-12-09');
INSERT INTO clinic.visits (patient, code, cost, "Odd Name") VALUES (1, 'a', 1, 'x'), (1, NULL, 2.25, NULL), (3, 'b', DEFAULT, 'y');
CREATE INDEX visits_patient ON clinic.visits (patient, code DESC NULLS LAST);
CREATE UNIQUE INDEX visits_code ON clinic.visits (lower(code)) INCLUDE (cost) WHERE code IS NOT NULL;
CREATE TABLE "Upper Case"."Table" ("select" int PRIMARY KEY, parent int REFERENCES "Upper Case"."Table" DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "Upper Case"."Table" VALUES (1, 2), (2, 1);
CREATE SEQUENCE counter START 5 INCREMENT 3 MAXVALUE 1000 CYCLE;
CREATE SEQUENCE untouched;
CREATE VIEW busy AS SELECT p.name, count(*) AS n, sum(v.cost) AS cost FROM clinic.patients p JOIN clinic.visits v ON v.patient = p.id GROUP BY p.name;
CREATE VIEW aaa_view AS SELECT name FROM busy WHERE n > 1;
CREATE TABLE counted (id int DEFAULT nextval('counter'), t text DEFAULT 'it''s');
INSERT INTO counted (t) VALUES ('a'), (DEFAULT);
COMMENT ON SCHEMA clinic IS 'where people are';
COMMENT ON TABLE clinic.patients IS 'people';
COMMENT ON COLUMN clinic.patients.name IS 'it''s theirs';
COMMENT ON VIEW busy IS 'who comes often';
COMMENT ON INDEX clinic.visits_code IS 'once';
CREATE VIEW named (who, "when") AS SELECT name, born FROM clinic.patients ORDER BY name;
CREATE VIEW listed (p, q) AS VALUES (1, 'a'), (2, 'b');
CREATE VIEW both_of (z) AS SELECT name FROM clinic.patients UNION SELECT code FROM clinic.visits ORDER BY name;
CREATE VIEW counted_names (u) AS SELECT lower(name) AS n, count(*) FROM clinic.patients GROUP BY n ORDER BY n;
CREATE VIEW renamed AS WITH w AS (SELECT id, name FROM clinic.patients) SELECT id, name FROM w;
ALTER VIEW renamed RENAME COLUMN name TO called;
CREATE VIEW dear_visits (visit, amount) AS SELECT id, cost FROM clinic.visits WHERE cost > 1 WITH CHECK OPTION;
CREATE VIEW local_visits AS SELECT id, cost FROM clinic.visits WHERE cost > 2 WITH LOCAL CHECK OPTION;
CREATE TABLE guarded (
    id int PRIMARY KEY, a bool DEFAULT (NOT true), b bool DEFAULT (true AND NOT false OR false), c bool DEFAULT (1 IN (1, 2)),
    d bool DEFAULT ('abc' LIKE 'a%'), e bool DEFAULT (1 BETWEEN 0 AND 2), f bool DEFAULT (NULL IS NULL),
    g bool DEFAULT ((1 = 1) IS NOT FALSE), h timestamp DEFAULT (timestamptz '2024-02-29 12:00:00+00' AT TIME ZONE 'UTC'),
    i int DEFAULT 1 + 2, j int DEFAULT nullif(1, 2), k bool GENERATED ALWAYS AS (id IS NOT NULL AND id > 1) STORED
);
CREATE INDEX guarded_even ON guarded ((id IS NULL)) WHERE id > 0 AND NOT a;
CREATE DOMAIN unsure AS bool DEFAULT (NOT false) CHECK (VALUE IS NULL OR VALUE);
INSERT INTO guarded (id) VALUES (1), (2);
